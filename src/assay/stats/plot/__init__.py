"""Pictures as data: a plot is panels of layers; matplotlib draws it for reports, the browser for pages."""

from assay.stats.plot.spec import (
    Axis,
    Band,
    Bars,
    Cells,
    Flag,
    Flags,
    Layer,
    Level,
    Line,
    Panel,
    Plot,
    Points,
    Upright,
    Words,
)

__all__ = [
    "Axis",
    "Band",
    "Bars",
    "Cells",
    "Flag",
    "Flags",
    "Layer",
    "Level",
    "Line",
    "Panel",
    "Plot",
    "Points",
    "Upright",
    "Words",
]
