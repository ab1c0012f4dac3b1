"""What is doubtful among growing movements is what a look at all of them finds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from types import ModuleType
from typing import Any
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.test_genealogy_checks import BEGAN, move, table

from assay.genealogy import Index, check_cycles, plain, walking
from assay.genealogy.actuals import Actuals
from assay.genealogy.checks import KINDS, checked
from assay.genealogy.doubtful import Doubtful

TICKS = st.integers(0, 9)
MOVES = st.builds(
    lambda step, role, subject, begin, length, more: move(
        step, role, subject, begin, **{"ended": BEGAN + timedelta(minutes=begin + length), **more}
    ),
    st.sampled_from(["a-1", "a-2", "a-3", "b-1", "b-2", "c-1"]),
    st.sampled_from(["consumed", "consumed", "used", "produced", "produced", "returned"]),
    st.sampled_from(["U1", "U2", "U3", "U4", "L1", "L2"]),
    TICKS,
    st.integers(0, 3),
    st.fixed_dictionaries(
        {},
        optional={
            "quantity": st.sampled_from([-1.0, 0.0, 1.0, 2.0]),
            "unit": st.just("kg"),
            "position": st.sampled_from("pq"),
            "equipment": st.sampled_from(["M1", "M2"]),
            "carrier": st.sampled_from(["T1", "T2"]),
            "confidence": st.just(0.5),
            "correction": st.just("misread"),
        },
    ),
)


@pytest.fixture
def never_whole() -> Iterator[None]:
    """Even these few movements are looked at around what is new."""
    with patch.object(Doubtful, "_is_due", lambda self, edges: not self._whole):
        yield


def nobody(things: np.ndarray) -> np.ndarray:
    """Master data know nothing."""
    return np.zeros(len(things), np.bool_)


@pytest.mark.usefixtures("never_whole")
@settings(max_examples=300, deadline=None)
@given(st.lists(MOVES, min_size=1, max_size=25), st.lists(st.integers(0, 25), max_size=3))
def test_following_finds_what_a_look_at_everything_finds(
    moves: list[dict[str, Any]], cuts: list[int]
) -> None:
    bounds = [1, *sorted(min(max(1, cut), len(moves)) for cut in cuts), len(moves)]
    index, state = Index.build(table(moves[:1])), Doubtful()
    state.follow(index)
    for begin, end in pairwise(bounds):
        if end > begin:
            index.append(table(moves[begin:end]))
            state.follow(index)
    whole = Doubtful()
    whole.follow(index)
    standing = np.arange(index.graph.edges)
    if len(index.graph.barred):
        standing = np.flatnonzero(index.graph.barred == 0)
    mine, all_ = (one.about(index, standing, nobody).movements for one in (state, whole))
    for kind in KINDS:
        followed, found = (set(one[kind].tolist()) if kind in one else set() for one in (mine, all_))
        if kind == "carrier-twice":  # a stay once found to overlap another remains so
            assert followed >= found
        elif kind != "clock-skew":  # stations are compared at looks at everything
            assert followed == found


@settings(max_examples=200, deadline=None)
@given(st.lists(MOVES, max_size=25), st.data())
def test_an_answer_is_told_of_what_its_own_movements_are_in(moves: list[dict[str, Any]], data: Any) -> None:
    index, state = Index.build(table(moves)), Doubtful()
    state.follow(index)
    every = checked(Actuals.of(index))
    standing = np.arange(index.graph.edges)
    if len(index.graph.barred):
        standing = np.flatnonzero(index.graph.barred == 0)
    chosen = sorted(data.draw(st.sets(st.sampled_from(standing.tolist() or [0]))) if len(standing) else set())
    edges = np.array(chosen, np.int64)
    about = state.about(index, edges, nobody)
    for kind in KINDS:
        theirs = [one for one in every.findings if one.kind == kind and set(chosen) & set(one.edges)]
        told = [one for one in about.findings if one.kind == kind]
        assert all(one in told for one in theirs)
        assert bool(told) == (kind in about.movements)
        if kind not in {"cycle", "carrier-twice"}:  # which stand for all of a tangle, and all on a tray
            assert len(told) == len(theirs)


def test_what_master_data_know_is_no_open_end_and_the_first_of_each_kind_are_told() -> None:
    moves = [move(f"p-{n}", "consumed", f"L{n}", quantity=-1.0) for n in range(5)]
    index, state = Index.build(table(moves)), Doubtful()
    state.follow(index)
    known = index.locate("lot", pa.array(["L1", "L3"]))
    about = state.about(index, np.arange(5), lambda things: np.isin(things, known), most=2)
    assert {kind: edges.tolist() for kind, edges in about.movements.items()} == {
        "open-end": [0, 2, 4],
        "negative-quantity": [0, 1, 2, 3, 4],
    }
    assert [one.kind for one in about.findings] == ["open-end"] * 2 + ["negative-quantity"] * 2
    assert index.names(np.array([one.nodes[0] for one in about.findings[:2]])) == ["L0", "L2"]


EDGES = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=30)


@settings(deadline=None)
@given(EDGES, st.lists(st.booleans(), min_size=30, max_size=30))
def test_compiled_or_not_the_same_counterparts_are_found(edges: list[Any], ways: list[bool]) -> None:
    ends = np.array(edges, np.int32).reshape(-1, 2)
    inputs = np.array(ways[: len(edges)], np.bool_)
    found = [module.again(*ends.T, inputs, 9).tolist() for module in (plain, walking)]
    pairs = list(zip(edges, ways, strict=False))
    assert found == [[(pair, not way) in pairs for pair, way in pairs]] * 2


@settings(deadline=None)
@given(EDGES)
def test_what_is_left_between_cycles_can_be_reached_from_one_and_reaches_one(edges: list[Any]) -> None:
    ends = np.array(edges, np.int32).reshape(-1, 2)
    one, other = (module.between_cycles(*ends.T, 9).tolist() for module in (plain, walking))
    assert one == other
    beyond = np.zeros((9, 9), np.bool_)
    beyond[ends[:, 0], ends[:, 1]] = True
    for middle in range(9):
        beyond |= beyond[:, [middle]] & beyond[[middle]]
    rounds = np.flatnonzero(np.diag(beyond)).tolist()
    for (tail, head), left in zip(edges, one, strict=True):
        after = any(tail == node or beyond[node, tail] for node in rounds)
        before = any(head == node or beyond[head, node] for node in rounds)
        assert left == (after and before)


def test_large_graphs_are_looked_at_by_compiled_functions_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    moves = [move("a-1", "consumed", "U1"), move("a-1", "produced", "U2"), move("b-1", "consumed", "U2")]
    moves += [move("b-1", "produced", "U1"), move("c-1", "used", "U3"), move("c-1", "produced", "U3")]

    def findings(module: ModuleType) -> list[Any]:
        monkeypatch.setattr("assay.genealogy.actuals.walks", lambda _: module)
        monkeypatch.setattr(check_cycles, "walks", lambda _: module)
        return [(one.kind, one.edges) for one in checked(Actuals.of(Index.build(table(moves)))).findings]

    assert findings(plain) == findings(walking)
    assert ("cycle", (0, 1, 2, 3)) in findings(walking)
