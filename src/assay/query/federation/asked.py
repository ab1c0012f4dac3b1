"""A step of a question with everything known about its table, and the statements that answer it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from assay.model.sources import Source
from assay.query.federation.cache import State
from assay.query.federation.conditions import Asker, holds
from assay.query.federation.connect import Reading
from assay.query.federation.errors import SourceSlow, SourceTooMuch, SourceValue
from assay.query.federation.schema import Column, Mounted, declaration
from assay.query.federation.values import column_array
from assay.query.program import Condition, Fetch


@dataclass(frozen=True)
class Bounds:
    """Most rows of a fetch, and when they have to be here, on the clock of :func:`time.monotonic`."""

    most: int
    until: float


@dataclass(frozen=True)
class Asked:
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

    def state(self, reading: Reading) -> State | None:
        """The state of the table now, where it tells its changes."""
        statement = self.mounted.state
        if statement is None:
            return None
        rows, mark = reading.numbers(statement)
        return rows, mark

    def folded(self, keys: pa.Array | None) -> Asked:
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
        """The conditions for the source; a row without an id is no entity."""
        columns = self.mounted.columns
        known = [] if self.mounted.table.record else [columns["id"].plain.is_not(None)]
        return [*known, *(self.asker.pushed(columns[one.column], one).clause for one in self.step.conditions)]

    def again(self) -> list[Condition]:
        """The conditions that the source can't say exactly."""
        columns = self.mounted.columns
        return [one for one in self.step.conditions if not self.asker.pushed(columns[one.column], one).exact]

    def check_keys(self, table: pa.Table) -> None:
        """Refuse entities of which two have one id: what belongs to one would be counted twice."""
        if self.mounted.table.record or "id" not in table.column_names:
            return
        counted = table.group_by("id").aggregate([([], "count_all")])
        twice = counted.filter(pc.greater(counted.column("count_all"), 1)).column("id")
        if len(twice):
            raise SourceValue(
                "twice",
                source=self.source.name,
                place=self.mounted.table.table,
                value=repr(twice[0].as_py()),
            )

    def run(
        self,
        reading: Reading,
        batches: Iterable[Sequence[str] | None],
        keys: pa.Array | None,
        bounds: Bounds,
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
                if moved > bounds.most:
                    raise SourceTooMuch(
                        "much", source=self.source.name, table=self.step.table, most=f"{bounds.most:,}"
                    )
                if time.monotonic() > bounds.until:
                    raise SourceSlow("late", source=self.source.name, table=self.step.table)
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
