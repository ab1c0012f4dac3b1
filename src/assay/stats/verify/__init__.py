"""Every statistic against a published or recomputed reference: ``assay verify-statistics``."""

from assay.stats.verify.check import Check, Origin, Outcome, Tolerance
from assay.stats.verify.run import Environment, FamilySummary, Verification, checks, run, spoken_tolerance

__all__ = [
    "Check",
    "Environment",
    "FamilySummary",
    "Origin",
    "Outcome",
    "Tolerance",
    "Verification",
    "checks",
    "run",
    "spoken_tolerance",
]
