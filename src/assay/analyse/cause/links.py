"""How the subjects of a target reach the movement table: by their execution, or as units and lots."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.analyse.cause.clock import UNKNOWN
from assay.analyse.cause.columns import LakeColumns, Rows, encode, gather, locate
from assay.model.kinds import RecordKind
from assay.store.snapshot import Snapshot
from assay.store.workspace import Workspace


@dataclass(frozen=True, eq=False)
class Movements:
    """The movement table's own columns that link subjects, units and executions."""

    source: LakeColumns
    table: pa.Table

    @classmethod
    def of(cls, workspace: Workspace, snapshot: Snapshot | None = None) -> Movements:
        """Read the linking columns, of the plant as it is now without a snapshot."""
        source = LakeColumns(workspace.lake, RecordKind.MOVEMENT, snapshot)
        names = ["execution", "role", "subject", "subject_kind", "segment", "material", "started"]
        return cls(source, source.read(names, words=["role", "subject_kind", "segment", "material"]))

    def is_in(self, name: str, *values: str) -> NDArray[np.bool_]:
        """Which rows have one of ``values`` in a dictionary column."""
        codes, labels = self.codes(name)
        wanted = [place for place, label in enumerate(labels) if label in values]
        return np.isin(codes, wanted)

    def codes(self, name: str) -> tuple[NDArray[np.integer], tuple[str, ...]]:
        """Codes and labels of a dictionary column."""
        return encode(self.table.column(name))

    @cached_property
    def segments(self) -> tuple[NDArray[np.integer], tuple[str, ...]]:
        """Codes and labels of the segments as they are recorded."""
        return self.codes("segment")

    @cached_property
    def made(self) -> NDArray[np.bool_]:
        """Rows that say a unit or lot was made or worked on."""
        return self.is_in("role", "produced", "used", "by-product", "returned")

    @cached_property
    def _ids(self) -> tuple[NDArray[np.int64], pa.Array]:
        encoded = self.table.column("execution").combine_chunks().dictionary_encode()
        return encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64), encoded.dictionary

    @cached_property
    def _only_segment(self) -> NDArray[np.int64]:
        """The segment in which each execution id is used; −1 where none is named, −2 where several use it."""
        ids, words = self._ids
        codes = self.segments[0]
        named = codes >= 0
        only = np.full(len(words), -1)
        only[ids[named]] = codes[named]
        only[ids[named & (only[ids] != codes)]] = -2
        return only

    @cached_property
    def executions(self) -> NDArray[np.int64]:
        """A number for the execution of each row: its id within its segment."""
        ids, _ = self._ids
        return self._numbered(ids, self.segments[0].astype(np.int64))

    def executions_named(self, ids: pa.Array, segments: pa.Array) -> NDArray[np.int64]:
        """The number of each execution named; −1 where there is none, or where it can't be told which.

        One without a segment is the only one of its id.
        """
        words = pc.fill_null(pc.index_in(ids, value_set=self._ids[1]), -1).to_numpy().astype(np.int64)
        labels = pa.array(self.segments[1], pa.string())
        codes = pc.fill_null(pc.index_in(segments, value_set=labels), -1).to_numpy().astype(np.int64)
        elsewhere = segments.is_valid().to_numpy(zero_copy_only=False) & (codes < 0)
        found = self._numbered(np.maximum(words, 0), codes)
        unnamed = np.maximum(words, 0) * (len(labels) + 1)
        found = np.where(elsewhere | ~np.isin(found, self.executions), unnamed, found)
        return np.where(words < 0, -1, found)

    def _numbered(self, ids: NDArray[np.int64], segments: NDArray[np.int64]) -> NDArray[np.int64]:
        completed = np.where(segments < 0, np.maximum(self._only_segment[ids], -1), segments)
        return np.asarray(ids * (len(self.segments[1]) + 1) + completed + 1)


def units_of(subjects: pa.Array, kinds: pa.Array, movements: Movements, rows: Rows | None) -> pa.Array:
    """The unit (or lot) of each subject: what an execution made or worked on, or the subject itself."""
    if rows is None or not movements.table.num_rows:
        return subjects
    none = rows < 0
    if not movements.made.all():  # a lot consumed is no workpiece
        none |= (movements.is_in("role", "consumed") & movements.is_in("subject_kind", "lot"))[rows]
    made = movements.table.column("subject").combine_chunks().take(pa.array(rows, mask=none))
    return pc.if_else(pc.equal(kinds, "execution"), pc.coalesce(made, subjects), subjects)


