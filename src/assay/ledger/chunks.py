"""The canonical bytes of rows, and the digests of chunks of at most 1,024 of them.

What is digested depends on the rows alone, in their order: what is under a null is zeroed, every NaN is the
same, and words are numbered by their first occurrence in the batch. It does not depend on Arrow's buffers
and dictionaries, on Parquet files or compaction, and is rederived from the lake by reading the rows of a
batch in the order of (source, epoch, seq). A changed cell changes its chunk and, where it is a word, those
behind it: the first chunk that differs is the one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from assay.ledger.canonical import encode
from assay.ledger.entries import CHUNK_ROWS
from assay.ledger.errors import EntryError

BATCH_ROWS = 64 * CHUNK_ROWS
"""Rows of a batch at most; more only where they all have one ``seq``."""

CHUNK = "assay/chunk@1"

_LETTERS = {
    pa.timestamp("us", tz="UTC"): "T",
    pa.float64(): "f",
    pa.int64(): "i",
    pa.bool_(): "?",
}


def schema_columns(schema: pa.Schema) -> list[list[str]]:
    """Name and type of each column, as they are digested.

    Types are one letter: ``w`` text of which few values occur, ``t`` other text, ``b`` bytes, ``T`` time in
    microseconds since 1970, ``f`` floating point and ``i`` whole number of 64 bits, ``?`` boolean; others by
    Arrow's name.
    """
    return [[field.name, _type_name(field.type)] for field in schema]


def schema_digest(schema: pa.Schema) -> bytes:
    """SHA-256 of the names and types of a schema's columns, in their order; 32 bytes."""
    return digest_of_columns(schema_columns(schema))


def digest_of_columns(columns: list[list[str]]) -> bytes:
    """SHA-256 of what :func:`schema_columns` gives; 32 bytes."""
    return sha256(encode([CHUNK, [list(column) for column in columns]])).digest()


@dataclass(frozen=True, slots=True)
class Digested:
    """A batch of rows as it is logged.

    Parameters
    ----------
    first, last
        Sequence numbers of its first and last row.
    rows
        How many rows.
    chunks
        SHA-256 of each 1,024 rows.
    """

    first: int
    last: int
    rows: int
    chunks: tuple[bytes, ...]


class Digester:
    """Digests rows as they come, cut into batches of about 65,536: between two of another ``seq``.

    Rows come in the order of ``seq``, or in blocks that do, each of several tables. When they do not,
    :meth:`finish` gives None, and whoever wants digests reads the rows again in that order.

    Parameters
    ----------
    unseen
        Columns that are not digested; where rows have one ``seq``, they are in the order of these.
    """

    def __init__(self, unseen: Sequence[str] = ()) -> None:
        self._unseen = list(unseen)
        self._batches: list[Digested] = []
        self._held: list[pa.Table] = []
        self._waiting: list[pa.Table] = []
        self._rows = 0
        self._settled = self._top = -1
        self._failed = False

    def feed(self, table: pa.Table) -> None:
        """Take further rows."""
        if self._failed or not len(table):
            return
        bounds = pc.min_max(table.column("seq")).as_py()
        if bounds["min"] <= self._settled:
            self._failed = True
            self._held, self._waiting = [], []
            return
        if bounds["min"] > self._top:
            self._settle()
        self._held.append(table)
        self._top = max(self._top, bounds["max"])

    def finish(self) -> list[Digested] | None:
        """Digest what is left; every batch, or None where the rows came in another order."""
        if self._failed:
            return None
        self._settle()
        self._cut(1)
        return self._batches

    def _settle(self) -> None:
        """Put the rows of a block in order: what comes later is behind them."""
        if not self._held:
            return
        rows = in_order(_joined(self._held), self._unseen)
        self._held, self._settled = [], self._top
        self._waiting.append(rows.drop_columns([one for one in self._unseen if one in rows.column_names]))
        self._rows += len(rows)
        if self._rows >= BATCH_ROWS:
            self._cut(BATCH_ROWS)

    def _cut(self, least: int) -> None:
        """Digest batches while there are at least ``least`` rows."""
        if not self._rows:
            return
        table = _joined(self._waiting)
        seq = table.column("seq").to_numpy()
        start = 0
        while start < len(seq) and len(seq) - start >= least:
            end = batch_end(seq, start)
            chunks = tuple(chunk_digests(table.slice(start, end - start)))
            self._batches.append(Digested(int(seq[start]), int(seq[end - 1]), end - start, chunks))
            start = end
        self._rows = len(seq) - start
        self._waiting = [table.slice(start)] if self._rows else []


