# ruff: noqa: PLR0917 - the signatures of the compiled functions
"""The same walks and names without a compiler: for graphs so small that loading it would take longer.

Each function and class gives what its namesake in :mod:`assay.genealogy.walking` and
:mod:`assay.genealogy.names` gives, in the same order.
"""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


def sorted_by(tails: NDArray[np.int32], nodes: int) -> Any:
    """See :func:`assay.genealogy.walking.sorted_by`."""
    edges = np.argsort(tails, kind="stable").astype(np.int32)
    offsets = np.zeros(nodes + 1, np.int32)
    np.cumsum(np.bincount(tails, minlength=nodes), out=offsets[1:])
    return offsets, edges


def chained(
    tails: NDArray[np.int32], begin: int, base: int, first: NDArray[np.int32], after: NDArray[np.int32]
) -> None:
    """See :func:`assay.genealogy.walking.chained`."""
    for k, tail in enumerate(tails[begin:].tolist(), begin - base):
        after[k] = first[tail]
        first[tail] = k


def _around(
    lists: tuple[NDArray[Any], ...], barred: NDArray[np.uint8], nodes: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """The neighbours of nodes and the edges to them, node by node."""
    offsets, edges, ends, first, after = lists
    found = [np.empty(0, np.int32)]
    for node in nodes.tolist():
        if node < len(offsets) - 1:
            found.append(edges[offsets[node] : offsets[node + 1]])
        link = int(first[node]) if node < len(first) else -1
        while link >= 0:
            found.append(np.array([len(edges) + link], np.int32))
            link = int(after[link])
    by = np.concatenate(found)
    if len(barred):
        by = by[barred[by] == 0]
    return ends[by], by


def reached(
    offsets: NDArray[np.int32],
    edges: NDArray[np.int32],
    ends: NDArray[np.int32],
    first: NDArray[np.int32],
    after: NDArray[np.int32],
    barred: NDArray[np.uint8],
    roots: NDArray[np.int32],
    most_depth: int,
    most_nodes: int,
    seen: NDArray[np.uint64],
    nodes: NDArray[np.int32],
    depth: NDArray[np.int32],
) -> tuple[int, int, bool]:
    """See :func:`assay.genealogy.walking.reached`."""
    lists = (offsets, edges, ends, first, after)
    count, looked, cut, level = len(roots), 0, False, 0
    nodes[:count], depth[:count] = roots, 0
    _mark(seen, roots)
    frontier = roots
    while len(frontier):
        near, _ = _around(lists, barred, frontier)
        looked += len(near)
        near = near[~_marked(seen, near)]
        _, places = np.unique(near, return_index=True)
        fresh = near[np.sort(places)]
        room = 0 if level >= most_depth else min(len(fresh), max(0, most_nodes - count))
        cut |= room < len(fresh)
        frontier = fresh[:room]
        _mark(seen, frontier)
        level += 1
        nodes[count : count + room], depth[count : count + room] = frontier, level
        count += room
    return count, looked, cut


def among(
    offsets: NDArray[np.int32],
    edges: NDArray[np.int32],
    ends: NDArray[np.int32],
    first: NDArray[np.int32],
    after: NDArray[np.int32],
    barred: NDArray[np.uint8],
    nodes: NDArray[np.int32],
    seen: NDArray[np.uint64],
    out: NDArray[np.int32],
) -> int:
    """See :func:`assay.genealogy.walking.among`."""
    near, by = _around((offsets, edges, ends, first, after), barred, nodes)
    inside = by[_marked(seen, near)]
    out[: len(inside)] = inside
    return len(inside)


def again(
    execution: NDArray[np.int32], subject: NDArray[np.int32], inputs: NDArray[np.bool_], nodes: int
) -> NDArray[np.bool_]:
    """See :func:`assay.genealogy.walking.again`."""
    pairs = execution.astype(np.int64) * nodes + subject
    return np.where(inputs, np.isin(pairs, pairs[~inputs]), np.isin(pairs, pairs[inputs]))


def between_cycles(tails: NDArray[np.int32], heads: NDArray[np.int32], nodes: int) -> NDArray[np.bool_]:
    """See :func:`assay.genealogy.walking.between_cycles`."""
    here = np.ones(nodes, np.bool_)
    for near, far in ((tails, heads), (heads, tails)):
        offsets, edges = sorted_by(near, nodes)
        degree = np.bincount(far[here[near]], minlength=nodes)
        waiting = np.flatnonzero(here & (degree == 0)).tolist()
        left, bounds, after = degree.tolist(), offsets.tolist(), far[edges].tolist()
        for node in waiting:
            for target in after[bounds[node] : bounds[node + 1]]:
                left[target] -= 1
                if left[target] == 0 and here[target]:
                    waiting.append(target)
        here[waiting] = False
        if not here.any():
            break
    return here[tails] & here[heads]


PACKED, UNPACKED, EMPTIED = 0, 1, 2
"""What a movement does to a container."""
_EVER, _OPEN = np.iinfo(np.int64).min, np.iinfo(np.int64).max
_LEFT = 1e-9
"""So little of what was packed is none."""


def stays_told(  # noqa: C901, PLR0912 - one loop, which is compiled elsewhere
    what: NDArray[np.int8],
    pair: NDArray[np.int64],
    box: NDArray[np.int64],
    is_unit: NDArray[np.bool_],
    quantity: NDArray[np.float64],
    moment: NDArray[np.int64],
    edge: NDArray[np.int64],
    thing_of: NDArray[np.int64],
    begins: NDArray[np.int64],
    box_of: NDArray[np.int64],
    boxes: int,
) -> tuple[int, NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Stays in containers, as movements in the order of time tell of them.

    Parameters
    ----------
    what, pair, box, is_unit, quantity, moment, edge
        Of each movement, shape (m,): what it does, the number of its content with its container, that of the
        container, whether the content is a unit, how much it is, when, and its edge.
    thing_of, box_of
        Number of the content and of the container of each pair, shape (p,); pairs of one content follow each
        other, from ``begins[thing]`` to ``begins[thing + 1]``.
    boxes
        How many containers there are.

    Returns
    -------
    How many stays there are, and of each its pair, begin, end and edge (−1 where nothing packed it), shape
    (m,).
    """
    pairs = len(thing_of)
    of, edges = np.empty(len(what), np.int64), np.empty(len(what), np.int64)
    begin, end = np.empty(len(what), np.int64), np.empty(len(what), np.int64)
    before = np.empty(len(what), np.int64)  # the stay of the same pair that is open beside one
    newest, amount = np.full(pairs, -1, np.int64), np.zeros(pairs)
    known = np.zeros(pairs, np.bool_)
    # Pairs whose stay is open, as a list of each container that goes both ways.
    first = np.full(boxes, -1, np.int64)
    left, right = np.full(pairs, -1, np.int64), np.full(pairs, -1, np.int64)
    over = np.empty(pairs, np.int64)
    count = 0
    for row in range(len(what)):
        mine, ends = pair[row], 0
        if what[row] == PACKED:
            if is_unit[row]:
                for other in range(begins[thing_of[mine]], begins[thing_of[mine] + 1]):
                    if other != mine and newest[other] >= 0:
                        over[ends] = other
                        ends += 1
        elif what[row] == UNPACKED:
            if newest[mine] >= 0:
                rest = amount[mine] - quantity[row]
                if is_unit[row] or not rest > _LEFT * amount[mine]:
                    over[0] = mine
                    ends = 1
                else:
                    amount[mine] = rest
            elif not known[mine]:
                known[mine] = True
                of[count], begin[count], end[count], edges[count] = mine, _EVER, moment[row], -1
                count += 1
        else:
            other = first[box[row]]
            while other >= 0:
                over[ends] = other
                ends += 1
                other = right[other]
        for k in range(ends):
            gone = over[k]
            stay = newest[gone]
            while stay >= 0:
                end[stay] = moment[row]
                stay = before[stay]
            newest[gone], amount[gone] = -1, 0.0
            if left[gone] >= 0:
                right[left[gone]] = right[gone]
            else:
                first[box_of[gone]] = right[gone]
            if right[gone] >= 0:
                left[right[gone]] = left[gone]
        if what[row] == PACKED:
            of[count], begin[count], end[count], edges[count] = mine, moment[row], _OPEN, edge[row]
            before[count] = newest[mine]
            if newest[mine] < 0:
                into = box_of[mine]
                left[mine], right[mine] = -1, first[into]
                if first[into] >= 0:
                    left[first[into]] = mine
                first[into] = mine
            newest[mine] = count
            amount[mine] += quantity[row]
            known[mine] = True
            count += 1
    return count, of, begin, end, edges


def _mark(seen: NDArray[np.uint64], nodes: NDArray[np.int32]) -> None:
    np.bitwise_or.at(seen, nodes >> 6, np.uint64(1) << (nodes & 63).astype(np.uint64))


def _marked(seen: NDArray[np.uint64], nodes: NDArray[np.int32]) -> NDArray[np.bool_]:
    bits = seen[nodes >> 6] >> (nodes & 63).astype(np.uint64)
    return np.asarray(bits & np.uint64(1) != 0)


class Names:
    """See :class:`assay.genealogy.names.Names`."""

    def __init__(self) -> None:
        self._codes: dict[tuple[str, int], int] = {}
        self._known: list[tuple[str, int]] = []
        self._places = np.empty(0, np.int16)

    def __len__(self) -> int:
        return len(self._codes)

    @property
    def places(self) -> NDArray[np.int16]:
        """Place of each name, shape (n,)."""
        return self._places

    def number(self, ids: pa.Array, places: NDArray[np.int16]) -> NDArray[np.int32]:
        """The numbers of names, given to those that are new; shape (n,)."""
        codes = self._codes
        pairs = zip(ids.to_pylist(), places.tolist(), strict=True)
        found = np.array([codes.setdefault(pair, len(codes)) for pair in pairs], np.int32)
        self._known += islice(codes, len(self._known), None)
        new = [place for _, place in self._known[len(self._places) :]]
        self._places = np.append(self._places, np.array(new, np.int16))
        return found

    def locate(self, ids: pa.Array, places: NDArray[np.int16]) -> NDArray[np.int32]:
        """The numbers of names, −1 for those that are unknown; shape (n,)."""
        pairs = zip(ids.to_pylist(), places.tolist(), strict=True)
        return np.array([self._codes.get(pair, -1) for pair in pairs], np.int32)

    def all_ids(self) -> pa.Array:
        """The ids of all names, in order."""
        return pa.array([bare for bare, _ in self._known], pa.string())

    def ids(self, codes: NDArray[np.integer]) -> pa.Array:
        """The ids of some names, as strings, shape (n,)."""
        return pa.array([self._known[code][0] for code in codes.tolist()], pa.string())
