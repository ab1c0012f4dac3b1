"""CSV as a source: blocks cut at record ends, parsed by Arrow, odd blocks row by row.

The fast way hands a whole block to Arrow with the types that are wanted. When a value does not fit, the
block is parsed as text and the loader finds the value. When the block itself is odd (a ragged row, bytes
that are not text, a stray quote), its records are looked at one by one and only the bad ones are put aside.
"""

from __future__ import annotations

import gzip
import hashlib
import re
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pacsv

from assay.connect.files import encoding as codes
from assay.connect.files.config import FilesConfig
from assay.connect.files.split import Layout, Span, cells, last_record_end, layout, line_count, records
from assay.model.errors import SourceError
from assay.plugins.connector import Rows
from assay.plugins.contracts import Block, Fault, RawRow, Reading

BLOCK_BYTES = 16 * 1024 * 1024
LINE_LIMIT = 8 * 1024 * 1024
"""A row longer than this is kept as an object and quarantined."""
_HEAD_BYTES = 4096
"""Bytes of an overlong row shown in its quarantine row."""
_CONVERSION = re.compile(r"In CSV column #(\d+): .*conversion error", re.DOTALL)
_DELIMITERS = (",", ";", "\t", "|")


@dataclass(frozen=True)
class _Place:
    """Where a block begins: source row and physical line."""

    row: int
    line: int


