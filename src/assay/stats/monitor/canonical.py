"""Canonical variate analysis: states that predict the future from the past, and what they can't predict."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assay.stats.arrays import Floats
from assay.stats.monitor.core import Form, Raw, squares
from assay.stats.monitor.windows import Moments, inverse_root, stacked


@dataclass(frozen=True, eq=False)
class CanonicalCore:
    """States and one-step predictions of ``p`` standardised variables from ``lags`` rows.

    States are the combinations of the newest ``lags`` rows with the largest canonical correlation with the
    next ``lags`` rows (Larimore 1990, *29th IEEE CDC*, 596-604; Russell, Chiang and Braatz 2000,
    *Data-driven Methods for Fault Detection and Diagnosis in Chemical Processes*, chapter 7). Rows are
    predicted from the states one step before by least squares.
    """

    lags: int
    past: Floats
    """Mean of ``lags`` stacked rows, ``(lags * p,)``."""
    loadings: Floats
    """Stacked rows to states of unit variance, ``(lags * p, states)``."""
    level: Floats
    """Mean of the predicted row, ``(p,)``."""
    response: Floats
    """States to the next row, ``(states, p)``."""
    whitening: Floats
    """Symmetric inverse root of the covariance of the prediction errors, ``(p, p)``."""
    variances: Floats
    """Canonical correlations of the states with the future, largest first, ``(states,)``."""

    @property
    def offset(self) -> int:
        """A row needs ``lags`` rows before it to be predicted."""
        return self.lags

    @property
    def statistics(self) -> tuple[str, ...]:
        """T² of the states, of the prediction error (SPE) and of its moving average (MEWMA)."""
        return ("t2", "spe", "mewma")

    def states(self, rows: Floats) -> Floats:
        """States after each row that has ``lags - 1`` rows before it, ``(n - lags + 1, states)``."""
        found: Floats = (stacked(rows, self.lags) - self.past) @ self.loadings
        return found

    def scores(self, rows: Floats) -> Floats:
        """States after each row that can be predicted, ``(n - lags, states)``."""
        return self.states(rows)[1:]

    def errors(self, rows: Floats, states: Floats) -> Floats:
        """What the states didn't predict, ``(n - lags, p)``, in standardised units."""
        found: Floats = rows[self.lags :] - self.level - states[:-1] @ self.response
        return found

    def raw(self, rows: Floats) -> Raw:
        """T² of the state after the row, squared Mahalanobis length of its prediction error."""
        states = self.states(rows)
        errors = self.errors(rows, states) @ self.whitening
        return Raw(squares(states[1:]), squares(errors), errors)

    def form(self, rows: Floats, statistic: str) -> Form:
        """``t2`` of the stacked rows; ``spe`` and ``mewma`` of the prediction error."""
        if statistic == "t2":
            return Form(stacked(rows, self.lags)[1:] - self.past, self.loadings @ self.loadings.T)
        return Form(self.errors(rows, self.states(rows)), self.whitening @ self.whitening)


@dataclass(frozen=True, eq=False)
class Variates:
    """The canonical variates of past and future, of which a core keeps the first ones."""

    lags: int
    past: Floats
    level: Floats
    weights: Floats
    """Stacked rows to all variates, ``(lags * p, lags * p)``."""
    correlations: Floats
    response: Floats
    """All variates to the next row, ``(lags * p, p)``."""
    covariance: Floats
    """Covariance of the next row, ``(p, p)``."""

    def core(self, states: int) -> CanonicalCore:
        """The model with the first ``states`` variates."""
        response = self.response[:states]
        return CanonicalCore(
            lags=self.lags,
            past=self.past,
            loadings=np.ascontiguousarray(self.weights[:, :states]),
            level=self.level,
            response=response,
            whitening=inverse_root(self.covariance - response.T @ response),
            variances=np.minimum(self.correlations[:states], 1.0),
        )


def variates(found: Moments, lags: int) -> Variates:
    """From the moments of ``2 * lags`` stacked rows: the first half is the future of the second."""
    half = len(found.total) // 2
    width = half // lags
    covariance, mean = found.covariance, found.mean
    root = inverse_root(covariance[half:, half:])
    directions, correlations, _ = np.linalg.svd(
        root @ covariance[half:, :half] @ inverse_root(covariance[:half, :half])
    )
    weights = root @ directions
    following = slice(half - width, half)
    return Variates(
        lags=lags,
        past=mean[half:],
        level=mean[following],
        weights=weights,
        correlations=correlations,
        response=weights.T @ covariance[half:, following],
        covariance=covariance[following, following],
    )
