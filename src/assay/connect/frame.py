"""A file as columns for a statistic: no mapping, no plant, every cell that can't be used told by its line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assay.connect import values
from assay.connect.files.likely import other_encoding
from assay.connect.mapping import FileSpec
from assay.connect.reasons import CATALOGUE
from assay.connect.sources import open_source
from assay.model.errors import SourceError, SpokenError, did_you_mean
from assay.model.text import Text
from assay.plugins.contracts import Block, Reading

Floats = NDArray[np.float64]
Words = NDArray[np.object_]
LineOf = Callable[[int], int]


class FrameError(SpokenError, SourceError):
    """A file's columns can't be used as asked: which column, which line, which value."""

    def __init__(self, key: str, **values: object) -> None:
        advice = f"frame.hint.{key}"
        known = advice in CATALOGUE.keys("en")
        super().__init__(
            CATALOGUE.text(f"frame.{key}", **values), CATALOGUE.text(advice, **values) if known else None
        )


class UnknownColumn(FrameError):
    """The file has no column of this name."""

    def __init__(self, file: str, column: str, known: Sequence[str]) -> None:
        super().__init__("no-column", file=file, column=repr(column), known=", ".join(known))
        close = did_you_mean(column, list(known))
        if close and self.advice is not None:
            said = close.removeprefix("Did you mean ").removesuffix("?")
            self.advice = Text(
                zh=f"是否想写 {said.replace(' or ', ' 或 ')}？{self.advice.zh}",
                en=f"{close} {self.advice.en}",
            )
            self.hint = self.advice.en


@dataclass(frozen=True)
class Frame:
    """The columns of a file that were asked for."""

    file: str
    columns: dict[str, NDArray[Any]]
    rows: int
    dropped: int
    """Rows with an empty cell that were left out on demand."""

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.columns[name]

    def __len__(self) -> int:
        return self.rows


def columns_of(path: Path) -> tuple[str, ...]:
    """The column names of a file.

    Raises
    ------
    SourceError
        The file can't be read.
    """
    source = open_source(path, _spec(path))
    try:
        return source.columns
    finally:
        source.close()


def read_frame(
    path: Path,
    *,
    numbers: Sequence[str] = (),
    words: Sequence[str] = (),
    may_be_empty: Sequence[str] = (),
    drop_empty: bool = False,
) -> Frame:
    """Read columns of a CSV, Excel or Parquet file.

    Parameters
    ----------
    path
        The file; encoding, delimiter and decimal comma are found.
    numbers
        Columns read as float64.
    words
        Columns read as text.
    may_be_empty
        Columns of ``numbers`` in which an empty cell is NaN.
    drop_empty
        Leave out rows in which a wanted cell is empty, and count them; without it such a row is an error.

    Raises
    ------
    SourceError
        The file can't be read, or holds a row that can't be.
    FrameError
        A column isn't there, a cell is empty or not a number; the line and the value are named.
    """
    wanted = tuple(dict.fromkeys((*numbers, *words)))
    table, line_of = _texts(path, wanted)
    name = path.name
    if not len(table):
        raise FrameError("no-rows", file=name)
    found: dict[str, NDArray[Any]] = {}
    empty = np.zeros(len(table), bool)
    for column in wanted:
        cells = values.whole(table.column(column))
        blank = values.mask_of(cells.is_null())
        if column not in may_be_empty:
            empty |= blank
        if blank.any() and not drop_empty and column not in may_be_empty:
            first = int(np.flatnonzero(blank)[0])
            raise FrameError(
                "empty-cell", file=name, column=repr(column), line=line_of(first), count=int(blank.sum())
            )
        found[column] = _numbers(cells, name, column, line_of) if column in numbers else _words(cells)
    if empty.all():
        raise FrameError("no-rows", file=name)
    kept = ~empty
    if drop_empty and empty.any():
        found = {column: array[kept] for column, array in found.items()}
    return Frame(name, found, int(kept.sum()), int(empty.sum()))


def _spec(path: Path) -> FileSpec:
    encoding = other_encoding(path) if path.is_file() else None
    return FileSpec() if encoding is None else FileSpec(encoding=encoding)


def _texts(path: Path, wanted: tuple[str, ...]) -> tuple[pa.Table, LineOf]:
    source = open_source(path, _spec(path))
    try:
        for column in wanted:
            if column not in source.columns:
                raise UnknownColumn(path.name, column, source.columns)
        pieces: list[pa.Table] = []
        blocks: list[Block] = []
        for block in source.blocks(Reading(columns=wanted)):
            if block.faults:
                fault = block.faults[0]
                raise FrameError(
                    "bad-row", file=path.name, line=fault.line or fault.row + 1, detail=fault.message
                )
            pieces.append(block.table.select(list(wanted)))
            blocks.append(block)
    finally:
        source.close()
    if not pieces:
        return pa.table({name: pa.array([], pa.string()) for name in wanted}), lambda row: row + 1
    texts = [
        pa.table([values.text(values.whole(column)).array for column in piece.columns], names=list(wanted))
        if any(pa.types.is_dictionary(column.type) for column in piece.columns)
        else piece
        for piece in pieces
    ]
    return pa.concat_tables(texts, promote_options="permissive"), lambda row: _line(blocks, row)


def _line(blocks: Sequence[Block], row: int) -> int:
    """1-based line of a row of all blocks together; its number where the format has no lines."""
    left = row
    for block in blocks:
        if left < len(block.table):
            return block.locate(np.array([left], np.int64))[0].line or row + 1
        left -= len(block.table)
    return row + 1


def _numbers(cells: pa.Array, file: str, column: str, line_of: LineOf) -> Floats:
    read = values.number(cells)
    if read.problems and not (with_comma := values.number(cells, ",")).problems:
        read = with_comma
    if read.problems:
        bad = np.logical_or.reduce(list(read.problems.values()))
        first = int(np.flatnonzero(bad)[0])
        raise FrameError(
            "not-a-number",
            file=file,
            column=repr(column),
            line=line_of(first),
            value=repr(cells[first].as_py()),
            count=int(bad.sum()),
        )
    found: Floats = read.array.to_numpy(zero_copy_only=False)
    return found


def _words(cells: pa.Array) -> Words:
    read: Words = values.text(cells).array.to_numpy(zero_copy_only=False)
    return read
