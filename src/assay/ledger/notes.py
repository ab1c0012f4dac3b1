"""Signed notes: text and the signatures under it (C2SP signed-note)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from assay.ledger.errors import VerificationError
from assay.ledger.keys import Signature, VerifierKey
from assay.ledger.text import is_key_name, of_base64, of_utf8

_MOST_SIGNATURES = 64
"""Above the 16 every verifier must take."""


@dataclass(frozen=True, slots=True)
class Note:
    """A text that ends in a line feed, and who signed it."""

    text: str
    signatures: tuple[Signature, ...]

    def __bytes__(self) -> bytes:
        return f"{self.text}\n{''.join(map(str, self.signatures))}".encode()

    @classmethod
    def parse(cls, data: bytes) -> Note:
        """The note in ``data``; nothing is verified yet, and the text must not be believed.

        Raises
        ------
        VerificationError
            ``data`` is not a note, or not byte for byte what :func:`bytes` of the note would be.
        """
        whole = of_utf8(data, "signed note")
        text, found, lines = whole.rpartition("\n\n")
        if not found or not lines.endswith("\n"):
            raise VerificationError.of("bad_note", why="no signatures after an empty line")
        split = lines[:-1].split("\n")
        if len(split) > _MOST_SIGNATURES:
            raise VerificationError.of("bad_note", why=f"{len(split)} signatures")
        note = cls(f"{text}\n", tuple(_signature(line) for line in split))
        if bytes(note) != data:
            raise VerificationError.of("bad_note", why="not in canonical form")
        return note

    def signers(self, keys: Iterable[VerifierKey]) -> dict[VerifierKey, Signature]:
        """Which of ``keys`` have signed; lines of other keys are ignored.

        Raises
        ------
        VerificationError
            A line that names one of ``keys`` does not verify, or there are two of them.
        """
        signed: dict[VerifierKey, Signature] = {}
        for key in keys:
            for line in self.signatures:
                if not key.matches(line):
                    continue
                if key in signed:
                    raise VerificationError.of("bad_note", why=f"two signatures of {key.name}")
                key.verify(line, self.text)
                signed[key] = line
        return signed

    def signed(self, *lines: Signature) -> Note:
        """The note with further signatures."""
        return Note(self.text, (*self.signatures, *lines))


def _signature(line: str) -> Signature:
    parts = line.split(" ")
    if len(parts) != 3 or parts[0] != "—" or not is_key_name(parts[1]):
        raise VerificationError.of("bad_note", why=f"not a signature line: {line[:40]!r}")
    data = of_base64(parts[2])
    if len(data) < 5:
        raise VerificationError.of("bad_note", why=f"a signature of {len(data)} bytes")
    return Signature(parts[1], data[:4], data[4:])
