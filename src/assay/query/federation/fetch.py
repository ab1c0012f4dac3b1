"""Rows of mounted tables: filtered at the source, restricted to keys, moved once."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import TypeVar
from weakref import WeakKeyDictionary, ref
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from assay.model.errors import ModelError, did_you_mean
from assay.model.plant_model import PlantModel
from assay.model.sources import MountedTable, Source
from assay.query.federation.asked import Asked, Bounds
from assay.query.federation.cache import MOST_BYTES, Cache, Kept, State, digest
from assay.query.federation.conditions import Asker
from assay.query.federation.connect import Connector, Missing, Reading, Stale
from assay.query.federation.errors import (
    CATALOGUE,
    SourceFailure,
    SourceValue,
)
from assay.query.federation.schema import Mounted, look
from assay.query.federation.seen import Acceptance, Columns, Seen, TableDrift, compared
from assay.query.program import Fetch, Told
from assay.store.workspace import Workspace

KEYS_PER_STATEMENT = {"postgresql": 20_000, "mariadb": 5_000, "sqlite": 5_000}
"""Keys sent at once: an array on PostgreSQL, a list elsewhere."""

MOST_ROWS = 50_000_000
LOOK_AGAIN = 300.0
"""Seconds after which the columns of a table are looked at anew."""

Result = TypeVar("Result")


class Federation:
    """The mounted tables of one plant. Safe to use from several threads.

    Parameters
    ----------
    workspace
        The plant, with its ``model.yaml``.
    cache_bytes
        Most memory of fetched rows that are kept to be used again.
    """

    def __init__(self, workspace: Workspace, *, cache_bytes: int = MOST_BYTES) -> None:
        self._plant = ref(workspace)
        self._cache = Cache(cache_bytes)
        self._counts = Cache(1 << 20)
        self._lock = threading.RLock()
        self._model: PlantModel | None = None
        self._connectors: dict[str, Connector] = {}
        self._mounted: dict[tuple[str, str], tuple[Mounted, float]] = {}

    # -- what there is ------------------------------------------------------------------------------

    def sources(self) -> tuple[Source, ...]:
        """The sources that ``model.yaml`` declares."""
        return tuple(self._current().sources)

    def schema(self, source: str, table: str) -> pa.Schema:
        """The fields of a mounted table and their Arrow types; looks at the source when it has to.

        Raises
        ------
        ModelError
            There is no such source or table.
        SourceFailure
            The source can't answer, or the table is no longer as it was.
        """
        return self._table(self._source(source), table).schema

    def engine(self, source: str) -> sa.Engine:
        """The SQLAlchemy engine of a source, for watching what is sent to it."""
        return self._connector(self._source(source)).engine

    # -- asking -------------------------------------------------------------------------------------

    def estimate(self, step: Fetch) -> int:
        """How many rows match the step's conditions, whatever the keys: one statement, remembered.

        Raises
        ------
        SourceFailure
            The source can't answer.
        """
        return self._counted(self._asked(step))

    def names(self, source: str, table: str, field: str, told: Told | None = None) -> tuple[str, ...]:
        """The different values of a field of text, such as a characteristic: one statement, remembered.

        Statements are added to ``told``.

        Raises
        ------
        ModelError
            There is no such source, table or field.
        SourceFailure
            The source can't answer.
        """
        asked = self._asked(Fetch("names", source, table, (field,)))
        mapped = asked.mounted.columns.get(field)
        if mapped is None:
            return (asked.source.table(table).constants[field],)
        mark = f"names|{asked.mark}|{field}"
        kept = self._counts.find(mark, asked.source.fresh_for)
        if kept is not None and kept.age < asked.source.fresh_for:
            return tuple(kept.table.column(0).to_pylist())
        began, round_ = time.monotonic(), self._counts.round
        text = asked.asker.comparable(mapped).label("name")
        statement = (
            sa.select(text).select_from(asked.mounted.place).where(mapped.plain.is_not(None)).distinct()
        )

        def work(reading: Reading) -> tuple[pa.Table, State | None]:
            state = asked.state(reading)
            if kept is not None and state == kept.state:
                return kept.table, state
            found = sorted(str(row[0]) for rows in reading.batches(statement) for row in rows)
            return pa.table({"name": pa.array(found, pa.string())}), state

        found, state = self._tried(asked.source, table, work, told=told)
        self._counts.keep(mark, Kept(source, found, began, state), round_)
        return tuple(found.column(0).to_pylist())

    def fetch(
        self,
        step: Fetch,
        keys: pa.Array | pa.ChunkedArray | None,
        told: Told,
        *,
        most: int = MOST_ROWS,
        seconds: float = math.inf,
    ) -> pa.Table:
        """The rows of a step, with its columns in order.

        Parameters
        ----------
        step
            What is wanted, in the names of the plant.
        keys
            Values that the column ``step.key`` has to have; None for no restriction. Keys that are missing
            or occur twice don't matter.
        told
            Statements, rows moved and notes are added to it.
        most
            Most rows that may be moved.
        seconds
            Longest time until all of them are here.

        Raises
        ------
        ModelError
            There is no such source, table or field.
        SourceFailure
            The source can't answer: nothing is returned, and nothing is kept.
        """
        asked = self._asked(step)
        unique = None if keys is None or step.key is None else _unique(keys)
        asked = asked.folded(unique)
        if asked.never:
            told.notes.append(_note("never", asked))
            return asked.schema().empty_table()
        if asked.key is None:
            unique = None
        mark = f"{asked.mark}|{step.columns}|{asked.key and asked.key.field}|{digest(unique)}"
        kept = self._cache.find(mark, asked.source.fresh_for)
        if kept is not None and kept.age < asked.source.fresh_for:
            told.notes.append(_note("cached", asked, rows=kept.table.num_rows, seconds=f"{kept.age:.0f}"))
            return kept.table
        began, round_ = time.monotonic(), self._cache.round
        table, state = self._moved(asked, unique, told, kept, Bounds(most, began + seconds))
        self._cache.keep(mark, Kept(asked.source.name, table, began, state), round_)
        return table

    # -- forgetting ---------------------------------------------------------------------------------

    def invalidate(self, source: str | None = None) -> None:
        """Forget fetched rows and looked-at columns of a source, or of all."""
        with self._lock:
            self._cache.forget(source)
            self._counts.forget(source)
            for place in [place for place in self._mounted if source in {None, place[0]}]:
                del self._mounted[place]

    # -- what became of the tables ------------------------------------------------------------------

    def drift(self, source: str) -> tuple[TableDrift, ...]:
        """Each mounted table of a source beside what it was when it was last seen or accepted."""
        return tuple(self._drifted(self._source(source), table)[0] for table in self._source(source).tables)

    def accept(self, source: str, table: str | None = None) -> tuple[TableDrift, ...]:
        """Take a table of a source, or all, as they are now, after a change that was meant.

        Returns what changed, table by table; that is also written down, see :meth:`accepted`. A table that
        can't be asked is not accepted: its ``failure`` says why.

        Raises
        ------
        ModelError
            There is no such source or table.
        """
        declared = self._source(source)
        tables = declared.tables if table is None else [declared.table(table)]
        found = []
        for one in tables:
            drift, mounted = self._drifted(declared, one)
            if mounted is not None:
                self._seen.accept(source, one, mounted.fingerprint)
            found.append(drift)
        self.invalidate(source)
        return tuple(found)

    def accepted(self) -> tuple[Acceptance, ...]:
        """The changes of mounted tables that were accepted, the latest first."""
        return self._seen.accepted()

    def _drifted(self, source: Source, table: MountedTable) -> tuple[TableDrift, Mounted | None]:
        was = self._seen.columns(source.name, table)
        try:
            mounted = self._looked(source, table, None)
        except SourceFailure as failure:
            return TableDrift(source.name, table.name, was is not None, (), failure.said), None
        changed = compared(was, mounted.fingerprint)
        return TableDrift(source.name, table.name, was is not None, changed), mounted

    def close(self) -> None:
        """Give back every connection and forget everything."""
        with self._lock:
            for connector in self._connectors.values():
                connector.close()
            self._connectors.clear()
            self.invalidate()

    # -- the model ----------------------------------------------------------------------------------

    @property
    def _workspace(self) -> Workspace:
        workspace = self._plant()
        if workspace is None:
            raise ModelError("the plant of these sources is closed", hint="Open it again.")
        return workspace

    def _current(self) -> PlantModel:
        """The model; with another one than before, everything known of the sources is forgotten."""
        model = self._workspace.model
        with self._lock:
            if self._model is not model:
                if self._model is not None and self._model != model:
                    self.close()
                self._model = model
        return model

    def _source(self, name: str) -> Source:
        sources = self._current().sources
        for source in sources:
            if source.name == name:
                return source
        known = [source.name for source in sources]
        raise ModelError(
            f"model.yaml declares no source {name!r}",
            hint=did_you_mean(name, known) or f"Known: {', '.join(known) or 'none'}.",
        )

    def _connector(self, source: Source) -> Connector:
        with self._lock:
            connector = self._connectors.get(source.name)
            if connector is None:
                connector = self._connectors[source.name] = Connector(source, self._workspace.path)
            return connector

    def _table(self, source: Source, name: str) -> Mounted:
        """A mounted table, looked at when that is long ago."""
        place = (source.name, name)
        with self._lock:
            known = self._mounted.get(place)
        if known is not None and time.monotonic() - known[1] < LOOK_AGAIN:
            return known[0]
        declared = source.table(name)
        was = self._seen.columns(source.name, declared)
        mounted = self._looked(source, declared, was)
        with self._lock:
            if known is not None and known[0].fingerprint != mounted.fingerprint:
                self._cache.forget(source.name)
                self._counts.forget(source.name)
            self._mounted[place] = (mounted, time.monotonic())
        if was != mounted.fingerprint:
            self._seen.remember(source.name, declared, mounted.fingerprint)
        return mounted

    def _looked(self, source: Source, table: MountedTable, was: Columns | None) -> Mounted:
        def looked(reading: Reading) -> Mounted:
            with reading.guarded():
                return look(reading.connection, source.name, table, self._current(), was)

        return self._tried(source, table.name, looked, explain=False)

    @property
    def _seen(self) -> Seen:
        return Seen(self._workspace.registry)

    # -- statements ---------------------------------------------------------------------------------

    def _asked(self, step: Fetch) -> Asked:
        source = self._source(step.source)
        mounted = self._table(source, step.table)
        zone = ZoneInfo(source.time_zone or self._workspace.config.time_zone)
        dialect = self.engine(source.name).dialect.name
        asker = Asker(dialect, zone, source.name, step.table)
        known = mounted.schema.names
        wanted = [*step.columns, *(one.column for one in step.conditions), *([step.key] if step.key else [])]
        for name in wanted:
            if name not in known:
                raise ModelError(
                    f"the table {step.table!r} of source {source.name!r} has no field {name!r}",
                    hint=did_you_mean(name, known) or f"Known: {', '.join(known)}.",
                )
        key = mounted.columns.get(step.key or "")
        if key is not None and key.target != pa.string():
            raise ModelError(
                f"the field {key.field!r} of table {step.table!r} holds no ids",
                hint="Only a field of text can be restricted to keys.",
            )
        return Asked(step, source, mounted, asker, key)

    def _counted(self, asked: Asked, reading: Reading | None = None) -> int:
        kept = self._counts.find(asked.mark, asked.source.fresh_for)
        if kept is not None and kept.age < asked.source.fresh_for:
            return int(kept.table.column(0)[0].as_py())
        folded = asked.folded(None)
        if folded.never:
            return 0
        began, round_ = time.monotonic(), self._counts.round
        statement = sa.select(sa.func.count()).select_from(asked.mounted.place).where(*folded.clauses())
        if reading is None:
            [count] = self._tried(asked.source, asked.step.table, lambda opened: opened.numbers(statement))
        else:
            [count] = reading.numbers(statement)
        self._counts.keep(asked.mark, Kept(asked.source.name, pa.table({"count": [count]}), began), round_)
        return count

    def _moved(
        self, asked: Asked, keys: pa.Array | None, told: Told, kept: Kept | None, bounds: Bounds
    ) -> tuple[pa.Table, State | None]:
        """Fetch, by keys or by conditions, whichever moves fewer rows; nothing where what is kept holds."""
        size, name = KEYS_PER_STATEMENT[asked.asker.dialect], asked.source.name
        notes: list[str] = []

        def work(reading: Reading) -> tuple[pa.Table, State | None, int]:
            notes.clear()
            state = asked.state(reading)
            if kept is not None and state == kept.state:
                notes.append(_note("unchanged", asked, rows=kept.table.num_rows))
                return kept.table, state, 0
            by_keys = keys is not None
            if keys is not None and len(keys) > size:
                rows = self._counted(asked, reading)
                if rows <= len(keys):
                    by_keys = False
                    notes.append(_note("conditions", asked, keys=len(keys), rows=rows))
            batches: list[list[str] | None] = [*_batches(keys, size)] if by_keys else [None]
            before = reading.statements
            parts, moved = asked.run(reading, batches, keys, bounds)
            sent = reading.statements - before
            if keys is not None and by_keys:
                notes.append(_note("keys", asked, keys=len(keys), statements=sent, rows=moved))
            elif keys is None:
                notes.append(_note("whole", asked, rows=moved))
            found = pa.concat_tables([asked.schema().empty_table(), *parts]).combine_chunks()
            asked.check_keys(found)
            return found, state, moved

        table, state, moved = self._tried(asked.source, asked.step.table, work, told=told)
        told.moved[name] = told.moved.get(name, 0) + moved
        told.notes.extend(notes)
        return table, state

    def _tried(
        self,
        source: Source,
        table: str,
        work: Callable[[Reading], Result],
        *,
        told: Told | None = None,
        explain: bool = True,
    ) -> Result:
        """Do work in one transaction; once more where a kept connection turned out to be closed."""
        try:
            return self._once(source, table, work, told)
        except Stale:
            self._connector(source).engine.dispose()
            if told is not None:
                told.notes.append(CATALOGUE.say("note.again", "en", source=source.name))
        except SourceFailure as error:
            if explain and type(error) in {SourceFailure, SourceValue, Missing}:
                self._look_again(source, table)
            raise
        return self._once(source, table, work, told)

    def _once(
        self, source: Source, table: str, work: Callable[[Reading], Result], told: Told | None
    ) -> Result:
        with self._connector(source).reading(table) as reading:
            try:
                return work(reading)
            finally:
                if told is not None:
                    sent = told.statements.get(source.name, 0) + reading.statements
                    told.statements[source.name] = sent

    def _look_again(self, source: Source, table: str) -> None:
        """Find out what became of a table; raises when it changed."""
        self.invalidate(source.name)
        self._table(source, table)


def _unique(keys: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Different keys as text, in order; missing ones left out."""
    if isinstance(keys, pa.ChunkedArray):
        keys = keys.combine_chunks()
    if pa.types.is_dictionary(keys.type):
        keys = keys.dictionary_decode()
    unique = pc.unique(keys.cast(pa.string())).drop_null()
    return unique.take(pc.array_sort_indices(unique))


def _batches(keys: pa.Array | None, size: int) -> list[list[str]]:
    if keys is None:
        return []
    return [keys.slice(first, size).to_pylist() for first in range(0, len(keys), size)]


def _note(key: str, asked: Asked, **values: object) -> str:
    return CATALOGUE.say(f"note.{key}", "en", table=asked.step.table, source=asked.source.name, **values)


_known: WeakKeyDictionary[Workspace, Federation] = WeakKeyDictionary()
_known_lock = threading.Lock()


def federation(workspace: Workspace) -> Federation:
    """The one federation of an open plant: its connections and fetched rows are shared."""
    with _known_lock:
        found = _known.get(workspace)
        if found is None:
            found = _known[workspace] = Federation(workspace)
        return found
