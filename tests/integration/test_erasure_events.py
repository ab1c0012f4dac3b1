"""Captured EPCIS events that name what is erased are gone for good, and the log says that they were there."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from evidence_plant import logging_plant, soon, state
from tests.epcis_documents import SGTIN, document, event

from assay.exchange.epcis import validate
from assay.exchange.epcis.queries import parse_query
from assay.exchange.epcis.records import bring_in
from assay.exchange.epcis.repository import Repository
from assay.exchange.epcis.standing import StandingQueries
from assay.model.codes.canonical import from_uri
from assay.store.backup import backup, restore
from assay.store.evidence_captures import CAPTURES, MAKING_RECORDS
from assay.store.evidence_index import INDEX
from assay.store.evidence_registry import audit_registry
from assay.store.locks import PlantBusy, locked
from assay.store.plant_evidence import audit_plant, bring_up_to_date, erase_subject
from assay.store.striking_events import events_naming, strike_events
from assay.store.tables import EPCIS_ERASED, EPCIS_EVENT, EPCIS_TERM
from assay.store.workspace import Workspace

__all__ = ["state"]

UNIT = from_uri(SGTIN.format(7))


def made(number: int, *epcs: str, **fields: Any) -> dict[str, Any]:
    """An event about objects, and nothing else that has an identifier of its own."""
    bare = dict.fromkeys(
        ("errorDeclaration", "quantityList", "sensorElementList", "ilmd", "bizTransactionList")
    )
    name = f"urn:uuid:00000000-0000-4000-8000-{number:012d}"
    return event("object", **{**bare, "eventID": name, "epcList": list(epcs), **fields})


def capture(plant: Workspace, *events: dict[str, Any]) -> Any:
    job = Repository(plant).capture(validate(document(*events)))
    assert job.success, job.faults
    return job


@pytest.fixture
def plant(state: Path, tmp_path: Path) -> Iterator[Workspace]:
    """Three captures; of the second and third events 2, 3 and 5 name the unit, the last of all among them."""
    with logging_plant(tmp_path / "plant") as workspace:
        capture(workspace, made(1, SGTIN.format(1)))
        capture(
            workspace,
            made(2, SGTIN.format(7), SGTIN.format(8)),
            made(3, "https://shop.example.com/01/04012345111118/10/L1/21/7?17=271231"),
            made(4, SGTIN.format(77), SGTIN.format(8)),
        )
        capture(workspace, made(5, SGTIN.format(9), **{"ex:note": f"rework of {UNIT}, see there"}))
        bring_in(workspace, Repository(workspace))
        workspace.lake.hot.flush()
        bring_up_to_date(workspace)
        yield workspace


def positions(plant: Workspace) -> list[int]:
    repository = Repository(plant)
    query = parse_query({}, repository)
    return [
        one.position
        for one in repository.events(sa.select(EPCIS_EVENT).where(*query.where).order_by("position"))
    ]


def test_events_that_name_it_are_gone_and_all_others_are_compared(plant: Workspace) -> None:
    before = audit_registry(plant.path)
    assert (before.valid, before.captures, before.erased) == (True, 3, 0)
    assert len(in_files(plant)) == 4
    done = erase_subject(plant, UNIT, "asked for")
    assert done.events == 3
    assert positions(plant) == [1, 4]
    with plant.registry.engine.connect() as connection:
        assert set(connection.scalars(sa.select(EPCIS_TERM.c.position))) == {1, 4}
        left = connection.execute(sa.select(EPCIS_ERASED).order_by("position")).mappings().all()
    assert [one["position"] for one in left] == [2, 3, 5]
    assert {one["entry"] for one in left} <= set(done.indexes)
    seen = audit_plant(plant.path, records=True)
    assert seen.valid, seen
    assert seen.registry is not None
    assert (seen.registry.captures, seen.registry.erased, seen.registry.unproved) == (3, 3, 0)
    assert plant.evidence.catch_up() == 0
    assert not in_files(plant)


def in_files(plant: Workspace) -> set[bytes]:
    """The spellings of the unit that stand in the files of the registry."""
    spellings = (SGTIN.format(7).encode() + b'"', b"/10/L1/21/7?", b"rework of", UNIT.encode() + b", see")
    content = b"".join(file.read_bytes() for file in plant.path.glob("registry.db*"))
    return {one for one in spellings if one in content}


def test_what_is_left_of_its_captures_is_still_compared(plant: Workspace) -> None:
    erase_subject(plant, UNIT, "asked for")
    changed = {
        "UPDATE epcis_event SET document = replace(document, 'active', 'sold') WHERE position = 4": (
            "events", "registry_differs"
        ),
        "DELETE FROM epcis_event WHERE position = 4": ("events", "registry_missing"),
        "UPDATE epcis_erased SET entry = 1 WHERE position = 5": ("5", "registry_missing"),
        "UPDATE epcis_erased SET document = digest WHERE position = 3": ("events", "registry_differs"),
    }  # fmt: skip
    for statement, found in changed.items():
        file = plant.path / "registry.db"
        kept = file.read_bytes()
        with plant.registry.engine.begin() as connection:
            connection.exec_driver_sql(statement)
        assert [(one.field, one.kind) for one in audit_registry(plant.path).findings] == [found], statement
        plant.registry.close()
        for old in plant.path.glob("registry.db-*"):
            old.unlink()
        file.write_bytes(kept)
    assert audit_registry(plant.path).valid


def test_an_event_taken_away_without_an_entry_is_a_finding(plant: Workspace) -> None:
    with plant.registry.engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO epcis_erased SELECT position, '', digest, digest, captured, job, 1 FROM epcis_event "
            "WHERE position = 2"
        )
        connection.exec_driver_sql("DELETE FROM epcis_event WHERE position = 2")
    kinds = {(one.field, one.kind) for one in audit_registry(plant.path).findings}
    assert kinds == {("2", "registry_missing"), ("events", "registry_differs")}
    assert not audit_plant(plant.path, records=True).valid


def test_cursors_neither_repeat_nor_skip(plant: Workspace) -> None:
    repository = Repository(plant)
    standing = StandingQueries(plant, repository)
    standing.create("all", {})
    everything = {
        "dest": "https://partner.example.com",
        "stream": True,
        "initialRecordTime": "2020-01-01T00:00:00Z",
    }
    standing.subscribe("all", everything)
    (first,) = standing.subscriptions("all")
    erase_subject(plant, UNIT, "asked for")
    assert repository.last_position() == 5
    sent = standing.next_delivery(first)
    assert sent is not None
    assert [one.position for one in sent.events] == [1, 4]
    standing.confirm(first, sent)
    capture(plant, made(6, SGTIN.format(1)))
    (now,) = standing.subscriptions("all")
    later = standing.next_delivery(now)
    assert later is not None
    assert [one.position for one in later.events] == [6], "the position of an erased event is not given again"
    assert bring_in(plant, repository) == 1


def test_the_same_text_is_known_and_another_is_new(plant: Workspace) -> None:
    bare = made(20, SGTIN.format(7), **{"eventID": None, "ex:n": 1})
    capture(plant, bare)
    bring_up_to_date(plant)
    assert erase_subject(plant, UNIT, "asked for").events == 4
    again = capture(plant, made(2, SGTIN.format(7), SGTIN.format(8)))
    assert (again.captured, again.known) == (0, 1)
    reordered = dict(reversed(copy.deepcopy(bare).items()))
    assert capture(plant, reordered).known == 1, "without an id of its own it is known in other words too"
    assert capture(plant, made(2, SGTIN.format(7))).captured == 1
    bring_up_to_date(plant)
    assert erase_subject(plant, UNIT, "again").events == 1
    assert audit_plant(plant.path, records=True).valid


@pytest.mark.parametrize("dies", ["strike_events", "strike"])
def test_whoever_dies_on_the_way_is_made_up_for(
    plant: Workspace, monkeypatch: pytest.MonkeyPatch, dies: str
) -> None:
    def died(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(f"assay.store.evidence_erasure.{dies}", died)
        with pytest.raises(KeyboardInterrupt):
            erase_subject(plant, UNIT, "asked for")
    if dies == "strike_events":
        assert {one.kind for one in audit_registry(plant.path).findings} == {"not_erased"}
    bring_up_to_date(plant)
    assert positions(plant) == [1, 4]
    assert audit_plant(plant.path, records=True).valid


def test_a_restored_backup_is_without_them(plant: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "plant.tar"
    backup(plant, file)
    erase_subject(plant, UNIT, "asked for")
    restore(file, tmp_path / "again")
    with Workspace.open(tmp_path / "again") as again:
        soon(again.evidence)
        assert positions(again) == [1, 4]
        assert Repository(again).last_position() == 5


def test_an_index_made_again_logs_no_capture_of_erased_events(plant: Workspace) -> None:
    erase_subject(plant, UNIT, "asked for")
    index = plant.evidence.place.outside / INDEX
    plant.evidence.close()
    index.unlink()
    with Workspace.open(plant.path) as again:
        soon(again.evidence)
        again.evidence.catch_up()
        assert again.evidence.index.cursor(CAPTURES)[0] == 4
        assert audit_plant(plant.path, records=True).valid


def test_a_plants_own_ids_and_reports_of_captures(plant: Workspace) -> None:
    own = "urn:x-assay:unit:Teil%207"
    wrong = made(30, own)
    wrong["bizStep"] = "urn:x-assay:unit:Teil%207 "
    refused = Repository(plant).capture(validate(document(wrong)))
    assert "Teil%207" in report_of(plant, refused.id)
    capture(
        plant,
        made(31, own),
        made(32, "urn:x-assay:unit:Teil%2071"),
        made(33, SGTIN.format(1), bizStep="packing"),
    )
    bring_in(plant, Repository(plant))
    plant.lake.hot.flush()
    bring_up_to_date(plant)
    done = erase_subject(plant, "Teil 7", "asked for")
    assert (done.events, done.removed) == (1, 1)
    assert "Teil%207" not in report_of(plant, refused.id)
    assert events_naming(plant.registry, "packing", 99) == [], "a word of the standard names nothing"


def report_of(plant: Workspace, job_id: str) -> str:
    job = Repository(plant).job(job_id)
    assert job is not None
    return str([one.said.en for one in job.faults])


def test_an_id_that_was_written_with_a_prefix_is_found(plant: Workspace) -> None:
    capture(plant, made(40, "ex:part/9"), made(41, "ex:part/91"))
    bring_in(plant, Repository(plant))
    plant.lake.hot.flush()
    bring_up_to_date(plant)
    done = erase_subject(plant, "https://ns.example.com/epcis/part/9", "asked for")
    assert (done.events, done.removed) == (1, 1)


def test_no_records_are_made_of_events_while_some_are_erased(
    plant: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of events that were read before would come in behind the erasure."""
    busy = []

    def strike(*given: Any) -> int:
        with pytest.raises(PlantBusy), locked(plant.spool / MAKING_RECORDS, wait=False):
            pass
        busy.append(True)
        return strike_events(*given)

    monkeypatch.setattr("assay.store.evidence_erasure.strike_events", strike)
    erase_subject(plant, UNIT, "asked for")
    assert busy


def test_events_are_erased_in_either_database(state: Path, tmp_path: Path, registry_url: str) -> None:
    with logging_plant(tmp_path / "plant", registry_url=registry_url) as plant:
        capture(plant, made(1, SGTIN.format(1)), made(2, SGTIN.format(7)))
        capture(plant, made(3, "https://id.gs1.org/01/04012345111118/21/7"))
        bring_up_to_date(plant)
        assert erase_subject(plant, UNIT, "asked for").events == 2
        seen = audit_registry(plant.path)
        assert (seen.valid, seen.captures, seen.erased, seen.unproved) == (True, 2, 2, 0)
        assert capture(plant, made(3, "https://id.gs1.org/01/04012345111118/21/7")).known == 1
        capture(plant, made(4, SGTIN.format(1)))
        assert positions(plant) == [1, 4]
