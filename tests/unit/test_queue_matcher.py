from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from assay.genealogy.queue_climb import climb
from assay.genealogy.queue_errors import MatchError
from assay.genealogy.queue_matcher import Counts, Rates, match, problem_of
from assay.genealogy.queue_modes import NATS, modes
from assay.genealogy.queue_result import ALONE, Matching
from assay.sim.furnace import Furnace, Passage, arrivals, pass_through

CLEAN = Furnace(missed=0.0, extra=0.0, swapped=0.0, jitter=0.5, noise=0.5)


def passage(furnace: Furnace, pieces: int = 250, seed: int = 3, *, irregular: float = 0.3) -> Passage:
    rng = np.random.default_rng(seed)
    return pass_through(rng, arrivals(rng, pieces, irregular=irregular), furnace)


def matched(one: Passage, furnace: Furnace, *, timed: bool = True) -> Matching:
    if timed:
        return match(
            Counts.of(one.entered),
            Counts.of(one.left),
            residence=furnace.residence,
            tolerance=furnace.tolerance,
        )
    return match(Counts.of(size=len(one.entered)), Counts.of(size=len(one.left)))


def covered(matching: Matching, truth: np.ndarray, share: float = 0.95) -> float:
    groups = matching.groups(share)
    piece = np.repeat(np.arange(matching.before), groups.sizes)
    return float((truth[piece] == groups.members).sum() / matching.before)


def test_a_clean_queue_is_matched_one_to_one() -> None:
    one = passage(CLEAN)

    matching = matched(one, CLEAN)

    assert (matching.best == one.counterpart).all()
    assert matching.residence is not None
    true = float(one.residence.mean())
    assert matching.residence.low - 0.1 <= true <= matching.residence.high + 0.1
    assert matching.basis == ("order", "time")
    assert (matching.groups().sizes == 1).all()


@pytest.mark.parametrize("timed", [True, False])
@pytest.mark.parametrize("seed", [1, 2])
def test_probabilities_of_every_piece_add_up_to_one_on_both_sides(seed: int, timed: bool) -> None:
    matching = matched(passage(Furnace(), seed=seed), Furnace(), timed=timed)

    ours = np.bincount(matching.source, matching.probability, minlength=matching.before) + matching.scrapped
    theirs = np.bincount(matching.target, matching.probability, minlength=matching.after) + matching.added
    np.testing.assert_allclose(ours, 1, atol=1e-6)
    np.testing.assert_allclose(theirs, 1, atol=1e-6)
    assert matching.groups_back().sizes.min() >= 1


def test_a_residence_a_takt_away_is_not_locked_onto() -> None:
    """One climb from the nominal residence ends in a wrong mode, and is sure of it."""
    furnace = Furnace(tolerance=120.0)
    wrong = 0
    for seed in range(4):
        one = passage(furnace, seed=seed)
        matching = matched(one, furnace)
        true = float(one.residence.mean())
        assert matching.residence is not None
        wrong += abs(matching.residence.value - true) > 2
        assert covered(matching, one.counterpart) > 0.93
    assert wrong == 0


def test_in_a_steady_beat_noise_does_not_decide_the_residence() -> None:
    """The naive likelihood of noisy differences prefers a random takt by tens of nats; see ``queue_takt``."""
    furnace = Furnace(tolerance=60.0)
    coverage = []
    for seed in range(6):
        one = passage(furnace, pieces=400, seed=seed, irregular=0.0)
        coverage.append(covered(matched(one, furnace), one.counterpart))
    assert np.mean(coverage) > 0.93


@pytest.mark.parametrize("irregular", [0.0, 0.3])
def test_no_residence_that_explains_the_counts_is_given_up_early(irregular: float) -> None:
    """Long climbs from everywhere find no peak that the search, which gives up hopeless starts, has not."""
    furnace = Furnace(tolerance=60.0)
    one = passage(furnace, pieces=200, seed=2, irregular=irregular)
    problem = problem_of(Counts.of(one.entered), Counts.of(one.left), residence=3600, tolerance=60)
    found = modes(problem)
    peaks = [climb(problem, problem.start(at), rounds=40) for at in np.arange(3540.0, 3661.0, 3.0)]
    near = [peak for peak in peaks if peak.height >= found[0].height - NATS]

    assert near
    assert max(peak.height for peak in peaks) <= found[0].height + 0.1
    for peak in near:
        away = [abs(mode.parameters.residence - peak.parameters.residence) for mode in found]
        assert min(away) < 0.3 * problem.sides.takt
    assert len(found) > 1 if irregular == 0 else len(found) == 1


def test_without_times_only_the_order_speaks() -> None:
    one = passage(Furnace(), pieces=400, seed=5)

    matching = matched(one, Furnace(), timed=False)

    assert matching.basis == ("order",)
    assert matching.residence is None
    assert 2 < matching.groups().sizes.mean() < 14
    assert covered(matching, one.counterpart) > 0.8


