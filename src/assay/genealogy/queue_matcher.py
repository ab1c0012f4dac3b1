"""Bridging a place where no label survives: which piece that went in is which that came out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from assay.genealogy.queue_errors import MatchError
from assay.genealogy.queue_fit import Fit, fit
from assay.genealogy.queue_lattice import Sides
from assay.genealogy.queue_problem import Expected, Problem
from assay.genealogy.queue_report import doubts
from assay.genealogy.queue_result import Doubt, Estimate, Matching
from assay.genealogy.queue_takt import SCALES, deviations

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_CROSSED = 0.2
"""Share of the swaps in which each piece is expected to keep its own residence."""
_UNTOLD = 1.15
"""What the rates are multiplied by where there are no times.

Order alone tells next to nothing about the rates, and the width of the answer goes with their square root:
its mean over what the rates may be is narrower than at their mean. This makes up for it.
"""
_NEIGHBOURS = 6
"""Counts on either side that tell how dense the counts are."""
_STOP = 8.0
"""Gaps this many times as long as usual are stops."""


@dataclass(frozen=True)
class Rates:
    """What is expected to go wrong, as shares of the pieces; the counts themselves correct it.

    Attributes
    ----------
    missed, extra
        Counts that a sensor misses, and counts without a piece, on each side.
    swapped
        Adjacent pieces that change places.
    scrapped, added
        Pieces taken out and put in between the sensors.
    """

    missed: float = 0.01
    extra: float = 0.01
    swapped: float = 0.01
    scrapped: float = 0.0
    added: float = 0.0

    def __post_init__(self) -> None:
        for name in ("missed", "extra", "swapped", "scrapped", "added"):
            value = getattr(self, name)
            if not (0 <= value < 0.2) or (value == 0 and name in {"missed", "extra", "swapped"}):
                raise MatchError.of("rate", name=name, value=value)

    def expected(self, *, timed: bool) -> Expected:
        """As probabilities of the matcher's moves."""
        crossed = _CROSSED * self.swapped if timed else 0.0
        alone = (self.missed + self.extra) * (1.0 if timed else _UNTOLD)
        return Expected(self.swapped, crossed, alone + self.scrapped, alone + self.added)


@dataclass(frozen=True)
class Counts:
    """What the sensor of one side counted, in its order.

    Attributes
    ----------
    size
        Number of counts.
    times
        Shape (size,): seconds on any common zero, NaN where not known; None for the order alone.
    carriers, lanes
        Shape (size,): names, None where not known.
    """

    size: int
    times: Floats | None = None
    carriers: tuple[str | None, ...] | None = None
    lanes: tuple[str | None, ...] | None = None

    @classmethod
    def of(
        cls,
        times: ArrayLike | None = None,
        *,
        size: int | None = None,
        carriers: Sequence[str | None] | None = None,
        lanes: Sequence[str | None] | None = None,
    ) -> Self:
        """Counts from what there is: times (seconds or datetime64), or their number alone.

        Raises
        ------
        MatchError
            An array does not fit the others, or a time is infinite.
        """
        seconds = None if times is None else _seconds(times)
        given = [len(one) for one in (seconds, carriers, lanes) if one is not None]
        count = size if size is not None else given[0] if given else 0
        for name, one in (("times", seconds), ("carriers", carriers), ("lanes", lanes)):
            if one is not None and len(one) != count:
                raise MatchError.of("lengths", side="one", count=count, other=len(one), what=name)
        return cls(
            count,
            seconds,
            None if carriers is None else tuple(carriers),
            None if lanes is None else tuple(lanes),
        )


def match(
    before: Counts,
    after: Counts,
    *,
    residence: float | None = None,
    tolerance: float | None = None,
    rates: Rates | None = None,
    open_ends: bool | None = None,
) -> Matching:
    """Match the counts of the in side with those of the out side.

    The posterior is exact for a pair hidden Markov model over both sequences (matched, missed or extra on
    either side, adjacent swap), in which residence, its spread and all rates are integrated: every residence
    within the tolerance that explains the counts is found and weighed by its evidence.

    Parameters
    ----------
    before, after
        The counts, in the order of each sensor.
    residence, tolerance
        Nominal time from in to out and how far it may be off, s. None: only order and carriers are used.
    rates
        What is expected to go wrong.
    open_ends
        Whether pieces may have been inside before the first count and after the last one. By default yes
        where there are times, which tell; without times it would make every answer arbitrary.

    Raises
    ------
    MatchError
        A tolerance of 0 or less, a residence below 0 or NaN, an infinite time, lanes known for a part.
    """
    _check(residence, tolerance)
    settings = _Settings(residence, tolerance, rates, open_ends)
    lanes = _lanes(before, after)
    if lanes is None:
        return _match(before, after, settings)
    parts = []
    for lane in lanes:
        rows_in, rows_out = (_rows(side, lane) for side in (before, after))
        parts.append((rows_in, rows_out, _match(_part(before, rows_in), _part(after, rows_out), settings)))
    return _joined(before.size, after.size, parts)


