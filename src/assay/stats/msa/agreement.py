"""Attribute agreement: how often appraisers agree with themselves, with each other, and with the standard."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from assay.stats.arrays import Bools, Floats, between, column, one_of
from assay.stats.errors import UnknownOption
from assay.stats.msa.concordance import Concordance, RankCorrelation, kendall_tau, kendall_w, mean_tau
from assay.stats.msa.errors import NotDecided, SeveralReferences
from assay.stats.msa.intervals import Interval
from assay.stats.msa.kappa import (
    WEIGHTS,
    FleissKappa,
    Kappa,
    Weights,
    codes_of,
    cohen_kappa,
    fleiss_kappa,
    mean_kappa,
)
from assay.stats.msa.study import balanced_ratings, long, said, together
from assay.stats.plot import Plot
from assay.stats.result import Result

Extremes = Literal["two_sided", "one_sided"]
CohenTrials = Literal["pooled", "mean"]
Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Agreement:
    """How many of the inspected parts matched, with the exact (Clopper-Pearson) interval in percent."""

    appraiser: str | None
    """None for all appraisers together."""
    inspected: int
    matched: int
    percent: float
    percent_interval: Interval


@dataclass(frozen=True)
class AppraiserKappas:
    """Chance-corrected agreement of one appraiser, or of all (``appraiser`` is None)."""

    appraiser: str | None
    fleiss_within: FleissKappa | None
    """Among the appraiser's own trials; None with one trial, and for all together."""
    fleiss_standard: FleissKappa | None
    """Against the standard: the mean over trials (and appraisers)."""
    cohen_standard: Kappa | None
    """Against the standard: all trials in one cross table (AIAG), or the mean over trials."""
    kendall_within: Concordance | None
    """Ordered ratings: concordance among the trials."""
    kendall_standard: RankCorrelation | None
    """Ordered ratings: mean τ-b with the standard."""


@dataclass(frozen=True)
class PairAgreement:
    """Two appraisers, trial by trial in one cross table."""

    first: str
    second: str
    cohen: Kappa
    correlation: float
    """Pearson correlation of the ratings, of the categories' places where these aren't numbers (with two
    categories the φ coefficient either way); NaN without spread."""
    kendall: RankCorrelation | None
    """Ordered ratings: τ-b."""


@dataclass(frozen=True)
class Effectiveness:
    """Right decisions of one appraiser, and the two kinds of wrong ones (AIAG)."""

    appraiser: str
    percent_effective: float
    """Parts decided rightly in every trial, of all parts."""
    percent_miss: float | None
    """Decisions to accept a part that is not acceptable, of all decisions about such parts."""
    percent_false_alarm: float | None
    """Decisions to reject an acceptable part, of all decisions about such parts."""
    verdict: Literal["acceptable", "marginal", "unacceptable"] | None


@dataclass(frozen=True, kw_only=True)
class AttributeAgreement(Result):
    """An attribute agreement study."""

    parts: tuple[str, ...]
    appraisers: tuple[str, ...]
    trials: int
    categories: tuple[str, ...]
    ordinal: bool
    within: tuple[Agreement, ...]
    """Each appraiser with themselves over all trials; empty with one trial."""
    each_vs_standard: tuple[Agreement, ...]
    """Each appraiser with the standard in every trial; empty without a standard."""
    between: Agreement | None
    """All appraisers with each other in every trial; None with one appraiser."""
    all_vs_standard: Agreement | None
    """All appraisers with the standard in every trial; None without a standard."""
    kappas: tuple[AppraiserKappas, ...]
    overall: AppraiserKappas
    """All appraisers against the standard."""
    fleiss_between: FleissKappa | None
    """Among all trials of all appraisers; None where that is one rating."""
    kendall_between: Concordance | None
    pairs: tuple[PairAgreement, ...]
    effectiveness: tuple[Effectiveness, ...]
    """Empty without a standard; miss and false alarm rates need ``accept``."""
    accept: str | None
    confidence: float

    def plot(self) -> Plot:
        """Percent agreement with intervals: within appraisers, and against the standard."""
        from assay.stats.msa.pictures import agreement_picture

        return agreement_picture(self)


def exact_interval(
    matched: int, inspected: int, confidence: float = 0.95, *, extremes: Extremes = "two_sided"
) -> Interval:
    """Clopper & Pearson's interval of a proportion, 0 … 1 (Biometrika 26, 1934, 404-413).

    ``extremes`` says what none or all gives: ``two_sided`` leaves (1 − confidence)/2 on the open side too;
    ``one_sided`` (Minitab) the whole 1 − confidence, since the other side can't err.
    """
    tail = (1 - confidence) / 2
    edge = tail if extremes == "two_sided" else 2 * tail
    x, n = matched, inspected
    low = 0.0 if x == 0 else float(stats.beta.ppf(edge if x == n else tail, x, n - x + 1))
    high = 1.0 if x == n else float(stats.beta.ppf(1 - (edge if x == 0 else tail), x + 1, n - x))
    return Interval(low, high)


