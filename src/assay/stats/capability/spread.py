"""The standard deviation within a process by the estimator's name, with its degrees of freedom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import optimize, special, stats

from assay.stats import constants as tables
from assay.stats import sigma as estimators
from assay.stats.arrays import Floats, one_of, positive
from assay.stats.capability.errors import SubgroupsNeeded
from assay.stats.subgroups import Subgroups

Estimator = Literal[
    "rbar", "sbar", "sbar_plain", "pooled", "pooled_unbiased", "mr", "median_mr", "mssd", "sd", "sd_unbiased"
]
ESTIMATORS: tuple[Estimator, ...] = (
    "rbar",
    "sbar",
    "sbar_plain",
    "pooled",
    "pooled_unbiased",
    "mr",
    "median_mr",
    "mssd",
    "sd",
    "sd_unbiased",
)
Weighting = Literal["uwave", "mvlue", "freedom"]
Degrees = Literal["total", "estimator", "bissell", "jasp"]
DEGREES: tuple[Degrees, ...] = ("total", "estimator", "bissell", "jasp")
LARGEST_RANGE_GROUP = 10
"""Above this size, ranges waste information and s is used unless told otherwise (ISO 7870-2, 6.1)."""
_BISSELL_S = ((2, 0.88), (3, 0.92), (4, 0.94), (5, 0.95), (7, 0.96), (9, 0.97), (17, 0.98), (64, 0.99))


@dataclass(frozen=True)
class Spread:
    """A standard deviation, what it was estimated by, and how much it is worth."""

    sigma: float
    estimator: str
    degrees: float | None
    """Degrees of freedom for intervals; None where they can't be told: sigma was given without them."""


def within(
    x: Floats,
    groups: Subgroups | None,
    sigma: str | float | None,
    *,
    weighting: Weighting = "uwave",
    span: int = 2,
    constants: tables.Kind = "exact",
    degrees: Degrees | float = "total",
) -> Spread:
    """The standard deviation within, from values ``(N,)`` and their subgroups.

    ``sigma`` names the estimator, or is a known standard deviation; that one has degrees of freedom only
    where they are given as a number or are those of the data alone (``jasp``). None stands for ``mr`` without
    subgroups, ``rbar`` for subgroups up to 10 values and ``sbar`` beyond.

    Raises
    ------
    SubgroupsNeeded, SingletonSubgroups, ConstantData, TooFewPoints, UnknownOption, NotPositive, OutOfRange
    """
    if sigma is not None and not isinstance(sigma, str):
        known = positive(sigma, "sigma")
        told = not isinstance(degrees, str) or one_of(degrees, DEGREES, "degrees") == "jasp"
        return Spread(known, "given", freedom("given", x.size, groups, span, degrees) if told else None)
    name = one_of(sigma or _default(groups), ESTIMATORS, "sigma")
    one_of(weighting, ("uwave", "mvlue", "freedom"), "weighting")
    if name in estimators.WITHIN or name == "sbar_plain":
        if groups is None:
            raise SubgroupsNeeded(estimator=name)
        return Spread(
            _of_groups(groups, name, weighting, constants), name, freedom(name, x.size, groups, span, degrees)
        )
    if name == "mr":
        found = estimators.mr(x, span=span, constants=constants)
    elif name == "median_mr":
        found = estimators.median_mr(x, span=span)
    elif name == "mssd":
        found = estimators.mssd(x)
    else:
        found = estimators.OVERALL[name](x)
    return Spread(found, name, freedom(name, x.size, groups, span, degrees))


def freedom(name: str, n: int, groups: Subgroups | None, span: int, degrees: Degrees | float) -> float | None:
    """Degrees of freedom for the confidence intervals of an estimator.

    ``total``: N − 1 for every estimator, as R's qcc prints them (too narrow for estimators within). A number
    is taken as it is. ``estimator``: those of the scaled χ with the estimator's own mean and variance
    (Patnaik 1950, Biometrika 37, 78-87). ``bissell``: Bissell's (1990, Applied Statistics 39, 331-340) as
    Minitab uses them, 0.9·Σ(n−1) for ranges, f_n·Σ(n−1) for s. Moving ranges of a span other than 2 have
    Minitab's N − span + 1 under both. ``jasp``: 0.9·k·(N/k − 1) for every estimator, k the size of the
    largest subgroup, 1 without subgroups; where Bissell has the number of subgroups. None for one subgroup.

    Raises
    ------
    UnknownOption, NotPositive
    """
    if not isinstance(degrees, str):
        return positive(degrees, "degrees")
    if one_of(degrees, DEGREES, "degrees") == "jasp":
        size = 1 if groups is None else int(groups.sizes.max())
        return 0.9 * (n - size) if n > size else None
    if degrees == "total" or name in {
        "sd",
        "sd_unbiased",
    }:
        return float(n - 1)
    inner = float(n - groups.count) if groups is not None else float(n - 1)
    if name in {"pooled", "pooled_unbiased"}:
        return inner
    if groups is not None and name in {"rbar", "sbar", "sbar_plain"}:
        return _of_estimator(name, groups) if degrees == "estimator" else _of_bissell(name, groups, inner)
    if name == "mssd":
        return float(n - 1) if degrees == "bissell" else 2 * (n - 1) ** 2 / (3 * n - 4)
    if degrees == "bissell" or span != 2:
        return float(n - span + 1)
    return _degrees_of(_variation_of_mr(n) if name == "mr" else _variation_of_median_mr(n))


