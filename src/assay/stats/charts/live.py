"""The incremental form of a Shewhart chart: the last stage's limits, and a tracker of runs per line."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from assay.stats import rules as run_rules
from assay.stats.arrays import numbers
from assay.stats.charts.assemble import Estimate, Lines, RuleSet, on_limits, zones
from assay.stats.charts.chart import ControlChart, LiveChart, LivePoint
from assay.stats.errors import (
    CountAboveSize,
    NegativeCount,
    NotACount,
    NotFinite,
    NotPositive,
    OutOfRange,
    SingletonSubgroups,
    WrongShape,
)

Plotted = tuple[float, float | None]
"""A plotted value and the size of its sample."""
Taking = Callable[[object], tuple[Plotted, ...]]


class Observer(Protocol):
    """Turns one observation into the values to plot: the chart's own, then its companions'."""

    def begin(self, chart: ControlChart, /) -> Taking:
        """A function of one observation that goes on after ``chart``'s last point."""


@dataclass(frozen=True)
class Form:
    """The live form of a chart with its companions: an estimate and rules for each, in order."""

    observer: Observer
    estimates: tuple[Estimate, ...]
    rules: tuple[RuleSet, ...]

    def start(self, chart: ControlChart) -> LiveChart:
        """Go on after ``chart``'s last point."""
        drawn = (chart, *chart.companions)
        tracks = [Track(*line) for line in zip(drawn, self.estimates, self.rules, strict=True)]
        return LiveShewhart(self.observer.begin(chart), tracks, chart.statistics.size)


class Track:
    """One plotted line: the rules' memory, primed with the last points of a batch chart."""

    def __init__(self, chart: ControlChart, estimate: Estimate, rules: RuleSet) -> None:
        self._lines_of = estimate.lines
        self._fixed = estimate.lines(None) if chart.sizes is None else None
        self._known: tuple[float | None, Lines] | None = None
        self._names = tuple(rule.name for rule in rules)
        self._limits = frozenset(rule.name for rule in rules if on_limits(rule))
        self._tracker = None if len(self._limits) == len(rules) else run_rules.Tracker(rules)
        if self._tracker is not None:
            for value, size in last_points(chart, self._tracker.span + 1):
                self.flags(value, self.lines(size))

    def lines(self, size: float | None) -> Lines:
        """The lines at this size; the last size's are kept, because most charts have one size."""
        if self._fixed is not None:
            return self._fixed
        if self._known is None or self._known[0] != size:
            self._known = (size, self._lines_of(size))
        return self._known[1]

    def flags(self, value: float, lines: Lines) -> tuple[str, ...]:
        """The rules that this point completes."""
        if self._tracker is not None and lines.zone is not None:
            return self._tracker.add(value, lines.center, lines.zone)  # type: ignore[arg-type]
        beyond = value > lines.ucl or value < lines.lcl
        if self._tracker is None:
            return self._names if beyond else ()
        upper, lower = zones(lines)
        found = self._tracker.add(value, lines.center, upper, lower)  # type: ignore[arg-type]
        return tuple(name for name in self._names if (beyond if name in self._limits else name in found))

    def point(self, index: int, plotted: Plotted, companions: tuple[LivePoint, ...]) -> LivePoint:
        """The answer for one plotted value."""
        value, size = plotted
        lines = self.lines(size)
        flags = self.flags(value, lines)
        return LivePoint(index, value, lines.center, lines.lcl, lines.ucl, flags, companions)  # type: ignore[arg-type]


def last_points(chart: ControlChart, memory: int) -> Iterator[tuple[float, float | None]]:
    """The last values, and their sizes, that a run into the next point may hold: those of the last stage."""
    begin = chart.stages[-1].start if chart.stages else 0
    for index in range(max(begin, chart.statistics.size - memory), chart.statistics.size):
        yield float(chart.statistics[index]), None if chart.sizes is None else float(chart.sizes[index])


