"""Every contradiction that movements can hold is found and named, and what is legal is not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.genealogy import EXECUTION, Direction, Index, closure
from assay.genealogy.actuals import Actuals
from assay.genealogy.checks import KINDS, Checked, Tolerances, checked

BEGAN = datetime(2026, 3, 2, 6, tzinfo=UTC)


def move(execution: str, role: str, subject: str, minute: float | None = None, **more: Any) -> dict[str, Any]:
    """A movement; units are called U…, all else are lots; the segment stands before the dash."""
    time = None if minute is None else BEGAN + timedelta(minutes=minute)
    kind = "unit" if subject.startswith("U") else "lot"
    base = {"execution": execution, "role": role, "subject": subject, "subject_kind": kind}
    return base | {"segment": execution.partition("-")[0], "started": time, "ended": time} | more


def table(moves: Sequence[dict[str, Any]]) -> pa.Table:
    """Some movements as an index takes them."""
    words = ("execution", "role", "subject", "subject_kind", "segment", "unit", "position", "equipment")
    kinds = {name: pa.string() for name in (*words, "carrier", "choice", "correction")}
    kinds |= {name: pa.timestamp("us", "UTC") for name in ("started", "ended")}
    kinds |= {name: pa.float64() for name in ("quantity", "confidence", "clock_uncertainty")}
    return pa.table({name: pa.array([one.get(name) for one in moves], kind) for name, kind in kinds.items()})


def graph(*moves: dict[str, Any]) -> Index:
    """The genealogy of some movements."""
    return Index.build(table(moves))


def found(*moves: dict[str, Any], declared: tuple[str, ...] = (), **within: float) -> dict[str, Any]:
    """Kind of finding to the names each finding of it is about; open ends only where they are asked for."""
    index = graph(*moves)
    known = index.locate("lot", pa.array(declared, pa.string()))
    result = checked(Actuals.of(index), declared=known, tolerances=Tolerances(**within))
    assert result.counts == {kind: sum(one.kind == kind for one in result.findings) for kind in KINDS}
    names: dict[str, Any] = {}
    for one in result.findings:
        names.setdefault(one.kind, []).append(tuple(index.names(np.array(one.nodes))))
    if not declared:
        names.pop("open-end", None)
    return names


def made(number: int, source: str, product: str, minute: float | None = None, **more: Any) -> list[Any]:
    """A step that turns one thing into another."""
    return [
        move(f"s{number}-1", "consumed", source, minute, **more),
        move(f"s{number}-1", "produced", product, minute, **more),
    ]


def test_a_cycle_is_named_in_full_and_its_bystanders_are_not() -> None:
    ring = [*made(1, "A", "B"), *made(2, "B", "C"), *made(3, "C", "A")]
    aside = [*made(4, "R", "A"), *made(5, "C", "U1")]
    assert found(*ring, *aside) == {"cycle": [("A", "s1-1", "B", "s2-1", "C", "s3-1")]}


def test_a_thing_made_of_itself_is_a_cycle_and_rework_is_none() -> None:
    itself = [move("E-1", "consumed", "A"), move("E-1", "produced", "A")]
    assert found(*itself) == {"cycle": [("A", "E-1")]}
    assert found(move("E-1", "consumed", "A"), move("E-1", "returned", "A")) == {}
    assert found(move("E-1", "used", "U1"), move("E-1", "produced", "U1")) == {}
    assert found(*made(1, "U1", "U2"), move("r-1", "consumed", "U2"), move("r-1", "returned", "U1")) == {}


def test_alternatives_close_no_cycle() -> None:
    maybe = move("E-1", "consumed", "A", confidence=0.5, choice="E-1")
    assert found(maybe, move("E-1", "produced", "A")) == {}


def test_a_subject_nobody_brought_is_an_open_end_until_it_arrives_or_is_declared() -> None:
    moves = made(1, "A", "B")
    assert found(*moves, declared=("other",))["open-end"] == [("A",)]
    assert "open-end" not in found(*moves, declared=("A",))
    assert "open-end" not in found(*moves, *made(0, "R", "A"), declared=("R",))


def test_what_is_consumed_before_it_is_made_is_found_beyond_the_uncertainty_of_clocks() -> None:
    moves = [*made(1, "R", "B", 10), *made(2, "B", "U1", 9)]
    assert found(*moves) == {"consumed-before-made": [("B", "s1-1", "s2-1")]}
    assert found(*moves, uncertainty=60) == {}
    # What the records say of their clocks counts as well, of both together.
    vague = [one | {"clock_uncertainty": 30.0} for one in moves]
    assert found(*vague) == {}
    assert found(*(one | {"clock_uncertainty": 29.0} for one in moves)) != {}
    # A lot that is still being made while it is drawn from is no contradiction.
    late = [*made(1, "R", "B", 10, ended=BEGAN + timedelta(hours=1)), *made(2, "B", "U1", 12)]
    assert found(*late) == {}
    assert found(*made(1, "R", "B"), *made(2, "B", "U1", 9)) == {}


def test_the_clocks_of_two_stations_are_told_apart_with_evidence() -> None:
    moves = [
        one
        for n in range(6)
        for one in (
            move(f"press-{n}", "produced", f"U{n}", 10 * n, equipment="P"),
            move(f"weld-{n}", "consumed", f"U{n}", 10 * n + (1 if n == 0 else -3), equipment="W"),
        )
    ]
    result = checked(Actuals.of(graph(*moves)))
    (skew,) = [one for one in result.findings if one.kind == "clock-skew"]
    assert dict(skew.values) == {
        "before": "P",
        "after": "W",
        "early": 5.0,
        "count": 6.0,
        "least": 180.0,
        "most": 180.0,
    }
    assert result.counts["consumed-before-made"] == 5
    assert found(*moves, uncertainty=180) == {}


def test_amounts_are_judged_in_one_unit_and_within_tolerance() -> None:
    brought = [
        move("m-1", "consumed", "R", quantity=2.0, unit="kg"),
        move("m-1", "produced", "B", quantity=2.0, unit="kg"),
    ]
    taken = [move(f"p-{n}", "consumed", "B", quantity=n * 700.0, unit="g") for n in (1, 2)]
    assert found(*brought, *taken) == {"overdrawn": [("B",)]}
    assert found(*brought, *taken, share=0.06) == {}
    assert found(*brought, taken[0], move("p-9", "consumed", "B", unit="g")) == {}
    assert found(*brought, taken[0], move("p-9", "consumed", "B", quantity=9.0, unit="{piece}")) == {}
    assert found(*brought, move("p-1", "used", "B", quantity=9.0, unit="kg")) == {}
    assert found(move("p-1", "consumed", "B", quantity=-1.0)) == {"negative-quantity": [("B", "p-1")]}
    pieces = [
        move("m-1", "produced", "B", quantity=100.0, unit="{piece}"),
        move("p-1", "consumed", "B", quantity=101.0, unit="{piece}"),
    ]
    assert found(*pieces, share=0.5) == {"overdrawn": [("B",)]}


def test_a_step_that_loses_mass_is_found_and_one_that_is_not_weighed_whole_is_not() -> None:
    went_in = [
        move("m-1", "consumed", "A", quantity=3.0, unit="kg"),
        move("m-1", "consumed", "B", quantity=500.0, unit="g"),
    ]
    lost = move("m-1", "produced", "C", quantity=3.0, unit="kg")
    index = graph(*went_in, lost)
    (one,) = [x for x in checked(Actuals.of(index)).findings if x.kind == "unbalanced"]
    assert dict(one.values) == {"went_in": 3.5, "came_out": 3.0, "unit": "kg"}
    assert found(*went_in, lost, move("m-1", "by-product", "S", quantity=0.5, unit="kg")) == {}
    assert found(*went_in, lost, move("m-1", "by-product", "S")) == {}
    assert found(*went_in, lost, share=0.2) == {}


def test_serials_made_twice_are_told_from_rework_and_work_in_place() -> None:
    one = [move("a-1", "consumed", "L1"), move("a-1", "produced", "U1")]
    two = [move("a-2", "consumed", "L2"), move("a-2", "produced", "U1")]
    assert found(*one, *two) == {"made-twice": [("U1", "a-1", "a-2")]}
    assert found(*one, move("b-1", "consumed", "L2"), move("b-1", "produced", "U1")) == {}
    assert found(*one, move("a-2", "produced", "U1")) == {}
    rework = [move("a-2", "consumed", "U1"), move("a-2", "consumed", "L2"), move("a-2", "returned", "U1")]
    assert found(*one, *rework) == {}


def test_a_part_with_two_parents_and_a_position_with_two_parts_are_found() -> None:
    one, two = move("a-1", "consumed", "U1", position="left"), move("a-2", "consumed", "U1", position="left")
    assert found(one, two) == {"used-twice": [("U1", "a-1", "a-2")]}
    assert found(one, move("a-1", "returned", "U1"), two) == {}
    other = move("a-1", "consumed", "U2", position="left")
    assert found(one, other) == {"position-twice": [("a-1", "U1", "U2")]}
    assert found(one | {"carrier": "T1"}, other | {"carrier": "T2"}) == {}
    assert found(one, other | {"position": "right"}) == {}


def test_a_carrier_is_at_one_place_at_a_time() -> None:
    def stay(execution: str, equipment: str, begin: float, end: float) -> dict[str, Any]:
        times = {"ended": BEGAN + timedelta(minutes=end)}
        return move(execution, "produced", f"U{execution}", begin, equipment=equipment, carrier="T", **times)

    long, short, inside = stay("a-1", "oven", 0, 10), stay("a-2", "oven", 1, 2), stay("b-1", "wash", 5, 6)
    assert found(long, short, inside) == {"carrier-twice": [("a-1", "b-1")]}
    assert found(long, short, stay("b-1", "wash", 10, 12)) == {}
    assert found(long, inside | {"carrier": "T2"}) == {}


def test_what_was_taken_back_is_not_looked_at() -> None:
    one, two = move("a-1", "consumed", "U1"), move("a-2", "consumed", "U1")
    assert found(one, two, two | {"quantity": 0.0, "correction": "misread"}) == {}


def test_of_each_kind_the_first_are_kept_and_all_counted() -> None:
    moves = [move(f"p-{n}", "consumed", f"L{n}", quantity=-1.0) for n in range(5)]
    result = checked(Actuals.of(graph(*moves)), most=2)
    assert sum(one.kind == "negative-quantity" for one in result.findings) == 2
    assert result.counts["negative-quantity"] == 5


MOVES = st.lists(
    st.tuples(
        st.sampled_from(["a-1", "a-2", "b-1", "b-2"]),
        st.sampled_from(["consumed", "used", "produced", "returned"]),
        st.sampled_from(["U1", "U2", "U3", "L1", "L2"]),
        st.integers(0, 3),
        st.sampled_from([None, 1.0, 2.0]),
    ),
    max_size=12,
)


@settings(max_examples=150, deadline=None)
@given(MOVES)
def test_a_cycle_is_found_exactly_where_something_leads_to_itself(moves: list[Any]) -> None:
    kept = [one for one in moves if one[1] in {"consumed", "produced"}]
    index = graph(*(move(*one[:3]) for one in kept))
    round_about = False
    for node in range(index.graph.nodes):
        beyond = index.graph.heads[index.graph.tails == node]
        reached = closure(index.graph, beyond, Direction.FORWARD).nodes
        round_about |= bool(len(beyond)) and node in reached.tolist()
    result: Checked = checked(Actuals.of(index))
    assert bool(result.counts["cycle"]) is round_about
    for one in (x for x in result.findings if x.kind == "cycle"):
        tails, heads = index.graph.tails[list(one.edges)], index.graph.heads[list(one.edges)]
        assert tails.tolist() == list(one.nodes)
        assert heads.tolist() == [*one.nodes[1:], one.nodes[0]]


@settings(max_examples=100, deadline=None)
@given(MOVES)
def test_what_concerns_a_thing_is_found_among_the_movements_around_it(moves: list[Any]) -> None:
    index = graph(
        *(move(*one[:4], quantity=one[4], unit="kg", position=f"{one[3]}", carrier="T") for one in moves)
    )
    every = checked(Actuals.of(index))
    for node in range(index.graph.nodes):
        around = np.unique(
            np.concatenate([closure(index.graph, [node], way, max_depth=2).edges for way in Direction])
        )
        judged = np.arange(index.graph.nodes) == node
        near = checked(Actuals.of(index, around, judged))
        is_step = bool(index.is_kind(np.array([node]), EXECUTION)[0])
        kinds = {"unbalanced", "position-twice"} if is_step else {"open-end", "overdrawn", "made-twice"}
        kinds |= set() if is_step else {"used-twice", "consumed-before-made"}
        for kind in kinds:
            mine = {one.edges for one in every.findings if one.kind == kind and one.nodes[0] == node}
            assert mine == {one.edges for one in near.findings if one.kind == kind}


@pytest.mark.parametrize("moves", [[], [move("a-1", "produced", "U1")]])
def test_nothing_is_found_in_nothing(moves: list[Any]) -> None:
    assert not any(checked(Actuals.of(graph(*moves))).counts.values())
