"""Conditions of a question as conditions of a statement, with the same meaning on every source.

A question compares text by code point and times as moments. Sources don't always: MariaDB takes 'a' for 'A',
SQLite keeps times as text. Where a source can't say exactly what is meant, it is asked for a little more,
and the rows are filtered once more here.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import reduce
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import UserDefinedType

from assay.query.federation.errors import SourceFailure
from assay.query.federation.schema import Column, Family, word
from assay.query.program import Condition

Clause = ColumnElement[bool]

_SHIFT = timedelta(hours=3)  # clocks are never put on or back by more
_DAY = timedelta(days=1)
_INT64 = range(-(2**63), 2**63)
_WHOLE = {"mariadb": range(-(2**63), 2**64)}
"""The whole numbers that a source may have, where it has unsigned ones."""

COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


@dataclass(frozen=True)
class Pushed:
    """A condition for the source.

    Attributes
    ----------
    clause
        What the source is asked.
    exact
        Whether that is all; otherwise the rows have to be filtered here once more.
    """

    clause: Clause
    exact: bool = True


class _CodePoints(FunctionElement[str]):
    """MariaDB: a text compared by its code points, trailing spaces counted."""

    name = "code_points"
    inherit_cache = True
    type = sa.String()


@compiles(_CodePoints)
def _code_points(element: _CodePoints, compiler: Any, **options: Any) -> str:
    return (
        f"(CONVERT({compiler.process(element.clauses, **options)} USING utf8mb4) COLLATE utf8mb4_nopad_bin)"
    )


class _Blanked(UserDefinedType[str]):
    """PostgreSQL: ``character`` of any length, whose index is used only by its own type."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "bpchar"


