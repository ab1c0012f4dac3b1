"""Heads on their way to the chain: what a signer is asked, and what it checks before it signs.

The contract checks only the quorum's secp256k1 signatures. What they stand for is checked here, off the
chain: the log's signature and its witnesses' cosignatures by the signer's own policy, and that the head
follows from the one before.
"""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.exchange.chain.errors import ChainError
from assay.exchange.chain.keys import head_message, log_id_of, quorum_of
from assay.ledger.errors import VerificationError
from assay.ledger.merkle import verify_consistency
from assay.ledger.notes import Note
from assay.ledger.policy import Policy

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount


@dataclass(frozen=True)
class HeadRequest:
    """What goes to each signer, as a file.

    Parameters
    ----------
    chain_id, contract
        The chain and the anchor contract on it.
    registrant
        The account that registered the log.
    note
        The log's signed checkpoint with its cosignatures (C2SP signed-note).
    previous
        Size of the last anchored head that the proof leads from; 0 for none.
    proof
        RFC 6962 consistency proof from ``previous`` to the checkpoint's size.
    """

    chain_id: int
    contract: str
    registrant: str
    note: bytes
    previous: int
    proof: tuple[bytes, ...]

    def to_json(self) -> str:
        """The request as a file."""
        return json.dumps(
            {
                "chain_id": self.chain_id,
                "contract": self.contract,
                "registrant": self.registrant,
                "checkpoint": self.note.decode("utf-8"),
                "previous": self.previous,
                "proof": [base64.b64encode(one).decode() for one in self.proof],
            },
            indent=2,
        )

    @classmethod
    def read(cls, path: Path) -> HeadRequest:
        """The request in a file; ``request_invalid`` if it isn't one."""
        try:
            given = json.loads(path.read_bytes())
            return cls(
                chain_id=int(given["chain_id"]),
                contract=str(given["contract"]),
                registrant=str(given["registrant"]),
                note=str(given["checkpoint"]).encode(),
                previous=int(given["previous"]),
                proof=tuple(base64.b64decode(one, validate=True) for one in given["proof"]),
            )
        except (OSError, ValueError, KeyError, TypeError) as problem:
            raise ChainError.of("request_invalid", path=path, said=problem) from None


@dataclass(frozen=True)
class Head:
    """A head of a log and the signatures that it has, each 65 bytes."""

    log_id: bytes
    size: int
    root: bytes
    signatures: tuple[bytes, ...] = ()

    def ordered(self, chain_id: int, contract: str, signers: Sequence[str], quorum: int) -> bytes:
        """Exactly ``quorum`` signatures of different ``signers``, by ascending address: the contract's form.

        Raises
        ------
        ChainError
            ``signature_invalid``, ``too_few_signatures``; ``not_a_signer`` for anyone's beside the signers'.
        """
        message = head_message(chain_id, contract, self.log_id, self.size, self.root)
        return quorum_of(message, self.signatures, signers, quorum, f"{self.size}")


class AnchorSigner:
    """One signer: its key, its policy, and what it has signed before, which it never contradicts.

    Parameters
    ----------
    key
        The secp256k1 account that is registered as a signer.
    policy
        Whom this signer believes: the log's key and the witnesses.
    memory
        SQLite file of its own; what is signed is kept there, durably, before the signature leaves.
    """

    def __init__(self, key: LocalAccount, policy: Policy, memory: Path) -> None:
        self._key = key
        self._policy = policy
        self._memory = sqlite3.connect(memory, isolation_level=None)
        self._memory.execute("PRAGMA synchronous = FULL")
        self._memory.execute(
            "CREATE TABLE IF NOT EXISTS signed"
            " (contract TEXT, chain INTEGER, log BLOB, size INTEGER, root BLOB,"
            " PRIMARY KEY (contract, chain, log, size)) WITHOUT ROWID"
        )

    def close(self) -> None:
        """Let go of the memory."""
        self._memory.close()

    def sign(self, request: HeadRequest, anchored: tuple[int, bytes]) -> Head:
        """The head with this signer's signature.

        Parameters
        ----------
        request
            What the log's operator sent.
        anchored
            Size and root of the last anchored head, as this signer itself reads them off the chain.

        Raises
        ------
        ChainError
            ``not_consistent`` when the head does not follow from ``anchored``; ``head_conflict`` and
            ``head_smaller`` against what was signed before.
        VerificationError
            The policy does not believe the checkpoint.
        """
        believed = self._policy.check(Note.parse(request.note)).checkpoint
        log_id = log_id_of(request.registrant, believed.origin)
        size, root = anchored
        try:
            if request.previous != size:
                raise VerificationError.of("not_consistent", old=size, new=believed.size)
            if size:
                verify_consistency(size, believed.size, root, believed.root, list(request.proof))
        except VerificationError as problem:
            raise ChainError.of(
                "not_consistent", size=believed.size, previous=size, said=problem.message
            ) from None
        contract = request.contract.lower()
        self._remember(contract, request.chain_id, log_id, believed.size, believed.root)
        message = head_message(request.chain_id, request.contract, log_id, believed.size, believed.root)
        return Head(log_id, believed.size, believed.root, (bytes(self._key.sign_message(message).signature),))

    def _remember(self, contract: str, chain: int, log_id: bytes, size: int, root: bytes) -> None:
        self._memory.execute("BEGIN IMMEDIATE")
        try:
            last = self._memory.execute(
                "SELECT size, root FROM signed WHERE contract = ? AND chain = ? AND log = ?"
                " ORDER BY size DESC LIMIT 1",
                (contract, chain, log_id),
            ).fetchone()
            if last and last[0] > size:
                raise ChainError.of("head_smaller", size=size, have=last[0])
            if last and last[0] == size and last[1] != root:
                raise ChainError.of(
                    "head_conflict", size=size, root=root.hex(), other=last[1].hex(), where="signed"
                )
            self._memory.execute(
                "INSERT OR IGNORE INTO signed VALUES (?, ?, ?, ?, ?)", (contract, chain, log_id, size, root)
            )
            self._memory.execute("COMMIT")
        except BaseException:
            self._memory.execute("ROLLBACK")
            raise


def read_proof(path: Path) -> tuple[bytes, ...]:
    """A consistency proof in a file: hashes in base64, one a line, as witnesses are sent them."""
    try:
        proof = tuple(base64.b64decode(line, validate=True) for line in path.read_text("ascii").split())
    except (OSError, ValueError) as problem:
        raise ChainError.of("request_invalid", path=path, said=problem) from None
    if any(len(one) != 32 for one in proof):
        raise ChainError.of("request_invalid", path=path, said="32 bytes a line")
    return proof


def write_signature(head: Head) -> str:
    """A signed head as the file that goes back to the operator."""
    return json.dumps(
        {
            "log_id": "0x" + head.log_id.hex(),
            "size": head.size,
            "root": "0x" + head.root.hex(),
            "signatures": ["0x" + one.hex() for one in head.signatures],
        },
        indent=2,
    )


def read_signature(path: Path) -> Head:
    """The signed head in a file; ``request_invalid`` if it isn't one."""
    try:
        given: dict[str, Any] = json.loads(path.read_bytes())
        return Head(
            _unhex(given["log_id"]),
            int(given["size"]),
            _unhex(given["root"]),
            tuple(_unhex(one) for one in given["signatures"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise ChainError.of("request_invalid", path=path, said=problem) from None


def _unhex(text: object) -> bytes:
    return bytes.fromhex(str(text).removeprefix("0x"))
