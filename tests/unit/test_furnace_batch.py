from __future__ import annotations

import numpy as np
import pytest

from assay.genealogy.furnace_batch import match_batches
from assay.genealogy.queue_matcher import Counts

TRAYS = ["A"] * 3 + ["B"] * 3
PLACES = ["1", "2", "3"] * 2


def test_without_places_the_pieces_of_a_tray_are_equally_likely() -> None:
    matching = match_batches(Counts.of(carriers=TRAYS), Counts.of(carriers=TRAYS[::-1]))

    assert matching.basis == ("carrier",)
    for row, tray in enumerate(TRAYS):
        members = matching.groups(0.99).of(row)
        assert {TRAYS[::-1][member] for member in members} == {tray}
        assert len(members) == 3
    np.testing.assert_allclose(matching.probability, matching.probability[0])


def test_places_on_the_tray_tell_the_pieces_apart() -> None:
    turned = [2, 0, 1, 5, 3, 4]

    matching = match_batches(
        Counts.of(carriers=TRAYS),
        Counts.of(carriers=[TRAYS[row] for row in turned]),
        positions_in=PLACES,
        positions_out=[PLACES[row] for row in turned],
    )

    assert [turned[row] for row in matching.best] == list(range(6))
    assert matching.basis == ("carrier", "position")
    assert (matching.groups().sizes == 1).all()


def test_a_tray_that_comes_again_is_another_visit() -> None:
    before = Counts.of([0.0, 1, 2, 7200, 7201, 7202], carriers=["A"] * 6)
    after = Counts.of([3610.0, 3611, 3612, 10790, 10791, 10792], carriers=["A"] * 6)

    matching = match_batches(before, after, residence=3600, tolerance=120)

    assert {(row < 3) == (member < 3) for row in range(6) for member in matching.groups(0.9).of(row)} == {
        True
    }


def test_one_piece_short_shares_the_doubt_among_its_tray() -> None:
    matching = match_batches(Counts.of(carriers=["A"] * 4), Counts.of(carriers=["A"] * 3))

    np.testing.assert_allclose(matching.scrapped, 0.25, atol=0.01)
    np.testing.assert_allclose(matching.added, 0.0, atol=0.01)


def test_half_known_places_leave_the_rest_even() -> None:
    matching = match_batches(
        Counts.of(carriers=["A"] * 3),
        Counts.of(carriers=["A"] * 3),
        positions_in=["1", "2", "3"],
        positions_out=["2", None, None],
    )

    assert matching.groups(0.9).of(1) == [0]
    assert set(matching.groups(0.9).of(0)) == {1, 2}


def test_what_contradicts_itself_is_reported() -> None:
    matching = match_batches(
        Counts.of(carriers=["A", "A", None, "A"]),
        Counts.of(carriers=["A", "A", "Z", None]),
        positions_in=["1", "1", None, "2"],
        positions_out=["1", "2", None, None],
    )

    rows = {(doubt.kind, doubt.side): doubt.rows for doubt in matching.doubts}
    assert rows["no-carrier", "in"] == (2,)
    assert rows["no-carrier", "out"] == (3,)
    assert rows["carrier-unknown", "out"] == (2,)
    assert rows["position-twice", "in"] == (0, 1)
    claims = matching.probability[(matching.target == 0)]
    assert claims == pytest.approx([0.5, 0.5], abs=0.01)
    assert matching.scrapped[2] == 1
    assert matching.added[2] == 1
