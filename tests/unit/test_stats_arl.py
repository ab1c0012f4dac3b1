"""Average run lengths: limits of the equations, sanity against simulation, refusals, designs, pictures."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr
from scipy.stats import chi2, ncx2

from assay.stats import arl
from assay.stats.arl._mewma import _beyond, noncentral_chi
from assay.stats.errors import NoConvergence, NotACount, NotFinite, NotPositive, OutOfRange, UnknownOption

RUNS = 60_000


def simulated(step: Callable[[np.ndarray, int], np.ndarray], start: np.ndarray) -> tuple[float, float]:
    """Mean and standard error of RUNS run lengths; ``step`` returns the states that have not signalled."""
    alive, total, squares, time = start, 0.0, 0.0, 0
    while len(alive):
        time += 1
        before = len(alive)
        alive = step(alive, time)
        ended = before - len(alive)
        total += ended * time
        squares += ended * time * time
    mean = total / RUNS
    return mean, math.sqrt((squares / RUNS - mean * mean) / RUNS)


def close(found: float, mean_error: tuple[float, float]) -> bool:
    mean, error = mean_error
    return abs(found - mean) < 4.5 * error


@pytest.mark.parametrize("shift", [0.0, 0.5, 3.0])
def test_ewma_without_memory_is_a_shewhart_chart(shift: float) -> None:
    expected = 1.0 / (ndtr(-3.0 - shift) + ndtr(-3.0 + shift))
    assert arl.ewma(1.0, 3.0, shift) == pytest.approx(expected, rel=1e-11)
    assert arl.ewma(1.0, 3.0, shift, limits="exact") == pytest.approx(expected, rel=1e-11)
    assert arl.ewma(1.0, 3.0, shift, "one") == pytest.approx(1.0 / ndtr(-3.0 + shift), rel=1e-11)


def test_exact_limits_against_simulation() -> None:
    rng = np.random.default_rng(11)
    lam, width, shift = 0.1, 2.7, 0.75

    def step(z: np.ndarray, time: int) -> np.ndarray:
        z = (1 - lam) * z + lam * (rng.standard_normal(z.size) + shift)
        limit = width * math.sqrt(lam / (2 - lam) * (1 - (1 - lam) ** (2 * time)))
        return z[np.abs(z) <= limit]

    assert close(arl.ewma(lam, width, shift, limits="exact"), simulated(step, np.zeros(RUNS)))


def test_one_sided_exact_limits_against_simulation() -> None:
    rng = np.random.default_rng(12)
    lam, width, shift = 0.2, 2.5, 0.5

    def step(z: np.ndarray, time: int) -> np.ndarray:
        z = np.maximum(0.0, (1 - lam) * z + lam * (rng.standard_normal(z.size) + shift))
        return z[z <= width * math.sqrt(lam / (2 - lam) * (1 - (1 - lam) ** (2 * time)))]

    assert close(arl.ewma(lam, width, shift, "one", "exact"), simulated(step, np.zeros(RUNS)))


@pytest.mark.parametrize("head_start", [1.5, 2.6, 2.9])
@pytest.mark.parametrize("shift", [0.0, 0.8])
def test_head_starts_of_both_sides_against_simulation(head_start: float, shift: float) -> None:
    """For k .4 and h 3 the formula for starts apart holds up to 1.9."""
    rng = np.random.default_rng(13)
    k, h = 0.4, 3.0

    def step(pair: np.ndarray, time: int) -> np.ndarray:
        x = rng.standard_normal(len(pair)) + shift
        pair = np.maximum(0.0, pair + np.column_stack((x, -x)) - k)
        return pair[(pair <= h).all(axis=1)]

    found = arl.cusum(k, h, shift, head_start=head_start)
    assert close(found, simulated(step, np.full((RUNS, 2), head_start)))


def test_mewma_against_simulation() -> None:
    rng = np.random.default_rng(14)
    lam, h, p, shift = 0.2, 11.0, 5, 1.2

    def step(z: np.ndarray, time: int) -> np.ndarray:
        x = rng.standard_normal(z.shape)
        x[:, 0] += shift
        z = (1 - lam) * z + lam * x
        return z[(z * z).sum(axis=1) <= h * lam / (2 - lam)]

    assert close(arl.mewma(lam, h, p, shift), simulated(step, np.zeros((RUNS, p))))


def test_mewma_without_memory_is_a_chi_squared_chart() -> None:
    assert arl.mewma(1.0, 14.0, 4) == pytest.approx(1.0 / chi2.sf(14.0, 4), rel=1e-11)
    assert arl.mewma(1.0, 14.0, 4, 1.3) == pytest.approx(1.0 / ncx2.sf(14.0, 4, 1.69), rel=1e-11)
    assert arl.mewma(1.0 - 1e-9, 14.0, 4, 1.3) == pytest.approx(arl.mewma(1.0, 14.0, 4, 1.3), rel=1e-6)


def test_mewma_of_one_variable_is_an_ewma() -> None:
    assert arl.mewma(0.1, 2.814**2, 1, 0.5) == pytest.approx(arl.ewma(0.1, 2.814, 0.5), rel=1e-12)


@pytest.mark.parametrize(("lam", "p"), [(0.03, 2), (0.1, 7), (0.4, 3), (0.2, 30)])
def test_the_equation_in_two_dimensions_ends_in_the_one_in_one(lam: float, p: int) -> None:
    h = arl.design_mewma(lam, p, 300.0)
    assert arl.mewma(lam, h, p, 1e-7) == pytest.approx(300.0, rel=1e-7)


def test_noncentral_chi_in_three_dimensions_has_a_closed_form() -> None:
    b, a = np.linspace(0.01, 40.0, 200), 20.0
    closed = b / a * (np.exp(-0.5 * (b - a) ** 2) - np.exp(-0.5 * (b + a) ** 2)) / math.sqrt(2 * math.pi)
    assert noncentral_chi(b, np.array([a]), 3) == pytest.approx(closed, rel=1e-11)


@pytest.mark.parametrize("p", [1, 2, 10, 300])
@pytest.mark.parametrize("radius", [0.1, 3.0, 15.0, 40.0])
def test_tails_of_the_noncentral_chi_keep_their_digits(p: int, radius: float) -> None:
    for a in (1e-6, 0.3 * radius, 0.99 * radius, radius + 3.0):
        expected = ncx2.sf(radius**2, p, a * a)
        if expected > 1e-250:
            assert _beyond(radius, np.array([a]), p)[0] == pytest.approx(expected, rel=1e-9)


def test_long_means_keep_their_digits() -> None:
    """Elimination without subtractions; a Shewhart chart's mean is known at any length."""
    for width in (6.0, 9.0, 20.0):
        expected = 0.5 / ndtr(-width)
        assert arl.ewma(1.0, width) == pytest.approx(expected, rel=1e-9)
    # A CUSUM whose reference value is far above: h alone has to be passed at once.
    assert arl.cusum(8.0, 0.01, sided="one") == pytest.approx(1.0 / ndtr(-8.01), rel=1e-6)


