"""Element strings: application identifiers with their data, checked, human-readable and raw."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Self, TypeVar

from assay.model.codes.gs1.characters import CSETS
from assay.model.codes.gs1.check_digit import check_digit, check_pair
from assay.model.codes.gs1.dictionary import ApplicationIdentifier, Component, matches, starting, table
from assay.model.codes.gs1.linters import LINTERS
from assay.model.codes.refusal import refusal

GS = "\x1d"
"""The separator that FNC1 becomes in a reader's output: ASCII 29."""

_BRACKET = re.compile(r"(?<!\\)\((\d{2,4})\)")
_LOOKS_LIKE_AI = re.compile(r"\((?=\d{2,4}\))")


@dataclass(frozen=True, slots=True)
class ElementString:
    """Application identifiers with their data, in order; the data in one has been checked.

    Whether each AI has those it needs is another question, since a thing may carry several symbols:
    :meth:`of` and :meth:`parse` ask it unless told that others go with this one (``whole=False``).

    Raises
    ------
    CodeError
        An AI is unknown or occurs twice with different data, or data has the wrong length, characters or
        check digit.
    """

    elements: tuple[tuple[str, str], ...]
    """Pairs of application identifier and data."""

    def __post_init__(self) -> None:
        if not self.elements:
            raise refusal("empty")
        seen: dict[str, str] = {}
        for ai, value in self.elements:
            check_value(ai, value)
            if seen.setdefault(ai, value) != value:
                raise refusal("repeated", ai=ai, title=table()[ai].title, first=seen[ai], value=value)
        if len(seen) != len(self.elements):
            object.__setattr__(self, "elements", tuple(seen.items()))

    @classmethod
    def of(cls, *elements: tuple[str, str], whole: bool = True) -> Self:
        """The element string of pairs: ``ElementString.of(("01", "09506000134352"), ("10", "A"))``."""
        return _together(cls(elements), whole)

    @classmethod
    def parse(cls, text: str, *, whole: bool = True) -> Self:
        """Read the human-readable form ``(01)…(10)…`` or the raw one, in which FNC1 is GS (ASCII 29).

        In the human-readable form ``\\(`` is a bracket that belongs to the data.

        Raises
        ------
        CodeError
            The text can't be cut into AIs and data, the data is not valid, or, if this is the ``whole`` of
            what the thing carries, an AI lacks one it needs; or AIs are together that must not be.
        """
        return _together(cls(tuple(_bracketed(text) if text.startswith("(") else _raw(text))), whole)

    def joined(self, *others: ElementString) -> ElementString:
        """This and the other symbols of the same thing as one, checked as a whole."""
        return ElementString.of(*self.elements, *(one for other in others for one in other.elements))

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self.elements)

    def __contains__(self, ai: object) -> bool:
        return any(one == ai for one, _ in self.elements)

    def __getitem__(self, ai: str) -> str:
        for one, value in self.elements:
            if one == ai:
                return value
        raise KeyError(ai)

    def get(self, ai: str) -> str | None:
        """The data of ``ai``, or None where it has none."""
        return next((value for one, value in self.elements if one == ai), None)

    def human(self) -> str:
        """The human-readable form; a bracket of the data that looks like that of an AI gets a ``\\``."""
        return "".join(f"({ai})" + _LOOKS_LIKE_AI.sub(r"\\(", value) for ai, value in self.elements)

    def raw(self) -> str:
        """What a reader gives: GS behind data of no predefined length, but not at the end.

        In a symbol each GS is FNC1, and FNC1 stands before all of it.
        """
        known = table()
        parts = [ai + value + ("" if known[ai].predefined_length else GS) for ai, value in self.elements]
        return "".join(parts).removesuffix(GS)

    def for_symbol(self) -> ElementString:
        """The same elements with those of predefined length first, which saves separators in a symbol."""
        known = table()
        return ElementString(
            tuple(sorted(self.elements, key=lambda one: not known[one[0]].predefined_length))
        )


_Some = TypeVar("_Some", bound=ElementString)


def _together(elements: _Some, whole: bool) -> _Some:
    ais = tuple(ai for ai, _ in elements)
    _check_excluded(ais)
    if whole:
        _check_required(ais)
    return elements


