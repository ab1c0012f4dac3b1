"""Parquet files of the lake as datasets, wherever they lie."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from assay.store.layout import DATE, is_word, plain, signature_of
from assay.store.place import located
from assay.store.snapshot import Snapshot


def parquet_file(path: str, *, words: Sequence[str] = ()) -> pq.ParquetFile:
    """One file, opened; close it. Those of ``words`` that it has are read as dictionaries."""
    filesystem, (name,) = located([path])
    file = pq.ParquetFile(name, filesystem=filesystem)
    if not words:
        return file
    with file:
        metadata = file.metadata
    have = [word for word in words if word in metadata.schema.names]
    return pq.ParquetFile(name, filesystem=filesystem, metadata=metadata, read_dictionary=have)


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


def table_rows(
    snapshot: Snapshot,
    name: str,
    schema: pa.Schema,
    *,
    columns: Sequence[str] | None = None,
    where: pc.Expression | None = None,
) -> pa.Table:
    """Rows of a table of a snapshot: those of its files in the order of files and rows, then the hot ones.

    ``schema`` has the columns to read, words as text or as dictionaries, and those that ``where`` needs;
    ``columns`` those to give. Two readings of one snapshot have the same rows in the same order.
    """
    wanted = list(columns or schema.names)
    words = [one.name for one in schema if is_word(one)]
    files = parquet_dataset(snapshot.files[name], schema, words=words)
    found = files.to_table(columns=wanted, filter=where)
    if name not in snapshot.hot:
        return found
    hot = snapshot.hot[name].select(schema.names)
    chosen = (hot if where is None else hot.filter(where)).select(wanted)
    as_asked = [
        chosen.column(one).dictionary_encode().cast(schema.field(one).type)
        if one in words
        else chosen.column(one)
        for one in wanted
    ]
    return pa.concat_tables([found, pa.table(as_asked, schema=found.schema)])


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
