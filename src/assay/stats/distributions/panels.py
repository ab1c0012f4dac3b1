"""Panels that distribution and capability pictures share: histogram, probability plot."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

from assay.model.text import Text
from assay.stats.arrays import Floats
from assay.stats.distributions.errors import CATALOGUE
from assay.stats.distributions.families import FAMILIES
from assay.stats.distributions.positions import plotting_positions
from assay.stats.plot import Axis, Band, Bars, Layer, Line, Panel, Points

PERCENTS = (0.1, 1, 5, 10, 25, 50, 75, 90, 95, 99, 99.9)
MOST_BINS = 60
MOST_POINTS = 2000
"""A probability plot of more values shows this many of their quantiles."""


def said(key: str, **values: object) -> Text:
    """A text of the plots in both languages."""
    return CATALOGUE.text(f"plot.{key}", **values)


def family_name(distribution: str) -> Text:
    """What the distribution is called."""
    return CATALOGUE.text(f"family.{distribution}")


def histogram(x: Floats) -> tuple[Bars, float]:
    """Bars of the values' density with Freedman and Diaconis' width, and that width.

    Source: Freedman & Diaconis (1981), Zeitschrift für Wahrscheinlichkeitstheorie 57, 453-476.
    """
    low, high = float(x.min()), float(x.max())
    spread = float(np.subtract(*np.quantile(x, [0.75, 0.25])))
    width = 2 * spread / x.size ** (1 / 3)
    bins = MOST_BINS if width <= 0 else int(np.clip(np.ceil((high - low) / width), 5, MOST_BINS))
    heights, edges = np.histogram(x, bins=bins, range=(low, high), density=True)
    width = float(edges[1] - edges[0])
    return Bars(said("values"), (edges[:-1] + edges[1:]) / 2, heights, width), width


def density(name: Text, frozen: Any, low: float, high: float, *, dashed: bool = False) -> Line:
    """The density of a distribution from ``low`` to ``high``."""
    x = np.linspace(low, high, 201)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        y = np.exp(frozen.logpdf(x))
    kept = np.isfinite(y)
    return Line(name, x[kept], y[kept], dashed=dashed)


def probability_panel(
    x: Floats, distribution: str, frozen: Any, title: Text, *, confidence: float | None = 0.95
) -> Panel:
    """Ordered values against the quantiles of a distribution, on its own axes where that is a straight line.

    The band is pointwise, from the Beta distribution of each order statistic's probability.
    """
    family = FAMILIES[distribution]
    standard = family.standard if family.standard is not None else stats.norm
    ordered, p = np.sort(x), plotting_positions(x.size)
    if x.size > MOST_POINTS:
        p = np.linspace(p[0], p[-1], MOST_POINTS)
        ordered = np.quantile(ordered, p, method="median_unbiased")
    layers: list[Layer] = []
    if confidence is not None and x.size <= MOST_POINTS:
        rank, n = np.arange(1, x.size + 1), x.size
        low = stats.beta.ppf((1 - confidence) / 2, rank, n + 1 - rank)
        high = stats.beta.isf((1 - confidence) / 2, rank, n + 1 - rank)
        middle = _placed(frozen.ppf(p), family.axis)
        layers.append(Band(said("band"), middle, standard.ppf(low), standard.ppf(high)))
    grid = standard.cdf(np.linspace(float(standard.ppf(0.001)), float(standard.ppf(0.999)), 101))
    layers.append(
        Line(
            family_name(distribution), _placed(frozen.ppf(grid), family.axis), np.asarray(standard.ppf(grid))
        )
    )
    layers.append(Points(said("values"), _placed(ordered, family.axis), np.asarray(standard.ppf(p))))
    ticks = tuple((float(standard.ppf(percent / 100)), f"{percent:g}") for percent in PERCENTS)
    return Panel(title, _value_axis(ordered, family.axis), Axis(said("percent"), ticks=ticks), tuple(layers))


def _placed(x: Floats, axis: str | None) -> Floats:
    return np.asarray(np.log(x) if axis == "log" else x, dtype=np.float64)


def _value_axis(ordered: Floats, axis: str | None) -> Axis:
    if axis != "log":
        return Axis(said("value"))
    marks = np.unique([float(f"{mark:.2g}") for mark in np.geomspace(ordered[0], ordered[-1], 6)])
    return Axis(said("value"), ticks=tuple((float(np.log(mark)), f"{mark:g}") for mark in marks))
