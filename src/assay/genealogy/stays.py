"""What is inside which container, from when until when.

Packing is an execution that produces (or returns) a container and consumes what goes in with the container
as its ``carrier``. Unpacking gives things out with the container as ``carrier``: they are returned, or the
container went in. A container that is consumed with itself as ``carrier`` is emptied. A unit that is packed
elsewhere has left where it was. Without times, the order of the records counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from assay.genealogy.adjacency import walks
from assay.genealogy.index import Index
from assay.genealogy.plain import EMPTIED, PACKED, UNPACKED
from assay.model.kinds import Role

Bools = NDArray[np.bool_]
Integers = NDArray[np.int64]

EVER = np.iinfo(np.int64).min
"""Before all times."""
OPEN = np.iinfo(np.int64).max
"""After all times: what is inside then is inside now."""


class Sorted(NamedTuple):
    """Rows in the order of a column, and the column in that order, shape (n,) each."""

    rows: Integers
    keys: Integers

    @classmethod
    def of(cls, column: Integers) -> Sorted:
        """The rows of ``column`` in its order, those that are alike as they come."""
        rows = np.argsort(column, kind="stable")
        return cls(rows, column[rows])


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
    def by_content(self) -> Sorted:
        """The stays in the order of what is inside."""
        return Sorted.of(self.content)

    @cached_property
    def by_container(self) -> Sorted:
        """The stays in the order of the containers."""
        return Sorted.of(self.container)

    @cached_property
    def packed(self) -> Bools:
        """Which stays began with a movement, shape (n,)."""
        return self.edge >= 0

    @cached_property
    def containers(self) -> Integers:
        """Everything that something is or was inside, ascending."""
        return np.unique(self.container)

    def are_containers(self, nodes: NDArray[np.integer]) -> Bools:
        """In which of some nodes something is or was, shape (n,)."""
        boxes = self.containers
        if not len(boxes):
            return np.zeros(len(nodes), np.bool_)
        found: Bools = boxes[np.minimum(np.searchsorted(boxes, nodes), len(boxes) - 1)] == nodes
        return found

    def at(self, moment: int | Integers, rows: Integers | None = None) -> Bools:
        """Which stays, of some rows or of all, have begun and are not over at a moment."""
        begin, end = (self.begin, self.end) if rows is None else (self.begin[rows], self.end[rows])
        there: Bools = (begin <= moment) & ((end > moment) | (end == OPEN))
        return there


class _Kept(NamedTuple):
    """Stays, and the state of the graph that they are of: edges, edges barred, carriers that are things."""

    edges: int
    barred: int
    carriers: int
    stays: Stays


_kept: WeakKeyDictionary[Index, _Kept] = WeakKeyDictionary()
_NOTHING = np.empty(0, np.int64)
_NONE = Stays(*([_NOTHING] * 7))


def stays(index: Index) -> Stays:
    """All stays in containers that movements tell of."""
    edges, barred = index.graph.edges, int(np.count_nonzero(index.graph.barred))
    kept = _kept.get(index)
    if kept is not None and (kept.edges, kept.barred) == (edges, barred):
        return kept.stays
    container_of = _containers(index)
    carriers = int(np.count_nonzero(container_of >= 0))
    if (
        kept is not None
        and (kept.barred, kept.carriers) == (barred, carriers)
        and _untouched(index, kept, container_of)
    ):
        found = kept.stays
    else:
        found = _made(index, container_of) if carriers else _NONE
    _kept[index] = _Kept(edges, barred, carriers, found)
    return found


def _containers(index: Index) -> Integers:
    """By the code of a carrier the node that it is, −1 where it is none."""
    carriers = index.columns.vocabulary("carrier")
    found = np.full(len(carriers) + 1, -1, np.int64)
    for kind in ("lot", "unit"):
        known = index.positions(kind, carriers)
        found[1:] = np.where(known >= 0, known, found[1:])
    return found


def _untouched(index: Index, kept: _Kept, container_of: Integers) -> bool:
    """Whether no movement that came since has to do with a container, or with what may become one by it."""
    new = np.arange(kept.edges, index.graph.edges)
    ends = np.concatenate([index.graph.tails[new], index.graph.heads[new]])
    return not index.columns.codes("carrier", new).any() and not np.isin(ends, container_of).any()


def _made(index: Index, container_of: Integers) -> Stays:
    graph, columns = index.graph, index.columns
    carrier = columns.codes("carrier", np.arange(graph.edges))
    edges = np.flatnonzero(carrier)
    edges = edges[container_of[carrier[edges]] >= 0]
    if len(graph.barred):
        edges = edges[graph.barred[edges] == 0]
    container = container_of[carrier[edges]]
    role = columns.codes("role", edges)
    consumed = np.isin(role, columns.codes_of("role", [Role.CONSUMED.value]))
    going_in = consumed | np.isin(role, columns.codes_of("role", [Role.USED.value]))
    returned = np.isin(role, columns.codes_of("role", [Role.RETURNED.value]))
    tails, heads = graph.tails[edges].astype(np.int64), graph.heads[edges].astype(np.int64)
    subject, execution = np.where(going_in, tails, heads), np.where(going_in, heads, tails)
    other = subject != container
    packs = consumed & other & _joined(index, execution, container)
    unpacks = ~going_in & other & (returned | _joined(index, container, execution))
    empties = consumed & ~other
    started, ended = (columns.moments(name, edges) for name in ("started", "ended"))
    time = np.where(packs, np.where(started == EVER, ended, started), np.maximum(started, ended))
    chosen = np.flatnonzero(packs | unpacks | empties)
    order = chosen[np.lexsort((edges[chosen], time[chosen]))]
    what = np.where(packs, PACKED, np.where(unpacks, UNPACKED, EMPTIED)).astype(np.int8)
    content, box, begin, end, edge = _told(
        index,
        what[order],
        subject[order],
        container[order],
        index.is_kind(subject[order], "unit"),
        columns.quantity(edges[order]),
        time[order],
        edges[order],
    )
    packed = edge >= 0
    out = np.flatnonzero(unpacks)
    size = np.int64(graph.nodes)
    own = out[np.isin(container[out] * size + subject[out], box[packed] * size + content[packed])]
    opening = _between(index, container[own], execution[own])
    return Stays(content, box, begin, end, edge, edges[packs], opening)


def _told(  # noqa: PLR0917 - one column each
    index: Index,
    what: NDArray[np.int8],
    thing: Integers,
    box: Integers,
    is_unit: Bools,
    quantity: NDArray[np.float64],
    moment: Integers,
    edge: Integers,
) -> tuple[Integers, Integers, Integers, Integers, Integers]:
    """Packing and unpacking, one after the other: content, container, begin, end and edge of each stay."""
    size = np.int64(index.graph.nodes)
    pairs, pair = np.unique(thing * size + box, return_inverse=True)
    boxes, box_of = np.unique(pairs % size, return_inverse=True)
    things, begins = np.unique(pairs // size, return_index=True)
    thing_of = np.repeat(np.arange(len(things)), np.diff(begins, append=len(pairs)))
    begins = np.append(begins, len(pairs))
    at = np.minimum(np.searchsorted(boxes, box), max(len(boxes) - 1, 0))
    count, of, begin, end, edges = walks(index.graph.edges).stays_told(
        what, pair.astype(np.int64), at, is_unit, quantity, moment, edge, thing_of, begins, box_of, len(boxes)
    )
    of = of[:count]
    return pairs[of] // size, pairs[of] % size, begin[:count], end[:count], edges[:count]


def _joined(index: Index, tail: Integers, head: Integers) -> Bools:
    """Whether an edge leads from each ``tail`` to the ``head`` beside it, shape (n,)."""
    _, there, wanted = _near(index, tail, head)
    return np.isin(wanted, there)


def _between(index: Index, tail: Integers, head: Integers) -> Integers:
    """The edges that lead from a ``tail`` to the ``head`` beside it, ascending."""
    near, there, wanted = _near(index, tail, head)
    return near[np.isin(there, wanted)]


def _near(index: Index, tail: Integers, head: Integers) -> tuple[Integers, Integers, Integers]:
    """The edges between any tails and any heads, their pairs as numbers, and the pairs asked for."""
    tails, heads, size = index.graph.tails, index.graph.heads, np.int64(index.graph.nodes)
    near = np.flatnonzero(_marked(index, tail)[tails] & _marked(index, head)[heads])
    return near, tails[near].astype(np.int64) * size + heads[near], tail * size + head


def _marked(index: Index, nodes: Integers) -> Bools:
    marked = np.zeros(index.graph.nodes, np.bool_)
    marked[nodes] = True
    return marked
