"""The gate of a log: what is refused stands in the refused log, provably, and nothing else keeps it out."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from assay.ledger.audit import audit
from assay.ledger.canonical import encode
from assay.ledger.commitment import commit
from assay.ledger.entries import Batch, Entry, Individual, Origin, Signed, sign
from assay.ledger.errors import LedgerError
from assay.ledger.gate import overrides
from assay.ledger.gate.batches import KEYS, Key
from assay.ledger.gate.facts import FIELD, Claims, Fact, claims_of, fact_of, opening_of
from assay.ledger.gate.openings import read_openings
from assay.ledger.gate.policy import parse_policy
from assay.ledger.gate.replay import replay
from assay.ledger.gate.verdict import REASONS, Reason, Verdict
from assay.ledger.merkle import leaf_hash
from assay.ledger.place import Place
from assay.ledger.segment import Record, read_segments
from assay.ledger.writer import Ack, Writer

KEY = Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\1")
BOSS = Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\2")
QUALITY = Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\3")
NOW = 1_790_000_000_000_000
DAY = 86_400_000_000


def public(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


MINE = public(KEY)


POLICY = f"""
format: assay/gate-policy@1
name: welding
version: "1"
clock: {{ahead_s: 315360000}}
requirements:
  welder:
    about: person
    fact: qualification
    must:
      - {{fact: processes, contains: {{record: process}}}}
      - {{fact: thickness_max_mm, at_least: {{record: thickness_mm}}}}
  power source: {{about: machine, fact: calibration}}
  air:
    about: environment
    fact: environment
    take: last
    max_age_s: 120
    must: [{{fact: humidity, at_most: 80.5}}]
applies:
  - {{kinds: [record], steps: [weld], requires: [welder, power source, air]}}
  - {{kinds: [event], steps: ["*"], requires: [power source]}}
override:
  people: {{P-1: {public(BOSS).hex()}, P-2: {public(QUALITY).hex()}}}
"""


class Shop:
    """A log that entries are handed to one by one."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.writer = Writer(place)
        self.seq = 0

    def signed(
        self, kind: str, subject: str, said: Fact | Claims | None, when: int = NOW, source: str = "shop"
    ) -> Signed:
        self.seq += 1
        made = commit({"note": self.seq, **({FIELD: bytes(said)} if said else {})})
        body = Individual(
            kind,
            subject,
            Origin(source, 1, self.seq),
            when,
            min(when, NOW),
            made.root,
            len(made.fields),
            None,
            public(KEY),
        )
        return sign(body, KEY)._replace(opening=opening_of(made) if said else b"")

    def log(self, *entries: Signed) -> list[Ack]:
        answers = self.writer.append(entries)
        found = [one for one in answers if isinstance(one, Ack)]
        assert len(found) == len(entries), answers
        return found

    def input(self, subject: str, said: Fact, kind: str = "attestation") -> int:
        return self.log(self.signed(kind, subject, said))[0].index

    def policy(self, text: str = POLICY) -> int:
        return self.input(
            "gate", fact_of("policy", values={"policy": parse_policy(text).canonical()}), "configuration"
        )

    def weld(self, when: int = NOW, /, **changed: str) -> Signed:
        took = {"person": "W-1", "machine": "M-1", "environment": "bay-1"}
        took |= {role: one for role, one in changed.items() if role in took}
        values = {"process": changed.get("process", "135"), "thickness_mm": changed.get("thickness_mm", "8")}
        return self.signed("record", "J-1", claims_of("weld", took, values), when)

    def qualify(self, subject: str = "W-1", start: int = NOW - DAY, until: int = NOW + DAY) -> int:
        values = {"processes": ["135", "141"], "thickness_max_mm": 12.5}
        return self.input(subject, fact_of("qualification", start=start, until=until, values=values))

    def ready(self) -> tuple[int, int, int]:
        self.policy()
        return (
            self.qualify(),
            self.input("M-1", fact_of("calibration", until=NOW + DAY)),
            self.input("bay-1", fact_of("environment", start=NOW - 60_000_000, values={"humidity": 60.0})),
        )


