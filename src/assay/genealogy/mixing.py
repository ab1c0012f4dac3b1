"""Mixing: how much of what was drawn from a silo, tank, hopper or flow is of each lot that was put in.

Two sorts of model, each with what isn't known about it:

* :class:`Vessel`: a content that rises and falls. Portions leave *first in, first out* (mass flow), *mixed*
  (a perfectly mixed tank) or *last in, first out* (funnel flow: what lies on top slides down the middle
  first; Schulze, *Powders and Bulk Solids*, 2nd ed. 2021).
* :class:`Flow`: a constant hold-up that material flows through, as tanks in series: one is a perfectly mixed
  tank, infinitely many are plug flow. Residence follows a gamma distribution (Levenspiel, *Chemical Reaction
  Engineering*, 3rd ed. 1999, chapter 14; Fogler, *Elements of Chemical Reaction Engineering*, 5th ed. 2016,
  chapters 16 and 18), on a clock of what has flowed or, where flow is steady, of time.

What isn't known exactly, the content at the beginning or the hold-up, is taken as uniform within a tolerance;
everything is worked out for equally likely values of it. The *share* is the mean over them, the *confidence*
how many of them say that the portion holds the lot at all.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammainc, gammaincinv

from assay.genealogy.mixing_errors import MixError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

LEAST = 1e-3
"""Part of a portion below which it doesn't count as holding a lot."""
_VALUES = 21
"""Equally likely values of what is known within a tolerance."""
_TAIL = 1e-12
"""Probability of a residence that is left out."""
_NOTHING = 1e-12


class Discipline(StrEnum):
    """In which order a vessel gives out what was put in."""

    FIRST_IN_FIRST_OUT = "first-in-first-out"
    MIXED = "mixed"
    LAST_IN_FIRST_OUT = "last-in-first-out"


@dataclass(frozen=True)
class Vessel:
    """A silo, tank or hopper of changing content; all in one unit of quantity.

    Attributes
    ----------
    discipline
        In which order it gives out.
    content
        What was inside before the first portion.
    tolerance
        By how much ``content`` may be off, either way.
    capacity
        What it can hold; None where nobody knows.
    """

    discipline: Discipline
    content: float = 0.0
    tolerance: float = 0.0
    capacity: float | None = None

    def __post_init__(self) -> None:
        for name, value, least in (("content", self.content, 0.0), ("tolerance", self.tolerance, 0.0)):
            if not least <= value < np.inf:
                raise MixError.of("setting", name=name, value=value, least=least)
        if self.capacity is not None and not self.content <= self.capacity < np.inf:
            raise MixError.of("setting", name="capacity", value=self.capacity, least=self.content)


@dataclass(frozen=True)
class Flow:
    """A constant hold-up that material flows through.

    Attributes
    ----------
    holdup
        What is inside, on the clock of the windows: the mean residence.
    tolerance
        By how much it may be off, either way; less than ``holdup``.
    stages
        Equal mixed tanks in series, 1 or more; infinitely many for plug flow.
    """

    holdup: float
    tolerance: float = 0.0
    stages: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.holdup < np.inf:
            raise MixError.of("above", name="holdup", value=self.holdup)
        if not 0 <= self.tolerance < self.holdup:
            raise MixError.of("holdup-tolerance", value=self.tolerance, holdup=self.holdup)
        if not self.stages >= 1:
            raise MixError.of("setting", name="stages", value=self.stages, least=1.0)

    def younger(self, age: Floats, holdup: float | None = None) -> Floats:
        """F: the part of what comes out that was inside for at most ``age``."""
        mean = self.holdup if holdup is None else holdup
        if np.isinf(self.stages):
            return (age >= mean).astype(np.float64)
        part: Floats = gammainc(self.stages, np.maximum(age, 0.0) * self.stages / mean)
        return part

    def accumulated(self, age: Floats, holdup: float | None = None) -> Floats:
        """The integral of :meth:`younger` from 0 to ``age``."""
        mean = self.holdup if holdup is None else holdup
        if np.isinf(self.stages):
            return np.maximum(age - mean, 0.0)
        old = np.maximum(age, 0.0)
        at = old * self.stages / mean
        total: Floats = old * gammainc(self.stages, at) - mean * gammainc(self.stages + 1, at)
        return total

    def oldest(self) -> float:
        """An age that no part worth counting exceeds."""
        most = self.holdup + self.tolerance
        if np.isinf(self.stages):
            return most
        return float(most / self.stages * gammaincinv(self.stages, 1.0 - _TAIL))


