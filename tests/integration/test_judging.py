"""One rule for whether a result is good, in questions and in derived tables: the limits in force then."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from layer_rows import at, load

from assay.query.find import find
from assay.query.layers import derive
from assay.store import Workspace


def upsert_limits(workspace: Workspace) -> None:
    """A limit that changes at hour 5, another of a segment, and one of a material."""
    workspace.registry.upsert_entities("characteristic", [{"id": "size", "unit": "mm"}])
    workspace.registry.upsert_entities(
        "specification",
        [
            {"id": "S", "characteristic": "size", "upper_specification_limit": 9, "valid_to": at(5)},
            {"id": "S", "characteristic": "size", "upper_specification_limit": 0.005, "unit": "m"}
            | {"valid_from": at(5)},
            {"id": "of press", "characteristic": "size", "upper_specification_limit": 6}
            | {"segment": "press"},
            {"id": "of M2", "characteristic": "moisture", "material": "M2"}
            | {"upper_specification_limit": 0.3},
        ],
    )


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """Sizes of units before and after a change of their limit at hour 5, and of another by the segment."""
    with Workspace.create(tmp_path_factory.mktemp("judging") / "plant") as workspace:
        upsert_limits(workspace)
        load(workspace, 0, {"movement": MOVEMENTS, "measurement": RESULTS})
        derive(workspace)
        yield workspace


def actual(run: str, subject: str, role: str, **more: Any) -> dict[str, Any]:
    base = {"execution": run, "subject": subject, "subject_kind": "unit", "role": role, "segment": "sinter"}
    return base | {"key": (run, subject), "equipment": "oven", "time": at(0)} | more


def result(subject: str, value: float | None, hour: float, **more: Any) -> dict[str, Any]:
    base = {"key": (subject, hour), "subject": subject, "subject_kind": "unit", "characteristic": "size"}
    return base | {"value": value, "time": at(hour)} | more


MOVEMENTS = [
    *(actual(f"E{n}", f"U{n}", "produced", material="GEAR") for n in range(8)),
    actual("E7", "part", "consumed", material="SCREW"),
    *(
        actual("E0", lot, "consumed", subject_kind="lot", material=kind)
        for lot, kind in (("L1", "M1"), ("L2", "M2"))
    ),
]
RESULTS = [
    result("U0", 8.0, 1),  # good then, bad by what holds today
    result("U1", 8.0, 6),
    result("U2", 0.4, 6, unit="cm"),
    result("U3", 8.0, 1, segment="press"),
    result("U4", 4.0, 6, text="NOK"),
    result("U5", 8.0, 6, text="OK"),
    result("U6", None, 1, text="seen"),
    result("E7", 9.5, 1, subject_kind="execution"),
    *(result(lot, 0.4, 1, subject_kind="lot", characteristic="moisture") for lot in ("L1", "L2")),
]
THEN = {"U0": True, "U1": False, "U2": True, "U3": False, "U4": False, "U5": False, "U6": None, "U7": False}
TODAY = THEN | {"U0": False}


def asked(plant: Workspace, question: str) -> dict[str, Any]:
    """The second column by the first."""
    return dict(tuple(row.values()) for row in find(plant, question).rows)


def test_results_are_judged_by_the_limits_in_force_when_they_were_measured(plant: Workspace) -> None:
    assert asked(plant, "unit | select id, conforming") == THEN | {"part": None}
    derived = plant.lake.query("SELECT unit_id, conforming FROM ads_unit").to_pylist()
    assert {row["unit_id"]: row["conforming"] for row in derived} == THEN | {"part": None}


def test_today_s_limits_are_asked_for_by_name(plant: Workspace) -> None:
    assert asked(plant, "unit | select id, conforming_today") == TODAY | {"part": None}
    [row] = find(plant, "unit | by: yield, yield_today, 良率 as zh, 现行合格率 as zh_today").rows
    assert row == {"yield": 2 / 7, "yield_today": 1 / 7, "zh": 2 / 7, "zh_today": 1 / 7}


def test_of_the_past_today_is_the_time_that_was_asked_for(plant: Workspace) -> None:
    seen = plant.lake.snapshot(versions=plant.lake.snapshot().versions, moment=at(1))
    then = find(plant, "unit | select id, conforming_today", snapshot=seen)
    by_hour_1 = THEN | {"U1": True, "U5": True, "part": None}
    assert {row["id"]: row["conforming_today"] for row in then.rows} == by_hour_1


def test_a_lot_is_judged_by_the_limits_of_its_material(plant: Workspace) -> None:
    expected = {"L1": None, "L2": False}
    assert asked(plant, "lot[id like 'L%'] | select id, conforming") == expected
    derived = plant.lake.query(
        "SELECT lot_id, conforming FROM dwd_result WHERE subject_kind = 'lot'"
    ).to_pylist()
    assert {row["lot_id"]: row["conforming"] for row in derived} == expected


LABORATORY = [
    ("U0", "unit", "size", 0.8, "cm", None, "2026-01-01 13:00:00"),  # 8 mm at hour 1: good until hour 5
    ("U1", "unit", "size", 0.8, "cm", None, "2026-01-01 18:00:00"),
    ("E2", "execution", "size", 9.5, "mm", None, "2026-01-01 13:00:00"),
    ("U3", "unit", "colour", None, None, "n.i.O.", "2026-01-01 13:00:00"),
    ("U4", "unit", "colour", None, None, "OK", "2026-01-01 13:00:00"),
    ("L2", "lot", "moisture", 0.4, None, None, "2026-01-01 13:00:00"),
    ("U5", "lot", "moisture", 0.4, None, None, "2026-01-01 13:00:00"),  # the lot of that name, not the unit
]


def test_results_in_a_laboratory_are_converted_and_judged_as_if_they_were_loaded(tmp_path: Path) -> None:
    """Units, executions and lots in one table; words, numbers and their units of measure."""
    with sqlite3.connect(tmp_path / "lab.db") as lab:
        lab.execute("CREATE TABLE results (id, kind, name, figure REAL, unit, word, taken TIMESTAMP)")
        lab.executemany("INSERT INTO results VALUES (?, ?, ?, ?, ?, ?, ?)", LABORATORY)
    lab.close()
    fields = {"subject": "id", "subject_kind": "kind", "characteristic": "name", "value": "figure"}
    fields |= {"unit": "unit", "text": "word", "time": "taken"}
    table = {"name": "lab", "table": "results", "kind": "measurement", "fields": fields}
    source = {"name": "lims", "url": f"sqlite:///{tmp_path / 'lab.db'}", "tables": [table], "fresh_for": 0}
    with Workspace.create(tmp_path / "plant") as plant:
        upsert_limits(plant)
        load(plant, 0, {"movement": MOVEMENTS})
        (plant.path / "model.yaml").write_text(yaml.safe_dump({"sources": [source]}), "utf-8")
        plant.apply_model()
        expected = dict.fromkeys(THEN) | {"U0": True, "U1": False, "U2": False, "U3": False, "U4": True}
        assert asked(plant, "unit[id like 'U%'] | select id, conforming") == expected
        assert asked(plant, "unit | select id, conforming") == expected | {"part": None}
        assert asked(plant, "unit[id = 'U0'] | select id, conforming_today") == {"U0": False}
        assert asked(plant, "lot[id like 'L%'] | select id, conforming") == {"L1": None, "L2": False}
        few = find(plant, "unit[id in ('U1', 'U2')] | select id, conforming")
        assert few.explain()["moved"] == {"lims": 2}, "a unit's own result, and one of an execution"


@pytest.mark.parametrize("seed", [1, 2])
def test_questions_and_derived_tables_never_disagree(tmp_path: Path, seed: int) -> None:
    """Limits that overlap, change, end, and are of a material or segment; results in several units."""
    draw = random.Random(seed)

    def some(*values: Any) -> Any:
        return draw.choice(values)

    limits: list[dict[str, Any]] = []
    for number in range(12):
        begin, length = some(None, 2, 4, 6), some(None, 1, 3)
        one = {"id": f"S{number}", "characteristic": some("size", "width")}
        one |= {"material": some(None, "M1", "M2"), "segment": some(None, "press", "sinter")}
        one |= {
            "lower_specification_limit": some(None, 2.0),
            "upper_specification_limit": some(None, 5.0, 7.0),
        }
        one |= {"valid_from": None if begin is None else at(begin)}
        one |= {"valid_to": None if length is None else at((begin or 0) + length)}
        limits.append(one)
    moves = [
        actual(f"E{run}", unit, some("produced", "consumed", "used"), segment=some("press", "sinter"))
        | {"material": some(None, "M1", "M2")}
        for run in range(15)
        for unit in draw.sample([f"U{n}" for n in range(10)], 2)
    ]
    for move in moves:  # one segment for each run
        move["segment"] = ("press", "sinter")[int(move["execution"][1:]) % 2]
    measured = [
        result(f"{kind}{draw.randrange(10)}", some(1.0, 4.0, 6.0, 0.6, 8.0), place / 20)
        | {"subject_kind": "unit" if kind == "U" else "execution", "key": place}
        | {"characteristic": some("size", "width"), "unit": some("mm", "cm", None)}
        | {"segment": some(None, "press", "sinter") if kind == "U" else None, "text": some(None, None, "OK")}
        for place in range(160)
        for kind in ("U", "E")
        if draw.random() < 0.3
    ]
    with Workspace.create(tmp_path / "plant") as plant:
        plant.registry.upsert_entities("characteristic", [{"id": "size", "unit": "mm"}, {"id": "width"}])
        plant.registry.upsert_entities("specification", limits)
        load(plant, 0, {"movement": moves, "measurement": measured})
        derive(plant)
        derived = plant.lake.query("SELECT unit_id, conforming FROM ads_unit").to_pylist()
        truth = {row["unit_id"]: row["conforming"] for row in derived}
        assert {True, False} <= set(truth.values())
        assert asked(plant, "unit | select id, conforming") == truth
