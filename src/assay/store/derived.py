"""Derived tables of the lake: made from records, replaced date by date, each commit with its lineage.

A derived table lies at ``lake/LAYER/NAME``, partitioned by date and sorted within a date. A commit replaces
whole dates at once: it names the new files and lets go of the old ones, so that a reader sees either state
of all of them, whenever the writer dies. What a commit was made from stands in the commit itself.
"""

from __future__ import annotations

import json
import secrets
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs as pafs
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable
from deltalake.exceptions import CommitFailedError, DeltaError
from deltalake.schema import Schema as DeltaSchema
from deltalake.transaction import AddAction, RemoveAction

from assay.model.errors import StoreError
from assay.store.delta import LakeTable
from assay.store.layout import (
    DATE,
    FILE_ROWS,
    LAYERS,
    ROW_GROUP_ROWS,
    is_derived,
    is_word,
    plain,
    signature,
    writer_options,
)
from assay.store.lineage import LINEAGE_SCHEMA, Lineage
from assay.store.log import MOMENT, REASON, RETIRED, read_entries
from assay.store.place import Place
from assay.store.tables import to_microseconds

KEPT = timedelta(hours=1)
"""How long a file that was replaced stays for readers that have pinned it."""

LOCK = "derive.lock"
"""The lock in the plant's spool that whoever writes derived tables holds."""

ERASED = "derive-again"
"""A file in the plant's spool: rows were erased from which tables were derived, which may hold them still."""

_AHEAD = 2
"""How many row groups wait for the encoder at most."""
_LINEAGE = "assay.lineage"
_SWEPT = "_swept"


@dataclass(frozen=True, slots=True)
class Changes:
    """Files that came and went between two versions of a table, as paths within its place.

    Files that were only written anew, with the same rows, are in neither.
    """

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed)


@dataclass(slots=True)
class _Part:
    """A file that is being written, or is finished."""

    path: str
    date: date
    writer: pq.ParquetWriter
    sink: pa.NativeFile
    rows: int = 0
    times: list[int] = field(default_factory=list)


