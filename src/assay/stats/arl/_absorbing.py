"""Mean times until a chart signals, from the kernel of its statistic between two points in time."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.special import roots_legendre

from assay.stats.arrays import Floats

CLOSE = 1e7
"""Above this mean an LU solution of I − K starts to lose digits that the estimate should have."""


@lru_cache(maxsize=64)
def _legendre(count: int) -> tuple[Floats, Floats]:
    nodes, weights = roots_legendre(count)
    nodes.setflags(write=False)
    weights.setflags(write=False)
    return nodes, weights


def gauss(low: float, high: float, count: int) -> tuple[Floats, Floats]:
    """Nodes and weights of Gauss–Legendre quadrature on ``[low, high]``, each ``(count,)``."""
    nodes, weights = _legendre(count)
    half = 0.5 * (high - low)
    return low + half * (nodes + 1.0), half * weights


def enough(widths: float, apart: float = 0.85) -> int:
    """How many Gauss nodes resolve a normal kernel on an interval of ``widths`` of its standard deviations.

    The nodes lie furthest apart in the middle, π/2 · widths / count. At ``apart`` standard deviations the
    error of the quadrature is exp(−2π²/apart²), 1e-12 for .85. Counts come in steps, so that the nodes
    of each are found once.
    """
    return 8 * int(np.ceil((0.5 * np.pi * widths / apart + 16.0) / 8.0))


def mean_times(kernel: Floats, escape: Floats) -> Floats:
    """Solve ``a = 1 + kernel a``: the mean number of steps until escape from each state.

    Parameters
    ----------
    kernel
        ``(N, N)``: probability mass from state i to state j, weights of the quadrature included.
    escape
        ``(N,)``: probability to leave at the next step, computed on its own (not as 1 minus a sum).

    Returns
    -------
    ``(N,)``. Means beyond the range of a float are ``inf``.

    Source: W. K. Grassmann, M. I. Taksar, D. P. Heyman, "Regenerative analysis and steady state
    distributions for Markov chains", Operations Research 33 (1985) 1107: elimination without subtractions,
    which keeps all digits where I − K is nearly singular.
    """
    states = escape.size
    try:
        quick = np.asarray(np.linalg.solve(np.eye(states) - kernel, np.ones(states)), dtype=np.float64)
    except np.linalg.LinAlgError:  # escapes below 1e-16 vanish from I − K
        quick = np.full(states, np.inf)
    if np.isfinite(quick).all() and quick.min() > 0.0 and quick.max() < CLOSE:
        return quick
    flow, leave, gain = kernel.copy(), escape.copy(), np.ones(states)
    out = np.empty(states)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        for last in range(states - 1, 0, -1):
            out[last] = leave[last] + flow[last, :last].sum()
            share = flow[:last, last] / out[last]
            flow[:last, :last] += np.outer(share, flow[last, :last])
            leave[:last] += share * leave[last]
            gain[:last] += share * gain[last]
        found = np.empty(states)
        found[0] = gain[0] / leave[0]
        for state in range(1, states):
            found[state] = (gain[state] + flow[state, :state] @ found[:state]) / out[state]
    return np.where(np.isnan(found), np.inf, found)


def mean_from(start: Floats, times: Floats) -> float:
    """Mean time from before a first step that leaves the mass ``start`` on states of mean time ``times``."""
    if np.isinf(times).any():
        return float(np.inf)
    return float(1.0 + start @ times)
