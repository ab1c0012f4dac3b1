"""Tolerance intervals: factors, order statistics, and how often they cover."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from assay.stats import sampling
from assay.stats.errors import (
    ConstantData,
    NotACount,
    NotFinite,
    NotPositive,
    OutOfRange,
    TooFewPoints,
    UnknownOption,
)
from assay.stats.sampling.order_statistics import confidence_reached, least_values, most_outside

SHARES = st.floats(0.3, 0.999)


def reached(n: int, coverage: float, k: float) -> float:
    """Confidence of mean ± k s, by integrating over the mean with another routine for the half width."""
    inside = lambda z: (  # noqa: E731
        stats.norm.pdf(z, scale=1 / math.sqrt(n))
        * stats.chi2.sf((n - 1) * stats.ncx2.ppf(coverage, 1, z * z) / k**2, n - 1)
    )
    return float(2 * integrate.quad(inside, 0, 10 / math.sqrt(n), epsabs=1e-11, limit=400)[0])


@pytest.mark.parametrize(
    ("n", "coverage", "confidence"),
    [(2, 0.9, 0.95), (3, 0.99, 0.99), (10, 0.95, 0.95), (50, 0.5, 0.5), (1000, 0.99, 0.95), (5, 0.3, 0.9)],
)
def test_the_exact_two_sided_factor_has_its_confidence(n: int, coverage: float, confidence: float) -> None:
    k = sampling.tolerance_factor(n, coverage, confidence)
    assert reached(n, coverage, k) == pytest.approx(confidence, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(n=st.integers(2, 3000), coverage=SHARES, confidence=SHARES)
def test_factors_are_ordered(n: int, coverage: float, confidence: float) -> None:
    two = sampling.tolerance_factor(n, coverage, confidence)
    one = sampling.tolerance_factor(n, coverage, confidence, sided="one")
    assert two > one
    assert sampling.tolerance_factor(n, (1 + coverage) / 2, confidence) > two
    assert sampling.tolerance_factor(n, coverage, (1 + confidence) / 2) > two
    if confidence >= 0.5:
        assert two >= stats.norm.isf((1 - coverage) / 2) * 0.999


@pytest.mark.parametrize("method", ["howe", "howe-guenther", "wald-wolfowitz"])
def test_approximations_come_near_the_exact_factor(method: str) -> None:
    for n in (20, 43, 200):
        exact = sampling.tolerance_factor(n, 0.95, 0.95)
        near = sampling.tolerance_factor(n, 0.95, 0.95, method=method)  # type: ignore[arg-type]
        assert near == pytest.approx(exact, rel=4e-3)
        assert near != exact


def test_more_degrees_of_freedom_need_less_factor() -> None:
    few = sampling.tolerance_factor(10, 0.95, 0.95)
    many = sampling.tolerance_factor(10, 0.95, 0.95, degrees_of_freedom=90)
    assert many < few
    assert sampling.tolerance_factor(10, 0.95, 0.95, degrees_of_freedom=9) == few


@pytest.mark.parametrize(
    ("sided", "distribution", "method"),
    [
        ("two", "normal", "exact"),
        ("lower", "normal", "exact"),
        ("upper", "lognormal", "exact"),
        ("lower", "exponential", "exact"),
        ("upper", "exponential", "exact"),
        ("two", "normal", "nonparametric"),
        ("lower", "normal", "nonparametric"),
    ],
)
def test_intervals_cover_as_often_as_they_say(sided: str, distribution: str, method: str) -> None:
    rng = np.random.default_rng(5)
    law = {
        "normal": stats.norm(10, 2),
        "lognormal": stats.lognorm(0.5),
        "exponential": stats.expon(scale=3.0),
    }[distribution]
    trials, n, coverage, confidence = 2500, 60, 0.9, 0.9
    hits, said = 0, confidence
    for sample in law.rvs((trials, n), random_state=rng):
        found = sampling.tolerance_interval(
            sample, coverage, confidence, sided=sided, method=method, distribution=distribution
        )  # type: ignore[call-overload,arg-type,unused-ignore]
        said = found.reached
        hits += law.cdf(found.upper) - law.cdf(found.lower) >= coverage
    assert hits / trials == pytest.approx(said, abs=0.025)


@given(n=st.integers(1, 400), coverage=SHARES, confidence=SHARES)
def test_order_statistics_leave_out_as_much_as_they_may(n: int, coverage: float, confidence: float) -> None:
    outside = most_outside(n, coverage, confidence)
    assert outside == 0 or confidence_reached(n, coverage, outside) >= confidence
    assert confidence_reached(n, coverage, outside + 1) < confidence
    least = least_values(coverage, confidence, 1)
    assert (outside >= 1) == (n >= least)


def test_ranks_are_those_of_the_values() -> None:
    values = np.random.default_rng(2).permutation(np.arange(1.0, 101.0))
    found = sampling.tolerance_interval(values, 0.9, 0.95, method="nonparametric")
    assert found.ranks == (2, 98)
    assert (found.lower, found.upper) == (2.0, 98.0)
    assert found.reached >= 0.95
    lower = sampling.tolerance_interval(values, 0.9, 0.95, sided="lower", method="nonparametric")
    assert (lower.lower, lower.upper, lower.ranks) == (5.0, math.inf, (5, 101))


def test_intervals_move_and_stretch_with_the_values() -> None:
    values = np.random.default_rng(4).normal(size=25)
    plain = sampling.tolerance_interval(values)
    moved = sampling.tolerance_interval(3 * values + 7)
    assert (moved.lower, moved.upper) == pytest.approx((3 * plain.lower + 7, 3 * plain.upper + 7))
    grown = sampling.tolerance_interval(np.exp(values), distribution="lognormal")
    assert (grown.lower, grown.upper) == pytest.approx((math.exp(plain.lower), math.exp(plain.upper)))
    assert sampling.tolerance_interval(values, sided="upper").to_dict()["lower"] is None


def test_what_can_not_be_bounded_is_refused_by_name() -> None:
    values = np.arange(1.0, 31.0)
    with pytest.raises(TooFewPoints, match="93"):
        sampling.tolerance_interval(values, method="nonparametric")
    with pytest.raises(TooFewPoints):
        sampling.tolerance_interval([1.0])
    with pytest.raises(ConstantData):
        sampling.tolerance_interval([2.0, 2.0, 2.0])
    with pytest.raises(NotFinite):
        sampling.tolerance_interval([1.0, math.nan, 2.0])
    with pytest.raises(NotPositive):
        sampling.tolerance_interval([0.0, 1.0, 2.0], distribution="lognormal")
    with pytest.raises(NotPositive):
        sampling.tolerance_interval([-1.0, 1.0], sided="lower", distribution="exponential")
    with pytest.raises(UnknownOption):
        sampling.tolerance_interval(values, distribution="exponential")
    with pytest.raises(UnknownOption):
        sampling.tolerance_interval(values, sided="upper", method="howe")
    for wrong in ({"coverage": 1.0}, {"coverage": 0.0}, {"confidence": 1.0}, {"confidence": -0.5}):
        with pytest.raises(OutOfRange):
            sampling.tolerance_interval(values, **wrong)
    with pytest.raises(OutOfRange):
        sampling.tolerance_factor(1)
    with pytest.raises(NotACount):
        sampling.tolerance_factor(2.5)  # type: ignore[arg-type]


def test_the_interval_draws_its_values_and_limits() -> None:
    found = sampling.tolerance_interval(np.arange(20.0), sided="upper")
    plot = found.plot()
    assert [layer.kind for layer in plot.panels[0].layers] == ["points", "level"]
    assert "_values" not in found.to_dict()
