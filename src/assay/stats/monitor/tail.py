"""Limits from out-of-sample statistics: tails, and how much independent information stands behind them."""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from assay.stats.arrays import Floats

TAIL = 0.1
"""Share of the largest values that the tail is fitted to."""
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
    power = np.abs(np.fft.rfft(centred, 2 * count)) ** 2
    autocovariance = np.fft.irfft(power)[: max(count // 3, 2)]
    if autocovariance[0] <= 0:
        return float(count)
    correlation = autocovariance / autocovariance[0]
    below = np.flatnonzero(correlation < 0.05)
    end = int(below[0]) if below.size else len(correlation)
    return float(count / (1.0 + 2.0 * correlation[1:end].sum()))


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
    often: it is raised by its standard error (about ``1 / √peaks``, of the ``count`` independent values) times
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