@dataclass(frozen=True, eq=False)
class Portions:
    """What was put in or drawn at once: times and quantities, shape (n,) each, and which lot each is of.

    ``lots`` are 0-based numbers of lots; each portion is one of its own without them. The order of equal
    times is that of the portions.
    """

    times: Floats
    quantities: Floats
    lots: Integers

    @classmethod
    def of(cls, times: object, quantities: object, lots: object = None) -> Portions:
        """Check and take them.

        Raises
        ------
        MixError
            The lengths differ, a time is no number, or a quantity isn't above 0.
        """
        moment, amount = (np.asarray(one, np.float64) for one in (times, quantities))
        which = np.arange(len(moment)) if lots is None else np.asarray(lots, np.int64)
        if not moment.shape == amount.shape == which.shape or moment.ndim != 1:
            raise MixError.of("lengths", one=moment.shape, other=amount.shape)
        for name, values, bad in (
            ("time", moment, ~np.isfinite(moment)),
            ("quantity", amount, ~((amount > 0) & np.isfinite(amount))),
        ):
            if bad.any():
                row = int(np.argmax(bad))
                raise MixError.of(f"portion-{name}", row=row, value=values[row])
        return cls(moment, amount, which)


@dataclass(frozen=True, eq=False)
class Windows:
    """When each of something flowed in or out on one clock, [begin, end], shape (n,) each.

    ``rates`` say how much of each flowed while several did; ``lots`` are numbers of lots.
    """

    begin: Floats
    end: Floats
    rates: Floats
    lots: Integers

    @classmethod
    def of(cls, begin: object, end: object, rates: object = None, lots: object = None) -> Windows:
        """Check and take them.

        Raises
        ------
        MixError
            The lengths differ, a window ends before it begins, or a rate isn't above 0.
        """
        first, last = (np.asarray(one, np.float64) for one in (begin, end))
        rate = np.ones(len(first)) if rates is None else np.asarray(rates, np.float64)
        which = np.arange(len(first)) if lots is None else np.asarray(lots, np.int64)
        if not first.shape == last.shape == rate.shape == which.shape or first.ndim != 1:
            raise MixError.of("lengths", one=first.shape, other=last.shape)
        bad = ~((last >= first) & np.isfinite(first) & np.isfinite(last) & (rate > 0) & np.isfinite(rate))
        if bad.any():
            row = int(np.argmax(bad))
            raise MixError.of("window", row=row, begin=first[row], end=last[row], rate=rate[row])
        return cls(first, last, rate, which)


@dataclass(frozen=True, eq=False)
class Mixture:
    """What was drawn, by lot.

    Attributes
    ----------
    lot, drawn
        Shape (k,): lots, and the row of the portion drawn that holds each; by portion, then lot.
    share
        Shape (k,): expected part of the portion that is of the lot, 0 to 1.
    confidence
        Shape (k,): how sure it is that the portion holds at least the least share of it, 0 to 1.
    before
        Shape (portions,): part that was inside before anything was put in.
    missing
        Shape (portions,): part that nothing recorded can account for.
    left
        Shape (lots,): how much of each lot is still inside at the end.
    left_before
        How much of what was inside before is left.
    overdrawn, overfull
        Rows of portions drawn although less was inside; of portions put in although the vessel was full.
    """

    lot: Integers
    drawn: Integers
    share: Floats
    confidence: Floats
    before: Floats
    missing: Floats
    left: Floats
    left_before: float
    overdrawn: Integers
    overfull: Integers


class _Content(Protocol):
    """What is inside, by lot (the last one stands for what was inside before), for each likely value."""

    def put(self, lot: int, quantity: float) -> None: ...
    def take(self, quantity: float) -> Floats: ...
    def inside(self) -> Floats: ...


