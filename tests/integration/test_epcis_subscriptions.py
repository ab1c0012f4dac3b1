"""Subscriptions to EPCIS queries: nothing comes twice, nothing is left out, whoever dies."""

from __future__ import annotations

import hashlib
import hmac
import json
import random
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from tests.epcis_documents import document, event
from tests.integration.forking import Server
from tests.integration.running_server import running
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from assay.exchange.epcis import ExchangeError, validate
from assay.exchange.epcis.repository import Repository
from assay.exchange.epcis.schedule import parse_schedule
from assay.exchange.epcis.standing import StandingQueries
from assay.store.tables import EPCIS_EVENT
from assay.store.workspace import Workspace

HERE = Path(__file__).parent


class Receiver:
    """A partner's callback address; ``refuse`` says how many documents it does not confirm."""

    def __init__(self) -> None:
        self.documents: list[tuple[dict[str, Any], bytes, str | None]] = []
        self.refuse = 0
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                if receiver.refuse > 0:
                    receiver.refuse -= 1
                    self.send_response(503)
                else:
                    receiver.documents.append(
                        (json.loads(content), content, self.headers.get("GS1-Signature"))
                    )
                    self.send_response(204)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}/epcis"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def numbers(self) -> list[int]:
        """The numbers of the events that arrived; a document that came again counts once."""
        seen: dict[str, dict[str, Any]] = {}
        for one, _, _ in self.documents:
            before = seen.setdefault(one["id"], one)
            assert events_of(before) == events_of(one), "one id, one document"
        return [int(each["ex:number"]) for one in seen.values() for each in events_of(one)]


