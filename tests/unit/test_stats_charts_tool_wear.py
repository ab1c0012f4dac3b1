"""Regression charts: the line, its limits, tools one after another, and when a limit is reached."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st

from assay.stats import charts
from assay.stats.charts.errors import NoRoom
from assay.stats.errors import (
    ConstantData,
    LimitsReversed,
    NotFinite,
    OutOfRange,
    TooFewPoints,
    UnknownOption,
    WrongShape,
)

USE = np.arange(20.0) * 5
VALUES = np.round(5 + 0.01 * USE + np.random.default_rng(3).normal(0, 0.05, 20), 3)


def least_squares(values: np.ndarray, use: np.ndarray) -> sm.regression.linear_model.RegressionResults:
    return sm.OLS(values, sm.add_constant(use)).fit()


def test_the_line_and_its_limits_are_those_of_least_squares() -> None:
    chart, fit = charts.regression(VALUES, USE), least_squares(VALUES, USE)
    sigma = math.sqrt(fit.mse_resid)
    line = chart.lines[0]
    assert (line.intercept, line.slope) == pytest.approx(fit.params)
    assert chart.sigma == pytest.approx(sigma)
    np.testing.assert_allclose(chart.center, fit.fittedvalues)
    np.testing.assert_allclose(chart.limits.ucl, fit.fittedvalues + 3 * sigma)
    np.testing.assert_allclose(chart.residuals, fit.resid, atol=1e-12)
    assert line.slope_interval(0.9) == pytest.approx(fit.conf_int(0.1)[1])


def test_sigma_from_moving_ranges_of_residuals() -> None:
    chart = charts.regression(VALUES, USE, estimator="mr")
    resid = least_squares(VALUES, USE).resid
    assert chart.sigma == pytest.approx(np.abs(np.diff(resid)).mean() * math.sqrt(math.pi) / 2)
    assert chart.estimator == "mr"


def test_parallel_lines_are_the_analysis_of_covariance() -> None:
    use = np.tile(USE[:10], 2)
    values = VALUES + np.repeat([0.0, 0.4], 10)
    chart = charts.regression(values, use, stages=[10], lines="parallel")
    second = np.repeat([0.0, 1.0], 10)
    fit = sm.OLS(values, np.column_stack([1 - second, second, use])).fit()
    assert [line.intercept for line in chart.lines] == pytest.approx(fit.params[:2])
    assert [line.slope for line in chart.lines] == pytest.approx([fit.params[2]] * 2)
    assert chart.sigma == pytest.approx(math.sqrt(fit.mse_resid))
    assert chart.lines[0].slope_interval() == pytest.approx(fit.conf_int()[2])


def test_own_and_common_lines_of_tools() -> None:
    use = np.tile(USE[:10], 2)
    own = charts.regression(VALUES, use, stages=[10])
    for line, part in zip(own.lines, (slice(0, 10), slice(10, 20)), strict=True):
        assert (line.intercept, line.slope) == pytest.approx(least_squares(VALUES[part], use[part]).params)
    common = charts.regression(VALUES, use, stages=[10], lines="common")
    assert common.lines[0] == common.lines[1]
    assert common.lines[0].slope == pytest.approx(least_squares(VALUES, use).params[1])


def test_runs_restart_with_the_tool() -> None:
    values = 1.0 + 0.5 * USE + np.r_[np.full(10, 1.0), np.full(10, 1.0)]
    given_line = {"line": (1.0, 0.5), "sigma": 2.0, "rules": "nelson2"}
    assert charts.regression(values, USE, **given_line).violations == {"nelson2": list(range(8, 20))}
    staged = charts.regression(values, USE, stages=[10], **given_line)
    assert staged.violations == {"nelson2": [8, 9, 18, 19]}


def test_a_trend_is_one_beyond_the_lines_own() -> None:
    rising = 2.0 + 0.1 * USE
    chart = charts.regression(rising + np.tile([0.1, -0.1], 10), USE, rules="nelson3")
    assert chart.violations == {"nelson3": []}


def test_a_given_line_estimates_sigma_about_itself() -> None:
    chart = charts.regression(VALUES, USE, line=(5.0, 0.01))
    assert chart.sigma == pytest.approx(math.sqrt(np.mean((VALUES - 5 - 0.01 * USE) ** 2)))
    assert charts.regression(VALUES[:1], USE[:1], line=(5.0, 0.01), sigma=0.05).limits.ucl == pytest.approx(
        5.15
    )


@given(st.floats(5.3, 9.0), st.sampled_from(["mean", "value"]), st.sampled_from([0.8, 0.95, 0.99]))
def test_the_interval_of_a_crossing_holds_where_the_limit_lies_in_the_lines_interval(
    limit: float, of: str, confidence: float
) -> None:
    crossing = charts.regression(VALUES, USE).crossing(limit, of=of, confidence=confidence)
    fit = least_squares(VALUES, USE)
    assert fit.predict([1, crossing.at])[0] == pytest.approx(limit)
    frames = fit.get_prediction([[1, crossing.low], [1, crossing.high]])
    bounds = frames.conf_int(obs=of == "value", alpha=1 - confidence)
    assert bounds[0, 1] == pytest.approx(limit, rel=1e-9)
    assert bounds[1, 0] == pytest.approx(limit, rel=1e-9)


def test_what_remains_is_counted_from_the_present_use() -> None:
    chart = charts.regression(VALUES, USE)
    crossing = chart.crossing(6.5)
    assert crossing.now == 95.0
    assert crossing.remaining == crossing.at - 95
    assert (crossing.remaining_low, crossing.remaining_high) == (crossing.low - 95, crossing.high - 95)
    assert chart.crossing(6.5, now=20).remaining == pytest.approx(crossing.remaining + 75)


def test_a_slope_that_may_be_zero_promises_nothing() -> None:
    level = charts.regression([1.0, -1.0, 1.0, -1.0, 1.1], [0, 1, 2, 3, 4])
    crossing = level.crossing(3.0)
    assert (crossing.low, crossing.high) == (-math.inf, math.inf)
    assert charts.wear_plan(level.lines[0], lsl=-9, usl=9).life_high == math.inf


def test_a_falling_line_is_set_high_and_changed_low() -> None:
    line = charts.regression(10 - VALUES, USE).lines[0]
    plan = charts.wear_plan(line, lsl=3.0, usl=5.5, margin=3.0)
    assert plan.set_at == pytest.approx(5.5 - 3 * line.sigma)
    assert plan.change_at == pytest.approx(3.0 + 3 * line.sigma)
    assert plan.life == pytest.approx((plan.set_at - plan.change_at) / -line.slope)
    assert plan.life_low < plan.life < plan.life_high


def test_the_live_form_keeps_the_last_tools_line() -> None:
    use = np.tile(USE[:10], 2)
    chart = charts.regression(VALUES, use, stages=[10])
    point = chart.live().add((6.0, 55.0))
    assert point.center == chart.lines[1].at(55.0)
    assert point.index == 20


def test_refusals_by_name() -> None:
    with pytest.raises(WrongShape):
        charts.regression([1.0, 2.0], [1.0])
    with pytest.raises(TooFewPoints):
        charts.regression([1.0, 2.0], [1.0, 2.0])
    with pytest.raises(ConstantData, match="use"):
        charts.regression([1.0, 2.0, 4.0], [3.0, 3.0, 3.0])
    with pytest.raises(ConstantData, match="use"):
        charts.regression(np.arange(10.0) % 3, [0.1] * 10)
    with pytest.raises(ConstantData, match="residuals"):
        charts.regression([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0])
    with pytest.raises(UnknownOption):
        charts.regression(VALUES, USE, lines="many")  # type: ignore[arg-type]
    chart = charts.regression(VALUES, USE)
    with pytest.raises(NotFinite):
        chart.crossing(math.nan)
    with pytest.raises(OutOfRange):
        chart.crossing(6.0, confidence=1.0)
    with pytest.raises(LimitsReversed):
        charts.wear_plan(chart.lines[0], lsl=6, usl=5)
    with pytest.raises(NoRoom):
        charts.wear_plan(chart.lines[0], lsl=5, usl=5.1)
    with pytest.raises(WrongShape):
        chart.live().add(5.0)


def test_a_crossing_and_a_plan_draw_themselves() -> None:
    chart = charts.regression(VALUES, USE)
    crossing, plan = chart.crossing(6.5), charts.wear_plan(chart.lines[0], lsl=4, usl=7)
    for result in (crossing, plan, charts.regression([1.0, -1.0, 1.0, -1.0, 1.1], range(5)).crossing(3.0)):
        drawn = json.loads(json.dumps(result.plot().to_dict(), allow_nan=False))
        assert drawn["title"]["zh"] != drawn["title"]["en"]
        json.dumps(result.to_dict(), allow_nan=False)
    band = crossing.plot().panels[0].layers[0]
    assert band.kind == "band"
    np.testing.assert_allclose(np.interp(crossing.low, band.x, band.high), 6.5, rtol=1e-4)
    np.testing.assert_allclose(np.interp(crossing.high, band.x, band.low), 6.5, rtol=1e-4)
