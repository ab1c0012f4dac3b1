"""Values in SQL with their types, and what operators and functions make of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from assay.query.compile.relation import Build
from assay.query.compile.speech import said
from assay.query.dialect import Dialect
from assay.query.domain.kinds import Type
from assay.query.language.tree import Place, Scalar

Comparison = Literal["=", "!=", "<", "<=", ">", ">=", "like", "not like"]


@dataclass(frozen=True)
class Typed:
    """SQL of a value. One of type ``either`` is a number (``sql``) or a text (``text``)."""

    sql: str
    type: Type
    unit: str | None = None
    text: str | None = None
    constant: Scalar = None
    is_constant: bool = False


def constant(build: Build, value: Scalar) -> Typed:
    """A constant of the question."""
    kind: Type
    match value:
        case bool():
            kind = "boolean"
        case int():
            kind = "integer"
        case float():
            kind = "number"
        case datetime():
            kind = "time"
        case timedelta():
            kind = "number"
        case _:
            kind = "text"
    sql = "NULL" if value is None else build.literal(value)
    return Typed(sql, kind, constant=value, is_constant=True)


def is_number(value: Typed) -> bool:
    """Whether a value can be reckoned with."""
    return value.type in {"number", "integer", "either"} or (value.is_constant and value.constant is None)


def as_number(build: Build, value: Typed, operator: str, place: Place) -> Typed:
    """The value as a number; an error names the operator that needs one."""
    if not is_number(value):
        raise build.wrong(place, said("type.arithmetic", operator=operator, type=value.type))
    return replace(value, type="number") if value.type == "either" else value


def settled(value: Typed) -> Typed:
    """A value of one type: a measured value that may be a text too is taken as its number."""
    return replace(value, type="number", text=None) if value.type == "either" else value


def compared(build: Build, operator: Comparison, left: Typed, right: Typed, place: Place) -> str:
    """SQL of a comparison of two values of one type."""
    left, right = _alike(build, left, right, place)
    dialect = build.dialect
    match operator:
        case "like":
            return dialect.like(left.sql, right.sql)
        case "not like":
            return f"(NOT {dialect.like(left.sql, right.sql)})"
        case "!=":
            return f"({left.sql} <> {right.sql})"
    return f"({left.sql} {operator} {right.sql})"


def _alike(build: Build, left: Typed, right: Typed, place: Place) -> tuple[Typed, Typed]:
    if any(one.is_constant and one.constant is None for one in (left, right)):
        return settled(left), settled(right)
    left, right = _chosen(left, right), _chosen(right, left)
    left, right = _dated(build, left, right), _dated(build, right, left)
    groups: Mapping[Type, str] = {"integer": "number", "number": "number"}
    if groups.get(left.type, left.type) != groups.get(right.type, right.type):
        kinds = {"left": groups.get(left.type, left.type), "right": groups.get(right.type, right.type)}
        raise build.wrong(place, said("type.comparison", **kinds), said("hint.compare-numbers"))
    return left, right


def _chosen(value: Typed, beside: Typed) -> Typed:
    """Which of number and text a measured value is, by what it is compared with."""
    if value.type != "either":
        return value
    if beside.type == "text" and value.text is not None:
        return Typed(value.text, "text")
    return replace(value, type="number", text=None)


def _dated(build: Build, value: Typed, beside: Typed) -> Typed:
    """A text beside a time is read as a time."""
    if (
        beside.type == "time"
        and value.type == "text"
        and value.is_constant
        and isinstance(value.constant, str)
    ):
        try:
            moment = datetime.fromisoformat(value.constant)
        except ValueError:
            return value
        return constant(build, moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    return value


Form = Callable[[Dialect, list[str]], str]


@dataclass(frozen=True)
class Function:
    """A function of single values: what it takes, what it gives, and its SQL."""

    takes: tuple[Type, ...]
    gives: Type
    form: Form


FUNCTIONS: dict[str, Function] = {
    "abs": Function(("number",), "number", lambda d, a: d.absolute(a[0])),
    "round": Function(("number", "integer"), "number", lambda d, a: d.rounded(a[0], a[1])),
    "sqrt": Function(("number",), "number", lambda d, a: d.root(a[0])),
    "ln": Function(("number",), "number", lambda d, a: d.logarithm(a[0])),
    "lower": Function(("text",), "text", lambda d, a: d.lowercase(a[0])),
    "upper": Function(("text",), "text", lambda d, a: d.uppercase(a[0])),
    "trim": Function(("text",), "text", lambda d, a: d.trimmed(a[0])),
    "length": Function(("text",), "integer", lambda d, a: d.length(a[0])),
    "contains": Function(("text", "text"), "boolean", lambda d, a: d.contains(a[0], a[1])),
    "starts_with": Function(("text", "text"), "boolean", lambda d, a: d.starts_with(a[0], a[1])),
    "number": Function(("text",), "number", lambda d, a: d.number(a[0])),
    "date": Function(("time",), "text", lambda d, a: d.text(d.date(a[0]))),
    "year": Function(("time",), "integer", lambda d, a: d.year(a[0])),
    "month": Function(("time",), "integer", lambda d, a: d.month(a[0])),
    "day": Function(("time",), "integer", lambda d, a: d.day(a[0])),
    "hour": Function(("time",), "integer", lambda d, a: d.hour(a[0])),
    "minute": Function(("time",), "integer", lambda d, a: d.minute(a[0])),
    "weekday": Function(("time",), "integer", lambda d, a: d.weekday(a[0])),
    "seconds": Function(("time", "time"), "number", lambda d, a: d.seconds(a[0], a[1])),
    "months": Function(("time", "time"), "integer", lambda d, a: d.months_between(a[0], a[1])),
}
"""Functions of single values by name; times are in UTC, ``weekday`` counts from Monday = 1."""


def applied(build: Build, name: str, arguments: list[Typed], place: Place) -> Typed:
    """A function of single values applied."""
    function = FUNCTIONS[name]
    if name == "round" and len(arguments) == 1:
        arguments = [*arguments, constant(build, 0)]
    if len(arguments) != len(function.takes):
        raise build.wrong(place, said("type.arguments", function=name, count=len(function.takes)))
    ready = []
    for argument, wanted in zip(arguments, function.takes, strict=True):
        given = argument
        if wanted == "text" and argument.type == "either" and argument.text is not None:
            given = Typed(argument.text, "text")
        elif wanted in {"number", "integer"}:
            given = as_number(build, argument, name, place)
        elif given.type != wanted and not (given.is_constant and given.constant is None):
            raise build.wrong(place, said("type.arithmetic", operator=name, type=argument.type))
        ready.append(given.sql)
    unit = arguments[0].unit if name in {"abs", "round"} else None
    return Typed(function.form(build.dialect, ready), function.gives, unit)


def reckoned(build: Build, operator: str, left: Typed, right: Typed, place: Place) -> Typed:
    """Arithmetic; the difference of two times is in seconds, a time moves by seconds."""
    dialect = build.dialect
    if left.type == "time" and right.type == "time" and operator == "-":
        return Typed(dialect.seconds(right.sql, left.sql), "number", "s")
    if left.type == "time" and operator in {"+", "-"}:
        by = as_number(build, right, operator, place).sql
        return Typed(dialect.moved(left.sql, by if operator == "+" else f"-({by})"), "time")
    a, b = (as_number(build, one, operator, place) for one in (left, right))
    if operator == "/":
        return Typed(dialect.divided(a.sql, b.sql), "number")
    gives: Type = "integer" if a.type == b.type == "integer" else "number"
    unit = a.unit if operator in {"+", "-"} and a.unit == b.unit else None
    return Typed(f"({a.sql} {operator} {b.sql})", gives, unit)


AGGREGATE_TYPES: dict[str, Type | None] = {
    "mean": "number",
    "std": "number",
    "sum": "number",
    "median": "number",
    "quantile": "number",
    "share": "number",
    "count": "integer",
    "distinct": "integer",
    "any": "boolean",
    "all": "boolean",
    "min": None,
    "max": None,
    "first": None,
    "last": None,
    "list": "list",
}
"""Aggregates, and the type they give; None: that of what they are taken over."""


_PLAIN: dict[str, Callable[[Dialect, str], str]] = {
    "mean": lambda d, v: d.mean(v),
    "std": lambda d, v: d.std(v),
    "sum": lambda d, v: d.total(v),
    "median": lambda d, v: d.median(v),
    "share": lambda d, v: d.share(v),
    "count": lambda d, v: d.number_of(v),
    "distinct": lambda d, v: d.distinct(v),
    "any": lambda d, v: d.any_of(v),
    "all": lambda d, v: d.all_of(v),
    "min": lambda d, v: d.least(v),
    "max": lambda d, v: d.greatest(v),
}

_ORDERED: dict[str, Callable[[Dialect, str, list[str]], str]] = {
    "first": lambda d, v, order: d.first(v, order),
    "last": lambda d, v, order: d.last(v, order),
    "list": lambda d, v, order: d.listed(v, order),
}


def aggregated(dialect: Dialect, function: str, value: str, order: list[str], argument: float | None) -> str:
    """SQL of an aggregate over ``value``."""
    if function == "quantile":
        return dialect.quantile(value, 0.5 if argument is None else argument)
    if function in _ORDERED:
        return _ORDERED[function](dialect, value, order)
    return _PLAIN[function](dialect, value)
