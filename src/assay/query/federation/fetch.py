"""Rows of mounted tables: filtered at the source, restricted to keys, moved once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from weakref import WeakKeyDictionary, ref
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from assay.model.errors import ModelError, did_you_mean
from assay.model.plant_model import PlantModel
from assay.model.sources import MountedTable, Source
from assay.query.federation.cache import MOST_BYTES, Cache, digest
from assay.query.federation.conditions import Asker, holds
from assay.query.federation.connect import Connector, Missing, Reading, Stale
from assay.query.federation.errors import CATALOGUE, SourceFailure, SourceTooMuch, SourceValue
from assay.query.federation.schema import Column, Mounted, declaration, look
from assay.query.federation.values import column_array
from assay.query.program import Condition, Fetch, Told
from assay.store.workspace import Workspace

KEYS_PER_STATEMENT = {"postgresql": 20_000, "mariadb": 5_000, "sqlite": 5_000}
"""Keys sent at once: an array on PostgreSQL, a list elsewhere."""

MOST_ROWS = 50_000_000
LOOK_AGAIN = 300.0
"""Seconds after which the columns of a table are looked at anew."""

_SEEN = "federation.seen"
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
        return self._counted(self._asked(step), Told())

    def names(self, source: str, table: str, field: str) -> tuple[str, ...]:
        """The different values of a field of text, such as a characteristic: one statement, remembered.

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
        if kept is not None:
            return tuple(kept.table.column(0).to_pylist())
        began, round_ = time.monotonic(), self._counts.round
        text = asked.asker.comparable(mapped).label("name")
        statement = (
            sa.select(text).select_from(asked.mounted.place).where(mapped.plain.is_not(None)).distinct()
        )

        def work(reading: Reading) -> list[str]:
            return sorted(str(row[0]) for rows in reading.batches(statement) for row in rows)

        found = self._tried(asked.source, table, work)
        self._counts.keep(mark, source, pa.table({"name": pa.array(found, pa.string())}), began, round_)
        return tuple(found)

    def fetch(
        self, step: Fetch, keys: pa.Array | pa.ChunkedArray | None, told: Told, *, most: int = MOST_ROWS
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
        if kept is not None:
            told.notes.append(_note("cached", asked, rows=kept.table.num_rows, seconds=f"{kept.age:.0f}"))
            return kept.table
        began, round_ = time.monotonic(), self._cache.round
        table = self._moved(asked, unique, told, most)
        self._cache.keep(mark, asked.source.name, table, began, round_)
        return table

    # -- forgetting ---------------------------------------------------------------------------------

    def invalidate(self, source: str | None = None) -> None:
        """Forget fetched rows and looked-at columns of a source, or of all."""
        with self._lock:
            self._cache.forget(source)
            self._counts.forget(source)
            for place in [place for place in self._mounted if source in {None, place[0]}]:
                del self._mounted[place]

    def accept(self, source: str) -> None:
        """Take the tables of a source as they are now, after a change that was meant."""
        for table in self._source(source).tables:
            self._remember(source, table, None)
        self.invalidate(source)

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
        was = self._remembered(source.name, declared)

        def looked(reading: Reading) -> Mounted:
            with reading.guarded():
                return look(reading.connection, source.name, declared, self._current(), was)

        mounted = self._tried(source, name, looked, explain=False)
        with self._lock:
            if known is not None and known[0].fingerprint != mounted.fingerprint:
                self._cache.forget(source.name)
                self._counts.forget(source.name)
            self._mounted[place] = (mounted, time.monotonic())
        if was != mounted.fingerprint:
            self._remember(source.name, declared, mounted.fingerprint)
        return mounted

    def _remembered(self, source: str, table: MountedTable) -> dict[str, list[str]] | None:
        seen = self._workspace.registry.setting(f"{_SEEN}.{source}.{table.name}")
        if not isinstance(seen, dict) or seen.get("declaration") != declaration(table):
            return None
        columns: dict[str, list[str]] | None = seen.get("columns")
        return columns

    def _remember(self, source: str, table: MountedTable, columns: dict[str, list[str]] | None) -> None:
        self._workspace.registry.set_setting(
            f"{_SEEN}.{source}.{table.name}", {"declaration": declaration(table), "columns": columns}
        )

    # -- statements ---------------------------------------------------------------------------------

    def _asked(self, step: Fetch) -> _Asked:
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
        return _Asked(step, source, mounted, asker, key)

    def _counted(self, asked: _Asked, told: Told) -> int:
        kept = self._counts.find(asked.mark, asked.source.fresh_for)
        if kept is not None:
            return int(kept.table.column(0)[0].as_py())
        folded = asked.folded(None)
        if folded.never:
            return 0
        began, round_ = time.monotonic(), self._counts.round
        statement = sa.select(sa.func.count()).select_from(asked.mounted.place).where(*folded.clauses())
        count = self._tried(
            asked.source, asked.step.table, lambda reading: reading.number(statement), told=told
        )
        self._counts.keep(asked.mark, asked.source.name, pa.table({"count": [count]}), began, round_)
        return count

    def _moved(self, asked: _Asked, keys: pa.Array | None, told: Told, most: int) -> pa.Table:
        """Fetch, by keys or by conditions alone, whichever moves fewer rows."""
        size = KEYS_PER_STATEMENT[asked.asker.dialect]
        by_keys = keys is not None
        if keys is not None and len(keys) > size:
            rows = self._counted(asked, told)
            if rows <= len(keys):
                by_keys = False
                told.notes.append(_note("conditions", asked, keys=len(keys), rows=rows))
        batches: list[list[str] | None] = [*_batches(keys, size)] if by_keys else [None]
        before = told.statements.get(asked.source.name, 0)

        def work(reading: Reading) -> tuple[list[pa.Table], int]:
            return asked.run(reading, batches, keys, most)

        parts, moved = self._tried(asked.source, asked.step.table, work, told=told)
        table = pa.concat_tables([asked.schema().empty_table(), *parts]).combine_chunks()
        name = asked.source.name
        told.moved[name] = told.moved.get(name, 0) + moved
        sent = told.statements.get(name, 0) - before
        if keys is not None and by_keys:
            told.notes.append(_note("keys", asked, keys=len(keys), statements=sent, rows=moved))
        elif keys is None:
            told.notes.append(_note("whole", asked, rows=moved))
        return table

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


@dataclass(frozen=True)
class _Asked:
    """A step with everything known about its table."""

    step: Fetch
    source: Source
    mounted: Mounted
    asker: Asker
    key: Column | None
    never: bool = False

    @property
    def mark(self) -> str:
        """What tells it from others, columns and keys aside."""
        step = self.step
        return f"{step.source}|{step.table}|{declaration(self.mounted.table)}|{step.conditions!r}"

    def folded(self, keys: pa.Array | None) -> _Asked:
        """Without what is known before asking: conditions on constants, a key that is one, no keys."""
        left: list[Condition] = []
        never = keys is not None and len(keys) == 0
        for condition in self.step.conditions:
            constant = self.mounted.constants.get(condition.column)
            if constant is None:
                left.append(condition)
            elif not holds(pa.chunked_array([_repeated(constant, 1)]), condition)[0].as_py():
                never = True
        if keys is not None and self.key is None:
            value = self.mounted.constants[self.step.key or ""].as_py()
            never = never or value is None or not pc.is_in(pa.scalar(value), value_set=keys).as_py()
        return replace(self, step=replace(self.step, conditions=tuple(left)), never=never)

    def schema(self) -> pa.Schema:
        """The fields asked for, in order."""
        known = self.mounted.schema
        return pa.schema([known.field(name) for name in self.step.columns])

    def clauses(self) -> list[sa.ColumnElement[bool]]:
        """The conditions for the source."""
        return [
            self.asker.pushed(self.mounted.columns[one.column], one).clause for one in self.step.conditions
        ]

    def again(self) -> list[Condition]:
        """The conditions that the source can't say exactly."""
        columns = self.mounted.columns
        return [one for one in self.step.conditions if not self.asker.pushed(columns[one.column], one).exact]

    def run(
        self, reading: Reading, batches: Iterable[Sequence[str] | None], keys: pa.Array | None, most: int
    ) -> tuple[list[pa.Table], int]:
        """Send the statements; returns the rows that are meant and how many were moved."""
        again = self.again()
        names = list(
            dict.fromkeys(
                [
                    *(name for name in self.step.columns if name in self.mounted.columns),
                    *(one.column for one in again),
                    *([self.key.field] if self.key and keys is not None else []),
                ]
            )
        )
        selected = [self.mounted.columns[name].selected.label(f"c{at}") for at, name in enumerate(names)]
        base = sa.select(*(selected or [sa.literal(1).label("one")])).select_from(self.mounted.place)
        base = base.where(*self.clauses())
        parts, moved = [], 0
        for batch in batches:
            statement, meant = base, keys
            if batch is not None and self.key is not None:
                native = [self.asker.native(self.key, one) for one in batch]
                native = [one for one in native if one is not None]
                if not native:
                    continue
                statement = base.where(self.asker.having(self.key, native))
                meant = pa.array(batch, pa.string())
            for rows in reading.batches(statement):
                moved += len(rows)
                if moved > most:
                    raise SourceTooMuch(
                        "much", source=self.source.name, table=self.step.table, most=f"{most:,}"
                    )
                parts.append(self._arrived(rows, names, again, meant))
        return parts, moved

    def _arrived(
        self, rows: Sequence[Any], names: list[str], again: list[Condition], keys: pa.Array | None
    ) -> pa.Table:
        """Rows as Arrow, without those that were not meant."""
        place = self.mounted.table.table
        columns = dict(zip(names, zip(*rows, strict=True), strict=False))
        arrays = {
            name: column_array(values, self.mounted.columns[name], self.asker.zone, self.source.name, place)
            for name, values in columns.items()
        }
        for name in self.step.columns:
            if name in self.mounted.constants:
                arrays[name] = _repeated(self.mounted.constants[name], len(rows))
        wanted = self.schema()
        if not arrays:
            return pa.table({}, schema=wanted)
        table = pa.table(arrays)
        for condition in again:
            table = table.filter(holds(table.column(condition.column), condition))
        if keys is not None and self.key is not None:
            table = table.filter(pc.is_in(table.column(self.key.field), value_set=keys))
        return table.select(list(wanted.names)).cast(wanted)


def _repeated(value: pa.Scalar, count: int) -> pa.Array:
    return pa.nulls(count, value.type) if not value.is_valid else pa.repeat(value, count)


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


def _note(key: str, asked: _Asked, **values: object) -> str:
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
