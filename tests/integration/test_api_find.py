"""Questions in the language of the plant through the API: answers, places of errors, limits, all services."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest
from running_server import Running, running
from store_rows import load
from test_api_ws import joined, next_of, subscribe

from assay.store.workspace import Workspace

LONG = "unit[length > 23] | select length"


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plant with 50 measured units."""
    directory = tmp_path_factory.mktemp("asked") / "plant"
    with Workspace.create(directory) as workspace:
        load(workspace, 1)
    return directory


@pytest.fixture(scope="module")
def server(plant: Path) -> Iterator[Running]:
    """The plant, served."""
    with running(plant, answer_rows=40) as served:
        yield served


@pytest.fixture
def client(server: Running) -> Iterator[httpx.Client]:
    """A client with a session."""
    with server.client() as one:
        yield one


def refused(client: httpx.Client, **order: Any) -> dict[str, Any]:
    answer = client.post("/api/find", json=order)
    assert answer.status_code == 422, answer.text
    error: dict[str, Any] = answer.json()["error"]
    assert error["message"]["zh"] != error["message"]["en"]
    return error


def test_an_answer_has_columns_rows_and_what_was_done(client: httpx.Client) -> None:
    answer = client.post("/api/find", json={"question": LONG, "explain": True})
    assert answer.status_code == 200, answer.text
    document = answer.json()
    assert document["columns"][-1]["name"] == "length"
    assert document["columns"][-1]["unit"] == "mm"
    assert [row["length"] for row in document["rows"]] == [23.5, 24.0, 24.5]
    assert document["row_count"] == 3
    assert document["explain"]["steps"]
    assert client.post("/api/find", json={"question": LONG}).json()["explain"] is None
    past = client.post("/api/find", json={"question": "unit | count", "as_of": "2026-03-01T12:00:00Z"})
    assert past.json()["rows"] == [{"count": 0}]


def test_an_error_has_its_place(client: httpx.Client) -> None:
    error = refused(client, question="unit[lenght > 23]")
    assert error["place"] == {"start": 5, "end": 11}
    assert "lenght" in error["message"]["en"]
    assert "^" not in error["message"]["en"]
    assert "length" in error["hint"]["en"]
    assert refused(client, question="unit[")["place"] is not None


def test_limits_of_the_server_and_of_the_order_hold(client: httpx.Client) -> None:
    assert "40" in refused(client, question="unit")["message"]["en"]
    assert "5" in refused(client, question="unit", limits={"rows": 5})["message"]["en"]
    assert client.post("/api/find", json={"question": "unit | limit 40"}).json()["row_count"] == 40
    for order in ({}, {"question": ""}, {"question": "unit", "limits": {"memory": "all"}}, {"query": "unit"}):
        assert client.post("/api/find", json=order).status_code == 422
    assert client.post("/api/find", json={"question": "u" * 20_001}).status_code == 422


def test_only_so_many_are_answered_at_a_time(server: Running, client: httpx.Client) -> None:
    turns = server.app.state.services.desk._answering
    taken = 0
    while turns.acquire(blocking=False):
        taken += 1
    try:
        answer = client.post("/api/find", json={"question": LONG})
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "2")
    finally:
        for _ in range(taken):
            turns.release()
    assert client.post("/api/find", json={"question": LONG}).status_code == 200


def test_extraction_and_watching_take_the_same_questions(
    server: Running, client: httpx.Client, plant: Path
) -> None:
    answer = client.get("/api/extract", params={"q": LONG, "batch_rows": 2})
    assert pa.ipc.open_stream(answer.content).read_all().column("length").to_pylist() == [23.5, 24.0, 24.5]
    wrong = client.get("/api/extract", params={"q": "unit[lenght > 23]"})
    assert (wrong.status_code, wrong.json()["error"]["place"]) == (422, {"start": 5, "end": 11})
    with joined(server) as socket:
        subscribe(socket, "unit[lenght > 23]", "wrong")
        assert next_of(socket)["error"]["place"] == {"start": 5, "end": 11}
        subscribe(socket, "measurement | by characteristic: count(value) as results", "right")
        assert next_of(socket)["type"] == "subscribed"
        first = next_of(socket)
        assert first["change"]["added"] == [{"characteristic": "length", "results": 50}]
        with Workspace.open(plant) as workspace:
            load(workspace, 2)
        change = json.loads(socket.recv(timeout=20))["change"]
        assert change["changed"][0]["after"] == {"characteristic": "length", "results": 100}
        assert (change["added"], change["removed"]) == ([], [])
