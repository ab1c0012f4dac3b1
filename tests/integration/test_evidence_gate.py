"""Rows of a plant before the gate: what is refused stays in the lake, and its evidence in the other log."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from evidence_plant import START, bodies, load, logging_plant, measurements, state

from assay.cli.app import run
from assay.ledger.audit import audit
from assay.ledger.entries import Batch, Entry
from assay.ledger.gate.facts import claims_of, fact_of
from assay.ledger.gate.policy import parse_policy
from assay.ledger.gate.verdict import Verdict
from assay.ledger.segment import Record, read_segments
from assay.store.config import LedgerSettings
from assay.store.evidence_audit import audit_records
from assay.store.evidence_gate import keys_for
from assay.store.keys import LoadKey
from assay.store.notary import Notary
from assay.store.plant_evidence import audit_plant
from assay.store.plant_gate import PlantGate
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
  - {kinds: [measurement, attestation], steps: [inspect], requires: [inspector]}
"""


def measured_by(person: str, count: int = 20) -> pa.Table:
    (table,) = measurements(count, ("height",))
    table = table.append_column("segment", pa.array(["inspect"] * count))
    return table.append_column("person", pa.array([person] * count))


@pytest.fixture
def plant(state: Path, tmp_path: Path) -> Iterator[Workspace]:
    with logging_plant(tmp_path / "plant") as workspace:
        say = workspace.evidence.say
        content = parse_policy(POLICY).canonical()
        say("configuration", "gate", {"why": "trial"}, gate=fact_of("policy", values={"policy": content}))
        start = int(START.timestamp() * 1_000_000)
        say("decision", "p-1", {"by": "p-9"}, gate=fact_of("qualification", start=start - 1), person=True)
        yield workspace


def verdicts(path: Path, log: str) -> list[tuple[object, str]]:
    found: list[tuple[object, str]] = []
    for one in read_segments(path / "ledger" / log / "segment"):
        assert isinstance(one, Record)
        entry = Entry.parse(one.entry)
        if entry.gate is not None:
            found.append((entry.signed.verify(), Verdict.parse(entry.gate).outcome))
    return found


def test_rows_of_the_unqualified_are_refused_as_evidence_and_kept_as_data(plant: Workspace) -> None:
    for person in ("p-1", "p-2"):
        load(plant, "measurement", [measured_by(person)], LoadKey("gauge", person))
    assert plant.evidence.state.why is None
    accepted = [body.origin.source for body in bodies(plant.path) if isinstance(body, Batch)]
    refused = [body.origin.source for body in bodies(plant.path, "refused") if isinstance(body, Batch)]
    assert (accepted, refused) == (["measurement:gauge/p-1"], ["measurement:gauge/p-2"])
    assert [said for body, said in verdicts(plant.path, "main") if isinstance(body, Batch)] == ["accepted"]
    assert [said for _, said in verdicts(plant.path, "refused")] == ["refused"]
    assert plant.lake.query("SELECT count(*) AS n FROM measurement").to_pylist() == [{"n": 40}]
    size = len(bodies(plant.path)), len(bodies(plant.path, "refused"))
    assert plant.evidence.catch_up() == 0
    assert (len(bodies(plant.path)), len(bodies(plant.path, "refused"))) == size
    plant.evidence.submitter.checkpoint()
    assert Notary(plant.evidence, plant.lake).run() == 20
    plant.evidence.submitter.checkpoint()
    assert audit_records(plant.path).valid
    assert audit(plant.path / "ledger/main").valid


def test_a_statement_is_judged_by_what_it_claims(plant: Workspace) -> None:
    for person, log in (("p-1", "main"), ("p-2", "refused")):
        claims = claims_of("inspect", {"person": person})
        index = plant.evidence.say("attestation", "U-1", {"by": person}, gate=claims)
        assert bodies(plant.path, log)[index].subject == "U-1"  # type: ignore[union-attr]


def test_rows_that_say_no_step_are_handed_in_without_keys() -> None:
    table = measured_by("p-1", 3).append_column("recorded", pa.array([START] * 3, pa.timestamp("us", "UTC")))
    assert keys_for("measurement", table.append_column("equipment", pa.array(["m"] * 3)))
    nowhere = table.drop_columns(["segment"]).append_column("segment", pa.nulls(3, pa.string()))
    assert keys_for("measurement", nowhere.append_column("equipment", pa.array(["m"] * 3))) == b""


