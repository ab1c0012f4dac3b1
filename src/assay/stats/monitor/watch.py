"""One call: a model of phase I, every row held against it, and what the alarms are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.stats.arrays import Floats, column, matrix
from assay.stats.monitor.contributions import Contributions
from assay.stats.monitor.model import Monitor
from assay.stats.monitor.score import Score
from assay.stats.result import Result

if TYPE_CHECKING:
    from assay.stats.plot.spec import Plot


@dataclass(frozen=True, eq=False, kw_only=True)
class Watch(Result):
    """``N`` rows watched by a model of the first of them."""

    phase1: tuple[int, int]
    """Rows the model was made from: the first, and the one after the last."""
    model: Monitor
    score: Score
    contributions: Contributions
    """Over the rows in alarm; over all of them where there is none."""

    def plot(self) -> Plot:
        """The monitored statistics with their limits and the rows in alarm."""
        return self.score.plot()


def watch(
    make: Callable[..., Any], values: Any, *, phase1: slice | tuple[int, int] | None = None, **options: Any
) -> Watch:
    """Fit a model to phase I and score every row.

    Parameters
    ----------
    make
        ``monitor.pca``, ``monitor.dpca`` or ``monitor.cva``.
    values
        ``(N, P)``, or a mapping, Arrow table or pandas frame whose columns are the variables.
    phase1
        Rows of normal operation in one stretch: a slice or ``(start, stop)``; None: the first half.
    options
        Those of ``make``.

    Raises
    ------
    NotFinite, NotNumeric, WrongShape, TooFewPoints, ConstantColumns, OutOfRange, SingularCovariance
    """
    rows, names = _table(values)
    span = phase1 if isinstance(phase1, slice) else slice(*(phase1 or (0, len(rows) // 2)))
    start, stop, _ = span.indices(len(rows))
    model = make(**options).fit(rows[start:stop], names=names)
    score = model.score(rows)
    return Watch(phase1=(start, stop), model=model, score=score, contributions=score.contributions())


def _table(values: Any) -> tuple[Floats, list[str] | None]:
    if not (hasattr(values, "keys") or hasattr(values, "column_names")):
        return matrix(values), None
    names = [str(name) for name in getattr(values, "column_names", None) or list(values)]
    return matrix(np.column_stack([column(values, name) for name in names])), names
