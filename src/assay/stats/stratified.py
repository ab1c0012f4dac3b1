"""Stratified score tests under the permutation distribution.

Within each stratum the responses are exchangeable under the null hypothesis, so the sum of the responses
of the subjects that carry a level is a sum of draws without replacement. For a 0/1 response this is the
Cochran-Mantel-Haenszel test; for scores against an ordered factor it is Mantel's extension.

Moments: mean, variance and third central moment of a sum of ``n`` draws without replacement from ``N``
values; Cochran, *Sampling Techniques*, 3rd ed., sec. 2.5 (variance), and Finucan, Galbraith & Stone
(1974), JRSS B 36, 151-154 (third moment). Mantel (1963), JASA 58, 690-700 (ordered scores).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def tally(codes: NDArray[np.integer], weights: Floats | None = None, *, count: int = 0) -> Floats:
    """Sum of ``weights`` (or number of entries) per code, as floats; at least ``count`` long."""
    return np.bincount(codes, weights=weights, minlength=count).astype(np.float64)


@dataclass(frozen=True)
class StratumMoments:
    """Size, mean and summed second and third central powers of a response, per stratum (shape ``(S,)``)."""

    size: Floats
    mean: Floats
    second: Floats
    third: Floats

    @classmethod
    def of_powers(cls, size: Floats, sum1: Floats, sum2: Floats, sum3: Floats) -> StratumMoments:
        """From the per-stratum sums of the response's first three powers."""
        mean = _ratio(sum1, size)
        return cls(
            size=size,
            mean=mean,
            second=np.maximum(sum2 - mean * sum1, 0.0),
            third=sum3 - 3 * mean * sum2 + 2 * mean * mean * sum1,
        )

    @classmethod
    def of(cls, response: Floats, strata: NDArray[np.integer], count: int) -> StratumMoments:
        """Moments of ``response`` (shape ``(N,)``) over ``strata`` codes ``0 … count-1``."""
        powers = [tally(strata, response**power, count=count) for power in (1, 2, 3)]
        return cls.of_powers(tally(strata, count=count), *powers)

    @property
    def freedom(self) -> float:
        """Degrees of freedom left for the response: sum over strata of (size − 1)."""
        return float(np.maximum(self.size - 1, 0).sum())


@dataclass(frozen=True)
class Crosstab:
    """The filled cells of a factor × stratum table: ``n`` subjects with summed response ``total`` in each.

    ``level`` and ``stratum`` are codes; all four arrays have one entry per filled cell.
    """

    level: Ints
    stratum: Ints
    n: Floats
    total: Floats
    levels: int
    strata: int

    def moments_of_binary(self) -> StratumMoments:
        """Stratum moments of a 0/1 response, over the subjects in the table."""
        size = tally(self.stratum, self.n, count=self.strata)
        bad = tally(self.stratum, self.total, count=self.strata)
        return StratumMoments.of_powers(size, bad, bad, bad)


@dataclass(frozen=True)
class LevelScores:
    """Score statistics of every level of one factor; arrays of shape ``(L,)``.

    ``expected``, ``variance`` and ``skew`` are of the permutation distribution of ``observed``;
    ``smallest_log_p`` is the natural logarithm of the smallest probability that distribution can give.
    """

    support: Floats
    observed: Floats
    expected: Floats
    variance: Floats
    skew: Floats
    smallest_log_p: Floats

    @property
    def z(self) -> Floats:
        """Standardised statistic per level; 0 where the permutation distribution has no spread."""
        return _ratio(self.observed - self.expected, np.sqrt(self.variance))


def level_scores(table: Crosstab, moments: StratumMoments) -> LevelScores:
    """Score every level of a factor against the other subjects of its strata."""
    size = moments.size[table.stratum]
    rest = size - table.n
    per_draw = _ratio(moments.second, moments.size * (moments.size - 1))[table.stratum]
    per_cube = _ratio(moments.third, moments.size * (moments.size - 1) * (moments.size - 2))[table.stratum]

    def over_strata(cells: Floats) -> Floats:
        return tally(table.level, cells, count=table.levels)

    variance = over_strata(table.n * rest * per_draw)
    variance[variance < 1e-12] = 0.0
    ways = special.gammaln(size + 1) - special.gammaln(table.n + 1) - special.gammaln(rest + 1)
    return LevelScores(
        support=over_strata(table.n),
        observed=over_strata(table.total),
        expected=over_strata(table.n * moments.mean[table.stratum]),
        variance=variance,
        skew=_ratio(over_strata(table.n * rest * (rest - table.n) * per_cube), variance**1.5),
        smallest_log_p=-over_strata(np.where(per_draw > 0, ways, 0.0)),
    )


@dataclass(frozen=True)
class TrendScore:
    """Mantel's statistic for an ordered factor: ``z`` with the skewness of its permutation distribution."""

    z: float
    skew: float


def trend_score(table: Crosstab, scores: Floats, moments: StratumMoments) -> TrendScore:
    """Association of a factor's ordered ``scores`` (shape ``(L,)``) with the response, within strata."""
    x = scores[table.level]

    def over_levels(cells: Floats) -> Floats:
        return tally(table.stratum, cells, count=table.strata)

    n = table.n
    spread = StratumMoments.of_powers(
        over_levels(n), over_levels(n * x), over_levels(n * x**2), over_levels(n * x**3)
    )
    product = float(((x - spread.mean[table.stratum]) * table.total).sum())
    size = moments.size
    variance = float(_ratio(spread.second * moments.second, size - 1).sum())
    if variance <= 1e-12:
        return TrendScore(0.0, 0.0)
    cube = float(_ratio(size * spread.third * moments.third, (size - 1) * (size - 2)).sum())
    return TrendScore(product / variance**0.5, cube / variance**1.5)


def upper_tail(z: Floats, skew: Floats) -> Floats:
    """``P(Z ≥ z)`` for a standardised sum with this skewness: Pearson type III, which is the normal at 0."""
    z, skew = np.broadcast_arrays(np.asarray(z, float), np.asarray(skew, float))
    skew = np.clip(skew, -4.0, 4.0)
    near_normal = np.abs(skew) < 1e-4
    p = np.array(stats.norm.sf(z), dtype=np.float64, ndmin=1)
    if not near_normal.all():
        curved = ~near_normal
        p[curved] = stats.pearson3.sf(z[curved], skew[curved])
    return p


def student_tail(z: Floats, freedom: float) -> Floats:
    """Upper tail of a permutation ``z`` for a roughly normal response, by the t distribution.

    The permutation statistic and Student's t are one-to-one: ``t = z √((f−1)/(f−z²))`` with ``f`` the degrees
    of freedom of the response.
    """
    z = np.asarray(z, float)
    if freedom <= 1:
        return np.full(z.shape, 1.0)
    left = np.maximum(freedom - z * z, 1e-9)
    return np.asarray(stats.t.sf(z * np.sqrt((freedom - 1) / left), freedom - 1))


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    numerator, denominator = np.broadcast_arrays(numerator, denominator)
    return np.divide(numerator, denominator, out=np.zeros(numerator.shape), where=np.asarray(denominator) > 0)
