"""Check digits and check characters of GS1 keys (GS1 General Specifications, section 7.9)."""

from __future__ import annotations

from assay.model.codes.gs1.characters import CSET_32, CSET_82

_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83)
_MODULUS = 1021  # the largest prime below 32², so that the remainder fits two characters of 32


def check_digit(digits: str) -> str:
    """The GS1 check digit that follows ``digits`` (section 7.9.1: weights 3 and 1, from the right).

    Raises
    ------
    ValueError
        ``digits`` is empty or holds something else than 0 to 9.

    Examples
    --------
    >>> check_digit("629104150021")
    '3'
    """
    if not digits or not (digits.isascii() and digits.isdecimal()):
        raise ValueError(f"{digits!r} is not a row of digits")
    return str(-(3 * sum(map(int, digits[::-2])) + sum(map(int, digits[-2::-2]))) % 10)


def check_pair(characters: str) -> str:
    """The check characters of a Global Model Number of at most 23 others (section 7.9.5).

    Raises
    ------
    ValueError
        ``characters`` is empty, too long, or holds one outside character set 82.

    Examples
    --------
    >>> check_pair("1987654Ad4X4bL5ttr2310c")
    '2K'
    """
    if not 0 < len(characters) <= len(_PRIMES) or not set(characters) <= set(CSET_82):
        raise ValueError(f"{characters!r} is not 1 to {len(_PRIMES)} characters of set 82")
    weights = reversed(_PRIMES[: len(characters)])
    total = sum(CSET_82.index(one) * weight for one, weight in zip(characters, weights, strict=True))
    high, low = divmod(total % _MODULUS, len(CSET_32))
    return CSET_32[high] + CSET_32[low]
