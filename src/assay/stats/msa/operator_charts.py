"""The X̄ and R charts of a gauge study: is the gauge steady, and does it see the parts?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assay.stats import constants
from assay.stats.arrays import Floats
from assay.stats.charts.chart import Limits


@dataclass(frozen=True)
class OperatorCharts:
    """Cells operator by operator, each part in turn, under limits common to all operators.

    A range beyond its limit is a measurement that went wrong. Means beyond theirs are wanted: the gauge tells
    the parts apart (AIAG, *MSA*, 4th ed., III.B, p. 107: at least half of them).
    """

    operators: tuple[str, ...]
    """Of each cell; empty texts where there are no operators."""
    parts: tuple[str, ...]
    """Of each cell."""
    ranges: Floats
    means: Floats
    mean_range: float
    mean: float
    range_limits: Limits
    mean_limits: Limits

    @property
    def ranges_beyond(self) -> tuple[int, ...]:
        """Cells (0-based) whose range is beyond its limits."""
        return _beyond(self.ranges, self.range_limits)

    @property
    def means_beyond(self) -> tuple[int, ...]:
        """Cells (0-based) whose mean is beyond its limits."""
        return _beyond(self.means, self.mean_limits)


def _beyond(values: Floats, limits: Limits) -> tuple[int, ...]:
    return tuple(np.flatnonzero((values < limits.lcl) | (values > limits.ucl)).tolist())


def operator_charts(
    values: Floats, parts: tuple[str, ...], operators: tuple[str, ...], *, nested: bool
) -> OperatorCharts:
    """Charts of ``values`` of shape ``(P, O, R)``: limits D3·R̄, D4·R̄ and x̄ ± A2·R̄ with exact factors."""
    p, o, r = values.shape
    cells = values.transpose(1, 0, 2).reshape(p * o, r)
    ranges, means = np.ptp(cells, axis=1), cells.mean(axis=1)
    factors = constants.of(r)
    mean_range, mean = float(ranges.mean()), float(cells.mean())
    half = factors.A2 * mean_range
    return OperatorCharts(
        operators=tuple(operators[cell // p] if operators else "" for cell in range(p * o)),
        parts=parts if nested else parts * o,
        ranges=ranges,
        means=means,
        mean_range=mean_range,
        mean=mean,
        range_limits=Limits(factors.D3 * mean_range, factors.D4 * mean_range),
        mean_limits=Limits(mean - half, mean + half),
    )
