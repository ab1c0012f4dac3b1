"""Distributions: fitting, goodness of fit, tests of normality, outliers, transformations, censored values."""

from assay.stats.distributions.censored import CensoredFit, KaplanMeier, fit_censored, kaplan_meier
from assay.stats.distributions.evaluated import Evaluated
from assay.stats.distributions.families import FAMILIES
from assay.stats.distributions.fit import CANDIDATES, Fit, Identification, fit, identify
from assay.stats.distributions.goodness import AndersonDarling
from assay.stats.distributions.normality import NormalityTest, normality
from assay.stats.distributions.outliers import (
    OutlierTest,
    dixon,
    generalised_esd,
    grubbs,
    median_deviation,
    tukey_fences,
)
from assay.stats.distributions.positions import plotting_positions
from assay.stats.distributions.transform import Transformation, box_cox, johnson, yeo_johnson

__all__ = [
    "CANDIDATES",
    "FAMILIES",
    "AndersonDarling",
    "CensoredFit",
    "Evaluated",
    "Fit",
    "Identification",
    "KaplanMeier",
    "NormalityTest",
    "OutlierTest",
    "Transformation",
    "box_cox",
    "dixon",
    "fit",
    "fit_censored",
    "generalised_esd",
    "grubbs",
    "identify",
    "johnson",
    "kaplan_meier",
    "median_deviation",
    "normality",
    "plotting_positions",
    "tukey_fences",
    "yeo_johnson",
]
