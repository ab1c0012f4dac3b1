"""What the queue matcher refuses."""

from __future__ import annotations

from typing import Self

from assay.model.catalogue import Catalogue
from assay.model.errors import SpokenError

CATALOGUE = Catalogue("assay.genealogy")


class MatchError(SpokenError, ValueError):
    """Counts or settings a queue can't be matched with."""

    @classmethod
    def of(cls, key: str, **values: object) -> Self:
        """The refusal ``key`` of the catalogue, its texts filled with ``values``."""
        known = CATALOGUE.keys("en")
        advice = CATALOGUE.text(f"hint.{key}", **values) if f"hint.{key}" in known else None
        return cls(CATALOGUE.text(f"error.{key}", **values), advice)
