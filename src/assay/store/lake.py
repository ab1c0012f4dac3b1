"""The lake: records of the six kinds as Delta tables, append only."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from assay.model.entities import in_force
from assay.model.errors import QueryError, StoreError, did_you_mean
from assay.model.kinds import RecordKind
from assay.store.delta import LakeTable
from assay.store.derived import DerivedTables
from assay.store.keys import LoadKey
from assay.store.layout import (
    CORE_SCHEMAS,
    STORE_SCHEMAS,
    TABLES,
    StagedFile,
    load_prefix,
    plain,
    spill_directory,
    table_of,
)
from assay.store.locks import locked
from assay.store.place import Place, is_remote, sync
from assay.store.reading import parquet_dataset
from assay.store.registry import Registry, now
from assay.store.snapshot import Snapshot
from assay.store.staging import StagedWriter
from assay.store.views import create_entity_table, create_views, entity_table, entity_views, literal

Kind = RecordKind | str


class Lake:
    """The plant's records. Rows enter by :meth:`stage` and :meth:`commit_load`; readers use SQL."""

    def __init__(self, place: Place | Path | str, registry: Registry, spool: Path) -> None:
        self.place = Place.of(place)
        self._registry = registry
        self._spool = spool
        self._intents = spool / "commits"
        self._commit_lock = spool / "commit.lock"
        self._tables = {name: LakeTable(self.place / name) for name in TABLES}
        self.derived = DerivedTables(self.place)

    @property
    def directory(self) -> Path:
        """The directory of a lake that lies in one.

        Raises
        ------
        StoreError
            The lake lies in a bucket.
        """
        if self.place.directory is None:
            raise StoreError(f"the lake {self.place} is not a directory")
        return self.place.directory

    # -- schemas and files ------------------------------------------------------------------------

    def schema(self, kind: Kind) -> pa.Schema:
        """The columns of a kind: the core, then the plant's own attributes in the order of declaration."""
        name = self._known(kind)
        core = CORE_SCHEMAS[name]
        if name in STORE_SCHEMAS:
            return core
        own = [attribute.field for attribute in self._registry.attributes(name)]
        return pa.schema([*core, *own], metadata=core.metadata)

    def version(self, kind: Kind) -> int:
        """The newest version of a kind's table; -1 when nothing was ever committed."""
        with self._settled():
            return self._table(kind).version()

    def files(self, kind: Kind, *, version: int | None = None) -> list[str]:
        """The absolute paths, or URLs, of the files of a version (the newest without one)."""
        with self._settled():
            return self._table(kind).files(version)[1]

    @contextmanager
    def settled(self) -> Iterator[dict[str, int]]:
        """The newest version of every table, between two loads: nothing is committed while this is held."""
        with self._settled():
            yield {name: table.version() for name, table in self._tables.items()}

    def versions(self) -> dict[str, int]:
        """The newest version of every table, pinned between two loads: never half of one."""
        with self.settled() as versions:
            return versions

    # -- writing ----------------------------------------------------------------------------------

    def stage(self, kind: Kind, *, load: LoadKey, recorded: datetime) -> StagedWriter:
        """Begin to write a load's rows of one kind.

        What an earlier, interrupted attempt at the same load left is removed first. When the load's rows of
        this kind are part of the plant already, the writer checks rows and keeps none: its files would have
        the names of files that are being read. Files for a bucket are written beside the plant's locks, and
        go there before they are committed.
        """
        table, directory = self._table(kind), self._staging(self._known(kind))
        with self._settled():
            taken = table.committed(load)
        if not taken:
            for left in directory.glob(f"date=*/{load_prefix(load)}*.parquet"):
                left.unlink()
            shutil.rmtree(spill_directory(directory, load), ignore_errors=True)
            directory.mkdir(parents=True, exist_ok=True)
        return StagedWriter(directory, self.schema(kind), load, recorded, discard=taken)

    def staged_path(self, kind: Kind, file: StagedFile) -> Path:
        """Where a staged file lies until it is committed."""
        return self._staging(self._known(kind)) / file.path

    def _staging(self, name: str) -> Path:
        directory = self.place.directory
        return self._spool / "staged" / name if directory is None else directory / name

    def commit(self, kind: Kind, files: Sequence[StagedFile], *, load: LoadKey) -> bool:
        """Make staged files part of the plant; False when the load's rows of this kind already are."""
        return self.commit_load({table_of(kind): files}, load=load)

    def commit_load(self, staged: Mapping[Any, Sequence[StagedFile]], *, load: LoadKey) -> bool:
        """Make all kinds of a load part of the plant together; False when they all already are.

        Each kind is one Delta commit with the load's transaction id. What is to be committed is written down
        first: when the process dies between two kinds, whoever opens the lake next commits the rest, and no
        reader sees half a load.
        """
        plan = {self._known(kind): list(files) for kind, files in staged.items()}
        self._send(plan, load)
        with locked(self._commit_lock):
            self._recover()
            open_kinds = [name for name in plan if not self._tables[name].committed(load)]
            if not open_kinds:
                return False
            intent = self._intents / f"{load.digest}.json"
            if len(open_kinds) > 1:
                _write_intent(intent, load, {name: plan[name] for name in open_kinds})
            for name in open_kinds:
                self._tables[name].commit(plan[name], self.schema(name), load)
            intent.unlink(missing_ok=True)
            self._sent(plan)
        return True

    def _send(self, plan: Mapping[str, Sequence[StagedFile]], load: LoadKey) -> None:
        """Copy staged files into the bucket, under names that no commit knows yet."""
        if self.place.directory is not None:
            return
        for name, files in plan.items():
            if not self.committed(name, load):
                self._tables[name].place.take({file.path: self.staged_path(name, file) for file in files})

    def _sent(self, plan: Mapping[str, Sequence[StagedFile]]) -> None:
        """Remove the local copies of files that are committed in the bucket."""
        if self.place.directory is None:
            for name, files in plan.items():
                for file in files:
                    self.staged_path(name, file).unlink(missing_ok=True)

    def committed(self, kind: Kind, load: LoadKey) -> bool:
        """Whether the load's rows of this kind are part of the plant."""
        with self._settled():
            return self._table(kind).committed(load)

    @contextmanager
    def _settled(self) -> Iterator[None]:
        """No load is half committed while this is held; many readers may hold it."""
        while True:
            with locked(self._commit_lock, shared=True):
                if not self._pending():
                    yield
                    return
            with locked(self._commit_lock):
                self._recover()

    def _pending(self) -> list[Path]:
        return sorted(self._intents.glob("*.json")) if self._intents.is_dir() else []

    def _recover(self) -> None:
        """Commit what a process that died had begun to commit."""
        for path in self._pending():
            load, plan = _read_intent(path)
            for name, files in plan.items():
                self._tables[name].commit(files, self.schema(name), load)
            path.unlink()
            self._sent(plan)

    # -- reading ----------------------------------------------------------------------------------

    def hashes(
        self,
        kind: Kind,
        *,
        time_range: tuple[datetime, datetime] | None = None,
        exclude: LoadKey | None = None,
    ) -> pa.Table:
        """The columns ``key_hash`` and ``content_hash`` of the rows of a kind.

        ``time_range`` leaves out the date partitions outside it (rows without an event time lie in the
        partition of the day they were recorded); ``exclude`` leaves out the rows of one load.
        """
        between = None
        if time_range is not None:
            between = (_utc_date(time_range[0]), _utc_date(time_range[1]))
        with self._settled():
            _, files = self._table(kind).files(between=between)
        if exclude is not None:
            prefix = load_prefix(exclude)
            files = [path for path in files if not path.rsplit("/", 1)[-1].startswith(prefix)]
        schema = pa.schema(
            [pa.field(name, pa.int64(), nullable=False) for name in ("key_hash", "content_hash")]
        )
        with self.place.reporting("can't be read"):
            return parquet_dataset(files, schema).to_table()

    def snapshot(self) -> Snapshot:
        """The plant as it is now, pinned: the files of every table, and the master data."""
        # Derived tables first: they never know more than the records.
        derived = self.derived.pinned()
        with self._settled():
            pinned = {name: table.files() for name, table in self._tables.items()}
        moment = now()
        return Snapshot(
            versions={name: version for name, (version, _) in pinned.items()}
            | {name: version for name, (version, _, _) in derived.items()},
            files={name: tuple(files) for name, (_, files) in pinned.items()}
            | {name: files for name, (_, files, _) in derived.items()},
            schemas={name: plain(self.schema(name)) for name in pinned}
            | {name: schema for name, (_, _, schema) in derived.items()},
            master=self._master(moment),
            moment=moment,
        )

    def lineage(self) -> pa.Table:
        """What each version of a derived table was made from: one row per version and input, newest first."""
        return self.derived.lineage_table()

    def _master(self, moment: datetime) -> dict[str, pa.Table]:
        declared = self._registry.entity_attributes()
        master = {}
        for kind in entity_views(self._registry.entity_kinds()):
            rows = self._registry.entities(kind)
            current = frozenset(
                i for i, row in enumerate(rows) if in_force(row["valid_from"], row["valid_to"], moment)
            )
            extra = [attribute for attribute in declared if attribute.kind == kind]
            master[kind] = entity_table(kind, rows, extra, current)
        return master

    def connect(
        self,
        snapshot: Snapshot | None = None,
        *,
        memory_limit: str | None = None,
        scratch_limit: str | None = None,
        threads: int | None = None,
        lineage: bool = False,
    ) -> duckdb.DuckDBPyConnection:
        """A DuckDB connection in memory with the plant's views of ``snapshot``; of now without one.

        It reads the plant's files and no others: file access and settings are locked. Temporary tables may be
        made; they vanish with the connection. Times are in UTC. Files in a bucket are read through datasets
        of Arrow, which take over filters and read only the row groups that can match. With ``lineage`` there
        is a relation of that name: what each version of a derived table was made from.
        """
        pinned = snapshot or self.snapshot()
        scratch = self._spool / "scratch"
        connection = duckdb.connect(
            ":memory:",
            config={
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                "python_enable_replacements": "false",
                "temp_directory": str(scratch),
                **({"memory_limit": memory_limit} if memory_limit else {}),
                **({"max_temp_directory_size": scratch_limit} if scratch_limit else {}),
                **({"threads": str(threads)} if threads else {}),
            },
        )
        try:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute("SET parquet_metadata_cache = true")
            create_views(connection, pinned)
            if lineage:
                create_entity_table(connection, "lineage", self.lineage())
            paths = [path for files in pinned.files.values() for path in files if not is_remote(path)]
            connection.execute(f"SET allowed_paths = [{', '.join(map(literal, paths))}]")
            connection.execute("SET enable_external_access = false")
            connection.execute("SET lock_configuration = true")
        except BaseException:
            connection.close()
            raise
        return connection

    def query(
        self, sql: str, params: Sequence[Any] | Mapping[str, Any] | None = None, *, read_only: bool = True
    ) -> pa.Table:
        """The result of one reading SQL statement.

        With ``read_only=False`` the statement may also make temporary objects in its own memory; the plant
        can't be written by SQL either way.

        Raises
        ------
        QueryError
            The statement is not a single reading one, or it fails.
        """
        with ExitStack() as stack:
            # Reading every derived table's log takes a while, and few statements ask for it.
            connection = stack.enter_context(self.connect(lineage="lineage" in sql.lower()))
            if read_only:
                # sqlglot takes a while to import, and most openings of a plant run no SQL of people.
                from assay.store.guard import check_read_only

                check_read_only(sql, connection)
            try:
                return connection.execute(sql, params).to_arrow_table()
            except duckdb.Error as error:
                raise _query_error(error) from error

    # -- names ------------------------------------------------------------------------------------

    def _known(self, kind: Kind) -> str:
        name = table_of(kind)
        if name not in self._tables:
            raise StoreError(
                f"the lake has no table {name!r}",
                hint=did_you_mean(name, list(TABLES)) or f"Tables: {', '.join(TABLES)}.",
            )
        return name

    def _table(self, kind: Kind) -> LakeTable:
        return self._tables[self._known(kind)]


