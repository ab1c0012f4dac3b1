"""Writing a load's rows to parquet files before they are committed."""

from __future__ import annotations

import queue
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from assay.model.errors import StoreError, did_you_mean
from assay.store.keys import LoadKey
from assay.store.layout import (
    FILE_ROWS,
    PART,
    ROW_GROUP_ROWS,
    StagedFile,
    file_name,
    is_word,
    spill_directory,
    writer_options,
)
from assay.store.people import People
from assay.store.place import sync
from assay.store.spill import Spill
from assay.store.tables import to_microseconds

if TYPE_CHECKING:
    from assay.ledger.chunks import Digested, Digester

_DAY = 86_400_000_000
_EPOCH = date(1970, 1, 1)
_FIRST_TIME = (date.min - _EPOCH).days * _DAY
_LAST_TIME = ((date.max - _EPOCH).days + 1) * _DAY - 1
_OPEN_FILES = 256
_BUFFERED_BYTES = 128 * 1024 * 1024
_QUEUED_TABLES = 2
_FEW_DAYS = 8
_MANY_DAYS = 32
_SORT_ROWS = 262_144
"""Rows of many dates in no order are collected up to here, so that each date gets a piece worth keeping."""


@dataclass(slots=True)
class _Partition:
    """One date: rows that wait for a full row group, and the file that is being written."""

    day: int
    waiting: list[pa.RecordBatch] = field(default_factory=list)
    rows: int = 0
    size: int = 0


@dataclass(slots=True)
class _OpenFile:
    path: Path
    writer: pq.ParquetWriter
    rows: int = 0
    time_min: int | None = None
    time_max: int | None = None
    time_nulls: int = 0


