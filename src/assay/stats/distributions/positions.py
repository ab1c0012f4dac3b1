"""Plotting positions: the probability given to each ordered value."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy import stats

from assay.stats.arrays import Floats, one_of

Positions = Literal["median", "mean", "hazen", "kaplan_meier", "exact_median", "blom"]
_OFFSETS = {
    "median": (0.3, 0.4),
    "mean": (0.0, 1.0),
    "hazen": (0.5, 0.0),
    "kaplan_meier": (0.0, 0.0),
    "blom": (0.375, 0.25),
}


def plotting_positions(n: int, kind: str = "median") -> Floats:
    """Probabilities of the order statistics 1 … n, shape ``(n,)``.

    ``median`` (i − 0.3)/(n + 0.4) (Benard), ``mean`` i/(n + 1) (Herd-Johnson), ``hazen`` (i − 0.5)/n
    (modified Kaplan-Meier), ``kaplan_meier`` i/n, ``blom`` (i − 3/8)/(n + 1/4), ``exact_median``
    the median of the Beta(i, n + 1 − i) distribution.

    Raises
    ------
    UnknownOption
    """
    rank = np.arange(1, n + 1)
    if one_of(kind, (*_OFFSETS, "exact_median"), "positions") == "exact_median":
        return np.asarray(stats.beta.ppf(0.5, rank, n + 1 - rank))
    before, after = _OFFSETS[kind]
    return np.asarray((rank - before) / (n + after))
