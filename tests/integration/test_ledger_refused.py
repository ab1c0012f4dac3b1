"""The log of what the gate refused is a log too: witnesses, keys, a head outside, audit, monitor, status."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from evidence_plant import START, logging_plant, state
from fastapi.testclient import TestClient
from tests.integration.witnessing import Partner

from assay.api import ApiSettings, create_app
from assay.apps.evidence import log_remarks, log_state
from assay.cli.app import run
from assay.ledger.commitment import commit
from assay.ledger.derived import CHECKPOINT, Derived
from assay.ledger.entries import Individual, Origin, sign
from assay.ledger.errors import LogError
from assay.ledger.gate.facts import claims_of, fact_of
from assay.ledger.gate.policy import parse_policy
from assay.ledger.keys import VerifierKey
from assay.ledger.notes import Note
from assay.ledger.place import REFUSED, Place
from assay.ledger.segment import Record, SegmentWriter, read_segments
from assay.ledger.submitter import Submitter
from assay.ledger.tiles import read_bundle
from assay.store.plant_evidence import audit_plant
from assay.store.workspace import Workspace

__all__ = ["state"]

POLICY = """
format: assay/gate-policy@1
name: measuring
version: "1"
clock: {ahead_s: 315360000}
requirements:
  inspector: {about: person, fact: qualification}
applies:
  - {kinds: [attestation], steps: [inspect], requires: [inspector]}
"""


@pytest.fixture
def plant(state: Path, tmp_path: Path) -> Iterator[Workspace]:
    with logging_plant(tmp_path / "plant") as workspace:
        content = parse_policy(POLICY).canonical()
        gate = fact_of("policy", values={"policy": content})
        workspace.evidence.say("configuration", "gate", {"why": "trial"}, gate=gate)
        yield workspace


def refuse(plant: Workspace, count: int = 1) -> None:
    """Have the gate refuse what somebody without a qualification says, and sign that."""
    for at in range(count):
        claims = claims_of("inspect", {"person": "p-2"})
        plant.evidence.say("attestation", f"U-{at}", {"at": str(START)}, gate=claims)
    plant.evidence.submitter.checkpoint()


def assay(capsys: pytest.CaptureFixture[str], *words: object, code: int = 0) -> dict[str, Any]:
    capsys.readouterr()
    assert run([*map(str, words), "--json"]) == code, capsys.readouterr().err
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def refused_of(plant: Workspace) -> Place:
    return Place.of(plant.path, REFUSED)


def size_of(place: Place) -> int:
    found = Derived(place.folder).published()
    assert found is not None
    return found[1].size


def stop(plant: Workspace) -> None:
    """End the plant's sequencer, and wait until its lock is free."""
    submitter = plant.evidence.submitter
    submitter.close()
    until = time.monotonic() + 120
    while submitter.place.socket.exists() and time.monotonic() < until:
        time.sleep(0.05)


