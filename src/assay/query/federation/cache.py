"""Rows that were fetched a moment ago, kept in bounded memory."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

import pyarrow as pa

MOST_BYTES = 256 << 20

State = tuple[int, int]
"""What tells one state of a table from another: its rows, and the sum of a hash of the column of changes."""


@dataclass(frozen=True)
class Kept:
    """A result, when it was known to hold (on the clock of :func:`time.monotonic`), and of which state."""

    source: str
    table: pa.Table
    fetched: float
    state: State | None = None

    @property
    def age(self) -> float:
        """Seconds since it was known to hold."""
        return time.monotonic() - self.fetched


class Cache:
    """The results used last, by key, up to a number of bytes. Safe to use from several threads.

    Parameters
    ----------
    most_bytes
        Most memory of all results together; one that is larger alone is not kept.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self.most_bytes = most_bytes
        self._kept: OrderedDict[str, Kept] = OrderedDict()
        self._bytes = 0
        self._round = 0
        self._lock = threading.Lock()

    @property
    def bytes(self) -> int:
        """Memory of the results that are kept."""
        return self._bytes

    @property
    def round(self) -> int:
        """Changes each time something is forgotten: what was asked for before that is not kept after it."""
        return self._round

    def find(self, key: str, fresh_for: float) -> Kept | None:
        """A result not older than ``fresh_for`` seconds, or one whose state can be compared."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is None:
                return None
            if kept.age >= fresh_for and kept.state is None:
                self._drop(key)
                return None
            self._kept.move_to_end(key)
            return kept

    def keep(self, key: str, kept: Kept, round_: int) -> None:
        """Keep a result that was asked for in a round; those not used for longest make room."""
        if kept.table.nbytes > self.most_bytes:
            return
        with self._lock:
            if round_ != self._round:
                return
            self._drop(key)
            self._kept[key] = kept
            self._bytes += kept.table.nbytes
            while self._bytes > self.most_bytes:
                self._drop(next(iter(self._kept)))

    def forget(self, source: str | None = None) -> None:
        """Forget the results of a source, or all."""
        with self._lock:
            self._round += 1
            for key in [key for key, kept in self._kept.items() if source in {None, kept.source}]:
                self._drop(key)

    def _drop(self, key: str) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self._bytes -= kept.table.nbytes


def digest(keys: pa.Array | None) -> str:
    """A digest of keys in order; of none, an empty text."""
    if keys is None:
        return ""
    found = hashlib.blake2b(digest_size=16)
    sink = pa.BufferOutputStream()
    batch = pa.record_batch([keys], names=["key"])
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    found.update(sink.getvalue())
    return found.hexdigest()