def events_of(told: dict[str, Any]) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = told["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
    return listed


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def numbered(*numbers: int, step: str = "packing") -> dict[str, Any]:
    left_out = dict.fromkeys(("eventID", "errorDeclaration", "sensorElementList", "ilmd"))
    plain = {**left_out, "action": "OBSERVE", "bizStep": step}
    return document(*(event("object", **plain, **{"ex:number": one}) for one in numbers))


def until(true: Any, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.02)


def test_a_stream_brings_every_matching_event_once(tmp_path: Path, receiver: Receiver) -> None:
    Workspace.create(tmp_path / "plant").close()
    with running(tmp_path / "plant") as served, served.client() as client:
        client.post("/epcis/capture", json=numbered(1))
        client.post("/epcis/queries", json={"name": "packed", "query": {"EQ_bizStep": "packing"}})
        order = {"dest": receiver.address, "signatureToken": "secret", "stream": True}
        made = client.post("/epcis/queries/packed/subscriptions", json=order)
        assert made.status_code == 201, made.text
        assert "secret" not in made.text
        receiver.refuse = 1

        def capture(start: int) -> None:
            with served.client() as one:
                for number in range(start, start + 40, 4):
                    sent = numbered(number, number + 1)
                    other = numbered(number + 2, number + 3, step="shipping")
                    assert one.post("/epcis/capture", json=sent).is_success
                    assert one.post("/epcis/capture", json=other).is_success

        writers = [threading.Thread(target=capture, args=(start,)) for start in (100, 200, 300)]
        for one in writers:
            one.start()
        for one in writers:
            one.join()
        wanted = {n for start in (100, 200, 300) for n in range(start, start + 40) if n % 4 < 2}
        until(lambda: len(receiver.numbers()) >= len(wanted))
        time.sleep(0.3)
        assert sorted(receiver.numbers()) == sorted(wanted)
        told, content, signed = receiver.documents[0]
        assert validate(told).valid
        assert told["epcisBody"]["queryResults"]["subscriptionID"] == made.json()["subscriptionID"]
        assert signed == "sha256=" + hmac.new(b"secret", content, hashlib.sha256).hexdigest()
        shown = client.get(made.headers["Location"]).json()
        assert shown["lastNotifiedAt"]
        assert client.get("/epcis/queries/packed/subscriptions").json() == [shown]
        assert client.delete(made.headers["Location"]).status_code == 204
        assert client.get(made.headers["Location"]).status_code == 404
        client.post("/epcis/capture", json=numbered(999))
        time.sleep(0.3)
        assert 999 not in receiver.numbers()


def test_killed_couriers_and_writers_neither_repeat_nor_skip(tmp_path: Path, receiver: Receiver) -> None:
    plant = tmp_path / "plant"
    dice = random.Random(7)
    with Workspace.create(plant) as workspace:
        repository = Repository(workspace)
        standing = StandingQueries(workspace, repository)
        standing.create("all", {"EQ_bizStep": ["packing"]})
        standing.subscribe("all", {"dest": receiver.address, "stream": True})
        program = HERE / "delivering.py"
        with closing(Server(program)) as writers, closing(Server(program)) as couriers:

            def capture() -> None:
                kills = 0
                while kills < 6 or repository.last_position() < 20:
                    writers.do("capture", plant, kill_after=dice.uniform(0.1, 0.5))
                    kills += 1

            writing = threading.Thread(target=capture)
            writing.start()
            while writing.is_alive():
                couriers.do("deliver", plant, kill_after=dice.uniform(0.1, 0.4))
            writing.join()
            wanted = [
                one.event["ex:number"]
                for one in repository.events(sa.select(EPCIS_EVENT).order_by("position"))
            ]
            while len(receiver.numbers()) < len(wanted):
                couriers.do("deliver", plant, kill_after=0.5)
    assert receiver.numbers() == wanted
    assert wanted == list(range(len(wanted)))


def test_a_subscription_may_begin_in_the_past_and_come_by_schedule(
    tmp_path: Path, receiver: Receiver
) -> None:
    Workspace.create(tmp_path / "plant").close()
    with running(tmp_path / "plant") as served, served.client() as client:
        client.post("/epcis/capture", json=numbered(1, 2))
        client.post("/epcis/queries", json={"name": "packed", "query": {"EQ_bizStep": "packing"}})
        order = {
            "dest": receiver.address,
            "schedule": {"second": "[0-59]"},
            "initialRecordTime": "2020-01-01T00:00:00Z",
            "reportIfEmpty": True,
        }
        assert client.post("/epcis/queries/packed/subscriptions", json=order).status_code == 201
        until(lambda: len(receiver.documents) >= 2)
        assert [len(events_of(one)) for one, _, _ in receiver.documents[:2]] == [2, 0]


@pytest.mark.parametrize(
    "order",
    [
        {},
        {"dest": "http://127.0.0.1:1/x"},
        {"dest": "http://127.0.0.1:1/x", "stream": False},
        {"dest": "http://127.0.0.1:1/x", "stream": True, "schedule": {"hour": "1"}},
        {"dest": "file:///etc/passwd", "stream": True},
        {"dest": "https:///nowhere", "stream": True},
        {"dest": 5, "stream": True},
        {"dest": "http://127.0.0.1:1/x", "schedule": {}},
        {"dest": "http://127.0.0.1:1/x", "schedule": {"hour": "24"}},
        {"dest": "http://127.0.0.1:1/x", "schedule": {"year": "2026"}},
        {"dest": "http://127.0.0.1:1/x", "schedule": "hourly"},
        {"dest": "http://127.0.0.1:1/x", "stream": True, "initialRecordTime": "then"},
        {"dest": "http://127.0.0.1:1/x", "stream": True, "reportIfEmpty": "yes"},
        {"dest": "http://127.0.0.1:1/x", "stream": True, "signatureToken": ""},
        {"dest": "http://127.0.0.1:1/x", "stream": True, "colour": "red"},
    ],
    ids=str,
)
def test_a_subscription_that_can_t_be_followed_is_refused(
    standing: StandingQueries, order: dict[str, Any]
) -> None:
    with pytest.raises(ExchangeError) as refused:
        standing.subscribe("all", order)
    assert refused.value.kind == "SubscriptionControlsException"


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandingQueries]:
    with Workspace.create(tmp_path_factory.mktemp("standing") / "plant") as workspace:
        made = StandingQueries(workspace, Repository(workspace))
        made.create("all", {})
        made.create("first", {"eventCountLimit": ["5"]})
        yield made


