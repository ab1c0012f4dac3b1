"""Heads anchored on a real node: once each, through crashes, reorganisations, dear gas and no chain."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.anvil_node import KEY, Anvil, NodeEvm, anvil
from tests.consortium import BUYER, OWNER, SELLER, STRANGER, Consortium, Tall, leaf_hash
from tests.evm import account

from assay.exchange.chain.anchoring import Anchorer, on_chain, root_at, signers_of
from assay.exchange.chain.artifacts import artifact
from assay.exchange.chain.deploying import check_code, deploy_anchor, publish, register_log
from assay.exchange.chain.errors import ChainError
from assay.exchange.chain.heads import AnchorSigner, Head, HeadRequest
from assay.exchange.chain.keys import log_id_of, read_key
from assay.exchange.chain.link import Link
from assay.exchange.chain.queue import AnchorQueue, AnchorState
from assay.exchange.chain.settings import ChainFolder, ChainSettings, Deployment, Finality
from assay.ledger.checkpoint import Checkpoint
from assay.ledger.keys import KeyKind, SigningKey
from assay.ledger.merkle import consistency_spans, proof_hashes, root_of
from assay.ledger.notes import Note
from assay.ledger.policy import Policy

ORIGIN = "plant.example/main"
SIGNERS = sorted((account(n) for n in range(20, 23)), key=lambda one: int(one.address, 16))
LOG_KEY = SigningKey("plant.example/main", KeyKind.ED25519, bytes(range(32)))
LEAVES = [leaf_hash(b"entry %d" % n) for n in range(40)]


@pytest.fixture(scope="module")
def node() -> Iterator[Anvil]:
    with anvil(chain_id=1981, automine=True) as running:
        yield running


def settings_of(node: Anvil, tmp_path: Path, **changed: Any) -> ChainSettings:
    key = tmp_path / "sender.key"
    key.write_text(KEY, "ascii")
    key.chmod(0o600)
    usual: dict[str, Any] = {
        "url": node.url,
        "check_url": node.url.replace("127.0.0.1", "localhost"),
        "chain_id": 1981,
        "finality": Finality(kind="instant"),
        "most_gas_price": 50_000_000_000,
        "sender_key": key,
        "replace_seconds": 60,
    }
    return ChainSettings(**(usual | changed))


class Place:
    """A chain with the contracts on it, a registered log, and a queue."""

    def __init__(self, node: Anvil, tmp_path: Path, origin: str = ORIGIN, **changed: Any) -> None:
        self.node, self.tmp_path = node, tmp_path
        self.settings = settings_of(node, tmp_path, **changed)
        self.link = Link(self.settings, read_key(self.settings.sender_key))
        self.deployment = Deployment(chain_id=1981)
        deploy_anchor(self.link, self.deployment, lambda _: None)
        assert self.deployment.anchor is not None
        self.anchor = self.deployment.anchor
        made = register_log(
            self.link, self.deployment, lambda _: None, origin, [one.address for one in SIGNERS], quorum=2
        )
        self.log_id = bytes.fromhex(made.log_id[2:])
        self.queue = AnchorQueue(tmp_path / "anchors.db")
        self.now = 1_000_000.0

    def anchorer(self) -> Anchorer:
        """As after a restart: nothing in memory."""
        return Anchorer(self.queue, self.link, self.anchor, clock=lambda: self.now)

    def put(self, size: int, *, root: bytes | None = None, by: slice = slice(0, 2)) -> Head:
        """Queue a head signed by some of the signers."""
        from assay.exchange.chain.keys import head_message

        chosen = root or root_of(LEAVES[:size])
        message = head_message(1981, self.anchor, self.log_id, size, chosen)
        signatures = tuple(bytes(one.sign_message(message).signature) for one in SIGNERS[by])
        head = Head(self.log_id, size, chosen, signatures)
        self.queue.put(head, head.ordered(1981, self.anchor, [one.address for one in SIGNERS], 2))
        return head

    def states(self) -> dict[int, AnchorState]:
        return {one.head.size: one.state for one in self.queue.heads()}


@pytest.fixture
def place(node: Anvil, tmp_path: Path) -> Iterator[Place]:
    made = Place(node, tmp_path, origin=f"plant.example/{tmp_path.name}")
    yield made
    made.queue.close()


def test_a_head_is_anchored_once_and_read_back(place: Place) -> None:
    head = place.put(5)
    assert place.anchorer().step()[0].state is AnchorState.SENT
    assert place.anchorer().step()[0].state is AnchorState.FINAL
    assert root_at(place.link, place.anchor, head, second=True) == head.root
    place.put(5)
    assert place.anchorer().step()[0].state is AnchorState.FINAL
    there = on_chain(place.link, place.anchor, place.log_id)
    assert (there.size, there.generation, there.quorum, there.root) == (5, 1, 2, head.root)
    assert signers_of(place.link, place.anchor, place.log_id, 1) == [one.address for one in SIGNERS]


def test_two_roots_of_one_size_are_never_queued(place: Place) -> None:
    place.put(5)
    with pytest.raises(ChainError) as caught:
        place.put(5, root=bytes([7]) * 32)
    assert caught.value.reason == "head_conflict"


def test_of_several_heads_the_largest_goes_and_the_others_are_in_it(place: Place) -> None:
    for size in (3, 9, 6):
        place.put(size)
    place.anchorer().step()
    place.anchorer().step()
    assert place.states() == {
        9: AnchorState.FINAL,
        6: AnchorState.SUPERSEDED,
        3: AnchorState.SUPERSEDED,
    }


def test_a_root_that_is_another_on_the_chain_is_a_conflict(place: Place) -> None:
    place.put(5)
    place.anchorer().step()
    elsewhere = AnchorQueue(place.tmp_path / "other.db")
    place.queue, old = elsewhere, place.queue
    place.put(5, root=bytes([7]) * 32)
    told = place.anchorer().step()[0]
    assert (told.state, told.note) == (AnchorState.CONFLICT, "0x" + root_of(LEAVES[:5]).hex())
    old.close()


def test_signatures_of_others_are_refused_before_they_cost_gas(place: Place) -> None:
    head = place.put(5)
    sent = place.node.rpc("eth_getTransactionCount", read_key(place.settings.sender_key).address, "latest")
    place.queue._base.execute("UPDATE heads SET packed = ?", (bytes(130),))
    told = place.anchorer().step()[0]
    assert told.state is AnchorState.REFUSED
    assert "ECDSA" in told.note
    assert (
        place.node.rpc("eth_getTransactionCount", read_key(place.settings.sender_key).address, "latest")
        == sent
    )
    assert root_at(place.link, place.anchor, head) is None


def unmined(place: Place, head: Head) -> None:
    """The transaction was recorded and sent, but the node does not mine."""
    place.node.rpc("evm_setAutomine", False)
    place.anchorer().step()
    assert place.states()[head.size] is AnchorState.SENT


def test_a_crash_between_signing_and_sending_sends_the_same_transaction(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = place.put(5)
    with monkeypatch.context() as patched:
        patched.setattr(place.link, "send", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            place.anchorer().step()
    (recorded, _), *others = place.queue.sends(head)
    assert not others
    place.anchorer().step()
    assert place.link.receipt(recorded.hash)
    assert len(place.queue.sends(head)) == 1
    assert place.anchorer().step()[0].state is AnchorState.FINAL


def test_a_crash_between_sending_and_the_receipt_sends_nothing_new(place: Place) -> None:
    head = place.put(5)
    try:
        unmined(place, head)
        place.anchorer().step()
        assert len(place.queue.sends(head)) == 1
    finally:
        place.node.rpc("evm_setAutomine", True)
        place.node.rpc("evm_mine")
    assert place.anchorer().step()[0].state is AnchorState.FINAL


def test_a_transaction_nobody_mines_is_replaced_at_a_higher_price(place: Place) -> None:
    head = place.put(5)
    try:
        unmined(place, head)
        first = place.queue.sends(head)[0][0]
        place.queue._base.execute("UPDATE sends SET signed_at = ?", (place.now - 61,))
        place.anchorer().step()
        second = place.queue.sends(head)[0][0]
        assert (second.nonce, second.gas_price >= first.gas_price * 9 // 8) == (first.nonce, True)
    finally:
        place.node.rpc("evm_setAutomine", True)
        place.node.rpc("evm_mine")
    assert place.anchorer().step()[0].state is AnchorState.FINAL
    assert place.link.receipt(first.hash) is None


def test_a_reorganised_chain_gets_the_head_again(node: Anvil, tmp_path: Path) -> None:
    place = Place(node, tmp_path, origin="plant.example/reorg", finality=Finality(kind="depth", blocks=3))
    mark = node.rpc("evm_snapshot")
    head = place.put(5)
    place.anchorer().step()
    assert root_at(place.link, place.anchor, head) == head.root
    told = place.anchorer().step()[0]
    assert (told.state, told.note) == (AnchorState.SENT, "not final")
    assert node.rpc("evm_revert", mark)
    assert root_at(place.link, place.anchor, head) is None
    place.anchorer().step()
    assert root_at(place.link, place.anchor, head) == head.root
    assert len(place.queue.sends(head)) == 1
    for _ in range(3):
        node.rpc("evm_mine")
    assert place.anchorer().step()[0].state is AnchorState.FINAL


def test_what_was_final_and_was_taken_back_is_sent_again(node: Anvil, tmp_path: Path) -> None:
    place = Place(node, tmp_path, origin="plant.example/taken-back")
    place.put(3)
    place.anchorer().run(10, pause=0.05)
    mark = node.rpc("evm_snapshot")
    head = place.put(5)
    for _ in range(2):
        place.anchorer().step()
    assert [one.state for one in place.queue.heads()] == [AnchorState.FINAL, AnchorState.FINAL]
    assert node.rpc("evm_revert", mark)
    place.anchorer().step()
    assert root_at(place.link, place.anchor, head) == head.root
    assert [one.state for one in place.anchorer().step()] == [AnchorState.FINAL, AnchorState.FINAL]


def test_gas_that_is_too_dear_is_waited_out(place: Place) -> None:
    place.put(5)
    cheap = place.link.settings
    place.link.settings = cheap.model_copy(update={"most_gas_price": 1})
    told = place.anchorer().step()[0]
    assert told.state is AnchorState.WAITING
    assert "settings allow 1" in told.note
    place.link.settings = cheap
    assert place.anchorer().step()[0].state is AnchorState.SENT


def test_a_day_without_a_chain_changes_nothing_but_the_note(tmp_path: Path) -> None:
    with anvil(chain_id=1981) as short:
        place = Place(short, tmp_path, check_url=None, development=True)
    for size in (5, 6):
        place.put(size)
        told = place.anchorer().step()[0]
        assert (told.state, "does not answer" in told.note) == (AnchorState.WAITING, True)
    with pytest.raises(ChainError) as caught:
        Link(place.settings)
    assert caught.value.reason == "chain_down"


def test_a_second_endpoint_that_says_otherwise_is_no_finality(place: Place) -> None:
    with anvil(chain_id=1981) as other:
        settings = place.settings.model_copy(update={"check_url": other.url})
        place.link = Link(settings, read_key(settings.sender_key))
        place.put(5)
        place.anchorer().step()
        told = place.anchorer().step()[0]
        assert (told.state, other.url in told.note) == (AnchorState.SENT, True)


def test_endpoints_of_another_chain_are_refused(node: Anvil, tmp_path: Path) -> None:
    with anvil(chain_id=1982) as other, pytest.raises(ChainError) as caught:
        Link(settings_of(node, tmp_path, check_url=other.url))
    assert caught.value.reason == "wrong_chain"


def test_foreign_code_is_no_contract_of_ours(place: Place) -> None:
    check_code(place.link, artifact("EvidenceAnchor"), place.anchor)
    with pytest.raises(ChainError) as caught:
        check_code(place.link, artifact("PurchaseOrder"), place.anchor)
    assert caught.value.reason == "foreign_code"


def test_a_broken_off_deployment_goes_on(place: Place) -> None:
    kept = place.deployment.model_copy(deep=True)
    deploy_anchor(place.link, place.deployment, lambda _: pytest.fail("deployed twice"))
    template = {"inspector-registry/1": (artifact("InspectorRegistry"), bytes(32))}
    publish(place.link, place.deployment, lambda _: None, template)
    publish(place.link, place.deployment, lambda _: pytest.fail("published twice"), template)
    assert (place.deployment.anchor, place.deployment.registry) == (kept.anchor, kept.registry)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"chain_id": 31337}, "development_chain"),
        ({"chain_id": 1337, "development": True}, None),
        ({"check_url": None}, "one_endpoint"),
        ({"check_url": "http://127.0.0.1:1"}, "one_endpoint"),
        ({"check_url": None, "development": True}, None),
        ({"finality": {"kind": "hope"}}, "settings_invalid"),
        ({"url": "127.0.0.1:8545"}, "settings_invalid"),
        ({"colour": "red"}, "settings_invalid"),
    ],
)
def test_settings_that_prove_nothing_are_refused(
    tmp_path: Path, changed: dict[str, Any], reason: str | None
) -> None:
    import yaml

    usual = {
        "url": "http://127.0.0.1:1",
        "check_url": "http://localhost:1",
        "chain_id": 1981,
        "finality": {"kind": "instant"},
        "sender_key": "sender.key",
    }
    folder = ChainFolder(tmp_path)
    with pytest.raises(ChainError) as missing:
        folder.settings()
    assert missing.value.reason == "settings_missing"
    folder.path.mkdir()
    (folder.path / "settings.yaml").write_text(yaml.safe_dump(usual | changed), "utf-8")
    if reason is None:
        assert folder.settings().chain_id
        return
    with pytest.raises(ChainError) as caught:
        folder.settings()
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("text", "mode", "reason"),
    [
        ("ab" * 32, 0o644, "key_mode"),
        ("ab" * 31, 0o600, "key_invalid"),
        ("00" * 32, 0o600, "key_invalid"),
        (None, 0, "key_missing"),
    ],
)
def test_bad_key_files_are_refused(tmp_path: Path, text: str | None, mode: int, reason: str) -> None:
    file = tmp_path / "a.key"
    if text is not None:
        file.write_text(text, "ascii")
        file.chmod(mode)
    with pytest.raises(ChainError) as caught:
        read_key(file)
    assert caught.value.reason == reason


POLICY = Policy.parse(f"log {LOG_KEY.verifier}\nquorum none\n".encode())


def request(
    old: int, size: int, *, leaves: list[bytes] | None = None, key: SigningKey = LOG_KEY
) -> HeadRequest:
    leaves = leaves or LEAVES
    text = str(Checkpoint(ORIGIN, size, root_of(leaves[:size])))
    proof = (
        proof_hashes(consistency_spans(old, size), lambda a, b: root_of(leaves[a:b]))
        if 0 < old < size
        else []
    )
    return HeadRequest(
        1981, "0x" + "11" * 20, OWNER.address, bytes(Note(text, ()).signed(key.sign(text))), old, tuple(proof)
    )


@pytest.fixture
def signer(tmp_path: Path) -> Iterator[AnchorSigner]:
    made = AnchorSigner(SIGNERS[0], POLICY, tmp_path / "signer.db")
    yield made
    made.close()


def test_a_signer_signs_what_follows_from_the_anchored_head(signer: AnchorSigner, tmp_path: Path) -> None:
    signer.sign(request(0, 7), (0, bytes(32)))
    head = signer.sign(request(7, 12), (7, root_of(LEAVES[:7])))
    assert head.log_id == log_id_of(OWNER.address, ORIGIN)
    assert len(head.ordered(1981, "0x" + "11" * 20, [SIGNERS[0].address], 1)) == 65
    file = tmp_path / "request.json"
    file.write_text(request(7, 12).to_json(), "utf-8")
    assert HeadRequest.read(file) == request(7, 12)


def test_a_signer_signs_nothing_that_contradicts(signer: AnchorSigner, tmp_path: Path) -> None:
    forked = [*LEAVES[:5], *(leaf_hash(b"other %d" % n) for n in range(20))]

    def refused(asked: HeadRequest, anchored: tuple[int, bytes]) -> str:
        with pytest.raises(ChainError) as caught:
            signer.sign(asked, anchored)
        return caught.value.reason

    assert refused(request(7, 12, leaves=forked), (7, root_of(LEAVES[:7]))) == "not_consistent"
    assert refused(request(6, 12), (7, root_of(LEAVES[:7]))) == "not_consistent"
    signer.sign(request(7, 12), (7, root_of(LEAVES[:7])))
    assert refused(request(0, 12, leaves=forked), (0, bytes(32))) == "head_conflict"
    assert refused(request(7, 9), (7, root_of(LEAVES[:7]))) == "head_smaller"
    again = AnchorSigner(SIGNERS[0], POLICY, tmp_path / "signer.db")
    with pytest.raises(ChainError, match="12"):
        again.sign(request(7, 9), (7, root_of(LEAVES[:7])))
    again.close()


def test_a_signer_believes_only_the_logs_of_its_policy(signer: AnchorSigner) -> None:
    from assay.ledger.errors import VerificationError

    other = SigningKey(ORIGIN, KeyKind.ED25519, bytes(32))
    with pytest.raises(VerificationError):
        signer.sign(request(0, 7, key=other), (0, bytes(32)))


def test_only_signers_count_each_once(tmp_path: Path) -> None:
    from assay.exchange.chain.keys import head_message

    contract, known = "0x" + "11" * 20, [one.address for one in SIGNERS]
    message = head_message(1981, contract, bytes(32), 5, bytes(32))
    mine = bytes(SIGNERS[0].sign_message(message).signature)
    theirs = bytes(STRANGER.sign_message(message).signature)
    for signatures, reason in (
        ((mine, mine), "too_few_signatures"),
        ((mine, theirs), "not_a_signer"),
        ((mine, mine[:64]), "signature_invalid"),
        ((mine, bytes(65)), "signature_invalid"),
    ):
        with pytest.raises(ChainError) as caught:
            Head(bytes(32), 5, bytes(32), signatures).ordered(1981, contract, known, 2)
        assert caught.value.reason == reason


def test_gas_stays_below_the_figures(node: Anvil) -> None:
    """The figures: 90k for a head by three signers, 750k for an order, 180k for each further acceptance."""
    world = Consortium(NodeEvm(node=node))
    evm = world.evm
    first, second = Tall(leaf_hash(b"a"), 5, 24), Tall(leaf_hash(b"b"), 9, 25)
    world.anchor_head(first.size, first.root)
    world.anchor_head(second.size, second.root)
    assert evm.gas <= 90_000  # type: ignore[attr-defined]
    spent = []
    order = world.order()
    spent.append(evm.gas)  # type: ignore[attr-defined]
    world.token.send(OWNER.address, "mint", BUYER.address, 10_000)
    for sender, contract, call in (
        (BUYER, world.token, ("approve", order.address, 700)),
        (BUYER, order, ("fund",)),
        (SELLER, order, ("deliver", bytes([1]) * 32)),
    ):
        contract.send(sender.address, *call)
        spent.append(evm.gas)  # type: ignore[attr-defined]
    for proof, accepted, rejected in ((first, 60, 0), (second, 30, 10)):
        inclusion = (proof.leaf, proof.index, proof.size, proof.path)
        order.send(
            STRANGER.address, "settle", inclusion, world.verdict(order, proof.leaf, accepted, rejected)
        )
        spent.append(evm.gas)  # type: ignore[attr-defined]
    order.send(SELLER.address, "withdraw", SELLER.address)
    *whole, further, last = *spent, evm.gas  # type: ignore[attr-defined]
    assert sum(whole) + last <= 750_000
    assert further <= 180_000
