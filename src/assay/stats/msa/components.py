"""Variance components as a gauge study reports them: spread, contribution, share of study and tolerance."""

from __future__ import annotations

import math
from dataclasses import dataclass

from assay.stats.arrays import ordered, positive
from assay.stats.msa.errors import MeanOutsideTolerance, ToleranceTwice
from assay.stats.msa.intervals import Interval


@dataclass(frozen=True)
class Component:
    """One source of variation.

    Percentages are of standard deviations, except the contribution, which is of variances; those of
    standard deviations don't add up to 100.
    """

    variance: float
    standard_deviation: float
    study_variation: float
    """``study_multiplier`` standard deviations."""
    percent_contribution: float
    percent_study_variation: float
    percent_tolerance: float | None
    """Study variation over the tolerance; None without one."""
    percent_process: float | None
    """Standard deviation over the historical standard deviation of the process; None without one."""
    variance_interval: Interval | None = None
    percent_contribution_interval: Interval | None = None
    percent_study_variation_interval: Interval | None = None
    percent_tolerance_interval: Interval | None = None


@dataclass(frozen=True)
class Tolerance:
    """What the study variation is compared with: the whole tolerance, or from the mean to one limit."""

    width: float
    multiplier: float
    """How many standard deviations stand against ``width``: all, or half of them for one limit."""


def tolerance_of(
    tolerance: float | None, lsl: float | None, usl: float | None, mean: float, study_multiplier: float
) -> Tolerance | None:
    """The tolerance from a width or from limits; one limit alone counts from the mean, with half the spread.

    Raises
    ------
    NotPositive, LimitsReversed, ToleranceTwice, MeanOutsideTolerance
    """
    ordered(lsl, usl)
    if tolerance is not None:
        if lsl is not None or usl is not None:
            raise ToleranceTwice(tolerance=tolerance, other=f"lsl = {lsl}, usl = {usl}")
        return Tolerance(positive(tolerance, "tolerance"), study_multiplier)
    if lsl is not None and usl is not None:
        return Tolerance(usl - lsl, study_multiplier)
    limit = usl if usl is not None else lsl
    if limit is None:
        return None
    room = usl - mean if usl is not None else mean - limit
    if room <= 0:
        raise MeanOutsideTolerance(mean=mean, limit=limit)
    return Tolerance(room, study_multiplier / 2)


@dataclass(frozen=True)
class Scale:
    """What components are measured against."""

    total: float
    """Total variance."""
    study_multiplier: float
    tolerance: Tolerance | None
    historical_sd: float | None

    def component(
        self, variance: float, interval: Interval | None = None, share: Interval | None = None
    ) -> Component:
        """The component of a variance, with the intervals of it and of its share of the total (0 … 1)."""
        sd = math.sqrt(variance)
        tolerance = self.tolerance
        return Component(
            variance=variance,
            standard_deviation=sd,
            study_variation=self.study_multiplier * sd,
            percent_contribution=100 * variance / self.total,
            percent_study_variation=100 * math.sqrt(variance / self.total),
            percent_tolerance=None
            if tolerance is None
            else 100 * tolerance.multiplier * sd / tolerance.width,
            percent_process=None if self.historical_sd is None else 100 * sd / self.historical_sd,
            variance_interval=interval,
            percent_contribution_interval=None
            if share is None
            else Interval(100 * share.low, 100 * share.high),
            percent_study_variation_interval=None if share is None else _roots(share, 100),
            percent_tolerance_interval=(
                None
                if tolerance is None or interval is None
                else _roots(interval, 100 * tolerance.multiplier / tolerance.width)
            ),
        )


def _roots(interval: Interval, factor: float) -> Interval:
    return Interval(factor * math.sqrt(interval.low), factor * math.sqrt(interval.high))


def checked_sd(value: float | None, name: str) -> float | None:
    """A standard deviation that may be left out.

    Raises
    ------
    NotFinite, NotPositive
    """
    return None if value is None else positive(value, name)


def distinct_categories(part: float, gauge: float, factor: float = 1.41) -> tuple[int, float]:
    """The number of distinct categories and the ratio behind it.

    ``1.41·PV/GRR`` truncated, never rounded, and at least one: AIAG, *MSA*, 4th ed., III.B, p. 131.
    """
    ratio = factor * part / gauge
    return max(1, math.floor(ratio)), ratio
