"""Readings in Parquet files, read a few row groups at a time."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from assay.query.bind.errors import ReadingsUnreadable
from assay.query.bind.readings import (
    COLUMNS,
    DOUBT,
    RECORDED,
    SCHEMA,
    Piece,
    Raw,
    Run,
    Stretch,
    Wanted,
    raw,
    run_in_order,
    sorted_run,
)
from assay.query.bind.room import Room
from assay.query.bind.spans import Cover

PIECE_ROWS = 1 << 19
"""A sorted piece has about this many readings: few enough that a core's cache holds much of what it does."""

SORT_ROWS = 6_000_000
"""Readings that aren't sorted are sorted so many at a time; each takes some 100 bytes while that is done."""

_DATE = re.compile(r"(?:^|/)date=(\d{4}-\d{2}-\d{2})/")
_DAY = 86_400_000_000
_EPOCH = date(1970, 1, 1).toordinal()
_WORDS = ["signal", "equipment"]

Within = tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Group:
    """A row group that may hold what is wanted."""

    file: str
    number: int
    rows: int
    signals: tuple[str, str] | None
    """The first and last of its signals, where the file says so."""
    words: tuple[str | None, str | None]
    """The signal and the equipment that all of its rows have, where the file says so."""


class FileReadings:
    """Readings in files, and some in memory.

    Parameters
    ----------
    files
        Paths within ``filesystem``. A part ``date=YYYY-MM-DD/`` of a path says which UTC date all readings of
        the file are of; without it, all files are taken together.
    ordered
        Whether the files of a date, in the order of their names, are sorted by signal, equipment and time;
        otherwise they're sorted here, which takes longer.
    hot
        Readings that no file has yet.
    """

    def __init__(
        self,
        files: Sequence[str],
        *,
        filesystem: pafs.FileSystem | None = None,
        ordered: bool = False,
        hot: pa.Table | None = None,
    ) -> None:
        self._files = tuple(sorted(files))
        self._system = filesystem or pafs.LocalFileSystem()
        self.ordered = ordered
        self._dated = all(_day(file) is not None for file in self._files)
        self._hot = hot if hot is not None and len(hot) else None
        self._footers: dict[str, pq.FileMetaData] = {}

    def pieces(self, wanted: Wanted) -> Iterator[Piece]:
        """The pieces that may hold what is wanted, dates in order."""
        hot, names = self._hot_by_day(wanted), _Named(wanted.signals, wanted.slots)
        days: dict[int | None, list[str]] = defaultdict(list)
        for file in self._files:
            days[_day(file) if self._dated else None].append(file)
        for day in sorted({*days, *hot}, key=lambda day: day or 0):
            within = None if day is None else (day * _DAY, (day + 1) * _DAY)
            if within is not None and not wanted.cover.meets(within[0], within[1] - 1):
                continue
            groups = [group for file in days.get(day, ()) for group in self._groups(file, wanted, names)]
            if self.ordered and day not in hot:
                yield from self._in_order(groups, within)
            else:
                yield from self._to_sort(groups, hot.get(day), wanted, within)

    def table(self, cover: Cover, signals: Sequence[str] | None = None) -> pa.Table:
        """The readings of these times as one table, those in memory beside the files', for SQL."""
        groups = self._anywhere(cover, signals)
        columns = [*COLUMNS, DOUBT, RECORDED]
        tables = [self.read(file, [one.number for one in some], columns) for file, some in by_file(groups)]
        if self._hot is not None:
            tables.append(self._hot)
        return pa.concat_tables(
            [
                pa.table(
                    {
                        field.name: table.column(field.name).cast(field.type)
                        if field.name in table.column_names
                        else pa.nulls(len(table), field.type)
                        for field in SCHEMA
                    }
                )
                for table in [*tables, SCHEMA.empty_table()]
            ]
        )

    def most(self, cover: Cover, signals: Sequence[str] | None = None) -> int:
        """At most so many readings of files are of these times and signals."""
        return sum(group.rows for group in self._anywhere(cover, signals))

    @property
    def days(self) -> frozenset[int | None]:
        """The dates of the files, as days since 1970; None for files that don't say."""
        return frozenset(_day(file) for file in self._files)

    # -- which row groups -------------------------------------------------------------------------

    def open(self, file: str) -> pq.ParquetFile:
        """A file whose footer is read once."""
        try:
            opened = pq.ParquetFile(
                self._system.open_input_file(file),
                metadata=self._footers.get(file),
                read_dictionary=_WORDS,
                pre_buffer=not isinstance(self._system, pafs.LocalFileSystem),
            )
        except (OSError, pa.ArrowException) as error:
            raise _unreadable(file, error) from error
        self._footers.setdefault(file, opened.metadata)
        return opened

    def _anywhere(self, cover: Cover, signals: Sequence[str] | None) -> list[Group]:
        wanted = Wanted(cover, {}, None if signals is None else frozenset(signals))
        named = _Named(wanted.signals, None)
        return [group for file in self._files for group in self._groups(file, wanted, named)]

    def _groups(self, file: str, wanted: Wanted, named: _Named) -> Iterator[Group]:
        with self.open(file) as opened:
            footer, names = opened.metadata, opened.schema_arrow.names
        lacking = next((name for name in COLUMNS if name not in names), None)
        if lacking is not None:
            raise ReadingsUnreadable.of("file-column", file=file, column=lacking, needed=", ".join(COLUMNS))
        places = [names.index(name) for name in ("time", *_WORDS)]
        for number in range(footer.num_row_groups):
            group = footer.row_group(number)
            time, signal, equipment = (_bounds(group, place) for place in places)
            if time is not None and not wanted.cover.meets(_micros(time[0]), _micros(time[1])):
                continue
            if named.may_be_in(signal, equipment):
                words = (_only(group, places[1], signal), _only(group, places[2], equipment))
                yield Group(file, number, group.num_rows, signal, words)

    def _hot_by_day(self, wanted: Wanted) -> Mapping[int | None, pa.Table]:
        """The rows in memory by date; those without a time are left out, they can't be bound."""
        if self._hot is None:
            return {}
        table = self._hot.filter(self._hot.column("time").is_valid())
        if not self._dated:
            return {None: table}
        days = pc.cast(table.column("time"), pa.int64()).to_numpy() // _DAY
        return {int(day): table.filter(pa.array(days == day)) for day in np.unique(days)}

    # -- pieces ---------------------------------------------------------------------------------

    def _in_order(self, groups: Sequence[Group], within: Within) -> Iterator[Piece]:
        held: list[Group] = []
        for group in groups:
            held.append(group)
            if sum(one.rows for one in held) >= PIECE_ROWS:
                yield FilePiece(self, tuple(held), within=within, ordered=True)
                held = []
        if held:
            yield FilePiece(self, tuple(held), within=within, ordered=True)

    def _to_sort(
        self, groups: Sequence[Group], hot: pa.Table | None, wanted: Wanted, within: Within
    ) -> Iterator[Piece]:
        tables = () if hot is None else (hot,)
        rows = sum(group.rows for group in groups) + sum(map(len, tables))
        if not rows:
            return
        if rows <= SORT_ROWS:
            yield FilePiece(self, tuple(groups), tables, within=within)
            return
        for names in self._batches(groups, tables, wanted):
            low, high = min(names), max(names)
            fit = [g for g in groups if g.signals is None or (g.signals[0] <= high and low <= g.signals[1])]
            yield FilePiece(self, tuple(fit), tables, within=within, only=frozenset(names))

    def _batches(
        self, groups: Sequence[Group], tables: Sequence[pa.Table], wanted: Wanted
    ) -> Iterator[list[str]]:
        """Signals that are sorted together, so that memory is enough for each batch."""
        counts: dict[str, int] = defaultdict(int)
        columns = [table.column("signal") for table in tables]
        for file, some in by_file(groups):
            columns.append(self.read(file, [one.number for one in some], ["signal"]).column("signal"))
        for column in columns:
            for piece in column.chunks:
                for entry in pc.value_counts(piece).to_pylist():
                    counts[entry["values"]] += entry["counts"]
        batch: list[str] = []
        size = 0
        for name in sorted(name for name in counts if wanted.signals is None or name in wanted.signals):
            if batch and size + counts[name] > SORT_ROWS:
                yield batch
                batch, size = [], 0
            batch.append(name)
            size += counts[name]
        if batch:
            yield batch

    def read(self, file: str, groups: Sequence[int], columns: Sequence[str]) -> pa.Table:
        """Columns of some row groups; a column that the file lacks is left out."""
        with self.open(file) as opened:
            present = [name for name in columns if name in opened.schema_arrow.names]
            try:
                return opened.read_row_groups(list(groups), columns=present, use_threads=False)
            except (OSError, pa.ArrowException) as error:
                raise _unreadable(file, error) from error


