"""The kernel, the SQL form and a slow oracle give the same answer, whatever the readings and intervals."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.bind_oracle import Interval, Reading, assert_same, by_group, oracle, reading_table

from assay.model.errors import StoreError
from assay.query.bind import files as files_module
from assay.query.bind.bucket import INTERVALS, bucket_sql, columns_of, interval_table, widths
from assay.query.bind.errors import ReadingsUnreadable
from assay.query.bind.features import BUILT_IN, FeatureSet, feature_set
from assay.query.bind.files import FileReadings
from assay.query.bind.readings import ReadingSource, TableReadings
from assay.query.bind.scanning import Scan, as_table
from assay.query.bind.spans import Spans
from assay.query.engines.duckdb_dialect import DuckDialect

DAY = 86_400_000_000
START = 20_000 * DAY
BANDS = ((999_999.0, 1_000_001.0, float("inf")), (-2.0, 2.0, 1.5))
ASKED = feature_set(
    [*BUILT_IN, "time_in_band(999999, 1000001)", "time_in_band(-2, 2, 1.5)"],
)


def spans(intervals: list[Interval]) -> Spans:
    columns = list(zip(*intervals, strict=True)) if intervals else [(), (), (), ()]
    return Spans.of(
        list(columns[0]),
        np.array(columns[1], np.int64),
        np.array(columns[2], np.int64),
        np.array(columns[3], np.float64),
    )


def by_kernel(source: ReadingSource, wanted: Spans, asked: FeatureSet = ASKED) -> pa.Table:
    scan = Scan(source, wanted, asked)
    return as_table(list(scan.bunches()), asked, scan.names)


def by_sql(table: pa.Table, wanted: Spans, asked: FeatureSet = ASKED) -> pa.Table:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("reading", table)
        connection.register(INTERVALS, interval_table(wanted))
        statement = bucket_sql(DuckDialect(), asked, widths(wanted))
        return columns_of(connection.execute(statement).to_arrow_table(), asked)


def written(directory: Path, table: pa.Table, cuts: list[int], rows: int) -> list[str]:
    """The table as files sorted by date, signal, equipment and time, cut at any row; row groups are small."""
    days = pc.divide(pc.floor_temporal(table.column("time"), unit="day").cast(pa.int64()), DAY)
    table = table.append_column("day", days)
    keys = [("day", "ascending"), ("signal", "ascending"), ("equipment", "ascending"), ("time", "ascending")]
    table = table.sort_by(keys)
    files = []
    for day in sorted(set(table.column("day").to_pylist())):
        some = table.filter(pc.equal(table.column("day"), day)).drop_columns(["day"])
        date = str(np.datetime64(int(day), "D"))
        edges = sorted({0, len(some), *(cut % (len(some) + 1) for cut in cuts)})
        for number, (low, high) in enumerate(pairwise(edges)):
            path = directory / f"date={date}" / f"part-{number:05d}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(some.slice(low, high - low), path, row_group_size=rows)
            files.append(str(path))
    return files


NOISE = st.one_of(
    st.floats(-3, 3, allow_nan=False).map(lambda x: 1e6 + round(x, 3)),
    st.floats(-3, 3, allow_nan=False),
    st.sampled_from([None, float("nan"), float("inf"), -float("inf"), 0.0, 1e-12, -1e100, 1e100]),
)


@st.composite
def plants(draw: st.DrawFn) -> tuple[list[Reading], list[Interval]]:
    """Readings and intervals on few times, so that ties, edges, gaps and overlaps are common."""
    step = draw(st.sampled_from([1, 250_000, 1_000_000, 3_600_000_000]))
    offset = draw(st.sampled_from([START, -5 * DAY, 30 * DAY, 250_000 * DAY]))
    moment = st.integers(0, 40).map(lambda k: offset - 20 * step + k * step)
    machine = st.sampled_from(["M1", "M2", "ofen-3"])
    reading = st.tuples(
        st.sampled_from(["T", "p", "流量"]),
        st.one_of(machine, st.none()),
        moment,
        NOISE,
        st.sampled_from([None, 0.0, 0.5, 2.0]),
        st.integers(0, 2),
    )
    length = st.one_of(st.integers(0, 3), st.integers(0, 60))
    interval = st.tuples(machine, moment, length, st.sampled_from([0.0, 0.25, 3.0]))
    return (
        draw(st.lists(reading, max_size=60)),
        [(m, s, s + k * step, u) for m, s, k, u in draw(st.lists(interval, max_size=12))],
    )


@settings(max_examples=60, deadline=None)
@given(plants())
def test_kernel_sql_and_oracle_agree(plant: tuple[list[Reading], list[Interval]]) -> None:
    readings, intervals = plant
    table, wanted = reading_table(readings), spans(intervals)
    right = oracle(readings, intervals, BANDS)
    assert_same(by_group(by_kernel(TableReadings(table), wanted)), right)
    if intervals:
        assert_same(by_group(by_sql(table, wanted)), right)


@settings(max_examples=40, deadline=None)
@given(plants(), st.lists(st.integers(0, 1000), max_size=6), st.integers(1, 9), st.booleans())
def test_groups_cut_by_files_and_dates_are_merged(
    tmp_path_factory: pytest.TempPathFactory,
    plant: tuple[list[Reading], list[Interval]],
    cuts: list[int],
    rows: int,
    ordered: bool,
) -> None:
    readings, intervals = plant
    table = reading_table([one for one in readings if one[1] is not None])
    source = FileReadings(written(tmp_path_factory.mktemp("lake"), table, cuts, rows), ordered=ordered)
    before = files_module.PIECE_ROWS, files_module.SORT_ROWS
    files_module.PIECE_ROWS, files_module.SORT_ROWS = rows, 10
    try:
        found = by_kernel(source, spans(intervals))
    finally:
        files_module.PIECE_ROWS, files_module.SORT_ROWS = before
    assert_same(by_group(found), oracle(readings, intervals, BANDS))


def test_an_offset_costs_no_digits() -> None:
    """A run of a million readings at 1e6 with a deviation of 0.01: sums over all of it lose every digit."""
    rng = np.random.default_rng(3)
    count = 200_000
    values = 1e6 + rng.normal(0, 0.01, count)
    times = START + np.arange(count) * 1_000_000
    table = pa.table(
        {
            "signal": ["T"] * count,
            "equipment": ["M"] * count,
            "time": pa.array(times).cast(pa.timestamp("us", "UTC")),
            "value": values,
        }
    )
    begun = times[: count - 5 : 5]
    wanted = Spans.of(["M"] * len(begun), begun, begun + 5_000_000)
    asked = feature_set(["mean", "std", "slope"])
    found = by_kernel(TableReadings(table), wanted, asked).sort_by("interval")
    groups = values[: len(begun) * 5].reshape(-1, 5)
    centred = groups - groups.mean(axis=1, keepdims=True)
    seconds = np.arange(5) - 2.0
    np.testing.assert_allclose(found.column("std"), groups.std(axis=1, ddof=1), rtol=1e-9)
    np.testing.assert_allclose(found.column("slope"), centred @ seconds / 10, rtol=1e-9, atol=1e-12)
    sums = np.cumsum(np.r_[0.0, values * values])
    naive = np.diff(sums)[: len(begun) * 5].reshape(-1, 5).sum(axis=1) / 5 - groups.mean(axis=1) ** 2
    assert np.median(np.abs(naive / groups.var(axis=1) - 1)) > 1, "sums over all readings would do"


def test_an_offset_costs_no_digits_where_files_cut_a_group(tmp_path: Path) -> None:
    rng = np.random.default_rng(11)
    values = 1e9 + rng.normal(0, 0.01, 90)
    times = START + (np.arange(90) - 45) * 1_000_000
    readings: list[Reading] = [
        ("T", "M1", int(time), float(value), None, 0) for time, value in zip(times, values, strict=True)
    ]
    source = FileReadings(written(tmp_path, reading_table(readings), [7, 20, 33], 50), ordered=True)
    [row] = by_kernel(source, spans([("M1", int(times[0]), int(times[-1]) + 1, 0.0)])).to_pylist()
    seconds = (times - times.mean()) / 1e6
    assert row["std"] == pytest.approx(np.std(values - 1e9, ddof=1), rel=1e-9)
    slope = seconds @ (values - 1e9 - np.mean(values - 1e9)) / (seconds @ seconds)
    assert row["slope"] == pytest.approx(slope, rel=1e-9)


def test_files_that_are_not_sorted_as_they_say_are_refused(tmp_path: Path) -> None:
    rows: list[Reading] = [("T", "M1", START + k, float(k), None, 0) for k in (3, 1, 2)]
    path = tmp_path / "date=2024-10-04" / "part.parquet"
    path.parent.mkdir()
    pq.write_table(reading_table(rows), path)
    wanted = spans([("M1", START, START + 10, 0.0)])
    with pytest.raises(ReadingsUnreadable, match="not sorted") as problem:
        by_kernel(FileReadings([str(path)], ordered=True), wanted)
    assert "没有按信号、设备和时间排序" in problem.value.said.zh
    assert by_kernel(FileReadings([str(path)]), wanted).column("n").to_pylist() == [3]


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "part.parquet"
    path.write_bytes(b"PAR1 not really")
    with pytest.raises(ReadingsUnreadable, match=r"part\.parquet can't be read") as problem:
        by_kernel(FileReadings([str(path)]), spans([("M1", 0, 10, 0.0)]))
    assert isinstance(problem.value, StoreError)
    assert "无法读取文件" in problem.value.said.zh


def test_rows_in_memory_count_beside_files_and_correct_them(tmp_path: Path) -> None:
    old: list[Reading] = [("T", "M1", START + k, float(k), None, 0) for k in range(4)]
    new: list[Reading] = [("T", "M1", START + 2, 20.0, None, 1), ("T", "M1", START + 9, 9.0, None, 1)]
    files = written(tmp_path, reading_table(old), [], 2)
    source = FileReadings(files, ordered=True, hot=reading_table(new))
    found = by_kernel(source, spans([("M1", START, START + 10, 0.0)]))
    assert found.column("n").to_pylist() == [5]
    assert found.column("max").to_pylist() == [20.0]


def test_row_groups_of_machines_nobody_asks_for_are_not_read(tmp_path: Path) -> None:
    readings: list[Reading] = [
        ("T", machine, START + k, float(k), None, 0) for machine in ("M1", "M2", "M3") for k in range(4)
    ]
    source = FileReadings(written(tmp_path, reading_table(readings), [], 4), ordered=True)
    scan = Scan(source, spans([("M2", START, START + 10, 0.0)]), ASKED)
    found = as_table(list(scan.bunches()), ASKED, scan.names)
    assert found.column("n").to_pylist() == [4]
    assert scan.tally.readings == 4


def test_a_row_group_of_one_machine_may_have_readings_of_none(tmp_path: Path) -> None:
    readings: list[Reading] = [("T", "M1", START + k, 1.0, None, 0) for k in range(3)]
    readings += [("T", None, START + k, 9.0, None, 0) for k in range(3, 6)]
    source = FileReadings(written(tmp_path, reading_table(readings), [], 10), ordered=True)
    found = by_kernel(source, spans([("M1", START, START + 10, 0.0)]))
    assert (found.column("n").to_pylist(), found.column("max").to_pylist()) == ([3], [1.0])


def test_intervals_of_many_machines_go_on_after_midnight(tmp_path: Path) -> None:
    machines = [f"M{number:02d}" for number in range(12)]
    readings: list[Reading] = [
        ("T", machine, START + DAY + k * 1_000_000, float(k * place), 0.5, 0)
        for place, machine in enumerate(machines)
        for k in range(-6, 6)
    ]
    intervals: list[Interval] = [
        (machine, START + DAY + first * 1_000_000, START + DAY + last * 1_000_000, 0.0)
        for machine in machines
        for first, last in ((-6, -3), (-3, 2), (2, 5))
    ]
    source = FileReadings(written(tmp_path, reading_table(readings), [], 50), ordered=True)
    assert_same(by_group(by_kernel(source, spans(intervals))), oracle(readings, intervals, BANDS))
