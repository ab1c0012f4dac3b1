"""EPC pure identity URNs and their elements, both ways (GS1 EPC Tag Data Standard, sections 6 to 8).

A URN names the GS1 Company Prefix by a dot behind it and leaves check digits out; an element string has check
digits and does not say how long the prefix is. So elements become a URN only with the length of the prefix.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from assay.model.codes.gs1.characters import CSET_82
from assay.model.codes.gs1.check_digit import check_digit
from assay.model.codes.gs1.elements import ElementString
from assay.model.codes.refusal import refusal

PREFIX_LENGTHS = range(6, 13)
"""How long the GS1 Company Prefix of a URN may be."""

_ESCAPED = {one: f"%{ord(one):02X}" for one in '"%&/<>?'}
_ESCAPED_CPI = {one: f"%{ord(one):02X}" for one in "#/"}
_PLAIN = frozenset(CSET_82) - frozenset(_ESCAPED)
_PLAIN_CPI = frozenset("-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True)
class PureIdentity:
    """A URN taken apart."""

    scheme: str
    """``sgtin``, ``sscc`` …"""
    role: str
    """``id`` for one thing, ``class`` for a class of them, ``idpat`` for a pattern."""
    company_prefix: str | None
    """The GS1 Company Prefix; None in schemes of others, and in a pattern that leaves it open."""
    elements: ElementString | None
    """The same as AIs; None in schemes of others, and where a pattern leaves the key open."""


@dataclass(frozen=True, slots=True)
class _Scheme:
    """How the parts of a scheme's URN make elements."""

    key: str
    digits: int | None
    """Digits of prefix and reference together; None: characters, up to ``longest`` with the prefix."""
    indicator: bool = False
    """Whether the reference begins with a digit that stands before the prefix in the key."""
    tail: tuple[tuple[str, str, int], ...] = ()
    """Parts behind the reference: name, kind (``x`` text, ``n`` digits, ``nn`` all digits), longest."""
    longest: int = 0
    cpi: bool = False
    classes: bool = False
    """Whether a pattern may leave the last part open and so name a class."""
    checked: bool = True


_SERIAL = ("serial", "x", 20)
_SCHEMES = {
    "sgtin": _Scheme("01", 13, True, (_SERIAL,), classes=True),
    "sscc": _Scheme("00", 17, True),
    "sgln": _Scheme("414", 12, tail=(("extension", "x", 20),), classes=True),
    "grai": _Scheme("8003", 12, tail=(("serial", "x", 16),), classes=True),
    "giai": _Scheme("8004", None, longest=30, checked=False),
    "gsrn": _Scheme("8018", 17),
    "gsrnp": _Scheme("8017", 17),
    "gdti": _Scheme("253", 12, tail=(("serial", "x", 17),), classes=True),
    "cpi": _Scheme(
        "8010", None, tail=(("serial", "n", 12),), longest=30, cpi=True, classes=True, checked=False
    ),
    "sgcn": _Scheme("255", 12, tail=(("serial", "n", 12),), classes=True),
    "ginc": _Scheme("401", None, longest=30, checked=False),
    "gsin": _Scheme("402", 16),
    "itip": _Scheme("8006", 13, True, (("piece", "nn", 2), ("total", "nn", 2), _SERIAL), classes=True),
    "upui": _Scheme("01", 13, True, (("tpx", "x", 28),), classes=True),
    "pgln": _Scheme("417", 12),
}
_CLASSES = {"lgtin": _Scheme("01", 13, True, (("lot", "x", 20),), classes=True)}

_FOREIGN = {
    "gid": re.compile(r"(?:0|[1-9]\d{0,8})\.(?:0|[1-9]\d{0,7})\.(?:0|[1-9]\d{0,10})"),
    "usdod": re.compile(r"[0-9A-HJ-NP-Z]{5,6}\.(?:0|[1-9]\d{0,10})"),
    "adi": re.compile(r"[0-9A-HJ-NP-Z]{5,6}\.(?:[0-9A-Z-]|%2F){0,32}\.(?:%23)?(?:[0-9A-Z-]|%2F){1,30}"),
    "bic": re.compile(r"[A-Z]{3}[JUZ]\d{7}"),
    "imovn": re.compile(r"\d{7}"),
}
"""Schemes of others: General Identifier, US DoD, aerospace, container (ISO 6346), ship (IMO)."""


