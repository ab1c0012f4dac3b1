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
from scipy import stats

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class StratumMoments:
    """Size, mean and summed second and third central powers of the response, per stratum (shape ``(S,)``)."""

    size: Floats
    mean: Floats
    second: Floats
    third: Floats

    @classmethod
    def of(cls, response: Floats, strata: NDArray[np.integer], count: int) -> StratumMoments:
        """Moments of ``response`` (shape ``(N,)``) over ``strata`` codes ``0 … count-1``."""
        size = np.bincount(strata, minlength=count).astype(np.float64)
        total = np.bincount(strata, weights=response, minlength=count)
        mean = np.divide(total, size, out=np.zeros(count), where=size > 0)
        deviation = response - mean[strata] if count > 1 else response - mean[0]
        square = deviation * deviation
        return cls(
            size=size,
            mean=mean,
            second=np.bincount(strata, weights=square, minlength=count),
            third=np.bincount(strata, weights=square * deviation, minlength=count),
        )

    @property
    def freedom(self) -> float:
        """Degrees of freedom left for the response: sum over strata of (size − 1)."""
        return float(np.maximum(self.size - 1, 0).sum())


@dataclass(frozen=True)
class LevelScores:
    """Score statistics of every level of one factor; arrays of shape ``(L,)``.

    ``z`` is ``(observed − expected)/√variance`` (0 where the variance is 0) and ``skew`` the standardised
    third moment of the permutation distribution.
    """

    support: Floats
    observed: Floats
    expected: Floats
    variance: Floats
    skew: Floats

    @property
    def z(self) -> Floats:
        """Standardised statistic per level."""
        return _ratio(self.observed - self.expected, np.sqrt(self.variance))


def level_scores(counts: Floats, sums: Floats, moments: StratumMoments) -> LevelScores:
    """Score every level of a factor.

    Parameters
    ----------
    counts, sums
        Shape ``(L, S)``: subjects and summed response per level and stratum.
    moments
        Moments of the response over the subjects whose level is known.
    """
    size = moments.size
    rest = size - counts
    expected = counts @ moments.mean
    per_draw = _ratio(moments.second, size * (size - 1))
    variance = (counts * rest) @ per_draw
    per_cube = _ratio(moments.third, size * (size - 1) * (size - 2))
    cube = (counts * rest * (rest - counts)) @ per_cube
    return LevelScores(
        support=counts.sum(axis=1),
        observed=sums.sum(axis=1),
        expected=expected,
        variance=variance,
        skew=_ratio(cube, variance**1.5),
    )


@dataclass(frozen=True)
class TrendScore:
    """Mantel's statistic for an ordered factor: ``z`` with the skewness of its permutation distribution."""

    z: float
    skew: float


def trend_score(scores: Floats, response: Floats, strata: NDArray[np.integer], count: int) -> TrendScore:
    """Association of ordered ``scores`` with ``response`` within strata; all of shape ``(N,)``."""
    x = StratumMoments.of(scores, strata, count)
    y = StratumMoments.of(response, strata, count)
    product = float(np.dot(scores - x.mean[strata], response))
    variance = float(_ratio(x.second * y.second, y.size - 1).sum())
    if variance <= 0:
        return TrendScore(0.0, 0.0)
    cube = float(_ratio(y.size * x.third * y.third, (y.size - 1) * (y.size - 2)).sum())
    return TrendScore(product / np.sqrt(variance), cube / variance**1.5)


def upper_tail(z: Floats, skew: Floats) -> Floats:
    """``P(Z ≥ z)`` for a standardised sum with this skewness: Pearson type III, which is the normal at 0."""
    z, skew = np.broadcast_arrays(np.asarray(z, float), np.asarray(skew, float))
    skew = np.clip(skew, -4.0, 4.0)
    near_normal = np.abs(skew) < 1e-4
    p = stats.norm.sf(z)
    if not near_normal.all():
        curved = ~near_normal
        p = p.copy()
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
    return np.divide(
        numerator, denominator, out=np.zeros(numerator.shape), where=np.asarray(denominator) > 0
    )
