"""The page *Bridges*: which piece that went into a step without labels is which that came out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

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
    XAxis,
    YAxis,
)
from assay.genealogy.queue_result import ALONE, Doubt
from assay.model.text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assay.analyse.bridge import Bridge
    from assay.apps.questions import Questions

_MEMBERS_SHOWN = 8
_MOST_POINTS = 4_000
_SURE = 0.95
_LINKED: dict[str, Link] = {"piece_in": "trace", "piece_out": "trace", "group": "trace"}
_SHARES: dict[str, Any] = {"probability": "percent", "added": "percent"}


class BridgeArgs(BaseModel):
    """A step without labels, what is known of the time inside, and how pieces go through."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    segment: str = Field(min_length=1, title="segment")
    residence: float | None = None
    tolerance: float | None = None
    into: str | None = None
    lane: str | None = None
    by_carrier: bool = False


class PieceArgs(BridgeArgs):
    """The same, and one piece of either side; null for none."""

    piece: str | None = None


def bridge_summary(questions: Questions, args: BridgeArgs) -> KpiPayload:
    """How many were counted on each side, the residence, and how well pieces are told apart."""
    found = _bridge(questions, args)
    matching, doubts = found.matching, len(found.doubts)
    sizes = matching.groups_back().sizes
    items = [figure("bridge.before", matching.before), figure("bridge.after", matching.after)]
    if (stay := matching.residence) is not None:
        note = told("bridge.interval", low=f"{stay.low:.4g}", high=f"{stay.high:.4g}")
        items.append(figure("bridge.residence", stay.value, unit="s", note=note, digits=5))
    if len(sizes):
        sure = float((sizes == 1).mean())
        items.append(figure("bridge.sure", sure, unit="percent", tone="good" if sure >= _SURE else "neutral"))
        items.append(figure("bridge.mean_group", float(sizes.mean()), digits=3))
    items += [
        figure("bridge.scrapped", float(matching.scrapped.sum()), digits=3),
        figure("bridge.added", float(matching.added.sum()), digits=3),
        figure("bridge.doubts", doubts, tone="bad" if doubts else "good"),
    ]
    return KpiPayload(items=items)


def bridge_remarks(questions: Questions, args: BridgeArgs) -> MarkdownPayload:
    """What was used to match, and what a person should know about the counts."""
    found = _bridge(questions, args)
    basis = [told(f"bridge.by-{word}") for word in found.matching.basis]
    used = told("bridge.used", basis=joined(basis)) if basis else told("bridge.unused")
    return MarkdownPayload(text=paragraphs(used, bullets(found.doubts), told("bridge.onward")))


def bridged_pieces(questions: Questions, args: BridgeArgs, paging: Paging) -> GridPayload:
    """Each piece that came out: the likeliest piece that went in, and the smallest group that holds 95 %."""
    found = _bridge(questions, args)
    outs = range(paging.offset, min(paging.offset + paging.limit, len(found.after)))
    names, groups = _names(found), found.matching.groups_back()
    times = found.after.column("time").to_pylist()
    rows = []
    for out in outs:
        members = groups.of(out)
        likeliest = next((one for one in members if one != ALONE), None)
        start = groups.offsets[out]
        chances = groups.probability[start : start + len(members)].tolist()
        rows.append(
            {
                "piece_out": names[1][out],
                "time": times[out],
                "piece_in": None if likeliest is None else names[0][likeliest],
                "probability": None if likeliest is None else chances[members.index(likeliest)],
                "group_size": len(members),
                "group": [names[0][one] for one in members if one != ALONE][:_MEMBERS_SHOWN] or None,
                "added": float(found.matching.added[out]),
            }
        )
    return grid(
        pa.Table.from_pylist(rows, schema=_PIECES),
        total=len(found.after),
        offset=paging.offset,
        limit=paging.limit,
        types=_SHARES,
        links=_LINKED,
        note=told("bridge.group-note", most=_MEMBERS_SHOWN),
    )


