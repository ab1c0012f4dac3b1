"""Which movements a walk through the genealogy follows, and how that is asked for at every door."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from assay.analyse.errors import TraceRefusal, joined
from assay.genealogy import Direction, Index

BOTH = "both"
WAYS = (*(str(one) for one in Direction), BOTH)
"""What a direction may be."""
FILTERS = ("equipment", "person", "recipe", "carrier", "segment")
"""The columns of words that doors filter by."""


@dataclass(frozen=True, eq=False)
class Through:
    """Which movements are followed: those that agree with all of it.

    Attributes
    ----------
    words
        Column of the movements (one of :data:`assay.genealogy.columns.WORDS`) to the words allowed there.
    since, until
        The step began in [since, until), with time zone; a movement without a time is not followed then.
    least_confidence
        Inferred movements that are less sure than this are not followed, 0 to 1.
    """

    words: Mapping[str, Collection[str]] = field(default_factory=dict)
    since: datetime | None = None
    until: datetime | None = None
    least_confidence: float = 0.0

    def mask(self, index: Index) -> NDArray[np.bool_] | None:
        """Which edges agree, shape (edges,); None for all; remembered, so never write to it.

        Raises
        ------
        ModelError
            Movements have no such column.
        """
        kept = _masks.setdefault(index, {})
        words = tuple((name, frozenset(words)) for name, words in self.words.items())
        mark = (words, self.since, self.until, self.least_confidence, index.graph.edges)
        if mark not in kept:
            while len(kept) >= _KEPT:
                del kept[next(iter(kept))]
            kept[mark] = self._mask(index)
        return kept[mark]

    def _mask(self, index: Index) -> NDArray[np.bool_] | None:
        masks = [index.columns.among(name, words) for name, words in self.words.items()]
        if self.since is not None or self.until is not None:
            masks.append(index.columns.within(_micros(self.since), _micros(self.until)))
        if self.least_confidence > 0 and not index.columns.certain:
            masks.append(index.columns.sure(self.least_confidence))
        return np.logical_and.reduce(masks) if masks else None


_KEPT = 4
"""Masks remembered of one index: people look at one thing after another through the same filter."""
_masks: WeakKeyDictionary[Index, dict[Any, NDArray[np.bool_] | None]] = WeakKeyDictionary()


class WalkArguments(BaseModel):
    """What every walk through the genealogy can be told: how far, through what, and as known when."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_depth: int | None = Field(default=None, ge=0, description="Walk at most this many movements.")
    equipment: list[str] = Field(default=[], description="Only movements at this equipment; several: any.")
    person: list[str] = Field(default=[], description="Only movements by this person; several: any.")
    recipe: list[str] = Field(default=[], description="Only movements under this recipe; several: any.")
    carrier: list[str] = Field(default=[], description="Only movements on this carrier; several: any.")
    segment: list[str] = Field(default=[], description="Only movements of this segment; several: any.")
    since: AwareDatetime | None = Field(default=None, description="Only steps that began then or later.")
    until: AwareDatetime | None = Field(default=None, description="Only steps that began before.")
    confidence: float = Field(
        default=0.0, ge=0, le=1, description="Only movements that are at least so sure; recorded ones are 1."
    )
    as_of: AwareDatetime | None = Field(default=None, description="The plant as known on this moment.")

    def through(self) -> Through | None:
        """The movements to follow; None for all."""
        words = {name: given for name in FILTERS if (given := getattr(self, name))}
        if not words and self.since is None and self.until is None and not self.confidence:
            return None
        return Through(words, self.since, self.until, self.confidence)


def checked_way(direction: str) -> str:
    """The direction as it stands; TraceError when it is none."""
    if direction not in WAYS:
        raise TraceRefusal.of("direction", direction=direction, known=joined("or", map(repr, WAYS)))
    return str(direction)


def walks_of(way: str, *, together: bool = False) -> tuple[tuple[Direction, ...], ...]:
    """The walks of a way, as :func:`assay.query.genealogy.index_around` takes them.

    ``both`` is two walks from where one stands; ``together``, one back and from its end forward.
    """
    if way != BOTH:
        return ((Direction(way),),)
    if together:
        return ((Direction.BACK, Direction.FORWARD),)
    return tuple((one,) for one in Direction)


def moment_of(moment: datetime | None, otherwise: int) -> int:
    """A moment as µs since 1970; TraceError where it has no zone."""
    micros = _micros(moment)
    return otherwise if micros is None else micros


def _micros(moment: datetime | None) -> int | None:
    if moment is None:
        return None
    if moment.tzinfo is None:
        raise TraceRefusal.of("zone", moment=moment)
    return int((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1_000_000)
