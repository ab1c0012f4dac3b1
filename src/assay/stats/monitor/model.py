"""A fitted model of normal operation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from assay.stats.arrays import Floats, matrix
from assay.stats.charts.vectors import table
from assay.stats.errors import TooFewPoints
from assay.stats.monitor.alarm import FalseAlarms, Limits, Smoothing
from assay.stats.monitor.core import Core
from assay.stats.monitor.errors import OtherColumns
from assay.stats.result import Result

if TYPE_CHECKING:
    from assay.stats.monitor.contributions import Contributions
    from assay.stats.monitor.live import LiveMonitor
    from assay.stats.monitor.score import Score


@dataclass(frozen=True, eq=False, kw_only=True)
class Monitor(Result):
    """A model of normal operation of ``P`` variables, from ``rows`` training rows."""

    kind: str
    """``pca``, ``dpca`` or ``cva``."""
    names: tuple[str, ...]
    """What the variables are called, ``P`` of them."""
    rows: int
    """Training rows."""
    lags: int
    """Rows before the current one that the model looks at; the first ``lags`` rows aren't scored."""
    components: int
    """Principal components, or states of a CVA model."""
    center: Floats
    """Training mean of each variable, in its unit, ``(P,)``."""
    scale: Floats
    """Training standard deviation (divisor n - 1) of each variable, in its unit, ``(P,)``."""
    loadings: Floats
    """``(P * (lags + 1), components)`` for PCA and dynamic PCA: orthonormal, newest row first. For CVA
    ``(P * lags, components)``: standardised stacked rows to states of unit variance."""
    variances: Floats
    """Variances of the scores, ``(components,)``; for CVA the canonical correlations."""
    watched: tuple[str, ...]
    """The statistics that give alarms: among ``t2``, ``spe`` and ``mewma``."""
    limits: dict[str, float]
    """The limit of each watched statistic."""
    false_alarms: FalseAlarms
    """Nominal and realised false-alarm rate."""
    smoothing: float
    """Weight of the newest row in the moving average of T² and SPE; 1 is none."""
    memory: float
    """Weight of the newest prediction error in the MEWMA of a CVA model."""
    method: str
    """Where the limits come from: ``calibrated`` or ``textbook``."""
    _core: Core = field(repr=False)
    _smoothing: Smoothing = field(repr=False)
    _limits: Limits = field(repr=False)

    def score(self, values: ArrayLike, *, forgetting: float | None = None) -> Score:
        """Statistics and alarms of rows ``(N, P)`` in their order, ``N > lags``.

        Parameters
        ----------
        values
            The rows, their columns in the order of training; a frame whose columns are called as in training
            may have them in any order.
        forgetting
            As for :meth:`live`; None keeps the training means.

        Raises
        ------
        NotFinite, NotNumeric, WrongShape, TooFewPoints, OtherColumns, OutOfRange
        """
        from assay.stats.monitor.score import scored

        rows = self.standardised(values)
        if forgetting is not None:
            live = self.live(forgetting=forgetting)
            for at, row in enumerate(self._in_order(values)):
                live.add(row)
                rows[at] = live.standardised
        return scored(self, rows)

    def contributions(
        self,
        values: ArrayLike,
        rows: slice | Sequence[int] | ArrayLike | None = None,
        statistic: str | None = None,
    ) -> Contributions:
        """What each variable contributes to a statistic in ``rows`` of ``values``.

        ``model.score(values).contributions(rows, statistic)`` gives the same.
        """
        return self.score(values).contributions(rows, statistic)

    def scores(self, values: ArrayLike) -> Floats:
        """Scores (states of a CVA model) of the rows from index ``lags`` on, ``(N - lags, components)``.

        Raises
        ------
        NotFinite, NotNumeric, WrongShape, TooFewPoints, OtherColumns
        """
        return self._core.scores(self.standardised(values))

    def live(self, *, forgetting: float | None = None) -> LiveMonitor:
        """The form that takes one row at a time; bounded state, the same numbers as :meth:`score`.

        Parameters
        ----------
        forgetting
            Weight of the past in an adaptive baseline, 0.5 to 1, such as 0.995: after each row without an
            alarm the mean of each variable becomes ``forgetting`` times itself plus ``1 - forgetting`` times
            the row. Relations and limits stay. Slow wear is followed and then no longer reported, so watch
            the levels elsewhere. None, the default, keeps the training means.

        Raises
        ------
        OutOfRange
        """
        from assay.stats.monitor.live import LiveMonitor

        return LiveMonitor(self, forgetting)

    def standardised(self, values: ArrayLike) -> Floats:
        """``values`` less the training mean, over the training standard deviation.

        Raises
        ------
        NotFinite, NotNumeric, WrongShape, TooFewPoints, OtherColumns
        """
        found = self._in_order(values)
        if len(found) <= self.lags:
            raise TooFewPoints(
                what=f"{self.kind} (lags = {self.lags})", count=len(found), least=self.lags + 1
            )
        scaled: Floats = found - self.center
        scaled *= 1.0 / self.scale
        return scaled

    def _in_order(self, values: ArrayLike) -> Floats:
        """The rows with their columns in the order of training, where a frame names them all."""
        given, called = table(values)
        found = matrix(given)
        if found.shape[1] != len(self.names):
            raise OtherColumns(count=found.shape[1], wanted=len(self.names))
        if called is None or tuple(called) == self.names or sorted(called) != sorted(set(self.names)):
            return found
        return found[:, [called.index(name) for name in self.names]]


def padded(values: Floats, offset: int) -> Floats:
    """``values`` with ``offset`` NaN rows before them."""
    if not offset:
        return values
    return np.concatenate([np.full((offset, *values.shape[1:]), np.nan), values])
