"""Rows held against a model of normal operation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from assay.stats.arrays import Bools, Floats
from assay.stats.monitor.alarm import FalseAlarms
from assay.stats.monitor.contributions import Contributions, contributions
from assay.stats.monitor.model import Monitor, padded
from assay.stats.result import Result

if TYPE_CHECKING:
    from assay.stats.plot.spec import Plot


@dataclass(frozen=True, eq=False, kw_only=True)
class Score(Result):
    """``N`` rows against a model; the first ``lags`` rows have no score (NaN) and no alarm."""

    kind: str
    """``pca``, ``dpca`` or ``cva``."""
    t2: Floats
    """Hotelling's T² of each row within the model, ``(N,)``."""
    spe: Floats
    """Squared prediction error of each row, ``(N,)``: the squared distance from the model plane in
    standardised units; for CVA the squared Mahalanobis length of the one-step prediction error."""
    monitored: dict[str, Floats]
    """The statistics behind the alarms, each ``(N,)``, comparable with its limit: T² and SPE smoothed over
    the rows before, and the MEWMA of a CVA model."""
    limits: dict[str, float]
    """The limit of each monitored statistic."""
    index: Floats
    """The combined index of each row, ``(N,)``: the largest of the monitored statistics on a scale where the
    limit is 1."""
    alarm: Bools
    """One combined alarm per row, ``(N,)``: the index is above 1."""
    false_alarms: FalseAlarms
    """Nominal and realised false-alarm rate of the combined alarm."""
    _model: Monitor = field(repr=False)
    _rows: Floats = field(repr=False)

    def contributions(
        self, rows: slice | Sequence[int] | ArrayLike | None = None, statistic: str | None = None
    ) -> Contributions:
        """What each variable contributes to a statistic, by reconstruction.

        Parameters
        ----------
        rows
            Which rows: a slice, indices or a mask of length ``N``. None: the rows with an alarm, or all
            scored rows where there is none.
        statistic
            ``combined``, ``t2`` or ``spe`` for PCA and dynamic PCA (None: ``combined``); ``mewma``, ``spe``
            or ``t2`` for CVA (None: ``mewma``).

        Raises
        ------
        UnknownOption, OutOfRange, NoResidualSpace
        """
        return contributions(self._model, self._rows, self.alarm, rows, statistic)

    def plot(self) -> Plot:
        """One panel per monitored statistic, with its limit and the rows in alarm."""
        from assay.stats.monitor.drawing import score_plot

        return score_plot(self)


def scored(model: Monitor, rows: Floats) -> Score:
    """Standardised ``rows`` against ``model``."""
    raw = model._core.raw(rows)  # noqa: SLF001 - the two halves of one concept
    watched = model._smoothing.watched(raw)  # noqa: SLF001
    index = model._limits.index(watched).max(axis=1)  # noqa: SLF001
    offset = model.lags
    alarm = np.zeros(len(rows), dtype=bool)
    alarm[offset:] = index > 1
    return Score(
        kind=model.kind,
        t2=padded(raw.t2, offset),
        spe=padded(raw.spe, offset),
        monitored={
            name: padded(column**3, offset) for name, column in zip(model.watched, watched.T, strict=True)
        },
        limits=model.limits,
        index=padded(index, offset),
        alarm=alarm,
        false_alarms=model.false_alarms,
        _model=model,
        _rows=rows,
    )
