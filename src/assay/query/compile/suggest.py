"""What may be written at a place of a question that is being written: for completion on a page."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from assay.model.text import Language, Text
from assay.query.compile.meaning import (
    AGGREGATES,
    BUILT_IN_MEASURES,
    FEATURES,
    Named,
    NameKind,
    built_in,
    named_at,
)
from assay.query.compile.scan import Scope, Spot, scan
from assay.query.compile.typed import AGGREGATE_TYPES, FUNCTIONS
from assay.query.domain.kinds import STEP, SUBJECTS, Domain, Kind
from assay.query.language.errors import QuestionError
from assay.query.language.lexer import tokens
from assay.query.language.printer import written_column
from assay.query.language.tree import Place
from assay.query.language.words import QUOTES, STAGES, WORD, spellings, written_name

Sort = NameKind | Literal["kind", "signal", "feature", "function", "aggregate", "stage", "word", "column"]

_MOST = 40
_BUILT_IN = frozenset(one.name for one in BUILT_IN_MEASURES)
_SIGNALS = 20
_FIRST = ("unit", "lot", "step", "material", "equipment", "measurement", "event")
"""The kinds that are asked for most come first."""

_LAST = frozenset({"source", "epoch", "seq", "recorded", "clock_uncertainty", "subject_kind"})
"""What is kept for the books comes last."""

_TAIL = re.compile(rf"(?:{WORD})\Z")
_QUOTED = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*\"""")
_HEAD = re.compile(r"\w*")
_HAN = re.compile(r"[\u4e00-\u9fff]")
_TIMED = (STEP, "equipment", "event", "measurement")
"""Kinds behind which signals can be followed without a window."""


@dataclass(frozen=True)
class Suggestion:
    """Something that may be written: its text, what sort of thing it is, and where it leads.

    Attributes
    ----------
    leads
        The kind of thing it leads to; None for values and words.
    """

    text: str
    sort: Sort
    leads: str | None = None
    unit: str | None = None
    title: Text | None = None


@dataclass(frozen=True)
class Suggestions:
    """What may be written, and the place it takes; ``more`` when there is more than is listed."""

    place: Place
    found: tuple[Suggestion, ...] = ()
    more: bool = False


def suggest(
    domain: Domain, text: str, position: int, *, language: Language = "en", most: int = _MOST
) -> Suggestions:
    """What may stand at ``position`` of a question, the begun word completed.

    Nothing where a value is being written, or where what stands before can't be read.

    Parameters
    ----------
    text
        The question as far as it is written.
    position
        Where the next character would be written, from 0.
    language
        In which language words of the language and kinds are offered where nothing is begun.
    """
    before = text[:position]
    begun, start, in_quotes = _begun(before)
    rest = _HEAD.match(text, position)
    end = rest.end() if rest else position
    nothing = Suggestions(Place(position, position))
    try:
        *taken, _ = tokens(before[:start])
        whole = tokens(before) if not in_quotes else []
    except QuestionError:
        return nothing
    if any(one.kind not in {"word", "sign", "end"} and one.place.end == position for one in whole):
        return nothing  # a value, or a name in quotes, ends here
    if in_quotes and text[end : end + 1] in tuple(QUOTES):
        end += 1
    spot = scan(domain, taken, text)
    listed = _Listed(domain, spot, begun, language)
    found = _matching(listed.all(), begun)
    return Suggestions(Place(start, end), tuple(found[:most]), len(found) > most)


def _begun(before: str) -> tuple[str, int, bool]:
    """The begun word, where it begins, and whether it stands in quotes."""
    rest = _QUOTED.sub(lambda found: " " * len(found[0]), before)
    start = rest.find('"')
    if start >= 0 and "'" not in rest[:start]:
        return before[start + 1 :], start, True
    match = _TAIL.search(before)
    return (match[0], match.start(), False) if match else ("", len(before), False)


def _matching(listed: Iterable[Suggestion], begun: str) -> list[Suggestion]:
    """Those that begin with what is begun, then those that have it inside."""
    wanted = begun.casefold()
    first: dict[str, Suggestion] = {}
    inside: dict[str, Suggestion] = {}
    for one in listed:
        plain = one.text.strip('"').casefold()
        if plain.startswith(wanted):
            first.setdefault(one.text, one)
        elif len(wanted) > 1 and wanted in plain:
            inside.setdefault(one.text, one)
    return [*first.values(), *(one for text, one in inside.items() if text not in first)]


