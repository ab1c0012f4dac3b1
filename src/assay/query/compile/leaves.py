"""Where a path ends: the values of many things, once per thing they belong to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from assay.query.compile.follow import Follower
from assay.query.compile.judged import judged
from assay.query.compile.meaning import (
    AGGREGATES,
    FEATURES,
    Ambiguous,
    OfActual,
    OwnField,
    ToRecords,
    ToSignal,
    meaning_of,
)
from assay.query.compile.relation import Build, Rel
from assay.query.compile.speech import said
from assay.query.compile.typed import Typed
from assay.query.domain.vocabulary import Characteristic
from assay.query.language.errors import likely
from assay.query.language.tree import Measured, Name
from assay.query.program import Condition, Sensed

if TYPE_CHECKING:
    from assay.query.compile.values import Rows

_POOLED = ("n", "mean", "std", "min", "max", "first", "last", "slope")
"""The features that are computed together: one pass over the readings gives all of them."""


_IN_TIME = ("time", "source", "epoch", "seq")
"""The order in which records happened."""

_KEYS = ", ".join(f"r.{one} AS {one}" for one in _IN_TIME)


@dataclass(frozen=True)
class Leaf:
    """Values with columns ``anchor``, ``v`` (``t`` as well for a measured value that may be a text).

    ``order`` are its columns by which first and last are told. ``whole``: its rows are things, which count
    whether they have a value or not.
    """

    sql: str
    value: Typed
    rel: Rel
    order: tuple[str, ...]
    whole: bool = False


class Leaves:
    """Makes the relation of values at the end of a path."""

    def __init__(self, build: Build, follower: Follower) -> None:
        self._build = build
        self._follower = follower

    def is_value(self, rel: Rel, hop: Name) -> bool:
        """Whether a name is a value here: a field, a characteristic or a column of the actuals."""
        found = self._meaning(rel, hop)
        if isinstance(found, ToRecords):
            return found.characteristic is not None
        return isinstance(found, OwnField | OfActual)

    def is_signal(self, rel: Rel, hop: Name) -> bool:
        """Whether a name is a signal here."""
        return isinstance(self._meaning(rel, hop), ToSignal)

    def _meaning(self, rel: Rel, hop: Name) -> object:
        try:
            return meaning_of(self._build.domain, rel.kind, hop.name, spans=rel.spans)
        except Ambiguous:
            return self._follower.meaning(rel, hop)

    def itself(self, rel: Rel) -> Typed:
        """What a thing is in a comparison: its id; the value of a measurement, the kind of an event."""
        match rel.kind.name:
            case "measurement":
                return Typed("b.value", "either", text="b.text")
            case "event":
                return Typed("b.event", "text")
            case "movement" | "artifact":
                return Typed("b.subject", "text")
            case "step":
                return Typed("b.key", "text")
        return Typed("b.key", "text")

    def leaf(self, rel: Rel, hop: Name, *, also: tuple[Condition, ...] = ()) -> Leaf:
        """The values of a field, characteristic or actual of the things of ``rel``.

        ``also`` are conditions that the values have to meet: sources leave out what doesn't.
        """
        build = self._build
        meaning = self._follower.meaning(rel, hop)
        if isinstance(meaning, ToRecords):
            found = self._follower.follow(rel, hop, also=also)
            both = meaning.characteristic or Characteristic(number=True, text=True, unit=None)
            sql = f"SELECT r.anchor AS anchor, r.value AS v, r.text AS t, {_KEYS} FROM {found.name} AS r"
            if both.number and both.text:
                value = Typed("v", "either", both.unit, text="t")
            elif both.text:
                sql = f"SELECT r.anchor AS anchor, r.text AS v, {_KEYS} FROM {found.name} AS r"
                value = Typed("v", "text")
            else:
                sql = f"SELECT r.anchor AS anchor, r.value AS v, {_KEYS} FROM {found.name} AS r"
                value = Typed("v", "number", both.unit)
            return Leaf(sql, value, found, _IN_TIME)
        if isinstance(meaning, OfActual):
            found = replace(self._follower.along(rel, meaning, hop))
            own = found.kind.fields[meaning.column]
            return self._column(found, own.column, own.type, own.unit)
        own = cast("OwnField", meaning).field
        if rel.is_record:
            return self._column(rel, own.column, own.type, own.unit)
        column = build.quoted(own.column)
        relation = judged(build, self._follower, rel, own)
        if own.mount is not None:
            fetched = build.fetch(own.mount, ("id", own.column), key="id", keys=(rel.name, "key"))
            relation = build.define(f"SELECT id AS key, {column} FROM {fetched}")
        build.require(relation)
        pairs = f"SELECT DISTINCT r.anchor AS anchor, r.key AS key FROM {rel.name} AS r"
        sql = (
            f"SELECT p.anchor AS anchor, p.key AS o, f.{column} AS v FROM ({pairs}) AS p\n"
            f"JOIN {relation} AS f ON f.key = p.key"
        )
        return Leaf(sql, Typed("v", build.type_of(own), own.unit), rel, ("o",))

    def _column(self, rel: Rel, column: str, kind: str, unit: str | None) -> Leaf:
        sql = f"SELECT r.anchor AS anchor, r.{self._build.quoted(column)} AS v, {_KEYS} FROM {rel.name} AS r"
        return Leaf(sql, Typed("v", kind, unit), rel, _IN_TIME)  # type: ignore[arg-type]

    def things(self, rel: Rel) -> Leaf:
        """The things themselves, each once per anchor: what ``count`` counts."""
        if rel.is_record:
            if rel.kind.name == "measurement":
                sql = f"SELECT r.anchor AS anchor, r.value AS v, r.text AS t, {_KEYS} FROM {rel.name} AS r"
                return Leaf(sql, Typed("v", "either", text="t"), rel, _IN_TIME, whole=True)
            column = "event" if rel.kind.name == "event" else "subject"
            return self._column(rel, column, "text", None)
        sql = f"SELECT DISTINCT r.anchor AS anchor, r.key AS v FROM {rel.name} AS r"
        return Leaf(sql, Typed("v", "text"), rel, ("v",))

    # -- signals ------------------------------------------------------------------------------------

    def sensed(self, rows: Rows, rel: Rel, hop: Name, ending: Name | Measured) -> Typed:
        """A feature of a signal over the time of steps, windows or records, joined to the rows."""
        build = self._build
        signals = self._meant(cast("ToSignal", self._follower.meaning(rel, hop)), hop)
        feature = self._feature(ending)
        spans = self._follower.spans(rel, hop)
        asked = _POOLED if feature in _POOLED else ("n", feature)
        name = f"s_{spans.name}_{build.literal(hop.name)}_{'pooled' if feature in _POOLED else feature}"
        result = build.once(name, lambda given: Sensed(given, spans.name, signals, asked))
        alias = rows.joined(build.define(f"SELECT anchor AS key, {build.quoted(feature)} AS v FROM {result}"))
        if feature == "n":
            return Typed(f"coalesce({alias}.v, 0)", "integer")
        return Typed(f"{alias}.v", "number")

    def _meant(self, meaning: ToSignal, hop: Name) -> tuple[str, ...]:
        """The signals of a name; a machine that has one of exactly this name means that one.

        Raises
        ------
        QuestionError
            The name means two signals of one machine.
        """
        equipment: dict[str | None, list[str]] = {}
        for signal, machine in self._build.domain.vocabulary.signals.matching(meaning.name):
            equipment.setdefault(machine, []).append(signal)
        meant: dict[str, None] = {}
        for machine, signals in equipment.items():
            if meaning.name in signals:
                meant[meaning.name] = None
                continue
            if len(set(signals)) > 1:
                shown = ", ".join(sorted(set(signals))[:6])
                raise self._build.wrong(
                    hop.place,
                    said("ambiguous.signal", name=hop.name, equipment=machine or "?", signals=shown),
                    said("hint.say-which", ways="   ".join(f'"{one}"' for one in sorted(set(signals))[:6])),
                )
            meant.update(dict.fromkeys(signals))
        return tuple(meant)

    def _feature(self, ending: Name | Measured) -> str:
        if isinstance(ending, Measured) and not ending.arguments:
            ending = Name(ending.function, None, ending.place)
        if isinstance(ending, Measured):
            if ending.function != "time_in_band" or len(ending.arguments) != 2:
                raise self._build.wrong(
                    ending.place,
                    said("unknown.feature", name=ending.function),
                    said("hint.feature", name="temp"),
                )
            return f"{ending.function}({', '.join(map(str, ending.arguments))})"
        word = AGGREGATES.get(ending.name, ending.name)
        feature = {"count": "n"}.get(word, word)
        own = [one.name for one in self._build.domain.vocabulary.model.features]
        if feature not in FEATURES and feature not in own:
            raise self._build.wrong(
                ending.place,
                said("unknown.function", name=ending.name),
                likely(ending.name, [*FEATURES, *own, "time_in_band"]),
            )
        return feature
