"""The signals of a plant by name: learnt once per file of readings, kept beside the plant."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from assay.model.kinds import RecordKind
from assay.store.place import is_remote
from assay.store.reading import parquet_dataset
from assay.store.snapshot import Snapshot
from assay.store.views import literal
from assay.store.workspace import Workspace

SEPARATORS = (".", "/", ":")
"""A signal ``F1.zone2.temp`` is also known by what follows a separator: ``zone2.temp`` and ``temp``."""

_SCHEMA = pa.schema([("signal", pa.string()), ("equipment", pa.string())])
_SEEN = b"files"
_NEAR = 2_000
_DISTINCT = "SELECT DISTINCT CAST(signal AS VARCHAR) AS signal, CAST(equipment AS VARCHAR) AS equipment"


class Signals:
    """Signals with their equipment; matching a name looks at all of them at once."""

    def __init__(self, table: pa.Table) -> None:
        self._names = table.column("signal").combine_chunks()
        self._equipment = table.column("equipment").combine_chunks()

    def __len__(self) -> int:
        return len(self._names)

    def __contains__(self, name: str) -> bool:
        return bool(pc.any(pc.equal(self._names, name)).as_py())

    def some(self, most: int) -> list[str]:
        """The first names in the order of the alphabet, as far as there are so many."""
        return (
            sorted(dict.fromkeys(self._names.to_pylist()))[:most]
            if len(self) <= _NEAR
            else self.near("")[:most]
        )

    def matching(self, name: str) -> list[tuple[str, str | None]]:
        """The signals of that name, or whose name ends with it after a separator, with their equipment."""
        meant = pc.equal(self._names, name)
        for separator in SEPARATORS:
            meant = pc.or_(meant, pc.ends_with(self._names, separator + name))
        pairs = zip(
            self._names.filter(meant).to_pylist(), self._equipment.filter(meant).to_pylist(), strict=True
        )
        return sorted(pairs, key=lambda pair: (pair[0], pair[1] or ""))

    def near(self, name: str) -> list[str]:
        """Names of signals that may be meant by a misspelt one."""
        begins = self._names.filter(pc.match_substring(self._names, name[:3], ignore_case=True))
        shown: Iterable[str] = begins.slice(0, _NEAR).to_pylist() or self._names.slice(0, _NEAR).to_pylist()
        names = set()
        for full in shown:
            names.add(full)
            names.update(full.rsplit(separator, 1)[-1] for separator in SEPARATORS)
        return sorted(names)


def signals_of(workspace: Workspace, snapshot: Snapshot) -> Signals:
    """The signals of a snapshot.

    What was learnt from a file is kept in ``spool/names``; only files that are new are looked at.
    """
    files = snapshot.files.get(RecordKind.READING.value, ())
    kept = _Kept(workspace.spool / "names" / "signals.arrow")
    known, seen = kept.read()
    marks = {_mark(path): path for path in files}
    if not seen <= marks.keys():
        known, seen = _SCHEMA.empty_table(), frozenset()
    new = [path for mark, path in marks.items() if mark not in seen]
    if new:
        known = _united([known, _distinct(new, snapshot)])
        kept.write(known, marks)
    hot = snapshot.hot.get(RecordKind.READING.value)
    parts = [known] if hot is None else [known, hot.select(["signal", "equipment"])]
    return Signals(_with_masters(_united(parts) if hot is not None else known, snapshot))


def _mark(path: str) -> str:
    return hashlib.sha256(path.encode()).hexdigest()[:16]


def _distinct(files: Sequence[str], snapshot: Snapshot) -> pa.Table:
    with duckdb.connect() as connection:
        if not is_remote(files[0]):
            listed = ", ".join(map(literal, files))
            return connection.execute(
                f"{_DISTINCT} FROM read_parquet([{listed}], hive_partitioning=false)"
            ).to_arrow_table()
        schema = snapshot.schemas[RecordKind.READING.value]
        connection.register("readings", parquet_dataset(files, schema))
        return connection.execute(f"{_DISTINCT} FROM readings").to_arrow_table()


def _united(parts: Sequence[pa.Table]) -> pa.Table:
    plain = pa.concat_tables([part.cast(_SCHEMA) for part in parts])
    return plain.group_by(["signal", "equipment"], use_threads=False).aggregate([]).select(_SCHEMA.names)


def _with_masters(table: pa.Table, snapshot: Snapshot) -> pa.Table:
    """Equipment from the master data of a signal where its readings name none."""
    masters = snapshot.master.get("signal")
    if masters is None or not table.column("equipment").null_count or "equipment" not in masters.column_names:
        return table
    current = masters.filter(masters.column("is_current"))
    place = pc.index_in(table.column("signal"), value_set=current.column("id"))
    told = current.column("equipment").combine_chunks().take(place.combine_chunks())
    return table.set_column(1, "equipment", pc.coalesce(table.column("equipment").combine_chunks(), told))


class _Kept:
    """A table of names on disk, with the marks of the files it was learnt from."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> tuple[pa.Table, frozenset[str]]:
        """The names and the files; nothing where there is nothing, or nothing that can be read."""
        try:
            with pa.memory_map(str(self._path)) as source:
                table = pa.ipc.open_file(source).read_all()
            marks = (table.schema.metadata or {}).get(_SEEN, b"").decode().split()
            return table.replace_schema_metadata(None).cast(_SCHEMA), frozenset(marks)
        except (OSError, pa.ArrowException):
            return _SCHEMA.empty_table(), frozenset()

    def write(self, table: pa.Table, marks: Iterable[str]) -> None:
        """Keep names; another process that keeps the same at the same time does no harm."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self._path.with_suffix(f".{hashlib.sha256(str(id(table)).encode()).hexdigest()[:8]}")
        metadata = {_SEEN: " ".join(sorted(marks)).encode()}
        with pa.OSFile(str(unfinished), "wb") as sink:
            schema = _SCHEMA.with_metadata(metadata)
            with pa.ipc.new_file(sink, schema) as writer:
                writer.write_table(table.cast(_SCHEMA).replace_schema_metadata(metadata))
        unfinished.replace(self._path)
