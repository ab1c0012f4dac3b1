"""Salts of a batch's rows from one seed, so that a single one can be destroyed (a GGM tree).

The seed stands above all rows. What stands above the left half is SHA-256(seed, 0x00), above the right half
SHA-256(seed, 0x01), and so on down to one row; the halves are those of the next power of two. A row's salt
is the first 16 bytes of what stands above it alone; the other 16 are the key of its fields' salts. To destroy
one row's salt, every seed above it is replaced by the seeds beside the way down: all others still follow,
this one no longer does.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from hashlib import sha256
from typing import Self

from assay.ledger.canonical import decode, encode
from assay.ledger.commitment import SALT_SIZE
from assay.ledger.errors import EntryError

SEED_SIZE = 32


class Salts:
    """The salts of ``rows`` rows, or of those of them that are left.

    Parameters
    ----------
    rows
        How many rows.
    seeds
        What is known: 32 bytes by (level, place); level 0 stands above all, place counts from the left.
    """

    def __init__(self, rows: int, seeds: dict[tuple[int, int], bytes]) -> None:
        self.rows = rows
        self._depth = (rows - 1).bit_length()
        self._seeds = seeds

    @classmethod
    def new(cls, rows: int) -> Self:
        """Salts from the system's randomness."""
        return cls(rows, {(0, 0): os.urandom(SEED_SIZE)})

    def __bytes__(self) -> bytes:
        known = sorted(self._seeds.items())
        return encode([self.rows, [[level, place, seed] for (level, place), seed in known]])

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """What :meth:`__bytes__` wrote.

        Raises
        ------
        EntryError
            ``data`` is something else.
        """
        match decode(data):
            case [int() as rows, list() as seeds]:
                found: dict[tuple[int, int], bytes] = {}
                for one in seeds:
                    match one:
                        case [int() as level, int() as place, bytes() as seed] if len(seed) == SEED_SIZE:
                            found[level, place] = seed
                        case _:
                            raise EntryError.of("not_canonical", why="not a seed")
                return cls(rows, found)
        raise EntryError.of("not_canonical", why="not seeds of salts")

    @property
    def whole(self) -> bool:
        """Whether no row's salt was destroyed."""
        return (0, 0) in self._seeds

    def every(self) -> list[bytes | None]:
        """What stands above each row alone, 32 bytes; None where it was destroyed."""
        found: list[bytes | None] = [None] * self.rows
        for (level, place), seed in self._seeds.items():
            width = 1 << (self._depth - level)
            start = place * width
            count = min(width, self.rows - start)
            found[start : start + count] = _below(seed, self._depth - level, count)
        return found

    def of(self, row: int) -> bytes | None:
        """What stands above one row alone, 32 bytes; None where it was destroyed."""
        for level in range(self._depth + 1):
            seed = self._seeds.get((level, row >> (self._depth - level)))
            if seed is not None:
                for below in reversed(range(self._depth - level)):
                    seed = sha256(seed + (b"\1" if row >> below & 1 else b"\0")).digest()
                return seed
        return None

    def without(self, rows: Iterable[int]) -> Salts:
        """The salts of all other rows."""
        seeds = dict(self._seeds)
        for row in rows:
            for level in range(self._depth + 1):
                seed = seeds.pop((level, row >> (self._depth - level)), None)
                if seed is None:
                    continue
                for below in reversed(range(self._depth - level)):
                    place = row >> below
                    beside = sha256(seed + (b"\0" if place & 1 else b"\1")).digest()
                    seed = sha256(seed + (b"\1" if place & 1 else b"\0")).digest()
                    if (place ^ 1) << below < self.rows:
                        seeds[self._depth - below, place ^ 1] = beside
                break
        return Salts(self.rows, seeds)


def row_salt(above: bytes) -> bytes:
    """The 16 bytes a row is salted with."""
    return above[:SALT_SIZE]


def field_salt(above: bytes, name: str) -> bytes:
    """The 16 bytes the field ``name`` of a row is salted with; the row's salt does not lead to it."""
    return sha256(above[SALT_SIZE:] + name.encode()).digest()[:SALT_SIZE]


def _below(seed: bytes, levels: int, count: int) -> list[bytes]:
    """The first ``count`` values ``levels`` below a seed."""
    hashed, found = sha256, [seed]
    for left in reversed(range(levels)):
        found = [hashed(one + side).digest() for one in found for side in (b"\0", b"\1")]
        del found[-(-count // (1 << left)) :]
    return found
