"""The table of application identifiers, from the GS1 Barcode Syntax Dictionary that ships beside it.

The dictionary says of each application identifier (AI) its format, its checks, whether it needs a separator,
with what it has to or must not go together, and its place in a GS1 Digital Link.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_FILE = "gs1-syntax-dictionary.txt"
_COMPONENT = re.compile(r"(\[?)([NXYZ])(\.\.)?(\d+)\]?((?:,[a-z0-9]+)*)")
_LINE = re.compile(r"(?P<ais>\d{2,4}(?:-\d{2,4})?)\s+(?P<rest>[^#]*?)\s*(?:#\s*(?P<title>.*))?")
_FLAGS = re.compile(r"[*!?\"$%&'()+,./:;<=>@\\^_`{|}~-]+")


@dataclass(frozen=True, slots=True)
class Component:
    """One part of an AI's data field."""

    cset: str
    """Its character set: ``N`` digits, ``X`` set 82, ``Y`` set 39, ``Z`` base64 for URLs."""
    shortest: int
    """The least number of characters, where it is there."""
    longest: int
    """The largest number of characters."""
    optional: bool
    """Whether it may be left out."""
    linters: tuple[str, ...]
    """The checks of its content, by the dictionary's names."""


@dataclass(frozen=True, slots=True)
class ApplicationIdentifier:
    """One application identifier of the dictionary."""

    ai: str
    """Its two to four digits."""
    title: str
    """The data title, as the General Specifications have it."""
    components: tuple[Component, ...]
    """The parts of its data field, in order."""
    predefined_length: bool
    """Whether no separator is needed behind it."""
    attribute: bool
    """Whether a Digital Link may have it in its query."""
    required: tuple[tuple[tuple[str, ...], ...], ...]
    """Groups that each ask for one of their alternatives: AI patterns that are needed together."""
    excluded: tuple[str, ...]
    """AI patterns it must not go with; ``n`` stands for any digit."""
    qualifiers: tuple[tuple[str, ...], ...] | None
    """As primary key of a Digital Link: the sequences its qualifiers follow. None: it is no primary key."""

    @property
    def longest(self) -> int:
        """The largest number of characters of its data field."""
        return sum(one.longest for one in self.components)

    @property
    def shortest(self) -> int:
        """The least number of characters of its data field."""
        return sum(one.shortest for one in self.components if not one.optional)


@cache
def table() -> Mapping[str, ApplicationIdentifier]:
    """Every application identifier by its digits."""
    text = files(__package__).joinpath(_FILE).read_text(encoding="utf-8")
    return {one.ai: one for line in text.splitlines() for one in _entries(line)}


@cache
def primary_keys() -> Mapping[str, ApplicationIdentifier]:
    """The application identifiers a Digital Link may begin its path with."""
    return {ai: one for ai, one in table().items() if one.qualifiers is not None}


def starting(text: str) -> ApplicationIdentifier | None:
    """The application identifier ``text`` starts with, or None; no AI is the beginning of another."""
    known = table()
    return next((known[text[:n]] for n in (2, 3, 4) if text[:n] in known), None)


def matches(ai: str, pattern: str) -> bool:
    """Whether ``ai`` is of ``pattern``, in which ``n`` stands for any digit."""
    return len(ai) == len(pattern) and all(b in {"n", a} for a, b in zip(ai, pattern, strict=True))


def _entries(line: str) -> Iterator[ApplicationIdentifier]:
    found = _LINE.fullmatch(line)
    if found is None:
        return
    words = found["rest"].split()
    flags = words.pop(0) if _FLAGS.fullmatch(words[0]) else ""
    parts = []
    while words and (part := _COMPONENT.fullmatch(words[0])):
        words.pop(0)
        longest = int(part[4])
        shortest = 1 if part[3] else longest
        parts.append(Component(part[2], shortest, longest, bool(part[1]), tuple(part[5].split(",")[1:])))
    attributes = [word.partition("=")[::2] for word in words]
    qualifiers = next((value for key, value in attributes if key == "dlpkey"), None)
    first, _, last = found["ais"].partition("-")
    for number in range(int(first), int(last or first) + 1):
        yield ApplicationIdentifier(
            ai=str(number).zfill(len(first)),
            title=found["title"] or "",
            components=tuple(parts),
            predefined_length="*" in flags,
            attribute="?" in flags,
            required=tuple(
                tuple(tuple(one.split("+")) for one in value.split(","))
                for key, value in attributes
                if key == "req"
            ),
            excluded=tuple(one for key, value in attributes if key == "ex" for one in value.split(",")),
            qualifiers=None if qualifiers is None else _sequences(qualifiers),
        )


def _sequences(value: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(filter(None, one.split(","))) for one in value.split("|"))
