"""Fitting, goodness of fit, normality, outliers, transformations, censored values."""

from __future__ import annotations

import itertools
import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from assay.stats import distributions
from assay.stats.distributions.dixon import critical, exceedance
from assay.stats.distributions.errors import (
    NothingObserved,
    NoTransformation,
    OutsideSupport,
    ThresholdAtInfinity,
    TooManyPoints,
    UnboundedLikelihood,
)
from assay.stats.distributions.normality import lilliefors_p
from assay.stats.errors import (
    ConstantData,
    NoConvergence,
    NotFinite,
    NotPositive,
    OutOfRange,
    Refusal,
    TooFewPoints,
    UnknownOption,
    WrongShape,
)

RANDOM = np.random.default_rng(99)
TRUTH: dict[str, dict[str, float]] = {
    "normal": {"mean": 5, "sd": 2},
    "lognormal": {"log_mean": 1, "log_sd": 0.5},
    "lognormal3": {"log_mean": 1, "log_sd": 0.5, "threshold": 10},
    "weibull": {"shape": 2, "scale": 3},
    "weibull3": {"shape": 2, "scale": 3, "threshold": -4},
    "gamma": {"shape": 3, "scale": 2},
    "gamma3": {"shape": 3, "scale": 2, "threshold": 7},
    "exponential": {"scale": 4},
    "exponential2": {"scale": 4, "threshold": 6},
    "logistic": {"location": -2, "scale": 1.5},
    "loglogistic": {"location": 1, "scale": 0.3},
    "loglogistic3": {"location": 1, "scale": 0.3, "threshold": 3},
    "smallest_extreme_value": {"location": 4, "scale": 2},
    "largest_extreme_value": {"location": 4, "scale": 2},
    "folded_normal": {"mean": 3, "sd": 2},
    "rayleigh": {"scale": 3},
    "beta": {"alpha": 2, "beta": 5, "lower": 1, "upper": 9},
}


def sample(name: str, n: int = 3000) -> np.ndarray[Any, Any]:
    frozen = distributions.FAMILIES[name].frozen(TRUTH[name])
    return np.asarray(frozen.ppf((np.arange(n) + 0.5) / n))


def bounds_of(name: str) -> tuple[float, float] | None:
    return (1.0, 9.0) if name == "beta" else None


@pytest.mark.parametrize("name", list(TRUTH))
def test_the_parameters_of_exact_quantiles_come_back(name: str) -> None:
    found = distributions.fit(sample(name), name, bounds=bounds_of(name))
    for parameter, value in TRUTH[name].items():
        assert found.parameters[parameter] == pytest.approx(value, rel=0.03, abs=0.06), parameter
    assert found.cdf(found.quantile(0.3)) == pytest.approx(0.3)
    assert found.cdf(5.0) + found.sf(5.0) == pytest.approx(1)
    assert found.anderson_darling.statistic < 0.2


@pytest.mark.parametrize("name", [name for name, family in distributions.FAMILIES.items() if family.axis])
def test_least_squares_reads_the_line_of_the_probability_plot(name: str) -> None:
    frozen = distributions.FAMILIES[name].frozen(TRUTH[name])
    values = frozen.ppf(distributions.plotting_positions(50))
    found = distributions.fit(values, name, method="ls")
    assert found.parameters == pytest.approx(TRUTH[name])


@pytest.mark.parametrize("name", ["weibull", "gamma", "lognormal", "logistic", "loglogistic"])
def test_a_known_parameter_stays(name: str) -> None:
    first = distributions.FAMILIES[name].parameters[0]
    values = sample(name, 300)
    free = distributions.fit(values, name, method="ml")
    fixed = distributions.fit(values, name, fixed={first: free.parameters[first]})
    assert fixed.parameters == pytest.approx(free.parameters, rel=1e-4)
    assert fixed.fixed == (first,)
    moved = distributions.fit(values, name, fixed={first: 1.1 * free.parameters[first]})
    assert moved.log_likelihood < free.log_likelihood
    assert math.isnan(moved.anderson_darling.p_value)


