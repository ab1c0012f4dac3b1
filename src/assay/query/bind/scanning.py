"""Readings against intervals: pieces are scanned by several threads, groups that were cut are merged."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assay.model.errors import StoreError
from assay.query.bind import kernel
from assay.query.bind.features import FeatureSet, computed
from assay.query.bind.merge import Partials, merged
from assay.query.bind.readings import Names, Piece, ReadingSource, Run, Wanted
from assay.query.bind.spans import Spans

if TYPE_CHECKING:
    from assay.plugins.operator import Progress

_MOST_THREADS = 4
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
    signal: NDArray[np.int64]
    features: list[pa.Array]


@dataclass(frozen=True, eq=False)
class _Scanned:
    piece: Piece
    run: Run
    groups: Partials
    cut: NDArray[np.bool_]


@dataclass(eq=False)
class Scan:
    """One pass over the readings; iterate over :meth:`bunches` once."""

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

        What it raises is said at :meth:`groups`.
        """
        for found in self.groups():
            begun, over = self.spans.begun[found.interval], self.spans.over[found.interval]
            features = computed(self.asked, found, begun, over)
            yield Bunch(self.spans.row[found.interval], found.signal, features)

    def groups(self) -> Iterator[Partials]:
        """The groups of intervals and signals that have readings, each once, in no order.

        Raises
        ------
        StoreError
            A file can't be read, or is not sorted where it says so.
        """
        if not len(self.spans):
            return
        self._limits = self.asked.limits
        self._cut: list[Partials] = []
        self._low: int | None = None
        for scanned in self._checked():
            yield from self._finished(scanned)
        yield from self._rest(merged(self._cut, self._limits) if self._cut else Partials.none(0))

    # -- pieces in order --------------------------------------------------------------------------

    def _checked(self) -> Iterator[_Scanned]:
        """Scanned pieces; where one reading was sorted into two of them, both are scanned as one."""
        before: _Scanned | None = None
        for one in self._scanned():
            if not len(one.groups) and one.run.first is None:
                continue
            if before is None:
                before = one
                continue
            together = before.piece.sorted_with and before.piece.within == one.piece.within
            if together and before.run.last is not None and one.run.first is not None:
                if one.run.first < before.run.last:
                    raise StoreError(
                        f"{one.piece.place} begins with {one.run.first[:2]}, before the end of "
                        f"{before.piece.place}: the files are not sorted by signal, equipment and time.",
                        hint="Derive the table again: assay lake derive.",
                    )
                if one.run.first == before.run.last:
                    before = self._scan(before.piece.with_next(one.piece))
                    continue
            yield before
            before = one
        if before is not None:
            yield before

    def _scanned(self) -> Iterator[_Scanned]:
        """Every piece, in order, a few of them at work at a time."""
        slots = {name: place for place, name in enumerate(self.spans.equipment)}
        self._wanted = Wanted(self.spans.cover(), slots, self.signals, self.asked.asks_uncertain, self.names)
        pieces = list(self.source.pieces(self._wanted))
        whole = sum(piece.rows for piece in pieces)
        threads = self.threads or max(1, min(_MOST_THREADS, os.cpu_count() or 1))
        waiting: deque[Future[_Scanned]] = deque()
        pool = ThreadPoolExecutor(threads, thread_name_prefix="assay-bind")
        try:
            for piece in pieces:
                waiting.append(pool.submit(self._scan, piece))
                while len(waiting) > threads:
                    yield self._counted(waiting.popleft().result(), whole)
            while waiting:
                yield self._counted(waiting.popleft().result(), whole)
        finally:
            pool.shutdown(cancel_futures=True)

    def _counted(self, one: _Scanned, whole: int) -> _Scanned:
        self.tally.readings += one.piece.rows
        self.tally.valueless += one.run.valueless
        if self.progress is not None:
            self.progress(self.tally.readings, whole, "binding")
        return one

    def _scan(self, piece: Piece) -> _Scanned:
        run = piece.load(self._wanted)
        groups, of_run = scanned(run, self.spans, self._limits, asks_uncertain=self.asked.asks_uncertain)
        return _Scanned(piece, run, groups, self._may_go_on(piece, run, groups, of_run))

    def _may_go_on(
        self, piece: Piece, run: Run, groups: Partials, of_run: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Which groups may have readings in other pieces."""
        begun, over = self.spans.begun[groups.interval], self.spans.over[groups.interval]
        cut = np.zeros(len(groups), bool)
        if piece.within is not None:
            cut |= (begun < piece.within[0]) | (over > piece.within[1])
        counted = np.flatnonzero(run.slots >= 0)
        if piece.sorted_with and len(counted):
            first, last = counted[0], counted[-1]
            cut |= (of_run == first) & (begun < run.time[run.starts[first]])
            cut |= (of_run == last) & (over > run.time[run.starts[last + 1] - 1])
        return cut

    # -- groups -----------------------------------------------------------------------------------

    def _finished(self, one: _Scanned) -> Iterator[Partials]:
        low = one.piece.within[0] if one.piece.within is not None else None
        if self._cut and (low != self._low or sum(map(len, self._cut[1:])) > _CUT_GROUPS):
            every = merged(self._cut, self._limits)
            done = self.spans.over[every.interval] <= (low if low is not None else np.iinfo(np.int64).min)
            self._cut = [every.taken(~done)]
            yield from self._rest(every.taken(done))
        self._low = low
        if one.cut.any():
            self._cut.append(one.groups.taken(one.cut))
            yield from self._rest(one.groups.taken(~one.cut))
        else:
            yield from self._rest(one.groups)

    def _rest(self, groups: Partials) -> Iterator[Partials]:
        if len(groups):
            self.tally.groups += len(groups)
            yield groups


def scanned(
    run: Run, spans: Spans, limits: NDArray[np.float64], *, asks_uncertain: bool
) -> tuple[Partials, NDArray[np.int64]]:
    """The groups of one run of readings, and the number of the series each came from."""
    most = kernel.most_groups(run.starts, run.slots, run.time, spans.bounds, spans.begun, spans.reach)
    which, series, n = (np.empty(most, np.int64) for _ in range(3))
    times, floats = np.empty((2, most), np.int64), kernel.floats_like(most)
    held = np.zeros((len(limits), most))
    doubtful = np.zeros(most if asks_uncertain else 0, np.int64)
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
                pa.DictionaryArray.from_arrays(pa.array(bunch.signal.astype(np.int32)), known),
                *bunch.features,
            ],
            schema=schema,
        )
        for bunch in bunches
    ]
    return pa.Table.from_batches(batches, schema)
