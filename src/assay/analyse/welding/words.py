"""Texts of welding, in both languages, and what it refuses."""

from __future__ import annotations

from assay.model.catalogue import Catalogue
from assay.model.reasoned import ReasonedError

CATALOGUE = Catalogue("assay.analyse.welding")


class WeldingError(ReasonedError, ValueError):
    """Something about welding that can't be read or made; ``reason`` says what."""

    catalogue = CATALOGUE
    general = "welding"
