"""The hot buffer: rows that are durable and visible at once, and become part of the tables a little later.

An append is one Arrow file in ``spool/hot/<table>/``; its name says everything but the rows: the load it is
of, when it became visible, how many rows and bytes it has, and their least and greatest ``seq``. Renaming
the finished file to that name is the acknowledgement. The appends of a load come in the order of ``seq``: how
far it got is one number, however many appends there were. A flush makes many appends one Delta commit that
carries that number for each load, so that an append whose file was not removed in time counts once all the
same.
"""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import pyarrow as pa
import pyarrow.compute as pc

from assay.model.errors import AssayError, StoreError
from assay.store.keys import LoadKey, Stretch
from assay.store.layout import DATE, UNFINISHED, plain
from assay.store.locks import locked
from assay.store.place import sync
from assay.store.policies import HotPolicy
from assay.store.registry import now
from assay.store.staging import aligned
from assay.store.tables import from_microseconds, to_microseconds

if TYPE_CHECKING:
    from assay.store.lake import Kind, Lake

_SOURCE, _EPOCH = b"assay.source", b"assay.epoch"
_DAY = 86_400_000_000
_FLUSHED_BYTES = 512 * 1024 * 1024
"""About how much one commit of a flush takes at most."""
_LOOKS = 4
"""How often the flusher looks, per ``seconds`` of the policy."""
_LONGEST_PAUSE = 60.0


class HotBufferFull(StoreError, BlockingIOError):
    """The hot buffer holds as much as it may; nothing of the append was taken."""


@dataclass(frozen=True, slots=True, order=True)
class HotFile:
    """One append, read off the name of its file."""

    moment: int
    digest: str
    rows: int
    size: int
    first: int
    last: int
    path: Path

    @classmethod
    def of(cls, path: Path) -> HotFile | None:
        """What the name says; None for a file of another kind."""
        pieces = path.name.removesuffix(".arrow").split("-")
        if len(pieces) != 6 or not all(piece.isdigit() for piece in pieces[1:]):
            return None
        moment, rows, size, first, last = map(int, pieces[1:])
        return cls(moment, pieces[0], rows, size, first, last, path)


@dataclass(frozen=True, slots=True)
class HotRows:
    """The rows of one append, with the load they are of and when they became visible."""

    file: HotFile
    load: LoadKey
    rows: pa.Table
    _seen: list[pa.Table] = field(default_factory=list, repr=False, compare=False)

    def seen(self, columns: pa.Schema) -> pa.Table:
        """The rows as SQL sees them: these columns, the last one the date. They are made once and kept."""
        if not self._seen or not self._seen[0].schema.equals(columns):
            self._seen[:] = [self._as(columns)]
        return self._seen[0]

    def _as(self, columns: pa.Schema) -> pa.Table:
        moment = self.rows.column("recorded")
        if "time" in self.rows.column_names:
            moment = pc.coalesce(self.rows.column("time"), moment)
        have = dict(zip(self.rows.column_names, self.rows.columns, strict=True))
        have[DATE.name] = moment.cast(pa.date32())
        arrays = [
            have[f.name].cast(f.type) if f.name in have else pa.nulls(len(self.rows), f.type) for f in columns
        ]
        return pa.Table.from_arrays(arrays, schema=columns)

    @property
    def stretch(self) -> Stretch:
        """Which rows of the load they are."""
        return Stretch(self.load, self.file.first, self.file.last)

    @property
    def moment(self) -> datetime:
        """When the rows became visible."""
        return from_microseconds(self.file.moment)


