"""Connections to sources: reading only, within a time limit that the server keeps and we keep again."""

from __future__ import annotations

import contextlib
import os
import socket
import sqlite3
import threading
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa

from assay.model.sources import ENVIRONMENT, Source, checked_scheme
from assay.query.federation.errors import (
    MissingDriver,
    SourceDown,
    SourceFailure,
    SourceRefused,
    SourceSlow,
)
from assay.query.federation.schema import HASH

BATCH_ROWS = 16_384
"""Rows that are in memory as Python values at once."""

_GRACE = 1.0
"""Seconds after the server's own limit before a silent connection is cut from this side."""

_CONNECT = 10.0
_RECYCLE = 300
_OPCODES = 10_000

_EXTRAS = {"postgresql": ("PostgreSQL", "postgres"), "mariadb": ("MariaDB", "mariadb")}
_SLOW = ("57014", 1969)
_REFUSED = ("28000", "28P01", "42501", 1044, 1045, 1142, 1143, 1698)
_REFUSED_TEXTS = (
    *("authentication failed", "no password supplied", "no pg_hba.conf entry", "FATAL:  role"),
    "Access denied",
)
_MISSING = ("42P01", "42703", "3F000", 1054, 1146, 1049)
_MISSING_TEXTS = ("no such table", "no such column")


class Missing(SourceFailure):
    """A table or column that a statement names is not there; the schema says which."""


class Stale(SourceDown):
    """A connection kept from before had been closed by the other side before the first answer came."""


@dataclass
class Reading:
    """One transaction at a source that reads: every statement sees the same state.

    Attributes
    ----------
    connection
        For looking at the columns; statements for rows go through :meth:`batches`.
    statements
        How many statements were sent by :meth:`batches` and :meth:`numbers`.
    answered
        Whether anything came back yet.
    """

    source: Source
    connection: sa.Connection
    statements: int = 0
    answered: bool = False
    cut: bool = False

    def batches(self, statement: sa.Select[Any]) -> Iterator[Sequence[sa.Row[Any]]]:
        """The rows of a statement as they arrive, never more than :data:`BATCH_ROWS` at once."""
        with self.guarded():
            self.statements += 1
            result = self.connection.execution_options(yield_per=BATCH_ROWS).execute(statement)
            self.answered = True
        parts = result.partitions(BATCH_ROWS)
        while True:
            with self.guarded():
                rows = next(parts, None)
            if rows is None:
                return
            yield rows

    def numbers(self, statement: sa.Executable) -> tuple[int, ...]:
        """The numbers of the one row that a statement returns."""
        with self.guarded():
            self.statements += 1
            row = self.connection.execute(statement).one()
            self.answered = True
        return tuple(int(value or 0) for value in row)

    @contextlib.contextmanager
    def guarded(self) -> Iterator[None]:
        """Let nothing wait longer than the source's limit and a little more."""
        raw: Any = self.connection.connection.driver_connection
        if isinstance(raw, _Limited):
            raw.deadline = time.monotonic() + self.source.timeout
            yield
            raw.deadline = float("inf")
            return
        if self.connection.dialect.name != "postgresql":
            yield  # the driver has a limit of its own
            return
        watch = _Watch(raw, self.source.timeout + _GRACE)
        try:
            yield
        finally:
            self.cut = watch.stop()


class _Watch:
    """Closes the socket under a driver that waits without a limit, unless it is stopped before."""

    def __init__(self, raw: Any, seconds: float) -> None:
        self._raw = raw
        self._lock = threading.Lock()
        self._over = False
        self._did = False
        self._timer = threading.Timer(seconds, self.cut)
        self._timer.daemon = True
        self._timer.start()

    def cut(self) -> None:
        """Close the connection from this side: the driver sees that it ended."""
        with self._lock, contextlib.suppress(Exception):
            if not self._over:
                self._did = True
                with socket.socket(fileno=os.dup(self._raw.fileno())) as twin:
                    twin.shutdown(socket.SHUT_RDWR)

    def stop(self) -> bool:
        """Whether it was cut; it won't be any more."""
        self._timer.cancel()
        with self._lock:
            self._over = True
            return self._did


