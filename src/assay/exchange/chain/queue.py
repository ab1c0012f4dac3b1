"""Heads to anchor, kept in SQLite: each once, with every transaction that was ever signed for it."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from assay.exchange.chain.errors import ChainError
from assay.exchange.chain.heads import Head
from assay.exchange.chain.link import Signed


class AnchorState(StrEnum):
    """How far a head is."""

    WAITING = "waiting"
    """Queued; nothing was signed for it, or the chain can't be reached or is too dear."""
    SENT = "sent"
    """A transaction is on its way, or mined and not final yet."""
    FINAL = "final"
    """Final by the chain's own rule, and read back through the second endpoint."""
    SUPERSEDED = "superseded"
    """A larger head was anchored first; this one is in it."""
    CONFLICT = "conflict"
    """The chain has another root for this size: somebody has to look."""
    REFUSED = "refused"
    """The contract does not take it, such as for a signature."""


OPEN = (AnchorState.WAITING, AnchorState.SENT)


@dataclass(frozen=True)
class Queued:
    """One head of the queue."""

    head: Head
    packed: bytes
    """The quorum's signatures, as the contract takes them."""
    state: AnchorState
    note: str
    """Why it is where it is; empty when there is nothing to say."""
    queued_at: float
    changed_at: float

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "log_id": "0x" + self.head.log_id.hex(),
            "size": self.head.size,
            "root": "0x" + self.head.root.hex(),
            "state": self.state.value,
            "note": self.note,
            "queued_at": self.queued_at,
            "changed_at": self.changed_at,
        }


class AnchorQueue:
    """The queue in a file. A head is in it once: to put it there again changes nothing.

    Parameters
    ----------
    path
        The SQLite file; made when it is missing.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._base = sqlite3.connect(path, isolation_level=None, timeout=30)
        self._base.execute("PRAGMA journal_mode = WAL")
        self._base.execute("PRAGMA synchronous = FULL")
        self._base.executescript(
            """
            CREATE TABLE IF NOT EXISTS heads (
                log BLOB, size INTEGER, root BLOB NOT NULL, packed BLOB NOT NULL, state TEXT NOT NULL,
                note TEXT NOT NULL, queued_at REAL NOT NULL, changed_at REAL NOT NULL, PRIMARY KEY (log,
                size));
            CREATE TABLE IF NOT EXISTS sends (
                log BLOB, size INTEGER, hash TEXT PRIMARY KEY, nonce INTEGER NOT NULL, price TEXT NOT NULL,
                raw BLOB NOT NULL, signed_at REAL NOT NULL, dropped INTEGER NOT NULL DEFAULT 0);
            """
        )

    def close(self) -> None:
        """Let go of the file."""
        self._base.close()

    def put(self, head: Head, packed: bytes) -> bool:
        """Queue a head; False when it is there already. ``head_conflict`` for another root of its size."""
        now = time.time()
        values = (head.log_id, head.size, head.root, packed, AnchorState.WAITING, "", now, now)
        with closing(self._base.cursor()) as cursor:
            cursor.execute("INSERT OR IGNORE INTO heads VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
            if cursor.rowcount:
                return True
            (root,) = cursor.execute(
                "SELECT root FROM heads WHERE log = ? AND size = ?", (head.log_id, head.size)
            ).fetchone()
        if root != head.root:
            raise ChainError.of(
                "head_conflict", size=head.size, root=head.root.hex(), other=root.hex(), where="queued"
            )
        return False

    def heads(self, *, open_only: bool = False) -> list[Queued]:
        """Every head, or those that wait for something, the largest of a log first."""
        rows = self._base.execute(
            "SELECT log, size, root, packed, state, note, queued_at, changed_at FROM heads"
            " ORDER BY log, size DESC"
        ).fetchall()
        found = [Queued(Head(*row[:3]), row[3], AnchorState(row[4]), *row[5:]) for row in rows]
        return [one for one in found if one.state in OPEN] if open_only else found

    def mark(self, head: Head, state: AnchorState, note: str = "") -> None:
        """Move a head on."""
        self._base.execute(
            "UPDATE heads SET state = ?, note = ?, changed_at = ? WHERE log = ? AND size = ?"
            " AND (state != ? OR note != ?)",
            (state, note, time.time(), head.log_id, head.size, state, note),
        )

    def record(self, head: Head, signed: Signed) -> None:
        """Keep a signed transaction, before it is sent: after a crash the same one is sent again."""
        self._base.execute(
            "INSERT OR IGNORE INTO sends (log, size, hash, nonce, price, raw, signed_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                head.log_id,
                head.size,
                signed.hash,
                signed.nonce,
                str(signed.gas_price),
                signed.raw,
                time.time(),
            ),
        )

    def sends(self, head: Head) -> list[tuple[Signed, float]]:
        """The transactions that may still be mined for a head, the newest first, and when each was signed."""
        rows = self._base.execute(
            "SELECT hash, nonce, price, raw, signed_at FROM sends WHERE log = ? AND size = ? AND NOT dropped"
            " ORDER BY signed_at DESC, rowid DESC",
            (head.log_id, head.size),
        ).fetchall()
        return [(Signed(row[0], row[1], int(row[2]), row[3]), row[4]) for row in rows]

    def drop(self, head: Head) -> None:
        """The transactions of a head can't be mined any more."""
        self._base.execute(
            "UPDATE sends SET dropped = 1 WHERE log = ? AND size = ?", (head.log_id, head.size)
        )
