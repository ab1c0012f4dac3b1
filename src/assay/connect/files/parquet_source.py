"""Parquet files as a source, in record batches."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from assay.connect.files.config import FilesConfig
from assay.connect.files.csv_source import _checked_names
from assay.connect.files.excel_source import cell_text
from assay.model.errors import SourceError
from assay.plugins.connector import Rows
from assay.plugins.contracts import Block, RawRow, Reading

_ROWS = 131_072


class ParquetSource:
    """An open Parquet file; see :class:`assay.plugins.connector.RecordSource`.

    Raises
    ------
    SourceError
        The file is broken, or a needed column holds lists, structs or bytes.
    """

    format = "parquet"

    def __init__(self, path: Path, config: FilesConfig) -> None:
        del config  # Parquet says itself how it is read
        self.path = path
        self.size = path.stat().st_size
        try:
            self._file = pq.ParquetFile(path)
        except (pa.ArrowException, OSError) as error:
            raise SourceError(
                f"{path.name}: the Parquet file can't be read: {error}", hint="Copy or export the file again."
            ) from error
        self.columns = _checked_names(list(self._file.schema_arrow.names), path.name)

    def blocks(self, reading: Reading) -> Iterator[Block]:
        """Every row once, in order."""
        needed = set(reading.columns)
        names = [name for name in self.columns if name in needed]
        for name in names:
            kind = self._file.schema_arrow.field(name).type
            if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
                raise SourceError(
                    f"{self.path.name}: column {name!r} holds {kind}, not single values",
                    hint="Leave the column out of the mapping, or export it as text.",
                )
        nulls = pa.array(list(reading.null_values), pa.string())
        total = max(self._file.metadata.num_rows, 1)
        row = 0
        try:
            for batch in self._file.iter_batches(_ROWS):
                picked = {name: _emptied(batch.column(self.columns.index(name)), nulls) for name in names}
                rows = np.arange(row, row + len(batch), dtype=np.int64)
                row += len(batch)
                yield Block(
                    pa.table(picked),
                    rows,
                    (),
                    self.size * row // total,
                    _locator(batch),
                )
        except (pa.ArrowException, OSError) as error:
            raise SourceError(
                f"{self.path.name}: row {row} or later can't be read: {error}",
                hint="Copy or export the file again.",
            ) from error

    @property
    def layout(self) -> dict[str, Any]:
        """What is needed to read one row's cells again."""
        return {"format": self.format, "columns": list(self.columns)}

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _emptied(column: pa.Array, nulls: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(column.type) and pa.types.is_large_string(column.type.value_type):
        column = column.cast(pa.large_string())
    if pa.types.is_large_string(column.type) or column.type == pa.string_view():
        column = column.cast(pa.string())
    plain = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
    if not pa.types.is_string(plain.type) or not len(nulls):
        return column
    return pc.if_else(pc.is_in(plain, value_set=nulls), pa.scalar(None, pa.string()), plain)


def _locator(batch: pa.RecordBatch) -> Any:
    def locate(at: Rows) -> list[RawRow]:
        found = batch.take(pa.array(at)).to_pylist()
        return [
            RawRow(
                None, json.dumps([cell_text(value) for value in row.values()], ensure_ascii=False).encode()
            )
            for row in found
        ]

    return locate
