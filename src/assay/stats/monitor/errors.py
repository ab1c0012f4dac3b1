"""What process monitoring refuses beyond the refusals of all statistics."""

from __future__ import annotations

from assay.model.catalogue import Catalogue
from assay.stats.errors import ConstantData, Refusal

CATALOGUE = Catalogue("assay.stats.monitor")


class ConstantColumns(ConstantData):
    """Columns without spread in the training data: ``columns``, ``count`` rows."""

    key = "constant-columns"
    catalogue = CATALOGUE


class OtherColumns(Refusal):
    """Data with another number of columns than the model was fitted on: ``count``, ``wanted``."""

    key = "other-columns"
    catalogue = CATALOGUE


class WrongNames(Refusal):
    """Names that don't fit the columns: ``count``, ``wanted``."""

    key = "wrong-names"
    catalogue = CATALOGUE


class NoResidualSpace(Refusal):
    """Contributions to the SPE of a model that keeps every component: ``components``."""

    key = "no-residual-space"
    catalogue = CATALOGUE
