"""Which records are in the plant already, and which contradict what is.

Hashes raise suspicions cheaply: one sort over the load's key hashes, one pass over the lake's. Every
suspicion is then settled by comparing the values themselves, so that equal hashes lose nothing.
Of two records with one key and different content the first stays; the row of the other is quarantined.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from assay.connect.hashing import Hashes

Seqs = npt.NDArray[np.int64]

_BATCH = 1_048_576
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
        return [one for one in files if self.first <= _date_of(one) <= self.last]


def _date_of(path: str) -> date:
    return date.fromisoformat(Path(path).parent.name.removeprefix("date="))


def _lake_hashes(files: Sequence[str]) -> Iterator[Hashes]:
    for path in files:
        with pq.ParquetFile(path) as file:
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
    """A field in which the two differ."""
    value: str | None
    differences: str
    """Every difference, readable."""


@dataclass(frozen=True)
class Resolution:
    """What to leave out."""

    repeated: dict[str, pa.Table]
    """Records to leave out, by kind: columns ``seq`` and ``key_hash``."""
    repeats: dict[int, int]
    """How many of a row's records are left out as repeated."""
    conflicts: tuple[Conflict, ...]
    """Rows to leave out whole: the first contradiction of each, by row."""

    @property
    def nothing(self) -> bool:
        """True when every record stays."""
        return not self.repeats and not self.conflicts


NOTHING = Resolution({}, {}, ())


@dataclass(frozen=True)
class Suspicion:
    """Where one group's suspects lie."""

    group: KeyGroup
    hashes: Hashes
    staged: tuple[str, ...]
    lake: tuple[str, ...]


def resolve(suspicions: Sequence[Suspicion], scratch: Path) -> Resolution:
    """Compare the suspects themselves. Memory is bounded: DuckDB spills to ``scratch``."""
    live = [one for one in suspicions if len(one.hashes)]
    if not live:
        return NOTHING
    scratch.mkdir(parents=True, exist_ok=True)
    settings: dict[str, str | bool | int | float | list[str]] = {
        "temp_directory": str(scratch),
        "memory_limit": "600MB",
        "threads": "2",
    }
    with duckdb.connect(":memory:", config=settings) as connection:
        tables = [_Suspects(connection, place, one) for place, one in enumerate(live)]
        if any(table.contradicts for table in tables):
            return _one_by_one(tables)
        repeats: dict[int, int] = {}
        for table in tables:
            for seq in table.repeated()["seq"].to_pylist():
                repeats[seq] = repeats.get(seq, 0) + 1
        return Resolution(_joined({table: table.repeated() for table in tables}), repeats, ())


class _Suspects:
    """The suspects of one group as a table: what they say as numbers, equal exactly when it is the same."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, place: int, suspicion: Suspicion) -> None:
        self.group = suspicion.group
        self._connection = connection
        self._name = f"suspects_{place}"
        connection.register("hashes", pa.table({"key_hash": suspicion.hashes.view(np.int64)}))
        parts = [f"SELECT seq, key_hash AS hashed, * EXCLUDE (seq, {_OWN}) FROM {_files(suspicion.staged)}"]
        if suspicion.lake:
            parts.append(
                f"SELECT -1 AS seq, key_hash AS hashed, * EXCLUDE (seq, {_OWN}) FROM {_files(suspicion.lake)}"
            )
        union = " UNION ALL BY NAME ".join(
            f"{part} WHERE key_hash IN (SELECT key_hash FROM hashes)" for part in parts
        )
        connection.execute(f"CREATE TEMP TABLE {self._name}_raw AS {union}")
        connection.unregister("hashes")
        described = connection.execute(f"DESCRIBE {self._name}_raw").fetchall()
        self.said = [row[0] for row in described if row[0] not in {"seq", "hashed"}]
        key = ", ".join(_quoted(name) for name in self.group.key)
        every = ", ".join(_quoted(name) for name in self.said)
        connection.execute(
            f"CREATE TEMP TABLE {self._name} AS SELECT *, dense_rank() OVER (ORDER BY {key}) AS key_number, "
            f"dense_rank() OVER (ORDER BY {every}) AS content_number FROM {self._name}_raw"
        )
        connection.execute(f"DROP TABLE {self._name}_raw")

    @property
    def contradicts(self) -> bool:
        """True when one key says two things."""
        found = self._connection.execute(
            f"SELECT 1 FROM {self._name} GROUP BY key_number "
            "HAVING min(content_number) < max(content_number) LIMIT 1"
        ).fetchone()
        return found is not None

    def repeated(self) -> pa.Table:
        """Without contradictions: all but the first of each key."""
        return self._connection.execute(
            f"SELECT seq, hashed AS key_hash FROM {self._name} "
            "QUALIFY row_number() OVER (PARTITION BY key_number ORDER BY seq) > 1 AND seq >= 0"
        ).to_arrow_table()

    def rows(self) -> dict[str, npt.NDArray[np.int64]]:
        """``seq`` (-1 in the lake), ``hashed``, ``key_number`` and ``content_number`` of every suspect."""
        found = self._connection.execute(
            f"SELECT seq, hashed, key_number, content_number FROM {self._name} ORDER BY seq"
        ).to_arrow_table()
        return {name: found[name].to_numpy() for name in found.column_names}

    def differences(
        self, conflicts: Sequence[tuple[int, int, int]]
    ) -> dict[int, tuple[str, str | None, str]]:
        """By row: a differing field, its value, and all differences; given (seq, key number, first's seq)."""
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
            f"FROM conflicts c JOIN {self._name} a ON a.seq = c.seq AND a.key_number = c.key_number "
            f"JOIN {self._name} b ON b.seq = c.first AND b.key_number = c.key_number "
            "QUALIFY row_number() OVER (PARTITION BY a.seq ORDER BY b.content_number) = 1"
        ).fetchall()
        self._connection.unregister("conflicts")
        return {seq: _told(different) for seq, different in found}


