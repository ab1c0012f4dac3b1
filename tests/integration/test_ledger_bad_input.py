"""Full disks, entries that are too large or not canonical, witnesses that disagree: each says what to do."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from evidence_plant import load, logging_plant, readings
from tests.integration.test_ledger_keys import assay, plant_of
from tests.integration.witnessing import Partner, policy_of, witnessed
from tests.unit.test_ledger_writer import ISSUER, KEY, made, several

from assay.cli.app import run
from assay.ledger import ed25519
from assay.ledger.audit import audit
from assay.ledger.canonical import Plain, checked_number, encode
from assay.ledger.commitment import commit
from assay.ledger.entries import INDIVIDUAL, LARGEST_BODY, Signed
from assay.ledger.errors import CATALOGUE, EntryError, LedgerError, LogError
from assay.ledger.place import Place
from assay.ledger.submitter import Submitter
from assay.ledger.wire import LARGEST_FRAME
from assay.store.evidence import Evidence
from assay.store.evidence_audit import audit_records
from assay.store.keys import LoadKey

BEGIN = """
import sys
from pathlib import Path
from assay.ledger.errors import LogError
from assay.ledger.place import Place
from assay.ledger.submitter import Submitter
with Submitter(Place(Path(sys.argv[1]), Path(sys.argv[2])), idle=1, patience=20) as submitter:
    try:
        print("ok", submitter.checkpoint().size)
    except LogError as problem:
        print(problem.reason, "|", problem.said.en, "|", problem.advice.zh)
"""


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


class Full:
    """The process writes no file beyond ``size`` bytes, as on a full disk, until the block ends."""

    def __init__(self, process: int, size: int) -> None:
        self._process, self._size = process, size

    def __enter__(self) -> None:
        self._before = resource.prlimit(self._process, resource.RLIMIT_FSIZE)
        resource.prlimit(self._process, resource.RLIMIT_FSIZE, (self._size, self._before[1]))

    def __exit__(self, *_: object) -> None:
        resource.prlimit(self._process, resource.RLIMIT_FSIZE, self._before)


def told(problem: LedgerError) -> LedgerError:
    """Check that it says in both languages what is wrong and what to do."""
    assert problem.advice is not None, problem.reason
    for text in (problem.said, problem.advice):
        assert text.en
        assert text.zh
        assert text.en != text.zh
    return problem


def test_a_full_disk_is_a_state_of_its_own_and_over_when_there_is_room(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    with Submitter(place) as submitter:
        process = submitter.state().process
        with Full(process, next(place.segments.iterdir()).stat().st_size + 100):
            with pytest.raises(LogError) as refused:
                submitter.append(several(30, 100))
            assert told(refused.value).reason == "not_written"
            assert submitter.state().size == 40
        submitter.append(several(30, 100))
        with Full(process, 64), pytest.raises(LogError) as refused:
            submitter.checkpoint()
        problem = told(refused.value)
        assert problem.reason == "disk"
        assert "File too large" in problem.said.en, "what the system said"
        assert str(place.folder) in problem.said.zh
        with Full(process, 2_000):  # no tile, but the file that says so
            with pytest.raises(LogError):
                submitter.checkpoint()
            trouble = assay(capsys, "ledger", "status", plant_of(place))["trouble"]
            assert trouble["reason"] == "disk"
            assert "Make room" in trouble["en"]
            assert "腾出空间" in trouble["zh"]
            assert run(["ledger", "status", plant_of(place)]) == 0
            assert "Make room" in " ".join(capsys.readouterr().out.split())
        assert submitter.checkpoint().signed == 70
        assert submitter.append(several(1, 100))[0].index == 40, "what was acknowledged is there"  # type: ignore[union-attr]
    assert assay(capsys, "ledger", "status", plant_of(place))["trouble"] is None
    assert audit(place.folder).valid


def test_a_log_that_can_not_start_on_a_full_disk_says_so_at_once(place: Place) -> None:
    with Submitter(place) as submitter:
        os.kill(submitter.state().process, signal.SIGTERM)
    while place.socket.exists():
        time.sleep(0.02)
    words = [sys.executable, "-c", BEGIN, str(place.folder), str(place.outside)]
    limited = ["bash", "-c", 'ulimit -S -f 0; exec "$@"', "-", *words]
    said = subprocess.run(limited, capture_output=True, text=True, check=True).stdout
    reason, english, advice = said.split(" | ")
    assert reason == "disk"
    assert str(place.outside) in english
    assert "腾出空间" in advice
    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout == "ok 40\n"


def test_what_a_plant_records_is_there_although_the_disk_of_its_log_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the log nor the databases beside its key take anything; the load is done, and logged later."""
    monkeypatch.setenv("ASSAY_STATE", str(tmp_path / "state"))
    with logging_plant(tmp_path / "plant") as plant:
        evidence = plant.evidence
        load(plant, "reading", [readings(50)], LoadKey("press", "a"))
        evidence.submitter.checkpoint()
        for database in (evidence.secrets._database, evidence.index._database):
            grown_no_more(database)
            while (problem := refusal_of(evidence)) is None:
                assert evidence.signed_size() < 9_000, "it may not grow, and took thousands of entries"
            assert told(problem).reason == "disk"
            assert "full" in problem.said.en
            if database is evidence.secrets._database:
                database.execute("pragma max_page_count = 1000000")
        loads = 0
        while evidence.state.why is None and loads < 100:
            load(plant, "reading", [readings(5, first=1_000 + 5 * loads)], LoadKey("press", f"b{loads}"))
            loads += 1
        assert evidence.state.why is not None
        assert told(evidence.state.why).reason == "disk"
        assert plant.lake.query("SELECT count(*) AS n FROM reading").to_pylist() == [{"n": 50 + 5 * loads}]
        evidence.index._database.execute("pragma max_page_count = 1000000")
        evidence.catch_up()
        assert evidence.state.why is None
        evidence.submitter.checkpoint()
        assert audit_records(plant.path).valid
        assert audit(evidence.place.folder).valid


