"""Each contradiction that movements can hold, from the record over the report to the doubt in an answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from tests.integration.test_trace import store

import assay
from assay.analyse.doubts import Record
from assay.api import ApiSettings, create_app, ensure_administrator
from assay.api.auth import CSRF_HEADER
from assay.api.trace_models import MOST_IDS, MOST_ROWS
from assay.cli.app import run
from assay.genealogy.checks import KINDS, Tolerances
from assay.model.kinds import RecordKind
from assay.store.workspace import Workspace

Call = Callable[..., tuple[int, str, str]]
BEGAN = datetime(2026, 3, 2, 6, tzinfo=UTC)


def moved(execution: str, role: str, subject: str, minute: float = 0, **more: Any) -> dict[str, Any]:
    """A movement; units are called U…, all else are lots; the segment stands before the dash."""
    kind = "unit" if subject.startswith("U") else "lot"
    base = {"execution": execution, "role": role, "subject": subject, "subject_kind": kind}
    return base | {"segment": execution.partition("-")[0], "time": BEGAN + timedelta(minutes=minute)} | more


def during(begin: float, end: float) -> dict[str, datetime]:
    return {"started": BEGAN + timedelta(minutes=begin), "ended": BEGAN + timedelta(minutes=end)}


KG, PIECES = {"unit": "kg"}, {"unit": "{piece}"}
RAW = moved("buy-1", "produced", "R")


@dataclass(frozen=True)
class Case:
    """Movements, what a person traces, and the numbers (from 0) of the movements that the report names."""

    movements: list[dict[str, Any]]
    asked: str
    direction: str
    records: tuple[int, ...]
    things: tuple[str, ...]


CASES = {
    "cycle": Case(
        [
            *(moved("a-1", "consumed", "A"), moved("a-1", "produced", "B")),
            *(moved("b-1", "consumed", "B"), moved("b-1", "produced", "C")),
            *(moved("c-1", "consumed", "C"), moved("c-1", "produced", "A")),
            moved("d-1", "consumed", "C"),
            moved("d-1", "produced", "U1"),
        ],
        "U1",
        "back",
        (0, 1, 2, 3, 4, 5),
        ("A", "a-1", "B", "b-1", "C", "c-1"),
    ),
    "open-end": Case(
        [moved("a-1", "consumed", "X"), moved("a-1", "produced", "U1")], "U1", "back", (0,), ("X",)
    ),
    "consumed-before-made": Case(
        [
            *(RAW, moved("a-1", "consumed", "R", 9), moved("a-1", "produced", "B", 10)),
            *(moved("b-1", "consumed", "B", 8), moved("b-1", "produced", "U1", 11)),
        ],
        "U1",
        "back",
        (2, 3),
        ("B", "a-1", "b-1"),
    ),
    "clock-skew": Case(
        [
            one
            for n in range(3)
            for one in (
                moved(f"press-{n}", "produced", f"U{n}", 10 * n, equipment="P"),
                moved(f"weld-{n}", "consumed", f"U{n}", 10 * n - 2, equipment="W"),
            )
        ],
        "U1",
        "forward",
        (0, 1, 2, 3, 4, 5),
        ("U0", "U1", "U2"),
    ),
    "negative-quantity": Case(
        [RAW, moved("a-1", "consumed", "R", quantity=-2.0, **KG), moved("a-1", "produced", "U1")],
        "U1",
        "back",
        (1,),
        ("R", "a-1"),
    ),
    "overdrawn": Case(
        [
            moved("buy-1", "produced", "R", quantity=10.0, **PIECES),
            moved("a-1", "consumed", "R", 1, quantity=6.0, **PIECES),
            moved("a-2", "consumed", "R", 2, quantity=5.0, **PIECES),
            moved("a-2", "produced", "U1", 2),
        ],
        "U1",
        "back",
        (0, 1, 2),
        ("R",),
    ),
    "unbalanced": Case(
        [
            RAW,
            moved("a-1", "consumed", "R", 1, quantity=6.0, **KG),
            moved("a-1", "produced", "B", 1, quantity=5.0, **KG),
        ],
        "B",
        "back",
        (1, 2),
        ("a-1",),
    ),
    "made-twice": Case(
        [
            *(RAW, moved("a-1", "consumed", "R"), moved("a-1", "produced", "U1")),
            *(moved("a-2", "consumed", "R"), moved("a-2", "produced", "U1")),
        ],
        "U1",
        "back",
        (2, 4),
        ("U1", "a-1", "a-2"),
    ),
    "used-twice": Case(
        [
            *(RAW, moved("a-1", "consumed", "R"), moved("a-1", "produced", "U1")),
            *(moved("b-1", "consumed", "U1", 1), moved("b-1", "produced", "U2", 1)),
            *(moved("b-2", "consumed", "U1", 1), moved("b-2", "produced", "U3", 1)),
        ],
        "U2",
        "back",
        (3, 5),
        ("U1", "b-1", "b-2"),
    ),
    "position-twice": Case(
        [
            *(moved("a-1", "produced", "U1"), moved("a-2", "produced", "U2")),
            moved("b-1", "consumed", "U1", 1, position="left"),
            moved("b-1", "consumed", "U2", 1, position="left"),
            moved("b-1", "produced", "U3", 1),
        ],
        "U3",
        "back",
        (2, 3),
        ("b-1", "U1", "U2"),
    ),
    "carrier-twice": Case(
        [
            moved("oven-1", "produced", "U1", equipment="oven", carrier="T7", **during(0, 10)),
            moved("wash-1", "produced", "U2", equipment="wash", carrier="T7", **during(5, 6)),
        ],
        "U2",
        "back",
        (0, 1),
        ("oven-1", "wash-1"),
    ),
}


@pytest.fixture(scope="module", params=KINDS)
def plant(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    directory = tmp_path_factory.mktemp("plants") / "doubtful"
    with Workspace.create(directory) as workspace:
        store(workspace, RecordKind.MOVEMENT, CASES[request.param].movements)
    return request.param, directory


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Run the command in this process: exit code, stdout, stderr."""
    monkeypatch.setenv("ASSAY_LANG", "en")

    def called(*arguments: object) -> tuple[int, str, str]:
        code = run([str(one) for one in arguments])
        return code, *capsys.readouterr()

    return called


