"""Captured events as records of the plant, and the plant's genealogy as events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from tests.epcis_documents import SGTIN, document, event

from assay.analyse.recall import recall
from assay.analyse.trace import trace
from assay.cli.app import run
from assay.exchange.epcis import validate
from assay.exchange.epcis.export import document_of, export_events
from assay.exchange.epcis.records import bring_in
from assay.exchange.epcis.repository import Repository
from assay.model.kinds import RecordKind
from assay.store.keys import LoadKey
from assay.store.workspace import Workspace

UNIT = "https://id.gs1.org/01/04012345111118/21/{}"
BOX = "https://id.gs1.org/00/140123452345678902"


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.create(tmp_path / "plant") as workspace:
        yield workspace


def take(plant: Workspace, *events: dict[str, Any]) -> int:
    repository = Repository(plant)
    job = repository.capture(validate(document(*events)))
    assert job.success, job.faults
    return bring_in(plant, repository)


def rows(plant: Workspace, statement: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = plant.lake.query(statement).to_pylist()
    return found


def plain(kind: str, **fields: Any) -> dict[str, Any]:
    return event(kind, **{"eventID": None, "errorDeclaration": None, "sensorElementList": None, **fields})


def test_a_transformation_and_a_packing_are_one_genealogy(plant: Workspace) -> None:
    take(
        plant,
        plain("transformation", inputEPCList=None, outputEPCList=[SGTIN.format(7)], outputQuantityList=None),
        plain("aggregation", childEPCs=[SGTIN.format(7)], childQuantityList=None, bizStep="packing"),
    )
    moved = rows(
        plant,
        "SELECT role, subject, subject_kind, quantity, unit, segment, carrier FROM movement ORDER BY seq",
    )
    assert [(one["role"], one["subject_kind"]) for one in moved] == [
        ("consumed", "lot"),
        ("produced", "unit"),
        ("consumed", "unit"),
        ("produced", "unit"),
    ]
    assert (moved[0]["quantity"], moved[0]["unit"]) == (10.0, "kg")
    assert {one["carrier"] for one in moved[2:]} == {moved[3]["subject"]}
    found = trace(plant, moved[3]["subject"], "back")
    assert f"lot:{moved[0]['subject']}" in {node.id for node in found.nodes}


def test_what_is_unpacked_has_left_its_container(plant: Workspace) -> None:
    both = {"childEPCs": [SGTIN.format(1), SGTIN.format(2)], "childQuantityList": None}
    take(
        plant,
        plain("aggregation", eventTime="2026-03-02T08:00:00Z", bizStep="packing", **both),
        plain(
            "aggregation",
            eventTime="2026-03-02T09:00:00Z",
            action="DELETE",
            bizStep="unpacking",
            childEPCs=[SGTIN.format(1)],
            childQuantityList=None,
        ),
    )
    box, *_ = rows(plant, "SELECT subject FROM movement WHERE role = 'produced'")
    out = rows(plant, "SELECT subject, carrier FROM movement WHERE role = 'returned'")
    assert out == [{"subject": UNIT.format(1), "carrier": box["subject"]}]
    found = recall(plant, [box["subject"]], "back", at=datetime(2026, 3, 2, 10, tzinfo=UTC))
    named = set(found.nodes.column("id").to_pylist())
    assert UNIT.format(2) in named
    assert UNIT.format(1) not in named
    take(plant, plain("aggregation", eventTime="2026-03-02T11:00:00Z", action="DELETE", **both))
    found = recall(plant, [box["subject"]], "back", at=datetime(2026, 3, 2, 12, tzinfo=UTC))
    assert UNIT.format(2) not in found.nodes.column("id").to_pylist()


def test_objects_begin_and_end(plant: Workspace) -> None:
    take(
        plant,
        plain("object", epcList=[SGTIN.format(1)], quantityList=None),
        plain("object", action="DELETE", ilmd=None, epcList=[SGTIN.format(1)], quantityList=None),
        plain("object", action="OBSERVE", ilmd=None, epcList=[SGTIN.format(1)], bizStep="inspecting"),
    )
    assert [one["role"] for one in rows(plant, "SELECT role FROM movement ORDER BY seq")] == [
        "produced",
        "consumed",
    ]
    seen = rows(plant, "SELECT event, subject, subject_kind, equipment, message FROM event ORDER BY seq")
    assert [(one["event"], one["subject_kind"]) for one in seen] == [
        ("inspecting", "unit"),
        ("inspecting", "lot"),
    ]
    assert seen[0]["subject"] == UNIT.format(1)
    assert "active" in seen[0]["message"]


def test_sensor_data_are_results_of_objects_or_readings_of_a_place(plant: Workspace) -> None:
    sensors = event("object")["sensorElementList"]
    take(plant, plain("object", epcList=[SGTIN.format(1)], quantityList=None, sensorElementList=sensors))
    take(
        plant,
        plain(
            "object", action="OBSERVE", ilmd=None, epcList=[], quantityList=None, sensorElementList=sensors
        ),
    )
    results = rows(
        plant, "SELECT characteristic, value, text, unit, gauge, time FROM measurement ORDER BY seq"
    )
    assert ("Temperature", 21.5, "Cel") in [
        (one["characteristic"], one["value"], one["unit"]) for one in results
    ]
    assert ("Length.x.min", 4.0, "mm") in [
        (one["characteristic"], one["value"], one["unit"]) for one in results
    ]
    assert ("https://ns.example.com/epcis/Colour", "red") in [
        (one["characteristic"], one["text"]) for one in results
    ]
    assert results[0]["time"] == datetime(2026, 3, 2, 7, 15, tzinfo=UTC)
    signals = {one["signal"] for one in rows(plant, "SELECT signal FROM reading")}
    assert "https://id.gs1.org/8004/4000001111/Temperature" in signals


def test_an_error_declaration_corrects_and_rewrites_nothing(plant: Workspace) -> None:
    made = plain("object", eventID="urn:uuid:00000000-0000-4000-8000-000000000001", quantityList=None)
    take(plant, made)
    before = rows(plant, "SELECT * FROM movement ORDER BY seq")
    declared = {"declarationTime": "2026-03-04T00:00:00Z", "reason": "did_not_occur"}
    take(plant, {**made, "errorDeclaration": declared})
    after = rows(plant, "SELECT * FROM movement ORDER BY seq")
    assert after[: len(before)] == before
    assert [(one["quantity"], one["correction"], one["corrected_by"]) for one in after[len(before) :]] == [
        (0.0, "did_not_occur", "epcis")
    ] * len(before)
    assert {one["execution"] for one in after} == {made["eventID"]}


def test_bringing_in_again_changes_nothing(plant: Workspace) -> None:
    assert take(plant, plain("aggregation"), plain("transformation")) > 0
    repository = Repository(plant)
    assert bring_in(plant, repository) == 0
    before = rows(plant, "SELECT * FROM movement ORDER BY seq")
    plant.registry.set_setting("epcis.records", 0)  # as after a crash between the rows and the note
    assert bring_in(plant, repository) == 0
    assert rows(plant, "SELECT * FROM movement ORDER BY seq") == before


def test_a_genealogy_goes_out_and_comes_back_the_same(plant: Workspace, tmp_path: Path) -> None:
    moment = datetime(2026, 3, 2, 8, tzinfo=UTC)
    moves = [
        ("E-1", "consumed", "L 7/3", "lot", 2.5, "kg", "press"),
        ("E-1", "produced", "U-1", "unit", None, None, "press"),
        ("E-1", "produced", "U-2", "unit", None, None, "press"),
        ("E-2", "consumed", "U-1", "unit", None, None, "packing"),
        ("E-2", "produced", BOX, "unit", None, None, "packing"),
        ("E-3", "produced", "L-8", "lot", 4.0, "1", "casting"),
        ("E-4", "consumed", "U-2", "unit", None, None, "destroying"),
        ("E-5", "produced", "U-3", "unit", None, None, "press"),
    ]
    names = ("execution", "role", "subject", "subject_kind", "quantity", "unit", "segment")
    columns = {name: [one[number] for one in moves] for number, name in enumerate(names)}
    count = range(len(moves))
    table = pa.table(
        {
            **{name: pa.array(values) for name, values in columns.items()},
            "seq": pa.array(count, pa.int64()),
            "time": pa.array([moment] * len(moves), pa.timestamp("us", tz="UTC")),
            "key_hash": pa.array(count, pa.int64()),
            "content_hash": pa.array(count, pa.int64()),
        }
    )
    plant.lake.hot.append(RecordKind.MOVEMENT, table, LoadKey("line", "1"))
    corrected = table.slice(7).set_column(4, "quantity", pa.array([0.0]))
    corrected = corrected.append_column("correction", pa.array(["scanned twice"]))
    corrected = corrected.set_column(corrected.column_names.index("seq"), "seq", pa.array([9], pa.int64()))
    plant.lake.hot.append(RecordKind.MOVEMENT, corrected, LoadKey("line", "1"))
    events = list(export_events(plant))
    assert [one["type"] for one in events] == [
        "TransformationEvent",
        "TransformationEvent",
        "ObjectEvent",
        "ObjectEvent",
    ]
    told = document_of(events)
    assert [one.to_dict() for one in validate(told).faults] == []
    with Workspace.create(tmp_path / "partner") as partner:
        repository = Repository(partner)
        repository.capture(validate(told))
        bring_in(partner, repository)
        back = rows(partner, f"SELECT {', '.join(names)} FROM movement ORDER BY execution, role, subject")
    assert [tuple(one.values()) for one in back] == sorted(moves[:7], key=lambda one: one[:3])
    file = tmp_path / "out.json"
    assert run(["epcis", "export", str(plant.path), "--out", str(file), "--json"]) == 0
    assert len(json.loads(file.read_text("utf-8"))["epcisBody"]["eventList"]) == 4


def test_packing_and_unpacking_go_out_as_aggregations_and_come_back_the_same(
    plant: Workspace, tmp_path: Path
) -> None:
    moves = [
        ("P-1", "consumed", "U-1", "unit", BOX),
        ("P-1", "consumed", "U-2", "unit", BOX),
        ("P-1", "produced", BOX, "unit", BOX),
        ("P-2", "returned", "U-1", "unit", BOX),
        ("P-3", "consumed", BOX, "unit", BOX),
    ]
    names = ("execution", "role", "subject", "subject_kind", "carrier")
    count = range(len(moves))
    moments = [datetime(2026, 3, 2, 8, tzinfo=UTC)] * 3 + [datetime(2026, 3, 2, 9, tzinfo=UTC)] * 2
    table = pa.table(
        {
            **{name: [one[number] for one in moves] for number, name in enumerate(names)},
            **{name: pa.array(count, pa.int64()) for name in ("seq", "key_hash", "content_hash")},
            "time": pa.array(moments, pa.timestamp("us", tz="UTC")),
        }
    )
    plant.lake.hot.append(RecordKind.MOVEMENT, table, LoadKey("line", "1"))
    events = list(export_events(plant))
    assert [(one["type"], one["action"]) for one in events] == [
        ("AggregationEvent", "ADD"),
        ("AggregationEvent", "DELETE"),
        ("AggregationEvent", "DELETE"),
    ]
    assert "childEPCs" not in events[2]
    told = document_of(events)
    assert [one.to_dict() for one in validate(told).faults] == []
    with Workspace.create(tmp_path / "partner") as partner:
        Repository(partner).capture(validate(told))
        bring_in(partner, Repository(partner))
        back = rows(partner, f"SELECT {', '.join(names)} FROM movement ORDER BY execution, role, subject")
    assert [tuple(one.values()) for one in back] == sorted(moves, key=lambda one: one[:3])


def test_what_is_given_back_goes_out_as_returned_and_comes_back_so(plant: Workspace, tmp_path: Path) -> None:
    moves = [
        ("E-1", "consumed", "L-1", "lot", 10.0, "kg", "press"),
        ("E-1", "produced", "U-1", "unit", None, None, "press"),
        ("E-1", "returned", "L-1", "lot", 2.0, "kg", "press"),
        ("E-1", "sample", "S-1", "unit", None, None, "press"),
        ("E-1", "used", "M-1", "unit", None, None, "press"),
        ("R-1", "returned", "U-1", "unit", None, None, "receiving"),
    ]
    names = ("execution", "role", "subject", "subject_kind", "quantity", "unit", "segment")
    count = range(len(moves))
    table = pa.table(
        {
            **{name: [one[number] for one in moves] for number, name in enumerate(names)},
            **{name: pa.array(count, pa.int64()) for name in ("seq", "key_hash", "content_hash")},
            "time": pa.array(
                [datetime(2026, 3, 2, 8, tzinfo=UTC)] * len(moves), pa.timestamp("us", tz="UTC")
            ),
        }
    )
    plant.lake.hot.append(RecordKind.MOVEMENT, table, LoadKey("line", "1"))
    events = list(export_events(plant))
    assert [(one["type"], one.get("action"), one.get("disposition")) for one in events] == [
        ("TransformationEvent", None, None),
        ("ObjectEvent", "OBSERVE", "returned"),
        ("ObjectEvent", "OBSERVE", "returned"),
    ]
    assert len({one["eventID"] for one in events}) == 3
    told = document_of(events)
    assert [one.to_dict() for one in validate(told).faults] == []
    with Workspace.create(tmp_path / "partner") as partner:
        Repository(partner).capture(validate(told))
        bring_in(partner, Repository(partner))
        back = rows(partner, f"SELECT {', '.join(names)} FROM movement ORDER BY execution, role, subject")
        noted = rows(partner, "SELECT event, subject, message FROM event ORDER BY subject")
    wanted = [
        moves[0],
        ("E-1", "produced", *moves[3][2:]),
        moves[1],
        ("E-1/returned", *moves[2][1:]),
        moves[5],
    ]
    assert [tuple(one.values()) for one in back] == wanted
    assert [(one["event"], one["message"]) for one in noted] == [
        ("press", "returned"),
        ("receiving", "returned"),
    ]


def test_the_command_line_captures(
    plant: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text(json.dumps(document(plain("transformation"))), "utf-8")
    bad.write_text(json.dumps(document(plain("aggregation", parentID=None), plain("association"))), "utf-8")
    assert run(["epcis", "capture", str(plant.path), str(good), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["documents"][0]["captured"] == 1
    assert told["records"] == 4
    assert run(["epcis", "capture", str(plant.path), str(good), str(bad), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert [(one["known"], one["refused"]) for one in told["documents"]] == [(1, 0), (0, 2)]
    assert told["documents"][1]["errors"][0]["rule"] == "parent-missing"
    assert run(["epcis", "capture", str(plant.path), str(bad), "--proceed"]) == 1
    assert "1 captured" in capsys.readouterr().out


def test_validate_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "one.json"
    for content, valid in (
        (json.dumps(document(event("object"))), True),
        (json.dumps(document(event("object", bizStep="x"))), False),
        ("{", False),
    ):
        file.write_text(content, "utf-8")
        assert run(["epcis", "validate", str(file), "--json"]) == (0 if valid else 1)
        told = json.loads(capsys.readouterr().out)
        assert set(told) == {"valid", "errors"}
        assert told["valid"] is valid
        assert all(set(one) == {"path", "rule", "message"} for one in told["errors"])
    assert run(["epcis", "validate", str(tmp_path / "none.json"), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["errors"][0]["rule"] == "file"
    assert run(["--lang", "zh", "epcis", "validate", str(file)]) == 1
    assert "无效" in capsys.readouterr().out
