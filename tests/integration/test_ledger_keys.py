"""Keys of a log and of its issuers change, are not believed any more, or are held elsewhere."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from evidence_plant import batches, load, logging_plant, readings
from tests.unit.test_ledger_writer import several

from assay.cli.app import run
from assay.ledger.audit import audit
from assay.ledger.checkpoint import Checkpoint
from assay.ledger.commitment import commit
from assay.ledger.derived import Derived
from assay.ledger.entries import Individual, Origin, sign
from assay.ledger.errors import LedgerError, LogError
from assay.ledger.keys import KeyKind, SigningKey, VerifierKey
from assay.ledger.merkle import leaf_hash
from assay.ledger.place import Place
from assay.ledger.policy import Policy
from assay.ledger.proving import verify_file
from assay.ledger.rotation import issuer_of, rotate_issuer
from assay.ledger.signer import SocketSigner
from assay.ledger.standing import published_standing
from assay.ledger.submitter import Submitter
from assay.store.keys import LoadKey


def assay(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> dict[str, Any]:
    capsys.readouterr()
    assert run([*words, "--json"]) == code, capsys.readouterr().err
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """A log with a sequencer of its own, which ends with the test."""
    monkeypatch.setenv("ASSAY_STATE", str(tmp_path / "state"))
    place = Place.make(tmp_path / "plant", "plant.example/main")
    with Submitter(place, idle=20.0) as submitter:
        submitter.append(several(40))
        submitter.checkpoint()
        yield place
        os.kill(submitter.state().process, signal.SIGTERM)


def plant_of(place: Place) -> str:
    return str(place.folder.parent.parent)


def record(place: Place, seq: int, *, key: Any = None) -> int | str:
    """Log a record of the plant's issuer; its index, or why not."""
    key = key or issuer_of(place)
    made = commit({"result": "OK"})
    public = key.public_key().public_bytes_raw()
    body = Individual("record", "U-7", Origin("hmi", 1, seq), seq, seq, made.root, 1, None, public)
    with Submitter(place) as submitter:
        (answer,) = submitter.append([sign(body, key)])
        submitter.checkpoint()
    return answer.reason if isinstance(answer, LedgerError) else answer.index


