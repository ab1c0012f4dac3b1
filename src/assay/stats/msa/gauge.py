"""Gauge repeatability and reproducibility: what the study shows of the gauge, the operators and the parts.

Crossed and nested studies by analysis of variance, crossed ones by average and range too. Sources: AIAG,
*Measurement Systems Analysis*, 4th ed., III.B; Burdick, Borror & Montgomery 2005, *Design and Analysis of
Gauge R&R Studies*, ASA-SIAM; Montgomery, *Introduction to Statistical Quality Control*, 7th ed., 8.7.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from assay.stats.arrays import Floats, between, one_of, positive
from assay.stats.msa import anova as tables
from assay.stats.msa.anova import EFFECTS, Anova, AnovaRow, Effects
from assay.stats.msa.average_range import AverageRange, average_range
from assay.stats.msa.components import (
    Component,
    Scale,
    checked_sd,
    distinct_categories,
    tolerance_of,
)
from assay.stats.msa.errors import HistoricalBelowGauge
from assay.stats.msa.intervals import (
    METHODS,
    Interval,
    Method,
    Square,
    around,
    share_interval,
    signal_interval,
    variance_interval,
)
from assay.stats.msa.operator_charts import OperatorCharts, operator_charts
from assay.stats.msa.study import Study, crossed, nested
from assay.stats.plot import Plot
from assay.stats.result import Result

Design = Literal["crossed", "nested", "one_way"]
HistoricalUse = Literal["total", "beside"]
Sums = dict[str, list[Square]]


@dataclass(frozen=True, kw_only=True)
class GaugeRR(Result):
    """A gauge R&R study.

    ``ev``, ``av``, ``interaction``, ``grr``, ``pv`` and ``tv`` are standard deviations in the unit of the
    data; what doesn't exist in the design is None.
    """

    design: Design
    method: str
    """``anova`` or ``range``."""
    parts: tuple[str, ...]
    operators: tuple[str, ...]
    trials: int
    mean: float
    ev: float
    """Equipment variation: repeatability."""
    av: float | None
    """Appraiser variation: the operators, without the interaction."""
    interaction: float | None
    """Part × operator; None where it isn't in the model."""
    reproducibility: float | None
    """Operators and interaction together."""
    grr: float
    """Repeatability and reproducibility together."""
    pv: float
    """Part variation."""
    tv: float
    """Total variation."""
    ndc: int
    """Number of distinct categories, 1.41·PV/GRR truncated (never rounded), at least 1."""
    ndc_ratio: float
    """The same before truncation."""
    ndc_ratio_interval: Interval | None
    components: dict[str, Component]
    """By source: ``grr``, ``repeatability``, ``reproducibility``, ``operator``, ``part_by_operator``,
    ``part``, ``total``; what the design or model doesn't have is left out."""
    verdict: Literal["acceptable", "marginal", "unacceptable"]
    """%GRR of the study variation below 10, up to 30, above: AIAG, *MSA*, 4th ed., II.D."""
    anova: Anova | None = None
    """The full table."""
    anova_reduced: Anova | None = None
    """The table without the interaction; None in designs that have no interaction."""
    pooled: bool = False
    """Whether the components come from the reduced table."""
    average_range: AverageRange | None = None
    """Averages, ranges and factors of the range method."""
    negative: tuple[str, ...] = ()
    """Components whose estimate was below zero and was set to zero."""
    study_multiplier: float
    tolerance: float | None
    """Tolerance width, or the distance from the mean to the only limit."""
    one_sided: bool
    """One specification limit: half the study variation is compared with ``tolerance``."""
    historical_sd: float | None
    pooling_alpha: float | None
    confidence: float
    interval_method: str | None
    """How the intervals of variances come about; None for the range method, which has none."""
    _study: Study = field(repr=False, compare=False)

    @property
    def percent_grr(self) -> float:
        """%GRR: the gauge's share of the study variation, in percent of standard deviations."""
        return self.components["grr"].percent_study_variation

    @property
    def percent_tolerance(self) -> float | None:
        """The gauge's share of the tolerance in percent (P/T ratio); None without a tolerance."""
        return self.components["grr"].percent_tolerance

    @property
    def values(self) -> Floats:
        """The measurements, shape ``(parts, operators or 1, trials)``."""
        return self._study.values

    def charts(self) -> OperatorCharts:
        """X̄ and R of every cell, operator by operator, with their limits."""
        return operator_charts(self.values, self.parts, self.operators, nested=self.design == "nested")

    def plot(self) -> Plot:
        """Components of variation, by part, by operator, X̄ and R by operator, interaction."""
        from assay.stats.msa.gauge_picture import picture

        return picture(self)