def test_the_report_names_the_thing_and_the_records_and_repairs_nothing(plant: tuple[str, Path]) -> None:
    kind, directory = plant
    case = CASES[kind]
    with assay.open(directory) as opened:
        report = opened.doubts()
        (doubt,) = [one for one in report.doubts if one.kind == kind]
        kept = opened.sql("SELECT count(*) AS n FROM movement").to_pylist()
    assert report.counts[kind] == 1
    assert report.movements == len(case.movements)
    assert doubt.things == case.things
    assert set(doubt.records) == {Record("test", "one", number) for number in case.records}
    name = "W" if kind == "clock-skew" else case.things[0]
    assert name in doubt.said.en
    assert name in doubt.said.zh
    assert kept == [{"n": len(case.movements)}]


def test_an_answer_that_rests_on_it_says_so(plant: tuple[str, Path]) -> None:
    kind, directory = plant
    case = CASES[kind]
    with assay.open(directory) as opened:
        found = opened.trace(case.asked, case.direction)
        recalled = opened.recall(case.asked, case.direction)
        common = opened.common([case.asked])
    (doubt,) = [one for one in found.doubts if one.kind == kind]
    assert doubt.things == case.things
    doubtful = [edge for edge in found.edges if kind in edge.doubts]
    assert len(doubtful) == found.doubtful[kind] > 0
    named = {(one.execution, one.role, one.subject) for one in doubt.movements}
    ends = {(e.target, e.role, e.source) for e in doubtful} | {(e.source, e.role, e.target) for e in doubtful}
    assert named & ends
    assert recalled.doubts == found.doubts
    assert recalled.doubtful == found.doubtful
    if case.direction == "back":
        assert common.doubts == found.doubts


def test_the_command_line_says_it_shortly_and_json_in_full(plant: tuple[str, Path], call: Call) -> None:
    kind, directory = plant
    case = CASES[kind]
    code, out, _ = call("doubts", directory)
    assert code == 0
    assert f"{kind}: 1" in out
    assert f"test one {case.records[0]}" in out
    document = json.loads(call("doubts", directory, "--json")[1])
    assert document["counts"][kind] == 1
    asked = ("trace", directory, case.asked, "--direction", case.direction)
    said = next(one["said"] for one in document["doubts"] if one["kind"] == kind)
    for language in ("en", "zh"):
        out = call("--lang", language, *asked)[1]
        assert f"{kind} " in out
        assert said[language] in out
    answer = json.loads(call(*asked, "--json")[1])
    assert said in [one["said"] for one in answer["doubts"]]
    assert said["en"] in call("recall", directory, case.asked, "--direction", case.direction)[1]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    directory = tmp_path_factory.mktemp("plants") / "served"
    with Workspace.create(directory) as workspace:
        store(workspace, RecordKind.MOVEMENT, CASES["used-twice"].movements)
        password = ensure_administrator(workspace)
    app = create_app(directory, settings=ApiSettings())
    visitor = TestClient(app, base_url="http://127.0.0.1:8080", raise_server_exceptions=False)
    visitor.headers[CSRF_HEADER] = visitor.post("/api/login", json={"password": password}).json()["csrf"]
    yield visitor
    app.state.services.close()


