"""Welding: heat input, welders' ranges, passes as they were recorded, as evidence, and the weld file."""

from assay.analyse.welding.contents import WeldFile
from assay.analyse.welding.evidence import Logged, log_passes
from assay.analyse.welding.passes import Pass, passes
from assay.analyse.welding.weld_file import weld_file
from assay.analyse.welding.words import WeldingError

__all__ = ["Logged", "Pass", "WeldFile", "WeldingError", "log_passes", "passes", "weld_file"]
