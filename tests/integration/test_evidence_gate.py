"""Rows of a plant before the gate: what is refused stays in the lake, and its evidence in the other log."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from evidence_plant import START, bodies, load, logging_plant, measurements, state

from assay.ledger.audit import audit
from assay.ledger.entries import Batch, Entry
from assay.ledger.gate.facts import claims_of, fact_of
from assay.ledger.gate.policy import parse_policy
from assay.ledger.gate.verdict import Verdict
from assay.ledger.segment import Record, read_segments
from assay.store.evidence_audit import audit_records
from assay.store.evidence_gate import keys_for
from assay.store.keys import LoadKey
from assay.store.notary import Notary
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
        say("decision", "p-1", {"by": "p-9"}, gate=fact_of("qualification", start=start - 1))
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
