"""One Delta table of the lake: its log, its files, its commits."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Transaction
from deltalake.exceptions import CommitFailedError, DeltaError
from deltalake.schema import Field as DeltaField
from deltalake.schema import Schema as DeltaSchema
from deltalake.transaction import AddAction, RemoveAction

from assay.model.errors import StoreError
from assay.store.keys import LoadKey, Stretch
from assay.store.layout import DATE, StagedFile, plain
from assay.store.log import ALL_ROWS, MOMENT, REWRITE, Commit, Entry, read_commit, read_entries
from assay.store.place import Place, sync

_ATTEMPTS = 20
_LONGEST_WAIT = 0.05
_WHOLE = 1
_BEYOND = 2
"""The version of a load's transaction: 1 when all of it came at once; otherwise two more than the greatest
``seq`` that is in the table, so that one entry stands for every append of the load."""
_APPEND_ONLY = "delta.appendOnly"


class LakeTable:
    """Opens the log lazily and follows it; a table that was never written has no files and version -1."""

    def __init__(self, place: Place | Path) -> None:
        self.place = Place.of(place)
        self._options = self.place.storage_options()
        self._table: DeltaTable | None = None
        self._lock = threading.Lock()
        self._commits: dict[int, Commit] = {}
        self._known: tuple[int, dict[str, int]] = (-1, {})

    def _opened(self) -> DeltaTable | None:
        """The table at its newest version, or None when it was never written."""
        if self._table is None:
            directory = self.place.directory
            if directory is not None and not (directory / "_delta_log").is_dir():
                return None
            with self._reporting():
                self._table = self._read()
        elif self._behind(self._table.version()):
            with self._reporting():
                self._table.update_incremental()
        return self._table

    def _behind(self, version: int) -> bool:
        """Whether the log may have a version after this one; a directory tells it for the price of a look.

        Where this version's own entry was cleared away, the next ones may have been too.
        """
        directory = self.place.directory
        if directory is None:
            return True
        log = directory / "_delta_log"
        return (log / f"{version + 1:020}.json").exists() or not (log / f"{version:020}.json").exists()

    def _read(self, version: int | None = None) -> DeltaTable | None:
        try:
            return DeltaTable(self.place.url, version=version, storage_options=self._options)
        except DeltaError as error:
            if not DeltaTable.is_deltatable(self.place.url, self._options):
                return None
            with suppress(DeltaError):  # it may have been made in between
                return DeltaTable(self.place.url, version=version, storage_options=self._options)
            raise StoreError(
                f"the log of the lake table {self.place.name!r} can't be read: {self.place.said(error)}",
                hint="Restore the plant from a backup, or repair the directory _delta_log.",
            ) from self._cause(error)

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        """Failures of a bucket become errors that name it; the log's own go on as they are."""
        try:
            yield
        except OSError as error:
            raise self.place.failure(error, "can't be read") from self._cause(error)

    def _cause(self, error: BaseException) -> BaseException | None:
        """What an error may be raised from: a bucket's own words may hold keys."""
        return error if self._options is None else None

    def version(self) -> int:
        """The newest version, -1 for a table that was never written."""
        with self._lock:
            table = self._opened()
            return -1 if table is None else table.version()

    def stamp(self) -> tuple[str, int]:
        """The id that the table was made with, "" before, and its newest version."""
        with self._lock:
            table = self._opened()
            return ("", -1) if table is None else (str(table.metadata().id), table.version())

    def files(
        self, version: int | None = None, between: tuple[date, date] | None = None
    ) -> tuple[int, list[str]]:
        """The pinned version and the absolute paths, or URLs, of its files, ordered by name.

        ``between`` leaves out the partitions outside the two dates (both included).
        """
        with self._lock:
            table = self._opened()
            if table is None or version == -1:
                return -1, []
            if version is not None and version != table.version():
                with self._reporting():
                    table = DeltaTable(self.place.url, version=version, storage_options=self._options)
            pruned: list[tuple[str, str, Any]] | None = None
            if between is not None:
                pruned = [("date", ">=", between[0]), ("date", "<=", between[1])]
            uris = table.file_uris(file_pruning_predicate=pruned)
            return table.version(), sorted(unquote(uri) for uri in uris)  # they come percent-encoded

    def entries(self, version: int | None = None) -> tuple[int, list[Entry]]:
        """The pinned version and its files with their sizes, rows and times, ordered by path."""
        with self._lock:
            table = self._opened()
            if table is None or version == -1:
                return -1, []
            if version is not None and version != table.version():
                with self._reporting():
                    table = DeltaTable(self.place.url, version=version, storage_options=self._options)
            found = read_entries(table.get_add_actions())
            return table.version(), sorted(found, key=lambda one: one.path)

    def commit_at(self, version: int) -> Commit:
        """Who committed a version, and when."""
        if version not in self._commits:
            self._commits[version] = read_commit(version, self._actions(version))
        return self._commits[version]

    def added_by(self, version: int) -> list[str]:
        """The paths of the files that a version brought."""
        return [unquote(one["add"]["path"]) for one in self._actions(version) if "add" in one]

    def removed_by(self, version: int) -> list[str]:
        """The paths of the files that a version took away."""
        return [unquote(one["remove"]["path"]) for one in self._actions(version) if "remove" in one]

    def _actions(self, version: int) -> list[dict[str, Any]]:
        with self.place.reading(f"_delta_log/{version:020}.json") as file:
            return [json.loads(line) for line in file.read().splitlines() if line.strip()]

    def committed(self, load: LoadKey) -> bool:
        """Whether the load's transaction is in the log."""
        return self.reached([load])[load] >= 0

    def reached(self, loads: Iterable[LoadKey]) -> dict[LoadKey, int]:
        """The ``seq`` up to which each load is in the table: −1 for none of it, ``ALL_ROWS`` for all."""
        with self._lock:
            table = self._opened()
            return {load: self._reached(table, load) for load in loads}

    def _reached(self, table: DeltaTable | None, load: LoadKey) -> int:
        """The same, of the table as it is; what the log said is remembered until there is a newer version."""
        if table is None:
            return -1
        if self._known[0] != table.version():
            self._known = (table.version(), {})
        known = self._known[1]
        if load.transaction not in known:
            version = table.transaction_version(load.transaction)
            known[load.transaction] = (
                -1 if version is None else ALL_ROWS if version == _WHOLE else version - _BEYOND
            )
        return known[load.transaction]

    def _any_there(self, table: DeltaTable | None, brought: Iterable[LoadKey | Stretch]) -> bool:
        return any(
            self._reached(table, _load_of(one)) >= (one.first if isinstance(one, Stretch) else 0)
            for one in brought
        )

    def commit(
        self,
        files: Sequence[StagedFile],
        schema: pa.Schema,
        *brought: LoadKey | Stretch,
        facts: Mapping[str, Any] | None = None,
    ) -> bool:
        """Name the files in the log; False when rows of what they bring are already there.

        They bring whole loads, or stretches of loads that come in the order of ``seq``. The transaction ids
        are checked on the very snapshot the commit is made against, and the log refuses a commit whose
        snapshot has become stale in that respect: a row is in the table exactly once. ``facts`` are written
        down with the commit; see :mod:`assay.store.log`.

        Raises
        ------
        StoreError
            A staged file is gone, or the log can't be written.
        """
        with self._lock:
            if self._any_there(self._opened(), brought):
                return False
            there = self.place.sizes(file.path for file in files)
            gone = next((file.path for file in files if file.path not in there), None)
            if gone is not None:
                raise StoreError(
                    f"the staged file {self.place.address(gone)} "
                    f"of the load {_load_of(brought[0]).transaction!r} is gone",
                    hint="Run the load again. If the plant can't be read for this reason, remove the note of "
                    "that load in spool/commits first.",
                )
            return self._again(lambda: self._commit(files, schema, brought, facts or {}))

    def _commit(
        self,
        files: Sequence[StagedFile],
        schema: pa.Schema,
        brought: Sequence[LoadKey | Stretch],
        facts: Mapping[str, Any],
    ) -> bool:
        table = self._opened()
        before = -1 if table is None else table.version()
        table = table or self._created(schema, facts)
        if self._any_there(table, brought):
            return False
        table = self._widened(table, schema, facts)
        self._write(
            table,
            [_action(file, "time" in schema.names) for file in files],
            _transactions(brought),
            facts,
            since=before,
        )
        return True

    def rewrite(
        self,
        files: Sequence[StagedFile],
        replaced: Sequence[str],
        schema: pa.Schema,
        facts: Mapping[str, Any],
        *,
        same_rows: bool = True,
    ) -> bool:
        """Put files in the place of others; False when one of those is not there.

        They hold the same rows, unless ``same_rows`` is false: the table is append-only, which is lifted for
        that commit and put back, and the log shows all of it. The log itself would let two rewrites take the
        same file away, and its rows would be there twice: so the files are looked up here, and every rewrite
        carries one and the same transaction, which the log refuses to a commit that another one overtook.

        Raises
        ------
        StoreError
            The log can't be written.
        """

        def attempt() -> bool:
            if same_rows:
                return self._rewrite(files, replaced, schema, facts, same_rows=True)
            self._set_append_only(False, facts)
            try:
                return self._rewrite(files, replaced, schema, facts, same_rows=False)
            finally:
                self._set_append_only(True, facts)

        with self._lock:
            return self._again(attempt)

    def retire(self, paths: Sequence[str], schema: pa.Schema, facts: Mapping[str, Any]) -> bool:
        """Take files and their rows out of the table; False when one of them is not there."""
        return self.rewrite([], paths, schema, facts, same_rows=False)

    def _set_append_only(self, on: bool, facts: Mapping[str, Any]) -> None:
        table = self._opened()
        wanted = str(on).lower()
        if table is None or table.metadata().configuration.get(_APPEND_ONLY) == wanted:
            return
        before = table.version()
        table.alter.set_table_properties(
            {_APPEND_ONLY: wanted}, commit_properties=CommitProperties(custom_metadata=_moment_of(facts))
        )
        table.update_incremental()
        self._sync_log(range(before + 1, table.version() + 1))

    def _rewrite(
        self,
        files: Sequence[StagedFile],
        replaced: Sequence[str],
        schema: pa.Schema,
        facts: Mapping[str, Any],
        *,
        same_rows: bool,
    ) -> bool:
        table = self._opened()
        if table is None:
            return False
        found = {one.path: one for one in read_entries(table.get_add_actions())}
        if not found.keys() >= set(replaced):
            return False
        actions: list[AddAction | RemoveAction] = [
            _action(file, "time" in schema.names, data_change=not same_rows) for file in files
        ]
        at = facts[MOMENT] // 1000
        actions += [
            RemoveAction(
                path=path,
                data_change=not same_rows,
                deletion_timestamp=at,
                size=found[path].size,
                partition_values={DATE.name: found[path].date.isoformat()},
            )
            for path in replaced
        ]
        before = table.version()
        count = (table.transaction_version(REWRITE) or 0) + 1
        table = self._widened(table, schema, facts)
        self._write(table, actions, [Transaction(REWRITE, count)], facts, since=before)
        return True

    def _write(
        self,
        table: DeltaTable,
        actions: list[AddAction | RemoveAction],
        transactions: list[Transaction],
        facts: Mapping[str, Any],
        *,
        since: int,
    ) -> None:
        table.create_write_transaction(
            actions,
            mode="append",
            schema=table.schema(),
            partition_by=[DATE.name],
            commit_properties=CommitProperties(
                app_transactions=transactions, custom_metadata=dict(facts) or None
            ),
        )
        table.update_incremental()
        self._sync_log(range(since + 1, table.version() + 1))

    def checkpoint(self, *, every: int = 1) -> bool:
        """Sum the log up in one file when there were at least so many commits since the last time."""
        with self._lock:
            table = self._opened()
            if table is None:
                return False
            last = max(self._checkpoints(), default=-1)
            if table.version() - last < every:
                return False
            with self._reporting():
                table.create_checkpoint()
            return True

    def _checkpoints(self) -> Iterator[int]:
        for found in self.place.files("_delta_log"):
            number, _, kind = found.path.rsplit("/", 1)[-1].partition(".")
            if kind.startswith("checkpoint") and number.isdigit():
                yield int(number)

    def _created(self, schema: pa.Schema, facts: Mapping[str, Any]) -> DeltaTable:
        directory = self.place.directory
        if directory is not None:
            directory.mkdir(parents=True, exist_ok=True)
        self._table = DeltaTable.create(
            self.place.url,
            pa.schema([*plain(schema), DATE]),
            mode="ignore",
            partition_by=[DATE.name],
            # The log is evidence: which load brought which files, when. It is never cut.
            configuration={_APPEND_ONLY: "true", "delta.enableExpiredLogCleanup": "false"},
            storage_options=self._options,
            commit_properties=CommitProperties(custom_metadata=_moment_of(facts)),
        )
        if directory is not None:
            sync(directory.parent)
        return self._table

    def _widened(self, table: DeltaTable, schema: pa.Schema, facts: Mapping[str, Any]) -> DeltaTable:
        """Add the columns that the files have and the table does not."""
        known = {field.name for field in table.schema().fields}
        wanted = DeltaSchema.from_arrow(plain(schema)).fields
        missing = [DeltaField(one.name, one.type, nullable=True) for one in wanted if one.name not in known]
        if missing:
            table.alter.add_columns(
                missing, commit_properties=CommitProperties(custom_metadata=_moment_of(facts))
            )
            table.update_incremental()
        return table

    def _sync_log(self, versions: range) -> None:
        self.place.durable(*(f"_delta_log/{version:020}.json" for version in versions))

    def _again(self, attempt: Callable[[], bool]) -> bool:
        """Repeat an attempt that another process's commit made void."""
        for left in reversed(range(_ATTEMPTS)):
            try:
                return attempt()
            except CommitFailedError as error:
                self._table = None
                if not left:
                    raise StoreError(
                        f"others commit to the lake table {self.place.name!r} all the time: "
                        f"{self.place.said(error)}",
                        hint="Run the load again.",
                    ) from self._cause(error)
                time.sleep(random.uniform(0, _LONGEST_WAIT))
            except (DeltaError, OSError) as error:
                if self._options is not None:
                    raise self.place.failure(error, "can't be committed to") from None
                raise StoreError(
                    f"the lake table {self.place.name!r} can't be committed to: {error}",
                    hint="Check free disk space and access rights, then run the load again.",
                ) from error
        raise AssertionError("unreachable")  # the last attempt returns or raises


