"""Many small questions over one connection: what arrives, hot or committed, is seen by the next one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from tests.integration.store_rows import append

from assay.query.reading import reading
from assay.store.views import copy_table
from assay.store.workspace import Workspace

COUNT = "SELECT count(*) FROM movement"


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.create(tmp_path / "plant") as workspace:
        yield workspace


def count(plant: Workspace) -> int:
    with reading(plant) as connection:
        (found,) = connection.execute(COUNT).fetchone() or (-1,)
    return int(found)


def test_what_arrives_is_seen_by_the_next_question(plant: Workspace) -> None:
    assert count(plant) == 0
    append(plant, 1)
    assert count(plant) == count(plant) == 8
    plant.lake.hot.flush()
    assert count(plant) == 8
    past = plant.lake.snapshot()
    append(plant, 2)
    assert count(plant) == 16
    with reading(plant, past) as connection:
        assert connection.execute(COUNT).fetchone() == (8,)


def test_a_question_that_is_being_asked_keeps_what_it_sees(plant: Workspace) -> None:
    append(plant, 1)
    with reading(plant) as connection:
        append(plant, 2)
        assert count(plant) == 16
        assert connection.execute(COUNT).fetchone() == (8,)


def test_questions_side_by_side_have_tables_of_their_own(plant: Workspace) -> None:
    append(plant, 1)
    wrong: list[int] = []

    def ask(number: int) -> None:
        for _ in range(20):
            with reading(plant) as connection:
                copy_table(connection, "wanted", pa.table({"n": [number]}))
                (found,) = connection.execute("SELECT n FROM wanted").fetchone() or (-1,)
                if found != number:
                    wrong.append(found)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert not wrong
    with reading(plant) as connection, pytest.raises(Exception, match="wanted"):
        connection.execute("SELECT n FROM wanted")
