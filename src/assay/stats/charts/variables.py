"""Charts of subgroups: X̄-R, X̄-S, the median chart, and R and S alone.

Sources: Montgomery, *Introduction to Statistical Quality Control*, 8th ed. 2020, sections 6.2 and 6.3;
AIAG, *Statistical Process Control*, 2nd ed. 2005, chapter II; ISO 7870-2:2023. With ``constants="tabled"``
the charts agree with R's qcc 3.0 (Scrucca 2004, R News 4/1, 11-17).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, Unpack

import numpy as np
from numpy.typing import ArrayLike

from assay.stats import constants as tables
from assay.stats import sigma as sigmas
from assay.stats.arrays import Floats, Ints, one_of, vector
from assay.stats.charts.assemble import Estimate, RuleSet, assemble, limits_alone
from assay.stats.charts.chart import ControlChart
from assay.stats.charts.kind import kind
from assay.stats.charts.live import Form, OneSubgroup
from assay.stats.charts.models import Deviation, Mean, Median, Range
from assay.stats.charts.options import Common, Options, Rules
from assay.stats.charts.phases import Phases, size_of
from assay.stats.errors import SingletonSubgroups
from assay.stats.subgroups import Subgroups, subgroups

Estimator = Literal["rbar", "sbar", "pooled", "pooled_unbiased"]
DispersionCenter = Literal["expected", "average"]
ESTIMATORS: tuple[str, ...] = ("rbar", "sbar", "pooled", "pooled_unbiased")
CENTERS: tuple[DispersionCenter, ...] = ("expected", "average")


class Within(Common, total=False):
    """Options of charts of subgroups besides :class:`~assay.stats.charts.options.Common`.

    estimator
        Sigma from the mean range (``"rbar"``), the mean standard deviation (``"sbar"``) or the pooled
        variance (``"pooled"``, or ``"pooled_unbiased"`` over c4).
    weighting
        How subgroups of different sizes share in R̄ and s̄: ``"uwave"`` takes the plain mean of R/d2 or s/c4
        (R's qcc), ``"mvlue"`` weights by the inverse variance (Minitab).
    dispersion_rules
        Rules on the R or S chart. By default those of ``rules`` where rules are asked for, else the limits
        alone: R and S are skewed, so that rules on runs cry wolf more often than on means.
    dispersion_center
        Centre of the R or S chart where sizes differ: ``"expected"``, d2(n)·sigma at each size, or
        ``"average"``, the mean of all R or s weighted by size, as qcc draws it. By default ``"expected"``,
        and ``"average"`` with ``constants="tabled"``. They are the same where sizes are (but for estimators
        other than the chart's own).
    """

    estimator: Estimator | None
    weighting: sigmas.Weighting
    dispersion_rules: Rules
    dispersion_center: DispersionCenter | None


OWN: tuple[str, ...] = tuple(name for name in Within.__annotations__ if name not in Common.__annotations__)


def xbar_r(
    values: ArrayLike, subgroup: ArrayLike | int | None = None, **options: Unpack[Within]
) -> ControlChart:
    """X̄-R chart: means of subgroups, with their ranges as companion.

    Parameters
    ----------
    values
        ``(N,)`` measured values, subgroup after subgroup, or ``(m, n)`` with a subgroup in each row; rows in
        a list may differ in length.
    subgroup
        For ``(N,)`` values: the size of consecutive subgroups, or a label per value.
    options
        See :class:`Within` and :class:`~assay.stats.charts.options.Common`.

    Raises
    ------
    NotFinite, NotNumeric, WrongShape, TooFewPoints, UnequalSubgroups, SingletonSubgroups, SplitSubgroup,
    ConstantData, NoSpreadWithin, UnknownOption, NoSuchPoint, NoPhase1

    Notes
    -----
    Centre: the mean of all values in phase I. Limits: ± 3 sigma/√n with sigma = R̄/d2. R chart: d2 sigma
    ± 3 d3 sigma, not below 0. Montgomery 2020, sec. 6.2.
    """
    return _beside(
        values, subgroup, options, chart="xbar", plotted="means", dispersion="range", default="rbar"
    )


def xbar_s(
    values: ArrayLike, subgroup: ArrayLike | int | None = None, **options: Unpack[Within]
) -> ControlChart:
    """X̄-S chart: means of subgroups, with their standard deviations as companion.

    Arguments and refusals as in :func:`xbar_r`. Limits: ± 3 sigma/√n with sigma = s̄/c4; S chart: c4 sigma ± 3
    sigma √(1 − c4²), not below 0. Montgomery 2020, sec. 6.3.
    """
    return _beside(
        values, subgroup, options, chart="xbar", plotted="means", dispersion="deviation", default="sbar"
    )


def median(
    values: ArrayLike, subgroup: ArrayLike | int | None = None, **options: Unpack[Within]
) -> ControlChart:
    """Median chart: medians of subgroups, with their ranges as companion.

    Arguments and refusals as in :func:`xbar_r`. Centre: the mean of the medians. Limits: ± 3 times the
    standard deviation of the median of n normal values, which is Ã2 R̄ with sigma = R̄/d2. AIAG SPC 2005,
    chapter II; ISO 7870-2:2023.
    """
    return _beside(
        values, subgroup, options, chart="median", plotted="medians", dispersion="range", default="rbar"
    )


def r(values: ArrayLike, subgroup: ArrayLike | int | None = None, **options: Unpack[Within]) -> ControlChart:
    """R chart alone: ranges of subgroups. Arguments and refusals as in :func:`xbar_r`.

    ``rules`` are looked at as asked; by default only the limits are. ``center`` is the centre line's value.
    """
    return _alone(values, subgroup, options, dispersion="range", default="rbar")


def s(values: ArrayLike, subgroup: ArrayLike | int | None = None, **options: Unpack[Within]) -> ControlChart:
    """S chart alone: standard deviations of subgroups. Arguments and refusals as in :func:`xbar_r`.

    ``rules`` are looked at as asked; by default only the limits are. ``center`` is the centre line's value.
    """
    return _alone(values, subgroup, options, dispersion="deviation", default="sbar")


@dataclass(frozen=True)
class Settings:
    """:class:`Within`, checked."""

    common: Options
    estimator: str
    weighting: sigmas.Weighting
    dispersion_rules: Rules
    dispersion_center: DispersionCenter


PLURAL: Mapping[str, str] = {"range": "ranges", "deviation": "deviations"}
"""The statistics of subgroups that a chart of dispersion plots."""


def settled(options: Mapping[str, object], default: str) -> Settings:
    """Options of a chart of subgroups, with ``default`` as estimator.

    Raises
    ------
    UnknownOption, NotPositive, NotFinite, OutOfRange
    """
    rest = dict(options)
    asked = rest.pop("estimator", None)
    weighting = rest.pop("weighting", "uwave")
    rules: Rules = rest.pop("dispersion_rules", None)  # type: ignore[assignment]
    center = rest.pop("dispersion_center", None)
    common = Options(**rest)  # type: ignore[arg-type]
    if center is None:
        center = "average" if common.constants == "tabled" else "expected"
    return Settings(
        common,
        one_of(str(default if asked is None else asked), ESTIMATORS, "estimator"),
        one_of(str(weighting), sigmas.WEIGHTINGS, "weighting"),
        rules,
        one_of(str(center), CENTERS, "dispersion_center"),
    )


def grouped(values: ArrayLike, subgroup: ArrayLike | int | None, what: str) -> Subgroups:
    """Subgroups of two values or more.

    Raises
    ------
    NotFinite, NotNumeric, WrongShape, TooFewPoints, UnequalSubgroups, SingletonSubgroups, SplitSubgroup
    """
    groups = _ragged(values) if subgroup is None else None
    if groups is None:
        groups = subgroups(values, subgroup, what=what)
    smallest = groups.size if groups.size is not None else int(groups.sizes.min())
    if smallest < 2:
        raise SingletonSubgroups(what=what, index=int(np.argmin(groups.sizes)))
    return groups


def _ragged(values: ArrayLike) -> Subgroups | None:
    """Rows of different lengths as subgroups of different sizes; None for a matrix."""
    if not isinstance(values, (list, tuple)):
        return None
    lengths = [np.size(row) if np.ndim(row) == 1 else 0 for row in values]
    if len(set(lengths)) < 2:
        return None
    found = vector(np.concatenate([np.atleast_1d(row) for row in values]), "values")
    return Subgroups(found, np.cumsum([0, *lengths[:-1]], dtype=np.int64), None)


def statistic(groups: Subgroups, name: str) -> Floats:
    """A statistic of each subgroup, ``(m,)``, by the same arithmetic whether sizes vary or not."""
    if groups.size is not None:
        found: Floats = getattr(groups, name)
        return found
    whole = np.empty(groups.count)
    for size in np.unique(groups.sizes):
        where = np.flatnonzero(groups.sizes == size)
        whole[where] = getattr(groups.take(where), name)
    return whole


def sizes_of(groups: Subgroups) -> float | Floats:
    """One size for all, or one each."""
    return float(groups.size) if groups.size is not None else groups.sizes.astype(np.float64)


def sigma_of(groups: Subgroups, phases: Phases, settings: Settings) -> list[float]:
    """The process standard deviation for each stage: the given one, or from the stage's own subgroups.

    Raises
    ------
    ConstantData, NoSpreadWithin, TooFewPoints
    """
    given = settings.common.sigma
    if given is not None:
        return [given] * len(phases.stretches)
    estimate = sigmas.WITHIN[settings.estimator]
    extra: dict[str, object] = {}
    if settings.estimator in ("rbar", "sbar"):
        extra["weighting"] = settings.weighting
    if settings.estimator == "rbar":
        extra["constants"] = settings.common.constants
    return [estimate(_part(groups, stretch.estimating), **extra) for stretch in phases.stretches]


def weighted(statistics: Floats, groups: Subgroups, chosen: slice | Ints) -> float:
    """Mean of the chosen statistics, weighted by size."""
    sizes = groups.sizes[chosen]
    return float((statistics[chosen] * sizes).sum() / sizes.sum())


def dispersion_chart(
    groups: Subgroups,
    dispersion: str,
    spreads: list[float],
    phases: Phases,
    settings: Settings,
    *,
    rules: RuleSet,
    center: float | None = None,
) -> tuple[ControlChart, Estimate]:
    """The R or S chart from each stage's sigma, and the last stage's estimate; ``center`` is a given one."""
    options = settings.common
    statistics = statistic(groups, PLURAL[dispersion])
    estimates: list[Estimate] = []
    for stretch, sigma in zip(phases.stretches, spreads, strict=True):
        middle = center
        if middle is None and settings.dispersion_center == "average" and options.sigma is None:
            middle = weighted(statistics, groups, stretch.estimating)
        estimates.append(
            Range(sigma, options.width, options.constants, middle)
            if dispersion == "range"
            else Deviation(sigma, options.width, middle)
        )
    chart = assemble(
        dispersion,
        statistics,
        estimates,
        phases,
        options,
        rules=rules,
        sizes=sizes_of(groups),
        labels=options.names(groups.count, named(groups)),
        estimator=_estimator(settings),
        formula=_formula(dispersion, groups, settings),
    )
    return chart, estimates[-1]


def named(groups: Subgroups) -> tuple[str, ...] | None:
    """The subgroups' labels as text."""
    return None if groups.labels is None else tuple(map(str, groups.labels.tolist()))


def _part(groups: Subgroups, chosen: slice | Ints) -> Subgroups:
    return groups if size_of(chosen) == groups.count else groups.take(chosen)


def _beside(
    values: ArrayLike,
    subgroup: ArrayLike | int | None,
    given: Within,
    *,
    chart: str,
    plotted: str,
    dispersion: str,
    default: str,
) -> ControlChart:
    settings = settled(given, default)
    options = settings.common
    groups = grouped(values, subgroup, chart)
    rules = options.chosen("nelson")
    phases = options.plan(groups.count, estimates=not options.given)
    spreads = sigma_of(groups, phases, settings)
    statistics = statistic(groups, plotted)
    model = Median if chart == "median" else Mean
    estimates = [
        model(_center(statistics, groups, stretch.estimating, chart, options), sigma, options.width)
        for stretch, sigma in zip(phases.stretches, spreads, strict=True)
    ]
    if settings.dispersion_rules is not None:
        beside = options.resolve(settings.dispersion_rules)
    else:
        beside = limits_alone(rules) if options.rules is None else rules
    companion, last = dispersion_chart(groups, dispersion, spreads, phases, settings, rules=beside)
    return assemble(
        chart,
        statistics,
        estimates,
        phases,
        options,
        rules=rules,
        sizes=sizes_of(groups),
        labels=companion.labels,
        estimator=_estimator(settings),
        formula=_formula(chart, groups, settings),
        companions=(companion,),
        live=Form(OneSubgroup((plotted, PLURAL[dispersion])), (estimates[-1], last), (rules, beside)),
    )


def _center(
    statistics: Floats, groups: Subgroups, chosen: slice | Ints, kind: str, options: Options
) -> float:
    if options.center is not None:
        return options.center
    if kind == "median":
        return float(statistics[chosen].mean())
    return weighted(statistics, groups, chosen)


def _alone(
    values: ArrayLike,
    subgroup: ArrayLike | int | None,
    given: Within,
    *,
    dispersion: str,
    default: str,
) -> ControlChart:
    settings = settled(given, default)
    groups = grouped(values, subgroup, dispersion)
    options = settings.common
    phases = options.plan(groups.count, estimates=options.sigma is None)
    spreads = sigma_of(groups, phases, settings)
    asked = settings.dispersion_rules if settings.dispersion_rules is not None else options.rules
    rules = options.resolve("nelson1" if asked is None else asked)
    chart, last = dispersion_chart(
        groups, dispersion, spreads, phases, settings, rules=rules, center=options.center
    )
    return replace(chart, _live=Form(OneSubgroup((PLURAL[dispersion],)), (last,), (rules,)))


def _estimator(settings: Settings) -> str:
    return settings.estimator if settings.common.sigma is None else "given"


SIGMA: Mapping[str, str] = {
    "rbar": "σ = mean(R/d2)",
    "sbar": "σ = mean(s/c4)",
    "pooled": "σ = √(Σ(n−1)s²/Σ(n−1))",
    "pooled_unbiased": "σ = √(Σ(n−1)s²/Σ(n−1))/c4(Σ(n−1)+1)",
    "given": "σ given",
}
"""How sigma was estimated, as a formula."""


def _formula(kind: str, groups: Subgroups, settings: Settings) -> str:
    """Centre, limits and sigma, with the constants' values where all subgroups have one size."""
    options, n = settings.common, groups.size
    width = f"{options.width:.6g}"
    estimator = _estimator(settings)
    center = {"xbar": "x̿", "median": "mean of x̃", "range": "d2·σ", "deviation": "c4·σ"}[kind]
    if kind in ("range", "deviation") and settings.dispersion_center == "average" and estimator != "given":
        center = {"range": "R̄", "deviation": "s̄"}[kind]
    elif options.center is not None and kind in ("xbar", "median"):
        center = f"{options.center:.10g}"
    error = {"xbar": "σ/√n", "median": "σ·σ(x̃)", "range": "d3·σ", "deviation": "σ·√(1 − c4²)"}[kind]
    said = [f"{center} ± {width}·{error}", SIGMA[estimator]]
    if n is not None:
        said.append(f"n = {n}")
        if kind == "range" or estimator == "rbar":
            said.append(f"d2 = {tables.d2(n, options.constants):.5g}")
        if kind == "range":
            said.append(f"d3 = {tables.d3(n, options.constants):.5g}")
        if kind == "deviation" or estimator == "sbar":
            said.append(f"c4 = {tables.c4(n):.5g}")
        if kind == "median":
            said.append(f"σ(x̃) = {tables.median_deviation(n):.5g}")
    return "; ".join(said)


KINDS = (
    kind("xbar_r", xbar_r, "subgroups", *OWN),
    kind("xbar_s", xbar_s, "subgroups", *OWN),
    kind("median", median, "subgroups", *OWN),
    kind("r", r, "subgroups", *OWN),
    kind("s", s, "subgroups", *OWN),
)
"""The charts of this module."""
