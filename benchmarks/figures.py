"""A measured figure beside its peer and its target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
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


def memory(name: str, peaks: Sequence[float], most: float) -> Figure:
    """The peak memory of several rounds, in GiB, against the most allowed."""
    return Figure(
        name=name,
        value=max(peaks),
        unit="GiB",
        peer=None,
        ratio=None,
        spread=f"{min(peaks):.2f} to {max(peaks):.2f}",
        target=f"at most {most:g} GiB",
        met=max(peaks) <= most,
    )


def peak_gib() -> float:
    """Peak memory of this process; ``ru_maxrss`` would count what the parent held when it started us."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) / 2**20
