"""One Delta table of the lake: its log, its files, its commits."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Transaction
from deltalake.exceptions import CommitFailedError, DeltaError
from deltalake.schema import Field as DeltaField
from deltalake.schema import Schema as DeltaSchema
from deltalake.transaction import AddAction

from assay.model.errors import StoreError
from assay.store.keys import LoadKey
from assay.store.layout import DATE, StagedFile, plain
from assay.store.place import Place, sync

_ATTEMPTS = 20
_LONGEST_WAIT = 0.05
_FIRST_TRANSACTION = 1


class LakeTable:
    """Opens the log lazily and follows it; a table that was never written has no files and version -1."""

    def __init__(self, place: Place | Path) -> None:
        self.place = Place.of(place)
        self._options = self.place.storage_options()
        self._table: DeltaTable | None = None
        self._lock = threading.Lock()

    def _opened(self) -> DeltaTable | None:
        """The table at its newest version, or None when it was never written."""
        if self._table is None:
            directory = self.place.directory
            if directory is not None and not (directory / "_delta_log").is_dir():
                return None
            with self._reporting():
                self._table = self._read()
        else:
            with self._reporting():
                self._table.update_incremental()
        return self._table

    def _read(self, version: int | None = None) -> DeltaTable | None:
        try:
            return DeltaTable(self.place.url, version=version, storage_options=self._options)
        except DeltaError as error:
            if not DeltaTable.is_deltatable(self.place.url, self._options):
                return None
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

    def committed(self, load: LoadKey) -> bool:
        """Whether the load's transaction is in the log."""
        with self._lock:
            return self._opened_has(load)

    def _opened_has(self, load: LoadKey) -> bool:
        table = self._opened()
        return table is not None and table.transaction_version(load.transaction) is not None

    def commit(self, files: Sequence[StagedFile], schema: pa.Schema, load: LoadKey) -> bool:
        """Name the files in the log; False when the load's transaction is already there.

        The transaction id is checked on the very snapshot the commit is made against, and the log refuses a
        commit whose snapshot has become stale in that respect: the load is in the table exactly once.

        Raises
        ------
        StoreError
            A staged file is gone, or the log can't be written.
        """
        with self._lock:
            if self._opened_has(load):
                return False
            there = self.place.sizes(file.path for file in files)
            gone = next((file.path for file in files if file.path not in there), None)
            if gone is not None:
                raise StoreError(
                    f"the staged file {self.place.address(gone)} of the load {load.transaction!r} is gone",
                    hint="Run the load again. If the plant can't be read for this reason, remove the note of "
                    "that load in spool/commits first.",
                )
            return self._again(lambda: self._commit(files, schema, load))

    def _commit(self, files: Sequence[StagedFile], schema: pa.Schema, load: LoadKey) -> bool:
        table = self._opened()
        before = -1 if table is None else table.version()
        table = table or self._created(schema)
        if table.transaction_version(load.transaction) is not None:
            return False
        table = self._widened(table, schema)
        table.create_write_transaction(
            [_action(file, "time" in schema.names) for file in files],
            mode="append",
            schema=table.schema(),
            partition_by=[DATE.name],
            commit_properties=CommitProperties(
                app_transactions=[Transaction(load.transaction, _FIRST_TRANSACTION)]
            ),
        )
        table.update_incremental()
        self._sync_log(range(before + 1, table.version() + 1))
        return True

    def _created(self, schema: pa.Schema) -> DeltaTable:
        directory = self.place.directory
        if directory is not None:
            directory.mkdir(parents=True, exist_ok=True)
        self._table = DeltaTable.create(
            self.place.url,
            pa.schema([*plain(schema), DATE]),
            mode="ignore",
            partition_by=[DATE.name],
            # The log is evidence: which load brought which files, when. It is never cut.
            configuration={"delta.appendOnly": "true", "delta.enableExpiredLogCleanup": "false"},
            storage_options=self._options,
        )
        if directory is not None:
            sync(directory.parent)
        return self._table

    def _widened(self, table: DeltaTable, schema: pa.Schema) -> DeltaTable:
        """Add the columns that the files have and the table does not."""
        known = {field.name for field in table.schema().fields}
        wanted = DeltaSchema.from_arrow(plain(schema)).fields
        missing = [DeltaField(one.name, one.type, nullable=True) for one in wanted if one.name not in known]
        if missing:
            table.alter.add_columns(missing)
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


def _action(file: StagedFile, timed: bool) -> AddAction:
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
        data_change=True,
        stats=json.dumps(stats),
    )


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
