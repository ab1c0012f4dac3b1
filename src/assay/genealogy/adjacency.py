"""The graph as two compressed sparse row (CSR) tables, one per direction, and lists of what arrived since."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from assay.genealogy import plain
from assay.model.errors import ModelError
from assay.model.kinds import Role

INPUT_ROLES = frozenset({Role.CONSUMED, Role.USED})
"""Actuals that lead from the subject into the execution (ISA-95 part 2, material use of an actual)."""

OUTPUT_ROLES = frozenset({Role.PRODUCED, Role.BY_PRODUCT, Role.SAMPLE, Role.RETURNED})
"""Actuals that lead from the execution to the subject.

A *sample* is drawn off by the execution: as an output, a failing sample leads back to the step it was
drawn from and to everything that went into it; as an input that path would be lost. A *returned*
subject has been in the hands of the execution, so a recall must follow it, even where the same lot
was consumed by it: such loops are legal and every traversal here ends.
"""


def input_mask(roles: Sequence[str]) -> NDArray[np.bool_]:
    """Which of ``roles`` are inputs.

    Parameters
    ----------
    roles
        Values of :class:`~assay.model.kinds.Role`, shape (n,).

    Returns
    -------
    Boolean array, shape (n,): True for subject → execution, False for execution → subject.

    Raises
    ------
    ModelError
        A role is none of the six.
    """
    known = {role.value for role in Role}
    inputs = {role.value for role in INPUT_ROLES}
    for role in roles:
        if role not in known:
            raise ModelError(
                f"movement role {role!r} is not one of {', '.join(sorted(known))}",
                hint="Correct the role in the mapping and load the file again.",
            )
    return np.array([role in inputs for role in roles], dtype=np.bool_)


_LISTED_SHARE = 16
_LISTED_LEAST = 500_000
"""The lists are settled into the rows when they hold more than this, and than one in so many of all edges."""
_MOST = np.iinfo(np.int32).max
SMALL = 100_000
"""Up to so many edges a graph is walked without compiled functions: loading those takes a second."""


def walks(edges: int) -> ModuleType:
    """The functions to walk a graph of so many edges with."""
    if edges <= SMALL:
        return plain
    from assay.genealogy import walking

    return walking


class Half:
    """One direction: the settled edges of node i are ``edges[offsets[i]:offsets[i + 1]]``.

    ``ends[k]`` is the node that edge k leads to. Edges from number ``len(edges)`` on hang in lists: ``first``
    has the newest one of each node, ``after`` the one before it (both counted from the first listed edge, −1
    for none).
    """

    def __init__(self, tails: NDArray[np.int32], heads: NDArray[np.int32], nodes: int) -> None:
        self.offsets, self.edges = walks(len(tails)).sorted_by(tails, nodes)
        # The graph's own, and not once more in the order of the rows: edges of one node lie close together.
        self.ends = heads
        self.first = np.empty(0, np.int32)
        self.after = np.empty(0, np.int32)

    def hang(self, tails: NDArray[np.int32], heads: NDArray[np.int32], nodes: int) -> None:
        """List the edges that came to ``tails`` and ``heads`` since the last time."""
        base, before = len(self.edges), len(self.after)
        if nodes > len(self.first):
            # Room for more nodes than there are: nodes come with every batch.
            first = np.full(nodes + nodes // 8 + 1024, -1, np.int32)
            first[: len(self.first)] = self.first
            self.first = first
        after = np.empty(len(tails) - base, np.int32)
        after[:before] = self.after
        walks(len(tails)).chained(tails, base + before, base, self.first, after)
        self.after = after
        self.ends = heads


class Adjacency:
    """A genealogy graph of ``nodes`` nodes and one edge per actual; it grows while actuals arrive.

    ``tails[i] → heads[i]`` is edge i, in the order of the actuals. Parallel edges (the same subject twice in
    one execution, at two positions) are kept apart. ``barred`` marks edges that were taken back: no walk uses
    them. It is empty as long as there are none.
    """

    def __init__(self, nodes: int = 0) -> None:
        self.nodes = nodes
        self._tails = np.empty(0, np.int32)
        self._heads = np.empty(0, np.int32)
        self._edges = 0
        self.barred = np.empty(0, np.uint8)
        self.settle()

    @property
    def edges(self) -> int:
        """How many edges there are: as many as actuals."""
        return self._edges

    @property
    def tails(self) -> NDArray[np.int32]:
        """Where each edge begins, shape (edges,)."""
        return self._tails[: self._edges]

    @property
    def heads(self) -> NDArray[np.int32]:
        """Where each edge ends, shape (edges,)."""
        return self._heads[: self._edges]

    @classmethod
    def build(
        cls,
        execution: NDArray[np.integer],
        is_input: NDArray[np.bool_],
        subject: NDArray[np.integer],
        *,
        nodes: int | None = None,
    ) -> Self:
        """Build the graph from actuals, in O(edges + nodes).

        Parameters
        ----------
        execution, subject
            Node codes, shape (n,), 0-based; executions and subjects share one numbering, so no code
            may mean both.
        is_input
            Shape (n,): True where the subject goes into the execution (see :func:`input_mask`).
        nodes
            Number of nodes; by default one more than the largest code.

        Raises
        ------
        ModelError
            The arrays differ in length, or a code lies outside 0 … nodes - 1.
        """
        largest = max((int(codes.max()) for codes in (execution, subject) if len(codes)), default=-1)
        graph = cls()
        graph.add(execution, is_input, subject, nodes=largest + 1 if nodes is None else nodes)
        graph.settle()
        return graph

    def reserve(self, edges: int) -> None:
        """Make room for so many more edges, so that nothing has to be moved."""
        wanted = self._edges + edges
        if wanted > _MOST:
            raise ModelError(f"a genealogy in memory holds at most {_MOST:,} movements, not {wanted:,}")
        if wanted > len(self._tails):
            room = max(wanted, len(self._tails) * 3 // 2)
            for name in ("_tails", "_heads"):
                larger = np.empty(room, np.int32)
                larger[: self._edges] = getattr(self, name)[: self._edges]
                setattr(self, name, larger)

    def add(
        self,
        execution: NDArray[np.integer],
        is_input: NDArray[np.bool_],
        subject: NDArray[np.integer],
        *,
        nodes: int,
    ) -> None:
        """Add edges as in :meth:`build`; walks see them after :meth:`list_new` or :meth:`settle`."""
        if not len(execution) == len(is_input) == len(subject):
            raise ModelError(
                f"genealogy needs arrays of one length, got {len(execution)} executions, "
                f"{len(is_input)} roles and {len(subject)} subjects"
            )
        codes = [(int(c.min()), int(c.max())) for c in (execution, subject) if len(c)]
        smallest, largest = min((a for a, _ in codes), default=0), max((b for _, b in codes), default=-1)
        if smallest < 0 or largest >= nodes or nodes > _MOST:
            raise ModelError(f"genealogy codes run from {smallest} to {largest}, outside 0 to {nodes - 1}")
        self.reserve(len(execution))
        new = slice(self._edges, self._edges + len(execution))
        self._tails[new] = np.where(is_input, subject, execution)
        self._heads[new] = np.where(is_input, execution, subject)
        self._edges = new.stop
        self.nodes = nodes

    def list_new(self) -> None:
        """Let walks see the edges added since, in time that grows with their number alone."""
        listed = self._edges - len(self.forward.edges)
        if listed > max(_LISTED_LEAST, self._edges // _LISTED_SHARE):
            self.settle()
            return
        self.forward.hang(self.tails, self.heads, self.nodes)
        self.backward.hang(self.heads, self.tails, self.nodes)
        if len(self.barred):
            self.barred = np.concatenate([self.barred, np.zeros(self._edges - len(self.barred), np.uint8)])

    def settle(self) -> None:
        """Sort all edges into the two tables."""
        self.forward = Half(self.tails, self.heads, self.nodes)
        self.backward = Half(self.heads, self.tails, self.nodes)
        if len(self.barred) < self._edges and len(self.barred):
            self.barred = np.concatenate([self.barred, np.zeros(self._edges - len(self.barred), np.uint8)])

    def redirect(self, alias: NDArray[np.int32]) -> None:
        """Let every edge of a node i be one of ``alias[i]``; call :meth:`settle` afterwards."""
        self._tails[: self._edges] = alias[self.tails]
        self._heads[: self._edges] = alias[self.heads]

    def between(self, tail: int, head: int) -> NDArray[np.int64]:
        """The edges that lead from one node to another, ascending; barred ones too."""
        half = self.forward
        found = [np.empty(0, np.int64)]
        if tail < len(half.offsets) - 1:
            mine = half.edges[half.offsets[tail] : half.offsets[tail + 1]]
            found.append(mine[half.ends[mine] == head])
        link = int(half.first[tail]) if tail < len(half.first) else -1
        while link >= 0:
            edge = len(half.edges) + link
            if half.ends[edge] == head:
                found.append(np.array([edge]))
            link = int(half.after[link])
        return np.sort(np.concatenate(found))

    def bar(self, edges: NDArray[np.integer]) -> None:
        """Take edges back: walks no longer use them."""
        if not len(self.barred):
            self.barred = np.zeros(self._edges, np.uint8)
        self.barred[edges] = 1
