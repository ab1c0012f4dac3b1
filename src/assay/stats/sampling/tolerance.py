"""Statistical tolerance intervals: limits that hold a share of the population with a stated confidence."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from assay.stats.arrays import Floats, one_of, vector
from assay.stats.errors import ConstantData, NotPositive, TooFewPoints
from assay.stats.plot import Axis, Level, Panel, Plot, Points
from assay.stats.result import Result
from assay.stats.sampling.attributes import risk
from assay.stats.sampling.errors import CATALOGUE
from assay.stats.sampling.order_statistics import confidence_reached, least_values, most_outside
from assay.stats.sampling.tolerance_factors import FactorMethod, tolerance_factor

Sides = Literal["two", "lower", "upper"]
Population = Literal["normal", "lognormal", "exponential"]
Method = FactorMethod | Literal["nonparametric"]
SIDES: tuple[Sides, ...] = ("two", "lower", "upper")
POPULATIONS: tuple[Population, ...] = ("normal", "lognormal", "exponential")


@dataclass(frozen=True, kw_only=True)
class ToleranceInterval(Result):
    """Limits between which at least ``coverage`` of the population lies, with ``confidence``."""

    lower: float
    """−inf where there is no lower limit (None in JSON)."""
    upper: float
    """inf where there is no upper limit (None in JSON)."""
    coverage: float
    confidence: float
    """Confidence asked for."""
    sided: Sides
    method: str
    distribution: str
    """``normal``, ``lognormal``, ``exponential``, or ``none`` for limits from order statistics."""
    n: int
    mean: float
    """Of the values; of their logarithms where ``distribution`` is lognormal."""
    standard_deviation: float
    """Of the values (n − 1); of their logarithms where ``distribution`` is lognormal."""
    factor: float | None
    """k in ``mean ± k s``; None for order statistics, a multiple of the mean for exponential."""
    reached: float
    """Confidence reached: above ``confidence`` for order statistics, which come in steps."""
    ranks: tuple[int, int] | None = None
    """Ranks (from 1) of the order statistics that are the limits; 0 or n + 1 where there is no limit."""
    _values: Floats = field(default_factory=lambda: np.zeros(0), repr=False, compare=False)

    def plot(self) -> Plot:
        """The values in their order with the limits."""
        layers = [
            Level(name=CATALOGUE.text(f"layer.{key}"), y=value, role="limit", label=f"{value:.5g}")
            for key, value in (("lower", self.lower), ("upper", self.upper))
            if math.isfinite(value)
        ]
        return Plot(
            title=CATALOGUE.text(
                "title.tolerance", coverage=f"{self.coverage:.4g}", confidence=f"{self.confidence:.4g}"
            ),
            panels=(
                Panel(
                    title=CATALOGUE.text("panel.values"),
                    x=Axis(title=CATALOGUE.text("axis.index")),
                    y=Axis(title=CATALOGUE.text("axis.value")),
                    layers=(
                        Points(
                            name=CATALOGUE.text("layer.values"),
                            x=np.arange(1.0, self._values.size + 1),
                            y=self._values,
                        ),
                        *layers,
                    ),
                ),
            ),
            note=CATALOGUE.text(
                "note.tolerance",
                method=self.method,
                factor="–" if self.factor is None else f"{self.factor:.6g}",
                n=self.n,
            ),
        )


def tolerance_interval(
    values: ArrayLike,
    coverage: float = 0.95,
    confidence: float = 0.95,
    *,
    sided: Sides = "two",
    method: Method = "exact",
    distribution: Population = "normal",
) -> ToleranceInterval:
    """Limits that hold at least ``coverage`` of the population with ``confidence``.

    Parameters
    ----------
    values
        A random sample, shape ``(N,)``.
    coverage, confidence
        Shares in (0, 1).
    sided
        ``two`` limits, or only a ``lower`` or ``upper`` one.
    method
        How the factor is found, see :func:`~assay.stats.sampling.tolerance_factor`, or ``nonparametric``:
        order statistics, whatever the distribution.
    distribution
        ``normal``; ``lognormal`` (the logarithms are normal); ``exponential`` (from 0, one-sided only, exact
        by the χ² distribution of the total: Krishnamoorthy & Mathew 2009, §7.4; ISO 16269-6 has no case for
        it).

    Raises
    ------
    NotNumeric, NotFinite, WrongShape, OutOfRange, UnknownOption
    TooFewPoints
        Fewer than 2 values; for ``nonparametric`` fewer than the confidence needs (59 or 93 for 95 %/95 %).
    ConstantData
        All values are the same and the method needs their spread.
    NotPositive
        A value ≤ 0 with ``lognormal``, or below 0 with ``exponential``.

    Notes
    -----
    ISO 16269-6:2014; NIST/SEMATECH e-Handbook 7.2.6.3-7.2.6.4; Krishnamoorthy & Mathew 2009, *Statistical
    Tolerance Regions*.
    """
    one_of(sided, SIDES, "sided")
    one_of(distribution, POPULATIONS, "distribution")
    risk(coverage, "coverage")
    risk(confidence, "confidence")
    found = vector(values, least=2, what="tolerance_interval")
    if method == "nonparametric":
        return _order(found, coverage, confidence, sided)
    if distribution == "exponential":
        return _exponential(found, coverage, confidence, sided, method)
    if distribution == "lognormal" and found.min() <= 0:
        raise NotPositive(name="values", value=float(found.min()))
    taken = np.log(found) if distribution == "lognormal" else found
    mean, spread = float(taken.mean()), float(taken.std(ddof=1))
    if found.min() == found.max():
        raise ConstantData(name="values", count=found.size, value=float(found[0]))
    factor = tolerance_factor(
        found.size, coverage, confidence, sided="two" if sided == "two" else "one", method=method
    )
    lower = -math.inf if sided == "upper" else mean - factor * spread
    upper = math.inf if sided == "lower" else mean + factor * spread
    if distribution == "lognormal":
        lower, upper = (0.0 if sided == "upper" else math.exp(lower)), math.exp(upper)
    return ToleranceInterval(
        lower=lower,
        upper=upper,
        coverage=coverage,
        confidence=confidence,
        sided=sided,
        method=method,
        distribution=distribution,
        n=found.size,
        mean=mean,
        standard_deviation=spread,
        factor=factor,
        reached=confidence,
        _values=found,
    )


def _order(found: Floats, coverage: float, confidence: float, sided: Sides) -> ToleranceInterval:
    n = found.size
    least = 2 if sided == "two" else 1
    outside = most_outside(n, coverage, confidence)
    if outside < least:
        raise TooFewPoints(
            what="tolerance_interval (nonparametric)",
            count=n,
            least=least_values(coverage, confidence, least),
        )
    if sided == "two":
        low, high = outside // 2, n + 1 - (outside - outside // 2)
    else:
        low, high = (outside, n + 1) if sided == "lower" else (0, n + 1 - outside)
    ordered = np.sort(found)
    return ToleranceInterval(
        lower=float(ordered[low - 1]) if low else -math.inf,
        upper=float(ordered[high - 1]) if high <= n else math.inf,
        coverage=coverage,
        confidence=confidence,
        sided=sided,
        method="nonparametric",
        distribution="none",
        n=n,
        mean=float(found.mean()),
        standard_deviation=float(found.std(ddof=1)),
        factor=None,
        reached=confidence_reached(n, coverage, outside),
        ranks=(low, high),
        _values=found,
    )


def _exponential(
    found: Floats, coverage: float, confidence: float, sided: Sides, method: Method
) -> ToleranceInterval:
    one_of(sided, ("lower", "upper"), "sided")
    one_of(method, ("exact",), "method")
    if found.min() < 0 or found.max() == 0:
        raise NotPositive(name="values", value=float(found.min()))
    n, mean = found.size, float(found.mean())
    if sided == "lower":
        factor = -2 * n * math.log(coverage) / float(special.chdtri(2 * n, 1 - confidence))
    else:
        factor = -2 * n * math.log1p(-coverage) / float(special.chdtri(2 * n, confidence))
    return ToleranceInterval(
        lower=factor * mean if sided == "lower" else 0.0,
        upper=factor * mean if sided == "upper" else math.inf,
        coverage=coverage,
        confidence=confidence,
        sided=sided,
        method=method,
        distribution="exponential",
        n=n,
        mean=mean,
        standard_deviation=float(found.std(ddof=1)),
        factor=factor,
        reached=confidence,
        _values=found,
    )
