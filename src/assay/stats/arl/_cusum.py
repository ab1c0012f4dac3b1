"""Run lengths of the tabular CUSUM by Page's integral equation."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtr

from assay.stats.arl._absorbing import enough, gauss, mean_times
from assay.stats.arl._ewma import Chain, Sided, normal_density
from assay.stats.arrays import Floats, between, numbers, one_of, positive
from assay.stats.errors import OutOfRange

WIDEST = 500.0
"""Above this decision interval (in σ) the quadrature would need a thousand nodes."""
STEPS = 200
"""How many joint first steps of two high head starts are integrated at most."""


def cusum(k: float, h: float, shift: float = 0.0, sided: Sided = "two", head_start: float = 0.0) -> float:
    """Average run length of a tabular CUSUM of normal observations.

    The statistics are ``C⁺_t = max(0, C⁺_{t−1} + x_t − k)`` and ``C⁻_t = max(0, C⁻_{t−1} − x_t − k)``; one
    above ``h`` signals.

    Parameters
    ----------
    k
        Reference value in σ, at least 0.
    h
        Decision interval in σ.
    shift
        Shift of the mean from the first observation on, in σ.
    sided
        ``one``: C⁺ alone; ``two``: both, the first signal of either counts.
    head_start
        Where the statistics start (fast initial response), in σ, 0 ≤ head_start < h; usually h/2.

    Returns
    -------
    Mean number of observations until the signal, the signalling one included; ``inf`` beyond the floats.

    Raises
    ------
    NotPositive, OutOfRange, NotFinite, UnknownOption

    Source: E. S. Page, "Continuous inspection schemes", Biometrika 41 (1954) 100, solved by Gauss–Legendre
    quadrature with the mass at 0 as a state of its own. Two-sided: 1/ARL = 1/ARL⁺ + 1/ARL⁻ (K. W. Kemp,
    J. Royal Statistical Society B 23 (1961) 149); with head starts the formula of J. M. Lucas and
    R. B. Crosier, Technometrics 24 (1982) 199, which is exact up to head starts of h/2 + k; beyond, the first
    steps are integrated for both sides together.
    """
    k = between(k, "k", 0.0, math.inf)
    h = between(positive(h, "h"), "h", 0.0, WIDEST)
    moved = float(numbers(shift, "shift"))
    side: Sided = one_of(sided, ("two", "one"), "sided")
    start = between(head_start, "head_start", 0.0, math.nextafter(h, 0.0))
    upper = _Side(k, h, moved)
    if side == "one":
        return upper.mean(start)
    if 2.0 * start - h > 2.0 * k * STEPS:
        raise OutOfRange(name="head_start", value=start, low=0.0, high=0.5 * h + k * STEPS)
    lower = upper if moved == 0.0 else _Side(k, h, -moved)
    return _Pair(upper, lower, k, h, moved).mean(start, start)


def cusum_chain(k: float, h: float, shift: float) -> Chain:
    """The one-sided CUSUM as a chain of states, started at 0."""
    nodes, weights = gauss(0.0, h, enough(h))
    states = np.concatenate(([0.0], nodes))
    kernel = _passage(states, states, weights, k - shift)
    escape = ndtr(states - h - k + shift)
    return Chain(states, kernel, escape, kernel[0], float(escape[0]))


def _passage(origin: Floats, states: Floats, weights: Floats, drift: float) -> Floats:
    """Mass from each origin to the state 0 and to the nodes above it, ``(len(origin), len(states))``."""
    mass = np.empty((origin.size, states.size))
    mass[:, 0] = ndtr(drift - origin)
    mass[:, 1:] = weights * normal_density(states[None, 1:] - origin[:, None] + drift)
    return mass


class _Side:
    """One side with its mean times from every start."""

    def __init__(self, k: float, h: float, shift: float) -> None:
        chain = cusum_chain(k, h, shift)
        self._drift = k - shift
        self._states = chain.states
        self._weights = gauss(0.0, h, chain.states.size - 1)[1]
        self._times = mean_times(chain.kernel, chain.escape)
        self.zero = float(self._times[0])

    def means(self, starts: Floats) -> Floats:
        """Mean time from each of ``starts``, ``(len(starts),)``."""
        if math.isinf(self.zero):
            return np.full(starts.size, math.inf)
        found: Floats = 1.0 + _passage(starts, self._states, self._weights, self._drift) @ self._times
        return found

    def mean(self, start: float) -> float:
        """Mean time from one start."""
        return self.zero if start == 0.0 else float(self.means(np.array([start]))[0])


class _Pair:
    """Both sides together."""

    def __init__(self, upper: _Side, lower: _Side, k: float, h: float, shift: float) -> None:
        self._upper, self._lower = upper, lower
        self._k, self._h, self._shift = k, h, shift

    def mean(self, up: float, down: float) -> float:
        """Mean time from C⁺ = up and C⁻ = down."""
        return float(self._means(np.array([up]), up + down)[0])

    def _means(self, ups: Floats, together: float) -> Floats:
        """Mean time from each of ``ups``, C⁻ being ``together`` less that.

        Where C⁺ + C⁻ ≤ h + 2k, one side is at 0 whenever the other signals, and the renewal argument of
        Lucas and Crosier holds. Above, both stay above 0 for one more step and their sum falls by 2k.
        """
        if together <= self._h + 2.0 * self._k:
            return self._apart(ups, together - ups)
        left = together - 2.0 * self._k
        nodes, weights = gauss(left - self._h, self._h, enough(2.0 * self._h - left))
        mass = weights * normal_density(nodes[None, :] - ups[:, None] + self._k - self._shift)
        found: Floats = 1.0 + mass @ self._means(nodes, left)
        return found

    def _apart(self, ups: Floats, downs: Floats) -> Floats:
        up, down = self._upper, self._lower
        if math.isinf(down.zero):
            return up.means(ups)
        if math.isinf(up.zero):
            return down.means(downs)
        # (A⁺ B₀ + A₀ B⁻ − A₀ B₀) / (A₀ + B₀), arranged so that large means don't overflow.
        share = 1.0 / (up.zero / down.zero + 1.0)
        found: Floats = up.means(ups) * share + (down.means(downs) - down.zero) * (1.0 - share)
        return found
