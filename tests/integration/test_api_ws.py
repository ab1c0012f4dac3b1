"""The WebSocket hub with a real server and client: who gets in, what is pushed, what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from running_server import Running, running
from sql_questions import Asking
from store_rows import load
from test_api_extract import eventually
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from assay.api import hub
from assay.api.auth import COOKIE
from assay.store.workspace import Workspace

SUBJECTS = "SELECT subject, count(*) AS results FROM measurement WHERE value < 1 GROUP BY subject"
ALL = "SELECT subject FROM measurement"


@pytest.fixture
def asking() -> Asking:
    """Counts what the server asks."""
    return Asking(key=("subject",))


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Workspace]:
    """A plant with 50 measured units, open in this process as in a loader's."""
    with Workspace.create(tmp_path / "plant") as workspace:
        load(workspace, 1)
        yield workspace


@pytest.fixture
def server(plant: Workspace, asking: Asking) -> Iterator[Running]:
    """The plant, served."""
    with running(plant.path, asking, sockets=3, subscriptions=2, watched_rows=2_500) as served:
        yield served


def joined(server: Running, **headers: str) -> ClientConnection:
    """A connection with a session."""
    given = {"Cookie": server.headers["Cookie"], "Origin": f"http://{server.host}", **headers}
    sent = {name: value for name, value in given.items() if value}
    return connect(f"ws://{server.host}/api/ws", additional_headers=sent, open_timeout=20)


def send(socket: ClientConnection, **message: Any) -> None:
    socket.send(json.dumps(message))


def subscribe(socket: ClientConnection, question: str, id: str = "q", **more: Any) -> None:  # noqa: A002
    send(socket, type="subscribe", topic="watch", id=id, question=question, **more)


def next_of(socket: ClientConnection) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(socket.recv(timeout=20))
    return message


def ids(message: dict[str, Any], part: str = "added") -> list[str]:
    return [row["subject"] for row in message["change"][part]]


# -- watching -------------------------------------------------------------------------------------


def test_a_watched_question_pushes_its_changes(server: Running, plant: Workspace, asking: Asking) -> None:
    with joined(server) as socket:
        subscribe(socket, SUBJECTS)
        assert next_of(socket) == {"type": "subscribed", "topic": "watch", "id": "q"}
        first = next_of(socket)
        assert (first["type"], first["topic"], first["id"], first["more"]) == ("change", "watch", "q", False)
        assert (first["change"]["kind"], ids(first)) == ("reset", ["U-1-0", "U-1-1"])
        assert [column["name"] for column in first["change"]["columns"]] == ["subject", "results"]
        load(plant, 2)
        second = next_of(socket)
        assert (second["change"]["kind"], ids(second), second["change"]["rows"]) == (
            "change",
            ["U-2-0", "U-2-1"],
            4,
        )
        send(socket, type="unsubscribe", id="q")
        assert next_of(socket) == {"type": "unsubscribed", "id": "q"}
        load(plant, 3)
        send(socket, type="ping")
        assert next_of(socket) == {"type": "pong"}
    with joined(server) as again:
        subscribe(again, SUBJECTS, resume=second["token"])
        assert next_of(again)["type"] == "subscribed"
        missed = next_of(again)
        assert (missed["change"]["kind"], ids(missed)) == ("change", ["U-3-0", "U-3-1"])
    eventually(lambda: server.app.state.services.hub.questions == 0, "nothing is watched any more")
    assert asking.open == 0


def test_many_who_watch_one_question_cost_one_answer(
    server: Running, plant: Workspace, asking: Asking
) -> None:
    with joined(server) as one, joined(server) as two:
        for socket in (one, two):
            subscribe(socket, SUBJECTS, "a")
            subscribe(socket, SUBJECTS, "b")
            for _ in range(4):
                next_of(socket)
        asked = asking.asked
        load(plant, 2)
        for socket in (one, two):
            assert {next_of(socket)["id"] for _ in range(2)} == {"a", "b"}
        assert asking.asked == asked + 1


def test_a_large_result_comes_in_pieces(server: Running, plant: Workspace) -> None:
    load(plant, 2, rows=2_400)
    with joined(server) as socket:
        subscribe(socket, ALL)
        assert next_of(socket)["type"] == "subscribed"
        pieces = [next_of(socket) for _ in range(3)]
    assert [len(piece["change"]["added"]) for piece in pieces] == [hub.PIECE_ROWS, hub.PIECE_ROWS, 450]
    assert [piece["more"] for piece in pieces] == [True, True, False]
    assert [piece["change"]["kind"] for piece in pieces] == ["reset", "change", "change"]
    assert [piece["token"] is None for piece in pieces] == [True, True, False]


