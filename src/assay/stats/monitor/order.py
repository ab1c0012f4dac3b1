"""How far back the past reaches: the number of lags, from the training data."""

from __future__ import annotations

import math

import numpy as np

from assay.stats.arrays import Floats
from assay.stats.monitor.canonical import CanonicalCore, canonical
from assay.stats.monitor.windows import folds

LONGEST = 5
"""Lags that are tried at most."""
ROWS_PER_WEIGHT = 5
"""Training rows wanted for each weight of a stacked row."""


def lags_by_prediction(rows: Floats, blocks: int) -> int:
    """The fewest lags that predict the next row as well as any, within one standard error.

    For 1, 2, … lags (at most 5, and at most one fifth of the rows per variable) the rows of each block are
    predicted one step ahead by a model of the other blocks; the measure is the mean Gaussian log density of
    the prediction errors. More lags are tried until they predict worse. One standard error of the difference
    over the blocks as in Breiman, Friedman, Olshen and Stone 1984, *Classification and Regression Trees*,
    section 3.4.3.
    """
    most = min(LONGEST, max(len(rows) // (ROWS_PER_WEIGHT * rows.shape[1]), 1))
    if most == 1:
        return 1
    losses: list[Floats] = []
    for lags in range(1, most + 1):
        losses.append(_losses(rows, lags, blocks))
        if losses[-1].mean() > min(loss.mean() for loss in losses):
            break
    best = min(losses, key=lambda loss: float(loss.mean()))
    for lags, loss in enumerate(losses, start=1):
        apart = loss - best
        if apart.mean() <= apart.std(ddof=1) / math.sqrt(blocks):
            return lags
    return len(losses)


def _losses(rows: Floats, lags: int, blocks: int) -> Floats:
    """Twice the mean negative log density of each block, up to a constant."""
    width = rows.shape[1]
    found = []
    for fold in folds(rows, 2 * lags, lags, blocks):
        core = canonical(fold.rest, lags, width)
        raw = core.raw(rows[fold.start - lags : fold.stop])
        found.append(float(raw.spe.mean()) + _log_determinant(core))
    return np.array(found)


def _log_determinant(core: CanonicalCore) -> float:
    """Log determinant of the covariance of the prediction errors, over the directions that vary."""
    values = np.linalg.eigvalsh(core.whitening)
    return -2.0 * float(np.log(values[values > values[-1] * 1e-9]).sum())