class _Listed:
    """Everything that may stand at a spot."""

    def __init__(self, domain: Domain, spot: Spot, begun: str, language: Language) -> None:
        self._domain = domain
        self._spot = spot
        self._begun = begun
        self._language = language

    def all(self) -> Iterator[Suggestion]:
        """In the order of likelihood."""
        spot = self._spot
        match spot.wants:
            case "kind":
                yield from self._kinds()
            case "stage":
                yield from self._words(STAGES, "stage")
            case "hop":
                yield from self._after(spot.scope)
            case "value" | "operand" if spot.wants == "value" or self._begun:
                yield from self._values()
            case "operator" | "words":
                yield from self._words(spot.words, "word")
                if spot.stages:
                    yield from (Suggestion(f"| {one.text}", "stage") for one in self._words(STAGES, "stage"))
                yield from self._words(spot.operators, "word")

    def _kinds(self) -> Iterator[Suggestion]:
        kinds = self._domain.kinds
        names = [*(name for name in _FIRST if name in kinds), *(n for n in sorted(kinds) if n not in _FIRST)]
        for name in names:
            yield Suggestion(self._spoken(kinds[name]), "kind", name)
        if self._begun:
            for word in self._domain.words():
                found = self._domain.kind(word)
                yield Suggestion(written_name(word), "kind", found.name if found else None)

    def _spoken(self, kind: Kind) -> str:
        """The word for a kind in the reader's language."""
        chinese = (word for word in kind.spoken if _HAN.search(word))
        return written_name(next(chinese, kind.name) if self._language == "zh" else kind.name)

    def _words(self, meanings: tuple[str, ...], sort: Sort) -> Iterator[Suggestion]:
        for word in meanings:
            spelt = spellings((word,))
            chosen = spelt[1:] or spelt if self._language == "zh" else spelt[:1]
            rest = [one for one in spelt if one not in chosen] if self._begun else []
            for one in (*chosen[:1], *(chosen[1:] if self._begun else []), *rest):
                yield Suggestion(one, sort)

    def _values(self) -> Iterator[Suggestion]:
        """Where an expression begins."""
        spot = self._spot
        if spot.columns is not None:
            yield from (Suggestion(written_column(name), "column") for name in spot.columns)
            functions: tuple[str, ...] = tuple(FUNCTIONS)
        else:
            functions = (*AGGREGATE_TYPES, *FUNCTIONS)
            if spot.measures and spot.scope.kind is not None:
                named = self._named(spot.scope.kind)
                yield from (one for one in named if one.sort == "measure")
                yield from (Suggestion(f"{name}(", "function") for name in AGGREGATE_TYPES)
            yield from self._after(spot.scope, begins=True)
        if self._begun:
            yield from (Suggestion(f"{name}(", "function") for name in functions)
        yield from self._words(spot.words, "word")

    def _after(self, scope: Scope, *, begins: bool = False) -> Iterator[Suggestion]:
        """What may follow a scope."""
        kind = scope.kind
        if scope.form == "signal":
            own = [one.name for one in self._domain.vocabulary.model.features]
            yield from (Suggestion(name, "feature") for name in (*FEATURES, *map(written_name, own)))
            yield from (Suggestion(f"{name}(", "feature") for name in ("time_in_band", "quantile"))
        if scope.form == "values" and not begins:
            yield from self._aggregates()
        if kind is None:
            return
        if not scope.spans:
            yield from (Suggestion(written_name(name), "field") for name in scope.fields)
            yield from self._named(kind)
            if not begins:
                yield from self._steps(kind)
                yield from () if scope.form == "values" else self._aggregates(("count",))
        if scope.spans or kind.name in _TIMED:
            yield from self._signals()
        if self._begun and not scope.spans and kind.record is None:
            for word in self._domain.words():
                target = self._domain.kind(word)
                if target is not None and built_in(self._domain, kind, word) is not None:
                    yield Suggestion(written_name(word), "link", target.name)

    def _named(self, kind: Kind) -> Iterator[Suggestion]:
        def rank(one: Named) -> tuple[bool, bool]:
            return one.name in _LAST, kind.record is not None and one.sort != "field"

        names = sorted(named_at(self._domain, kind), key=rank)
        for one in names:
            if one.sort != "measure" or self._is_spoken(one.name) or one.name not in _BUILT_IN:
                yield Suggestion(self._written(one), one.sort, one.leads, one.unit, one.title)

    def _is_spoken(self, word: str) -> bool:
        """Whether a word that exists in both languages is offered."""
        return bool(self._begun) or bool(_HAN.search(word)) == (self._language == "zh")

    def _written(self, named: Named) -> str:
        kind = self._domain.kinds.get(named.name) if named.sort == "link" else None
        return self._spoken(kind) if kind is not None else written_name(named.name)

    def _signals(self) -> Iterator[Suggestion]:
        signals = self._domain.vocabulary.signals
        names = signals.near(self._begun) if self._begun else signals.some(_SIGNALS)
        yield from (Suggestion(written_name(name), "signal") for name in names)

    def _aggregates(self, only: tuple[str, ...] = ()) -> Iterator[Suggestion]:
        seen = set()
        for name, function in AGGREGATES.items():
            if (
                (not only or function in only)
                and self._is_spoken(name)
                and (self._begun or function not in seen)
            ):
                seen.add(function)
                yield Suggestion(name, "aggregate")

    def _steps(self, kind: Kind) -> Iterator[Suggestion]:
        """Walks and windows."""
        steps = (*(_WALKS if kind.name in SUBJECTS else ()), *(_WINDOWS if kind.name in _SPANS else ()))
        yield from (Suggestion(f"{one.text}(", "word") for one in self._words(steps, "word"))


_WALKS = ("ancestors", "descendants")
_WINDOWS = ("window", "before", "after")
_SPANS = (STEP, "event", "measurement")
