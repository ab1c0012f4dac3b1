"""Which records are in the plant already, and which contradict what is.

Hashes raise suspicions cheaply: one sort over the load's key hashes, one pass over the lake's. Every
suspicion is then settled by comparing the values themselves, so that equal hashes lose nothing.
Of two records with one key and different content the first stays; the row of the other is quarantined.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from assay.connect.hashing import Hashes
from assay.store.place import is_remote
from assay.store.reading import date_of, parquet_dataset, parquet_file, union_schema
from assay.store.scratch import scratch

Seqs = npt.NDArray[np.int64]

_BATCH = 1_048_576
_CHUNK = 500_000
"""Suspects compared at a time."""
_OWN = "source, epoch, recorded, clock_uncertainty, key_hash, content_hash"
"""Columns that say who recorded a row and when, not what the row says."""


@dataclass
class KeyGroup:
    """The key hashes of all records of a load that share a kind and the fields of their key."""

    kind: str
    key: tuple[str, ...]
    hashes: list[Hashes] = field(default_factory=list)
    first: date | None = None
    last: date | None = None
    timeless: bool = False
    """True when a record has no time, or time is not part of the key: every date may hold a match."""
    columns: dict[str, set[str]] = field(default_factory=dict)
    """Columns of the source that a field is read from, in any of the mapping's records."""

    def said(self, name: str) -> str:
        """A field by its column in the source, where that is one column; else by its own name."""
        columns = self.columns.get(name, set())
        return next(iter(columns)) if len(columns) == 1 else name

    def note_dates(self, first: date, last: date) -> None:
        """Widen the range of dates in which matches can lie."""
        self.first = first if self.first is None else min(self.first, first)
        self.last = last if self.last is None else max(self.last, last)

    def suspects(self, lake_files: Sequence[str]) -> Hashes:
        """Hashes that occur twice in the load, or in the load and in the lake; sorted."""
        if not self.hashes:
            return np.zeros(0, np.uint64)
        every = np.concatenate(self.hashes) if len(self.hashes) > 1 else self.hashes[0].copy()
        self.hashes.clear()
        every.sort()
        twice = every[1:][every[1:] == every[:-1]]
        known = [_members(every, batch) for batch in _lake_hashes(self._in_range(lake_files))]
        return np.unique(np.concatenate([twice, *known]))

    def _in_range(self, files: Sequence[str]) -> list[str]:
        if self.timeless or self.first is None or self.last is None:
            return list(files)
        return [one for one in files if self.first <= date_of(one) <= self.last]


def _lake_hashes(files: Sequence[str]) -> Iterator[Hashes]:
    for path in files:
        with parquet_file(path) as file:
            for batch in file.iter_batches(_BATCH, columns=["key_hash"]):
                yield batch.column(0).to_numpy().view(np.uint64)


def _members(ordered: Hashes, some: Hashes) -> Hashes:
    """The values of ``some`` that are in ``ordered``."""
    some = np.sort(some)
    at = np.searchsorted(ordered, some)
    at[at == len(ordered)] = len(ordered) - 1
    result: Hashes = some[ordered[at] == some]
    return result


@dataclass(frozen=True)
class Conflict:
    """One record that contradicts an earlier one."""

    seq: int
    first: int | None
    """Source row of the record that stays; None when it was in the plant before."""
    column: str
    """What the two differ in: the source's column, or the record's field where several columns fill it."""
    value: str | None
    differences: str
    """Every difference, readable."""


@dataclass(frozen=True)
class Repeated:
    """Records of one kind that say what an earlier one says, ordered by row."""

    seqs: Seqs
    keys: Seqs
    """Key hashes as the lake keeps them; with the row they name the record."""


@dataclass(frozen=True)
class Resolution:
    """What to leave out."""

    repeated: dict[str, Repeated]
    """Records to leave out, by kind."""
    conflicts: tuple[Conflict, ...]
    """Rows to leave out whole: the first contradiction of each, by row."""

    @property
    def nothing(self) -> bool:
        """True when every record stays."""
        return not self.repeated and not self.conflicts


NOTHING = Resolution({}, ())