class Connector:
    """The engine of one source. Connections are few, kept for minutes, and safe to share between threads.

    Parameters
    ----------
    source
        What ``model.yaml`` says.
    folder
        The plant's directory, for the relative path of a SQLite file.
    """

    def __init__(self, source: Source, folder: Path) -> None:
        self.source = source
        self._folder = folder
        self._made: sa.Engine | None = None
        self._lock = threading.Lock()
        self._password = ""
        self._opening = threading.local()

    @property
    def engine(self) -> sa.Engine:
        """The SQLAlchemy engine, made when first needed; no connection is opened by that.

        Raises
        ------
        SourceFailure
            The URL can't be used.
        MissingDriver
            The database's driver is not installed; the hint names the extra.
        """
        with self._lock:
            if self._made is None:
                self._made = self._make(self._url())
            return self._made

    @contextlib.contextmanager
    def reading(self, table: str) -> Iterator[Reading]:
        """A transaction that reads; errors of the driver come out as failures of the source.

        Raises
        ------
        SourceDown, SourceSlow, SourceRefused, SourceFailure
            The source can't answer.
        Missing, Stale
            For the caller to explain, or to try again.
        """
        pool = self.engine.pool
        used = isinstance(pool, sa.QueuePool) and pool.checkedin() > 0
        reading: Reading | None = None
        try:
            with self._connected() as connection:
                reading = Reading(self.source, connection)
                try:
                    yield reading
                    with reading.guarded():
                        connection.rollback()
                except BaseException:
                    # What is left of the answer is not read to its end.
                    if not connection.invalidated:
                        _abandon(connection.connection.driver_connection)
                    connection.invalidate()
                    raise
        except (sa.exc.SQLAlchemyError, OSError) as error:
            raise self._explained(error, reading, table, used=used) from error

    def close(self) -> None:
        """Give back every connection."""
        with self._lock:
            if self._made is not None:
                self._made.dispose()
                self._made = None

    # -- opening ------------------------------------------------------------------------------------

    def _connected(self) -> sa.Connection:
        """A connection from the pool; one that has to be opened is watched until it is of use."""
        self._opening.watch = None
        try:
            return self.engine.connect()
        finally:
            if self._opening.watch is not None:
                self._opening.watch.stop()

    def _url(self) -> sa.URL:
        text = self.source.url
        if text.startswith(ENVIRONMENT):
            name = text.removeprefix(ENVIRONMENT)
            text = os.environ.get(name, "").strip()
            if not text:
                raise SourceFailure("unset", source=self.source.name, name=name)
        try:
            driver = checked_scheme(text)
            url = sa.make_url(text).set(drivername=driver)
        except (ValueError, sa.exc.ArgumentError) as error:
            # The text may hold a password: of SQLAlchemy's error nothing is passed on.
            detail = str(error) if isinstance(error, ValueError) else "it is not written as a URL"
            raise SourceFailure("url", source=self.source.name, detail=detail) from None
        self._password = url.password or ""
        return url

    def _make(self, url: sa.URL) -> sa.Engine:
        if url.drivername == "sqlite":
            return self._sqlite(url)
        try:
            if url.drivername.startswith("postgresql"):
                return self._postgresql(url)
            return self._mariadb(url)
        except ImportError as error:
            title, extra = _EXTRAS[url.get_backend_name()]
            raise MissingDriver("driver", source=self.source.name, database=title, extra=extra) from error

    def _engine(self, url: sa.URL | str, **options: Any) -> sa.Engine:
        return sa.create_engine(
            url,
            hide_parameters=True,
            pool_size=2,
            max_overflow=2,
            pool_timeout=self.source.timeout,
            pool_recycle=_RECYCLE,
            poolclass=sa.QueuePool,
            **options,
        )

    def _postgresql(self, url: sa.URL) -> sa.Engine:
        engine = self._engine(
            url,
            isolation_level="REPEATABLE READ",
            execution_options={"postgresql_readonly": True},
            connect_args={"connect_timeout": round(max(2, min(self.source.timeout, _CONNECT)))},
        )
        milliseconds = max(1, round(self.source.timeout * 1000))

        @sa.event.listens_for(engine, "do_connect")
        def _open(dialect: Any, _: object, given: Any, named: Any) -> Any:
            raw = dialect.connect(*given, **named)
            self._opening.watch = _Watch(raw, self.source.timeout + _GRACE)
            return raw

        @sa.event.listens_for(engine, "connect")
        def _limit(raw: Any, _: object) -> None:
            with raw.cursor() as cursor:
                cursor.execute(f"SET statement_timeout = {milliseconds}")
                cursor.execute("SET TimeZone = 'UTC'")
            raw.commit()

        return engine

    def _mariadb(self, url: sa.URL) -> sa.Engine:
        waiting = self.source.timeout + _GRACE
        engine = self._engine(
            url,
            isolation_level="REPEATABLE READ",
            connect_args={
                "charset": "utf8mb4",
                "connect_timeout": min(self.source.timeout, _CONNECT),
                "read_timeout": waiting,
                "write_timeout": waiting,
            },
        )

        @sa.event.listens_for(engine, "connect")
        def _limit(raw: Any, _: object) -> None:
            with raw.cursor() as cursor:
                cursor.execute("SET SESSION TRANSACTION READ ONLY")
                cursor.execute("SET SESSION time_zone = '+00:00'")
                cursor.execute(f"SET SESSION max_statement_time = {self.source.timeout:f}")

        @sa.event.listens_for(engine, "handle_error")
        def _broken(context: sa.engine.ExceptionContext) -> None:
            _abandon(getattr(context.execution_context, "cursor", None))

        return engine

    def _sqlite(self, url: sa.URL) -> sa.Engine:
        if not url.database or url.database == ":memory:":
            raise SourceFailure("url", source=self.source.name, detail="it names no file")
        file = self._folder / url.database

        def opened() -> sqlite3.Connection:
            raw = sqlite3.connect(
                f"file:{quote(str(file))}?mode=ro",
                uri=True,
                factory=_Limited,
                timeout=self.source.timeout,
                isolation_level=None,
                check_same_thread=False,
            )
            raw.execute("PRAGMA query_only = ON")
            raw.text_factory = _read
            raw.create_function(HASH, 1, _hashed, deterministic=True)
            return raw

        engine = self._engine("sqlite://", creator=opened)

        @sa.event.listens_for(engine, "begin")
        def _begin(connection: sa.Connection) -> None:
            connection.exec_driver_sql("BEGIN")

        return engine

    # -- what went wrong ----------------------------------------------------------------------------

    def _explained(self, error: Exception, reading: Reading | None, table: str, *, used: bool) -> Exception:
        """A failure of the source for an error of the driver, without a password in it."""
        cause = getattr(error, "orig", None) or error
        detail = str(cause).strip().split("\n", 1)[0]
        if self._password:
            detail = detail.replace(self._password, "***")
        code = getattr(cause, "sqlstate", None) or (cause.args[0] if cause.args else None)
        name = self.source.name
        timed_out = "interrupted" in detail or "timed out" in detail
        if reading is not None and (reading.cut or code in _SLOW or timed_out):
            return SourceSlow("slow", source=name, seconds=f"{self.source.timeout:g}", table=table)
        if code in _REFUSED or any(text in detail for text in _REFUSED_TEXTS):
            return SourceRefused("refused", source=name, detail=detail)
        if code in _MISSING or any(text in detail for text in _MISSING_TEXTS):
            if reading is not None:
                return Missing("failed", source=name, table=table, detail=detail)
            return SourceDown("down", source=name, detail=detail)
        if reading is None:
            return SourceDown("down", source=name, detail=detail)
        if getattr(error, "connection_invalidated", False) or isinstance(error, OSError):
            kind = Stale if used and not reading.answered else SourceDown
            return kind("dropped", source=name, detail=detail)
        return SourceFailure("failed", source=name, table=table, detail=detail)


def _read(text: bytes) -> str | bytes:
    """A text of SQLite; bytes where it is none, so that the value is named."""
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text


def _hashed(value: object) -> int | None:
    return None if value is None else zlib.crc32(repr(value).encode())


def _abandon(owner: Any) -> None:
    """Keep PyMySQL from reading the rest of an answer whose connection is given up, when it is collected."""
    unfinished = getattr(owner, "_result", None)
    if unfinished is not None:
        unfinished.unbuffered_active = False


class _Limited(sqlite3.Connection):
    """A SQLite connection that stops a statement at a deadline."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.deadline = float("inf")
        self.set_progress_handler(self._late, _OPCODES)

    def _late(self) -> bool:
        return time.monotonic() > self.deadline
