"""Standardised charts of counts, for short runs of parts that differ in their usual share or rate of defects.

Source: Montgomery, *Introduction to Statistical Quality Control*, 8th ed. 2020, section 10.1.3 and section
7.3.2 (the standardised control chart).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np
from numpy.typing import ArrayLike

from assay.stats.arrays import Floats, between, counts, sizes, within_sizes
from assay.stats.charts.assemble import assemble
from assay.stats.charts.chart import ControlChart
from assay.stats.charts.errors import UnknownPart
from assay.stats.charts.extended import extended, several
from assay.stats.charts.kind import kind
from assay.stats.charts.live import Form, Plotted, Taking, count, number
from assay.stats.charts.models import Individual
from assay.stats.charts.options import Common, Options
from assay.stats.charts.parts import Labels, Part, ShortRunChart, by_part, coded, estimating, some
from assay.stats.errors import ConstantData, CountAboveSize, NotPositive


def standardised_p(
    counts: ArrayLike,
    sizes: ArrayLike,
    part: Labels,
    *,
    proportions: Mapping[Any, float] | None = None,
    **options: Unpack[Common],
) -> ShortRunChart:
    """Standardised p chart: (p̂ − p̄)/√(p̄(1 − p̄)/n) with each part's own p̄.

    Parameters
    ----------
    counts
        ``(m,)`` defective items in each sample.
    sizes
        Items in each sample: ``(m,)``, or one number for all.
    part
        ``(m,)`` labels.
    proportions
        Usual share of defective items by part; estimated from phase I where it isn't given.
    options
        See :class:`~assay.stats.charts.options.Common`; ``center`` and ``sigma`` are 0 and 1 by construction.

    Raises
    ------
    NotFinite, NotNumeric, WrongShape, TooFewPoints, NegativeCount, NotACount, NotPositive, CountAboveSize,
    ConstantData, OutOfRange, UnknownPart, MissingPart, UnknownOption, NoSuchPoint, NoPhase1

    Notes
    -----
    Limits ± 3, Nelson's first four rules by default. A standardised np chart has the same points.
    """
    return _standardised("standardised_p", counts, sizes, part, given=proportions, options=options)


def standardised_u(
    counts: ArrayLike,
    sizes: ArrayLike,
    part: Labels,
    *,
    rates: Mapping[Any, float] | None = None,
    **options: Unpack[Common],
) -> ShortRunChart:
    """Standardised u chart: (u − ū)/√(ū/n) with each part's own ū.

    Parameters
    ----------
    counts
        ``(m,)`` defects in each sample.
    sizes
        Units (area of opportunity) in each sample: ``(m,)``, or one number for all. With 1 it is a
        standardised c chart.
    part
        ``(m,)`` labels.
    rates
        Usual number of defects per unit by part; estimated from phase I where it isn't given.
    options
        See :class:`~assay.stats.charts.options.Common`; ``center`` and ``sigma`` are 0 and 1 by construction.

    Raises
    ------
    NotFinite, NotNumeric, WrongShape, TooFewPoints, NegativeCount, NotACount, NotPositive, ConstantData,
    UnknownPart, MissingPart, UnknownOption, NoSuchPoint, NoPhase1
    """
    return _standardised("standardised_u", counts, sizes, part, given=rates, options=options)


def _standardised(
    name: str,
    given_counts: ArrayLike,
    given_sizes: ArrayLike,
    part: Labels,
    *,
    given: Mapping[Any, float] | None,
    options: Common,
) -> ShortRunChart:
    settings = Options(**options)
    found = counts(given_counts)
    per = sizes(given_sizes, found)
    items = name == "standardised_p"
    if items:
        within_sizes(found, per)
    which = coded(part, found.size)
    known = {str(one) for one in given or {}}
    phases = settings.plan(found.size, estimates=not known.issuperset(which.names))
    chosen = estimating(phases)

    def usual(place: int) -> float:
        points = some(chosen & (which.codes == place), which.names[place])
        return float(found[points].sum() / per[points].sum())

    centers = by_part(which.names, given, "proportions" if items else "rates", usual)
    tally: list[int] = np.bincount(which.codes[chosen], minlength=len(which.names)).tolist()
    scales = _scales(centers, which.names, tally, items=items)
    estimates = tuple(
        Part(part_name, center, scale, 0 if part_name in known else count_of)
        for part_name, center, scale, count_of in zip(
            which.names, centers.tolist(), scales.tolist(), tally, strict=True
        )
    )
    z = (found / per - centers[which.codes]) * np.sqrt(per) / scales[which.codes]
    rules = settings.chosen(("nelson1", "nelson2", "nelson3", "nelson4"))
    estimate = Individual(0.0, 1.0, settings.width)
    observer = OneStandardised(estimates, items)
    chart = assemble(
        name,
        z,
        [estimate] * len(phases.stretches),
        phases,
        settings,
        rules=rules,
        labels=settings.names(found.size),
        estimator="given" if known.issuperset(which.names) else "parts",
        formula=_FORMULA[name].format(width=f"{settings.width:.6g}"),
        live=Form(observer, (estimate,), (rules,)),
    )
    return extended(ShortRunChart, chart, parts=which.listed, estimates=estimates, method="parts")


_FORMULA = {
    "standardised_p": "z = (p − p̄)/√(p̄(1 − p̄)/n), 0 ± {width}",
    "standardised_u": "z = (u − ū)/√(ū/n), 0 ± {width}",
}


def _scales(centers: Floats, names: tuple[str, ...], samples: list[int], *, items: bool) -> Floats:
    """Standard deviation of one item's count, or of one unit's, by part."""
    for name, center, count_of in zip(names, centers.tolist(), samples, strict=True):
        between(center, name, 0.0, 1.0 if items else math.inf)
        if center == 0 or (items and center == 1):
            raise ConstantData(name=name, count=count_of, value=center)
    return np.sqrt(centers * (1.0 - centers)) if items else np.sqrt(centers)


@dataclass(frozen=True)
class OneStandardised:
    """``(count, size, part)`` as its standardised value."""

    estimates: tuple[Part, ...]
    items: bool

    def begin(self, chart: ControlChart) -> Taking:
        """Samples know nothing of each other."""
        known = {part.part: part for part in self.estimates}

        def take(observation: object) -> tuple[Plotted, ...]:
            counted, among, named = several(observation, 3, "(count, size, part)")
            found, size = count(counted), number(among, "size")
            if size <= 0:
                raise NotPositive(name="size", value=size)
            if self.items and found > size:
                raise CountAboveSize(index=0, value=found, size=size)
            part = known.get(str(named))
            if part is None:
                raise UnknownPart(part=str(named))
            return (((found / size - part.center) * math.sqrt(size) / part.scale, None),)

        return take


KINDS = (
    kind("standardised_p", standardised_p, "parts_counts", "proportions", without=("center", "sigma")),
    kind("standardised_u", standardised_u, "parts_counts", "rates", without=("center", "sigma")),
)
"""The kinds of chart in this module."""
