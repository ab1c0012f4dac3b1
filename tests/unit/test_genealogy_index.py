"""Ids become nodes and come back unchanged."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.genealogy import Index, Key, closure

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
    columns = list(zip(*movements, strict=True)) if movements else [[], [], [], [], []]
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
    assert index.graph.nodes == len(steps | things)


@settings(deadline=None)
@given(rows)
def test_every_node_is_found_by_its_name(movements: list[Movement]) -> None:
    index = Index.build(table(movements))
    nodes = np.arange(index.graph.nodes)
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
