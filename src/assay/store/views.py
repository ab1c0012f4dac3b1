"""The SQL views a reader sees: one per record kind and entity kind, and the ids read off the lake."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from assay.model.entities import MASTER, in_force
from assay.model.entity_attributes import EntityAttribute, entity_schema, to_column_value
from assay.model.errors import QueryError, StoreError
from assay.model.kinds import TIME, RecordKind
from assay.store.layout import CORE_SCHEMAS, DATE, QUARANTINE, REPLAY, plain, signature_of
from assay.store.place import is_remote
from assay.store.reading import parquet_dataset
from assay.store.snapshot import Snapshot

if TYPE_CHECKING:
    from assay.store.registry import Registry

ALWAYS_PRESENT = ("equipment", "person", "segment", "material", "characteristic", "gauge")
"""Entity kinds that have a view even when the plant knows none of them."""

_STORED = "stored"
"""Schema of the views over a bucket and over hot rows; a reader's own lie in ``main``."""

_SQL_TYPES: dict[pa.DataType, str] = {
    pa.string(): "VARCHAR",
    pa.int64(): "BIGINT",
    pa.float64(): "DOUBLE",
    pa.bool_(): "BOOLEAN",
    pa.binary(): "BLOB",
    pa.date32(): "DATE",
    pa.timestamp("us", tz="UTC"): "TIMESTAMP WITH TIME ZONE",
}


