"""GS1 Digital Link URIs and the elements they hold, both ways (GS1 Digital Link: URI Syntax).

The path ends in a primary key and its qualifiers, each an AI and its value; the query may hold other AIs. Any
host and any path before the key will do. Words instead of AIs (``/gtin/``) left the standard with version 1.2
and are refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes, urlsplit

from assay.model.codes.gs1.dictionary import primary_keys, table
from assay.model.codes.gs1.elements import ElementString, check_value
from assay.model.codes.refusal import refusal

CANONICAL = "https://id.gs1.org"
"""What the canonical form of a Digital Link begins with."""

WORDS = {
    "gtin": "01", "cpv": "22", "lot": "10", "ser": "21", "itip": "8006", "gmn": "8013", "cpid": "8010",
    "cpsn": "8011", "gln": "414", "glnx": "254", "party": "417", "gsrnp": "8017", "gsrn": "8018",
    "srin": "8019", "gcn": "255", "sscc": "00", "gdti": "253", "ginc": "401", "gsin": "402", "grai": "8003",
    "giai": "8004",
}  # fmt: skip
"""The words that version 1.1 allowed for AIs."""

_KEY_START = re.compile(r"\d{4}[^/]*|\d+")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True)
class DigitalLink:
    """A Digital Link URI taken apart."""

    stem: str
    """Scheme, host and the path before the key, without a slash at its end."""
    elements: ElementString
    """Primary key, qualifiers, then the attributes of the query."""
    other: tuple[tuple[str, str], ...]
    """Keys and values of the query that are not AIs, such as ``linkType``."""

    @property
    def key(self) -> tuple[str, str]:
        """The primary key: AI and value."""
        return self.elements.elements[0]

    def canonical(self) -> str:
        """The same on GS1's own host, escaped in one way, without what is not an AI."""
        return to_digital_link(self.elements)


def key_place(segments: Sequence[str]) -> int | None:
    """Where the primary key stands among the segments of a path, or None when the path has none.

    A segment that is the AI of a primary key counts when what follows begins with four digits (all keys do)
    and the rest of the path is pairs of digits and values; so a date or a page number in a web address is
    no key.
    """
    known = primary_keys()
    for place, segment in enumerate(segments[:-1]):
        rest = segments[place + 2 :]
        if segment not in known or len(rest) % 2 or not all(one.isdecimal() for one in rest[::2]):
            continue
        value = segments[place + 1]
        begins = _KEY_START.match(value)
        if begins and (len(begins[0]) >= 4 or rest):
            return place
    return None


def parse_digital_link(uri: str) -> DigitalLink:
    """Take a Digital Link apart and check all of it.

    Raises
    ------
    CodeError
        It is no ``http`` or ``https`` URI, has no primary key, its qualifiers don't belong to the key or
        are out of order, a value breaks its AI's format or check digit, an AI of the query may not stand
        there, or AIs don't go together.
    """
    try:
        parts = urlsplit(uri)
    except ValueError as error:  # a host in brackets that is none
        raise refusal("dl-scheme", uri=uri) from error
    if parts.scheme.lower() not in {"http", "https"} or not parts.netloc:
        raise refusal("dl-scheme", uri=uri)
    if _BAD_ESCAPE.search(uri):
        raise refusal("escape", uri=uri)
    segments = parts.path.removesuffix("/").split("/")
    place = key_place(segments)
    if place is None:
        word = next((one for one in segments if one in WORDS), None)
        if word:
            raise refusal("dl-word", uri=uri, word=word, ai=WORDS[word])
        raise refusal("dl-key", uri=uri)
    names = segments[place::2]
    values = [_decoded(uri, one) for one in segments[place + 1 :: 2]]
    _check_path(uri, names)
    attributes, other = _query(uri, parts.query)
    elements = ElementString.of(*zip(names, values, strict=True), *attributes)
    stem = f"{parts.scheme.lower()}://{parts.netloc}" + "/".join(segments[:place])
    return DigitalLink(stem, elements, tuple(other))


def _check_path(uri: str, names: Sequence[str]) -> None:
    key, *qualifiers = names
    allowed = primary_keys()[key].qualifiers or ()
    for sequence in allowed:
        left = iter(sequence)
        if all(one in left for one in qualifiers):
            return
    orders = " | ".join(" ".join(f"({one})" for one in sequence) for sequence in allowed) or "–"
    raise refusal(
        "dl-qualifiers", uri=uri, primary=key, found=" ".join(f"({one})" for one in qualifiers), orders=orders
    )


def _query(uri: str, query: str) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    attributes, other = [], []
    for piece in re.split("[&;]", query):
        if not piece:
            continue
        name, _, value = piece.partition("=")
        pair = (_decoded(uri, name), _decoded(uri, value))
        if not pair[0].isdecimal():
            other.append(pair)
            continue
        entry = table().get(pair[0])
        if entry is None or not entry.attribute:
            raise refusal("dl-attribute", uri=uri, ai=pair[0])
        attributes.append(pair)
    return attributes, other


def _decoded(uri: str, text: str) -> str:
    try:
        return unquote_to_bytes(text).decode("utf-8")
    except UnicodeDecodeError:
        raise refusal("escape", uri=uri) from None


def to_digital_link(elements: ElementString, stem: str = CANONICAL) -> str:
    """The Digital Link of ``elements``: primary key and its qualifiers in the path, the rest in the query.

    Raises
    ------
    CodeError
        There is no primary key, or more than one; or an AI has no place in a Digital Link.

    Examples
    --------
    >>> to_digital_link(ElementString.of(("01", "09506000134352"), ("10", "A/1"), ("17", "271231")))
    'https://id.gs1.org/01/09506000134352/10/A%2F1?17=271231'
    """
    known = table()
    keys = [ai for ai, _ in elements if ai in primary_keys()]
    if not keys:
        raise refusal("dl-no-key", elements=elements.human())
    key = next((ai for ai in keys if not _is_qualifier(ai, keys)), keys[0])
    sequence = _longest_sequence(key, elements)
    path = [key, *(ai for ai in sequence if ai in elements)]
    rest = [(ai, value) for ai, value in elements if ai not in path]
    for ai, _ in rest:
        if not known[ai].attribute:
            raise refusal("dl-no-place", ai=ai, title=known[ai].title, primary=key)
    for ai, value in elements:
        check_value(ai, value)
    query = "&".join(f"{ai}={_escaped(value)}" for ai, value in rest)
    return (
        stem.removesuffix("/")
        + "".join(f"/{ai}/{_escaped(elements[ai])}" for ai in path)
        + (f"?{query}" if query else "")
    )


def _is_qualifier(ai: str, keys: Sequence[str]) -> bool:
    known = primary_keys()
    return any(ai in sequence for key in keys for sequence in known[key].qualifiers or ())


def _longest_sequence(key: str, elements: ElementString) -> tuple[str, ...]:
    sequences = primary_keys()[key].qualifiers or ()
    return max(sequences, key=lambda sequence: sum(ai in elements for ai in sequence), default=())


def _escaped(value: str) -> str:
    """Percent-encoded but for RFC 3986's unreserved characters."""
    return quote(value, safe="-._~")
