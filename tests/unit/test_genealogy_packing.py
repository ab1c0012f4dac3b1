"""What is inside which container when: walks name what was inside, and nothing that was beside it."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.genealogy import Index, closure, plain, walking
from assay.genealogy.packing import followed, inside
from assay.genealogy.stays import OPEN, _kept, stays
from assay.model.kinds import TIME

Row = dict[str, Any]


def moved(execution: str, role: str, subject: str, minute: int, **more: Any) -> Row:
    kind = "lot" if subject.startswith("L") else "unit"
    base: Row = {
        "execution": execution,
        "role": role,
        "subject": subject,
        "subject_kind": kind,
        "segment": "s",
    }
    return base | {"started": minute * 60_000_000} | more


def packed(execution: str, minute: int, box: str, *things: str) -> list[Row]:
    rows = [moved(execution, "consumed", thing, minute, carrier=box) for thing in things]
    return [*rows, moved(execution, "produced", box, minute, carrier=box)]


def unpacked(execution: str, minute: int, box: str, *things: str) -> list[Row]:
    return [moved(execution, "returned", thing, minute, carrier=box) for thing in things]


def table_of(rows: list[Row]) -> pa.Table:
    names = ("execution", "role", "subject", "subject_kind", "segment", "carrier", "quantity", "started")
    kinds = {"started": TIME, "quantity": pa.float64()}
    columns = {
        name: pa.array([row.get(name) for row in rows], kinds.get(name, pa.string())) for name in names
    }
    return pa.table(columns)


def built(rows: list[Row]) -> Index:
    return Index.build(table_of(rows))


def reached(index: Index, thing: str, way: str, minute: int | None = None) -> set[str]:
    roots = np.array(index.find(thing))
    moment = None if minute is None else OPEN if minute < 0 else minute * 60_000_000
    mask = followed(index, roots, way, None, moment=moment)
    found = closure(index.graph, roots, way, through=mask)
    return {key.id for key in index.keys(found.nodes) if key.kind != "execution"} - {thing}


def contents(index: Index, box: str, minute: int | None = None) -> set[str]:
    moment = OPEN if minute is None else minute * 60_000_000
    found = inside(stays(index), np.array(index.find(box)), moment)
    return {key.id for key in index.keys(found)}


NESTED = [
    moved("make", "consumed", "L1", 0),
    moved("make", "produced", "U1", 0),
    moved("make", "produced", "U2", 0),
    *packed("p1", 1, "BOX1", "U1", "U2", "U3"),
    *packed("p2", 2, "BOX2", "U4"),
    *unpacked("o1", 3, "BOX1", "U3"),
    *packed("p3", 4, "PALLET", "BOX1", "BOX2"),
    moved("ship", "consumed", "PALLET", 5),
    moved("ship", "produced", "DELIVERY", 5),
    *unpacked("o2", 6, "BOX1", "U1"),
    *packed("p4", 7, "BOX3", "U1"),
]


def test_a_pallet_holds_what_is_in_its_boxes_then() -> None:
    index = built(NESTED)
    assert contents(index, "PALLET", 5) == {"BOX1", "BOX2", "U1", "U2", "U4"}
    assert contents(index, "PALLET") == {"BOX1", "BOX2", "U2", "U4"}, "U1 was taken out since"
    assert contents(index, "PALLET", 3) == set()
    assert contents(index, "BOX1", 2) == {"U1", "U2", "U3"}
    assert contents(index, "BOX3") == {"U1"}


def test_a_unit_leads_to_what_it_is_or_was_in_and_to_nothing_beside_it() -> None:
    index = built(NESTED)
    assert reached(index, "U1", "forward") == {"BOX1", "PALLET", "DELIVERY", "BOX3"}
    assert reached(index, "U1", "forward", -1) == {"BOX3"}
    assert reached(index, "U1", "forward", 5) == {"BOX1", "PALLET", "DELIVERY", "BOX3"}
    assert reached(index, "U3", "forward") == {"BOX1"}, "taken out before the box was on the pallet"
    assert reached(index, "L1", "forward", -1) == {"U1", "U2", "BOX1", "BOX3", "PALLET", "DELIVERY"}


def test_a_container_leads_back_to_what_was_in_it_then() -> None:
    index = built(NESTED)
    assert reached(index, "DELIVERY", "back") == {"PALLET", "BOX1", "BOX2", "U1", "U2", "U4", "L1"}
    assert reached(index, "PALLET", "back", -1) == {"BOX1", "BOX2", "U2", "U4", "L1"}
    assert reached(index, "PALLET", "back") == {"BOX1", "BOX2", "U1", "U2", "U4", "L1"}
    assert reached(index, "U3", "back") == set()


def test_unpacking_recorded_with_the_container_going_in_makes_no_kin() -> None:
    rows = [
        *packed("p", 1, "BOX", "U1", "U2"),
        moved("o", "consumed", "BOX", 2),
        *(moved("o", "produced", thing, 2, carrier="BOX") for thing in ("U1", "U2")),
    ]
    index = built(rows)
    assert reached(index, "U1", "forward") == {"BOX"}
    assert reached(index, "U1", "back") == set()
    assert contents(index, "BOX") == set()


def test_what_came_in_with_a_container_of_another_firm_leads_back_to_it() -> None:
    rows = [moved("o", "consumed", "PALLET", 2), moved("o", "produced", "U1", 2, carrier="PALLET")]
    index = built([*rows, moved("weld", "consumed", "U1", 3), moved("weld", "produced", "U9", 3)])
    assert reached(index, "PALLET", "forward") == {"U1", "U9"}
    assert reached(index, "U9", "back") == {"U1", "PALLET"}
    assert contents(index, "PALLET", 1) == {"U1"}
    assert contents(index, "PALLET") == set()


def test_a_returnable_box_is_emptied_and_filled_again() -> None:
    rows = [
        *packed("p1", 1, "BOX", "U1"),
        *packed("p2", 2, "PALLET1", "BOX"),
        *unpacked("o", 3, "PALLET1", "BOX"),
        moved("e", "consumed", "BOX", 3, carrier="BOX"),
        *packed("p3", 3, "BOX", "U2"),
        *packed("p4", 5, "PALLET2", "BOX"),
    ]
    index = built(rows)
    assert reached(index, "U1", "forward") == {"BOX", "PALLET1"}
    assert reached(index, "U2", "forward") == {"BOX", "PALLET2"}
    assert reached(index, "PALLET2", "back") == {"BOX", "U2"}
    assert contents(index, "BOX") == {"U2"}


def test_a_lot_may_be_in_several_boxes_and_leaves_in_parts() -> None:
    rows = [
        moved("a", "consumed", "L1", 1, carrier="B1", quantity=200.0),
        moved("a", "produced", "B1", 1),
        moved("b", "consumed", "L1", 2, carrier="B2", quantity=100.0),
        moved("b", "produced", "B2", 2),
        moved("c", "returned", "L1", 3, carrier="B1", quantity=150.0),
        moved("d", "returned", "L1", 4, carrier="B1", quantity=50.0),
    ]
    index = built(rows)
    assert [contents(index, "B1", minute) for minute in (0, 2, 3, 4)] == [set(), {"L1"}, {"L1"}, set()]
    assert contents(index, "B2") == {"L1"}
    assert reached(index, "L1", "forward", -1) == {"B2"}


def test_without_times_an_answer_is_as_wide_as_it_must_be() -> None:
    rows = [{**row, "started": None} for row in NESTED]
    index = built(rows)
    assert contents(index, "PALLET") == {"BOX1", "BOX2", "U2", "U4"}
    assert reached(index, "U3", "forward") == {"BOX1", "PALLET", "DELIVERY"}
    assert reached(index, "U3", "forward", -1) == set()


def test_what_the_box_is_made_of_is_followed_like_anything_else() -> None:
    rows = [*packed("p", 1, "BOX", "U1"), moved("p", "consumed", "LFILM", 1)]
    index = built(rows)
    assert reached(index, "LFILM", "forward") == {"BOX"}
    assert reached(index, "BOX", "back") == {"U1", "LFILM"}


def test_trays_that_are_no_container_change_nothing() -> None:
    rows = [moved("f", "consumed", "U1", 1, carrier="T1"), moved("f", "produced", "U2", 1, carrier="T1")]
    index = built([*rows, moved("wash", "produced", "T1", 0)])
    assert followed(index, np.array(index.find("U1")), "forward", None) is None
    assert reached(index, "U1", "forward") == {"U2"}


def test_a_filter_holds_for_packing_too() -> None:
    index = built(NESTED)
    roots = np.array(index.find("U1"))
    through = ~np.isin(np.arange(index.graph.edges), stays(index).edge[:1])
    mask = followed(index, roots, "forward", through)
    found = closure(index.graph, roots, "forward", through=mask)
    assert {key.id for key in index.keys(found.nodes) if key.kind == "unit"} == {"U1", "BOX3"}


steps = st.lists(
    st.one_of(
        st.tuples(st.just("pack"), st.sampled_from(["B1", "B2"]), st.sampled_from(["U1", "U2", "U3"])),
        st.tuples(st.just("pack"), st.sampled_from(["P1", "P2"]), st.sampled_from(["B1", "B2"])),
        st.tuples(st.just("unpack"), st.sampled_from(["B1", "B2", "P1", "P2"]), st.just("")),
        st.tuples(st.just("empty"), st.sampled_from(["B1", "B2", "P1", "P2"]), st.just("")),
    ),
    max_size=14,
)


@settings(deadline=None)
@given(steps)
def test_it_is_as_if_somebody_had_stood_there_and_watched(story: list[tuple[str, str, str]]) -> None:
    rows: list[Row] = []
    where: dict[str, str] = {}
    seen: list[dict[str, str]] = []
    for minute, (what, box, thing) in enumerate(story, 1):
        held = sorted(one for one, place in where.items() if place == box)
        if what == "pack":
            rows += packed(f"e{minute}", minute, box, thing)
            where[thing] = box
        elif what == "unpack" and held:
            rows += unpacked(f"e{minute}", minute, box, held[0])
            del where[held[0]]
        elif what == "empty" and held:
            rows.append(moved(f"e{minute}", "consumed", box, minute, carrier=box))
            for one in held:
                del where[one]
        seen.append(dict(where))
    if not rows:
        return
    index = built(rows)

    def around(thing: str, then: dict[str, str]) -> set[str]:
        return set() if thing not in then else {then[thing], *around(then[thing], then)}

    known = {row["subject"] for row in rows}
    for minute, then in enumerate(seen, 1):
        for box in known & {"B1", "B2", "P1", "P2"}:
            assert contents(index, box, minute) == {one for one in then if box in around(one, then)}
    for thing in known:
        ever = set().union(*(around(thing, then) for then in seen))
        assert reached(index, thing, "forward") == ever
        assert reached(index, thing, "forward", -1) == around(thing, seen[-1])
        if thing in {"B1", "B2", "P1", "P2"}:
            assert reached(index, thing, "back") == {
                one for then in seen for one in then if thing in around(one, then)
            }


handled = st.lists(
    st.tuples(
        st.sampled_from(["consumed", "returned", "produced", "used"]),
        st.sampled_from(["U1", "U2", "L1", "B1", "P1"]),
        st.sampled_from(["B1", "B2", "P1", "nowhere", ""]),
        st.sampled_from(["e1", "e2", "e3", "e4", "e5"]),
        st.integers(0, 4),
        st.sampled_from([None, 1.0, 2.5]),
    ),
    max_size=24,
)


def recorded(things: list[tuple[str, str, str, str, int, float | None]]) -> list[Row]:
    """Movements of any kind, in any order; the containers are things themselves."""
    rows = [moved("make", "produced", box, 0) for box in ("B1", "B2", "P1")]
    for role, thing, box, execution, minute, quantity in things:
        more: Row = {"quantity": quantity} | ({"carrier": box} if box else {})
        rows.append(moved(execution, role, thing, minute, **more))
    return rows


def told(index: Index) -> list[list[int]]:
    known = stays(index)
    columns = (known.content, known.container, known.begin, known.end, known.edge)
    return [*(one.tolist() for one in columns), known.packing.tolist(), known.opening.tolist()]


@settings(deadline=None)
@given(handled)
def test_compiled_or_not_the_stays_are_the_same(
    things: list[tuple[str, str, str, str, int, float | None]],
) -> None:
    index = built(recorded(things))
    found = []
    for module in (plain, walking):
        with patch("assay.genealogy.stays.walks", lambda _, module=module: module):
            found.append(told(built(recorded(things))))
    assert found[0] == found[1] == told(index)


@settings(deadline=None)
@given(handled, st.integers(0, 27))
def test_stays_follow_what_arrives(
    things: list[tuple[str, str, str, str, int, float | None]], first: int
) -> None:
    rows = recorded(things)
    index = built(rows[:first])
    told(index)
    for row in rows[first:]:
        index.append(table_of([row]))
        followed = told(index)
        _kept.pop(index)
        assert followed == told(index)


def test_a_container_that_is_recorded_after_its_content_holds_it() -> None:
    rows = [moved("make", "produced", "BOX", 0), moved("p1", "consumed", "U1", 1, carrier="BOX")]
    index = built(rows)
    assert contents(index, "BOX") == set()
    index.append(table_of([moved("p1", "produced", "BOX", 1)]))
    assert contents(index, "BOX") == {"U1"}


def test_nothing_packed_costs_nothing() -> None:
    index = built([moved("make", "consumed", "L1", 0), moved("make", "produced", "U1", 0)])
    assert followed(index, np.array(index.find("L1")), "forward", None) is None
    assert len(stays(index).content) == 0
