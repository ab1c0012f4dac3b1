"""Thinning of long series: at most four points per pixel, and none that the eye would miss."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

POINTS_PER_PIXEL = 4


def m4(x: NDArray[np.float64], y: NDArray[np.float64], width: int) -> NDArray[np.int64]:
    """Positions of the points to keep: the first, last, lowest and highest of each pixel column.

    A line through them covers the same pixels as one through all points (Jugel et al. 2014, "M4: A
    Visualization-Oriented Time Series Data Aggregation", PVLDB 7(10)).

    Parameters
    ----------
    x
        Shape ``(n,)``, rising.
    y
        Shape ``(n,)``; NaN where there is no value.
    width
        Pixels of the chart.

    Returns
    -------
    Positions, rising; all of them when there are at most four per pixel.
    """
    size = x.size
    if size <= POINTS_PER_PIXEL * width:
        return np.arange(size)
    span = float(x[-1] - x[0])
    if span > 0:
        pixel = np.minimum(((x - x[0]) / span * width).astype(np.int64), width - 1)
    else:
        pixel = np.zeros(size, dtype=np.int64)
    first = np.flatnonzero(np.r_[True, pixel[1:] != pixel[:-1]])
    last = np.r_[first[1:] - 1, size - 1]
    filled = np.isfinite(y)
    order_low = np.lexsort((np.where(filled, y, np.inf), pixel))
    order_high = np.lexsort((np.where(filled, -y, np.inf), pixel))
    return np.unique(np.concatenate([first, last, order_low[first], order_high[first]]))
