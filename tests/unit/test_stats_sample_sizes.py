"""Sample sizes: the smallest n that reaches what was asked for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from assay.stats.errors import LimitsReversed, NotFinite, NotPositive, OutOfRange, Refusal, UnknownOption
from assay.stats.sampling import SampleSize, sample_size


def ncx_power(n: int, shift: float, alpha: float) -> float:
    """Two-sided t test by the non-central F distribution: another routine than the one under test."""
    return float(stats.ncf.sf(stats.f.isf(alpha, 1, n - 1), 1, n - 1, n * shift**2))


@settings(max_examples=30, deadline=None)
@given(shift=st.floats(0.2, 1.5), alpha=st.floats(0.01, 0.2), power=st.floats(0.6, 0.99))
def test_one_mean(shift: float, alpha: float, power: float) -> None:
    found = sample_size.mean(shift, 1.0, alpha=alpha, power=power)
    assert ncx_power(found.n, shift, alpha) >= power - 1e-7
    assert found.n == 2 or ncx_power(found.n - 1, shift, alpha) < power + 1e-7
    assert found.reached == pytest.approx(ncx_power(found.n, shift, alpha), abs=1e-7)


def test_only_the_ratio_of_difference_and_sigma_matters() -> None:
    assert sample_size.mean(-5.0, 10.0).n == sample_size.mean(0.5, 1.0).n
    assert sample_size.mean(0.5, 1, sided="one").n < sample_size.mean(0.5, 1).n
    assert sample_size.mean(0.5, 1, known_sigma=True).n < sample_size.mean(0.5, 1).n


def test_means_agree_with_statsmodels() -> None:
    power = pytest.importorskip("statsmodels.stats.power")
    for shift, alpha, wanted in ((0.3, 0.05, 0.9), (0.8, 0.01, 0.8), (1.2, 0.1, 0.95)):
        one = power.TTestPower().solve_power(shift, alpha=alpha, power=wanted)
        two = power.TTestIndPower().solve_power(shift, alpha=alpha, power=wanted, ratio=2)
        assert sample_size.mean(shift, 1, alpha=alpha, power=wanted).n == int(np.ceil(one))
        found = sample_size.two_means(shift, 1, alpha=alpha, power=wanted, ratio=2)
        assert found.n == int(np.ceil(two))
        assert found.n2 == 2 * found.n


@pytest.mark.parametrize("sided", ["two", "one"])
def test_one_proportion_by_the_binomial_test(sided: str) -> None:
    found = sample_size.proportion(0.1, 0.2, sided=sided)  # type: ignore[arg-type]
    each = 0.025 if sided == "two" else 0.05

    def power(n: int) -> float:
        total = 0.0
        for x in range(n + 1):
            above = stats.binom.sf(x - 1, n, 0.1) <= each
            below = sided == "two" and stats.binom.cdf(x, n, 0.1) <= each
            total += stats.binom.pmf(x, n, 0.2) * (above or below)
        return float(total)

    assert power(found.n) >= 0.9
    assert all(power(n) < 0.9 for n in range(found.n - 12, found.n))
    assert found.reached == pytest.approx(power(found.n), abs=1e-10)
    assert sample_size.proportion(0.2, 0.1, sided="one").n > 0


def test_variances_by_playing_them() -> None:
    rng = np.random.default_rng(9)
    found = sample_size.variance(1.5)
    s2 = (1.5**2) * rng.chisquare(found.n - 1, 200_000) / (found.n - 1)
    rejected = (found.n - 1) * s2 > stats.chi2.isf(0.05, found.n - 1)
    assert rejected.mean() == pytest.approx(found.reached, abs=0.004)
    assert sample_size.variance(1 / 1.5).n > 2
    pair = sample_size.two_variances(1.8)
    f = rng.f(pair.n - 1, pair.n - 1, 200_000) * 1.8**2
    limit = stats.f.isf(0.025, pair.n - 1, pair.n - 1)
    assert ((f > limit) | (f < 1 / limit)).mean() == pytest.approx(pair.reached, abs=0.004)
    assert sample_size.two_variances(1 / 1.8).n == pair.n


@settings(max_examples=20, deadline=None)
@given(required=st.floats(0.8, 1.7), margin=st.floats(1.08, 2.0))
def test_capability_by_either_method(required: float, margin: float) -> None:
    exact = sample_size.capability(required * margin, required)
    bissell = sample_size.capability(required * margin, required, method="bissell")
    assert exact.reached >= 0.95
    assert exact.n == pytest.approx(bissell.n, abs=4, rel=0.06)


def test_success_runs_and_order_statistics() -> None:
    asked = ((0.9, 0.9), (0.95, 0.9), (0.95, 0.95), (0.99, 0.9))
    assert [sample_size.success_run(*both).n for both in asked] == [22, 45, 59, 230]
    allowed = sample_size.success_run(0.9, 0.9, failures=2)
    assert stats.binom.cdf(2, allowed.n, 0.1) <= 0.1 < stats.binom.cdf(2, allowed.n - 1, 0.1)
    assert sample_size.tolerance(0.99, 0.95).n == 473
    assert sample_size.tolerance(0.95, 0.95, rank=2).n > 93


def test_precision_is_reached_and_not_by_one_less() -> None:
    for known in (True, False):
        found = sample_size.mean_precision(0.25, 1.0, known_sigma=known)
        quantile = stats.norm.ppf(0.975) if known else stats.t.ppf(0.975, found.n - 1)
        assert quantile / np.sqrt(found.n) <= 0.25
        before = stats.norm.ppf(0.975) if known else stats.t.ppf(0.975, found.n - 2)
        assert before / np.sqrt(found.n - 1) > 0.25
    assert sample_size.proportion_precision(0.1, 0.03).n == 385
    assert sample_size.proportion_precision(0.5, 0.05, method="wilson").n < 385


EVERY: list[Callable[[], SampleSize]] = [
    lambda: sample_size.mean(1, 1),
    lambda: sample_size.two_means(1, 1),
    lambda: sample_size.proportion(0.1, 0.3),
    lambda: sample_size.two_proportions(0.1, 0.3),
    lambda: sample_size.variance(2),
    lambda: sample_size.two_variances(2),
    lambda: sample_size.capability(2, 1.33),
    lambda: sample_size.success_run(0.9),
    lambda: sample_size.tolerance(0.9),
    lambda: sample_size.mean_precision(0.5, 1),
    lambda: sample_size.proportion_precision(0.3, 0.1),
]


@pytest.mark.parametrize("make", EVERY)
def test_every_size_draws_its_curve_and_turns_into_plain_values(make: Callable[[], SampleSize]) -> None:
    found = make()
    plot = found.plot().to_dict()
    assert plot["panels"][0]["title"]["zh"] != plot["panels"][0]["title"]["en"]
    assert found.n in found.curve_n
    document = found.to_dict()
    assert document["n"] == found.n
    better = (
        found.reached <= found.asked + 1e-9 if found.measure == "precision" else found.reached >= found.asked
    )
    assert better


@pytest.mark.parametrize(
    ("refusal", "call"),
    [
        (NotPositive, lambda: sample_size.mean(0, 1)),
        (NotPositive, lambda: sample_size.mean(1, 0)),
        (NotFinite, lambda: sample_size.mean(np.nan, 1)),
        (OutOfRange, lambda: sample_size.mean(1, 1, alpha=0)),
        (OutOfRange, lambda: sample_size.mean(1, 1, power=1)),
        (LimitsReversed, lambda: sample_size.mean(1, 1, alpha=0.5, power=0.4)),
        (UnknownOption, lambda: sample_size.mean(1, 1, sided="three")),
        (NotPositive, lambda: sample_size.two_means(1, 1, ratio=0)),
        (LimitsReversed, lambda: sample_size.proportion(0.1, 0.1)),
        (OutOfRange, lambda: sample_size.proportion(0.0, 0.1)),
        (LimitsReversed, lambda: sample_size.two_proportions(0.3, 0.3)),
        (OutOfRange, lambda: sample_size.variance(1.0)),
        (LimitsReversed, lambda: sample_size.capability(1.33, 1.33)),
        (OutOfRange, lambda: sample_size.success_run(1.0)),
        (OutOfRange, lambda: sample_size.success_run(0.9, failures=-1)),
        (OutOfRange, lambda: sample_size.tolerance(0.9, rank=0)),
        (NotPositive, lambda: sample_size.mean_precision(0, 1)),
        (OutOfRange, lambda: sample_size.proportion_precision(0.5, 0.7)),
    ],
)
def test_impossible_questions_are_refused_by_name(
    refusal: type[Refusal], call: Callable[[], SampleSize]
) -> None:
    with pytest.raises(refusal):
        call()
