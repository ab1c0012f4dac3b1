"""Charts that average over time: EWMA and moving average.

Sources: Roberts 1959, Technometrics 1, 239-250; Lucas & Saccucci 1990, Technometrics 32, 1-12; Montgomery,
*Introduction to Statistical Quality Control*, 8th ed. 2020, sections 9.2 and 9.3; ISO 7870-6:2016. EWMA
limits agree with R's qcc 3.0.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, islice
from typing import Literal, Unpack

import numpy as np
from numpy.typing import ArrayLike

from assay.stats.arrays import Floats, between, numbers, one_of
from assay.stats.charts.assemble import Constant, RuleSet, assemble, joined, symmetric
from assay.stats.charts.chart import ControlChart, LivePoint
from assay.stats.charts.errors import CATALOGUE
from assay.stats.charts.extended import extended
from assay.stats.charts.kind import kind
from assay.stats.charts.phases import Phases
from assay.stats.charts.picture import picture
from assay.stats.charts.series import OWN, Judge, Sequential, Series, last_stage, observed, point, series
from assay.stats.errors import NotACount, OutOfRange
from assay.stats.plot.spec import Plot, Points

EwmaLimits = Literal["exact", "asymptotic", "own_size"]
EWMA_LIMITS: tuple[EwmaLimits, ...] = ("exact", "asymptotic", "own_size")


@dataclass(frozen=True, kw_only=True)
class WeightedChart(ControlChart):
    """A chart whose points are averages over time."""

    observed: Floats
    """The values or subgroup means that were averaged, ``(m,)``."""

    def plot(self) -> Plot:
        """The averages with their limits, and what was averaged in the background."""
        drawn = picture(self)
        first, *others = drawn.panels
        behind = Points(
            name=CATALOGUE.text("weighted.observed"),
            x=np.arange(1.0, self.observed.size + 1),
            y=self.observed,
            role="muted",
        )
        return replace(drawn, panels=(replace(first, layers=(behind, *first.layers)), *others))


@dataclass(frozen=True, kw_only=True)
class EwmaChart(WeightedChart):
    """An EWMA chart; ``statistics`` are the exponentially weighted moving averages."""

    lam: float
    """Weight λ of the latest value, 0 < λ ≤ 1."""
    start: float | Floats
    """What the average starts from, at the beginning of each stage."""


@dataclass(frozen=True, kw_only=True)
class MovingAverageChart(WeightedChart):
    """A moving-average chart; ``statistics`` are the averages of the last ``span`` values."""

    span: int


def ewma(
    values: ArrayLike,
    subgroup: ArrayLike | int | None = None,
    *,
    lam: float = 0.2,
    L: float | None = None,  # noqa: N803 - what the field calls the distance of EWMA limits
    limits: EwmaLimits = "exact",
    start: float | None = None,
    **options: Unpack[Sequential],
) -> EwmaChart:
    """EWMA chart of single values or of means of subgroups.

    Parameters
    ----------
    values
        ``(N,)`` values, or ``(m, n)`` with a subgroup in each row.
    subgroup
        For ``(N,)`` values: None for single values, the size of consecutive subgroups, or a label per value.
    lam
        Weight λ of the latest value or mean, 0 < λ ≤ 1.
    L
        Distance of the limits from the centre in standard errors; the same as ``width``.
    limits
        ``"exact"`` widen from the first point on, by the variance that the average has there at the actual
        subgroup sizes; ``"asymptotic"`` are those of a long series; ``"own_size"`` widen likewise, but take
        the present point's size for all before it (R's qcc). The first and the last are the same where sizes
        are equal.
    start
        Start of the average; None for the centre line.
    options
        See :class:`~assay.stats.charts.series.Sequential` and
        :class:`~assay.stats.charts.options.Common`. ``rules`` is ``"nelson1"`` by default: successive
        averages depend on each other, so rules on runs have no meaning here.

    Raises
    ------
    NotFinite, NotNumeric, WrongShape, TooFewPoints, UnequalSubgroups, SingletonSubgroups, SplitSubgroup,
    ConstantData, NoSpreadWithin, UnknownOption, OutOfRange, NoSuchPoint, NoPhase1

    Notes
    -----
    z(i) = λ·x(i) + (1 − λ)·z(i−1), starting from ``start``. Var z(i) = λ²σ²/n(i) + (1 − λ)²·Var z(i−1), which
    is σ²/n·λ/(2 − λ)·(1 − (1 − λ)^2i) for equal n. Excluded points stay in the average. Each stage starts
    anew.
    """
    weight = between(lam, "lam", 1e-6, 1.0)
    how = one_of(limits, EWMA_LIMITS, "limits")
    if L is not None:
        options["width"] = L
    found = series(values, subgroup, options, "ewma")
    phases = found.phases()
    centers, spreads = found.centers(phases), found.spreads(phases)
    begin = None if start is None else float(numbers(start, "start"))
    sizes = found.each_size()
    averages = np.empty(found.values.size)
    estimates: list[Constant] = []
    starts: list[float] = []
    factors = [0.0]
    for stretch, center, sigma in zip(phases.stretches, centers, spreads, strict=True):
        starts.append(center if begin is None else begin)
        averages[stretch.points] = smoothed(found.values[stretch.points], weight, starts[-1])
        factors = variance_factors(sizes[stretch.points], weight, how)
        error = sigma * np.sqrt(np.array(factors))
        if how == "asymptotic" and found.groups is None:
            estimates.append(Constant(symmetric(center, float(error[0]), found.options.width), sigma))
        else:
            lines = symmetric(np.full(error.size, center), error, found.options.width)
            estimates.append(Constant(replace(lines, center=center), sigma))
    rules = found.rules()
    length = phases.count - phases.stretches[-1].start
    form = EwmaForm(weight, how, factors[-1], length, estimates[-1], found.options.width, rules, found.single)
    chart = put_together(
        "ewma",
        found,
        phases,
        averages,
        estimates,
        rules=rules,
        formula=_formula(found, weight, how),
        live=form,
    )
    return extended(EwmaChart, chart, observed=found.values, lam=weight, start=joined(starts, phases))


def moving_average(
    values: ArrayLike,
    subgroup: ArrayLike | int | None = None,
    *,
    span: int = 3,
    **options: Unpack[Sequential],
) -> MovingAverageChart:
    """Moving-average chart of single values or of means of subgroups.

    Parameters
    ----------
    values, subgroup
        As in :func:`ewma`.
    span
        How many successive values or means are averaged. The first ``span − 1`` points of a stage average
        what there is, with wider limits.
    options
        As in :func:`ewma`.

    Raises
    ------
    As :func:`ewma`.

    Notes
    -----
    M(i) is the plain mean of the last w values or means; its variance is σ²/w² · Σ 1/n. Montgomery 2020,
    sec. 9.3.
    """
    if span != int(span):
        raise NotACount(name="span", index=0, value=span)
    if span < 1:
        raise OutOfRange(name="span", value=span, low=1, high=math.inf)
    found = series(values, subgroup, options, "moving_average")
    phases = found.phases()
    sizes = 1.0 / np.array(found.each_size())
    averages = np.empty(found.values.size)
    estimates: list[Constant] = []
    for stretch, center, sigma in zip(
        phases.stretches, found.centers(phases), found.spreads(phases), strict=True
    ):
        averages[stretch.points], used = windows(found.values[stretch.points], int(span))
        shares, _ = windows(sizes[stretch.points], int(span))
        error = sigma * np.sqrt(shares / used)
        lines = symmetric(np.full(error.size, center), error, found.options.width)
        estimates.append(Constant(replace(lines, center=center), sigma))
    rules = found.rules()
    last = phases.stretches[-1].points
    recent = tuple(zip(found.values[last][-span:].tolist(), sizes[last][-span:].tolist(), strict=True))
    form = AverageForm(int(span), recent, estimates[-1], found.options.width, rules, found.single)
    of = "σ" if found.groups is None else "σ/√n"
    formula = f"x̄ ± {found.options.width:.6g}·{of}/√w; w = {span}; σ: {found.named_estimator}"
    chart = put_together(
        "moving_average", found, phases, averages, estimates, rules=rules, formula=formula, live=form
    )
    return extended(MovingAverageChart, chart, observed=found.values, span=int(span))


# -- arithmetic ----------------------------------------------------------------------------------------------


def smoothed(values: Floats, lam: float, start: float) -> list[float]:
    """The exponentially weighted moving averages of ``values`` ``(m,)``."""
    stay = 1.0 - lam
    return list(islice(accumulate(values.tolist(), lambda z, x: lam * x + stay * z, initial=start), 1, None))


def variance_factors(sizes: Sequence[float], lam: float, how: EwmaLimits) -> list[float]:
    """Variance of each average over that of a single value."""
    found: list[float] = []
    factor, alike = 0.0, how != "own_size" and len(set(sizes)) == 1
    for index, size in enumerate(sizes, 1):
        before, factor = factor, next_factor(factor, size, index, lam, how)
        found.append(factor)
        if alike and factor == before:
            # The recursion has come to rest, and stays there.
            return found + [factor] * (len(sizes) - index)
    return found


def next_factor(before: float, size: float, index: int, lam: float, how: EwmaLimits) -> float:
    """Variance of the average after ``index`` values, over that of one; the last is of ``size``."""
    stay = 1.0 - lam
    if how == "exact":
        return lam * lam / size + stay * stay * before
    grown = 1.0 if how == "asymptotic" else 1.0 - stay ** (2 * index)
    return lam / (2.0 - lam) * grown / size


def windows(values: Floats, span: int) -> tuple[Floats, Floats]:
    """Mean of the last ``span`` values at each point, added up from the oldest, and how many there were."""
    count = values.size
    used = np.minimum(np.arange(1.0, count + 1), span)
    total = np.zeros(count)
    for age in range(min(span, count) - 1, -1, -1):
        total[age:] += values[: count - age]
    return total / used, used


# -- live ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class EwmaForm:
    """What the live EWMA chart goes on from."""

    lam: float
    how: EwmaLimits
    factor: float
    length: int
    last: Constant
    width: float
    rules: RuleSet
    single: bool

    def start(self, chart: ControlChart) -> LiveEwma:
        """Go on after ``chart``'s last point."""
        return LiveEwma(self, chart)


