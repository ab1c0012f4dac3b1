"""Readings of a few signals, straight from the files: a window of time, and the last value of each.

Files are left out by their date, row groups by the least and greatest signal and time that Parquet keeps of
them. Tables sorted by signal and time, as compaction and derivation leave them, need few row groups; others
are answered all the same.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from assay.model.errors import QueryError
from assay.model.kinds import RecordKind
from assay.store.place import located
from assay.store.reading import date_of
from assay.store.tables import to_microseconds

if TYPE_CHECKING:
    from assay.store.lake import Lake
    from assay.store.snapshot import Snapshot

COLUMNS = ("signal", "equipment", "time", "value", "text", "unit", "quality")
"""The columns of an answer."""
_DAY = 86_400_000_000
_FIRST_DAY = date(1970, 1, 1)
_NEVER = np.iinfo(np.int64).min


def window(
    lake: Lake,
    signals: Iterable[str],
    start: datetime,
    end: datetime,
    *,
    table: str = RecordKind.READING.value,
    columns: Sequence[str] = COLUMNS,
    snapshot: Snapshot | None = None,
) -> pa.Table:
    """The readings of some signals from ``start`` up to, and without, ``end``; no order is promised.

    Raises
    ------
    QueryError
        There is no such table, or a moment has no time zone.
    """
    pinned = _pinned(lake, table, snapshot)
    wanted = pa.array(sorted(set(signals)), pa.string())
    low, high = (_micros(moment) for moment in (start, end))
    first, last = start.astimezone(UTC).date(), end.astimezone(UTC).date()
    found = []
    for path in (one for one in pinned.files[table] if first <= date_of(one) <= last):
        with _opened(path) as file:
            groups = [one for one in _groups(file, wanted) if _overlaps(file, one, low, high)]
            for group in groups:
                rows = file.read_row_group(group, columns=list(dict.fromkeys([*columns, "signal", "time"])))
                found += _chosen(rows, wanted, low, high, columns)
    if table in pinned.hot:
        found += _chosen(pinned.hot[table], wanted, low, high, columns)
    schema = pa.schema([_plain(pinned, table, name) for name in columns])
    return pa.concat_tables([one.cast(schema) for one in found]) if found else schema.empty_table()


def last_values(
    lake: Lake,
    signals: Iterable[str],
    *,
    table: str = RecordKind.READING.value,
    snapshot: Snapshot | None = None,
) -> pa.Table:
    """The latest reading of each signal, ordered by signal; signals that were never read are left out.

    The newest dates are read first. Signals that had no reading there are looked for in older ones, date by
    date, so that one which fell silent long ago is found too, and costs what the way back costs.

    Raises
    ------
    QueryError
        There is no such table.
    """
    pinned = _pinned(lake, table, snapshot)
    names = np.array(sorted(set(signals)), dtype=object)
    latest = np.full(len(names), _NEVER)
    rows: list[dict[str, Any] | None] = [None] * len(names)
    if table in pinned.hot:
        every = np.arange(len(names))
        _later(pinned.hot[table].select(COLUMNS), pa.array(names, pa.string()), latest, rows, every)
    for day, paths in groupby(sorted(pinned.files[table], key=date_of, reverse=True), key=date_of):
        # What is later than a date can't be overtaken by it.
        open_places = np.flatnonzero(latest < (day - _FIRST_DAY).days * _DAY + _DAY)
        if not len(open_places):
            break
        wanted = pa.array(names[open_places], pa.string())
        for path in sorted(paths):
            with _opened(path) as file:
                for group in _groups(file, wanted):
                    rows_of = file.read_row_group(group, columns=list(COLUMNS))
                    _later(rows_of, wanted, latest, rows, open_places)
    schema = pa.schema([_plain(pinned, table, name) for name in COLUMNS])
    return pa.Table.from_pylist([row for row in rows if row is not None], schema)


def _later(
    table: pa.Table,
    wanted: pa.Array,
    latest: NDArray[np.int64],
    rows: list[dict[str, Any] | None],
    places: NDArray[np.int64],
) -> None:
    """Take the rows of wanted signals that are later than the latest known."""
    if not len(table):
        return
    times = _times(table)
    starts, ids = _runs(table.column("signal"), wanted)
    ends = np.append(starts[1:], len(times))
    best = np.maximum.reduceat(times, starts)
    chosen: dict[int, int] = {}
    for run in np.flatnonzero(ids >= 0):
        place = int(places[ids[run]])
        if best[run] > latest[place]:
            latest[place] = best[run]
            chosen[place] = int(starts[run] + np.argmax(times[starts[run] : ends[run]]))
    taken = table.take(pa.array(list(chosen.values()), pa.int64())).to_pylist()
    for place, row in zip(chosen, taken, strict=True):
        rows[place] = row


def _times(table: pa.Table) -> NDArray[np.int64]:
    """The time of each row in microseconds since 1970."""
    column = table.column("time").cast(pa.int64())
    whole = column.fill_null(_NEVER) if column.null_count else column
    times: NDArray[np.int64] = whole.to_numpy()
    return times


def _runs(signals: pa.ChunkedArray, wanted: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where runs of a signal begin, and its place in ``wanted``; -1 for others. A run may come in pieces."""
    starts, ids, before = [], [], 0
    for chunk in signals.chunks:
        words = chunk.dictionary if pa.types.is_dictionary(chunk.type) else None
        known = pc.index_in(chunk if words is None else words, wanted).fill_null(-1).to_numpy()
        codes = known if words is None else chunk.indices.to_numpy()
        if len(codes):
            begins = np.append(0, np.flatnonzero(codes[1:] != codes[:-1]) + 1)
            ids.append(codes[begins] if words is None else known[codes[begins]])
            starts.append(begins + before)
            before += len(codes)
    return np.concatenate(starts), np.concatenate(ids).astype(np.int64)