def quoted(name: str) -> str:
    """A name as a SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as a SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def sql_type(field: pa.Field) -> str:
    """DuckDB's name for a column's type."""
    return _SQL_TYPES[field.type]


def rows_select(
    connection: duckdb.DuckDBPyConnection, name: str, schema: pa.Schema, files: Sequence[str]
) -> str:
    """A ``SELECT`` over exactly these files of a table, with the columns of ``schema`` and ``date``.

    Files in a bucket become a view of an Arrow dataset in the schema ``stored`` first, and the text reads it:
    DuckDB itself opens local files only.
    """
    if not files or not is_remote(files[0]):
        return files_select(schema, files)
    fields = [*plain(schema), DATE]
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {_STORED}")
    connection.execute(f"USE {_STORED}")
    connection.from_arrow(parquet_dataset(files, pa.schema(fields))).create_view(name)
    connection.execute("USE main")
    return f"SELECT {', '.join(quoted(f.name) for f in fields)} FROM {_STORED}.{quoted(name)}"


def files_select(schema: pa.Schema, files: Sequence[str]) -> str:
    """A ``SELECT`` over exactly these local files, with the columns of ``schema`` and ``date``.

    Files written before an attribute was declared lack its column and show NULL there. Files are grouped by
    the columns they have, so that a scan opens one footer per group to bind and not one per file.
    """
    fields = [*plain(schema), DATE]
    groups: dict[str, list[str]] = {}
    for path in files:
        groups.setdefault(signature_of(path) or path, []).append(path)
    selects = [_group_select(fields, paths) for paths in groups.values()] or [_empty_select(fields)]
    return "\nUNION ALL\n".join(selects)


def _group_select(fields: Sequence[pa.Field], paths: Sequence[str]) -> str:
    present = {DATE.name, *_columns_of(paths[0])}
    columns = ", ".join(
        quoted(f.name) if f.name in present else f"CAST(NULL AS {sql_type(f)}) AS {quoted(f.name)}"
        for f in fields
    )
    listed = ", ".join(map(literal, paths))
    # The date is in the directory name only; naming its type keeps DuckDB from guessing.
    partitioning = "hive_partitioning=true, hive_types={'date': 'DATE'}"
    return f"SELECT {columns} FROM read_parquet([{listed}], {partitioning})"


def _empty_select(fields: Sequence[pa.Field]) -> str:
    columns = ", ".join(f"CAST(NULL AS {sql_type(f)}) AS {quoted(f.name)}" for f in fields)
    return f"SELECT {columns} WHERE false"


@lru_cache(maxsize=4096)
def _columns_of(path: str) -> tuple[str, ...]:
    return tuple(pq.read_schema(path).names)


def master_tables(registry: Registry, moment: datetime) -> dict[str, pa.Table]:
    """The master data by entity kind, of which the versions in force at a moment are current."""
    declared = registry.entity_attributes()
    master = {}
    for kind in entity_views(registry.entity_kinds()):
        rows = registry.entities(kind)
        current = frozenset(
            i for i, row in enumerate(rows) if in_force(row["valid_from"], row["valid_to"], moment)
        )
        extra = [attribute for attribute in declared if attribute.kind == kind]
        master[kind] = entity_table(kind, rows, extra, current)
    return master


def entity_table(
    kind: str, rows: Iterable[Mapping[str, object]], extra: Sequence[EntityAttribute], current: frozenset[int]
) -> pa.Table:
    """The versions of one entity kind as a table; ``current`` holds the positions in force now."""
    schema = entity_schema(kind, extra)
    columns: list[list[object]] = [[] for _ in schema]
    for position, row in enumerate(rows):
        values = {**row, "is_current": position in current}
        for column, field in zip(columns, schema, strict=True):
            column.append(to_column_value(values.get(field.name), field))
    return pa.table([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)


def create_views(
    connection: duckdb.DuckDBPyConnection,
    snapshot: Snapshot,
    explained: Callable[[Exception, str], StoreError | None],
) -> None:
    """Every view of a snapshot: record kinds, quarantine, master data, and the ids read off the lake.

    A table with a damaged file, or one that the snapshot refuses to show, becomes a view that fails with the
    reason when it is read: what does not need it is answered. Tables that a narrowed snapshot leaves out get
    no view, and the ids only where all record kinds are there. ``explained`` says what an error comes from
    that opening a table raised; None stands for something else than a damaged file, and the error goes on.
    """
    for name in snapshot.files.keys() - {REPLAY}:
        schema = snapshot.schemas[name]
        try:
            connection.execute(f"CREATE VIEW {name} AS\n{_table_select(connection, snapshot, name)}")
        except (duckdb.Error, OSError, pa.ArrowException) as error:
            both = (QUARANTINE, REPLAY) if name == QUARANTINE else (name,)
            why = next((found for one in both if (found := explained(error, one)) is not None), None)
            if why is None:
                raise
            if name == QUARANTINE:
                schema = schema.append(pa.field("replayed", TIME))
            connection.execute(f"CREATE VIEW {name} AS\n{_failing_select(schema, why)}")
    for name, refused in snapshot.refused.items():
        connection.execute(f"CREATE VIEW {name} AS\n{_failing_select(refused.schema, refused.why)}")
    for kind, table in snapshot.master.items():
        copy_table(connection, kind, table, schema="main")
    if snapshot.files.keys() >= set(record_kind_names()):
        for statement in derived_views():
            connection.execute(statement)


def _table_select(connection: duckdb.DuckDBPyConnection, snapshot: Snapshot, name: str) -> str:
    """A ``SELECT`` over all rows of a table, hot ones too; of the quarantine, with what was replayed."""
    schema = snapshot.schemas[name]
    select = rows_select(connection, name, schema, snapshot.files[name])
    if name in snapshot.hot:
        select += f"\nUNION ALL\n{_hot_select(connection, name, schema, snapshot.hot[name])}"
    return (
        select
        if name != QUARANTINE
        else quarantine_select(select, _table_select(connection, snapshot, REPLAY))
    )


def _failing_select(schema: pa.Schema, why: StoreError) -> str:
    """A ``SELECT`` with the columns of ``schema`` that fails when it is read."""
    # Every column comes from the failing call, or the optimiser could answer without it.
    columns = ", ".join(f"CAST(said AS {sql_type(f)}) AS {quoted(f.name)}" for f in [*plain(schema), DATE])
    failing = f"SELECT CAST(error({literal(str(why))}) AS VARCHAR) AS said"
    return f"SELECT {columns} FROM ({failing}) WHERE said IS NULL"


def _hot_select(connection: duckdb.DuckDBPyConnection, name: str, schema: pa.Schema, rows: pa.Table) -> str:
    """A ``SELECT`` over the hot rows of a table, which become a table in the schema ``stored``."""
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {_STORED}")
    copy_table(connection, f"{name}_hot", rows, schema=_STORED)
    columns = ", ".join(quoted(f.name) for f in [*plain(schema), DATE])
    return f"SELECT {columns} FROM {_STORED}.{quoted(f'{name}_hot')}"


def copy_table(
    connection: duckdb.DuckDBPyConnection, name: str, table: pa.Table, *, schema: str | None = None
) -> None:
    """Copy an Arrow table into the connection's own memory: into a schema, or in place of a temporary one.

    DuckDB 1.5 hands the Bloom filter of a join to a scan of Arrow when the join's small side is ready first,
    and the scan refuses it: what a statement may join is a table of DuckDB's own (duckdb-python, issue 463).
    """
    connection.register("_incoming", table)
    what = f"OR REPLACE TEMP TABLE {quoted(name)}" if schema is None else f"TABLE {schema}.{quoted(name)}"
    connection.execute(f"CREATE {what} AS SELECT * FROM _incoming")
    connection.unregister("_incoming")


def _subjects(kind: str) -> str:
    """Every mention of a subject of one kind in the lake, with its time."""
    mentions = [
        f"SELECT subject AS id, time FROM {table} WHERE subject_kind = '{kind}'"
        for table in ("movement", "measurement", "event", "artifact")
    ]
    mentions.append(f"SELECT id, time FROM entity WHERE entity = '{kind}'")
    return " UNION ALL ".join(mentions)


def _subject_view(kind: str) -> str:
    return (
        f"CREATE VIEW {kind} AS\n"
        "WITH seen AS (SELECT id, min(time) AS first_time, max(time) AS last_time\n"
        f"              FROM ({_subjects(kind)}) GROUP BY id),\n"
        "made AS (SELECT subject AS id, min(material) AS material FROM movement\n"
        f"         WHERE subject_kind = '{kind}' AND material IS NOT NULL GROUP BY subject)\n"
        "SELECT seen.id, made.material, seen.first_time, seen.last_time\n"
        "FROM seen LEFT JOIN made USING (id)"
    )


def quarantine_select(quarantine: str, replay: str) -> str:
    """The quarantine with the time at which each row was taken after all, from its two tables' selects."""
    kept = ", ".join(f"q.{quoted(name)}" for name in [*CORE_SCHEMAS[QUARANTINE].names, DATE.name])
    return (
        f"SELECT {kept}, r.replayed FROM ({quarantine}) q\n"
        f"LEFT JOIN (SELECT source, epoch, seq, min(recorded) AS replayed FROM ({replay}) GROUP BY ALL) r\n"
        "USING (source, epoch, seq)"
    )


