"""The multivariate EWMA chart.

Source: C. A. Lowry, W. H. Woodall, C. W. Champ and S. E. Rigdon, "A multivariate exponentially weighted
moving average control chart", Technometrics 34 (1992) 46-53; Montgomery, *Introduction to Statistical Quality
Control*, 8th ed. 2020, section 11.4.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, islice
from typing import Literal, Unpack

import numpy as np
from numpy.typing import ArrayLike

from assay.stats.arl import design_mewma
from assay.stats.arrays import Floats, between, matrix, one_of, positive
from assay.stats.charts.assemble import Lines
from assay.stats.charts.chart import ControlChart, LivePoint
from assay.stats.charts.errors import CATALOGUE
from assay.stats.charts.extended import extended
from assay.stats.charts.kind import ChartKind
from assay.stats.charts.multivariate import (
    OPTIONS,
    Multivariate,
    MultivariateChart,
    Settings,
    Verge,
    judged,
    one_row,
    put_together,
    settled,
    several_rows,
)
from assay.stats.charts.t2_charts import ESTIMATORS, Covariance, individuals_model, pooled_means
from assay.stats.charts.vectors import (
    Model,
    apart,
    are_subgroups,
    columns_of,
    distance,
    distance_of_one,
    mean_of_members,
    names_of,
    row_groups,
    table,
)
from assay.stats.errors import UnequalSubgroups

MewmaLimits = Literal["exact", "asymptotic"]
MEWMA_LIMITS: tuple[MewmaLimits, ...] = ("exact", "asymptotic")
OWN: tuple[str, ...] = tuple(name for name in OPTIONS if name != "alpha")


@dataclass(frozen=True, kw_only=True)
class MewmaChart(MultivariateChart):
    """A MEWMA chart; ``vectors`` are the weighted averages of the observations, ``(m, P)``."""

    lam: float
    """Weight λ of the latest observation."""
    h: float
    """Control limit on T²."""
    _factors: Floats

    def _judged(self, index: int) -> tuple[Model, float, float]:
        model, _, _ = super()._judged(index)
        # The distribution of a term of z isn't known: its limits are not numbers.
        return model, 1.0 / float(self._factors[index]), float("nan")


def mewma(
    values: ArrayLike,
    subgroup: ArrayLike | int | None = None,
    *,
    lam: float = 0.1,
    h: float | None = None,
    arl0: float = 200.0,
    limits: MewmaLimits = "exact",
    estimator: Covariance = "sample",
    **options: Unpack[Multivariate],
) -> MewmaChart:
    """MEWMA chart of observations, or of the means of subgroups.

    Parameters
    ----------
    values
        ``(N, P)`` observations; with ``subgroup``, rows in subgroups of one size; ``(m, n, P)`` subgroups.
    subgroup
        None for single observations, the size of consecutive subgroups, or a label per row.
    lam
        Weight λ of the latest observation, 0 < λ ≤ 1.
    h
        Control limit on T²; None for the one whose in-control average run length is ``arl0``.
    arl0
        In-control average run length that ``h`` is designed for, by :func:`assay.stats.arl.design_mewma`.
    limits
        ``"exact"``: T² by the covariance that z has at each point; ``"asymptotic"``: by that in the long run,
        for which ``arl0`` holds exactly. With exact covariances the first points signal sooner.
    estimator
        Covariance of single observations: ``"sample"`` or ``"successive_differences"``. That of subgroups is
        pooled.
    options
        See :class:`~assay.stats.charts.multivariate.Multivariate`, without ``alpha``.

    Raises
    ------
    NotFinite, NotNumeric, WrongShape, TooFewPoints, UnequalSubgroups, SingletonSubgroups, SplitSubgroup,
    ConstantData, SingularCovariance, NotSymmetric, UnknownOption, NotPositive, OutOfRange, NoSuchPoint,
    NoPhase1

    Notes
    -----
    z(i) = λ(x(i) − μ) + (1 − λ)z(i − 1) from z(0) = 0; T² = z′Σz⁻¹z with Σz = λ/(2 − λ)·(1 − (1 − λ)^2i)·Σ.
    Excluded points stay in the average. Each stage starts anew.
    """
    settings = settled(options, OWN)
    weight = between(lam, "lam", 1e-5, 1.0)
    how = one_of(limits, MEWMA_LIMITS, "limits")
    covariance = one_of(estimator, ESTIMATORS, "estimator")
    single = subgroup is None and not are_subgroups(values)
    taken, named = table(values)
    if single:
        rows, size, labels = matrix(taken, what="mewma"), 1.0, None
        variables = names_of(named, settings.variables, rows.shape[1])
        phases = settings.plan(rows.shape[0])
        models = [
            individuals_model(rows[stretch.estimating], settings, covariance, variables)
            for stretch in phases.stretches
        ]
    else:
        groups = row_groups(taken, subgroup, "mewma")
        if groups.sizes.min() != groups.sizes.max():
            raise UnequalSubgroups(
                what="mewma", smallest=int(groups.sizes.min()), largest=int(groups.sizes.max())
            )
        variables = names_of(named, settings.variables, groups.rows.shape[1])
        phases = settings.plan(groups.count)
        rows, models = pooled_means(groups, phases, settings, variables)
        size, labels = float(groups.sizes[0]), groups.labels
    limit = design_mewma(weight, len(variables), arl0) if h is None else positive(h, "h")
    averages, statistics = np.empty(rows.shape), np.empty(rows.shape[0])
    factors = np.empty(rows.shape[0])
    last: list[float] = []
    factor = 0.0
    for stretch, one in zip(phases.stretches, models, strict=True):
        smoothed = [_smoothed(column, weight) for column in apart(columns_of(rows[stretch.points]), one.mean)]
        grown = np.array(list(islice(_factors(weight, how), stretch.stop - stretch.start)))
        squared = distance([np.array(column) for column in smoothed], one.whitening)
        statistics[stretch.points] = size * (squared / grown)
        averages[stretch.points] = np.array(smoothed).T + one.mean
        factors[stretch.points] = grown / size
        last, factor = [column[-1] for column in smoothed], float(grown[-1])
    verge = Verge(_median(len(variables)), limit)
    chart = put_together(
        "mewma",
        statistics,
        [Lines(verge.center, 0.0, verge.ucl, None)] * len(models),
        phases,
        settings,
        sizes=None if single else size,
        labels=labels,
        estimator=_estimator(settings, covariance, single=single),
        formula=f"T² = z′Σz⁻¹z; λ = {weight:g}, h = {limit:.6g}, Σz {how}",
        live=MewmaForm(models[-1], weight, how, verge, size, tuple(last), factor, single),
    )
    return extended(
        MewmaChart,
        chart,
        variables=variables,
        alpha=float("nan"),
        mean=models[-1].mean,
        covariance=models[-1].covariance,
        determinant=models[-1].determinant,
        vectors=averages,
        lam=weight,
        h=limit,
        _models=tuple(models),
        _factors=factors,
    )


def _estimator(settings: Settings, covariance: str, *, single: bool) -> str:
    if settings.covariance is not None:
        return "given"
    return covariance if single else "pooled"


def _median(dimensions: int) -> float:
    """Median of T² at a point of a process in control: that of χ²."""
    from scipy.special import chdtri

    return float(chdtri(dimensions, 0.5))


def _smoothed(deviations: Floats, lam: float) -> list[float]:
    stay = 1.0 - lam
    return list(
        islice(accumulate(deviations.tolist(), lambda z, d: lam * d + stay * z, initial=0.0), 1, None)
    )


def _factors(lam: float, how: MewmaLimits) -> Iterator[float]:
    """Variance of z over that of one observation, from the first point on."""
    factor = 0.0
    while True:
        factor = _next_factor(factor, lam, how)
        yield factor


def _next_factor(before: float, lam: float, how: MewmaLimits) -> float:
    if how == "asymptotic":
        return lam / (2.0 - lam)
    return lam * lam + (1.0 - lam) * (1.0 - lam) * before


@dataclass(frozen=True)
class MewmaForm:
    """The live form: the last stage's model, and z at its last point."""

    model: Model
    lam: float
    limits: MewmaLimits
    verge: Verge
    size: float
    last: tuple[float, ...]
    factor: float
    single: bool

    def start(self, chart: ControlChart) -> LiveMewma:
        """Go on after ``chart``'s last point."""
        return LiveMewma(self, chart.statistics.size)


