"""The tabular CUSUM chart, one- or two-sided, with fast initial response.

Sources: Page 1954, Biometrika 41, 100-115; Lucas & Crosier 1982, Technometrics 24, 199-205 (fast initial
response); Montgomery, *Introduction to Statistical Quality Control*, 8th ed. 2020, section 9.1; ISO
7870-4:2021. Agrees with R's qcc 3.0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import accumulate, islice
from typing import Literal, Unpack

import numpy as np
from numpy.typing import ArrayLike

from assay.stats.arrays import Bools, Floats, Ints, between, one_of, positive
from assay.stats.charts.assemble import Constant, Lines, assemble, joined, limits_alone
from assay.stats.charts.chart import ControlChart, LivePoint
from assay.stats.charts.cusum_picture import cusum_picture
from assay.stats.charts.extended import extended
from assay.stats.charts.kind import kind
from assay.stats.charts.phases import Phases
from assay.stats.charts.series import OWN, Sequential, Series, observed, point, series
from assay.stats.plot.spec import Plot

Sided = Literal["two", "upper", "lower"]
State = tuple[float, float, int, int]
"""C⁺, C⁻, and the points since each was last 0."""
SIDED: tuple[Sided, ...] = ("two", "upper", "lower")


@dataclass(frozen=True)
class Shift:
    """A shift that a CUSUM signalled, with its estimates."""

    side: str
    """``upper`` or ``lower``."""
    index: int
    """First point beyond the decision interval."""
    start: int
    """First point after the process shifted, as estimated: where the cusum last left 0."""
    mean: float
    """Estimated process mean from ``start`` to ``index``, in the values' unit."""


@dataclass(frozen=True, kw_only=True)
class CusumChart(ControlChart):
    """A tabular CUSUM chart in standard errors of the plotted value.

    ``statistics`` are the upper cusum C⁺ and, on a two-sided chart, the companion's the lower one C⁻, which
    is negative as in qcc. ``violations`` hold the points where either is beyond its decision interval.
    """

    k: float
    """Reference value, in standard errors; half the shift to be detected."""
    h: float
    """Decision interval, in standard errors."""
    target: float | Floats
    """What deviations are counted from, in the values' unit; ``(m,)`` where stages differ."""
    sided: str
    fir: float
    """Head start of both cusums, as a share of ``h``."""
    reset: bool
    """Whether both cusums start again after a point beyond the decision interval."""
    upper: Floats | None
    """C⁺, ``(m,)``; None on a lower chart."""
    lower: Floats | None
    """C⁻, ``(m,)``, not above 0; None on an upper chart."""
    upper_periods: Ints | None
    """Points since C⁺ was last 0 (Montgomery's N⁺), ``(m,)``."""
    lower_periods: Ints | None
    """Points since C⁻ was last 0, ``(m,)``."""
    shifts: tuple[Shift, ...]
    """Each excursion beyond the decision interval once, in order."""

    def plot(self) -> Plot:
        """Both cusums between their decision intervals, with shifts marked where they began."""
        return cusum_picture(self)


@dataclass(frozen=True)
class Settings:
    """How a cusum is run, in standard errors."""

    k: float
    h: float
    head: float
    sided: Sided
    reset: bool

    @property
    def start(self) -> State:
        """C⁺, C⁻, N⁺ and N⁻ before the first point."""
        return self.head, -self.head, 0, 0

    def step(self, state: State, deviation: float) -> State:
        """The state after one more standardised deviation from the target."""
        upper, lower, risen, fallen = state
        if self.reset and (
            (upper > self.h and self.sided != "lower") or (lower < -self.h and self.sided != "upper")
        ):
            upper, lower, risen, fallen = self.start
        upper += deviation - self.k
        lower += deviation + self.k
        if upper > 0:
            risen += 1
        else:
            upper, risen = 0.0, 0
        if lower < 0:
            fallen += 1
        else:
            lower, fallen = 0.0, 0
        return upper, lower, risen, fallen

    def lines(self) -> tuple[Lines, Lines]:
        """Limits of the chart and of the companion with the lower cusum."""
        low = Lines(0.0, -self.h, math.inf, None)
        main = {
            "two": Lines(0.0, -self.h, self.h, None),
            "upper": Lines(0.0, -math.inf, self.h, None),
            "lower": low,
        }
        return main[self.sided], low


