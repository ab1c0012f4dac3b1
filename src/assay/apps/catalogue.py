"""What pages say, in both languages."""

from __future__ import annotations

from collections.abc import Mapping

from assay.model.catalogue import Catalogue
from assay.model.text import Language, Text

CATALOGUE = Catalogue("assay.apps")


def told(key: str, catalogue: Catalogue = CATALOGUE, /, **values: object) -> Text:
    """The text ``key`` with its placeholders filled; a :class:`Text` fills them in its own language."""

    def say(language: Language) -> str:
        own = {
            name: value.said(language) if isinstance(value, Text) else value for name, value in values.items()
        }
        return catalogue.say(key, language, **own)

    return Text(zh=say("zh"), en=say("en"))


def hint(key: str, catalogue: Catalogue = CATALOGUE, /, **values: object) -> Text | None:
    """The text ``key`` as :func:`told`, or None where the catalogue has none."""
    return told(key, catalogue, **values) if key in catalogue.keys("en") else None


def column_title(name: str, declared: Mapping[str, Mapping[str, str]]) -> Text:
    """The title of a column: the plant's own, else Assay's, else its name."""
    if own := declared.get(name):
        fallback = own.get("en") or own.get("zh") or name
        return Text(zh=own.get("zh") or fallback, en=own.get("en") or fallback)
    return hint(f"column.{name}") or Text(zh=name, en=name)
