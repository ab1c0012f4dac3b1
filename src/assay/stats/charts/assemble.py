"""A control chart from its plotted values and lines; every chart of this package is put together here."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from assay.stats import rules as run_rules
from assay.stats.arrays import Floats
from assay.stats.charts.chart import ControlChart, Limits, Stage
from assay.stats.charts.options import Options
from assay.stats.charts.phases import Phases
from assay.stats.rules import Rule, Zone

Number = float | Floats
RuleSet = tuple[Rule, ...]
FAR = 1e300
"""Width of a zone that no point leaves."""


@dataclass(frozen=True)
class Lines:
    """The lines of a stretch of points: floats, or arrays with one entry per point of the stretch."""

    center: Number
    lcl: Number
    ucl: Number
    zone: Number | None
    """A third of the way from the centre to a limit before it is clipped; None where the two sides differ."""


def symmetric(
    center: Number, error: Number, width: float, *, low: float = -math.inf, high: Number = math.inf
) -> Lines:
    """Limits ``width`` standard errors to both sides of the centre, clipped at ``low`` and ``high``."""
    zone = error if width == 3.0 else error * (width / 3.0)
    reach = 3.0 * zone
    lcl, ucl = center - reach, center + reach
    if low > -math.inf:
        lcl = np.maximum(lcl, low) if isinstance(lcl, np.ndarray) else max(lcl, low)
    if isinstance(high, np.ndarray) or high < math.inf:
        ucl = np.minimum(ucl, high) if isinstance(ucl, np.ndarray) else min(ucl, float(high))
    return Lines(center, lcl, ucl, zone)


def asymmetric(center: Number, lcl: Number, ucl: Number) -> Lines:
    """Limits that are not equally far from the centre; a third of each side's way makes its zones."""
    return Lines(center, lcl, ucl, None)


def zones(lines: Lines) -> tuple[Number, Number]:
    """A third of the way from the centre to the upper and to the lower limit, before they are clipped."""
    if lines.zone is not None:
        return lines.zone, lines.zone
    return _third(lines.ucl - lines.center), _third(lines.center - lines.lcl)


def _third(way: Number) -> Number:
    """A third of the way; where there is no way to a limit, or no limit, no point is ever beyond a zone."""
    if isinstance(way, np.ndarray):
        return np.where((way > 0) & (way < math.inf), way / 3.0, FAR)
    return way / 3.0 if 0 < way < math.inf else FAR


def on_limits(rule: Rule) -> bool:
    """Whether the rule looks at one point and its limits alone; only such rules apply to dispersion."""
    return isinstance(rule, Zone) and rule.m == rule.n == 1 and rule.k == 3.0


def limits_alone(rules: RuleSet) -> RuleSet:
    """Those of ``rules`` that look at the limits alone."""
    return tuple(rule for rule in rules if on_limits(rule))


def beyond(values: Floats, lines: Lines) -> list[int]:
    """Indices of the points outside their limits; a point that is NaN is not."""
    found: list[int] = np.flatnonzero((values > lines.ucl) | (values < lines.lcl)).tolist()
    return found


def violations(
    values: Floats, lines: Lines, rules: RuleSet, *, breaks: Sequence[int] = ()
) -> dict[str, list[int]]:
    """Where the points complete ``rules``; runs start anew at ``breaks``.

    A rule on the limits looks at the limits as they are drawn, so it needs no zones and passes over NaN.
    """
    runs = rules if lines.zone is not None else tuple(rule for rule in rules if not on_limits(rule))
    if all(on_limits(rule) for rule in runs):
        runs = ()
    found: dict[str, list[int]] = {}
    if runs:
        upper, lower = zones(lines)
        found = run_rules.violations(
            values, lines.center, upper, runs, lower_sigma=None if lower is upper else lower, breaks=breaks
        )
    return {rule.name: found[rule.name] if rule.name in found else beyond(values, lines) for rule in rules}


