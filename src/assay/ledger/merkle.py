"""RFC 6962 Merkle trees: hashes, and the verification of proofs. Pure; hashes are 32 bytes of SHA-256.

Sizes of 0: the root of the empty tree is SHA-256 of nothing (RFC 6962 section 2.1). Nothing is included in
it, and no proof leads from it: a consistency proof from size 0 says nothing about either tree, so it is
refused here, whatever its roots. The witness protocol alone takes ``old 0`` with an empty proof, and does so
before it asks for consistency. An empty subtree is part of every tree that reaches it: its root must be that
of nothing, and its proof empty; inclusion in it is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from assay.ledger.errors import VerificationError

HASH_SIZE = 32
EMPTY_ROOT = sha256().digest()
"""The root of a tree without leaves (RFC 6962 section 2.1)."""

_NODE = sha256(b"\x01")


def leaf_hash(entry: bytes) -> bytes:
    """The hash of a leaf: SHA-256(0x00 || entry), RFC 6962 section 2.1."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node: SHA-256(0x01 || left || right), RFC 6962 section 2.1."""
    hasher = _NODE.copy()
    hasher.update(left + right)
    return hasher.digest()


def fold(hashes: Sequence[bytes]) -> bytes:
    """The root of the complete tree over ``hashes``; their number is a power of two."""
    level = list(hashes)
    while len(level) > 1:
        level = paired(level)
    return level[0]


def paired(level: list[bytes]) -> list[bytes]:
    """The hashes one level up; written out because nearly all hashing of a log happens here."""
    pairs = zip(level[::2], level[1::2], strict=True)
    return [sha256(b"\x01" + left + right).digest() for left, right in pairs]


@dataclass(slots=True)
class Frontier:
    """The right edge of a growing tree: the roots of its complete subtrees, the largest first.

    Parameters
    ----------
    size
        How many leaves there are.
    peaks
        One root per bit set in ``size``.
    """

    size: int = 0
    peaks: list[bytes] = field(default_factory=list)

    def append(self, leaf: bytes) -> None:
        """Add one leaf by its hash; costs one or two hashes on average."""
        carried, size = leaf, self.size
        while size & 1:
            carried = node_hash(self.peaks.pop(), carried)
            size >>= 1
        self.peaks.append(carried)
        self.size += 1

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Add leaves by their hashes."""
        for leaf in leaves:
            self.append(leaf)

    def root(self) -> bytes:
        """The root of the tree as it is."""
        if not self.peaks:
            return EMPTY_ROOT
        root = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            root = node_hash(peak, root)
        return root


def root_of(leaves: Iterable[bytes]) -> bytes:
    """The root of the tree over leaf hashes; what stands alone at the end of a level goes up as it is."""
    level = list(leaves)
    while len(level) > 1:
        alone = [level.pop()] if len(level) & 1 else []
        level = paired(level) + alone
    return level[0] if level else EMPTY_ROOT


@dataclass(frozen=True, slots=True)
class Span:
    """Leaves ``start`` up to, not including, ``end``, whose root is one hash of a proof."""

    start: int
    end: int


def inclusion_spans(index: int, size: int) -> list[Span]:
    """What the hashes of an inclusion proof cover, the leaf's sibling first (RFC 6962 section 2.1.1)."""
    if not 0 <= index < size:
        raise VerificationError.of("index_outside", index=index, size=size)
    spans: list[Span] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            spans.append(Span(middle, end))
            end = middle
        else:
            spans.append(Span(start, middle))
            start = middle
    return spans[::-1]


def consistency_spans(old: int, new: int) -> list[Span]:
    """What the hashes of a consistency proof cover, in the order of RFC 6962 section 2.1.2."""
    if not 0 < old <= new:
        raise VerificationError.of("sizes", old=old, new=new)
    spans: list[Span] = []
    start, end, whole = 0, new, True
    while end != old:
        middle = start + _split(end - start)
        if old <= middle:
            spans.append(Span(middle, end))
            end = middle
        else:
            spans.append(Span(start, middle))
            start, whole = middle, False
    if not whole:
        spans.append(Span(start, end))
    return spans[::-1]


def proof_hashes(spans: Iterable[Span], root: Callable[[int, int], bytes]) -> list[bytes]:
    """The hashes of a proof; ``root(start, end)`` is the Merkle tree hash of those leaves."""
    return [root(span.start, span.end) for span in spans]


