"""Keys of signed notes: Ed25519 signatures of logs, Ed25519 and ML-DSA-44 cosignatures of witnesses.

C2SP signed-note and tlog-cosignature. Public keys are written as vkeys ``name+id+key``, private ones as
``PRIVATE+KEY+name+id+seed``, the form of Go's ``golang.org/x/mod/sumdb/note``.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from assay.ledger import ed25519
from assay.ledger.checkpoint import Checkpoint
from assay.ledger.errors import LogError, VerificationError
from assay.ledger.text import as_base64, is_key_name, of_base64

COUNTERSIGNED = b"assay/countersigned@1\0"
"""In front of what a second key signs of a statement, so that the signature is good for nothing else."""

_SEED_SIZE = 32
_LONGEST_NAME = 255
"""Names are length-prefixed by one byte in what ML-DSA-44 signs."""


class KeyKind(IntEnum):
    """The signature types of C2SP signed-note that Assay knows."""

    ED25519 = 0x01
    COSIGNATURE_ED25519 = 0x04
    COSIGNATURE_MLDSA44 = 0x06


_PUBLIC_SIZE = {KeyKind.ED25519: 32, KeyKind.COSIGNATURE_ED25519: 32, KeyKind.COSIGNATURE_MLDSA44: 1312}
_SIGNATURE_SIZE = {KeyKind.ED25519: 64, KeyKind.COSIGNATURE_ED25519: 72, KeyKind.COSIGNATURE_MLDSA44: 2428}


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line of a note: whose, the id of the key (4 bytes), and the signature."""

    name: str
    key_id: bytes
    signature: bytes

    @property
    def timestamp(self) -> int:
        """The POSIX second a cosignature carries in front."""
        return int.from_bytes(self.signature[:8], "big")

    def __str__(self) -> str:
        return f"— {self.name} {as_base64(self.key_id + self.signature)}\n"


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key and the name it signs under.

    Parameters
    ----------
    name
        Key name; of a log, its origin.
    kind
        What it signs, and how.
    public
        The key, 32 bytes for Ed25519, 1,312 for ML-DSA-44.
    """

    name: str
    kind: KeyKind
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The first four bytes of SHA-256(name, line feed, type, key)."""
        return sha256(f"{self.name}\n".encode() + bytes([self.kind]) + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{as_base64(bytes([self.kind]) + self.public)}"

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """The key of the vkey ``text``.

        Raises
        ------
        VerificationError
            It is not a vkey, of an unknown type, or its id is not that of the key.
        """
        name, kind, public = _parts(text)
        if len(public) != _PUBLIC_SIZE[kind]:
            raise VerificationError.of("bad_key", value=text[:80], why=f"{len(public)} bytes of key")
        key = cls(name, kind, public)
        if str(key) != text:
            raise VerificationError.of("bad_key", value=text[:80], why="the id is not that of the key")
        return key

    def matches(self, line: Signature) -> bool:
        """Whether ``line`` claims to be of this key."""
        return line.name == self.name and line.key_id == self.key_id

    def verify(self, line: Signature, text: str) -> None:
        """Check the signature ``line`` of the note ``text``.

        Raises
        ------
        VerificationError
            The signature does not verify.
        """
        if not self.matches(line) or len(line.signature) != _SIGNATURE_SIZE[self.kind]:
            raise VerificationError.of("bad_signature", name=line.name)
        signature = line.signature if self.kind is KeyKind.ED25519 else line.signature[8:]
        message = _message(self.kind, self.name, line.timestamp, text)
        if self.kind is not KeyKind.COSIGNATURE_MLDSA44:
            if not ed25519.verified(self.public, signature, message):
                raise VerificationError.of("bad_signature", name=line.name)
            return
        try:
            MLDSA44PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (InvalidSignature, ValueError):
            raise VerificationError.of("bad_signature", name=line.name) from None


class SigningKey:
    """A private key and the name it signs under.

    Parameters
    ----------
    name
        Key name; of a log, its origin.
    kind
        What it signs, and how.
    seed
        32 secret bytes.
    """

    def __init__(self, name: str, kind: KeyKind, seed: bytes) -> None:
        if not is_key_name(name) or len(name.encode()) > _LONGEST_NAME:
            raise VerificationError.of("bad_key", value=name[:80], why="not a name of a key")
        self._seed = seed
        self._private = (
            MLDSA44PrivateKey.from_seed_bytes(seed)
            if kind is KeyKind.COSIGNATURE_MLDSA44
            else Ed25519PrivateKey.from_private_bytes(seed)
        )
        self.verifier = VerifierKey(name, kind, self._private.public_key().public_bytes_raw())

    @classmethod
    def generate(cls, name: str, kind: KeyKind) -> SigningKey:
        """A new key from the system's randomness."""
        return cls(name, kind, os.urandom(_SEED_SIZE))

    @classmethod
    def read(cls, path: Path) -> SigningKey:
        """The key kept in ``path``.

        Raises
        ------
        LogError
            There is no such file, or others than its owner may read it.
        VerificationError
            It holds no private key.
        """
        if not path.exists():
            raise LogError.of("no_key", path=path)
        if path.stat().st_mode & 0o077:
            raise LogError.of("key_open", path=path)
        text = path.read_text("utf-8").removesuffix("\n")
        if not text.startswith("PRIVATE+KEY+"):
            raise VerificationError.of("bad_key", value=path, why="not a private key")
        name, kind, seed = _parts(text.removeprefix("PRIVATE+KEY+"))
        if len(seed) != _SEED_SIZE:
            raise VerificationError.of("bad_key", value=path, why=f"{len(seed)} bytes of seed")
        return cls(name, kind, seed)

    def write(self, path: Path) -> None:
        """Keep the key in a new file ``path`` only its owner may read (mode 0600)."""
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            key = self.verifier
            seed = as_base64(bytes([key.kind]) + self._seed)
            out.write(f"PRIVATE+KEY+{key.name}+{key.key_id.hex()}+{seed}\n")
            out.flush()
            os.fsync(out.fileno())

    def issuing(self) -> Ed25519PrivateKey:
        """The key as the issuer of an entry: a log's key issues nothing but the statement that follows it.

        Raises
        ------
        VerificationError
            It is not an Ed25519 key.
        """
        if not isinstance(self._private, Ed25519PrivateKey):
            raise VerificationError.of("bad_key", value=self.verifier.name, why="not an Ed25519 key")
        return self._private

    def countersign(self, message: bytes) -> bytes:
        """The bare signature of a statement of the log (:class:`assay.ledger.entries.Statement`).

        Raises
        ------
        VerificationError
            ``message`` is anything else: what this key signs is never taken for another thing.
        """
        if not message.startswith(COUNTERSIGNED):
            raise VerificationError.of("bad_text", what="statement", why=repr(message[:20]))
        return self._private.sign(message)

    def sign(self, text: str, *, timestamp: int = 0) -> Signature:
        """The signature of the note ``text``; ``timestamp`` (POSIX seconds) is part of cosignatures only."""
        key = self.verifier
        signature = self._private.sign(_message(key.kind, key.name, timestamp, text))
        front = b"" if key.kind is KeyKind.ED25519 else timestamp.to_bytes(8, "big")
        return Signature(key.name, key.key_id, front + signature)


def subtree_message(
    name: str, origin: str, *, start: int, end: int, root: bytes, timestamp: int = 0
) -> bytes:
    """What an ML-DSA-44 cosigner signs of a subtree (tlog-cosignature, ``cosigned_message``)."""
    who, log = name.encode(), origin.encode()
    if not 0 < len(who) <= _LONGEST_NAME or not 0 < len(log) <= _LONGEST_NAME:
        raise VerificationError.of("bad_key", value=f"{name} {origin}"[:80], why="a name is too long")
    return b"".join(
        (
            b"subtree/v1\n\0",
            bytes([len(who)]) + who,
            struct.pack(">Q", timestamp),
            bytes([len(log)]) + log,
            struct.pack(">QQ", start, end),
            root,
        )
    )


def _message(kind: KeyKind, name: str, timestamp: int, text: str) -> bytes:
    if kind is KeyKind.ED25519:
        return text.encode()
    if kind is KeyKind.COSIGNATURE_ED25519:
        return f"cosignature/v1\ntime {timestamp}\n{text}".encode()
    seen = Checkpoint.parse(text)
    return subtree_message(name, seen.origin, start=0, end=seen.size, root=seen.root, timestamp=timestamp)


def _parts(text: str) -> tuple[str, KeyKind, bytes]:
    """Name, type and key of ``name+id+key``; the id is not looked at."""
    parts = text.split("+", 2)
    if len(parts) != 3 or not is_key_name(parts[0]):
        raise VerificationError.of("bad_key", value=text[:80], why="not name+id+key")
    data = of_base64(parts[2])
    if not data or data[0] not in KeyKind.__members__.values():
        raise VerificationError.of("bad_key", value=text[:80], why="unknown type of key")
    return parts[0], KeyKind(data[0]), data[1:]


def is_public_hex(text: str) -> bool:
    """Whether ``text`` is an Ed25519 key as 64 lower-case hexadecimal digits."""
    return len(text) == 64 and all(one in "0123456789abcdef" for one in text)
