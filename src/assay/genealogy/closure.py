"""Everything upstream or downstream of some nodes, level by level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from assay.genealogy.adjacency import Adjacency
from assay.model.errors import ModelError


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
        Shape (n,): node codes, the roots first, then level by level, ascending within a level.
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
    edges: NDArray[np.int64]
    truncated: bool


def closure(
    graph: Adjacency,
    roots: Sequence[int] | NDArray[np.integer],
    direction: Direction | str,
    *,
    max_depth: int | None = None,
    max_nodes: int | None = None,
) -> Closure:
    """Walk ``graph`` from ``roots`` breadth first; loops (rework) end because a node is entered once.

    Parameters
    ----------
    direction
        ``back``: what the roots were made from. ``forward``: what they went into.
    max_depth
        Walk at most this many edges away from the roots.
    max_nodes
        Keep at most this many nodes, nearest levels first; the roots are always kept.

    Raises
    ------
    ModelError
        A root is no node of the graph, or a limit is negative.
    """
    if (max_depth is not None and max_depth < 0) or (max_nodes is not None and max_nodes < 1):
        raise ModelError(
            f"limits of a trace must not be negative: depth {max_depth}, nodes {max_nodes}",
            hint="Give a depth of at least 0 and at least 1 node, or no limit.",
        )
    half = graph.backward if Direction(direction) is Direction.BACK else graph.forward
    frontier = np.unique(np.asarray(roots, dtype=np.int32))
    if len(frontier) and (frontier[0] < 0 or frontier[-1] >= graph.nodes):
        raise ModelError(f"a root lies outside the graph of {graph.nodes} nodes")
    seen = np.zeros(graph.nodes, dtype=np.bool_)
    seen[frontier] = True
    levels, walked = [frontier], [np.empty(0, np.int64)]
    kept, truncated = len(frontier), False
    while len(frontier):
        targets, edges = half.around(frontier)
        if not len(targets):
            break
        fresh = np.unique(targets[~seen[targets]])
        room = len(fresh)
        if max_depth is not None and len(levels) > max_depth:
            room = 0
        elif max_nodes is not None:
            room = min(room, max(0, max_nodes - kept))
        truncated = truncated or room < len(fresh)
        frontier = fresh[:room]
        seen[frontier] = True
        walked.append(edges[seen[targets]])
        levels.append(frontier)
        kept += room
    nodes = np.concatenate(levels)
    depth = np.repeat(np.arange(len(levels), dtype=np.int32), [len(level) for level in levels])
    return Closure(nodes, depth, np.sort(np.concatenate(walked)), truncated)
