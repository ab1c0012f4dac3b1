"""Recalls: everything that shares an origin or a fate with some things, as columns, with how sure it is."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import AwareDatetime, Field

from assay.analyse.doubts import AnswerDoubts, GenealogyDoubt, doubts_about
from assay.analyse.errors import TraceRefusal
from assay.analyse.refused import AnswerRefusals, refused_in
from assay.analyse.through import BOTH, Through, WalkArguments, checked_way, moment_of, walks_of
from assay.analyse.trace import beliefs, known_nodes
from assay.genealogy import EXECUTION, Closure, Direction, Index, closure
from assay.genealogy.closure import positions
from assay.genealogy.packing import followed, inside
from assay.genealogy.shares import shares as of_each
from assay.genealogy.stays import OPEN, stays
from assay.model.text import Text
from assay.plugins.contracts import OperatorManifest, Progress
from assay.query.genealogy import index_around
from assay.store.workspace import Workspace

NODES = pa.schema(
    [
        pa.field("kind", pa.dictionary(pa.int32(), pa.string())),
        pa.field("id", pa.string()),
        pa.field("segment", pa.dictionary(pa.int32(), pa.string())),
        pa.field("depth", pa.int32()),
        pa.field("quantity", pa.float64()),
        pa.field("unit", pa.dictionary(pa.int32(), pa.string())),
        pa.field("confidence", pa.float64()),
    ]
)
"""The columns of :attr:`Recall.nodes`."""


@dataclass(frozen=True, eq=False)
class Recall:
    """What was reached, nearest first.

    Attributes
    ----------
    roots, against
        The names asked for, and those whose reach was taken out.
    direction
        ``forward``, ``back`` or ``both``: first back to everything the roots were made from, then forward.
    nodes
        One row per unit, lot or execution, columns :data:`NODES`: ``depth`` counts movements from the nearest
        root. ``quantity`` is the sum of what movements in the answer brought to it, null where none did or
        where the units differ. ``confidence``: 1 where recorded movements lead to it. With ``shares``, a
        column ``share`` says how much of it is of the roots (``forward``), or of the roots is of it
        (``back``), null where the quantities don't tell (:mod:`assay.genealogy.shares`). Where records about
        any of them stand refused as evidence, a column ``refused`` says why, null for the others.
    truncated
        Whether a limit left something out.
    told
        What is doubtful about it.
    refused
        What of it stands refused as evidence: how many records, and which things and movements.
    """

    roots: tuple[str, ...]
    direction: str
    nodes: pa.Table
    truncated: bool
    edge_count: int
    against: tuple[str, ...]
    told: AnswerDoubts
    refused: AnswerRefusals

    @property
    def doubts(self) -> tuple[GenealogyDoubt, ...]:
        """What movements in the answer say and can't be, the first hundred of each kind."""
        return self.told.doubts

    @property
    def doubtful(self) -> Mapping[str, int]:
        """How many movements in the answer are in a doubt of each kind."""
        return self.told.counts

    def ids(self, kind: str = "unit") -> list[str]:
        """The ids of one kind."""
        return list(self.nodes.filter(pc.field("kind") == kind).column("id").to_pylist())

    def counts(self) -> dict[str, int]:
        """How many of each kind, the roots among them."""
        found = pc.value_counts(self.nodes.column("kind")).to_pylist()
        return {str(one["values"]): int(one["counts"]) for one in found}

    def to_arrow(self) -> pa.Table:
        """The nodes."""
        return self.nodes

    def to_dict(self, limit: int | None = None) -> dict[str, Any]:
        """The recall as plain JSON values, the first ``limit`` nodes written out."""
        shown = self.nodes if limit is None else self.nodes.slice(0, limit)
        return {
            "roots": list(self.roots),
            "against": list(self.against),
            "direction": self.direction,
            "counts": self.counts(),
            "nodes": shown.to_pylist(),
            "shown": shown.num_rows,
            "edges": self.edge_count,
            "truncated": self.truncated,
            "doubts": [doubt.to_dict() for doubt in self.doubts],
            "doubtful": dict(self.doubtful),
            "refused": self.refused.counts(),
        }


