"""Acceptance sampling, tolerance intervals and sample sizes.

>>> from assay.stats import sampling
>>> found = sampling.attributes(0.01, 0.05, 0.06, 0.10)
>>> found.n, found.c
(110, 3)
"""

from assay.stats.sampling import sample_size
from assay.stats.sampling.attributes import attributes, curves, double, plan
from assay.stats.sampling.curves import OperatingCurves
from assay.stats.sampling.errors import Discontinued, LotTooLarge, NoPlan, NotTabled
from assay.stats.sampling.iso2859 import StandardPlan, code_letter, iso2859
from assay.stats.sampling.iso3951 import MatchedPlan, iso3951
from assay.stats.sampling.plan import AttributesPlan
from assay.stats.sampling.sized import SampleSize
from assay.stats.sampling.switching import Switching
from assay.stats.sampling.tables import AQLS
from assay.stats.sampling.tolerance import ToleranceInterval, tolerance_interval
from assay.stats.sampling.tolerance_factors import tolerance_factor
from assay.stats.sampling.variables import (
    VariablesPlan,
    Verdict,
    estimated_fraction,
    p_star,
    variables,
    variables_plan,
)

__all__ = [
    "AQLS",
    "AttributesPlan",
    "Discontinued",
    "LotTooLarge",
    "MatchedPlan",
    "NoPlan",
    "NotTabled",
    "OperatingCurves",
    "SampleSize",
    "StandardPlan",
    "Switching",
    "ToleranceInterval",
    "VariablesPlan",
    "Verdict",
    "attributes",
    "code_letter",
    "curves",
    "double",
    "estimated_fraction",
    "iso2859",
    "iso3951",
    "p_star",
    "plan",
    "sample_size",
    "tolerance_factor",
    "tolerance_interval",
    "variables",
    "variables_plan",
]
