"""Questions built in Python, with completion: the same trees as text makes.

Examples
--------
>>> q = Questions()
>>> unit = q.unit
>>> lots = unit[unit.defect.code == 'HC-3'].lot.product.lots
>>> print(lots.compare(lots.yield_, temperature=lots.sinter.temp.mean).limit(20))
unit[defect.code = 'HC-3'].lot.product.lots | compare yield, sinter.temp.mean as temperature | limit 20
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from keyword import iskeyword
from typing import Literal as OneOf
from typing import Protocol, TypeVar

from assay.model.errors import did_you_mean
from assay.query.language.built import Rooted, Term, constant_of, expression_of, fn, relative
from assay.query.language.depth import bounded
from assay.query.language.parser import parse, parse_expression, parse_item, parse_sort_key
from assay.query.language.printer import write, write_value
from assay.query.language.tree import (
    Binary,
    By,
    Compare,
    Count,
    Expression,
    Hop,
    Item,
    Limit,
    Measured,
    Name,
    Path,
    Question,
    Select,
    Sort,
    SortKey,
    Stage,
    Walk,
    Where,
    Window,
)

Node = TypeVar("Node")
Condition = Term | Expression | str | Callable[["Steps"], Term]
"""A condition: built, as text, or a function of what is asked about."""

Columns = Term | Item | Expression | str
"""A column: built, or as text such as ``"mean(thickness) as t"``."""


_Direction = OneOf["ancestors", "descendants"]


class Names(Protocol):
    """The names that may follow, for completion and checks."""

    def names(self, kind: str) -> Mapping[str, str | None]:
        """What may follow a thing of this kind: each name with the kind it leads to, None for a value.

        For the empty text: the names of the kinds that a question may begin with. The mapping may know
        more names than it lists, such as those of a million signals.
        """


@dataclass(frozen=True)
class Stand:
    """Where a path has come to: what may follow, by the vocabulary.

    ``following`` is None where nobody knows; empty behind a value.
    """

    hops: tuple[Hop, ...]
    vocabulary: Names | None = None
    kind: str | None = None
    following: Mapping[str, str | None] | None = None

    def to(self, name: str) -> Stand:
        """One name further."""
        return self.leading(Name(name), None if self.following is None else self.following[name])

    def leading(self, hop: Hop, kind: str | None) -> Stand:
        """One hop further, to things of a kind or, where names are known, to a value."""
        hops = (*self.hops, hop)
        if self.vocabulary is None or self.following is None:
            return Stand(hops, self.vocabulary)
        return Stand(hops, self.vocabulary, kind, {} if kind is None else self.vocabulary.names(kind))

    def relative(self, node: Node) -> Node:
        """The node with its paths written from here."""
        bounded(node)
        return relative(node, self.hops, self.kind)


class Askable:
    """A question as far as it is built: stages can be put behind it."""

    __slots__ = ()
    _stand: Stand
    _stages: tuple[Stage, ...] = ()

    def _then(self, stage: Stage) -> Asked:
        return Asked(self._stand, (*self._stages, self._stand.relative(stage)))

    def where(self, condition: Condition) -> Asked:
        """``| where condition``: keep what meets it."""
        return self._then(Where(_condition(condition, self._stand)))

    def select(self, *columns: Columns, cross: bool = False, **named: Columns) -> Asked:
        """``| select columns``; keywords name columns. ``cross`` allows every pair of two things."""
        return self._then(Select(_items(columns, named), cross))

    def by(self, *keys: Columns, measures: Iterable[Columns] = (), **named: Columns) -> Asked:
        """``| by keys: measures``; keywords are measures with their names."""
        return self._then(By(_items(keys, {}), _items(measures, named)))

    def compare(self, *measures: Columns, by: Columns | Iterable[Columns] = (), **named: Columns) -> Asked:
        """``| compare measures by keys``; keywords name measures."""
        keys = [by] if isinstance(by, Term | Item | Expression | str) else by
        return self._then(Compare(_items(measures, named), _items(keys, {})))

    def sort(self, *keys: Term | SortKey | Expression | str) -> Asked:
        """``| sort keys``: ``lots.yield_.descending()`` or ``"yield desc"``."""
        return self._then(Sort(tuple(map(_sort_key, keys))))

    def limit(self, count: int, offset: int = 0) -> Asked:
        """``| limit count offset offset``."""
        return self._then(Limit(count, offset))

    def count(self) -> Asked:
        """``| count``: how many."""
        return self._then(Count())

    def question(self) -> Question:
        """The tree; its places are those of its text.

        Raises
        ------
        QuestionError
            It is too long or too deep.
        """
        return parse(write(Question(Path(self._stand.hops), self._stages)))


class Asked(Askable):
    """A path with stages behind it."""

    __slots__ = ("_stages", "_stand")

    def __init__(self, stand: Stand, stages: tuple[Stage, ...]) -> None:
        self._stand = stand
        self._stages = stages

    def __str__(self) -> str:
        return write(Question(Path(self._stand.hops), self._stages))

    __repr__ = __str__


class Steps(Term, Askable):
    """A path: attributes follow names, square brackets narrow, comparisons make conditions.

    A trailing underscore gives a name that Python or this class uses itself: ``lot.yield_``,
    ``unit.count_``. A name that is no Python name is followed by :meth:`follow`.
    """

    __slots__ = ("_stand",)

    def __init__(self, stand: Stand) -> None:
        super().__init__(Rooted(stand.hops))
        self._stand = stand

    def __getattr__(self, name: str) -> Steps:
        if name.startswith("_"):
            raise AttributeError(name)
        return self._at(self._stand.to(_followed(name, self._stand.following, self)))

    def __dir__(self) -> list[str]:
        return sorted({*_OWN, *_attributes(self._stand.following)})

    def __getitem__(self, condition: Condition) -> Steps:
        hop = self._stand.hops[-1]
        if not isinstance(hop, Name | Walk):
            raise TypeError(f"{self} can't be narrowed by a condition.")
        one = self._stand.relative(_condition(condition, self._stand))
        both = one if hop.condition is None else Binary("and", hop.condition, one)
        return self._at(replace(self._stand, hops=(*self._stand.hops[:-1], replace(hop, condition=both))))

    def __call__(self, *arguments: object) -> Steps:
        """A feature with constants: ``temp.time_in_band(180, 220)``."""
        *before, hop = self._stand.hops
        if not before or not isinstance(hop, Name) or hop.condition is not None:
            raise TypeError(f"{self} is no feature that takes arguments.")
        feature = Measured(hop.name, tuple(map(constant_of, arguments)))
        return self._at(replace(self._stand, hops=(*before, feature)))

    def follow(self, name: str) -> Steps:
        """Follow any name, such as ``"zone 1.temp"``.

        Raises
        ------
        AttributeError
            Nothing of this name follows.
        """
        if self._stand.following is not None and name not in self._stand.following:
            raise _unknown(name, self._stand.following, self)
        return self._at(self._stand.to(name))

    def ancestors(self, kind: str | None = None, depth: int | None = None) -> Steps:
        """What the things here were made from; ``depth`` is the most movements to follow."""
        return self._walk("ancestors", kind, depth)

    def descendants(self, kind: str | None = None, depth: int | None = None) -> Steps:
        """What was made from the things here; ``depth`` is the most movements to follow."""
        return self._walk("descendants", kind, depth)

    def window(self, first: str, last: str) -> Steps:
        """A time window relative to the step here: ``window("start - 10min", "end + 5min")``."""
        return self._windowed(f"window({first}, {last})")

    def before(self, length: str | timedelta) -> Steps:
        """The time up to the start of the step here: ``before("30min")``."""
        return self._windowed(f"before({_length(length)})")

    def after(self, length: str | timedelta) -> Steps:
        """The time from the end of the step here on."""
        return self._windowed(f"after({_length(length)})")

    def _at(self, stand: Stand) -> Steps:
        return type(self)(stand)

    def _walk(self, direction: _Direction, kind: str | None, depth: int | None) -> Steps:
        hop = Walk(direction, kind, depth)
        if kind is None:
            return self._at(Stand((*self._stand.hops, hop), self._stand.vocabulary))
        return self._at(self._stand.leading(hop, kind))

    def _windowed(self, text: str) -> Steps:
        tree = parse_expression(text)
        if not isinstance(tree, Path) or len(tree.hops) != 1 or not isinstance(tree.hops[0], Window):
            raise TypeError(f"{text} is no time window.")
        return self._at(replace(self._stand, hops=(*self._stand.hops, tree.hops[0])))


class Here(Steps):
    """A path that begins at what is asked about: ``unit[it.defect.code == 'HC-3']``."""

    __slots__ = ()

    def _tree(self) -> Expression:
        if not self._stand.hops:
            raise TypeError("What is asked about is no value itself; follow a name from it.")
        return Path(self._stand.hops)


it = Here(Stand(()))
"""What is asked about, where it has no name in Python: ``unit[it.defect.code == 'HC-3']``."""


class Questions:
    """Where questions begin: ``q.unit``, ``q.lot``.

    Parameters
    ----------
    vocabulary
        Knows which names may follow; without it every name may.
    """

    def __init__(self, vocabulary: Names | None = None) -> None:
        self._stand = Stand((), vocabulary, None, None if vocabulary is None else vocabulary.names(""))

    def __getattr__(self, kind: str) -> Steps:
        if kind.startswith("_"):
            raise AttributeError(kind)
        return Steps(self._stand.to(_followed(kind, self._stand.following, "a question")))

    def __dir__(self) -> list[str]:
        return sorted(_attributes(self._stand.following))


_OWN = frozenset(name for name in dir(Steps) if not name.startswith("_"))


def _followed(attribute: str, following: Mapping[str, str | None] | None, place: object) -> str:
    """The name that an attribute stands for."""
    plain = attribute.removesuffix("_")
    if following is None:
        return plain if iskeyword(plain) or plain in _OWN else attribute
    if attribute in following:
        return attribute
    if plain in following:
        return plain
    raise _unknown(attribute, following, place)


def _attributes(following: Mapping[str, str | None] | None) -> list[str]:
    """The names that may follow, as they are written in Python."""
    names = (name for name in following or () if name.isidentifier())
    return [f"{name}_" if iskeyword(name) or name in _OWN else name for name in names]


def _unknown(name: str, following: Mapping[str, str | None], place: object) -> AttributeError:
    close = did_you_mean(name, list(following))
    return AttributeError(" ".join(filter(None, (f"{name!r} does not follow {place}.", close))), name=name)


def _length(length: str | timedelta) -> str:
    return length if isinstance(length, str) else write_value(length)


def _condition(condition: Condition, stand: Stand) -> Expression:
    if isinstance(condition, str):
        return parse_expression(condition)
    if isinstance(condition, Term | Expression):
        return expression_of(condition)
    if callable(condition):
        return expression_of(condition(Here(replace(stand, hops=()))))
    raise TypeError(f"{condition!r} is no condition.")


def _items(columns: Iterable[Columns], named: Mapping[str, Columns]) -> tuple[Item, ...]:
    return (
        *map(_item, columns),
        *(replace(_item(column), name=name) for name, column in named.items()),
    )


def _item(column: Columns) -> Item:
    if isinstance(column, Item):
        return column
    return parse_item(column) if isinstance(column, str) else Item(expression_of(column))


def _sort_key(key: Term | SortKey | Expression | str) -> SortKey:
    if isinstance(key, SortKey):
        return key
    return parse_sort_key(key) if isinstance(key, str) else SortKey(expression_of(key))


__all__ = ["Askable", "Asked", "Names", "Questions", "Steps", "fn", "it"]
