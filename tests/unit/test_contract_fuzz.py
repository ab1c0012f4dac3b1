"""Random sequences of calls on purchase orders, against a model written from the documentation.

Money is conserved, and everybody gets theirs out in the end. 2,000 sequences; 100,000 with ``make soak``.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import pytest
from tests.consortium import (
    ARBITER,
    BUYER,
    DAY,
    SELLER,
    STRANGER,
    Consortium,
    leaf_hash,
    tree_path,
    tree_root,
)
from tests.evm import Contract, Reverted

OFFERED, FUNDED, DELIVERED, DISPUTED, CLOSED, CANCELLED = range(1, 7)
LEAVES = [leaf_hash(b"disposition %d" % n) for n in range(6)]
PEOPLE = {
    "buyer": BUYER.address,
    "seller": SELLER.address,
    "arbiter": ARBITER.address,
    "stranger": STRANGER.address,
}
TERMS: tuple[dict[str, Any], ...] = (
    {},
    {"unitPrice": 1, "quantity": 3, "latePerDay": 3_333, "lateMost": 9_999, "sellerShareIfSilent": 3_333},
    {
        "unitPrice": 10**18 + 7,
        "quantity": 7,
        "graceSeconds": 0,
        "latePerDay": 0,
        "lateMost": 10_000,
        "sellerShareIfSilent": 10_000,
    },
    {
        "unitPrice": 99_999_999_999,
        "quantity": 1,
        "sellerShareIfSilent": 0,
        "lateMost": 10_000,
        "latePerDay": 10_000,
    },
)


@dataclass
class Model:
    """What the documentation says that an order does; a refused call changes nothing."""

    terms: dict[str, Any]
    now: int
    state: int = OFFERED
    until: int = 0
    late: int = 0
    open: int = 0
    seller: int = 0
    buyer: int = 0
    used: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        self.open, self.until = self.terms["quantity"], self.terms["fundBy"]

    def call(self, who: str, what: str, given: Any) -> bool:
        """Whether the call is taken, having done what it does."""
        return bool(getattr(self, what)(who, given))

    def fund(self, who: str, _: Any) -> bool:
        if self.state != OFFERED or who != "buyer" or self.now > self.until:
            return False
        self.state, self.until = FUNDED, self.terms["deliverBy"] + self.terms["graceSeconds"]
        return True

    def cancel(self, who: str, _: Any) -> bool:
        if self.state == OFFERED and who in {"buyer", "seller"}:
            self.state = CANCELLED
            return True
        return self.state == FUNDED and who == "seller" and self.split(0, CANCELLED)

    def deliver(self, who: str, _: Any) -> bool:
        if self.state != FUNDED or who != "seller" or self.now > self.until:
            return False
        days = -(-max(0, self.now - self.terms["deliverBy"]) // DAY)
        self.late = min(days * self.terms["latePerDay"], self.terms["lateMost"]) if days else 0
        self.state, self.until = DELIVERED, self.now + self.terms["inspectSeconds"]
        return True

    def settle(self, _: str, given: tuple[int, int, int, bool]) -> bool:
        leaf, accepted, rejected, sound = given
        if self.state != DELIVERED or self.now > self.until or not sound or leaf in self.used:
            return False
        if not 0 < accepted + rejected <= self.open:
            return False
        price = self.terms["unitPrice"]
        paid = accepted * price - accepted * price * self.late // 10_000
        self.seller += paid
        self.buyer += (accepted + rejected) * price - paid
        self.open -= accepted + rejected
        self.used |= {leaf}
        if not self.open:
            self.state = CLOSED
        return True

    def dispute(self, who: str, _: Any) -> bool:
        if self.state != DELIVERED or who not in {"buyer", "seller"}:
            return False
        self.state, self.until = DISPUTED, self.now + self.terms["arbitrateSeconds"]
        return True

    def arbitrate(self, who: str, share: int) -> bool:
        if self.state != DISPUTED or who != "arbiter" or self.now > self.until or share > 10_000:
            return False
        return self.split(share, CLOSED)

    def expire(self, _: str, __: Any) -> bool:
        if self.state >= CLOSED or self.now <= self.until:
            return False
        if self.state == OFFERED:
            self.state = CANCELLED
        elif self.state == FUNDED:
            self.split(0, CANCELLED)
        elif self.state == DELIVERED:
            self.state, self.until = DISPUTED, self.now + self.terms["arbitrateSeconds"]
        else:
            self.split(self.terms["sellerShareIfSilent"], CLOSED)
        return True

    def withdraw(self, who: str, _: Any) -> bool:
        if who not in {"buyer", "seller"} or not getattr(self, who):
            return False
        setattr(self, who, 0)
        return True

    def split(self, share: int, last: int) -> bool:
        rest = self.open * self.terms["unitPrice"]
        self.seller += rest * share // 10_000
        self.buyer += rest - rest * share // 10_000
        self.state, self.open = last, 0
        return True


@dataclass(frozen=True)
class At:
    """Where a sequence is."""

    order: Contract
    model: Model
    drawn: random.Random


class Bench:
    """Orders at their beginning, with attestations signed beforehand: signing is slow, the chain isn't."""

    def __init__(self) -> None:
        self.world = Consortium(quorum=1)
        self.world.anchor_head(len(LEAVES), tree_root(LEAVES))
        self.orders = [self._prepare(changed) for changed in TERMS]
        self.start = self.world.evm.now
        self.proofs = [(leaf, n, len(LEAVES), tree_path(n, LEAVES)) for n, leaf in enumerate(LEAVES)]

    def _prepare(
        self, changed: dict[str, Any]
    ) -> tuple[Contract, dict[str, Any], list[tuple[tuple[int, int, int, bool], bytes]]]:
        world, terms = self.world, self.world.terms(**changed)
        order, quantity = world.order(**changed), terms["quantity"]
        world.token.send(STRANGER.address, "mint", BUYER.address, terms["unitPrice"] * quantity)
        world.token.send(BUYER.address, "approve", order.address, terms["unitPrice"] * quantity)
        drawn, signed = random.Random(quantity), []
        for number in range(14):
            leaf, sound = number % len(LEAVES), number % 5 != 4
            accepted = drawn.randint(0, quantity)
            rejected = drawn.randint(0, max(0, quantity - accepted) + number % 2)
            verdict = world.verdict(
                order,
                LEAVES[leaf],
                accepted,
                rejected,
                deadline=world.evm.now + 90 * DAY,
                **({} if sound else {"key": STRANGER}),
            )
            proof = (LEAVES[leaf], leaf, len(LEAVES), tree_path(leaf, LEAVES))
            signed.append(((leaf, accepted, rejected, sound), order.data("settle", proof, verdict)))
        return order, terms, signed

    def run(self, seed: int) -> int:
        """One sequence; how many of its calls the contract took."""
        drawn, world = random.Random(seed), self.world
        order, terms, signed = drawn.choice(self.orders)
        mark = world.evm.engine.snapshot()
        world.evm.wait(self.start - world.evm.now)
        model, taken = Model(terms, world.evm.now), 0
        at, before = At(order, model, drawn), self._money(order)
        # Most calls are likely ones, or few sequences would come far.
        likely = {OFFERED: "fund", FUNDED: "deliver", DELIVERED: "settle", DISPUTED: "arbitrate"}
        callers = {"fund": "buyer", "deliver": "seller", "arbitrate": "arbiter"}
        for _ in range(drawn.randint(4, 12)):
            if drawn.random() < 0.3:
                self._wait(drawn.choice((1, 3_600, DAY - 1, 3 * DAY, 6 * DAY, 11 * DAY)), model)
            what = likely.get(model.state, "withdraw") if drawn.random() < 0.6 else drawn.choice(CALLS)
            who = callers.get(what) if drawn.random() < 0.7 else None
            taken += self._step(at, who or drawn.choice(tuple(PEOPLE)), what, signed)
        assert self._money(order) == before, f"seed {seed}: money was made or lost"
        self._finish(at, seed)
        world.evm.engine.revert(mark)
        return taken

    def _wait(self, seconds: int, model: Model) -> None:
        self.world.evm.wait(seconds)
        model.now = self.world.evm.now

    def _step(self, at: At, who: str, what: str, signed: Any = ()) -> bool:
        order, model, drawn = at.order, at.model, at.drawn
        given: Any = None
        if what == "settle":
            given, data = drawn.choice(signed)
        elif what == "arbitrate":
            given = drawn.choice((0, 1, 3_333, 9_999, 10_000, 10_001))
            data = order.data(what, given)
        elif what == "deliver":
            data = order.data(what, bytes(32))
        elif what == "withdraw":
            data = order.data(what, PEOPLE[who])
        else:
            data = order.data(what)
        expected = model.call(who, what, given)
        try:
            self.world.evm.send(PEOPLE[who], order.address, data)
            took = True
        except Reverted:
            took = False
        assert took == expected, (who, what, given, model)
        if not took:
            return False
        assert order.look("state") == model.state, (who, what, given, model)
        credits_now = order.look("credit", SELLER.address), order.look("credit", BUYER.address)
        assert credits_now == (model.seller, model.buyer), (who, what, given, model)
        held = self.world.token.look("balanceOf", order.address)
        owed = model.open * model.terms["unitPrice"] if model.state in {FUNDED, DELIVERED, DISPUTED} else 0
        assert held == model.seller + model.buyer + owed, (who, what, given, model)
        return True

    def _money(self, order: Contract) -> int:
        return sum(
            self.world.token.look("balanceOf", each)
            for each in (order.address, BUYER.address, SELLER.address)
        )

    def _finish(self, at: At, seed: int) -> None:
        """Nobody acts any more but a stranger; the two fetch what is theirs, and nothing is left."""
        order, model = at.order, at.model
        for _ in range(4):
            if model.state < CLOSED:
                self._wait(200 * DAY, model)
                assert self._step(at, "stranger", "expire")
        assert model.state in {CLOSED, CANCELLED}
        for who in ("buyer", "seller"):
            if getattr(model, who):
                assert self._step(at, who, "withdraw")
        assert self.world.token.look("balanceOf", order.address) == 0, f"seed {seed}: money is stuck"


CALLS = ("fund", "cancel", "deliver", "settle", "dispute", "arbitrate", "expire", "withdraw")


def check(count: int, offset: int) -> None:
    bench = Bench()
    taken = sum(bench.run(offset + number) for number in range(count))
    assert taken > 2 * count, "the sequences hardly come anywhere"


def test_two_thousand_sequences_of_calls_keep_the_money_together() -> None:
    check(2_000, 0)


@pytest.mark.soak
@pytest.mark.parametrize("part", range(10))
def test_a_hundred_thousand_sequences_of_calls_keep_the_money_together(part: int) -> None:
    check(10_000, 1_000_000 + part * 10_000)
