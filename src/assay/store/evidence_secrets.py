"""What is kept outside the log and outside every backup: seeds of rows' salts, keys of subjects' payloads.

Destroying one of them erases what it belongs to: the log stays as it is, and nothing can be shown of it any
more. The file is SQLite beside the log's key (mode 0600), with what is deleted overwritten.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

from assay.ledger.errors import LedgerError
from assay.ledger.place import Place
from assay.ledger.salts import Salts

SECRETS = "salts.db"
KEY_SIZE = 32
_TABLES = """
create table if not exists seed (
    batch integer, first integer, salts blob not null, primary key (batch, first)
) without rowid;
create table if not exists erased_row (
    batch integer, first integer, row integer, leaf blob not null, primary key (batch, first, row)
) without rowid;
create table if not exists erased_of (
    subject text, batch integer, row integer, altered integer, primary key (subject, batch, row)
) without rowid;
create table if not exists erased_event (
    subject text, position integer, digest text, entry integer, primary key (subject, position, digest)
) without rowid;
create table if not exists person (name text primary key, id text not null unique) without rowid;
create table if not exists subject (
    subject text primary key, key blob, erased integer, pending integer not null default 0
) without rowid;
"""


class ErasedEvent(NamedTuple):
    """A captured event that was erased: its position, the digest it is known by, the entry that says so."""

    position: int
    digest: str
    entry: int


class ErasedRows(NamedTuple):
    """Rows of a tree whose salts are destroyed.

    Parameters
    ----------
    batch, first
        The tree: the entry of its batch, and which row of that is its first.
    leaves
        The leaf hashes of the rows by place; proofs of the others need them.
    altered
        Those of them that stay in the lake, with another id in the place of the subject.
    """

    batch: int
    first: int
    leaves: Mapping[int, bytes]
    altered: Collection[int] = ()


class Secrets:
    """The secrets of a plant's log.

    Parameters
    ----------
    path
        The SQLite file; made when it is missing.
    """

    def __init__(self, path: Path) -> None:
        self._lock = Lock()
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
        self._database = sqlite3.connect(path, check_same_thread=False, timeout=30)
        self._database.execute("pragma journal_mode = delete")
        self._database.execute("pragma synchronous = full")
        self._database.execute("pragma secure_delete = on")
        self._database.executescript(_TABLES)
        self._widen()

    def _widen(self) -> None:
        """Give the table of subjects the columns that it had not in earlier versions."""
        known = {row[1] for row in self._database.execute("pragma table_info(subject)")}
        with self._database:
            for name, kind in (("erased", "integer"), ("pending", "integer not null default 0")):
                if name not in known:
                    self._database.execute(f"alter table subject add column {name} {kind}")

    # -- rows --------------------------------------------------------------------------------------

    def salts(self, batch: int, first: int) -> Salts | None:
        """The salts of the tree of a batch's rows from ``first`` on; None where there never were any."""
        found = self._one("select salts from seed where batch = ? and first = ?", (batch, first))
        return Salts.parse(found) if found is not None else None

    def new_salts(self, wanted: Iterable[tuple[int, int, int]]) -> dict[tuple[int, int], Salts]:
        """Salts for (batch, first, rows), durable when this returns; those that are there are given again."""
        with self._lock, self._database:
            made = {}
            for batch, first, rows in wanted:
                salts = Salts.new(rows)
                self._database.execute(
                    "insert or ignore into seed values (?, ?, ?)", (batch, first, bytes(salts))
                )
                made[batch, first] = salts
        return {key: self.salts(*key) or salts for key, salts in made.items()}

    def erased_rows(self, batch: int, first: int) -> dict[int, bytes]:
        """The leaf hashes of the rows of a tree whose salts were destroyed, by place."""
        with self._lock:
            rows = self._database.execute(
                "select row, leaf from erased_row where batch = ? and first = ?", (batch, first)
            ).fetchall()
        return dict(rows)

    def gone(self, batch: int) -> list[int]:
        """Which rows of a batch an erasure took out of the lake, counted from its first."""
        with self._lock:
            rows = self._database.execute(
                "select distinct row from erased_of join subject using (subject) "
                "where batch = ? and not altered and erased is not null and not pending order by 1",
                (batch,),
            ).fetchall()
        return [row for (row,) in rows]

    def erased_batches(self, subject: str) -> list[int]:
        """The entry of every batch of which rows were erased that named the subject."""
        with self._lock:
            rows = self._database.execute(
                "select distinct batch from erased_of where subject = ? order by 1", (subject,)
            ).fetchall()
        return [batch for (batch,) in rows]

    def pending(self) -> dict[str, int]:
        """What was erased and may still be in the lake, and when that was: microseconds since 1970."""
        with self._lock:
            return dict(
                self._database.execute("select subject, erased from subject where pending order by 1")
            )

    def erased_events(self, subject: str) -> list[ErasedEvent]:
        """The captured events that were erased for naming the subject."""
        with self._lock:
            rows = self._database.execute(
                "select position, digest, entry from erased_event where subject = ? order by 1", (subject,)
            ).fetchall()
        return [ErasedEvent(*row) for row in rows]

    def done(self, subject: str) -> None:
        """What was erased of a subject is in lake and registry no longer; nor need its random id be known."""
        with self._lock, self._database:
            self._database.execute("update subject set pending = 0 where subject = ?", (subject,))
            self._database.execute("delete from person where ? in (name, id)", (subject,))

    def again(self, since: int) -> None:
        """Make pending what was erased at or after a moment."""
        with self._lock, self._database:
            self._database.execute("update subject set pending = 1 where erased >= ?", (since,))

    # -- payloads ----------------------------------------------------------------------------------

    def key_of(self, subject: str) -> bytes | None:
        """The key of a subject's payloads; None where it has none, or it was destroyed."""
        found: bytes | None = self._one("select key from subject where subject = ?", (subject,))
        return found

    def new_key(self, subject: str) -> bytes:
        """The key of a subject's payloads, durable when this returns; made where there is none.

        A subject whose key was destroyed gets a new one: what was erased stays so.
        """
        if (known := self.key_of(subject)) is not None:
            return known
        self.new_keys([subject])
        return self.key_of(subject) or b""

    def new_keys(self, subjects: Iterable[str]) -> None:
        """Have a key for each subject, like :meth:`new_key`, all made durable at once."""
        wanted = [(one, os.urandom(KEY_SIZE)) for one in subjects if self.key_of(one) is None]
        if not wanted:
            return
        with self._lock, self._database:
            self._database.executemany(
                "insert into subject (subject, key) values (?, ?) "
                "on conflict (subject) do update set key = excluded.key where subject.key is null",
                wanted,
            )

    def erase_subject(
        self,
        subject: str,
        moment: int,
        events: Iterable[ErasedEvent] = (),
        *,
        known_as: str | None = None,
        rows: Iterable[ErasedRows] = (),
    ) -> None:
        """Destroy the key of a subject's payloads and the salts of rows, all of it or nothing.

        Parameters
        ----------
        subject
            Whom or what records name; pending until :meth:`done`.
        moment
            That it was erased then (microseconds since 1970) is known from now on.
        events
            The captured events that name it.
        known_as
            What the log calls it, where that is something else: the key of this is destroyed too.
        rows
            The rows that named it.
        """
        with self._lock, self._database:
            self._database.executemany(
                "insert or replace into erased_event values (?, ?, ?, ?)",
                [(subject, *one) for one in events],
            )
            for one in rows:
                self._erase_rows(subject, one)
            self._database.execute(
                "insert into subject (subject, erased, pending) values (?, ?, 1) "
                "on conflict (subject) do update set key = null, erased = excluded.erased, pending = 1",
                (subject, moment),
            )
            self._database.execute("update subject set key = null where subject = ?", (known_as,))

    def _erase_rows(self, subject: str, gone: ErasedRows) -> None:
        """Destroy the salts of rows, within the transaction that says for whom."""
        batch, first, leaves, altered = gone
        where = "where batch = ? and first = ?", (batch, first)
        found = self._database.execute(f"select salts from seed {where[0]}", where[1]).fetchone()
        if found is None:
            return
        self._database.executemany(
            "insert or ignore into erased_row values (?, ?, ?, ?)",
            [(batch, first, row, leaf) for row, leaf in leaves.items()],
        )
        self._database.executemany(
            "insert or replace into erased_of values (?, ?, ?, ?)",
            [(subject, batch, first + row, row in altered) for row in leaves],
        )
        left = bytes(Salts.parse(found[0]).without(leaves))
        self._database.execute(f"update seed set salts = ? {where[0]}", (left, *where[1]))

    def erased(self, subject: str) -> bool:
        """Whether the subject had a key that was destroyed, and has no other."""
        with self._lock:
            found = self._database.execute(
                "select key is null from subject where subject = ?", (subject,)
            ).fetchone()
        return bool(found and found[0])

    def erased_at(self, subject: str) -> int | None:
        """When the subject was erased last, microseconds since 1970; None where it never was."""
        found: int | None = self._one("select erased from subject where subject = ?", (subject,))
        return found

    # -- people ------------------------------------------------------------------------------------

    def new_ids(self, names: Iterable[str], make: Callable[[], str]) -> dict[str, str]:
        """The id of each person, durable when this returns; ``make`` gives one to who has none."""
        wanted = list(dict.fromkeys(names))
        with self._lock, self._database:
            self._database.executemany(
                "insert or ignore into person values (?, ?)", [(name, make()) for name in wanted]
            )
            known = dict(self._database.execute("select name, id from person"))
        return {name: known[name] for name in wanted}

    def people(self) -> dict[str, str]:
        """The id of everybody, by the name."""
        with self._lock:
            return dict(self._database.execute("select name, id from person order by name"))

    def changes(self) -> int:
        """A number that is another after somebody else wrote to the file."""
        with self._lock:
            return int(self._database.execute("pragma data_version").fetchone()[0])

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._database.close()

    def _one(self, statement: str, values: tuple[object, ...]) -> Any:
        with self._lock:
            found = self._database.execute(statement, values).fetchone()
        return found[0] if found else None


def secrets_of(plant: Path) -> Secrets | None:
    """The secrets of a plant; None where it has no log, or they are not on this machine. Close them."""
    try:
        file = Place.of(plant).outside / SECRETS
    except LedgerError:
        return None
    return Secrets(file) if file.exists() else None
