"""Readings against intervals: pieces are scanned by several threads, groups that were cut are merged."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assay.query.bind import kernel
from assay.query.bind.errors import ReadingsUnreadable
from assay.query.bind.features import FeatureSet, computed
from assay.query.bind.merge import Partials, merged
from assay.query.bind.readings import Key, Names, Piece, ReadingSource, Run, Wanted
from assay.query.bind.room import Room
from assay.query.bind.spans import Spans

if TYPE_CHECKING:
    from assay.plugins.operator import Progress

T = TypeVar("T")

_MOST_THREADS = 4
_AHEAD = 2
"""As many pieces of each thread may wait for the ones before them."""

_MOST_STRETCHES = 8
_CUT_GROUPS = 500_000
"""Parts of cut groups are merged when there are this many new ones."""


@dataclass(slots=True)
class Tally:
    """What a scan met."""

    readings: int = 0
    """Readings of the row groups that were read."""
    valueless: int = 0
    """Readings asked for that have no finite value."""
    groups: int = 0
    """Groups of an interval and a signal."""


@dataclass(frozen=True, eq=False)
class Bunch:
    """Finished groups.

    Attributes
    ----------
    row
        (G,): the row of the interval where it came from.
    signal
        (G,): the number of the signal.
    features
        One column each, in the order asked for.
    """

    row: NDArray[np.int64]
    signal: NDArray[np.int32]
    features: list[pa.Array]


@dataclass(frozen=True, eq=False)
class _Scanned(Generic[T]):
    """What a piece gave: groups that are whole, made into what is asked for, and those that may go on."""

    piece: Piece
    first: Key | None
    last: Key | None
    valueless: int
    groups: int
    whole: list[T]
    cut: Partials


@dataclass(eq=False)
class Scan:
    """One pass over the readings; iterate over :meth:`bunches` or :meth:`groups` once."""

    source: ReadingSource
    spans: Spans
    asked: FeatureSet
    signals: frozenset[str] | None = None
    threads: int | None = None
    progress: Progress | None = None
    names: Names = field(default_factory=Names)
    tally: Tally = field(default_factory=Tally)

    def bunches(self) -> Iterator[Bunch]:
        """The groups of intervals and signals that have readings, each once, in no order, with features.

        Raises
        ------
        StoreError
            A file can't be read, or is not sorted where it says so.
        """
        return _Work(self, self._bunch).results()

    def groups(self) -> Iterator[Partials]:
        """The same groups as :meth:`bunches`, their partial results instead of features."""
        return _Work(self, lambda found: found.taken(np.arange(len(found)))).results()

    def _bunch(self, found: Partials) -> Bunch:
        places = found.interval if self.asked.asks_edges else found.interval[:0]
        features = computed(self.asked, found, self.spans.begun[places], self.spans.over[places])
        return Bunch(self.spans.row[found.interval], found.signal.astype(np.int32), features)


class _Work(Generic[T]):
    """A scan at work: pieces go to threads, what they give comes back in order.

    ``made`` turns groups that are whole into what is asked for, in the thread that found them. What it gives
    must not lie where the groups lie: that room is used again.
    """

    def __init__(self, scan: Scan, made: Callable[[Partials], T]) -> None:
        self._scan = scan
        self._made = made
        self._spans, self._tally = scan.spans, scan.tally
        self._limits = scan.asked.limits
        self._cut: list[Partials] = []
        self._low: int | None = None
        self._rooms = threading.local()
        self._outside: tuple[tuple[int, int], NDArray[np.bool_]] | None = None
        slots = {name: place for place, name in enumerate(self._spans.equipment)}
        cover = self._spans.cover()
        self._wanted = Wanted(cover, slots, scan.signals, scan.asked.asks_uncertain, scan.names)

    def results(self) -> Iterator[T]:
        """What all groups were made into."""
        if not len(self._spans):
            return
        for one in self._checked():
            yield from self._finished(one)
        yield from self._rest(merged(self._cut, self._limits) if self._cut else Partials.none(0))

    # -- pieces in order --------------------------------------------------------------------------

    def _checked(self) -> Iterator[_Scanned[T]]:
        """Scanned pieces; where one reading was sorted into two of them, both are scanned as one."""
        before: _Scanned[T] | None = None
        for one in self._scanned():
            if not one.groups and one.first is None:
                continue
            if before is None:
                before = one
                continue
            together = before.piece.sorted_with and before.piece.within == one.piece.within
            if together and before.last is not None and one.first is not None:
                if one.first < before.last:
                    first = ", ".join(map(str, one.first[:2]))
                    raise ReadingsUnreadable.of(
                        "out-of-order", place=one.piece.place, first=first, before=before.piece.place
                    )
                if one.first == before.last:
                    before = self._piece(before.piece.with_next(one.piece))
                    continue
            yield before
            before = one
        if before is not None:
            yield before

    def _scanned(self) -> Iterator[_Scanned[T]]:
        """Every piece, in order, a few of them at work at a time."""
        pieces = list(self._scan.source.pieces(self._wanted))
        whole = sum(piece.rows for piece in pieces)
        threads = self._scan.threads or max(1, min(_MOST_THREADS, os.cpu_count() or 1))
        waiting: deque[Future[_Scanned[T]]] = deque()
        pool = ThreadPoolExecutor(threads, thread_name_prefix="assay-bind")
        try:
            for piece in pieces:
                waiting.append(pool.submit(self._piece, piece))
                while len(waiting) > threads * _AHEAD:
                    yield self._counted(waiting.popleft().result(), whole)
            while waiting:
                yield self._counted(waiting.popleft().result(), whole)
        finally:
            pool.shutdown(cancel_futures=True)

    def _counted(self, one: _Scanned[T], whole: int) -> _Scanned[T]:
        self._tally.readings += one.piece.rows
        self._tally.valueless += one.valueless
        if self._scan.progress is not None:
            self._scan.progress(self._tally.readings, whole, "binding")
        return one

    def _piece(self, piece: Piece) -> _Scanned[T]:
        room: Room | None = getattr(self._rooms, "room", None)
        if room is None:
            room = self._rooms.room = Room()
        run = piece.load(self._wanted, room)
        groups, of_run = scanned(run, self._spans, self._limits, asks_uncertain=self._wanted.doubt, room=room)
        cut = self._may_go_on(piece, run, groups, of_run)
        whole = [self._made(some) for some in _without(groups, cut)]
        return _Scanned(piece, run.first, run.last, run.valueless, len(groups), whole, groups.taken(cut))

    def _may_go_on(
        self, piece: Piece, run: Run, groups: Partials, of_run: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Which groups may have readings in other pieces."""
        cut = np.zeros(len(groups), bool)
        if piece.within is not None:
            cut = self._beyond(piece.within)[groups.interval]
        counted = np.flatnonzero(run.slots >= 0)
        if piece.sorted_with and len(counted):
            # Groups come in the order of the runs: those of the first and of the last lie at the ends.
            for r, edge in ((counted[0], "first"), (counted[-1], "last")):
                low, high = np.searchsorted(of_run, (r, r + 1))
                interval = groups.interval[low:high]
                if edge == "first":
                    cut[low:high] |= self._spans.begun[interval] < run.time[run.starts[r]]
                else:
                    cut[low:high] |= self._spans.over[interval] > run.time[run.starts[r + 1] - 1]
        return cut

    def _beyond(self, within: tuple[int, int]) -> NDArray[np.bool_]:
        """Which intervals go on outside these times."""
        known = self._outside
        if known is None or known[0] != within:
            outside = (self._spans.begun < within[0]) | (self._spans.over > within[1])
            known = self._outside = within, outside
        return known[1]

    # -- groups -----------------------------------------------------------------------------------

    def _finished(self, one: _Scanned[T]) -> Iterator[T]:
        low = one.piece.within[0] if one.piece.within is not None else None
        if self._cut and (low != self._low or sum(map(len, self._cut[1:])) > _CUT_GROUPS):
            every = merged(self._cut, self._limits)
            done = self._spans.over[every.interval] <= (low if low is not None else np.iinfo(np.int64).min)
            self._cut = [every.taken(~done)]
            yield from self._rest(every.taken(done))
        self._low = low
        if len(one.cut):
            self._cut.append(one.cut)
        self._tally.groups += one.groups - len(one.cut)
        yield from one.whole

    def _rest(self, groups: Partials) -> Iterator[T]:
        if len(groups):
            self._tally.groups += len(groups)
            yield self._made(groups)


