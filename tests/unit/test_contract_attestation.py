"""The inspection attestation, the inspectors' registry and the registry of templates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from eth_abi import encode
from eth_utils import keccak
from tests.consortium import (
    AUTHORITY,
    BUYER,
    DAY,
    INSPECTOR,
    OWNER,
    STRANGER,
    Consortium,
    encode_terms,
    leaf_hash,
    tree_path,
    tree_root,
)
from tests.evm import Contract, Reverted

ORDERED, ATTESTED, CONTESTED, STANDING, REVOKED, LAPSED = range(1, 7)
LEAVES = [leaf_hash(b"disposition %d" % n) for n in range(5)]
NOTHING = (False, 0, 0, bytes(32))


@pytest.fixture
def consortium() -> Consortium:
    made = Consortium(quorum=1)
    made.anchor_head(len(LEAVES), tree_root(LEAVES))
    return made


def refused(error: str, call: Callable[..., Any], *given: Any, **named: Any) -> Reverted:
    with pytest.raises(Reverted) as caught:
        call(*given, **named)
    assert caught.value.name == error, caught.value
    return caught.value


def ordered(at: Consortium, *, creator: Any = BUYER, **changed: Any) -> Contract:
    terms = {
        "client": BUYER.address,
        "inspectors": at.inspectors.address,
        "logId": at.log_id,
        "subject": keccak(text="a salted lot"),
        "quantity": 50,
        "attestBy": at.evm.now + 3 * DAY,
        "contestSeconds": DAY,
        "rulingSeconds": 2 * DAY,
        "standsIfSilent": False,
    }
    return at.create("InspectionAttestation", creator, encode_terms("InspectionAttestation", terms | changed))


def attest(
    at: Consortium, to: Contract, index: int = 0, accepted: int = 45, rejected: int = 5, **signed: Any
) -> None:
    proof = (LEAVES[index], index, len(LEAVES), tree_path(index, LEAVES))
    to.send(STRANGER.address, "attest", proof, at.verdict(to, LEAVES[index], accepted, rejected, **signed))


def test_an_attestation_stands_when_nobody_contests_it(consortium: Consortium) -> None:
    made = ordered(consortium)
    assert made.look("state") == ORDERED
    refused("TermsInvalid", attest, consortium, made, 0, 45, 4)
    refused("NotAnInspector", attest, consortium, made, key=STRANGER)
    attest(consortium, made)
    assert (made.look("state"), made.look("result")) == (ATTESTED, NOTHING)
    assert made.look("inspector").lower() == INSPECTOR.address.lower()
    refused("TooEarly", made.send, STRANGER.address, "expire")
    consortium.evm.wait(DAY + 1)
    refused("TooLate", made.send, BUYER.address, "contest", bytes(32))
    made.send(STRANGER.address, "expire")
    assert (made.look("state"), made.look("result")) == (STANDING, (True, 45, 5, LEAVES[0]))
    refused("WrongState", attest, consortium, made, 1)


@pytest.mark.parametrize("stands", [True, False])
def test_the_authority_rules_on_what_the_client_contests(consortium: Consortium, stands: bool) -> None:
    made = ordered(consortium)
    attest(consortium, made)
    refused("NotAllowed", made.send, STRANGER.address, "contest", bytes(32))
    made.send(BUYER.address, "contest", keccak(text="the gauge was broken"))
    refused("NotAllowed", made.send, BUYER.address, "rule", False)
    made.send(AUTHORITY.address, "rule", stands)
    assert made.look("result")[0] is stands
    assert made.look("state") == (STANDING if stands else REVOKED)


@pytest.mark.parametrize("stands", [True, False])
def test_a_silent_authority_means_what_was_agreed(consortium: Consortium, stands: bool) -> None:
    made = ordered(consortium, standsIfSilent=stands)
    attest(consortium, made)
    made.send(BUYER.address, "contest", bytes(32))
    consortium.evm.wait(2 * DAY + 1)
    refused("TooLate", made.send, AUTHORITY.address, "rule", True)
    made.send(STRANGER.address, "expire")
    assert made.look("result")[0] is stands


def test_an_order_nobody_attests_lapses_and_the_client_may_take_it_back(consortium: Consortium) -> None:
    made, other = ordered(consortium), ordered(consortium)
    refused("NotAllowed", other.send, STRANGER.address, "cancel")
    other.send(BUYER.address, "cancel")
    consortium.evm.wait(3 * DAY + 1)
    refused("TooLate", attest, consortium, made)
    made.send(STRANGER.address, "expire")
    assert (made.look("state"), other.look("state")) == (LAPSED, LAPSED)
    refused("WrongState", made.send, STRANGER.address, "expire")


def test_a_leaf_attested_once_still_settles_an_order(consortium: Consortium) -> None:
    attest(consortium, ordered(consortium))
    refused("LeafUsed", attest, consortium, ordered(consortium))
    order = consortium.delivered()
    proof = (LEAVES[0], 0, len(LEAVES), tree_path(0, LEAVES))
    order.send(STRANGER.address, "settle", proof, consortium.verdict(order, LEAVES[0], 100, 0))


@pytest.mark.parametrize(
    "changed",
    [
        {"client": STRANGER.address},
        {"inspectors": STRANGER.address},
        {"logId": bytes(32)},
        {"quantity": 0},
        {"attestBy": 5},
        {"contestSeconds": 0},
        {"rulingSeconds": 0},
    ],
    ids=lambda value: next(iter(value)),
)
def test_terms_that_make_no_sense_are_refused(consortium: Consortium, changed: dict[str, Any]) -> None:
    refused("TermsInvalid", ordered, consortium, **changed)


def test_only_the_authority_appoints_and_it_is_handed_over_in_two_steps(consortium: Consortium) -> None:
    inspectors, later = consortium.inspectors, consortium.evm.now + DAY
    refused("NotAllowed", inspectors.send, STRANGER.address, "appoint", STRANGER.address, later)
    refused("NotAllowed", inspectors.send, STRANGER.address, "dismiss", INSPECTOR.address)
    refused(
        "TooLate", inspectors.send, AUTHORITY.address, "appoint", STRANGER.address, consortium.evm.now - 1
    )
    refused("TermsInvalid", inspectors.send, AUTHORITY.address, "appoint", "0x" + "00" * 20, later)
    refused("NotAllowed", inspectors.send, STRANGER.address, "takeAuthority")
    inspectors.send(AUTHORITY.address, "offerAuthority", STRANGER.address)
    inspectors.send(AUTHORITY.address, "appoint", BUYER.address, later)
    inspectors.send(STRANGER.address, "takeAuthority")
    refused("NotAllowed", inspectors.send, AUTHORITY.address, "appoint", BUYER.address, later)
    inspectors.send(STRANGER.address, "dismiss", BUYER.address)
    assert not inspectors.look("isInspector", BUYER.address)


def test_the_registry_offers_what_its_owner_published_for_it(consortium: Consortium) -> None:
    registry, owner = consortium.registry, OWNER.address
    other = consortium.evm.deploy("TemplateRegistry")
    foreign = consortium.evm.deploy("InspectorRegistry", other.address)
    ours = consortium.evm.deploy("InspectorRegistry", registry.address)
    params = encode(["address"], [AUTHORITY.address])
    refused("NotForThisRegistry", registry.send, owner, "publish", "foreign/1", foreign.address, bytes(32))
    refused("NotAContract", registry.send, owner, "publish", "nobody/1", STRANGER.address, bytes(32))
    refused("TemplateExists", registry.send, owner, "publish", "PurchaseOrder/1", ours.address, bytes(32))
    assert (
        "owner"
        in refused(
            "Error", registry.send, STRANGER.address, "publish", "ours/1", ours.address, bytes(32)
        ).values[0]
    )
    name = registry.send(owner, "publish", "ours/1", ours.address, bytes(32))
    assert name == keccak(text="ours/1")
    registry.send(STRANGER.address, "create", name, params)
    registry.send(owner, "retire", name)
    refused("TemplateRetired", registry.send, STRANGER.address, "create", name, params)
    refused("TemplateUnknown", registry.send, STRANGER.address, "create", bytes(32), params)
    refused("TemplateUnknown", registry.send, owner, "retire", bytes(32))
    refused("NotAContract", registry.send, owner, "allowToken", STRANGER.address, True)
    refused("NotAnInstance", registry.send, STRANGER.address, "useLeaf", bytes(32), bytes(32))


def test_an_instance_is_a_minimal_proxy_of_the_published_code(consortium: Consortium) -> None:
    code = bytes(consortium.evm.engine.get_code(consortium.order().address))
    implementation = consortium.registry.look("templates", consortium.ids["PurchaseOrder"])[0]
    # EIP-1167: the address between ten and fifteen fixed bytes.
    assert (
        code.rstrip(b"\0").hex()
        == f"363d3d373d3d3d363d73{implementation[2:].lower()}5af43d82803e903d91602b57fd5bf3"
    )
