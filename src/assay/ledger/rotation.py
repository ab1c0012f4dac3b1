"""Making new keys and having the log say so, in an order in which a kill at any step can be gone on from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from assay.ledger.disk import sync_folder
from assay.ledger.errors import LedgerError, LogError
from assay.ledger.issuer import ISSUER_KEY, make_issuer, read_issuer
from assay.ledger.keys import KeyKind, SigningKey
from assay.ledger.place import Place
from assay.ledger.signer import SocketSigner
from assay.ledger.standing import published_standing, stated
from assay.ledger.submitter import Submitter

Second: TypeAlias = tuple[bytes, Callable[[bytes], bytes]]
"""The second key of a statement, 32 bytes, and what signs with it."""

_NEXT = "issuer.next.key"


@dataclass(frozen=True, slots=True)
class Rotated:
    """A key that was replaced: the old one, the new one, the entry that says so, the old key's file."""

    old: str
    new: str
    index: int
    old_file: Path


def issuer_of(place: Place) -> Ed25519PrivateKey:
    """The key the plant signs its entries with; made when there is none."""
    path = place.written_with.outside / ISSUER_KEY
    return read_issuer(path) if path.exists() else make_issuer(path)


def log_key(place: Place, against: bytes = b"") -> SigningKey | SocketSigner:
    """The newest key of the log that is at hand and believed, other than ``against``.

    Raises
    ------
    LogError
        There is none (``no_key``).
    """
    standing = published_standing(place)
    for key in reversed(standing.signing):
        path = place.key_of(key)
        if key.public != against and path.exists():
            return SigningKey.read(path)
        if key.public != against and place.signer.exists():
            return SocketSigner(place.signer, key)
    raise LogError.of("no_key", path=place.key_of(place.public_key()))


def state(
    place: Place,
    kind: str,
    content: bytes,
    second: Second,
    issuer: Ed25519PrivateKey | None = None,
) -> int:
    """Log a statement and sign a checkpoint of it; the index of its entry.

    Raises
    ------
    LedgerError
        The log may not say it.
    """
    signed = stated(kind, content, issuer or issuer_of(place), *second)
    with Submitter(place) as submitter:
        (answer,) = submitter.append([signed])
        if isinstance(answer, LedgerError):
            raise answer
        submitter.checkpoint()
        return answer.index


def rotate_log(place: Place) -> Rotated:
    """A new key for the log. The old one goes on signing beside it for as long as its file is kept."""
    standing = published_standing(place)
    old = log_key(place)
    waiting = [
        path
        for path in place.outside.glob("log-*.key")
        if SigningKey.read(path).verifier not in standing.keys
    ]
    if waiting:  # made before, but the log was not told
        new = SigningKey.read(waiting[0])
    else:
        new = SigningKey.generate(old.verifier.name, KeyKind.ED25519)
        new.write(place.outside / f"log-{new.verifier.key_id.hex()}.key")
    public = new.verifier
    if isinstance(old, SocketSigner):
        raise LogError.of("signer_refused", path=place.signer, why="a held key signs no entry")
    index = state(place, "log-key", str(public).encode(), (public.public, new.countersign), old.issuing())
    return Rotated(str(old.verifier), str(public), index, place.key_of(old.verifier))


def rotate_issuer(place: Place) -> Rotated:
    """A new key for the plant's entries; the old one is done away with once the log has said so."""
    path, following = place.outside / ISSUER_KEY, place.outside / _NEXT
    old = issuer_of(place)
    new = read_issuer(following) if following.exists() else make_issuer(following)
    public, former = (key.public_key().public_bytes_raw() for key in (new, old))
    known = published_standing(place).believed.get(former)
    index = state(place, "issuer-key", b"", (public, new.sign), old) if known is None else known
    following.replace(path)
    sync_folder(path.parent)
    return Rotated(former.hex(), public.hex(), index, path)


def add_cosigner(place: Place) -> Rotated:
    """An ML-DSA-44 key for the log itself, under its own name."""
    second = log_key(place)
    if place.cosigner.exists():
        key = SigningKey.read(place.cosigner)
    else:
        key = SigningKey.generate(place.public_key().name, KeyKind.COSIGNATURE_MLDSA44)
        key.write(place.cosigner)
    index = state(place, "cosigner", str(key.verifier).encode(), (second.verifier.public, second.countersign))
    return Rotated("", str(key.verifier), index, place.cosigner)
