"""What metre tracking refuses."""

from __future__ import annotations

from typing import Self

from assay.genealogy.queue_errors import CATALOGUE
from assay.model.errors import SpokenError


class MetreError(SpokenError, ValueError):
    """Positions, speeds or signals that can't be what they are said to be."""

    @classmethod
    def of(cls, key: str, **values: object) -> Self:
        """The refusal ``metre.<key>`` of the catalogue, its texts filled with ``values``."""
        known = CATALOGUE.keys("en")
        advice = f"metre-hint.{key}"
        return cls(
            CATALOGUE.text(f"metre.{key}", **values),
            CATALOGUE.text(advice, **values) if advice in known else None,
        )
