"""Stability of a gauge: a control chart of one master part measured over time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Unpack

import numpy as np
from numpy.typing import ArrayLike

from assay.stats.arrays import Floats, between, numbers, one_of
from assay.stats.charts import ControlChart, imr, xbar_r
from assay.stats.charts.options import Common
from assay.stats.errors import UnequalSubgroups
from assay.stats.msa.bias import Bias, Spread, judged, range_spread
from assay.stats.plot import Plot
from assay.stats.result import Result
from assay.stats.subgroups import subgroups

StandardError = Literal["measurements", "subgroups"]


@dataclass(frozen=True, kw_only=True)
class Stability(Result):
    """A stability study."""

    chart: ControlChart
    """X̄-R of the subgroups, or I-MR of single measurements."""
    stable: bool
    """Whether no point of either chart breaks a rule."""
    bias: Bias | None
    """The bias of all measurements; None without a reference."""
    standard_error: StandardError | None
    """What the bias' standard error counts; None without a reference."""
    _values: Floats = field(repr=False, compare=False)

    def plot(self) -> Plot:
        """The control chart."""
        return self.chart.plot()


def stability(
    values: ArrayLike,
    subgroup: ArrayLike | int | None = None,
    *,
    reference: float | None = None,
    standard_error: StandardError = "measurements",
    bias_confidence: float = 0.95,
    **options: Unpack[Common],
) -> Stability:
    """Whether repeated measurements of one master part stay in control, and their bias if its value is known.

    Source: AIAG, *MSA*, 4th ed., III.B, guidelines for determining stability, and bias by the control chart
    method: sigma = R̄/d2* of g subgroups of m.

    Parameters
    ----------
    values, subgroup
        As in :func:`assay.stats.charts.xbar_r`; without subgroups, single measurements in time order.
    reference
        The known value of the master.
    standard_error
        The standard error of the mean: sigma over √(g·m), the ``measurements``; or, as AIAG's example has it,
        over √g, the ``subgroups``, which is wider and allows for what changes from session to session.
    options
        Rules, phase I, constants, … of the chart: :class:`assay.stats.charts.options.Common`.

    Raises
    ------
    UnequalSubgroups, UnknownOption, OutOfRange, and what :func:`assay.stats.charts.xbar_r` or
    :func:`assay.stats.charts.imr` refuses.
    """
    one_of(standard_error, ("measurements", "subgroups"), "standard_error")
    between(bias_confidence, "bias_confidence", 0.5, 0.9999)
    aim = None if reference is None else float(numbers(reference, "reference"))
    given = np.asarray(values)
    if subgroup is None and given.ndim == 1:
        chart = imr(values, **options)
        measured = given.astype(np.float64)
        spread, count = Spread(float(measured.std(ddof=1)), float(measured.size - 1)), measured.size
    else:
        chart = xbar_r(values, subgroup, **options)
        groups = subgroups(values, subgroup)
        measured = groups.values
        if groups.size is None:
            raise UnequalSubgroups(
                what="stability", smallest=int(groups.sizes.min()), largest=int(groups.sizes.max())
            )
        size, number = groups.size, groups.count
        spread = range_spread(float(groups.ranges.mean()), size, number)
        count = measured.size if standard_error == "measurements" else number
    return Stability(
        chart=chart,
        stable=chart.in_control,
        bias=(
            None
            if aim is None
            else judged(
                measured,
                aim,
                spread,
                count,
                "sd" if subgroup is None and given.ndim == 1 else "range",
                process_variation=None,
                tolerance=None,
                confidence=bias_confidence,
            )
        ),
        standard_error=None if aim is None else standard_error,
        _values=measured,
    )
