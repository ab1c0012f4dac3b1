"""The actuals of a graph as arrays, for whoever looks at all of them at once instead of walking."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Self

import numpy as np
from numpy.typing import NDArray

from assay.genealogy.adjacency import walks
from assay.genealogy.columns import CERTAIN
from assay.genealogy.index import Index
from assay.model.errors import ModelError
from assay.model.kinds import Role
from assay.model.units import comparable, convert

Bools = NDArray[np.bool_]
Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

NO_TIME = np.iinfo(np.int64).min
MASS, VOLUME, LENGTH = "kg", "m3", "m"
_SCALES = {
    unit: (base, size)
    for base, sizes in {
        MASS: {"kg": 1.0, "g": 1e-3, "mg": 1e-6, "ug": 1e-9, "t": 1e3},
        VOLUME: {"m3": 1.0, "l": 1e-3, "ml": 1e-6, "cm3": 1e-6},
        LENGTH: {"m": 1.0, "mm": 1e-3, "cm": 1e-2, "km": 1e3},
    }.items()
    for unit, size in sizes.items()
}
"""The units plants weigh and measure in; others are converted by the full parser, which takes a second."""


@dataclass(frozen=True, eq=False)
class Actuals:
    """Movements that stand, one per entry of ``edges``; things are numbered by their place in ``nodes``.

    Attributes
    ----------
    edges
        Numbers of the edges, shape (m,).
    nodes
        Codes of the things among them, shape (n,).
    judged
        Of which things all movements are here, shape (n,).
    execution, subject
        Places in ``nodes``, shape (m,) each.
    """

    index: Index
    edges: Integers
    nodes: Integers
    judged: Bools
    execution: Integers
    subject: Integers

    @classmethod
    def of(cls, index: Index, edges: NDArray[np.integer] | None = None, judged: Bools | None = None) -> Self:
        """The actuals of some edges, of all without any; without those that were taken back.

        Parameters
        ----------
        judged
            By code, shape (nodes of the graph,): of which things all movements are among ``edges``.
        """
        graph = index.graph
        chosen = np.arange(graph.edges) if edges is None else edges.astype(np.int64)
        if len(graph.barred):
            chosen = chosen[graph.barred[chosen] == 0]
        tails, heads = graph.tails[chosen].astype(np.int64), graph.heads[chosen].astype(np.int64)
        if edges is None:
            nodes = np.arange(graph.nodes)
        else:
            nodes, places = np.unique(np.concatenate([tails, heads]), return_inverse=True)
            tails, heads = places[: len(tails)], places[len(tails) :]
        inputs = _among(index, index.columns.codes("role", chosen), (Role.CONSUMED, Role.USED))
        return cls(
            index,
            chosen,
            nodes,
            np.ones(len(nodes), np.bool_) if judged is None else judged[nodes],
            np.where(inputs, heads, tails),
            np.where(inputs, tails, heads),
        )

    def role(self, *roles: Role) -> Bools:
        """Which of them have one of some roles, shape (m,)."""
        return _among(self.index, self._roles, roles)

    @cached_property
    def _roles(self) -> Integers:
        return self.words("role")

    def words(self, name: str) -> Integers:
        """A column of words as codes, 0 for none, shape (m,)."""
        return self.index.columns.codes(name, self.edges)

    @cached_property
    def consumed(self) -> Bools:
        """Which of them used up their subject."""
        return self.role(Role.CONSUMED)

    @cached_property
    def inputs(self) -> Bools:
        """Which of them lead into an execution."""
        return self.role(Role.CONSUMED, Role.USED)

    @cached_property
    def sure(self) -> Bools:
        """Which of them were recorded, not inferred."""
        return self.index.columns.confidence(self.edges) >= CERTAIN

    @cached_property
    def quantity(self) -> Floats:
        """Quantity as recorded, NaN where none was, shape (m,)."""
        return self.index.columns.quantity(self.edges)

    @cached_property
    def amount(self) -> tuple[Floats, Integers, tuple[str, ...]]:
        """Quantities in one unit for each dimension, which dimension each has, and the units.

        Where no quantity was recorded the amount is NaN; no unit is a unit of its own.
        """
        codes = self.words("unit")
        present = np.unique(codes)
        factor = np.ones(int(present.max(initial=0)) + 1)
        bases: dict[str, int] = {}
        where = np.zeros(len(factor), np.int64)
        for code, word in zip(
            present.tolist(), self.index.columns.words_of("unit", present).to_pylist(), strict=True
        ):
            base, factor[code] = _scale(word or "")
            where[code] = bases.setdefault(base, len(bases))
        return self.quantity * factor[codes], where[codes], tuple(bases)

    @cached_property
    def began(self) -> Integers:
        """First moment, µs since 1970; :data:`NO_TIME` where none was recorded."""
        started, ended = (self.index.columns.moments(name, self.edges) for name in ("started", "ended"))
        return np.where(started == NO_TIME, ended, started)

    @cached_property
    def finished(self) -> Integers:
        """Last moment, µs since 1970; :data:`NO_TIME` where none was recorded."""
        started, ended = (self.index.columns.moments(name, self.edges) for name in ("started", "ended"))
        return np.maximum(started, ended)

    @cached_property
    def place(self) -> Integers:
        """The station of each: its equipment or, where none was recorded, its segment; 0 for neither."""
        equipment = self.words("equipment")
        return np.where(equipment > 0, equipment, -self.words("segment"))

    def place_name(self, place: int) -> str:
        """What a station is called."""
        name = "equipment" if place > 0 else "segment"
        return str(self.index.columns.words_of(name, np.array([abs(place)]))[0].as_py() or "")

    @cached_property
    def is_unit(self) -> Bools:
        """Which things are units, shape (n,)."""
        return self.index.is_kind(self.nodes, "unit")

    @cached_property
    def again(self) -> Bools:
        """Which of them have a counterpart: their subject goes into their execution and comes out of it."""
        execution, subject = self.execution.astype(np.int32), self.subject.astype(np.int32)
        found: Bools = walks(len(self.edges)).again(execution, subject, self.inputs, len(self.nodes))
        return found

    @cached_property
    def making(self) -> Bools:
        """Recorded outputs that begin their subject: it was neither returned nor worked on in the step."""
        return self.sure & ~self.inputs & ~self.role(Role.RETURNED) & ~self.again

    def slack(self, one: Integers, other: Integers, least: float) -> Floats:
        """Seconds by which the clocks of each two may differ: as their records state, at least ``least``."""
        stated = self.index.columns.clock_uncertainty
        return np.maximum(least, stated(self.edges[one]) + stated(self.edges[other]))


def runs(values: NDArray[np.integer]) -> Iterator[tuple[int, int]]:
    """Begin and end of each run of equal values."""
    if len(values):
        yield from pairwise([0, *(np.flatnonzero(np.diff(values)) + 1).tolist(), len(values)])


def grouped(key: Integers, row: Integers) -> Iterator[tuple[int, Integers]]:
    """Each key that some rows have, with those rows, ascending."""
    row = row[np.argsort(key[row], kind="stable")]
    for begin, end in runs(key[row]):
        yield int(key[row[begin]]), row[begin:end]


def repeated(key: Integers, row: Integers, count: int) -> Integers:
    """Those rows whose key, below ``count``, another one of them has too."""
    return row[(np.bincount(key[row], minlength=count) > 1)[key[row]]] if len(row) else row


def _among(index: Index, codes: Integers, roles: tuple[Role, ...]) -> Bools:
    wanted = np.zeros(len(Role) + 1, np.bool_)
    wanted[index.columns.codes_of("role", [role.value for role in roles])] = True
    found: Bools = wanted[codes]
    return found


def _scale(unit: str) -> tuple[str, float]:
    """The unit that amounts are added up in, and how many of it one of ``unit`` is."""
    if unit in _SCALES:
        return _SCALES[unit]
    if not unit or unit == "1" or unit.startswith("{"):
        return unit, 1.0
    try:
        for base in (MASS, VOLUME, LENGTH):
            if comparable(unit, base):
                return base, float(convert([1.0], unit, base)[0])
    except ModelError:
        pass  # a unit that isn't one is only the same as itself
    return unit, 1.0
