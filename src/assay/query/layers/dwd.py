"""DWD: records typed, in one unit, without repetitions, and matched to units and lots.

The SQL is plain SQL and the forms of :class:`~assay.query.dialect.Dialect`, so that any engine can run it.
Of several records with one natural key the one recorded last counts, and corrections replace what they
correct. Inferred movements are no stays: what may have been in a step wasn't seen there.
"""

from __future__ import annotations

import pyarrow as pa

from assay.model.kinds import TIME, WORD, Role
from assay.query.judging import conforming, in_force, limited, typed
from assay.query.layers.definition import CHANGED, WANTED, Definition, Ground, Making
from assay.query.masters import CHARACTERISTICS, CONVERSIONS, SIGNALS, SPECIFICATIONS
from assay.query.standing import LATEST, standing

_UNIT_SCHEMA = (pa.field("unit_id", pa.string()), pa.field("lot_id", pa.string()))

READING_SCHEMA = pa.schema(
    [
        pa.field("signal", WORD, nullable=False),
        pa.field("equipment", WORD),
        pa.field("time", TIME, nullable=False),
        pa.field("value", pa.float64()),
        pa.field("text", WORD),
        pa.field("unit", WORD),
        pa.field("quality", WORD),
        pa.field("clock_uncertainty", pa.float64()),
        pa.field("recorded", TIME, nullable=False),
    ]
)
"""Columns of ``dwd_reading``."""

_OCCUPANCY = (
    pa.field("subject_kind", WORD, nullable=False),
    pa.field("subject", pa.string(), nullable=False),
    pa.field("execution", pa.string(), nullable=False),
    pa.field("segment", WORD),
    pa.field("equipment", WORD),
    pa.field("carrier", WORD),
    pa.field("person", WORD),
    pa.field("recipe", WORD),
    pa.field("work_order", WORD),
    pa.field("roles", WORD),
    pa.field("position", WORD),
    pa.field("material", WORD),
    pa.field("quantity", pa.float64()),
    pa.field("unit", WORD),
    pa.field("started", TIME),
    pa.field("ended", TIME),
    pa.field("clock_uncertainty", pa.float64()),
)

RESULT_SCHEMA = pa.schema(
    [
        pa.field("subject_kind", WORD, nullable=False),
        pa.field("subject", pa.string(), nullable=False),
        *_UNIT_SCHEMA,
        pa.field("execution", pa.string()),
        *[pa.field(name, WORD) for name in ("segment", "equipment", "person", "gauge", "method", "material")],
        pa.field("characteristic", WORD, nullable=False),
        pa.field("value", pa.float64()),
        pa.field("text", WORD),
        pa.field("unit", WORD),
        pa.field("lower_specification_limit", pa.float64()),
        pa.field("upper_specification_limit", pa.float64()),
        pa.field("target", pa.float64()),
        pa.field("conforming", pa.bool_()),
        pa.field("time", TIME),
        pa.field("recorded", TIME, nullable=False),
        pa.field("clock_uncertainty", pa.float64()),
        pa.field("source", WORD, nullable=False),
        pa.field("epoch", WORD, nullable=False),
        pa.field("seq", pa.int64(), nullable=False),
    ]
)
"""Columns of ``dwd_result``."""

EVENT_SCHEMA = pa.schema(
    [
        pa.field("event", WORD, nullable=False),
        pa.field("subject_kind", WORD),
        pa.field("subject", pa.string()),
        *_UNIT_SCHEMA,
        pa.field("execution", pa.string()),
        pa.field("segment", WORD),
        pa.field("equipment", WORD),
        pa.field("severity", WORD),
        pa.field("message", pa.string()),
        pa.field("time", TIME),
        pa.field("recorded", TIME, nullable=False),
        pa.field("clock_uncertainty", pa.float64()),
        pa.field("key_hash", pa.int64(), nullable=False),
        pa.field("source", WORD, nullable=False),
        pa.field("epoch", WORD, nullable=False),
        pa.field("seq", pa.int64(), nullable=False),
    ]
)
"""Columns of ``dwd_event``."""


def occupancy_schema(ground: Ground) -> pa.Schema:
    """Columns of ``dwd_occupancy``: the core, then the plant's own columns of movements."""
    return pa.schema([*_OCCUPANCY, *ground.attributes.get("movement", ())])