def test_means_beyond_the_floats_are_infinite_without_a_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert arl.ewma(0.1, 40.0) == math.inf
        assert arl.ewma(0.5, 45.0, limits="exact") == math.inf
        assert arl.cusum(40.0, 5.0) == math.inf
        assert arl.mewma(1.0, 5000.0, 2) == math.inf


@given(
    lam=st.floats(0.02, 1.0),
    width=st.floats(0.5, 4.0),
    shift=st.floats(0.0, 5.0),
)
@settings(max_examples=60, deadline=None)
def test_ewma_is_symmetric_and_falls_with_the_shift(lam: float, width: float, shift: float) -> None:
    mean = arl.ewma(lam, width, shift)
    assert mean >= 1.0 - 1e-12
    assert arl.ewma(lam, width, -shift) == pytest.approx(mean, rel=1e-9)
    assert arl.ewma(lam, width, shift + 0.25) <= mean * (1 + 1e-9)
    assert arl.ewma(lam, width * 1.1, shift) >= mean * (1 - 1e-9)


@given(
    lam=st.floats(0.03, 1.0),
    p=st.integers(1, 12),
    arl0=st.floats(5.0, 20_000.0),
)
@settings(max_examples=40, deadline=None)
def test_a_designed_mewma_has_its_run_length(lam: float, p: int, arl0: float) -> None:
    assert arl.mewma(lam, arl.design_mewma(lam, p, arl0), p) == pytest.approx(arl0, rel=1e-8)


@given(k=st.floats(0.0, 1.5), arl0=st.floats(50.0, 1e6))
@settings(max_examples=40, deadline=None)
def test_a_designed_cusum_has_its_run_length(k: float, arl0: float) -> None:
    if k < 0.05 and arl0 > 1e4:
        return
    assert arl.cusum(k, arl.design_cusum(k, arl0)) == pytest.approx(arl0, rel=1e-8)


@pytest.mark.parametrize("limits", ["asymptotic", "exact"])
@pytest.mark.parametrize("sided", ["two", "one"])
def test_a_designed_ewma_has_its_run_length(limits: arl.EwmaLimits, sided: arl.Sided) -> None:
    width = arl.design_ewma(0.15, 370.4, sided, limits)
    assert arl.ewma(0.15, width, 0.0, sided, limits) == pytest.approx(370.4, rel=1e-8)


def test_best_charts_beat_their_neighbours() -> None:
    best = arl.best_ewma(1.0, 500.0)
    for lam in (0.08, 0.2):
        assert arl.ewma(lam, arl.design_ewma(lam, 500.0), 1.0) > best.arl1
    assert best.parameters["lam"] == pytest.approx(0.135, abs=0.01)
    cusum = arl.best_cusum(1.0, 370.0)
    for k in (0.4, 0.6):
        assert arl.cusum(k, arl.design_cusum(k, 370.0), 1.0) > cusum.arl1
    mewma = arl.best_mewma(1.0, 2, 200.0)
    for lam in (0.08, 0.3):
        assert arl.mewma(lam, arl.design_mewma(lam, 2, 200.0), 2, 1.0) > mewma.arl1


