"""The options that every control chart takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from assay.stats import rules as run_rules
from assay.stats.arrays import between, numbers, one_of, positive
from assay.stats.charts.phases import Exclude, Phase1, Phases, Stages, plan
from assay.stats.errors import WrongShape

ConstantsKind = Literal["exact", "tabled"]
Rules = run_rules.Rules | None


class Common(TypedDict, total=False):
    """Options of every control chart, all by keyword.

    rules
        A set (``"nelson"``, ``"western_electric"``, ``"aiag"``, ``"none"``), rules by name or rules of one's
        own; see :func:`assay.stats.rules.resolve`. Charts of variables default to all of Nelson's rules,
        charts of counts to his first four.
    constants
        ``"exact"`` control chart constants, or ``"tabled"`` ones with the decimals of printed tables.
    phase1
        The points that limits are estimated from: a slice, ``(start, stop)`` or a mask over the plotted
        points. Later points are judged by these limits, and runs continue into them.
    center, sigma
        Historical (frozen) values; what is given is not estimated.
    stages
        Stretches with limits of their own: a label per plotted point, the indices they start at, or a
        mapping from start to name. Runs restart at each.
    exclude
        Points left out of the estimates, index → reason or indices alone; they stay on the chart.
    width
        Distance of the limits from the centre in standard errors, 3 by default.
    confidence
        Instead of ``width``: the normal quantile that holds this share of the points, such as 0.99.
    nelson8
        Whether rule 8 asks for points on ``"both_sides"`` of the centre (default) or ``"either_side"``.
    labels
        Names of the plotted points.
    """

    rules: Rules
    constants: ConstantsKind
    phase1: Phase1
    center: float | None
    sigma: float | None
    stages: Stages
    exclude: Exclude
    width: float
    confidence: float | None
    nelson8: run_rules.Nelson8
    labels: Sequence[Any] | NDArray[Any] | None


@dataclass(frozen=True, kw_only=True)
class Options:
    """:class:`Common`, checked.

    Raises
    ------
    UnknownOption, NotPositive, NotFinite, OutOfRange
    """

    rules: Rules = None
    constants: ConstantsKind = "exact"
    phase1: Phase1 = None
    center: float | None = None
    sigma: float | None = None
    stages: Stages = None
    exclude: Exclude = None
    width: float = 3.0
    confidence: float | None = None
    nelson8: run_rules.Nelson8 = "both_sides"
    labels: Sequence[Any] | NDArray[Any] | None = None

    def __post_init__(self) -> None:
        one_of(self.constants, ("exact", "tabled"), "constants")
        one_of(self.nelson8, ("both_sides", "either_side"), "nelson8")
        if self.center is not None:
            object.__setattr__(self, "center", float(numbers(self.center, "center")))
        if self.sigma is not None:
            object.__setattr__(self, "sigma", positive(self.sigma, "sigma"))
        if self.confidence is not None:
            share = between(self.confidence, "confidence", 1e-6, 1 - 1e-12)
            object.__setattr__(self, "width", float(ndtri(0.5 + share / 2)))
        object.__setattr__(self, "width", positive(self.width, "width"))

    def chosen(self, default: run_rules.Rules) -> tuple[run_rules.Rule, ...]:
        """The rules, ``default`` where none were asked for.

        Raises
        ------
        UnknownOption, TwoRulesOneName
        """
        return self.resolve(default if self.rules is None else self.rules)

    def resolve(self, rules: run_rules.Rules) -> tuple[run_rules.Rule, ...]:
        """``rules`` with rule 8 in the convention asked for."""
        return run_rules.resolve(rules, nelson8=self.nelson8)

    @property
    def given(self) -> bool:
        """Whether nothing has to be estimated."""
        return self.center is not None and self.sigma is not None

    def plan(self, count: int, *, estimates: bool = True) -> Phases:
        """The phases of a chart of ``count`` points; see :func:`assay.stats.charts.phases.plan`."""
        return plan(count, phase1=self.phase1, stages=self.stages, exclude=self.exclude, estimates=estimates)

    def names(self, count: int, found: tuple[str, ...] | None = None) -> tuple[str, ...] | None:
        """Labels of ``count`` points: those given, else those ``found`` in the data.

        Raises
        ------
        WrongShape
        """
        if self.labels is None:
            return found
        listed = tuple(map(str, np.asarray(self.labels).tolist()))
        if len(listed) != count:
            raise WrongShape(name="labels", shape=(len(listed),), wanted=f"({count},)")
        return listed
