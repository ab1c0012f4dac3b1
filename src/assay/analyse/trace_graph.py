"""A trace as a graph to be drawn: thousands of nodes as columns, without their records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assay.analyse.doubts import GenealogyDoubt, doubts_about
from assay.analyse.recall import nodes_table
from assay.analyse.refused import AnswerRefusals, refused_in
from assay.analyse.step_records import step_records
from assay.analyse.through import BOTH, WalkArguments, checked_way, walks_of
from assay.analyse.trace import known_nodes, walked
from assay.genealogy import Direction
from assay.model.kinds import TIME
from assay.query.genealogy import index_around
from assay.store.workspace import Workspace


@dataclass(frozen=True, eq=False)
class TraceGraph:
    """Nodes and edges as columns.

    Attributes
    ----------
    nodes
        One row per node, the root first: ``kind``, ``id``, ``segment``, ``depth``; ``name`` (what a trace
        takes); ``layer`` (depth, below 0 for what lies before the root); ``confidence``; ``hidden`` (how many
        movements of it are not among the edges); of executions ``equipment``, ``started`` and ``ended``.
    edges
        One row per movement: ``tail`` and ``head`` (rows of ``nodes``), ``role``, ``confidence``.
    truncated
        Whether a limit left something out.
    refused
        What of its nodes and edges stands refused as evidence.
    doubts, doubtful
        What movements of it say and can't be, the first hundred of each kind; and how many of its movements
        are in a doubt of each kind.
    """

    nodes: pa.Table
    edges: pa.Table
    truncated: bool
    refused: AnswerRefusals
    doubts: tuple[GenealogyDoubt, ...] = ()
    doubtful: Mapping[str, int] = field(default_factory=dict)


def trace_graph(
    workspace: Workspace, wanted: str, direction: str, walk: WalkArguments, *, max_nodes: int
) -> TraceGraph:
    """The graph around ``wanted``; at most ``max_nodes`` nodes each way.

    Raises
    ------
    TraceError
        The id or the direction is not known.
    """
    way = checked_way(direction)
    past = None if walk.as_of is None else workspace.lake.snapshot(as_of=walk.as_of)
    index = index_around(workspace, [wanted], walks_of(way), past)
    with index.lock:
        roots = known_nodes(index, [wanted])
        through = walk.through()
        mask = None if through is None else through.mask(index)
        ways = tuple(Direction) if way == BOTH else (Direction(way),)
        found = [
            walked(index, roots.tolist(), one, mask, max_depth=walk.max_depth, max_nodes=max_nodes)
            for one in ways
        ]
        node = np.concatenate([one.nodes for one in found])
        sign = [-1 if one is Direction.BACK else 1 for one in ways]
        layer = np.concatenate([s * one.depth for s, one in zip(sign, found, strict=True)])
        sure = np.concatenate([one.sure for one in found])
        order = np.lexsort((node, -sure, np.abs(layer)))
        _, first = np.unique(node[order], return_index=True)
        kept = order[np.sort(first)]
        nodes, edges = node[kept], np.unique(np.concatenate([one.edges for one in found]))
        tails, heads = index.graph.tails[edges], index.graph.heads[edges]
        table = nodes_table(index, nodes, np.abs(layer[kept]))
        every = index.graph.nodes
        among = _degree(tails, heads, nodes, every)
        hidden = _degree(index.graph.tails, index.graph.heads, nodes, every) - among
        known = step_records(index, nodes).steps
        steps = [known.get(key, {}) for key in index.keys(nodes)]
        columns = {
            "name": pa.array(index.names(nodes)),
            "layer": pa.array(layer[kept]),
            "confidence": pa.array(sure[kept]),
            "hidden": pa.array(hidden),
            "equipment": pa.array([step.get("equipment") for step in steps], pa.string()),
            "started": pa.array([step.get("started") for step in steps], TIME),
            "ended": pa.array([step.get("ended") for step in steps], TIME),
        }
        for name, values in columns.items():
            table = table.append_column(name, values)
        place = np.zeros(index.graph.nodes, np.int32)
        place[nodes] = np.arange(len(nodes), dtype=np.int32)
        drawn = pa.table(
            {
                "tail": pa.array(place[tails]),
                "head": pa.array(place[heads]),
                "role": index.columns.words_of("role", index.columns.codes("role", edges)),
                "confidence": pa.array(index.columns.confidence(edges)),
            }
        )
        told = doubts_about(workspace, index, edges, state=past)
        refused = refused_in(workspace, index, nodes, edges)
    truncated = any(one.truncated for one in found)
    return TraceGraph(table, drawn, truncated, refused, told.doubts, told.counts)


def _degree(
    tails: NDArray[np.int32], heads: NDArray[np.int32], nodes: NDArray[np.int32], every: int
) -> NDArray[np.int64]:
    """How many of the edges each of ``nodes`` has, in a graph of ``every`` node."""
    count = np.bincount(tails, minlength=every) + np.bincount(heads, minlength=every)
    found: NDArray[np.int64] = count[nodes].astype(np.int64)
    return found
