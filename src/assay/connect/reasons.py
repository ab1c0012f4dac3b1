"""Why a row is quarantined: codes, their names for people, and the sentence of each row."""

from __future__ import annotations

from assay.model.catalogue import Catalogue
from assay.model.text import Language, Text

CATALOGUE = Catalogue("assay.connect")

_PREFIX = "reason."

REASONS: tuple[str, ...] = tuple(
    key.removeprefix(_PREFIX) for key in CATALOGUE.keys("en") if key.startswith(_PREFIX)
)
"""Every reason code."""


def reason_title(reason: str) -> Text:
    """The name of a reason code in both languages; codes of plugin connectors stand for themselves."""
    if reason not in REASONS:
        return Text(zh=reason, en=reason)
    return CATALOGUE.text(_PREFIX + reason)


def message(key: str, language: Language = "en", **values: object) -> str:
    """The sentence of a quarantined row: what is wrong with which value, and what to do."""
    return CATALOGUE.say(f"message.{key}", language, **values)
