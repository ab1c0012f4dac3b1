"""Keys that hold for a time, and clocks that are far off: what is refused, where it is said, what to do."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.integration.test_ledger_keys import assay, plant_of, prove
from tests.unit.test_ledger_writer import several

from assay.cli.app import run
from assay.ledger.audit import audit
from assay.ledger.commitment import commit
from assay.ledger.entries import Entry, Individual, Origin, Signed, sign
from assay.ledger.errors import LedgerError, LogError
from assay.ledger.place import Place
from assay.ledger.rotation import issuer_of
from assay.ledger.segment import Record, SegmentWriter, read_segments
from assay.ledger.submitter import Submitter

HOUR = 3_600_000_000


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setenv("ASSAY_STATE", str(tmp_path / "state"))
    place = Place.make(tmp_path / "plant", "plant.example/main")
    with Submitter(place, idle=20.0) as submitter:
        submitter.append([made(issuer_of(place), 0)])
        submitter.checkpoint()
        yield place
        os.kill(submitter.state().process, signal.SIGTERM)


def now() -> int:
    return time.time_ns() // 1_000


def moment(hours: float) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


def made(key: Ed25519PrivateKey, seq: int, when: int | None = None, source: str = "hmi") -> Signed:
    said = commit({"result": "OK"})
    public, when = key.public_key().public_bytes_raw(), now() if when is None else when
    body = Individual("record", "U-7", Origin(source, 1, seq), when, when, said.root, 1, None, public)
    return sign(body, key)


def hand_in(place: Place, *signed: Signed) -> list[int | LedgerError]:
    with Submitter(place) as submitter:
        answers = submitter.append(signed)
        submitter.checkpoint()
    return [one if isinstance(one, LedgerError) else one.index for one in answers]


def refusal(place: Place, signed: Signed) -> LedgerError:
    (answer,) = hand_in(place, signed)
    assert isinstance(answer, LedgerError)
    assert answer.advice is not None
    assert answer.advice.en
    assert answer.advice.zh
    return answer


def expire(capsys: pytest.CaptureFixture[str], place: Place, *words: str) -> dict[str, Any]:
    return assay(capsys, "ledger", "expire", plant_of(place), *words, "--why", "yearly")


def test_an_expired_key_signs_nothing_more_until_it_is_prolonged_and_rotated(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    key = issuer_of(place)
    said = expire(capsys, place, "--until", moment(2))
    assert said["key"] == key.public_key().public_bytes_raw().hex()
    assert isinstance(hand_in(place, made(key, 1))[0], int)
    assert assay(capsys, "ledger", "status", plant_of(place))["issuer"]["state"] == "ok"
    assert run(["ledger", "status", plant_of(place)]) == 0
    assert f"may sign until {said['until']}" in " ".join(capsys.readouterr().out.split())
    expire(capsys, place, "--until", moment(-2))
    refused = refusal(place, made(key, 2))
    assert refused.reason == "key_expired"
    assert said["key"] in refused.said.en
    assert said["key"] in refused.said.zh
    assert refusal(place, made(key, 3, now() - 5 * HOUR)).reason == "key_expired", "an old time helps nobody"
    assert run(["ledger", "rotate", plant_of(place)]) == 1, "who stole it could do that, too"
    state = assay(capsys, "ledger", "status", plant_of(place))["issuer"]
    assert (state["state"], state["key"]) == ("expired", said["key"])
    assert run(["ledger", "status", plant_of(place)]) == 0
    assert "assay ledger expire --until" in capsys.readouterr().out
    assert run(["ledger", "expire", plant_of(place), "--until", moment(1), "--why", "one hour more"]) == 0
    assert said["key"] in capsys.readouterr().out
    assay(capsys, "ledger", "rotate", plant_of(place))
    assert refusal(place, made(key, 4)).reason == "retired_key"
    assert isinstance(hand_in(place, made(issuer_of(place), 5))[0], int)
    assert audit(place.folder).valid, "each entry is judged by what held when it was logged"


def test_a_key_that_holds_later_signs_nothing_yet(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes_raw().hex()
    expire(capsys, place, public, "--from", moment(24), "--until", moment(48))
    assert refusal(place, made(key, 1)).reason == "key_not_yet"
    assert isinstance(hand_in(place, made(issuer_of(place), 2))[0], int), "other keys are as they were"
    own = place.public_key().public.hex()
    assert run(["ledger", "expire", plant_of(place), own, "--until", moment(1), "--why", "x"]) == 1
    capsys.readouterr()
    assert run(["ledger", "expire", plant_of(place), "nokey", "--until", moment(1), "--why", "x"]) == 1
    assert "The key 'nokey' is not valid" in capsys.readouterr().err
    for words in (["--until", "tomorrow"], ["--from", moment(2), "--until", moment(1)]):
        assert run(["ledger", "expire", plant_of(place), *words, "--why", "x"]) == 1


def test_what_was_logged_past_the_end_of_a_key_is_found_by_audit_and_refused_by_verify(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever writes the log could log it all the same; the entry's own time gives it away."""
    key = issuer_of(place)
    public = key.public_key().public_bytes_raw().hex()
    until = moment(1)
    expire(capsys, place, "--until", until)
    (early, late) = hand_in(place, made(key, 1), made(key, 2, now() + HOUR // 10))
    assert isinstance(early, int)
    assert isinstance(late, int)
    policy = tmp_path / "policy"
    policy.write_text(f"log {place.public_key()}\nquorum none\n#expire {public} at {until}\n")
    fine = prove(place, early, tmp_path, capsys)
    assert assay(capsys, "verify", str(fine), "--policy", str(policy))["valid"]
    policy.write_text(f"log {place.public_key()}\nquorum none\n#expire {public} at {moment(-1)}\n")
    said = assay(capsys, "verify", str(fine), "--policy", str(policy), code=1)
    assert (said["reason"], said["index"]) == ("expired_issuer", early)
    copy = tmp_path / "copy"
    entries = [one.entry for one in read_segments(place.segments) if isinstance(one, Record)]
    writer = SegmentWriter(copy / "segment", 0, 1)
    writer.append([*entries, bytes(Entry(made(key, 3, now() + 2 * HOUR), late))])
    writer.close()
    (copy / "log.vkey").write_bytes((place.folder / "log.vkey").read_bytes())
    found = [(one.kind, one.index) for one in audit(copy).findings if one.index is not None]
    assert found == [("expired_issuer", len(entries))]


def test_a_signature_that_is_wrong_says_what_to_do(place: Place) -> None:
    (answer,) = hand_in(place, made(issuer_of(place), 1)._replace(signature=bytes(64)))
    assert isinstance(answer, LedgerError)
    assert answer.reason == "bad_signature"
    assert answer.advice is not None
    assert "Sign it again" in answer.advice.en


def test_an_entry_of_the_future_is_refused_and_says_both_times(place: Place) -> None:
    key = issuer_of(place)
    (near,) = hand_in(place, made(key, 1, now() + HOUR // 12))
    assert isinstance(near, int), "five minutes are a clock that nobody set"
    refused = refusal(place, made(key, 2, now() + 50 * 24 * HOUR))
    assert refused.reason == "clock_ahead"
    year = str((datetime.now(UTC) + timedelta(days=50)).year)
    assert year in refused.said.en
    assert year in refused.said.zh
    answers = hand_in(place, made(key, 3, 2**62), made(key, 4))
    assert [isinstance(one, int) for one in answers] == [False, True], "it keeps nothing else back"


def test_what_comes_late_is_logged_and_marked(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    assert assay(capsys, "ledger", "status", plant_of(place))["late"] == []
    (index,) = hand_in(place, made(issuer_of(place), 1, now() - 30 * 24 * HOUR, "edge-3"))
    (late,) = assay(capsys, "ledger", "status", plant_of(place))["late"]
    assert (late["source"], late["index"]) == ("edge-3", index)
    assert late["seconds"] // 86_400 == 30
    assert run(["ledger", "status", plant_of(place)]) == 0
    assert "edge-3" in capsys.readouterr().out
    with Submitter(place) as submitter:
        submitter.append(several(3))
    assert {one["source"] for one in assay(capsys, "ledger", "status", plant_of(place))["late"]} >= {"edge-3"}


def test_the_log_does_not_start_where_others_may_read_its_key(place: Place) -> None:
    place.key.chmod(0o644)
    with Submitter(place) as submitter:
        os.kill(submitter.state().process, signal.SIGTERM)
    with Submitter(place, patience=5) as submitter, pytest.raises(LogError) as refused:
        submitter.checkpoint()
    assert refused.value.reason == "key_open"
    place.key.chmod(0o600)
    with Submitter(place) as submitter:
        submitter.checkpoint()
