"""DWS: results summed up by lot, shift and place; features of signals per unit and step.

Sums can be merged: count, mean and standard deviation of two groups give those of both together (Chan,
Golub and LeVeque 1983, *The American Statistician* 37), see :func:`merged`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import pyarrow as pa

from assay.model.kinds import TIME, WORD
from assay.query.layers.definition import CHANGED, Definition, Making
from assay.query.masters import OFFSETS

SHIFTS = (6, 14, 22)
"""The local hours at which the early, late and night shifts begin; a night belongs to the day it began."""

RESULT_SCHEMA = pa.schema(
    [
        pa.field("shift", pa.int64(), nullable=False),
        *[pa.field(name, WORD) for name in ("segment", "equipment", "material")],
        pa.field("lot_id", pa.string()),
        pa.field("characteristic", WORD, nullable=False),
        pa.field("unit", WORD),
        pa.field("results", pa.int64(), nullable=False),
        pa.field("n", pa.int64(), nullable=False),
        *[pa.field(name, pa.float64()) for name in ("mean", "std", "min", "max")],
        pa.field("judged", pa.int64(), nullable=False),
        pa.field("nonconforming", pa.int64(), nullable=False),
    ]
)
"""Columns of ``dws_result``; ``date`` is the production day."""


@dataclass(frozen=True, slots=True)
class Sums:
    """Count, mean and sample standard deviation of some values (None where there are too few)."""

    n: int
    mean: float | None
    std: float | None


def merged(a: Sums, b: Sums) -> Sums:
    """The sums of two groups of values together."""
    if not a.n or a.mean is None:
        return b
    if not b.n or b.mean is None:
        return a
    n = a.n + b.n
    apart = b.mean - a.mean
    squares = (a.std or 0.0) ** 2 * (a.n - 1) + (b.std or 0.0) ** 2 * (b.n - 1) + apart**2 * a.n * b.n / n
    return Sums(n, a.mean + apart * b.n / n, math.sqrt(squares / (n - 1)))


def production_day(making: Making, results: str) -> str:
    """SELECT of results with ``day`` and ``shift``: plant time, the day beginning with the early shift."""
    d = making.dialect
    early, late, night = SHIFTS
    moment = "coalesce(r.time, r.recorded)"
    hour = d.hour("q.local")
    return (
        f"SELECT q.*, {d.date(d.moved('q.local', d.literal(-3600.0 * early)))} AS day,\n"
        f"CASE WHEN {hour} >= {night} OR {hour} < {early} THEN 3 WHEN {hour} >= {late} THEN 2 ELSE 1 END\n"
        f"AS shift FROM (SELECT r.*, {d.moved(moment, 'z.seconds')} AS local\n"
        f"FROM {results} AS r JOIN {OFFSETS} AS z\n"
        f"ON (z.since IS NULL OR z.since <= {moment}) AND (z.until IS NULL OR {moment} < z.until)) AS q"
    )


def changed_days(making: Making) -> str:
    """The production days of results that came or went."""
    return f"SELECT DISTINCT day AS date FROM ({production_day(making, f'{CHANGED}dwd_result')}) AS c"


def _result(making: Making) -> str:
    d = making.dialect
    once = (
        "(SELECT * FROM (SELECT a.*, row_number() OVER (PARTITION BY a.source, a.epoch, a.seq, a.lot_id\n"
        "ORDER BY a.unit_id NULLS LAST) AS place FROM dwd_result AS a) AS b WHERE b.place = 1)"
    )
    group = "shift, segment, equipment, material, lot_id, characteristic, unit"
    return (
        f"SELECT {group}, count(*) AS results, count(value) AS n, {d.mean('value')} AS mean,\n"
        f"{d.std('value')} AS std, {d.least('value')} AS min, {d.greatest('value')} AS max,\n"
        "count(conforming) AS judged,\n"
        "count(CASE WHEN NOT conforming THEN 1 END) AS nonconforming, day AS date\n"
        f"FROM ({production_day(making, once)}) AS p WHERE {making.only(date='p.day')}\n"
        f"GROUP BY {group}, day"
    )


FEATURES = ("n", "mean", "std", "min", "max", "first", "last", "slope")
"""The features of each signal over each stay, as :mod:`assay.query.bind` knows them."""

FEATURE_SCHEMA = pa.schema(
    [
        pa.field("unit_id", pa.string(), nullable=False),
        pa.field("execution", pa.string(), nullable=False),
        *[pa.field(name, WORD) for name in ("segment", "equipment")],
        pa.field("started", TIME),
        pa.field("ended", TIME),
        pa.field("signal", WORD, nullable=False),
        pa.field("n", pa.int64(), nullable=False),
        *[pa.field(name, pa.float64()) for name in FEATURES if name != "n"],
    ]
)
"""Columns of ``dws_step_feature``."""


def stays(making: Making) -> str:
    """SELECT of the stays of units whose start, end and place are known: the intervals of the features."""
    return (
        "SELECT o.subject AS unit_id, o.execution, o.segment, o.equipment, o.started, o.ended,\n"
        "o.clock_uncertainty, o.date FROM dwd_occupancy AS o WHERE o.subject_kind = 'unit'\n"
        "AND o.equipment IS NOT NULL AND o.started IS NOT NULL AND o.ended >= o.started\n"
        f"AND {making.only(execution='o.execution')}"
    )


def _executions_of_readings(making: Making) -> str:
    """Executions with a stay that reaches into a date in which readings came or went."""
    d = making.dialect
    return (
        "SELECT DISTINCT o.execution FROM dwd_occupancy AS o\n"
        f"JOIN (SELECT DISTINCT equipment, date FROM {CHANGED}dwd_reading) AS c\n"
        f"ON c.equipment = o.equipment AND {d.date('o.started')} <= c.date AND c.date <= {d.date('o.ended')}"
    )


STEP_FEATURE = Definition(
    name="dws_step_feature",
    title="One signal over the stay of one unit in one execution: its features.",
    inputs=("dwd_occupancy", "dwd_reading"),
    schema=lambda _: FEATURE_SCHEMA,
    key=("execution",),
    sort=("segment", "signal", "unit_id", "execution"),
    rows=stays,
    touched={
        "dwd_occupancy": lambda _: f"SELECT DISTINCT execution FROM {CHANGED}dwd_occupancy",
        "dwd_reading": _executions_of_readings,
    },
    features=FEATURES,
    timed="started",
)

RESULT = Definition(
    name="dws_result",
    title="The results of one characteristic by production day, shift, segment, equipment, lot.",
    inputs=("dwd_result",),
    schema=lambda _: RESULT_SCHEMA,
    key=("date",),
    sort=("characteristic", "shift", "segment", "equipment", "material", "lot_id", "unit"),
    rows=_result,
    touched={"dwd_result": changed_days},
    masters=(OFFSETS,),
)

DEFINITIONS = (STEP_FEATURE, RESULT)
"""The tables of this layer, in the order in which they are derived."""
