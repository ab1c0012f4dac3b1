"""What a name means where it stands: a field, a link, a step, a characteristic, an event, a signal …"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from assay.model.kinds import RecordKind
from assay.model.questions import Measure, Term
from assay.model.text import Text
from assay.query.compile.speech import said
from assay.query.domain.kinds import STEP, SUBJECTS, Domain, Field, Kind, Link
from assay.query.domain.vocabulary import Characteristic
from assay.query.language.errors import likely

CARRIES_NAMES = (*SUBJECTS, "material", STEP)
"""Kinds from which a segment, characteristic or event kind of the plant can be followed by its name."""

AGGREGATES = {
    "mean": "mean",
    "average": "mean",
    "std": "std",
    "sum": "sum",
    "min": "min",
    "max": "max",
    "median": "median",
    "count": "count",
    "n": "count",
    "first": "first",
    "last": "last",
    "list": "list",
    "平均": "mean",
    "标准差": "std",
    "合计": "sum",
    "最小": "min",
    "最大": "max",
    "中位数": "median",
    "个数": "count",
}
"""Aggregates by the words that end a path: ``thickness.mean``."""

FEATURES = ("n", "mean", "std", "min", "max", "first", "last", "slope", "duration", "max_gap")
"""What a signal's path may end with."""


@dataclass(frozen=True)
class OwnField:
    """A value of the thing itself."""

    field: Field


@dataclass(frozen=True)
class ToKind:
    """A link to other things; ``through_steps`` when it goes by way of the steps of a unit or lot."""

    link: Link
    target: Kind
    through_steps: bool = False


@dataclass(frozen=True)
class ToRecords:
    """The records of a thing, of one name or all."""

    kind: Kind
    name: str | None = None
    characteristic: Characteristic | None = None
    term: Term | None = None


@dataclass(frozen=True)
class ToSegment:
    """The steps of a thing in one segment."""

    segment: str


@dataclass(frozen=True)
class ToSignal:
    """A signal over the time of a step, span, event or measurement."""

    signals: tuple[str, ...]
    name: str


@dataclass(frozen=True)
class OfActual:
    """A column of the actuals of a unit, lot or step: the plant's own, or position, role, quantity."""

    column: str


@dataclass(frozen=True)
class OfMeasure:
    """A figure of the plant's or of Assay's by name."""

    measure: Measure


Meaning = OwnField | ToKind | ToRecords | ToSegment | ToSignal | OfActual | OfMeasure

_YIELDS = {
    "conforming": (("yield", "合格率", "良率"), {"en": "Yield", "zh": "合格率"}),
    "conforming_today": (
        ("yield_today", "现行合格率"),
        {"en": "Yield by today's limits", "zh": "按现行规格的合格率"},
    ),
}

BUILT_IN_MEASURES = tuple(
    Measure(name=name, of="unit", formula=f"share({field})", title=title)
    for field, (names, title) in _YIELDS.items()
    for name in names
)

_OF_ACTUALS = ("position", "role", "quantity")


class Ambiguous(Exception):
    """A name means several things here."""

    def __init__(self, ways: list[str]) -> None:
        super().__init__(", ".join(ways))
        self.ways = ways


def meaning_of(domain: Domain, kind: Kind, name: str, *, spans: bool = False) -> Meaning | None:
    """What ``name`` means after a thing of ``kind``, or None.

    Raises
    ------
    Ambiguous
        Several of the plant's names are spelled so; each way to say which one is meant is given.
    """
    if not spans:
        if kind.record is not None and name in kind.fields:
            return OwnField(kind.fields[name])
        found = built_in(domain, kind, name)
        if found is not None and (name in kind.links or name in kind.fields or name in domain.kinds):
            return found
    ways = _of_the_plant(domain, kind, name, spans=spans)
    if len(ways) > 1:
        raise Ambiguous([way for way, _ in ways])
    if ways:
        return ways[0][1]
    # Only another word for a kind: the plant's own names come before it.
    if not spans and found is not None:
        return found
    for measure in (*domain.vocabulary.model.measures, *BUILT_IN_MEASURES):
        if measure.name == name and not spans:
            return OfMeasure(measure)
    return None


def built_in(domain: Domain, kind: Kind, name: str) -> Meaning | None:
    """What a name means by the model alone: a link, the records of a thing, a field.

    Raises
    ------
    Ambiguous
        Several links could have the name.
    """
    target = domain.kind(name)
    link = kind.links.get(name) or (kind.links.get(target.name) if target is not None else None)
    if link is not None:
        if link.ways:
            raise Ambiguous(list(link.ways))
        return ToKind(link, domain.kinds[link.target])
    if target is not None:
        if target.record is not None and kind.record is None:
            return ToRecords(target)
        if STEP in kind.links and target.name in domain.kinds[STEP].links:
            return ToKind(domain.kinds[STEP].links[target.name], target, through_steps=True)
        if kind.record is not None and target.name in (*SUBJECTS, STEP):
            return ToKind(Link(target.name, target.name, ""), target)
    if name in kind.fields:
        return OwnField(kind.fields[name])
    return None


