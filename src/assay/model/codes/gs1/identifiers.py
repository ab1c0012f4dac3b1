"""One door for identifiers in exchanged documents: is this URI an identifier that may be believed?"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from assay.model.codes.gs1.digital_link import key_place, parse_digital_link
from assay.model.codes.gs1.urn import parse_urn
from assay.model.codes.refusal import refusal
from assay.model.errors import CodeError
from assay.model.text import Text

_ABSOLUTE = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):(?P<rest>(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+)"
)
_WEB = re.compile(r"(?i:https?)://(?P<host>[^/?#]+)(?P<path>[^?#]*)")
_GS1_HOST = "id.gs1.org"


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a URI is no valid identifier."""

    rule: str
    """The short name of the rule, such as ``check-digit``."""
    said: Text
    """What is wrong, where, with which value."""
    advice: Text | None = None
    """What to do."""


@lru_cache(maxsize=65_536)
def verify_identifier(uri: str) -> Problem | None:
    """None when ``uri`` is a valid identifier, else what is wrong with it.

    GS1 keys are verified (length, leading zeros, characters, check digit) in EPC URNs and in GS1 Digital
    Links on any host. Every other URI is fine when it is absolute (RFC 3986, section 4.3, with or without a
    fragment).
    """
    try:
        _verify(uri)
    except CodeError as error:
        return Problem(error.rule, error.said, error.advice)
    return None


def _verify(uri: str) -> None:
    found = _ABSOLUTE.fullmatch(uri)
    if found is None:
        raise refusal("absolute", uri=uri)
    scheme = found["scheme"].lower()
    if scheme == "urn":
        _verify_urn(uri)
    elif scheme in {"http", "https"}:
        _verify_web(uri)


def _verify_urn(uri: str) -> None:
    if uri[:8].lower() == "urn:epc:":
        parse_urn(uri)
    elif not re.match(r"(?i:urn):[A-Za-z0-9][A-Za-z0-9-]{0,31}:[^#?]", uri):
        raise refusal("absolute", uri=uri)


def _verify_web(uri: str) -> None:
    try:
        host = urlsplit(uri).hostname
    except ValueError as error:  # brackets in a host that is no IPv6 address
        raise refusal("absolute", uri=uri) from error
    if not host:
        raise refusal("absolute", uri=uri)
    if is_digital_link(uri):
        parse_digital_link(uri)


def is_digital_link(uri: str) -> bool:
    """Whether a web address claims to be a GS1 Digital Link: on GS1's host, or with a key in its path."""
    found = _WEB.match(uri)
    return found is not None and (
        found["host"].lower() == _GS1_HOST
        or key_place(found["path"].removesuffix("/").split("/")) is not None
    )