class DerivedWriter:
    """Writes rows that come ordered by ``date``; :meth:`finish` gives the files for a commit.

    Rows are encoded in a thread of its own, one row group after the other, while the next ones are made.
    """

    def __init__(self, place: Place, schema: pa.Schema, version: int, *, timed: str | None) -> None:
        self._place = place
        self._schema = schema
        self._options = writer_options(schema)
        # The version that is to name the files is in their names, so that what a killed writer left is known.
        self._token = f"{version:012d}{secrets.token_hex(4)}"
        self._timed = timed
        self._open: _Part | None = None
        self._waiting: list[pa.RecordBatch] = []
        self._rows = 0
        self.total = 0
        self._parts: list[_Part] = []
        self._encoder = ThreadPoolExecutor(1, thread_name_prefix="assay-derive")
        self._jobs: deque[Future[None]] = deque()

    def write(self, batch: pa.RecordBatch) -> None:
        """Take rows; their dates never go back."""
        if not batch.num_rows:
            return
        days = batch.column(batch.schema.get_field_index(DATE.name))
        start = 0
        while start < batch.num_rows:
            day = days[start].as_py()
            end = start + int(pc.sum(pc.equal(days.slice(start), pa.scalar(day, DATE.type))).as_py())
            self._take(day, batch.slice(start, end - start))
            start = end

    def finish(self) -> list[AddAction]:
        """Close and make durable; the actions that name the files."""
        self._close()
        self._wait()
        self._encoder.shutdown()
        self._place.durable(*{part.path.split("/", 1)[0] for part in self._parts})
        sizes = self._place.sizes(part.path for part in self._parts)
        return [self._action(part, sizes[part.path]) for part in self._parts]

    def abort(self) -> None:
        """Drop what was written."""
        self._encoder.shutdown(cancel_futures=True)
        for part in self._parts:
            with suppress(OSError, pa.ArrowException):  # it may be what failed, or be closed already
                part.writer.close()
                part.sink.close()
        self._open = None
        for part in self._parts:
            self._place.delete(part.path)

    def _take(self, day: date, batch: pa.RecordBatch) -> None:
        if self._open is None or self._open.date != day or self._open.rows >= FILE_ROWS:
            self._close()
            self._begin(day)
        self._waiting.append(batch)
        self._rows += batch.num_rows
        while self._rows >= ROW_GROUP_ROWS:
            self._flush(ROW_GROUP_ROWS)

    def _begin(self, day: date) -> None:
        name = f"part-{self._token}-{len(self._parts):05d}-{signature(self._schema)}.parquet"
        path = f"date={day.isoformat()}/{name}"
        sink = self._place.writing(path)
        self._open = _Part(path, day, pq.ParquetWriter(sink, self._schema, **self._options), sink)
        self._parts.append(self._open)

    def _flush(self, rows: int) -> None:
        part = self._open
        if part is None or not self._rows:
            return
        waiting = pa.Table.from_batches(self._waiting)
        group, rest = waiting.slice(0, rows), waiting.slice(rows)
        self._waiting, self._rows = rest.to_batches(), rest.num_rows
        aligned = pa.table([_as(group.column(f.name), f) for f in self._schema], schema=self._schema)
        self._encode(partial(part.writer.write_table, aligned, row_group_size=ROW_GROUP_ROWS))
        part.rows += aligned.num_rows
        self.total += aligned.num_rows
        if self._timed is not None:
            bounds = pc.min_max(aligned.column(self._timed).cast(pa.int64())).as_py()
            part.times += [value for value in bounds.values() if value is not None]

    def _close(self) -> None:
        if self._open is not None:
            self._flush(ROW_GROUP_ROWS)
            self._encode(partial(self._finished, self._open))
            self._open = None

    def _finished(self, part: _Part) -> None:
        part.writer.close()
        part.sink.close()
        self._place.durable(part.path)

    def _encode(self, work: Callable[[], None]) -> None:
        """Let the encoder do it after what it has; raises what went wrong there so far."""
        self._jobs.append(self._encoder.submit(work))
        self._wait(_AHEAD)

    def _wait(self, left: int = 0) -> None:
        while len(self._jobs) > left:
            self._jobs.popleft().result()

    def _action(self, part: _Part, size: int) -> AddAction:
        stats: dict[str, Any] = {"numRecords": part.rows}
        if part.times and self._timed is not None:
            stats["minValues"] = {self._timed: _stamp(min(part.times))}
            stats["maxValues"] = {self._timed: _stamp(max(part.times))}
        return AddAction(
            path=part.path,
            size=size,
            partition_values={DATE.name: part.date.isoformat()},
            modification_time=0,
            data_change=True,
            stats=json.dumps(stats),
        )


