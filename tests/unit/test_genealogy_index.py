"""Ids become nodes and come back unchanged."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.genealogy import Index, Key, Outdated, closure

Movement = tuple[str, str, str, str, str | None]
ids = st.sampled_from(["A1", "A2", "7", "cut/7", "a/7", "lot:7", "execution:7", "零件"])
rows = st.lists(
    st.tuples(
        ids,
        st.sampled_from(["consumed", "produced", "used"]),
        ids,
        st.sampled_from(["unit", "lot", "crate"]),
        st.sampled_from([None, "cut", "weld", "cut/a", "%2F"]),
    ),
    min_size=1,
    max_size=30,
)


def table(movements: list[Movement]) -> pa.Table:
    columns = list(zip(*movements, strict=True)) if movements else [()] * 5
    names = ["execution", "role", "subject", "subject_kind", "segment"]
    return pa.table(
        {name: pa.array(column, pa.string()) for name, column in zip(names, columns, strict=True)}
    )


def naive_step(movements: list[Movement], execution: str, segment: str | None) -> Key:
    """Known by segment and id; one without a segment is the only one of its id, where there is one."""
    others = {row[4] for row in movements if row[0] == execution and row[4] is not None}
    if segment is None and len(others) == 1:
        segment = next(iter(others))
    return Key("execution", execution, segment or "")


@settings(deadline=None)
@given(rows)
def test_every_movement_is_the_edge_between_its_two_nodes(movements: list[Movement]) -> None:
    index = Index.build(table(movements))
    ends = zip(index.keys(index.graph.tails), index.keys(index.graph.heads), strict=True)
    for (execution, role, subject, kind, segment), ends_found in zip(movements, ends, strict=True):
        pair = (naive_step(movements, execution, segment), Key(kind, subject))
        assert ends_found == (pair if role == "produced" else pair[::-1])
    steps = {naive_step(movements, row[0], row[4]) for row in movements}
    things = {Key(row[3], row[2]) for row in movements}
    assert len(index.nodes) == len(steps | things)


@settings(deadline=None)
@given(rows)
def test_every_node_is_found_by_its_name(movements: list[Movement]) -> None:
    index = Index.build(table(movements))
    nodes = index.nodes
    names = index.names(nodes)
    assert len(set(names)) == len(names)
    for node, name in zip(nodes.tolist(), names, strict=True):
        assert index.find(name) == [node]


def test_one_id_can_be_a_unit_and_an_execution() -> None:
    index = Index.build(table([("7", "consumed", "7", "unit", "cut"), ("7", "produced", "8", "unit", "cut")]))
    assert index.graph.nodes == 3
    assert index.find("7") == index.find("unit:7")
    assert index.find("7") != index.find("execution:7")
    back = closure(index.graph, index.find("8"), "back")
    assert [tuple(key) for key in index.keys(back.nodes)] == [
        ("unit", "8", None),
        ("execution", "7", "cut"),
        ("unit", "7", None),
    ]


def test_two_stations_may_count_alike() -> None:
    index = Index.build(
        table(
            [
                ("1", "consumed", "L1", "lot", "cut"),
                ("1", "produced", "U1", "unit", "cut"),
                ("1", "consumed", "L2", "lot", "weld"),
                ("1", "produced", "U2", "unit", "weld"),
            ]
        )
    )
    back = closure(index.graph, index.find("U2"), "back")
    assert index.names(back.nodes) == ["U2", "execution:weld/1", "L2"]
    assert len(index.find("1")) == 2
    assert len(index.find("execution:1")) == 2
    assert index.names(np.array(index.find("weld/1"))) == ["execution:weld/1"]


def test_an_actual_without_a_segment_belongs_to_the_only_execution_of_its_id() -> None:
    index = Index.build(
        table([("E1", "consumed", "L1", "lot", None), ("E1", "produced", "U1", "unit", "cut")])
    )
    assert index.names(closure(index.graph, index.find("U1"), "back").nodes) == ["U1", "E1", "L1"]


def test_an_id_with_a_colon_is_found_as_it_is() -> None:
    index = Index.build(table([("E:1", "produced", "urn:epc:1", "unit", None)]))
    assert len(index.find("urn:epc:1")) == 1
    assert index.find("unit:urn:epc:1") == index.find("urn:epc:1")
    assert len(index.find("E:1")) == 1


def test_unknown_ids_have_neighbours() -> None:
    index = Index.build(
        table([("E1", "produced", "U-1029", "unit", "cut"), ("E1", "consumed", "L-7", "lot", "cut")])
    )
    assert index.find("U-1028") == []
    assert index.near("U-1028") == ["U-1029"]
    assert set(index.near("x")) == {"E1", "U-1029", "L-7"}


def test_an_empty_plant_has_no_ids() -> None:
    index = Index.build(table([]))
    assert index.find("anything") == []
    assert index.near("anything") == []


def corrected(*movements: tuple[str, str, str, float | None, str | None, int]) -> pa.Table:
    """Movements in one segment: execution, role, subject, quantity, why it corrects, when it was recorded."""
    columns = list(zip(*movements, strict=True))
    return pa.table(
        {
            "execution": pa.array(columns[0], pa.string()),
            "role": pa.array(columns[1], pa.string()),
            "subject": pa.array(columns[2], pa.string()),
            "subject_kind": pa.array(["lot"] * len(movements), pa.string()),
            "segment": pa.array(["mix"] * len(movements), pa.string()),
            "quantity": pa.array(columns[3], pa.float64()),
            "correction": pa.array(columns[4], pa.string()),
            "recorded": pa.array(columns[5], pa.timestamp("us", tz="UTC")),
        }
    )


RECORDED = [("E1", "consumed", "L7", 5.0, None, 1), ("E1", "produced", "P1", 5.0, None, 1)]
CORRECTED = [
    ("E1", "consumed", "L7", 0.0, "wrong label scanned", 2),
    ("E1", "consumed", "L8", 4.0, "wrong label scanned", 2),
    ("E1", "consumed", "L8", 3.0, "weighed again", 3),
]


def origins(index: Index) -> list[tuple[str, float]]:
    back = closure(index.graph, index.find("P1"), "back")
    quantities = index.columns.quantity(back.edges).tolist()
    ids = index.ids(index.graph.tails[back.edges]).to_pylist()
    return sorted(zip(ids, quantities, strict=True))


def test_a_correction_replaces_what_was_recorded() -> None:
    whole = Index.build(corrected(*RECORDED, *CORRECTED))
    assert origins(whole) == [("E1", 5.0), ("L8", 3.0)]
    # In any order of arrival: a late copy of what was corrected changes nothing.
    assert origins(Index.build(corrected(*reversed(CORRECTED), *RECORDED))) == origins(whole)


def test_a_correction_that_arrives_is_seen_at_once() -> None:
    index = Index.build(corrected(*RECORDED))
    assert origins(index) == [("E1", 5.0), ("L7", 5.0)]
    for movement in CORRECTED:
        index.append(corrected(movement))
    assert origins(index) == [("E1", 5.0), ("L8", 3.0)]
    index.append(corrected(RECORDED[0]))
    assert origins(index) == [("E1", 5.0), ("L8", 3.0)]


def test_an_actual_without_a_segment_that_arrives_later_belongs_to_the_same_execution() -> None:
    first: list[Movement] = [
        ("A1", "consumed", "U1", "unit", None),
        ("A1", "consumed", "U2", "unit", "cut"),
    ]
    later: list[Movement] = [("A1", "consumed", "U3", "unit", None)]
    index = Index.build(table(first))
    index.append(table(later))
    assert arrows(index) == arrows(Index.build(table([*first, *later])))


@settings(deadline=None, max_examples=60)
@given(rows, st.integers(0, 30), st.integers(0, 30))
def test_movements_that_arrive_make_the_same_graph_as_all_at_once(
    movements: list[Movement], first: int, second: int
) -> None:
    whole = Index.build(table(movements))
    index = Index.build(table(movements[:first]))
    for some in (movements[first : first + second], movements[first + second :]):
        if some:
            try:
                index.append(table(some))
            except Outdated:
                return
    assert arrows(index) == arrows(whole)
    for node in whole.nodes.tolist():
        name = whole.names(np.array([node]))[0]
        for direction in ("back", "forward"):
            assert reach(index, name, direction) == reach(whole, name, direction)


def arrows(index: Index) -> list[tuple[Key, Key]]:
    return list(zip(index.keys(index.graph.tails), index.keys(index.graph.heads), strict=True))


def reach(index: Index, name: str, direction: str) -> set[Key]:
    return set(index.keys(closure(index.graph, index.find(name), direction).nodes))
