"""ADS: tables as a model or a page wants them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

import pyarrow as pa

from assay.model.judgement import BAD_WORDS
from assay.model.kinds import TIME, WORD
from assay.query.layers.definition import CHANGED, Definition, Ground, Making
from assay.query.layers.dws import changed_days, production_day
from assay.query.masters import OFFSETS

FEATURES = ("mean",)
"""The features of signals that become columns of ``ads_unit``."""

MOST_FEATURES = 2_000
"""Where segments and signals make more columns than this, ``ads_unit`` has none of them."""

_OF = b"of"
_SQL_NAME = re.compile(r"[ ,;{}()\n\t=]")

YIELD_SCHEMA = pa.schema(
    [
        *[pa.field(name, WORD) for name in ("segment", "equipment", "product")],
        *[pa.field(name, pa.int64(), nullable=False) for name in ("units", "conforming", "nonconforming")],
        pa.field("yield", pa.float64(), nullable=False),
    ]
)
"""Columns of ``ads_yield``; ``date`` is the production day."""

_UNIT = (
    pa.field("unit_id", pa.string(), nullable=False),
    pa.field("product", WORD),
    pa.field("lot_id", pa.string()),
    pa.field("first_time", TIME),
    pa.field("last_time", TIME),
    pa.field("executions", pa.int64(), nullable=False),
    pa.field("conforming", pa.bool_()),
)


def unit_schema(ground: Ground) -> pa.Schema:
    """Columns of ``ads_unit``: the core, then one per characteristic and per feature of a step."""
    return pa.schema([*_UNIT, *ground.chosen.get("ads_unit", ())])


def chosen_columns(ask: Callable[[str], pa.Table]) -> list[pa.Field]:
    """The columns that the plant's results and step features make."""
    asked = (
        "SELECT characteristic, count(value) AS numbers, count(text) AS texts FROM dwd_result\n"
        "WHERE unit_id IS NOT NULL GROUP BY characteristic ORDER BY characteristic"
    )
    wanted: list[tuple[str, pa.DataType, list[str]]] = []
    for row in ask(asked).to_pylist():
        name = row["characteristic"]
        if row["numbers"]:
            wanted.append((name, pa.float64(), ["value", name]))
        if row["texts"]:
            wanted.append((f"{name}_text" if row["numbers"] else name, pa.string(), ["text", name]))
    asked = "SELECT DISTINCT segment, signal FROM dws_step_feature ORDER BY segment, signal"
    pairs = ask(asked).to_pylist()
    if len(pairs) * len(FEATURES) <= MOST_FEATURES:
        for pair in pairs:
            for feature in FEATURES:
                name = ".".join(part for part in (pair["segment"], pair["signal"], feature) if part)
                wanted.append((name, pa.float64(), [feature, pair["signal"], pair["segment"] or ""]))
    return list(_named(wanted))


def _named(wanted: Iterable[tuple[str, pa.DataType, Sequence[str]]]) -> Iterable[pa.Field]:
    """Columns with names that no other has, whatever the case, and that every reader of Delta takes."""
    taken = {field.name for field in _UNIT} | {"date"}
    for name, kind, of in wanted:
        plain = _SQL_NAME.sub("_", name)
        unique, number = plain, 2
        while unique.lower() in taken:
            unique, number = f"{plain}_{number}", number + 1
        taken.add(unique.lower())
        yield pa.field(unique, kind, metadata={_OF: "\0".join(of).encode()})


