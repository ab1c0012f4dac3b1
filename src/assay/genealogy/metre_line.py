"""A whole line: a position on the finished product, and time and position at every station before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from assay.genealogy.metre_errors import MetreError
from assay.genealogy.metre_map import MetreMap, Place
from assay.genealogy.metre_passage import Moment, Passage


@dataclass(frozen=True)
class Sighting:
    """Where and when a place was at a station; ``moment`` is None where the record does not reach it."""

    station: str
    place: Place
    moment: Moment | None


@dataclass(frozen=True)
class Stage:
    """A station, what passed it, and how its items were made from those of the stage before.

    ``origin`` is None at the first stage.
    """

    station: str
    passages: tuple[Passage, ...]
    origin: MetreMap | None = None

    def sight(self, place: Place) -> Sighting:
        """When ``place`` passed here."""
        for passage in self.passages:
            if passage.item == place.item:
                moment = passage.moment(place.position, place.uncertainty)
                if moment is not None:
                    return Sighting(self.station, place, moment)
        return Sighting(self.station, place, None)


@dataclass(frozen=True)
class MetreLine:
    """The stages of a line, first to last."""

    stages: tuple[Stage, ...]

    @classmethod
    def of(cls, stages: Sequence[Stage]) -> MetreLine:
        """A line from its stages.

        Raises
        ------
        MetreError
            No stages, two of one name, or a later stage that does not say what it was made from.
        """
        names = [stage.station for stage in stages]
        if not stages or len(set(names)) < len(names):
            raise MetreError.of("stations", names=", ".join(names))
        for stage in stages[1:]:
            if stage.origin is None:
                raise MetreError.of("origin", station=stage.station)
        return cls(tuple(stages))

    def upstream(self, place: Place, *, station: str | None = None) -> tuple[Sighting, ...]:
        """Every place and time before and at ``station`` (by default the last), the latest first."""
        at, places, found = self._index(station), [place], []
        for stage in reversed(self.stages[: at + 1]):
            found += [stage.sight(one) for one in places]
            if stage.origin is not None:
                places = [above for one in places for above in stage.origin.up(one)]
        return tuple(found)

    def downstream(self, place: Place, *, station: str | None = None) -> tuple[Sighting, ...]:
        """Every place and time at and after ``station`` (by default the first), the earliest first."""
        at = 0 if station is None else self._index(station)
        places, found = [place], [self.stages[at].sight(place)]
        for stage in self.stages[at + 1 :]:
            below = stage.origin.inverse() if stage.origin is not None else MetreMap(())
            places = [one for above in places for one in below.up(above)]
            found += [stage.sight(one) for one in places]
        return tuple(found)

    def at(self, station: str, item: str, time: float) -> Place:
        """The place of ``item`` that passed ``station`` at ``time`` (s).

        Raises
        ------
        MetreError
            The item was not there at that time.
        """
        for passage in self.stages[self._index(station)].passages:
            position = passage.position(time) if passage.item == item else None
            if position is not None:
                return Place(item, position)
        raise MetreError.of("elsewhere", station=station, item=item, time=time)

    def _index(self, station: str | None) -> int:
        if station is None:
            return len(self.stages) - 1
        for place, stage in enumerate(self.stages):
            if stage.station == station:
                return place
        known = ", ".join(stage.station for stage in self.stages)
        raise MetreError.of("unknown", station=station, known=known)