def _of_the_plant(domain: Domain, kind: Kind, name: str, *, spans: bool) -> list[tuple[str, Meaning]]:
    """What the plant calls so: each with the way to say that this one is meant."""
    names = domain.vocabulary
    ways: list[tuple[str, Meaning]] = []
    if kind.name in CARRIES_NAMES and not spans:
        term = next((one for one in names.model.terms if one.name == name), None)
        if term is not None:
            return [(name, ToRecords(domain.kinds[term.of.value], term=term))]
        if name in names.segments and kind.name != STEP:
            ways.append((f"step[segment = '{name}']", ToSegment(name)))
        if (measured := domain.characteristic(name)) is not None:
            records = ToRecords(domain.kinds["measurement"], name, measured)
            ways.append((f"measurement[characteristic = '{name}']", records))
        if domain.is_event(name):
            ways.append((f"event[event = '{name}']", ToRecords(domain.kinds["event"], name)))
        if kind.name != "material":
            own = names.attributes.get(RecordKind.MOVEMENT, {})
            if name in own or name in _OF_ACTUALS:
                ways.append((f"movement.{name}", OfActual(name)))
    if spans or kind.name in {STEP, "equipment", "event", "measurement"}:
        found = names.signals.matching(name)
        if found:
            ways.append((name, ToSignal(tuple(dict.fromkeys(signal for signal, _ in found)), name)))
    return ways


NameKind = Literal[
    "field", "link", "records", "measure", "term", "segment", "characteristic", "event", "actual"
]


@dataclass(frozen=True)
class Named:
    """A name that may stand somewhere: what sort of name it is, the kind it leads to (None for a value)."""

    name: str
    sort: NameKind
    leads: str | None = None
    unit: str | None = None
    title: Text | None = None


def named_at(domain: Domain, kind: Kind) -> Iterator[Named]:
    """Every name that may follow a thing of ``kind``; of signals there are too many."""
    names = domain.vocabulary
    if kind.name in CARRIES_NAMES:
        yield from (Named(one.name, "term", one.of.value, title=_titled(one)) for one in names.model.terms)
        if kind.name != STEP:
            yield from (Named(name, "segment", STEP) for name in names.segments)
        for name, known in names.characteristics.items():
            yield Named(name, "characteristic", "measurement", known.unit)
        yield from (Named(name, "event", "event") for name in names.events)
    for one in (*names.model.measures, *BUILT_IN_MEASURES):
        yield Named(one.name, "measure", None, one.unit, _titled(one))
    yield from (Named(link.name, "link", link.target) for link in kind.links.values())
    if STEP in kind.links:
        yield from (Named(name, "link", link.target) for name, link in domain.kinds[STEP].links.items())
    yield from (Named(one.name, "field", None, one.unit) for one in kind.fields.values())
    if kind.name in CARRIES_NAMES and kind.name != "material":
        own = (*_OF_ACTUALS, *names.attributes.get(RecordKind.MOVEMENT, {}))
        yield from (Named(name, "actual", None, names.units.get(name)) for name in own)
    if kind.record is None:
        yield from (Named(one, "records", one) for one in map(str, RecordKind) if one in domain.kinds)


def _titled(one: Term | Measure) -> Text | None:
    own = one.title
    fallback = own.get("en") or own.get("zh")
    return Text(zh=own.get("zh", fallback), en=own.get("en", fallback)) if fallback else None


def names_at(domain: Domain, kind: Kind, *, spans: bool = False) -> dict[str, str | None]:
    """Every name that may follow a thing of ``kind``, with the kind it leads to (None for a value)."""
    found: dict[str, str | None] = {}
    for one in () if spans else named_at(domain, kind):
        found.setdefault(one.name, one.leads)
    return found


def unknown(domain: Domain, kind: Kind, name: str, *, spans: bool = False) -> tuple[Text, Text | None]:
    """The sentence that a name is not known here, and what may have been meant."""
    known = [*names_at(domain, kind, spans=spans)]
    if kind.record is not None:
        known += AGGREGATES
    else:
        known += [word for word in domain.words() if built_in(domain, kind, word) is not None]
    if spans or kind.name == STEP:
        known += domain.vocabulary.signals.near(name)
    advice: Text | None = likely(name, known)
    if advice is None:
        advice = said("hint.there-are", names=", ".join(sorted({*names_at(domain, kind, spans=spans)})[:24]))
    return said("unknown.name", name=name, kind=kind.name), advice