def _load_of(brought: LoadKey | Stretch) -> LoadKey:
    return brought.load if isinstance(brought, Stretch) else brought


def _transactions(brought: Iterable[LoadKey | Stretch]) -> list[Transaction]:
    versions: dict[str, int] = {}
    for one in brought:
        name = _load_of(one).transaction
        version = one.last + _BEYOND if isinstance(one, Stretch) else _WHOLE
        versions[name] = max(version, versions.get(name, 0))
    return [Transaction(name, version) for name, version in versions.items()]


def _moment_of(facts: Mapping[str, Any]) -> dict[str, Any] | None:
    return {MOMENT: facts[MOMENT]} if MOMENT in facts else None


def _action(file: StagedFile, timed: bool, *, data_change: bool = True) -> AddAction:
    stats: dict[str, Any] = {"numRecords": file.rows}
    if timed:
        stats["nullCount"] = {"time": file.time_nulls}
        if file.time_min is not None and file.time_max is not None:
            stats["minValues"] = {"time": _stamp(file.time_min)}
            stats["maxValues"] = {"time": _stamp(file.time_max)}
    return AddAction(
        path=file.path,
        size=file.size,
        partition_values={DATE.name: file.date.isoformat()},
        # Fixed, so that the same load makes the same log entry.
        modification_time=0,
        data_change=data_change,
        stats=json.dumps(stats),
    )


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
