"""Watched questions: the result, then exactly what changes in it, from any point on."""

from __future__ import annotations

import threading
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sql_questions import Asking
from store_rows import load

from assay.query.changes import Result, difference, whole
from assay.query.program import Column
from assay.query.services import TokenRefused
from assay.query.watch import Watch, Watched, watch
from assay.store.registry import now
from assay.store.workspace import Workspace

SUBJECTS = "SELECT subject, count(*) AS results FROM measurement WHERE value < 1 GROUP BY subject"
PER_LOAD = "SELECT characteristic, count(*) AS results FROM measurement GROUP BY characteristic"


def watching(workspace: Workspace, question: str, asking: Asking, **options: Any) -> Watch:
    return watch(workspace, question, ask=asking, **{"interval": 0.01, "timeout": 0.05, **options})


def test_first_the_result_then_what_changes_and_nothing_else(plant: Workspace) -> None:
    load(plant, 1)
    asking = Asking(key=("subject",))
    with watching(plant, SUBJECTS, asking) as changes:
        first = next(changes)
        assert first.kind == "reset"
        assert [row["subject"] for row in first.added] == ["U-1-0", "U-1-1"]
        assert list(changes) == []
        assert asking.asked == 1  # the question is not asked as long as nothing is loaded
        load(plant, 2)
        second = next(changes)
        assert (second.kind, second.rows, second.removed, second.changed) == ("change", 4, (), ())
        assert [row["subject"] for row in second.added] == ["U-2-0", "U-2-1"]
        assert asking.asked == 2
        load(plant, 2)
        assert list(changes) == []
    assert asking.open == 0


def test_a_load_that_does_not_concern_the_question_pushes_nothing(plant: Workspace) -> None:
    load(plant, 1)
    asking = Asking()
    with watching(plant, "SELECT DISTINCT characteristic FROM measurement", asking) as changes:
        assert next(changes).rows == 1
        load(plant, 2)
        assert list(changes) == []
        assert asking.asked == 2


def test_a_row_of_the_same_key_is_changed(plant: Workspace) -> None:
    load(plant, 1)
    with watching(plant, PER_LOAD, Asking(key=("characteristic",))) as changes:
        next(changes)
        load(plant, 2)
        change = next(changes)
    before, after = ({"characteristic": "length", "results": n} for n in (50, 100))
    assert change.changed == ((before, after),)
    assert change.to_dict()["changed"] == [{"before": before, "after": after}]
    assert (change.added, change.removed) == ((), ())


def test_resuming_gives_what_was_missed(plant: Workspace) -> None:
    load(plant, 1)
    asking = Asking(key=("subject",))
    with watching(plant, SUBJECTS, asking) as changes:
        token = next(changes).token
    load(plant, 2)
    load(plant, 3)
    with watching(plant, SUBJECTS, asking, resume=token) as again:
        missed = next(again)
        assert missed.kind == "change"
        assert [row["subject"] for row in missed.added] == ["U-2-0", "U-2-1", "U-3-0", "U-3-1"]
        assert list(again) == []
        latest = again.token
    with watching(plant, SUBJECTS, asking, resume=latest) as quiet:
        assert list(quiet) == []
        assert quiet.token == latest
    assert asking.open == 0


def test_a_state_that_is_gone_is_a_reset(plant: Workspace) -> None:
    load(plant, 1)
    with watching(plant, SUBJECTS, Asking()) as changes:
        token = next(changes).token
    plant.registry.upsert_entities("equipment", [{"id": "P-9"}])
    with watching(plant, SUBJECTS, Asking(), resume=token) as again:
        assert next(again).kind == "reset"
    with pytest.raises(TokenRefused, match="another question"):
        next(watching(plant, PER_LOAD, Asking(), resume=token))
    with pytest.raises(TokenRefused, match="can't be read"):
        next(watching(plant, SUBJECTS, Asking(), resume=token[:-2]))


def test_a_slow_reader_gets_one_change_for_many_loads(plant: Workspace) -> None:
    load(plant, 1)
    asking = Asking()
    with watching(plant, SUBJECTS, asking) as changes:
        next(changes)
        for number in range(2, 7):
            load(plant, number)
        assert len(next(changes).added) == 10
        assert list(changes) == []
    assert asking.asked == 2


def test_watchers_of_one_question_share_its_answers(plant: Workspace) -> None:
    load(plant, 1)
    asking = Asking()
    shared = Watched(plant, SUBJECTS, ask=asking)
    watchers = [Watch(shared, interval=0.01, timeout=0.05) for _ in range(5)]
    assert {next(one).rows for one in watchers} == {2}
    load(plant, 2)
    assert {len(next(one).added) for one in watchers} == {2}
    assert asking.asked == 2


def test_waits_for_a_load_and_ends_when_it_is_closed(plant: Workspace) -> None:
    load(plant, 1)
    seen: list[int] = []
    changes = watch(plant, SUBJECTS, interval=0.01, ask=Asking())
    got = threading.Event()

    def read() -> None:
        for change in changes:
            seen.append(change.rows)
            got.set()

    reader = threading.Thread(target=read)
    reader.start()
    assert got.wait(20)
    got.clear()
    load(plant, 2)
    assert got.wait(20)
    changes.close()
    reader.join(20)
    assert not reader.is_alive()
    assert seen == [2, 4]


# -- the comparison itself ------------------------------------------------------------------------

COLUMNS = (Column("id", "text"), Column("value", "number"))
ROWS = st.lists(
    st.tuples(st.sampled_from("abcd"), st.sampled_from([None, 0.0, 1.5, float("nan")])), max_size=8
)


def result(rows: list[tuple[str, float | None]], key: tuple[str, ...]) -> Result:
    table = pa.table({"id": pa.array([r[0] for r in rows], pa.string()), "value": [r[1] for r in rows]})
    return Result.of(table.cast(pa.schema({"id": pa.string(), "value": pa.float64()})), COLUMNS, key, now())


def bag(rows: Any) -> list[str]:
    return sorted(repr(tuple(row.values()) if isinstance(row, dict) else row) for row in rows)


@given(ROWS, ROWS, st.sampled_from([(), ("id",)]))
def test_applying_the_change_gives_the_new_result(
    old: list[tuple[str, float | None]], new: list[tuple[str, float | None]], key: tuple[str, ...]
) -> None:
    before, after = result(old, key), result(new, key)
    change = difference(before, after)
    if change is None:
        assert bag(old) == bag(new)
        assert before.digest() == after.digest()
        return
    assert before.digest() != after.digest() or before.keyed != after.keyed
    held = [] if change.kind == "reset" else bag(old)
    for gone in bag([*change.removed, *(row for row, _ in change.changed)]):
        held.remove(gone)
    held += bag([*change.added, *(row for _, row in change.changed)])
    assert sorted(held) == bag(new)
    assert change.rows == len(new)


def test_other_columns_are_a_reset() -> None:
    before, after = result([("a", 1.0)], ("id",)), result([("a", 1.0)], ("id",))
    renamed = Result(COLUMNS[:1], after.rows, keyed=True, moment=after.moment, written=after.written)
    assert difference(before, after) is None
    assert difference(before, renamed) == whole(renamed)