@settings(max_examples=25, deadline=None)
@given(scale=st.floats(1e-3, 1e4), shape=st.floats(0.5, 8), seed=st.integers(0, 1000))
def test_weibull_and_gamma_scale_with_the_unit(scale: float, shape: float, seed: int) -> None:
    values = np.random.default_rng(seed).weibull(shape, 60)
    for name in ("weibull", "gamma"):
        one, other = distributions.fit(values, name), distributions.fit(scale * values, name)
        assert other.parameters["shape"] == pytest.approx(one.parameters["shape"], rel=1e-7)
        assert other.parameters["scale"] == pytest.approx(scale * one.parameters["scale"], rel=1e-7)


def test_adjusted_and_plain_likelihood_differ_in_the_divisor_only() -> None:
    values = sample("normal", 20)
    assert distributions.fit(values, "normal").parameters["sd"] == pytest.approx(values.std(ddof=1))
    assert distributions.fit(values, "normal", method="ml").parameters["sd"] == pytest.approx(values.std())


def test_a_shape_below_one_has_no_threshold_by_likelihood() -> None:
    values = 3 + np.random.default_rng(1).weibull(0.5, 200)
    with pytest.raises(UnboundedLikelihood):
        distributions.fit(values, "weibull3")
    assert distributions.fit(values, "weibull3", fixed={"threshold": 2.99}).parameters["shape"] < 1


def test_values_without_a_tail_have_no_threshold_either() -> None:
    mirrored = -sample("lognormal", 100)
    with pytest.raises(ThresholdAtInfinity):
        distributions.fit(mirrored, "lognormal3")


def test_candidates_that_cannot_hold_the_values_are_named() -> None:
    found = distributions.identify([-1.0, 0.5, 2.0, 3.5, 4.0, 4.2])
    assert found.best.aic == min(fit.aic for fit in found.fits)
    assert {"lognormal", "weibull", "gamma"} <= found.refused.keys()
    assert "normal" not in found.refused


@pytest.mark.parametrize(
    ("values", "name", "options", "refusal"),
    [
        ([1, 2, math.nan], "normal", {}, NotFinite),
        ([[1, 2], [3, 4]], "normal", {}, WrongShape),
        ([1], "normal", {}, TooFewPoints),
        ([1, 2], "weibull3", {}, TooFewPoints),
        ([4, 4, 4], "gamma", {}, ConstantData),
        ([1] * 50 + [1.0000001], "gamma", {}, NoConvergence),
        ([-1, 2, 3], "exponential", {}, OutsideSupport),
        ([0, 2, 3], "gamma", {}, OutsideSupport),
        ([1, 2, 30], "beta", {"bounds": (0, 20)}, OutsideSupport),
        ([1, 2, 3], "beta", {}, UnknownOption),
        ([1, 2, 3], "student", {}, UnknownOption),
        ([1, 2, 3], "gamma", {"method": "moments"}, UnknownOption),
        ([1, 2, 3], "gamma", {"method": "ls"}, UnknownOption),
        ([1, 2, 3], "weibull", {"method": "ls", "fixed": {"shape": 2}}, UnknownOption),
        ([1, 2, 3], "gamma", {"fixed": {"shape": 0}}, NotPositive),
        ([1, 2, 3], "gamma", {"fixed": {"rate": 1}}, UnknownOption),
    ],
)
def test_a_fit_is_refused_by_name(values: Any, name: str, options: Any, refusal: type[Refusal]) -> None:
    with pytest.raises(refusal):
        distributions.fit(values, name, **options)


# -- normality -----------------------------------------------------------------------------------------------

TESTS = ["anderson_darling", "shapiro_wilk", "ryan_joiner", "lilliefors", "jarque_bera", "dagostino_pearson"]


@pytest.mark.parametrize("test", TESTS)
def test_normal_values_pass_and_exponential_ones_do_not(test: Any) -> None:
    good = distributions.normality(stats.norm.ppf(distributions.plotting_positions(100)), test)
    bad = distributions.normality(stats.expon.ppf(distributions.plotting_positions(100)), test)
    assert good.normal
    assert not bad.normal
    assert good.p_value > bad.p_value


