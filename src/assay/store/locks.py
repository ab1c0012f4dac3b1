"""Locks between processes on one plant; the system lets them go when a process dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from assay.model.errors import StoreError


class PlantBusy(StoreError, BlockingIOError):
    """Another process holds the lock."""


@contextmanager
def locked(path: Path, *, shared: bool = False, wait: bool = True) -> Iterator[None]:
    """Hold an advisory lock on ``path`` (made when missing).

    Raises
    ------
    PlantBusy
        ``wait`` is false and another process holds the lock.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        mode = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        try:
            fcntl.flock(handle, mode if wait else mode | fcntl.LOCK_NB)
        except BlockingIOError:
            raise PlantBusy(
                f"another process is at work on the plant (lock {path.name})",
                hint="Wait until it is done, or end it, then try again.",
            ) from None
        yield
    finally:
        os.close(handle)
