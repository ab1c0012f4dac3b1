"""Charts and capability on pages: the operators' answers as pictures, figures and rows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from pydantic import BaseModel

from assay.apps.catalogue import told
from assay.apps.errors import PageError
from assay.apps.grids import grid
from assay.apps.kpis import figure
from assay.apps.payloads import (
    GridPayload,
    KpiPayload,
    MarkdownPayload,
    Paging,
    PlotPayload,
    Tone,
)
from assay.apps.plots import plot_payload
from assay.model.text import Text

if TYPE_CHECKING:
    from assay.analyse.statistics import PlantCapability, PlantChart, PlantMonitor
    from assay.apps.questions import Questions

_MOST_UNITS_SHOWN = 12
_CONTRIBUTORS_SHOWN = 3
_FEWEST_CHARACTERISTICS = 2
_INDICES = ("cp", "cpk", "pp", "ppk")


def _chart_of(questions: Questions, args: BaseModel) -> PlantChart:
    found: PlantChart = questions.operator("chart", _given(args))
    return found


def _capability_of(questions: Questions, args: BaseModel) -> PlantCapability:
    found: PlantCapability = questions.operator("capability", _given(args))
    return found


def _given(args: BaseModel) -> dict[str, Any]:
    """The arguments that say something."""
    return {name: value for name, value in args.model_dump().items() if value not in {None, ""}}


def control_chart(questions: Questions, args: BaseModel, width: int) -> PlotPayload:
    """The control chart's picture."""
    return plot_payload(_chart_of(questions, args).plot(), width)


def control_chart_summary(questions: Questions, args: BaseModel) -> KpiPayload:
    """How many points and results, how many are flagged, and the lines."""
    found = _chart_of(questions, args)
    chart, flagged = found.chart, len(found.flagged)
    tone: Tone = "bad" if flagged else "good"
    lines = {"centre": chart.center, "lcl": chart.limits.lcl, "ucl": chart.limits.ucl}
    digits = _digits(*lines.values())
    items = [
        figure("statistic.points", len(found.points)),
        figure("statistic.flagged", flagged, tone=tone),
        figure("statistic.results", found.subjects),
        *(
            figure(f"statistic.{name}", _line(line, digits), unit=found.unit, digits=digits)
            for name, line in lines.items()
        ),
        figure("statistic.sigma", _line(chart.sigma), unit=found.unit),
    ]
    if found.left_out:
        items.append(figure("statistic.left_out", found.left_out, tone="bad"))
    return KpiPayload(items=items)


def flagged_points(questions: Questions, args: BaseModel, paging: Paging) -> GridPayload:
    """The flagged points with their times, the rules they complete and the units behind them."""
    found = _chart_of(questions, args)
    shown = found.flagged[paging.offset : paging.offset + paging.limit]
    rows = [
        {
            "point": one.label,
            "first_time": found.points[one.index].first,
            "last_time": found.points[one.index].last,
            "results": found.points[one.index].subjects,
            "rules": ", ".join(one.rules),
            "units": list(one.units[:_MOST_UNITS_SHOWN]),
            "unit_count": one.units_total,
        }
        for one in shown
    ]
    kinds = {"results": pa.int64(), "unit_count": pa.int64(), "units": pa.list_(pa.string())}
    names = ("point", "first_time", "last_time", "results", "rules", "unit_count", "units")
    schema = pa.schema([pa.field(name, kinds.get(name, pa.string())) for name in names])
    return grid(
        pa.Table.from_pylist(rows, schema=schema),
        total=len(found.flagged),
        offset=paging.offset,
        limit=paging.limit,
        types={"first_time": "time", "last_time": "time"},
        note=_units_note(found),
    )


def _units_note(found: PlantChart) -> Text | None:
    if not found.flagged:
        return told("note.none-flagged")
    if any(one.units_total > _MOST_UNITS_SHOWN for one in found.flagged):
        return told("note.some-units", most=_MOST_UNITS_SHOWN)
    return None


def capability(questions: Questions, args: BaseModel, width: int) -> PlotPayload:
    """The capability's picture."""
    return plot_payload(_capability_of(questions, args).plot(), width)


def capability_summary(questions: Questions, args: BaseModel) -> KpiPayload:
    """Cp, Cpk, Pp, Ppk with their intervals, ppm, and the specification they hold for."""
    found = _capability_of(questions, args)
    study = found.capability
    digits = _digits(study.mean, *(limit for limit in (study.lsl, study.usl) if limit is not None))
    items = []
    for name, value, unit in found.headline():
        note = None
        if name in _INDICES and value is not None and name in study.intervals:
            low, high = study.intervals[name]
            level = f"{100 * study.confidence:.4g} %"
            note = told("note.interval", level=level, low=f"{low:.2f}", high=f"{high:.2f}")
        items.append(
            figure(
                f"statistic.{name}", value, unit=unit, note=note, digits=digits if name == "mean" else None
            )
        )
    return KpiPayload(items=items)


