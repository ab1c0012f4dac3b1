"""Hotelling's T² charts of individual observations and of subgroups.

Sources: H. Hotelling 1947, in *Techniques of Statistical Analysis*; F. B. Alt 1985, Encyclopedia of
Statistical Sciences 6, 110-122; N. D. Tracy, J. C. Young and R. L. Mason 1992, J. Quality Technology 24,
88-95; J. H. Sullivan and W. H. Woodall 1996, J. Quality Technology 28, 398-408; Montgomery, *Introduction to
Statistical Quality Control*, 8th ed. 2020, section 11.3. Statistics and exact limits agree with R's qcc 3.0
and with JASP.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Unpack

import numpy as np
from numpy.typing import ArrayLike

from assay.stats.arrays import Floats, Ints, matrix, one_of
from assay.stats.charts.chart import ControlChart, LivePoint
from assay.stats.charts.errors import CATALOGUE
from assay.stats.charts.hotelling import beta_quantile, t2_quantile
from assay.stats.charts.kind import ChartKind
from assay.stats.charts.multivariate import (
    OPTIONS,
    T2_LIMITS,
    Multivariate,
    MultivariateChart,
    Settings,
    T2Limits,
    Verge,
    estimating_points,
    judged,
    limit_lines,
    lines_of,
    multivariate,
    one_row,
    put_together,
    settled,
    several_rows,
)
from assay.stats.charts.phases import Phases
from assay.stats.charts.vectors import (
    Model,
    RowGroups,
    apart,
    are_subgroups,
    columns_of,
    distance,
    distance_of_one,
    given_covariance,
    given_mean,
    mean_of_members,
    model,
    names_of,
    refuse_constant,
    row_groups,
    sample_covariance,
    successive_covariance,
    successive_freedom,
    table,
)
from assay.stats.errors import SingletonSubgroups, TooFewPoints, UnknownOption

Covariance = Literal["sample", "successive_differences"]
ESTIMATORS: tuple[Covariance, ...] = ("sample", "successive_differences")


def t2(
    values: ArrayLike,
    subgroup: ArrayLike | int | None = None,
    *,
    estimator: Covariance = "sample",
    limits: T2Limits = "exact",
    **options: Unpack[Multivariate],
) -> MultivariateChart:
    """T² chart of individual observations; with subgroups, :func:`t2_subgroups`.

    Parameters
    ----------
    values
        ``(N, P)``: an observation of P variables in each row; ``(m, n, P)`` are subgroups.
    subgroup
        None for individual observations, else as in :func:`t2_subgroups`, where the covariance is pooled.
    estimator
        The covariance from deviations from the mean (``"sample"``), or from the differences of successive
        observations (``"successive_differences"``), which a lasting shift in phase I inflates far less.
    limits
        ``"exact"``: beta distribution for the observations that mean and covariance come from, F for later
        ones (with successive differences both are approximations); ``"chi_squared"``: that of a known
        covariance.
    options
        See :class:`~assay.stats.charts.multivariate.Multivariate`.

    Raises
    ------
    NotFinite, NotNumeric, WrongShape, TooFewPoints, ConstantData, SingularCovariance, NotSymmetric,
    UnknownOption, OutOfRange, NoSuchPoint, NoPhase1

    Notes
    -----
    T² = (x − x̄)′ S⁻¹ (x − x̄). Phase I: (m − 1)²/m · Beta(p/2, (m − p − 1)/2); phase II: p(m + 1)(m −
    1)/(m(m − p)) · F(p, m − p). With successive differences the beta distribution has f = 2(m − 1)²/(3m − 4)
    in place of m, and F has f degrees of freedom of the covariance. A point left out of the estimates is
    judged as a later one.
    """
    how = one_of(estimator, ESTIMATORS, "estimator")
    if subgroup is not None or are_subgroups(values):
        if how != "sample":
            raise UnknownOption(name="estimator", value=repr(how), known="sample")
        return t2_subgroups(values, subgroup, limits=limits, **options)
    settings = settled(options)
    exact = one_of(limits, T2_LIMITS, "limits") == "exact"
    taken, named = table(values)
    rows = matrix(taken, what="t2")
    variables = names_of(named, settings.variables, rows.shape[1])
    phases = settings.plan(rows.shape[0])
    models = [
        individuals_model(rows[stretch.estimating], settings, how, variables) for stretch in phases.stretches
    ]
    share = settings.share(rows.shape[1])
    verges = [individual_verges(one, settings, how, share, exact=exact) for one in models]
    statistics = np.empty(rows.shape[0])
    for stretch, one in zip(phases.stretches, models, strict=True):
        statistics[stretch.points] = distance(
            apart(columns_of(rows[stretch.points]), one.mean), one.whitening
        )
    inside = estimating_points(phases, given=settings.given)
    chart = put_together(
        "t2",
        statistics,
        [
            limit_lines(own, later, inside, stretch)
            for (own, later), stretch in zip(verges, phases.stretches, strict=True)
        ],
        phases,
        settings,
        estimator=how if settings.covariance is None else "given",
        formula=_formula(models[-1], settings, how, exact=exact),
        live=T2Form(models[-1], verges[-1][1]),
    )
    return multivariate(chart, models, variables, share, rows)


def t2_subgroups(
    values: ArrayLike,
    subgroup: ArrayLike | int | None = None,
    *,
    limits: T2Limits = "exact",
    **options: Unpack[Multivariate],
) -> MultivariateChart:
    """T² chart of the means of subgroups.

    Parameters
    ----------
    values
        ``(m, n, P)``, or ``(N, P)`` rows, subgroup after subgroup.
    subgroup
        For rows: the size of consecutive subgroups, or a label per row. Sizes may differ.
    limits
        ``"exact"``: F distribution; ``"chi_squared"``: that of a known covariance.
    options
        See :class:`~assay.stats.charts.multivariate.Multivariate`; phases, stages and labels are of
        subgroups.

    Raises
    ------
    NotFinite, NotNumeric, WrongShape, TooFewPoints, UnequalSubgroups, SingletonSubgroups, SplitSubgroup,
    ConstantData, SingularCovariance, NotSymmetric, UnknownOption, OutOfRange, NoSuchPoint, NoPhase1

    Notes
    -----
    T² = n (x̄ − x̿)′ S⁻¹ (x̄ − x̿) with S pooled within subgroups. Phase I: p(m − 1)(n − 1)/(mn − m − p + 1)
    · F(p, mn − m − p + 1); phase II: m + 1 in place of m − 1 (Alt 1985). For unequal sizes 1 − n/N and 1 +
    n/N take the places of (m − 1)/m and (m + 1)/m, N being the number of rows in phase I.
    """
    settings = settled(options)
    exact = one_of(limits, T2_LIMITS, "limits") == "exact"
    taken, named = table(values)
    groups = row_groups(taken, subgroup, "t2_subgroups")
    dimensions = groups.rows.shape[1]
    variables = names_of(named, settings.variables, dimensions)
    phases = settings.plan(groups.count)
    sizes = groups.sizes
    means, models = pooled_means(groups, phases, settings, variables)
    share = settings.share(dimensions)
    statistics = np.empty(groups.count)
    for stretch, one in zip(phases.stretches, models, strict=True):
        squared = distance(apart(columns_of(means[stretch.points]), one.mean), one.whitening)
        statistics[stretch.points] = sizes[stretch.points] * squared
    inside = estimating_points(phases, given=settings.given)
    lines = []
    for stretch, one in zip(phases.stretches, models, strict=True):
        verge = _SubgroupVerge(one, share, exact)
        helped = inside[stretch.points].tolist()
        lines.append(
            lines_of(
                [
                    verge.own(size) if own else verge.later(size)
                    for size, own in zip(sizes[stretch.points].tolist(), helped, strict=True)
                ]
            )
        )
    common = float(sizes[0]) if sizes.min() == sizes.max() else None
    chart = put_together(
        "t2_subgroups",
        statistics,
        lines,
        phases,
        settings,
        sizes=sizes if common is None else common,
        labels=groups.labels,
        estimator="pooled" if settings.covariance is None else "given",
        formula=_subgroup_formula(models[-1], exact=exact),
        live=T2Form(models[-1], _SubgroupVerge(models[-1], share, exact)),
    )
    return multivariate(chart, models, variables, share, means)


# -- estimates -----------------------------------------------------------------------------------------------


def individuals_model(
    rows: Floats, settings: Settings, estimator: Covariance, variables: tuple[str, ...]
) -> Model:
    """Mean and covariance from ``(m, P)`` rows, or as given.

    Raises
    ------
    TooFewPoints, ConstantData, SingularCovariance, WrongShape, NotFinite, NotSymmetric
    """
    count, dimensions = rows.shape[0], len(variables)
    mean, observations = _mean_of(rows, settings, dimensions)
    if settings.covariance is not None:
        freedom = _given_freedom(settings, settings.observations - 1.0)
        return model(
            mean, given_covariance(settings.covariance, dimensions), observations, freedom, count=count
        )
    if count < dimensions + 2:
        raise TooFewPoints(what="t2", count=count, least=dimensions + 2)
    refuse_constant(rows, variables)
    if estimator == "successive_differences":
        covariance, freedom = successive_covariance(rows), successive_freedom(count)
        if freedom <= dimensions + 1.0:
            raise TooFewPoints(what="t2", count=count, least=math.ceil(1.5 * (dimensions + 1.0)) + 2)
    else:
        covariance, freedom = sample_covariance(rows), count - 1.0
    return model(mean, covariance, observations, freedom, count=count)


def pooled_means(
    groups: RowGroups, phases: Phases, settings: Settings, variables: tuple[str, ...]
) -> tuple[Floats, list[Model]]:
    """Means of subgroups, ``(m, P)``, and for each stage their mean and the covariance pooled within
    subgroups.

    Raises
    ------
    SingletonSubgroups, TooFewPoints, SingularCovariance, WrongShape, NotFinite, NotSymmetric
    """
    sizes, dimensions = groups.sizes, len(variables)
    if settings.covariance is None and sizes.min() < 2:
        raise SingletonSubgroups(what="subgroups", index=int(sizes.argmin()))
    means = np.empty((groups.count, dimensions))
    scatter = np.empty((groups.count, dimensions, dimensions))
    for _, where, members in groups.by_size():
        for place, column in enumerate(mean_of_members(members)):
            means[where, place] = column
        centred = np.array(members).transpose(2, 0, 1) - means[where][:, None, :]
        scatter[where] = np.einsum("gni,gnj->gij", centred, centred)
    within = (means, scatter, sizes)
    every = np.arange(groups.count)
    models = [_pooled(within, every[stretch.estimating], settings, variables) for stretch in phases.stretches]
    return means, models


def individual_verges(
    one: Model, settings: Settings, estimator: Covariance, alpha: float, *, exact: bool
) -> tuple[Verge, Verge]:
    """Median and limit of T² for an observation the estimates come from, and for a later one."""
    p, m = one.dimensions, one.observations
    if not exact:
        known = _verge(lambda share: t2_quantile(p, math.inf, 1.0, share), alpha)
        return known, known
    freedom = one.freedom
    later = _verge(lambda share: t2_quantile(p, freedom, 1.0 + 1.0 / m, share), alpha)
    if settings.mean is not None:
        return later, later
    if settings.covariance is not None:
        return _verge(lambda share: t2_quantile(p, freedom, 1.0 - 1.0 / m, share), alpha), later
    worth = m if estimator == "sample" else one.freedom
    return _verge(lambda share: beta_quantile(p, m, worth, share), alpha), later


def _verge(quantile: Callable[[float], float], alpha: float) -> Verge:
    return Verge(quantile(0.5), quantile(alpha))


@dataclass(frozen=True)
class _SubgroupVerge:
    """Median and limit of T² by subgroup size."""

    model: Model
    alpha: float
    exact: bool
    _known: dict[float, Verge] = field(default_factory=dict, repr=False, compare=False)

    def own(self, size: float) -> Verge:
        """For a subgroup the estimates come from."""
        return self._at(-size)

    def later(self, size: float) -> Verge:
        """For a later subgroup."""
        return self._at(size)

    def _at(self, size: float) -> Verge:
        one = self.model
        if size not in self._known:
            # A live chart keeps the limits of a few sizes, not of everything it ever saw.
            if len(self._known) > 64:
                self._known.clear()
            freedom, spread = (one.freedom, 1.0 + size / one.observations) if self.exact else (math.inf, 1.0)
            self._known[size] = _verge(
                lambda share: t2_quantile(one.dimensions, freedom, spread, share), self.alpha
            )
        return self._known[size]


def _mean_of(rows: Floats, settings: Settings, dimensions: int) -> tuple[Floats, float]:
    if settings.mean is not None:
        return given_mean(settings.mean, dimensions), settings.observations
    return rows.mean(axis=0), float(rows.shape[0])


def _given_freedom(settings: Settings, usual: float) -> float:
    return usual if settings.freedom is None else settings.freedom


def _pooled(
    within: tuple[Floats, Floats, Floats], chosen: Ints, settings: Settings, variables: tuple[str, ...]
) -> Model:
    """Mean of all rows and pooled covariance of the chosen subgroups, or as given."""
    means, scatter, sizes = within
    dimensions, own = len(variables), sizes[chosen]
    if settings.mean is not None:
        mean, observations = given_mean(settings.mean, dimensions), settings.observations
    else:
        mean, observations = (own @ means[chosen]) / own.sum(), float(own.sum())
    if settings.covariance is not None:
        share = 1.0 - 1.0 / float(sizes.mean())
        freedom = _given_freedom(settings, settings.observations * share)
        covariance = given_covariance(settings.covariance, dimensions)
        return model(mean, covariance, observations, freedom, count=chosen.size)
    freedom = float(own.sum()) - chosen.size
    if freedom < dimensions:
        raise TooFewPoints(what="t2_subgroups", count=int(freedom), least=dimensions)
    if settings.mean is None and chosen.size < 2:
        raise TooFewPoints(what="t2_subgroups", count=chosen.size, least=2)
    covariance = scatter[chosen].sum(axis=0) / freedom
    return model(mean, covariance, observations, freedom, count=int(own.sum()))


# -- live ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class T2Form:
    """The live form of a T² chart: the last stage's model and phase II limits."""

    model: Model
    verge: Verge | _SubgroupVerge
    """Of every later observation, or by the size of a later subgroup."""

    def start(self, chart: ControlChart) -> LiveT2:
        """Go on after ``chart``'s last point."""
        return LiveT2(self, chart.statistics.size)


