"""Every statistic against a published or recomputed reference: ``assay verify-statistics``."""

from assay.stats.verify.check import Check, Origin, Outcome, Tolerance

__all__ = ["Check", "Origin", "Outcome", "Tolerance"]
