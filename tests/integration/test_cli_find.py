"""``assay find`` and ``assay extract`` as their user meets them, a kill in the middle included."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from store_rows import load

import assay
from assay.cli.app import run
from assay.store.workspace import Workspace

Call = Callable[..., tuple[int, str, str]]

LONG = "unit[length > 20] | select length"


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plant with 100 measured units."""
    directory = tmp_path_factory.mktemp("found") / "plant"
    with Workspace.create(directory) as workspace:
        for number in (1, 2):
            load(workspace, number)
    return directory


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Run the command in this process: exit code, stdout, stderr."""
    monkeypatch.setenv("ASSAY_LANG", "en")

    def called(*arguments: object) -> tuple[int, str, str]:
        code = run([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return called


def test_an_answer_is_a_table(call: Call, plant: Path) -> None:
    code, out, err = call("find", plant, LONG, "--explain", "--sql")
    assert (code, err) == (0, "")
    assert "20.5" in out
    assert "length [mm]" in out
    assert "18 rows." in out
    assert "SELECT" in out


def test_json_is_one_document(call: Call, plant: Path) -> None:
    code, out, err = call("find", plant, LONG, "--json", "--explain")
    assert (code, err) == (0, "")
    document = json.loads(out)
    assert document["row_count"] == len(document["rows"]) == 18
    assert document["explain"]["steps"]
    assert "sql" not in document
    assert "SELECT" in json.loads(call("find", plant, LONG, "--json", "--sql")[1])["sql"]


def test_a_wrong_question_is_underlined(call: Call, plant: Path) -> None:
    code, out, err = call("find", plant, "unit[lenght > 20]")
    assert (code, out) == (1, "")
    assert "  unit[lenght > 20]\n       ^^^^^^" in err
    assert "Did you mean" in err
    code, out, err = call("find", plant, "unit[lenght > 20]", "--lang", "zh")
    assert (code, out) == (1, "")
    assert "       ^^^^^^" in err
    code, out, err = call("find", plant, "unit", "--limit", 10)
    assert (code, out) == (1, "")
    assert "10" in err


def test_the_past_is_asked_by_a_moment(call: Call, plant: Path) -> None:
    code, out, _ = call("find", plant, "unit | count", "--as-of", "2026-03-01T12:00:00Z", "--json")
    assert (code, json.loads(out)["rows"]) == (0, [{"count": 0}])
    assert call("find", plant, "unit | count", "--as-of", "yesterday")[0] == 1


@pytest.mark.parametrize("asked", ["unit | count", "SELECT count(*) AS count FROM unit"])
def test_a_question_or_sql_is_answered_as_of_a_moment(call: Call, plant: Path, asked: str) -> None:
    code, out, err = call("lake", "as-of", plant, "2020-01-01T00:00:00Z", asked, "--json")
    assert code == 0, err
    assert json.loads(out)["rows"] == [{"count": 0}]


def test_extracting_to_a_file(call: Call, plant: Path, tmp_path: Path) -> None:
    out = tmp_path / "long.parquet"
    code, said, err = call("extract", plant, LONG, "--out", out, "--json")
    assert (code, err) == (0, "")
    assert json.loads(said)["rows"] == 18
    with assay.open(plant) as opened:
        assert pq.read_table(out).equals(opened.find(LONG).to_arrow())
        with opened.extract(LONG, batch_rows=5) as batches:
            assert [batch.num_rows for batch in batches] == [5, 5, 5, 3]
        again = tmp_path / "again.arrow"
        assert opened.extract(LONG, again).rows == 18
        with opened.watch(LONG, interval=0.01, timeout=0.02) as changes:
            assert [(change.kind, change.rows) for change in changes] == [("reset", 18)]
    assert call("extract", plant, LONG, "--out", tmp_path / "long.csv")[0] == 1
    assert call("extract", plant, LONG)[0] == 2


def parts(folder: Path) -> int:
    return len(list(folder.glob("part-*.parquet")))


def test_a_killed_extraction_goes_on_and_is_row_for_row_the_same(tmp_path: Path) -> None:
    directory, out, whole = tmp_path / "plant", tmp_path / "cut.parquet", tmp_path / "whole.parquet"
    with Workspace.create(directory) as workspace:
        load(workspace, 1, rows=20_000)
    verb = ["extract", str(directory), "measurement", "--batch-rows", "40"]
    assert run([*verb, "--out", str(whole)]) == 0
    command = [sys.executable, "-m", "assay.cli", *verb]
    folder, chance, hit = tmp_path / "cut.parquet.parts", random.Random(5), 0
    while not out.exists():
        with subprocess.Popen([*command, "--out", str(out), "--resume"]) as process:
            before, end = parts(folder), time.monotonic() + 120
            while process.poll() is None and parts(folder) < before + chance.randint(2, 8):
                assert time.monotonic() < end
                time.sleep(0.005)
            process.send_signal(signal.SIGKILL)
            hit += process.wait() != 0
        with Workspace.open(directory) as workspace:
            load(workspace, 2 + hit)  # what comes later is not in it
        if hit == 2:
            assert run([*verb, "--out", str(out), "--resume"]) == 0
    assert hit >= 2
    assert pq.read_table(out).equals(pq.read_table(whole))
    assert not folder.exists()