class LiveT2:
    """A T² chart that takes one observation, or one subgroup, at a time."""

    def __init__(self, form: T2Form, index: int) -> None:
        self._form = form
        self._index = index

    def add(self, observation: object, /) -> LivePoint:
        """Take one observation ``(P,)``, or one subgroup ``(n, P)``.

        Raises
        ------
        NotNumeric, NotFinite, WrongShape, TooFewPoints
        """
        model, verge = self._form.model, self._form.verge
        if isinstance(verge, Verge):
            value = distance_of_one(one_row(observation, model.dimensions) - model.mean, model.factor)
        else:
            members = several_rows(observation, model.dimensions, 1)
            size = float(len(members))
            value = size * distance_of_one(np.array(mean_of_members(members)) - model.mean, model.factor)
            verge = verge.later(size)
        found = judged(self._index, value, verge)
        self._index += 1
        return found


# -- what is said --------------------------------------------------------------------------------------------


def _formula(one: Model, settings: Settings, estimator: Covariance, *, exact: bool) -> str:
    of = "S" if settings.covariance is None else "Σ"
    head = f"T² = (x − x̄)′{of}⁻¹(x − x̄)"
    if not exact or math.isinf(one.freedom):
        return f"{head}; χ²({one.dimensions})"
    p, m, f = one.dimensions, one.observations, one.freedom
    if settings.mean is not None or settings.covariance is not None:
        return f"{head}; F({p}, {f - p + 1:.6g})"
    worth = m if estimator == "sample" else f
    return f"{head}; I: Beta({p / 2:g}, {(worth - p - 1) / 2:.6g}), II: F({p}, {f - p + 1:.6g})"


def _subgroup_formula(one: Model, *, exact: bool) -> str:
    head = "T² = n(x̄ − x̿)′S⁻¹(x̄ − x̿)"
    p = one.dimensions
    if not exact or math.isinf(one.freedom):
        return f"{head}; χ²({p})"
    return f"{head}; F({p}, {one.freedom - p + 1:.6g})"


KINDS = (
    ChartKind("t2", CATALOGUE.text("title.t2"), t2, "multivariate", ("estimator", "limits", *OPTIONS)),
    ChartKind(
        "t2_subgroups",
        CATALOGUE.text("title.t2_subgroups"),
        t2_subgroups,
        "multivariate",
        ("limits", *OPTIONS),
    ),
)
