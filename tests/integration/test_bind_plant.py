"""Signals bound to the units of a plant with a known truth."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from tests.sinter_plant import store

import assay
from assay.cli.app import run
from assay.model.errors import QueryError, SpokenError
from assay.model.kinds import RecordKind
from assay.plant import Plant
from assay.query.layers.derive import derive
from assay.store import Workspace

T0 = datetime(2026, 3, 2, 6, tzinfo=UTC)
MODEL = """
version: 1
master_data:
  equipment:
    - {id: OVEN}
    - {id: OVEN-FAN, parent: OVEN, level: equipment module}
  recipe:
    - {id: R-1, phases: [{name: heat, start: 0, end: 30}, {name: hold, start: 30, end: 60}]}
features:
  - {name: rise, formula: last - first}
  - {name: per_minute, formula: rise / duration * 60}
"""


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def movement(subject: str, execution: str, start: float, end: float | None, **more: Any) -> dict[str, Any]:
    row = {"subject": subject, "subject_kind": "unit", "role": "produced", "segment": "sinter"}
    row |= {"execution": execution, "equipment": "OVEN", "time": at(start), "started": at(start)}
    return row | {"ended": None if end is None else at(end)} | more


def reading(signal: str, second: float, value: float | None, equipment: str = "OVEN") -> dict[str, Any]:
    return {"signal": signal, "time": at(second), "value": value, "equipment": equipment}


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Plant]:
    folder = tmp_path / "plant"
    with Workspace.create(folder):
        (folder / "model.yaml").write_text(MODEL, "utf-8")
    with assay.open(folder) as opened:
        moves = [
            movement("U1", "E1", 0, 60, recipe="R-1"),
            movement("U2", "E1", 0, 60, recipe="R-1"),
            movement("U3", "E2", 30, 90, clock_uncertainty=40.0),
            movement("U4", "E3", 200, None, recipe="R-1"),
            movement("U5", "E4", 500, 400),
        ]
        store(opened.workspace, RecordKind.MOVEMENT, moves, "1")
        temps = [reading("temp", 10 * k, 100.0 + k) for k in range(12)] + [reading("temp", 205, None)]
        fan = [reading("speed", 20 * k, 7.0, "OVEN-FAN") for k in range(5)]
        store(opened.workspace, RecordKind.READING, temps + fan, "1")
        yield opened


def bound(plant: Plant, **asked: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = plant.bind(**asked).to_arrow().to_pylist()
    return rows


def test_units_get_the_readings_of_the_time_they_were_there(plant: Plant) -> None:
    found = {(row["unit"], row["signal"]): row for row in bound(plant, segment="sinter")}
    assert set(found) == {(unit, signal) for unit in ("U1", "U2", "U3") for signal in ("temp", "speed")}
    first = found["U1", "temp"]
    assert (first["n"], first["first"], first["last"], first["min"], first["max"]) == (6, 100, 105, 100, 105)
    assert first["mean"] == 102.5
    assert first["slope"] == pytest.approx(0.1)
    assert first["equipment"] == "OVEN"
    assert found["U2", "temp"]["mean"] == 102.5, "both units of the execution"
    assert (found["U3", "temp"]["first"], found["U3", "temp"]["n"]) == (103, 6), "the oven holds both at once"
    assert found["U1", "speed"]["equipment"] == "OVEN-FAN", "a module's readings count for the machine's step"


def test_notes_say_what_is_missing_or_vague(plant: Plant) -> None:
    found = plant.bind(segment="sinter")
    notes = " ".join(note.en for note in found.notes)
    assert "2 intervals have no readings: U4 (sinter)" in notes
    assert "1 steps have no end yet" in notes
    assert "1 steps are left out: end before start" in notes
    assert "shorter than twice the uncertainty" in notes
    assert "1 readings have no finite value" in notes
    chinese = " ".join(note.zh for note in found.notes)
    for said in ("2 个区间没有读数：U4", "1 个工步尚未结束", "1 个工步未计入：结束早于开始", "时钟不确定度"):
        assert said in chinese
    assert found.to_dict()["notes"][0] == found.notes[0].model_dump()


@pytest.mark.parametrize("derived", [False, True])
def test_the_kernel_and_sql_give_one_answer_also_over_derived_tables(plant: Plant, derived: bool) -> None:
    if derived:
        derive(plant.workspace)
        store(plant.workspace, RecordKind.READING, [reading("temp", 55, 400.0)], "late")
    features = ["n", "mean", "std", "min", "max", "first", "last", "slope", "max_gap", "rise", "per_minute"]
    features.append("time_in_band(101, 104)")
    kernel, sql = (bound(plant, features=features, method=method) for method in ("kernel", "sql"))
    assert len(kernel) == 6
    for a, b in zip(kernel, sql, strict=True):
        assert list(a) == list(b)
        for one, other in zip(a.values(), b.values(), strict=True):
            assert one == (pytest.approx(other, rel=1e-12) if isinstance(other, float) else other)
    [first] = [row for row in kernel if row["unit"] == "U1" and row["signal"] == "temp"]
    assert first["max"] == (400 if derived else 105)
    assert first["rise"] == (300 if derived else 5)
    assert first["time_in_band(101, 104)"] == 40


def test_phases_are_planned_or_told_by_events(plant: Plant) -> None:
    rows = bound(plant, signals=["temp"], features=["n", "first", "duration"], phases=True)
    named = {(row["unit"], row["phase"]): row for row in rows}
    assert named["U1", None]["n"] == 6
    assert (named["U1", "heat"]["first"], named["U1", "heat"]["n"]) == (100, 3)
    assert (named["U1", "hold"]["first"], named["U1", "hold"]["duration"]) == (103, 30)
    assert ("U3", "heat") not in named, "no recipe"
    events = [
        {"event": "phase", "subject": "E1", "subject_kind": "execution", "message": name, "time": at(second)}
        for name, second in (("ramp", 5), ("soak", 45))
    ]
    store(plant.workspace, RecordKind.EVENT, events, "1")
    rows = bound(plant, signals=["temp"], features=["n", "first"], phases=True)
    phases = [(row["phase"], row["n"], row["first"]) for row in rows if row["unit"] == "U1"]
    assert phases == [(None, 6, 100), ("ramp", 4, 101), ("soak", 1, 105)]


def test_steps_can_be_chosen(plant: Plant) -> None:
    def units(**asked: Any) -> Sequence[str]:
        return sorted({row["unit"] for row in bound(plant, features=["n"], **asked)})

    assert units(units=["U3"]) == ["U3"]
    assert units(where="recipe = 'R-1'") == ["U1", "U2"]
    assert units(between=(at(10), None)) == ["U3"]
    assert units(between=(None, at(10)), equipment=["OVEN"]) == ["U1", "U2"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"segment": "sintr"}, r"'sintr'(.|\n)*Did you mean 'sinter'"),
        ({"features": ["meen"]}, r"'meen'(.|\n)*Did you mean 'mean'"),
        ({"signals": ["tmep"]}, r"'tmep'(.|\n)*Did you mean 'temp'"),
        ({"units": ["U9"]}, "unit or lot 'U9'"),
        ({"equipment": ["OVN"]}, "Did you mean 'OVEN'"),
        ({"features": {"a": "b", "b": "a + 1"}}, "needs itself: a → b → a"),
        ({"features": ["x = last - frist"]}, "Did you mean 'first'"),
        ({"features": {"mean": "n"}}, "built-in"),
        ({"features": ["x = 'text'"]}, "not arithmetic"),
        ({"features": ["time_in_band(3, 2)"]}, "lower limit"),
        ({"features": ["time_in_band(3)"]}, "two numbers"),
        ({"features": ["n", "n"]}, "twice"),
        ({"features": []}, "No feature"),
        ({"between": (at(10), at(0))}, "reversed"),
        ({"where": "recipe"}, "not a condition"),
        ({"where": "recipy = 'R-1'"}, "Did you mean 'recipe'"),
        ({"method": "guess"}, "no method 'guess'"),
    ],
)
def test_what_is_wrong_is_said(plant: Plant, asked: dict[str, Any], said: str) -> None:
    with pytest.raises(QueryError, match=said) as problem:
        plant.bind(**asked)
    assert isinstance(problem.value, SpokenError)
    assert problem.value.said.zh != problem.value.said.en


def test_an_empty_plant_has_nothing_to_bind(tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "plant"):
        pass
    with assay.open(tmp_path / "plant") as empty:
        found = empty.bind()
        assert (found.rows, found.to_arrow().num_rows) == (0, 0)
        assert [note.en for note in found.notes] == ["No step meets the conditions."]
        with pytest.raises(QueryError, match="no readings"):
            empty.bind(signals=["temp"])


def test_rows_go_to_a_file_while_they_are_made(plant: Plant, tmp_path: Path) -> None:
    target = tmp_path / "bound.parquet"
    found = plant.bind(out=target)
    assert (found.rows, found.path) == (6, target)
    keys = ["unit", "signal"]
    assert pq.read_table(target).sort_by([(key, "ascending") for key in keys]).select(keys).to_pylist() == [
        {"unit": unit, "signal": signal} for unit in ("U1", "U2", "U3") for signal in ("speed", "temp")
    ]
    assert found.to_arrow().num_rows == 6
    assert not list(tmp_path.glob(".*unfinished"))


def test_the_command_line_binds(plant: Plant, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(plant.workspace.path)
    options = ["--segment", "sinter", "--features", "mean,time_in_band(101, 104),up = last - first"]
    assert run(["bind", folder, *options, "--signals", "temp", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["rows"] == 3
    assert document["bound"][0]["up"] == 5
    assert run(["bind", folder, *options, "--from", "2026-03-02T06:00:10Z", "--lang", "en"]) == 0
    shown = capsys.readouterr().out
    assert "U3" in shown
    assert "U1" not in shown
    assert run(["bind", folder, "--out", str(tmp_path / "x.parquet"), "--lang", "zh"]) == 0
    shown = capsys.readouterr().out
    assert "已将 6 行写入" in shown
    assert "个区间没有读数" in shown
    assert "intervals" not in shown
    assert run(["bind", folder, "--from", "yesterday", "--lang", "en"]) == 2
    assert "is not a time" in capsys.readouterr().err
