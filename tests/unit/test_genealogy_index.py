"""Ids become nodes and come back unchanged."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.genealogy import Index, closure

ids = st.sampled_from(["A1", "A2", "B7", "7", "零件", ""])
rows = st.lists(
    st.tuples(ids, st.sampled_from(["consumed", "produced", "used"]), ids, st.sampled_from(["unit", "lot"])),
    min_size=1,
    max_size=30,
)


def table(movements: list[tuple[str, str, str, str]]) -> pa.Table:
    columns = list(zip(*movements, strict=True)) if movements else [[], [], [], []]
    names = ["execution", "role", "subject", "subject_kind"]
    return pa.table(
        {name: pa.array(column, pa.string()) for name, column in zip(names, columns, strict=True)}
    )


@settings(deadline=None)
@given(rows)
def test_every_movement_is_the_edge_between_its_two_ids(movements: list[tuple[str, str, str, str]]) -> None:
    index = Index.build(table(movements))
    ends = zip(index.keys(index.graph.tails), index.keys(index.graph.heads), strict=True)
    for (step, role, subject, kind), (tail, head) in zip(movements, ends, strict=True):
        pair = (("execution", step), (kind, subject))
        assert (tail, head) == (pair if role == "produced" else pair[::-1])
    for node, (kind, name) in enumerate(index.keys(np.arange(index.graph.nodes))):
        if name:
            assert index.find(f"{kind}:{name}") == node
    for node, name in enumerate(index.names(np.arange(index.graph.nodes))):
        if not name.endswith(":") and name:
            assert index.find(name) == node


def test_one_id_can_be_a_unit_and_an_execution() -> None:
    index = Index.build(table([("7", "consumed", "7", "unit"), ("7", "produced", "8", "unit")]))
    assert index.graph.nodes == 3
    assert index.find("7") == index.find("unit:7") != index.find("execution:7")
    back = closure(index.graph, [index.find("8") or 0], "back")
    assert index.keys(back.nodes) == [("unit", "8"), ("execution", "7"), ("unit", "7")]


def test_an_id_with_a_colon_is_found_as_it_is() -> None:
    index = Index.build(table([("E:1", "produced", "urn:epc:1", "unit")]))
    assert index.find("urn:epc:1") is not None
    assert index.find("unit:urn:epc:1") == index.find("urn:epc:1")


def test_unknown_ids_have_neighbours() -> None:
    index = Index.build(table([("E1", "produced", "U-1029", "unit"), ("E1", "consumed", "L-7", "lot")]))
    assert index.find("U-1028") is None
    assert index.near("U-1028") == ["U-1029"]
    assert set(index.near("x")) == {"E1", "U-1029", "L-7"}


def test_an_empty_plant_has_no_ids() -> None:
    index = Index.build(table([]))
    assert index.find("anything") is None
    assert index.near("anything") == []
