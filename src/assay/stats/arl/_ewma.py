"""Run lengths of the EWMA chart by its integral equation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import ndtr

from assay.stats.arl._absorbing import enough, gauss, mean_from, mean_times
from assay.stats.arrays import Floats, between, numbers, one_of, positive
from assay.stats.errors import OutOfRange

Sided = Literal["two", "one"]
EwmaLimits = Literal["asymptotic", "exact"]

SMALLEST = 1e-5
"""Below this smoothing constant the quadrature would need thousands of nodes."""
SETTLED = 1e-8
"""The exact limits count as asymptotic once (1 − λ)^2t is below this."""


@dataclass(frozen=True)
class Chain:
    """A chart's statistic as states: where they are, the mass from each to each, and what escapes."""

    states: Floats
    kernel: Floats
    escape: Floats
    start: Floats
    """Mass on each state after the first step, ``(N,)``."""
    first: float
    """Probability to signal at the first step."""


def normal_density(z: Floats) -> Floats:
    """The standard normal density."""
    found: Floats = np.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
    return found


def spread(lam: float) -> float:
    """Standard deviation of the EWMA in the long run, in σ of one observation: √(λ/(2 − λ))."""
    return math.sqrt(lam / (2.0 - lam))


def smoothing(lam: float) -> float:
    """``lam`` checked: a smoothing constant in (0, 1]."""
    return between(lam, "lam", SMALLEST, 1.0)


def ewma(
    lam: float,
    L: float,  # noqa: N803 - the field's own letter
    shift: float = 0.0,
    sided: Sided = "two",
    limits: EwmaLimits = "asymptotic",
    *,
    reflect: float = 0.0,
) -> float:
    """Average run length of an EWMA chart of normal observations, started at the target (zero state).

    The statistic is ``z_t = (1 − λ) z_{t−1} + λ x_t`` with ``z_0`` on target.

    Parameters
    ----------
    lam
        Smoothing constant λ, 0 < λ ≤ 1.
    L
        Distance of the limits from the target, in standard deviations of z.
    shift
        Shift of the mean from the first observation on, in σ of one observation.
    sided
        ``two``: limits on both sides. ``one``: an upper limit only, and z is never below ``reflect``.
    limits
        ``asymptotic``: constant limits ± L √(λ/(2 − λ)); ``exact``: those of the standard deviation at each
        time, ± L √(λ/(2 − λ) (1 − (1 − λ)^2t)).
    reflect
        For ``one``: the barrier below, in long-run standard deviations of z from the target, at most 0.

    Returns
    -------
    Mean number of observations until the signal, the signalling one included; ``inf`` beyond the floats.

    Raises
    ------
    OutOfRange, NotPositive, NotFinite, UnknownOption

    Source: S. V. Crowder, "A simple method for studying run-length distributions of exponentially weighted
    moving average charts", Technometrics 29 (1987) 401, solved by Gauss–Legendre quadrature; exact limits:
    S. Knoth, "EWMA schemes with nonhomogeneous transition kernels", Sequential Analysis 22 (2003) 241.
    """
    if one_of(limits, ("asymptotic", "exact"), "limits") == "exact":
        return _with_exact_limits(_settings(lam, L, shift, sided, reflect))
    chain = ewma_chain(lam, L, shift, sided, reflect=reflect)
    return mean_from(chain.start, mean_times(chain.kernel, chain.escape))


@dataclass(frozen=True)
class _Settings:
    lam: float
    width: float
    shift: float
    sided: Sided
    low: float
    """Where the states begin: the lower limit, or the barrier."""
    high: float


def _settings(lam: float, width: float, shift: float, sided: str, reflect: float) -> _Settings:
    lam = smoothing(lam)
    width = positive(width, "L")
    moved = float(numbers(shift, "shift"))
    side: Sided = one_of(sided, ("two", "one"), "sided")
    high = width * spread(lam)
    if side == "two":
        return _Settings(lam, width, moved, side, -high, high)
    barrier = float(numbers(reflect, "reflect"))
    if barrier > 0.0:
        raise OutOfRange(name="reflect", value=barrier, low="-inf", high=0)
    return _Settings(lam, width, moved, side, barrier * spread(lam), high)


def ewma_chain(lam: float, L: float, shift: float, sided: str, *, reflect: float = 0.0) -> Chain:  # noqa: N803
    """The EWMA with asymptotic limits as a chain of states, started at the target."""
    chart = _settings(lam, L, shift, sided, reflect)
    lam, moved = chart.lam, chart.shift
    states, weights = gauss(chart.low, chart.high, enough((chart.high - chart.low) / lam))
    if chart.sided == "one":
        states = np.concatenate(([chart.low], states))
    origin = np.concatenate(([0.0], states))
    carried = (1.0 - lam) * origin
    kernel = np.empty((origin.size, states.size))
    inner = states[-weights.size :]
    kernel[:, -weights.size :] = (weights / lam) * normal_density(
        (inner[None, :] - carried[:, None]) / lam - moved
    )
    escape = ndtr((carried - chart.high) / lam + moved)
    below = ndtr((chart.low - carried) / lam - moved)
    if chart.sided == "one":
        kernel[:, 0] = below
    else:
        escape = escape + below
    return Chain(states, kernel[1:], escape[1:], kernel[0], float(escape[0]))


def _with_exact_limits(chart: _Settings) -> float:
    """Σ P(N > t) while the limits move, then the mean remaining time under the limits they settle at."""
    lam, moved = chart.lam, chart.shift
    steps = 1
    if lam < 1.0:
        steps = max(1, math.ceil(math.log(SETTLED) / (2.0 * math.log1p(-lam))))
    long_run = spread(lam)
    states, mass = np.zeros(1), np.ones(1)
    total = 0.0
    for time in range(1, steps + 1):
        total += mass.sum()
        high = (
            chart.width
            * long_run
            * math.sqrt(-math.expm1(2.0 * time * math.log1p(-lam)) if lam < 1.0 else 1.0)
        )
        low = -high if chart.sided == "two" else chart.low
        nodes, weights = gauss(low, high, enough((high - low) / lam))
        carried = (1.0 - lam) * states / lam + moved
        arriving = weights / lam * (mass @ normal_density(nodes[None, :] / lam - carried[:, None]))
        if chart.sided == "one":
            atom = mass @ ndtr(low / lam - carried)
            nodes, arriving = np.concatenate(([low], nodes)), np.concatenate(([atom], arriving))
        states, mass = nodes, arriving
        if mass.sum() < 1e-16:
            return float(total)
    chain = ewma_chain(
        lam, chart.width, moved, chart.sided, reflect=chart.low / long_run if chart.sided == "one" else 0.0
    )
    times = mean_times(chain.kernel, chain.escape)
    # One step under the settled limits leads from the last moving states to the states of the chain.
    carried = (1.0 - lam) * states / lam + moved
    inner = chain.states if chart.sided == "two" else chain.states[1:]
    _, weights = gauss(chart.low, chart.high, inner.size)
    onward = (weights / lam) * normal_density(inner[None, :] / lam - carried[:, None])
    if np.isinf(times).any():
        return math.inf
    remaining = 1.0 + onward @ times[-inner.size :]
    if chart.sided == "one":
        remaining = remaining + ndtr(chart.low / lam - carried) * times[0]
    return float(total + mass @ remaining)
