"""What is asked of a queue: both sides, what is expected, and the parameters that are integrated over."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assay.genealogy.queue_lattice import Floats, Lattice, Sides

STRENGTH = 200.0
"""How many pieces the expected rates are worth beside the ones that were counted."""
SPREAD_STRENGTH = 2.0
"""How many pairs the first guess of the spread is worth."""
LEAST_SPREAD = 1e-6
"""Seconds: no spread is smaller than what stamps resolve."""
WIDEST = 0.45
"""Largest share of the counts of a side that may be alone: beyond it there is no queue."""
_EDGE = 0.1
"""How softly the tolerance ends, as a share of it: a nominal residence is not known better."""


@dataclass(frozen=True)
class Expected:
    """What is expected before a count is seen, as probabilities; ``crossed`` is 0 without times."""

    slot: float
    crossed: float
    alone_in: float
    alone_out: float


@dataclass(frozen=True)
class Parameters:
    """One point in the space that is integrated over; times in seconds.

    ``real`` is, of each part of an in count's deviation from its beat, the share that is the piece's own and
    not its sensor's.
    """

    residence: float
    spread: float
    real: tuple[float, ...]
    crossed: float
    alone_in: float
    alone_out: float

    def rates(self, slot: float) -> Floats:
        """The five moves in the order of the kernel: runs of lone counts, then a pair or a swap."""
        pair = (1 - self.alone_in) * (1 - self.alone_out)
        straight = pair * (1 - slot - self.crossed)
        return np.array([straight, pair * slot, pair * self.crossed, self.alone_in, self.alone_out])


@dataclass(frozen=True)
class Mode:
    """A peak of the posterior on a band of its own; ``drift`` is added to the residence of each in count."""

    parameters: Parameters
    lattice: Lattice
    height: float
    drift: Floats


@dataclass(frozen=True)
class Problem:
    """A queue, its priors, and where the residence may lie (NaN where there are no times)."""

    sides: Sides
    expected: Expected
    residence: float
    tolerance: float

    @property
    def timed(self) -> bool:
        """Whether there are times to go by."""
        return bool(np.isfinite(self.tolerance))

    def start(self, residence: float) -> Parameters:
        """Where a climb begins."""
        crossed = self.expected.crossed
        spread = self.first_spread if self.timed else 1.0
        return Parameters(
            residence,
            spread,
            (1.0,) * len(self.sides.deviation),
            crossed,
            self.expected.alone_in,
            self.expected.alone_out,
        )

    @property
    def first_spread(self) -> float:
        """A first guess of the spread: a quarter of the takt, within the tolerance."""
        return max(min(self.sides.takt / 4, self.tolerance), LEAST_SPREAD)

    def slot(self, at: Parameters) -> float:
        """Probability of a swap that times do not show: swaps that they do show leave fewer of these."""
        return max(0.1 * self.expected.slot, self.expected.slot - at.crossed)

    def density(self, lattice: Lattice, at: Parameters, drift: Floats) -> tuple[Floats, Floats, Floats]:
        """What the lattice's pairs weigh at these parameters."""
        if not self.timed:
            return lattice.untimed()
        reach = 2 * self.tolerance + 4 * self.sides.takt
        return lattice.weigh(self.offset(at, drift), at.spread, reach)

    def offset(self, at: Parameters, drift: Floats) -> Floats:
        """Seconds from each in count's time to where its piece is expected at the out side."""
        return at.residence + drift - (1 - np.array(at.real)) @ self.sides.deviation

    def prior(self, at: Parameters) -> float:
        """Logarithm of the prior, in the logarithms of spread and rates."""
        given = [(self.expected.alone_in, at.alone_in), (self.expected.alone_out, at.alone_out)]
        if self.timed:
            given.append((self.expected.crossed, at.crossed))
        if max(value for _, value in given) >= 1 - self.expected.slot:
            return -np.inf
        total = sum(
            STRENGTH * (mean * np.log(value) + (1 - mean) * np.log1p(-value)) for mean, value in given
        )
        if self.timed:
            outside = max(0.0, abs(at.residence - self.residence) - self.tolerance) / (_EDGE * self.tolerance)
            ratio = (self.first_spread / at.spread) ** 2
            total += -0.5 * outside**2 + 0.5 * SPREAD_STRENGTH * (np.log(ratio) - ratio)
        return float(total)
