"""Watching logs and being a witness, on the command line and over HTTP."""

from __future__ import annotations

import functools
import http.server
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.integration.witnessing import said_by
from tests.unit.test_ledger_writer import acks, several

from assay.cli.app import run
from assay.ledger.derived import Derived
from assay.ledger.keys import KeyKind, SigningKey, VerifierKey
from assay.ledger.notes import Note
from assay.ledger.place import Place
from assay.ledger.standing import distrust, stated
from assay.ledger.submitter import Submitter
from assay.ledger.writer import Writer


def assay(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> dict[str, Any]:
    capsys.readouterr()
    assert run([*words, "--json"]) == code, capsys.readouterr().err
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setenv("ASSAY_STATE", str(tmp_path / "state"))
    place = Place.make(tmp_path / "plant", "plant.example/main")
    grow(place, 0, 300)
    return place


def grow(place: Place, start: int, count: int) -> None:
    with Writer(place) as writer:
        acks(writer.append(several(count, start)))


def plant_of(place: Place) -> str:
    return str(place.folder.parent.parent)


def note_of(place: Place) -> Note:
    found = Derived(place.folder).published()
    assert found is not None
    return found[0]


def kinds(said: dict[str, Any]) -> list[str]:
    return [seen["kind"] for one in said["logs"] for seen in one["observations"]]


@contextmanager
def static(folder: Path) -> Iterator[str]:
    """Any static server will do; this is Python's own."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_ones_own_log_is_watched_and_a_restored_backup_is_a_rollback(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(place.folder, tmp_path / "backup")
    first = assay(capsys, "ledger", "monitor", plant_of(place))
    assert (first["sound"], first["logs"][0]["before"], first["logs"][0]["size"]) == (True, None, 300)
    grow(place, 300, 280)
    again = assay(capsys, "ledger", "monitor", plant_of(place))
    assert (again["sound"], again["logs"][0]["before"], again["logs"][0]["size"]) == (True, 300, 580)
    shutil.rmtree(place.folder)
    shutil.copytree(tmp_path / "backup", place.folder)
    back = assay(capsys, "ledger", "monitor", plant_of(place), code=1)
    assert kinds(back) == ["rollback"]
    evidence = Path(back["logs"][0]["observations"][0]["evidence"])
    assert json.loads((evidence / "finding.json").read_text())["origin"] == "plant.example/main"
    for lang, word in (("en", "rollback"), ("zh", "回滚")):
        assert run(["ledger", "monitor", plant_of(place), "--lang", lang]) == 1
        out = capsys.readouterr().out
        assert word in out


def test_a_partners_log_is_watched_by_its_address_and_a_policy(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with static(place.folder) as url:
        policy = tmp_path / "policy"
        policy.write_text(f"log {place.public_key()} {url}\nquorum none\n")
        watching = ["ledger", "monitor", "--policy", str(policy), "--pins", str(tmp_path / "pins")]
        assert assay(capsys, *watching)["sound"]
        grow(place, 300, 300)
        assert assay(capsys, *watching)["logs"][0]["size"] == 600
        (place.folder / "tile/entries/001").unlink()
        by_key = [url, "--key", str(place.public_key()), "--pins", str(tmp_path / "other")]
        assert kinds(assay(capsys, "ledger", "monitor", *by_key, code=1)) == ["gap"]
    assert kinds(assay(capsys, *watching, code=1)) == ["unreachable"]
    assert run(["ledger", "monitor", url]) == 1
    assert "--key" in capsys.readouterr().err


def test_a_rotation_is_followed_by_who_pinned_the_old_key(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert assay(capsys, "ledger", "monitor", plant_of(place))["sound"]
    old = SigningKey.read(place.key)
    new = SigningKey.generate(old.verifier.name, KeyKind.ED25519)
    new.write(place.outside / f"log-{new.verifier.key_id.hex()}.key")
    with Writer(place) as writer:
        text = str(new.verifier).encode()
        made = stated("log-key", text, old.issuing(), new.verifier.public, new.countersign)
        acks(writer.append([made]))
        writer.checkpoint()
        acks(writer.append([said_by(place, "distrust", distrust(old.verifier.public, 300, "copied"))]))
    assert list(note_of(place).signers([old.verifier, new.verifier])) == [new.verifier]
    assert assay(capsys, "ledger", "monitor", plant_of(place))["sound"]


def test_the_proof_between_two_checkpoints_is_verified_against_what_was_kept(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept, policy, file = tmp_path / "kept.note", tmp_path / "policy", tmp_path / "proof"
    kept.write_bytes(bytes(note_of(place)))
    policy.write_text(f"log {place.public_key()}\nquorum none\n")
    grow(place, 300, 123)
    assay(capsys, "ledger", "consistency", plant_of(place), str(kept), "--out", str(file))
    trust = ["--policy", str(policy), "--pinned", str(kept)]
    said = assay(capsys, "verify", str(file), *trust)
    assert said == {"valid": True, "reason": None, "index": None, "size": 423, "cosigners": []}
    assert assay(capsys, "verify", str(file), code=1)["reason"] == "no_policy"
    assay(capsys, "ledger", "consistency", plant_of(place), "17", "--out", str(file))
    assert assay(capsys, "verify", str(file), "--policy", str(policy))["valid"]
    assert assay(capsys, "verify", str(file), *trust, code=1)["reason"] == "not_consistent"
    data = file.read_bytes()
    for at in range(0, len(data), 7):
        file.write_bytes(data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :])
        assert not assay(capsys, "verify", str(file), "--policy", str(policy), code=1)["valid"]
    assert run(["ledger", "consistency", plant_of(place), "424", "--out", str(file)]) == 1
    capsys.readouterr()

    assert assay(capsys, "audit", plant_of(place), "--pinned", str(kept))["valid"]
    other = Place.make(tmp_path / "other", "plant.example/main")
    grow(other, 500, 423)
    found = assay(capsys, "audit", plant_of(other), "--pinned", str(kept), code=1)["findings"]
    assert {one["kind"] for one in found} == {"pinned_differs", "pinned_key"}
    assert run(["ledger", "consistency", plant_of(other), str(kept), "--out", str(file)]) == 1
    assert "others than those that were signed" in capsys.readouterr().err


def test_without_a_pin_or_witness_audit_status_and_verify_say_what_does_not_show(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy, file = tmp_path / "policy", tmp_path / "p.tlog-proof"
    policy.write_text(f"log {place.public_key()}\nquorum none\n")
    assay(capsys, "ledger", "prove", plant_of(place), "4", "--out", str(file))
    for words in (["audit", plant_of(place)], ["ledger", "status", plant_of(place)]):
        for lang, word in (("en", "rolled back"), ("zh", "回滚")):
            assert run([*words, "--lang", lang]) == 0
            assert word in capsys.readouterr().out.replace("\n", " ")
    assert run(["verify", str(file), "--policy", str(policy)]) == 0
    assert "No witness vouches" in capsys.readouterr().out.replace("\n", " ")
    assert assay(capsys, "ledger", "status", plant_of(place))["quorum"] is False
    assert assay(capsys, "ledger", "witness", "status", plant_of(place), code=1)["witnesses"] == []


def test_a_witness_of_its_own_process_is_killed_and_goes_on(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = assay(capsys, "ledger", "witness", "init", "w.example")
    assert [VerifierKey.parse(key).name for key in made["keys"]] == ["w.example"] * 2
    assay(capsys, "ledger", "witness", "know", str(place.public_key()))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    policy = tmp_path / "policy"
    lines = [f"witness {name} {key} {url}" for name, key in zip(("ed", "pq"), made["keys"], strict=True)]
    policy.write_text("\n".join([*lines, "group both all ed pq", "quorum both", ""]))
    words = [sys.executable, "-m", "assay.cli", "ledger", "witness", "serve", "--port", str(port), "--json"]
    for _ in range(2):
        with subprocess.Popen(words, stdout=subprocess.DEVNULL) as process:
            try:
                answered(url)
                if policy.exists():
                    said = assay(capsys, "ledger", "witness", "policy", plant_of(place), str(policy))
                    assert said["policy"].endswith("quorum both\n")
                    ended(place)
                    policy.unlink()
                grow(place, 1000 + process.pid, 3)
                seen = assay(capsys, "ledger", "status", plant_of(place))
                assert (seen["cosigners"], seen["quorum"]) == (["ed", "pq"], True)
                assert (seen["witnesses"], seen["contradicted"]) == (2, [])
            finally:
                process.send_signal(signal.SIGKILL)
    grow(place, 9000, 3)
    status = assay(capsys, "ledger", "witness", "status", plant_of(place), code=1)
    assert [one["state"] for one in status["witnesses"]] == ["down", "down"]
    held = assay(capsys, "ledger", "witness", "seen")
    assert [(one["origin"], one["size"]) for one in held["logs"]] == [("plant.example/main", 307)]
    assert run(["ledger", "status", plant_of(place), "--lang", "zh"]) == 0
    assert "没有应答" in capsys.readouterr().out


def answered(url: str) -> None:
    until = time.monotonic() + 120
    while True:
        try:
            assert httpx.post(f"{url}/add-checkpoint", content=b"x", timeout=5).status_code == 400
        except httpx.TransportError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            return


def ended(place: Place) -> None:
    """End the sequencer that the command line started, so that this process can write the log."""
    with Submitter(place) as submitter:
        os.kill(submitter.state().process, signal.SIGTERM)
    until = time.monotonic() + 120
    while True:
        try:
            Writer(place).close()
        except ValueError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            return
