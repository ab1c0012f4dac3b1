"""What a name means where it stands: a field, a link, a step, a characteristic, an event, a signal …"""

from __future__ import annotations

from dataclasses import dataclass

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

BUILT_IN_MEASURES = (
    Measure(name="yield", of="unit", formula="share(conforming)", title={"en": "Yield", "zh": "合格率"}),
    Measure(name="合格率", of="unit", formula="share(conforming)", title={"en": "Yield", "zh": "合格率"}),
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
    """What a name means by the model alone: a link, the records of a thing, a field."""
    if name in kind.links:
        link = kind.links[name]
        return ToKind(link, domain.kinds[link.target])
    target = domain.kind(name)
    if target is not None:
        if target.name in kind.links:
            return ToKind(kind.links[target.name], target)
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


def names_at(domain: Domain, kind: Kind, *, spans: bool = False) -> dict[str, str | None]:
    """Every name that may follow a thing of ``kind``, with the kind it leads to (None for a value)."""
    names = domain.vocabulary
    found: dict[str, str | None] = {}
    if not spans:
        found.update(dict.fromkeys(kind.fields))
        found.update({link.name: link.target for link in kind.links.values()})
        if kind.record is None:
            found.update(
                {record.value: record.value for record in RecordKind if record.value in domain.kinds}
            )
        if STEP in kind.links:
            found.update({name: link.target for name, link in domain.kinds[STEP].links.items()})
        found.update({measure.name: None for measure in (*names.model.measures, *BUILT_IN_MEASURES)})
    if kind.name in CARRIES_NAMES and not spans:
        found.update({term.name: term.of.value for term in names.model.terms})
        if kind.name != STEP:
            found.update(dict.fromkeys(names.segments, STEP))
        found.update(dict.fromkeys(names.characteristics, "measurement"))
        found.update(dict.fromkeys(names.events, "event"))
        if kind.name != "material":
            found.update(dict.fromkeys((*_OF_ACTUALS, *names.attributes.get(RecordKind.MOVEMENT, {}))))
    return found


def unknown(domain: Domain, kind: Kind, name: str, *, spans: bool = False) -> tuple[Text, Text | None]:
    """The sentence that a name is not known here, and what may have been meant."""
    known = [*names_at(domain, kind, spans=spans)]
    if kind.record is None:
        known += [word for word in domain.words() if built_in(domain, kind, word) is not None]
    if spans or kind.name == STEP:
        known += domain.vocabulary.signals.near(name)
    advice = likely(name, known)
    if advice is None:
        advice = said("hint.there-are", names=", ".join(sorted({*names_at(domain, kind, spans=spans)})[:24]))
    return said("unknown.name", name=name, kind=kind.name), advice