def test_over_rest_the_report_and_every_answer_tell(served: TestClient) -> None:
    report = served.get("/api/trace/doubts").json()
    (doubt,) = report["doubts"]
    assert report["movements"] == 7
    assert (doubt["kind"], doubt["things"]) == ("used-twice", ["U1", "b-1", "b-2"])
    assert [one["seq"] for one in doubt["records"]] == [3, 5]
    found = served.get("/api/trace/U2").json()
    assert found["doubtful"] == {"used-twice": 1}
    assert [edge["from"] for edge in found["edges"] if edge["doubts"]] == ["U1"]
    for name in ("recall", "common"):
        answer = (
            served.get(f"/api/trace/{name}", params={"ids": "U2", "direction": "back"})
            if (name == "recall")
            else served.get(f"/api/trace/{name}", params={"ids": "U2"})
        )
        assert [one["said"] for one in answer.json()["doubts"]] == [doubt["said"]]
        assert answer.json()["doubtful"] == {"used-twice": 1}
    assert served.get("/api/trace/unit:doubts").status_code == 404


def test_queries_that_are_too_large_are_refused_or_cut_and_say_so(served: TestClient, call: Call) -> None:
    assert served.get("/api/trace/U2", params={"max_nodes": MOST_ROWS + 1}).status_code == 422
    many = {"ids": [f"U{n}" for n in range(MOST_IDS + 1)]}
    refused = served.post("/api/trace/recall", json=many)
    assert refused.status_code == 422
    assert "ids" in refused.json()["error"]["message"]["en"]
    assert served.get("/api/trace/doubts", params={"most": 0}).status_code == 422
    cut = served.get("/api/trace/U2", params={"max_nodes": 2}).json()
    assert cut["truncated"]
    assert len(cut["nodes"]) == 2


def test_an_open_end_closes_in_the_answer_when_what_brought_it_arrives(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    directory = tmp_path_factory.mktemp("plants") / "open"
    with Workspace.create(directory) as workspace:
        store(workspace, RecordKind.MOVEMENT, CASES["open-end"].movements)
        opened = assay.Plant(workspace)
        assert opened.trace("U1").doubtful == {"open-end": 1}
        store(workspace, RecordKind.MOVEMENT, [moved("buy-1", "produced", "X")], epoch="two")
        found = opened.trace("U1")
        assert found.doubtful == {}
        assert {"buy-1"} <= {node.id for node in found.nodes}
        more = [moved("a-2", "consumed", "Y"), moved("a-2", "produced", "U2")]
        store(workspace, RecordKind.MOVEMENT, more, epoch="three")
        assert opened.trace("U2").doubtful == {"open-end": 1}
        store(workspace, RecordKind.ENTITY, [{"entity": "lot", "id": "Y"}])
        assert opened.trace("U2").doubts == ()
        assert opened.recall("Y").doubtful == {}


def test_a_correction_takes_the_doubt_out_of_the_answer_and_history_keeps_it(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    directory = tmp_path_factory.mktemp("plants") / "corrected"
    with Workspace.create(directory) as workspace:
        store(workspace, RecordKind.MOVEMENT, CASES["used-twice"].movements)
        opened = assay.Plant(workspace)
        assert opened.trace("U3").doubtful == {"used-twice": 1}
        before = datetime.now(UTC)
        wrong = moved("b-1", "consumed", "U1", 1, quantity=0.0, correction="misread")
        store(workspace, RecordKind.MOVEMENT, [wrong | {"corrected_by": "Li"}], epoch="two")
        assert opened.trace("U3").doubtful == {}
        assert opened.doubts().counts["used-twice"] == 0
        assert opened.doubts(as_of=before).counts["used-twice"] == 1
        assert opened.trace("U3", as_of=before).doubtful == {"used-twice": 1}


def test_tolerances_decide_what_is_no_contradiction_yet(tmp_path_factory: pytest.TempPathFactory) -> None:
    directory = tmp_path_factory.mktemp("plants") / "tolerant"
    with Workspace.create(directory) as workspace:
        store(workspace, RecordKind.MOVEMENT, CASES["unbalanced"].movements)
        opened = assay.Plant(workspace)
        assert opened.doubts(tolerances=Tolerances(share=0.1)).counts["unbalanced"] == 1
        assert opened.doubts(tolerances=Tolerances(share=0.2)).counts["unbalanced"] == 0


def test_large_amounts_and_long_times_are_said_to_the_last_digit(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    movements = [
        moved("a-1", "produced", "B", 300, quantity=1_234_567.0, **KG),
        moved("b-1", "consumed", "B", 0, quantity=2_234_569.5, **KG),
    ]
    with Workspace.create(tmp_path_factory.mktemp("plants") / "large") as workspace:
        store(workspace, RecordKind.MOVEMENT, movements)
        said = {one.kind: one.said.en for one in assay.Plant(workspace).doubts().doubts}
    assert said["overdrawn"] == "2,234,569.5 kg of B were consumed, but only 1,234,567 kg brought."
    assert "18,000 s before a-1" in said["consumed-before-made"]
