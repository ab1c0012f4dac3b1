"""Several parts on one chart: where each part's values lie, how far they spread, and their live form."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.stats.arrays import Bools, Floats, Ints, is_missing, numbers, positive
from assay.stats.charts.chart import ControlChart, LiveChart, LiveForm, LivePoint
from assay.stats.charts.errors import CATALOGUE, MissingPart, UnknownPart
from assay.stats.charts.extended import several
from assay.stats.charts.phases import Phases
from assay.stats.charts.picture import picture
from assay.stats.errors import WrongShape
from assay.stats.plot.spec import Plot, Upright

Labels = Sequence[Any] | NDArray[Any]
Scale = Callable[[Any, "Part"], object]
"""An observation on its part's scale, as the chart of the common scale takes it."""
SHOWN = 60
"""Changes of part that are marked in a picture; more would hide the points."""


@dataclass(frozen=True)
class Part:
    """What a part's values are standardised by."""

    part: str
    center: float
    """Subtracted from its values; its mean, nominal or proportion."""
    scale: float
    """What the difference is divided by; 1 where nothing is."""
    count: int
    """Points in phase I that they were estimated from; 0 where both were given."""


@dataclass(frozen=True, kw_only=True)
class ShortRunChart(ControlChart):
    """A chart of several parts, each on its own scale; ``statistics`` are on the common scale."""

    parts: tuple[str, ...]
    """The part of each point, ``(m,)``."""
    estimates: tuple[Part, ...]
    """One per part in the order they first appear; on a chart pooled by runs one per run."""
    method: str
    """How the scale was found."""

    def plot(self) -> Plot:
        """The chart with a mark where the part changes."""
        drawn = picture(self)
        starts = [0, *changes(self.parts)]
        if len(starts) > SHOWN:
            return drawn
        name = CATALOGUE.text("short-run.part")
        marks = tuple(Upright(name, x=start + 0.5, role="muted", label=self.parts[start]) for start in starts)
        panels = tuple(replace(panel, layers=(*marks, *panel.layers)) for panel in drawn.panels)
        return replace(drawn, panels=panels)


@dataclass(frozen=True)
class Coded:
    """Parts as numbers."""

    names: tuple[str, ...]
    """In the order they first appear."""
    codes: Ints
    """Place of each point's part in ``names``, ``(m,)``."""

    @property
    def listed(self) -> tuple[str, ...]:
        """The part of each point."""
        return tuple(self.names[code] for code in self.codes.tolist())

    @property
    def runs(self) -> Ints:
        """Number of the run each point belongs to, ``(m,)``: a run ends where the part changes."""
        found = np.zeros(self.codes.size, np.int64)
        np.cumsum(self.codes[1:] != self.codes[:-1], out=found[1:])
        return found


def coded(part: Labels, count: int) -> Coded:
    """The parts of ``count`` points.

    Raises
    ------
    WrongShape, MissingPart
    """
    given = np.asarray(part)
    if given.shape != (count,):
        raise WrongShape(name="part", shape=given.shape, wanted=f"({count},)")
    places: dict[str, int] = {}
    names = given.tolist()
    for index, name in enumerate(names):
        if is_missing(name):
            raise MissingPart(index=index)
    codes = [places.setdefault(str(name), len(places)) for name in names]
    return Coded(tuple(places), np.array(codes, np.int64))


def changes(parts: Sequence[str]) -> list[int]:
    """Indices at which another part begins."""
    return [index for index in range(1, len(parts)) if parts[index] != parts[index - 1]]


def estimating(phases: Phases) -> Bools:
    """Which points anything is estimated from, over all stages, ``(m,)``."""
    found = np.zeros(phases.count, bool)
    for stretch in phases.stretches:
        found[stretch.estimating] = True
    return found


def by_part(
    names: Sequence[str],
    given: Mapping[Any, float] | None,
    name: str,
    estimate: Callable[[int], float],
    *,
    above_zero: bool = False,
) -> Floats:
    """A number per part: the given one, else the estimate of the part's place, ``(parts,)``.

    Raises
    ------
    NotNumeric, NotFinite, NotPositive, and what ``estimate`` raises
    """
    known = {} if given is None else {str(part): value for part, value in given.items()}
    found = np.empty(len(names))
    for place, part in enumerate(names):
        if part not in known:
            found[place] = estimate(place)
        elif above_zero:
            found[place] = positive(known[part], f"{name}[{part}]")
        else:
            found[place] = float(numbers(known[part], f"{name}[{part}]"))
    return found


def some(chosen: Bools, part: str) -> Ints:
    """The indices that are chosen.

    Raises
    ------
    UnknownPart
        None is.
    """
    found = np.flatnonzero(chosen)
    if found.size == 0:
        raise UnknownPart(part=part)
    return found


@dataclass(frozen=True)
class ByPart:
    """The live form: each observation on its part's scale, then on the chart of the common scale."""

    inner: LiveForm
    scale: Scale
    estimates: Mapping[str, Part]

    def start(self, chart: ControlChart) -> LiveByPart:
        """Go on after ``chart``'s last point."""
        return LiveByPart(self.inner.start(chart), self.scale, self.estimates)


class LiveByPart:
    """A short-run chart that takes one ``(observation, part)`` at a time."""

    def __init__(self, inner: LiveChart, scale: Scale, estimates: Mapping[str, Part]) -> None:
        self._inner, self._scale, self._estimates = inner, scale, estimates

    def add(self, observation: object, /) -> LivePoint:
        """Take one more observation of a part that the chart knows.

        Raises
        ------
        UnknownPart, WrongShape, and what the chart of the common scale raises
        """
        measured, part = several(observation, 2, "(observation, part)")
        found = self._estimates.get(str(part))
        if found is None:
            raise UnknownPart(part=str(part))
        return self._inner.add(self._scale(measured, found))