def prove(place: Place, index: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    file = tmp_path / f"{index}.tlog-proof"
    assay(capsys, "ledger", "prove", plant_of(place), str(index), "--out", str(file))
    return file


def test_an_issuers_key_is_rotated_and_the_old_one_signs_nothing_more(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = issuer_of(place)
    first = record(place, 1)
    said = assay(capsys, "ledger", "rotate", plant_of(place))
    new = issuer_of(place)
    assert said["old"] == old.public_key().public_bytes_raw().hex()
    assert said["new"] == new.public_key().public_bytes_raw().hex()
    assert record(place, 2, key=old) == "retired_key"
    assert record(place, 3) == said["index"] + 1
    assert audit(place.folder).valid
    assert isinstance(first, int)
    policy = tmp_path / "policy"
    policy.write_text(f"log {place.public_key()}\nquorum none\n")
    for index in (first, said["index"] + 1):
        file = prove(place, index, tmp_path, capsys)
        assert assay(capsys, "verify", str(file), "--policy", str(policy))["valid"]
    key_file = place.outside / "issuer.key"
    key_file.chmod(0o644)
    assert run(["ledger", "rotate", plant_of(place)]) == 1
    assert "chmod 600" in capsys.readouterr().err


def test_a_plant_that_is_open_while_its_key_is_rotated_goes_on_with_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSAY_STATE", str(tmp_path / "state"))
    with logging_plant(tmp_path / "plant") as workspace:
        load(workspace, "reading", [readings(5)], LoadKey("press", "a.csv"))
        place = workspace.evidence.place
        done = rotate_issuer(place)
        load(workspace, "reading", [readings(5, first=5)], LoadKey("press", "b.csv"))
        assert workspace.evidence.state.why is None
        issuers = [one.issuer.hex() for one in batches(workspace.path)]
        assert issuers == [done.old, done.new]
        assert audit(place.folder).valid
        os.kill(process_of(place), signal.SIGTERM)


def test_what_a_stolen_issuers_key_signed_after_an_entry_is_found_by_audit_and_refused_by_verify(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stolen = issuer_of(place)
    good, forged = record(place, 1), record(place, 2)
    assert isinstance(good, int)
    assert isinstance(forged, int)
    (place.outside / "issuer.key").unlink()  # the plant goes on with a new key
    public = stolen.public_key().public_bytes_raw().hex()
    said = assay(
        capsys, "ledger", "distrust", plant_of(place), public, "--after", str(good), "--why", "laptop stolen"
    )
    assert said["key"] == public
    assert record(place, 3, key=stolen) == "distrusted_key"
    seen = assay(capsys, "audit", plant_of(place), code=1)
    assert [(one["kind"], one["index"], one["rebuildable"]) for one in seen["findings"]] == [
        ("distrusted_issuer", forged, False)
    ]
    policy = tmp_path / "policy"
    policy.write_text(f"log {place.public_key()}\nquorum none\n#distrust {public} after {good}\n")
    fine = prove(place, good, tmp_path, capsys)
    assert assay(capsys, "verify", str(fine), "--policy", str(policy))["valid"]
    bad = prove(place, forged, tmp_path, capsys)
    refused = assay(capsys, "verify", str(bad), "--policy", str(policy), code=1)
    assert (refused["reason"], refused["index"]) == ("distrusted_issuer", forged)
    late = ["ledger", "distrust", plant_of(place), public, "--after", "9999", "--why", "x"]
    assert run(late) == 1
    assert "9999" in capsys.readouterr().err


def test_the_logs_key_is_rotated_both_sign_and_a_stolen_old_one_counts_no_more(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = place.public_key()
    before = prove(place, 3, tmp_path, capsys).read_bytes()
    said = assay(capsys, "ledger", "rotate", plant_of(place), "--log")
    new = VerifierKey.parse(said["new"])
    assert place.keys() == [old, new]
    assert Place.of(Path(plant_of(place))) == place, "the log is still found by its founding key"
    published = Derived(place.folder).published()
    assert published is not None
    assert set(published[0].signers([old, new])) == {old, new}
    assert audit(place.folder).valid
    policies = {key: Policy.parse(f"log {key}\nquorum none\n".encode()) for key in (old, new)}
    after = prove(place, 3, tmp_path, capsys).read_bytes()
    assert verify_file(after, policies[old]).valid, "who has not heard of the new key still believes"
    assert verify_file(after, policies[new]).valid
    assert verify_file(before, policies[new]).reason == "no_signature"

    last = published[1].size - 1
    assay(capsys, "ledger", "distrust", plant_of(place), str(old), "--after", str(last), "--why", "copied")
    published = Derived(place.folder).published()
    assert published is not None
    assert set(published[0].signers([old, new])) == {new}
    assert audit(place.folder).valid
    told = Policy.parse(f"log {old}\nquorum none\n#distrust {old} after {last}\n".encode())
    assert verify_file(before, told).reason == "distrusted_log", "nobody but the stolen key says so"
    os.kill(process_of(place), signal.SIGKILL)
    assert record(place, 50) == last + 2, "a new sequencer signs with the new key"
    assert published_standing(place).signing == [new]


def process_of(place: Place) -> int:
    with Submitter(place) as submitter:
        return submitter.state().process


def test_a_key_nobody_announced_and_a_missing_key_are_clear_states(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    os.kill(process_of(place), signal.SIGKILL)
    kept = place.key.read_bytes()
    place.key.unlink()
    with Submitter(place) as submitter, pytest.raises(LedgerError) as refused:
        submitter.state()
    assert refused.value.reason == "no_key"
    SigningKey.generate("plant.example/main", KeyKind.ED25519).write(place.key)
    with Submitter(place) as submitter, pytest.raises(LedgerError) as refused:
        submitter.state()
    assert refused.value.reason == "other_key"
    place.key.chmod(0o604)
    with Submitter(place) as submitter, pytest.raises(LedgerError) as refused:
        submitter.state()
    assert refused.value.reason == "key_open"
    place.key.write_bytes(kept)
    place.key.chmod(0o600)


def test_a_signer_that_has_gone_is_said_in_the_status_and_the_log_takes_entries_on(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.kill(process_of(place), signal.SIGKILL)
    held = tmp_path / "held.key"
    place.key.rename(held)
    place.signer.parent.mkdir(mode=0o700, exist_ok=True)
    place.signer.touch()  # it was there when the log started
    with Submitter(place) as submitter:
        (answer,) = submitter.append(several(1, 500))
        assert not isinstance(answer, LedgerError), answer
        until = time.monotonic() + 120
        while assay(capsys, "ledger", "status", plant_of(place))["trouble"] is None:
            assert time.monotonic() < until
            time.sleep(0.1)
        said = assay(capsys, "ledger", "status", plant_of(place))["trouble"]
        assert said["reason"] == "no_signer"
        assert str(place.signer) in said["zh"]
        place.signer.unlink()
        held.rename(place.key)
        os.kill(submitter.state().process, signal.SIGTERM)
    assert assay(capsys, "ledger", "checkpoint", plant_of(place))["signed"] == 41
    assert assay(capsys, "ledger", "status", plant_of(place))["trouble"] is None


def test_the_log_signs_with_ml_dsa_too(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    said = assay(capsys, "ledger", "cosigner", plant_of(place))
    key = VerifierKey.parse(said["key"])
    published = Derived(place.folder).published()
    assert published is not None
    line = published[0].signers([key])[key]
    assert abs(line.timestamp - time.time()) < 60
    assert audit(place.folder).valid
    assert place.cosigner.stat().st_mode & 0o777 == 0o600


def test_a_signer_holds_the_key_and_never_signs_backwards(place: Place, tmp_path: Path) -> None:
    os.kill(process_of(place), signal.SIGKILL)
    vault = tmp_path / "vault"
    vault.mkdir(mode=0o700)
    held = vault / "log.key"
    held.write_bytes(place.key.read_bytes())
    held.chmod(0o600)
    place.key.unlink()
    words = [sys.executable, "-m", "assay.cli", "ledger", "signer", plant_of(place), str(held), "--json"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            while "}" not in (line := process.stdout.readline()):
                assert line
            assert isinstance(record(place, 70), int)
            assert audit(place.folder).valid
            key = place.public_key()
            signer = SocketSigner(place.signer, key)
            for said in (
                Checkpoint(key.name, 3, leaf_hash(b"")),
                Checkpoint("other.example", 900, leaf_hash(b"")),
            ):
                with pytest.raises(LogError) as refused:
                    signer.sign(str(said))
                assert refused.value.reason == "signer_refused"
            with pytest.raises(LogError):
                signer.countersign(b"anything")
        finally:
            process.kill()
