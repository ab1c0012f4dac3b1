"""secp256k1 keys in files, and the EIP-712 messages that are signed with them."""

from __future__ import annotations

import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.exchange.chain.errors import ChainError

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141  # of secp256k1
_KEY = re.compile(r"(?:0x)?[0-9a-fA-F]{64}\Z")
_DOMAIN = [
    {"name": "name", "type": "string"},
    {"name": "version", "type": "string"},
    {"name": "chainId", "type": "uint256"},
    {"name": "verifyingContract", "type": "address"},
]
ANCHOR_FIELDS = (("logId", "bytes32"), ("size", "uint64"), ("root", "bytes32"))
ROTATE_FIELDS = (
    ("logId", "bytes32"),
    ("generation", "uint32"),
    ("quorum", "uint16"),
    ("signers", "address[]"),
)
DISPOSITION_FIELDS = (
    ("logId", "bytes32"),
    ("leaf", "bytes32"),
    ("accepted", "uint64"),
    ("rejected", "uint64"),
    ("deadline", "uint64"),
)


def read_key(path: Path) -> LocalAccount:
    """The account of a key file.

    Raises
    ------
    ChainError
        ``key_missing``, ``key_invalid``; ``key_mode`` when group or others may read it.
    """
    account = accounts()
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as problem:
        raise ChainError.of("key_missing", path=path, said=problem) from None
    if mode & 0o077:
        raise ChainError.of("key_mode", path=path, mode=f"{mode:04o}")
    if not _KEY.match(text):
        raise ChainError.of("key_invalid", path=path)
    try:
        read: LocalAccount = account.from_key(text)
    except ValueError:
        raise ChainError.of("key_invalid", path=path) from None
    return read


def accounts() -> Any:
    """eth-account; ``missing_extra`` without it."""
    try:
        from eth_account import Account
    except ImportError as error:
        raise ChainError.of("missing_extra", library=error.name) from None
    return Account


def checked_address(text: str) -> str:
    """An address with the checksum of EIP-55; ``address_invalid`` for anything else, or a wrong checksum."""
    accounts()
    from eth_utils.address import is_address, to_checksum_address

    if not is_address(text):
        raise ChainError.of("address_invalid", value=text)
    return str(to_checksum_address(text))


def log_id_of(registrant: str, origin: str) -> bytes:
    """The log's id with the anchor: keccak256 of the registrant's 20 bytes and the origin in UTF-8."""
    accounts()
    from eth_utils.crypto import keccak

    return bytes(keccak(bytes.fromhex(registrant[2:]) + origin.encode()))


@dataclass(frozen=True)
class TypedDomain:
    """What an EIP-712 signature is bound to: a contract's name, the chain and its address."""

    name: str
    chain_id: int
    contract: str

    def message(self, kind: str, fields: Sequence[tuple[str, str]], values: dict[str, Any]) -> Any:
        """The message to sign or to recover."""
        accounts()
        from eth_account.messages import encode_typed_data

        return encode_typed_data(
            full_message={
                "types": {"EIP712Domain": _DOMAIN, kind: [{"name": n, "type": t} for n, t in fields]},
                "primaryType": kind,
                "domain": {
                    "name": self.name,
                    "version": "1",
                    "chainId": self.chain_id,
                    "verifyingContract": self.contract,
                },
                "message": values,
            }
        )


def head_message(chain_id: int, contract: str, log_id: bytes, size: int, root: bytes) -> Any:
    """The EIP-712 message ``Anchor(logId, size, root)`` of the anchor contract."""
    domain = TypedDomain("Assay Evidence Anchor", chain_id, contract)
    return domain.message("Anchor", ANCHOR_FIELDS, {"logId": log_id, "size": size, "root": root})


def rotate_message(  # noqa: PLR0917
    chain_id: int, contract: str, log_id: bytes, generation: int, quorum: int, signers: Sequence[str]
) -> Any:
    """The EIP-712 message ``Rotate(logId, generation, quorum, signers)`` of the anchor contract.

    ``generation`` is the new one, ``signers`` are in ascending order.
    """
    domain = TypedDomain("Assay Evidence Anchor", chain_id, contract)
    values = {"logId": log_id, "generation": generation, "quorum": quorum, "signers": list(signers)}
    return domain.message("Rotate", ROTATE_FIELDS, values)


def quorum_of(
    message: Any, signatures: Sequence[bytes], signers: Sequence[str], quorum: int, what: str
) -> bytes:
    """Exactly ``quorum`` signatures of different ``signers``, by ascending address: the contract's form.

    Raises
    ------
    ChainError
        ``signature_invalid``, ``too_few_signatures``; ``not_a_signer`` for anyone's beside the signers'.
    """
    account, known = accounts(), {one.lower() for one in signers}
    found: dict[int, bytes] = {}
    for signature in signatures:
        if len(signature) != 65 or not 0 < int.from_bytes(signature[32:64], "big") <= _ORDER // 2:
            raise ChainError.of("signature_invalid", what=what)
        try:
            address = str(account.recover_message(message, signature=signature))
        except Exception as problem:
            raise ChainError.of("signature_invalid", what=what) from problem
        if address.lower() not in known:
            raise ChainError.of("not_a_signer", address=address)
        found[int(address, 16)] = signature
    if len(found) < quorum:
        raise ChainError.of("too_few_signatures", what=what, count=len(found), quorum=quorum)
    return b"".join(found[address] for address in sorted(found)[:quorum])


def sign_disposition(  # noqa: PLR0917
    key: LocalAccount,
    domain: TypedDomain,
    log_id: bytes,
    leaf: bytes,
    quantities: tuple[int, int],
    deadline: int,
) -> bytes:
    """An inspector's attestation of a disposition entry, 65 bytes (r, s, v).

    Parameters
    ----------
    domain
        Name of the template's domain ("Assay Purchase Order"), chain and the instance's address.
    log_id
        The main log with the anchor contract.
    leaf
        RFC 6962 leaf hash of the disposition entry. The contract sees nothing else of it: sign only an
        individual disposition entry of the lot that the instance is about.
    quantities
        Accepted and rejected, in the contract's unit.
    deadline
        Last second (UTC, since 1970) at which the contract takes it.
    """
    accepted, rejected = quantities
    values = {
        "logId": log_id,
        "leaf": leaf,
        "accepted": accepted,
        "rejected": rejected,
        "deadline": deadline,
    }
    return bytes(key.sign_message(domain.message("Disposition", DISPOSITION_FIELDS, values)).signature)
