# ruff: noqa: PLR0917 - compiled functions: arrays by position
"""The compiled walks over one direction of the graph.

A direction is a compressed sparse row table of the edges that are settled and, for each node, a linked list
of those that arrived since; ``ends`` says where each edge leads, in the order of arrival. ``barred`` has one
byte per edge, or none at all: an edge that is barred isn't there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from assay.genealogy import plain


@njit(nogil=True, cache=True)
def sorted_by(tails: NDArray[np.int32], nodes: int) -> Any:
    """The compressed rows of edges by their tail: offsets, and the edges of each row."""
    offsets = np.zeros(nodes + 1, np.int32)
    for k in range(len(tails)):
        offsets[tails[k] + 1] += 1
    for k in range(nodes):
        offsets[k + 1] += offsets[k]
    edges = np.empty(len(tails), np.int32)
    # Each row's beginning moves to its end while it is filled, which is where the next row begins.
    for k in range(len(tails)):
        at = offsets[tails[k]]
        offsets[tails[k]] = at + 1
        edges[at] = k
    for k in range(nodes, 0, -1):
        offsets[k] = offsets[k - 1]
    offsets[0] = 0
    return offsets, edges


@njit(nogil=True, cache=True)
def chained(
    tails: NDArray[np.int32], begin: int, base: int, first: NDArray[np.int32], after: NDArray[np.int32]
) -> None:
    """Hang the edges from ``begin`` on into the lists of their tails; ``base`` is the first listed edge."""
    for k in range(begin, len(tails)):
        after[k - base] = first[tails[k]]
        first[tails[k]] = k - base


@njit(nogil=True, cache=True)
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
) -> Any:
    """Breadth first from the roots: how many nodes, how many edges were looked at, whether a limit cut.

    ``seen`` is a bitmap of zeros and gets the nodes; ``nodes`` and ``depth`` get them in order.
    """
    base = len(edges)
    count = 0
    for root in roots:
        if not (seen[root >> 6] >> np.uint64(root & 63)) & np.uint64(1):
            seen[root >> 6] |= np.uint64(1) << np.uint64(root & 63)
            nodes[count] = root
            depth[count] = 0
            count += 1
    looked, cut, at = 0, False, 0
    while at < count:
        node, level = nodes[at], depth[at]
        at += 1
        k, end = 0, 0
        if node < len(offsets) - 1:
            k, end = offsets[node], offsets[node + 1]
        link = first[node] if node < len(first) else -1
        while k < end or link >= 0:
            if k < end:
                edge = edges[k]
                k += 1
            else:
                edge = base + link
                link = after[link]
            if len(barred) and barred[edge]:
                continue
            looked += 1
            target = ends[edge]
            if (seen[target >> 6] >> np.uint64(target & 63)) & np.uint64(1):
                continue
            if level >= most_depth or count >= most_nodes:
                cut = True
                continue
            seen[target >> 6] |= np.uint64(1) << np.uint64(target & 63)
            nodes[count] = target
            depth[count] = level + 1
            count += 1
    return count, looked, cut


@njit(nogil=True, cache=True)
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
    """The edges that lead from one of ``nodes`` to another of them; returns how many."""
    base = len(edges)
    found = 0
    for node in nodes:
        k, end = 0, 0
        if node < len(offsets) - 1:
            k, end = offsets[node], offsets[node + 1]
        link = first[node] if node < len(first) else -1
        while k < end or link >= 0:
            if k < end:
                edge = edges[k]
                k += 1
            else:
                edge = base + link
                link = after[link]
            if len(barred) and barred[edge]:
                continue
            target = ends[edge]
            if (seen[target >> 6] >> np.uint64(target & 63)) & np.uint64(1):
                out[found] = edge
                found += 1
    return found


@njit(nogil=True, cache=True)
def believed(
    nodes: NDArray[np.int32],
    roots: int,
    tails: NDArray[np.int32],
    confidence: NDArray[np.float64],
    choice: NDArray[np.int64],
    where: NDArray[np.int32],
    order: NDArray[np.int64],
    most: int,
) -> Any:
    """How sure it is that each node belongs to the answer, given how sure each edge is.

    ``tails`` are positions in ``nodes`` in the direction of the walk; ``order`` sorts the edges by head
    (``where`` are the n + 1 bounds of each head's edges) and, for one head, by choice. Alternatives of one
    choice exclude each other, so that their chances add up; different choices and recorded edges are taken as
    independent.
    Loops settle after a few rounds, or are left as they are after ``most`` of them.
    """
    count = len(nodes)
    belief = np.zeros(count, np.float64)
    belief[:roots] = 1.0
    for _ in range(most):
        changed = 0.0
        for head in range(roots, count):
            doubt = 1.0
            k = where[head]
            while k < where[head + 1]:
                mine = choice[order[k]]
                chance = belief[tails[order[k]]] * confidence[order[k]]
                k += 1
                while mine >= 0 and k < where[head + 1] and choice[order[k]] == mine:
                    chance += belief[tails[order[k]]] * confidence[order[k]]
                    k += 1
                doubt *= 1.0 - min(1.0, chance)
            changed = max(changed, abs(1.0 - doubt - belief[head]))
            belief[head] = 1.0 - doubt
        if changed <= 1e-12:
            break
    return belief


@njit(nogil=True, cache=True)
def again(
    execution: NDArray[np.int32], subject: NDArray[np.int32], inputs: NDArray[np.bool_], nodes: int
) -> NDArray[np.bool_]:
    """Which actuals have a counterpart: the same subject in the same execution, the other way."""
    offsets, rows = sorted_by(execution, nodes)
    went_in = np.full(nodes, -1, np.int32)
    came_out = np.full(nodes, -1, np.int32)
    found = np.zeros(len(execution), np.bool_)
    for step in range(nodes):
        for k in range(offsets[step], offsets[step + 1]):
            if inputs[rows[k]]:
                went_in[subject[rows[k]]] = step
            else:
                came_out[subject[rows[k]]] = step
        for k in range(offsets[step], offsets[step + 1]):
            other = came_out if inputs[rows[k]] else went_in
            found[rows[k]] = other[subject[rows[k]]] == step
    return found


@njit(nogil=True, cache=True)
def between_cycles(tails: NDArray[np.int32], heads: NDArray[np.int32], nodes: int) -> NDArray[np.bool_]:
    """Which edges lie on a cycle, or on a way from one cycle to another.

    What nothing leads to falls off, and then what that led to; the same from the other end.
    """
    here = np.ones(nodes, np.bool_)
    left = nodes
    for way in range(2):
        near, far = (tails, heads) if way == 0 else (heads, tails)
        offsets, edges = sorted_by(near, nodes)
        degree = np.zeros(nodes, np.int32)
        for k in range(len(near)):
            if here[near[k]]:
                degree[far[k]] += 1
        waiting = np.empty(left, np.int32)
        count = 0
        for node in range(nodes):
            if here[node] and degree[node] == 0:
                waiting[count] = node
                count += 1
        at = 0
        while at < count:
            node = waiting[at]
            at += 1
            here[node] = False
            for k in range(offsets[node], offsets[node + 1]):
                target = far[edges[k]]
                degree[target] -= 1
                if degree[target] == 0 and here[target]:
                    waiting[count] = target
                    count += 1
        left -= count
        if left == 0:
            break
    found = np.zeros(len(tails), np.bool_)
    for k in range(len(tails)):
        found[k] = here[tails[k]] and here[heads[k]]
    return found


stays_told = njit(nogil=True, cache=True)(plain.stays_told)
