"""The sentences of the compiler, in both languages."""

from __future__ import annotations

from assay.model.catalogue import Catalogue
from assay.model.text import Text

CATALOGUE = Catalogue("assay.query.compile")


def said(key: str, **values: object) -> Text:
    """A sentence of the catalogue."""
    return CATALOGUE.text(key, **values)
