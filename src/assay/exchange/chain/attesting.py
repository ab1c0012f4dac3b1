"""An inspector's attestation of a disposition, after everything that can be checked was checked."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from assay.exchange.chain.errors import ChainError
from assay.exchange.chain.instances import template_at
from assay.exchange.chain.keys import TypedDomain, log_id_of, sign_disposition
from assay.exchange.chain.link import Link
from assay.exchange.chain.settings import Deployment
from assay.exchange.chain.templates import installed
from assay.ledger.checkpoint import Checkpoint
from assay.ledger.entries import Entry, Individual
from assay.ledger.merkle import leaf_hash
from assay.ledger.policy import Policy
from assay.ledger.proving import Proved, read_proofs

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount


@dataclass(frozen=True)
class Attested:
    """What an inspector signed.

    Parameters
    ----------
    index
        Index of the disposition in the log.
    leaf
        Its RFC 6962 leaf hash, 32 bytes.
    shown
        The fields of it that the file shows.
    verdict
        The argument ``verdict`` of the contract's call.
    """

    index: int
    leaf: bytes
    shown: dict[str, Any]
    verdict: dict[str, Any]


def attest(  # noqa: PLR0917
    link: Link,
    deployment: Deployment,
    address: str,
    proof: bytes,
    policy: Policy,
    key: LocalAccount,
    quantities: tuple[int, int],
    deadline: str,
) -> Attested:
    """Sign for the disposition that a file proves, for one contract, quantity and deadline.

    Parameters
    ----------
    link, deployment
        The chain and what lies there.
    address
        The contract.
    proof
        A proof (tlog-proof) of the disposition entry.
    policy
        Whose checkpoints the inspector believes.
    key
        The inspector's account.
    quantities
        Accepted and rejected, in the contract's unit.
    deadline
        Until when the contract takes it: ISO 8601 with an offset.

    Raises
    ------
    LedgerError
        The proof does not hold under the policy.
    ChainError
        ``not_a_disposition``; ``other_log`` than the contract settles on; ``not_an_inspector``;
        ``deadline_invalid``; ``no_evidence`` for a template that takes none; ``nothing_shown`` when the
        proof shows no field.
    """
    template = template_at(link, deployment, installed(), address)
    ends = _second(deadline)
    one, origin = _disposition(proof, policy)
    contract = link.at(template.artifact, address)
    evidence = next(iter(template.document["evidence"].values()), None)
    if evidence is None or template.document["signing_domain"] is None:
        raise ChainError.of("no_evidence", template=template.name)
    log_id = bytes(link.read(contract.get_function_by_name(evidence["log"])()))
    known = {log_id_of(log.registrant, log.origin): log.origin for log in deployment.logs}
    if known.get(log_id) != origin:
        given = next(("0x" + each.hex() for each, name in known.items() if name == origin), "?")
        raise ChainError.of("other_log", origin=origin, given=given, wanted="0x" + log_id.hex())
    registry = str(link.read(contract.get_function_by_name(evidence["attested_by"])()))
    if not link.read(link.at("InspectorRegistry", registry).functions.isInspector(key.address)):
        raise ChainError.of("not_an_inspector", address=key.address, registry=registry)
    shown = {name: value for each in one.values() for name, value in each.items()}
    if not shown:
        raise ChainError.of("nothing_shown", index=one.index)
    leaf = leaf_hash(one.entry)
    domain = TypedDomain(template.document["signing_domain"], link.settings.chain_id, contract.address)
    signature = sign_disposition(key, domain, log_id, leaf, quantities, ends)
    verdict = {
        "accepted": quantities[0],
        "rejected": quantities[1],
        "deadline": ends,
        "signature": "0x" + signature.hex(),
    }
    return Attested(one.index, leaf, shown, verdict)


def _disposition(proof: bytes, policy: Policy) -> tuple[Proved, str]:
    """The one disposition that a file proves, and the origin of its log."""
    note, proved = read_proofs(proof)
    believed = policy.check(note).checkpoint
    for each in proved:
        each.check(believed.size, believed.root)
        said = Entry.parse(each.entry).signed.body_of(check=False)
        policy.check_issuer(said.issuer, each.index, said.record_time)
    body = Entry.parse(proved[0].entry).signed.body_of(check=False)
    if len(proved) != 1 or not isinstance(body, Individual) or body.kind != "disposition":
        raise ChainError.of("not_a_disposition", index=proved[0].index)
    return proved[0], Checkpoint.parse(note.text).origin


def _second(deadline: str) -> int:
    try:
        moment = datetime.fromisoformat(deadline)
    except ValueError:
        raise ChainError.of("deadline_invalid", value=deadline) from None
    if moment.tzinfo is None or moment.timestamp() <= time.time():
        raise ChainError.of("deadline_invalid", value=deadline)
    return int(moment.timestamp())
