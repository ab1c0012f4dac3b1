"""The tree as tiles of 256 hashes, and entries as bundles of 256 (C2SP tlog-tiles): paths, widths, proofs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from assay.ledger.errors import EntryError, VerificationError
from assay.ledger.merkle import (
    EMPTY_ROOT,
    HASH_SIZE,
    consistency_spans,
    inclusion_spans,
    node_hash,
    paired,
    proof_hashes,
)

WIDTH = 256
"""Hashes of a full tile, entries of a full bundle."""

LARGEST_ENTRY = 65_535
"""Bytes of an entry; bundles give its length in two bytes."""

ENTRIES = -1
"""The level that stands for entry bundles."""

_KEPT = 256
"""Of so many tiles at most a tree keeps the hashes."""

_PATH = re.compile(r"tile/(entries|\d{1,2})/((?:x\d{3}/)*\d{3})(?:\.p/([1-9]\d{0,2}))?")


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """One tile: level (``ENTRIES`` for a bundle), index within the level, and how many hashes it holds."""

    level: int
    index: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """Where the tile is served, below the prefix of the log."""
        digits = f"{self.index:03d}"
        digits = digits.zfill(-(-len(digits) // 3) * 3)
        groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
        name = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
        level = "entries" if self.level == ENTRIES else str(self.level)
        return f"tile/{level}/{name}" + ("" if self.width == WIDTH else f".p/{self.width}")

    @classmethod
    def parse(cls, path: str) -> Tile:
        """The tile served at ``path``.

        Raises
        ------
        VerificationError
            No tile has this path.
        """
        if found := _PATH.fullmatch(path):
            level = ENTRIES if found[1] == "entries" else int(found[1])
            tile = cls(level, int(found[2].replace("x", "").replace("/", "")), int(found[3] or WIDTH))
            if tile.path == path and tile.level < 64 and tile.width <= WIDTH:
                return tile
        raise VerificationError.of("bad_text", what="path of a tile", why=path[:80])


def tile_of(level: int, index: int, size: int) -> Tile:
    """Tile ``index`` of ``level`` as it is in a log of ``size`` entries."""
    hashes = size >> (8 * max(level, 0))
    return Tile(level, index, min(WIDTH, hashes - index * WIDTH))


def tiles_between(old: int, new: int) -> Iterator[Tile]:
    """Every tile and bundle of a log of ``new`` entries that one of ``old`` entries does not have."""
    level = ENTRIES
    while (last := new >> (8 * max(level, 0))) > 0:
        first = old >> (8 * max(level, 0))
        for index in range(first // WIDTH, -(-last // WIDTH)):
            tile = tile_of(level, index, new)
            if first < index * WIDTH + tile.width:
                yield tile
        level += 1


Layers = list[list[bytes]]
"""The hashes of a tile, and above them those of each height."""


class TileTree:
    """A tree of ``size`` leaves read from its tiles.

    Parameters
    ----------
    size
        How many leaves.
    read
        Gives the bytes of a tile; 32 for each hash.
    known
        Gives the hashes of a tile and all above them, where they are known.
    """

    def __init__(
        self,
        size: int,
        read: Callable[[Tile], bytes],
        known: Callable[[Tile], Layers | None] = lambda _: None,
    ) -> None:
        self.size = size
        self._read = read
        self._known = known
        self._layers: dict[Tile, list[list[bytes]]] = {}

    def root(self, start: int = 0, end: int | None = None) -> bytes:
        """The Merkle tree hash of leaves ``start`` to ``end``; of all of them when not said.

        Raises
        ------
        VerificationError
            A tile has not the length it must have.
        """
        end = self.size if end is None else end
        width = end - start
        if width == 0:
            return EMPTY_ROOT
        height = (width - 1).bit_length()
        if width == 1 << height:
            return self._node(height, start >> height)
        middle = start + (1 << height - 1)
        return node_hash(self.root(start, middle), self.root(middle, end))

    def inclusion(self, index: int) -> list[bytes]:
        """The inclusion proof of entry ``index``, the leaf's sibling first."""
        return proof_hashes(inclusion_spans(index, self.size), self.root)

    def consistency(self, old: int) -> list[bytes]:
        """The proof that this tree continues the tree of its first ``old`` leaves."""
        return proof_hashes(consistency_spans(old, self.size), self.root)

    def peaks(self) -> list[bytes]:
        """The roots of the complete subtrees, the largest first (:class:`assay.ledger.merkle.Frontier`)."""
        found, start = [], 0
        for height in range(self.size.bit_length() - 1, -1, -1):
            if self.size >> height & 1:
                found.append(self._node(height, start >> height))
                start += 1 << height
        return found

    def _node(self, height: int, index: int) -> bytes:
        level, above = divmod(height, 8)
        first = index << above
        layers = self._of(tile_of(level, first // WIDTH, self.size))
        while len(layers) <= above:
            layers.append(_above(layers[-1]))
        return layers[above][first % WIDTH >> above]

    def _of(self, tile: Tile) -> list[list[bytes]]:
        """The hashes of a tile, and above them those of each height that was asked for."""
        if (found := self._layers.get(tile)) is not None:
            return found
        if (known := self._known(tile)) is not None:
            return self._layers.setdefault(tile, known)
        data = self._read(tile)
        if len(data) != tile.width * HASH_SIZE:
            expected = tile.width * HASH_SIZE
            raise VerificationError.of("bad_tile", path=tile.path, length=len(data), expected=expected)
        if len(self._layers) >= _KEPT:
            self._layers.clear()
        return self._layers.setdefault(tile, [_hashes(data)])


def layers_of(data: bytes) -> Layers:
    """The hashes of a tile, and above them those of each height that is whole there."""
    layers = [_hashes(data)]
    while len(layers[-1]) > 1:
        layers.append(_above(layers[-1]))
    return layers


def _hashes(data: bytes) -> list[bytes]:
    return [data[at : at + HASH_SIZE] for at in range(0, len(data), HASH_SIZE)]


def _above(hashes: list[bytes]) -> list[bytes]:
    return paired(hashes[: len(hashes) // 2 * 2])


def write_bundle(entries: Sequence[bytes]) -> bytes:
    """The bundle of up to 256 entries: each behind its length in two bytes, big-endian.

    Raises
    ------
    EntryError
        An entry is longer than 65,535 bytes.
    """
    parts: list[bytes] = []
    for entry in entries:
        if len(entry) > LARGEST_ENTRY:
            raise EntryError.of("too_large", length=len(entry), most=LARGEST_ENTRY)
        parts += (len(entry).to_bytes(2, "big"), entry)
    return b"".join(parts)


def entry_in(data: bytes, at: int) -> bytes:
    """Entry ``at`` of a bundle; what follows it is not looked at.

    Raises
    ------
    VerificationError
        The bundle ends before it does.
    """
    place = 0
    for _ in range(at):
        place += 2 + int.from_bytes(data[place : place + 2], "big")
    end = place + 2 + int.from_bytes(data[place : place + 2], "big")
    if len(data) < max(place + 2, end):
        raise VerificationError.of("bad_bundle", entry=at, width=at + 1)
    return data[place + 2 : end]


def read_bundle(data: bytes, width: int) -> list[bytes]:
    """The ``width`` entries of a bundle.

    Raises
    ------
    VerificationError
        The bundle ends early, or goes on after them.
    """
    entries: list[bytes] = []
    at = 0
    for _ in range(width):
        length = int.from_bytes(data[at : at + 2], "big")
        entry = data[at + 2 : at + 2 + length]
        if len(data) < at + 2 or len(entry) != length:
            raise VerificationError.of("bad_bundle", entry=len(entries), width=width)
        entries.append(entry)
        at += 2 + length
    if at != len(data):
        raise VerificationError.of("bad_bundle", entry=width, width=width)
    return entries
