"""How much of one thing is of another: products along ways, sums over ways, null where nobody can tell."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.genealogy import Direction, Index, closure
from assay.genealogy.closure import edges_of
from assay.genealogy.shares import shares

KG = {"unit": "kg"}
Row = dict[str, Any]


def moved(execution: str, role: str, subject: str, quantity: float | None = None, **more: Any) -> Row:
    kind = "unit" if subject.startswith("U") else "lot"
    base: Row = {
        "execution": execution,
        "role": role,
        "subject": subject,
        "subject_kind": kind,
        "segment": "s",
    }
    return base | {"quantity": quantity, "unit": None if quantity is None else "kg"} | more


def built(rows: list[Row], later: int = 0) -> Index:
    names = ["execution", "role", "subject", "subject_kind", "segment", "quantity", "unit"]
    names += ["share", "confidence", "choice"]
    kinds = {"quantity": pa.float64(), "share": pa.float64(), "confidence": pa.float64()}
    table = pa.table(
        {name: pa.array([row.get(name) for row in rows], kinds.get(name, pa.string())) for name in names}
    )
    index = Index.build(table.slice(0, len(rows) - later))
    if later:
        index.append(table.slice(len(rows) - later))
    return index


def told(index: Index, of: str | list[str], direction: str = "forward") -> dict[str, float | None]:
    """The share of each subject; None for what isn't known."""
    roots = sorted(node for name in ([of] if isinstance(of, str) else of) for node in index.find(name))
    found = closure(index.graph, roots, direction)
    part = shares(index, found, direction, roots=len(roots))
    names = zip(index.keys(found.nodes), part.tolist(), strict=True)
    return {
        key.id: None if np.isnan(share) else round(share, 9)
        for key, share in names
        if key.kind != "execution"
    }


BLEND = [
    moved("b", "consumed", "L1", 3.0),
    moved("b", "consumed", "L2", 1.0),
    moved("b", "produced", "B", 4.0),
]


def test_a_blend_is_of_what_went_in_by_quantity() -> None:
    index = built(BLEND)
    assert told(index, "L1") == {"L1": 1, "B": 0.75}
    assert told(index, "B", "back") == {"B": 1, "L1": 0.75, "L2": 0.25}
    assert told(index, ["L1", "L2"]) == {"L1": 1, "L2": 1, "B": 1}


def test_units_of_quantity_are_converted_and_others_are_not_added_up() -> None:
    grams = built([*BLEND[:1], moved("b", "consumed", "L2", 1000.0, unit="g"), BLEND[2]])
    assert told(grams, "L1")["B"] == 0.75
    litres = built([*BLEND[:1], moved("b", "consumed", "L2", 1.0, unit="l"), BLEND[2]])
    assert told(litres, "L1")["B"] is None
    assert told(litres, "B", "back") == {"B": 1, "L1": None, "L2": None}
    assert told(litres, ["L1", "L2"])["B"] == 1, "whatever the weights, all of it is of the two"


def test_a_diamond_adds_up() -> None:
    rows = [
        moved("split", "consumed", "R", 10.0),
        moved("split", "produced", "A", 6.0),
        moved("split", "by-product", "B", 4.0),
        moved("join", "consumed", "A", 6.0),
        moved("join", "consumed", "B", 4.0),
        moved("join", "consumed", "X", 10.0),
        moved("join", "produced", "C", 20.0),
    ]
    index = built(rows)
    assert told(index, "R") == {"R": 1, "A": 1, "B": 1, "C": 0.5}
    assert told(index, "C", "back") == {"C": 1, "A": 0.3, "B": 0.2, "X": 0.5, "R": 0.5}


def test_one_mixed_edge_counts_by_its_share() -> None:
    rows = [
        moved("m", "consumed", "L1", 1.0, share=0.2, confidence=0.5),
        moved("m", "consumed", "L2", 3.0, share=0.6),
        moved("m", "produced", "B", 5.0),
        moved("draw", "produced", "B", 5.0),
        moved("press", "consumed", "B", 1.0),
        moved("press", "consumed", "P", 1.0),
        moved("press", "produced", "U1", None),
    ]
    index = built(rows)
    # What is left, a fifth, was inside before: of nothing that is known. The draw that was recorded too says
    # nothing of what the portion is of.
    assert told(index, "L1") == {"L1": 1, "B": 0.2, "U1": 0.1}
    assert told(index, ["L1", "L2"])["B"] == 0.8
    assert told(index, "U1", "back") == {"U1": 1, "B": 0.5, "P": 0.5, "L1": 0.1, "L2": 0.3}


