"""The plant as known on a moment of the past.

A row counts when the load that brought it was committed at or before the moment; a row of the hot buffer
when its append was acknowledged by then. There are two ways to the same rows. While the files of the version
of that moment are still on disk, they are read. When compaction replaced them and they were deleted, the
newest files are read without the rows of loads that came later: a compacted file keeps source and epoch of
each row.
"""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from assay.model.errors import QueryError, StoreError
from assay.store.hot import hot_table
from assay.store.keys import LoadKey
from assay.store.layout import DATE, PART, UNFINISHED, holds_many_loads, load_prefix, plain, writer_options
from assay.store.log import ALL_ROWS, HOT_PENDING, RETIRED, Commit
from assay.store.place import is_remote, located
from assay.store.reading import date_of
from assay.store.registry import now
from assay.store.snapshot import Refused

if TYPE_CHECKING:
    from assay.store.delta import LakeTable
    from assay.store.lake import Lake
    from assay.store.snapshot import Snapshot

_BATCH_ROWS = 65_536
_SEPARATOR = "\0"

Ends = Mapping[LoadKey, int]
"""The first ``seq`` of a load that was not known yet."""


class PastGone(StoreError):
    """What the plant was at that moment can't be shown any more."""


@dataclass(slots=True)
class Past:
    """What one table holds as of a moment: its version, whole files, and rows of files that hold more."""

    version: int
    files: list[str] = field(default_factory=list)
    rows: list[pa.Table] = field(default_factory=list)


def checked_moment(moment: datetime) -> datetime:
    """The moment, if the plant may be looked at as of it.

    Raises
    ------
    QueryError
        It has no time zone or lies in the future.
    """
    if moment.tzinfo is None:
        raise QueryError(
            f"the moment {moment.isoformat()} has no time zone", hint="Add one, such as Z or +02:00."
        )
    if moment > now():
        raise QueryError(
            f"the moment {moment.isoformat()} lies in the future",
            hint="What will be known then is not known yet; leave the moment out to see the present.",
        )
    return moment


def past_of(lake: Lake, name: str, moment: datetime, *, by_version: bool | None = None) -> Past:
    """A table as of a moment; call it with the lake settled.

    ``by_version`` picks the way; by default the files of the version are read while they are there.

    Raises
    ------
    PastGone
        Rows of that time have left the table by its retention, or a file is gone.
    """
    table = lake.table(name)
    version = _version_at(table, moment)
    newest = table.version()
    if by_version is not False:
        past = _by_version(lake, name, version, newest, moment)
        if past is not None:
            return past
        if by_version:
            raise PastGone(f"files of version {version} of {name!r} are deleted")
    return _by_load(lake, name, version, newest, moment)


def _version_at(table: LakeTable, moment: datetime) -> int:
    """The newest version of a table that was committed at or before a moment; -1 when there was none."""
    low, high = -1, table.version()
    while low < high:
        middle = (low + high + 1) // 2
        if table.commit_at(middle).moment <= moment:
            low = middle
        else:
            high = middle - 1
    return low


def _by_version(lake: Lake, name: str, version: int, newest: int, moment: datetime) -> Past | None:
    place = lake.table(name).place
    _, entries = lake.table(name).entries(version)
    later = list(_late_flushes(lake, name, version, newest, moment))
    paths = [one.path for one in entries]
    flushed = {path: ends for commit, ends in later for path in lake.table(name).added_by(commit.version)}
    there = place.sizes([*paths, *flushed])
    if len(there) < len({*paths, *flushed}):
        return None
    past = Past(version, [place.address(path) for path in paths])
    for path, ends in flushed.items():
        past.rows += [
            rows for rows in _some_rows(lake, name, place.address(path), ends, hidden=False) if len(rows)
        ]
    return past


def _late_flushes(
    lake: Lake, name: str, version: int, newest: int, moment: datetime
) -> Iterator[tuple[Commit, Ends]]:
    """Later commits that brought rows which were hot at the moment already, with where those rows end."""
    for number in range(version + 1, newest + 1):
        if not lake.table(name).added_by(number):
            continue  # it made the table, or gave it a column
        commit = lake.table(name).commit_at(number)
        ends: dict[LoadKey, int] = {}
        for one, at in commit.appended:
            if at <= moment:
                ends[one.load] = max(one.last + 1, ends.get(one.load, 0))
        if ends:
            yield commit, ends
        if not commit.facts.get(HOT_PENDING) and commit.until is None:
            return
        if commit.until is not None and commit.until > moment:
            return


