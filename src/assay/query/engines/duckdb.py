"""DuckDB, the embedded engine: a connection in memory for each question."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

import duckdb
import pyarrow as pa

from assay.model.errors import QueryError, StoreError
from assay.query.dialect import Dialect
from assay.query.engines.alarm import Alarm, too_long
from assay.query.engines.duckdb_dialect import DuckDialect
from assay.query.program import Limits, Worker
from assay.store.lake import Lake
from assay.store.snapshot import Snapshot
from assay.store.views import copy_table
from assay.store.workspace import Workspace

SCRATCH = "16GB"
"""Most that one question may set aside on disk while it sorts or joins."""


class DuckEngine:
    """DuckDB over the files of a plant."""

    name = "duckdb"
    url = "duckdb"
    embedded = True

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def open(self, snapshot: Snapshot, limits: Limits) -> DuckSession:
        """A session over a snapshot."""
        lake = self._workspace.lake
        try:
            connection = lake.connect(snapshot, memory_limit=limits.memory, scratch_limit=SCRATCH)
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            raise _said(error, limits, lake, snapshot) from error
        return DuckSession(connection, snapshot, limits, lake)


class DuckSession:
    """One question's connection. The statements of a session share its time limit.

    One stream is open at a time: the next statement ends it. Not shared between threads, except for
    :meth:`cancel`.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, snapshot: Snapshot, limits: Limits, lake: Lake
    ) -> None:
        self.dialect: Dialect = DuckDialect()
        self.snapshot = snapshot
        self.embedded = True
        self._connection = connection
        self._limits = limits
        self._lake = lake
        self._left = limits.seconds
        self._made: dict[str, str] = {}

    def define(self, name: str, sql: str, *, stored: bool = False) -> None:
        """Make a relation known by name; stored ones are computed now, once."""
        what, quoted = ("TABLE" if stored else "VIEW"), self.dialect.quoted(name)
        with self._bounded() as connection:
            if (before := self._made.get(name, what)) != what:
                connection.execute(f"DROP {before} {quoted}")
            connection.execute(f"CREATE OR REPLACE TEMP {what} {quoted} AS {sql}")
            self._made[name] = what

    def register(self, name: str, table: pa.Table) -> None:
        """Make an Arrow table known as a relation."""
        with self._bounded() as connection:
            if self._made.get(name) == "VIEW":
                connection.execute(f"DROP VIEW {self.dialect.quoted(name)}")
            copy_table(connection, name, table)
            self._made[name] = "TABLE"

    def arrow(self, sql: str) -> pa.Table:
        """The rows of a reading statement."""
        with self._bounded() as connection:
            return connection.execute(sql).to_arrow_table()

    def stream(self, sql: str, batch_rows: int = 65_536) -> pa.RecordBatchReader:
        """The rows of a reading statement, batch by batch; nothing is computed ahead of the reader.

        The time that the reader takes between two batches doesn't count.
        """
        with self._bounded() as connection:
            reader = connection.execute(sql).to_arrow_reader(batch_rows)
        return pa.RecordBatchReader.from_batches(reader.schema, self._batches(reader))

    def _batches(self, reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
        while True:
            with self._bounded():
                batch = next(reader, None)
            if batch is None:
                return
            yield batch

    def each(self, worker: Worker, rows: pa.Table, schema: pa.Schema) -> pa.Table:
        """What a worker makes of rows, one row after another, in this process."""
        with self._bounded():
            return pa.Table.from_batches(worker(iter(rows.to_batches(max_chunksize=1))), schema)

    def count(self, relation: str) -> int:
        """The number of rows of a relation."""
        rows = self.arrow(f"SELECT count(*) AS n FROM {self.dialect.quoted(relation)}")
        return int(rows.column("n")[0].as_py())

    def cancel(self) -> None:
        """Stop the statement that is running; may be called from another thread."""
        self._connection.interrupt()

    def close(self) -> None:
        """Let go of the engine."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _bounded(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Run something within the time that is left, and say in our words what went wrong."""
        if self._left <= 0:
            raise too_long(self._limits)
        began = time.monotonic()
        alarm = Alarm(self._left, self._connection.interrupt)
        try:
            yield self._connection
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            if alarm.rang:
                raise too_long(self._limits) from error
            raise _said(error, self._limits, self._lake, self.snapshot) from error
        finally:
            alarm.stop()
            self._left -= time.monotonic() - began


def _said(error: Exception, limits: Limits, lake: Lake, snapshot: Snapshot) -> QueryError | StoreError:
    text = str(error).strip().replace(f"{lake.place.url}/", "")
    if isinstance(error, duckdb.OutOfMemoryException) or "Out of Memory" in text:
        return QueryError(
            f"the question needs more than {limits.memory} of memory and {SCRATCH} of disk beside it",
            hint="Narrow it down (a shorter time, fewer things, a condition), or allow more memory.",
        )
    if isinstance(error, duckdb.InterruptException) or text.startswith("INTERRUPT"):
        return QueryError("the question was stopped")
    if (why := lake.explained(error, snapshot)) is not None:
        return why
    if isinstance(error, duckdb.IOException | OSError) or ".parquet" in text:
        return StoreError(
            f"a file of the lake can't be read: {text.splitlines()[0]}",
            hint="assay lake status names damaged files and says what to do.",
        )
    return QueryError(f"the question can't be answered: {text.splitlines()[0]}")
