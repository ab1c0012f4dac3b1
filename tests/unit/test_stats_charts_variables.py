"""Charts of subgroups and of single values: what they take, refuse, estimate and flag."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from assay.stats import charts, constants, rules
from assay.stats.charts.phases import NoSuchPoint
from assay.stats.errors import (
    ConstantData,
    NoSpreadWithin,
    NotNumeric,
    NotPositive,
    OutOfRange,
    SingletonSubgroups,
    SplitSubgroup,
    TooFewPoints,
    UnequalSubgroups,
    UnknownOption,
    WrongShape,
)

ROWS = np.random.default_rng(3).normal(10.0, 0.2, (30, 5)).round(3)
VALUES = ROWS.ravel()
LABELS = np.repeat(np.arange(101, 131), 5)
SUBGROUP_CHARTS = [charts.xbar_r, charts.xbar_s, charts.median, charts.r, charts.s, charts.imr_rs]


@pytest.mark.parametrize("make", SUBGROUP_CHARTS)
def test_rows_a_size_and_labels_are_the_same_chart(make: Any) -> None:
    rows, sized, labelled = make(ROWS), make(VALUES, 5), make(VALUES, LABELS)
    assert rows.to_dict() == sized.to_dict()
    assert labelled.labels == tuple(map(str, range(101, 131)))
    np.testing.assert_array_equal(labelled.statistics, rows.statistics)
    assert (labelled.center, labelled.limits) == (rows.center, rows.limits)
    assert make(VALUES.tolist(), LABELS.astype(str).tolist()).violations == rows.violations


@pytest.mark.parametrize("make", SUBGROUP_CHARTS)
def test_subgroups_that_cannot_be_charted_are_refused(make: Any) -> None:
    with pytest.raises(UnequalSubgroups, match="4"):
        make(VALUES[:-1], 5)
    with pytest.raises(SingletonSubgroups):
        make(VALUES, 1)
    with pytest.raises(SingletonSubgroups, match="subgroup 29"):
        make(VALUES[:146], LABELS[:146])
    with pytest.raises(SplitSubgroup, match="101"):
        make(VALUES, np.where(LABELS == 110, 101, LABELS))
    with pytest.raises(WrongShape, match="subgroup"):
        make(VALUES, LABELS[:-1])
    with pytest.raises(WrongShape, match=r"values.*with subgroup"):
        make(VALUES)
    with pytest.raises((ConstantData, NoSpreadWithin)):
        make(np.repeat(ROWS[:, :1], 5, axis=1))


@pytest.mark.parametrize("make", SUBGROUP_CHARTS[:2])
def test_equal_values_within_subgroups_are_fine_with_a_given_sigma(make: Any) -> None:
    chart = make(np.full((4, 3), 7.0), center=7.0, sigma=0.5)
    assert chart.flagged == ()
    assert chart.limits == pytest.approx((7 - 1.5 / math.sqrt(3), 7 + 1.5 / math.sqrt(3)))


def test_one_option_that_is_not_known_is_refused() -> None:
    for wrong in ({"rules": "nelson9"}, {"constants": "rough"}, {"estimator": "guess"}, {"nelson8": "both"}):
        with pytest.raises(UnknownOption):
            charts.xbar_r(ROWS, **wrong)  # type: ignore[arg-type]
    for name in ("weighting", "dispersion_center"):
        with pytest.raises(UnknownOption, match=name):
            charts.xbar_r(ROWS, **{name: "heavy"})  # type: ignore[arg-type]
    with pytest.raises(NotPositive, match="sigma"):
        charts.xbar_r(ROWS, sigma=0)
    with pytest.raises(NotPositive, match="width"):
        charts.xbar_r(ROWS, width=-3)
    with pytest.raises(OutOfRange, match="confidence"):
        charts.xbar_r(ROWS, confidence=1.0)
    with pytest.raises(WrongShape, match="labels"):
        charts.xbar_r(ROWS, labels=["a"])
    with pytest.raises(NoSuchPoint):
        charts.xbar_r(ROWS, phase1=(0, 31))
    with pytest.raises(TypeError, match="wdith"):
        charts.xbar_r(ROWS, wdith=3)  # type: ignore[call-arg]


def test_tabled_constants_end_where_the_printed_table_does() -> None:
    wide = np.random.default_rng(0).normal(size=(10, 26))
    assert charts.xbar_r(wide).dispersion is not None
    with pytest.raises(OutOfRange, match="25"):
        charts.xbar_r(wide, constants="tabled")


def test_limits_by_width_and_by_confidence() -> None:
    three, two, share = (
        charts.xbar_r(ROWS),
        charts.xbar_r(ROWS, width=2),
        charts.xbar_r(ROWS, confidence=0.95),
    )
    reach = three.limits.ucl - three.center
    assert two.limits.ucl - two.center == pytest.approx(reach * 2 / 3)
    assert share.width == pytest.approx(1.959964, abs=1e-6)
    assert share.limits.ucl - share.center == pytest.approx(reach * 1.959964 / 3, rel=1e-6)
    # Zones follow: rule 1 is about the limits that are drawn.
    beyond = np.flatnonzero(np.abs(two.statistics - two.center) > two.limits.ucl - two.center)
    assert two.violations["nelson1"] == beyond.tolist()


def test_historical_values_give_limits_and_zones() -> None:
    chart = charts.xbar_r(ROWS, center=10.0, sigma=0.1, rules="nelson")
    assert chart.limits == pytest.approx((10 - 0.3 / math.sqrt(5), 10 + 0.3 / math.sqrt(5)))
    expected = rules.violations(ROWS.mean(axis=1), 10.0, 0.1 / math.sqrt(5), "nelson")
    assert chart.violations == expected
    assert chart.violations["nelson1"]
    assert chart.dispersion is not None
    assert chart.dispersion.center == pytest.approx(0.1 * constants.d2(5))
    assert chart.estimator == "given"


def test_a_given_center_alone_leaves_sigma_to_the_data() -> None:
    chart = charts.xbar_r(ROWS, center=9.0)
    assert chart.center == 9.0
    assert chart.sigma == charts.xbar_r(ROWS).sigma
    assert chart.estimator == "rbar"


@pytest.mark.parametrize("estimator", ["rbar", "sbar", "pooled", "pooled_unbiased"])
def test_sigma_comes_from_the_named_estimator(estimator: Any) -> None:
    from assay.stats import sigma

    for make in (charts.xbar_r, charts.xbar_s, charts.median):
        chart = make(ROWS, estimator=estimator)
        assert chart.sigma == sigma.WITHIN[estimator](ROWS)
        assert chart.estimator == estimator


def test_varying_sizes_have_limits_of_their_own() -> None:
    kept = np.ones(150, bool)
    kept[[3, 4, 27]] = False
    chart = charts.xbar_r(VALUES[kept], LABELS[kept])
    assert chart.sizes is not None
    assert chart.sizes[:6].tolist() == [3, 5, 5, 5, 5, 4]
    assert isinstance(chart.limits.ucl, np.ndarray)
    np.testing.assert_allclose(chart.limits.ucl, chart.center + 3 * chart.sigma / np.sqrt(chart.sizes))
    assert chart.center == pytest.approx(VALUES[kept].mean(), rel=1e-14)
    ranges = chart.dispersion
    assert ranges is not None
    np.testing.assert_allclose(ranges.center, constants.d2(chart.sizes) * chart.sigma)
    average = charts.xbar_r(VALUES[kept], LABELS[kept], dispersion_center="average").dispersion
    assert average is not None
    assert average.center == pytest.approx((ranges.statistics * chart.sizes).sum() / chart.sizes.sum())
    weighted = charts.xbar_r(VALUES[kept], LABELS[kept], weighting="mvlue")
    assert weighted.sigma != chart.sigma
    assert weighted.sigma == pytest.approx(chart.sigma, rel=0.05)


def test_run_rules_do_not_apply_to_dispersion_unless_asked() -> None:
    growing = ROWS * np.linspace(0.001, 1.0, 30)[:, None]
    chart = charts.xbar_r(growing)
    assert chart.dispersion is not None
    assert tuple(chart.dispersion.violations) == ("nelson1",)
    western = charts.xbar_s(growing, rules="western_electric").dispersion
    assert western is not None
    assert western.rules == ("we1", "we2", "we3", "we4")
    assert western.violations == charts.s(growing, rules="western_electric").violations
    asked = charts.xbar_r(growing, dispersion_rules="nelson").dispersion
    assert asked is not None
    assert asked.violations["nelson2"]
    assert charts.r(growing).rules == ("nelson1",)
    assert charts.r(growing, rules="nelson").violations == asked.violations


def test_run_rules_never_apply_to_the_moving_range_chart() -> None:
    # Growing steps: as a series the moving ranges rise all the way.
    chart = charts.imr(np.cumsum(np.linspace(0, 1, 60)), rules="nelson,western_electric")
    ranges = chart.dispersion
    assert ranges is not None
    assert rules.violations(ranges.statistics[1:], 0.5, 0.1, "nelson3")["nelson3"]
    assert set(ranges.violations) == {"nelson1", "we1"}
    beyond = np.flatnonzero(ranges.statistics > ranges.limits.ucl).tolist()
    assert ranges.violations["nelson1"] == beyond


def test_runs_go_on_from_phase_1_and_restart_at_stages() -> None:
    values = np.array([-1.0, 1.0] * 10 + [0.9] * 8 + [-0.9] + [0.9] * 3)
    values[17:20] = 0.8
    one = charts.imr(values, center=0.0, sigma=1.0, rules="nelson2")
    assert one.violations["nelson2"] == [25, 26, 27]
    # Phase I ends inside the run; stages cut it.
    assert (
        charts.imr(values, phase1=(0, 21), center=0.0, sigma=1.0, rules="nelson2").violations
        == one.violations
    )
    assert charts.imr(values, stages=[21], center=0.0, sigma=1.0, rules="nelson2").violations["nelson2"] == []


def test_moving_ranges_stay_within_a_stage_and_within_phase_1() -> None:
    values = np.array([1.0, 2.0, 4.0, 100.0, 103.0, 101.0])
    chart = charts.imr(values, stages=[3])
    assert chart.dispersion is not None
    np.testing.assert_array_equal(chart.dispersion.statistics, [np.nan, 1, 2, np.nan, 3, 2])
    assert [stage.sigma for stage in chart.stages] == pytest.approx(
        [1.5 / constants.d2(2), 2.5 / constants.d2(2)]
    )
    wild = charts.imr([1.0, 2.0, 90.0, 4.0, 5.0], exclude={2: "spike"})
    assert wild.sigma == pytest.approx(1.0 / constants.d2(2))
    assert wild.center == 3.0
    assert 2 in wild.flagged
    with pytest.raises(TooFewPoints, match="moving ranges"):
        charts.imr([1.0, 2.0, 3.0, 4.0, 5.0], exclude=[1, 3])


@pytest.mark.parametrize("estimator", ["mr", "median_mr", "mssd", "sd", "sd_unbiased"])
def test_individuals_by_the_named_estimator(estimator: Any) -> None:
    from assay.stats import sigma

    known = {**sigma.SUCCESSIVE, **sigma.OVERALL}[estimator](VALUES)
    assert charts.imr(VALUES, estimator=estimator).sigma == pytest.approx(known, rel=1e-14)
    # With a gap nothing changes but the moving ranges across it.
    gap = charts.imr(np.insert(VALUES, 70, 99.0), estimator=estimator, exclude=[70])
    if estimator in sigma.OVERALL:
        assert gap.sigma == pytest.approx(known, rel=1e-14)
    else:
        assert gap.sigma == pytest.approx(known, rel=0.02)


def test_a_longer_span() -> None:
    chart = charts.imr([1.0, 4.0, 2.0, 8.0], span=3)
    assert chart.dispersion is not None
    np.testing.assert_array_equal(chart.dispersion.statistics, [np.nan, np.nan, 3, 6])
    assert chart.sigma == pytest.approx(4.5 / constants.d2(3))
    with pytest.raises(OutOfRange, match="span"):
        charts.imr([1.0, 2.0], span=1)
    with pytest.raises(TooFewPoints):
        charts.imr([1.0, 2.0], span=3)


def test_between_and_within_are_told_apart() -> None:
    batches = np.linspace(-1, 1, 30)[np.random.default_rng(1).permutation(30)]
    rows = ROWS + batches[:, None]
    chart = charts.imr_rs(rows)
    means, ranges, within = chart, *chart.companions
    assert [one.kind for one in (means, ranges, within)] == ["individuals", "moving_range", "range"]
    assert means.sigma == charts.imr(rows.mean(axis=1)).sigma
    assert within.sigma == pytest.approx(charts.xbar_r(ROWS).sigma, rel=1e-12)
    assert charts.imr_rs(rows, within="s").companions[1].kind == "deviation"
    # An X̄-R chart takes the batches for signals; this one does not.
    assert len(charts.xbar_r(rows).violations["nelson1"]) > 10
    assert means.violations["nelson1"] == []
    frozen = charts.imr_rs(rows[:4], center=means.center, sigma=means.sigma, sigma_within=within.sigma)
    assert frozen.limits == means.limits
    assert frozen.companions[1].limits == within.limits


def test_rows_may_differ_in_length() -> None:
    chart = charts.xbar_r([[1.0, 2.0, 3.0], [4.0, 6.0], (5, 5, 8)])
    same = charts.xbar_r([1, 2, 3, 4, 6, 5, 5, 8], ["a", "a", "a", "b", "b", "c", "c", "c"])
    np.testing.assert_array_equal(chart.limits.ucl, same.limits.ucl)
    assert chart.labels is None
    with pytest.raises(SingletonSubgroups, match="subgroup 1"):
        charts.xbar_r([[1.0, 2.0], [3.0]])
    with pytest.raises(NotNumeric):
        charts.xbar_r([[1.0, 2.0], ["x", 3.0, 4.0]])


def test_frozen_limits_judge_a_single_value() -> None:
    chart = charts.imr([5.0], center=1.0, sigma=1.0)
    assert chart.violations["nelson1"] == [0]
    assert chart.live().add(2.0).companions[0].statistic == 3.0
    assert charts.imr_rs([[5.0, 6.0]], center=1.0, sigma=1.0, sigma_within=1.0).violations["nelson1"] == [0]
    with pytest.raises(TooFewPoints):
        charts.imr([5.0], center=1.0)


def test_a_chart_says_how_it_was_computed() -> None:
    chart = charts.xbar_r(ROWS, constants="tabled", phase1=(0, 20), exclude={2: "spill"})
    assert "d2 = 2.326" in chart.formula
    assert chart.constants == "tabled"
    assert chart.in_control == (not chart.flagged and not chart.companions[0].flagged)
    note = chart.plot().note
    assert note is not None
    assert "19 of 30" in note.en
    assert "30 个子组" in note.zh
