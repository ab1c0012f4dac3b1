"""The generalised variance chart: the determinant of the covariance within each subgroup.

Sources: F. B. Alt 1985, Encyclopedia of Statistical Sciences 6, 110-122; Montgomery, *Introduction to
Statistical Quality Control*, 8th ed. 2020, section 11.5.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Unpack

import numpy as np
from numpy.typing import ArrayLike

from assay.stats.arrays import Floats, Ints, between, one_of, positive
from assay.stats.charts.assemble import Lines
from assay.stats.charts.chart import ControlChart, LivePoint
from assay.stats.charts.errors import CATALOGUE
from assay.stats.charts.extended import extended
from assay.stats.charts.kind import ChartKind
from assay.stats.charts.multivariate import (
    Multivariate,
    Settings,
    put_together,
    settled,
    several_rows,
)
from assay.stats.charts.vectors import (
    RowGroups,
    covariance_of_members,
    determinant_of,
    given_covariance,
    model,
    names_of,
    row_groups,
    table,
)
from assay.stats.errors import NotACount, TooFewPoints

Determinant = Literal["pooled", "average", "montgomery"]
DETERMINANTS: tuple[Determinant, ...] = ("pooled", "average", "montgomery")
OWN: tuple[str, ...] = ("covariance", "phase1", "stages", "exclude", "labels", "variables")


@dataclass(frozen=True, kw_only=True)
class GeneralisedVarianceChart(ControlChart):
    """A chart of |S|, the determinant of each subgroup's covariance; ``sigma`` is NaN."""

    variables: tuple[str, ...]
    """Names of the P variables."""
    determinant: float
    """The estimate of the process's |Σ|, last stage."""
    covariance: Floats
    """Pooled covariance within subgroups, last stage, ``(P, P)``."""


def b1(n: float, p: int) -> float:
    """Mean of |S| over |Σ| for subgroups of ``n`` rows of ``p`` variables: Π(n − i)/(n − 1)^p, i = 1 … p.

    Raises
    ------
    NotFinite, NotACount, TooFewPoints
    """
    _fit(n, p)
    return math.prod(n - i for i in range(1, p + 1)) / (n - 1.0) ** p


def b2(n: float, p: int) -> float:
    """Variance of |S| over |Σ|² for subgroups of ``n`` rows of ``p`` variables.

    (n − 1)^−2p · Π(n − i) · (Π(n − j + 2) − Π(n − j)), each product over 1 … p. Raises as :func:`b1`.
    """
    _fit(n, p)
    over = range(1, p + 1)
    first = math.prod(n - i for i in over)
    return first * (math.prod(n - j + 2 for j in over) - first) / (n - 1.0) ** (2 * p)


def _fit(n: float, p: int) -> None:
    if between(p, "p", 1, math.inf) != math.floor(p):
        raise NotACount(name="p", index=0, value=p)
    if between(n, "n", 1, math.inf) <= p:
        raise TooFewPoints(what="|S|", count=math.floor(n), least=p + 1)


def generalised_variance(
    values: ArrayLike,
    subgroup: ArrayLike | int | None = None,
    *,
    estimator: Determinant = "pooled",
    width: float = 3.0,
    **options: Unpack[Multivariate],
) -> GeneralisedVarianceChart:
    """Generalised variance chart: the determinant of the covariance within each subgroup.

    Parameters
    ----------
    values
        ``(m, n, P)``, or ``(N, P)`` rows, subgroup after subgroup; each subgroup has more rows than there are
        variables.
    subgroup
        For rows: the size of consecutive subgroups, or a label per row. Sizes may differ.
    estimator
        How |Σ| is estimated: ``"pooled"``, the determinant of the pooled covariance over b1 at its own
        degrees of freedom, which is unbiased (Minitab); ``"average"``, the mean of |S|/b1; ``"montgomery"``,
        the determinant of the mean covariance over b1 of a single subgroup, as in the textbook.
    width
        Distance of the limits from the centre in standard deviations of |S|.
    options
        ``covariance`` (a known one), ``phase1``, ``stages``, ``exclude``, ``labels`` and ``variables`` of
        :class:`~assay.stats.charts.multivariate.Multivariate`.

    Raises
    ------
    NotFinite, NotNumeric, WrongShape, TooFewPoints, UnequalSubgroups, SplitSubgroup, SingularCovariance,
    NotSymmetric, UnknownOption, NotPositive, NoSuchPoint, NoPhase1

    Notes
    -----
    Centre b1·|Σ|, limits |Σ|·(b1 ± 3·√b2), not below 0. Montgomery 2020, equations 11.34 to 11.36.
    """
    settings = settled(options, OWN)
    how = one_of(estimator, DETERMINANTS, "estimator")
    reach = positive(width, "width")
    taken, named = table(values)
    groups = row_groups(taken, subgroup, "generalised_variance")
    dimensions = groups.rows.shape[1]
    variables = names_of(named, settings.variables, dimensions)
    sizes = groups.sizes
    if sizes.min() <= dimensions:
        raise TooFewPoints(what="generalised_variance", count=int(sizes.min()), least=dimensions + 1)
    phases = settings.phases.plan(groups.count, estimates=settings.covariance is None)
    statistics, covariances = _within(groups, dimensions)
    spreads, pooled = [], np.empty((dimensions, dimensions))
    for stretch in phases.stretches:
        chosen = np.arange(groups.count)[stretch.estimating]
        determinant, pooled = _determinant((statistics, covariances, sizes), chosen, settings, how)
        spreads.append(_Spread(determinant, dimensions, reach))
    lines = [
        spread.over(sizes[stretch.points]) for spread, stretch in zip(spreads, phases.stretches, strict=True)
    ]
    chart = put_together(
        "generalised_variance",
        statistics,
        lines,
        phases,
        settings,
        sizes=float(sizes[0]) if sizes.min() == sizes.max() else sizes,
        labels=groups.labels,
        estimator=how if settings.covariance is None else "given",
        formula=f"|Σ|(b1 ± {reach:.6g}√b2); |Σ| = {spreads[-1].determinant:.6g}",
        live=VarianceForm(spreads[-1]),
    )
    return extended(
        GeneralisedVarianceChart,
        chart,
        variables=variables,
        determinant=spreads[-1].determinant,
        covariance=pooled,
    )