@pytest.mark.parametrize("test", TESTS)
def test_normality_does_not_depend_on_the_unit(test: Any) -> None:
    values = RANDOM.gamma(5, size=60)
    one, other = distributions.normality(values, test), distributions.normality(1e3 - 7 * values, test)
    assert other.statistic == pytest.approx(one.statistic, rel=1e-7)
    assert other.p_value == pytest.approx(one.p_value, rel=1e-6)


@pytest.mark.parametrize("test", ["anderson_darling", "shapiro_wilk", "lilliefors"])
def test_the_p_value_is_uniform_under_the_hypothesis(test: Any) -> None:
    random = np.random.default_rng(3)
    p = np.array([distributions.normality(random.normal(size=25), test).p_value for _ in range(1500)])
    for level in (0.01, 0.05, 0.1, 0.5):
        assert np.mean(p < level) == pytest.approx(
            level, abs=4 * math.sqrt(level * (1 - level) / 1500) + 0.012
        )


def test_lilliefors_falls_with_the_distance() -> None:
    p = [lilliefors_p(d, 40) for d in np.linspace(0.05, 0.35, 31)]
    assert all(before >= after for before, after in itertools.pairwise(p))


@pytest.mark.parametrize(
    ("values", "test", "refusal"),
    [
        ([1, 1, 1, 1], "anderson_darling", ConstantData),
        ([1, 2], "anderson_darling", TooFewPoints),
        ([1, 2, 3, 4], "lilliefors", TooFewPoints),
        (range(19), "dagostino_pearson", TooFewPoints),
        (range(6000), "shapiro_wilk", TooManyPoints),
        ([1, 2, math.inf], "anderson_darling", NotFinite),
        ([1, 2, 3], "chi_squared", UnknownOption),
    ],
)
def test_normality_is_refused_by_name(values: Any, test: Any, refusal: type[Refusal]) -> None:
    with pytest.raises(refusal):
        distributions.normality(list(values), test)


# -- outliers ------------------------------------------------------------------------------------------------


def test_the_suspect_is_found_where_it_stands() -> None:
    values = [5.1, 4.9, 5.0, 9.0, 5.2, 4.8]
    for found in (
        distributions.grubbs(values),
        distributions.dixon(values),
        distributions.generalised_esd(values, 2),
        distributions.tukey_fences(values),
        distributions.median_deviation(values),
    ):
        assert found.outliers == (3,), found.test
        json.dumps(found.to_dict(), allow_nan=False)
        assert found.plot().panels
    assert distributions.grubbs(values, side="low").outliers == ()
    assert distributions.dixon(values, side="low").outliers == ()
    mirrored = distributions.dixon([-value for value in values])
    assert mirrored.statistic == pytest.approx(distributions.dixon(values).statistic)


@pytest.mark.parametrize("test", [distributions.grubbs, distributions.dixon])
@pytest.mark.parametrize("side", ["two", "high", "low"])
def test_the_p_value_crosses_alpha_at_the_critical_value(test: Any, side: Any) -> None:
    values = RANDOM.normal(size=9)
    found = test(values, side=side)
    again = test(values, side=side, alpha=min(found.p_value, 0.49)) if found.p_value < 0.49 else found
    if again is not found:
        assert again.critical == pytest.approx(found.statistic, rel=1e-5)
    assert (found.p_value < 0.05) == bool(found.outliers)


@pytest.mark.parametrize("n", [3, 7, 8, 11, 14, 30])
def test_dixons_ratios_have_the_integrated_distribution(n: int) -> None:
    random = np.random.default_rng(n)
    drawn = np.sort(random.normal(size=(20_000, n)), axis=1)
    gap, base = (1, 1) if n <= 7 else (1, 2) if n <= 10 else (2, 2) if n <= 13 else (2, 3)
    ratios = (drawn[:, -1] - drawn[:, -1 - gap]) / (drawn[:, -1] - drawn[:, base - 1])
    for at in (0.2, 0.4, 0.6):
        assert exceedance(n, at) == pytest.approx(np.mean(ratios > at), abs=0.015)
    assert exceedance(n, critical(n, 0.05)) == pytest.approx(0.05, abs=1e-7)
    assert (exceedance(n, 0), exceedance(n, 1)) == (1, 0)


