"""Arrow tables as grids: typed columns with titles, cells that JSON can hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, Literal

import pyarrow as pa

from assay.apps.catalogue import column_title
from assay.apps.payloads import GridColumn, GridPayload, Link, Tone
from assay.model.text import Text

ColumnType = Literal["text", "number", "time", "percent"]
BOTH_LANGUAGES = pa.struct([pa.field("zh", pa.string()), pa.field("en", pa.string())])
"""The type of a column whose cells are texts in both languages."""

_EXACT = 2**53  # integers beyond it change in a browser's numbers
_LINKS: dict[str, Link] = {
    "unit_id": "unit",
    "subject": "unit",
    "execution": "unit",
    "units": "unit",
}


def grid(
    table: pa.Table,
    *,
    total: int,
    offset: int = 0,
    limit: int = 100,
    declared: Mapping[str, dict[str, str]] | None = None,
    tones: Mapping[str, dict[str, Tone]] | None = None,
    types: Mapping[str, ColumnType] | None = None,
    download: str | None = None,
    parquet: str | None = None,
    note: Text | None = None,
    linked: bool = True,
    links: Mapping[str, Link] | None = None,
) -> GridPayload:
    """One page of a table as a grid.

    Parameters
    ----------
    table
        The rows of this page.
    total
        Rows of all pages.
    declared
        The plant's own titles by column.
    tones
        Colours of cells, by column and text.
    types
        Column types that Arrow can't tell (``percent``).
    linked
        Whether the columns that name units lead to their pages.
    links
        The page that a column leads to instead, by column.
    """
    columns = [
        GridColumn(
            field=field.name,
            title=column_title(field.name, dict(declared or {})),
            type=(types or {}).get(field.name, _type(field.type)),
            link=(_LINKS if links is None else links).get(field.name) if linked else None,
            tones=(tones or {}).get(field.name),
        )
        for field in table.schema
    ]
    rows = [{name: cell(value) for name, value in row.items()} for row in table.to_pylist()]
    return GridPayload(
        columns=columns,
        rows=rows,
        total=total,
        offset=offset,
        limit=limit,
        download=download,
        parquet=parquet,
        note=note,
    )


def cell(value: Any) -> Any:
    """A cell as JSON: times in ISO 8601 UTC, no NaN, big integers as text, lists as lists."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) <= _EXACT else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list):
        return [cell(item) for item in value]
    if isinstance(value, dict) and value.keys() == {"zh", "en"}:
        return value
    return value if isinstance(value, str) else str(value)


def moment(value: datetime) -> str:
    """ISO 8601 in UTC with ``Z``."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _type(kind: pa.DataType) -> ColumnType:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_timestamp(kind):
        return "time"
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "number"
    return "text"
