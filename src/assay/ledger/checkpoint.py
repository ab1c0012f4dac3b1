"""Checkpoints: the text a log signs for its state (C2SP tlog-checkpoint)."""

from __future__ import annotations

from dataclasses import dataclass

from assay.ledger.errors import VerificationError
from assay.ledger.merkle import EMPTY_ROOT, HASH_SIZE
from assay.ledger.text import as_base64, of_base64, of_decimal


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log claims to be at one moment.

    Parameters
    ----------
    origin
        The name of the log.
    size
        How many entries it has.
    root
        The root of its tree, 32 bytes.
    extensions
        Further lines, opaque; Assay writes none.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = (self.origin, str(self.size), as_base64(self.root), *self.extensions)
        return "".join(f"{line}\n" for line in lines)

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """The checkpoint ``text`` says; there is one text for each.

        Raises
        ------
        VerificationError
            The text is not a checkpoint, or not in its canonical form.
        """
        if not text.endswith("\n"):
            raise VerificationError.of("bad_checkpoint", why="no line feed at the end")
        lines = text[:-1].split("\n")
        if len(lines) < 3 or not all(lines):
            raise VerificationError.of("bad_checkpoint", why="fewer than three lines, or an empty one")
        origin, size, root, *extensions = lines
        one = cls(origin, of_decimal(size), of_base64(root), tuple(extensions))
        if len(one.root) != HASH_SIZE:
            raise VerificationError.of("hash_size", length=len(one.root))
        if one.size == 0 and one.root != EMPTY_ROOT:
            raise VerificationError.of("bad_checkpoint", why="size 0 with a root of something")
        if str(one) != text:
            raise VerificationError.of("bad_checkpoint", why="not in canonical form")
        return one
