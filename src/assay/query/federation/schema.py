"""The columns of a mounted table as they are at the source, and what became of them since they were seen."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from assay.model.entities import ENTITIES
from assay.model.entity_attributes import entity_schema
from assay.model.errors import did_you_mean
from assay.model.kinds import TIME
from assay.model.plant_model import PlantModel
from assay.model.sources import MountedTable, record_columns
from assay.model.text import Text
from assay.query.federation.errors import CATALOGUE, SourceChanged

HASH = "assay_hash"
"""The function that connections to SQLite have for the hash of a value."""

_HIDDEN = {"postgresql": {"xmin"}}
"""Columns that a table has without declaring them."""


class Family(StrEnum):
    """What the values of a column at a source are."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    TIME = "time"
    """A time with its zone."""
    LOCAL = "local time"
    """A time without a zone: in that of the source."""
    DATE = "date"
    """A day: its beginning in the zone of the source."""
    ANY = "any"
    """SQLite only: a column without a type."""
    UNKNOWN = "unknown"


_NATURAL: dict[Family, pa.DataType] = {
    Family.TEXT: pa.string(),
    Family.INTEGER: pa.int64(),
    Family.NUMBER: pa.float64(),
    Family.BOOLEAN: pa.bool_(),
    Family.TIME: TIME,
    Family.LOCAL: TIME,
    Family.DATE: TIME,
    Family.ANY: pa.string(),
}

_FITS: dict[pa.DataType, frozenset[Family]] = {
    pa.string(): frozenset({Family.TEXT, Family.INTEGER}),
    pa.int64(): frozenset({Family.INTEGER}),
    pa.float64(): frozenset({Family.INTEGER, Family.NUMBER}),
    pa.bool_(): frozenset({Family.BOOLEAN, Family.INTEGER}),
    TIME: frozenset({Family.TIME, Family.LOCAL, Family.DATE}),
}

_WORDS: dict[pa.DataType, str] = {
    pa.string(): "text",
    pa.int64(): "integer",
    pa.float64(): "number",
    pa.bool_(): "boolean",
    TIME: "time",
}


@dataclass(frozen=True)
class Column:
    """A column at a source that a field of the plant is mapped to.

    Attributes
    ----------
    field
        Its name in the plant.
    name
        Its name at the source.
    family
        What its values are there.
    target
        The Arrow type of the field; an integer may be text here, because ids are.
    converted
        ``text`` or ``number`` where the source has to convert it, so that no digit is lost.
    declared
        Its type as the source says it.
    """

    field: str
    name: str
    family: Family
    target: pa.DataType
    converted: str | None
    declared: str

    @property
    def plain(self) -> sa.ColumnElement[Any]:
        """The column as it is."""
        return sa.column(self.name)

    @property
    def selected(self) -> sa.ColumnElement[Any]:
        """The column as it is fetched."""
        if self.converted == "text":
            return sa.cast(self.plain, sa.Text)
        if self.converted == "number":
            return sa.cast(self.plain, sa.Double)
        return self.plain


class _Hash(FunctionElement[int]):
    """A hash of a value's text, a whole number."""

    name = "hash"
    inherit_cache = True
    type = sa.BigInteger()


@compiles(_Hash, "postgresql")
def _postgresql_hash(element: _Hash, compiler: Any, **options: Any) -> str:
    return f"CAST(hashtext(CAST({compiler.process(element.clauses, **options)} AS text)) AS bigint)"


@compiles(_Hash, "mariadb")
@compiles(_Hash, "mysql")
def _mariadb_hash(element: _Hash, compiler: Any, **options: Any) -> str:
    return f"crc32(CAST({compiler.process(element.clauses, **options)} AS char))"


@compiles(_Hash, "sqlite")
def _sqlite_hash(element: _Hash, compiler: Any, **options: Any) -> str:
    return f"{HASH}({compiler.process(element.clauses, **options)})"