class LiveShewhart:
    """A chart that takes one observation at a time; see :meth:`ControlChart.live`."""

    def __init__(self, take: Taking, tracks: list[Track], index: int) -> None:
        self._take = take
        self._main, *self._companions = tracks
        self._index = index

    def add(self, observation: object, /) -> LivePoint:
        """Take one more observation: a subgroup, a value, a count, or ``(count, size)``.

        Raises
        ------
        NotFinite, NotNumeric, WrongShape, SingletonSubgroups, NegativeCount, NotACount, CountAboveSize,
        NotPositive, OutOfRange
        """
        plotted = self._take(observation)
        index = self._index
        beside = tuple(
            track.point(index, value, ()) for track, value in zip(self._companions, plotted[1:], strict=True)
        )
        found = self._main.point(index, plotted[0], beside)
        self._index = index + 1
        return found


# -- what is observed ----------------------------------------------------------------------------------------


def number(observation: object, name: str = "value") -> float:
    """One finite number.

    Raises
    ------
    NotNumeric, NotFinite, WrongShape
    """
    found = observation if type(observation) is float else _scalar(observation, name)
    if not math.isfinite(found):
        raise NotFinite(name=name, count=1, index=0, value=found)
    return found


def _scalar(observation: object, name: str) -> float:
    found = numbers(observation, name)  # type: ignore[arg-type]
    if found.ndim:
        raise WrongShape(name=name, shape=found.shape, wanted="()")
    return float(found)


def count(observation: object) -> float:
    """One count: a whole number that is not negative.

    Raises
    ------
    NotNumeric, NotFinite, WrongShape, NegativeCount, NotACount
    """
    found = number(observation, "count")
    if found < 0:
        raise NegativeCount(name="count", index=0, value=found)
    if found != math.floor(found):
        raise NotACount(name="count", index=0, value=found)
    return found


def row(observation: object) -> list[float]:
    """A subgroup of two or more finite values.

    Raises
    ------
    NotNumeric, NotFinite, WrongShape, SingletonSubgroups
    """
    found = numbers(observation, "subgroup")  # type: ignore[arg-type]
    if found.ndim != 1:
        raise WrongShape(name="subgroup", shape=found.shape, wanted="(n,)")
    if found.size < 2:
        raise SingletonSubgroups(what="subgroup", index=0)
    listed: list[float] = found.tolist()
    return listed


# The statistics of one subgroup repeat, operation by operation, what assay.stats.subgroups does on columns.


def mean(values: list[float]) -> float:
    """Mean, added up from left to right."""
    total = values[0]
    for value in values[1:]:
        total += value
    return total / len(values)


def spread(values: list[float]) -> float:
    """Range."""
    return max(values) - min(values)


def deviation(values: list[float]) -> float:
    """Sample standard deviation, from the deviations from the first value."""
    first = values[0]
    shifted = [value - first for value in values[1:]]
    total = 0.0
    for apart in shifted:
        total += apart
    center = total / len(values)
    squares = center * center
    for apart in shifted:
        squares += (apart - center) * (apart - center)
    return math.sqrt(squares / (len(values) - 1.0))


def median(values: list[float]) -> float:
    """Median; of an even number the middle of the two in the middle."""
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else 0.5 * (ordered[half - 1] + ordered[half])


STATISTICS: dict[str, Callable[[list[float]], float]] = {
    "means": mean,
    "ranges": spread,
    "deviations": deviation,
    "medians": median,
}
"""Statistics of one subgroup, named as those of :class:`assay.stats.subgroups.Subgroups`."""


@dataclass(frozen=True)
class OneSubgroup:
    """A subgroup; one statistic per line."""

    statistics: tuple[str, ...]

    def begin(self, chart: ControlChart) -> Taking:
        """Subgroups know nothing of each other."""
        known = [STATISTICS[name] for name in self.statistics]

        def take(observation: object) -> tuple[Plotted, ...]:
            values = row(observation)
            size = float(len(values))
            return tuple((one(values), size) for one in known)

        return take


