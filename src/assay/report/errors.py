"""What the report room refuses, in both languages."""

from __future__ import annotations

from assay.model.catalogue import Catalogue
from assay.model.errors import SpokenError

CATALOGUE = Catalogue("assay.report")


class ReportError(SpokenError, ValueError):
    """A report can't be written, signed or checked; ``key`` says which text of the catalogue."""

    def __init__(self, key: str, **values: object) -> None:
        advice = f"hint.{key}"
        known = advice in CATALOGUE.keys("en")
        super().__init__(
            CATALOGUE.text(f"error.{key}", **values), CATALOGUE.text(advice, **values) if known else None
        )
