"""Traces, recalls and common origins as their users meet them: Python, command line, REST, operators."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fastapi.testclient import TestClient
from tests.integration.test_recall import MOVEMENTS
from tests.integration.test_trace import store

import assay
from assay.analyse.through import Through
from assay.api import ApiSettings, create_app, ensure_administrator
from assay.api.auth import CSRF_HEADER
from assay.cli.app import run
from assay.model.kinds import RecordKind
from assay.store.workspace import Workspace

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("traced") / "plant"
    with Workspace.create(directory) as workspace:
        store(workspace, RecordKind.MOVEMENT, MOVEMENTS)
    return directory


@pytest.fixture(scope="module")
def client(plant: Path) -> Iterator[TestClient]:
    with Workspace.open(plant) as workspace:
        password = ensure_administrator(workspace)
    served = create_app(plant, settings=ApiSettings())
    visitor = TestClient(served, base_url="http://127.0.0.1:8080", raise_server_exceptions=False)
    token = visitor.post("/api/login", json={"password": password}).json()["csrf"]
    visitor.headers[CSRF_HEADER] = token
    yield visitor
    served.state.services.close()


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Run the command in this process: exit code, stdout, stderr."""
    monkeypatch.setenv("ASSAY_LANG", "en")

    def called(*arguments: object) -> tuple[int, str, str]:
        code = run([str(one) for one in arguments])
        return code, *capsys.readouterr()

    return called


def document(told: tuple[int, str, str]) -> dict[str, Any]:
    code, out, err = told
    assert code == 0, err
    found: dict[str, Any] = json.loads(out)
    return found


def ids(found: dict[str, Any]) -> set[str]:
    return {node["id"] for node in found["nodes"]}


def test_every_door_gives_the_same_recall(plant: Path, client: TestClient, call: Call) -> None:
    with assay.open(plant) as opened:
        python = opened.recall("P1", kinds=["unit"]).to_dict()
    typed = document(call("recall", plant, "P1", "--kind", "unit", "--json"))
    asked = client.get("/api/trace/recall", params={"ids": "P1", "kinds": "unit"}).json()
    posted = client.post("/api/trace/recall", json={"ids": ["P1"], "kinds": ["unit"]}).json()
    operated = client.post("/api/operators/recall", json={"ids": ["P1"], "kinds": ["unit"]}).json()
    assert python == typed == operated
    assert asked == posted == python | {"found": 4}
    assert ids(python) == {"UG1", "UG2", "UF1", "UF2"}


def test_every_door_gives_the_same_common_origins(plant: Path, client: TestClient, call: Call) -> None:
    with assay.open(plant) as opened:
        python = opened.common(["UG1", "UG2"], against=["UG3"], kinds=["lot"]).to_dict()
    typed = document(call("common", plant, "UG1", "UG2", "--against", "UG3", "--kind", "lot", "--json"))
    order = {"ids": ["UG1", "UG2"], "against": ["UG3"], "kinds": ["lot"]}
    assert client.post("/api/operators/common", json=order).json() == python == typed
    assert client.get("/api/trace/common", params=order).json() == python
    assert [node["id"] for node in python["nodes"]] == ["B1", "P1"]


def test_every_door_gives_the_same_trace(plant: Path, client: TestClient, call: Call) -> None:
    with assay.open(plant) as opened:
        python = opened.trace("UG1", "both", through=Through({"segment": ["press", "blend"]})).to_dict()
    typed = document(
        call("trace", plant, "UG1", "--both", "--segment", "press", "--segment", "blend", "--json")
    )
    asked = client.get("/api/trace/UG1", params={"direction": "both", "segment": ["press", "blend"]}).json()
    assert python == typed == asked
    assert {edge["segment"] for edge in python["edges"]} == {"press", "blend"}


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        (["--equipment", "M1"], {"P1", "blend-1", "B1"}),
        (["--segment", "blend"], {"P1", "blend-1", "B1"}),
        (["--confidence", "1", "--depth", "4"], {"P1", "blend-1", "B1", "press-1", "press-2", "UG1", "UG2"}),
        (["--since", "2026-03-03T06:00Z"], {"P1"}),
        (["--limit", "2"], {"P1", "blend-1"}),
        (["--person", "nobody"], {"P1"}),
    ],
)
def test_filters_of_the_command(call: Call, plant: Path, options: list[str], kept: set[str]) -> None:
    assert ids(document(call("recall", plant, "P1", *options, "--json"))) == kept
    assert ids(document(call("trace", plant, "P1", "--direction", "forward", *options, "--json"))) == kept


def test_a_recall_is_written_to_files(call: Call, plant: Path, tmp_path: Path) -> None:
    files = tmp_path / "a.csv", tmp_path / "a.parquet"
    code, out, err = call("recall", plant, "P1", "--csv", files[0], "--parquet", files[1])
    assert code == 0, err
    assert "P1 went into: 5 step executions, 4 units and 2 lots" in out
    assert "Wrote 11 rows" in err
    rows = list(csv.DictReader(io.StringIO(files[0].read_text("utf-8-sig"))))
    table = pq.read_table(files[1])
    assert [row["id"] for row in rows] == table.column("id").to_pylist()
    assert table.num_rows == 11
    code, out, _ = call("recall", plant, "P1", "--limit", 2)
    assert "A limit was met" in out


def test_what_is_wrong_is_said_in_one_sentence(call: Call, plant: Path, client: TestClient) -> None:
    code, out, err = call("recall", plant, "P9")
    assert (code, out) == (1, "")
    assert "'P9' is no unit, lot or execution" in err
    code, _, err = call("recall", plant, "P1", "--since", "tomorrow")
    assert code == 1
    assert "tomorrow" in err
    assert client.get("/api/trace/recall", params={"ids": "P9"}).status_code == 404
    assert client.get("/api/trace/recall").status_code == 422
    assert client.get("/api/trace/recall", params={"ids": "P1", "since": "2026-03-03"}).status_code == 422
    assert client.get("/api/trace/UG1", params={"colour": "red"}).status_code == 422
    assert client.get("/api/trace/UG1", params={"max_nodes": 10_001}).status_code == 422
    many = {"ids": [f"U{n}" for n in range(10_001)]}
    assert client.post("/api/trace/recall", json=many).status_code == 422


def test_answers_over_rest_are_bounded_and_files_are_whole(client: TestClient) -> None:
    asked = {"ids": ["P1"], "limit": 3, "offset": 2}
    page = client.post("/api/trace/recall", json=asked).json()
    assert (page["found"], page["shown"], page["truncated"]) == (11, 3, False)
    assert page["counts"] == {"lot": 2, "unit": 4, "execution": 5}
    arrow = client.post("/api/trace/recall", json=asked | {"format": "arrow"})
    assert arrow.headers["content-type"] == "application/vnd.apache.arrow.stream"
    table = pa.ipc.open_stream(arrow.content).read_all()
    assert table.num_rows == 11
    assert table.slice(2, 3).column("id").to_pylist() == [node["id"] for node in page["nodes"]]
    parquet = client.get("/api/trace/recall", params={"ids": "P1", "format": "parquet"})
    assert pq.read_table(io.BytesIO(parquet.content)).to_pylist() == table.to_pylist()
    text = client.get("/api/trace/common", params={"ids": ["UG1", "UG2"], "format": "csv"}).text
    assert len(list(csv.reader(io.StringIO(text)))) == 1 + 3


def test_a_unit_called_recall_is_traced_by_its_kind(client: TestClient) -> None:
    assert client.get("/api/trace/unit:UG1").json()["root"] == "UG1"