@dataclass(frozen=True)
class Mounted:
    """A mounted table with the columns it has at the source now.

    Attributes
    ----------
    table
        What ``model.yaml`` says.
    columns
        The columns that fields are mapped to, by field.
    constants
        The fields that are the same in every row, and the columns of the kind that nothing is mapped to.
    """

    table: MountedTable
    columns: Mapping[str, Column]
    constants: Mapping[str, pa.Scalar]

    @property
    def state(self) -> sa.Executable | None:
        """The statement of the table's state, where a column tells its changes."""
        if self.table.changed is None:
            return None
        mark = sa.func.coalesce(sa.func.sum(_Hash(sa.column(self.table.changed))), 0)
        return sa.select(sa.func.count(), mark).select_from(self.place)

    @property
    def place(self) -> sa.TableClause:
        """The table for a statement."""
        schema, name = split(self.table.table)
        return sa.table(name, schema=schema)

    @property
    def schema(self) -> pa.Schema:
        """Every field that can be asked for, with its Arrow type."""
        return pa.schema(
            [
                *(pa.field(name, column.target) for name, column in self.columns.items()),
                *(pa.field(name, value.type) for name, value in self.constants.items()),
            ]
        )

    @property
    def fingerprint(self) -> dict[str, list[str]]:
        """What is compared later: family and type by column at the source."""
        return {column.name: [column.family.value, column.declared] for column in self.columns.values()}


def split(table: str) -> tuple[str | None, str]:
    """Schema and name of a table; no schema without a dot."""
    schema, dot, name = table.rpartition(".")
    return (schema, name) if dot else (None, table)


