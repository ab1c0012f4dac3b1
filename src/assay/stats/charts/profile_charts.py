"""Profiles: charts of curves that are each measured at the same points.

A profile is a relation measured for each part, such as a calibration line or a torque over an angle. The
coefficients of a basis sum it up: their T² says whether the curve has changed, and the variance of what is
left whether it has become rougher.

Sources: L. Kang and S. L. Albin, "On-line monitoring when the process yields a linear profile", J. Quality
Technology 32 (2000) 418-426; K. Kim, M. A. Mahmoud and W. H. Woodall, "On the monitoring of linear profiles",
J. Quality Technology 35 (2003) 317-328; J. D. Williams, W. H. Woodall and J. B. Birch, "Statistical
monitoring of nonlinear product and process quality profiles", Quality and Reliability Engineering
International 23 (2007) 925-941.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal, Unpack, get_args

import numpy as np
from numpy.typing import ArrayLike
from scipy.interpolate import BSpline

from assay.stats.arrays import Floats, between, matrix, numbers, one_of, positive, vector
from assay.stats.charts.chart import ControlChart, LivePoint
from assay.stats.charts.errors import CATALOGUE
from assay.stats.charts.extended import extended
from assay.stats.charts.hotelling import f_quantile
from assay.stats.charts.kind import ChartKind
from assay.stats.charts.least_squares import Design, design
from assay.stats.charts.multivariate import (
    OPTIONS,
    Multivariate,
    MultivariateChart,
    Settings,
    Verge,
    estimating_points,
    judged,
    limit_lines,
    one_row,
    put_together,
    settled,
)
from assay.stats.charts.picture import picture
from assay.stats.charts.residuals import VarianceLimits, residual_chart
from assay.stats.charts.t2_charts import individual_verges, individuals_model
from assay.stats.charts.vectors import Model, apart, columns_of, distance, distance_of_one, given_mean, model
from assay.stats.errors import NotACount, TooFewPoints, WrongShape
from assay.stats.plot.spec import Axis, Layer, Line, Panel, Plot

Basis = Literal["polynomial", "spline"]
Spread = Literal["residual", "sample", "successive_differences"]
OWN: tuple[str, ...] = tuple(name for name in OPTIONS if name != "covariance")


@dataclass(frozen=True, kw_only=True)
class ProfileChart(MultivariateChart):
    """T² of the coefficients of profiles, with their residual variance as companion.

    ``variables`` names the coefficients, ``vectors`` holds them, ``(m, q)``.
    """

    x: Floats
    """Where each profile is measured, ``(k,)``."""
    basis: Floats
    """The basis functions there, ``(k, q)``."""
    residual_variances: Floats
    """Residual variance of each profile, ``(m,)``, with k − q degrees of freedom."""
    residual_variance: float
    """Its mean over phase I, last stage."""
    _profiles: Floats

    def plot(self) -> Plot:
        """The charts, and the flagged profiles against the mean curve."""
        drawn = picture(self)
        curve = Line(CATALOGUE.text("profile.mean"), self.x, self.basis @ self.mean, role="centre")
        flagged = sorted({index for chart in (self, *self.companions) for index in chart.flagged})
        layers: list[Layer] = [
            Line(
                CATALOGUE.text("profile.flagged", point=index + 1), self.x, self._profiles[index], role="data"
            )
            for index in flagged[:12]
        ]
        panel = Panel(
            CATALOGUE.text("profile.curves"),
            Axis(CATALOGUE.text("profile.x")),
            Axis(CATALOGUE.text("profile.y")),
            (*layers, curve),
        )
        return Plot(drawn.title, (*drawn.panels, panel), note=drawn.note)


def profiles(
    x: ArrayLike,
    profiles: ArrayLike,
    *,
    basis: Basis | ArrayLike = "polynomial",
    degree: int | None = None,
    knots: int = 4,
    spread: Spread = "residual",
    sigma: float | None = None,
    **options: Unpack[Multivariate],
) -> ProfileChart:
    """T² chart of the coefficients of profiles, with a chart of their residual variance.

    Parameters
    ----------
    x
        ``(k,)``: where each profile is measured.
    profiles
        ``(m, k)``: a profile in each row.
    basis
        ``"polynomial"`` in powers of x − x̄; ``"spline"``: B-splines; or the values of basis functions at x,
        ``(k, q)`` with q < k (Fourier, wavelets, principal components …).
    degree
        Of the polynomial, by default 1, a line; of the spline's pieces, by default 3.
    knots
        Number of the spline's inner knots, at equal shares of the measured x.
    spread
        What a coefficient may vary by. ``"residual"``: by the scatter around the curve alone, as in Kang and
        Albin (2000); ``"sample"``: by the covariance between profiles; ``"successive_differences"``:
        likewise, from the differences of successive profiles, which a lasting shift in phase I inflates far
        less (Williams, Woodall and Birch 2007). Parts that differ ordinarily need one of the latter two.
    sigma
        Historical (frozen) standard deviation of one measurement around its curve.
    options
        See :class:`~assay.stats.charts.multivariate.Multivariate`; ``mean`` holds historical coefficients.

    Raises
    ------
    NotFinite, NotNumeric, WrongShape, TooFewPoints, ConstantData, SingularCovariance, UnknownOption,
    OutOfRange, NotACount, NotPositive, NoSuchPoint, NoPhase1

    Notes
    -----
    With ``spread="residual"``: T² = (b − b̄)′X′X(b − b̄)/s², s² the mean residual variance of m profiles.
    Phase I: q(1 − 1/m) · F(q, m(k − q)); phase II: 1 + 1/m in place of 1 − 1/m. Residual variance: F
    distributions at α/2 on both sides; in phase I each profile against the others (Kim, Mahmoud and Woodall
    2003).
    """
    settings = settled(options, OWN)
    how: Spread = one_of(spread, get_args(Spread), "spread")
    at = vector(x, "x", least=2, what="profiles")
    rows = matrix(profiles, "profiles", what="profiles")
    if rows.shape[1] != at.size:
        raise WrongShape(name="profiles", shape=rows.shape, wanted=f"(m, {at.size})")
    values, names = basis_of(at, basis, degree, knots)
    plan = design(values)
    variables = names if settings.variables is None else tuple(map(str, settings.variables))
    if len(variables) != values.shape[1]:
        raise WrongShape(name="variables", shape=(len(variables),), wanted=f"({values.shape[1]},)")
    points = columns_of(rows)
    columns = plan.coefficients(points)
    coefficients = np.array(columns).T
    variances = plan.residual_variance(points, columns)
    known = None if sigma is None else positive(sigma, "sigma")
    nothing = how == "residual" and settings.mean is not None and known is not None
    phases = settings.phases.plan(rows.shape[0], estimates=not nothing)
    share = settings.share(values.shape[1])
    scale = float(np.abs(rows).max())
    judging = _Judging(plan, settings, variables, how, share)
    inside = estimating_points(phases, given=nothing)
    statistics = np.empty(rows.shape[0])
    models, verges, limits, lines = [], [], [], []
    for stretch in phases.stretches:
        chosen = variances[stretch.estimating]
        limits.append(VarianceLimits.of(chosen, known, plan.freedom, settings.alpha or 0.0027, scale=scale))
        one, pair = judging.of(coefficients[stretch.estimating], limits[-1])
        statistics[stretch.points] = distance(
            apart([column[stretch.points] for column in columns], one.mean), one.whitening
        )
        models.append(one)
        verges.append(pair)
        lines.append(limit_lines(pair[0], pair[1], inside, stretch))
    companion = residual_chart(variances, limits, phases, settings, inside)
    chart = put_together(
        "profiles",
        statistics,
        lines,
        phases,
        settings,
        estimator=how if not nothing else "given",
        formula=_formula(how, plan, models[-1]),
        companions=(companion,),
        live=ProfileForm(plan, models[-1], verges[-1][1], limits[-1]),
    )
    return extended(
        ProfileChart,
        chart,
        variables=variables,
        alpha=share,
        mean=models[-1].mean,
        covariance=models[-1].covariance,
        determinant=models[-1].determinant,
        vectors=coefficients,
        x=at,
        basis=values,
        residual_variances=variances,
        residual_variance=limits[-1].variance,
        _models=tuple(models),
        _profiles=rows,
    )


def basis_of(
    x: Floats, basis: Basis | ArrayLike, degree: int | None, knots: int
) -> tuple[Floats, tuple[str, ...]]:
    """Values of the basis functions at ``x``, ``(k, q)``, and what their coefficients are called.

    Raises
    ------
    UnknownOption, OutOfRange, NotACount, NotNumeric, NotFinite, WrongShape
    """
    if not isinstance(basis, str):
        values = numbers(basis, "basis")
        if values.ndim != 2 or values.shape[0] != x.size:
            raise WrongShape(name="basis", shape=values.shape, wanted=f"({x.size}, q)")
        return values, tuple(f"b{number}" for number in range(1, values.shape[1] + 1))
    if one_of(basis, get_args(Basis), "basis") == "polynomial":
        highest = whole(1 if degree is None else degree, "degree", 0)
        centred = x - x.mean()
        values = centred[:, None] ** np.arange(highest + 1)
        usual = ("intercept", "slope") if highest == 1 else tuple(f"c{power}" for power in range(highest + 1))
        return values, usual
    order = whole(3 if degree is None else degree, "degree", 1)
    inner = np.quantile(x, np.linspace(0.0, 1.0, whole(knots, "knots", 0) + 2)[1:-1])
    ends = (np.repeat(x.min(), order + 1), np.repeat(x.max(), order + 1))
    grid = np.concatenate((ends[0], inner, ends[1]))
    if x.size < grid.size - order:
        raise TooFewPoints(what="profiles", count=x.size, least=grid.size - order)
    values = np.asarray(BSpline.design_matrix(x, grid, order).toarray())
    return values, tuple(f"b{number}" for number in range(1, values.shape[1] + 1))


def whole(value: int, name: str, least: int) -> int:
    """A whole number of at least ``least``.

    Raises
    ------
    OutOfRange, NotACount
    """
    if between(value, name, least, math.inf) != math.floor(value):
        raise NotACount(name=name, index=0, value=value)
    return int(value)


@dataclass(frozen=True)
class _Judging:
    """What the T² of coefficients is judged by."""

    plan: Design
    settings: Settings
    variables: tuple[str, ...]
    spread: Spread
    alpha: float

    def of(self, coefficients: Floats, limits: VarianceLimits) -> tuple[Model, tuple[Verge, Verge]]:
        """Model and limits, for phase I and later, from the coefficients in phase I ``(m, q)``."""
        if self.spread != "residual":
            one = individuals_model(coefficients, self.settings, self.spread, self.variables)
            return one, individual_verges(one, self.settings, self.spread, self.alpha, exact=True)
        size = coefficients.shape[1]
        given = self.settings.mean
        mean = coefficients.mean(axis=0) if given is None else given_mean(given, size)
        count = float(coefficients.shape[0]) if given is None else self.settings.observations
        freedom = limits.count * limits.freedom
        covariance = limits.variance * self.plan.covariance
        one = model(mean, covariance, count, freedom, count=self.plan.basis.shape[0])
        later = self._verge(1.0 + 1.0 / count, freedom)
        return one, (later if given is not None else self._verge(1.0 - 1.0 / count, freedom), later)

    def _verge(self, ratio: float, freedom: float) -> Verge:
        size = float(len(self.variables))
        return Verge(
            ratio * size * f_quantile(0.5, size, freedom),
            ratio * size * f_quantile(self.alpha, size, freedom),
        )


def _formula(spread: Spread, plan: Design, one: Model) -> str:
    q = plan.basis.shape[1]
    if spread == "residual":
        of = f"χ²({q})" if math.isinf(one.freedom) else f"F({q}, {one.freedom:g})"
        return f"T² = (b − b̄)′X′X(b − b̄)/s²; {of}"
    return f"T² = (b − b̄)′S⁻¹(b − b̄); S: {spread}"


# -- live ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ProfileForm:
    """The live form: the last stage's model and phase II limits."""

    plan: Design
    model: Model
    verge: Verge
    limits: VarianceLimits

    def start(self, chart: ControlChart) -> LiveProfiles:
        """Go on after ``chart``'s last profile."""
        return LiveProfiles(self, chart.statistics.size)


class LiveProfiles:
    """A chart that takes one profile at a time."""

    def __init__(self, form: ProfileForm, index: int) -> None:
        self._form = form
        self._index = index

    def add(self, observation: object, /) -> LivePoint:
        """Take one profile ``(k,)``.

        Raises
        ------
        NotNumeric, NotFinite, WrongShape
        """
        form = self._form
        profile = one_row(observation, form.plan.basis.shape[0])
        coefficients, scatter = form.plan.fit_one(profile)
        value = distance_of_one(coefficients - form.model.mean, form.model.factor)
        variance = form.limits.point(self._index, scatter)
        found = replace(judged(self._index, value, form.verge), companions=(variance,))
        self._index += 1
        return found


KINDS = (
    ChartKind(
        "profiles",
        CATALOGUE.text("title.profiles"),
        profiles,
        "profiles",
        ("basis", "degree", "knots", "spread", "sigma", *OWN),
    ),
)
