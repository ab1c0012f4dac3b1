"""The language the command line speaks."""

from __future__ import annotations

import locale
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from assay.model.catalogue import LANGUAGES, Catalogue
from assay.model.errors import QueryError

if TYPE_CHECKING:
    from assay.model.text import Language, Text

CATALOGUE = Catalogue("assay.cli")
_spoken: ContextVar[Language] = ContextVar("assay_language", default="en")


def spoken() -> Language:
    """The language in use."""
    return _spoken.get()


def say(key: str, **values: object) -> str:
    """The text ``key`` in the language in use."""
    return CATALOGUE.say(key, spoken(), **values)


def said(text: Text | dict[str, str] | str) -> str:
    """A text that comes in both languages, in the one in use."""
    if isinstance(text, str):
        return text
    return text[spoken()] if isinstance(text, dict) else text.said(spoken())


@contextmanager
def speaking(language: Language) -> Iterator[None]:
    """Speak ``language`` inside the ``with``."""
    token = _spoken.set(language)
    try:
        yield
    finally:
        _spoken.reset(token)


def choose(arguments: Sequence[str]) -> tuple[list[str], Language]:
    """Take ``--lang`` out of the arguments, wherever it stands, and settle the language.

    The order is ``--lang``, ``ASSAY_LANG``, the locale, English.

    Raises
    ------
    QueryError
        ``--lang`` names neither zh nor en.
    """
    rest: list[str] = []
    wanted: str | None = None
    words = iter(arguments)
    for word in words:
        if word == "--":
            rest += [word, *words]
        elif word == "--lang":
            wanted = next(words, "")
        elif word.startswith("--lang="):
            wanted = word.removeprefix("--lang=")
        else:
            rest.append(word)
    if wanted is not None:
        for language in LANGUAGES:
            if wanted == language:
                return rest, language
        raise QueryError(
            CATALOGUE.say("error.language", _surrounding(), value=wanted),
            hint=CATALOGUE.say("error.language_hint", _surrounding()),
        )
    return rest, _surrounding()


def _surrounding() -> Language:
    """The language of the environment: ASSAY_LANG, then the locale, then English."""
    named = os.environ.get("ASSAY_LANG") or next(
        (os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), None
    )
    if named is None:
        named = locale.getlocale()[0] or ""
    return "zh" if named.lower().startswith(("zh", "chinese")) else "en"
