"""The one encoding of what is logged: CBOR arrays in core deterministic form (RFC 8949 section 4.2.1).

Only null, booleans, whole numbers of 64 bits, text, bytes and arrays of these occur: no maps, no tags and no
floating point. A decimal is text, its digits as measured, so that ``12.50`` stays another statement than
``12.5``.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import TypeAlias

import cbor2

from assay.ledger.errors import EntryError

Plain: TypeAlias = "bool | int | str | bytes | list[Plain] | tuple[Plain, ...] | None"
"""What can be encoded."""

Value: TypeAlias = bool | int | str | bytes | Decimal | None
"""What a field of a record can be."""

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
_LARGEST = 2**63 - 1
_DEEPEST = 4
_SALTED = b"\x83\x50"
"""An array of three, whose first part is 16 bytes."""
_TEXT = tuple(cbor2.dumps("a" * length)[: -length or None] for length in range(256))
"""What stands in front of a text, by its length in bytes."""
_ATOMS = frozenset({bool, str, bytes, type(None)})


def encode(value: Plain) -> bytes:
    """The canonical bytes of ``value``.

    Raises
    ------
    EntryError
        It holds something that has no canonical form here, such as a float.
    """
    _check(value)
    try:
        return cbor2.dumps(value)
    except UnicodeEncodeError as problem:
        raise EntryError.of("not_canonical", why=str(problem)[:120]) from None


def encode_field(salt: bytes, name: str, value: Plain) -> bytes:
    """What :func:`encode` makes of (salt, name, value); text with 16 bytes of salt takes a third of the time.

    Raises
    ------
    EntryError
        The value has no canonical form.
    """
    if type(value) is str and len(salt) == 16 and value.isascii() and len(value) < len(_TEXT):
        return _SALTED + salt + _name(name) + _TEXT[len(value)] + value.encode()
    return encode([salt, name, value])


@lru_cache(4_096)
def _name(name: str) -> bytes:
    return encode(name)


def decode(data: bytes) -> Plain:
    """The value ``data`` is the canonical form of.

    Raises
    ------
    EntryError
        ``data`` is not CBOR, holds what :func:`encode` never writes, or is another spelling of it.
    """
    try:
        value: Plain = cbor2.loads(data)
    except (cbor2.CBORDecodeError, ValueError, OverflowError, RecursionError) as problem:
        raise EntryError.of("not_canonical", why=str(problem)[:120]) from None
    if encode(value) != data:
        raise EntryError.of("not_canonical", why="another spelling of the same value")
    return value


def plain(value: Value) -> Plain:
    """A field's value as it is encoded: a decimal is the text of its digits.

    Raises
    ------
    EntryError
        A float (say :func:`decimal_of` first), an infinite decimal, or a number beyond 64 bits.
    """
    return decimal_text(value) if isinstance(value, Decimal) else value


def decimal_of(value: float) -> Decimal:
    """The decimal a float stands for: the shortest that reads back as the same float."""
    return Decimal(repr(float(value)))


def decimal_text(value: Decimal) -> str:
    """The digits of a decimal: no exponent, no plus, no leading zero, zero without a sign.

    Raises
    ------
    EntryError
        The decimal is infinite or not a number, or has more than 64 digits.
    """
    text = format(value, "f") if value.is_finite() and abs(value.adjusted()) < 64 else ""
    if value == 0:
        text = text.removeprefix("-")
    return checked_number(text or str(value))


def checked_number(text: str) -> str:
    """``text``, when it is the canonical text of a decimal.

    Raises
    ------
    EntryError
        It is another text.
    """
    zero = text.startswith("-") and not text.strip("-0.")
    if not _NUMBER.fullmatch(text) or zero or len(text) > 130:
        raise EntryError.of("not_a_number", value=text[:80])
    return text


def _check(value: Plain, depth: int = 0) -> None:
    if isinstance(value, list | tuple):
        if depth == _DEEPEST:
            raise EntryError.of("not_canonical", why=f"arrays deeper than {_DEEPEST}")
        for one in value:
            if type(one) not in _ATOMS:  # most are, and this is asked of every part of every entry
                _check(one, depth + 1)
    elif isinstance(value, int):
        if not -_LARGEST <= value <= _LARGEST:
            raise EntryError.of("not_a_number", value=value)
    elif value is not None and not isinstance(value, str | bytes):
        raise EntryError.of("no_form", value=repr(value)[:80], type=type(value).__name__)
