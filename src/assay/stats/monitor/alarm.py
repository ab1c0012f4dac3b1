"""From raw statistics to one alarm per row: smoothing, limits, the combined index."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.signal import lfilter

from assay.stats.arrays import Floats
from assay.stats.monitor.core import Raw, squares
from assay.stats.result import Result


@dataclass(frozen=True)
class FalseAlarms(Result):
    """The false-alarm rate asked for beside the one the training data shows.

    Rates are shares of alarms among rows in which nothing is wrong, all statistics together.
    """

    nominal: float
    """The rate asked for."""
    realised: float
    """Share of alarms among training rows, each scored by a model and a limit made from other blocks; NaN
    where the training data is too short to leave blocks out."""
    low: float
    """Lower end of the 95 % interval of the realised rate."""
    high: float
    """Upper end of the 95 % interval of the realised rate."""
    independent: float
    """How many independent rows the training rows are worth, by the autocorrelation of the index."""
    aimed: float
    """The rate the limits aim at: below the nominal one, so that few rows don't let it be exceeded."""
    confidence: float
    """How sure it is that the nominal rate isn't exceeded; NaN for textbook limits."""


@dataclass(frozen=True, eq=False)
class Smoothing:
    """How raw statistics become the watched ones.

    T² and SPE: cube roots, which makes χ²-like statistics close to normal (Wilson and Hilferty 1931, *PNAS*
    17, 684-688), then an exponentially weighted moving average that starts at ``centres``. MEWMA: T² of the
    exponentially weighted moving average of the prediction errors with its exact covariance from the first
    row on (Lowry, Woodall, Champ and Rigdon 1992, *Technometrics* 34, 46-53).
    """

    names: tuple[str, ...]
    weight: float
    """Weight of the newest row in the average of cube roots; 1 is no smoothing."""
    memory: float
    """Weight of the newest prediction error in the MEWMA."""
    centres: tuple[float, ...]
    """Where the averages start: mean cube root of each statistic (0 for the MEWMA)."""

    def watched(self, raw: Raw) -> Floats:
        """Watched statistics on the cube-root scale, ``(m, k)``."""
        columns = []
        for name, centre in zip(self.names, self.centres, strict=True):
            if name == "mewma":
                columns.append(np.cbrt(mewma(raw, self.memory)))
            else:
                root = np.cbrt(getattr(raw, name))
                columns.append(root if self.weight == 1 else averaged(root - centre, self.weight) + centre)
        return np.column_stack(columns)


@dataclass(frozen=True, eq=False)
class Limits:
    """Limits on the cube-root scale: the index of a statistic is 0 at ``middle`` and ``scale`` at ``top``."""

    middle: Floats
    top: Floats
    scale: float
    """The combined index that is the limit, before it is divided by itself."""

    def index(self, watched: Floats) -> Floats:
        """Of each row and statistic; an alarm is above 1."""
        found: Floats = (watched - self.middle) / (self.top - self.middle) / self.scale
        return found

    @property
    def roots(self) -> Floats:
        """The limit of each watched statistic on the cube-root scale."""
        found: Floats = self.middle + self.scale * (self.top - self.middle)
        return found


def averaged(values: Floats, weight: float) -> Floats:
    """Exponentially weighted moving average down the rows, starting from 0."""
    found: Floats = lfilter([weight], [1.0, weight - 1.0], values, axis=0)
    return found


def mewma(raw: Raw, memory: float) -> Floats:
    """T² of the moving average of the whitened prediction errors, ``(m,)``."""
    assert raw.errors is not None  # noqa: S101 - only models that predict watch it
    steps = np.arange(1, len(raw.errors) + 1)
    return squares(averaged(raw.errors, memory)) / mewma_variance(memory, steps)


def mewma_variance(memory: float, steps: ArrayLike) -> Floats | float:
    """Variance of the moving average of unit white noise after ``steps`` rows."""
    return memory / (2.0 - memory) * -np.expm1(2.0 * np.asarray(steps) * _log_kept(memory))


def _log_kept(memory: float) -> float:
    return math.log1p(-memory) if memory < 1 else -math.inf
