"""Apache Spark: the way beyond one machine. The same questions over the same files."""

from __future__ import annotations

import re
import time
import uuid
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from typing import Any, Self

import pyarrow as pa

from assay.model.errors import AssayError, QueryError, StoreError
from assay.query.dialect import Dialect
from assay.query.engines.alarm import Alarm, too_long
from assay.query.engines.spark_dialect import SparkDialect
from assay.query.engines.spark_start import first_line, new_session, refused_table
from assay.query.program import Limits, Worker
from assay.store.lake import Lake
from assay.store.layout import DATE
from assay.store.snapshot import Snapshot
from assay.store.workspace import Workspace

_PIECES = 64
"""In how many pieces work is given to workers: more than they are, so that none waits long for the last."""

_WORD = re.compile(r"\w+")

_TYPES: dict[pa.DataType, str] = {
    pa.string(): "STRING",
    pa.int64(): "BIGINT",
    pa.int32(): "INT",
    pa.float64(): "DOUBLE",
    pa.bool_(): "BOOLEAN",
    pa.binary(): "BINARY",
    pa.date32(): "DATE",
    pa.timestamp("us", tz="UTC"): "TIMESTAMP",
}


class SparkEngine:
    """Spark over the files of a plant: a cluster (``spark://…``), Spark Connect (``sc://…``) or ``local[n]``.

    Every worker has to see the lake's files at the path where this process sees them. Memory is the
    cluster's business: ``spark.executor.memory`` and ``spark.driver.maxResultSize`` in Spark's own settings.
    """

    name = "spark"
    embedded = False

    def __init__(self, workspace: Workspace, url: str) -> None:
        self._workspace = workspace
        self.url = url

    def open(self, snapshot: Snapshot, limits: Limits) -> SparkEngineSession:
        """A session over a snapshot.

        Raises
        ------
        StoreError
            PySpark or Java is missing, or nothing answers at the URL.
        """
        spark = new_session(self.url)
        lake = self._workspace.lake
        return SparkEngineSession(spark, snapshot, limits, lake, remote=self.url.startswith("sc://"))


