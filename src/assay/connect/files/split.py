"""Where CSV records begin and end (RFC 4180, with quotes only special at the start of a field).

Two ways that agree: a fast one over whole blocks whose quotes are all where they belong, and an exact
one, record by record, for blocks that hold anything odd.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

QUOTE = ord('"')
_PIECE = 65_536  # bytes compared at a time, so that the answers stay in the cache


@dataclass(frozen=True)
class Span:
    """One record inside a block."""

    start: int
    end: int
    """Without the line end."""
    after: int
    """Behind the line end."""
    fault: str | None = None
    """'unterminated-quote' or 'row-too-long'."""


def last_record_end(data: bytes, delimiter: bytes, limit: int, *, final: bool) -> int | None:
    """Length of the part of ``data`` that is whole records, or None when only the exact way can tell.

    None is returned for stray quotes, for a physical line longer than ``limit`` and when no record ends.
    """
    if not lines_within(data, limit):
        return None
    if b'"' not in data:
        if final:
            return len(data)
        return _behind_last_line(data, len(data)) or None
    return _end_with_quotes(data, delimiter, final=final)


def _behind_last_line(data: bytes, end: int) -> int:
    newline = data.rfind(b"\n", 0, end)
    if newline < 0:
        newline = data.rfind(b"\r", 0, end)
    return newline + 1


def lines_within(data: bytes, limit: int) -> bool:
    """Whether no physical line is longer than ``limit``."""
    position = 0
    while len(data) - position > limit:
        newline = _behind_last_line_in(data, position, position + limit)
        if newline == 0:
            return False
        position = newline
    return True


def _behind_last_line_in(data: bytes, start: int, end: int) -> int:
    newline = data.rfind(b"\n", start, end)
    if newline < 0:
        newline = data.rfind(b"\r", start, end)
    return newline + 1


def _end_with_quotes(data: bytes, delimiter: bytes, *, final: bool) -> int | None:
    quotes = _quotes(np.frombuffer(data, np.uint8), delimiter[0], final=final)
    if quotes is None:
        return None
    if final:
        return len(data)
    end = int(quotes[-1]) if len(quotes) % 2 else len(data)
    while (behind := _behind_last_line(data, end)) > 0:
        if np.searchsorted(quotes, behind - 1) % 2 == 0:
            return behind
        end = behind - 1
    return None


def _quotes(array: npt.NDArray[np.uint8], delimiter: int, *, final: bool) -> npt.NDArray[np.intp] | None:
    """Where the quotes are that open and close cells, in turn; None when only the exact way can tell.

    Without a quote at the start of a cell none is special: ``5" pipe`` is text like any other.
    """
    quotes = np.flatnonzero(array == QUOTE)
    before = array[np.maximum(quotes - 1, 0)]
    starts = np.isin(before, np.array([delimiter, 10, 13], np.uint8)) | (quotes == 0)
    if not starts.any():
        return quotes[:0]
    return quotes if _regular(array, quotes, delimiter, final=final) else None


@dataclass(frozen=True)
class Layout:
    """The records of a block, empty lines left out."""

    starts: npt.NDArray[np.intp]
    ends: npt.NDArray[np.intp]
    """Without the line ends."""
    cells: npt.NDArray[np.intp]
    """Cells of each record."""
    faults: dict[int, str]
    """Records with an unterminated quote or of too many bytes."""
    used: int
    """Bytes the records take, line ends included."""


def layout(data: bytes, delimiter: bytes, limit: int, *, final: bool) -> Layout:
    """Where the records of ``data`` lie; a record that may go on behind its end is left out."""
    array = np.frombuffer(data, np.uint8)
    quotes = _quotes(array, delimiter[0], final=final)
    if quotes is None or not lines_within(data, limit):
        return _exact_layout(data, delimiter, limit, final=final)
    begin, after = _line_ends(array, data)
    outside = np.searchsorted(quotes, begin) % 2 == 0
    begin, after = begin[outside], after[outside]
    if final and (not len(after) or after[-1] < len(data)):
        begin, after = np.append(begin, len(data)), np.append(after, len(data))
    starts = np.concatenate([np.zeros(1, np.intp), after[:-1]]) if len(after) else after
    filled = starts < begin
    starts, ends = starts[filled], begin[filled]
    marks = np.flatnonzero(array == delimiter[0])
    if len(quotes):
        marks = marks[np.searchsorted(quotes, marks) % 2 == 0]
    count = np.searchsorted(marks, ends) - np.searchsorted(marks, starts) + 1
    return Layout(starts, ends, count, {}, int(after[-1]) if len(after) else 0)


def _line_ends(
    array: npt.NDArray[np.uint8], data: bytes
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Where line ends begin, and what is behind them."""
    feeds = np.flatnonzero(array == 10)
    if b"\r" not in data:
        return feeds, feeds + 1
    returns = np.flatnonzero(array == 13)
    pairs = np.isin(returns + 1, feeds, assume_unique=True)
    alone = feeds[~np.isin(feeds - 1, returns, assume_unique=True)]
    begin = np.concatenate([alone, returns])
    after = np.concatenate([alone + 1, returns + 1 + pairs])
    order = np.argsort(begin)
    return begin[order], after[order]


