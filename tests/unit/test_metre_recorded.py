"""Cuts and joins from what was recorded of them, by hand."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.genealogy.metre_errors import MetreError
from assay.genealogy.metre_map import MetreMap, Place
from assay.genealogy.metre_recorded import Execution, Part, recorded


def at(made: MetreMap, item: str, position: float) -> list[tuple[str, float]]:
    return [(one.item, round(one.position, 6)) for one in made.up(Place(item, position))]


def executed(name: str, consumed: list[Part], produced: list[Part]) -> Execution:
    return Execution(name, tuple(consumed), tuple(produced))


def test_a_coil_is_cut_by_stretches_or_by_lengths() -> None:
    pieces = [Part("A", 10.0, 60.0), Part("B", 120.0, 70.0)]
    made = recorded([executed("cut", [Part("coil")], pieces)])
    assert at(made, "A", 5.0) == [("coil", 15.0)]
    assert at(made, "B", 5.0) == [("coil", 115.0)], "B was wound the other way round"
    lengths = [Part("A", length=50.0), Part("B", length=30.0)]
    made = recorded([executed("cut", [Part("coil", length=100.0)], lengths)])
    assert at(made, "B", 5.0) == [("coil", 55.0)]
    assert at(made, "B", 31.0) == []


def test_coils_are_joined_in_their_order_and_cut_again() -> None:
    join = executed("weld", [Part("C1", length=40.0), Part("C2", 10.0, 50.0)], [Part("J")])
    slit = executed("slit", [Part("J")], [Part("J-1", 0.0, 45.0), Part("J-2", 45.0, 80.0)])
    made = recorded([join, slit])
    assert at(made, "J", 39.0) == [("C1", 39.0)]
    assert at(made, "J", 41.0) == [("C2", 11.0)]
    assert at(made, "J-1", 44.0) == [("C2", 14.0)], "through both, to what came from the station before"
    assert at(made, "J-2", 10.0) == [("C2", 25.0)]
    assert at(made, "J-1", 40.0) == [("C1", 40.0), ("C2", 10.0)], "the weld itself"


def test_what_came_out_longer_was_drawn() -> None:
    made = recorded([executed("roll", [Part("slab", length=10.0)], [Part("strip", length=80.0)])])
    assert at(made, "strip", 40.0) == [("slab", 5.0)]


def test_strips_lie_beside_each_other() -> None:
    strips = [Part("L", 0.0, 50.0, left=0.05), Part("R", 0.0, 50.0, left=0.65)]
    made = recorded([executed("slit", [Part("web")], strips)])
    right = made.up(Place("R", 20.0, across=0.1))[0]
    assert (right.item, right.position, right.across) == ("web", 20.0, 0.75)


def test_a_rest_that_came_back_is_what_is_cut_next() -> None:
    first = executed("cut-1", [Part("C", length=100.0)], [Part("A", 0.0, 30.0), Part("C", 30.0, 100.0)])
    then = executed("cut-2", [Part("C", length=70.0)], [Part("B", 0.0, 20.0), Part("C", 20.0, 70.0)])
    made = recorded([first, then])
    assert at(made, "A", 5.0) == [("C", 5.0)]
    assert at(made, "B", 5.0) == [("C", 35.0)]
    assert at(made, "C", 5.0) == [("C", 55.0)], "of what is left now to the coil as it came"


@given(st.lists(st.floats(1.0, 500.0), min_size=1, max_size=8), st.data())
def test_pieces_by_length_tile_what_was_joined(lengths: list[float], data: Any) -> None:
    coils = [Part(f"C{number}", length=length) for number, length in enumerate(lengths)]
    total = sum(lengths)
    edges = sorted({0.0, total, *data.draw(st.lists(st.floats(0.0, total), max_size=5))})
    pairs = [(low, high) for low, high in pairwise(edges) if high - low > 1e-3]
    pieces = [Part(f"P{number}", low, high) for number, (low, high) in enumerate(pairs)]
    made = recorded([executed("run", coils, pieces)])
    for piece, (low, high) in zip(pieces, pairs, strict=True):
        middle = (high - low) / 2
        whole, number = low + middle, 0
        while whole > lengths[number]:
            whole -= lengths[number]
            number += 1
        places = made.up(Place(piece.item, middle))
        assert (
            any(one.item == f"C{number}" and one.position == pytest.approx(whole, abs=1e-6) for one in places)
            or min(whole, lengths[number] - whole) < 1e-6
        )


@pytest.mark.parametrize(
    ("consumed", "produced", "said"),
    [
        ([Part("C")], [Part("A", 0.0, 10.0), Part("B", 9.0, 20.0)], "claim the same metres"),
        ([Part("C")], [Part("A"), Part("B", 0.0, 5.0)], "Which metres of A"),
        ([Part("C1"), Part("C2", length=5.0)], [Part("J")], "Which metres of C1"),
        ([Part("C1", length=5.0), Part("C2", length=5.0)], [Part("A", 0.0, 11.0)], "only 10 m"),
        ([Part("C", 5.0, 15.0)], [Part("A", length=6.0), Part("B", length=6.0)], "only 10 m"),
        ([Part("C")], [Part("A")], "Which metres of C"),
        ([Part("C")], [], "no parts on one side"),
    ],
)
def test_what_does_not_say_what_was_cut_is_refused(
    consumed: list[Part], produced: list[Part], said: str
) -> None:
    with pytest.raises(MetreError) as refused:
        recorded([executed("run", consumed, produced)])
    assert said in refused.value.said.en
    assert refused.value.said.zh != refused.value.said.en
