"""The lake: records of the six kinds as Delta tables, append only."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from assay.model.errors import StoreError, did_you_mean
from assay.model.kinds import RecordKind
from assay.store.delta import LakeTable
from assay.store.derived import DerivedTables
from assay.store.digests import Digests
from assay.store.hot import HotBuffer, HotRows, hot_table
from assay.store.intents import pending, read_intent, write_intent
from assay.store.keys import LoadKey
from assay.store.layout import (
    CORE_SCHEMAS,
    MANY,
    STORE_SCHEMAS,
    TABLES,
    StagedFile,
    load_prefix,
    plain,
    spill_directory,
    table_of,
)
from assay.store.locks import locked
from assay.store.log import APPENDED, HOT_PENDING, MOMENT, REASON, RETIRED, UNTIL
from assay.store.people import People
from assay.store.place import Place, is_remote
from assay.store.policies import DEFAULT_POLICIES, LakePolicies
from assay.store.registry import Registry, now
from assay.store.remains import Remains
from assay.store.scratch import scratch
from assay.store.snapshot import Refused, Snapshot
from assay.store.staging import StagedWriter
from assay.store.tables import from_microseconds, to_microseconds
from assay.store.views import copy_table, create_views, literal, master_tables, query_error

Kind = RecordKind | str


class Lake:
    """The plant's records. Rows enter by :meth:`stage` and :meth:`commit_load`; readers use SQL."""

    def __init__(
        self,
        place: Place | Path | str,
        registry: Registry,
        spool: Path,
        policies: LakePolicies = DEFAULT_POLICIES,
    ) -> None:
        self.place = Place.of(place)
        self.policies = policies
        self.spool = spool
        self.registry = registry
        self._intents = spool / "commits"
        self._commit_lock = spool / "commit.lock"
        self._tables = {name: LakeTable(self.place / name) for name in TABLES}
        self.derived = DerivedTables(self.place)
        self.hot = HotBuffer(self, spool / "hot", policies.hot)
        self.after_commit: Callable[[], None] | None = None
        """Called when rows became part of the plant, or left it."""
        self.relations: dict[str, Callable[[], pa.Table]] = {"lineage": self.derived.lineage_table}
        """What SQL can ask for beside the tables; each is made only for a statement that names it."""
        self.digests = Digests()
        self.people: People | None = None
        """Who stands for which random id, where people are recorded by such ids only."""

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
        name = self.known(kind)
        return self.schemas([name])[name]

    def schemas(self, names: Iterable[str]) -> dict[str, pa.Schema]:
        """The columns of several tables, for one look at the plant's own attributes."""
        declared = self.registry.attributes()
        found = {}
        for name in names:
            core = CORE_SCHEMAS[name]
            own = [] if name in STORE_SCHEMAS else [one.field for one in declared if one.kind == name]
            found[name] = pa.schema([*core, *own], metadata=core.metadata) if own else core
        return found

    def version(self, kind: Kind) -> int:
        """The newest version of a kind's table; -1 when nothing was ever committed."""
        with self._settled():
            return self.table(kind).version()

    def is_empty(self, kind: Kind) -> bool:
        """Whether there never was a row of this kind, neither hot nor committed."""
        name = self.known(kind)
        with self._settled():
            return self._tables[name].version() < 0 and not self.hot.waiting(name)

    def files(self, kind: Kind, *, version: int | None = None) -> list[str]:
        """The absolute paths, or URLs, of the files of a version (the newest without one)."""
        with self._settled():
            return self.table(kind).files(version)[1]

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
        table, directory = self.table(kind), self.staging(self.known(kind))
        with self._settled():
            taken = table.committed(load)
        if not taken:
            for left in directory.glob(f"date=*/{load_prefix(load)}*.parquet"):
                left.unlink()
            shutil.rmtree(spill_directory(directory, load), ignore_errors=True)
            directory.mkdir(parents=True, exist_ok=True)
        name = self.known(kind)
        return StagedWriter(
            directory,
            self.schema(kind),
            load,
            recorded,
            discard=taken,
            people=self.people,
            digester=None if self.after_commit is None or taken else self.digests.digester(),
            digested=partial(self.digests.keep, name),
        )

    def staged_path(self, kind: Kind, file: StagedFile) -> Path:
        """Where a staged file lies until it is committed."""
        return self.staging(self.known(kind)) / file.path

    def staging(self, name: str) -> Path:
        """The directory into which files of a table are written before they are committed."""
        directory = self.place.directory
        return self.spool / "staged" / name if directory is None else directory / name

    def commit(self, kind: Kind, files: Sequence[StagedFile], *, load: LoadKey) -> bool:
        """Make staged files part of the plant; False when the load's rows of this kind already are."""
        return self.commit_load({table_of(kind): files}, load=load)

    def commit_load(self, staged: Mapping[Any, Sequence[StagedFile]], *, load: LoadKey) -> bool:
        """Make all kinds of a load part of the plant together; False when they all already are.

        Each kind is one Delta commit with the load's transaction id. What is to be committed is written down
        first: when the process dies between two kinds, whoever opens the lake next commits the rest, and no
        reader sees half a load.
        """
        plan = {self.known(kind): list(files) for kind, files in staged.items()}
        self._send(plan, load)
        with locked(self._commit_lock):
            self._recover()
            open_kinds = [name for name in plan if not self._tables[name].committed(load)]
            if not open_kinds:
                return False
            intent = self._intents / f"{load.digest}.json"
            facts = self._facts(open_kinds)
            if len(open_kinds) > 1:
                write_intent(intent, load, {name: plan[name] for name in open_kinds}, facts)
            for name in open_kinds:
                self._tables[name].commit(plan[name], self.schema(name), load, facts=facts[name])
            intent.unlink(missing_ok=True)
            self._sent(plan)
        self._changed()
        return True

    def _changed(self) -> None:
        if self.after_commit is not None:
            self.after_commit()

    def _facts(self, names: Iterable[str]) -> dict[str, dict[str, Any]]:
        """What is noted with the commits of one load: the moment, the same in all and after older ones."""
        tables = {name: self._tables[name] for name in names}
        still = {name: self.hot.standstill(name) for name in tables}
        moment = max(
            [to_microseconds(now())]
            + [
                to_microseconds(table.commit_at(version).moment) + 1
                for table in tables.values()
                if (version := table.version()) >= 0
            ]
        )
        return {name: {MOMENT: moment, HOT_PENDING: bool(files)} for name, (_, files) in still.items()}

    def _send(self, plan: Mapping[str, Sequence[StagedFile]], load: LoadKey | None = None) -> None:
        """Copy staged files into the bucket, under names that no commit knows yet."""
        if self.place.directory is not None:
            return
        for name, files in plan.items():
            if load is None or not self.committed(name, load):
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
            return self.table(kind).committed(load)

    @contextmanager
    def _settled(self) -> Iterator[None]:
        """No load is half committed while this is held; many readers may hold it."""
        while True:
            with locked(self._commit_lock, shared=True):
                if not pending(self._intents):
                    yield
                    return
            with locked(self._commit_lock):
                self._recover()

    def _recover(self) -> None:
        """Commit what a process that died had begun to commit."""
        for path in pending(self._intents):
            load, plan, facts = read_intent(path)
            for name, files in plan.items():
                self._tables[name].commit(files, self.schema(name), load, facts=facts.get(name))
            path.unlink()
            self._sent(plan)

    # -- upkeep -----------------------------------------------------------------------------------

    def remains(self, owner: str, kind: Kind) -> Remains:
        """The notes of what ``owner`` is writing for a table; hold the owner's lock to use them."""
        name = self.known(kind)
        return Remains(self.spool / "remains", owner, self._tables[name], self.staging(name))

    def commit_hot(self, kind: Kind, appends: Sequence[HotRows], *, until: datetime) -> int:
        """Make appends of the hot buffer part of their table, and remove them there; returns their rows.

        ``until`` is a moment by which no other append was acknowledged. What is committed already, by a flush
        that was killed, is only removed. Call it with the buffer's lock held.
        """
        name = self.known(kind)
        table, schema = self._tables[name], self.schema(name)
        with self._settled():
            reached = table.reached(one.load for one in appends)
            fresh = [one for one in appends if one.file.last > reached[one.load]]
        if not fresh:
            with locked(self._commit_lock):
                self.hot.forget(one.file for one in appends)
            return sum(one.file.rows for one in appends)
        said = sorted(f"{one.load.transaction} {one.file.first} {one.file.last}" for one in fresh)
        digest = hashlib.sha256("\n".join(said).encode())
        key = LoadKey("assay.hot", digest.hexdigest())
        with self.remains("flush", name).noted(key):
            recorded = from_microseconds(fresh[0].rows.column("recorded")[0].value)
            with StagedWriter(self.staging(name), schema, key, recorded, begins=MANY) as writer:
                for one in fresh:
                    writer.write(one.rows)
                files = writer.finish()
            self._send({name: files})
            with locked(self._commit_lock):
                self._recover()
                facts = self._facts([name])[name]
                facts |= {
                    UNTIL: to_microseconds(until),
                    APPENDED: [
                        (one.load.transaction, one.file.first, one.file.last, one.file.moment)
                        for one in fresh
                    ],
                }
                if not table.commit(files, schema, *(one.stretch for one in fresh), facts=facts):
                    return 0  # a load brought the same rows meanwhile; the next turn leaves them out
                self.hot.forget(one.file for one in appends)
        self._sent({name: files})
        self._changed()
        return sum(one.file.rows for one in appends)

    def commit_rewrite(
        self, kind: Kind, files: Sequence[StagedFile], replaced: Sequence[str], *, erasing: bool = False
    ) -> bool:
        """Put files in the place of those that hold the same rows; False when one of those was replaced.

        With ``erasing`` rows of them are left out, or differ; the log of the table says so.
        """
        name = self.known(kind)
        table = self._tables[name]
        self._send({name: files})
        with locked(self._commit_lock):
            self._recover()
            facts = self._facts([name])[name] | {REASON: "erasure" if erasing else "compaction"}
            done = table.rewrite(files, replaced, self.schema(name), facts, same_rows=not erasing)
        self._sent({name: files})
        if erasing:
            self._changed()
        return done

    def retire(self, kind: Kind, paths: Sequence[str], before: date, reason: str) -> bool:
        """Take files of dates before ``before`` out of a table; the log says when, which, and why."""
        name = self.known(kind)
        with locked(self._commit_lock):
            self._recover()
            facts = self._facts([name])[name] | {RETIRED: before.isoformat(), REASON: reason}
            done = self._tables[name].retire(paths, self.schema(name), facts)
        self._changed()
        return done

    # -- reading ----------------------------------------------------------------------------------

    def hot_rows(self, kind: Kind) -> list[HotRows]:
        """The appends of a table that wait for a flush, oldest first."""
        name = self.known(kind)
        with self._settled():
            return self.hot_now(name)

    def hot_now(self, name: str) -> list[HotRows]:
        """The same, with the lake held settled by the caller."""
        table = self._tables[name]
        if not self.hot.waiting(name):
            return []
        appends = self.hot.rows(name)
        reached = table.reached(one.load for one in appends)
        return [one for one in appends if one.file.last > reached[one.load]]

    def mark(self, *kinds: Kind) -> tuple[Any, ...]:
        """Something that changes when rows of these tables (all without names) arrive, hot or committed.

        Cheap, to be compared only. A plant made anew in the same place has another one.
        """
        names = [self.known(kind) for kind in kinds] or self.tables()
        with self._settled():
            return (*((name, *self._tables[name].stamp()) for name in names), *self.hot.mark(names))

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
        from assay.store.row_hashes import hashes

        return hashes(self, self.known(kind), time_range=time_range, exclude=exclude)

    def snapshot(
        self,
        *,
        as_of: datetime | None = None,
        versions: Mapping[str, int] | None = None,
        moment: datetime | None = None,
    ) -> Snapshot:
        """The plant pinned: the files of every table, what is hot, and the master data.

        Without more, as it is now. With ``as_of`` as it was known then: the rows of loads that were
        committed, and of appends that were acknowledged, at or before that moment; see
        :mod:`assay.store.timetravel`. With ``versions`` (and ``moment``, for the master data) as an
        earlier snapshot of these versions was, without what was hot.

        Raises
        ------
        QueryError
            ``as_of`` has no time zone, or lies in the future.
        StoreError
            What it was then can't be shown any more.
        """
        if as_of is not None:
            from assay.store.timetravel import pinned_as_of

            return pinned_as_of(self, as_of)
        if versions is not None:
            from assay.store.timetravel import pinned_again

            return pinned_again(self, versions, moment or now())
        # Derived tables first: they never know more than the records.
        derived = self.derived.pinned()
        hot = {}
        with self._settled():
            pinned = {name: table.files() for name, table in self._tables.items()}
            for name in self.hot.tables():
                if rows := self.hot_now(name):
                    hot[name] = hot_table(rows, self.schema(name))
        return self.pinned(
            {name: version for name, (version, _) in pinned.items()},
            {name: files for name, (_, files) in pinned.items()},
            derived,
            hot=hot,
            moment=moment or now(),
        )

    def pinned(
        self,
        versions: Mapping[str, int],
        files: Mapping[str, Sequence[str]],
        derived: Mapping[str, tuple[int, Sequence[str], pa.Schema]],
        *,
        hot: Mapping[str, pa.Table],
        moment: datetime,
        refused: Mapping[str, Refused] | None = None,
    ) -> Snapshot:
        """A snapshot of these files and rows, with the master data of a moment."""
        return Snapshot(
            versions={**versions, **{name: version for name, (version, _, _) in derived.items()}},
            files={name: tuple(paths) for name, paths in files.items()}
            | {name: tuple(paths) for name, (_, paths, _) in derived.items()},
            schemas={name: plain(schema) for name, schema in self.schemas(files).items()}
            | {name: schema for name, (_, _, schema) in derived.items()},
            master=master_tables(self.registry, moment),
            moment=moment,
            hot=hot,
            refused=refused or {},
        )

    def connect(
        self,
        snapshot: Snapshot | None = None,
        *,
        memory_limit: str | None = None,
        scratch_limit: str | None = None,
        threads: int | None = None,
        relations: Iterable[str] = (),
    ) -> duckdb.DuckDBPyConnection:
        """A DuckDB connection in memory with the plant's views of ``snapshot``; of now without one.

        It reads the plant's files and no others: file access and settings are locked. Temporary tables may be
        made; they vanish with the connection. Times are in UTC. Files in a bucket are read through datasets
        of Arrow, which take over filters and read only the row groups that can match. ``relations`` are names
        of :attr:`relations` that shall be there too, such as ``lineage``. A statement fails that
        reads a table with a damaged file, or one that the snapshot refuses; see :meth:`explaining`.
        """
        pinned = snapshot or self.snapshot()
        connection = duckdb.connect(
            ":memory:",
            config={
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                "python_enable_replacements": "false",
                "temp_directory": str(scratch(self.spool)),
                **({"memory_limit": memory_limit} if memory_limit else {}),
                **({"max_temp_directory_size": scratch_limit} if scratch_limit else {}),
                **({"threads": str(threads)} if threads else {}),
            },
        )
        try:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute("SET parquet_metadata_cache = true")
            if any(is_remote(path) for files in pinned.files.values() for path in files):
                # A join's Bloom filter may reach a scan of Arrow, which refuses it; see copy_table.
                connection.execute("SET disabled_optimizers = 'join_filter_pushdown'")
            create_views(connection, pinned, partial(self._damage, pinned))
            for name in relations:
                copy_table(connection, name, self.relations[name](), schema="main")
            paths = [path for files in pinned.files.values() for path in files if not is_remote(path)]
            connection.execute(f"SET allowed_paths = [{', '.join(map(literal, paths))}]")
            connection.execute("SET enable_external_access = false")
            connection.execute("SET lock_configuration = true")
        except BaseException:
            connection.close()
            raise
        return connection

    def query(
        self,
        sql: str,
        params: Sequence[Any] | Mapping[str, Any] | None = None,
        *,
        read_only: bool = True,
        as_of: datetime | None = None,
    ) -> pa.Table:
        """The result of one reading SQL statement.

        With ``read_only=False`` the statement may also make temporary objects in its own memory; the plant
        can't be written by SQL either way. With ``as_of`` the plant is as it was known then.

        Raises
        ------
        QueryError
            The statement is not a single reading one, or it fails.
        StoreError
            A file of the lake is missing or damaged, or the past can't be shown.
        """
        snapshot = self.snapshot(as_of=as_of)
        with ExitStack() as stack:
            # Making one takes a while, and few statements ask for it.
            named = [name for name in self.relations if name in sql.lower()]
            connection = stack.enter_context(self.connect(snapshot, relations=named))
            if read_only:
                # sqlglot takes a while to import, and most openings of a plant run no SQL of people.
                from assay.store.guard import check_read_only

                check_read_only(sql, connection)
            try:
                with self.explaining(snapshot):
                    return connection.execute(sql, params).to_arrow_table()
            except duckdb.Error as error:
                raise query_error(error) from error

    def explained(self, error: Exception, snapshot: Snapshot) -> StoreError | None:
        """What an engine's error on a snapshot comes from, if it is a file of the lake or a refused table."""
        text = str(error)
        for refused in snapshot.refused.values():
            if str(refused.why) in text:
                return refused.why
        from assay.store.health import cause_of

        return cause_of(self, error, snapshot)

    @contextmanager
    def explaining(self, snapshot: Snapshot) -> Iterator[None]:
        """Errors of an engine inside that come from a damaged file, or a refused table, say so.

        Raises
        ------
        StoreError
            A file of a table that was read is missing or damaged, or the table can't be shown.
        """
        try:
            yield
        except (duckdb.Error, OSError, pa.ArrowException) as error:
            why = None if isinstance(error, StoreError) else self.explained(error, snapshot)
            if why is None:
                raise
            raise why from error

    def _damage(self, snapshot: Snapshot, error: Exception, name: str) -> StoreError | None:
        """The damaged file of one table that an error comes from."""
        return self.explained(error, replace(snapshot, files={name: snapshot.files[name]}, refused={}))

    # -- names ------------------------------------------------------------------------------------

    def tables(self) -> list[str]:
        """The names of the tables."""
        return list(self._tables)

    def known(self, kind: Kind) -> str:
        """The table of a kind.

        Raises
        ------
        StoreError
            There is no such table.
        """
        name = table_of(kind)
        if name not in self._tables:
            raise StoreError(
                f"the lake has no table {name!r}",
                hint=did_you_mean(name, list(TABLES)) or f"Tables: {', '.join(TABLES)}.",
            )
        return name

    def table(self, kind: Kind) -> LakeTable:
        """The log and the files of a kind; what is half committed is not looked after here."""
        return self._tables[self.known(kind)]
