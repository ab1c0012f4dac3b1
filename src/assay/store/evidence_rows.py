"""Rows of the lake as the evidence log has them: of one load and table, in the order of ``seq``."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import combinations, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.dataset as ds

from assay.ledger.chunks import (
    BATCH_ROWS,
    Digested,
    Digester,
    digest_of_columns,
    in_order,
    schema_columns,
)
from assay.ledger.entries import Body, Entry
from assay.ledger.place import MAIN
from assay.ledger.segment import Record, read_segments
from assay.model.kinds import HASHES
from assay.store.keys import LoadKey
from assay.store.layout import holds_many_loads, is_word, load_prefix
from assay.store.log import ALL_ROWS, load_of
from assay.store.reading import date_of, parquet_dataset, parquet_file

if TYPE_CHECKING:
    from assay.store.delta import LakeTable

WINDOW = 4 * BATCH_ROWS
"""How many sequence numbers are read at a time."""

_SPARSE = 4
"""From how many sequence numbers to a row on the numbers are read before the rows."""

_LONGEST = 1_024
_HASHED = "sha256:"
UNSEEN = tuple(field.name for field in HASHES)
"""Columns that are not logged: they follow from the others, and order rows of one ``seq``."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows of one load in one table: those whose ``seq`` is from ``first`` to ``last``, both included.

    ``dates`` are the first and last partition they are in, where that is known.
    """

    name: str
    load: LoadKey
    first: int
    last: int
    dates: tuple[date, date] | None = None


def bodies_logged(plant: Path) -> Iterator[tuple[int, Body]]:
    """Index and body of every entry of a plant's main log, out of its segments alone.

    Raises
    ------
    LedgerError
        An entry is not valid.
    """
    for found in read_segments(plant / "ledger" / MAIN / "segment"):
        if isinstance(found, Record):
            yield found.index, Entry.parse(found.entry).signed.body_of(check=False)


class BatchRows(NamedTuple):
    """The rows of a batch that the lake has.

    Attributes
    ----------
    rows
        In their order.
    places
        Which row of the batch each is, counted from 0.
    """

    rows: pa.Table
    places: npt.NDArray[np.int64]

    def within(self, first: int, count: int) -> tuple[pa.Table, list[int] | None]:
        """Those from row ``first`` of the batch on, and where among ``count`` they stand if some are gone."""
        start, end = np.searchsorted(self.places, [first, first + count])
        rows = self.rows.slice(int(start), int(end - start))
        return rows, None if len(rows) == count else (self.places[start:end] - first).tolist()


def placed(rows: pa.Table, count: int, gone: Collection[int]) -> BatchRows | None:
    """Rows of a batch of ``count`` rows, all of them or without those gone; None where others are missing."""
    if len(rows) == count:
        return BatchRows(rows, np.arange(count))
    left = np.setdiff1d(np.arange(count), np.fromiter(gone, np.int64, len(gone)))
    return BatchRows(rows, left) if len(rows) == len(left) else None


class Records(Protocol):
    """What rows are read from: a plant's lake, or its files alone."""

    def table(self, kind: str, /) -> LakeTable:
        """The log and the files of a table."""

    def schema(self, kind: str, /) -> pa.Schema:
        """The columns of a table."""


def logged_schema(lake: Records, name: str) -> pa.Schema:
    """The columns of a table that are logged: all but the hashes of the duplicate check."""
    return pa.schema([field for field in lake.schema(name) if field.name not in UNSEEN])


@lru_cache(maxsize=1_024)
def columns_logged(schema: pa.Schema, digest: bytes) -> list[str] | None:
    """The columns that a batch had when it was logged; None where no set of today's leads to ``digest``.

    There may be more by now: of the plant's own at the end, of the core's in one place. So a batch has
    the first of today's columns and, perhaps behind a gap, some that follow.
    """
    columns = schema_columns(schema)
    for end in range(len(columns), 0, -1):
        for start, behind in [(end, end), *combinations(range(1, end), 2)]:
            kept = columns[:start] + columns[behind:end]
            if digest_of_columns(kept) == digest:
                return [name for name, _ in kept]
    return None


