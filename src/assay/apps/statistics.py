"""Charts and capability on pages: the operators' answers as pictures, figures and rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from pydantic import BaseModel

from assay.apps.catalogue import told
from assay.apps.grids import grid
from assay.apps.payloads import GridPayload, KpiItem, KpiPayload, Paging, PlotPayload, Tone
from assay.apps.reduce import m4
from assay.stats.plot.spec import Axis, Layer, Line, Panel, Plot, Points

if TYPE_CHECKING:
    from assay.analyse.statistics import PlantCapability, PlantChart
    from assay.apps.questions import Questions

_MOST_UNITS_SHOWN = 12


def plot_payload(plot: Plot, width: int) -> PlotPayload:
    """A plot for the browser, its long series thinned to what ``width`` pixels can show; flags never are."""
    thinned = Plot(
        title=plot.title,
        panels=tuple(_thinned(panel, max(1, width // plot.columns)) for panel in plot.panels),
        columns=plot.columns,
        note=plot.note,
    )
    return PlotPayload.model_validate(thinned.to_dict())


def _thinned(panel: Panel, width: int) -> Panel:
    layers = tuple(_thin_layer(layer, panel.x, width) for layer in panel.layers)
    return Panel(panel.title, panel.x, panel.y, layers)


def _thin_layer(layer: Layer, x: Axis, width: int) -> Layer:
    if not isinstance(layer, (Points, Line)) or x.categories is not None or layer.x.size < 2:
        return layer
    if (np.diff(layer.x) < 0).any():
        return layer
    kept = m4(layer.x, layer.y, width)
    if kept.size == layer.x.size:
        return layer
    if isinstance(layer, Line):
        return Line(layer.name, layer.x[kept], layer.y[kept], layer.role, layer.steps, layer.dashed)
    labels = tuple(layer.labels[at] for at in kept) if layer.labels else None
    return Points(layer.name, layer.x[kept], layer.y[kept], layer.role, layer.joined, labels)


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
    items = [
        _figure("points", len(found.points)),
        _figure("flagged", flagged, tone=tone),
        _figure("results", found.subjects),
        _figure("centre", _line(chart.center), unit=found.unit),
        _figure("lcl", _line(chart.limits.lcl), unit=found.unit),
        _figure("ucl", _line(chart.limits.ucl), unit=found.unit),
        _figure("sigma", _line(chart.sigma), unit=found.unit),
    ]
    if found.left_out:
        items.append(_figure("left_out", found.left_out, tone="bad"))
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
            "units": _units(one.units, one.units_total),
        }
        for one in shown
    ]
    kinds = {"results": pa.int64()}
    names = ("point", "first_time", "last_time", "results", "rules", "units")
    schema = pa.schema([pa.field(name, kinds.get(name, pa.string())) for name in names])
    return grid(
        pa.Table.from_pylist(rows, schema=schema),
        total=len(found.flagged),
        offset=paging.offset,
        limit=paging.limit,
        types={"first_time": "time", "last_time": "time"},
        note=None if found.flagged else told("note.none-flagged"),
    )


def _units(ids: tuple[str, ...], total: int) -> str:
    shown = ", ".join(ids[:_MOST_UNITS_SHOWN])
    return shown if total <= _MOST_UNITS_SHOWN else f"{shown} … ({total})"


def capability(questions: Questions, args: BaseModel, width: int) -> PlotPayload:
    """The capability's picture."""
    return plot_payload(_capability_of(questions, args).plot(), width)


def capability_summary(questions: Questions, args: BaseModel) -> KpiPayload:
    """Cp, Cpk, Pp, Ppk with their lower bounds, ppm, and the specification they hold for."""
    found = _capability_of(questions, args)
    return KpiPayload(items=[_figure(name, value, unit=unit) for name, value, unit in found.headline()])


def _line(value: float | np.ndarray[Any, Any]) -> float | str | None:
    """A line's value, or its span where it varies."""
    if not isinstance(value, np.ndarray):
        return float(value) if np.isfinite(value) else None
    known = value[np.isfinite(value)]
    if not known.size:
        return None
    low, high = float(known.min()), float(known.max())
    return low if low == high else f"{low:.4g} – {high:.4g}"


def _figure(
    name: str, value: float | str | None, *, tone: Tone = "neutral", unit: str | None = None
) -> KpiItem:
    return KpiItem(id=name, label=told(f"statistic.{name}"), value=value, unit=unit, tone=tone)
