"""A JSON Schema (draft 7) of EPCIS 2.0 documents in JSON, written from the standard's tables.

What a schema can say: which fields there are, of which type, in which combination. All else is in
:mod:`assay.exchange.epcis.rules`.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import jsonschema_rs

from assay.exchange.epcis.vocabulary import (
    ACTIONS,
    BIZ_STEPS,
    BIZ_TRANSACTION_TYPES,
    COMPONENTS,
    DISPOSITIONS,
    ERROR_REASONS,
    EVENT_TYPES,
    MEASUREMENT_TYPES,
    SENSOR_ALERTS,
    SOURCE_DESTINATION_TYPES,
    Vocabulary,
)

Schema = dict[str, Any]

URI: Final = {"type": "string", "format": "uri"}
TIME: Final = {"type": "string", "format": "date-time"}
TEXT: Final = {"type": "string"}
NUMBER: Final = {"type": "number"}
OFFSET: Final = {"type": "string", "pattern": r"^[+-]((0[0-9]|1[0-3]):[0-5][0-9]|14:00)$"}
VERSION: Final = {"type": "string", "pattern": r"^\d+(\.\d+)*$"}
UNIT: Final = {"type": "string", "pattern": "^[A-Z0-9]{2,3}$"}
HEX: Final = {"type": "string", "pattern": "^[A-Fa-f0-9]+$"}

_NOT_CBV = r"^(?!urn:epcglobal:cbv|https?://ns\.gs1\.org/cbv/)"
_NOT_GS1_VOC = r"^(?!https?://(www\.)?gs1\.org/voc/)"


def _list(items: Schema, *, least: int = 0, distinct: bool = False) -> Schema:
    schema: Schema = {"type": "array", "items": items}
    return schema | ({"minItems": least} if least else {}) | ({"uniqueItems": True} if distinct else {})


def _object(fields: Schema, *required: str, extensible: bool = False, open_: bool = False) -> Schema:
    """An object of these fields and no other; ``extensible``: and of those that have a namespace."""
    schema: Schema = {"type": "object", "properties": fields, "required": list(required)}
    if extensible:
        schema["propertyNames"] = {"anyOf": [{"enum": list(fields)}, URI]}
    elif not open_:
        schema["additionalProperties"] = False
    return schema


def _term(vocabulary: Vocabulary, others: str) -> Schema:
    """A standard word, or the URI of a value that is not standard."""
    return {
        "type": "string",
        "anyOf": [{"enum": list(vocabulary.words)}, {"format": "uri", "pattern": others}],
    }


_CONTEXT: Final = {
    "anyOf": [URI, {"type": "object"}, _list({"anyOf": [URI, {"type": "object"}]}, distinct=True)]
}
_DISPOSITION: Final = _term(DISPOSITIONS, _NOT_CBV)
_SOURCE_TYPE: Final = _term(SOURCE_DESTINATION_TYPES, _NOT_CBV)
_QUANTITY: Final = _object({"epcClass": URI, "quantity": NUMBER, "uom": UNIT}, "epcClass")
_QUANTITIES: Final = _list(_QUANTITY)
_PLACE: Final = _object({"id": URI}, "id", open_=True)
_EPCS: Final = _list(URI)
_DISTINCT_EPCS: Final = _list(URI, distinct=True)

_SENSOR_SOURCE: Final = dict.fromkeys(
    ("deviceID", "deviceMetadata", "rawData", "dataProcessingMethod", "bizRules"), URI
)
_SENSOR_METADATA: Final = _object(
    {"time": TIME, "startTime": TIME, "endTime": TIME, **_SENSOR_SOURCE}, extensible=True
)
_SENSOR_REPORT: Final = _object(
    {
        "type": _term(MEASUREMENT_TYPES, _NOT_GS1_VOC),
        "exception": _term(SENSOR_ALERTS, _NOT_GS1_VOC),
        **_SENSOR_SOURCE,
        "time": TIME,
        "microorganism": URI,
        "chemicalSubstance": URI,
        "coordinateReferenceSystem": URI,
        "component": _term(COMPONENTS, _NOT_CBV),
        "stringValue": TEXT,
        "booleanValue": {"type": "boolean"},
        "hexBinaryValue": HEX,
        "uriValue": URI,
        **dict.fromkeys(
            ("value", "minValue", "maxValue", "meanValue", "sDev", "percRank", "percValue"), NUMBER
        ),
        "uom": TEXT,
    },
    "type",
    extensible=True,
)
_SENSOR_ELEMENT: Final = _object(
    {"sensorMetadata": _SENSOR_METADATA, "sensorReport": _list(_SENSOR_REPORT, least=1)},
    "sensorReport",
    extensible=True,
)
_ERROR_DECLARATION: Final = _object(
    {
        "declarationTime": TIME,
        "reason": _term(ERROR_REASONS, _NOT_CBV),
        "correctiveEventIDs": _list(URI),
    },
    "declarationTime",
    extensible=True,
)
_PERSISTENT: Final = _object(
    {
        "set": _list(_DISPOSITION, least=1, distinct=True),
        "unset": _list(_DISPOSITION, least=1, distinct=True),
    }
) | {"minProperties": 1}

_COMMON: Final = {
    "@context": _CONTEXT,
    "eventTime": TIME,
    "recordTime": TIME,
    "eventTimeZoneOffset": OFFSET,
    "eventID": URI,
    "certificationInfo": {"anyOf": [URI, _list(URI)]},
    "errorDeclaration": _ERROR_DECLARATION,
}
_ALWAYS: Final = ("type", "eventTime", "eventTimeZoneOffset")

_WHERE_AND_WHY: Final = {
    "bizStep": _term(BIZ_STEPS, _NOT_CBV),
    "disposition": _DISPOSITION,
    "readPoint": _PLACE,
    "bizLocation": _PLACE,
    "bizTransactionList": _list(
        _object({"type": _term(BIZ_TRANSACTION_TYPES, _NOT_CBV), "bizTransaction": URI}, "bizTransaction")
    ),
    "sourceList": _list(_object({"type": _SOURCE_TYPE, "source": URI}, "type", "source")),
    "destinationList": _list(_object({"type": _SOURCE_TYPE, "destination": URI}, "type", "destination")),
    "sensorElementList": _list(_SENSOR_ELEMENT),
}
_ACTION: Final = {"action": {"enum": list(ACTIONS)}}
_ILMD: Final = {"ilmd": {"type": "object", "propertyNames": URI}}
_DELETES: Final = {"properties": {"action": {"const": "DELETE"}}}


def _some(field: str) -> Schema:
    return {"required": [field], "properties": {field: {"minItems": 1}}}


def _event(name: str, fields: Schema, *required: str, rules: list[Schema]) -> Schema:
    everything = {"type": {"const": name}, **_COMMON, **_WHERE_AND_WHY, **fields}
    return _object(everything, *_ALWAYS, *required, extensible=True) | {"allOf": rules}


_CHILDREN: Final = {"parentID": URI, "childEPCs": _EPCS, "childQuantityList": _QUANTITIES, **_ACTION}
_HAS_CHILDREN: Final = {"anyOf": [_some("childEPCs"), _some("childQuantityList"), _DELETES]}

EVENTS: Final[dict[str, Schema]] = {
    "ObjectEvent": _event(
        "ObjectEvent",
        {
            "epcList": _DISTINCT_EPCS,
            "quantityList": _QUANTITIES,
            "persistentDisposition": _PERSISTENT,
            **_ACTION,
            **_ILMD,
        },
        "action",
        rules=[
            {
                "anyOf": [
                    {"required": ["epcList"]},
                    _some("quantityList"),
                    {"allOf": [_some("sensorElementList"), {"required": ["readPoint"]}]},
                ]
            },
            {"if": {"required": ["ilmd"]}, "then": {"properties": {"action": {"const": "ADD"}}}},
        ],
    ),
    "AggregationEvent": _event("AggregationEvent", _CHILDREN, "action", rules=[_HAS_CHILDREN]),
    "AssociationEvent": _event("AssociationEvent", _CHILDREN, "action", "parentID", rules=[_HAS_CHILDREN]),
    "TransactionEvent": _event(
        "TransactionEvent",
        {"parentID": URI, "epcList": _EPCS, "quantityList": _QUANTITIES, **_ACTION},
        "action",
        "bizTransactionList",
        rules=[
            {"properties": {"bizTransactionList": {"minItems": 1}}},
            {"anyOf": [{"required": ["epcList"]}, _some("quantityList"), _DELETES]},
        ],
    ),
    "TransformationEvent": _event(
        "TransformationEvent",
        {
            "inputEPCList": _DISTINCT_EPCS,
            "inputQuantityList": _QUANTITIES,
            "outputEPCList": _DISTINCT_EPCS,
            "outputQuantityList": _QUANTITIES,
            "transformationID": URI,
            "persistentDisposition": _PERSISTENT,
            **_ILMD,
        },
        rules=[
            {
                "anyOf": [
                    {
                        "allOf": [
                            {"anyOf": [_some("inputEPCList"), _some("inputQuantityList")]},
                            {"anyOf": [_some("outputEPCList"), _some("outputQuantityList")]},
                        ]
                    },
                    {
                        "required": ["transformationID"],
                        "anyOf": [
                            _some("inputEPCList"),
                            _some("inputQuantityList"),
                            _some("outputEPCList"),
                            _some("outputQuantityList"),
                        ],
                    },
                ]
            }
        ],
    ),
}
"""What an event of each of the five types is made of."""

_OTHER_EVENT: Final = _object({"type": URI, **_COMMON}, *_ALWAYS, open_=True)

_VOCABULARIES: Final = _list(
    _object(
        {
            "type": URI,
            "vocabularyElementList": _list(
                _object(
                    {
                        "id": URI,
                        "attributes": _list(
                            _object(
                                {"id": URI, "attribute": {"type": ["number", "string", "object"]}},
                                "id",
                                open_=True,
                            )
                        ),
                        "children": _list(URI),
                    },
                    "id",
                    open_=True,
                )
            ),
        },
        "type",
        open_=True,
    )
)
_HEADER: Final = _object(
    {"epcisMasterData": _object({"vocabularyList": _VOCABULARIES}, open_=True)}, extensible=True
)


def _chosen(branches: dict[str, Schema], otherwise: Schema) -> list[Schema]:
    """For each ``type`` its schema, for every other the last one."""
    rules: list[Schema] = [
        {"if": {"required": ["type"], "properties": {"type": {"const": name}}}, "then": schema}
        for name, schema in branches.items()
    ]
    unknown = {"required": ["type"], "not": {"properties": {"type": {"enum": list(branches)}}}}
    rules.append({"if": unknown, "then": otherwise})
    return rules


def _reference(name: str) -> Schema:
    return {"$ref": f"#/definitions/{name}"}


def document_schema() -> Schema:
    """The schema of an EPCISDocument, an EPCISQueryDocument or one bare event."""
    kinds = {name: _reference(name) for name in EVENTS}
    bare = {
        name: {"allOf": [schema, {"required": ["@context"]}]}
        for name, schema in {**kinds, "other": _reference("other")}.items()
    }
    other = bare.pop("other")
    documents = {name: _reference(name) for name in ("EPCISDocument", "EPCISQueryDocument")}
    events = _list(_reference("event"))
    heading = {
        "@context": _CONTEXT,
        "id": URI,
        "schemaVersion": VERSION,
        "creationDate": TIME,
    }
    results = _object({"eventList": events, "vocabularyList": _VOCABULARIES}, "eventList", extensible=True)
    answer = _object(
        {"queryName": TEXT, "subscriptionID": TEXT, "resultsBody": results},
        "queryName",
        "resultsBody",
        extensible=True,
    )
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "EPCIS 2.0 in JSON",
        "type": "object",
        "required": ["type"],
        "properties": {"type": TEXT},
        "allOf": _chosen({**documents, **bare}, other),
        "definitions": {
            **EVENTS,
            "other": _OTHER_EVENT,
            "event": {
                "type": "object",
                "required": ["type"],
                "properties": {"type": TEXT},
                "allOf": _chosen(kinds, _reference("other")),
            },
            "EPCISDocument": _object(
                {
                    **heading,
                    "type": {"const": "EPCISDocument"},
                    "instanceIdentifier": TEXT,
                    "sender": TEXT,
                    "receiver": TEXT,
                    "epcisHeader": _HEADER,
                    "epcisBody": _object({"eventList": events}, "eventList", open_=True),
                },
                "@context",
                "type",
                "schemaVersion",
                "creationDate",
                "epcisBody",
                extensible=True,
            ),
            "EPCISQueryDocument": _object(
                {
                    **heading,
                    "type": {"const": "EPCISQueryDocument"},
                    "epcisBody": _object({"queryResults": answer}, "queryResults", extensible=True),
                },
                "@context",
                "type",
                "epcisBody",
                extensible=True,
            ),
        },
    }


@cache
def validator() -> jsonschema_rs.Draft7Validator:
    """The compiled schema; formats are checked."""
    return jsonschema_rs.Draft7Validator(document_schema(), validate_formats=True)


STANDARD_TYPES: Final = frozenset(EVENT_TYPES.words)
