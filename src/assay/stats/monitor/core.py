"""What every kind of model gives for a row: its statistics before smoothing and limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from assay.stats.arrays import Floats


@dataclass(frozen=True, eq=False)
class Raw:
    """Statistics of ``m`` rows."""

    t2: Floats
    """Hotelling's T² within the model, ``(m,)``."""
    spe: Floats
    """Squared prediction error, ``(m,)``."""
    errors: Floats | None = None
    """Whitened one-step prediction errors ``(m, p)``, of models that predict."""


@dataclass(frozen=True, eq=False)
class Form:
    """A statistic as a quadratic form: ``v' matrix v`` of each row's vector ``v``, ``(m, d)``.

    ``d`` is a multiple of the number of variables: the same variables at growing lags.
    """

    vectors: Floats
    matrix: Floats


class Core(Protocol):
    """A fitted model of standardised rows."""

    @property
    def offset(self) -> int:
        """Rows at the start that can't be scored, for want of a past."""

    @property
    def loadings(self) -> Floats:
        """Stacked rows to scores or states, ``(d, components)``."""

    @property
    def variances(self) -> Floats:
        """Variances of the scores, or canonical correlations of the states, ``(components,)``."""

    @property
    def statistics(self) -> tuple[str, ...]:
        """The statistics that can be watched."""

    def raw(self, rows: Floats) -> Raw:
        """Statistics of standardised ``rows`` ``(n, p)``, for the ``n - offset`` rows with a past."""

    def scores(self, rows: Floats) -> Floats:
        """Scores or states of the ``n - offset`` rows with a past."""

    def form(self, rows: Floats, statistic: str) -> Form:
        """A statistic of standardised ``rows`` as a quadratic form."""


def squares(values: Floats) -> Floats:
    """Sum of squares of each row."""
    found: Floats = np.einsum("ij,ij->i", values, values)
    return found
