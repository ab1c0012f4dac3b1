"""Claims: units made or used twice, positions taken by two, and subjects of unknown origin."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from assay.genealogy.actuals import Actuals, Bools, Integers, grouped, repeated, runs
from assay.genealogy.finding import NOTHING, Finding, Found
from assay.model.kinds import Role


def made_twice(actuals: Actuals) -> Found:
    """Units that two executions of one segment made out of something.

    Work in place, which has nothing but an output, and rework, which takes the unit itself in, are legal.
    """
    took = np.zeros(len(actuals.nodes), np.bool_)
    took[actuals.execution[actuals.consumed & actuals.sure]] = True
    segment = actuals.words("segment")
    made = actuals.sure & actuals.role(Role.PRODUCED) & ~actuals.again & took[actuals.execution]
    made &= (actuals.is_unit & actuals.judged)[actuals.subject] & (segment > 0)
    row = repeated(actuals.subject, np.flatnonzero(made), len(actuals.nodes))
    return _several(actuals, "made-twice", row, (actuals.subject, segment), "execution")


def used_twice(actuals: Actuals) -> Found:
    """Units that more executions consumed than gave them back: two parents for one part."""
    count = len(actuals.nodes)
    taken = actuals.consumed & actuals.sure & (actuals.is_unit & actuals.judged)[actuals.subject]
    row = repeated(actuals.subject, np.flatnonzero(taken), count)
    if not len(row):
        return NOTHING
    wanted = np.zeros(count, np.bool_)
    wanted[actuals.subject[row]] = True
    back = ~actuals.inputs & actuals.sure & (actuals.role(Role.RETURNED) | actuals.again)
    back_rows = np.flatnonzero(back & wanted[actuals.subject])
    row, back_rows = _once(actuals, row), _once(actuals, back_rows)
    takes = np.bincount(actuals.subject[row], minlength=count)
    backs = np.bincount(actuals.subject[back_rows], minlength=count)
    row = row[(takes > 1 + backs)[actuals.subject[row]]]
    return _several(actuals, "used-twice", row, (actuals.subject,), "execution")


def placed_twice(actuals: Actuals) -> Found:
    """Positions, of a carrier where there is one, that two units took in one execution."""
    position = actuals.words("position")
    placed = actuals.consumed & actuals.sure & (position > 0)
    placed &= actuals.is_unit[actuals.subject] & actuals.judged[actuals.execution]
    row = np.flatnonzero(placed)
    key = actuals.execution[row] * np.int64(position.max(initial=0) + 1) + position[row]
    ranked = np.sort(key)
    twice = np.unique(ranked[1:][ranked[1:] == ranked[:-1]])
    row = row[np.isin(key, twice)] if len(twice) else row[:0]
    keys = (actuals.execution, actuals.words("carrier"), position)
    found = _several(actuals, "position-twice", row, keys, "subject")

    def findings() -> Iterator[Finding]:
        for finding in found.findings:
            code = position[np.searchsorted(actuals.edges, finding.edges[0])]
            word = str(actuals.index.columns.words_of("position", np.array([code]))[0].as_py())
            yield Finding(finding.kind, finding.nodes, finding.edges, {"position": word})

    return Found(found.count, found.edges, findings())


def open_ends(actuals: Actuals, declared: Integers) -> Found:
    """Subjects that something was made of, that nothing brought and nobody declared.

    Parameters
    ----------
    declared
        Codes of the things that master data know.
    """
    brought = np.zeros(len(actuals.nodes), np.bool_)
    brought[actuals.subject[~actuals.inputs]] = True
    brought |= np.isin(actuals.nodes, declared)
    row = np.flatnonzero(actuals.inputs & (~brought & actuals.judged)[actuals.subject])
    ends = np.zeros(len(actuals.nodes), np.bool_)
    ends[actuals.subject[row]] = True

    def findings() -> Iterator[Finding]:
        for place, rows in grouped(actuals.subject, row):
            yield Finding("open-end", (int(actuals.nodes[place]),), tuple(actuals.edges[rows].tolist()))

    return Found(int(ends.sum()), actuals.edges[row], findings())


def _once(actuals: Actuals, row: Integers) -> Integers:
    """The first of the rows of each execution and subject."""
    pairs = actuals.execution[row] * np.int64(len(actuals.nodes)) + actuals.subject[row]
    return row[np.unique(pairs, return_index=True)[1]]


def _several(actuals: Actuals, kind: str, row: Integers, keys: tuple[Integers, ...], other: str) -> Found:
    """A finding for each key among the rows that more than one execution (or subject) has."""
    if not len(row):
        return NOTHING
    far, near = actuals.execution, actuals.subject
    if other == "subject":
        far, near = near, far
    row = row[np.lexsort((far[row], *(key[row] for key in keys)))]
    new = np.logical_or.reduce([np.diff(key[row], prepend=-1) != 0 for key in keys])
    group = np.cumsum(new) - 1
    fresh: Bools = new | (np.diff(far[row], prepend=-1) != 0)
    several = np.bincount(group, fresh) > 1
    chosen = np.flatnonzero(several[group])

    def findings() -> Iterator[Finding]:
        for begin, end in runs(group[chosen]):
            mine = row[chosen[begin:end]]
            nodes = (near[mine[0]], *np.unique(far[mine]).tolist())
            edges = tuple(np.sort(actuals.edges[mine]).tolist())
            yield Finding(kind, tuple(actuals.nodes[list(nodes)].tolist()), edges)

    return Found(int(several.sum()), actuals.edges[row[chosen]], findings())
