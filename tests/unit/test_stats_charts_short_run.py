"""Short-run charts: each part on its own scale, in the conventions that are named."""

from __future__ import annotations

import math

import numpy as np
import pytest

from assay.stats import charts
from assay.stats.charts.chart import at
from assay.stats.charts.errors import MissingPart, MixedSubgroup, UnknownPart
from assay.stats.constants import d2
from assay.stats.errors import (
    ConstantData,
    CountAboveSize,
    NotPositive,
    OutOfRange,
    TooFewPoints,
    UnequalSubgroups,
    UnknownOption,
    WrongShape,
)

PART = ["a", "a", "a", "b", "b", "b", "a", "a", "b", "b"]
VALUES = [10.0, 12.0, 11.0, 50.0, 54.0, 52.0, 13.0, 9.0, 55.0, 51.0]
D2 = 2 / math.sqrt(math.pi)


def scales(chart: charts.ShortRunChart) -> list[float]:
    return [part.scale for part in chart.estimates]


# -- Z-MR ----------------------------------------------------------------------------------------------------


def test_by_parts_takes_a_parts_values_in_their_order() -> None:
    chart = charts.z_mr(VALUES, PART)
    a, b = [10, 12, 11, 13, 9], [50, 54, 52, 55, 51]
    expected = [np.abs(np.diff(values)).mean() / D2 for values in (a, b)]
    assert scales(chart) == pytest.approx(expected, rel=1e-12)
    assert chart.statistics[3] == pytest.approx((50 - np.mean(b)) / expected[1], rel=1e-12)
    assert [(part.part, part.center, part.count) for part in chart.estimates] == [
        ("a", 11.0, 5),
        ("b", pytest.approx(52.4), 5),
    ]


def test_without_changeovers_only_ranges_within_runs_count() -> None:
    chart = charts.z_mr(VALUES, PART, changeovers=False)
    assert scales(chart) == pytest.approx(
        [np.mean([2, 1, 4]) / D2, np.mean([4, 2, 4]) / D2],
        rel=1e-12,
    )


def test_by_runs_each_run_has_its_sigma_and_the_parts_mean() -> None:
    chart = charts.z_mr(VALUES, PART, pooling="runs")
    assert scales(chart) == pytest.approx([1.5 / D2, 3 / D2, 4 / D2, 4 / D2], rel=1e-12)
    assert [part.center for part in chart.estimates] == pytest.approx([11, 52.4, 11, 52.4])
    live = chart.live()
    assert live.add((52.4, "b")).statistic == pytest.approx(0)
    with pytest.raises(UnknownPart):
        live.add((11.0, "a"))


def test_constant_pools_what_is_left_when_each_parts_mean_is_taken_off() -> None:
    chart = charts.z_mr(VALUES, PART, pooling="constant")
    apart = np.array(VALUES) - np.where(np.array(PART) == "a", 11.0, 52.4)
    assert scales(chart) == pytest.approx([np.abs(np.diff(apart)).mean() / D2] * 2, rel=1e-12)


def test_relative_pools_logarithms() -> None:
    chart = charts.z_mr(VALUES, PART, pooling="relative")
    logs = np.log(VALUES)
    means = {part: logs[np.array(PART) == part].mean() for part in "ab"}
    apart = logs - [means[part] for part in PART]
    assert chart.statistics[4] == pytest.approx(apart[4] / (np.abs(np.diff(apart)).mean() / D2), rel=1e-12)
    with pytest.raises(NotPositive):
        charts.z_mr([1.0, 0.0, 2.0], ["a"] * 3, pooling="relative")
    with pytest.raises(NotPositive):
        chart.live().add((-1.0, "a"))


def test_the_median_moving_range_and_longer_spans() -> None:
    chart = charts.z_mr(VALUES, PART, estimator="median_mr")
    assert scales(chart)[0] == pytest.approx(2.0 / 0.953872, rel=1e-5)
    chart = charts.z_mr(VALUES, PART, span=3)
    assert scales(chart)[0] == pytest.approx(np.mean([2, 2, 4]) / d2(3), rel=1e-12)
    assert np.isnan(chart.companions[0].statistics[:2]).all()


def test_limits_are_those_of_standard_values_and_ranges_go_on_across_parts() -> None:
    chart = charts.z_mr(VALUES, PART)
    assert chart.limits == (-3.0, 3.0)
    ranges = chart.companions[0]
    np.testing.assert_allclose(ranges.statistics[1:], np.abs(np.diff(chart.statistics)))
    assert ranges.center == pytest.approx(D2)
    assert ranges.limits.ucl == pytest.approx(3.6859, abs=1e-4)