def _exact_layout(data: bytes, delimiter: bytes, limit: int, *, final: bool) -> Layout:
    spans = list(records(data, delimiter, limit, final=final))
    return Layout(
        np.array([span.start for span in spans], np.intp),
        np.array([span.end for span in spans], np.intp),
        np.array([len(cells(data[span.start : span.end], delimiter)) for span in spans], np.intp),
        {at: span.fault for at, span in enumerate(spans) if span.fault is not None},
        len(data) if final else spans[-1].after if spans else 0,
    )


def _regular(
    array: npt.NDArray[np.uint8], quotes: npt.NDArray[np.intp], delimiter: int, *, final: bool
) -> bool:
    """Whether every quote opens a field at its start, closes it at its end, or is doubled inside one."""
    if final and len(quotes) % 2:
        return False
    ends = np.array([delimiter, 10, 13, QUOTE], np.uint8)
    opens, closes = quotes[0::2], quotes[1::2]
    before = array[opens[opens > 0] - 1]
    if not np.isin(before, ends).all():
        return False
    after = array[closes[closes + 1 < len(array)] + 1]
    if not np.isin(after, ends).all():
        return False
    # an opening quote right behind a quote must double the one that just closed
    behind_quote = opens[(opens > 0)][before == QUOTE]
    return bool(np.isin(behind_quote - 1, closes).all())


@lru_cache(maxsize=16)
def _record_pattern(delimiter: bytes) -> re.Pattern[bytes]:
    field = _field(delimiter)
    mark = re.escape(delimiter)
    return re.compile(rb"(?>" + field + rb"(?:" + mark + field + rb")*+)(\r\n|\n|\r|\Z)")


@lru_cache(maxsize=16)
def _cells_pattern(delimiter: bytes) -> re.Pattern[bytes]:
    return re.compile(rb"(" + _field(delimiter) + rb")(" + re.escape(delimiter) + rb"|\Z)")


def _field(delimiter: bytes) -> bytes:
    plain = rb"[^" + re.escape(delimiter) + rb"\r\n]"
    bare = rb"[^" + re.escape(delimiter) + rb'\r\n"]'
    return rb'(?>"[^"]*+(?:""[^"]*+)*+"' + plain + rb"*+|" + bare + plain + rb"*+|)"


def records(data: bytes, delimiter: bytes, limit: int, *, final: bool) -> Iterator[Span]:
    """The records of ``data`` one by one, empty lines left out; stops before a record that may go on.

    A quote that is never closed (within ``limit`` bytes) costs the physical line it is on, no more.
    """
    pattern = _record_pattern(delimiter)
    position = 0
    while position < len(data):
        match = pattern.match(data, position)
        terminated = match is not None and (match.end(1) > match.start(1) or final)
        if match is not None and terminated:
            end, after = match.start(1), match.end()
            if end > position:
                yield Span(position, end, after, "row-too-long" if end - position > limit else None)
            position = after
            continue
        if not final and len(data) - position <= limit:
            return
        line = _physical_line(data, position)
        if line is None and not final:
            return
        end, after = line or (len(data), len(data))
        fault = "row-too-long" if end - position > limit else "unterminated-quote"
        yield Span(position, end, after, fault)
        position = after


_LINE_END = re.compile(rb"\r\n|\n|\r")


def _physical_line(data: bytes, start: int) -> tuple[int, int] | None:
    match = _LINE_END.search(data, start)
    return None if match is None else (match.start(), match.end())


def cells(record: bytes, delimiter: bytes) -> list[bytes]:
    """The cells of one record, unquoted."""
    found = []
    for match in _cells_pattern(delimiter).finditer(record):
        found.append(_unquoted(match.group(1)))
        if match.end(2) == match.start(2):
            break
    return found


def _unquoted(cell: bytes) -> bytes:
    if not cell.startswith(b'"'):
        return cell
    close = len(cell) - 1
    while close > 0 and cell[close] != QUOTE:
        close -= 1
    return cell[1:close].replace(b'""', b'"') + cell[close + 1 :] if close > 0 else cell


def line_count(data: bytes) -> int:
    """Physical lines that end in ``data``."""
    array = np.frombuffer(data, np.uint8)
    count = sum(int(np.count_nonzero(array[at : at + _PIECE] == 10)) for at in range(0, len(array), _PIECE))
    if b"\r" in data:
        returns = np.flatnonzero(array == 13)
        followed = returns[returns + 1 < len(array)] + 1
        count += len(returns) - int(np.count_nonzero(array[followed] == 10))
    return count
