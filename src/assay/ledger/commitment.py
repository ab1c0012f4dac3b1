"""Salted commitments: a record's fields as a Merkle tree, so that one can be shown without the others.

The leaf of a field is the array (salt, name, value); leaves stand in the order of their names. A salt has 16
bytes, random or derived from a key of the subject, so that a hash says nothing about a value with few
possible ones, and destroying the key (and salts) erases what was committed.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

from assay.ledger.canonical import Plain, Value, decode, encode, encode_field, plain
from assay.ledger.errors import EntryError, VerificationError
from assay.ledger.merkle import (
    inclusion_spans,
    leaf_hash,
    proof_hashes,
    root_of,
    verify_inclusion,
)

SALT_SIZE = 16


def random_salt(name: str) -> bytes:
    """A salt for the field ``name`` from the system's randomness."""
    del name
    return os.urandom(SALT_SIZE)


def derived_salts(key: bytes, source: str, epoch: int, seq: int) -> Callable[[str], bytes]:
    """Salts of a record's fields from the key of its subject: HMAC-SHA-256, cut to 16 bytes.

    Parameters
    ----------
    key
        32 secret bytes of this one subject; destroyed, its fields are erased.
    source, epoch, seq
        Which record.

    Raises
    ------
    EntryError
        The key is shorter than 32 bytes.
    """
    if len(key) < 32:
        raise EntryError.of("weak_key", length=len(key))
    return lambda name: hmac.digest(key, encode([source, epoch, seq, name]), "sha256")[:SALT_SIZE]


@dataclass(frozen=True, slots=True)
class Disclosure:
    """One field, its salt, and how it follows from the commitment.

    Parameters
    ----------
    name, value, salt
        The field; a decimal is the text of its digits.
    index, size
        Which leaf of how many.
    hashes
        The inclusion proof.
    """

    name: str
    value: Plain
    salt: bytes
    index: int
    size: int
    hashes: tuple[bytes, ...]

    def __bytes__(self) -> bytes:
        return encode([self.salt, self.name, self.value, self.index, self.size, list(self.hashes)])

    @classmethod
    def parse(cls, data: bytes) -> Disclosure:
        """The disclosure in ``data``.

        Raises
        ------
        EntryError
            ``data`` is not one, or not in its canonical form.
        """
        match decode(data):
            case [bytes() as salt, str() as name, value, int() as index, int() as size, list() as hashes]:
                return cls(name, value, salt, index, size, tuple(cast("list[bytes]", hashes)))
        raise EntryError.of("not_canonical", why="not a disclosed field")

    def verify(self, root: bytes, size: int) -> None:
        """Check that the field is one of the ``size`` fields committed to by ``root``.

        Raises
        ------
        VerificationError
            It is not.
        """
        if self.size != size:
            raise VerificationError.of("sizes", old=self.size, new=size)
        leaf = leaf_hash(encode([self.salt, self.name, self.value]))
        verify_inclusion(self.index, size, leaf, self.hashes, root)


@dataclass(frozen=True, slots=True)
class Commitment:
    """The fields of a record, salted, and the root that commits to them.

    Parameters
    ----------
    fields
        (salt, name, value) by name.
    leaves
        Their leaf hashes.
    """

    fields: tuple[tuple[bytes, str, Plain], ...]
    leaves: tuple[bytes, ...]

    @property
    def root(self) -> bytes:
        """What the entry carries."""
        return root_of(self.leaves)

    def disclose(self, name: str) -> Disclosure:
        """The field ``name`` and its proof.

        Raises
        ------
        EntryError
            The record has no such field.
        """
        for index, (salt, known, value) in enumerate(self.fields):
            if known == name:
                spans = inclusion_spans(index, len(self.leaves))
                hashes = proof_hashes(spans, lambda start, end: root_of(self.leaves[start:end]))
                return Disclosure(name, value, salt, index, len(self.leaves), tuple(hashes))
        raise EntryError.of("no_field", name=name, known=", ".join(known for _, known, _ in self.fields))


def commit(fields: Mapping[str, Value], salt: Callable[[str], bytes] = random_salt) -> Commitment:
    """Commit to ``fields``; ``salt`` gives the 16 bytes for each name.

    Raises
    ------
    EntryError
        There is no field, one has no name, or a value has no canonical form.
    """
    if not fields:
        raise EntryError.of("no_fields")
    if "" in fields:
        raise EntryError.of("no_name")
    names = sorted(fields)
    if salt is random_salt:  # one call for all of them
        drawn = os.urandom(SALT_SIZE * len(names))
        salts = [drawn[at : at + SALT_SIZE] for at in range(0, len(drawn), SALT_SIZE)]
    else:
        salts = [salt(name) for name in names]
    salted = tuple([(one, name, plain(fields[name])) for one, name in zip(salts, names, strict=True)])
    return Commitment(salted, tuple([leaf_hash(encode_field(*one)) for one in salted]))