def declaration(table: MountedTable) -> str:
    """A digest of what ``model.yaml`` says about a table: with another, nothing is compared."""
    text = json.dumps([table.table, table.kind, table.key, table.fields], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def look(
    connection: sa.Connection,
    source: str,
    table: MountedTable,
    model: PlantModel,
    was: Mapping[str, list[str]] | None,
) -> Mounted:
    """Look at a table's columns, and compare them with what they were.

    Parameters
    ----------
    connection
        To the source.
    source
        Its name, for messages.
    table
        What ``model.yaml`` says.
    model
        The plant's model, for the types of fields.
    was
        The fingerprint kept from before; None the first time.

    Raises
    ------
    SourceChanged
        The table or a mapped column is gone, has another type, or never was of a type that fits. New columns
        are no matter.
    """
    schema, name = split(table.table)
    try:
        found = {one["name"]: one["type"] for one in sa.inspect(connection).get_columns(name, schema=schema)}
    except sa.exc.NoSuchTableError:
        found = {}
    if not found:
        raise SourceChanged("gone.table", source=source, table=table.name, place=table.table)
    own = {*found, *_HIDDEN.get(connection.dialect.name, ())}
    if table.changed is not None and table.changed not in own:
        raise _gone(source, table, ("changed", table.changed), list(found), was)
    targets = _targets(table, model)
    columns: dict[str, Column] = {}
    mapped = {**({"id": table.key} if table.key else {}), **table.fields}
    for field, column in mapped.items():
        if column not in found:
            raise _gone(source, table, (field, column), list(found), was)
        kind, dialect = found[column], connection.dialect
        family = _family(kind, dialect.name)
        declared = _declared(kind, dialect)
        before = (was or {}).get(column)
        if before is not None and before[0] != family.value:
            raise SourceChanged(
                "changed", source=source, place=table.table, column=column, was=before[1], now=declared
            )
        target = targets.get(field)
        if dialect.name == "sqlite":
            family = _loose(family, target)
        if family is Family.UNKNOWN or (target is not None and family not in _FITS[target]):
            raise SourceChanged(
                "unfit",
                source=source,
                place=table.table,
                column=column,
                field=field,
                now=declared,
                needed=word(target or pa.string()),
            )
        columns[field] = Column(
            field, column, family, target or _NATURAL[family], _converted(kind, dialect.name), declared
        )
    return Mounted(table, columns, _constants(table, model, source, columns))


def word(type_: pa.DataType) -> Text:
    """What values of an Arrow type are, for people."""
    return CATALOGUE.text(f"type.{_WORDS.get(type_, 'unknown')}")


def _gone(
    source: str,
    table: MountedTable,
    mapped: tuple[str, str],
    found: list[str],
    was: Mapping[str, list[str]] | None,
) -> SourceChanged:
    field, column = mapped
    listed = CATALOGUE.text("gone.columns", names=", ".join(found[:20]))
    known = did_you_mean(column, found)
    before = (was or {}).get(column)
    return SourceChanged(
        "gone.column-never" if before is None else "gone.column",
        source=source,
        hint="gone.column-hint",
        place=table.table,
        column=column,
        field=field,
        was=before[1] if before else "",
        known=Text(zh=listed.zh, en=known or listed.en),
    )


def _targets(table: MountedTable, model: PlantModel) -> dict[str, pa.DataType]:
    """The Arrow types that fields must have; fields that the model doesn't know take that of the source."""
    if table.record:
        return record_columns(table.record, model.attributes)
    ids = dict.fromkeys(["id", *table.links], pa.string())
    if table.kind not in ENTITIES:
        return ids
    extra = [one for one in model.entities if one.kind == table.kind]
    known = {field.name: field.type for field in entity_schema(table.kind, extra)}
    return {**known, **ids}


def _constants(
    table: MountedTable, model: PlantModel, source: str, columns: Mapping[str, Column]
) -> dict[str, pa.Scalar]:
    values: dict[str, pa.Scalar] = {}
    if table.record:
        for name, type_ in record_columns(table.record, model.attributes).items():
            if name not in columns:
                values[name] = pa.scalar(source if name == "source" else None, type_)
    for name, value in table.constants.items():
        values[name] = pa.scalar(value, pa.string())
    return values


def _family(kind: Any, dialect: str) -> Family:
    if isinstance(kind, sa.Boolean) or (isinstance(kind, mysql.TINYINT) and kind.display_width == 1):
        return Family.BOOLEAN
    if isinstance(kind, (sa.Integer, mysql.YEAR)):
        return Family.INTEGER
    if isinstance(kind, (sa.Numeric, sa.Float)):
        return Family.NUMBER
    if isinstance(kind, sa.DateTime):
        aware = kind.timezone or isinstance(kind, mysql.TIMESTAMP)
        return Family.TIME if aware else Family.LOCAL
    if isinstance(kind, sa.Date):
        return Family.DATE
    if isinstance(kind, (sa.String, sa.Enum, sa.Uuid, sa.JSON, postgresql.CITEXT)):
        return Family.TEXT
    if dialect == "sqlite" and isinstance(kind, sa.types.NullType):
        return Family.ANY
    return Family.UNKNOWN


def _loose(family: Family, target: pa.DataType | None) -> Family:
    """SQLite has no times of its own, and views without types; the field says what is meant."""
    if target == TIME and family in {Family.TEXT, Family.ANY}:
        return Family.LOCAL
    if family is Family.ANY:
        return next(one for one, type_ in _NATURAL.items() if type_ == (target or pa.string()))
    return family


def _converted(kind: Any, dialect: str) -> str | None:
    if dialect == "sqlite":
        return None
    if isinstance(kind, (sa.Numeric, sa.Float)) and not isinstance(kind, sa.Double):
        return "number"
    plain = isinstance(kind, sa.String) and not isinstance(kind, (sa.CHAR, sa.Enum, postgresql.CITEXT))
    if dialect == "postgresql" and _family(kind, dialect) is Family.TEXT and not plain:
        return "text"
    return None


def _declared(kind: Any, dialect: sa.Dialect) -> str:
    try:
        return str(kind.compile(dialect=dialect)).lower()
    except (sa.exc.CompileError, sa.exc.UnsupportedCompilationError):
        return type(kind).__name__.lower()
