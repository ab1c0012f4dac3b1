"""Excel workbooks as a source, row by row without holding the sheet."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from assay.connect.files.config import FilesConfig
from assay.connect.files.csv_source import _checked_names
from assay.model.errors import SourceError, did_you_mean
from assay.plugins.contracts import Block, Fault, RawRow, Reading

_ROWS = 20_000
_UNPACKED_LIMIT = 4 * 1024**3
"""A workbook that unpacks to more than this is refused: openpyxl holds its shared texts in memory."""


class ExcelSource:
    """One sheet of an .xlsx workbook; see :class:`assay.plugins.connector.RecordSource`.

    Raises
    ------
    SourceError
        The workbook is broken, lacks the sheet, or has no column names.
    """

    format = "excel"

    def __init__(self, path: Path, config: FilesConfig) -> None:
        self.path = path
        self.size = path.stat().st_size
        self._header_row = config.header_row
        self._book = _open_book(path)
        self._sheet = self._chosen(config.sheet)
        rows = self._sheet.iter_rows(min_row=config.header_row, max_row=config.header_row, values_only=True)
        header = list(next(iter(rows), ()))
        while header and header[-1] is None:
            header.pop()
        if not header:
            raise SourceError(
                f"{path.name}: no column names in row {config.header_row} of sheet {self._sheet.title!r}",
                hint="Set `file: {header_row: N}` or `file: {sheet: NAME}`.",
            )
        self.columns = _checked_names([(cell_text(cell) or "").strip() for cell in header], path.name)

    def _chosen(self, wanted: str | int | None) -> Any:
        names = self._book.sheetnames
        if not names:
            raise SourceError(f"{self.path.name} has no sheets", hint="Save the table in a sheet.")
        if wanted is None:
            return self._book[names[0]]
        if isinstance(wanted, int):
            if 1 <= wanted <= len(names):
                return self._book[names[wanted - 1]]
        elif wanted in names:
            return self._book[wanted]
        raise SourceError(
            f"{self.path.name} has no sheet {wanted!r}",
            hint=did_you_mean(str(wanted), names) or f"Sheets: {', '.join(names)}.",
        )

    def blocks(self, reading: Reading) -> Iterator[Block]:
        """Every row that holds anything, in order."""
        names = [name for name in self.columns if name in set(reading.columns)]
        places = [self.columns.index(name) for name in names]
        nulls = set(reading.null_values)
        numbered = enumerate(
            self._sheet.iter_rows(min_row=self._header_row + 1, values_only=True), self._header_row + 1
        )
        filled = ((line, cells) for line, cells in numbered if any(cell is not None for cell in cells))
        row = 0
        while True:
            piece = _taken(filled, self.path.name)
            if not piece:
                return
            kept: list[int] = []
            lines: list[int] = []
            raws: list[bytes] = []
            columns: list[list[str | None]] = [[] for _ in names]
            faults: list[Fault] = []
            for line, cells in piece:
                texts = [cell_text(cell) for cell in cells]
                raw = json.dumps(texts, ensure_ascii=False).encode()
                if any(text is not None for text in texts[len(self.columns) :]):
                    faults.append(self._beyond(row, line, raw))
                else:
                    kept.append(row)
                    lines.append(line)
                    raws.append(raw)
                    for values, at in zip(columns, places, strict=True):
                        text = texts[at] if at < len(texts) else None
                        values.append(None if text in nulls else text)
                row += 1
            table = pa.table({name: pa.array(v, pa.string()) for name, v in zip(names, columns, strict=True)})
            yield Block(
                table,
                np.array(kept, np.int64),
                tuple(faults),
                min(self.size, row),
                lambda at, lines=lines, raws=raws: [RawRow(lines[int(i)], raws[int(i)]) for i in at],  # type: ignore[misc]
            )

    def _beyond(self, row: int, line: int, raw: bytes) -> Fault:
        return Fault(
            row,
            line,
            None,
            None,
            "ragged-row",
            f"the row has cells beyond the {len(self.columns)} named columns. "
            "Name the column or clear the cell.",
            raw,
        )

    @property
    def layout(self) -> dict[str, Any]:
        """What is needed to read one row's cells again."""
        return {"format": self.format, "columns": list(self.columns)}

    def close(self) -> None:
        """Close the workbook."""
        self._book.close()


def _open_book(path: Path) -> Any:
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > _UNPACKED_LIMIT:
            raise SourceError(
                f"{path.name} unpacks to {unpacked / 1e9:.1f} GB, more than {_UNPACKED_LIMIT / 1e9:.1f} GB",
                hint="Export the table as CSV or Parquet.",
            )
        return openpyxl.load_workbook(path, read_only=True, data_only=True)
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, OSError, SyntaxError) as error:
        raise SourceError(
            f"{path.name}: the workbook can't be read: {error}", hint="Open it in Excel and save it again."
        ) from error


def _taken(rows: Iterator[tuple[int, tuple[Any, ...]]], name: str) -> list[tuple[int, tuple[Any, ...]]]:
    try:
        return list(islice(rows, _ROWS))
    except (zipfile.BadZipFile, KeyError, ValueError, OSError, SyntaxError) as error:
        raise SourceError(
            f"{name}: the sheet can't be read to its end: {error}", hint="Open it in Excel and save it again."
        ) from error


def cell_text(cell: object) -> str | None:
    """A cell as text: whole numbers without a point, times in ISO 8601."""
    if cell is None:
        return None
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 2**53 else repr(cell)
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ")
    if isinstance(cell, date | time):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        return str(cell.total_seconds())
    return str(cell)
