"""Everything the pages and the API ask of a plant, answered as payloads.

Frames and reports are kept for the plant's present state, so that the bindings of one page share them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import ValidationError

from assay.analyse import board
from assay.analyse.cause import Cause, CauseReport, affected, cause, evidence
from assay.analyse.cause.frame import Frame, build
from assay.analyse.through import WalkArguments
from assay.analyse.unit_file import UnitFile, unit_file
from assay.analyse.welding import WeldFile, weld_file
from assay.apps import charts, units
from assay.apps.catalogue import column_title, told
from assay.apps.errors import PageError
from assay.apps.evidence import log_remarks, log_state, unit_evidence
from assay.apps.examples import examples
from assay.apps.genealogy import Way, genealogy
from assay.apps.grids import grid, moment
from assay.apps.kept import Kept
from assay.apps.kpis import figure
from assay.apps.operators import CauseArgs
from assay.apps.payloads import (
    CausesPayload,
    ChartPayload,
    EvidencePayload,
    ExamplesPayload,
    GridPayload,
    KpiPayload,
    MarkdownPayload,
    Paging,
    Scalar,
    SegmentCard,
    TargetCard,
    TargetsPayload,
    Tone,
    TraceGraphPayload,
    TracePayload,
)
from assay.apps.sql import first_rows
from assay.apps.trace_page import CommonArgs, GraphArgs, drawn, recalled, shared_origins
from assay.model.attributes import ColumnRole
from assay.model.kinds import RecordKind
from assay.model.text import Text
from assay.plugins.registry import operators
from assay.store.workspace import Workspace

_FRAMES_KEPT = 2  # a frame holds columns of every subject
_BLASTS_KEPT = 12  # an id per unit that shares a cause
_ANSWERS_KEPT = 256
_STATISTICS_KEPT = 8  # a chart holds every point, a model every row
_EVIDENCE_BATCH = 50_000
_QUARANTINE_SHOWN = ("recorded", "file", "line", "column", "value", "reason", "message", "raw", "replayed")

T = TypeVar("T")


@dataclass(frozen=True)
class RecordsQuestion:
    """Which cause of which target; ``value`` is None for an ordered factor."""

    target: str
    factor: str
    value: str | None = None
    where: str | None = None
    scope: str | None = None

    def query(self) -> str:
        """As a URL's query."""
        given = {
            "target": self.target,
            "factor": self.factor,
            "value": self.value,
            "where": self.where,
            "scope": self.scope,
        }
        return urlencode({name: value for name, value in given.items() if value is not None})


