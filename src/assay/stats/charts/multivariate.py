"""What multivariate charts share: their options, their result, their lines and what a live form takes.

Sources: Montgomery, *Introduction to Statistical Quality Control*, 8th ed. 2020, chapter 11; R. L. Mason and
J. C. Young, *Multivariate Statistical Process Control with Industrial Applications*, SIAM 2002.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assay.stats.arrays import Bools, Floats, between, numbers
from assay.stats.charts.assemble import Constant, Lines, assemble
from assay.stats.charts.chart import ControlChart, LivePoint
from assay.stats.charts.decomposition import Decomposition, decomposed
from assay.stats.charts.errors import NoSuchPoint
from assay.stats.charts.extended import extended
from assay.stats.charts.options import Options
from assay.stats.charts.phases import Exclude, Phase1, Phases, Stages, Stretch
from assay.stats.charts.vectors import Model
from assay.stats.errors import NotFinite, TooFewPoints, UnknownColumn, UnknownOption, WrongShape

T2Limits = Literal["exact", "chi_squared"]
T2_LIMITS: tuple[T2Limits, ...] = ("exact", "chi_squared")
BEYOND = "nelson1"
"""The one rule of charts whose statistic is a distance: a point beyond its limit."""


class Multivariate(TypedDict, total=False):
    """Options of every multivariate chart, all by keyword.

    alpha
        False-alarm probability of one point. By default 1 − .9973^P: as many false alarms as P independent
        charts with limits at 3 sigma give together.
    phase1, stages, exclude, labels
        As on every chart, over the plotted points; see :class:`~assay.stats.charts.options.Common`.
    mean, covariance
        Historical (frozen) mean vector ``(P,)`` and covariance of one observation ``(P, P)``; what is given
        is not estimated.
    observations, freedom
        How many observations the given mean comes from, and the degrees of freedom of the given covariance
        (by default one less; with subgroups, as many less as there were subgroups). Without them, given
        values count as known exactly.
    variables
        Names of the variables; by default the columns of a frame, else x1, x2, …
    """

    alpha: float | None
    phase1: Phase1
    stages: Stages
    exclude: Exclude
    labels: Sequence[Any] | NDArray[Any] | None
    mean: ArrayLike | None
    covariance: ArrayLike | None
    observations: float | None
    freedom: float | None
    variables: Sequence[str] | None


OPTIONS: tuple[str, ...] = tuple(Multivariate.__annotations__)


@dataclass(frozen=True, kw_only=True)
class MultivariateChart(ControlChart):
    """A chart of one distance per point, with the vectors behind it.

    ``center`` is the median of the statistic where the process is in control. ``sigma`` has no meaning here
    and is NaN.
    """

    variables: tuple[str, ...]
    """Names of the P variables."""
    alpha: float
    """False-alarm probability of one point."""
    mean: Floats
    """Mean vector of the last stage, ``(P,)``."""
    covariance: Floats
    """Covariance of one observation, last stage, ``(P, P)``."""
    determinant: float
    """Determinant of ``covariance``."""
    vectors: Floats
    """What was judged: observations, means of subgroups or their weighted averages, ``(m, P)``."""
    _models: tuple[Model, ...] = ()

    def decompose(self, index: int, *, alpha: float = 0.05) -> Decomposition:
        """Which variables make a point what it is.

        Parameters
        ----------
        index
            0-based index of the point.
        alpha
            False-alarm probability of each term; larger than the chart's, as the point is already suspected.

        Raises
        ------
        NoSuchPoint, OutOfRange

        Source: R. L. Mason, N. D. Tracy and J. C. Young, "Decomposition of T² for multivariate control chart
        interpretation", J. Quality Technology 27 (1995) 99.
        """
        share = between(alpha, "alpha", 1e-12, 0.5)
        model, weight, spread = self._judged(index)
        return decomposed(
            index, self.variables, self.vectors[index], model, weight=weight, spread=spread, alpha=share
        )

    def term(self, index: int, variable: str, given: Sequence[str] = ()) -> float:
        """The term T²(variable | given) of a point: the squared standardised residual of ``variable``.

        The regression is on the variables ``given``; without them the term is unconditional.

        Raises
        ------
        NoSuchPoint, UnknownColumn

        Source: Mason, Tracy and Young, J. Quality Technology 27 (1995) 99, equation 7.
        """
        places = []
        for name in (*given, variable):
            if name not in self.variables:
                raise UnknownColumn(name=repr(name), known=", ".join(self.variables))
            places.append(self.variables.index(name))
        model, weight, _ = self._judged(index)
        deviation = (self.vectors[index] - model.mean)[places]
        part = model.covariance[np.ix_(places, places)]
        whole = float(deviation @ np.linalg.solve(part, deviation))
        rest = float(deviation[:-1] @ np.linalg.solve(part[:-1, :-1], deviation[:-1])) if given else 0.0
        return weight * (whole - rest)

    def _judged(self, index: int) -> tuple[Model, float, float]:
        """The model a point was judged by, the factor of its distance, and its variance over the model's."""
        count = self.statistics.size
        if not 0 <= index < count:
            raise NoSuchPoint(name="index", value=index, count=count)
        stage = next((i for i, stage in enumerate(self.stages) if stage.start <= index < stage.stop), 0)
        model = self._models[stage]
        size = 1.0 if self.sizes is None else float(self.sizes[index])
        return model, size, 1.0 + size / model.observations


