"""``assay serve``: the pages, on this machine."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import Annotated

import typer

from assay.cli.options import AsJson, Plant
from assay.cli.output import as_text
from assay.cli.speech import say
from assay.model.errors import AssayError


def serve(
    directory: Plant,
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="option.port")] = 8080,
    host: Annotated[str, typer.Option("--host", help="option.host")] = "127.0.0.1",
    as_json: AsJson = False,
) -> None:
    """Serve until stopped."""
    run_server(directory, host, port, as_json=as_json)


def run_server(directory: Path, host: str, port: int, *, as_json: bool = False) -> None:
    """Say where the pages are, and the administrator's password when it was just made; serve until stopped.

    Raises
    ------
    AssayError
        The port is taken or not allowed.
    """
    from assay.api import ensure_administrator
    from assay.api import serve as serve_pages
    from assay.store.workspace import Workspace

    with Workspace.open(directory) as workspace:
        _check_port(host, port)
        password = ensure_administrator(workspace)
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}/"
    if password is not None:
        sys.stderr.write(say("serve.password", password=password) + "\n")
    if as_json:
        sys.stdout.write(as_text({"plant": directory, "url": url}))
        sys.stdout.flush()
    else:
        sys.stderr.write(say("serve.at", url=url) + "\n")
    serve_pages(directory, host=host, port=port)


def _check_port(host: str, port: int) -> None:
    """Fail with a sentence before the server fails with a log line."""
    try:
        with socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET):
            return
    except OSError as problem:
        raise AssayError(
            say("serve.no_port", host=host, port=port, reason=problem.strerror or problem),
            hint=say("serve.no_port_hint", port=port + 1),
        ) from problem
