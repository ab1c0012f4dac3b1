"""What was sensed is kept: a question that is asked again gives what it would give if nothing were kept."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from tests.sinter_plant import DAY, store

import assay
from assay.model.kinds import RecordKind
from assay.plant import Plant
from assay.query.bind.memory import memory_of
from assay.query.layers.derive import derive
from assay.query.services import prepare
from assay.store import LoadKey, Workspace
from assay.store.compaction import compact

FEATURES = ", ".join(f"bake.temp.{feature}" for feature in ("mean", "std", "n", "first", "last"))
QUESTION = f"unit | select id, {FEATURES} | sort by id"
RECORDED = DAY + timedelta(days=1)


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Plant]:
    folder = tmp_path / "plant"
    with Workspace.create(folder):
        pass
    with assay.open(folder) as opened:
        yield opened


def stays(first: int, last: int) -> list[dict[str, Any]]:
    """Two units in each run, of ten minutes on one of two ovens; the last runs have no end yet."""
    return [
        {"execution": f"R{run}", "segment": "bake", "equipment": f"O{run % 2}", "role": "produced"}
        | {"subject": f"U{run}-{place}", "subject_kind": "unit", "time": at(10 * run)}
        | {"started": at(10 * run), "ended": at(10 * run + 10)}
        for run in range(first, last)
        for place in (0, 1)
    ]


def at(minute: float) -> Any:
    return DAY + timedelta(minutes=minute)


def reading(minute: float, value: float, oven: str | None = None) -> dict[str, Any]:
    return {
        "signal": "temp",
        "time": at(minute),
        "value": value,
        "equipment": oven or f"O{int(minute // 10) % 2}",
    }


def fresh(plant: Plant) -> list[dict[str, Any]]:
    """The answer of one who remembers nothing."""
    with assay.open(plant.workspace.path) as other:
        return other.find(QUESTION).rows


def test_an_answer_is_the_same_whatever_arrives_between(plant: Plant) -> None:
    dice = random.Random(4)
    lake = plant.workspace.lake
    for turn in range(8):
        first = turn * 3
        ends = stays(first, first + 3)
        if dice.random() < 0.5:
            ends[-1] |= {"ended": None}
            ends[-2] |= {"ended": None}
        recorded = RECORDED + timedelta(minutes=turn)
        store(plant.workspace, RecordKind.MOVEMENT, ends, f"m{turn}", recorded)
        rows = [reading(10 * first + minute, dice.gauss(1e6, 1.0)) for minute in range(30)]
        if turn:
            # Late ones, and corrections of what was there.
            rows += [reading(dice.randrange(10 * first) + dice.choice([0.0, 0.5]), 7.0) for _ in range(2)]
        if turn % 3 == 2:
            table = pa.Table.from_pylist([{**one, "seq": k} for k, one in enumerate(rows)])
            lake.hot.append("reading", hot_rows(table), LoadKey("hot", str(turn)), recorded=recorded)
        else:
            store(plant.workspace, RecordKind.READING, rows, f"r{turn}", recorded)
        if turn == 3:
            derive(plant.workspace, ["dwd_reading"])
        if turn == 6:
            lake.hot.flush()
            compact(lake)
        found = plant.find(QUESTION).rows
        assert len(found) == 6 * (turn + 1)
        assert found == fresh(plant)
    memory = memory_of(plant.workspace)
    assert memory.scanned < 0.7 * memory.asked


def hot_rows(table: pa.Table) -> pa.Table:
    """Rows as the hot buffer takes them."""
    count = len(table)
    identity = {"key_hash": pa.array(range(count)), "content_hash": pa.array(range(count))}
    for name, column in identity.items():
        table = table.append_column(name, column)
    return table


def test_only_intervals_that_readings_came_for_are_scanned_again(plant: Plant) -> None:
    store(plant.workspace, RecordKind.MOVEMENT, stays(0, 2), "1")
    store(plant.workspace, RecordKind.READING, [reading(1, 5.0), reading(12, 8.0)], "1")
    [mean] = {row["bake.temp.mean"] for row in plant.find(QUESTION).rows if row["id"].startswith("U0")}
    assert mean == 5.0
    memory = memory_of(plant.workspace)
    before = memory.scanned
    assert plant.find(QUESTION).rows == plant.find(QUESTION).rows
    assert memory.scanned == before, "nothing arrived"
    assert memory.asked > before
    told = [
        step["remembered"] for step in plant.find(QUESTION).explain()["steps"] if step["does"] == "sensed"
    ]
    assert told == [2], "explain says that nothing was scanned"
    store(plant.workspace, RecordKind.READING, [reading(2, 15.0)], "2")
    assert {row["bake.temp.mean"] for row in plant.find(QUESTION).rows} == {10.0, 8.0}
    assert memory.scanned == before + 1, "one of two intervals was touched"


def test_what_was_known_then_is_not_answered_from_memory(plant: Plant) -> None:
    store(plant.workspace, RecordKind.MOVEMENT, stays(0, 1), "1")
    store(plant.workspace, RecordKind.READING, [reading(1, 5.0)], "1")
    then = plant.workspace.lake.snapshot()
    store(plant.workspace, RecordKind.READING, [reading(2, 15.0)], "2")
    assert [row["bake.temp.mean"] for row in plant.find(QUESTION).rows] == [10.0, 10.0]
    with closing(prepare(plant.workspace, QUESTION, limits=None, snapshot=then)) as older:
        assert older.stream().read_all().column("bake.temp.mean").to_pylist() == [5.0, 5.0]
    assert [row["bake.temp.mean"] for row in plant.find(QUESTION).rows] == [10.0, 10.0]


def test_a_reading_without_a_machine_may_be_of_each(plant: Plant) -> None:
    store(plant.workspace, RecordKind.MOVEMENT, stays(0, 2), "1")
    store(plant.workspace, RecordKind.READING, [reading(1, 5.0), reading(12, 8.0)], "1")
    plant.find(QUESTION)
    memory = memory_of(plant.workspace)
    before = memory.scanned
    store(plant.workspace, RecordKind.READING, [reading(3, 1.0) | {"equipment": None}], "2")
    plant.find(QUESTION)
    assert memory.scanned == before + 1


def test_what_is_hot_is_not_kept(plant: Plant) -> None:
    store(plant.workspace, RecordKind.MOVEMENT, stays(0, 1), "1")
    store(plant.workspace, RecordKind.READING, [reading(1, 5.0)], "1")
    table = hot_rows(pa.Table.from_pylist([reading(2, 15.0) | {"seq": 0}]))
    plant.workspace.lake.hot.append("reading", table, LoadKey("hot", "1"), recorded=RECORDED)
    assert [row["bake.temp.mean"] for row in plant.find(QUESTION).rows] == [10.0, 10.0]
    cold = replace(plant.workspace.lake.snapshot(), hot={})
    with closing(prepare(plant.workspace, QUESTION, limits=None, snapshot=cold)) as committed:
        assert committed.stream().read_all().column("bake.temp.mean").to_pylist() == [5.0, 5.0]


def test_a_watched_question_binds_only_what_changed(plant: Plant) -> None:
    store(plant.workspace, RecordKind.MOVEMENT, stays(0, 4), "1")
    store(plant.workspace, RecordKind.READING, [reading(10 * run + 1, 5.0) for run in range(4)], "1")
    memory = memory_of(plant.workspace)
    with plant.watch(QUESTION, interval=0.01, timeout=30.0) as changes:
        assert next(changes).kind == "reset"
        before = memory.scanned
        store(plant.workspace, RecordKind.READING, [reading(12, 7.0)], "2")
        change = next(changes)
        assert [row["bake.temp.mean"] for row in change.added] == [6.0, 6.0]
        assert memory.scanned == before + 1