class LiveEwma:
    """An EWMA chart that takes one value or subgroup at a time."""

    def __init__(self, form: EwmaForm, chart: ControlChart) -> None:
        self._form = form
        self._judge = Judge(chart.statistics[last_stage(chart)], form.last.fixed, form.rules)
        self._center = float(form.last.fixed.center)
        self._average = float(chart.statistics[-1])
        self._factor, self._length, self._index = form.factor, form.length, chart.statistics.size

    def add(self, observation: object, /) -> LivePoint:
        """Take one more value or subgroup.

        Raises
        ------
        NotFinite, NotNumeric, WrongShape, TooFewPoints
        """
        form = self._form
        value, size = observed(observation, single=form.single)
        self._length += 1
        self._average = form.lam * value + (1.0 - form.lam) * self._average
        self._factor = next_factor(self._factor, size, self._length, form.lam, form.how)
        lines = symmetric(self._center, form.last.sigma * math.sqrt(self._factor), form.width)
        found = point(self._index, self._average, lines, self._judge.flags(self._average, lines))
        self._index += 1
        return found


@dataclass(frozen=True)
class AverageForm:
    """What the live moving-average chart goes on from."""

    span: int
    recent: tuple[tuple[float, float], ...]
    last: Constant
    width: float
    rules: RuleSet
    single: bool

    def start(self, chart: ControlChart) -> LiveAverage:
        """Go on after ``chart``'s last point."""
        return LiveAverage(self, chart)


