"""Capability indices with their confidence intervals, from a mean and a standard deviation.

With reference interval k·σ (k = 6): C_p = (U − L)/(kσ), C_pl = 2(μ − L)/(kσ), C_pu = 2(U − μ)/(kσ),
C_pk = min(C_pl, C_pu), C_pm = min(T − L, U − T)·2/(kτ), C_pmk = min(μ − L, U − μ)·2/(kτ), τ² = σ² + (μ − T)².

Montgomery, *Introduction to Statistical Quality Control*, 7th ed., ch. 8; Kotz & Johnson (1993), *Process
Capability Indices*. C_pm with a target off the middle is Minitab's and JASP's; R's qcc divides U − L by kτ
whatever the target, and leaves out a square in the degrees of freedom of its interval (``cpm="qcc"``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from scipy import stats

from assay.stats.capability.specification import Specification

Width = Literal["nearest", "qcc"]


class Interval(NamedTuple):
    """A confidence interval."""

    lower: float
    upper: float


@dataclass(frozen=True)
class Indices:
    """Indices from one mean and one standard deviation; None where a limit that is needed isn't there."""

    width: float | None
    """C_p (P_p)."""
    low: float | None
    """C_pl (P_pl)."""
    high: float | None
    """C_pu (P_pu)."""
    worst: float | None
    """C_pk (P_pk)."""
    on_target: float | None
    """C_pm."""
    worst_on_target: float | None
    """C_pmk."""


def indices(
    mean: float,
    sigma: float,
    spec: Specification,
    k: float,
    *,
    tau: float | None = None,
    cpm: Width = "nearest",
) -> Indices:
    """The indices of a process at ``mean`` with ``sigma``; ``tau`` stands in for √(σ²+(μ−T)²)."""
    half = k / 2
    low = None if spec.lsl is None else (mean - spec.lsl) / (half * sigma)
    high = None if spec.usl is None else (spec.usl - mean) / (half * sigma)
    worst = min((found for found in (low, high) if found is not None), default=None)
    width = None
    if spec.lsl is not None and spec.usl is not None:
        width = (spec.usl - spec.lsl) / (k * sigma)
    if spec.target is None or worst is None:
        return Indices(width, low, high, worst, None, None)
    around = float(np.hypot(sigma, mean - spec.target)) if tau is None else tau
    reach = min(abs(limit - spec.target) for limit in (spec.lsl, spec.usl) if limit is not None)
    if cpm == "qcc" and spec.lsl is not None and spec.usl is not None:
        reach = (spec.usl - spec.lsl) / 2
    return Indices(width, low, high, worst, reach / (half * around), worst * sigma / around)


@dataclass(frozen=True)
class Uncertainty:
    """What the intervals of :class:`Indices` are computed from."""

    n: int
    degrees: float
    """Degrees of freedom of sigma."""
    k: float
    offset: float
    """(μ − T)/σ; 0 without a target."""
    cpm: Width = "nearest"
    mean_known: bool = False
    """The mean has no sampling error: the indices without a target are multiples of 1/σ."""


def intervals(found: Indices, of: Uncertainty, confidence: float) -> dict[str, Interval]:
    """Two-sided intervals by the names of :class:`Indices`, only of the indices that are there."""
    alpha = 1 - confidence
    return {name: Interval(at(alpha / 2), at(1 - alpha / 2)) for name, at in _quantiles(found, of).items()}


def lower_bounds(found: Indices, of: Uncertainty, confidence: float) -> dict[str, float]:
    """One-sided lower confidence limits by the names of :class:`Indices`."""
    return {name: at(1 - confidence) for name, at in _quantiles(found, of).items()}


def _quantiles(found: Indices, of: Uncertainty) -> dict[str, Callable[[float], float]]:
    """For each index, its confidence distribution's quantile function.

    Width: χ² of the degrees of freedom (Kane 1986). Sides and worst: normal, Bissell (1990), Applied
    Statistics 39, 331-340; χ² as the width where the mean is known. On target: χ² with Boyles' (1991, JQT
    23, 17-26) degrees of freedom n(1+δ²)²/(1+2δ²). Worst on target: normal, by the delta method (Chen & Hsu
    1995).
    """
    chosen: dict[str, Callable[[float], float]] = {}
    if found.width is not None:
        chosen["width"] = _scaled(found.width, of.degrees)
    for name, value in (("low", found.low), ("high", found.high), ("worst", found.worst)):
        if value is not None:
            chosen[name] = _scaled(value, of.degrees) if of.mean_known else _bissell(value, of)
    if of.mean_known:
        return chosen
    if found.on_target is not None:
        square = of.offset**2
        power = 1 if of.cpm == "qcc" else 2
        chosen["on_target"] = _scaled(found.on_target, of.n * (1 + square) ** power / (1 + 2 * square))
    if found.worst_on_target is not None:
        chosen["worst_on_target"] = _around(found.worst_on_target, _error_on_target(found, of))
    return chosen


def _scaled(value: float, degrees: float) -> Callable[[float], float]:
    def at(p: float) -> float:
        share = 1 - p if value < 0 else p
        return float(value * np.sqrt(stats.chi2.ppf(share, degrees) / degrees))

    return at


def _bissell(value: float, of: Uncertainty) -> Callable[[float], float]:
    return _around(value, float(np.sqrt(1 / ((of.k / 2) ** 2 * of.n) + value**2 / (2 * of.degrees))))


def _around(value: float, error: float) -> Callable[[float], float]:
    return lambda p: float(value + stats.norm.ppf(p) * error)


def _error_on_target(found: Indices, of: Uncertainty) -> float:
    """Standard error of C_pmk, in units where σ = 1."""
    value = found.worst_on_target or 0.0
    tau2 = 1 + of.offset**2
    side = 1.0 if found.low is not None and found.worst == found.low else -1.0
    by_mean = side / (of.k / 2 * np.sqrt(tau2)) - value * of.offset / tau2
    by_variance = -value / (2 * tau2)
    return float(np.sqrt(by_mean**2 / of.n + by_variance**2 * 2 / of.degrees))
