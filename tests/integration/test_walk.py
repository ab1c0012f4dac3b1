"""Walks by an engine find what walks on the graph in memory find, and the same forth as back."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import count
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.analyse.trace import trace
from assay.model.errors import QueryError
from assay.model.kinds import TIME, Role
from assay.query import trails
from assay.query.domain.vocabulary import vocabulary
from assay.query.engines.duckdb import DuckEngine
from assay.query.program import Limits, Session, Trail
from assay.query.trails import follow_trail
from assay.query.walk import walk
from assay.store import LoadKey, Workspace
from assay.store.layout import DATE
from assay.store.snapshot import Snapshot

_STATES = count(-2, -1)


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with Workspace.create(tmp_path_factory.mktemp("walk") / "plant") as workspace:
        yield workspace


Said = tuple[str | None, float | None, str | None, int]
"""What a record says beside the movement: position, quantity, why it corrects, second it was recorded."""


def session_over(
    plant: Workspace, movements: list[tuple[str, str, str, str, str | None]], said: list[Said] | None = None
) -> Session:
    """A session in which these are the movements."""
    base = plant.lake.snapshot()
    names = ("execution", "role", "subject", "subject_kind", "segment")
    columns = {name: pa.array([m[i] for m in movements], pa.string()) for i, name in enumerate(names)}
    columns |= {name: pa.array(["test"] * len(movements), pa.string()) for name in ("source", "epoch")}
    if said is not None:
        kinds = (pa.string(), pa.float64(), pa.string(), pa.timestamp("s", "UTC"))
        beside = zip(("position", "quantity", "correction", "recorded"), kinds, strict=True)
        columns |= {name: pa.array([m[i] for m in said], kind) for i, (name, kind) in enumerate(beside)}
    given_columns = pa.table(columns | {"seq": pa.array(range(len(movements)), pa.int64())})
    for column in base.schemas["movement"]:
        if column.name not in given_columns.column_names:
            given_columns = given_columns.append_column(column, pa.nulls(len(movements), column.type))
    # Every example is a state of the plant that none came before.
    state = replace(
        base,
        versions={**base.versions, "movement": next(_STATES)},
        past=True,
        hot={
            "movement": given_columns.select(
                [column.name for column in base.schemas["movement"]]
            ).append_column(DATE, pa.nulls(len(movements), DATE.type))
        },
    )
    return DuckEngine(plant).open(state, Limits())


def rows(table: pa.Table) -> set[tuple[str, str, str, int]]:
    found = [tuple(row.values()) for row in table.to_pylist()]
    assert len(found) == len(set(found))
    return set(found)


ACTUALS = st.lists(
    st.tuples(
        st.sampled_from(["E1", "E2", "E3/x", "E4%"]),
        st.sampled_from([role.value for role in Role]),
        st.sampled_from(["A", "B", "C", "D", "E1"]),
        st.sampled_from(["unit", "unit", "lot", "execution"]),
        st.sampled_from(["press", "press", "s/1", None]),
    ),
    max_size=14,
)
FACTS = [
    ("E1", "consumed", "A", "lot", "press"),
    ("E1", "consumed", "A", "lot", None),
    ("E1", "produced", "B", "unit", "press"),
    ("E2", "consumed", "B", "unit", "weld"),
    ("E2", "produced", "C", "unit", "weld"),
    ("E1", "produced", "A", "lot", "weld"),
]
SAID = st.tuples(
    st.sampled_from([None, None, "1"]),
    st.sampled_from([None, 0.0, 2.0]),
    st.sampled_from([None, "wrong label"]),
    st.integers(0, 2),
)
STARTS = st.sampled_from(["A", "B", "C", "D", "nobody"])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ACTUALS, st.sets(STARTS, min_size=1), st.sampled_from([None, 0, 1, 2]), st.sampled_from([None, "lot"]))
def test_an_engine_walks_as_the_graph_in_memory(
    plant: Workspace,
    movements: list[tuple[str, str, str, str, str | None]],
    starts: set[str],
    depth: int | None,
    kind: str | None,
) -> None:
    session = session_over(plant, movements)
    shared = vocabulary(plant, session).shared_runs
    begun = [(f"{i % 2}", "unit", start) for i, start in enumerate(sorted(starts))]
    session.register(
        "begun", pa.table(dict(zip(("anchor", "kind", "id"), zip(*begun, strict=True), strict=True)))
    )
    for direction in ("ancestors", "descendants"):
        step = Trail(f"t_{direction}", "begun", direction, kind, depth)
        assert rows(walk(session, step, shared=shared)) == rows(follow_trail(plant, session, step))
    session.close()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ACTUALS)
def test_what_descends_from_one_has_it_as_ancestor_at_the_same_distance(
    plant: Workspace, movements: list[tuple[str, str, str, str, str | None]]
) -> None:
    session = session_over(plant, movements)
    things = sorted({(m[3], m[2]) for m in movements if m[3] != "execution"})
    session.register(
        "begun",
        pa.table(
            {
                "anchor": pa.array([f"{kind}:{bare}" for kind, bare in things], pa.string()),
                "kind": pa.array([kind for kind, _ in things], pa.string()),
                "id": pa.array([bare for _, bare in things], pa.string()),
            }
        ),
    )
    shared = vocabulary(plant, session).shared_runs
    forth = rows(walk(session, Trail("forth", "begun", "descendants", None, None), shared=shared))
    back = rows(walk(session, Trail("back", "begun", "ancestors", None, None), shared=shared))
    pairs = {(a, f"{k}:{i}", d) for a, k, i, d in forth if k != "execution"}
    assert pairs == {(f"{k}:{i}", a, d) for a, k, i, d in back if k != "execution"}
    session.close()


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(FACTS), SAID), max_size=14))
def test_an_engine_follows_the_same_corrections_as_the_graph_in_memory(
    plant: Workspace, records: list[tuple[tuple[str, str, str, str, str | None], Said]]
) -> None:
    session = session_over(plant, [fact for fact, _ in records], [said for _, said in records])
    shared = vocabulary(plant, session).shared_runs
    session.register("begun", pa.table({"anchor": ["x"], "kind": ["lot"], "id": ["A"]}))
    for direction in ("ancestors", "descendants"):
        step = Trail(f"t_{direction}", "begun", direction, None, None)
        assert rows(walk(session, step, shared=shared)) == rows(follow_trail(plant, session, step))
    session.close()


def test_a_movement_that_was_taken_back_is_not_followed_and_one_that_was_put_back_is(
    plant: Workspace,
) -> None:
    moves = [("E1", "consumed", "A", "lot", "press"), ("E1", "produced", "U", "unit", "press")]
    gone: Said = (None, 0.0, "wrong label", 1)
    back: Said = (None, 2.0, "it was the label after all", 2)
    for said, units in (([gone], set()), ([gone, back], {"U"}), ([back, gone], {"U"})):
        session = session_over(
            plant, [*moves, *[moves[0]] * len(said)], [(None, 2.0, None, 0), (None, 1.0, None, 0), *said]
        )
        session.register("begun", pa.table({"anchor": ["x"], "kind": ["lot"], "id": ["A"]}))
        step = Trail("t", "begun", "descendants", "unit", None)
        assert {row[2] for row in rows(walk(session, step, shared=False))} == units
        assert {row[2] for row in rows(follow_trail(plant, session, step))} == units
        session.close()


def test_rework_ends_and_distances_are_the_shortest(plant: Workspace) -> None:
    session = session_over(
        plant,
        [
            ("E1", "consumed", "L", "lot", "press"),
            ("E1", "produced", "U", "unit", "press"),
            ("E2", "consumed", "U", "unit", "grind"),
            ("E2", "produced", "V", "unit", "grind"),
            ("E3", "consumed", "V", "unit", "rework"),
            ("E3", "returned", "U", "unit", "rework"),
        ],
    )
    session.register("begun", pa.table({"anchor": ["x"], "kind": ["lot"], "id": ["L"]}))
    found = rows(walk(session, Trail("t", "begun", "descendants", "unit", None), shared=False))
    assert found == {("x", "unit", "U", 1), ("x", "unit", "V", 2)}
    assert rows(walk(session, Trail("t", "begun", "descendants", "unit", 1), shared=False)) == {
        ("x", "unit", "U", 1)
    }
    session.close()


def test_a_direction_is_up_or_down(plant: Workspace) -> None:
    session = session_over(plant, [])
    with pytest.raises(QueryError, match="sideways"):
        walk(session, Trail("t", "begun", "sideways", None, None), shared=False)
    session.close()


def packed_at_random(plant: Workspace, stories: int) -> Snapshot:
    """Units are made of lots, packed, taken out and shipped, each story with things of its own."""
    found: list[dict[str, object]] = []

    def moved(execution: str, role: str, subject: str, minute: int, carrier: str | None = None) -> None:
        kind = "lot" if "-L" in subject else "unit"
        found.append(
            {
                "execution": execution,
                "role": role,
                "subject": subject,
                "subject_kind": kind,
                "carrier": carrier,
            }
            | {"started": minute * 60_000_000, "segment": "s"}
        )

    for story in range(stories):
        chance, name = random.Random(story), f"S{story}"
        boxes = [f"{name}-B1", f"{name}-B2", f"{name}-P"]
        where: dict[str, str] = {}
        units = [f"{name}-U{number}" for number in range(4)]
        for number, unit in enumerate(units):
            moved(f"{name}-make{number}", "consumed", f"{name}-L{number % 2}", 0)
            moved(f"{name}-make{number}", "produced", unit, 0)
        for minute in range(1, 14):
            step, box = f"{name}-e{minute}", chance.choice(boxes)
            thing = chance.choice(boxes[:2] if box == boxes[2] else units)
            held = sorted(one for one, place in where.items() if place == box)
            if chance.random() < 0.5:
                moved(step, "consumed", thing, minute, box)
                moved(step, "produced", box, minute, box)
                where[thing] = box
            elif held and chance.random() < 0.6:
                moved(step, "returned", held[0], minute, box)
                del where[held[0]]
            else:
                moved(step, "consumed", box, minute)
                moved(step, "produced", f"{step}-sent", minute)
    count = pa.array(range(len(found)), pa.int64())
    names = ("execution", "role", "subject", "subject_kind", "carrier", "segment")
    columns = {name: pa.array([row[name] for row in found], pa.string()) for name in names}
    started = pa.array([row["started"] for row in found], pa.int64()).cast(TIME)
    columns |= {"started": started, "time": started, "seq": count, "key_hash": count, "content_hash": count}
    plant.lake.hot.append("movement", pa.table(columns), LoadKey("line", "packed"))
    return plant.lake.snapshot()


@pytest.mark.parametrize("most", [0, 200])
def test_a_question_follows_containers_as_a_trace_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(trails, "_MOST_WALKS", most)
    beside = 0
    with (
        Workspace.create(tmp_path / "plant") as plant,
        closing(DuckEngine(plant).open(packed_at_random(plant, 12), Limits())) as session,
    ):
        units = [f"S{story}-U{number}" for story in range(12) for number in range(4)]
        things = [*units, *(f"S{story}-{box}" for story in range(12) for box in ("B1", "B2", "P"))]
        known = set(session.arrow("SELECT DISTINCT subject FROM movement").column(0).to_pylist())
        things = [one for one in things if one in known]
        session.register("begun", pa.table({"anchor": things, "kind": ["unit"] * len(things), "id": things}))
        for name, way in (("ancestors", "back"), ("descendants", "forward")):
            step = Trail(f"t_{name}", "begun", name, None, None)
            answered = rows(follow_trail(plant, session, step))
            wide = rows(walk(session, Trail(f"w_{name}", "begun", name, None, None), shared=False))
            beside += len({row[:3] for row in wide} - {row[:3] for row in answered})
            for thing in things:
                traced = {(node.kind, node.id) for node in trace(plant, thing, way).nodes[1:]}
                assert {(kind, id_) for anchor, kind, id_, _ in answered if anchor == thing} == traced
    assert beside, "the stories hold things that were beside others in a box, and are no kin of them"
