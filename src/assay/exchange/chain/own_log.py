"""The plant's own log and the chain: the head to ask for, and where an entry lies in an anchored one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from assay.exchange.chain.anchoring import OnChain
from assay.exchange.chain.errors import ChainError
from assay.exchange.chain.heads import HeadRequest
from assay.exchange.chain.settings import Deployment, LogAnchor
from assay.ledger.checkpoint import Checkpoint
from assay.ledger.derived import Derived
from assay.ledger.errors import LogError, VerificationError
from assay.ledger.merkle import leaf_hash
from assay.ledger.notes import Note
from assay.ledger.place import Place
from assay.ledger.signing import provable


@dataclass(frozen=True)
class Inclusion:
    """Where an entry lies in an anchored head, as contracts take it.

    Parameters
    ----------
    leaf
        RFC 6962 leaf hash of the entry, 32 bytes.
    index
        Its index.
    size
        Size of the anchored head.
    path
        RFC 6962 inclusion proof, 32 bytes each.
    """

    leaf: bytes
    index: int
    size: int
    path: tuple[bytes, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, as a call's argument ``entry``."""
        return {
            "leaf": "0x" + self.leaf.hex(),
            "index": self.index,
            "size": self.size,
            "path": ["0x" + one.hex() for one in self.path],
        }


def own_request(place: Place, deployment: Deployment, log: LogAnchor, there: OnChain) -> HeadRequest | None:
    """What to ask the signers about: the published head that has its quorum; None when it is anchored.

    Parameters
    ----------
    place
        The plant's log.
    deployment, log
        Where the anchor contract is, and the log as it is registered there.
    there
        What the chain has of it.

    Raises
    ------
    ChainError
        ``not_consistent``: the anchored head is larger than the log, or of another one.
    LogError
        Nothing is signed yet.
    """
    note = _published(place)
    seen = Checkpoint.parse(note.text)
    tree = Derived(place.folder).tree(seen.size)
    try:
        if seen.size < there.size or (there.size and tree.root(0, there.size) != there.root):
            raise VerificationError.of("not_consistent", old=there.size, new=seen.size)
    except VerificationError as problem:
        raise ChainError.of(
            "not_consistent", size=seen.size, previous=there.size, said=problem.message
        ) from None
    if seen.size == there.size:
        return None
    proof = tuple(tree.consistency(there.size)) if there.size else ()
    if deployment.anchor is None:
        raise ChainError.of("not_deployed", what="EvidenceAnchor", chain_id=deployment.chain_id)
    return HeadRequest(deployment.chain_id, deployment.anchor, log.registrant, bytes(note), there.size, proof)


def inclusion(place: Place, index: int, there: OnChain) -> Inclusion:
    """Where entry ``index`` lies in the head that is anchored.

    Raises
    ------
    ChainError
        ``not_anchored``: no anchored head covers it; ``not_consistent``: the anchored head is of another log.
    """
    origin = place.public_key().name
    if not 0 <= index < there.size:
        raise ChainError.of("not_anchored", index=index, origin=origin, size=there.size)
    derived = Derived(place.folder)
    size = Checkpoint.parse(_published(place).text).size
    if size < there.size or derived.tree(size).root(0, there.size) != there.root:
        raise ChainError.of("not_consistent", size=size, previous=there.size, said=origin)
    path = tuple(derived.tree(there.size).inclusion(index))
    return Inclusion(leaf_hash(derived.entry(index, size)), index, there.size, path)


def _published(place: Place) -> Note:
    published = Derived(place.folder).published()
    if published is None:
        raise LogError.of("not_covered", index=0, size=0)
    return provable(place, published[0], 0)
