"""What a search claims, what it refuses to claim, and what it says belongs together."""

from collections.abc import Iterable
from math import comb

import numpy as np
import pytest

from assay.analyse.cause.clock import time_factors
from assay.analyse.cause.problem import Factor, Problem, ordered_factor
from assay.analyse.cause.search import Found
from assay.analyse.cause.study import rank

RNG = np.random.default_rng(20)


def levels(name: str, codes: np.ndarray) -> Factor:
    return Factor(
        name, codes.astype(np.int16), labels=tuple(f"{name}{k}" for k in range(int(codes.max()) + 1))
    )


def problem(
    outcome: np.ndarray,
    factors: Iterable[Factor | None],
    *,
    binary: bool = True,
    clusters: np.ndarray | None = None,
    strata: np.ndarray | None = None,
    time: np.ndarray | None = None,
) -> Problem:
    return Problem(
        outcome.astype(float),
        binary,
        np.zeros(outcome.size, int) if strata is None else strata,
        clusters,
        time,
        tuple(factor for factor in factors if factor is not None),
    )


def names(found: list[Found]) -> list[str]:
    return [one.factor.name if one.level is None else one.factor.labels[one.level] for one in found]


def test_a_planted_level_is_found_and_nothing_else() -> None:
    tool, shift = RNG.integers(0, 8, 4000), RNG.integers(0, 3, 4000)
    bad = RNG.random(4000) < np.where(tool == 3, 0.2, 0.03)
    found, tests, _ = rank(problem(bad, [levels("tool", tool), levels("shift", shift)]), "UTC")
    assert names(found) == ["tool3"]
    assert tests == 11