def _reading(making: Making) -> str:
    has_signals = making.ground.masters[SIGNALS].num_rows > 0
    equipment = "coalesce(r.equipment, s.equipment)" if has_signals else "r.equipment"
    value, unit, joined = "r.value", "r.unit", ""
    if has_signals:
        value = "CASE WHEN c.factor IS NULL THEN r.value ELSE r.value * c.factor + c.shift END"
        unit = "CASE WHEN c.factor IS NULL THEN coalesce(r.unit, s.unit) ELSE s.unit END"
        joined = (
            f"LEFT JOIN {SIGNALS} AS s ON s.id = r.signal AND {in_force('s', 'r.time')}\n"
            f"LEFT JOIN {CONVERSIONS} AS c ON c.unit = r.unit AND c.into = s.unit\n"
        )
    return (
        "SELECT signal, equipment, time, value, text, unit, quality, clock_uncertainty, recorded, date\n"
        "FROM (\n"
        f"SELECT r.signal, {equipment} AS equipment, r.time, {value} AS value, r.text, {unit} AS unit,\n"
        "r.quality, r.clock_uncertainty, r.recorded, r.date,\n"
        f"row_number() OVER (PARTITION BY r.signal, {equipment}, r.time ORDER BY r.recorded DESC,\n"
        "r.source DESC, r.epoch DESC, r.seq DESC) AS place\n"
        f"FROM reading AS r\n{joined}"
        f"WHERE r.time IS NOT NULL AND {making.only(date='r.date')}) AS q WHERE place = 1"
    )


READING = Definition(
    name="dwd_reading",
    title="One reading of a signal at a time, in the signal's unit; the reading recorded last counts.",
    inputs=("reading",),
    schema=lambda _: READING_SCHEMA,
    key=("date",),
    sort=("signal", "equipment", "time"),
    rows=_reading,
    touched={"reading": lambda _: f"SELECT DISTINCT date FROM {CHANGED}reading WHERE time IS NOT NULL"},
    masters=(SIGNALS,),
    by_date=True,
    timed="time",
)


def _latest(table: str, key: str, where: str) -> str:
    """The records of a kind without those that a later one of the same key replaces."""
    return (
        f"SELECT * FROM (SELECT r.*, row_number() OVER (PARTITION BY r.key_hash, {key}\n"
        f"ORDER BY {LATEST}) AS place FROM {table} AS r WHERE {where}) AS q WHERE place = 1"
    )


def _occupancy(making: Making) -> str:
    d = making.dialect
    own = [d.quoted(column.name) for column in making.ground.attributes.get("movement", ())]
    step = ("equipment", "carrier", "person", "recipe", "work_order")
    roles = ", ".join(
        f"CASE WHEN {d.any_of(f'role = {d.literal(role.value)}')} THEN {d.literal(role.value)} END"
        for role in Role
    )
    run_columns = "".join(f", min({name}) AS {name}" for name in (*step, *own))
    part_columns = "".join(f", min({name}) AS {name}" for name in (*step, *own, "position", "material"))
    either = ", ".join(f"coalesce(p.{name}, r.{name}) AS {name}" for name in step)
    extra = "".join(f", coalesce(p.{name}, r.{name}) AS {name}" for name in own)
    started = "coalesce(p.started, r.started, p.seen, r.seen)"
    wanted = making.only(execution="r.execution")
    return (
        "WITH said AS (\n"
        f"{_latest('movement', 'r.execution', f'r.confidence IS NULL AND {wanted}')}),\n"
        "named AS (SELECT execution, min(segment) AS only_segment FROM said WHERE segment IS NOT NULL\n"
        "GROUP BY execution HAVING min(segment) = max(segment)),\n"
        "placed AS (SELECT s.*, coalesce(s.segment, n.only_segment, '') AS step\n"
        "FROM said AS s LEFT JOIN named AS n ON n.execution = s.execution),\n"
        f"{standing('placed', ('execution', 'step', 'role', 'subject_kind', 'subject'))},\n"
        "runs AS (SELECT execution, step, min(started) AS started, max(ended) AS ended, min(time) AS seen,\n"
        f"min(recorded) AS noted{run_columns} FROM standing GROUP BY execution, step),\n"
        "parts AS (SELECT execution, step, subject_kind, subject,\n"
        "min(started) AS started, max(ended) AS ended, min(time) AS seen,\n"
        f"concat_ws(',', {roles}) AS roles,\n"
        "CASE WHEN min(role) = max(role) AND count(unit) IN (0, count(quantity))\n"
        f"AND (count(unit) = 0 OR min(unit) = max(unit)) THEN {d.total('quantity')} END AS quantity,\n"
        "CASE WHEN min(unit) = max(unit) THEN min(unit) END AS unit,\n"
        f"max(clock_uncertainty) AS clock_uncertainty{part_columns}\n"
        "FROM standing WHERE subject_kind IN ('unit', 'lot')\n"
        "GROUP BY execution, step, subject_kind, subject)\n"
        "SELECT p.subject_kind, p.subject, p.execution, nullif(p.step, '') AS segment,\n"
        f"{either}, p.roles, p.position, p.material, p.quantity, p.unit,\n"
        f"{started} AS started, coalesce(p.ended, r.ended) AS ended, p.clock_uncertainty{extra},\n"
        f"{d.date(f'coalesce({started[9:-1]}, r.noted)')} AS date\n"
        "FROM parts AS p JOIN runs AS r ON r.execution = p.execution AND r.step = p.step"
    )


