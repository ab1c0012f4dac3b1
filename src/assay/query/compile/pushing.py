"""Conditions that a source can evaluate itself, taken out of the conditions of a question."""

from __future__ import annotations

from collections.abc import Sequence

from assay.model.kinds import RecordKind
from assay.query.compile.shape import conjuncts
from assay.query.domain.kinds import GATE, Field, Kind
from assay.query.language.tree import Among, Between, Binary, Expression, Missing, Name, Path, Value
from assay.query.program import Condition

_OURS = frozenset({"source", "epoch", "seq", "recorded", *GATE.values()})
"""Columns that Assay fills itself."""

_TURNED = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


def pushed(kind: Kind, expression: Expression) -> tuple[Field, Condition] | None:
    """A comparison of one of the thing's own fields with constants, as a source takes it.

    That something is missing is never asked of a source: what the source does not have is missing too.
    """
    match expression:
        case Binary(
            "=" | "!=" | "<" | "<=" | ">" | ">=" | "like" | "not like" as operator, left, Value(value)
        ):
            return _of(kind, left, operator, value)
        case Binary(operator, Value(value), right) if operator in _TURNED:
            return _of(kind, right, _TURNED[operator], value)
        case Among(operand, options, negated):
            values = [one.value for one in options if isinstance(one, Value)]
            if len(values) == len(options):
                return _of(kind, operand, "not in" if negated else "in", tuple(values))
        case Between(operand, Value(low), Value(high), False):
            return _of(kind, operand, "between", (low, high))
        case Missing(operand, True):
            return _of(kind, operand, "is not null", None, nothing=True)
    return None


def of_records(kind: Kind, expression: Expression | None) -> tuple[Condition, ...]:
    """The conditions on records that their source can evaluate too; all are evaluated here as well."""
    found = [pushed(kind, one) for one in conjuncts(expression)] if expression is not None else []
    return tuple(one for _, one in filter(None, found) if one.column not in _OURS)


def of_value(record: RecordKind, expression: Expression) -> tuple[Condition, ...]:
    """The condition on the value of a characteristic that a comparison of a path to it makes."""
    if record is not RecordKind.MEASUREMENT:
        return ()
    match expression:
        case Binary("=" | "!=" | "<" | "<=" | ">" | ">=" as operator, Path(), Value(value)):
            return (Condition(_column(value), operator, value),)
        case Binary("=" | "!=" | "<" | "<=" | ">" | ">=" as operator, Value(value), Path()):
            return (Condition(_column(value), _TURNED[operator], value),)
        case Among(Path(), options, False) if options and all(isinstance(one, Value) for one in options):
            values = tuple(one.value for one in options if isinstance(one, Value))
            if len({_column(value) for value in values}) == 1:
                return (Condition(_column(values[0]), "in", values),)
        case Between(Path(), Value(low), Value(high), False) if _column(low) == _column(high):
            return (Condition(_column(low), "between", (low, high)),)
    return ()


def _column(value: object) -> str:
    return "text" if isinstance(value, str) else "value"


def _of(
    kind: Kind, operand: Expression, operator: str, value: object, *, nothing: bool = False
) -> tuple[Field, Condition] | None:
    if not (isinstance(operand, Path) and len(operand.hops) == 1 and isinstance(operand.hops[0], Name)):
        return None
    given: Sequence[object] = value if isinstance(value, tuple) else (value,)
    if None in given and not nothing:
        return None
    hop = operand.hops[0]
    field = kind.fields.get(hop.name)
    if field is None or hop.condition is not None:
        return None
    return field, Condition(field.column, operator, value)
