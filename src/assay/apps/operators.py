"""What a binding may ask: each operator with its arguments, its answer, and the widgets that draw it.

A page names an operator and its arguments; it never carries code or SQL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from assay.analyse.unit_file import UnitFile
from assay.analyse.welding import WeldFile
from assay.apps import alarm_page, bridges, metres, mixtures, scan_page, statistics
from assay.apps.alarm_page import AlarmArgs
from assay.apps.bridges import BridgeArgs, PieceArgs
from assay.apps.genealogy import Way
from assay.apps.metres import MetreArgs
from assay.apps.mixtures import MixArgs, MixChartArgs
from assay.apps.payloads import (
    CausesPayload,
    ChartPayload,
    EvidencePayload,
    ExamplesPayload,
    GridPayload,
    KpiPayload,
    MarkdownPayload,
    Paging,
    PlotPayload,
    Scalar,
    TraceGraphPayload,
    TracePayload,
)
from assay.apps.scan_page import ScanArgs
from assay.apps.trace_page import CommonArgs, GraphArgs
from assay.model.text import Text

if TYPE_CHECKING:
    from assay.apps.questions import Questions


class NoArgs(BaseModel):
    """The operator takes no arguments."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class AnalysisArgs(NoArgs):
    """A target, and the records it is looked at on."""

    target: str = Field(min_length=1, title="target")
    where: str | None = None
    scope: str | None = None


class TrendArgs(AnalysisArgs):
    """A target over time, in at most ``buckets`` stretches."""

    buckets: int = Field(default=60, ge=4, le=400)


class ParetoArgs(AnalysisArgs):
    """A target by the levels of a factor; null takes the factor of the first cause."""

    by: str | None = None
    levels: int = Field(default=20, ge=1, le=100)


class CauseArgs(AnalysisArgs):
    """One cause of a target; a null factor takes the first cause."""

    factor: str | None = None
    value: Scalar = None


class ControlChartArgs(AnalysisArgs):
    """A target as a control chart; what is null is chosen."""

    kind: str | None = None
    subgroup: str | None = None
    rules: str | None = None


class CapabilityArgs(AnalysisArgs):
    """A measured characteristic against its specification; null limits are those of the master data."""

    subgroup: str | None = None
    lsl: float | None = None
    usl: float | None = None


class MonitorArgs(NoArgs):
    """Several measured characteristics (names with commas; null takes all) against a model of phase I.

    ``phase1`` is how many rows from the first on are normal operation; null takes the first half.
    """

    characteristics: str | None = None
    method: Literal["pca", "dpca", "cva"] | None = None
    phase1: int | None = Field(default=None, ge=1)
    where: str | None = None
    scope: str | None = None


class SubjectArgs(NoArgs):
    """A unit, lot or execution by its id."""

    id: str = Field(min_length=1, title="id")


class EvidenceArgs(NoArgs):
    """A unit or lot by its id; null shows nothing of any."""

    id: str | None = None


class TraceArgs(SubjectArgs):
    """The genealogy around one id."""

    direction: Way = "back"


class SharedArgs(AnalysisArgs):
    """The causes of a target that one subject shares."""

    id: str = Field(min_length=1, title="id")


class QuarantineArgs(NoArgs):
    """Quarantined rows, of one reason or of all."""

    reason: str | None = None


class TextArgs(NoArgs):
    """Text in both languages."""

    text: Text


@dataclass(frozen=True)
class Asked:
    """What an operator is handed besides its arguments."""

    questions: Questions
    paging: Paging
    width: int


@dataclass(frozen=True)
class PageOperator:
    """One operator: what it is called, takes, answers with, and says of itself."""

    id: str
    args: type[BaseModel]
    answer: type[BaseModel]
    run: Callable[[Any, Asked], BaseModel]
    doc: str


