"""SimpleEventQuery (EPCIS 2.0, section 8.2.7.1): one statement, and tests on what it finds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import sqlalchemy as sa

from assay.exchange.epcis import conditions as on
from assay.exchange.epcis.context import Context
from assay.exchange.epcis.faults import ExchangeError
from assay.exchange.epcis.patterns import matcher
from assay.exchange.epcis.repository import Repository
from assay.exchange.epcis.schema import EVENTS
from assay.exchange.epcis.terms import Field, bounded, identifier_term, word_term
from assay.exchange.epcis.times import microseconds
from assay.exchange.epcis.vocabulary import (
    ACTIONS,
    BIZ_STEPS,
    BIZ_TRANSACTION_TYPES,
    DISPOSITIONS,
    ERROR_REASONS,
    MEASUREMENT_TYPES,
    SOURCE_DESTINATION_TYPES,
    Vocabulary,
)
from assay.store.tables import EPCIS_EVENT, EPCIS_TERM

Parameters = Mapping[str, Sequence[str]]
"""Names and values; a value of the query string is split at ``|``."""

_MATCH: Final[Mapping[str, tuple[Field, ...]]] = {
    "MATCH_epc": (Field.EPC,),
    "MATCH_parentID": (Field.PARENT,),
    "MATCH_inputEPC": (Field.INPUT,),
    "MATCH_outputEPC": (Field.OUTPUT,),
    "MATCH_anyEPC": (Field.EPC, Field.PARENT, Field.INPUT, Field.OUTPUT),
    "MATCH_epcClass": (Field.EPC_CLASS,),
    "MATCH_inputEPCClass": (Field.INPUT_CLASS,),
    "MATCH_outputEPCClass": (Field.OUTPUT_CLASS,),
    "MATCH_anyEPCClass": (Field.EPC_CLASS, Field.INPUT_CLASS, Field.OUTPUT_CLASS),
}
_TIMES: Final[Mapping[str, tuple[Any, bool]]] = {
    "GE_eventTime": (EPCIS_EVENT.c.happened, True),
    "LT_eventTime": (EPCIS_EVENT.c.happened, False),
    "GE_recordTime": (EPCIS_EVENT.c.captured, True),
    "LT_recordTime": (EPCIS_EVENT.c.captured, False),
    "GE_errorDeclarationTime": (EPCIS_EVENT.c.declared, True),
    "LT_errorDeclarationTime": (EPCIS_EVENT.c.declared, False),
}
_WORDS: Final[Mapping[str, tuple[Field, Vocabulary]]] = {
    "EQ_bizStep": (Field.BIZ_STEP, BIZ_STEPS),
    "EQ_disposition": (Field.DISPOSITION, DISPOSITIONS),
}
_PLACES: Final = {"readPoint": Field.READ_POINT, "bizLocation": Field.BIZ_LOCATION}
_SENSOR_TEXTS: Final = (
    "deviceID",
    "dataProcessingMethod",
    "microorganism",
    "chemicalSubstance",
    "bizRules",
    "stringValue",
    "hexBinaryValue",
    "uriValue",
    "booleanValue",
)
_OWN_PLACES: Final[Mapping[str, tuple[str, ...]]] = {
    "ILMD": ("ilmd",),
    "SENSORELEMENT": ("sensorElementList",),
    "SENSORMETADATA": ("sensorElementList", "sensorMetadata"),
    "SENSORREPORT": ("sensorElementList", "sensorReport"),
    "ERROR_DECLARATION": ("errorDeclaration",),
    "readPoint": ("readPoint",),
    "bizLocation": ("bizLocation",),
}
_STANDARD: Final = frozenset(name for schema in EVENTS.values() for name in schema["properties"])


@dataclass(frozen=True)
class Query:
    """A checked query."""

    where: tuple[sa.ColumnElement[bool], ...] = ()
    tests: tuple[on.Test, ...] = ()
    order_by: str | None = None
    descending: bool = True
    limit: int | None = None
    """``eventCountLimit``: only the first so many events."""
    most: int | None = None
    """``maxEventCount``: more events than this are an error."""
    parameters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def matches(self, event: Mapping[str, Any], context: Context) -> bool:
        """Whether an event that the statement found meets the other conditions too."""
        return all(test(event, context) for test in self.tests)


def refused(name: str, why: str) -> ExchangeError:
    """The error of a parameter that can't be followed."""
    return ExchangeError("QueryParameterException", "query-parameter", name=name, why=why)


