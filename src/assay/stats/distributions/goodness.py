"""Anderson-Darling statistic of a fitted distribution, with the p-value tables of each family.

D'Agostino & Stephens (1986), *Goodness-of-Fit Techniques*, ch. 4: normal tables 4.7 and 4.9, exponential
table 4.14, extreme value and Weibull table 4.17, gamma table 4.21, logistic table 4.22. The formula for the
extreme value and Weibull distributions is that of MIL-HDBK-17-1F, sec. 8.3.4.2.2, which follows table 4.17.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy import special

from assay.stats.arrays import Floats

Bound = Literal["equal", "below", "above", "unknown"]

_GAMMA_SHAPES = 1 / np.array([1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, np.inf])
_GAMMA_LEVELS = np.array([0.25, 0.10, 0.05, 0.025, 0.01, 0.005])
_GAMMA_POINTS = np.array(
    [
        [0.486, 0.657, 0.786, 0.917, 1.092, 1.227],
        [0.477, 0.643, 0.768, 0.894, 1.062, 1.190],
        [0.475, 0.639, 0.762, 0.886, 1.052, 1.178],
        [0.473, 0.637, 0.759, 0.883, 1.048, 1.173],
        [0.472, 0.635, 0.758, 0.881, 1.045, 1.170],
        [0.472, 0.635, 0.757, 0.880, 1.043, 1.168],
        [0.471, 0.634, 0.755, 0.878, 1.041, 1.165],
        [0.471, 0.633, 0.754, 0.877, 1.040, 1.164],
        [0.471, 0.633, 0.754, 0.876, 1.038, 1.162],
        [0.470, 0.632, 0.754, 0.876, 1.038, 1.162],
        [0.470, 0.632, 0.753, 0.875, 1.037, 1.161],
        [0.470, 0.631, 0.752, 0.873, 1.035, 1.159],
    ]
)
_LOGISTIC_POINTS = np.array([0.426, 0.563, 0.660, 0.769, 0.906, 1.010])


@dataclass(frozen=True)
class AndersonDarling:
    """The statistic A² with its p-value; ``bound`` says on which side of ``p_value`` the p-value is.

    ``equal``: this is the p-value; ``above``/``below``: it is above 0.25 or below 0.005, where the table
    ends; ``unknown``: no table is published for this family (``p_value`` is NaN).
    """

    statistic: float
    p_value: float
    bound: Bound = "equal"


def anderson_darling(
    values: Floats, distribution: Any, family: str, parameters: Mapping[str, float]
) -> AndersonDarling:
    """A² of ``values``, shape ``(N,)``, against a frozen distribution with estimated parameters."""
    statistic = a_squared(values, distribution)
    return AndersonDarling(statistic, *p_value(statistic, values.size, family, parameters))


def a_squared(values: Floats, distribution: Any) -> float:
    """A² = −N − (1/N) Σ (2i−1) [ln F(x₍ᵢ₎) + ln(1 − F(x₍N+1−i₎))]."""
    ordered = np.sort(values)
    n = ordered.size
    with np.errstate(divide="ignore", over="ignore"):
        lower, upper = distribution.logcdf(ordered), distribution.logsf(ordered)[::-1]
    tiny = np.log(np.finfo(float).tiny)
    weights = 2 * np.arange(1, n + 1) - 1
    return float(-n - np.sum(weights * (np.maximum(lower, tiny) + np.maximum(upper, tiny))) / n)


def p_value(statistic: float, n: int, family: str, parameters: Mapping[str, float]) -> tuple[float, Bound]:
    """The p-value of A² when all parameters of the family were estimated from the ``n`` values."""
    if family in {"normal", "lognormal"}:
        return normal_p(statistic * (1 + 0.75 / n + 2.25 / n**2)), "equal"
    if family in {"weibull", "smallest_extreme_value", "largest_extreme_value"}:
        adjusted = max(statistic * (1 + 0.2 / np.sqrt(n)), 1e-9)
        return float(special.expit(0.10 - 1.24 * np.log(adjusted) - 4.48 * adjusted)), "equal"
    if family == "exponential":
        return _exponential_p(statistic * (1 + 0.6 / n)), "equal"
    if family in {"logistic", "loglogistic"}:
        return _between(statistic * (1 + 0.25 / n), _LOGISTIC_POINTS)
    if family == "gamma":
        at = min(1 / parameters["shape"], 1.0)
        order = np.argsort(_GAMMA_SHAPES)
        points = [np.interp(at, _GAMMA_SHAPES[order], column[order]) for column in _GAMMA_POINTS.T]
        return _between(statistic, np.array(points))
    return np.nan, "unknown"


def normal_p(adjusted: float) -> float:
    """p-value of the adjusted A* for a normal distribution with estimated mean and sd (table 4.9)."""
    a = adjusted
    if a >= 10:
        return 3.7e-24
    if a >= 0.6:
        return float(np.exp(1.2937 - 5.709 * a + 0.0186 * a * a))
    if a > 0.34:
        return float(np.exp(0.9177 - 4.279 * a - 1.38 * a * a))
    if a > 0.2:
        return float(1 - np.exp(-8.318 + 42.796 * a - 59.938 * a * a))
    return float(1 - np.exp(-13.436 + 101.14 * a - 223.73 * a * a))


def _exponential_p(a: float) -> float:
    if a > 0.95:
        return float(np.exp(0.731 - 3.009 * a + 0.15 * a * a)) if a < 10 else 0.0
    if a > 0.51:
        return float(np.exp(0.9209 - 3.353 * a + 0.300 * a * a))
    if a > 0.26:
        return float(1 - np.exp(-6.1327 + 20.218 * a - 18.663 * a * a))
    return float(1 - np.exp(-12.2204 + 67.459 * a - 110.3 * a * a))


def _between(adjusted: float, points: Floats) -> tuple[float, Bound]:
    if adjusted < points[0]:
        return 0.25, "above"
    if adjusted > points[-1]:
        return 0.005, "below"
    return float(np.exp(np.interp(adjusted, points, np.log(_GAMMA_LEVELS)))), "equal"