def test_historical_values_by_part() -> None:
    chart = charts.z_mr([10.0, 21.0], ["a", "b"], centers={"a": 10, "b": 20}, sigmas={"a": 1, "b": 2})
    assert chart.statistics.tolist() == [0.0, 0.5]
    assert [part.count for part in chart.estimates] == [0, 0]
    half = charts.z_mr(VALUES, PART, sigmas={"a": 1.0, "b": 2.0})
    assert half.statistics[0] == -1.0


def test_phase_one_and_exclusions_decide_what_is_estimated_from() -> None:
    chart = charts.z_mr(VALUES, PART, phase1=(0, 6), exclude={1: "chip"})
    assert [part.center for part in chart.estimates] == [10.5, 52.0]
    assert chart.phase1 is not None
    assert chart.phase1.tolist() == [True] * 6 + [False] * 4
    assert chart.excluded[0].reason == "chip"
    with pytest.raises(UnknownPart, match="b"):
        charts.z_mr(VALUES, PART, phase1=(0, 3))


def test_run_rules_go_on_across_a_change_of_part_and_restart_at_stages() -> None:
    values = [1.0] * 5 + [21.0] * 5
    part = ["a"] * 5 + ["b"] * 5
    given = {"centers": {"a": 0, "b": 20}, "sigmas": {"a": 2, "b": 2}}
    assert charts.z_mr(values, part, **given).violations["nelson2"] == [8, 9]
    assert charts.z_mr(values, part, stages=[5], **given).violations["nelson2"] == []


def test_z_mr_refuses_by_name() -> None:
    with pytest.raises(WrongShape):
        charts.z_mr(VALUES, PART[:-1])
    with pytest.raises(MissingPart, match="1"):
        charts.z_mr([1.0, 2.0, 3.0], ["a", None, "a"])
    with pytest.raises(MissingPart, match="2"):
        charts.target([1.0, 2.0, 3.0], np.array(["a", "a", math.nan], dtype=object))
    with pytest.raises(ConstantData, match="b"):
        charts.z_mr([1.0, 2.0, 5.0, 5.0], ["a", "a", "b", "b"])
    with pytest.raises(TooFewPoints):
        charts.z_mr([1.0, 2.0, 5.0], ["a", "a", "b"])
    with pytest.raises(UnknownOption):
        charts.z_mr(VALUES, PART, pooling="all")  # type: ignore[arg-type]
    with pytest.raises(OutOfRange):
        charts.z_mr(VALUES, PART, span=1)
    live = charts.z_mr(VALUES, PART).live()
    with pytest.raises(UnknownPart, match="c"):
        live.add((1.0, "c"))
    with pytest.raises(WrongShape):
        live.add(1.0)


# -- target and standardised ---------------------------------------------------------------------------------

ROWS = [[10.0, 12.0], [11.0, 12.0], [50.0, 53.0], [52.0, 51.0], [12.0, 9.0], [51.0, 55.0]]
OF_ROWS = ["a", "a", "b", "b", "a", "b"]


def test_a_target_chart_is_the_shewhart_chart_of_deviations() -> None:
    nominal = {"a": 10.0, "b": 50.0}
    apart = np.array(VALUES) - [nominal[part] for part in PART]
    chart, plain = charts.target(VALUES, PART, nominal=nominal), charts.imr(apart)
    np.testing.assert_array_equal(chart.statistics, plain.statistics)
    assert (chart.center, chart.limits, chart.violations) == (plain.center, plain.limits, plain.violations)
    of_rows = np.array(ROWS) - np.array([nominal[part] for part in OF_ROWS])[:, None]
    chart, plain = charts.target(ROWS, OF_ROWS, nominal=nominal), charts.xbar_r(of_rows)
    np.testing.assert_array_equal(chart.statistics, plain.statistics)
    assert chart.limits == plain.limits
    chart = charts.target(ROWS, OF_ROWS, nominal=nominal, within="s")
    assert chart.companions[0].kind == "deviation"


def test_a_part_may_be_named_per_value_and_may_not_change_within_a_subgroup() -> None:
    flat = np.ravel(ROWS)
    per_value = np.repeat(OF_ROWS, 2)
    one = charts.target(flat, per_value, 2)
    np.testing.assert_array_equal(one.statistics, charts.target(ROWS, OF_ROWS).statistics)
    per_value[3] = "b"
    with pytest.raises(MixedSubgroup, match="1"):
        charts.target(flat, per_value, 2)


