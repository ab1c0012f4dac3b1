"""Where a position on a product was upstream: piecewise-linear maps that compose, both ways.

A *stretch* of one reel, coil or bar at one stage is the image of a stretch of another at the stage before.
Elongation, cuts, joins, flips and trims are all lists of such stretches, and so is any chain of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Self

import numpy as np

from assay.genealogy.metre_errors import MetreError

_SMALLEST = 1e-9
"""Stretches shorter than this share of the longest are rounding, m."""


@dataclass(frozen=True)
class Place:
    """A point of a product.

    Attributes
    ----------
    item
        Reel, coil, bar or blank.
    position
        Metres from its start.
    across
        Metres from its left edge, looking the way it ran; None where only the length is followed.
    uncertainty
        One standard deviation of the position, m.
    """

    item: str
    position: float
    across: float | None = None
    uncertainty: float = 0.0


@dataclass(frozen=True)
class Draft:
    """An elongation known to ``relative``, one standard deviation, from ``anchor`` (m of the item) on."""

    relative: float
    anchor: float


@dataclass(frozen=True)
class Stretch:
    """One stretch of ``item`` and the stretch of ``parent`` it was made from, all in metres.

    ``start`` … ``end`` of the item are ``parent_start`` … ``parent_end`` of the parent, which run backwards
    where it was flipped. Across, the parent's place is ``left + scale * across``.
    ``uncertainty`` is one standard deviation on the parent; that of ``drafts`` grows from their anchors.
    """

    item: str
    start: float
    end: float
    parent: str
    parent_start: float
    parent_end: float
    left: float = 0.0
    scale: float = 1.0
    uncertainty: float = 0.0
    drafts: tuple[Draft, ...] = ()

    def __post_init__(self) -> None:
        numbers = (self.start, self.end, self.parent_start, self.parent_end, self.left, self.scale)
        if not np.isfinite(numbers).all():
            raise MetreError.of("not-finite", item=self.item, values=numbers)
        if not self.start < self.end or self.parent_start == self.parent_end:
            raise MetreError.of("empty", item=self.item, start=self.start, end=self.end, parent=self.parent)
        relative = [draft.relative for draft in self.drafts]
        if self.scale == 0 or self.uncertainty < 0 or min(relative, default=0.0) < 0:
            raise MetreError.of(
                "setting", item=self.item, scale=self.scale, sd=self.uncertainty, drawn=relative
            )

    @property
    def slope(self) -> float:
        """Metres of the parent for each metre of the item; below 0 where it was flipped."""
        return (self.parent_end - self.parent_start) / (self.end - self.start)

    def up(self, place: Place) -> Place:
        """Where ``place`` was on the parent."""
        across = None if place.across is None else self.left + self.scale * place.across
        parts = [place.uncertainty * self.slope, self.uncertainty]
        parts += [one.relative * self.slope * (place.position - one.anchor) for one in self.drafts]
        return Place(
            self.parent,
            self._above(place.position),
            across,
            float(np.sqrt(np.sum(np.square(parts)))),
        )

    def _above(self, position: float) -> float:
        return self.parent_start + self.slope * (position - self.start)

    def inverse(self) -> Stretch:
        """The same stretch seen from the parent."""
        slope = abs(self.slope)
        flipped = self.slope < 0
        low, high = sorted((self.parent_start, self.parent_end))
        return Stretch(
            item=self.parent,
            start=low,
            end=high,
            parent=self.item,
            parent_start=self.end if flipped else self.start,
            parent_end=self.start if flipped else self.end,
            left=-self.left / self.scale,
            scale=1 / self.scale,
            uncertainty=self.uncertainty / slope,
            drafts=tuple(replace(one, anchor=self._above(one.anchor)) for one in self.drafts),
        )


@dataclass(frozen=True)
class MetreMap:
    """The stretches of all items of one stage, each traced to the stage before.

    Places that lie on no stretch came from nowhere (a leader): they have no image. Where stretches overlap,
    as in a lap joint, a place has several.
    """

    stretches: tuple[Stretch, ...]

    @classmethod
    def of(cls, stretches: Iterable[Stretch]) -> Self:
        """A map from its stretches, in the order of item and position."""
        return cls(
            tuple(sorted(stretches, key=lambda one: (one.item, one.start, one.parent, one.parent_start)))
        )

    def up(self, place: Place) -> tuple[Place, ...]:
        """Where ``place`` was at the stage before: none, one or several places."""
        found: list[Place] = []
        for one in self.stretches:
            if one.item == place.item and _within(place.position, one.start, one.end):
                above = one.up(place)
                if not any(_same(above, other) for other in found):
                    found.append(above)
        return tuple(found)

    def inverse(self) -> MetreMap:
        """The map downstream: from places of the stage before to where they went."""
        return MetreMap.of(one.inverse() for one in self.stretches)

    def after(self, earlier: MetreMap) -> MetreMap:
        """This map, then ``earlier``: from this stage to the one before the one before."""
        found = [
            joined
            for later in self.stretches
            for first in earlier.stretches
            if first.item == later.parent and (joined := _composed(later, first)) is not None
        ]
        return MetreMap.of(found)

    @property
    def items(self) -> tuple[str, ...]:
        """The items of this stage."""
        return tuple(dict.fromkeys(one.item for one in self.stretches))

    def length(self, item: str) -> float:
        """How far the stretches of ``item`` reach, m; 0 where there are none."""
        return max((one.end for one in self.stretches if one.item == item), default=0.0)


def _within(position: float, start: float, end: float) -> bool:
    slack = _SMALLEST * max(1.0, abs(start), abs(end))
    return start - slack <= position <= end + slack


def _same(one: Place, other: Place) -> bool:
    """Whether two stretches that touch lead to one place."""
    slack = 10 * _SMALLEST * max(1.0, abs(one.position))
    return one.item == other.item and abs(one.position - other.position) <= slack


def _composed(later: Stretch, earlier: Stretch) -> Stretch | None:
    """``earlier`` as far as ``later`` lies on it, seen from the item of ``later``."""
    low, high = sorted((later.parent_start, later.parent_end))
    low, high = max(low, earlier.start), min(high, earlier.end)
    if high - low <= _SMALLEST * max(1.0, abs(low), abs(high)):
        return None
    ends = sorted((later.start + (at - later.parent_start) / later.slope, at) for at in (low, high))
    (start, first), (end, last) = ends
    parents = [earlier.parent_start + earlier.slope * (at - earlier.start) for at in (first, last)]
    slope = abs(earlier.slope)
    anchors = (later.start + (one.anchor - later.parent_start) / later.slope for one in earlier.drafts)
    drafts = (replace(one, anchor=at) for one, at in zip(earlier.drafts, anchors, strict=True))
    return Stretch(
        item=later.item,
        start=start,
        end=end,
        parent=earlier.parent,
        parent_start=parents[0],
        parent_end=parents[1],
        left=earlier.left + earlier.scale * later.left,
        scale=earlier.scale * later.scale,
        uncertainty=float(np.hypot(later.uncertainty * slope, earlier.uncertainty)),
        drafts=(*later.drafts, *drafts),
    )


def drawn(item: str, parent: str, length: float, draft: float, *, uncertainty: float = 0.0) -> MetreMap:
    """Rolling, drawing or stretching: ``length`` metres of ``parent`` become ``draft`` times as many.

    ``uncertainty`` is one standard deviation of the draft, relative.
    """
    _positive("draft", draft)
    known = (Draft(uncertainty, 0.0),) if uncertainty else ()
    return MetreMap.of([Stretch(item, 0.0, length * draft, parent, 0.0, length, drafts=known)])


def cut(parent: str, pieces: Sequence[tuple[str, float, float]]) -> MetreMap:
    """Cutting: each piece (item, from, to) of ``parent``; what no piece holds is scrap.

    Raises
    ------
    MetreError
        Two pieces claim the same metres, or a piece ends before it starts.
    """
    ordered = sorted(pieces, key=lambda one: one[1])
    for (name, _, end), (other, start, _) in pairwise(ordered):
        if start < end - _SMALLEST * max(1.0, abs(end)):
            raise MetreError.of("overlap", parent=parent, item=name, other=other, start=start, end=end)
    return MetreMap.of(Stretch(item, 0.0, end - start, parent, start, end) for item, start, end in ordered)


def joined(item: str, parts: Sequence[tuple[str, float, float]], *, lap: float = 0.0) -> MetreMap:
    """Welding or splicing: parts (parent, from, to) one behind the other, each lapping the last."""
    stretches, at = [], 0.0
    for place, (parent, start, end) in enumerate(parts):
        at -= lap if place else 0.0
        stretches.append(Stretch(item, at, at + (end - start), parent, start, end))
        at += end - start
    return MetreMap.of(stretches)


def flipped(item: str, parent: str, length: float, *, width: float | None = None) -> MetreMap:
    """Rewinding: the end comes first; with ``width`` the left edge becomes the right one too."""
    left, scale = (0.0, 1.0) if width is None else (width, -1.0)
    return MetreMap.of([Stretch(item, 0.0, length, parent, length, 0.0, left=left, scale=scale)])


def trimmed(parent: str, length: float, strips: Sequence[tuple[str, float]]) -> MetreMap:
    """Edge trimming and slitting: strips (item, metres of the parent left of it) over the whole length."""
    return MetreMap.of(Stretch(item, 0.0, length, parent, 0.0, length, left=left) for item, left in strips)


def _positive(name: str, value: float) -> None:
    if not np.isfinite(value) or value <= 0:
        raise MetreError.of("positive", name=name, value=value)
