"""Tolerance limits from order statistics, whatever the distribution (Wilks 1941, AMS 12, 91-96)."""

from __future__ import annotations

import math

from scipy import special


def confidence_reached(n: int, coverage: float, outside: int) -> float:
    """How sure it is that ``coverage`` lies inside when ``outside`` blocks of the n + 1 are left out.

    A bound at the r-th smallest value leaves out r blocks, an interval from the r-th smallest to the r-th
    largest 2 r. The content follows a beta distribution (n + 1 − outside, outside); so ``P(Bin(n, 1 −
    coverage) ≥ outside)``.
    """
    return float(special.bdtrc(outside - 1, n, 1 - coverage)) if outside <= n else 0.0


def most_outside(n: int, coverage: float, confidence: float) -> int:
    """The most blocks that can be left out with at least ``confidence``; 0 when none can."""
    low, high = 0, n + 1
    while high - low > 1:
        middle = (low + high) // 2
        if confidence_reached(n, coverage, middle) >= confidence:
            low = middle
        else:
            high = middle
    return low


def least_values(coverage: float, confidence: float, outside: int) -> int:
    """The fewest values with which ``outside`` blocks can be left out: 59 and 93 for 95 %/95 % and 1 or 2."""
    low, high = outside - 1, max(outside, math.ceil(math.log1p(-confidence) / math.log(coverage)))
    while confidence_reached(high, coverage, outside) < confidence:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        if confidence_reached(middle, coverage, outside) >= confidence:
            high = middle
        else:
            low = middle
    return high
