from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.genealogy.metre_errors import MetreError
from assay.genealogy.metre_map import (
    MetreMap,
    Place,
    Stretch,
    cut,
    drawn,
    flipped,
    joined,
    trimmed,
)

COIL = drawn("strip", "slab", 10.0, 8.0, uncertainty=0.01)
CUT = cut("strip", [("A", 0.0, 30.0), ("B", 35.0, 80.0)])
FLIP = MetreMap.of(
    [*flipped("A2", "A", 30.0, width=1.2).stretches, *flipped("B2", "B", 45.0, width=1.2).stretches]
)
JOIN = joined("J", [("A2", 0.0, 30.0), ("B2", 5.0, 45.0)])
SLIT = trimmed("J", 70.0, [("J-left", 0.05), ("J-right", 0.65)])


def only(places: tuple[Place, ...]) -> Place:
    assert len(places) == 1
    return places[0]


def test_a_metre_is_followed_through_slitting_joining_flipping_cutting_and_rolling() -> None:
    """By hand: J 32 m is B2 7 m (joined from 5 m on), B 38 m (flipped), strip 73 m, slab 73 / 8 m."""
    place = Place("J-left", 32.0, across=0.10)

    at = only(SLIT.up(place))
    assert (at.item, at.position) == ("J", 32.0)
    assert at.across == pytest.approx(0.15)
    at = only(JOIN.up(at))
    assert (at.item, at.position) == ("B2", 7.0)
    at = only(FLIP.up(at))
    assert (at.item, at.position, at.across) == ("B", 38.0, pytest.approx(1.05))
    at = only(CUT.up(at))
    assert (at.item, at.position) == ("strip", 73.0)
    at = only(COIL.up(at))
    assert (at.item, at.position) == ("slab", pytest.approx(9.125))
    assert at.uncertainty == pytest.approx(0.01 * 9.125)


def test_one_composed_map_says_the_same_as_its_steps() -> None:
    whole = SLIT.after(JOIN).after(FLIP).after(CUT).after(COIL)

    at = only(whole.up(Place("J-left", 32.0, across=0.10)))

    assert (at.item, at.position) == ("slab", pytest.approx(9.125))
    assert at.across == pytest.approx(1.05)
    assert at.uncertainty == pytest.approx(0.01 * 9.125)


def test_what_was_cut_away_has_no_image_downstream() -> None:
    assert CUT.inverse().up(Place("strip", 32.0)) == ()
    assert only(CUT.inverse().up(Place("strip", 36.0))).item == "B"
    assert CUT.up(Place("A", 31.0)) == ()


def test_a_lap_joint_is_two_metres_at_once() -> None:
    lap = joined("W", [("P", 0.0, 10.0), ("Q", 0.0, 10.0)], lap=0.5)

    assert {place.item for place in lap.up(Place("W", 9.8))} == {"P", "Q"}
    assert only(lap.up(Place("W", 9.0))).item == "P"
    assert lap.length("W") == pytest.approx(19.5)


pieces = st.lists(
    st.tuples(st.floats(0.1, 50), st.booleans(), st.floats(0.1, 10), st.sampled_from("PQR")),
    min_size=1,
    max_size=6,
)


def built(parts: list[tuple[float, bool, float, str]], item: str) -> MetreMap:
    """A map whose stretches do not overlap, on either side."""
    at, taken, stretches = 0.0, dict.fromkeys("PQR", 0.0), []
    for length, turned, ratio, parent in parts:
        start = taken[parent]
        taken[parent] += length * ratio
        ends = (taken[parent], start) if turned else (start, taken[parent])
        stretches.append(Stretch(item, at, at + length, parent, *ends))
        at += length
    return MetreMap.of(stretches)


@given(pieces, st.floats(0.001, 0.999))
def test_up_and_down_again_is_the_same_place(
    parts: list[tuple[float, bool, float, str]], share: float
) -> None:
    made = built(parts, "X")
    place = Place("X", share * made.length("X"))

    back = [one for above in made.up(place) for one in made.inverse().up(above)]

    assert back
    assert any(one.position == pytest.approx(place.position, abs=1e-6, rel=1e-6) for one in back)


@given(pieces, pieces, st.floats(0.001, 0.999))
def test_composition_is_one_step_after_the_other(
    first: list[tuple[float, bool, float, str]],
    second: list[tuple[float, bool, float, str]],
    share: float,
) -> None:
    earlier = MetreMap.of(
        Stretch(name, 0.0, 400.0, "raw", 400.0 * place, 400.0 * (place + 1))
        for place, name in enumerate("PQR")
    )
    later = built(second, "X")
    place = Place("X", share * later.length("X"))

    steps = sorted(one.position for above in later.up(place) for one in earlier.up(above))
    whole = sorted(one.position for one in later.after(earlier).up(place))

    assert len(first) > 0
    assert whole == pytest.approx(steps, abs=1e-6, rel=1e-6)


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda: Stretch("a", 0.0, math.nan, "b", 0.0, 1.0), "no number"),
        (lambda: Stretch("a", 1.0, 1.0, "b", 0.0, 1.0), "no length"),
        (lambda: Stretch("a", 0.0, 1.0, "b", 2.0, 2.0), "no length"),
        (lambda: Stretch("a", 0.0, 1.0, "b", 0.0, 1.0, scale=0.0), "scale"),
        (lambda: drawn("a", "b", 10.0, 0.0), "draft"),
        (lambda: cut("p", [("a", 0.0, 5.0), ("b", 4.0, 9.0)]), "claim the same metres"),
    ],
)
def test_maps_that_make_no_sense_are_refused(make: object, word: str) -> None:
    with pytest.raises(MetreError, match=word) as caught:
        make()  # type: ignore[operator]
    assert caught.value.said.zh
