"""When to change a tool that wears, and what to set the new one to."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from assay.stats.arrays import ordered, positive
from assay.stats.charts.errors import CATALOGUE, NoRoom
from assay.stats.charts.fitted_line import FittedLine
from assay.stats.plot.spec import Axis, Layer, Level, Line, Panel, Plot, Upright
from assay.stats.result import Result


@dataclass(frozen=True, kw_only=True)
class WearPlan(Result):
    """Where to set a tool that wears and when to change it, within specification limits."""

    lsl: float
    usl: float
    margin: float
    """Distance kept from both limits, in sigma."""
    set_at: float
    """Process mean to set the new tool to, in the values' unit."""
    change_at: float
    """Process mean at which to change the tool."""
    life: float
    """Use between the two, in the unit of the use."""
    life_low: float
    """By the steep end of the slope's confidence interval."""
    life_high: float
    """By the flat end; infinite where the slope can't be told from 0."""
    confidence: float

    def plot(self) -> Plot:
        """The process mean over a tool's life, between the specification limits."""
        life = self.life if math.isfinite(self.life) else 1.0
        x = np.array([0.0, life])
        y = np.array([self.set_at, self.change_at if math.isfinite(self.life) else self.set_at])
        title = CATALOGUE.text("wear.title")
        layers: list[Layer] = [
            Level(CATALOGUE.text("acceptance.lsl"), self.lsl, "specification", f"LSL = {self.lsl:.6g}"),
            Level(CATALOGUE.text("acceptance.usl"), self.usl, "specification", f"USL = {self.usl:.6g}"),
            Level(CATALOGUE.text("wear.set"), self.set_at, "target", f"{self.set_at:.6g}"),
            Level(CATALOGUE.text("wear.change"), self.change_at, "limit", f"{self.change_at:.6g}"),
            Line(name=CATALOGUE.text("wear.mean"), x=x, y=y),
        ]
        for key, end in (("wear.earliest", self.life_low), ("wear.latest", self.life_high)):
            if math.isfinite(end):
                layers.append(Upright(CATALOGUE.text(key), end, "reference", f"{end:.6g}"))
        panel = Panel(
            title,
            Axis(CATALOGUE.text("regression.use"), low=0.0),
            Axis(CATALOGUE.text("statistic.regression")),
            tuple(layers),
        )
        share = f"{100 * self.confidence:g}"
        note = CATALOGUE.text(
            "wear.note",
            life=f"{self.life:.6g}",
            low=f"{self.life_low:.6g}",
            high=f"{self.life_high:.6g}",
            share=share,
        )
        return Plot(title, (panel,), note=note)


def wear_plan(
    line: FittedLine, *, lsl: float, usl: float, margin: float = 3.0, confidence: float = 0.95
) -> WearPlan:
    """When to change a tool whose wear moves the process along ``line`` (a chart's ``lines[-1]``).

    Parameters
    ----------
    lsl, usl
        Specification limits.
    margin
        How far the process mean stays inside them, in the line's sigma; 3 keeps 99.87 % of the values within
        the nearer limit.
    confidence
        Of the interval of the life, from the slope's.

    Raises
    ------
    LimitsReversed, NotFinite, NotPositive, NoRoom

    Notes
    -----
    Montgomery 2020, sec. 10.7.3; Duncan 1986, ch. 21: the mean starts at the limit the wear moves away from
    plus ``margin``·sigma and ends at the other limit minus ``margin``·sigma.
    """
    ordered(lsl, usl)
    keep = positive(margin, "margin") * line.sigma
    room = usl - lsl - 2 * keep
    if room <= 0:
        raise NoRoom(lsl=lsl, usl=usl, margin=margin, sigma=line.sigma)
    low, high = lsl + keep, usl - keep
    slow, fast = sorted(map(abs, line.slope_interval(confidence)))
    crosses = line.slope_interval(confidence)[0] <= 0 <= line.slope_interval(confidence)[1]
    rising = line.slope >= 0
    return WearPlan(
        lsl=lsl,
        usl=usl,
        margin=margin,
        set_at=low if rising else high,
        change_at=high if rising else low,
        life=room / abs(line.slope) if line.slope else math.inf,
        life_low=room / fast if fast else math.inf,
        life_high=math.inf if crosses else room / slow,
        confidence=confidence,
    )