def cusum(
    values: ArrayLike,
    subgroup: ArrayLike | int | None = None,
    *,
    k: float = 0.5,
    h: float = 5.0,
    target: float | None = None,
    fir: float | bool = 0.0,
    sided: Sided = "two",
    reset: bool = False,
    **options: Unpack[Sequential],
) -> CusumChart:
    """Tabular CUSUM chart of single values or of means of subgroups.

    Parameters
    ----------
    values
        ``(N,)`` values, or ``(m, n)`` with a subgroup in each row.
    subgroup
        For ``(N,)`` values: None for single values, the size of consecutive subgroups, or a label per value.
    k
        Reference value in standard errors of the plotted value: half the shift to be detected quickly (qcc's
        ``se.shift`` is twice it).
    h
        Decision interval in standard errors. With k = 0.5, h = 5 signals every 465 points without a shift, h
        = 4 every 168.
    target
        What deviations are counted from; None for ``center``, or the mean in phase I.
    fir
        Head start as a share of ``h``: 0.5 (or True) is Lucas & Crosier's fast initial response, 0 none.
    sided
        ``"two"``, ``"upper"`` (for increases alone) or ``"lower"``.
    reset
        Start again, with the head start, after each point beyond the decision interval.
    options
        See :class:`~assay.stats.charts.series.Sequential` and
        :class:`~assay.stats.charts.options.Common`; ``width``, ``confidence`` and ``nelson8`` have no meaning
        here, and of ``rules`` those that look at the limits alone are taken.

    Raises
    ------
    NotFinite, NotNumeric, WrongShape, TooFewPoints, UnequalSubgroups, SingletonSubgroups, SplitSubgroup,
    ConstantData, NoSpreadWithin, NotPositive, UnknownOption, OutOfRange, NoSuchPoint, NoPhase1

    Notes
    -----
    With z = (x̄ − target)·√n/σ: C⁺(i) = max(0, C⁺(i−1) + z − k), C⁻(i) = min(0, C⁻(i−1) + z + k). An
    estimated shift begins after the last point with a cusum of 0, and its mean is that of the values since,
    which is target + (k + C⁺/N⁺)·σ/√n without head start. Excluded points stay in the sums. Each stage starts
    anew.
    """
    way = one_of(sided, SIDED, "sided")
    # True asks for the usual head start; as a number it would be one at the decision interval itself.
    share = 0.5 if fir is True else between(fir, "fir", 0.0, 1.0)
    interval = positive(h, "h")
    settings = Settings(between(k, "k", 0.0, 1e6), interval, share * interval, way, bool(reset))
    found = series(
        values, subgroup, {"center": target, **options} if target is not None else options, "cusum"
    )
    phases = found.phases()
    targets, spreads = found.centers(phases), found.spreads(phases)
    runs = _run(found, phases, targets, spreads, settings)
    upper, lower, risen, fallen = runs.upper, runs.lower, runs.upper_periods, runs.lower_periods
    shifts: list[Shift] = []
    if way != "lower":
        shifts += _shifts("upper", upper > interval, risen, found)
    if way != "upper":
        shifts += _shifts("lower", lower < -interval, fallen, found)
    chart = _assembled(found, phases, runs, settings, targets=targets, spreads=spreads)
    return extended(
        CusumChart,
        chart,
        k=settings.k,
        h=interval,
        target=joined(targets, phases),
        sided=way,
        fir=share,
        reset=settings.reset,
        upper=None if way == "lower" else upper,
        lower=None if way == "upper" else lower,
        upper_periods=None if way == "lower" else risen,
        lower_periods=None if way == "upper" else fallen,
        shifts=tuple(sorted(shifts, key=lambda shift: (shift.index, shift.side))),
    )


@dataclass(frozen=True)
class _Runs:
    """Both cusums over all points, and the state after the last one."""

    upper: Floats
    lower: Floats
    upper_periods: Ints
    lower_periods: Ints
    state: State


def _run(
    found: Series, phases: Phases, targets: list[float], spreads: list[float], settings: Settings
) -> _Runs:
    sizes = np.array(found.each_size())
    parts: list[_Runs] = []
    for stretch, target, sigma in zip(phases.stretches, targets, spreads, strict=True):
        apart = found.values[stretch.points] - target
        deviations = apart * np.sqrt(sizes[stretch.points]) / sigma
        parts.append(_restarting(deviations, settings) if settings.reset else _running(deviations, settings))
    return _Runs(
        np.concatenate([part.upper for part in parts]),
        np.concatenate([part.lower for part in parts]),
        np.concatenate([part.upper_periods for part in parts]),
        np.concatenate([part.lower_periods for part in parts]),
        parts[-1].state,
    )


def _restarting(deviations: Floats, settings: Settings) -> _Runs:
    """Both cusums together, because a signal of one starts the other again."""
    states = list(islice(accumulate(deviations.tolist(), settings.step, initial=settings.start), 1, None))
    upper, lower, risen, fallen = zip(*states, strict=True)
    return _Runs(np.array(upper), np.array(lower), np.array(risen), np.array(fallen), states[-1])


