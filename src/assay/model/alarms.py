"""What a plant watches while records arrive: control charts and monitors with limits that stand still.

Named rules under ``alarms`` in ``model.yaml``. Limits come from a stretch of normal operation that is named
once; what lies outside them afterwards is an alarm.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

AlarmName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
"""Letters, digits, ``_`` and ``-``."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int) else value


class WatchedChart(_Strict):
    """A control chart whose flagged points behind phase I are alarms."""

    target: str = Field(description="A measured characteristic, or a condition whose share is charted.")
    phase1: tuple[int, int] = Field(description="Points of normal operation, from 0: first, after last.")
    kind: str | None = Field(default=None, description="xbar_r, xbar_s, imr, p …; chosen when left out.")
    subgroup: Annotated[str | None, BeforeValidator(_as_text)] = Field(
        default=None, description="A number of results, hour, day, week, month, or a recorded column."
    )
    where: str | None = Field(default=None, description="Condition the subjects must fulfil.")
    scope: str | None = Field(default=None, description="Process segment to stay in.")
    rules: str | list[str] | None = Field(default=None, description="A set of run rules, or their names.")
    width: float = Field(default=3.0, gt=0, description="Distance of the limits in standard errors.")


class WatchedMonitor(_Strict):
    """A multivariate monitor whose subjects outside the limits behind phase I are alarms."""

    characteristics: list[str] = Field(min_length=2, description="Measured characteristics.")
    phase1: tuple[int, int] = Field(description="Rows of normal operation, from 0: first, after last.")
    method: Literal["pca", "dpca", "cva"] = Field(default="pca", description="The kind of model.")
    where: str | None = Field(default=None, description="Condition the subjects must fulfil.")
    scope: str | None = Field(default=None, description="Process segment to stay in.")
    alpha: float | None = Field(default=None, gt=0, lt=1, description="Nominal false-alarm rate per subject.")
    lags: int | None = Field(default=None, ge=1, description="Rows before the current one (dpca, cva).")


class AlarmRule(_Strict):
    """One rule: a chart or a monitor."""

    chart: WatchedChart | None = None
    monitor: WatchedMonitor | None = None

    @model_validator(mode="after")
    def _one(self) -> AlarmRule:
        if (self.chart is None) is (self.monitor is None):
            raise ValueError("a rule is either a chart or a monitor")
        return self


def settings_at(place: Sequence[int | str]) -> Iterable[str]:
    """What may stand at a place below the name of a rule."""
    if len(place) < 2:
        return AlarmRule.model_fields
    return (WatchedChart if place[0] == "chart" else WatchedMonitor).model_fields
