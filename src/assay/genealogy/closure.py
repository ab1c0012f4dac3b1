"""Everything upstream or downstream of some nodes, level by level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from assay.genealogy.adjacency import Adjacency, walks
from assay.model.errors import ModelError

_ALL = np.iinfo(np.int64).max
_ROUNDS = 1_000
"""After so many rounds a loop of uncertain edges is taken as settled."""


class Direction(StrEnum):
    """Which way to walk."""

    BACK = "back"
    FORWARD = "forward"


@dataclass(frozen=True)
class Closure:
    """The nodes reached, and the edges among them that were walked.

    Attributes
    ----------
    nodes
        Shape (n,): node codes, the roots first, then level by level, in the order in which they were met.
    depth
        Shape (n,): number of edges from the nearest root.
    edges
        Shape (m,): edge numbers of the adjacency, ascending. Every edge walked has both its ends in
        ``nodes``, and every edge of a node that was fully followed is here.
    truncated
        True when a limit was met and something beyond it was left out; a limit that exactly fits
        leaves it False.
    """

    nodes: NDArray[np.int32]
    depth: NDArray[np.int32]
    edges: NDArray[np.int32]
    truncated: bool


def closure(
    graph: Adjacency,
    roots: Sequence[int] | NDArray[np.integer],
    direction: Direction | str,
    *,
    max_depth: int | None = None,
    max_nodes: int | None = None,
    through: NDArray[np.bool_] | None = None,
) -> Closure:
    """Walk ``graph`` from ``roots`` breadth first; loops (rework) end because a node is entered once.

    Parameters
    ----------
    direction
        ``back``: what the roots were made from. ``forward``: what they went into.
    max_depth
        Walk at most this many edges away from the roots.
    max_nodes
        Keep at most this many nodes, nearest first; the roots are always kept.
    through
        Walk only the edges where this is True, shape (edges,); all of them without it.

    Raises
    ------
    ModelError
        A root is no node of the graph, a limit is negative, or the filter is of another length.
    """
    if (max_depth is not None and max_depth < 0) or (max_nodes is not None and max_nodes < 1):
        raise ModelError(
            f"limits of a trace must not be negative: depth {max_depth}, nodes {max_nodes}",
            hint="Give a depth of at least 0 and at least 1 node, or no limit.",
        )
    half = graph.backward if Direction(direction) is Direction.BACK else graph.forward
    begun = np.unique(np.asarray(roots, dtype=np.int32))
    if len(begun) and (begun[0] < 0 or begun[-1] >= graph.nodes):
        raise ModelError(f"a root lies outside the graph of {graph.nodes} nodes")
    barred = _barred(graph, through)
    nodes, depth = np.empty(graph.nodes, np.int32), np.empty(graph.nodes, np.int32)
    seen = np.zeros(graph.nodes // 64 + 1, np.uint64)
    lists = (half.offsets, half.edges, half.ends, half.first, half.after, barred)
    most = (_ALL if max_depth is None else max_depth, _ALL if max_nodes is None else max_nodes)
    walk = walks(graph.edges)
    count, looked, cut = walk.reached(*lists, begun, *most, seen, nodes, depth)
    found = np.empty(looked, np.int32)
    walked = found[: walk.among(*lists, nodes[:count], seen, found)]
    return Closure(nodes[:count].copy(), depth[:count].copy(), np.sort(walked), bool(cut))


def _barred(graph: Adjacency, through: NDArray[np.bool_] | None) -> NDArray[np.uint8]:
    if through is None:
        return graph.barred
    if len(through) != graph.edges:
        raise ModelError(f"a filter of {len(through)} edges does not fit a graph of {graph.edges}")
    shut = (~through).view(np.uint8)
    return shut | graph.barred if len(graph.barred) else shut


def edges_of(graph: Adjacency, nodes: NDArray[np.integer], direction: Direction | str) -> NDArray[np.int64]:
    """The edges that lead to some nodes (``back``) or from them, those that were taken back left out."""
    half = graph.backward if Direction(direction) is Direction.BACK else graph.forward
    old = nodes[nodes < len(half.offsets) - 1]
    begin = half.offsets[old].astype(np.int64)
    count = half.offsets[old + 1] - begin
    within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    found = [half.edges[np.repeat(begin, count) + within].astype(np.int64)]
    listed = nodes[nodes < len(half.first)]
    for link in half.first[listed][half.first[listed] >= 0].tolist():
        chain = link
        while chain >= 0:
            found.append(np.array([len(half.edges) + chain], np.int64))
            chain = int(half.after[chain])
    edges = np.concatenate(found)
    return edges[graph.barred[edges] == 0] if len(graph.barred) else edges


def positions(nodes: NDArray[np.int32], wanted: NDArray[np.int32], count: int) -> NDArray[np.int32]:
    """Where each of ``wanted``, all among ``nodes``, stands in them; ``count`` nodes there are in all."""
    at = np.empty(count, np.int32)  # only the pages that are written take memory
    at[nodes] = np.arange(len(nodes), dtype=np.int32)
    found: NDArray[np.int32] = at[wanted]
    return found


def belief(
    graph: Adjacency,
    found: Closure,
    direction: Direction | str,
    *,
    confidence: NDArray[np.float64],
    choice: NDArray[np.int64],
    roots: int,
) -> NDArray[np.float64]:
    """How sure it is that each node of ``found`` belongs to it, 0 to 1, shape (n,).

    A chain of edges is as sure as the product of its edges. Alternatives that exclude each other (one
    ``choice`` of 0 or more) add up; ways that don't are taken as independent, as recorded edges of
    confidence 1 are anyway: one recorded way makes a node certain, whatever else leads to it.

    Parameters
    ----------
    confidence, choice
        Of ``found.edges``, shape (m,) each.
    roots
        How many of the first nodes are the roots.
    """
    from assay.genealogy.walking import believed

    back = Direction(direction) is Direction.BACK
    begins, ends = (graph.heads, graph.tails) if back else (graph.tails, graph.heads)
    at = positions(found.nodes, begins[found.edges], graph.nodes)
    to = positions(found.nodes, ends[found.edges], graph.nodes)
    ranked = np.lexsort((choice, to))
    where = np.searchsorted(to[ranked], np.arange(len(found.nodes) + 1)).astype(np.int32)
    rounds = len(found.nodes) + 1
    sure: NDArray[np.float64] = believed(
        found.nodes, roots, at, confidence, choice, where, ranked, min(rounds, _ROUNDS)
    )
    return sure
