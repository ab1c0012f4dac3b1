"""How long an issuer's key may sign: what a log says of it, and what comes of that.

It is judged by the entry's own time and by the clock of whoever writes the log. Who stole an expired key can
give an entry an old time, but hand it in to no writer; what a writer of their own makes is told apart by a
distrust, which names an entry and no time.
"""

from __future__ import annotations

from typing import NamedTuple

from assay.ledger.canonical import decode, encode
from assay.ledger.errors import EntryError, LogError
from assay.ledger.text import as_moment


class Validity(NamedTuple):
    """From when on, and until when (not included), a key may sign; None for no limit.

    Both are microseconds since 1970, UTC.
    """

    start: int | None
    until: int | None

    def check(self, public: bytes, *moments: int) -> None:
        """Check that the key ``public`` may sign at all of ``moments``.

        Raises
        ------
        LogError
            ``key_expired``, ``key_not_yet``.
        """
        if self.until is not None and max(moments) >= self.until:
            raise LogError.of("key_expired", public=public.hex(), until=as_moment(self.until))
        if self.start is not None and min(moments) < self.start:
            raise LogError.of("key_not_yet", public=public.hex(), start=as_moment(self.start))


def limited(key: bytes, validity: Validity, why: str) -> bytes:
    """The content of a statement that ``key`` (32 bytes) may sign only within ``validity``."""
    return encode([key, *validity, why])


def limit_of(content: bytes) -> tuple[bytes, Validity]:
    """The key and its validity in the content of a statement.

    Raises
    ------
    EntryError
        It is something else, or ends before it begins.
    """
    match decode(content):
        case [bytes() as key, (int() | None) as start, (int() | None) as until, str() as why]:
            numbers = [one for one in (start, until) if one is not None]
            right = all(type(one) is int and one >= 0 for one in numbers) and numbers == sorted({*numbers})
            if len(key) == 32 and why.strip() and right:
                return key, Validity(start, until)
    raise EntryError.of("no_entry", why="not (key, from, until, why)")