def test_a_factor_that_only_goes_along_is_shown_under_the_one_that_explains_it() -> None:
    tool = RNG.integers(0, 8, 6000)
    line = np.where(RNG.random(6000) < 0.85, tool // 4, RNG.integers(0, 2, 6000))
    bad = RNG.random(6000) < np.where(tool == 5, 0.25, 0.02)
    found, _, _ = rank(problem(bad, [levels("line", line), levels("tool", tool)]), "UTC")
    assert names(found) == ["tool5"]
    assert [(one.factor.name, one.factor.labels[one.level or 0]) for one in found[0].explained] == [
        ("line", "line1")
    ]


def test_a_simpson_reversal_is_not_fallen_for() -> None:
    # Line 1 makes mostly the hard product; within each product the lines are alike.
    hard = RNG.random(8000) < 0.5
    line = (RNG.random(8000) < np.where(hard, 0.9, 0.1)).astype(int)
    bad = RNG.random(8000) < np.where(hard, 0.15, 0.03)
    found, _, _ = rank(problem(bad, [levels("line", line), levels("hard", hard.astype(int))]), "UTC")
    assert names(found) == ["hard1"]


def test_thousands_of_lots_do_not_win_by_chance() -> None:
    claims = 0
    for _ in range(20):
        lots = [levels(f"lot{k}", RNG.integers(0, 3000, 20_000)) for k in range(3)]
        claims += bool(rank(problem(RNG.random(20_000) < 0.02, lots), "UTC")[0])
    assert claims <= 2


def test_a_bad_lot_among_thousands_is_found() -> None:
    lot = RNG.integers(0, 3000, 60_000)
    bad = RNG.random(60_000) < np.where(lot == 1234, 0.7, 0.01)
    found, _, _ = rank(problem(bad, [levels("lot", lot)]), "UTC")
    assert names(found) == ["lot1234"]


def test_runs_on_one_unit_do_not_count_as_many() -> None:
    # 20 units of 50 runs, each with its own bad rate: a label on 10 units means nothing, though a test over
    # the 1,000 runs would call it highly significant about half of the time.
    claims = 0
    for _ in range(60):
        unit = np.arange(20).repeat(50)
        rate = RNG.beta(0.5, 1.5, 20)
        label = RNG.permutation(20) < 10
        bad = RNG.random(1000) < rate[unit]
        claims += bool(
            rank(problem(bad, [levels("label", label[unit].astype(int))], clusters=unit), "UTC")[0]
        )
    assert claims <= 3


def test_a_line_that_makes_larger_units_is_not_a_cause() -> None:
    claims = 0
    for _ in range(20):
        size = np.concatenate([RNG.integers(64, 90, 60), RNG.integers(100, 127, 60)])
        unit = np.repeat(np.arange(120), size)
        bad = RNG.random(unit.size) < 0.3
        claims += bool(rank(problem(bad, [levels("line", unit // 60)], clusters=unit), "UTC")[0])
    assert claims <= 1


def test_one_short_unit_leaves_small_counts_exact() -> None:
    # 12 of 60 units come from one supplier, and 6 of those fail; one other unit lacks a run.
    size = np.where(np.arange(60) == 59, 3, 4)
    unit = np.repeat(np.arange(60), size)
    bad = np.isin(unit, np.arange(6)) & (np.arange(unit.size) == np.searchsorted(unit, unit))
    found, tests, _ = rank(problem(bad, [levels("supplier", (unit >= 12).astype(int))], clusters=unit), "UTC")
    assert names(found) == ["supplier0"]
    assert found[0].p_value == pytest.approx(comb(12, 6) / comb(59, 6))
    assert tests == 2


@pytest.mark.parametrize("usual", [0.0, 250.0, 500.0])
def test_a_counter_that_nearly_always_says_the_same_keeps_its_other_values_apart(usual: float) -> None:
    values = np.full(10_000, usual)
    values[:200] = np.arange(200) * 2.5
    factor = ordered_factor("counter", values)
    assert factor is not None
    at = int(np.flatnonzero((factor.low <= usual) & (usual <= factor.high))[0])
    assert factor.low[at] == factor.high[at] == usual
    assert factor.levels >= 2


def test_a_side_is_compared_within_its_unit() -> None:
    unit = np.arange(400).repeat(2)
    side = np.tile([0, 1], 400)
    rate = RNG.beta(0.5, 1.5, 400)[unit]
    bad = RNG.random(800) < np.clip(rate + 0.15 * side, 0, 1)
    found, _, _ = rank(problem(bad, [levels("side", side)], clusters=unit), "UTC")
    assert names(found) == ["side1"]


@pytest.mark.parametrize("direction", [1, -1])
def test_an_ordered_factor_is_one_cause_with_the_end_that_raises_the_target(direction: int) -> None:
    age = RNG.integers(0, 30, 6000)
    bad = RNG.random(6000) < 0.02 + 0.008 * (age if direction > 0 else 29 - age)
    found, tests, _ = rank(problem(bad, [ordered_factor("age", age.astype(float))]), "UTC")
    assert names(found) == ["age"]
    assert tests == 1
    assert found[0].shape == ("rising" if direction > 0 else "falling")
    assert (29 in found[0].elevated) == (direction > 0)


def test_both_ends_of_a_reading_raise_the_target() -> None:
    reading = RNG.normal(size=6000)
    bad = RNG.random(6000) < np.where(np.abs(reading) > 1.5, 0.3, 0.03)
    found, _, _ = rank(problem(bad, [ordered_factor("reading", reading)]), "UTC")
    assert names(found) == ["reading"]
    assert found[0].shape == "ends"


def test_few_bad_units_are_tested_exactly() -> None:
    # 6 bad of 3,000, all on a tool that made 30: C(30, 6) of C(3000, 6) ways.
    tool = np.zeros(3000, int)
    tool[:30] = 1
    bad = np.zeros(3000)
    bad[:6] = 1
    found, _, _ = rank(problem(bad, [levels("tool", tool)]), "UTC")
    assert names(found) == ["tool1"]
    assert found[0].p_value == pytest.approx(comb(30, 6) / comb(3000, 6))


def test_two_bad_units_are_not_enough() -> None:
    bad = np.zeros(200)
    bad[:2] = 1
    found, _, _ = rank(problem(bad, [levels("tool", np.arange(200) % 5)]), "UTC")
    assert found == []


def test_a_level_that_lowers_the_target_is_not_a_cause() -> None:
    tool = RNG.integers(0, 10, 6000)
    bad = RNG.random(6000) < np.where(tool == 4, 0.0, 0.2)
    found, _, _ = rank(problem(bad, [levels("tool", tool)]), "UTC")
    assert "tool4" not in names(found)


def test_a_numeric_target_with_outliers() -> None:
    tool = RNG.integers(0, 6, 3000)
    thickness = RNG.standard_t(2, 3000) + np.where(tool == 2, 0.6, 0)
    found, _, _ = rank(problem(thickness, [levels("tool", tool)], binary=False), "UTC")
    assert names(found) == ["tool2"]


def test_only_subjects_of_one_segment_are_compared() -> None:
    # Segment 1 is worse and its tools are its own: within the segments nothing differs.
    segment = np.arange(4000) % 2
    tool = RNG.integers(0, 4, 4000) + 4 * segment
    bad = RNG.random(4000) < np.where(segment == 1, 0.3, 0.05)
    found, _, _ = rank(problem(bad, [levels("tool", tool)], strata=segment), "UTC")
    assert found == []


def test_missing_values_are_left_out_of_the_comparison() -> None:
    tool = RNG.integers(-1, 5, 6000)
    bad = RNG.random(6000) < np.where(tool == -1, 0.5, np.where(tool == 1, 0.2, 0.05))
    factor = Factor("tool", tool.astype(np.int16), labels=tuple(f"tool{k}" for k in range(5)))
    assert names(rank(problem(bad, [factor]), "UTC")[0]) == ["tool1"]


def clock(count: int, days: int = 20) -> np.ndarray:
    return 1_700_000_000_000_000 + np.sort(RNG.integers(0, days * 86_400_000_000, count))


def test_an_onset_that_no_recorded_factor_explains_is_a_window_of_time() -> None:
    time = clock(5000)
    bad = RNG.random(5000) < np.where(np.arange(5000) > 3500, 0.2, 0.03)
    found, _, _ = rank(problem(bad, [levels("tool", RNG.integers(0, 4, 5000))], time=time), "UTC")
    assert found[0].factor.name in {"time window", "drift"}
    assert found[0].group[3600:].mean() > 0.95
    assert found[0].group[:3300].mean() < 0.05


def test_time_yields_to_a_recorded_level_that_filled_the_window() -> None:
    time = clock(5000)
    tool = np.where((np.arange(5000) > 2000) & (np.arange(5000) < 2800), 3, RNG.integers(0, 3, 5000))
    bad = RNG.random(5000) < np.where(tool == 3, 0.3, 0.03)
    found, _, _ = rank(problem(bad, [levels("tool", tool)], time=time), "UTC")
    assert names(found) == ["tool3"]


def test_a_night_shift_effect_is_found_by_the_hour() -> None:
    time = clock(20_000, days=40)
    hour = (time // 3_600_000_000) % 24
    bad = RNG.random(20_000) < np.where(hour == 3, 0.25, 0.03)
    found, _, _ = rank(problem(bad, [], time=time), "UTC")
    assert ("hour of day", "03") in {
        (one.factor.name, one.factor.labels[one.level])
        for one in found
        if one.level is not None and one.factor.labels
    }


def test_a_cycle_seen_too_few_times_is_not_tried() -> None:
    two_days = problem(np.zeros(100), [], time=clock(100, days=2))
    assert {factor.name for factor in time_factors(two_days, "UTC")} == {"time window", "drift"}


def test_of_two_factors_with_the_same_rows_the_finer_is_ranked() -> None:
    fine = RNG.integers(0, 10, 5000)
    coarse = np.where(fine == 7, 1, 0)
    bad = RNG.random(5000) < np.where(fine == 7, 0.3, 0.03)
    found, _, _ = rank(problem(bad, [levels("coarse", coarse), levels("fine", fine)]), "UTC")
    assert names(found) == ["fine7"]