def recall(
    workspace: Workspace,
    ids: str | Sequence[str],
    direction: str = Direction.FORWARD.value,
    *,
    against: Sequence[str] = (),
    kinds: Collection[str] | None = None,
    through: Through | None = None,
    max_depth: int | None = None,
    max_nodes: int | None = None,
    as_of: datetime | None = None,
    at: datetime | None = None,
    shares: bool = False,
) -> Recall:
    """Everything that some units, lots or executions went into, or were made from, or share an origin with.

    Parameters
    ----------
    ids
        One id or several, written as for :func:`assay.analyse.trace.trace`.
    direction
        ``forward`` for a recall, ``back`` for origins, ``both`` for everything with a common origin.
    against
        Ids of other things: what they reach as well is left out, so that the difference of two sets remains.
    kinds
        Kinds of node to be listed, such as ``unit``; all without it. The roots are listed like the others.
    through
        Which movements are followed; all without it.
    max_depth, max_nodes
        Limits of each walk; ``truncated`` says when one was met.
    as_of
        The plant as known on this moment, with time zone.
    at
        A moment, with time zone; now without it. What is in a container of ``ids`` then is recalled with it,
        as if it had been asked for; and a thing leads to the containers it is in then or now.
    shares
        Whether to say how much of each thing it is; not for ``both``.

    Raises
    ------
    TraceError
        An id or the direction is not known, no id is given, one is on both sides, or ``at`` has no zone.
    QueryError
        ``as_of`` has no time zone or lies in the future.
    """
    way = checked_way(direction)
    names, others = (ids,) if isinstance(ids, str) else tuple(ids), tuple(against)
    if not names:
        raise TraceRefusal.of("nothing")
    if both := set(names) & set(others):
        raise TraceRefusal.of("both-sides", name=min(both))
    past = None if as_of is None else workspace.lake.snapshot(as_of=as_of)
    index = index_around(workspace, (*names, *others), walks_of(way, together=True), past)
    with index.lock:
        roots, left = known_nodes(index, names), known_nodes(index, others)
        mask = None if through is None else through.mask(index)
        moment = moment_of(at, OPEN)
        limits = {"max_depth": max_depth, "max_nodes": max_nodes}
        roots = _with_contents(index, roots, way, moment)
        found, sure = _walked(index, roots, way, mask, moment, **limits)
        kept = np.ones(len(found.nodes), np.bool_)
        if len(left):
            left = _with_contents(index, left, way, moment)
            theirs, _ = _walked(index, left, way, mask, moment, max_depth=max_depth)
            kept = ~np.isin(found.nodes, theirs.nodes)
            found = replace(found, truncated=found.truncated or theirs.truncated)
        share = of_each(index, found, way, roots=len(roots)) if shares and way != BOTH else None
        kept &= _among(index, found.nodes, kinds)
        nodes = _table(index, found, sure, share, kept)
        told = doubts_about(workspace, index, found.edges, state=past)
        refused = refused_in(workspace, index, found.nodes[kept], found.edges)
    nodes = refused.beside(nodes)
    return Recall(names, way, nodes, found.truncated, len(found.edges), others, told, refused)


def _walked(
    index: Index,
    roots: NDArray[np.int32],
    way: str,
    mask: NDArray[np.bool_] | None,
    moment: int,
    *,
    max_depth: int | None = None,
    max_nodes: int | None = None,
) -> tuple[Closure, NDArray[np.float64]]:
    """What the roots reach, and how sure that is of each node."""
    first = Direction.BACK if way == BOTH else Direction(way)
    through = followed(index, roots, first, mask, moment=moment)
    found = closure(index.graph, roots, first, through=through, max_depth=max_depth, max_nodes=max_nodes)
    sure = beliefs(index, found, first, len(roots))
    if way != BOTH:
        return found, sure
    origins = found
    found = closure(
        index.graph,
        origins.nodes,
        Direction.FORWARD,
        through=followed(index, origins.nodes, Direction.FORWARD, mask, moment=moment),
        max_depth=max_depth,
        max_nodes=max_nodes,
    )
    certain = sure[np.argsort(origins.nodes)]
    # What the walk forward starts from is as sure as the walk back left it.
    sure = beliefs(index, found, Direction.FORWARD, len(origins.nodes))
    sure[: len(origins.nodes)] = certain
    return replace(found, truncated=found.truncated or origins.truncated), sure


def _with_contents(index: Index, roots: NDArray[np.int32], way: str, moment: int) -> NDArray[np.int32]:
    """The roots and, forward, everything that is in those of them that are containers."""
    if way != Direction.FORWARD:
        return roots
    found = inside(stays(index), roots, moment)
    return np.concatenate([roots, found.astype(np.int32)]) if len(found) else roots


