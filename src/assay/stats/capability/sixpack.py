"""The sixpack: six pictures and the numbers of one study in one result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from assay.stats.capability.nonnormal import QuantilePerformance, nonnormal
from assay.stats.capability.process import NormalCapability, arranged, normal
from assay.stats.capability.stability import charted
from assay.stats.charts.chart import ControlChart
from assay.stats.result import Result

if TYPE_CHECKING:
    from assay.stats.plot.spec import Plot


@dataclass(frozen=True, kw_only=True)
class Sixpack(Result):
    """Control charts, last subgroups, histogram, probability plot and capability plot of one study."""

    capability: NormalCapability
    """The normal study: indices, intervals, tests."""
    nonnormal: QuantilePerformance | None
    """The study by the fitted distribution, where one was asked for."""
    chart: ControlChart
    """The chart of location; its first companion is the chart of dispersion."""
    last: int
    """How many of the last subgroups are drawn."""

    def plot(self) -> Plot:
        """Six panels, three rows by two."""
        from assay.stats.capability.sixpack_picture import sixpack_plot

        return sixpack_plot(self)


def sixpack(
    values: ArrayLike,
    *,
    lsl: float | None = None,
    usl: float | None = None,
    target: float | None = None,
    subgroup: ArrayLike | int | None = None,
    distribution: str = "normal",
    last: int = 25,
    **options: Any,
) -> Sixpack:
    """A capability sixpack.

    Parameters
    ----------
    values, lsl, usl, target, subgroup
        As in :func:`normal`.
    distribution
        Family of the histogram's density, the probability plot and the indices; ``normal`` or one that
        :func:`nonnormal` takes (``best`` too).
    last
        How many of the last subgroups (or values) to draw.
    options
        The other parameters of :func:`normal`.

    Raises
    ------
    As :func:`normal` and :func:`nonnormal`.
    """
    study = normal(values, lsl=lsl, usl=usl, target=target, subgroup=subgroup, **options)
    x, groups = arranged(values, subgroup)
    other = None
    if distribution != "normal":
        natural = {name: options[name] for name in ("natural_low", "natural_high") if name in options}
        other = nonnormal(x, distribution, lsl=lsl, usl=usl, target=target, **natural)
    return Sixpack(capability=study, nonnormal=other, chart=charted(x, groups), last=last)
