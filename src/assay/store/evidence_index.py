"""Which entry of the log holds which rows, how far each table is logged; made again when it is lost."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from assay.ledger.entries import Batch, Body, Entry, Individual, Rows, parse_body
from assay.ledger.place import Place
from assay.ledger.segment import Record, read_segments

INDEX = "evidence-index.db"
_TABLES = """
create table if not exists cursor (name text primary key, version integer not null, mark text not null)
without rowid;
create table if not exists batch (
    entry integer primary key, name text not null, source text not null, first integer not null,
    last integer not null, rows integer not null, from_date text, to_date text,
    trees integer not null default 0, differs integer not null default 0
);
create index if not exists batch_rows on batch (source, first);
create index if not exists batch_open on batch (entry) where trees < rows and differs = 0;
create table if not exists tree (
    batch integer, first integer, rows integer not null, entry integer not null, fields text not null,
    primary key (batch, first)
) without rowid;
create table if not exists individual (
    entry integer primary key, kind text not null, subject text not null, source text not null,
    epoch integer not null, seq integer not null
);
create index if not exists individual_origin on individual (source, epoch, seq);
create index if not exists individual_subject on individual (subject);
create table if not exists refused (
    entry integer primary key, source text not null, last integer not null
);
create index if not exists refused_source on refused (source);
create table if not exists made (one integer primary key check (one = 1), entries integer not null);
"""


@dataclass(frozen=True, slots=True)
class LoggedBatch:
    """A batch's entry: where it is, and of which rows of which table.

    ``source`` is that of its origin, ``dates`` the first and last partition its rows are in, where known.
    """

    entry: int
    name: str
    source: str
    first: int
    last: int
    rows: int
    dates: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class LoggedTree:
    """The entry of a tree of salted rows: ``first`` is the row of its batch it begins with."""

    batch: int
    first: int
    rows: int
    entry: int
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Lag:
    """What the notariser has still to do.

    Attributes
    ----------
    batches, rows
        Batches whose rows are not all committed to one by one yet, and how many rows that are.
    differing
        Batches whose rows in the lake are no longer those that were logged: they are left alone.
    """

    batches: int
    rows: int
    differing: int


@dataclass(frozen=True, slots=True)
class LoggedRecord:
    """An individual entry."""

    entry: int
    kind: str
    subject: str
    source: str
    epoch: int
    seq: int


class EvidenceIndex:
    """The index of one log, in a SQLite file beside its key.

    Parameters
    ----------
    place
        The log.
    """

    def __init__(self, place: Place) -> None:
        self._lock = Lock()
        self._database = _connect(place.outside / INDEX)
        if self._database.execute("select 1 from made").fetchone() is None:
            self._make(place)

    def _make(self, place: Place) -> None:
        """Know everything the log holds."""
        count = 0
        with self._database:
            for found in read_segments(place.segments):
                if not isinstance(found, Record):
                    break
                self._note(found.index, parse_body(Entry.parse(found.entry).signed.body), None)
                count = found.index + 1
            self._database.execute("insert or replace into made values (1, ?)", (count,))

    def note_refused(self, entries: Iterable[tuple[int, Body]]) -> None:
        """Know batches the gate refused: their entries are in the other log, and are not tried again."""
        with self._lock, self._database:
            self._database.executemany(
                "insert or ignore into refused values (?, ?, ?)",
                [
                    (index, body.origin.source, body.last)
                    for index, body in entries
                    if isinstance(body, Batch)
                ],
            )

    def note(self, entries: Iterable[tuple[int, Body]], dates: tuple[str, str] | None = None) -> None:
        """Know entries that were logged."""
        with self._lock, self._database:
            for index, body in entries:
                self._note(index, body, dates)

    def _note(self, index: int, body: Body, dates: tuple[str, str] | None) -> None:
        run = self._database.execute
        if isinstance(body, Batch):
            who = body.origin
            run(
                "insert or ignore into batch (entry, name, source, first, last, rows, from_date, to_date) "
                "values (?, ?, ?, ?, ?, ?, ?, ?)",
                (index, body.kind, who.source, who.seq, body.last, body.rows, *(dates or (None, None))),
            )
        elif isinstance(body, Rows):
            new = run(
                "insert or ignore into tree values (?, ?, ?, ?, ?)",
                (body.batch, body.first, body.rows, index, "\n".join(body.fields)),
            )
            if new.rowcount:
                run("update batch set trees = trees + ? where entry = ?", (body.rows, body.batch))
        elif isinstance(body, Individual):
            who = body.origin
            run(
                "insert or ignore into individual values (?, ?, ?, ?, ?, ?)",
                (index, body.kind, body.subject, who.source, who.epoch, who.seq),
            )

    # -- how far -----------------------------------------------------------------------------------

    def cursor(self, name: str) -> tuple[int, str]:
        """The version of a table up to which it is logged, and the mark of that version; -1 for none."""
        found = self._all("select version, mark from cursor where name = ?", (name,))
        return found[0] if found else (-1, "")

    def move(self, name: str, version: int, mark: str) -> None:
        """A table is logged up to ``version``."""
        with self._lock, self._database:
            self._database.execute("insert or replace into cursor values (?, ?, ?)", (name, version, mark))

    def last_of(self, source: str) -> int:
        """The greatest sequence number that is logged of an origin's source; -1 for none."""
        tables = ("batch", "refused")
        found = [self._all(f"select max(last) from {one} where source = ?", (source,)) for one in tables]
        return max((row[0][0] for row in found if row[0][0] is not None), default=-1)

    def lag(self) -> Lag:
        """What of the batches is not logged row by row yet."""
        waits = "from batch where trees < rows and differs = 0"
        batches, rows = self._all(f"select count(*), coalesce(sum(rows - trees), 0) {waits}", ())[0]
        differing = self._all("select count(*) from batch where differs", ())[0][0]
        return Lag(batches, rows, differing)

    def differs(self, batch: int) -> None:
        """The rows of a batch are no longer those that were logged."""
        with self._lock, self._database:
            self._database.execute("update batch set differs = 1 where entry = ?", (batch,))

    def look_again(self) -> None:
        """Batches that differed are to be compared again: somebody may have brought their rows back."""
        with self._lock, self._database:
            self._database.execute("update batch set differs = 0 where differs")

    # -- what is where -----------------------------------------------------------------------------

    def open_batches(self, most: int) -> list[LoggedBatch]:
        """Batches whose trees are not logged yet, or not all of them, oldest first."""
        return self._batches("where trees < rows and differs = 0 order by entry limit ?", (most,))

    def batches(self, name: str | None = None) -> list[LoggedBatch]:
        """Every batch, or those of one table, by entry."""
        return self._batches(
            "where name = ? order by entry" if name else "order by entry", (name,) if name else ()
        )

    def batch_of(self, source: str, seq: int) -> LoggedBatch | None:
        """The batch that holds a row, if there is one."""
        found = self._batches(
            "where source = ? and first <= ? and last >= ? order by first desc limit 1", (source, seq, seq)
        )
        return found[0] if found else None

    def trees(self, batch: int) -> list[LoggedTree]:
        """The trees of a batch, in order."""
        rows = self._all(
            "select batch, first, rows, entry, fields from tree where batch = ? order by first", (batch,)
        )
        return [
            LoggedTree(number, first, count, entry, tuple(names.split("\n")) if names else ())
            for number, first, count, entry, names in rows
        ]

    def records(
        self, *, subject: str | None = None, origin: tuple[str, int, int] | None = None
    ) -> list[LoggedRecord]:
        """Individual entries about a subject, or of an origin, by entry."""
        where = "subject = ?" if origin is None else "source = ? and epoch = ? and seq = ?"
        values: Sequence[object] = (subject,) if origin is None else origin
        rows = self._all(f"select * from individual where {where} order by entry", tuple(values))
        return [LoggedRecord(*row) for row in rows]

    def count_of(self, source: str) -> int:
        """How many individual entries have this source."""
        found: int = self._all("select count(*) from individual where source = ?", (source,))[0][0]
        return found

    def last_record_of(self, source: str) -> LoggedRecord | None:
        """The last individual entry of this source."""
        rows = self._all("select * from individual where source = ? order by entry desc limit 1", (source,))
        return LoggedRecord(*rows[0]) if rows else None

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._database.close()

    def _batches(self, where: str, values: tuple[object, ...]) -> list[LoggedBatch]:
        rows = self._all(
            f"select entry, name, source, first, last, rows, from_date, to_date from batch {where}",
            values,
        )
        return [
            LoggedBatch(entry, name, source, first, last, count, (start, end) if start else None)
            for entry, name, source, first, last, count, start, end in rows
        ]

    def _all(self, statement: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._database.execute(statement, values).fetchall()


def _connect(path: Path) -> sqlite3.Connection:
    for attempt in range(2):
        database = sqlite3.connect(path, check_same_thread=False, timeout=30)
        try:
            database.execute("pragma journal_mode = wal")
            database.execute("pragma synchronous = normal")
            database.executescript(_TABLES)
        except sqlite3.DatabaseError:
            database.close()
            if attempt:
                raise
            path.unlink()
            continue
        return database
    raise AssertionError("unreachable")
