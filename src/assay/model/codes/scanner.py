"""What a scanner types: a symbology identifier, data with separators that keyboards replace, a line end.

Symbology identifiers are those of ISO/IEC 15424: ``]`` and two characters. GS (ASCII 29) is a control
character, and many keyboard wedges send something else for it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from assay.model.codes.gs1.elements import GS

SYMBOLOGIES = {
    "]C0": "code128", "]C1": "gs1-128", "]d1": "datamatrix", "]d2": "gs1-datamatrix",
    "]Q1": "qr", "]Q3": "gs1-qr", "]e0": "gs1-databar", "]E0": "ean", "]E4": "ean-8",
    "]I1": "itf-14", "]J1": "gs1-dotcode", "]A0": "code39",
}  # fmt: skip
"""Symbology identifiers, and what they say; the list is of those that occur on parts and packages."""

_GS1 = {"]C1", "]d2", "]Q3", "]e0", "]J1"}
_IDENTIFIER = re.compile(r"\]([A-Za-z])([0-9A-Za-z])")
_TYPED_AS_PLUS = re.compile(r"\+([de])([0-9])(?=\d{2})")
_REPLACED = re.compile(r"\^\]|<GS>|\{GS\}|\[GS\]|\\x1[dD]|\\u001[dD]|\\F|[\u241d\u2194|~\\^`@#$]")
_BROKEN = "\x1e\x1f\x04"


@dataclass(frozen=True, slots=True)
class Scan:
    """What a scanner sent, set right."""

    symbology: str | None
    """The symbology by its name here, else its identifier; None where none was sent."""
    gs1: bool
    """Whether the symbol is a GS1 one."""
    content: str
    """The data, with GS (ASCII 29) as separator."""


def parse_scan(text: str) -> Scan:
    """Take off identifier and line end, and put separators back.

    A German keyboard types ``]`` as ``+``: ``+d2`` and ``+e0`` in front of digits are read as the identifiers
    they were. In a GS1 symbol what is outside character set 82 can only be a separator, so each of ``^]``,
    ``{GS}``, ``[GS]``, ``\\x1d``, ``\\u001d``, ``\\F``, ``␝``, ``↔``, ``|``, ``~``, ``^`` and others
    becomes one, and ``<GS>`` too.

    Examples
    --------
    >>> parse_scan("]d2010950600013435210A^]21B\\r\\n").content
    '010950600013435210A\\x1d21B'
    """
    content = text.strip("\r\n\t\0\x02\x03").lstrip(" ").translate({ord(one): GS for one in _BROKEN})
    if found := _TYPED_AS_PLUS.match(content):
        content = f"]{found[1]}{found[2]}" + content[found.end() :]
    identifier = None
    if found := _IDENTIFIER.match(content):
        known = {one.upper(): one for one in SYMBOLOGIES}
        identifier = known.get(found[0].upper(), found[0])
        content = content[found.end() :]
    gs1 = identifier in _GS1 or (identifier is None and content.startswith(GS))
    content = (restored(content) if gs1 else content).removeprefix(GS)
    return Scan(SYMBOLOGIES.get(identifier, identifier) if identifier else None, gs1, content)


def restored(content: str) -> str:
    """GS1 data with GS where a keyboard typed something else for it."""
    return _REPLACED.sub(GS, content)
