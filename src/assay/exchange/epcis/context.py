"""JSON-LD contexts of EPCIS documents: which names they define, without ever fetching one.

The address of GS1's own context, in any version of EPCIS 2, stands for the context written here from the
standard. A context at any other address is unknown: it is not fetched, and defines nothing. Namespaces of
user extensions are declared in the document itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from assay.exchange.epcis.faults import Fault, Path, fault, shown
from assay.exchange.epcis.vocabulary import (
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

GS1_CONTEXT: Final = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
"""The address of GS1's context that documents written here name."""

_GS1_ADDRESS = re.compile(
    r"https?://(ref\.gs1\.org/standards/epcis|gs1\.github\.io/EPCIS)(/2(\.\d+)*)?/epcis-context\.jsonld", re.I
)

PREFIXES: Final[Mapping[str, str]] = {
    "cbv": "https://ref.gs1.org/cbv/",
    "cbvmda": "urn:epcglobal:cbv:mda:",
    "dcterms": "http://purl.org/dc/terms/",
    "epcis": "https://ref.gs1.org/epcis/",
    "gs1": "https://gs1.org/voc/",
    "owl": "http://www.w3.org/2002/07/owl#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
"""Prefixes that GS1's context declares."""

_STANDARD: Final = frozenset({"cbv", "epcis", "gs1"})
"""Those of them that a document may only declare again as they are; official examples redeclare others."""

_ID, _WORD, _MOMENT, _DOUBLE = "@id", "@vocab", "xsd:dateTimeStamp", "xsd:double"


def _term(name: str, kind: str | None = None, *, of: str | None = None, many: bool = False) -> Any:
    """What a name means: its IRI (``of`` where it is another word), its type, whether it is a set."""
    meant = of or f"epcis:{name}"
    if kind is None and not many:
        return meant
    entry: dict[str, Any] = {"@id": meant}
    if kind is not None:
        entry["@type"] = kind
    if many:
        entry["@container"] = "@set"
    return entry


def _words(vocabulary: Vocabulary) -> dict[str, Any]:
    prefix = "gs1" if vocabulary.base == PREFIXES["gs1"] else "cbv"
    local = vocabulary.base.removeprefix(PREFIXES[prefix])
    words = {word: f"{prefix}:{local}{word}" for word in vocabulary.words}
    return {"@protected": True, "@version": 1.1, prefix: PREFIXES[prefix], **words}


def _inside(entry: Any, terms: dict[str, Any]) -> dict[str, Any]:
    """An entry with names of its own below it."""
    opened = entry if isinstance(entry, dict) else {"@id": entry}
    return {**opened, "@context": {"@protected": True, "epcis": PREFIXES["epcis"], **terms}}


def _typed(name: str, vocabulary: Vocabulary, *, of: str | None = None) -> dict[str, Any]:
    return {**_term(name, _WORD, of=of), "@context": _words(vocabulary)}


@cache
def epcis_context() -> dict[str, Any]:
    """The whole context: what every name of an EPCIS document means as linked data."""
    sides = {
        f"{side}List": _inside(
            _term(f"{side}List", many=True),
            {
                side: _term(side, _ID, of="epcis:sourceOrDestination"),
                "type": _typed("type", SOURCE_DESTINATION_TYPES, of="epcis:sourceOrDestinationType"),
            },
        )
        for side in ("source", "destination")
    }
    report = {
        "type": _typed("type", MEASUREMENT_TYPES, of="epcis:measurementType"),
        "exception": _typed("exception", SENSOR_ALERTS),
        "component": _typed("component", COMPONENTS),
        **{
            name: _term(name, _ID)
            for name in ("coordinateReferenceSystem", "microorganism", "chemicalSubstance", "uriValue")
        },
        "time": _term("time", _MOMENT),
        "stringValue": _term("stringValue"),
        "booleanValue": _term("booleanValue", "xsd:boolean"),
        "hexBinaryValue": _term("hexBinaryValue", "xsd:hexBinary"),
        **{
            name: _term(name, _DOUBLE)
            for name in ("value", "minValue", "maxValue", "meanValue", "sDev", "percRank", "percValue")
        },
    }
    sensors = {
        **{
            name: _term(name, _ID)
            for name in ("deviceID", "deviceMetadata", "rawData", "dataProcessingMethod")
        },
        "time": _term("time", _MOMENT),
        "type": "@type",
        "sensorMetadata": _inside(
            _term("sensorMetadata"),
            {
                "startTime": _term("startTime", _MOMENT),
                "endTime": _term("endTime", _MOMENT),
                "bizRules": _term("bizRules", _ID),
            },
        ),
        "sensorReport": _inside(_term("sensorReport"), report),
    }
    persistent = {
        **_words(DISPOSITIONS),
        **{name: _term(name, _WORD, many=True) for name in ("set", "unset")},
    }
    return {
        "@protected": True,
        "@version": 1.1,
        **PREFIXES,
        "id": "@id",
        "type": "@type",
        "eventID": "@id",
        "baseURL": "@base",
        "Collection": "epcis:Collection",
        "member": _term("member", _ID, of="rdfs:member", many=True),
        **{name: f"epcis:{name}" for name in EVENT_TYPES.words},
        **{
            name: f"epcis:{name}"
            for name in (
                "EPCISDocument",
                "EPCISQueryDocument",
                "action",
                "epcisBody",
                "epcisHeader",
                "eventTimeZoneOffset",
                "instanceIdentifier",
                "masterData",
                "queryName",
                "queryResults",
                "resultsBody",
                "subscriptionID",
                "uom",
                "vocabularyList",
            )
        },
        "schemaVersion": "owl:versionInfo",
        "creationDate": _term("creationDate", "xsd:dateTime", of="dcterms:created"),
        **{name: _term(name, "xsd:string") for name in ("sender", "receiver")},
        **{name: {"@id": f"epcis:{name}"} for name in ("eventList", "ilmd")},
        **{name: _term(name, _MOMENT) for name in ("eventTime", "recordTime")},
        **{
            name: _term(name, _ID)
            for name in ("bizLocation", "readPoint", "transformationID", "epcClass", "parentID")
        },
        **{
            name: _term(name, _ID, many=True)
            for name in (
                "certificationInfo",
                "epcList",
                "childEPCs",
                "inputEPCList",
                "outputEPCList",
                "children",
            )
        },
        "quantity": _term("quantity", "xsd:decimal"),
        **{
            name: _term(name, many=True)
            for name in ("quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList")
        },
        "bizStep": _typed("bizStep", BIZ_STEPS),
        "disposition": _typed("disposition", DISPOSITIONS),
        "persistentDisposition": _inside(_term("persistentDisposition", many=True), persistent),
        "bizTransactionList": _inside(
            _term("bizTransactionList", many=True),
            {
                "bizTransaction": "@id",
                "type": _typed("type", BIZ_TRANSACTION_TYPES, of="epcis:bizTransactionType"),
            },
        ),
        **sides,
        "sensorElementList": _inside(_term("sensorElementList", many=True), sensors),
        "errorDeclaration": _inside(
            _term("errorDeclaration"),
            {
                "reason": _typed("reason", ERROR_REASONS),
                "correctiveEventIDs": _term("correctiveEventIDs", _ID, many=True),
                "declarationTime": _term("declarationTime", _MOMENT),
            },
        ),
    }


@cache
def _protected() -> frozenset[str]:
    return frozenset(name for name in epcis_context() if not name.startswith("@") and name not in PREFIXES)


def is_gs1_context(address: str) -> bool:
    """Whether ``address`` is that of GS1's EPCIS 2 context, with or without a version."""
    return _GS1_ADDRESS.fullmatch(address) is not None


@dataclass(frozen=True)
class Context:
    """What the ``@context`` of a document declares."""

    prefixes: Mapping[str, str] = field(default_factory=lambda: dict(PREFIXES))
    """Every prefix and its namespace."""
    gs1: bool = False
    """Whether GS1's context is among them."""

    def expand(self, name: str) -> str:
        """A compact name such as ``cbv:BizStep-shipping`` in full; any other text as it is."""
        prefix, colon, local = name.partition(":")
        if colon and not local.startswith("//") and prefix in self.prefixes:
            return self.prefixes[prefix] + local
        return name


def own_parts(context: Any) -> list[Any]:
    """What a document declares besides GS1's context, in its order."""
    parts = context if isinstance(context, list) else [context]
    return [part for part in parts if not (isinstance(part, str) and is_gs1_context(part))]


def read_context(context: Any, faults: list[Fault], at: Path, outer: Context | None = None) -> Context:
    """Read a ``@context``; what is wrong with it is appended to ``faults``.

    ``outer`` is the context of the document around an event that has one of its own.
    """
    prefixes = dict(outer.prefixes if outer else PREFIXES)
    gs1 = outer.gs1 if outer else False
    parts = context if isinstance(context, list) else [context]
    for number, part in enumerate(parts):
        here = (*at, number) if isinstance(context, list) else at
        if isinstance(part, str):
            gs1 = gs1 or is_gs1_context(part)
        elif isinstance(part, dict):
            for name, value in part.items():
                namespace = _declared(name, value)
                if name in _protected() or _other_meaning(name, namespace):
                    faults.append(fault((*here, name), "context-protected", name=name))
                elif isinstance(namespace, str) and not name.startswith("@") and ":" not in name:
                    prefixes[name] = namespace
                faults.extend(_broken(name, value, namespace, (*here, name)))
    if not gs1:
        faults.append(fault(at, "context-gs1", address=GS1_CONTEXT))
    return Context(prefixes, gs1)


def _declared(name: str, value: Any) -> Any:
    """The IRI that an entry of a context declares, or None where it declares none."""
    if isinstance(value, dict):
        return value.get("@id")
    return None if name.startswith("@") else value


def _other_meaning(prefix: str, namespace: Any) -> bool:
    """Whether a prefix that the standard's own values are written with is to mean something else."""
    return prefix in _STANDARD and namespace != PREFIXES[prefix]


_IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]+")


def _broken(name: str, value: Any, namespace: Any, at: Path) -> Iterator[Fault]:
    if name.startswith("@"):
        return
    if not name or any(letter.isspace() for letter in name):
        yield fault(at, "context-prefix", name=shown(name))
    if not isinstance(value, str | dict | None):
        yield fault(at, "context-namespace", name=name, value=shown(value))
    elif isinstance(namespace, str):
        if not namespace.startswith("@") and _IRI.fullmatch(namespace) is None:
            yield fault(at, "context-namespace", name=name, value=shown(namespace))
    elif namespace is not None and namespace is not False:
        yield fault(at, "context-namespace", name=name, value=shown(namespace))
