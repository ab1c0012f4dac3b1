"""From ids to node codes and back."""

from __future__ import annotations

from dataclasses import dataclass

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


@dataclass(frozen=True)
class Index:
    """A genealogy graph whose nodes are named by (kind, id).

    A node's word is the number of its id in ``ids``, so a unit and an execution may share an id and
    still be two nodes.
    """

    graph: Adjacency
    ids: pa.Array
    kinds: tuple[str, ...]
    words: NDArray[np.int64]
    node_kinds: NDArray[np.int64]

    @classmethod
    def build(cls, movements: pa.Table) -> Index:
        """Number the nodes and build the graph, in time linear in the movements.

        Parameters
        ----------
        movements
            Columns ``execution``, ``role``, ``subject``, ``subject_kind``, none of them null.

        Raises
        ------
        ModelError
            A role is none of the six.
        """
        count = len(movements)
        named = [_text(movements, name) for name in ("execution", "subject")]
        encoded = pa.chunked_array([chunk for column in named for chunk in column.chunks], pa.string())
        encoded = encoded.combine_chunks().dictionary_encode()
        codes = _numbers(encoded.indices)
        kind_codes, kind_words = _encoded(movements, "subject_kind")
        kinds = tuple(dict.fromkeys([*KINDS, *kind_words]))
        kind_of = np.array([kinds.index(word) for word in kind_words], dtype=np.int64)
        roles, role_words = _encoded(movements, "role")

        slots = codes * len(kinds)
        slots[:count] += kinds.index(EXECUTION)
        slots[count:] += kind_of[kind_codes]
        present = np.zeros(len(encoded.dictionary) * len(kinds), dtype=np.bool_)
        present[slots] = True
        number = np.cumsum(present) - 1
        nodes = np.flatnonzero(present)
        graph = Adjacency.build(
            number[slots[:count]],
            input_mask(role_words)[roles],
            number[slots[count:]],
            nodes=len(nodes),
        )
        return cls(graph, encoded.dictionary, kinds, nodes // len(kinds), nodes % len(kinds))

    def find(self, wanted: str) -> int | None:
        """The node that ``wanted`` names: an id, or ``kind:id``; None when there is none."""
        kind, _, bare = wanted.partition(":")
        if kind in self.kinds and bare and (node := self._node(bare, (kind,))) is not None:
            return node
        return self._node(wanted, self.kinds)

    def _node(self, bare: str, kinds: tuple[str, ...]) -> int | None:
        word = pc.index(self.ids, pa.scalar(bare, pa.string())).as_py()
        if word < 0:
            return None
        first = int(np.searchsorted(self.words, word))
        for kind in kinds:
            for node in range(first, min(first + len(self.kinds), len(self.words))):
                if self.words[node] == word and self.kinds[self.node_kinds[node]] == kind:
                    return node
        return None

    def keys(self, nodes: NDArray[np.integer]) -> list[tuple[str, str]]:
        """The (kind, id) of each of ``nodes``, shape (n,)."""
        ids = self.ids.take(pa.array(self.words[nodes])).to_pylist()
        kinds = (self.kinds[kind] for kind in self.node_kinds[nodes])
        return list(zip(kinds, ids, strict=True))

    def names(self, nodes: NDArray[np.integer]) -> list[str]:
        """What :meth:`find` takes to find each of ``nodes``: the id, with its kind in front where needed."""
        is_first = np.ones(len(self.words), dtype=np.bool_)
        is_first[1:] = self.words[1:] != self.words[:-1]
        named = zip(self.keys(nodes), is_first[nodes], strict=True)
        return [bare if first else f"{kind}:{bare}" for (kind, bare), first in named]

    def near(self, wanted: str) -> list[str]:
        """Ids that share the longest beginning with ``wanted``: candidates for a misspelt one."""
        for length in range(len(wanted), -1, -1):
            found = self.ids.filter(pc.starts_with(self.ids, wanted[:length]))
            if len(found):
                return list(found.slice(0, _NEAR).to_pylist())
        return []


def _text(table: pa.Table, name: str) -> pa.ChunkedArray:
    return table.column(name).cast(pa.string())


def _encoded(table: pa.Table, name: str) -> tuple[NDArray[np.int64], list[str]]:
    encoded = _text(table, name).combine_chunks().dictionary_encode()
    return _numbers(encoded.indices), encoded.dictionary.to_pylist()


def _numbers(codes: pa.Array) -> NDArray[np.int64]:
    return np.asarray(codes.to_numpy(zero_copy_only=False), dtype=np.int64)
