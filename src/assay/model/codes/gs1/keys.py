"""GS1 keys by their names: GTINs in their four lengths, and keys completed by their check digit."""

from __future__ import annotations

from dataclasses import dataclass

from assay.model.codes.gs1.check_digit import check_digit, check_pair
from assay.model.codes.gs1.elements import check_value
from assay.model.codes.refusal import refusal

GTIN_LENGTHS = (8, 12, 13, 14)
"""How many digits a Global Trade Item Number may have."""


@dataclass(frozen=True, slots=True)
class KeyKind:
    """One of GS1's identification keys."""

    ai: str
    """Its application identifier."""
    digits: int | None
    """Digits before the check digit; None: it has none, or check characters."""
    title: str
    """Its name."""


KEYS: dict[str, KeyKind] = {
    "gtin": KeyKind("01", 13, "Global Trade Item Number"),
    "sscc": KeyKind("00", 17, "Serial Shipping Container Code"),
    "gln": KeyKind("414", 12, "Global Location Number"),
    "party-gln": KeyKind("417", 12, "Global Location Number of a party"),
    "grai": KeyKind("8003", 12, "Global Returnable Asset Identifier"),
    "giai": KeyKind("8004", None, "Global Individual Asset Identifier"),
    "gsrn": KeyKind("8018", 17, "Global Service Relation Number, recipient"),
    "gsrn-provider": KeyKind("8017", 17, "Global Service Relation Number, provider"),
    "gdti": KeyKind("253", 12, "Global Document Type Identifier"),
    "gcn": KeyKind("255", 12, "Global Coupon Number"),
    "ginc": KeyKind("401", None, "Global Identification Number for Consignment"),
    "gsin": KeyKind("402", 16, "Global Shipment Identification Number"),
    "cpid": KeyKind("8010", None, "Component/Part Identifier"),
    "gmn": KeyKind("8013", None, "Global Model Number"),
}
"""The keys by the names used here."""


def complete_key(kind: str, body: str, serial: str = "") -> str:
    """The data of a key: what stands before the check digit, the check digit, and a serial part.

    Raises
    ------
    CodeError
        There is no such key, or the result is not valid.

    Examples
    --------
    >>> complete_key("sscc", "10614141234567890")
    '106141412345678908'
    >>> complete_key("grai", "061414112345", "400")
    '00614141123452400'
    """
    key = KEYS.get(kind)
    if key is None:
        raise refusal("unknown-key", kind=kind, known=", ".join(KEYS))
    if key.digits is None:
        value = body + (_pair_of(body) if kind == "gmn" else "")
    elif len(body) != key.digits or not (body.isascii() and body.isdecimal()):
        raise refusal("key-body", kind=kind, body=body, wanted=key.digits)
    else:
        value = ("0" if kind == "grai" else "") + body + check_digit(body)
    check_value(key.ai, value + serial)
    return value + serial


def gtin14(gtin: str) -> str:
    """A GTIN of 8, 12, 13 or 14 digits in the 14 that symbols, links and documents have.

    Raises
    ------
    CodeError
        It has another length, holds something else than digits, or its check digit is wrong.

    Examples
    --------
    >>> gtin14("96385074")
    '00000096385074'
    """
    if len(gtin) not in GTIN_LENGTHS:
        raise refusal("gtin-length", gtin=gtin, length=len(gtin))
    value = gtin.zfill(14)
    check_value("01", value)
    return value


def shortest_gtin(gtin: str) -> str:
    """A GTIN as it stands on a retail package: 8, 12, 13 or 14 digits.

    Raises
    ------
    CodeError
        As :func:`gtin14`.

    Examples
    --------
    >>> shortest_gtin("09506000134352")
    '9506000134352'
    """
    value = gtin14(gtin)
    spare = len(value) - len(value.lstrip("0"))
    return value[next((14 - length for length in GTIN_LENGTHS if 14 - length <= spare), 0) :]


def _pair_of(body: str) -> str:
    try:
        return check_pair(body)
    except ValueError as error:
        raise refusal("key-body", kind="gmn", body=body, wanted="1–23") from error
