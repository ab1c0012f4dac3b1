"""Control charts: values in, a :class:`ControlChart` out."""

from assay.stats.charts.attributes import c, laney_p, laney_u, np, p, u
from assay.stats.charts.chart import (
    ControlChart,
    Exclusion,
    Limits,
    LiveChart,
    LivePoint,
    Stage,
)
from assay.stats.charts.individuals import imr, imr_rs
from assay.stats.charts.rare import g, t
from assay.stats.charts.variables import median, r, s, xbar_r, xbar_s

__all__ = [
    "ControlChart",
    "Exclusion",
    "Limits",
    "LiveChart",
    "LivePoint",
    "Stage",
    "c",
    "g",
    "imr",
    "imr_rs",
    "laney_p",
    "laney_u",
    "median",
    "np",
    "p",
    "r",
    "s",
    "t",
    "u",
    "xbar_r",
    "xbar_s",
]