class CsvSource:
    """An open CSV file; see :class:`assay.plugins.connector.RecordSource`.

    Raises
    ------
    SourceError
        There is no header, the header does not decode, or it names a column twice.
    """

    format = "csv"

    def __init__(self, path: Path, config: FilesConfig, *, gzipped: bool = False) -> None:
        self.path = path
        self.size = path.stat().st_size
        self._gzipped = gzipped
        self._config = config
        self._files: list[BinaryIO] = []
        head = self._head()
        marked, self._mark_length = codes.by_mark(head)
        self.encoding = codes.normal(config.encoding or marked or "utf-8")
        if config.encoding and marked and self.encoding != marked:
            raise SourceError(
                f"{path.name}: the mapping says encoding {config.encoding}, but the file begins with the "
                f"byte-order mark of {marked}",
                hint=f"Set `encoding: {marked}`, or leave it out.",
            )
        self._read_header()

    # -- header -----------------------------------------------------------------------------------

    def _head(self) -> bytes:
        stream, _ = self._open()
        with stream:
            return self._safely(stream, 64 * 1024)

    def _open(self) -> tuple[BinaryIO, BinaryIO]:
        """The stream of the content, and the file below it whose position is the progress."""
        file = self.path.open("rb")
        self._files.append(file)
        if not self._gzipped:
            return file, file
        return cast("BinaryIO", gzip.GzipFile(fileobj=file, mode="rb")), file

    def _safely(self, stream: BinaryIO | codes.Feed, size: int) -> bytes:
        try:
            return stream.read(size)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise SourceError(
                f"{self.path.name}: the gzip data is damaged or cut short: {error}",
                hint="Copy or export the file again.",
            ) from error

    def _feed(self) -> tuple[codes.Feed, BinaryIO]:
        stream, file = self._open()
        self._safely(stream, self._mark_length)
        return codes.Feed(stream, self.encoding, self.path.name), file

    def _read_header(self) -> None:
        feed, _ = self._feed()
        data = self._safely(feed, LINE_LIMIT)
        while len(data) < 64 * 1024 and not feed.done:
            data += self._safely(feed, LINE_LIMIT)
        self._check_decodes(feed, data)
        delimiter = (self._config.delimiter or _guess_delimiter(data, self._config.header_row)).encode()
        found = _header_span(data, delimiter, self._config.header_row, final=feed.done)
        if found is None:
            raise SourceError(
                f"{self.path.name}: no column names on line {self._config.header_row}",
                hint="Set `file: {header_row: N}` to the line that holds them, or check the file.",
            )
        raw = data[found.start : found.end]
        try:
            names = [cell.decode().strip() for cell in cells(raw, delimiter)]
        except UnicodeDecodeError as error:
            original = feed.original(raw)
            raise SourceError(
                f"{self.path.name}: the column names are not {self.encoding} "
                f"(bytes {_hex(original[error.start : error.start + 4])})",
                hint=codes.hint(original, self.encoding),
            ) from error
        self.delimiter = delimiter.decode()
        self._delimiter = delimiter
        self._body = found.after
        self._body_line = 1 + line_count(data[: found.after])
        self.columns = _checked_names(names, self.path.name)

    def _check_decodes(self, feed: codes.Feed, data: bytes) -> None:
        if not data.strip(b"\r\n \0"):
            raise SourceError(f"{self.path.name} holds no text", hint="Export the file again.")
        first = data[: data.find(b"\n") + 1 or len(data)][:4096]
        if b"\0" in first:
            original = feed.original(first)
            raise SourceError(
                f"{self.path.name}: the column names hold zero bytes, so this is not {self.encoding} text",
                hint=codes.hint(original, self.encoding),
            )

    # -- blocks -----------------------------------------------------------------------------------

    def blocks(self, reading: Reading) -> Iterator[Block]:
        """Every row once, in order."""
        feed, file = self._feed()
        reading = self._settled(reading)
        place = _Place(0, self._body_line)
        rest = self._after_header(feed)
        while True:
            missing = BLOCK_BYTES - len(rest)
            fresh = self._safely(feed, missing) if missing > 0 else b""
            data = rest + fresh if rest else fresh
            while data.endswith(b"\r") and not feed.done:
                data += self._safely(feed, 1)
            if not data:
                return
            final = feed.done
            cut = last_record_end(data, self._delimiter, LINE_LIMIT, final=final)
            position = file.tell()
            if cut is not None:
                piece = data if cut == len(data) else data[:cut]
                rest = data[cut:]
                block = _BlockReader(self, feed, reading, piece, place, final=True).read(position)
                consumed = piece
            else:
                reader = _BlockReader(self, feed, reading, data, place, final=final)
                block, used = reader.read_exactly(position)
                rest = data[used:]
                consumed = data[:used]
                if used == 0 and len(data) > LINE_LIMIT:
                    block, rest, lines = self._oversize(feed, reading, data, place, file)
                    place = _Place(place.row + 1, place.line + lines)
                    yield block
                    continue
            if len(block.table) or block.faults:
                yield block
            place = _Place(
                place.row + len(block.table) + len(block.faults), place.line + line_count(consumed)
            )
            if final and not rest:
                return

    def _after_header(self, feed: codes.Feed) -> bytes:
        data = b""
        while len(data) < self._body and not feed.done:
            data += self._safely(feed, max(self._body - len(data), 64 * 1024))
        return data[self._body :]

    def _settled(self, reading: Reading) -> Reading:
        """Keep the wanted types that fit the first rows; others would fail block after block."""
        wanted = {name: kind for name, kind in reading.wanted.items() if name in self.columns}
        feed, _ = self._feed()
        sample = self._after_header(feed)
        sample += self._safely(feed, 64 * 1024)
        kept = b"\n".join(
            sample[span.start : span.end]
            for span in records(sample, self._delimiter, LINE_LIMIT, final=False)
            if span.fault is None
            and len(cells(sample[span.start : span.end], self._delimiter)) == len(self.columns)
        )
        for name, kind in list(wanted.items()):
            try:
                if kept:
                    self.parse(kept, replace(reading, columns=(name,), wanted={name: kind}))
            except pa.ArrowException:
                del wanted[name]
        columns = tuple(name for name in self.columns if name in set(reading.columns))
        return replace(reading, columns=columns, wanted=wanted)

    def parse(self, data: bytes, reading: Reading) -> pa.Table:
        """Parse whole records with Arrow; ``ArrowInvalid`` when something does not fit."""
        types = {name: reading.wanted.get(name, pa.string()) for name in reading.columns}
        return pacsv.read_csv(
            pa.py_buffer(data),
            read_options=pacsv.ReadOptions(
                column_names=list(self.columns), use_threads=False, block_size=len(data) + 1
            ),
            parse_options=pacsv.ParseOptions(delimiter=self.delimiter, newlines_in_values=b'"' in data),
            convert_options=pacsv.ConvertOptions(
                column_types=types,
                include_columns=list(reading.columns),
                null_values=list(reading.null_values),
                strings_can_be_null=True,
                decimal_point=self._config.decimal,
            ),
        )

    def _oversize(
        self, feed: codes.Feed, reading: Reading, data: bytes, place: _Place, file: BinaryIO
    ) -> tuple[Block, bytes, int]:
        """Stream a row that is longer than memory should hold; returns its fault and what follows it."""
        total, remainder = 0, b""
        digest = hashlib.sha256()

        def pieces() -> Iterator[bytes]:
            nonlocal total, remainder
            piece = data
            while True:
                newline = piece.find(b"\n")
                part = piece if newline < 0 else piece[:newline]
                total += len(part)
                original = feed.original(part)
                digest.update(original)
                yield original
                if newline >= 0:
                    remainder = piece[newline + 1 :]
                    return
                piece = self._safely(feed, BLOCK_BYTES)
                if not piece:
                    return

        stored = reading.keep(pieces()) if reading.keep else None
        if stored is None:
            for _ in pieces():
                pass
            stored = f"sha256:{digest.hexdigest()}"
        head = feed.original(_whole_letters(data[:_HEAD_BYTES]))
        fault = Fault(
            row=place.row,
            line=place.line,
            column=None,
            value=None,
            reason="row-too-long",
            message=(
                f"the row has {total:,} bytes, more than {LINE_LIMIT:,}; kept as object {stored}. "
                "Check whether a line end is missing."
            ),
            raw=head,
            object=stored,
        )
        empty = pa.table({name: pa.array([], pa.string()) for name in reading.columns})
        block = Block(empty, np.zeros(0, np.int64), (fault,), file.tell(), lambda _: [])
        return block, remainder, 1

    @property
    def layout(self) -> dict[str, Any]:
        """What is needed to read one row's bytes again."""
        return {
            "format": self.format,
            "columns": list(self.columns),
            "delimiter": self.delimiter,
            "encoding": self.encoding,
        }

    def close(self) -> None:
        """Close the file."""
        for file in self._files:
            file.close()


