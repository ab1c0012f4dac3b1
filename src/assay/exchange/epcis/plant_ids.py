"""A plant's own ids as URIs: what has no GS1 key still has a name that partners can use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal
from urllib.parse import quote

from assay.exchange.epcis.units import UCUM
from assay.model.codes.canonical import OWN_IDS

Thing = Literal["unit", "lot", "execution", "equipment", "step", "order"]

_CLASSES: Final = ("urn:epc:class:", "urn:epc:idpat:")
_CODES: Final[Mapping[str, str]] = {unit: code for code, unit in reversed(list(UCUM.items()))}


def to_uri(thing: Thing, id_: str) -> str:
    """The URI of an id: itself when it is one already, else ``urn:x-assay:unit:U-1029``."""
    scheme, colon, _ = id_.partition(":")
    if colon and scheme.lower() in {"urn", "http", "https", "tag"} and not any(one.isspace() for one in id_):
        return id_
    return f"{OWN_IDS}{thing}:{quote(id_, safe='')}"


def kind_of(uri: str, *, listed_as_class: bool) -> str:
    """Whether an identifier of an event names a ``unit`` or a ``lot``."""
    return "lot" if listed_as_class or uri.lower().startswith(_CLASSES) else "unit"


def common_code(unit: str | None) -> str | None:
    """The common code of a UCUM unit; None for counts and for units without one that is known here."""
    return None if unit in {None, "", "1"} else _CODES.get(str(unit))
