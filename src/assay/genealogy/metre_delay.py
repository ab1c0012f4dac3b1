"""How long material takes between two stations, read off what both measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import solve_toeplitz
from scipy.signal import lfilter
from scipy.stats import gamma, rankdata

from assay.genealogy.metre_errors import MetreError

Floats = NDArray[np.float64]

CREDIBLE = 0.01
"""Probability of so high a peak anywhere in the range, were there no delay, below which one is believed."""
_CLIP = 4.0
"""Robust standard deviations at which an innovation is clipped: one spike at both ends is no delay."""
_BLOCKS, _DRAWS = 40, 400
_FEWEST = 40
_LEAST_KNOWN = 0.6


@dataclass(frozen=True)
class Delay:
    """The transport delay between two stations.

    Attributes
    ----------
    value, low, high
        Seconds, and the interval that holds 95 % of the bootstrap.
    correlation
        Root mean square over the pairs of signals of the correlation of the innovations at the peak.
    p_value
        Probability of so high a peak anywhere in the range searched, were there no delay.
    credible
        Whether it is below :data:`CREDIBLE`. Where it is not, ``value`` is the highest peak of noise.
    together
        The same correlation at a delay of 0: what moves both stations at once is no transport.
    lags, strength
        Shape (k,): the delays searched, s, and the mean square correlation at each.
    """

    value: float
    low: float
    high: float
    correlation: float
    p_value: float
    credible: bool
    together: float
    lags: Floats
    strength: Floats


def estimate_delay(
    upstream: ArrayLike,
    downstream: ArrayLike,
    *,
    step: float,
    longest: float,
    shortest: float = 0.0,
    paired: bool = True,
    within: float | None = None,
    seed: int = 0,
) -> Delay:
    """Estimate the delay between signals of two stations that were sampled together.

    Each signal upstream is made white by an autoregression, the signals downstream pass the same filter, and
    the delay is where their correlation peaks (Box, Jenkins and Reinsel, Time Series Analysis, 12.1:
    without it, two slow signals correlate at any lag). Spikes are clipped. The interval is that of a block
    bootstrap (Künsch, Annals of Statistics 17 (1989)), the significance that of the peak against all lags far
    from the range.

    Parameters
    ----------
    upstream, downstream
        Shapes (n,) or (n, p): samples at equal steps in the order of time, NaN where missing.
    step
        Seconds between samples.
    longest, shortest
        The range searched, s; a lower end above 0 keeps out what moves both stations at once.
    paired
        Whether column k is the same characteristic on both sides; otherwise all pairs count.
    within
        Instead of whitening, take out what swings more slowly than this (s), and compare ranks. Whitening
        gives every frequency the same weight; where gauges are noisy, only slower ones hold anything.

    Raises
    ------
    MetreError
        Signals of different length, too short for the range, without variation, or mostly missing.
    """
    above, below = _columns(upstream, "upstream"), _columns(downstream, "downstream")
    if not (step > 0 and np.isfinite([step, longest, shortest]).all()):
        raise MetreError.of("range", shortest=shortest, longest=longest, step=step)
    first, last = int(np.ceil(shortest / step - 1e-9)), int(np.floor(longest / step + 1e-9))
    _check(above, below, (first, last), step, paired=paired)
    span = None if within is None else max(3, round(within / step))
    pairs = _prepared(above, below, span, paired=paired)
    count = len(pairs[0][0])
    lags = np.arange(first, last + 1)
    around = _circular(pairs, count)
    strength = around[lags]
    blocks = _block_sums(pairs, lags)
    peak = _peak(strength)
    draws = np.random.default_rng(seed).integers(0, _BLOCKS, (_DRAWS, _BLOCKS))
    spread = np.array([_peak((blocks[draw].sum(axis=0) ** 2).mean(axis=0)) for draw in draws])
    low, high = np.quantile(spread, [0.025, 0.975])
    chance = _chance(around, float(strength.max()), first, last)
    return Delay(
        value=(first + peak) * step,
        low=(first + min(low, peak)) * step,
        high=(first + max(high, peak)) * step,
        correlation=float(np.sqrt(strength.max())),
        p_value=chance,
        credible=chance < CREDIBLE,
        together=float(np.sqrt(around[0])),
        lags=lags.astype(np.float64) * step,
        strength=strength,
    )


def aligned(times: ArrayLike, upstream: ArrayLike, delay: float) -> Floats:
    """What stood at the upstream station when the material now at the downstream one passed there.

    ``times`` (s, ascending) are those of both; NaN where the record does not reach back.
    """
    seconds, values = np.asarray(times, np.float64), np.asarray(upstream, np.float64)
    return np.interp(seconds - delay, seconds, values, left=np.nan)


def _columns(values: ArrayLike, name: str) -> Floats:
    array = np.asarray(values, np.float64)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or not array.size:
        raise MetreError.of("signal-shape", name=name, shape=array.shape)
    return array


def _check(above: Floats, below: Floats, lags: tuple[int, int], step: float, *, paired: bool) -> None:
    first, last = lags
    if not 0 <= first <= last:
        raise MetreError.of("range", shortest=first * step, longest=last * step, step=step)
    if len(above) != len(below) or (paired and above.shape != below.shape):
        raise MetreError.of("signals-differ", upstream=above.shape, downstream=below.shape)
    if len(above) < max(_FEWEST, 3 * last):
        raise MetreError.of("too-short", count=len(above), least=max(_FEWEST, 3 * last), longest=last * step)


def _prepared(above: Floats, below: Floats, span: int | None, *, paired: bool) -> list[tuple[Floats, Floats]]:
    """Each pair with mean 0 and variance 1, white or within a span; what has no variation is left out."""
    ours, theirs = ([_filled(side[:, k]) for k in range(side.shape[1])] for side in (above, below))
    pairs = []
    for k, one in enumerate(ours):
        if one is None:
            continue
        inverse = _inverse_filter(one) if span is None else np.ones(1)
        for other in theirs[k : k + 1] if paired else theirs:
            if other is None:
                continue
            if span is None:
                pairs.append((_innovation(one, inverse), _innovation(other, inverse)))
            else:
                pairs.append((_swing(one, span), _swing(other, span)))
    if not pairs:
        raise MetreError.of("no-variation", upstream=above.shape[1], downstream=below.shape[1])
    return pairs


def _filled(values: Floats) -> Floats | None:
    """Gaps bridged by straight lines; None where too little is known or nothing varies."""
    known = np.isfinite(values)
    if known.mean() < _LEAST_KNOWN or np.ptp(values[known]) == 0:
        return None
    place = np.arange(len(values))
    return np.interp(place, place[known], values[known])


def _inverse_filter(values: Floats) -> Floats:
    """The whitening filter of an autoregression (Yule-Walker), its order by Akaike's criterion."""
    centred = values - values.mean()
    count = len(centred)
    most = min(int(10 * np.log10(count)), count // 4)
    covariance = np.array([centred[: count - lag] @ centred[lag:] for lag in range(most + 1)]) / count
    covariance[0] *= 1 + 1e-6
    best, chosen = np.inf, np.array([1.0])
    for order in range(1, most + 1):
        weights = solve_toeplitz(covariance[:order], covariance[1 : order + 1])
        variance = covariance[0] - weights @ covariance[1 : order + 1]
        criterion = count * np.log(max(variance, 1e-300)) + 2 * order
        if criterion < best:
            best, chosen = criterion, np.concatenate([[1.0], -weights])
    return chosen


def _innovation(values: Floats, inverse: Floats) -> Floats:
    white = lfilter(inverse, [1.0], values - values.mean())[len(inverse) - 1 :]
    white = np.concatenate([np.zeros(len(inverse) - 1), white])
    middle = np.median(white)
    spread = 1.4826 * np.median(np.abs(white - middle)) or white.std() or 1.0
    clipped = np.clip((white - middle) / spread, -_CLIP, _CLIP)
    clipped -= clipped.mean()
    return np.asarray(clipped / (clipped.std() or 1.0))


def _swing(values: Floats, span: int) -> Floats:
    """Ranks less their running mean over ``span`` samples."""
    ranks = rankdata(values)
    half = span // 2
    padded = np.pad(ranks, half, mode="edge")
    slow = np.convolve(padded, np.ones(2 * half + 1) / (2 * half + 1), mode="valid")
    fast = ranks - slow
    fast -= fast.mean()
    return np.asarray(fast / (fast.std() or 1.0))


def _circular(pairs: list[tuple[Floats, Floats]], count: int) -> Floats:
    """Mean square correlation at every circular lag, shape (count,)."""
    total = np.zeros(count)
    for one, other in pairs:
        total += (np.fft.irfft(np.conj(np.fft.rfft(one)) * np.fft.rfft(other), count) / count) ** 2
    return total / len(pairs)


def _block_sums(pairs: list[tuple[Floats, Floats]], lags: NDArray[np.int64]) -> Floats:
    """Contribution of each block of time to each correlation, shape (blocks, pairs, lags)."""
    count = len(pairs[0][0])
    edges = np.linspace(0, count, _BLOCKS, endpoint=False).astype(np.int64)
    sums = np.empty((_BLOCKS, len(pairs), len(lags)))
    for place, (one, other) in enumerate(pairs):
        for column, lag in enumerate(lags):
            product = one * np.roll(other, -lag)
            product[count - lag :] = 0.0
            sums[:, place, column] = np.add.reduceat(product, edges) / count
    return sums


def _peak(strength: Floats) -> float:
    """Position of the highest value, between samples by a parabola through it and its neighbours."""
    top = int(strength.argmax())
    if not 0 < top < len(strength) - 1:
        return float(top)
    left, middle, right = np.sqrt(strength[top - 1 : top + 2])
    bend = left - 2 * middle + right
    return top + float(np.clip(0.5 * (left - right) / bend, -0.5, 0.5)) if bend < 0 else float(top)


def _chance(around: Floats, highest: float, first: int, last: int) -> float:
    """Probability that the highest of the lags searched is as high by chance: gamma law of all other lags."""
    count = len(around)
    reach = last + 1
    far = around[reach : count - reach] if count > 3 * reach else around[reach:]
    mean, variance = float(far.mean()), float(far.var())
    if variance <= 0:
        return 1.0
    single = float(gamma.sf(highest, mean * mean / variance, scale=variance / mean))
    return float(-np.expm1((last - first + 1) * np.log1p(-min(single, 1 - 1e-12))))
