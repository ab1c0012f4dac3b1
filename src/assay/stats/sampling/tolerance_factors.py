"""Factors of tolerance intervals for a normal population."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Literal

import numpy as np
from scipy import optimize, special, stats

from assay.stats.arrays import Floats, between, one_of
from assay.stats.errors import NotACount
from assay.stats.sampling.attributes import risk

FactorMethod = Literal["exact", "approximate", "howe", "howe-guenther", "wald-wolfowitz"]
ONE_SIDED: tuple[FactorMethod, ...] = ("exact", "approximate")
TWO_SIDED: tuple[FactorMethod, ...] = ("exact", "howe", "howe-guenther", "wald-wolfowitz")
FactorSides = Literal["one", "two"]
MOST = 10_000_000

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(160)


def tolerance_factor(
    n: int,
    coverage: float = 0.95,
    confidence: float = 0.95,
    *,
    sided: FactorSides = "two",
    method: FactorMethod = "exact",
    degrees_of_freedom: float | None = None,
) -> float:
    """The factor k of a normal tolerance interval ``mean ± k s`` (or one bound ``mean + k s``).

    Parameters
    ----------
    n
        Values behind the mean, at least 2.
    coverage
        Share of the population that shall lie inside (or below the bound), in (0, 1).
    confidence
        How often intervals made this way hold that share, in (0, 1).
    sided
        ``two`` limits, or ``one``.
    method
        - ``exact``. One-sided: non-central t with non-centrality ``z_p √n`` over ``√n`` (NIST/SEMATECH
          e-Handbook 7.2.6.3; ISO 16269-6). Two-sided: the integral over the mean, solved for k (Eberhardt,
          Mee & Reeve 1989, *Comm. Statist. Simul.* 18, 397-413; Krishnamoorthy & Mathew 2009, eq. 2.3.5).
        - ``approximate``, one-sided: Natrella's closed form (NIST 7.2.6.3).
        - ``howe``, two-sided: ``z √(ν (1 + 1/n) / χ²)`` (Howe 1969, JASA 64, 610-620; NIST 7.2.6.3).
        - ``wald-wolfowitz``, two-sided: the covering half width at a mean off by ``1/√n``, times ``√(ν/χ²)``
          (Wald & Wolfowitz 1946, *Ann. Math. Statist.* 17, 208-215; the classical printed tables, and R
          package spc).
        - ``howe-guenther``, two-sided: Howe with Guenther's correction (Guenther 1977; NIST 7.2.6.3).
    degrees_of_freedom
        Of the standard deviation, where it comes from more data than the mean; ``n − 1`` without it.

    Raises
    ------
    NotFinite, OutOfRange, NotACount, UnknownOption
    """
    size = between(n, "n", 2, MOST)
    if size != int(size):
        raise NotACount(name="n", index=0, value=size)
    share, sure = risk(coverage, "coverage"), risk(confidence, "confidence")
    one_of(sided, ("one", "two"), "sided")
    nu = (
        size - 1 if degrees_of_freedom is None else between(degrees_of_freedom, "degrees_of_freedom", 1, MOST)
    )
    if sided == "one":
        one_of(method, ONE_SIDED, "method")
        if method == "exact":
            root = math.sqrt(size)
            return float(stats.nct.ppf(sure, nu, special.ndtri(share) * root)) / root
        return _natrella(size, nu, share, sure)
    one_of(method, TWO_SIDED, "method")
    if method == "exact":
        return _two_sided(size, nu, share, sure)
    lowest = float(special.chdtri(nu, sure))
    if method == "wald-wolfowitz":
        return float(half_width(np.array([1 / math.sqrt(size)]), share)[0]) * math.sqrt(nu / lowest)
    howe = float(special.ndtri((1 + share) / 2)) * math.sqrt(nu * (1 + 1 / size) / lowest)
    if method == "howe":
        return howe
    return howe * math.sqrt(1 + (size - 3 - lowest) / (2 * (size + 1) ** 2))


def _natrella(n: float, nu: float, coverage: float, confidence: float) -> float:
    z_p, z_c = float(special.ndtri(coverage)), float(special.ndtri(confidence))
    a = 1 - z_c**2 / (2 * nu)
    b = z_p**2 - z_c**2 / n
    between(a, "1 − z²/(2(n−1))", 1e-12, math.inf)
    return (z_p + math.sqrt(between(z_p**2 - a * b, "z² − ab", 0, math.inf))) / a


@lru_cache(maxsize=256)
def _two_sided(n: float, nu: float, coverage: float, confidence: float) -> float:
    """Solve ``E[P(χ²_ν ≥ ν r(Z)² / k²)] = confidence``, r(Z) the covering half width at a mean off by Z."""
    half = 10.0
    u = half * (_NODES + 1) / 2
    mass = _WEIGHTS * half * np.exp(-u * u / 2) / math.sqrt(2 * math.pi)
    reach = half_width(u / math.sqrt(n), coverage)

    def gap(k: float) -> float:
        return float(mass @ special.chdtrc(nu, nu * (reach / k) ** 2)) - confidence

    guess = float(special.ndtri((1 + coverage) / 2)) * math.sqrt(
        nu * (1 + 1 / n) / float(special.chdtri(nu, confidence))
    )
    low, high = guess, guess
    while gap(low) > 0:
        low /= 1.3
    while gap(high) < 0:
        high *= 1.3
    return float(optimize.brentq(gap, low, high, xtol=1e-13, rtol=1e-14))


def half_width(offset: Floats, coverage: float) -> Floats:
    """r with ``Φ(offset + r) − Φ(offset − r) = coverage``, by Newton's method with bisection as a guard."""
    away = np.abs(offset)
    low = np.full_like(away, special.ndtri((1 + coverage) / 2))
    high = away + special.ndtri(coverage) if coverage > 0.5 else away + low
    high = np.maximum(high, low) + 1e-9
    high = np.where(_covered(away, high) < coverage, away + low, high)
    r = (low + high) / 2
    for _ in range(200):
        miss = _covered(away, r) - coverage
        low, high = np.where(miss < 0, r, low), np.where(miss < 0, high, r)
        slope = (np.exp(-((away + r) ** 2) / 2) + np.exp(-((away - r) ** 2) / 2)) / math.sqrt(2 * math.pi)
        step = r - miss / np.maximum(slope, 1e-300)
        after = np.where((step > low) & (step < high), step, (low + high) / 2)
        if np.max(np.abs(after - r)) <= 1e-14 * np.max(np.abs(r)):
            return after
        r = after
    return r


def _covered(away: Floats, r: Floats) -> Floats:
    return np.asarray(special.ndtr(away + r) - special.ndtr(away - r))