def _table() -> Iterator[PageOperator]:
    yield PageOperator(
        "kpis",
        AnalysisArgs,
        KpiPayload,
        lambda args, asked: asked.questions.kpis(args.target, args.where, args.scope),
        "Inspected, bad, rate, units and quarantined rows.",
    )
    yield PageOperator(
        "rate-over-time",
        TrendArgs,
        ChartPayload,
        lambda args, asked: asked.questions.trend(
            args.target, args.where, args.scope, buckets=args.buckets, width=asked.width
        ),
        "The rate of the target over time with exact binomial limits; the mean of a numeric target.",
    )
    yield PageOperator(
        "pareto",
        ParetoArgs,
        ChartPayload,
        lambda args, asked: asked.questions.pareto(
            args.target, args.where, args.scope, by=args.by, levels=args.levels
        ),
        "The bad subjects by factor level, most first, with the cumulated share.",
    )
    yield PageOperator(
        "loads",
        NoArgs,
        GridPayload,
        lambda _, asked: asked.questions.loads(asked.paging),
        "The latest loads and what became of their rows.",
    )
    yield PageOperator(
        "quarantine-reasons",
        NoArgs,
        GridPayload,
        lambda _, asked: asked.questions.quarantine_reasons(),
        "How many rows are quarantined, by reason.",
    )
    yield PageOperator(
        "quarantine",
        QuarantineArgs,
        GridPayload,
        lambda args, asked: asked.questions.quarantine(asked.paging, args.reason),
        "The quarantined rows.",
    )
    yield PageOperator(
        "cause",
        AnalysisArgs,
        CausesPayload,
        lambda args, asked: asked.questions.causes(args.target, args.where, args.scope),
        "What explains the target, ranked.",
    )
    yield PageOperator(
        "cause-chart",
        CauseArgs,
        ChartPayload,
        lambda args, asked: asked.questions.cause_chart(args),
        "Dose-response of an ordered factor, or the rates of a factor's levels, with confidence bands.",
    )
    yield PageOperator(
        "evidence",
        CauseArgs,
        GridPayload,
        lambda args, asked: asked.questions.evidence_of(args, asked.paging),
        "The rows behind a cause.",
    )
    yield PageOperator(
        "affected",
        CauseArgs,
        GridPayload,
        lambda args, asked: asked.questions.affected_of(args, asked.paging),
        "The units that share a cause, those not yet inspected among them.",
    )
    yield PageOperator(
        "control-chart",
        ControlChartArgs,
        PlotPayload,
        lambda args, asked: statistics.control_chart(asked.questions, args, asked.width),
        "A control chart of the target: limits, run rules, stages; a p chart by day for a condition.",
    )
    yield PageOperator(
        "control-chart-summary",
        ControlChartArgs,
        KpiPayload,
        lambda args, asked: statistics.control_chart_summary(asked.questions, args),
        "Points, flagged points, centre, limits and sigma of a control chart.",
    )
    yield PageOperator(
        "flagged-points",
        ControlChartArgs,
        GridPayload,
        lambda args, asked: statistics.flagged_points(asked.questions, args, asked.paging),
        "The flagged points of a control chart with their rules and units.",
    )
    yield PageOperator(
        "capability",
        CapabilityArgs,
        PlotPayload,
        lambda args, asked: statistics.capability(asked.questions, args, asked.width),
        "A capability sixpack of a measured characteristic.",
    )
    yield PageOperator(
        "capability-summary",
        CapabilityArgs,
        KpiPayload,
        lambda args, asked: statistics.capability_summary(asked.questions, args),
        "Cp, Cpk, Pp, Ppk, the shares outside and the specification.",
    )
    yield PageOperator(
        "capability-remarks",
        CapabilityArgs,
        MarkdownPayload,
        lambda args, asked: statistics.capability_remarks(asked.questions, args),
        "What has to be known before the indices are believed, and where the specification comes from.",
    )
    yield PageOperator(
        "monitor",
        MonitorArgs,
        PlotPayload,
        lambda args, asked: statistics.monitor(asked.questions, args, asked.width),
        "T² and SPE of several characteristics with calibrated limits.",
    )
    yield PageOperator(
        "monitor-summary",
        MonitorArgs,
        KpiPayload,
        lambda args, asked: statistics.monitor_summary(asked.questions, args),
        "Subjects, alarms, and the nominal and the realised false-alarm rate.",
    )
    yield PageOperator(
        "monitor-alarms",
        MonitorArgs,
        GridPayload,
        lambda args, asked: statistics.monitor_alarms(asked.questions, args, asked.paging),
        "The subjects in alarm with the characteristics that contribute most.",
    )
    yield PageOperator(
        "unit-summary",
        SubjectArgs,
        KpiPayload,
        lambda args, asked: asked.questions.unit_summary(args.id),
        "What a unit is, how many steps and results it has.",
    )
    yield PageOperator(
        "unit-record",
        SubjectArgs,
        GridPayload,
        lambda args, asked: asked.questions.unit_record(args.id, asked.paging),
        "Every step recorded for a unit, with its factors.",
    )
    yield PageOperator(
        "unit-results",
        SubjectArgs,
        GridPayload,
        lambda args, asked: asked.questions.unit_results(args.id, asked.paging),
        "Every result of a unit and of its executions.",
    )
    yield PageOperator(
        "unit-causes",
        SharedArgs,
        CausesPayload,
        lambda args, asked: asked.questions.shared_causes(args.id, args.target, args.where, args.scope),
        "The causes of the target that the unit shares.",
    )
    yield PageOperator(
        "trace",
        TraceArgs,
        TracePayload,
        lambda args, asked: asked.questions.trace(args.id, args.direction),
        "The genealogy around one id.",
    )
    yield PageOperator(
        "trace-graph",
        GraphArgs,
        TraceGraphPayload,
        lambda args, asked: asked.questions.trace_graph(args),
        "The genealogy around one id as columns, to be drawn.",
    )
    yield PageOperator(
        "recall",
        GraphArgs,
        GridPayload,
        lambda args, asked: asked.questions.recalled(args, asked.paging),
        "Everything that one id went into, or came from.",
    )
    yield PageOperator(
        "common",
        CommonArgs,
        GridPayload,
        lambda args, asked: asked.questions.common(args, asked.paging),
        "The origins that one id and other bad ones share; those that good ones share too stand behind.",
    )
    yield PageOperator(
        "bridge-summary",
        BridgeArgs,
        KpiPayload,
        lambda args, asked: bridges.bridge_summary(asked.questions, args),
        "Counts of both sides of a step without labels, the residence, and how well pieces are told apart.",
    )
    yield PageOperator(
        "bridge-remarks",
        BridgeArgs,
        MarkdownPayload,
        lambda args, asked: bridges.bridge_remarks(asked.questions, args),
        "What pieces were matched by, and what is doubtful about the counts.",
    )
    yield PageOperator(
        "bridge-chart",
        BridgeArgs,
        ChartPayload,
        lambda args, asked: bridges.bridge_chart(asked.questions, args),
        "The time inside of the likeliest pairs over time; their probability where times are not known.",
    )
    yield PageOperator(
        "bridged-pieces",
        BridgeArgs,
        GridPayload,
        lambda args, asked: bridges.bridged_pieces(asked.questions, args, asked.paging),
        "Each piece that came out with the likeliest that went in, and the group that holds 95 %.",
    )
    yield PageOperator(
        "counterparts",
        PieceArgs,
        GridPayload,
        lambda args, asked: bridges.counterparts(asked.questions, args, asked.paging),
        "Every counterpart of one piece of either side with its probability.",
    )
    yield PageOperator(
        "mix-summary",
        MixArgs,
        KpiPayload,
        lambda args, asked: mixtures.mix_summary(asked.questions, args),
        "What was put into a vessel, drawn, missing and left.",
    )
    yield PageOperator(
        "mix-remarks",
        MixArgs,
        MarkdownPayload,
        lambda args, asked: mixtures.mix_remarks(asked.questions, args),
        "Which vessel it is, and what is doubtful about the records.",
    )
    yield PageOperator(
        "mix-chart",
        MixChartArgs,
        ChartPayload,
        lambda args, asked: mixtures.mix_chart(asked.questions, args),
        "The share of each lot in what was drawn, or the confidence that it is in there, over time.",
    )
    yield PageOperator(
        "mix-portions",
        MixArgs,
        GridPayload,
        lambda args, asked: mixtures.mix_portions(asked.questions, args, asked.paging),
        "Each portion drawn with the lots in it.",
    )
    yield PageOperator(
        "mix-left",
        MixArgs,
        GridPayload,
        lambda args, asked: mixtures.mix_left(asked.questions, args, asked.paging),
        "What is still inside, by lot.",
    )
    yield PageOperator(
        "metre-sightings",
        MetreArgs,
        GridPayload,
        lambda args, asked: metres.sightings(asked.questions, args, asked.paging),
        "Where and when a place on an item was at every station of its line.",
    )
    yield PageOperator(
        "metre-remarks",
        MetreArgs,
        MarkdownPayload,
        lambda args, asked: metres.metre_remarks(asked.questions, args),
        "The stations of a line, and the delays that were taken from signals.",
    )
    yield PageOperator(
        "scan-summary",
        ScanArgs,
        KpiPayload,
        lambda args, asked: scan_page.scan_summary(asked.questions.workspace, args),
        "Scans, codes and devices, and how many scans have a hint of each kind.",
    )
    yield PageOperator(
        "scans-by-day",
        ScanArgs,
        ChartPayload,
        lambda args, asked: scan_page.scans_by_day(asked.questions.workspace, args),
        "Scans with and without a hint by day.",
    )
    yield PageOperator(
        "scans-by-country",
        ScanArgs,
        ChartPayload,
        lambda args, asked: scan_page.scans_by_country(asked.questions.workspace, args),
        "Scans with and without a hint by country, most first.",
    )
    yield PageOperator(
        "scan-places",
        ScanArgs,
        ChartPayload,
        lambda args, asked: scan_page.scan_places(asked.questions.workspace, args),
        "Where scans were made, by hint.",
    )
    yield PageOperator(
        "scanned-codes",
        ScanArgs,
        GridPayload,
        lambda args, asked: scan_page.scanned_codes(asked.questions.workspace, args, asked.paging),
        "The codes that were scanned with what is odd about it, oddest first.",
    )
    yield PageOperator(
        "scan-list",
        ScanArgs,
        GridPayload,
        lambda args, asked: scan_page.scan_list(asked.questions.workspace, args, asked.paging),
        "The scans, the latest first.",
    )
    yield PageOperator(
        "alarm-summary",
        AlarmArgs,
        KpiPayload,
        lambda args, asked: alarm_page.alarm_summary(asked.questions.workspace, args),
        "Alarms in all, critical ones, those found in the last 24 hours, and how they were found.",
    )
    yield PageOperator(
        "alarm-list",
        AlarmArgs,
        GridPayload,
        lambda args, asked: alarm_page.alarm_list(asked.questions.workspace, args, asked.paging),
        "The alarms with what they are about, where it is drawn, and the proof that they were raised.",
    )
    yield PageOperator(
        "unit-file",
        SubjectArgs,
        UnitFile,
        lambda args, asked: asked.questions.unit_file(args.id),
        "Everything recorded of a unit or lot, graded against the process card in force.",
    )
    yield PageOperator(
        "weld-file",
        SubjectArgs,
        WeldFile,
        lambda args, asked: asked.questions.weld_file(args.id),
        "Everything recorded of a welded joint, pass by pass, with the verdicts of the gate.",
    )
    yield PageOperator(
        "log-state",
        NoArgs,
        KpiPayload,
        lambda _, asked: asked.questions.log_state(),
        "How far the evidence log is, who cosigned it, and what is not committed to row by row yet.",
    )
    yield PageOperator(
        "log-remarks",
        NoArgs,
        MarkdownPayload,
        lambda _, asked: asked.questions.log_remarks(),
        "What has to be known before the evidence log is believed, and what keeps it from being signed.",
    )
    yield PageOperator(
        "unit-evidence",
        EvidenceArgs,
        EvidencePayload,
        lambda args, asked: asked.questions.unit_evidence(args.id),
        "What the evidence log holds about a unit or lot.",
    )
    yield PageOperator(
        "question-examples",
        NoArgs,
        ExamplesPayload,
        lambda _, asked: asked.questions.examples(),
        "Questions that the plant can answer, made from its own names.",
    )
    yield PageOperator(
        "text",
        TextArgs,
        MarkdownPayload,
        lambda args, _: MarkdownPayload(text=args.text),
        "Text in both languages.",
    )


OPERATORS: dict[str, PageOperator] = {operator.id: operator for operator in _table()}
"""Every operator a page may name."""