class Asker:
    """Makes statements for one source.

    Parameters
    ----------
    dialect
        ``postgresql``, ``mariadb`` or ``sqlite``.
    zone
        The zone of its times without one.
    source, table
        Their names, for messages.
    """

    def __init__(self, dialect: str, zone: ZoneInfo, source: str, table: str) -> None:
        self.dialect = dialect
        self.zone = zone
        self._whole = _WHOLE.get(dialect, _INT64)
        self._source = source
        self._table = table

    # -- conditions ---------------------------------------------------------------------------------

    def pushed(self, column: Column, condition: Condition) -> Pushed:
        """A condition on a column.

        Raises
        ------
        SourceFailure
            The value is not of the column's type.
        """
        operator, value = condition.operator, condition.value
        if operator == "is null":
            return Pushed(column.plain.is_(None))
        if operator == "is not null":
            return Pushed(column.plain.is_not(None))
        if operator in {"in", "not in"}:
            return self._among(column, list(value), positive=operator == "in")
        if operator == "between":
            low, high = value
            first = self.pushed(column, Condition(column.field, ">=", low))
            second = self.pushed(column, Condition(column.field, "<=", high))
            return Pushed(sa.and_(first.clause, second.clause), first.exact and second.exact)
        self._check(column, value)
        if column.target == pa.string():
            return self._text(column, operator, value)
        if column.family in {Family.TIME, Family.LOCAL, Family.DATE}:
            return self._time(column, operator, _moment(value))
        return self._plain(column, operator, value)

    def _among(self, column: Column, values: list[Any], *, positive: bool) -> Pushed:
        for value in values:
            self._check(column, value)
        if column.target == pa.string() and (column.family is Family.INTEGER or column.converted):
            single = [self._text(column, "=", value) for value in values]
        elif column.target == pa.string():
            texts = [value for value in values if "\0" not in value]
            exact: Clause = self.comparable(column).in_(texts) if texts else sa.false()
            if self.dialect == "mariadb" and positive and texts:
                exact = sa.and_(column.plain.in_(texts), exact)
            return Pushed(exact if positive else sa.and_(column.plain.is_not(None), sa.not_(exact)))
        else:
            single = [self.pushed(column, Condition(column.field, "=", value)) for value in values]
        any_of: Clause = reduce(sa.or_, (one.clause for one in single), sa.false())
        exact_all = all(one.exact for one in single)
        if positive:
            return Pushed(any_of, exact_all)
        known = column.plain.is_not(None)
        return Pushed(sa.and_(known, sa.not_(any_of)) if exact_all else known, exact_all)

    def _text(self, column: Column, operator: str, value: str) -> Pushed:
        known = column.plain.is_not(None)
        if operator in {"=", "!="}:
            found = self._equal(column, value)
            if operator == "=":
                return Pushed(sa.false() if found is None else found)
            return Pushed(known if found is None else sa.and_(known, sa.not_(found)))
        if "\0" in value:
            return Pushed(known, exact=False)
        text = self.comparable(column)
        if operator == "like":
            if self.dialect == "sqlite":
                return Pushed(text.op("GLOB", is_comparison=True)(_glob(value)))
            return Pushed(text.like(value, escape=""))
        return Pushed(COMPARISONS[operator](text, sa.literal(value, sa.String)))

    def _equal(self, column: Column, value: str) -> Clause | None:
        """Equality with a text in a form that an index serves; None when nothing can be equal."""
        native = self.native(column, value)
        if native is None:
            return None
        if column.family is Family.INTEGER:
            return column.plain == sa.literal(native, sa.BigInteger)
        if column.converted == "text":
            exact = self.comparable(column) == sa.literal(value, sa.String)
            quick = self._quick(column)
            return exact if quick is None else sa.and_(column.plain == sa.cast(native, quick), exact)
        exact = self.comparable(column) == sa.literal(value, sa.String)
        if self.dialect == "mariadb":
            return sa.and_(column.plain == sa.literal(value, sa.String), exact)
        return exact

    def comparable(self, column: Column) -> ColumnElement[Any]:
        """A column as text that is compared by code point."""
        plain: ColumnElement[Any] = column.selected
        if self.dialect == "mariadb":
            return _CodePoints(plain)
        if column.family is Family.INTEGER:
            plain = sa.cast(plain, sa.Text)
        return sa.collate(plain, "C" if self.dialect == "postgresql" else "BINARY")

    def _quick(self, column: Column) -> UserDefinedType[str] | sa.Uuid[str] | None:
        """The type in which an index of a converted column can be used."""
        if column.declared == "uuid":
            return sa.Uuid(as_uuid=False)
        return _Blanked() if column.declared.startswith("char") else None

    def _plain(self, column: Column, operator: str, value: Any) -> Pushed:
        compare = COMPARISONS[operator]
        if column.family is Family.BOOLEAN and self.dialect == "postgresql":
            return Pushed(compare(column.plain, sa.literal(bool(value), sa.Boolean)))
        if isinstance(value, bool) or (isinstance(value, int) and value in _INT64):
            return Pushed(compare(column.selected, sa.literal(int(value), sa.BigInteger)))
        if not math.isfinite(value):
            return Pushed(column.plain.is_not(None), exact=False)
        return Pushed(compare(column.selected, sa.literal(float(value), sa.Double)))

    def _time(self, column: Column, operator: str, moment: datetime) -> Pushed:
        if column.family is Family.TIME:
            bound = moment if self.dialect == "postgresql" else moment.replace(tzinfo=None)
            type_ = sa.DateTime(timezone=self.dialect == "postgresql")
            return Pushed(COMPARISONS[operator](column.plain, sa.literal(bound, type_)))
        wall = moment.astimezone(self.zone).replace(tzinfo=None)
        if self.dialect == "sqlite":
            days = (str((wall - _DAY).date()), str((wall + 2 * _DAY).date()))
            return self._around(column, operator, days, sa.String())
        if column.family is Family.DATE:
            return self._around(column, operator, ((wall - _DAY).date(), (wall + _DAY).date()), sa.Date())
        offsets = {(moment + way).astimezone(self.zone).utcoffset() for way in (-_SHIFT, _SHIFT)}
        if len(offsets) == 1:
            return Pushed(COMPARISONS[operator](column.plain, sa.literal(wall, sa.DateTime)))
        return self._around(column, operator, (wall - _SHIFT, wall + _SHIFT), sa.DateTime())

    def _around(self, column: Column, operator: str, ends: tuple[Any, Any], type_: Any) -> Pushed:
        """A condition a little wider than what is meant, where the source can't say it exactly."""
        low, high = (sa.literal(end, type_) for end in ends)
        above, below = column.plain >= low, column.plain <= high
        clauses: dict[str, Clause] = {"=": sa.and_(above, below), "!=": column.plain.is_not(None)}
        clause = clauses.get(operator, below if operator.startswith("<") else above)
        return Pushed(clause, exact=False)

    def _check(self, column: Column, value: Any) -> None:
        """A value has to be of the column's type; what is compared silently with another is a mistake."""
        allowed: tuple[type, ...] = {
            pa.string(): (str,),
            pa.bool_(): (bool,),
            pa.int64(): (int, float),
            pa.float64(): (int, float),
        }.get(column.target, (datetime, date))
        wrong = isinstance(value, bool) and column.target != pa.bool_()
        if wrong or not isinstance(value, allowed):
            raise SourceFailure(
                "condition",
                source=self._source,
                table=self._table,
                column=column.field,
                value=repr(value),
                needed=word(column.target),
            )

    # -- keys ---------------------------------------------------------------------------------------

    def native(self, column: Column, value: str) -> Any:
        """A text as the source has it; None when no row can have it."""
        if "\0" in value:
            return None
        if column.family is Family.INTEGER:
            digits = value.removeprefix("-")
            if not (digits.isascii() and digits.isdigit()) or int(value) not in self._whole:
                return None
            return int(value) if str(int(value)) == value else None
        if column.declared == "uuid" and column.converted:
            try:
                return value if str(uuid.UUID(value)) == value else None
            except ValueError:
                return None
        if column.converted and column.declared.startswith("char"):
            return None if value.endswith(" ") else value
        return value

    def having(self, column: Column, keys: Sequence[Any]) -> Clause:
        """Rows whose column is one of some keys, already in the form of :meth:`native`."""
        type_: Any = sa.BigInteger() if column.family is Family.INTEGER else sa.String()
        plain = column.plain
        if column.converted == "text":
            quick = self._quick(column)
            plain = column.selected if quick is None else plain
            type_ = quick or type_
        if self.dialect == "postgresql":
            return plain == sa.any_(sa.cast(list(keys), postgresql.ARRAY(type_)))
        return plain.in_(sa.bindparam("keys", list(keys), expanding=True, type_=type_, unique=True))


