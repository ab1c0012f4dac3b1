"""The graph as two compressed sparse row (CSR) tables, one per direction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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


@dataclass(frozen=True)
class _Half:
    """One direction: the neighbours of node i are ``targets[offsets[i]:offsets[i + 1]]``.

    ``edges`` runs beside ``targets`` and names the actual (input row) each neighbour comes from.
    """

    offsets: NDArray[np.int64]
    targets: NDArray[np.int32]
    edges: NDArray[np.int64]

    @staticmethod
    def of(tails: NDArray[np.int32], heads: NDArray[np.int32], nodes: int) -> _Half:
        order = np.argsort(tails, kind="stable")
        offsets = np.zeros(nodes + 1, dtype=np.int64)
        np.cumsum(np.bincount(tails, minlength=nodes), out=offsets[1:])
        return _Half(offsets, heads[order], order.astype(np.int64, copy=False))

    def around(self, frontier: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """All neighbours of ``frontier`` and the edges to them, in the order of the frontier."""
        starts = self.offsets[frontier]
        counts = self.offsets[frontier + 1] - starts
        total = int(counts.sum())
        if total == 0:
            return np.empty(0, np.int32), np.empty(0, np.int64)
        ends = np.cumsum(counts)
        at = np.arange(total, dtype=np.int64) + np.repeat(starts - (ends - counts), counts)
        return self.targets[at], self.edges[at]


@dataclass(frozen=True)
class Adjacency:
    """A genealogy graph of ``nodes`` nodes and one edge per actual.

    ``tails[i] → heads[i]`` is edge i, in the order of the actuals it was built from. Parallel edges
    (the same subject twice in one execution, at two positions) are kept apart.
    """

    nodes: int
    tails: NDArray[np.int32]
    heads: NDArray[np.int32]
    forward: _Half
    backward: _Half

    @property
    def edges(self) -> int:
        """How many edges there are: as many as actuals."""
        return len(self.tails)

    @classmethod
    def build(
        cls,
        execution: NDArray[np.integer],
        is_input: NDArray[np.bool_],
        subject: NDArray[np.integer],
        *,
        nodes: int | None = None,
    ) -> Adjacency:
        """Build the graph from actuals, in O(edges · log edges).

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
        if not len(execution) == len(is_input) == len(subject):
            raise ModelError(
                f"genealogy needs arrays of one length, got {len(execution)} executions, "
                f"{len(is_input)} roles and {len(subject)} subjects"
            )
        largest = max((int(codes.max()) for codes in (execution, subject) if len(codes)), default=-1)
        smallest = min((int(codes.min()) for codes in (execution, subject) if len(codes)), default=0)
        count = largest + 1 if nodes is None else nodes
        if smallest < 0 or largest >= count or count > np.iinfo(np.int32).max:
            raise ModelError(f"genealogy codes run from {smallest} to {largest}, outside 0 to {count - 1}")
        step = execution.astype(np.int32, copy=False)
        thing = subject.astype(np.int32, copy=False)
        tails = np.where(is_input, thing, step)
        heads = np.where(is_input, step, thing)
        return cls(count, tails, heads, _Half.of(tails, heads, count), _Half.of(heads, tails, count))
