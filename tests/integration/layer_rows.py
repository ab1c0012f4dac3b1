"""Small plants for the layers: rows of every kind, told apart by numbers, loaded piece by piece."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa

from assay.model.kinds import SCHEMAS, RecordKind
from assay.store import LoadKey, Workspace

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
DERIVED = (
    "dwd_reading",
    "dwd_occupancy",
    "dwd_result",
    "dwd_event",
    "dws_step_feature",
    "dws_result",
    "ads_unit",
    "ads_yield",
)


def at(hours: float) -> datetime:
    """A moment some hours after noon of the first day."""
    return START + timedelta(hours=hours)


def table(kind: str, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Rows of a kind as they come from a source; ``key`` becomes the hash of the natural key."""
    schema = SCHEMAS[RecordKind(kind)]
    whole = [
        {"content_hash": 0, **row, "seq": seq, "key_hash": hash_of(row["key"])}
        for seq, row in enumerate(rows)
    ]
    names = [name for name in schema.names if any(name in row for row in whole)]
    return pa.table(
        {name: pa.array([row.get(name) for row in whole], _plain(schema.field(name).type)) for name in names}
    )


def _plain(kind: pa.DataType) -> pa.DataType:
    return pa.string() if pa.types.is_dictionary(kind) else kind


def hash_of(key: object) -> int:
    """The same number for the same key in every process."""
    return sum(ord(letter) * 31**place for place, letter in enumerate(repr(key))) % 2**62


def load(workspace: Workspace, number: int, rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """One load of rows of several kinds, recorded ``number`` minutes after the first."""
    key = LoadKey("line", f"load-{number}")
    staged = {}
    for kind, some in rows.items():
        if some:
            recorded = at(1000) + timedelta(minutes=number)
            with workspace.lake.stage(kind, load=key, recorded=recorded) as writer:
                writer.write(table(kind, some))
                staged[kind] = writer.finish()
    if staged:
        workspace.lake.commit_load(staged, load=key)


def content(connection: duckdb.DuckDBPyConnection, name: str) -> list[tuple[Any, ...]]:
    """Every row of a derived table, numbers of sums rounded, in an order of its own."""
    rows = connection.execute(f"SELECT * FROM {name}").to_arrow_table().to_pylist()
    return sorted((tuple(_rounded(row[key]) for key in sorted(row)) for row in rows), key=repr)


def _rounded(value: Any) -> Any:
    return float(f"{value:.9g}") if isinstance(value, float) else value


def everything(workspace: Workspace) -> dict[str, list[tuple[Any, ...]]]:
    """The content of every derived table."""
    with workspace.lake.connect() as connection:
        return {name: content(connection, name) for name in DERIVED}
