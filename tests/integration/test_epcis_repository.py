"""Captured events in SQLite and in PostgreSQL: each once, in one order, whoever writes beside whom."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from tests.epcis_documents import SGTIN, document, event

from assay.exchange.epcis import validate
from assay.exchange.epcis.answers import answer
from assay.exchange.epcis.queries import parse_query
from assay.exchange.epcis.repository import Repository
from assay.exchange.epcis.standing import StandingQueries
from assay.store.backup import backup, restore
from assay.store.tables import EPCIS_EVENT
from assay.store.workspace import Workspace


@pytest.fixture
def plant(tmp_path: Path, registry_url: str) -> Iterator[Workspace]:
    with Workspace.create(tmp_path / "plant", registry_url=registry_url) as workspace:
        yield workspace


def numbered(*numbers: int) -> dict[str, Any]:
    left_out = dict.fromkeys(("eventID", "errorDeclaration", "quantityList"))
    return document(
        *(event("object", **left_out, epcList=[SGTIN.format(one)], **{"ex:n": one}) for one in numbers)
    )


def test_writers_take_turns_and_readers_miss_nothing(plant: Workspace) -> None:
    repository = Repository(plant)
    standing = StandingQueries(plant, repository)
    query = parse_query({}, repository)
    got: list[int] = []
    jobs = []
    ended = threading.Event()

    def write(start: int) -> None:
        own = Repository(plant)
        # Everyone also sends the event that all others send.
        documents = [numbered(number, number + 1, 999) for number in range(start, start + 12, 2)]
        jobs.extend(own.capture(validate(one)) for one in documents)

    def read() -> None:
        cursor = 0
        while True:
            last = ended.is_set()
            found = standing.collect(query, cursor, name="all", id_="reader")
            if found is not None:
                cursor = found.cursor
                got.extend(one.event["ex:n"] for one in found.events)
            elif last:
                return

    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=write, args=(start,)) for start in (100, 200, 300)]
    for one in (reader, *writers):
        one.start()
    for one in writers:
        one.join()
    ended.set()
    reader.join()
    assert sorted(got) == sorted([n for start in (100, 200, 300) for n in range(start, start + 12)] + [999])
    assert sum(job.captured for job in jobs) == 37
    assert sum(job.known for job in jobs) == 17
    positions = repository.scalars(sa.select(EPCIS_EVENT.c.position).order_by(EPCIS_EVENT.c.position))
    assert positions == list(range(1, 38))


def test_long_ids_and_odd_letters_are_kept_and_found(plant: Workspace) -> None:
    repository = Repository(plant)
    long = "https://events.example.com/" + "x" * 5000
    unit = "https://plant.example.com/units/" + "y" * 3000
    made = event("object", eventID=long, epcList=[unit, unit + "z"], **{"ex:name": "轴承 ‘A’ 😀"})
    assert repository.capture(validate(document(made))).success
    queries: list[dict[str, list[str]]] = [
        {"EQ_eventID": [long]},
        {"MATCH_epc": [unit]},
        {"EQ_https://ns.example.com/epcis/name": ["轴承 ‘A’ 😀"]},
    ]
    for asked in queries:
        (found,) = answer(repository, parse_query(asked, repository), per_page=10).events
        assert {name: found.event[name] for name in made} == made
    assert not answer(repository, parse_query({"MATCH_epc": [unit + "w"]}, repository), per_page=10).events


def test_wildcards_in_identifiers_mean_themselves(plant: Workspace) -> None:
    repository = Repository(plant)
    repository.capture(
        validate(document(event("object", epcList=["https://a.example.com/50%25_off", SGTIN.format(1)])))
    )
    query = parse_query({"MATCH_epc": ["https://a.example.com/50%25xoff"]}, repository)
    assert not answer(repository, query, per_page=10).events


def test_a_backup_has_the_events(plant: Workspace, tmp_path: Path) -> None:
    repository = Repository(plant)
    repository.capture(validate(numbered(1, 2, 3)))
    StandingQueries(plant, repository).create("all", {})
    backup(plant, tmp_path / "plant.tar")
    restore(tmp_path / "plant.tar", tmp_path / "copy")
    with Workspace.open(tmp_path / "copy") as copy:
        again = Repository(copy)
        assert again.last_position() == 3
        assert again.capture(validate(numbered(2, 3, 4))).captured == 1
        assert StandingQueries(copy, again).query("all").parameters == {}