def _by_load(lake: Lake, name: str, version: int, newest: int, moment: datetime) -> Past:
    table = lake.table(name)
    hidden: dict[LoadKey, int] = {}
    for number in range(version + 1, newest + 1):
        commit = table.commit_at(number)
        if RETIRED in commit.facts:
            raise PastGone(
                f"rows of {name!r} of dates before {commit.facts[RETIRED]} left the plant by its retention "
                f"on {commit.moment.isoformat()}, and their files are deleted",
                hint="Restore a backup from before that time to see them.",
            )
        for one, at in commit.brought:
            if at > moment:
                hidden[one.load] = min(one.first, hidden.get(one.load, one.first))
    unwanted = tuple(load_prefix(load, begins=PART) for load in hidden)
    past = Past(version)
    _, entries = table.entries()
    for entry in entries:
        address = table.place.address(entry.path)
        if not holds_many_loads(entry.path):
            if not entry.path.rsplit("/", 1)[-1].startswith(unwanted):
                past.files.append(address)
        elif not hidden:
            past.files.append(address)
        elif is_remote(address):
            past.rows += list(_some_rows(lake, name, address, hidden, hidden=True))
        else:
            copy = _filtered_copy(lake, name, address, hidden)
            past.files += [str(copy)] if copy is not None else []
    return past


def _some_rows(lake: Lake, name: str, address: str, ends: Ends, *, hidden: bool) -> Iterator[pa.Table]:
    """The rows of a file that lie before the ends of some loads, or not behind them, as SQL sees them."""
    wanted = pa.schema([*plain(lake.schema(name)), DATE])
    day = date_of(address)
    for batch in _matching(address, ends, hidden=hidden):
        rows = pa.Table.from_batches([batch])
        columns = [
            pa.repeat(pa.scalar(day, DATE.type), len(rows))
            if one.name == DATE.name
            else rows.column(one.name).cast(one.type)
            if one.name in rows.column_names
            else pa.nulls(len(rows), one.type)
            for one in wanted
        ]
        yield pa.Table.from_arrays(columns, schema=wanted)


def _matching(address: str, ends: Ends, *, hidden: bool) -> Iterator[pa.RecordBatch]:
    """The rows of the loads before their ends; with ``hidden`` all rows but those behind them."""
    keys = pa.array([f"{load.source}{_SEPARATOR}{load.epoch}" for load in ends], pa.string())
    # Rows of other loads lie at the last place, −1: never before an end, and never behind one.
    limits = np.array([*ends.values(), ALL_ROWS if hidden else -1], np.int64)
    filesystem, (inside,) = located([address])
    with pq.ParquetFile(inside, filesystem=filesystem) as file:
        for batch in file.iter_batches(_BATCH_ROWS):
            source, epoch = (batch.column(one).cast(pa.string()) for one in ("source", "epoch"))
            load = pc.index_in(pc.binary_join_element_wise(source, epoch, _SEPARATOR), value_set=keys)
            before = batch.column("seq").to_numpy() < limits[load.fill_null(-1).to_numpy()]
            chosen = batch.filter(pa.array(before))
            if chosen.num_rows:
                yield chosen


def _filtered_copy(lake: Lake, name: str, address: str, hidden: Ends) -> Path | None:
    """A file of the plant's spool with the rows of a file not behind the ends of loads; None for no rows."""
    said = "\n".join([address, *sorted(f"{load.transaction} {end}" for load, end in hidden.items())])
    digest = hashlib.sha256(said.encode()).hexdigest()[:16]
    target = lake.spool / "as-of" / name / digest / f"date={date_of(address)}" / Path(address).name
    if target.is_file():
        os.utime(target)
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f"{UNFINISHED}{uuid.uuid4().hex}")
    writer: pq.ParquetWriter | None = None
    try:
        for batch in _matching(address, hidden, hidden=True):
            if writer is None:
                writer = pq.ParquetWriter(unfinished, batch.schema, **writer_options(batch.schema))
            writer.write_batch(batch)
        if writer is None:
            return None
        writer.close()
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    return target


