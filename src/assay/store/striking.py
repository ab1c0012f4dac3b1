"""Taking out of the lake what was erased: rows about a subject go, its id goes out of all other rows.

Files that hold such rows are written anew without them in one commit per table, and removed, with those of
older versions: what was erased is not in the past either. Rows that come later, or were never logged, are not
touched.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from assay.model.errors import StoreError
from assay.store.compaction import COMPACTING, batches_of
from assay.store.delta import LakeTable
from assay.store.keys import LoadKey
from assay.store.lake import Lake
from assay.store.layout import MANY, QUARANTINE, StagedFile, plain
from assay.store.locks import locked
from assay.store.mentions import Mentions, Written, written
from assay.store.place import located
from assay.store.registry import now
from assay.store.staging import StagedWriter
from assay.store.views import quoted

ABOUT: Mapping[str, str] = {
    "measurement": "subject",
    "event": "subject",
    "movement": "subject",
    "artifact": "subject",
    "entity": "id",
}
"""The column of each table that says what a row is about."""

TAKEN: Mapping[str, str] = {**ABOUT, QUARANTINE: "value"}
"""The same of rows that an erasure takes out: those too that were set aside for this value."""

_IDENTITY = frozenset({"source", "epoch"})
_SEPARATOR = "\0"

Stretches = Mapping[LoadKey, Sequence[tuple[int, int]]]
"""First and last ``seq`` of batches, by their load."""


@dataclass(slots=True)
class Struck:
    """What was taken out of a lake.

    Attributes
    ----------
    removed, altered
        Rows that are gone, and rows that have another id in the place of the subject.
    contents
        Ids of the objects that removed rows referred to.
    """

    removed: int = 0
    altered: int = 0
    contents: set[str] = field(default_factory=set)

    def add(self, other: Struck) -> None:
        """Count what another one took out too."""
        self.removed += other.removed
        self.altered += other.altered
        self.contents |= other.contents


def naming(lake: Lake, name: str, *, only_about: bool = False) -> list[str]:
    """The columns of a table in which an id may stand; of a load's own names it can't be told.

    With ``only_about`` the one alone that says what a row is about, where there is one.
    """
    if only_about:
        return [TAKEN[name]] if name in TAKEN else []
    texts = (one.name for one in plain(lake.schema(name)) if pa.types.is_string(one.type))
    return [one for one in texts if one not in _IDENTITY]


def condition(name: str, columns: Sequence[str], subject: str) -> tuple[str, dict[str, str]]:
    """SQL, and its parameters: whether one of the columns of a table may name a subject."""
    values: dict[str, str] = {}
    parts = []
    for one in columns:
        if written(name, one) is Written.WHOLE:
            values["subject"] = subject
            parts.append(f"{quoted(one)} = $subject")
        else:
            values["word"] = Mentions(subject).pattern
            parts.append(f"regexp_matches({quoted(one)}, $word)")
    return " OR ".join(parts), values


def strike(
    lake: Lake,
    subject: str,
    within: Mapping[str, Stretches],
    until: int,
    alias: str,
    *,
    only_about: bool = False,
) -> Struck:
    """Take a subject out of the rows of batches; does nothing where that was done before.

    Parameters
    ----------
    lake
        The plant's records.
    subject
        About whom or what.
    within
        Which batches, by table.
    until
        Rows recorded after this moment stay as they are: microseconds since 1970.
    alias
        What rows that stay have in its place.
    only_about
        Rows that name the subject otherwise stay as they are: its id says nothing.

    Raises
    ------
    StoreError
        A file is damaged, or the lake can't be written; a table is changed as a whole or not at all.
    """
    done = Struck()
    with locked(lake.spool / COMPACTING):
        for name, stretches in within.items():
            columns = naming(lake, name, only_about=only_about)
            if columns:
                _Striking(lake, name, columns, Mentions(subject), alias, stretches, until, done).run()
    return done


@dataclass(frozen=True, slots=True)
class _Striking:
    """Takes a subject out of one table."""

    lake: Lake
    name: str
    columns: Sequence[str]
    mentions: Mentions
    alias: str
    stretches: Stretches
    until: int
    done: Struck

    @property
    def table(self) -> LakeTable:
        return self.lake.table(self.name)

    def run(self) -> None:
        """Do it, and delete the files it was in."""
        version, entries = self.table.entries()
        if version < 0:
            return
        paths = [one.path for one in entries if self._names(one.path) and self._touches(one.path)]
        if paths:
            key = LoadKey("assay.erasure", uuid.uuid4().hex)
            with self.lake.remains("erasure", self.name).noted(key):
                if not self.lake.commit_rewrite(self.name, self._written(paths, key), paths, erasing=True):
                    raise StoreError(
                        f"files of {self.name!r} were replaced meanwhile; nothing was changed in it",
                        hint="Do it again: assay ledger checkpoint DIR",
                    )
        self._delete_past()

    def _names(self, path: str) -> bool:
        """Whether a file has the id in any column, in whatever row."""
        filesystem, (inside,) = located([self.table.place.address(path)])
        dataset = ds.dataset(inside, filesystem=filesystem, format="parquet")
        where = None
        for name in self.columns:
            if name in dataset.schema.names:
                if written(self.name, name) is Written.WHOLE:
                    one = ds.field(name) == self.mentions.id
                else:
                    one = pc.match_substring_regex(ds.field(name), self.mentions.pattern)
                where = one if where is None else where | one
        return where is not None and bool(dataset.count_rows(filter=where))

    def _touches(self, path: str) -> bool:
        """Whether a row of a file names the subject that is one of those meant."""
        for batch in self._rows(path):
            within = self._within(batch)
            if any((self._is(batch, name) & within).any() for name in self.columns):
                return True
        return False

    def _rows(self, path: str) -> Iterator[pa.RecordBatch]:
        address = self.table.place.address(path)
        return batches_of(self.lake, self.name, [address], self.lake.schema(self.name))

    def _written(self, paths: Sequence[str], key: LoadKey) -> list[StagedFile]:
        """The rows of files without the subject, in new files."""
        schema = self.lake.schema(self.name)
        with StagedWriter(self.lake.staging(self.name), schema, key, now(), begins=MANY) as writer:
            for path in paths:
                for batch in self._rows(path):
                    rows = self._struck(batch)
                    if rows.num_rows:
                        writer.write(pa.Table.from_batches([rows]))
            return writer.finish()

    def _struck(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The rows of a batch without the subject."""
        within = self._within(batch)
        about = TAKEN.get(self.name)
        own = self._is(batch, about) & within if about else np.zeros(batch.num_rows, bool)
        if own.any() and "content" in batch.schema.names:
            self.done.contents |= set(batch.filter(pa.array(own)).column("content").to_pylist())
        left, inside = batch.filter(pa.array(~own)), within[~own]
        altered = np.zeros(left.num_rows, bool)
        for name in self.columns:
            found = self._is(left, name) & inside
            if found.any():
                altered |= found
                at = left.schema.get_field_index(name)
                column = left.column(at).cast(pa.string())
                changed = self.mentions.without(column, found, written(self.name, name), self.alias)
                left = left.set_column(at, left.schema.field(at), _as(changed, left.schema.field(at).type))
        self.done.removed += int(own.sum())
        self.done.altered += int(altered.sum())
        return left

    def _is(self, batch: pa.RecordBatch, name: str) -> npt.NDArray[np.bool_]:
        return self.mentions.found(batch.column(name).cast(pa.string()), written(self.name, name))

    def _within(self, batch: pa.RecordBatch) -> npt.NDArray[np.bool_]:
        """Which rows are of the batches."""
        source, epoch = (batch.column(one).cast(pa.string()) for one in ("source", "epoch"))
        load = pc.index_in(
            pc.binary_join_element_wise(source, epoch, _SEPARATOR),
            value_set=pa.array(
                [f"{load.source}{_SEPARATOR}{load.epoch}" for load in self.stretches], pa.string()
            ),
        )
        at = load.fill_null(-1).to_numpy()
        seq = batch.column("seq").to_numpy()
        inside = np.zeros(batch.num_rows, bool)
        old = batch.column("recorded").cast(pa.int64()).to_numpy() <= self.until
        for number, stretches in enumerate(self.stretches.values()):
            mine = at == number
            if mine.any():
                starts, ends = (np.array(one) for one in zip(*sorted(stretches), strict=True))
                place = np.searchsorted(starts, seq[mine], "right") - 1
                inside[mine] = (place >= 0) & (seq[mine] <= ends[place])
        inside &= old
        return inside

    def _delete_past(self) -> None:
        """Delete what names the subject of all files that no version from now on has, and copies of them."""
        _, entries = self.table.entries()
        current = {one.path for one in entries}
        old = dict.fromkeys(
            path for number in range(self.table.version() + 1) for path in self.table.removed_by(number)
        )
        for path in old:
            if path not in current and self.table.place.exists(path) and self._names(path):
                self.table.place.delete(path)
        shutil.rmtree(self.lake.spool / "as-of" / self.name, ignore_errors=True)


def _as(column: pa.Array, wanted: pa.DataType) -> pa.Array:
    return column.dictionary_encode().cast(wanted) if pa.types.is_dictionary(wanted) else column.cast(wanted)