def holds(values: pa.ChunkedArray, condition: Condition) -> pa.ChunkedArray:
    """Where a condition is true of values that have arrived; false where it's unknown."""
    operator, value = condition.operator, condition.value
    if operator == "is null":
        return pc.is_null(values)
    if operator == "is not null":
        return pc.is_valid(values)
    if operator in {"in", "not in"}:
        among = pc.is_in(values, value_set=pa.array([_fit(one, values.type) for one in value], values.type))
        return pc.and_(among if operator == "in" else pc.invert(among), pc.is_valid(values))
    if operator == "between":
        low, high = value
        return pc.and_(
            holds(values, Condition(condition.column, ">=", low)),
            holds(values, Condition(condition.column, "<=", high)),
        )
    if operator == "like":
        return pc.fill_null(pc.match_like(values, str(value).replace("\\", "\\\\")), fill_value=False)
    compare = {
        "=": pc.equal,
        "!=": pc.not_equal,
        "<": pc.less,
        "<=": pc.less_equal,
        ">": pc.greater,
        ">=": pc.greater_equal,
    }[operator]
    other = _fit(value, values.type)
    scalar = pa.scalar(other, pa.float64() if isinstance(other, float) else values.type)
    return pc.fill_null(compare(values, scalar), fill_value=False)


def _fit(value: Any, type_: pa.DataType) -> Any:
    return _moment(value) if pa.types.is_timestamp(type_) else value


def _moment(value: datetime | date) -> datetime:
    """A time in UTC; one without a zone is UTC, a date is its beginning."""
    if not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


def _glob(pattern: str) -> str:
    """A pattern of ``like`` as SQLite's ``GLOB``, which tells cases apart."""
    special = {"%": "*", "_": "?", "*": "[*]", "?": "[?]", "[": "[[]"}
    return "".join(special.get(char, char) for char in pattern)
