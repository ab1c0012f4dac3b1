"""Kappa: agreement beyond chance, of two raters (Cohen) and of several (Fleiss)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from assay.stats.arrays import Floats, between, matrix, one_of, within_sizes
from assay.stats.arrays import counts as whole_numbers
from assay.stats.errors import TooFewPoints, WrongShape
from assay.stats.msa.errors import MissingLabel, TooFewRatings, UnknownRating
from assay.stats.msa.intervals import Interval
from assay.stats.msa.study import absent, order, said
from assay.stats.result import Result

Weights = Literal["none", "linear", "quadratic"]
WEIGHTS: tuple[Weights, ...] = ("none", "linear", "quadratic")


@dataclass(frozen=True)
class Kappa(Result):
    """Agreement beyond chance: 1 is perfect, 0 what chance alone gives.

    Where every rating is the same, chance gives full agreement already and kappa has no value: NaN.
    """

    estimate: float
    standard_error: float
    """Without assuming that kappa is 0: the one behind ``interval``."""
    null_standard_error: float
    """If kappa were 0: the one behind ``z``."""
    z: float
    p: float
    """One-sided: whether agreement is better than by chance."""
    interval: Interval


@dataclass(frozen=True)
class FleissKappa(Result):
    """Kappa of several raters, over all categories and for each against the rest."""

    overall: Kappa
    by_category: dict[str, Kappa]


def _kappa(estimate: float, variance: float, null_variance: float, confidence: float) -> Kappa:
    error, null = math.sqrt(max(variance, 0.0)), math.sqrt(max(null_variance, 0.0))
    if math.isnan(estimate):
        return NO_KAPPA
    z = estimate / null if null > 0 else math.copysign(math.inf, estimate)
    half = float(stats.norm.ppf(0.5 + confidence / 2)) * error
    interval = Interval(max(estimate - half, -1.0), min(estimate + half, 1.0))
    return Kappa(estimate, error, null, z, float(stats.norm.sf(z)), interval)


NO_KAPPA = Kappa(math.nan, math.nan, math.nan, math.nan, math.nan, Interval(math.nan, math.nan))


def codes_of(
    ratings: ArrayLike, categories: Sequence[object] | None, name: str
) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Ratings as places among their categories, which come in the order given, or in natural order.

    Raises
    ------
    MissingLabel, UnknownRating
    """
    raw = np.asarray(ratings)
    items = raw.ravel().tolist()
    gone = [index for index, item in enumerate(items) if absent(item)]
    if gone:
        raise MissingLabel(name=name, count=len(gone), index=gone[0])
    listed = [said(item) for item in items]
    labels = tuple(map(said, categories)) if categories is not None else tuple(sorted(set(listed), key=order))
    places = {label: place for place, label in enumerate(labels)}
    for item in listed:
        if item not in places:
            raise UnknownRating(value=item, categories=", ".join(labels))
    return np.array([places[item] for item in listed], dtype=np.int64).reshape(raw.shape), labels


def cohen_kappa(
    first: ArrayLike,
    second: ArrayLike,
    *,
    categories: Sequence[object] | None = None,
    weights: Weights = "none",
    confidence: float = 0.95,
) -> Kappa:
    """Cohen's kappa of two raters of the same items.

    Source: Cohen 1960 (Educ. Psychol. Meas. 20, 37-46), weighted: Cohen 1968 (Psychol. Bull. 70, 213-220);
    standard errors: Fleiss, Cohen & Everitt 1969 (Psychol. Bull. 72, 323-327), for a kappa that may differ
    from 0 (interval) and for a kappa of 0 (z).

    Parameters
    ----------
    first, second
        Ratings, shape ``(N,)`` each, N ≥ 2, of any kind that can be told apart.
    categories
        All categories in their order; None takes those that occur. The order matters for weights only.
    weights
        ``none``, ``linear`` or ``quadratic`` in the distance of places.

    Raises
    ------
    WrongShape, TooFewPoints, MissingLabel, UnknownRating, UnknownOption
    """
    one, other = np.asarray(first), np.asarray(second)
    if one.ndim != 1 or one.shape != other.shape:
        raise WrongShape(name="second", shape=other.shape, wanted=str(one.shape))
    both, labels = codes_of(np.stack([one.astype(object), other.astype(object)]), categories, "ratings")
    if one.size < 2:
        raise TooFewPoints(what="cohen_kappa", count=one.size, least=2)
    table = np.zeros((len(labels), len(labels)))
    np.add.at(table, (both[0], both[1]), 1)
    return cohen_kappa_table(table, weights=weights, confidence=confidence)


