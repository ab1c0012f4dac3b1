"""Damaged and missing files of the lake are found and named, with the loads whose rows are in them."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from store_rows import RECORDED, content, key, load, movements

from assay.apps.sql import first_rows
from assay.cli.app import run
from assay.model.errors import QueryError, StoreError
from assay.query.bind.bound import bind
from assay.query.layers import derive
from assay.store import Workspace
from assay.store.compaction import compact
from assay.store.health import DamagedFile, check
from assay.store.policies import LakePolicies, TablePolicy

FEW = LakePolicies(every=TablePolicy(small_files=2))


def flip(path: str, at: float = 0.5) -> None:
    """Change one byte in the middle of a file's pages; the size stays."""
    data = bytearray(Path(path).read_bytes())
    footer = int.from_bytes(data[-8:-4], "little") + 8
    data[int((len(data) - footer) * at)] ^= 0xFF
    Path(path).write_bytes(data)


def test_a_sound_lake_has_nothing_to_say(plant: Workspace) -> None:
    load(plant, 1)
    assert check(plant.lake, deep=True) == []


def test_a_missing_file_is_named_with_the_file_it_was_loaded_from(plant: Workspace) -> None:
    load(plant, 1)
    load(plant, 2)
    gone = plant.lake.files("movement")[0]
    Path(gone).unlink()
    (damage,) = check(plant.lake)
    assert (damage.table, damage.path, damage.what) == ("movement", gone, "is missing")
    number = int(damage.loads[0][1].removeprefix("load-"))
    assert damage.loads == (("line-1", f"load-{number}", f"{number}.csv"),)
    with pytest.raises(StoreError, match=rf"is missing\. It holds rows of {number}\.csv") as error:
        plant.lake.query("SELECT count(*) FROM movement")
    assert gone in str(error.value)
    assert "backup" in str(error.value.hint)


def missing(path: Path) -> None:
    path.unlink()


def cut_off(path: Path) -> None:
    os.truncate(path, 500)


@pytest.mark.parametrize("harm", [missing, cut_off])
@pytest.mark.parametrize("which", [0, -1])
def test_only_what_reads_the_damaged_table_fails(
    plant: Workspace, harm: Callable[[Path], None], which: int
) -> None:
    load(plant, 1)
    load(plant, 2)
    plant.lake.hot.append("movement", movements(3), key(3), recorded=RECORDED)
    harmed = plant.lake.files("movement")[which]
    harm(Path(harmed))
    for ask in ("SELECT count(*) FROM measurement", "SELECT * FROM equipment", "SHOW TABLES"):
        assert plant.lake.query(ask).num_rows
    for ask in (
        "SELECT count(*) FROM movement",
        "SELECT count(*) FROM movement WHERE seq = 3 AND subject = 'U-1-3'",
        "SELECT count(*) FROM movement WHERE seq IS NULL",
        "SELECT count(*) FROM unit",
        "SELECT m.value FROM measurement m LEFT JOIN movement v USING (subject)",
    ):
        with pytest.raises(DamagedFile, match=re.escape(harmed)) as error:
            plant.lake.query(ask)
        assert "backup" in str(error.value.hint)
    with pytest.raises(DamagedFile, match=re.escape(harmed)):
        bind(plant, segment="press")
    assert first_rows(plant.lake, "SELECT value FROM measurement", 5)[1]
    with pytest.raises(DamagedFile, match=re.escape(harmed)):
        first_rows(plant.lake, "SELECT * FROM movement", 5)
    with pytest.raises(QueryError, match="nonsense"):
        plant.lake.query("SELECT nonsense FROM measurement")


def test_damage_of_the_quarantine_leaves_the_records_alone(plant: Workspace) -> None:
    with plant.lake.stage("quarantine", load=key(7), recorded=RECORDED) as writer:
        columns = {"seq": [0], "file": ["7.csv"], "reason": ["no-time"], "message": ["no time"]}
        writer.write(pa.table(columns))
        plant.lake.commit("quarantine", writer.finish(), load=key(7))
    load(plant, 1)
    assert plant.lake.query("SELECT replayed FROM quarantine").num_rows == 1
    missing(Path(plant.lake.files("quarantine")[0]))
    assert plant.lake.query("SELECT count(*) FROM movement").num_rows == 1
    with pytest.raises(DamagedFile, match="'quarantine' is missing"):
        plant.lake.query("SELECT replayed, reason FROM quarantine")


