"""The command line as its user meets it: results on stdout, everything else on stderr, honest exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from typed import typed_commands

from assay.cli.app import run

ROOT = Path(__file__).parents[2]
DATA = ROOT / "src/assay/demo/data"
RUNS = DATA / "s01_variations-in-thread-degradation.csv"
MAPPING = DATA / "screwdriving.yaml"
NOK = "result = 'NOK'"

Call = Callable[..., tuple[int, str, str]]


PROGRAM = (sys.executable, "-m", "assay.cli")


def assay(
    *arguments: object, program: Sequence[str] = PROGRAM, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the command as a program of its own, away from any terminal."""
    inherited = {
        name: value for name, value in os.environ.items() if name not in {"ASSAY_LANG", "ASSAY_DATA"}
    }
    return subprocess.run(
        [*program, *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        env={**inherited, "LC_ALL": "C.UTF-8", **environment},
    )


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Run the command in this process: exit code, stdout, stderr."""
    monkeypatch.setenv("ASSAY_LANG", "en")
    monkeypatch.delenv("COLUMNS", raising=False)  # a table is as wide as its reader

    def called(*arguments: object) -> tuple[int, str, str]:
        code = run([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return called


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plant with the 5,000 runs of one scenario."""
    directory = tmp_path_factory.mktemp("plants") / "plant"
    assert run(["init", str(directory), "--time-zone", "Europe/Berlin", "--json"]) == 0
    assert run(["load", str(directory), str(RUNS), "--mapping", str(MAPPING), "--json"]) == 0
    return directory


def document(told: tuple[int, str, str]) -> Any:
    """The one JSON document of a call that went well and said nothing else."""
    code, out, err = told
    assert (code, err) == (0, "")
    return json.loads(out)


# -- init and load --------------------------------------------------------------------------------


def test_init_says_what_to_do_next(call: Call, tmp_path: Path) -> None:
    code, out, _ = call("init", tmp_path / "new")
    assert code == 0
    assert f"assay load {tmp_path / 'new'} FILE --mapping mapping.yaml" in out
    code, out, err = call("init", tmp_path / "new")
    assert (code, out) == (1, "")
    assert "already is a plant" in err


def test_a_proposed_mapping_on_stdout_is_nothing_but_the_mapping(call: Call) -> None:
    code, out, err = call("load", "--infer", RUNS)
    assert code == 0
    assert yaml.safe_load(out)["columns"]["workpiece_result"] == {"role": "outcome"}
    assert "scenario_condition" in err


def test_loading_twice_changes_nothing(call: Call, tmp_path: Path) -> None:
    few = tmp_path / "s09_few.csv"
    few.write_text("".join(RUNS.read_text("utf-8").splitlines(keepends=True)[:41]), "utf-8")
    directory = tmp_path / "plant"
    call("init", directory)
    told = document(call("load", directory, few, "--mapping", MAPPING, "--json"))
    assert {name: told[name] for name in ("rows", "accepted", "duplicates", "quarantined", "reasons")} == {
        "rows": 40,
        "accepted": 40,
        "duplicates": 0,
        "quarantined": 0,
        "reasons": {},
    }
    again = document(call("load", directory, few, "--mapping", MAPPING, "--json"))
    assert (again["accepted"], again["duplicates"]) == (0, 40)
    segments = document(call("sql", directory, "SELECT DISTINCT segment FROM movement", "--json"))
    assert segments["rows"] == [{"segment": "s09"}]


def test_load_needs_all_three(call: Call, plant: Path) -> None:
    code, out, err = call("load", plant, RUNS)
    assert (code, out) == (2, "")
    assert "--mapping" in err


def test_a_file_that_is_not_there(call: Call, plant: Path, tmp_path: Path) -> None:
    code, out, err = call("load", plant, tmp_path / "none.csv", "--mapping", MAPPING, "--json")
    assert (code, out) == (1, "")
    assert "none.csv" in err
    assert "Traceback" not in err


def test_infer_proposes_a_mapping_that_loads(call: Call, tmp_path: Path) -> None:
    file, out = tmp_path / "tests.csv", tmp_path / "proposed.yaml"
    rows = [f"H-{n:03d},2026-03-02T06:{n % 60:02d}:00Z,N{n % 3},{1 + n / 100},OK" for n in range(120)]
    file.write_text("\n".join(["housing,tested_at,nozzle,pressure,leak_test", *rows]) + "\n")
    told = document(call("load", "--infer", file, "--out", out, "--json"))
    assert told["mapping"] == out.read_text("utf-8")
    assert all(set(doubt) == {"column", "message"} for doubt in told["doubts"])
    call("init", tmp_path / "plant")
    loaded = document(call("load", tmp_path / "plant", file, "--mapping", out, "--json"))
    assert loaded["accepted"] == 120
    code, text, _ = call("load", "--infer", file)
    assert code == 0
    assert told["mapping"].strip() in text


# -- questions ------------------------------------------------------------------------------------


def test_sql_answers_in_rows(call: Call, plant: Path) -> None:
    asked = "SELECT count(*) AS n, count(*) AS n, min(time) AS first, NULL AS nothing FROM measurement"
    told = document(call("sql", plant, asked, "--json"))
    assert told["columns"] == ["n", "n_1", "first", "nothing"]
    assert told["rows"] == [{"n": 5000, "n_1": 5000, "first": "2022-09-05T11:43:39Z", "nothing": None}]
    code, out, _ = call("sql", plant, "SELECT execution FROM movement")
    assert code == 0
    assert "5000 rows; the first 100 are shown" in out


@pytest.mark.parametrize(
    "statement",
    ["DROP VIEW movement", "SELECT 1; SELECT 2", "COPY movement TO '/tmp/x'", "SELECT nope FROM movement"],
)
def test_sql_that_writes_or_fails_is_refused(call: Call, plant: Path, statement: str) -> None:
    code, out, err = call("sql", plant, statement, "--json")
    assert (code, out) == (1, "")
    assert err.startswith("Error: ")
    assert "Traceback" not in err


def test_trace_of_a_run_and_its_workpiece(call: Call, plant: Path) -> None:
    back = document(call("trace", plant, "30000000008730", "--direction", "back", "--json"))
    assert back["root"] == "30000000008730"
    assert len(back["nodes"]) == len(back["edges"]) + 1 == 51
    run_node = next(node for node in back["nodes"] if node["id"] == "1596334")
    assert run_node["kind"] == "execution"
    assert run_node["segment"] == "s01"
    assert run_node["started"] == "2022-09-05T11:43:39Z"
    assert run_node["attributes"]["workpiece_usage"] == 0
    assert run_node["results"][0]["text"] == "OK"
    edge = next(edge for edge in back["edges"] if edge["from"] == "1596334")
    assert (edge["to"], edge["segment"], edge["confidence"]) == ("30000000008730", "s01", 1.0)
    forward = document(call("trace", plant, "1596334", "--direction", "forward", "--json"))
    assert [node["id"] for node in forward["nodes"]] == ["1596334", "30000000008730"]
    code, out, _ = call("trace", plant, "30000000008730", "--limit", 5)
    assert code == 0
    assert "A limit was met" in out


def test_an_unknown_id_is_an_error_with_close_ones(call: Call, plant: Path) -> None:
    code, out, err = call("trace", plant, "159633x", "--json")
    assert (code, out) == (1, "")
    assert "'159633x'" in err
    assert "Did you mean '15963" in err


def test_cause_ranks_previous_uses_first(call: Call, plant: Path) -> None:
    told = document(call("cause", plant, "--target", NOK, "--json"))
    assert (told["subjects"], told["bad"], told["verdict"]) == (5000, 911, "causes found")
    first = told["causes"][0]
    assert (first["rank"], first["factor"], first["value"]) == (1, "workpiece_usage", None)
    assert first["dose_response"][-1]["rate"] > first["dose_response"][0]["rate"]
    code, out, _ = call("cause", plant, "--target", NOK)
    assert code == 0
    assert "911 of 5000" in out
    assert "workpiece_usage" in out


def test_insufficient_evidence_is_an_answer(call: Call, plant: Path) -> None:
    asked = ("cause", plant, "--target", NOK, "--where", "workpiece_usage < 3")
    told = document(call(*asked, "--json"))
    assert (told["verdict"], told["causes"]) == ("insufficient evidence", [])
    code, out, _ = call(*asked)
    assert code == 0
    assert "Insufficient evidence" in out


@pytest.mark.parametrize("target", ["result =", "reslt = 'NOK'", "result = 'NOK' AND drop"])
def test_a_wrong_target_is_explained(call: Call, plant: Path, target: str) -> None:
    code, out, err = call("cause", plant, "--target", target, "--json")
    assert (code, out) == (1, "")
    assert "Traceback" not in err


def test_a_plant_survives_backup_and_restore(call: Call, plant: Path, tmp_path: Path) -> None:
    kept = document(call("backup", plant, tmp_path / "plant.tar", "--json"))
    assert kept["bytes"] == (tmp_path / "plant.tar").stat().st_size
    document(call("restore", tmp_path / "plant.tar", tmp_path / "again", "--json"))
    asked = "SELECT count(*) AS n, sum(hash(execution, subject, started)) AS h FROM movement"
    assert document(call("sql", plant, asked, "--json")) == document(
        call("sql", tmp_path / "again", asked, "--json")
    )


def test_quarantine_is_listed_and_replayed(call: Call, tmp_path: Path) -> None:
    lines = RUNS.read_text("utf-8").splitlines()[:4]
    lines[2] = lines[2].replace("2022-09-05", "yesterday")
    file = tmp_path / "s01_bad.csv"
    file.write_text("\n".join(lines) + "\n", "utf-8")
    directory = tmp_path / "plant"
    call("init", directory)
    assert document(call("load", directory, file, "--mapping", MAPPING, "--json"))["quarantined"] == 1
    told = document(call("quarantine", "list", directory, "--json"))
    assert sum(told["counts"].values()) == 1
    assert (told["rows"][0]["line"], told["rows"][0]["column"]) == (3, "workpiece_date")
    code, out, _ = call("quarantine", "list", directory)
    assert code == 0
    assert "yesterday" in out
    again = document(call("quarantine", "replay", directory, "--json"))
    assert (again["rows"], again["accepted"], again["quarantined"]) == (1, 0, 1)


def test_plugins_are_listed(call: Call) -> None:
    told = document(call("plugins", "--json"))
    assert {"files", "cause"} <= {plugin["id"] for plugin in told["plugins"]}
    code, out, _ = call("plugins")
    assert code == 0
    assert "failed to load" not in out


# -- usage, language, streams ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [["nosuch"], ["trace"], ["cause", "DIR"], ["sql", "--nope"], ["trace", "a", "b", "--direction", "up"]],
)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_wrong_usage_is_two_and_one_sentence(call: Call, arguments: list[str], language: str) -> None:
    code, out, err = call(*arguments, "--lang", language)
    assert (code, out) == (2, "")
    assert err.startswith("Error: " if language == "en" else "错误：")
    assert len(err.splitlines()) == 2


