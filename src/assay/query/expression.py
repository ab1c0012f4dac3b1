"""Conditions and values written by people: ``result = 'NOK'``, ``thickness > 1.2``, ``torque``.

The text is parsed with sqlglot, checked against a short list of allowed constructs, and only then turned
into SQL over columns the caller names; nothing a user writes reaches an engine as text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import sqlglot
from sqlglot import exp

from assay.model.errors import QueryError, did_you_mean

_FULL_WIDTH = str.maketrans("＝＞＜（），！", "=><(),!")
_WORD = r"[^\W\d]\w*"
_PIECES = re.compile(
    r"""'(?:[^']|'')*'|"[^"]*"|[‘＇](?P<single>[^’＇]*)[’＇]|[“＂](?P<double>[^”＂]*)[”＂]"""
    rf"""|\d[\w.]*|(?P<function>{_WORD}(?=\s*[(（]))|(?P<word>{_WORD})|.""",
    re.DOTALL,
)
_SPOKEN = frozenset({"and", "or", "not", "in", "between", "is", "null", "like", "ilike", "true", "false"})
"""The words that mean something in an expression; any other one is a name, whatever it means in SQL."""

_CONDITIONS = (
    exp.And,
    exp.Or,
    exp.Not,
    exp.EQ,
    exp.NEQ,
    exp.GT,
    exp.GTE,
    exp.LT,
    exp.LTE,
    exp.In,
    exp.Between,
    exp.Is,
    exp.Like,
    exp.ILike,
)
_VALUES = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Neg, exp.Abs)
_LEAVES = (exp.Column, exp.Identifier, exp.Literal, exp.Null, exp.Boolean, exp.Paren)
_LONGEST = 2_000


@dataclass(frozen=True)
class Expression:
    """A checked expression.

    Attributes
    ----------
    text
        As the user wrote it.
    names
        The columns it names, in order of appearance, each once.
    is_condition
        True for a condition (``thickness > 1.2``), False for a value (``thickness``).
    """

    text: str
    names: tuple[str, ...]
    is_condition: bool
    _tree: exp.Expr

    def sql(self, columns: Mapping[str, str]) -> str:
        """DuckDB SQL in which each name stands for the (already quoted) SQL given in ``columns``.

        Raises
        ------
        QueryError
            It is nested too deeply.
        """

        def rename(node: exp.Expr) -> exp.Expr:
            if isinstance(node, exp.Column):
                return sqlglot.parse_one(columns[node.name], dialect="duckdb")
            return node

        try:
            return self._tree.copy().transform(rename).sql(dialect="duckdb")
        except RecursionError as error:
            raise _too_deep() from error


def parse(text: str) -> Expression:
    """Parse and check ``text``.

    Raises
    ------
    QueryError
        Empty, too long, not parsable, or using anything but comparisons, ``and/or/not``, ``in``,
        ``between``, ``is null``, ``like`` and arithmetic.
    """
    written = text.strip()
    if not written:
        raise QueryError("The expression is empty.", hint="Write a condition such as result = 'NOK'.")
    if len(written) > _LONGEST:
        raise QueryError(f"The expression has {len(written)} characters; at most {_LONGEST} are read.")
    try:
        statements = sqlglot.parse(_as_sql(written), dialect="duckdb")
    except RecursionError as error:
        raise _too_deep() from error
    except sqlglot.errors.SqlglotError as error:
        raise QueryError(
            f"{text!r} can't be read as a condition or a value: {_plain(error)}",
            hint="Examples: result = 'NOK'   thickness > 1.2   line = 'L2' and shift in ('A', 'B')",
        ) from error
    tree = statements[0] if len(statements) == 1 else None
    if tree is None:
        raise QueryError(f"{text!r} holds more than one expression.", hint="Join conditions with and / or.")
    for node in tree.walk():
        _check(node, text)
    names = tuple(dict.fromkeys(node.name for node in tree.find_all(exp.Column)))
    if not names:
        raise QueryError(
            f"{text!r} names no column.", hint="Name a characteristic or a column, such as result = 'NOK'."
        )
    return Expression(text, names, isinstance(tree.unnest(), _CONDITIONS), tree)


def resolve(names: Iterable[str], known: Iterable[str], *, what: str) -> None:
    """Check that every name is known.

    Raises
    ------
    QueryError
        Naming the first unknown one, the closest known ones and all that there are.
    """
    available = sorted(set(known))
    for name in names:
        if name not in available:
            listed = ", ".join(available[:30]) + (" …" if len(available) > 30 else "")
            close = did_you_mean(name, available)
            hint = " ".join(part for part in (close, f"There are: {listed or 'none yet'}.") if part)
            raise QueryError(f"There is no {what} named {name!r}.", hint=hint)


def quoted(name: str) -> str:
    """``name`` as a SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    """``value`` as a SQL string literal."""
    return "'" + value.replace("'", "''") + "'"


def written_name(name: str) -> str:
    """``name`` as it is written in an expression: in double quotes only where it has to be."""
    plain = re.fullmatch(_WORD, name) is not None and name.lower() not in _SPOKEN
    return name if plain else quoted(name)


def _as_sql(text: str) -> str:
    """Names in double quotes, full-width operators and quotes as their ASCII twins.

    What stands inside quotes is left alone.
    """

    def piece(match: re.Match[str]) -> str:
        if match["single"] is not None:
            return literal(match["single"])
        if match["double"] is not None:
            return quoted(match["double"])
        if (word := match["word"]) is not None:
            return word if word.lower() in _SPOKEN else quoted(word)
        whole = match[0]
        return whole if whole[0] in "'\"" else whole.translate(_FULL_WIDTH)

    return _PIECES.sub(piece, text)


def _check(node: exp.Expr, text: str) -> None:
    if isinstance(node, exp.Column) and (node.table or isinstance(node.this, exp.Star)):
        raise QueryError(
            f"{node.sql()!r} in {text!r} is not a column name.", hint="Name a column without a table."
        )
    if not isinstance(node, (*_CONDITIONS, *_VALUES, *_LEAVES)):
        raise QueryError(
            f"{node.sql(dialect='duckdb')!r} in {text!r} is not allowed here.",
            hint="Use comparisons, and / or / not, in, between, is null, like and + - * /.",
        )


def _too_deep() -> QueryError:
    return QueryError("The expression is nested too deeply.", hint="Leave out what is not needed.")


def _plain(error: Exception) -> str:
    line = str(error).splitlines()[0].replace("\x1b[4m", "").replace("\x1b[0m", "")
    return re.sub(r"\.? Line \d+, Col: \d+\.$", "", line)
