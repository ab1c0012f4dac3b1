"""CSV downloads that a spreadsheet opens as data, never as formulas."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
from starlette.responses import StreamingResponse

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\Z")
_FORMULA = frozenset("=+-@\t\r")  # OWASP: CSV injection
_BATCH_ROWS = 8192
_BOM = "\ufeff"  # without it Excel reads UTF-8 as the machine's code page


def csv_stream(tables: Iterable[pa.Table], *, name: str) -> StreamingResponse:
    """A streamed download of ``tables`` (all of one schema) as ``<name>.csv``.

    Cells of text that a spreadsheet would run as a formula get a leading apostrophe; numbers stay as
    they are. Times are ISO 8601 in UTC.
    """
    return StreamingResponse(
        csv_text(tables),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
    )


def csv_text(tables: Iterable[pa.Table]) -> Iterator[str]:
    """``tables`` (all of one schema) as pieces of CSV, cells and times as for a download."""
    first, rest = _first(tables)  # errors surface before the answer has begun
    return _lines(first, rest)


def safe_cell(value: Any) -> str:
    """One cell as text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, datetime):
        zoned = value.astimezone(UTC) if value.tzinfo else value
        return zoned.isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    text = str(value)
    return "'" + text if text[:1] in _FORMULA and not _NUMBER.match(text) else text


def _first(tables: Iterable[pa.Table]) -> tuple[pa.Table, Iterator[pa.Table]]:
    rest = iter(tables)
    return next(rest), rest


def _lines(first: pa.Table, rest: Iterator[pa.Table]) -> Iterator[str]:
    yield _BOM + _written([[safe_cell(column) for column in first.column_names]])
    while True:
        for batch in first.to_batches(max_chunksize=_BATCH_ROWS):
            yield _written(
                zip(*(map(safe_cell, column.to_pylist()) for column in batch.columns), strict=True)
            )
        following = next(rest, None)
        if following is None:
            return
        first = following


def _written(rows: Iterable[Iterable[str]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerows(rows)
    return buffer.getvalue()