def verdict(ack: Ack) -> Verdict:
    assert ack.gate is not None
    return Verdict.parse(ack.gate)


def codes(ack: Ack) -> list[str]:
    assert ack.refused
    return [one.code for one in verdict(ack).reasons]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    monkeypatch.setenv("ASSAY_STATE", str(tmp_path / "state"))
    found = Shop(Place.make(tmp_path / "plant", "plant.example/main"))
    yield found
    found.writer.close()


def test_without_a_policy_nothing_is_judged(shop: Shop) -> None:
    ack = shop.log(shop.weld())[0]
    assert (ack.gate, ack.refused) == (None, False)


def test_what_meets_the_policy_is_accepted_and_cites_what_it_rests_on(shop: Shop) -> None:
    inputs = shop.ready()
    ack = shop.log(shop.weld())[0]
    found = verdict(ack)
    assert not ack.refused
    assert (found.outcome, found.cited) == ("accepted", inputs)
    assert found.policies == (parse_policy(POLICY).digest,)
    assert found.size == ack.index == 4
    records = [one.entry for one in read_segments(shop.place.segments) if isinstance(one, Record)]
    assert Entry.parse(records[4]).gate == ack.gate


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"person": "W-9"}, "unknown_subject"),
        ({"person": "M-1"}, "no_fact"),
        ({"process": "111"}, "not_met"),
        ({"thickness_mm": "12.51"}, "not_met"),
        ({"thickness_mm": "thick"}, "not_a_number"),
    ],
)
def test_what_does_not_meet_it_is_refused_with_a_reason(
    shop: Shop, changed: dict[str, str], code: str
) -> None:
    shop.ready()
    ack = shop.log(shop.weld(NOW, **changed))[0]
    assert codes(ack) == [code]
    assert ack.index == 0


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        (NOW - DAY - 1, ["not_yet_valid", "not_yet_valid"]),
        (NOW - DAY, ["not_yet_valid"]),
        (NOW - 60_000_000, []),
        (NOW + 60_000_000, []),
        (NOW + 60_000_001, ["too_old"]),
        (NOW + DAY - 1, ["too_old"]),
        (NOW + DAY, ["expired", "expired", "too_old"]),
    ],
)
def test_validity_is_judged_at_the_time_of_the_event(shop: Shop, when: int, expected: list[str]) -> None:
    shop.ready()
    ack = shop.log(shop.weld(when))[0]
    assert (codes(ack) if ack.refused else []) == expected


def test_the_reading_begun_last_decides(shop: Shop) -> None:
    shop.ready()
    damp = shop.input("bay-1", fact_of("environment", start=NOW - 30_000_000, values={"humidity": "80.6"}))
    shop.input("bay-1", fact_of("environment", start=NOW + 1, values={"humidity": "50"}))
    found = verdict(shop.log(shop.weld())[0])
    assert [(one.code, one.cited) for one in found.reasons] == [("not_met", damp)]
    assert verdict(shop.log(shop.weld(NOW + 1))[0]).outcome == "accepted"


def test_a_late_qualification_changes_no_verdict_and_a_new_judgement_is_an_entry(shop: Shop) -> None:
    shop.ready()
    refused = shop.log(shop.weld(person="W-2"))[0]
    assert codes(refused) == ["unknown_subject"]
    again = shop.weld(person="W-2")
    shop.qualify("W-2")
    before = shop.log(again)[0]
    assert verdict(before).outcome == "accepted"
    retried = shop.writer.known(Origin("shop", 1, 5))
    assert retried is None
    said = overrides.reevaluation(refused.index, refused.leaf)
    ack = shop.log(shop.signed("decision", "J-1", said))[0]
    assert verdict(ack).outcome == "accepted"
    assert verdict(ack).about == (refused.index, refused.leaf)


def test_the_same_entry_again_is_answered_by_what_became_of_it(shop: Shop) -> None:
    shop.ready()
    entry = shop.weld(person="W-2")
    first = shop.log(entry, entry)
    assert first[0].refused
    assert first[1] == first[0]
    shop.qualify("W-2")
    again = shop.log(entry)[0]
    assert (again.index, again.leaf, again.gate, again.refused) == (0, first[0].leaf, first[0].gate, True)


