"""What the columns of mounted tables were when they were last accepted, and who accepted what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from assay.model.sources import MountedTable
from assay.model.text import Text
from assay.query.federation.schema import declaration
from assay.store.registry import Registry

_SEEN = "federation.seen"
_ACCEPTED = "federation.accepted"
_MOST = 1_000

Columns = Mapping[str, list[str]]
"""Family and type by column at the source."""


@dataclass(frozen=True)
class ColumnDrift:
    """A column whose type changed.

    Attributes
    ----------
    was, now
        The types, as the source says them; None for a column that was not mapped before, or no longer is.
    """

    column: str
    was: str | None
    now: str | None


@dataclass(frozen=True)
class TableDrift:
    """A mounted table beside what it was.

    Attributes
    ----------
    known
        Whether its columns were seen before.
    columns
        The mapped columns that changed; none where everything is as it was.
    failure
        Why it can't be asked at all; None where it can.
    """

    source: str
    table: str
    known: bool = True
    columns: tuple[ColumnDrift, ...] = ()
    failure: Text | None = None


@dataclass(frozen=True)
class Acceptance:
    """A change of a mounted table that was accepted."""

    time: str
    source: str
    table: str
    columns: tuple[ColumnDrift, ...]


def compared(was: Columns | None, now: Columns) -> tuple[ColumnDrift, ...]:
    """The columns whose type changed; nothing where nothing was seen before."""
    if was is None:
        return ()
    changed = (name for name in dict.fromkeys([*was, *now]) if was.get(name) != now.get(name))
    return tuple(ColumnDrift(name, _type(was, name), _type(now, name)) for name in changed)


def _type(columns: Columns, name: str) -> str | None:
    return columns[name][1] if name in columns else None


class Seen:
    """The memory of a plant's registry."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def columns(self, source: str, table: MountedTable) -> Columns | None:
        """The columns as they were; None where another declaration, or none, was seen."""
        seen = self._registry.setting(f"{_SEEN}.{source}.{table.name}")
        if not isinstance(seen, dict) or seen.get("declaration") != declaration(table):
            return None
        columns: Columns | None = seen.get("columns")
        return columns

    def remember(self, source: str, table: MountedTable, columns: Columns) -> None:
        """Keep the columns as they are."""
        kept = {"declaration": declaration(table), "columns": dict(columns)}
        self._registry.set_setting(f"{_SEEN}.{source}.{table.name}", kept)

    def accept(self, source: str, table: MountedTable, columns: Columns) -> tuple[ColumnDrift, ...]:
        """Keep the columns as they are and write down what changed; returns that."""
        changed = compared(self.columns(source, table), columns)
        if changed:
            moment = datetime.now(UTC).isoformat(timespec="seconds")
            entry = asdict(Acceptance(moment, source, table.name, changed))
            self._registry.set_setting(_ACCEPTED, [*self._entries(), entry][-_MOST:])
        self.remember(source, table, columns)
        return changed

    def accepted(self) -> tuple[Acceptance, ...]:
        """The changes that were accepted, the latest first."""
        return tuple(
            Acceptance(
                entry["time"],
                entry["source"],
                entry["table"],
                tuple(ColumnDrift(**column) for column in entry["columns"]),
            )
            for entry in reversed(self._entries())
        )

    def _entries(self) -> list[dict[str, Any]]:
        found = self._registry.setting(_ACCEPTED)
        return found if isinstance(found, list) else []
