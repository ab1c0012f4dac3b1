"""A control chart with further fields, and live observations of several numbers."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, TypeVar

import numpy as np

from assay.stats.charts.chart import ControlChart
from assay.stats.errors import WrongShape

Chart = TypeVar("Chart", bound=ControlChart)


def extended(cls: type[Chart], chart: ControlChart, **more: Any) -> Chart:
    """The chart as one of ``cls``, which has further fields."""
    return cls(**{field.name: getattr(chart, field.name) for field in fields(ControlChart)}, **more)


def several(observation: object, count: int, wanted: str) -> tuple[Any, ...]:
    """An observation of ``count`` parts, such as a value with its use.

    Raises
    ------
    WrongShape
    """
    given = tuple(observation) if isinstance(observation, (tuple, list, np.ndarray)) else ()
    if len(given) != count:
        raise WrongShape(name="observation", shape=(len(given),), wanted=wanted)
    return given
