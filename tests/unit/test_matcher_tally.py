"""The tally of the matcher's benchmark: what it counts, and what chance gives its deciles."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks import matcher
from benchmarks.matcher import FEWEST, Tally

from assay.genealogy.queue_result import ALONE, Matching

PIECES = 100


def shift(said: float, true: float) -> tuple[Matching, np.ndarray]:
    """A shift whose pieces all have one counterpart, which a share ``true`` of them really had."""
    rows = np.arange(PIECES)
    matching = Matching(
        before=PIECES,
        after=PIECES,
        source=rows,
        target=rows,
        probability=np.full(PIECES, said),
        scrapped=np.full(PIECES, 1 - said),
        added=np.full(PIECES, 1 - said),
        residence=None,
        spread=None,
        basis=(),
        doubts=(),
    )
    return matching, np.where(rows < round(true * PIECES), rows, ALONE)


def tallied(*shares: float, said: float = 0.75) -> Tally:
    tally = Tally()
    for true in shares:
        tally.add(*shift(said, true))
    return tally


def test_a_decile_is_judged_by_its_pieces() -> None:
    enough = FEWEST // PIECES
    assert tallied(*[0.75] * (enough - 1)).judged.tolist() == []
    assert tallied(*[0.75] * enough).judged.tolist() == [2, 7]
    halves = tallied(*[0.5] * (enough // 2), said=0.5)  # two probabilities of each piece in one decile
    assert np.sum(halves.count, axis=0)[5] == FEWEST
    assert halves.judged.tolist() == []


def test_the_error_is_what_was_true_less_what_was_said() -> None:
    tally = tallied(*[0.85] * 10)
    assert tally.gaps() == pytest.approx([-0.1, 0.1])
    assert tally.error == pytest.approx(0.1)
    assert (tally.covered, tally.size) == (1_000, 2_000)  # a group holds the count and *scrapped*
    surer = tallied(*[0.85] * 10, said=0.97)
    assert (surer.covered, surer.size) == (850, 1_000)


def test_shifts_that_are_true_together_leave_much_to_chance() -> None:
    together, apart = tallied(*[1.0, 0.5] * 10), tallied(*[0.75] * 20)
    assert together.error == apart.error == 0
    low, high = together.intervals()
    assert (high - low) == pytest.approx(2 * 1.96 * 0.25 / np.sqrt(20), rel=0.15)
    assert np.ptp(apart.intervals(), axis=0) == pytest.approx(0, abs=1e-12)


def test_each_set_of_shifts_is_judged_alone_too() -> None:
    first, second = tallied(*[0.85] * 10), tallied(*[0.65] * 10)
    first.merge(second)
    assert first.error == pytest.approx(0)
    assert first.errors(10) == pytest.approx([0.1, 0.1])
    assert first.errors(8) == pytest.approx([0.1, 0.05])  # the last four shifts make no set
    assert (first.pieces, first.covered, first.size) == (2_000, 2_000, 4_000)


def test_the_benchmark_judges_every_shift() -> None:
    figures = {one.name: one for one in matcher.run(scale=4 / matcher.SHIFTS, pieces=300)}
    for how in ("with times", "without times"):
        assert figures[f"matcher {how}: calibration error over 4 shifts"].spread is None
        assert figures[f"matcher {how}: coverage of the groups"].value > 0.9
        assert figures[f"matcher {how}: mean group"].ratio == pytest.approx(1, abs=0.3)
        judged = [name for name in figures if name.startswith(f"matcher {how}: true less said from 0.0")]
        assert len(judged) == 1, f"three shifts of 300 pieces are not judged, four are ({FEWEST})"
