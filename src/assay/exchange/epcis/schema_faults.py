"""What the schema finds, in words: which field, which rule, what would be right."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import jsonschema_rs

from assay.exchange.epcis.faults import CATALOGUE, Fault, fault, pointer, shown
from assay.exchange.epcis.schema import EVENTS
from assay.exchange.epcis.vocabulary import (
    BIZ_STEPS,
    BIZ_TRANSACTION_TYPES,
    COMPONENTS,
    DISPOSITIONS,
    ERROR_REASONS,
    MEASUREMENT_TYPES,
    SENSOR_ALERTS,
    SOURCE_DESTINATION_TYPES,
    Vocabulary,
)
from assay.model.errors import did_you_mean
from assay.model.text import Text

Path = list[str | int]

_BY_FIELD: Final = {
    "bizStep": BIZ_STEPS,
    "disposition": DISPOSITIONS,
    "set": DISPOSITIONS,
    "unset": DISPOSITIONS,
    "reason": ERROR_REASONS,
    "component": COMPONENTS,
    "exception": SENSOR_ALERTS,
}
_TYPES_IN: Final = {
    "bizTransactionList": BIZ_TRANSACTION_TYPES,
    "sourceList": SOURCE_DESTINATION_TYPES,
    "destinationList": SOURCE_DESTINATION_TYPES,
    "sensorReport": MEASUREMENT_TYPES,
}
_WHAT: Final = {
    "ObjectEvent": "what-object",
    "AggregationEvent": "what-children",
    "AssociationEvent": "what-children",
    "TransactionEvent": "what-transaction",
    "TransformationEvent": "what-transformation",
}


def schema_faults(errors: Iterator[jsonschema_rs.ValidationError], document: Any) -> Iterator[Fault]:
    """Each error of the schema as a fault; what says the same twice is said once."""
    said: set[tuple[str, str, str]] = set()
    for error in errors:
        found = _fault(error, document)
        key = (found.path, found.rule, found.said.en)
        if key not in said:
            said.add(key)
            yield found


def _fault(error: jsonschema_rs.ValidationError, document: Any) -> Fault:
    path: Path = list(error.instance_path)
    kind: Any = error.kind
    value = _at(document, path)
    at = tuple(path)
    match kind.name:
        case "required":
            return fault(at, "required", name=kind.property)
        case "additionalProperties":
            names = ", ".join(map(repr, kind.unexpected[:5]))
            return fault((*at, kind.unexpected[0]), "field-unknown", name=names)
        case "propertyNames":
            return _unknown_name(error.message, value, path)
        case "type":
            return fault(at, "type", wanted=" / ".join(kind.types), value=shown(value))
        case "anyOf" | "enum" | "const" | "not" | "minProperties":
            return _choice(kind.name, value, path, document)
        case "format":
            return fault(at, "time" if kind.format == "date-time" else "uri", value=shown(value))
        case "pattern":
            return fault(at, _pattern(path), value=shown(value))
        case "minItems":
            return fault(at, "empty")
        case "uniqueItems":
            return fault(at, "repeated", value=shown(_repeated(value)))
    return Fault(pointer(at), "schema", CATALOGUE.text("rule.schema", why=error.message[:200]))


def _unknown_name(message: str, value: Any, path: Path) -> Fault:
    try:
        name = str(json.JSONDecoder().raw_decode(message)[0])
    except ValueError:
        name = next((one for one in value if ":" not in one), "") if isinstance(value, dict) else ""
    if ":" in name:
        return fault((*path, name), "field-unknown", "field-uri", name=shown(name))
    kind = value.get("type") if isinstance(value, dict) else None
    known = list(EVENTS[kind]["properties"]) if kind in EVENTS else []
    close = did_you_mean(name, known)
    words = CATALOGUE.text("rule.field-unknown", name=shown(name))
    if close:
        words = Text(zh=f"{words.zh} {close}", en=f"{words.en} {close}")
    return Fault(pointer((*path, name)), "field-unknown", words)


def _choice(keyword: str, value: Any, path: Path, document: Any) -> Fault:
    at = tuple(path)
    last = path[-1] if path else None
    vocabulary = _vocabulary(path)
    if vocabulary is not None and isinstance(value, str):
        return _not_a_word(value, vocabulary, at)
    if last == "@context" or (len(path) > 1 and path[-2] == "@context"):
        return fault(at, "context-form", value=shown(value))
    if last == "certificationInfo":
        return fault(at, "uri", value=shown(value))
    if last == "action":
        holder = _at(document, path[:-1])
        if value in ("OBSERVE", "DELETE"):
            key = "ilmd-action" if isinstance(holder, dict) and "ilmd" in holder else "what-children"
            return fault(at, "ilmd" if key == "ilmd-action" else "what-missing", key, value=value)
        if value == "ADD":
            return _what(holder, tuple(path[:-1]))
        return fault(at, "action", value=shown(value))
    if keyword == "minProperties":
        return fault(at, "persistent-empty")
    if isinstance(value, dict) and value.get("type") in _WHAT:
        return _what(value, at)
    return fault(at, "value", value=shown(value))


def _what(event: Any, at: tuple[str | int, ...]) -> Fault:
    kind = event.get("type") if isinstance(event, dict) else None
    return fault(at, "what-missing", _WHAT.get(str(kind), "what-object"))


def _not_a_word(value: str, vocabulary: Vocabulary, at: tuple[str | int, ...]) -> Fault:
    word = vocabulary.word_of(value)
    if word is not None and word != value:
        return fault(
            at, "vocabulary", "vocabulary-bare", field=vocabulary.name, value=shown(value), word=word
        )
    words = CATALOGUE.text("rule.vocabulary", field=vocabulary.name, value=shown(value))
    close = did_you_mean(value.rpartition(":")[2], list(vocabulary.words))
    if close:
        words = Text(zh=f"{words.zh} {close}", en=f"{words.en} {close}")
    return Fault(pointer(at), "vocabulary", words)


def _vocabulary(path: Path) -> Vocabulary | None:
    names = [step for step in path if isinstance(step, str)]
    if not names:
        return None
    if names[-1] == "type" and len(names) > 1:
        return _TYPES_IN.get(names[-2])
    return _BY_FIELD.get(names[-1])


def _pattern(path: Path) -> str:
    return {"eventTimeZoneOffset": "offset", "schemaVersion": "version", "uom": "unit"}.get(
        str(path[-1]), "value"
    )


def _at(document: Any, path: Path) -> Any:
    value = document
    for step in path:
        value = value[step]
    return value


def _repeated(values: Any) -> Any:
    if not isinstance(values, list):
        return values
    return next((one for number, one in enumerate(values) if one in values[:number]), values)