@dataclass(frozen=True)
class Suspicion:
    """Where one group's suspects lie."""

    group: KeyGroup
    hashes: Hashes
    staged: tuple[str, ...]
    lake: tuple[str, ...]


def _pieces(suspicion: Suspicion) -> Iterator[Suspicion]:
    """The suspicion in pieces of bounded size: by date where equal keys have equal dates, then by hash."""
    parts = [suspicion]
    if not suspicion.group.timeless:
        parts = []
        for day in sorted({date_of(path) for path in suspicion.staged}):
            staged = tuple(path for path in suspicion.staged if date_of(path) == day)
            lake = tuple(path for path in suspicion.lake if date_of(path) == day)
            here = np.unique(np.concatenate(list(_lake_hashes(staged))))
            parts.append(Suspicion(suspicion.group, _members(suspicion.hashes, here), staged, lake))
    for part in parts:
        ordered = np.sort(part.hashes.view(np.int64)).view(np.uint64)
        for begin in range(0, len(ordered), _CHUNK):
            yield replace(part, hashes=ordered[begin : begin + _CHUNK])


def resolve(suspicions: Sequence[Suspicion], spool: Path) -> Resolution:
    """Compare the suspects themselves, piece by piece; DuckDB sets aside below ``spool``."""
    live = [one for one in suspicions if len(one.hashes)]
    if not live:
        return NOTHING
    settings: dict[str, str | bool | int | float | list[str]] = {
        "temp_directory": str(scratch(spool)),
        "memory_limit": "500MB",
        "threads": "2",
        "preserve_insertion_order": "false",
        # A join's Bloom filter may reach a scan of Arrow, which refuses it; see assay.store.views.copy_table.
        "disabled_optimizers": "join_filter_pushdown",
    }
    with duckdb.connect(":memory:", config=settings) as connection:
        tables = [_Suspects(connection, place, one) for place, one in enumerate(live)]
        conflicts = _one_by_one(tables)
        gone = np.array([conflict.seq for conflict in conflicts], np.int64)
        found: dict[str, list[tuple[Seqs, Seqs]]] = {}
        for table in tables:
            found.setdefault(table.group.kind, []).append(table.repeated(gone))
    joined = {kind: _joined(parts) for kind, parts in found.items()}
    return Resolution({kind: one for kind, one in joined.items() if len(one.seqs)}, tuple(conflicts))


def _joined(parts: Sequence[tuple[Seqs, Seqs]]) -> Repeated:
    seqs, keys = (np.concatenate(side) for side in zip(*parts, strict=True))
    order = np.argsort(seqs, kind="stable")
    return Repeated(seqs[order], keys[order])


