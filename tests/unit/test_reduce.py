"""Thinning a series keeps what is seen."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from assay.apps.reduce import POINTS_PER_PIXEL, m4


def test_a_short_series_stays_whole() -> None:
    assert m4(np.arange(40.0), np.zeros(40), 10).tolist() == list(range(40))


@given(arrays(float, st.integers(1, 3_000), elements=st.floats(-1e6, 1e6)), st.integers(1, 60))
def test_ends_and_extremes_stay_and_pixels_are_not_crowded(y: np.ndarray, width: int) -> None:
    x = np.linspace(0, 7, y.size)
    kept = m4(x, y, width)
    assert kept.size <= POINTS_PER_PIXEL * width
    assert kept[0] == 0
    assert kept[-1] == y.size - 1
    assert y[kept].min() == y.min()
    assert y[kept].max() == y.max()
    assert (np.diff(kept) > 0).all()


def test_one_spike_among_a_million_points_is_kept() -> None:
    y = np.zeros(1_000_000)
    y[123_456] = 1
    kept = m4(np.arange(y.size, dtype=float), y, 800)
    assert 123_456 in kept
    assert kept.size <= 3_200


def test_points_without_a_value_never_hide_the_others() -> None:
    y = np.full(1_000, np.nan)
    y[500] = 3
    assert 500 in m4(np.arange(1_000.0), y, 2)


def test_points_at_one_moment_share_a_pixel() -> None:
    kept = m4(np.full(100, 5.0), np.arange(100.0), 3)
    assert kept.tolist() == [0, 99]
