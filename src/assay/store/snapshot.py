"""What a reader sees: the files of pinned versions, rows that are not committed yet, and the master data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa

from assay.model.errors import StoreError


@dataclass(frozen=True, eq=False)
class Refused:
    """A table that can't be shown as of the snapshot's time: its columns, and what is said to who asks."""

    schema: pa.Schema
    why: StoreError


@dataclass(frozen=True, eq=False)
class Snapshot:
    """The plant between two loads. Two readings of one snapshot see the same rows.

    Attributes
    ----------
    versions
        The Delta version of each lake table; −1 for one that was never written.
    files
        The files of each table, as absolute paths or object URLs.
    schemas
        The columns of each table as SQL sees them, without the partition column ``date``.
    hot
        Rows that no file here holds, by table, with the columns of ``schemas`` and ``date``: those of the hot
        buffer, and, as of the past, those of files that also hold later rows.
    master
        Every version of each entity kind, with ``is_current``: whether it is in force at the snapshot's time.
    moment
        The time of the snapshot, in UTC; the time asked for where the plant is looked at as of the past.
    refused
        Derived tables that can't be shown. A question that reads one fails; others don't.
    past
        Whether it shows the plant as it was, and not as it is.
    """

    versions: Mapping[str, int]
    files: Mapping[str, tuple[str, ...]]
    schemas: Mapping[str, pa.Schema]
    master: Mapping[str, pa.Table]
    moment: datetime
    hot: Mapping[str, pa.Table] = field(default_factory=dict)
    refused: Mapping[str, Refused] = field(default_factory=dict)
    past: bool = False
