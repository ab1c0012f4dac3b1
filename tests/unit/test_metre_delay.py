from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from assay.genealogy.metre_delay import Delay, aligned, estimate_delay
from assay.genealogy.metre_errors import MetreError


def slow(rng: np.random.Generator, count: int) -> np.ndarray:
    return np.asarray(lfilter([1.0], [1.0, -0.97], rng.standard_normal(count)))


def line(seed: int, delay: float, *, count: int = 1_500, noise: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """A slow signal, and what is left of it downstream after ``delay`` samples beside a slow disturbance."""
    rng = np.random.default_rng(seed)
    source = slow(rng, count + 200)
    there = np.interp(np.arange(count) - delay, np.arange(-200, count), source)
    return source[200:], 0.8 * there + noise * lfilter([1.0], [1.0, -0.95], rng.standard_normal(count))


def test_the_delay_is_found_and_lies_in_its_interval() -> None:
    inside = 0
    for seed in range(12):
        delay = 20.0 + 5.3 * seed
        found = estimate_delay(*line(seed, delay), step=2.0, longest=240.0)
        assert found.credible
        assert found.value == pytest.approx(2 * delay, abs=2.0)
        inside += found.low - 1 <= 2 * delay <= found.high + 1
    assert inside >= 10


def test_two_slow_signals_that_have_nothing_to_do_with_each_other_have_no_delay() -> None:
    """Without prewhitening the correlation of such signals passes any table's 1 % limit at some lag."""
    credible, naive = 0, 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        one, other = slow(rng, 1_000), slow(rng, 1_000)
        credible += estimate_delay(one, other, step=1.0, longest=100.0).credible
        raw = max(abs(np.corrcoef(one[: 1000 - lag], other[lag:])[0, 1]) for lag in range(101))
        naive += raw > 4.0 / np.sqrt(900)
    assert credible <= 2
    assert naive > 25


def test_what_moves_both_at_once_is_kept_apart_from_the_delay() -> None:
    rng = np.random.default_rng(1)
    one, other = line(1, 40.0)
    shared = rng.standard_normal(len(one))

    found = estimate_delay(one + shared, other + shared, step=1.0, longest=100.0, shortest=5.0)

    assert found.value == pytest.approx(40.0, abs=2.0)
    assert found.together > 0.1


def test_several_pairs_together_find_what_one_alone_does_not() -> None:
    pairs = [line(seed, 33.0, noise=4.0, count=800) for seed in range(8)]
    up, down = (np.column_stack([pair[side] for pair in pairs]) for side in (0, 1))
    up[5:9, 2] = np.nan

    found = estimate_delay(up, down, step=1.0, longest=90.0)

    assert found.credible
    assert found.value == pytest.approx(33.0, abs=1.5)
    crossed = estimate_delay(up, down[:, ::-1], step=1.0, longest=90.0, paired=False)
    assert crossed.value == pytest.approx(33.0, abs=1.5)


def test_noisy_gauges_are_compared_within_a_span() -> None:
    """White noise of the gauges hides the innovations; the slower swings still line up."""
    found = 0
    for seed in range(4):
        one, other = line(seed, 30.0, noise=0.5)
        rng = np.random.default_rng(100 + seed)
        up, down = (side + 2.0 * rng.standard_normal(len(side)) for side in (one, other))
        by_swings = estimate_delay(up, down, step=1.0, longest=100.0, within=150.0)
        found += by_swings.credible
        assert by_swings.value == pytest.approx(30.0, abs=8.0)
    assert found >= 3


def test_alignment_shows_what_passed_upstream_then() -> None:
    one, _ = line(3, 25.0)
    times = np.arange(len(one)) * 2.0

    shifted = aligned(times, one, 50.0)

    assert np.isnan(shifted[:25]).all()
    np.testing.assert_allclose(shifted[25:], one[:-25])


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"step": 0.0, "longest": 10.0}, "steps"),
        ({"step": 1.0, "longest": 5.0, "shortest": 9.0}, "searched"),
        ({"step": 1.0, "longest": 90.0}, "too few"),
    ],
)
def test_ranges_that_make_no_sense_are_refused(arguments: dict[str, float], word: str) -> None:
    with pytest.raises(MetreError, match=word):
        estimate_delay(np.arange(100.0), np.arange(100.0), **arguments)


def test_signals_that_say_nothing_are_refused() -> None:
    def tried(up: object, down: object) -> Delay:
        return estimate_delay(up, down, step=1.0, longest=10.0)  # type: ignore[arg-type]

    varied = np.random.default_rng(1).standard_normal(100)
    with pytest.raises(MetreError, match="varies"):
        tried(np.ones(100), varied)
    with pytest.raises(MetreError, match="varies"):
        tried(varied, np.where(np.arange(100) < 60, np.nan, varied))
    with pytest.raises(MetreError, match="as many samples"):
        tried(varied, varied[:50])
    with pytest.raises(MetreError, match="shape"):
        tried(np.zeros((2, 2, 2)), varied)
