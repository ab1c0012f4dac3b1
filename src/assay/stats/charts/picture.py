"""The picture of a control chart: a panel for it and for each companion."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from assay.model.text import Text
from assay.stats.arrays import Floats
from assay.stats.charts.chart import ControlChart, at
from assay.stats.charts.errors import CATALOGUE
from assay.stats.plot.spec import (
    Axis,
    Flag,
    Flags,
    Layer,
    Level,
    Line,
    Panel,
    Plot,
    Points,
    Role,
    Upright,
    Words,
)
from assay.stats.rules import RULES
from assay.stats.rules.rule import Avoiding, Hugging, Zone

NAMES: dict[str, str] = {"center": "CL", "ucl": "UCL", "lcl": "LCL"}
"""What stands beside a line with its value, alike in both languages."""

MOST_TICKS = 10
"""How many names of points are written along the axis."""

WITHOUT_CONSTANTS = frozenset(
    {
        *("p", "np", "c", "u", "g", "t", "t2", "t2_subgroups", "generalised_variance", "mewma"),
        *("profiles", "residual_variance", "profile_intercept", "profile_slope", "profile_intercept_ewma"),
    }
)
"""Kinds whose limits use no control chart constants."""


def picture(chart: ControlChart) -> Plot:
    """Points, centre, limits, zones, stages, phases and flags, with the formula below."""
    drawn = (chart, *chart.companions)
    titles = [CATALOGUE.text(f"chart.{one.title or one.kind}") for one in drawn]
    title = Text(zh=" · ".join(one.zh for one in titles), en=" · ".join(one.en for one in titles))
    panels = tuple(panel(one, name) for one, name in zip(drawn, titles, strict=True))
    return Plot(title, panels, note=note(chart))


def panel(chart: ControlChart, title: Text) -> Panel:
    """One chart."""
    x = np.arange(1.0, chart.statistics.size + 1)
    digits = _digits(chart)
    layers = (
        *_zone_lines(chart, x),
        *_line("center", chart.center, x, digits),
        *_line("lcl", chart.limits.lcl, x, digits),
        *_line("ucl", chart.limits.ucl, x, digits),
        *_boundaries(chart),
        *_points(chart, x),
        flags(chart),
    )
    point = "subgroup" if chart.kind in ("xbar", "range", "deviation", "median") else "point"
    return Panel(
        title,
        Axis(CATALOGUE.text(f"plot.{point}"), ticks=_ticks(chart)),
        Axis(CATALOGUE.text(f"statistic.{chart.title or chart.kind}")),
        layers,
    )


def _ticks(chart: ControlChart) -> tuple[tuple[float, str], ...] | None:
    """Names along the axis where the points have any, as many as can be read."""
    if chart.labels is None or all(label == str(at) for at, label in enumerate(chart.labels, 1)):
        return None
    step = -(-len(chart.labels) // MOST_TICKS)
    return tuple((index + 1.0, chart.labels[index]) for index in range(0, len(chart.labels), step))


def note(chart: ControlChart) -> Text:
    """Formula, constants, and how many points of how large samples the limits come from."""
    if chart.estimator == "given":
        return Text(
            zh=CATALOGUE.say("plot.note-given", "zh", formula=chart.formula),
            en=CATALOGUE.say("plot.note-given", "en", formula=chart.formula),
        )
    total = chart.statistics.size
    inside = np.ones(total, bool) if chart.phase1 is None else chart.phase1.copy()
    inside[[gone.index for gone in chart.excluded]] = False
    kind = Text(zh="", en="")
    if chart.kind not in WITHOUT_CONSTANTS:
        kind = CATALOGUE.text(f"plot.{chart.constants}")
    key = "plot.note" if chart.sizes is None else "plot.note-sizes"
    sizes = ""
    if chart.sizes is not None:
        least, most = float(chart.sizes.min()), float(chart.sizes.max())
        sizes = f"{least:g}" if least == most else f"{least:g}–{most:g}"
    said = {"formula": chart.formula, "count": int(inside.sum()), "total": total, "sizes": sizes}
    return Text(
        zh=CATALOGUE.say(key, "zh", constants=kind.zh, **said),
        en=CATALOGUE.say(key, "en", constants=kind.en, **said),
    )


def flags(chart: ControlChart) -> Flags:
    """The flagged points with the rules each completes."""
    found: dict[int, list[str]] = {}
    for rule, indices in chart.violations.items():
        for index in indices:
            found.setdefault(index, []).append(rule)
    return Flags(
        CATALOGUE.text("plot.flags"),
        tuple(
            Flag(index + 1.0, float(chart.statistics[index]), tuple(rules))
            for index, rules in sorted(found.items())
        ),
    )


def _points(chart: ControlChart, x: Floats) -> Iterator[Layer]:
    """The points, joined within a stage; those left out of the estimates over them."""
    ends = [(stage.start, stage.stop) for stage in chart.stages] or [(0, x.size)]
    for start, stop in ends:
        where = np.arange(start, stop)[~np.isnan(chart.statistics[start:stop])]
        if where.size:
            yield _some(chart, x, where, "points", "data")
    left_out = np.array([gone.index for gone in chart.excluded], np.int64)
    if left_out.size:
        left_out = left_out[~np.isnan(chart.statistics[left_out])]
        yield _some(chart, x, left_out, "excluded", "muted")


def _some(chart: ControlChart, x: Floats, where: np.ndarray, name: str, role: Role) -> Points:
    labels = None if chart.labels is None else tuple(chart.labels[index] for index in where)
    return Points(
        CATALOGUE.text(f"plot.{name}"),
        x[where],
        chart.statistics[where],
        role=role,
        joined=role == "data",
        labels=labels,
    )


def _digits(chart: ControlChart) -> int:
    """Decimals that tell a thousandth of the way between the limits apart."""
    last = [at(line, -1) for line in (*chart.limits, chart.center) if np.isfinite(at(line, -1))]
    way = max(last, default=1.0) - min(last, default=0.0)
    return max(0, 3 - math.floor(math.log10(way))) if way > 0 else 6


def _line(name: str, value: float | Floats, x: Floats, digits: int) -> Iterator[Layer]:
    """A line over all points, with its value (the last one where it varies) beside it."""
    said = CATALOGUE.text(f"plot.{name}")
    role: Role = "centre" if name == "center" else "limit"
    if isinstance(value, np.ndarray):
        if np.isfinite(value).all():
            yield Line(said, x, value, role=role, steps=True)
            label = f"{NAMES[name]} = {value[-1]:.{digits}f}"
            yield Words(Text(zh=label, en=label), float(x[-1]) + 0.6, float(value[-1]))
    elif math.isfinite(value):
        yield Level(said, float(value), role, f"{NAMES[name]} = {value:.{digits}f}")


def _zone_lines(chart: ControlChart, x: Floats) -> Iterator[Layer]:
    """Thirds of the way to the limits, where a rule looks at them; not beyond a limit that is clipped."""
    if not any(_looks_at_zones(rule) for rule in chart.rules):
        return
    lcl, ucl = chart.limits
    up, down = ((ucl - chart.center) / 3, (chart.center - lcl) / 3)
    if chart.zone is not None:
        up = down = chart.zone
    said = CATALOGUE.text("plot.zone")
    for value in (chart.center + part * side for side in (up, -down) for part in (1, 2)):
        if isinstance(value, np.ndarray):
            inside = np.clip(value, lcl, ucl)
            if np.isfinite(inside).all():
                yield Line(said, x, inside, role="warning", steps=True)
        elif math.isfinite(value) and np.all(value > lcl) and np.all(value < ucl):
            yield Level(said, float(value), "warning")


def _looks_at_zones(name: str) -> bool:
    """Whether a rule is about zones; one that isn't published may be."""
    rule = RULES.get(name)
    if rule is None:
        return not name.startswith(("run:", "trend:", "alternating:"))
    return isinstance(rule, (Hugging, Avoiding)) or (isinstance(rule, Zone) and rule.k not in (0.0, 3.0))


def _boundaries(chart: ControlChart) -> Iterator[Layer]:
    """Where stages begin and where phase II does."""
    for stage in chart.stages:
        yield Upright(CATALOGUE.text("plot.stage"), stage.start + 0.5, "reference", stage.label)
    if chart.phase1 is not None:
        last = int(np.flatnonzero(chart.phase1)[-1])
        if last + 1 < chart.phase1.size:
            yield Upright(CATALOGUE.text("plot.phase2"), last + 1.5, "reference", "I | II")
