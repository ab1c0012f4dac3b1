"""Picture of a time-dependent model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from assay.stats.capability.picture import said, shown
from assay.stats.plot import Axis, Layer, Level, Panel, Plot, Points

if TYPE_CHECKING:
    from assay.stats.capability.time_model import TimeModel


def time_plot(found: TimeModel) -> Plot:
    """The subgroups over time with limits and reference interval."""
    groups = found.groups
    at = np.repeat(np.arange(1.0, groups.count + 1), groups.sizes)
    layers: list[Layer] = [
        Points(said("values"), at, groups.values, role="muted"),
        Points(said("means"), np.arange(1.0, groups.count + 1), groups.means, joined=True),
        Level(said("location"), found.center, "centre", f"{found.center:.5g}"),
        Level(said("reference"), found.lower, "limit", f"{found.lower:.5g}"),
        Level(said("reference"), found.upper, "limit", f"{found.upper:.5g}"),
    ]
    for name, limit in (("lsl", found.lsl), ("usl", found.usl)):
        if limit is not None:
            layers.append(Level(said(name), limit, "specification", f"{limit:g}"))
    panel = Panel(said("over-time"), Axis(said("sample")), Axis(said("value")), tuple(layers))
    note = said(
        "time-note",
        model=found.model,
        pp=shown(found.pp),
        ppk=shown(found.ppk),
        location=found.location,
        dispersion=found.dispersion,
        n=found.n,
    )
    return Plot(said("time-title", model=found.model), (panel,), note=note)
