"""What a sample size calculation returns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from assay.stats.arrays import Floats
from assay.stats.plot import Axis, Level, Panel, Plot, Points, Upright
from assay.stats.result import Result
from assay.stats.sampling.errors import CATALOGUE

Measure = Literal["power", "confidence", "precision"]
DRAWN = 41
"""Points of the curve beside the answer."""


@dataclass(frozen=True, kw_only=True)
class SampleSize(Result):
    """The smallest sample size that reaches what was asked for."""

    what: str
    """What is tested, bounded or estimated: ``mean``, ``two-means``, ``success-run``, …"""
    n: int
    """Sample size; of the first group where there are two."""
    n2: int | None
    """Sample size of the second group."""
    measure: Measure
    """What was asked for: ``power``, ``confidence`` or ``precision`` (a half width)."""
    asked: float
    reached: float
    """What this n reaches: at least the power or confidence, at most the half width."""
    method: str
    alpha: float | None
    """Level of the test, where there is one."""
    curve_n: Floats
    """Sample sizes around n, ``(P,)``."""
    curve: Floats
    """The measure at each of them, ``(P,)``."""

    def plot(self) -> Plot:
        """The measure over the sample size, with what was asked for and the size chosen."""
        return Plot(
            title=CATALOGUE.text("title.size"),
            panels=(
                Panel(
                    title=CATALOGUE.text(f"what.{self.what}"),
                    x=Axis(title=CATALOGUE.text("axis.n")),
                    y=Axis(title=CATALOGUE.text(f"axis.{self.measure}")),
                    layers=(
                        Points(
                            name=CATALOGUE.text(f"axis.{self.measure}"),
                            x=self.curve_n,
                            y=self.curve,
                            joined=True,
                        ),
                        Level(
                            name=CATALOGUE.text("layer.asked"),
                            y=self.asked,
                            role="target",
                            label=f"{self.asked:g}",
                        ),
                        Upright(
                            name=CATALOGUE.text("layer.chosen"), x=self.n, role="reference", label=str(self.n)
                        ),
                    ),
                ),
            ),
        )


def sized(
    what: str,
    n: int,
    reach: Callable[[int], float],
    *,
    asked: float,
    method: str,
    measure: Measure = "power",
    alpha: float | None = None,
    n2: int | None = None,
) -> SampleSize:
    """The result with its curve from a third of ``n`` to twice of it."""
    least = min(n, max(2, n // 3))
    sizes = np.unique(np.rint(np.linspace(least, max(2 * n, n + 4), DRAWN)).astype(int))
    return SampleSize(
        what=what,
        n=n,
        n2=n2,
        measure=measure,
        asked=float(asked),
        reached=reach(n),
        method=method,
        alpha=alpha,
        curve_n=sizes.astype(float),
        curve=np.array([reach(int(size)) for size in sizes]),
    )
