"""Graphs walked with and without compiled functions are the same, node by node and in the same order."""

from __future__ import annotations

from types import ModuleType
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.test_genealogy import EXECUTIONS, SUBJECTS, actuals, columns, directions, nodes

from assay.genealogy import Adjacency, Closure, Direction, Index, adjacency, closure, names, plain, walking

IDS = st.lists(st.tuples(st.text(max_size=12), st.integers(0, 3)), max_size=60)


def grown(rows: list[tuple[int, bool, int]], first: int) -> Adjacency:
    """A graph of which some edges came later."""
    graph = Adjacency()
    for some in (rows[:first], rows[first:]):
        graph.add(*columns(some), nodes=EXECUTIONS + SUBJECTS)
        if some is not rows[first:]:
            graph.settle()
    graph.list_new()
    return graph


@settings(deadline=None)
@given(
    actuals,
    st.integers(0, 40),
    nodes,
    directions,
    st.tuples(st.integers(0, 6) | st.none(), st.integers(1, 14) | st.none()),
    st.sets(st.integers(0, 39)),
)
def test_both_walk_alike(  # noqa: PLR0917 - the arguments are hypothesis's
    rows: list[tuple[int, bool, int]],
    first: int,
    root: int,
    direction: Direction,
    most: tuple[int | None, int | None],
    taken_back: set[int],
) -> None:
    def walked(module: ModuleType) -> Closure:
        with (
            patch.object(adjacency, "walks", lambda _: module),
            patch("assay.genealogy.closure.walks", lambda _: module),
        ):
            graph = grown(rows, first)
            gone = [edge for edge in taken_back if edge < graph.edges]
            if gone:
                graph.bar(np.array(gone))
            return closure(graph, [root], direction, max_depth=most[0], max_nodes=most[1])

    one, other = walked(plain), walked(walking)
    assert one.nodes.tolist() == other.nodes.tolist()
    assert one.depth.tolist() == other.depth.tolist()
    assert one.edges.tolist() == other.edges.tolist()
    assert one.truncated == other.truncated


@settings(deadline=None)
@given(IDS, IDS)
def test_both_number_alike(known: list[tuple[str, int]], asked: list[tuple[str, int]]) -> None:
    def told(store: plain.Names | names.Names) -> list[object]:
        first, second = (
            (
                pa.array([bare for bare, _ in some], pa.string()),
                np.array([place for _, place in some], np.int16),
            )
            for some in (known, asked)
        )
        given_codes, found = store.number(*first), store.locate(*second)
        again = store.number(*second)
        return [
            given_codes.tolist(),
            found.tolist(),
            again.tolist(),
            store.ids(again).to_pylist(),
            store.all_ids().to_pylist(),
            store.places.tolist(),
            len(store),
        ]

    assert told(plain.Names()) == told(names.Names())


def test_a_graph_that_outgrows_the_plain_way_keeps_its_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    def movements(begin: int, end: int) -> pa.Table:
        steps = [str(n) for n in range(begin, end)]
        return pa.table(
            {
                "execution": steps,
                "role": ["produced"] * len(steps),
                "subject": [f"U{n}" for n in steps],
                "subject_kind": ["unit"] * len(steps),
                "segment": ["press"] * len(steps),
            }
        )

    small = Index.build(movements(0, 50))
    monkeypatch.setattr("assay.genealogy.index.SMALL", 60)
    monkeypatch.setattr(adjacency, "SMALL", 60)
    small.append(movements(50, 100))
    assert len(small.nodes) == 200
    for n in (0, 49, 50, 99):
        back = closure(small.graph, small.find(f"U{n}"), "back")
        assert small.ids(back.nodes).to_pylist() == [f"U{n}", str(n)]
