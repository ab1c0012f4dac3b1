"""Hashes of a table's rows, by which rows are compared."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.dataset as ds

from assay.store.keys import LoadKey
from assay.store.layout import holds_many_loads, load_prefix
from assay.store.reading import parquet_dataset

if TYPE_CHECKING:
    from assay.store.lake import Lake


def hashes(
    lake: Lake, name: str, *, time_range: tuple[datetime, datetime] | None, exclude: LoadKey | None
) -> pa.Table:
    """The columns ``key_hash`` and ``content_hash``; see :meth:`assay.store.lake.Lake.hashes`."""
    between = None
    if time_range is not None:
        between = (_utc_date(time_range[0]), _utc_date(time_range[1]))
    with lake.settled():
        _, files = lake.table(name).files(between=between)
    columns = ("key_hash", "content_hash")
    schema = pa.schema([pa.field(name, pa.int64(), nullable=False) for name in columns])
    if exclude is not None:
        prefix = load_prefix(exclude)
        files = [path for path in files if not path.rsplit("/", 1)[-1].startswith(prefix)]
    mixed = [path for path in files if exclude is not None and holds_many_loads(path)]
    with lake.place.reporting("can't be read"):
        alone = [path for path in files if path not in set(mixed)]
        found = parquet_dataset(alone, schema).to_table()
        if exclude is None or not mixed:
            return found
        identity = pa.schema([*schema, pa.field("source", pa.string()), pa.field("epoch", pa.string())])
        its = (ds.field("source") == exclude.source) & (ds.field("epoch") == exclude.epoch)
        others = parquet_dataset(mixed, identity).to_table(columns=list(columns), filter=~its)
        return pa.concat_tables([found, others])


def _utc_date(moment: datetime) -> date:
    return moment.astimezone(UTC).date()
