"""A layer: exchangeable things (units, or runs within a unit), their strata, and a table per factor.

Tables are kept from step to step. Splitting a small set off as a stratum of its own only touches that
set, so that a step over many factors costs far less than a pass over the data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.analyse.cause.problem import Codes, Flags, Floats
from assay.stats.exact import Urn
from assay.stats.stratified import Crosstab, StratumMoments, tally

_DENSE_CELLS = 4_000_000


@dataclass(frozen=True, eq=False)
class Coded:
    """A factor as this layer sees it: a code per thing (−1: not recorded) and the number of levels."""

    codes: Codes
    levels: int


@dataclass
class _Dense:
    counts: Floats  # (L, S)
    totals: Floats  # (L, S)


class Layer:
    """Responses in strata, tabulated by factor.

    Parameters
    ----------
    response
        Shape ``(n,)``.
    strata
        Shape ``(n,)`` codes.
    factors
        The factors tested in this layer, by name.
    """

    def __init__(self, response: Floats, strata: Codes, factors: Mapping[str, Coded]) -> None:
        self.factors = dict(factors)
        self.strata, self.strata_count = renumber(strata)
        self._tables: dict[str, _Dense] = {}
        self.answer(response)

    def answer(self, response: Floats) -> None:
        """Replace the response, keeping the strata."""
        self.response = response
        self.is_binary = _is_whole(response) and bool(response.max(initial=0) <= 1)
        self._tables.clear()
        self._changed()

    def _changed(self) -> None:
        self._moments: StratumMoments | None = None
        self._urns: dict[int, tuple[NDArray[np.int64], NDArray[np.int64]]] = {}

    def split(self, part: Codes | Flags) -> None:
        """Refine the strata: things with different ``part`` (shape ``(n,)``) no longer compare."""
        self._changed()
        if part.dtype == np.bool_ and 4 * np.count_nonzero(part) < part.size:
            self._split_off(np.flatnonzero(part))
            return
        joined = self.strata.astype(np.int64) * (int(part.max(initial=0)) + 1) + part
        self.strata, self.strata_count = renumber(joined)
        self._tables.clear()

    def _split_off(self, things: NDArray[np.int64]) -> None:
        sources, within = np.unique(self.strata[things], return_inverse=True)
        response = self.response[things]
        for name, table in self._tables.items():
            codes = self.factors[name].codes[things]
            moved = _tabulate(codes, within, response, self.factors[name].levels, sources.size)
            table.counts[:, sources] -= moved.counts
            table.totals[:, sources] -= moved.totals
            table.counts = np.hstack([table.counts, moved.counts])
            table.totals = np.hstack([table.totals, moved.totals])
        self.strata = self.strata.copy()
        self.strata[things] = self.strata_count + within
        self.strata_count += int(sources.size)

    def crosstab(self, name: str) -> Crosstab:
        """Factor × stratum table; things with code −1 are left out."""
        coded = self.factors[name]
        if coded.levels * self.strata_count > max(_DENSE_CELLS, 4 * coded.codes.size):
            return self._sparse(coded)
        if name not in self._tables:
            self._tables[name] = _tabulate(
                coded.codes, self.strata, self.response, coded.levels, self.strata_count
            )
        table = self._tables[name]
        level, stratum = np.nonzero(table.counts)
        return Crosstab(
            level,
            stratum,
            table.counts[level, stratum],
            table.totals[level, stratum],
            coded.levels,
            self.strata_count,
        )

    def _sparse(self, coded: Coded) -> Crosstab:
        known = np.flatnonzero(coded.codes >= 0)
        key = coded.codes[known].astype(np.int64) * self.strata_count + self.strata[known]
        cells, place = np.unique(key, return_inverse=True)
        return Crosstab(
            cells // self.strata_count,
            cells % self.strata_count,
            tally(place, count=cells.size),
            tally(place, self.response[known], count=cells.size),
            coded.levels,
            self.strata_count,
        )

    def moments(self, name: str, table: Crosstab) -> StratumMoments:
        """Moments of the response per stratum, over the things whose level of the factor is recorded."""
        codes = self.factors[name].codes
        if table.n.sum() == codes.size:
            if self._moments is None:
                self._moments = StratumMoments.of(self.response, self.strata, self.strata_count)
            return self._moments
        if self.is_binary:
            return table.moments_of_binary()
        known = codes >= 0
        return StratumMoments.of(self.response[known], self.strata[known], self.strata_count)

    def urns(self, name: str, table: Crosstab, level: int) -> list[Urn] | None:
        """What an exact test of one level draws from, per stratum; None unless all are whole numbers."""
        cells = np.flatnonzero(table.level == level)
        known = self.factors[name].codes >= 0
        complete = bool(known.all())
        urns = []
        for cell in cells:
            stratum = int(table.stratum[cell])
            if complete and stratum in self._urns:
                values, counts = self._urns[stratum]
            else:
                inside = self.strata == stratum
                members = self.response[inside if complete else inside & known]
                if not _is_whole(members):
                    return None
                values, counts = np.unique(np.rint(members).astype(np.int64), return_counts=True)
                if complete:
                    self._urns[stratum] = (values, counts)
            urns.append(Urn(values, counts, int(table.n[cell])))
        return urns


def renumber(codes: Codes) -> tuple[NDArray[np.int64], int]:
    """Dense codes ``0 … k−1`` for arbitrary non-negative ones, and ``k``."""
    if codes.size == 0:
        return codes.astype(np.int64), 0
    most = int(codes.max())
    if most <= 4 * codes.size + 1024:
        present = np.zeros(most + 1, dtype=bool)
        present[codes] = True
        place = np.cumsum(present) - 1
        return place[codes].astype(np.int64), int(place[-1]) + 1
    distinct, place = np.unique(codes, return_inverse=True)
    return place.astype(np.int64), int(distinct.size)


def _is_whole(response: Floats) -> bool:
    return bool(np.abs(response - np.rint(response)).max(initial=0) < 1e-9 and response.min(initial=0) >= 0)


def _tabulate(codes: Codes, strata: Codes, response: Floats, levels: int, strata_count: int) -> _Dense:
    """Dense table; code −1 falls into an extra row that is cut off."""
    key = (codes.astype(np.int64) + 1) * strata_count + strata
    cells = (levels + 1) * strata_count
    heavy = np.flatnonzero(response)
    if 2 * heavy.size < response.size:
        totals = tally(key[heavy], response[heavy], count=cells)
    else:
        totals = tally(key, response, count=cells)
    shape = (levels + 1, strata_count)
    return _Dense(tally(key, count=cells).reshape(shape)[1:], totals.reshape(shape)[1:])