def test_what_is_revoked_ends_then_and_not_before(shop: Shop) -> None:
    qualified = shop.ready()[0]
    assert not shop.log(shop.weld())[0].refused
    shop.input("W-1", fact_of("revocation", start=NOW, values={"revokes": qualified}))
    assert codes(shop.log(shop.weld())[0]) == ["revoked"]
    assert not shop.log(shop.weld(NOW - 1))[0].refused


def test_a_revocation_must_be_about_the_same(shop: Shop) -> None:
    qualified = shop.ready()[0]
    said = fact_of("revocation", start=NOW, values={"revokes": qualified})
    refused = shop.writer.append([shop.signed("attestation", "W-2", said)])[0]
    assert isinstance(refused, LedgerError)
    assert refused.reason == "other_subject"


def test_inputs_hold_for_what_follows_in_the_same_group(shop: Shop) -> None:
    shop.ready()
    values = {"processes": ["135"], "thickness_max_mm": 20}
    qualification = shop.signed("attestation", "W-5", fact_of("qualification", values=values))
    before, _, after = shop.log(shop.weld(person="W-5"), qualification, shop.weld(person="W-5"))
    assert before.refused
    assert not after.refused
    assert verdict(after).cited[-1] == after.index - 1


def test_a_kind_that_is_judged_can_not_leave_out_its_claims(shop: Shop) -> None:
    shop.ready()
    assert codes(shop.log(shop.signed("record", "J-2", None))[0]) == ["missing_claims"]
    disguised = shop.signed("record", "J-2", fact_of("calibration"))
    assert codes(shop.log(disguised)[0]) == ["missing_claims"]
    other = shop.log(shop.signed("alarm", "J-2", None))[0]
    assert verdict(other).outcome == "no_policy"
    step = shop.log(shop.signed("record", "J-2", claims_of("grind", {})))[0]
    assert verdict(step).outcome == "no_policy"


def test_what_is_handed_in_must_be_what_the_entry_commits_to(shop: Shop) -> None:
    shop.ready()
    mine, other = shop.weld(person="W-9"), shop.weld()
    refused = shop.writer.append([mine._replace(opening=other.opening)])[0]
    assert isinstance(refused, LedgerError)
    assert refused.reason == "not_opened"
    broken = shop.writer.append([mine._replace(opening=b"\x80")])[0]
    assert isinstance(broken, LedgerError)
    assert broken.reason == "bad_opening"


def test_contradictory_validity_is_no_input() -> None:
    with pytest.raises(LedgerError) as refused:
        fact_of("calibration", start=NOW, until=NOW)
    assert refused.value.reason == "contradictory_validity"
    assert refused.value.advice is not None


def test_clocks_far_off_are_reasons(shop: Shop) -> None:
    shop.ready()
    shop.policy(POLICY.replace("ahead_s: 315360000", "ahead_s: 60, behind_s: 3600"))
    assert "clock_ahead" in codes(shop.log(shop.weld(NOW * 2))[0])
    assert "clock_behind" in codes(shop.log(shop.weld(1_000_000))[0])


def test_an_override_needs_two_people_whom_the_policy_names(shop: Shop) -> None:
    shop.ready()
    refused = shop.log(shop.weld(person="W-2"))[0]
    for keys, reason in (((BOSS,), "not_two"), ((BOSS, BOSS), "not_two"), ((BOSS, KEY), "not_two")):
        said = overrides.override(refused.index, refused.leaf, "checked by hand", keys)
        answer = shop.writer.append([shop.signed("override", "J-1", said)])[0]
        assert isinstance(answer, LedgerError)
        assert answer.reason == reason
    wrong = overrides.override(refused.index, bytes(32), "checked by hand", (BOSS, QUALITY))
    answer = shop.writer.append([shop.signed("override", "J-1", wrong)])[0]
    assert isinstance(answer, LedgerError)
    assert answer.reason == "other_refusal"
    said = overrides.override(refused.index, refused.leaf, "checked by hand", (BOSS, QUALITY))
    as_record = shop.writer.append([shop.signed("decision", "J-1", said)])[0]
    assert isinstance(as_record, LedgerError)
    assert as_record.reason == "wrong_kind"
    ack = shop.log(shop.signed("override", "J-1", said))[0]
    assert verdict(ack).outcome == "overridden"
    assert verdict(ack).about == (refused.index, refused.leaf)