def test_a_slow_drift_is_followed() -> None:
    """Over the shift the residence wanders by about three takts."""
    furnace = Furnace(law="drift", tolerance=25.0)
    for seed in range(4):
        one = passage(furnace, pieces=600, seed=seed)
        matching = matched(one, furnace)
        assert covered(matching, one.counterpart) > 0.93
        assert matching.groups().sizes.mean() < 1.4


def test_pieces_that_overtake_each_other_are_not_matched_by_order() -> None:
    furnace = Furnace(law="piece", tolerance=90.0, noise=0.5)
    one = passage(furnace, pieces=400, seed=2)

    matching = matched(one, furnace)

    assert matching.basis == ("time",)
    assert "order-free" in {doubt.kind for doubt in matching.doubts}
    assert covered(matching, one.counterpart) > 0.93


def test_known_carriers_make_groups_smaller() -> None:
    furnace = Furnace(jitter=8.0, noise=4.0)
    one = passage(furnace, pieces=300, seed=2)
    trays = [f"T{piece // 4 % 20}" for piece in range(300)]

    def named(pieces: np.ndarray, every: int) -> list[str | None]:
        return [
            trays[piece] if piece >= 0 and place % every == 0 else None for place, piece in enumerate(pieces)
        ]

    def sizes(every: int) -> Matching:
        return match(
            Counts.of(one.entered, carriers=named(one.piece_in, 1)),
            Counts.of(one.left, carriers=named(one.piece_out, every)),
            residence=3600,
            tolerance=120,
        )

    bare, half, full = matched(one, furnace), sizes(2), sizes(1)
    assert full.groups().sizes.mean() < half.groups().sizes.mean() < bare.groups().sizes.mean()
    assert full.basis == ("order", "time", "carrier")
    assert covered(full, one.counterpart) > 0.93


def test_lanes_are_matched_apart() -> None:
    parts = [passage(CLEAN, pieces=60, seed=seed) for seed in (1, 2)]
    entered = np.concatenate([part.entered for part in parts])
    left = np.concatenate([part.left for part in parts])
    lanes = ["a"] * 60 + ["b"] * 60

    matching = match(
        Counts.of(entered, lanes=lanes), Counts.of(left, lanes=lanes), residence=3600, tolerance=120
    )

    assert (matching.best == np.arange(120)).all()


def test_a_shift_cut_out_of_a_running_line_leaves_what_was_inside_alone() -> None:
    one = passage(CLEAN, pieces=300, seed=6)
    late, early = one.entered[60:], one.left[:240]

    matching = match(Counts.of(late), Counts.of(early), residence=3600, tolerance=120)

    assert (matching.best[:180] == np.arange(60, 240)).all()
    assert (matching.best[180:] == ALONE).all()
    assert (matching.added[:60] > 0.99).all()


def test_edges_carry_confidence_group_and_reason() -> None:
    one = passage(Furnace(), pieces=120, seed=8)
    matching = matched(one, Furnace())
    before = pa.array([f"G{row}" for row in range(matching.before)])
    after = pa.array([f"U{row}" for row in range(matching.after)])

    edges = matching.edges(before, after)

    assert edges.column_names == ["source", "target", "confidence", "group", "reason"]
    assert set(edges.column("reason").to_pylist()) == {"queue: order, time"}
    grouped = edges.filter(edges.column("group").is_valid())
    assert [f"G{group}" for group in grouped.column("group").to_pylist()] == grouped.column(
        "source"
    ).to_pylist()
    assert min(edges.column("confidence").to_pylist()) >= 1e-3


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"residence": 10.0, "tolerance": 0.0}, "tolerance"),
        ({"residence": 10.0, "tolerance": -1.0}, "tolerance"),
        ({"residence": 10.0, "tolerance": float("nan")}, "tolerance"),
        ({"residence": -1.0, "tolerance": 1.0}, "residence"),
        ({"residence": float("nan"), "tolerance": 1.0}, "residence"),
        ({"residence": 10.0}, "belong together"),
    ],
)
def test_settings_that_make_no_sense_are_refused(arguments: dict[str, float], word: str) -> None:
    with pytest.raises(MatchError, match=word) as caught:
        match(Counts.of([1.0, 2.0]), Counts.of([11.0, 12.0]), **arguments)  # type: ignore[arg-type]
    assert caught.value.said.zh
    assert caught.value.hint


def test_bad_counts_are_refused() -> None:
    with pytest.raises(MatchError, match="infinite"):
        Counts.of([1.0, float("inf")])
    with pytest.raises(MatchError, match="shape"):
        Counts.of([[1.0], [2.0]])
    with pytest.raises(MatchError, match="carriers"):
        Counts.of([1.0, 2.0], carriers=["a"])
    with pytest.raises(MatchError, match="lane"):
        match(Counts.of([1.0], lanes=["a"]), Counts.of([2.0]))
    with pytest.raises(MatchError, match="expected rate"):
        Rates(missed=0.5)


