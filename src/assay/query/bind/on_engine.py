"""Binding where the readings are: every step as statements of the session's engine.

The compiled scan reads files beside the embedded engine. An engine that is somewhere else has its own
workers, so that intervals are united, readings joined and parts pooled there; only a plant's own formulas
are computed here, on one row per anchor.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from assay.model.kinds import TIME
from assay.model.questions import UserFeature
from assay.query.bind.bucket import SHORTEST, SPREAD, bucket_steps, widths_of
from assay.query.bind.features import BUILT_IN, FeatureSet, feature_set
from assay.query.dialect import Dialect
from assay.query.program import Sensed, Session

_LONGEST = 10**16
"""Beyond 300 years intervals are no longer told apart by their length."""


def features_on_engine(
    session: Session,
    name: str,
    asked: FeatureSet,
    buckets: Sequence[int],
    *,
    readings: str,
    intervals: str,
    signals: Sequence[str] | None,
    between: tuple[int, int],
    ends: bool = False,
) -> None:
    """Define relation ``name``: what :func:`assay.query.bind.bucket.bucket_sql` says, step by step.

    What several steps read is stored: written into one statement, the join would be done once for each.
    ``between`` are the first start and the last end of the intervals in microseconds, so that dates that
    none of them touches aren't read.
    """
    first, last = (session.dialect.literal(pa.scalar(int(edge), TIME).as_py()) for edge in between)
    steps = bucket_steps(
        session.dialect,
        asked,
        buckets,
        readings=readings,
        intervals=intervals,
        signals=signals,
        between=(first, last),
        ends=ends,
        prefix=f"{name}_",
    )
    for step in steps[:-1]:
        session.define(step.name, step.sql, stored=step.again)
    session.define(name, steps[-1].sql)


def sensed_on_engine(
    session: Session, step: Sensed, readings: str, declared: Sequence[UserFeature] = ()
) -> None:
    """Define the relation of a step; what it says is written at :func:`assay.query.bind.sensed.run_sensed`.

    Parameters
    ----------
    session
        Where the relation of intervals is known, and where the result will be.
    step
        What is asked for.
    readings
        The relation of readings, as :func:`assay.query.layers.fresh.define_readings` makes it.
    declared
        The features of the plant's model.
    """
    d = session.dialect
    asked = feature_set(step.features or ("n",), declared)
    wanted = {"n", "mean", *asked.built_in}
    bands = [band.name for band in asked.bands]
    needed = feature_set([*(name for name in BUILT_IN if name in wanted), *bands])
    spans, bound, parts = (f"{step.name}_{what}" for what in ("spans", "bound", "parts"))
    session.define(spans, _united(session, step.intervals), stored=True)
    buckets, between = _extent(session, spans)
    features_on_engine(
        session,
        bound,
        needed,
        buckets,
        readings=readings,
        intervals=spans,
        signals=step.signals,
        between=between,
        ends=True,
    )
    session.define(
        parts, f"SELECT s.anchor, b.* FROM {bound} AS b JOIN {spans} AS s ON s.span = b.span", stored=True
    )
    pooled = _pooled(d, parts, needed)
    if not asked.formulas:
        columns = ", ".join(d.quoted(name) for name in dict.fromkeys(("n", *asked.columns)))
        session.define(step.name, f"SELECT anchor, {columns} FROM ({pooled}) AS p", stored=True)
        return
    table = session.arrow(pooled)
    known = {name: table.column(name).combine_chunks() for name in table.column_names}
    features = dict(zip(asked.columns, asked.arranged(known), strict=True))
    session.register(step.name, pa.table({"anchor": known["anchor"], "n": known["n"]} | features))


def _united(session: Session, intervals: str) -> str:
    """The intervals of an anchor on one equipment, those that overlap or touch as one."""
    d = session.dialect
    now = pa.scalar(session.snapshot.moment, TIME).value
    order = "(PARTITION BY anchor, equipment ORDER BY begun, stop ROWS BETWEEN UNBOUNDED PRECEDING AND"
    span = d.hashed(["anchor", "equipment", "begun"])
    return (
        "WITH known AS (SELECT anchor, equipment,\n"
        f"{d.microseconds('started')} AS begun, coalesce({d.microseconds('ended')}, {now}) AS ending\n"
        f"FROM {intervals} WHERE anchor IS NOT NULL AND equipment IS NOT NULL AND started IS NOT NULL),\n"
        "forward AS (SELECT anchor, equipment, begun, greatest(ending, begun + 1) AS stop FROM known\n"
        "WHERE ending >= begun),\n"
        f"reached AS (SELECT *, max(stop) OVER {order} 1 PRECEDING) AS reach FROM forward),\n"
        "numbered AS (SELECT *, sum(CASE WHEN reach IS NULL OR begun > reach THEN 1 ELSE 0 END)\n"
        f"OVER {order} CURRENT ROW) AS part FROM reached),\n"
        "united AS (SELECT anchor, equipment, min(begun) AS begun, max(stop) AS stop FROM numbered\n"
        "GROUP BY anchor, equipment, part)\n"
        f"SELECT {span} AS span, anchor, equipment, begun, stop, CAST(NULL AS DOUBLE) AS own FROM united"
    )


def _extent(session: Session, spans: str) -> tuple[tuple[int, ...], tuple[int, int]]:
    """The bucket widths for the intervals, and their first start and last end.

    The longest of each size is all that has to be known of their lengths.
    """
    edges = [SHORTEST]
    while edges[0] < _LONGEST:
        edges.insert(0, edges[0] * SPREAD)
    sizes = " ".join(f"WHEN stop - begun > {edge} THEN {size}" for size, edge in enumerate(edges))
    sized = f"SELECT begun, stop, CASE {sizes} ELSE {len(edges)} END AS size FROM {spans}"
    found = session.arrow(
        "SELECT max(stop - begun) AS longest, min(begun) AS first, max(stop) AS last\n"
        f"FROM ({sized}) AS s GROUP BY size"
    ).to_pylist()
    if not found:
        return (SHORTEST,), (0, 0)
    lengths = np.array([row["longest"] for row in found], np.int64)
    return widths_of(lengths), (min(row["first"] for row in found), max(row["last"] for row in found))


def _pooled(d: Dialect, parts: str, needed: FeatureSet) -> str:
    """The features of each anchor from those of its parts: moments by Chan's formula, from a near base."""
    bases = f"SELECT anchor, min(mean) AS base FROM {parts} GROUP BY anchor"
    means = (
        "SELECT p.anchor, min(b.base) AS base, sum(p.n) AS whole,\n"
        "sum(p.n * ((p.mean - b.base) + p.rest)) / sum(p.n) AS shift\n"
        f"FROM {parts} AS p JOIN ({bases}) AS b ON b.anchor = p.anchor GROUP BY p.anchor"
    )
    apart = "((p.mean - m.base) + p.rest - m.shift)"
    squares = f"sum(coalesce(p.std * p.std * (p.n - 1), 0e0) + p.n * {apart} * {apart})"
    forms = {
        "n": "CAST(min(m.whole) AS BIGINT)",
        "mean": "min(m.base + m.shift)",
        "std": f"CASE WHEN min(m.whole) > 1 THEN sqrt({squares} / (min(m.whole) - 1)) END",
        "min": d.least(d.quoted("min")),
        "max": d.greatest(d.quoted("max")),
        "first": d.first(d.quoted("first"), ["t0"]),
        "last": d.last(d.quoted("last"), ["t1"]),
        "slope": d.divided("sum(p.n * p.slope)", "sum(CASE WHEN p.slope IS NOT NULL THEN p.n END)"),
        "sum": "min((m.base + m.shift) * m.whole)",
        "max_gap": d.greatest("max_gap"),
    }
    columns = [f"{forms[name]} AS {d.quoted(name)}" for name in needed.built_in if name in forms]
    added = [*(name for name in needed.built_in if name not in forms), *(band.name for band in needed.bands)]
    columns += [f"sum({d.quoted(name)}) AS {d.quoted(name)}" for name in added]
    return (
        f"SELECT p.anchor, {', '.join(columns)} FROM {parts} AS p\n"
        f"JOIN ({means}) AS m ON m.anchor = p.anchor GROUP BY p.anchor"
    )
