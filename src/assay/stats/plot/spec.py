"""The layer specification.

A :class:`Plot` is a grid of panels, each with two axes and layers drawn in order. ``to_dict`` gives the JSON
that the browser draws; :func:`assay.stats.plot.static.draw` draws the same object with matplotlib. Colours
are the renderer's: a layer says its ``role``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from assay.model.text import Text
from assay.stats.result import plain

Floats = NDArray[np.float64]
_NUMBERED = re.compile(r"([a-z_]+)\d+\Z")
Role = Literal[
    "data", "centre", "limit", "warning", "specification", "target", "fit", "reference", "muted", "other"
]
"""What a layer stands for: measured values, centre line, control limits, inner (zone) limits, specification
limits, target, a fitted curve, a reference line, the background (excluded points), a second series."""


@dataclass(frozen=True)
class Axis:
    """An axis; ``categories`` are the labels at 0, 1, 2, … of a categorical axis."""

    title: Text
    unit: str | None = None
    categories: tuple[str | Text, ...] | None = None
    ticks: tuple[tuple[float, str], ...] | None = None
    """Places and labels where the axis isn't linear in its own numbers (a probability plot)."""
    low: float | None = None
    """Where the axis starts; None leaves it to the renderer."""
    high: float | None = None


@dataclass(frozen=True)
class Points:
    """Markers at ``(x, y)``; joined by a thin line where ``joined``."""

    kind: ClassVar[str] = "points"
    name: Text
    x: Floats
    y: Floats
    role: Role = "data"
    joined: bool = False
    labels: tuple[str, ...] | None = None
    """What each point is called (subgroup label), or None for its x."""


@dataclass(frozen=True)
class Line:
    """A line through ``(x, y)``; ``steps`` holds each y from half way before its x to half way behind it."""

    kind: ClassVar[str] = "line"
    name: Text
    x: Floats
    y: Floats
    role: Role = "fit"
    steps: bool = False
    dashed: bool = False


@dataclass(frozen=True)
class Band:
    """A filled area between ``low`` and ``high`` over ``x``."""

    kind: ClassVar[str] = "band"
    name: Text
    x: Floats
    low: Floats
    high: Floats
    role: Role = "fit"


@dataclass(frozen=True)
class Bars:
    """Bars of ``height`` centred at ``x``, ``width`` wide in units of the x axis (a histogram touches)."""

    kind: ClassVar[str] = "bars"
    name: Text
    x: Floats
    height: Floats
    width: float
    role: Role = "data"


@dataclass(frozen=True)
class Level:
    """A horizontal line across the panel, with its label at the right end."""

    kind: ClassVar[str] = "level"
    name: Text
    y: float
    role: Role
    label: str = ""


@dataclass(frozen=True)
class Upright:
    """A vertical line across the panel: a specification limit, or where a stage begins."""

    kind: ClassVar[str] = "upright"
    name: Text
    x: float
    role: Role
    label: str = ""


@dataclass(frozen=True)
class Flag:
    """One flagged point: where it is and which rules it completes."""

    x: float
    y: float
    rules: tuple[str, ...]


@dataclass(frozen=True)
class Flags:
    """Flagged points, drawn over everything and never thinned out."""

    kind: ClassVar[str] = "flags"
    name: Text
    flags: tuple[Flag, ...]

    @property
    def family(self) -> str:
        """What the names of all rules begin with before their number, such as ``nelson``; else empty.

        Beside a point the number alone is drawn: long names would cover their neighbours.
        """
        found = {_NUMBERED.match(rule) for flag in self.flags for rule in flag.rules}
        families = {match and match[1] for match in found}
        only = families.pop() if len(families) == 1 else None
        return only or ""


@dataclass(frozen=True)
class Cells:
    """A table inside a panel: ``rows`` of texts under ``heads``; a panel with cells has nothing else."""

    kind: ClassVar[str] = "cells"
    heads: tuple[Text, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Words:
    """A short text at ``(x, y)``, such as a stage's name."""

    kind: ClassVar[str] = "words"
    text: Text
    x: float
    y: float


Layer = Points | Line | Band | Bars | Level | Upright | Flags | Cells | Words


@dataclass(frozen=True)
class Panel:
    """One pair of axes with its layers."""

    title: Text
    x: Axis
    y: Axis
    layers: tuple[Layer, ...]


@dataclass(frozen=True)
class Plot:
    """Panels in reading order, ``columns`` side by side.

    ``note`` says the formula, the estimator, the sample and the phase the limits come from.
    """

    title: Text
    panels: tuple[Panel, ...]
    columns: int = 1
    note: Text | None = None
    schema: str = field(default="assay.plot/1", init=False)

    def about(self, subject: str) -> Plot:
        """The same plot with what it is about before its title."""
        title = Text(zh=f"{subject} – {self.title.zh}", en=f"{subject} – {self.title.en}")
        return replace(self, title=title)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; each layer carries its ``kind``."""
        document = plain(self)
        for panel, drawn in zip(self.panels, document["panels"], strict=True):
            drawn["layers"] = [{"kind": layer.kind, **plain(layer)} for layer in panel.layers]
        found: dict[str, Any] = document
        return found
