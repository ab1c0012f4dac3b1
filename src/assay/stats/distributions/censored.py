"""Values known only to lie below, above or between bounds: fits by maximum likelihood, Kaplan-Meier curve."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from assay.stats.arrays import Floats, between, numbers
from assay.stats.distributions.errors import NothingObserved, OutsideSupport
from assay.stats.distributions.evaluated import Evaluated
from assay.stats.distributions.families import Family, family_of
from assay.stats.distributions.likelihood import search, start
from assay.stats.errors import (
    ConstantData,
    LimitsReversed,
    NotFinite,
    TooFewPoints,
    UnknownOption,
    WrongShape,
)
from assay.stats.result import Result

if TYPE_CHECKING:
    from assay.stats.plot.spec import Plot


@dataclass(frozen=True, kw_only=True)
class CensoredFit(Evaluated):
    """A distribution fitted to censored values; :class:`Evaluated` has ``cdf``, ``sf`` and ``quantile``."""

    distribution: str
    parameters: dict[str, float]
    standard_errors: dict[str, float]
    """From the observed information; NaN where that isn't positive."""
    n: int
    observed: int
    left: int
    """Values known to be at or below a bound (below the detection limit)."""
    right: int
    """Values known to be above a bound (test ended)."""
    interval: int
    """Values known to lie between two bounds."""
    log_likelihood: float
    aic: float
    _low: Floats = field(repr=False, compare=False)
    _high: Floats = field(repr=False, compare=False)

    @property
    def bounds(self) -> tuple[Floats, Floats]:
        """The bounds behind the fit, ``(N,)`` each; equal where a value was observed."""
        return self._low, self._high

    def plot(self) -> Plot:
        """The fitted cumulative distribution over the Kaplan-Meier steps, where those are defined."""
        from assay.stats.distributions.picture import censored_plot

        return censored_plot(self)


def fit_censored(low: ArrayLike, high: ArrayLike, distribution: str = "normal") -> CensoredFit:
    """Fit a distribution to values of which only bounds are known, by maximum likelihood.

    Parameters
    ----------
    low, high
        Shape ``(N,)`` each. Equal: the value was observed. ``low = -inf`` (or NaN): left-censored at
        ``high``. ``high = inf`` (or NaN): right-censored at ``low``. Otherwise the value lies in
        (low, high].
    distribution
        A family without a threshold: ``normal``, ``lognormal``, ``weibull``, ``exponential``, ``logistic``,
        ``loglogistic``, ``smallest_extreme_value``, ``largest_extreme_value``, ``gamma``.

    Raises
    ------
    WrongShape, NotFinite, LimitsReversed, TooFewPoints, NothingObserved, ConstantData, OutsideSupport,
    UnknownOption, NoConvergence

    Source: Meeker & Escobar (1998), *Statistical Methods for Reliability Data*, ch. 2 and 8.
    """
    family = family_of(distribution)
    if family.base is not None or family.name in {"beta", "folded_normal"}:
        known = (
            "normal, lognormal, weibull, exponential, gamma, logistic, loglogistic, …_extreme_value, rayleigh"
        )
        raise UnknownOption(name="distribution (censored)", value=repr(distribution), known=known)
    below, above = _bounds(low, high, family)
    exact = below == above
    middle = np.where(exact, below, _inside(below, above))
    if np.unique(middle).size < 2 and len(family.parameters) > 1:
        raise ConstantData(name="values", count=middle.size, value=float(middle[0]))

    def gain(frozen: Any) -> float:
        return _log_likelihood(frozen, below, above, exact)

    found = search(gain, family, start(middle, family), {})
    top = gain(family.frozen(found))
    return CensoredFit(
        distribution=family.name,
        parameters=found,
        standard_errors=_errors(gain, family, found),
        n=below.size,
        observed=int(exact.sum()),
        left=int(np.isneginf(below).sum()),
        right=int(np.isposinf(above).sum()),
        interval=int((~exact & np.isfinite(below) & np.isfinite(above)).sum()),
        log_likelihood=top,
        aic=2 * len(found) - 2 * top,
        _low=below,
        _high=above,
    )


@dataclass(frozen=True, kw_only=True)
class KaplanMeier(Result):
    """The product-limit estimate of the survival function."""

    times: Floats
    """Distinct observed values, ascending, ``(m,)``."""
    survival: Floats
    """P(value > time) just after each, ``(m,)``."""
    lower: Floats
    """Lower confidence limits, ``(m,)``."""
    upper: Floats
    at_risk: Floats
    """Values at or above each time, ``(m,)``."""
    events: Floats
    confidence: float

    def plot(self) -> Plot:
        """The survival steps with their confidence band."""
        from assay.stats.distributions.picture import survival_plot

        return survival_plot(self)


