"""What the log of a Delta table says: its files with their sizes and rows, and who committed what, when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import pyarrow as pa

from assay.store.keys import LoadKey, Stretch

MOMENT = "assay.moment"
"""When the load became part of the plant, the same in every table; whole microseconds since 1970."""
HOT_PENDING = "assay.hot_pending"
"""Whether rows of the table were still hot at that moment."""
APPENDED = "assay.appended"
"""The appends that the commit flushes: transaction, first and last ``seq``, when each became visible."""
REASON = "assay.reason"
"""Why a commit that brings no load was made."""
UNTIL = "assay.hot_until"
"""Every append up to this moment is in the table after the commit."""
RETIRED = "assay.retired_before"
"""Rows of dates before this one leave the table with the commit."""

ALL_ROWS = 2**63 - 1
"""The greatest ``seq`` there can be: the last of a load of which all rows are meant."""

REWRITE = "assay.rewrite"
"""The transaction that every rewriting commit carries, so that the log refuses two at a time."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a version. ``path`` is relative to the table; times are those of its rows."""

    path: str
    size: int
    rows: int
    date: date
    time_min: datetime | None
    time_max: datetime | None
    time_nulls: int


@dataclass(frozen=True, slots=True)
class Commit:
    """One version of the log."""

    version: int
    moment: datetime
    transactions: tuple[str, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What Assay noted with the commit; see the names at the top of this module."""

    @property
    def appended(self) -> list[tuple[Stretch, datetime]]:
        """The hot appends of the commit, and when each became visible."""
        return [
            (Stretch(load, first, last), from_micros(at))
            for name, first, last, at in self.facts.get(APPENDED, [])
            if (load := load_of(name)) is not None
        ]

    @property
    def brought(self) -> list[tuple[Stretch, datetime]]:
        """What the commit brought, and since when each of it was visible."""
        loads = [] if APPENDED in self.facts else [load_of(one) for one in self.transactions]
        return self.appended + [
            (Stretch(load, 0, ALL_ROWS), self.moment) for load in loads if load is not None
        ]

    @property
    def until(self) -> datetime | None:
        """The moment up to which every append is in the table after this commit, if it is a flush."""
        at = self.facts.get(UNTIL)
        return None if at is None else from_micros(at)


def read_entries(actions: Any) -> list[Entry]:
    """The files that ``DeltaTable.get_add_actions()`` gives."""
    table = pa.table(actions)
    stats = {name: table.column(name).to_pylist() for name in table.column_names}
    nothing: Sequence[Any] = [None] * len(table)
    low, high, nulls = (stats.get(name, nothing) for name in ("min", "max", "null_count"))
    return [
        Entry(
            path=unquote(stats["path"][i]),
            size=stats["size_bytes"][i],
            rows=stats["num_records"][i] or 0,
            date=stats["partition"][i]["date"],
            time_min=(low[i] or {}).get("time"),
            time_max=(high[i] or {}).get("time"),
            time_nulls=(nulls[i] or {}).get("time") or 0,
        )
        for i in range(len(table))
    ]


def read_commit(version: int, actions: Sequence[Mapping[str, Any]]) -> Commit:
    """One version out of the lines of its JSON file."""
    info: Mapping[str, Any] = next((line["commitInfo"] for line in actions if "commitInfo" in line), {})
    stamp = from_micros(info[MOMENT]) if MOMENT in info else from_micros(info.get("timestamp", 0) * 1000)
    return Commit(
        version,
        stamp,
        tuple(line["txn"]["appId"] for line in actions if "txn" in line),
        {name: value for name, value in info.items() if name.startswith("assay.")},
    )


def load_of(transaction: str) -> LoadKey | None:
    """The load a transaction stands for; None for a rewrite."""
    source, slash, epoch = transaction.partition("/")
    return LoadKey(source.replace("%2F", "/").replace("%25", "%"), epoch) if slash else None


def from_micros(value: int) -> datetime:
    """The UTC time of whole microseconds since 1970."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=value)
