"""Expressions built in Python: operators and functions make the trees that the parser makes of text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar
from typing import Literal as OneOf

from assay.query.language.errors import QuestionError, told
from assay.query.language.printer import write
from assay.query.language.tree import (
    Among,
    Between,
    Binary,
    Call,
    Expression,
    Hop,
    Item,
    Missing,
    Name,
    Path,
    Place,
    Scalar,
    SortKey,
    Unary,
    Value,
    Walk,
)

Node = TypeVar("Node")


@dataclass(frozen=True, slots=True)
class Rooted(Path):
    """A path from the beginning of a question; made relative to what is asked about where it is used."""


class Term:
    """An expression: ``unit.thickness > 1.2``, ``fn.mean(unit.thickness)``.

    Comparisons and ``+ - * /`` make expressions; conditions are joined by ``&`` and ``|`` and turned round by
    ``~``, each in brackets: ``(unit.line == 'L2') & ~unit.result.is_null()``.
    """

    __slots__ = ("_expression",)
    __iter__ = None
    __contains__ = None

    def __init__(self, tree: Expression) -> None:
        self._expression = tree

    def _tree(self) -> Expression:
        return self._expression

    def _binary(self, operator: _Operator, left: object, right: object) -> Term:
        return Term(Binary(operator, expression_of(left), expression_of(right)))

    def __eq__(self, other: object) -> Term:  # type: ignore[override]
        return self._binary("=", self, other)

    def __ne__(self, other: object) -> Term:  # type: ignore[override]
        return self._binary("!=", self, other)

    def __lt__(self, other: object) -> Term:
        return self._binary("<", self, other)

    def __le__(self, other: object) -> Term:
        return self._binary("<=", self, other)

    def __gt__(self, other: object) -> Term:
        return self._binary(">", self, other)

    def __ge__(self, other: object) -> Term:
        return self._binary(">=", self, other)

    def __add__(self, other: object) -> Term:
        return self._binary("+", self, other)

    def __radd__(self, other: object) -> Term:
        return self._binary("+", other, self)

    def __sub__(self, other: object) -> Term:
        return self._binary("-", self, other)

    def __rsub__(self, other: object) -> Term:
        return self._binary("-", other, self)

    def __mul__(self, other: object) -> Term:
        return self._binary("*", self, other)

    def __rmul__(self, other: object) -> Term:
        return self._binary("*", other, self)

    def __truediv__(self, other: object) -> Term:
        return self._binary("/", self, other)

    def __rtruediv__(self, other: object) -> Term:
        return self._binary("/", other, self)

    def __and__(self, other: object) -> Term:
        return self._binary("and", self, other)

    def __rand__(self, other: object) -> Term:
        return self._binary("and", other, self)

    def __or__(self, other: object) -> Term:
        return self._binary("or", self, other)

    def __ror__(self, other: object) -> Term:
        return self._binary("or", other, self)

    def __neg__(self) -> Term:
        return Term(Unary("-", self._tree()))

    def __invert__(self) -> Term:
        tree = self._tree()
        if isinstance(tree, Among | Between | Missing):
            return Term(replace(tree, negated=not tree.negated))
        if isinstance(tree, Binary) and tree.operator == "like":
            return Term(replace(tree, operator="not like"))
        return Term(Unary("not", tree))

    def __hash__(self) -> int:
        return id(self)

    def __bool__(self) -> bool:
        raise TypeError(
            f"Whether {self} holds is known for each thing, not here. Join conditions with & and | and turn "
            "them round with ~, each in brackets; write (a < b) & (b < c) for a < b < c."
        )

    def __str__(self) -> str:
        return write(self._tree())

    __repr__ = __str__

    def is_in(self, *values: object) -> Term:
        """``x in (…)``."""
        return Term(Among(self._tree(), tuple(map(expression_of, values))))

    def between(self, low: object, high: object) -> Term:
        """``x between low and high``, both edges included."""
        return Term(Between(self._tree(), expression_of(low), expression_of(high)))

    def is_null(self) -> Term:
        """``x is null``; ``~x.is_null()`` is ``x is not null``."""
        return Term(Missing(self._tree()))

    def like(self, pattern: str) -> Term:
        """``x like pattern`` with ``%`` and ``_``."""
        return self._binary("like", self, pattern)

    def named(self, name: str) -> Item:
        """``x as name``: a column with its name."""
        return Item(self._tree(), name)

    def descending(self) -> SortKey:
        """``x desc``: largest first."""
        return SortKey(self._tree(), descending=True)


_Operator = OneOf["and", "or", "=", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "like", "not like"]


class Functions:
    """Functions by name: ``fn.mean(unit.thickness)``, ``fn.count()``, ``fn.share(unit.result == 'NOK')``.

    Parameters
    ----------
    known
        Names to complete and to check; empty: any name will do.
    """

    def __init__(self, known: Sequence[str] = ()) -> None:
        self._known = tuple(known)

    def __getattr__(self, name: str) -> Function:
        plain = name.removesuffix("_")
        if name.startswith("_") or (self._known and plain not in self._known):
            raise AttributeError(f"There is no function {plain!r}.", name=name, obj=self)
        return Function(plain)

    def __dir__(self) -> list[str]:
        return list(self._known)


@dataclass(frozen=True)
class Function:
    """One function; a call makes an expression."""

    name: str

    def __call__(self, *arguments: object) -> Term:
        """The function of these arguments; anything but an expression is a constant."""
        return Term(Call(self.name, tuple(map(expression_of, arguments))))


fn = Functions()
"""Every function by its name."""


def expression_of(value: object) -> Expression:
    """The tree of an operand: an expression as it is, anything else as a constant.

    Raises
    ------
    TypeError
        It can't be a constant of the language.
    """
    if isinstance(value, Term):
        return value._tree()  # noqa: SLF001 - of one family
    if isinstance(value, Expression):
        return value
    return Value(constant_of(value))


def constant_of(value: object) -> Scalar:
    """A Python or NumPy value as a constant; a day is its midnight, a time without a zone is UTC.

    Raises
    ------
    TypeError
        The language has no such constant.
    """
    if not isinstance(value, float) and hasattr(value, "item"):
        value = value.item()
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    if value is None or isinstance(value, str | bool | int | timedelta):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    raise TypeError(f"{value!r} is no constant of a question.")


def relative(node: Node, asked: Sequence[Hop], kind: str | None) -> Node:
    """The node with every rooted path written from what is asked about.

    A path that begins with the names of ``asked`` goes on from there, whatever conditions stand between;
    one that begins with ``kind`` does so after that name.

    Raises
    ------
    QuestionError
        A path begins somewhere else.
    """
    if isinstance(node, Rooted):
        return Path(_inside(node.hops, asked, kind))  # type: ignore[return-value]
    if not is_dataclass(node) or isinstance(node, Place | type):
        return node
    changes: dict[str, Any] = {}
    for field in fields(node):
        value = getattr(node, field.name)
        if isinstance(value, tuple):
            changes[field.name] = tuple(relative(part, asked, kind) for part in value)
        elif is_dataclass(value):
            changes[field.name] = relative(value, asked, kind)
    return replace(node, **changes)


def _inside(hops: tuple[Hop, ...], asked: Sequence[Hop], kind: str | None) -> tuple[Hop, ...]:
    if len(hops) > len(asked) and all(map(_same, hops, asked)):
        return hops[len(asked) :]
    if len(hops) > 1 and kind is not None and hops[0] == Name(kind):
        return hops[1:]
    raise QuestionError(
        told("error.elsewhere", path=write(Path(hops)), asked=write(Path(tuple(asked)))),
        told("hint.elsewhere"),
    )


def _same(hop: Hop, asked: Hop) -> bool:
    """Whether a hop is the one asked about, with its condition or without any."""
    if isinstance(asked, Name | Walk) and isinstance(hop, Name | Walk) and hop.condition is None:
        return hop == replace(asked, condition=None)
    return hop == asked