class SparkEngineSession:
    """One question's session. The statements of a session share its time limit.

    A table of the snapshot is made known when a statement first names it: a question reads few of them.
    Not shared between threads, except for :meth:`cancel`.
    """

    def __init__(self, spark: Any, snapshot: Snapshot, limits: Limits, lake: Lake, *, remote: bool) -> None:
        self.dialect: Dialect = SparkDialect()
        self.snapshot = snapshot
        self.embedded = False
        self._spark = spark
        self._limits = limits
        self._lake = lake
        self._left = limits.seconds
        self._remote = remote
        self._tag = f"assay-{uuid.uuid4().hex}"
        self._unseen = {*snapshot.schemas, *snapshot.master}
        self._known: set[str] = set()

    def _read(self, sql: str) -> Any:
        """The rows of a statement; the tables that it names are made known before."""
        for name in self._unseen & set(_WORD.findall(sql)):
            self._named(name, self._table(name))
        return self._spark.sql(sql)

    def _named(self, name: str, rows: Any) -> None:
        self._unseen.discard(name)
        self._known.add(name)
        rows.createOrReplaceTempView(self.dialect.quoted(name))

    def _table(self, name: str) -> Any:
        """A table of the snapshot: files with rows not committed yet, or master data."""
        if (master := self.snapshot.master.get(name)) is not None:
            return self._frame(master)
        rows = self._files(name, self.snapshot.schemas[name])
        if (hot := self.snapshot.hot.get(name)) is not None and len(hot):
            rows = rows.unionByName(self._frame(hot), allowMissingColumns=True)
        return rows

    def _files(self, name: str, schema: pa.Schema) -> Any:
        """A table's files; columns that a file lacks are missing, the date is read off the path."""
        written = _declared([*schema, DATE])
        files = [_address(path) for path in self.snapshot.files.get(name, ())]
        if not files:
            return self._spark.createDataFrame([], written)
        base = files[0].rpartition(f"/{DATE.name}=")[0]
        return (
            self._spark.read.schema(written).option("basePath", base).parquet(*map(_without_patterns, files))
        )

    def _frame(self, table: pa.Table) -> Any:
        return self._spark.createDataFrame(_plain(table))

    def define(self, name: str, sql: str, *, stored: bool = False) -> None:
        """Make a relation known by name; stored ones are computed now, once."""
        with self._bounded():
            rows = self._read(sql)
            if stored:
                # Unlike a cache, this also cuts the plan: a walk of 40 rounds stays as quick as its first.
                rows = rows.localCheckpoint(eager=True)
            self._named(name, rows)

    def register(self, name: str, table: pa.Table) -> None:
        """Make an Arrow table known as a relation."""
        with self._bounded():
            self._named(name, self._frame(table))

    def arrow(self, sql: str) -> pa.Table:
        """The rows of a reading statement."""
        with self._bounded():
            table: pa.Table = self._read(sql).toArrow()
            return table

    def stream(self, sql: str, batch_rows: int = 65_536) -> pa.RecordBatchReader:
        """The rows of a reading statement, batch by batch; one partition is computed ahead of the reader.

        The time that the reader takes between two batches doesn't count.
        """
        from pyspark.sql import functions
        from pyspark.sql.pandas.types import to_arrow_schema
        from pyspark.sql.types import TimestampType

        with self._bounded():
            frame = self._read(sql)
            schema = to_arrow_schema(frame.schema, timezone="UTC")
            # A row would carry times in the zone of this process, with an hour twice a year that means two.
            exact = frame.select(
                *(
                    functions.unix_micros(frame[i]) if isinstance(one.dataType, TimestampType) else frame[i]
                    for i, one in enumerate(frame.schema)
                )
            )
            rows = iter(exact.toLocalIterator())
        return pa.RecordBatchReader.from_batches(schema, self._batches(rows, schema, batch_rows))

    def _batches(
        self, rows: Iterator[Sequence[Any]], schema: pa.Schema, size: int
    ) -> Iterator[pa.RecordBatch]:
        while True:
            with self._bounded():
                taken = list(islice(rows, size))
            if not taken:
                return
            columns = zip(*taken, strict=True)
            yield pa.record_batch(
                [_column(values, field.type) for values, field in zip(columns, schema, strict=True)],
                schema=schema,
            )
            if len(taken) < size:
                return

    def each(self, worker: Worker, rows: pa.Table, schema: pa.Schema) -> pa.Table:
        """What a worker makes of rows, some at a time, on the cluster, which has to have Assay installed."""
        if not rows.num_rows:
            return schema.empty_table()
        with self._bounded():
            frame = self._frame(rows).repartition(min(rows.num_rows, _PIECES))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)  # of pandas, which has no part in this
                made: pa.Table = frame.mapInArrow(worker, _declared(schema)).toArrow()
            return made.cast(schema)

    def count(self, relation: str) -> int:
        """The number of rows of a relation."""
        rows = self.arrow(f"SELECT count(*) AS n FROM {self.dialect.quoted(relation)}")
        return int(rows.column("n")[0].as_py())

    def cancel(self) -> None:
        """Stop the statement that is running; may be called from another thread."""
        if self._remote:
            self._spark.interruptTag(self._tag)
        else:
            self._spark.sparkContext.cancelJobsWithTag(self._tag)

    def _tagged(self, *, on: bool) -> None:
        """Mark what this thread starts as the session's."""
        if self._remote:
            (self._spark.addTag if on else self._spark.removeTag)(self._tag)
            return
        # Tags of a session are known to the thread that set them only, and the alarm rings in another.
        context = self._spark.sparkContext
        (context.addJobTag if on else context.removeJobTag)(self._tag)

    def close(self) -> None:
        """Let go of the session and its relations; the driver stays for the next question of this process."""
        if self._remote:
            self._spark.stop()
            return
        # A driver that is gone has let go of them; what went wrong with it was said by the statement.
        with suppress(Exception):
            for name in self._known:
                self._spark.catalog.dropTempView(name)
        self._known.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _bounded(self) -> Iterator[None]:
        """Run something within the time that is left, and say in our words what went wrong."""
        if self._left <= 0:
            raise too_long(self._limits)
        began = time.monotonic()
        self._tagged(on=True)
        alarm = Alarm(self._left, self.cancel)
        try:
            yield
        except AssayError:
            raise
        except Exception as error:
            if alarm.rang:
                raise too_long(self._limits) from error
            raise _said(error, self._lake, self.snapshot) from error
        finally:
            alarm.stop()
            self._tagged(on=False)
            self._left -= time.monotonic() - began


