"""Plots for the browser: what a picture of a few hundred pixels can't show stays on the server."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from assay.apps.catalogue import told
from assay.apps.payloads import PlotPayload
from assay.apps.reduce import POINTS_PER_PIXEL, m4
from assay.model.text import Text
from assay.stats.plot.spec import Axis, Band, Flags, Layer, Line, Panel, Plot, Points

MOST_FLAGS = 2000
"""Flagged points drawn in one panel; beyond it squares lie upon squares."""

Floats = NDArray[np.float64]
Kept = NDArray[np.int64]


def plot_payload(plot: Plot, width: int) -> PlotPayload:
    """A plot for the browser: long series thinned to what ``width`` pixels can show.

    Points and lines keep at most four points per pixel, their lowest and highest among them. Flagged points
    are kept, but for more than 2,000 in one panel; then the note says how many there are.
    """
    pixels = max(1, width // plot.columns)
    panels = tuple(_thinned(panel, pixels) for panel in plot.panels)
    thinned = replace(plot, panels=panels, note=_noted(plot, panels))
    return PlotPayload.model_validate(thinned.to_dict())


def _thinned(panel: Panel, pixels: int) -> Panel:
    layers = tuple(_thin_layer(layer, panel.x, pixels) for layer in panel.layers)
    return Panel(panel.title, panel.x, panel.y, layers)


def _thin_layer(layer: Layer, x: Axis, pixels: int) -> Layer:
    if isinstance(layer, Flags):
        return _thin_flags(layer)
    if x.categories is not None or not isinstance(layer, (Points, Line, Band)):
        return layer
    if layer.x.size <= POINTS_PER_PIXEL * pixels:
        return layer
    if isinstance(layer, Band):
        kept = np.union1d(m4(layer.x, layer.low, pixels), m4(layer.x, layer.high, pixels))
        return replace(layer, x=layer.x[kept], low=layer.low[kept], high=layer.high[kept])
    if isinstance(layer, Line):
        kept = _kept(layer.x, layer.y, pixels, joined=True)
        return replace(layer, x=layer.x[kept], y=layer.y[kept])
    kept = _kept(layer.x, layer.y, pixels, joined=layer.joined)
    labels = tuple(layer.labels[at] for at in kept) if layer.labels else None
    return replace(layer, x=layer.x[kept], y=layer.y[kept], labels=labels)


def _kept(x: Floats, y: Floats, pixels: int, *, joined: bool) -> Kept:
    if (np.diff(x) >= 0).all():
        return m4(x, y, pixels)
    if joined:  # a curve that turns back: its own course is the only order it has
        return np.linspace(0, x.size - 1, POINTS_PER_PIXEL * pixels).astype(np.int64)
    order = np.argsort(x, kind="stable")
    return np.sort(order[m4(x[order], y[order], pixels)])


def _thin_flags(layer: Flags) -> Flags:
    if len(layer.flags) <= MOST_FLAGS:
        return layer
    x = np.array([flag.x for flag in layer.flags])
    y = np.array([flag.y for flag in layer.flags])
    kept = _kept(x, y, MOST_FLAGS // POINTS_PER_PIXEL, joined=False)
    return replace(layer, flags=tuple(layer.flags[at] for at in kept))


def _noted(plot: Plot, panels: tuple[Panel, ...]) -> Text | None:
    """The plot's note, and how many flagged points are not drawn."""
    total, drawn = _flags(plot.panels), _flags(panels)
    if drawn == total:
        return plot.note
    said = told("note.more-flags", total=f"{total:,}", drawn=f"{drawn:,}")
    if plot.note is None:
        return said
    return Text(zh=f"{plot.note.zh} {said.zh}", en=f"{plot.note.en} {said.en}")


def _flags(panels: tuple[Panel, ...]) -> int:
    return sum(len(layer.flags) for panel in panels for layer in panel.layers if isinstance(layer, Flags))
