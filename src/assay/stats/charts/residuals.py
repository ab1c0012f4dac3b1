"""Residual variances of profiles: their limits by the F distribution, and their chart.

Source: K. Kim, M. A. Mahmoud and W. H. Woodall, "On the monitoring of linear profiles", J. Quality Technology
35 (2003) 317-328, section on phase I.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import chdtri

from assay.stats.arrays import Bools, Floats
from assay.stats.charts.assemble import Constant, Lines, assemble
from assay.stats.charts.chart import ControlChart, LivePoint
from assay.stats.charts.hotelling import f_quantile
from assay.stats.charts.multivariate import BEYOND, Settings
from assay.stats.charts.phases import Phases
from assay.stats.errors import ConstantData, TooFewPoints


@dataclass(frozen=True)
class VarianceLimits:
    """The mean residual variance of ``count`` profiles, and the limits of one profile's."""

    variance: float
    count: float
    """``inf`` where the variance is known."""
    freedom: int
    """Degrees of freedom of one profile's residual variance."""
    alpha: float

    @classmethod
    def of(
        cls, chosen: Floats, sigma: float | None, freedom: int, alpha: float, *, scale: float
    ) -> VarianceLimits:
        """From the residual variances in phase I, or from a known ``sigma``.

        Profiles of size ``scale`` that lie on their curve up to rounding have no scatter to judge others by.

        Raises
        ------
        TooFewPoints, ConstantData
        """
        if sigma is not None:
            return cls(sigma * sigma, math.inf, freedom, alpha)
        if chosen.size < 2:
            raise TooFewPoints(what="profiles", count=chosen.size, least=2)
        mean = float(chosen.mean())
        if mean <= (1e-14 * scale) ** 2:
            raise ConstantData(name="residuals", count=chosen.size, value=0.0)
        return cls(mean, float(chosen.size), freedom, alpha)

    @cached_property
    def own(self) -> tuple[float, float]:
        """Limits of a profile that the mean variance comes from: it against the others."""
        if math.isinf(self.count):
            return self.later
        low, high = self._ratios(self.count - 1.0)
        m = self.count
        return self.variance * m * low / (m - 1.0 + low), self.variance * m * high / (m - 1.0 + high)

    @cached_property
    def later(self) -> tuple[float, float]:
        """Limits of a later profile."""
        low, high = self._ratios(self.count)
        return self.variance * low, self.variance * high

    def _ratios(self, others: float) -> tuple[float, float]:
        f, half = float(self.freedom), 0.5 * self.alpha
        if math.isinf(others):
            return float(chdtri(f, 1.0 - half)) / f, float(chdtri(f, half)) / f
        return 1.0 / f_quantile(half, others * f, f), f_quantile(half, f, others * f)

    def point(self, index: int, value: float) -> LivePoint:
        """A later profile's residual variance."""
        lcl, ucl = self.later
        beyond = value > ucl or value < lcl
        return LivePoint(index, value, self.variance, lcl, ucl, (BEYOND,) if beyond else ())


def residual_chart(
    variances: Floats, limits: Sequence[VarianceLimits], phases: Phases, settings: Settings, inside: Bools
) -> ControlChart:
    """The chart of residual variances, limits per stage; ``inside`` marks the points of phase I."""
    estimates = []
    for stretch, one in zip(phases.stretches, limits, strict=True):
        helped = inside[stretch.points]
        if helped.all() or not helped.any():
            lcl, ucl = one.own if helped.any() else one.later
            lines = Lines(one.variance, lcl, ucl, None)
        else:
            lines = Lines(
                one.variance,
                np.where(helped, one.own[0], one.later[0]),
                np.where(helped, one.own[1], one.later[1]),
                None,
            )
        estimates.append(Constant(lines, math.sqrt(one.variance)))
    last = limits[-1]
    return assemble(
        "residual_variance",
        variances,
        estimates,
        phases,
        settings.phases,
        rules=settings.phases.chosen(BEYOND),
        labels=settings.phases.names(variances.size),
        estimator="pooled" if math.isfinite(last.count) else "given",
        formula=f"s² · F({last.freedom}, ·), α = {last.alpha:g}",
    )