def test_who_reads_slowly_gets_everything_in_fewer_changes(server: Running, plant: Workspace) -> None:
    with joined(server) as socket:
        subscribe(socket, ALL)
        held = set()
        for number in range(2, 8):
            load(plant, number)
        messages = 0
        while len(held) < 350:
            message = next_of(socket)
            if message["type"] == "change":
                messages += 1
                held |= set(ids(message))
        assert messages <= 7


# -- what is refused ------------------------------------------------------------------------------


def test_only_the_administrator_on_this_site_gets_in(server: Running) -> None:
    def status(**headers: str) -> int:
        with pytest.raises(InvalidStatus) as refused, joined(server, **headers):
            pass
        body = json.loads(refused.value.response.body or b"{}")
        assert body["error"]["message"]["zh"]
        return int(refused.value.response.status_code)

    assert status(Cookie="") == 401
    assert status(Cookie=f"{COOKIE}=wrong") == 401
    assert status(Origin="https://elsewhere.example") == 403
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    upgrade |= {"Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==", "Host": "elsewhere.example"}
    renamed = httpx.get(f"http://{server.host}/api/ws", headers={**server.headers, **upgrade})
    assert renamed.status_code == 421
    with joined(server, Origin="") as program:  # a program has no origin
        send(program, type="ping")
        assert next_of(program) == {"type": "pong"}


def test_messages_that_can_not_be_followed_are_answered(server: Running) -> None:
    with joined(server) as socket:

        def complaint() -> str:
            message = next_of(socket)
            while message["type"] != "error":
                message = next_of(socket)
            assert message["error"]["message"]["zh"]
            return str(message["error"]["message"]["en"])

        for wrong in ("nonsense", "[]", '{"type": "subscribe"}', '{"type": "ping", "more": 1}', b"\x00"):
            socket.send(wrong)
            assert complaint().startswith("The message can't be understood")
        subscribe(socket, "SELEC 1", "bad")
        assert complaint() == "Something went wrong inside the server."
        subscribe(socket, ALL, "a")
        subscribe(socket, ALL, "a")
        assert "'a' already" in complaint()
        subscribe(socket, SUBJECTS, "b")
        subscribe(socket, SUBJECTS, "c")
        assert "watches 2 questions already" in complaint()
        send(socket, type="unsubscribe", id="b")
        send(socket, type="unsubscribe", id="x")
        assert "nothing with the id 'x'" in complaint()
        subscribe(socket, SUBJECTS, "b", resume="nonsense")
        assert "resume token can't be read" in complaint()
        send(socket, type="unsubscribe", id="a")
        subscribe(socket, "SELECT range AS subject FROM range(2501)", "d")
        assert "more than 2,500 rows" in complaint()
        send(socket, type="ping")
        while next_of(socket)["type"] != "pong":
            pass


def test_messages_connections_and_sessions_are_bounded(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    with joined(server) as one:
        one.send("x" * (hub.MESSAGE_LIMIT + 1))
        assert "longer than 65536" in next_of(one)["error"]["message"]["en"]
        one.send("x" * (5 * hub.MESSAGE_LIMIT))
        with pytest.raises(ConnectionClosed) as closed:
            one.recv(timeout=20)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009
    eventually(lambda: server.app.state.services.hub.connections == 0, "it is gone")
    monkeypatch.setattr(hub, "_SESSION_CHECKED", 0.05)
    with joined(server) as one, joined(server) as two, joined(server):
        with pytest.raises(InvalidStatus) as full, joined(server):
            pass
        assert full.value.response.status_code == 429
        httpx.post(f"http://{server.host}/api/logout", headers=server.headers).raise_for_status()
        for socket in (one, two):
            assert "not logged in" in next_of(socket)["error"]["message"]["en"]
            with pytest.raises(ConnectionClosed):
                socket.recv(timeout=20)


def test_the_server_stops_although_someone_watches(plant: Workspace) -> None:
    asking = Asking()
    with running(plant.path, asking) as served:
        socket = joined(served).__enter__()
        subscribe(socket, ALL)
        assert next_of(socket)["type"] == "subscribed"
        next_of(socket)
    with pytest.raises(ConnectionClosed):
        socket.recv(timeout=20)
    assert asking.open == 0
