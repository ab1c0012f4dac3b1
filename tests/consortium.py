"""A consortium on a chain of the tests: anchor, registry with its templates, a log, inspectors, the parties.

The Merkle tree here is written by the text of RFC 6962, section 2.1: it shares nothing with the product.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from eth_abi import encode
from eth_account.messages import encode_typed_data
from eth_utils import keccak
from tests.evm import Contract, Evm, account

ORIGIN = "plant.example/main"
OWNER, BUYER, SELLER, ARBITER, INSPECTOR, AUTHORITY, STRANGER = (account(n) for n in range(7))
SIGNERS = sorted((account(n) for n in range(20, 25)), key=lambda one: int(one.address, 16))
DAY = 86_400


def leaf_hash(entry: bytes) -> bytes:
    """RFC 6962, 2.1: SHA-256(0x00 || entry)."""
    return hashlib.sha256(b"\x00" + entry).digest()


def _split(count: int) -> int:
    return 1 << (count - 1).bit_length() - 1


def tree_root(leaves: Sequence[bytes]) -> bytes:
    """MTH of leaf hashes."""
    if len(leaves) == 1:
        return leaves[0]
    k = _split(len(leaves))
    return hashlib.sha256(b"\x01" + tree_root(leaves[:k]) + tree_root(leaves[k:])).digest()


def tree_path(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """PATH(m, D[n]) of leaf hashes, from the leaf up."""
    if len(leaves) == 1:
        return []
    k = _split(len(leaves))
    if index < k:
        return [*tree_path(index, leaves[:k]), tree_root(leaves[k:])]
    return [*tree_path(index - k, leaves[k:]), tree_root(leaves[:k])]


@dataclass(frozen=True)
class Tall:
    """A leaf of a tree of 2^depth leaves of which only the siblings on its path are known."""

    leaf: bytes
    index: int
    depth: int

    @property
    def size(self) -> int:
        """Leaves of the tree."""
        return 1 << self.depth

    @property
    def path(self) -> list[bytes]:
        """Siblings from the leaf up."""
        return [hashlib.sha256(b"sibling %d" % level).digest() for level in range(self.depth)]

    @property
    def root(self) -> bytes:
        """What the path leads to."""
        at, value = self.index, self.leaf
        for sibling in self.path:
            pair = sibling + value if at & 1 else value + sibling
            value, at = hashlib.sha256(b"\x01" + pair).digest(), at >> 1
        return value


def sign_typed(
    key: Any, domain: dict[str, Any], kind: str, fields: Sequence[tuple[str, str]], message: dict[str, Any]
) -> bytes:
    """An EIP-712 signature (r, s, v) by eth-account."""
    asked = {
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"},
                {"name": "version", "type": "string"},
                {"name": "chainId", "type": "uint256"},
                {"name": "verifyingContract", "type": "address"},
            ],
            kind: [{"name": name, "type": of} for name, of in fields],
        },
        "domain": domain,
        "primaryType": kind,
        "message": message,
    }
    return bytes(key.sign_message(encode_typed_data(full_message=asked)).signature)


def domain(name: str, chain_id: int, contract: str) -> dict[str, Any]:
    """An EIP-712 domain of version 1."""
    return {"name": name, "version": "1", "chainId": chain_id, "verifyingContract": contract}


@dataclass
class Consortium:
    """Everything deployed, ready for orders."""

    evm: Evm = field(default_factory=Evm)
    quorum: int = 3
    token_name: str = "PlainToken"

    def __post_init__(self) -> None:
        evm, owner = self.evm, OWNER.address
        self.anchor = evm.deploy("EvidenceAnchor")
        self.registry = evm.deploy("TemplateRegistry")
        self.ids = {}
        for name in ("InspectorRegistry", "InspectionAttestation", "PurchaseOrder"):
            needed = [self.registry.address] + ([] if name == "InspectorRegistry" else [self.anchor.address])
            implementation = evm.deploy(name, *needed)
            self.ids[name] = self.registry.send(
                owner, "publish", f"{name}/1", implementation.address, keccak(text=name)
            )
        self.token = evm.deploy(self.token_name)
        self.registry.send(owner, "allowToken", self.token.address, True)
        self.inspectors = self.create(
            "InspectorRegistry", AUTHORITY, encode(["address"], [AUTHORITY.address])
        )
        self.inspectors.send(AUTHORITY.address, "appoint", INSPECTOR.address, evm.now + 400 * DAY)
        self.log_id = self.anchor.send(
            owner, "register", ORIGIN, [one.address for one in SIGNERS], self.quorum
        )

    def create(self, name: str, creator: Any, params: bytes) -> Contract:
        """Make an instance of a template."""
        made = self.registry.send(creator.address, "create", self.ids[name], params)
        return Contract(self.evm, name, made)

    def head_signatures(
        self,
        size: int,
        root: bytes,
        signers: Sequence[Any] | None = None,
        *,
        chain_id: int | None = None,
        contract: str | None = None,
    ) -> bytes:
        """Signatures of a head, in the order of ``signers``."""
        where = domain(
            "Assay Evidence Anchor", chain_id or self.evm.chain_id, contract or self.anchor.address
        )
        fields = [("logId", "bytes32"), ("size", "uint64"), ("root", "bytes32")]
        message = {"logId": self.log_id, "size": size, "root": root}
        chosen = SIGNERS[: self.quorum] if signers is None else signers
        return b"".join(sign_typed(one, where, "Anchor", fields, message) for one in chosen)

    def anchor_head(self, size: int, root: bytes) -> None:
        """Anchor a head by the quorum."""
        self.anchor.send(
            STRANGER.address, "anchor", self.log_id, size, root, self.head_signatures(size, root)
        )

    def terms(self, **changed: Any) -> dict[str, Any]:
        """Terms of a purchase order of 100 pieces at 7, by the names of the contract's struct."""
        now = self.evm.now
        usual = {
            "buyer": BUYER.address,
            "seller": SELLER.address,
            "arbiter": ARBITER.address,
            "token": self.token.address,
            "inspectors": self.inspectors.address,
            "logId": self.log_id,
            "paper": keccak(text="the paper"),
            "unitPrice": 7,
            "quantity": 100,
            "fundBy": now + DAY,
            "deliverBy": now + 10 * DAY,
            "graceSeconds": 5 * DAY,
            "inspectSeconds": 5 * DAY,
            "arbitrateSeconds": 7 * DAY,
            "latePerDay": 100,
            "lateMost": 500,
            "sellerShareIfSilent": 4_000,
        }
        return usual | changed

    def order(self, *, creator: Any = BUYER, **changed: Any) -> Contract:
        """Create a purchase order."""
        return self.create("PurchaseOrder", creator, encode_terms("PurchaseOrder", self.terms(**changed)))

    def funded(self, **changed: Any) -> Contract:
        """Create one and pay its price into it."""
        order = self.order(**changed)
        total = order.look("unitPrice") * order.look("quantity")
        self.token.send(OWNER.address, "mint", BUYER.address, total)
        self.token.send(BUYER.address, "approve", order.address, total)
        order.send(BUYER.address, "fund")
        return order

    def delivered(self, **changed: Any) -> Contract:
        """Fund one and deliver."""
        order = self.funded(**changed)
        order.send(SELLER.address, "deliver", keccak(text="note"))
        return order

    def verdict(
        self,
        to: Contract,
        leaf: bytes,
        accepted: int,
        rejected: int,
        *,
        key: Any = INSPECTOR,
        deadline: int | None = None,
        chain_id: int | None = None,
        contract: str | None = None,
        log_id: bytes | None = None,
    ) -> tuple[int, int, int, bytes]:
        """An inspector's attestation as the contract takes it."""
        name = {
            "PurchaseOrder": "Assay Purchase Order",
            "InspectionAttestation": "Assay Inspection Attestation",
        }[to.name]
        until = self.evm.now + DAY if deadline is None else deadline
        where = domain(name, chain_id or self.evm.chain_id, contract or to.address)
        fields = [
            ("logId", "bytes32"),
            ("leaf", "bytes32"),
            ("accepted", "uint64"),
            ("rejected", "uint64"),
            ("deadline", "uint64"),
        ]
        message = {
            "logId": log_id or self.log_id,
            "leaf": leaf,
            "accepted": accepted,
            "rejected": rejected,
            "deadline": until,
        }
        return accepted, rejected, until, sign_typed(key, where, "Disposition", fields, message)


TERMS = {
    "PurchaseOrder": "(address,address,address,address,address,bytes32,bytes32,uint128,uint64,"
    "uint40,uint40,uint32,uint32,uint32,uint16,uint16,uint16)",
    "InspectionAttestation": "(address,address,bytes32,bytes32,uint64,uint64,uint32,uint32,bool)",
}


def encode_terms(name: str, terms: dict[str, Any]) -> bytes:
    """Terms as ``create`` takes them."""
    return bytes(encode([TERMS[name]], [tuple(terms.values())]))
