"""Apache Spark: the way beyond one machine. The same questions over the same files."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, Self

import pyarrow as pa

from assay.model.errors import AssayError, QueryError, StoreError
from assay.query.dialect import Dialect
from assay.query.engines.alarm import Alarm, too_long
from assay.query.engines.spark_dialect import SparkDialect
from assay.query.engines.spark_start import first_line, new_session, refused_table
from assay.query.program import Limits
from assay.store.lake import Lake
from assay.store.layout import DATE
from assay.store.snapshot import Snapshot
from assay.store.workspace import Workspace

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
        session = SparkEngineSession(spark, snapshot, limits, lake, remote=self.url.startswith("sc://"))
        session.see()
        return session


class SparkEngineSession:
    """One question's session. The statements of a session share its time limit.

    Not shared between threads, except for :meth:`cancel`.
    """

    def __init__(self, spark: Any, snapshot: Snapshot, limits: Limits, lake: Lake, *, remote: bool) -> None:
        self.dialect: Dialect = SparkDialect()
        self.snapshot = snapshot
        self._spark = spark
        self._limits = limits
        self._lake = lake
        self._left = limits.seconds
        self._remote = remote
        self._tag = f"assay-{uuid.uuid4().hex}"

    def see(self) -> None:
        """Make the tables of the snapshot known: files, rows not committed yet, master data."""
        with self._bounded():
            for name, schema in self.snapshot.schemas.items():
                rows = self._files(name, schema)
                if (hot := self.snapshot.hot.get(name)) is not None and len(hot):
                    rows = rows.unionByName(self._frame(hot), allowMissingColumns=True)
                rows.createOrReplaceTempView(self.dialect.quoted(name))
            for kind, table in self.snapshot.master.items():
                self._frame(table).createOrReplaceTempView(self.dialect.quoted(kind))

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
        with self._bounded() as spark:
            rows = spark.sql(sql)
            if stored:
                # Unlike a cache, this also cuts the plan: a walk of 40 rounds stays as quick as its first.
                rows = rows.localCheckpoint(eager=True)
            rows.createOrReplaceTempView(self.dialect.quoted(name))

    def register(self, name: str, table: pa.Table) -> None:
        """Make an Arrow table known as a relation."""
        with self._bounded():
            self._frame(table).createOrReplaceTempView(self.dialect.quoted(name))

    def arrow(self, sql: str) -> pa.Table:
        """The rows of a reading statement."""
        with self._bounded() as spark:
            table: pa.Table = spark.sql(sql).toArrow()
            return table

    def stream(self, sql: str, batch_rows: int = 65_536) -> pa.RecordBatchReader:
        """The rows of a reading statement, batch by batch; one partition is computed ahead of the reader.

        The time that the reader takes between two batches doesn't count.
        """
        from pyspark.sql import functions
        from pyspark.sql.pandas.types import to_arrow_schema
        from pyspark.sql.types import TimestampType

        with self._bounded() as spark:
            frame = spark.sql(sql)
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
        """Let go of the session; the driver stays for the next question of this process."""
        if self._remote:
            self._spark.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _bounded(self) -> Iterator[Any]:
        """Run something within the time that is left, and say in our words what went wrong."""
        if self._left <= 0:
            raise too_long(self._limits)
        began = time.monotonic()
        self._tagged(on=True)
        alarm = Alarm(self._left, self.cancel)
        try:
            yield self._spark
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
