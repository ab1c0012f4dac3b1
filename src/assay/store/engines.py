"""Engines of the databases a registry can be kept in: SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa

from assay.model.errors import StoreError


def connect_engine(url: str) -> sa.Engine:
    """The engine of a registry's URL; nothing is read or written yet.

    Raises
    ------
    StoreError
        The URL is not one of SQLite or PostgreSQL, or PostgreSQL's driver is not installed.
    """
    try:
        parsed = sa.engine.make_url(url)
    except sa.exc.ArgumentError as error:
        raise StoreError(
            f"{url!r} is not a database URL", hint="Write it like postgresql+psycopg://user@host/database."
        ) from error
    backend = parsed.get_backend_name()
    if backend == "postgresql":
        engine = _postgresql(parsed)
    elif backend == "sqlite":
        engine = _sqlite(parsed)
    else:
        raise StoreError(
            f"a registry can't be kept in {backend!r}",
            hint="Use SQLite (the default) or a URL that starts with postgresql+psycopg://.",
        )
    shown = parsed.render_as_string(hide_password=True)

    @sa.event.listens_for(engine, "handle_error")
    def _explain(context: sa.engine.ExceptionContext) -> None:
        error = context.sqlalchemy_exception
        # Other kinds, such as a violated constraint, are faults of this program and stay what they are.
        theirs = isinstance(error, sa.exc.OperationalError) or type(error) is sa.exc.DatabaseError
        if isinstance(error, sa.exc.DBAPIError) and theirs and not context.is_pre_ping:
            raise StoreError(
                f"the registry at {shown} can't be used: {str(error.orig).strip()}",
                hint="Check that the database is running, the URL in assay.toml, and free disk space.",
            ) from error

    return engine


def _postgresql(url: sa.engine.URL) -> sa.Engine:
    try:
        return sa.create_engine(url.set(drivername="postgresql+psycopg"), pool_pre_ping=True)
    except ModuleNotFoundError as error:
        raise StoreError(
            f"a PostgreSQL registry needs a driver that is not installed ({error.name})",
            hint="Install it with: pip install 'assay-quality[postgres]'",
        ) from error


def _sqlite(url: sa.engine.URL) -> sa.Engine:
    engine = sa.create_engine(url, connect_args={"timeout": 30})

    @sa.event.listens_for(engine, "connect")
    def _prepare(raw: Any, _: Any) -> None:
        # sqlite3 must not open transactions by itself: see _begin.
        raw.isolation_level = None
        raw.execute("PRAGMA journal_mode=WAL")
        raw.execute("PRAGMA synchronous=FULL")
        raw.execute("PRAGMA foreign_keys=ON")
        raw.execute("PRAGMA secure_delete=ON")  # what an erasure deletes is not left in free pages
        # Captured events come in many small commits: the log is copied into the file every 32 MiB, not every
        # 4, and 64 MiB of the file stay in memory. Neither changes what is durable when.
        raw.execute("PRAGMA wal_autocheckpoint=8000")
        raw.execute("PRAGMA cache_size=-65536")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        # Readers take a snapshot; writers take the write lock before they read what they will change.
        read_only = connection.get_execution_options().get("assay_read_only", False)
        connection.exec_driver_sql("BEGIN DEFERRED" if read_only else "BEGIN IMMEDIATE")

    return engine


@contextmanager
def read_only(url: str) -> Iterator[sa.Connection]:
    """A connection that sees one state of a registry and changes nothing, not even a file beside it.

    Raises
    ------
    StoreError
        The database can't be reached or read.
    """
    parsed = sa.engine.make_url(url)
    if parsed.get_backend_name() == "sqlite":
        file = Path(parsed.database or "").absolute()
        # What is still in the write-ahead log needs its index; a file without one is all there is.
        how = "mode=ro" if Path(f"{file}-wal").exists() else "immutable=1"
        engine = sa.create_engine(f"sqlite:///file:{quote(str(file))}?{how}&uri=true")
    else:
        engine = connect_engine(url)
    try:
        with engine.connect() as connection:
            yield connection
    except sa.exc.DBAPIError as error:
        raise StoreError(f"the registry can't be read: {str(error.orig).strip()}") from error
    finally:
        engine.dispose()
