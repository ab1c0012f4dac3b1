"""The pictures of a gauge study: components, by part, by operator, X̄ and R by operator, interaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from assay.model.text import Text
from assay.stats import constants
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
    from assay.stats.msa.gauge import GaugeRR

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
    note = text(
        "plot.gauge-note",
        method=text(f"method.{found.method}").en,
        multiplier=f"{found.study_multiplier:g}",
        grr=f"{found.percent_grr:.2f}",
        ndc=found.ndc,
    )
    zh = CATALOGUE.say(
        "plot.gauge-note",
        "zh",
        method=text(f"method.{found.method}").zh,
        multiplier=f"{found.study_multiplier:g}",
        grr=f"{found.percent_grr:.2f}",
        ndc=found.ndc,
    )
    return Plot(text(f"title.{found.design}"), tuple(panels), columns=2, note=Text(zh=zh, en=note.en))


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


def _by_turn(found: GaugeRR) -> Floats:
    """Cells in the order operator, part: shape ``(operators × parts, trials)``."""
    values = found.values.transpose(1, 0, 2)
    return values.reshape(-1, values.shape[2])


def _ranges(found: GaugeRR) -> Panel:
    cells = _by_turn(found)
    ranges = np.ptp(cells, axis=1)
    factors = constants.of(cells.shape[1])
    mean = float(ranges.mean())
    return _chart(
        found, "plot.range-chart", "plot.range", ranges, (factors.D3 * mean, mean, factors.D4 * mean)
    )


def _means(found: GaugeRR) -> Panel:
    cells = _by_turn(found)
    half = constants.of(cells.shape[1]).A2 * float(np.ptp(cells, axis=1).mean())
    mean = float(cells.mean())
    return _chart(found, "plot.mean-chart", "plot.mean", cells.mean(axis=1), (mean - half, mean, mean + half))


def _chart(
    found: GaugeRR, title: str, axis: str, values: Floats, levels: tuple[float, float, float]
) -> Panel:
    """A chart of all operators side by side, with common limits: points beyond them are flagged."""
    text, place = CATALOGUE.text, np.arange(values.size, dtype=np.float64)
    lcl, centre, ucl = levels
    wide = values.size // max(len(found.operators), 1)
    labels = tuple(
        found.parts[index if found.design == "nested" else index % wide] for index in range(values.size)
    )
    layers: list[Layer] = []
    for turn, operator in enumerate(found.operators or ("",)):
        rows = slice(turn * wide, (turn + 1) * wide)
        layers.append(
            Points(text("plot.measurements"), place[rows], values[rows], "data", True, labels[rows])
        )
        if operator:
            layers.append(
                Words(Text(zh=operator, en=operator), turn * wide + (wide - 1) / 2, float(values.max()))
            )
        if turn:
            layers.append(Upright(text("plot.operator"), turn * wide - 0.5, "muted"))
    layers += [
        Level(text("plot.ucl"), ucl, "limit", f"{ucl:.4g}"),
        Level(text("plot.centre"), centre, "centre", f"{centre:.4g}"),
        Level(text("plot.lcl"), lcl, "limit", f"{lcl:.4g}"),
    ]
    beyond = np.flatnonzero((values > ucl) | (values < lcl))
    if beyond.size:
        flags = tuple(Flag(float(index), float(values[index]), ("nelson1",)) for index in beyond)
        layers.append(Flags(text("plot.beyond"), flags))
    return Panel(text(title), Axis(text("plot.part"), categories=labels), Axis(text(axis)), tuple(layers))


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
