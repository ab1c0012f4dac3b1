"""A question as words, names, values and signs, each with its place in the text."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Literal as OneOf

from assay.model.text import Text
from assay.query.language.errors import QuestionError, at, told, write_instead
from assay.query.language.tree import Place, Scalar
from assay.query.language.words import UNITS, WORD

LONGEST = 10_000
"""The most characters of a question."""

Kind = OneOf["word", "name", "text", "number", "duration", "time", "sign", "end"]

_TWINS = str.maketrans(
    "＝＞＜（），、！［］【】｜＋－−＊×／÷：．＠＆０１２３４５６７８９",
    "=><(),,![][]|+--**//:.@&0123456789",
)
"""Full-width and typographic characters and their ASCII twins, one character for one."""

_SIGNS = {"==": "=", "<>": "!=", "≠": "!=", "≤": "<=", "≥": ">="}
"""Other spellings of signs."""

_FOREIGN = {"&&": "and", "&": "and", "||": "or", "!": "not"}
"""Signs of other languages; used in advice only."""

_UNIT = "|".join(sorted(map(re.escape, UNITS), key=len, reverse=True))
_AMOUNT = r"[0-9]+(?:\.[0-9]+)?"
_TIME = (
    r"@(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[Tt\ ]\s*(?P<clock>[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?)"
    r"(?P<zone>[Zz]|[+\-][0-9]{2}(?::?[0-9]{2})?)?)?"
)
_PIECES = re.compile(
    rf"""(?P<space>\s+)
    |(?P<text>'(?:[^']|'')*'|[‘’＇][^‘’＇]*[‘’＇])
    |(?P<name>"(?:[^"]|"")*"|[“”＂][^“”＂]*[“”＂])
    |(?P<open>['‘’＇"“”＂])
    |(?P<time>{_TIME}(?!\w))
    |(?P<untimely>@[0-9:+\-.A-Za-z]*)
    |(?P<duration>(?:{_AMOUNT}[ \t]*(?:{_UNIT}))+(?!\w))
    |(?P<number>{_AMOUNT}(?:[eE][+\-]?[0-9]+)?(?!\w))
    |(?P<neither>[0-9]\w*)
    |(?P<word>{WORD})
    |(?P<sign><=|>=|!=|<>|==|&&|\|\||[=<>≤≥≠+\-*/()\[\],.:|&!])
    |(?P<other>.)""",
    re.DOTALL | re.VERBOSE,
)
_HALVES = re.compile("[\ud800-\udfff]")
"""Halves of characters, as broken JSON or UTF-16 has them: no text holds them."""

_PART = re.compile(rf"({_AMOUNT})[ \t]*({_UNIT})")
_LARGEST = 2**63 - 1
_MOST_DIGITS = 40


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a question.

    ``text`` is the word as written, the name or string without its quotes, or the sign in ASCII;
    ``value`` that of a number, time, duration or string.
    """

    kind: Kind
    text: str
    place: Place
    value: Scalar = None


def tokens(text: str) -> list[Token]:
    """The pieces of ``text``, the last of kind ``end``.

    Raises
    ------
    QuestionError
        It is too long, or holds a character, number, time or quote that can't be read.
    """
    if len(text) > LONGEST:
        said = told("error.too-long", length=len(text), most=LONGEST)
        raise at(text, Place(LONGEST, len(text)), said, told("hint.too-long"))
    found = []
    for match in _PIECES.finditer(text.translate(_TWINS)):
        kind = match.lastgroup or ""
        if kind != "space":
            place = Place(*match.span())
            found.append(_READERS[kind](text, match[0], place))
    return [*found, Token("end", "", Place(len(text), len(text)))]


def _word(text: str, _: str, place: Place) -> Token:
    return Token("word", text[place.start : place.end], place)


def _text(text: str, _: str, place: Place) -> Token:
    value = _unquoted(text, place, "'")
    return Token("text", value, place, value)


def _name(text: str, _: str, place: Place) -> Token:
    name = _unquoted(text, place, '"')
    if not name:
        raise at(text, place, told("error.empty-name"), told("hint.empty-name"))
    return Token("name", name, place)


def _unquoted(text: str, place: Place, quote: str) -> str:
    inside = text[place.start + 1 : place.end - 1]
    if _HALVES.search(inside):
        raise at(text, place, told("error.half"), told("hint.half"))
    return inside.replace(quote * 2, quote) if text[place.start] == quote else inside


def _number(text: str, twin: str, place: Place) -> Token:
    is_whole = twin.isdigit()
    if len(twin) > _MOST_DIGITS:
        raise _too_large(text, place)
    value = int(twin) if is_whole else float(twin)
    if value > _LARGEST if is_whole else math.isinf(value):
        raise _too_large(text, place)
    return Token("number", twin, place, value)


def _duration(text: str, twin: str, place: Place) -> Token:
    total = Fraction(0)
    for amount, unit in _PART.findall(twin):
        if len(amount) > _MOST_DIGITS:
            raise _too_large(text, place)
        total += Fraction(amount) * (UNITS[unit] // timedelta(microseconds=1))
    try:
        return Token("duration", twin, place, timedelta(microseconds=round(total)))
    except OverflowError as error:
        raise _too_large(text, place) from error


def _time(text: str, twin: str, place: Place) -> Token:
    match = re.fullmatch(_TIME, twin)
    if match is None:
        raise _untimely(text, place)
    day, clock, zone = match["day"], match["clock"], match["zone"]
    shift = "+00:00" if zone is None or zone in "Zz" else zone
    try:
        moment = datetime.fromisoformat(f"{day}T{clock or '00:00'}{shift}").astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _untimely(text, place) from error
    return Token("time", twin, place, moment)


def _no_time(text: str, _: str, place: Place) -> Token:
    raise _untimely(text, place)


def _untimely(text: str, place: Place) -> QuestionError:
    return at(text, place, told("error.time", found=text[place.start : place.end]), told("hint.time"))


def _sign(text: str, twin: str, place: Place) -> Token:
    if twin in _FOREIGN:
        word = _FOREIGN[twin]
        raise _unreadable(text, place, write_instead(told("hint.write", word=word), word))
    return Token("sign", _SIGNS.get(twin, twin), place)


def _open(text: str, _: str, place: Place) -> Token:
    raise at(text, place, told("error.open-quote", quote=text[place.start]), told("hint.open-quote"))


def _neither(text: str, _: str, place: Place) -> Token:
    said = told("error.not-a-number", found=text[place.start : place.end])
    raise at(text, place, said, told("hint.not-a-number"))


def _other(text: str, _: str, place: Place) -> Token:
    raise _unreadable(text, place, told("hint.quote-it"))


def _unreadable(text: str, place: Place, advice: Text) -> QuestionError:
    found = text[place.start : place.end]
    shown = found if found.isprintable() else ascii(found)[1:-1]
    return at(text, place, told("error.character", found=shown), advice)


def _too_large(text: str, place: Place) -> QuestionError:
    return at(text, place, told("error.too-large"), told("hint.too-large"))


_READERS: dict[str, Callable[[str, str, Place], Token]] = {
    "word": _word,
    "text": _text,
    "name": _name,
    "number": _number,
    "duration": _duration,
    "time": _time,
    "untimely": _no_time,
    "sign": _sign,
    "open": _open,
    "neither": _neither,
    "other": _other,
}
