"""Bringing queued heads onto the chain, once each, through crashes, reorganisations and days without a chain.

Nothing here is remembered that the chain can be asked: whether a head is anchored, and whether that is final,
is read from the contract's own state at the newest final block, by both endpoints. Receipts only tell that a
transaction failed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby

from assay.exchange.chain.errors import ChainError
from assay.exchange.chain.heads import Head
from assay.exchange.chain.link import Link
from assay.exchange.chain.queue import OPEN, AnchorQueue, AnchorState, Queued

_CANT_BE_REACHED = {"chain_down", "gas_price", "gas_estimate", "no_answer"}


@dataclass(frozen=True)
class OnChain:
    """What the anchor contract says about a log."""

    size: int
    generation: int
    quorum: int
    root: bytes
    """The root at the last size; 32 zero bytes before the first head."""


class Anchorer:
    """Moves the queue on, a step each time it is called; from one process or several, as often as wanted.

    Parameters
    ----------
    queue
        The heads.
    link
        The chain, with the account that pays.
    contract
        Address of the anchor contract.
    clock
        Seconds since 1970.
    """

    def __init__(
        self, queue: AnchorQueue, link: Link, contract: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._queue = queue
        self._link = link
        self._contract = contract
        self._clock = clock

    def step(self) -> list[Queued]:
        """Do for each open head what can be done now; the queue as it is then.

        Of several open heads of a log the largest goes first: the others are in it. A head that was final
        and that the chain has no more is open again.
        """
        self._look_back()
        for _, several in groupby(self._queue.heads(open_only=True), key=lambda one: one.head.log_id):
            for queued in several:
                self._advance(queued)
        return self._queue.heads()

    def _look_back(self) -> None:
        """Open again what was thought final and was taken back, largest first, to one that is there."""
        final = [one for one in self._queue.heads() if one.state is AnchorState.FINAL]
        for _, several in groupby(final, key=lambda one: one.head.log_id):
            for queued in several:
                try:
                    if root_at(self._link, self._contract, queued.head) is not None:
                        break
                except ChainError as problem:
                    if problem.reason in _CANT_BE_REACHED:
                        return
                    raise
                self._queue.mark(queued.head, AnchorState.WAITING, "taken back")

    def run(self, seconds: float, pause: float = 0.5) -> list[Queued]:
        """Step until nothing is open or the time is over."""
        end = self._clock() + seconds
        while True:
            now = self.step()
            if self._clock() >= end or not any(one.state in OPEN for one in now):
                return now
            time.sleep(pause)

    def _advance(self, queued: Queued) -> None:
        head = queued.head
        try:
            self._settle(head, queued.packed)
        except ChainError as problem:
            if problem.reason == "refused":
                self._queue.mark(head, AnchorState.REFUSED, problem.message)
            elif problem.reason in _CANT_BE_REACHED:
                sent = bool(self._queue.sends(head))
                self._queue.mark(head, AnchorState.SENT if sent else AnchorState.WAITING, problem.message)
            else:
                raise

    def _settle(self, head: Head, packed: bytes) -> None:
        there = root_at(self._link, self._contract, head)
        if there == head.root:
            self._await_final(head)
        elif there is not None:
            self._queue.mark(head, AnchorState.CONFLICT, f"0x{there.hex()}")
        elif on_chain(self._link, self._contract, head.log_id).size > head.size:
            self._queue.mark(head, AnchorState.SUPERSEDED)
        else:
            self._send(head, packed)

    def _await_final(self, head: Head) -> None:
        seen = [
            root_at(
                self._link, self._contract, head, block=self._link.final_block(second=second), second=second
            )
            for second in (False, True)
        ]
        if seen[1] is not None and seen[1] != head.root:
            self._queue.mark(head, AnchorState.CONFLICT, f"0x{seen[1].hex()}")
        elif seen == [head.root, head.root]:
            self._queue.mark(head, AnchorState.FINAL)
        else:
            self._queue.mark(head, AnchorState.SENT, "not final" if seen[0] is None else "second endpoint")

    def _send(self, head: Head, packed: bytes) -> None:
        sends = self._queue.sends(head)
        for signed, _ in sends:
            receipt = self._link.receipt(signed.hash)
            if receipt and receipt["status"] != 1:
                self._queue.drop(head)
                return
        transaction = {
            "to": self._link.at("EvidenceAnchor", self._contract).address,
            "data": self._link.at("EvidenceAnchor", self._contract).encode_abi(
                "anchor", [head.log_id, head.size, head.root, packed]
            ),
        }
        if sends and self._link.nonce_used(sends[0][0].nonce) and not self._link.receipt(sends[0][0].hash):
            self._queue.drop(head)  # another transaction of the sender took its place
            sends = []
        if not sends:
            signed = self._link.sign(transaction)
            self._queue.record(head, signed)
        else:
            signed, at = sends[0]
            if (
                self._clock() - at > self._link.settings.replace_seconds
                and self._link.settings.most_gas_price
            ):
                signed = self._link.sign(transaction, replacing=signed)
                self._queue.record(head, signed)
        self._link.send(signed)
        self._queue.mark(head, AnchorState.SENT)


def root_at(
    link: Link, contract: str, head: Head, *, block: int | str = "latest", second: bool = False
) -> bytes | None:
    """The root that is anchored at a head's size as of a block; None where none is."""
    if block == -1:
        return None
    anchor = link.at("EvidenceAnchor", contract, second=second)
    found = bytes(link.read(anchor.functions.rootAt(head.log_id, head.size), block=block))
    return found if any(found) else None


def on_chain(link: Link, contract: str, log_id: bytes) -> OnChain:
    """What the anchor contract says about a log now."""
    anchor = link.at("EvidenceAnchor", contract)
    size, generation, quorum, _ = link.read(anchor.functions.logs(log_id))
    root = bytes(link.read(anchor.functions.rootAt(log_id, size)))
    return OnChain(size, generation, quorum, root)


def signers_of(link: Link, contract: str, log_id: bytes, generation: int) -> list[str]:
    """The signers of a log's present generation, off the contract's events."""
    anchor = link.at("EvidenceAnchor", contract)
    event = anchor.events.Registered if generation == 1 else anchor.events.Rotated
    logs = link.logs(event, {"logId": log_id})
    wanted = [one["args"]["signers"] for one in logs if one["args"].get("generation", 1) == generation]
    return [str(one) for one in wanted[-1]] if wanted else []
