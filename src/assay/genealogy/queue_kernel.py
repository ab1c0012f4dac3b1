# ruff: noqa: PLR0915, PLR0917 - compiled functions: one loop, arrays by position
"""The compiled passes of the queue matcher: a pair hidden Markov model over two count sequences.

A cell (i, j) says that the first i counts of the in side and the first j of the out side are explained.
Moves lead to a cell from

* (i-1, j-1): counts i-1 and j-1 are one piece;
* (i-2, j-2): two pieces that swapped places (by slot: the times stay those of the slots; by time: each
  piece kept its own residence);
* (i-1, j): an in count with no counterpart; (i, j-1): an out count with none. Between two pairs the in
  counts come first, so that every matching is one way, however many counts stand alone.

Rows are banded and ragged: row i holds the cells ``low[i] … low[i] + start[i+1] - start[i] - 1`` at
``start[i]`` of the flat arrays. Weights of out counts are relative to the density of one without a
counterpart, so numbers stay near 1; each row is scaled by its largest cell.
Durbin, Eddy, Krogh, Mitchison: Biological Sequence Analysis (1998), chapter 4.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

MOVES = 5
"""Straight, swapped by slot, swapped by time, in alone, out alone: the order of rates and sums."""
_MOST = 700.0
"""Largest exponent: what would overflow is beyond any weight that counts."""


@njit(nogil=True, cache=True)
def weigh(
    low: Integers,
    start: Integers,
    difference: Floats,
    spacing: Floats,
    offset: Floats,
    spread: float,
    outliers: float,
    floor: float,
) -> tuple[Floats, Floats, Floats]:
    """Density of each pair's times relative to a lone count's, residual, and share that is no outlier.

    Residuals are normal but for the share ``outliers``, whose density is ``floor``; a pair that lacks a time
    weighs as much as a lone count.
    """
    timing = np.zeros(difference.shape[0])
    residual = np.zeros(difference.shape[0])
    core = np.zeros(difference.shape[0])
    peak = (1.0 - outliers) / (spread * math.sqrt(2.0 * math.pi))
    for i in range(1, low.shape[0]):
        for cell in range(start[i] + (1 if low[i] == 0 else 0), start[i + 1]):
            left = difference[cell] - offset[i - 1]
            if math.isnan(left):
                timing[cell] = 1.0
                continue
            scaled = left / spread
            close = peak * math.exp(-0.5 * scaled * scaled)
            total = close + floor
            timing[cell] = total * spacing[cell]
            residual[cell] = left
            core[cell] = close / total
    return timing, residual, core


@njit(nogil=True, cache=True)
def forward(
    low: Integers, start: Integers, timing: Floats, label: Floats, source: Floats, rates: Floats
) -> tuple[Floats, Floats, Floats]:
    """Scaled weights of all ways to each cell, of those that end with a lone out count, and each row's scale.

    The scale is the logarithm of the factor that weights of the row are to be multiplied by.

    ``timing`` and ``label`` hold, at the cell a straight match arrives in, the relative density of the pair's
    times and labels; ``source`` the weight with which a way may begin in a cell; ``rates`` the
    probabilities of the moves in the order of :data:`MOVES`.
    """
    rows = low.shape[0]
    weights = np.zeros(timing.shape[0])
    ended = np.zeros(timing.shape[0])
    scales = np.zeros(rows)
    straight, slot, crossed, alone_in, alone_out = rates
    for i in range(rows):
        here, width = start[i], start[i + 1] - start[i]
        up = start[i - 1] if i > 0 else 0
        up_width = start[i] - up if i > 0 else 0
        top = start[i - 2] if i > 1 else 0
        top_width = up - top if i > 1 else 0
        shrink = math.exp(min(_MOST, scales[i - 2] - scales[i - 1])) if i > 1 else 0.0
        begin = math.exp(min(_MOST, -scales[i - 1])) if i > 0 else 1.0
        largest = 0.0
        for k in range(width):
            j = low[i] + k
            total = source[here + k] * begin
            if i > 0:
                u = j - low[i - 1]
                if 0 <= u < up_width:
                    total += alone_in * (weights[up + u] - ended[up + u])
                if 0 < u <= up_width:
                    total += straight * timing[here + k] * label[here + k] * weights[up + u - 1]
                if i > 1 and 0 < u < up_width and k > 0:
                    t = j - 2 - low[i - 2]
                    if 0 <= t < top_width:
                        kept = timing[up + u - 1] * timing[here + k]
                        changed = timing[here + k - 1] * timing[up + u]
                        labels = label[here + k - 1] * label[up + u]
                        total += (slot * kept + crossed * changed) * labels * weights[top + t] * shrink
            if k > 0:
                ended[here + k] = alone_out * weights[here + k - 1]
                total += ended[here + k]
            weights[here + k] = total
            largest = max(largest, total)
        if largest > 0.0:
            for k in range(width):
                weights[here + k] /= largest
                ended[here + k] /= largest
            scales[i] = (scales[i - 1] if i > 0 else 0.0) + math.log(largest)
        else:
            scales[i] = scales[i - 1] if i > 0 else 0.0
    return weights, ended, scales


@njit(nogil=True, cache=True)
def evidence(start: Integers, weights: Floats, scales: Floats, sink: Floats) -> float:
    """Logarithm of the weight of all ways, each ending in a cell with the weight ``sink``."""
    rows = start.shape[0] - 1
    best = -math.inf
    parts = np.full(rows, -math.inf)
    for i in range(rows):
        total = 0.0
        for cell in range(start[i], start[i + 1]):
            total += weights[cell] * sink[cell]
        if total > 0.0:
            parts[i] = math.log(total) + scales[i]
            best = max(best, parts[i])
    if best == -math.inf:
        return best
    total = 0.0
    for i in range(rows):
        total += math.exp(parts[i] - best)
    return best + math.log(total)


@njit(nogil=True, cache=True)
def backward(
    low: Integers,
    start: Integers,
    timing: Floats,
    label: Floats,
    sink: Floats,
    rates: Floats,
    weights: Floats,
    ended: Floats,
    scales: Floats,
    log_evidence: float,
) -> tuple[Floats, Floats, Floats]:
    """Posterior probability that each cell's pair is one piece and that its times are compared; move counts.

    A pair that swapped by slot is one piece whose times are not compared; those of its slot are.

    ``weights``, ``ended``, ``scales`` and ``log_evidence`` are those of :func:`forward` and :func:`evidence`.
    """
    rows = low.shape[0]
    behind = np.zeros(timing.shape[0])
    bound = np.zeros(timing.shape[0])
    levels = np.zeros(rows)
    matched = np.zeros(timing.shape[0])
    compared = np.zeros(timing.shape[0])
    sums = np.zeros(MOVES)
    straight, slot, crossed, alone_in, alone_out = rates
    for i in range(rows - 1, -1, -1):
        here, width = start[i], start[i + 1] - start[i]
        down, down_width = start[i + 1], 0
        under, under_width = down, 0
        if i + 1 < rows:
            down_width = start[i + 2] - down
        if i + 2 < rows:
            under = start[i + 2]
            under_width = start[i + 3] - under
        level = levels[i + 1] if i + 1 < rows else 0.0
        shrink = math.exp(min(_MOST, levels[i + 2] - level)) if i + 2 < rows else 0.0
        final = math.exp(min(_MOST, -level))
        next_row = math.exp(min(_MOST, scales[i] + level - log_evidence))
        largest = 0.0
        for k in range(width - 1, -1, -1):
            j = low[i] + k
            total = sink[here + k] * final
            lone = 0.0
            weight = weights[here + k] * next_row
            if i + 1 < rows:
                d = j - low[i + 1]
                if 0 <= d < down_width:
                    lone = alone_in * behind[down + d]
                    sums[3] += (weight - ended[here + k] * next_row) * lone
                if -1 <= d < down_width - 1:
                    cell = down + d + 1
                    part = straight * timing[cell] * label[cell] * behind[cell]
                    sums[0] += weight * part
                    matched[cell] += weight * part
                    compared[cell] += weight * part
                    total += part
                if i + 2 < rows and 0 <= d + 1 < down_width - 1:
                    e = j + 2 - low[i + 2]
                    if 0 < e < under_width:
                        first, second = down + d + 1, under + e
                        left, right = under + e - 1, down + d + 2
                        labels = label[left] * label[right] * behind[second] * shrink
                        kept = slot * timing[first] * timing[second] * labels
                        changed = crossed * timing[left] * timing[right] * labels
                        sums[1] += weight * kept
                        sums[2] += weight * changed
                        matched[left] += weight * (kept + changed)
                        matched[right] += weight * (kept + changed)
                        compared[first] += weight * kept
                        compared[second] += weight * kept
                        compared[left] += weight * changed
                        compared[right] += weight * changed
                        total += kept + changed
            if k + 1 < width:
                part = alone_out * bound[here + k + 1]
                sums[4] += weight * part
                total += part
            bound[here + k] = total
            behind[here + k] = total + lone
            largest = max(largest, total + lone)
        if largest > 0.0:
            for k in range(width):
                behind[here + k] /= largest
                bound[here + k] /= largest
            levels[i] = level + math.log(largest)
        else:
            levels[i] = level
    return matched, compared, sums


@njit(nogil=True, cache=True)
def moments(
    low: Integers, start: Integers, compared: Floats, core: Floats, residual: Floats, deviation: Floats
) -> Floats:
    """Sums over all pairs, weighted by the probability that their times are compared and no outlier's.

    Of the products of the vector (1, residual, deviations of the in count), shape (2 + k, 2 + k).
    """
    size = 2 + deviation.shape[0]
    sums = np.zeros((size, size))
    own = np.zeros(3)
    for i in range(1, low.shape[0]):
        own[:] = 0.0
        for cell in range(start[i], start[i + 1]):
            weight = compared[cell] * core[cell]
            own[0] += weight
            own[1] += weight * residual[cell]
            own[2] += weight * residual[cell] * residual[cell]
        sums[0, 0] += own[0]
        sums[0, 1] += own[1]
        sums[1, 1] += own[2]
        for a in range(size - 2):
            sums[0, 2 + a] += own[0] * deviation[a, i - 1]
            sums[1, 2 + a] += own[1] * deviation[a, i - 1]
            for b in range(a, size - 2):
                sums[2 + a, 2 + b] += own[0] * deviation[a, i - 1] * deviation[b, i - 1]
    for a in range(size):
        for b in range(a):
            sums[a, b] = sums[b, a]
    return sums


@njit(nogil=True, cache=True)
def by_row(start: Integers, compared: Floats, core: Floats, residual: Floats) -> tuple[Floats, Floats]:
    """Weight and weighted residual of the pairs of each in count."""
    count = start.shape[0] - 2
    weight, moment = np.zeros(count), np.zeros(count)
    for i in range(count):
        for cell in range(start[i + 1], start[i + 2]):
            part = compared[cell] * core[cell]
            weight[i] += part
            moment[i] += part * residual[cell]
    return weight, moment