def _declared(fields: Sequence[pa.Field]) -> str:
    """Columns as Spark's DDL writes them."""
    dialect = SparkDialect()
    for field in fields:
        if field.type not in _TYPES:
            raise refused_table(field.name, field.type)
    return ", ".join(f"{dialect.quoted(field.name)} {_TYPES[field.type]}" for field in fields)


def _address(path: str) -> str:
    """A file of the lake as Spark names it: on object storage by the connector s3a."""
    return path.replace("s3://", "s3a://", 1)


def _without_patterns(path: str) -> str:
    """A path in which no character stands for others; a base path is never a pattern and must not be this."""
    return "".join(f"\\{letter}" if letter in r"*?[]{}\\" else letter for letter in path)


def _plain(table: pa.Table) -> pa.Table:
    """A table with types that Spark takes."""
    fields = [pa.field(f.name, _plain_type(f.type)) for f in table.schema]
    return table.cast(pa.schema(fields))


_PLAIN: Mapping[pa.DataType, pa.DataType] = {
    pa.null(): pa.string(),
    pa.large_string(): pa.string(),
    pa.large_binary(): pa.binary(),
    pa.uint8(): pa.int16(),
    pa.uint16(): pa.int32(),
    pa.uint32(): pa.int64(),
    pa.uint64(): pa.int64(),
    pa.date64(): pa.date32(),
}


def _plain_type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return _plain_type(kind.value_type)
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us", tz=kind.tz)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return pa.list_(_plain_type(kind.value_type))
    return _PLAIN.get(kind, kind)


def _column(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    return pa.array(values, pa.int64()).cast(kind) if pa.types.is_timestamp(kind) else pa.array(values, kind)


def _said(error: Exception, lake: Lake, snapshot: Snapshot) -> QueryError | StoreError:
    place = f"{lake.place.url}/"
    text = first_line(error).replace(f"file://{place}", "").replace(place, "")
    whole = str(error)
    if "Python worker" in text:
        lines = [line for line in whole.partition("JVM stacktrace")[0].splitlines() if line.strip()]
        text = f"a worker had to give up: {lines[-1].strip()}"
    if "maxResultSize" in whole or "OutOfMemoryError" in whole:
        return QueryError(
            f"the answer is too large for the memory of Spark: {text}",
            hint="Narrow it down, or raise spark.driver.maxResultSize and spark.executor.memory.",
        )
    if "FAILED_READ_FILE" in whole or "PATH_NOT_FOUND" in whole or "FileNotFoundException" in whole:
        return lake.explained(error, snapshot) or StoreError(
            f"a file of the lake can't be read by Spark: {text}",
            hint="Every worker must see the lake at the same path; assay lake status names damaged files.",
        )
    if "ancelled" in whole and ("JOB_CANCELLED" in whole or "OPERATION_CANCELED" in whole):
        return QueryError("the question was stopped")
    if isinstance(error, ConnectionError) or "SparkContext" in text or "Py4JNetworkError" in whole:
        return StoreError(
            f"the Spark driver is gone: {text}", hint="Start the cluster again, and this process with it."
        )
    return QueryError(f"the question can't be answered: {text}")
