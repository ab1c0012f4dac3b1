"""Control chart constants: exact by integration, and the rounded ones that printed tables hold.

Every function takes a sample size, or an array of them, and answers with a float or an array of that shape.
``kind="exact"`` integrates the distribution of the range (Tippett 1925, Biometrika 17, 364-387; Pearson 1926,
Biometrika 18, 173-194) and is right to about 1e-13; ``kind="tabled"`` takes d2 with the three decimals of
ASTM MNL 7 (*Manual on Presentation of Data and Control Chart Analysis*) and d3 as R's qcc holds it
(:data:`TABLED_D3`), for comparison with software that computes from a printed table. c4 has a closed form and
is the same in both.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

from assay.stats.arrays import Floats, one_of, positive
from assay.stats.errors import NotACount, OutOfRange
from assay.stats.result import Result

Kind = Literal["exact", "tabled"]
KINDS: tuple[Kind, ...] = ("exact", "tabled")
Whole = NDArray[Any] | Sequence[int]
"""Whole numbers of any integer type, or floats that are whole."""

LARGEST_RANGE = 1_000
"""Largest sample size of the constants of the range and the median; those of s have no bound."""
TABLED = 25
"""Largest sample size of the printed tables."""

TABLED_D3 = (
    0.8525033, 0.8883697, 0.8798108, 0.8640855, 0.8480442, 0.8332108, 0.8198378, 0.8078413, 0.7970584,
    0.7873230, 0.7784873, 0.7704257, 0.7630330, 0.7562217, 0.7499188, 0.7440627, 0.7386021, 0.7334929,
    0.7286980, 0.7241851, 0.7199267, 0.7158987, 0.7120802, 0.7084528,
)  # fmt: skip
"""d3 for n = 2 … 25 as R's qcc 3.0 tables it (seven digits, of which the first five are exact)."""

TABLED_D2 = (
    1.128, 1.693, 2.059, 2.326, 2.534, 2.704, 2.847, 2.970, 3.078, 3.173, 3.258, 3.336, 3.407, 3.472, 3.532,
    3.588, 3.640, 3.689, 3.735, 3.778, 3.819, 3.858, 3.895, 3.931,
)  # fmt: skip
"""d2 for n = 2 … 25 with three decimals, as in ASTM MNL 7 and in Montgomery's appendix VI."""


def _lookup(n: object, low: int, high: int | None, one: Callable[[int], float]) -> float | Floats:
    """``one`` at ``n``, or at every entry of an array of whole numbers."""
    if type(n) is int:
        _inside(n, n, low, high)
        return one(n)
    asked = np.asarray(n)
    whole = asked.astype(np.int64) if asked.dtype.kind in "iuf" and np.isfinite(asked).all() else None
    if whole is None or (whole != asked).any():
        wrong = asked.ravel() if whole is None else asked.ravel()[(whole != asked).ravel()]
        raise NotACount(name="n", index=0, value=str(wrong[0]) if wrong.size else "")
    if whole.ndim == 0:
        _inside(int(whole), int(whole), low, high)
        return one(int(whole))
    if whole.size == 0:
        return np.empty(whole.shape)
    smallest, largest = int(whole.min()), int(whole.max())
    _inside(smallest, largest, low, high)
    if largest - smallest > 10_000:
        distinct, place = np.unique(whole, return_inverse=True)
        return np.array([one(int(size)) for size in distinct])[place].reshape(whole.shape)
    present = np.flatnonzero(np.bincount((whole - smallest).ravel()))
    table = np.empty(largest - smallest + 1)
    for offset in present.tolist():
        table[offset] = one(smallest + offset)
    return table[whole - smallest]


def _inside(smallest: int, largest: int, low: int, high: int | None) -> None:
    if smallest < low or (high is not None and largest > high):
        raise OutOfRange(
            name="n", value=smallest if smallest < low else largest, low=low, high=high if high else math.inf
        )


# -- order statistics of the standard normal -----------------------------------------------------------------


