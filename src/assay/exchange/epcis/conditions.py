"""Conditions that are decided by reading an event: extensions, sensor data, quantities, declarations."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from assay.exchange.epcis.context import Context
from assay.exchange.epcis.terms import QUANTITY_LISTS
from assay.exchange.epcis.times import microseconds

Event = Mapping[str, Any]
Test = Callable[[Event, Context], bool]
Values = Callable[[Event, Context], Iterator[Any]]
Compare = Callable[[Any], bool]

COMPARISONS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "GT": operator.gt,
    "GE": operator.ge,
    "LT": operator.lt,
    "LE": operator.le,
}
SENSOR_NUMBERS: Final = ("value", "minValue", "maxValue", "meanValue", "sDev", "percRank", "percValue")

_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt].*")


def number(text: str) -> float | None:
    """The number that a text is, or None."""
    try:
        return float(text)
    except ValueError:
        return None


def comparison(kind: str, wanted: Sequence[str]) -> Compare:
    """A comparison of one value with those of a parameter: ``EQ`` with any of them, others with the one.

    Raises
    ------
    ValueError
        The parameter's value is neither a number nor a time, which an order needs.
    """
    if kind == "EQ":
        return _equals(wanted)
    ordered = COMPARISONS[kind]
    text = wanted[0]
    if _TIME.fullmatch(text):
        moment = microseconds(text)

        def later(value: Any) -> bool:
            if not isinstance(value, str):
                return False
            try:
                return ordered(microseconds(value), moment)
            except ValueError:
                return False

        return later
    limit = number(text)
    if limit is None:
        raise ValueError(text)

    def greater(value: Any) -> bool:
        found = value if isinstance(value, int | float) else number(value) if isinstance(value, str) else None
        return found is not None and ordered(found, limit)

    return greater


def _equals(wanted: Sequence[str]) -> Compare:
    texts = frozenset(wanted)
    numbers = frozenset(found for one in wanted if (found := number(one)) is not None)

    def equal(value: Any) -> bool:
        if isinstance(value, bool):
            return str(value).lower() in texts
        if isinstance(value, int | float):
            return value in numbers
        return str(value) in texts

    return equal


def any_value(values: Values, compare: Compare) -> Test:
    """True when any of the values meets the comparison."""
    return lambda event, context: any(compare(one) for one in values(event, context))


def exists(values: Values) -> Test:
    """True when there is any value."""
    return lambda event, context: any(True for _ in values(event, context))


# -- where values stand ---------------------------------------------------------------------------


def path(*names: str) -> Values:
    """The values at a path; a list on the way is each of its elements."""

    def values(event: Event, _: Context) -> Iterator[Any]:
        return _along(event, names)

    return values


def _along(part: Any, names: Sequence[str]) -> Iterator[Any]:
    if isinstance(part, list):
        for one in part:
            yield from _along(one, names)
    elif not names:
        yield part
    elif isinstance(part, Mapping) and names[0] in part:
        yield from _along(part[names[0]], names[1:])


def quantities(event: Event, _: Context) -> Iterator[Any]:
    """Every quantity of the event."""
    for name in QUANTITY_LISTS:
        yield from _along(event, (name, "quantity"))


def sensor(name: str) -> Values:
    """An attribute of sensor metadata or reports."""

    def values(event: Event, _: Context) -> Iterator[Any]:
        for part in ("sensorMetadata", "sensorReport"):
            yield from _along(event, ("sensorElementList", part, name))

    return values


def sensor_number(name: str, unit: str) -> Values:
    """A figure of the sensor reports that are in this unit."""

    def values(event: Event, _: Context) -> Iterator[Any]:
        for report in _along(event, ("sensorElementList", "sensorReport")):
            if report.get("uom") == unit and name in report:
                yield report[name]

    return values


def typed(field: str, key: str, kind: str, word: Callable[[str, Context], str]) -> Values:
    """The identifiers of a list whose type is ``kind``; an empty ``kind``: those without a type."""

    def values(event: Event, context: Context) -> Iterator[Any]:
        for element in event.get(field, ()):
            if word(element.get("type", ""), context) == kind:
                yield context.expand(element[key])

    return values


def own_field(place: Sequence[str], name: str, *, inner: bool) -> Values:
    """A field of one's own at a place of the event, or with ``inner`` inside such a field at any depth.

    ``name`` is a URI in full, or as documents write it.
    """

    def values(event: Event, context: Context) -> Iterator[Any]:
        for part in _along(event, place):
            if isinstance(part, Mapping):
                yield from _named(part, name, context, 0 if inner else None)

    return values


def _named(part: Mapping[str, Any], name: str, context: Context, depth: int | None) -> Iterator[Any]:
    for key, value in part.items():
        if depth != 0 and (key == name or context.expand(key) == name):
            yield from value if isinstance(value, list) else (value,)
        if depth is not None and (depth or ":" in key):
            for inside in value if isinstance(value, list) else (value,):
                if isinstance(inside, Mapping):
                    yield from _named(inside, name, context, depth + 1)