def verify_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> None:
    """Check that ``leaf`` (a leaf hash) is entry ``index`` of the tree with ``size`` leaves and ``root``.

    Raises
    ------
    VerificationError
        The proof does not lead from the leaf to the root (RFC 9162 section 2.1.3.2).
    """
    _hashes(leaf, *proof)
    if not 0 <= index < size:
        raise VerificationError.of("index_outside", index=index, size=size)
    at, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise VerificationError.of("proof_length", length=len(proof))
        if at & 1 or at == last:
            found = node_hash(sibling, found)
            while not at & 1:
                at >>= 1
                last >>= 1
        else:
            found = node_hash(found, sibling)
        at >>= 1
        last >>= 1
    if last != 0:
        raise VerificationError.of("proof_length", length=len(proof))
    if found != root:
        raise VerificationError.of("not_included", index=index, size=size)


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Check that the tree of ``new`` leaves begins with the tree of ``old`` leaves.

    Raises
    ------
    VerificationError
        It does not, or ``old`` is 0 (RFC 9162 section 2.1.4.2).
    """
    if not 0 < old <= new:
        raise VerificationError.of("sizes", old=old, new=new)
    verify_subtree_consistency(proof, start=0, end=old, size=new, subtree_root=old_root, root=new_root)


def verify_subtree_inclusion(
    index: int, *, start: int, end: int, leaf: bytes, proof: Sequence[bytes], root: bytes
) -> None:
    """Check that ``leaf`` is entry ``index`` of the log, within the subtree of leaves ``start`` to ``end``.

    Raises
    ------
    VerificationError
        It is not, or no such subtree exists (draft-ietf-plants-merkle-tree-certs section 4.3).
    """
    _subtree(start, end)
    if not start <= index < end:
        raise VerificationError.of("index_outside", index=index, size=end)
    verify_inclusion(index - start, end - start, leaf, proof, root)


def verify_subtree_consistency(
    proof: Sequence[bytes], *, start: int, end: int, size: int, subtree_root: bytes, root: bytes
) -> None:
    """Check that the subtree of leaves ``start`` to ``end`` is part of the tree of ``size`` leaves.

    Raises
    ------
    VerificationError
        It is not, or no such subtree exists (draft-ietf-plants-merkle-tree-certs section 4.4.3).
    """
    _hashes(*proof)
    if not 0 <= start <= end <= size:
        raise VerificationError.of("sizes", old=end, new=size)
    if start == end:
        if proof or subtree_root != EMPTY_ROOT:
            raise VerificationError.of("not_consistent", old=end, new=size)
        return
    _subtree(start, end)
    found, top = _climb(proof, start, end - 1, size - 1, subtree_root)
    if top != 0:
        raise VerificationError.of("proof_length", length=len(proof))
    if found != (subtree_root, root):
        raise VerificationError.of("not_consistent", old=end, new=size)


def _climb(
    proof: Sequence[bytes], first: int, last: int, top: int, subtree_root: bytes
) -> tuple[tuple[bytes, bytes], int]:
    """The roots of the subtree and of the tree a proof leads to, and how far from the top it ends."""
    while first != last and (last == top or last & 1):
        first, last, top = first >> 1, last >> 1, top >> 1
    rest = list(proof)
    if first != last and not rest:
        raise VerificationError.of("proof_length", length=0)
    old = new = subtree_root if first == last else rest.pop(0)
    for sibling in rest:
        if top == 0:
            raise VerificationError.of("proof_length", length=len(proof))
        if last & 1 or last == top:
            if first < last:
                old = node_hash(sibling, old)
            new = node_hash(sibling, new)
            while not last & 1:
                first, last, top = first >> 1, last >> 1, top >> 1
        else:
            new = node_hash(new, sibling)
        first, last, top = first >> 1, last >> 1, top >> 1
    return (old, new), top


def _split(size: int) -> int:
    """The largest power of two below ``size``."""
    return 1 << (size - 1).bit_length() - 1


def _subtree(start: int, end: int) -> None:
    width = end - start
    if start < 0 or width < 1 or start % (1 << (width - 1).bit_length()):
        raise VerificationError.of("no_subtree", start=start, end=end)


def _hashes(*hashes: bytes) -> None:
    for one in hashes:
        if len(one) != HASH_SIZE:
            raise VerificationError.of("hash_size", length=len(one))