class StagedWriter:
    """Takes tables of one kind and writes them, split by date, in a thread of its own.

    Files get names that depend on the load and their order alone, so that an interrupted load that is run
    again overwrites what it left. Nothing is visible to readers until :meth:`assay.store.lake.Lake.commit`.

    A table may leave out nullable columns (they become null) and ``source``, ``epoch`` and ``recorded``
    (they are the load's). Text may come plain or as dictionaries. With ``discard`` rows are checked and
    nothing is written. ``begins`` is how the names of files begin, ``day`` the one date of all rows where it
    is known, ``file_rows`` how many rows a file takes. With ``people`` random ids take the place of people.
    With ``digester`` rows are digested for the evidence log as they come.
    """

    def __init__(
        self,
        directory: Path,
        schema: pa.Schema,
        load: LoadKey,
        recorded: datetime,
        *,
        discard: bool = False,
        begins: str = PART,
        day: date | None = None,
        file_rows: int = FILE_ROWS,
        people: People | None = None,
        digester: Digester | None = None,
        digested: Callable[[list[StagedFile], list[Digested]], None] = lambda files, batches: None,
    ) -> None:
        self._directory = directory
        self._schema = schema
        self._options = writer_options(schema)
        self._load = load
        self._recorded = to_microseconds(recorded)
        self._discard = discard
        self._begins = begins
        self._day = None if day is None else (day - _EPOCH).days
        self._file_rows = file_rows
        self._people = people
        self._digester = digester
        self._digested = digested
        self._timed = "time" in schema.names
        self._partitions: OrderedDict[int, _Partition] = OrderedDict()
        self._open: OrderedDict[int, _OpenFile] = OrderedDict()
        self._spill = Spill(spill_directory(directory, load))
        self._unsorted: list[pa.RecordBatch] = []
        self._buffered = 0
        self._parts = 0
        self._done: list[StagedFile] = []
        self._written: list[Path] = []
        self._error: BaseException | None = None
        self._closed = False
        self._queue: queue.Queue[pa.Table | None] = queue.Queue(_QUEUED_TABLES)
        self._thread = threading.Thread(target=self._run, name=f"assay-stage-{directory.name}", daemon=True)
        self._thread.start()

    def write(self, table: pa.Table) -> None:
        """Hand over rows; returns as soon as they are queued.

        Raises
        ------
        StoreError
            A column is unknown, missing or of another type, or an earlier table couldn't be written.
        """
        if self._closed:
            raise StoreError("rows were written to a stage that is already finished")
        if self._error is not None:
            self.abort()
        rows = aligned(table, self._schema, self._directory.name, self._load, self._recorded)
        if not self._discard:
            people = self._people
            self._queue.put(rows if people is None else people.replaced(self._directory.name, rows))

    def finish(self) -> list[StagedFile]:
        """Write what is waiting, make it durable, and return the files.

        Raises
        ------
        StoreError
            The files couldn't be written; nothing of the stage is left.
        """
        if not self._closed:
            self._closed = True
            self._queue.put(None)
            self._thread.join()
        if self._error is not None:
            self.abort()
        if self._digester is not None and (batches := self._digester.finish()) is not None:
            self._digested(list(self._done), batches)
            self._digester = None
        return list(self._done)

    def abort(self) -> None:
        """Drop the stage and its files; raises the error that a failed stage hit."""
        if not self._closed:
            self._closed = True
            self._error = self._error or _Aborted()
            self._queue.put(None)
            self._thread.join()
        self._spill.close()
        for path in self._written:
            path.unlink(missing_ok=True)
        self._written.clear()
        self._done.clear()
        error = self._error
        if error is not None and not isinstance(error, _Aborted):
            raise StoreError(
                f"rows of {self._directory.name!r} can't be written to {self._directory}: {error}",
                hint="Check free disk space and access rights, then run the load again."
                if isinstance(error, OSError)
                else "Correct the rows, or leave them out.",
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None and not self._closed:
            self._error = self._error or _Aborted()
            self.abort()

    # -- in the writer's thread -------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            table = self._queue.get()
            if self._error is not None:
                if table is None:
                    self._close_quietly()
                    return
                continue
            try:
                if table is None:
                    self._drain()
                    return
                if self._digester is not None:
                    self._digester.feed(table)
                for batch in table.to_batches():
                    self._take(batch)
            except Exception as error:  # noqa: BLE001 - handed to the caller by finish() or the next write()
                self._error = error
                if table is None:
                    self._close_quietly()
                    return

    def _take(self, batch: pa.RecordBatch) -> None:
        if not batch.num_rows:
            return
        days = self._days(batch)
        if isinstance(days, int):
            self._keep(days, batch)
        elif np.all(days[1:] >= days[:-1]) and np.count_nonzero(np.diff(days)) < _FEW_DAYS:
            for day, piece in _runs(batch, days):
                self._keep(day, piece)
        else:
            self._unsorted.append(batch)
            if sum(waiting.num_rows for waiting in self._unsorted) >= _SORT_ROWS:
                self._sort()

    def _sort(self, *, last: bool = False) -> None:
        """Split the collected batches of many dates; rows of one date stay in their order."""
        table = pa.Table.from_batches(self._unsorted, self._schema).unify_dictionaries()
        self._unsorted = []
        batch = table.combine_chunks().to_batches()[0]
        days = self._days(batch)
        if isinstance(days, int):
            self._keep(days, batch)
            return
        order = np.argsort(days, kind="stable")
        batch, days = batch.take(pa.array(order)), days[order]
        # Kept in memory, so many dates would come to tiny row groups; a small load can't do better.
        if np.count_nonzero(np.diff(days)) >= _MANY_DAYS and (not last or len(self._spill)):
            self._spill.add(batch, days)
            return
        for day, piece in _runs(batch, days):
            self._keep(day, piece)

    def _days(self, batch: pa.RecordBatch) -> int | npt.NDArray[np.int64]:
        """The UTC day of each row, as days since 1970; one number when all rows have the same."""
        if self._day is not None:
            return self._day
        recorded_day = self._recorded // _DAY
        if not self._timed:
            return recorded_day
        times = batch.column(self._schema.get_field_index("time")).cast(pa.int64())
        if times.null_count == batch.num_rows:
            return recorded_day
        if times.null_count:
            times = times.fill_null(self._recorded)
        bounds = pc.min_max(times).as_py()
        if bounds["min"] < _FIRST_TIME or bounds["max"] > _LAST_TIME:
            raise ValueError(
                "a time lies outside the years 1 to 9999 "
                f"({bounds['min']} to {bounds['max']} microseconds since 1970)"
            )
        if bounds["min"] // _DAY == bounds["max"] // _DAY:
            return int(bounds["min"] // _DAY)
        days: npt.NDArray[np.int64] = times.to_numpy() // _DAY
        return days

    def _keep(self, day: int, batch: pa.RecordBatch) -> None:
        partition = self._partitions.get(day)
        if partition is None:
            partition = self._partitions[day] = _Partition(day)
        size = _row_bytes(batch)
        partition.waiting.append(batch)
        partition.rows += batch.num_rows
        partition.size += size
        self._buffered += size
        if partition.rows >= ROW_GROUP_ROWS:
            self._flush(partition, partition.rows // ROW_GROUP_ROWS * ROW_GROUP_ROWS)
        while self._buffered > _BUFFERED_BYTES:
            largest = max(self._partitions.values(), key=lambda one: one.size)
            self._flush(largest, largest.rows)

    def _flush(self, partition: _Partition, rows: int) -> None:
        """Write the first ``rows`` waiting rows of a date; what is left keeps waiting."""
        table = pa.Table.from_batches(partition.waiting, self._schema)
        rest = table.slice(rows)
        self._buffered -= partition.size
        partition.waiting = rest.to_batches() if rest.num_rows else []
        partition.rows = rest.num_rows
        partition.size = sum(map(_row_bytes, partition.waiting))
        self._buffered += partition.size
        for start in range(0, rows, ROW_GROUP_ROWS):
            group = _compacted(table.slice(start, min(ROW_GROUP_ROWS, rows - start)))
            file = self._file(partition.day)
            file.writer.write_table(group, row_group_size=ROW_GROUP_ROWS)
            self._note(file, group)
            if file.rows >= self._file_rows:
                self._close(partition.day)

    def _file(self, day: int) -> _OpenFile:
        if day in self._open:
            self._open.move_to_end(day)
            return self._open[day]
        if len(self._open) >= _OPEN_FILES:
            self._close(next(iter(self._open)))
        folder = self._directory / f"date={(_EPOCH + timedelta(days=day)).isoformat()}"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / file_name(self._load, self._parts, self._schema, begins=self._begins)
        self._parts += 1
        self._written.append(path)
        self._open[day] = _OpenFile(path, pq.ParquetWriter(path, self._schema, **self._options))
        return self._open[day]

    def _note(self, file: _OpenFile, group: pa.Table) -> None:
        file.rows += group.num_rows
        if not self._timed:
            return
        times = group.column("time")
        file.time_nulls += times.null_count
        if times.null_count < len(times):
            bounds = pc.min_max(times.cast(pa.int64())).as_py()
            file.time_min = bounds["min"] if file.time_min is None else min(file.time_min, bounds["min"])
            file.time_max = bounds["max"] if file.time_max is None else max(file.time_max, bounds["max"])

    def _close(self, day: int) -> None:
        file = self._open.pop(day)
        file.writer.close()
        sync(file.path)
        self._done.append(
            StagedFile(
                path=f"{file.path.parent.name}/{file.path.name}",
                date=_EPOCH + timedelta(days=day),
                rows=file.rows,
                size=file.path.stat().st_size,
                time_min=_moment(file.time_min),
                time_max=_moment(file.time_max),
                time_nulls=file.time_nulls,
            )
        )

    def _drain(self) -> None:
        if self._unsorted:
            self._sort(last=True)
        for day, pieces in self._spill.by_day():
            partition = self._partitions.setdefault(day, _Partition(day))
            partition.waiting += pieces
            partition.rows += sum(piece.num_rows for piece in pieces)
            self._flush(partition, partition.rows)
            if day in self._open:
                self._close(day)
        self._spill.close()
        for partition in list(self._partitions.values()):
            if partition.rows:
                self._flush(partition, partition.rows)
        for day in list(self._open):
            self._close(day)
        for folder in sorted({path.parent for path in self._written}):
            sync(folder)
        if self._written:
            sync(self._directory)

    def _close_quietly(self) -> None:
        for file in self._open.values():
            try:
                file.writer.close()
            except (OSError, pa.ArrowException):
                continue  # the file is dropped by abort(); the first error is the one reported
        self._open.clear()


class _Aborted(Exception):
    """The caller dropped the stage."""


def aligned(table: pa.Table, schema: pa.Schema, name: str, load: LoadKey, recorded: int) -> pa.Table:
    """Rows in the columns of the lake table ``name``, as :class:`StagedWriter` takes them.

    Raises
    ------
    StoreError
        A column is unknown, missing or of another type.
    """
    names = set(table.column_names)
    unknown = names - set(schema.names)
    if unknown:
        wrong = min(unknown)
        raise StoreError(
            f"{name!r} has no column {wrong!r}",
            hint=did_you_mean(wrong, list(schema.names)) or "Declare it as an attribute first.",
        )
    if len(names) != len(table.column_names):
        raise StoreError(f"a table for {name!r} names a column twice: {table.column_names}")
    columns = [
        _column(table.column(f.name), f, name)
        if f.name in names
        else _absent(f, len(table), name, load, recorded)
        for f in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def _absent(wanted: pa.Field, rows: int, name: str, load: LoadKey, recorded: int) -> pa.Array:
    constant = {"source": load.source, "epoch": load.epoch}.get(wanted.name)
    if constant is not None:
        return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array([constant]))
    if wanted.name == "recorded":
        return pa.array(np.full(rows, recorded)).cast(wanted.type)
    if not wanted.nullable:
        raise StoreError(f"a table for {name!r} lacks the column {wanted.name!r}")
    return pa.nulls(rows, wanted.type)


def _column(column: pa.ChunkedArray, wanted: pa.Field, table: str) -> pa.ChunkedArray:
    try:
        if is_word(wanted) and not pa.types.is_dictionary(column.type):
            column = column.cast(pa.string()).dictionary_encode()
        if column.type != wanted.type:
            column = column.cast(wanted.type)
    except pa.ArrowException as error:
        raise StoreError(
            f"column {wanted.name!r} of {table!r} holds {column.type}, "
            f"which can't be kept as {wanted.type}: {error}"
        ) from error
    if column.null_count and not wanted.nullable:
        raise StoreError(f"column {wanted.name!r} of {table!r} is empty in {column.null_count} rows")
    return column


def _runs(batch: pa.RecordBatch, days: npt.NDArray[np.int64]) -> Iterator[tuple[int, pa.RecordBatch]]:
    """The stretches of equal day. Short ones are copied, or each would keep the whole batch in memory."""
    edges = [0, *(np.flatnonzero(days[1:] != days[:-1]) + 1).tolist(), len(days)]
    for start, end in pairwise(edges):
        piece = batch.slice(start, end - start)
        if (end - start) * 2 < batch.num_rows:
            piece = batch.take(pa.array(np.arange(start, end)))
        yield int(days[start]), piece


def _row_bytes(batch: pa.RecordBatch) -> int:
    """Bytes of the rows, without dictionaries, which batches share."""
    return sum(
        column.indices.nbytes if isinstance(column, pa.DictionaryArray) else column.nbytes
        for column in batch.columns
    )


def _compacted(group: pa.Table) -> pa.Table:
    """One dictionary per column and row group, no larger than the group: parquet stores it as it is."""
    if any(column.num_chunks > 1 for column in group.columns):
        group = group.unify_dictionaries()
    for index, wanted in enumerate(group.schema):
        column = group.column(index)
        if is_word(wanted) and column.num_chunks and len(column.chunk(0).dictionary) > group.num_rows:
            again = column.cast(wanted.type.value_type).dictionary_encode().cast(wanted.type)
            group = group.set_column(index, wanted, again)
    return group


def _moment(microseconds: int | None) -> datetime | None:
    return (
        None
        if microseconds is None
        else datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
    )
