"""Charts of linear profiles: intercept, slope and scatter of a line measured again and again.

Sources: L. Kang and S. L. Albin, "On-line monitoring when the process yields a linear profile", J. Quality
Technology 32 (2000) 418-426; K. Kim, M. A. Mahmoud and W. H. Woodall, "On the monitoring of linear profiles",
J. Quality Technology 35 (2003) 317-328.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal, TypedDict, Unpack, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import ndtri, stdtrit

from assay.stats.arl import design_ewma, design_ewma_log_variance
from assay.stats.arl._design import LEAST, MOST
from assay.stats.arl._ewma import ewma_chain
from assay.stats.arl._run_length import Survival, mean_together, survival_of
from assay.stats.arl._variance import log_variance_chain, log_variance_variance
from assay.stats.arrays import Floats, between, matrix, numbers, one_of, positive, vector
from assay.stats.charts.assemble import Constant, Lines, assemble
from assay.stats.charts.chart import ControlChart, LivePoint
from assay.stats.charts.errors import CATALOGUE
from assay.stats.charts.extended import extended
from assay.stats.charts.kind import ChartKind
from assay.stats.charts.least_squares import Design, design
from assay.stats.charts.multivariate import BEYOND, one_row
from assay.stats.charts.options import Options
from assay.stats.charts.phases import Exclude, Phase1, Phases, Stages
from assay.stats.charts.residuals import VarianceLimits
from assay.stats.charts.vectors import columns_of
from assay.stats.constants import d2, d3
from assay.stats.errors import ConstantData, TooFewPoints, UnknownOption, WrongShape

Method = Literal["shewhart", "ewma", "ewma_r"]
Point = tuple[float, float, float, float]
"""A plotted value with its centre and limits."""


class Lined(TypedDict, total=False):
    """Options of charts of linear profiles, all by keyword.

    intercept, slope, sigma
        Historical (frozen) line and scatter: its height at x̄, its slope, and the standard deviation of one
        measurement around it; what is given is not estimated.
    phase1, stages, exclude, labels
        As on every chart, over the profiles; see :class:`~assay.stats.charts.options.Common`.
    """

    intercept: float | None
    slope: float | None
    sigma: float | None
    phase1: Phase1
    stages: Stages
    exclude: Exclude
    labels: Sequence[Any] | NDArray[Any] | None


@dataclass(frozen=True, kw_only=True)
class LinearProfileChart(ControlChart):
    """A chart of linear profiles with its companions; ``sigma`` is the scatter around the line."""

    method: Method
    x: Floats
    """Where each profile is measured, ``(k,)``."""
    intercept: float
    """Height of the line at x̄, last stage."""
    slope: float
    """Slope of the line, last stage."""
    intercepts: Floats
    """Height of each profile at x̄, ``(m,)``: the mean of its values."""
    slopes: Floats
    """Slope of each profile, ``(m,)``."""
    residual_variances: Floats
    """Residual variance of each profile, ``(m,)``, with k − 2 degrees of freedom."""


def linear_profiles(
    x: ArrayLike,
    profiles: ArrayLike,
    *,
    method: Method = "shewhart",
    lam: float = 0.2,
    arl0: float = 200.0,
    **options: Unpack[Lined],
) -> LinearProfileChart:
    """Charts of linear profiles.

    Parameters
    ----------
    x
        ``(k,)``: where each profile is measured.
    profiles
        ``(m, k)``: a profile in each row.
    method
        ``"shewhart"``: charts of intercept, slope and residual variance, with the limits of phase I and II
        that hold for estimated parameters; ``"ewma"``: EWMA charts of the three (Kim, Mahmoud and Woodall
        2003), which find small lasting changes; ``"ewma_r"``: an EWMA of the mean deviation from the line
        with an R chart of the deviations (Kang and Albin 2000).
    lam
        Weight λ of the latest profile in the EWMAs.
    arl0
        Average number of profiles until a false alarm of the charts together, where the line is known.
    options
        See :class:`Lined`.

    Raises
    ------
    NotFinite, NotNumeric, WrongShape, TooFewPoints, ConstantData, SingularCovariance, UnknownOption,
    OutOfRange, NotPositive, NoSuchPoint, NoPhase1

    Notes
    -----
    The line is a + b(x − x̄), so that a and b don't depend on each other. Shewhart: α for each of the three
    follows from ``arl0``; ā ± t √(s²(1 ∓ 1/m)/k), b̄ ± t √(s²(1 ∓ 1/m)/Sxx), and F limits for s². EWMA: ā ±
    Lσ√(λ/((2 − λ)k)), b̄ ± Lσ√(λ/((2 − λ)Sxx)), and above ln σ² for ln s²; each stage starts anew. The limits
    of the EWMAs take estimates for known values.
    """
    how: Method = one_of(method, get_args(Method), "method")
    weight = between(lam, "lam", 1e-5, 1.0)
    wanted = between(arl0, "arl0", LEAST, MOST)
    at = vector(x, "x", least=3, what="linear_profiles")
    if at.min() == at.max():
        raise ConstantData(name="x", count=at.size, value=float(at[0]))
    rows = matrix(profiles, "profiles", what="linear_profiles")
    if rows.shape[1] != at.size:
        raise WrongShape(name="profiles", shape=rows.shape, wanted=f"(m, {at.size})")
    plan = design(np.column_stack((np.ones(at.size), at - at.mean())))
    points = columns_of(rows)
    intercepts, slopes = plan.coefficients(points)
    variances = plan.residual_variance(points, [intercepts, slopes])
    for name in options:
        if name not in Lined.__annotations__:
            raise UnknownOption(name="option", value=repr(name), known=", ".join(Lined.__annotations__))
    given = Given.of(options)
    shared: dict[str, Any] = {name: value for name, value in options.items() if name not in GIVEN}
    chosen = Options(**shared)
    phases = chosen.plan(rows.shape[0], estimates=not given.all)
    inside = np.zeros(rows.shape[0], dtype=bool)
    scale = float(np.abs(rows).max())
    lines = []
    for stretch in phases.stretches:
        part = stretch.estimating
        lines.append(_line(given, (intercepts[part], slopes[part]), variances[part], plan, scale))
        if not given.all:
            inside[part] = True
    charts = _Charts(how, weight, wanted, plan)
    traced: list[list[Point]] = [[] for _ in charts.kinds]
    monitor = charts.monitor(lines[0])
    for stretch, line in zip(phases.stretches, lines, strict=True):
        monitor = charts.monitor(line)
        for index in range(stretch.start, stretch.stop):
            taken = monitor.take(rows[index], own=bool(inside[index]))
            for trace, point in zip(traced, taken, strict=True):
                trace.append(point)
    drawn = [
        _chart(kind, trace, lines, phases, chosen, formula=charts.formula(number))
        for number, (kind, trace) in enumerate(zip(charts.kinds, traced, strict=True))
    ]
    form = LinearForm(charts, lines[-1], monitor.state)
    first = replace(drawn[0], companions=tuple(drawn[1:]), _live=form)
    return extended(
        LinearProfileChart,
        first,
        method=how,
        x=at,
        intercept=lines[-1].intercept,
        slope=lines[-1].slope,
        intercepts=intercepts,
        slopes=slopes,
        residual_variances=variances,
    )


GIVEN = ("intercept", "slope", "sigma")


@dataclass(frozen=True)
class Given:
    """Historical values, None where they are estimated."""

    intercept: float | None
    slope: float | None
    sigma: float | None

    @classmethod
    def of(cls, options: Lined) -> Given:
        """From the options.

        Raises
        ------
        NotFinite, NotPositive
        """
        intercept, slope, sigma = (options.get(name) for name in GIVEN)
        return cls(
            None if intercept is None else float(numbers(intercept, "intercept")),  # type: ignore[arg-type]
            None if slope is None else float(numbers(slope, "slope")),  # type: ignore[arg-type]
            None if sigma is None else positive(sigma, "sigma"),  # type: ignore[arg-type]
        )

    @property
    def all(self) -> bool:
        """Whether nothing has to be estimated."""
        return None not in (self.intercept, self.slope, self.sigma)


@dataclass(frozen=True)
class FittedLine:
    """The line in control with its scatter, and how many profiles each comes from (``inf`` where given)."""

    intercept: float
    slope: float
    variance: float
    intercept_count: float
    slope_count: float
    variance_count: float


def _line(
    given: Given, coefficients: tuple[Floats, Floats], variances: Floats, plan: Design, scale: float
) -> FittedLine:
    intercepts, slopes = coefficients
    count = float(intercepts.size)
    if not given.all and count < 2:
        raise TooFewPoints(what="linear_profiles", count=int(count), least=2)
    known = VarianceLimits.of(variances, given.sigma, plan.freedom, 0.0027, scale=scale)
    return FittedLine(
        float(intercepts.mean()) if given.intercept is None else given.intercept,
        float(slopes.mean()) if given.slope is None else given.slope,
        known.variance,
        count if given.intercept is None else math.inf,
        count if given.slope is None else math.inf,
        known.count,
    )


# -- the three methods ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Charts:
    """A method with its settings: which charts there are, and what watches a line."""

    method: Method
    lam: float
    arl0: float
    plan: Design

    @property
    def kinds(self) -> tuple[str, ...]:
        """The charts by kind, the main one first."""
        return {
            "shewhart": ("profile_intercept", "profile_slope", "residual_variance"),
            "ewma": ("profile_intercept_ewma", "profile_slope_ewma", "profile_variance_ewma"),
            "ewma_r": ("profile_deviation_ewma", "profile_deviation_range"),
        }[self.method]

    @property
    def points(self) -> int:
        """Measurements of a profile, k."""
        return len(self.plan.basis)

    def formula(self, number: int) -> str:
        """Limits of a chart as a formula."""
        if self.method == "shewhart":
            share = self.alpha
            return (
                f"ā ± t√(s²(1 ∓ 1/m)/k), α = {share:.4g}",
                f"b̄ ± t√(s²(1 ∓ 1/m)/Sxx), α = {share:.4g}",
                f"s²·F, α = {share:.4g}",
            )[number]
        if self.method == "ewma":
            mean, variance = ewma_widths(self.lam, self.arl0, float(self.plan.freedom))
            return (
                f"ā ± {mean:.5g}·σ√(λ/((2 − λ)k)), λ = {self.lam:g}",
                f"b̄ ± {mean:.5g}·σ√(λ/((2 − λ)Sxx)), λ = {self.lam:g}",
                f"ln σ² + {variance:.5g}·√(λ/(2 − λ)·Var ln s²), λ = {self.lam:g}",
            )[number]
        width = ewma_r_width(self.lam, self.arl0, self.points)
        return (
            f"± {width:.5g}·σ√(λ/((2 − λ)k)), λ = {self.lam:g}",
            f"σ(d2 ± {width:.5g}·d3)",
        )[number]

    @property
    def alpha(self) -> float:
        """False-alarm probability of each of three charts that give ``arl0`` together."""
        return -math.expm1(math.log1p(-1.0 / self.arl0) / 3.0)

    def monitor(self, line: FittedLine) -> _Monitor:
        """What watches ``line`` from its start on."""
        return {"shewhart": _Shewhart, "ewma": _Ewma, "ewma_r": _EwmaRange}[self.method](self, line)


class _Monitor:
    """Takes one profile at a time; batch and live chart are the same monitor."""

    def __init__(self, charts: _Charts, line: FittedLine) -> None:
        self.charts = charts
        self.line = line
        self.state: tuple[float, ...] = ()

    def take(self, profile: Floats, *, own: bool) -> tuple[Point, ...]:
        """The points of one more profile; ``own`` if the line was estimated from it."""
        raise NotImplementedError

    def fitted(self, profile: Floats) -> tuple[float, float, float]:
        """Intercept, slope and residual variance of a profile."""
        coefficients, variance = self.charts.plan.fit_one(profile)
        intercept, slope = coefficients.tolist()
        return intercept, slope, variance

    @property
    def slope_factor(self) -> float:
        """Variance of a slope over that of one measurement, 1/Sxx."""
        return float(self.charts.plan.covariance[1, 1])


class _Shewhart(_Monitor):
    def __init__(self, charts: _Charts, line: FittedLine) -> None:
        super().__init__(charts, line)
        k, share = charts.points, charts.alpha
        freedom = line.variance_count * charts.plan.freedom
        quantile = -ndtri(0.5 * share) if math.isinf(freedom) else -stdtrit(freedom, 0.5 * share)
        spread = VarianceLimits(line.variance, line.variance_count, charts.plan.freedom, share)
        self._lines = {
            own: (
                self._around(
                    line.intercept, line.variance / k, line.intercept_count, float(quantile), own=own
                ),
                self._around(
                    line.slope, line.variance * self.slope_factor, line.slope_count, float(quantile), own=own
                ),
                (line.variance, *(spread.own if own else spread.later)),
            )
            for own in (True, False)
        }

    @staticmethod
    def _around(
        center: float, variance: float, count: float, quantile: float, *, own: bool
    ) -> tuple[float, float, float]:
        reach = quantile * math.sqrt(variance * (1.0 - 1.0 / count if own else 1.0 + 1.0 / count))
        return center, center - reach, center + reach

    def take(self, profile: Floats, *, own: bool) -> tuple[Point, ...]:
        values = self.fitted(profile)
        return tuple((value, *lines) for value, lines in zip(values, self._lines[own], strict=True))


class _Ewma(_Monitor):
    def __init__(self, charts: _Charts, line: FittedLine) -> None:
        super().__init__(charts, line)
        lam = charts.lam
        mean, variance = ewma_widths(lam, charts.arl0, float(charts.plan.freedom))
        long_run = lam / (2.0 - lam)
        self._floor = math.log(line.variance)
        tall = mean * math.sqrt(long_run * line.variance / charts.points)
        steep = mean * math.sqrt(long_run * line.variance * self.slope_factor)
        above = variance * math.sqrt(long_run * log_variance_variance(float(charts.plan.freedom)))
        self._lines = (
            (line.intercept, line.intercept - tall, line.intercept + tall),
            (line.slope, line.slope - steep, line.slope + steep),
            (self._floor, -math.inf, self._floor + above),
        )
        self.state = (line.intercept, line.slope, self._floor)

    def take(self, profile: Floats, *, own: bool) -> tuple[Point, ...]:
        lam, stay = self.charts.lam, 1.0 - self.charts.lam
        intercept, slope, variance = self.fitted(profile)
        rough = math.log(variance) if variance > 0.0 else -math.inf
        self.state = (
            lam * intercept + stay * self.state[0],
            lam * slope + stay * self.state[1],
            max(self._floor, lam * rough + stay * self.state[2]),
        )
        return tuple((value, *lines) for value, lines in zip(self.state, self._lines, strict=True))


class _EwmaRange(_Monitor):
    def __init__(self, charts: _Charts, line: FittedLine) -> None:
        super().__init__(charts, line)
        lam, k, sigma = charts.lam, charts.points, math.sqrt(line.variance)
        width = ewma_r_width(lam, charts.arl0, k)
        reach = width * sigma * math.sqrt(lam / ((2.0 - lam) * k))
        center, error = sigma * float(d2(k)), sigma * float(d3(k))
        self._lines = (
            (0.0, -reach, reach),
            (center, max(0.0, center - width * error), center + width * error),
        )
        self.state = (0.0,)

    def take(self, profile: Floats, *, own: bool) -> tuple[Point, ...]:
        apart = profile - (self.line.intercept + self.line.slope * self.charts.plan.basis[:, 1])
        mean, spread = float(apart.mean()), float(apart.max() - apart.min())
        lam = self.charts.lam
        self.state = (lam * mean + (1.0 - lam) * self.state[0],)
        return (self.state[0], *self._lines[0]), (spread, *self._lines[1])


@lru_cache(maxsize=64)
def ewma_widths(lam: float, arl0: float, freedom: float) -> tuple[float, float]:
    """Widths of the EWMAs of a mean and of ln s² so that two of the first and one of the second give
    ``arl0``.

    The three don't depend on each other; each has the same average run length by itself. With λ = .2 and two
    degrees of freedom for an ``arl0`` of 200, Kim, Mahmoud and Woodall (2003) found 3.0156, 3.0109 and 1.3723
    by simulation.
    """

    def widths(each: float) -> tuple[float, float]:
        return design_ewma(lam, each), design_ewma_log_variance(lam, each, freedom)

    def together(each: float) -> float:
        mean, variance = widths(each)
        level = survival_of(ewma_chain(lam, mean, 0.0, "two"))
        rough = survival_of(log_variance_chain(lam, variance, freedom))
        return math.log(mean_together((level, level, rough)) / arl0)

    each = float(brentq(together, arl0, 4.0 * arl0 + 10.0, xtol=1e-9 * arl0))
    return widths(each)


@lru_cache(maxsize=64)
def ewma_r_width(lam: float, arl0: float, points: int) -> float:
    """The common width of Kang and Albin's EWMA and R chart that gives ``arl0`` together.

    With λ = .2 and four points for an ``arl0`` of 200 they use 3.1151.
    """
    from scipy.stats import studentized_range

    center, error = float(d2(points)), float(d3(points))

    def together(width: float) -> float:
        beyond = float(studentized_range.sf(center + width * error, points, math.inf))
        low = center - width * error
        if low > 0.0:
            beyond += float(studentized_range.cdf(low, points, math.inf))
        ranges = Survival(np.array([1.0]), 1.0 - beyond)
        level = survival_of(ewma_chain(lam, width, 0.0, "two"))
        return math.log(mean_together((level, ranges)) / arl0)

    return float(brentq(together, 0.05, 8.0, xtol=1e-9))


def _chart(
    kind: str,
    trace: Sequence[Point],
    lines: Sequence[FittedLine],
    phases: Phases,
    options: Options,
    *,
    formula: str,
) -> ControlChart:
    """One of the charts from its points."""
    values, centers, lcls, ucls = np.array(trace).T
    estimates = []
    for stretch, line in zip(phases.stretches, lines, strict=True):
        part = stretch.points
        estimates.append(
            Constant(
                Lines(_common(centers[part]), _common(lcls[part]), _common(ucls[part]), None),
                math.sqrt(line.variance),
            )
        )
    return assemble(
        kind,
        values,
        estimates,
        phases,
        options,
        rules=options.chosen(BEYOND),
        labels=options.names(values.size),
        estimator="pooled" if math.isfinite(lines[-1].variance_count) else "given",
        formula=formula,
    )


def _common(values: Floats) -> float | Floats:
    return float(values[0]) if (values == values[0]).all() else values


# -- live ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class LinearForm:
    """The live form: the last stage's line, and what the EWMAs are at its last profile."""

    charts: _Charts
    line: FittedLine
    state: tuple[float, ...]

    def start(self, chart: ControlChart) -> LiveLinearProfiles:
        """Go on after ``chart``'s last profile."""
        return LiveLinearProfiles(self, chart.statistics.size)


class LiveLinearProfiles:
    """Charts of linear profiles that take one profile at a time."""

    def __init__(self, form: LinearForm, index: int) -> None:
        self._monitor = form.charts.monitor(form.line)
        self._monitor.state = form.state
        self._index = index

    def add(self, observation: object, /) -> LivePoint:
        """Take one profile ``(k,)``.

        Raises
        ------
        NotNumeric, NotFinite, WrongShape
        """
        profile = one_row(observation, self._monitor.charts.points)
        first, *others = [
            LivePoint(self._index, value, center, lcl, ucl, (BEYOND,) if value > ucl or value < lcl else ())
            for value, center, lcl, ucl in self._monitor.take(profile, own=False)
        ]
        self._index += 1
        return replace(first, companions=tuple(others))


KINDS = (
    ChartKind(
        "linear_profiles",
        CATALOGUE.text("title.linear_profiles"),
        linear_profiles,
        "profiles",
        ("method", "lam", "arl0", *Lined.__annotations__),
    ),
)
