"""The furnace matcher over simulated shifts, beside exact inference that knows the true parameters.

Two thousand pieces a shift; per piece 1 % missed and 1 % extra counts at each end, 1 % adjacent swaps, and a
residence drawn within the tolerance. The reference is the same model with residence, spread and rates
set to the truth instead of integrated; it is what no matcher can beat.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.genealogy.queue_climb import around, ordered
from assay.genealogy.queue_lattice import run as forward_backward
from assay.genealogy.queue_matcher import Counts, left_over, match, problem_of
from assay.genealogy.queue_problem import Parameters, Problem
from assay.genealogy.queue_result import ALONE, Matching
from assay.sim.furnace import Furnace, Passage, arrivals, pass_through
from benchmarks.figures import Figure

SHIFTS, PIECES = 100, 2_000
MOST_ERROR, LEAST_COVERAGE, MOST_SIZE = 0.03, 0.95, 1.25
FEWEST = 1_000
"""Probabilities that a decile must hold to be judged."""


@dataclass
class Tally:
    """Sums over shifts: per decile of probability how many, their sum, and how many were true; and groups."""

    count: NDArray[np.int64]
    said: NDArray[np.float64]
    true: NDArray[np.int64]
    covered: int = 0
    pieces: int = 0
    size: int = 0
    reference: int = 0
    seconds: float = 0.0

    @classmethod
    def empty(cls) -> Tally:
        """Nothing seen yet."""
        return cls(np.zeros(10, np.int64), np.zeros(10), np.zeros(10, np.int64))

    def add(self, matching: Matching, truth: NDArray[np.int64]) -> None:
        """Count one shift: every probability of every in count, *scrapped* included."""
        said = np.concatenate([matching.probability, matching.scrapped])
        true = np.concatenate([truth[matching.source] == matching.target, truth == ALONE])
        decile = np.minimum((said * 10).astype(np.int64), 9)
        self.count += np.bincount(decile, minlength=10)
        self.said += np.bincount(decile, said, minlength=10)
        self.true += np.bincount(decile[true], minlength=10)
        groups = matching.groups()
        piece = np.repeat(np.arange(matching.before), groups.sizes)
        self.covered += int((truth[piece] == groups.members).sum())
        self.pieces += matching.before
        self.size += len(groups.members)

    @property
    def error(self) -> float:
        """The largest difference between what was said and what was true, over deciles with enough."""
        judged = self.count >= FEWEST
        return float(np.max(np.abs(self.said - self.true)[judged] / self.count[judged], initial=0.0))


def run(
    *,
    repeats: int = 1,
    scale: float = 1.0,
    progress: Callable[[float, str], None] | None = None,
    furnace: Furnace | None = None,
    irregular: float = 0.3,
) -> list[Figure]:
    """All shifts once, with and without times; ``repeats`` moves the seeds on."""
    told = progress or (lambda done, what: None)
    shifts, made = max(1, round(SHIFTS * scale)), furnace or Furnace()
    figures: list[Figure] = []
    for timed in (True, False):
        tally = Tally.empty()
        for shift in range(shifts):
            told((shift + shifts * (not timed)) / (2 * shifts), f"shift {shift + 1} of {shifts}")
            rng = np.random.default_rng(1_000 * repeats + shift)
            passage = pass_through(rng, arrivals(rng, PIECES, irregular=irregular), made)
            _shift(tally, passage, made, timed=timed)
        figures += _figures(tally, "with times" if timed else "without times", shifts)
    return figures


def _shift(tally: Tally, passage: Passage, furnace: Furnace, *, timed: bool) -> None:
    before, after = (
        Counts.of(times if timed else None, size=len(times)) for times in (passage.entered, passage.left)
    )
    residence, tolerance = (furnace.residence, furnace.tolerance) if timed else (None, None)
    start = time.perf_counter()
    matching = match(before, after, residence=residence, tolerance=tolerance)
    tally.seconds += time.perf_counter() - start
    tally.add(matching, passage.counterpart)
    problem = problem_of(before, after, residence=residence, tolerance=tolerance)
    tally.reference += len(_exact(problem, passage, furnace).groups().members)


def _exact(problem: Problem, passage: Passage, furnace: Furnace) -> Matching:
    """The posterior at the true parameters."""
    at = Parameters(
        residence=float(passage.residence.mean()),
        spread=float(np.sqrt(passage.residence.var() + 2 * furnace.noise**2)),
        real=(1.0,) * len(problem.sides.deviation),
        crossed=0.0 if not problem.timed else 1e-6,
        alone_in=furnace.missed + furnace.extra + furnace.scrapped,
        alone_out=furnace.missed + furnace.extra + furnace.added,
    )
    drift = np.zeros(len(passage.entered))
    band = around(problem, at, drift) if problem.timed else ordered(problem)
    rates = at.rates(furnace.swapped)
    found = forward_backward(band, problem.density(band, at, drift), rates)
    held = found.matched > 1e-9
    row_in, row_out, probability = band.row_in[held], band.row_out[held], found.matched[held]
    n, m = len(passage.entered), len(passage.left)
    return Matching(
        before=n,
        after=m,
        source=row_in,
        target=row_out,
        probability=probability,
        scrapped=left_over(row_in, probability, n),
        added=left_over(row_out, probability, m),
        residence=None,
        spread=None,
        basis=(),
        doubts=(),
    )


def _figures(tally: Tally, name: str, shifts: int) -> list[Figure]:
    judged = tally.count >= FEWEST
    gaps = (tally.true - tally.said)[judged] / tally.count[judged]
    coverage, ratio = tally.covered / tally.pieces, tally.size / tally.reference
    return [
        _figure(
            f"matcher {name}: calibration error over {shifts} shifts",
            tally.error,
            "",
            spread=f"{gaps.min():+.3f} to {gaps.max():+.3f} over {int(judged.sum())} deciles",
            target=f"at most {MOST_ERROR:g} in each decile with {FEWEST:,} probabilities",
            met=tally.error <= MOST_ERROR,
        ),
        _figure(
            f"matcher {name}: coverage of the groups",
            coverage,
            "",
            target=f"at least {LEAST_COVERAGE:g}",
            met=coverage >= LEAST_COVERAGE,
        ),
        _figure(
            f"matcher {name}: mean group",
            tally.size / tally.pieces,
            "pieces",
            peer=f"exact inference with the true parameters: {tally.reference / tally.pieces:.3f}",
            ratio=ratio,
            target=f"at most {MOST_SIZE:g} x the peer",
            met=ratio <= MOST_SIZE,
        ),
        _figure(f"matcher {name}: time of a shift of {PIECES:,} pieces", tally.seconds / shifts, "s"),
    ]


def _figure(
    name: str,
    value: float,
    unit: str,
    *,
    peer: str | None = None,
    ratio: float | None = None,
    spread: str | None = None,
    target: str | None = None,
    met: bool | None = None,
) -> Figure:
    return Figure(
        name=name, value=value, unit=unit, peer=peer, ratio=ratio, spread=spread, target=target, met=met
    )