class DerivedTable(LakeTable):
    """One derived table. One process at a time writes it; readers are free."""

    def __init__(self, place: Place | Path, name: str) -> None:
        super().__init__(place)
        self.name = name

    def schema(self, version: int | None = None) -> pa.Schema:
        """The columns as SQL sees them, without ``date``; empty for a table that was never derived."""
        with self._lock:
            table = self._opened()
            if table is None:
                return pa.schema([])
            if version is not None and version != table.version():
                with self._reporting():
                    table = DeltaTable(self.place.url, version=version, storage_options=self._options)
            found = pa.schema(table.schema())
            return pa.schema([column for column in found if column.name != DATE.name])

    def lineage(self) -> Lineage | None:
        """Where the newest version came from; None for a table that was never derived."""
        return next((found for _, found in self._lineages()), None)

    def lineage_at(self, version: int) -> Lineage | None:
        """Where a version came from; None where nothing was derived by then."""
        return next((found for at, found in self._lineages() if at <= version), None)

    def history(self) -> list[tuple[int, Lineage]]:
        """Each version that was derived and where it came from, newest first."""
        return list(self._lineages())

    def _lineages(self) -> Iterator[tuple[int, Lineage]]:
        for version in range(self.version(), -1, -1):
            for entry in log_entries(self.place, version):
                document = entry.get("commitInfo", {}).get(_LINEAGE)
                if document is not None:
                    yield version, Lineage.read(document)

    def writer(self, schema: pa.Schema, *, timed: str | None = None) -> DerivedWriter:
        """Begin the files of the next version; what an interrupted writer left is removed first."""
        self.remove_leftovers()
        return DerivedWriter(self.place, schema, self.version() + 1, timed=timed)

    def replace(
        self,
        files: Sequence[AddAction],
        dates: Iterable[date] | None,
        *,
        schema: pa.Schema,
        lineage: Lineage,
    ) -> int:
        """Put files in the place of everything in ``dates`` (of the whole table without any); the version.

        Raises
        ------
        StoreError
            The log can't be written, or another process wrote the table meanwhile.
        """
        with self._lock:
            table = self._opened()
            # One more than the last: creation is a version of its own.
            before = -1 if table is None else table.version()
            table = table or self._made(schema)
            properties = CommitProperties(
                custom_metadata={_LINEAGE: lineage.document(), MOMENT: self._moment(before)},
                max_commit_retries=0,
            )
            with self._committing():
                if dates is None:
                    table.create_write_transaction(
                        list(files),
                        mode="overwrite",
                        schema=DeltaSchema.from_arrow(pa.schema([*plain(schema), DATE])),
                        partition_by=[DATE.name],
                        commit_properties=properties,
                    )
                else:
                    table.create_write_transaction(
                        [*files, *_let_go(table, self.place, set(dates))],
                        mode="append",
                        schema=table.schema(),
                        partition_by=[DATE.name],
                        commit_properties=properties,
                    )
            table.update_incremental()
            self._sync_log(range(before + 1, table.version() + 1))
            return table.version()

    def _made(self, schema: pa.Schema) -> DeltaTable:
        directory = self.place.directory
        if directory is not None:
            directory.mkdir(parents=True, exist_ok=True)
        self._table = DeltaTable.create(
            self.place.url,
            pa.schema([*plain(schema), DATE]),
            mode="ignore",
            partition_by=[DATE.name],
            configuration={"delta.enableExpiredLogCleanup": "false"},
            storage_options=self._options,
        )
        return self._table

    def _moment(self, version: int) -> int:
        """The time of the commit after a version: now, and later than that one."""
        last = to_microseconds(self.commit_at(version).moment) if version >= 0 else 0
        return max(to_microseconds(datetime.now(UTC)), last + 1)

    def retire_before(self, before: date, reason: str) -> int:
        """Take the rows of dates before one out of the table; how many. Tables made from it keep theirs.

        Raises
        ------
        StoreError
            The log can't be written, or another process wrote the table meanwhile.
        """
        with self._lock:
            table = self._opened()
            entries = [] if table is None else read_entries(table.get_add_actions())
            old = [one for one in entries if one.date < before]
            if table is None or not old:
                return 0
            moment, version = self._moment(table.version()), table.version()
            facts = {MOMENT: moment, RETIRED: before.isoformat(), REASON: reason}
            removed: list[AddAction | RemoveAction] = [
                RemoveAction(
                    one.path, True, moment // 1000, partition_values={DATE.name: one.date.isoformat()}
                )
                for one in old
            ]
            with self._committing():
                table.create_write_transaction(
                    removed,
                    mode="append",
                    schema=table.schema(),
                    partition_by=[DATE.name],
                    commit_properties=CommitProperties(custom_metadata=facts, max_commit_retries=0),
                )
            table.update_incremental()
            self._sync_log(range(version + 1, table.version() + 1))
            return sum(one.rows for one in old)

    @contextmanager
    def _committing(self) -> Iterator[None]:
        try:
            yield
        except CommitFailedError as error:
            self._table = None
            raise StoreError(
                f"another process wrote {self.name!r} meanwhile", hint="Derive again."
            ) from self._cause(error)
        except (DeltaError, OSError) as error:
            raise self.place.failure(error, "can't be committed to") from self._cause(error)

    def changes(self, since: int, version: int) -> Changes:
        """What came and went after ``since`` up to ``version``; rows that retention took did not go."""
        return changes(self.place, since, version, retired=False)

    # -- what is no longer needed -------------------------------------------------------------------

    def remove_leftovers(self) -> int:
        """Remove files that no commit names: a writer that died left them. The number removed."""
        if self.place.directory is not None and not self.place.directory.is_dir():
            return 0
        _, live = self.files()
        named = {self.place.relative(path) for path in live}
        gone = 0
        for found in self.place.files():
            version = _version_of(found.path)
            if version is None or found.path in named:
                continue
            # The commit came one later where it had to create the table first.
            if not any(self._names(at, found.path) for at in (version, version + 1)):
                self.place.delete(found.path)
                gone += 1
        return gone

    def _names(self, version: int, path: str) -> bool:
        added = (entry["add"] for entry in log_entries(self.place, version) if "add" in entry)
        return any(unquote(add["path"]) == path for add in added)

    def sweep(self, *, needed: int | None = None, kept: timedelta = KEPT, now: datetime | None = None) -> int:
        """Remove files that were replaced more than ``kept`` ago; the number removed.

        ``needed`` is the oldest version that another table still has to be derived from.
        """
        before = (now or datetime.now(UTC)) - kept
        newest = self.version() if needed is None else min(self.version(), needed)
        gone, reached = 0, self._swept()
        for version in range(reached + 1, newest + 1):
            entries = log_entries(self.place, version)
            stamp = next((e["commitInfo"]["timestamp"] for e in entries if "commitInfo" in e), 0)
            if datetime.fromtimestamp(stamp / 1000, UTC) > before:
                break
            for entry in entries:
                if "remove" in entry:
                    self.place.delete(unquote(entry["remove"]["path"]))
                    gone += 1
            reached = version
        if gone:
            with self.place.writing(_SWEPT) as file:
                file.write(str(reached).encode())
        return gone

    def _swept(self) -> int:
        if not self.place.exists(_SWEPT):
            return -1
        with self.place.reading(_SWEPT) as file:
            written = file.read().decode().strip()
        return int(written) if written.isdigit() else -1

    def damaged(self) -> list[str]:
        """The files that can't be read whole, or whose content doesn't fit its checksums."""
        _, files = self.files()
        return [path for path in files if not is_sound(self.place, self.place.relative(path))]


