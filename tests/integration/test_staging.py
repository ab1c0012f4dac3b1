"""Staging: whatever order rows come in, each lands once, on its date, in files with names that repeat."""

from __future__ import annotations

import tempfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store_rows import RECORDED, key, measurements, stage

from assay.model.errors import StoreError
from assay.model.kinds import SCHEMAS, TIME, RecordKind
from assay.store import StagedFile, StagedWriter, Workspace, staging
from assay.store.layout import ROW_GROUP_ROWS

MEASUREMENT = SCHEMAS[RecordKind.MEASUREMENT]
MOMENTS = st.integers(0, 40 * 86_400).map(lambda s: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=s))


def _rows(times: list[datetime | None], start: int = 0, words: bool = False) -> pa.Table:
    n = len(times)
    characteristic = pa.array([f"c{(start + i) % 5}" for i in range(n)])
    return pa.table(
        {
            "content_hash": pa.array(range(n), pa.int64()),
            "seq": pa.array(range(start, start + n), pa.int64()),
            "subject": pa.array([f"U{start + i}" for i in range(n)], pa.string()),
            "subject_kind": pa.array(["unit"] * n, pa.string()),
            "characteristic": characteristic.dictionary_encode() if words else characteristic,
            "time": pa.array(times, TIME),
            "key_hash": pa.array(range(n), pa.int64()),
        }
    )


def _write(directory: Path, tables: list[pa.Table]) -> list[StagedFile]:
    writer = StagedWriter(directory, MEASUREMENT, key(1), RECORDED)
    for table in tables:
        writer.write(table)
    return writer.finish()


@given(
    batches=st.lists(
        st.tuples(st.lists(st.none() | MOMENTS, max_size=40), st.booleans(), st.booleans()), max_size=6
    ),
    many_days=st.sampled_from([3, 1000]),
)
@settings(deadline=None, max_examples=60)
def test_each_row_lands_once_on_its_date(
    batches: list[tuple[list[datetime | None], bool, bool]], many_days: int
) -> None:
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        for name, small in (
            ("ROW_GROUP_ROWS", 8),
            ("FILE_ROWS", 16),
            ("_SORT_ROWS", 20),
            ("_OPEN_FILES", 2),
            ("_MANY_DAYS", many_days),
            ("_BUFFERED_BYTES", 2000),
        ):
            patch.setattr(staging, name, small)
        times: list[datetime | None] = []
        tables = []
        for moments, ordered, words in batches:
            piece = sorted(moments, key=lambda m: m or RECORDED) if ordered else moments
            tables.append(_rows(piece, len(times), words))
            times += piece
        files = _write(Path(folder), tables)
        assert len({file.path for file in files}) == len(files)
        assert not list(Path(folder).glob("_spill/*/*"))
        found: dict[int, tuple[date, datetime | None]] = {}
        for file in files:
            table = pq.read_table(Path(folder) / file.path, partitioning=None)
            assert file.rows == len(table)
            assert file.size == (Path(folder) / file.path).stat().st_size
            moments = [moment for moment in table["time"].to_pylist() if moment]
            assert (file.time_min, file.time_max) == (
                (min(moments), max(moments)) if moments else (None, None)
            )
            assert file.time_nulls == table["time"].null_count
            for seq, moment in zip(table["seq"].to_pylist(), table["time"].to_pylist(), strict=True):
                assert seq not in found
                found[seq] = (file.date, moment)
        assert found == {seq: ((time or RECORDED).date(), time) for seq, time in enumerate(times)}


def test_the_same_load_makes_the_same_files(tmp_path: Path) -> None:
    tables = [measurements(1).slice(0, 20), measurements(1).slice(20)]
    first = _write(tmp_path / "a", tables)
    second = _write(tmp_path / "b", tables)
    assert first == second
    for file in first:
        assert (tmp_path / "a" / file.path).read_bytes() == (tmp_path / "b" / file.path).read_bytes()


def test_what_an_interrupted_attempt_left_is_removed(plant: Workspace) -> None:
    writer = plant.lake.stage("measurement", load=key(1), recorded=RECORDED)
    writer.write(measurements(1, 200))
    left = {file.path for file in writer.finish()}
    staged = {file.path for file in stage(plant, 1, "measurement", rows=1)}
    directory = plant.lake.directory / "measurement"
    assert len(left) > len(staged)
    assert {path.relative_to(directory).as_posix() for path in directory.rglob("*.parquet")} == staged
    plant.lake.commit("measurement", stage(plant, 1, "measurement", rows=1), load=key(1))
    assert plant.lake.query("SELECT count(*) AS n FROM measurement")["n"][0].as_py() == 1


