"""The chain on the command line: deployed, a head asked for, signed, anchored; an order paid on evidence."""

from __future__ import annotations

import base64
import json
import string
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.anvil_node import KEY, Anvil, NodeEvm, anvil
from tests.consortium import BUYER, OWNER, leaf_hash
from tests.evm import account

from assay.cli.app import run
from assay.exchange.chain.errors import CATALOGUE
from assay.exchange.chain.keys import TypedDomain, sign_disposition
from assay.ledger.checkpoint import Checkpoint
from assay.ledger.keys import KeyKind, SigningKey
from assay.ledger.merkle import consistency_spans, inclusion_spans, proof_hashes, root_of
from assay.ledger.notes import Note

ORIGIN = "plant.example/main"
LOG_KEY = SigningKey(ORIGIN, KeyKind.ED25519, bytes(range(32)))
LEAVES = [leaf_hash(b"disposition %d" % n) for n in range(20)]
SELLER_KEY = "0x" + "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"


@pytest.fixture(scope="module")
def node() -> Iterator[Anvil]:
    with anvil(chain_id=31337) as running:
        yield running


def key_file(path: Path, key: str) -> Path:
    path.write_text(key, "ascii")
    path.chmod(0o600)
    return path


def plant(node: Anvil, path: Path, key: str) -> Path:
    (path / "chain").mkdir(parents=True)
    settings = {
        "url": node.url,
        "chain_id": 31337,
        "development": True,
        "finality": {"kind": "instant"},
        "most_gas_price": 50_000_000_000,
        "sender_key": str(key_file(path / "sender.key", key)),
    }
    (path / "chain/settings.yaml").write_text(yaml.safe_dump(settings), "utf-8")
    return path


class Shell:
    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, *words: object, code: int = 0) -> Any:
        """Run ``assay WORDS --json``; the one document that it prints."""
        done = run([*map(str, words), "--json"])
        out, err = self.capsys.readouterr()
        assert done == code, out + err
        return json.loads(out)


def write_head(path: Path, old: int, size: int) -> tuple[Path, Path]:
    text = str(Checkpoint(ORIGIN, size, root_of(LEAVES[:size])))
    note, proof = path / f"checkpoint-{size}", path / f"proof-{size}"
    note.write_bytes(bytes(Note(text, ()).signed(LOG_KEY.sign(text))))
    hashes = proof_hashes(consistency_spans(old, size), lambda a, b: root_of(LEAVES[a:b])) if old else []
    proof.write_text("".join(base64.b64encode(one).decode() + "\n" for one in hashes), "ascii")
    return note, proof


