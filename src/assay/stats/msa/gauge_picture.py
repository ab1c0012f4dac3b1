"""The pictures of a gauge study: components, by part, by operator, X̄ and R by operator, interaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

from assay.model.text import Text
from assay.stats.arrays import Floats
from assay.stats.msa.errors import CATALOGUE
from assay.stats.plot import (
    Axis,
    Bars,
    Flag,
    Flags,
    Layer,
    Level,
    Line,
    Panel,
    Plot,
    Points,
    Upright,
    Words,
)
from assay.stats.plot.spec import Role

if TYPE_CHECKING:
    from assay.stats.charts.chart import Limits
    from assay.stats.msa.gauge import GaugeRR
    from assay.stats.msa.operator_charts import OperatorCharts

ROLES: tuple[Role, ...] = ("data", "other", "reference", "target", "fit", "muted")
"""Roles of the operators' lines, in turn."""


def picture(found: GaugeRR) -> Plot:
    """Six panels, or four where there are no operators."""
    several = bool(found.operators)
    panels = [_components(found), _by_part(found)]
    if several:
        panels += [_ranges(found), _by_operator(found), _means(found)]
        if found.design == "crossed":
            panels.append(_interaction(found))
    else:
        panels += [_ranges(found), _means(found)]
    text = CATALOGUE.text
    method = text(f"method.{found.method}")
    figures = {
        "multiplier": f"{found.study_multiplier:g}",
        "grr": f"{found.percent_grr:.2f}",
        "ndc": found.ndc,
    }
    note = Text(
        zh=CATALOGUE.say("plot.gauge-note", "zh", method=method.zh, **figures),
        en=CATALOGUE.say("plot.gauge-note", "en", method=method.en, **figures),
    )
    return Plot(text(f"title.{found.design}"), tuple(panels), columns=2, note=note)


def _components(found: GaugeRR) -> Panel:
    text = CATALOGUE.text
    names = [name for name in ("grr", "repeatability", "reproducibility", "part") if name in found.components]
    shares = ["contribution", "study_variation", *(["tolerance"] if found.tolerance is not None else [])]
    width = 0.8 / len(shares)
    place = np.arange(len(names), dtype=np.float64)
    layers: list[Layer] = [
        Bars(
            text(f"plot.percent-{share.replace('_', '-')}"),
            place + (turn - (len(shares) - 1) / 2) * width,
            np.array(
                [getattr(found.components[name], f"percent_{share}") for name in names], dtype=np.float64
            ),
            width,
            ROLES[turn],
        )
        for turn, share in enumerate(shares)
    ]
    return Panel(
        text("plot.components"),
        Axis(text("plot.source"), categories=tuple(text(f"source.{name}") for name in names)),
        Axis(text("plot.percent"), unit="%", low=0.0),
        tuple(layers),
    )


def _by_part(found: GaugeRR) -> Panel:
    p, o, r = found.values.shape
    if found.design == "nested":
        values = found.values.transpose(1, 0, 2).reshape(p * o, r)
    else:
        values = found.values.reshape(p, o * r)
    return _scatter("plot.by-part", "plot.part", found.parts, values)


def _by_operator(found: GaugeRR) -> Panel:
    p, o, r = found.values.shape
    values = found.values.transpose(1, 0, 2).reshape(o, p * r)
    return _scatter("plot.by-operator", "plot.operator", found.operators, values)


def _scatter(title: str, axis: str, labels: tuple[str, ...], values: Floats) -> Panel:
    """All values over their label, and the means joined."""
    text, place = CATALOGUE.text, np.arange(len(labels), dtype=np.float64)
    return Panel(
        text(title),
        Axis(text(axis), categories=labels),
        Axis(text("plot.value")),
        (
            Points(text("plot.measurements"), np.repeat(place, values.shape[1]), values.ravel(), "muted"),
            Points(text("plot.mean"), place, values.mean(axis=1), "data", joined=True),
        ),
    )


def _ranges(found: GaugeRR) -> Panel:
    charts = found.charts()
    flags = tuple(
        Flag(float(cell), float(charts.ranges[cell]), ("nelson1",)) for cell in charts.ranges_beyond
    )
    beyond = (Flags(CATALOGUE.text("plot.beyond"), flags),) if flags else ()
    return _chart(
        charts,
        "plot.range-chart",
        "plot.range",
        charts.ranges,
        (charts.mean_range, charts.range_limits),
        more=beyond,
    )


def _means(found: GaugeRR) -> Panel:
    charts = found.charts()
    return _chart(charts, "plot.mean-chart", "plot.mean", charts.means, (charts.mean, charts.mean_limits))


def _chart(
    charts: OperatorCharts,
    title: str,
    axis: str,
    values: Floats,
    levels: tuple[float, Limits],
    *,
    more: tuple[Layer, ...] = (),
) -> Panel:
    """A chart of all operators side by side, with common limits."""
    text, place = CATALOGUE.text, np.arange(values.size, dtype=np.float64)
    centre, (lcl, ucl) = levels
    layers: list[Layer] = []
    for turn, operator in enumerate(dict.fromkeys(charts.operators)):
        rows = np.array([name == operator for name in charts.operators])
        labels = tuple(part for part, own in zip(charts.parts, rows, strict=True) if own)
        layers.append(Points(text("plot.measurements"), place[rows], values[rows], "data", True, labels))
        if operator:
            middle = float(place[rows].mean())
            layers.append(Words(Text(zh=operator, en=operator), middle, float(values.max())))
        if turn:
            layers.append(Upright(text("plot.operator"), float(place[rows][0]) - 0.5, "muted"))
    for name, level, role in (("ucl", ucl, "limit"), ("centre", centre, "centre"), ("lcl", lcl, "limit")):
        height = float(level)
        layers.append(Level(text(f"plot.{name}"), height, cast("Role", role), f"{height:.4g}"))
    return Panel(
        text(title),
        Axis(text("plot.part"), categories=charts.parts),
        Axis(text(axis)),
        (*layers, *more),
    )


def _interaction(found: GaugeRR) -> Panel:
    text, place = CATALOGUE.text, np.arange(len(found.parts), dtype=np.float64)
    means = found.values.mean(axis=2)
    layers = tuple(
        Line(
            Text(zh=operator, en=operator),
            place,
            means[:, turn],
            ROLES[turn % len(ROLES)],
            dashed=turn >= len(ROLES),
        )
        for turn, operator in enumerate(found.operators)
    )
    return Panel(
        text("plot.interaction"),
        Axis(text("plot.part"), categories=found.parts),
        Axis(text("plot.mean")),
        layers,
    )
