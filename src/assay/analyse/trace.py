"""Trace: what a unit, lot or execution came from or went into, read off a plant's movements."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field

from assay.analyse.doubts import GenealogyDoubt, doubts_about
from assay.analyse.errors import TraceRefusal, joined, near
from assay.analyse.refused import RefusedRecord, RefusedRecords
from assay.analyse.step_records import STEP_COLUMNS, StepRecords, step_records
from assay.analyse.through import BOTH, Through, WalkArguments, checked_way, walks_of
from assay.genealogy import CERTAIN, EXECUTION, KINDS, Closure, Direction, Index, Key, belief, closure
from assay.genealogy.packing import followed
from assay.genealogy.shares import shares
from assay.model.kinds import TIME, RecordKind
from assay.model.text import Text
from assay.plugins.contracts import OperatorManifest, Progress
from assay.query.genealogy import index_around
from assay.query.reading import reading
from assay.store.snapshot import Snapshot
from assay.store.views import copy_table, quoted
from assay.store.workspace import Workspace


@dataclass(frozen=True)
class Result:
    """One measured result of a node."""

    characteristic: str
    value: float | None
    text: str | None
    unit: str | None
    time: datetime | None
    gauge: str | None
    person: str | None


@dataclass(frozen=True)
class Node:
    """A unit, a lot or an execution.

    ``depth`` counts movements from the root; ``confidence`` is 1 where recorded movements lead here.
    ``share`` says how much of it is of the root (``forward``) or how much of the root is of it (``back``), 0
    to 1, None where the quantities don't tell (:mod:`assay.genealogy.shares`).
    Executions carry what was recorded of the step (segment to work order); units and lots carry their
    material. ``attributes`` are the plant's own columns. ``refused`` are the records about it that the gate
    refused as evidence.
    """

    id: str
    kind: str
    depth: int
    confidence: float = CERTAIN
    share: float | None = None
    segment: str | None = None
    equipment: str | None = None
    person: str | None = None
    position: str | None = None
    recipe: str | None = None
    work_order: str | None = None
    material: str | None = None
    started: datetime | None = None
    ended: datetime | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    results: tuple[Result, ...] = ()
    refused: tuple[RefusedRecord, ...] = ()


@dataclass(frozen=True)
class Edge:
    """One recorded movement, from the earlier thing to the later one.

    ``start`` is when the step began or, where only one time was recorded, that time. ``confidence`` is 1
    for a movement that was recorded. ``equipment`` to ``recipe`` are the step's, where they were recorded.
    ``doubts`` are the kinds of doubt that the movement is in, ``refused`` its records that the gate refused.
    """

    source: str
    target: str
    role: str
    segment: str | None
    start: datetime | None
    end: datetime | None
    quantity: float | None
    unit: str | None
    position: str | None
    confidence: float = CERTAIN
    share: float | None = None
    basis: str | None = None
    equipment: str | None = None
    carrier: str | None = None
    person: str | None = None
    recipe: str | None = None
    doubts: tuple[str, ...] = ()
    refused: tuple[RefusedRecord, ...] = ()


@dataclass(frozen=True)
class Trace:
    """A part of the genealogy: nodes nearest first, and every recorded movement among them.

    Node ids are unique, and what :func:`trace` takes: where one id names both a unit and, say, an execution,
    the bare id is the unit and the other is ``execution:ID``. ``truncated`` tells that a limit left something
    out. ``doubts`` are what movements of it say and can't be, the first hundred of each kind, and
    ``doubtful`` tells how many of its movements are in a doubt of each kind.
    """

    root: str
    direction: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    truncated: bool
    doubts: tuple[GenealogyDoubt, ...] = ()
    doubtful: Mapping[str, int] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The trace as plain JSON values; times in ISO 8601 UTC."""
        return {
            "root": self.root,
            "nodes": [_node_to_dict(node) for node in self.nodes],
            "edges": [_edge_to_dict(edge) for edge in self.edges],
            "direction": self.direction,
            "truncated": self.truncated,
            "doubts": [doubt.to_dict() for doubt in self.doubts],
            "doubtful": dict(self.doubtful),
        }

    def to_arrow(self) -> pa.Table:
        """One row per edge, with the kinds of both ends."""
        kinds = {node.id: node.kind for node in self.nodes}
        rows = [
            {
                "from": edge.source,
                "from_kind": kinds[edge.source],
                "to": edge.target,
                "to_kind": kinds[edge.target],
                "role": edge.role,
                "segment": edge.segment,
                "start": edge.start,
                "end": edge.end,
                "quantity": edge.quantity,
                "unit": edge.unit,
                "position": edge.position,
                "confidence": edge.confidence,
                **{name: getattr(edge, name) for name in ("share", "basis", *_STEP_WORDS)},
            }
            for edge in self.edges
        ]
        return pa.Table.from_pylist(rows, schema=_ARROW)


