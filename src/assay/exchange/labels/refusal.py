"""What labels and images refuse, in both languages."""

from __future__ import annotations

from assay.model.catalogue import Catalogue
from assay.model.codes.refusal import Refusals
from assay.model.errors import CodeError

CATALOGUE = Catalogue("assay.exchange.labels")
refusal = Refusals(CATALOGUE)
"""The errors of labels and of reading images."""


def missing(error: ImportError) -> CodeError:
    """The error of a library that comes with the extra ``labels`` and isn't installed."""
    return refusal("missing-extra", library=error.name or str(error))