@dataclass(frozen=True, eq=False)
class FilePiece:
    """Some row groups, and tables beside them."""

    source: FileReadings
    groups: tuple[Group, ...]
    tables: Sequence[pa.Table] = ()
    within: Within = None
    ordered: bool = False
    only: frozenset[str] | None = None
    joined: bool = False
    """Whether it was made of pieces that are sorted together."""

    @property
    def sorted_with(self) -> bool:
        """Whether the pieces of the same times may have cut its series."""
        return self.ordered or self.joined

    @property
    def rows(self) -> int:
        """Number of readings, those nobody asks for included."""
        return sum(group.rows for group in self.groups) + sum(map(len, self.tables))

    @property
    def place(self) -> str:
        """The files."""
        return ", ".join(dict.fromkeys(group.file for group in self.groups))

    def load(self, wanted: Wanted, room: Room) -> Run:
        """Read, and sort what isn't sorted; of several readings of one time the one recorded last stays."""
        if self.ordered:
            run = run_in_order(list(self._read(self._columns(wanted))), wanted, room)
            if run.order == 2 or _twice(run):
                raise ReadingsUnreadable.of("unsorted", place=self.place)
            if run.order == 0:
                return run
        chosen = wanted if self.only is None else _narrowed(wanted, self.only)
        return sorted_run(self._raw(chosen), chosen)

    def with_next(self, other: Any) -> FilePiece:
        """Both as one, sorted together."""
        return FilePiece(
            self.source,
            self.groups + other.groups,
            (*self.tables, *other.tables),
            within=self.within,
            joined=True,
        )

    def _columns(self, wanted: Wanted) -> list[str]:
        return [*COLUMNS, *([DOUBT] if wanted.doubt else [])]

    def _read(self, columns: Sequence[str]) -> Iterator[Stretch]:
        """The row groups in order; a column that has one word only isn't read."""
        for (file, words), groups in groupby(self.groups, key=lambda group: (group.file, group.words)):
            known = {name for name, word in zip(_WORDS, words, strict=True) if word is not None}
            needed = [name for name in columns if name not in known]
            yield Stretch(self.source.read(file, [group.number for group in groups], needed), *words)

    def _raw(self, wanted: Wanted) -> list[Raw]:
        """What is asked for, to be sorted; a row group is let go of before the next one is read."""
        columns = [*self._columns(wanted), RECORDED]
        parts = []
        for group in self.groups:
            part = raw(self.source.read(group.file, [group.number], columns), wanted, recorded=True)
            parts.append(part.taken(part.slot >= 0))
        return parts + [raw(table, wanted, recorded=True) for table in self.tables]


