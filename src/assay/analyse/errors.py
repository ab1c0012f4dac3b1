"""What traces, recalls, common origins and corrections refuse, said in both languages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Self

from assay.model.catalogue import LANGUAGES, Catalogue
from assay.model.errors import AnalysisError, SpokenError, TraceError, closest
from assay.model.text import Text

CATALOGUE = Catalogue("assay.analyse")


class _Refusal(SpokenError):
    """A refusal; its texts are ``<part>.<key>`` and, where there is advice, ``<part>-hint.<key>``."""

    part: ClassVar[str]

    @classmethod
    def of(cls, key: str, *, advice: Text | None = None, **values: object) -> Self:
        """The refusal ``key``, its texts filled with ``values``; ``advice`` stands instead of its own."""
        own = f"{cls.part}-hint.{key}"
        if advice is None and own in CATALOGUE.keys("en"):
            advice = told(own, **values)
        return cls(told(f"{cls.part}.{key}", **values), advice)


class TraceRefusal(_Refusal, TraceError):
    """The genealogy can't be walked as asked: a name, direction, share or moment is not possible."""

    part = "trace"


class CorrectionRefusal(_Refusal, AnalysisError):
    """A movement can't be corrected as asked."""

    part = "correct"


def told(key: str, **values: object) -> Text:
    """The text ``key`` of the catalogue; a value that is a :class:`Text` is filled in by language."""
    said = {}
    for language in LANGUAGES:
        own = {name: one.said(language) if isinstance(one, Text) else one for name, one in values.items()}
        said[language] = CATALOGUE.say(key, language, **own)
    return Text(**said)


def joined(how: str, parts: Iterable[str | Text]) -> Text:
    """The parts in a row, with the word ``join.<how>`` of each language between them."""
    kept = [Text(zh=one, en=one) if isinstance(one, str) else one for one in parts]
    return Text(
        **{to: CATALOGUE.say(f"join.{how}", to).join(one.said(to) for one in kept) for to in LANGUAGES}
    )


def near(wrong: str, known: list[str]) -> Text | None:
    """A hint naming the closest known names, or None when nothing is close."""
    close = closest(wrong, known)
    return told("near", names=joined("or", map(repr, close))) if close else None