def derived_views() -> list[str]:
    """``unit``, ``lot`` and ``execution``, read off the lake."""
    views = [_subject_view(kind) for kind in ("unit", "lot")]
    step = ["segment", "equipment", "person", "recipe", "work_order", "carrier"]
    columns = ", ".join(f"min({name}) AS {name}" for name in step)
    measured = ", ".join(
        name if name in {"segment", "equipment", "person"} else f"NULL AS {name}" for name in step
    )
    views.append(
        "CREATE VIEW execution AS\n"
        f"SELECT id, {columns}, min(started) AS started, max(ended) AS ended\n"
        f"FROM (SELECT execution AS id, {', '.join(step)}, coalesce(started, time) AS started, ended\n"
        "      FROM movement\n"
        f"      UNION ALL SELECT subject, {measured}, time, NULL FROM measurement\n"
        "      WHERE subject_kind = 'execution')\n"
        "GROUP BY id"
    )
    return views


def record_kind_names() -> tuple[str, ...]:
    """The six kinds, which are views of the same names."""
    return tuple(kind.value for kind in RecordKind)


def entity_views(present: Iterable[str]) -> tuple[str, ...]:
    """The entity kinds that get a view: those always there, then those the plant has."""
    return tuple(dict.fromkeys([*ALWAYS_PRESENT, *(kind for kind in present if kind in MASTER)]))


def query_error(error: duckdb.Error) -> QueryError:
    """What a failed statement says to whoever wrote it."""
    text = str(error).strip()
    if isinstance(error, duckdb.PermissionException):
        return QueryError(
            f"SQL here reads the plant's tables and no files: {text.splitlines()[0]}",
            hint="SHOW TABLES lists what can be read.",
        )
    return QueryError(
        f"the SQL can't be run: {text}", hint="SHOW TABLES and DESCRIBE name tables and columns."
    )