def cohen_kappa_table(table: ArrayLike, *, weights: Weights = "none", confidence: float = 0.95) -> Kappa:
    """Cohen's kappa from a cross table of counts: rows one rater, columns the other.

    Raises
    ------
    WrongShape, NegativeCount, NotACount, TooFewPoints, UnknownOption
    """
    one_of(weights, WEIGHTS, "weights")
    between(confidence, "confidence", 0.5, 0.9999)
    found = matrix(table, "table")
    whole_numbers(found.ravel(), "table")
    if found.shape[0] != found.shape[1]:
        raise WrongShape(name="table", shape=found.shape, wanted="(K, K)")
    n, k = found.sum(), found.shape[0]
    if n < 2:
        raise TooFewPoints(what="cohen_kappa", count=int(n), least=2)
    p = found / n
    rows, columns = p.sum(axis=1), p.sum(axis=0)
    place = np.arange(k)
    apart = np.abs(place[:, None] - place) / max(k - 1, 1)
    w = {"none": np.eye(k), "linear": 1 - apart, "quadratic": 1 - apart**2}[weights]
    chance = np.outer(rows, columns)
    seen, expected = float((w * p).sum()), float((w * chance).sum())
    if expected >= 1:
        return NO_KAPPA
    kappa = (seen - expected) / (1 - expected)
    mean_w = (w @ columns)[:, None] + (rows @ w)[None, :]
    scale = n * (1 - expected) ** 2
    variance = ((p * (w - mean_w * (1 - kappa)) ** 2).sum() - (kappa - expected * (1 - kappa)) ** 2) / scale
    null = ((chance * (w - mean_w) ** 2).sum() - expected**2) / scale
    return _kappa(kappa, float(variance), float(null), confidence)


def fleiss_kappa(
    counts: ArrayLike, *, categories: Sequence[object] | None = None, confidence: float = 0.95
) -> FleissKappa:
    """Fleiss' kappa of ``m`` ratings of each item.

    Source: Fleiss 1971 (Psychol. Bull. 76, 378-382); standard errors if kappa is 0: Fleiss, Nee & Landis 1979
    (Psychol. Bull. 86, 974-977); standard errors otherwise, for the interval: Gwet 2021 (Educ. Psychol. Meas.
    81, 781-790), items taken as a sample.

    Parameters
    ----------
    counts
        Shape ``(N, K)``: how many of the ratings of an item are of each category; every row has the same sum
        m ≥ 2, and there are at least two items.
    categories
        Names of the K categories; None numbers them from 0.

    Raises
    ------
    WrongShape, NotFinite, NegativeCount, NotACount, TooFewPoints, TooFewRatings, CountAboveSize
    """
    between(confidence, "confidence", 0.5, 0.9999)
    found = matrix(counts, "counts", least=2, what="fleiss_kappa")
    whole_numbers(found.ravel(), "counts")
    m = found[0].sum()
    if m < 2:
        raise TooFewRatings(count=int(m), least=2)
    sums = found.sum(axis=1)
    within_sizes(sums, np.broadcast_to(m, sums.shape))
    within_sizes(np.broadcast_to(m, sums.shape), sums)
    names = tuple(map(said, categories if categories is not None else range(found.shape[1])))
    if len(names) != found.shape[1]:
        raise WrongShape(name="categories", shape=(len(names),), wanted=f"({found.shape[1]},)")
    one_against_rest = {
        name: _fleiss(np.column_stack([found[:, place], m - found[:, place]]), confidence)
        for place, name in enumerate(names)
    }
    return FleissKappa(_fleiss(found, confidence), one_against_rest)


def _fleiss(found: Floats, confidence: float) -> Kappa:
    n, m = found.shape[0], float(found[0].sum())
    shares = found.sum(axis=0) / (n * m)
    agreeing = (found * (found - 1)).sum(axis=1) / (m * (m - 1))
    spread = float((shares * (1 - shares)).sum())
    expected = 1 - spread
    if spread <= 1e-15:
        return NO_KAPPA
    kappa = (float(agreeing.mean()) - expected) / spread
    null = spread**2 - float((shares * (1 - shares) * (1 - 2 * shares)).sum())
    null *= 2 / (n * m * (m - 1) * spread**2)
    single = (agreeing - expected) / spread
    by_chance = (found * shares).sum(axis=1) / m
    influence = single - 2 * (1 - kappa) * (by_chance - expected) / spread
    variance = float(((influence - kappa) ** 2).sum()) / (n * (n - 1))
    return _kappa(kappa, variance, null, confidence)


def mean_kappa(found: Sequence[Kappa], confidence: float = 0.95) -> Kappa:
    """The mean of kappas with their errors taken as independent: several trials against one standard."""
    count = len(found)
    return _kappa(
        math.fsum(item.estimate for item in found) / count
        if not any(math.isnan(k.estimate) for k in found)
        else math.nan,
        math.fsum(item.standard_error**2 for item in found) / count**2,
        math.fsum(item.null_standard_error**2 for item in found) / count**2,
        confidence,
    )
