"""Other signers for a log's heads: what the present quorum signs, and bringing it to the chain once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.exchange.chain.anchoring import on_chain, signers_of
from assay.exchange.chain.errors import ChainError
from assay.exchange.chain.keys import checked_address, quorum_of, rotate_message
from assay.exchange.chain.link import Link

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount


@dataclass(frozen=True)
class Rotation:
    """Who shall sign from now on.

    Parameters
    ----------
    log_id
        The log with the anchor contract, 32 bytes.
    generation
        The number that the new signers get.
    quorum
        How many of them a head needs.
    signers
        Their addresses, ascending.
    """

    log_id: bytes
    generation: int
    quorum: int
    signers: tuple[str, ...]

    @classmethod
    def next(cls, link: Link, contract: str, log_id: bytes, signers: Sequence[str], quorum: int) -> Rotation:
        """The next generation of a log's signers.

        Raises
        ------
        ChainError
            ``address_invalid``; ``same_signers`` when the chain has these already.
        """
        ascending = tuple(sorted({checked_address(one) for one in signers}, key=lambda one: int(one, 16)))
        there = on_chain(link, contract, log_id)
        present = signers_of(link, contract, log_id, there.generation)
        if (there.quorum, [one.lower() for one in present]) == (quorum, [one.lower() for one in ascending]):
            raise ChainError.of("same_signers", origin="0x" + log_id.hex(), generation=there.generation)
        return cls(log_id, there.generation + 1, quorum, ascending)

    def signed(self, key: LocalAccount, chain_id: int, contract: str) -> str:
        """One present signer's signature, as the file that goes back to the operator."""
        signature = bytes(key.sign_message(self._message(chain_id, contract)).signature)
        return json.dumps(self.to_dict() | {"signature": "0x" + signature.hex()}, indent=2)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "log_id": "0x" + self.log_id.hex(),
            "generation": self.generation,
            "quorum": self.quorum,
            "signers": list(self.signers),
        }

    def bring(self, link: Link, contract: str, files: Sequence[Path]) -> str:
        """Have the chain take the new signers; the transaction's hash.

        Killed before the receipt, call again: :meth:`next` says ``same_signers`` when it was mined.

        Raises
        ------
        ChainError
            ``request_invalid``, ``outdated_rotation`` for a signature of something else; ``not_a_signer``,
            ``too_few_signatures``; ``refused`` with the contract's reason.
        """
        there = on_chain(link, contract, self.log_id)
        present = signers_of(link, contract, self.log_id, there.generation)
        chain_id = link.settings.chain_id
        packed = quorum_of(
            self._message(chain_id, contract),
            [self._signature(file) for file in files],
            present,
            there.quorum,
            f"rotate ({self.generation})",
        )
        receipt = link.transact(
            link.at("EvidenceAnchor", contract),
            "rotate",
            self.log_id,
            list(self.signers),
            self.quorum,
            packed,
        )
        return "0x" + bytes(receipt["transactionHash"]).hex()

    def _message(self, chain_id: int, contract: str) -> Any:
        return rotate_message(chain_id, contract, self.log_id, self.generation, self.quorum, self.signers)

    def _signature(self, file: Path) -> bytes:
        try:
            given = json.loads(file.read_bytes())
            signature = bytes.fromhex(str(given.pop("signature")).removeprefix("0x"))
            generation = int(given["generation"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
            raise ChainError.of("request_invalid", path=file, said=problem) from None
        if generation != self.generation:
            raise ChainError.of("outdated_rotation", given=generation, wanted=self.generation)
        if given != self.to_dict():
            raise ChainError.of("request_invalid", path=file, said=json.dumps(given)[:200])
        return signature
