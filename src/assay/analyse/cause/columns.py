"""Columns of a lake table as arrays in one fixed row order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.model.kinds import RecordKind
from assay.store.lake import Lake
from assay.store.reading import table_rows
from assay.store.snapshot import Snapshot

Rows = NDArray[np.int64]


class LakeColumns:
    """One table of a snapshot, hot rows too; every read returns the rows in the same order.

    Parameters
    ----------
    lake
        The plant's lake.
    kind
        Which table.
    snapshot
        The plant at one moment; as it is now without it.

    Raises
    ------
    StoreError
        On reading: a file of the table is missing or damaged.
    """

    def __init__(self, lake: Lake, kind: RecordKind, snapshot: Snapshot | None = None) -> None:
        self._lake = lake
        self._kind = kind
        self._snapshot = snapshot or lake.snapshot()
        self.schema = lake.schema(kind)

    def read(
        self, names: Sequence[str], *, words: Sequence[str] = (), where: pc.Expression | None = None
    ) -> pa.Table:
        """The columns ``names``; those in ``words`` come dictionary-encoded, other text comes plain."""
        fields = []
        for name in names:
            wanted = self.schema.field(name)
            plain = pa.types.is_dictionary(wanted.type) and name not in words
            fields.append(pa.field(name, pa.string()) if plain else wanted)
        extra = [] if where is None else [pa.field("characteristic", pa.string())]
        full = pa.schema([*fields, *(field for field in extra if field.name not in names)])
        with self._lake.explaining(self._snapshot):
            return table_rows(self._snapshot, self._kind.value, full, columns=names, where=where)


def encode(column: pa.ChunkedArray | pa.Array) -> tuple[NDArray[np.integer], tuple[str, ...]]:
    """Codes (−1 for null) and levels of a column of any type, its values written as text."""
    if isinstance(column, pa.Array):
        column = pa.chunked_array([column])
    if not pa.types.is_dictionary(column.type):
        column = column.cast(pa.string()).dictionary_encode()
    column = column.unify_dictionaries()
    if column.num_chunks == 0:
        return np.zeros(0, np.int16), ()
    labels = tuple(column.chunk(0).dictionary.to_pylist())
    kind = np.int16 if len(labels) < 32_000 else np.int32
    pieces = [
        pc.fill_null(chunk.indices, -1).to_numpy(zero_copy_only=False).astype(kind) for chunk in column.chunks
    ]
    return np.concatenate(pieces), labels


def numbers(column: pa.ChunkedArray | pa.Array) -> NDArray[np.float64]:
    """A numeric, time or boolean column as floats, NaN for null; times in seconds since 1970."""
    if pa.types.is_timestamp(column.type):
        column = pc.divide(column.cast(pa.int64()).cast(pa.float64()), 1e6)
    return np.asarray(
        column.cast(pa.float64()).to_numpy(zero_copy_only=False)
        if isinstance(column, pa.Array)
        else column.cast(pa.float64()).to_numpy()
    )


def locate(wanted: pa.ChunkedArray | pa.Array, among: pa.ChunkedArray | pa.Array, rows: Rows) -> Rows:
    """For each id wanted, the entry of ``rows`` whose id (``among``) is equal, −1 where there is none.

    Where an id occurs more than once, the first one counts.
    """
    if isinstance(among, pa.ChunkedArray):
        among = among.combine_chunks()
    if isinstance(wanted, pa.ChunkedArray):
        wanted = wanted.combine_chunks()
    if len(among) == len(wanted) and among.equals(wanted):
        first = pc.count_distinct(among).as_py() == len(among)
        if first:
            return rows
    place = pc.index_in(wanted, value_set=among)
    found = pc.fill_null(place, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    return np.where(found >= 0, rows[np.maximum(found, 0)] if rows.size else -1, -1)


def gather(values: NDArray[np.generic], rows: Rows, missing: float) -> NDArray[np.generic]:
    """``values[rows]`` with ``missing`` where a row is −1."""
    if rows.size == values.size and rows.size and bool((rows == np.arange(rows.size)).all()):
        return values
    if values.size == 0:
        return np.full(rows.size, missing, dtype=values.dtype)
    taken = values[np.maximum(rows, 0)]
    taken[rows < 0] = missing
    return taken