def _without(groups: Partials, cut: NDArray[np.bool_]) -> Iterator[Partials]:
    """The groups that are not cut: where few are, the stretches between them, where they lie."""
    edges = np.flatnonzero(np.diff(np.r_[True, cut, True]))
    stretches = edges.reshape(-1, 2)
    if len(stretches) > _MOST_STRETCHES:
        yield groups.taken(~cut)
        return
    for low, high in stretches.tolist():
        yield groups.between(low, high)


def scanned(
    run: Run, spans: Spans, limits: NDArray[np.float64], *, asks_uncertain: bool, room: Room
) -> tuple[Partials, NDArray[np.int64]]:
    """The groups of one run of readings, and the number of the series each came from, both in ``room``."""
    most = kernel.most_groups(run.starts, run.slots, run.time, spans.bounds, spans.begun, spans.reach)
    which, series, n = (room.array(name, most, np.int64) for name in ("which", "series", "n"))
    times = room.array("times", (2, most), np.int64)
    floats = room.array("floats", (kernel.FLOATS, most), np.float64)
    held = room.array("held", (len(limits), most), np.float64)
    doubtful = room.array("doubtful", most if asks_uncertain else 0, np.int64)
    doubt = run.doubt if asks_uncertain else kernel.nothing()
    found = kernel.scan(
        run.starts,
        run.slots,
        run.time,
        run.value,
        doubt,
        spans.bounds,
        spans.begun,
        spans.over,
        spans.reach,
        spans.doubt,
        limits,
        which,
        series,
        n,
        times,
        floats,
        held,
        doubtful,
    )
    series = series[:found]
    groups = Partials(
        which[:found],
        run.signals[series],
        n[:found],
        times[:, :found],
        floats[:, :found],
        held[:, :found],
        doubtful[:found] if asks_uncertain else np.zeros(found, np.int64),
    )
    return groups, series


def as_table(bunches: Sequence[Bunch], asked: FeatureSet, names: Names) -> pa.Table:
    """Groups as a table with the columns ``interval`` (row number), ``signal`` and the features."""
    schema = pa.schema(
        [
            pa.field("interval", pa.int64()),
            pa.field("signal", pa.dictionary(pa.int32(), pa.string())),
            *asked.schema(),
        ]
    )
    known = names.array()
    batches = [
        pa.record_batch(
            [
                pa.array(bunch.row),
                pa.DictionaryArray.from_arrays(pa.array(bunch.signal), known, safe=False),
                *bunch.features,
            ],
            schema=schema,
        )
        for bunch in bunches
    ]
    return pa.Table.from_batches(batches, schema)
