"""A plant's own log on a chain: anchored by one command, its signers replaced, its dispositions attested."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from evidence_plant import load, logging_plant, measurements, policy_of, state
from tests.anvil_node import KEY, Anvil, NodeEvm, anvil
from tests.consortium import OWNER
from tests.evm import account
from tests.integration.test_chain_cli import SELLER_KEY, Shell, key_file, plant, refused

from assay.ledger.vouching import POLICY
from assay.store.keys import LoadKey
from assay.store.plant_evidence import bring_up_to_date, prove_record
from assay.store.workspace import Workspace

__all__ = ["state"]

SIGNERS = sorted((account(n) for n in range(20, 24)), key=lambda one: int(one.address, 16))
INSPECTOR = account(40)


@dataclass
class World:
    """A plant with a log, on a chain."""

    node: Anvil
    evm: NodeEvm
    workspace: Workspace
    keys: Path

    @property
    def path(self) -> Path:
        return self.workspace.path

    def key(self, signer: Any) -> Path:
        return key_file(self.keys / f"{signer.address}.key", signer.key.hex())

    def signed_by(self, *signers: Any) -> None:
        """These signers' keys are on the plant's machine."""
        file = self.path / "chain/settings.yaml"
        settings = yaml.safe_load(file.read_text("utf-8"))
        settings["signer_keys"] = [str(self.key(one)) for one in signers]
        file.write_text(yaml.safe_dump(settings), "utf-8")

    def dispose(self, subject: str) -> int:
        """Log a disposition; its index."""
        index = self.workspace.evidence.say("disposition", subject, {"verdict": "accepted", "by": "p-31"})
        bring_up_to_date(self.workspace)
        return index


@pytest.fixture(scope="module")
def world(state: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    base = tmp_path_factory.mktemp("chained")
    with anvil(chain_id=31337) as node, logging_plant(base / "plant") as workspace:
        plant(node, workspace.path, KEY)
        load(workspace, "measurement", list(measurements(20)), LoadKey("gauge", "nov.csv"))
        made = World(node, NodeEvm(node=node), workspace, base)
        made.dispose("U-7")
        (state / POLICY).write_bytes(bytes(policy_of(workspace)))
        yield made


@pytest.fixture
def assay(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


@pytest.fixture(scope="module")
def deployed(world: World) -> dict[str, Any]:
    """What is deployed: the first two signers sign, both are needed."""
    from assay.cli.app import run

    origin = world.workspace.evidence.place.public_key().name
    words = ["chain", "deploy", str(world.path), "--origin", origin, "--quorum", "2"]
    assert run([*words, *(w for one in SIGNERS[:2] for w in ("--signer", one.address))]) == 0
    found: dict[str, Any] = json.loads((world.path / "chain/deployment.json").read_text("utf-8"))
    return found


@pytest.mark.usefixtures("deployed")
def test_the_own_log_is_anchored_by_one_command_and_the_signers_are_replaced(
    world: World, assay: Shell, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    request = tmp_path / "head.json"
    asked = assay("chain", "anchor", world.path, "--request", request)
    assert (asked["previous"], asked["size"]) == (0, world.workspace.evidence.signed_size())
    world.signed_by(SIGNERS[0])
    assert "quorum" in refused(capsys, "chain", "anchor", world.path), "one signature is not enough"
    world.signed_by(*SIGNERS[:2])
    heads = assay("chain", "anchor", world.path, "--wait", "20")["heads"]
    assert [(one["size"], one["state"]) for one in heads] == [(asked["size"], "final")]
    assert len(assay("chain", "anchor", world.path)["heads"]) == 1, "nothing new"
    assert assay("chain", "anchor", world.path, "--request", request)["file"] is None
    status = assay("chain", "status", world.path)
    assert status["logs"][0]["size"] == status["own_log"]["size"] == asked["size"]
    assert (status["own_log"]["witnesses"], status["own_log"]["cosigners"]) == (0, [])

    wanted = ["--quorum", "1", "--signer", SIGNERS[3].address, "--signer", SIGNERS[2].address]
    rotate = ["chain", "rotate", world.path, *wanted]
    files = [tmp_path / f"{n}.json" for n in range(3)]
    for file, signer in zip(files, SIGNERS, strict=False):
        assay(*rotate, "--sign", world.key(signer), "--out", file)
    assert "quorum" in refused(capsys, *rotate, "--signature", files[0], "--signature", files[0])
    assert "not a signer" in refused(capsys, *rotate, "--signature", files[0], "--signature", files[2])
    signed = [w for file in files[:2] for w in ("--signature", file)]
    other = ["chain", "rotate", world.path, "--quorum", "2", *wanted[2:], *signed]
    assert "not a request" in refused(capsys, *other), "they signed for a quorum of one"
    assert assay(*rotate, *signed)["generation"] == 2
    assert "already" in refused(capsys, *rotate, *signed), "a second time changes nothing"
    back = ["chain", "rotate", world.path, "--quorum", "2"]
    back += [w for one in SIGNERS[:2] for w in ("--signer", one.address)]
    assert "generation 2" in refused(capsys, *back, *signed)

    world.dispose("U-8")
    assert "not a signer" in refused(capsys, "chain", "anchor", world.path)
    world.signed_by(SIGNERS[2])
    assert assay("chain", "anchor", world.path, "--wait", "20")["heads"][0]["state"] == "final"


def test_an_inspector_attests_a_disposition_and_nothing_else(
    world: World,
    deployed: dict[str, Any],
    assay: Shell,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    order, registry = _order(world, deployed, assay, tmp_path)
    index = world.dispose("U-9")
    proof, row, entry, out = (tmp_path / name for name in ("proof", "row", "entry.json", "settled.json"))
    proof.write_bytes(bytes(prove_record(world.workspace, str(index), ["verdict"])))
    row.write_bytes(bytes(prove_record(world.workspace, "measurement:gauge/nov.csv/7.0")))
    assert "anchored" in refused(capsys, "chain", "inclusion", world.path, index, "-o", entry)
    world.signed_by(*SIGNERS)
    _anchor_by_whoever_may(world, assay, capsys)
    assay("chain", "inclusion", world.path, index, "-o", entry)

    soon = (datetime.fromtimestamp(world.evm.now, UTC) + timedelta(hours=1)).isoformat()
    words = ["contract", "attest", world.path, order, proof, "--key", world.key(INSPECTOR)]
    rest = ["--accepted", "90", "--rejected", "10", "--inclusion", entry, "-o", out]
    changed = bytearray(proof.read_bytes())
    changed[-30] ^= 1
    forged = tmp_path / "forged"
    forged.write_bytes(changed)
    assert refused(capsys, *words[:4], forged, *words[5:], *rest, "--deadline", soon)
    told = refused(capsys, *words[:4], row, *words[5:], *rest, "--deadline", soon)
    assert "disposition" in told
    assert "ISO 8601" in refused(capsys, *words, *rest, "--deadline", "2020-01-01T00:00:00+00:00")
    assert "ISO 8601" in refused(capsys, *words, *rest, "--deadline", "tomorrow")
    stranger = [*words[:6], world.key(account(41)), *rest, "--deadline", soon]
    assert registry in refused(capsys, *stranger)
    none = ["contract", "attest", world.path, registry, *words[4:], *rest, "--deadline", soon]
    assert "no attestation" in refused(capsys, *none)
    blind = tmp_path / "blind"
    blind.write_bytes(bytes(prove_record(world.workspace, str(index), [])))
    assert f"PLANT {index} --field" in refused(
        capsys, *words[:4], blind, *words[5:], *rest, "--deadline", soon
    )
    other = tmp_path / "other.json"
    other.write_text(entry.read_text("utf-8").replace('"leaf": "0x', '"leaf": "0xff'), "utf-8")
    moved = [*words, *rest[:4], "--inclusion", other, "-o", out, "--deadline", soon]
    assert "other.json is about the leaf 0xff" in refused(capsys, *moved)
    assert not out.exists(), "nothing was signed"

    signed = assay(*words, *rest, "--deadline", soon)
    assert signed["shown"] == {"verdict": "accepted"}
    assay("contract", "call", world.path, order, "settle", out)
    shown = assay("contract", "show", world.path, order)["values"]
    assert (shown["accepted"], shown["rejected"]) == (90, 10)


def _order(world: World, deployed: dict[str, Any], assay: Shell, tmp_path: Path) -> tuple[str, str]:
    """A delivered order about the plant's log, and the registry of its inspectors."""
    evm, file = world.evm, tmp_path / "given.yaml"
    evm.wait(0)
    buyer = deployed["logs"][0]["registrant"]
    token = evm.deploy("PlainToken")
    assay("chain", "deploy", world.path, "--token", token.address)

    def told(*words: object, **given: Any) -> Any:
        file.write_text(yaml.safe_dump(given), "utf-8")
        return assay("contract", *words, *([file] if given else []))

    registry = told("new", world.path, "inspector-registry", authority=buyer)["address"]
    told("call", world.path, registry, "appoint", inspector=INSPECTOR.address, until=evm.now + 10**6)
    now = datetime.fromtimestamp(evm.now, UTC)
    order = told(
        "new",
        world.path,
        "purchase-order",
        buyer=buyer,
        seller="0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
        arbiter=account(41).address,
        token=token.address,
        inspectors=registry,
        logId=deployed["logs"][0]["log_id"],
        paper="0x" + "ab" * 32,
        unitPrice="7",
        quantity=100,
        fundBy=now + timedelta(days=1),
        deliverBy=now + timedelta(days=9),
        graceSeconds=0,
        inspectSeconds=86_400,
        arbitrateSeconds=86_400,
        latePerDay=0,
        lateMost=0,
        sellerShareIfSilent=5_000,
    )["address"]
    token.send(OWNER.address, "mint", buyer, 700)
    token.send(buyer, "approve", order, 700)
    told("call", world.path, order, "fund")
    seller = tmp_path / "seller"
    plant(world.node, seller, SELLER_KEY)
    (seller / "chain/deployment.json").write_text(json.dumps(deployed), "utf-8")
    told("call", seller, order, "deliver", note="0x" + "cd" * 32)
    return order, registry


def _anchor_by_whoever_may(world: World, assay: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    """Anchor by the signers that are in office, whichever test ran before."""
    there = assay("chain", "status", world.path)["logs"][0]
    from assay.exchange.chain.anchoring import on_chain, signers_of
    from assay.exchange.chain.link import Link
    from assay.exchange.chain.settings import ChainFolder

    link, log_id = Link(ChainFolder(world.path).settings()), bytes.fromhex(there["log_id"][2:])
    contract = json.loads((world.path / "chain/deployment.json").read_text("utf-8"))["anchor"]
    now = on_chain(link, contract, log_id)
    office = {one.lower() for one in signers_of(link, contract, log_id, now.generation)}
    world.signed_by(*(one for one in SIGNERS if one.address.lower() in office))
    assert assay("chain", "anchor", world.path, "--wait", "20")["heads"][0]["state"] == "final"