OCCUPANCY = Definition(
    name="dwd_occupancy",
    title="One unit or lot in one execution of a segment: where, from when to when, with what.",
    inputs=("movement",),
    schema=occupancy_schema,
    key=("execution",),
    sort=("equipment", "started", "subject_kind", "subject", "execution", "segment"),
    rows=_occupancy,
    touched={"movement": lambda _: f"SELECT DISTINCT execution FROM {CHANGED}movement"},
    timed="started",
)

_SAME_STEP = "coalesce({a}.segment, '') = coalesce({b}.segment, '')"


def _lots(limit: str) -> str:
    """The lot of each unit: one that shares an execution with it, a produced one first, then the earliest."""
    produced = "CASE WHEN l.roles LIKE '%produced%' THEN 0 ELSE 1 END"
    return (
        "SELECT unit_id, lot_id FROM (SELECT u.subject AS unit_id, l.subject AS lot_id,\n"
        f"row_number() OVER (PARTITION BY u.subject ORDER BY {produced},\n"
        "coalesce(l.started, l.ended) NULLS LAST, l.subject, l.execution) AS place\n"
        "FROM dwd_occupancy AS u JOIN dwd_occupancy AS l ON l.execution = u.execution\n"
        f"AND {_SAME_STEP.format(a='l', b='u')} AND l.subject_kind = 'lot'\n"
        f"WHERE u.subject_kind = 'unit' AND {limit}) AS q WHERE place = 1"
    )


def _workpieces(limit: str) -> str:
    """The units that results of an execution belong to: those made or worked on, all where there are none."""
    worked = " OR ".join(
        f"o.roles LIKE '%{role}%'" for role in (Role.PRODUCED, Role.USED, Role.BY_PRODUCT, Role.RETURNED)
    )
    worked = f"CASE WHEN {worked} THEN 1 ELSE 0 END"
    return (
        "SELECT execution, step, unit_id, equipment FROM (\n"
        "SELECT o.execution, coalesce(o.segment, '') AS step, o.subject AS unit_id, o.equipment,\n"
        f"{worked} AS worked,\n"
        f"max({worked}) OVER (PARTITION BY o.execution, coalesce(o.segment, '')) AS most\n"
        f"FROM dwd_occupancy AS o WHERE o.subject_kind = 'unit' AND {limit}) AS q WHERE worked = most"
    )


