"""What a derived table is: a definition, declared once, for history and for what arrives.

A definition says which rows come from which inputs, and what has to be made again when some rows of an
input are new: the *keys* that new rows touch. Everything a definition says goes into its fingerprint, so
that a changed one derives its table again from the beginning.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import pyarrow as pa

from assay.query.dialect import Dialect

WANTED = "wanted_keys"
"""The relation that holds the keys to make again."""

CHANGED = "changed_"
"""How the relation of an input's new rows (of a derived input: of rows that came or went) is named."""


@dataclass(frozen=True)
class Ground:
    """What of a plant the definitions depend on besides records.

    Attributes
    ----------
    zone
        The plant's time zone, in which days begin.
    attributes
        The plant's own columns, by record kind.
    masters
        Master data as relations, by the name under which SQL reads them.
    chosen
        What a definition chose from the data itself, such as the columns of a wide table, by definition.
    """

    dialect: Dialect
    zone: str
    attributes: Mapping[str, Sequence[pa.Field]]
    masters: Mapping[str, pa.Table]
    chosen: Mapping[str, Sequence[pa.Field]] = field(default_factory=dict)


@dataclass(frozen=True)
class Making:
    """One derivation: the ground, and the keys or dates it is limited to (None: everything)."""

    ground: Ground
    limited: bool = False
    dates: tuple[date, ...] | None = None

    @property
    def dialect(self) -> Dialect:
        """The engine's SQL."""
        return self.ground.dialect

    def only(self, **keys: str) -> str:
        """A condition that limits rows to the wanted keys: ``only(execution="m.execution")``."""
        if not self.limited:
            return "true"
        if self.dates is not None and set(keys) == {"date"}:
            days = ", ".join(self.dialect.literal(day) for day in self.dates)
            return f"{keys['date']} IN ({days})"
        same = " AND ".join(f"w.{name} = {sql}" for name, sql in keys.items())
        return f"EXISTS (SELECT 1 FROM {WANTED} AS w WHERE {same})"

    def only_among(self, column: str, select: str) -> str:
        """A condition that limits a column to the values of a SELECT over the wanted keys."""
        return f"{column} IN ({select})" if self.limited else "true"


Sql = Callable[[Making], str]
Choice = Callable[[Callable[[str], pa.Table]], Sequence[pa.Field]]


@dataclass(frozen=True, kw_only=True)
class Definition:
    """A derived table.

    Attributes
    ----------
    name
        ``dwd_…``, ``dws_…`` or ``ads_…``; the name of the table and of the SQL view.
    title
        What one row is.
    inputs
        Record kinds and derived tables it reads.
    schema
        Its columns, without the partition column ``date``.
    key
        The columns by which rows are made again: all rows of a key are made from what belongs to that key.
    sort
        The order within a date; no two rows are equal in it.
    rows
        SQL of the rows, with ``date`` as the last column, limited to the wanted keys by the making.
    touched
        For each input, SQL of the keys that its rows in ``changed_INPUT`` touch.
    masters
        Relations of master data that it reads.
    choose
        Which columns the records themselves make, asked with SQL.
    features
        Made by a function of :mod:`assay.query.bind` instead of SQL; the features of each signal.
    by_date
        Whether rows of a date are made from rows of the same date of the only input, so that dates can be
        made one after another.
    timed
        The column whose range each file states.
    revision
        Raised when the meaning changes and the SQL doesn't.
    """

    name: str
    title: str
    inputs: tuple[str, ...]
    schema: Callable[[Ground], pa.Schema]
    key: tuple[str, ...]
    sort: tuple[str, ...]
    rows: Sql
    touched: Mapping[str, Sql]
    masters: tuple[str, ...] = ()
    choose: Choice | None = None
    features: tuple[str, ...] = ()
    by_date: bool = False
    timed: str | None = None
    revision: int = 1

    @property
    def layer(self) -> str:
        """``dwd``, ``dws`` or ``ads``."""
        return self.name.split("_", 1)[0]

    def fingerprint(self, ground: Ground) -> str:
        """16 hex digits that stand for everything the definition says on this ground."""
        making = Making(ground)
        said = [
            self.name,
            str(self.revision),
            self.rows(making),
            *(f"{name}:{sql(making)}" for name, sql in sorted(self.touched.items())),
            *(f"{column.name}:{column.type}" for column in self.schema(ground)),
            *self.key,
            *self.sort,
            *self.features,
        ]
        digest = hashlib.sha256("\0".join(said).encode())
        for name in self.masters:
            digest.update(repr(ground.masters[name].to_pylist()).encode())
        return digest.hexdigest()[:16]
