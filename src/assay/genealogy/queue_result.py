"""What a match says: probabilities, groups and doubts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assay.genealogy.queue_errors import MatchError
from assay.model.text import Text

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

ALONE = -1
"""*Scrapped* among the counterparts of an in count, *added* among those of an out count."""
SCHEMA = pa.schema(
    [
        pa.field("source", pa.string()),
        pa.field("target", pa.string()),
        pa.field("confidence", pa.float64()),
        pa.field("group", pa.int64()),
        pa.field("reason", pa.string()),
    ]
)
"""Bridging edges. ``group`` numbers the group of the source that the edge belongs to, null outside it."""


@dataclass(frozen=True)
class Doubt:
    """Something about the counts that a person should know.

    Attributes
    ----------
    kind
        One word: ``skew``, ``backwards``, ``carrier-conflict`` …
    side
        ``in``, ``out`` or None where it is about both.
    rows
        The counts it is about, 0-based; empty where it is about all.
    said
        The sentence for people.
    """

    kind: str
    side: str | None
    rows: tuple[int, ...]
    said: Text


@dataclass(frozen=True)
class Estimate:
    """A quantity with the interval that holds 95 % of its posterior."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Floats, weights: Floats) -> Estimate | None:
        """From weighted points; None where there is nothing to estimate."""
        if not len(values) or not np.isfinite(values).all():
            return None
        order = np.argsort(values)
        reached = np.cumsum(weights[order]) / weights.sum()
        low, high = (values[order][np.searchsorted(reached, edge)] for edge in (0.025, 0.975 - 1e-12))
        return cls(float(np.average(values, weights=weights)), float(low), float(high))


@dataclass(frozen=True)
class Groups:
    """For each piece the smallest set of counterparts that holds the share asked for.

    ``members[offsets[i]:offsets[i + 1]]`` are those of piece i, the most probable first; :data:`ALONE` is
    *scrapped* or *added*.
    """

    offsets: Integers
    members: Integers
    probability: Floats

    def of(self, piece: int) -> list[int]:
        """The counterparts of one piece."""
        return self.members[self.offsets[piece] : self.offsets[piece + 1]].tolist()  # type: ignore[no-any-return]

    @property
    def sizes(self) -> Integers:
        """How many counterparts each group holds, shape (pieces,)."""
        return np.diff(self.offsets)


@dataclass(frozen=True)
class Matching:
    """Which in count may be which out count.

    Attributes
    ----------
    before, after
        How many counts there are on the in and the out side.
    source, target, probability
        Shape (k,): pairs that are possible, by in count, then by out count, and the probability that they
        are one piece.
    scrapped
        Shape (before,): probability that an in count has no counterpart: scrapped inside, missed at the out
        side, or no piece at all.
    added
        Shape (after,): the same for an out count: added inside, missed at the in side, or no piece at all.
    residence
        Seconds from in to out; None where only the order was used.
    spread
        Standard deviation of the residence of single pieces with the noise of both sensors, s; None likewise.
    basis
        What was used: some of ``order``, ``time``, ``carrier``, ``position``.
    doubts
        What a person should know about the counts.
    """

    before: int
    after: int
    source: Integers
    target: Integers
    probability: Floats
    scrapped: Floats
    added: Floats
    residence: Estimate | None
    spread: Estimate | None
    basis: tuple[str, ...]
    doubts: tuple[Doubt, ...]

    def groups(self, share: float = 0.95) -> Groups:
        """For each in count the smallest set of out counts (or *scrapped*) holding ``share``."""
        return _groups(self.source, self.target, self.probability, self.scrapped, share)

    def groups_back(self, share: float = 0.95) -> Groups:
        """For each out count the smallest set of in counts (or *added*) holding ``share``."""
        return _groups(self.target, self.source, self.probability, self.added, share)

    @cached_property
    def best(self) -> Integers:
        """Shape (before,): the most probable counterpart of each in count, or :data:`ALONE`."""
        groups = self.groups(1.0)
        return groups.members[groups.offsets[:-1]]

    def edges(
        self, before: pa.Array, after: pa.Array, *, least: float = 1e-3, share: float = 0.95
    ) -> pa.Table:
        """Bridging edges in :data:`SCHEMA` between the ids of the in and of the out counts.

        Pairs below the probability ``least`` are left out unless they are in a group.
        """
        groups = self.groups(share)
        piece = np.repeat(np.arange(self.before), groups.sizes)
        width = self.after + 1
        grouped = np.isin(
            self.source * width + self.target, (piece * width + groups.members)[groups.members >= 0]
        )
        kept = grouped | (self.probability >= least)
        source = self.source[kept]
        return pa.table(
            {
                "source": before.cast(pa.string()).take(pa.array(source)),
                "target": after.cast(pa.string()).take(pa.array(self.target[kept])),
                "confidence": self.probability[kept],
                "group": pa.array(source, pa.int64(), mask=~grouped[kept]),
                "reason": pa.array([f"queue: {', '.join(self.basis)}"] * len(source), pa.string()),
            },
            schema=SCHEMA,
        )


def _groups(own: Integers, other: Integers, probability: Floats, alone: Floats, share: float) -> Groups:
    if not 0 < share <= 1:
        raise MatchError.of("share", value=share)
    pieces = len(alone)
    piece = np.concatenate([own, np.arange(pieces)])
    member = np.concatenate([other, np.full(pieces, ALONE)])
    value = np.concatenate([probability, alone])
    order = np.lexsort((member, -value, piece))
    piece, member, value = piece[order], member[order], value[order]
    starts = np.searchsorted(piece, np.arange(pieces + 1))
    reached = np.cumsum(value)
    before = reached - value - np.repeat(np.concatenate([[0.0], reached])[starts[:-1]], np.diff(starts))
    total = np.bincount(piece, value, minlength=pieces)
    kept = before < (share - 1e-9) * total[piece]
    offsets = np.concatenate([[0], np.cumsum(np.bincount(piece[kept], minlength=pieces))])
    return Groups(offsets.astype(np.int64), member[kept].astype(np.int64), value[kept])