def parse_urn(uri: str) -> PureIdentity:
    """Take a ``urn:epc:id:…``, ``urn:epc:class:…`` or ``urn:epc:idpat:…`` apart and check all of it.

    Raises
    ------
    CodeError
        The scheme is unknown, the prefix has no allowed length, the reference or a serial is too long or has
        characters that are not allowed or not escaped as the standard says.
    """
    head = uri.split(":", 4)
    if len(head) != 5 or [one.lower() for one in head[:2]] != ["urn", "epc"]:
        raise refusal("urn-form", uri=uri)
    role, name, body = head[2:]
    known = _CLASSES if role == "class" else _SCHEMES if role == "id" else {**_SCHEMES, **_CLASSES}
    if role in {"id", "idpat"} and name in _FOREIGN:
        _check_foreign(uri, role, name, body)
        return PureIdentity(name, role, None, None)
    if role not in {"id", "class", "idpat"} or name not in known:
        raise refusal("urn-scheme", uri=uri, scheme=f"{role}:{name}")
    scheme = known[name]
    parts = body.split(".", 1 + len(scheme.tail))
    if len(parts) != 2 + len(scheme.tail):
        raise refusal("urn-parts", uri=uri, scheme=name, wanted=2 + len(scheme.tail), found=len(parts))
    if role == "idpat":
        return _pattern(uri, name, scheme, parts)
    return PureIdentity(name, role, parts[0], _elements(uri, name, scheme, parts))


def _pattern(uri: str, name: str, scheme: _Scheme, parts: list[str]) -> PureIdentity:
    first = parts.index("*") if "*" in parts else len(parts)
    if any(one != "*" for one in parts[first:]):
        raise refusal("urn-pattern", uri=uri)
    prefix = parts[0] if first else None
    if first == len(parts):
        return PureIdentity(name, "idpat", prefix, _elements(uri, name, scheme, parts))
    if scheme.classes and first == len(parts) - 1:
        return PureIdentity(name, "idpat", prefix, _elements(uri, name, scheme, parts[:-1]))
    if prefix is not None:
        _check_prefix(uri, prefix)
    if first > 1:
        _check_reference(uri, scheme, prefix or "", parts[1])
    return PureIdentity(name, "idpat", prefix, None)


def _check_foreign(uri: str, role: str, name: str, body: str) -> None:
    if role == "idpat" and body.strip("*."):
        kept = body.rstrip("*.")
        body = kept + body[len(kept) :].replace("*", "0")
    elif role == "idpat":
        return
    if not _FOREIGN[name].fullmatch(body):
        raise refusal("urn-foreign", uri=uri, scheme=name)
    if name == "bic" and _container_check(body[:-1]) != body[-1]:
        raise refusal("urn-check", uri=uri, found=body[-1], expected=_container_check(body[:-1]))
    if name == "imovn" and str(sum(int(body[n]) * (7 - n) for n in range(6)) % 10) != body[-1]:
        expected = sum(int(body[n]) * (7 - n) for n in range(6)) % 10
        raise refusal("urn-check", uri=uri, found=body[-1], expected=expected)


def _container_check(code: str) -> str:
    """ISO 6346: letters count from 10, leaving out the multiples of 11; weights 2ⁿ; mod 11, 10 becomes 0."""
    letters = [number for number in range(10, 39) if number % 11]
    values = [int(one) if one.isdecimal() else letters[ord(one) - ord("A")] for one in code]
    return str(sum(value << place for place, value in enumerate(values)) % 11 % 10)


def _check_prefix(uri: str, prefix: str) -> None:
    if not (prefix.isascii() and prefix.isdecimal()):
        raise refusal("urn-digits", uri=uri, part=prefix)
    if len(prefix) not in PREFIX_LENGTHS:
        raise refusal("urn-prefix", uri=uri, prefix=prefix, length=len(prefix))


def _check_reference(uri: str, scheme: _Scheme, prefix: str, reference: str) -> str:
    """The reference, unescaped."""
    if scheme.digits is None:
        text = _unescaped(uri, reference, scheme.cpi)
        if not text or len(prefix) + len(text) > scheme.longest:
            raise refusal("urn-long", uri=uri, part=reference, longest=scheme.longest - len(prefix))
        return text
    if reference and not (reference.isascii() and reference.isdecimal()):
        raise refusal("urn-digits", uri=uri, part=reference)
    if len(prefix) + len(reference) != scheme.digits:
        found = len(prefix) + len(reference)
        raise refusal("urn-length", uri=uri, part=f"{prefix}.{reference}", wanted=scheme.digits, found=found)
    return reference


def _elements(uri: str, name: str, scheme: _Scheme, parts: list[str]) -> ElementString:
    prefix = parts[0]
    _check_prefix(uri, prefix)
    reference = _check_reference(uri, scheme, prefix, parts[1])
    body = reference[:1] + prefix + reference[1:] if scheme.indicator else prefix + reference
    if scheme.checked:
        body += check_digit(body)
    tail = {
        part: _tail(uri, kind, longest, text)
        for (part, kind, longest), text in zip(scheme.tail, parts[2:], strict=False)
    }
    return ElementString.of(*_JOINED.get(name, _joined_plain)(scheme.key, body, tail))


def _tail(uri: str, kind: str, longest: int, text: str) -> str:
    if kind == "x":
        text = _unescaped(uri, text, cpi=False)
    elif not (text.isascii() and text.isdecimal()):
        raise refusal("urn-digits", uri=uri, part=text)
    if not text or len(text) > longest or (kind == "nn" and len(text) != longest):
        raise refusal("urn-long", uri=uri, part=text, longest=longest)
    return text


_Elements = list[tuple[str, str]]
_Tail = dict[str, str]