def grown_no_more(database: sqlite3.Connection) -> sqlite3.Connection:
    """A database that finds no room beyond what it has."""
    pages = database.execute("pragma page_count").fetchone()[0]
    database.execute(f"pragma max_page_count = {pages}")
    return database


def refusal_of(evidence: Evidence) -> LogError | None:
    try:
        for _ in range(20):
            evidence.say("decision", f"U-{os.urandom(20).hex()}", {"why": "x"})
        evidence.submitter.checkpoint()
    except LogError as problem:
        return problem
    return None


def signed(parts: list[Plain], data: bytes | None = None) -> Signed:
    body = encode(parts) if data is None else data
    return Signed(body, ed25519.sign(KEY, b"assay/body@1\0" + body))


def parts_of(seq: int) -> list[Plain]:
    root = commit({"result": "OK"}).root
    return [INDIVIDUAL, "record", "U-1", "qms", 1, seq, 5, 5, root, 1, None, ISSUER]


def answer(place: Place, one: Signed) -> LedgerError:
    with Submitter(place) as submitter:
        bad, good = submitter.append([one, made(7_000)])
    assert not isinstance(good, LedgerError), "it keeps nothing else back"
    assert isinstance(bad, LedgerError)
    return told(bad)


def test_what_is_too_large_is_refused_by_itself_and_all_at_once(place: Place) -> None:
    large = parts_of(500)
    large[2] = "U" * LARGEST_BODY
    assert answer(place, signed(large)).reason == "too_large"
    with Submitter(place) as submitter, pytest.raises(EntryError) as refused:
        submitter.append([Signed(bytes(60_000), bytes(64))] * (LARGEST_FRAME // 60_000 + 1))
    assert told(refused.value).reason == "too_many"
    with Submitter(place) as submitter:
        assert submitter.state().size >= 40, "the sequencer didn't have to be left"


def test_numbers_in_another_form_are_refused_and_the_form_is_said(place: Place) -> None:
    body = encode(parts_of(501))
    at = body.index(b"qms") + 3
    longer = body[:at] + b"\x18\x01" + body[at + 1 :]  # 1 in two bytes
    assert answer(place, signed([], longer)).reason == "not_canonical"
    floating = body[:at] + b"\xf9\x3c\x00" + body[at + 1 :]  # 1.0
    assert answer(place, signed([], floating)).reason == "no_form"
    big = body[:at] + b"\xc2\x41\x01" + body[at + 1 :]  # a bignum
    assert answer(place, signed([], big)).reason in {"not_canonical", "no_form"}
    negative = parts_of(502)
    negative[5] = -1
    assert answer(place, signed(negative)).reason == "no_entry"
    for text in ("1.50e3", "+1", "01.5", "1.", ".5", "1,5", "NaN", "--1"):
        with pytest.raises(EntryError) as refused:
            checked_number(text)
        assert told(refused.value).reason == "not_a_number", text


def test_a_witness_that_disagrees_is_a_state_that_says_what_happened(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two logs of one key are shown to one witness: what it says of the second is in ``status``."""
    with Submitter(place) as submitter:
        os.kill(submitter.state().process, signal.SIGTERM)
    while place.socket.exists():
        time.sleep(0.02)
    partner = Partner(tmp_path / "w0", "w0.example")
    partner.knows(place.public_key())
    with partner.at_work():
        witnessed(place, policy_of([partner], "1"))
        copy = tmp_path / "copy"
        subprocess.run(["cp", "-a", str(place.folder), str(copy)], check=True)
        outside = tmp_path / "outside"
        subprocess.run(["cp", "-a", str(place.outside), str(outside)], check=True)
        with Submitter(place, idle=1) as submitter:
            submitter.append(several(5, 600))
            submitter.checkpoint()
        other = Place(copy, outside)
        with Submitter(other, idle=1, patience=5) as submitter, pytest.raises(LogError) as refused:
            submitter.checkpoint()
        assert told(refused.value).reason == "witness_contradicts"
        assert "w0" in refused.value.said.zh
        with Submitter(place) as submitter:
            submitter.checkpoint()
            assert assay(capsys, "ledger", "status", plant_of(place))["contradicted"] == []


REASONS = (
    "bad_signature", "too_large", "too_many", "not_canonical", "not_a_number", "no_form", "no_entry",
    "not_written", "disk", "writer_broken", "writer_failed", "log_busy", "no_head", "forked", "lost_signed",
    "derived_damaged", "torn_inside", "witness_contradicts", "retired_key", "distrusted_key", "key_expired",
    "key_not_yet", "clock_ahead", "key_open", "no_key", "other_key", "same_key", "quorum", "no_policy",
)  # fmt: skip


@pytest.mark.parametrize("reason", REASONS)
def test_each_state_has_words_and_what_to_do_in_both_languages(reason: str) -> None:
    for part in ("error", "hint"):
        for language in ("en", "zh"):
            assert f"{part}.{reason}" in CATALOGUE.keys(language), (part, language)