class DerivedTables:
    """Every derived table of a lake, by name: those of the layers' directories, and any asked for."""

    def __init__(self, lake: Place) -> None:
        self._lake = lake
        self._tables: dict[str, DerivedTable] = {}

    def __getitem__(self, name: str) -> DerivedTable:
        if name not in self._tables:
            if not is_derived(name):
                raise StoreError(
                    f"{name!r} is no name of a derived table", hint="It begins with dwd_, dws_ or ads_."
                )
            self._tables[name] = DerivedTable(self._lake / name.split("_", 1)[0] / name, name)
        return self._tables[name]

    def names(self) -> list[str]:
        """The tables that were derived at least once, layer by layer."""
        return [name for layer in LAYERS for name in self._in(layer)]

    def _in(self, layer: str) -> list[str]:
        place = self._lake / layer
        if place.directory is not None:
            logs = place.directory.glob(f"{layer}_*/_delta_log")
            return sorted(log.parent.name for log in logs if any(log.glob("*.json")))
        selector = pafs.FileSelector(place.within(), allow_not_found=True)
        with place.reporting("can't be listed"):
            found = place.filesystem.get_file_info(selector)
        return sorted(one.base_name for one in found if one.base_name.startswith(f"{layer}_"))

    def pinned(self) -> dict[str, tuple[int, tuple[str, ...], pa.Schema]]:
        """Version, files and columns of each table that was derived."""
        found = {}
        for name in self.names():
            version, files = self[name].files()
            if version >= 0:
                found[name] = (version, tuple(files), self[name].schema())
        return found

    def lineage_table(self) -> pa.Table:
        """One row per version of a derived table and input it was made from, newest first."""
        rows = [
            {
                "table": name,
                "version": version,
                "input": source,
                "since": one.since,
                "input_version": one.version,
                "files": one.files,
                "definition": lineage.definition,
                "fingerprint": lineage.fingerprint,
                "whole": lineage.whole,
                "rows_in": lineage.rows_in,
                "rows_out": lineage.rows_out,
                "dates": lineage.dates,
                "code": lineage.code,
                "derived": lineage.derived,
            }
            for name in self.names()
            for version, lineage in self[name].history()
            for source, one in lineage.inputs.items()
        ]
        return pa.Table.from_pylist(rows, LINEAGE_SCHEMA)


