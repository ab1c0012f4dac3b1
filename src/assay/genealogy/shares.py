"""Shares: how much of each thing is of what a walk began with, or how much of that is of each thing.

An execution is of what it consumed, in proportion to the quantities; a subject is of the executions that made
it, likewise. Both are averages with known weights, so a share is a product along a way and a sum over ways:
*x = W x* with the beginnings at 1 forward, and the same weights the other way round back. What was only used
is in nothing.

Weights, of one execution's inputs:

* ``share``, where it was inferred or recorded for a mixture; what it leaves is shared by the others;
* else quantities of one dimension, a unit without one counting as one piece; an inferred movement counts by
  its confidence, and alternatives of one choice stand for one thing;
* else nothing is known. Where all that could be weighed differently has the same share, so has the whole.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from assay.genealogy.actuals import Actuals, Bools, Floats, Integers
from assay.genealogy.closure import Closure, Direction, edges_of
from assay.genealogy.index import EXECUTION, Index

_ALIKE = 1e-9
_ROUNDS = 1_000
_COUNTS = frozenset({"", "1", "{piece}"})


class _Members(NamedTuple):
    """What makes up groups: which group each is of, how much it is, how sure, and its declared share."""

    group: Integers
    amount: Floats
    dimension: Integers
    sure: Floats
    choice: Integers
    declared: Floats


class _Weighed(NamedTuple):
    """Edges by what they say of what they lead to: places of both ends, and the weight, NaN for unknown."""

    source: Integers
    target: Integers
    weight: Floats


def shares(index: Index, found: Closure, direction: Direction | str, *, roots: int) -> Floats:
    """How much of each node is of the roots (``forward``), or of the roots is of each node (``back``).

    Parameters
    ----------
    found
        A walk in this direction; what it left out counts as not of the roots.
    roots
        How many of the first nodes are the roots. Back, the share is that in all of them, each counting
        alike.

    Returns
    -------
    Shape (n,): 0 to 1, NaN where the quantities don't tell.
    """
    graph = index.graph
    first = edges_of(graph, found.nodes, Direction.BACK)
    makers = np.setdiff1d(graph.tails[first], found.nodes)
    makers = makers[index.is_kind(makers, EXECUTION)]
    actuals = Actuals.of(index, np.concatenate([first, edges_of(graph, makers, Direction.BACK)]))
    walked = np.isin(actuals.edges, found.edges)
    at = np.searchsorted(actuals.nodes, found.nodes)
    known = np.isin(found.nodes, actuals.nodes)
    begin = np.zeros(len(actuals.nodes))
    begun = np.unique(at[:roots][known[:roots]])
    weighed = _weighed(actuals)
    if Direction(direction) is Direction.FORWARD:
        begin[begun] = 1.0
        low, high = _forward(weighed, begin, begun, walked)
    else:
        begin[begun] = 1.0 / max(roots, 1)
        low, high = _back(weighed, begin, walked)
    share = np.full(
        len(found.nodes), 1.0 if roots == 1 or Direction(direction) is Direction.FORWARD else np.nan
    )
    share[known] = np.where(high - low <= _ALIKE, low, np.nan)[at[known]]
    capped: Floats = np.minimum(share, 1.0)
    return capped


def _weighed(actuals: Actuals) -> _Weighed:
    """The weights of what went into executions and of what made subjects; one entry per actual."""
    size = len(actuals.nodes)
    amount, dimension = _amounts(actuals)
    sure = actuals.index.columns.confidence(actuals.edges)
    choice = actuals.index.columns.choice(actuals.edges)
    weight = np.zeros(len(actuals.edges))
    total = np.full(size, np.nan)
    kind = np.full(size, -1, np.int64)
    went = np.flatnonzero(actuals.consumed)
    if len(went):
        inputs_of = _Members(
            actuals.execution[went],
            amount[went],
            dimension[went],
            sure[went],
            choice[went],
            actuals.index.columns.share(actuals.edges[went]),
        )
        weight[went] = _parts(inputs_of, size)
        total, kind = _totals(actuals.execution[went], amount[went], dimension[went], size)
    came = np.flatnonzero(_makes(actuals, size))
    if len(came):
        subject, execution = actuals.subject[came], actuals.execution[came]
        several = np.bincount(subject, minlength=size)[subject] > 1
        # A unit that several executions added something to is of all that went into them.
        built = several & actuals.is_unit[subject]
        size_of = np.where(built, total[execution], amount[came])
        sort_of = np.where(built, kind[execution], dimension[came])
        nothing = np.full(len(came), np.nan)
        weight[came] = _parts(_Members(subject, size_of, sort_of, sure[came], choice[came], nothing), size)
    inputs = actuals.inputs
    return _Weighed(
        np.where(inputs, actuals.subject, actuals.execution),
        np.where(inputs, actuals.execution, actuals.subject),
        weight,
    )


def _amounts(actuals: Actuals) -> tuple[Floats, Integers]:
    """Amounts and their dimension; a unit is counted, and is one where nobody said how many."""
    amount, dimension, bases = actuals.amount
    counted = np.array([base in _COUNTS for base in bases], np.bool_)[dimension]
    pieces = actuals.is_unit[actuals.subject] & counted
    return np.where(pieces & np.isnan(amount), 1.0, amount), np.where(pieces, len(bases), dimension)


def _makes(actuals: Actuals, size: int) -> Bools:
    """Outputs that say what a subject is of: of steps that took in something else, where there are any."""
    consumed = actuals.consumed
    count = np.bincount(actuals.execution[consumed], minlength=size)
    others = count[actuals.execution] > actuals.again
    out = ~actuals.inputs
    made = np.zeros(size, np.bool_)
    made[actuals.subject[out & others]] = True
    return out & (others | ~made[actuals.subject] & ~actuals.again)


def _totals(group: Integers, amount: Floats, dimension: Integers, size: int) -> tuple[Floats, Integers]:
    """What each group holds, NaN where it can't be added up, and its dimension."""
    lowest, highest = np.full(size, np.iinfo(np.int64).max), np.full(size, -1, np.int64)
    np.minimum.at(lowest, group, dimension)
    np.maximum.at(highest, group, dimension)
    total = np.bincount(group, amount, size)
    return np.where(lowest == highest, total, np.nan), highest


