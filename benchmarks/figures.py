"""A measured figure beside its peer and its target."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One line of ``assay bench``."""

    name: str
    value: float
    unit: str
    peer: str | None
    """The peer and its own value, in words."""
    ratio: float | None
    """Against the peer; the median over the rounds."""
    spread: str | None
    """Lowest and highest over the rounds."""
    target: str | None
    met: bool | None
    """None when there is no target."""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)
