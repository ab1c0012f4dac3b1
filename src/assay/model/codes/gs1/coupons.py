"""North American coupon codes, as the application identifiers 8110 and 8112 carry them.

Fields have the length that a digit in front of them says. AI 8110 is laid out by GS1 US, *North American
Coupon Application Guideline Using GS1 DataBar Expanded Symbols* R2.0, AI 8112 by GS1 US, *AI (8112) Coupon
Data Specification*.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable


def _measured(indicators: Iterable[int], added: int = 0) -> str:
    """Digits behind their length indicator, which counts ``added`` fewer than there are."""
    return "(?:" + "|".join(rf"{one}\d{{{one + added}}}" for one in indicators) + ")"


_COMPANY = _measured(range(7), 6)
_AMOUNT = _measured(range(1, 6))
_SERIAL = _measured(range(10), 6)
_RETAILER = _measured(range(1, 8), 6)
_OFFER = r"\d{6}"
_PURCHASE = rf"{_AMOUNT}[0-49]\d{{3}}"
_OTHER_PURCHASE = rf"{_PURCHASE}(?:{_COMPANY}|9)"
_COUPON = re.compile(
    rf"{_COMPANY}{_OFFER}{_AMOUNT}{_PURCHASE}"
    rf"(?:1[0-3]{_OTHER_PURCHASE})?"
    rf"(?:2{_OTHER_PURCHASE})?"
    r"(?:3(?P<expires>\d{6}))?"
    r"(?:4(?P<starts>\d{6}))?"
    rf"(?:5{_SERIAL})?"
    rf"(?:6{_RETAILER})?"
    r"(?:9[01256][0-2]\d[01])?",
    re.ASCII,
)
_POSITIVE_OFFER = re.compile(rf"[01]{_COMPANY}{_OFFER}{_SERIAL}", re.ASCII)


def coupon(value: str, is_date: Callable[[str], bool]) -> bool:
    """Whether ``value`` is a coupon code of AI 8110: purchases, dates, serial number, retailer and flags.

    Parameters
    ----------
    is_date
        Whether six digits are a date (YYMMDD).
    """
    found = _COUPON.fullmatch(value)
    if found is None:
        return False
    starts, expires = found["starts"], found["expires"]
    if not all(is_date(one) for one in (starts, expires) if one is not None):
        return False
    return starts is None or expires is None or starts <= expires


def positive_offer(value: str) -> bool:
    """Whether ``value`` is a coupon code of AI 8112: format, funder, offer and serial number."""
    return _POSITIVE_OFFER.fullmatch(value) is not None
