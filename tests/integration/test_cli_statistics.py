"""The statistics on the command line: the numbers are those of the functions, on any file."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.cli.app import run as assay
from assay.cli.speech import CATALOGUE
from assay.cli.statistics import GROUPS
from assay.stats import arl, capability, charts, monitor, msa, sampling

RNG = np.random.default_rng(11)
VALUES = np.round(RNG.normal(10, 0.1, 100), 3)
SUBGROUP = np.repeat(np.arange(20), 5)
COMMANDS = [(verb, kind.id) for verb, group in GROUPS.items() for kind in group.commands()]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "values.csv"
    write(path, {"x": VALUES, "lot": SUBGROUP, "shift": np.where(SUBGROUP < 10, "A", "B"), "n": 50})
    return path


def write(path: Path, columns: dict[str, Any]) -> None:
    count = max(np.size(column) for column in columns.values())
    rows = zip(*(np.broadcast_to(column, count).tolist() for column in columns.values()), strict=True)
    with path.open("w", newline="", encoding="utf-8") as held:
        csv.writer(held).writerows([list(columns), *rows])


def answer(capsys: pytest.CaptureFixture[str], *words: object) -> Any:
    capsys.readouterr()
    code = assay([*map(str, words), "--json"])
    out = capsys.readouterr()
    assert code == 0, out.err
    return json.loads(out.out)


def test_a_chart_by_label_and_by_size(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    alone = charts.xbar_r(VALUES, 5, phase1=(0, 15), rules="western_electric").to_dict()
    for subgroup in (("--subgroup", "lot"), ("--subgroup", "5"), ("--n", "5")):
        found = answer(
            capsys,
            *("chart", "xbar_r", file, "--value", "x", *subgroup, "--phase1", "0:15"),
            *("--rules", "western_electric"),
        )
        assert found["limits"] == alone["limits"]
        assert found["violations"] == alone["violations"]
        assert found["statistics"] == alone["statistics"]
        assert {"center", "sigma", "companions", "formula", "phase1"} <= set(found)


def test_subgroups_can_lie_in_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "wide.csv"
    write(path, {f"x{at}": column for at, column in enumerate(VALUES.reshape(20, 5).T)})
    wide = [word for at in range(5) for word in ("--value", f"x{at}")]
    found = answer(capsys, "chart", "xbar-s", path, *wide)
    assert found["statistics"] == charts.xbar_s(VALUES, 5).to_dict()["statistics"]


def test_stages_exclusions_and_history(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(
        capsys,
        *("chart", "xbar_r", file, "--value", "x", "--subgroup", "lot", "--stage", "shift"),
        *("--exclude", "3=tool broke", "--exclude", "12=wrong gauge"),
    )
    assert [stage["label"] for stage in found["stages"]] == ["A", "B"]
    assert found["excluded"] == [
        {"index": 3, "reason": "tool broke"},
        {"index": 12, "reason": "wrong gauge"},
    ]
    fixed = answer(capsys, "chart", "imr", file, "--value", "x", "--center", "10", "--sigma", "0.1")
    assert fixed["limits"]["ucl"] == pytest.approx(10.3)


def test_counts_with_a_column_or_one_size(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "counts.csv"
    counts = RNG.binomial(50, 0.1, 30)
    write(path, {"bad": counts, "size": 50, "day": [f"d{at}" for at in range(30)]})
    alone = charts.p(counts, 50).to_dict()
    for size in ("size", "50"):
        found = answer(capsys, "chart", "p", path, "--value", "bad", "--n", size, "--label", "day")
        assert found["statistics"] == alone["statistics"]
        assert found["labels"][0] == "d0"


def test_profiles_lie_in_columns_or_in_one_long_column(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    x = np.linspace(0, 1, 8)
    profiles = 1 + 2 * x + RNG.normal(0, 0.1, (12, 8))
    alone = charts.profiles(x, profiles).to_dict()
    wide, long = tmp_path / "wide.csv", tmp_path / "long.csv"
    write(wide, {"x": x, **{f"p{at}": profile for at, profile in enumerate(profiles)}})
    columns = [word for at in range(12) for word in ("--value", f"p{at}")]
    assert (
        answer(capsys, "chart", "profiles", wide, "--x", "x", *columns)["statistics"] == alone["statistics"]
    )
    write(
        long,
        {"x": np.tile(x, 12), "y": profiles.ravel(), "name": np.repeat([f"p{at}" for at in range(12)], 8)},
    )
    words = ("--x", "x", "--value", "y", "--profile", "name")
    assert answer(capsys, "chart", "profiles", long, *words)["statistics"] == alone["statistics"]
    write(
        long, {"x": [*np.tile(x, 11), *(x + 1)], "y": profiles.ravel(), "name": np.repeat(np.arange(12), 8)}
    )
    assert assay(["chart", "profiles", str(long), *words]) == 1
    assert "Profile 11 is not measured at the same places" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["pca", "cva"])
def test_a_process_is_watched_by_its_first_rows(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = RNG.normal(size=(300, 3))
    rows[250:, 1] += 6
    path = tmp_path / "rows.csv"
    write(path, dict(zip(("flow", "level", "power"), rows.T, strict=True)))
    values = ("--value", "flow", "--value", "level", "--value", "power")
    found = answer(capsys, "monitor", kind, path, *values, "--phase1", "0:200", "--alpha", 0.02)
    alone = getattr(monitor, kind)(alpha=0.02).fit(rows[:200]).score(rows)
    assert found["score"]["alarm"] == alone.alarm.tolist()
    assert found["contributions"]["ranking"][0] == "level"
    assert found["score"]["false_alarms"]["nominal"] == 0.02
    assert found["phase1"] == [0, 200]


def test_capability_needs_no_kind(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    alone = capability.normal(VALUES, lsl=9.6, usl=10.4, target=10, subgroup=5, sigma="pooled")
    words = (
        "--value",
        "x",
        "--lsl",
        9.6,
        "--usl",
        10.4,
        "--target",
        10,
        "--subgroup",
        5,
        "--sigma",
        "pooled",
    )
    for command in (("capability",), ("capability", "normal")):
        found = answer(capsys, *command, file, *words)
        assert found["cpk"] == alone.cpk
        assert found["intervals"] == alone.to_dict()["intervals"]
    assert answer(capsys, "capability", file, *words[:-1], 0.1)["estimator"] == "given"


def test_a_gauge_study(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "gauge.csv"
    part, operator = np.repeat(np.arange(10), 6), np.tile(np.repeat(["A", "B", "C"], 2), 10)
    value = part + RNG.normal(0, 0.1, 60)
    write(path, {"part": part, "who": operator, "x": value})
    frame = {"part": part.astype(str), "operator": operator, "value": value}
    for given, pooling in (
        (("--pooling-alpha", "none"), None),
        ((), 0.05),
        (("--pooling_alpha", "0.9"), 0.9),
    ):
        alone = msa.gauge_rr(frame, part="part", operator="operator", value="value", pooling_alpha=pooling)
        words = ("--part", "part", "--operator", "who", "--value", "x", *given)
        found = answer(capsys, "msa", "gauge-rr", path, *words)
        assert found["grr"] == pytest.approx(alone.grr, rel=1e-12)
        assert found["ndc"] == alone.ndc


def test_trials_can_lie_in_columns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "wide.csv"
    part, operator = np.repeat(np.arange(10), 3), np.tile(["A", "B", "C"], 10)
    trials = part[:, None] + RNG.normal(0, 0.1, (30, 2))
    write(path, {"part": part, "who": operator, "one": trials[:, 0], "two": trials[:, 1]})
    frame = {
        "part": np.repeat(part, 2).astype(str),
        "operator": np.repeat(operator, 2),
        "value": trials.ravel(),
    }
    alone = msa.gauge_rr(frame, part="part", operator="operator", value="value")
    words = ("--part", "part", "--operator", "who", "--value", "one", "--value", "two")
    assert answer(capsys, "msa", "gauge_rr", path, *words)["grr"] == pytest.approx(alone.grr, rel=1e-12)
    assert assay(["chart", "imr", str(path), "--value", "one", "--value", "two"]) == 2
    assert "--value names one column" in capsys.readouterr().err


def test_commands_without_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(capsys, "arl", "ewma", "--lam", 0.1, "--L", 2.814) == {"arl": arl.ewma(0.1, 2.814)}
    assert answer(capsys, "arl", "mewma", "--lam", 0.1, "--h", 8.6336, "--p", 2)["arl"] == pytest.approx(
        200, 1e-4
    )
    plan = answer(capsys, "sampling", "iso2859", "--lot", 1000, "--aql", 0.65, "--level", "II")
    assert (plan["letter"], plan["n"], plan["ac"], plan["re"]) == ("J", 80, 1, 2)
    found = answer(
        capsys, "sampling", "attributes", "--p1", 0.01, "--alpha", 0.05, "--p2", 0.06, "--beta", 0.1
    )
    alone = sampling.attributes(0.01, 0.05, 0.06, 0.1)
    assert (found["n"], found["ac"]) == (alone.n, alone.ac)


@pytest.mark.parametrize("form", ["png", "svg", "pdf", "json"])
def test_a_result_is_drawn_into_a_file(form: str, file: Path, tmp_path: Path) -> None:
    picture = tmp_path / f"chart.{form}"
    assert assay(["chart", "imr", str(file), "--value", "x", "--plot", str(picture)]) == 0
    start = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF", "json": b'{"title"'}[form]
    assert picture.read_bytes().startswith(start)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["chart", "xbar_r", "FILE", "--value", "y"], "no column 'y'"),
        (["chart", "xbar_r", "FILE", "--value", "shift", "--n", "5"], "'shift' holds 'A' in line 2"),
        (["chart", "imr", "FILE", "--value", "x", "--phase1", "5"], "not a stretch A:B"),
        (["chart", "imr", "FILE", "--value", "x", "--exclude", "a=b"], "not POINT=REASON"),
        (["chart", "imr", "FILE", "--value", "x", "--rules", "nelson9"], "nelson9"),
        (["chart", "p", "FILE", "--value", "x", "--n", "n"], "not a whole number"),
        (["chart", "imr", "FILE", "--value", "x", "--plot", "x.gif"], ".png, .svg"),
        (["chart", "imrr", "FILE"], "no command 'imrr'"),
        (["capability", "FILE", "--value", "x"], "lower or an upper specification limit"),
        (["capability", "FILE", "--value", "x", "--lsl", "11", "--usl", "9"], "wrong way round"),
        (["arl", "ewma", "--lam", "2", "--L", "3"], "lam"),
        (["sampling", "iso2859", "--lot", "1000", "--aql", "0.7"], "0.7"),
    ],
)
def test_what_cannot_be_done_is_said(
    words: list[str], said: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert assay([str(file) if word == "FILE" else word for word in words]) != 0
    out = capsys.readouterr()
    assert said in out.err
    assert "Traceback" not in out.err
    assert not out.out


def test_rows_with_empty_cells_are_left_out_only_when_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "gaps.csv"
    write(path, {"x": [*VALUES[:10], "", *VALUES[10:20]], "y": 1})
    assert assay(["chart", "imr", str(path), "--value", "x"]) == 1
    assert "'x' is empty in line 12" in capsys.readouterr().err
    found = answer(capsys, "chart", "imr", path, "--value", "x", "--drop-empty")
    assert found["dropped"] == 1
    assert found["statistics"] == VALUES[:20].tolist()


def test_errors_are_said_in_chinese_too(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert assay(["--lang", "zh", "capability", str(file), "--value", "x", "--lsl", "11", "--usl", "9"]) == 1
    assert "限值颠倒" in capsys.readouterr().err


@pytest.mark.parametrize(("verb", "kind"), COMMANDS)
def test_every_kind_has_help_in_both_languages_for_every_option(
    verb: str, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = {}
    for language in ("en", "zh"):
        assert assay(["--lang", language, verb, kind, "--help"]) == 0
        shown[language] = capsys.readouterr().out
    for language, text in shown.items():
        assert CATALOGUE.say("stat.option.other", language) not in text  # type: ignore[arg-type]
        assert "stat.option" not in text
    assert shown["en"] != shown["zh"]


def test_results_for_a_person_name_the_limits_and_the_flagged_points(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert assay(["chart", "imr", str(file), "--value", "x", "--center", "9", "--sigma", "0.1"]) == 0
    text = capsys.readouterr().out
    assert "UCL" in text
    assert "nelson1" in text
    assert assay(["capability", "sixpack", str(file), "--value", "x", "--usl", "11"]) == 0
    assert "cpk" in capsys.readouterr().out
