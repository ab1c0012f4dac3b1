"""From ids to node codes and back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.genealogy.adjacency import Adjacency, input_mask

EXECUTION = "execution"
KINDS = ("unit", "lot", EXECUTION)
"""Kinds of node; a bare id means the first of these that exists."""

_NEAR = 5_000
"""How many ids a search for close ones looks at: string distance costs about 20 µs each."""
_DENSE = 1 << 27
"""Node slots up to which numbering goes by a bitmap instead of a sort."""


class Key(NamedTuple):
    """What a node is: its kind, its id and, for executions, the segment ("" where none was recorded).

    Stations count their executions for themselves, so an execution is known by segment and id together:
    by id alone, a path would be invented between two stations that use the same number.
    """

    kind: str
    id: str
    segment: str | None = None


@dataclass(frozen=True)
class Index:
    """A genealogy graph whose nodes have names.

    A node is an id (``words``: its number in ``ids``) as a kind of subject, or as the execution of one
    segment (``places``: kinds of subject first, then segments). Nodes are in the order of words, then places.
    """

    graph: Adjacency
    ids: pa.Array
    kinds: tuple[str, ...]
    segments: tuple[str, ...]
    words: NDArray[np.int64]
    places: NDArray[np.int64]

    @classmethod
    def build(cls, movements: pa.Table) -> Index:
        """Number the nodes and build the graph.

        Parameters
        ----------
        movements
            Columns ``execution``, ``role``, ``subject``, ``subject_kind``, none of them null; ``segment``.

        Raises
        ------
        ModelError
            A role is none of the six.
        """
        count = len(movements)
        named = [movements.column(name).cast(pa.string()) for name in ("execution", "subject")]
        encoded = pa.chunked_array([chunk for column in named for chunk in column.chunks], pa.string())
        encoded = encoded.combine_chunks().dictionary_encode()
        kind_codes, kind_words = _encoded(movements, "subject_kind")
        segment_codes, segments = _encoded(movements, "segment")
        role_codes, roles = _encoded(movements, "role")
        kinds = tuple(dict.fromkeys([*KINDS[:2], *(kind for kind in kind_words if kind != EXECUTION)]))

        words = _numbers(encoded.indices)
        if "" in segments:
            segment_codes = _completed(
                words[:count], segment_codes, segments.index(""), len(encoded.dictionary)
            )
        step_place = len(kinds) + segment_codes
        kind_place = np.array([kinds.index(k) if k in kinds else -1 for k in kind_words], dtype=np.int64)
        subject_place = kind_place[kind_codes] if count else kind_codes
        subject_place = np.where(subject_place < 0, step_place, subject_place)
        width = len(kinds) + len(segments)
        slots = words * width + np.concatenate([step_place, subject_place])
        nodes, number = _renumbered(slots, len(encoded.dictionary) * width)
        graph = Adjacency.build(
            number[:count], input_mask(roles)[role_codes], number[count:], nodes=len(nodes)
        )
        return cls(graph, encoded.dictionary, kinds, tuple(segments), nodes // width, nodes % width)

    def find(self, wanted: str) -> list[int]:
        """The nodes that ``wanted`` may mean: none, one, or the executions of several segments.

        ``wanted`` is an id, ``kind:ID`` or ``execution:SEGMENT/ID``; a bare id means the unit, then the lot,
        then the execution.
        """
        kind, _, rest = wanted.partition(":")
        if rest and kind in self.kinds and (found := self._subjects(rest, kind)):
            return found
        if rest and kind == EXECUTION and (found := self._named(rest) or self._executions(rest)):
            return found
        for kind in self.kinds:
            if found := self._subjects(wanted, kind):
                return found
        return self._executions(wanted)

    def locate(self, kind: str, ids: pa.Array) -> NDArray[np.int64]:
        """The nodes of many ids of one kind (executions: in every segment); unknown ids are left out."""
        words = pc.index_in(ids.cast(pa.string()), value_set=self.ids).drop_null()
        wanted = np.unique(words.to_numpy(zero_copy_only=False).astype(np.int64))
        at = np.flatnonzero(np.isin(self.words, wanted))
        places = self.places[at]
        if kind == EXECUTION:
            return at[places >= len(self.kinds)]
        return at[places == self.kinds.index(kind)] if kind in self.kinds else at[:0]

    def _nodes(self, bare: str) -> range:
        """The nodes of one id."""
        word = pc.index(self.ids, pa.scalar(bare, pa.string())).as_py()
        if word < 0:
            return range(0)
        return range(*np.searchsorted(self.words, [word, word + 1]).tolist())

    def _subjects(self, bare: str, kind: str) -> list[int]:
        return [node for node in self._nodes(bare) if self.places[node] == self.kinds.index(kind)]

    def _executions(self, wanted: str) -> list[int]:
        found = list(self._executions_of(wanted))
        at = wanted.find("/")
        while not found and at >= 0:
            found = self._execution_in(wanted[:at], wanted[at + 1 :])
            at = wanted.find("/", at + 1)
        return found

    def _execution_in(self, segment: str, bare: str) -> list[int]:
        return [node for node in self._executions_of(bare) if self._segment(node) == segment]

    def _named(self, name: str) -> list[int]:
        """The execution that :meth:`names` calls ``SEGMENT/ID``: the first ``/`` ends the segment."""
        return self._execution_in(*segment_and_id(name))

    def _executions_of(self, bare: str) -> Iterator[int]:
        return (node for node in self._nodes(bare) if self.places[node] >= len(self.kinds))

    def _segment(self, node: int) -> str:
        return self.segments[int(self.places[node]) - len(self.kinds)]

    def keys(self, nodes: NDArray[np.integer]) -> list[Key]:
        """What each of ``nodes`` is, shape (n,)."""
        ids = self.ids.take(pa.array(self.words[nodes])).to_pylist()
        kinds: list[tuple[str, str | None]] = [(kind, None) for kind in self.kinds]
        kinds += [(EXECUTION, segment) for segment in self.segments]
        places = (kinds[place] for place in self.places[nodes].tolist())
        return [Key(kind, bare, segment) for (kind, segment), bare in zip(places, ids, strict=True)]

    def names(self, nodes: NDArray[np.integer]) -> list[str]:
        """What :meth:`find` takes to find each of ``nodes``: the bare id wherever it means the node alone."""
        is_first = np.ones(len(self.words), dtype=np.bool_)
        is_first[1:] = self.words[1:] != self.words[:-1]
        repeated = self.repeated(nodes)
        return [
            _name(key, alone=first and not again, again=again)
            for key, first, again in zip(self.keys(nodes), is_first[nodes], repeated, strict=True)
        ]

    def repeated(self, nodes: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Which of ``nodes`` are executions whose id is used in another segment too, shape (n,)."""
        steps = self.places >= len(self.kinds)
        beside = (self.words[1:] == self.words[:-1]) & steps[1:] & steps[:-1]
        again = np.zeros(len(self.words), dtype=np.bool_)
        again[1:] |= beside
        again[:-1] |= beside
        found: NDArray[np.bool_] = again[nodes]
        return found

    def near(self, wanted: str) -> list[str]:
        """Ids that share the longest beginning with ``wanted``: candidates for a misspelt one."""
        for length in range(len(wanted), -1, -1):
            found = self.ids.filter(pc.starts_with(self.ids, wanted[:length]))
            if len(found):
                return list(found.slice(0, _NEAR).to_pylist())
        return []


