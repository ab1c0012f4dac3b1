"""Where readings come from: pieces in order, each sorted by signal, equipment and time.

Pieces of one date follow one another in that order; dates follow one another in time. So the parts of a group
that an edge of a piece cut come one after the other in time, and can be merged.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assay.model.kinds import TIME
from assay.query.bind import kernel
from assay.query.bind.room import Room
from assay.query.bind.spans import Cover

COLUMNS = ("signal", "equipment", "time", "value")
DOUBT, RECORDED = "clock_uncertainty", "recorded"
SCHEMA = pa.schema(
    [
        pa.field("signal", pa.string()),
        pa.field("equipment", pa.string()),
        pa.field("time", TIME),
        pa.field("value", pa.float64()),
        pa.field(DOUBT, pa.float64()),
        pa.field(RECORDED, TIME),
    ]
)
"""The columns of readings; the last two may be absent."""

Key = tuple[str, str, int]


class Names:
    """Numbers for names, given in the order of their first appearance; threads may share it."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._names: list[str] = []
        self._lock = threading.Lock()
        self._array: pa.Array = pa.array([], pa.string())

    def number(self, name: str) -> int:
        """The number of a name; a new one gets the next."""
        found = self._numbers.get(name)
        if found is None:
            with self._lock:
                found = self._numbers.get(name)
                if found is None:
                    found = len(self._names)
                    self._names.append(name)
                    self._numbers[name] = found
        return found

    def name(self, number: int) -> str:
        """The name that has a number."""
        return self._names[number]

    def array(self) -> pa.Array:
        """All names, at the places of their numbers."""
        if len(self._array) != len(self._names):
            self._array = pa.array(self._names, pa.string())
        return self._array

    def __len__(self) -> int:
        return len(self._names)


@dataclass(frozen=True, eq=False)
class Wanted:
    """What is asked of a source.

    Attributes
    ----------
    cover
        The times that any interval covers.
    slots
        The number of each equipment that has intervals.
    signals
        Only these signals; None for all.
    doubt
        Whether the clock uncertainty of readings is needed.
    names
        Where the signals found get their numbers.
    """

    cover: Cover
    slots: Mapping[str, int]
    signals: frozenset[str] | None = None
    doubt: bool = False
    names: Names = field(default_factory=Names)


@dataclass(frozen=True, eq=False)
class Run:
    """Readings sorted by signal, equipment and time, each time once.

    Attributes
    ----------
    starts
        (R + 1,): where each series begins, and the number of readings.
    signals, slots
        (R,): the number of the signal, and of the equipment; −1 where nobody asks for the series.
    time, value, doubt
        (K,): microseconds since 1970, values (NaN: none) and clock uncertainty (empty unless wanted).
    first, last
        The first and last reading's key, as far as they were asked for.
    valueless
        Readings asked for that have no finite value.
    order
        0 where times rise in every series asked for, 1 where some are equal, 2 where some fall.
    """

    starts: NDArray[np.int64]
    signals: NDArray[np.int64]
    slots: NDArray[np.int64]
    time: NDArray[np.int64]
    value: NDArray[np.float64]
    doubt: NDArray[np.float64]
    first: Key | None = None
    last: Key | None = None
    valueless: int = 0
    order: int = 0


class Piece(Protocol):
    """Some readings that can be loaded in any thread."""

    @property
    def rows(self) -> int:
        """At most so many readings."""

    @property
    def place(self) -> str:
        """Where they lie, for messages."""

    @property
    def within(self) -> tuple[int, int] | None:
        """Times [low, high) that hold its readings, and none of its series in pieces of other times."""

    @property
    def sorted_with(self) -> bool:
        """Whether it is sorted together with the pieces of the same times, which may have cut its series."""

    def load(self, wanted: Wanted, room: Room) -> Run:
        """Read and sort them; of several readings of one time the one recorded last stays.

        The run may lie in ``room``.
        """

    def with_next(self, other: Any) -> Piece:
        """This piece and the one after it as one."""


class ReadingSource(Protocol):
    """Readings that can be bound."""

    def pieces(self, wanted: Wanted) -> Iterator[Piece]:
        """The pieces that may hold what is wanted, in order."""


