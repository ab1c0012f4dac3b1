"""One table's derivation: what is new in its inputs, what that touches, and the commit."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from importlib import metadata
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from assay.model.errors import StoreError
from assay.query.layers.definition import CHANGED, WANTED, Definition, Ground, Making
from assay.query.masters import CHARACTERISTICS, CONVERSIONS, SIGNALS, conversions
from assay.store.derived import DerivedTable, changes, is_sound
from assay.store.lake import Lake
from assay.store.layout import DATE, TABLES, plain
from assay.store.lineage import Input, Lineage
from assay.store.place import located
from assay.store.reading import date_of
from assay.store.registry import now
from assay.store.snapshot import Snapshot
from assay.store.views import copy_table

_MEMORY = "6GB"
_BATCH_ROWS = 131_072
_FRESH = "fresh_rows"
_BOUND = "bound_features"
_CAME, _WENT = "came_", "went_"


@dataclass(frozen=True, slots=True)
class Derived:
    """What was done for one table.

    Attributes
    ----------
    version
        The table's version afterwards.
    whole
        Whether everything was derived again.
    rows_in, rows_out, dates
        New rows of the inputs, rows of the dates that were written, and how many dates these are.
    changed
        False where the table already knew everything.
    """

    table: str
    version: int
    changed: bool
    whole: bool = False
    rows_in: int = 0
    rows_out: int = 0
    dates: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class _News:
    """The new files of each input; ``whole`` where the state the table was made from can't be compared."""

    inputs: Mapping[str, Input]
    came: Mapping[str, tuple[str, ...]]
    went: Mapping[str, tuple[str, ...]]
    whole: bool

    def __bool__(self) -> bool:
        return self.whole or any(self.came.values()) or any(self.went.values())