def _result(making: Making) -> str:
    d = making.dialect
    asked = making.only(subject_kind="r.subject_kind", subject="r.subject")
    runs = f"SELECT subject FROM {WANTED} WHERE subject_kind = 'execution'"
    units = (
        f"SELECT subject FROM {WANTED} WHERE subject_kind = 'unit' UNION\n"
        f"SELECT subject FROM dwd_occupancy WHERE subject_kind = 'unit' AND execution IN ({runs})"
    )
    lots = f"SELECT subject FROM {WANTED} WHERE subject_kind = 'lot'"
    own_units, own_lots = making.only_among("u.subject", units), making.only_among("u.subject", lots)
    own_runs = making.only_among("o.execution", runs)
    columns = ", ".join(f"m.{name}" for name in ("person", "gauge", "method"))
    time = "coalesce(f.time, f.recorded)"
    in_unit = typed("f", time)
    limits = limited(
        "m", making.ground.masters[SPECIFICATIONS], "coalesce(m.time, m.recorded)", segment="step"
    )
    good = conforming(d, "m.text", "m.typed_value", limits.low, limits.high)
    return (
        "WITH said AS (\n"
        f"{_latest('measurement', 'r.subject_kind, r.subject', asked)}),\n"
        "named AS (SELECT execution, min(coalesce(segment, '')) AS only_segment FROM dwd_occupancy AS o\n"
        f"WHERE {own_runs} GROUP BY execution\n"
        "HAVING min(coalesce(segment, '')) = max(coalesce(segment, ''))),\n"
        f"lots AS ({_lots(own_units)}),\n"
        "products AS (SELECT u.subject_kind, u.subject, min(u.material) AS material\n"
        f"FROM dwd_occupancy AS u WHERE u.subject_kind = 'unit' AND {own_units}\n"
        f"OR u.subject_kind = 'lot' AND {own_lots} GROUP BY u.subject_kind, u.subject),\n"
        f"made AS ({_workpieces(own_runs)}),\n"
        "placed AS (SELECT s.*, coalesce(s.segment, n.only_segment) AS step FROM said AS s\n"
        "LEFT JOIN named AS n ON s.subject_kind = 'execution' AND n.execution = s.subject),\n"
        "found AS (SELECT p.*,\n"
        "CASE WHEN p.subject_kind = 'unit' THEN p.subject ELSE m.unit_id END AS unit_id,\n"
        "CASE WHEN p.subject_kind = 'execution' THEN p.subject END AS execution,\n"
        "coalesce(p.equipment, m.equipment) AS place_of\n"
        "FROM placed AS p LEFT JOIN made AS m\n"
        "ON p.subject_kind = 'execution' AND m.execution = p.subject AND m.step = p.step),\n"
        "typed AS (SELECT f.*,\n"
        "CASE WHEN f.subject_kind = 'lot' THEN f.subject ELSE l.lot_id END AS lot_id, g.material,\n"
        f"{in_unit.value} AS typed_value,\n{in_unit.unit} AS typed_unit\n"
        "FROM found AS f LEFT JOIN lots AS l ON l.unit_id = f.unit_id\n"
        "LEFT JOIN products AS g ON g.subject = coalesce(f.unit_id, f.subject)\n"
        "AND g.subject_kind = CASE WHEN f.unit_id IS NULL THEN f.subject_kind ELSE 'unit' END\n"
        f"{in_unit.joins})\n"
        "SELECT m.subject_kind, m.subject, m.unit_id, m.lot_id, m.execution, nullif(m.step, '') AS segment,\n"
        f"m.place_of AS equipment, {columns}, m.material, m.characteristic, m.typed_value AS value, m.text,\n"
        f"m.typed_unit AS unit, {limits.low} AS lower_specification_limit,\n"
        f"{limits.high} AS upper_specification_limit, {limits.target} AS target,\n"
        f"{good} AS conforming,\n"
        "m.time, m.recorded, m.clock_uncertainty, m.source, m.epoch, m.seq,\n"
        f"{d.date('coalesce(m.time, m.recorded)')} AS date\n"
        f"FROM typed AS m\n{limits.joins}"
    )


def _results_of_movements(_: Making) -> str:
    """Measurements of executions, units and lots that changed occupancy concerns, as far as lots reach."""
    changed = f"{CHANGED}dwd_occupancy"
    return (
        f"WITH hit AS (SELECT DISTINCT execution FROM {changed}),\n"
        f"units AS (SELECT subject FROM {changed} WHERE subject_kind = 'unit' UNION\n"
        "SELECT subject FROM dwd_occupancy WHERE subject_kind = 'unit'\n"
        "AND execution IN (SELECT execution FROM hit))\n"
        "SELECT 'unit' AS subject_kind, subject FROM units UNION\n"
        "SELECT 'execution', execution FROM hit UNION\n"
        "SELECT 'execution', execution FROM dwd_occupancy WHERE subject_kind = 'unit'\n"
        "AND subject IN (SELECT subject FROM units) UNION\n"
        f"SELECT 'lot', subject FROM {changed} WHERE subject_kind = 'lot'"
    )


RESULT = Definition(
    name="dwd_result",
    title="One measurement of one unit (or lot), with the limits in force then and whether it conforms.",
    inputs=("measurement", "dwd_occupancy"),
    schema=lambda _: RESULT_SCHEMA,
    key=("subject_kind", "subject"),
    sort=("characteristic", "time", "unit_id", "subject_kind", "subject", "source", "epoch", "seq"),
    rows=_result,
    touched={
        "measurement": lambda _: f"SELECT DISTINCT subject_kind, subject FROM {CHANGED}measurement",
        "dwd_occupancy": _results_of_movements,
    },
    masters=(CHARACTERISTICS, SPECIFICATIONS),
    timed="time",
)


