"""What is wrong with a document: where, by which rule, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from assay.model.catalogue import LANGUAGES, Catalogue
from assay.model.errors import SpokenError
from assay.model.text import Language, Text

CATALOGUE = Catalogue("assay.exchange.epcis")
MOST_FAULTS = 100
"""Faults listed of one document; the first hundred say enough."""

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a document."""

    path: str
    """Where: a JSON Pointer (RFC 6901); empty for the whole document."""
    rule: str
    """The short name of the rule that is broken, the same in every language."""
    said: Text
    """What is wrong, with which value, and what would be right."""

    def to_dict(self, language: Language = "en") -> dict[str, str]:
        """As the command line and the REST interface give it."""
        return {"path": self.path, "rule": self.rule, "message": self.said.said(language)}


class InvalidDocument(SpokenError, ValueError):
    """An EPCIS document is not valid; ``faults`` says why."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        first = faults[0]
        said = {
            language: CATALOGUE.say(
                "error.invalid",
                language,
                count=len(faults),
                path=first.path or "/",
                why=first.said.said(language),
            )
            for language in LANGUAGES
        }
        super().__init__(Text(**said), CATALOGUE.text("hint.invalid"))
        self.faults = tuple(faults)


class ExchangeError(SpokenError, ValueError):
    """A request can't be followed; ``kind`` is the exception that the standard names for it."""

    def __init__(self, kind: str, key: str, **values: object) -> None:
        super().__init__(CATALOGUE.text(f"error.{key}", **values))
        self.kind = kind


def pointer(path: Path) -> str:
    """A path as JSON Pointer."""
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in path)


def fault(path: Path, rule: str, key: str | None = None, **values: object) -> Fault:
    """The fault of a broken rule; its words are ``rule.<key>`` of the catalogue, the key being the rule."""
    return Fault(pointer(path), rule, CATALOGUE.text(f"rule.{key or rule}", **values))


def shown(value: object) -> str:
    """A value from a document as messages show it: short, on one line."""
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 120 else f"{text[:117]}…"
