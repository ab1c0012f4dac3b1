"""The registry's rows as text, from one database into another."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import groupby, islice
from operator import itemgetter
from typing import IO, Any

import sqlalchemy as sa

from assay.model.errors import StoreError
from assay.store.engines import connect_engine
from assay.store.migrate import migrate, revision
from assay.store.tables import METADATA

_ROWS = 1000


def dump_rows(connection: sa.Connection, out: IO[bytes]) -> str:
    """Write every row of every table as a line of JSON, the revision first; returns the revision.

    ``connection`` must see one snapshot.
    """
    present = revision(connection)
    if present is None:
        raise StoreError("the registry is empty", hint="Open the plant once, then take the backup.")
    _line(out, {"revision": present})
    for table in METADATA.sorted_tables:
        for row in connection.execute(sa.select(table)).mappings():
            _line(out, {"table": table.name, "row": dict(row)})
    return present


def _line(out: IO[bytes], document: dict[str, Any]) -> None:
    out.write(json.dumps(document, ensure_ascii=False).encode() + b"\n")


def restore_rows(url: str, dump: IO[bytes]) -> None:
    """Fill an empty registry with the rows of a dump and bring it to the newest revision.

    Raises
    ------
    StoreError
        The database already has a registry with rows, or the dump is of an unknown revision.
    """
    engine = connect_engine(url)
    try:
        _refuse_filled(engine)
        lines = (json.loads(line) for line in dump)
        first: dict[str, Any] = next(lines, {})
        migrate(engine, to=str(first.get("revision")))
        # The tables as they are at the dump's revision, which may be older than this program.
        tables = sa.MetaData()
        tables.reflect(engine)
        with engine.begin() as connection:
            for name, rows in groupby(lines, key=itemgetter("table")):
                _insert(connection, tables.tables[name], (line["row"] for line in rows))
        migrate(engine)
    finally:
        engine.dispose()


def _refuse_filled(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        existing = set(sa.inspect(connection).get_table_names())
        for table in METADATA.sorted_tables:
            if table.name in existing and connection.execute(sa.select(table).limit(1)).first() is not None:
                raise StoreError(
                    f"the database already has a registry with rows in {table.name!r}",
                    hint="Restore into an empty database.",
                )


def _insert(connection: sa.Connection, table: sa.Table, rows: Iterator[dict[str, Any]]) -> None:
    while chunk := list(islice(rows, _ROWS)):
        connection.execute(table.insert(), chunk)
    if connection.dialect.name == "postgresql" and "position" in table.columns:
        # Rows came with their numbers; the next one counts on from the highest.
        connection.execute(
            sa.text(
                f"SELECT setval(pg_get_serial_sequence('{table.name}', 'position'), "
                f"(SELECT coalesce(max(position), 1) FROM {table.name}))"
            )
        )