class MovingRange:
    """The range of the last ``span`` values, with those of a chart to begin with."""

    def __init__(self, chart: ControlChart, span: int) -> None:
        begin = chart.stages[-1].start if chart.stages else 0
        self._last = deque(chart.statistics[max(begin, chart.statistics.size - span + 1) :].tolist(), span)
        self._span = span

    def of(self, value: float) -> float:
        """The moving range that ends with ``value``; NaN while there are too few values."""
        self._last.append(value)
        return max(self._last) - min(self._last) if len(self._last) == self._span else math.nan


@dataclass(frozen=True)
class OneValue:
    """A single value with its moving range of ``span``."""

    span: int

    def begin(self, chart: ControlChart) -> Taking:
        """Goes on from the last values of ``chart``."""
        ranges = MovingRange(chart, self.span)

        def take(observation: object) -> tuple[Plotted, ...]:
            value = number(observation)
            return (value, None), (ranges.of(value), None)

        return take


@dataclass(frozen=True)
class SubgroupMean:
    """A subgroup: its mean, the moving range of the means, and its own range or standard deviation."""

    statistic: str
    span: int

    def begin(self, chart: ControlChart) -> Taking:
        """Goes on from the last means of ``chart``."""
        ranges = MovingRange(chart, self.span)
        own = STATISTICS[self.statistic]

        def take(observation: object) -> tuple[Plotted, ...]:
            values = row(observation)
            size = float(len(values))
            center = mean(values)
            return (center, None), (ranges.of(center), None), (own(values), size)

        return take


@dataclass(frozen=True)
class OneCount:
    """``(count, size)``, or a count where all samples have the size of the chart's last one."""

    share: bool
    """Whether the count over its size is plotted, or the count itself."""
    items: bool
    """Whether the size counts items, which the count can't exceed; else it is an area of opportunity."""

    def begin(self, chart: ControlChart) -> Taking:
        """Samples know nothing of each other."""
        usual = float(chart.sizes[-1]) if isinstance(chart.sizes, np.ndarray) else None

        def take(observation: object) -> tuple[Plotted, ...]:
            found, size = _pair(observation, usual)
            if self.items and size is not None and found > size:
                raise CountAboveSize(index=0, value=found, size=size)
            return ((found / size if self.share and size is not None else found, size),)

        return take


def _pair(observation: object, usual: float | None) -> tuple[float, float | None]:
    if isinstance(observation, (tuple, list, np.ndarray)) and np.ndim(observation) == 1:
        if len(observation) != 2 or usual is None:
            raise WrongShape(
                name="count", shape=np.shape(observation), wanted="()" if usual is None else "(2,)"
            )
        size = number(observation[1], "size")
        if size <= 0:
            raise NotPositive(name="size", value=size)
        return count(observation[0]), size
    return count(observation), usual


@dataclass(frozen=True)
class OneEvent:
    """What lies between two rare events: a number of cases, or a time."""

    whole: bool
    """Whether only whole numbers are right."""
    zero: bool
    """Whether events may fall together."""

    def begin(self, chart: ControlChart) -> Taking:
        """Events know nothing of each other."""

        def take(observation: object) -> tuple[Plotted, ...]:
            return ((between_events(observation, whole=self.whole, zero=self.zero), None),)

        return take


@dataclass(frozen=True)
class TransformedValue:
    """A time between events as its ``power``, with the moving range of ``span`` of these."""

    span: int
    power: float

    def begin(self, chart: ControlChart) -> Taking:
        """Goes on from the last values of ``chart``."""
        ranges = MovingRange(chart, self.span)

        def take(observation: object) -> tuple[Plotted, ...]:
            time = between_events(observation, whole=False, zero=True)
            # An array of one, so that the power is computed as in the batch chart to the last digit.
            value = float((np.array([time]) ** self.power)[0])
            return (value, None), (ranges.of(value), None)

        return take


def between_events(observation: object, *, whole: bool, zero: bool) -> float:
    """One count or time between two events.

    Raises
    ------
    NotNumeric, NotFinite, WrongShape, NegativeCount, NotACount, OutOfRange, NotPositive
    """
    if whole:
        return count(observation)
    found = number(observation)
    if found < 0:
        raise OutOfRange(name="value", value=found, low=0, high=math.inf)
    if found == 0 and not zero:
        raise NotPositive(name="value", value=found)
    return found