class _Suspects:
    """The suspects of one group.

    Where all records of one key hash say the same, which is nearly always, the first of them stays. The
    others (``odd``: two contents under one key, or two keys under one hash) become a table in which keys and
    contents are numbers, equal exactly when the values are.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, place: int, suspicion: Suspicion) -> None:
        self.group = suspicion.group
        self._suspicion = suspicion
        self._connection = connection
        self._odd = f"odd_{place}"
        self._same: list[tuple[Seqs, Seqs]] = []
        self.odd_repeated: list[tuple[int, int]] = []
        self.said: list[str] = []
        for at, piece in enumerate(_pieces(suspicion)):
            self._sort_out(piece, first=at == 0)
        key = ", ".join(_quoted(name) for name in self.group.key)
        every = ", ".join(_quoted(name) for name in self.said)
        connection.execute(
            f"CREATE TEMP TABLE {self._odd}_numbered AS SELECT *, "
            f"dense_rank() OVER (ORDER BY {key}) AS key_number, "
            f"dense_rank() OVER (ORDER BY {every}) AS content_number FROM {self._odd}"
        )
        connection.execute(f"DROP TABLE {self._odd}")

    def _select(self, piece: Suspicion) -> None:
        """Make ``piece``: staged and lake records with these key hashes; the lake's have ``seq`` -1."""
        hashes = np.sort(piece.hashes.view(np.int64))
        self._connection.register("hashes", pa.table({"key_hash": hashes}))
        low, high = int(hashes[0]), int(hashes[-1])
        where = f"WHERE key_hash BETWEEN {low} AND {high} AND key_hash IN (SELECT key_hash FROM hashes)"
        said = f"key_hash AS hashed, * EXCLUDE (seq, {_OWN})"
        parts = [f"SELECT seq, {said} FROM {_files(piece.staged)}"]
        if piece.lake:
            parts.append(f"SELECT -1 AS seq, {said} FROM {self._lake_files(piece.lake)}")
        union = " UNION ALL BY NAME ".join(f"{part} {where}" for part in parts)
        self._connection.execute(f"CREATE OR REPLACE TEMP TABLE piece AS {union}")
        self._connection.unregister("hashes")

    def _lake_files(self, paths: Sequence[str]) -> str:
        if not is_remote(paths[0]):
            return _files(paths)
        self._connection.register("lake_files", parquet_dataset(paths, union_schema(paths)))
        return "lake_files"

    def _sort_out(self, piece: Suspicion, *, first: bool) -> None:
        self._select(piece)
        if first:
            described = self._connection.execute("DESCRIBE piece").fetchall()
            self.said = [row[0] for row in described if row[0] not in {"seq", "hashed"}]
        every = ", ".join(_quoted(name) for name in self.said)
        self._connection.execute(
            "CREATE OR REPLACE TEMP TABLE differing AS SELECT hashed FROM "
            f"(SELECT DISTINCT hashed, {every} FROM piece) GROUP BY hashed HAVING count(*) > 1"
        )
        self._same.append(
            self._pairs(
                "SELECT seq, hashed FROM piece "
                "JOIN (SELECT hashed, min(seq) AS first FROM piece GROUP BY hashed) USING (hashed) "
                "WHERE seq > first AND hashed NOT IN (SELECT hashed FROM differing)"
            )
        )
        odd = "SELECT * FROM piece WHERE hashed IN (SELECT hashed FROM differing)"
        verb = f"CREATE TEMP TABLE {self._odd} AS" if first else f"INSERT INTO {self._odd} BY NAME"
        self._connection.execute(f"{verb} {odd}")

    def _pairs(self, statement: str) -> tuple[Seqs, Seqs]:
        found = self._connection.execute(statement).to_arrow_table()
        return found.column(0).to_numpy(), found.column(1).to_numpy()

    def odd_rows(self) -> dict[str, Seqs]:
        """``seq`` (-1 in the lake), ``hashed``, ``key_number`` and ``content_number`` of the odd ones."""
        found = self._connection.execute(
            f"SELECT seq, hashed, key_number, content_number FROM {self._odd}_numbered ORDER BY seq"
        ).to_arrow_table()
        return {name: found[name].to_numpy() for name in found.column_names}

    def repeated(self, gone: Seqs) -> tuple[Seqs, Seqs]:
        """Rows and key hashes of what is repeated, when the rows ``gone`` leave nothing behind."""
        odd = np.array(self.odd_repeated, np.int64).reshape(-1, 2)
        seqs, keys = (np.concatenate(side) for side in zip(*self._same, (odd[:, 0], odd[:, 1]), strict=True))
        again = self._first_after(gone)
        if again:
            stays = np.array([pair in again for pair in zip(seqs.tolist(), keys.tolist(), strict=True)], bool)
            seqs, keys = seqs[~stays], keys[~stays]
        kept = ~np.isin(seqs, gone)
        return seqs[kept], keys[kept]

    def _first_after(self, gone: Seqs) -> set[tuple[int, int]]:
        """Records that become the first of their key because the row that had been is gone."""
        if not len(gone):
            return set()
        self._connection.register("gone", pa.table({"seq": gone}))
        names = self._connection.execute(
            f"SELECT DISTINCT key_hash FROM {_files(self._suspicion.staged)} "
            "WHERE seq IN (SELECT seq FROM gone)"
        ).to_arrow_table()
        hashes = np.intersect1d(names.column(0).to_numpy(), self._suspicion.hashes.view(np.int64))
        if not len(hashes):
            return set()
        self._select(replace(self._suspicion, hashes=hashes.view(np.uint64)))
        found = self._connection.execute(
            "SELECT min(seq) FILTER (seq NOT IN (SELECT seq FROM gone)), hashed FROM piece "
            f"WHERE hashed NOT IN (SELECT hashed FROM {self._odd}_numbered) "
            "GROUP BY hashed HAVING min(seq) >= 0"
        ).fetchall()
        return {(seq, hashed) for seq, hashed in found if seq is not None}

    def differences(
        self, conflicts: Sequence[tuple[int, int, int]]
    ) -> dict[int, tuple[str, str | None, str]]:
        """By row: a differing field, its value, all differences; given (seq, key number, first's seq)."""
        if not conflicts:
            return {}
        columns = (np.array(part, np.int64) for part in zip(*conflicts, strict=True))
        table = pa.table(dict(zip(("seq", "key_number", "first"), columns, strict=True)))
        self._connection.register("conflicts", table)
        others = [name for name in self.said if name not in self.group.key]
        cases = ", ".join(
            f"CASE WHEN a.{name} IS DISTINCT FROM b.{name} THEN {{'name': {said}, "
            f"'here': a.{name}::VARCHAR, 'before': b.{name}::VARCHAR}} END"
            for name, said in ((_quoted(other), _literal(other)) for other in others)
        )
        found = self._connection.execute(
            f"SELECT a.seq, list_filter([{cases}], x -> x IS NOT NULL) AS different "
            f"FROM conflicts c JOIN {self._odd}_numbered a ON a.seq = c.seq AND a.key_number = c.key_number "
            f"JOIN {self._odd}_numbered b ON b.seq = c.first AND b.key_number = c.key_number "
            "QUALIFY row_number() OVER (PARTITION BY a.seq ORDER BY b.content_number) = 1"
        ).fetchall()
        self._connection.unregister("conflicts")
        return {seq: _told(self.group, different) for seq, different in found}


