"""The graph and its closures, against a walk that is obviously right."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from assay.genealogy import Adjacency, Direction, closure, input_mask
from assay.model.errors import ModelError
from assay.model.kinds import Role

EXECUTIONS, SUBJECTS = 6, 8

actuals = st.lists(
    st.tuples(
        st.integers(0, EXECUTIONS - 1),
        st.booleans(),
        st.integers(EXECUTIONS, EXECUTIONS + SUBJECTS - 1),
    ),
    max_size=40,
)
nodes = st.integers(0, EXECUTIONS + SUBJECTS - 1)
directions = st.sampled_from(list(Direction))


def build(rows: list[tuple[int, bool, int]]) -> Adjacency:
    return Adjacency.build(*columns(rows), nodes=EXECUTIONS + SUBJECTS)


def columns(
    rows: list[tuple[int, bool, int]],
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.int64]]:
    return (
        np.array([step for step, _, _ in rows], np.int64),
        np.array([into for _, into, _ in rows], np.bool_),
        np.array([thing for _, _, thing in rows], np.int64),
    )


def arrows(rows: list[tuple[int, bool, int]]) -> list[tuple[int, int]]:
    return [(subject, step) if into else (step, subject) for step, into, subject in rows]


def naive(
    rows: list[tuple[int, bool, int]], root: int, direction: Direction
) -> tuple[dict[int, int], set[int]]:
    """Depth of every node reached, and the edges walked, by the shortest code that can be believed."""
    depth, queue, edges = {root: 0}, [root], set()
    while queue:
        here = queue.pop(0)
        for number, (tail, head) in enumerate(arrows(rows)):
            start, end = (head, tail) if direction is Direction.BACK else (tail, head)
            if start == here:
                edges.add(number)
                if end not in depth:
                    depth[end] = depth[here] + 1
                    queue.append(end)
    return depth, edges


@settings(deadline=None)
@given(actuals, nodes, directions)
def test_reaches_exactly_what_a_naive_walk_reaches(
    rows: list[tuple[int, bool, int]], root: int, direction: Direction
) -> None:
    found = closure(build(rows), [root], direction)
    depth, edges = naive(rows, root, direction)
    assert dict(zip(found.nodes.tolist(), found.depth.tolist(), strict=True)) == depth
    assert set(found.edges.tolist()) == edges
    assert len(found.nodes) == len(depth)
    assert len(found.edges) == len(edges)
    assert not found.truncated


@settings(deadline=None)
@given(actuals, nodes, nodes)
def test_back_and_forward_are_dual(rows: list[tuple[int, bool, int]], one: int, other: int) -> None:
    graph = build(rows)
    assert (other in closure(graph, [one], "forward").nodes) == (one in closure(graph, [other], "back").nodes)


@settings(deadline=None)
@given(actuals)
def test_no_edge_is_invented_and_none_is_lost(rows: list[tuple[int, bool, int]]) -> None:
    graph = build(rows)
    assert list(zip(graph.tails.tolist(), graph.heads.tolist(), strict=True)) == arrows(rows)
    for half, start in ((graph.forward, graph.tails), (graph.backward, graph.heads)):
        assert sorted(half.edges.tolist()) == list(range(len(rows)))
        owner = np.repeat(np.arange(graph.nodes), np.diff(half.offsets))
        assert (start[half.edges] == owner).all()
    everything = closure(graph, range(graph.nodes), "back")
    assert everything.edges.tolist() == list(range(len(rows)))


@settings(deadline=None)
@given(actuals, nodes, directions, st.integers(0, 5), st.integers(1, 12))
def test_limits_cut_and_say_so(
    rows: list[tuple[int, bool, int]], root: int, direction: Direction, max_depth: int, max_nodes: int
) -> None:
    graph = build(rows)
    whole, cut = (
        closure(graph, [root], direction),
        closure(graph, [root], direction, max_depth=max_depth, max_nodes=max_nodes),
    )
    assert len(cut.nodes) <= max_nodes
    assert (cut.depth <= max_depth).all()
    assert set(cut.nodes.tolist()) <= set(whole.nodes.tolist())
    assert set(cut.edges.tolist()) <= set(whole.edges.tolist())
    assert cut.truncated == (len(cut.nodes) < len(whole.nodes))
    inside = set(cut.nodes.tolist())
    assert all({int(graph.tails[edge]), int(graph.heads[edge])} <= inside for edge in cut.edges)


def test_a_rework_loop_ends() -> None:
    graph = build([(0, True, 6), (0, False, 7), (1, True, 7), (1, False, 6)])
    found = closure(graph, [6], "back")
    assert found.nodes.tolist() == [6, 1, 7, 0]
    assert found.depth.tolist() == [0, 1, 2, 3]
    assert found.edges.tolist() == [0, 1, 2, 3]


def test_work_in_place_has_no_input() -> None:
    graph = build([(0, False, 6), (1, False, 6)])
    assert closure(graph, [6], "back").nodes.tolist() == [6, 0, 1]
    assert closure(graph, [0], "back").nodes.tolist() == [0]
    assert closure(graph, [0], "forward").nodes.tolist() == [0, 6]


def test_roles_become_directions() -> None:
    assert input_mask([role.value for role in Role]).tolist() == [True, False, True, False, False, False]
    with pytest.raises(ModelError, match="'eaten'"):
        input_mask(["eaten"])


def test_an_empty_plant_has_an_empty_graph() -> None:
    none = np.empty(0, np.int64)
    graph = Adjacency.build(none, none.astype(bool), none)
    assert graph.nodes == 0
    assert graph.edges == 0
    assert closure(graph, [], "back").nodes.tolist() == []


def test_bad_input_is_refused() -> None:
    one = np.zeros(1, np.int64)
    with pytest.raises(ModelError, match="one length"):
        Adjacency.build(one, np.zeros(2, bool), one)
    with pytest.raises(ModelError, match="outside 0 to 0"):
        Adjacency.build(one, np.zeros(1, bool), one + 3, nodes=1)
    graph = build([(0, False, 6)])
    with pytest.raises(ModelError, match="outside the graph"):
        closure(graph, [99], "back")
    with pytest.raises(ModelError, match="limits"):
        closure(graph, [0], "back", max_nodes=0)


def test_a_walk_over_a_million_edges_stops_at_its_limit() -> None:
    random = np.random.default_rng(0)
    steps = np.repeat(np.arange(250_000), 4)
    subjects = 250_000 + np.maximum(0, np.repeat(np.arange(250_000), 4) - random.integers(0, 20, 1_000_000))
    is_input = np.tile([True, True, True, False], 250_000)
    subjects[3::4] = 250_000 + np.arange(250_000)
    graph = Adjacency.build(steps, is_input, subjects)
    found = closure(graph, [250_000], "forward", max_nodes=100_000)
    assert len(found.nodes) == 100_000
    assert found.truncated