def _parts(members: _Members, size: int) -> Floats:
    """The weight of each member of its group, NaN where it isn't known."""
    group, amount, dimension, sure, choice, declared = members
    given = ~np.isnan(declared)
    taken = np.bincount(group[given], declared[given], size) if given.any() else np.zeros(size)
    weight = np.where(given, declared, 0.0)
    rest = np.flatnonzero(~given)
    if not len(rest):
        return weight
    mine = group[rest]
    # Alternatives of one choice are one thing: a slot.
    own = np.where(choice[rest] >= 0, choice[rest], choice.max(initial=0) + 1 + rest)
    _, slot, alike = np.unique(np.stack([mine, own]), axis=1, return_inverse=True, return_counts=True)
    slot = slot.reshape(-1)
    slots = np.bincount(mine, 1.0 / alike[slot], size)
    total, _ = _totals(mine, amount[rest] / alike[slot], dimension[rest], size)
    part = np.where(total[mine] > 0, amount[rest] / np.where(total[mine] > 0, total[mine], 1.0), np.nan)
    part = np.where(np.isnan(part) & (slots[mine] < 1.5), 1.0, part)
    weight[rest] = part * sure[rest] * np.maximum(0.0, 1.0 - taken[mine])
    return weight


def _forward(weighed: _Weighed, begin: Floats, fixed: Integers, walked: Bools) -> tuple[Floats, Floats]:
    """Least and greatest part of each that is of the beginnings."""
    size = len(begin)
    source, target, weight = weighed
    unknown = np.zeros(size, np.bool_)
    unknown[target[np.isnan(weight)]] = True
    known = walked & ~unknown[target] & (weight > 0)
    open_ = np.flatnonzero(unknown[target] & (np.isnan(weight) | (weight > 0)))
    open_ = open_[np.argsort(target[open_], kind="stable")]
    groups, starts = np.unique(target[open_], return_index=True)
    follows = walked[open_]
    low, high = begin.copy(), begin.copy()
    for _ in range(_ROUNDS):
        after = []
        for values, extreme in ((low, np.minimum), (high, np.maximum)):
            new: Floats = np.zeros(size)
            np.add.at(new, target[known], weight[known] * values[source[known]])
            if len(groups):
                new[groups] = extreme.reduceat(np.where(follows, values[source[open_]], 0.0), starts)
            new = np.minimum(new, 1.0)
            new[fixed] = 1.0
            after.append(new)
        moved = max(float(np.abs(a - b).max(initial=0.0)) for a, b in zip(after, (low, high), strict=True))
        low, high = after
        if moved <= _ALIKE:
            break
    return low, high


def _back(weighed: _Weighed, begin: Floats, walked: Bools) -> tuple[Floats, Floats]:
    """Least and greatest part of the beginnings that is of each."""
    source, target, weight = weighed
    size = len(begin)
    least = np.where(walked, np.nan_to_num(weight, nan=0.0), 0.0)
    most = np.where(walked, np.nan_to_num(weight, nan=1.0), 0.0)
    found = []
    for weights in (least, most):
        values = begin.copy()
        for _ in range(_ROUNDS):
            new = np.minimum(begin + np.bincount(source, weights * values[target], size), 1.0)
            moved = float(np.abs(new - values).max(initial=0.0))
            values = new
            if moved <= _ALIKE:
                break
        found.append(values)
    return found[0], found[1]
