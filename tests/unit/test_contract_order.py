"""The purchase order: money moves on accepted evidence, is never made or lost, and never waits for ever."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from eth_utils import keccak
from tests.consortium import (
    ARBITER,
    AUTHORITY,
    BUYER,
    DAY,
    INSPECTOR,
    OWNER,
    SELLER,
    STRANGER,
    Consortium,
    encode_terms,
    leaf_hash,
    tree_path,
    tree_root,
)
from tests.evm import Contract, Evm, Reverted, account

OFFERED, FUNDED, DELIVERED, DISPUTED, CLOSED, CANCELLED = range(1, 7)
LEAVES = [leaf_hash(b"disposition %d" % n) for n in range(11)]


@pytest.fixture
def consortium() -> Consortium:
    made = Consortium(quorum=1)
    made.anchor_head(len(LEAVES), tree_root(LEAVES))
    return made


def entry(index: int) -> tuple[bytes, int, int, list[bytes]]:
    """The inclusion of a leaf as the contract takes it."""
    return LEAVES[index], index, len(LEAVES), tree_path(index, LEAVES)


def settle(at: Consortium, order: Contract, index: int, accepted: int, rejected: int, **signed: Any) -> None:
    order.send(
        STRANGER.address,
        "settle",
        entry(index),
        at.verdict(order, LEAVES[index], accepted, rejected, **signed),
    )


def refused(error: str, call: Callable[..., Any], *given: Any, **named: Any) -> Reverted:
    with pytest.raises(Reverted) as caught:
        call(*given, **named)
    assert caught.value.name == error, caught.value
    return caught.value


def credits_of(order: Contract) -> tuple[int, int]:
    return order.look("credit", SELLER.address), order.look("credit", BUYER.address)


def held(at: Consortium, of: Any) -> int:
    return int(at.token.look("balanceOf", getattr(of, "address", of)))


def test_accepted_goods_are_paid_and_fetched(consortium: Consortium) -> None:
    order = consortium.delivered()
    assert held(consortium, order) == 700
    settle(consortium, order, 3, 100, 0)
    assert (order.look("state"), credits_of(order)) == (CLOSED, (700, 0))
    order.send(SELLER.address, "withdraw", account(60).address)
    assert (held(consortium, order), held(consortium, account(60))) == (0, 700)
    refused("NothingToWithdraw", order.send, SELLER.address, "withdraw", SELLER.address)


def test_parts_are_settled_one_by_one_and_paid_at_once(consortium: Consortium) -> None:
    order = consortium.delivered()
    settle(consortium, order, 0, 30, 10)
    assert (order.look("state"), credits_of(order)) == (DELIVERED, (210, 70))
    order.send(SELLER.address, "withdraw", SELLER.address)
    assert refused("MoreThanOpen", settle, consortium, order, 1, 61, 0).values == (61, 60)
    refused("MoreThanOpen", settle, consortium, order, 1, 0, 0)
    settle(consortium, order, 1, 0, 60)
    assert (order.look("state"), credits_of(order)) == (CLOSED, (0, 490))
    refused("WrongState", settle, consortium, order, 2, 1, 0)


def test_a_leaf_counts_once_in_all_orders_that_trust_the_same_inspectors(consortium: Consortium) -> None:
    order, other = consortium.delivered(), consortium.delivered()
    settle(consortium, order, 0, 50, 0)
    assert refused("LeafUsed", settle, consortium, order, 0, 50, 0).values[0] == LEAVES[0]
    refused("LeafUsed", settle, consortium, other, 0, 50, 0)
    settle(consortium, other, 1, 50, 0)


def test_strangers_with_inspectors_of_their_own_use_up_nobodys_leaves(consortium: Consortium) -> None:
    order = consortium.delivered()
    trusted = consortium.inspectors
    consortium.inspectors = consortium.create(
        "InspectorRegistry", STRANGER, bytes(12) + bytes.fromhex(STRANGER.address[2:])
    )
    consortium.inspectors.send(STRANGER.address, "appoint", STRANGER.address, consortium.evm.now + DAY)
    theirs = consortium.delivered()
    settle(consortium, theirs, 0, 1, 0, key=STRANGER)
    consortium.inspectors = trusted
    settle(consortium, order, 0, 100, 0)


@pytest.mark.parametrize(
    ("signed", "error"),
    [
        ({"key": STRANGER}, "NotAnInspector"),
        ({"key": SELLER}, "NotAnInspector"),
        ({"chain_id": 77}, "NotAnInspector"),
        ({"contract": "0x" + "11" * 20}, "NotAnInspector"),
        ({"log_id": bytes(31) + b"\x01"}, "NotAnInspector"),
        ({"deadline": 1_700_000_000}, "AttestationExpired"),
    ],
    ids=["stranger", "seller", "other-chain", "other-contract", "other-log", "expired"],
)
def test_other_attestations_are_refused(consortium: Consortium, signed: dict[str, Any], error: str) -> None:
    order = consortium.delivered()
    refused(error, settle, consortium, order, 0, 100, 0, **signed)
    assert credits_of(order) == (0, 0)


def test_quantities_and_leaf_are_those_that_were_signed(consortium: Consortium) -> None:
    order = consortium.delivered()
    accepted, rejected, deadline, signature = consortium.verdict(order, LEAVES[0], 40, 60)
    send = lambda *given: order.send(SELLER.address, "settle", *given)  # noqa: E731
    refused("NotAnInspector", send, entry(0), (rejected, accepted, deadline, signature))
    refused("NotAnInspector", send, entry(1), (accepted, rejected, deadline, signature))
    refused("NotAnInspector", send, entry(0), (accepted, rejected, deadline + 1, signature))
    send(entry(0), (accepted, rejected, deadline, signature))


def test_only_what_is_anchored_in_the_log_of_the_order_counts(consortium: Consortium) -> None:
    order = consortium.delivered()
    given = consortium.verdict(order, LEAVES[0], 100, 0)
    leaf, index, size, path = entry(0)
    send = lambda proof: order.send(SELLER.address, "settle", proof, given)  # noqa: E731
    refused("NotIncluded", send, (leaf, index + 1, size, path))
    refused("NotIncluded", send, (leaf, index, size + 1, path))
    refused("NotIncluded", send, (leaf, index, size, path[:-1]))
    main = consortium.log_id
    consortium.log_id = consortium.anchor.send(
        OWNER.address, "register", "plant.example/refused", [STRANGER.address], 1
    )
    theirs = consortium.delivered()
    consortium.log_id = main
    signed = consortium.verdict(theirs, LEAVES[0], 100, 0, log_id=theirs.look("logId"))
    refused("NotIncluded", theirs.send, SELLER.address, "settle", entry(0), signed)


def test_dismissed_and_expired_inspectors_count_no_more(consortium: Consortium) -> None:
    order = consortium.delivered()
    consortium.inspectors.send(AUTHORITY.address, "dismiss", INSPECTOR.address)
    refused("NotAnInspector", settle, consortium, order, 0, 100, 0)
    consortium.inspectors.send(AUTHORITY.address, "appoint", INSPECTOR.address, consortium.evm.now + 60)
    consortium.evm.wait(61)
    refused("NotAnInspector", settle, consortium, order, 0, 100, 0)


def test_a_seller_who_is_an_inspector_does_not_judge_its_own_goods(consortium: Consortium) -> None:
    consortium.inspectors.send(AUTHORITY.address, "appoint", SELLER.address, consortium.evm.now + 30 * DAY)
    order = consortium.delivered()
    refused("NotAnInspector", settle, consortium, order, 0, 100, 0, key=SELLER)


@pytest.mark.parametrize(
    ("seconds", "late"),
    [(10 * DAY, 0), (10 * DAY + 1, 100), (11 * DAY, 100), (11 * DAY + 1, 200), (15 * DAY, 500)],
)
def test_late_goods_cost_the_seller_what_was_agreed(consortium: Consortium, seconds: int, late: int) -> None:
    order = consortium.funded()
    consortium.evm.wait(seconds)
    order.send(SELLER.address, "deliver", keccak(text="note"))
    assert order.look("late") == late
    settle(consortium, order, 0, 99, 1)
    fine = 99 * 7 * late // 10_000
    assert credits_of(order) == (99 * 7 - fine, 7 + fine)


def test_too_late_goods_are_not_taken_and_the_buyer_gets_all_back(consortium: Consortium) -> None:
    order = consortium.funded()
    consortium.evm.wait(15 * DAY)
    refused("TooEarly", order.send, STRANGER.address, "expire")
    consortium.evm.wait(1)
    refused("TooLate", order.send, SELLER.address, "deliver", bytes(32))
    order.send(STRANGER.address, "expire")
    assert (order.look("state"), credits_of(order)) == (CANCELLED, (0, 700))


def test_an_offer_nobody_funds_ends(consortium: Consortium) -> None:
    order = consortium.order(creator=SELLER)
    refused("NotAllowed", order.send, SELLER.address, "fund")
    consortium.evm.wait(DAY + 1)
    refused("TooLate", order.send, BUYER.address, "fund")
    order.send(STRANGER.address, "expire")
    assert order.look("state") == CANCELLED
    refused("WrongState", order.send, STRANGER.address, "expire")


@pytest.mark.parametrize("who", [BUYER, SELLER], ids=["buyer", "seller"])
def test_both_may_drop_an_offer(consortium: Consortium, who: Any) -> None:
    order = consortium.order()
    refused("NotAllowed", order.send, STRANGER.address, "cancel")
    order.send(who.address, "cancel")
    assert order.look("state") == CANCELLED


def test_a_seller_may_decline_a_paid_order_the_buyer_may_not(consortium: Consortium) -> None:
    order = consortium.funded()
    refused("NotAllowed", order.send, BUYER.address, "cancel")
    order.send(SELLER.address, "cancel")
    assert (order.look("state"), credits_of(order)) == (CANCELLED, (0, 700))
    refused("WrongState", order.send, SELLER.address, "cancel")


@pytest.mark.parametrize("who", [BUYER, SELLER], ids=["buyer", "seller"])
def test_the_arbiter_splits_what_is_still_open(consortium: Consortium, who: Any) -> None:
    order = consortium.delivered()
    settle(consortium, order, 0, 10, 0)
    refused("NotAllowed", order.send, ARBITER.address, "dispute")
    order.send(who.address, "dispute")
    refused("WrongState", settle, consortium, order, 1, 10, 0)
    refused("NotAllowed", order.send, who.address, "arbitrate", 10_000)
    refused("TermsInvalid", order.send, ARBITER.address, "arbitrate", 10_001)
    order.send(ARBITER.address, "arbitrate", 3_333)
    assert (order.look("state"), credits_of(order)) == (CLOSED, (70 + 209, 421))


def test_goods_nobody_inspects_go_to_the_arbiter_and_a_silent_one_means_the_agreed_split(
    consortium: Consortium,
) -> None:
    order = consortium.delivered()
    consortium.evm.wait(5 * DAY + 1)
    refused("TooLate", settle, consortium, order, 0, 100, 0)
    order.send(STRANGER.address, "expire")
    assert order.look("state") == DISPUTED
    consortium.evm.wait(7 * DAY)
    refused("TooEarly", order.send, STRANGER.address, "expire")
    consortium.evm.wait(1)
    refused("TooLate", order.send, ARBITER.address, "arbitrate", 10_000)
    order.send(STRANGER.address, "expire")
    assert (order.look("state"), credits_of(order)) == (CLOSED, (280, 420))


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"buyer": STRANGER.address, "seller": ARBITER.address, "arbiter": OWNER.address}, "NotAllowed"),
        ({"seller": BUYER.address}, "TermsInvalid"),
        ({"arbiter": SELLER.address}, "TermsInvalid"),
        ({"arbiter": "0x" + "00" * 20}, "TermsInvalid"),
        ({"seller": "0x" + "00" * 20}, "TermsInvalid"),
        ({"token": STRANGER.address}, "TokenNotAllowed"),
        ({"inspectors": STRANGER.address}, "TermsInvalid"),
        ({"logId": bytes(32)}, "TermsInvalid"),
        ({"unitPrice": 0}, "TermsInvalid"),
        ({"quantity": 0}, "TermsInvalid"),
        ({"fundBy": 1}, "TermsInvalid"),
        ({"deliverBy": 1_800_000_000}, "TermsInvalid"),
        ({"deliverBy": (1 << 40) - 1}, "TermsInvalid"),
        ({"inspectSeconds": 0}, "TermsInvalid"),
        ({"arbitrateSeconds": 0}, "TermsInvalid"),
        ({"latePerDay": 501}, "TermsInvalid"),
        ({"lateMost": 10_001}, "TermsInvalid"),
        ({"sellerShareIfSilent": 10_001}, "TermsInvalid"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_terms_that_could_hurt_are_refused(
    consortium: Consortium, changed: dict[str, Any], error: str
) -> None:
    refused(error, consortium.order, **changed)


def test_the_largest_price_does_not_overflow(consortium: Consortium) -> None:
    order = consortium.delivered(unitPrice=(1 << 128) - 1, quantity=(1 << 64) - 1)
    settle(consortium, order, 0, (1 << 64) - 1, 0)
    order.send(SELLER.address, "withdraw", SELLER.address)
    assert held(consortium, order) == 0


@pytest.mark.parametrize("to", ["order", "zero"])
def test_nothing_is_withdrawn_to_where_it_would_be_lost(consortium: Consortium, to: str) -> None:
    order = consortium.delivered()
    settle(consortium, order, 0, 100, 0)
    where = order.address if to == "order" else "0x" + "00" * 20
    refused("TermsInvalid", order.send, SELLER.address, "withdraw", where)


def test_a_token_that_keeps_a_fee_can_fund_nothing() -> None:
    consortium = Consortium(quorum=1, token_name="FeeToken")
    told = refused("TokenTakesFee", consortium.funded)
    assert told.values == (700, 693)
    assert held(consortium, BUYER) == 700


def test_a_token_taken_off_the_list_holds_up_no_order_that_has_it(consortium: Consortium) -> None:
    consortium.anchor_head(12, tree_root([*LEAVES, LEAVES[0]]))
    order = consortium.funded()
    consortium.registry.send(OWNER.address, "allowToken", consortium.token.address, False)
    refused("TokenNotAllowed", consortium.order)
    order.send(SELLER.address, "deliver", bytes(32))
    settle(consortium, order, 0, 100, 0)
    order.send(SELLER.address, "withdraw", SELLER.address)


def test_a_token_that_calls_back_takes_nothing_twice() -> None:
    consortium = Consortium(quorum=1, token_name="CallingToken")
    consortium.anchor_head(len(LEAVES), tree_root(LEAVES))
    puppet = consortium.evm.deploy("Puppet")
    order, other = (consortium.funded(seller=puppet.address) for _ in range(2))
    puppet.send(SELLER.address, "act", order.address, order.data("deliver", bytes(32)))
    settle(consortium, order, 0, 50, 0)
    again = order.data("withdraw", puppet.address)
    consortium.token.send(STRANGER.address, "aim", puppet.address, puppet.data("act", order.address, again))
    puppet.send(STRANGER.address, "act", order.address, again)
    assert not consortium.token.look("cameThrough")
    assert (held(consortium, puppet), held(consortium, order), held(consortium, other)) == (350, 350, 700)


def test_a_token_that_calls_back_while_it_funds_makes_no_money() -> None:
    consortium = Consortium(quorum=1, token_name="CallingToken")
    puppet = consortium.evm.deploy("Puppet")
    order = consortium.order(seller=puppet.address)
    consortium.token.send(OWNER.address, "mint", BUYER.address, 700)
    consortium.token.send(BUYER.address, "approve", order.address, 700)
    cancel = puppet.data("act", order.address, order.data("cancel"))
    consortium.token.send(STRANGER.address, "aim", puppet.address, cancel)
    order.send(BUYER.address, "fund")
    assert consortium.token.look("cameThrough")
    assert (order.look("state"), held(consortium, order)) == (CANCELLED, 700)
    order.send(BUYER.address, "withdraw", BUYER.address)
    assert held(consortium, BUYER) == 700


def test_an_implementation_and_an_instance_are_set_up_by_the_registry_alone(consortium: Consortium) -> None:
    params = encode_terms("PurchaseOrder", consortium.terms())
    implementation = consortium.registry.look("templates", consortium.ids["PurchaseOrder"])[0]
    locked = Contract(consortium.evm, "PurchaseOrder", implementation)
    assert refused("Error", locked.send, BUYER.address, "initialise", BUYER.address, params).values == (
        "Initializable: contract is already initialized",
    )
    order = consortium.order()
    refused("Error", order.send, BUYER.address, "initialise", BUYER.address, params)
    assert locked.look("state") == 0
    for call in (("fund",), ("cancel",), ("expire",), ("deliver", bytes(32)), ("dispute",), ("arbitrate", 1)):
        refused("WrongState", locked.send, BUYER.address, *call)


def test_the_same_order_on_another_chain_takes_no_attestation_of_this_one(consortium: Consortium) -> None:
    there = Consortium(Evm(chain_id=2), quorum=1)
    there.anchor_head(len(LEAVES), tree_root(LEAVES))
    order, twin = consortium.delivered(), there.delivered()
    assert order.address == twin.address
    signed = consortium.verdict(order, LEAVES[0], 100, 0)
    refused("NotAnInspector", twin.send, SELLER.address, "settle", entry(0), signed)
    order.send(SELLER.address, "settle", entry(0), signed)
