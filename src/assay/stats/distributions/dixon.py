"""The distribution of Dixon's ratios in normal samples, by integration over the order statistics.

For r = (x₍ₙ₎ − x₍ₙ₋ⱼ₎)/(x₍ₙ₎ − x₍ᵢ₎) the joint density of the three order statistics is integrated over the
place x = x₍ₙ₎ and the denominator v; McBane (2006), Journal of Statistical Software 16(3), eq. 1.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy import optimize, special

from assay.stats.arrays import Floats


def ratio_of(ordered: Floats) -> float:
    """Dixon's ratio of the highest of the ordered values."""
    gap, base = shape_of(ordered.size)
    spread = ordered[-1] - ordered[base - 1]
    return float((ordered[-1] - ordered[-1 - gap]) / spread) if spread > 0 else 0.0


def shape_of(n: int) -> tuple[int, int]:
    """``(j, i)`` of the ratio for a sample of ``n``: r10, r11, r21 or r22."""
    if n <= 7:
        return 1, 1
    if n <= 10:
        return 1, 2
    return (2, 2) if n <= 13 else (2, 3)


def exceedance(n: int, ratio: float) -> float:
    """P(r > ``ratio``) for the high end of a normal sample of ``n`` values."""
    if ratio <= 0:
        return 1.0
    if ratio >= 1:
        return 0.0
    nodes, weights = np.polynomial.legendre.leggauss(16)
    at = ratio + (1 - ratio) * (nodes + 1) / 2
    return float(np.clip(np.sum(weights * _density(n, at)) * (1 - ratio) / 2, 0.0, 1.0))


@cache
def critical(n: int, alpha: float) -> float:
    """The ratio exceeded with probability ``alpha`` at the high end of a normal sample of ``n`` values."""
    return float(optimize.brentq(lambda ratio: exceedance(n, ratio) - alpha, 1e-6, 1 - 1e-9, xtol=1e-10))


def _density(n: int, ratio: Floats) -> Floats:
    gap, base = shape_of(n)
    # The largest of 3 to 30 values lies in −5 … 7.5 and the spread below 11, but for less than 1e-7.
    nodes, weights = np.polynomial.legendre.leggauss(48)
    x = (1.25 + 6.25 * nodes)[:, None, None]
    v = (5.5 * (nodes + 1))[None, :, None]
    r = ratio[None, None, :]
    low, mid = x - v, x - r * v
    below, above = special.ndtr(low), special.ndtr(x)
    between_low = np.maximum(special.ndtr(mid) - below, 0.0)
    between_high = np.maximum(above - special.ndtr(mid), 0.0)
    density = (
        below ** (base - 1)
        * between_low ** (n - gap - base - 1)
        * between_high ** (gap - 1)
        * np.exp(-(x**2 + low**2 + mid**2) / 2)
        * v
    )
    constant = np.exp(
        special.gammaln(n + 1)
        - special.gammaln(base)
        - special.gammaln(n - gap - base)
        - special.gammaln(gap)
        - 1.5 * np.log(2 * np.pi)
    )
    over_x = np.tensordot(6.25 * weights, density, axes=(0, 0))
    return np.asarray(constant * np.tensordot(5.5 * weights, over_x, axes=(0, 0)))