def attribute_agreement(
    frame: Any,
    *,
    part: str,
    appraiser: str,
    rating: str | Sequence[str],
    standard: str | None = None,
    ordinal: bool = False,
    categories: Sequence[object] | None = None,
    accept: object = None,
    weights: Weights = "none",
    cohen: CohenTrials = "pooled",
    confidence: float = 0.95,
    extremes: Extremes = "two_sided",
) -> AttributeAgreement:
    """An attribute study: every appraiser rates every part, equally often.

    Sources: AIAG, *MSA*, 4th ed., III.C (cross tables, kappa, effectiveness, miss and false alarm rate);
    Fleiss, Levin & Paik 2003, *Statistical Methods for Rates and Proportions*, ch. 18.

    Parameters
    ----------
    frame
        A mapping of arrays, an Arrow table or a pandas frame, one row per rating; rows of one part and
        appraiser are the trials in their order.
    part, appraiser, rating, standard
        Column names; several columns of ratings are trials side by side. The standard is the known right
        rating, one per part.
    ordinal
        The categories have an order: adds Kendall's coefficients. Numbers sort by value; for names give
        ``categories`` in their order.
    categories
        All categories in their order; None takes those that occur.
    accept
        The category that stands for an acceptable part: with it there are miss and false alarm rates.
    weights
        Weights of Cohen's kappa.
    cohen
        Several trials against the standard: ``pooled`` in one cross table (AIAG, JASP), or the ``mean`` of a
        kappa per trial (Minitab).
    extremes
        Intervals where none or all matched: :func:`exact_interval`.

    Raises
    ------
    UnknownColumn, MissingLabel, WrongShape, TooFewLevels, UnbalancedStudy, SeveralReferences, UnknownRating,
    UnknownOption, NotDecided
    """
    one_of(extremes, ("two_sided", "one_sided"), "extremes")
    one_of(weights, WEIGHTS, "weights")
    one_of(cohen, ("pooled", "mean"), "cohen")
    between(confidence, "confidence", 0.5, 0.9999)
    frame, rating = long(frame, (part, appraiser, standard), rating)
    given = column(frame, rating)
    known = None if standard is None else column(frame, standard)
    listed = list(given) if known is None else [*given, *known]
    codes, labels = codes_of(np.array(listed, dtype=object), categories, rating)
    table, parts, appraisers = balanced_ratings(frame, part, appraiser, codes[: len(given)])
    truth = None
    if known is not None:
        together(standard or rating, len(given), len(known))
        truth = _standards(balanced_ratings(frame, part, appraiser, codes[len(given) :])[0], parts, labels)
    chosen = None if accept is None else said(accept)
    if chosen is not None and chosen not in labels:
        raise UnknownOption(name="accept", value=chosen, known=", ".join(labels))
    return _Study(
        table, truth, parts, appraisers, labels, ordinal, weights, cohen, confidence, extremes
    ).result(chosen)


def _scale(labels: tuple[str, ...]) -> Floats:
    """What each category counts: its number where all are numbers, else its place."""
    try:
        found = np.array([float(label) for label in labels])
    except ValueError:
        found = np.full(len(labels), math.nan)
    return found if np.isfinite(found).all() else np.arange(len(labels), dtype=np.float64)


def _standards(table: Codes, parts: tuple[str, ...], labels: tuple[str, ...]) -> Codes:
    """The standard of each part, which every row of the part repeats."""
    rows = table.reshape(len(parts), -1)
    differing = np.flatnonzero(rows.min(axis=1) != rows.max(axis=1))
    if differing.size:
        place = int(differing[0])
        raise SeveralReferences(
            part=parts[place], references=", ".join(labels[code] for code in np.unique(rows[place]))
        )
    return np.asarray(rows[:, 0])


