"""What a binding answers with: one pydantic model per shape that widgets draw.

Numbers are finite or null, times are ISO 8601 in UTC with ``Z``, integers beyond 2^53 are text (a
browser's numbers would change them).
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from assay.analyse.unit_file import UnitFile
from assay.analyse.welding import WeldFile
from assay.model.text import Text

Scalar = str | float | int | bool | None
Tone = Literal["good", "bad", "neutral"]
Format = Literal["percent", "number"]
Link = Literal["unit", "cause", "trace", "chart", "monitor", "proof"]


class Payload(BaseModel):
    """Root of what bindings answer with."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class KpiItem(Payload):
    """A headline figure; with the unit ``percent`` the value is a fraction. Times are ISO 8601."""

    id: str
    label: Text
    value: float | int | str | None
    unit: str | None = None
    tone: Tone = "neutral"
    note: Text | None = None
    digits: int | None = Field(default=None, description="Significant digits that tell it apart; null is 4.")


class KpiPayload(Payload):
    """A row of headline figures."""

    items: list[KpiItem]


class XAxis(Payload):
    """The horizontal axis; times are ISO 8601 texts."""

    type: Literal["category", "time", "value"]
    title: Text
    unit: str | None = None


class YAxis(Payload):
    """A vertical axis; ``percent`` means fractions to be shown as percentages."""

    title: Text
    format: Format = "number"
    unit: str | None = None


class Series(Payload):
    """One series: points ``[x, y]`` (y null where there is no value) and a band ``[x, low, high]``."""

    name: Text
    type: Literal["bar", "line", "scatter"]
    axis: Literal[0, 1] = 0
    role: Literal["data", "limit", "centre"] = Field(
        default="data", description="Limits and centre lines are separate layers and are never thinned out."
    )
    tone: Tone | None = None
    points: list[tuple[str | float, float | None]]
    band: list[tuple[str | float, float, float]] | None = None


class ChartPayload(Payload):
    """A chart ready to draw; ``note`` says formula and sample of its limits or intervals."""

    kind: Literal["bar", "line", "scatter", "pareto"]
    x: XAxis
    y: YAxis
    y2: YAxis | None = None
    series: list[Series]
    selected: str | float | None = Field(default=None, description="The x value that the selection is about.")
    note: Text | None = None


class GridColumn(Payload):
    """A column of a grid; ``tones`` colours the cells whose text is among its keys."""

    field: str
    title: Text
    type: Literal["text", "number", "time", "percent"] = "text"
    link: Link | None = Field(
        default=None,
        description="The page that a cell of this column opens, with the cell's value (or each value of a "
        "list) as its id, target or characteristics; `proof` is the proof of a log entry, as a file.",
    )
    tones: dict[str, Tone] | None = None
    digits: int | None = Field(default=None, description="Significant digits of its numbers; null is 4.")


class GridPayload(Payload):
    """One page of a table; ``rows`` are objects keyed by ``field``; ``download`` is a path on this server."""

    columns: list[GridColumn]
    rows: list[dict[str, Any]]
    total: int
    offset: int = 0
    limit: int = 100
    download: str | None = None
    parquet: str | None = Field(default=None, description="The path on this server of the same as Parquet.")
    note: Text | None = None


class PlotAxis(BaseModel):
    """An axis of a plot's panel; ``categories`` or ``ticks`` name places on it."""

    model_config = ConfigDict(extra="allow", frozen=True)

    title: Text
    unit: str | None = None


class PlotPanel(Payload):
    """One pair of axes; each layer is an object with its ``kind`` and the arrays it draws."""

    title: Text
    x: PlotAxis
    y: PlotAxis
    layers: list[dict[str, Any]]


class PlotPayload(Payload):
    """A statistic's picture as layers (schema ``assay.plot/1``); ``note`` says formula, sample and phase."""

    title: Text
    panels: list[PlotPanel]
    columns: int
    note: Text | None = None
    schema_: Literal["assay.plot/1"] = Field(alias="schema")


class TraceNode(BaseModel):
    """A unit, lot or execution; executions also carry segment, equipment, person, times and results."""

    model_config = ConfigDict(extra="allow", frozen=True)

    id: str
    kind: str


class RefusedMark(BaseModel):
    """A record that the gate refused as evidence, why, and what holds now."""

    model_config = ConfigDict(extra="allow", frozen=True)

    record: str = Field(description="Its name: table:source/epoch/seq.")
    what: str | None = Field(default=None, description="A movement's role, a measurement's characteristic.")
    reasons: list[str]
    outcome: str = Field(description="Now: refused, or overridden, accepted or no_policy since.")