def log_entries(place: Place, version: int) -> list[dict[str, Any]]:
    """The entries of one version of a table's log; none where there is no such version."""
    path = f"_delta_log/{version:020}.json"
    if not place.exists(path):
        return []
    with place.reading(path) as file:
        text = file.read().decode("utf-8")
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def changes(place: Place, since: int, version: int, *, retired: bool = True) -> Changes:
    """Files whose rows came and went after ``since`` up to ``version``; rows written anew are left out.

    So are, without ``retired``, rows that went because of their age.
    """
    added: dict[str, None] = {}
    removed: dict[str, None] = {}
    for at in range(since + 1, version + 1):
        entries = log_entries(place, at)
        if not retired and any(RETIRED in entry.get("commitInfo", {}) for entry in entries):
            continue
        for entry in entries:
            for kind in ("add", "remove"):
                action = entry.get(kind)
                if action is None or not action.get("dataChange", True):
                    continue
                path = unquote(action["path"])
                if kind == "add":
                    added[path] = None
                elif path in added:
                    del added[path]
                else:
                    removed[path] = None
    return Changes(tuple(added), tuple(removed))


def is_sound(place: Place, path: str) -> bool:
    """Whether a parquet file is there, can be read whole and fits its checksums."""
    try:
        with place.reading(path) as source:
            file = pq.ParquetFile(source, page_checksum_verification=True)
            for group in range(file.num_row_groups):
                file.read_row_group(group)
    except (StoreError, OSError, pa.ArrowException, ValueError):
        return False
    return True


def _let_go(table: DeltaTable, place: Place, dates: set[date]) -> list[RemoveAction]:
    moment = int(datetime.now(UTC).timestamp() * 1000)
    found = []
    for uri in table.file_uris():
        path = place.relative(unquote(uri))
        day = path.split("/", 1)[0].removeprefix("date=")
        if date.fromisoformat(day) in dates:
            found.append(RemoveAction(path, True, moment, partition_values={DATE.name: day}))
    return found


def _version_of(path: str) -> int | None:
    pieces = path.rsplit("/", 1)[-1].split("-")
    if len(pieces) != 4 or pieces[0] != "part" or not pieces[1][:12].isdigit():
        return None
    return int(pieces[1][:12])


def _as(column: pa.ChunkedArray, wanted: pa.Field) -> pa.ChunkedArray:
    if is_word(wanted):
        whole = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
        if not pa.types.is_dictionary(whole.type):
            whole = whole.cast(pa.string()).dictionary_encode()
        return pa.chunked_array([whole.cast(wanted.type)])
    return column if column.type == wanted.type else column.cast(wanted.type)


def _stamp(microseconds: int) -> str:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
