"""Control charts: values in, a :class:`ControlChart` out."""

from assay.stats.charts.chart import (
    ControlChart,
    Exclusion,
    Limits,
    LiveChart,
    LivePoint,
    Stage,
)

__all__ = ["ControlChart", "Exclusion", "Limits", "LiveChart", "LivePoint", "Stage"]
