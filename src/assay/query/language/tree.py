"""The tree of a question: what the parser makes, what the Python builder makes, what the printer writes.

A question is a path and stages: ``unit[defect.code = 'HC-3'].lot.product.lots | compare yield``. Names are
not resolved here: that a name is a link, a step, a characteristic or a signal is the domain's business.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal as OneOf

Scalar = str | float | int | bool | datetime | timedelta | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the text a node stands: 0-based, ``end`` excluded. Two nodes may differ in it and be equal."""

    start: int
    end: int


NOWHERE = Place(0, 0)
"""The place of a node that was built in Python."""


@dataclass(frozen=True, slots=True)
class Value:
    """A constant: text, number, truth, time, duration, or ``null``."""

    value: Scalar
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Name:
    """One step of a path by name, narrowed by a condition on what it leads to: ``defect[code = 'HC-3']``."""

    name: str
    condition: Expression | None = None
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Walk:
    """A step through the genealogy: ``ancestors(lot)``, ``descendants(unit, 3)``.

    ``kind`` is the kind of subject to end at (None: that it begins at); ``depth`` the most movements.
    """

    direction: OneOf["ancestors", "descendants"]
    kind: str | None = None
    depth: int | None = None
    condition: Expression | None = None
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Window:
    """A time window relative to a step or record: ``window(start - 10min, end + 5min)``.

    Each edge is ``start`` or ``end`` of what stands before it, moved by a duration.
    ``before(30min)`` is the 30 minutes up to the start; ``after(30min)`` those from the end on.
    """

    first: OneOf["start", "end"]
    first_offset: timedelta
    last: OneOf["start", "end"]
    last_offset: timedelta
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Measured:
    """A feature with arguments that ends a path: ``temp.time_in_band(180, 220)``, ``temp.quantile(0.9)``."""

    function: str
    arguments: tuple[Scalar, ...]
    place: Place = field(default=NOWHERE, compare=False)


Hop = Name | Walk | Window | Measured


@dataclass(frozen=True, slots=True)
class Path:
    """Names joined by dots. At the top it begins with a kind (``unit``), inside at what is asked about."""

    hops: tuple[Hop, ...]
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """A function: of values (``round(width, 2)``) or over many (``mean(thickness)``, ``count(defect)``)."""

    function: str
    arguments: tuple[Expression, ...]
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Unary:
    """``not x`` or ``-x``."""

    operator: OneOf["not", "-"]
    operand: Expression
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Binary:
    """Two operands. ``like`` is SQL's; ``=`` of two missing values is unknown, as in SQL."""

    operator: OneOf["and", "or", "=", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "like", "not like"]
    left: Expression
    right: Expression
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Among:
    """``x in (a, b)`` or ``x not in (a, b)``."""

    operand: Expression
    options: tuple[Expression, ...]
    negated: bool = False
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Between:
    """``x between a and b``, both edges included, or ``x not between a and b``."""

    operand: Expression
    low: Expression
    high: Expression
    negated: bool = False
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Missing:
    """``x is null`` or ``x is not null``."""

    operand: Expression
    negated: bool = False
    place: Place = field(default=NOWHERE, compare=False)


Expression = Value | Path | Call | Unary | Binary | Among | Between | Missing


@dataclass(frozen=True, slots=True)
class Item:
    """A column of a result: an expression and, with ``as``, its name."""

    expression: Expression
    name: str | None = None
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Where:
    """``| where CONDITION``: keep what meets it."""

    condition: Expression
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Select:
    """``| select a, b as c``: columns of what the path leads to.

    One path to many gives a row for each of them; two that don't share their beginning would give every
    pair, and are refused unless ``crossed`` (``| select cross a, b``).
    """

    items: tuple[Item, ...]
    crossed: bool = False
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class By:
    """``| by KEYS: MEASURES``: one row per group."""

    keys: tuple[Item, ...]
    measures: tuple[Item, ...]
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Compare:
    """``| compare MEASURES [by KEYS]``: one row per thing found (or per group), those we came from marked."""

    measures: tuple[Item, ...]
    keys: tuple[Item, ...] = ()
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class SortKey:
    """A column or expression to sort by."""

    expression: Expression
    descending: bool = False
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Sort:
    """``| sort a, b desc``; missing values come last."""

    keys: tuple[SortKey, ...]
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Limit:
    """``| limit 20`` or ``| limit 20 offset 40``."""

    count: int
    offset: int = 0
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Count:
    """``| count``: how many."""

    place: Place = field(default=NOWHERE, compare=False)


Stage = Where | Select | By | Compare | Sort | Limit | Count


@dataclass(frozen=True, slots=True)
class Question:
    """A whole question; ``text`` is as it was written, or as the printer writes it."""

    path: Path
    stages: tuple[Stage, ...] = ()
    text: str = field(default="", compare=False)
