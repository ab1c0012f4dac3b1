"""Sample sizes: how many observations a test, a bound or an estimate needs.

Every function returns a :class:`SampleSize` with the smallest n and what it reaches; ``sided`` is ``two`` or
``one``. Sources: Montgomery, *Introduction to Statistical Quality Control*, 8th ed., §4.3-4.4; Mathews,
*Sample Size Calculations* (2010); Cohen, *Statistical Power Analysis*, 2nd ed., for the exact t, χ² and F
powers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import numpy as np
from scipy import special, stats

from assay.stats.arrays import Floats, Ints, between, one_of, ordered, positive
from assay.stats.errors import LimitsReversed, NoConvergence, OutOfRange
from assay.stats.sampling.attributes import risk
from assay.stats.sampling.order_statistics import confidence_reached, least_values
from assay.stats.sampling.sized import Measure, SampleSize, sized

Sided = Literal["two", "one"]
SIDED: tuple[Sided, ...] = ("two", "one")
LARGEST = 100_000_000


def mean(
    difference: float,
    sigma: float,
    *,
    alpha: float = 0.05,
    power: float = 0.9,
    sided: Sided = "two",
    known_sigma: bool = False,
) -> SampleSize:
    """n to detect that a mean is off by ``difference`` where values scatter by ``sigma``.

    By the t test, or by z where ``known_sigma``.

    Raises
    ------
    NotFinite, NotPositive, OutOfRange, UnknownOption, NoConvergence
    """
    shift = positive(abs(difference), "difference") / positive(sigma, "sigma")
    tails = _tails(alpha, power, sided)

    def reach(n: int) -> float:
        away = shift * math.sqrt(n)
        return _normal_power(away, alpha, tails) if known_sigma else _t_power(away, n - 1, alpha, tails)

    n = _smallest(reach, power, 1 if known_sigma else 2, "mean")
    return sized("mean", n, reach, asked=power, method="z" if known_sigma else "noncentral-t", alpha=alpha)


def two_means(
    difference: float,
    sigma: float,
    *,
    alpha: float = 0.05,
    power: float = 0.9,
    sided: Sided = "two",
    ratio: float = 1.0,
    known_sigma: bool = False,
) -> SampleSize:
    """n of the first group to detect a ``difference`` of two means; ``n2 = ⌈ratio · n⌉``, same ``sigma``.

    Raises
    ------
    NotFinite, NotPositive, OutOfRange, UnknownOption, NoConvergence
    """
    shift = positive(abs(difference), "difference") / positive(sigma, "sigma")
    tails = _tails(alpha, power, sided)
    positive(ratio, "ratio")

    def second(n: int) -> int:
        return max(1, math.ceil(ratio * n - 1e-9))

    def reach(n: int) -> float:
        away = shift / math.sqrt(1 / n + 1 / second(n))
        if known_sigma:
            return _normal_power(away, alpha, tails)
        return _t_power(away, n + second(n) - 2, alpha, tails)

    n = _smallest(reach, power, 1 if known_sigma else 2, "two_means")
    how = "z" if known_sigma else "noncentral-t"
    return sized("two-means", n, reach, asked=power, method=how, alpha=alpha, n2=second(n))


def proportion(
    p0: float,
    p1: float,
    *,
    alpha: float = 0.05,
    power: float = 0.9,
    sided: Sided = "two",
    method: Literal["exact", "normal"] = "exact",
) -> SampleSize:
    """n to tell a proportion ``p1`` from ``p0``.

    ``exact``: the binomial test, whose level never exceeds ``alpha`` (each tail α/2 when two-sided); its
    power rises in a saw-tooth, and n is the first that reaches ``power``. ``normal``: Montgomery, 8th ed.,
    §4.3.4.

    Raises
    ------
    NotFinite, OutOfRange, UnknownOption, LimitsReversed, NoConvergence
    """
    one_of(method, ("exact", "normal"), "method")
    risk(p0, "p0")
    risk(p1, "p1")
    if p0 == p1:
        raise LimitsReversed(low_name="p0", low=p0, high_name="p1", high=p1)
    tails = _tails(alpha, power, sided)
    if method == "normal":
        spread0, spread1 = math.sqrt(p0 * (1 - p0)), math.sqrt(p1 * (1 - p1))

        def normal(n: int) -> float:
            limit = -special.ndtri(alpha / tails) * spread0
            return float(special.ndtr((abs(p1 - p0) * math.sqrt(n) - limit) / spread1))

        n = _smallest(normal, power, 1, "proportion")
        return sized("proportion", n, normal, asked=power, method=method, alpha=alpha)

    def exact(n: int) -> float:
        return float(_binomial_power(np.array([n]), p0, p1, alpha, tails)[0])

    for start in range(1, 2**22, 4096):
        sizes = np.arange(start, start + 4096)
        hits = np.flatnonzero(_binomial_power(sizes, p0, p1, alpha, tails) >= power)
        if hits.size:
            return sized("proportion", int(sizes[hits[0]]), exact, asked=power, method=method, alpha=alpha)
    raise NoConvergence(what="proportion", rounds=2**22)


def two_proportions(
    p1: float,
    p2: float,
    *,
    alpha: float = 0.05,
    power: float = 0.9,
    sided: Sided = "two",
    ratio: float = 1.0,
) -> SampleSize:
    """n of the first group to tell two proportions apart.

    By the normal test with pooled variance (Fleiss 1981, *Statistical Methods for Rates and Proportions*,
    eq. 3.14).

    Raises
    ------
    NotFinite, NotPositive, OutOfRange, UnknownOption, LimitsReversed, NoConvergence
    """
    risk(p1, "p1")
    risk(p2, "p2")
    if p1 == p2:
        raise LimitsReversed(low_name="p1", low=p1, high_name="p2", high=p2)
    tails = _tails(alpha, power, sided)
    positive(ratio, "ratio")
    pooled = (p1 + ratio * p2) / (1 + ratio)
    under_null = math.sqrt(pooled * (1 - pooled) * (1 + 1 / ratio))
    under_other = math.sqrt(p1 * (1 - p1) + p2 * (1 - p2) / ratio)

    def reach(n: int) -> float:
        limit = -special.ndtri(alpha / tails) * under_null
        return float(special.ndtr((abs(p1 - p2) * math.sqrt(n) - limit) / under_other))

    n = _smallest(reach, power, 1, "two_proportions")
    second = math.ceil(ratio * n - 1e-9)
    return sized("two-proportions", n, reach, asked=power, method="normal", alpha=alpha, n2=second)


def variance(ratio: float, *, alpha: float = 0.05, power: float = 0.9, sided: Sided = "one") -> SampleSize:
    """n to detect that a standard deviation is ``ratio`` times what it should be (χ² test; above or below 1).

    Raises
    ------
    NotFinite, NotPositive, OutOfRange, UnknownOption, NoConvergence
    """
    times = _other_than_one(ratio)
    tails = _tails(alpha, power, sided)

    def reach(n: int) -> float:
        nu = n - 1
        above = special.chdtrc(nu, special.chdtri(nu, alpha / tails) / times**2)
        below = special.chdtr(nu, special.chdtri(nu, 1 - alpha / tails) / times**2)
        return float(above + below if tails == 2 else (above if times > 1 else below))

    n = _smallest(reach, power, 2, "variance")
    return sized("variance", n, reach, asked=power, method="chi-square", alpha=alpha)


def two_variances(
    ratio: float, *, alpha: float = 0.05, power: float = 0.9, sided: Sided = "two"
) -> SampleSize:
    """n of each of two groups to detect that one standard deviation is ``ratio`` times the other (F test).

    Raises
    ------
    NotFinite, NotPositive, OutOfRange, UnknownOption, NoConvergence
    """
    times = _other_than_one(ratio)
    times = max(times, 1 / times)
    tails = _tails(alpha, power, sided)

    def reach(n: int) -> float:
        nu = n - 1
        limit = special.fdtri(nu, nu, 1 - alpha / tails)
        above = special.fdtrc(nu, nu, limit / times**2)
        return float(above + special.fdtr(nu, nu, 1 / limit / times**2) if tails == 2 else above)

    n = _smallest(reach, power, 2, "two_variances")
    return sized("two-variances", n, reach, asked=power, method="f", alpha=alpha, n2=n)


def capability(
    cpk: float,
    required: float,
    *,
    confidence: float = 0.95,
    method: Literal["exact", "bissell"] = "exact",
) -> SampleSize:
    """n so that an observed ``cpk`` proves the ``required`` one: its lower confidence bound is not below it.

    ``exact``: the nearer limit decides and the other tail is negligible, so ``3 √n Cpk`` is non-central t.
    ``bissell``: ``Cpk (1 − z √(1/(9 n Cpk²) + 1/(2 (n − 1))))`` (Bissell 1990, *Applied Statistics* 39,
    331-340; Montgomery, 8th ed., eq. 8.21).

    Raises
    ------
    NotFinite, NotPositive, OutOfRange, LimitsReversed, UnknownOption, NoConvergence
    """
    one_of(method, ("exact", "bissell"), "method")
    ordered(positive(required, "required"), positive(cpk, "cpk"), "required", "cpk")
    risk(confidence, "confidence")

    def reach(n: int) -> float:
        root = 3 * math.sqrt(n)
        if method == "exact":
            # The bound is at or above what is required exactly when so large a Cpk is this improbable there.
            return float(stats.nct.cdf(root * cpk, n - 1, root * required))
        error = math.sqrt(1 / (9 * n * cpk**2) + 1 / (2 * (n - 1)))
        return float(special.ndtr((1 - required / cpk) / error))

    n = _smallest(reach, confidence, 2, "capability")
    return sized("capability", n, reach, asked=confidence, method=method, measure="confidence")


def success_run(reliability: float, confidence: float = 0.9, *, failures: int = 0) -> SampleSize:
    """n to show ``reliability`` with ``confidence`` when at most ``failures`` fail.

    22 for 90 % and 90 % without failures.

    Without failures ``n = ln(1 − C) / ln R``; with them the binomial tail (Lipson & Sheth 1973; VDA 3.2).

    Raises
    ------
    NotFinite, OutOfRange
    """
    risk(reliability, "reliability")
    risk(confidence, "confidence")
    allowed = int(between(failures, "failures", 0, LARGEST))
    n = least_values(reliability, confidence, allowed + 1)
    return sized(
        "success-run",
        n,
        lambda size: confidence_reached(size, reliability, allowed + 1),
        asked=confidence,
        method="binomial",
        measure="confidence",
    )


def tolerance(
    coverage: float, confidence: float = 0.95, *, sided: Sided = "two", rank: int = 1
) -> SampleSize:
    """n for a non-parametric tolerance interval between the ``rank``-th smallest and largest values.

    59 (one-sided) and 93 (two-sided) for 95 %/95 % (Wilks 1941; ISO 16269-6 annex).

    Raises
    ------
    NotFinite, OutOfRange, UnknownOption
    """
    risk(coverage, "coverage")
    risk(confidence, "confidence")
    outside = int(between(rank, "rank", 1, LARGEST)) * (2 if one_of(sided, SIDED, "sided") == "two" else 1)
    n = least_values(coverage, confidence, outside)
    return sized(
        "tolerance",
        n,
        lambda size: confidence_reached(size, coverage, outside),
        asked=confidence,
        method="nonparametric",
        measure="confidence",
    )


def mean_precision(
    half_width: float, sigma: float, *, confidence: float = 0.95, known_sigma: bool = True
) -> SampleSize:
    """n so that a mean is known to ± ``half_width``: ``(z σ / h)²``, or with t for an estimated sigma.

    Raises
    ------
    NotFinite, NotPositive, OutOfRange, NoConvergence
    """
    width, spread = positive(half_width, "half_width"), positive(sigma, "sigma")
    tail = (1 + risk(confidence, "confidence")) / 2

    def reach(n: int) -> float:
        quantile = special.ndtri(tail) if known_sigma else special.stdtrit(n - 1, tail)
        return float(quantile) * spread / math.sqrt(n)

    n = _smallest(lambda size: -reach(size), -width * (1 + 1e-12), 1 if known_sigma else 2, "mean_precision")
    return sized(
        "mean-precision", n, reach, asked=width, method="z" if known_sigma else "t", measure="precision"
    )


def proportion_precision(
    p: float,
    half_width: float,
    *,
    confidence: float = 0.95,
    method: Literal["normal", "wilson"] = "normal",
) -> SampleSize:
    """n so that a proportion near ``p`` is known to ± ``half_width``: 385 for p = 0.5 and ± 0.05 at 95 %.

    ``normal``: ``z² p (1 − p) / h²``; ``wilson``: half the length of Wilson's interval.

    Raises
    ------
    NotFinite, NotPositive, OutOfRange, UnknownOption, NoConvergence
    """
    one_of(method, ("normal", "wilson"), "method")
    risk(p, "p")
    width = between(positive(half_width, "half_width"), "half_width", 0, 0.5)
    z = float(special.ndtri((1 + risk(confidence, "confidence")) / 2))

    def reach(n: int) -> float:
        if method == "normal":
            return z * math.sqrt(p * (1 - p) / n)
        return z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)

    n = _smallest(lambda size: -reach(size), -width * (1 + 1e-12), 1, "proportion_precision")
    return sized("proportion-precision", n, reach, asked=width, method=method, measure="precision")


def _tails(alpha: float, power: float, sided: Sided) -> int:
    risk(alpha, "alpha")
    ordered(alpha, risk(power, "power"), "alpha", "power")
    return 2 if one_of(sided, SIDED, "sided") == "two" else 1


def _other_than_one(ratio: float) -> float:
    times = positive(ratio, "ratio")
    if times == 1:
        raise OutOfRange(name="ratio", value=times, low="> 1", high="< 1")
    return times


def _normal_power(away: float, alpha: float, tails: int) -> float:
    limit = -float(special.ndtri(alpha / tails))
    far = float(special.ndtr(-away - limit)) if tails == 2 else 0.0
    return float(special.ndtr(away - limit)) + far


def _t_power(away: float, nu: int, alpha: float, tails: int) -> float:
    limit = -float(special.stdtrit(nu, alpha / tails))
    far = float(stats.nct.cdf(-limit, nu, away)) if tails == 2 else 0.0
    near = float(stats.nct.sf(limit, nu, away))
    return near + (0.0 if math.isnan(far) else far)


def _binomial_power(sizes: Ints, p0: float, p1: float, alpha: float, tails: int) -> Floats:
    each = alpha / tails
    # Reject at or above `high` (chance ≤ each under p0), and at or below `low`.
    high = stats.binom.isf(each, sizes, p0) + 1
    low = stats.binom.ppf(each, sizes, p0)
    low = np.where(stats.binom.cdf(low, sizes, p0) <= each, low, low - 1)
    above = stats.binom.sf(high - 1, sizes, p1)
    below = stats.binom.cdf(low, sizes, p1)
    if tails == 2:
        return np.asarray(above + below)
    return np.asarray(above if p1 > p0 else below)


def _smallest(reach: Callable[[int], float], wanted: float, least: int, what: str) -> int:
    """The smallest n ≥ ``least`` with ``reach(n) ≥ wanted``, for a reach that rises with n."""
    low, high = least - 1, least
    while reach(high) < wanted:
        low, high = high, high * 2
        if high > LARGEST:
            raise NoConvergence(what=what, rounds=LARGEST)
    while high - low > 1:
        middle = (low + high) // 2
        if reach(middle) >= wanted:
            high = middle
        else:
            low = middle
    return high


__all__ = [
    "Measure",
    "SampleSize",
    "capability",
    "mean",
    "mean_precision",
    "proportion",
    "proportion_precision",
    "success_run",
    "tolerance",
    "two_means",
    "two_proportions",
    "two_variances",
    "variance",
]
