"""Where an engine sets aside what does not fit its memory: a directory of its own for each connection.

DuckDB names its temporary files alike in every connection, so that two that share a directory read each
other's pages. It makes the directory when it first needs it, and removes it when the connection closes; what
a killed process left is removed by the next one.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import uuid
from pathlib import Path


def scratch(spool: Path) -> Path:
    """A directory below ``spool`` that no other connection has; it is not made yet.

    Where nothing can be written, that is said when something has to be set aside.
    """
    place = spool / "scratch"
    with contextlib.suppress(OSError):
        place.mkdir(parents=True, exist_ok=True)
        _sweep(place)
    return place / f"{_host()}.{os.getpid()}.{uuid.uuid4().hex[:12]}"


def _sweep(place: Path) -> None:
    """Remove what processes of this machine left that are gone."""
    for left in place.iterdir():
        host, _, rest = left.name.rpartition(".")[0].rpartition(".")
        if host == _host() and rest.isdigit() and not _runs(int(rest)):
            shutil.rmtree(left, ignore_errors=True)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # somebody else's
    return True


def _host() -> str:
    return socket.gethostname().replace(os.sep, "_") or "here"
