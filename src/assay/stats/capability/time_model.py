"""Time-dependent distribution models: how a process changes, and which index fits that.

The models are those of ISO 22514-2: A1 and A2 keep location and dispersion, B changes its dispersion, C1 to
C4 their location, D both. Which one holds is decided by tests on the subgroups.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from assay.stats import sigma as estimators
from assay.stats.arrays import Floats, between, one_of
from assay.stats.capability.nonconformance import Nonconformance, observed
from assay.stats.capability.nonnormal import HIGH, LOW
from assay.stats.capability.process import arranged
from assay.stats.capability.specification import Specification, check_natural, specification
from assay.stats.distributions.fit import identify
from assay.stats.distributions.goodness import a_squared, normal_p
from assay.stats.errors import SingletonSubgroups, TooFewPoints
from assay.stats.result import Result
from assay.stats.subgroups import Subgroups

if TYPE_CHECKING:
    from assay.stats.plot.spec import Plot

Model = Literal["A1", "A2", "B", "C1", "C2", "C3", "C4", "D"]
Location = Literal["mean", "median", "fitted_median", "midrange"]
Dispersion = Literal["sd", "pooled", "sbar", "rbar", "quantiles", "percentiles", "range"]
LOCATIONS: tuple[Location, ...] = ("mean", "median", "fitted_median", "midrange")
DISPERSIONS: tuple[Dispersion, ...] = ("sd", "pooled", "sbar", "rbar", "quantiles", "percentiles", "range")
_USUAL: dict[str, tuple[Location, Dispersion]] = {
    "A1": ("mean", "sd"),
    "C1": ("mean", "sd"),
    "A2": ("fitted_median", "quantiles"),
    "B": ("fitted_median", "quantiles"),
    "C2": ("fitted_median", "quantiles"),
    "C3": ("median", "percentiles"),
    "C4": ("median", "percentiles"),
    "D": ("median", "percentiles"),
}


@dataclass(frozen=True)
class Decision:
    """One test on the way to the model."""

    question: str
    """``location_constant``, ``dispersion_constant``, ``instantaneous_normal``, ``resulting_normal``,
    ``location_trend`` or ``location_serial``."""
    test: str
    statistic: float
    p_value: float
    answer: bool


@dataclass(frozen=True, kw_only=True)
class TimeModel(Result):
    """The model of a process and its indices by the method that fits it."""

    model: Model
    stable: bool
    """Whether location and dispersion are constant (A1, A2): then P_p and P_pk are C_p and C_pk."""
    decisions: tuple[Decision, ...]
    alpha: float
    n: int
    subgroups: int
    lsl: float | None
    usl: float | None
    target: float | None
    location: Location
    """How the location was estimated."""
    dispersion: Dispersion
    """How the reference interval was estimated."""
    center: float
    lower: float
    """Lower end of the reference interval."""
    upper: float
    """Upper end of the reference interval."""
    pp: float | None
    ppl: float | None
    ppu: float | None
    ppk: float
    observed: Nonconformance
    _groups: Subgroups = field(repr=False, compare=False)

    @property
    def groups(self) -> Subgroups:
        """The values in their subgroups."""
        return self._groups

    def plot(self) -> Plot:
        """The subgroups over time with limits and reference interval."""
        from assay.stats.capability.time_picture import time_plot

        return time_plot(self)


def time_model(
    values: ArrayLike,
    subgroup: ArrayLike | int | None = None,
    *,
    lsl: float | None = None,
    usl: float | None = None,
    target: float | None = None,
    natural_low: float | None = None,
    natural_high: float | None = None,
    location: Location | None = None,
    dispersion: Dispersion | None = None,
    alpha: float = 0.05,
) -> TimeModel:
    """Name the time-dependent model of a process and compute its indices.

    The location is constant unless the analysis of variance (Kruskal-Wallis where the residuals aren't
    normal) rejects it, the dispersion unless Brown and Forsythe's test does. Normality within subgroups is
    tested on the residuals, resulting normality on all values (Anderson-Darling). A location that moves is
    systematic (C3) if its means follow their order (Spearman), in lots (C4) if neighbours are alike (von
    Neumann's ratio), otherwise random: C1 where the resulting distribution is normal, C2 where it isn't.

    Parameters
    ----------
    values, subgroup
        Values ``(N,)`` with the size or the labels of their subgroups, or ``(m, n)`` rows; at least 5
        subgroups of at least 2 values.
    location
        ``mean``, ``median``, ``fitted_median`` of the best distribution, ``midrange``; None for the usual
        one of the model.
    dispersion
        Reference interval: ``sd`` 6 s of all values, ``pooled`` 6 √(mean s²), ``sbar`` 6 s̄/c4, ``rbar``
        6 R̄/d2, ``quantiles`` X0.135 to X99.865 of the best distribution, ``percentiles`` of the values,
        ``range`` of the values; None for the usual one of the model. The four estimates in standard
        deviations lie evenly about the location.

    Raises
    ------
    NoLimits, LimitsReversed, TargetOutsideLimits, BeyondNaturalLimit, NotFinite, TooFewPoints, ConstantData,
    SingletonSubgroups, SplitSubgroup, UnknownOption, OutOfRange

    Source: ISO 22514-2:2017 (models and quantile indices). The standard numbers its methods M_l,d; here
    location and dispersion are chosen by name.
    """
    spec = specification(lsl, usl, target, natural_low, natural_high, what="capability.time_model")
    between(alpha, "alpha", 1e-9, 0.5)
    x, groups = arranged(values, subgroup)
    if groups is None or groups.count < 5:
        raise TooFewPoints(
            what="capability.time_model (subgroups)", count=groups.count if groups else 1, least=5
        )
    if int(groups.sizes.min()) < 2:
        raise SingletonSubgroups(what="capability.time_model", index=int(np.flatnonzero(groups.sizes < 2)[0]))
    estimators.sd(x)
    check_natural(x, spec)
    model, decisions = _classify(groups, alpha)
    place, reach = _USUAL[model]
    place = place if location is None else one_of(location, LOCATIONS, "location")
    reach = reach if dispersion is None else one_of(dispersion, DISPERSIONS, "dispersion")
    center, lower, upper = _interval(x, groups, place, reach)
    pp, ppl, ppu = _indices(spec, center, lower, upper)
    return TimeModel(
        model=model,
        stable=model in {"A1", "A2"},
        decisions=tuple(decisions),
        alpha=alpha,
        n=x.size,
        subgroups=groups.count,
        lsl=spec.lsl,
        usl=spec.usl,
        target=spec.target,
        location=place,
        dispersion=reach,
        center=center,
        lower=lower,
        upper=upper,
        pp=pp,
        ppl=ppl,
        ppu=ppu,
        ppk=min(found for found in (ppl, ppu) if found is not None),
        observed=observed(x, spec),
        _groups=groups,
    )


def _classify(groups: Subgroups, alpha: float) -> tuple[Model, list[Decision]]:
    parts = np.split(groups.values, groups.starts[1:])
    x = groups.values
    residuals = x - np.repeat(groups.means, groups.sizes)
    residuals = residuals * np.repeat(np.sqrt(groups.sizes / (groups.sizes - 1)), groups.sizes)
    inner = _normal("instantaneous_normal", residuals, alpha)
    result = _normal("resulting_normal", x, alpha)
    if inner.answer:
        found = stats.f_oneway(*parts)
        where = _decision("location_constant", "anova", found.statistic, found.pvalue, alpha)
    else:
        found = stats.kruskal(*parts)
        where = _decision("location_constant", "kruskal_wallis", found.statistic, found.pvalue, alpha)
    found = stats.levene(*parts, center="median")
    spread = _decision("dispersion_constant", "brown_forsythe", found.statistic, found.pvalue, alpha)
    decisions = [where, spread, inner, result]
    if where.answer:
        model: Model = "B" if not spread.answer else "A1" if result.answer else "A2"
        return model, decisions
    if not spread.answer:
        return "D", decisions
    ranked = stats.spearmanr(np.arange(groups.count), groups.means)
    trend = Decision(
        "location_trend",
        "spearman",
        float(ranked.statistic),
        float(ranked.pvalue),
        bool(ranked.pvalue < alpha),
    )
    serial = _neumann(groups.means, alpha)
    decisions += [trend, serial]
    if trend.answer:
        return "C3", decisions
    if serial.answer:
        return "C4", decisions
    return ("C1" if result.answer else "C2"), decisions


def _decision(question: str, test: str, statistic: float, p: float, alpha: float) -> Decision:
    return Decision(question, test, float(statistic), float(p), bool(p >= alpha))


def _normal(question: str, x: Floats, alpha: float) -> Decision:
    n, spread = x.size, x.std(ddof=1)
    if spread == 0:
        return Decision(question, "anderson_darling", np.inf, 0.0, False)
    statistic = a_squared((x - x.mean()) / spread, stats.norm)
    return _decision(
        question, "anderson_darling", statistic, normal_p(statistic * (1 + 0.75 / n + 2.25 / n**2)), alpha
    )


def _neumann(means: Floats, alpha: float) -> Decision:
    """Von Neumann's ratio of successive differences, normal approximation with Var = 4(m−2)/(m²−1)."""
    m = means.size
    ratio = float(np.sum(np.diff(means) ** 2) / np.sum((means - means.mean()) ** 2))
    z = (ratio - 2) / np.sqrt(4 * (m - 2) / (m**2 - 1))
    p = float(stats.norm.cdf(z))
    return Decision("location_serial", "von_neumann", ratio, p, p < alpha)


def _interval(x: Floats, groups: Subgroups, place: Location, reach: Dispersion) -> tuple[float, float, float]:
    best = identify(x).best if place == "fitted_median" or reach == "quantiles" else None
    if place == "mean":
        center = float(x.mean())
    elif place == "median":
        center = float(np.median(x))
    elif place == "midrange":
        center = float((x.min() + x.max()) / 2)
    else:
        assert best is not None  # noqa: S101 - fitted just above
        center = best.quantile(0.5)
    if reach == "quantiles":
        assert best is not None  # noqa: S101 - fitted just above
        return center, best.quantile(LOW), best.quantile(HIGH)
    if reach == "percentiles":
        low, high = np.quantile(x, [LOW, HIGH], method="weibull")
        return center, float(low), float(high)
    if reach == "range":
        return center, float(x.min()), float(x.max())
    spread = estimators.sd(x) if reach == "sd" else estimators.WITHIN[reach](groups)
    return center, center - 3 * spread, center + 3 * spread


def _indices(
    spec: Specification, center: float, lower: float, upper: float
) -> tuple[float | None, float | None, float | None]:
    low = None if spec.lsl is None else float(np.divide(center - spec.lsl, center - lower))
    high = None if spec.usl is None else float(np.divide(spec.usl - center, upper - center))
    width = None
    if spec.lsl is not None and spec.usl is not None:
        width = (spec.usl - spec.lsl) / (upper - lower)
    return width, low, high