@dataclass(frozen=True)
class _Settings:
    residence: float | None
    tolerance: float | None
    rates: Rates | None
    open_ends: bool | None


def problem_of(
    before: Counts,
    after: Counts,
    *,
    residence: float | None = None,
    tolerance: float | None = None,
    rates: Rates | None = None,
    open_ends: bool | None = None,
) -> Problem:
    """What :func:`match` solves: both sides prepared, and what is expected of them."""
    timed = residence is not None and before.times is not None and after.times is not None
    sides = _sides(before, after, tolerance, timed=timed, open_ends=timed if open_ends is None else open_ends)
    return Problem(
        sides,
        (rates or Rates()).expected(timed=timed),
        float(residence) if timed and residence is not None else np.nan,
        float(tolerance) if timed and tolerance is not None else np.nan,
    )


def _match(before: Counts, after: Counts, settings: _Settings) -> Matching:
    problem = problem_of(
        before,
        after,
        residence=settings.residence,
        tolerance=settings.tolerance,
        rates=settings.rates,
        open_ends=settings.open_ends,
    )
    found = fit(problem) if before.size and after.size else Fit.nothing()
    basis = _basis(problem.sides, timed=problem.timed, ordered=found.ordered)
    matching = _matching(before.size, after.size, found, basis)
    return replace(matching, doubts=doubts(problem, found, matching))


def _matching(n: int, m: int, found: Fit, basis: tuple[str, ...]) -> Matching:
    scrapped = left_over(found.row_in, found.probability, n)
    added = left_over(found.row_out, found.probability, m)
    residence = np.array([point.residence for point in found.points])
    spread = np.array([point.spread for point in found.points])
    timed = "time" in basis
    return Matching(
        before=n,
        after=m,
        source=found.row_in,
        target=found.row_out,
        probability=found.probability,
        scrapped=scrapped,
        added=added,
        residence=Estimate.of(residence, found.weights) if timed else None,
        spread=Estimate.of(spread, found.weights) if timed else None,
        basis=basis,
        doubts=(),
    )


def left_over(rows: Integers, probability: Floats, size: int) -> Floats:
    """What the pairs of each row leave for standing alone."""
    return np.clip(1 - np.bincount(rows, probability, minlength=size), 0, 1).astype(np.float64)


def _basis(sides: Sides, *, timed: bool, ordered: bool) -> tuple[str, ...]:
    names = ["order"] if ordered else []
    if timed:
        names.append("time")
    if len(sides.rarity):
        names.append("carrier")
    return tuple(names)


def _sides(before: Counts, after: Counts, tolerance: float | None, *, timed: bool, open_ends: bool) -> Sides:
    none = np.zeros((len(SCALES), before.size))
    entered, left = (
        side.times if timed and side.times is not None else np.full(side.size, np.nan)
        for side in (before, after)
    )
    if timed:
        zero = np.nanmin(np.concatenate([entered, left])) if np.isfinite(entered).any() else 0.0
        entered, left = entered - zero, left - zero
    label_in, label_out, rarity = _labels(before, after)
    return Sides(
        entered=entered,
        left=left,
        deviation=deviations(entered) if timed else none,
        spacing=_spacing(left, tolerance or 1.0) if timed else np.ones(after.size),
        label_in=label_in,
        label_out=label_out,
        rarity=rarity,
        open_ends=open_ends,
    )


def _spacing(left: Floats, tolerance: float) -> Floats:
    """Seconds between counts around each of them: one over the density of a lone count.

    The local median, which a stop does not move, scaled to a mean by what the gaps that are no stops tell.
    """
    known = np.flatnonzero(np.isfinite(left))
    if len(known) < 2:
        return np.full(len(left), tolerance)
    known = known[np.argsort(left[known], kind="stable")]
    gaps = np.diff(left[known])
    usual = float(np.median(gaps)) or float(gaps.mean()) or tolerance
    running = gaps[gaps <= _STOP * usual]
    scale = max(1.0, float(running.mean()) / usual) if len(running) else 1.0
    padded = np.pad(gaps, _NEIGHBOURS, constant_values=np.nan)
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * _NEIGHBOURS)[: len(known)]
    local = np.nanmedian(around, axis=1)
    result = np.full(len(left), usual * scale)
    result[known] = np.clip(local, usual / 10, None) * scale
    return result


