"""Who else: the units that share a cause, inspected or not, and the rows that are its evidence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.analyse.cause.clock import UNKNOWN, WINDOW
from assay.analyse.cause.columns import encode, numbers
from assay.analyse.cause.factors import factor_of, read_mixed
from assay.analyse.cause.frame import Column, Frame
from assay.model.attributes import AttributeType
from assay.model.kinds import RecordKind

Flags = NDArray[np.bool_]


_ALWAYS = ("subject", "unit_id", "value")


@dataclass(frozen=True)
class Mark:
    """What makes a record one of a cause's: a level verbatim, or ranges of an ordered factor."""

    factor: str
    value: str | None
    ranges: tuple[tuple[float, float], ...] = ()


def affected_units(frame: Frame, mark: Mark, group: Flags) -> pa.Array:
    """Ids of all units in scope that carry the mark, also those without the target's measurement.

    ``group`` marks the frame's own subjects that carry it; they are all there is where a mark is of the
    measurement (gauge, inspector) rather than of how the unit was made.
    """
    own = frame.units.filter(pa.array(group))
    marked = _marked_movements(frame, mark)
    if marked is None:
        return pc.unique(own)
    table = frame.movements.table
    made = marked & frame.movements.made
    units = table.column("subject").combine_chunks().filter(pa.array(made))
    return pc.unique(pa.concat_arrays([own.cast(pa.string()), units.cast(pa.string())]))


def _marked_movements(frame: Frame, mark: Mark) -> Flags | None:
    """Which movement rows in scope carry the mark; None when it isn't a mark of the movement."""
    movements = frame.movements
    if mark.factor == WINDOW and mark.ranges:
        started = pc.fill_null(movements.table.column("started").cast(pa.int64()), UNKNOWN).to_numpy()
        flags = _in_ranges(started / 1e6, mark)
    else:
        column = frame.columns.get(mark.factor)
        if column is None or column.origin is not RecordKind.MOVEMENT:
            return None
        flags = (
            _consumers(frame, mark, column) if column.material is not None else _carriers(frame, mark, column)
        )
    allowed = _segments(frame, mark)
    if allowed is not None:
        flags = flags & movements.is_in("segment", *allowed)
    return flags


def _segments(frame: Frame, mark: Mark) -> tuple[str, ...] | None:
    column = frame.columns.get(mark.factor)
    if column is not None and column.link is not None:
        return (column.link,)
    return frame.scope


def _carriers(frame: Frame, mark: Mark, column: Column) -> Flags:
    values = read_mixed(frame.movements.source, [column.field]).column(column.field)
    if mark.ranges:
        if column.type is AttributeType.TEXT:
            codes, labels = encode(values)
            return _in_ranges(np.array([float(label) for label in labels] + [np.nan])[codes], mark)
        return _in_ranges(numbers(values), mark)
    codes, labels = encode(values)
    return (
        np.asarray(codes == labels.index(mark.value)) if mark.value in labels else np.zeros(codes.size, bool)
    )


def _consumers(frame: Frame, mark: Mark, column: Column) -> Flags:
    """Movement rows whose execution consumed the marked lot."""
    table = frame.movements.table
    subject = table.column("subject").combine_chunks()
    taken = frame.movements.is_in("role", "consumed") & np.asarray(
        pc.equal(subject, mark.value).to_numpy(zero_copy_only=False)
    )
    executions = frame.movements.executions
    return np.isin(executions, executions[taken])


def _in_ranges(values: NDArray[np.float64], mark: Mark) -> Flags:
    inside = np.zeros(values.size, dtype=bool)
    for low, high in mark.ranges:
        inside |= (values >= low) & (values <= high)
    return inside


def carrying(frame: Frame, mark: Mark) -> Flags:
    """Which subjects of the frame carry the mark, from the records alone."""
    if mark.factor in frame.columns:
        factor = factor_of(frame, mark.factor)
        if factor is None:
            values = pc.equal(frame.values(mark.factor).cast(pa.string()), mark.value)
            return np.asarray(pc.fill_null(values, False).to_numpy(zero_copy_only=False))
        if mark.ranges:
            inside = [
                place
                for place in range(factor.levels)
                if any(low <= factor.low[place] and factor.high[place] <= high for low, high in mark.ranges)
            ]
            return np.isin(factor.codes, inside)
        if mark.value in factor.labels:
            return factor.carriers(factor.labels.index(mark.value))
        return np.zeros(frame.size, dtype=bool)
    time = frame.time
    if time is None:
        return np.zeros(frame.size, dtype=bool)
    return _in_ranges(np.where(time == UNKNOWN, np.nan, time / 1e6), mark)


def evidence_rows(
    frame: Frame, group: Flags, *, refused: pa.Array | None = None, limit: int | None, offset: int
) -> pa.Table:
    """The subjects in ``group`` with outcome and every recorded column, bad ones first, then by time."""
    rows = np.flatnonzero(group)
    time = frame.time
    order = (
        np.lexsort((time[rows], -frame.outcome[rows]))
        if time is not None
        else np.argsort(-frame.outcome[rows])
    )
    rows = rows[order][offset : None if limit is None else offset + limit]
    part = frame.taken(rows)
    measured = part.measurements
    text, value = measured.column("text"), measured.column("value")
    columns: dict[str, pa.Array | pa.ChunkedArray] = {
        "subject": measured.column("subject"),
        "unit_id": part.units,
    }
    columns["time"] = measured.column("time")
    columns["segment"] = measured.column("segment")
    columns["characteristic"] = measured.column("characteristic")
    if not value.null_count:
        columns["value"] = value
    elif value.null_count == len(value):
        columns["value"] = text
    else:
        columns["value"] = pc.coalesce(text, value.cast(pa.string()))
    for name in part.columns:
        if name not in columns:
            columns[name] = part.values(name)
    if refused is not None:
        columns["evidence_refused"] = refused.take(pa.array(rows))
    table = pa.table(columns)
    keep = [
        name
        for name in table.column_names
        if table.column(name).null_count < table.num_rows or name in _ALWAYS
    ]
    return table.select(keep)


def not_inspected(frame: Frame, units: pa.Array) -> int:
    """How many of ``units`` have no measurement of the target."""
    inspected = pc.is_in(units, value_set=pc.unique(frame.all_inspected.cast(pa.string())))
    return len(units) - int(pc.sum(inspected).as_py() or 0)