def kinds(matching: Matching) -> set[str]:
    return {doubt.kind for doubt in matching.doubts}


def test_an_empty_side_leaves_the_other_alone() -> None:
    for before, after in ((0, 5), (5, 0), (0, 0)):
        matching = match(Counts.of(size=before), Counts.of(size=after))
        assert (matching.scrapped == 1).all()
        assert (matching.added == 1).all()
        assert kinds(matching) == {"empty"}


def test_missing_equal_and_falling_times_are_reported_and_matched_by_order() -> None:
    one = passage(CLEAN, pieces=80)
    entered, left = one.entered.copy(), one.left.copy()
    entered[10], left[20], left[41] = np.nan, np.nan, left[40]
    entered[[50, 51]] = entered[[51, 50]]

    matching = match(Counts.of(entered), Counts.of(left), residence=3600, tolerance=120)

    assert kinds(matching) == {"missing-time", "duplicate-time", "backwards"}
    assert matching.best[10] == 10
    assert matching.best[20] == 20
    rows = {(doubt.kind, doubt.side): doubt.rows for doubt in matching.doubts}
    assert rows["missing-time", "in"] == (10,)
    assert rows["duplicate-time", "out"] == (41,)
    assert rows["backwards", "in"] == (51,)


def test_clocks_that_disagree_are_reported() -> None:
    furnace = Furnace(missed=0, extra=0, swapped=0, jitter=0.5, noise=0.5, tolerance=20.0, clock=25.0)
    one = passage(furnace, pieces=150, seed=1)

    matching = matched(one, furnace)

    skewed = abs(float(np.median(one.left - one.entered)) - 3600) > 20
    assert ("skew" in kinds(matching)) == skewed
    assert (matching.best == one.counterpart).mean() > 0.95


def test_out_counts_before_anything_went_in_are_reported() -> None:
    one = passage(CLEAN, pieces=80)
    left = np.concatenate([[one.entered[0] - 50, one.entered[0] + 10], one.left])

    matching = match(Counts.of(one.entered), Counts.of(left), residence=3600, tolerance=120)

    doubt = next(doubt for doubt in matching.doubts if doubt.kind == "out-before-in")
    assert doubt.rows == (0, 1)
    assert (matching.best == np.arange(2, 82)).all()
    assert (matching.added[:2] > 0.99).all()


def test_contradicting_carriers_are_reported() -> None:
    one = passage(CLEAN, pieces=60)
    trays = [f"T{piece // 4}" for piece in range(60)]
    read = [*trays]
    read[30], read[31] = "T0", "T99"

    matching = match(
        Counts.of(one.entered, carriers=trays),
        Counts.of(one.left, carriers=read),
        residence=3600,
        tolerance=120,
    )

    rows = {doubt.kind: doubt.rows for doubt in matching.doubts}
    assert rows["carrier-unknown"] == (31,)
    assert (matching.best[:30] == np.arange(30)).all()
    assert set(rows.get("carrier-conflict", ())) <= {30, 31}
    assert matching.probability[(matching.source == 30) & (matching.target == 30)].sum() < 0.99


@given(
    st.lists(st.floats(0, 1e4), max_size=12),
    st.lists(st.floats(0, 1e4), max_size=12),
    st.booleans(),
)
@example([0.0], [0.0, 1.9417669842693728e-261], True)
@settings(max_examples=40, deadline=None)
def test_whatever_is_counted_probabilities_are_probabilities(
    entered: list[float], left: list[float], timed: bool
) -> None:
    nominal = {"residence": 100.0, "tolerance": 30.0} if timed else {}
    matching = match(Counts.of(entered, size=len(entered)), Counts.of(left, size=len(left)), **nominal)  # type: ignore[arg-type]

    ours = np.bincount(matching.source, matching.probability, minlength=len(entered)) + matching.scrapped
    assert np.allclose(ours, 1, atol=1e-6)
    assert np.isfinite(matching.probability).all()
    assert (matching.added >= -1e-12).all()


def test_the_same_counts_give_the_same_answer() -> None:
    one = passage(Furnace(), pieces=150)
    first, second = matched(one, Furnace()), matched(one, Furnace())

    np.testing.assert_array_equal(first.probability, second.probability)


def test_datetimes_are_seconds() -> None:
    one = passage(CLEAN, pieces=40)
    stamp = [
        (np.datetime64("2026-03-02T06:00:00", "us") + (side * 1e6).astype("timedelta64[us]"))
        for side in (one.entered, one.left)
    ]

    matching = match(Counts.of(stamp[0]), Counts.of(stamp[1]), residence=3600, tolerance=120)

    assert (matching.best == np.arange(40)).all()
