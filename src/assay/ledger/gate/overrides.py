"""Overrides: two named people say together that a refused record counts after all; which is evidence too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from assay.ledger import ed25519
from assay.ledger.canonical import encode
from assay.ledger.gate.errors import GateError
from assay.ledger.gate.facts import OVERRIDE, REEVALUATION, Fact, fact_of
from assay.ledger.gate.policy import GatePolicy

_SIGNED = b"assay/override@1\0"
NEEDED = 2
"""How many people."""


def message(refused: int, leaf: bytes, why: str) -> bytes:
    """What both people sign: which refused entry, by its hash, and why.

    Parameters
    ----------
    refused, leaf
        Its index in the refused log, and its leaf hash.
    why
        The reason they give.
    """
    return _SIGNED + encode([refused, leaf, why])


def override(refused: int, leaf: bytes, why: str, keys: Sequence[Ed25519PrivateKey]) -> Fact:
    """The input that overrides a refusal, signed with the keys of the people."""
    said = message(refused, leaf, why)
    values = {"refused": refused, "leaf": leaf.hex(), "why": why}
    signatures = [(key.public_key().public_bytes_raw().hex(), ed25519.sign(key, said).hex()) for key in keys]
    signed = {
        "keys": [public for public, _ in signatures],
        "signatures": [signature for _, signature in signatures],
    }
    return fact_of(OVERRIDE, values={**values, **signed})


def reevaluation(refused: int, leaf: bytes) -> Fact:
    """The input that has a refused record judged again, by what is known now."""
    return fact_of(REEVALUATION, values={"refused": refused, "leaf": leaf.hex()})


def which(fact: Fact) -> tuple[int, bytes]:
    """(index in the refused log, leaf hash) of what an override or re-evaluation is about.

    Raises
    ------
    GateError
        It does not say so.
    """
    refused, leaf = fact.values.get("refused"), fact.values.get("leaf")
    if type(refused) is not int or not isinstance(leaf, str):
        raise GateError.of("bad_opening", why="which refused entry, and its leaf hash")
    try:
        return refused, bytes.fromhex(leaf)
    except ValueError:
        raise GateError.of("bad_opening", why="which refused entry, and its leaf hash") from None


def signers(fact: Fact) -> set[str]:
    """The public keys whose signatures on an override verify."""
    index, leaf = which(fact)
    why, keys, signatures = (fact.values.get(name) for name in ("why", "keys", "signatures"))
    if not isinstance(why, str) or not why.strip():
        raise GateError.of("bad_opening", why="an override says why")
    if not isinstance(keys, tuple) or not isinstance(signatures, tuple) or len(keys) != len(signatures):
        raise GateError.of("bad_opening", why="keys and signatures of an override")
    said = message(index, leaf, why)
    found = set()
    for key, signature in zip(map(str, keys), map(str, signatures), strict=True):
        try:
            if ed25519.verified(bytes.fromhex(key), bytes.fromhex(signature), said):
                found.add(key)
        except ValueError:
            continue
    return found


def check(fact: Fact, policies: Iterable[GatePolicy]) -> None:
    """Check that two people whom each policy names have signed an override.

    Raises
    ------
    GateError
        ``no_override``: a policy names nobody; ``not_two``: they have not.
    """
    keys = signers(fact)
    refusing = list(policies)
    if not refusing or any(policy.override is None for policy in refusing):
        raise GateError.of("no_override")
    for policy in refusing:
        people = policy.override.people if policy.override else {}
        named = [name for name, key in people.items() if key in keys]
        if len(named) < NEEDED:
            raise GateError.of("not_two", count=len(named))
