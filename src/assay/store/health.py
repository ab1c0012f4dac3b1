"""The state of the lake."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from deltalake import DeltaTable

from assay.store.lake import Lake
from assay.store.log import read_entries
from assay.store.policies import LakePolicies


@dataclass(frozen=True, slots=True)
class TableStatus:
    """One table at its newest version. Bytes and files are those a reader needs, not older ones."""

    version: int
    files: int
    rows: int
    bytes: int
    small_files: int
    hot_rows: int
    oldest: datetime | None
    newest: datetime | None


def status(lake: Lake, policies: LakePolicies) -> dict[str, TableStatus]:
    """The state of every table that was ever written."""
    found = {}
    for name, version in lake.versions().items():
        if version < 0:
            continue
        entries = read_entries(DeltaTable(lake.directory / name, version=version).get_add_actions())
        small = policies.of(name).small_bytes
        oldest = [entry.time_min for entry in entries if entry.time_min is not None]
        newest = [entry.time_max for entry in entries if entry.time_max is not None]
        found[name] = TableStatus(
            version=version,
            files=len(entries),
            rows=sum(entry.rows for entry in entries),
            bytes=sum(entry.size for entry in entries),
            small_files=sum(entry.size < small for entry in entries),
            hot_rows=0,
            oldest=min(oldest, default=None),
            newest=max(newest, default=None),
        )
    return found
