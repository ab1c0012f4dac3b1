"""Limits from out-of-sample statistics: tails, and how much independent information stands behind them."""

from __future__ import annotations

import math

import numpy as np
from scipy import fft, special

from assay.stats.arrays import Floats

TAIL = 0.1
"""Share of the largest values that the tail is fitted to."""
NEGLIGIBLE = 0.05
"""The autocorrelation at which the memory of a series is taken to end."""
SHORT = 100
"""Lags that are summed one by one, before all of them are found by a Fourier transform."""
HEAVIEST = 0.5
"""The heaviest shape of a tail: above it the variance is infinite and the moments say nothing."""


def independent(values: Floats) -> float:
    """How many independent values an autocorrelated series of ``n`` is worth: ``n / (1 + 2 Σ ρ_k)``.

    The sum ends before the first lag whose autocorrelation is below 0.05, at a third of the series at the
    latest (the integrated autocorrelation time; Sokal 1997, *Monte Carlo Methods in Statistical Mechanics*,
    section 3).
    """
    count = len(values)
    centred = values - values.mean()
    variance = _product(centred, centred)
    if variance <= 0:
        return float(count)
    summed = 0.0
    for lag in range(1, min(SHORT, count // 3)):
        correlation = _product(centred[lag:], centred[:-lag]) / variance
        if correlation < NEGLIGIBLE:
            return count / (1.0 + 2.0 * summed)
        summed += correlation
    size = fft.next_fast_len(2 * count, real=True)
    autocovariance = fft.irfft(np.abs(fft.rfft(centred, size)) ** 2, size)[: max(count // 3, 1)]
    below = np.flatnonzero(autocovariance < NEGLIGIBLE * variance)
    end = int(below[0]) if below.size else len(autocovariance)
    return float(count / (1.0 + 2.0 * autocovariance[1:end].sum() / variance))


def _product(first: Floats, second: Floats) -> float:
    """The inner product without BLAS, whose threads cost more than this sum where cores are busy."""
    return float(np.einsum("i,i->", first, second))


def cautious_rate(rate: float, count: float, confidence: float) -> float:
    """The rate ``r`` to aim at so that the true rate stays below ``rate`` with ``confidence``.

    Solves ``r + z √(r / count) = rate`` with ``z`` the normal quantile of ``confidence``: the number of
    exceedances among ``count`` independent values is close to Poisson.
    """
    spread = float(special.ndtri(confidence)) / math.sqrt(count)
    return ((math.sqrt(spread * spread + 4.0 * rate) - spread) / 2.0) ** 2


def quantile_above(values: Floats, rate: float, count: float, confidence: float) -> float:
    """The value exceeded with probability ``rate``: peaks over the 90 % point with a generalised Pareto tail.

    Parameters by probability-weighted moments (Hosking and Wallis 1987, *Technometrics* 29, 339-349). A
    negative shape says that the tail ends somewhere, which the few peaks of a short series seem to say too
    often: it is raised by its standard error (about ``1 / √peaks``, of ``count`` independent values) times
    the normal quantile of ``confidence``, up to 0, the exponential tail. A rate of 10 % or more, and a tail
    without spread, is answered by the sample itself.
    """
    threshold = float(np.quantile(values, 1.0 - TAIL))
    excess = np.sort(values[values > threshold]) - threshold
    peaks = len(excess)
    if rate >= TAIL or peaks < 3 or excess[-1] <= 0:
        return float(np.quantile(values, 1.0 - rate))
    first = float(excess.mean())
    second = float((excess * (1.0 - (np.arange(1, peaks + 1) - 0.35) / peaks)).mean())
    shape = 2.0 - first / (first - 2.0 * second) if first > 2.0 * second else 1.0
    if shape < 0:
        shape = min(shape + float(special.ndtri(confidence)) / math.sqrt(TAIL * count), 0.0)
    shape = min(shape, HEAVIEST)
    scale = first * (1.0 - shape)
    share = rate * len(values) / peaks
    if abs(shape) < 1e-6:
        return threshold - scale * math.log(share)
    found: float = threshold + scale * (share**-shape - 1.0) / shape
    return found


def rate_interval(rate: float, count: float, confidence: float = 0.95) -> tuple[float, float]:
    """Clopper-Pearson interval of a rate seen in ``count`` (not necessarily whole) independent values."""
    hits, tail = rate * count, (1.0 - confidence) / 2.0
    low = float(special.betaincinv(hits, count - hits + 1.0, tail)) if hits > 0 else 0.0
    high = float(special.betaincinv(hits + 1.0, count - hits, 1.0 - tail)) if hits < count else 1.0
    return low, high
