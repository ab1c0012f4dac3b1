"""A live chart against the batch chart of all points."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from assay.stats.charts.chart import ControlChart, at


def differing(make: Callable[..., ControlChart], data: tuple[Any, ...], until: int) -> float:
    """Numbers and flags in which a live chart, started from the first ``until`` points, differs.

    Parameters
    ----------
    make
        Makes a chart of ``data``: arrays with one row, value or count per point.
    """
    batch = make(*data, phase1=(0, until))
    live = make(*(part[:until] for part in data)).live()
    count = 0
    for index in range(until, batch.statistics.size):
        observed = tuple(part[index] for part in data)
        point = live.add(observed if len(observed) > 1 else observed[0])
        for one, chart in ((point, batch), *zip(point.companions, batch.companions, strict=True)):
            lines = (chart.statistics, chart.center, *chart.limits)
            numbers = (one.statistic, one.center, one.lcl, one.ucl)
            count += sum(at(line, index) != number for line, number in zip(lines, numbers, strict=True))
            flags = tuple(rule for rule, found in chart.violations.items() if index in found)
            count += one.violations != flags
    return count