class _BlockReader:
    """Turns one piece of the file, beginning at a record, into a block."""

    def __init__(
        self,
        source: CsvSource,
        feed: codes.Feed,
        reading: Reading,
        data: bytes,
        place: _Place,
        *,
        final: bool,
    ) -> None:
        self._source = source
        self._feed = feed
        self._reading = reading
        self._data = data
        self._place = place
        self._final = final

    def read(self, position: int) -> Block:
        """Read whole records, the fast way when the block allows it."""
        if b"\0" in self._data or not _is_utf8(self._data):
            return self.read_exactly(position)[0]
        table = self._parsed(self._data)
        if table is None:
            return self.read_exactly(position)[0]
        rows = np.arange(self._place.row, self._place.row + len(table), dtype=np.int64)
        return Block(table, rows, (), position, self._raw_rows)

    def _parsed(self, data: bytes) -> pa.Table | None:
        """The table, columns with a value that does not fit as text; None when the rows are ragged."""
        wanted = dict(self._reading.wanted)
        while True:
            try:
                return self._source.parse(data, replace(self._reading, wanted=wanted))
            except pa.ArrowException as error:
                named = _CONVERSION.search(str(error))
                column = self._source.columns[int(named[1])] if named else None
                if column not in wanted:
                    return None
                del wanted[column]

    @cached_property
    def _layout(self) -> Layout:
        return layout(self._data, self._source.delimiter.encode(), LINE_LIMIT, final=self._final)

    def _record(self, at: int) -> bytes:
        return self._data[self._layout.starts[at] : self._layout.ends[at]]

    def _raw_rows(self, at: Rows) -> list[RawRow]:
        """Line and exact bytes of some of the block's records, ascending."""
        rows, line, seen = [], self._place.line, 0
        for index in at.tolist():
            start = int(self._layout.starts[index])
            line += line_count(self._data[seen:start])
            seen = start
            rows.append(RawRow(line, self._feed.original(self._record(index))))
        return rows

    def read_exactly(self, position: int) -> tuple[Block, int]:
        """Look at the records one by one where they are odd; returns the block and how many bytes it used."""
        found = self._layout
        suspects = self._suspects()
        faults: list[Fault] = []
        bad = np.zeros(len(found.starts), bool)
        for at, raw in zip(suspects.tolist(), self._raw_rows(suspects), strict=True):
            fault = self._fault(self._place.row + at, at, raw)
            if fault is not None:
                faults.append(fault)
                bad[at] = True
        good = np.flatnonzero(~bad)
        table = self._parsed(self._without(bad)) if len(good) else None
        if table is None or len(table) != len(good):
            table = self._by_cells([self._record(at) for at in good.tolist()])
        block = Block(
            table,
            good + self._place.row,
            tuple(faults),
            position,
            lambda at: self._raw_rows(good[at]),
        )
        return block, found.used

    def _suspects(self) -> Rows:
        """Records that may be faulty: too long, ragged, or with bytes that may not be text."""
        found = self._layout
        odd = found.cells != len(self._source.columns)
        odd[list(found.faults)] = True
        array = np.frombuffer(self._data, np.uint8)
        strange = np.flatnonzero(array == 0)
        if not _is_utf8(self._data):
            strange = np.concatenate([strange, np.flatnonzero(array >= 128)])
        if len(strange) and len(odd):
            at = np.searchsorted(found.starts, strange, side="right") - 1
            odd[np.unique(at[at >= 0])] = True
        return np.flatnonzero(odd)

    def _without(self, bad: npt.NDArray[np.bool_]) -> bytes:
        """The block's bytes without its bad records."""
        if not bad.any():
            return self._data[: self._layout.used]
        pieces, begin = [], 0
        for at in np.flatnonzero(bad).tolist():
            pieces.append(self._data[begin : self._layout.starts[at]])
            begin = int(self._layout.ends[at])
        return b"".join([*pieces, self._data[begin : self._layout.used]])

    def _by_cells(self, kept: list[bytes]) -> pa.Table:
        """Text columns put together cell by cell, where Arrow would read the rows otherwise."""
        nulls = set(self._reading.null_values)
        delimiter = self._source.delimiter.encode()
        rows = [[cell.decode() for cell in cells(raw, delimiter)] for raw in kept]
        columns = {}
        for name in self._reading.columns:
            at = self._source.columns.index(name)
            values = [None if row[at] in nulls else row[at] for row in rows]
            columns[name] = pa.array(values, pa.string())
        return pa.table(columns)

    def _fault(self, row: int, at: int, raw: RawRow) -> Fault | None:
        data, known = self._record(at), self._layout.faults.get(at)
        if known == "row-too-long":
            return self._too_long(row, raw, len(data))
        delimiter = self._source.delimiter.encode()
        if known is not None:
            return Fault(
                row,
                raw.line,
                None,
                None,
                known,
                "a quote opens a cell and is never closed. Close it, or double it if it belongs to the text.",
                raw.raw,
            )
        parts = cells(data, delimiter)
        wrong = self._not_text(row, parts, raw)
        if wrong is not None:
            return wrong
        expected = len(self._source.columns)
        if len(parts) == expected:
            return None
        return Fault(
            row,
            raw.line,
            None,
            None,
            "ragged-row",
            f"the row has {len(parts)} cells, the header has {expected}. "
            f"Check for a missing or stray {self._source.delimiter!r}.",
            raw.raw,
        )

    def _not_text(self, row: int, parts: list[bytes], raw: RawRow) -> Fault | None:
        names = self._source.columns
        for at, cell in enumerate(parts):
            column = names[at] if at < len(names) else None
            if b"\0" in cell:
                return Fault(
                    row,
                    raw.line,
                    column,
                    cell.decode("utf-8", "backslashreplace").replace("\0", "\\x00"),
                    "zero-byte",
                    "the cell holds a zero byte, which text does not. Export the row again.",
                    raw.raw,
                )
            try:
                cell.decode("utf-8")
            except UnicodeDecodeError as error:
                original = self._feed.original(cell)
                bad = self._feed.original(cell[error.start : error.end])
                return Fault(
                    row,
                    raw.line,
                    column,
                    original.decode(self._source.encoding, "backslashreplace"),
                    "bad-encoding",
                    f"byte {_hex(bad)} is not {self._source.encoding}. "
                    + codes.hint(original, self._source.encoding),
                    raw.raw,
                )
        return None

    def _too_long(self, row: int, raw: RawRow, length: int) -> Fault:
        keep = self._reading.keep
        stored = keep(iter([raw.raw])) if keep else f"sha256:{hashlib.sha256(raw.raw).hexdigest()}"
        return Fault(
            row,
            raw.line,
            None,
            None,
            "row-too-long",
            f"the row has {length:,} bytes, more than {LINE_LIMIT:,}; kept as object {stored}. "
            "Check whether a line end is missing.",
            raw.raw[:_HEAD_BYTES],
            object=stored,
        )


