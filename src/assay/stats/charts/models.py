"""The lines of Shewhart charts as a function of sample size, alike for arrays and for one live point.

Sources: Montgomery, *Introduction to Statistical Quality Control*, 8th ed. 2020, chapters 6 and 7;
ISO 7870-2:2023.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from assay.stats import constants as tables
from assay.stats.arrays import Floats
from assay.stats.charts.assemble import Lines, Number, symmetric


def root(value: Number) -> Number:
    """Square root of a float or an array, the same digits for both."""
    return np.sqrt(value) if isinstance(value, np.ndarray) else math.sqrt(value)


def needed(size: Number | None) -> Number:
    """The size, where a chart has one."""
    assert size is not None  # noqa: S101 - the charts that use it always pass one
    return size


def whole(size: Number) -> int | Floats:
    """The size as the tables of constants take it."""
    return size if isinstance(size, np.ndarray) else int(size)


@dataclass(frozen=True)
class Mean:
    """Subgroup means: centre ± width · sigma/√n."""

    center: float
    sigma: float
    width: float

    def lines(self, size: Number | None) -> Lines:
        """At subgroup size ``size``."""
        return symmetric(self.center, self.sigma / root(needed(size)), self.width)

    def spread(self, size: Number | None) -> Number:
        """Of one value."""
        return self.sigma


@dataclass(frozen=True)
class Median:
    """Subgroup medians: centre ± width · sigma · (standard deviation of the median of n normal values)."""

    center: float
    sigma: float
    width: float

    def lines(self, size: Number | None) -> Lines:
        """At subgroup size ``size``."""
        return symmetric(self.center, self.sigma * tables.median_deviation(whole(needed(size))), self.width)

    def spread(self, size: Number | None) -> Number:
        """Of one value."""
        return self.sigma


@dataclass(frozen=True)
class Range:
    """Subgroup ranges: d2 · sigma ± width · d3 · sigma, not below 0; ``center`` replaces d2 · sigma."""

    sigma: float
    width: float
    constants: tables.Kind
    center: float | None = None

    def lines(self, size: Number | None) -> Lines:
        """At subgroup size ``size``."""
        n = whole(needed(size))
        center = tables.d2(n, self.constants) * self.sigma if self.center is None else self.center
        return symmetric(center, tables.d3(n, self.constants) * self.sigma, self.width, low=0.0)

    def spread(self, size: Number | None) -> Number:
        """Of one value."""
        return self.sigma


@dataclass(frozen=True)
class MovingRange:
    """Moving ranges of ``span`` values: d2 · sigma ± width · d3 · sigma, not below 0."""

    sigma: float
    width: float
    constants: tables.Kind
    span: int

    def lines(self, size: Number | None) -> Lines:
        """The same at each point."""
        return Range(self.sigma, self.width, self.constants).lines(float(self.span))

    def spread(self, size: Number | None) -> Number:
        """Of one value."""
        return self.sigma


@dataclass(frozen=True)
class Deviation:
    """Subgroup deviations: c4 · sigma ± width · c5 · sigma, not below 0; ``center`` replaces c4 · sigma."""

    sigma: float
    width: float
    center: float | None = None

    def lines(self, size: Number | None) -> Lines:
        """At subgroup size ``size``."""
        n = whole(needed(size))
        center = tables.c4(n) * self.sigma if self.center is None else self.center
        return symmetric(center, tables.c5(n) * self.sigma, self.width, low=0.0)

    def spread(self, size: Number | None) -> Number:
        """Of one value."""
        return self.sigma


@dataclass(frozen=True)
class Individual:
    """Single values: centre ± width · sigma."""

    center: float
    sigma: float
    width: float

    def lines(self, size: Number | None) -> Lines:
        """The same at each point."""
        return symmetric(self.center, self.sigma, self.width)

    def spread(self, size: Number | None) -> Number:
        """Of one value."""
        return self.sigma


@dataclass(frozen=True)
class Counted:
    """What charts of counts estimate: ``total`` defectives (defects) among ``units`` items (areas).

    Kept as two numbers, so that a point that equals their ratio is on the centre to the last bit.
    """

    total: float
    units: float
    width: float

    @property
    def level(self) -> float:
        """p̄, c̄ or ū."""
        return self.total / self.units


@dataclass(frozen=True)
class Proportion(Counted):
    """Share of defective items: p ± width · √(p(1−p)/n) · overdispersion, within 0 … 1."""

    overdispersion: float = 1.0

    def lines(self, size: Number | None) -> Lines:
        """At sample size ``size``."""
        error = self.spread(size)
        if self.overdispersion != 1.0:
            error = error * self.overdispersion
        return symmetric(self.level, error, self.width, low=0.0, high=1.0)

    def spread(self, size: Number | None) -> Number:
        """Of the share among ``size`` items, by the binomial distribution."""
        return root(self.level * (1.0 - self.level) / needed(size))


@dataclass(frozen=True)
class Defectives(Counted):
    """Number of defective items: np ± width · √(np(1−p)), within 0 … n."""

    def lines(self, size: Number | None) -> Lines:
        """At sample size ``size``."""
        n = needed(size)
        return symmetric(n * self.total / self.units, self.spread(size), self.width, low=0.0, high=n)

    def spread(self, size: Number | None) -> Number:
        """Of the number among ``size`` items, by the binomial distribution."""
        return root(needed(size) * (self.level * (1.0 - self.level)))


@dataclass(frozen=True)
class Defects(Counted):
    """Number of defects: c ± width · √c, not below 0."""

    def lines(self, size: Number | None) -> Lines:
        """The same at each point."""
        return symmetric(self.level, math.sqrt(self.level), self.width, low=0.0)

    def spread(self, size: Number | None) -> Number:
        """Of the count, by the Poisson distribution."""
        return math.sqrt(self.level)


@dataclass(frozen=True)
class Rate(Counted):
    """Defects per unit: u ± width · √(u/n) · overdispersion, not below 0."""

    overdispersion: float = 1.0

    def lines(self, size: Number | None) -> Lines:
        """At ``size`` units."""
        error = root(self.level / needed(size))
        if self.overdispersion != 1.0:
            error = error * self.overdispersion
        return symmetric(self.level, error, self.width, low=0.0)

    def spread(self, size: Number | None) -> Number:
        """Of the count in one unit, by the Poisson distribution."""
        return math.sqrt(self.level)
