"""Fitting a distribution to values, and what is known of the fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike

from assay.stats.arrays import Floats, numbers, one_of, positive, vector
from assay.stats.distributions.errors import OutsideSupport, UnboundedLikelihood
from assay.stats.distributions.evaluated import Evaluated
from assay.stats.distributions.families import FAMILIES, POSITIVE, Family, family_of, log_likelihood
from assay.stats.distributions.goodness import AndersonDarling, anderson_darling
from assay.stats.distributions.likelihood import estimate
from assay.stats.distributions.positions import plotting_positions
from assay.stats.errors import ConstantData, NoConvergence, UnknownOption
from assay.stats.result import Result

if TYPE_CHECKING:
    from assay.stats.plot.spec import Plot

Method = Literal["adjusted", "ml", "ls"]
CANDIDATES = (
    "normal",
    "lognormal",
    "lognormal3",
    "weibull",
    "weibull3",
    "gamma",
    "gamma3",
    "exponential",
    "logistic",
    "loglogistic",
    "smallest_extreme_value",
    "largest_extreme_value",
)
"""The distributions :func:`identify` compares unless told otherwise."""


@dataclass(frozen=True, kw_only=True)
class Fit(Evaluated):
    """A fitted distribution; see :class:`Evaluated` for its ``cdf``, ``sf``, ``pdf`` and ``quantile``."""

    distribution: str
    """Name of the family."""
    parameters: dict[str, float]
    """Estimates by name, the fixed ones among them."""
    fixed: tuple[str, ...] = ()
    """Parameters that were given, not estimated."""
    method: str = "adjusted"
    """``adjusted``, ``ml`` or ``ls``."""
    n: int
    log_likelihood: float
    aic: float
    """2k − 2 ln L, with k the number of estimated parameters."""
    bic: float
    """k ln N − 2 ln L."""
    anderson_darling: AndersonDarling
    _values: Floats = field(repr=False, compare=False)

    @property
    def values(self) -> Floats:
        """The values behind the result, ``(N,)``."""
        return self._values

    def plot(self) -> Plot:
        """Histogram with the fitted density, beside the probability plot."""
        from assay.stats.distributions.picture import fit_plot

        return fit_plot(self)


def fit(
    values: ArrayLike,
    distribution: str,
    *,
    method: Method = "adjusted",
    fixed: Mapping[str, float] | None = None,
    bounds: tuple[float, float] | None = None,
    positions: str = "median",
) -> Fit:
    """Fit ``distribution`` to ``values``, shape ``(N,)``.

    Parameters
    ----------
    method
        ``ml`` maximises the likelihood. ``adjusted`` (default) does the same, except that the standard
        deviation of the normal and the lognormal distributions has the divisor N − 1, as Minitab and JASP
        print it, and the two-parameter exponential is unbiased: scale N(x̄ − x₍₁₎)/(N − 1).
        ``ls`` fits a line to the probability plot, transformed values on standard quantiles
        (least squares of X on Y), for location-scale families.
    fixed
        Parameters that are known, by name; the others are estimated by maximum likelihood, not by ``ls``.
    bounds
        ``(lower, upper)`` of a beta distribution.
    positions
        Plotting positions of ``ls``: see :func:`plotting_positions`.

    Raises
    ------
    NotFinite, WrongShape, TooFewPoints, ConstantData, OutsideSupport, UnknownOption, NotPositive,
    NoConvergence, UnboundedLikelihood

    Source: D'Agostino & Stephens (1986), ch. 4; Lawless (2003), *Statistical Models and Methods for Lifetime
    Data*, 2nd ed., ch. 5.
    """
    family = family_of(distribution)
    known = _known(family, fixed, bounds)
    one_of(method, ("adjusted", "ml") if known else ("adjusted", "ml", "ls"), "method")
    free = len(family.parameters) - len(known)
    x = vector(values, least=max(2, free), what=f"fit ({family.name})")
    if x.min() == x.max() and free:
        raise ConstantData(name="values", count=x.size, value=float(x[0]))
    check_support(x, family, known)
    parameters = (
        _by_lines(x, family, positions) if method == "ls" and not known else estimate(x, family, known)
    )
    if method == "adjusted" and not known:
        parameters = _adjusted(family.name, parameters, x.size)
    return described(x, family, parameters, method=method, fixed=tuple(known))


def identify(
    values: ArrayLike, candidates: Sequence[str] = CANDIDATES, *, method: Method = "adjusted"
) -> Identification:
    """Fit every candidate whose support holds the values and order the fits by AIC, the best first.

    A candidate that can't hold the values or doesn't converge is left out and named in ``refused`` with
    the reason.

    Raises
    ------
    NotFinite, WrongShape, TooFewPoints, ConstantData, UnknownOption
    """
    x = vector(values, least=3, what="identify")
    if x.min() == x.max():
        raise ConstantData(name="values", count=x.size, value=float(x[0]))
    fits, refused = [], {}
    for name in candidates:
        try:
            fits.append(
                fit(x, name, method="ml" if method == "ls" and family_of(name).axis is None else method)
            )
        except (OutsideSupport, NoConvergence, UnboundedLikelihood) as error:
            refused[name] = str(error)
    fits.sort(key=lambda found: found.aic)
    return Identification(fits=tuple(fits), refused=refused, n=x.size)


@dataclass(frozen=True, kw_only=True)
class Identification(Result):
    """Fits of several distributions, ordered by AIC."""

    fits: tuple[Fit, ...]
    refused: dict[str, str]
    n: int

    @property
    def best(self) -> Fit:
        """The fit with the lowest AIC."""
        return self.fits[0]

    def plot(self) -> Plot:
        """Probability plots of the four best fits."""
        from assay.stats.distributions.picture import identification_plot

        return identification_plot(self)


def described(
    x: Floats, family: Family, parameters: dict[str, float], *, method: str, fixed: tuple[str, ...]
) -> Fit:
    """The fit with its likelihood, information criteria and Anderson-Darling statistic."""
    frozen = family.frozen(parameters)
    gain = log_likelihood(frozen, x)
    k = len(family.parameters) - len(fixed)
    test = anderson_darling(x, frozen, family.name, parameters)
    if fixed and family.name != "beta":
        test = replace(test, p_value=np.nan, bound="unknown")
    return Fit(
        distribution=family.name,
        parameters={name: float(parameters[name]) for name in family.parameters},
        fixed=fixed,
        method=method,
        n=x.size,
        log_likelihood=gain,
        aic=2 * k - 2 * gain,
        bic=k * float(np.log(x.size)) - 2 * gain,
        anderson_darling=test,
        _values=x,
    )


def check_support(x: Floats, family: Family, known: Mapping[str, float]) -> None:
    """Refuse values where the family has no density.

    Raises
    ------
    OutsideSupport
    """
    low = known["threshold"] if "threshold" in known else known.get("lower", family.low)
    outside = np.zeros(x.size, dtype=bool)
    if low is not None:
        outside |= (x < low) if family.closed else (x <= low)
    bound = low
    if "upper" in known and (x >= known["upper"]).any():
        outside |= x >= known["upper"]
        bound = known["upper"]
    if outside.any():
        index = int(np.flatnonzero(outside)[0])
        raise OutsideSupport(
            distribution=family.name,
            count=int(outside.sum()),
            index=index,
            value=float(x[index]),
            bound=bound,
        )


def _known(
    family: Family, fixed: Mapping[str, float] | None, bounds: tuple[float, float] | None
) -> dict[str, float]:
    known = dict(fixed or {})
    if family.name == "beta" and bounds is not None:
        known |= {"lower": bounds[0], "upper": bounds[1]}
    for name, value in known.items():
        if name not in family.parameters:
            raise UnknownOption(name="fixed", value=repr(name), known=", ".join(family.parameters))
        known[name] = positive(value, name) if name in POSITIVE else float(numbers(value, name))
    if family.name == "beta" and not {"lower", "upper"} <= known.keys():
        raise UnknownOption(name="bounds", value="None", known="(lower, upper)")
    return known


def _adjusted(name: str, parameters: dict[str, float], n: int) -> dict[str, float]:
    """The estimates without the bias that maximum likelihood leaves where it is known exactly."""
    if name == "exponential2":
        scale = parameters["scale"] * n / (n - 1)
        return {"scale": scale, "threshold": parameters["threshold"] - scale / n}
    if name in {"normal", "lognormal"}:
        factor = float(np.sqrt(n / (n - 1)))
        spreads = {"sd", "log_sd"}
        return {key: value * factor if key in spreads else value for key, value in parameters.items()}
    return parameters


def _by_lines(x: Floats, family: Family, positions: str) -> dict[str, float]:
    if family.axis is None:
        known = ", ".join(name for name, other in FAMILIES.items() if other.axis)
        raise UnknownOption(name="distribution (ls)", value=repr(family.name), known=known)
    ordered = np.sort(np.log(x) if family.axis == "log" else x)
    standard = family.standard.ppf(plotting_positions(x.size, positions))
    spread = float(np.sum((standard - standard.mean()) * ordered) / np.sum((standard - standard.mean()) ** 2))
    place = float(ordered.mean() - spread * standard.mean())
    if family.name == "weibull":
        return {"shape": 1 / spread, "scale": float(np.exp(place))}
    return dict(zip(family.parameters, (place, spread), strict=True))
