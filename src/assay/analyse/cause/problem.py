"""The arrays a cause search works on: subjects, their response, their strata and their factors."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]
Codes = NDArray[np.integer]
Flags = NDArray[np.bool_]

MOST_BINS = 64


@dataclass(frozen=True, eq=False)
class Factor:
    """One recorded column: a code per subject (−1 where nothing is recorded) and what each code stands for.

    For a factor of unordered levels ``labels`` holds the levels verbatim. For an ordered one codes are bins
    in rising order, ``low`` and ``high`` hold the smallest and largest value in each (equal when a bin is a
    single value). ``windows`` are runs of codes ``[first, last]`` tested as levels of their own.
    """

    name: str
    codes: Codes
    labels: tuple[str, ...] = ()
    low: Floats = field(default_factory=lambda: np.zeros(0))
    high: Floats = field(default_factory=lambda: np.zeros(0))
    windows: tuple[tuple[int, int], ...] = ()

    @property
    def is_ordered(self) -> bool:
        """True for an ordered factor."""
        return self.low.size > 0 and not self.windows

    @property
    def levels(self) -> int:
        """Number of levels or bins."""
        return int(self.low.size) if self.low.size else len(self.labels)

    @property
    def tests(self) -> int:
        """Number of hypotheses: one per level or window, one for an ordered factor."""
        return 1 if self.is_ordered else len(self.windows) or self.levels

    def carriers(self, level: int) -> Flags:
        """Which subjects carry a level, or lie in a window."""
        if not self.windows:
            return np.asarray(self.codes == level)
        first, last = self.windows[level]
        return np.asarray((self.codes >= first) & (self.codes <= last))


@dataclass(frozen=True, eq=False)
class Problem:
    """What is to be explained.

    Attributes
    ----------
    outcome
        Shape ``(N,)``: 0/1 for a condition, the measured value otherwise.
    is_binary
        True for a condition.
    strata
        Shape ``(N,)`` codes of what is compared only within itself (the process segment).
    clusters
        Shape ``(N,)`` codes of the unit each subject belongs to, or None when every subject is its own.
    time
        Shape ``(N,)`` microseconds since 1970, or None when no subject has a time.
    factors
        The candidate causes.
    """

    outcome: Floats
    is_binary: bool
    strata: Codes
    clusters: Codes | None
    time: NDArray[np.int64] | None
    factors: tuple[Factor, ...]

    @property
    def size(self) -> int:
        """Number of subjects."""
        return int(self.outcome.size)

    def response(self) -> Floats:
        """What the tests see: the 0/1 outcome, or normal scores of a measured value within its stratum.

        Van der Waerden scores keep the permutation distribution of a sum close to normal whatever the
        measured value's own distribution (Hájek & Šidák 1967, *Theory of Rank Tests*, ch. III).
        """
        if self.is_binary:
            return self.outcome
        scores = np.empty(self.size)
        for stratum in np.unique(self.strata):
            rows = np.flatnonzero(self.strata == stratum)
            ranks = stats.rankdata(self.outcome[rows])
            scores[rows] = stats.norm.ppf(ranks / (rows.size + 1))
        return scores


def ordered_factor(name: str, values: Floats, *, most_bins: int = MOST_BINS) -> Factor | None:
    """An ordered factor from numeric ``values`` (NaN where nothing is recorded), or None when constant.

    Up to ``most_bins`` distinct values keep a bin each; more are cut at quantiles.
    """
    known = np.isfinite(values)
    present = values if known.all() else values[known]
    if present.size == 0:
        return None
    cuts = _cuts(present, most_bins)
    if cuts is None:
        return None
    bins = np.searchsorted(cuts, present, side="right")
    low = np.full(cuts.size + 1, np.inf)
    high = np.full(cuts.size + 1, -np.inf)
    np.minimum.at(low, bins, present)
    np.maximum.at(high, bins, present)
    filled = np.isfinite(low)
    renumbered = np.cumsum(filled) - 1
    codes = np.full(values.size, -1, dtype=np.int8)
    codes[known] = renumbered[bins]
    return Factor(name, codes, low=low[filled], high=high[filled])


def _cuts(values: Floats, most_bins: int) -> Floats | None:
    """Lower edges of all bins but the first."""
    sample = values if values.size <= 50_000 else values[:: values.size // 50_000]
    distinct = np.unique(sample)
    if sample is not values and distinct.size <= most_bins:
        distinct = np.unique(values)
    if distinct.size == 1:
        return None
    if distinct.size <= most_bins:
        return distinct[1:]
    edges = np.quantile(sample, np.arange(1, most_bins) / most_bins, method="inverted_cdf")
    often, repeats = np.unique(edges, return_counts=True)
    heavy = often[repeats > 1]  # values of more than a bin's share: what lies above is a bin of its own
    above = [values[values > one].min() for one in heavy if one < values.max()]
    cuts = np.unique(np.concatenate([often, above]))
    return np.asarray(cuts[cuts > values.min()])