def _running(deviations: Floats, settings: Settings) -> _Runs:
    """Each cusum by itself, with the additions of :meth:`Settings.step`."""
    up, down = (deviations - settings.k).tolist(), (deviations + settings.k).tolist()
    high, low = settings.start[:2]
    upper = np.array(list(accumulate(up, lambda c, d: c if (c := c + d) > 0 else 0.0, initial=high))[1:])
    lower = np.array(list(accumulate(down, lambda c, d: c if (c := c + d) < 0 else 0.0, initial=low))[1:])
    risen, fallen = _periods(upper), _periods(lower)
    state = (float(upper[-1]), float(lower[-1]), int(risen[-1]), int(fallen[-1]))
    return _Runs(upper, lower, risen, fallen, state)


def _periods(sums: Floats) -> Ints:
    """Points since the cusum was last 0, or since it began."""
    places = np.arange(sums.size)
    return places - np.maximum.accumulate(np.where(sums == 0, places, -1))


def _shifts(side: str, beyond: Bools, periods: Ints, found: Series) -> list[Shift]:
    """One entry per excursion from 0 that went beyond the decision interval."""
    indices = np.flatnonzero(beyond)
    starts = indices - periods[indices] + 1
    _, first = np.unique(starts, return_index=True)
    sizes = np.array(found.each_size())
    found_shifts = []
    for place in first:
        span = slice(int(starts[place]), int(indices[place]) + 1)
        mean = float(np.average(found.values[span], weights=sizes[span]))
        found_shifts.append(Shift(side, span.stop - 1, span.start, mean))
    return found_shifts


def _assembled(
    found: Series,
    phases: Phases,
    runs: _Runs,
    settings: Settings,
    *,
    targets: list[float],
    spreads: list[float],
) -> ControlChart:
    rules = limits_alone(found.rules())
    main, low = settings.lines()
    names = tuple(rule.name for rule in rules)
    form = CusumForm(settings, targets[-1], spreads[-1], runs.state, names, found.single)

    def chart(name: str, statistics: Floats, lines: Lines, **more: object) -> ControlChart:
        drawn = assemble(
            name,
            statistics,
            [Constant(lines, sigma) for sigma in spreads],
            phases,
            found.options,
            rules=rules,
            sizes=found.sizes,
            labels=found.labels,
            estimator=found.named_estimator,
            formula=_formula(found, settings),
            **more,  # type: ignore[arg-type]
        )
        return replace(drawn, width=settings.h)

    if settings.sided == "lower":
        return chart("cusum", runs.lower, main, live=form)
    if settings.sided == "upper":
        return chart("cusum", runs.upper, main, live=form)
    beside = chart("cusum_lower", runs.lower, low)
    drawn = chart("cusum", runs.upper, main, companions=(beside,), live=form)
    either = {rule: sorted({*drawn.violations[rule], *beside.violations[rule]}) for rule in drawn.violations}
    return replace(drawn, violations=either)


def _formula(found: Series, settings: Settings) -> str:
    of = "σ" if found.single else "(σ/√n)"
    parts = {
        "two": "C⁺ = max(0, C⁺ + z − k), C⁻ = min(0, C⁻ + z + k)",
        "upper": "C⁺ = max(0, C⁺ + z − k)",
        "lower": "C⁻ = min(0, C⁻ + z + k)",
    }
    head = f", C₀ = ±{settings.head:.6g}" if settings.head else ""
    return (
        f"{parts[settings.sided]}; z = (x − T)/{of}; k = {settings.k:.6g}, h = {settings.h:.6g}{head}; "
        f"σ: {found.named_estimator}"
    )


# -- live ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CusumForm:
    """What the live CUSUM chart goes on from."""

    settings: Settings
    target: float
    sigma: float
    state: State
    names: tuple[str, ...]
    single: bool

    def start(self, chart: ControlChart) -> LiveCusum:
        """Go on after ``chart``'s last point."""
        return LiveCusum(self, chart.statistics.size)


class LiveCusum:
    """A CUSUM chart that takes one value or subgroup at a time."""

    def __init__(self, form: CusumForm, index: int) -> None:
        self._form, self._index, self._state = form, index, form.state
        self._main, self._low = form.settings.lines()

    def add(self, observation: object, /) -> LivePoint:
        """Take one more value or subgroup.

        Raises
        ------
        NotFinite, NotNumeric, WrongShape, TooFewPoints
        """
        form, index = self._form, self._index
        value, size = observed(observation, single=form.single)
        apart = (value - form.target) * math.sqrt(size) / form.sigma
        self._state = form.settings.step(self._state, apart)
        upper, lower = self._state[:2]
        below = form.names if lower < -form.settings.h else ()
        above = form.names if upper > form.settings.h else ()
        self._index = index + 1
        if form.settings.sided == "lower":
            return point(index, lower, self._main, below)
        if form.settings.sided == "upper":
            return point(index, upper, self._main, above)
        return point(index, upper, self._main, above or below, point(index, lower, self._low, below))


KINDS = (
    kind(
        "cusum",
        cusum,
        "series",
        *("k", "h", "target", "fir", "sided", "reset", *OWN),
        without=("center", "width", "confidence", "nelson8"),
    ),
)
"""The kinds of chart in this module."""