def test_only_owners_set_a_policy_again(shop: Shop) -> None:
    shop.policy(POLICY + f"owners: [{public(BOSS).hex()}]\n")
    said = fact_of("policy", values={"policy": parse_policy(POLICY).canonical()})
    answer = shop.writer.append([shop.signed("configuration", "gate", said)])[0]
    assert isinstance(answer, LedgerError)
    assert answer.reason == "policy_owned"


def batch(shop: Shop, keys: list[Key]) -> Signed:
    shop.seq += 1
    rows = sum(key.rows for key in keys)
    body = Batch("event", bytes(32), Origin("mes", 1, shop.seq * 10_000), shop.seq * 10_000 + rows, rows, NOW,
                 (bytes(32),), public(KEY))  # fmt: skip
    opening = encode([KEYS, [list(key) for key in sorted(keys)]])
    return sign(body, KEY)._replace(opening=opening)


def test_a_batch_is_judged_by_its_keys_and_mixed_ones_stand_in_both_logs(shop: Shop) -> None:
    shop.ready()
    good = Key(bytes(claims_of("cut", {"machine": "M-1"})), NOW, NOW + 5, 3)
    bad = Key(bytes(claims_of("cut", {"machine": "M-2"})), NOW, NOW + 5, 4)
    accepted, mixed, refused = shop.log(batch(shop, [good]), batch(shop, [good, bad]), batch(shop, [bad]))
    assert verdict(accepted).outcome == "accepted"
    assert (verdict(mixed).outcome, mixed.refused) == ("partial", False)
    assert refused.refused
    summary = verdict(mixed).batch
    assert summary is not None
    assert (summary.keys, summary.rows, summary.refused_keys, summary.refused_rows) == (2, 7, 1, 4)
    assert (refused.index, shop.writer.size) == (1, 6)
    wrong = batch(shop, [good])._replace(opening=encode([KEYS, [list(bad)]]))
    answer = shop.writer.append([wrong])[0]
    assert isinstance(answer, LedgerError)
    assert answer.reason == "bad_opening"


def test_everything_is_known_again_after_a_start(shop: Shop) -> None:
    shop.ready()
    refused = shop.log(shop.weld(person="W-2"))[0]
    shop.writer.close()
    shop.writer = Writer(shop.place)
    assert not shop.log(shop.weld())[0].refused
    shop.qualify("W-2")
    ack = shop.log(shop.signed("decision", "J-1", overrides.reevaluation(refused.index, refused.leaf)))[0]
    assert verdict(ack).outcome == "accepted"


def test_what_an_interrupted_group_left_goes_away(shop: Shop, tmp_path: Path) -> None:
    shop.ready()
    kept = (tmp_path / "plant/ledger/gate/inputs").read_bytes()
    entry = shop.weld(person="W-2")

    class Killed(BaseException):
        pass

    def stop(step: str) -> None:
        if step == "before":
            raise Killed

    shop.writer.close()
    shop.writer = Writer(shop.place, pause=stop)
    qualification = shop.signed("attestation", "W-2", fact_of("qualification", values={"processes": ["135"]}))
    with pytest.raises(Killed):
        shop.writer.append([qualification, entry])
    assert (tmp_path / "plant/ledger/gate/inputs").read_bytes() != kept
    shop.writer._pause = lambda step: None
    assert shop.log(entry)[0].refused
    assert (tmp_path / "plant/ledger/gate/inputs").read_bytes().startswith(kept)
    shop.writer.close()
    assert audit(tmp_path / "plant/ledger/main").valid
    assert audit(tmp_path / "plant/ledger/refused").valid
    shop.writer = Writer(shop.place)


