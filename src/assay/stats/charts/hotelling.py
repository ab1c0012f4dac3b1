"""Quantiles of Hotelling's T², and the control limits that follow from them."""

from __future__ import annotations

import math
from typing import Literal

from scipy.special import betaincinv, chdtri

from assay.stats.arrays import between, one_of
from assay.stats.errors import NotACount, TooFewPoints

Phase = Literal["I", "II"]


def f_quantile(alpha: float, first: float, second: float) -> float:
    """The value that F with these degrees of freedom exceeds with probability ``alpha``.

    Through the lower tail of the beta distribution, which keeps its digits far out.
    """
    if math.isinf(second):
        return float(chdtri(first, alpha)) / first
    low = float(betaincinv(0.5 * second, 0.5 * first, alpha))
    return second / first * (1.0 - low) / low


def t2_quantile(dimensions: int, freedom: float, spread: float, alpha: float) -> float:
    """The value that T² exceeds with probability ``alpha``: ``p f/(f − p + 1)`` times F.

    ``spread`` is the variance of the judged deviation over the covariance's; ``freedom`` are the degrees of
    freedom of the covariance, which is independent of the deviation.
    """
    if math.isinf(freedom):
        return spread * float(chdtri(dimensions, alpha))
    second = freedom - dimensions + 1.0
    if second <= 0:
        raise TooFewPoints(what="T²", count=math.floor(freedom), least=dimensions)
    return spread * dimensions * freedom / second * f_quantile(alpha, dimensions, second)


def beta_quantile(dimensions: int, observations: float, worth: float, alpha: float) -> float:
    """The value that T² of an individual exceeds with probability ``alpha`` where it helped to estimate S.

    Source: N. D. Tracy, J. C. Young and R. L. Mason, J. Quality Technology 24 (1992) 88; with successive
    differences ``worth`` replaces the number of observations in the beta distribution (J. H. Sullivan and W.
    H. Woodall, J. Quality Technology 28 (1996) 398).
    """
    second = 0.5 * (worth - dimensions - 1.0)
    if second <= 0:
        raise TooFewPoints(what="T²", count=math.floor(observations), least=dimensions + 2)
    scale = (observations - 1.0) ** 2 / observations
    # 1 − Beta(a, b) is Beta(b, a): its lower tail keeps its digits.
    return scale * (1.0 - float(betaincinv(second, 0.5 * dimensions, alpha)))


def t2_limit(p: int, m: int, n: int = 1, *, alpha: float, phase: Phase = "II") -> float:
    """The upper control limit of T² for a study of this size.

    Parameters
    ----------
    p
        Number of variables.
    m
        Number of subgroups, or of individual observations, in phase I.
    n
        Size of each subgroup; 1 for individual observations.
    alpha
        False-alarm probability of one point.
    phase
        ``"I"`` for the points that mean and covariance come from, ``"II"`` for later ones.

    Raises
    ------
    OutOfRange, NotACount, TooFewPoints, UnknownOption

    Source: F. B. Alt, "Multivariate quality control", Encyclopedia of Statistical Sciences 6 (1985) 110; for
    individuals N. D. Tracy, J. C. Young and R. L. Mason, J. Quality Technology 24 (1992) 88.
    """
    for name, value in (("p", p), ("m", m), ("n", n)):
        if between(value, name, 1, math.inf) != math.floor(value):
            raise NotACount(name=name, index=0, value=value)
    share = between(alpha, "alpha", 1e-12, 0.5)
    first = one_of(phase, ("I", "II"), "phase") == "I"
    if n > 1:
        return t2_quantile(p, m * (n - 1.0), 1.0 - 1.0 / m if first else 1.0 + 1.0 / m, share)
    return beta_quantile(p, m, m, share) if first else t2_quantile(p, m - 1.0, 1.0 + 1.0 / m, share)
