"""Charts of profiles: fits against statsmodels, limits that hold what they promise, live forms, refusals."""

from __future__ import annotations

import json
import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm

from assay.stats import arl, charts
from assay.stats.charts.kinds import CHARTS
from assay.stats.charts.line_charts import ewma_widths
from assay.stats.charts.residuals import VarianceLimits
from assay.stats.errors import (
    ConstantData,
    NotACount,
    NotFinite,
    NotPositive,
    OutOfRange,
    SingularCovariance,
    TooFewPoints,
    UnknownOption,
    WrongShape,
)

X = np.array([2.0, 4.0, 6.0, 8.0, 9.0])
CURVE_X = np.linspace(0.0, 1.0, 24)


def lines(seed: int, count: int = 40) -> np.ndarray:
    return 3.0 + 2.0 * X + np.random.default_rng(seed).standard_normal((count, X.size))


def curves(seed: int, count: int = 60) -> np.ndarray:
    rng = np.random.default_rng(seed)
    between = 0.1 * rng.standard_normal((count, 1)) * CURVE_X + 0.05 * rng.standard_normal((count, 1))
    return np.sin(3.0 * CURVE_X) + between + 0.02 * rng.standard_normal((count, CURVE_X.size))


# -- numbers -------------------------------------------------------------------------------------------------


def test_lines_are_those_of_statsmodels() -> None:
    rows = lines(1)
    chart = charts.linear_profiles(X, rows)
    for index in (0, 17, 39):
        fit = sm.OLS(rows[index], sm.add_constant(X - X.mean())).fit()
        assert chart.intercepts[index] == pytest.approx(fit.params[0], rel=1e-12)
        assert chart.slopes[index] == pytest.approx(fit.params[1], rel=1e-11)
        assert chart.residual_variances[index] == pytest.approx(fit.mse_resid, rel=1e-11)
    assert chart.sigma == pytest.approx(math.sqrt(chart.residual_variances.mean()))
    assert [one.kind for one in chart.companions] == ["profile_slope", "residual_variance"]


def test_polynomials_are_those_of_statsmodels() -> None:
    rows = curves(2)
    chart = charts.profiles(CURVE_X, rows, degree=3)
    centred = CURVE_X - CURVE_X.mean()
    fit = sm.OLS(rows[11], np.column_stack([centred**power for power in range(4)])).fit()
    assert chart.vectors[11] == pytest.approx(fit.params, rel=1e-9)
    assert chart.residual_variances[11] == pytest.approx(fit.mse_resid, rel=1e-9)
    apart = fit.params - chart.vectors.mean(axis=0)
    expected = apart @ np.linalg.inv(fit.normalized_cov_params) @ apart / chart.residual_variance
    assert chart.statistics[11] == pytest.approx(expected, rel=1e-9)


def test_a_straight_line_needs_no_options() -> None:
    chart = charts.profiles(X, lines(3))
    assert chart.variables == ("intercept", "slope")
    assert chart.companions[0].kind == "residual_variance"


def test_the_basis_does_not_matter_only_its_span() -> None:
    rows = curves(4)
    powers = charts.profiles(CURVE_X, rows, degree=3)
    spline = charts.profiles(CURVE_X, rows, basis="spline", degree=3, knots=0)
    own = charts.profiles(CURVE_X, rows, basis=np.polynomial.legendre.legvander(2 * CURVE_X - 1, 3))
    assert spline.statistics == pytest.approx(powers.statistics, rel=1e-8)
    assert own.statistics == pytest.approx(powers.statistics, rel=1e-8)
    assert own.residual_variances == pytest.approx(powers.residual_variances, rel=1e-8)


def test_ordinary_differences_between_parts_need_a_spread_between_them() -> None:
    rows = curves(5)
    residual = charts.profiles(CURVE_X, rows, basis="spline")
    between = charts.profiles(CURVE_X, rows, basis="spline", spread="successive_differences")
    assert len(residual.flagged) > 20
    assert len(between.flagged) <= 3


def test_a_bump_in_a_curve_is_found() -> None:
    rows = curves(6)
    rows[50:, 8:12] += 0.2
    chart = charts.profiles(
        CURVE_X, rows, basis="spline", knots=6, spread="successive_differences", phase1=(0, 45)
    )
    assert set(range(50, 60)) <= set(chart.flagged) | set(chart.companions[0].flagged)


def test_rougher_profiles_show_in_the_residual_variance() -> None:
    rows = lines(7)
    rows[30] += 6.0 * np.array([1.0, -1.0, 1.0, -1.0, 0.0])
    chart = charts.profiles(X, rows, phase1=(0, 30))
    assert 30 in chart.companions[0].flagged