def _at(occupancy: str, event: str) -> str:
    """Whether an event lies in a stay: from its start up to, and without, its end."""
    return (
        f"{occupancy}.equipment = {event}.equipment AND {occupancy}.started <= {event}.time\n"
        f"AND ({event}.time < {occupancy}.ended OR {event}.time = {occupancy}.started)"
    )


def _event(making: Making) -> str:
    d = making.dialect
    return (
        f"WITH said AS ({_latest('event', 'r.event', making.only(key_hash='r.key_hash'))}),\n"
        f"lots AS ({_lots('true')}),\n"
        "stays AS (SELECT * FROM dwd_occupancy WHERE subject_kind = 'unit'),\n"
        "found AS (\n"
        "SELECT e.source, e.epoch, e.seq, o.subject AS unit_id, o.execution, o.segment FROM said AS e\n"
        f"JOIN stays AS o ON {_at('o', 'e')} WHERE e.subject IS NULL\n"
        "UNION ALL\n"
        "SELECT e.source, e.epoch, e.seq, o.subject, o.execution, o.segment FROM said AS e\n"
        "JOIN stays AS o ON e.subject_kind = 'execution' AND o.execution = e.subject),\n"
        "matched AS (SELECT e.*, f.unit_id AS found_unit,\n"
        "CASE WHEN e.subject_kind = 'execution' THEN e.subject ELSE f.execution END AS in_execution,\n"
        "f.segment AS in_segment,\n"
        "CASE WHEN e.subject_kind = 'unit' THEN e.subject ELSE f.unit_id END AS unit_id\n"
        "FROM said AS e LEFT JOIN found AS f\n"
        "ON f.source = e.source AND f.epoch = e.epoch AND f.seq = e.seq)\n"
        "SELECT m.event, m.subject_kind, m.subject, m.unit_id,\n"
        "CASE WHEN m.subject_kind = 'lot' THEN m.subject ELSE l.lot_id END AS lot_id,\n"
        "m.in_execution AS execution, m.in_segment AS segment, m.equipment, m.severity, m.message, m.time,\n"
        "m.recorded, m.clock_uncertainty, m.key_hash, m.source, m.epoch, m.seq,\n"
        f"{d.date('coalesce(m.time, m.recorded)')} AS date\n"
        "FROM matched AS m LEFT JOIN lots AS l ON l.unit_id = m.unit_id"
    )


def _events_of_movements(_: Making) -> str:
    """Events that changed stays concern: at their time and place, of their execution, of their units."""
    changed = f"{CHANGED}dwd_occupancy"
    return (
        f"WITH hit AS (SELECT DISTINCT execution FROM {changed}),\n"
        f"units AS (SELECT subject FROM {changed} WHERE subject_kind = 'unit' UNION\n"
        "SELECT subject FROM dwd_occupancy WHERE subject_kind = 'unit'\n"
        "AND execution IN (SELECT execution FROM hit))\n"
        "SELECT key_hash FROM event WHERE subject_kind = 'unit' AND subject IN (SELECT subject FROM units)\n"
        "UNION SELECT key_hash FROM event WHERE subject_kind = 'execution'\n"
        "AND subject IN (SELECT execution FROM dwd_occupancy WHERE subject_kind = 'unit'\n"
        "AND subject IN (SELECT subject FROM units) UNION SELECT execution FROM hit)\n"
        f"UNION SELECT e.key_hash FROM event AS e JOIN {changed} AS o ON {_at('o', 'e')}\n"
        "WHERE e.subject IS NULL\n"
        "UNION SELECT e.key_hash FROM event AS e JOIN dwd_occupancy AS o\n"
        f"ON {_at('o', 'e')} AND o.subject IN (SELECT subject FROM units) WHERE e.subject IS NULL"
    )


EVENT = Definition(
    name="dwd_event",
    title="One event of one unit, as given or by where the unit was then; one row each for several units.",
    inputs=("event", "dwd_occupancy"),
    schema=lambda _: EVENT_SCHEMA,
    key=("key_hash",),
    sort=("event", "time", "unit_id", "key_hash", "source", "epoch", "seq", "execution", "segment"),
    rows=_event,
    touched={
        "event": lambda _: f"SELECT DISTINCT key_hash FROM {CHANGED}event",
        "dwd_occupancy": _events_of_movements,
    },
    timed="time",
)

DEFINITIONS = (READING, OCCUPANCY, RESULT, EVENT)
"""The tables of this layer, in the order in which they are derived."""
