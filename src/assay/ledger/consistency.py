"""The proof that a later checkpoint of a log continues an earlier one, in one file.

The array (``assay/consistency@1``, earlier note or null, its size, its root, later note, path joined). The
path is that of RFC 6962 section 2.1.2; from an empty log there is none, and nothing to prove.
"""

from __future__ import annotations

from dataclasses import dataclass

from assay.ledger.canonical import Plain, decode, encode
from assay.ledger.checkpoint import Checkpoint
from assay.ledger.derived import Derived
from assay.ledger.errors import LogError, VerificationError
from assay.ledger.merkle import HASH_SIZE, verify_consistency
from assay.ledger.notes import Note
from assay.ledger.place import Place
from assay.ledger.policy import Believed, Policy

CONSISTENCY = "assay/consistency@1"


@dataclass(frozen=True, slots=True)
class Consistency:
    """How a later checkpoint continues an earlier one.

    Parameters
    ----------
    earlier
        The earlier signed checkpoint, None where only its size was known to whoever made the proof.
    size, root
        Size and root of the earlier one.
    later
        The later signed checkpoint.
    hashes
        The path, 32 bytes each.
    """

    earlier: Note | None
    size: int
    root: bytes
    later: Note
    hashes: tuple[bytes, ...]

    def __bytes__(self) -> bytes:
        earlier: Plain = bytes(self.earlier) if self.earlier else None
        return encode([CONSISTENCY, earlier, self.size, self.root, bytes(self.later), b"".join(self.hashes)])

    @classmethod
    def parse(cls, data: bytes) -> Consistency:
        """The proof in ``data``; nothing is verified yet.

        Raises
        ------
        LedgerError
            It is not one.
        """
        match decode(data):
            case [
                str() as schema,
                (bytes() | None) as earlier,
                int() as size,
                bytes() as root,
                bytes() as later,
                bytes() as path,
            ] if schema == CONSISTENCY and size > 0 and len(root) == HASH_SIZE and not len(path) % HASH_SIZE:
                hashes = tuple(path[at : at + HASH_SIZE] for at in range(0, len(path), HASH_SIZE))
                note = Note.parse(earlier) if earlier else None
                return cls(note, size, root, Note.parse(later), hashes)
        raise VerificationError.of("bad_proof", why="not the proof of a consistency")

    def check(self, policy: Policy, pinned: Checkpoint | None = None) -> Believed:
        """The later checkpoint as the policy believes it, when it continues the earlier one.

        Parameters
        ----------
        policy
            Whom to believe.
        pinned
            The checkpoint the reader has kept; it must be the earlier one.

        Raises
        ------
        VerificationError
            The policy does not believe one of them, they are of different logs, or the proof does not hold.
        """
        believed = policy.check(self.later)
        seen = believed.checkpoint
        known = [pinned] if pinned else []
        if self.earlier:
            known.append(policy.check(self.earlier).checkpoint)
        for one in known:
            if one.origin != seen.origin:
                raise VerificationError.of("wrong_log", origin=one.origin, expected=seen.origin)
            if (one.size, one.root) != (self.size, self.root):
                raise VerificationError.of("not_consistent", old=one.size, new=seen.size)
        verify_consistency(self.size, seen.size, self.root, seen.root, self.hashes)
        return believed


def consistency(place: Place, earlier: Note | int, later: Note | None = None) -> Consistency:
    """The proof between two checkpoints of a log.

    Parameters
    ----------
    place
        The log.
    earlier
        A checkpoint that was signed, or only its size.
    later
        A later one; the published checkpoint when not said.

    Raises
    ------
    LogError
        The log has no such entries signed (``not_covered``), or is another one than was signed (``forked``).
    """
    derived = Derived(place.folder)
    published = derived.published()
    if published is None:
        raise LogError.of("not_covered", index=0, size=0)
    note = later or published[0]
    seen = Checkpoint.parse(note.text)
    old = earlier if isinstance(earlier, int) else Checkpoint.parse(earlier.text).size
    if seen.size > published[1].size or not 0 < old <= seen.size:
        raise LogError.of("not_covered", index=max(old, seen.size) - 1, size=published[1].size)
    tree = derived.tree(published[1].size)
    roots = {size: tree.root(0, size) for size in (old, seen.size)}
    for one in (seen, *([] if isinstance(earlier, int) else [Checkpoint.parse(earlier.text)])):
        if one.root != roots[one.size] or one.origin != published[1].origin:
            raise LogError.of("forked", size=one.size)
    hashes = tuple(derived.tree(seen.size).consistency(old))
    return Consistency(None if isinstance(earlier, int) else earlier, old, roots[old], note, hashes)
