"""Extraction over HTTP: computed as it is read, a cut client goes on, nothing is left behind."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest
from running_server import Running, running
from sql_questions import Asking
from store_rows import load

from assay.api.question_desk import COMPLETE_KEY, RESUME_HEADER, RESUME_KEY
from assay.store.workspace import Workspace

LENGTHS = "SELECT subject, value FROM measurement"
WIDE = "SELECT range AS n, repeat('x', 1000) AS filling FROM range(60000)"
"""About 60 MB."""


@pytest.fixture(scope="module")
def _asking() -> Asking:
    return Asking()


@pytest.fixture
def asking(_asking: Asking) -> Asking:
    """Counts what the server asks."""
    _asking.pulled = 0
    assert _asking.open == 0, "an earlier test left a question open"
    return _asking


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, _asking: Asking) -> Iterator[Running]:
    """A plant with 100 measured units, served."""
    plant = tmp_path_factory.mktemp("extract") / "plant"
    with Workspace.create(plant) as workspace:
        for number in (1, 2):
            load(workspace, number)
    with running(plant, _asking, extractions_at_once=2) as served:
        yield served


def eventually(holds: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < end, what
        time.sleep(0.02)


def read(content: bytes) -> tuple[list[pa.RecordBatch], list[dict[bytes, bytes]]]:
    """Batches and their own metadata."""
    batches, notes = [], []
    with pa.ipc.open_stream(content) as reader:
        while True:
            try:
                batch, note = reader.read_next_batch_with_custom_metadata()
            except StopIteration:
                return batches, notes
            batches.append(batch)
            notes.append(dict(note or {}))


def test_an_answer_is_an_arrow_stream_with_a_token_after_each_batch(server: Running, asking: Asking) -> None:
    with server.client() as client:
        answer = client.get("/api/extract", params={"q": LENGTHS, "batch_rows": 30})
        assert answer.headers["content-type"] == "application/vnd.apache.arrow.stream"
        batches, notes = read(answer.content)
        assert [batch.num_rows for batch in batches] == [30, 30, 30, 10, 0]
        assert notes[-1] == {COMPLETE_KEY.encode(): b"100"}
        whole = pa.Table.from_batches(batches)
        for number, note in enumerate(notes[:-1], 1):
            token = note[RESUME_KEY.encode()].decode()
            rest, _ = read(client.get("/api/extract", params={"after": token}).content)
            assert pa.Table.from_batches([*batches[:number], *rest]).equals(whole)
        posted = client.post("/api/extract", json={"q": LENGTHS, "after": answer.headers[RESUME_HEADER]})
        assert pa.Table.from_batches(read(posted.content)[0]).equals(whole)
    assert asking.open == 0


def test_a_client_that_was_cut_goes_on_with_the_rows_it_has(server: Running) -> None:
    with server.client() as client:
        whole = pa.Table.from_batches(read(client.get("/api/extract", params={"q": WIDE}).content)[0])
        with client.stream("GET", "/api/extract", params={"q": WIDE, "batch_rows": 1000}) as answer:
            start = answer.headers[RESUME_HEADER]
            held = b""
            for chunk in answer.iter_raw():
                held += chunk
                if len(held) > 5_500_000:
                    break
        got: list[pa.RecordBatch] = []
        reader = pa.ipc.open_stream(held)
        try:
            while True:
                got.append(reader.read_next_batch())
        except (pa.ArrowInvalid, OSError, StopIteration):
            pass  # the batch in which the connection ended
        rows = sum(batch.num_rows for batch in got)
        assert 0 < rows < 60_000
        rest = client.get("/api/extract", params={"after": start, "received": rows})
        assert pa.Table.from_batches([*got, *read(rest.content)[0]]).equals(whole)


def test_nothing_is_computed_that_the_client_does_not_read(server: Running, asking: Asking) -> None:
    """The client takes the head and then nothing: the server holds a few batches of 60, not the answer."""
    with socket.create_connection(server.host.split(":"), timeout=30) as slow:  # type: ignore[arg-type]
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        cookie = server.headers["Cookie"]
        query = httpx.QueryParams({"q": WIDE, "batch_rows": 1000})
        slow.sendall(
            f"GET /api/extract?{query} HTTP/1.1\r\nHost: {server.host}\r\nCookie: {cookie}\r\n\r\n".encode()
        )
        assert slow.recv(1000).startswith(b"HTTP/1.1 200")
        seen = -1
        while seen != asking.pulled:  # until it stands still
            seen = asking.pulled
            time.sleep(0.3)
        assert 1 <= asking.pulled <= 20
        taken = 0
        while taken < 15_000_000:
            taken += len(slow.recv(1 << 20))
        eventually(lambda: asking.pulled >= seen + 10, "reading goes on when the client does")
        assert asking.pulled < 50
        assert asking.open == 1
    eventually(lambda: asking.open == 0, "a client that went away frees the engine")


def test_a_statement_that_works_on_stops_when_the_client_goes(server: Running, asking: Asking) -> None:
    endless = "SELECT sum(a.range * b.range % 7) AS n FROM range(10000000) a, range(10000000) b"
    with server.client() as client, pytest.raises(httpx.ReadTimeout):
        client.get("/api/extract", params={"q": endless}, timeout=1.5)
    eventually(lambda: asking.open == 0, "the statement is interrupted")


def test_only_so_many_run_at_a_time(server: Running, asking: Asking) -> None:
    with server.client() as client:
        streams = [client.stream("GET", "/api/extract", params={"q": WIDE}) for _ in range(2)]
        for stream in streams:
            assert stream.__enter__().status_code == 200
        refused = client.get("/api/extract", params={"q": LENGTHS})
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "2")
        assert "2 extractions" in refused.json()["error"]["message"]["en"]
        for stream in streams:
            stream.__exit__(None, None, None)
        eventually(lambda: asking.open == 0, "both are stopped")
        assert client.get("/api/extract", params={"q": LENGTHS}).status_code == 200


def test_what_is_wrong_is_said_before_the_stream_begins(server: Running, asking: Asking) -> None:
    with server.client() as client:

        def told(**params: Any) -> tuple[int, str]:
            answer = client.get("/api/extract", params=params)
            return answer.status_code, answer.json()["error"]["message"]["en"]

        assert told()[0] == 422
        assert told(after="nonsense") == (422, "The resume token can't be read: the checksum is wrong.")
        status, text = told(
            q="SELECT 1", after=client.get("/api/extract", params={"q": LENGTHS}).headers[RESUME_HEADER]
        )
        assert (status, text.split(":")[0]) == (422, "The resume token is of another question")
        assert told(q=LENGTHS, batch_rows=0)[0] == 422
        assert (
            client.post("/api/extract", json={"q": LENGTHS}, headers={"X-CSRF-Token": ""}).status_code == 403
        )
    assert httpx.get(f"http://{server.host}/api/extract", params={"q": LENGTHS}).status_code == 401
    assert asking.open == 0


def test_the_answer_as_csv(server: Running) -> None:
    with server.client() as client:
        lines = client.get("/api/extract", params={"q": LENGTHS, "format": "csv"}).text.splitlines()
    assert (lines[0], len(lines)) == ("\ufeffsubject,value", 101)
    assert lines[1] == "U-1-0,0.0"


def test_the_server_stops_although_a_client_reads_slowly(tmp_path: Path) -> None:
    Workspace.create(tmp_path / "other").close()
    asking = Asking()
    with running(tmp_path / "other", asking) as served:
        client = served.client()
        stream = client.stream("GET", "/api/extract", params={"q": WIDE})
        assert stream.__enter__().status_code == 200
    until = time.monotonic() + 120
    while asking.open and time.monotonic() < until:
        time.sleep(0.05)
    assert asking.open == 0
    client.close()
