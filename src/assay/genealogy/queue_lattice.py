"""The band of cells a queue is matched on, and the density of each pair in it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from assay.genealogy import queue_kernel as kernel

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

OUTLIERS = 0.002
"""Share of matched pairs whose times say nothing (a station that hung, a piece held back)."""
MISREAD = 1e-4
"""Probability that a carrier is read as another one."""
_MARGIN = 3
"""Positions by which the band is wider than the times ask for."""
_OPEN_SHARE, _OPEN_STAY = 2e-4, 0.995
"""How likely a side is cut off in mid-flow, and the geometric law of how many pieces that leaves alone."""


@dataclass(frozen=True)
class Sides:
    """What the matcher knows of both sides.

    Attributes
    ----------
    entered, left
        Shapes (n,) and (m,): seconds, in the order of the counts; NaN where there is no time.
    deviation
        Shape (k, n): seconds by which each in count is off its beat (:mod:`assay.genealogy.queue_takt`).
    spacing
        Shape (m,): seconds between out counts, around each of them.
    label_in, label_out
        Shapes (n,) and (m,): code of the carrier, -1 where it is not known.
    rarity
        Shape (labels,): one over the share of each carrier.
    open_ends
        Whether pieces may have been inside before the first and after the last count.
    """

    entered: Floats
    left: Floats
    deviation: Floats
    spacing: Floats
    label_in: Integers
    label_out: Integers
    rarity: Floats
    open_ends: bool

    @cached_property
    def takt(self) -> float:
        """Usual time between two out counts, s; 1 where there are no times."""
        return float(np.median(self.spacing)) if self.spacing.size else 1.0

    def factor(self, row_in: Integers, row_out: Integers) -> Floats:
        """How much likelier each pair's carriers are when it is one piece than when it is not."""
        factor = np.ones(len(row_in))
        if not len(self.rarity):
            return factor
        entered, left = self.label_in[row_in], self.label_out[row_out]
        both = (row_in >= 0) & (row_out >= 0) & (entered >= 0) & (left >= 0)
        others = max(1, len(self.rarity) - 1)
        same = np.where(entered == left, 1 - MISREAD, MISREAD / others)
        factor[both] = (same * self.rarity[left])[both]
        return factor


@dataclass(frozen=True)
class Lattice:
    """A band of cells with everything that does not change with the parameters.

    ``row_in`` and ``row_out`` name the pair each cell stands for (-1: none, on the edges).
    """

    low: Integers
    start: Integers
    inner: NDArray[np.bool_]
    row_in: Integers
    row_out: Integers
    difference: Floats
    spacing: Floats
    label: Floats
    source: Floats
    sink: Floats

    @classmethod
    def build(cls, sides: Sides, first: Integers, last: Integers) -> Lattice:
        """The band in which in count i may meet the out counts ``first[i] … last[i]``."""
        n, m = len(sides.entered), len(sides.left)
        low, high = _rows(first, last, n, m)
        start = np.concatenate([[0], np.cumsum(high - low + 1)]).astype(np.int64)
        i = np.repeat(np.arange(n + 1), high - low + 1)
        j = np.arange(start[-1]) - np.repeat(start[:-1] - low, high - low + 1)
        inner = (i > 0) & (j > 0)
        row_in, row_out = np.where(inner, i - 1, -1), np.where(inner, j - 1, -1)
        difference = np.where(inner, sides.left[row_out] - sides.entered[row_in], 0.0)
        source, sink = (i == 0) & (j == 0), (i == n) & (j == m)
        begun, ended = source.astype(np.float64), sink.astype(np.float64)
        if sides.open_ends:
            share = _OPEN_SHARE * (1 - _OPEN_STAY)
            edge = ((i == 0) | (j == 0)) & ~source
            begun[edge] = share * _OPEN_STAY ** (i + j)[edge]
            edge = ((i == n) | (j == m)) & ~sink
            ended[edge] = share * _OPEN_STAY ** (n - i + m - j)[edge]
        label = sides.factor(row_in, row_out)
        spacing = np.where(inner, sides.spacing[row_out], 1.0)
        return cls(low, start, inner, row_in, row_out, difference, spacing, label, begun, ended)

    def weigh(self, offset: Floats, spread: float, reach: float) -> tuple[Floats, Floats, Floats]:
        """Density of each pair's times relative to a lone count's, residual, and share that is no outlier.

        ``offset`` is the residence of each in count, ``spread`` the standard deviation of what is left and
        ``reach`` the width over which outliers spread; all in seconds.
        """
        timing, residual, core = kernel.weigh(
            self.low, self.start, self.difference, self.spacing, offset, spread, OUTLIERS, OUTLIERS / reach
        )
        return timing, residual, core

    def untimed(self) -> tuple[Floats, Floats, Floats]:
        """The same where only the order is known."""
        nothing = np.zeros(len(self.inner))
        return self.inner.astype(np.float64), nothing, nothing


def _rows(first: Integers, last: Integers, n: int, m: int) -> tuple[Integers, Integers]:
    """First and last out position of each row, monotone and without a gap between rows."""
    low, high = np.zeros(n + 1, np.int64), np.full(n + 1, m, np.int64)
    low[1:] = np.clip(first - _MARGIN, 0, m)
    low[1:] = np.minimum.accumulate(low[1:][::-1])[::-1]
    high[1:] = np.clip(last + 1 + _MARGIN, 0, m)
    high[1:] = np.maximum.accumulate(high[1:])
    high[:-1] = np.minimum(high[1:], np.maximum(high[:-1], low[1:] + _MARGIN))
    low[0], high[n] = 0, m
    high = np.maximum(np.maximum.accumulate(high), low)
    return low, high


@dataclass(frozen=True)
class Pass:
    """One forward-backward pass: for each cell's pair the probability that it is one piece and that its
    times are compared, and how often each move is made."""

    evidence: float
    matched: Floats
    compared: Floats
    sums: Floats


def score(lattice: Lattice, density: tuple[Floats, Floats, Floats], rates: Floats) -> float:
    """Logarithm of the evidence for ``rates`` (the five moves of the kernel)."""
    weights, _, scales = kernel.forward(
        lattice.low, lattice.start, density[0], lattice.label, lattice.source, rates
    )
    return float(kernel.evidence(lattice.start, weights, scales, lattice.sink))


def run(lattice: Lattice, density: tuple[Floats, Floats, Floats], rates: Floats) -> Pass:
    """Forward and backward for ``rates`` (the five moves of the kernel)."""
    fixed = (lattice.low, lattice.start, density[0], lattice.label)
    weights, ended, scales = kernel.forward(*fixed, lattice.source, rates)
    evidence = float(kernel.evidence(lattice.start, weights, scales, lattice.sink))
    matched, compared, sums = kernel.backward(*fixed, lattice.sink, rates, weights, ended, scales, evidence)
    return Pass(evidence, matched, compared, sums)