class HotBuffer:
    """The appends of every table; see :attr:`assay.store.lake.Lake.hot`. Many processes may share it."""

    def __init__(self, lake: Lake, directory: Path, policy: HotPolicy) -> None:
        self._lake = lake
        self._directory = directory
        self.policy = policy
        self._read: dict[Path, HotRows] = {}
        self._reading = threading.Lock()

    # -- writing ----------------------------------------------------------------------------------

    def append(self, kind: Kind, table: pa.Table, load: LoadKey, *, recorded: datetime | None = None) -> bool:
        """Take rows; when this returns they are durable, and every reader sees them.

        The table is laid out as for :class:`assay.store.staging.StagedWriter`; all rows must be of ``load``.
        A load may come in many appends, each with greater ``seq`` than those before it. Rows up to the
        greatest ``seq`` that the plant has of the load are there already and left out: what is sent again
        after a crash counts once, also when it is cut into other pieces. False when no row is left, and
        nothing is changed.

        Raises
        ------
        HotBufferFull
            The buffer holds as much as its policy allows: flush it, or wait for the flusher.
        StoreError
            A column is unknown, missing or of another type, a ``seq`` is negative, or the file can't be
            written.
        """
        name = self._lake.known(kind)
        rows = aligned(table, self._lake.schema(name), name, load, to_microseconds(recorded or now()))
        if self._lake.people is not None:
            rows = self._lake.people.replaced(name, rows)
        _check_identity(rows, load, name)
        self._lake.committed(name, load)  # finishes what a load that was killed left half committed
        while True:
            rows = _beyond(rows, self._reached(name, load))
            if not len(rows):
                return False
            if self._put(name, rows, load):
                return True

    def _reached(self, name: str, load: LoadKey) -> int:
        """The greatest ``seq`` that the plant has of a load, hot or not; −1 for none."""
        # In this order: an append leaves the buffer after it is in the table.
        hot = max((one.last for one in self._listed(name) if one.digest == load.digest), default=-1)
        return max(hot, self._lake.table(name).reached([load])[load])

    def _put(self, name: str, rows: pa.Table, load: LoadKey) -> bool:
        """Write an append; False when somebody else appended rows of the load meanwhile."""
        bounds = pc.min_max(rows.column("seq")).as_py()
        first, last = bounds["min"], bounds["max"]
        folder = self._directory / name
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = folder / f"{UNFINISHED}{load.digest}-{uuid.uuid4().hex}"
        try:
            _write(unfinished, rows, load)
            size = unfinished.stat().st_size
            with self._still():
                if self._reached(name, load) >= first:
                    return False
                self._check_room(size)
                # Later than every other, also when the clock was put back: appends are flushed in this order.
                others = (one.moment + 1 for one in self._listed(name))
                moment = max([to_microseconds(now()), *others])
                said = f"{load.digest}-{moment:020d}-{len(rows)}-{size}-{first}-{last}.arrow"
                unfinished.rename(folder / said)
            sync(folder)
        except OSError as error:
            if isinstance(error, AssayError):
                raise
            raise StoreError(
                f"rows of {name!r} can't be written to {folder}: {error}",
                hint="Check free disk space and access rights, then append the rows again.",
            ) from error
        finally:
            unfinished.unlink(missing_ok=True)
        return True

    def _check_room(self, size: int) -> None:
        held = sum(one.size for name in self.tables() for one in self._listed(name))
        if held + size > self.policy.limit_bytes:
            raise HotBufferFull(
                f"the hot buffer holds {held / 1e6:,.1f} MB of {self.policy.limit_megabytes:,g} MB; "
                f"{size / 1e6:,.1f} MB more were refused",
                hint="Flush it and append again, or raise limit_megabytes under [lake.hot] in assay.toml.",
            )

    @contextmanager
    def _still(self) -> Iterator[None]:
        """No append becomes visible while this is held."""
        with locked(self._directory / "append.lock"):
            yield

    # -- reading ----------------------------------------------------------------------------------

    def tables(self) -> list[str]:
        """The tables that have or had appends."""
        if not self._directory.is_dir():
            return []
        return sorted(folder.name for folder in self._directory.iterdir() if folder.is_dir())

    def waiting(self, name: str) -> list[HotFile]:
        """The appends of a table that have a file, oldest first; some may be in the table already."""
        return sorted(self._listed(name))

    def standstill(self, name: str) -> tuple[datetime, list[HotFile]]:
        """A moment, and every append that became visible before it."""
        if not (self._directory / name).is_dir():
            return now(), []
        with self._still():
            return now(), self.waiting(name)

    def mark(self, names: Iterable[str] | None = None) -> tuple[tuple[str, str, int], ...]:
        """Something that changes when hot rows (of these tables) arrive or are flushed; cheap."""
        tables = self.tables() if names is None else names
        return tuple((name, one.digest, one.moment) for name in tables for one in self.waiting(name))

    def rows(self, name: str) -> list[HotRows]:
        """The appends of a table with their rows. Hold the lake still meanwhile, or a flush may remove one.

        Raises
        ------
        StoreError
            A file is damaged.
        """
        files = self.waiting(name)
        with self._reading:
            for gone in {path for path in self._read if path.parent.name == name} - {
                one.path for one in files
            }:
                del self._read[gone]
            for one in files:
                if one.path not in self._read:
                    self._read[one.path] = _read(one)
            return [self._read[one.path] for one in files]

    def _listed(self, name: str) -> list[HotFile]:
        try:
            found = [HotFile.of(Path(entry.path)) for entry in os.scandir(self._directory / name)]
        except FileNotFoundError:
            return []
        return [one for one in found if one is not None]

    # -- flushing ---------------------------------------------------------------------------------

    def due(self) -> bool:
        """Whether the policy wants a flush now."""
        files = [one for name in self.tables() for one in self._listed(name)]
        if not files:
            return False
        age = to_microseconds(now()) - min(one.moment for one in files)
        return (
            age >= self.policy.seconds * 1e6
            or sum(one.rows for one in files) >= self.policy.rows
            or sum(one.size for one in files) >= self.policy.bytes
        )

    def flush(self) -> int:
        """Make everything hot part of the tables; returns how many rows.

        Each table gets one commit, more where very much waits. Another process may flush at the same time:
        each waits for the other.
        """
        flushed = 0
        for name in self.tables():
            with locked(self._directory / "flush.lock"):
                while taken := self._flush_some(name):
                    flushed += taken
        return flushed

    def _flush_some(self, name: str) -> int:
        moment, files = self.standstill(name)
        if not files:
            return 0
        with self._lake.settled():
            appends = self.rows(name)  # with those that a killed flush committed and did not remove
        chosen: list[HotRows] = []
        size = 0
        for one in appends:
            # Rows without a time lie in the partition of the day they were recorded.
            if size and (size + one.file.size > _FLUSHED_BYTES or _day(one) != _day(chosen[0])):
                break
            chosen.append(one)
            size += one.file.size
        until = moment if len(chosen) == len(appends) else chosen[-1].moment
        return self._lake.commit_hot(name, chosen, until=until)

    def forget(self, files: Iterable[HotFile]) -> None:
        """Remove the files of appends that are in the table; the lake calls this with readers locked out."""
        for one in files:
            one.path.unlink(missing_ok=True)