def _told(group: KeyGroup, different: list[dict[str, str | None]]) -> tuple[str, str | None, str]:
    by_column: dict[str, dict[str, str | None]] = {}
    for one in different:
        by_column.setdefault(group.said(str(one["name"])), one)
    shown = [
        f"{name} {_shown(one['here'])}, before {_shown(one['before'])}" for name, one in by_column.items()
    ]
    return next(iter(by_column)), different[0]["here"], "; ".join(shown)


def _shown(value: str | None) -> str:
    return "empty" if value is None else repr(value if len(value) <= 200 else f"{value[:200]}…")


def _one_by_one(tables: Sequence[_Suspects]) -> list[Conflict]:
    """Take the odd rows in order; a row that contradicts leaves nothing behind for later ones."""
    taken: dict[tuple[int, int], dict[int, int]] = {}  # by table and key: content and the row that brought it
    waiting: dict[int, list[tuple[int, int, int, int]]] = {}
    for place, table in enumerate(tables):
        rows = table.odd_rows()
        columns = (rows[name].tolist() for name in ("seq", "hashed", "key_number", "content_number"))
        for seq, hashed, key, content in zip(*columns, strict=True):
            if seq < 0:
                taken.setdefault((place, key), {})[content] = -1
            else:
                waiting.setdefault(seq, []).append((place, key, content, hashed))
    against: list[list[tuple[int, int, int]]] = [[] for _ in tables]
    for seq in sorted(waiting):
        contradicted = next(
            (
                (place, key)
                for place, key, content, _ in waiting[seq]
                if (place, key) in taken and content not in taken[place, key]
            ),
            None,
        )
        if contradicted is not None:
            place, key = contradicted
            against[place].append((seq, key, next(iter(taken[contradicted].values()))))
            continue
        for place, key, content, hashed in waiting[seq]:
            if (place, key) in taken:
                tables[place].odd_repeated.append((seq, hashed))
            else:
                taken[place, key] = {content: seq}
    conflicts = []
    for table, mine in zip(tables, against, strict=True):
        said = table.differences(mine)
        for seq, _, first in mine:
            column, value, differences = said[seq]
            conflicts.append(Conflict(seq, None if first < 0 else first, column, value, differences))
    return sorted(conflicts, key=lambda one: one.seq)


def _files(paths: Sequence[str]) -> str:
    listed = ", ".join(_literal(path) for path in paths)
    return f"read_parquet([{listed}], union_by_name = true, hive_partitioning = false)"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
