"""What mixing refuses."""

from __future__ import annotations

from typing import Self

from assay.genealogy.queue_errors import CATALOGUE
from assay.model.errors import SpokenError


class MixError(SpokenError, ValueError):
    """Portions, windows or settings that can't be what they are said to be."""

    @classmethod
    def of(cls, key: str, **values: object) -> Self:
        """The refusal ``mix.<key>`` of the catalogue, its texts filled with ``values``."""
        known = CATALOGUE.keys("en")
        advice = f"mix-hint.{key}"
        return cls(
            CATALOGUE.text(f"mix.{key}", **values),
            CATALOGUE.text(advice, **values) if advice in known else None,
        )
