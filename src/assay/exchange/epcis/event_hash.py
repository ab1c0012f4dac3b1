"""The identity of an event by its content: the EPCIS Event Hash ID (GS1 CBV 2.0, section 8.9).

The same event has the same hash whatever the order of its fields and lists, the syntax of its identifiers
and values, or the zone its times are written in. ``recordTime``, ``eventID`` and ``errorDeclaration`` take
no part.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, timedelta
from decimal import Decimal
from typing import Any, Final

from assay.exchange.epcis.context import Context
from assay.exchange.epcis.times import parse_time
from assay.exchange.epcis.vocabulary import (
    BIZ_STEPS,
    BIZ_TRANSACTION_TYPES,
    COMPONENTS,
    DISPOSITIONS,
    MEASUREMENT_TYPES,
    SENSOR_ALERTS,
    SOURCE_DESTINATION_TYPES,
    Vocabulary,
)
from assay.model.codes.canonical import canonical_identifier

Writer = Callable[[Any, Context], str]

_LEFT_OUT: Final = frozenset(
    {"@context", "type", "eventID", "recordTime", "errorDeclaration", "rdfs:comment"}
)


def event_hash(event: Mapping[str, Any], context: Context) -> str:
    """The hash of a valid event as a URI: ``ni:///sha-256;…?ver=CBV2.0`` (RFC 6920)."""
    digest = hashlib.sha256(pre_hash(event, context).encode()).hexdigest()
    return f"ni:///sha-256;{digest}?ver=CBV2.0"


def pre_hash(event: Mapping[str, Any], context: Context) -> str:
    """The text that is hashed: keys and values in the canonical order, without separators."""
    written = ["eventType=", context.expand(event["type"])]
    for name, write in _ORDER:
        value = event.get(name)
        if value is not None:
            written.append(write(value, context))
    others = [name for name in event if name not in _KNOWN]
    if others:
        written.append(_extensions({name: event[name] for name in others}, context))
    return "".join(written)


# -- values ---------------------------------------------------------------------------------------


def _text(value: Any, context: Context) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _number(value)
    text = str(value).strip()
    return canonical_identifier(context.expand(text)) if ":" in text else text


