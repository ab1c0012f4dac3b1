"""Matching where pieces overtake each other: tumblers, washers, batches that are tipped out.

Without order, a match is any one-to-one pairing. The sum over all of them is a permanent, which nobody can
compute exactly; belief propagation gives its Bethe approximation and the probability of each pair.
Williams and Lau: Approximate evaluation of marginal association probabilities with belief propagation, IEEE
Trans. Aerospace and Electronic Systems 50 (2014); Vontobel: The Bethe permanent of a nonnegative
matrix, IEEE Trans. Information Theory 59 (2013).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numba import njit

from assay.genealogy.queue_lattice import OUTLIERS, Floats, Integers
from assay.genealogy.queue_problem import STRENGTH, WIDEST, Parameters, Problem

MOST_PAIRS = 4_000_000
"""Pairs above which the order is taken to be kept."""
_ROUNDS, _SWEEPS, _STILL = 12, 400, 1e-7


@dataclass(frozen=True)
class Free:
    """Probabilities without order; ``height`` compares with that of a :class:`~.queue_problem.Mode`."""

    parameters: Parameters
    row_in: Integers
    row_out: Integers
    probability: Floats
    height: float


def free(problem: Problem) -> Free | None:
    """The best of a normal and of an even law of residence; None where there are too many pairs."""
    sides, tolerance = problem.sides, problem.tolerance
    order = np.argsort(sides.left, kind="stable")
    order = order[np.isfinite(sides.left[order])]
    left = sides.left[order]
    rows = np.flatnonzero(np.isfinite(sides.entered))
    entered = sides.entered[rows] + problem.residence
    reach = 1.5 * tolerance + 3 * problem.first_spread
    lows, highs = np.searchsorted(left, entered - reach), np.searchsorted(left, entered + reach)
    counts = highs - lows
    if not 0 < counts.sum() <= MOST_PAIRS:
        return None
    place = np.repeat(lows - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
    row_in, row_out = np.repeat(rows, counts), order[place]
    difference = sides.left[row_out] - sides.entered[row_in]
    label = sides.factor(row_in, row_out)
    weight = sides.spacing[row_out] * label
    found = [_fitted(problem, (row_in, row_out), difference, weight, even=even) for even in (False, True)]
    return max(found, key=lambda one: one.height)


def _fitted(
    problem: Problem, pairs: tuple[Integers, Integers], difference: Floats, weight: Floats, *, even: bool
) -> Free:
    """Rates, and for a normal law residence and spread, by expectation and maximisation."""
    row_in, row_out = pairs
    n, m = len(problem.sides.entered), len(problem.sides.left)
    at = replace(problem.start(problem.residence), crossed=problem.expected.crossed)
    at = replace(at, spread=problem.tolerance / math.sqrt(3))
    reach = 2 * problem.tolerance + 4 * problem.sides.takt
    by_out = np.argsort(row_out, kind="stable")
    start_in, start_out = (
        np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=size))]).astype(np.int64)
        for rows, size in ((row_in, n), (row_out, m))
    )
    message = np.ones(len(row_in)), np.ones(len(row_in))
    height, belief = -math.inf, np.zeros(len(row_in))
    for _ in range(_ROUNDS):
        close = _law(difference, at, problem, even=even) * (1 - OUTLIERS)
        straight = at.rates(0.0)[0]
        odds = straight * (close + OUTLIERS / reach) * weight / (at.alone_in * at.alone_out)
        belief, bethe = _propagate(start_in, start_out, by_out, odds, *message)
        reached = bethe + n * math.log(at.alone_in) + m * math.log(at.alone_out) + problem.prior(at)
        if reached < height + 0.01:
            break
        height = reached
        core = belief * close / (close + OUTLIERS / reach)
        known = float(core.sum())
        at = replace(
            at,
            alone_in=min(WIDEST, (n - belief.sum() + STRENGTH * problem.expected.alone_in) / (n + STRENGTH)),
            alone_out=min(
                WIDEST, (m - belief.sum() + STRENGTH * problem.expected.alone_out) / (m + STRENGTH)
            ),
        )
        if not even and known > 2:
            mean = float(core @ difference) / known
            spread = math.sqrt(max(1e-12, float(core @ (difference - mean) ** 2) / known))
            at = replace(at, residence=mean, spread=spread)
    return Free(at, row_in, row_out, belief, height)


def _law(difference: Floats, at: Parameters, problem: Problem, *, even: bool) -> Floats:
    """Density of the residence: normal, or even within the tolerance with edges as soft as a sensor."""
    if not even:
        scaled = (difference - at.residence) / at.spread
        return np.asarray(np.exp(-0.5 * scaled * scaled) / (at.spread * math.sqrt(2 * math.pi)))
    soft = 0.05 * problem.tolerance
    inside = (problem.tolerance - np.abs(difference - problem.residence)) / soft
    return np.asarray(0.5 * (1 + np.tanh(inside)) / (2 * problem.tolerance))


@njit(nogil=True, cache=True)
def _propagate(  # noqa: PLR0917 - a compiled function: arrays by position
    start_in: Integers, start_out: Integers, by_out: Integers, odds: Floats, to_out: Floats, to_in: Floats
) -> tuple[Floats, float]:
    """Probability of each pair and the logarithm of the Bethe sum, relative to all counts alone.

    Pairs are in the order of in counts; ``by_out`` puts them into that of out counts. The messages
    are changed in place, so that the next call goes on from them.
    """
    for _ in range(_SWEEPS):
        moved = 0.0
        for i in range(len(start_in) - 1):
            total = 1.0
            for pair in range(start_in[i], start_in[i + 1]):
                total += odds[pair] * to_in[pair]
            for pair in range(start_in[i], start_in[i + 1]):
                new = 1.0 / max(1e-300, total - odds[pair] * to_in[pair])
                moved = max(moved, abs(new - to_out[pair]) / (new + to_out[pair]))
                to_out[pair] = new
        for j in range(len(start_out) - 1):
            total = 1.0
            for place in range(start_out[j], start_out[j + 1]):
                total += odds[by_out[place]] * to_out[by_out[place]]
            for place in range(start_out[j], start_out[j + 1]):
                pair = by_out[place]
                to_in[pair] = 1.0 / max(1e-300, total - odds[pair] * to_out[pair])
        if moved < _STILL:
            break
    belief = np.zeros(len(odds))
    bethe = 0.0
    for i in range(len(start_in) - 1):
        total = 1.0
        for pair in range(start_in[i], start_in[i + 1]):
            total += odds[pair] * to_in[pair]
            joint = odds[pair] * to_in[pair] * to_out[pair]
            belief[pair] = joint / (1.0 + joint)
            bethe -= math.log(1.0 + joint)
        bethe += math.log(total)
    for j in range(len(start_out) - 1):
        total = 1.0
        for place in range(start_out[j], start_out[j + 1]):
            total += odds[by_out[place]] * to_out[by_out[place]]
        bethe += math.log(total)
    return belief, bethe
