"""What binding signals to steps refuses, said in both languages."""

from __future__ import annotations

from typing import Self

from assay.model.catalogue import LANGUAGES, Catalogue
from assay.model.errors import QueryError, SpokenError
from assay.model.text import Text

CATALOGUE = Catalogue("assay.query")


class BindRefusal(SpokenError, QueryError):
    """Signals can't be bound to steps as asked; the texts are ``bind.<key>`` and ``bind.<key>-hint``."""

    @classmethod
    def of(cls, key: str, *, advice: Text | None = None, **values: object) -> Self:
        """The refusal ``key``, its texts filled with ``values``; ``advice`` stands instead of its own."""
        own = f"bind.{key}-hint"
        if advice is None and own in CATALOGUE.keys("en"):
            advice = CATALOGUE.text(own, **values)
        return cls(CATALOGUE.text(f"bind.{key}", **values), advice)


def listed(known: str, close: list[str] | None = None) -> Text:
    """The names there are, as ``known`` writes them; before them the closest ones."""
    if not close:
        return CATALOGUE.text("bind.there-are", known=known)
    said = {}
    for to in LANGUAGES:
        names = CATALOGUE.say("bind.or", to).join(map(repr, close))
        said[to] = CATALOGUE.say("bind.near", to, names=names, known=known)
    return Text(**said)
