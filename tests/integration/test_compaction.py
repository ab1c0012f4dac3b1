"""Compaction: many small files become few sorted ones, with the same rows, whatever goes on beside it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from store_rows import RECORDED, START, content, key, load

from assay.model.errors import ModelError
from assay.model.kinds import TIME
from assay.store import Workspace
from assay.store.compaction import compact
from assay.store.config import read_config
from assay.store.delta import LakeTable
from assay.store.lake import Lake
from assay.store.policies import LakePolicies, TablePolicy

FEW = LakePolicies(every=TablePolicy(small_files=2))


def readings(number: int, rows: int = 400) -> pa.Table:
    """Readings of three signals, in order of time."""
    seq = np.arange(rows)
    return pa.table(
        {
            "seq": seq,
            "signal": [f"S-{n % 3}" for n in seq],
            "value": seq * 0.25 + number,
            "equipment": [None if n % 7 == 0 else f"E-{n % 2}" for n in seq],
            "time": pa.array(START + seq * 1_000_000 + number * 1_000).cast(TIME),
            "key_hash": seq + number * 1_000_000,
            "content_hash": seq * 7 + number,
        }
    )


def read(plant: Workspace, number: int, rows: int = 400) -> None:
    with plant.lake.stage("reading", load=key(number), recorded=RECORDED) as writer:
        writer.write(readings(number, rows))
    plant.lake.commit("reading", writer.finish(), load=key(number))


def test_small_files_of_a_date_become_one_sorted_file_with_the_same_rows(plant: Workspace) -> None:
    plant.lake.policies = FEW
    for number in range(4):
        read(plant, number)
    before = content(plant, "reading")
    (done,) = compact(plant.lake, "reading")
    assert (done.dates, done.files_before, done.files_after, done.rows) == (1, 4, 1, 1600)
    assert content(plant, "reading") == before
    (file,) = plant.lake.files("reading")
    table = pq.read_table(file)
    order = [(row["signal"], row["equipment"] or "~", row["time"]) for row in table.to_pylist()]
    assert order == sorted(order)
    metadata = pq.ParquetFile(file).metadata.row_group(0)
    columns = {metadata.column(i).path_in_schema: metadata.column(i) for i in range(metadata.num_columns)}
    assert "DELTA_BINARY_PACKED" in columns["time"].encodings
    assert columns["value"].compression == "ZSTD"
    assert compact(plant.lake, "reading")[0].dates == 0, "one file is not merged again"


def test_each_date_by_itself_and_a_dry_run_changes_nothing(plant: Workspace) -> None:
    plant.lake.policies = FEW
    for number in range(3):
        load(plant, number)
    files = plant.lake.files("movement")
    dry = compact(plant.lake, "movement", dry_run=True)[0]
    assert (dry.dates, dry.files_before, dry.rows) == (3, 9, 150)
    assert plant.lake.files("movement") == files
    before = content(plant, "movement")
    assert compact(plant.lake, "movement")[0].files_after == 3
    assert content(plant, "movement") == before
    assert {Path(path).parent.name for path in plant.lake.files("movement")} == {
        f"date=2026-01-0{n}" for n in (1, 2, 3)
    }


def test_rows_without_a_time_stay_in_their_date(plant: Workspace) -> None:
    plant.lake.policies = FEW
    for number, day in ((1, 0), (2, 0), (3, 1), (4, 1)):
        with plant.lake.stage("reading", load=key(number), recorded=RECORDED + timedelta(days=day)) as writer:
            writer.write(readings(number, 5).drop_columns(["time"]))
        plant.lake.commit("reading", writer.finish(), load=key(number))
    ask = "SELECT epoch, seq, date FROM reading ORDER BY ALL"
    before = plant.lake.query(ask).to_pylist()
    compact(plant.lake)
    assert plant.lake.query(ask).to_pylist() == before
    assert len(plant.lake.files("reading")) == 2


def test_loading_again_after_compaction_changes_nothing_and_hashes_leave_one_load_out(
    plant: Workspace,
) -> None:
    plant.lake.policies = FEW
    for number in range(3):
        read(plant, number, rows=20)
    before, hashes = content(plant, "reading"), plant.lake.hashes("reading", exclude=key(1))
    compact(plant.lake)
    read(plant, 1, rows=20)
    assert content(plant, "reading") == before
    after = plant.lake.hashes("reading", exclude=key(1))
    assert sorted(after["key_hash"].to_pylist()) == sorted(hashes["key_hash"].to_pylist())
    assert len(after) == 40


def test_a_column_declared_later_is_null_in_older_rows(plant: Workspace) -> None:
    from assay.model.attributes import Attribute

    plant.lake.policies = FEW
    read(plant, 1, rows=5)
    plant.registry.declare_attributes([Attribute(kind="reading", name="batch", type="text", role="factor")])
    with plant.lake.stage("reading", load=key(2), recorded=RECORDED) as writer:
        writer.write(readings(2, 5).append_column("batch", pa.array(["B"] * 5)))
    plant.lake.commit("reading", writer.finish(), load=key(2))
    before = content(plant, "reading")
    compact(plant.lake)
    assert len(plant.lake.files("reading")) == 1
    assert content(plant, "reading") == before
    assert [row["batch"] for row in before] == [None] * 5 + ["B"] * 5


def test_a_reader_with_an_older_version_keeps_its_files_until_the_policy_lets_them_go(
    plant: Workspace,
) -> None:
    plant.lake.policies = LakePolicies(every=TablePolicy(small_files=2, old_versions_days=0))
    for number in range(3):
        read(plant, number, rows=10)
    pinned = plant.lake.snapshot()
    assert compact(plant.lake)[0].deleted_files == 0, "a reader may have pinned them just now"
    with plant.lake.connect(pinned) as connection:
        assert connection.execute("SELECT count(*) FROM reading").fetchone() == (30,)
    done = compact(plant.lake, now=datetime.now(UTC) + timedelta(minutes=11))[0]
    assert done.deleted_files == 3
    assert not any(Path(path).exists() for path in pinned.files["reading"])
    assert len(content(plant, "reading")) == 30
    log = plant.lake.directory / "reading" / "_delta_log"
    assert len(list(log.glob("*.json"))) == plant.lake.version("reading") + 1, "the log is never cut"


def test_two_compactions_of_the_same_files_never_double_rows(
    plant: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant.lake.policies = FEW
    for number in range(3):
        read(plant, number, rows=10)
    before = content(plant, "reading")
    real = Lake.commit_rewrite

    def late(self: Lake, *args: object) -> bool:
        monkeypatch.setattr(Lake, "commit_rewrite", real)
        other = LakeTable(self.place / "reading")  # another machine, whose locks are not ours
        moment = int(datetime.now(UTC).timestamp() * 1e6)
        gone = other.entries()[1][0]
        assert other.retire([gone.path], self.schema("reading"), {"assay.moment": moment})
        return real(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(Lake, "commit_rewrite", late)
    done = compact(plant.lake, "reading")[0]
    assert (done.given_up, done.dates) == (1, 0)
    after = content(plant, "reading")
    assert len(after) == 20
    assert all(row in before for row in after)
    assert not list((plant.lake.directory / "reading").rglob("many-*"))


def test_loads_go_on_while_files_are_merged(plant: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    plant.lake.policies = FEW
    for number in range(3):
        read(plant, number, rows=10)
    real = Lake.commit_rewrite

    def meanwhile(self: Lake, *args: object) -> bool:
        with Workspace.open(plant.path) as other:
            read(other, 9, rows=10)
        return real(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(Lake, "commit_rewrite", meanwhile)
    assert compact(plant.lake, "reading")[0].dates == 1
    assert {row["epoch"] for row in content(plant, "reading")} == {f"load-{n}" for n in (0, 1, 2, 9)}
    assert len(content(plant, "reading")) == 40


def test_retention_takes_whole_dates_out_and_the_log_says_why(plant: Workspace) -> None:
    for number in range(2):
        load(plant, number)
    plant.lake.policies = LakePolicies(tables={"movement": TablePolicy(keep_days=10)})
    now = datetime(2026, 1, 12, 12, tzinfo=UTC)
    done = {one.table: one for one in compact(plant.lake, now=now)}
    assert done["movement"].retired_rows == 34
    assert done["measurement"].retired_rows == 0
    dates = plant.lake.query("SELECT DISTINCT date FROM movement ORDER BY 1")["date"].to_pylist()
    assert dates == [date(2026, 1, 2), date(2026, 1, 3)]
    table = plant.lake.table("movement")
    facts = [table.commit_at(version).facts for version in range(table.version() + 1)]
    (said,) = [one for one in facts if "assay.retired_before" in one]
    assert (said["assay.retired_before"], said["assay.reason"]) == ("2026-01-02", "keep_days = 10")
    load(plant, 0)
    assert len(plant.lake.query("SELECT DISTINCT date FROM movement")) == 2, (
        "they don't come back by a replay"
    )
    read(plant, 7)
    assert compact(plant.lake, "movement", now=now)[0].retired_rows == 0


def test_the_log_is_summed_up_so_that_opening_stays_quick(plant: Workspace) -> None:
    plant.lake.policies = LakePolicies(every=TablePolicy(checkpoint_every=3))
    for number in range(5):
        read(plant, number, rows=2)
    log = plant.lake.directory / "reading" / "_delta_log"
    compact(plant.lake)
    assert len(list(log.glob("*.checkpoint.parquet"))) == 1
    compact(plant.lake)
    assert len(list(log.glob("*.checkpoint.parquet"))) == 1
    assert len(content(plant, "reading")) == 10


def test_policies_are_read_kept_and_checked(tmp_path: Path) -> None:
    file = tmp_path / "assay.toml"
    file.write_text(
        '[plant]\nname = "P"\n[lake]\nsmall_files = 4\n[lake.hot]\nseconds = 2\n'
        "[lake.reading]\nkeep_days = 400\nsmall_file_mb = 16\n[lake.dwd_reading]\nold_versions_days = 2\n"
    )
    config = read_config(file)
    assert config.policies.of("reading") == TablePolicy(small_files=4, keep_days=400, small_file_mb=16)
    assert config.policies.of("movement") == TablePolicy(small_files=4)
    assert config.policies.of("dwd_reading") == TablePolicy(small_files=4, old_versions_days=2)
    assert config.policies.hot.seconds == 2
    file.write_text(config.to_toml())
    assert read_config(file) == config
    for text, wanted in (
        ("[lake.readin]\nkeep_days = 1", "lake.readin: the lake has no table"),
        ("[lake.dwd_reading]\nkeep = 1", "lake.dwd_reading.keep: there is no such setting"),
        ("[lake.reading]\nkeep_day = 1", "lake.reading.keep_day: there is no such setting"),
        ("[lake]\nkeep_days = 0", "lake.keep_days: Input should be greater"),
        ("[lake]\ntarget_file_mb = 1", "is below small_file_mb"),
        ("lake = 3", "it is 3, not a table"),
    ):
        file.write_text(f'{text}\n[plant]\nname = "P"\n')
        with pytest.raises(ModelError, match=wanted.replace("(", r"\(")):
            read_config(file)


def test_derived_tables_keep_every_row_unless_their_own_policy_says_otherwise(tmp_path: Path) -> None:
    path = tmp_path / "assay.toml"
    text = (
        '[plant]\nname = "P"\n[lake]\nkeep_days = 400\n[lake.dws_result]\nkeep_days = 400\n[lake.ads_unit]\n'
    )
    path.write_text(text + "checkpoint_every = 5\n")
    policies = read_config(path).policies
    kept = {
        name: policies.of(name).keep_days for name in ("reading", "dwd_reading", "ads_unit", "dws_result")
    }
    assert kept == {"reading": 400, "dwd_reading": None, "ads_unit": None, "dws_result": 400}
    path.write_text(read_config(path).to_toml())
    assert read_config(path).policies == policies
