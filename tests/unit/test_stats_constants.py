"""Control chart constants: against integrals done another way, their own definitions, and bad sizes."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate
from scipy.special import ndtr
from scipy.stats import norm, studentized_range

from assay.stats import constants
from assay.stats.errors import NotACount, NotPositive, OutOfRange, UnknownOption


@pytest.mark.parametrize("n", [2, 4, 7, 30, 150, 1000])
def test_d2_is_the_mean_range_by_tippetts_integral(n: int) -> None:
    mean, _ = integrate.quad(
        lambda x: 1 - ndtr(x) ** n - ndtr(-x) ** n, -12, 12, epsabs=1e-13, epsrel=1e-13, limit=200
    )
    assert constants.d2(n) == pytest.approx(mean, rel=1e-12)


@pytest.mark.parametrize("n", [2, 5, 12, 40, 500])
def test_d3_follows_from_the_joint_density_of_smallest_and_largest(n: int) -> None:
    """E R² = 2 ∬ over x < y of P(smallest < x or largest > y excluded), Tippett 1925, eq. for σ²."""
    x = np.linspace(-9, 9, 1801)
    step = x[1] - x[0]
    low, high = np.meshgrid(x, x, indexing="ij")
    inside = np.clip(ndtr(high) - ndtr(low), 0, 1)
    mass = 1 - ndtr(high) ** n - ndtr(-low) ** n + inside**n
    weight = np.where(low < high, 1.0, np.where(low == high, 0.5, 0.0))
    square = 2 * step * step * float((mass * weight).sum())
    assert constants.d3(n) == pytest.approx(math.sqrt(square - constants.d2(n) ** 2), rel=2e-4)


@pytest.mark.parametrize("n", [2, 3, 6, 25])
def test_d4_is_the_median_of_the_range(n: int) -> None:
    assert studentized_range.cdf(constants.d4(n), n, np.inf) == pytest.approx(0.5, abs=1e-8)


@pytest.mark.parametrize("n", [2, 3, 4, 5, 8, 15])
def test_the_deviation_of_the_median_is_seen_in_simulated_samples(n: int) -> None:
    rng = np.random.default_rng(n)
    medians = np.median(rng.standard_normal((400_000, n)), axis=1)
    assert constants.median_deviation(n) == pytest.approx(medians.std(), rel=0.005)


def test_the_deviation_of_the_median_of_many_is_the_asymptotic_one() -> None:
    for n in (999, 1000):
        assert constants.median_deviation(n) == pytest.approx(math.sqrt(math.pi / 2 / n), rel=2e-3)


@given(st.integers(2, 5_000))
def test_c4_keeps_its_recurrence_and_c5_completes_it(n: int) -> None:
    """Γ(x+1) = x Γ(x) ties neighbours together: c4(n) c4(n+1) = √((n−1)/n)."""
    assert constants.c4(n) * constants.c4(n + 1) == pytest.approx(math.sqrt((n - 1) / n), rel=1e-13)
    assert constants.c4(n) ** 2 + constants.c5(n) ** 2 == pytest.approx(1, rel=1e-14)


def test_c5_of_a_huge_sample_keeps_its_digits() -> None:
    assert constants.c5(10**8) == pytest.approx(1 / math.sqrt(2 * (10**8 - 1)), rel=1e-8)


def test_arrays_are_answered_in_their_shape() -> None:
    sizes = np.array([[5, 2], [3, 5]])
    for of in (
        constants.d2,
        constants.d3,
        constants.d4,
        constants.c4,
        constants.c5,
        constants.median_deviation,
    ):
        found = of(sizes)
        assert found.tolist() == [[of(5), of(2)], [of(3), of(5)]]
    assert constants.d2(np.array([3, 2]), "tabled").tolist() == [1.693, 1.128]
    assert constants.c4(np.array([2, 1_000_000])).tolist() == [constants.c4(2), constants.c4(1_000_000)]
    assert constants.d2(np.array([], dtype=int)).shape == (0,)
    assert isinstance(constants.d2(np.int64(5)), float)
    assert constants.d2(5.0) == constants.d2(5)


def test_the_tables_are_the_exact_values_rounded() -> None:
    for n in range(2, 26):
        assert constants.d2(n, "tabled") == round(constants.d2(n), 3)
        assert constants.d3(n, "tabled") == pytest.approx(constants.d3(n), abs=2e-5)


def test_the_factors_of_a_chart_follow_from_its_width() -> None:
    three, two = constants.of(7), constants.of(7, width=2)
    assert pytest.approx(1.5 * two.A2) == three.A2
    assert pytest.approx(1 - 3 * three.d3 / three.d2) == three.D3
    assert pytest.approx(1 - 2 * two.d3 / two.d2) == two.D3
    assert constants.of(4).D3 == constants.of(4).B3 == 0
    assert 3 / (2.326 * math.sqrt(5)) == constants.of(5, "tabled").A2
    assert constants.of(2).to_dict()["E2"] == pytest.approx(2.6587, abs=1e-4)


@pytest.mark.parametrize(
    ("ask", "refusal"),
    [
        (lambda: constants.d2(1), OutOfRange),
        (lambda: constants.d2(1001), OutOfRange),
        (lambda: constants.d2(26, "tabled"), OutOfRange),
        (lambda: constants.c4(np.array([5, 1])), OutOfRange),
        (lambda: constants.d2(2.5), NotACount),
        (lambda: constants.c4(float("nan")), NotACount),
        (lambda: constants.d2("five"), NotACount),
        (lambda: constants.d2(5, "printed"), UnknownOption),
        (lambda: constants.of(5, width=0), NotPositive),
    ],
)
def test_a_size_without_a_constant_is_refused_by_name(ask, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        ask()


def test_the_upper_quartile_gives_d4_of_two() -> None:
    assert constants.d4(2) == pytest.approx(math.sqrt(2) * norm.ppf(0.75), rel=1e-13)
