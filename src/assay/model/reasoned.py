"""Refusals with one word that a program can branch on, their texts from a catalogue."""

from __future__ import annotations

from typing import ClassVar, Self

from assay.model.catalogue import Catalogue
from assay.model.errors import SpokenError
from assay.model.text import Text


class ReasonedError(SpokenError):
    """A refusal whose ``reason`` is the same word in every language.

    Parameters
    ----------
    said
        What happened, where, with which value.
    advice
        What to do next.
    reason
        One word a program can branch on, such as ``bad_signature``; without it, the class's own.
    """

    catalogue: ClassVar[Catalogue]
    """Where the texts are: ``error.<reason>`` and, where there is advice, ``hint.<reason>``."""
    general: ClassVar[str]
    """The reason where none is given."""

    def __init__(self, said: Text, advice: Text | None = None, *, reason: str | None = None) -> None:
        super().__init__(said, advice)
        self.reason = self.general if reason is None else reason

    @classmethod
    def of(cls, reason: str, **values: object) -> Self:
        """The refusal ``reason`` of the catalogue, its texts filled with ``values``."""
        hint = f"hint.{reason}"
        advice = cls.catalogue.text(hint, **values) if hint in cls.catalogue.keys("en") else None
        return cls(cls.catalogue.text(f"error.{reason}", **values), advice, reason=reason)
