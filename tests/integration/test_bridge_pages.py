"""The pages of bridges, mixing and metres, and their operators: what they answer is what Python answers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.test_metre_plant import LINE, readings
from tests.integration.test_mixing import MOVEMENTS
from tests.integration.test_trace import store

from assay.apps import Questions, Runtime
from assay.apps.errors import PageError
from assay.apps.payloads import PageQuestion, Paging
from assay.genealogy.metre_errors import MetreError
from assay.genealogy.mixing_errors import MixError
from assay.model.errors import ModelError
from assay.model.kinds import RecordKind
from assay.model.plant_model import parse_plant_model
from assay.plant import Plant
from assay.plugins.registry import operators
from assay.sim.furnace import Furnace
from assay.sim.powder import Line, PowderPlan, powder_line
from assay.store.workspace import Workspace

BELT = PowderPlan(pieces=120, furnace=Furnace(jitter=1.0, noise=1.0))
NOMINAL: dict[str, Any] = {"segment": "sinter", "residence": "3600", "tolerance": "120"}


@pytest.fixture(scope="module")
def line() -> Line:
    return powder_line(BELT, seed=4)


@pytest.fixture(scope="module")
def furnace(line: Line, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with Workspace.create(tmp_path_factory.mktemp("furnace") / "plant") as made:
        line.write(made)
        yield made


@pytest.fixture
def silo(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.create(tmp_path / "silo") as made:
        store(made, RecordKind.MOVEMENT, MOVEMENTS)
        yield made


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.create(tmp_path / "web") as made:
        described = "".join(f"    {row}\n" for row in LINE.replace("DELAY", "47.0").strip().splitlines())
        (made.path / "model.yaml").write_text(f"lines:\n  film:\n{described}", encoding="utf-8")
        store(made, RecordKind.READING, readings())
        yield made


def answer(workspace: Workspace, page: str, params: dict[str, Any], **more: Any) -> dict[str, Any]:
    asked = PageQuestion(params=params, **more)
    found: dict[str, Any] = Runtime(Questions(workspace)).evaluate(page, asked).model_dump(mode="json")
    return found["data"]  # type: ignore[no-any-return]


def figures(payload: dict[str, Any]) -> dict[str, Any]:
    return {item["id"]: item["value"] for item in payload["items"]}


def test_the_page_pairs_pieces_as_python_does(furnace: Workspace, line: Line) -> None:
    found = answer(furnace, "bridges", NOMINAL)
    bridge = Plant(furnace).bridge("sinter", residence=3600, tolerance=120)

    counted = figures(found["summary"])
    assert (counted["before"], counted["after"]) == (len(bridge.before), len(bridge.after))
    assert counted["residence"] == pytest.approx(line.truth.residence, abs=2)
    assert counted["scrapped"] == pytest.approx(bridge.matching.scrapped.sum())
    assert found["pieces"]["total"] == len(bridge.after)
    rows = found["pieces"]["rows"]
    right = [line.truth.green_of.get(row["piece_out"]) == row["piece_in"] for row in rows]
    assert sum(right) / len(right) > 0.9
    assert all(row["piece_in"] in row["group"] for row in rows if row["piece_in"] and row["group_size"] > 1)
    stays = [y for series in found["stays"]["series"] for _, y in series["points"]]
    assert sorted(stays)[len(stays) // 2] == pytest.approx(line.truth.residence, abs=3)
    assert "order, times" in found["remarks"]["text"]["en"]
    assert "顺序、时间" in found["remarks"]["text"]["zh"]
    assert "Type the id" in found["counterparts"]["note"]["en"]


def test_the_counterparts_of_one_piece_hold_all_its_probability(furnace: Workspace) -> None:
    bridge = Plant(furnace).bridge("sinter", residence=3600, tolerance=120)
    for side, rows in (("piece_out", bridge.after), ("piece_in", bridge.before)):
        piece = rows.column("subject")[50].as_py()
        found = answer(furnace, "bridges", NOMINAL | {"piece": piece}, only=["counterparts"])["counterparts"]
        assert {row[side] for row in found["rows"]} == {piece}
        assert sum(row["probability"] for row in found["rows"]) == pytest.approx(1, abs=1e-3)
        chances = [row["probability"] for row in found["rows"]]
        assert chances == sorted(chances, reverse=True)
        assert {column["link"] for column in found["columns"] if column["field"].startswith("piece")} == {
            "trace"
        }
    unknown = answer(furnace, "bridges", NOMINAL | {"piece": "X-9"}, only=["counterparts"])["counterparts"]
    assert "X-9" in unknown["note"]["zh"]


def test_pieces_are_paged_and_order_alone_is_drawn_as_probability(furnace: Workspace) -> None:
    second = answer(furnace, "bridges", NOMINAL, paging={"pieces": Paging(offset=25, limit=25)})["pieces"]
    whole = answer(furnace, "bridges", NOMINAL)["pieces"]["rows"]
    assert second["rows"] == whole[25:50]
    alone = answer(furnace, "bridges", {"segment": "sinter"}, only=["stays", "summary"])
    assert alone["stays"]["y"]["format"] == "percent"
    assert "residence" not in figures(alone["summary"])


def test_what_can_not_be_bridged_is_refused_in_both_languages(furnace: Workspace) -> None:
    nothing = answer(furnace, "bridges", {}, only=["summary"])["summary"]["error"]
    assert "Step without labels" in nothing["message"]["en"]
    half = answer(furnace, "bridges", {"segment": "sinter", "residence": "60"}, only=["summary"])
    assert "only the residence" in half["summary"]["error"]["message"]["en"].replace("was given", "")
    assert half["summary"]["error"]["message"]["zh"]
    words = answer(furnace, "bridges", NOMINAL | {"residence": "an hour"}, only=["summary"])
    assert "residence" in words["summary"]["error"]["message"]["en"]
    none = answer(furnace, "bridges", {"segment": "paint"}, only=["summary"])["summary"]["error"]
    assert "paint" in none["message"]["en"]


def test_the_page_mixing_says_shares_and_confidence_over_time(silo: Workspace) -> None:
    found = answer(silo, "mixing", {"segment": "silo", "model": "first-in-first-out"})

    balance = figures(found["balance"])
    assert [balance[name] for name in ("put", "drawn", "before", "missing", "left")] == [10, 9, 0, 0, 1]
    rows = {(row["drawn"], row["lot"]): row["share"] for row in found["portions"]["rows"]}
    assert rows == {("B1", "L1"): 1.0, ("B2", "L1"): 0.25, ("B2", "L2"): pytest.approx(0.75)}
    lots = {series["name"]["en"]: [y for _, y in series["points"]] for series in found["shares"]["series"]}
    assert lots == {"L1": [1.0, 0.25], "L2": [0.0, pytest.approx(0.75)]}
    sure = {series["name"]["en"]: [y for _, y in series["points"]] for series in found["certainty"]["series"]}
    assert sure == {"L1": [1.0, 1.0], "L2": [0.0, 1.0]}
    assert found["left"]["rows"] == [{"lot": "L2", "quantity": 1.0}]
    assert "**S1**" in found["remarks"]["text"]["en"]
    lacking = answer(silo, "mixing", {"segment": "silo", "model": "flow"}, only=["balance"])
    assert "存量" in lacking["balance"]["error"]["message"]["zh"]


def test_the_page_metres_follows_a_place_along_a_line_of_the_model(web: Workspace) -> None:
    found = answer(web, "metres", {"item": "sheet-2", "position": "30"})

    rows = found["sightings"]["rows"]
    assert [row["station"] for row in rows] == ["slitter", "calender", "extruder"]
    assert rows[1]["item"] == "roll"
    assert rows[1]["position"] == 100.0
    assert rows[1]["first"] == "2026-03-02T00:07:40Z"
    assert "extruder → calender → slitter" in found["remarks"]["text"]["en"]
    onward = answer(web, "metres", {"item": "web", "position": "82.6", "direction": "forward"})
    assert onward["sightings"]["rows"][-1]["item"] == "sheet-2"
    wrong = answer(web, "metres", {"item": "roll", "position": "1", "line": "foil"}, only=["sightings"])
    assert "foil" in wrong["sightings"]["error"]["message"]["en"]
    assert "film" in wrong["sightings"]["error"]["message"]["zh"]


def test_operators_answer_what_python_answers(furnace: Workspace, silo: Workspace, web: Workspace) -> None:
    given = {"segment": "sinter", "residence": 3600, "tolerance": 120}
    plant = Plant(furnace)
    bridged = operators().get("bridge")(furnace, given).to_dict()
    assert bridged == plant.bridge("sinter", residence=3600, tolerance=120).to_dict()
    assert operators().get("doubts")(furnace, {"most": 3}).to_dict() == plant.doubts(most=3).to_dict()
    pieces = {"segment": "silo", "into": "press", "vessel": "S1", "piece": "4 kg"}
    mixed = operators().get("mix")(silo, pieces).to_dict()
    assert {edge["drawn"] for edge in mixed["edges"]} == {"U1", "U2"}
    named = operators().get("metre")(web, {"item": "sheet-2", "position": 30}).to_dict()
    described = web.model.lines["film"].model_dump(mode="json")
    whole = operators().get("metre")(web, {"item": "sheet-2", "position": 30, "line": described}).to_dict()
    assert named == whole
    assert named == Plant(web).metre(web.model.lines["film"], "sheet-2", 30).to_dict()


def test_an_answer_is_kept_until_what_it_rests_on_changes(web: Workspace) -> None:
    questions = Questions(web)
    asked = {"item": "sheet-2", "position": 30}
    first = questions.operator("metre", asked)
    store(web, RecordKind.EVENT, [{"event": "stop", "equipment": "calender"}])
    assert questions.operator("metre", asked) is first, "events change nothing about readings and movements"
    store(web, RecordKind.READING, readings()[:4], "later")
    assert questions.operator("metre", asked) is not first
    store(web, RecordKind.MOVEMENT, MOVEMENTS)
    mixed = questions.operator("mix", {"segment": "silo"})
    assert questions.operator("mix", {"segment": "silo"}) is mixed


@pytest.mark.parametrize(
    ("operator", "given", "said"),
    [
        ("mix", {"segment": "silo", "model": "flow"}, "hold-up"),
        ("mix", {"segment": "silo", "model": "mixed", "stages": 3}, "mixed"),
        ("mix", {"segment": "silo", "piece": "-4 kg"}, "-4 kg"),
        ("mix", {"segment": "silo", "piece": "4"}, "no amount"),
        ("metre", {"item": "roll", "position": 1}, "not said"),
    ],
)
def test_an_operator_refuses_what_it_can_not_do(
    silo: Workspace, operator: str, given: dict[str, Any], said: str
) -> None:
    with pytest.raises((MixError, MetreError), match=said):
        operators().get(operator)(silo, given)
    with pytest.raises(PageError, match="colour"):
        Questions(silo).operator(operator, given | {"colour": "red"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("lines: {film: {stations: []}}", r"lines\.film\.stations: .*at least 1"),
        ("lines: {film: {stations: [{station: a, bye: 1}]}}", r"bye: there is no such setting.*by"),
        (
            "lines: {film: {stations: [{station: a, by: {signal: v, measure: x}}]}}",
            r"measure: there is no .*measures",
        ),
    ],
)
def test_a_line_that_is_wrong_names_its_place_in_the_model(text: str, said: str) -> None:
    with pytest.raises(ModelError) as caught:
        parse_plant_model(text)
    assert re.search(said, f"{caught.value.message} {caught.value.hint}", re.S)
