"""What analyses of a plant refuse, said in both languages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Self

from assay.model.catalogue import LANGUAGES, Catalogue
from assay.model.errors import AnalysisError, QueryError, SpokenError, TraceError, closest
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


class BridgeRefusal(_Refusal, AnalysisError):
    """A place where no label survives can't be bridged as asked."""

    part = "bridge"


class MetreRefusal(_Refusal, AnalysisError):
    """Positions can't be followed with the signals that were recorded."""

    part = "metre"


class CauseRefusal(_Refusal, AnalysisError):
    """Causes can't be looked for, or shown, on what was recorded."""

    part = "cause"


class ConditionRefusal(_Refusal, QueryError):
    """A target, condition or scope of an analysis is not possible."""

    part = "condition"


class BoardRefusal(_Refusal, AnalysisError):
    """Results can't be put on a board as asked."""

    part = "board"


class StatisticsRefusal(_Refusal, AnalysisError):
    """Recorded results don't allow the statistic that was asked for."""

    part = "statistics"


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


def listed(names: Iterable[str], *, wrong: str | None = None) -> Text:
    """The names there are; before them, with ``wrong``, those closest to it."""
    known = list(names)
    close = [] if wrong is None else closest(wrong, known)
    if close:
        return told("near-of", names=joined("or", map(repr, close)), known=", ".join(known))
    return told("there-are", names=", ".join(known)) if known else told("there-are-none")


def near(wrong: str, known: list[str]) -> Text | None:
    """A hint naming the closest known names, or None when nothing is close."""
    close = closest(wrong, known)
    return told("near", names=joined("or", map(repr, close))) if close else None