def _told(different: list[dict[str, str | None]]) -> tuple[str, str | None, str]:
    shown = [f"{one['name']} {_shown(one['here'])}, before {_shown(one['before'])}" for one in different]
    return str(different[0]["name"]), different[0]["here"], "; ".join(shown)


def _shown(value: str | None) -> str:
    return "empty" if value is None else repr(value)


def _one_by_one(tables: Sequence[_Suspects]) -> Resolution:
    """Take the suspect rows in order; a row that contradicts leaves nothing behind for later ones."""
    taken: dict[tuple[int, int], dict[int, int]] = {}  # by table and key: content and the row that brought it
    waiting: dict[int, list[tuple[int, int, int, int]]] = {}
    for place, table in enumerate(tables):
        rows = table.rows()
        columns = (rows[name].tolist() for name in ("seq", "hashed", "key_number", "content_number"))
        for seq, hashed, key, content in zip(*columns, strict=True):
            if seq < 0:
                taken.setdefault((place, key), {})[content] = -1
            else:
                waiting.setdefault(seq, []).append((place, key, content, hashed))
    repeated: list[list[tuple[int, int]]] = [[] for _ in tables]
    repeats: dict[int, int] = {}
    against: dict[int, tuple[int, int, int]] = {}
    for seq in sorted(waiting):
        found = next(
            (
                (place, key, next(iter(taken[place, key].values())))
                for place, key, content, _ in waiting[seq]
                if (place, key) in taken and content not in taken[place, key]
            ),
            None,
        )
        if found is not None:
            against[seq] = found
            continue
        for place, key, content, hashed in waiting[seq]:
            if (place, key) in taken:
                repeated[place].append((seq, hashed))
                repeats[seq] = repeats.get(seq, 0) + 1
            else:
                taken[place, key] = {content: seq}
    conflicts = []
    for place, table in enumerate(tables):
        mine = [(seq, key, first) for seq, (at, key, first) in against.items() if at == place]
        said = table.differences(mine)
        for seq, _, first in mine:
            column, value, differences = said[seq]
            conflicts.append(Conflict(seq, None if first < 0 else first, column, value, differences))
    pairs = {
        table: pa.table(
            {
                "seq": pa.array([seq for seq, _ in found], pa.int64()),
                "key_hash": pa.array([hashed for _, hashed in found], pa.int64()),
            }
        )
        for table, found in zip(tables, repeated, strict=True)
    }
    return Resolution(_joined(pairs), repeats, tuple(sorted(conflicts, key=lambda one: one.seq)))


def _joined(by_table: dict[_Suspects, pa.Table]) -> dict[str, pa.Table]:
    found: dict[str, list[pa.Table]] = {}
    for table, pairs in by_table.items():
        if len(pairs):
            found.setdefault(table.group.kind, []).append(pairs)
    return {kind: pa.concat_tables(pairs) for kind, pairs in found.items()}


def _files(paths: Sequence[str]) -> str:
    listed = ", ".join(_literal(path) for path in paths)
    return f"read_parquet([{listed}], union_by_name = true, hive_partitioning = false)"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