def source_of(name: str, load: LoadKey) -> str:
    """How the log names a load of a table: ``reading:source/epoch``, or by digest where that is too long."""
    text = f"{name}:{load.transaction}"
    if len(text) <= _LONGEST:
        return text
    return f"{name}:{_HASHED}{hashlib.sha256(load.transaction.encode()).hexdigest()}"


def load_named(lake: Records, name: str, source: str) -> LoadKey | None:
    """The load that :func:`source_of` named; None where the lake never had it."""
    said = source.removeprefix(f"{name}:")
    if not said.startswith(_HASHED):
        return load_of(said)
    table = lake.table(name)
    for version in range(table.version() + 1):
        for one in table.commit_at(version).brought:
            if source_of(name, one[0].load) == source:
                return one[0].load
    return None


def read_piece(
    lake: Records, piece: Piece, files: Sequence[str], schema: pa.Schema | None = None
) -> Iterator[pa.Table]:
    """The rows of a piece in their order, some hundred thousand at a time; never cut within a ``seq``.

    Where the sequence numbers lie far apart, as those of events that may become many rows each do, they are
    read first, so that as many rows are read at a time all the same.
    """
    schema = schema or logged_schema(lake, piece.name)
    chosen = [path for path in files if _may_hold(path, piece)]
    if not chosen:
        return
    first, last = piece.first, piece.last
    if last - first > WINDOW:
        bounds = [_bounds(path) for path in chosen]
        first = max(first, min(low for low, _ in bounds))
        last = min(last, max(high for _, high in bounds))
    words = [field.name for field in schema if is_word(field)]
    hashes = [field for field in lake.schema(piece.name) if field.name in UNSEEN]
    dataset = parquet_dataset(chosen, pa.schema([*schema, *hashes]), words=words)
    where = (ds.field("seq") >= first) & (ds.field("seq") <= last)
    if any(holds_many_loads(path) for path in chosen):
        where &= (ds.field("source") == piece.load.source) & (ds.field("epoch") == piece.load.epoch)
    steps = range(first, last + 1, WINDOW)
    if len(steps) > 1 and last - first > _SPARSE * dataset.count_rows():
        starts = starts_of(dataset.to_table(columns=["seq"], filter=where).column("seq").to_numpy())
    else:
        starts = list(steps)
    for start, end in pairwise([*starts, last + 1]):
        rows = dataset.to_table(filter=where & (ds.field("seq") >= start) & (ds.field("seq") < end))
        if len(rows):
            yield in_order(rows, UNSEEN).select(schema.names)


def starts_of(numbers: npt.NDArray[np.int64], most: int = WINDOW) -> list[int]:
    """Where to begin to read so that about ``most`` rows come at a time, all of one ``seq`` together."""
    found: list[int] = np.unique(np.sort(numbers)[::most]).tolist()
    return found


def digest_piece(lake: Records, piece: Piece, files: Sequence[str]) -> list[Digested]:
    """The batches of a piece, read from the lake."""
    digester = Digester()
    for rows in read_piece(lake, piece, files):
        digester.feed(rows)
    return digester.finish() or []


def files_of(lake: Records, name: str, dates: tuple[date, date] | None = None) -> list[str]:
    """The files of a table as it is, those of some dates only."""
    return lake.table(name).files(between=dates)[1]


def dates_of(paths: Iterable[str]) -> tuple[date, date] | None:
    """The first and last partition that some files are in."""
    found = [date_of(f"/{path}") for path in paths]
    return (min(found), max(found)) if found else None


def _may_hold(path: str, piece: Piece) -> bool:
    name = path.rsplit("/", 1)[-1]
    begins = (load_prefix(piece.load), load_prefix(distinct(piece.load)))
    return holds_many_loads(path) or name.startswith(begins)


def distinct(load: LoadKey) -> LoadKey:
    """The key that names the files of a load from which repeated rows were left out."""
    return LoadKey(load.source, f"{load.epoch}+distinct")


def _bounds(path: str) -> tuple[int, int]:
    """The least and the greatest ``seq`` of a file, by what Parquet keeps of it."""
    with parquet_file(path) as file:
        at = file.schema_arrow.names.index("seq")
        low, high = ALL_ROWS, -1
        for number in range(file.metadata.num_row_groups):
            known = file.metadata.row_group(number).column(at).statistics
            if known is None or not known.has_min_max:
                return 0, ALL_ROWS
            low, high = min(low, known.min), max(high, known.max)
    return low, high