class TraceEdge(BaseModel):
    """One movement between a subject and an execution; confidence 1.0 is a recorded movement."""

    model_config = ConfigDict(extra="allow", frozen=True, populate_by_name=True)

    from_: str = Field(alias="from")
    to: str
    segment: str | None = None
    start: str | None = None
    end: str | None = None
    confidence: float = 1.0
    doubts: list[str] = Field(default=[], description="The kinds of doubt that it is in.")
    refused: list[RefusedMark] = Field(default=[], description="Its records that the gate refused.")


class TraceDoubt(BaseModel):
    """Something that movements say and can't be, or can't be known."""

    model_config = ConfigDict(extra="allow", frozen=True)

    kind: str
    things: list[str] = Field(description="Names of units, lots and executions, as a trace takes them.")
    movements: list[dict[str, str | None]] = Field(description="Segment, execution, role, subject, position.")
    values: dict[str, float | str]
    said: Text
    advice: Text


class TracePayload(BaseModel):
    """The genealogy around one id."""

    model_config = ConfigDict(extra="allow", frozen=True)

    root: str
    nodes: list[TraceNode]
    edges: list[TraceEdge]
    doubts: list[TraceDoubt] = Field(default=[], description="What its movements say and can't be.")
    doubtful: dict[str, int] = Field(default={}, description="How many are in a doubt of each kind.")


class GraphNodes(Payload):
    """Nodes as columns, the root first; ``layers`` are below 0 for what lies before it."""

    names: list[str] = Field(description="What a trace takes.")
    ids: list[str]
    kinds: list[str]
    segments: list[str | None]
    layers: list[int]
    confidence: list[float]
    hidden: list[int] = Field(description="How many movements of each are not among the edges.")
    equipment: list[str | None] = Field(description="Where an execution ran.")
    started: list[str | None] = Field(description="When an execution began.")
    ended: list[str | None]
    refused: list[str | None] = Field(description="Why records of each stand refused as evidence.")


class GraphEdges(Payload):
    """Movements as columns: from row ``tails`` of the nodes to row ``heads``."""

    tails: list[int]
    heads: list[int]
    confidence: list[float]
    refused: list[bool] = Field(description="Whether a refused record says it.")


class TraceGraphPayload(Payload):
    """A genealogy of up to ten thousand nodes each way, to be drawn."""

    nodes: GraphNodes
    edges: GraphEdges
    counts: dict[str, int] = Field(description="How many nodes of each kind.")
    truncated: bool
    doubts: list[TraceDoubt] = Field(default=[], description="What its movements say and can't be.")
    doubtful: dict[str, int] = Field(default={}, description="How many are in a doubt of each kind.")


class MarkdownPayload(Payload):
    """Text in both languages, as Markdown."""

    text: Text


class Effect(BaseModel):
    """How much worse the level is: risk ratio and difference, or the shift of the mean."""

    model_config = ConfigDict(extra="allow", frozen=True)

    risk_ratio: float | None = None
    risk_difference: float | None = None
    mean_shift: float | None = None
    standardised: float | None = None
    ci: tuple[float | None, float | None] | None = None
    risk_difference_ci: tuple[float | None, float | None] | None = None


class Confounded(BaseModel):
    """Another factor level that covers the same rows, and what the data can say about the two."""

    model_config = ConfigDict(extra="allow", frozen=True)

    factor: str
    title: Text | None = Field(default=None, description="The factor's title; null where it has none.")
    value: Scalar = None
    relation: str | None = None
    overlap: float | None = None
    note: Text | None = None


class Dose(BaseModel):
    """One point of a dose-response: ``value``, or ``from`` and ``to``; subjects, rate or mean, interval."""

    model_config = ConfigDict(extra="allow", frozen=True)

    subjects: int
    bad: int | None = None
    rate: float | None = None
    mean: float | None = None
    ci: tuple[float | None, float | None] | None = None


class Cause(BaseModel):
    """One ranked cause; ``value`` is null for an ordered factor."""

    model_config = ConfigDict(extra="allow", frozen=True)

    rank: int
    factor: str
    title: Text | None = Field(default=None, description="The factor's title; null where it has none.")
    value: Scalar = None
    effect: Effect
    q_value: float | None = None
    p_value: float | None = None
    support: int | None = None
    bad: int | None = None
    units: int | None = None
    blast_radius: int | None = None
    not_inspected: int | None = None
    confounded_with: list[Confounded] = Field(default_factory=list)
    dose_response: list[Dose] = Field(default_factory=list)
    statement: Text | None = None


class RefusedCount(BaseModel):
    """Of how many subjects the gate refused records as evidence; they count like all others."""

    model_config = ConfigDict(extra="allow", frozen=True)

    subjects: int
    bad: int | None = None
    statement: Text


