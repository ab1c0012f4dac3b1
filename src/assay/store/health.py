"""The state of the lake, and what is damaged in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from assay.model.errors import StoreError
from assay.store.keys import LoadKey
from assay.store.layout import TABLES, holds_many_loads, is_derived
from assay.store.log import Entry, load_of
from assay.store.place import is_remote, located
from assay.store.timetravel import table_named

if TYPE_CHECKING:
    from assay.store.delta import LakeTable
    from assay.store.lake import Lake
    from assay.store.snapshot import Snapshot

_OF_FILES = (
    "IO Error",
    "Parquet",
    "parquet",
    "ZSTD",
    "zstd",
    "thrift",
    "TProtocol",
    "No such file",
    "decode",
)
"""Words that an engine uses when a file can't be read."""
_BATCH_ROWS = 65_536
_RESTORE = (
    "Put the file back from a backup; where there is none, restore the newest backup of the plant and load "
    "what came later again. `assay lake status DIR --check --deep` names every damaged file."
)
_DERIVE_AGAIN = (
    "Nothing is lost, the table can be derived again: assay lake derive DIR --again --table {table}"
)
_NAMED = 5
"""Loads that a message names at most."""


class DamagedFile(StoreError, OSError):
    """A file of the lake is missing, cut off or changed."""


@dataclass(frozen=True, slots=True)
class TableStatus:
    """One table at its newest version, and what is hot. Files and bytes are those a reader needs.

    ``small_files`` counts those below the policy's size; ``oldest`` and ``newest`` are times of its rows;
    ``committed`` is when the version was.
    """

    version: int
    files: int
    rows: int
    bytes: int
    small_files: int
    hot_rows: int
    oldest: datetime | None
    newest: datetime | None
    committed: datetime | None


@dataclass(frozen=True, slots=True)
class Damage:
    """A file that isn't as the log says.

    ``loads`` are those whose rows are in it, with the names of the files they were loaded from where the
    registry knows them; empty when the log doesn't say.
    """

    table: str
    path: str
    what: str
    loads: tuple[tuple[str, str, str | None], ...]

    def error(self) -> DamagedFile:
        """It as an error."""
        said = [
            f"{file_name} (source {source!r}, epoch {epoch!r})" if file_name else f"{source}/{epoch}"
            for source, epoch, file_name in self.loads[:_NAMED]
        ]
        more = f" and {len(self.loads) - _NAMED} more" if len(self.loads) > _NAMED else ""
        holds = f" It holds rows of {', '.join(said)}{more}." if said else ""
        return DamagedFile(
            f"the file {self.path} of the lake table {self.table!r} {self.what}.{holds}",
            hint=_RESTORE if self.table in TABLES else _DERIVE_AGAIN.format(table=self.table),
        )


def status(lake: Lake) -> dict[str, TableStatus]:
    """The state of every table that has rows, hot or not."""
    found = {}
    with lake.settled():
        for name in lake.tables():
            table = lake.table(name)
            version, entries = table.entries()
            hot = sum(one.file.rows for one in lake.hot_now(name))
            if version < 0 and not hot:
                continue
            small = lake.policies.of(name).small_bytes
            oldest = [entry.time_min for entry in entries if entry.time_min is not None]
            newest = [entry.time_max for entry in entries if entry.time_max is not None]
            found[name] = TableStatus(
                version=version,
                files=len(entries),
                rows=sum(entry.rows for entry in entries),
                bytes=sum(entry.size for entry in entries),
                small_files=sum(entry.size < small for entry in entries),
                hot_rows=hot,
                oldest=min(oldest, default=None),
                newest=max(newest, default=None),
                committed=table.commit_at(version).moment if version >= 0 else None,
            )
    return found


@dataclass(frozen=True, slots=True)
class HotStatus:
    """What waits in the hot buffer for one table."""

    appends: int
    rows: int
    bytes: int


def hot_status(lake: Lake) -> dict[str, HotStatus]:
    """The appends that wait for a flush, by table."""
    waiting = {name: lake.hot.waiting(name) for name in lake.hot.tables()}
    return {
        name: HotStatus(len(files), sum(one.rows for one in files), sum(one.size for one in files))
        for name, files in waiting.items()
        if files
    }