def test_grubbs_errs_at_the_level_it_names() -> None:
    random = np.random.default_rng(8)
    hits = np.mean([bool(distributions.grubbs(random.normal(size=12)).outliers) for _ in range(3000)])
    assert hits == pytest.approx(0.05, abs=0.013)


@pytest.mark.parametrize(
    ("test", "values", "options", "refusal"),
    [
        (distributions.grubbs, [1, 2], {}, TooFewPoints),
        (distributions.grubbs, [2, 2, 2], {}, ConstantData),
        (distributions.grubbs, [1, 2, 3], {"alpha": 0}, OutOfRange),
        (distributions.grubbs, [1, 2, 3], {"side": "both"}, UnknownOption),
        (distributions.dixon, list(range(31)), {}, TooManyPoints),
        (distributions.generalised_esd, [1, 2, 3], {"most": 5}, OutOfRange),
        (distributions.tukey_fences, [1, 2, 3], {}, TooFewPoints),
        (distributions.tukey_fences, [1, 2, 3, 4], {"k": 0}, NotPositive),
        (distributions.median_deviation, [1, 1, 1, 5], {}, ConstantData),
        (distributions.median_deviation, [1, 2, math.nan], {}, NotFinite),
    ],
)
def test_outlier_tests_are_refused_by_name(
    test: Any, values: Any, options: Any, refusal: type[Refusal]
) -> None:
    with pytest.raises(refusal):
        test(values, **options)


# -- transformations -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("lam", [-2.0, -0.5, 0.0, 0.5, 1.0, 3.0])
def test_power_transformations_come_back(lam: float) -> None:
    values = sample("gamma", 50)
    for found in (distributions.box_cox(values, lam), distributions.yeo_johnson(values - 3, lam)):
        moved = [found.forward(x) for x in (0.5, 1.0, 4.0)]
        assert moved == sorted(moved)
        assert [found.backward(z) for z in moved] == pytest.approx([0.5, 1.0, 4.0])
        assert (np.diff(found.transformed) >= 0).all()


@pytest.mark.parametrize(
    ("name", "kind"), [("lognormal3", "johnson_sl"), ("beta", "johnson_sb"), ("logistic", "johnson_su")]
)
def test_johnsons_system_follows_the_tails(name: str, kind: str) -> None:
    values = sample(name, 500)
    found = distributions.johnson(values, system=kind[-2:])  # type: ignore[arg-type]
    assert found.kind == kind
    assert found.p_value > 0.1
    assert distributions.johnson(values).anderson_darling <= found.anderson_darling
    inside = float(np.median(values))
    assert found.backward(found.forward(inside)) == pytest.approx(inside)
    assert found.low < values.min()
    assert values.max() < found.high


def test_transformations_are_refused_by_name() -> None:
    with pytest.raises(OutsideSupport):
        distributions.box_cox([0, 1, 2])
    assert distributions.box_cox([0, 1, 2], shift=1).forward(-1) == -math.inf
    with pytest.raises(OutOfRange):
        distributions.box_cox([1, 2, 3], lam=9)
    with pytest.raises(ConstantData):
        distributions.yeo_johnson([2, 2, 2])
    with pytest.raises(TooFewPoints):
        distributions.johnson([1, 2, 3])
    with pytest.raises(NoTransformation):
        distributions.johnson([0, 0, 0, 0, 0, 1, 1, 1, 1, 1])


# -- censored ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["normal", "lognormal", "weibull", "exponential", "logistic", "loglogistic", "gamma"]
)
def test_without_censoring_it_is_the_plain_fit(name: str) -> None:
    values = sample(name, 60)
    found = distributions.fit_censored(values, values, name)
    plain = distributions.fit(values, name, method="ml")
    assert found.parameters == pytest.approx(plain.parameters, rel=1e-5)
    assert found.log_likelihood == pytest.approx(plain.log_likelihood)
    assert (found.observed, found.left, found.right, found.interval) == (60, 0, 0, 0)


def test_standard_errors_are_those_of_theory() -> None:
    values = sample("normal", 200)
    found = distributions.fit_censored(values, values)
    assert found.standard_errors["mean"] == pytest.approx(found.parameters["sd"] / math.sqrt(200), rel=1e-3)
    assert found.standard_errors["sd"] == pytest.approx(found.parameters["sd"] / math.sqrt(400), rel=1e-3)