def _joined_plain(key: str, body: str, tail: _Tail) -> _Elements:
    return [(key, body + tail.get("serial", ""))]


def _joined_beside(ai: str, part: str, absent: str = "") -> Callable[[str, str, _Tail], _Elements]:
    """Elements of a key whose last part has an AI of its own; ``absent`` says that there is none."""

    def joined(key: str, body: str, tail: _Tail) -> _Elements:
        value = tail.get(part, absent)
        return [(key, body)] if value == absent else [(key, body), (ai, value)]

    return joined


def _joined_itip(key: str, body: str, tail: _Tail) -> _Elements:
    pieces = (key, body + tail["piece"] + tail["total"])
    return [pieces, ("21", tail["serial"])] if "serial" in tail else [pieces]


_JOINED: dict[str, Callable[[str, str, _Tail], _Elements]] = {
    "sgtin": _joined_beside("21", "serial"),
    "lgtin": _joined_beside("10", "lot"),
    "upui": _joined_beside("235", "tpx"),
    "sgln": _joined_beside("254", "extension", absent="0"),
    "cpi": _joined_beside("8011", "serial"),
    "grai": lambda key, body, tail: [(key, "0" + body + tail.get("serial", ""))],
    "itip": _joined_itip,
}


def _unescaped(uri: str, text: str, cpi: bool) -> str:
    """The characters that ``text`` stands for; only what the standard escapes may be escaped, and must be."""
    plain, escaped = (_PLAIN_CPI, _ESCAPED_CPI) if cpi else (_PLAIN, _ESCAPED)
    bare = _ESCAPE.sub("", text)
    wrong = sorted(set(bare) - plain)
    if wrong:
        raise refusal("urn-characters", uri=uri, part=text, wrong=" ".join(repr(one) for one in wrong))
    for code in _ESCAPE.findall(text):
        if chr(int(code, 16)) not in escaped:
            raise refusal("urn-characters", uri=uri, part=text, wrong=f"%{code}")
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text)


def to_urn(elements: ElementString, company_prefix_length: int) -> str:
    """The URN of the key among ``elements``: ``id``, for a lot ``class:lgtin``, for a class ``idpat``.

    Raises
    ------
    CodeError
        There is no key that a URN can be made of, or the prefix can't be so long.

    Examples
    --------
    >>> to_urn(ElementString.of(("01", "80614141123458"), ("21", "6789")), 7)
    'urn:epc:id:sgtin:0614141.812345.6789'
    """
    if company_prefix_length not in PREFIX_LENGTHS:
        raise refusal("prefix-length", length=company_prefix_length)
    for name, (scheme, beside) in _WRITTEN.items():
        if scheme.key in elements and (beside is None or beside in elements):
            return _written(name, scheme, beside, elements, company_prefix_length)
    raise refusal("no-urn", elements=elements.human())


_WRITTEN: dict[str, tuple[_Scheme, str | None]] = {
    "itip": (_SCHEMES["itip"], None),
    "sgtin": (_SCHEMES["sgtin"], "21"),
    "upui": (_SCHEMES["upui"], "235"),
    "lgtin": (_CLASSES["lgtin"], "10"),
    "sgtin class": (_SCHEMES["sgtin"], None),
    **{name: (one, None) for name, one in _SCHEMES.items() if one.key not in {"01", "8006"}},
}
"""Schemes in the order they are looked for, with the AI that has to stand beside the key."""


def _written(name: str, scheme: _Scheme, beside: str | None, elements: ElementString, length: int) -> str:
    value = elements[scheme.key].removeprefix("0") if name == "grai" else elements[scheme.key]
    if scheme.digits is None:
        reference, tail = _escape(value[length:], scheme.cpi), ""
        if not value[:length].isdecimal() or not reference:
            raise refusal("prefix-fits", value=value, length=length)
    else:
        body, tail = value[: scheme.digits], value[scheme.digits + 1 :]
        if scheme.indicator:
            body = body[1:] + body[0]
            reference = body[-1] + body[length:-1]
        else:
            reference = body[length:]
        value = body
    start = f"{value[:length]}.{reference}"
    scheme_name = name.split(maxsplit=1)[0]
    if name == "itip":
        start, tail = f"{start}.{tail[:2]}.{tail[2:4]}", elements.get("21") or ""
    elif name == "sgln":
        return f"urn:epc:id:sgln:{start}.{_escape(elements.get('254') or '0', False)}"
    elif name == "cpi":
        tail = elements.get("8011") or ""
    elif beside is not None:
        tail = elements[beside]
    if not scheme.tail:
        return f"urn:epc:id:{scheme_name}:{start}"
    if not tail:
        return f"urn:epc:idpat:{scheme_name}:{start}.*"
    role = "class" if name == "lgtin" else "id"
    return f"urn:epc:{role}:{scheme_name}:{start}.{_escape(tail, False)}"


def _escape(text: str, cpi: bool) -> str:
    escaped = _ESCAPED_CPI if cpi else _ESCAPED
    return "".join(escaped.get(one, one) for one in text)