def test_a_replay_finds_what_was_changed(shop: Shop, tmp_path: Path) -> None:
    shop.ready()
    accepted, refused = shop.log(shop.weld(), shop.weld(person="W-2"))
    shop.log(shop.signed("override", "J-1", overrides.override(0, refused.leaf, "by hand", (BOSS, QUALITY))))
    shop.qualify("W-2")
    shop.log(shop.signed("decision", "J-1", overrides.reevaluation(0, refused.leaf)))
    good = Key(bytes(claims_of("cut", {"machine": "M-1"})), NOW, NOW + 5, 3)
    bad = Key(bytes(claims_of("cut", {"machine": "M-2"})), NOW, NOW + 5, 4)
    shop.log(batch(shop, [good, bad]))
    shop.writer.close()
    ledger = tmp_path / "plant/ledger"
    assert replay(ledger) == (11, ())
    inputs = ledger / "gate/inputs"
    data = inputs.read_bytes()
    for at in range(0, len(data), 97):
        inputs.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        assert replay(ledger).findings, at
        assert replay(ledger, quick=True).findings, at
    spans = [(start, end) for start, end, _ in read_openings(inputs)]
    for start, end in spans:
        inputs.write_bytes(data[:start] + data[end:])
        assert replay(ledger).findings, start
        assert {one.kind for one in replay(ledger, quick=True).findings} == {"opening_missing"}, start
        inputs.write_bytes(data[:end] + data[start:])
        assert replay(ledger).findings, start
        assert replay(ledger, quick=True).findings, start
    inputs.unlink()
    for quick in (False, True):
        assert {one.kind for one in replay(ledger, quick=quick).findings} >= {"opening_missing"}
    inputs.write_bytes(data)
    assert not replay(ledger, quick=True).findings
    (ledger / "gate/more").write_bytes(b"")
    assert [one.kind for one in replay(ledger).findings] == ["unknown_file"]
    (ledger / "gate/more").unlink()
    shop.writer = Writer(shop.place)
    assert accepted.gate is not None


@pytest.mark.parametrize("step", ["before", "synced"])
@pytest.mark.parametrize("log", ["main", "refused"])
def test_a_killed_writer_loses_and_doubles_nothing(shop: Shop, tmp_path: Path, step: str, log: str) -> None:
    shop.ready()
    shop.log(shop.weld(person="W-3"))
    values = {"processes": ["135"], "thickness_max_mm": 20}
    qualification = shop.signed("attestation", "W-2", fact_of("qualification", values=values))
    group = [shop.weld(person="W-2"), qualification, shop.weld(person="W-2"), shop.weld(person="W-4")]
    shop.writer.close()
    child = os.fork()
    if not child:
        writer = Writer(shop.place)
        gate = writer._gate
        assert gate is not None
        assert gate._writer is not None
        ended = writer if log == "main" else gate._writer
        ended._pause = lambda at: os.kill(os.getpid(), signal.SIGKILL) if at == step else None
        writer.append(group)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    shop.writer = Writer(shop.place)
    answers = shop.log(*group)
    assert [one.refused for one in answers[1:]] == [False, False, True]
    assert shop.log(*group) == [replace(one, duplicate=True) for one in answers]
    shop.writer.close()
    ledger = tmp_path / "plant/ledger"
    assert audit(ledger / "main").findings == audit(ledger / "refused").findings == ()
    assert replay(ledger).findings == ()
    shop.writer = Writer(shop.place)


def test_every_reason_has_its_words_in_both_languages() -> None:
    for code in REASONS:
        reason = Reason(code, "welding", "welder", "person", "W-1", "qualification", 3)
        for text in (reason.said, reason.advice):
            assert text.en
            assert text.zh
            assert "{" not in text.en + text.zh


def test_a_verdict_has_one_spelling(shop: Shop) -> None:
    shop.ready()
    ack = shop.log(shop.weld(person="W-2", thickness_mm="99"))[0]
    assert ack.gate is not None
    assert bytes(Verdict.parse(ack.gate)) == ack.gate
    for bad in (b"", b"\x80", encode(["assay/verdict@1", "perhaps", 0, 0, [], [], [], None, None])):
        with pytest.raises(LedgerError):
            Verdict.parse(bad)
    assert leaf_hash(b"") != ack.leaf
