"""``c2sp.org/tlog-proof@v1``: the proof that an entry is in a log, in one text, for checking offline."""

from __future__ import annotations

from dataclasses import dataclass

from assay.ledger.checkpoint import Checkpoint
from assay.ledger.errors import VerificationError
from assay.ledger.merkle import verify_inclusion
from assay.ledger.notes import Note
from assay.ledger.text import as_base64, of_base64, of_decimal, of_utf8

HEADER = "c2sp.org/tlog-proof@v1"
_LONGEST_PATH = 63


@dataclass(frozen=True, slots=True)
class TlogProof:
    """Where an entry is, how that follows from a checkpoint, and the checkpoint.

    Parameters
    ----------
    index
        Index of the entry.
    hashes
        The inclusion proof, the leaf's sibling first.
    note
        The signed checkpoint.
    extra
        Opaque data beside it, not covered by any signature.
    """

    index: int
    hashes: tuple[bytes, ...]
    note: Note
    extra: bytes | None = None

    def __bytes__(self) -> bytes:
        lines = [HEADER]
        if self.extra is not None:
            lines.append(f"extra {as_base64(self.extra)}")
        lines += [f"index {self.index}", *map(as_base64, self.hashes), "", ""]
        return "\n".join(lines).encode() + bytes(self.note)

    @property
    def checkpoint(self) -> Checkpoint:
        """The checkpoint of the note, not yet verified."""
        return Checkpoint.parse(self.note.text)

    @classmethod
    def parse(cls, data: bytes) -> TlogProof:
        """The proof in ``data``; nothing is verified yet.

        Raises
        ------
        VerificationError
            ``data`` is not a proof in its canonical form.
        """
        head, found, rest = of_utf8(data, "proof").partition("\n\n")
        lines = head.split("\n")
        if not found or lines.pop(0) != HEADER:
            raise VerificationError.of("bad_proof", why=f"it does not begin with {HEADER}")
        extra = None
        if lines and lines[0].startswith("extra "):
            extra = of_base64(lines.pop(0).removeprefix("extra "))
        if not lines or not lines[0].startswith("index "):
            raise VerificationError.of("bad_proof", why="no index")
        index = of_decimal(lines.pop(0).removeprefix("index "))
        if len(lines) > _LONGEST_PATH:
            raise VerificationError.of("proof_length", length=len(lines))
        proof = cls(index, tuple(map(of_base64, lines)), Note.parse(rest.encode()), extra)
        if bytes(proof) != data:
            raise VerificationError.of("bad_proof", why="not in canonical form")
        return proof

    def verify(self, leaf: bytes) -> Checkpoint:
        """Check that the entry with this leaf hash is in the tree of the checkpoint, and return that.

        Signatures are the policy's business (:meth:`assay.ledger.policy.Policy.check`).

        Raises
        ------
        VerificationError
            It is not.
        """
        seen = self.checkpoint
        verify_inclusion(self.index, seen.size, leaf, self.hashes, seen.root)
        return seen
