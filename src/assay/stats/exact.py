"""Exact upper tails of a sum of draws without replacement, over independent strata.

One stratum with a 0/1 response is Fisher's exact test; several are the exact conditional test of a common
odds ratio of 1 (Mehta, Patel & Gray 1985, JASA 80, 969-973). Small whole-number responses (bad runs per
workpiece) are handled by the same recursion over the distinct values.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

Floats = NDArray[np.float64]

WORK_LIMIT = 4e7
"""Largest number of elementary steps an exact tail may take; beyond it :func:`exact_tail` declines."""


@dataclass(frozen=True)
class Urn:
    """One stratum: distinct whole-number ``values`` ≥ 0 with their ``counts``, and how many are ``drawn``."""

    values: NDArray[np.int64]
    counts: NDArray[np.int64]
    drawn: int

    @classmethod
    def of(cls, response: Floats, drawn: int) -> Urn | None:
        """The urn of a stratum's responses, or None when they aren't small whole numbers."""
        values, counts = np.unique(response, return_counts=True)
        whole = np.rint(values)
        if values.size and (np.abs(values - whole).max() > 1e-9 or whole.min() < 0):
            return None
        return cls(whole.astype(np.int64), counts.astype(np.int64), drawn)


def exact_tail(urns: Iterable[Urn], observed: int) -> float | None:
    """``P(sum ≥ observed)``, or None when it would take more than :data:`WORK_LIMIT` steps.

    Sums at or above ``observed`` are collected as they are reached, so small probabilities keep their
    relative precision.
    """
    if observed <= 0:
        return 1.0
    urns = [urn for urn in urns if urn.drawn > 0 and urn.counts.sum() > 0]
    if len(urns) == 1 and _is_binary(urns[0]):
        return _fisher(urns[0], observed)
    if sum(_work(urn, observed) for urn in urns) > WORK_LIMIT:
        return None
    below = np.zeros(observed)
    below[0] = 1.0
    tail = 0.0
    for urn in urns:
        pmf, reached = _urn_pmf(urn, observed)
        tail += reached * float(below.sum())
        spread = np.convolve(below, pmf)
        tail += float(spread[observed:].sum())
        below = spread[:observed]
    return min(1.0, tail)


def _is_binary(urn: Urn) -> bool:
    return urn.values.size == 2 and urn.values[0] == 0


def _fisher(urn: Urn, observed: int) -> float:
    unit = int(urn.values[1])
    needed = -(-observed // unit)
    return float(stats.hypergeom.sf(needed - 1, int(urn.counts.sum()), int(urn.counts[1]), urn.drawn))


def _work(urn: Urn, observed: int) -> float:
    reach = min(urn.drawn, observed) + 1
    return float(urn.values.size) * reach * reach * observed + observed * observed


def _urn_pmf(urn: Urn, observed: int) -> tuple[Floats, float]:
    """Probabilities of sums ``0 … observed−1`` and of all sums ≥ ``observed`` together."""
    if _is_binary(urn) and urn.values[1] == 1:
        total, bad = int(urn.counts.sum()), int(urn.counts[1])
        pmf = np.asarray(stats.hypergeom.pmf(np.arange(observed), total, bad, urn.drawn))
        return pmf, float(stats.hypergeom.sf(observed - 1, total, bad, urn.drawn))
    order = np.argsort(urn.values)[::-1]
    left = int(urn.counts.sum())
    state = np.zeros((1, observed))
    state[0, 0] = 1.0
    tail = 0.0
    for place in order:
        value, count = int(urn.values[place]), int(urn.counts[place])
        if value == 0:
            return np.asarray(state.sum(axis=0)), tail
        state, reached = _take(state, value, count, left, urn.drawn)
        tail += reached
        left -= count
    return state[urn.drawn] if state.shape[0] > urn.drawn else np.zeros(observed), tail


def _take(state: Floats, value: int, count: int, left: int, drawn: int) -> tuple[Floats, float]:
    """Draw from the ``count`` items worth ``value``; rows are draws already used, columns the sum so far."""
    used, observed = state.shape
    most = min(count, drawn, (observed - 1) // value + 1)
    after = np.zeros((used + most, observed))
    chance = _hypergeometric(left, count, drawn - np.arange(used), min(count, drawn))
    mass = state.sum(axis=1)
    tail = 0.0
    for take in range(chance.shape[1]):
        gain = take * value
        if gain >= observed:
            tail += float((chance[:, take:].sum(axis=1) * mass).sum())
            break
        after[take : take + used, gain:] += state[:, : observed - gain] * chance[:, take, None]
        if gain:
            tail += float((state[:, observed - gain :].sum(axis=1) * chance[:, take]).sum())
    return after[: drawn + 1], tail


def _hypergeometric(total: int, marked: int, drawn: NDArray[np.int64], most: int) -> Floats:
    """P(0, …, ``most`` marked items among ``drawn`` of ``total``), a row per entry of ``drawn``."""
    draws, takes = drawn[:, None], np.arange(most + 1)[None, :]
    rest = total - marked
    possible = (takes <= draws) & (draws - takes <= rest) & (takes <= marked)
    log = _log_choose(marked, takes) + _log_choose(rest, draws - takes) - _log_choose(total, draws)
    return np.where(possible, np.exp(np.where(possible, log, 0.0)), 0.0)


def _log_choose(total: int, some: NDArray[np.int64]) -> Floats:
    some = np.clip(some, 0, total)
    return np.asarray(
        special.gammaln(total + 1) - special.gammaln(some + 1.0) - special.gammaln(total - some + 1.0)
    )
