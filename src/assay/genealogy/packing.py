"""Walks that follow containers only with what was inside: see :mod:`assay.genealogy.stays`.

A box is made of cardboard and not of what lies in it, so what is packed and unpacked isn't followed like
other movements: the other things in a box are no kin of it, and what was taken out before is not on the
pallet.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from assay.genealogy.closure import Direction, closure, edges_of
from assay.genealogy.index import Index
from assay.genealogy.stays import EVER, OPEN, Bools, Integers, Sorted, Stays, stays

_DEPTH = 64
"""Containers in containers are followed so deep."""


def inside(known: Stays, containers: NDArray[np.integer], moment: int = OPEN) -> Integers:
    """Everything in some containers at a moment, and in what is in them; by default now."""
    there = np.flatnonzero(known.at(moment))
    found = np.unique(np.asarray(containers, np.int64))
    new, all_found = found, found
    for _ in range(_DEPTH):
        new = np.setdiff1d(known.content[there[np.isin(known.container[there], new)]], all_found)
        if not len(new):
            break
        all_found = np.union1d(all_found, new)
    return np.setdiff1d(all_found, found)


def followed(
    index: Index,
    roots: NDArray[np.integer],
    direction: Direction | str,
    through: Bools | None,
    *,
    moment: int | None = None,
) -> Bools | None:
    """Which edges a walk from ``roots`` follows, shape (edges,): containers only with what was inside.

    Parameters
    ----------
    through
        The edges that are followed anyway; None for all.
    moment
        Forward: only containers that a thing is in then or now. Back: what is in the roots then. Without it,
        whatever was ever inside.

    Returns
    -------
    The mask; ``through`` itself where nothing was ever packed.
    """
    known = stays(index)
    if not len(known.packing) and not len(known.opening):
        return through
    free = np.ones(index.graph.edges, np.bool_) if through is None else through.copy()
    wanted = known.packed if through is None else known.packed & free[np.maximum(known.edge, 0)]
    free[known.packing] = False
    free[known.opening] = False
    walk = _forward if Direction(direction) is Direction.FORWARD else _back
    return walk(index, known, np.unique(np.asarray(roots, np.int64)), free, wanted, moment)


def _forward(  # noqa: PLR0917 - one way, handed on
    index: Index, known: Stays, roots: Integers, free: Bools, wanted: Bools, moment: int | None
) -> Bools:
    graph = index.graph
    if moment is not None:
        wanted = wanted & (known.at(moment) | known.at(OPEN))
    begun = roots
    while True:
        full = closure(graph, begun, Direction.FORWARD, through=free).nodes.astype(np.int64)
        stay, first, last = _climbed(known, full, wanted)
        held = np.setdiff1d(known.container[stay], full)
        of_held = edges_of(graph, held, Direction.FORWARD)
        out = of_held[free[of_held]]
        out = out[_within(graph.tails[out], _moments(index, out), known.container[stay], first, last)]
        more = np.union1d(begun, graph.heads[out].astype(np.int64))
        if len(more) == len(begun):
            break
        begun = more
    free[of_held] = False
    free[out] = True
    free[known.edge[stay]] = True
    return free


def _back(  # noqa: PLR0917 - one way, handed on
    index: Index, known: Stays, roots: Integers, free: Bools, wanted: Bools, moment: int | None
) -> Bools:
    graph = index.graph
    span = (EVER, OPEN) if moment is None else (moment, moment)
    begun, chosen = roots, np.zeros(len(known.edge), np.bool_)
    while True:
        found = closure(graph, begun, Direction.BACK, through=free)
        left = found.edges[known.are_containers(graph.tails[found.edges])]
        mine = roots[known.are_containers(roots)]
        box = np.concatenate([mine, graph.tails[left].astype(np.int64)])
        at = _moments(index, left)
        begin = np.concatenate([np.full(len(mine), span[0]), at])
        end = np.concatenate([np.full(len(mine), span[1]), np.where(at == EVER, OPEN, at)])
        stay = _sunk(known, box, begin, end, wanted)
        chosen[stay] = True
        more = np.union1d(begun, known.content[stay])
        if len(more) == len(begun):
            break
        begun = more
    free[known.edge[chosen]] = True
    return free


def _climbed(known: Stays, things: Integers, wanted: Bools) -> tuple[Integers, Integers, Integers]:
    """Stays of some things, of the containers they are in meanwhile, and so on; and from when until when."""
    node, first, last = things, np.full(len(things), EVER), np.full(len(things), OPEN)
    return _nested(known, node, first, last, wanted, by=known.by_content, into=known.container)


def _sunk(known: Stays, box: Integers, first: Integers, last: Integers, wanted: Bools) -> Integers:
    """Stays in some containers between some times, in what is in them meanwhile, and so on."""
    return _nested(known, box, first, last, wanted, by=known.by_container, into=known.content)[0]


def _nested(
    known: Stays,
    node: Integers,
    first: Integers,
    last: Integers,
    wanted: Bools,
    *,
    by: Sorted,
    into: Integers,
) -> tuple[Integers, Integers, Integers]:
    found: set[tuple[int, int, int]] = set()
    for _ in range(_DEPTH):
        low, high = np.searchsorted(by.keys, node), np.searchsorted(by.keys, node, side="right")
        count = high - low
        at = np.repeat(low, count) + np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        kept = wanted[by.rows[at]]
        stay = by.rows[at[kept]]
        since, until = np.repeat(first, count)[kept], np.repeat(last, count)[kept]
        begin, end = np.maximum(since, known.begin[stay]), np.minimum(until, known.end[stay])
        # A stay is [begin, end): what left in the very moment in which its container was moved had left.
        moment = (since == until) & known.at(since, stay)
        at_once = known.begin[stay] == known.end[stay]
        meet = np.flatnonzero((begin < end) | (begin == end) & (moment | at_once))
        new = {*zip(stay[meet].tolist(), begin[meet].tolist(), end[meet].tolist(), strict=True)} - found
        if not new:
            break
        found |= new
        stay, first, last = (np.array(one, np.int64) for one in zip(*new, strict=True))
        node = into[stay]
    columns = zip(*found, strict=True) if found else ([], [], [])
    stay, first, last = (np.array(one, np.int64) for one in columns)
    return stay, first, last


def _within(
    node: NDArray[np.integer], time: Integers, of: Integers, first: Integers, last: Integers
) -> Bools:
    """Which moments lie in one of the spans of their node; an unknown moment may."""
    spans: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for one, begin, end in zip(of.tolist(), first.tolist(), last.tolist(), strict=True):
        spans[one].append((begin, end))
    return np.array(
        [
            moment == EVER or any(begin <= moment <= end for begin, end in spans[one])
            for one, moment in zip(node.tolist(), time.tolist(), strict=True)
        ],
        np.bool_,
    )


def _moments(index: Index, edges: NDArray[np.integer]) -> Integers:
    """When each of some movements was: its begin or, where only that is known, its end."""
    started, ended = (index.columns.moments(name, edges) for name in ("started", "ended"))
    return np.where(started == EVER, ended, started)