def test_without_nominals_the_parts_mean_is_taken() -> None:
    chart = charts.target(ROWS, OF_ROWS)
    assert [part.center for part in chart.estimates] == [11.0, 52.0]
    assert chart.center == pytest.approx(0.0, abs=1e-12)


def test_standardised_by_its_definition() -> None:
    chart = charts.standardised(ROWS, OF_ROWS)
    assert [(part.center, part.scale) for part in chart.estimates] == [(11.0, 2.0), (52.0, 8 / 3)]
    assert chart.statistics.tolist() == pytest.approx([0.0, 0.25, -0.1875, -0.1875, -0.25, 0.375])
    assert chart.limits.ucl == pytest.approx(3 / (D2 * math.sqrt(2)))
    ranges = chart.companions[0]
    assert ranges.statistics.tolist() == pytest.approx([1.0, 0.5, 1.125, 0.375, 1.5, 1.5])
    assert ranges.center == pytest.approx(1.0)
    assert ranges.limits.ucl == pytest.approx(3.2665, abs=1e-4)


def test_standardised_with_targets_from_elsewhere() -> None:
    chart = charts.standardised(ROWS[:2], ["a", "a"], targets={"a": 10}, ranges={"a": 4})
    assert chart.statistics.tolist() == [0.25, 0.375]
    assert chart.estimates[0].count == 0


def test_standardised_refuses_by_name() -> None:
    with pytest.raises(UnequalSubgroups):
        charts.standardised([1.0, 2.0, 3.0, 4.0, 5.0], ["a"] * 5, [1, 1, 2, 2, 2])
    with pytest.raises(ConstantData, match="a"):
        charts.standardised([[1.0, 1.0], [2.0, 2.0]], ["a", "a"])
    with pytest.raises(NotPositive):
        charts.standardised(ROWS, OF_ROWS, ranges={"a": 0.0})


# -- counts --------------------------------------------------------------------------------------------------


def test_standardised_counts_by_their_definition() -> None:
    counts, sizes, part = [4, 6, 9, 12], [100, 50, 100, 200], ["a", "a", "b", "b"]
    p, u = charts.standardised_p(counts, sizes, part), charts.standardised_u(counts, sizes, part)
    share = 10 / 150
    assert p.statistics[1] == pytest.approx((6 / 50 - share) / math.sqrt(share * (1 - share) / 50))
    assert u.statistics[1] == pytest.approx((6 / 50 - share) / math.sqrt(share / 50))
    assert p.limits == u.limits == (-3.0, 3.0)
    assert p.rules == ("nelson1", "nelson2", "nelson3", "nelson4")
    assert p.live().add((6, 50, "a")).statistic == p.statistics[1]


def test_usual_shares_may_be_given() -> None:
    chart = charts.standardised_p([5], 100, ["a"], proportions={"a": 0.05})
    assert chart.statistics.tolist() == [0.0]
    assert chart.estimator == "given"
    rate = charts.standardised_u([5], 1, ["a"], rates={"a": 4.0})
    assert rate.statistics[0] == pytest.approx(0.5)


def test_counts_that_cannot_be_are_refused() -> None:
    with pytest.raises(CountAboveSize):
        charts.standardised_p([5, 12], 10, ["a", "a"])
    with pytest.raises(ConstantData):
        charts.standardised_p([0, 0], 10, ["a", "a"])
    with pytest.raises(OutOfRange):
        charts.standardised_p([1], 10, ["a"], proportions={"a": 1.5})
    live = charts.standardised_p([1, 2], 10, ["a", "a"]).live()
    with pytest.raises(CountAboveSize):
        live.add((11, 10, "a"))
    with pytest.raises(UnknownPart):
        live.add((1, 10, "b"))


def test_a_change_of_part_is_marked_in_the_picture() -> None:
    plot = charts.z_mr(VALUES, PART).plot()
    marks = [layer for layer in plot.panels[0].layers if layer.kind == "upright"]
    assert [(mark.x, mark.label) for mark in marks] == [(0.5, "a"), (3.5, "b"), (6.5, "a"), (8.5, "b")]


def test_every_pooling_goes_on_live() -> None:
    for pooling in ("parts", "constant", "relative"):
        batch = charts.z_mr(VALUES, PART, pooling=pooling, phase1=(0, 8))
        live = charts.z_mr(VALUES[:8], PART[:8], pooling=pooling).live()
        for index in (8, 9):
            point = live.add((VALUES[index], PART[index]))
            assert point.statistic == batch.statistics[index]
            assert point.companions[0].statistic == batch.companions[0].statistics[index]
            assert point.ucl == at(batch.limits.ucl, index)
