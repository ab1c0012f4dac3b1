"""Cuts and joins as they were recorded: what went into executions and came out, as the map of a stage."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from assay.genealogy.metre_errors import MetreError
from assay.genealogy.metre_map import MetreMap, Stretch

_SLACK = 1e-6
"""Share of a length by which two records of one place may differ."""


@dataclass(frozen=True)
class Part:
    """A coil, reel, bar or blank that went into an execution or came out of it, in metres.

    What went in is laid end to end, in the order of the parts: that is the web. ``start`` and ``end`` are
    the stretch of the item that went in, or the stretch of the web that the item was cut from; from a higher
    to a lower metre where it was turned round. All of it may be None: not recorded.

    Attributes
    ----------
    item
        Its id.
    start, end
        Metres of the item that went in; metres of the web for what came out.
    length
        How long the item is. Where what came out is longer than its stretch of the web it was drawn.
    left
        Metres of the web left of what came out; strips that were slit lie beside each other.
    """

    item: str
    start: float | None = None
    end: float | None = None
    length: float | None = None
    left: float = 0.0

    @property
    def measured(self) -> bool:
        """Whether its stretch or its length is recorded."""
        return self.length is not None or (self.start is not None and self.end is not None)


@dataclass(frozen=True)
class Execution:
    """One cut or join: ``consumed`` became ``produced``."""

    id: str
    consumed: tuple[Part, ...]
    produced: tuple[Part, ...]

    def made(self) -> MetreMap:
        """What came out, traced to what went in.

        One item of which no stretch is recorded is taken as it stands: metres of the web are its own. Pieces
        without a stretch follow one another by their lengths; one alone is the whole web.

        Raises
        ------
        MetreError
            A stretch or length is needed and not recorded, pieces that don't lie beside each other claim the
            same metres, or a piece lies beyond the end of the web.
        """
        if not self.consumed or not self.produced:
            raise MetreError.of("one-sided", execution=self.id)
        web = self._web()
        pieces = self._pieces(max(one.end for one in web))
        return MetreMap.of(pieces).after(MetreMap.of(web))

    def _web(self) -> list[Stretch]:
        known = [(one.start or 0.0, one.end) for one in self.produced if one.end is not None]
        reach = max((max(pair) for pair in known), default=0.0)
        found: list[Stretch] = []
        at = 0.0
        for one in self.consumed:
            start, end = one.start, one.end
            if start is None and end is None:
                alone = len(self.consumed) == 1
                start, end = 0.0, max(one.length or 0.0, reach if alone else 0.0)
            if start is None or end is None or start == end:
                raise MetreError.of("unmeasured", item=one.item, execution=self.id)
            found.append(Stretch(self.id, at, at + abs(end - start), one.item, start, end))
            at += abs(end - start)
        if reach > at * (1 + _SLACK):
            raise MetreError.of("beyond", execution=self.id, reach=reach, length=at)
        return found

    def _pieces(self, length: float) -> list[Stretch]:
        found: list[Stretch] = []
        at = 0.0
        for one in self.produced:
            start, end = one.start, one.end
            if start is None and end is None and len(self.produced) == 1:
                start, end = 0.0, length
            elif start is None and end is None and one.length is not None:
                start, end = at, at + one.length
            if start is None or end is None or start == end:
                raise MetreError.of("unmeasured", item=one.item, execution=self.id)
            long = abs(end - start) if one.length is None else one.length
            found.append(Stretch(one.item, 0.0, long, self.id, start, end, left=one.left))
            at = max(start, end)
        self._refuse_overlap(found)
        if at > length * (1 + _SLACK):
            raise MetreError.of("beyond", execution=self.id, reach=at, length=length)
        return found

    def _refuse_overlap(self, pieces: Iterable[Stretch]) -> None:
        lying = sorted(
            (one.left, min(one.parent_start, one.parent_end), max(one.parent_start, one.parent_end), one.item)
            for one in pieces
        )
        for (left, _, end, item), (beside, start, _, other) in pairwise(lying):
            if left == beside and start < end - _SLACK * max(1.0, end):
                raise MetreError.of("overlap", parent=self.id, item=item, other=other, start=start, end=end)


def recorded(executions: Sequence[Execution]) -> MetreMap:
    """The items of a stage traced to the stage before it, through all executions in their order.

    What was cut or joined again is traced through both; an item that came back under its own id is what came
    back from then on.
    """
    there: dict[str, tuple[Stretch, ...]] = {}
    for one in executions:
        made = one.made()
        again = [stretch for stretch in made.stretches if stretch.parent in there]
        first = [stretch for stretch in made.stretches if stretch.parent not in there]
        before = MetreMap.of(stretch for item in {each.parent for each in again} for stretch in there[item])
        through = (*first, *MetreMap.of(again).after(before).stretches)
        went_in = {part.item for part in one.consumed}
        for item in {part.item for part in one.produced}:
            kept = () if item in went_in else there.get(item, ())
            there[item] = (*kept, *(stretch for stretch in through if stretch.item == item))
    return MetreMap.of(stretch for stretches in there.values() for stretch in stretches)
