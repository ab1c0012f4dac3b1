"""Trace: what a unit, lot or execution came from or went into, read off a plant's movements."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from assay.genealogy import EXECUTION, INPUT_ROLES, KINDS, Direction, Index, Key, closure
from assay.model.errors import TraceError, did_you_mean
from assay.model.kinds import TIME, RecordKind
from assay.model.text import Text
from assay.plugins.contracts import OperatorManifest, Progress
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

    ``depth`` counts movements from the root. Executions carry what was recorded of the step (segment to
    work order); units and lots carry their material. ``attributes`` are the plant's own columns.
    """

    id: str
    kind: str
    depth: int
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


@dataclass(frozen=True)
class Edge:
    """One recorded movement, from the earlier thing to the later one.

    ``start`` is when the step began or, where only one time was recorded, that time. ``confidence`` is 1
    for a movement that was recorded.
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
    confidence: float = 1.0


@dataclass(frozen=True)
class Trace:
    """A part of the genealogy: nodes nearest first, and every recorded movement among them.

    Node ids are unique, and what :func:`trace` takes: where one id names both a unit and, say, an execution,
    the bare id is the unit and the other is ``execution:ID``. ``truncated`` tells that a limit left something
    out.
    """

    root: str
    direction: Direction
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    truncated: bool

    def to_dict(self) -> dict[str, Any]:
        """The trace as plain JSON values; times in ISO 8601 UTC."""
        return {
            "root": self.root,
            "nodes": [_node_to_dict(node) for node in self.nodes],
            "edges": [_edge_to_dict(edge) for edge in self.edges],
            "direction": self.direction.value,
            "truncated": self.truncated,
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
            }
            for edge in self.edges
        ]
        return pa.Table.from_pylist(rows, schema=_ARROW)


_ARROW = pa.schema(
    [
        *(pa.field(name, pa.string()) for name in ("from", "from_kind", "to", "to_kind", "role", "segment")),
        pa.field("start", TIME),
        pa.field("end", TIME),
        pa.field("quantity", pa.float64()),
        pa.field("unit", pa.string()),
        pa.field("position", pa.string()),
        pa.field("confidence", pa.float64()),
    ]
)
_STEP_COLUMNS = ("segment", "equipment", "person", "position", "recipe", "work_order", "started", "ended")
_indexes: WeakKeyDictionary[Workspace, tuple[int, Index]] = WeakKeyDictionary()


def index_of(workspace: Workspace) -> Index:
    """The genealogy of the plant, built once for each version of its movements."""
    version = workspace.lake.version(RecordKind.MOVEMENT)
    kept = _indexes.get(workspace)
    if kept is None or kept[0] != version:
        rows = workspace.lake.query("SELECT execution, role, subject, subject_kind, segment FROM movement")
        kept = (version, Index.build(rows))
        _indexes[workspace] = kept
    return kept[1]


def trace(
    workspace: Workspace,
    id: str,  # noqa: A002 - the word people use
    direction: Direction | str = Direction.BACK,
    *,
    max_depth: int | None = None,
    max_nodes: int | None = None,
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
        ``back``: what it was made from. ``forward``: what it went into.
    max_depth, max_nodes
        Limits; ``truncated`` says when one was met.
    progress
        Told when the genealogy is read and when the details are.

    Raises
    ------
    TraceError
        The id is not known, or is the execution of several segments; the hint names what to write.
    """
    if direction not in set(Direction):
        raise TraceError(
            f"{direction!r} is not a direction",
            hint=f"Write {' or '.join(repr(str(one)) for one in Direction)}.",
        )
    way = Direction(direction)
    _tell(progress, 0, "read")
    index = index_of(workspace)
    roots = index.find(id)
    if not roots:
        return _alone(workspace, index, id, way)
    if len(roots) > 1:
        raise _ambiguous(id, index.names(np.array(roots)))
    _tell(progress, 1, "walk")
    found = closure(index.graph, roots, way, max_depth=max_depth, max_nodes=max_nodes)
    keys = index.keys(found.nodes)
    _tell(progress, 2, "describe")
    names = dict(zip(keys, index.names(found.nodes), strict=True))
    details = _Details(workspace, names, dict(zip(keys, index.repeated(found.nodes).tolist(), strict=True)))
    nodes = tuple(details.node(key, int(depth)) for key, depth in zip(keys, found.depth, strict=True))
    edges = tuple(details.edges())
    _tell(progress, 3, "describe")
    return Trace(names[keys[0]], way, nodes, edges, found.truncated)


