"""Charts of counts and of rare events: what they take, refuse, estimate and flag."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from assay.stats import charts
from assay.stats.errors import (
    ConstantData,
    CountAboveSize,
    NegativeCount,
    NotACount,
    NotPositive,
    OutOfRange,
    TooFewPoints,
    UnequalSubgroups,
    UnknownOption,
    WrongShape,
)

RNG = np.random.default_rng(11)
SIZES = RNG.integers(60, 140, 40).astype(float)
DEFECTIVES = RNG.binomial(SIZES.astype(int), 0.1).astype(float)
TIMES = RNG.exponential(50.0, 40).round(2)
OF_SIZES = [charts.p, charts.np, charts.u, charts.laney_p, charts.laney_u]


@pytest.mark.parametrize("make", OF_SIZES)
def test_counts_and_sizes_that_make_no_sense_are_refused(make: Any) -> None:
    with pytest.raises(NegativeCount, match="-1"):
        make([1, -1, 3], 50)
    with pytest.raises(NotACount, match=r"2\.5"):
        make([1, 2.5, 3], 50)
    with pytest.raises(NotPositive, match="sizes"):
        make([1, 2, 3], [50, 0, 50])
    with pytest.raises(WrongShape, match="sizes"):
        make([1, 2, 3], [50, 50])
    with pytest.raises(ConstantData, match=r"0\.0"):
        make([0, 0, 0], 50)
    with pytest.raises(UnknownOption, match="sigma"):
        make([1, 2, 3], 50, sigma=1.0)


@pytest.mark.parametrize("make", [charts.p, charts.np, charts.laney_p])
def test_defectives_are_some_of_whole_items(make: Any) -> None:
    with pytest.raises(CountAboveSize, match="51"):
        make([1, 51, 3], 50)
    with pytest.raises(NotACount, match="sizes"):
        make([1, 2, 3], [50, 50.5, 50])
    with pytest.raises(ConstantData):
        make([50, 50], 50)
    with pytest.raises(OutOfRange, match="center"):
        make([1, 2], 50, center=50.0 if make is charts.np else 1.0)


def test_areas_of_opportunity_need_not_be_whole() -> None:
    chart = charts.u([3, 5, 9], [0.5, 1.0, 2.5])
    np.testing.assert_allclose(chart.statistics, [6, 5, 3.6])
    assert chart.center == pytest.approx(17 / 4)


def test_limits_stop_at_what_is_possible_and_zones_do_not() -> None:
    chart = charts.p([1, 3, 0, 2, 1], 50, rules="western_electric")
    error = math.sqrt(chart.center * (1 - chart.center) / 50)
    assert chart.limits.lcl == 0.0
    assert chart.limits.ucl == pytest.approx(chart.center + 3 * error)
    assert chart.zone == pytest.approx(error)
    high = charts.p([49, 47, 50, 48, 49], 50)
    assert high.limits.ucl == 1.0
    assert high.limits.lcl == pytest.approx(2 * high.center - (1 + 3 * error + high.center - 1), abs=1e-9)
    numbers = charts.np([49, 47, 50, 48, 49], 50)
    assert numbers.limits.ucl == 50.0
    assert charts.c([1, 0, 2]).limits.lcl == 0.0
    assert charts.u([1, 0, 2], [1, 2, 1]).limits.lcl.tolist() == [0, 0, 0]  # type: ignore[union-attr]


def test_all_items_defective_is_told_as_a_share_because_sizes_differ() -> None:
    with pytest.raises(ConstantData) as caught:
        charts.p([10, 20], [10, 20])
    assert caught.value.values == {"name": "counts/sizes", "count": 2, "value": 1.0}


def test_np_is_p_times_the_size() -> None:
    shares, numbers = charts.p(DEFECTIVES, SIZES), charts.np(DEFECTIVES, SIZES)
    np.testing.assert_allclose(numbers.statistics, shares.statistics * SIZES)
    np.testing.assert_allclose(numbers.center, shares.center * SIZES)
    np.testing.assert_allclose(numbers.limits.ucl, shares.limits.ucl * SIZES)


def test_the_historical_center_is_the_centre_line() -> None:
    assert charts.np([3, 4, 5], 50, center=4.0).center == 4.0
    assert charts.p([3, 4, 5], 50, center=0.08).limits.ucl == pytest.approx(
        0.08 + 3 * math.sqrt(0.08 * 0.92 / 50)
    )
    with pytest.raises(UnequalSubgroups):
        charts.np([3, 4, 5], [50, 60, 50], center=4.0)
    assert charts.c([9, 9, 9], center=4.0).limits.ucl == 10.0


@given(st.integers(1, 199), st.integers(200, 1_000), st.integers(9, 40))
def test_equal_counts_lie_on_the_centre_to_the_last_bit(count: int, size: int, many: int) -> None:
    counts = [count] * many
    for chart in (charts.p(counts, size), charts.np(counts, size), charts.u(counts, size), charts.c(counts)):
        assert chart.flagged == ()


def test_laney_widens_limits_by_how_much_samples_differ() -> None:
    plain, laney = charts.p(DEFECTIVES, SIZES), charts.laney_p(DEFECTIVES, SIZES)
    assert laney.overdispersion == pytest.approx(1.0, abs=0.3)
    same = charts.laney_p(DEFECTIVES, SIZES, overdispersion=1.0)
    np.testing.assert_array_equal(same.limits.ucl, plain.limits.ucl)
    # Ten times the counts among ten times the items have the same shares, but should scatter less.
    more = charts.laney_p(DEFECTIVES * 10, SIZES * 10)
    assert more.overdispersion == pytest.approx(laney.overdispersion * math.sqrt(10), rel=1e-9)
    np.testing.assert_allclose(more.limits.ucl, laney.limits.ucl, rtol=1e-9)
    with pytest.raises(ConstantData, match="z"):
        charts.laney_p([5, 5, 5], 50)
    with pytest.raises(TooFewPoints, match="laney"):
        charts.laney_p([5, 6, 7], 50, exclude=[1])
    with pytest.raises(NotPositive, match="overdispersion"):
        charts.laney_u([5, 6, 7], 50, overdispersion=0)


def test_each_stage_of_a_laney_chart_has_its_own_scatter() -> None:
    chart = charts.laney_u(DEFECTIVES, SIZES, stages=[20])
    assert isinstance(chart.overdispersion, np.ndarray)
    assert chart.overdispersion[0] == charts.laney_u(DEFECTIVES[:20], SIZES[:20]).overdispersion
    assert chart.overdispersion[-1] == charts.laney_u(DEFECTIVES[20:], SIZES[20:]).overdispersion


def test_charts_of_counts_look_at_four_rules_unless_told() -> None:
    for chart in (charts.c(DEFECTIVES), charts.p(DEFECTIVES, SIZES), charts.g(DEFECTIVES), charts.t(TIMES)):
        assert chart.rules == ("nelson1", "nelson2", "nelson3", "nelson4")
    assert charts.c(DEFECTIVES, rules="western_electric").rules == ("we1", "we2", "we3", "we4")


# -- rare events ---------------------------------------------------------------------------------------------


def test_g_by_standard_deviations() -> None:
    chart = charts.g([3, 0, 8, 1])
    assert chart.center == 3.0
    assert chart.sigma == pytest.approx(math.sqrt(12))
    assert chart.limits == pytest.approx((0, 3 + 3 * math.sqrt(12)))
    shifted = charts.g([4, 1, 9, 2], variance="shifted")
    assert shifted.center == 4.0
    assert shifted.sigma == chart.sigma
    assert shifted.limits == pytest.approx((0, 4 + 3 * math.sqrt(12)))
    zeros = [4, 0, 9, 0, 7]
    alone = charts.g(zeros, variance="shifted", rules="nelson1")
    assert alone.violations["nelson1"] == charts.g(zeros, variance="shifted").violations["nelson1"] == []
    assert charts.g([4, 1, 9, 2], constants="tabled").sigma == shifted.sigma
    with pytest.raises(ConstantData):
        charts.g([1, 1, 1], variance="shifted")
    with pytest.raises(OutOfRange, match=r"mean is 0\.75"):
        charts.g([0, 1, 2, 0], variance="shifted")
    with pytest.raises(OutOfRange, match="center"):
        charts.g([1, 2], center=0.0)


@given(st.floats(0.02, 5_000), st.sampled_from([1.0, 2.0, 3.0]))
def test_g_by_probability_never_alarms_more_often_than_asked(mean: float, width: float) -> None:
    chart = charts.g([1, 2], center=mean, limits="probability", width=width)
    cases, tail = stats.geom(1 / (mean + 1), loc=-1), stats.norm.sf(width)
    lcl, ucl = chart.limits
    assert cases.sf(ucl) <= tail * (1 + 1e-9)
    assert ucl == 0 or cases.sf(ucl - 1) > tail * (1 - 1e-9)
    assert cases.cdf(lcl - 1) <= tail * (1 + 1e-9)
    assert cases.cdf(lcl) > tail * (1 - 1e-9)
    assert chart.center == pytest.approx(cases.ppf(0.5), abs=1)


def test_a_point_on_an_asymmetric_limit_is_not_beyond_it() -> None:
    chart = charts.g([1, 2, 3], center=100.0, limits="probability")
    lcl, ucl = chart.limits
    at_limits = charts.g([ucl, ucl + 1, lcl, ucl], center=100.0, limits="probability")
    assert at_limits.violations["nelson1"] == [1]
    assert charts.g([0, 0], center=5000.0, limits="probability").violations["nelson1"] == [0, 1]


def test_t_limits_are_crossed_as_often_as_those_of_normal_values() -> None:
    for limits in ("weibull", "exponential"):
        chart = charts.t(TIMES, limits=limits)
        shape, scale = _parameters(chart)
        spread = stats.weibull_min(shape, scale=scale)
        np.testing.assert_allclose(spread.cdf([*chart.limits]), stats.norm.cdf([-3, 3]), rtol=1e-5)
        assert spread.cdf(chart.center) == pytest.approx(0.5, rel=1e-5)
        assert chart.sigma == pytest.approx(spread.std(), rel=1e-5)
    assert _parameters(charts.t(TIMES, limits="exponential")) == pytest.approx((1.0, TIMES.mean()), rel=1e-5)


def _parameters(chart: charts.ControlChart) -> tuple[float, float]:
    shape, scale = (
        part.split("=")[1].strip(" ,") for part in chart.formula.rsplit(";", maxsplit=1)[1].split(",")
    )
    return float(shape), float(scale)


@pytest.mark.parametrize("shape", [0.0131, 0.3, 1.0, 50.0, 990.0, 1010.0, 30_000.0])
def test_sigma_of_times_for_any_shape(shape: float) -> None:
    chart = charts.t([10.0, 20.0], shape=shape, scale=2.0)
    if shape < 1000:
        assert chart.sigma == pytest.approx(2 * stats.weibull_min.std(shape), rel=1e-9)
    else:  # the logarithm of such times follows an extreme value distribution of scale 1/shape
        assert chart.sigma == pytest.approx(2 * math.pi / math.sqrt(6) / shape, rel=2 / shape)


def test_times_that_hardly_differ_or_differ_by_hundreds_of_powers_have_limits() -> None:
    near = charts.t(1e9 + 0.1 * np.array(TIMES) / np.mean(TIMES))
    spread = np.log1p(0.1 * np.array(TIMES) / np.mean(TIMES) / 1e9)
    location, scale = stats.gumbel_l.fit(spread)
    assert near.sigma == pytest.approx(1e9 * scale * math.pi / math.sqrt(6), rel=1e-3)
    assert near.center - 1e9 == pytest.approx(1e9 * (location + scale * math.log(math.log(2))), rel=1e-3)
    wide = charts.t(np.exp(np.array([-700.0, -300.0, 0.0, 400.0, 700.0])))
    assert wide.limits == (0.0, math.inf)
    assert wide.sigma == math.inf
    assert 0 < wide.center < math.inf


def test_t_with_historical_parameters() -> None:
    chart = charts.t([3.0, 9.0], shape=2.0, scale=10.0)
    assert chart.center == pytest.approx(10 * math.sqrt(math.log(2)))
    assert chart.estimator == "given"
    assert charts.t(TIMES, shape=2.0).center == pytest.approx(
        math.sqrt((TIMES**2).mean()) * math.sqrt(math.log(2))
    )
    scaled = charts.t(TIMES, scale=50.0)
    loss = [-stats.weibull_min(shape, scale=50.0).logpdf(TIMES).sum() for shape in (0.99, 1.0, 1.01)]
    best = _parameters(scaled)[0]
    assert -stats.weibull_min(best, scale=50.0).logpdf(TIMES).sum() <= min(loss)
    with pytest.raises(UnknownOption, match="center"):
        charts.t(TIMES, center=3.0)


def test_t_by_nelsons_power_is_a_chart_of_individuals() -> None:
    chart, plain = charts.t(TIMES, limits="nelson"), charts.imr(TIMES ** (1 / 3.6))
    assert (chart.center, chart.limits) == (plain.center, plain.limits)
    assert chart.kind == "t"
    assert chart.dispersion is not None


def test_times_that_make_no_sense_are_refused() -> None:
    with pytest.raises(OutOfRange, match="-1"):
        charts.t([1.0, -1.0, 2.0])
    with pytest.raises(NotPositive):
        charts.t([1.0, 0.0, 2.0])
    assert charts.t([1.0, 0.0, 2.0], limits="exponential").flagged == (1,)
    with pytest.raises(ConstantData):
        charts.t([2.0, 2.0, 2.0])
    with pytest.raises(ConstantData):
        charts.t([0.0, 0.0], limits="exponential")
    with pytest.raises(TooFewPoints):
        charts.t([2.0])