class CausesPayload(BaseModel):
    """What explains the target, ranked; no causes with the verdict ``insufficient evidence``."""

    model_config = ConfigDict(extra="allow", frozen=True)

    target: str
    subjects: int
    bad: int | None = None
    verdict: Literal["causes found", "insufficient evidence"]
    causes: list[Cause]
    note: Text | None = None
    refused: RefusedCount | None = None


class TargetCard(Payload):
    """A suggested target: an outcome with its worst value, or a numeric characteristic."""

    target: str
    characteristic: str
    kind: Literal["outcome", "numeric"]
    value: str | None = None
    title: Text
    subjects: int = Field(description="How many results there are.")
    bad: int | None = None
    rate: float | None = None
    segments: list[str] = Field(default_factory=list)


class SegmentCard(Payload):
    """A process step that an analysis can be limited to."""

    segment: str
    records: int


class TargetsPayload(Payload):
    """What can be asked: targets (worst first), segments, and the factors recorded."""

    targets: list[TargetCard]
    segments: list[SegmentCard]
    factors: list[str]


class Example(Payload):
    """A question that this plant can answer, and what it asks for."""

    question: str
    title: Text


class ExamplesPayload(Payload):
    """Questions to begin with, made from the plant's own names; none for an empty plant."""

    examples: list[Example]


class Span(Payload):
    """A part of a question: characters from ``start`` up to but not including ``end``, counted from 0."""

    start: int
    end: int


class Mend(Span):
    """A change that may put a question right: ``text`` in the place of these characters."""

    text: str


class Problem(Payload):
    """What went wrong and what to do next, in both languages."""

    message: Text
    hint: Text | None = None
    place: Span | None = Field(default=None, description="The part of a question that is meant.")
    mends: list[Mend] = Field(
        default_factory=list, description="What may be written there instead, most likely first."
    )


class Refusal(Payload):
    """The body of every error, and of a binding that could not be evaluated."""

    error: Problem


class EvidenceItem(Payload):
    """One entry of the evidence log about a unit or lot, or one record of a batch."""

    index: int = Field(description="Index of the entry in the log; of a record in a batch, the batch's.")
    kind: str = Field(description="Kind of the entry, or the table of the record.")
    record: str | None = Field(description="Name under which it is proved; null where only the bundle does.")
    time: str = Field(description="When it happened; of a record in a batch, when it was logged.")
    issuer: str = Field(description="The key that signed it, hexadecimal.")
    verdict: str | None = Field(description="What the gate said; null where none judged.")
    reasons: list[Text] = Field(description="Why the gate refused it.")
    signed: bool = Field(description="Whether the published checkpoint covers it.")
    provable: bool = Field(description="Whether it can be proved by itself now.")


class EvidencePayload(Payload):
    """What the evidence log holds about a unit or lot."""

    id: str
    items: list[EvidenceItem] = Field(description="By index, at most 500.")
    total: int
    size: int = Field(description="Entries that the published checkpoint covers.")
    cosigners: list[str] = Field(description="Witnesses that cosigned it.")
    provable: bool = Field(description="Whether a bundle of all of it can be made now.")


AnyPayload = (
    KpiPayload
    | ChartPayload
    | PlotPayload
    | GridPayload
    | TracePayload
    | CausesPayload
    | MarkdownPayload
    | ExamplesPayload
    | TraceGraphPayload
    | UnitFile
    | WeldFile
    | EvidencePayload
    | Refusal
)
"""What a binding answers with."""


class Selection(Payload):
    """What is selected on a page: a cause, by its factor and (for a level) its value."""

    factor: str | None = None
    value: Scalar = None


class Paging(Payload):
    """Which rows of a grid are asked for."""

    offset: int = Field(default=0, ge=0)
    limit: int = Field(default=100, ge=1, le=1000)


class PageQuestion(Payload):
    """Everything a page needs to be filled, in one request."""

    params: dict[str, Scalar] = Field(
        default_factory=dict,
        description="The page's parameters, as in the URL; null or empty is the default.",
    )
    selection: Selection = Field(default_factory=Selection)
    only: list[str] | None = Field(default=None, description="Bindings to evaluate; all when null.")
    paging: dict[str, Paging] = Field(default_factory=dict, description="Rows wanted of a grid, by binding.")
    width: int = Field(default=1200, ge=50, le=8192, description="Width of a chart in pixels.")


class PageAnswer(Payload):
    """The payload of each binding, with the parameters and the selection that were used for it."""

    data: dict[str, AnyPayload]
    params: dict[str, Scalar] = Field(description="The parameters after defaults were filled in.")
    selection: Selection = Field(description="The selection used; the first cause where none was given.")
