"""What binding signals to steps refuses and remarks, said in both languages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from assay.model.catalogue import LANGUAGES, Catalogue
from assay.model.errors import QueryError, SpokenError, StoreError
from assay.model.text import Text

CATALOGUE = Catalogue("assay.query")


class BindRefusal(SpokenError, QueryError):
    """Signals can't be bound to steps as asked; the texts are ``bind.<key>`` and ``bind.<key>-hint``."""

    @classmethod
    def of(cls, key: str, *, advice: Text | None = None, **values: object) -> Self:
        """The refusal ``key``, its texts filled with ``values``; ``advice`` stands instead of its own."""
        return cls(CATALOGUE.text(f"bind.{key}", **values), advice or _advice(key, values))


class ReadingsUnreadable(SpokenError, StoreError):
    """Files of readings that are damaged, or not in the order they should be in."""

    @classmethod
    def of(cls, key: str, **values: object) -> Self:
        """The failure ``bind.<key>``, its texts filled with ``values``."""
        return cls(CATALOGUE.text(f"bind.{key}", **values), _advice(key, values))


def _advice(key: str, values: Mapping[str, object]) -> Text | None:
    own = f"bind.{key}-hint"
    return CATALOGUE.text(own, **values) if own in CATALOGUE.keys("en") else None


def note(key: str, **values: object) -> Text:
    """What a person should know of what was bound: the text ``bind.note.<key>``."""
    return CATALOGUE.text(f"bind.note.{key}", **values)


def listed(known: str, close: list[str] | None = None) -> Text:
    """The names there are, as ``known`` writes them; before them the closest ones."""
    if not close:
        return CATALOGUE.text("bind.there-are", known=known)
    said = {}
    for to in LANGUAGES:
        names = CATALOGUE.say("bind.or", to).join(map(repr, close))
        said[to] = CATALOGUE.say("bind.near", to, names=names, known=known)
    return Text(**said)
