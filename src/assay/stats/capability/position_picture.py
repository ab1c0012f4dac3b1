"""Picture of a positional study."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from assay.stats.arrays import Floats
from assay.stats.capability.picture import said
from assay.stats.plot import Axis, Layer, Line, Panel, Plot, Points

if TYPE_CHECKING:
    from assay.stats.capability.positional import PositionalCapability


def position_plot(found: PositionalCapability) -> Plot:
    """The positions with the tolerance region, the touching ellipse and the 99.73 % ellipse."""
    from assay.stats.capability.positional import REFERENCE

    turns = np.linspace(0, 2 * np.pi, 181)
    circle = np.array([np.cos(turns), np.sin(turns)])
    turn = np.deg2rad(found.angle)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    region = rotation @ (np.array(found.semi_axes)[:, None] * circle)
    root = np.linalg.cholesky(found.covariance)

    def around(center: tuple[float, float], shape: Floats) -> tuple[Floats, Floats]:
        return center[0] + shape[0], center[1] + shape[1]

    points = found.points
    layers: tuple[Layer, ...] = (
        Line(said("tolerance"), *around(found.center, region), role="specification"),
        Line(said("ellipse-9973"), *around(found.mean, REFERENCE * root @ circle), role="fit"),
        Line(
            said("ellipse-touching"),
            *around(found.mean, found.radius * root @ circle),
            role="reference",
            dashed=True,
        ),
        Points(said("positions"), points[:, 0], points[:, 1]),
        Points(said("target"), np.array([found.center[0]]), np.array([found.center[1]]), role="target"),
    )
    panel = Panel(said("positions"), Axis(said("x")), Axis(said("y")), layers)
    note = said("position-note", po=f"{found.po:.4g}", pok=f"{found.pok:.4g}", index=found.index, n=found.n)
    return Plot(said("position-title"), (panel,), note=note)