def _among(index: Index, nodes: NDArray[np.int32], kinds: Collection[str] | None) -> NDArray[np.bool_]:
    """Which of the nodes are of the kinds to be listed."""
    if kinds is None:
        return np.ones(len(nodes), np.bool_)
    among = np.zeros(len(nodes), np.bool_)
    for kind in kinds:
        among |= index.is_kind(nodes, kind)
    return among


def _table(
    index: Index,
    found: Closure,
    sure: NDArray[np.float64],
    share: NDArray[np.float64] | None,
    wanted: NDArray[np.bool_],
) -> pa.Table:
    quantity, unit = _quantities(index, found)
    nodes, depth = found.nodes, found.depth
    if not wanted.all():
        nodes, depth, sure = nodes[wanted], depth[wanted], sure[wanted]
        quantity, unit = quantity[wanted], unit[wanted]
        share = None if share is None else share[wanted]
    table = nodes_table(index, nodes, depth)
    table = table.append_column("quantity", pa.array(quantity, mask=np.isnan(quantity)))
    table = table.append_column("unit", index.columns.words_of("unit", unit))
    table = table.append_column("confidence", pa.array(sure)).cast(NODES)
    if share is None:
        return table
    return table.append_column("share", pa.array(share, mask=np.isnan(share)))


def nodes_table(index: Index, nodes: NDArray[np.integer], depth: NDArray[np.integer]) -> pa.Table:
    """What some nodes are: ``kind``, ``id``, ``segment`` and the given ``depth``, one row each."""
    kind, segment = index.places(nodes)
    columns = {"kind": kind, "id": index.ids(nodes), "segment": segment, "depth": pa.array(depth)}
    return pa.table(columns)


def _quantities(index: Index, found: Closure) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """What the edges of the answer brought to each of its subjects, and the code of its unit, 0 for none."""
    count = len(found.nodes)
    quantity = index.columns.quantity(found.edges)
    given = ~np.isnan(quantity)
    edges = found.edges[given]
    if not len(edges):
        return np.full(count, np.nan), np.zeros(count, np.int64)
    units = index.columns.codes("unit", edges)
    at = positions(found.nodes, index.graph.heads[edges], index.graph.nodes)
    lowest, highest = np.full(count, units[0]), np.full(count, units[0])
    if (units != units[0]).any():
        lowest, highest = np.full(count, np.iinfo(np.int64).max), np.full(count, -1)
        np.minimum.at(lowest, at, units)
        np.maximum.at(highest, at, units)
    reached = np.zeros(count, np.bool_)
    reached[at] = True
    alike = reached & (lowest == highest) & ~index.is_kind(found.nodes, EXECUTION)
    total = np.bincount(at, quantity[given], count)
    return np.where(alike, total, np.nan), np.where(alike, highest, 0)


class RecallArguments(WalkArguments):
    """Arguments of the operator ``recall``."""

    ids: list[str] = Field(min_length=1, description="Ids of units, lots or executions, as for a trace.")
    direction: Literal["back", "forward", "both"] = Field(
        default="forward",
        description="forward: what they went into; back: origins; both: all with a common origin.",
    )
    against: list[str] = Field(default=[], description="Leave out what these reach as well.")
    kinds: list[str] | None = Field(default=None, description="Kinds to be listed; null for all.")
    max_nodes: int | None = Field(default=None, ge=1, description="Keep at most this many nodes.")
    at: AwareDatetime | None = Field(
        default=None, description="When it counts what is in which container; null for now."
    )
    shares: bool = Field(default=False, description="Say how much of each thing it is.")

    def ask(self, workspace: Workspace) -> Recall:
        """The recall of these arguments."""
        return recall(
            workspace,
            self.ids,
            self.direction,
            against=self.against,
            kinds=self.kinds,
            through=self.through(),
            max_depth=self.max_depth,
            max_nodes=self.max_nodes,
            as_of=self.as_of,
            at=self.at,
            shares=self.shares,
        )


def _operate(workspace: Workspace, arguments: RecallArguments, _: Progress | None) -> Recall:
    return arguments.ask(workspace)


MANIFEST = OperatorManifest(
    id="recall",
    version="0.1.0",
    title=Text(zh="召回", en="Recall"),
    description=Text(
        zh="列出若干单件、批次或执行的全部去向、来源，或与之同源的一切。",
        en="Lists all that units, lots or executions went into, were made from, or share an origin with.",
    ),
    config=RecallArguments,
    capabilities=frozenset({"trace", "table"}),
    run=_operate,
)