def counterparts(questions: Questions, args: PieceArgs, paging: Paging) -> GridPayload:
    """Every counterpart of one piece of either side with its probability; nothing without a piece."""
    if not args.piece:
        return GridPayload(columns=[], rows=[], total=0, note=told("bridge.no-piece"))
    found = _bridge(questions, BridgeArgs.model_validate(args.model_dump(exclude={"piece"})))
    names, matching = _names(found), found.matching
    ways = (
        (matching.source, matching.target, matching.scrapped),
        (matching.target, matching.source, matching.added),
    )
    columns = ("piece_in", "piece_out")
    rows: list[dict[str, Any]] = []
    for side, (mine, others, alone) in enumerate(ways):
        for piece in (at for at, name in enumerate(names[side]) if name == args.piece):
            pairs = np.flatnonzero(mine == piece)
            stays = _stays(found, matching.source[pairs], matching.target[pairs])
            own = {columns[side]: args.piece}
            for pair, stay in zip(pairs.tolist(), stays, strict=True):
                other = {columns[1 - side]: names[1 - side][int(others[pair])], "residence": stay}
                rows.append(own | other | {"probability": float(matching.probability[pair])})
            rows.append(own | {"probability": float(alone[piece])})
    if not rows:
        return GridPayload(columns=[], rows=[], total=0, note=told("bridge.unknown-piece", piece=args.piece))
    rows.sort(key=lambda row: -row["probability"])
    shown = rows[paging.offset : paging.offset + paging.limit]
    return grid(
        pa.Table.from_pylist(shown, schema=_COUNTERPARTS),
        total=len(rows),
        offset=paging.offset,
        limit=paging.limit,
        types=_SHARES,
        links=_LINKED,
        note=told("bridge.alone"),
    )


def bridge_chart(questions: Questions, args: BridgeArgs) -> ChartPayload:
    """The time inside of the likeliest pairs, by when they came out; their probability without times."""
    found = _bridge(questions, args)
    matching = found.matching
    order = np.lexsort((-matching.probability, matching.target))
    _, first = np.unique(matching.target[order], return_index=True)
    best = order[first]
    best = best[matching.probability[best] > matching.added[matching.target[best]]]
    best = best[:: max(1, -(-len(best) // _MOST_POINTS))]
    stays = _stays(found, matching.source[best], matching.target[best])
    sure = matching.probability[best] >= _SURE
    times = found.after.column("time").to_pylist()
    timed = matching.residence is not None
    series = []
    for name, mine in (("sure-pair", sure), ("likely-pair", ~sure)):
        points: list[tuple[str | float, float | None]] = []
        for at in np.flatnonzero(mine).tolist():
            out = int(matching.target[best[at]])
            if not timed:
                points.append((float(out + 1), float(matching.probability[best[at]])))
            elif times[out] is not None and stays[at] is not None:
                points.append((moment(times[out]), stays[at]))
        if points:
            series.append(Series(name=told(f"bridge.{name}"), type="scatter", points=points))
    if not timed:
        x, y = XAxis(type="value", title=told("bridge.count-out")), _chance_axis()
    else:
        x = XAxis(type="time", title=told("bridge.time-out"))
        y = YAxis(title=told("bridge.residence"), unit="s")
    return ChartPayload(kind="scatter", x=x, y=y, series=series, note=told("bridge.chart-note"))


def _chance_axis() -> YAxis:
    return YAxis(title=told("column.probability"), format="percent")


def _bridge(questions: Questions, args: BridgeArgs) -> Bridge:
    found: Bridge = questions.operator("bridge", args.model_dump(exclude_none=True))
    return found


def _names(found: Bridge) -> tuple[list[str], list[str]]:
    before, after = (rows.column("subject").to_pylist() for rows in (found.before, found.after))
    return before, after


def _stays(found: Bridge, sources: Any, targets: Any) -> list[float | None]:
    """Seconds between the two counts of each pair; None where a time is not known."""
    before, after = (rows.column("time").to_pylist() for rows in (found.before, found.after))
    pairs = ((before[one], after[two]) for one, two in zip(sources.tolist(), targets.tolist(), strict=True))
    return [
        None if began is None or ended is None else (ended - began).total_seconds() for began, ended in pairs
    ]


def joined(texts: Sequence[Text]) -> Text:
    """Words in a row, with the commas of each language."""
    return Text(zh="、".join(one.zh for one in texts), en=", ".join(one.en for one in texts))


def bullets(doubts: Sequence[Doubt]) -> Text:
    """The doubts as a list in Markdown; a sentence where there are none."""
    if not doubts:
        return told("bridge.no-doubt")
    return Text(
        zh="\n".join(f"- {one.said.zh}" for one in doubts),
        en="\n".join(f"- {one.said.en}" for one in doubts),
    )


def paragraphs(*texts: Text) -> Text:
    """Texts below each other in Markdown."""
    return Text(zh="\n\n".join(one.zh for one in texts), en="\n\n".join(one.en for one in texts))


_PIECES = pa.schema(
    [
        pa.field("piece_out", pa.string()),
        pa.field("time", pa.timestamp("us", "UTC")),
        pa.field("piece_in", pa.string()),
        pa.field("probability", pa.float64()),
        pa.field("group_size", pa.int64()),
        pa.field("group", pa.list_(pa.string())),
        pa.field("added", pa.float64()),
    ]
)
_COUNTERPARTS = pa.schema(
    [
        pa.field("piece_in", pa.string()),
        pa.field("piece_out", pa.string()),
        pa.field("probability", pa.float64()),
        pa.field("residence", pa.float64()),
    ]
)
