"""Windows and last values of signals, read straight from the files, against SQL on the same snapshot."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from store_rows import DAY, RECORDED, START, key

from assay.model.errors import QueryError
from assay.model.kinds import TIME
from assay.store import Workspace
from assay.store.compaction import compact
from assay.store.policies import LakePolicies, TablePolicy
from assay.store.signals import COLUMNS, last_values, window

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def readings(number: int, names: list[str], first: int, rows: int = 60) -> pa.Table:
    seq = np.arange(rows)
    return pa.table(
        {
            "seq": seq,
            "signal": [names[n % len(names)] for n in seq],
            "value": seq * 0.5 + number,
            "time": pa.array(START + first * DAY + seq * (DAY // rows)).cast(TIME),
            "key_hash": seq + number * 1000,
            "content_hash": seq,
        }
    )


@pytest.fixture
def measured(plant: Workspace) -> Workspace:
    """Four days; S-3 falls silent after the first, S-9 speaks in the hot buffer only, about long ago."""
    plan = [["S-1", "S-2", "S-3"], ["S-1", "S-2"], ["S-2", "S-1", "S-4"], ["S-1"]]
    for day, names in enumerate(plan):
        for part in range(2):
            number = 10 * day + part
            with plant.lake.stage("reading", load=key(number), recorded=RECORDED) as writer:
                writer.write(readings(number, names, day))
            plant.lake.commit("reading", writer.finish(), load=key(number))
    plant.lake.hot.append("reading", readings(99, ["S-9", "S-2"], 1, rows=10), key(99), recorded=RECORDED)
    return plant


@pytest.mark.parametrize("compacted", [False, True])
def test_last_values_are_those_of_sql(measured: Workspace, compacted: bool) -> None:
    if compacted:
        measured.lake.policies = LakePolicies(every=TablePolicy(small_files=2))
        compact(measured.lake)
    names = ["S-1", "S-2", "S-3", "S-4", "S-9", "S-none"]
    found = last_values(measured.lake, names)
    assert found.column_names == list(COLUMNS)
    expected = measured.lake.query(
        "SELECT signal, max(time) AS time FROM reading WHERE signal LIKE 'S-%' GROUP BY 1 ORDER BY 1"
    )
    assert found.select(["signal", "time"]).to_pylist() == expected.to_pylist()
    by_name = {row["signal"]: row["value"] for row in found.to_pylist()}
    highest = measured.lake.query("SELECT max_by(value, time) AS v FROM reading WHERE signal = 'S-3'")
    assert abs(by_name["S-3"] - highest["v"][0].as_py()) <= 1, "one of the two loads of that day"


@pytest.mark.parametrize("compacted", [False, True])
def test_a_window_is_that_of_sql(measured: Workspace, compacted: bool) -> None:
    if compacted:
        measured.lake.policies = LakePolicies(every=TablePolicy(small_files=2))
        compact(measured.lake)
    start, end = BEGIN + timedelta(hours=20), BEGIN + timedelta(hours=50)
    found = window(measured.lake, ["S-2", "S-9"], start, end, columns=("signal", "time", "value"))
    expected = measured.lake.query(
        "SELECT signal, time, value FROM reading WHERE signal IN ('S-2', 'S-9') AND time >= ? AND time < ?",
        [start, end],
    )
    assert len(found)
    order = [("signal", "ascending"), ("time", "ascending"), ("value", "ascending")]
    assert found.sort_by(order).to_pylist() == expected.sort_by(order).to_pylist()


def test_an_unknown_table_and_a_moment_without_zone_are_refused(measured: Workspace) -> None:
    with pytest.raises(QueryError, match="no table 'readings'"):
        last_values(measured.lake, ["S-1"], table="readings")
    with pytest.raises(QueryError, match="has no zone"):
        window(measured.lake, ["S-1"], datetime(2026, 1, 1), BEGIN)  # noqa: DTZ001 - that is the point