def test_from_nothing_to_a_paid_order(
    node: Anvil, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assay, evm = Shell(capsys), NodeEvm(node=node)
    buyer, seller = plant(node, tmp_path / "buyer", KEY), plant(node, tmp_path / "seller", SELLER_KEY)
    token = evm.deploy("PlainToken")
    signers = sorted((account(n) for n in range(20, 23)), key=lambda one: int(one.address, 16))
    asked = [word for one in signers for word in ("--signer", one.address)]
    deployed = assay(
        "chain", "deploy", buyer, "--token", token.address, "--origin", ORIGIN, *asked, "--quorum", "2"
    )
    again = assay(
        "chain", "deploy", buyer, "--token", token.address, "--origin", ORIGIN, *asked, "--quorum", "2"
    )
    assert again == deployed
    assert set(deployed["templates"]) >= {
        "purchase-order/1",
        "inspection-attestation/1",
        "inspector-registry/1",
    }
    (seller / "chain/deployment.json").write_text(
        (buyer / "chain/deployment.json").read_text("utf-8"), "utf-8"
    )

    policy = tmp_path / "policy"
    policy.write_text(f"log {LOG_KEY.verifier}\nquorum none\n", "ascii")
    for old, size in ((0, 12), (12, 20)):
        note, proof = write_head(tmp_path, old, size)
        request = tmp_path / f"request-{size}.json"
        told = assay("chain", "anchor", buyer, "--checkpoint", note, "--proof", proof, "--request", request)
        assert (told["size"], told["previous"]) == (size, old)
        files = []
        for number, signer in enumerate(signers[:2]):
            key = key_file(tmp_path / f"signer-{number}.key", signer.key.hex())
            home = seller if number else buyer
            (home / "chain/signed.db").unlink(missing_ok=True)
            out = tmp_path / f"signature-{size}-{number}.json"
            assay(
                "chain", "anchor", home, "--sign", key, "--request", request, "--policy", policy, "--out", out
            )
            files += ["--signature", out]
        heads = assay("chain", "anchor", buyer, *files, "--wait", "20")["heads"]
        assert heads[0]["state"] == "final"
    status = assay("chain", "status", buyer)
    assert (status["logs"][0]["size"], status["problem"]) == (20, None)
    log_id = status["logs"][0]["log_id"]

    me, they = deployed["logs"][0]["registrant"], "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
    file = tmp_path / "terms.yaml"
    file.write_text(yaml.safe_dump({"authority": me}), "utf-8")
    inspectors = assay("contract", "new", buyer, "inspector-registry", file)["address"]
    inspector, now = account(40), datetime.fromtimestamp(evm.now, UTC)
    evm.wait(0)
    file.write_text(yaml.safe_dump({"inspector": inspector.address, "until": evm.now + 10**6}), "utf-8")
    assay("contract", "call", buyer, inspectors, "appoint", file)

    terms = {
        "buyer": me,
        "seller": they,
        "arbiter": account(41).address,
        "token": token.address,
        "inspectors": inspectors,
        "logId": log_id,
        "paper": "0x" + "ab" * 32,
        "unitPrice": "7",
        "quantity": 100,
        "fundBy": now + timedelta(days=1),
        "deliverBy": now + timedelta(days=9),
        "graceSeconds": 0,
        "inspectSeconds": 86_400,
        "arbitrateSeconds": 86_400,
        "latePerDay": 0,
        "lateMost": 0,
        "sellerShareIfSilent": 5_000,
    }
    file.write_text(yaml.safe_dump(terms), "utf-8")
    order = assay("contract", "new", buyer, "purchase-order/1", file)["address"]
    assert run(["contract", "show", str(buyer), order]) == 0
    told = capsys.readouterr().out
    assert terms["fundBy"].replace(microsecond=0).isoformat().replace("+00:00", "Z") in told
    assert "fund: Fund (Buyer)" in told
    token.send(OWNER.address, "mint", me, 700)
    token.send(me, "approve", order, 700)
    assay("contract", "call", buyer, order, "fund")
    file.write_text(yaml.safe_dump({"note": "0x" + "cd" * 32}), "utf-8")
    assay("contract", "call", seller, order, "deliver", file)

    path = proof_hashes(inclusion_spans(4, 20), lambda a, b: root_of(LEAVES[a:b]))
    deadline = evm.now + 1_000
    domain = TypedDomain("Assay Purchase Order", 31337, order)
    signature = sign_disposition(inspector, domain, bytes.fromhex(log_id[2:]), LEAVES[4], (90, 10), deadline)
    settled = {
        "entry": {
            "leaf": "0x" + LEAVES[4].hex(),
            "index": 4,
            "size": 20,
            "path": ["0x" + one.hex() for one in path],
        },
        "verdict": {
            "accepted": 90,
            "rejected": 10,
            "deadline": deadline,
            "signature": "0x" + signature.hex(),
        },
    }
    file.write_text(json.dumps(settled), "utf-8")
    assay("contract", "call", seller, order, "settle", file)
    shown = assay("contract", "show", buyer, order)
    assert (shown["state"]["name"], shown["values"]["accepted"], shown["values"]["rejected"]) == (
        "closed",
        90,
        10,
    )
    assert [one["function"] for one in shown["transitions"]] == ["withdraw"]
    file.write_text(yaml.safe_dump({"to": BUYER.address}), "utf-8")
    assay("contract", "call", seller, order, "withdraw", file)
    assert token.look("balanceOf", BUYER.address) == 630


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    assert run([*map(str, words)]) == 1
    return capsys.readouterr().err


def test_what_can_go_wrong_is_said_with_what_to_do(
    node: Anvil, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = plant(node, tmp_path / "plant", KEY)
    assert "assay chain deploy" in refused(capsys, "contract", "show", home, "0x" + "11" * 20)
    terms = tmp_path / "terms.yaml"
    terms.write_text("authority: nobody\n", "utf-8")
    assert "authority" in refused(capsys, "contract", "new", home, "inspector-registry", terms)
    assert "purchase-order/1" in refused(capsys, "contract", "new", home, "purchase", terms)
    assert "settings.yaml" in refused(capsys, "chain", "status", tmp_path)
    (home / "sender.key").chmod(0o644)
    assert "chmod 600" in refused(capsys, "chain", "deploy", home)


def test_addresses_and_hashes_need_no_quotes_and_every_refusal_of_a_contract_says_what_to_do(
    node: Anvil, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ours, theirs = plant(node, tmp_path / "ours", KEY), plant(node, tmp_path / "theirs", SELLER_KEY)
    Shell(capsys)("chain", "deploy", ours, "--template", "inspector-registry")
    (theirs / "chain/deployment.json").write_bytes((ours / "chain/deployment.json").read_bytes())
    file = tmp_path / "terms.yaml"
    file.write_text(f"authority: {OWNER.address}\n", "utf-8")
    registry = Shell(capsys)("contract", "new", ours, "inspector-registry", file)["address"]
    file.write_text(f"inspector: {BUYER.address}\nuntil: 1900000000\n", "utf-8")
    said = refused(capsys, "contract", "call", theirs, registry, "appoint", file)
    assert "NotAllowed(0x70997970" in said
    assert "sender_key" in said
    assert run(["contract", "call", str(theirs), registry, "appoint", str(file), "--lang", "zh"]) == 1
    assert "无权" in capsys.readouterr().err

    file.write_text("inspector: 0x12\nuntil: 1900000000\n", "utf-8")
    assert "inspector: '0x12'" in refused(capsys, "contract", "call", ours, registry, "appoint", file)
    file.write_text(f"inspector: {BUYER.address}\nuntil: -1\n", "utf-8")
    said = refused(capsys, "contract", "call", ours, registry, "appoint", file)
    assert "until: -1; uint64 = 0 … 18446744073709551615" in said
    assert "inspector: address, until: uint64" in said
    missing = refused(capsys, "contract", "call", ours, registry, "appoint", tmp_path / "none.yaml")
    assert "none.yaml can't be read: No such file" in missing

    assert run(["contract", "templates", "purchase-order"]) == 0
    told = " ".join(capsys.readouterr().out.split())  # lines are as long as the terminal is wide
    assert "deliver: Deliver (Seller)" in told
    assert "note: bytes32" in told
    assert "verdict: (accepted: uint64, rejected: uint64, deadline: uint64, signature: bytes)" in told


def test_hints_of_refusals_name_values_that_the_contracts_give() -> None:
    given: dict[str, set[str]] = {}
    for file in (Path(__file__).parents[2] / "src/assay/exchange/chain/artifacts").glob("*.json"):
        for each in json.loads(file.read_text("utf-8"))["abi"]:
            if each["type"] == "error":
                given[each["name"]] = {one["name"] for one in each["inputs"]}
    for language in ("zh", "en"):
        hints = {key: text for key, text in CATALOGUE.keys(language).items() if key.startswith("contract.")}
        assert hints
        for key, text in hints.items():
            named = {name for _, name, _, _ in string.Formatter().parse(text) if name}
            assert named <= given[key.removeprefix("contract.")], (language, key)


def test_a_chain_that_charges_for_gas_is_told_from_settings_that_pay_nothing(
    node: Anvil, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ours = plant(node, tmp_path / "ours", KEY.removeprefix("0x"))
    file = ours / "chain/settings.yaml"
    file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | {"most_gas_price": 0}), "utf-8")
    assert run(["chain", "deploy", str(ours)]) == 1
    assert "most_gas_price" in capsys.readouterr().err


def test_a_chain_that_does_not_answer_is_a_status_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with anvil(chain_id=31337) as short:
        home = plant(short, tmp_path / "plant", KEY)
    told = Shell(capsys)("chain", "status", home, code=1)
    assert "does not answer" in told["problem"]
