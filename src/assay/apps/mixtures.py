"""The page *Mixing*: which lots are in what was drawn from a silo, tank or flow, over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from assay.apps.bridges import bullets, paragraphs
from assay.apps.catalogue import told
from assay.apps.grids import grid, moment
from assay.apps.kpis import figure
from assay.apps.payloads import (
    ChartPayload,
    GridPayload,
    KpiPayload,
    Link,
    MarkdownPayload,
    Paging,
    Series,
    Tone,
    XAxis,
    YAxis,
)
from assay.model.text import Text

if TYPE_CHECKING:
    from assay.analyse.mixing import Mixing
    from assay.apps.questions import Questions

_LOTS_DRAWN = 10
_MOST_POINTS = 400
_LINKED: dict[str, Link] = {"drawn": "trace", "lot": "trace"}
_SLIGHT = 1e-6


class MixArgs(BaseModel):
    """A step where lots mix, and how its vessel gives out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    segment: str = Field(min_length=1, title="segment")
    model: Literal["first-in-first-out", "mixed", "last-in-first-out", "flow"] = "mixed"
    vessel: str | None = None
    into: str | None = None
    content: float | None = None
    holdup: float | None = None
    tolerance: float | None = None
    stages: float | None = None
    clock: Literal["quantity", "time"] = "quantity"
    piece: str | None = None


class MixChartArgs(MixArgs):
    """The same, and which of the two is drawn over time."""

    of: Literal["share", "confidence"] = "share"


def mix_summary(questions: Questions, args: MixArgs) -> KpiPayload:
    """The balance: what was put in and drawn, what was there before, is missing, and is left."""
    found = _mixing(questions, args)
    missing = found.balance["missing"] > _SLIGHT * max(1.0, found.balance["drawn"])
    tones: dict[str, Tone] = {"missing": "bad" if missing else "good"}
    items = [
        figure(f"mix.{name}", found.balance[name], unit=found.unit, tone=tones.get(name, "neutral"))
        for name in ("put", "drawn", "before", "missing", "left")
    ]
    doubts = len(found.doubts)
    items.append(figure("bridge.doubts", doubts, tone="bad" if doubts else "good"))
    return KpiPayload(items=items)


def mix_remarks(questions: Questions, args: MixArgs) -> MarkdownPayload:
    """Which vessel it is, what share and confidence mean, and what a person should know about the records."""
    found = _mixing(questions, args)
    what = told("mix.what", vessel=found.vessel or found.segment, put=len(found.put), drawn=len(found.drawn))
    return MarkdownPayload(text=paragraphs(what, bullets(found.doubts), told("mix.meaning")))


def mix_chart(questions: Questions, args: MixChartArgs) -> ChartPayload:
    """The share of each lot in what was drawn, or the confidence that it is in there, over time."""
    found = _mixing(questions, MixArgs.model_validate(args.model_dump(exclude={"of"})))
    drawn = len(found.drawn)
    lots, number = np.unique(found.edges.column("lot").to_numpy(zero_copy_only=False), return_inverse=True)
    values = np.zeros((len(lots), drawn))
    np.maximum.at(values, (number, found.mixture.drawn), found.edges.column(args.of).to_numpy())
    amounts = np.bincount(number, found.edges.column("quantity").to_numpy(), minlength=len(lots))
    largest = np.argsort(-amounts, kind="stable")
    shown, others = largest[:_LOTS_DRAWN], largest[_LOTS_DRAWN:]
    kept = np.unique(np.linspace(0, drawn - 1, min(drawn, _MOST_POINTS)).astype(np.int64)).tolist()
    began = found.drawn.column("began").to_pylist()
    timed = all(began[at] is not None for at in kept)
    places: list[str | float] = [moment(began[at]) if timed else float(at + 1) for at in kept]

    def line(name: Text, row: Any) -> Series:
        return Series(name=name, type="line", points=list(zip(places, row[kept].tolist(), strict=True)))

    series = [line(Text(zh=str(lots[one]), en=str(lots[one])), values[one]) for one in shown]
    if len(others) and args.of == "share":
        series.append(line(told("mix.other-lots", count=len(others)), values[others].sum(axis=0)))
    return ChartPayload(
        kind="line",
        x=XAxis(type="time" if timed else "value", title=told("mix.time" if timed else "mix.order")),
        y=YAxis(title=told(f"mix.{args.of}"), format="percent"),
        series=series,
        note=told("mix.largest", shown=len(shown), lots=len(lots)) if len(others) else None,
    )


def mix_portions(questions: Questions, args: MixArgs, paging: Paging) -> GridPayload:
    """Each portion drawn with the lots in it."""
    found = _mixing(questions, args)
    began = found.drawn.column("began").combine_chunks().take(pa.array(found.mixture.drawn))
    edges = found.edges.add_column(0, "time", began)
    edges = edges.select(["time", "drawn", "lot", "share", "confidence", "quantity"])
    return grid(
        edges.slice(paging.offset, paging.limit),
        total=len(edges),
        offset=paging.offset,
        limit=paging.limit,
        declared={name: told(f"mix.{name}").model_dump() for name in ("drawn", "share", "confidence")},
        types={"share": "percent", "confidence": "percent"},
        links=_LINKED,
    )


def mix_left(questions: Questions, args: MixArgs, paging: Paging) -> GridPayload:
    """What is still inside, by lot."""
    left = _mixing(questions, args).left
    return grid(
        left.slice(paging.offset, paging.limit),
        total=len(left),
        offset=paging.offset,
        limit=paging.limit,
        links=_LINKED,
    )


def _mixing(questions: Questions, args: MixArgs) -> Mixing:
    found: Mixing = questions.operator("mix", args.model_dump(exclude_none=True))
    return found
