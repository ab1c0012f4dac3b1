"""Messages of the rooms below, which are written in English, said in Chinese.

``elsewhere`` in the catalogue holds their sentences as templates: the English one is matched, its
placeholders are carried over into the Chinese one. What matches nothing stays English.
"""

from __future__ import annotations

import re
from functools import cache

from assay.apps.catalogue import CATALOGUE
from assay.model.catalogue import Catalogue

_ELSEWHERE = "elsewhere."
_WORD = "word."
_HOLE = re.compile(r"\{(\w+)\}")
_OR = "' or '"
_SOURCES = Catalogue("assay.query.federation")


def in_chinese(sentence: str, catalogue: Catalogue = CATALOGUE, prefix: str = _ELSEWHERE) -> str | None:
    """The sentence in Chinese; None when none of the catalogue's texts under ``prefix`` is it."""
    for key, pattern in _patterns(catalogue.package, prefix):
        if match := pattern.fullmatch(sentence):
            filled = {name: _word(value) for name, value in match.groupdict().items()}
            return catalogue.say(key, "zh", **filled)
    return None


def note_in_chinese(note: str) -> str | None:
    """A note of an answer in Chinese, where it is one on the databases that were asked."""
    return in_chinese(note, _SOURCES, "note.")


def _word(value: str) -> str:
    known = CATALOGUE.keys("zh")
    return known.get(_WORD + value, value).replace(_OR, "' 或 '")


@cache
def _patterns(package: str, prefix: str) -> tuple[tuple[str, re.Pattern[str]], ...]:
    """The templates as patterns, those with the most fixed text first."""
    texts = Catalogue(package).keys("en")
    templates = [(key, text) for key, text in texts.items() if key.startswith(prefix)]
    templates.sort(key=lambda item: -len(_HOLE.sub("", item[1])))
    return tuple((key, re.compile(_pattern(text), re.DOTALL)) for key, text in templates)


def _pattern(template: str) -> str:
    pieces = _HOLE.split(template)
    return "".join(f"(?P<{piece}>.+?)" if at % 2 else re.escape(piece) for at, piece in enumerate(pieces))
