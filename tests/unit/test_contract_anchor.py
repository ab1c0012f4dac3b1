"""The anchor contract: only a larger head, only by the quorum, only here; inclusion by RFC 6962."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from eth_utils import keccak
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.consortium import (
    OWNER,
    SIGNERS,
    STRANGER,
    Consortium,
    domain,
    leaf_hash,
    sign_typed,
    tree_path,
    tree_root,
)
from tests.evm import Evm, Reverted, account

CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
ROOT = hashlib.sha256(b"a root").digest()


@pytest.fixture
def consortium() -> Consortium:
    return Consortium()


def anchor(at: Consortium, size: int, signatures: bytes, root: bytes = ROOT) -> None:
    at.anchor.send(STRANGER.address, "anchor", at.log_id, size, root, signatures)


def refused(error: str, call: Callable[..., Any], *given: Any) -> Reverted:
    with pytest.raises(Reverted) as caught:
        call(*given)
    assert caught.value.name == error
    return caught.value


def high_s(signature: bytes) -> bytes:
    """The other signature of the same key and message."""
    s = CURVE_ORDER - int.from_bytes(signature[32:64], "big")
    return signature[:32] + s.to_bytes(32, "big") + bytes([55 - signature[64]])


def test_the_id_of_a_log_is_the_keccak_of_registrant_and_origin(consortium: Consortium) -> None:
    assert consortium.log_id == keccak(bytes.fromhex(OWNER.address[2:]) + b"plant.example/main")


def test_a_head_needs_the_quorum_and_grows(consortium: Consortium) -> None:
    anchor(consortium, 5, consortium.head_signatures(5, ROOT))
    assert consortium.anchor.look("rootAt", consortium.log_id, 5) == ROOT
    assert consortium.anchor.look("logs", consortium.log_id) == (5, 1, 3, 5)
    for size in (0, 4, 5):
        told = refused("SizeNotGrown", anchor, consortium, size, consortium.head_signatures(size, ROOT))
        assert told.values == (5, size)
    anchor(consortium, 6, consortium.head_signatures(6, ROOT, SIGNERS[2:5]))


@pytest.mark.parametrize(
    ("how", "error"),
    [
        (lambda c: c.head_signatures(9, ROOT, SIGNERS[:2]), "SignaturesWanted"),
        (lambda c: c.head_signatures(9, ROOT, SIGNERS[:4]), "SignaturesWanted"),
        (lambda c: c.head_signatures(9, ROOT)[:-1], "SignaturesWanted"),
        (lambda c: c.head_signatures(9, ROOT, [SIGNERS[0]] * 3), "SignersNotAscending"),
        (lambda c: c.head_signatures(9, ROOT, [SIGNERS[1], SIGNERS[0], SIGNERS[2]]), "SignersNotAscending"),
        (lambda c: c.head_signatures(8, ROOT), "NotASigner"),
        (lambda c: c.head_signatures(9, ROOT, chain_id=c.evm.chain_id + 1), "NotASigner"),
        (lambda c: c.head_signatures(9, ROOT, contract=c.registry.address), "NotASigner"),
        (lambda c: high_s(c.head_signatures(9, ROOT)[:65]) + c.head_signatures(9, ROOT)[65:], "Error"),
        (lambda c: bytes(64) + b"\x1b" + c.head_signatures(9, ROOT)[65:], "Error"),
        (lambda c: c.head_signatures(9, ROOT)[:64] + b"\x1d" + c.head_signatures(9, ROOT)[65:], "Error"),
    ],
    ids=[
        "too-few",
        "too-many",
        "cut",
        "one-thrice",
        "out-of-order",
        "other-size",
        "other-chain",
        "other-contract",
        "high-s",
        "zero-address",
        "v-29",
    ],
)
def test_other_signatures_are_refused(
    consortium: Consortium, how: Callable[[Consortium], bytes], error: str
) -> None:
    with pytest.raises(Reverted) as caught:
        anchor(consortium, 9, how(consortium))
    # What another message recovers to is anyone, who may as well break the order.
    assert caught.value.name == error or {caught.value.name, error} == {"NotASigner", "SignersNotAscending"}
    assert consortium.anchor.look("logs", consortium.log_id)[0] == 0


def test_a_high_s_is_told_by_its_name(consortium: Consortium) -> None:
    signatures = consortium.head_signatures(9, ROOT)
    told = refused("Error", anchor, consortium, 9, high_s(signatures[:65]) + signatures[65:])
    assert "'s' value" in told.values[0]


def test_signatures_of_another_chain_do_not_count_where_all_addresses_agree() -> None:
    here, there = Consortium(Evm(chain_id=1)), Consortium(Evm(chain_id=2))
    assert (here.anchor.address, here.log_id) == (there.anchor.address, there.log_id)
    signatures = here.head_signatures(9, ROOT)
    anchor(here, 9, signatures)
    with pytest.raises(Reverted):
        anchor(there, 9, signatures)


def test_an_empty_root_and_an_unknown_log_are_refused(consortium: Consortium) -> None:
    refused("RootEmpty", anchor, consortium, 9, consortium.head_signatures(9, bytes(32)), bytes(32))
    refused("LogUnknown", consortium.anchor.send, STRANGER.address, "anchor", bytes(32), 9, ROOT, b"")


@pytest.mark.parametrize(
    ("signers", "quorum", "error"),
    [
        ([], 0, "QuorumInvalid"),
        (SIGNERS[:2], 0, "QuorumInvalid"),
        (SIGNERS[:2], 3, "QuorumInvalid"),
        ([SIGNERS[0], SIGNERS[0]], 1, "SignersNotAscending"),
        ([SIGNERS[1], SIGNERS[0]], 1, "SignersNotAscending"),
        (
            sorted((account(n) for n in range(100, 133)), key=lambda one: int(one.address, 16)),
            1,
            "QuorumInvalid",
        ),
    ],
    ids=["none", "quorum-0", "quorum-beyond", "twice", "descending", "33"],
)
def test_bad_sets_of_signers_are_refused(
    consortium: Consortium, signers: list[Any], quorum: int, error: str
) -> None:
    addresses = [one.address for one in signers]
    refused(
        error, consortium.anchor.send, OWNER.address, "register", "plant.example/other", addresses, quorum
    )


def test_the_zero_address_is_never_a_signer(consortium: Consortium) -> None:
    addresses = ["0x" + "00" * 20, SIGNERS[0].address]
    refused(
        "SignersNotAscending",
        consortium.anchor.send,
        OWNER.address,
        "register",
        "plant.example/other",
        addresses,
        1,
    )


def test_nobody_registers_the_log_of_another_or_one_twice(consortium: Consortium) -> None:
    addresses = [one.address for one in SIGNERS]
    refused(
        "LogExists", consortium.anchor.send, OWNER.address, "register", "plant.example/main", addresses, 3
    )
    made = consortium.anchor.send(STRANGER.address, "register", "plant.example/main", addresses, 3)
    assert made != consortium.log_id


def rotation(
    at: Consortium, generation: int, quorum: int, signers: list[Any], by: list[Any]
) -> tuple[list[str], int, bytes]:
    fields = [("logId", "bytes32"), ("generation", "uint32"), ("quorum", "uint16"), ("signers", "address[]")]
    addresses = [one.address for one in signers]
    message = {"logId": at.log_id, "generation": generation, "quorum": quorum, "signers": addresses}
    where = domain("Assay Evidence Anchor", at.evm.chain_id, at.anchor.address)
    return addresses, quorum, b"".join(sign_typed(one, where, "Rotate", fields, message) for one in by)


def test_signers_rotate_by_the_present_quorum_once(consortium: Consortium) -> None:
    fresh = sorted((SIGNERS[0], account(30), account(31)), key=lambda one: int(one.address, 16))
    asked = rotation(consortium, 2, 2, fresh, SIGNERS[:3])
    refused(
        "SignaturesWanted",
        consortium.anchor.send,
        STRANGER.address,
        "rotate",
        consortium.log_id,
        *rotation(consortium, 2, 2, fresh, SIGNERS[:2]),
    )
    consortium.anchor.send(STRANGER.address, "rotate", consortium.log_id, *asked)
    assert [consortium.anchor.look("isSigner", consortium.log_id, one.address) for one in SIGNERS[:2]] == [
        True,
        False,
    ]
    with pytest.raises(Reverted):
        consortium.anchor.send(STRANGER.address, "rotate", consortium.log_id, *asked)
    refused("SignaturesWanted", anchor, consortium, 9, consortium.head_signatures(9, ROOT))
    anchor(consortium, 9, consortium.head_signatures(9, ROOT, fresh[:2]))


class _Lasting:
    """One chain for all examples; each head gets a log of its own, with one signer."""

    def __init__(self) -> None:
        self.world = Consortium(quorum=1)
        self.count = 0

    def anchor_next(self, root: bytes, size: int) -> None:
        self.count += 1
        self.world.log_id = self.world.anchor.send(
            OWNER.address, "register", f"log {self.count}", [SIGNERS[0].address], 1
        )
        self.world.anchor_head(size, root)

    def ask(self, size: int, index: int, leaf: bytes, path: list[bytes]) -> bool:
        return bool(self.world.anchor.look("includes", self.world.log_id, size, index, leaf, path))


@cache
def lasting() -> _Lasting:
    return _Lasting()


@settings(max_examples=60, deadline=None)
@given(size=st.integers(1, 70), data=st.data())
def test_inclusion_is_that_of_rfc_6962(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    leaves = [leaf_hash(b"entry %d" % number) for number in range(size)]
    path = tree_path(index, leaves)
    at = lasting()
    at.anchor_next(tree_root(leaves), size)
    ask = at.ask
    assert ask(size, index, leaves[index], path)
    wrong = data.draw(st.integers(0, size))
    assert wrong == index or not ask(size, wrong, leaves[index], path)
    assert not ask(size, index, leaf_hash(b"another"), path)
    assert not ask(size, index, leaves[index], [*path, bytes(32)])
    if path:
        assert not ask(size, index, leaves[index], path[:-1])
        level = data.draw(st.integers(0, len(path) - 1))
        assert not ask(
            size, index, leaves[index], [*path[:level], leaf_hash(path[level]), *path[level + 1 :]]
        )


def test_an_inner_node_is_no_leaf_and_sorted_keccak_pairs_are_no_tree(consortium: Consortium) -> None:
    leaves = [leaf_hash(bytes([n])) for n in range(4)]
    consortium.anchor_head(4, tree_root(leaves))
    ask = lambda *given: consortium.anchor.look("includes", consortium.log_id, *given)  # noqa: E731
    assert ask(4, 2, leaves[2], tree_path(2, leaves))
    assert not ask(4, 0, tree_root(leaves[:2]), [tree_root(leaves[2:])])
    assert not ask(3, 2, leaves[2], tree_path(2, leaves))
    pairs = [keccak(b"".join(sorted(leaves[n : n + 2]))) for n in (0, 2)]
    consortium.anchor_head(5, keccak(b"".join(sorted(pairs))))
    assert not ask(5, 0, leaves[0], [leaves[1], pairs[1]])
