"""Rows with their past beside them, and their sums for any stretch of rows.

A window of ``w`` rows is one stacked row ``(x_t, x_{t-1}, …, x_{t-w+1})``; ``n`` rows give ``n - w + 1``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from assay.stats.arrays import Floats

CHUNK = 4096
"""Stacked rows held at a time, so that memory doesn't grow with the number of rows."""


def stacked(rows: Floats, window: int) -> Floats:
    """The newest row first: ``(n, p)`` becomes ``(n - window + 1, window * p)``; no copy for 1."""
    if window == 1:
        return rows
    count = len(rows) - window + 1
    return np.hstack([rows[window - 1 - lag : window - 1 - lag + count] for lag in range(window)])


@dataclass(frozen=True)
class Moments:
    """Number, sum and sum of squares and products of stacked rows; what is left out is subtracted."""

    count: int
    total: Floats
    products: Floats

    def __sub__(self, other: Moments) -> Moments:
        return Moments(self.count - other.count, self.total - other.total, self.products - other.products)

    @property
    def mean(self) -> Floats:
        """Mean of the stacked rows."""
        return self.total / self.count

    @property
    def covariance(self) -> Floats:
        """Covariance with divisor ``count - 1``."""
        mean = self.mean
        found: Floats = (self.products - self.count * np.outer(mean, mean)) / (self.count - 1)
        return found


def moments(rows: Floats, window: int, start: int, stop: int) -> Moments:
    """Moments of the stacked rows ``start`` ≤ index < ``stop``."""
    width = window * rows.shape[1]
    total, products = np.zeros(width), np.zeros((width, width))
    for low in range(start, stop, CHUNK):
        part = stacked(rows[low : min(low + CHUNK, stop) + window - 1], window)
        total += part.sum(axis=0)
        products += part.T @ part
    return Moments(max(stop - start, 0), total, products)


@dataclass(frozen=True)
class Fold:
    """A block of rows, ``start`` ≤ index < ``stop``, and the moments of what does not touch it."""

    start: int
    stop: int
    rest: Moments


def folds(rows: Floats, window: int, first: int, blocks: int) -> Iterator[Fold]:
    """Contiguous blocks over ``first`` … ``n``, each with the moments of the stacked rows apart from it.

    A stacked row that shares a row with the block, or lies within one window of it, is in neither.
    """
    available = len(rows) - window + 1
    whole = moments(rows, window, 0, available)
    edges = np.linspace(first, len(rows), blocks + 1).astype(int)
    for start, stop in pairwise(edges):
        low = max(int(start) - 2 * window + 1, 0)
        high = min(int(stop) + window, available)
        yield Fold(int(start), int(stop), whole - moments(rows, window, low, max(high, low)))


def inverse_root(covariance: Floats, floor: float = 1e-10) -> Floats:
    """Symmetric inverse square root; directions below ``floor`` of the largest eigenvalue are left out."""
    values, vectors = np.linalg.eigh(covariance)
    kept = values > floor * values[-1]
    found: Floats = (vectors[:, kept] / np.sqrt(values[kept])) @ vectors[:, kept].T
    return found
