"""Machine, positional, non-normal, transformed, attribute, censored and time-dependent capability."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from assay.stats import capability
from assay.stats.capability.errors import (
    BeyondNaturalLimit,
    LimitsBeyondTransformation,
    MeanOutsideTolerance,
    TargetOutsideLimits,
)
from assay.stats.distributions.errors import NothingObserved, NoTransformation, OutsideSupport
from assay.stats.errors import (
    ConstantData,
    CountAboveSize,
    LimitsReversed,
    NegativeCount,
    NoLimits,
    NotACount,
    NotFinite,
    NotPositive,
    OutOfRange,
    Refusal,
    SingletonSubgroups,
    SingularCovariance,
    TooFewPoints,
    UnknownOption,
    WrongShape,
)

RANDOM = np.random.default_rng(11)
NORMAL = RANDOM.normal(10, 0.5, 100)
SKEWED = 3 * RANDOM.weibull(2, 200)


def keys(found: Any) -> set[str]:
    return {remark.key for remark in found.remarks}


# -- non-normal ----------------------------------------------------------------------------------------------


def test_both_methods_agree_with_the_normal_study_on_a_normal_fit() -> None:
    plain = capability.normal(NORMAL, lsl=8, usl=12)
    z = capability.nonnormal(NORMAL, "normal", lsl=8, usl=12, by="z")
    quantile = capability.nonnormal(NORMAL, "normal", lsl=8, usl=12)
    for name in ("pp", "ppl", "ppu", "ppk"):
        assert getattr(z, name) == pytest.approx(getattr(plain, name), rel=1e-9)
        assert getattr(quantile, name) == pytest.approx(getattr(plain, name), rel=1e-5)
    assert z.expected.total == pytest.approx(plain.expected_overall.total)
    assert z.z_bench == pytest.approx(plain.z_overall.bench)


def test_the_best_distribution_has_the_lowest_aic() -> None:
    found = capability.nonnormal(SKEWED, usl=9, candidates=("normal", "weibull", "exponential"))
    assert found.distribution == "weibull"


def test_a_limit_the_distribution_cannot_reach() -> None:
    z = capability.nonnormal(SKEWED, "weibull", lsl=0, usl=9, by="z")
    assert z.ppl == math.inf
    assert z.ppk == z.ppu
    assert z.to_dict()["ppl"] is None
    assert capability.nonnormal(SKEWED, "weibull", lsl=0, usl=9, natural_low=0).ppl is None


def test_bootstrap_intervals_hold_the_index_and_repeat() -> None:
    first = capability.nonnormal(SKEWED, "weibull", usl=9, bootstrap=60)
    again = capability.nonnormal(SKEWED, "weibull", usl=9, bootstrap=60)
    assert first.intervals == again.intervals
    assert first.intervals["ppk"].lower < first.ppk < first.intervals["ppk"].upper


def test_a_poor_fit_is_told() -> None:
    assert "poor-fit" in keys(capability.nonnormal(SKEWED, "exponential", usl=9))
    assert "poor-fit" not in keys(capability.nonnormal(SKEWED, "weibull", usl=9))


@pytest.mark.parametrize(
    ("values", "options", "refusal"),
    [
        ([-1, 2, 3], {"distribution": "lognormal"}, OutsideSupport),
        ([0, 2, 3], {"distribution": "weibull"}, OutsideSupport),
        ([1, 2, 3], {"distribution": "cauchy"}, UnknownOption),
        ([2, 2, 2], {"distribution": "weibull"}, ConstantData),
        ([1, 2, math.nan], {}, NotFinite),
        ([1, 2, 3], {"distribution": "weibull", "fixed": {"rate": 1}}, UnknownOption),
        ([1, 2, 3], {"distribution": "weibull", "fixed": {"shape": -1}}, NotPositive),
        ([1, 2, 3], {"distribution": "beta"}, UnknownOption),
        ([1, 2, 3], {"distribution": "weibull", "by": "percent"}, UnknownOption),
        ([1, 2, 3], {"distribution": "weibull", "natural_low": 2}, BeyondNaturalLimit),
    ],
)
def test_a_fit_that_cannot_be_is_refused(values: Any, options: Any, refusal: type[Refusal]) -> None:
    with pytest.raises(refusal):
        capability.nonnormal(values, usl=9, **options)


def test_percentiles_of_enough_normal_values_give_the_normal_index() -> None:
    values = stats.norm.ppf((np.arange(20_000) + 0.5) / 20_000)
    found = capability.percentile(values, lsl=-4, usl=4)
    assert found.ppk == pytest.approx(4 / 3, rel=5e-3)
    assert found.remarks == ()
    assert "few-for-percentiles" in keys(capability.percentile(SKEWED, usl=9))


# -- transformations -----------------------------------------------------------------------------------------


def test_log_transformed_values_are_a_normal_study_of_the_logarithms() -> None:
    values = np.exp(NORMAL / 4)
    found = capability.transformed(values, "box_cox", lam=0, usl=float(np.exp(3)), subgroup=5)
    plain = capability.normal(NORMAL / 4, usl=3, subgroup=5)
    assert found.cpk == pytest.approx(plain.cpk)
    assert found.ppk == pytest.approx(plain.ppk)


def test_a_negative_power_keeps_the_order_of_the_limits() -> None:
    found = capability.transformed(SKEWED + 1, "box_cox", lam=-1, lsl=0.5, usl=20)
    assert found.capability.cpl is not None
    assert found.transformation.forward(2) < found.transformation.forward(3)
    assert found.transformation.backward(found.transformation.forward(2)) == pytest.approx(2)


def test_a_limit_beyond_the_transformation_is_left_out() -> None:
    found = capability.transformed(SKEWED, "box_cox", lam=0, lsl=-1, usl=20)
    assert "limit-untransformable-low" in keys(found)
    assert found.capability.cpl is None
    with pytest.raises(LimitsBeyondTransformation):
        capability.transformed(SKEWED, "box_cox", lam=0, lsl=-1)


def test_transformations_refuse_by_name() -> None:
    with pytest.raises(OutsideSupport):
        capability.transformed([-1, 1, 2], "box_cox", usl=3)
    with pytest.raises(UnknownOption):
        capability.transformed(SKEWED, "log", usl=20)  # type: ignore[arg-type]
    lumps = np.repeat([0.0, 1.0], 50) + np.tile([0.0, 0.001], 50)
    with pytest.raises(NoTransformation):
        capability.transformed(lumps, "johnson", usl=3)


# -- machine -------------------------------------------------------------------------------------------------


def test_a_machine_study_is_the_overall_performance() -> None:
    found = capability.machine(NORMAL, lsl=8, usl=12)
    plain = capability.normal(NORMAL, lsl=8, usl=12)
    assert (found.cm, found.cmk) == (pytest.approx(plain.pp), pytest.approx(plain.ppk))
    assert found.intervals["cmk"] == pytest.approx(plain.intervals["ppk"])
    assert keys(found) <= {"not-normal"}


def test_a_machine_that_drifts_or_is_not_normal_is_told() -> None:
    assert "trend" in keys(capability.machine(NORMAL + np.linspace(0, 3, 100), lsl=8, usl=15))
    assert "not-normal" in keys(capability.machine(SKEWED, usl=9))
    assert "few-values" in keys(capability.machine(NORMAL[:20], usl=12))
    by_quantiles = capability.machine(SKEWED, usl=9, distribution="weibull")
    assert by_quantiles.cmk == capability.nonnormal(SKEWED, "weibull", usl=9).ppk
    assert capability.machine(NORMAL, usl=12, k=8).cmk == pytest.approx(
        0.75 * capability.machine(NORMAL, usl=12).cmk
    )
    with pytest.raises(OutOfRange):
        capability.machine(SKEWED, usl=9, distribution="weibull", k=8)


# -- positions -----------------------------------------------------------------------------------------------


def test_the_expected_share_is_that_of_simulated_positions() -> None:
    random = np.random.default_rng(5)
    points = random.multivariate_normal([0.02, -0.01], [[4e-4, 2e-4], [2e-4, 9e-4]], 400)
    found = capability.positional(points[:, 0], points[:, 1], semi_axes=(0.05, 0.08), angle=30)
    drawn = random.multivariate_normal(found.mean, found.covariance, 400_000)
    turn = np.deg2rad(30)
    along = drawn @ np.array([np.cos(turn), np.sin(turn)]) / 0.05
    across = drawn @ np.array([-np.sin(turn), np.cos(turn)]) / 0.08
    share = 1e6 * np.mean(along**2 + across**2 > 1)
    assert found.expected == pytest.approx(share, rel=0.02)


def test_a_position_off_centre_is_worse_than_in_it() -> None:
    x, y = RANDOM.normal(0.02, 0.01, 80), RANDOM.normal(0, 0.01, 80)
    found = capability.positional(x, y, diameter=0.1)
    assert found.pok < found.po
    turned = capability.positional(y, x, diameter=0.1)
    assert (turned.po, turned.pok) == (pytest.approx(found.po), pytest.approx(found.pok))
    moved = capability.positional(x + 3, y - 2, diameter=0.1, center=(3, -2))
    assert moved.pok == pytest.approx(found.pok)


@pytest.mark.parametrize(
    ("x", "y", "options", "refusal"),
    [
        ([1, 2, 3], [1, 2], {"diameter": 1}, TooFewPoints),
        ([1, 2, 3], [1, 2, 3, 4], {"diameter": 1}, WrongShape),
        ([1, 2, 3], [1, 2, 4], {}, NoLimits),
        ([1, 2, 3], [1, 2, 3], {"diameter": 100}, SingularCovariance),
        ([1, 2, 3], [1, 2, 4], {"diameter": -1}, NotPositive),
        ([9, 8, 9.5], [1, 2, 4], {"diameter": 1}, MeanOutsideTolerance),
        ([1, 2, math.inf], [1, 2, 4], {"diameter": 1}, NotFinite),
    ],
)
def test_positions_are_refused_by_name(x: Any, y: Any, options: Any, refusal: type[Refusal]) -> None:
    with pytest.raises(refusal):
        capability.positional(x, y, **options)


# -- counts --------------------------------------------------------------------------------------------------


def test_no_defective_leaves_an_upper_limit() -> None:
    found = capability.binomial([0, 0], 150)
    assert found.proportion == 0
    assert found.z == math.inf
    assert found.proportion_interval.lower == 0
    assert found.proportion_interval.upper == pytest.approx(1 - 0.025 ** (1 / 300))
    assert capability.binomial([5], 5).proportion_interval.upper == 1
    assert capability.poisson([0, 0]).dpu_interval.upper == pytest.approx(-math.log(0.025) / 2)


def test_a_target_is_met_when_the_whole_interval_is_below() -> None:
    assert capability.binomial([1, 0, 2], 1000, target=0.01).meets_target is True
    assert capability.binomial([1, 0, 2], 1000, target=0.002).meets_target is False
    assert capability.poisson([3, 4], 10, target=1.0).meets_target is True


def test_proportions_that_vary_too_much_are_told() -> None:
    assert "overdispersed" in keys(capability.binomial([0, 30, 2, 40], 100))
    assert "overdispersed" in keys(capability.poisson([0, 30, 2, 40], 1))
    assert keys(capability.binomial([5, 6, 4, 5], 100)) == set()


@pytest.mark.parametrize(
    ("counts", "sizes", "refusal"),
    [
        ([-1, 2], 10, NegativeCount),
        ([1.5, 2], 10, NotACount),
        ([1, 12], 10, CountAboveSize),
        ([1, 2], 0, NotPositive),
        ([1, 2], [10, 10, 10], WrongShape),
        ([1, math.nan], 10, NotFinite),
        ([], 10, TooFewPoints),
    ],
)
def test_counts_are_refused_by_name(counts: Any, sizes: Any, refusal: type[Refusal]) -> None:
    with pytest.raises(refusal):
        capability.binomial(counts, sizes)


def test_more_defects_than_units_are_no_mistake() -> None:
    found = capability.poisson([12, 9], [1, 1], opportunities=100)
    assert found.dpu == 10.5
    assert found.dpmo == pytest.approx(105_000)
    with pytest.raises(NegativeCount):
        capability.poisson([-1])


# -- censored ------------------------------------------------------------------------------------------------


def test_censored_values_move_the_index_towards_the_uncensored_one() -> None:
    limit = 9.5
    low = np.where(limit > NORMAL, -np.inf, NORMAL)
    high = np.where(limit > NORMAL, limit, NORMAL)
    found = capability.censored(low, high, lsl=8, usl=12)
    truth = capability.nonnormal(NORMAL, "normal", lsl=8, usl=12, method="ml")
    replaced = capability.nonnormal(high, "normal", lsl=8, usl=12, method="ml")
    assert abs(found.ppk - truth.ppk) < 0.1
    assert abs(found.ppk - truth.ppk) < abs(replaced.ppk - truth.ppk)
    assert found.fit.left == int((limit > NORMAL).sum())


@pytest.mark.parametrize(
    ("low", "high", "refusal"),
    [
        ([1, 2, 3], [1, 2, 2], LimitsReversed),
        ([-np.inf, 2], [np.inf, 2], NotFinite),
        ([-np.inf] * 3, [1, 2, 3], NothingObserved),
        ([1, 2, 3], [np.inf] * 3, NothingObserved),
        ([1, 2], [1, 2, 3], WrongShape),
        ([2, 2, 2], [2, 2, 2], ConstantData),
        ([1], [1], TooFewPoints),
    ],
)
def test_censored_bounds_are_refused_by_name(low: Any, high: Any, refusal: type[Refusal]) -> None:
    with pytest.raises(refusal):
        capability.censored(low, high, usl=9)


# -- time-dependent models -----------------------------------------------------------------------------------


def process(kind: str) -> np.ndarray[Any, Any]:
    random = np.random.default_rng(2)
    rows = random.normal(0, 1, (40, 5))
    if kind == "A2":
        rows = random.weibull(1.2, (40, 5))
    elif kind == "B":
        rows *= np.where(np.arange(40) % 2, 0.3, 2.0)[:, None]
    elif kind == "C1":
        rows += random.normal(0, 2, (40, 1))
    elif kind == "C2":
        rows += random.exponential(5, (40, 1))
    elif kind == "C3":
        rows += np.linspace(0, 8, 40)[:, None]
    elif kind == "C4":
        rows += np.repeat([0, 6, -4, 3], 10)[:, None]
    elif kind == "D":
        rows = rows * np.where(np.arange(40) % 2, 0.3, 3.0)[:, None] + random.normal(0, 8, (40, 1))
    return rows


@pytest.mark.parametrize("model", ["A1", "A2", "B", "C1", "C2", "C3", "C4", "D"])
def test_each_model_is_named(model: str) -> None:
    found = capability.time_model(process(model), lsl=-30, usl=40)
    assert found.model == model, found.decisions
    assert found.stable == (model in {"A1", "A2"})
    assert found.lower < found.center < found.upper
    assert found.pp is not None
    json.dumps(found.plot().to_dict(), allow_nan=False)


@pytest.mark.parametrize("dispersion", ["sd", "pooled", "sbar", "rbar", "quantiles", "percentiles", "range"])
@pytest.mark.parametrize("location", ["mean", "median", "fitted_median", "midrange"])
def test_every_location_and_dispersion_can_be_chosen(location: Any, dispersion: Any) -> None:
    found = capability.time_model(process("A1"), lsl=-6, usl=6, location=location, dispersion=dispersion)
    assert (found.location, found.dispersion) == (location, dispersion)
    assert found.ppk == pytest.approx(2, rel=0.35)


def test_time_models_are_refused_by_name() -> None:
    with pytest.raises(TooFewPoints):
        capability.time_model(NORMAL, usl=12)
    with pytest.raises(TooFewPoints):
        capability.time_model(NORMAL[:12], 4, usl=12)
    with pytest.raises(SingletonSubgroups):
        capability.time_model(NORMAL[:11], np.array([0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5]), usl=12)
    with pytest.raises(UnknownOption):
        capability.time_model(NORMAL, 5, usl=12, dispersion="iqr")  # type: ignore[arg-type]
    with pytest.raises(TargetOutsideLimits):
        capability.time_model(NORMAL, 5, usl=12, target=13)
    with pytest.raises(OutOfRange):
        capability.time_model(NORMAL, 5, usl=12, alpha=0.9)


# -- all of them ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "found",
    [
        capability.nonnormal(SKEWED, "weibull", usl=9),
        capability.percentile(SKEWED, usl=9),
        capability.transformed(SKEWED, "johnson", usl=6),
        capability.machine(NORMAL, lsl=8, usl=12),
        capability.positional(NORMAL, NORMAL[::-1], diameter=30),
        capability.binomial([1, 2, 3], 100),
        capability.poisson([1, 2, 3], [1, 2, 3]),
        capability.censored(NORMAL, np.where(NORMAL > 10.5, np.inf, NORMAL), usl=12),
        capability.from_parameters(10, 1, usl=12, n=50),
        capability.sixpack(NORMAL, lsl=8, usl=12, subgroup=5),
        capability.sixpack(SKEWED, usl=9, distribution="weibull"),
    ],
    ids=lambda found: type(found).__name__,
)
def test_every_result_is_plain_json_and_draws_itself(found: Any) -> None:
    json.dumps(found.to_dict(), allow_nan=False)
    plot = found.plot()
    json.dumps(plot.to_dict(), allow_nan=False)
    assert all(panel.layers for panel in plot.panels)
    assert plot.note is not None


def test_a_sixpack_has_six_panels() -> None:
    found = capability.sixpack(NORMAL, lsl=8, usl=12, subgroup=5)
    assert len(found.plot().panels) == 6
    assert found.chart.dispersion is not None
