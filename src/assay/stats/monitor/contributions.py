"""Which variables made a statistic large."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from assay.stats.arrays import Bools, Floats, Ints, one_of
from assay.stats.errors import OutOfRange
from assay.stats.monitor.alarm import averaged, mewma_variance
from assay.stats.monitor.core import Form
from assay.stats.monitor.errors import NoResidualSpace
from assay.stats.result import Result

if TYPE_CHECKING:
    from assay.stats.monitor.model import Monitor
    from assay.stats.plot.spec import Plot


@dataclass(frozen=True, eq=False, kw_only=True)
class Contributions(Result):
    """Contributions of ``P`` variables to one statistic in ``m`` rows.

    Reconstruction-based contributions (Alcala and Qin 2009, *Automatica* 45, 1593-1600): by how much the
    statistic falls when the variable, at the row and at all its lags, is replaced by the value that makes the
    statistic smallest. A sensor that alone is wrong has the largest one, which holds for no contribution
    that merely splits the statistic into parts.
    """

    statistic: str
    """``combined``, ``t2``, ``spe`` or ``mewma``."""
    names: tuple[str, ...]
    """What the variables are called."""
    rows: Ints
    """Indices of the rows, ``(m,)``."""
    values: Floats
    """Contributions, ``(m, P)``, in the unit of the statistic."""
    mean: Floats
    """Mean over the rows, ``(P,)``."""
    ranking: tuple[str, ...]
    """Names by their mean contribution, largest first."""

    def plot(self) -> Plot:
        """Bars of the mean contributions, largest first."""
        from assay.stats.monitor.drawing import contributions_plot

        return contributions_plot(self)


def contributions(
    model: Monitor,
    rows: Floats,
    alarm: Bools,
    chosen: slice | Sequence[int] | ArrayLike | None,
    statistic: str | None,
) -> Contributions:
    """Contributions in the ``chosen`` of the standardised ``rows``."""
    known = ("mewma", "spe", "t2") if model.kind == "cva" else ("combined", "t2", "spe")
    name = known[0] if statistic is None else one_of(statistic, known, "statistic")
    at = _indices(chosen, alarm, model.lags)
    form = _form(model, rows, name)
    values = _reconstructed(Form(form.vectors[at - model.lags], form.matrix), len(model.names))
    mean = values.mean(axis=0)
    ranking = tuple(model.names[column] for column in np.argsort(-mean, kind="stable"))
    return Contributions(
        statistic=name, names=model.names, rows=at, values=values, mean=mean, ranking=ranking
    )


def _indices(chosen: slice | Sequence[int] | ArrayLike | None, alarm: Bools, lags: int) -> Ints:
    """The chosen rows as indices, all of them scored."""
    scored = np.arange(lags, len(alarm))
    if chosen is None:
        return np.flatnonzero(alarm) if alarm.any() else scored
    if isinstance(chosen, slice):
        found = np.arange(len(alarm))[chosen]
        found = found[found >= lags]
    else:
        asked = np.atleast_1d(np.asarray(chosen))
        found = np.flatnonzero(asked) if asked.dtype == bool else asked.astype(np.int64)
    if not found.size or found.min() < lags or found.max() >= len(alarm):
        wrong = int(found.min()) if found.size and found.min() < lags else int(found.max(initial=-1))
        raise OutOfRange(name="rows", value=wrong, low=lags, high=len(alarm) - 1)
    return found


def _form(model: Monitor, rows: Floats, name: str) -> Form:
    core = model._core  # noqa: SLF001 - the model's own statistics
    if name == "mewma":
        form = core.form(rows, name)
        spread = np.sqrt(mewma_variance(model.memory, np.arange(1, len(form.vectors) + 1)))
        return Form(averaged(form.vectors, model.memory) / np.reshape(spread, (-1, 1)), form.matrix)
    if name == "spe" and "spe" not in core.statistics:
        raise NoResidualSpace(components=model.components)
    if name != "combined":
        return core.form(rows, name)
    # Yue and Qin 2001, Industrial & Engineering Chemistry Research 40, 4403-4414: both over their limits.
    parts = [(core.form(rows, part), model.limits[part]) for part in core.statistics]
    return Form(parts[0][0].vectors, sum((form.matrix / limit for form, limit in parts), np.zeros(())))


def _reconstructed(form: Form, width: int) -> Floats:
    """``(M v)_J' (M_JJ)⁻¹ (M v)_J`` for the entries ``J`` of each variable."""
    pulled = form.vectors @ form.matrix
    lags = form.matrix.shape[0] // width
    if lags == 1:
        weight = np.diag(form.matrix)
        safe = np.where(weight > 0, weight, np.inf)
        found: Floats = pulled**2 / safe
        return found
    values = np.empty((len(pulled), width))
    for column in range(width):
        own = np.arange(lags) * width + column
        inverse = np.linalg.pinv(form.matrix[np.ix_(own, own)], hermitian=True)
        values[:, column] = np.einsum("ni,ij,nj->n", pulled[:, own], inverse, pulled[:, own])
    return values
