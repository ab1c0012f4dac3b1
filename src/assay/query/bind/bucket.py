"""Binding as plain SQL, for engines that the kernel doesn't run on.

An interval no longer than a bucket lies in at most two of them, so that a join on equipment and bucket finds
all pairs, and the exact edges are what is left to check. Intervals of very different length get buckets of
different width. Sums are centred: the means are joined back, and a second pass adds up what differs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assay.query.bind.features import FeatureSet
from assay.query.bind.spans import Spans
from assay.query.dialect import Dialect

SPREAD = 8
"""Intervals of one bucket width differ in length by at most this; each width reads the readings once."""

SHORTEST = 1_000_000
"""No bucket is narrower than a second."""

INTERVALS = "bind_intervals"
"""The relation that :func:`interval_table` is registered under."""


def interval_table(spans: Spans) -> pa.Table:
    """The intervals as a relation: span (their row), equipment, begun, stop, own clock uncertainty."""
    names = pa.array(spans.equipment, pa.string())
    slots = np.repeat(np.arange(len(spans.equipment)), np.diff(spans.bounds))
    return pa.table(
        {
            "span": pa.array(spans.row),
            "equipment": names.take(pa.array(slots)),
            "begun": pa.array(spans.begun),
            "stop": pa.array(spans.over),
            "own": pa.array(spans.doubt, from_pandas=True),
        }
    )


def widths(spans: Spans) -> tuple[int, ...]:
    """The bucket widths for these intervals in microseconds, widest first."""
    return widths_of(spans.over - spans.begun)


def widths_of(lengths: NDArray[np.int64]) -> tuple[int, ...]:
    """The bucket widths for intervals of these lengths, both in microseconds, widest first."""
    lengths = np.sort(lengths)
    found: list[int] = []
    while len(lengths):
        found.append(max(int(lengths[-1]), SHORTEST))
        lengths = lengths[: int(np.searchsorted(lengths, found[-1] // SPREAD, side="right"))]
        if found[-1] == SHORTEST:
            break
    return tuple(found)


def bucket_sql(
    dialect: Dialect,
    asked: FeatureSet,
    buckets: Sequence[int],
    *,
    readings: str = "reading",
    intervals: str = INTERVALS,
    signals: Sequence[str] | None = None,
    distinct: bool = True,
    between: tuple[str, str] | None = None,
) -> str:
    """The statement that makes one row per span and signal that has readings.

    Parameters
    ----------
    dialect
        The engine's forms.
    asked
        The features; those a plant made itself are computed from the result's columns.
    buckets
        Widths in microseconds, widest first, as :func:`widths` gives them.
    readings, intervals
        The relations' names.
    signals
        Only these.
    distinct
        Whether there may be several readings of one signal, equipment and time, of which only the one
        recorded last counts.
    between
        First and last time to read, as SQL.

    Returns
    -------
    str
        Columns ``span`` and ``signal``, then the built-in features and bands of ``asked``.
    """
    *before, last = bucket_steps(
        dialect,
        asked,
        buckets,
        readings=readings,
        intervals=intervals,
        signals=signals,
        distinct=distinct,
        between=between,
    )
    return "WITH " + ",\n".join(f"{step.name} AS ({step.sql})" for step in before) + f"\n{last.sql}"


@dataclass(frozen=True, slots=True)
class BucketStep:
    """A relation on the way; ``again`` where several later ones read it."""

    name: str
    sql: str
    again: bool = False


def bucket_steps(
    dialect: Dialect,
    asked: FeatureSet,
    buckets: Sequence[int],
    *,
    readings: str,
    intervals: str,
    signals: Sequence[str] | None,
    distinct: bool = True,
    between: tuple[str, str] | None = None,
    ends: bool = False,
    prefix: str = "",
) -> list[BucketStep]:
    """The relations that :func:`bucket_sql` makes one statement of, the answer last.

    ``prefix`` stands before their names. With ``ends`` the answer has the times of the first and the last
    reading too, as ``t0`` and ``t1`` in microseconds, and ``rest``, what the mean lacks to the last digit
    where a deviation is asked for: what is pooled later goes by them.
    """
    read, joined, grouped, centred, stepped, held = (
        prefix + name for name in ("readings_read", "joined", "grouped", "centred", "stepped", "held")
    )
    rows = _read(dialect, asked, readings, signals, distinct=distinct, between=between)
    steps = [
        BucketStep(read, rows),
        BucketStep(joined, _joined(read, intervals, buckets, asked), again=True),
        BucketStep(grouped, _grouped(dialect, asked, joined), again=True),
    ]
    froms = [f"{grouped} g"]
    if {"std", "slope"} & set(asked.built_in):
        steps.append(BucketStep(centred, _centred(joined, grouped)))
        froms.append(f"JOIN {centred} c ON c.span = g.span AND c.signal = g.signal")
    if "max_gap" in asked.built_in or asked.bands:
        steps += [BucketStep(stepped, _stepped(joined)), BucketStep(held, _held(asked, stepped))]
        froms.append(f"JOIN {held} h ON h.span = g.span AND h.signal = g.signal")
    columns = [f"{_FEATURES[name]} AS {dialect.quoted(name)}" for name in asked.built_in]
    columns += [
        f"CASE WHEN g.stop - g.begun = 1 THEN 0e0 ELSE h.band_{place} END AS {dialect.quoted(band.name)}"
        for place, band in enumerate(asked.bands)
    ]
    if ends:
        columns += ["g.t0", "g.t1", f"{'c.rest' if 'std' in asked.built_in else '0e0'} AS rest"]
    chosen = ", ".join(["g.span", "g.signal", *columns])
    return [*steps, BucketStep(f"{prefix}features", f"SELECT {chosen}\nFROM {' '.join(froms)}")]


_FEATURES = {
    "n": "g.n",
    "mean": "g.mean",
    "std": "CASE WHEN g.n > 1 THEN sqrt(c.m2 / (g.n - 1)) END",
    "min": "g.low",
    "max": "g.high",
    "first": "g.first_read",
    "last": "g.last_read",
    "slope": "CASE WHEN g.n > 1 AND c.tt > 0 THEN c.tv / c.tt END",
    "sum": "g.total",
    "duration": "CASE WHEN g.stop - g.begun = 1 THEN 0e0 ELSE (g.stop - g.begun) * 1e-6 END",
    "max_gap": "CASE WHEN g.stop - g.begun = 1 THEN 0e0 ELSE "
    "greatest(coalesce(h.gap, 0), g.t0 - g.begun, g.stop - g.t1) * 1e-6 END",
    "n_uncertain": "g.doubtful",
}


def _centred(joined: str, grouped: str) -> str:
    return (
        "SELECT j.span, j.signal, sum((j.value - g.mean) * (j.value - g.mean)) AS m2, "
        "sum((j.since - g.mean_since) * (j.since - g.mean_since)) AS tt, "
        "sum((j.since - g.mean_since) * (j.value - g.mean)) AS tv, "
        "sum(j.value - g.mean) / max(g.n) AS rest "
        f"FROM {joined} j JOIN {grouped} g ON g.span = j.span AND g.signal = j.signal "
        "GROUP BY j.span, j.signal"
    )


def _stepped(joined: str) -> str:
    return (
        "SELECT span, signal, value, micros, stop, "
        f"lead(micros) OVER (PARTITION BY span, signal ORDER BY micros) AS next_micros FROM {joined}"
    )


def _read(
    dialect: Dialect,
    asked: FeatureSet,
    readings: str,
    signals: Sequence[str] | None,
    *,
    distinct: bool,
    between: tuple[str, str] | None,
) -> str:
    conditions = ["time IS NOT NULL", "equipment IS NOT NULL"]
    if signals is not None:
        conditions.append(f"signal IN ({', '.join(map(dialect.literal, signals))})")
    if between is not None:
        conditions.append(f"time BETWEEN {between[0]} AND {between[1]}")
    doubt = ", CAST(clock_uncertainty AS DOUBLE) AS doubt" if asked.asks_uncertain else ""
    columns = (
        f"signal, equipment, {dialect.microseconds('time')} AS micros, CAST(value AS DOUBLE) AS value{doubt}"
    )
    source = f"SELECT {columns} FROM {readings} WHERE {' AND '.join(conditions)}"
    # Not a number is the largest number of both engines, so it falls outside like the infinite ones.
    finite = "value BETWEEN -1.7976931348623157e308 AND 1.7976931348623157e308"
    if not distinct:
        return f"SELECT * FROM ({source}) s WHERE {finite}"
    place = (
        "row_number() OVER (PARTITION BY signal, equipment, time ORDER BY recorded DESC NULLS LAST, "
        "coalesce(CAST(value AS DOUBLE), CAST('nan' AS DOUBLE)) DESC) AS place"
    )
    source = f"SELECT {columns}, {place} FROM {readings} WHERE {' AND '.join(conditions)}"
    return f"SELECT * FROM ({source}) s WHERE place = 1 AND {finite}"


def _bucket(time: str, width: int) -> str:
    """The start of the bucket that a time lies in; engines truncate a remainder toward zero."""
    return f"({time} - (({time} % {width}) + {width}) % {width})"


def _joined(read: str, intervals: str, buckets: Sequence[int], asked: FeatureSet) -> str:
    doubt = ", i.own, r.doubt" if asked.asks_uncertain else ""
    selects = []
    for place, width in enumerate(buckets):
        shortest = buckets[place + 1] if place + 1 < len(buckets) else 0
        fit = f"stop - begun > {shortest} AND stop - begun <= {width}"
        first, last = _bucket("begun", width), _bucket("(stop - 1)", width)
        sides = (
            f"SELECT span, equipment, begun, stop, own, {first} AS bucket FROM {intervals} WHERE {fit} "
            f"UNION ALL SELECT span, equipment, begun, stop, own, {last} AS bucket FROM {intervals} "
            f"WHERE {fit} AND {last} > {first}"
        )
        selects.append(
            f"SELECT i.span, r.signal, r.micros, r.value, i.begun, i.stop{doubt}, "
            "(r.micros - i.begun) * 1e-6 AS since "
            f"FROM (SELECT *, {_bucket('micros', width)} AS bucket FROM {read}) r "
            f"JOIN ({sides}) i ON r.equipment = i.equipment AND r.bucket = i.bucket "
            "AND r.micros >= i.begun AND r.micros < i.stop"
        )
    return " UNION ALL ".join(selects)


def _grouped(dialect: Dialect, asked: FeatureSet, joined: str) -> str:
    columns = [
        "span",
        "signal",
        "min(begun) AS begun",
        "min(stop) AS stop",
        f"{dialect.number_of('value')} AS n",
        f"{dialect.mean('value')} AS mean",
        f"{dialect.mean('since')} AS mean_since",
        f"{dialect.least('micros')} AS t0",
        f"{dialect.greatest('micros')} AS t1",
    ]
    optional = {
        "sum": f"{dialect.total('value')} AS total",
        "min": f"{dialect.least('value')} AS low",
        "max": f"{dialect.greatest('value')} AS high",
        "first": f"{dialect.first('value', ['micros'])} AS first_read",
        "last": f"{dialect.last('value', ['micros'])} AS last_read",
        "n_uncertain": "sum(CASE WHEN coalesce(own, 0) + coalesce(doubt, 0) > 0 AND "
        "least(since, (stop - micros) * 1e-6) <= coalesce(own, 0) + coalesce(doubt, 0) THEN 1 ELSE 0 END) "
        "AS doubtful",
    }
    columns += [sql for name, sql in optional.items() if name in asked.built_in]
    return f"SELECT {', '.join(columns)} FROM {joined} GROUP BY span, signal"


def _held(asked: FeatureSet, stepped: str) -> str:
    columns = ["span", "signal", "max(next_micros - micros) AS gap"]
    for place, band in enumerate(asked.bands):
        seconds = "(coalesce(next_micros, stop) - micros) * 1e-6"
        if np.isfinite(band.longest):
            seconds = f"least({seconds}, CAST({band.longest!r} AS DOUBLE))"
        low, high = f"CAST({band.low!r} AS DOUBLE)", f"CAST({band.high!r} AS DOUBLE)"
        columns.append(
            f"sum(CASE WHEN value BETWEEN {low} AND {high} THEN {seconds} ELSE 0e0 END) AS band_{place}"
        )
    return f"SELECT {', '.join(columns)} FROM {stepped} GROUP BY span, signal"


def columns_of(table: pa.Table, asked: FeatureSet) -> pa.Table:
    """The statement's answer as :func:`assay.query.bind.scanning.as_table` would give it."""
    known = {
        name: table.column(name).combine_chunks().cast(pa.int64() if name.startswith("n") else pa.float64())
        for name in [*asked.built_in, *(band.name for band in asked.bands)]
    }
    signal = table.column("signal").cast(pa.string()).dictionary_encode()
    signal = signal.cast(pa.dictionary(pa.int32(), pa.string()))
    columns = [table.column("span").cast(pa.int64()), signal, *asked.arranged(known)]
    schema = pa.schema([pa.field("interval", pa.int64()), pa.field("signal", signal.type), *asked.schema()])
    return pa.Table.from_arrays(columns, schema=schema)
