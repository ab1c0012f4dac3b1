"""Unique device identification: the codes of the three issuing agencies, taken apart into UDI-DI and UDI-PI.

GS1 codes are element strings. HIBCC codes begin with ``+`` (ANSI/HIBC 2.6), ICCBBA's with ``=`` (ISBT 128).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from assay.model.codes.gs1.elements import ElementString
from assay.model.codes.refusal import refusal

_HIBC = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-. $/+%"
_PRIMARY = re.compile(r"\+([A-Z][A-Z0-9]{3})([A-Z0-9]{1,18})([0-9])")
_GS1_PRODUCTION = {"10": "lot", "21": "serial", "17": "expiry", "11": "manufactured"}
_EXPIRY_FORMS = {
    "0": "MMYY",
    "1": "MMYY",
    "2": "MMDDYY",
    "3": "YYMMDD",
    "4": "YYMMDDHH",
    "5": "YYJJJ",
    "6": "YYJJJHH",
}
_ISBT = re.compile(
    r"=/(?P<di>[A-Z0-9]{16})|=,(?P<serial>\d{6})|=(?P<donation>[A-NP-Z1-9][A-Z0-9]{14})(?![A-Z0-9])"
    r"|=>(?P<expiry>\d{6})|=\}(?P<manufactured>\d{6})|&,1(?P<lot>[A-Z0-9]{1,18})"
)


@dataclass(frozen=True, slots=True)
class Udi:
    """A UDI."""

    agency: str
    """``gs1``, ``hibcc`` or ``iccbba``."""
    device: str
    """The UDI-DI: which device it is."""
    production: Mapping[str, str]
    """The UDI-PI as written: ``lot``, ``serial``, ``expiry``, ``manufactured`` and others."""


def hibc_check(text: str) -> str:
    """The HIBC link character: the sum of the characters' values modulo 43 (ANSI/HIBC 2.6, appendix B).

    Raises
    ------
    ValueError
        A character is not one of the 43.

    Examples
    --------
    >>> hibc_check("+A123BJC5D6E71")
    'G'
    """
    return _HIBC[sum(_HIBC.index(one) for one in text) % 43]


def parse_udi(text: str) -> Udi:
    """Take a UDI of any of the three agencies apart.

    Raises
    ------
    CodeError
        It is of none of them, its check character is wrong, or it has no UDI-DI.
    """
    if text.startswith("+"):
        return _hibcc(text)
    if text.startswith(("=", "&")):
        return _iccbba(text)
    return udi_of(ElementString.parse(text))


def udi_of(elements: ElementString) -> Udi:
    """The UDI that a GS1 element string holds.

    Raises
    ------
    CodeError
        It has no GTIN.
    """
    device = elements.get("01")
    if device is None:
        raise refusal("udi-device", text=elements.human())
    production = {name: elements[ai] for ai, name in _GS1_PRODUCTION.items() if ai in elements}
    return Udi("gs1", device, production)


def _hibcc(text: str) -> Udi:
    wrong = sorted(set(text) - set(_HIBC))
    if wrong or len(text) < 2:
        raise refusal("udi-form", text=text, agency="HIBCC")
    if hibc_check(text[:-1]) != text[-1]:
        raise refusal("udi-check", text=text, found=text[-1], expected=hibc_check(text[:-1]))
    primary, *parts = text[:-1].split("/")
    found = _PRIMARY.fullmatch(primary)
    if found is None:
        raise refusal("udi-form", text=text, agency="HIBCC")
    production: dict[str, str] = {}
    for part in parts:
        production |= _hibc_part(part)
    return Udi("hibcc", primary[1:], production)


def _hibc_part(part: str) -> dict[str, str]:
    for begin, name in (("16D", "manufactured"), ("14D", "expiry"), ("S", "serial"), ("Q", "quantity")):
        if part.startswith(begin):
            return {name: part.removeprefix(begin)}
    name = "serial" if part.startswith(("$+", "$$+")) else "lot"
    if part.startswith("$$"):
        rest = part.removeprefix("$$").removeprefix("+")
        said: dict[str, str] = {}
        if rest[:1] in {"8", "9"}:
            width = 2 if rest[0] == "8" else 5
            said["quantity"], rest = rest[1 : 1 + width], rest[1 + width :]
        form = _EXPIRY_FORMS.get(rest[:1])
        if form is not None:
            start = 0 if rest[0] in "01" else 1
            said["expiry"], rest = rest[start : start + len(form)], rest[start + len(form) :]
        elif rest[:1] == "7":
            rest = rest[1:]
        return said | ({name: rest} if rest else {})
    return {name: part.removeprefix("$").removeprefix("+")} if part.startswith("$") else {}


def _iccbba(text: str) -> Udi:
    production, device, place = {}, None, 0
    for found in _ISBT.finditer(text):
        if found.start() != place:
            break
        place = found.end()
        for name, value in found.groupdict().items():
            if value is not None and name == "di":
                device = value
            elif value is not None:
                production[name] = value
    if place != len(text) or device is None:
        raise refusal("udi-form", text=text, agency="ICCBBA")
    return Udi("iccbba", device, production)