class LiveAverage:
    """A moving-average chart that takes one value or subgroup at a time."""

    def __init__(self, form: AverageForm, chart: ControlChart) -> None:
        self._form = form
        self._judge = Judge(chart.statistics[last_stage(chart)], form.last.fixed, form.rules)
        self._center = float(form.last.fixed.center)
        self._recent = deque(form.recent, form.span)
        self._index = chart.statistics.size

    def add(self, observation: object, /) -> LivePoint:
        """Take one more value or subgroup.

        Raises
        ------
        NotFinite, NotNumeric, WrongShape, TooFewPoints
        """
        form = self._form
        value, size = observed(observation, single=form.single)
        self._recent.append((value, 1.0 / size))
        count = len(self._recent)
        total = share = 0.0
        for old, portion in self._recent:
            total += old
            share += portion
        average = total / count
        lines = symmetric(self._center, form.last.sigma * math.sqrt(share / count / count), form.width)
        found = point(self._index, average, lines, self._judge.flags(average, lines))
        self._index += 1
        return found


# -- putting together ----------------------------------------------------------------------------------------


def put_together(
    name: str,
    found: Series,
    phases: Phases,
    averages: Floats,
    estimates: list[Constant],
    *,
    rules: RuleSet,
    formula: str,
    live: object,
) -> ControlChart:
    """A chart whose lines are worked out point by point."""
    return assemble(
        name,
        averages,
        estimates,
        phases,
        found.options,
        rules=rules,
        sizes=found.sizes,
        labels=found.labels,
        estimator=found.named_estimator,
        formula=formula,
        live=live,
    )


def _formula(found: Series, lam: float, how: EwmaLimits) -> str:
    of = "σ" if found.groups is None else "σ/√n"
    grown = "" if how == "asymptotic" else "·(1 − (1 − λ)^2i)"
    return (
        f"x̄ ± {found.options.width:.6g}·{of}·√(λ/(2 − λ){grown}); λ = {lam:.6g}; σ: {found.named_estimator}"
    )


KINDS = (
    kind("ewma", ewma, "series", "lam", "L", "limits", "start", *OWN),
    kind("moving_average", moving_average, "series", "span", *OWN),
)
"""The kinds of chart in this module."""
