"""Limits of the textbooks: for independent rows of a multivariate normal distribution."""

from __future__ import annotations

import math

from scipy import special

from assay.stats.arrays import Floats


def t2_limit(components: int, count: int, alpha: float) -> float:
    """Limit of T² of a new row: ``a (n² - 1) / (n (n - a)) F(a, n - a)``.

    Tracy, Young and Mason 1992, *Journal of Quality Technology* 24, 88-95; for a PCA model of ``a``
    components from ``n`` rows Jackson 1991, section 2.5, and MacGregor and Kourti 1995, equation 5.
    """
    quantile = float(special.fdtri(components, count - components, 1.0 - alpha))
    return components * (count**2 - 1.0) / (count * (count - components)) * quantile


def spe_limit(residual: Floats, alpha: float) -> float:
    """Limit of the SPE from the eigenvalues left out.

    Jackson and Mudholkar 1979, *Technometrics* 21, 341-349; Jackson 1991, section 2.7.1.
    Where the power ``h`` of their normal approximation is not above 0, the scaled χ² of Box (1954, *Annals of
    Mathematical Statistics* 25, 290-302) with the same mean and variance is used.
    """
    first, second, third = (float((residual**power).sum()) for power in (1, 2, 3))
    power = 1.0 - 2.0 * first * third / (3.0 * second**2)
    if power <= 1e-3:
        return second / first * float(special.chdtri(first**2 / second, alpha))
    normal = float(special.ndtri(1.0 - alpha))
    inner = (
        normal * math.sqrt(2.0 * second * power**2) / first + 1.0 + second * power * (power - 1.0) / first**2
    )
    found: float = first * inner ** (1.0 / power)
    return found
