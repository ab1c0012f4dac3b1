"""Documents for outsiders: rendered from results, signed, and checked again."""

from assay.report.identity import Identity
from assay.report.signing import SignatureCheck, check_file
from assay.report.verification import write_verification

__all__ = ["Identity", "SignatureCheck", "check_file", "write_verification"]