def in_order(rows: pa.Table, ties: Sequence[str] = ()) -> pa.Table:
    """Rows by ``seq``; where several have the same, by the columns ``ties``, then by all others."""
    seq = rows.column("seq").to_numpy()
    if len(seq) < 2 or bool((seq[1:] > seq[:-1]).all()):
        return rows
    known = [name for name in ties if name in rows.column_names]
    plain = rows.select(["seq", *known]) if known else rows
    for at, field in enumerate(plain.schema):
        if pa.types.is_dictionary(field.type):
            plain = plain.set_column(at, field.name, plain.column(at).cast(field.type.value_type))
    keys = ["seq", *(name for name in plain.column_names if name != "seq")]
    return rows.take(pc.sort_indices(plain, [(name, "ascending") for name in keys]))


def batch_end(seq: npt.NDArray[np.int64], start: int) -> int:
    """Where the batch ends that begins with row ``start``: rows of one ``seq`` stay together."""
    end = min(start + BATCH_ROWS, len(seq))
    if end == len(seq) or seq[end] != seq[end - 1]:
        return end
    before = int(np.searchsorted(seq, seq[end], "left"))
    return before if before > start else int(np.searchsorted(seq, seq[end], "right"))


def _joined(tables: Sequence[pa.Table]) -> pa.Table:
    return tables[0] if len(tables) == 1 else pa.concat_tables(tables)


def chunk_digests(rows: pa.RecordBatch | pa.Table) -> list[bytes]:
    """SHA-256 of the canonical bytes of each 1,024 rows of a batch; the last chunk may be shorter.

    Raises
    ------
    EntryError
        A column's type has no canonical form.
    """
    table = pa.Table.from_batches([rows]) if isinstance(rows, pa.RecordBatch) else rows
    columns = [_column(name, column) for name, column in zip(table.column_names, table.columns, strict=True)]
    digests = []
    for start in range(0, table.num_rows, CHUNK_ROWS):
        end = min(start + CHUNK_ROWS, table.num_rows)
        parts: Parts = [(end - start).to_bytes(4, "little")]
        for column in columns:
            column.feed(parts, start, end)
        digests.append(sha256(b"".join(parts)).digest())
    return digests


Parts: TypeAlias = "list[bytes | memoryview]"


class _Fixed:
    """Values of fixed width: one byte says whether none, all or some are missing; then the values."""

    def __init__(self, name: str, array: pa.Array) -> None:
        self._content = _values(name, array).data.cast("B")
        self._width = len(self._content) // max(len(array), 1)
        self._there = _there(array)

    def feed(self, parts: Parts, start: int, end: int) -> None:
        """Add the rows ``start`` to ``end`` to what is digested."""
        if not _fed_presence(parts, self._there, start, end):
            return
        parts.append(self._content[start * self._width : end * self._width])


class _Text:
    """Text or bytes: presence as of fixed widths; then the length of each, then the content."""

    def __init__(self, array: pa.Array) -> None:
        binary = pa.types.is_binary(array.type) or pa.types.is_large_binary(array.type)
        filled = array.cast(pa.large_binary() if binary else pa.large_string())
        if filled.null_count:
            filled = pc.fill_null(filled, b"" if binary else "")
        _, offsets, content = filled.buffers()
        self._offsets = np.frombuffer(offsets, "<i8")[filled.offset : filled.offset + len(filled) + 1]
        self._lengths = np.diff(self._offsets).astype("<u4").data.cast("B")
        self._content = memoryview(content if content is not None else b"")
        self._there = _there(array)

    def feed(self, parts: Parts, start: int, end: int) -> None:
        """Add the rows ``start`` to ``end`` to what is digested."""
        if not _fed_presence(parts, self._there, start, end):
            return
        parts.append(self._lengths[start * 4 : end * 4])
        parts.append(self._content[self._offsets[start] : self._offsets[end]])


