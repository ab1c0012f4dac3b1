"""Control charts: values in, a :class:`ControlChart` out."""

from assay.stats.charts.acceptance_chart import AcceptanceChart, acceptance, modified
from assay.stats.charts.acceptance_design import AcceptancePlan, acceptance_plan
from assay.stats.charts.attributes import c, laney_p, laney_u, np, p, u
from assay.stats.charts.chart import (
    ControlChart,
    Exclusion,
    Limits,
    LiveChart,
    LivePoint,
    Stage,
)
from assay.stats.charts.cusums import CusumChart, Shift, cusum
from assay.stats.charts.decomposition import Decomposition
from assay.stats.charts.fitted_line import Crossing, FittedLine
from assay.stats.charts.hotelling import t2_limit
from assay.stats.charts.individuals import imr, imr_rs
from assay.stats.charts.line_charts import LinearProfileChart, linear_profiles
from assay.stats.charts.mewma_chart import MewmaChart, mewma
from assay.stats.charts.multivariate import MultivariateChart
from assay.stats.charts.parts import Part, ShortRunChart
from assay.stats.charts.profile_charts import ProfileChart, profiles
from assay.stats.charts.rare import g, t
from assay.stats.charts.short_run import standardised, target, z_mr
from assay.stats.charts.short_run_counts import standardised_p, standardised_u
from assay.stats.charts.t2_charts import t2, t2_subgroups
from assay.stats.charts.tool_change import WearPlan, wear_plan
from assay.stats.charts.tool_wear import RegressionChart, regression
from assay.stats.charts.variables import median, r, s, xbar_r, xbar_s
from assay.stats.charts.variance_chart import GeneralisedVarianceChart, generalised_variance
from assay.stats.charts.weighted import EwmaChart, MovingAverageChart, ewma, moving_average

__all__ = [
    "AcceptanceChart",
    "AcceptancePlan",
    "ControlChart",
    "Crossing",
    "CusumChart",
    "Decomposition",
    "EwmaChart",
    "Exclusion",
    "FittedLine",
    "GeneralisedVarianceChart",
    "Limits",
    "LinearProfileChart",
    "LiveChart",
    "LivePoint",
    "MewmaChart",
    "MovingAverageChart",
    "MultivariateChart",
    "Part",
    "ProfileChart",
    "RegressionChart",
    "Shift",
    "ShortRunChart",
    "Stage",
    "WearPlan",
    "acceptance",
    "acceptance_plan",
    "c",
    "cusum",
    "ewma",
    "g",
    "generalised_variance",
    "imr",
    "imr_rs",
    "laney_p",
    "laney_u",
    "linear_profiles",
    "median",
    "mewma",
    "modified",
    "moving_average",
    "np",
    "p",
    "profiles",
    "r",
    "regression",
    "s",
    "standardised",
    "standardised_p",
    "standardised_u",
    "t",
    "t2",
    "t2_limit",
    "t2_subgroups",
    "target",
    "u",
    "wear_plan",
    "xbar_r",
    "xbar_s",
    "z_mr",
]
