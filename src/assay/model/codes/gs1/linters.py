"""Checks of the content of AI data fields, by the names the syntax dictionary gives them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

from assay.model.codes.gs1.check_digit import check_digit, check_pair
from assay.model.codes.gs1.code_lists import (
    COUNTRIES_ALPHA,
    COUNTRIES_NUMERIC,
    CURRENCIES_NUMERIC,
    PACKAGE_TYPES,
)
from assay.model.codes.gs1.coupons import coupon, positive_offer

_PREFIX_DIGITS = 4  # the shortest GS1 Company Prefix
_MEDIA_TYPES = {*range(1, 11), *range(80, 100)}  # General Specifications, AI 7241


def _key_prefix(value: str) -> bool:
    return len(value) >= _PREFIX_DIGITS and value[:_PREFIX_DIGITS].isdecimal()


def _is_date(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def _yymmdd(value: str) -> bool:
    # 2000 + YY: the leap years of both centuries a two-digit year can mean fall on the same YY.
    return _is_date(2000 + int(value[:2]), int(value[2:4]), int(value[4:6]))


def _yymmd0(value: str) -> bool:
    return _yymmdd(value[:4] + "01" if value[4:6] == "00" else value)


def _iban(value: str) -> bool:
    """ISO 13616: the country, then mod 97 with the first four characters moved to the end."""
    if not re.fullmatch(r"[A-Z]{2}\d{2}[A-Z0-9]{1,30}", value) or value[:2] not in COUNTRIES_ALPHA:
        return False
    return int("".join(str(int(one, 36)) for one in value[4:] + value[:4])) % 97 == 1


def _piece_of_total(value: str) -> bool:
    return 1 <= int(value[:2]) <= int(value[2:4])


def _position_in_sequence(value: str) -> bool:
    found = re.fullmatch(r"([1-9])/([1-9])", value)
    return bool(found) and int(value[0]) <= int(value[2])


LINTERS: dict[str, tuple[str, Callable[[str], bool]]] = {
    "couponcode": ("coupon", lambda value: coupon(value, _yymmdd)),
    "couponposoffer": ("positive-offer", positive_offer),
    "csum": ("check-digit", lambda value: check_digit(value[:-1]) == value[-1]),
    "csumalpha": ("check-pair", lambda value: len(value) > 2 and check_pair(value[:-2]) == value[-2:]),
    "gcppos1": ("company-prefix", _key_prefix),
    "gcppos2": ("company-prefix", lambda value: _key_prefix(value[1:])),
    "hasnondigit": ("non-digit", lambda value: not value.isdecimal()),
    "hh": ("time", lambda value: int(value) < 24),
    "hhmi": ("time", lambda value: int(value[:2]) < 24 and int(value[2:]) < 60),
    "hyphen": ("hyphen", lambda value: not value.strip("-")),
    "iban": ("iban", _iban),
    "importeridx": ("importer", lambda value: re.fullmatch(r"[-0-9A-Z_a-z]", value) is not None),
    "iso3166": ("country", COUNTRIES_NUMERIC.__contains__),
    "iso3166999": ("country", lambda value: value == "999" or value in COUNTRIES_NUMERIC),
    "iso3166alpha2": ("country", COUNTRIES_ALPHA.__contains__),
    "iso4217": ("currency", CURRENCIES_NUMERIC.__contains__),
    "iso5218": ("sex", lambda value: value in "0129"),
    "latitude": ("latitude", lambda value: int(value) <= 1_800_000_000),
    "longitude": ("longitude", lambda value: int(value) <= 3_600_000_000),
    "mediatype": ("media-type", lambda value: int(value) in _MEDIA_TYPES),
    "mi": ("time", lambda value: int(value) < 60),
    "nonzero": ("non-zero", lambda value: bool(value.strip("0"))),
    "nozeroprefix": ("leading-zero", lambda value: value == "0" or not value.startswith("0")),
    "packagetype": ("package-type", PACKAGE_TYPES.__contains__),
    "pcenc": ("percent-encoding", lambda value: not re.search(r"%(?![0-9A-Fa-f]{2})", value)),
    "pieceoftotal": ("piece-of-total", _piece_of_total),
    "posinseqslash": ("sequence", _position_in_sequence),
    "ss": ("time", lambda value: int(value) < 60),
    "winding": ("winding", lambda value: value in "019"),
    "yesno": ("yes-no", lambda value: value in "01"),
    "yymmd0": ("date", _yymmd0),
    "yymmdd": ("date", _yymmdd),
    "yyyymmdd": ("date", lambda value: _is_date(int(value[:4]), int(value[4:6]), int(value[6:8]))),
    "zero": ("zero", lambda value: not value.strip("0")),
}
"""Name in the dictionary: the rule that is said when it fails, and the check of one component's text.

A check sees text whose length and characters are those of the component already.
"""
