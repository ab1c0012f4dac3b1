from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.analyse.bridge import bridge, write_bridge
from assay.analyse.trace import trace
from assay.cli.app import run
from assay.model.errors import AnalysisError
from assay.plant import Plant
from assay.sim.furnace import Furnace
from assay.sim.powder import Line, PowderPlan, powder_line
from assay.store.workspace import Workspace

BELT = PowderPlan(pieces=200, furnace=Furnace(jitter=1.0, noise=1.0))


@pytest.fixture(scope="module")
def line() -> Line:
    return powder_line(BELT, seed=4)


@pytest.fixture(scope="module")
def workspace(line: Line, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with Workspace.create(tmp_path_factory.mktemp("belt") / "plant") as made:
        line.write(made)
        yield made


def test_the_edges_lead_back_to_the_true_green_parts(workspace: Workspace, line: Line) -> None:
    found = bridge(workspace, "sinter", residence=3600, tolerance=120)

    best: dict[str, tuple[float, str]] = {}
    for edge in found.edges.to_pylist():
        best[edge["target"]] = max(best.get(edge["target"], (0.0, "")), (edge["confidence"], edge["source"]))
    right = [line.truth.green_of[target] == source for target, (_, source) in best.items()]
    assert sum(right) / len(right) > 0.93
    assert found.matching.residence is not None
    assert found.matching.residence.value == pytest.approx(line.truth.residence, abs=2)
    assert found.alone().column("side").to_pylist().count("in") == len(found.before)


def test_traces_carry_the_edges_with_their_confidence(workspace: Workspace, line: Line) -> None:
    before = trace(workspace, "U-00100", "back")
    assert not [node for node in before.nodes if node.id.startswith("G-")]
    found = bridge(workspace, "sinter", residence=3600, tolerance=120)

    written = write_bridge(workspace, found)

    assert written > len(found.edges)
    assert write_bridge(workspace, found) == 0, "the same bridge again changes nothing"
    again = bridge(workspace, "sinter", residence=3600, tolerance=120)
    assert again.edges.equals(found.edges), "inferred movements are no counts"
    after = trace(workspace, "U-00100", "back")
    greens = {node.id: node.confidence for node in after.nodes if node.id.startswith("G-")}
    recorded = {
        edge["source"]: edge["confidence"] for edge in found.edges.to_pylist() if edge["target"] == "U-00100"
    }
    assert greens == pytest.approx(recorded, abs=1e-6)
    green = line.truth.green_of["U-00100"]
    assert green in greens
    assert line.truth.lot_of[green] in {node.id for node in after.nodes}
    assert any(edge.basis == "queue: order, time" for edge in after.edges if edge.confidence < 1)


def test_a_later_bridge_corrects_the_one_before_and_back(workspace: Workspace) -> None:
    fine = bridge(workspace, "sinter", residence=3600, tolerance=120)
    rough = bridge(workspace, "sinter")

    for found in (fine, rough, fine):
        write_bridge(workspace, found)

        nodes = trace(workspace, "U-00120", "back").nodes
        shown = {node.id: node.confidence for node in nodes if node.id.startswith(("G-", "COUNT-"))}
        edges = found.edges.to_pylist()
        wanted = {edge["source"]: edge["confidence"] for edge in edges if edge["target"] == "U-00120"}
        assert shown == pytest.approx(wanted, abs=1e-6)


def test_batches_are_traced_by_their_trays(tmp_path: Path) -> None:
    plan = PowderPlan(
        pieces=120, batch=True, stops=0, furnace=Furnace(jitter=1, noise=1, missed=0, extra=0, swapped=0)
    )
    line = powder_line(plan, seed=2)
    with Workspace.create(tmp_path / "plant") as workspace:
        line.write(workspace)

        found = bridge(workspace, "sinter", residence=3600, tolerance=300, by_carrier=True)

    assert found.matching.basis[0] == "carrier"
    groups = found.matching.groups()
    parts = found.after.column("subject").to_pylist()
    greens = found.before.column("subject").to_pylist()
    for row, green in enumerate(greens):
        members = {parts[member] for member in groups.of(row)}
        true = next(part for part, one in line.truth.green_of.items() if one == green)
        assert true in members
        assert len(members) <= plan.rows


def test_what_makes_no_sense_is_refused(workspace: Workspace) -> None:
    with pytest.raises(AnalysisError, match="no movement"):
        bridge(workspace, "weld")
    with pytest.raises(AnalysisError, match="lanes apart"):
        bridge(workspace, "sinter", lane="person; drop")


def test_the_command_line_and_the_plant_say_the_same(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["bridge", str(workspace.path), "sinter", "--residence", "3600", "--tolerance", "120"]
    assert run([*words, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    with Plant(Workspace.open(workspace.path)) as plant:
        found = plant.bridge("sinter", residence=3600, tolerance=120)
    assert document["edges"][:5] == json.loads(json.dumps(found.to_dict()["edges"][:5]))
    assert run(["--lang", "zh", *words]) == 0
    assert "停留时间" in capsys.readouterr().out
    assert run([*words[:4], "3600", "--tolerance", "0"]) == 1
    assert "tolerance" in capsys.readouterr().err