def segment_and_id(name: str) -> tuple[str, str]:
    """The segment and the id of an execution that :meth:`Index.names` calls ``execution:SEGMENT/ID``."""
    segment, _, bare = name.partition("/")
    return segment.replace("%2F", "/").replace("%25", "%"), bare


def _name(key: Key, *, alone: bool, again: bool) -> str:
    """The shortest name that can't be read as that of another node."""
    if key.kind == EXECUTION and (again or "/" in key.id):
        segment = (key.segment or "").replace("%", "%25").replace("/", "%2F")
        return f"{EXECUTION}:{segment}/{key.id}"
    return key.id if alone and ":" not in key.id else f"{key.kind}:{key.id}"


def _renumbered(slots: NDArray[np.int64], size: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The slots that occur, ascending, and for each entry the number of its slot among them."""
    if size > _DENSE:
        return np.unique(slots, return_inverse=True)
    present = np.zeros(size, dtype=np.bool_)
    present[slots] = True
    return np.flatnonzero(present), (np.cumsum(present) - 1)[slots]


def _completed(
    steps: NDArray[np.int64], segments: NDArray[np.int64], unknown: int, words: int
) -> NDArray[np.int64]:
    """Segment of each actual, with the one its execution has elsewhere where the actual names none.

    An actual without a segment belongs to the only execution of its id; where several segments use the id it
    cannot be told, and keeps its own.
    """
    known = segments != unknown
    only = np.full(words, unknown)
    only[steps[known]] = segments[known]
    several = np.zeros(words, dtype=np.bool_)
    several[steps[known & (only[steps] != segments)]] = True
    return np.where(known | several[steps], segments, only[steps])


def _encoded(table: pa.Table, name: str) -> tuple[NDArray[np.int64], list[str]]:
    column = pc.fill_null(table.column(name).cast(pa.string()), "")
    encoded = column.combine_chunks().dictionary_encode()
    return _numbers(encoded.indices), encoded.dictionary.to_pylist()


def _numbers(codes: pa.Array) -> NDArray[np.int64]:
    return np.asarray(codes.to_numpy(zero_copy_only=False), dtype=np.int64)
