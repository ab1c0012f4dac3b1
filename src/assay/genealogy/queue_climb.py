"""Expectation and maximisation: from some parameters to the next peak of the posterior."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from assay.genealogy import queue_kernel as kernel
from assay.genealogy.queue_lattice import Floats, Lattice, Pass, run, score
from assay.genealogy.queue_problem import (
    LEAST_SPREAD,
    SPREAD_STRENGTH,
    STRENGTH,
    WIDEST,
    Mode,
    Parameters,
    Problem,
)

SEARCH = 1.5
"""How far around the nominal residence modes are looked for, in tolerances."""
FOLLOWED = (40.0, 12.0)
"""Counts (one standard deviation) over which a residence that drifts is followed: slowly or quickly."""
_HELD = 4.0
"""How many pairs hold the drift at 0."""
_ENOUGH = 0.01
"""Nats by which a round must still climb."""


def climb(
    problem: Problem,
    at: Parameters,
    lattice: Lattice | None = None,
    *,
    rounds: int,
    drift: Floats | None = None,
    follow: float = 0.0,
) -> Mode:
    """Expectation and maximisation from ``at`` to the next peak.

    Parameters
    ----------
    lattice
        The band; by default one around the residence, which moves with it.
    drift
        Added to the residence of each in count, s.
    follow
        Counts over which the drift is fitted too; 0 to leave it.
    """
    own = np.zeros(len(problem.sides.entered)) if drift is None else drift
    fixed, height, built = lattice is not None, -np.inf, at
    band = lattice or around(problem, at, own)
    for turn in range(rounds):
        density = problem.density(band, at, own)
        found = run(band, density, at.rates(problem.slot(at)))
        reached = found.evidence + problem.prior(at)
        if not np.isfinite(reached) or (turn and height <= reached < height + _ENOUGH):
            break
        height = reached
        if follow:
            own = _followed(band, density, found, own, follow)
        at = _raised(problem, at, band, density, found)
        if not fixed and (follow or _left(problem, at, built)):
            band, built = around(problem, at, own), at
    height = score(band, problem.density(band, at, own), at.rates(problem.slot(at))) + problem.prior(at)
    return Mode(at, band, height, own)


def _left(problem: Problem, at: Parameters, built: Parameters) -> bool:
    """Whether the parameters have moved off the band that was built for others."""
    moved = abs(at.residence - built.residence) > 0.5 * problem.sides.takt
    return moved or not 0.6 < at.spread / built.spread < 1.5


def _followed(
    lattice: Lattice, density: tuple[Floats, Floats, Floats], found: Pass, drift: Floats, over: float
) -> Floats:
    """The drift with what the residuals around each count still show, its mean left to the residence."""
    weight, moment = kernel.by_row(lattice.start, found.compared, density[2], density[1])
    reach = int(3 * over)
    shape = np.exp(-0.5 * (np.arange(-reach, reach + 1) / over) ** 2)
    total = np.convolve(weight, shape)[reach : len(weight) + reach]
    new = drift + np.convolve(moment, shape)[reach : len(weight) + reach] / (total + _HELD)
    return np.asarray(new - new.mean())


def _raised(
    problem: Problem, at: Parameters, lattice: Lattice, density: tuple[Floats, Floats, Floats], found: Pass
) -> Parameters:
    """The most likely parameters, given the probabilities of all ways."""
    sums = found.sums
    pairs = float(sums[:3].sum()) + STRENGTH
    new = replace(
        at,
        alone_in=min(WIDEST, float(sums[3] + STRENGTH * problem.expected.alone_in) / (pairs + sums[3])),
        alone_out=min(WIDEST, float(sums[4] + STRENGTH * problem.expected.alone_out) / (pairs + sums[4])),
    )
    if not problem.timed:
        return new
    moments = kernel.moments(
        lattice.low, lattice.start, found.compared, density[2], density[1], problem.sides.deviation
    )
    known = max(float(moments[0, 0]), 1e-9)
    means = moments[0] / known
    spreads = moments / known - np.outer(means, means)
    real = _shares(spreads[2:, 2:], spreads[1, 2:], np.array(at.real))
    slope = real - np.array(at.real)
    shift = float(means[1] - slope @ means[2:]) if known > 0.5 else 0.0
    left = float(spreads[1, 1] - 2 * slope @ spreads[1, 2:] + slope @ spreads[2:, 2:] @ slope)
    spread = (known * max(left, 0.0) + SPREAD_STRENGTH * problem.first_spread**2) / (known + SPREAD_STRENGTH)
    span = SEARCH * problem.tolerance
    return replace(
        new,
        crossed=float(sums[2] + STRENGTH * problem.expected.crossed) / pairs,
        residence=float(np.clip(at.residence + shift, problem.residence - span, problem.residence + span)),
        real=tuple(real.tolist()),
        spread=max(float(np.sqrt(spread)), LEAST_SPREAD),
    )


def _shares(squares: Floats, products: Floats, shares: Floats) -> Floats:
    """Least squares for the shares, each kept between 0 and 1 (coordinate descent)."""
    target = squares @ shares + products
    for _ in range(30):
        for place in range(len(shares)):
            if squares[place, place] > 1e-12:
                others = target[place] - squares[place] @ shares + squares[place, place] * shares[place]
                shares[place] = min(1.0, max(0.0, others / squares[place, place]))
    return shares


def ordered(problem: Problem) -> Lattice:
    """The band where only the order is known: as wide as alone counts can shift it, five sigma."""
    n, m = len(problem.sides.entered), len(problem.sides.left)
    lone = problem.expected.alone_in + problem.expected.alone_out
    width = int(12 + 5 * np.sqrt(3 * lone * max(n, m) / 4) + 0.25 * abs(n - m))
    middle = (np.arange(n) + 0.5) * (m / max(n, 1))
    return Lattice.build(problem.sides, (middle - width).astype(np.int64), (middle + width).astype(np.int64))


def around(problem: Problem, at: Parameters, drift: Floats) -> Lattice:
    """The band around one residence."""
    sides = problem.sides
    reach = max(6 * at.spread, 2.5 * sides.takt)
    left = np.maximum.accumulate(np.where(np.isfinite(sides.left), sides.left, -np.inf))
    floor = np.minimum.accumulate(np.where(np.isfinite(sides.left), sides.left, np.inf)[::-1])[::-1]
    entered = _filled(sides.entered) + problem.offset(at, drift)
    first = np.searchsorted(left, entered - reach)
    last = np.searchsorted(floor, entered + reach) - 1
    return Lattice.build(sides, first, last)


def _filled(times: Floats) -> Floats:
    known = np.isfinite(times)
    if known.all():
        return times
    place = np.arange(len(times))
    return np.interp(place, place[known], times[known])
