"""A movement recorded wrongly is corrected by a new record; what was known before can still be asked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.integration.test_trace import store

from assay.analyse.recall import recall
from assay.analyse.recording import record_inferred
from assay.cli.app import run
from assay.model.errors import AnalysisError
from assay.model.kinds import RecordKind
from assay.plant import Plant
from assay.store.workspace import Workspace

WHY: dict[str, Any] = {"why": "wrong label", "by": "P-12"}


def moved(execution: str, role: str, subject: str, **more: Any) -> dict[str, Any]:
    kind = "unit" if subject.startswith("U") else "lot"
    base = {"execution": execution, "role": role, "subject": subject, "subject_kind": kind, "segment": "mix"}
    return base | more


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Plant]:
    with Workspace.create(tmp_path / "plant") as workspace:
        rows = [
            moved("E1", "consumed", "L7", quantity=2.0, unit="kg", equipment="M1", person="Lin"),
            moved("E1", "produced", "U1"),
            moved("E2", "consumed", "L7", position="left"),
            moved("E2", "consumed", "L7", position="right"),
            moved("E2", "produced", "U2"),
        ]
        store(workspace, RecordKind.MOVEMENT, rows)
        yield Plant(workspace)


def origins(plant: Plant, **more: Any) -> list[str]:
    return plant.recall("U1", "back", **more).ids("lot")


def test_the_answer_follows_at_once_and_the_past_stays(plant: Plant) -> None:
    assert origins(plant) == ["L7"]
    before = datetime.now(UTC)

    found = plant.correct("E1", "consumed", "L7", changes={"subject": "L8"}, **WHY)

    assert origins(plant) == ["L8"]
    assert "U1" not in plant.recall("L7").ids()
    assert origins(plant, as_of=before) == ["L7"]
    assert found.before.column("subject").to_pylist() == ["L7"]
    assert found.after.column("quantity").to_pylist() == [0.0, 2.0]
    said = plant.sql(
        "SELECT subject, person, correction, corrected_by FROM movement WHERE source = 'correction'"
    )
    assert said.to_pylist() == [
        {"subject": "L7", "person": None, "correction": "wrong label", "corrected_by": "P-12"},
        {"subject": "L8", "person": "Lin", "correction": "wrong label", "corrected_by": "P-12"},
    ]
    assert plant.sql("SELECT count(*) AS n FROM movement").to_pylist() == [{"n": 7}]


def test_a_movement_can_be_taken_back_and_brought_back(plant: Plant) -> None:
    plant.correct("E1", "consumed", "L7", take_back=True, **WHY)
    assert origins(plant) == []
    for again in ({"take_back": True}, {"changes": {"person": "Wang"}}):
        with pytest.raises(AnalysisError, match="taken back by 'P-12'"):
            plant.correct("E1", "consumed", "L7", **again, **WHY)

    plant.correct("E1", "consumed", "L7", changes={"quantity": 1.5}, why="it was there", by="P-13")

    assert origins(plant) == ["L7"]
    edge = next(edge for edge in plant.trace("U1").edges if edge.source == "L7")
    assert (edge.quantity, edge.unit, edge.equipment) == (1.5, "kg", "M1")


def test_of_several_corrections_the_last_counts_even_when_the_clock_was_set_back(plant: Plant) -> None:
    ahead = datetime.now(UTC) + timedelta(days=1)
    plant.correct("E1", "consumed", "L7", changes={"quantity": 3.0}, **WHY)
    later = moved(
        "E1", "consumed", "L7", quantity=4.0, correction="weighed", corrected_by="P-1", recorded=ahead
    )
    store(plant.workspace, RecordKind.MOVEMENT, [later], epoch="ahead")

    plant.correct("E1", "consumed", "L7", changes={"quantity": 5.0, "unit": "kg"}, **WHY)

    assert next(edge for edge in plant.trace("U1").edges if edge.source == "L7").quantity == 5.0


@pytest.mark.parametrize(
    ("which", "more", "said"),
    [
        (("E1", "consumed", "L9"), {"take_back": True}, "no movement was recorded"),
        (("E2", "consumed", "L7"), {"take_back": True}, "2 movements"),
        (("E1", "consumed", "L7"), {}, "either"),
        (("E1", "consumed", "L7"), {"changes": {"quantity": 2.0}}, "says so already"),
        (("E1", "consumed", "L7"), {"changes": {"colour": "red"}}, "no 'colour'"),
        (("E1", "consumed", "L7"), {"changes": {"recorded": datetime.now(UTC)}}, "no 'recorded'"),
        (("E1", "consumed", "L7"), {"changes": {"quantity": -1.0}}, "above 0"),
        (("E1", "consumed", "L7"), {"changes": {"quantity": float("nan")}}, "finite"),
        (("E1", "consumed", "L7"), {"changes": {"share": 1.2}}, "0 to 1"),
        (("E1", "consumed", "L7"), {"changes": {"role": "eaten"}}, "one of"),
        (("E1", "consumed", "L7"), {"changes": {"subject": None}}, "every movement"),
        (("E1", "consumed", "L7"), {"changes": {"started": datetime(2026, 3, 2)}}, "zone"),  # noqa: DTZ001
        (("E1", "consumed", "L7"), {"take_back": True, "why": " "}, "reason"),
    ],
)
def test_what_makes_no_sense_is_refused(
    plant: Plant, which: tuple[str, str, str], more: dict[str, Any], said: str
) -> None:
    with pytest.raises(AnalysisError, match=said):
        plant.correct(*which, **{**WHY, **more})
    assert plant.sql("SELECT count(*) AS n FROM movement").to_pylist() == [{"n": 5}]


def test_one_of_several_is_named_by_its_position(plant: Plant) -> None:
    plant.correct("E2", "consumed", "L7", position="left", changes={"subject": "L8"}, **WHY)
    assert sorted(plant.recall("U2", "back").ids("lot")) == ["L7", "L8"]


def test_what_a_person_corrected_is_not_inferred_away(plant: Plant) -> None:
    inferred = moved("mixing/1", "consumed", "L7", quantity=1.0, confidence=0.5, share=0.5)
    out = moved("mixing/1", "produced", "U9", quantity=1.0)
    record_inferred(plant.workspace, "mixing", "mix", [inferred, out], by="model")
    plant.correct("mixing/1", "consumed", "L7", take_back=True, why="valve was shut", by="P-1")

    assert (
        record_inferred(plant.workspace, "mixing", "mix", [inferred | {"confidence": 0.8}, out], by="m") == 0
    )

    assert recall(plant.workspace, "U9", "back").ids("lot") == []


def test_the_command_line_corrects(plant: Plant, capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "correct",
        str(plant.workspace.path),
        "E1",
        "consumed",
        "L7",
        "--why",
        "wrong label",
        "--by",
        "P-12",
    ]

    assert run([*words, "--set", "subject=L8", "--set", "quantity=1.5", "--json"]) == 0

    document = json.loads(capsys.readouterr().out)
    assert [row["subject"] for row in document["after"]] == ["L7", "L8"]
    assert document["after"][1]["quantity"] == 1.5
    assert origins(plant) == ["L8"]
    assert run(["--lang", "zh", *words[:4], "L8", *words[5:], "--take-back"]) == 0
    assert "撤回" in capsys.readouterr().out
    assert run([*words, "--set", "quantity"]) == 2
    assert run([*words[:4], "L8", *words[5:], "--set", "quantity=much"]) == 1
    assert "finite number" in capsys.readouterr().err
