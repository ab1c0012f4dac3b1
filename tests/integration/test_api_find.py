"""Questions in the language of the plant through the API: answers, places of errors, limits, all services."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from running_server import Running, running
from store_rows import load
from test_api_ws import joined, next_of, subscribe

from assay.model.errors import QueryError
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


def test_what_may_be_written_instead_can_be_put_in_the_place(client: httpx.Client) -> None:
    question = "unit[lenght > 23] | select length"
    (mend, *_) = refused(client, question=question)["mends"]
    mended = question[: mend["start"]] + mend["text"] + question[mend["end"] :]
    assert mended == LONG
    assert client.post("/api/find", json={"question": mended}).json()["row_count"] == 3
    (quoted, *_) = refused(client, question='measurement[characteristic = "length"]')["mends"]
    assert quoted == {"start": 29, "end": 37, "text": "'length'"}
    assert refused(client, question="unit[length > 'a']")["mends"] == []


def test_only_the_first_rows_and_how_many_there_are(client: httpx.Client) -> None:
    answer = client.post("/api/find", json={"question": "unit | sort unit desc", "first": 2}).json()
    assert (answer["row_count"], answer["total"]) == (2, 50)
    assert len(answer["rows"]) == 2
    whole = client.post("/api/find", json={"question": "unit | limit 3", "first": 3}).json()
    assert (whole["row_count"], whole["total"]) == (3, 3)
    assert client.post("/api/find", json={"question": "unit", "first": 0}).status_code == 422


def test_columns_say_how_they_are_written_and_what_they_name(client: httpx.Client) -> None:
    question = 'unit[length > 23] | select id, id as "zone 1", mean(length)'
    columns = client.post("/api/find", json={"question": question}).json()["columns"]
    assert [(one["written"], one["thing"]) for one in columns] == [
        ("id", "unit"),
        ('"zone 1"', "unit"),
        ("mean(length)", None),
    ]
    for one in columns:
        sorted_by = f"{question} | sort {one['written']} desc | limit 1"
        assert client.post("/api/find", json={"question": sorted_by}).status_code == 200


def test_names_are_offered_at_the_cursor(client: httpx.Client) -> None:
    order = {"question": "unit[leng > 23]", "position": 9, "language": "zh"}
    answer = client.post("/api/find/names", json=order)
    assert answer.status_code == 200, answer.text
    document = answer.json()
    assert (document["start"], document["end"], document["more"]) == (5, 9, False)
    assert document["names"][0] == {
        "text": "length",
        "sort": "characteristic",
        "leads": "measurement",
        "unit": "mm",
        "title": None,
    }
    past = client.post("/api/find/names", json={"question": "unit", "position": 5_000}).json()
    assert past["start"] <= past["end"] <= 4
    for wrong in (
        {"question": "unit"},
        {"question": "u" * 20_001, "position": 0},
        {"question": "u", "position": -1},
    ):
        assert client.post("/api/find/names", json=wrong).status_code == 422


def test_a_question_ends_when_the_client_gives_it_up(
    server: Running, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from assay.api import question_desk

    ended = threading.Event()

    class Endless:
        """A question that is computed until it is told to stop."""

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def arrow(self) -> pa.Table:
            assert ended.wait(20), "nobody told it to stop"
            raise QueryError("interrupted")

        def cancel(self) -> None:
            ended.set()

    monkeypatch.setattr(question_desk, "prepared_question", lambda *_, **__: Endless())
    with pytest.raises(httpx.ReadTimeout):
        client.post("/api/find", json={"question": LONG}, timeout=0.5)
    assert ended.wait(20)
    monkeypatch.undo()
    assert client.post("/api/find", json={"question": LONG}).status_code == 200


def test_an_answer_is_downloaded_as_parquet(client: httpx.Client) -> None:
    answer = client.get(
        "/api/extract", params={"q": "unit | select id, length", "format": "parquet", "batch_rows": 20}
    )
    assert answer.headers["content-type"] == "application/vnd.apache.parquet"
    assert answer.headers["content-disposition"] == 'attachment; filename="answer.parquet"'
    file = pq.ParquetFile(io.BytesIO(answer.content))
    assert (file.metadata.num_rows, file.metadata.num_row_groups) == (50, 3)
    whole = pa.ipc.open_stream(client.get("/api/extract", params={"q": "unit | select id, length"}).content)
    assert file.read().equals(whole.read_all().replace_schema_metadata(None))


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
