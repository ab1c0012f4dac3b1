"""Welding: heat input, welders' ranges, passes as they were recorded, as evidence, and the weld file."""

from assay.analyse.welding.evidence import Logged, log_passes
from assay.analyse.welding.passes import Pass, passes
from assay.analyse.welding.words import WeldingError

__all__ = ["Logged", "Pass", "WeldingError", "log_passes", "passes"]