def kaplan_meier(values: ArrayLike, observed: ArrayLike, *, confidence: float = 0.95) -> KaplanMeier:
    """Kaplan-Meier survival of right-censored values.

    Parameters
    ----------
    values
        Shape ``(N,)``: where each value was observed or censored.
    observed
        Shape ``(N,)``: True where the value was observed, False where it was censored.

    The limits are Greenwood's variance on the scale ln(−ln S), inside 0 … 1.

    Raises
    ------
    NotFinite, WrongShape, TooFewPoints, NothingObserved, OutOfRange

    Source: Kaplan & Meier (1958), JASA 53, 457-481; Kalbfleisch & Prentice (2002), 2nd ed., sec. 1.4.
    """
    x = numbers(values, "values")
    seen = np.asarray(observed, dtype=bool)
    if x.ndim != 1 or seen.shape != x.shape:
        raise WrongShape(name="observed", shape=seen.shape, wanted=str(x.shape))
    if x.size < 1:
        raise TooFewPoints(what="kaplan_meier", count=x.size, least=1)
    if not seen.any():
        raise NothingObserved(count=x.size)
    between(confidence, "confidence", 0.5, 1 - 1e-9)
    times, events = np.unique(x[seen], return_counts=True)
    at_risk = (x[None, :] >= times[:, None]).sum(axis=1).astype(np.float64)
    survival = np.cumprod(1 - events / at_risk)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.cumsum(events / (at_risk * (at_risk - events)))
        logs = np.log(survival)
        reach = stats.norm.isf((1 - confidence) / 2) * np.sqrt(terms) / np.abs(logs)
        lower, upper = survival ** np.exp(reach), survival ** np.exp(-reach)
    last = survival <= 0
    return KaplanMeier(
        times=times,
        survival=survival,
        lower=np.where(last, np.nan, lower),
        upper=np.where(last, np.nan, upper),
        at_risk=at_risk,
        events=events.astype(np.float64),
        confidence=confidence,
    )


def _bounds(low: ArrayLike, high: ArrayLike, family: Family) -> tuple[Floats, Floats]:
    below, above = np.array(low, dtype=np.float64), np.array(high, dtype=np.float64)
    if below.ndim != 1 or below.shape != above.shape:
        raise WrongShape(name="high", shape=above.shape, wanted=str(below.shape))
    if below.size < 2:
        raise TooFewPoints(what="fit_censored", count=below.size, least=2)
    below[np.isnan(below)], above[np.isnan(above)] = -np.inf, np.inf
    unknown = (np.isneginf(below) & np.isposinf(above)) | np.isposinf(below) | np.isneginf(above)
    if unknown.any():
        index = int(np.flatnonzero(unknown)[0])
        raise NotFinite(name="low, high", count=int(unknown.sum()), index=index, value=float(below[index]))
    if (below > above).any():
        index = int(np.flatnonzero(below > above)[0])
        raise LimitsReversed(
            low_name="low", low=float(below[index]), high_name="high", high=float(above[index])
        )
    if np.isneginf(below).all() or np.isposinf(above).all():
        raise NothingObserved(count=below.size)
    floor = family.low
    if floor is not None and (above <= floor).any():
        index = int(np.flatnonzero(above <= floor)[0])
        raise OutsideSupport(
            distribution=family.name,
            count=int((above <= floor).sum()),
            index=index,
            value=float(above[index]),
            bound=floor,
        )
    return below, above


def _inside(below: Floats, above: Floats) -> Floats:
    """A value to start the search with: half a detection limit, the bound itself, or the middle."""
    with np.errstate(invalid="ignore"):
        middle = (below + above) / 2
    middle = np.where(np.isposinf(above), below, middle)
    return np.where(np.isneginf(below), np.where(above > 0, above / 2, above), middle)


def _log_likelihood(frozen: Any, below: Floats, above: Floats, exact: np.ndarray[Any, Any]) -> float:
    left, right = np.isneginf(below), np.isposinf(above)
    inner = ~exact & ~left & ~right
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        upper_half = frozen.sf(below[inner]) - frozen.sf(above[inner])
        lower_half = frozen.cdf(above[inner]) - frozen.cdf(below[inner])
        terms = (
            np.sum(frozen.logpdf(below[exact]))
            + np.sum(frozen.logcdf(above[left]))
            + np.sum(frozen.logsf(below[right]))
            + np.sum(np.log(np.maximum(upper_half, lower_half)))
        )
    return float(terms) if np.isfinite(terms) else -np.inf


def _errors(gain: Any, family: Family, found: dict[str, float]) -> dict[str, float]:
    """Roots of the diagonal of the inverse observed information, by central differences."""
    names = list(found)
    at = np.array([found[name] for name in names])
    spread = max(abs(found.get("sd", found.get("scale", found.get("log_sd", 1.0)))), 1e-12)
    step = 1e-4 * np.maximum(np.minimum(np.abs(at), spread), 1e-3 * spread)

    def value(moves: Floats) -> float:
        return float(gain(family.frozen(dict(zip(names, at + moves, strict=True)))))

    size = len(names)
    curve = np.zeros((size, size))
    for i in range(size):
        for j in range(size):
            a, b = np.zeros(size), np.zeros(size)
            a[i], b[j] = step[i], step[j]
            curve[i, j] = -(value(a + b) - value(a - b) - value(b - a) + value(-a - b)) / (
                4 * step[i] * step[j]
            )
    try:
        variances = np.diag(np.linalg.inv(curve))
    except np.linalg.LinAlgError:
        variances = np.full(size, np.nan)
    return {
        name: float(np.sqrt(variance)) if variance > 0 else float("nan")
        for name, variance in zip(names, variances, strict=True)
    }