def test_alternatives_stand_for_one_thing() -> None:
    one = {"choice": "U9", "unit": "{piece}"}
    rows = [
        moved("f", "consumed", "U1", 1.0, confidence=0.7, **one),
        moved("f", "consumed", "U2", 1.0, confidence=0.2, **one),
        moved("f", "produced", "U9", 1.0, unit="{piece}"),
    ]
    index = built(rows)
    assert told(index, "U1")["U9"] == 0.7
    assert told(index, ["U1", "U2"])["U9"] == 0.9, "a tenth of it was never counted in"
    bare = built([{**row, "quantity": None, "unit": None} for row in rows])
    assert told(bare, "U1")["U9"] == 0.7


def test_units_are_counted_where_nobody_says_how_many() -> None:
    rows = [moved("a", "consumed", f"U{n}") for n in range(4)] + [moved("a", "produced", "U9")]
    assert told(built(rows), "U1")["U9"] == 0.25
    lots = [moved("a", "consumed", "L1"), moved("a", "consumed", "L2"), moved("a", "produced", "U9")]
    assert told(built(lots), "L1")["U9"] is None
    assert told(built([lots[0], lots[2]]), "L1")["U9"] == 1, "all of it, however much"


def test_a_tool_is_in_nothing_and_a_lot_is_of_all_that_made_it() -> None:
    rows = [
        *BLEND,
        moved("b", "used", "T", 1.0),
        moved("b2", "consumed", "L2", 6.0),
        moved("b2", "produced", "B", 12.0),
    ]
    index = built(rows)
    assert told(index, "T") == {"T": 1, "B": 0}
    assert told(index, "L1")["B"] == pytest.approx(0.75 * 4 / 16)


def test_rework_and_work_in_place_change_nothing_but_what_they_add() -> None:
    rows = [
        moved("w", "consumed", "L1", 1.0),
        moved("w", "produced", "U1"),
        moved("paint", "produced", "U1"),
        moved("rework", "consumed", "U1"),
        moved("rework", "returned", "U1"),
    ]
    assert told(built(rows), "L1")["U1"] == 1
    added = built([*rows, moved("screw", "consumed", "S", 0.25), moved("screw", "produced", "U1")])
    assert told(added, "L1")["U1"] == 0.8
    assert told(added, "U1", "back") == {"U1": 1, "L1": 0.8, "S": 0.2}


def test_a_thing_without_movements_is_all_of_itself() -> None:
    assert told(built(BLEND), "B") == {"B": 1}
    assert told(built(BLEND), "L1", "back") == {"L1": 1}


def test_edges_that_were_taken_back_count_for_nothing() -> None:
    index = built([*BLEND, moved("b", "consumed", "L2", 0.0, correction="none")])
    index.graph.bar(edges_of(index.graph, np.array(index.find("execution:b")), Direction.BACK)[1:])
    assert told(index, "L1")["B"] == 1


@st.composite
def histories(draw: st.DrawFn) -> list[Row]:
    """Executions that consume earlier lots and make a later one; each lot is made by one or two of them."""
    rows: list[Row] = []
    count = draw(st.integers(2, 7))
    for lot in range(1, count):
        for run in range(draw(st.integers(1, 2))):
            name = f"e{lot}-{run}"
            taken = draw(st.lists(st.integers(0, lot - 1), min_size=1, max_size=3, unique=True))
            rows += [
                moved(name, "consumed", f"L{one}", draw(st.sampled_from([0.5, 1.0, 3.0]))) for one in taken
            ]
            rows.append(moved(name, "produced", f"L{lot}", draw(st.sampled_from([0.5, 1.0, 4.0]))))
    return rows


def enumerated(rows: list[Row], of: str, thing: str) -> float:
    """The share by its definition, way by way."""
    if thing == of:
        return 1.0
    made = [row for row in rows if row["role"] == "produced" and row["subject"] == thing]
    whole = sum(row["quantity"] for row in made)
    share = 0.0
    for row in made:
        inputs = [one for one in rows if one["execution"] == row["execution"] and one["role"] == "consumed"]
        went = sum(one["quantity"] for one in inputs)
        of_run = sum(one["quantity"] / went * enumerated(rows, of, one["subject"]) for one in inputs)
        share += row["quantity"] / whole * of_run
    return share


@settings(deadline=None)
@given(histories(), st.integers(0, 4))
def test_recorded_ways_give_the_share_by_its_definition_in_both_directions(
    rows: list[Row], later: int
) -> None:
    index = built(rows, later=min(later, len(rows) - 1))
    last = rows[-1]["subject"]
    back = told(index, last, "back")
    assert back[last] == 1
    for lot, share in back.items():
        assert share == pytest.approx(enumerated(rows, lot, last), abs=1e-8)
        assert share == pytest.approx(told(index, lot)[last], abs=1e-8), "the same the other way round"
    beginnings = [
        lot for lot in back if not any(row["subject"] == lot and row["role"] == "produced" for row in rows)
    ]
    assert sum(back[lot] or 0.0 for lot in beginnings if lot != last) == pytest.approx(1, abs=1e-8)
