"""What an expression is made of, told from the tree alone: its paths, and whether each is one or many."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from assay.query.compile.meaning import (
    AGGREGATES,
    FEATURES,
    Ambiguous,
    OfActual,
    OfMeasure,
    OwnField,
    ToKind,
    ToRecords,
    ToSegment,
    ToSignal,
    meaning_of,
)
from assay.query.compile.typed import AGGREGATE_TYPES
from assay.query.domain.kinds import STEP, Domain, Kind
from assay.query.language.tree import (
    Among,
    Between,
    Binary,
    Call,
    Expression,
    Hop,
    Measured,
    Missing,
    Name,
    Path,
    Unary,
    Walk,
    Window,
)

Form = Literal["self", "field", "aggregate", "measure", "many", "signal"]
"""``field`` is one value of the thing itself, ``many`` what links lead to, ``aggregate`` one of many."""


@dataclass(frozen=True)
class Shape:
    """The form of a path, and the meaning of its last name."""

    form: Form
    function: str | None = None
    """The aggregate or feature that ends it."""


def shape(domain: Domain, kind: Kind, path: Path, *, spans: bool = False) -> Shape:
    """The form of a path that begins at a thing of ``kind``; names that mean nothing count as ``many``."""
    hops = path.hops
    if not hops:
        return Shape("self")
    if isinstance(hops[-1], Measured):
        return Shape("aggregate", hops[-1].function)
    at: Kind | None = kind
    for position, hop in enumerate(hops):
        if at is None or isinstance(hop, Measured):
            break
        if isinstance(hop, Window):
            spans = True
        elif isinstance(hop, Walk):
            at, spans = domain.kind(hop.kind) if hop.kind else at, False
        else:
            found = _step(domain, at, hops, position, spans=spans)
            if isinstance(found, Shape):
                return found
            at, spans = found, False
    return Shape("many")


def _step(domain: Domain, at: Kind, hops: tuple[Hop, ...], position: int, *, spans: bool) -> Shape | Kind:
    """Where a name leads, or the form of the path where the name settles it."""
    hop, last = hops[position], position == len(hops) - 1
    try:
        meaning = meaning_of(domain, at, hop.name, spans=spans) if isinstance(hop, Name) else None
    except Ambiguous:
        return Shape("many")
    match meaning:
        case ToSegment():
            return domain.kinds[STEP]
        case ToKind():
            return meaning.target
        case ToRecords():
            return meaning.kind
        case OfMeasure():
            return Shape("aggregate" if position else "measure", meaning.measure.name)
        case ToSignal():
            return Shape("signal" if last else "aggregate")
        case OwnField() if last:
            return Shape("many" if position else "field")
        case OwnField() | OfActual():
            return Shape("many") if last else _after_value(hops, position)
    return _ending(hop) if last and position and isinstance(hop, Name) else Shape("many")


def _ending(hop: Name) -> Shape:
    """The form of a path whose last name means nothing to the plant: it may be an aggregate."""
    word = AGGREGATES.get(hop.name) or (hop.name if hop.name in FEATURES else None)
    return Shape("many") if word is None or hop.condition is not None else Shape("aggregate", word)


def _after_value(hops: tuple[Hop, ...], position: int) -> Shape:
    """What follows a value can only be an aggregate of it."""
    following = hops[position + 1]
    if position + 2 == len(hops) and isinstance(following, Name) and following.name in AGGREGATES:
        return Shape("aggregate", AGGREGATES[following.name])
    return Shape("many")


def thing_of(domain: Domain, kind: Kind, expression: Expression) -> str | None:
    """The kind of thing whose ids an expression gives; None where it gives values."""
    if not isinstance(expression, Path):
        return None
    at: Kind | None = kind
    for hop in expression.hops:
        if isinstance(hop, Walk):
            at = domain.kind(hop.kind) if hop.kind else at
            continue
        try:
            meaning = meaning_of(domain, at, hop.name) if at is not None and isinstance(hop, Name) else None
        except Ambiguous:
            return None
        match meaning:
            case ToSegment():
                at = domain.kinds[STEP]
            case ToKind():
                at = meaning.target
            case OwnField() if meaning.field.name == "subject":
                return "subject"
            case OwnField() if meaning.field.name == "id":
                continue
            case _:
                return None
    return at.name if at is not None and at.record is None else None


def many_paths(domain: Domain, kind: Kind, expression: Expression, *, single: bool) -> list[Path]:
    """The paths of an expression that lead to many, those inside aggregates left out.

    With ``single`` false, a thing's own fields are many too: there are several things.
    """
    found = []
    for path in outer_paths(expression):
        form = shape(domain, kind, path).form
        if form in {"many", "signal"} or (not single and form in {"field", "self"}):
            found.append(path)
    return found


def own_paths(domain: Domain, kind: Kind, expression: Expression) -> list[Path]:
    """The paths of an expression that are one value of the thing itself."""
    return [p for p in outer_paths(expression) if shape(domain, kind, p).form not in {"many", "signal"}]


def outer_paths(expression: Expression) -> Iterator[Path]:
    """The paths of an expression that are not inside an aggregate."""
    match expression:
        case Path():
            yield expression
        case Call(function, arguments):
            if function not in AGGREGATE_TYPES:
                for argument in arguments:
                    yield from outer_paths(argument)
        case Unary(_, operand) | Missing(operand):
            yield from outer_paths(operand)
        case Binary(_, left, right):
            yield from outer_paths(left)
            yield from outer_paths(right)
        case Among(operand, options):
            for one in (operand, *options):
                yield from outer_paths(one)
        case Between(operand, low, high):
            for one in (operand, low, high):
                yield from outer_paths(one)


def shared_hop(paths: list[Path]) -> Hop | None:
    """The hop that all paths begin with, if they do."""
    firsts = {path.hops[0] for path in paths if path.hops}
    return next(iter(firsts)) if len(firsts) == 1 and all(path.hops for path in paths) else None


def without_first(expression: Expression) -> Expression:
    """The expression as seen from where the first hop of its paths leads."""
    return _mapped(expression, lambda path: replace(path, hops=path.hops[1:]))


def from_itself(domain: Domain, kind: Kind, expression: Expression) -> Expression:
    """The expression with paths that begin with the thing's own kind begun at the thing."""

    def begun(path: Path) -> Path:
        first = path.hops[0] if path.hops else None
        own = isinstance(first, Name) and first.condition is None and domain.kind(first.name) is kind
        if isinstance(first, Name) and own and first.name not in kind.links:
            return replace(path, hops=path.hops[1:])
        return path

    return _mapped(expression, begun, aggregates=True)


