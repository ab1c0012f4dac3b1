"""Parquet files of the lake as datasets, wherever they lie."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from assay.store.layout import DATE, plain, signature_of
from assay.store.place import located


def parquet_file(path: str) -> pq.ParquetFile:
    """One file, opened; close it."""
    filesystem, (name,) = located([path])
    return pq.ParquetFile(name, filesystem=filesystem)


def parquet_dataset(files: Sequence[str], schema: pa.Schema, *, words: Sequence[str] = ()) -> ds.Dataset:
    """The files as one dataset with the columns of ``schema``; a file without one of them shows null there.

    The column ``date`` comes from the names of the directories, so that a filter on it leaves files out.
    Columns in ``words`` are read as dictionaries. Nothing is read before the dataset is.
    """
    filesystem, names = located(files)
    dated = DATE.name in schema.names
    return ds.FileSystemDataset.from_paths(
        names,
        schema=schema,
        format=ds.ParquetFileFormat(read_options=ds.ParquetReadOptions(dictionary_columns=list(words))),
        filesystem=filesystem,
        partitions=[ds.field(DATE.name) == pa.scalar(date_of(name), DATE.type) for name in names]
        if dated
        else None,
    )


def date_of(path: str) -> date:
    """The date of the partition a file lies in."""
    return date.fromisoformat(path.rsplit("/", 2)[-2].removeprefix("date="))


def union_schema(files: Sequence[str]) -> pa.Schema:
    """The columns that any of the files has, with words as plain text."""
    one_of_each = {signature_of(path) or path: path for path in files}
    schemas = []
    for path in one_of_each.values():
        with parquet_file(path) as file:
            schemas.append(plain(file.schema_arrow))
    return pa.unify_schemas(schemas)
