"""Charts of single values: I-MR, and I-MR-R/S for subgroups that also differ from each other.

Sources: Montgomery, *Introduction to Statistical Quality Control*, 8th ed. 2020, section 6.4; Wheeler &
Chambers, *Understanding Statistical Process Control*, 3rd ed. 2010, chapter 9 (between and within);
ISO 7870-2:2023.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Literal, Unpack

import numpy as np
from numpy.typing import ArrayLike

from assay.stats import constants as tables
from assay.stats import rules as run_rules
from assay.stats import sigma as sigmas
from assay.stats.arrays import Floats, Ints, one_of, vector
from assay.stats.charts.assemble import Estimate, assemble, limits_alone
from assay.stats.charts.chart import ControlChart
from assay.stats.charts.kind import kind
from assay.stats.charts.live import Form, Observer, OneValue, SubgroupMean
from assay.stats.charts.models import Individual, MovingRange
from assay.stats.charts.options import Common, Options
from assay.stats.charts.phases import Phases
from assay.stats.charts.variables import (
    PLURAL,
    Settings,
    dispersion_chart,
    grouped,
    named,
    sigma_of,
    statistic,
)
from assay.stats.errors import ConstantData, NoSpreadWithin, NotACount, OutOfRange, TooFewPoints

Estimator = Literal["mr", "median_mr", "mssd", "sd", "sd_unbiased"]
ESTIMATORS: tuple[Estimator, ...] = ("mr", "median_mr", "mssd", "sd", "sd_unbiased")
SIGMA: Mapping[str, str] = {
    "mr": "σ = mean(MR)/d2",
    "median_mr": "σ = median(MR)/d4",
    "mssd": "σ = √(mean of squared differences / 2)",
    "sd": "σ = s",
    "sd_unbiased": "σ = s/c4",
    "given": "σ given",
}
"""How sigma was estimated, as a formula."""


def imr(
    values: ArrayLike, *, span: int = 2, estimator: Estimator = "mr", **options: Unpack[Common]
) -> ControlChart:
    """I-MR chart: single values, with their moving ranges as companion.

    Parameters
    ----------
    values
        ``(N,)`` values in the order they were measured.
    span
        How many successive values a moving range spans.
    estimator
        Sigma from the mean (``"mr"``) or median (``"median_mr"``) moving range, the mean squared successive
        difference (``"mssd"``), or all values (``"sd"``, or ``"sd_unbiased"`` over c4).
    options
        See :class:`~assay.stats.charts.options.Common`.

    Raises
    ------
    NotFinite, NotNumeric, WrongShape, TooFewPoints, ConstantData, NoSpreadWithin, UnknownOption, OutOfRange,
    NoSuchPoint, NoPhase1

    Notes
    -----
    Centre: the mean. Limits: ± 3 sigma with sigma = mean(MR)/d2. The moving-range chart starts with NaN at
    the points that have too few before them, in each stage; a moving range is estimated from where all its
    values are. Run rules don't apply to it: successive moving ranges share values. Montgomery 2020, sec. 6.4.
    """
    settings = Options(**options)
    span = _span(span)
    # With a given sigma a single value can be judged; a moving range is not needed then.
    found = vector(values, least=span if settings.sigma is None else 1, what="imr")
    return single(found, settings, span=span, estimator=estimator, observer=OneValue(span))


def single(
    values: Floats,
    options: Options,
    *,
    span: int,
    estimator: str,
    observer: Observer,
    default: run_rules.Rules = "nelson",
    label: tuple[str, ...] | None = None,
) -> ControlChart:
    """The I-MR chart of values that are checked."""
    rules = options.chosen(default)
    phases = options.plan(values.size, estimates=not options.given)
    ranges = moving(values, phases, span)
    spreads = successive(values, ranges, phases, options, span=span, estimator=estimator)
    estimates = [
        Individual(
            float(values[stretch.estimating].mean()) if options.center is None else options.center,
            sigma,
            options.width,
        )
        for stretch, sigma in zip(phases.stretches, spreads, strict=True)
    ]
    beside: list[Estimate] = [MovingRange(sigma, options.width, options.constants, span) for sigma in spreads]
    used = "given" if options.sigma is not None else estimator
    labels = options.names(values.size, label)
    said = _sigma_formula(used, span, options)
    companion = assemble(
        "moving_range",
        ranges,
        beside,
        phases,
        options,
        rules=limits_alone(rules),
        labels=labels,
        estimator=used,
        formula=f"d2·σ ± {options.width:.6g}·d3·σ; {said}",
    )
    center = "x̄" if options.center is None else f"{options.center:.10g}"
    return assemble(
        "individuals",
        values,
        estimates,
        phases,
        options,
        rules=rules,
        labels=labels,
        estimator=used,
        formula=f"{center} ± {options.width:.6g}·σ; {said}",
        companions=(companion,),
        live=Form(observer, (estimates[-1], beside[-1]), (rules, limits_alone(rules))),
    )


def imr_rs(
    values: ArrayLike,
    subgroup: ArrayLike | int | None = None,
    *,
    within: Literal["r", "s"] = "r",
    span: int = 2,
    estimator: Estimator = "mr",
    sigma_within: float | None = None,
    **options: Unpack[Common],
) -> ControlChart:
    """I-MR-R/S chart (between and within): subgroup means as single values, their moving ranges, and R or S.

    Parameters
    ----------
    values, subgroup
        As in :func:`assay.stats.charts.variables.xbar_r`.
    within
        ``"r"`` for ranges, ``"s"`` for standard deviations within the subgroups.
    span, estimator
        Of the moving ranges of the means, as in :func:`imr`.
    sigma_within
        Historical standard deviation within subgroups; ``sigma`` is that of the means.
    options
        See :class:`~assay.stats.charts.options.Common`.

    Raises
    ------
    NotFinite, NotNumeric, WrongShape, TooFewPoints, UnequalSubgroups, SingletonSubgroups, SplitSubgroup,
    ConstantData, NoSpreadWithin, UnknownOption, OutOfRange, NoSuchPoint, NoPhase1

    Notes
    -----
    For processes in which subgroups differ more than the values within them explain, such as batches or
    cavities: the limits of the means come from how the means move. Each mean counts once, whatever its size.
    """
    settings = Options(**options)
    spread = "range" if one_of(within, ("r", "s"), "within") == "r" else "deviation"
    groups = grouped(values, subgroup, "imr_rs")
    means = statistic(groups, "means")
    if means.size < _span(span) and settings.sigma is None:
        raise TooFewPoints(what="imr_rs", count=means.size, least=span)
    observer = SubgroupMean(PLURAL[spread], span)
    chart = single(means, settings, span=span, estimator=estimator, observer=observer, label=named(groups))
    inner = replace(settings, sigma=sigma_within, center=None)
    how = Settings(inner, "rbar" if spread == "range" else "sbar", "uwave", None, "expected")
    phases = inner.plan(groups.count, estimates=not (settings.given and sigma_within is not None))
    rules = limits_alone(settings.chosen("nelson"))
    beside, last = dispersion_chart(groups, spread, sigma_of(groups, phases, how), phases, how, rules=rules)
    outer = chart._live  # noqa: SLF001 - the same package; its form grows by one line
    assert isinstance(outer, Form)  # noqa: S101 - as made above
    return replace(
        chart,
        companions=(*chart.companions, beside),
        _live=Form(observer, (*outer.estimates, last), (*outer.rules, rules)),
    )


def _span(span: int) -> int:
    if int(span) != span:
        raise NotACount(name="span", index=0, value=span)
    if span < 2:
        raise OutOfRange(name="span", value=span, low=2, high=tables.LARGEST_RANGE)
    return int(span)


def moving(values: Floats, phases: Phases, span: int) -> Floats:
    """Moving ranges aligned to their last point, NaN where a stage has too few points before, ``(N,)``."""
    found = np.full(values.size, np.nan)
    for stretch in phases.stretches:
        if stretch.stop - stretch.start >= span:
            found[stretch.start + span - 1 : stretch.stop] = sigmas.moving_ranges(
                values[stretch.points], span=span
            )
    return found


def successive(
    values: Floats, ranges: Floats, phases: Phases, options: Options, *, span: int, estimator: str
) -> list[float]:
    """Sigma of each stage from its values in phase I: the given one, or by the named estimator.

    Raises
    ------
    TooFewPoints, ConstantData, NoSpreadWithin, UnknownOption
    """
    one_of(estimator, ESTIMATORS, "estimator")
    if options.sigma is not None:
        return [options.sigma] * len(phases.stretches)
    found = []
    for stretch in phases.stretches:
        own = values[stretch.estimating]
        if estimator in sigmas.OVERALL:
            found.append(sigmas.OVERALL[estimator](own))
            continue
        if isinstance(stretch.estimating, slice):
            known = sigmas.moving_ranges(own, span=span)
        else:
            known = complete(ranges, stretch.estimating, span)
        found.append(_from_ranges(known, own, estimator, span, options))
    return found


def complete(ranges: Floats, chosen: Ints, span: int) -> Floats:
    """The moving ranges all of whose values are among the ``chosen`` indices."""
    inside = np.zeros(ranges.size, bool)
    inside[chosen] = True
    whole = inside.copy()
    for offset in range(1, span):
        whole[offset:] &= inside[:-offset]
    whole[: span - 1] = False
    return ranges[whole & ~np.isnan(ranges)]


def _from_ranges(ranges: Floats, values: Floats, estimator: str, span: int, options: Options) -> float:
    """Sigma from moving ranges, which needn't follow each other without gaps."""
    if ranges.size == 0:
        raise TooFewPoints(what=f"moving ranges of {span}", count=0, least=1)
    if not ranges.any():
        raise ConstantData(name="values", count=values.size, value=float(values[0]))
    if estimator == "mssd":
        return math.sqrt(float(ranges @ ranges) / (2 * ranges.size))
    if estimator == "median_mr":
        middle = float(np.median(ranges))
        if middle == 0:
            raise NoSpreadWithin(count=ranges.size, name="moving ranges", value=0.0)
        return middle / tables.d4(span)
    return float(ranges.mean()) / tables.d2(span, options.constants)


def _sigma_formula(estimator: str, span: int, options: Options) -> str:
    if estimator == "mr":
        return f"{SIGMA[estimator]}; d2({span}) = {tables.d2(span, options.constants):.5g}"
    return SIGMA[estimator]


KINDS = (
    kind("imr", imr, "individuals", "span", "estimator"),
    kind("imr_rs", imr_rs, "subgroups", "within", "span", "estimator", "sigma_within"),
)
"""The charts of this module."""