class _Words:
    """Text of few values: the digest of all values up to here, then, where there are several, their numbers.

    A value that is missing is one of them. Numbers have one byte while there are at most 256 values, then
    two, then four.
    """

    def __init__(self, column: pa.ChunkedArray) -> None:
        codes, self._words = _numbered(column)
        self._codes = codes
        self._known = 0
        self._seen = sha256()
        if codes is not None:
            starts = np.arange(0, len(codes), CHUNK_ROWS)
            self._tops = (np.maximum.accumulate(np.maximum.reduceat(codes, starts)) + 1).tolist()
            self._bytes = codes.astype("u1").data if len(self._words) <= 1 << 8 else None

    def feed(self, parts: Parts, start: int, end: int) -> None:
        """Add the rows ``start`` to ``end`` to what is digested."""
        codes = self._codes
        most = 1 if codes is None else self._tops[start // CHUNK_ROWS]
        if most > self._known:
            for word in self._words[self._known : most]:
                self._seen.update(b"\0" if word is None else b"\1" + len(word).to_bytes(4, "little") + word)
            self._known = most
            self._digest = self._seen.digest()
        parts.append(self._digest)
        if codes is None or most == 1:
            return
        if self._bytes is not None:
            parts.append(self._bytes[start:end])
        else:
            width = "u1" if most <= 1 << 8 else "<u2" if most <= 1 << 16 else "<u4"
            parts.append(codes[start:end].astype(width).data.cast("B"))


def _column(name: str, column: pa.ChunkedArray) -> _Fixed | _Text | _Words:
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _Words(column)
    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], kind)
    return _Text(array) if _type_name(kind) in {"t", "b"} else _Fixed(name, array)


def _there(array: pa.Array) -> Any:
    """One byte for each value: 1 where it is there; None where all of them are."""
    return np.asarray(pc.is_valid(array)).astype(np.uint8) if array.null_count else None


def _fed_presence(parts: Parts, there: Any, start: int, end: int) -> bool:
    """Say which values are there; whether there is any."""
    piece = None if there is None else there[start:end]
    if piece is None or piece.all():
        parts.append(b"\0")
        return True
    if not piece.any():
        parts.append(b"\1")
        return False
    parts.append(b"\2")
    parts.append(piece.data)
    return True


def _numbered(column: pa.ChunkedArray) -> tuple[Any, list[bytes | None]]:
    """The number of each row's value by first occurrence (None where there is but one), and the values."""
    if column.null_count == len(column):
        return None, [None] if len(column) else []
    pieces = [(piece.indices, piece.dictionary) for piece in column.chunks if len(piece)]
    if len(pieces) > 1 and any(not words.equals(pieces[0][1]) for _, words in pieces[1:]):
        pieces = [
            (piece.indices, piece.dictionary) for piece in column.unify_dictionaries().chunks if len(piece)
        ]
    words = pieces[0][1]
    if len(words) == 1 and not column.null_count:
        return None, words.cast(pa.large_binary()).to_pylist()
    indices = pa.chunked_array([piece for piece, _ in pieces])
    found = pc.unique(indices)
    values = words.take(found).cast(pa.large_binary()).to_pylist()
    places: dict[bytes | None, int] = {}
    for value in values:
        places.setdefault(value, len(places))
    if len(places) == 1:
        return None, list(places)
    numbers = np.zeros(len(words) + 1, np.uint32)
    numbers[[len(words) if one is None else one for one in found.to_pylist()]] = [
        places[value] for value in values
    ]
    rows = pc.fill_null(indices, len(words)) if indices.null_count else indices
    return numbers[rows.to_numpy()], list(places)


def _type_name(kind: pa.DataType) -> str:
    if pa.types.is_dictionary(kind):
        return "w"
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return "t"
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return "b"
    return _LETTERS.get(kind, str(kind))


def _values(name: str, array: pa.Array) -> Any:
    """The values of fixed width, little-endian, nulls as zero."""
    kind = array.type
    if pa.types.is_boolean(kind):
        return np.asarray(pc.fill_null(array, False)).astype(np.uint8)
    if pa.types.is_timestamp(kind) or pa.types.is_time64(kind) or pa.types.is_date64(kind):
        array = array.cast(pa.int64())
    elif pa.types.is_date32(kind):
        array = array.cast(pa.int32())
    elif not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        raise EntryError.of("no_form", value=name, type=kind)
    values = np.asarray(pc.fill_null(array, 0) if array.null_count else array)
    if pa.types.is_floating(kind) and np.isnan(values).any():
        values = np.where(np.isnan(values), np.array(np.nan, values.dtype), values)
    return np.ascontiguousarray(values.astype(values.dtype.newbyteorder("<"), copy=False))
