"""Each case of the page *Record what happens to things*, as traces, recalls and common origins see it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.integration.test_trace import store

from assay.cli.app import run
from assay.model.errors import TraceError
from assay.model.kinds import RecordKind
from assay.plant import Plant
from assay.store.workspace import Workspace

BEGAN = datetime(2026, 3, 2, 6, tzinfo=UTC)


def at(minute: float) -> datetime:
    return BEGAN + timedelta(minutes=minute)


def moved(execution: str, role: str, subject: str, minute: float, **more: Any) -> dict[str, Any]:
    kind = "lot" if subject[0] in "LRS" else "unit"
    base = {"execution": execution, "role": role, "subject": subject, "subject_kind": kind}
    return base | {"segment": execution.split("-", maxsplit=1)[0], "time": at(minute)} | more


def packed(execution: str, minute: float, box: str, *things: str) -> list[dict[str, Any]]:
    rows = [moved(execution, "consumed", thing, minute, carrier=box) for thing in things]
    return [*rows, moved(execution, "produced", box, minute)]


KG = {"unit": "kg"}
MOVEMENTS = [
    moved("press-1", "consumed", "L1", 0, quantity=10.0, **KG),
    moved("press-1", "produced", "U1", 0),
    moved("press-1", "produced", "U2", 0),
    moved("press-1", "returned", "L1", 0, quantity=2.0, **KG),
    moved("press-2", "consumed", "L2", 0, quantity=10.0, **KG),
    moved("press-2", "produced", "U3", 0),
    *packed("pack-1", 1, "BOX1", "U1", "U2", "U3"),
    moved("unpack-1", "returned", "U2", 30, carrier="BOX1"),
    *packed("pack-2", 60, "PAL1", "BOX1"),
    moved("ship-1", "consumed", "PAL1", 120),
    moved("unpack-2", "returned", "U3", 180, carrier="BOX1"),
    # Re-labelled twice, reworked, built into an assembly of which a part is taken out again.
    moved("relabel-1", "consumed", "U2", 200),
    moved("relabel-1", "produced", "U2b", 200),
    moved("relabel-2", "consumed", "U2b", 210),
    moved("relabel-2", "produced", "U2c", 210),
    moved("rework-1", "consumed", "U2c", 220),
    moved("rework-1", "returned", "U2c", 220),
    moved("build-1", "consumed", "U2c", 230, carrier="ASM"),
    moved("build-1", "consumed", "U9", 230, carrier="ASM"),
    moved("build-1", "produced", "ASM", 230),
    moved("remove-1", "returned", "U9", 240, carrier="ASM"),
    # Co- and by-products.
    moved("melt-1", "consumed", "R1", 0, quantity=10.0, **KG),
    moved("melt-1", "produced", "L1", 0, quantity=8.0, **KG),
    moved("melt-1", "by-product", "S1", 0, quantity=2.0, **KG),
]


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    with Workspace.create(tmp_path_factory.mktemp("plants") / "recorded") as workspace:
        store(workspace, RecordKind.MOVEMENT, MOVEMENTS)
        yield Plant(workspace)


def units(plant: Plant, thing: str, direction: str = "forward", **more: Any) -> set[str]:
    return set(plant.recall(thing, direction, kinds=["unit"], **more).ids()) - {thing}


def traced(plant: Plant, thing: str, direction: str = "back") -> set[str]:
    return {node.id for node in plant.trace(thing, direction).nodes} - {thing}


def test_a_recalled_pallet_names_what_is_on_it_at_that_time_and_nothing_else(plant: Plant) -> None:
    assert units(plant, "PAL1") == {"BOX1", "U1"}
    assert units(plant, "PAL1", at=at(100)) == {"BOX1", "U1", "U3"}
    assert units(plant, "BOX1", at=at(20)) == {"U1", "U2", "U2b", "U2c", "U3", "ASM", "PAL1"}
    with pytest.raises(TraceError, match="zone"):
        plant.recall("PAL1", at=datetime(2026, 3, 2))  # noqa: DTZ001 - the point of it


def test_a_recalled_lot_names_the_boxes_its_units_are_in_now(plant: Plant) -> None:
    assert units(plant, "L1") == {"U1", "U2", "U2b", "U2c", "ASM", "BOX1", "PAL1"}
    assert units(plant, "L2") == {"U3"}, "its unit was taken out after shipping"
    assert units(plant, "L2", at=at(100)) == {"U3", "BOX1", "PAL1"}


def test_traces_follow_what_was_inside_whenever_it_was(plant: Plant) -> None:
    assert traced(plant, "U3", "forward") == {"pack-1", "BOX1", "pack-2", "PAL1", "ship-1"}
    assert traced(plant, "U2", "forward") >= {"BOX1", "U2c"}
    assert "PAL1" not in traced(plant, "U2", "forward")
    back = traced(plant, "execution:ship-1")
    assert {"PAL1", "BOX1", "U1", "U3", "L1", "L2"} <= back
    assert "U2" not in back
    assert "U3" not in traced(plant, "U1", "both")


def test_new_labels_and_rework_lead_on_both_ways(plant: Plant) -> None:
    assert {"U2", "U2b", "L1", "R1"} <= traced(plant, "U2c")
    assert {"U2b", "U2c", "rework-1"} <= traced(plant, "U2", "forward")
    assert units(plant, "R1") >= {"U1", "U2c"}


def test_a_part_that_was_taken_out_is_no_kin_of_what_it_was_in(plant: Plant) -> None:
    assert "U9" not in units(plant, "L1")
    assert traced(plant, "U9", "forward") == {"build-1", "ASM"}
    assert {"U2c", "L1"} <= set(plant.recall("ASM", "back").nodes.column("id").to_pylist())
    assert "U9" not in units(plant, "ASM", "back"), "not in it now"


def test_co_and_by_products_and_rests_lead_back_to_what_they_are_of(plant: Plant) -> None:
    assert set(plant.recall("R1").ids("lot")) == {"R1", "L1", "S1"}
    assert plant.recall("S1", "back").ids("lot") == ["S1", "R1"]


def test_common_origins_are_what_things_are_of_and_not_what_they_lay_in(plant: Plant) -> None:
    found = plant.common(["U1", "U2c"], kinds=["lot", "unit"])
    assert set(found.nodes.column("id").to_pylist()) == {"L1", "R1"}
    assert plant.common(["U1", "U3"]).nodes.num_rows == 0
    boxes = plant.common(["PAL1", "ASM"], kinds=["lot"])
    assert set(boxes.nodes.column("id").to_pylist()) == {"L1", "R1"}


def test_nodes_say_how_much_of_them_it_is(plant: Plant) -> None:
    found = plant.recall("L1", shares=True, at=at(20)).nodes.to_pylist()
    share = {row["id"]: row["share"] for row in found}
    assert share["U1"] == share["L1"] == 1
    assert share["BOX1"] == pytest.approx(2 / 3), "two of three units"
    assert "share" not in plant.recall("L1").nodes.column_names
    forward = {node.id: node.share for node in plant.trace("L1", "forward").nodes}
    assert forward["U2c"] == 1
    back = {node.id: node.share for node in plant.trace("BOX1").nodes}
    assert back["L1"] == pytest.approx(2 / 3)
    assert back["L2"] == pytest.approx(1 / 3)


def test_the_command_line_asks_for_a_moment_and_for_shares(
    plant: Plant, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = ["recall", str(plant.workspace.path), "PAL1", "--at", "2026-03-02T07:40Z", "--shares"]
    assert run([*words, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["nodes"]
    assert {row["id"] for row in rows if row["kind"] == "unit"} == {"PAL1", "BOX1", "U1", "U3"}
    assert all(row["share"] == 1 for row in rows if row["id"] in {"U1", "U3"})
    assert run(["--lang", "zh", *words, "--csv", str(tmp_path / "out.csv")]) == 0
    assert "比例" in capsys.readouterr().out
    assert "share" in (tmp_path / "out.csv").read_text("utf-8").splitlines()[0]
