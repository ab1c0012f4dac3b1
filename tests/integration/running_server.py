"""The API behind a real server in this process: sockets that can be slow, cut and counted."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from assay.api import ApiSettings, create_app, ensure_administrator, reset_administrator
from assay.api.app import SERVER
from assay.api.auth import COOKIE, CSRF_HEADER
from assay.query.services import Prepare
from assay.store.workspace import Workspace


@dataclass(frozen=True)
class Running:
    """A server at work, and a session of its administrator."""

    host: str
    app: Any
    cookie: str
    csrf: str

    @property
    def headers(self) -> dict[str, str]:
        """What a client with a session sends."""
        return {"Cookie": f"{COOKIE}={self.cookie}", CSRF_HEADER: self.csrf}

    def client(self) -> httpx.Client:
        """A client with a session."""
        return httpx.Client(base_url=f"http://{self.host}", headers=self.headers, timeout=30)


@contextmanager
def running(plant: Path, ask: Prepare | None = None, **settings: Any) -> Iterator[Running]:
    """Serve a plant on a free port until the block ends."""
    with Workspace.open(plant) as workspace:
        password = ensure_administrator(workspace) or reset_administrator(workspace)
    app = create_app(plant, settings=ApiSettings(watch_interval=0.05, **settings))
    if ask is not None:
        app.state.services.desk.ask = app.state.services.hub.ask = ask
    with socket.create_server(("127.0.0.1", 0)) as listening:
        host = f"127.0.0.1:{listening.getsockname()[1]}"
        server = uvicorn.Server(uvicorn.Config(app, **SERVER))
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listening])))
        thread.start()
        try:
            answer = httpx.post(f"http://{host}/api/login", json={"password": password}, timeout=30)
            answer.raise_for_status()
            yield Running(host, app, answer.cookies[COOKIE], answer.json()["csrf"])
        finally:
            server.should_exit = True
            thread.join(30)
            assert not thread.is_alive(), "the server does not stop"