class LiveMewma:
    """A MEWMA chart that takes one observation, or one subgroup, at a time."""

    def __init__(self, form: MewmaForm, index: int) -> None:
        self._form = form
        self._last = np.array(form.last)
        self._factor = form.factor
        self._index = index

    def add(self, observation: object, /) -> LivePoint:
        """Take one observation ``(P,)``, or one subgroup ``(n, P)`` of the chart's size.

        Raises
        ------
        NotNumeric, NotFinite, WrongShape, TooFewPoints, UnequalSubgroups
        """
        form, model = self._form, self._form.model
        if form.single:
            row = one_row(observation, model.dimensions)
        else:
            members = several_rows(observation, model.dimensions, 1)
            if len(members) != form.size:
                sizes = sorted((len(members), int(form.size)))
                raise UnequalSubgroups(what="mewma", smallest=sizes[0], largest=sizes[1])
            row = np.array(mean_of_members(members))
        self._last = form.lam * (row - model.mean) + (1.0 - form.lam) * self._last
        self._factor = _next_factor(self._factor, form.lam, form.limits)
        value = form.size * (distance_of_one(self._last, model.factor) / self._factor)
        found = judged(self._index, value, form.verge)
        self._index += 1
        return found


KINDS = (
    ChartKind(
        "mewma",
        CATALOGUE.text("title.mewma"),
        mewma,
        "multivariate",
        ("lam", "h", "arl0", "limits", "estimator", *OWN),
    ),
)
