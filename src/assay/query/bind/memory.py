"""What was sensed, kept for the next time: only the intervals that readings came for are scanned again.

A question that is watched is asked again whenever something arrived. An interval that is over, and that no
new reading lies in, has the groups that it had.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.query.bind.features import FeatureSet
from assay.query.bind.files import FileReadings
from assay.query.bind.merge import Partials, joined
from assay.query.bind.scanning import Scan
from assay.query.bind.spans import Spans
from assay.store.place import located
from assay.store.snapshot import Snapshot
from assay.store.workspace import Workspace

READING = "reading"

MOST_QUESTIONS, MOST_GROUPS, MOST_ARRIVED = 16, 500_000, 2_000_000
"""Questions whose groups are kept; groups in all, of 150 bytes each; new readings that are looked at."""

_Key = tuple[tuple[str, ...], tuple[str, ...]]


@dataclass(frozen=True, eq=False)
class _State:
    """What readings a snapshot has, as far as groups depend on it."""

    files: frozenset[str]
    days: frozenset[int | None]
    ordered: bool
    masters: pa.Table | None

    def follows(self, other: _State) -> bool:
        """Whether everything that the other had is there, and read the same way."""
        same = self.masters is other.masters or (
            self.masters is not None and other.masters is not None and self.masters.equals(other.masters)
        )
        return (
            same and self.ordered == other.ordered and self.files >= other.files and self.days >= other.days
        )


@dataclass(frozen=True, eq=False)
class _Known:
    """The groups of intervals, each interval once, as of a state."""

    state: _State
    spans: Spans
    parts: Partials


class Memory:
    """The groups that questions of one plant have sensed. Threads may share it."""

    def __init__(self) -> None:
        self._known: OrderedDict[_Key, _Known] = OrderedDict()
        self._lock = threading.Lock()
        self.scanned = 0
        """Intervals that were scanned, of those asked for."""
        self.asked = 0

    def groups(
        self,
        source: FileReadings,
        snapshot: Snapshot,
        spans: Spans,
        needed: FeatureSet,
        signals: tuple[str, ...],
    ) -> tuple[Partials, int]:
        """The groups of intervals and signals that have readings, and how many intervals were remembered.

        An interval may be there several times.

        Raises
        ------
        StoreError
            A file can't be read.
        """
        each, number = _distinct(spans)
        state = _State(
            frozenset(snapshot.files.get(READING, ())),
            source.days,
            source.ordered,
            snapshot.master.get("signal"),
        )
        key = signals, needed.columns
        before = None if snapshot.past else self._before(key, state)
        hot = snapshot.hot.get(READING)
        unsettled = np.zeros(len(each), bool) if hot is None else _touched(each, hot, signals)
        places = np.full(len(each), -1)
        if before is not None:
            arrived = _arrived(state.files - before.state.files, each, signals)
            if arrived is not None:
                places = np.where(
                    _touched(each, arrived, signals) | unsettled, -1, _places(before.spans, each)
                )
        parts = []
        if before is not None and (places >= 0).any():
            parts.append(_moved(before.parts, places))
        rest = np.flatnonzero(places < 0)
        if len(rest):
            some = each.only(rest)
            scan = Scan(source, some, needed, frozenset(signals))
            parts += [replace(one, interval=rest[some.row[one.interval]]) for one in scan.groups()]
        found = joined(parts) if parts else Partials.none(len(needed.bands))
        with self._lock:
            self.asked += len(each)
            self.scanned += len(rest)
        if not snapshot.past:
            self._keep(key, state, each, found, settled=~unsettled)
        return _spread(found, number), len(each) - len(rest)

    def clear(self) -> None:
        """Forget every group."""
        with self._lock:
            self._known.clear()

    def _before(self, key: _Key, state: _State) -> _Known | None:
        with self._lock:
            known = self._known.get(key)
            if known is None:
                return None
            self._known.move_to_end(key)
        return known if state.follows(known.state) else None

    def _keep(
        self, key: _Key, state: _State, spans: Spans, found: Partials, *, settled: NDArray[np.bool_]
    ) -> None:
        if len(found) > MOST_GROUPS:
            return
        chosen = np.flatnonzero(settled)
        new = np.full(len(spans), -1)
        new[chosen] = np.arange(len(chosen))
        mine = found.taken(settled[found.interval])
        some = spans.only(chosen)
        # Spans are sorted again: the number of each is told by the row that it had.
        order = np.empty(len(chosen), np.int64)
        order[some.row] = np.arange(len(chosen))
        known = _Known(state, some, replace(mine, interval=order[new[mine.interval]]))
        with self._lock:
            older = self._known.get(key)
            if older is not None and older.state.files > state.files:
                return
            self._known[key] = known
            self._known.move_to_end(key)
            while len(self._known) > MOST_QUESTIONS or (
                self._known and sum(len(one.parts) for one in self._known.values()) > MOST_GROUPS
            ):
                self._known.popitem(last=False)


def _slots(spans: Spans) -> NDArray[np.int64]:
    return np.repeat(np.arange(len(spans.equipment)), np.diff(spans.bounds))


def _numbered(*columns: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """A number for each different row of the columns, and where each number occurs first."""
    order = np.lexsort(columns)
    new = np.ones(len(order), bool)
    new[1:] = np.logical_or.reduce([one[order][1:] != one[order][:-1] for one in columns])
    number = np.empty(len(order), np.int64)
    number[order] = np.cumsum(new) - 1
    return number, order[new]


def _distinct(spans: Spans) -> tuple[Spans, NDArray[np.int64]]:
    """Each different interval once, and for each interval its place among them."""
    number, first = _numbered(spans.over, spans.begun, _slots(spans))
    each = spans.only(first)
    place = np.empty(len(first), np.int64)
    place[each.row] = np.arange(len(first))
    return each, place[number]


def _places(before: Spans, now: Spans) -> NDArray[np.int64]:
    """Where each interval was among those of before; −1 for a new one."""
    names = {name: slot for slot, name in enumerate(dict.fromkeys((*before.equipment, *now.equipment)))}
    slots = [
        np.array([names[name] for name in one.equipment], np.int64)[_slots(one)] for one in (before, now)
    ]
    number, _ = _numbered(np.r_[before.over, now.over], np.r_[before.begun, now.begun], np.concatenate(slots))
    at = np.full(len(number), -1)
    at[number[: len(before)]] = np.arange(len(before))
    return at[number[len(before) :]]


def _moved(parts: Partials, places: NDArray[np.int64]) -> Partials:
    """The groups of the intervals that were at these places, each under its place of now."""
    now = np.full(int(max(places.max(), parts.interval.max(initial=0))) + 1, -1)
    now[places[places >= 0]] = np.flatnonzero(places >= 0)
    here = now[parts.interval]
    return replace(parts.taken(here >= 0), interval=here[here >= 0])


def _spread(found: Partials, number: NDArray[np.int64]) -> Partials:
    """Groups of different intervals as groups of all intervals, those that are equal each with their own."""
    order = np.argsort(found.interval, kind="stable")
    low, high = (np.searchsorted(found.interval[order], number, side=side) for side in ("left", "right"))
    counts = high - low
    owner = np.repeat(np.arange(len(number)), counts)
    within = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    return replace(found.taken(order[np.repeat(low, counts) + within]), interval=owner)


def _arrived(files: frozenset[str], spans: Spans, signals: tuple[str, ...]) -> pa.Table | None:
    """The readings of new files that may lie in intervals; None for too many."""
    filesystem, paths = located(sorted(files))
    new = FileReadings(paths, filesystem=filesystem)
    if new.most(spans.cover(), signals) > MOST_ARRIVED:
        return None
    return new.table(spans.cover(), signals)


def _touched(spans: Spans, readings: pa.Table, signals: tuple[str, ...]) -> NDArray[np.bool_]:
    """The intervals that any of the readings lies in; one that names no equipment may be of each."""
    words = readings.column("signal").cast(pa.string())
    some = readings.filter(
        pc.and_(pc.is_in(words, pa.array(signals, pa.string())), readings.column("time").is_valid())
    )
    equipment = some.column("equipment").cast(pa.string())
    time = some.column("time").cast(pa.int64()).to_numpy()
    slots = pc.fill_null(pc.index_in(equipment, pa.array(spans.equipment, pa.string())), -1).to_numpy()
    order = np.lexsort((time, slots))
    slots, by_slot = slots[order], time[order]
    homeless = np.sort(time[np.asarray(equipment.is_null())])
    edges = np.searchsorted(slots, np.arange(len(spans.equipment) + 1))
    touched = np.searchsorted(homeless, spans.begun) < np.searchsorted(homeless, spans.over)
    for slot in np.unique(slots[slots >= 0]):
        times = by_slot[edges[slot] : edges[slot + 1]]
        here = slice(spans.bounds[slot], spans.bounds[slot + 1])
        touched[here] |= np.searchsorted(times, spans.begun[here]) < np.searchsorted(times, spans.over[here])
    return touched


_memories: WeakKeyDictionary[Workspace, Memory] = WeakKeyDictionary()
_memories_lock = threading.Lock()


def memory_of(workspace: Workspace) -> Memory:
    """The memory of an open plant."""
    with _memories_lock:
        return _memories.setdefault(workspace, Memory())
