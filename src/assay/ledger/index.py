"""Where the entry of a (source, epoch, seq) is, and the last one of a subject; rebuilt from the entries."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from threading import Lock

from assay.ledger.entries import Body, Entry, Individual, Origin, Statement, parse_body
from assay.ledger.errors import LogError

INDEX = "index.db"
_TABLES = """
create table if not exists origins (
    source text, epoch integer, seq integer, entry integer not null, primary key (source, epoch, seq)
) without rowid;
create table if not exists subjects (subject text primary key, entry integer not null) without rowid;
create table if not exists size (one integer primary key check (one = 1), entries integer not null);
"""
_LAST = {
    width: f"select subject, entry from subjects where subject in ({', '.join('?' * width)})"
    for width in (1, 16, 256)
}
"""Questions by how many subjects they ask for: a few texts, so that SQLite keeps them prepared."""

_CACHE_KIB = 32 * 1024


class Index:
    """The index of a log, on the disk up to :attr:`stored` entries and in memory beyond.

    Parameters
    ----------
    path
        The SQLite file; made anew when it can't be read.
    """

    def __init__(self, path: Path) -> None:
        self._lock = Lock()
        self._database = _connect(path)
        found = self._database.execute("select entries from size").fetchone()
        self.stored: int = found[0] if found else 0
        self._origins: dict[Origin, int] = {}
        self._subjects: dict[str, int] = {}
        self._last: dict[tuple[str, int], int] = {}

    def find(self, origin: Origin) -> int | None:
        """Index of the entry with this origin, None where there is none."""
        session = origin[:2]
        if session not in self._last:
            with self._lock:
                found = self._database.execute(
                    "select max(seq) from origins where source = ? and epoch = ?", session
                ).fetchone()
            self._last[session] = -1 if found[0] is None else found[0]
        if origin.seq > self._last[session]:
            return None
        if (index := self._origins.get(origin)) is not None:
            return index
        with self._lock:
            found = self._database.execute(
                "select entry from origins where source = ? and epoch = ? and seq = ?",
                (*session, origin.seq),
            ).fetchone()
        return found[0] if found else None

    def last_of(self, subject: str) -> int | None:
        """Index of the subject's last entry, None where there is none."""
        return self.last_of_each([subject]).get(subject)

    def last_of_each(self, subjects: Collection[str]) -> dict[str, int]:
        """Index of the last entry of each of ``subjects`` that has one, asked at once."""
        known = self._subjects
        found = {one: known[one] for one in subjects if one in known}
        if left := [one for one in subjects if one not in found]:
            with self._lock:
                for at in range(0, len(left), max(_LAST)):
                    some = left[at : at + max(_LAST)]
                    width = min(one for one in _LAST if one >= len(some))
                    asked = some + some[:1] * (width - len(some))
                    found.update(self._database.execute(_LAST[width], asked))
        return found

    def add(self, first: int, bodies: Iterable[Body]) -> None:
        """Know the entries from ``first`` on."""
        origins, subjects, last = self._origins, self._subjects, self._last
        for index, body in enumerate(bodies, first):
            origin = body.origin
            origins[origin] = index
            session = origin[:2]
            if last.get(session, -1) < origin.seq:
                last[session] = origin.seq
            if isinstance(body, Individual | Statement):
                subjects[body.subject] = index

    def store(self, size: int) -> None:
        """Put what is known of the first ``size`` entries on the disk, if it has room, and forget it here."""
        origins = [(one, at) for one, at in list(self._origins.items()) if at < size]
        subjects = [(one, at) for one, at in list(self._subjects.items()) if at < size]
        try:
            with self._lock, self._database:
                self._database.executemany(
                    "insert or replace into origins values (?, ?, ?, ?)",
                    [(*one, at) for one, at in sorted(origins)],
                )
                self._database.executemany("insert or replace into subjects values (?, ?)", sorted(subjects))
                self._database.execute("insert or replace into size values (1, ?)", (size,))
        except sqlite3.OperationalError:
            return  # the disk is full: what is known stays here, and goes there another time
        for one, _ in origins:
            self._origins.pop(one, None)
        for subject, at in subjects:
            if self._subjects.get(subject) == at:
                del self._subjects[subject]
        self.stored = size

    def catch_up(self, first: int, entries: Sequence[bytes]) -> None:
        """Know entries that were logged while the index was away, and keep them."""
        self.add(first, [parse_body(Entry.parse(entry).signed.body) for entry in entries])
        self.store(first + len(entries))

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._database.close()


def last_entry_of(path: Path, subject: str) -> int | None:
    """Index of the subject's last entry by an index on the disk, None where it knows none.

    Raises
    ------
    LogError
        The file is not an index.
    """
    if not path.exists():
        return None
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            found = database.execute("select entry from subjects where subject = ?", (subject,)).fetchone()
    except sqlite3.DatabaseError as problem:
        raise LogError.of("bad_index", path=path, why=problem) from None
    return found[0] if found else None


def _connect(path: Path) -> sqlite3.Connection:
    """The database; a journal beside a file that is gone would be read into the new one, so it goes too.

    In WAL mode a process may be killed, or the power fail, at any moment: the index is then as it was after
    an earlier :meth:`Index.store`, and catches up.
    """
    if not path.exists():
        _drop(path)
    for _ in range(2):
        database = sqlite3.connect(path, check_same_thread=False)
        try:
            database.execute("pragma journal_mode = wal")
            database.execute("pragma synchronous = normal")
            database.execute(f"pragma cache_size = -{_CACHE_KIB}")
            database.executescript(_TABLES)
        except sqlite3.DatabaseError:
            database.close()
            _drop(path)
            continue
        return database
    raise LogError.of("bad_index", path=path, why="it can't be made anew")


def _drop(path: Path) -> None:
    for part in ("", "-wal", "-shm"):
        path.with_name(path.name + part).unlink(missing_ok=True)
