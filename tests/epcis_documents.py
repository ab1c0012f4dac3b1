"""Valid EPCIS documents that tests take apart: one event of each type, in as many fields as fit."""

from __future__ import annotations

import copy
from typing import Any

GS1 = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
CONTEXT = [GS1, {"ex": "https://ns.example.com/epcis/"}]
SGTIN = "urn:epc:id:sgtin:4012345.011111.{}"
LGTIN = "urn:epc:class:lgtin:4012345.022222.L{}"
PLACE = "urn:epc:id:sgln:4012345.00005.0"

_COMMON: dict[str, Any] = {
    "eventTime": "2026-03-02T08:15:30.250+01:00",
    "eventTimeZoneOffset": "+01:00",
    "bizStep": "commissioning",
    "disposition": "active",
    "readPoint": {"id": PLACE},
    "bizLocation": {"id": "https://id.gs1.org/414/4012345000054"},
    "bizTransactionList": [{"type": "po", "bizTransaction": "https://erp.example.com/po/77"}],
    "sourceList": [{"type": "owning_party", "source": "urn:epc:id:pgln:4012345.00005"}],
    "destinationList": [{"type": "location", "destination": "urn:epc:id:sgln:4012345.00006.0"}],
    "sensorElementList": [
        {
            "sensorMetadata": {
                "startTime": "2026-03-02T07:00:00Z",
                "endTime": "2026-03-02T07:15:00Z",
                "deviceID": "urn:epc:id:giai:4000001.111",
                "ex:rig": "R2",
            },
            "sensorReport": [
                {
                    "type": "Temperature",
                    "value": 21.5,
                    "uom": "CEL",
                    "sDev": 0.2,
                    "percRank": 50,
                    "percValue": 21.4,
                },
                {"type": "ex:Colour", "stringValue": "red", "hexBinaryValue": "ff00"},
                {"type": "Length", "minValue": 4, "maxValue": 5, "uom": "MMT", "component": "x"},
            ],
        }
    ],
    "ex:line": {"ex:name": "L1", "ex:heads": [1, 2]},
}

EVENTS: dict[str, dict[str, Any]] = {
    "object": {
        "type": "ObjectEvent",
        "action": "ADD",
        "eventID": "urn:uuid:374d95fc-9457-4a51-bd6a-0bba133845a8",
        "epcList": [SGTIN.format(1), "https://id.gs1.org/01/09506000134352/21/12345"],
        "quantityList": [{"epcClass": LGTIN.format(1), "quantity": 2.5, "uom": "KGM"}],
        "persistentDisposition": {"set": ["completeness_verified"], "unset": ["completeness_inferred"]},
        "ilmd": {"ex:heat": "H-7", "cbvmda:lotNumber": "L1"},
        "errorDeclaration": {
            "declarationTime": "2026-03-03T08:00:00Z",
            "reason": "incorrect_data",
            "correctiveEventIDs": ["urn:uuid:404d95fc-9457-4a51-bd6a-0bba133845a8"],
            "ex:by": "QA",
        },
        "certificationInfo": ["https://certs.example.org/1"],
    },
    "aggregation": {
        "type": "AggregationEvent",
        "action": "ADD",
        "parentID": "urn:epc:id:sscc:4012345.1234567890",
        "childEPCs": [SGTIN.format(1), SGTIN.format(2)],
        "childQuantityList": [{"epcClass": LGTIN.format(2), "quantity": 12}],
    },
    "association": {
        "type": "AssociationEvent",
        "action": "ADD",
        "parentID": "urn:epc:id:grai:4012345.55555.987",
        "childEPCs": ["urn:epc:id:giai:4000001.12345"],
    },
    "transaction": {
        "type": "TransactionEvent",
        "action": "ADD",
        "parentID": "urn:epc:id:sscc:4012345.1234567890",
        "epcList": [SGTIN.format(1)],
        "quantityList": [{"epcClass": LGTIN.format(3), "quantity": 1}],
    },
    "transformation": {
        "type": "TransformationEvent",
        "inputEPCList": [SGTIN.format(1)],
        "inputQuantityList": [{"epcClass": LGTIN.format(4), "quantity": 10, "uom": "KGM"}],
        "outputEPCList": [SGTIN.format(9)],
        "outputQuantityList": [{"epcClass": LGTIN.format(5), "quantity": 9.5, "uom": "KGM"}],
        "transformationID": "urn:epc:id:gdti:4012345.00001.400",
        "ilmd": {"ex:grade": "A"},
    },
}


def event(kind: str, **fields: Any) -> dict[str, Any]:
    """A valid event; fields given are put in, those given as None are left out."""
    made = copy.deepcopy({**EVENTS[kind], **_COMMON, **fields})
    return {name: value for name, value in made.items() if value is not None}


def document(*events: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A valid EPCISDocument of these events."""
    made = {
        "@context": copy.deepcopy(CONTEXT),
        "id": "https://id.example.org/document1",
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-03-04T00:00:00Z",
        "epcisBody": {"eventList": list(events)},
        **fields,
    }
    return {name: value for name, value in made.items() if value is not None}


def query_document(*events: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A valid EPCISQueryDocument of these events."""
    return document(
        type="EPCISQueryDocument",
        epcisBody={
            "queryResults": {
                "queryName": "SimpleEventQuery",
                "subscriptionID": "s1",
                "resultsBody": {"eventList": list(events)},
            }
        },
        **fields,
    )