_STEP_WORDS = ("equipment", "carrier", "person", "recipe")
_ARROW = pa.schema(
    [
        *(pa.field(name, pa.string()) for name in ("from", "from_kind", "to", "to_kind", "role", "segment")),
        pa.field("start", TIME),
        pa.field("end", TIME),
        pa.field("quantity", pa.float64()),
        pa.field("unit", pa.string()),
        pa.field("position", pa.string()),
        pa.field("confidence", pa.float64()),
        pa.field("share", pa.float64()),
        *(pa.field(name, pa.string()) for name in ("basis", *_STEP_WORDS)),
    ]
)
_EDGE_COLUMNS = (
    *("role", "segment", "quantity", "unit", "position", "confidence", "share", "basis"),
    *_STEP_WORDS,
)


def trace(
    workspace: Workspace,
    id: str,  # noqa: A002 - the word people use
    direction: str = Direction.BACK.value,
    *,
    through: Through | None = None,
    max_depth: int | None = None,
    max_nodes: int | None = None,
    as_of: datetime | None = None,
    progress: Progress | None = None,
) -> Trace:
    """Trace ``id`` through the recorded movements.

    Parameters
    ----------
    id
        Id of a unit, lot or execution. Where one id means several, a bare id means the unit, then the lot,
        then the execution; ``unit:ID``, ``lot:ID``, ``execution:ID`` and, for a number that several segments
        use, ``execution:SEGMENT/ID`` say which.
    direction
        ``back``: what it was made from. ``forward``: what it went into. ``both``: both.
    through
        Which movements are followed; all without it.
    max_depth, max_nodes
        Limits; ``truncated`` says when one was met.
    as_of
        The plant as known on this moment, with time zone.
    progress
        Told when the genealogy is read and when the details are.

    Raises
    ------
    TraceError
        The id is not known, or is the execution of several segments; the hint names what to write. Or the
        direction is none.
    QueryError
        ``as_of`` has no time zone or lies in the future.
    """
    way = checked_way(direction)
    _tell(progress, 0, "read")
    past = None if as_of is None else workspace.lake.snapshot(as_of=as_of)
    index = index_around(workspace, [id], walks_of(way), past)
    with index.lock:
        roots = index.find(id)
        if not roots:
            return _alone(workspace, index, id, way, past)
        if len(roots) > 1:
            raise _ambiguous(id, index.names(np.array(roots)))
        _tell(progress, 1, "walk")
        mask = None if through is None else through.mask(index)
        found = walked(index, roots, way, mask, max_depth=max_depth, max_nodes=max_nodes)
        keys = index.keys(found.nodes)
        spoken = index.names(found.nodes)
        repeated = index.repeated(found.nodes).tolist()
        records, refused = step_records(index, found.nodes), RefusedRecords(workspace, keys)
        told = doubts_about(workspace, index, found.edges, state=past)
        names = dict(zip(found.nodes.tolist(), zip(spoken, keys, strict=True), strict=True))
        edges = tuple(_edges(index, found.edges, names, told.kinds_of(found.edges), refused))
    _tell(progress, 2, "describe")
    spelled, again = dict(zip(keys, spoken, strict=True)), dict(zip(keys, repeated, strict=True))
    details = _Details(workspace, spelled, again, records, refused=refused, past=past)
    places = zip(keys, found.depth.tolist(), found.sure.tolist(), found.share.tolist(), strict=True)
    nodes = tuple(details.node(*place) for place in places)
    _tell(progress, 3, "describe")
    return Trace(spoken[0], way, nodes, edges, found.truncated, told.doubts, told.counts)