def _labels(before: Counts, after: Counts) -> tuple[Integers, Integers, Floats]:
    if before.carriers is None or after.carriers is None:
        none = np.full(before.size, -1), np.full(after.size, -1)
        return *none, np.zeros(0)
    names = {name: None for name in (*before.carriers, *after.carriers) if name is not None}
    code = {name: place for place, name in enumerate(names)}
    code_in, code_out = (
        np.array([-1 if name is None else code[name] for name in side], dtype=np.int64)
        for side in (before.carriers, after.carriers)
    )
    seen = np.bincount(
        np.concatenate([code_in, code_out])[np.concatenate([code_in, code_out]) >= 0], minlength=len(code)
    )
    return code_in, code_out, seen.sum() / np.maximum(seen, 1) if code else np.zeros(0)


def _seconds(times: ArrayLike) -> Floats:
    array = np.asarray(times.to_numpy() if isinstance(times, pa.Array | pa.ChunkedArray) else times)
    if array.ndim != 1:
        raise MatchError.of("times-shape", side="one", shape=array.shape)
    if array.dtype.kind == "M":
        micros = array.astype("datetime64[us]")
        seconds = micros.astype(np.int64) / 1e6
        seconds[np.isnat(micros)] = np.nan
        return np.asarray(seconds)
    seconds = array.astype(np.float64)
    if np.isinf(seconds).any():
        row = int(np.flatnonzero(np.isinf(seconds))[0])
        raise MatchError.of("infinite", side="one", count=int(np.isinf(seconds).sum()), row=row)
    return seconds


def _check(residence: float | None, tolerance: float | None) -> None:
    if (residence is None) != (tolerance is None):
        raise MatchError.of("one-without-other", given="tolerance" if residence is None else "residence")
    if residence is None or tolerance is None:
        return
    if not np.isfinite(residence) or residence < 0:
        raise MatchError.of("residence", value=residence)
    if not np.isfinite(tolerance) or tolerance <= 0:
        raise MatchError.of("tolerance", value=tolerance)


def _lanes(before: Counts, after: Counts) -> list[str] | None:
    """The lanes, or None where they are not told apart."""
    given = [(name, side) for name, side in (("in", before), ("out", after)) if side.lanes is not None]
    if not given:
        return None
    for name, side in (("in", before), ("out", after)):
        known = sum(lane is not None for lane in side.lanes or ())
        if known != side.size:
            raise MatchError.of("lanes", side=name, known=known, count=side.size)
    return sorted({lane for _, side in given for lane in side.lanes or () if lane is not None})


def _rows(side: Counts, lane: str) -> Integers:
    return np.flatnonzero(np.array([one == lane for one in side.lanes or ()], dtype=np.bool_))


def _part(side: Counts, rows: Integers) -> Counts:
    return Counts(
        len(rows),
        None if side.times is None else side.times[rows],
        None if side.carriers is None else tuple(side.carriers[row] for row in rows),
    )


def _joined(n: int, m: int, parts: list[tuple[Integers, Integers, Matching]]) -> Matching:
    """The matchings of all lanes as one."""
    scrapped, added = np.ones(n), np.ones(m)
    source, target, probability = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], [np.zeros(0)]
    noted: list[Doubt] = []
    for rows_in, rows_out, one in parts:
        scrapped[rows_in], added[rows_out] = one.scrapped, one.added
        source.append(rows_in[one.source])
        target.append(rows_out[one.target])
        probability.append(one.probability)
        for doubt in one.doubts:
            rows = rows_out if doubt.side == "out" else rows_in
            noted.append(
                Doubt(doubt.kind, doubt.side, tuple(int(rows[row]) for row in doubt.rows), doubt.said)
            )
    sources, targets = np.concatenate(source), np.concatenate(target)
    order = np.lexsort((targets, sources))
    timed = [one for _, _, one in parts if one.residence is not None]
    return Matching(
        before=n,
        after=m,
        source=sources[order],
        target=targets[order],
        probability=np.concatenate(probability)[order],
        scrapped=scrapped,
        added=added,
        residence=_pooled([one.residence for one in timed]),
        spread=_pooled([one.spread for one in timed]),
        basis=tuple(dict.fromkeys(name for _, _, one in parts for name in one.basis)),
        doubts=tuple(noted),
    )


def _pooled(estimates: Sequence[Estimate | None]) -> Estimate | None:
    """The mean over lanes, between the lowest and the highest of their limits."""
    known = [one for one in estimates if one is not None]
    if not known:
        return None
    return Estimate(
        float(np.mean([one.value for one in known])),
        min(one.low for one in known),
        max(one.high for one in known),
    )
