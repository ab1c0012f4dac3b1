"""What is derived from the segments: tiles, entry bundles and the published checkpoint, as static files."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from assay.ledger.checkpoint import Checkpoint
from assay.ledger.disk import write_whole
from assay.ledger.errors import VerificationError
from assay.ledger.merkle import HASH_SIZE, fold
from assay.ledger.notes import Note
from assay.ledger.tiles import (
    ENTRIES,
    WIDTH,
    Layers,
    Tile,
    TileTree,
    entry_in,
    layers_of,
    read_bundle,
    tile_of,
    write_bundle,
)

CHECKPOINT = "checkpoint"
_KEPT = 256
"""Tiles above the leaves' that are kept: those of 16 million entries, 8 MiB of hashes."""


@dataclass(slots=True)
class Edge:
    """The right edge of a growing log: the hashes of its unfinished tiles, and its unfinished bundle.

    Parameters
    ----------
    size
        How many entries there are.
    levels
        For each level the hashes of its unfinished tile.
    bundle
        The entries of the unfinished bundle.
    """

    size: int = 0
    levels: list[list[bytes]] = field(default_factory=list)
    bundle: list[bytes] = field(default_factory=list)

    def extend(self, entries: Sequence[bytes], leaves: Sequence[bytes]) -> list[tuple[Tile, bytes]]:
        """Add entries and their leaf hashes; gives the tiles and bundles that are full with them."""
        bundle = [*self.bundle, *entries]
        index, whole = self.size // WIDTH, len(bundle) - len(bundle) % WIDTH
        full = [
            (Tile(ENTRIES, index + at // WIDTH), write_bundle(bundle[at : at + WIDTH]))
            for at in range(0, whole, WIDTH)
        ]
        self.bundle = bundle[whole:]
        carried, level = list(leaves), 0
        while carried:
            if level == len(self.levels):
                self.levels.append([])
            hashes = self.levels[level] + carried
            index, whole = (self.size >> 8 * level) // WIDTH, len(hashes) - len(hashes) % WIDTH
            carried = []
            for at in range(0, whole, WIDTH):
                part = hashes[at : at + WIDTH]
                full.append((Tile(level, index + at // WIDTH), b"".join(part)))
                carried.append(fold(part))
            self.levels[level] = hashes[whole:]
            level += 1
        self.size += len(entries)
        return full

    def partial(self) -> list[tuple[Tile, bytes]]:
        """The unfinished tiles and the unfinished bundle as they are."""
        found = []
        if self.bundle:
            found.append((tile_of(ENTRIES, self.size // WIDTH, self.size), write_bundle(self.bundle)))
        for level, hashes in enumerate(self.levels):
            if hashes:
                index = (self.size >> 8 * level) // WIDTH
                found.append((tile_of(level, index, self.size), b"".join(hashes)))
        return found

    def root(self) -> bytes:
        """The root of the tree."""
        return TileTree(self.size, lambda tile: b"".join(self.levels[tile.level])).root()

    def copy(self) -> Edge:
        """The edge as it is now."""
        return Edge(self.size, [list(hashes) for hashes in self.levels], list(self.bundle))


class Derived:
    """The derived files of a log.

    Parameters
    ----------
    folder
        Folder of the log, which a static server may serve.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, tile: Tile) -> bytes:
        """The bytes of a tile; cut from a wider one where a partial one is gone.

        Raises
        ------
        VerificationError
            There is no such file, nor a wider one.
        """
        with suppress(FileNotFoundError):
            return (self.folder / tile.path).read_bytes()
        parts = (self.folder / f"{Tile(tile.level, tile.index).path}.p").glob("*")
        wider = sorted(int(part.name) for part in parts if part.name.isdigit())
        for width in (*(one for one in wider if one > tile.width), WIDTH):
            wide = Tile(tile.level, tile.index, width)
            with suppress(FileNotFoundError):
                return narrowed((self.folder / wide.path).read_bytes(), wide, tile)
        raise VerificationError.of("no_tile", path=tile.path)

    def tree(self, size: int) -> TileTree:
        """The tree of the first ``size`` entries."""
        return TileTree(size, self.read)

    def tree_kept(self, size: int) -> TileTree:
        """The same tree, for who asks again and again: what was read above the leaves' tiles is kept.

        A file that was written since is read again; that a kept hash is right the root says.
        """
        return TileTree(size, self.read, self._kept)

    def _kept(self, tile: Tile) -> Layers | None:
        if tile.level < 1:
            return None
        path = self.folder / tile.path
        try:
            seen = path.stat()
        except FileNotFoundError:
            return None
        if seen.st_size != tile.width * HASH_SIZE:
            return None
        return _layers_at(path, seen.st_ino, seen.st_mtime_ns)

    def entry(self, index: int, size: int) -> bytes:
        """Entry ``index`` of a log of ``size`` entries, from its bundle."""
        tile = tile_of(ENTRIES, index // WIDTH, size)
        return entry_in(self.read(tile), index % WIDTH)

    def edge(self, size: int) -> Edge:
        """The right edge of the first ``size`` entries.

        Raises
        ------
        VerificationError
            A tile is missing or has another length.
        """
        edge, level = Edge(size), 0
        while size >> 8 * level:
            width = (size >> 8 * level) % WIDTH
            data = self.read(tile_of(level, (size >> 8 * level) // WIDTH, size)) if width else b""
            if len(data) != width * HASH_SIZE:
                raise VerificationError.of(
                    "bad_tile", path=f"tile/{level}", length=len(data), expected=width * HASH_SIZE
                )
            edge.levels.append([data[at : at + HASH_SIZE] for at in range(0, len(data), HASH_SIZE)])
            level += 1
        if size % WIDTH:
            tile = tile_of(ENTRIES, size // WIDTH, size)
            edge.bundle = read_bundle(self.read(tile), tile.width)
        return edge

    def write(self, tiles: Iterable[tuple[Tile, bytes]]) -> None:
        """Write tiles; what was partial of a full one is taken away."""
        for tile, data in tiles:
            path = self.folder / tile.path
            write_whole(path, data)
            if tile.width == WIDTH:
                shutil.rmtree(path.with_name(f"{path.name}.p"), ignore_errors=True)

    def sweep(self, size: int) -> None:
        """Take away what was partial of the unfinished tiles at other sizes than ``size``."""
        level = ENTRIES
        while (hashes := size >> 8 * max(level, 0)) > 0:
            kept = self.folder / tile_of(level, hashes // WIDTH, size).path if hashes % WIDTH else None
            for part in (self.folder / f"{Tile(level, hashes // WIDTH).path}.p").glob("*"):
                if part != kept:
                    part.unlink()
            level += 1

    def publish(self, note: Note) -> None:
        """Put a signed checkpoint where everybody looks for it."""
        write_whole(self.folder / CHECKPOINT, bytes(note))

    def published(self) -> tuple[Note, Checkpoint] | None:
        """The published checkpoint, not verified; None where there is none.

        Raises
        ------
        VerificationError
            The file holds something else.
        """
        path = self.folder / CHECKPOINT
        if not path.exists():
            return None
        note = Note.parse(path.read_bytes())
        return note, Checkpoint.parse(note.text)


@lru_cache(_KEPT)
def _layers_at(path: Path, _inode: int, _written: int) -> Layers:
    return layers_of(path.read_bytes())


def narrowed(data: bytes, wide: Tile, tile: Tile) -> bytes:
    """The bytes of ``tile`` out of those of the same tile when it was wider."""
    if tile.level == ENTRIES:
        return write_bundle(read_bundle(data, wide.width)[: tile.width])
    return data[: tile.width * HASH_SIZE]
