"""Every residence that explains the counts: where one climb would lock onto the wrong one, many are made."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from assay.genealogy.queue_climb import FOLLOWED, SEARCH, climb, ordered
from assay.genealogy.queue_lattice import Floats, Integers
from assay.genealogy.queue_problem import Mode, Problem

NATS = 14.0
"""Modes this much less likely than the best are left out: less than one in a million."""
_STARTS, _KEPT = 40, 16
_FIRST, _UNSETTLED = 0.3, 0.03
"""Nats per count that a climb may still gain when it is judged: after its first round, and later."""
_BLOCK = 24
"""In counts that share one row of the picture a drifting residence is seen in."""
_STEP = 0.125
"""Width of its columns, in takts."""
_LEAP = 12
"""Columns the residence may move from row to row."""
_STIFFNESS = (1.0, 0.5, 0.2)
"""What a column's move costs, in pairs that agree: slow and fast drifts are tried."""
_SHIFTS = 4
"""Takts on either side of a drifting residence that are tried as well."""


def modes(problem: Problem) -> list[Mode]:
    """Peaks of the posterior, the highest first, none hopelessly below it."""
    if not problem.timed:
        return [climb(problem, problem.start(np.nan), ordered(problem), rounds=60)]
    found = _steady(problem)
    for over in FOLLOWED:
        found = _drifting(problem, found, over) or found
    return [mode for mode in found if mode.height >= found[0].height - NATS]


def _steady(problem: Problem) -> list[Mode]:
    first = [climb(problem, problem.start(at), rounds=1) for at in _starts(problem)]
    least = _hopeless(problem, max(mode.height for mode in first), _FIRST)
    tried = _apart(
        problem, [climb(problem, mode.parameters, rounds=3) for mode in first if mode.height >= least]
    )
    for rounds in (6, 25):
        tried = _apart(problem, [climb(problem, mode.parameters, rounds=rounds) for mode in tried])
    return tried


def _drifting(problem: Problem, steady: list[Mode], over: float) -> list[Mode]:
    """Peaks with a residence that drifts; none where there is too little to follow, or nothing to gain."""
    if len(problem.sides.entered) < 3 * over:
        return []
    tracks = [_track(problem, stiffness) for stiffness in _STIFFNESS]
    tries = [
        climb(problem, problem.start(float(one.mean())), rounds=8, drift=one - one.mean(), follow=over)
        for one in tracks
    ]
    tries.append(climb(problem, steady[0].parameters, rounds=6, drift=steady[0].drift, follow=over))
    best = max(tries, key=lambda mode: mode.height)
    if best.height - _cost(problem, over) < steady[0].height:
        return []
    takt = problem.sides.takt
    shifts = [k for k in range(-_SHIFTS, _SHIFTS + 1) if abs(k * takt) < 2 * SEARCH * problem.tolerance]
    starts = [replace(best.parameters, residence=best.parameters.residence + k * takt) for k in shifts]
    found = [climb(problem, at, rounds=12, drift=best.drift, follow=over) for at in starts]
    return [replace(mode, height=mode.height - _cost(problem, over)) for mode in _apart(problem, found)]


def _cost(problem: Problem, over: float) -> float:
    """What following a drift must gain, nats: Schwarz's criterion for the number of free values."""
    pairs = len(problem.sides.entered)
    free = pairs / (over * np.sqrt(2 * np.pi))
    return float(0.5 * free * np.log(max(np.e, pairs / free)))


def _apart(problem: Problem, found: list[Mode]) -> list[Mode]:
    """The highest modes, each once: those that are still in the running, a takt or a spread apart."""
    kept: list[Mode] = []
    for mode in sorted(found, key=lambda one: -one.height):
        least = 0.3 * max(mode.parameters.spread, problem.sides.takt)
        if len(kept) == _KEPT or (kept and mode.height < _hopeless(problem, kept[0].height, _UNSETTLED)):
            break
        if all(abs(mode.parameters.residence - one.parameters.residence) > least for one in kept):
            kept.append(mode)
    return kept


def _hopeless(problem: Problem, best: float, unsettled: float) -> float:
    """The height below which a climb that may still gain ``unsettled`` nats per count is given up."""
    return best - 3 * NATS - unsettled * len(problem.sides.left)


def _differences(problem: Problem) -> tuple[Integers, Floats]:
    """In count and time difference of all pairs that may be one piece, less the nominal residence."""
    sides, span = problem.sides, SEARCH * problem.tolerance
    left = np.sort(sides.left[np.isfinite(sides.left)])
    rows = np.flatnonzero(np.isfinite(sides.entered))
    entered = sides.entered[rows] + problem.residence
    lows, highs = np.searchsorted(left, entered - span), np.searchsorted(left, entered + span)
    counts = highs - lows
    place = np.repeat(lows - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
    return np.repeat(rows, counts), left[place] - np.repeat(entered, counts)


def _starts(problem: Problem) -> Floats:
    """Residences worth trying: peaks of the differences of all pairs, and a grid over the tolerance."""
    span = SEARCH * problem.tolerance
    apart = max(problem.sides.takt / 2, 2 * problem.tolerance / _STARTS)
    steps = np.arange(-problem.tolerance, problem.tolerance + apart, apart)
    grid = problem.residence + steps
    _, seen = _differences(problem)
    if not len(seen):
        return grid
    step = max(problem.sides.takt * _STEP, span / 4000)
    height = np.bincount(((seen + span) / step).astype(np.int64)).astype(np.float64)
    smooth = np.convolve(height, [1, 4, 6, 4, 1], mode="same")
    peak = np.flatnonzero((smooth >= np.roll(smooth, 1)) & (smooth > np.roll(smooth, -1)))
    peak = peak[np.argsort(-smooth[peak])][:_STARTS]
    return np.concatenate([problem.residence - span + (peak + 0.5) * step, grid])


def _track(problem: Problem, stiffness: float) -> Floats:
    """The residence of each in count along the ridge of the picture of differences over time.

    Dynamic programming over the rows, with a limit on the slope (Sakoe and Chiba 1978).
    """
    count, span = len(problem.sides.entered), SEARCH * problem.tolerance
    step = max(problem.sides.takt * _STEP, span / 400)
    rows, seen = _differences(problem)
    tall, wide = -(-count // _BLOCK), int(2 * span / step) + 1
    cell = (rows // _BLOCK) * wide + ((seen + span) / step).astype(np.int64)
    picture = np.bincount(cell, minlength=tall * wide).astype(np.float64).reshape(tall, wide)
    picture = (
        np.apply_along_axis(np.convolve, 1, picture, [0.5, 1, 1, 1, 0.5], mode="same")
        if wide > 5
        else picture
    )
    best, came = picture[0], np.zeros((tall, wide), np.int64)
    columns = np.arange(wide)
    for row in range(1, tall):
        options = np.full((2 * _LEAP + 1, wide), -np.inf)
        for move in range(-_LEAP, _LEAP + 1):
            held = slice(max(0, -move), wide - max(0, move))
            options[move + _LEAP, held] = best[columns[held] + move] - stiffness * abs(move)
        choice = options.argmax(axis=0)
        came[row] = choice - _LEAP
        best = options[choice, columns] + picture[row]
    path = np.empty(tall, np.int64)
    path[-1] = int(best.argmax())
    for row in range(tall - 1, 0, -1):
        path[row - 1] = path[row] + came[row, path[row]]
    centre = (np.arange(tall) + 0.5) * _BLOCK
    ridge = problem.residence - span + (path + 0.5) * step
    return np.asarray(np.interp(np.arange(count), centre, ridge))
