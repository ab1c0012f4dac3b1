"""Run lengths of EWMA charts of the logarithm of a variance."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import chdtr, chdtrc, gammaln, polygamma

from assay.stats.arl._absorbing import gauss, mean_from, mean_times
from assay.stats.arl._design import LEAST, MOST, inverse
from assay.stats.arl._ewma import Chain, smoothing
from assay.stats.arrays import Floats, between, positive


def ewma_log_variance(
    lam: float,
    L: float,  # noqa: N803 - the field's own letter
    freedom: float,
    ratio: float = 1.0,
) -> float:
    """Average run length of a one-sided EWMA chart of ln s², started at ln σ² (zero state).

    The statistic is ``e_t = max(ln σ², (1 − λ) e_{t−1} + λ ln s²_t)``; it signals above
    ``ln σ² + L √(λ/(2 − λ) · Var ln s²)`` with the exact variance ψ′(freedom/2).

    Parameters
    ----------
    lam
        Smoothing constant λ, 0 < λ ≤ 1.
    L
        Distance of the limit from ln σ², in standard deviations of e.
    freedom
        Degrees of freedom of s².
    ratio
        The true variance over σ², from the first observation on.

    Raises
    ------
    OutOfRange, NotPositive, NotFinite

    Source: S. V. Crowder and M. D. Hamilton, "An EWMA for monitoring a process standard deviation", J.
    Quality Technology 24 (1992) 12; integral equation with the mass at ln σ² as a state of its own.
    """
    chain = log_variance_chain(lam, L, freedom, ratio)
    return mean_from(chain.start, mean_times(chain.kernel, chain.escape))


def log_variance_chain(lam: float, L: float, freedom: float, ratio: float = 1.0) -> Chain:  # noqa: N803
    """The chart as a chain of states above ln σ²; parameters as in :func:`ewma_log_variance`."""
    lam = smoothing(lam)
    f = positive(freedom, "freedom")
    high = positive(L, "L") * math.sqrt(lam / (2.0 - lam) * log_variance_variance(f))
    moved = math.log(positive(ratio, "ratio"))
    # The density falls off steeply above: a tenth of its standard deviation between nodes resolves it.
    count = 8 * math.ceil((high / (lam * math.sqrt(log_variance_variance(f))) * 8.0 + 32.0) / 8.0)
    nodes, weights = gauss(0.0, high, count)
    states = np.concatenate(([0.0], nodes))
    needed = (nodes[None, :] - (1.0 - lam) * states[:, None]) / lam - moved
    kernel = np.empty((states.size, states.size))
    kernel[:, 1:] = weights / lam * _log_density(needed, f)
    kernel[:, 0] = chdtr(f, f * np.exp(-(1.0 - lam) * states / lam - moved))
    escape = chdtrc(f, f * np.exp((high - (1.0 - lam) * states) / lam - moved))
    return Chain(states, kernel, escape, kernel[0], float(escape[0]))


def log_variance_variance(freedom: float) -> float:
    """Variance of ln s²: the trigamma function of half the degrees of freedom."""
    return float(polygamma(1, 0.5 * freedom))


def design_ewma_log_variance(lam: float, arl0: float, freedom: float) -> float:
    """The ``L`` of :func:`ewma_log_variance` whose in-control average run length is ``arl0``.

    Raises
    ------
    OutOfRange, NotPositive, NotFinite
    """
    wanted = between(arl0, "arl0", LEAST, MOST)
    return inverse(lambda width: ewma_log_variance(lam, width, freedom), wanted, 1.5)


def _log_density(y: Floats, freedom: float) -> Floats:
    """Density of ln(χ²/freedom) at ``y``."""
    half = 0.5 * freedom
    found: Floats = np.exp(half * (y + math.log(half)) - half * np.exp(np.minimum(y, 700.0)) - gammaln(half))
    return found