def test_staging_a_load_that_is_in_removes_nothing(plant: Workspace) -> None:
    plant.lake.commit("measurement", stage(plant, 1, "measurement"), load=key(1))
    before = {path: Path(path).read_bytes() for path in plant.lake.files("measurement")}
    for give_up in (False, True):
        writer = plant.lake.stage("measurement", load=key(1), recorded=RECORDED)
        writer.write(measurements(1, rows=7))
        if give_up:
            writer.abort()
        else:
            assert writer.finish() == []
    assert {path: Path(path).read_bytes() for path in plant.lake.files("measurement")} == before
    assert plant.lake.query("SELECT count(*) AS n FROM measurement")["n"][0].as_py() == 50


def test_row_groups_and_encodings(tmp_path: Path) -> None:
    rows = ROW_GROUP_ROWS + 10
    times = np.full(rows, 1_767_225_600_000_000)
    table = _rows([None] * rows).set_column(5, "time", pa.array(times).cast(TIME))
    (file,) = _write(tmp_path, [table.slice(0, 1000), table.slice(1000)])
    metadata = pq.ParquetFile(tmp_path / file.path).metadata
    assert [metadata.row_group(n).num_rows for n in range(metadata.num_row_groups)] == [ROW_GROUP_ROWS, 10]
    columns = {
        metadata.row_group(0).column(n).path_in_schema: metadata.row_group(0).column(n)
        for n in range(metadata.num_columns)
    }
    assert "DELTA_BINARY_PACKED" in columns["seq"].encodings
    assert "DELTA_BINARY_PACKED" in columns["time"].encodings
    assert columns["key_hash"].compression == "UNCOMPRESSED"
    assert columns["subject"].compression == "ZSTD"
    # Two batches with dictionaries of their own became one, or the second would be stored plain.
    assert columns["characteristic"].total_compressed_size < rows // 2
    assert columns["source"].total_compressed_size < 1000


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.append_column("colour", pa.array(["red"] * len(t))), "no column 'colour'"),
        (lambda t: t.drop_columns(["subject"]), "lacks the column 'subject'"),
        (lambda t: t.append_column("seq", t["seq"]), "names a column twice"),
        (lambda t: t.append_column("value", pa.array(["x"] * len(t))), "can't be kept as double"),
        (
            lambda t: t.set_column(2, "subject", pa.array([None] * len(t), pa.string())),
            "'subject' of 'measurement' is empty in 3 rows",
        ),
    ],
)
def test_a_table_that_does_not_fit_is_refused(plant: Workspace, change: object, message: str) -> None:
    assert callable(change)
    table = change(_rows([RECORDED] * 3))
    writer = plant.lake.stage("measurement", load=key(1), recorded=RECORDED)
    with pytest.raises(StoreError, match=message), writer:
        writer.write(table)
    assert not list((plant.lake.directory / "measurement").rglob("*.parquet"))


def test_the_years_1_to_9999(tmp_path: Path, plant: Workspace) -> None:
    first, last = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    with plant.lake.stage("measurement", load=key(1), recorded=RECORDED) as writer:
        writer.write(_rows([last, first]))
    assert plant.lake.commit("measurement", writer.finish(), load=key(1))
    rows = plant.lake.query("SELECT date, epoch_us(time) AS us FROM measurement ORDER BY date")
    assert rows["date"].to_pylist() == [date(1, 1, 1), date(9999, 12, 31)]
    beyond = pa.array([rows["us"][1].as_py() + 1]).cast(TIME)
    writer = StagedWriter(tmp_path / "beyond", MEASUREMENT, key(2), RECORDED)
    writer.write(_rows([RECORDED]).set_column(5, "time", beyond))
    with pytest.raises(StoreError, match="outside the years 1 to 9999"):
        writer.finish()


def test_a_disk_that_refuses_is_reported(tmp_path: Path) -> None:
    (tmp_path / "measurement").write_text("a file where the directory should be")
    writer = StagedWriter(tmp_path / "measurement", MEASUREMENT, key(1), RECORDED)
    writer.write(_rows([RECORDED]))
    with pytest.raises(StoreError, match="can't be written"):
        writer.finish()


def test_an_aborted_stage_leaves_nothing(plant: Workspace) -> None:
    writer = plant.lake.stage("measurement", load=key(1), recorded=RECORDED)
    writer.write(measurements(1))
    writer.abort()
    assert not list((plant.lake.directory / "measurement").rglob("*.parquet"))
    with pytest.raises(StoreError, match="already finished"):
        writer.write(measurements(1))
