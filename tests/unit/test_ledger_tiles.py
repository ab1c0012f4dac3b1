"""Trees, tiles and bundles, against trees made the slow way."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.ledger import merkle, tiles
from assay.ledger.derived import Derived, Edge
from assay.ledger.errors import VerificationError
from assay.ledger.tiles import ENTRIES, Tile, TileTree


def leaf(index: int) -> bytes:
    return merkle.leaf_hash(b"entry %d" % index)


def slow_root(leaves: list[bytes]) -> bytes:
    """RFC 6962 section 2.1, word for word."""
    if len(leaves) <= 1:
        return leaves[0] if leaves else sha256(b"").digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\x01" + slow_root(leaves[:k]) + slow_root(leaves[k:])).digest()


def tree_of(leaves: list[bytes]) -> TileTree:
    """A tree whose tiles are computed when they are read."""

    def read(tile: Tile) -> bytes:
        span = 256**tile.level
        first = tile.index * 256
        return b"".join(
            slow_root(leaves[n * span : (n + 1) * span]) for n in range(first, first + tile.width)
        )

    return TileTree(len(leaves), read)


@settings(max_examples=40, deadline=None)
@given(size=st.integers(1, 700), data=st.data())
def test_proofs_from_tiles_lead_to_the_root_and_to_no_other(size: int, data: st.DataObject) -> None:
    leaves = [leaf(n) for n in range(size)]
    tree, root = tree_of(leaves), slow_root(leaves)
    assert tree.root() == root == merkle.root_of(leaves)
    frontier = merkle.Frontier()
    frontier.extend(leaves)
    assert tree.peaks() == frontier.peaks
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    path = tree.inclusion(index)
    merkle.verify_inclusion(index, size, leaves[index], path, root)
    between = tree.consistency(old)
    merkle.verify_consistency(old, size, slow_root(leaves[:old]), root, between)
    with pytest.raises(VerificationError):
        merkle.verify_inclusion(index, size, leaf(size), path, root)
    if size > 1:
        with pytest.raises(VerificationError):
            merkle.verify_inclusion((index + 1) % size, size, leaves[index], path, root)
        with pytest.raises(VerificationError):
            merkle.verify_inclusion(index, size, leaves[index], path[:-1], root)
    if old < size:
        with pytest.raises(VerificationError):
            merkle.verify_consistency(old, size, leaf(size), root, between)


@settings(max_examples=25, deadline=None)
@given(sizes=st.lists(st.integers(1, 3000), min_size=1, max_size=4), data=st.data())
def test_a_tree_that_is_asked_again_and_again_proves_what_a_new_one_proves(
    sizes: list[int], data: st.DataObject
) -> None:
    with TemporaryDirectory() as folder:
        derived, edge = Derived(Path(folder)), Edge()
        for size in sizes:
            leaves = [leaf(n) for n in range(edge.size, edge.size + size)]
            derived.write(edge.extend([b""] * size, leaves))
            derived.write(edge.partial())
            tree = derived.tree_kept(edge.size)
            assert tree.root() == edge.root()
            for index in data.draw(st.lists(st.integers(0, edge.size - 1), max_size=4)):
                assert tree.inclusion(index) == derived.tree(edge.size).inclusion(index)


def test_a_tile_that_was_written_since_is_read_again(tmp_path: Path) -> None:
    derived, edge = Derived(tmp_path), Edge()
    derived.write(edge.extend([b""] * 1024, [leaf(n) for n in range(1024)]))
    derived.write(edge.partial())
    assert derived.tree_kept(1024).root() == edge.root()
    (tile,) = (tile for tile, _ in edge.partial() if tile.level == 1)
    derived.write([(tile, bytes(4 * 32))])
    assert derived.tree_kept(1024).root() == derived.tree(1024).root() != edge.root()


def test_paths_and_widths_are_those_of_the_specification() -> None:
    assert Tile(0, 1234067).path == "tile/0/x001/x234/067"
    assert Tile(ENTRIES, 273, 112).path == "tile/entries/273.p/112"
    full = [tile for tile in tiles.tiles_between(0, 70_000) if tile.level == 0 and tile.width == 256]
    rest = [tile for tile in tiles.tiles_between(0, 70_000) if tile.level >= 0 and tile not in full]
    assert len(full) == 273
    assert rest == [Tile(0, 273, 112), Tile(1, 0), Tile(1, 1, 17), Tile(2, 0, 1)]
    assert [t for t in tiles.tiles_between(0, 256) if t.level >= 0] == [Tile(0, 0), Tile(1, 0, 1)]


@given(st.integers(-1, 63), st.integers(0, 10**13), st.integers(1, 256))
def test_a_path_says_its_tile(level: int, index: int, width: int) -> None:
    tile = Tile(level, index, width)
    assert Tile.parse(tile.path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "tile/00/000",
        "tile/64/000",
        "tile/0/x000/000",
        "tile/0/000.p/256",
        "tile/0/000.p/300",
        "tile/0/000.p/0",
        "tile/0/000.p/01",
        "tile/0/1",
        "tile/0/x001",
        "tile/0/../000",
        "tile/0/٠٠٠",
        "tile/entries/000/",
    ],
)
def test_no_tile_has_another_path(path: str) -> None:
    with pytest.raises(VerificationError):
        Tile.parse(path)


@given(st.integers(0, 2000), st.integers(0, 2000))
def test_what_a_growing_log_adds_makes_the_whole(one: int, other: int) -> None:
    old, new = sorted((one, other))
    later = set(tiles.tiles_between(old, new))
    assert set(tiles.tiles_between(0, new)) == later | set(tiles.tiles_between(0, old)) - {
        tile
        for tile in tiles.tiles_between(0, old)
        if tile.width < 256
        and tile not in later
        and tiles.tile_of(tile.level, tile.index, new).width > tile.width
    }


@given(st.lists(st.binary(max_size=300), max_size=256))
def test_bundles_give_back_their_entries(entries: list[bytes]) -> None:
    data = tiles.write_bundle(entries)
    assert [tiles.entry_in(data, at) for at in range(len(entries))] == entries
    for end in (len(data) - 1, 1, 0):
        if entries and (end := max(end, 0)) < len(data):
            with pytest.raises(VerificationError):
                tiles.entry_in(data[:end], len(entries) - 1)
    assert tiles.read_bundle(data, len(entries)) == entries
    with pytest.raises(VerificationError):
        tiles.read_bundle(data + b"\0", len(entries))
    if entries:
        with pytest.raises(VerificationError):
            tiles.read_bundle(data[:-1], len(entries))


def test_an_entry_must_fit_in_two_bytes_of_length() -> None:
    assert len(tiles.write_bundle([bytes(65_535)])) == 65_537
    with pytest.raises(ValueError, match=r"65.?536"):
        tiles.write_bundle([bytes(65_536)])
