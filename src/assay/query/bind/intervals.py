"""Which unit or lot was where, from when to when: the steps of a plant and their phases."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assay.model.errors import closest
from assay.model.kinds import TIME, RecordKind
from assay.query.bind.errors import CATALOGUE, BindRefusal, listed
from assay.query.bind.spans import Spans
from assay.query.expression import parse
from assay.store.snapshot import Snapshot
from assay.store.views import copy_table, quoted
from assay.store.workspace import Workspace

MODULES = frozenset({"equipment module", "control module", "tool", None})
"""Levels of equipment whose readings count for steps on the equipment above them."""

PHASE = "phase"
"""The kind of the events that say where a phase begins."""

SCHEMA = pa.schema(
    [
        pa.field("unit", pa.string()),
        pa.field("unit_kind", pa.string()),
        pa.field("execution", pa.string()),
        pa.field("segment", pa.string()),
        pa.field("phase", pa.string()),
        pa.field("equipment", pa.string()),
        pa.field("started", TIME),
        pa.field("ended", TIME),
        pa.field("clock_uncertainty", pa.float64()),
    ]
)
"""The columns of a bind that say what is bound."""


@dataclass(frozen=True, eq=False)
class Steps:
    """What units and lots went through.

    Attributes
    ----------
    table
        One row per unit or lot, execution, phase (missing: the whole step) and equipment whose readings
        count, with the columns of :data:`SCHEMA`. A step that is still open ends at the snapshot's time.
    open
        Number of steps that are still open.
    left_out
        Steps that can't be bound, by reason: the key of its note.
    """

    table: pa.Table
    open: int
    left_out: dict[str, int]

    def spans(self) -> tuple[Spans, pa.Array]:
        """Each different interval once, and for each row of the table the number of its interval."""
        table = self.table
        keys = pa.table(
            {
                "equipment": table.column("equipment"),
                "started": table.column("started").cast(pa.int64()),
                "ended": table.column("ended").cast(pa.int64()),
                "doubt": table.column("clock_uncertainty").fill_null(-1.0),
                "row": pa.array(np.arange(len(table))),
            }
        )
        names = ["equipment", "started", "ended", "doubt"]
        groups = keys.group_by(names, use_threads=False).aggregate([("row", "list")])
        members = groups.column("row_list").combine_chunks()
        number = np.empty(len(table), np.int64)
        number[members.flatten().to_numpy()] = np.repeat(
            np.arange(len(groups)), np.asarray(pc.list_value_length(members))
        )
        doubt = groups.column("doubt").to_numpy()
        spans = Spans.of(
            groups.column("equipment"),
            groups.column("started").to_numpy().astype(np.int64),
            groups.column("ended").to_numpy().astype(np.int64),
            np.where(doubt < 0, np.nan, doubt),
        )
        return spans, pa.array(number)


def steps(
    workspace: Workspace,
    snapshot: Snapshot,
    *,
    segment: str | None = None,
    equipment: Sequence[str] | None = None,
    units: Sequence[str] | None = None,
    where: str | None = None,
    phases: bool = False,
    between: tuple[datetime | None, datetime | None] | None = None,
) -> Steps:
    """The steps that meet every condition.

    Parameters
    ----------
    segment, equipment, units
        Only steps of this segment, on these equipment, of these units or lots.
    where
        A condition over the columns of movements, such as ``recipe = 'R2'``.
    phases
        Whether the phases of each step are listed beside the step.
    between
        Only steps that started at or after the first time and before the second.

    Raises
    ------
    QueryError
        A segment, equipment, unit or column isn't known, or the times are reversed.
    """
    found = _Found(workspace, snapshot)
    try:
        conditions = [
            *found.named("segment", None if segment is None else [segment]),
            *found.named("equipment", equipment),
            *found.named("subject", units),
            *found.meeting(where),
            *_within(between),
        ]
        return found.steps(conditions, phases=phases)
    finally:
        found.close()


def _within(between: tuple[datetime | None, datetime | None] | None) -> list[str]:
    first, last = between or (None, None)
    for moment in (first, last):
        if moment is not None and moment.tzinfo is None:
            raise BindRefusal.of("no-zone", moment=moment)
    if first is not None and last is not None and last < first:
        raise BindRefusal.of("reversed", first=first.isoformat(), last=last.isoformat())
    edges = ((">=", first), ("<", last))
    return [f"s.started {sign} TIMESTAMPTZ '{at.isoformat()}'" for sign, at in edges if at is not None]


class _Found:
    """The steps of one snapshot as a temporary table."""

    def __init__(self, workspace: Workspace, snapshot: Snapshot) -> None:
        from assay.query.layers.definition import Making
        from assay.query.layers.derive import ground_of
        from assay.query.layers.dwd import OCCUPANCY

        self._snapshot = snapshot
        self._schema = snapshot.schemas[RecordKind.MOVEMENT.value]
        self._connection: duckdb.DuckDBPyConnection = workspace.lake.connect(snapshot)
        rows = OCCUPANCY.rows(Making(ground_of(workspace, snapshot)))
        timed = "SELECT DISTINCT execution FROM movement WHERE started IS NOT NULL"
        with workspace.lake.explaining(snapshot):
            self._connection.execute(
                "CREATE TEMP TABLE stays AS SELECT o.*, g.execution IS NOT NULL AS timed\n"
                f"FROM ({rows}) AS o LEFT JOIN ({timed}) AS g ON g.execution = o.execution"
            )

    def close(self) -> None:
        """Let go of the engine."""
        self._connection.close()

    def named(self, column: str, names: Sequence[str] | None) -> list[str]:
        """A condition that a column has one of these values; each of them has to occur."""
        if names is None:
            return []
        wanted = list(dict.fromkeys(map(str, names)))
        copy_table(self._connection, "wanted_names", pa.table({"name": pa.array(wanted, pa.string())}))
        missing = self._connection.execute(
            f"SELECT name FROM wanted_names WHERE name NOT IN "
            f"(SELECT {column} FROM stays WHERE {column} IS NOT NULL)"
        ).fetchall()
        if missing:
            known = self._connection.execute(
                f"SELECT DISTINCT {column} FROM stays WHERE {column} IS NOT NULL ORDER BY 1 LIMIT 2000"
            ).fetchall()
            raise _unknown(column, missing[0][0], [row[0] for row in known])
        table = f"wanted_{column}"
        self._connection.execute(f"CREATE TEMP TABLE {table} AS SELECT name FROM wanted_names")
        return [f"s.{column} IN (SELECT name FROM {table})"]

    def meeting(self, where: str | None) -> list[str]:
        """A condition over movements; a step meets it when one of its movements does."""
        if where is None:
            return []
        expression = parse(where)
        if not expression.is_condition:
            raise BindRefusal.of("condition", where=where)
        columns = {name: quoted(name) for name in self._schema.names}
        for name in expression.names:
            if name not in columns:
                advice = listed(", ".join(columns), closest(name, list(columns)))
                raise BindRefusal.of("no-column", name=name, advice=advice)
        met = f"SELECT execution FROM movement WHERE {expression.sql(columns)}"
        return [f"s.execution IN ({met})"]

    def steps(self, conditions: Sequence[str], *, phases: bool) -> Steps:
        """The steps, with the equipment whose readings count, and their phases."""
        moment = f"TIMESTAMPTZ '{self._snapshot.moment.isoformat()}'"
        self._connection.execute(
            "CREATE TEMP TABLE chosen AS SELECT s.subject AS unit, s.subject_kind AS unit_kind,\n"
            "s.execution, s.segment, s.equipment, s.recipe, s.started, s.ended, s.clock_uncertainty, CASE\n"
            "WHEN s.equipment IS NULL THEN 'no-equipment'\n"
            "WHEN s.started IS NULL OR (s.ended IS NULL AND NOT s.timed) THEN 'no-start-or-no-end'\n"
            "WHEN s.ended < s.started THEN 'end-before-start'\n"
            f"WHEN s.ended IS NULL AND s.started > {moment} THEN 'start-after-now' END AS reason\n"
            f"FROM stays AS s WHERE {' AND '.join(conditions) or 'true'}"
        )
        reasons = self._connection.execute(
            "SELECT reason, count(*) FROM chosen WHERE reason IS NOT NULL GROUP BY reason ORDER BY reason"
        ).fetchall()
        self._connection.execute(
            "CREATE TEMP TABLE steps AS SELECT unit, unit_kind, execution, segment, equipment, recipe,\n"
            f"started, coalesce(ended, {moment}) AS ended, ended IS NULL AS open, clock_uncertainty\n"
            "FROM chosen WHERE reason IS NULL"
        )
        [(still_open,)] = self._connection.execute("SELECT count(*) FROM steps WHERE open").fetchall()
        copy_table(self._connection, "modules", self._modules())
        whole = "SELECT *, CAST(NULL AS VARCHAR) AS phase FROM steps"
        rows = f"{whole} UNION ALL {self._phases()}" if phases else whole
        columns = ", ".join(f"p.{name}" for name in SCHEMA.names if name != "equipment")
        table = self._connection.execute(
            f"SELECT {columns}, m.module AS equipment FROM ({rows}) AS p\n"
            "JOIN (SELECT equipment, module FROM modules\n"
            "UNION ALL SELECT DISTINCT equipment, equipment FROM steps) AS m ON m.equipment = p.equipment\n"
            "ORDER BY p.started, p.execution, p.unit, p.phase NULLS FIRST, m.module"
        ).to_arrow_table()
        return Steps(
            pa.table({f.name: table.column(f.name).cast(f.type) for f in SCHEMA}, schema=SCHEMA),
            int(still_open),
            dict(reasons),
        )

    def _modules(self) -> pa.Table:
        """Each equipment and the modules and tools below it, whose readings count for its steps."""
        master = self._snapshot.master.get("equipment")
        rows = [] if master is None else master.filter(master.column("is_current")).to_pylist()
        below: dict[str, list[str]] = {}
        for row in rows:
            if row.get("parent") and row.get("level") in MODULES:
                below.setdefault(row["parent"], []).append(row["id"])
        pairs: set[tuple[str, str]] = set()
        for top, nearest in below.items():
            waiting, seen = list(nearest), {top}
            while waiting:
                module = waiting.pop()
                if module not in seen:
                    seen.add(module)
                    pairs.add((top, module))
                    waiting += below.get(module, [])
        return pa.table(
            {
                "equipment": pa.array([pair[0] for pair in sorted(pairs)], pa.string()),
                "module": pa.array([pair[1] for pair in sorted(pairs)], pa.string()),
            }
        )

    def _phases(self) -> str:
        """SELECT of the phases: those that events name, and the planned ones of steps without any."""
        copy_table(self._connection, "planned", self._planned())
        names = self._snapshot.schemas[RecordKind.EVENT.value].names
        name = f"coalesce({quoted(PHASE)}, message)" if PHASE in names else "message"
        step = "s.unit, s.unit_kind, s.execution, s.segment, s.equipment, s.recipe"
        self._connection.execute(
            "CREATE TEMP TABLE begun AS\n"
            f"WITH named AS (SELECT {name} AS phase, subject, subject_kind, equipment, time FROM event\n"
            f"WHERE event = '{PHASE}' AND time IS NOT NULL AND {name} IS NOT NULL),\n"
            f"own AS (SELECT {step}, s.started, s.ended, s.open, s.clock_uncertainty, e.phase, e.time\n"
            "FROM steps AS s JOIN named AS e ON e.subject_kind = 'execution' AND e.subject = s.execution\n"
            f"UNION ALL SELECT {step}, s.started, s.ended, s.open, s.clock_uncertainty, e.phase, e.time\n"
            "FROM steps AS s JOIN named AS e ON e.subject IS NULL AND e.equipment = s.equipment\n"
            "AND e.time >= s.started AND e.time < s.ended)\n"
            "SELECT *, lead(time) OVER (PARTITION BY unit, unit_kind, execution, segment, started\n"
            "ORDER BY time, phase) AS next_time FROM own WHERE time >= started AND time < ended"
        )
        columns = "unit, unit_kind, execution, segment, equipment, recipe"
        return (
            f"SELECT {columns}, time AS started, coalesce(next_time, ended) AS ended, open,\n"
            "clock_uncertainty, phase FROM begun\n"
            f"UNION ALL SELECT {step}, s.started + to_microseconds(p.begins) AS started,\n"
            "least(s.started + to_microseconds(p.ends), s.ended) AS ended, s.open, s.clock_uncertainty,\n"
            "p.phase FROM steps AS s JOIN planned AS p ON p.recipe = s.recipe\n"
            "WHERE s.started + to_microseconds(p.begins) < s.ended AND NOT EXISTS (SELECT 1 FROM begun AS b\n"
            "WHERE b.unit = s.unit AND b.execution = s.execution AND b.started = s.started)"
        )

    def _planned(self) -> pa.Table:
        """The phases of each recipe, in microseconds from the step's start."""
        master = self._snapshot.master.get("recipe")
        rows: list[dict[str, Any]] = []
        if master is not None and "phases" in master.column_names:
            for recipe in master.filter(master.column("is_current")).to_pylist():
                planned = json.loads(recipe["phases"] or "[]")
                rows += [{"recipe": recipe["id"], **phase} for phase in planned]
        return pa.table(
            {
                "recipe": pa.array([row["recipe"] for row in rows], pa.string()),
                "phase": pa.array([row["name"] for row in rows], pa.string()),
                "begins": pa.array([round(row["start"] * 1e6) for row in rows], pa.int64()),
                "ends": pa.array([round(row["end"] * 1e6) for row in rows], pa.int64()),
            }
        )


def _unknown(column: str, name: str, known: list[str]) -> BindRefusal:
    shown = ", ".join(known[:30]) + (" …" if len(known) > 30 else "")
    advice = listed(shown, closest(name, known)) if known else CATALOGUE.text("bind.no-steps")
    return BindRefusal.of(f"no-{column}", name=name, advice=advice)
