"""What is recorded of the things of a unit file: results, events, papers, in one look at the lake each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from assay.analyse.alarms import event_of
from assay.model.kinds import TIME
from assay.query.bind.bound import bind
from assay.query.bind.features import DEFAULT
from assay.store.scans import SOURCE
from assay.store.snapshot import Snapshot
from assay.store.views import copy_table
from assay.store.workspace import Workspace

MOST_STEPS, MOST_EVENTS, STRETCHES = 200, 2_000, 120
"""Steps whose signals are shown; events in a file; stretches of a curve, two readings of each."""

_RESULTS = (
    "SELECT m.* FROM measurement m SEMI JOIN wanted w ON m.subject = w.id AND m.subject_kind = w.kind "
    "ORDER BY coalesce(m.time, m.recorded), m.source, m.epoch, m.seq"
)
_EVENTS = (
    "SELECT DISTINCT e.time, e.event, e.subject, e.equipment, e.severity, e.message FROM event e "
    "LEFT JOIN wanted w ON e.subject = w.id AND e.subject_kind = w.kind "
    "LEFT JOIN steps s ON e.subject IS NULL AND e.equipment = s.equipment "
    "AND e.time >= s.started AND e.time < s.ended "
    # Who looked at a product's page later is no part of how it was made, nor of the file's hash.
    f"WHERE (w.id IS NOT NULL OR s.execution IS NOT NULL) AND e.source <> '{SOURCE}' "
    f"AND e.event <> '{event_of('scan')}' "
    f"ORDER BY ALL LIMIT {MOST_EVENTS}"
)
_PAPERS = (
    "SELECT DISTINCT a.subject, a.subject_kind, a.content, a.media_type, min(a.time) AS time FROM artifact a "
    "SEMI JOIN wanted w ON a.subject = w.id AND (a.subject_kind IS NULL OR a.subject_kind = w.kind) "
    "GROUP BY ALL ORDER BY ALL"
)
_POINTS = (
    "SELECT w.number, least(floor(epoch(r.time - w.started) / w.width), "
    f"{STRETCHES - 1})::INTEGER AS stretch, "
    "min(r.value) AS low, arg_min(epoch(r.time - w.started), r.value) AS low_at, "
    "max(r.value) AS high, arg_max(epoch(r.time - w.started), r.value) AS high_at, "
    "any_value(r.unit) AS unit FROM reading r JOIN windows w ON r.signal = w.signal "
    "AND coalesce(r.equipment, w.equipment) = w.equipment AND r.time >= w.started AND r.time < w.ended "
    "WHERE r.value IS NOT NULL AND isfinite(r.value) GROUP BY 1, 2 ORDER BY 1, 2"
)


@dataclass(frozen=True)
class Recorded:
    """The rows of each kind that concern the things asked for."""

    results: list[dict[str, Any]]
    events: list[dict[str, Any]]
    papers: list[dict[str, Any]]


def recorded(
    workspace: Workspace,
    snapshot: Snapshot,
    things: Iterable[tuple[str, str]],
    steps: Sequence[dict[str, Any]],
) -> Recorded:
    """Results, events and papers of things (kind, id), and events of the steps' equipment meanwhile.

    ``steps`` have execution, equipment, started and ended.
    """
    pairs = sorted(set(things))
    wanted = pa.table(
        {"kind": pa.array([kind for kind, _ in pairs]), "id": pa.array([id_ for _, id_ in pairs])}
    )
    timed = [row for row in steps if row["equipment"] and row["started"] and row["ended"]]
    schema = pa.schema(
        [("execution", pa.string()), ("equipment", pa.string()), ("started", TIME), ("ended", TIME)]
    )
    with closing(workspace.lake.connect(snapshot)) as connection, workspace.lake.explaining(snapshot):
        copy_table(connection, "wanted", wanted)
        copy_table(connection, "steps", pa.Table.from_pylist(timed, schema))
        return Recorded(
            *(
                connection.execute(question).to_arrow_table().to_pylist()
                for question in (_RESULTS, _EVENTS, _PAPERS)
            )
        )


def bound_rows(
    workspace: Workspace, executions: Sequence[tuple[str, str | None]], features: Iterable[str]
) -> list[dict[str, Any]]:
    """The features of every signal of these executions (id, segment), each step, equipment and signal once.

    Raises
    ------
    QueryError
        A feature isn't known.
    """
    wanted = set(executions)
    listed = ", ".join("'" + id_.replace("'", "''") + "'" for id_, _ in sorted(wanted, key=str))
    asked = tuple(dict.fromkeys((*DEFAULT, *features)))
    table = bind(workspace, where=f"execution IN ({listed})", features=asked).to_arrow()
    keys = ["execution", "segment", "equipment", "signal", "started", "ended"]
    once = table.group_by(keys, use_threads=False).aggregate([(name, "first") for name in asked])
    rows = []
    for row in once.to_pylist():
        if (row["execution"], row["segment"]) in wanted:
            found = {name: row[f"{name}_first"] for name in asked}
            rows.append({name: row[name] for name in keys} | {"features": found})
    return sorted(rows, key=lambda row: (row["started"], row["execution"], row["signal"], row["equipment"]))


def points(
    workspace: Workspace, snapshot: Snapshot, rows: Sequence[dict[str, Any]]
) -> list[tuple[str | None, list[tuple[float, float]]]]:
    """For each bound row the unit of its readings, and the least and greatest of each stretch by time."""
    windows = [
        {
            "number": number,
            **{name: row[name] for name in ("signal", "equipment", "started", "ended")},
            "width": max((row["ended"] - row["started"]).total_seconds(), 1e-6) / STRETCHES,
        }
        for number, row in enumerate(rows)
    ]
    schema = pa.schema(
        [
            ("number", pa.int64()),
            ("signal", pa.string()),
            ("equipment", pa.string()),
            ("started", TIME),
            ("ended", TIME),
            ("width", pa.float64()),
        ]
    )
    with closing(workspace.lake.connect(snapshot)) as connection, workspace.lake.explaining(snapshot):
        connection.register("windows", pa.Table.from_pylist(windows, schema))
        found = connection.execute(_POINTS).to_arrow_table().to_pylist()
    curves: list[tuple[str | None, list[tuple[float, float]]]] = [(None, []) for _ in rows]
    for row in found:
        _, known = curves[row["number"]]
        both = {(row["low_at"], row["low"]), (row["high_at"], row["high"])}
        curves[row["number"]] = (row["unit"], [*known, *sorted(both)])
    return curves