def _mapped(
    expression: Expression, change: Callable[[Path], Path], *, aggregates: bool = False
) -> Expression:
    match expression:
        case Path():
            return change(expression)
        case Call(function, arguments):
            if function in AGGREGATE_TYPES and not aggregates:
                return expression
            inner = tuple(_mapped(one, change, aggregates=aggregates) for one in arguments)
            return replace(expression, arguments=inner)
        case Unary() | Missing():
            return replace(expression, operand=_mapped(expression.operand, change, aggregates=aggregates))
        case Binary(_, left, right):
            left, right = (_mapped(one, change, aggregates=aggregates) for one in (left, right))
            return replace(expression, left=left, right=right)
        case Among(operand, options):
            operand, *options_ = (_mapped(one, change, aggregates=aggregates) for one in (operand, *options))
            return replace(expression, operand=operand, options=tuple(options_))
        case Between(operand, low, high):
            operand, low, high = (_mapped(one, change, aggregates=aggregates) for one in (operand, low, high))
            return replace(expression, operand=operand, low=low, high=high)
    return expression


def conjuncts(expression: Expression) -> list[Expression]:
    """The conditions that *and* joins."""
    if isinstance(expression, Binary) and expression.operator == "and":
        return [*conjuncts(expression.left), *conjuncts(expression.right)]
    return [expression]
