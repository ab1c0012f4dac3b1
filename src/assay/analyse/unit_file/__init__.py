"""The unit file: everything recorded of one unit or lot, graded against the process card in force."""

from __future__ import annotations

from assay.analyse.unit_file.contents import SubjectFile, UnitFile, document_hash
from assay.analyse.unit_file.making import unit_file
from assay.analyse.unit_file.words import UnitFileError

__all__ = ["SubjectFile", "UnitFile", "UnitFileError", "document_hash", "unit_file"]
