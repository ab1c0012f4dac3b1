"""Which movements of a genealogy are doubtful: a bit for each kind of finding, kept up while they arrive."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice

import numpy as np
from numpy.typing import NDArray

from assay.genealogy.actuals import NO_TIME, Actuals, Bools, Integers
from assay.genealogy.adjacency import SMALL, Adjacency
from assay.genealogy.checks import CHECKS, KINDS, Tolerances
from assay.genealogy.closure import Direction, closure
from assay.genealogy.finding import Finding
from assay.genealogy.index import EXECUTION, Index

OF_SUBJECT = ("open-end", "consumed-before-made", "overdrawn", "made-twice", "used-twice")
"""What all movements of a unit or lot, and of the executions that made it, can tell of it."""
OF_STEP = ("unbalanced", "position-twice")
"""What all movements of an execution can tell of it."""
_BIT = {kind: np.uint16(1 << number) for number, kind in enumerate(KINDS)}
_GROWN = 16
"""All movements are looked at anew when one in so many has come since the last time."""
_LOOKED = 50
"""Movements that are looked at for each finding that is wanted: many may rest on one."""
_NOBODY = np.empty(0, np.int64)

Declared = Callable[[Integers], Bools]


@dataclass(frozen=True)
class About:
    """What is doubtful among some movements.

    Attributes
    ----------
    movements
        Kind of finding to those of the movements that some finding of that kind rests on; kinds with none are
        left out.
    look
        Looks for the findings.
    """

    movements: dict[str, Integers]
    look: Callable[[], tuple[Finding, ...]]

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """The first findings of each kind, looked for when they are first asked for."""
        return self.look()


class Doubtful:
    """The doubtful movements of one index. The caller holds its lock, and gives the same index every time.

    What arrives is looked at together with the movements around it, so that the state is that of a look at
    everything, with two exceptions until one movement in sixteen is new: the clocks of two stations are
    compared at looks at everything only, and a stay of a carrier once found to overlap another remains so.
    """

    def __init__(self, within: Tolerances | None = None) -> None:
        self._within = within or Tolerances()
        self._bits = np.empty(0, np.uint16)
        self._seen = self._whole = 0
        self._gone = _NOBODY
        self._skews: list[Finding] = []

    # -- keeping up -------------------------------------------------------------------------------

    def follow(self, index: Index) -> None:
        """Look at what came since the last time."""
        graph = index.graph
        if graph.edges == self._seen:
            return
        if self._is_due(graph.edges):
            self._look_at_all(index)
        else:
            self._look_at_new(index)
        self._seen = graph.edges
        self._gone = np.flatnonzero(graph.barred)

    def _is_due(self, edges: int) -> bool:
        return edges <= SMALL or edges - self._whole > self._whole // _GROWN

    def _look_at_all(self, index: Index) -> None:
        self._bits = np.zeros(index.graph.edges, np.uint16)
        actuals = Actuals.of(index)
        for kind, check in CHECKS.items():
            found = check(actuals, self._within, _NOBODY)
            self._bits[found.edges] |= _BIT[kind]
            if kind == "clock-skew":
                self._skews = list(found.findings)
        self._whole = index.graph.edges

    def _look_at_new(self, index: Index) -> None:
        graph = index.graph
        new = np.arange(self._seen, graph.edges)
        if len(self._bits) < graph.edges:
            larger = np.zeros(graph.edges + graph.edges // _GROWN, np.uint16)
            larger[: self._seen] = self._bits[: self._seen]
            self._bits = larger
        ends = np.unique(np.concatenate([graph.tails[new], graph.heads[new]]))
        steps = ends[index.is_kind(ends, EXECUTION)]
        # Whether a step took something in decides whether its products were made of something.
        made = closure(graph, steps, Direction.FORWARD, max_depth=1).nodes
        actuals = _judging(index, np.union1d(ends, made))
        for kinds, thing in ((OF_SUBJECT, actuals.subject), (OF_STEP, actuals.execution)):
            self._again(kinds, actuals, actuals.edges[actuals.judged[thing]])
        self._again(("negative-quantity",), actuals, actuals.edges)
        # Old tangles can only have lost movements; a new one leads through something new.
        tangled = np.flatnonzero(self._bits[: self._seen] & _BIT["cycle"])
        if len(tangled):
            self._again(("cycle",), Actuals.of(index, np.union1d(tangled, actuals.edges)), tangled)
        beyond = closure(graph, graph.heads[new], Direction.FORWARD).edges
        self._again(("cycle",), Actuals.of(index, beyond), _NOBODY)
        self._carriers(index, new)

    def _again(self, kinds: Iterable[str], actuals: Actuals, edges: Integers) -> None:
        """Clear the bits of ``edges``, and set those of what the checks find."""
        for kind in kinds:
            self._bits[edges] &= ~_BIT[kind]
            self._bits[CHECKS[kind](actuals, self._within, _NOBODY).edges] |= _BIT[kind]

    def _carriers(self, index: Index, new: Integers) -> None:
        """Look at the carriers of new movements: at stays from then on or, after corrections, at all."""
        columns = index.columns
        gone = np.setdiff1d(np.flatnonzero(index.graph.barred), self._gone)
        rows = _with_carriers(index, np.concatenate([new, gone]))
        if not len(rows):
            return
        if len(gone):
            self._again(("carrier-twice",), Actuals.of(index, rows), rows)
            return
        started, ended = (columns.moments(name, new) for name in ("started", "ended"))
        began = np.where(started == NO_TIME, ended, started)
        since = began[began > NO_TIME].min(initial=np.iinfo(np.int64).max)
        last = np.maximum(columns.moments("started", rows), columns.moments("ended", rows))
        self._again(("carrier-twice",), Actuals.of(index, rows[last >= since]), rows[:0])

    # -- telling ----------------------------------------------------------------------------------

    def about(
        self, index: Index, edges: NDArray[np.integer], declared: Declared, *, most: int = 100
    ) -> About:
        """What is doubtful among some movements, the first ``most`` findings of each kind.

        Parameters
        ----------
        edges
            Numbers of the movements, ascending.
        declared
            Tells which of some things master data know.
        """
        bits = self._bits[edges]
        present = int(np.bitwise_or.reduce(bits, initial=0))
        movements: dict[str, Integers] = {}
        for kind in KINDS:
            if not present & int(_BIT[kind]):
                continue
            mine = edges[(bits & _BIT[kind]) != 0].astype(np.int64)
            if kind == "open-end":
                mine = mine[~_each(declared, index.graph.tails[mine].astype(np.int64))]
            if len(mine):
                movements[kind] = mine

        def look() -> tuple[Finding, ...]:
            of_each = (islice(self._named(index, kind, mine, most), most) for kind, mine in movements.items())
            return tuple(chain.from_iterable(of_each))

        return About(movements, look)

    def _named(self, index: Index, kind: str, mine: Integers, most: int) -> Iterable[Finding]:
        """Findings of a kind that rest on some of ``mine``."""
        if kind == "clock-skew":
            return (one for one in self._skews if np.isin(mine, one.edges).any())
        some = mine[: most * _LOOKED]
        if kind == "cycle":
            tangled = self._bits[: index.graph.edges] & _BIT[kind] != 0
            round_about = closure(
                index.graph, index.graph.heads[some], Direction.FORWARD, through=tangled
            ).edges
            return CHECKS[kind](Actuals.of(index, round_about), self._within, _NOBODY).findings
        actuals = Actuals.of(index, some)
        if kind == "carrier-twice":
            steps = set(actuals.nodes[actuals.execution].tolist())
            found = CHECKS[kind](Actuals.of(index, _with_carriers(index, some)), self._within, _NOBODY)
            return (one for one in found.findings if steps.intersection(one.nodes))
        thing = actuals.subject if kind in OF_SUBJECT else actuals.execution
        things = actuals.nodes[np.unique(thing)[:most]]
        found = CHECKS[kind](_judging(index, things), self._within, _NOBODY)
        mine_alone = set(some.tolist())
        return (one for one in found.findings if not mine_alone.isdisjoint(one.edges))


def _judging(index: Index, things: NDArray[np.integer]) -> Actuals:
    """The movements that tell whether some things are in order."""
    graph: Adjacency = index.graph
    ways = ((Direction.BACK, 2), (Direction.FORWARD, 1))
    around = [closure(graph, things, way, max_depth=depth).edges for way, depth in ways]
    judged = np.zeros(graph.nodes, np.bool_)
    judged[things] = True
    return Actuals.of(index, np.union1d(*around), judged)


def _with_carriers(index: Index, edges: Integers) -> Integers:
    """All movements on the carriers of some."""
    codes = np.unique(index.columns.codes("carrier", edges))
    words = index.columns.words_of("carrier", codes[codes > 0]).to_pylist()
    return np.flatnonzero(index.columns.among("carrier", words)) if words else _NOBODY


def _each(declared: Declared, things: Integers) -> Bools:
    different, which = np.unique(things, return_inverse=True)
    answer: Bools = declared(different)[which]
    return answer
