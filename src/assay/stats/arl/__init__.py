"""Average run lengths and the design of charts, by integral equations and Markov chains, never simulation."""

from assay.stats.arl._cusum import cusum
from assay.stats.arl._design import (
    ChartDesign,
    best_cusum,
    best_ewma,
    best_mewma,
    design_cusum,
    design_ewma,
    design_mewma,
)
from assay.stats.arl._ewma import EwmaLimits, Sided, ewma
from assay.stats.arl._mewma import mewma
from assay.stats.arl._run_length import RunLength, run_length_cusum, run_length_ewma
from assay.stats.arl._shewhart import shewhart
from assay.stats.arl._variance import design_ewma_log_variance, ewma_log_variance

__all__ = [
    "ChartDesign",
    "EwmaLimits",
    "RunLength",
    "Sided",
    "best_cusum",
    "best_ewma",
    "best_mewma",
    "cusum",
    "design_cusum",
    "design_ewma",
    "design_ewma_log_variance",
    "design_mewma",
    "ewma",
    "ewma_log_variance",
    "mewma",
    "run_length_cusum",
    "run_length_ewma",
    "shewhart",
]
