"""Check characters of codes: the schemes, what they compute, and which mistakes they promise to find.

Each finds every single changed character. Which exchanged neighbours it finds is said beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from assay.model.codes.gs1.check_digit import check_digit

DIGITS = "0123456789"
ALPHANUMERIC = DIGITS + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class CheckScheme:
    """A way to compute the check character at the end of a code."""

    name: str
    """Its name in a code rule."""
    alphabet: str
    """The characters it covers."""
    results: str
    """The characters it gives."""
    compute: Callable[[str], str]
    """The check character of the characters before it, which are of ``alphabet`` and at least one."""
    exchanges: str
    """The exchanged neighbours it doesn't find: ``none``, ``some``, or how they differ."""


def _luhn(text: str) -> str:
    """ISO/IEC 7812-1, annex B."""
    total = 0
    for place, one in enumerate(reversed(text)):
        doubled = int(one) * 2 if place % 2 == 0 else int(one)
        total += doubled - 9 if doubled > 9 else doubled
    return str(-total % 10)


def _weighted(weights: Sequence[int], modulus: int) -> Callable[[str], str]:
    """A sum with repeating weights from the right, completed to a multiple of the modulus; 10 is X."""

    def compute(text: str) -> str:
        total = sum(int(one) * weights[place % len(weights)] for place, one in enumerate(reversed(text)))
        rest = -total % modulus
        return "X" if rest == 10 else str(rest)

    return compute


def _pure(alphabet: str, results: str, modulus: int) -> Callable[[str], str]:
    """ISO/IEC 7064, pure system with radix 2."""

    def compute(text: str) -> str:
        product = 0
        for one in text:
            product = (product + alphabet.index(one)) * 2 % modulus
        return results[(1 - product) % modulus]

    return compute


def _hybrid(alphabet: str) -> Callable[[str], str]:
    """ISO/IEC 7064, hybrid system: moduli one more than the number of characters, and that number."""
    count = len(alphabet)

    def compute(text: str) -> str:
        product = count
        for one in text:
            total = (product + alphabet.index(one)) % count
            product = (total or count) * 2 % (count + 1)
        return alphabet[(1 - product) % count]

    return compute


_FIVE = "digits that differ by 5"

SCHEMES: dict[str, CheckScheme] = {
    one.name: one
    for one in (
        CheckScheme("luhn", DIGITS, DIGITS, _luhn, "0 and 9"),
        CheckScheme("gs1", DIGITS, DIGITS, check_digit, _FIVE),
        CheckScheme("mod-10", DIGITS, DIGITS, _weighted((3, 1), 10), _FIVE),
        CheckScheme("mod-11", DIGITS, DIGITS + "X", _weighted(range(2, 8), 11), "none"),
        CheckScheme("iso7064-mod-11-10", DIGITS, DIGITS, _hybrid(DIGITS), "some"),
        CheckScheme("iso7064-mod-11-2", DIGITS, DIGITS + "X", _pure(DIGITS, DIGITS + "X", 11), "none"),
        CheckScheme("iso7064-mod-37-36", ALPHANUMERIC, ALPHANUMERIC, _hybrid(ALPHANUMERIC), "some"),
        CheckScheme(
            "iso7064-mod-37-2",
            ALPHANUMERIC,
            ALPHANUMERIC + "*",
            _pure(ALPHANUMERIC, ALPHANUMERIC + "*", 37),
            "none",
        ),
    )
}
"""Every scheme by its name."""
