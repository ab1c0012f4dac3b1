"""Calibrated limits on simulated plants: what they promise on fresh rows, and which faults they see."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.simulated_plant import FAULTS, Plant

from assay.stats import monitor
from assay.stats.monitor.order import order_by_prediction
from assay.stats.monitor.tail import cautious_rate, independent, quantile_above, rate_interval

PLANTS = (
    (Plant(5, 2, 0.5), 400),
    (Plant(5, 2, 0.95), 400),
    (Plant(12, 4, 0.8), 500),
    (Plant(30, 8, 0.9), 500),
    (Plant(8, 3, 0.0), 300),
)
KINDS = {"pca": monitor.pca, "dpca": monitor.dpca, "cva": monitor.cva}
FRESH = 1000
RUNS = 6


@pytest.mark.parametrize(("plant", "rows"), PLANTS, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_false_alarms_on_fresh_rows_stay_below_the_nominal_rate(kind: str, plant: Plant, rows: int) -> None:
    fresh, told = [], []
    for seed in range(RUNS):
        values = plant.rows(seed, rows + FRESH)
        model = KINDS[kind]().fit(values[:rows])
        fresh.append(model.score(values[rows:]).alarm.mean())
        told.append(model.false_alarms.realised)
    # PCA looks at levels; a few hundred rows of a slow plant show too few of them to hold exactly 1 %.
    assert np.mean(fresh) <= (0.01 if kind == "cva" else 0.02)
    assert abs(np.mean(fresh) - np.mean(told)) <= 0.01
    assert np.mean(told) <= 0.015


@pytest.mark.parametrize(("plant", "rows"), PLANTS, ids=str)
def test_cva_sees_sensor_faults_steps_and_ramps(plant: Plant, rows: int) -> None:
    least = {"sensor": 0.95, "state": 0.5, "ramp": 0.75, "variance": 0.15}
    for fault in FAULTS:
        seen = []
        for seed in range(RUNS):
            values = plant.rows(seed, rows + FRESH, fault=fault, onset=rows + FRESH // 2)
            model = monitor.cva().fit(values[:rows])
            seen.append(model.score(values[rows:]).alarm[FRESH // 2 :].mean())
        assert np.mean(seen) >= least[fault], fault


def test_with_many_rows_the_rate_comes_close_to_the_nominal_one() -> None:
    values = Plant(5, 2, 0.5).rows(3, 60_000)
    for settings in (monitor.pca(), monitor.dpca(1), monitor.cva(1)):
        model = settings.fit(values[:30_000])
        assert 0.004 <= model.score(values[30_000:]).alarm.mean() <= 0.0115
        assert model.false_alarms.low <= 0.01


@pytest.mark.parametrize("alpha", [0.002, 0.01, 0.05])
def test_the_limits_follow_the_nominal_rate(alpha: float) -> None:
    values = Plant(6, 3, 0.3).rows(5, 40_000)
    model = monitor.pca(alpha=alpha).fit(values[:20_000])
    assert 0.2 * alpha <= model.score(values[20_000:]).alarm.mean() <= 1.25 * alpha
    assert model.false_alarms.nominal == alpha
    assert model.false_alarms.aimed < alpha


def test_in_sample_limits_would_have_been_wrong() -> None:
    plant, rows = Plant(30, 8, 0.9), 500
    values = plant.rows(1, rows + FRESH)
    textbook = monitor.cva(limits="textbook").fit(values[:rows])
    assert textbook.score(values[rows:]).alarm.mean() > 0.03
    assert textbook.false_alarms.realised > 0.03


def test_lags_are_the_order_of_the_autoregression() -> None:
    found = []
    for seed in range(5):
        noise = np.random.default_rng(seed).standard_normal((2200, 4))
        rows = np.zeros_like(noise)
        for at in range(3, len(rows)):
            rows[at] = 0.4 * rows[at - 1] - 0.45 * rows[at - 3] + noise[at]
        found.append(order_by_prediction(rows[200:] / rows[200:].std(axis=0), 10))
    # Each of four variables depends on its own three rows before: no model with fewer states is as good.
    assert found == [(3, 12)] * 5


def test_rows_without_memory_need_one_lag() -> None:
    noise = np.random.default_rng(0).standard_normal((800, 4))
    assert order_by_prediction(noise, 10) == (1, 4)
    # Too few rows for two lags of so many variables: nothing is tried.
    assert order_by_prediction(noise.reshape(-1, 40), 10) == (1, 40)
    # What is given is kept, and the rest is chosen.
    assert order_by_prediction(noise, 10, lags=2) == (2, 4)
    assert order_by_prediction(noise, 10, states=6) == (2, 6)
    assert order_by_prediction(noise, 10, lags=3, states=2) == (3, 2)


@given(
    rate=st.floats(1e-4, 0.4),
    count=st.floats(2.0, 1e6),
    confidence=st.floats(0.5, 0.999),
)
def test_the_cautious_rate_solves_its_equation(rate: float, count: float, confidence: float) -> None:
    from scipy import stats

    aimed = cautious_rate(rate, count, confidence)
    assert 0 < aimed <= rate * (1 + 1e-12)
    assert aimed + stats.norm.ppf(confidence) * (aimed / count) ** 0.5 == pytest.approx(rate, rel=1e-6)
    assert cautious_rate(rate, count * 4, confidence) >= aimed * (1 - 1e-12)


def test_white_noise_is_worth_its_length_and_a_slow_series_less() -> None:
    noise = np.random.default_rng(1).standard_normal(5000)
    assert independent(noise) == pytest.approx(5000, rel=0.02)
    slow = np.cumsum(noise)
    assert independent(slow) < 20
    assert independent(np.ones(50)) == 50
    # The one-by-one sum and the Fourier transform are one definition.
    block = np.repeat(noise[:20], 250)
    centred = block - block.mean()
    correlation = np.correlate(centred, centred, "full")[4999 : 4999 + 1666] / (centred @ centred)
    end = int(np.flatnonzero(correlation < 0.05)[0])
    assert end > 100
    assert independent(block) == pytest.approx(5000 / (1 + 2 * correlation[1:end].sum()), rel=1e-9)


def test_tail_quantiles_of_known_tails() -> None:
    uniform = np.random.default_rng(2).random(100_000)
    exponential = -np.log(uniform)
    pareto = uniform**-0.2
    for rate in (0.02, 0.002):
        assert quantile_above(exponential, rate, 1e5, 0.9) == pytest.approx(-np.log(rate), rel=0.03)
        assert quantile_above(pareto, rate, 1e5, 0.9) == pytest.approx(rate**-0.2, rel=0.03)
        assert quantile_above(uniform, rate, 1e5, 0.9) == pytest.approx(1 - rate, rel=0.01)
        # With few independent values behind it, an end of the tail is not believed.
        assert quantile_above(uniform, rate, 50, 0.9) > 1 - rate
    assert quantile_above(exponential, 0.2, 1e5, 0.9) == np.quantile(exponential, 0.8)
    assert quantile_above(np.zeros(100), 0.01, 100, 0.9) == 0


@given(rates=st.lists(st.floats(1e-5, 0.09), min_size=2, max_size=2, unique=True), seed=st.integers(0, 50))
def test_a_rarer_alarm_has_a_higher_limit(rates: list[float], seed: int) -> None:
    values = np.random.default_rng(seed).standard_normal(400)
    low, high = sorted(rates)
    assert quantile_above(values, low, 400, 0.9) >= quantile_above(values, high, 400, 0.9)


def test_the_interval_of_a_rate_is_clopper_and_pearsons() -> None:
    from scipy import stats

    low, high = rate_interval(0.03, 200)
    assert low == pytest.approx(stats.beta.ppf(0.025, 6, 195))
    assert high == pytest.approx(stats.beta.ppf(0.975, 7, 194))
    assert rate_interval(0.0, 100)[0] == 0
    assert rate_interval(1.0, 100)[1] == 1
