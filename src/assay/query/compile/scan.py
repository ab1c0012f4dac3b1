"""Where a question that is being written stands: what its path has reached, and what may come next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from assay.query.compile.meaning import (
    Ambiguous,
    OfActual,
    OwnField,
    ToKind,
    ToRecords,
    ToSegment,
    ToSignal,
    built_in,
    meaning_of,
)
from assay.query.domain.kinds import STEP, Domain, Kind
from assay.query.language.errors import QuestionError
from assay.query.language.lexer import Token
from assay.query.language.parser import parse_expression
from assay.query.language.printer import write
from assay.query.language.words import COMPARISONS, STAGES, STEPS, meaning

Wants = Literal["kind", "stage", "hop", "value", "operand", "operator", "words", "nothing"]
"""``operand`` is a value of which nothing is offered before it is begun: mostly a constant stands there."""

_TABLES = frozenset({"select", "by", "compare"})
_NEGATED = ("in", "between", "like")
_EDGES = ("start", "end")
_OWN = {"select": ("as",), "by": ("as",), "compare": ("by", "as"), "sort": ("desc", "asc")}
_MISSING = ("null", "not")


@dataclass(frozen=True)
class Scope:
    """What a path has reached.

    Attributes
    ----------
    kind
        The kind of things; None for single values and where nothing is known.
    spans
        Whether it is the time of a window, behind which only signals follow.
    form
        ``values`` where aggregates may follow, ``signal`` where features do.
    fields
        Further names of the columns of a term.
    """

    kind: Kind | None = None
    spans: bool = False
    form: Literal["things", "values", "signal"] = "things"
    fields: tuple[str, ...] = ()


@dataclass(frozen=True)
class Spot:
    """What may come next.

    Attributes
    ----------
    wants
        What sort of thing.
    scope
        What a path begins at, or has reached.
    columns
        The columns of the table that a stage has made.
    measures
        Whether aggregates over many things are what is mostly written here.
    words, operators
        Words of the language, those that belong to the stage first.
    stages
        Whether another stage may follow.
    """

    wants: Wants
    scope: Scope = Scope()
    columns: tuple[str, ...] | None = None
    measures: bool = False
    words: tuple[str, ...] = ()
    operators: tuple[str, ...] = ()
    stages: bool = False


@dataclass
class _Frame:
    """The question itself, or what stands in a pair of brackets."""

    close: str
    asked: Scope
    purpose: Literal["question", "expression", "constants", "walk", "window"] = "expression"
    columns: tuple[str, ...] | None = None
    at: Scope = Scope()
    wants: Wants | Literal["name"] = "value"
    words: tuple[str, ...] = ()


@dataclass
class _Items:
    """The columns of a stage: the places of their pieces, and the names behind *as*."""

    text: str
    names: list[str] = field(default_factory=list)
    start: int = -1
    end: int = -1

    def take(self, token: Token) -> None:
        """A piece of the column."""
        self.start = token.place.start if self.start < 0 else self.start
        self.end = token.place.end

    def finish(self, name: str = "") -> None:
        """The column is complete."""
        if self.start >= 0:
            self.names.append(name or _canonical(self.text[self.start : self.end]))
        self.start = -1


def scan(domain: Domain, taken: Sequence[Token], text: str) -> Spot:
    """Where a question stands behind the tokens ``taken`` of its ``text``."""
    scanner = _Scanner(domain, text)
    for position, token in enumerate(taken):
        following = taken[position + 1] if position + 1 < len(taken) else None
        scanner.take(token, is_called=following is not None and following.text == "(")
    return scanner.spot()


class _Scanner:
    def __init__(self, domain: Domain, text: str) -> None:
        self._domain = domain
        self._frames = [_Frame("", Scope(), "question", wants="kind")]
        self._stage: str | None = None
        self._is_measuring = False
        self._opens: Literal["expression", "constants", "walk", "window"] = "expression"
        self._items = _Items(text)
        self._named = False

    @property
    def _top(self) -> _Frame:
        return self._frames[-1]

    @property
    def _is_outside(self) -> bool:
        return len(self._frames) == 1

    # -- what comes next ----------------------------------------------------------------------------

    def spot(self) -> Spot:
        """What may come next."""
        top = self._top
        match top.wants:
            case "name" | "nothing":
                return Spot("nothing")
            case "words":
                return Spot("words", words=top.words)
            case "operator":
                words, operators = self._operators()
                return Spot("operator", words=words, operators=operators, stages=self._is_outside)
            case "hop":
                return Spot("hop", top.at)
            case "value" | "operand":
                words = ("not", "cross") if self._stage == "select" and self._is_outside else ("not",)
                measures = self._is_measuring and self._is_outside
                return Spot(top.wants, top.asked, top.columns, measures, words)
        return Spot(top.wants)

    def _operators(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The stage's own words behind a value, and the operators."""
        top, stage = self._top, self._stage if self._is_outside else "where"
        if top.purpose not in {"question", "expression"} or stage in {None, "count"}:
            return (), ()
        if stage == "limit":
            return ("offset",), ()
        return _OWN.get(stage or "", ()), ("and", "or", *COMPARISONS)

    # -- tokens -------------------------------------------------------------------------------------

    def take(self, token: Token, *, is_called: bool) -> None:
        """The next piece; ``is_called`` where an opening bracket follows it."""
        if self._stage in _TABLES and not (self._is_outside and token.text in {",", ":", "|"}):
            self._collect(token)
        if token.kind == "sign":
            self._sign(token.text)
        elif token.kind in {"word", "name"}:
            self._word(token, is_called=is_called)
        else:
            self._top.at = Scope()
            self._top.wants = "operator"

    def _collect(self, token: Token) -> None:
        word = meaning(token.text) if token.kind == "word" and self._is_outside else None
        if self._top.wants == "name":
            self._items.finish(token.text)
            self._named = True
        elif word == "by" and self._stage == "compare":
            self._items.finish()
        elif word not in {"as", "cross"} and not self._named:
            self._items.take(token)

    def _sign(self, sign: str) -> None:
        top = self._top
        match sign:
            case ".":
                top.wants = "hop"
            case "[" if top.wants != "operand":
                self._frames.append(_Frame("]", top.at))
            case "(" | "[":
                self._open(")" if sign == "(" else "]")
            case ")" | "]":
                if top.close == sign:
                    self._frames.pop()
                    self._top.wants = "operator"
            case "," | ":":
                self._next(sign)
            case "|" if self._is_outside:
                self._finish()
                top.wants = "stage"
            case _:
                top.wants = "nothing" if top.purpose in {"window", "constants"} else "operand"

    def _open(self, close: str) -> None:
        top = self._top
        purpose, self._opens = self._opens, "expression"
        wants: Wants = {"walk": "kind", "window": "words", "constants": "nothing"}.get(purpose, "value")  # type: ignore[assignment]
        columns = top.columns if purpose == "expression" else None
        self._frames.append(
            _Frame(close, top.asked, purpose, columns, wants=wants, words=_EDGES if wants == "words" else ())
        )

    def _next(self, sign: str) -> None:
        top = self._top
        if top.purpose == "window":
            top.wants, top.words = "words", _EDGES
        elif top.purpose in {"walk", "constants"}:
            top.wants = "nothing"
        else:
            top.wants = "value"
        if self._is_outside:
            self._items.finish()
            self._named = False
            self._is_measuring = self._is_measuring or sign == ":"

    def _word(self, token: Token, *, is_called: bool) -> None:
        top, name = self._top, token.text
        word = meaning(name) if token.kind == "word" else None
        match top.wants:
            case "kind":
                self._kind(name)
            case "stage":
                self._begin_stage(word)
            case "hop":
                self._hop(top.at, name, word, is_called=is_called)
            case "value" | "operand":
                self._value(name, word, is_called=is_called)
            case "operator" | "words":
                self._operator(word)
            case _:
                top.wants = "operator"

    def _kind(self, name: str) -> None:
        reached = Scope(self._domain.kind(name))
        top = self._top
        if top.purpose == "walk":
            self._frames[-2].at = reached
        else:
            top.at = reached
        top.wants = "operator"

    def _value(self, name: str, word: str | None, *, is_called: bool) -> None:
        top = self._top
        if word in {"true", "false", "null"}:
            top.at, top.wants = Scope(), "operator"
        elif is_called and word not in STEPS:
            top.at, top.wants = Scope(), "operator"
            self._opens = "expression"
        elif word not in {"not", "cross", "by"}:
            asked = top.asked
            own = asked.kind is not None and self._domain.kind(name) is asked.kind
            if top.columns is not None:
                top.at, top.wants = Scope(), "operator"
            elif name == "it" or (own and asked.kind is not None and name not in asked.kind.links):
                top.at, top.wants = asked, "operator"
            else:
                self._hop(asked, name, word, is_called=is_called)

    def _hop(self, at: Scope, name: str, word: str | None, *, is_called: bool) -> None:
        top = self._top
        top.wants = "operator"
        if not is_called:
            top.at = self._followed(at, name)
        elif word in {"ancestors", "descendants"}:
            top.at, self._opens = Scope(at.kind), "walk"
        elif word in STEPS:
            top.at, self._opens = Scope(at.kind, spans=True), "window" if word == "window" else "constants"
        else:
            top.at, self._opens = Scope(), "constants"

    def _operator(self, word: str | None) -> None:
        top = self._top
        if word in {"and", "or", "by"}:
            top.wants = "value"
        elif word == "not":
            top.wants, top.words = "words", ("null",) if top.words == _MISSING else _NEGATED
        elif word == "is":
            top.wants, top.words = "words", _MISSING
        elif word == "as":
            top.wants = "name"
        elif word in {"in", "not in", "between", "not between", "like", "not like"}:
            top.wants = "operand"
        elif word == "offset":
            top.wants = "nothing"
        else:
            top.wants, top.words = "operator", ()

    # -- paths and stages ---------------------------------------------------------------------------

    def _followed(self, at: Scope, name: str) -> Scope:
        """What a name leads to."""
        kind = at.kind
        if kind is None:
            return Scope()
        if name in at.fields:
            return Scope(form="values")
        try:
            found = meaning_of(self._domain, kind, name, spans=at.spans)
        except Ambiguous:
            return Scope()
        if isinstance(found, OwnField) and kind.record is not None:
            found = built_in(self._domain, kind, name) or found
        match found:
            case ToKind():
                return Scope(found.target)
            case ToSegment():
                return Scope(self._domain.kinds[STEP])
            case ToRecords():
                fields = tuple(found.term.fields) if found.term is not None else ()
                return Scope(found.kind, form="values" if found.characteristic else "things", fields=fields)
            case ToSignal():
                return Scope(form="signal")
            case OwnField() | OfActual():
                return Scope(form="values")
        return Scope()

    def _begin_stage(self, word: str | None) -> None:
        top = self._top
        self._stage = word if word in STAGES else None
        self._is_measuring = word == "compare"
        self._named = False
        top.asked = top.at if top.columns is None and top.at.kind is not None else top.asked
        top.wants = {"limit": "nothing", "count": "operator"}.get(word or "", "value")  # type: ignore[assignment]

    def _finish(self) -> None:
        """A stage is complete: what it made is what the next one is about."""
        top = self._top
        self._items.finish()
        kind = top.asked.kind if self._stage is not None else top.at.kind
        if self._stage in _TABLES:
            compared = (kind.name, "origin", "units") if self._stage == "compare" and kind is not None else ()
            top.columns = (*compared, *self._items.names)
        elif self._stage == "count":
            top.columns = ("count",)
        elif self._stage in {"sort", "limit"} and top.columns is None and kind is not None:
            top.columns = tuple(kind.fields) if kind.record is not None else (kind.name,)
        self._items = _Items(self._items.text)
        if self._stage is not None and top.columns is None:
            top.at = top.asked
        self._stage = None


def _canonical(text: str) -> str:
    """The name of a column that has none of its own."""
    try:
        return write(parse_expression(text))
    except QuestionError:
        return text.strip()