class Estimate(Protocol):
    """What a stage's limits follow from; frozen dataclasses, so that charts can be pickled.

    ``size`` is a float, an array with the sizes of the stage's points, or None where sizes play no part; the
    same arithmetic on floats and arrays makes a live chart equal to the batch chart.
    """

    def lines(self, size: Number | None) -> Lines:
        """Centre, limits and zones at this size."""

    def spread(self, size: Number | None) -> Number:
        """The process standard deviation, as :attr:`ControlChart.sigma` says it."""


@dataclass(frozen=True)
class Constant:
    """An estimate whose lines are the same at each point."""

    fixed: Lines
    sigma: float

    def lines(self, size: Number | None) -> Lines:
        """The lines."""
        return self.fixed

    def spread(self, size: Number | None) -> Number:
        """The sigma."""
        return self.sigma


def assemble(
    kind: str,
    statistics: Floats,
    estimates: Sequence[Estimate],
    phases: Phases,
    options: Options,
    *,
    rules: RuleSet,
    sizes: Number | None = None,
    labels: tuple[str, ...] | None = None,
    estimator: str = "",
    formula: str = "",
    title: str = "",
    overdispersion: Number | None = None,
    companions: tuple[ControlChart, ...] = (),
    live: object = None,
) -> ControlChart:
    """Put a chart together: lines per stage, run rules per stage, everything aligned to the points.

    Parameters
    ----------
    statistics
        The plotted values, ``(m,)``.
    estimates
        One per stretch of ``phases``.
    sizes
        A float where all points have one size, ``(m,)`` where they vary, None where there is none.
    rules
        Rules to look at; they restart at each stage.
    live
        What :meth:`ControlChart.live` starts from: an object with ``start(chart)``.
    """
    parts: list[Lines] = []
    sigmas: list[Number] = []
    for stretch, estimate in zip(phases.stretches, estimates, strict=True):
        own = sizes[stretch.points] if isinstance(sizes, np.ndarray) else sizes
        parts.append(estimate.lines(own))
        sigmas.append(estimate.spread(own))
    lines = joined_lines(parts, phases)
    breaks = [stretch.start for stretch in phases.stretches[1:]]
    count = phases.count
    stages = tuple(
        Stage(stretch.label, stretch.start, stretch.stop, mean_of(line.center), mean_of(sigma))
        for stretch, line, sigma in zip(phases.stretches, parts, sigmas, strict=True)
    )
    return ControlChart(
        kind=kind,
        statistics=statistics,
        center=lines.center,
        sigma=joined(sigmas, phases),
        limits=Limits(lines.lcl, lines.ucl),
        zone=lines.zone,
        violations=violations(statistics, lines, rules, breaks=breaks),
        rules=tuple(rule.name for rule in rules),
        sizes=np.full(count, sizes) if isinstance(sizes, float) else sizes,
        labels=labels,
        phase1=phases.phase1,
        stages=stages if phases.staged else (),
        excluded=phases.excluded,
        width=options.width,
        estimator=estimator,
        constants=options.constants,
        formula=formula,
        title=title or kind,
        overdispersion=overdispersion,
        companions=companions,
        _live=live,
    )


def joined_lines(parts: Sequence[Lines], phases: Phases) -> Lines:
    """The stages' lines as lines over all points."""
    if len(parts) == 1:
        return parts[0]
    known = [part.zone for part in parts if part.zone is not None]
    return Lines(
        joined([part.center for part in parts], phases),
        joined([part.lcl for part in parts], phases),
        joined([part.ucl for part in parts], phases),
        joined(known, phases) if len(known) == len(parts) else None,
    )


def joined(parts: Sequence[Number], phases: Phases) -> Number:
    """The stages' values as one float where they are all the same, else as an array over the points."""
    if not any(isinstance(part, np.ndarray) for part in parts) and len(set(parts)) == 1:
        return float(parts[0])
    whole = np.empty(phases.count)
    for part, stretch in zip(parts, phases.stretches, strict=True):
        whole[stretch.points] = part
    return whole


def mean_of(value: Number) -> float:
    """A line's value, or its mean where it varies."""
    return float(value.mean()) if isinstance(value, np.ndarray) else float(value)
