"""The relations a program is made of, and the state of a compilation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import cast

from assay.model.text import Text
from assay.query.dialect import Dialect
from assay.query.domain.kinds import Domain, Field, Kind, Type, type_of
from assay.query.domain.mounts import Mount
from assay.query.domain.relations import NAMED, Relations
from assay.query.language.errors import QuestionError, at
from assay.query.language.tree import NOWHERE, Place
from assay.query.language.words import QUOTES
from assay.query.program import Condition, Conversions, Define, Fetch, Step


@dataclass(frozen=True)
class Rel:
    """A relation of things of one kind.

    Things have columns ``key`` and, when ``anchored``, ``anchor``: what they belong to. A step reached from a
    unit or lot has ``via`` too, the subject it was reached from. Records have their own columns instead of a
    key. Spans of time have ``equipment``, ``started`` and ``ended``. ``whole``: everything of its kind.
    """

    name: str
    kind: Kind
    anchored: bool
    via: str | None = None
    whole: bool = False
    spans: bool = False

    @property
    def anchor(self) -> str:
        """The beginning of a select list over alias ``r``."""
        return "r.anchor AS anchor, " if self.anchored else ""

    @property
    def anchor_name(self) -> str:
        """The anchor's column for a list without an alias."""
        return "anchor, " if self.anchored else ""

    @property
    def is_record(self) -> bool:
        """Whether the things are records."""
        return self.kind.record is not None and not self.spans


def record_columns(kind: Kind) -> list[str]:
    """The columns of a relation of records."""
    own = dict.fromkeys(one.column for one in kind.fields.values())
    own["subject_key"] = None
    if kind.name == "movement":
        own["step"] = None
    return list(own)


class Build:
    """The steps of a program while it is compiled; base relations come before their use."""

    def __init__(self, domain: Domain, relations: Relations, dialect: Dialect, text: str) -> None:
        self.domain = domain
        self.dialect = dialect
        self.text = text
        self.steps: list[Step] = []
        self.inside: list[str] = []
        self.relations = relations
        self._present: set[str] = set()
        self._made: dict[str, str] = {}
        self._numbers = 0

    def define(self, sql: str, *, stored: bool = False, name: str | None = None) -> str:
        """A relation by this SQL, with the base relations it names; the same SQL gives the same relation."""
        if name is None and sql in self._made:
            return self._made[sql]
        self.require(sql)
        given = name or self.fresh()
        self.steps.append(Define(given, sql, stored))
        if name is None:
            self._made[sql] = given
        return given

    def require(self, sql: str) -> None:
        """Define the base relations that a SQL text names, and those that they name."""
        for name in dict.fromkeys(NAMED.findall(sql)):
            if name in self._present:
                continue
            self._present.add(name)
            made = self.relations.step(name)
            if isinstance(made, Define):
                self.require(made.sql)
            elif isinstance(made, Conversions):
                self.require(made.pairs)
            if made is not None:
                self.steps.append(made)

    def add(self, step: Step) -> None:
        """A step that is not SQL."""
        self.steps.append(step)

    def fetch(
        self,
        mount: Mount,
        columns: Sequence[str],
        *,
        conditions: Sequence[Condition] = (),
        key: str | None = None,
        keys: tuple[str, str] | None = None,
    ) -> str:
        """The relation of rows of a mounted table.

        Columns that are asked for one by one, under the same conditions and keys, come in one fetch.
        """
        mark = f"fetch {mount.source} {mount.table.name} {conditions!r} {key} {keys}"
        if mark not in self._made:
            self._made[mark] = self.fresh()
            name = self._made[mark]
            self.steps.append(
                Fetch(name, mount.source, mount.table.name, tuple(columns), tuple(conditions), key, keys)
            )
        name = self._made[mark]
        at = next(i for i, step in enumerate(self.steps) if step.name == name)
        before = cast("Fetch", self.steps[at])
        self.steps[at] = replace(before, columns=tuple(dict.fromkeys((*before.columns, *columns))))
        return name

    def once(self, mark: str, make: Callable[[str], Step]) -> str:
        """The relation of a step that is made the first time its mark is asked for."""
        if mark not in self._made:
            self._made[mark] = self.fresh()
            step = make(self._made[mark])
            if isinstance(step, Conversions):
                self.require(step.pairs)
            self.steps.append(step)
        return self._made[mark]

    def fresh(self) -> str:
        """A name that no relation has."""
        self._numbers += 1
        return f"q{self._numbers}"

    def whole(self, kind: Kind) -> Rel:
        """Everything of a kind."""
        self.require(kind.universe)
        return Rel(kind.universe, kind, anchored=False, whole=True)

    def type_of(self, field: Field) -> Type:
        """The type of a field; that of a mounted table is asked of its source."""
        if field.mount is None:
            return field.type
        return type_of(self.domain.mounts.type(field.mount, field.column))

    def record_key(self, alias: str) -> str:
        """What tells one record from another, as one text."""
        return self.dialect.hashed([f"{alias}.{name}" for name in ("source", "epoch", "seq")])

    def wrong(self, place: Place, said: Text, advice: Text | None = None) -> QuestionError:
        """An error about a part of the question."""
        return at(self.text if place != NOWHERE else "", place, said, advice)

    def is_in_quotes(self, place: Place) -> bool:
        """Whether a name in double quotes stands there."""
        return place != NOWHERE and self.text[place.start : place.start + 1] in tuple(QUOTES)

    def named(self, place: Place, name: str) -> Place:
        """The place of the name that a node begins with: of ``mean`` in ``mean(thickness)``."""
        quotes = 2 if self.is_in_quotes(place) else 0
        return Place(place.start, min(place.end, place.start + len(name) + quotes))

    def quoted(self, name: str) -> str:
        """A name as an identifier."""
        return self.dialect.quoted(name)

    def literal(self, value: object) -> str:
        """A constant."""
        return self.dialect.literal(value)  # type: ignore[arg-type]
