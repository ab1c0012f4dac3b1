"""What an event is found by without being read: its identifiers and standard values, in one form."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from enum import IntEnum
from typing import Any, Final

from assay.exchange.epcis.context import Context
from assay.exchange.epcis.vocabulary import BIZ_STEPS, DISPOSITIONS, Vocabulary
from assay.model.codes.canonical import canonical_identifier

_LONGEST: Final = 400


class Field(IntEnum):
    """The fields of an event that are indexed."""

    EPC = 1
    PARENT = 2
    INPUT = 3
    OUTPUT = 4
    EPC_CLASS = 5
    INPUT_CLASS = 6
    OUTPUT_CLASS = 7
    BIZ_STEP = 8
    DISPOSITION = 9
    READ_POINT = 10
    BIZ_LOCATION = 11
    TRANSFORMATION = 12


EPC_LISTS: Final[Mapping[str, Field]] = {
    "epcList": Field.EPC,
    "childEPCs": Field.EPC,
    "inputEPCList": Field.INPUT,
    "outputEPCList": Field.OUTPUT,
}
QUANTITY_LISTS: Final[Mapping[str, Field]] = {
    "quantityList": Field.EPC_CLASS,
    "childQuantityList": Field.EPC_CLASS,
    "inputQuantityList": Field.INPUT_CLASS,
    "outputQuantityList": Field.OUTPUT_CLASS,
}
_WORDS: Final[Mapping[str, tuple[Field, Vocabulary]]] = {
    "bizStep": (Field.BIZ_STEP, BIZ_STEPS),
    "disposition": (Field.DISPOSITION, DISPOSITIONS),
}
_PLACES: Final[Mapping[str, Field]] = {"readPoint": Field.READ_POINT, "bizLocation": Field.BIZ_LOCATION}

_SINGLE: Final[Mapping[str, Field]] = {"parentID": Field.PARENT, "transformationID": Field.TRANSFORMATION}


def bounded(value: str) -> str:
    """The text that stands for ``value`` in an index: itself, or its beginning and digest when it is long."""
    if len(value) <= _LONGEST:
        return value
    return f"{value[: _LONGEST - 72]}#{hashlib.sha256(value.encode()).hexdigest()}"


def identifier_term(uri: str, context: Context) -> str:
    """An identifier as it is indexed: URN and Digital Link of one key are the same."""
    return bounded(canonical_identifier(context.expand(uri)))


def word_term(value: str, vocabulary: Vocabulary, context: Context) -> str:
    """A value of a vocabulary as it is indexed: its bare word, or its URI in full."""
    full = context.expand(value)
    return vocabulary.word_of(full) or bounded(full)


def terms_of(event: Mapping[str, Any], context: Context) -> Iterator[tuple[Field, str]]:
    """The indexed fields of a valid event and their values; a value may come twice."""
    for name, value in event.items():
        if name in EPC_LISTS:
            for epc in value:
                yield EPC_LISTS[name], identifier_term(epc, context)
        elif name in QUANTITY_LISTS:
            for element in value:
                yield QUANTITY_LISTS[name], identifier_term(element["epcClass"], context)
        elif name in _WORDS:
            field, vocabulary = _WORDS[name]
            yield field, word_term(value, vocabulary, context)
        elif name in _PLACES:
            yield _PLACES[name], identifier_term(value["id"], context)
        elif name in _SINGLE:
            yield _SINGLE[name], identifier_term(value, context)