def _default(groups: Subgroups | None) -> Estimator:
    if groups is None:
        return "mr"
    return "rbar" if int(groups.sizes.max()) <= LARGEST_RANGE_GROUP else "sbar"


def _of_groups(groups: Subgroups, name: str, weighting: Weighting, constants: tables.Kind) -> float:
    if name in {"pooled", "pooled_unbiased"}:
        return estimators.WITHIN[name](groups)
    if name == "sbar_plain":
        return estimators.sbar_plain(groups)
    if weighting == "freedom":
        plain = estimators.rbar(groups, constants=constants) if name == "rbar" else estimators.sbar(groups)
        if groups.size is not None:
            return plain
        unit = tables.d2(groups.sizes, constants) if name == "rbar" else tables.c4(groups.sizes)
        found = groups.ranges if name == "rbar" else groups.deviations
        return float(np.average(found / unit, weights=groups.sizes - 1))
    if name == "rbar":
        return estimators.rbar(groups, weighting=weighting, constants=constants)
    return estimators.sbar(groups, weighting=weighting)


def _of_estimator(name: str, groups: Subgroups) -> float:
    sizes = groups.sizes
    if name == "rbar":
        relative = (tables.d3(sizes) / tables.d2(sizes)) ** 2
    else:
        relative = (tables.c5(sizes) / tables.c4(sizes)) ** 2
    return _degrees_of(float(relative.sum()) / groups.count**2)


def _of_bissell(name: str, groups: Subgroups, inner: float) -> float:
    if name == "rbar":
        return 0.9 * inner
    factors = [next((f for size, f in _BISSELL_S if n <= size), 1.0) for n in groups.sizes]
    return float(np.sum(np.array(factors) * (groups.sizes - 1)))


def _variation_of_mr(n: int) -> float:
    """Squared coefficient of variation of the mean moving range of two in ``n`` normal values.

    Neighbouring ranges |d₁|, |d₂| have correlated differences (ρ = −1/2): E|d₁||d₂| = (4/π)(√3/2 + π/12).
    """
    count = n - 1
    mean = 4 / np.pi
    single = 2 - mean
    together = mean * (np.sqrt(3) / 2 + np.pi / 12) - mean
    return float((count * single + 2 * (count - 1) * together) / count**2 / mean)


def _variation_of_median_mr(n: int) -> float:
    """Squared coefficient of variation of the median moving range of two, for many values.

    The sample median of a sequence of which only neighbours depend (Sen 1968, Ann. Math. Stat. 39,
    1724-1730): (1/4 + 2c)/(n f²), c the covariance of two neighbours being below the median m, f the density.
    """
    middle = float(special.ndtri(0.75))
    both = stats.multivariate_normal([0, 0], [[1, -0.5], [-0.5, 1]])
    square = float(both.cdf([middle, middle], lower_limit=[-middle, -middle]))
    density = 2 * float(stats.norm.pdf(middle))
    return (0.25 + 2 * (square - 0.25)) / ((n - 1) * (density * middle) ** 2)


def _degrees_of(variation: float) -> float:
    """ν of a χ/√ν variable with this squared coefficient of variation."""

    def gap(log_nu: float) -> float:
        nu = float(np.exp(log_nu))
        c4 = np.exp(0.5 * np.log(2 / nu) + special.gammaln((nu + 1) / 2) - special.gammaln(nu / 2))
        return float(1 / c4**2 - 1 - variation)

    return float(np.exp(optimize.brentq(gap, np.log(1e-2), np.log(1e7), xtol=1e-13)))
