"""Upkeep of the lake: small files of a date become few large sorted ones, and what is out of date is deleted.

Rows are read with their checksums verified, sorted in bounded memory, and written with the encodings of every
other file. The commit that takes the old files away and brings the new ones in changes no row; the old files
stay on disk for readers and for looking at the past until the policy lets them go.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import groupby

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from assay.model.errors import StoreError
from assay.model.kinds import RecordKind
from assay.store.derived import LOCK
from assay.store.keys import LoadKey
from assay.store.lake import Lake
from assay.store.layout import MANY, ROW_GROUP_ROWS, StagedFile
from assay.store.locks import locked
from assay.store.log import Entry
from assay.store.place import located
from assay.store.policies import TablePolicy
from assay.store.registry import now as present
from assay.store.scratch import scratch
from assay.store.staging import StagedWriter, aligned
from assay.store.views import quoted

COMPACTING = "compaction.lock"
"""Name of the lock of whoever writes files of the lake anew."""

_SORTED_BY: dict[str, tuple[str, ...]] = {RecordKind.READING.value: ("signal", "equipment", "time")}
_BY_TIME = ("time", "recorded")
_IDENTITY = ("source", "epoch", "seq")
_MEMORY = "512MB"
_BATCH_ROWS = 65_536
_READERS = timedelta(minutes=10)
"""A file that a reader may have pinned just now stays at least this long, whatever the policy says."""


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What was done to one table, or would be.

    Attributes
    ----------
    dates
        Dates whose small files were merged.
    files_before, files_after, bytes_before, bytes_after
        The merged files, and those they became.
    rows
        Rows in them.
    given_up
        Dates whose files somebody else replaced meanwhile; nothing was changed there.
    retired_rows
        Rows that left the table because their date is older than ``keep_days``.
    deleted_files
        Files of older versions that were removed from disk.
    """

    table: str
    dates: int = 0
    files_before: int = 0
    files_after: int = 0
    bytes_before: int = 0
    bytes_after: int = 0
    rows: int = 0
    given_up: int = 0
    retired_rows: int = 0
    deleted_files: int = 0


@dataclass(frozen=True, slots=True)
class Job:
    """The small files of one date that are to be merged."""

    day: date
    files: tuple[Entry, ...]

    @property
    def rows(self) -> int:
        """Rows in them."""
        return sum(one.rows for one in self.files)

    @property
    def size(self) -> int:
        """Bytes of them."""
        return sum(one.size for one in self.files)

    @property
    def key(self) -> LoadKey:
        """What the new files are named after: the same for the same files."""
        names = "\n".join(sorted(one.path for one in self.files))
        return LoadKey("assay.compaction", hashlib.sha256(names.encode()).hexdigest())


def jobs(entries: Sequence[Entry], policy: TablePolicy) -> list[Job]:
    """What a policy wants merged, oldest date first."""
    small = sorted(
        (one for one in entries if one.size < policy.small_bytes), key=lambda one: (one.date, one.path)
    )
    by_day = ((day, tuple(files)) for day, files in groupby(small, key=lambda one: one.date))
    return [Job(day, files) for day, files in by_day if len(files) >= policy.small_files]


def compact(
    lake: Lake, table: str | None = None, *, dry_run: bool = False, now: datetime | None = None
) -> list[Upkeep]:
    """Do the upkeep that the policies want for every table, or for one; returns what was done.

    Loads, flushes and readers go on meanwhile. One process does it at a time; others wait, and so does
    whoever derives while derived tables are looked after.

    Raises
    ------
    StoreError
        There is no such table, or a file is damaged; nothing is lost then.
    """
    derived = [name for name in lake.derived.names() if table in {None, name}]
    names = lake.tables() if table is None else [] if derived else [lake.known(table)]
    moment = now or present()
    with locked(lake.spool / COMPACTING):
        written = [name for name in names if lake.version(name) >= 0]
        done = [_keep(lake, name, moment, dry_run=dry_run) for name in written]
    if derived:
        with locked(lake.spool / LOCK):
            done += [_keep_derived(lake, name, moment, dry_run=dry_run) for name in derived]
    return done


def _keep(lake: Lake, name: str, moment: datetime, *, dry_run: bool) -> Upkeep:
    policy, table = lake.policies.of(name), lake.table(name)
    _, entries = lake.table(name).entries()
    limit = None if policy.keep_days is None else moment.date() - timedelta(days=policy.keep_days)
    old = [one for one in entries if limit is not None and one.date < limit]
    done = Upkeep(name, retired_rows=sum(one.rows for one in old))
    planned = jobs([one for one in entries if one not in old], policy)
    if dry_run:
        return replace(
            done,
            dates=len(planned),
            files_before=sum(len(job.files) for job in planned),
            bytes_before=sum(job.size for job in planned),
            rows=sum(job.rows for job in planned),
        )
    if old and limit is not None:
        reason = f"keep_days = {policy.keep_days}"
        if not lake.retire(name, [one.path for one in old], limit, reason):
            done = replace(done, retired_rows=0)  # another process did the upkeep meanwhile
    lake.remains("compaction", name).sweep()
    for job in planned:
        done = _merged(lake, name, job, policy, done)
    deleted = _delete_old(lake, name, moment - max(_READERS, timedelta(days=policy.old_versions_days)))
    table.checkpoint(every=policy.checkpoint_every)
    return replace(done, deleted_files=deleted)


