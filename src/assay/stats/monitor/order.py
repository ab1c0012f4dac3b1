"""How far back the past reaches and how many states it takes, from the training data."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from assay.stats.arrays import Floats
from assay.stats.monitor.canonical import CanonicalCore, variates
from assay.stats.monitor.windows import folds

LONGEST = 5
"""Lags that are tried at most."""
PATIENCE = 2
"""Lags in a row that may predict no better than the best before them."""
ROWS_PER_WEIGHT = 5
"""Training rows wanted for each weight of a stacked row."""
ROWS_PER_LAG = 50
"""Training rows wanted for each lag, so that a block and the rows next to it can be left out."""


def order_by_prediction(
    rows: Floats, blocks: int, lags: int | None = None, states: int | None = None
) -> tuple[int, int]:
    """The smallest model that predicts the next row as well as any, within one standard error.

    Tried are 1, 2, … lags until two in a row predict no better (at most 5, one fifth of the rows per variable
    and one fiftieth of the rows), with as many states as variables, twice as many, … up to all of them. The
    rows of each block are predicted one step ahead by a model of the other blocks; the measure is the mean
    Gaussian log density of the prediction errors. Among models whose mean difference to the best, over the
    blocks, is within its standard error, the one with the fewest states and then the fewest lags is taken
    (Breiman, Friedman, Olshen and Stone 1984, *Classification and Regression Trees*, section 3.4.3). What is
    given is kept.
    """
    width = rows.shape[1]
    most = max(min(LONGEST, len(rows) // (ROWS_PER_WEIGHT * width), len(rows) // ROWS_PER_LAG), 1)
    least = math.ceil(states / width) if states is not None else 1
    tried: dict[tuple[int, int], Floats] = {}
    reached: list[float] = []
    for length in [lags] if lags is not None else range(least, max(most, least) + 1):
        numbers = [states] if states is not None else [width * times for times in range(1, length + 1)]
        if len(numbers) == 1 and (lags is not None or most <= least):
            return length, numbers[0]
        for number, loss in zip(numbers, _losses(rows, length, numbers, blocks), strict=True):
            tried[number, length] = loss
        reached.append(min(float(tried[number, length].mean()) for number in numbers))
        if len(reached) - 1 - int(np.argmin(reached)) >= PATIENCE:
            break
    best = min(tried.values(), key=lambda loss: float(loss.mean()))
    for (number, length), loss in sorted(tried.items(), key=lambda item: item[0]):
        apart = loss - best
        if apart.mean() <= apart.std(ddof=1) / math.sqrt(blocks):
            return length, number
    raise AssertionError("the best model is as good as itself")


def _losses(rows: Floats, lags: int, states: Sequence[int], blocks: int) -> Floats:
    """Twice the mean negative log density up to a constant, ``(len(states), blocks)``."""
    found = []
    for fold in folds(rows, 2 * lags, lags, blocks):
        all_of_them = variates(fold.rest, lags)
        part = rows[fold.start - lags : fold.stop]
        cores = [all_of_them.core(number) for number in states]
        found.append([float(core.raw(part).spe.mean()) + _log_determinant(core) for core in cores])
    return np.array(found).T


def _log_determinant(core: CanonicalCore) -> float:
    """Log determinant of the covariance of the prediction errors, over the directions that vary."""
    values = np.linalg.eigvalsh(core.whitening)
    return -2.0 * float(np.log(values[values > values[-1] * 1e-9]).sum())