class TraceArguments(BaseModel):
    """Arguments of the operator ``trace``."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(description="Id of a unit, lot or execution; kind:ID where one id means several.")
    direction: Literal["back", "forward"] = Field(
        default="back", description="back: what it was made from; forward: what it went into."
    )
    max_depth: int | None = Field(default=None, ge=0, description="Walk at most this many movements.")
    max_nodes: int | None = Field(default=None, ge=1, description="Keep at most this many nodes.")


def _operate(workspace: Workspace, arguments: TraceArguments, progress: Progress | None) -> Trace:
    return trace(
        workspace,
        arguments.id,
        arguments.direction,
        max_depth=arguments.max_depth,
        max_nodes=arguments.max_nodes,
        progress=progress,
    )


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


def _alone(workspace: Workspace, index: Index, wanted: str, way: Direction) -> Trace:
    """The trace of something that was measured or declared but never moved; TraceError when unknown."""
    kind, _, bare = wanted.partition(":")
    known = [Key(kind, bare)] if kind in KINDS and bare else []
    for key in (*known, *(Key(kind, wanted) for kind in KINDS)):
        rows = workspace.lake.query(
            "SELECT 1 FROM measurement WHERE subject_kind = $kind AND subject = $id "
            "UNION ALL SELECT 1 FROM entity WHERE entity = $kind AND id = $id LIMIT 1",
            {"kind": key.kind, "id": key.id},
        )
        if len(rows):
            return Trace(key.id, way, (_Details(workspace, {key: key.id}, {}).node(key, 0),), (), False)
    close = did_you_mean(wanted, index.near(wanted))
    raise TraceError(
        f"{wanted!r} is no unit, lot or execution of this plant",
        hint=close or '`assay sql DIR "SELECT DISTINCT subject FROM movement LIMIT 20"` shows some that are.',
    )


def _ambiguous(wanted: str, names: list[str]) -> TraceError:
    shown = " or ".join(names[:5])
    return TraceError(f"{wanted!r} is an execution in {len(names)} segments", hint=f"Say which one: {shown}.")


_QUESTIONS = (
    (
        "SELECT * FROM movement WHERE execution IN (SELECT id FROM wanted WHERE kind = 'execution') "
        "ORDER BY time, source, seq"
    ),
    (
        "SELECT m.* FROM measurement m SEMI JOIN wanted w ON m.subject = w.id AND m.subject_kind = w.kind "
        "ORDER BY m.time, m.source, m.seq"
    ),
    (
        "SELECT e.* FROM entity e SEMI JOIN wanted w ON e.id = w.id AND e.entity = w.kind "
        "ORDER BY e.recorded, e.source, e.seq"
    ),
)
"""What was recorded of the nodes in the table ``wanted`` (kind, id)."""


class _Details:
    """What the lake has on a set of nodes, read in three scans.

    ``names`` are the nodes with the names they go by; ``repeated`` says which executions share their id with
    one of another segment, so that a record without a segment can't be laid to them.
    """

    def __init__(self, workspace: Workspace, names: dict[Key, str], repeated: dict[Key, bool]) -> None:
        self._own = [attribute.name for attribute in workspace.registry.attributes(RecordKind.MOVEMENT)]
        self._names = names
        self._steps_of = _grouped((key.id, key) for key in names if key.kind == EXECUTION)
        self._repeated = repeated
        wanted = pa.table({"kind": [key.kind for key in names], "id": [key.id for key in names]})
        with closing(workspace.lake.connect()) as connection:
            connection.register("wanted", wanted)
            movements, measured, declared = (
                connection.execute(question).to_arrow_table().to_pylist() for question in _QUESTIONS
            )
        self._movements: list[tuple[Key, Key | None, dict[str, Any]]] = []
        self._steps: dict[Key, dict[str, Any]] = {}
        self._materials: dict[Key, str] = {}
        for row in movements:
            self._note(row)
        self._results = _grouped((key, _result(row)) for row in measured for key in self._measured(row))
        self._declared = _grouped((Key(row["entity"], row["id"]), row["attributes"]) for row in declared)

    def _step(self, execution: str, segment: str | None) -> Key | None:
        """The execution among the nodes that a record of ``segment`` belongs to."""
        key = Key(EXECUTION, execution, segment or "")
        if key in self._names or segment:
            return key if key in self._names else None
        return next((one for one in self._steps_of.get(execution, []) if not self._repeated.get(one)), None)

    def _note(self, row: dict[str, Any]) -> None:
        key = self._step(row["execution"], row["segment"])
        if key is None:
            return
        is_step = row["subject_kind"] == EXECUTION
        thing = (
            self._step(row["subject"], row["segment"])
            if is_step
            else Key(row["subject_kind"], row["subject"])
        )
        self._movements.append((key, thing if thing in self._names else None, row))
        step = self._steps.setdefault(key, {})
        for column in ("time", *_STEP_COLUMNS, *self._own):
            if step.get(column) is None:
                step[column] = row.get(column)
        if row["material"] is not None and thing is not None:
            self._materials.setdefault(thing, row["material"])

    def _measured(self, row: dict[str, Any]) -> Iterator[Key]:
        """The nodes a measurement is of; without a segment, every execution of that id."""
        if row["subject_kind"] != EXECUTION:
            yield Key(row["subject_kind"], row["subject"])
            return
        for key in self._steps_of.get(row["subject"], []):
            if not self._repeated.get(key) or row["segment"] in {None, key.segment}:
                yield key

    def node(self, key: Key, depth: int) -> Node:
        """The node with everything known of it."""
        step = self._steps.get(key, {})
        attributes = {column: step[column] for column in self._own if step.get(column) is not None}
        for text in self._declared.get(Key(key.kind, key.id), []):
            attributes.update(_attributes(text))
        return Node(
            id=self._names[key],
            kind=key.kind,
            depth=depth,
            material=self._materials.get(key) or attributes.get("material"),
            attributes=attributes,
            results=tuple(self._results.get(key, [])),
            **{column: step.get(column) for column in _STEP_COLUMNS} | {"started": _began(step)},
        )

    def edges(self) -> Iterator[Edge]:
        """Every movement whose two ends are both here."""
        for step, thing, row in self._movements:
            if thing is None:
                continue
            tail, head = (thing, step) if row["role"] in INPUT_ROLES else (step, thing)
            yield Edge(
                source=self._names[tail],
                target=self._names[head],
                role=row["role"],
                segment=row["segment"],
                start=_began(row),
                end=row["ended"],
                quantity=row["quantity"],
                unit=row["unit"],
                position=row["position"],
            )


def _grouped(pairs: Iterable[tuple[K, T]]) -> dict[K, list[T]]:
    groups: dict[K, list[T]] = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    return groups


def _began(row: dict[str, Any]) -> datetime | None:
    """When the step began or, where only one time was recorded, that time."""
    moment: datetime | None = row.get("started") or row.get("time")
    return moment


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
    common: dict[str, Any] = {"id": node.id, "kind": node.kind, "depth": node.depth}
    if node.kind == "execution":
        common |= {column: _said(getattr(node, column)) for column in _STEP_COLUMNS}
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
    }