def _is_utf8(data: bytes) -> bool:
    if data.isascii():
        return True
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _whole_letters(piece: bytes) -> bytes:
    """The piece without a letter cut in two at its end."""
    return piece.decode("utf-8", "ignore").encode() if piece else piece


def _hex(raw: bytes) -> str:
    return " ".join(f"{byte:02X}" for byte in raw)


def _header_span(data: bytes, delimiter: bytes, header_row: int, *, final: bool) -> Span | None:
    for span in records(data, delimiter, LINE_LIMIT, final=final):
        if 1 + line_count(data[: span.start]) >= header_row:
            return span if data[span.start : span.end].strip() else None
    return None


def _guess_delimiter(data: bytes, header_row: int) -> str:
    """The delimiter that splits header and first rows into the same number of cells, the most of them."""
    best, most = ",", 1
    for delimiter in _DELIMITERS:
        mark = delimiter.encode()
        counts: list[int] = []
        for span in records(data[: 64 * 1024], mark, LINE_LIMIT, final=True):
            if 1 + line_count(data[: span.start]) < header_row:
                continue
            counts.append(len(cells(data[span.start : span.end], mark)))
            if len(counts) > 20:
                break
        if not counts:
            continue
        same = sum(count == counts[0] for count in counts)
        if counts[0] > most and same * 2 > len(counts):
            best, most = delimiter, counts[0]
    return best


def _checked_names(names: list[str], file: str) -> tuple[str, ...]:
    named = [name or f"column_{at + 1}" for at, name in enumerate(names)]
    twice = [name for name, times in Counter(named).items() if times > 1]
    if twice:
        places = [str(at + 1) for at, name in enumerate(named) if name == twice[0]]
        raise SourceError(
            f"{file}: the header names {twice[0]!r} {len(places)} times (columns {', '.join(places)})",
            hint="Give each column its own name in the file.",
        )
    return tuple(named)