class _Walk(NamedTuple):
    """What one root reaches: nodes nearest first, shape (n,), and the edges among them, shape (m,)."""

    nodes: NDArray[np.int32]
    depth: NDArray[np.int32]
    sure: NDArray[np.float64]
    share: NDArray[np.float64]
    edges: NDArray[np.int32]
    truncated: bool


def walked(
    index: Index,
    roots: list[int],
    way: str,
    mask: NDArray[np.bool_] | None,
    *,
    max_depth: int | None,
    max_nodes: int | None,
) -> _Walk:
    """The walk in one direction; in both, the two walks joined at the root and cut together."""
    walks = []
    for one in Direction if way == BOTH else (Direction(way),):
        through = followed(index, np.array(roots), one, mask)
        found = closure(index.graph, roots, one, max_depth=max_depth, max_nodes=max_nodes, through=through)
        sure, share = beliefs(index, found, one, len(roots)), shares(index, found, one, roots=len(roots))
        walks.append(_Walk(found.nodes, found.depth, sure, share, found.edges, found.truncated))
    if len(walks) == 1:
        return walks[0]
    node = np.concatenate([one.nodes for one in walks])
    depth = np.concatenate([one.depth for one in walks])
    sure = np.concatenate([one.sure for one in walks])
    share = np.concatenate([one.share for one in walks])
    order = np.lexsort((node, -sure, depth))
    _, first = np.unique(node[order], return_index=True)
    kept = order[np.sort(first)][:max_nodes]
    nodes, edges = node[kept], np.unique(np.concatenate([one.edges for one in walks]))
    inside = np.isin(index.graph.tails[edges], nodes) & np.isin(index.graph.heads[edges], nodes)
    cut = len(kept) < len(first) or any(one.truncated for one in walks)
    return _Walk(nodes, depth[kept], sure[kept], share[kept], edges[inside], cut)


def beliefs(index: Index, found: Closure, way: Direction, roots: int) -> NDArray[np.float64]:
    """How sure it is that each node belongs to a walk from its first ``roots`` nodes, shape (n,)."""
    if index.columns.certain or bool((index.columns.confidence(found.edges) == CERTAIN).all()):
        return np.ones(len(found.nodes))
    confidence, choice = index.columns.confidence(found.edges), index.columns.choice(found.edges)
    return belief(index.graph, found, way, confidence=confidence, choice=choice, roots=roots)


def _edges(
    index: Index,
    edges: NDArray[np.int32],
    names: dict[int, tuple[str, Key]],
    doubts: list[tuple[str, ...]],
    refused: RefusedRecords,
) -> Iterator[Edge]:
    ends = zip(index.graph.tails[edges].tolist(), index.graph.heads[edges].tolist(), doubts, strict=True)
    for (tail, head, doubtful), row in zip(ends, index.columns.take(edges).to_pylist(), strict=True):
        (source, first), (target, last) = names[tail], names[head]
        yield Edge(
            source=source,
            target=target,
            start=row["started"],
            end=row["ended"],
            doubts=doubtful,
            refused=refused.of_movement((first, last), row["role"]),
            **{name: row[name] for name in _EDGE_COLUMNS},
        )


class TraceArguments(WalkArguments):
    """Arguments of the operator ``trace``."""

    id: str = Field(description="Id of a unit, lot or execution; kind:ID where one id means several.")
    direction: Literal["back", "forward", "both"] = Field(
        default="back", description="back: what it was made from; forward: what it went into; both: both."
    )
    max_nodes: int | None = Field(default=None, ge=1, description="Keep at most this many nodes.")

    def ask(self, workspace: Workspace, progress: Progress | None = None) -> Trace:
        """The trace of these arguments."""
        return trace(
            workspace,
            self.id,
            self.direction,
            through=self.through(),
            max_depth=self.max_depth,
            max_nodes=self.max_nodes,
            as_of=self.as_of,
            progress=progress,
        )


def _operate(workspace: Workspace, arguments: TraceArguments, progress: Progress | None) -> Trace:
    return arguments.ask(workspace, progress)


MANIFEST = OperatorManifest(
    id="trace",
    version="0.1.0",
    title=Text(zh="追溯", en="Trace"),
    description=Text(
        zh="沿已记录的移动，找出单件、批次或工序执行的来源或去向。",
        en="Follows recorded movements to what a unit, lot or execution came from or went into.",
    ),
    config=TraceArguments,
    capabilities=frozenset({"trace"}),
    run=_operate,
)


