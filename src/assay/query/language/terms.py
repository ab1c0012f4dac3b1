"""Paths, expressions and columns."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal as OneOf

from assay.query.language.errors import told
from assay.query.language.lexer import Token
from assay.query.language.reader import Reader
from assay.query.language.tree import (
    Among,
    Between,
    Binary,
    Call,
    Expression,
    Hop,
    Item,
    Measured,
    Missing,
    Name,
    Path,
    Place,
    Scalar,
    Unary,
    Value,
    Walk,
    Window,
)
from assay.query.language.words import COMPARISONS, STEPS, is_reserved

OR, AND, NOT, COMPARISON, SUM, PRODUCT, MINUS, LEAF = range(1, 9)
"""How tightly an operator binds, loosest first."""

RANKS: dict[str, int] = {
    "or": OR,
    "and": AND,
    **dict.fromkeys(("=", "!=", "<", "<=", ">", ">="), COMPARISON),
    **dict.fromkeys(("is", "not", *COMPARISONS), COMPARISON),
    "+": SUM,
    "-": SUM,
    "*": PRODUCT,
    "/": PRODUCT,
}
"""The rank of each operator that stands after an operand; ``not`` begins ``not in`` and its like there."""

_CONSTANTS = frozenset({"number", "text", "duration", "time"})
_EDGES: dict[str | None, OneOf["start", "end"]] = {"start": "start", "end": "end"}
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None}


def kind_path(reader: Reader) -> Path:
    """The path of a question, which begins with a kind."""
    token = reader.token
    if token.kind not in {"word", "name"} or (token.kind == "word" and is_reserved(token.text)):
        raise reader.unexpected(told("expected.kind"), told("hint.kind"))
    if reader.following.kind == "sign" and reader.following.text == "(":
        raise reader.error(told("error.begins-with-function", name=token.text), told("hint.kind"))
    return path(reader)


def path(reader: Reader) -> Path:
    """Names and steps joined by dots."""
    start = reader.token.place
    hops = [_hop(reader)]
    while reader.takes("."):
        hops.append(_hop(reader))
    return Path(tuple(hops), reader.since(start))


def expression(reader: Reader, floor: int = OR) -> Expression:
    """An expression whose operators bind at least as tightly as ``floor``."""
    reader.enter()
    start = reader.token.place
    left = _operand(reader, floor)
    compared = False
    while (rank := _rank_here(reader)) is not None and rank >= floor:
        if rank == COMPARISON:
            if compared:
                raise reader.error(told("error.chained"), told("hint.chained"))
            compared = True
            left = _comparison(reader, left, start)
        else:
            operator = reader.meaning or reader.token.text
            reader.take()
            right = expression(reader, rank + 1)
            left = Binary(operator, left, right, reader.since(start))  # type: ignore[arg-type]
            compared = False
    reader.leave()
    return left


def item(reader: Reader) -> Item:
    """A column: an expression and, with ``as``, its name."""
    start = reader.token.place
    value = expression(reader)
    name = _name(reader, "expected.column-name") if reader.takes_word("as") else None
    return Item(value, name, reader.since(start))


def items(reader: Reader) -> tuple[Item, ...]:
    """Columns with commas between them."""
    found = [item(reader)]
    while reader.takes(","):
        found.append(item(reader))
    return tuple(found)


def _rank_here(reader: Reader) -> int | None:
    """The rank of the operator that stands here, if one does."""
    if reader.token.kind == "sign":
        return RANKS.get(reader.token.text)
    return RANKS.get(reader.meaning or "")


def _operand(reader: Reader, floor: int) -> Expression:
    start = reader.token.place
    if reader.meaning == "not":
        if floor > NOT:
            raise reader.unexpected(told("expected.value"), told("hint.not"))
        reader.take()
        return Unary("not", expression(reader, NOT), reader.since(start))
    if reader.takes("-"):
        if reader.token.kind in {"number", "duration"}:
            return Value(_negative(reader.take().value), reader.since(start))
        return Unary("-", expression(reader, MINUS), reader.since(start))
    return _leaf(reader)


def _leaf(reader: Reader) -> Expression:
    token = reader.token
    if token.kind in _CONSTANTS:
        return Value(reader.take().value, token.place)
    if reader.takes("("):
        inner = expression(reader)
        reader.needs(")")
        return inner
    word = reader.meaning
    if word in _WORDS:
        reader.take()
        return Value(_WORDS[word], token.place)
    if token.kind == "name" or (token.kind == "word" and not is_reserved(token.text)):
        called = reader.following.kind == "sign" and reader.following.text == "("
        return _call(reader) if called and word not in STEPS else path(reader)
    raise reader.unexpected(told("expected.value"))


def _call(reader: Reader) -> Call:
    name = reader.take()
    reader.needs("(")
    arguments: list[Expression] = []
    if reader.is_at("*"):
        reader.take()
    elif not reader.is_at(")"):
        arguments.append(expression(reader))
        while reader.takes(","):
            arguments.append(expression(reader))
    reader.needs(")")
    return Call(name.text, tuple(arguments), reader.since(name.place))


def _comparison(reader: Reader, left: Expression, start: Place) -> Expression:
    """What a comparison makes of the operand before it."""
    operator = _comparing(reader)
    negated = operator in {"not in", "not between", "is not null"}
    if operator in {"is null", "is not null"}:
        return Missing(left, negated, reader.since(start))
    if operator in {"in", "not in"}:
        return Among(left, _options(reader), negated, reader.since(start))
    if operator in {"between", "not between"}:
        low = expression(reader, SUM)
        if not reader.takes_word("and"):
            raise reader.unexpected(told("expected.between-and"))
        return Between(left, low, expression(reader, SUM), negated, reader.since(start))
    right = expression(reader, SUM)
    return Binary(operator, left, right, reader.since(start))  # type: ignore[arg-type]


def _comparing(reader: Reader) -> str:
    """Take a comparison: ``=``, ``not in``, ``is not null``."""
    token = reader.token
    operator = reader.meaning or token.text
    reader.take()
    if operator == "is":
        negated = reader.takes_word("not")
        if not reader.takes_word("null"):
            raise reader.unexpected(told("expected.null"), told("hint.is"))
        return "is not null" if negated else "is null"
    if operator == "not":
        word = reader.meaning
        if word not in {"in", "between", "like"}:
            raise reader.unexpected(told("expected.after-not"))
        reader.take()
        return f"not {word}"
    return operator


def _options(reader: Reader) -> tuple[Expression, ...]:
    close = "]" if reader.is_at("[") else ")"
    if not reader.takes("["):
        reader.needs("(")
    if reader.is_at(close):
        raise reader.error(told("error.no-options"), told("hint.no-options"))
    found = [expression(reader)]
    while reader.takes(","):
        found.append(expression(reader))
    reader.needs(close)
    return tuple(found)


def _hop(reader: Reader) -> Hop:
    token = reader.token
    if token.kind not in {"word", "name"}:
        raise reader.unexpected(told("expected.name"))
    word = reader.meaning
    reader.take()
    if not reader.is_at("("):
        return Name(token.text, _condition(reader), token.place)
    if word in {"ancestors", "descendants"}:
        return _walk(reader, token, word)  # type: ignore[arg-type]
    if word in STEPS:
        return _window(reader, token, word or "")
    return _measured(reader, token)


def _condition(reader: Reader) -> Expression | None:
    """What stands in square brackets; several pairs are joined by *and*."""
    found: Expression | None = None
    while reader.is_at("["):
        start = reader.take().place
        one = expression(reader)
        reader.needs("]")
        found = one if found is None else Binary("and", found, one, reader.since(start))
    return found


def _walk(reader: Reader, token: Token, direction: OneOf["ancestors", "descendants"]) -> Walk:
    reader.needs("(")
    kind = depth = None
    if not reader.is_at(")"):
        if reader.token.kind != "number":
            kind = _name(reader, "expected.walk")
            if reader.takes(","):
                depth = _depth(reader)
        else:
            depth = _depth(reader)
    reader.needs(")")
    place = reader.since(token.place)
    return Walk(direction, kind, depth, _condition(reader), place)


def _depth(reader: Reader) -> int:
    value = reader.token.value
    if reader.token.kind != "number" or not isinstance(value, int) or value < 1:
        raise reader.unexpected(told("expected.depth"))
    reader.take()
    return value


def _window(reader: Reader, token: Token, word: str) -> Window:
    reader.needs("(")
    if word == "window":
        first, first_offset = _edge(reader)
        reader.needs(",")
        last, last_offset = _edge(reader)
        reader.needs(")")
        return Window(first, first_offset, last, last_offset, reader.since(token.place))
    length = _length(reader)
    reader.needs(")")
    place = reader.since(token.place)
    if word == "before":
        return Window("start", -length, "start", timedelta(), place)
    return Window("end", timedelta(), "end", length, place)


def _edge(reader: Reader) -> tuple[OneOf["start", "end"], timedelta]:
    word = _EDGES.get(reader.meaning)
    if word is None:
        raise reader.unexpected(told("expected.edge"), told("hint.edge"))
    reader.take()
    if reader.takes("+"):
        return word, _length(reader)
    if reader.takes("-"):
        return word, -_length(reader)
    return word, timedelta()


def _length(reader: Reader) -> timedelta:
    value = reader.token.value
    if not isinstance(value, timedelta):
        raise reader.unexpected(told("expected.duration"), told("hint.duration"))
    reader.take()
    return value


def _measured(reader: Reader, token: Token) -> Measured:
    reader.needs("(")
    arguments: list[Scalar] = []
    if not reader.is_at(")"):
        arguments.append(_constant(reader))
        while reader.takes(","):
            arguments.append(_constant(reader))
    reader.needs(")")
    return Measured(token.text, tuple(arguments), reader.since(token.place))


def _constant(reader: Reader) -> Scalar:
    if reader.meaning in _WORDS:
        word = reader.meaning
        reader.take()
        return _WORDS[word]
    negative = reader.takes("-")
    wanted = {"number", "duration"} if negative else _CONSTANTS
    if reader.token.kind not in wanted:
        raise reader.unexpected(told("expected.constant"), told("hint.constant"))
    value = reader.take().value
    return _negative(value) if negative else value


def _negative(value: Scalar) -> Scalar:
    return -value if isinstance(value, int | float | timedelta) else value


def _name(reader: Reader, expected: str) -> str:
    token = reader.token
    if token.kind not in {"word", "name"}:
        raise reader.unexpected(told(expected))
    return reader.take().text
