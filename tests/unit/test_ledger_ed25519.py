"""Signatures by libsodium are those of RFC 8032, and what it takes OpenSSL takes too."""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from assay.ledger.ed25519 import sign, verified

RFC_8032_TEST_3 = (
    "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
    "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
    "af82",
    (
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
    ),
)


def test_the_vector_of_the_rfc() -> None:
    seed, public, message, signature = map(bytes.fromhex, RFC_8032_TEST_3)
    key = Ed25519PrivateKey.from_private_bytes(seed)
    assert sign(key, message) == signature
    assert verified(public, signature, message)


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=200), st.integers(0, 511), st.booleans())
def test_it_agrees_with_openssl_also_on_what_was_changed(
    seed: bytes, message: bytes, bit: int, change: bool
) -> None:
    key = Ed25519PrivateKey.from_private_bytes(seed)
    public = key.public_key().public_bytes_raw()
    signature = bytearray(sign(key, message))
    assert bytes(signature) == key.sign(message)
    if change:
        signature[bit // 8] ^= 1 << bit % 8
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(bytes(signature), message)
        taken = True
    except InvalidSignature:
        taken = False
    assert taken is not change
    assert verified(public, bytes(signature), message) is taken


def test_what_is_no_key_or_signature_is_not_verified() -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    public, signature = key.public_key().public_bytes_raw(), sign(key, b"a")
    assert not verified(public, signature[:-1], b"a")
    assert not verified(public[:-1], signature, b"a")
    assert not verified(bytes(32), bytes(64), b"a"), "a key of small order signs everything"
    assert not verified(public, signature, b"b")