def _within(groups: RowGroups, dimensions: int) -> tuple[Floats, Floats]:
    """|S| and S of each subgroup, ``(m,)`` and ``(m, P, P)``."""
    statistics = np.empty(groups.count)
    covariances = np.empty((groups.count, dimensions, dimensions))
    for _, where, members in groups.by_size():
        lower = covariance_of_members(members)
        statistics[where] = determinant_of(lower)
        for row, line in enumerate(lower):
            for column, entry in enumerate(line):
                covariances[where, row, column] = covariances[where, column, row] = entry
    return statistics, covariances


def _determinant(
    within: tuple[Floats, Floats, Floats], chosen: Ints, settings: Settings, how: Determinant
) -> tuple[float, Floats]:
    """The estimate of |Σ| from the chosen subgroups, and their pooled covariance."""
    statistics, covariances, sizes = within
    dimensions = covariances.shape[1]
    if settings.covariance is not None:
        known = given_covariance(settings.covariance, dimensions)
        return model(np.zeros(dimensions), known, math.inf, math.inf, count=chosen.size).determinant, known
    weights = sizes[chosen] - 1.0
    freedom = float(weights.sum())
    pooled = np.einsum("g,gij->ij", weights, covariances[chosen]) / freedom
    whole = model(np.zeros(dimensions), pooled, math.inf, freedom, count=chosen.size).determinant
    if how == "pooled":
        return whole / b1(freedom + 1.0, dimensions), pooled
    scale = np.array([b1(size, dimensions) for size in sizes[chosen]])
    if how == "average":
        return float((statistics[chosen] / scale).mean()), pooled
    plain = covariances[chosen].mean(axis=0)
    return float(np.linalg.det(plain)) / float(scale.mean()), pooled


@dataclass(frozen=True)
class _Spread:
    """|Σ| with the lines of |S| that follow from it."""

    determinant: float
    dimensions: int
    width: float

    def at(self, size: float) -> tuple[float, float, float]:
        """Centre and limits at a subgroup size."""
        first = b1(size, self.dimensions)
        reach = self.width * math.sqrt(b2(size, self.dimensions))
        return (
            self.determinant * first,
            max(0.0, self.determinant * (first - reach)),
            self.determinant * (first + reach),
        )

    def over(self, sizes: Floats) -> Lines:
        """Lines over subgroups, as floats where they have one size."""
        if sizes.min() == sizes.max():
            return Lines(*self.at(float(sizes[0])), None)
        known = {size: self.at(size) for size in np.unique(sizes).tolist()}
        center, lcl, ucl = np.array([known[size] for size in sizes.tolist()]).T
        return Lines(center, lcl, ucl, None)


@dataclass(frozen=True)
class VarianceForm:
    """The live form: |Σ| of the last stage."""

    spread: _Spread

    def start(self, chart: ControlChart) -> LiveVariance:
        """Go on after ``chart``'s last point."""
        return LiveVariance(self.spread, chart.statistics.size, chart.rules)


class LiveVariance:
    """A generalised variance chart that takes one subgroup at a time."""

    def __init__(self, spread: _Spread, index: int, rules: tuple[str, ...]) -> None:
        self._spread = spread
        self._index = index
        self._rules = rules
        self._lines: tuple[float, tuple[float, float, float]] | None = None

    def add(self, observation: object, /) -> LivePoint:
        """Take one subgroup ``(n, P)`` with n > P.

        Raises
        ------
        NotNumeric, NotFinite, WrongShape, TooFewPoints
        """
        dimensions = self._spread.dimensions
        members = several_rows(observation, dimensions, dimensions + 1)
        size = float(len(members))
        if self._lines is None or self._lines[0] != size:
            self._lines = (size, self._spread.at(size))
        center, lcl, ucl = self._lines[1]
        value = float(determinant_of(covariance_of_members(members)))
        beyond = value > ucl or value < lcl
        found = LivePoint(self._index, value, center, lcl, ucl, self._rules if beyond else ())
        self._index += 1
        return found


KINDS = (
    ChartKind(
        "generalised_variance",
        CATALOGUE.text("title.generalised_variance"),
        generalised_variance,
        "multivariate",
        ("estimator", "width", *OWN),
    ),
)
