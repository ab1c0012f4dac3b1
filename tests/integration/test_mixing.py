"""A silo on a plant: what was drawn leads back to the lots put in, with share and confidence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.integration.test_trace import store

from assay.analyse.mixing import mix, write_mix
from assay.cli.app import run
from assay.genealogy.mixing import Discipline, Flow, Vessel
from assay.genealogy.mixing_errors import MixError
from assay.model.kinds import RecordKind
from assay.plant import Plant
from assay.store.workspace import Workspace

BEGAN = datetime(2026, 3, 2, 6, tzinfo=UTC)
FIFO = Vessel(Discipline.FIRST_IN_FIRST_OUT)


def moved(execution: str, role: str, subject: str, minute: float, **more: Any) -> dict[str, Any]:
    kind = "unit" if subject.startswith("U") else "lot"
    base = {"execution": execution, "role": role, "subject": subject, "subject_kind": kind}
    return base | {"segment": "silo", "equipment": "S1", "time": BEGAN + timedelta(minutes=minute)} | more


KG = {"unit": "kg"}
MOVEMENTS = [
    moved("c1", "consumed", "L1", 0, quantity=6.0, **KG),
    moved("c2", "consumed", "L2", 1, quantity=4000.0, unit="g"),
    moved("d1", "produced", "B1", 2, quantity=5.0, **KG),
    moved("d2", "produced", "B2", 3, quantity=4.0, **KG),
    moved("p1", "consumed", "B1", 4, quantity=5.0, segment="press", equipment="P", **KG),
    moved("p1", "produced", "U1", 5, segment="press", equipment="P"),
    moved("p2", "consumed", "B2", 6, quantity=4.0, segment="press", equipment="P", **KG),
    moved("p2", "produced", "U2", 7, segment="press", equipment="P"),
]


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.create(tmp_path / "plant") as made:
        store(made, RecordKind.MOVEMENT, MOVEMENTS)
        yield made


def shares(found: Any) -> dict[tuple[str, str], float]:
    return {(edge["drawn"], edge["lot"]): round(edge["share"], 9) for edge in found.edges.to_pylist()}


def test_portions_are_weighed_in_one_unit_and_balance(workspace: Workspace) -> None:
    found = mix(workspace, "silo", FIFO)

    assert shares(found) == {("B1", "L1"): 1.0, ("B2", "L1"): 0.25, ("B2", "L2"): 0.75}
    assert found.balance == {"put": 10, "drawn": 9, "before": 0, "missing": 0, "left": 1}
    assert found.left.to_pylist() == [{"lot": "L2", "quantity": 1.0}]
    assert not found.doubts


def test_traces_and_recalls_carry_share_and_confidence_and_go_on(workspace: Workspace) -> None:
    plant = Plant(workspace)
    assert plant.recall("L1").ids() == []

    found = plant.mix("silo", Vessel(Discipline.MIXED), write=True)

    assert set(plant.recall("L2").ids()) == {"U1", "U2"}
    edges = {(edge.source, edge.target): edge for edge in plant.trace("U1").edges if edge.basis == "mixing"}
    edge = next(edge for (source, _), edge in edges.items() if source == "L2")
    assert (edge.share, edge.confidence, edge.unit) == (pytest.approx(0.4), 1.0, "kg")
    assert write_mix(workspace, found) == 0, "the same again changes nothing"


def test_another_model_later_corrects_what_was_inferred(workspace: Workspace) -> None:
    for model in (Vessel(Discipline.MIXED), FIFO, Vessel(Discipline.LAST_IN_FIRST_OUT), FIFO):
        found = mix(workspace, "silo", model)
        write_mix(workspace, found)

        lots = {row["id"] for row in Plant(workspace).recall("B1", "back", kinds=["lot"]).nodes.to_pylist()}
        assert lots == {"B1", *(lot for portion, lot in shares(found) if portion == "B1")}


def test_a_corrected_charge_is_followed(workspace: Workspace) -> None:
    plant = Plant(workspace)
    plant.correct("c1", "consumed", "L1", changes={"quantity": 5.0}, why="weighed again", by="P-1")
    assert shares(mix(workspace, "silo", FIFO)) == {("B1", "L1"): 1.0, ("B2", "L2"): 1.0}


def test_a_content_that_is_not_known_well_lowers_confidence(workspace: Workspace) -> None:
    found = mix(workspace, "silo", Vessel(Discipline.FIRST_IN_FIRST_OUT, content=1.0, tolerance=1.0))
    sure = {(edge["drawn"], edge["lot"]): edge["confidence"] for edge in found.edges.to_pylist()}
    assert sure["B1", "L1"] == 1
    assert sure["B2", "L2"] == 1
    assert [doubt.kind for doubt in found.doubts] == ["before"]
    rough = mix(workspace, "silo", Vessel(Discipline.FIRST_IN_FIRST_OUT, content=4.0, tolerance=2.0))
    sure = {(edge["drawn"], edge["lot"]): edge["confidence"] for edge in rough.edges.to_pylist()}
    assert sure["B1", "L1"] == pytest.approx(0.75, abs=0.03), "5 drawn: of L1 where less than 5 were inside"


def test_a_flow_goes_by_quantity_or_by_time(workspace: Workspace) -> None:
    by_quantity = mix(workspace, "silo", Flow(2.0, stages=float("inf")))
    assert shares(by_quantity) == {("B1", "L1"): 0.6, ("B2", "L1"): 0.75, ("B2", "L2"): 0.25}
    assert sum(by_quantity.balance[name] for name in ("put", "before", "missing")) == pytest.approx(
        by_quantity.balance["drawn"] + by_quantity.balance["left"]
    )
    with pytest.raises(MixError, match="row 0 begins"):
        mix(workspace, "silo", Flow(60.0), clock="time")
    spans = [
        moved("f1", "used", "L8", 0, started=BEGAN, ended=BEGAN + timedelta(minutes=10), quantity=5.0, **KG),
        moved(
            "f2", "used", "L9", 0, started=BEGAN + timedelta(minutes=10), ended=BEGAN + timedelta(minutes=20)
        )
        | {"quantity": 5.0, **KG},
        moved("g1", "produced", "U7", 14),
    ]
    for row in spans:
        row["segment"], row["equipment"] = "extrude", "X1"
    store(workspace, RecordKind.MOVEMENT, spans, epoch="two")
    found = mix(workspace, "extrude", Flow(270.0, 60.0, float("inf")), clock="time", piece=(100.0, "g"))
    sure = {(edge["drawn"], edge["lot"]): edge["confidence"] for edge in found.edges.to_pylist()}
    assert sure == {("U7", "L8"): pytest.approx(0.75, abs=0.03), ("U7", "L9"): pytest.approx(0.25, abs=0.03)}


def test_what_can_not_be_told_is_refused(workspace: Workspace) -> None:
    with pytest.raises(MixError, match="Nothing was put into"):
        mix(workspace, "mixer", FIFO)
    other = moved("c9", "consumed", "L3", 1, quantity=1.0, equipment="S2", **KG)
    store(workspace, RecordKind.MOVEMENT, [other], epoch="two")
    with pytest.raises(MixError, match="S1, S2"):
        mix(workspace, "silo", FIFO)
    assert len(mix(workspace, "silo", FIFO, vessel="S1").put) == 2
    bad = [moved("c8", "consumed", "L4", 1, equipment="S3"), moved("d8", "produced", "U8", 2, equipment="S3")]
    store(workspace, RecordKind.MOVEMENT, bad, epoch="three")
    with pytest.raises(MixError, match="no quantity, the first of L4"):
        mix(workspace, "silo", FIFO, vessel="S3")
    with pytest.raises(MixError, match="no quantity, the first of U1"):
        mix(workspace, "silo", FIFO, vessel="S1", into="press")
    counted = moved("d9", "produced", "U9", 9, quantity=2.0, unit="{piece}", segment="fill")
    store(workspace, RecordKind.MOVEMENT, [counted], epoch="four")
    with pytest.raises(MixError, match=r"U9 was counted in \{piece\}"):
        mix(workspace, "silo", FIFO, vessel="S1", into="fill")
    assert len(mix(workspace, "silo", FIFO, vessel="S1", into="press", piece=(4.0, "kg")).drawn) == 2


def test_the_command_line_says_the_same(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["mix", str(workspace.path), "silo", "--model", "mixed"]
    assert run([*words, "--write", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["edges"] == mix(workspace, "silo", Vessel(Discipline.MIXED)).edges.to_pylist()
    assert document["written"] == 6
    assert run(["--lang", "zh", *words]) == 0
    assert "占比" in capsys.readouterr().out
    assert run([*words, "--holdup", "3"]) == 2
    assert run([*words[:4], "flow"]) == 2
    assert run([*words, "--piece", "much"]) == 2
    assert run([*words, "--content", "-1"]) == 2
    assert "content is -1" in capsys.readouterr().err
