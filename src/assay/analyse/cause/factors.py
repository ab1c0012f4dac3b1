"""Factors of a frame: every recorded column that may be ranked, encoded once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assay.analyse.cause.columns import LakeColumns, Rows, encode, gather, numbers
from assay.analyse.cause.frame import Column, Frame
from assay.analyse.cause.problem import Factor, ordered_factor
from assay.model.attributes import AttributeType, ColumnRole
from assay.model.kinds import RecordKind

_AT_ONCE = 16
RANKED = (ColumnRole.FACTOR, ColumnRole.ORDERED_FACTOR)
"""Roles that are ever ranked; everything else can only be shown and used in conditions."""


def factors(frame: Frame, tick: Callable[[int], None] = lambda done: None) -> tuple[Factor, ...]:
    """Every factor of the frame that takes at least two values over its subjects.

    ``tick`` is told how many columns have been read.
    """
    ranked = [column for column in frame.columns.values() if column.role in RANKED]
    found = []
    for done, (column, values) in enumerate(_read(frame, ranked), 1):
        factor = _factor(column, *values)
        if factor is not None and factor.levels > 1:
            found.append(factor)
        tick(done)
    return tuple(found)


def factor_of(frame: Frame, name: str) -> Factor | None:
    """One factor of the frame by its column's name, or None when it does not vary."""
    column, values = next(_read(frame, [frame.columns[name]]))
    return _factor(column, *values)


def _read(
    frame: Frame, columns: Sequence[Column]
) -> Iterator[tuple[Column, tuple[pa.ChunkedArray | pa.Array, Rows | None]]]:
    """Each column with the row of every subject in it (None: the subjects' own order)."""
    movement = [column for column in columns if column.origin is RecordKind.MOVEMENT]
    fields = sorted({column.field for column in movement})
    for batch in (fields[start : start + _AT_ONCE] for start in range(0, len(fields), _AT_ONCE)):
        table = read_mixed(frame.movements.source, batch)
        for column in movement:
            if column.field in batch:
                rows, _ = frame.rows_of(column)
                yield column, (table.column(column.field), rows)
    for column in columns:
        if column.origin is RecordKind.MEASUREMENT:
            yield column, (frame.measurements.column(column.field), None)


def read_mixed(source: LakeColumns, names: Sequence[str]) -> pa.Table:
    """Columns of any type; text comes dictionary-encoded."""
    words = [name for name in names if pa.types.is_dictionary(source.schema.field(name).type)]
    return source.read(names, words=words)


def _factor(column: Column, values: pa.ChunkedArray | pa.Array, rows: Rows | None) -> Factor | None:
    if column.role is ColumnRole.ORDERED_FACTOR:
        measured = _ordered_values(column, values)
        if measured is not None:
            aligned = measured if rows is None else np.asarray(gather(measured, rows, np.nan), dtype=float)
            return ordered_factor(column.name, aligned)
    codes, labels = encode(values)
    aligned_codes = codes if rows is None else gather(codes, rows, -1)
    return _compact(column.name, np.asarray(aligned_codes), labels)


def _ordered_values(column: Column, values: pa.ChunkedArray | pa.Array) -> NDArray[np.float64] | None:
    """Numbers to order by; None for text that isn't numeric, which is then taken as levels."""
    if column.type is not AttributeType.TEXT:
        return numbers(values)
    codes, labels = encode(values)
    try:
        numeric = np.array([float(label) for label in labels] + [np.nan])
    except ValueError:
        return None
    return np.asarray(numeric[codes])


def _compact(name: str, codes: NDArray[np.integer], labels: tuple[str, ...]) -> Factor | None:
    """Only the levels that occur, in the order of their labels."""
    present = np.zeros(len(labels) + 1, dtype=bool)
    present[codes] = True
    kept = [place for place in range(len(labels)) if present[place]]
    if not kept:
        return None
    if len(kept) == len(labels):
        return Factor(name, codes, labels=labels)
    place = np.full(len(labels) + 1, -1, dtype=codes.dtype)
    place[kept] = np.arange(len(kept), dtype=codes.dtype)
    return Factor(name, place[codes], labels=tuple(labels[level] for level in kept))