def _check_identity(rows: pa.Table, load: LoadKey, name: str) -> None:
    for column, wanted in (("source", load.source), ("epoch", load.epoch)):
        found = set(pc.unique(rows.column(column).cast(pa.string())).to_pylist())
        if found - {wanted}:
            raise StoreError(
                f"rows of {name!r} are of the {column} {min(found - {wanted})!r} and appended as {wanted!r}",
                hint=f"Leave out the column {column}, or append the rows of each load by themselves.",
            )


def _beyond(rows: pa.Table, reached: int) -> pa.Table:
    """The rows of a greater ``seq``."""
    least = pc.min(rows.column("seq")).as_py()
    if least is not None and least < 0:
        raise StoreError(
            f"rows are appended with the seq {least}", hint="Number the rows of a load from 0 upwards."
        )
    if least is None or least > reached:
        return rows
    return rows.filter(pc.greater(rows.column("seq"), reached))


def _day(one: HotRows) -> int:
    first = one.rows.column("recorded")[0].value
    return int(first) // _DAY


def _write(path: Path, rows: pa.Table, load: LoadKey) -> None:
    metadata = {_SOURCE: load.source.encode(), _EPOCH: load.epoch.encode()}
    whole = rows.unify_dictionaries().combine_chunks().replace_schema_metadata(metadata)
    with pa.OSFile(str(path), "wb") as out, pa.ipc.new_file(out, whole.schema) as writer:
        writer.write_table(whole)
    sync(path)


def _read(file: HotFile) -> HotRows:
    try:
        with pa.memory_map(str(file.path)) as mapped:
            rows = pa.ipc.open_file(mapped).read_all()
            metadata = rows.schema.metadata
            if len(rows) != file.rows:
                raise StoreError(f"it holds {len(rows)} rows and not {file.rows}")
            load = LoadKey(metadata[_SOURCE].decode(), metadata[_EPOCH].decode())
    except (OSError, pa.ArrowException, KeyError, TypeError, StoreError) as error:
        raise StoreError(
            f"the append {file.path} of the hot buffer is damaged: {error}",
            hint="Move the file away, then append the rows of its source again.",
        ) from error
    return HotRows(file, load, rows.replace_schema_metadata(None))


def hot_table(appends: Iterable[HotRows], schema: pa.Schema) -> pa.Table:
    """The rows as SQL sees them: words as text, and the column ``date`` at the end."""
    columns = pa.schema([*plain(schema), DATE])
    pieces = [one.seen(columns) for one in appends]
    return pa.concat_tables(pieces) if pieces else columns.empty_table()


class Flusher:
    """Flushes a hot buffer by its policy, in a thread; for processes that live long.

    Use it as a context manager; on leaving, what is hot is flushed once more. ``error`` is what went wrong
    last, or None; a failed flush is tried again, with growing pauses, and no row is lost meanwhile.
    """

    def __init__(self, buffer: HotBuffer) -> None:
        self._buffer = buffer
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="assay-flush", daemon=True)
        self.error: Exception | None = None

    def _run(self) -> None:
        usual = self._buffer.policy.seconds / _LOOKS
        pause = usual
        while not self._stop.wait(pause):
            try:
                if self._buffer.due():
                    self._buffer.flush()
                self.error, pause = None, usual
            except Exception as error:  # noqa: BLE001 - shown in ``error``; the thread has to go on
                self.error, pause = error, min(_LONGEST_PAUSE, 2 * pause)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        if kind is None:
            self._buffer.flush()
