"""What two count sensors see of pieces that pass a place where no label survives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Law = Literal["shift", "piece", "drift"]


@dataclass(frozen=True, kw_only=True)
class Furnace:
    """How a furnace and its sensors behave; times in seconds, rates as shares of the pieces.

    Attributes
    ----------
    residence, tolerance
        Nominal time inside, and how far the true one may be off.
    law
        How the true residence is drawn within the tolerance: once a ``shift``, for each ``piece`` (then
        pieces overtake each other), or slowly moving over the shift (``drift``).
    jitter
        Standard deviation of single pieces around it.
    noise
        Standard deviation of each sensor's times.
    missed, extra, swapped, scrapped, added
        Counts missed and counts without a piece at each end, adjacent pieces that change places, pieces taken
        out and put in inside.
    swapped_times
        Whether pieces that change places keep their own residence; otherwise they take each other's slot.
    echo
        Mean delay of an extra count after the piece it belongs to; None where extra counts come at any time.
    clock
        Seconds by which the out side's clock is ahead.
    """

    residence: float = 3600.0
    tolerance: float = 120.0
    law: Law = "shift"
    jitter: float = 2.0
    noise: float = 2.0
    missed: float = 0.01
    extra: float = 0.01
    swapped: float = 0.01
    scrapped: float = 0.0
    added: float = 0.0
    swapped_times: bool = False
    echo: float | None = None
    clock: float = 0.0


@dataclass(frozen=True)
class Passage:
    """The counts of both sides, and which piece each of them is.

    Attributes
    ----------
    entered, left
        Times of the counts, s, in the order of each sensor.
    piece_in, piece_out
        The piece of each count, -1 for a count without one.
    residence
        The true residence of each piece, s.
    """

    entered: Floats
    left: Floats
    piece_in: Integers
    piece_out: Integers
    residence: Floats

    @property
    def counterpart(self) -> Integers:
        """For each in count the out count of the same piece, -1 where there is none."""
        place = {int(piece): row for row, piece in enumerate(self.piece_out) if piece >= 0}
        return np.array([place.get(int(piece), -1) if piece >= 0 else -1 for piece in self.piece_in])


def arrivals(
    rng: np.random.Generator,
    pieces: int,
    *,
    takt: float = 14.4,
    irregular: float = 0.3,
    stops: int = 0,
    bursts: int = 0,
) -> Floats:
    """True times at which pieces enter, s: lognormal gaps around a takt, long stops and bursts."""
    gaps = takt * np.exp(irregular * rng.standard_normal(pieces) - irregular**2 / 2)
    for _ in range(stops):
        gaps[rng.integers(1, pieces)] += rng.uniform(20, 100) * takt
    for _ in range(bursts):
        start = int(rng.integers(0, pieces))
        gaps[start : start + 30] /= 5
    return np.asarray(np.cumsum(gaps))


def pass_through(rng: np.random.Generator, times: Floats, furnace: Furnace) -> Passage:
    """Send pieces that enter at ``times`` (s, ascending) through the furnace and count them on both sides."""
    count = len(times)
    residence = _residences(rng, count, furnace)
    exits = times + residence
    order = np.argsort(exits, kind="stable") if furnace.law == "piece" else np.arange(count)
    slots = np.maximum.accumulate(exits[order])
    pieces = _swapped(rng, order, slots, furnace)
    takt = float(np.median(np.diff(times))) if count > 1 else 1.0
    entered, piece_in = _counted(rng, times, np.arange(count), furnace)
    inside = rng.random(count) >= furnace.scrapped
    slots, pieces = _with_added(rng, slots[inside[pieces]], pieces[inside[pieces]], furnace, takt)
    left, piece_out = _counted(rng, slots, pieces, furnace)
    return Passage(entered, left + furnace.clock, piece_in, piece_out, residence)


def _residences(rng: np.random.Generator, count: int, furnace: Furnace) -> Floats:
    middle = furnace.residence
    if furnace.law == "piece":
        return np.asarray(middle + rng.uniform(-furnace.tolerance, furnace.tolerance, count))
    own = furnace.jitter * rng.standard_normal(count)
    if furnace.law == "shift":
        return np.asarray(middle + rng.uniform(-furnace.tolerance, furnace.tolerance) + own)
    phase = np.linspace(0, 2 * np.pi, count)
    wave = sum(np.sin(turns * phase + rng.uniform(0, 2 * np.pi)) / turns for turns in (0.5, 1.0, 2.0))
    return np.asarray(middle + 0.9 * furnace.tolerance * wave / np.abs(wave).max() + own)


def _swapped(rng: np.random.Generator, order: Integers, slots: Floats, furnace: Furnace) -> Integers:
    """The pieces in the order they come out; with ``swapped_times`` the slots change with them."""
    pieces, row = order.copy(), 0
    while row < len(pieces) - 1:
        if rng.random() < furnace.swapped:
            pieces[[row, row + 1]] = pieces[[row + 1, row]]
            if furnace.swapped_times:
                slots[[row, row + 1]] = slots[[row + 1, row]]
            row += 1
        row += 1
    return pieces


def _with_added(
    rng: np.random.Generator, slots: Floats, pieces: Integers, furnace: Furnace, takt: float
) -> tuple[Floats, Integers]:
    new = slots[rng.random(len(slots)) < furnace.added] + 0.5 * takt
    joined = np.concatenate([slots, new])
    order = np.argsort(joined, kind="stable") if len(new) else np.arange(len(slots))
    return joined[order], np.concatenate([pieces, np.full(len(new), -1)])[order]


def _counted(
    rng: np.random.Generator, times: Floats, pieces: Integers, furnace: Furnace
) -> tuple[Floats, Integers]:
    """What a sensor counts of pieces that pass it at ``times``, in that order."""
    noisy = times + furnace.noise * rng.standard_normal(len(times))
    kept = np.flatnonzero(rng.random(len(times)) >= furnace.missed)
    chosen = np.flatnonzero(rng.random(len(times)) < furnace.extra)
    if furnace.echo is not None:
        extra, place = noisy[chosen] + rng.exponential(furnace.echo, len(chosen)), chosen + 0.5
    else:
        first, last = (float(times.min()), float(times.max())) if len(times) else (0.0, 0.0)
        extra = rng.uniform(first, last, len(chosen))
        place = np.searchsorted(np.maximum.accumulate(times), extra) - 0.5
    order = np.argsort(np.concatenate([kept.astype(float), place]), kind="stable")
    seen = np.concatenate([noisy[kept], extra])[order]
    who = np.concatenate([pieces[kept], np.full(len(chosen), -1)])[order]
    return seen, who.astype(np.int64)
