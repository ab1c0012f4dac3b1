"""What ``MATCH_…`` parameters match: whole identifiers, or EPC patterns (EPCIS 2.0, section 8.2.7.1.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from assay.exchange.epcis.context import Context
from assay.exchange.epcis.faults import ExchangeError
from assay.exchange.epcis.terms import identifier_term
from assay.model.codes.gs1 import verify_identifier

_PATTERN: Final = re.compile(r"urn:epc:(?:idpat|pat):(?P<scheme>[a-z]+):(?P<parts>.+)", re.I)
_CANONICAL: Final = {
    "sgtin": ("01", 14, True, "21"),
    "lgtin": ("01", 14, True, "10"),
    "sscc": ("00", 18, True, None),
    "sgln": ("414", 13, False, "254"),
    "grai": ("8003", 14, False, ""),
    "giai": ("8004", None, False, None),
    "gsrn": ("8018", 18, False, None),
    "gsrnp": ("8017", 18, False, None),
    "gdti": ("253", 13, False, ""),
    "sgcn": ("255", 13, False, ""),
    "pgln": ("417", 13, False, None),
    "upui": ("01", 14, True, "235"),
}
"""By scheme: the key's AI, its digits, whether an indicator stands before the prefix, the serial's AI.

An empty serial's AI: the serial follows the key directly.
"""


@dataclass(frozen=True, slots=True)
class Matcher:
    """A whole term, or the LIKE pattern of terms; ``\\\\`` escapes."""

    text: str
    like: bool


def matcher(value: str, context: Context, parameter: str, *, classes: bool = False) -> Matcher:
    """How a value of a ``MATCH_…`` parameter is looked up; ``classes``: in classes of objects.

    Raises
    ------
    ExchangeError
        It is a pattern of an unknown scheme, or a GS1 identifier that is not valid.
    """
    found = _PATTERN.fullmatch(value)
    if found is None or "*" not in found["parts"]:
        problem = verify_identifier(context.expand(value))
        if problem is not None:
            raise ExchangeError(
                "QueryParameterException", "query-parameter", name=parameter, why=problem.said.en
            )
        return Matcher(identifier_term(value, context), like=False)
    scheme = found["scheme"].lower()
    if scheme not in _CANONICAL:
        raise ExchangeError("QueryParameterException", "query-parameter", name=parameter, why=value)
    ai, digits, indicator, serial_ai = _CANONICAL[scheme]
    prefix, _, rest = found["parts"].partition(".")
    reference, _, serial = rest.partition(".")
    key = _key(prefix, reference, digits, indicator=indicator)
    if serial_ai is None:
        tail = ""
    elif serial_ai == "":
        tail = "%" if serial in {"*", ""} else _literal(serial)
    elif serial in {"*", ""}:
        tail = "%" if classes else f"/{serial_ai}/%"
    else:
        tail = f"/{serial_ai}/{_literal(serial)}"
    return Matcher(f"https://id.gs1.org/{ai}/{key}{tail}", like=True)


def _key(prefix: str, reference: str, digits: int | None, *, indicator: bool) -> str:
    if prefix == "*":
        return "%" if digits is None else "_" * digits
    if digits is None:
        return _literal(prefix) + ("%" if reference == "*" else _literal(reference))
    if reference == "*":
        open_ = digits - len(prefix) - indicator
        return ("_" if indicator else "") + _literal(prefix) + "_" * max(open_, 0)
    first, others = (reference[:1], reference[1:]) if indicator else ("", reference)
    return _literal(first + prefix + others) + "_"


def _literal(text: str) -> str:
    return re.sub(r"([\\%_])", r"\\\1", text)