def gauge_rr(
    frame: Any,
    *,
    part: str,
    operator: str | None = None,
    value: str | Sequence[str],
    method: Literal["anova", "range"] = "anova",
    tolerance: float | None = None,
    lsl: float | None = None,
    usl: float | None = None,
    study_multiplier: float = 6.0,
    pooling_alpha: float | None = 0.05,
    effects: Effects = "random",
    confidence: float = 0.95,
    interval: Method = "mls",
    historical_sd: float | None = None,
    historical_use: HistoricalUse = "total",
    constants: Literal["exact", "tabled"] = "exact",
    form_decimals: int | None = None,
) -> GaugeRR:
    """A crossed gauge study: every operator measures every part, each at least twice.

    Parameters
    ----------
    frame
        A mapping of arrays, an Arrow table or a pandas frame with one row per measurement, in any order.
    part, operator, value
        Column names; several columns of values are trials side by side. Without ``operator`` the study is of
        type 3: one gauge, no appraiser influence.
    method
        ``anova`` (AIAG, *MSA*, 4th ed., III.B, p. 123 ff.) or ``range`` (average and range, p. 118 ff.).
    tolerance, lsl, usl
        The tolerance's width, or the limits. With one limit alone, half the study variation is compared with
        the distance from the mean of the study to the limit.
    study_multiplier
        How many standard deviations the study variation spans: 6 (AIAG 4th ed.), or 5.15 (3rd ed.).
    pooling_alpha
        The interaction leaves the model when its p is above this (0.05; AIAG uses 0.25); None keeps it.
    effects
        Which F the full table shows for part and operator: over the interaction (``random``), or over the
        repeatability (``fixed``); ``fixed_interaction_df`` shows JASP's p. Components don't depend on it.
    confidence, interval
        Level and method of the intervals (:mod:`assay.stats.msa.intervals`).
    historical_sd, historical_use
        The standard deviation of the process from elsewhere. ``total`` (AIAG; JASP): it takes the place of
        the total variation, and the part variation is what remains of it. ``beside`` (Minitab): the study
        keeps its own total, and only ``percent_process`` uses it.
    constants, form_decimals
        Range method: exact factors or AIAG's four decimals, and with how many decimals averages are carried
        on (:func:`assay.stats.msa.average_range.average_range`).

    Raises
    ------
    UnknownColumn, MissingLabel, NotFinite, NotNumeric, TooFewLevels, UnbalancedStudy, ConstantData,
    ZeroRepeatability, LimitsReversed, MeanOutsideTolerance, HistoricalBelowGauge, UnknownOption
    """
    one_of(method, ("anova", "range"), "method")
    one_of(effects, EFFECTS, "effects")
    alpha = None if pooling_alpha is None else between(pooling_alpha, "pooling_alpha", 0.0, 1.0)
    study = crossed(frame, part, operator, value)
    frame_of = _Frame(
        study, tolerance, lsl, usl, study_multiplier, historical_sd, historical_use, confidence, interval
    )
    if method == "range":
        found = average_range(study.values, constants=constants, form_decimals=form_decimals)
        variances = {"repeatability": found.ev**2, "part": found.pv**2}
        if operator is not None:
            variances["operator"] = found.av**2
        return frame_of.result(
            "one_way" if operator is None else "crossed",
            variances,
            {},
            method="range",
            average_range=found,
            negative=("operator",) if found.av_negative else (),
        )
    if operator is None:
        table = tables.one_way(study.values)
        return frame_of.result("one_way", *_one_way(table, study), anova=table)
    full, reduced = tables.crossed(study.values, effects=effects)
    p = full["part_by_operator"].p
    pooled = alpha is not None and p is not None and p > alpha
    estimates = _reduced(reduced, study) if pooled else _full(full, study)
    return frame_of.result(
        "crossed", *estimates, anova=full, anova_reduced=reduced, pooled=pooled, pooling_alpha=alpha
    )


def gauge_rr_nested(
    frame: Any,
    *,
    part: str,
    operator: str,
    value: str | Sequence[str],
    tolerance: float | None = None,
    lsl: float | None = None,
    usl: float | None = None,
    study_multiplier: float = 6.0,
    confidence: float = 0.95,
    interval: Method = "mls",
    historical_sd: float | None = None,
    historical_use: HistoricalUse = "total",
) -> GaugeRR:
    """A nested gauge study, for tests that destroy the part: each operator has parts (batches) of their own.

    Repeats are specimens of one batch, taken to be alike. Labels may repeat from operator to operator.
    Arguments as in :func:`gauge_rr`. Source: Burdick, Borror & Montgomery 2005, ch. 5; Montgomery, *Design
    and Analysis of Experiments*, 8th ed., 14.1.

    Raises
    ------
    The same as :func:`gauge_rr`.
    """
    study = nested(frame, part, operator, value)
    table = tables.nested(study.values)
    frame_of = _Frame(
        study, tolerance, lsl, usl, study_multiplier, historical_sd, historical_use, confidence, interval
    )
    return frame_of.result("nested", *_nested(table, study), anova=table)


