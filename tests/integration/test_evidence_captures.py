"""Captures of EPCIS documents are logged, each once, with a digest of the events that came in."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from evidence_plant import bodies, individuals, logging_plant, policy_of, state
from tests.epcis_documents import document, event

from assay.exchange.epcis import validate
from assay.exchange.epcis.records import bring_in
from assay.exchange.epcis.repository import Repository
from assay.ledger.proving import verify_file
from assay.store.evidence_captures import CAPTURES
from assay.store.evidence_index import INDEX
from assay.store.evidence_proofs import Prover
from assay.store.tables import EPCIS_EVENT, EPCIS_TERM
from assay.store.workspace import Workspace

__all__ = ["state"]


def captured(plant: Workspace, *events: dict[str, Any]) -> str:
    """The job of a capture whose events are records by now."""
    repository = Repository(plant)
    job = repository.capture(validate(document(*events)))
    assert job.success, job.faults
    bring_in(plant, repository)
    plant.lake.hot.flush()
    return job.id


def happened(number: int, kind: str = "transformation") -> dict[str, Any]:
    return event(kind, eventID=f"urn:uuid:00000000-0000-4000-8000-{number:012d}", errorDeclaration=None)


def digests_of(plant: Workspace, job: str) -> dict[str, str]:
    with plant.registry.engine.connect() as connection:
        wanted = sa.select(EPCIS_EVENT.c.document).where(EPCIS_EVENT.c.job == job)
        texts = connection.scalars(wanted.order_by(EPCIS_EVENT.c.position)).all()
    together = hashlib.sha256("".join(f"{text}\n" for text in texts).encode()).hexdigest()
    each = hashlib.sha256(b"".join(hashlib.sha256(text.encode()).digest() for text in texts)).hexdigest()
    return {"sha256": together, "each": each}


def said(plant: Workspace, job: str) -> dict[str, Any]:
    (entry,) = [one for one in individuals(plant.path, "record") if one.subject == job]
    return {name: value for _, name, value in plant.evidence.payloads.open(entry).fields}


def test_a_capture_is_logged_once_with_a_digest_of_its_events(state: Path, tmp_path: Path) -> None:
    with logging_plant(tmp_path / "plant") as plant:
        first = captured(plant, happened(1), happened(2))
        second = captured(plant, happened(2), happened(3, "aggregation"))
        nothing_new = captured(plant, happened(1))
        assert plant.evidence.state.why is None
        found = [one for one in individuals(plant.path, "record") if one.origin.source == CAPTURES]
        assert [one.subject for one in found] == [first, second], "what was here already says nothing anew"
        assert nothing_new not in {one.subject for one in found}
        assert said(plant, first) == {"events": 2, "first": 1, "last": 2, **digests_of(plant, first)}
        assert said(plant, second) == {"events": 1, "first": 3, "last": 3, **digests_of(plant, second)}
        assert plant.evidence.catch_up() == 0
        plant.evidence.submitter.checkpoint()
        index = next(n for n, one in enumerate(bodies(plant.path)) if one == found[0])
        proof = Prover(plant.evidence, plant.lake).prove(str(index), ["sha256"])
        verdict = verify_file(bytes(proof), policy_of(plant))
        assert verdict.valid
        assert verdict.shown == ({"sha256": digests_of(plant, first)["sha256"]},)


def test_an_index_made_again_logs_no_capture_twice(state: Path, tmp_path: Path) -> None:
    with logging_plant(tmp_path / "plant") as plant:
        job = captured(plant, happened(1))
        index = plant.evidence.place.outside / INDEX
        plant.evidence.close()
        index.unlink()
    with Workspace.open(tmp_path / "plant") as plant:
        assert plant.evidence.catch_up() == 0
        assert [one.subject for one in individuals(plant.path, "record")] == [job]


def test_a_restored_registry_goes_on_with_what_comes_in_then(state: Path, tmp_path: Path) -> None:
    """Its positions come again, with other events."""
    with logging_plant(tmp_path / "plant") as plant:
        captured(plant, happened(1))
        kept = captured(plant, happened(2))
        with plant.registry.engine.begin() as connection:
            connection.execute(EPCIS_EVENT.delete().where(EPCIS_EVENT.c.job == kept))
            connection.execute(EPCIS_TERM.delete().where(EPCIS_TERM.c.position == 2))
        plant.registry.set_setting("epcis.records", 1)
        later = captured(plant, happened(3))
        plant.evidence.catch_up()
        found = [one.subject for one in individuals(plant.path, "record")]
        assert len(found) == 3
        assert found[1:] == [kept, later]