def parse_query(parameters: Parameters, repository: Repository, context: Context | None = None) -> Query:
    """Check parameters; ``context`` has the prefixes that a client declares for names in them.

    Raises
    ------
    ExchangeError
        A parameter is unknown, has a value it can't have, or excludes another.
    """
    reader = _Reader(repository, context or Context())
    cleaned = {name: tuple(values) for name, values in parameters.items()}
    for name, values in cleaned.items():
        if not values or any(not one for one in values):
            raise refused(name, "it has no value")
        reader.read(name, values)
    if reader.limit is not None and reader.most is not None:
        raise refused("maxEventCount", "it excludes eventCountLimit")
    return Query(
        tuple(reader.where),
        tuple(reader.tests),
        reader.order_by,
        reader.descending,
        reader.limit,
        reader.most,
        cleaned,
    )


class _Reader:
    def __init__(self, repository: Repository, context: Context) -> None:
        self._repository = repository
        self._context = context
        self.where: list[sa.ColumnElement[bool]] = []
        self.tests: list[on.Test] = []
        self.order_by: str | None = None
        self.descending = True
        self.limit: int | None = None
        self.most: int | None = None

    def read(self, name: str, values: tuple[str, ...]) -> None:
        """Add the condition of one parameter."""
        for attempt in (self._fixed, self._terms, self._sensors, self._typed, self._own):
            if attempt(name, values):
                return
        raise refused(name, "SimpleEventQuery has no such parameter")

    # -- parameters with fixed names --------------------------------------------------------------

    def _fixed(self, name: str, values: tuple[str, ...]) -> bool:
        columns: dict[str, Callable[[tuple[str, ...]], None]] = {
            "eventType": self._types,
            "EQ_action": self._actions,
            "EQ_eventID": self._ids,
            "EXISTS_errorDeclaration": self._declared,
            "orderBy": self._order,
            "orderDirection": self._direction,
            "eventCountLimit": partial(self._count, "eventCountLimit"),
            "maxEventCount": partial(self._count, "maxEventCount"),
        }
        if name in _TIMES:
            column, least = _TIMES[name]
            moment = self._moment(name, _single(name, values))
            self.where.append(column >= moment if least else column < moment)
            return True
        if name not in columns:
            return False
        columns[name](values)
        return True

    def _moment(self, name: str, text: str) -> int:
        try:
            return microseconds(text)
        except (ValueError, OverflowError) as error:
            raise refused(name, str(error)) from error

    def _types(self, values: tuple[str, ...]) -> None:
        kinds = [
            bounded(self._context.expand(one).removeprefix("https://ref.gs1.org/epcis/")) for one in values
        ]
        self.where.append(EPCIS_EVENT.c.kind.in_(kinds))

    def _actions(self, values: tuple[str, ...]) -> None:
        for one in values:
            if one not in ACTIONS:
                raise refused("EQ_action", f"{one!r} is none of {', '.join(ACTIONS)}")
        self.where.append(EPCIS_EVENT.c.action.in_(values))

    def _ids(self, values: tuple[str, ...]) -> None:
        self.where.append(EPCIS_EVENT.c.event_id.in_([bounded(one) for one in values]))

    def _declared(self, values: tuple[str, ...]) -> None:
        if _truth("EXISTS_errorDeclaration", values):
            self.where.append(EPCIS_EVENT.c.declared.is_not(None))

    def _order(self, values: tuple[str, ...]) -> None:
        name = _single("orderBy", values)
        if name not in {"eventTime", "recordTime"} and ":" not in name:
            raise refused(
                "orderBy", f"{name!r} is neither eventTime, recordTime nor the name of an extension"
            )
        self.order_by = name if ":" not in name else self._context.expand(name)

    def _direction(self, values: tuple[str, ...]) -> None:
        if values not in (("ASC",), ("DESC",)):
            raise refused("orderDirection", f"{'|'.join(values)!r} is neither ASC nor DESC")
        self.descending = values == ("DESC",)

    def _count(self, name: str, values: tuple[str, ...]) -> None:
        text = _single(name, values)
        if not (text.isascii() and text.isdecimal()) or not 0 < int(text[:18]) < 10**15:
            raise refused(name, f"{text!r} is not a whole number above 0")
        if name == "maxEventCount":
            self.most = int(text)
        else:
            self.limit = int(text)

    # -- indexed terms ----------------------------------------------------------------------------

    def _terms(self, name: str, values: tuple[str, ...]) -> bool:
        if name in _MATCH:
            matchers = [matcher(one, self._context, name, classes=name.endswith("Class")) for one in values]
            conditions = [
                EPCIS_TERM.c.value.like(one.text, escape="\\") if one.like else EPCIS_TERM.c.value == one.text
                for one in matchers
            ]
            self._with_term(_MATCH[name], sa.or_(*conditions))
        elif name in _WORDS:
            which, vocabulary = _WORDS[name]
            words = [word_term(one, vocabulary, self._context) for one in values]
            self._with_term((which,), EPCIS_TERM.c.value.in_(words))
        elif name == "EQ_transformationID":
            self._with_identifiers(Field.TRANSFORMATION, values)
        elif name[3:] in _PLACES and name.startswith("EQ_"):
            self._with_identifiers(_PLACES[name[3:]], values)
        elif name[3:] in _PLACES and name.startswith("WD_"):
            self._with_identifiers(_PLACES[name[3:]], self._inside(values))
        else:
            return False
        return True

    def _with_identifiers(self, which: Field, values: Sequence[str]) -> None:
        wanted = [identifier_term(one, self._context) for one in values]
        self._with_term((which,), EPCIS_TERM.c.value.in_(wanted))

    def _with_term(self, fields: Sequence[Field], condition: sa.ColumnElement[bool]) -> None:
        found = sa.select(EPCIS_TERM.c.position).where(
            EPCIS_TERM.c.field.in_([int(one) for one in fields]), condition
        )
        self.where.append(EPCIS_EVENT.c.position.in_(found))

    def _inside(self, places: Sequence[str]) -> list[str]:
        """The places and everything that lies in them."""
        children = self._repository.children()
        found: dict[str, None] = {}
        waiting = list(places)
        while waiting:
            one = waiting.pop()
            if one not in found:
                found[one] = None
                waiting += children.get(one, [])
        return list(found)

    # -- what is read in the event ----------------------------------------------------------------

    def _sensors(self, name: str, values: tuple[str, ...]) -> bool:
        kind, _, rest = name.partition("_")
        if name in {"EQ_persistentDisposition_set", "EQ_persistentDisposition_unset"}:
            words = frozenset(word_term(one, DISPOSITIONS, self._context) for one in values)
            self._words(on.path("persistentDisposition", name.rpartition("_")[2]), DISPOSITIONS, words)
        elif name == "EQ_errorReason":
            words = frozenset(word_term(one, ERROR_REASONS, self._context) for one in values)
            self._words(on.path("errorDeclaration", "reason"), ERROR_REASONS, words)
        elif name == "EQ_correctiveEventID":
            values_at = on.path("errorDeclaration", "correctiveEventIDs")
            self.tests.append(on.any_value(values_at, on.comparison("EQ", values)))
        elif name == "EQ_type":
            words = frozenset(word_term(one, MEASUREMENT_TYPES, self._context) for one in values)
            self._words(on.path("sensorElementList", "sensorReport", "type"), MEASUREMENT_TYPES, words)
        elif rest == "quantity" and kind in {"EQ", *on.COMPARISONS}:
            self._compare(name, on.quantities, kind, values, numeric=True)
        elif kind == "EQ" and rest in _SENSOR_TEXTS:
            self.tests.append(on.any_value(on.sensor(rest), on.comparison("EQ", values)))
        elif kind in {"GE", "LT"} and rest in {"startTime", "endTime"}:
            self._moment(name, _single(name, values))
            self._compare(name, on.sensor(rest), kind, values)
        elif rest.partition("_")[0] in on.SENSOR_NUMBERS and kind in {"EQ", *on.COMPARISONS}:
            figure, _, unit = rest.partition("_")
            self._compare(name, on.sensor_number(figure, unit), kind, values, numeric=True)
        else:
            return False
        return True

    def _words(self, values: on.Values, vocabulary: Vocabulary, wanted: frozenset[str]) -> None:
        self.tests.append(
            lambda event, context: any(
                word_term(one, vocabulary, context) in wanted for one in values(event, context)
            )
        )

    def _compare(
        self, name: str, where: on.Values, kind: str, values: tuple[str, ...], *, numeric: bool = False
    ) -> None:
        if kind != "EQ":
            _single(name, values)
        if numeric:
            for one in values:
                if on.number(one) is None:
                    raise refused(name, f"{one!r} is not a number")
        try:
            self.tests.append(on.any_value(where, on.comparison(kind, values)))
        except (ValueError, OverflowError) as error:
            raise refused(name, f"{str(error)!r} is neither a number nor a time") from error

    def _typed(self, name: str, values: tuple[str, ...]) -> bool:
        lists = {
            "EQ_bizTransaction": ("bizTransactionList", "bizTransaction", BIZ_TRANSACTION_TYPES),
            "EQ_source": ("sourceList", "source", SOURCE_DESTINATION_TYPES),
            "EQ_destination": ("destinationList", "destination", SOURCE_DESTINATION_TYPES),
        }
        comparison, _, rest = name.partition("_")
        listed, _, kind = rest.partition("_")
        head = f"{comparison}_{listed}"
        if head not in lists:
            return False
        where, key, vocabulary = lists[head]
        wanted = word_term(kind, vocabulary, self._context) if kind else ""
        found = on.typed(
            where, key, wanted, lambda one, context: word_term(one, vocabulary, context) if one else ""
        )
        expanded = tuple(self._context.expand(one) for one in values)
        self.tests.append(on.any_value(found, on.comparison("EQ", expanded)))
        return True

    def _own(self, name: str, values: tuple[str, ...]) -> bool:
        kind, _, rest = name.partition("_")
        if kind not in {"EQ", "EXISTS", "HASATTR", "EQATTR", *on.COMPARISONS} or not rest:
            return False
        inner = rest.startswith("INNER_")
        rest = rest.removeprefix("INNER_")
        place: tuple[str, ...] = ()
        for marker, steps in _OWN_PLACES.items():
            if rest.startswith(f"{marker}_"):
                place, rest = steps, rest.removeprefix(f"{marker}_")
                break
        if kind == "EXISTS" and not inner and not place and rest in _STANDARD:
            if _truth(name, values):
                self.tests.append(on.exists(on.path(rest)))
            return True
        if kind in {"HASATTR", "EQATTR"}:
            return self._attribute(kind, rest, values)
        if ":" not in rest:
            return False
        where = on.own_field(place, self._context.expand(rest), inner=inner)
        if kind == "EXISTS":
            if _truth(name, values):
                self.tests.append(on.exists(where))
        else:
            self._compare(name, where, kind, values)
        return True

    def _attribute(self, kind: str, rest: str, values: tuple[str, ...]) -> bool:
        """``HASATTR_field`` and ``EQATTR_field_attribute``; in JSON an attribute is a field below."""
        if kind == "HASATTR":
            names = [(rest, self._context.expand(one)) for one in values]
            tests = [on.exists(self._below(holder, attribute)) for holder, attribute in names]
            self.tests.append(lambda event, context: any(test(event, context) for test in tests))
            return True
        holder, _, attribute = rest.rpartition("_")
        if not holder:
            return False
        found = self._below(holder, self._context.expand(attribute))
        self.tests.append(on.any_value(found, on.comparison("EQ", values)))
        return True

    def _below(self, holder: str, attribute: str) -> on.Values:
        if holder in _STANDARD:
            return on.own_field((holder,), attribute, inner=False)
        outer = on.own_field((), self._context.expand(holder), inner=False)

        def values(event: on.Event, context: Context) -> Any:
            for part in outer(event, context):
                if isinstance(part, Mapping):
                    yield from on.own_field((), attribute, inner=False)(part, context)

        return values


def _single(name: str, values: tuple[str, ...]) -> str:
    if len(values) != 1:
        raise refused(name, "it takes one value")
    return values[0]


def _truth(name: str, values: tuple[str, ...]) -> bool:
    text = _single(name, values).lower()
    if text not in {"true", "false"}:
        raise refused(name, f"{text!r} is neither true nor false")
    return text == "true"