def pinned_as_of(lake: Lake, moment: datetime, *, by_version: bool | None = None) -> Snapshot:
    """The plant as known on a moment; see :meth:`assay.store.lake.Lake.snapshot`.

    Master data is what the registry holds now, of which the versions valid at the moment are current: the
    registry knows from when to when something was so, not since when it knows it.

    Raises
    ------
    QueryError
        The moment has no time zone, or lies in the future.
    PastGone
        What it was then can't be shown any more.
    """
    checked_moment(moment)
    versions: dict[str, int] = {}
    files: dict[str, Sequence[str]] = {}
    hot: dict[str, pa.Table] = {}
    derived, refused = _derived_as_of(lake, moment)
    with lake.settled():
        for name in lake.tables():
            past = past_of(lake, name, moment, by_version=by_version)
            appends = [one for one in lake.hot_now(name) if one.moment <= moment]
            rows = past.rows + ([hot_table(appends, lake.schema(name))] if appends else [])
            versions[name], files[name] = past.version, past.files
            if rows:
                hot[name] = pa.concat_tables(rows)
    return replace(lake.pinned(versions, files, derived, hot=hot, moment=moment, refused=refused), past=True)


def pinned_again(lake: Lake, versions: Mapping[str, int], moment: datetime) -> Snapshot:
    """An earlier snapshot once more, by its versions and without what was hot.

    Raises
    ------
    PastGone
        A file or the log of one of the versions was deleted.
    """
    derived = {}
    with lake.settled():
        pinned = {name: lake.table(name).files(versions.get(name, -1))[1] for name in lake.tables()}
        for name in sorted(versions.keys() - pinned.keys()):
            table = lake.derived[name]
            derived[name] = (versions[name], table.files(versions[name])[1], table.schema())
    for name, addresses in [*pinned.items(), *((name, one[1]) for name, one in derived.items())]:
        gone = _first_gone(table_named(lake, name), addresses)
        if gone is not None:
            raise PastGone(
                f"the file {gone} of version {versions[name]} of {name!r} is deleted",
                hint="Ask again on the present state, or as of the moment.",
            )
    records = {name: versions.get(name, -1) for name in pinned}
    return replace(lake.pinned(records, pinned, derived, hot={}, moment=moment), past=True)


def _derived_as_of(
    lake: Lake, moment: datetime
) -> tuple[dict[str, tuple[int, Sequence[str], pa.Schema]], dict[str, Refused]]:
    """The derived tables in the versions of that moment, and those that can't be shown so."""
    found: dict[str, tuple[int, Sequence[str], pa.Schema]] = {}
    refused: dict[str, Refused] = {}
    for name in lake.derived.names():
        table = lake.derived[name]
        version = _version_at(table, moment)
        if table.lineage_at(version) is None:
            first = table.commit_at(0).moment
            why = PastGone(
                f"the table {name!r} did not exist on {moment.isoformat()}: it was first derived on "
                f"{first.isoformat()}",
                hint="Ask the records that it is made from.",
            )
            refused[name] = Refused(table.schema(), why)
            continue
        _, files = table.files(version)
        if _first_gone(table, files) is None:
            found[name] = (version, files, table.schema(version))
            continue
        why = PastGone(
            f"the table {name!r} can't be shown as it was on {moment.isoformat()}: it was derived anew "
            "since, and the files of that version are deleted",
            hint="Ask the records that it is made from, or have replaced files kept for longer: "
            f"old_versions_days under [lake.{name}] in assay.toml.",
        )
        refused[name] = Refused(table.schema(version), why)
    return found, refused


def _first_gone(table: LakeTable, addresses: Sequence[str]) -> str | None:
    there = table.place.sizes(map(table.place.relative, addresses))
    return next((one for one in addresses if table.place.relative(one) not in there), None)


def table_named(lake: Lake, name: str) -> LakeTable:
    """A table of records, or a derived one."""
    return lake.table(name) if name in lake.tables() else lake.derived[name]