def test_a_misspelt_verb_is_recognised(call: Call) -> None:
    assert "Did you mean 'trace'?" in call("trce")[2]
    assert "Did you mean 'compact'?" in call("lake", "compcat")[2]
    assert "Did you mean 'xbar_r'?" in call("chart", "xbarr")[2]


def test_an_unknown_language_is_refused(call: Call) -> None:
    code, out, err = call("plugins", "--lang", "fr")
    assert (code, out) == (2, "")
    assert "zh" in err


def test_no_arguments_show_the_help(call: Call) -> None:
    code, out, err = call()
    assert (code, err) == (0, "")
    for verb in (
        "init",
        "load",
        "sql",
        "trace",
        "cause",
        "serve",
        "demo",
        "bench",
        "plugins",
        "backup",
        "restore",
    ):
        assert f"\n  {verb} " in out


def test_every_verb_takes_json_and_has_help_in_both_languages(call: Call) -> None:
    from assay.cli.app import tree

    def verbs(group: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
        for name, command in group.commands.items():
            if hasattr(command, "commands"):
                yield from verbs(command, (*path, name))
            else:
                yield (*path, name), command

    for path, verb in verbs(tree(), ()):
        assert any("--json" in parameter.opts for parameter in verb.params), path
        for language, heading in (("en", "Usage:"), ("zh", "用法:")):
            code, out, _ = call(*path, "--help", "--lang", language)
            assert code == 0
            assert out.startswith(heading)
            assert ".".join((*path, "help")) not in out, "the help of a verb is in the catalogue"


@pytest.mark.parametrize(
    ("environment", "heading"),
    [
        ({"ASSAY_LANG": "zh"}, "用法"),
        ({"LC_ALL": "zh_CN.UTF-8"}, "用法"),
        ({"LC_ALL": "de_DE.UTF-8"}, "Usage"),
        ({"ASSAY_LANG": "en", "LC_ALL": "zh_CN.UTF-8"}, "Usage"),
    ],
)
def test_the_language_of_the_surroundings(environment: dict[str, str], heading: str) -> None:
    assert assay("--help", **environment).stdout.startswith(heading)


def test_json_is_all_there_is_on_stdout(plant: Path, tmp_path: Path) -> None:
    calls: list[list[object]] = [
        ["init", tmp_path / "other", "--json"],
        ["load", plant, RUNS, "--mapping", MAPPING, "--json"],
        ["load", "--infer", RUNS, "--json"],
        ["sql", plant, "SELECT '中文' AS word", "--json"],
        ["trace", plant, "1596334", "--json"],
        ["cause", plant, "--target", NOK, "--json"],
        ["plugins", "--json"],
        ["quarantine", "list", plant, "--json"],
    ]
    with typed_commands() as folder:
        for arguments in calls:
            done = assay(*arguments, program=[str(folder / "assay")])
            assert (done.returncode, done.stderr) == (0, ""), arguments
            json.loads(done.stdout)
    failed = assay("trace", plant, "nobody", "--json", ASSAY_LANG="zh")
    assert (failed.returncode, failed.stdout) == (1, "")
    assert failed.stderr.startswith("错误：")


def test_help_loads_nothing_heavy() -> None:
    probe = (
        "import sys; from assay.cli.app import run; run(['--help']);"
        "heavy = {'numpy', 'pyarrow', 'duckdb', 'pydantic', 'rich', 'fastapi', 'sqlalchemy', 'scipy'};"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_bench_belongs_to_a_checkout(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, err = call("bench", "cuase", "--json")
    assert (code, out) == (1, "")
    assert "'cause'" in err
    monkeypatch.setattr("assay.__file__", str(tmp_path / "lib/site-packages/assay/__init__.py"))
    monkeypatch.chdir(tmp_path)
    code, out, err = call("bench", "cause", "--json")
    assert (code, out) == (1, "")
    assert "checkout" in err


def test_a_defect_is_shown_with_its_traceback(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise ZeroDivisionError("nothing to divide by")

    monkeypatch.setattr("assay.plugins.registry.describe", broken)
    code, out, err = call("plugins", "--json")
    assert (code, out) == (1, "")
    assert "Traceback" in err
    assert "Assay failed in a way it should not: ZeroDivisionError: nothing to divide by" in err
