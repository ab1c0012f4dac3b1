"""What became of a load, row by row accounted for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class LoadReport:
    """Source rows: ``rows = accepted + duplicates + quarantined``, always."""

    rows: int
    accepted: int
    duplicates: int
    quarantined: int
    reasons: dict[str, int] = field(default_factory=dict)
    """Quarantined rows by reason code, most first."""
    unmapped: tuple[str, ...] = ()
    """Columns of the source the mapping does not name."""
    source: str = ""
    epoch: str = ""
    """With ``source`` the key of the load; records and quarantine rows carry it."""
    layout: dict[str, Any] = field(default_factory=dict)
    """How the source was read: format, columns, and what is needed to read one of its rows again."""

    def __post_init__(self) -> None:
        if self.rows != self.accepted + self.duplicates + self.quarantined:
            raise AssertionError(
                f"{self.rows} rows, but {self.accepted} + {self.duplicates} + {self.quarantined} told"
            )

    def to_dict(self) -> dict[str, Any]:
        """The report as ``assay load --json`` prints it."""
        return {
            "rows": self.rows,
            "accepted": self.accepted,
            "duplicates": self.duplicates,
            "quarantined": self.quarantined,
            "reasons": dict(self.reasons),
            "unmapped": list(self.unmapped),
        }

    def to_stored(self) -> dict[str, Any]:
        """Everything, as the registry keeps it."""
        return self.to_dict() | {"source": self.source, "epoch": self.epoch, "layout": self.layout}

    @classmethod
    def from_stored(cls, stored: Mapping[str, Any]) -> LoadReport:
        """The report the registry kept."""
        return cls(**{**stored, "unmapped": tuple(stored.get("unmapped", ()))})

    def seen_again(self) -> LoadReport:
        """The report of the same load run once more: every row that was taken is a duplicate now."""
        return LoadReport(
            rows=self.rows,
            accepted=0,
            duplicates=self.accepted + self.duplicates,
            quarantined=self.quarantined,
            reasons=self.reasons,
            unmapped=self.unmapped,
            source=self.source,
            epoch=self.epoch,
            layout=self.layout,
        )
