"""What time-weighted charts accumulate: single values or means of subgroups, with centre and sigma."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from assay.stats import rules as run_rules
from assay.stats import sigma as sigmas
from assay.stats.arrays import Floats, numbers, one_of, vector
from assay.stats.charts.assemble import Lines, Number, RuleSet, on_limits
from assay.stats.charts.chart import ControlChart, LivePoint
from assay.stats.charts.individuals import moving, successive
from assay.stats.charts.live import mean, number
from assay.stats.charts.options import Common, Options
from assay.stats.charts.phases import Phases
from assay.stats.charts.variables import Settings, named, sizes_of, statistic, weighted
from assay.stats.charts.variables import sigma_of as sigma_of_groups
from assay.stats.errors import TooFewPoints, WrongShape
from assay.stats.subgroups import Subgroups, subgroups

Estimator = Literal[
    "mr", "median_mr", "mssd", "sd", "sd_unbiased", "rbar", "sbar", "pooled", "pooled_unbiased"
]


class Sequential(Common, total=False):
    """Options of time-weighted charts besides :class:`~assay.stats.charts.options.Common`.

    estimator
        How sigma of one value is estimated. Single values: ``"mr"`` (default), ``"median_mr"``, ``"mssd"``,
        ``"sd"``, ``"sd_unbiased"``. Subgroups: ``"rbar"`` (default), ``"sbar"``, ``"pooled"``,
        ``"pooled_unbiased"``.
    weighting
        ``"uwave"`` or ``"mvlue"``, as on an X̄ chart.
    """

    estimator: Estimator | None
    weighting: sigmas.Weighting


OWN: tuple[str, ...] = ("estimator", "weighting")
BEYOND = "nelson1"
"""The rule of charts whose points depend on each other: a point beyond a limit."""


@dataclass(frozen=True)
class Series:
    """``m`` observed values or subgroup means in their order."""

    values: Floats
    groups: Subgroups | None
    options: Options
    estimator: str
    weighting: sigmas.Weighting

    @property
    def single(self) -> bool:
        """Whether each point is one value."""
        return self.groups is None

    @property
    def sizes(self) -> Number | None:
        """Subgroup sizes: one for all, ``(m,)`` where they vary, None for single values."""
        return None if self.groups is None else sizes_of(self.groups)

    @property
    def labels(self) -> tuple[str, ...] | None:
        """What the points are called."""
        return self.options.names(self.values.size, None if self.groups is None else named(self.groups))

    def each_size(self) -> list[float]:
        """The size of every point; 1 for single values."""
        sizes = 1.0 if self.sizes is None else self.sizes
        listed: list[float] = np.broadcast_to(sizes, self.values.shape).tolist()
        return listed

    def phases(self) -> Phases:
        """Phase I, stages and exclusions."""
        return self.options.plan(self.values.size, estimates=not self.options.given)

    def centers(self, phases: Phases) -> list[float]:
        """The mean of each stage: the given one, or that of all its values in phase I."""
        given = self.options.center
        if given is not None:
            return [given] * len(phases.stretches)
        if self.groups is None:
            return [float(self.values[stretch.estimating].mean()) for stretch in phases.stretches]
        return [weighted(self.values, self.groups, stretch.estimating) for stretch in phases.stretches]

    def spreads(self, phases: Phases) -> list[float]:
        """Sigma of one value for each stage: the given one, or estimated.

        Raises
        ------
        ConstantData, NoSpreadWithin, TooFewPoints, SingletonSubgroups
        """
        if self.groups is None:
            if self.options.sigma is None:
                vector(self.values, least=2, what=self.estimator)
            ranges = moving(self.values, phases, 2)
            return successive(self.values, ranges, phases, self.options, span=2, estimator=self.estimator)
        settings = Settings(self.options, self.estimator, self.weighting, None, "expected")
        return sigma_of_groups(self.groups, phases, settings)

    @property
    def named_estimator(self) -> str:
        """What the chart says about its sigma."""
        return self.estimator if self.options.sigma is None else "given"

    def rules(self) -> RuleSet:
        """The rules asked for; by default a point beyond a limit alone."""
        return self.options.chosen(BEYOND)


def series(
    values: ArrayLike, subgroup: ArrayLike | int | None, given: Mapping[str, object], what: str
) -> Series:
    """Single values, or subgroups as on an X̄ chart; subgroups of one value each are single values.

    Raises
    ------
    NotFinite, NotNumeric, WrongShape, TooFewPoints, UnequalSubgroups, SplitSubgroup, UnknownOption
    """
    rest = dict(given)
    asked, weighting = rest.pop("estimator", None), rest.pop("weighting", "uwave")
    options = Options(**rest)  # type: ignore[arg-type]
    chosen = one_of(str(weighting), sigmas.WEIGHTINGS, "weighting")
    single = subgroup is None and np.ndim(values) == 1
    groups = None if single else subgroups(values, subgroup, what=what)
    if groups is None or groups.size == 1:
        found = vector(values, what=what) if groups is None else groups.values
        known: tuple[str, ...] = (*sigmas.SUCCESSIVE, *sigmas.OVERALL)
        estimator = one_of(str("mr" if asked is None else asked), known, "estimator")
        return Series(found, None, options, estimator, chosen)
    estimator = one_of(str("rbar" if asked is None else asked), tuple(sigmas.WITHIN), "estimator")
    return Series(statistic(groups, "means"), groups, options, estimator, chosen)


def observed(observation: object, *, single: bool) -> tuple[float, float]:
    """One live observation as its mean and its size: a number, or a subgroup of numbers.

    Raises
    ------
    NotFinite, NotNumeric, WrongShape, TooFewPoints
    """
    if single:
        return number(observation), 1.0
    found = numbers(observation, "subgroup")  # type: ignore[arg-type]
    if found.ndim != 1:
        raise WrongShape(name="subgroup", shape=found.shape, wanted="(n,)")
    if found.size == 0:
        raise TooFewPoints(what="subgroup", count=0, least=1)
    listed: list[float] = found.tolist()
    return mean(listed), float(len(listed))


class Judge:
    """Which rules a live point completes.

    Parameters
    ----------
    before, lines
        The points of the chart's last stage, ``(m,)``, and their lines: runs go on from them.
    rules
        What is looked for.
    """

    def __init__(self, before: Floats, lines: Lines, rules: RuleSet) -> None:
        self._names = tuple(rule.name for rule in rules)
        self._tracker = None if all(map(on_limits, rules)) else run_rules.Tracker(rules)
        if self._tracker is not None and lines.zone is not None:
            self._tracker.follow(before, lines.center, lines.zone)

    def flags(self, value: float, lines: Lines) -> tuple[str, ...]:
        """The rules that ``value`` completes; ``lines`` hold floats."""
        if self._tracker is not None and lines.zone is not None:
            return self._tracker.add(value, lines.center, lines.zone)  # type: ignore[arg-type]
        return self._names if value > lines.ucl or value < lines.lcl else ()


def last_stage(chart: ControlChart) -> slice:
    """The points of the chart's last stage."""
    return slice(chart.stages[-1].start if chart.stages else 0, chart.statistics.size)


def point(
    index: int, value: float, lines: Lines, flags: tuple[str, ...], *companions: LivePoint
) -> LivePoint:
    """The answer of a live chart; ``lines`` hold floats."""
    center, lcl, ucl = float(lines.center), float(lines.lcl), float(lines.ucl)
    return LivePoint(index, value, center, lcl, ucl, flags, companions)
