"""Traces on a real plant: a small assembly with a split, a merge, a rework loop and work in place."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import assay
from assay.analyse.trace import trace
from assay.model.attributes import Attribute, ColumnRole
from assay.model.errors import TraceError
from assay.model.kinds import RecordKind
from assay.query.genealogy import index_of
from assay.store.keys import LoadKey
from assay.store.workspace import Workspace

BEGAN = datetime(2026, 3, 2, 6, tzinfo=UTC)

MOVEMENTS = [
    # execution, role, subject, subject kind, segment
    ("melt-1", "consumed", "ingot-1", "lot", "melt"),
    ("melt-1", "consumed", "ingot-2", "lot", "melt"),
    ("melt-1", "produced", "bar-1", "lot", "melt"),
    ("melt-1", "by-product", "slag-1", "lot", "melt"),
    ("melt-1", "sample", "probe-1", "lot", "melt"),
    ("cut-1", "consumed", "bar-1", "lot", "cut"),
    ("cut-1", "used", "blade-7", "unit", "cut"),
    ("cut-1", "produced", "U1", "unit", "cut"),
    ("cut-1", "produced", "U2", "unit", "cut"),
    ("join-1", "consumed", "U1", "unit", "join"),
    ("join-1", "consumed", "U2", "unit", "join"),
    ("join-1", "produced", "A1", "unit", "join"),
    ("rework-1", "consumed", "A1", "unit", "rework"),
    ("rework-1", "returned", "A1", "unit", "rework"),
    ("paint-1", "produced", "A1", "unit", "paint"),
    ("7", "produced", "7", "unit", "paint"),
]


def store(workspace: Workspace, kind: RecordKind, rows: list[dict[str, Any]], epoch: str = "one") -> None:
    load = LoadKey("test", epoch)
    schema = workspace.lake.schema(kind)
    filled = [
        {
            "source": "test",
            "epoch": epoch,
            "seq": number,
            "time": BEGAN + timedelta(minutes=number),
            "recorded": BEGAN,
            "key_hash": number,
            "content_hash": number,
            **row,
        }
        for number, row in enumerate(rows)
    ]
    columns = {field.name: pa.array([row.get(field.name) for row in filled], field.type) for field in schema}
    writer = workspace.lake.stage(kind, load=load, recorded=BEGAN)
    writer.write(pa.table(columns, schema=schema))
    workspace.lake.commit(kind, writer.finish(), load=load)


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with Workspace.create(tmp_path_factory.mktemp("plants") / "plant") as workspace:
        workspace.registry.declare_attributes(
            [Attribute(name="heat", kind=RecordKind.MOVEMENT, role=ColumnRole.FACTOR)]
        )
        keys = ("execution", "role", "subject", "subject_kind", "segment")
        rows: list[dict[str, Any]] = [dict(zip(keys, row, strict=True)) for row in MOVEMENTS]
        for row in rows:
            row |= {"equipment": f"{row['segment']}-station", "person": "Lin"}
            if row["segment"] == "melt":
                row |= {"heat": "H9", "started": BEGAN, "ended": BEGAN + timedelta(hours=1)}
            if row["subject"] == "bar-1":
                row |= {"material": "steel", "quantity": 2.5, "unit": "kg"}
        store(workspace, RecordKind.MOVEMENT, rows)
        store(
            workspace,
            RecordKind.MEASUREMENT,
            [
                {"subject": "A1", "subject_kind": "unit", "characteristic": "leak", "text": "NOK"},
                {
                    "subject": "join-1",
                    "subject_kind": "execution",
                    "characteristic": "torque",
                    "value": 1.4,
                    "unit": "N.m",
                },
                {"subject": "alone", "subject_kind": "unit", "characteristic": "leak", "text": "OK"},
            ],
        )
        yield workspace


def ids(found: dict[str, Any]) -> set[str]:
    return {node["id"] for node in found["nodes"]}


def node(found: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in found["nodes"] if one["id"] == name)


def test_back_from_the_assembly_to_the_ingots(plant: Workspace) -> None:
    found = trace(plant, "A1", "back").to_dict()
    assert ids(found) == {
        "A1",
        "join-1",
        "rework-1",
        "paint-1",
        "U1",
        "U2",
        "cut-1",
        "bar-1",
        "blade-7",
        "melt-1",
        "ingot-1",
        "ingot-2",
    }
    assert found["root"] == "A1"
    assert found["nodes"][0]["id"] == "A1"
    assert not found["truncated"]
    edges = {(edge["from"], edge["to"]) for edge in found["edges"]}
    assert {("ingot-1", "melt-1"), ("melt-1", "bar-1"), ("blade-7", "cut-1"), ("A1", "rework-1")} <= edges
    assert ("melt-1", "slag-1") not in edges
    assert {edge["confidence"] for edge in found["edges"]} == {1.0}


def test_forward_from_an_ingot_to_everything_at_risk(plant: Workspace) -> None:
    found = trace(plant, "ingot-2", "forward").to_dict()
    assert {"bar-1", "slag-1", "probe-1", "U1", "U2", "A1"} <= ids(found)
    assert not {"ingot-1", "blade-7"} & ids(found)


def test_a_failing_sample_leads_back_to_what_it_was_drawn_from(plant: Workspace) -> None:
    assert ids(trace(plant, "probe-1", "back").to_dict()) == {"probe-1", "melt-1", "ingot-1", "ingot-2"}


def test_nodes_carry_what_was_recorded(plant: Workspace) -> None:
    found = trace(plant, "A1", "back").to_dict()
    melt = node(found, "melt-1")
    assert (melt["kind"], melt["segment"], melt["equipment"], melt["person"]) == (
        "execution",
        "melt",
        "melt-station",
        "Lin",
    )
    assert melt["attributes"] == {"heat": "H9"}
    assert (melt["started"], melt["ended"]) == ("2026-03-02T06:00:00Z", "2026-03-02T07:00:00Z")
    assert node(found, "bar-1")["material"] == "steel"
    assert node(found, "A1")["results"][0]["text"] == "NOK"
    torque = node(found, "join-1")["results"][0]
    assert (torque["characteristic"], torque["value"], torque["unit"]) == ("torque", 1.4, "N.m")
    bar = next(edge for edge in found["edges"] if edge["to"] == "bar-1")
    assert (bar["role"], bar["quantity"], bar["unit"]) == ("produced", 2.5, "kg")
    assert (bar["start"], bar["end"]) == ("2026-03-02T06:00:00Z", "2026-03-02T07:00:00Z")
    json.dumps(found, allow_nan=False)


def test_one_id_of_two_kinds_is_told_apart(plant: Workspace) -> None:
    found = trace(plant, "7", "back").to_dict()
    assert found["root"] == "7"
    assert ids(found) == {"7", "execution:7"}
    assert found["edges"][0]["from"] == "execution:7"
    forward = trace(plant, "execution:7", "forward").to_dict()
    assert forward["root"] == "execution:7"
    assert len(forward["edges"]) == 1


def test_a_number_that_two_stations_use_is_two_executions(tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "plant") as workspace:
        keys = ("execution", "role", "subject", "subject_kind", "segment", "equipment")
        rows = [
            ("1", "consumed", "L1", "lot", "cut", "saw"),
            ("1", "produced", "U1", "unit", "cut", "saw"),
            ("1", "consumed", "L2", "lot", "weld", "robot"),
            ("1", "produced", "U2", "unit", "weld", "robot"),
        ]
        store(workspace, RecordKind.MOVEMENT, [dict(zip(keys, row, strict=True)) for row in rows])
        measured = {"subject": "1", "subject_kind": "execution", "characteristic": "time"}
        store(
            workspace,
            RecordKind.MEASUREMENT,
            [{**measured, "segment": "weld", "value": 2.0}, {**measured, "segment": "cut", "value": 1.0}],
        )
        found = trace(workspace, "U2", "back").to_dict()
        assert ids(found) == {"U2", "execution:weld/1", "L2"}
        step = node(found, "execution:weld/1")
        assert (step["segment"], step["equipment"]) == ("weld", "robot")
        assert [result["value"] for result in step["results"]] == [2.0]
        with pytest.raises(TraceError, match="an execution in 2 segments") as problem:
            trace(workspace, "1", "back")
        assert "execution:cut/1 or execution:weld/1" in str(problem.value)
        assert trace(workspace, "execution:cut/1", "forward").nodes[-1].id == "U1"


def test_limits_are_said(plant: Workspace) -> None:
    near = trace(plant, "A1", "back", max_depth=1)
    assert near.truncated
    assert {one.id for one in near.nodes} == {"A1", "join-1", "rework-1", "paint-1"}
    few = trace(plant, "A1", "back", max_nodes=3)
    assert few.truncated
    assert len(few.nodes) == 3


def test_what_was_measured_but_never_moved_stands_alone(plant: Workspace) -> None:
    found = trace(plant, "alone", "back").to_dict()
    assert ids(found) == {"alone"}
    assert found["edges"] == []
    assert found["nodes"][0]["results"][0]["text"] == "OK"


def test_an_unknown_id_names_close_ones(plant: Workspace) -> None:
    with pytest.raises(TraceError, match="'ingot-3' is no unit, lot or execution") as problem:
        trace(plant, "ingot-3", "back")
    assert "'ingot-1'" in str(problem.value)


def test_an_unknown_direction_is_refused(plant: Workspace) -> None:
    with pytest.raises(TraceError, match="'sideways' is not a direction") as problem:
        trace(plant, "ingot-1", "sideways")
    assert "'back' or 'forward'" in str(problem.value)


def test_an_empty_plant_knows_no_id(tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "empty") as workspace, pytest.raises(TraceError):
        trace(workspace, "A1", "back")


def test_the_graph_is_kept_and_follows_what_arrives(tmp_path: Path) -> None:
    step = {"role": "produced", "subject": "A1", "subject_kind": "unit"}
    with Workspace.create(tmp_path / "plant") as workspace:
        store(workspace, RecordKind.MOVEMENT, [{"execution": "join-1", **step}])
        index = index_of(workspace)
        assert index_of(workspace) is index
        store(workspace, RecordKind.MOVEMENT, [{"execution": "paint-1", **step}], epoch="two")
        assert index_of(workspace) is index
        assert len(index.find("paint-1")) == 1
        assert ids(trace(workspace, "A1", "back").to_dict()) == {"A1", "join-1", "paint-1"}


def test_a_trace_is_an_arrow_table_of_edges(plant: Workspace) -> None:
    found = trace(plant, "A1", "back")
    table = found.to_arrow()
    assert len(table) == len(found.edges)
    assert table.column("from_kind").to_pylist().count("lot") == 3


def test_the_python_door(plant: Workspace) -> None:
    with assay.open(plant.path) as door:
        assert isinstance(door, assay.Plant)
        assert len(door.sql("SELECT * FROM movement")) == len(MOVEMENTS)
        assert door.trace("A1", "back").root == "A1"