def _ids(signals: pa.ChunkedArray, wanted: pa.Array) -> NDArray[np.int64]:
    """The place of each row's signal in ``wanted``; -1 for others."""
    pieces = []
    for chunk in signals.chunks:
        if not pa.types.is_dictionary(chunk.type):
            pieces.append(pc.index_in(chunk, wanted).fill_null(-1).to_numpy())
            continue
        known = pc.index_in(chunk.dictionary, wanted).fill_null(-1).to_numpy()
        pieces.append(known[chunk.indices.to_numpy()])
    return np.concatenate(pieces).astype(np.int64) if pieces else np.empty(0, np.int64)


def _chosen(rows: pa.Table, wanted: pa.Array, low: int, high: int, columns: Sequence[str]) -> list[pa.Table]:
    times = _times(rows)
    kept = np.flatnonzero((times >= low) & (times < high) & (_ids(rows.column("signal"), wanted) >= 0))
    return [rows.select(list(columns)).take(pa.array(kept))] if len(kept) else []


def _groups(file: pq.ParquetFile, wanted: pa.Array) -> Iterator[int]:
    """The row groups that may hold one of the wanted signals."""
    at = file.schema_arrow.names.index("signal")
    names = wanted.to_pylist()
    for number in range(file.metadata.num_row_groups):
        known = file.metadata.row_group(number).column(at).statistics
        if known is None or not known.has_min_max:
            yield number
        else:
            # The first wanted name not before the group: if it is beyond the group, so are all later ones.
            at_name = bisect_left(names, known.min)
            if at_name < len(names) and names[at_name] <= known.max:
                yield number


def _overlaps(file: pq.ParquetFile, group: int, low: int, high: int) -> bool:
    at = file.schema_arrow.names.index("time")
    known = file.metadata.row_group(group).column(at).statistics
    if known is None or not known.has_min_max:
        return True
    least, most = (to_microseconds(moment) for moment in (known.min, known.max))
    return least < high and most >= low


def _opened(path: str) -> pq.ParquetFile:
    filesystem, (inside,) = located([path])
    return pq.ParquetFile(inside, filesystem=filesystem, pre_buffer=False)


def _pinned(lake: Lake, table: str, snapshot: Snapshot | None) -> Snapshot:
    pinned = snapshot or lake.snapshot()
    if table in pinned.refused:
        raise pinned.refused[table].why
    if table not in pinned.files:
        known = [name for name, schema in pinned.schemas.items() if {"signal", "time"} <= set(schema.names)]
        raise QueryError(f"there is no table {table!r} of readings", hint=f"Tables: {', '.join(known)}.")
    return pinned


def _plain(pinned: Snapshot, table: str, name: str) -> pa.Field:
    return pinned.schemas[table].field(name)


def _micros(moment: datetime) -> int:
    try:
        return to_microseconds(moment)
    except ValueError as error:
        raise QueryError(str(error)) from error
