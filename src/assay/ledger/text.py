"""Reading what exists in one canonical form only: base64, decimal numbers, lines of text."""

from __future__ import annotations

import re
from binascii import Error as NotBase64
from binascii import a2b_base64, b2a_base64
from datetime import UTC, datetime

from assay.ledger.errors import VerificationError

LARGEST = 2**63 - 1
"""The largest size, index or time of a log."""

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_NO_NAME = re.compile(r"[\s+]")


def as_base64(data: bytes) -> str:
    """``data`` in standard base64 (RFC 4648 section 4)."""
    return b2a_base64(data, newline=False).decode("ascii")


def of_base64(text: str) -> bytes:
    """The bytes of ``text``; every other spelling of the same bytes is refused.

    Raises
    ------
    VerificationError
        ``text`` is not what :func:`as_base64` writes.
    """
    try:
        data = a2b_base64(text)
    except (NotBase64, ValueError):
        data = None
    if data is None or as_base64(data) != text:
        raise VerificationError.of("bad_base64", value=text[:80])
    return data


def of_decimal(text: str) -> int:
    """The whole number ``text`` stands for, from 0 to 2⁶³ - 1.

    Raises
    ------
    VerificationError
        It has leading zeros, a sign, other digits than ASCII's, or is too large.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= 19) or str(int(text)) != text:
        raise VerificationError.of("bad_number", value=text[:80])
    number = int(text)
    if number > LARGEST:
        raise VerificationError.of("bad_number", value=text)
    return number


def as_moment(micros: int) -> str:
    """Microseconds since 1970 as UTC by the second, such as ``2026-12-31T00:00:00Z``."""
    try:
        when = datetime.fromtimestamp(micros // 1_000_000, UTC)
    except (ValueError, OverflowError, OSError):
        return f"{micros} µs"
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def of_moment(text: str) -> int:
    """Microseconds since 1970 of what :func:`as_moment` writes.

    Raises
    ------
    VerificationError
        It is anything else, or before 1970.
    """
    try:
        when = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        micros = int(when.timestamp()) * 1_000_000
    except ValueError:
        micros = -1
    if micros < 0 or as_moment(micros) != text:
        raise VerificationError.of("bad_moment", value=text[:80])
    return micros


def of_utf8(data: bytes, what: str) -> str:
    """The text of ``data``: UTF-8, no control characters but the line feed.

    Raises
    ------
    VerificationError
        It is anything else; ``what`` names it.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as problem:
        raise VerificationError.of("bad_text", what=what, why=f"byte {problem.start}: not UTF-8") from None
    if control := _CONTROL.search(text):
        why = f"character {control.start()}: control character U+{ord(control[0]):04X}"
        raise VerificationError.of("bad_text", what=what, why=why)
    return text


def is_key_name(name: str) -> bool:
    """Whether ``name`` can name a key: not empty, no white space, no ``+`` (signed-note)."""
    return bool(name) and not _NO_NAME.search(name)