def refused_of(plant: Workspace) -> list[dict[str, object]]:
    """What the relation says, by row."""
    return plant.lake.query("SELECT * FROM refusal ORDER BY kind, source, seq").to_pylist()


def test_refused_rows_stay_and_say_so_in_sql(plant: Workspace) -> None:
    for person in ("p-1", "p-2"):
        load(plant, "measurement", [measured_by(person)], LoadKey("gauge", person))
    counted = plant.lake.query(
        "SELECT m.person, count(*) AS rows, count(r.outcome) AS refused, min(r.reasons) AS why "
        "FROM measurement m LEFT JOIN refusal r USING (source, epoch, seq) GROUP BY ALL ORDER BY ALL"
    ).to_pylist()
    assert counted == [
        {"person": "p-1", "rows": 20, "refused": 0, "why": None},
        {"person": "p-2", "rows": 20, "refused": 20, "why": "unknown_subject"},
    ]


def test_of_a_batch_that_is_refused_in_part_only_those_rows_are_flagged(plant: Workspace) -> None:
    mixed = measured_by("p-1")
    people = ["p-2" if n % 3 == 0 else "p-1" for n in range(20)]
    mixed = mixed.set_column(mixed.column_names.index("person"), "person", pa.array(people))
    load(plant, "measurement", [mixed], LoadKey("gauge", "mixed"))
    assert [row["seq"] for row in refused_of(plant)] == list(range(0, 20, 3))
    assert {(row["outcome"], row["person"], row["segment"]) for row in refused_of(plant)} == {
        ("refused", "p-2", "inspect")
    }


def test_columns_that_a_policy_compares_tell_rows_of_one_minute_apart(plant: Workspace) -> None:
    plant.evidence.settings = LedgerSettings(gate={"measurement": ("value",)})
    asks = POLICY.replace(
        "fact: qualification}", "fact: qualification, must: [{fact: most, at_least: {record: value}}]}"
    )
    content = parse_policy(asks.replace('"1"', '"2"')).canonical()
    plant.evidence.say("configuration", "gate", {}, gate=fact_of("policy", values={"policy": content}))
    plant.evidence.say("decision", "p-1", {}, gate=fact_of("qualification", values={"most": 2}), person=True)
    load(plant, "measurement", [measured_by("p-1")], LoadKey("gauge", "values"))
    found = plant.lake.query("SELECT m.value FROM measurement m JOIN refusal USING (source, epoch, seq)")
    assert sorted(found.column("value").to_pylist()) == [n / 4 for n in range(9, 20)]


def test_what_was_decided_since_counts_and_the_refusal_stays_told(plant: Workspace) -> None:
    load(plant, "measurement", [measured_by("p-2")], LoadKey("gauge", "p-2"))
    assert {row["outcome"] for row in refused_of(plant)} == {"refused"}
    start = int(START.timestamp() * 1_000_000)
    plant.evidence.say(
        "decision", "p-2", {"by": "p-9"}, gate=fact_of("qualification", start=start - 1), person=True
    )
    assert {row["outcome"] for row in refused_of(plant)} == {"refused"}
    verdict = PlantGate(plant.evidence).again(0)
    assert verdict.outcome == "accepted"
    found = refused_of(plant)
    assert {(row["outcome"], row["decided"], row["reasons"]) for row in found} == {
        ("accepted", verdict.size, "unknown_subject")
    }
    assert len(found) == 20


def test_a_plant_whose_gate_refused_nothing_reads_no_log(
    plant: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(plant, "measurement", [measured_by("p-1")], LoadKey("gauge", "p-1"))
    monkeypatch.setattr("assay.store.refused_rows.refused_entries", None)
    assert refused_of(plant) == []


def test_a_log_that_goes_on_without_its_head_is_sound_where_a_policy_is_in_force(
    plant: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    path, place = plant.path, plant.evidence.place
    before = len(list(read_segments(path / "ledger/main/segment")))
    plant.close()
    while place.socket.exists():
        time.sleep(0.05)
    place.head.unlink()
    assert run(["ledger", "resume", str(path), "--accept-unwitnessed", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["size"] > 0
    assert len(list(read_segments(path / "ledger/main/segment"))) > before
    assert audit_plant(path).findings == ()
