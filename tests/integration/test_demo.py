"""The demo builds one plant, tells its story, and changes nothing when it is run again."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from assay.cli.app import run

NOK_RUNS = {"s01": 911, "s02": 2988, "s04": 693}
"""NOK runs of each published file."""

LINE = "06-03-2019 {:02d}:{:02d},{}\n"


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "plant"


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_LANG", "en")
    monkeypatch.delenv("ASSAY_DATA", raising=False)


def told(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    assert run([str(argument) for argument in ("demo", "--no-serve", "--json", *arguments)]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_the_story_from_files_to_report(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = told(capsys, "--dir", directory)
    assert [(load["rows"], load["accepted"]) for load in found["loads"]] == [
        (5000, 5000),
        (12500, 12500),
        (5000, 5000),
    ]
    assert (found["cause"]["subjects"], found["cause"]["bad"]) == (22_500, sum(NOK_RUNS.values()))
    assert found["part"]["unit"] == found["trace"]["root"]
    part = next(node for node in found["trace"]["nodes"] if node["id"] == found["part"]["id"])
    assert part["results"][0]["text"] == "NOK"
    assert found["blast_radius"]["units"] > 0
    assert not found["liveline"]
    report = Path(found["report"])
    assert report == directory / "report.html"
    assert found["part"]["id"] in report.read_text("utf-8")


def test_running_again_uses_the_plant_again(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = told(capsys, "--dir", directory)
    assert found["reused"]
    assert found["loads"] == []
    assert run(["sql", str(directory), "SELECT count(*) AS n FROM movement", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == [{"n": 22_500}]


@pytest.mark.parametrize("scope", NOK_RUNS)
def test_a_scope_limits_the_analysis(
    directory: Path, scope: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "reports" / "one.html"
    found = told(capsys, "--dir", directory, "--scope", scope, "--report", out)
    assert found["cause"]["bad"] == NOK_RUNS[scope]
    assert found["part"]["segment"] == scope
    assert f"segment {scope}" in out.read_text("utf-8")


def test_a_plant_of_someone_else_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mapping, file, plant = tmp_path / "m.yaml", tmp_path / "own.csv", tmp_path / "plant"
    mapping.write_text("source: own\nwide: {subject: part, values: {size: size}}\n", "utf-8")
    file.write_text("part,size\nP1,1.5\n", "utf-8")
    assert run(["init", str(plant)]) == 0
    assert run(["load", str(plant), str(file), "--mapping", str(mapping)]) == 0
    capsys.readouterr()
    assert run(["demo", "--no-serve", "--dir", str(plant)]) == 1
    assert "a plant with records of its own" in capsys.readouterr().err


def test_a_person_sees_the_part_the_causes_and_the_report(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["demo", "--no-serve", "--dir", str(directory), "--scope", "s04"]) == 0
    out = capsys.readouterr().out
    for words in (
        "Bad part: ",
        "came from: ",
        "class_value = 401_surface-lubricant",
        "Blast radius",
        "report.html",
    ):
        assert words in out
    assert "liveline is not here" in out


def test_liveline_is_added_where_it_is(
    directory: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    mapping = (Path(__file__).parents[2] / "src/assay/demo/data/liveline.yaml").read_text("utf-8")
    signals = [line.split(":")[0].strip() for line in mapping.splitlines() if "role: outcome" in line]
    file = tmp_path / "continuous_line.csv"
    values = ",".join("1.5" for _ in signals)
    rows = "".join(LINE.format(10, minute, values) for minute in (52, 53, 52))
    file.write_text(f"time_stamp,{','.join(signals)}\n{rows}", "utf-8")
    found = told(capsys, "--dir", directory, "--liveline", file)
    assert found["liveline"]
    assert [(load["file"], load["accepted"]) for load in found["loads"]] == [("continuous_line.csv", 3)]
    asked = "SELECT min(time) AS a, max(time) AS z, count(*) AS n, min(clock_uncertainty) AS s FROM reading"
    assert run(["sql", str(directory), asked, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == [
        {
            "a": "2019-03-06T10:52:00Z",
            "z": "2019-03-06T10:53:00Z",
            "n": 3 * len(signals),
            "s": 60.0,
        }
    ]


def test_the_pages_are_served(directory: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "assay.cli", "serve", str(directory), "--port", str(port), "--json"]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "ASSAY_LANG": "en"},
    ) as server:
        try:
            assert _status(f"http://127.0.0.1:{port}/api/session", server) == 401
            assert run(["serve", str(directory), "--port", str(port)]) == 1, "the port is taken"
        finally:
            server.terminate()
            out, err = server.communicate(timeout=20)
    assert json.loads(out)["url"] == f"http://127.0.0.1:{port}/"
    assert err.count("Administrator's password") == 1


def _status(url: str, server: subprocess.Popen[str]) -> int:
    until = time.monotonic() + 120
    while time.monotonic() < until and server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as refused:
            return refused.code
        except urllib.error.URLError:
            time.sleep(0.2)
    raise AssertionError("the server did not answer")
