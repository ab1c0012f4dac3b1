"""Charts of counts: p, np, c, u, and Laney's p′ and u′.

Sources: Montgomery, *Introduction to Statistical Quality Control*, 8th ed. 2020, chapter 7; ISO 7870-2:2023;
Laney 2002, Quality Engineering 14, 531-537. Defaults to the first four of Nelson's rules: those on zones
suppose a symmetric distribution.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Unpack

import numpy  # noqa: ICN001 - np is a chart here
from numpy.typing import ArrayLike

from assay.stats import arrays
from assay.stats import constants as tables
from assay.stats.arrays import Floats, positive, within_sizes
from assay.stats.charts.assemble import Estimate, Number, assemble, joined
from assay.stats.charts.chart import ControlChart
from assay.stats.charts.individuals import complete, moving
from assay.stats.charts.kind import kind
from assay.stats.charts.live import Form, OneCount
from assay.stats.charts.models import Defectives, Defects, Proportion, Rate
from assay.stats.charts.options import Common, Options
from assay.stats.charts.phases import Phases, Stretch
from assay.stats.errors import ConstantData, OutOfRange, TooFewPoints, UnequalSubgroups, UnknownOption

RULES: tuple[str, ...] = ("nelson1", "nelson2", "nelson3", "nelson4")
"""Rules of charts of counts, unless others are asked for."""


def p(counts: ArrayLike, sizes: ArrayLike, **options: Unpack[Common]) -> ControlChart:
    """p chart: the share of defective items in each sample.

    Parameters
    ----------
    counts
        ``(m,)`` defective items.
    sizes
        Items in each sample: ``(m,)``, or one number for all.
    options
        See :class:`~assay.stats.charts.options.Common`; ``center`` is the historical share.

    Raises
    ------
    NotFinite, NotNumeric, WrongShape, TooFewPoints, NegativeCount, NotACount, CountAboveSize, NotPositive,
    ConstantData, OutOfRange, UnknownOption, NoSuchPoint, NoPhase1

    Notes
    -----
    Centre p̄ = Σ defectives / Σ items in phase I. Limits p̄ ± 3 √(p̄(1−p̄)/n), within 0 … 1; zones are thirds of
    the way before that clipping. Montgomery 2020, sec. 7.2.
    """
    return _chart("p", counts, sizes, options)


def np(counts: ArrayLike, sizes: ArrayLike, **options: Unpack[Common]) -> ControlChart:
    """np chart: the number of defective items in each sample.

    Arguments and refusals as in :func:`p`; ``center`` is the historical number, for samples of one size
    (UnequalSubgroups where they differ). Limits np̄ ± 3 √(np̄(1−p̄)), within 0 … n. Montgomery 2020, sec. 7.2.
    """
    return _chart("np", counts, sizes, options)


def c(counts: ArrayLike, **options: Unpack[Common]) -> ControlChart:
    """c chart: the number of defects in equal units.

    ``counts`` are ``(m,)``; options and refusals as in :func:`p`. Limits c̄ ± 3 √c̄, not below 0. Montgomery
    2020, sec. 7.3.
    """
    return _chart("c", counts, None, options)


def u(counts: ArrayLike, sizes: ArrayLike, **options: Unpack[Common]) -> ControlChart:
    """u chart: defects per unit where samples hold different numbers of units, or areas.

    Arguments and refusals as in :func:`p`; ``sizes`` needn't be whole. Centre ū = Σ defects / Σ units. Limits
    ū ± 3 √(ū/n), not below 0. Montgomery 2020, sec. 7.3.
    """
    return _chart("u", counts, sizes, options)


def laney_p(
    counts: ArrayLike, sizes: ArrayLike, *, overdispersion: float | None = None, **options: Unpack[Common]
) -> ControlChart:
    """Laney's p′ chart: a p chart whose limits follow how much samples really differ.

    Arguments and refusals as in :func:`p`; ``overdispersion`` is a historical σz. Limits p̄ ± 3 σz √(p̄(1−p̄)/n)
    with σz = mean(MR of z)/d2(2), z = (p − p̄)/√(p̄(1−p̄)/n). Above 1: more spread than the binomial has.
    Laney 2002.
    """
    return _chart("laney_p", counts, sizes, options, overdispersion)


def laney_u(
    counts: ArrayLike, sizes: ArrayLike, *, overdispersion: float | None = None, **options: Unpack[Common]
) -> ControlChart:
    """Laney's u′ chart: a u chart whose limits follow how much samples really differ.

    Arguments and refusals as in :func:`u`; ``overdispersion`` is a historical σz. Limits ū ± 3 σz √(ū/n) with
    σz = mean(MR of z)/d2(2), z = (u − ū)/√(ū/n). Laney 2002.
    """
    return _chart("laney_u", counts, sizes, options, overdispersion)


@dataclass(frozen=True)
class _Kind:
    """What tells the charts of counts from each other."""

    items: bool
    """Whether the sizes are items, of which some are defective."""
    share: bool
    """Whether the count is plotted over its size."""
    model: Callable[..., Estimate]
    formula: str


_KINDS: dict[str, _Kind] = {
    "p": _Kind(True, True, Proportion, "p̄ ± {width}·√(p̄(1−p̄)/n)"),
    "np": _Kind(True, False, Defectives, "np̄ ± {width}·√(np̄(1−p̄))"),
    "c": _Kind(False, False, Defects, "c̄ ± {width}·√c̄"),
    "u": _Kind(False, True, Rate, "ū ± {width}·√(ū/n)"),
    "laney_p": _Kind(True, True, Proportion, "p̄ ± {width}·σz·√(p̄(1−p̄)/n)"),
    "laney_u": _Kind(False, True, Rate, "ū ± {width}·σz·√(ū/n)"),
}


def _chart(
    name: str, given: ArrayLike, sizes: ArrayLike | None, options: Common, overdispersion: float | None = None
) -> ControlChart:
    how, settings = _KINDS[name], Options(**options)
    if settings.sigma is not None:
        raise UnknownOption(name="sigma", value=settings.sigma, known="center")
    found = arrays.counts(given)
    of = _sizes(sizes, found, how)
    laney = name.startswith("laney")
    fixed = settings.center is not None and not (laney and overdispersion is None)
    phases = settings.plan(found.size, estimates=not fixed)
    totals = [_totals(found, of, stretch, how, settings) for stretch in phases.stretches]
    levels = [total / units for total, units in totals]
    statistics = found / of if how.share else found
    extra: list[float] = []
    if laney:
        extra = (
            [positive(overdispersion, "overdispersion")] * len(levels)
            if overdispersion is not None
            else _scatter(statistics, of, levels, phases, items=how.items, settings=settings)
        )
    estimates = [
        how.model(*found_in, settings.width, *(extra[number : number + 1]))
        for number, found_in in enumerate(totals)
    ]
    rules = settings.chosen(RULES)
    return assemble(
        name,
        statistics,
        estimates,
        phases,
        settings,
        rules=rules,
        sizes=None if sizes is None else of,
        labels=settings.names(found.size),
        estimator=("poisson", "binomial")[how.items] if settings.center is None else "given",
        formula=_formula(how, levels, extra, settings),
        overdispersion=joined(list(extra), phases) if laney else None,
        live=Form(OneCount(share=how.share, items=how.items), (estimates[-1],), (rules,)),
    )


def _sizes(sizes: ArrayLike | None, found: Floats, how: _Kind) -> Number:
    """One size for all, or one each; 1 where the chart has none."""
    if sizes is None:
        return 1.0
    of = arrays.sizes(sizes, found)
    if how.items:
        arrays.counts(of, "sizes")
        within_sizes(found, of)
    smallest = float(of.min())
    return smallest if smallest == float(of.max()) else numpy.ascontiguousarray(of)


def _totals(
    found: Floats, of: Number, stretch: Stretch, how: _Kind, settings: Options
) -> tuple[float, float]:
    """Defectives (defects) and items (units) of a stage, whose ratio is its p̄, c̄ or ū.

    Raises
    ------
    ConstantData, OutOfRange, NotPositive, UnequalSubgroups
    """
    if settings.center is not None:
        return _given(settings.center, of, how)
    chosen = found[stretch.estimating]
    total = float(chosen.sum())
    units = float(of[stretch.estimating].sum()) if isinstance(of, numpy.ndarray) else of * chosen.size
    if total == 0:
        raise ConstantData(name="counts", count=chosen.size, value=0.0)
    if how.items and total == units:
        raise ConstantData(name="counts/sizes", count=chosen.size, value=1.0)
    return total, units


def _given(center: float, of: Number, how: _Kind) -> tuple[float, float]:
    units = 1.0
    if how.items and not how.share:
        if isinstance(of, numpy.ndarray):
            raise UnequalSubgroups(what="np, center", smallest=float(of.min()), largest=float(of.max()))
        units = of
    if how.items and positive(center, "center") >= units:
        raise OutOfRange(name="center", value=center, low=0, high=units)
    return positive(center, "center"), units


def _scatter(
    statistics: Floats, of: Number, levels: list[float], phases: Phases, *, items: bool, settings: Options
) -> list[float]:
    """Laney's σz of each stage: the mean moving range of the standardised points over d2.

    Raises
    ------
    TooFewPoints, ConstantData
    """
    found = []
    for stretch, level in zip(phases.stretches, levels, strict=True):
        own = of[stretch.points] if isinstance(of, numpy.ndarray) else of
        variance = level * (1.0 - level) if items else level
        z = numpy.zeros(statistics.size)
        z[stretch.points] = (statistics[stretch.points] - level) / numpy.sqrt(variance / own)
        chosen = stretch.estimating
        indices = numpy.arange(chosen.start, chosen.stop) if isinstance(chosen, slice) else chosen
        ranges = complete(moving(z, phases, 2), indices, 2)
        if ranges.size == 0:
            raise TooFewPoints(what="laney", count=indices.size, least=2)
        if not ranges.any():
            raise ConstantData(name="z", count=indices.size, value=float(z[indices[0]]))
        found.append(float(ranges.mean()) / tables.d2(2, settings.constants))
    return found


def _formula(how: _Kind, levels: list[float], extra: list[float], settings: Options) -> str:
    said = how.formula.format(width=f"{settings.width:.6g}")
    if len(levels) > 1:
        return said
    letter = "p̄" if how.items else "ū" if how.share else "c̄"
    found = f"{said}; {letter} = {levels[0]:.6g}"
    return f"{found}; σz = {extra[0]:.6g}" if extra else found


KINDS = (
    kind("p", p, "counts_sizes", without=("sigma", "constants")),
    kind("np", np, "counts_sizes", without=("sigma", "constants")),
    kind("c", c, "counts", without=("sigma", "constants")),
    kind("u", u, "counts_sizes", without=("sigma", "constants")),
    kind("laney_p", laney_p, "counts_sizes", "overdispersion", without=("sigma",)),
    kind("laney_u", laney_u, "counts_sizes", "overdispersion", without=("sigma",)),
)
"""The charts of this module."""