@dataclass(frozen=True)
class Settings:
    """:class:`Multivariate`, checked."""

    phases: Options
    alpha: float | None
    mean: ArrayLike | None
    covariance: ArrayLike | None
    observations: float
    freedom: float | None
    variables: Sequence[str] | None

    @property
    def given(self) -> bool:
        """Whether nothing has to be estimated."""
        return self.mean is not None and self.covariance is not None

    def share(self, dimensions: int) -> float:
        """False-alarm probability of one point of ``dimensions`` variables."""
        return -math.expm1(dimensions * math.log(0.9973)) if self.alpha is None else self.alpha

    def plan(self, count: int) -> Phases:
        """Phase I, stages and exclusions of ``count`` points."""
        return self.phases.plan(count, estimates=not self.given)


def settled(options: Multivariate, own: tuple[str, ...] = OPTIONS) -> Settings:
    """The options, checked; ``own`` are those the chart takes.

    Raises
    ------
    NotFinite, OutOfRange, UnknownOption
    """
    rest: dict[str, Any] = dict(options)
    for name in rest:
        if name not in own:
            raise UnknownOption(name="option", value=repr(name), known=", ".join(own))
    alpha = rest.pop("alpha", None)
    observations = rest.pop("observations", None)
    freedom = rest.pop("freedom", None)
    return Settings(
        alpha=None if alpha is None else between(alpha, "alpha", 1e-12, 0.5),
        mean=rest.pop("mean", None),
        covariance=rest.pop("covariance", None),
        observations=math.inf if observations is None else between(observations, "observations", 1, 1e15),
        freedom=None if freedom is None else between(freedom, "freedom", 1, 1e15),
        variables=rest.pop("variables", None),
        phases=Options(**rest),
    )


# -- lines --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Verge:
    """Median and upper limit of a point's statistic."""

    center: float
    ucl: float


def limit_lines(own: Verge, later: Verge, estimating: Bools, stretch: Stretch) -> Lines:
    """Lines of a stage: ``own`` for the points its estimates come from, ``later`` for all others."""
    inside = estimating[stretch.points]
    if inside.all() or own == later:
        return Lines(own.center, 0.0, own.ucl, None)
    if not inside.any():
        return Lines(later.center, 0.0, later.ucl, None)
    return Lines(np.where(inside, own.center, later.center), 0.0, np.where(inside, own.ucl, later.ucl), None)


def lines_of(verges: Sequence[Verge]) -> Lines:
    """Lines through a median and a limit per point, as floats where they are all the same."""
    if len(set(verges)) == 1:
        return Lines(verges[0].center, 0.0, verges[0].ucl, None)
    centers, limits = zip(*((verge.center, verge.ucl) for verge in verges), strict=True)
    return Lines(np.array(centers), 0.0, np.array(limits), None)


def estimating_points(phases: Phases, *, given: bool) -> Bools:
    """Which points estimates come from; none where everything is given."""
    found = np.zeros(phases.count, dtype=bool)
    if not given:
        for stretch in phases.stretches:
            found[stretch.estimating] = True
    return found


# -- result and live form ------------------------------------------------------------------------------------


def put_together(
    kind: str,
    statistics: Floats,
    lines: Sequence[Lines],
    phases: Phases,
    settings: Settings,
    *,
    sizes: float | Floats | None = None,
    labels: tuple[str, ...] | None = None,
    estimator: str,
    formula: str,
    live: object,
    companions: tuple[ControlChart, ...] = (),
) -> ControlChart:
    """A chart of distances."""
    return assemble(
        kind,
        statistics,
        [Constant(line, math.nan) for line in lines],
        phases,
        settings.phases,
        rules=settings.phases.chosen(BEYOND),
        sizes=sizes,
        labels=settings.phases.names(statistics.size, labels),
        estimator=estimator,
        formula=formula,
        live=live,
        companions=companions,
    )


def multivariate(
    chart: ControlChart, models: Sequence[Model], variables: tuple[str, ...], alpha: float, vectors: Floats
) -> MultivariateChart:
    """The chart with its vectors and models."""
    last = models[-1]
    return extended(
        MultivariateChart,
        chart,
        variables=variables,
        alpha=alpha,
        mean=last.mean,
        covariance=last.covariance,
        determinant=last.determinant,
        vectors=vectors,
        _models=tuple(models),
    )


def one_row(observation: object, size: int) -> Floats:
    """One observation ``(size,)``.

    Raises
    ------
    NotNumeric, NotFinite, WrongShape
    """
    found = numbers(observation, "observation")  # type: ignore[arg-type]
    if found.shape != (size,):
        raise WrongShape(name="observation", shape=found.shape, wanted=f"({size},)")
    return found


def several_rows(observation: object, size: int, least: int) -> list[list[float]]:
    """One subgroup ``(n, size)`` of at least ``least`` rows as floats.

    Raises
    ------
    NotNumeric, NotFinite, WrongShape, TooFewPoints
    """
    found = numbers(observation, "subgroup")  # type: ignore[arg-type]
    if found.ndim != 2 or found.shape[1] != size:
        raise WrongShape(name="subgroup", shape=found.shape, wanted=f"(n, {size})")
    if found.shape[0] < least:
        raise TooFewPoints(what="subgroup", count=found.shape[0], least=least)
    listed: list[list[float]] = found.tolist()
    return listed


def judged(index: int, value: float, verge: Verge) -> LivePoint:
    """The answer of a live chart."""
    if not math.isfinite(value):
        raise NotFinite(name="statistic", count=1, index=index, value=value)
    return LivePoint(index, value, verge.center, 0.0, verge.ucl, (BEYOND,) if value > verge.ucl else ())
