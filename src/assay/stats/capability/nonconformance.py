"""Parts out of specification: observed, and expected under a distribution."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from assay.stats.arrays import Floats
from assay.stats.capability.specification import Specification


@dataclass(frozen=True)
class Nonconformance:
    """Nonconforming parts per million; None for a side without a limit.

    Observed values beyond a natural limit count for its side. Nothing is expected beyond one: its side is
    None there.
    """

    below: float | None
    """Below the lower limit."""
    above: float | None
    """Above the upper limit."""
    total: float
    """Both sides; 0 where neither has a limit."""


@dataclass(frozen=True)
class ZScores:
    """Distances to the limits as standard normal deviates; None for a side without a limit."""

    lsl: float | None
    usl: float | None
    bench: float | None
    """The deviate whose upper tail is the whole nonconforming fraction: Φ⁻¹(1 − P(x<L) − P(x>U))."""


def observed(x: Floats, spec: Specification) -> Nonconformance:
    """Share of the values ``(N,)`` beyond each limit, in ppm; a value on the limit conforms."""
    below, above = (None if count is None else 1e6 * count / x.size for count in spec.observed(x))
    return Nonconformance(below, above, (below or 0.0) + (above or 0.0))


def expected(
    cdf: Callable[[float], float], sf: Callable[[float], float], spec: Specification
) -> Nonconformance:
    """Share beyond each limit under a distribution, in ppm."""
    below = None if spec.lsl is None else 1e6 * cdf(spec.lsl)
    above = None if spec.usl is None else 1e6 * sf(spec.usl)
    return Nonconformance(below, above, (below or 0.0) + (above or 0.0))


def normal_scores(mean: float, sigma: float, spec: Specification) -> ZScores:
    """Z scores of a normal process, accurate far out in the tails."""
    low = None if spec.lsl is None else (mean - spec.lsl) / sigma
    high = None if spec.usl is None else (spec.usl - mean) / sigma
    return ZScores(low, high, bench_of([z for z in (low, high) if z is not None]))


def bench_of(scores: list[float]) -> float | None:
    """Z.bench of one or two sides: the tails are added as logarithms, so that it stays finite."""
    if not scores:
        return None
    if len(scores) == 1:
        return float(scores[0])
    log_tail = float(np.logaddexp(special.log_ndtr(-scores[0]), special.log_ndtr(-scores[1])))
    return (
        float(-special.ndtri_exp(log_tail))
        if log_tail < 0
        else float(-stats.norm.ppf(min(np.exp(log_tail), 1.0)))
    )