def test_run_length_distribution_without_memory_is_geometric() -> None:
    q = 2.0 * ndtr(-3.0)
    found = arl.run_length_ewma(1.0, 3.0, probabilities=(0.1, 0.5, 0.999))
    assert found.arl == pytest.approx(1.0 / q, rel=1e-10)
    assert found.sdrl == pytest.approx(math.sqrt(1.0 - q) / q, rel=1e-9)
    assert found.quantiles == tuple(math.ceil(math.log(1 - p) / math.log(1 - q)) for p in (0.1, 0.5, 0.999))
    at = found.lengths
    assert found.cumulative == pytest.approx(1.0 - (1.0 - q) ** at, rel=1e-9)


def test_run_length_distribution_adds_up_to_its_mean() -> None:
    found = arl.run_length_cusum(0.5, 4.0, 1.0, probabilities=(0.5,))
    assert found.arl == pytest.approx(arl.cusum(0.5, 4.0, 1.0, "one"), rel=1e-10)
    rng = np.random.default_rng(15)
    lengths = []
    state, time = np.zeros(RUNS), 0
    while len(state):
        time += 1
        state = np.maximum(0.0, state + rng.standard_normal(state.size) + 1.0 - 0.5)
        lengths.append((state > 4.0).sum())
        state = state[state <= 4.0]
    counts = np.array(lengths)
    n = np.arange(1, counts.size + 1)
    mean = (n * counts).sum() / RUNS
    assert found.sdrl == pytest.approx(math.sqrt(((n - mean) ** 2 * counts).sum() / RUNS), rel=0.03)
    assert found.median == int(n[np.searchsorted(np.cumsum(counts), RUNS / 2)])


def test_answers_turn_into_plain_values_and_draw_themselves_in_both_languages() -> None:
    for result in (arl.best_cusum(1.0, 370.0), arl.run_length_ewma(0.1, 2.814)):
        assert json.loads(json.dumps(result.to_dict()))
        plot = result.plot()
        assert plot.title.zh != plot.title.en
        assert json.loads(json.dumps(plot.to_dict()))["panels"][0]["layers"]


@pytest.mark.parametrize(
    ("call", "refusal"),
    [
        (lambda: arl.ewma(0.0, 3.0), OutOfRange),
        (lambda: arl.ewma(1.2, 3.0), OutOfRange),
        (lambda: arl.ewma(-0.1, 3.0), OutOfRange),
        (lambda: arl.ewma(0.1, 0.0), NotPositive),
        (lambda: arl.ewma(math.nan, 3.0), NotFinite),
        (lambda: arl.ewma(0.1, 3.0, math.inf), NotFinite),
        (lambda: arl.ewma(0.1, 3.0, sided="both"), UnknownOption),
        (lambda: arl.ewma(0.1, 3.0, limits="fir"), UnknownOption),
        (lambda: arl.ewma(0.1, 3.0, sided="one", reflect=0.5), OutOfRange),
        (lambda: arl.cusum(-0.5, 4.0), OutOfRange),
        (lambda: arl.cusum(0.5, 0.0), NotPositive),
        (lambda: arl.cusum(0.5, -4.0), NotPositive),
        (lambda: arl.cusum(0.5, 4.0, math.nan), NotFinite),
        (lambda: arl.cusum(0.5, 4.0, sided="upper"), UnknownOption),
        (lambda: arl.cusum(0.5, 4.0, head_start=4.0), OutOfRange),
        (lambda: arl.cusum(0.5, 4.0, head_start=-1.0), OutOfRange),
        (lambda: arl.cusum(0.0, 4.0, head_start=3.0), OutOfRange),
        (lambda: arl.cusum(0.5, 1e6), OutOfRange),
        (lambda: arl.mewma(0.1, 8.0, 0), OutOfRange),
        (lambda: arl.mewma(0.1, 8.0, 2.5), NotACount),
        (lambda: arl.mewma(0.1, 8.0, 1001), OutOfRange),
        (lambda: arl.mewma(0.1, 0.0, 2), NotPositive),
        (lambda: arl.mewma(0.1, 8.0, 2, -1.0), OutOfRange),
        (lambda: arl.mewma(0.1, math.inf, 2), NotFinite),
        (lambda: arl.mewma(1e-4, 10.0, 2, 1.0), OutOfRange),
        (lambda: arl.mewma(0.1, 500.0, 300, 0.5), NoConvergence),
        (lambda: arl.design_ewma(0.1, 1.0), OutOfRange),
        (lambda: arl.design_ewma(0.1, math.inf), NotFinite),
        (lambda: arl.design_cusum(5.0, 300.0), OutOfRange),
        (lambda: arl.design_cusum(0.0, 1e9), OutOfRange),
        (lambda: arl.design_mewma(0.1, -1, 200.0), OutOfRange),
        (lambda: arl.best_ewma(0.0, 500.0), NotPositive),
        (lambda: arl.run_length_ewma(0.1, 3.0, probabilities=(1.0,)), OutOfRange),
        (lambda: arl.run_length_ewma(0.1, 12.0), OutOfRange),
    ],
)
def test_bad_input_is_refused_by_name(call: Callable[[], object], refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        call()
