"""Scores and contributions as pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from assay.stats.monitor.errors import CATALOGUE
from assay.stats.plot.spec import Axis, Bars, Flag, Flags, Level, Panel, Plot, Points

if TYPE_CHECKING:
    from assay.stats.monitor.contributions import Contributions
    from assay.stats.monitor.score import Score


def score_plot(score: Score) -> Plot:
    """A panel for each monitored statistic."""
    panels = []
    for name, values in score.monitored.items():
        scored = np.flatnonzero(np.isfinite(values))
        limit = score.limits[name]
        said = CATALOGUE.text(f"plot.{name}")
        above = tuple(Flag(float(at), float(values[at]), ()) for at in scored if values[at] > limit)
        panels.append(
            Panel(
                title=said,
                x=Axis(CATALOGUE.text("plot.row")),
                y=Axis(said, low=0.0),
                layers=(
                    Points(said, scored.astype(float), values[scored], joined=True),
                    Level(CATALOGUE.text("plot.limit"), limit, "limit", f"{limit:.4g}"),
                    Flags(CATALOGUE.text("plot.alarm"), above),
                ),
            )
        )
    model, rates = score._model, score.false_alarms  # noqa: SLF001 - the score draws itself
    note = CATALOGUE.text(
        f"plot.note-{model.method}",
        components=model.components,
        lags=model.lags,
        rows=model.rows,
        nominal=rates.nominal,
        realised=rates.realised,
        low=rates.low,
        high=rates.high,
    )
    return Plot(CATALOGUE.text(f"plot.{score.kind}"), tuple(panels), note=note)


def contributions_plot(found: Contributions) -> Plot:
    """Bars, largest first."""
    order = np.argsort(-found.mean, kind="stable")
    title = CATALOGUE.text(
        "plot.contributions", statistic=CATALOGUE.say(f"plot.{found.statistic}", "en")
    ).model_copy(
        update={
            "zh": CATALOGUE.say(
                "plot.contributions", "zh", statistic=CATALOGUE.say(f"plot.{found.statistic}", "zh")
            )
        }
    )
    said = CATALOGUE.text("plot.contribution")
    panel = Panel(
        title=title,
        x=Axis(CATALOGUE.text("plot.variable"), categories=tuple(found.names[at] for at in order)),
        y=Axis(said, low=0.0),
        layers=(Bars(said, np.arange(len(order), dtype=float), found.mean[order], 0.8),),
    )
    note = CATALOGUE.text("plot.note-contributions", count=len(found.rows))
    return Plot(title, (panel,), note=note)