def _utc_date(moment: datetime) -> date:
    return moment.astimezone(UTC).date()


def _write_intent(path: Path, load: LoadKey, plan: Mapping[str, Sequence[StagedFile]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {
        "source": load.source,
        "epoch": load.epoch,
        "kinds": {name: [asdict(file) for file in files] for name, files in plan.items()},
    }
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(document, default=lambda value: value.isoformat()), encoding="utf-8")
    sync(unfinished)
    unfinished.replace(path)
    sync(path.parent)


def _read_intent(path: Path) -> tuple[LoadKey, dict[str, list[StagedFile]]]:
    document = json.loads(path.read_text(encoding="utf-8"))
    moments = ("time_min", "time_max")
    plan = {
        name: [
            StagedFile(
                **file
                | {"date": date.fromisoformat(file["date"])}
                | {key: file[key] and datetime.fromisoformat(file[key]) for key in moments}
            )
            for file in files
        ]
        for name, files in document["kinds"].items()
    }
    return LoadKey(document["source"], document["epoch"]), plan


def _query_error(error: duckdb.Error) -> QueryError:
    text = str(error).strip()
    if isinstance(error, duckdb.PermissionException):
        return QueryError(
            f"SQL here reads the plant's tables and no files: {text.splitlines()[0]}",
            hint="SHOW TABLES lists what can be read.",
        )
    return QueryError(
        f"the SQL can't be run: {text}", hint="SHOW TABLES and DESCRIBE name tables and columns."
    )