def test_false_alarms_are_as_promised_in_both_phases() -> None:
    rng = np.random.default_rng(8)
    own, later, rough_own, rough_later = 0, 0, 0, 0
    rounds, count = 400, 8
    for _ in range(rounds):
        rows = rng.standard_normal((count + 1, X.size))
        chart = charts.profiles(X, rows, phase1=(0, count), alpha=0.05)
        found, rough = set(chart.flagged), set(chart.companions[0].flagged)
        own += len(found - {count})
        later += count in found
        rough_own += len(rough - {count})
        rough_later += count in rough
    assert own / (rounds * count) == pytest.approx(0.05, abs=0.015)
    assert rough_own / (rounds * count) == pytest.approx(0.05, abs=0.015)
    assert later / rounds == pytest.approx(0.05, abs=0.04)
    assert rough_later / rounds == pytest.approx(0.05, abs=0.04)


@pytest.mark.parametrize("method", ["ewma", "ewma_r"])
def test_ewmas_together_have_the_run_length_asked_for(method: Any) -> None:
    rng = np.random.default_rng(9)
    rows = 3.0 + 2.0 * X + rng.standard_normal((20_000, X.size))
    line = {"intercept": 3.0 + 2.0 * X.mean(), "slope": 2.0, "sigma": 1.0}
    # One profile on the line leaves the EWMAs where they start.
    fresh = charts.linear_profiles(X, [3.0 + 2.0 * X], method=method, arl0=30.0, **line)
    lengths, begun, watcher = [], 0, fresh.live()
    for index, row in enumerate(rows):
        point = watcher.add(row)
        if point.violations or any(one.violations for one in point.companions):
            lengths.append(index - begun + 1)
            begun, watcher = index + 1, fresh.live()
    error = np.std(lengths) / math.sqrt(len(lengths))
    assert np.mean(lengths) == pytest.approx(30.0, abs=4.5 * error)


def test_a_lasting_small_change_is_found_by_ewma_first() -> None:
    rows = lines(11, 80)
    rows[40:] += 0.7
    line = {"intercept": 3.0 + 2.0 * X.mean(), "slope": 2.0, "sigma": 1.0}
    slow = charts.linear_profiles(X, rows, arl0=500.0, **line)
    fast = charts.linear_profiles(X, rows, method="ewma", arl0=500.0, **line)
    assert fast.flagged[0] >= 40
    assert not slow.flagged or fast.flagged[0] < slow.flagged[0]


def test_widths_grow_with_the_run_length() -> None:
    short, long = ewma_widths(0.2, 100.0, 3.0), ewma_widths(0.2, 1000.0, 3.0)
    assert short[0] < long[0]
    assert short[1] < long[1]


def test_known_scatter_has_chi_squared_limits() -> None:
    known = VarianceLimits(4.0, math.inf, 3, 0.01)
    assert known.own == known.later
    wide = VarianceLimits(4.0, 1e7, 3, 0.01)
    assert wide.later == pytest.approx(known.later, rel=1e-5)
    assert wide.own == pytest.approx(known.own, rel=1e-5)


def test_log_variance_run_length_against_simulation() -> None:
    rng = np.random.default_rng(12)
    lam, width, freedom, ratio, runs = 0.2, 2.0, 4.0, 1.5, 30_000
    limit = width * math.sqrt(lam / (2 - lam) * 0.6449340668)
    state, total = np.zeros(runs), 0
    while len(state):
        total += len(state)
        new = np.log(ratio * rng.chisquare(freedom, len(state)) / freedom)
        state = np.maximum(0.0, (1 - lam) * state + lam * new)
        state = state[state <= limit]
    assert arl.ewma_log_variance(lam, width, freedom, ratio) == pytest.approx(total / runs, rel=0.02)


# -- live ----------------------------------------------------------------------------------------------------

LIVE: list[tuple[str, Callable[..., Any], np.ndarray]] = [
    ("shewhart", lambda v, **o: charts.linear_profiles(X, v, **o), lines(20)),
    ("ewma", lambda v, **o: charts.linear_profiles(X, v, method="ewma", **o), lines(21)),
    ("ewma_r", lambda v, **o: charts.linear_profiles(X, v, method="ewma_r", **o), lines(22)),
    ("t2", lambda v, **o: charts.profiles(X, v, **o), lines(23)),
    (
        "spline",
        lambda v, **o: charts.profiles(CURVE_X, v, basis="spline", spread="successive_differences", **o),
        curves(24),
    ),
]


