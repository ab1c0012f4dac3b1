"""What is this code? One question for everything that is scanned, typed or read off an image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from assay.model.codes.gs1.check_digit import check_digit
from assay.model.codes.gs1.dictionary import primary_keys
from assay.model.codes.gs1.digital_link import parse_digital_link
from assay.model.codes.gs1.elements import GS, ElementString
from assay.model.codes.gs1.identifiers import is_digital_link
from assay.model.codes.gs1.urn import parse_urn
from assay.model.codes.refusal import refusal
from assay.model.codes.rules import CodeRule
from assay.model.codes.scanner import Scan, parse_scan, restored
from assay.model.codes.udi import Udi, parse_udi, udi_of
from assay.model.errors import CodeError

LONGEST = 8192
"""Characters of a code at most; no symbol holds more."""

_BARE = {8: "01", 12: "01", 13: "01", 14: "01", 18: "00"}
_RETAIL = {"ean", "ean-8", "itf-14"}


@dataclass(frozen=True, slots=True)
class Recognised:
    """A code that is understood, and valid."""

    kind: str
    """``gs1``, ``digital-link``, ``epc``, ``udi`` (of an agency other than GS1), ``plant`` or ``uri``."""
    text: str
    """The code, without what a scanner adds."""
    symbology: str | None = None
    """The symbology, where the scanner says it."""
    elements: ElementString | None = None
    """The application identifiers it holds or stands for."""
    udi: Udi | None = None
    """The device identification, where it is one."""
    rule: str | None = None
    """The plant's code rule."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """What the plant's code says, by field."""
    serial: int | None = None
    """The running number in the plant's code."""
    date: datetime | None = None
    """The time in the plant's code, in plant time."""

    @property
    def ids(self) -> tuple[str, ...]:
        """What the thing may be called in a plant's records, the likeliest first."""
        found = [self.text]
        if self.elements is not None:
            found += [self.elements.human(), self.elements.raw()]
            found += [
                value for ai in ("21", "10", "00", "8004", "8003", "01") if (value := self.elements.get(ai))
            ]
        if self.udi is not None:
            found += [value for name in ("serial", "lot") if (value := self.udi.production.get(name))]
        return tuple(dict.fromkeys(found))


def recognise(text: str, rules: Sequence[CodeRule] = (), *, today: date) -> Recognised:
    """Say what a code is and take it apart.

    Parameters
    ----------
    text
        As scanned or typed: with or without symbology identifier, in any GS1 syntax, or a plant's own code.
    rules
        The plant's code rules.
    today
        Decides the century or decade of a date in a plant's code.

    Raises
    ------
    CodeError
        It is a code of some kind but not a valid one (the rule says why), or nothing that is known
        (``unrecognised``).
    """
    if len(text) > LONGEST:
        raise refusal("too-long", length=len(text), most=LONGEST)
    scan = parse_scan(text)
    content = scan.content
    if scan.gs1 or content.startswith("(") or GS in content:
        return _gs1(scan, ElementString.parse(content, whole=False))
    if content[:4].lower() == "urn:":
        return _urn(scan)
    if content[:5].lower() == "http:" or content[:6].lower() == "https:":
        return _web(scan)
    if own := _own(scan, rules, today):
        return own
    if content.startswith(("+", "=", "&")):
        return Recognised("udi", content, scan.symbology, udi=parse_udi(content))
    return _bare(scan)


def _gs1(scan: Scan, elements: ElementString) -> Recognised:
    udi = udi_of(elements) if "01" in elements else None
    return Recognised("gs1", scan.content, scan.symbology, elements, udi)


def _urn(scan: Scan) -> Recognised:
    if scan.content[:8].lower() != "urn:epc:":
        return Recognised("uri", scan.content, scan.symbology)
    return Recognised("epc", scan.content, scan.symbology, parse_urn(scan.content).elements)


def _web(scan: Scan) -> Recognised:
    if not is_digital_link(scan.content):
        return Recognised("uri", scan.content, scan.symbology)
    elements = parse_digital_link(scan.content).elements
    udi = udi_of(elements) if "01" in elements else None
    return Recognised("digital-link", scan.content, scan.symbology, elements, udi)


def _own(scan: Scan, rules: Sequence[CodeRule], today: date) -> Recognised | None:
    """By the plant's rules; a code that has a rule's form but breaks it otherwise is refused by that rule."""
    broken: CodeError | None = None
    for rule in rules:
        try:
            found = rule.parse(scan.content, today)
        except CodeError as error:
            if error.rule not in {"code-length", "code-text"}:
                broken = broken or error
            continue
        return Recognised(
            "plant", scan.content, scan.symbology, rule=found.rule, fields=found.fields, serial=found.serial,
            date=found.date,
        )  # fmt: skip
    if broken is not None:
        raise broken
    return None


def _bare(scan: Scan) -> Recognised:
    """Digits of a retail symbol, or an element string without an identifier in front."""
    content = scan.content
    digits = content.isascii() and content.isdecimal()
    ai = _BARE.get(len(content)) if digits else None
    if ai and (check_digit(content[:-1]) == content[-1] or scan.symbology in _RETAIL):
        value = content.zfill(14) if ai == "01" else content
        return _gs1(scan, ElementString.of((ai, value), whole=False))
    if ai:
        raise refusal("bare-digits", text=content, found=content[-1], expected=check_digit(content[:-1]))
    try:
        elements = ElementString.parse(restored(content), whole=False)
    except CodeError as error:
        if error.rule == "check-digit":
            raise
        raise refusal("unrecognised", text=content) from error
    if not any(ai in primary_keys() for ai, _ in elements):
        raise refusal("unrecognised", text=content)  # digits of something else can begin like some AI
    return _gs1(scan, elements)
