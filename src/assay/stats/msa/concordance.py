"""Agreement of ordered ratings: Kendall's coefficient of concordance and his rank correlation."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from assay.stats.arrays import Floats, matrix, vector
from assay.stats.errors import WrongShape
from assay.stats.msa.errors import TooFewRatings
from assay.stats.result import Result


@dataclass(frozen=True)
class Concordance(Result):
    """Kendall's W of ``raters`` that each ranked ``items``; NaN where every rater gave one rating to all."""

    w: float
    chi_square: float
    df: int
    p: float
    raters: int
    items: int


@dataclass(frozen=True)
class RankCorrelation(Result):
    """Kendall's τ-b with its normal approximation; NaN where one side never changes."""

    tau: float
    z: float
    p: float
    """Two-sided."""


def kendall_w(ratings: ArrayLike) -> Concordance:
    """Kendall's coefficient of concordance with correction for ties.

    Source: Kendall & Gibbons 1990, *Rank Correlation Methods*, 5th ed., ch. 6; χ² = m(n − 1)W.

    Parameters
    ----------
    ratings
        Shape ``(N, M)``: N items in rows, M raters in columns, numbers in the order of the scale.

    Raises
    ------
    WrongShape, NotFinite, TooFewPoints, TooFewRatings
    """
    found = matrix(ratings, "ratings", least=2, what="kendall_w")
    n, m = found.shape
    if m < 2:
        raise TooFewRatings(count=m, least=2)
    ranks = np.apply_along_axis(stats.rankdata, 0, found)
    ties = sum(float((counts**3 - counts).sum()) for counts in map(_tied, found.T))
    spread = float(((ranks.sum(axis=1) - m * (n + 1) / 2) ** 2).sum())
    whole = m**2 * (n**3 - n) - m * ties
    if whole <= 0:
        return Concordance(math.nan, math.nan, n - 1, math.nan, m, n)
    w = 12 * spread / whole
    chi = m * (n - 1) * w
    return Concordance(w, chi, n - 1, float(stats.chi2.sf(chi, n - 1)), m, n)


def _tied(values: Floats) -> Floats:
    return np.unique(values, return_counts=True)[1].astype(np.float64)


def kendall_tau(first: ArrayLike, second: ArrayLike) -> RankCorrelation:
    """Kendall's τ-b of two ratings of the same items, z with the variance corrected for ties.

    Source: Kendall & Gibbons 1990, *Rank Correlation Methods*, 5th ed., ch. 3 and 4.

    Raises
    ------
    WrongShape, NotFinite, TooFewPoints
    """
    one = vector(first, "first", least=2, what="kendall_tau")
    other = vector(second, "second", least=2, what="kendall_tau")
    if one.shape != other.shape:
        raise WrongShape(name="second", shape=other.shape, wanted=str(one.shape))
    return _together([_score(one, other)])


def mean_tau(trials: Floats, standard: Floats) -> RankCorrelation:
    """The mean τ-b of several trials (columns of ``(N, T)``) with one standard ``(N,)``.

    z is of the summed scores, their variances taken as independent.
    """
    return _together([_score(column, standard) for column in trials.T])


def _score(x: Floats, y: Floats) -> tuple[float, float, float]:
    """τ-b, the score S, and its variance where there is no association."""
    n = x.size
    signs = np.sign(x[:, None] - x) * np.sign(y[:, None] - y)
    score = float(signs.sum()) / 2
    tx, ty = _tied(x), _tied(y)
    pairs = n * (n - 1) / 2
    free = (pairs - (tx * (tx - 1)).sum() / 2) * (pairs - (ty * (ty - 1)).sum() / 2)
    if free <= 0:
        return math.nan, score, math.nan
    variance = n * (n - 1) * (2 * n + 5) - sum((t * (t - 1) * (2 * t + 5)).sum() for t in (tx, ty))
    variance = variance / 18 + (tx * (tx - 1)).sum() * (ty * (ty - 1)).sum() / (2 * n * (n - 1))
    if n > 2:
        triples = (tx * (tx - 1) * (tx - 2)).sum() * (ty * (ty - 1) * (ty - 2)).sum()
        variance += triples / (9 * n * (n - 1) * (n - 2))
    return score / math.sqrt(float(free)), score, float(variance)


def _together(found: list[tuple[float, float, float]]) -> RankCorrelation:
    tau = (
        math.fsum(item[0] for item in found) / len(found)
        if all(item[0] == item[0] for item in found)
        else math.nan
    )
    if math.isnan(tau):
        return RankCorrelation(math.nan, math.nan, math.nan)
    z = math.fsum(item[1] for item in found) / math.sqrt(math.fsum(item[2] for item in found))
    return RankCorrelation(tau, z, float(2 * stats.norm.sf(abs(z))))