def capability_remarks(questions: Questions, args: BaseModel) -> MarkdownPayload:
    """What has to be known before the indices are believed: stability, distribution, sample."""
    found = _capability_of(questions, args)
    remarks = [remark.text for remark in found.capability.remarks] or [told("note.no-remarks")]
    origin = told(f"origin.{found.specification.origin.replace(' ', '-')}", id=found.specification.id or "")
    return MarkdownPayload(text=_bullets([*remarks, origin]))


def _bullets(texts: list[Text]) -> Text:
    zh, en = ("\n".join(f"- {text.said(language)}" for text in texts) for language in ("zh", "en"))
    return Text(zh=zh, en=en)


def _monitor_of(questions: Questions, args: BaseModel) -> PlantMonitor:
    given = _given(args)
    names = [name.strip() for name in given.pop("characteristics", "").split(",") if name.strip()]
    names = names or questions.measured()
    if len(names) < _FEWEST_CHARACTERISTICS:
        raise PageError.few_measured(names)
    if (stop := given.pop("phase1", None)) is not None:
        given["phase1"] = (0, stop)
    found: PlantMonitor = questions.operator("monitor", {"characteristics": names, **given})
    return found


def monitor(questions: Questions, args: BaseModel, width: int) -> PlotPayload:
    """The monitored statistics with their limits."""
    return plot_payload(_monitor_of(questions, args).plot(), width)


def monitor_summary(questions: Questions, args: BaseModel) -> KpiPayload:
    """Subjects and alarms, and the false-alarm rate asked for beside the one the training data shows."""
    found = _monitor_of(questions, args)
    rates = found.score.false_alarms
    tone: Tone = "bad" if found.alarms_total else "good"
    interval = None
    if math.isfinite(rates.low) and math.isfinite(rates.high):
        interval = told("note.interval", level="95 %", low=f"{rates.low:.2%}", high=f"{rates.high:.2%}")
    exceeded = math.isfinite(rates.low) and rates.low > rates.nominal
    items = [
        figure("statistic.subjects", found.subjects),
        figure("statistic.alarms", found.alarms_total, tone=tone),
        figure("statistic.training", found.phase1[1] - found.phase1[0]),
        figure("statistic.nominal", rates.nominal, unit="percent"),
        figure(
            "statistic.realised",
            rates.realised if math.isfinite(rates.realised) else None,
            unit="percent",
            note=interval,
            tone="bad" if exceeded else "neutral",
        ),
        figure("statistic.components", found.model.components),
        figure("statistic.characteristics", ", ".join(found.characteristics)),
    ]
    if found.left_out:
        items.append(figure("statistic.incomplete", found.left_out, tone="bad"))
    return KpiPayload(items=items)


def monitor_alarms(questions: Questions, args: BaseModel, paging: Paging) -> GridPayload:
    """The subjects in alarm, and the characteristics that contribute most, largest first."""
    found = _monitor_of(questions, args)
    shown = found.alarms[paging.offset : paging.offset + paging.limit]
    rows = [
        {
            "subject": one.subject,
            "time": one.time,
            "row": one.row,
            "index": one.index,
            "contributors": ", ".join(
                f"{part.characteristic} ({part.contribution:.3g})"
                for part in one.contributors[:_CONTRIBUTORS_SHOWN]
            ),
        }
        for one in shown
    ]
    kinds = {"row": pa.int64(), "index": pa.float64()}
    names = ("subject", "time", "row", "index", "contributors")
    schema = pa.schema([pa.field(name, kinds.get(name, pa.string())) for name in names])
    note = None if found.alarms_total else told("note.no-alarm")
    if found.alarms_total > len(found.alarms):
        note = told("note.more-alarms", shown=len(found.alarms), total=found.alarms_total)
    return grid(
        pa.Table.from_pylist(rows, schema=schema),
        total=len(found.alarms),
        offset=paging.offset,
        limit=paging.limit,
        types={"time": "time"},
        note=note,
    )


def _line(value: float | np.ndarray[Any, Any], digits: int = 4) -> float | str | None:
    """A line's value, or its span where it varies."""
    if not isinstance(value, np.ndarray):
        return float(value) if np.isfinite(value) else None
    known = value[np.isfinite(value)]
    if not known.size:
        return None
    low, high = float(known.min()), float(known.max())
    return low if low == high else f"{low:.{digits}g} – {high:.{digits}g}"


def _digits(*lines: float | np.ndarray[Any, Any]) -> int:
    """Significant digits that tell a thousandth of the way between these lines apart, at least 4."""
    last = [float(np.ravel(line)[-1]) for line in lines]
    known = [value for value in last if math.isfinite(value)]
    way = max(known, default=0.0) - min(known, default=0.0)
    largest = max(map(abs, known), default=0.0)
    if way <= 0 or largest <= way:
        return 4
    return min(12, math.ceil(math.log10(largest / way)) + 3)
