"""Limits from training data alone: every block is scored by a model of the other blocks."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from assay.stats.arrays import Floats
from assay.stats.monitor.alarm import FalseAlarms, Limits, Smoothing
from assay.stats.monitor.core import Core, Raw
from assay.stats.monitor.tail import cautious_rate, independent, quantile_above, rate_interval
from assay.stats.monitor.windows import Moments, folds


def out_of_sample(
    rows: Floats, window: int, offset: int, blocks: int, build: Callable[[Moments], Core]
) -> Raw:
    """Statistics of the training rows from ``offset`` on, in order, each block by a model of the others.

    Statistics of the rows a model was fitted on are too small, the more so the fewer rows there are; limits
    from them give several times the false alarms asked for. Blocks are contiguous and rows within one window
    of a block are in no model of it, for neighbours resemble each other.
    """
    parts = [
        build(fold.rest).raw(rows[fold.start - offset : fold.stop])
        for fold in folds(rows, window, offset, blocks)
    ]
    errors = [part.errors for part in parts if part.errors is not None]
    return Raw(
        np.concatenate([part.t2 for part in parts]),
        np.concatenate([part.spe for part in parts]),
        np.concatenate(errors) if errors else None,
    )


def smoothing_of(raw: Raw, names: tuple[str, ...], weight: float, memory: float) -> Smoothing:
    """Averages that start at the mean of the out-of-sample statistics."""
    centres = tuple(0.0 if name == "mewma" else float(np.cbrt(getattr(raw, name)).mean()) for name in names)
    return Smoothing(names, weight, memory, centres)


def limits_of(watched: Floats, alpha: float, confidence: float) -> tuple[Limits, float, float]:
    """Limits, the rate they aim at, and the number of independent rows behind them.

    Each statistic is scaled so that it passes ``top`` equally often; the combined index is the largest, and
    its tail gives the limit.
    """
    middle = np.median(watched, axis=0)
    top = np.array([quantile_above(column, alpha, independent(column), confidence) for column in watched.T])
    top = np.maximum(top, np.nextafter(middle, np.inf))
    combined = ((watched - middle) / (top - middle)).max(axis=1)
    count = independent(combined)
    aimed = cautious_rate(alpha, count, confidence)
    return Limits(middle, top, quantile_above(combined, aimed, count, confidence)), aimed, count


def calibrated(watched: Floats, alpha: float, confidence: float, blocks: int) -> tuple[Limits, FalseAlarms]:
    """Limits of the out-of-sample statistics, and the rate seen in each block at the limits of the others."""
    limits, aimed, count = limits_of(watched, alpha, confidence)
    edges = np.linspace(0, len(watched), blocks + 1).astype(int)
    alarms = 0
    for start, stop in pairwise(edges):
        others, _, _ = limits_of(np.concatenate([watched[:start], watched[stop:]]), alpha, confidence)
        alarms += int((others.index(watched[start:stop]).max(axis=1) > 1).sum())
    realised = alarms / len(watched)
    low, high = rate_interval(realised, count)
    return limits, FalseAlarms(alpha, realised, low, high, count, aimed, confidence)


def fixed(watched: Floats | None, tops: Floats, alpha: float) -> tuple[Limits, FalseAlarms]:
    """Textbook limits, and the rate they give on the out-of-sample statistics (None where there are none)."""
    limits = Limits(np.zeros(len(tops)), np.cbrt(tops), 1.0)
    nan = float("nan")
    if watched is None:
        return limits, FalseAlarms(alpha, nan, nan, nan, nan, alpha, nan)
    combined = limits.index(watched).max(axis=1)
    realised, count = float((combined > 1).mean()), independent(combined)
    low, high = rate_interval(realised, count)
    return limits, FalseAlarms(alpha, realised, low, high, count, alpha, nan)
