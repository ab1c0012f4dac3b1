"""What individual entries commit to: kept beside the log, encrypted under a key of the subject.

A payload is the CBOR array of (salt, name, value), by name, under ChaCha20-Poly1305 with a random nonce in
front; the entry's origin is authenticated with it. Its name is the SHA-256 of what is kept, which the entry
carries. Destroying the subject's key destroys values and salts: what is left says nothing.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from assay.ledger.canonical import Plain, Value, decimal_of, decode, encode
from assay.ledger.commitment import Commitment, commit
from assay.ledger.disk import write_whole
from assay.ledger.entries import Individual, Origin
from assay.ledger.errors import EntryError, LogError
from assay.ledger.merkle import leaf_hash
from assay.store.evidence_secrets import Secrets
from assay.store.tables import to_microseconds

_NONCE = 12


@dataclass(frozen=True, slots=True)
class Sealed:
    """A payload that is kept: its fields with their salts, and the SHA-256 of its bytes."""

    commitment: Commitment
    digest: bytes


class Payloads:
    """The payloads of a plant.

    Parameters
    ----------
    folder
        Where they are kept; may be copied and backed up.
    secrets
        The keys of their subjects, which must not be.
    """

    def __init__(self, folder: Path, secrets: Secrets) -> None:
        self._folder = folder
        self._secrets = secrets

    def path(self, digest: bytes) -> Path:
        """Where a payload is kept."""
        return payload_path(self._folder, digest)

    def seal(self, subject: str, origin: Origin, fields: Mapping[str, Value]) -> Sealed:
        """Commit to fields and keep them; durable when this returns.

        Raises
        ------
        EntryError
            There is no field, or a value has no canonical form.
        """
        made = commit(fields)
        nonce, cipher = os.urandom(_NONCE), ChaCha20Poly1305(self._secrets.new_key(subject))
        kept = nonce + cipher.encrypt(nonce, encode([list(field) for field in made.fields]), _said(origin))
        digest = sha256(kept).digest()
        write_whole(self.path(digest), kept, mode=0o600)
        return Sealed(made, digest)

    def open(self, entry: Individual) -> Commitment:
        """The fields of an entry, with their salts.

        Raises
        ------
        LogError
            They were erased, are not here, or are not those the entry commits to.
        """
        key = self._secrets.key_of(entry.subject)
        if key is None:
            reason = "erased" if self._secrets.erased(entry.subject) else "no_payload"
            raise LogError.of(reason, subject=entry.subject)
        path = self.path(entry.payload or b"")
        if entry.payload is None or not path.exists():
            raise LogError.of("no_payload", subject=entry.subject)
        kept = path.read_bytes()
        try:
            content = ChaCha20Poly1305(key).decrypt(kept[:_NONCE], kept[_NONCE:], _said(entry.origin))
            fields = _fields(decode(content))
        except (InvalidTag, EntryError, ValueError):
            fields = ()
        found = Commitment(fields, tuple(leaf_hash(encode(list(field))) for field in fields))
        if sha256(kept).digest() != entry.payload or found.root != entry.root:
            raise LogError.of("payload_differs", path=path, subject=entry.subject)
        return found


def payload_path(folder: Path, digest: bytes) -> Path:
    """Where below ``folder`` the payload with this SHA-256 is kept."""
    name = digest.hex()
    return folder / name[:2] / name[2:]


def value_of(value: object) -> Value:
    """A value as it is logged: a time is microseconds since 1970, a float the decimal it stands for.

    Raises
    ------
    EntryError
        It is of a type that has no canonical form.
    """
    if isinstance(value, bool | int | str | bytes | Decimal) or value is None:
        return value
    if isinstance(value, float):
        return decimal_of(value)
    if isinstance(value, datetime):
        return to_microseconds(value)
    if isinstance(value, date):
        return value.isoformat()
    raise EntryError.of("no_form", value=repr(value)[:80], type=type(value).__name__)


def _said(origin: Origin) -> bytes:
    return encode([origin.source, origin.epoch, origin.seq])


def _fields(value: Plain) -> tuple[tuple[bytes, str, Plain], ...]:
    found: list[tuple[bytes, str, Plain]] = []
    for one in value if isinstance(value, list) else []:
        match one:
            case [bytes() as salt, str() as name, content]:
                found.append((salt, name, content))
            case _:
                raise EntryError.of("not_canonical", why="not a field")
    return tuple(found)