class TableReadings:
    """Readings of an Arrow table, in any order.

    The table has the columns signal, equipment, time and value, and may have clock_uncertainty and recorded.
    """

    def __init__(self, *tables: pa.Table) -> None:
        self._tables = tables

    def pieces(self, wanted: Wanted) -> Iterator[Piece]:
        """All of them as one piece."""
        if any(len(table) for table in self._tables):
            yield TablePiece(self._tables)


@dataclass(frozen=True, eq=False)
class TablePiece:
    """Tables that are sorted when they are loaded."""

    tables: Sequence[pa.Table]
    place: str = "a table"
    within: tuple[int, int] | None = None
    sorted_with: bool = False

    @property
    def rows(self) -> int:
        """Number of readings."""
        return sum(len(table) for table in self.tables)

    def load(self, wanted: Wanted, room: Room) -> Run:
        """Sort them."""
        return sorted_run([raw(table, wanted, recorded=True) for table in self.tables], wanted)

    def with_next(self, other: Any) -> TablePiece:
        """Both."""
        return TablePiece((*self.tables, *other.tables))


@dataclass(frozen=True, eq=False)
class Raw:
    """Columns as arrays: numbers of signal and equipment (−1: not asked for), times, values."""

    signal: NDArray[np.int32]
    slot: NDArray[np.int32]
    time: NDArray[np.int64]
    value: NDArray[np.float64]
    doubt: NDArray[np.float64]
    recorded: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.time)

    def taken(self, places: NDArray[np.int64] | NDArray[np.bool_]) -> Raw:
        """Only these readings, in this order."""
        return Raw(
            self.signal[places],
            self.slot[places],
            self.time[places],
            self.value[places],
            self.doubt[places] if len(self.doubt) else self.doubt,
            self.recorded[places] if len(self.recorded) else self.recorded,
        )


def raw(table: pa.Table, wanted: Wanted, *, recorded: bool) -> Raw:
    """The columns of a table; ``recorded`` is read only where readings may have to be told apart by it."""
    signals = _numbers(table.column("signal"), _signal_number(wanted))
    slots = _numbers(table.column("equipment"), _slot(wanted))
    times = table.column("time")
    if times.null_count:
        slots = np.where(np.asarray(times.is_null()), np.int32(-1), slots)
    doubt = _doubt(table) if wanted.doubt else kernel.nothing()
    known = recorded and RECORDED in table.column_names
    slots[signals < 0] = -1
    signals[slots < 0] = -1
    return Raw(
        signals,
        slots,
        _times(times),
        _floats(table.column("value")),
        doubt,
        _times(table.column(RECORDED)) if known else np.zeros(len(table) if recorded else 0, np.int64),
    )


def sorted_run(parts: Sequence[Raw], wanted: Wanted) -> Run:
    """Sort what is asked for and keep one reading per signal, equipment and time."""
    kept = [part.taken(part.slot >= 0) for part in parts]
    whole = kept[0] if len(kept) == 1 else _joined(kept)
    series = _ranks(whole.signal, wanted.names) * max(1, len(wanted.slots)) + whole.slot
    if not _rises(series, whole.time):
        # The value comes last, so that two readings recorded at once are told apart the same way always.
        order = np.lexsort((whole.value, whole.recorded, whole.time, series))
        whole, series = whole.taken(order), series[order]
        again = (series[1:] == series[:-1]) & (whole.time[1:] == whole.time[:-1])
        if again.any():
            whole = whole.taken(np.r_[~again, True])
    return run_of(whole, wanted)


def run_of(whole: Raw, wanted: Wanted) -> Run:
    """Readings that are in order as a run."""
    starts = kernel.series_starts(whole.signal, whole.slot)
    heads = starts[:-1]
    signals, slots = whole.signal[heads].astype(np.int64), whole.slot[heads].astype(np.int64)
    return _run(_Series(starts, signals, slots), whole.time, whole.value, whole.doubt, wanted)