@dataclass(frozen=True)
class _Study:
    table: Codes
    """Shape ``(parts, appraisers, trials)``."""
    truth: Codes | None
    parts: tuple[str, ...]
    appraisers: tuple[str, ...]
    labels: tuple[str, ...]
    ordinal: bool
    weights: Weights
    trials: CohenTrials
    confidence: float
    extremes: Extremes

    def result(self, accept: str | None) -> AttributeAgreement:
        _, a, t = self.table.shape
        ratings = self.table.reshape(len(self.parts), -1)
        alike = self.table.min(axis=2) == self.table.max(axis=2)
        among = ratings.min(axis=1) == ratings.max(axis=1)
        right = None if self.truth is None else (self.table == self.truth[:, None, None]).all(axis=2)
        return AttributeAgreement(
            parts=self.parts,
            appraisers=self.appraisers,
            trials=t,
            categories=self.labels,
            ordinal=self.ordinal,
            within=() if t < 2 else self.each(alike),
            each_vs_standard=() if right is None else self.each(right),
            between=None if a < 2 else self.agreement(None, among),
            all_vs_standard=None if right is None else self.agreement(None, right.all(axis=1)),
            kappas=tuple(self.kappas_of(place) for place in range(a)),
            overall=self.overall(),
            fleiss_between=self.fleiss(ratings) if ratings.shape[1] > 1 else None,
            kendall_between=(
                kendall_w(ratings.astype(float)) if self.ordinal and ratings.shape[1] > 1 else None
            ),
            pairs=tuple(self.pair(i, j) for i, j in combinations(range(a), 2)),
            effectiveness=()
            if right is None
            else tuple(self.effectiveness(i, right, accept) for i in range(a)),
            accept=accept,
            confidence=self.confidence,
        )

    def each(self, matched: Bools) -> tuple[Agreement, ...]:
        return tuple(self.agreement(name, matched[:, place]) for place, name in enumerate(self.appraisers))

    def agreement(self, appraiser: str | None, matched: Bools) -> Agreement:
        n, x = matched.size, int(matched.sum())
        low, high = exact_interval(x, n, self.confidence, extremes=self.extremes)
        return Agreement(appraiser, n, x, 100 * x / n, Interval(100 * low, 100 * high))

    def fleiss(self, ratings: Codes) -> FleissKappa:
        counts = (ratings[:, :, None] == np.arange(len(self.labels))).sum(axis=1)
        return fleiss_kappa(counts, categories=self.labels, confidence=self.confidence)

    def against(self, ratings: Codes) -> FleissKappa | None:
        """The mean of each column's Fleiss kappa with the standard."""
        if self.truth is None:
            return None
        found = [self.fleiss(np.column_stack([rated, self.truth])) for rated in ratings.T]
        return FleissKappa(
            mean_kappa([item.overall for item in found], self.confidence),
            {
                name: mean_kappa([item.by_category[name] for item in found], self.confidence)
                for name in self.labels
            },
        )

    def cohen(self, first: Codes, second: Codes) -> Kappa:
        return cohen_kappa(
            first,
            second,
            categories=range(len(self.labels)),
            weights=self.weights,
            confidence=self.confidence,
        )

    def truths(self, ratings: Codes) -> Codes:
        assert self.truth is not None  # noqa: S101 - asked for with a standard only
        return np.broadcast_to(self.truth[:, None], ratings.shape)

    def standard_kappas(
        self, ratings: Codes
    ) -> tuple[FleissKappa | None, Kappa | None, RankCorrelation | None]:
        """Against the standard, of ratings of shape ``(parts, trials)``."""
        if self.truth is None:
            return None, None, None
        tau = mean_tau(ratings.astype(float), self.truth.astype(float)) if self.ordinal else None
        if self.trials == "pooled":
            cohen = self.cohen(ratings.ravel(), self.truths(ratings).ravel())
        else:
            cohen = mean_kappa([self.cohen(rated, self.truth) for rated in ratings.T], self.confidence)
        return self.against(ratings), cohen, tau

    def kappas_of(self, place: int) -> AppraiserKappas:
        own = self.table[:, place, :]
        fleiss, cohen, tau = self.standard_kappas(own)
        several = own.shape[1] > 1
        return AppraiserKappas(
            appraiser=self.appraisers[place],
            fleiss_within=self.fleiss(own) if several else None,
            fleiss_standard=fleiss,
            cohen_standard=cohen,
            kendall_within=kendall_w(own.astype(float)) if self.ordinal and several else None,
            kendall_standard=tau,
        )

    def overall(self) -> AppraiserKappas:
        fleiss, cohen, tau = self.standard_kappas(self.table.reshape(len(self.parts), -1))
        return AppraiserKappas(None, None, fleiss, cohen, None, tau)

    def pair(self, i: int, j: int) -> PairAgreement:
        one, other = self.table[:, i, :].ravel(), self.table[:, j, :].ravel()
        spread = np.ptp(one) > 0 and np.ptp(other) > 0
        scale = _scale(self.labels)
        return PairAgreement(
            first=self.appraisers[i],
            second=self.appraisers[j],
            cohen=self.cohen(one, other),
            correlation=float(np.corrcoef(scale[one], scale[other])[0, 1]) if spread else math.nan,
            kendall=kendall_tau(one.astype(float), other.astype(float)) if self.ordinal else None,
        )

    def effectiveness(self, place: int, right: Bools, accept: str | None) -> Effectiveness:
        effective = 100 * float(right[:, place].mean())
        if accept is None or self.truth is None:
            return Effectiveness(self.appraisers[place], effective, None, None, None)
        good = self.labels.index(accept)
        accepted, acceptable = self.table[:, place, :] == good, self.truth == good
        for there, missing in ((acceptable, accept), (~acceptable, f"≠ {accept}")):
            if not there.any():
                raise NotDecided(missing=missing)
        miss = 100 * float(accepted[~acceptable].mean())
        alarm = 100 * float((~accepted[acceptable]).mean())
        return Effectiveness(self.appraisers[place], effective, miss, alarm, _verdict(effective, miss, alarm))


def _verdict(
    effective: float, miss: float, alarm: float
) -> Literal["acceptable", "marginal", "unacceptable"]:
    """AIAG, *MSA*, 4th ed., III.C: at least 90, at most 2 and 5; at least 80, at most 5 and 10 percent."""
    if effective >= 90 and miss <= 2 and alarm <= 5:
        return "acceptable"
    return "marginal" if effective >= 80 and miss <= 5 and alarm <= 10 else "unacceptable"