def test_a_query_with_an_order_or_a_limit_can_t_stand(standing: StandingQueries) -> None:
    with pytest.raises(ExchangeError, match="eventCountLimit"):
        standing.subscribe("first", {"dest": "http://127.0.0.1:1/x", "stream": True})
    with pytest.raises(ExchangeError, match="no query"):
        standing.subscribe("none", {"dest": "http://127.0.0.1:1/x", "stream": True})


def test_a_web_socket_goes_on_where_it_was_cut(tmp_path: Path) -> None:
    Workspace.create(tmp_path / "plant").close()
    with running(tmp_path / "plant") as served, served.client() as client:
        client.post("/epcis/queries", json={"name": "packed", "query": {"EQ_bizStep": "packing"}})
        address = f"ws://{served.host}/epcis/queries/packed/events"
        headers = {"Cookie": served.headers["Cookie"]}
        got: list[int] = []
        with connect(f"{address}?stream=true", additional_headers=headers) as socket:
            client.post("/epcis/capture", json=numbered(1, 2))
            told = json.loads(socket.recv(timeout=20))
            got += [one["ex:number"] for one in events_of(told)]
        client.post("/epcis/capture", json=numbered(3))
        assert validate(told).valid
        cursor = told["epcisBody"]["queryResults"]["urn:x-assay:cursor"]
        with connect(f"{address}?stream=true&cursor={cursor}", additional_headers=headers) as socket:
            client.post("/epcis/capture", json=numbered(4))
            while len(got) < 4:
                got += [one["ex:number"] for one in events_of(json.loads(socket.recv(timeout=20)))]
        assert got == [1, 2, 3, 4]
        with connect(f"{address}?second=[0-59]&reportIfEmpty=true", additional_headers=headers) as socket:
            assert events_of(json.loads(socket.recv(timeout=20))) == []
        for wrong, status in (
            ("", 400),
            ("?stream=true&hour=1", 400),
            ("?hour=25", 400),
            ("?stream=true&cursor=x", 400),
        ):
            with (
                pytest.raises(InvalidStatus) as refused,
                connect(address + wrong, additional_headers=headers),
            ):
                pass
            assert refused.value.response.status_code == status
        with pytest.raises(InvalidStatus) as refused, connect(f"{address}?stream=true"):
            pass
        assert refused.value.response.status_code == 401


@pytest.mark.parametrize(
    ("fields", "after", "due"),
    [
        ({"hour": "1", "minute": "5"}, "2026-03-02T12:00:00Z", "2026-03-03T00:05:00Z"),
        ({"minute": "0"}, "2026-03-02T12:00:00Z", "2026-03-02T13:00:00Z"),
        ({"second": "[10-12]"}, "2026-03-02T12:00:11Z", "2026-03-02T12:00:12Z"),
        ({"dayOfWeek": "1,3", "hour": "8"}, "2026-03-02T12:00:00Z", "2026-03-04T07:00:00Z"),
        ({"dayOfMonth": "29", "month": "2"}, "2026-03-02T12:00:00Z", "2028-02-28T23:00:00Z"),
        ({"dayOfMonth": "31", "month": "2"}, "2026-03-02T12:00:00Z", None),
    ],
    ids=str,
)
def test_schedules(fields: dict[str, str], after: str, due: str | None) -> None:
    found = parse_schedule(fields).next_after(datetime.fromisoformat(after).astimezone(UTC), "Europe/Berlin")
    assert found == (None if due is None else datetime.fromisoformat(due))
