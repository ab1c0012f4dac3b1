"""What a capture confirmed outlives the server's death, whole batches at a time, and becomes records once."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sa
from tests.epcis_documents import document

from assay.api import ensure_administrator
from assay.api.auth import CSRF_HEADER
from assay.exchange.epcis.records import bring_in
from assay.exchange.epcis.repository import Repository
from assay.store.tables import EPCIS_EVENT
from assay.store.workspace import Workspace

BATCH = 20
KILLED_AFTER = (0.5, 3.4)
"""Seconds; the later kill meets a round of records, which is made every three seconds."""


def batch(number: int) -> dict[str, Any]:
    """Units of one batch, made of one lot each: an input and an output to every event."""
    return document(
        *(
            {
                "type": "TransformationEvent",
                "eventTime": "2026-03-02T08:15:30Z",
                "eventTimeZoneOffset": "+00:00",
                "inputQuantityList": [{"epcClass": f"https://plant.example.com/lots/{number}"}],
                "outputEPCList": [f"https://plant.example.com/units/{number * BATCH + one}"],
                "ex:batch": number,
            }
            for one in range(BATCH)
        )
    )


@contextmanager
def served(plant: Path, password: str) -> Iterator[tuple[subprocess.Popen[bytes], httpx.Client]]:
    """The server as a process of its own, and somebody with a session."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = [sys.executable, "-m", "assay.cli", "serve", str(plant), "--port", str(port)]
    with (
        subprocess.Popen(words, stdout=subprocess.DEVNULL) as process,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client,
    ):
        try:
            end = time.monotonic() + 120
            while True:
                try:
                    answer = client.post("/api/login", json={"password": password})
                    break
                except httpx.TransportError:
                    assert time.monotonic() < end, "the server does not start"
                    time.sleep(0.1)
            client.headers[CSRF_HEADER] = answer.json()["csrf"]
            yield process, client
        finally:
            process.kill()


def test_what_was_confirmed_outlives_a_kill(tmp_path: Path) -> None:
    plant = tmp_path / "plant"
    with Workspace.create(plant) as workspace:
        password = str(ensure_administrator(workspace))
    confirmed: list[int] = []
    sent = 0
    for seconds in KILLED_AFTER:
        with served(plant, password) as (process, client):
            client.post("/epcis/capture", json=batch(sent)).raise_for_status()
            confirmed.append(sent)
            sent += 1
            killer = threading.Timer(seconds, process.kill)
            killer.start()
            try:
                while True:
                    number, sent = sent, sent + 1
                    if client.post("/epcis/capture", json=batch(number)).status_code == 202:
                        confirmed.append(number)
            except (httpx.TransportError, http.client.HTTPException):
                pass
            killer.join()
    with Workspace.open(plant) as workspace:
        repository = Repository(workspace)
        documents = repository.scalars(sa.select(EPCIS_EVENT.c.document))
        kept = [json.loads(text)["ex:batch"] for text in documents]
        assert set(confirmed) <= set(kept)
        assert all(kept.count(number) == BATCH for number in set(kept))
        assert len(set(kept)) - len(confirmed) <= len(KILLED_AFTER)
        positions = repository.scalars(sa.select(EPCIS_EVENT.c.position).order_by(EPCIS_EVENT.c.position))
        assert positions == list(range(1, len(kept) + 1))
        bring_in(workspace, repository)
        moved = workspace.lake.query("SELECT role, subject FROM movement").to_pylist()
    wanted = {f"https://plant.example.com/units/{n * BATCH + one}" for n in set(kept) for one in range(BATCH)}
    assert sorted(row["subject"] for row in moved if row["role"] == "produced") == sorted(wanted)
    assert sum(row["role"] == "consumed" for row in moved) == len(kept)