@lru_cache(maxsize=65_536)  # keys come again and again, with ever new serial numbers
def check_value(ai: str, value: str) -> None:
    """Check the data of one application identifier.

    Raises
    ------
    CodeError
        Rule ``unknown-ai``, ``length``, ``characters``, or what the content breaks, such as ``check-digit``.
    """
    entry = table().get(ai)
    if entry is None:
        raise refusal("unknown-ai", ai=ai)
    if not entry.shortest <= len(value) <= entry.longest:
        wanted = (
            str(entry.longest) if entry.shortest == entry.longest else f"{entry.shortest}–{entry.longest}"
        )
        raise refusal("length", ai=ai, title=entry.title, value=value, length=len(value), wanted=wanted)
    rest = value
    for component in entry.components:
        if component.optional and not rest:
            break
        part, rest = rest[: component.longest], rest[component.longest :]
        _check_part(entry, component, part, value)
    if rest:
        raise refusal(
            "length", ai=ai, title=entry.title, value=value, length=len(value), wanted=entry.longest
        )


def _check_part(entry: ApplicationIdentifier, component: Component, part: str, value: str) -> None:
    said = {"ai": entry.ai, "title": entry.title, "value": value, "part": part}
    if len(part) < component.shortest:
        raise refusal(
            "length", **said, length=len(value), wanted=f"{len(value) - len(part) + component.shortest}"
        )
    wrong = sorted(set(part) - CSETS[component.cset])
    if wrong:
        raise refusal("characters", **said, wrong=" ".join(repr(one) for one in wrong))
    for name in component.linters:
        rule, holds = LINTERS[name]
        if holds(part):
            continue
        if rule == "check-digit":
            raise refusal(rule, **said, found=part[-1], expected=check_digit(part[:-1]))
        if rule == "check-pair" and len(part) > 2:
            raise refusal(rule, **said, found=part[-2:], expected=check_pair(part[:-2]))
        raise refusal(rule, **said)


@lru_cache(maxsize=4096)
def _check_excluded(ais: tuple[str, ...]) -> None:
    """Whether no AI has one beside it that it must not have; further symbols don't mend that."""
    known = table()
    for ai in ais:
        for pattern in known[ai].excluded:
            for other in ais:
                if other != ai and matches(other, pattern):
                    raise refusal(
                        "excluded", ai=ai, title=known[ai].title, other=other, other_title=known[other].title
                    )


@lru_cache(maxsize=4096)
def _check_required(ais: tuple[str, ...]) -> None:
    """Whether every AI has those it needs beside it."""
    known = table()
    for ai in ais:
        others = [one for one in ais if one != ai]
        for group in known[ai].required:
            if not any(
                all(any(matches(other, pattern) for other in others) for pattern in together)
                for together in group
            ):
                wanted = ", ".join("+".join(f"({one})" for one in together) for together in group)
                raise refusal("required", ai=ai, title=known[ai].title, wanted=wanted)


def _bracketed(text: str) -> Iterable[tuple[str, str]]:
    marks = list(_BRACKET.finditer(text))
    if not marks or marks[0].start() != 0:
        raise refusal("brackets", text=text)
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    for mark, end in zip(marks, ends, strict=True):
        yield mark[1], text[mark.end() : end].replace("\\(", "(")


def _raw(text: str) -> Iterable[tuple[str, str]]:
    rest = text.removeprefix(GS)
    while rest:
        entry = starting(rest)
        if entry is None:
            raise refusal("no-ai", text=text, at=len(text) - len(rest) + 1, rest=rest.replace(GS, "<GS>"))
        rest = rest[len(entry.ai) :]
        if entry.predefined_length:
            value, rest = rest[: entry.longest], rest[entry.longest :]
            if GS in value:
                value = value.partition(GS)[0]
                raise refusal(
                    "length",
                    ai=entry.ai,
                    title=entry.title,
                    value=value,
                    length=len(value),
                    wanted=entry.longest,
                )
            rest = rest.removeprefix(GS)
        else:
            value, _, rest = rest.partition(GS)
        yield entry.ai, value
