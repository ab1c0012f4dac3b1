"""A straight line through points, and where it crosses a limit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import special

from assay.stats.arrays import Floats, between, one_of, positive
from assay.stats.charts.errors import CATALOGUE
from assay.stats.errors import ConstantData, TooFewPoints
from assay.stats.plot.spec import Axis, Band, Layer, Level, Line, Panel, Plot, Upright
from assay.stats.result import Result

CrossingOf = Literal["mean", "value"]


@dataclass(frozen=True, kw_only=True)
class FittedLine:
    """A least-squares line ``intercept + slope · use`` with what its uncertainty needs.

    Source: Draper & Smith, *Applied Regression Analysis*, 3rd ed. 1998, sec. 1.3 to 1.4.
    """

    intercept: float
    slope: float
    sigma: float
    """Standard deviation of the values about the line."""
    degrees_of_freedom: float
    """Of ``sigma``; infinite where it was given."""
    count: int
    """Points the line was fitted to; 0 where it was given."""
    mean_use: float
    """Mean of the points' use, in its unit; 0 where the line was given."""
    mean_value: float
    """The line at ``mean_use``."""
    spread: float
    """Sum of squared deviations of the use from its mean; infinite where the slope was given."""

    def at(self, use: float | Floats) -> float | Floats:
        """The line at ``use``, in the values' unit."""
        return self.mean_value + self.slope * (use - self.mean_use)

    def half_width(self, use: Floats, *, confidence: float = 0.95, of: CrossingOf = "mean") -> Floats:
        """Half the interval of the line (``value``: of one more value) at ``use``, of its shape.

        Raises
        ------
        OutOfRange, UnknownOption
        """
        share = self._share(of) + (use - self.mean_use) ** 2 / self.spread
        return np.asarray(self._quantile(confidence) * self.sigma * np.sqrt(share))

    def slope_interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Confidence interval of the slope by Student's t.

        Raises
        ------
        OutOfRange
        """
        half = self._quantile(confidence) * self.sigma / math.sqrt(self.spread)
        return self.slope - half, self.slope + half

    def crossing(
        self,
        limit: float,
        *,
        now: float,
        confidence: float = 0.95,
        of: CrossingOf = "mean",
    ) -> Crossing:
        """Where the line reaches ``limit``, with Fieller's interval.

        Parameters
        ----------
        limit
            In the values' unit.
        now
            The present use; what remains is counted from it.
        confidence
            Of the two-sided interval.
        of
            ``mean`` for the line itself, ``value`` for one further value scattered about it.

        Raises
        ------
        NotFinite, OutOfRange, UnknownOption

        Notes
        -----
        The interval holds every use at which ``limit`` lies in the confidence (``value``: prediction)
        interval of the line (Fieller 1954, JRSS B 16, 175-185; Draper & Smith 1998, sec. 3.2). It is
        ``(-inf, inf)`` where the slope can't be told from 0 at this confidence.
        """
        extra, quantile = self._share(of), self._quantile(confidence)
        away = limit - self.mean_value
        at = self.mean_use + away / self.slope if self.slope else math.copysign(math.inf, away)
        reach = quantile * self.sigma
        steepness = self.slope**2 - reach**2 / self.spread
        if steepness <= 0:
            low, high = -math.inf, math.inf
        else:
            middle = self.slope * away / steepness
            half = reach * math.sqrt(extra * steepness + away**2 / self.spread) / steepness
            low, high = self.mean_use + middle - half, self.mean_use + middle + half
        return Crossing(
            limit=limit,
            at=at,
            low=low,
            high=high,
            now=now,
            remaining=at - now,
            remaining_low=low - now,
            remaining_high=high - now,
            confidence=confidence,
            of=of,
            line=self,
        )

    def _share(self, of: CrossingOf) -> float:
        """What the level of the line (and one more value's scatter) adds to the variance, over sigma²."""
        one_of(of, ("mean", "value"), "of")
        return (1.0 / self.count if self.count else 0.0) + (1.0 if of == "value" else 0.0)

    def _quantile(self, confidence: float) -> float:
        level = 0.5 + between(confidence, "confidence", 1e-6, 1 - 1e-12) / 2
        if math.isinf(self.degrees_of_freedom):
            return float(special.ndtri(level))
        return float(special.stdtrit(self.degrees_of_freedom, level))


@dataclass(frozen=True, kw_only=True)
class Crossing(Result):
    """Where a line reaches a limit, in the unit of the use."""

    limit: float
    at: float
    """Use at which the line reaches the limit; infinite where it is level."""
    low: float
    high: float
    now: float
    """The present use."""
    remaining: float
    """Use that is left from ``now``; negative is overdue."""
    remaining_low: float
    remaining_high: float
    confidence: float
    of: CrossingOf
    line: FittedLine

    def plot(self) -> Plot:
        """The line with its interval up to where it meets the limit."""
        ends = [end for end in (self.at, self.low, self.high) if math.isfinite(end)]
        known = [self.now, self.line.mean_use]
        x = np.linspace(min([*known, *ends]), max([*known, *ends]), 201)
        y, half = np.asarray(self.line.at(x)), self.line.half_width(x, confidence=self.confidence, of=self.of)
        title = CATALOGUE.text("crossing.title", limit=f"{self.limit:.6g}")
        share = f"{100 * self.confidence:g}"
        layers: list[Layer] = [
            Band(CATALOGUE.text("crossing.interval", share=share), x, y - half, y + half),
            Line(CATALOGUE.text("crossing.line"), x, y),
            Level(CATALOGUE.text("crossing.limit"), self.limit, "specification", f"{self.limit:.6g}"),
            Upright(CATALOGUE.text("crossing.now"), self.now, "muted", f"{self.now:.6g}"),
        ]
        for key, end in (("at", self.at), ("low", self.low), ("high", self.high)):
            if math.isfinite(end):
                layers.append(Upright(CATALOGUE.text(f"crossing.{key}"), end, "reference", f"{end:.6g}"))
        axes = Axis(CATALOGUE.text("regression.use")), Axis(CATALOGUE.text("statistic.regression"))
        note = CATALOGUE.text(
            "crossing.note",
            at=f"{self.at:.6g}",
            low=f"{self.low:.6g}",
            high=f"{self.high:.6g}",
            remaining=f"{self.remaining:.6g}",
            share=share,
        )
        return Plot(title, (Panel(title, *axes, tuple(layers)),), note=note)


def fitted(use: Floats, values: Floats, *, sigma: float | None = None) -> FittedLine:
    """The least-squares line of ``values`` over ``use``, both ``(N,)``; ``sigma`` replaces the residual one.

    Raises
    ------
    TooFewPoints
        Fewer than 3 points (2 where ``sigma`` is given).
    ConstantData
        The use doesn't change, or all values lie on the line and no ``sigma`` is given.

    Notes
    -----
    Draper & Smith 1998, sec. 1.2 to 1.4.
    """
    return parallel([(use, values)], sigma=sigma)[0]


def parallel(parts: Sequence[tuple[Floats, Floats]], *, sigma: float | None = None) -> list[FittedLine]:
    """Least-squares lines of one slope, each with an intercept of its own, through ``(use, values)`` parts.

    Raises
    ------
    TooFewPoints
        Not more points than lines plus one (with ``sigma`` given: than lines).
    ConstantData
        The use doesn't change within any part, or all values lie on the lines and no ``sigma`` is given.

    Notes
    -----
    Analysis of covariance: slope = Σ Sxy / Σ Sxx over the parts, sigma² = SSE / (N − parts − 1). Draper &
    Smith 1998, sec. 14.2.
    """
    count, lines = sum(use.size for use, _ in parts), len(parts)
    least = lines + (2 if sigma is None else 1)
    if count < least or min(use.size for use, _ in parts) < 1:
        raise TooFewPoints(what="regression", count=count, least=least)
    apart = [use - use.mean() for use, _ in parts]
    spread = sum(float(away @ away) for away in apart)
    # A mean needn't be the value that all are: equal values are told by themselves.
    if spread == 0 or all(float(use.min()) == float(use.max()) for use, _ in parts):
        raise ConstantData(name="use", count=count, value=float(parts[0][0][0]))
    products = (
        float(away @ (values - values.mean())) for away, (_, values) in zip(apart, parts, strict=True)
    )
    slope = sum(products) / spread
    freedom = math.inf
    if sigma is None:
        freedom = count - lines - 1
        residuals = np.concatenate(
            [values - values.mean() - slope * away for away, (_, values) in zip(apart, parts, strict=True)]
        )
        sigma = scatter(residuals, np.concatenate([values for _, values in parts]), freedom)
    return [
        FittedLine(
            intercept=float(values.mean()) - slope * float(use.mean()),
            slope=slope,
            sigma=positive(sigma, "sigma"),
            degrees_of_freedom=freedom,
            count=use.size,
            mean_use=float(use.mean()),
            mean_value=float(values.mean()),
            spread=spread,
        )
        for use, values in parts
    ]


def scatter(residuals: Floats, values: Floats, freedom: float) -> float:
    """Standard deviation of residuals; refuses values that lie on the line but for rounding.

    Raises
    ------
    ConstantData
    """
    found = math.sqrt(float(residuals @ residuals) / freedom)
    if found <= 1e-13 * max(1e-300, float(np.abs(values).max())):
        raise ConstantData(name="residuals", count=residuals.size, value=0.0)
    return found


def given(intercept: float, slope: float, sigma: float) -> FittedLine:
    """A line that is known, so that nothing about it is uncertain.

    Raises
    ------
    NotPositive
    """
    return FittedLine(
        intercept=intercept,
        slope=slope,
        sigma=positive(sigma, "sigma"),
        degrees_of_freedom=math.inf,
        count=0,
        mean_use=0.0,
        mean_value=intercept,
        spread=math.inf,
    )