class Questions:
    """Answers for one plant; safe to use from several threads.

    Parameters
    ----------
    workspace
        The open plant.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._frames = Kept(_FRAMES_KEPT)
        self._blasts = Kept(_BLASTS_KEPT)
        self._answers = Kept(_ANSWERS_KEPT)
        self._statistics = Kept(_STATISTICS_KEPT)

    @property
    def workspace(self) -> Workspace:
        """The plant that is asked."""
        return self._workspace

    # -- what is asked for ------------------------------------------------------------------------

    def targets(self) -> TargetsPayload:
        """Suggested targets, process steps and recorded factors."""
        return self._once(self._answers, ("targets",), self._targets)

    def first_target(self) -> str | None:
        """The first suggested target; None for a plant without results."""
        found = self.targets().targets
        return found[0].target if found else None

    def measured(self) -> list[str]:
        """Every characteristic that is recorded as a number."""
        return [card.characteristic for card in self.targets().targets if card.kind == "numeric"]

    def _targets(self) -> TargetsPayload:
        cards = [
            TargetCard(
                target=one.target,
                kind="numeric" if one.bad is None else "outcome",
                rate=None if one.bad is None else one.bad / one.results,
                title=Text(zh=one.target, en=one.target),
                characteristic=one.characteristic,
                value=one.value,
                subjects=one.results,
                bad=one.bad,
                segments=list(one.segments),
            )
            for one in board.suggest_targets(self._workspace)
        ]
        ranked = {ColumnRole.FACTOR, ColumnRole.ORDERED_FACTOR}
        declared = [one.name for one in self._workspace.registry.attributes() if one.role in ranked]
        return TargetsPayload(
            targets=cards,
            segments=[
                SegmentCard(segment=name, records=count) for name, count in board.segments(self._workspace)
            ],
            factors=list(dict.fromkeys(declared)),
        )

    # -- overview ---------------------------------------------------------------------------------

    def kpis(self, target: str, where: str | None, scope: str | None) -> KpiPayload:
        """Inspected, bad, rate (or mean and deviation), units, quarantined rows."""
        found = self._once(
            self._answers,
            ("headline", target, where, scope),
            lambda: board.headline(self._frame(target, where, scope)),
        )
        items = [figure("kpi.inspected", found.subjects)]
        if found.rate is not None:
            tone: Tone = "bad" if found.bad else "good"
            items.append(figure("kpi.bad", found.bad, tone=tone))
            items.append(figure("kpi.rate", found.rate, tone=tone, unit="percent"))
        else:
            items += [figure("kpi.mean", found.mean), figure("kpi.deviation", found.deviation)]
        items.append(figure("kpi.units", found.units))
        if found.bad_units is not None:
            items.append(figure("kpi.bad_units", found.bad_units))
        waiting = sum(self._workspace.quarantine.counts().values())
        items.append(figure("kpi.quarantined", waiting, tone="bad" if waiting else "good"))
        if found.last is not None:
            items.append(figure("kpi.last", moment(found.last)))
        return KpiPayload(items=items)

    def trend(
        self, target: str, where: str | None, scope: str | None, *, buckets: int, width: int
    ) -> ChartPayload:
        """The target over time with its limits."""
        zone = self._workspace.config.time_zone
        found = self._once(
            self._answers,
            ("trend", target, where, scope, buckets),
            lambda: board.trend(self._frame(target, where, scope), zone=zone, buckets=buckets),
        )
        return charts.trend_chart(found, zone=zone, width=width)

    def pareto(
        self, target: str, where: str | None, scope: str | None, *, by: str | None, levels: int
    ) -> ChartPayload:
        """The bad subjects by level; by the factor that tells most where none is named.

        For a measured value: its mean by level.
        """
        return self._once(
            self._answers,
            ("pareto", target, where, scope, by, levels),
            lambda: self._pareto(self._frame(target, where, scope), by, levels),
        )

    def _pareto(self, frame: Frame, by: str | None, levels: int) -> ChartPayload:
        factor = by or board.telling_factor(frame) or next(iter(board.factors(frame)), None)
        if factor is None:
            raise PageError.no_factor()
        if not frame.target.is_condition:
            found = board.levels(frame, factor, most=levels)
            return charts.levels_chart(found, self._title(factor), is_rate=False, selected=None)
        return charts.pareto_chart(board.pareto(frame, factor, most=levels), self._title(factor))

    def loads(self, paging: Paging) -> GridPayload:
        """The latest loads and what became of their rows."""
        every = self._workspace.registry.loads()
        rows = [
            {
                "recorded": load.recorded,
                "file": load.file_name,
                **{name: (load.report or {}).get(name) for name in _COUNTS},
            }
            for load in every[paging.offset : paging.offset + paging.limit]
        ]
        table = pa.Table.from_pylist(rows, schema=_LOADS)
        return grid(table, total=len(every), offset=paging.offset, limit=paging.limit)

    def quarantine_reasons(self) -> GridPayload:
        """How many rows wait in quarantine, by reason."""
        counts = self._workspace.quarantine.counts()
        table = pa.table(
            {
                "reason": pa.array(list(counts), pa.string()),
                "count": pa.array(list(counts.values()), pa.int64()),
            }
        )
        note = told("note.unclear-rows") if counts else None
        return grid(table, total=len(counts), limit=max(len(counts), 1), note=note)

    def quarantine(self, paging: Paging, reason: str | None = None) -> GridPayload:
        """The quarantined rows, latest first."""
        store = self._workspace.quarantine
        table = store.rows(paging.limit, paging.offset, reason or None)
        sql = "SELECT count(*) AS n FROM quarantine" + (" WHERE reason = $reason" if reason else "")
        total = self._workspace.lake.query(sql, {"reason": reason} if reason else None)["n"][0].as_py()
        return grid(
            table.select(list(_QUARANTINE_SHOWN)), total=total, offset=paging.offset, limit=paging.limit
        )

    # -- causes -----------------------------------------------------------------------------------

    def causes(self, target: str, where: str | None, scope: str | None) -> CausesPayload:
        """What explains the target, ranked."""
        return self._titled(self._report(target, where, scope).to_dict())

    def first_cause(self, target: str | None, where: str | None, scope: str | None) -> Cause | None:
        """The first cause of a target, or None."""
        causes = self._report(target, where, scope).causes if target else ()
        return causes[0] if causes else None

    def cause_chart(self, args: CauseArgs) -> ChartPayload:
        """Dose-response of an ordered factor, rates by level of another; over time for a time paging."""
        question = self._question(args)
        frame = self._frame(args.target, args.where, args.scope)
        is_rate = frame.target.is_condition
        found = next(
            (
                one
                for one in self._report(args.target, args.where, args.scope).causes
                if (one.factor, one.value) == (question.factor, question.value)
            ),
            None,
        )
        if found is not None and found.dose_response:
            return charts.dose_chart(found, self._title(found.factor), is_rate=is_rate)
        if question.factor not in frame.columns:  # a window of time
            return self.trend(args.target, args.where, args.scope, buckets=60, width=1200)
        levels = self._once(
            self._answers,
            ("levels", question),
            lambda: board.levels(frame, question.factor, keep=question.value),
        )
        title = self._title(question.factor)
        return charts.levels_chart(levels, title, is_rate=is_rate, selected=question.value)

    def evidence_of(self, args: CauseArgs, paging: Paging) -> GridPayload:
        """The rows behind the selected cause."""
        return self.evidence(self._question(args), paging)

    def evidence(self, question: RecordsQuestion, paging: Paging) -> GridPayload:
        """The rows behind a cause, bad ones first."""
        table, total = self._evidence(question, paging.limit, paging.offset)
        return grid(
            table,
            total=total,
            offset=paging.offset,
            limit=paging.limit,
            declared=self._titles(),
            tones=self._tones(question.target),
            download=f"/api/evidence.csv?{question.query()}",
        )

    def evidence_tables(self, question: RecordsQuestion) -> Iterator[pa.Table]:
        """All rows behind a cause, in batches of the same columns."""
        whole, _ = self._evidence(question, None, 0)
        for start in range(0, max(whole.num_rows, 1), _EVIDENCE_BATCH):
            yield whole.slice(start, _EVIDENCE_BATCH)

    def _evidence(self, question: RecordsQuestion, limit: int | None, offset: int) -> tuple[pa.Table, int]:
        self._report(question.target, question.where, question.scope)
        return evidence(
            self._workspace,
            question.target,
            factor=question.factor,
            value=question.value,
            where=question.where,
            scope=question.scope,
            limit=limit,
            offset=offset,
        )

    def affected_of(self, args: CauseArgs, paging: Paging) -> GridPayload:
        """The units that share the selected cause."""
        return self.affected(self._question(args), paging)

    def affected(self, question: RecordsQuestion, paging: Paging) -> GridPayload:
        """The units that share a cause, those not yet inspected among them."""
        table = self._affected(question)
        return grid(
            table.slice(paging.offset, paging.limit),
            total=table.num_rows,
            offset=paging.offset,
            limit=paging.limit,
            download=f"/api/affected.csv?{question.query()}",
        )

    def affected_tables(self, question: RecordsQuestion) -> Iterator[pa.Table]:
        """All units that share a cause."""
        yield self._affected(question)

    def _affected(self, question: RecordsQuestion) -> pa.Table:
        self._report(question.target, question.where, question.scope)
        return self._once(
            self._blasts,
            ("affected", question),
            lambda: affected(
                self._workspace,
                question.target,
                factor=question.factor,
                value=question.value,
                where=question.where,
                scope=question.scope,
            ),
        )

    def _question(self, args: CauseArgs) -> RecordsQuestion:
        """What is selected; the first cause where nothing is."""
        factor, value = args.factor, args.value
        if factor is None:
            first = self.first_cause(args.target, args.where, args.scope)
            if first is None:
                raise PageError.nothing_selected()
            factor, value = first.factor, first.value
        return RecordsQuestion(args.target, factor, _text(value), args.where, args.scope)

    # -- one unit ---------------------------------------------------------------------------------

    def unit_summary(self, wanted: str) -> KpiPayload:
        """What a unit, lot or execution is, and how much is recorded of it."""
        return units.summary(self._record(wanted), self.targets())

    def unit_record(self, wanted: str, paging: Paging) -> GridPayload:
        """Every step recorded for it, with its factors."""
        return units.steps(self._record(wanted), paging, self._titles())

    def unit_results(self, wanted: str, paging: Paging) -> GridPayload:
        """Every result of it and of its executions."""
        return units.results(self._record(wanted), paging, self._titles(), self._tones(self.first_target()))

    def _record(self, wanted: str) -> units.Record:
        return self._once(self._answers, ("record", wanted), lambda: units.Record.of(self._workspace, wanted))

    def shared_causes(self, wanted: str, target: str, where: str | None, scope: str | None) -> CausesPayload:
        """The causes of the target whose blast radius holds the unit; ranks are those of all causes."""
        report = self._report(target, where, scope)
        ids = pa.array(sorted(self._record(wanted).units))
        shared = []
        for one in report.causes:
            sharing = self._affected(RecordsQuestion(target, one.factor, one.value, where, scope))
            if pc.any(pc.is_in(sharing["unit_id"], value_set=ids)).as_py():
                shared.append(one.to_dict())
        document = {**report.to_dict(), "causes": shared}
        if report.causes and not shared:
            document["note"] = told("note.not-shared", target=target).model_dump()
        return self._titled(document)

    def trace(
        self, wanted: str, direction: Way, walk: WalkArguments | None = None, **limits: int
    ) -> TracePayload:
        """The genealogy around one id."""
        return genealogy(self._workspace, wanted, direction, walk or WalkArguments(), **limits)

    # -- statistics -------------------------------------------------------------------------------

    def trace_graph(self, args: GraphArgs) -> TraceGraphPayload:
        """The genealogy around one id, to be drawn."""
        return drawn(self._workspace, args)

    def recalled(self, args: GraphArgs, paging: Paging) -> GridPayload:
        """Everything that one id went into, or came from."""
        return recalled(self._workspace, args, paging)

    def common(self, args: CommonArgs, paging: Paging) -> GridPayload:
        """The origins that some bad ones share."""
        return shared_origins(self._workspace, args, paging)

    def unit_file(self, wanted: str) -> UnitFile:
        """The file of a unit or lot."""
        return unit_file(self._workspace, wanted)

    def weld_file(self, wanted: str) -> WeldFile:
        """The file of a welded joint."""
        return weld_file(self._workspace, wanted)

    def log_state(self) -> KpiPayload:
        """How far the evidence log is."""
        return log_state(self._workspace)

    def log_remarks(self) -> MarkdownPayload:
        """What has to be known before the evidence log is believed."""
        return log_remarks(self._workspace)

    def unit_evidence(self, wanted: str | None) -> EvidencePayload:
        """What the evidence log holds about a unit or lot."""
        return unit_evidence(self._workspace, wanted)

    def operator(self, operator_id: str, arguments: dict[str, Any]) -> Any:
        """The answer of an operator plugin, kept for the plant's present state.

        Raises
        ------
        PageError
            There is no such operator, or the arguments do not fit it.
        """
        if operator_id not in operators().ids():
            raise PageError.no_operator(operator_id, operators().ids())
        manifest = operators().get(operator_id)
        try:
            given = manifest.config.model_validate(arguments)
        except ValidationError as error:
            problems = [f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()[:10]]
            raise PageError.operator_arguments(operator_id, problems) from error
        mark = (self._workspace.lake.mark(*sorted(manifest.reads)), self._workspace.refused.mark())
        key = (mark, "operator", operator_id, given.model_dump_json())
        return self._statistics.once(key, lambda: manifest(self._workspace, given))

    # -- questions in the language of the plant ----------------------------------------------------

    def examples(self) -> ExamplesPayload:
        """Questions to begin with."""
        return self._once(
            self._answers, ("examples",), lambda: examples(self._workspace, self.targets().targets)
        )

    # -- SQL --------------------------------------------------------------------------------------

    def sql(self, statement: str, limit: int) -> GridPayload:
        """The first rows of one reading statement; ``note`` says when there are more.

        Raises
        ------
        QueryError
            The statement is not a single reading one, or it fails.
        PageError
            It runs longer than a minute.
        """
        table, more = first_rows(self._workspace.lake, statement, limit)
        return grid(
            table,
            total=table.num_rows,
            limit=limit,
            declared=self._titles(),
            note=told("note.more-rows", limit=limit) if more else None,
            linked=False,
        )

    # -- shared -----------------------------------------------------------------------------------

    def _frame(self, target: str, where: str | None, scope: str | None) -> Frame:
        key = ("frame", target, where, scope)
        return self._once(self._frames, key, lambda: build(self._workspace, target, where, scope))

    def _report(self, target: str, where: str | None, scope: str | None) -> CauseReport:
        key = ("cause", target, where, scope)
        return self._once(
            self._answers, key, lambda: cause(self._workspace, target, where=where, scope=scope)
        )

    def _once(self, kept: Kept, key: tuple[Any, ...], make: Callable[[], T]) -> T:
        """The value of ``key`` for the plant's present state."""
        lake, refused = self._workspace.lake, self._workspace.refused
        mark = (lake.mark(RecordKind.MEASUREMENT, RecordKind.MOVEMENT), refused.mark())
        return kept.once((mark, *key), make)

    def _titled(self, report: dict[str, Any]) -> CausesPayload:
        """The report with the title of each factor, where the plant or Assay has one."""
        titles = self._titles()
        for one in report["causes"]:
            for each in (one, *one["confounded_with"]):
                each["title"] = column_title(each["factor"], titles).model_dump()
        return CausesPayload.model_validate(report)

    def _title(self, column: str) -> Text:
        return column_title(column, self._titles())

    def _titles(self) -> dict[str, dict[str, str]]:
        return {one.name: one.title for one in self._workspace.registry.attributes() if one.title}

    def _tones(self, target: str | None) -> dict[str, dict[str, Tone]]:
        """The worst value of the target's characteristic in the colour of bad."""
        for card in self.targets().targets:
            if card.target == target and card.value is not None:
                bad: dict[str, Tone] = {card.value: "bad"}
                return {"value": bad, "text": bad}
        return {}


_COUNTS = ("rows", "accepted", "duplicates", "quarantined")
_LOADS = pa.schema(
    [
        pa.field("recorded", pa.timestamp("us", "UTC")),
        pa.field("file", pa.string()),
        *(pa.field(name, pa.int64()) for name in _COUNTS),
    ]
)


def _text(value: Scalar) -> str | None:
    """A selected value as the records write it."""
    if value is None or isinstance(value, str):
        return value
    return str(value) if type(value) is int else str(pa.scalar(value).cast(pa.string()).as_py())
