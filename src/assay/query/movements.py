"""The movements of a plant as an index of its genealogy takes them: read from files, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from assay.genealogy.columns import TIMES, WORDS
from assay.store.reading import parquet_file

BATCH = 65_536
_NUMBERS = ("quantity", "confidence", "share", "clock_uncertainty")
_COLUMNS = ("execution", "subject", "subject_kind", "choice", "time", "recorded", *_NUMBERS, *WORDS, *TIMES)
_IDENTITY = ("source", "epoch", "seq")
ALL = (*_COLUMNS, *_IDENTITY)
"""The columns that are read."""
_AS_CODES = (*WORDS, "choice", "subject_kind", "source", "epoch")


def movements_in(files: Sequence[str], columns: Sequence[str] = ALL) -> Iterator[pa.RecordBatch]:
    """The movements in files, with words as dictionaries; columns that a file lacks are left out."""
    for path in files:
        with parquet_file(path, words=_AS_CODES) as file:
            names = [name for name in columns if name in file.schema_arrow.names]
            yield from file.iter_batches(BATCH, columns=names)


def readable(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The columns of an index: a step that has only one time began then."""
    have = batch.schema.names
    columns = {name: batch.column(name) for name in ALL if name in have and name != "time"}
    time = batch.column("time") if "time" in have else None
    if time is not None:
        columns["started"] = pc.coalesce(columns["started"], time) if "started" in columns else time
    if "segment" not in columns:
        columns["segment"] = pa.nulls(batch.num_rows, pa.string())
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))
