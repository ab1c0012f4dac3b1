"""EWMA, moving-average and CUSUM charts against their definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.stats import charts
from assay.stats.charts.chart import at
from assay.stats.errors import (
    ConstantData,
    NotACount,
    NotFinite,
    NotNumeric,
    NotPositive,
    OutOfRange,
    SingletonSubgroups,
    SplitSubgroup,
    TooFewPoints,
    UnequalSubgroups,
    UnknownOption,
)

VALUES = st.lists(st.floats(-50, 50).map(lambda value: round(value, 3)), min_size=3, max_size=40, unique=True)
WEIGHTS = st.sampled_from([0.05, 0.1, 0.2, 0.4, 1.0])
SIZES = [2, 3, 5, 2, 4, 9, 3]


def unequal() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    return rng.normal(10, 1, sum(SIZES)), np.repeat(np.arange(len(SIZES)), SIZES)


# -- EWMA ----------------------------------------------------------------------------------------------------


@given(VALUES, WEIGHTS)
def test_an_ewma_is_a_weighted_mean_of_all_values_and_the_start(values: list[float], lam: float) -> None:
    chart = charts.ewma(values, lam=lam, start=7.0, center=0, sigma=1)
    for index in range(len(values)):
        weights = lam * (1 - lam) ** np.arange(index + 1)
        expected = weights @ np.array(values[index::-1]) + (1 - lam) ** (index + 1) * 7.0
        assert chart.statistics[index] == pytest.approx(expected, abs=1e-9)


def test_ewma_limits_follow_the_variance_at_the_actual_sizes() -> None:
    values, labels = unequal()
    chart = charts.ewma(values, labels, lam=0.3, center=10, sigma=2)
    for index in range(len(SIZES)):
        weights = 0.3 * 0.7 ** np.arange(index, -1, -1)
        variance = 4 * (weights**2 / np.array(SIZES[: index + 1])).sum()
        assert at(chart.limits.ucl, index) == pytest.approx(10 + 3 * math.sqrt(variance), rel=1e-12)


def test_the_three_kinds_of_ewma_limits() -> None:
    values = np.random.default_rng(1).normal(size=400)
    exact, own, final = (
        charts.ewma(values, lam=0.2, limits=limits, center=0, sigma=1)
        for limits in ("exact", "own_size", "asymptotic")
    )
    np.testing.assert_allclose(exact.limits.ucl, own.limits.ucl, rtol=1e-12)
    assert final.limits.ucl == pytest.approx(3 * math.sqrt(0.2 / 1.8), rel=1e-14)
    assert at(exact.limits.ucl, 0) == pytest.approx(0.6)
    assert at(exact.limits.ucl, 399) == pytest.approx(final.limits.ucl, rel=1e-12)
    unlike, labels = unequal()
    first, second = (charts.ewma(unlike, labels, limits=limits) for limits in ("exact", "own_size"))
    assert at(first.limits.ucl, 1) != pytest.approx(at(second.limits.ucl, 1), rel=1e-3)


def test_an_ewma_that_forgets_everything_is_a_shewhart_chart() -> None:
    values, labels = unequal()
    ewma, shewhart = charts.ewma(values, labels, lam=1.0), charts.xbar_r(values, labels)
    np.testing.assert_allclose(ewma.statistics, shewhart.statistics, rtol=1e-14)
    np.testing.assert_allclose(ewma.limits.ucl, shewhart.limits.ucl, rtol=1e-14)


def test_l_is_the_width() -> None:
    values = [1.0, 2.0, 4.0, 3.0]
    assert (
        charts.ewma(values, L=2.7).limits.ucl.tolist() == charts.ewma(values, width=2.7).limits.ucl.tolist()
    )


def test_a_small_shift_is_found_and_only_points_beyond_limits_are_flagged() -> None:
    values = np.r_[np.tile([9.5, 10.5], 10), np.full(12, 11.0)]
    chart = charts.ewma(values, lam=0.1, L=2.7, center=10, sigma=1)
    lower, upper = chart.limits
    beyond = np.flatnonzero((chart.statistics > upper) | (chart.statistics < lower)).tolist()
    assert chart.violations == {"nelson1": beyond}
    assert beyond
    assert beyond[0] > 20


@given(VALUES, st.integers(2, 12))
def test_a_stage_begins_at_its_own_centre(values: list[float], start: int) -> None:
    if not 2 <= start <= len(values) - 2:
        return
    chart = charts.ewma(values, stages=[start], sigma=1, lam=0.2)
    center = np.mean(values[start:])
    assert chart.statistics[start] == pytest.approx(0.2 * values[start] + 0.8 * center, abs=1e-9)
    assert at(chart.limits.ucl, start) == pytest.approx(center + 0.6, abs=1e-9)


# -- moving average ------------------------------------------------------------------------------------------


@given(VALUES, st.integers(1, 8))
def test_a_moving_average_is_the_mean_of_the_last_values(values: list[float], span: int) -> None:
    chart = charts.moving_average(values, span=span, center=0, sigma=1)
    for index in range(len(values)):
        window = values[max(0, index + 1 - span) : index + 1]
        assert chart.statistics[index] == pytest.approx(np.mean(window), abs=1e-9)
        assert at(chart.limits.ucl, index) == pytest.approx(3 / math.sqrt(len(window)))


def test_moving_average_limits_follow_the_actual_sizes() -> None:
    values, labels = unequal()
    chart = charts.moving_average(values, labels, span=3, center=10, sigma=2)
    variance = 4 / 9 * (1 / 2 + 1 / 4 + 1 / 9)
    assert at(chart.limits.lcl, 5) == pytest.approx(10 - 3 * math.sqrt(variance), rel=1e-12)


# -- CUSUM ---------------------------------------------------------------------------------------------------


def by_definition(deviations: list[float], k: float, head: float) -> tuple[list[float], list[float]]:
    upper, lower, above, below = [], [], head, head
    for apart in deviations:
        above, below = max(0.0, above + apart - k), max(0.0, below - apart - k)
        upper.append(above)
        lower.append(-below)
    return upper, lower


@given(VALUES, st.sampled_from([0.25, 0.5, 1.0]), st.sampled_from([0.0, 0.5]))
def test_cusums_by_their_definition(values: list[float], k: float, fir: float) -> None:
    chart = charts.cusum(values, k=k, h=4, fir=fir, target=1.0, sigma=5.0)
    upper, lower = by_definition([(value - 1.0) / 5.0 for value in values], k, fir * 4)
    np.testing.assert_allclose(chart.upper, upper, atol=1e-9)
    np.testing.assert_allclose(chart.lower, lower, atol=1e-9)
    beyond = [i for i in range(len(values)) if chart.upper[i] > 4 or chart.lower[i] < -4]
    assert list(chart.flagged) == beyond


def test_fir_as_a_switch_is_the_usual_head_start() -> None:
    values = [1.0, 2.0, 0.5, 3.0]
    assert charts.cusum(values, fir=True).upper.tolist() == charts.cusum(values, fir=0.5).upper.tolist()
    assert charts.cusum(values, fir=True).fir == 0.5
    assert charts.cusum(values, fir=False).fir == 0.0


@given(VALUES)
def test_turned_values_swap_the_sides(values: list[float]) -> None:
    chart = charts.cusum(values, target=0, sigma=3)
    turned = charts.cusum([-value for value in values], target=0, sigma=3)
    np.testing.assert_array_equal(chart.upper, -turned.lower)
    assert [(shift.index, shift.start) for shift in chart.shifts if shift.side == "upper"] == [
        (shift.index, shift.start) for shift in turned.shifts if shift.side == "lower"
    ]


@given(VALUES, st.sampled_from([0.0, 0.5]))
def test_the_estimated_mean_is_montgomerys(values: list[float], fir: float) -> None:
    chart = charts.cusum(values, target=0, sigma=3, fir=fir)
    for shift in chart.shifts:
        sign, sums = (1, chart.upper) if shift.side == "upper" else (-1, chart.lower)
        count = shift.index - shift.start + 1
        periods = chart.upper_periods if shift.side == "upper" else chart.lower_periods
        assert periods[shift.index] == count
        began = fir * 5 if shift.start == 0 else 0.0
        estimate = sign * 3 * (0.5 + (abs(sums[shift.index]) - began) / count)
        assert shift.mean == pytest.approx(estimate, abs=1e-9)


def test_each_excursion_is_one_shift() -> None:
    values = [0, 0, 3, 3, 3, 3, -9, 0, 3, 3, 3, 3]
    chart = charts.cusum(values, target=0, sigma=1, h=4, sided="upper")
    assert [(shift.index, shift.start) for shift in chart.shifts] == [(3, 2), (9, 8)]
    assert chart.lower is None
    assert chart.companions == ()
    assert chart.limits == (-math.inf, 4.0)


def test_a_lower_chart_plots_the_lower_cusum() -> None:
    chart = charts.cusum([0, -3, -3, -3], target=0, sigma=1, h=4, sided="lower")
    assert chart.statistics.tolist() == [0.0, -2.5, -5.0, -7.5]
    assert chart.violations == {"nelson1": [2, 3]}
    assert chart.live().add(0.0).statistic == -7.0


def test_reset_starts_both_cusums_with_the_head_start_again() -> None:
    values = [3.0, 3.0, 3.0, 0.0, 0.0]
    chart = charts.cusum(values, target=0, sigma=1, h=4, fir=0.5, reset=True)
    assert chart.upper.tolist() == [4.5, 4.5, 4.5, 1.5, 1.0]
    assert chart.flagged == (0, 1, 2)
    assert chart.lower.tolist() == [0.0, 0.0, 0.0, -1.5, -1.0]


def test_sizes_enter_the_standard_error() -> None:
    values, labels = unequal()
    chart = charts.cusum(values, labels, target=9.0, sigma=2.0)
    first = (values[:2].mean() - 9.0) / (2.0 / math.sqrt(2))
    assert chart.upper[0] == pytest.approx(max(0, first - 0.5))


def test_the_target_is_the_mean_where_none_is_given() -> None:
    values = [1.0, 2.0, 4.0, 3.0]
    chart = charts.cusum(values)
    assert chart.target == 2.5
    assert chart.center == 0.0
    assert charts.cusum(values, center=2.0).target == 2.0


def test_stages_have_targets_of_their_own() -> None:
    chart = charts.cusum([1.0, 2.0, 3.0, 11.0, 12.0, 13.0], stages=["a", "a", "a", "b", "b", "b"])
    assert chart.target.tolist() == [2.0] * 3 + [12.0] * 3
    np.testing.assert_array_equal(chart.upper[:3], chart.upper[3:])


def test_rules_on_runs_have_no_meaning_on_a_cusum() -> None:
    assert charts.cusum([1.0, 2.0, 4.0], rules="western_electric").rules == ("we1",)


def test_an_excluded_point_moves_no_target() -> None:
    values = [1.0, 2.0, 3.0, 100.0, 2.0, 1.0]
    chart = charts.cusum(values, exclude={3: "dropped"}, sigma=1)
    assert chart.target == pytest.approx(1.8)
    assert chart.excluded[0].reason == "dropped"


# -- live ----------------------------------------------------------------------------------------------------


@given(st.data())
def test_live_charts_of_unequal_subgroups_equal_the_batch(data: st.DataObject) -> None:
    sizes = data.draw(st.lists(st.integers(1, 12), min_size=6, max_size=14))
    values = np.random.default_rng(sum(sizes)).normal(5, 2, sum(sizes))
    labels = np.repeat(np.arange(len(sizes)), sizes)
    cut = data.draw(st.integers(1, len(sizes) - 1))
    until = sum(sizes[:cut])
    make = data.draw(st.sampled_from([charts.ewma, charts.cusum, charts.moving_average]))
    given_values = {"sigma": 2.0} | ({"target": 5.0} if make is charts.cusum else {"center": 5.0})
    batch = make(values, labels, **given_values)
    if (labels[:until] == np.arange(until)).all():
        return
    live = make(values[:until], labels[:until], **given_values).live()
    for index in range(cut, len(sizes)):
        point = live.add(values[labels == index])
        assert point.statistic == batch.statistics[index]
        assert (point.lcl, point.ucl) == (at(batch.limits.lcl, index), at(batch.limits.ucl, index))


# -- refusals ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"lam": 0.0}, OutOfRange),
        ({"lam": 1.5}, OutOfRange),
        ({"L": -1.0}, NotPositive),
        ({"limits": "wide"}, UnknownOption),
        ({"estimator": "rbar"}, UnknownOption),
        ({"start": math.nan}, NotFinite),
        ({"sigma": 0.0}, NotPositive),
    ],
)
def test_an_ewma_refuses_wrong_options(options: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error):
        charts.ewma([1.0, 2.0, 3.0], **options)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"h": 0}, NotPositive),
        ({"k": -0.5}, OutOfRange),
        ({"fir": 2.0}, OutOfRange),
        ({"sided": "left"}, UnknownOption),
        ({"target": math.inf}, NotFinite),
    ],
)
def test_a_cusum_refuses_wrong_options(options: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error):
        charts.cusum([1.0, 2.0, 3.0], **options)


def test_a_moving_average_refuses_wrong_spans() -> None:
    with pytest.raises(OutOfRange):
        charts.moving_average([1.0, 2.0], span=0)
    with pytest.raises(NotACount):
        charts.moving_average([1.0, 2.0], span=2.5)  # type: ignore[arg-type]


@pytest.mark.parametrize("make", [charts.ewma, charts.cusum, charts.moving_average])
def test_bad_data_are_refused_by_name(make: object) -> None:
    assert callable(make)
    with pytest.raises(NotFinite):
        make([1.0, math.nan, 2.0])
    with pytest.raises(NotNumeric):
        make(["a", "b"])
    with pytest.raises(ConstantData):
        make([2.0, 2.0, 2.0])
    with pytest.raises(TooFewPoints):
        make([])
    with pytest.raises(TooFewPoints):
        make([1.0])
    with pytest.raises(UnequalSubgroups):
        make([1.0, 2.0, 3.0], 2)
    with pytest.raises(SplitSubgroup):
        make([1.0, 2.0, 3.0], ["a", "b", "a"])
    with pytest.raises(SingletonSubgroups):
        make([1.0, 2.0, 3.0], ["a", "b", "b"])


@pytest.mark.parametrize("make", [charts.ewma, charts.cusum, charts.moving_average])
def test_a_live_chart_refuses_what_is_no_value(make: object) -> None:
    assert callable(make)
    live = make([1.0, 2.0, 4.0]).live()
    with pytest.raises(NotFinite):
        live.add(math.nan)
    assert live.add(2.0).index == 3
    with pytest.raises(TooFewPoints):
        make([1.0, 2.0, 4.0, 5.0], 2).live().add([])