@dataclass(frozen=True, eq=False)
class Stretch:
    """A table in order. A signal or equipment that all its rows have need not be a column of it."""

    table: pa.Table
    signal: str | None = None
    equipment: str | None = None

    def whole(self) -> pa.Table:
        """The table with both columns."""
        table = self.table
        for name, word in (("signal", self.signal), ("equipment", self.equipment)):
            if word is not None:
                table = table.append_column(name, pa.repeat(word, len(table)))
        return table


def run_in_order(stretches: Sequence[Stretch], wanted: Wanted, room: Room) -> Run:
    """Tables that follow one another in order as a run; words are looked up once per series, not per row."""
    tables = [one.table for one in stretches]
    if any(table.column("time").null_count for table in tables):
        return run_of(_joined([raw(one.whole(), wanted, recorded=False) for one in stretches]), wanted)
    starts, signals, slots = [], [], []
    done = 0
    for one in stretches:
        for edges, signal, slot in _edges(one, wanted):
            signals.append(signal)
            slots.append(slot)
            starts.append(edges[:-1] + done)
            done += int(edges[-1])
    series = _Series(
        np.append(np.concatenate(starts or [np.empty(0, np.int64)]), done),
        np.concatenate(signals or [np.empty(0, np.int64)]),
        np.concatenate(slots or [np.empty(0, np.int64)]),
    )
    doubt = [_doubt(table) for table in tables] if wanted.doubt else []
    return _run(
        series.united(),
        room.joined("time", [_times(part) for table in tables for part in _parts(table, "time")], np.int64),
        room.joined(
            "value", [_floats(part) for table in tables for part in _parts(table, "value")], np.float64
        ),
        room.joined("doubt", doubt, np.float64) if doubt else kernel.nothing(),
        wanted,
    )


def _edges(
    one: Stretch, wanted: Wanted
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]]:
    """Where series begin in each part of a stretch (and its length), their signals and their slots."""
    signal_number, slot_of = _signal_number(wanted), _slot(wanted)
    columns = [name for name in ("signal", "equipment") if name in one.table.column_names]
    if not columns:
        edges = np.array([0, len(one.table)], np.int64)
        yield edges, np.array([signal_number(str(one.signal))]), np.array([slot_of(str(one.equipment))])
        return
    for batch in one.table.select(columns).to_batches():
        coded = {name: _coded(batch.column(name)) for name in columns}
        edges = kernel.series_starts(coded[columns[0]].codes, coded[columns[-1]].codes)
        found = []
        for name, word, number in (
            ("signal", one.signal, signal_number),
            ("equipment", one.equipment, slot_of),
        ):
            if name in coded:
                found.append(coded[name].numbers(number)[coded[name].codes[edges[:-1]]])
            else:
                found.append(np.full(len(edges) - 1, number(str(word)), np.int64))
        yield edges, found[0], found[1]


@dataclass(frozen=True, eq=False)
class _Series:
    """Where series begin (and the number of readings), and their numbers."""

    starts: NDArray[np.int64]
    signals: NDArray[np.int64]
    slots: NDArray[np.int64]

    def united(self) -> _Series:
        """Stretches of one series that follow one another as one; those nobody asks for are all alike."""
        unasked = (self.slots < 0) | (self.signals < 0)
        signals, slots = np.where(unasked, -1, self.signals), np.where(unasked, -1, self.slots)
        new = np.ones(len(slots), bool)
        new[1:] = (signals[1:] != signals[:-1]) | (slots[1:] != slots[:-1])
        return _Series(np.append(self.starts[:-1][new], self.starts[-1]), signals[new], slots[new])


def _run(
    series: _Series,
    time: NDArray[np.int64],
    value: NDArray[np.float64],
    doubt: NDArray[np.float64],
    wanted: Wanted,
) -> Run:
    starts, signals, slots = series.starts, series.signals, series.slots
    counted = np.flatnonzero(slots >= 0)
    first = last = None
    if len(counted):
        equipped = list(wanted.slots)
        ends = ((counted[0], starts[counted[0]]), (counted[-1], starts[counted[-1] + 1] - 1))
        first, last = ((wanted.names.name(signals[r]), equipped[slots[r]], int(time[k])) for r, k in ends)
    time, value, doubt = _fixed(time), _fixed(value), _fixed(doubt)
    order, valueless = kernel.checked(starts, slots, time, value)
    return Run(starts, signals, slots, time, value, doubt, first, last, valueless, order)