def consumed_rows(movements: Movements, rows: Rows, material: str) -> Rows:
    """For each movement row, a row of the same execution that says what ``material`` it consumed."""
    taken = movements.is_in("role", "consumed")
    codes, labels = movements.codes("material")
    named = np.array([label == material for label in labels] + [material == ""])
    candidates = np.flatnonzero(taken & named[codes])
    wanted = np.asarray(gather(movements.executions, rows, -1), dtype=np.int64)
    return _located(wanted, movements.executions[candidates], candidates)


def linked(rows: pa.Table, movements: Movements) -> tuple[pa.Table, dict[str | None, Rows]]:
    """Find each subject's movement rows, and take the segment from there where the measurement has none."""
    subject = rows.column("subject").combine_chunks()
    kinds = rows.column("subject_kind").combine_chunks()
    is_execution = pc.equal(kinds, "execution").to_numpy(zero_copy_only=False)
    links: dict[str | None, Rows] = {}
    if is_execution.any():
        found = _execution_rows(subject, rows.column("segment").combine_chunks(), movements)
        links[None] = np.where(is_execution, found, -1)
    if not is_execution.all():
        _link_units(subject, kinds, movements, links)
    links = {link: found for link, found in links.items() if (found >= 0).any()}
    if rows.column("segment").null_count:
        codes, labels = movements.segments
        words = pa.array([*labels, None], pa.string())
        ways = sum((found >= 0).astype(int) for found in links.values())
        # That a unit went through several segments says nothing of where it was measured.
        certain = [found for link, found in links.items() if link is None or np.max(ways) < 2]
        for found in certain:
            own = words.take(pa.array(gather(codes, found, -1).astype(np.int64) % len(words)))
            filled = pc.coalesce(rows.column("segment").combine_chunks(), own)
            rows = rows.set_column(rows.schema.get_field_index("segment"), "segment", filled)
    return rows, links


def _execution_rows(subject: pa.Array, segment: pa.Array, movements: Movements) -> Rows:
    """The first row of each execution; of those that say what it made where there are any."""
    made = movements.made
    order = np.concatenate([np.flatnonzero(made), np.flatnonzero(~made)])
    if len(movements.segments[1]) < 2:
        ids = movements.table.column("execution").combine_chunks()
        return locate(subject, ids if made.all() else ids.take(pa.array(order)), order)
    wanted = movements.executions_named(subject, segment)
    return _located(wanted, movements.executions[order], order)


def _located(wanted: NDArray[np.int64], among: NDArray[np.int64], rows: Rows) -> Rows:
    """As :func:`~assay.analyse.cause.columns.locate`, for numbers of executions; −1 is never found."""
    largest = int(among.max(initial=-1))
    first = np.full(largest + 2, -1)
    first[among[::-1]] = rows[::-1]
    return np.asarray(first[np.where(wanted > largest, -1, wanted)])


def _link_units(
    subject: pa.Array, kinds: pa.Array, movements: Movements, links: dict[str | None, Rows]
) -> None:
    """A unit reaches, in each segment it went through, the last movement that made or worked on it."""
    codes, labels = movements.segments
    started = movements.table.column("started").cast(pa.int64())
    time = pc.fill_null(started, UNKNOWN).to_numpy()
    names = movements.table.column("subject").combine_chunks()
    their_kinds = movements.table.column("subject_kind").combine_chunks().cast(pa.string())
    if pc.count_distinct(pa.chunked_array([kinds, their_kinds])).as_py() > 1:
        subject, names = (_with_kind(subject, kinds), _with_kind(names, their_kinds))
    is_execution = pc.equal(kinds, "execution").to_numpy(zero_copy_only=False)
    found: dict[str, Rows] = {}
    for place, label in [*enumerate(labels), (-1, "")]:
        candidates = np.flatnonzero(movements.made & (codes == place))
        if not candidates.size:
            continue
        latest = candidates[np.argsort(-time[candidates], kind="stable")]
        rows = np.where(is_execution, -1, locate(subject, names.take(pa.array(latest)), latest))
        if (rows >= 0).any():
            found[label] = rows
    if len(found) == 1 and None not in links:
        links[None] = next(iter(found.values()))
    else:
        links.update(found)


def _with_kind(ids: pa.Array, kinds: pa.Array) -> pa.Array:
    """Ids of units, lots and whatever else as distinct names."""
    return pc.binary_join_element_wise(kinds, ids, ":")