def _number(value: float) -> str:
    """A number without trailing zeros or exponent (rule 6)."""
    text = format(Decimal(repr(value)), "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _moment(text: str) -> str:
    """A time in UTC with three decimals, the third rounded half up (rules 8 and 9)."""
    moment = parse_time(text).astimezone(UTC)
    thousandths = (moment.microsecond + 500) // 1000
    moment = moment.replace(microsecond=0) + timedelta(milliseconds=thousandths)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def _time(name: str) -> Writer:
    return lambda value, _: f"{name}={_moment(value)}"


def _plain(name: str) -> Writer:
    return lambda value, context: f"{name}={_text(value, context)}"


def _word(name: str, vocabulary: Vocabulary) -> Writer:
    return lambda value, context: f"{name}={_full(value, vocabulary, context)}"


def _full(value: str, vocabulary: Vocabulary, context: Context) -> str:
    """A value of a vocabulary as its Web URI (rules 14 to 16)."""
    expanded = context.expand(value)
    word = vocabulary.word_of(expanded)
    return vocabulary.web_uri(word) if word is not None else expanded


# -- lists and objects ----------------------------------------------------------------------------


def _sorted(name: str, parts: Iterable[str]) -> str:
    """A list: its name once, its elements in lexical order (rule 11); nothing where it is empty."""
    ordered = sorted(parts)
    return name + "".join(ordered) if ordered else ""


def _epcs(name: str) -> Writer:
    return lambda values, context: _sorted(name, [f"epc={_text(one, context)}" for one in values])


def _quantities(name: str) -> Writer:
    def write(values: Any, context: Context) -> str:
        return _sorted(name, [f"quantityElement{_quantity(one, context)}" for one in values])

    return write


def _quantity(element: Mapping[str, Any], context: Context) -> str:
    return "".join(
        f"{name}={_text(element[name], context)}"
        for name in ("epcClass", "quantity", "uom")
        if name in element
    )


def _typed(name: str, key: str, vocabulary: Vocabulary) -> Writer:
    """A list of identifiers with a type, which follows the identifier (rule 13)."""

    def one(element: Mapping[str, Any], context: Context) -> str:
        kind = element.get("type")
        suffix = "" if kind is None else f"type={_full(kind, vocabulary, context)}"
        return f"{key}={_text(element[key], context)}{suffix}"

    return lambda values, context: _sorted(name, [one(element, context) for element in values])


def _place(name: str) -> Writer:
    def write(place: Any, context: Context) -> str:
        others = {key: value for key, value in place.items() if key != "id"}
        return f"{name}id={_text(place['id'], context)}{_extensions(others, context)}"

    return write


def _persistent(value: Any, context: Context) -> str:
    parts = [
        "".join(sorted(f"{name}={_full(one, DISPOSITIONS, context)}" for one in value[name]))
        for name in ("set", "unset")
        if name in value
    ]
    return "persistentDisposition" + "".join(parts)


def _ordered(order: Mapping[str, Writer], part: Mapping[str, Any], context: Context) -> str:
    known = "".join(write(part[name], context) for name, write in order.items() if name in part)
    return known + _extensions({name: part[name] for name in part if name not in order}, context)


def _sensor_element(element: Mapping[str, Any], context: Context) -> str:
    metadata = element.get("sensorMetadata")
    written = "sensorElement"
    if metadata:
        written += "sensorMetadata" + _ordered(_METADATA, metadata, context)
    written += "".join(
        sorted(f"sensorReport{_ordered(_REPORT, report, context)}" for report in element["sensorReport"])
    )
    others = {name: element[name] for name in element if name not in {"sensorMetadata", "sensorReport"}}
    return written + _extensions(others, context)


def _sensors(elements: Any, context: Context) -> str:
    return _sorted("sensorElementList", [_sensor_element(one, context) for one in elements])


# -- fields of one's own --------------------------------------------------------------------------

_LAST = re.compile(r"(?P<namespace>.*[/#:])(?P<local>[^/#:]+)")


def _key(name: str, context: Context) -> str:
    """A name with its namespace in braces (rules 19 and 20)."""
    prefix, colon, local = name.partition(":")
    if colon and prefix in context.prefixes:
        return f"{{{context.prefixes[prefix]}}}{local}"
    found = _LAST.fullmatch(name)
    return f"{{{found['namespace']}}}{found['local']}" if found else name


def _extensions(fields: Mapping[str, Any], context: Context) -> str:
    return "".join(
        sorted(part for name, value in fields.items() for part in _extension(name, value, context))
    )


def _extension(name: str, value: Any, context: Context) -> list[str]:
    key = _key(name, context)
    if isinstance(value, list):
        return [part for one in value for part in _extension(name, one, context)]
    if isinstance(value, Mapping):
        return [key + _extensions(value, context)]
    return [key if value is None else f"{key}={_text(value, context)}"]


def _ilmd(value: Any, context: Context) -> str:
    return f"ilmd{_extensions(value, context)}" if value else ""


_METADATA: Final[Mapping[str, Writer]] = {
    **{name: _time(name) for name in ("time", "startTime", "endTime")},
    **{
        name: _plain(name)
        for name in ("deviceID", "deviceMetadata", "rawData", "dataProcessingMethod", "bizRules")
    },
}
_REPORT: Final[Mapping[str, Writer]] = {
    "type": _word("type", MEASUREMENT_TYPES),
    "exception": _word("exception", SENSOR_ALERTS),
    **{name: _plain(name) for name in ("deviceID", "deviceMetadata", "rawData", "dataProcessingMethod")},
    "time": _time("time"),
    **{name: _plain(name) for name in ("microorganism", "chemicalSubstance", "value")},
    "component": _word("component", COMPONENTS),
    **{
        name: _plain(name)
        for name in (
            "stringValue",
            "booleanValue",
            "hexBinaryValue",
            "uriValue",
            "minValue",
            "maxValue",
            "meanValue",
            "sDev",
            "percRank",
            "percValue",
            "uom",
            "coordinateReferenceSystem",
        )
    },
}
_ORDER: Final[tuple[tuple[str, Writer], ...]] = (
    ("eventTime", _time("eventTime")),
    ("eventTimeZoneOffset", _plain("eventTimeZoneOffset")),
    ("epcList", _epcs("epcList")),
    ("parentID", _plain("parentID")),
    ("inputEPCList", _epcs("inputEPCList")),
    ("childEPCs", _epcs("childEPCs")),
    ("quantityList", _quantities("quantityList")),
    ("childQuantityList", _quantities("childQuantityList")),
    ("inputQuantityList", _quantities("inputQuantityList")),
    ("outputEPCList", _epcs("outputEPCList")),
    ("outputQuantityList", _quantities("outputQuantityList")),
    ("action", _plain("action")),
    ("transformationID", _plain("transformationID")),
    ("bizStep", _word("bizStep", BIZ_STEPS)),
    ("disposition", _word("disposition", DISPOSITIONS)),
    ("persistentDisposition", _persistent),
    ("readPoint", _place("readPoint")),
    ("bizLocation", _place("bizLocation")),
    ("bizTransactionList", _typed("bizTransactionList", "bizTransaction", BIZ_TRANSACTION_TYPES)),
    ("sourceList", _typed("sourceList", "source", SOURCE_DESTINATION_TYPES)),
    ("destinationList", _typed("destinationList", "destination", SOURCE_DESTINATION_TYPES)),
    ("sensorElementList", _sensors),
    ("ilmd", _ilmd),
)
_KNOWN: Final = frozenset({name for name, _ in _ORDER}) | _LEFT_OUT
