"""The picture of a CUSUM chart: both cusums in one panel."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from assay.stats.charts.errors import CATALOGUE
from assay.stats.charts.picture import flags, panel, picture
from assay.stats.plot.spec import Flags, Plot, Points, Upright

if TYPE_CHECKING:
    from assay.stats.charts.cusums import CusumChart


def cusum_picture(chart: CusumChart) -> Plot:
    """C⁺ and C⁻ between the decision intervals; each signalled shift where it began, with its new mean."""
    drawn = picture(chart)
    first = drawn.panels[0]
    layers = [layer for layer in first.layers if not isinstance(layer, Flags)]
    signals = flags(chart)
    if chart.companions:
        lower = chart.companions[0]
        layers += [
            replace(layer, role="other" if layer.role == "data" else layer.role)
            for layer in panel(lower, first.title).layers
            if isinstance(layer, Points)
        ]
        beyond = chart.statistics > chart.h
        above = {rule: [at for at in found if beyond[at]] for rule, found in chart.violations.items()}
        both = (*flags(replace(chart, violations=above)).flags, *flags(lower).flags)
        signals = replace(signals, flags=tuple(sorted(both, key=lambda flag: flag.x)))
    name = CATALOGUE.text("cusum.shift")
    for shift in chart.shifts:
        label = f"μ̂ = {shift.mean:.6g}"
        layers.append(Upright(name, x=shift.start + 0.5, role="reference", label=label))
    return replace(drawn, panels=(replace(first, layers=(*layers, signals)),), title=first.title)