K = TypeVar("K")
T = TypeVar("T")


def _tell(progress: Progress | None, done: int, what: str) -> None:
    if progress is not None:
        progress(done, 3, what)


def _alone(workspace: Workspace, index: Index, wanted: str, way: str, past: Snapshot | None) -> Trace:
    """The trace of something that was measured or declared but never moved; TraceError when unknown."""
    kind, _, bare = wanted.partition(":")
    known = [Key(kind, bare)] if kind in KINDS and bare else []
    for key in (*known, *(Key(kind, wanted) for kind in KINDS)):
        refused = RefusedRecords(workspace, [key])
        details = _Details(workspace, {key: key.id}, {}, StepRecords({}, {}), refused=refused, past=past)
        if details.knows(key):
            return Trace(key.id, way, (details.node(key, 0),), (), False)
    raise _unknown(wanted, index)


def known_nodes(index: Index, wanted: Iterable[str]) -> NDArray[np.int32]:
    """The nodes of some names, ascending, each once.

    Raises
    ------
    TraceError
        A name is not known, or is the execution of several segments.
    """
    nodes = []
    for name in wanted:
        found = index.find(name)
        if not found:
            raise _unknown(name, index)
        if len(found) > 1:
            raise _ambiguous(name, index.names(np.array(found)))
        nodes += found
    return np.unique(np.array(nodes, np.int32))


def _unknown(wanted: str, index: Index) -> TraceRefusal:
    return TraceRefusal.of("unknown", wanted=wanted, advice=near(wanted, index.near(wanted)))


def _ambiguous(wanted: str, names: list[str]) -> TraceRefusal:
    shown = joined("or", names[:5])
    return TraceRefusal.of("several-segments", wanted=wanted, count=len(names), names=shown)


_MEASURED = (
    "SELECT m.* FROM measurement m SEMI JOIN wanted w ON m.subject = w.id AND m.subject_kind = w.kind "
    "ORDER BY m.time, m.source, m.seq"
)
_DECLARED = (
    "SELECT e.* FROM entity e SEMI JOIN wanted w ON e.id = w.id AND e.entity = w.kind "
    "ORDER BY e.recorded, e.source, e.seq"
)
_OWN = (
    "SELECT execution, segment, {own} FROM movement "
    "WHERE execution IN (SELECT id FROM wanted WHERE kind = 'execution') ORDER BY time, source, seq"
)
"""What was recorded of the nodes in the table ``wanted`` (kind, id)."""


