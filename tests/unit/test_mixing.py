"""What leaves a silo, tank or flow: nothing is made or lost, and the orders are what they are called."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.genealogy.mixing import Discipline, Flow, Mixture, Portions, Vessel, Windows, flowed, stored
from assay.genealogy.mixing_errors import MixError

FIRST, MIXED, LAST = Discipline.FIRST_IN_FIRST_OUT, Discipline.MIXED, Discipline.LAST_IN_FIRST_OUT


def by_pair(found: Mixture) -> dict[tuple[int, int], float]:
    return {
        (lot, row): round(share, 9)
        for lot, row, share in zip(
            found.lot.tolist(), found.drawn.tolist(), found.share.tolist(), strict=True
        )
    }


def test_each_discipline_gives_out_in_its_order() -> None:
    put, drawn = Portions.of([0, 1], [6.0, 4.0]), Portions.of([2, 3], [5.0, 5.0])

    found = {one: stored(Vessel(one), put, drawn) for one in Discipline}

    assert by_pair(found[FIRST]) == {(0, 0): 1.0, (0, 1): 0.2, (1, 1): 0.8}
    assert by_pair(found[LAST]) == {(0, 0): 0.2, (1, 0): 0.8, (0, 1): 1.0}
    assert by_pair(found[MIXED]) == {(0, 0): 0.6, (1, 0): 0.4, (0, 1): 0.6, (1, 1): 0.4}
    assert all((one.confidence == 1).all() for one in found.values())


def test_what_was_put_in_later_is_in_nothing_drawn_before() -> None:
    put, drawn = Portions.of([0, 2], [6.0, 4.0]), Portions.of([1, 2], [5.0, 5.0])
    assert by_pair(stored(Vessel(LAST), put, drawn)) == {(0, 0): 1.0, (0, 1): 0.2, (1, 1): 0.8}


def test_a_content_known_roughly_makes_what_follows_uncertain() -> None:
    # 10 ± 2 inside; the first 9 drawn are old for certain in all but the cases with less than 9 inside.
    put, drawn = Portions.of([0], [10.0]), Portions.of([1, 2, 3], [7.0, 3.0, 3.0])

    found = stored(Vessel(FIRST, content=10, tolerance=2), put, drawn)

    rows = dict(zip(found.drawn.tolist(), zip(found.share, found.confidence, strict=True), strict=True))
    assert 0 not in rows
    assert rows[1][0] == pytest.approx(0.5 / 3, abs=0.02), "mean of max(10 - content, 0) over 8 to 12, by 3"
    assert rows[1][1] == pytest.approx(0.5, abs=0.03), "only a content of less than 10"
    assert rows[2][1] == 1
    assert found.before[0] == 1
    assert found.left.sum() + found.left_before == pytest.approx(7.0)


def test_too_much_drawn_and_too_much_put_in_are_said() -> None:
    put, drawn = Portions.of([0, 1], [6.0, 6.0], [0, 0]), Portions.of([2, 3], [10.0, 4.0])

    found = stored(Vessel(MIXED, capacity=10), put, drawn)

    assert found.overfull.tolist() == [1]
    assert found.overdrawn.tolist() == [1]
    assert found.missing.tolist() == pytest.approx([0, 0.5])
    assert by_pair(found) == {(0, 0): 1.0, (0, 1): 0.5}


amounts = st.floats(0.01, 100)
portions = st.lists(st.tuples(st.integers(0, 20), amounts, st.integers(0, 4)), max_size=12)


@settings(deadline=None)
@given(portions, portions, st.sampled_from(Discipline), st.floats(0, 50), st.floats(0, 10))
def test_nothing_is_made_or_lost_in_a_vessel(
    put: list[tuple[int, float, int]],
    drawn: list[tuple[int, float, int]],
    discipline: Discipline,
    content: float,
    tolerance: float,
) -> None:
    tolerance = min(tolerance, content)
    inside = Portions.of(*([one[k] for one in put] for k in range(3)))
    out = Portions.of(*([one[k] for one in drawn] for k in range(2)))

    found = stored(Vessel(discipline, content, tolerance), inside, out)

    quantity = out.quantities
    parts = np.bincount(found.drawn, found.share, len(quantity))
    assert parts + found.before + found.missing == pytest.approx(np.ones(len(quantity)))
    assert ((found.share > 0) & (found.share <= 1 + 1e-9)).all()
    assert ((found.confidence >= 0) & (found.confidence <= 1)).all()
    lots = len(found.left)
    came = np.bincount(inside.lots, inside.quantities, lots)
    went = np.bincount(found.lot, found.share * quantity[found.drawn], lots)
    assert went + found.left == pytest.approx(came, abs=1e-6)
    assert float(found.before @ quantity) + found.left_before == pytest.approx(content, abs=1e-6)
    for lot, row in zip(found.lot.tolist(), found.drawn.tolist(), strict=True):
        assert inside.times[inside.lots == lot].min() <= out.times[row]


spans = st.lists(st.tuples(st.floats(0.1, 10), st.integers(0, 4)), min_size=1, max_size=10)


@settings(deadline=None)
@given(
    spans,
    st.lists(st.floats(0.1, 10), min_size=1, max_size=10),
    st.floats(0.5, 30),
    st.floats(0, 0.9),
    st.sampled_from([1.0, 2.0, 3.5, 20.0, np.inf]),
)
def test_nothing_is_made_or_lost_in_a_flow(
    fed: list[tuple[float, int]], drawn: list[float], holdup: float, tolerance: float, stages: float
) -> None:
    edges = np.r_[0.0, np.cumsum([length for length, _ in fed])]
    outs = np.r_[0.0, np.cumsum(drawn)] * edges[-1] / sum(drawn)
    lots = np.array([lot for _, lot in fed])
    flow = Flow(holdup, tolerance * holdup, stages)

    found = flowed(flow, Windows.of(edges[:-1], edges[1:], lots=lots), Windows.of(outs[:-1], outs[1:]))

    parts = np.bincount(found.drawn, found.share, len(drawn))
    assert parts + found.before + found.missing == pytest.approx(np.ones(len(drawn)), abs=1e-9)
    assert found.missing == pytest.approx(np.zeros(len(drawn)), abs=1e-9)
    came = np.bincount(lots, np.diff(edges), len(found.left))
    went = np.bincount(found.lot, found.share * np.diff(outs)[found.drawn], len(found.left))
    assert went + found.left == pytest.approx(came, abs=1e-6)
    assert float(found.before @ np.diff(outs)) + found.left_before == pytest.approx(holdup, abs=1e-6)


def test_two_feeders_at_once_share_by_their_rates() -> None:
    fed = Windows.of([0, 0], [10, 10], rates=[3.0, 1.0])
    found = flowed(Flow(2.0, stages=np.inf), fed, Windows.of([5], [6]))
    assert by_pair(found) == {(0, 0): 0.75, (1, 0): 0.25}


def test_a_feed_that_was_not_recorded_is_missing() -> None:
    fed = Windows.of([0, 6], [5, 10])
    found = flowed(Flow(2.0, stages=np.inf), fed, Windows.of([6], [9]))
    assert by_pair(found) == {(0, 0): pytest.approx(1 / 3, abs=1e-9), (1, 0): pytest.approx(1 / 3, abs=1e-9)}
    assert found.missing.tolist() == pytest.approx([1 / 3])


def test_a_residence_known_roughly_widens_the_window() -> None:
    fed, at = Windows.of([0, 10], [10, 20]), Windows.of([25], [25])
    exact = flowed(Flow(14.0, stages=np.inf), fed, at)
    rough = flowed(Flow(14.0, 2.0, np.inf), fed, at)
    assert by_pair(exact) == {(1, 0): 1.0}
    assert dict(zip(rough.lot.tolist(), rough.confidence.tolist(), strict=True)) == pytest.approx(
        {0: 0.25, 1: 0.75}, abs=0.02
    )


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (lambda: Vessel(FIRST, content=-1), "content is -1"),
        (lambda: Vessel(FIRST, tolerance=np.nan), "tolerance is nan"),
        (lambda: Vessel(FIRST, content=5, capacity=4), "capacity is 4"),
        (lambda: Flow(0), "holdup is 0"),
        (lambda: Flow(2, tolerance=2), "less than the hold-up"),
        (lambda: Flow(2, stages=0.5), "stages is 0.5"),
        (lambda: Portions.of([0, 1], [1.0]), "shapes"),
        (lambda: Portions.of([0, np.nan], [1.0, 1.0]), "portion 1 is nan"),
        (lambda: Portions.of([0, 1], [1.0, 0.0]), "portion 1 is 0.0"),
        (lambda: Windows.of([0, 3], [1, 2]), "row 1 begins at 3"),
        (lambda: flowed(Flow(1), Windows.of([1], [1]), Windows.of([2], [3])), "row 0"),
        (lambda: stored(Vessel(FIRST), Portions.of([], []), Portions.of([], []), least=1.0), "least share"),
    ],
)
def test_what_makes_no_sense_is_refused(what: Any, said: str) -> None:
    with pytest.raises(MixError, match=said):
        what()


@pytest.mark.parametrize("discipline", Discipline)
def test_nothing_in_and_nothing_out_is_nothing(discipline: Discipline) -> None:
    found = stored(Vessel(discipline), Portions.of([], []), Portions.of([], []))
    assert len(found.share) == len(found.left) == 0
    empty = flowed(Flow(1), Windows.of([], []), Windows.of([2], [3]))
    assert empty.before.tolist() == [1]
