"""Signed entries are logged over HTTP by whoever is logged in, once each; what is not signed is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from evidence_plant import logging_plant, state
from fastapi.testclient import TestClient

from assay.api import create_app, ensure_administrator
from assay.api.auth import CSRF_HEADER
from assay.api.routes.log import ENTRIES_PATH, LARGEST_BODY
from assay.ledger.canonical import decode, encode
from assay.ledger.commitment import commit
from assay.ledger.entries import Individual, Origin, Signed, sign
from assay.ledger.errors import LedgerError
from assay.ledger.wire import of_entries, to_answer
from assay.ledger.writer import Ack
from assay.store.workspace import Workspace

__all__ = ["state"]

KEY = Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\7")
HOST = "http://localhost"


@pytest.fixture(scope="module")
def plant(state: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with logging_plant(tmp_path_factory.mktemp("entries") / "plant") as workspace:
        yield workspace


@pytest.fixture(scope="module")
def client(plant: Workspace) -> Iterator[TestClient]:
    with TestClient(create_app(plant.path), base_url=HOST) as found:
        answer = found.post("/api/login", json={"password": ensure_administrator(plant)})
        found.headers[CSRF_HEADER] = answer.json()["csrf"]
        yield found


def made(seq: int) -> Signed:
    root, public = commit({"seq": seq}).root, KEY.public_key().public_bytes_raw()
    return sign(Individual("record", "U-1", Origin("line", 1, seq), 1, 1, root, 1, None, public), KEY)


def sent(client: TestClient, entries: list[Signed]) -> list[Ack | LedgerError]:
    answer = client.post(ENTRIES_PATH, content=encode(of_entries(entries)))
    assert answer.status_code == 200, answer.text
    found = decode(answer.content)
    assert isinstance(found, list)
    return [to_answer(one) for one in found]


def test_entries_are_logged_once_and_forged_ones_never(client: TestClient, plant: Workspace) -> None:
    one, two = made(1), made(2)
    forged = one._replace(body=made(3).body)
    first = sent(client, [one, forged, two])
    assert [getattr(each, "reason", None) for each in first] == [None, "bad_signature", None]
    again = sent(client, [one])[0]
    assert isinstance(first[0], Ack)
    assert isinstance(again, Ack)
    assert (again.index, again.leaf, again.duplicate) == (first[0].index, first[0].leaf, True)
    assert plant.evidence.entry(again.index).signed[:2] == one[:2]


def test_nobody_logs_without_a_session(plant: Workspace) -> None:
    with TestClient(create_app(plant.path), base_url=HOST) as stranger:
        assert stranger.post(ENTRIES_PATH, content=encode(of_entries([made(9)]))).status_code in {401, 403}


@pytest.mark.parametrize(
    ("content", "status"),
    [(b"", 422), (b"\xff", 422), (encode([["a", "b"]]), 422), (b"\0" * (LARGEST_BODY + 1), 413)],
)
def test_what_is_no_list_of_entries_is_refused(client: TestClient, content: bytes, status: int) -> None:
    assert client.post(ENTRIES_PATH, content=content).status_code == status