def _square(row: AnovaRow, coefficient: float) -> Square:
    assert row.ms is not None  # noqa: S101 - only the total line has none
    return Square(coefficient, row.ms, row.df)


def _sum(squares: list[Square]) -> float:
    return math.fsum(square.part for square in squares)


def _full(table: Anova, study: Study) -> tuple[dict[str, float], Sums]:
    p, o, r = study.shape
    part, operator, both, error = (
        table[name] for name in ("part", "operator", "part_by_operator", "repeatability")
    )
    sums = {
        "repeatability": [_square(error, 1)],
        "part_by_operator": [_square(both, 1 / r), _square(error, -1 / r)],
        "operator": [_square(operator, 1 / (p * r)), _square(both, -1 / (p * r))],
        "part": [_square(part, 1 / (o * r)), _square(both, -1 / (o * r))],
        "reproducibility": [
            _square(operator, 1 / (p * r)), _square(both, (p - 1) / (p * r)), _square(error, -1 / r),
        ],
        "grr": [
            _square(operator, 1 / (p * r)), _square(both, (p - 1) / (p * r)), _square(error, (r - 1) / r),
        ],
        "total": [
            _square(part, 1 / (o * r)), _square(operator, 1 / (p * r)),
            _square(both, (p * o - p - o) / (p * o * r)), _square(error, (r - 1) / r),
        ],
    }  # fmt: skip
    return {
        name: _sum(sums[name]) for name in ("repeatability", "part_by_operator", "operator", "part")
    }, sums


def _reduced(table: Anova, study: Study) -> tuple[dict[str, float], Sums]:
    p, o, r = study.shape
    part, operator, error = (table[name] for name in ("part", "operator", "repeatability"))
    by_operator = [_square(operator, 1 / (p * r)), _square(error, -1 / (p * r))]
    sums = {
        "repeatability": [_square(error, 1)],
        "operator": by_operator,
        "part": [_square(part, 1 / (o * r)), _square(error, -1 / (o * r))],
        "reproducibility": by_operator,
        "grr": [_square(operator, 1 / (p * r)), _square(error, (p * r - 1) / (p * r))],
        "total": [
            _square(part, 1 / (o * r)),
            _square(operator, 1 / (p * r)),
            _square(error, (p * o * r - p - o) / (p * o * r)),
        ],
    }
    return {name: _sum(sums[name]) for name in ("repeatability", "operator", "part")}, sums


def _one_way(table: Anova, study: Study) -> tuple[dict[str, float], Sums]:
    _, _, r = study.shape
    part, error = table["part"], table["repeatability"]
    sums = {
        "repeatability": [_square(error, 1)],
        "part": [_square(part, 1 / r), _square(error, -1 / r)],
        "grr": [_square(error, 1)],
        "total": [_square(part, 1 / r), _square(error, (r - 1) / r)],
    }
    return {name: _sum(sums[name]) for name in ("repeatability", "part")}, sums


def _nested(table: Anova, study: Study) -> tuple[dict[str, float], Sums]:
    p, _, r = study.shape
    operator, part, error = (table[name] for name in ("operator", "part_in_operator", "repeatability"))
    by_operator = [_square(operator, 1 / (p * r)), _square(part, -1 / (p * r))]
    sums = {
        "repeatability": [_square(error, 1)],
        "operator": by_operator,
        "part": [_square(part, 1 / r), _square(error, -1 / r)],
        "reproducibility": by_operator,
        "grr": [*by_operator, _square(error, 1)],
        "total": [
            _square(operator, 1 / (p * r)), _square(part, (p - 1) / (p * r)), _square(error, (r - 1) / r),
        ],
    }  # fmt: skip
    return {name: _sum(sums[name]) for name in ("repeatability", "operator", "part")}, sums


