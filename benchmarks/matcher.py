"""The furnace matcher over simulated shifts, beside exact inference that knows the true parameters.

Two thousand pieces a shift; per piece 1 % missed and 1 % extra counts at each end, 1 % adjacent swaps, and a
residence drawn within the tolerance. The reference is the same model with residence, spread and rates
set to the truth instead of integrated.

Every probability said of an in count is judged, those of all its counterparts and of *scrapped*. Those
of one shift are true or false together, above all where only the order speaks: there a hundred shifts leave a
standard error of 0.03 in a middle decile, four hundred half of it. So four hundred are judged together, what
each hundred alone would say is given beside it, and each decile has an interval from shifts drawn anew
(Efron and Tibshirani: An Introduction to the Bootstrap (1993), chapter 13).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from assay.genealogy.queue_climb import around, ordered
from assay.genealogy.queue_lattice import run as forward_backward
from assay.genealogy.queue_matcher import Counts, left_over, match, problem_of
from assay.genealogy.queue_problem import Parameters, Problem
from assay.genealogy.queue_result import ALONE, Matching
from assay.sim.furnace import Furnace, Passage, arrivals, pass_through
from benchmarks.figures import Figure

Floats = NDArray[np.float64]

SHIFTS, PIECES = 400, 2_000
SET = 100
"""Shifts that are also judged alone, to show what chance does to so few."""
MOST_ERROR, LEAST_COVERAGE, MOST_SIZE = 0.03, 0.95, 1.25
FEWEST = 1_000
"""Pieces that a decile must hold to be judged."""
DRAWS = 2_000
"""How often the shifts are drawn anew for the intervals."""


@dataclass
class Tally:
    """What was said and what was true: per shift and decile, shape (10,) each; and groups.

    ``held`` counts the pieces that a decile holds a probability of, ``count`` the probabilities, ``said`` is
    their sum and ``true`` how many of them were true.
    """

    held: list[Floats] = field(default_factory=list)
    count: list[Floats] = field(default_factory=list)
    said: list[Floats] = field(default_factory=list)
    true: list[Floats] = field(default_factory=list)
    covered: int = 0
    pieces: int = 0
    size: int = 0
    seconds: float = 0.0

    def add(self, matching: Matching, truth: NDArray[np.int64]) -> None:
        """Count one shift: every probability of every in count, *scrapped* included."""
        piece = np.concatenate([matching.source, np.arange(matching.before)])
        said = np.concatenate([matching.probability, matching.scrapped])
        true = np.concatenate([truth[matching.source] == matching.target, truth == ALONE])
        decile = np.minimum((said * 10).astype(np.int64), 9)
        self.held.append(np.bincount(np.unique(piece * 10 + decile) % 10, minlength=10).astype(float))
        self.count.append(np.bincount(decile, minlength=10).astype(float))
        self.said.append(np.bincount(decile, said, minlength=10).astype(float))
        self.true.append(np.bincount(decile[true], minlength=10).astype(float))
        groups = matching.groups()
        member_of = np.repeat(np.arange(matching.before), groups.sizes)
        self.covered += int((truth[member_of] == groups.members).sum())
        self.pieces += matching.before
        self.size += len(groups.members)

    def merge(self, other: Tally) -> None:
        """Count what ``other`` counted too."""
        self.held += other.held
        self.count += other.count
        self.said += other.said
        self.true += other.true
        self.covered += other.covered
        self.pieces += other.pieces
        self.size += other.size
        self.seconds += other.seconds

    @property
    def judged(self) -> NDArray[np.int64]:
        """The deciles that hold enough pieces."""
        return np.flatnonzero(np.sum(self.held, axis=0) >= FEWEST)

    def gaps(self, shifts: NDArray[np.int64] | None = None) -> Floats:
        """Share that was true less what was said, per judged decile; of all shifts or of some of them."""
        chosen = np.arange(len(self.count)) if shifts is None else shifts
        count, said, true = (
            np.array(rows)[chosen].sum(axis=0) for rows in (self.count, self.said, self.true)
        )
        return np.asarray(((true - said) / np.maximum(count, 1))[self.judged])

    def intervals(self) -> Floats:
        """The middle 95 % of the gaps of shifts drawn anew, shape (2, judged deciles)."""
        rng, shifts = np.random.default_rng(1), len(self.count)
        drawn = [self.gaps(rng.integers(0, shifts, shifts)) for _ in range(DRAWS)]
        return np.asarray(np.quantile(drawn, (0.025, 0.975), axis=0))

    @property
    def error(self) -> float:
        """The largest difference between what was said and what was true, over the judged deciles."""
        return float(np.max(np.abs(self.gaps()), initial=0.0))

    def errors(self, size: int) -> list[float]:
        """The same of each ``size`` shifts alone, in the deciles that all of them have judged."""
        starts = range(0, len(self.count) - size + 1, size)
        return [float(np.max(np.abs(self.gaps(np.arange(at, at + size))), initial=0.0)) for at in starts]


def run(
    *,
    repeats: int = 1,
    scale: float = 1.0,
    progress: Callable[[float, str], None] | None = None,
    furnace: Furnace | None = None,
    irregular: float = 0.3,
    pieces: int = PIECES,
) -> list[Figure]:
    """All shifts once, with and without times, on every core; ``repeats`` moves the seeds on."""
    told = progress or (lambda done, what: None)
    shifts, made = max(1, round(SHIFTS * scale)), furnace or Furnace()
    figures: list[Figure] = []
    for timed in (True, False):
        tally, reference = Tally(), Tally()
        setups = [_Setup(1_000 * repeats + shift, made, irregular, timed, pieces) for shift in range(shifts)]
        for done, (said, exact) in enumerate(_each(setups), 1):
            told((done + shifts * (not timed)) / (2 * shifts), f"shift {done} of {shifts}")
            tally.merge(said)
            reference.merge(exact)
        figures += _figures(tally, reference, "with times" if timed else "without times", shifts, pieces)
    return figures


@dataclass(frozen=True)
class _Setup:
    """One simulated shift, and whether the matcher sees its times."""

    seed: int
    furnace: Furnace
    irregular: float
    timed: bool
    pieces: int = PIECES


def _each(setups: list[_Setup]) -> Iterator[tuple[Tally, Tally]]:
    """The tallies of all shifts in their order, one process a core."""
    with ProcessPoolExecutor() as pool:
        yield from pool.map(_shift, setups)


def _shift(setup: _Setup) -> tuple[Tally, Tally]:
    """What the matcher and exact inference say of one shift."""
    furnace, tally, reference = setup.furnace, Tally(), Tally()
    rng = np.random.default_rng(setup.seed)
    passage = pass_through(rng, arrivals(rng, setup.pieces, irregular=setup.irregular), furnace)
    before, after = (
        Counts.of(times if setup.timed else None, size=len(times))
        for times in (passage.entered, passage.left)
    )
    residence, tolerance = (furnace.residence, furnace.tolerance) if setup.timed else (None, None)
    start = time.perf_counter()
    matching = match(before, after, residence=residence, tolerance=tolerance)
    tally.seconds += time.perf_counter() - start
    tally.add(matching, passage.counterpart)
    problem = problem_of(before, after, residence=residence, tolerance=tolerance)
    reference.add(_exact(problem, passage, furnace), passage.counterpart)
    return tally, reference


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


def _figures(tally: Tally, reference: Tally, name: str, shifts: int, pieces: int) -> list[Figure]:
    coverage, ratio = tally.covered / tally.pieces, tally.size / reference.size
    alone = ", ".join(f"{one:.3f}" for one in tally.errors(SET))
    return [
        _figure(
            f"matcher {name}: calibration error over {shifts} shifts",
            tally.error,
            "",
            peer=f"exact inference with the true parameters: {reference.error:.3f}",
            spread=f"each {SET} shifts alone: {alone}" if alone else None,
            target=f"at most {MOST_ERROR:g} in each decile with {FEWEST:,} pieces",
            met=tally.error <= MOST_ERROR,
        ),
        *_deciles(tally, name),
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
            peer=f"exact inference with the true parameters: {reference.size / reference.pieces:.3f}",
            ratio=ratio,
            target=f"at most {MOST_SIZE:g} x the peer",
            met=ratio <= MOST_SIZE,
        ),
        _figure(f"matcher {name}: time of a shift of {pieces:,} pieces", tally.seconds / shifts, "s"),
    ]


def _deciles(tally: Tally, name: str) -> list[Figure]:
    """What was true less what was said in each judged decile, with the interval that chance gives it."""
    held = np.sum(tally.held, axis=0)
    return [
        _figure(
            f"matcher {name}: true less said from {decile / 10:.1f} to {(decile + 1) / 10:.1f}, "
            f"{int(held[decile]):,} pieces",
            float(gap),
            "",
            spread=f"95 % interval over shifts: {low:+.3f} to {high:+.3f}",
        )
        for decile, gap, low, high in zip(tally.judged, tally.gaps(), *tally.intervals(), strict=True)
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
