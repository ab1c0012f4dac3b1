"""The evidence log on the command line, and a verifier that shares no code with Assay."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from assay.cli.app import run
from assay.ledger.commitment import commit
from assay.ledger.derived import Derived
from assay.ledger.entries import Individual, Origin, sign
from assay.ledger.errors import VerificationError
from assay.ledger.keys import KeyKind, SigningKey
from assay.ledger.place import Place
from assay.ledger.policy import Policy
from assay.ledger.proving import bundle, prove, verify_file
from assay.ledger.writer import Writer

INDEPENDENT = Path(__file__).parents[2] / "examples/verify-evidence/verify_evidence.py"
ISSUER = Ed25519PrivateKey.from_private_bytes(bytes([7] * 32))
WITNESSES = [SigningKey(f"w{n}.example", KeyKind.COSIGNATURE_ED25519, bytes([n] * 32)) for n in range(1, 4)]
FIELDS = {"result": "OK", "torque": Decimal("12.50"), "operator": "p-7f"}


def assay(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> dict[str, Any]:
    capsys.readouterr()
    assert run([*words, "--json"]) == code
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.fixture
def plant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    """A plant whose log has dispositions on ten units, three each."""
    monkeypatch.setenv("ASSAY_STATE", str(tmp_path / "state"))
    plant = tmp_path / "plant"
    plant.mkdir()
    assay(capsys, "ledger", "init", str(plant), "--origin", "plant.example/main")
    with Writer(Place.of(plant)) as writer:
        for seq in range(30):
            made = commit(FIELDS, lambda name: name.encode().ljust(16, b"."))
            body = Individual(
                "disposition", f"U-{seq % 10}", Origin("qms", 1, seq), seq, seq, made.root, 3, None,
                ISSUER.public_key().public_bytes_raw(),
            )  # fmt: skip
            writer.append([sign(body, ISSUER)])
    return plant


@pytest.fixture
def policy(plant: Path, tmp_path: Path) -> Path:
    """Two of three witnesses must have cosigned."""
    place = Place.of(plant)
    lines = [
        f"log {place.public_key()}",
        *(f"witness w{n} {one.verifier}" for n, one in enumerate(WITNESSES)),
    ]
    path = tmp_path / "policy"
    path.write_text("\n".join([*lines, "group k 2 w0 w1 w2", "quorum k", ""]))
    return path


def cosign(plant: Path, count: int) -> None:
    derived = Derived(Place.of(plant).folder)
    published = derived.published()
    assert published is not None
    note = published[0]
    derived.publish(note.signed(*(one.sign(note.text, timestamp=1_790_000_000) for one in WITNESSES[:count])))


def independent(file: Path, policy: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, str(INDEPENDENT), str(file), str(policy)],
        capture_output=True,
        text=True,
        check=False,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == (0 if found["valid"] else 1)
    return found


def test_a_bundle_of_a_unit_is_verified_by_us_and_by_others(
    plant: Path, policy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "U-3.bundle"
    cosign(plant, 2)
    assay(capsys, "ledger", "bundle", str(plant), "U-3", "--out", str(file))
    shutil.rmtree(plant)  # offline: nothing of the plant is needed
    said = assay(capsys, "verify", str(file), "--policy", str(policy))
    assert said == {"valid": True, "reason": None, "index": 3, "size": 30, "cosigners": ["w0", "w1"]}
    other = independent(file, policy)
    assert other["cosigners"] == ["w0", "w1"]
    assert [(one["index"], one["subject"]) for one in other["entries"]] == [
        (3, "U-3"),
        (13, "U-3"),
        (23, "U-3"),
    ]


def test_no_policy_no_belief(plant: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "p.tlog-proof"
    assay(capsys, "ledger", "prove", str(plant), "4", "--out", str(file))
    said = assay(capsys, "verify", str(file), code=1)
    assert said == {"valid": False, "reason": "no_policy", "index": 4, "size": None, "cosigners": []}
    assert run(["verify", str(file)]) == 1
    told = " ".join(capsys.readouterr().out.split())
    assert told.startswith("Not valid: no_policy.")
    problem = VerificationError.of("no_policy")
    assert problem.said.en in told
    assert problem.advice is not None
    assert problem.advice.en in told


def test_a_policy_that_can_not_be_read_proves_nothing_and_says_what_one_looks_like(
    plant: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, policy = tmp_path / "p.tlog-proof", tmp_path / "half.policy"
    assay(capsys, "ledger", "prove", str(plant), "4", "--out", str(file))
    policy.write_text(f"log {Place.of(plant).public_key()}\n")
    said = assay(capsys, "verify", str(file), "--policy", str(policy), code=1)
    assert said == {"valid": False, "reason": "bad_policy", "index": None, "size": None, "cosigners": []}
    assert run(["verify", str(file), "--policy", str(policy)]) == 1
    assert "quorum none" in " ".join(capsys.readouterr().out.split())
    policy.write_text(f"log {Place.of(plant).public_key()}\nquorum none\n")
    assert assay(capsys, "verify", str(file), "--policy", str(policy))["valid"] is True


@pytest.mark.parametrize("quick", [(), ("--quick",)], ids=["whole", "quick"])
def test_a_key_file_that_is_no_text_any_more_is_a_finding(
    plant: Path, quick: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    file = plant / "ledger/main/log.vkey"
    data = bytearray(file.read_bytes())
    data[-3] ^= 0x80
    file.write_bytes(data)
    said = assay(capsys, "audit", str(plant), *quick, code=1)
    assert said["valid"] is False
    assert "log.vkey" in {one["file"] for one in said["findings"]}
    assert run(["ledger", "rebuild", str(plant)]) == 1
    assert "not UTF-8" in capsys.readouterr().err


def test_a_log_without_its_key_file_is_not_taken_for_a_plant_without_a_log(
    plant: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = plant / "ledger/main/log.vkey"
    kept = file.read_bytes()
    file.unlink()
    for words in (["status"], ["rebuild"], ["prove", "3", "-o", "p"]):
        assert run(["ledger", words[0], str(plant), *words[1:]]) == 1
        told = capsys.readouterr().err
        assert "lacks log.vkey" in told
        assert "ledger init" not in told
    assert assay(capsys, "audit", str(plant), code=1)["findings"][0]["file"] == "log.vkey"
    file.write_bytes(kept)
    assert assay(capsys, "audit", str(plant))["valid"]


def test_a_person_reads_what_a_file_proves_and_how_far_a_log_is(
    plant: Path, policy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cosign(plant, 2)
    file = tmp_path / "U-3.bundle"
    assay(capsys, "ledger", "bundle", str(plant), "U-3", "--out", str(file))
    assert run(["verify", str(file), "--policy", str(policy)]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "Entry 13: disposition of U-3, 1970-01-01T00:00:00.000013Z, issuer" in told
    assert run(["ledger", "status", str(plant), "--lang", "zh"]) == 0
    told = capsys.readouterr().out
    assert "已签名条目数" in told
    assert "True" not in told
    (plant / "ledger/main/checkpoint").unlink()
    assert run(["audit", str(plant), "--lang", "zh"]) == 1
    told = capsys.readouterr().out
    assert "是" in told
    assert "True" not in told


@pytest.mark.parametrize("data", [b"", b"unit,result\nU-1,OK\n", b"%PDF-1.7", b"\xff" * 40])
def test_a_file_of_another_kind_is_said_to_be_one(
    data: bytes, policy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file"
    file.write_bytes(data)
    assert assay(capsys, "verify", str(file), "--policy", str(policy), code=1)["reason"] == "not_a_proof"
    assert run(["verify", str(file), "--policy", str(policy)]) == 1
    told = capsys.readouterr().out
    assert "neither a proof nor a bundle" in told
    assert "CBOR" not in told


def test_a_field_is_shown_with_the_proof_of_its_entry(plant: Path, policy: Path, tmp_path: Path) -> None:
    cosign(plant, 3)
    made = commit(FIELDS, lambda name: name.encode().ljust(16, b"."))
    file = tmp_path / "field.tlog-proof"
    file.write_bytes(bytes(prove(Place.of(plant), 7, [made.disclose("torque")])))
    assert verify_file(file.read_bytes(), Policy.parse(policy.read_bytes())).valid
    other = independent(file, policy)
    assert other["entries"][0]["fields"] == {"torque": "12.50"}
    assert b"p-7f" not in file.read_bytes()


def test_too_few_witnesses_are_too_few_for_everybody(plant: Path, policy: Path, tmp_path: Path) -> None:
    cosign(plant, 1)
    file = tmp_path / "p.tlog-proof"
    file.write_bytes(bytes(prove(Place.of(plant), 0)))
    assert verify_file(file.read_bytes(), Policy.parse(policy.read_bytes())).reason == "quorum"
    assert independent(file, policy)["reason"] == "too few witnesses"


def test_a_policy_with_keys_that_are_not_trusted_is_not_read_as_one_without(
    plant: Path, policy: Path, tmp_path: Path
) -> None:
    cosign(plant, 3)
    file = tmp_path / "p.tlog-proof"
    issuer = ISSUER.public_key().public_bytes_raw().hex()
    policy.write_text(f"{policy.read_text()}#distrust {issuer} after 3\n")
    for index, valid in ((3, True), (4, False)):
        file.write_bytes(bytes(prove(Place.of(plant), index)))
        assert verify_file(file.read_bytes(), Policy.parse(policy.read_bytes())).valid is valid
        assert independent(file, policy)["valid"] is valid
    assert "not trusted" in independent(file, policy)["reason"]


def test_whatever_is_changed_in_a_bundle_it_is_refused_by_both(
    plant: Path, policy: Path, tmp_path: Path
) -> None:
    cosign(plant, 3)
    whole = bundle(Place.of(plant), "U-3")
    policy.write_text(policy.read_text().replace("group k 2", "group k all"))
    believed = Policy.parse(policy.read_bytes())
    assert verify_file(whole, believed).valid
    rng = random.Random(5)
    file = tmp_path / "changed"
    for number in range(200):
        data = bytearray(whole)
        at = rng.randrange(len(data))
        if number % 3:
            data[at] ^= 1 << rng.randrange(8)
        elif number % 2:
            del data[at:]
        else:
            data[at:at] = rng.randbytes(1)
        assert not verify_file(bytes(data), believed).valid
        if number % 10 == 0:
            file.write_bytes(bytes(data))
            assert not independent(file, policy)["valid"]


def test_audit_and_rebuild_on_the_command_line(
    plant: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(plant, tmp_path / "copy")
    said = assay(capsys, "audit", str(tmp_path / "copy"))
    assert said["valid"]
    assert said["size"] == 30
    tile = next((plant / "ledger/main/tile/0").rglob("30"))
    tile.write_bytes(b"x" + tile.read_bytes()[1:])
    found = assay(capsys, "audit", str(plant), "--quick", code=1)["findings"]
    name = tile.relative_to(plant / "ledger/main").as_posix()
    assert found == [{"file": name, "index": 0, "offset": 0, "kind": "tile_differs", "rebuildable": True}]
    assert assay(capsys, "ledger", "rebuild", str(plant)) == {"size": 30, "mended": 1}
    assert assay(capsys, "audit", str(plant))["valid"]


def test_going_on_without_a_head_must_be_accepted_and_is_logged(
    plant: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Place.of(plant).head.unlink()
    assert run(["ledger", "resume", str(plant)]) == 1
    assert "--accept-unwitnessed" in capsys.readouterr().err
    assert assay(capsys, "ledger", "resume", str(plant), "--accept-unwitnessed") == {"size": 31}
    assert assay(capsys, "ledger", "status", str(plant))["size"] == 31


def test_a_plant_without_a_log_is_told_how_to_begin_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in (["ledger", "status", str(tmp_path)], ["audit", str(tmp_path)]):
        assert run(words) == 1
        assert "assay ledger init" in capsys.readouterr().err


def test_the_independent_verifier_is_short_and_shares_nothing() -> None:
    source = INDEPENDENT.read_text("utf-8")
    assert source.count("\n") < 300
    assert "import assay" not in source
    assert "from assay" not in source