@pytest.mark.parametrize(("make", "values"), [case[1:] for case in LIVE], ids=[case[0] for case in LIVE])
def test_the_live_form_gives_exactly_the_batch_result(make: Callable[..., Any], values: np.ndarray) -> None:
    shifted = values.copy()
    shifted[32:] += np.linspace(1.0, 4.0, shifted.shape[1])
    count = len(shifted)
    whole = make(shifted, phase1=(0, 28))
    live = pickle.loads(pickle.dumps(make(shifted[:28]))).live()
    found = [live.add(row) for row in shifted[28:]]
    for number, chart in enumerate((whole, *whole.companions)):
        points = found if number == 0 else [point.companions[number - 1] for point in found]
        assert [point.statistic for point in points] == chart.statistics[28:].tolist()
        for name in ("lcl", "ucl"):
            line = np.broadcast_to(getattr(chart.limits, name), count)[28:]
            assert [getattr(point, name) for point in points] == line.tolist()
        flagged = [point.index for point in points if point.violations]
        assert flagged == [index for index in chart.flagged if index >= 28]
    assert any(point.violations or any(one.violations for one in point.companions) for point in found)


@pytest.mark.parametrize(("make", "values"), [case[1:] for case in LIVE], ids=[case[0] for case in LIVE])
def test_the_result_is_plain_json_and_draws_itself(make: Callable[..., Any], values: np.ndarray) -> None:
    chart = make(values, phase1=(0, 30), exclude={3: "wrong part"})
    assert json.loads(json.dumps(chart.to_dict(), allow_nan=False))["kind"] == chart.kind
    plot = chart.plot()
    assert plot.title.zh != plot.title.en
    assert json.dumps(plot.to_dict(), allow_nan=False)


def test_stages_start_anew() -> None:
    rows = lines(25)
    whole = charts.linear_profiles(X, rows, method="ewma", stages=[0, 20])
    alone = charts.linear_profiles(X, rows[20:], method="ewma")
    assert whole.statistics[20:].tolist() == alone.statistics.tolist()
    assert whole.intercept == alone.intercept


def test_every_kind_is_registered() -> None:
    for name in ("profiles", "linear_profiles"):
        kind = CHARTS[name]
        assert kind.takes == "profiles"
        assert kind.title.zh != kind.title.en
        assert kind.make(X, lines(26)).statistics.shape == (40,)


# -- refusals ------------------------------------------------------------------------------------------------


def with_value(value: float) -> np.ndarray:
    rows = lines(30)
    rows[4, 2] = value
    return rows


EXACT = np.tile(3.0 + 2.0 * np.arange(5.0), (6, 1))


@pytest.mark.parametrize(
    ("call", "refusal"),
    [
        (lambda: charts.profiles(X, with_value(math.nan)), NotFinite),
        (lambda: charts.linear_profiles(X, with_value(math.inf)), NotFinite),
        (lambda: charts.profiles(X[:4], lines(1)), WrongShape),
        (lambda: charts.profiles(X, lines(1)[0]), WrongShape),
        (lambda: charts.profiles(X, lines(1), degree=4), TooFewPoints),
        (lambda: charts.profiles(X, lines(1), degree=-1), OutOfRange),
        (lambda: charts.profiles(X, lines(1), degree=1.5), NotACount),
        (lambda: charts.profiles(X, lines(1), basis="wavelet"), UnknownOption),
        (lambda: charts.profiles(X, lines(1), spread="all"), UnknownOption),
        (lambda: charts.profiles(X, lines(1), basis=np.ones((5, 2))), SingularCovariance),
        (lambda: charts.profiles(np.ones(5), lines(1)), SingularCovariance),
        (lambda: charts.profiles(X, lines(1), sigma=0.0), NotPositive),
        (lambda: charts.profiles(X, lines(1)[:1]), TooFewPoints),
        (lambda: charts.profiles(X, lines(1)[:3], spread="sample"), TooFewPoints),
        (lambda: charts.linear_profiles(np.ones(5), lines(1)), ConstantData),
        (lambda: charts.linear_profiles(X[:2], lines(1)[:, :2]), TooFewPoints),
        (lambda: charts.linear_profiles(X, lines(1)[:1]), TooFewPoints),
        (lambda: charts.linear_profiles(X, lines(1), method="cusum"), UnknownOption),
        (lambda: charts.linear_profiles(X, lines(1), alpha=0.01), UnknownOption),
        (lambda: charts.profiles(X, lines(1), covariance=np.eye(2)), UnknownOption),
        (lambda: charts.linear_profiles(X, lines(1), lam=2.0), OutOfRange),
        (lambda: charts.linear_profiles(X, lines(1), arl0=1.0), OutOfRange),
        (lambda: charts.linear_profiles(X, lines(1), sigma=-1.0), NotPositive),
        (lambda: charts.linear_profiles(np.arange(5.0), EXACT), ConstantData),
        (lambda: charts.profiles(X, lines(1)).live().add([1.0]), WrongShape),
        (lambda: arl.ewma_log_variance(0.2, 2.0, 0.0), NotPositive),
        (lambda: arl.ewma_log_variance(0.0, 2.0, 3.0), OutOfRange),
    ],
)
def test_bad_input_is_refused_by_name(call: Callable[[], object], refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        call()
