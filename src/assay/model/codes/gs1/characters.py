"""The character sets of GS1 element strings (GS1 General Specifications, section 7.11)."""

from __future__ import annotations

DIGITS = "0123456789"
CSET_82 = "!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
"""Character set 82, in the order of the values that check characters use."""

CSET_39 = "#-/0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
CSET_64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_="
"""Base64 for URLs, with its padding."""

CSET_32 = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""What the check characters of a Global Model Number are taken from."""

CSETS = {"N": frozenset(DIGITS), "X": frozenset(CSET_82), "Y": frozenset(CSET_39), "Z": frozenset(CSET_64)}
"""Character sets by the letter that the syntax dictionary gives them."""