def test_witnesses_of_the_refused_log_cosign_it_and_status_says_so(
    plant: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refuse(plant)
    before = assay(capsys, "ledger", "status", plant.path)
    assert (before["refused"]["size"], before["refused"]["witnesses"]) == (1, 0)
    assert "The log of what the gate refused: **No witness" in log_remarks(plant).text.en
    partner = Partner(tmp_path / "w0", "w0.example")
    partner.knows(refused_of(plant).public_key())
    policy = tmp_path / "witnesses"
    policy.write_text(f"{partner.line('w0')}\nquorum w0\n")
    with partner.at_work():
        said = assay(capsys, "ledger", "witness", "policy", plant.path, policy, "--refused")
        assert said["origin"].endswith("/refused")
        refuse(plant)
        seen = assay(capsys, "ledger", "status", plant.path)
        asked = assay(capsys, "ledger", "witness", "status", plant.path, "--refused")
    assert seen["refused"]["cosigners"] == ["w0"] == asked["cosigners"]
    assert seen["refused"]["quorum"]
    assert seen["refused"]["head"]
    assert (seen["witnesses"], seen["quorum"]) == (0, False), "the main log has its own"
    assert partner.size() == seen["refused"]["size"] == 3
    assert audit_plant(plant.path).valid
    shown = {one.id: one.value for one in log_state(plant).items}
    assert (shown["log_refused"], shown["log_refused_cosigners"]) == (3, "1 / 1")
    assert "of what the gate refused" not in log_remarks(plant).text.en, "it has its quorum"
    assert run(["ledger", "status", str(plant.path)]) == 0
    assert "/refused" in capsys.readouterr().out


def test_the_key_of_the_refused_log_is_rotated_and_an_old_one_distrusted(
    plant: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refuse(plant)
    place = refused_of(plant)
    issuer, old = plant.evidence.public, place.public_key()
    said = assay(capsys, "ledger", "rotate", plant.path, "--refused")
    assert said["what"] == "log"
    assert plant.evidence.public == issuer
    assert not (place.outside / "issuer.key").exists(), "the plant's issuer says it, nobody else"
    new = place.public_key()
    assert str(new) == said["new"] != str(old)
    place.key_of(old).unlink()
    assay(capsys, "ledger", "distrust", plant.path, old, "--after", 1, "--why", "trial", "--refused")
    refuse(plant, 3)
    found = Derived(place.folder).published()
    assert found is not None
    assert list(found[0].signers([old, new])) == [new]
    assert found[1].size == 6
    seen = audit_plant(plant.path)
    assert seen.valid, seen.findings
    assert [VerifierKey.parse(one) for one in (place.folder / "log.vkey").read_text().split()] == [old, new]
    watched = assay(capsys, "ledger", "monitor", plant.path)
    assert [one["size"] for one in watched["logs"]] == [size_of(Place.of(plant.path)), 6]


def test_nobody_hands_a_record_to_the_refused_log_past_the_gate(plant: Workspace) -> None:
    refuse(plant)
    key = plant.evidence.issuer
    made = commit({"result": "OK"})
    body = Individual("record", "U-1", Origin("x", 1, 1), 1, 1, made.root, 1, None, plant.evidence.public)
    with Submitter(refused_of(plant)) as submitter, pytest.raises(LogError) as refused:
        submitter.append([sign(body, key)])
    assert refused.value.reason == "not_a_statement"
    with Submitter(refused_of(plant)) as submitter, pytest.raises(LogError) as refused:
        submitter.append([sign(body, key)._replace(signature=bytes(64))])
    assert refused.value.reason == "bad_signature"
    assert size_of(refused_of(plant)) == 1


def test_a_refused_log_out_of_an_old_backup_is_found_by_writer_pin_and_monitor(
    plant: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refuse(plant)
    place = refused_of(plant)
    assert assay(capsys, "ledger", "monitor", plant.path)["sound"]
    shutil.copytree(place.folder, tmp_path / "backup")
    refuse(plant, 2)
    pinned = tmp_path / "pinned"
    shutil.copy(place.folder / CHECKPOINT, pinned)
    assert assay(capsys, "audit", plant.path, "--pinned", pinned)["valid"]
    watched = assay(capsys, "ledger", "monitor", plant.path)
    assert [one["size"] for one in watched["logs"]] == [size_of(Place.of(plant.path)), 3]
    assert Note.parse(place.head.read_bytes()).text == Note.parse(pinned.read_bytes()).text
    stop(plant)
    shutil.rmtree(place.folder)
    shutil.copytree(tmp_path / "backup", place.folder)
    found = assay(capsys, "audit", plant.path, "--pinned", pinned, code=1)["findings"]
    assert ("../refused/checkpoint", "pinned_differs") in [(one["file"], one["kind"]) for one in found]
    watched = assay(capsys, "ledger", "monitor", plant.path, code=1)
    assert [[one["kind"] for one in log["observations"]] for log in watched["logs"]] == [[], ["rollback"]]
    with Submitter(Place.of(plant.path), idle=1) as submitter, pytest.raises(LogError) as refused:
        submitter.checkpoint()
    assert refused.value.reason == "lost_signed"
    capsys.readouterr()


def test_a_refused_log_without_its_head_goes_on_once_somebody_answers_for_it(
    plant: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    refuse(plant)
    place = refused_of(plant)
    stop(plant)
    place.head.unlink()
    with Submitter(Place.of(plant.path), idle=1) as submitter, pytest.raises(LogError) as refused:
        submitter.checkpoint()
    assert refused.value.reason == "no_head"
    assert refused.value.advice is not None
    assert "--refused" in refused.value.advice.en
    assert assay(capsys, "ledger", "resume", plant.path, "--refused", "--accept-unwitnessed")["size"] == 2
    refuse(plant)
    assert size_of(place) == 3
    seen = audit_plant(plant.path)
    assert seen.valid, seen.findings


def test_an_audit_looks_at_every_signature_of_the_refused_log(plant: Workspace) -> None:
    """Whoever writes it can make a segment that reads well; the issuer's signature is not theirs to make."""
    refuse(plant, 2)
    stop(plant)
    segments = refused_of(plant).segments
    entries = [one.entry for one in read_segments(segments) if isinstance(one, Record)]
    shutil.rmtree(segments)
    writer = SegmentWriter(segments, 0, 1)
    writer.append([entries[0].replace(b"U-0", b"U-7"), entries[1]])
    writer.close()
    found = [one for one in audit_plant(plant.path).findings if one.kind == "issuer_signature"]
    assert [(one.file.split("/")[1], one.index) for one in found] == [("refused", 0)]
    assert "issuer_signature" not in {one.kind for one in audit_plant(plant.path, quick=True).findings}


def test_the_refused_log_is_served_beside_the_main_one(plant: Workspace) -> None:
    refuse(plant, 3)
    place = refused_of(plant)
    app = create_app(plant.path, settings=ApiSettings(publish_log=True))
    with TestClient(app, base_url="http://127.0.0.1") as client:
        for name in (CHECKPOINT, "log.vkey"):
            assert client.get(f"/log/{REFUSED}/{name}").content == (place.folder / name).read_bytes()
        bundle = client.get(f"/log/{REFUSED}/tile/entries/000.p/3")
        assert len(read_bundle(bundle.content, 3)) == 3
        assert client.get(f"/log/{REFUSED}/tile/entries/000.p/4").status_code == 404


def test_that_something_was_refused_is_proved_and_verified_offline(
    plant: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refuse(plant, 2)
    file, policy = tmp_path / "refused.tlog-proof", tmp_path / "policy"
    assay(capsys, "ledger", "prove", plant.path, 1, "--refused", "--out", file)
    policy.write_text(f"log {refused_of(plant).public_key()}\nquorum none\n")
    said = assay(capsys, "verify", file, "--policy", policy)
    assert (said["valid"], said["index"], said["size"]) == (True, 1, 2)
    policy.write_text(f"log {Place.of(plant.path).public_key()}\nquorum none\n")
    assert assay(capsys, "verify", file, "--policy", policy, code=1)["reason"] == "wrong_log"
    words = ["ledger", "prove", str(plant.path), "U-1", "--refused", "--out", str(tmp_path / "none")]
    assert run(words) == 1
    assert not (tmp_path / "none").exists()
