"""What is wrong with a question, said in both languages: where, what was found, what would be right."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from difflib import get_close_matches

from assay.model.catalogue import Catalogue
from assay.model.errors import QueryError, SpokenError
from assay.model.text import Text
from assay.query.language.tree import NOWHERE, Place
from assay.query.language.words import written_word

CATALOGUE = Catalogue("assay.query.language")

_EXCERPT = 72


class Advice(Text):
    """Advice that says what may stand in the place of what is wrong.

    Attributes
    ----------
    instead
        Each as it is written there, most likely first.
    """

    instead: tuple[str, ...]


class QuestionError(SpokenError, QueryError):
    """A question can't be read or can't be answered as it is written.

    Attributes
    ----------
    text
        The question, empty where there is none.
    place
        The part of it that is meant.
    line, column
        Where that part begins, counted from 1.
    reason
        What is wrong, without the place and the drawing that ``said`` has.
    instead
        What may be written in the place, most likely first; empty where the advice names nothing to write.
    """

    def __init__(
        self, said: Text, advice: Text | None = None, *, text: str = "", place: Place = NOWHERE
    ) -> None:
        self.text = text
        self.place = place
        self.reason = said
        self.instead = advice.instead if isinstance(advice, Advice) and place != NOWHERE else ()
        self.line, self.column = _position(text, place.start)
        super().__init__(_shown(said, text, place, self.line, self.column), advice)


def at(text: str, place: Place, said: Text, advice: Text | None = None) -> QuestionError:
    """An error about a part of a question: the sentence with line, column and the part underlined.

    Parameters
    ----------
    text
        The whole question.
    place
        The part that is meant; with ``NOWHERE`` nothing is underlined.
    said
        What is wrong with it.
    advice
        What to do about it.
    """
    return QuestionError(said, advice, text=text, place=place)


def told(key: str, **values: object) -> Text:
    """A text of the catalogue; a value that is a :class:`Text` is filled in by language."""
    zh = {name: value.zh if isinstance(value, Text) else value for name, value in values.items()}
    en = {name: value.en if isinstance(value, Text) else value for name, value in values.items()}
    return Text(zh=CATALOGUE.say(key, "zh", **zh), en=CATALOGUE.say(key, "en", **en))


def likely(wrong: str, known: Iterable[str], written: Callable[[str], str] = written_word) -> Advice | None:
    """ "Did you mean …?" with the closest known names, or None when nothing is close.

    ``written`` says how a name is written in the place of the wrong one.
    """
    folded = {name.casefold(): name for name in sorted(known, reverse=True)}
    close = [folded[name] for name in get_close_matches(wrong.casefold(), list(folded), n=3, cutoff=0.5)]
    return meant(*close, written=written) if close else None


def meant(*names: str, written: Callable[[str], str] = written_word) -> Advice:
    """ "Did you mean …?" with these names."""
    return Advice(
        zh=CATALOGUE.say("hint.did-you-mean", "zh", names=" 或 ".join(names)),
        en=CATALOGUE.say("hint.did-you-mean", "en", names=" or ".join(names)),
        instead=tuple(map(written, names)),
    )


def write_instead(said: Text, *instead: str) -> Advice:
    """Advice with what to write in the place."""
    return Advice(zh=said.zh, en=said.en, instead=instead)


def _position(text: str, start: int) -> tuple[int, int]:
    """Line and column of a character, both from 1."""
    before = text[:start]
    return before.count("\n") + 1, start - (before.rfind("\n") + 1) + 1


def _shown(said: Text, text: str, place: Place, line: int, column: int) -> Text:
    """The sentence with its place before it and the underlined line below it."""
    if not text.strip() or place == NOWHERE:
        return said
    drawn = _drawn(text, place)
    return Text(
        zh=CATALOGUE.say("place", "zh", line=line, column=column, said=said.zh) + drawn,
        en=CATALOGUE.say("place", "en", line=line, column=column, said=said.en) + drawn,
    )


def _drawn(text: str, place: Place) -> str:
    """The line that holds the place, cut to what fits, and carets under the place."""
    begin = text.rfind("\n", 0, place.start) + 1
    end = text.find("\n", place.start)
    line = text[begin : end if end >= 0 else len(text)].rstrip("\r")
    first = min(place.start - begin, len(line))
    last = max(first + 1, min(place.end - begin, len(line)))
    cut = max(0, first - _EXCERPT // 2)
    shown = line[cut : cut + _EXCERPT]
    left, right = ("…" if cut else ""), ("…" if cut + _EXCERPT < len(line) else "")
    gap = "".join(map(_blank, left + shown[: first - cut]))
    mark = "^" * sum(_width(char) for char in shown[first - cut : last - cut].ljust(1))
    clean = "".join(char if char.isprintable() else _blank(char) for char in shown)
    return f"\n  {left}{clean}{right}\n  {gap}{mark}"


def _blank(char: str) -> str:
    """A space as wide as a character."""
    return "　" if _width(char) == 2 else " "


def _width(char: str) -> int:
    """Cells of a terminal: Chinese characters take two."""
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