class _Details:
    """What the plant has on a set of nodes: its steps, and what the lake has on results and attributes.

    ``names`` are the nodes with the names they go by; ``repeated`` says which executions share their id with
    one of another segment, so that a record without a segment can't be laid to them.
    """

    def __init__(
        self,
        workspace: Workspace,
        names: dict[Key, str],
        repeated: dict[Key, bool],
        records: StepRecords,
        *,
        refused: RefusedRecords,
        past: Snapshot | None = None,
    ) -> None:
        self._own = [attribute.name for attribute in workspace.registry.attributes(RecordKind.MOVEMENT)]
        self._names = names
        self._steps_of = _grouped((key.id, key) for key in names if key.kind == EXECUTION)
        self._repeated = repeated
        self._records = records
        self._refused = refused
        measured, declared, own = self._asked(workspace, past)
        self._attributes: dict[Key, dict[str, Any]] = {}
        for row in own:
            self._note(row)
        self._results = _grouped((key, _result(row)) for row in measured for key in self._measured(row))
        self._declared = _grouped((Key(row["entity"], row["id"]), row["attributes"]) for row in declared)

    def _asked(self, workspace: Workspace, past: Snapshot | None) -> tuple[list[dict[str, Any]], ...]:
        """What was measured, what was declared and what movements have as attributes, as rows."""
        own = _OWN.format(own=", ".join(map(quoted, self._own))) if self._own else None
        asked = {
            RecordKind.MEASUREMENT: _MEASURED,
            RecordKind.ENTITY: _DECLARED,
            RecordKind.MOVEMENT: own,
        }
        sql = {kind: text for kind, text in asked.items() if text and not workspace.lake.is_empty(kind)}
        if not sql:
            return [], [], []
        keys = list(self._names)
        wanted = pa.table({"kind": [key.kind for key in keys], "id": [key.id for key in keys]})
        with reading(workspace, past) as connection:
            copy_table(connection, "wanted", wanted)
            rows = {kind: connection.execute(text).to_arrow_table().to_pylist() for kind, text in sql.items()}
        return tuple(rows.get(kind, []) for kind in asked)

    def _step(self, execution: str, segment: str | None) -> Key | None:
        """The execution among the nodes that a record of ``segment`` belongs to."""
        key = Key(EXECUTION, execution, segment or "")
        if key in self._names or segment:
            return key if key in self._names else None
        return next((one for one in self._steps_of.get(execution, []) if not self._repeated.get(one)), None)

    def _note(self, row: dict[str, Any]) -> None:
        key = self._step(row["execution"], row["segment"])
        if key is not None:
            known = self._attributes.setdefault(key, {})
            for column in self._own:
                if known.get(column) is None and row[column] is not None:
                    known[column] = row[column]

    def _measured(self, row: dict[str, Any]) -> Iterator[Key]:
        """The nodes a measurement is of; without a segment, every execution of that id."""
        if row["subject_kind"] != EXECUTION:
            yield Key(row["subject_kind"], row["subject"])
            return
        for key in self._steps_of.get(row["subject"], []):
            if not self._repeated.get(key) or row["segment"] in {None, key.segment}:
                yield key

    def knows(self, key: Key) -> bool:
        """Whether anything was measured or declared of it."""
        return bool(self._results.get(key) or self._declared.get(Key(key.kind, key.id)))

    def node(self, key: Key, depth: int, confidence: float = CERTAIN, share: float = 1.0) -> Node:
        """The node with everything known of it."""
        step = self._records.steps.get(key, {})
        attributes = dict(self._attributes.get(key, {}))
        for text in self._declared.get(Key(key.kind, key.id), []):
            attributes.update(_attributes(text))
        return Node(
            id=self._names[key],
            kind=key.kind,
            depth=depth,
            confidence=confidence,
            share=None if np.isnan(share) else share,
            material=self._records.materials.get(key) or attributes.get("material"),
            attributes=attributes,
            results=tuple(self._results.get(key, [])),
            refused=self._refused.of(key),
            **{column: step.get(column) for column in STEP_COLUMNS},
        )


def _grouped(pairs: Iterable[tuple[K, T]]) -> dict[K, list[T]]:
    groups: dict[K, list[T]] = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    return groups


def _result(row: dict[str, Any]) -> Result:
    return Result(
        characteristic=row["characteristic"],
        value=row["value"],
        text=row["text"],
        unit=row["unit"],
        time=row["time"],
        gauge=row["gauge"],
        person=row["person"],
    )


def _attributes(text: str | None) -> dict[str, Any]:
    """The attributes of an entity record, which keeps them as JSON."""
    found = json.loads(text) if text else {}
    return found if isinstance(found, dict) else {}


def _said(moment: object) -> object:
    if isinstance(moment, datetime):
        return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return moment


def _node_to_dict(node: Node) -> dict[str, Any]:
    common: dict[str, Any] = {
        "id": node.id,
        "kind": node.kind,
        "depth": node.depth,
        "confidence": node.confidence,
        "share": node.share,
    }
    if node.kind == "execution":
        common |= {column: _said(getattr(node, column)) for column in STEP_COLUMNS}
    else:
        common["material"] = node.material
    common["attributes"] = {name: _said(value) for name, value in node.attributes.items()}
    common["results"] = [
        {
            "characteristic": result.characteristic,
            "value": result.value,
            "text": result.text,
            "unit": result.unit,
            "time": _said(result.time),
            "gauge": result.gauge,
            "person": result.person,
        }
        for result in node.results
    ]
    common["refused"] = [one.to_dict() for one in node.refused]
    return common


def _edge_to_dict(edge: Edge) -> dict[str, Any]:
    return {
        "from": edge.source,
        "to": edge.target,
        "role": edge.role,
        "segment": edge.segment,
        "start": _said(edge.start),
        "end": _said(edge.end),
        "quantity": edge.quantity,
        "unit": edge.unit,
        "position": edge.position,
        "confidence": edge.confidence,
        **{name: getattr(edge, name) for name in ("share", "basis", *_STEP_WORDS)},
        "doubts": list(edge.doubts),
        "refused": [one.to_dict() for one in edge.refused],
    }