@dataclass(frozen=True)
class _Frame:
    """What every design shares: the settings, and how variances become a result."""

    study: Study
    tolerance: float | None
    lsl: float | None
    usl: float | None
    study_multiplier: float
    historical_sd: float | None
    historical_use: HistoricalUse
    confidence: float
    interval: Method

    def result(
        self,
        design: Design,
        estimates: dict[str, float],
        sums: Sums,
        *,
        negative: tuple[str, ...] = (),
        **rest: Any,
    ) -> GaugeRR:
        """Variances by source, set to zero where negative, put together and compared."""
        positive(self.study_multiplier, "study_multiplier")
        historical = checked_sd(self.historical_sd, "historical_sd")
        one_of(self.historical_use, ("total", "beside"), "historical_use")
        one_of(self.interval, METHODS, "interval")
        between(self.confidence, "confidence", 0.5, 0.9999)
        mean = float(self.study.values.mean())
        limits = tolerance_of(self.tolerance, self.lsl, self.usl, mean, self.study_multiplier)
        below = negative + tuple(name for name, variance in estimates.items() if variance < 0)
        parts = {name: max(variance, 0.0) for name, variance in estimates.items()}
        operators = [parts[name] for name in ("operator", "part_by_operator") if name in parts]
        found = {
            "grr": math.fsum([parts["repeatability"], *operators]),
            "repeatability": parts["repeatability"],
        }
        if operators:
            found["reproducibility"] = math.fsum(operators)
        found |= {name: parts[name] for name in ("operator", "part_by_operator", "part") if name in parts}
        fixed = historical**2 if historical is not None and self.historical_use == "total" else None
        if fixed is not None:
            if fixed < found["grr"]:
                raise HistoricalBelowGauge(historical=historical, gauge=math.sqrt(found["grr"]))
            found["part"] = fixed - found["grr"]
        found["total"] = found["grr"] + found["part"]
        scale = Scale(found["total"], self.study_multiplier, limits, historical)
        signal = None if fixed is not None else self._signal(design, sums, found["part"] / found["grr"])
        components = {
            name: scale.component(variance, *self._intervals(name, sums, found, fixed, signal))
            for name, variance in found.items()
        }
        sd = {name: component.standard_deviation for name, component in components.items()}
        ndc, ratio = distinct_categories(sd["part"], sd["grr"])
        share = components["grr"].percent_study_variation
        return GaugeRR(
            **{"method": "anova", "pooling_alpha": None} | rest,
            design=design,
            parts=self.study.parts,
            operators=self.study.operators,
            trials=self.study.shape[2],
            mean=mean,
            ev=sd["repeatability"],
            av=sd.get("operator"),
            interaction=sd.get("part_by_operator"),
            reproducibility=sd.get("reproducibility"),
            grr=sd["grr"],
            pv=sd["part"],
            tv=sd["total"],
            ndc=ndc,
            ndc_ratio=ratio,
            ndc_ratio_interval=(
                None
                if signal is None
                else Interval(1.41 * math.sqrt(signal.low), 1.41 * math.sqrt(signal.high))
            ),
            components=components,
            verdict="acceptable" if share < 10 else "marginal" if share <= 30 else "unacceptable",
            negative=below,
            study_multiplier=self.study_multiplier,
            tolerance=None if limits is None else limits.width,
            one_sided=limits is not None and limits.multiplier != self.study_multiplier,
            historical_sd=historical,
            confidence=self.confidence,
            interval_method=self.interval if sums else None,
            _study=self.study,
        )

    def _intervals(
        self, name: str, sums: Sums, found: dict[str, float], fixed: float | None, signal: Interval | None
    ) -> tuple[Interval | None, Interval | None]:
        """The intervals of a variance and of its share; a total from elsewhere has none."""
        if not sums or name not in sums or (fixed is not None and name in ("part", "total")):
            return None, None
        interval = around(variance_interval(sums[name], self.confidence, self.interval), found[name])
        if fixed is not None:
            return interval, Interval(interval.low / fixed, interval.high / fixed)
        if name == "total":
            return interval, None
        if signal is not None and math.isfinite(signal.high) and name in ("grr", "part"):
            low, high = signal.low / (1 + signal.low), signal.high / (1 + signal.high)
            return interval, Interval(low, high) if name == "part" else Interval(1 - high, 1 - low)
        share = share_interval(sums[name], sums["total"], self.confidence)
        return interval, around(share, found[name] / found["total"])

    def _signal(self, design: Design, sums: Sums, estimate: float) -> Interval | None:
        """The interval of part over gauge variance."""
        if not sums:
            return None
        if design == "nested":
            share = around(
                share_interval(sums["part"], sums["total"], self.confidence), estimate / (1 + estimate)
            )
            high = math.inf if share.high >= 1 else share.high / (1 - share.high)
            return Interval(share.low / (1 - share.low), high)
        part, noise = sums["part"]
        operator = sums["operator"][0] if "operator" in sums else None
        shape = self.study.shape
        found = signal_interval(
            part, noise, sums["repeatability"][0], operator, shape=shape, confidence=self.confidence
        )
        return around(found, estimate)
