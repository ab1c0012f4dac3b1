"""The ranking: at each step, the strongest of all tests given the causes above it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from assay.analyse.cause.arrangement import Arrangement
from assay.analyse.cause.layer import Layer, renumber
from assay.analyse.cause.problem import Factor, Flags, Floats, Problem
from assay.stats.exact import exact_tail
from assay.stats.stratified import (
    Crosstab,
    LevelScores,
    StratumMoments,
    level_scores,
    student_tail,
    trend_score,
    upper_tail,
)

SMALL_EXPECTED = 5.0
"""Expected counts under this are tested exactly (Cochran 1954, Biometrics 10, 417-451)."""

_SMALLEST = float(np.finfo(float).tiny)
_FEW_DRAWN = 30
_EXACT_WORTH = 0.05
_MOST_EXACT = 300
_MOST_CAUSES = 40
_UNRELATED = 0.7
_CONDITIONING_BINS = 10
_KEPT_BINS = 25


class Shape(StrEnum):
    """How the target moves along an ordered factor."""

    RISING = "rising"
    FALLING = "falling"
    ENDS = "ends"
    MIDDLE = "middle"


@dataclass(frozen=True, eq=False)
class Found:
    """One cause as the search found it.

    ``level`` is None for an ordered factor, whose elevated bins are ``elevated``. ``group`` marks the
    subjects that carry the cause, ``strata`` are those of the causes above it.
    """

    factor: Factor
    level: int | None
    p_value: float
    q_value: float
    group: Flags
    strata: NDArray[np.int64]
    shape: Shape | None = None
    elevated: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    explained: list[Explained] = field(default_factory=list)


@dataclass(frozen=True)
class Explained:
    """A level (None: an ordered factor) that looked like a cause until another was taken into account."""

    factor: Factor
    level: int | None
    p_before: float
    p_after: float


@dataclass(frozen=True, eq=False)
class _Scored:
    """All tests of one factor: shape ``(L,)``, or ``(1,)`` for an ordered factor."""

    factor: Factor
    p: Floats
    z: Floats
    shape: Shape | None = None


def search(
    arrangement: Arrangement,
    problem: Problem,
    factors: tuple[Factor, ...],
    *,
    error_rate: float,
    rivals: tuple[Factor, ...] = (),
    tick: Callable[[], None] = lambda: None,
) -> tuple[list[Found], int]:
    """Rank the causes among ``factors``.

    Returns the causes in order, and the number of hypotheses tested at each step. A cause is claimed when
    its p-value times that number is at most ``error_rate`` (Bonferroni, the family-wise error of a step)
    and, where ``rivals`` are given, when it is also that strong within the levels of each of them;
    a rival that explains one away is conditioned on from then on.
    """
    found: list[Found] = []
    suspects: dict[tuple[str, int | None], float] = {}
    taken: set[tuple[str, int | None]] = set()
    tests = sum(factor.tests for factor in factors)
    while len(found) < _MOST_CAUSES:
        scored = [_without(one, taken) for one in _step(arrangement, factors, problem.is_binary, tick)]
        if not scored:
            break
        limit = error_rate / tests
        passing = dict(_passing(scored, limit))
        if found:
            _explain(found[-1], suspects, passing, scored, taken)
        suspects = passing
        best = _best(scored)
        if best is None or best[1].p[best[0]] > limit:
            break
        place, one = best
        rival = _explaining(one, place, rivals, arrangement=arrangement, problem=problem, limit=limit)
        if rival is not None:
            arrangement.condition_on(rival, rival.codes.astype(np.int64) + 1)
            rivals = tuple(other for other in rivals if other is not rival)
            continue
        q_values = stats.false_discovery_control(np.concatenate([np.clip(s.p, 0, 1) for s in scored]))
        offset = sum(s.p.size for s in scored[: scored.index(one)])
        cause, part = _claim(one, place, float(q_values[offset + place]), arrangement, problem)
        found.append(cause)
        taken.add((cause.factor.name, cause.level))
        arrangement.condition_on(cause.factor, part)
    return found, tests


def _step(
    arrangement: Arrangement, factors: tuple[Factor, ...], is_binary: bool, tick: Callable[[], None]
) -> Iterator[_Scored]:
    for factor in factors:
        tick()
        layers = arrangement.layers_of(factor.name)
        if not layers:
            continue
        results = [_score(layer, factor, is_binary) for layer in layers]
        if len(results) == 1:
            yield results[0]
        else:
            first, second = results
            better = first.p <= second.p
            yield _Scored(
                factor,
                np.minimum(1.0, 2 * np.minimum(first.p, second.p)),
                np.where(better, first.z, second.z),
                first.shape if bool(better[0]) else second.shape,
            )


def _score(layer: Layer, factor: Factor, is_binary: bool) -> _Scored:
    table = layer.crosstab(factor.name)
    moments = layer.moments(factor.name, table)
    if factor.windows:
        table = _windowed(table, factor.windows)
    if factor.is_ordered:
        return _score_ordered(table, factor, moments, is_binary)
    scores = level_scores(table, moments)
    z = scores.z
    p = upper_tail(z, scores.skew) if is_binary else student_tail(z, moments.freedom)
    p = np.where(scores.variance > 0, np.maximum(p, np.exp(np.maximum(scores.smallest_log_p, -700))), 1.0)
    if is_binary:
        p = _exactly(layer, factor, table, scores, p)
    return _Scored(factor, np.where(z > 0, np.maximum(p, _SMALLEST), 1.0), z)


def _windowed(table: Crosstab, windows: tuple[tuple[int, int], ...]) -> Crosstab:
    """The table of runs of levels, from that of the levels."""
    spans = np.array(windows)

    def summed(cells: Floats) -> Floats:
        dense = np.zeros((table.levels + 1, table.strata))
        dense[table.level + 1, table.stratum] = cells
        running = dense.cumsum(axis=0)
        return np.asarray(running[spans[:, 1] + 1] - running[spans[:, 0]])

    counts, totals = summed(table.n), summed(table.total)
    window, stratum = np.nonzero(counts)
    return Crosstab(
        window, stratum, counts[window, stratum], totals[window, stratum], len(windows), table.strata
    )


def _exactly(layer: Layer, factor: Factor, table: Crosstab, scores: LevelScores, p: Floats) -> Floats:
    """Exact tails for levels with a small expected count or few units, where that could matter."""
    low = np.minimum(scores.expected, scores.support - scores.expected if layer.is_binary else np.inf)
    small = (low < SMALL_EXPECTED) | (~np.array(layer.is_binary) & (scores.support < _FEW_DRAWN))
    worth = np.flatnonzero(small & (p < _EXACT_WORTH) & (scores.z > 0))
    p = p.copy()
    for level in worth[np.argsort(p[worth])][:_MOST_EXACT]:
        urns = layer.urns(factor.name, table, int(level))
        tail = None if urns is None else exact_tail(urns, round(float(scores.observed[level])))
        if tail is not None:
            p[level] = tail
    return p


def _score_ordered(table: Crosstab, factor: Factor, moments: StratumMoments, is_binary: bool) -> _Scored:
    size = np.bincount(table.level, weights=table.n, minlength=factor.levels)
    rank = (np.cumsum(size) - (size + 1) / 2) / max(size.sum(), 1) - 0.5
    line = trend_score(table, rank, moments)
    bend = trend_score(table, rank * rank, moments)
    z = np.array([line.z, bend.z])
    if is_binary:
        tails = upper_tail(np.abs(z), np.sign(z) * np.array([line.skew, bend.skew]))
    else:
        tails = student_tail(np.abs(z), moments.freedom)
    sides = np.minimum(1.0, 2 * tails)
    curve = int(sides[1] < sides[0])
    shapes = (Shape.RISING, Shape.FALLING) if curve == 0 else (Shape.ENDS, Shape.MIDDLE)
    return _Scored(
        factor,
        np.clip(2 * sides[[curve]], _SMALLEST, 1.0),
        np.abs(z[[curve]]),
        shapes[0] if z[curve] > 0 else shapes[1],
    )


def _explaining(
    one: _Scored,
    place: int,
    rivals: tuple[Factor, ...],
    *,
    arrangement: Arrangement,
    problem: Problem,
    limit: float,
) -> Factor | None:
    """The first of ``rivals`` among whose levels this cause is no longer as strong.

    Only rivals that go along with it are tried: within the others its scores vary as much as over all.
    """
    score = (
        one.factor.codes.astype(float) if one.factor.is_ordered else one.factor.carriers(place).astype(float)
    )
    spread = ((score - score.mean()) ** 2).sum()
    for rival in rivals:
        code = rival.codes.astype(np.int64) + 1
        mean = np.bincount(code, weights=score) / np.maximum(np.bincount(code), 1)
        if ((score - mean[code]) ** 2).sum() > _UNRELATED * spread:
            continue
        closer = arrangement.within_levels_of(rival, (one.factor,))
        scored = next(_step(closer, (one.factor,), problem.is_binary, lambda: None), None)
        if scored is None or scored.p[place] > limit:
            return rival
    return None


def _key(one: _Scored, place: int) -> tuple[str, int | None]:
    return one.factor.name, None if one.factor.is_ordered else place


def _without(one: _Scored, taken: set[tuple[str, int | None]]) -> _Scored:
    places = [place for place in range(one.p.size) if _key(one, place) in taken]
    if not places:
        return one
    p = one.p.copy()
    p[places] = 1.0
    return _Scored(one.factor, p, one.z, one.shape)


def _passing(scored: list[_Scored], limit: float) -> Iterator[tuple[tuple[str, int | None], float]]:
    for one in scored:
        for place in np.flatnonzero(one.p <= limit):
            yield _key(one, int(place)), float(one.p[place])


def _best(scored: list[_Scored]) -> tuple[int, _Scored] | None:
    """Smallest p; then largest z; then the finer factor, so that a coarser one with the same rows yields."""
    best: tuple[float, float, int] | None = None
    chosen: tuple[int, _Scored] | None = None
    for one in scored:
        place = int(np.lexsort((-one.z, one.p))[0])
        rank = (float(one.p[place]), -round(float(one.z[place]), 9), -one.factor.levels)
        if best is None or rank < best:
            best, chosen = rank, (place, one)
    return chosen


def _explain(
    cause: Found,
    before: dict[tuple[str, int | None], float],
    now: dict[tuple[str, int | None], float],
    scored: list[_Scored],
    taken: set[tuple[str, int | None]],
) -> None:
    after = {one.factor.name: one for one in scored}
    for (name, level), p_value in sorted(before.items(), key=lambda item: item[1]):
        if (name, level) in now or (name, level) in taken or name not in after:
            continue
        one = after[name]
        if one.factor.windows:  # windows overlap: that one takes the place of another says nothing
            continue
        cause.explained.append(Explained(one.factor, level, p_value, float(one.p[level or 0])))


def _claim(
    one: _Scored, place: int, q_value: float, arrangement: Arrangement, problem: Problem
) -> tuple[Found, NDArray[np.integer] | Flags]:
    factor, strata = one.factor, arrangement.rows
    p_value = float(one.p[place])
    if not factor.is_ordered:
        group = factor.carriers(place)
        return Found(factor, place, p_value, q_value, group, strata), group
    elevated = _elevated(factor, one.shape, problem, strata)
    group = np.isin(factor.codes, elevated)
    part = _conditioning(factor)
    return Found(factor, None, p_value, q_value, group, strata, one.shape, elevated), part


def _elevated(
    factor: Factor, shape: Shape | None, problem: Problem, strata: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The bins in which the target is raised: the end beyond the best cut, or the bins above average."""
    known = factor.codes >= 0
    codes = factor.codes[known].astype(np.int64)
    response = problem.response()[known]
    size = np.bincount(strata[known])
    mean = np.bincount(strata[known], weights=response) / np.maximum(size, 1)
    excess = np.bincount(codes, weights=response - mean[strata[known]], minlength=factor.levels)
    count = np.bincount(codes, minlength=factor.levels)
    if shape in (Shape.ENDS, Shape.MIDDLE):
        return np.flatnonzero(excess > 0)
    if shape is Shape.FALLING:
        excess, count = excess[::-1], count[::-1]
    above, beyond = np.cumsum(excess[::-1])[::-1], np.cumsum(count[::-1])[::-1]
    rest = codes.size - beyond
    spread = np.sqrt(np.maximum(beyond * rest, 1) / codes.size)
    cut = 1 + int(np.argmax((above / spread)[1:]))
    bins = np.arange(cut, factor.levels)
    return bins if shape is Shape.RISING else factor.levels - 1 - bins[::-1]


def _conditioning(factor: Factor) -> NDArray[np.integer]:
    """Parts of an ordered factor to compare within: its own bins when few, else about ten of equal size."""
    codes = factor.codes.astype(np.int64) + 1
    if factor.levels > _KEPT_BINS:
        size = np.bincount(codes, minlength=factor.levels + 1)
        share = (np.cumsum(size[1:]) - size[1:] / 2) / max(size[1:].sum(), 1)
        coarse = np.concatenate([[0], 1 + np.minimum(_CONDITIONING_BINS - 1, share * _CONDITIONING_BINS)])
        codes = coarse.astype(np.int64)[codes]
    return renumber(codes)[0]
