"""From ids to node codes and back."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.genealogy import plain
from assay.genealogy.adjacency import SMALL, Adjacency, input_mask
from assay.genealogy.columns import EdgeColumns
from assay.model.errors import ModelError

if TYPE_CHECKING:
    from assay.genealogy.names import Names

EXECUTION = "execution"
KINDS = ("unit", "lot", EXECUTION)
"""Kinds of node; a bare id means the first of these that exists."""

_NEAR = 5_000
"""How many ids a search for close ones looks at: string distance costs about 20 µs each."""
_BATCH = 131_072
_NOWHERE = -1
_PLACE_IN_TIME: dict[str, Any] = {"recorded": -1, "source": "", "epoch": "", "seq": -1}
"""What decides between two corrections of one movement, the greater one counts; and what stands for none."""


class Key(NamedTuple):
    """What a node is: its kind, its id and, for executions, the segment ("" where none was recorded).

    Stations count their executions for themselves, so an execution is known by segment and id together:
    by id alone, a path would be invented between two stations that use the same number.
    """

    kind: str
    id: str
    segment: str | None = None


class Outdated(ModelError):
    """What arrived changes which execution an older movement belongs to: the index has to be built anew."""


class Index:
    """A genealogy graph whose nodes have names, and whose edges have what was recorded of them.

    A node is an id as a kind of subject, or as the execution of one segment; nodes are numbered in the order
    in which they were first recorded. ``lock`` is held by whoever reads while others may add.
    """

    def __init__(self) -> None:
        self.graph = Adjacency()
        self.columns = EdgeColumns()
        self.lock = threading.RLock()
        self._names: plain.Names | Names = plain.Names()
        self._places: list[tuple[str, str | None]] = [("unit", None), ("lot", None)]
        self._place_of: dict[tuple[str, str | None], int] = {
            place: number for number, place in enumerate(self._places)
        }
        self._meant: dict[int, int] = {}
        self._corrections: dict[int, tuple[Any, ...]] = {}

    # -- building ---------------------------------------------------------------------------------

    @classmethod
    def build(cls, movements: pa.Table | Iterable[pa.RecordBatch], *, rows: int | None = None) -> Self:
        """Number the nodes and build the graph.

        Parameters
        ----------
        movements
            Columns ``execution``, ``role``, ``subject``, ``subject_kind``, none of them null; ``segment``;
            and any of those of :class:`~assay.genealogy.columns.EdgeColumns`. Batches are read one by one.
        rows
            How many rows the batches have, where that is known: room is made for all of them at once.

        Raises
        ------
        ModelError
            A role is none of the six.
        """
        index = cls()
        if isinstance(movements, pa.Table):
            rows = movements.num_rows
            movements = movements.to_batches(max_chunksize=_BATCH)
        if rows:
            index.graph.reserve(rows)
            index.columns.reserve(rows)
        for batch in movements:
            index._take(batch)
        index._complete()
        index.graph.settle()
        index._correct(0)
        return index

    def append(self, movements: pa.Table) -> None:
        """Take movements that arrived since; the next walk sees them.

        Raises
        ------
        Outdated
            An execution that was recorded without a segment, or now is, can be told only by all movements.
        ModelError
            A role is none of the six.
        """
        with self.lock:
            before, since = len(self._names), self.graph.edges
            for batch in movements.to_batches(max_chunksize=_BATCH):
                self._take(batch)
            if self._doubtful(before):
                raise Outdated("movements arrived that change to which execution others belong")
            self.graph.list_new()
            self._correct(since)

    def _take(self, batch: pa.RecordBatch) -> None:
        roles, role_words = _encoded(batch.column("role"))
        segments, segment_words = _encoded(batch.column("segment"))
        kinds, kind_words = _encoded(batch.column("subject_kind"))
        is_input = input_mask(role_words)[roles]
        steps = np.array([self._place(EXECUTION, word) for word in segment_words], np.int16)[segments]
        things = np.array(
            [_NOWHERE if word == EXECUTION else self._place(word, None) for word in kind_words], np.int16
        )[kinds]
        things = np.where(things == _NOWHERE, steps, things).astype(np.int16)
        if isinstance(self._names, plain.Names) and self.graph.edges + batch.num_rows > SMALL:
            self._names = _compiled(self._names)
        execution = self._as_meant(self._names.number(batch.column("execution"), steps))
        subject = self._as_meant(self._names.number(batch.column("subject"), things))
        if "correction" in batch.schema.names and batch.column("correction").null_count < batch.num_rows:
            self._note_corrections(batch)
        self.graph.add(execution, is_input, subject, nodes=len(self._names))
        self.columns.add(batch)

    def _as_meant(self, nodes: NDArray[np.int32]) -> NDArray[np.int32]:
        """The same nodes, an execution without a segment as the one it was found to be."""
        if self._meant:
            unnamed = np.flatnonzero(self._names.places[nodes] == self._place_of[EXECUTION, ""])
            nodes[unnamed] = [self._meant.get(node, node) for node in nodes[unnamed].tolist()]
        return nodes

    def _note_corrections(self, batch: pa.RecordBatch) -> None:
        """Remember which of the next edges are corrections, and their place among others."""
        rows = np.flatnonzero(batch.column("correction").is_valid().to_numpy(zero_copy_only=False))
        edges = (self.graph.edges + rows).tolist()
        places: list[list[Any]] = []
        for name, missing in _PLACE_IN_TIME.items():
            values: list[Any] = [None] * len(rows)
            if name in batch.schema.names:
                column = batch.column(name).take(pa.array(rows))
                number = pa.types.is_timestamp(column.type)
                values = (column.cast(pa.int64()) if number else column).to_pylist()
            places.append([missing if value is None else value for value in values])
        self._corrections |= dict(zip(edges, zip(*places, strict=True), strict=True))

    def _correct(self, since: int) -> None:
        """Take back what corrections replace, where one of the edges from ``since`` on is concerned."""
        if not self._corrections:
            return
        graph, known = self.graph, self._corrections
        pairs = {(int(graph.tails[edge]), int(graph.heads[edge])) for edge in known}
        new = graph.tails[since:].astype(np.int64) << 32 | graph.heads[since:]
        touched = np.unique(new[np.isin(new, [tail << 32 | head for tail, head in pairs])]).tolist()
        for tail, head in ((pair >> 32, pair & 0xFFFFFFFF) for pair in touched):
            edges = graph.between(tail, head)
            role, position = (self.columns.codes(name, edges) for name in ("role", "position"))
            for fact in {*zip(role.tolist(), position.tolist(), strict=True)}:
                same = edges[(role == fact[0]) & (position == fact[1])]
                said = [
                    (self._corrections[edge], edge) for edge in same.tolist() if edge in self._corrections
                ]
                if not said:
                    continue
                last = np.array([max(said)[1]])
                nothing = self.columns.quantity(last)[0] == 0
                graph.bar(same if nothing else np.setdiff1d(same, last))

    def _place(self, kind: str, segment: str | None) -> int:
        place = (kind, segment)
        if place not in self._place_of:
            if len(self._places) > np.iinfo(np.int16).max:
                raise ModelError(f"a genealogy knows at most {len(self._places):,} kinds and segments")
            self._place_of[place] = len(self._places)
            self._places.append(place)
        return self._place_of[place]

    def _steps(self) -> list[int]:
        """The places of executions whose segment is known."""
        return [
            number for number, (kind, segment) in enumerate(self._places) if kind == EXECUTION and segment
        ]

    def _complete(self) -> None:
        """Let actuals without a segment belong to the only execution of their id.

        Where several segments use the id it cannot be told, and such an actual stands for itself.
        """
        unknown = self._place_of.get((EXECUTION, ""))
        if unknown is None:
            return
        nodes = np.flatnonzero(self._names.places == unknown)
        ids = self._names.ids(nodes)
        hits, only = np.zeros(len(nodes), np.int64), np.zeros(len(nodes), np.int64)
        for place in self._steps():
            found = self._names.locate(ids, np.full(len(nodes), place, np.int16))
            hits += found >= 0
            only = np.where(found >= 0, found, only)
        self._meant = dict(zip(nodes[hits == 1].tolist(), only[hits == 1].tolist(), strict=True))
        if self._meant:
            alias = np.arange(len(self._names), dtype=np.int32)
            alias[nodes[hits == 1]] = only[hits == 1]
            self.graph.redirect(alias)

    def _doubtful(self, before: int) -> bool:
        """Whether a node since ``before`` is, or shares its id with, an execution without a segment."""
        unknown = self._place_of.get((EXECUTION, ""))
        if unknown is None or not self._steps():
            return False
        new = np.arange(before, len(self._names))
        steps = np.isin(self._names.places[new], [*self._steps(), unknown])
        ids = self._names.ids(new[steps])
        others = self._names.locate(ids, np.full(len(ids), unknown, np.int16))
        # A new execution of an id that an older actual without a segment uses, or one without a segment.
        return bool((others >= 0).any())

    # -- looking up -------------------------------------------------------------------------------

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of subject."""
        return tuple(kind for kind, segment in self._places if segment is None)

    @property
    def nodes(self) -> NDArray[np.int64]:
        """All nodes, ascending. An execution that is another by its only segment is none."""
        every = np.arange(len(self._names))
        return every[~np.isin(every, list(self._meant))]

    def find(self, wanted: str) -> list[int]:
        """The nodes that ``wanted`` may mean: none, one, or the executions of several segments.

        ``wanted`` is an id, ``kind:ID`` or ``execution:SEGMENT/ID``; a bare id means the unit, then the lot,
        then the execution.
        """
        kind, _, rest = wanted.partition(":")
        if rest and (kind, None) in self._place_of and (found := self._subjects(rest, kind)):
            return found
        if rest and kind == EXECUTION and (found := self._named(rest) or self._executions(rest)):
            return found
        for kind in self.kinds:
            if found := self._subjects(wanted, kind):
                return found
        return self._executions(wanted)

    def locate(self, kind: str, ids: pa.Array) -> NDArray[np.int64]:
        """The nodes of many ids of one kind (executions: in every segment); unknown ids are left out."""
        wanted = ids.cast(pa.string()).drop_null()
        found = [np.empty(0, np.int32)]
        for number, (one, _) in enumerate(self._places):
            if one == kind:
                codes = self._names.locate(wanted, np.full(len(wanted), number, np.int16))
                found.append(codes[codes >= 0])
        nodes = np.unique(np.concatenate(found))
        return nodes[~np.isin(nodes, list(self._meant))].astype(np.int64)

    def positions(self, kind: str, ids: Sequence[str]) -> NDArray[np.int64]:
        """The node of each id as a kind of subject, −1 for those that are unknown, shape (n,)."""
        place = self._place_of.get((kind, None))
        if place is None:
            return np.full(len(ids), -1, np.int64)
        codes = self._names.locate(pa.array(ids, pa.string()), np.full(len(ids), place, np.int16))
        return codes.astype(np.int64)

    def matches(
        self, kind: str, ids: pa.Array, segments: pa.Array
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Which of many names mean which nodes of one kind: rows of ``ids`` and their nodes, shape (k,) each.

        An execution is meant by its id and the segment beside it, without one in every segment; of other
        kinds the segment says nothing. A null id means nothing.
        """
        rows, nodes = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for number, (one, segment) in enumerate(self._places):
            if one == kind:
                meant = ids.is_valid()
                if segment is not None:
                    meant = pc.and_(meant, pc.fill_null(pc.equal(segments, segment), True))
                asked = np.flatnonzero(meant.to_numpy(zero_copy_only=False))
                codes = self._names.locate(ids.take(pa.array(asked)), np.full(len(asked), number, np.int16))
                rows.append(asked[codes >= 0])
                nodes.append(self._as_meant(codes[codes >= 0]).astype(np.int64))
        return np.concatenate(rows), np.concatenate(nodes)

    def _at(self, bare: str, places: list[int]) -> list[int]:
        """The nodes of one id at some places."""
        codes = self._names.locate(pa.array([bare] * len(places), pa.string()), np.array(places, np.int16))
        return [code for code in codes.tolist() if code >= 0 and code not in self._meant]

    def _subjects(self, bare: str, kind: str) -> list[int]:
        return self._at(bare, [self._place_of[kind, None]])

    def _executions(self, wanted: str) -> list[int]:
        found = self._executions_of(wanted)
        at = wanted.find("/")
        while not found and at >= 0:
            found = self._execution_in(wanted[:at], wanted[at + 1 :])
            at = wanted.find("/", at + 1)
        return found

    def _execution_in(self, segment: str, bare: str) -> list[int]:
        place = self._place_of.get((EXECUTION, segment))
        return [] if place is None else self._at(bare, [place])

    def _named(self, name: str) -> list[int]:
        """The execution that :meth:`names` calls ``SEGMENT/ID``: the first ``/`` ends the segment."""
        return self._execution_in(*segment_and_id(name))

    def _executions_of(self, bare: str) -> list[int]:
        return self._at(bare, [n for n, (kind, _) in enumerate(self._places) if kind == EXECUTION])

    # -- naming -----------------------------------------------------------------------------------

    def ids(self, nodes: NDArray[np.integer]) -> pa.Array:
        """The bare ids of ``nodes``, strings, shape (n,)."""
        return self._names.ids(nodes)

    def places(self, nodes: NDArray[np.integer]) -> tuple[pa.Array, pa.Array]:
        """Kind and, for executions, segment of each of ``nodes``, as dictionary-encoded strings."""
        codes = self._names.places[nodes].astype(np.int32)
        kinds = list(dict.fromkeys(kind for kind, _ in self._places))
        kind = np.array([kinds.index(one) for one, _ in self._places], np.int32)[codes]
        # A dictionary with null among its words can't be written to Parquet; words twice can't be counted.
        nothing = np.array([segment is None for _, segment in self._places])[codes]
        segments = pa.array([segment or "" for _, segment in self._places], pa.string())
        return (
            pa.DictionaryArray.from_arrays(pa.array(kind), pa.array(kinds, pa.string())),
            pa.DictionaryArray.from_arrays(pa.array(codes, mask=nothing), segments),
        )

    def is_kind(self, nodes: NDArray[np.integer], kind: str) -> NDArray[np.bool_]:
        """Which of ``nodes`` are of a kind."""
        is_it = np.array([one == kind for one, _ in self._places])
        found: NDArray[np.bool_] = is_it[self._names.places[nodes]]
        return found

    def keys(self, nodes: NDArray[np.integer]) -> list[Key]:
        """What each of ``nodes`` is, shape (n,)."""
        ids = self._names.ids(nodes).to_pylist()
        places = (self._places[place] for place in self._names.places[nodes].tolist())
        return [Key(kind, bare, segment) for (kind, segment), bare in zip(places, ids, strict=True)]

    def names(self, nodes: NDArray[np.integer]) -> list[str]:
        """What :meth:`find` takes to find each of ``nodes``: the bare id wherever it means the node alone."""
        ids = self._names.ids(nodes)
        mine = self._names.places[nodes]
        alone = np.ones(len(nodes), np.bool_)
        for number, (_, segment) in enumerate(self._places):
            if segment is None:
                there = self._names.locate(ids, np.full(len(nodes), number, np.int16)) >= 0
                alone &= ~there | (mine <= number) & ~self.is_kind(nodes, EXECUTION)
        again = self.repeated(nodes)
        return [
            _name(key, alone=first and not twice, again=twice)
            for key, first, twice in zip(self.keys(nodes), alone.tolist(), again.tolist(), strict=True)
        ]

    def repeated(self, nodes: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Which of ``nodes`` are executions whose id is used in another segment too, shape (n,)."""
        steps = self.is_kind(nodes, EXECUTION)
        ids = self._names.ids(nodes[steps])
        count = np.zeros(len(ids), np.int64)
        for number, (kind, _) in enumerate(self._places):
            if kind == EXECUTION:
                found = self._names.locate(ids, np.full(len(ids), number, np.int16))
                count += (found >= 0) & ~np.isin(found, list(self._meant))
        again = np.zeros(len(nodes), np.bool_)
        again[steps] = count > 1
        return again

    def near(self, wanted: str) -> list[str]:
        """Ids that share the longest beginning with ``wanted``: candidates for a misspelt one."""
        every = self._names.all_ids()
        for length in range(len(wanted), -1, -1):
            found = every.filter(pc.starts_with(every, wanted[:length]))
            if len(found):
                return list(dict.fromkeys(found.slice(0, _NEAR).to_pylist()))
        return []


def segment_and_id(name: str) -> tuple[str, str]:
    """The segment and the id of an execution that :meth:`Index.names` calls ``execution:SEGMENT/ID``."""
    segment, _, bare = name.partition("/")
    return segment.replace("%2F", "/").replace("%25", "%"), bare


def _compiled(small: plain.Names) -> Names:
    """The same names with the same numbers in the table for many."""
    from assay.genealogy.names import Names

    names = Names()
    names.number(small.all_ids(), small.places)
    return names


def _name(key: Key, *, alone: bool, again: bool) -> str:
    """The shortest name that can't be read as that of another node."""
    if key.kind == EXECUTION and (again or "/" in key.id):
        segment = (key.segment or "").replace("%", "%25").replace("/", "%2F")
        return f"{EXECUTION}:{segment}/{key.id}"
    return key.id if alone and ":" not in key.id else f"{key.kind}:{key.id}"


def _encoded(column: pa.Array) -> tuple[NDArray[np.int64], list[str]]:
    """A column of words as codes and the words, nothing as an empty word."""
    if not pa.types.is_dictionary(column.type):
        column = column.cast(pa.string()).dictionary_encode()
    words = [word or "" for word in column.dictionary.to_pylist()]
    if column.null_count:
        words.append("")
    codes = pc.fill_null(column.indices.cast(pa.int64()), len(words) - 1)
    return codes.to_numpy(zero_copy_only=False), words