def check(lake: Lake, *, deep: bool = False, tables: Iterable[str] | None = None) -> list[Damage]:
    """Every file of the newest versions that is missing or has another size.

    With ``deep`` every file is read: the checksum of each page and the number of rows are verified too.
    Derived tables are looked at too. Appends of the hot buffer are read in any case; a damaged one raises.

    Raises
    ------
    StoreError
        An append of the hot buffer is damaged.
    """
    found = []
    for name in [*lake.tables(), *lake.derived.names()] if tables is None else tables:
        table = table_named(lake, name)
        with lake.settled():
            if name in TABLES:
                lake.hot_now(name)
            _, entries = table.entries()
        found += [
            Damage(name, table.place.address(entry.path), what, _loads_in(lake, name, entry.path))
            for entry, what in _broken(table, entries, deep=deep)
        ]
    return found


def _broken(table: LakeTable, entries: Sequence[Entry], *, deep: bool) -> Iterator[tuple[Entry, str]]:
    place = table.place
    sizes = place.sizes(one.path for one in entries)
    for entry in entries:
        size = sizes.get(entry.path)
        if size is None:
            yield entry, "is missing"
        elif size != entry.size:
            yield entry, f"has {size:,} bytes where the log says {entry.size:,}"
        elif deep and (why := _unsound(place.address(entry.path), entry.rows)):
            yield entry, why


def _unsound(address: str, rows: int | None = None) -> str | None:
    """What is wrong inside a file; None when every page has its checksum and every row is there."""
    filesystem, (inside,) = located([address])
    try:
        with pq.ParquetFile(inside, filesystem=filesystem, page_checksum_verification=True) as file:
            read = sum(batch.num_rows for batch in file.iter_batches(_BATCH_ROWS))
    except FileNotFoundError:
        return "is missing"
    except (OSError, pa.ArrowException) as error:
        return f"is damaged ({' '.join(str(error).split())})"
    return f"has {read:,} rows where the log says {rows:,}" if rows is not None and read != rows else None


def damaged(lake: Lake, name: str, address: str, why: str) -> DamagedFile:
    """The error that says a file of a table is damaged."""
    path = lake.table(name).place.relative(address)
    what = f"is damaged ({' '.join(why.split())})"
    return Damage(name, address, what, _loads_in(lake, name, path)).error()


def cause_of(lake: Lake, error: Exception, snapshot: Snapshot) -> DamagedFile | None:
    """The damaged file that an engine's error on a snapshot comes from; None when it comes from elsewhere.

    Files that the error names are looked at first. Of the others each is read only where the error is one of
    reading files and names none.
    """
    text = str(error)
    named: list[tuple[str, str]] = []
    others: list[tuple[str, str]] = []
    for name, addresses in snapshot.files.items():
        if name not in lake.tables() and not is_derived(name):
            continue  # a derivation's own relation of some files of a table that is looked at as well
        place = table_named(lake, name).place
        for address in addresses:
            if is_remote(address) != is_remote(place.url):
                continue  # a copy of rows as of the past
            path = place.relative(address)
            (named if f"/{name}/{path}" in text else others).append((name, path))
    suspected = isinstance(error, OSError) or any(word in text for word in _OF_FILES)
    for name, path in [*named, *(others if suspected and not named else [])]:
        address = table_named(lake, name).place.address(path)
        why = _unsound(address)
        if why is not None:
            return Damage(name, address, why, _loads_in(lake, name, path)).error()
    return None


def _loads_in(lake: Lake, name: str, path: str) -> tuple[tuple[str, str, str | None], ...]:
    """The loads whose rows are in a file, by the log: nothing of the file itself is read."""
    if name not in TABLES:
        return ()
    known = {one.key: one.file_name for one in lake.registry.loads()}
    if not holds_many_loads(path):
        digest = path.rsplit("/", 1)[-1].split("-")[1]
        for key, file_name in known.items():
            if key.digest == digest:
                return ((key.source, key.epoch, file_name),)
    loads = _brought(lake, name, path, lake.table(name).version())
    return tuple((key.source, key.epoch, known.get(key)) for key in sorted(loads))


def _brought(lake: Lake, name: str, path: str, newest: int) -> set[LoadKey]:
    """The loads of the commit that brought a file, or of those that brought the files it was made from."""
    table = lake.table(name)
    loads: set[LoadKey] = set()
    wanted = {path}
    for version in range(newest, -1, -1):
        if not wanted:
            break
        commit = table.commit_at(version)
        brought = wanted & set(table.added_by(version))
        if brought:
            wanted -= brought
            loads |= {load for load in map(load_of, commit.transactions) if load is not None}
            wanted |= set(table.removed_by(version))
    return loads