def stored(vessel: Vessel, put: Portions, drawn: Portions, *, least: float = LEAST) -> Mixture:
    """What each portion drawn from a vessel is of. At one time, what is put in is put in first.

    Parameters
    ----------
    put, drawn
        In one unit of quantity, times on one clock.
    least
        Part of a portion below which it doesn't count as holding a lot.
    """
    _part(least)
    lots = int(put.lots.max(initial=-1)) + 1
    begin = _likely(vessel.content, vessel.tolerance)
    content: _Content = (
        _Stirred(begin, lots) if vessel.discipline is Discipline.MIXED else _Layers(begin, lots, vessel)
    )
    order = np.lexsort((np.repeat([0, 1], [len(put.times), len(drawn.times)]), np.r_[put.times, drawn.times]))
    parts = _Parts(lots, len(drawn.times), least)
    overdrawn, overfull = [], []
    for event in order.tolist():
        if event < len(put.times):
            content.put(int(put.lots[event]), float(put.quantities[event]))
            if vessel.capacity is not None and _exceeds(content.inside(), vessel.capacity):
                overfull.append(event)
        else:
            row = event - len(put.times)
            quantity = float(drawn.quantities[row])
            taken = content.take(quantity) / quantity
            if taken.sum(axis=1).mean() < 1 - 1e-9:
                overdrawn.append(row)
            parts.note(row, taken)
    left = content.inside().mean(axis=0)
    return parts.mixture(left[:-1], float(left[-1]), overdrawn, overfull)


def flowed(flow: Flow, fed: Windows, drawn: Windows, *, least: float = LEAST) -> Mixture:
    """What each portion that came out of a flow is of; a window without length is a moment.

    ``before`` is what is older than the first feed. Where nothing was fed for a while, what would have been
    fed then is ``missing``. ``left``, on the clock, is what hasn't come out when the last portion has.

    Raises
    ------
    MixError
        A feed has no length.
    """
    _part(least)
    lengths = fed.end - fed.begin
    if len(lengths) and not (lengths > 0).all():
        row = int(np.argmin(lengths > 0))
        raise MixError.of("window", row=row, begin=fed.begin[row], end=fed.end[row], rate=fed.rates[row])
    lots = int(fed.lots.max(initial=-1)) + 1
    feed = _Feed.of(fed)
    likely = _likely(flow.holdup, flow.tolerance)
    parts = _Parts(lots, len(drawn.begin), least)
    for row, (begin, end) in enumerate(zip(drawn.begin.tolist(), drawn.end.tolist(), strict=True)):
        taken = np.zeros((len(likely), lots + 1))
        for number, holdup in enumerate(likely.tolist()):
            taken[number, :-1], taken[number, -1] = feed.arrived(flow, holdup, begin, end, lots)
        parts.note(row, taken)
    left, left_before = feed.left(flow, float(drawn.end.max(initial=-np.inf)), lots)
    return parts.mixture(left, left_before, [], [])


@dataclass(frozen=True, eq=False)
class _Feed:
    """What was fed between neighbouring moments: ``weight`` of ``lot`` in ``piece``, entry by entry."""

    edges: Floats
    piece: Integers
    lot: Integers
    weight: Floats

    @classmethod
    def of(cls, fed: Windows) -> _Feed:
        edges = np.unique(np.concatenate([fed.begin, fed.end]))
        first, last = np.searchsorted(edges, fed.begin), np.searchsorted(edges, fed.end)
        piece = np.concatenate([np.arange(a, b) for a, b in zip(first, last, strict=True)] or [first])
        row = np.repeat(np.arange(len(first)), last - first)
        total = np.bincount(piece, fed.rates[row], max(len(edges) - 1, 0))
        order = np.argsort(piece, kind="stable")
        piece, row = piece[order], row[order]
        return cls(edges, piece, fed.lots[row], fed.rates[row] / total[piece])

    def arrived(self, flow: Flow, holdup: float, begin: float, end: float, lots: int) -> tuple[Floats, float]:
        """The part of each lot in what came out from ``begin`` to ``end``, and of what is older than all."""
        if not len(self.edges):
            return np.zeros(lots), 1.0
        near = int(np.searchsorted(self.edges, begin - flow.oldest(), side="right")) - 1
        near, beyond = max(near, 0), int(np.searchsorted(self.edges, end, side="right"))
        edges = self.edges[near : beyond + 1]
        if not len(edges):
            return np.zeros(lots), 1.0
        length = end - begin
        if length > 0:
            gone = flow.accumulated(end - edges, holdup) - flow.accumulated(begin - edges, holdup)
            younger = np.clip(gone / length, 0.0, 1.0)
        else:
            younger = flow.younger(end - edges, holdup)
        part = np.maximum(younger[:-1] - younger[1:], 0.0)
        mine = slice(np.searchsorted(self.piece, near), np.searchsorted(self.piece, near + len(part)))
        each = self.weight[mine] * part[self.piece[mine] - near]
        return _summed(self.lot[mine], each, lots), float(1.0 - younger[0]) if near == 0 else 0.0

    def left(self, flow: Flow, at: float, lots: int) -> tuple[Floats, float]:
        """What is still inside, by lot, and of what was inside before."""
        if not len(self.edges):
            return np.zeros(lots), flow.holdup
        at = max(at, float(self.edges[0]))
        likely = _likely(flow.holdup, flow.tolerance).tolist()
        inside = np.mean([at - self.edges - flow.accumulated(at - self.edges, one) for one in likely], axis=0)
        part = (inside[:-1] - inside[1:])[self.piece] * self.weight
        return _summed(self.lot, part, lots), float(flow.holdup - inside[0])


