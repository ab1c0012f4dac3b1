"""Which things are independent: units are compared with units, runs on one unit with each other.

A factor that never changes on a unit is tested over units (layer ``between``); one that changes from run to
run is tested inside units (layer ``within``); one that does both is tested both ways, with the better of
the two p-values doubled. Causes already found become strata of the layer they act in; a cause that acts
inside units is taken out of the units' totals when units do not share it evenly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.analyse.cause.layer import Coded, Layer, renumber
from assay.analyse.cause.problem import Codes, Factor, Flags, Floats, Problem
from assay.stats.stratified import tally

_MOSTLY = 0.9
_COMMON = 20
_MOST_COMMON = 5


@dataclass(frozen=True)
class _Units:
    code: NDArray[np.int64]  # (N,) unit of each subject
    count: int
    first: NDArray[np.int64]  # (U,) one subject of each unit
    size: NDArray[np.int64]  # (U,)


class Arrangement:
    """The layers of a problem, refined as causes are found.

    Parameters
    ----------
    problem
        What is to be explained.
    factors
        The factors to test; by default the problem's own.
    """

    def __init__(self, problem: Problem, factors: tuple[Factor, ...] | None = None) -> None:
        self._problem = problem
        self._response = problem.response()
        self.rows = renumber(problem.strata)[0]
        """Strata of single subjects: the problem's own refined by every cause so far."""
        self._cells = self.rows
        self._units = _units(problem)
        self._conditions: list[tuple[Factor, Codes | Flags]] = []
        tested = problem.factors if factors is None else factors
        if self._units is None:
            coded = {factor.name: Coded(factor.codes, factor.levels) for factor in tested}
            self.between = Layer(self._response, self.rows, coded)
            self.within: Layer | None = None
        else:
            self._arrange(tested, self._units)

    def _arrange(self, factors: tuple[Factor, ...], units: _Units) -> None:
        between, within = {}, {}
        for factor in factors:
            share = _changing_share(factor.codes, units)
            if share < _MOSTLY:
                between[factor.name] = Coded(_per_unit(factor.codes, factor.levels, units), factor.levels)
            if share > 0:
                within[factor.name] = Coded(factor.codes, factor.levels)
        size_class = _size_class(units.size)
        self._scale = _means(units.size, size_class) / units.size
        strata = self.rows[units.first] * (int(size_class.max()) + 1) + size_class
        self.between = Layer(self._totals(units), strata, between)
        self.within = Layer(self._response, units.code, within)

    def _totals(self, units: _Units, taken_out: Floats | None = None) -> Floats:
        """Summed response of each unit less what is taken out, brought to the size usual in its class."""
        response = self._response if taken_out is None else self._response - taken_out
        return tally(units.code, response, count=units.count) * self._scale

    @property
    def clusters(self) -> NDArray[np.int64] | None:
        """Unit code per subject for intervals, or None when every subject is its own unit."""
        return None if self._units is None else self._units.code

    def layers_of(self, name: str) -> list[Layer]:
        """The layers a factor is tested in."""
        layers = [self.between] if self.within is None else [self.between, self.within]
        return [layer for layer in layers if name in layer.factors]

    def within_levels_of(self, rival: Factor, factors: tuple[Factor, ...]) -> Arrangement:
        """The same comparison of ``factors``, but only among subjects with equal levels of ``rival``."""
        closer = Arrangement(self._problem, (*factors, rival, *(factor for factor, _ in self._conditions)))
        for factor, part in [*self._conditions, (rival, rival.codes.astype(np.int64) + 1)]:
            closer.condition_on(factor, part)
        return closer

    def condition_on(self, factor: Factor, part: Codes | Flags) -> None:
        """Compare only subjects with equal ``part`` (shape ``(N,)``) of ``factor`` from now on."""
        name = factor.name
        self._conditions.append((factor, part))
        self.rows = renumber(self.rows * (int(part.max(initial=0)) + 1) + part)[0]
        if self._units is None or self.within is None:
            self.between.split(part)
            return
        if name in self.between.factors:
            levels = int(part.max(initial=0)) + 1
            per_unit = _per_unit(part, levels, self._units)
            self.between.split(per_unit == 1 if part.dtype == np.bool_ else per_unit)
        if name in self.within.factors:
            self.within.split(part)
            self._cells = renumber(self._cells * (int(part.max(initial=0)) + 1) + part)[0]
            self._take_out_of_totals(self._units)

    def _take_out_of_totals(self, units: _Units) -> None:
        base = renumber(self._problem.strata)[0]
        effect = _means(self._response, self._cells) - _means(self._response, base)
        if np.abs(tally(units.code, effect, count=units.count)).max(initial=0) > 1e-9:
            self.between.answer(self._totals(units, effect))


def _units(problem: Problem) -> _Units | None:
    if problem.clusters is None:
        return None
    joined = problem.clusters.astype(np.int64) * (int(problem.strata.max(initial=0)) + 1) + problem.strata
    code, count = renumber(joined)
    if count == problem.size:
        return None
    first = np.empty(count, dtype=np.int64)
    first[code[::-1]] = np.arange(problem.size)[::-1]
    return _Units(code, count, first, np.bincount(code, minlength=count))


def _changing_share(codes: Codes, units: _Units) -> float:
    """Share of subjects (in units of more than one) that sit in a unit on which the factor changes."""
    several = units.size > 1
    changes = np.zeros(units.count, dtype=bool)
    changes[units.code[codes != codes[units.first][units.code]]] = True
    subjects = int(units.size[several].sum())
    return float(units.size[changes].sum()) / subjects if subjects else 0.0


def _per_unit(codes: Codes | Flags, levels: int, units: _Units) -> NDArray[np.int64]:
    """The most frequent code of each unit; the smallest of equally frequent ones."""
    own = codes[units.first].astype(np.int64)
    differs = np.zeros(units.count, dtype=bool)
    differs[units.code[codes != codes[units.first][units.code]]] = True
    if differs.any():
        rows = np.flatnonzero(differs[units.code])
        pairs, count = np.unique(
            units.code[rows] * (levels + 1) + (codes[rows].astype(np.int64) + 1), return_counts=True
        )
        order = np.lexsort((-pairs, count))
        own[(pairs // (levels + 1))[order]] = (pairs % (levels + 1))[order] - 1
    return own


def _size_class(size: NDArray[np.int64]) -> NDArray[np.int64]:
    """Units are exchanged with units of like size: of equal size where that is common, else by octave."""
    _, place, count = np.unique(size, return_inverse=True, return_counts=True)
    octave = np.floor(np.log2(size)).astype(np.int64)
    common = count >= _COMMON
    if np.count_nonzero(common) > _MOST_COMMON:
        return octave
    return np.where(common[place], int(octave.max()) + 1 + place, octave)


def _means(values: Floats | NDArray[np.int64], groups: NDArray[np.int64]) -> Floats:
    size = np.bincount(groups)
    mean = np.bincount(groups, weights=values) / np.maximum(size, 1)
    return np.asarray(mean[groups])