def _unit(making: Making) -> str:
    d = making.dialect
    results, features = [], []
    for column in making.ground.chosen.get("ads_unit", ()):
        what, *of = column.metadata[_OF].decode().split("\0")
        if len(of) == 1:
            sql = f"max(CASE WHEN characteristic = {d.literal(of[0])} THEN {what} END)"
            results.append(f"{sql} AS {d.quoted(column.name)}")
        else:
            same = f"signal = {d.literal(of[0])} AND coalesce(segment, '') = {d.literal(of[1])}"
            sql = f"max(CASE WHEN {same} THEN {d.quoted(what)} END)"
            features.append(f"{sql} AS {d.quoted(column.name)}")
    chosen = "".join(
        f", {table}.{d.quoted(column.name)}"
        for column in making.ground.chosen.get("ads_unit", ())
        for table in ["v" if len(column.metadata[_OF].split(b"\0")) == 2 else "f"]
    )
    bad = ", ".join(d.literal(word) for word in sorted(BAD_WORDS))
    mine = making.only(unit_id="a.unit_id")
    last = (
        "ORDER BY coalesce(a.time, a.recorded) DESC, a.recorded DESC, a.source DESC, a.epoch DESC, a.seq DESC"
    )
    return (
        "WITH stays AS (SELECT * FROM (SELECT o.*, o.subject AS unit_id FROM dwd_occupancy AS o\n"
        f"WHERE o.subject_kind = 'unit') AS a WHERE {mine}),\n"
        f"results AS (SELECT * FROM dwd_result AS a WHERE a.unit_id IS NOT NULL AND {mine}),\n"
        "events AS (SELECT * FROM dwd_event AS a WHERE a.subject_kind = 'unit' AND a.unit_id IS NOT NULL\n"
        f"AND {mine}),\n"
        "seen AS (\n"
        "SELECT unit_id, started AS first_time, coalesce(ended, started) AS last_time, date FROM stays\n"
        "UNION ALL SELECT unit_id, time, time, date FROM results\n"
        "UNION ALL SELECT unit_id, time, time, date FROM events),\n"
        "spans AS (SELECT unit_id, min(first_time) AS first_time, max(last_time) AS last_time,\n"
        "min(date) AS date FROM seen GROUP BY unit_id),\n"
        "steps AS (SELECT unit_id, count(*) AS executions, min(material) AS product\n"
        "FROM stays GROUP BY unit_id),\n"
        "judged AS (SELECT unit_id, min(good) AS good FROM (\n"
        "SELECT unit_id, CASE WHEN conforming THEN 1 ELSE 0 END AS good FROM results\n"
        "WHERE conforming IS NOT NULL\n"
        f"UNION ALL SELECT unit_id, 0 FROM events WHERE lower(event) IN ({bad})) AS j GROUP BY unit_id),\n"
        "lots AS (SELECT unit_id, min(lot_id) AS lot_id FROM (\n"
        "SELECT unit_id, lot_id FROM results UNION SELECT unit_id, lot_id FROM events) AS k\n"
        "GROUP BY unit_id),\n"
        "latest AS (SELECT * FROM (SELECT a.*, row_number() OVER (PARTITION BY a.unit_id, a.characteristic\n"
        f"{last}) AS place FROM results AS a) AS b WHERE place = 1),\n"
        f"v AS (SELECT {', '.join(['unit_id', *results])} FROM latest GROUP BY unit_id),\n"
        "featured AS (SELECT * FROM (SELECT a.*, row_number() OVER (PARTITION BY a.unit_id,\n"
        "coalesce(a.segment, ''), a.signal ORDER BY a.started DESC, a.execution DESC) AS place\n"
        f"FROM dws_step_feature AS a WHERE {mine}) AS b WHERE place = 1),\n"
        f"f AS (SELECT {', '.join(['unit_id', *features])} FROM featured GROUP BY unit_id)\n"
        "SELECT s.unit_id, t.product, l.lot_id, s.first_time, s.last_time,\n"
        f"coalesce(t.executions, 0) AS executions, j.good = 1 AS conforming{chosen}, s.date AS date\n"
        "FROM spans AS s LEFT JOIN steps AS t ON t.unit_id = s.unit_id\n"
        "LEFT JOIN judged AS j ON j.unit_id = s.unit_id LEFT JOIN lots AS l ON l.unit_id = s.unit_id\n"
        "LEFT JOIN v ON v.unit_id = s.unit_id LEFT JOIN f ON f.unit_id = s.unit_id"
    )


def _units_of(table: str, column: str, where: str = "true") -> Callable[[Making], str]:
    sql = f"SELECT DISTINCT {column} AS unit_id FROM {CHANGED}{table} WHERE {column} IS NOT NULL AND {where}"
    return lambda _: sql


UNIT = Definition(
    name="ads_unit",
    title="One unit: what it is, whether it conforms, its last results and the features of its steps.",
    inputs=("dwd_occupancy", "dwd_result", "dwd_event", "dws_step_feature"),
    schema=unit_schema,
    key=("unit_id",),
    sort=("unit_id",),
    rows=_unit,
    touched={
        "dwd_occupancy": _units_of("dwd_occupancy", "subject", "subject_kind = 'unit'"),
        "dwd_result": _units_of("dwd_result", "unit_id"),
        "dwd_event": _units_of("dwd_event", "unit_id", "subject_kind = 'unit'"),
        "dws_step_feature": _units_of("dws_step_feature", "unit_id"),
    },
    choose=chosen_columns,
)


def _yield(making: Making) -> str:
    d = making.dialect
    group = "day, segment, equipment, material"
    return (
        f"SELECT segment, equipment, material AS product, count(*) AS units, sum(good) AS conforming,\n"
        "count(*) - sum(good) AS nonconforming,\n"
        f"{d.divided('sum(good)', 'count(*)')} AS {d.quoted('yield')},\n"
        "day AS date FROM (\n"
        f"SELECT {group}, coalesce(unit_id, lot_id) AS subject, execution,\n"
        "min(CASE WHEN conforming THEN 1 ELSE 0 END) AS good\n"
        f"FROM ({production_day(making, 'dwd_result')}) AS p\n"
        "WHERE conforming IS NOT NULL AND coalesce(unit_id, lot_id) IS NOT NULL\n"
        f"AND {making.only(date='p.day')}\n"
        f"GROUP BY {group}, coalesce(unit_id, lot_id), execution) AS passes GROUP BY {group}"
    )


YIELD = Definition(
    name="ads_yield",
    title="How many passes of units through a step were judged good, by production day, place and product.",
    inputs=("dwd_result",),
    schema=lambda _: YIELD_SCHEMA,
    key=("date",),
    sort=("segment", "equipment", "product"),
    rows=_yield,
    touched={"dwd_result": changed_days},
    masters=(OFFSETS,),
)

DEFINITIONS = (UNIT, YIELD)
"""The tables of this layer, in the order in which they are derived."""
