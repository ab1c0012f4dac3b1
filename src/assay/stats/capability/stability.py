"""Whether the process behind a study was in control: the charts of the same values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assay.stats.arrays import Floats
from assay.stats.capability.spread import LARGEST_RANGE_GROUP
from assay.stats.charts.chart import ControlChart
from assay.stats.errors import Refusal
from assay.stats.subgroups import Subgroups

RULE = "nelson1"
"""Points beyond the limits: the criterion every source agrees on."""


@dataclass(frozen=True)
class Stability:
    """What the control charts of the values say."""

    kind: str
    """``xbar_r``, ``xbar_s`` or ``imr``."""
    flagged: tuple[int, ...]
    """0-based points beyond the limits of the location chart."""
    flagged_spread: tuple[int, ...]
    """0-based points beyond the limits of the dispersion chart."""

    @property
    def stable(self) -> bool:
        """No point beyond the limits of either chart."""
        return not self.flagged and not self.flagged_spread


def charted(x: Floats, groups: Subgroups | None) -> ControlChart:
    """The chart of the values: I-MR without subgroups, X̄-R up to 10 values, X̄-S beyond."""
    from assay.stats import charts

    if groups is None:
        return charts.imr(x, rules=(RULE,))
    build = charts.xbar_r if int(groups.sizes.max()) <= LARGEST_RANGE_GROUP else charts.xbar_s
    if groups.labels is None and groups.size is not None:
        return build(groups.values, groups.size, rules=(RULE,))
    names = np.arange(1, groups.count + 1) if groups.labels is None else groups.labels
    return build(groups.values, np.repeat(names, groups.sizes), rules=(RULE,))


def stability_of(x: Floats, groups: Subgroups | None) -> Stability | None:
    """Flagged points of the chart of the values; None where no chart can be drawn of them."""
    try:
        chart = charted(x, groups)
    except Refusal:
        return None
    below = chart.dispersion
    return Stability(
        "imr" if groups is None else "xbar_r" if int(groups.sizes.max()) <= LARGEST_RANGE_GROUP else "xbar_s",
        chart.flagged,
        () if below is None else below.flagged,
    )
