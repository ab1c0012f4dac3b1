"""Containers: what is inside which, from when until when, and walks that follow only what was inside.

Packing is an execution that produces (or returns) a container and consumes what goes in with the container
as its ``carrier``. Unpacking gives things out with the container as ``carrier``: they are returned, or the
container went in. A container that is consumed with itself as ``carrier`` is emptied. A unit that is packed
elsewhere has left where it was. Without times, the order of the records counts.

A box is made of cardboard and not of what lies in it, so what is packed and unpacked isn't followed like
other movements: the other things in a box are no kin of it, and what was taken out before is not on the
pallet.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from assay.genealogy.closure import Direction, closure
from assay.genealogy.index import Index
from assay.model.kinds import Role

Bools = NDArray[np.bool_]
Integers = NDArray[np.int64]

EVER = np.iinfo(np.int64).min
"""Before all times."""
OPEN = np.iinfo(np.int64).max
"""After all times: what is inside then is inside now."""
_DEPTH = 64
"""Containers in containers are followed so deep."""
_ALL = 1e-9


@dataclass(frozen=True, eq=False)
class Stays:
    """What was inside which container: one entry per stay.

    Attributes
    ----------
    content, container
        Codes of nodes, shape (n,) each.
    begin, end
        Inside from, up to; µs since 1970, :data:`EVER` and :data:`OPEN` where it didn't begin or end.
    edge
        The movement that packed it; −1 where it came in with the container.
    packing
        Movements that pack something, shape (m,): no walk follows them by themselves.
    opening
        Movements of containers into executions that unpack what was packed into them here.
    """

    content: Integers
    container: Integers
    begin: Integers
    end: Integers
    edge: Integers
    packing: Integers
    opening: Integers

    @cached_property
    def by_content(self) -> Integers:
        """The stays in the order of what is inside, shape (n,)."""
        return np.argsort(self.content, kind="stable")

    @cached_property
    def by_container(self) -> Integers:
        """The stays in the order of the containers, shape (n,)."""
        return np.argsort(self.container, kind="stable")

    @cached_property
    def containers(self) -> Integers:
        """Everything that something is or was inside, ascending."""
        return np.unique(self.container)

    def at(self, moment: int | Integers, rows: Integers | None = None) -> Bools:
        """Which stays, of some rows or of all, have begun and are not over at a moment."""
        begin, end = (self.begin, self.end) if rows is None else (self.begin[rows], self.end[rows])
        there: Bools = (begin <= moment) & ((end > moment) | (end == OPEN))
        return there


_kept: WeakKeyDictionary[Index, tuple[tuple[int, int], Stays]] = WeakKeyDictionary()
_NOTHING = np.empty(0, np.int64)
_NONE = Stays(*([_NOTHING] * 7))


def stays(index: Index) -> Stays:
    """All stays in containers that movements tell of."""
    mark = (index.graph.edges, int(np.count_nonzero(index.graph.barred)))
    kept = _kept.get(index)
    if kept is None or kept[0] != mark:
        kept = _kept[index] = (mark, _stays(index))
    return kept[1]


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
    wanted = free[np.maximum(known.edge, 0)] & (known.edge >= 0)
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
        is_held = np.zeros(graph.nodes, np.bool_)
        is_held[held] = True
        out = np.flatnonzero(free & is_held[graph.tails])
        out = out[_within(graph.tails[out], _moments(index, out), known.container[stay], first, last)]
        more = np.union1d(begun, graph.heads[out].astype(np.int64))
        if len(more) == len(begun):
            break
        begun = more
    mask = free & ~is_held[graph.tails]
    mask[out] = True
    mask[known.edge[stay]] = True
    return mask


def _back(  # noqa: PLR0917 - one way, handed on
    index: Index, known: Stays, roots: Integers, free: Bools, wanted: Bools, moment: int | None
) -> Bools:
    graph = index.graph
    boxes = known.containers
    span = (EVER, OPEN) if moment is None else (moment, moment)
    begun, chosen = roots, np.zeros(len(known.edge), np.bool_)
    while True:
        found = closure(graph, begun, Direction.BACK, through=free)
        left = found.edges[np.isin(graph.tails[found.edges], boxes)]
        mine = roots[np.isin(roots, boxes)]
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
    order = known.by_content[wanted[known.by_content]]
    return _nested(known, node, first, last, order, of=known.content, into=known.container)


def _sunk(known: Stays, box: Integers, first: Integers, last: Integers, wanted: Bools) -> Integers:
    """Stays in some containers between some times, in what is in them meanwhile, and so on."""
    order = known.by_container[wanted[known.by_container]]
    return _nested(known, box, first, last, order, of=known.container, into=known.content)[0]


def _nested(
    known: Stays,
    node: Integers,
    first: Integers,
    last: Integers,
    order: Integers,
    *,
    of: Integers,
    into: Integers,
) -> tuple[Integers, Integers, Integers]:
    key = of[order]
    found: set[tuple[int, int, int]] = set()
    for _ in range(_DEPTH):
        low, high = np.searchsorted(key, node), np.searchsorted(key, node, side="right")
        count = high - low
        at = np.repeat(low, count) + np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        stay = order[at]
        since, until = np.repeat(first, count), np.repeat(last, count)
        begin, end = np.maximum(since, known.begin[stay]), np.minimum(until, known.end[stay])
        # A stay is [begin, end): what left in the very moment in which its container was moved had left.
        moment = (since == until) & known.at(since, stay)
        meet = np.flatnonzero((begin < end) | (begin == end) & (moment | (known.begin == known.end)[stay]))
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


def _stays(index: Index) -> Stays:
    carriers = index.columns.vocabulary("carrier")
    container_of = np.full(len(carriers) + 1, -1, np.int64)
    for kind in ("lot", "unit"):
        known = index.positions(kind, carriers)
        container_of[1:] = np.where(known >= 0, known, container_of[1:])
    if (container_of < 0).all():
        return _NONE
    graph, columns = index.graph, index.columns
    edges = np.flatnonzero(columns.codes("carrier", np.arange(graph.edges)))
    edges = edges[container_of[columns.codes("carrier", edges)] >= 0]
    if len(graph.barred):
        edges = edges[graph.barred[edges] == 0]
    container = container_of[columns.codes("carrier", edges)]
    role = columns.codes("role", edges)
    consumed = np.isin(role, columns.codes_of("role", [Role.CONSUMED.value]))
    going_in = consumed | np.isin(role, columns.codes_of("role", [Role.USED.value]))
    returned = np.isin(role, columns.codes_of("role", [Role.RETURNED.value]))
    tails, heads = graph.tails[edges].astype(np.int64), graph.heads[edges].astype(np.int64)
    subject, execution = np.where(going_in, tails, heads), np.where(going_in, heads, tails)
    other = subject != container
    packs = consumed & other & _among(graph.tails, graph.heads, execution, container, index)
    opened = _among(graph.heads, graph.tails, execution, container, index)
    unpacks = ~going_in & other & (returned | opened)
    empties = consumed & ~other
    chosen = packs | unpacks | empties
    started, ended = (columns.moments(name, edges) for name in ("started", "ended"))
    time = np.where(packs, np.where(started == EVER, ended, started), np.maximum(started, ended))
    story = _Story(index.is_kind(subject, "unit"), columns.quantity(edges))
    order = np.flatnonzero(chosen)
    for row in order[np.lexsort((edges[order], time[order]))].tolist():
        thing, into, moment = int(subject[row]), int(container[row]), int(time[row])
        if packs[row]:
            story.pack(row, thing, into, moment, int(edges[row]))
        elif unpacks[row]:
            story.unpack(row, thing, into, moment)
        else:
            story.empty(into, moment)
    rows = np.array(story.rows, np.int64).reshape(-1, 5)
    content, box, begin, end, edge = rows.T
    opening = _openings(index, execution[unpacks], container[unpacks], subject[unpacks], rows)
    return Stays(content, box, begin, end, edge, edges[packs], opening)


def _among(
    tails: NDArray[np.int32], heads: NDArray[np.int32], tail: Integers, head: Integers, index: Index
) -> Bools:
    """Whether an edge leads from each ``tail`` to the ``head`` beside it."""
    size = np.int64(index.graph.nodes)
    mine = np.isin(tails, tail)
    there = tails[mine].astype(np.int64) * size + heads[mine]
    return np.isin(tail * size + head, there)


def _openings(
    index: Index, execution: Integers, container: Integers, subject: Integers, rows: Integers
) -> Integers:
    """The edges of containers into executions that give out what was packed into them here."""
    size = np.int64(index.graph.nodes)
    packed = rows[rows[:, 4] >= 0]
    own = np.isin(container * size + subject, packed[:, 1] * size + packed[:, 0])
    pairs = container[own] * size + execution[own]
    near = np.flatnonzero(np.isin(index.graph.tails, container[own]))
    edges = index.graph.tails[near].astype(np.int64) * size + index.graph.heads[near]
    return near[np.isin(edges, pairs)]


class _Story:
    """Packing and unpacking, one after the other; ``rows`` are content, container, begin, end, edge."""

    def __init__(self, is_unit: Bools, quantity: NDArray[np.float64]) -> None:
        self.rows: list[list[int]] = []
        self._unit, self._quantity = is_unit, quantity
        self._open: dict[int, dict[int, tuple[list[int], float]]] = defaultdict(dict)
        """By container and content: the rows that aren't over, and how much was packed."""
        self._where: dict[int, set[int]] = defaultdict(set)
        self._known: set[tuple[int, int]] = set()

    def pack(self, row: int, thing: int, box: int, moment: int, edge: int) -> None:
        if self._unit[row]:
            for other in self._where[thing] - {box}:
                self._close(thing, other, moment)
        rows, there = self._open[box].get(thing, ([], 0.0))
        self._open[box][thing] = ([*rows, len(self.rows)], there + float(self._quantity[row]))
        self._where[thing].add(box)
        self._known.add((thing, box))
        self.rows.append([thing, box, moment, OPEN, edge])

    def unpack(self, row: int, thing: int, box: int, moment: int) -> None:
        if thing in self._open[box]:
            rows, there = self._open[box][thing]
            rest = there - float(self._quantity[row])
            if self._unit[row] or not rest > _ALL * there:
                self._close(thing, box, moment)
            else:
                self._open[box][thing] = (rows, rest)
        elif (thing, box) not in self._known:
            self._known.add((thing, box))
            self.rows.append([thing, box, EVER, moment, -1])

    def empty(self, box: int, moment: int) -> None:
        for thing in [*self._open[box]]:
            self._close(thing, box, moment)

    def _close(self, thing: int, box: int, moment: int) -> None:
        rows, _ = self._open[box].pop(thing)
        for row in rows:
            self.rows[row][3] = moment
        self._where[thing].discard(box)
