"""Cycles: things that are made, by whatever way round, of themselves."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from assay.genealogy.actuals import Actuals, Integers, runs
from assay.genealogy.adjacency import walks
from assay.genealogy.finding import NOTHING, Finding, Found
from assay.model.kinds import Role


def cycles(actuals: Actuals) -> Found:
    """One shortest way round of each tangle of recorded movements; all movements of the tangle are doubtful.

    Rework is legal: a subject that is returned, and one that a step used and brings out again. Inferred
    movements are alternatives, of which not all can be true, and close no cycle.
    """
    inputs = actuals.inputs
    kept = actuals.sure & ~actuals.role(Role.RETURNED)
    used = actuals.role(Role.USED)
    if used.any():
        kept &= ~(used & actuals.again)
    row = np.flatnonzero(kept)
    tails = np.where(inputs, actuals.subject, actuals.execution)[row]
    heads = np.where(inputs, actuals.execution, actuals.subject)[row]
    ends = tails.astype(np.int32), heads.astype(np.int32)
    left = walks(len(row)).between_cycles(*ends, len(actuals.nodes))
    if not left.any():
        return NOTHING
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    row, tails, heads = row[left], tails[left], heads[left]
    things, places = np.unique(np.concatenate([tails, heads]), return_inverse=True)
    tails, heads = places[: len(row)], places[len(row) :]
    ways = csr_array((np.ones(len(row), np.int8), (tails, heads)), shape=(len(things), len(things)))
    _, part = connected_components(ways, directed=True, connection="strong")
    inside = part[tails] == part[heads]
    row, tails, heads = row[inside], tails[inside], heads[inside]
    order = np.lexsort((row, tails, part[tails]))
    row, tails, heads = row[order], tails[order], heads[order]
    tangles = list(runs(part[tails]))

    def findings() -> Iterator[Finding]:
        for begin, end in tangles:
            yield _round(actuals, things, tails[begin:end], heads[begin:end], row[begin:end])

    return Found(len(tangles), actuals.edges[row], findings())


def _round(actuals: Actuals, things: Integers, tails: Integers, heads: Integers, row: Integers) -> Finding:
    """A shortest way from the first unit or lot of a tangle back to itself."""
    out: dict[int, list[tuple[int, int]]] = {}
    for tail, head, edge in zip(tails.tolist(), heads.tolist(), row.tolist(), strict=True):
        out.setdefault(tail, []).append((head, edge))
    first = int(tails[actuals.inputs[row]][0])
    came: dict[int, tuple[int, int]] = {}
    front = [first]
    while first not in came:
        after = []
        for tail in front:
            for head, edge in out[tail]:
                if head not in came:
                    came[head] = (tail, edge)
                    after.append(head)
        front = after
    way: list[int] = []
    edges: list[int] = []
    at = first
    while not way or at != first:
        at, edge = came[at]
        way.append(at)
        edges.append(edge)
    codes = actuals.nodes[things[way[::-1]]].tolist()
    values = {"things": float(len(np.unique(tails)))}
    return Finding("cycle", tuple(codes), tuple(actuals.edges[edges[::-1]].tolist()), values)
