"""How far each count is off the beat of its line.

Where pieces come in a steady beat, the times of the in side are the beat plus the noise of its sensor, and
only the beat comes out again. To compare out times with noisy in times as if the noise had gone through the
furnace makes chance decide between residences that differ by a whole takt.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SCALES = (8.0, 40.0, 200.0)
"""Beats (one standard deviation) over which the beat is smoothed, finest first."""
_BLOCK = 96
"""Counts over which one takt is estimated."""
_RANGE = 0.12
"""How far around the median gap the takt is looked for: holes and extra counts move the median."""
_FEWEST = 8


def deviations(times: Floats) -> Floats:
    """Seconds by which each count is off the beat around it, shape (3, n); 0 where there is none to tell.

    The first row is the count less the beat smoothed over the finest of :data:`SCALES`, the second that beat
    less the one of the next scale, and so on: in all, the count less the coarsest beat. The takt is the
    strongest line of the periodogram of a block of counts (Bartlett, The spectral analysis of point
    processes, J. R. Stat. Soc. B 25 (1963)), the finest beat the circular mean of the neighbours, the
    coarser ones local straight lines through it.
    """
    result = np.zeros((len(SCALES), len(times)))
    known = np.flatnonzero(np.isfinite(times))
    if len(known) < _FEWEST:
        return result
    seconds = times[known]
    takt = _takts(seconds)
    beat = seconds + _phase(seconds, takt, SCALES[0])
    result[0, known] = seconds - beat
    number = np.concatenate([[0.0], np.cumsum(np.maximum(0.0, np.rint(np.diff(beat) / takt[1:])))])
    for row, scale in enumerate(SCALES[1:], 1):
        smoother = _line(number, beat, scale)
        result[row, known] = beat - smoother
        beat = smoother
    return result


def _phase(seconds: Floats, takt: Floats, scale: float) -> Floats:
    """Seconds from each count to the nearest beat of its neighbours."""
    near, inside = _neighbours(len(seconds), int(2 * scale))
    ahead = (seconds[near] - seconds[:, None]) / takt[:, None]
    weight = np.where(inside, np.exp(-0.5 * (np.rint(ahead) / scale) ** 2), 0.0)
    turns = (weight * np.exp(2j * np.pi * ahead)).sum(axis=1)
    return np.asarray(np.angle(turns) * takt / (2 * np.pi))


def _line(number: Floats, beat: Floats, scale: float) -> Floats:
    """The beat on straight lines fitted around each count with a normal weight."""
    reach = int(2.5 * scale)
    near, inside = _neighbours(len(beat), reach)
    off = number[near] - number[:, None]
    weight = np.where(inside | (off == 0), np.exp(-0.5 * (off / scale) ** 2), 0.0)
    rise = beat[near] - beat[:, None]
    total, first = weight.sum(axis=1), (weight * off).sum(axis=1)
    second, mean = (weight * off * off).sum(axis=1), (weight * rise).sum(axis=1)
    product = (weight * off * rise).sum(axis=1)
    spread = total * second - first * first
    level = np.where(spread > 0, (second * mean - first * product) / np.where(spread > 0, spread, 1.0), 0.0)
    return np.asarray(beat + level)


def _neighbours(count: int, reach: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Places around each count, clipped at the ends, and which of them are others that exist."""
    place = np.arange(count)
    near = place[:, None] + np.arange(-reach, reach + 1)
    inside = (near >= 0) & (near < count) & (near != place[:, None])
    return np.clip(near, 0, count - 1), inside


def _takts(seconds: Floats) -> Floats:
    """The takt around each count, s."""
    count = len(seconds)
    size = min(_BLOCK, count)
    starts = np.unique(np.append(np.arange(0, count - size + 1, size // 2), count - size))
    centres, takts = starts + size / 2, np.empty(len(starts))
    usual = float(np.median(np.diff(seconds)))
    for turn, start in enumerate(starts):
        block = seconds[start : start + size] - seconds[start]
        gap = float(np.median(np.diff(block)))
        gap = gap if gap > 0 else usual
        if gap <= 0:
            takts[turn] = 1.0
            continue
        tried = gap * np.exp(np.linspace(-_RANGE, _RANGE, 16 * size // 4 + 1))
        power = np.abs(np.exp(2j * np.pi * block[None, :] / tried[:, None]).sum(axis=1))
        takts[turn] = tried[np.argmax(power)]
    return np.interp(np.arange(count), centres, takts)
