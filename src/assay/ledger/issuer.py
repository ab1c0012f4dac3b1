"""The key a plant signs its entries with: a PEM file (PKCS #8, Ed25519) only its owner may read."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from assay.ledger.disk import sync_folder
from assay.ledger.errors import LogError, VerificationError

ISSUER_KEY = "issuer.key"
"""Its name in the folder outside the plant."""


def make_issuer(path: Path) -> Ed25519PrivateKey:
    """A new key from the system's randomness, kept in the new file ``path`` (mode 0600)."""
    key = Ed25519PrivateKey.generate()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as out:
        out.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        out.flush()
        os.fsync(out.fileno())
    sync_folder(path.parent)
    return key


def read_issuer(path: Path) -> Ed25519PrivateKey:
    """The key kept in ``path``.

    Raises
    ------
    LogError
        There is no such file, or others than its owner may read it.
    VerificationError
        It holds no Ed25519 key.
    """
    if not path.exists():
        raise LogError.of("no_issuer", path=path)
    if path.stat().st_mode & 0o077:
        raise LogError.of("key_open", path=path)
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except (ValueError, TypeError) as problem:
        raise VerificationError.of("bad_key", value=path, why=str(problem)[:120]) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise VerificationError.of("bad_key", value=path, why="not an Ed25519 key")
    return key
