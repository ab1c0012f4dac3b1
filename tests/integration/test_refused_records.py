"""What the gate refuses is data all the same: it is in traces, and they say that it was refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from evidence_plant import soon, state
from pypdf import PdfReader
from tests.integration.test_trace import BEGAN, store
from tests.refused_plant import PEOPLE, join_two

from assay.analyse import board
from assay.analyse.cause import cause, evidence
from assay.analyse.common import common
from assay.analyse.recall import recall
from assay.analyse.through import WalkArguments
from assay.analyse.trace import Trace, trace
from assay.analyse.trace_graph import trace_graph
from assay.analyse.unit_file import unit_file
from assay.apps.payloads import Paging, TargetsPayload
from assay.apps.trace_page import GraphArgs, drawn, recalled
from assay.apps.units import Record, summary
from assay.cli.app import run
from assay.ledger.gate.overrides import override
from assay.ledger.gate.state import refusal
from assay.model.kinds import RecordKind
from assay.query.find import find
from assay.report.unit_file import as_html
from assay.report.unit_file_pdf import as_pdf
from assay.store.workspace import Workspace

__all__ = ["state"]

NO_TARGET = TargetsPayload(targets=[], segments=[], factors=[])


@pytest.fixture
def plant(state: Path, tmp_path: Path) -> Iterator[Workspace]:
    """U-1 joined by someone qualified, U-2 by someone who is not."""
    with Workspace.create(tmp_path / "plant", log=True) as workspace:
        soon(workspace.evidence)
        join_two(workspace)
        assert workspace.evidence.state.why is None
        yield workspace


def flagged(found: Trace) -> tuple[dict[str, list[Any]], list[Any]]:
    """By node what was refused of it, and the same of every edge."""
    nodes = {node.id: [(one.what, one.outcome) for one in node.refused] for node in found.nodes}
    return nodes, [[(one.what, *one.reasons) for one in edge.refused] for edge in found.edges]


def test_refused_steps_are_in_the_trace_and_say_why(plant: Workspace) -> None:
    nodes, edges = flagged(trace(plant, "U-2", "back"))
    assert nodes == {
        "U-2": [("produced", "refused"), ("leak", "refused")],
        "join-2": [("consumed", "refused"), ("produced", "refused")],
        "half-2": [("consumed", "refused")],
    }
    assert sorted(edges) == [[("consumed", "unknown_subject")], [("produced", "unknown_subject")]]


def test_accepted_steps_bear_no_flag(plant: Workspace) -> None:
    nodes, edges = flagged(trace(plant, "U-1", "back"))
    assert nodes == {"U-1": [], "join-1": [], "half-1": []}
    assert edges == [[], []]


def let_through(plant: Workspace) -> None:
    """Have two people override whatever was refused of U-2."""
    for index in {one.refused for node in trace(plant, "U-2").nodes for one in node.refused}:
        leaf = refusal(plant.path / "ledger", index)[1].leaf
        plant.evidence.say("override", "U-2", {}, gate=override(index, leaf, "X-rayed", PEOPLE))


def test_an_override_is_told_beside_the_refusal(plant: Workspace) -> None:
    let_through(plant)
    found = [one for node in trace(plant, "U-2").nodes for one in node.refused]
    assert {(one.outcome, one.reasons) for one in found} == {("overridden", ("unknown_subject",))}
    assert all(one.decided is not None for one in found)


def test_causes_count_refused_subjects_and_mark_the_rows_behind_them(plant: Workspace) -> None:
    report = cause(plant, "leak = 'NOK'")
    assert (report.subjects, report.bad) == (2, 2)
    assert report.refused is not None
    assert (report.refused.subjects, report.refused.bad) == (1, 1)
    assert "1 of which fulfil" in report.refused.statement.en
    assert report.to_dict()["refused"]["subjects"] == 1
    for person, reasons in (("p-2", ["unknown_subject"]), ("p-1", None)):
        rows, count = evidence(plant, "leak = 'NOK'", factor="movement.person", value=person)
        assert count == 1
        told = (
            rows.column("evidence_refused").to_pylist() if "evidence_refused" in rows.column_names else None
        )
        assert told == reasons


def test_a_refused_movement_marks_what_its_step_made_in_causes(plant: Workspace) -> None:
    step = {"execution": "join-3", "segment": "join", "subject_kind": "unit", "time": BEGAN}
    took = {**step, "role": "consumed", "subject": "half-3", "person": "p-2"}
    made = {**step, "role": "produced", "subject": "U-3", "person": "p-1"}
    store(plant, RecordKind.MOVEMENT, [took, made], epoch="later")
    gap = {"subject_kind": "unit", "characteristic": "gap", "segment": "test"}
    values = [{**gap, "subject": f"U-{n}", "value": float(n)} for n in (1, 3)]
    store(plant, RecordKind.MEASUREMENT, values, epoch="later")
    refused = cause(plant, "gap").refused
    assert refused is not None
    assert (refused.subjects, refused.bad) == (1, None)


def test_what_is_overridden_does_not_count_as_refused_in_causes(plant: Workspace) -> None:
    assert cause(plant, "leak = 'NOK'").refused is not None
    let_through(plant)
    assert cause(plant, "leak = 'NOK'").refused is None


def marked(nodes: pa.Table) -> dict[str, str | None]:
    assert "refused" in nodes.column_names
    return dict(zip(nodes["id"].to_pylist(), nodes["refused"].to_pylist(), strict=True))


def test_recalls_mark_what_rests_on_refused_records(plant: Workspace) -> None:
    found = recall(plant, ["half-1", "half-2"])
    why = "unknown_subject"
    told = marked(found.nodes)
    assert told == dict.fromkeys(["half-1", "join-1", "U-1"]) | dict.fromkeys(
        ["half-2", "join-2", "U-2"], why
    )
    assert found.refused.counts() == {"records": 3, "things": 3, "movements": 2}
    assert found.to_dict()["refused"] == found.refused.counts()
    only = recall(plant, "half-2", kinds=["unit"])
    assert marked(only.nodes) == {"half-2": why, "U-2": why}
    assert only.refused.counts() == {"records": 3, "things": 2, "movements": 2}
    assert marked(recall(plant, "U-2", "both").nodes)["join-2"] == why
    difference = recall(plant, ["half-1", "half-2"], against=["U-2"])
    assert "refused" in difference.nodes.column_names
    assert "refused" not in recall(plant, "half-1").nodes.column_names
    assert recall(plant, "half-1").refused.counts() == {"records": 0, "things": 0, "movements": 0}


def test_common_origins_mark_what_rests_on_refused_records(plant: Workspace) -> None:
    found = common(plant, ["U-2"], against=["U-1"])
    assert marked(found.nodes) == {"join-2": "unknown_subject", "half-2": "unknown_subject"}
    assert found.to_dict()["refused"]["movements"] == 2
    assert "refused" not in common(plant, ["U-1"]).nodes.column_names


def test_what_is_overridden_is_not_marked_in_recalls(plant: Workspace) -> None:
    let_through(plant)
    found = recall(plant, "half-2")
    assert "refused" not in found.nodes.column_names
    assert found.refused.counts()["records"] == 0


def test_a_recall_tells_executions_of_one_number_apart(plant: Workspace) -> None:
    """Two stations that use one number: what was refused of one marks not the other."""
    step = {"execution": "join-2", "segment": "test", "subject_kind": "unit", "time": BEGAN}
    moved = [{**step, "role": "consumed", "subject": "U-1"}, {**step, "role": "produced", "subject": "V-1"}]
    store(plant, RecordKind.MOVEMENT, moved, epoch="later")
    rows = recall(plant, ["half-1", "half-2"]).nodes.to_pylist()
    told = {(row["id"], row["segment"]): row["refused"] for row in rows}
    assert told["join-2", "join"] == "unknown_subject"
    assert told["join-2", "test"] is None
    assert told["V-1", None] is None


def test_the_drawn_graph_marks_nodes_and_edges(plant: Workspace) -> None:
    found = trace_graph(plant, "U-2", "back", WalkArguments(), max_nodes=10)
    assert found.refused.codes.to_pylist() == ["unknown_subject"] * 3
    assert found.refused.movements.tolist() == [True, True]
    clean = trace_graph(plant, "U-1", "back", WalkArguments(), max_nodes=10)
    assert clean.refused.codes.null_count == 3
    assert not clean.refused.movements.any()


def test_recalls_say_so_on_the_command_line(
    plant: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSAY_LANG", "en")
    asked = {3: ["recall", str(plant.path), "half-2"], 2: ["common", str(plant.path), "U-2"]}
    for records, words in asked.items():
        assert run(words) == 0
        said = capsys.readouterr().out
        assert f"{records} records here were refused" in said
        assert "unknown_subject" in said
        assert run([*words, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["refused"]["records"] == records
    assert run(["recall", str(plant.path), "half-1"]) == 0
    assert "refused" not in capsys.readouterr().out


def test_a_unit_file_marks_steps_results_and_materials_that_were_refused(plant: Workspace) -> None:
    file = unit_file(plant, "U-2")
    assert sorted((one.about, one.what, one.outcome) for one in file.refused) == [
        ("U-2", "leak", "refused"),
        ("U-2", "produced", "refused"),
        ("half-2", "consumed", "refused"),
    ]
    assert all(one.reasons == ["unknown_subject"] for one in file.refused)
    [step], [result], [used] = file.steps, file.inspections, file.materials
    assert sorted(one.what or "" for one in step.refused) == ["consumed", "produced"]
    assert result.refused is not None
    assert (result.refused.record, result.refused.what) == ("measurement:test/one/1", "leak")
    assert [one.what for one in used.refused] == ["consumed"]
    assert "3 records of it are refused as evidence by the gate." in [one.en for one in file.missing]
    english, chinese = as_html(file, "en"), as_html(file, "zh")
    assert english.count("refused as evidence: unknown_subject") == 3
    assert chinese.count("被拒绝作为证据：unknown_subject") == 3
    assert result.refused.record in english
    text = "".join(page.extract_text() for page in PdfReader(BytesIO(as_pdf(file, "en"))).pages)
    assert "Refused by the gate" in text
    assert result.refused.record in text.replace("\n", "")


def test_a_unit_file_of_accepted_records_says_nothing_of_refusals(plant: Workspace) -> None:
    file = unit_file(plant, "U-1")
    assert not file.refused
    assert not any(step.refused for step in file.steps)
    assert file.inspections[0].refused is None
    assert "refused" not in "".join(one.en for one in file.missing)
    assert "refused" not in as_html(file, "en")


def test_a_unit_file_tells_what_was_decided_since(plant: Workspace) -> None:
    before = unit_file(plant, "U-2").hash
    let_through(plant)
    file = unit_file(plant, "U-2")
    assert file.hash != before
    assert {(one.outcome, one.stands) for one in file.refused} == {("overridden", False)}
    said = [one.en for one in file.missing]
    assert "3 records of it were refused as evidence by the gate and are refused no more." in said
    assert not any("are refused as evidence" in one for one in said)
    assert "unknown_subject → let count by two people" in as_html(file, "en")


def test_steps_and_results_of_a_thing_say_why_they_are_refused(plant: Workspace) -> None:
    steps, results = board.unit_steps(plant, "U-2"), board.unit_results(plant, "U-2")
    assert steps["refused"].to_pylist() == results["refused"].to_pylist() == ["unknown_subject"]
    assert board.unit_steps(plant, "execution:join-2")["refused"].to_pylist() == ["unknown_subject"] * 2
    assert "refused" not in board.unit_steps(plant, "U-1").column_names
    assert "refused" not in board.unit_results(plant, "U-1").column_names
    items = {one.id: one for one in summary(Record.of(plant, "U-2"), NO_TARGET).items}
    assert (items["refused_records"].value, items["refused_records"].tone) == (2, "bad")
    clean = summary(Record.of(plant, "U-1"), NO_TARGET)
    assert "refused_records" not in [one.id for one in clean.items]
    let_through(plant)
    assert "refused" not in board.unit_steps(plant, "U-2").column_names


def test_the_page_of_a_genealogy_has_the_marks(plant: Workspace) -> None:
    found = drawn(plant, GraphArgs(id="U-2", direction="back"))
    assert found.nodes.refused == ["unknown_subject"] * 3
    assert found.edges.refused == [True, True]
    clean = drawn(plant, GraphArgs(id="U-1", direction="back"))
    assert (clean.nodes.refused, clean.edges.refused) == ([None] * 3, [False] * 2)
    grid = recalled(plant, GraphArgs(id="half-2", direction="forward"), Paging(offset=0, limit=10))
    assert [column.title.en for column in grid.columns if column.field == "refused"] == [
        "Refused as evidence"
    ]


def test_questions_tell_what_is_refused_now(plant: Workspace) -> None:
    asked = "unit[leak = 'NOK' and not refused] | select id"
    assert [row["id"] for row in find(plant, asked).rows] == ["U-1"]
    let_through(plant)
    assert [row["id"] for row in find(plant, asked).rows] == ["U-1", "U-2"]
    assert find(plant, "measurement[refused]").rows == []
    assert [*find(plant, "step | by: any(refused)").rows[0].values()] == [False]


def test_json_and_the_command_line_say_so(
    plant: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSAY_LANG", "en")
    assert run(["trace", str(plant.path), "U-2", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [one["outcome"] for edge in document["edges"] for one in edge["refused"]] == ["refused"] * 2
    assert run(["trace", str(plant.path), "U-2"]) == 0
    said = capsys.readouterr().out
    assert "3 records here were refused" in said
    assert "unknown_subject" in said
    assert run(["trace", str(plant.path), "U-1"]) == 0
    assert "refused" not in capsys.readouterr().out
