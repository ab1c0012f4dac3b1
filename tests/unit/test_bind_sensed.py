"""What a question senses: a reading counts once for each thing, whatever intervals lead to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import mean, stdev
from typing import Any, cast

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from tests.unit.bind_oracle import Reading, reading_table

from assay.model.kinds import TIME
from assay.model.questions import UserFeature
from assay.query.bind.on_engine import sensed_on_engine
from assay.query.bind.readings import TableReadings
from assay.query.bind.sensed import run_sensed
from assay.query.engines.duckdb import DuckSession
from assay.query.program import Limits, Sensed, Session
from assay.store.lake import Lake
from assay.store.snapshot import Snapshot

SECOND = 1_000_000


@dataclass
class Told:
    """A session that knows one relation, and when it is."""

    table: pa.Table

    @property
    def snapshot(self) -> Any:
        return self

    moment: datetime = datetime(1970, 1, 1, 0, 1, tzinfo=UTC)

    def arrow(self, _: str) -> pa.Table:
        return self.table


def sensed(
    readings: list[Reading],
    intervals: list[tuple[str, str, float, float | None]],
    *features: str,
    signals: tuple[str, ...] = ("T",),
) -> dict[str, dict[str, Any]]:
    times = [
        [None if row[k] is None else round(cast("float", row[k]) * SECOND) for row in intervals]
        for k in (2, 3)
    ]
    table = pa.table(
        {
            "anchor": pa.array([row[0] for row in intervals], pa.string()),
            "equipment": pa.array([row[1] for row in intervals], pa.string()),
            "started": pa.array(times[0], pa.int64()).cast(TIME),
            "ended": pa.array(times[1], pa.int64()).cast(TIME),
        }
    )
    step = Sensed("s", "i", signals, features)
    declared = [UserFeature(name="rise", formula="last - first")]
    answer, _ = run_sensed(
        cast("Session", Told(table)), step, TableReadings(reading_table(readings)), declared
    )
    found = {row.pop("anchor"): row for row in answer.to_pylist()}
    assert by_statements(table, step, reading_table(readings), declared) == {
        anchor: {
            name: value if value is None else pytest.approx(value, rel=1e-9, abs=1e-12)
            for name, value in row.items()
        }
        for anchor, row in found.items()
    }
    return found


def by_statements(
    intervals: pa.Table, step: Sensed, readings: pa.Table, declared: list[UserFeature]
) -> dict[str, dict[str, Any]]:
    """The same as an engine elsewhere does it."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        snapshot = cast("Snapshot", Told(intervals))
        session = DuckSession(connection, snapshot, Limits(), cast("Lake", None))
        session.register(step.intervals, intervals)
        session.register("readings", readings)
        sensed_on_engine(session, step, "readings", declared)
        rows = session.arrow(f"SELECT * FROM {step.name}").to_pylist()
    return {row.pop("anchor"): row for row in rows}


def temps(machine: str, *values: float, start: float = 0) -> list[Reading]:
    return [("T", machine, round((start + k) * SECOND), v, None, 0) for k, v in enumerate(values)]


def test_intervals_that_overlap_are_united_and_those_of_machines_are_pooled() -> None:
    one, two = [1.0, 2.0, 4.0, 8.0], [100.0, 50.0, 70.0]
    readings = temps("A", *one) + temps("B", *two, start=10) + [("p", "A", 0, 1.0, None, 0)]
    found = sensed(
        readings,
        [("u", "A", 0, 3), ("u", "A", 1, 4), ("u", "A", 1, 2), ("u", "B", 10, 13), ("v", "A", 2, 4)],
        *("mean", "std", "min", "max", "first", "last", "slope", "rise", "duration", "time_in_band(2, 60)"),
    )
    assert set(found) == {"u", "v"}
    row = found["u"]
    assert row["n"] == 7
    assert row["mean"] == pytest.approx(mean(one + two))
    assert row["std"] == pytest.approx(stdev(one + two))
    assert (row["min"], row["max"], row["first"], row["last"], row["rise"]) == (1, 100, 1, 70, 69)
    assert row["slope"] == pytest.approx((2.3 * 4 + -15 * 3) / 7), "the mean of the slopes, by readings"
    assert (row["duration"], row["time_in_band(2, 60)"]) == (7, 4)
    assert found["v"]["mean"] == 6


def test_the_last_value_is_the_latest_though_an_interval_ends_within_another() -> None:
    readings = temps("A", 1, 2, 3, 4, 5, 6) + temps("B", 9, start=1.5)
    found = sensed(readings, [("u", "A", 0, 6), ("u", "B", 1, 2)], "first", "last")
    assert found["u"] == {"n": 7, "first": 1, "last": 6}


def test_a_step_without_an_end_lasts_until_now_and_unknown_edges_are_left_out() -> None:
    found = sensed(
        temps("A", 1, 2, 3) + temps("A", 7, start=60),
        [("u", "A", 1, None), ("w", "A", 3, 1)],
        "n",
    )
    assert found == {"u": {"n": 2}}


def test_signals_of_machines_are_pooled_without_loss_at_an_offset() -> None:
    rng = np.random.default_rng(5)
    values = {name: 1e9 + rng.normal(0, 0.01, 40) for name in ("A.T", "B.T", "C.T")}
    readings: list[Reading] = [
        (name, name[0], k * SECOND, float(value), None, 0)
        for name, some in values.items()
        for k, value in enumerate(some)
    ]
    found = sensed(
        readings,
        [("u", machine, 0, 60) for machine in "ABC"],
        *("mean", "std", "min", "max", "first", "last", "duration"),
        signals=tuple(values),
    )
    whole = np.concatenate(list(values.values()))
    # The values themselves are known to 1e-7; the deviation of what was stored is exact.
    assert found["u"]["std"] == pytest.approx(np.std(whole - 1e9, ddof=1), rel=1e-9)
    assert found["u"]["mean"] - 1e9 == pytest.approx(np.mean(whole - 1e9), abs=2e-7)
    assert (found["u"]["min"], found["u"]["max"], found["u"]["n"]) == (whole.min(), whole.max(), 120)
    assert found["u"]["first"] in {some[0] for some in values.values()}
    assert found["u"]["last"] in {some[-1] for some in values.values()}
    assert found["u"]["duration"] == 180


def test_nothing_to_sense_is_an_empty_answer_with_all_columns() -> None:
    assert sensed([], [("u", "A", 0, 3)], "mean", "time_in_band(0, 1)", "n_uncertain") == {}
    assert sensed(temps("A", 1), [], "mean", "rise") == {}
