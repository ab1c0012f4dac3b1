"""What every control chart returns, and what its live form answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

import numpy as np

from assay.stats.arrays import Bools, Floats
from assay.stats.charts.errors import NotAlive
from assay.stats.result import Result

if TYPE_CHECKING:
    from assay.stats.plot.spec import Plot


class Limits(NamedTuple):
    """Control limits: floats when they are the same for every point, arrays of shape ``(m,)`` when not.

    A limit that doesn't exist is ``-inf``/``inf`` (None in JSON). Unpacks as ``lcl, ucl = chart.limits``.
    """

    lcl: float | Floats
    ucl: float | Floats


@dataclass(frozen=True)
class Stage:
    """A stretch of points with its own estimates: ``start`` ≤ index < ``stop`` (0-based)."""

    label: str
    start: int
    stop: int
    center: float
    sigma: float


@dataclass(frozen=True)
class Exclusion:
    """A point left out of the estimates, with the reason somebody gave."""

    index: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class ControlChart(Result):
    """A control chart: ``m`` plotted points with centre, limits and the run rules they complete.

    ``center``, ``limits`` and ``sigma`` are floats when they are the same for every point and arrays of
    shape ``(m,)`` when subgroup sizes vary or stages have their own.
    """

    kind: str
    """Which chart: ``xbar``, ``range``, ``individuals``, ``p``, ``ewma``, …"""
    statistics: Floats
    """The plotted values, ``(m,)``: phase I and phase II in their order."""
    center: float | Floats
    """Centre line."""
    sigma: float | Floats
    """The process standard deviation behind the limits: of one value, not of the plotted statistic.

    On p and np charts that of the proportion or number among a sample's items, on c and u charts that of the
    count in one unit."""
    limits: Limits
    """Control limits ``(lcl, ucl)``."""
    zone: float | Floats | None = None
    """A third of the way from the centre to a limit before it is clipped, which the rules go by (the standard
    error of the plotted value where limits are 3 wide); None where the two sides differ."""
    violations: dict[str, list[int]]
    """Per rule, the 0-based indices of the points that complete its pattern; empty where it never does."""
    rules: tuple[str, ...] = ()
    """The rules that were looked at."""
    sizes: Floats | None = None
    """Subgroup sizes or areas of opportunity, ``(m,)``; None where each point is one value."""
    labels: tuple[str, ...] | None = None
    """What the subgroups are called; None for 1, 2, 3, …"""
    phase1: Bools | None = None
    """Which points the estimates come from, ``(m,)``; None for all of them, or where limits were given."""
    stages: tuple[Stage, ...] = ()
    """Stretches with estimates of their own; empty when there is one."""
    excluded: tuple[Exclusion, ...] = ()
    """Points left out of the estimates; they are plotted, and rules still apply to them."""
    width: float = 3.0
    """Distance of the limits from the centre, in standard errors."""
    estimator: str = ""
    """How sigma was estimated: ``rbar``, ``sbar``, ``pooled``, ``mr``, ``given``, …"""
    constants: str = "exact"
    """``exact`` or ``tabled`` control chart constants."""
    formula: str = ""
    """Centre and limits as a formula with the constants' values."""
    title: str = ""
    """Key of the chart's name in the catalogue of ``assay.stats.charts``."""
    overdispersion: float | Floats | None = None
    """Laney's σz: how much wider the points scatter than counts alone would; None on other charts."""
    companions: tuple[ControlChart, ...] = ()
    """Charts of the same data that belong beside this one: R or S under X̄, MR under I."""
    _live: object = field(default=None, repr=False, compare=False)
    """What the live form needs besides the fields above."""

    @property
    def dispersion(self) -> ControlChart | None:
        """The first companion: the R, S or MR chart; None when there is none."""
        return self.companions[0] if self.companions else None

    @property
    def flagged(self) -> tuple[int, ...]:
        """Indices of the points flagged by any rule, in order."""
        return tuple(sorted({index for found in self.violations.values() for index in found}))

    @property
    def in_control(self) -> bool:
        """Whether neither this chart nor a companion has a flagged point."""
        return not any(self.violations.values()) and all(chart.in_control for chart in self.companions)

    def live(self) -> LiveChart:
        """The incremental form, going on after the last point with the last stage's limits.

        Raises
        ------
        NotAlive
        """
        if not isinstance(self._live, LiveForm):
            raise NotAlive(kind=self.kind)
        return self._live.start(self)

    def plot(self) -> Plot:
        """Points, centre, limits, zones, stages and flags; a panel for this chart and for each companion."""
        from assay.stats.charts.picture import picture

        return picture(self)


def at(value: float | Floats, index: int) -> float:
    """The value of a constant or varying line at a point."""
    return float(value[index]) if isinstance(value, np.ndarray) else float(value)


@dataclass(frozen=True)
class LivePoint:
    """What a live chart says of one new point; equal to what the batch chart holds at the same index."""

    index: int
    """0-based, counted on from the chart the live form came from."""
    statistic: float
    center: float
    lcl: float
    ucl: float
    violations: tuple[str, ...]
    """The rules this point completes."""
    companions: tuple[LivePoint, ...] = ()


@runtime_checkable
class LiveForm(Protocol):
    """What makes a chart's incremental form; a chart carries it from where it was computed."""

    def start(self, chart: ControlChart, /) -> LiveChart:
        """The live chart that goes on after ``chart``'s last point."""


@runtime_checkable
class LiveChart(Protocol):
    """The incremental form: bounded state, the same numbers as the batch chart."""

    def add(self, observation: object, /) -> LivePoint:
        """Take one more subgroup, value or count (with its size) and answer for the new point."""
