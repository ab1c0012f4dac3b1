"""Trees written as text, in one canonical form: what is read back is the same tree."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from assay.query.language.errors import QuestionError
from assay.query.language.terms import COMPARISON, LEAF, MINUS, NOT, OR, RANKS, SUM
from assay.query.language.tree import (
    Among,
    Between,
    Binary,
    By,
    Call,
    Compare,
    Count,
    Expression,
    Hop,
    Item,
    Limit,
    Measured,
    Missing,
    Name,
    Path,
    Question,
    Scalar,
    Select,
    Sort,
    SortKey,
    Stage,
    Unary,
    Value,
    Walk,
    Where,
    Window,
)
from assay.query.language.words import STEPS, meaning, quoted, written_name

_DURATIONS = (
    ("w", timedelta(weeks=1)),
    ("d", timedelta(days=1)),
    ("h", timedelta(hours=1)),
    ("min", timedelta(minutes=1)),
    ("s", timedelta(seconds=1)),
    ("ms", timedelta(milliseconds=1)),
    ("us", timedelta(microseconds=1)),
)


def write(tree: Question | Expression | Item | SortKey) -> str:
    """The canonical text of a question, an expression, a column or a sort key.

    Names stand in double quotes only where they have to, brackets only where the meaning needs them, words
    are English and lower case.

    Examples
    --------
    >>> from assay.query.language.parser import parse
    >>> write(parse("unit【 结果＝‘NOK’ 】 ｜ 计数"))
    "unit[结果 = 'NOK'] | count"
    """
    if isinstance(tree, Question):
        return " | ".join((_path(tree.path), *map(_stage, tree.stages)))
    if isinstance(tree, Item):
        return _item(tree)
    return _key(tree) if isinstance(tree, SortKey) else _expression(tree)


def written_column(name: str) -> str:
    """A column as a later stage names it: in double quotes where it isn't read as the same text without.

    Examples
    --------
    >>> written_column("mean(thickness)"), written_column("zone 1"), written_column("by")
    ('mean(thickness)', '"zone 1"', '"by"')
    """
    from assay.query.language.parser import parse_expression

    try:
        return name if write(parse_expression(name)) == name else quoted(name)
    except QuestionError:
        return quoted(name)


def write_value(value: Scalar) -> str:
    """A constant as it is written: ``'HC-3'``, ``1.5``, ``@2026-03-01``, ``90min``, ``null``."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, datetime):
        return _time(value)
    return _duration(value) if isinstance(value, timedelta) else repr(value)


def _time(moment: datetime) -> str:
    utc = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    if utc.time() == time():
        return f"@{utc.date().isoformat()}"
    return f"@{utc.replace(tzinfo=None).isoformat()}Z"


def _duration(length: timedelta) -> str:
    if length < timedelta():
        return f"-{_duration(-length)}"
    if not length:
        return "0s"
    unit, one = next((unit, one) for unit, one in _DURATIONS if not length % one)
    return f"{length // one}{unit}"


def _stage(stage: Stage) -> str:
    match stage:
        case Where():
            return f"where {_expression(stage.condition)}"
        case Select():
            return f"select {'cross ' if stage.crossed else ''}{_items(stage.items)}"
        case By():
            keys = f"by {_items(stage.keys)}" if stage.keys else "by"
            return f"{keys}: {_items(stage.measures)}" if stage.measures else keys
        case Compare():
            keys = f" by {_items(stage.keys)}" if stage.keys else ""
            return f"compare {_items(stage.measures)}{keys}"
        case Sort():
            return f"sort {', '.join(map(_key, stage.keys))}"
        case Limit():
            return f"limit {stage.count}" + (f" offset {stage.offset}" if stage.offset else "")
        case Count():
            return "count"


def _items(items: tuple[Item, ...]) -> str:
    return ", ".join(map(_item, items))


def _item(item: Item) -> str:
    named = "" if item.name is None else f" as {written_name(item.name)}"
    return _expression(item.expression) + named


def _key(key: SortKey) -> str:
    return _expression(key.expression) + (" desc" if key.descending else "")


def _expression(node: Expression, floor: int = OR) -> str:
    """The text of a node, in brackets if it binds more loosely than ``floor``."""
    rank, text = _ranked(node)
    return f"({text})" if rank < floor else text


def _ranked(node: Expression) -> tuple[int, str]:
    match node:
        case Value():
            return LEAF, write_value(node.value)
        case Path():
            return LEAF, _path(node)
        case Call():
            return LEAF, f"{_function(node.function)}({', '.join(map(_expression, node.arguments))})"
        case Unary(operator="not"):
            return NOT, f"not {_expression(node.operand, NOT)}"
        case Unary():
            inner = _expression(node.operand, MINUS)
            return MINUS, f"-({inner})" if inner[0].isdigit() else f"-{inner}"
        case Binary():
            rank = RANKS[node.operator]
            left = _expression(node.left, rank + 1 if rank == COMPARISON else rank)
            return rank, f"{left} {node.operator} {_expression(node.right, rank + 1)}"
        case Among():
            word = "not in" if node.negated else "in"
            options = ", ".join(map(_expression, node.options))
            return COMPARISON, f"{_expression(node.operand, SUM)} {word} ({options})"
        case Between():
            word = "not between" if node.negated else "between"
            low, high = _expression(node.low, SUM), _expression(node.high, SUM)
            return COMPARISON, f"{_expression(node.operand, SUM)} {word} {low} and {high}"
        case Missing():
            word = "is not null" if node.negated else "is null"
            return COMPARISON, f"{_expression(node.operand, SUM)} {word}"


def _path(path: Path) -> str:
    return ".".join(map(_hop, path.hops))


def _hop(hop: Hop) -> str:
    match hop:
        case Name():
            return written_name(hop.name) + _condition(hop.condition)
        case Walk():
            kind = [] if hop.kind is None else [written_name(hop.kind)]
            depth = [] if hop.depth is None else [str(hop.depth)]
            return f"{hop.direction}({', '.join(kind + depth)}){_condition(hop.condition)}"
        case Window():
            return _window(hop)
        case Measured():
            return f"{_function(hop.function)}({', '.join(map(write_value, hop.arguments))})"


def _condition(condition: Expression | None) -> str:
    return "" if condition is None else f"[{_expression(condition)}]"


def _window(window: Window) -> str:
    nothing = timedelta()
    edges = (window.first, window.last)
    if edges == ("start", "start") and window.first_offset < nothing and not window.last_offset:
        return f"before({_duration(-window.first_offset)})"
    if edges == ("end", "end") and window.last_offset > nothing and not window.first_offset:
        return f"after({_duration(window.last_offset)})"
    first, last = _edge(window.first, window.first_offset), _edge(window.last, window.last_offset)
    return f"window({first}, {last})"


def _edge(edge: str, offset: timedelta) -> str:
    if not offset:
        return edge
    return f"{edge} {'+' if offset > timedelta() else '-'} {_duration(abs(offset))}"


def _function(name: str) -> str:
    """The name of a function; one that would be read as a step of the language stands in quotes."""
    return quoted(name) if meaning(name) in STEPS else written_name(name)
