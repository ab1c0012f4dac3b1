"""A T² taken apart into what each variable adds, alone and beside the others.

Source: R. L. Mason, N. D. Tracy and J. C. Young, "Decomposition of T² for multivariate control chart
interpretation", J. Quality Technology 27 (1995) 99-108; Mason and Young, *Multivariate Statistical Process
Control with Industrial Applications*, SIAM 2002, chapter 7.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from assay.stats.arrays import Floats
from assay.stats.charts.errors import CATALOGUE
from assay.stats.charts.hotelling import f_quantile
from assay.stats.charts.vectors import Model
from assay.stats.plot.spec import Axis, Bars, Level, Panel, Plot
from assay.stats.result import Result


@dataclass(frozen=True, kw_only=True)
class Decomposition(Result):
    """One point's T² by variable.

    A large unconditional term says that the variable by itself is out of its range; a large conditional term
    that it doesn't fit the others. The two kinds of terms don't add up to T²: each conditional term is the
    last one of a complete decomposition.
    """

    index: int
    """0-based index of the point."""
    statistic: float
    """Its T²."""
    variables: tuple[str, ...]
    deviations: Floats
    """Distance of each variable from its mean, in its own unit, ``(P,)``."""
    unconditional: Floats
    """T²(j): each variable alone, ``(P,)``."""
    conditional: Floats
    """T²(j | all others): each variable given the others, ``(P,)``."""
    unconditional_limit: float
    """What a new point's unconditional term exceeds with probability ``alpha``; NaN where it isn't known."""
    conditional_limit: float
    """What a new point's conditional term exceeds with probability ``alpha``; NaN where it isn't known."""
    alpha: float
    """False-alarm probability of each term."""

    @property
    def suspects(self) -> tuple[str, ...]:
        """Variables with a term above its limit, those with the largest term in limits first."""
        share = np.maximum(
            self.unconditional / self.unconditional_limit, self.conditional / self.conditional_limit
        )
        order = np.argsort(-share, kind="stable")
        return tuple(self.variables[int(index)] for index in order if share[index] > 1.0)

    def plot(self) -> Plot:
        """Both kinds of terms as bars, with their limits."""
        x = np.arange(float(len(self.variables)))
        panels = []
        for name, terms, limit in (
            ("unconditional", self.unconditional, self.unconditional_limit),
            ("conditional", self.conditional, self.conditional_limit),
        ):
            bars = Bars(CATALOGUE.text(f"decomposition.{name}"), x, terms, 0.6)
            level = Level(CATALOGUE.text("decomposition.limit"), limit, "limit", f"{limit:.4g}")
            panels.append(
                Panel(
                    CATALOGUE.text(f"decomposition.{name}"),
                    Axis(CATALOGUE.text("decomposition.variable"), categories=self.variables),
                    Axis(CATALOGUE.text("decomposition.term"), low=0.0),
                    (bars,) if math.isnan(limit) else (bars, level),
                )
            )
        title = CATALOGUE.text("decomposition.title", point=self.index + 1, t2=f"{self.statistic:.5g}")
        return Plot(title, tuple(panels), columns=2)


def decomposed(
    index: int,
    variables: tuple[str, ...],
    vector: Floats,
    model: Model,
    *,
    weight: float,
    spread: float,
    alpha: float,
) -> Decomposition:
    """The terms of one vector.

    Parameters
    ----------
    weight
        Factor between the squared distance of ``vector`` and its T²: the size of the subgroup, 1 for
        individuals.
    spread
        Variance of the deviation over that of a vector whose mean is known.
    """
    deviation = vector - model.mean
    inverse = np.linalg.inv(model.covariance)
    turned = inverse @ deviation
    rest = model.freedom - model.dimensions + 1.0
    scale = 1.0 if math.isinf(model.freedom) else model.freedom / rest
    return Decomposition(
        index=index,
        statistic=weight * float(deviation @ turned),
        variables=variables,
        deviations=deviation,
        unconditional=weight * deviation**2 / np.diag(model.covariance),
        # The residual of j on the others over its variance: (Σ⁻¹d)ⱼ² / (Σ⁻¹)ⱼⱼ.
        conditional=weight * turned**2 / np.diag(inverse),
        unconditional_limit=spread * f_quantile(alpha, 1.0, model.freedom),
        conditional_limit=spread * scale * f_quantile(alpha, 1.0, rest),
        alpha=alpha,
    )