class Work:
    """Derives one table from one snapshot."""

    def __init__(self, lake: Lake, snapshot: Snapshot, definition: Definition, ground: Ground) -> None:
        self._lake = lake
        self._snapshot = snapshot
        self._definition = definition
        self._table: DerivedTable = lake.derived[definition.name]
        self._ground = ground

    def run(self, *, again: bool = False, since: date | None = None) -> Derived:
        """Bring the table up to date.

        Raises
        ------
        StoreError
            A file of an input or of the table itself is damaged, or the table can't be written.
        """
        began = time.monotonic()
        definition = self._definition
        if definition.choose is not None:
            with self._connected(self._snapshot) as connection:
                chosen = definition.choose(lambda sql: connection.execute(sql).to_arrow_table())
            self._ground = replace(self._ground, chosen={definition.name: tuple(chosen)})
        fingerprint = definition.fingerprint(self._ground)
        last = self._table.lineage()
        stale = again or last is None or last.fingerprint != fingerprint
        news = self._news(None if stale or last is None else last, since)
        if not news:
            return Derived(definition.name, self._table.version(), changed=False)
        try:
            done = self._whole(news) if news.whole else self._part(news)
        except StoreError:
            if news.whole or not self._lost(news):
                raise
            news = self._everything()
            done = self._whole(news)
        files, dates, rows_in, rows_out, count = done
        lineage = Lineage(
            definition=definition.name,
            fingerprint=fingerprint,
            inputs=news.inputs,
            code=_code(),
            whole=news.whole,
            rows_in=rows_in,
            rows_out=rows_out,
            dates=count,
            derived=now(),
        )
        version = self._table.replace(files, dates, schema=definition.schema(self._ground), lineage=lineage)
        seconds = time.monotonic() - began
        return Derived(definition.name, version, True, news.whole, rows_in, rows_out, count, seconds)

    # -- what is new --------------------------------------------------------------------------------

    def _news(self, last: Lineage | None, since: date | None) -> _News:
        inputs, came, went, whole = {}, {}, {}, False
        for name in self._definition.inputs:
            version = self._snapshot.versions[name]
            known = None if last is None else last.inputs.get(name)
            if known is None or known.version > version:
                return self._everything()
            new, old, lost = self._changed(name, known.version, version)
            if since is not None:
                new = tuple(
                    dict.fromkeys([*new, *(f for f in self._snapshot.files[name] if date_of(f) >= since)])
                )
            whole = whole or lost
            came[name], went[name] = new, old
            inputs[name] = Input(known.version, version, len(new))
        return self._everything() if whole else _News(inputs, came, went, whole=False)

    def _changed(self, name: str, since: int, version: int) -> tuple[tuple[str, ...], tuple[str, ...], bool]:
        """Addresses of files that came and went, and whether some of those are gone from the disk."""
        if since == version:
            return (), (), False
        if name in TABLES:
            return new_files(self._lake, self._snapshot, name, since), (), False
        table = self._lake.derived[name]
        changed = table.changes(since, version)
        there = table.place.sizes(changed.removed)
        old = tuple(table.place.address(path) for path in changed.removed)
        new_ones = tuple(table.place.address(path) for path in changed.added)
        return new_ones, old, len(there) < len(old)

    def _everything(self) -> _News:
        """All files of all inputs."""
        inputs = {
            name: Input(-1, self._snapshot.versions[name], len(self._snapshot.files[name]))
            for name in self._definition.inputs
        }
        return _News(inputs, {}, {}, whole=True)

    def _lost(self, news: _News) -> bool:
        """Whether a file that went away, and so can be compared only from the disk, is damaged."""
        return any(
            not is_sound(place, place.relative(path))
            for name, paths in news.went.items()
            for place in [self._lake.derived[name].place if paths else self._lake.place]
            for path in paths
        )

    # -- making -------------------------------------------------------------------------------------

    def _whole(self, news: _News) -> tuple[list[Any], None, int, int, int]:
        definition = self._definition
        batches: Iterable[pa.RecordBatch]
        with self._connected(self._snapshot) as connection:
            counted = " + ".join(f"(SELECT count(*) FROM {name})" for name in definition.inputs)
            rows_in = int(connection.execute(f"SELECT {counted}").fetchall()[0][0])
            self._convert(connection, "true")
            if definition.by_date or definition.features:
                first = definition.inputs[0]
                dates = sorted({date_of(path) for path in self._snapshot.files[first]})
                batches = (batch for day in dates for batch in self._date(connection, day))
            else:
                batches = self._stream(connection, definition.rows(Making(self._ground)))
            files, rows_out, days = self._written(batches)
        return files, None, rows_in, rows_out, len(days)

    def _part(self, news: _News) -> tuple[list[Any], list[date], int, int, int]:
        definition = self._definition
        extra = {f"{CHANGED if name in TABLES else _CAME}{name}": paths for name, paths in news.came.items()}
        extra |= {f"{_WENT}{name}": paths for name, paths in news.went.items() if name not in TABLES}
        schemas = {key: self._snapshot.schemas[key.split("_", 1)[1]] for key in extra}
        snapshot = replace(
            self._snapshot,
            files={**self._snapshot.files, **extra},
            schemas={**self._snapshot.schemas, **schemas},
        )
        with self._connected(snapshot, own=True) as connection:
            for name in news.went:
                if name not in TABLES:
                    connection.execute(_difference(name))
            counted = " + ".join(f"(SELECT count(*) FROM {CHANGED}{name})" for name in definition.inputs)
            rows_in = int(connection.execute(f"SELECT {counted}").fetchall()[0][0])
            making = Making(self._ground, limited=True)
            touched = "\nUNION\n".join(
                f"SELECT {', '.join(definition.key)} FROM ({sql(making)}) AS t"
                for name, sql in definition.touched.items()
                if news.came.get(name) or news.went.get(name)
            )
            connection.execute(f"CREATE TEMP TABLE {WANTED} AS {touched}")
            if definition.by_date:
                days = [
                    row[0] for row in connection.execute(f"SELECT date FROM {WANTED} ORDER BY 1").fetchall()
                ]
                self._convert(connection, making.only(date="r.date") if days else "false")
                batches = (batch for day in days for batch in self._date(connection, day))
                files, rows_out, _ = self._written(batches)
                return files, days, rows_in, rows_out, len(days)
            self._convert(connection, "true")
            self._fresh(connection, making)
            days = self._dates(connection)
            files, rows_out, _ = self._written(self._stream(connection, self._merged(days)) if days else ())
        return files, days, rows_in, rows_out, len(days)

    def _fresh(self, connection: duckdb.DuckDBPyConnection, making: Making) -> None:
        rows = self._definition.rows(making)
        if self._definition.features:
            copy_table(connection, _BOUND, self._bound(connection.execute(rows).to_arrow_table()))
            rows = f"SELECT * FROM {_BOUND}"
        connection.execute(f"CREATE TEMP TABLE {_FRESH} AS {rows}")

    def _dates(self, connection: duckdb.DuckDBPyConnection) -> list[date]:
        """The dates that hold rows of the wanted keys, before or now."""
        name, key = self._definition.name, self._definition.key
        same = " AND ".join(f"w.{column} = t.{column}" for column in key)
        sql = (
            f"SELECT date FROM {_FRESH} UNION SELECT t.date FROM {name} AS t\n"
            f"WHERE EXISTS (SELECT 1 FROM {WANTED} AS w WHERE {same}) ORDER BY 1"
        )
        return [row[0] for row in connection.execute(sql).fetchall()]

    def _merged(self, days: Sequence[date]) -> str:
        """The rows of the dates: those that stay as they are, and the fresh ones."""
        definition, d = self._definition, self._ground.dialect
        columns = ", ".join(d.quoted(name) for name in [*definition.schema(self._ground).names, DATE.name])
        listed = ", ".join(d.literal(day) for day in days)
        same = " AND ".join(f"w.{column} = t.{column}" for column in definition.key)
        return (
            f"SELECT {columns} FROM {_FRESH} UNION ALL SELECT {columns} FROM {definition.name} AS t\n"
            f"WHERE date IN ({listed}) AND NOT EXISTS (SELECT 1 FROM {WANTED} AS w WHERE {same})"
        )

    def _date(self, connection: duckdb.DuckDBPyConnection, day: date) -> Iterator[pa.RecordBatch]:
        making = Making(self._ground, limited=True, dates=(day,))
        if not self._definition.features:
            yield from self._stream(connection, self._definition.rows(making))
            return
        everything = self._definition.rows(Making(self._ground))
        own = f"SELECT * FROM ({everything}) AS s WHERE {making.only(date='date')}"
        connection.register(_BOUND, self._bound(connection.execute(own).to_arrow_table()))
        yield from self._stream(connection, f"SELECT * FROM {_BOUND}")
        connection.unregister(_BOUND)

    def _stream(self, connection: duckdb.DuckDBPyConnection, rows: str) -> Iterator[pa.RecordBatch]:
        """Rows ordered as they lie in the table."""
        d, names = self._ground.dialect, self._definition.schema(self._ground).names
        columns = ", ".join(d.quoted(name) for name in [*names, DATE.name])
        order = ", ".join(d.quoted(name) for name in (DATE.name, *self._definition.sort))
        sql = f"SELECT {columns} FROM ({rows}) AS made ORDER BY {order}"
        yield from connection.execute(sql).to_arrow_reader(_BATCH_ROWS)

    def _written(self, batches: Iterable[pa.RecordBatch]) -> tuple[list[Any], int, set[str]]:
        writer = self._table.writer(self._definition.schema(self._ground), timed=self._definition.timed)
        try:
            for batch in batches:
                writer.write(batch)
            files = writer.finish()
        except BaseException:
            writer.abort()
            raise
        return files, writer.total, {file.path.split("/", 1)[0] for file in files}

    def _bound(self, intervals: pa.Table) -> pa.Table:
        """The features of every signal over intervals, as rows of the table."""
        # The compiled scan takes a while to import, and only this needs it.
        from assay.query.bind.features import feature_set
        from assay.query.bind.files import FileReadings
        from assay.query.bind.scanning import Scan, as_table
        from assay.query.bind.spans import Spans

        asked = feature_set(self._definition.features)
        schema = pa.schema([*plain(self._definition.schema(self._ground)), DATE])
        files = self._snapshot.files["dwd_reading"]
        if not len(intervals) or not files:
            return schema.empty_table()
        started, ended = (
            intervals.column(name).cast(pa.int64()).to_numpy().astype(np.int64)
            for name in ("started", "ended")
        )
        doubt = intervals.column("clock_uncertainty").to_numpy()
        spans = Spans.of(intervals.column("equipment"), started, ended, doubt)
        filesystem, paths = located(files)
        scan = Scan(FileReadings(paths, filesystem=filesystem, ordered=True), spans, asked)
        found = as_table(list(scan.bunches()), asked, scan.names)
        mine = intervals.take(found.column("interval"))
        columns = {
            name: mine.column(name)
            for name in ("unit_id", "execution", "segment", "equipment", "started", "ended", DATE.name)
        } | {name: found.column(name) for name in ("signal", *self._definition.features)}
        return pa.table({name: columns[name].cast(schema.field(name).type) for name in schema.names})

    # -- the connection -----------------------------------------------------------------------------

    @contextmanager
    def _connected(self, snapshot: Snapshot, *, own: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        # Tables that it doesn't read need no views, master data comes as relations of its own.
        # The table itself is read only to keep some of its rows: made from the beginning, it may be damaged.
        read = {*self._definition.inputs, *([self._definition.name] if own else [])}
        files = {
            name: files
            for name, files in snapshot.files.items()
            if name.removeprefix(_CAME).removeprefix(_WENT).removeprefix(CHANGED) in read
        }
        narrow = replace(snapshot, files=files, master={})
        try:
            with self._lake.connect(narrow, memory_limit=_MEMORY) as connection:
                for name, table in self._ground.masters.items():
                    copy_table(connection, name, table)
                yield connection
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            if isinstance(error, StoreError):
                raise
            raise self._failure(error) from error

    def _convert(self, connection: duckdb.DuckDBPyConnection, where: str) -> None:
        """Make the conversions known between the units in the rows and those of the master data."""
        pairs: list[tuple[str, str]] = []
        for declared, table, column in (
            (SIGNALS, "reading", "signal"),
            (CHARACTERISTICS, "measurement", "characteristic"),
        ):
            if declared in self._definition.masters and self._ground.masters[declared].num_rows:
                sql = (
                    f"SELECT DISTINCT r.unit, s.unit FROM {table} AS r\n"
                    f"JOIN {declared} AS s ON s.id = r.{column} WHERE r.unit <> s.unit AND {where}"
                )
                pairs += connection.execute(sql).fetchall()
        copy_table(connection, CONVERSIONS, conversions(pairs))

    def _failure(self, error: Exception) -> StoreError:
        damaged = self._lake.explained(error, self._snapshot)
        if damaged is not None:
            return damaged
        text = " ".join(str(error).split())
        return StoreError(
            f"{self._definition.name} can't be derived: {text}", hint="Check free disk space and memory."
        )


def _code() -> str:
    try:
        return metadata.version("assay-quality")
    except metadata.PackageNotFoundError:
        return "0.0.0"


def new_files(lake: Lake, snapshot: Snapshot, name: str, since: int) -> tuple[str, ...]:
    """The snapshot's files of a record table that hold rows which came after a version; maybe others too."""
    place, live = lake.place / name, snapshot.files[name]
    found = {place.address(path) for path in changes(place, since, snapshot.versions[name]).added}
    # Rows of a file that was compacted since lie in a file of the same date.
    moved = {date_of(path) for path in found - set(live)}
    return tuple(path for path in live if path in found or date_of(path) in moved)


def _difference(name: str) -> str:
    came, went = f"{_CAME}{name}", f"{_WENT}{name}"
    return (
        f"CREATE TEMP VIEW {CHANGED}{name} AS (SELECT * FROM {came} EXCEPT ALL SELECT * FROM {went})\n"
        f"UNION ALL (SELECT * FROM {went} EXCEPT ALL SELECT * FROM {came})"
    )
