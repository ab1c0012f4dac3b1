"""The regression chart: limits parallel to a line, for tool wear and other drifts that are expected.

Sources: Mandel 1969, J. Quality Technology 1, 1-9; Montgomery, *Introduction to Statistical Quality Control*,
8th ed. 2020, section 10.7.3 (tool wear); Duncan, *Quality Control and Industrial Statistics*, 5th ed. 1986,
chapter 21.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal, Unpack

import numpy as np
from numpy.typing import ArrayLike

from assay.stats import constants as tables
from assay.stats.arrays import Floats, numbers, one_of, vector
from assay.stats.charts.assemble import Constant, Lines, RuleSet, assemble, symmetric
from assay.stats.charts.chart import ControlChart, Limits, LivePoint, Stage
from assay.stats.charts.errors import CATALOGUE
from assay.stats.charts.extended import extended, several
from assay.stats.charts.fitted_line import Crossing, CrossingOf, FittedLine, fitted, given, parallel
from assay.stats.charts.individuals import complete, moving
from assay.stats.charts.kind import kind
from assay.stats.charts.live import number
from assay.stats.charts.options import Common, Options
from assay.stats.charts.phases import Phases, Stretch
from assay.stats.charts.picture import picture
from assay.stats.charts.series import Judge, last_stage, point
from assay.stats.errors import ConstantData, TooFewPoints, WrongShape
from assay.stats.plot.spec import Axis, Flag, Flags, Layer, Line, Plot, Points, Role

LinesOf = Literal["own", "parallel", "common"]
LINES_OF: tuple[LinesOf, ...] = ("own", "parallel", "common")
Estimator = Literal["residual", "mr"]
ESTIMATORS: tuple[Estimator, ...] = ("residual", "mr")


@dataclass(frozen=True, kw_only=True)
class RegressionChart(ControlChart):
    """A regression chart; ``center`` and ``limits`` are arrays that follow the line of each stage."""

    use: Floats
    """What the values drift with, ``(m,)``: pieces made, hours, length cut since the tool was changed."""
    residuals: Floats
    """Values minus the line, ``(m,)``; run rules look at these."""
    lines: tuple[FittedLine, ...]
    """The line of each stage; one where there are no stages."""
    lines_of: str

    def crossing(
        self,
        limit: float,
        *,
        now: float | None = None,
        confidence: float = 0.95,
        of: CrossingOf = "mean",
        stage: int = -1,
    ) -> Crossing:
        """Where the line of a stage (the last by default) reaches ``limit``, with its interval.

        Parameters
        ----------
        limit
            In the values' unit: a specification or acceptance limit.
        now
            The use that the tool has now; by default that of the last point.
        confidence, of
            See :meth:`assay.stats.charts.fitted_line.FittedLine.crossing`.

        Raises
        ------
        NotFinite, OutOfRange, UnknownOption
        """
        present = float(self.use[-1]) if now is None else float(numbers(now, "now"))
        reached = float(numbers(limit, "limit"))
        return self.lines[stage].crossing(reached, now=present, confidence=confidence, of=of)

    def plot(self) -> Plot:
        """Values over their use, with the line and its limits for each stage, and the flagged points."""
        drawn = picture(self)
        layers: list[Layer] = []
        for stretch in self.stages or (Stage("", 0, self.statistics.size, 0.0, 0.0),):
            order = np.argsort(self.use[stretch.start : stretch.stop], kind="stable") + stretch.start
            x = self.use[order]
            for key, found in (("ucl", self.limits.ucl), ("center", self.center), ("lcl", self.limits.lcl)):
                y = np.broadcast_to(found, self.statistics.shape)[order]
                role: Role = "centre" if key == "center" else "limit"
                layers.append(Line(name=CATALOGUE.text(f"plot.{key}"), x=x, y=y, role=role))
            y = self.statistics[order]
            layers.append(Points(name=CATALOGUE.text("statistic.regression"), x=x, y=y, joined=True))
        left_out = np.array([gone.index for gone in self.excluded], dtype=np.int64)
        if left_out.size:
            x, y = self.use[left_out], self.statistics[left_out]
            layers.append(Points(name=CATALOGUE.text("plot.excluded"), x=x, y=y, role="muted"))
        flags = tuple(
            Flag(
                float(self.use[index]),
                float(self.statistics[index]),
                tuple(rule for rule, found in self.violations.items() if index in found),
            )
            for index in self.flagged
        )
        layers.append(Flags(name=CATALOGUE.text("plot.flags"), flags=flags))
        panel = replace(drawn.panels[0], x=Axis(title=CATALOGUE.text("regression.use")), layers=tuple(layers))
        return replace(drawn, panels=(panel,))


def regression(
    values: ArrayLike,
    use: ArrayLike,
    *,
    estimator: Estimator = "residual",
    lines: LinesOf = "own",
    line: tuple[float, float] | None = None,
    **options: Unpack[Common],
) -> RegressionChart:
    """Regression chart: values against their use, with limits parallel to the fitted line.

    Parameters
    ----------
    values
        ``(N,)`` measured values, in the order they were measured.
    use
        ``(N,)`` what they drift with: pieces since the tool was changed, hours, length cut, another quantity.
    estimator
        Sigma about the line: ``"residual"``, √(SSE/(N − 2)), or ``"mr"``, the mean moving range of the
        residuals over d2, which a slow bend of the line disturbs less.
    lines
        Where there are ``stages`` (a stage per tool): ``"own"`` fits each its line, ``"parallel"`` fits one
        slope and sigma with an intercept per stage (tools wear alike but are set differently), ``"common"``
        fits one line to all (use starts again at 0 with each tool). Runs restart at each stage in any case.
    line
        ``(intercept, slope)`` of an earlier study instead of a fit; with ``sigma`` nothing is estimated.
    options
        See :class:`~assay.stats.charts.options.Common`; ``center`` has no meaning here. ``rules`` look at the
        residuals, so that a trend is one beyond the line's own.

    Raises
    ------
    NotFinite, NotNumeric, WrongShape, TooFewPoints, ConstantData, UnknownOption, NoSuchPoint, NoPhase1,
    NotPositive

    Notes
    -----
    Limits are intercept + slope·use ± width·sigma, parallel to the line; the uncertainty of the line itself
    is left to :meth:`RegressionChart.crossing`. Mandel 1969.
    """
    settings = Options(**options)
    how = one_of(estimator, ESTIMATORS, "estimator")
    which = one_of(lines, LINES_OF, "lines")
    found = vector(values, what="regression")
    drift = vector(use, "use")
    if drift.shape != found.shape:
        raise WrongShape(name="use", shape=drift.shape, wanted=str(found.shape))
    known = line is not None and settings.sigma is not None
    phases = settings.plan(found.size, estimates=not known)
    fits = _fits(found, drift, phases, which, line=line, sigma=settings.sigma)
    center = np.empty(found.size)
    for stretch, fit in zip(phases.stretches, fits, strict=True):
        center[stretch.points] = fit.at(drift[stretch.points])
    residuals = found - center
    if settings.sigma is None and (how == "mr" or line is not None):
        spreads = _spreads(residuals, phases, which, how, settings)
    else:
        spreads = [fit.sigma for fit in fits]
    if line is not None:
        fits = [replace(fit, sigma=sigma) for fit, sigma in zip(fits, spreads, strict=True)]
    rules = settings.chosen("nelson")
    estimates = [Constant(symmetric(0.0, sigma, settings.width), sigma) for sigma in spreads]
    chart = assemble(
        "regression",
        residuals,
        estimates,
        phases,
        settings,
        rules=rules,
        labels=settings.names(found.size),
        estimator="given" if settings.sigma is not None else how,
        formula=_formula(fits, which, settings, how),
        live=RegressionForm(fits[-1], estimates[-1], rules),
    )
    lower, upper = chart.limits
    chart = replace(
        chart,
        statistics=found,
        center=center,
        limits=Limits(center + lower, center + upper),
        stages=tuple(
            replace(stage, center=float(center[stage.start : stage.stop].mean())) for stage in chart.stages
        ),
    )
    return extended(
        RegressionChart,
        chart,
        use=drift,
        residuals=residuals,
        lines=tuple(fits) if chart.stages else (fits[0],),
        lines_of=which,
    )


def _fits(
    values: Floats,
    use: Floats,
    phases: Phases,
    lines: LinesOf,
    *,
    line: tuple[float, float] | None,
    sigma: float | None,
) -> list[FittedLine]:
    """The line of each stage."""
    count = len(phases.stretches)
    if line is not None:
        intercept, slope = (float(numbers(part, "line")) for part in line)
        return [given(intercept, slope, 1.0 if sigma is None else sigma)] * count
    parts = [(use[stretch.estimating], values[stretch.estimating]) for stretch in phases.stretches]
    if lines == "own":
        return [fitted(*part, sigma=sigma) for part in parts]
    if lines == "parallel":
        return parallel(parts, sigma=sigma)
    together = (np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts]))
    return [fitted(*together, sigma=sigma)] * count


def _spreads(
    residuals: Floats, phases: Phases, lines: LinesOf, estimator: Estimator, options: Options
) -> list[float]:
    """Sigma of each stage from moving ranges of the residuals, or from residuals about a given line."""
    ranges = moving(residuals, phases, 2)
    groups = [[stretch] for stretch in phases.stretches] if lines == "own" else [list(phases.stretches)]
    found = [_spread(residuals, ranges, group, estimator, options) for group in groups]
    return found if lines == "own" else found * len(phases.stretches)


def _spread(
    residuals: Floats, ranges: Floats, group: list[Stretch], estimator: Estimator, options: Options
) -> float:
    everywhere = np.arange(residuals.size)
    chosen = np.concatenate([everywhere[stretch.estimating] for stretch in group])
    if estimator == "residual":
        own = residuals[chosen]
        found = math.sqrt(float(own @ own) / own.size)
    else:
        known = complete(ranges, chosen, 2)
        if known.size == 0:
            raise TooFewPoints(what="mr", count=chosen.size, least=2)
        found = float(known.mean()) / tables.d2(2, options.constants)
    if found <= 0:
        raise ConstantData(name="residuals", count=chosen.size, value=float(residuals[chosen[0]]))
    return found


def _formula(fits: list[FittedLine], lines: LinesOf, options: Options, estimator: str) -> str:
    sigma = {"residual": "√(SSE/ν)", "mr": "mean(MR)/d2"}[estimator] if options.sigma is None else "given"
    first = fits[0]
    alike = all(fit == first for fit in fits)
    shown = f"{first.intercept:.6g} + {first.slope:.6g}·use" if alike else f"a + b·use ({lines})"
    return f"{shown} ± {options.width:.6g}·σ; σ = {sigma}"


# -- live ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RegressionForm:
    """What the live regression chart goes on from: the last stage's line, which stays as it is."""

    line: FittedLine
    last: Constant
    rules: RuleSet

    def start(self, chart: ControlChart) -> LiveRegression:
        """Go on after ``chart``'s last point."""
        assert isinstance(chart, RegressionChart)  # noqa: S101 - no other chart carries this form
        return LiveRegression(self, chart)


class LiveRegression:
    """A regression chart that takes one ``(value, use)`` at a time."""

    def __init__(self, form: RegressionForm, chart: RegressionChart) -> None:
        self._form, self._index = form, chart.statistics.size
        self._judge = Judge(chart.residuals[last_stage(chart)], form.last.fixed, form.rules)

    def add(self, observation: object, /) -> LivePoint:
        """Take one more ``(value, use)``.

        Raises
        ------
        NotFinite, NotNumeric, WrongShape
        """
        measured, used = several(observation, 2, "(value, use)")
        value, use = number(measured), number(used, "use")
        lines, center = self._form.last.fixed, float(self._form.line.at(use))
        flags = self._judge.flags(value - center, lines)
        index = self._index
        self._index += 1
        shifted = Lines(center, center + lines.lcl, center + lines.ucl, lines.zone)
        return point(index, value, shifted, flags)


KINDS = (kind("regression", regression, "pairs", "estimator", "lines", "line", without=("center",)),)
"""The kinds of chart in this module."""
