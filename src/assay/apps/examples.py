"""Questions to begin with, made from a plant's own names; each is one that the plant can answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from assay.apps.catalogue import told
from assay.apps.payloads import Example, ExamplesPayload, TargetCard
from assay.model.kinds import RecordKind
from assay.model.text import Text
from assay.query.domain.kinds import Domain
from assay.query.find import domain_of, prepare
from assay.query.language.errors import QuestionError
from assay.query.language.printer import write_value
from assay.query.language.words import written_name
from assay.store.workspace import Workspace

_MOST = 7
_SEPARATORS = ".:/"


def examples(workspace: Workspace, targets: Sequence[TargetCard]) -> ExamplesPayload:
    """At most seven questions, the ones that lead to a cause first."""
    found: list[Example] = []
    for example in _Examples(workspace, targets).all():
        if len(found) < _MOST and _is_answered(workspace, example.question):
            found.append(example)
    return ExamplesPayload(examples=found)


def _is_answered(workspace: Workspace, question: str) -> bool:
    """Whether the plant understands the question; nothing of it is computed."""
    try:
        with prepare(workspace, question):
            return True
    except QuestionError:
        return False


class _Examples:
    def __init__(self, workspace: Workspace, targets: Sequence[TargetCard]) -> None:
        self._workspace = workspace
        self._domain: Domain = domain_of(workspace)
        self._outcome = next((one for one in targets if one.value is not None), None)
        self._number = next((one.characteristic for one in targets if one.kind == "numeric"), None)

    def all(self) -> Iterator[Example]:
        """Every question that may make sense here."""
        yield from self._bad_units()
        yield from self._by_factor()
        yield from self._lots()
        yield from self._numbers()
        yield from self._signals()
        yield from self._events()
        if self._has(RecordKind.MEASUREMENT, "characteristic"):
            question = "measurement | by characteristic: count() as results | sort results desc"
            yield _example("measured", question)

    def _bad_units(self) -> Iterator[Example]:
        if self._outcome is None:
            return
        named = {"name": self._outcome.characteristic, "value": self._outcome.value}
        yield _example("bad-units", f"unit[{self._condition()}]", **named)
        if self._has(RecordKind.MOVEMENT, "equipment"):
            question = f"unit[{self._condition()}] | by equipment: count(unit) as bad | sort bad desc"
            yield _example("bad-by-equipment", question, **named)

    def _by_factor(self) -> Iterator[Example]:
        factors = self._domain.vocabulary.attributes.get(RecordKind.MOVEMENT, {})
        for factor in list(factors)[:1]:
            share = f"share({self._condition()}) as bad, " if self._outcome is not None else ""
            question = f"unit | by {written_name(factor)}: {share}count(unit) as units"
            yield _example("by-factor", f"{question} | sort bad desc" if share else question, factor=factor)

    def _lots(self) -> Iterator[Example]:
        if not self._holds("SELECT 1 FROM movement WHERE subject_kind = 'lot' LIMIT 1"):
            return
        if self._outcome is not None:
            question = f"unit[{self._condition()}].lot.product.lots | compare yield"
            yield _example("sibling-lots", question)
            yield _example("ancestors", f"unit[{self._condition()}].ancestors(lot)")
        else:
            yield _example("lots", "lot | compare yield")

    def _numbers(self) -> Iterator[Example]:
        if self._number is None:
            return
        name = written_name(self._number)
        question = f"unit | by: mean({name}) as mean, std({name}) as std, count({name}) as n"
        yield _example("spread", question, name=self._number)

    def _signals(self) -> Iterator[Example]:
        """A signal over the steps that its machine takes part in."""
        signals = self._domain.vocabulary.signals
        for full in signals.some(1):
            short = full
            for separator in _SEPARATORS:
                short = short.rsplit(separator, 1)[-1]
            machine = next((place for _, place in signals.matching(full) if place), None)
            if machine is None:
                continue
            sql = "SELECT segment FROM movement WHERE equipment = $machine AND segment IS NOT NULL LIMIT 1"
            rows = self._workspace.lake.query(sql, {"machine": machine}).column(0).to_pylist()
            for segment in rows:
                path = f"{written_name(segment)}.{written_name(short)}"
                question = f"unit | select id, {path}.mean, {path}.max | limit 100"
                yield _example("signal", question, signal=short, segment=segment)

    def _events(self) -> Iterator[Example]:
        if self._has(RecordKind.EVENT, "event"):
            yield _example("events", "event | by event, equipment: count() as events | sort events desc")

    def _condition(self) -> str:
        if self._outcome is None:
            return "not conforming"
        return f"{written_name(self._outcome.characteristic)} = {write_value(self._outcome.value)}"

    def _has(self, kind: RecordKind, column: str) -> bool:
        return self._holds(f"SELECT 1 FROM {kind.value} WHERE {column} IS NOT NULL LIMIT 1")

    def _holds(self, sql: str) -> bool:
        return bool(self._workspace.lake.query(sql).num_rows)


def _example(key: str, question: str, **values: object) -> Example:
    title: Text = told(f"example.{key}", **values)
    return Example(question=question, title=title)
