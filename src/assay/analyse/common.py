"""What some units have in common: the origins that all, or most, of them share, and others don't."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field

from assay.analyse.doubts import GenealogyDoubt, doubts_about
from assay.analyse.errors import TraceRefusal
from assay.analyse.recall import nodes_table
from assay.analyse.refused import AnswerRefusals, refused_in
from assay.analyse.through import Through, WalkArguments, walks_of
from assay.analyse.trace import known_nodes
from assay.genealogy import Direction, Index, closure
from assay.genealogy.packing import followed
from assay.model.text import Text
from assay.plugins.contracts import OperatorManifest, Progress
from assay.query.genealogy import index_around
from assay.store.workspace import Workspace


@dataclass(frozen=True, eq=False)
class Common:
    """Origins shared by some things.

    Attributes
    ----------
    ids, against
        The names asked for, and those they were held against.
    nodes
        One row per lot, unit or execution that one of ``ids`` leads back to: ``kind``, ``id``, ``segment``,
        ``depth`` (to the nearest), ``reached`` and ``share`` (how many of ``ids`` lead back to it, and their
        part), ``against`` and ``against_share`` (the same of the others, null without any). What all of
        ``ids`` share stands first; of those, what the others share least, then the nearest. Where records
        about any of them stand refused as evidence, a column ``refused`` says why, null for the others.
    refused
        What stands refused as evidence of the origins and of the movements on the ways back.
    doubts, doubtful
        What movements on the ways back say and can't be, the first hundred of each kind; and how many of them
        are in a doubt of each kind.
    """

    ids: tuple[str, ...]
    against: tuple[str, ...]
    nodes: pa.Table
    refused: AnswerRefusals
    doubts: tuple[GenealogyDoubt, ...] = ()
    doubtful: Mapping[str, int] = field(default_factory=dict)

    def to_arrow(self) -> pa.Table:
        """The nodes."""
        return self.nodes

    def to_dict(self, limit: int | None = None) -> dict[str, Any]:
        """Plain JSON values, the first ``limit`` nodes written out."""
        shown = self.nodes if limit is None else self.nodes.slice(0, limit)
        return {
            "ids": list(self.ids),
            "against": list(self.against),
            "found": self.nodes.num_rows,
            "shown": shown.num_rows,
            "nodes": shown.to_pylist(),
            "doubts": [doubt.to_dict() for doubt in self.doubts],
            "doubtful": dict(self.doubtful),
            "refused": self.refused.counts(),
        }


def common(
    workspace: Workspace,
    ids: Sequence[str],
    *,
    against: Sequence[str] = (),
    least_share: float = 1.0,
    kinds: Collection[str] | None = None,
    through: Through | None = None,
    max_depth: int | None = None,
    as_of: datetime | None = None,
) -> Common:
    """The origins that units share: which lot, run or tray all bad ones lead back to, and good ones don't.

    Parameters
    ----------
    ids
        Names of the things that are bad, as for :func:`assay.analyse.trace.trace`.
    against
        Names of things that are good: what they lead back to as well is less suspect.
    least_share
        The part of ``ids`` that must lead back to a node, above 0 to 1; 1 for all of them.
    kinds, through, max_depth, as_of
        As for :func:`assay.analyse.recall.recall`.

    Raises
    ------
    TraceError
        Nothing was asked for, a name is not known, one is on both sides, or the share is out of range.
    """
    if not ids:
        raise TraceRefusal.of("nothing-to-compare")
    if not 0 < least_share <= 1:
        raise TraceRefusal.of("share", share=least_share)
    both = set(ids) & set(against)
    if both:
        raise TraceRefusal.of("both-sides", name=min(both))
    past = None if as_of is None else workspace.lake.snapshot(as_of=as_of)
    index = index_around(workspace, (*ids, *against), walks_of(Direction.BACK), past)
    with index.lock:
        mask = None if through is None else through.mask(index)
        bad, good = known_nodes(index, ids), known_nodes(index, against)
        walked = np.zeros(index.graph.edges, np.bool_)
        reached, depth = _counted(index, bad, mask, max_depth, walked)
        others, _ = _counted(index, good, mask, max_depth, walked)
        nodes = np.flatnonzero(reached >= np.ceil(least_share * len(bad) - 1e-9))
        nodes = nodes[~np.isin(nodes, bad)]
        if kinds is not None:
            wanted = [index.is_kind(nodes, kind) for kind in kinds]
            nodes = nodes[np.logical_or.reduce(wanted)] if wanted else nodes[:0]
        order = np.lexsort((nodes, depth[nodes], others[nodes], -reached[nodes]))
        nodes = nodes[order]
        table = nodes_table(index, nodes, depth[nodes])
        edges = np.flatnonzero(walked)
        told = doubts_about(workspace, index, edges, state=past)
        refused = refused_in(workspace, index, nodes, edges)
    table = table.append_column("reached", pa.array(reached[nodes]))
    table = table.append_column("share", pa.array(reached[nodes] / len(bad)))
    nothing = pa.nulls(len(nodes), pa.int64())
    table = table.append_column("against", pa.array(others[nodes]) if len(good) else nothing)
    share = pa.array(others[nodes] / len(good)) if len(good) else nothing.cast(pa.float64())
    table = table.append_column("against_share", share)
    return Common(tuple(ids), tuple(against), refused.beside(table), refused, told.doubts, told.counts)


def _counted(
    index: Index,
    roots: NDArray[np.int32],
    mask: NDArray[np.bool_] | None,
    max_depth: int | None,
    walked: NDArray[np.bool_],
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """How many of the roots lead back to each node, and over how few movements; marks those in ``walked``."""
    count = np.zeros(index.graph.nodes, np.int64)
    depth = np.full(index.graph.nodes, np.iinfo(np.int32).max, np.int32)
    for root in roots.tolist():
        through = followed(index, np.array([root]), Direction.BACK, mask)
        found = closure(index.graph, [root], Direction.BACK, max_depth=max_depth, through=through)
        count[found.nodes] += 1
        walked[found.edges] = True
        depth[found.nodes] = np.minimum(depth[found.nodes], found.depth)
    return count, depth


class CommonArguments(WalkArguments):
    """Arguments of the operator ``common``."""

    ids: list[str] = Field(min_length=1, description="Ids of the things that are bad, as for a trace.")
    against: list[str] = Field(default=[], description="Ids of things that are good.")
    least_share: float = Field(
        default=1.0, gt=0, le=1, description="The part of ids that must lead back to an origin."
    )
    kinds: list[str] | None = Field(default=None, description="Kinds to be listed; null for all.")

    def ask(self, workspace: Workspace) -> Common:
        """The common origins of these arguments."""
        return common(
            workspace,
            self.ids,
            against=self.against,
            least_share=self.least_share,
            kinds=self.kinds,
            through=self.through(),
            max_depth=self.max_depth,
            as_of=self.as_of,
        )


def _operate(workspace: Workspace, arguments: CommonArguments, _: Progress | None) -> Common:
    return arguments.ask(workspace)


MANIFEST = OperatorManifest(
    id="common",
    version="0.1.0",
    title=Text(zh="共同来源", en="Common origins"),
    description=Text(
        zh="找出若干不良品共有、而合格品没有的批次、执行或单件。",
        en="Finds the lots, executions or units that bad ones all lead back to, and good ones don't.",
    ),
    config=CommonArguments,
    capabilities=frozenset({"trace", "table"}),
    run=_operate,
)
