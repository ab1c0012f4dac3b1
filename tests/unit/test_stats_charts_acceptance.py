"""Acceptance control charts: the two risks are those that were asked for."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from assay.stats import charts
from assay.stats.charts.chart import at
from assay.stats.charts.errors import TooWide
from assay.stats.errors import LimitsReversed, NoLimits, NotPositive, OutOfRange

ROWS = np.round(np.random.default_rng(2).normal(10, 0.1, (12, 4)), 3)
SHARES = st.floats(1e-6, 0.02)


@given(SHARES, st.floats(1.5, 20), st.floats(0.001, 0.2), st.floats(0.001, 0.2))
def test_both_risks_are_kept_and_one_value_less_would_not_keep_them(
    share: float, times: float, alpha: float, beta: float
) -> None:
    worse = min(share * times, 0.4)
    plan = charts.acceptance_plan(sigma=2, usl=50, p1=share, alpha=alpha, p2=worse, beta=beta)
    error = 2 / math.sqrt(plan.n)
    apl, rpl, acl = plan.apl[1], plan.rpl[1], plan.acl[1]
    assert stats.norm.sf(50, apl, 2) == pytest.approx(share, rel=1e-6)
    assert stats.norm.sf(50, rpl, 2) == pytest.approx(worse, rel=1e-6)
    assert stats.norm.sf(acl, apl, error) == pytest.approx(plan.alpha, rel=1e-6)
    assert stats.norm.cdf(acl, rpl, error) == pytest.approx(plan.beta, rel=1e-6)
    assert plan.alpha <= alpha * (1 + 1e-6)
    assert plan.beta <= beta * (1 + 1e-6)
    fewer = (rpl - apl) / 2 * math.sqrt(plan.n - 1)
    assert fewer < stats.norm.isf(alpha) + stats.norm.isf(beta) + 1e-6
    assert plan.accepts(apl) == pytest.approx(1 - plan.alpha)
    assert plan.accepts(rpl) == pytest.approx(plan.beta)


def test_any_two_of_the_three_make_a_plan() -> None:
    from_apl = charts.acceptance_plan(sigma=1, lsl=0, usl=20, p1=0.001, alpha=0.05, beta=0.1, n=4)
    assert from_apl.alpha == pytest.approx(0.05)
    assert from_apl.acl[1] == pytest.approx(20 - stats.norm.isf(0.001) + stats.norm.isf(0.05) / 2)
    assert from_apl.beta == pytest.approx(0.1)
    from_rpl = charts.acceptance_plan(sigma=1, lsl=0, usl=20, p2=from_apl.p2, alpha=0.05, beta=0.1, n=4)
    assert from_rpl.acl == pytest.approx(from_apl.acl)
    assert from_rpl.p1 == pytest.approx(0.001)
    assert math.isnan(from_rpl.n_exact)


def test_freunds_sample_size() -> None:
    plan = charts.acceptance_plan(sigma=1, lsl=-10, usl=10, p1=0.01, alpha=0.00135, p2=0.05, beta=0.2)
    assert plan.n == 32
    assert plan.apl[0] == -plan.apl[1]


def test_the_chart_from_either_level() -> None:
    apl = charts.acceptance(ROWS, lsl=9, usl=11, p1=0.001, alpha=0.05)
    sigma = charts.xbar_r(ROWS).sigma
    assert apl.sigma == sigma
    assert apl.limits.ucl == pytest.approx(11 - (stats.norm.isf(0.001) - stats.norm.isf(0.05) / 2) * sigma)
    assert apl.apl.lcl == pytest.approx(9 + stats.norm.isf(0.001) * sigma)
    assert apl.rpl is None
    assert apl.beta is None
    assert apl.center == 10
    rpl = charts.acceptance(ROWS, usl=11, p2=0.02, beta=0.1, within="s")
    sigma = charts.xbar_s(ROWS).sigma
    assert rpl.limits.ucl == pytest.approx(11 - (stats.norm.isf(0.02) + stats.norm.isf(0.1) / 2) * sigma)
    assert rpl.limits.lcl == -math.inf
    assert rpl.center == pytest.approx(ROWS.mean())
    assert rpl.companions[0].kind == "deviation"


def test_between_both_levels_the_limits_are_those_of_the_plan() -> None:
    asked = {"p1": 0.0005, "p2": 0.01, "alpha": 0.05, "beta": 0.1}
    chart = charts.acceptance(ROWS, lsl=9, usl=11, sigma=0.1, **asked)
    assert chart.limits == pytest.approx(charts.acceptance_plan(sigma=0.1, lsl=9, usl=11, **asked).acl)


def test_modified_limits_lie_three_errors_beyond_the_acceptable_level() -> None:
    chart = charts.modified(ROWS, lsl=9, usl=11, p1=0.00135, sigma=0.1)
    assert chart.limits.ucl == pytest.approx(11 - 0.3 + 3 * 0.05, abs=1e-4)
    wider = charts.modified(ROWS, lsl=9, usl=11, p1=0.00135, sigma=0.1, width=2)
    assert wider.limits.ucl == pytest.approx(11 - 0.3 + 2 * 0.05, abs=1e-4)


def test_drift_between_the_limits_is_no_flag() -> None:
    drifting = ROWS + np.linspace(-0.5, 0.5, 12)[:, None]
    chart = charts.acceptance(drifting, lsl=9, usl=11, p1=0.001)
    assert chart.flagged == ()
    chart = charts.acceptance(drifting + 0.5, lsl=9, usl=11, p1=0.001)
    assert chart.violations == {"nelson1": [i for i in range(12) if chart.statistics[i] > chart.limits.ucl]}
    assert chart.flagged


def test_limits_follow_the_subgroup_sizes() -> None:
    values, labels = np.ravel(ROWS)[:9], [1, 1, 1, 2, 2, 2, 2, 3, 3]
    chart = charts.acceptance(values, labels, usl=11, p1=0.001, sigma=0.1)
    expected = 11 - (stats.norm.isf(0.001) - stats.norm.isf(0.05) / np.sqrt([3, 4, 2])) * 0.1
    np.testing.assert_allclose(chart.limits.ucl, expected)


def test_refusals_by_name() -> None:
    with pytest.raises(NoLimits):
        charts.acceptance(ROWS, p1=0.001)
    with pytest.raises(OutOfRange):
        charts.acceptance(ROWS, usl=11)
    with pytest.raises(LimitsReversed):
        charts.acceptance(ROWS, lsl=11, usl=9, p1=0.001)
    with pytest.raises(LimitsReversed, match="p1"):
        charts.acceptance(ROWS, usl=11, p1=0.1, p2=0.01)
    with pytest.raises(OutOfRange):
        charts.acceptance(ROWS, usl=11, p1=0.7)
    with pytest.raises(TooWide):
        charts.acceptance(ROWS, lsl=9.9, usl=10.1, p2=0.001)
    with pytest.raises(TooWide):
        charts.acceptance_plan(sigma=1, lsl=0, usl=4, p1=0.001, n=5)
    with pytest.raises(OutOfRange):
        charts.acceptance_plan(sigma=1, usl=4, p1=0.001)
    with pytest.raises(NotPositive):
        charts.acceptance_plan(sigma=0, usl=4, p1=0.001, n=5)


def test_the_picture_shows_specification_and_levels() -> None:
    plot = charts.acceptance(ROWS, lsl=9, usl=11, p1=0.001, p2=0.02).plot()
    labels = [layer.label for layer in plot.panels[0].layers if layer.kind == "level"]
    assert {label.split(" =")[0] for label in labels} >= {"LSL", "USL", "APL", "RPL", "UCL", "LCL"}
    plan = charts.acceptance_plan(sigma=0.1, lsl=9, usl=11, p1=0.001, p2=0.01)
    curve = plan.plot().panels[0].layers[0]
    assert at(curve.y, 120) == pytest.approx(1.0)
