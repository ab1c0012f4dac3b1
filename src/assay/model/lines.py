"""Lines for metre tracking: stations, what passed them by which signal, and how items were made.

A line is described in a file of its own or under ``lines`` in ``model.yaml``, first station first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Signal(_Strict):
    """A speed or a metre counter among the readings."""

    signal: str
    equipment: str | None = None
    measures: Literal["speed", "position"] = "speed"
    slip: float = Field(default=0.0, ge=0, description="Standard deviation, m for each metre.")


class Pass(_Strict):
    """One item passing a station from ``begin`` to ``end``."""

    item: str
    begin: AwareDatetime
    end: AwareDatetime
    start: float = Field(default=0.0, description="Metres that had passed at the beginning.")


class DelaySignals(_Strict):
    """Pairs of signals whose delay is the transport delay."""

    upstream: tuple[str, ...] = Field(min_length=1)
    downstream: tuple[str, ...] = Field(min_length=1)
    step: float = Field(gt=0, description="Seconds between samples.")
    longest: float = Field(gt=0, description="Longest delay searched, s.")
    shortest: float = Field(default=0.0, ge=0, description="Shortest delay searched, s.")
    paired: bool = True
    within: float | None = Field(
        default=None, gt=0, description="Compare swings faster than this, s, instead of innovations."
    )


class RecordedSteps(_Strict):
    """The cuts and joins of a segment as its movements say them."""

    segment: str = Field(min_length=1)
    equipment: str | None = None
    begin: AwareDatetime | None = None
    end: AwareDatetime | None = None
    start_metre: str = Field(default="metre_from", description="Attribute with the first metre of a stretch.")
    end_metre: str = Field(default="metre_to", description="Attribute with the last metre of a stretch.")
    left: str = Field(default="metre_left", description="Attribute with the metres left of a strip.")


class Operation(_Strict):
    """How items were made from those of the stage before; lengths and positions in m, delays in s."""

    draw: dict[str, Any] | None = None
    cut: dict[str, Any] | None = None
    join: dict[str, Any] | None = None
    flip: dict[str, Any] | None = None
    trim: dict[str, Any] | None = None
    delay: float | DelaySignals | None = None
    recorded: RecordedSteps | None = None
    uncertainty: float = Field(default=0.0, ge=0, description="Standard deviation of a given delay, s.")

    @model_validator(mode="after")
    def _one(self) -> Operation:
        given = [
            name
            for name in ("draw", "cut", "join", "flip", "trim", "delay", "recorded")
            if getattr(self, name) is not None
        ]
        if len(given) != 1:
            raise ValueError(
                f"an operation is one of draw, cut, join, flip, trim, delay and recorded; given: {given}"
            )
        return self


class Station(_Strict):
    """One station of the line."""

    station: str
    by: Signal | None = None
    clock: float = Field(default=0.0, ge=0, description="Standard deviation of its clock, s.")
    passes: tuple[Pass, ...] = ()
    made_by: tuple[Operation, ...] = ()


class LineFile(_Strict):
    """The description of a line, first station first."""

    stations: tuple[Station, ...] = Field(min_length=1)


def settings_at(place: Sequence[int | str]) -> Iterable[str]:
    """What may stand at a place of a line, by its path below the line's name."""
    if len(place) < 3:
        return LineFile.model_fields
    made = DelaySignals if "delay" in place else RecordedSteps if "recorded" in place else Operation
    inner = {"by": Signal, "passes": Pass, "made_by": made}
    return inner.get(str(place[2]) if len(place) > 3 else "", Station).model_fields