def test_narrow_intervals_are_the_values_themselves() -> None:
    values = sample("weibull", 100)
    exact = distributions.fit(values, "weibull", method="ml")
    found = distributions.fit_censored(values - 1e-4, values + 1e-4, "weibull")
    assert found.interval == 100
    assert found.parameters == pytest.approx(exact.parameters, rel=1e-4)
    gaps = distributions.fit_censored(np.floor(values), np.floor(values) + 1, "weibull")
    assert gaps.parameters["shape"] == pytest.approx(exact.parameters["shape"], rel=0.1)


def test_kaplan_meier_without_censoring_is_the_empirical_distribution() -> None:
    found = distributions.kaplan_meier([3, 1, 2, 4], [True] * 4)
    assert found.survival == pytest.approx([0.75, 0.5, 0.25, 0])
    assert found.times == pytest.approx([1, 2, 3, 4])
    assert math.isnan(found.upper[-1])
    assert (found.lower[:-1] < found.survival[:-1]).all()
    with pytest.raises(NothingObserved):
        distributions.kaplan_meier([1, 2], [False, False])
    with pytest.raises(WrongShape):
        distributions.kaplan_meier([1, 2], [True])


def test_every_result_is_plain_json_and_draws_itself() -> None:
    values = sample("weibull", 80)
    for found in (
        distributions.fit(values, "weibull"),
        distributions.fit(values, "gamma"),
        distributions.identify(values),
        distributions.normality(values),
        distributions.johnson(values),
        distributions.fit_censored(values, np.where(values > 4, np.inf, values), "weibull"),
        distributions.kaplan_meier(values, values < 4),
    ):
        json.dumps(found.to_dict(), allow_nan=False)
        plot = found.plot()
        json.dumps(plot.to_dict(), allow_nan=False)
        assert all(panel.layers for panel in plot.panels)


@pytest.mark.parametrize("kind", ["median", "mean", "hazen", "kaplan_meier", "exact_median", "blom"])
def test_plotting_positions_rise_inside_the_unit_interval(kind: str) -> None:
    positions = distributions.plotting_positions(10, kind)
    assert (np.diff(positions) > 0).all()
    assert 0 < positions[0] < positions[-1] <= 1
    if kind != "kaplan_meier":
        assert positions + positions[::-1] == pytest.approx(1)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", ["weibull", "smallest_extreme_value", "largest_extreme_value", "logistic"])
def test_far_limits_are_quiet_and_as_far_as_numbers_reach(name: str) -> None:
    found = distributions.fit(np.array([4.0, 5.0, 5.5, 6.0, 7.0]), name, method="ml")
    assert (found.cdf(1e9), found.sf(1e9)) == (1.0, 0.0)
    assert found.cdf(-1e9) == 0.0
    assert found.pdf([1e3, 1e9]).tolist() == [0.0, 0.0]
    at = np.array([4.5, 6.5])
    assert found.pdf(at) == pytest.approx(found.frozen.pdf(at), rel=1e-12)


@pytest.mark.filterwarnings("error")
def test_a_threshold_is_found_however_far_the_values_lie() -> None:
    x = np.random.default_rng(2).weibull(2.0, 60) * 0.5
    near = distributions.fit(np.round(x * 2**20) / 2**20, "weibull3", method="ml")
    far = distributions.fit(np.round(x * 2**20) / 2**20 + 2.0**30, "weibull3", method="ml")
    assert far.parameters["shape"] == pytest.approx(near.parameters["shape"], rel=1e-5)
    assert far.parameters["threshold"] - 2.0**30 == pytest.approx(near.parameters["threshold"], abs=1e-5)
    assert distributions.identify(np.array([0.0, 1.3, 2.1]) * 1e-3 + 1e9).fits


@pytest.mark.filterwarnings("error")
def test_a_transformation_goes_to_infinity_quietly() -> None:
    found = distributions.yeo_johnson([1.0, 2.0, 3.0, 3.5, 3.7, 3.8], 5)
    assert found.forward(1e200) == np.inf