def by_file(groups: Sequence[Group]) -> Iterator[tuple[str, list[Group]]]:
    """Consecutive row groups of each file."""
    for file, some in groupby(groups, key=lambda group: group.file):
        yield file, list(some)


def _twice(run: Run) -> bool:
    """Whether some series that is asked for occurs in two places."""
    counted = run.slots >= 0
    series = run.signals[counted] * (int(run.slots.max(initial=0)) + 1) + run.slots[counted]
    return len(np.unique(series)) < len(series)


def _narrowed(wanted: Wanted, only: frozenset[str]) -> Wanted:
    return Wanted(wanted.cover, wanted.slots, only, wanted.doubt, wanted.names)


def _day(file: str) -> int | None:
    match = _DATE.search(file)
    return date.fromisoformat(match[1]).toordinal() - _EPOCH if match else None


class _Named:
    """The names that are asked for, to tell whether a stretch of names holds one; None: all are."""

    def __init__(self, signals: Iterable[str] | None, equipment: Iterable[str] | None) -> None:
        self._signals = None if signals is None else sorted(signals)
        self._equipment = None if equipment is None else sorted(equipment)

    def may_be_in(self, signals: tuple[Any, Any] | None, equipment: tuple[Any, Any] | None) -> bool:
        """Whether a row group with these first and last names may hold what is asked for."""
        return _some(self._signals, signals) and _some(self._equipment, equipment)


def _some(names: list[str] | None, bounds: tuple[Any, Any] | None) -> bool:
    if names is None or bounds is None:
        return True
    at = bisect_left(names, bounds[0])
    return at < len(names) and names[at] <= bounds[1]


def _bounds(group: pq.RowGroupMetaData, column: int) -> tuple[Any, Any] | None:
    found = group.column(column).statistics
    return (found.min, found.max) if found is not None and found.has_min_max else None


def _only(group: pq.RowGroupMetaData, column: int, bounds: tuple[Any, Any] | None) -> str | None:
    """The word that all rows have, where bounds say that there is one and that none is missing."""
    if bounds is None or bounds[0] != bounds[1] or not isinstance(bounds[0], str):
        return None
    found = group.column(column).statistics
    return bounds[0] if found.has_null_count and found.null_count == 0 else None


def _micros(moment: Any) -> int:
    return int(pa.scalar(moment, pa.timestamp("us", "UTC")).value)


def _unreadable(file: str, error: BaseException) -> ReadingsUnreadable:
    return ReadingsUnreadable.of("unreadable", file=file, problem=error)
