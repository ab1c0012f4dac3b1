"""Monitoring one row at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from assay.stats.arrays import Floats, between, vector
from assay.stats.monitor.alarm import mewma_variance
from assay.stats.monitor.errors import OtherColumns
from assay.stats.result import Result

if TYPE_CHECKING:
    from assay.stats.monitor.model import Monitor


@dataclass(frozen=True)
class LiveRow(Result):
    """One new row against the model; NaN and no alarm while the past is too short."""

    number: int
    """0-based, counted from the first row added."""
    t2: float
    spe: float
    monitored: dict[str, float]
    index: float
    alarm: bool
    causes: tuple[str, ...]
    """The statistics above their limits."""


class LiveMonitor:
    """A model that takes rows as they come; equal to scoring all of them at once, up to rounding.

    It holds the last ``lags`` rows and the moving averages, however many rows have come. With ``forgetting``
    the level of each variable follows the rows that give no alarm: see :meth:`Monitor.live`.
    """

    def __init__(self, model: Monitor, forgetting: float | None = None) -> None:
        self._model = model
        self._learning = 0.0 if forgetting is None else 1.0 - between(forgetting, "forgetting", 0.5, 1.0)
        self._center = model.center.copy()
        self._core = model._core  # noqa: SLF001 - the live half of the model
        self._factor = 1.0 / model.scale
        self._past: Floats = np.zeros((model.lags + 1, len(model.names)))
        self._count = 0
        smoothing, limits = model._smoothing, model._limits  # noqa: SLF001
        self._centres = smoothing.centres
        self._means = [0.0] * len(model.watched)
        self._errors: Floats = np.zeros(len(model.names))
        self._middle = [float(value) for value in limits.middle]
        self._width = [float(value) for value in (limits.top - limits.middle) * limits.scale]

    def add(self, row: ArrayLike) -> LiveRow:
        """Take one row of ``P`` values and answer for it.

        Raises
        ------
        NotFinite, NotNumeric, WrongShape, OtherColumns
        """
        model = self._model
        found = vector(row, "row")
        if found.size != len(model.names):
            raise OtherColumns(count=found.size, wanted=len(model.names))
        if model.lags:
            self._past[:-1] = self._past[1:]
        self._past[-1] = (found - self._center) * self._factor
        number = self._count
        self._count += 1
        if number < model.lags:
            nothing = dict.fromkeys(model.watched, math.nan)
            return LiveRow(number, math.nan, math.nan, nothing, math.nan, False, ())
        raw = self._core.raw(self._past)
        roots: list[float] = []
        for place, name in enumerate(model.watched):
            if name == "mewma":
                assert raw.errors is not None  # noqa: S101 - only models that predict watch it
                self._errors = model.memory * raw.errors[0] + (1.0 - model.memory) * self._errors
                variance = float(mewma_variance(model.memory, float(self._count - model.lags)))
                roots.append(math.cbrt(float(self._errors @ self._errors) / variance))
            else:
                root = math.cbrt(float(raw.t2[0] if name == "t2" else raw.spe[0]))
                if model.smoothing != 1:
                    centre = self._centres[place]
                    mean = model.smoothing * (root - centre) + (1.0 - model.smoothing) * self._means[place]
                    self._means[place] = mean
                    root = mean + centre
                roots.append(root)
        scaled = [
            (root - low) / width for root, low, width in zip(roots, self._middle, self._width, strict=True)
        ]
        alarm = max(scaled) > 1
        if self._learning and not alarm:
            self._center += self._learning * (found - self._center)
        return LiveRow(
            number,
            float(raw.t2[0]),
            float(raw.spe[0]),
            {name: root**3 for name, root in zip(model.watched, roots, strict=True)},
            max(scaled),
            alarm,
            tuple(name for name, value in zip(model.watched, scaled, strict=True) if value > 1),
        )

    @property
    def standardised(self) -> Floats:
        """The newest row less the level it was held against, over the training deviation, ``(P,)``."""
        found: Floats = self._past[-1].copy()
        return found