def test_a_damaged_derived_table_is_named_and_derived_again(
    plant: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    load(plant, 1)
    derive(plant, ["dwd_result"])
    (file,) = {path for path in plant.lake.snapshot().files["dwd_result"] if "2026-01-01" in path}
    cut_off(Path(file))
    assert plant.lake.query("SELECT count(*) FROM measurement, movement").num_rows
    with pytest.raises(DamagedFile, match=re.escape(file)) as error:
        plant.lake.query("SELECT count(*) FROM dwd_result")
    assert "assay lake derive DIR --again --table dwd_result" in str(error.value.hint)
    assert run(["lake", "status", str(plant.path)]) == 1
    assert "dwd_result" in capsys.readouterr().out.split("damaged")[1]
    derive(plant, ["dwd_result"], again=True)
    assert plant.lake.query("SELECT count(*) AS n FROM dwd_result")["n"].to_pylist() == [50]
    assert run(["lake", "status", str(plant.path)]) == 0


def test_a_cut_off_file_is_named(plant: Workspace) -> None:
    load(plant, 1)
    cut = plant.lake.files("movement")[0]
    os.truncate(cut, 500)
    (damage,) = check(plant.lake)
    assert damage.what.startswith("has 500 bytes where the log says")
    with pytest.raises(StoreError, match="of the lake table 'movement'"):
        content(plant, "movement")


def test_a_changed_byte_is_found_by_its_checksum(plant: Workspace) -> None:
    load(plant, 1)
    changed = plant.lake.files("movement")[0]
    flip(changed)
    assert check(plant.lake) == []
    (damage,) = check(plant.lake, deep=True)
    assert (damage.path, damage.loads[0][2]) == (changed, "1.csv")
    assert "is damaged" in damage.what


def test_compaction_does_not_take_over_damaged_rows(plant: Workspace) -> None:
    plant.lake.policies = FEW
    load(plant, 1)
    load(plant, 2)
    before = plant.lake.files("movement")
    flip(before[0])
    with pytest.raises(StoreError, match="is damaged"):
        compact(plant.lake, "movement")
    assert plant.lake.files("movement") == before


def test_a_compacted_file_names_all_loads_in_it_also_hot_ones(plant: Workspace) -> None:
    plant.lake.policies = FEW
    for number in (1, 2):
        load(plant, number)
    for number in (3, 4):
        plant.lake.hot.append("movement", movements(number), key(number), recorded=RECORDED)
    plant.lake.hot.flush()
    compact(plant.lake)
    compact(plant.lake, now=datetime.now(UTC) + timedelta(days=8))
    Path(plant.lake.files("movement")[0]).unlink()
    (damage,) = check(plant.lake)
    assert damage.loads == (
        ("line-1", "load-1", "1.csv"),
        ("line-1", "load-2", "2.csv"),
        ("line-1", "load-3", None),
        ("line-1", "load-4", None),
    )


def test_the_command_line_shows_checks_compacts_and_looks_back(
    plant: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    load(plant, 1)
    then = datetime.now(UTC)
    load(plant, 2)
    plant.lake.hot.append("movement", movements(3), key(3), recorded=RECORDED)

    def document(*arguments: object, code: int = 0) -> Any:
        assert run(["lake", *map(str, arguments), "--json"]) == code
        return json.loads(capsys.readouterr().out)

    shown = document("status", plant.path, "--check")
    movement = shown["tables"]["movement"]
    assert (movement["rows"], movement["files"], movement["small_files"], movement["hot_rows"]) == (
        100,
        6,
        6,
        50,
    )
    assert shown["hot"]["movement"]["appends"] == 1
    assert shown["damaged"] == []
    counted = document("as-of", plant.path, then.isoformat())["rows"]
    assert {one["table"]: one["rows"] for one in counted} == {"movement": 50, "measurement": 50}
    asked = document("as-of", plant.path, then.isoformat(), "SELECT count(*) AS n FROM movement")
    assert asked["rows"] == [{"n": 50}]
    with (plant.path / "assay.toml").open("a") as settings:
        settings.write("\n[lake]\nsmall_files = 2\n")
    assert document("compact", plant.path, "--dry-run")["flushed_rows"] == 0
    done = document("compact", plant.path, "--table", "movement")
    assert done["flushed_rows"] == 50
    assert done["tables"][0]["files_before"] == 9
    assert document("status", plant.path)["tables"]["movement"]["files"] == 3
    Path(plant.lake.files("movement")[0]).unlink()
    assert document("status", plant.path, code=1)["damaged"][0]["what"] == "is missing"
    assert run(["lake", "as-of", str(plant.path), "yesterday"]) != 0
    assert "is not a moment" in capsys.readouterr().err
