"""Values of a source as Arrow columns, exactly: what doesn't fit its type is an error, never a guess."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from assay.model.kinds import TIME
from assay.query.federation.errors import SourceValue
from assay.query.federation.schema import Column, Family, word

_REFUSED = (pa.ArrowException, ValueError, TypeError, OverflowError)


def column_array(values: Sequence[Any], column: Column, zone: ZoneInfo, source: str, place: str) -> pa.Array:
    """The values of a column as an array of the field's type.

    Parameters
    ----------
    values
        As the driver returns them.
    column
        Where they come from.
    zone
        Of times without a zone; of one that occurs twice the first is taken.
    source, place
        Names of source and table, for messages.

    Raises
    ------
    SourceValue
        A value is not of the column's type; the message names it.
    """
    try:
        return _array(values, column, zone)
    except _REFUSED as error:
        for value in values:
            try:
                _array([value], column, zone)
            except _REFUSED:
                wrong = value
                break
        else:
            raise
        raise SourceValue(
            "value",
            source=source,
            place=place,
            column=column.name,
            value=repr(wrong)[:80],
            needed=word(column.target),
        ) from error


def _array(values: Sequence[Any], column: Column, zone: ZoneInfo) -> pa.Array:
    family, target = column.family, column.target
    if pa.types.is_timestamp(target):
        return _times(values, family, zone)
    if pa.types.is_boolean(target):
        if any(value is not None and not isinstance(value, int) for value in values):
            raise ValueError("not true or false")
        if not {value for value in values if value is not None} <= {0, 1}:
            raise ValueError("not true or false")
        return pa.array([None if value is None else bool(value) for value in values], pa.bool_())
    if family is Family.INTEGER and pa.types.is_string(target):
        if any(value is not None and not isinstance(value, int) for value in values):
            raise ValueError("not whole")
        return pa.array([None if value is None else str(value) for value in values], target)
    if family is Family.INTEGER:
        return pa.array(values, pa.int64()).cast(target)
    if pa.types.is_string(target) and any(isinstance(value, bytes) for value in values):
        raise ValueError("bytes are no text")
    return pa.array(values, target)


def _times(values: Sequence[Any], family: Family, zone: ZoneInfo) -> pa.Array:
    if any(isinstance(value, (int, float, bytes)) for value in values):
        raise ValueError("numbers are no times")
    if any(isinstance(value, str) for value in values):
        return pa.array([_read(value, zone) for value in values], TIME)
    if family is Family.TIME:
        return pa.array(values, TIME)
    if family is Family.DATE:
        walls = pa.array(values, pa.date32()).cast(pa.timestamp("us"))
    else:
        walls = pa.array(values, pa.timestamp("us"))
    return pc.assume_timezone(walls, zone.key, ambiguous="earliest", nonexistent="earliest").cast(TIME)


def _read(value: str | None, zone: ZoneInfo) -> datetime | None:
    """An ISO 8601 time, as SQLite keeps it."""
    if value is None:
        return None
    moment = datetime.fromisoformat(value)
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
