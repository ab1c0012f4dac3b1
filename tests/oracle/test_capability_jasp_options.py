"""JASP's options that move a normal study, each by the parameter that stands for it.

The formulas are those of JASP's process capability study as its source has them (jaspQualityControl): 90 %
intervals, 0.9·k·(n/k − 1) degrees of freedom within, historical values that keep the intervals, ranges
weighted by n − 1 (Burr 1969), s by inverse variance, boundaries without an index.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import special, stats

from assay.stats import capability

LSL, USL, TARGET, Z = 0.0, 12.0, 5.0, 1.6448536269514722
D2 = {2: 1.128, 3: 1.693, 4: 2.059, 5: 2.326, 6: 2.534, 7: 2.704}
SIZES = np.array([5, 5, 3, 5, 2, 5, 4, 5, 5, 5, 3, 5])
LABELS = np.repeat(np.arange(SIZES.size), SIZES)
VALUES = np.random.default_rng(31).normal(7, 1.8, LABELS.size).clip(0.5, 13).round(1)


def c4(n: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    found: np.ndarray[Any, Any] = np.sqrt(2 / (n - 1)) * special.gamma(n / 2) / special.gamma((n - 1) / 2)
    return found


def sigma_within(method: str) -> float:
    groups = [VALUES[label == LABELS] for label in range(SIZES.size)]
    deviations = np.array([group.std(ddof=1) for group in groups])
    if method == "rbar":
        scaled = np.array([np.ptp(group) / D2[group.size] for group in groups])
        return float(((SIZES - 1) * scaled).sum() / (SIZES - 1).sum())
    if method == "sbar_plain":
        return float(deviations.mean())
    unit = c4(SIZES)
    weights = unit**2 / (1 - unit**2)
    return float((weights * deviations / unit).sum() / weights.sum())


@pytest.mark.parametrize("method", ["rbar", "sbar", "sbar_plain"])
@pytest.mark.parametrize("mean", [None, 6.0, 40.0])
@pytest.mark.parametrize("sigma", [None, 3.0, 15.0])
def test_a_study_with_historical_values_and_unequal_subgroups(
    method: str, mean: float | None, sigma: float | None
) -> None:
    found = capability.normal(
        VALUES,
        lsl=LSL,
        usl=USL,
        target=TARGET,
        subgroup=LABELS,
        sigma=method if sigma is None else sigma,
        mean=mean,
        weighting="freedom" if method == "rbar" else "mvlue",
        constants="tabled",
        degrees="jasp",
        confidence=0.9,
        stability=False,
    )
    n, size = VALUES.size, 5
    centre = VALUES.mean() if mean is None else mean
    within = sigma_within(method) if sigma is None else sigma
    overall = VALUES.std(ddof=1)
    for spread, degrees, name in ((within, 0.9 * size * (n / size - 1), "c"), (overall, n - 1, "p")):
        width = (USL - LSL) / (6 * spread)
        low, high = (centre - LSL) / (3 * spread), (USL - centre) / (3 * spread)
        worst = min(low, high)
        for end, value in (("p", width), ("pl", low), ("pu", high), ("pk", worst)):
            assert getattr(found, name + end) == pytest.approx(value, rel=1e-12)
        ends = [width * math.sqrt(stats.chi2.ppf(p, degrees) / degrees) for p in (0.05, 0.95)]
        assert found.intervals[f"{name}p"] == pytest.approx(ends, rel=1e-12)
        error = math.sqrt(1 / (9 * n) + worst**2 / (2 * degrees))
        assert found.intervals[f"{name}pk"] == pytest.approx(
            (worst - Z * error, worst + Z * error), rel=1e-12
        )
    tau = math.sqrt(((VALUES - TARGET) ** 2).mean())
    cpm = min(TARGET - LSL, USL - TARGET) / (3 * tau)
    off = (centre - TARGET) / overall
    degrees = n * (1 + off**2) ** 2 / (1 + 2 * off**2)
    assert found.cpm_taguchi == pytest.approx(cpm, rel=1e-12)
    ends = [cpm * math.sqrt(stats.chi2.ppf(p, degrees) / degrees) for p in (0.05, 0.95)]
    assert found.intervals["cpm_taguchi"] == pytest.approx(ends, rel=1e-12)
    for share, spread in ((found.expected_within, within), (found.expected_overall, overall)):
        assert share.below == pytest.approx(1e6 * stats.norm.sf((centre - LSL) / spread), rel=1e-10)
        assert share.above == pytest.approx(1e6 * stats.norm.sf((USL - centre) / spread), rel=1e-10)


def test_individual_values_with_longer_moving_ranges() -> None:
    found = capability.normal(
        VALUES, usl=USL, sigma="mr", span=4, constants="tabled", degrees="jasp", stability=False
    )
    windows = np.lib.stride_tricks.sliding_window_view(VALUES, 4)
    assert found.sigma_within == pytest.approx(np.ptp(windows, axis=1).mean() / 2.059, rel=1e-12)
    assert found.degrees == pytest.approx(0.9 * (VALUES.size - 1))


@pytest.mark.parametrize("both", [True, False])
def test_boundaries_have_observed_values_and_no_index(both: bool) -> None:
    bounds = {"natural_low": LSL} | ({"natural_high": 10.0} if both else {"usl": 10.0})
    found = capability.normal(VALUES, target=TARGET, subgroup=LABELS, stability=False, **bounds)  # type: ignore[arg-type]
    above = 1e6 * float((VALUES > 10).mean())
    assert above > 0
    assert (found.observed.below, found.observed.above, found.observed.total) == (0, above, above)
    assert (found.expected_overall.below, found.cp, found.cpl, found.pp) == (None,) * 4
    assert (found.cpk is None) == (found.ppk is None) == (found.expected_overall.above is None) == both
