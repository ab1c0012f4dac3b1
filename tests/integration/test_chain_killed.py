"""Anchoring killed for real at every step: each head is on the chain once, by one transaction."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.anvil_node import Anvil, anvil
from tests.integration.test_chain_anchoring import LEAVES, SIGNERS, Place

from assay.exchange.chain.anchoring import Anchorer, on_chain, root_at
from assay.exchange.chain.errors import ChainError
from assay.exchange.chain.keys import head_message, read_key
from assay.exchange.chain.link import Link
from assay.exchange.chain.queue import AnchorQueue, AnchorState
from assay.exchange.chain.rotating import Rotation
from assay.ledger.merkle import root_of

STEPS = (
    (Link, "sign"),
    (AnchorQueue, "record"),
    (Link, "send"),
    (Link, "receipt"),
    (AnchorQueue, "mark"),
    (AnchorQueue, "drop"),
)
"""What leaves a trace or asks for one; the process is killed before and after each call of these."""


@pytest.fixture(scope="module")
def node() -> Iterator[Anvil]:
    with anvil(chain_id=1981) as running:
        yield running


def killed(at: int, work: Callable[[], None]) -> bool:
    """Let a process of its own do ``work``, killed at the ``at``-th moment; False when it came to its end."""
    child = os.fork()
    if child == 0:
        try:
            count = 0

            def moment() -> None:
                nonlocal count
                if count == at:
                    os.kill(os.getpid(), signal.SIGKILL)
                count += 1

            for kind, name in STEPS:
                setattr(kind, name, _between(getattr(kind, name), moment))
            work()
        except BaseException:  # noqa: BLE001 - the child must not go on as a second test run
            os._exit(1)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "the process failed by itself"
    return os.WIFSIGNALED(status)


def _between(call: Any, moment: Callable[[], None]) -> Any:
    def watched(*given: Any, **named: Any) -> Any:
        moment()
        answer = call(*given, **named)
        moment()
        return answer

    return watched


def anchoring(place: Place, size: int, *, steps: int = 2) -> Callable[[], None]:
    """Queue a head and move it on, with connections and files of the process's own."""
    root = root_of(LEAVES[:size])
    message = head_message(1981, place.anchor, place.log_id, size, root)
    packed = b"".join(bytes(one.sign_message(message).signature) for one in SIGNERS[:2])

    def work() -> None:
        from assay.exchange.chain.heads import Head

        queue = AnchorQueue(place.tmp_path / "anchors.db")
        queue.put(Head(place.log_id, size, root), packed)
        link = Link(place.settings, read_key(place.settings.sender_key))
        for _ in range(steps):
            Anchorer(queue, link, place.anchor).step()

    return work


def anchored_sizes(place: Place) -> list[int]:
    """The sizes of the log's heads as the chain's events tell them, one for each."""
    event = place.link.at("EvidenceAnchor", place.anchor).events.Anchored
    return [one["args"]["size"] for one in place.link.logs(event, {"logId": place.log_id})]


def transactions(place: Place) -> int:
    """How many of the sender's transactions are mined."""
    return int(place.node.rpc("eth_getTransactionCount", place.link.sender.address, "latest"), 16)


def test_killed_at_every_step_the_head_is_anchored_once(node: Anvil, tmp_path: Path) -> None:
    place, size = Place(node, tmp_path, origin="plant.example/killed"), 0
    moments = 0
    while True:
        size, before = size + 1, transactions(place)
        hit = killed(moments, anchoring(place, size))
        assert killed(10**6, anchoring(place, size)) is False, "the next process goes on"
        assert transactions(place) == before + 1, f"moment {moments}: one transaction, no other"
        if not hit:
            break
        moments += 1
    assert moments >= 10, "signing, recording, sending, reading and marking are among them"
    assert anchored_sizes(place) == list(range(1, size + 1))
    assert {one.state for one in place.queue.heads()} == {AnchorState.FINAL}
    for queued in place.queue.heads():
        assert root_at(place.link, place.anchor, queued.head, second=True) == queued.head.root
    place.queue.close()


def test_killed_while_nothing_is_mined_no_second_transaction_is_made(node: Anvil, tmp_path: Path) -> None:
    place = Place(node, tmp_path, origin="plant.example/unmined")
    before = transactions(place)
    node.rpc("evm_setAutomine", False)
    try:
        moments = 0
        while killed(moments, anchoring(place, 7, steps=3)):
            moments += 1
        assert moments >= 8
        assert transactions(place) == before
        node.rpc("evm_mine")  # between two processes: the receipt is there before anybody asks for it
    finally:
        node.rpc("evm_setAutomine", True)
    killed(10**6, anchoring(place, 7))
    assert transactions(place) == before + 1
    assert anchored_sizes(place) == [7]
    assert [one.state for one in place.queue.heads()] == [AnchorState.FINAL]
    place.queue.close()


def test_two_processes_at_once_anchor_a_head_once(node: Anvil, tmp_path: Path) -> None:
    place = Place(node, tmp_path, origin="plant.example/both")
    node.rpc("evm_setAutomine", False)
    try:
        children = []
        for _ in range(3):
            child = os.fork()
            if child == 0:
                try:
                    anchoring(place, 9)()
                finally:
                    os._exit(0)
            children.append(child)
        for child in children:
            os.waitpid(child, 0)
        node.rpc("evm_mine")
    finally:
        node.rpc("evm_setAutomine", True)
    for _ in range(3):
        place.anchorer().step()
    assert anchored_sizes(place) == [9]
    assert [one.state for one in place.queue.heads()] == [AnchorState.FINAL]
    place.queue.close()


def test_a_rotation_that_was_killed_is_made_once(node: Anvil, tmp_path: Path) -> None:
    place = Place(node, tmp_path, origin="plant.example/rotated")
    wanted = [SIGNERS[2].address]
    files = []
    for number, signer in enumerate(SIGNERS[:2]):
        files.append(tmp_path / f"{number}.json")
        rotation = Rotation.next(place.link, place.anchor, place.log_id, wanted, 1)
        files[-1].write_text(rotation.signed(signer, 1981, place.anchor), "utf-8")

    def work() -> None:
        link = Link(place.settings, read_key(place.settings.sender_key))
        Rotation.next(link, place.anchor, place.log_id, wanted, 1).bring(link, place.anchor, files)

    assert killed(3, work), "killed when it was sent, before the receipt"
    with pytest.raises(ChainError) as caught:
        work()
    assert caught.value.reason == "same_signers"
    there = on_chain(place.link, place.anchor, place.log_id)
    assert (there.generation, there.quorum) == (2, 1)
    place.queue.close()


def test_a_node_that_reorganises_its_chain_gets_the_same_transaction_again(
    node: Anvil, tmp_path: Path
) -> None:
    from assay.exchange.chain.settings import Finality

    place = Place(node, tmp_path, origin="plant.example/forked", finality=Finality(kind="depth", blocks=4))
    head = place.put(5)
    place.anchorer().step()
    assert anchored_sizes(place) == [5]
    node.rpc("anvil_reorg", 1, [])  # the last block is replaced by an empty one
    told = place.anchorer().step()[0]
    assert told.state is AnchorState.SENT
    node.rpc("evm_mine")
    assert root_at(place.link, place.anchor, head) == head.root
    for _ in range(5):
        node.rpc("evm_mine")
    assert place.anchorer().step()[0].state is AnchorState.FINAL
    assert len(place.queue.sends(head)) == 1
    assert anchored_sizes(place) == [5]
    place.queue.close()
