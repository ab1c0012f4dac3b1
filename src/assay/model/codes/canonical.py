"""Identifiers in one form: a plant's own ids, GS1 keys as canonical Digital Links (CBV 2.0, 8.9.2)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

from assay.model.codes.gs1 import ElementString, parse_digital_link, parse_urn, to_digital_link
from assay.model.errors import CodeError

OWN_IDS: Final = "urn:x-assay:"
"""What the URI of a plant's own id begins with; what kind of thing it is and the id follow."""

_FINEST: Final[Mapping[str, tuple[str, ...]]] = {
    "01": ("21", "235", "10"),
    "414": ("254",),
    "8006": ("21", "10"),
    "8010": ("8011",),
}
"""By primary key: the qualifiers that stay, of which the first that is there is the finest."""


_NUMBERED: Final = re.compile(
    r"(?P<kind>urn:epc:(?:id:(?:sgtin|grai)|class:lgtin):\d{6,12}\.\d{0,7}\."
    r"|https?://[A-Za-z0-9.-]+/01/\d{14}/(?:21|10)/)(?P<serial>[A-Za-z0-9_-]{1,16})"
)


def numbered(uri: str) -> tuple[str, str] | None:
    """The kind of thing and the plain serial or lot number behind it, where a URI is made of these two.

    All that a standard asks of such a URI is asked of the part before the number, which many URIs share:
    what was found out about ``kind + "1"`` holds for every number. None: the URI has another form.
    """
    found = _NUMBERED.fullmatch(uri)
    return None if found is None else (found["kind"], found["serial"])


@lru_cache(maxsize=32_768)
def canonical_identifier(uri: str) -> str:
    """The canonical Digital Link of a GS1 key in a URN or a Digital Link; any other URI as it is.

    Only the most fine-grained level of identification stays: host, query and coarser qualifiers go.

    Examples
    --------
    >>> canonical_identifier("urn:epc:id:sgtin:0614141.107346.2017")
    'https://id.gs1.org/01/10614141073464/21/2017'
    >>> canonical_identifier("https://shop.example.com/01/09506000134352/10/A/21/7?17=271231")
    'https://id.gs1.org/01/09506000134352/21/7'
    """
    parts = numbered(uri)
    if parts is None:
        return _canonical(uri)
    kind, serial = parts
    first = _canonical(f"{kind}1")
    return _canonical(uri) if first == f"{kind}1" else first[:-1] + serial


def from_uri(uri: str) -> str:
    """The id in the plant of a URI: a plant's own id, or one canonical form of a GS1 key."""
    if uri.startswith(OWN_IDS):
        return unquote(uri.removeprefix(OWN_IDS).partition(":")[2])
    return canonical_identifier(uri)


@lru_cache(maxsize=8_192)
def _canonical(uri: str) -> str:
    start = uri[:8].lower()
    try:
        if start == "urn:epc:":
            elements = parse_urn(uri).elements
            return uri if elements is None else _finest(elements)
        if start.startswith("http"):
            return _finest(parse_digital_link(uri).elements)
    except CodeError:
        return uri
    return uri


def _finest(elements: ElementString) -> str:
    key, value = elements.elements[0]
    for qualifier in _FINEST.get(key, ()):
        if qualifier in elements:
            return to_digital_link(ElementString.of((key, value), (qualifier, elements[qualifier])))
    return to_digital_link(ElementString.of((key, value)))