def _keep_derived(lake: Lake, name: str, moment: datetime, *, dry_run: bool) -> Upkeep:
    """Retention and the log of a derived table; deriving writes whole dates, so there is nothing to merge."""
    policy, table = lake.policies.of(name), lake.derived[name]
    done = Upkeep(name)
    if policy.keep_days is not None:
        limit = moment.date() - timedelta(days=policy.keep_days)
        _, entries = table.entries()
        rows = sum(one.rows for one in entries if one.date < limit)
        if rows and not dry_run:
            rows = table.retire_before(limit, f"keep_days = {policy.keep_days}")
        done = replace(done, retired_rows=rows)
    if not dry_run:
        table.checkpoint(every=policy.checkpoint_every)
    return done


def _merged(lake: Lake, name: str, job: Job, policy: TablePolicy, done: Upkeep) -> Upkeep:
    with lake.remains("compaction", name).noted(job.key):
        files = _written(lake, name, job, policy)
        if not lake.commit_rewrite(name, files, [one.path for one in job.files]):
            return replace(done, given_up=done.given_up + 1)
    return replace(
        done,
        dates=done.dates + 1,
        files_before=done.files_before + len(job.files),
        files_after=done.files_after + len(files),
        bytes_before=done.bytes_before + job.size,
        bytes_after=done.bytes_after + sum(one.size for one in files),
        rows=done.rows + job.rows,
    )


def _written(lake: Lake, name: str, job: Job, policy: TablePolicy) -> list[StagedFile]:
    """The rows of a job in new files, sorted."""
    schema = lake.schema(name)
    groups = round(policy.target_bytes * job.rows / max(job.size, 1) / ROW_GROUP_ROWS)
    with StagedWriter(
        lake.staging(name),
        schema,
        job.key,
        present(),
        begins=MANY,
        day=job.day,
        file_rows=max(1, groups) * ROW_GROUP_ROWS,
    ) as writer:
        paths = [lake.table(name).place.address(one.path) for one in job.files]
        for batch in sorted_rows(lake, batches_of(lake, name, paths, schema), schema, name):
            writer.write(pa.Table.from_batches([batch]))
        files = writer.finish()
    written = sum(one.rows for one in files)
    if written != job.rows:
        raise StoreError(
            f"compaction of {name!r}, {job.day}: {job.rows} rows were read and {written} written; "
            "nothing was changed",
            hint="Check the lake: assay lake status DIR --check --deep",
        )
    return files


def sorted_rows(
    lake: Lake, batches: Iterator[pa.RecordBatch], schema: pa.Schema, name: str
) -> Iterator[pa.RecordBatch]:
    """Rows in the order in which compaction keeps a table, sorted in bounded memory.

    Readings are in order of signal, equipment and time, other rows in order of time.
    """
    order = [*_SORTED_BY.get(name, _BY_TIME), *_IDENTITY]
    order = [column for column in order if column in schema.names]
    with duckdb.connect(
        config={"memory_limit": _MEMORY, "temp_directory": str(scratch(lake.spool)), "threads": "2"}
    ) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        broken: list[StoreError] = []
        reader = pa.RecordBatchReader.from_batches(schema, _noting(batches, broken))
        try:
            rows = connection.from_arrow(reader)
            yield from rows.order(", ".join(map(quoted, order))).to_arrow_reader(ROW_GROUP_ROWS)
        except duckdb.Error as error:
            raise (broken[0] if broken else _unsorted(name, error)) from error


def _noting(batches: Iterator[pa.RecordBatch], broken: list[StoreError]) -> Iterator[pa.RecordBatch]:
    """The batches; what stops them is noted, for it does not come through the engine in one piece."""
    try:
        yield from batches
    except StoreError as error:
        broken.append(error)
        raise


def _unsorted(name: str, error: duckdb.Error) -> StoreError:
    return StoreError(
        f"rows of {name!r} can't be sorted: {error}", hint="Check free disk space in the plant's spool."
    )


def batches_of(lake: Lake, name: str, paths: Sequence[str], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The rows of files in the columns of ``schema``, every page's checksum verified."""
    from assay.store.health import damaged

    key = LoadKey("assay.compaction", name)
    for path in paths:
        filesystem, (inside,) = located([path])
        try:
            with pq.ParquetFile(inside, filesystem=filesystem, page_checksum_verification=True) as file:
                for batch in file.iter_batches(_BATCH_ROWS):
                    rows = aligned(pa.Table.from_batches([batch]), schema, name, key, 0)
                    yield from rows.combine_chunks().to_batches()
        except (OSError, pa.ArrowException) as error:
            raise damaged(lake, name, path, str(error)) from error


def _delete_old(lake: Lake, name: str, before: datetime) -> int:
    """Delete files that a commit before that moment took out of the table; the log stays as it is."""
    table = lake.table(name)
    note = lake.spool / "upkeep" / f"{name}.deleted"
    first = int(note.read_text(encoding="utf-8")) + 1 if note.is_file() else 0
    version, entries = lake.table(name).entries()
    current = {one.path for one in entries}
    deleted = 0
    for number in range(first, version + 1):
        if table.commit_at(number).moment > before:
            break
        for path in table.removed_by(number):
            if path not in current and table.place.exists(path):
                table.place.delete(path)
                deleted += 1
        first = number + 1
    note.parent.mkdir(parents=True, exist_ok=True)
    unfinished = note.with_suffix(".unfinished")
    unfinished.write_text(str(first - 1), encoding="utf-8")
    unfinished.replace(note)
    return deleted