def _fixed(array: NDArray[Any]) -> NDArray[Any]:
    """The array as one that can't be written, like those of Arrow: kernels are compiled for one kind only."""
    view = array.view()
    view.flags.writeable = False
    return view


def _parts(table: pa.Table, name: str) -> Sequence[pa.Array]:
    return table.column(name).chunks  # type: ignore[no-any-return]


def _doubt(table: pa.Table) -> NDArray[np.float64]:
    return _floats(table.column(DOUBT)) if DOUBT in table.column_names else np.full(len(table), np.nan)


def _joined(parts: Sequence[Raw]) -> Raw:
    return Raw(
        np.concatenate([part.signal for part in parts]),
        np.concatenate([part.slot for part in parts]),
        np.concatenate([part.time for part in parts]),
        np.concatenate([part.value for part in parts]),
        np.concatenate([part.doubt for part in parts]),
        np.concatenate([part.recorded for part in parts]),
    )


def _ranks(signal: NDArray[np.int32], names: Names) -> NDArray[np.int64]:
    """The places of the signals in the order of their names: numbers are in the order of appearance."""
    present = np.flatnonzero(np.bincount(signal)) if len(signal) else np.empty(0, np.int64)
    ranks = np.zeros(int(present[-1]) + 1 if len(present) else 0, np.int64)
    ranks[sorted(present.tolist(), key=names.name)] = np.arange(len(present))
    return ranks[signal]


def _rises(series: NDArray[np.int64], time: NDArray[np.int64]) -> bool:
    """Whether readings are in order and no time occurs twice in a series."""
    same = series[1:] == series[:-1]
    return bool(np.all((series[1:] > series[:-1]) | (same & (time[1:] > time[:-1]))))


def _signal_number(wanted: Wanted) -> Callable[[str], int]:
    chosen = wanted.signals
    if chosen is None:
        return wanted.names.number
    return lambda name: wanted.names.number(name) if name in chosen else -1


def _slot(wanted: Wanted) -> Callable[[str], int]:
    return lambda name: wanted.slots.get(name, -1)


@dataclass(frozen=True, eq=False)
class _Coded:
    """Words as codes; the code after the last word is a missing one's."""

    codes: NDArray[np.int32]
    words: pa.Array

    def numbers(self, number: Callable[[str], int]) -> NDArray[np.int64]:
        """The number of each code; −1 for a missing word."""
        known = [-1 if word is None else number(word) for word in self.words.to_pylist()]
        return np.array([*known, -1], np.int64)


def _coded(column: pa.Array) -> _Coded:
    words = column if isinstance(column, pa.DictionaryArray) else column.dictionary_encode()
    places = words.indices
    if places.null_count:
        places = places.fill_null(len(words.dictionary))
    return _Coded(places.cast(pa.int32()).to_numpy(zero_copy_only=False), words.dictionary)


def _numbers(column: pa.ChunkedArray, number: Callable[[str], int]) -> NDArray[np.int32]:
    """The numbers of a column's words, chunk by chunk; −1 for a missing one."""
    coded = [_coded(piece) for piece in column.chunks]
    pieces = [one.numbers(number).astype(np.int32)[one.codes] for one in coded]
    return np.concatenate(pieces) if pieces else np.empty(0, np.int32)


def _times(column: pa.Array | pa.ChunkedArray) -> NDArray[np.int64]:
    """Microseconds; a missing time is the earliest there is."""
    if column.type != TIME:
        column = column.cast(TIME)
    numbers = column.cast(pa.int64())
    if numbers.null_count:
        numbers = numbers.fill_null(np.iinfo(np.int64).min)
    return _array(numbers)


def _floats(column: pa.Array | pa.ChunkedArray) -> NDArray[np.float64]:
    """Values; a missing one is NaN."""
    return _array(column.cast(pa.float64()))


def _array(column: pa.Array | pa.ChunkedArray) -> NDArray[Any]:
    """The entries where they lie, if they lie together."""
    if isinstance(column, pa.ChunkedArray):
        return np.asarray(column.to_numpy())
    return np.asarray(column.to_numpy(zero_copy_only=False))
