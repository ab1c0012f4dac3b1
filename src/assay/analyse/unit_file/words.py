"""Texts of unit files, in both languages, and what they refuse."""

from __future__ import annotations

from assay.model.catalogue import Catalogue
from assay.model.errors import SpokenError

CATALOGUE = Catalogue("assay.analyse.unit_file")


class UnitFileError(SpokenError, ValueError):
    """No unit file can be made of what was asked for; ``key`` says which text of the catalogue."""

    def __init__(self, key: str, **values: object) -> None:
        super().__init__(CATALOGUE.text(f"error.{key}", **values), CATALOGUE.text(f"hint.{key}", **values))