class _Stirred:
    """A perfectly mixed content."""

    def __init__(self, begin: Floats, lots: int) -> None:
        self._inside = np.zeros((len(begin), lots + 1))
        self._inside[:, -1] = begin

    def put(self, lot: int, quantity: float) -> None:
        self._inside[:, lot] += quantity

    def take(self, quantity: float) -> Floats:
        total = self._inside.sum(axis=1)
        part = np.minimum(quantity / np.maximum(total, quantity * _NOTHING), 1.0)
        out: Floats = self._inside * part[:, None]
        self._inside -= out
        return out

    def inside(self) -> Floats:
        return self._inside


class _Layers:
    """A content in layers that are taken from one end."""

    def __init__(self, begin: Floats, lots: int, vessel: Vessel) -> None:
        self._lots = lots
        self._first = vessel.discipline is Discipline.FIRST_IN_FIRST_OUT
        self._layers = [deque([(lots, one)] if one > 0 else []) for one in begin.tolist()]

    def put(self, lot: int, quantity: float) -> None:
        for layers in self._layers:
            layers.append((lot, quantity))

    def take(self, quantity: float) -> Floats:
        out = np.zeros((len(self._layers), self._lots + 1))
        for row, layers in enumerate(self._layers):
            wanted = quantity
            while wanted > 0 and layers:
                lot, there = layers.popleft() if self._first else layers.pop()
                taken = min(there, wanted)
                out[row, lot] += taken
                wanted -= taken
                if taken < there:
                    rest = (lot, there - taken)
                    layers.appendleft(rest) if self._first else layers.append(rest)
        return out

    def inside(self) -> Floats:
        found = np.zeros((len(self._layers), self._lots + 1))
        for row, layers in enumerate(self._layers):
            for lot, quantity in layers:
                found[row, lot] += quantity
        return found


class _Parts:
    """Collects what the portions drawn are of."""

    def __init__(self, lots: int, drawn: int, least: float) -> None:
        self._least = least
        self._lots = lots
        self._found: list[tuple[Integers, Integers, Floats, Floats]] = []
        self._before, self._missing = np.zeros(drawn), np.zeros(drawn)

    def note(self, row: int, taken: Floats) -> None:
        """Parts of one portion, shape (likely values, lots + 1)."""
        share = taken[:, :-1].mean(axis=0)
        holds = taken[:, :-1] >= max(self._least - _NOTHING, _NOTHING)
        lot = np.flatnonzero(share > _NOTHING)
        self._found.append((lot, np.full(len(lot), row), share[lot], holds.mean(axis=0)[lot]))
        self._before[row] = taken[:, -1].mean()
        self._missing[row] = max(0.0, 1.0 - share.sum() - self._before[row])

    def mixture(self, left: Floats, left_before: float, overdrawn: list[int], overfull: list[int]) -> Mixture:
        """Everything together."""
        nothing = (np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0), np.empty(0))
        lot, drawn, share, confidence = (
            np.concatenate(one) for one in zip(*(self._found or [nothing]), strict=True)
        )
        rows = (np.array(sorted(one), np.int64) for one in (overdrawn, overfull))
        return Mixture(lot, drawn, share, confidence, self._before, self._missing, left, left_before, *rows)


def _summed(lot: Integers, part: Floats, lots: int) -> Floats:
    return np.bincount(lot, part, lots).astype(np.float64)


def _likely(value: float, tolerance: float) -> Floats:
    """Equally likely values within a tolerance, none below 0."""
    if tolerance == 0:
        return np.array([value])
    steps = (np.arange(_VALUES) + 0.5) / _VALUES * 2 - 1
    return np.maximum(value + tolerance * steps, 0.0)


def _exceeds(inside: Floats, capacity: float) -> bool:
    return bool(inside.sum(axis=1).min() > capacity * (1 + 1e-9))


def _part(least: float) -> None:
    if not 0 <= least < 1:
        raise MixError.of("least", value=least)
