"""Entries acknowledged over HTTP: a server as ``assay serve`` starts it, its sequencer, and clients that keep
their connections. The entries are signed before; signatures are verified by the sequencer."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from http.client import HTTPConnection
from pathlib import Path

import uvicorn

from assay.api import create_app, ensure_administrator
from assay.api.auth import CSRF_HEADER
from assay.api.routes.log import ENTRIES_PATH
from assay.ledger.canonical import decode, encode
from assay.ledger.entries import Signed
from assay.ledger.wire import of_entries, to_answer
from assay.ledger.writer import Ack
from assay.store.workspace import Workspace

CLIENTS = 16


def rates(folder: Path, entries: list[Signed], together: int) -> float:
    """Entries acknowledged a second, ``together`` in each request, from 16 clients at once."""
    with _served(folder) as (port, password):
        requests = [entries[at : at + together] for at in range(0, len(entries), together)]
        mine = [requests[number::CLIENTS] for number in range(CLIENTS)]
        headers = _session(port, password)
        _sent(port, headers, [entries[:1]])  # the sequencer has started then
        with ThreadPoolExecutor(CLIENTS) as pool:
            began = time.perf_counter()
            list(pool.map(partial(_sent, port, headers), mine))
            return len(entries) / (time.perf_counter() - began)


@contextmanager
def _served(folder: Path) -> Iterator[tuple[int, str]]:
    with Workspace.create(folder, name="bench", log=True) as workspace:
        password = ensure_administrator(workspace)
    server = uvicorn.Server(uvicorn.Config(create_app(folder), port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1], str(password)
    finally:
        server.should_exit = True
        thread.join()


def _session(port: int, password: str) -> dict[str, str]:
    """The headers of somebody who is logged in."""
    connection = HTTPConnection("localhost", port)
    connection.request(
        "POST", "/api/login", json.dumps({"password": password}), {"Content-Type": "application/json"}
    )
    answer = connection.getresponse()
    said = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"no login: {answer.status} {said[:200]!r}")
    cookie = (answer.headers["Set-Cookie"] or "").partition(";")[0]
    return {"Cookie": cookie, CSRF_HEADER: json.loads(said)["csrf"]}


def _sent(port: int, headers: dict[str, str], requests: list[list[Signed]]) -> None:
    connection = HTTPConnection("localhost", port)
    for one in requests:
        connection.request("POST", ENTRIES_PATH, encode(of_entries(one)), headers)
        found = decode(connection.getresponse().read())
        if not isinstance(found, list) or not all(isinstance(to_answer(each), Ack) for each in found):
            raise RuntimeError("an entry was refused over HTTP")