@cache
def _grid() -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Nodes for integrals over the smallest value x (rows, trapezoid) and the range w (Gauss-Legendre).

    The trapezoid rule converges faster than any power on a function that is analytic and dies off on both
    sides; the range starts at 0, where Gauss-Legendre needs no smooth continuation.
    """
    from scipy.special import log_ndtr

    x = np.arange(-11.0, 9.0, 1 / 24)
    nodes, weights = np.polynomial.legendre.leggauss(160)
    w, weight = 8.0 * (nodes + 1), 8.0 * weights
    survival = log_ndtr(-x)
    # Log of the chance that a value known to be above x is below x + w, exact at both ends of that chance.
    beyond = log_ndtr(-x[:, None] - w) - survival[:, None]
    below = np.where(
        beyond < -0.5,
        np.log1p(-np.exp(np.minimum(beyond, -0.5))),
        np.log(-np.expm1(np.maximum(beyond, -1.0))),
    )
    return x, w, weight, survival, below


@cache
def _range_moments(n: int) -> tuple[float, float]:
    """Mean and standard deviation of the range of ``n`` standard normal values."""
    x, w, weight, survival, below = _grid()
    smallest = n / 24 * _density(x) * np.exp((n - 1) * survival)
    above = smallest @ -np.expm1((n - 1) * below)
    mean = float(weight @ above)
    return mean, math.sqrt(float(weight @ (above * (2 * w - mean))))


@cache
def _range_median(n: int) -> float:
    """Median of the range of ``n`` standard normal values."""
    from scipy.optimize import brentq
    from scipy.special import ndtr

    x = _grid()[0]
    start, density = ndtr(x), n / 24 * _density(x)

    def gap(w: float) -> float:
        return float(density @ (ndtr(x + w) - start) ** (n - 1)) - 0.5

    return float(brentq(gap, 0.0, 16.0, xtol=1e-14, rtol=1e-14))


@cache
def _median_deviation(n: int) -> float:
    """Standard deviation of the median of ``n`` standard normal values.

    Even n: over the mean m and half distance d of the two middle values, with the joint density of two order
    statistics (David & Nagaraja 2003, *Order Statistics*, 2.2).
    """
    from scipy.special import log_ndtr

    m = np.arange(-9.0, 9.0, 1 / 48)
    half = (n - 1) // 2
    if n % 2:
        log = _log_ways(n, half, half) + half * (log_ndtr(m) + log_ndtr(-m))
        return math.sqrt(float((m * m) @ (np.exp(log) * _density(m))) / 48)
    nodes, weights = np.polynomial.legendre.leggauss(120)
    # The chance of a half distance above d is about exp(−0.8 n d): nothing is left beyond this reach.
    reach = min(9.0, 80 / n)
    d, weight = reach / 2 * (nodes + 1), reach / 2 * weights
    low, high = m[:, None] - d, m[:, None] + d
    log = _log_ways(n, half, half) + half * (log_ndtr(low) + log_ndtr(-high))
    joint = 2 * np.exp(log) * _density(low) * _density(high)
    return math.sqrt(float((m * m) @ joint @ weight) / 48)


def _log_ways(n: int, below: int, above: int) -> float:
    """Log of the ways to have so many values below and above the ones in the middle."""
    return math.lgamma(n + 1) - math.lgamma(below + 1) - math.lgamma(above + 1)


def _density(x: Floats) -> Floats:
    return np.asarray(np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi))


@cache
def _c4(n: int) -> float:
    if n <= 300:
        return math.sqrt(2 / (n - 1)) * math.gamma(n / 2) / math.gamma((n - 1) / 2)
    # Γ(x+½)/(Γ(x)√x) in powers of 1/x; the first term left out is below 1e-16.
    y = 2 / (n - 1)
    return 1 + y * (-1 / 8 + y * (1 / 128 + y * (5 / 1024 + y * (-21 / 32768 - y * 399 / 262144))))


@cache
def _c5(n: int) -> float:
    if n <= 300:
        return math.sqrt(1 - _c4(n) ** 2)
    y = 2 / (n - 1)
    return math.sqrt(y * (1 / 4 + y * (-1 / 32 + y * (-1 / 128 + y * 5 / 2048))))


# -- the constants -------------------------------------------------------------------------------------------


@overload
def d2(n: int, kind: Kind = ...) -> float: ...
@overload
def d2(n: Whole, kind: Kind = ...) -> Floats: ...
def d2(n: int | Whole, kind: Kind = "exact") -> float | Floats:
    """Mean of the range of ``n`` values in standard deviations.

    Parameters
    ----------
    n
        Sample size from 2 (to 25 where tabled), or an array of them.
    kind
        ``exact``, or ``tabled`` with three decimals.

    Raises
    ------
    OutOfRange, NotACount, UnknownOption
    """
    if one_of(kind, KINDS, "constants") == "tabled":
        return _lookup(n, 2, TABLED, lambda size: TABLED_D2[size - 2])
    return _lookup(n, 2, LARGEST_RANGE, _d2)


@overload
def d3(n: int, kind: Kind = ...) -> float: ...
@overload
def d3(n: Whole, kind: Kind = ...) -> Floats: ...
def d3(n: int | Whole, kind: Kind = "exact") -> float | Floats:
    """Standard deviation of the range of ``n`` values in standard deviations; arguments as in :func:`d2`."""
    if one_of(kind, KINDS, "constants") == "tabled":
        return _lookup(n, 2, TABLED, lambda size: TABLED_D3[size - 2])
    return _lookup(n, 2, LARGEST_RANGE, _d3)


@overload
def d4(n: int) -> float: ...
@overload
def d4(n: Whole) -> Floats: ...
def d4(n: int | Whole) -> float | Floats:
    """Median of the range of ``n`` values in standard deviations: turns a median range into sigma."""
    return _lookup(n, 2, LARGEST_RANGE, _range_median)


@overload
def c4(n: int) -> float: ...
@overload
def c4(n: Whole) -> Floats: ...
def c4(n: int | Whole) -> float | Floats:
    """Mean of the standard deviation of ``n`` values: √(2/(n−1)) Γ(n/2)/Γ((n−1)/2), for any n ≥ 2."""
    return _lookup(n, 2, None, _c4)


@overload
def c5(n: int) -> float: ...
@overload
def c5(n: Whole) -> Floats: ...
def c5(n: int | Whole) -> float | Floats:
    """Standard deviation of the standard deviation of ``n`` values: √(1 − c4²)."""
    return _lookup(n, 2, None, _c5)


@overload
def median_deviation(n: int) -> float: ...
@overload
def median_deviation(n: Whole) -> Floats: ...
def median_deviation(n: int | Whole) -> float | Floats:
    """Standard deviation of the median of ``n`` values in standard deviations (the mean has 1/√n)."""
    return _lookup(n, 2, LARGEST_RANGE, _median_deviation)


def _d2(n: int) -> float:
    return _range_moments(n)[0]


def _d3(n: int) -> float:
    return _range_moments(n)[1]


@dataclass(frozen=True)
class Constants(Result):
    """The factors of the usual charts for one sample size, with limits ``width`` standard errors wide.

    Named as in ASTM MNL 7 and Montgomery, *Introduction to Statistical Quality Control*,
    appendix VI. What a printed table gives is for a width of 3; lower factors of R and s stop at 0.
    """

    n: int
    kind: Kind
    width: float
    d2: float
    d3: float
    c4: float
    c5: float
    A: float
    """X̄ from sigma: width/√n."""
    A2: float
    """X̄ from R̄: width/(d2 √n)."""
    A3: float
    """X̄ from s̄: width/(c4 √n)."""
    A6: float
    """Median from R̄: width · (standard deviation of the median)/d2."""
    B3: float
    """s from s̄, lower."""
    B4: float
    """s from s̄, upper."""
    B5: float
    """s from sigma, lower."""
    B6: float
    """s from sigma, upper."""
    D1: float
    """R from sigma, lower."""
    D2: float
    """R from sigma, upper."""
    D3: float
    """R from R̄, lower."""
    D4: float
    """R from R̄, upper."""
    E2: float
    """Individuals from the mean range of ``n`` successive values: width/d2."""
    E3: float
    """Individuals from s̄: width/c4."""


def of(n: int, kind: Kind = "exact", *, width: float = 3.0) -> Constants:
    """Every factor for samples of ``n``.

    Raises
    ------
    OutOfRange, NotACount, NotPositive, UnknownOption
    """
    width = positive(width, "width")
    mean, spread = d2(n, kind), d3(n, kind)
    unbiased, wobble, root = c4(n), c5(n), math.sqrt(n)
    return Constants(
        n=int(n),
        kind=kind,
        width=width,
        d2=mean,
        d3=spread,
        c4=unbiased,
        c5=wobble,
        A=width / root,
        A2=width / (mean * root),
        A3=width / (unbiased * root),
        A6=width * median_deviation(n) / mean,
        B3=max(0.0, 1 - width * wobble / unbiased),
        B4=1 + width * wobble / unbiased,
        B5=max(0.0, unbiased - width * wobble),
        B6=unbiased + width * wobble,
        D1=max(0.0, mean - width * spread),
        D2=mean + width * spread,
        D3=max(0.0, 1 - width * spread / mean),
        D4=1 + width * spread / mean,
        E2=width / mean,
        E3=width / unbiased,
    )
