"""What the language of questions has, read off its own tables, and what of it some questions use."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from assay.query.bind.features import BAND
from assay.query.compile.meaning import (
    AGGREGATES,
    FEATURES,
    Ambiguous,
    Meaning,
    ToKind,
    ToRecords,
    ToSegment,
    meaning_of,
)
from assay.query.compile.typed import AGGREGATE_TYPES, FUNCTIONS
from assay.query.domain.kinds import STEP, Domain, Kind
from assay.query.language import tree
from assay.query.language.parser import parse

SIGNAL = "temp"
"""The signal of the plant that the questions are asked of."""

IMPOSSIBLE = frozenset(
    {
        "Path.hops: none",
        "Select.items: none",
        "Compare.measures: none",
        "Sort.keys: none",
        "Among.options: none",
        "Measured.arguments: none",
    }
)
"""What the grammar has no way to write."""

_NODES = [
    *(node for union in (tree.Hop, tree.Expression, tree.Stage) for node in get_args(union)),
    *(tree.Item, tree.SortKey, tree.Question),
]


def whole_language() -> set[str]:
    """Everything that can be written, one mark each."""
    marks = {f"a {node.__name__}" for node in _NODES}
    for node in _NODES:
        for name, hint in _fields(node):
            marks |= {f"{node.__name__}.{name}: {word}" for word in _words(hint)}
    marks |= {f"the function {name}" for name in (*FUNCTIONS, *AGGREGATE_TYPES, "coalesce")}
    marks |= {f"a path that ends with {name}" for name in AGGREGATES}
    marks |= {f"the feature {name}" for name in (*FEATURES, BAND)}
    marks |= {f"a name that means {meaning.__name__}" for meaning in get_args(Meaning)}
    return marks - IMPOSSIBLE


def used(domain: Domain, questions: Iterable[str]) -> set[str]:
    """What some questions use, by the same marks."""
    marks: set[str] = set()
    for text in questions:
        question = parse(text)
        for node in _walked(question):
            marks |= set(_marks(node))
        marks |= {f"a name that means {one}" for one in _meanings(domain, question)}
    return marks


def _fields(node: type) -> Iterator[tuple[str, Any]]:
    hints = get_type_hints(node)
    for one in dataclasses.fields(node):
        if one.name not in {"place", "text"}:
            yield one.name, hints[one.name]


def _words(hint: Any) -> list[str]:
    """What a field may be: each constant, each type of a value, there or not."""
    if hint == tree.Scalar:
        return [_name(kind) for kind in get_args(hint)]
    if hint is bool:
        return ["True", "False"]
    if get_origin(hint) is Literal:
        return [str(value) for value in get_args(hint)]
    if get_origin(hint) is tuple:
        return ["some", "none"]
    if get_origin(hint) in {Union, UnionType} and type(None) in get_args(hint):
        return ["given", "left out"]
    return []


def _name(kind: type) -> str:
    return "null" if kind is type(None) else kind.__name__


def _word(hint: Any, value: Any) -> str | None:
    if hint == tree.Scalar:
        return _name(type(value))
    if get_origin(hint) is tuple:
        return "some" if value else "none"
    if get_origin(hint) in {Union, UnionType} and type(None) in get_args(hint):
        return "left out" if value is None else "given"
    return str(value)


def _walked(node: Any) -> Iterator[Any]:
    if dataclasses.is_dataclass(node) and not isinstance(node, tree.Place):
        yield node
        for one in dataclasses.fields(node):
            yield from _walked(getattr(node, one.name))
    elif isinstance(node, tuple):
        for one in node:
            yield from _walked(one)


def _marks(node: Any) -> Iterator[str]:
    kind = type(node).__name__
    yield f"a {kind}"
    for name, hint in _fields(type(node)):
        yield f"{kind}.{name}: {_word(hint, getattr(node, name))}"
    match node:
        case tree.Call(function=function):
            yield f"the function {function}"
        case tree.Path(
            hops=(*_, tree.Name(name=signal), tree.Name(name=last) | tree.Measured(function=last))
        ):
            yield f"the feature {last}" if signal == SIGNAL else f"a path that ends with {last}"


def _meanings(domain: Domain, question: tree.Question) -> Iterator[str]:
    """The meanings of the names of a question: of its path, and of the paths behind that."""
    first = question.path.hops[0]
    kind = domain.kind(first.name) if isinstance(first, tree.Name) else None
    if kind is None:
        return
    found, ended = _along(domain, kind, question.path.hops[1:])
    yield from found
    for stage in question.stages:
        for node in _walked(stage):
            if isinstance(node, tree.Path):
                yield from _along(domain, ended, node.hops)[0]


def _along(domain: Domain, kind: Kind, hops: tuple[tree.Hop, ...]) -> tuple[list[str], Kind]:
    found = []
    spans = False
    for hop in hops:
        if isinstance(hop, tree.Window):
            spans = True
        if not isinstance(hop, tree.Name):
            continue
        try:
            meaning = meaning_of(domain, kind, hop.name, spans=spans)
        except Ambiguous:
            meaning = None
        if meaning is None:
            break
        found.append(type(meaning).__name__)
        match meaning:
            case ToSegment():
                kind = domain.kinds[STEP]
            case ToKind():
                kind = meaning.target
            case ToRecords():
                kind = meaning.kind
            case _:
                break
    return found, kind
