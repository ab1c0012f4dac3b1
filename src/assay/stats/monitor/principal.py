"""Principal components of standardised rows, or of rows with their past (dynamic PCA)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assay.stats.arrays import Floats
from assay.stats.monitor.core import Form, Raw, squares
from assay.stats.monitor.training import NEGLIGIBLE
from assay.stats.monitor.windows import Moments, stacked


@dataclass(frozen=True, eq=False)
class PrincipalCore:
    """Loadings and variances of ``a`` components of stacked rows of width ``d``.

    T² is the sum of squared scores over their variances, SPE the squared length of what the components leave
    over (Jackson 1991, *A User's Guide to Principal Components*, sections 2.5 and 2.7).
    """

    window: int
    mean: Floats
    loadings: Floats
    """``(d, a)``, orthonormal columns; the largest entry of each is positive."""
    variances: Floats
    """Variances of the scores, ``(a,)``, divisor n - 1."""
    residual: Floats
    """Eigenvalues of what is left over, ``(rank - a,)``."""

    @property
    def offset(self) -> int:
        """Rows at the start without the lags they need."""
        return self.window - 1

    @property
    def statistics(self) -> tuple[str, ...]:
        """T², and SPE where components are left out."""
        return ("t2", "spe") if self.residual.size else ("t2",)

    def scores(self, rows: Floats) -> Floats:
        """Scores ``(n - offset, a)`` of standardised rows."""
        found: Floats = stacked(rows, self.window) @ self.loadings - self.mean @ self.loadings
        return found

    def raw(self, rows: Floats) -> Raw:
        """T² and SPE."""
        vectors = stacked(rows, self.window) - self.mean
        squared = (vectors @ self.loadings) ** 2
        t2 = squared @ (1.0 / self.variances)
        if not self.residual.size:
            return Raw(t2, np.zeros(len(t2)))
        return Raw(t2, np.maximum(squares(vectors) - squared.sum(axis=1), 0.0))

    def form(self, rows: Floats, statistic: str) -> Form:
        """``t2`` or ``spe`` of the stacked rows."""
        vectors = stacked(rows, self.window) - self.mean
        if statistic == "t2":
            return Form(vectors, (self.loadings / self.variances) @ self.loadings.T)
        return Form(vectors, np.eye(len(self.mean)) - self.loadings @ self.loadings.T)


def principal(found: Moments, window: int, components: int | None) -> PrincipalCore:
    """The model of ``found``; ``components`` None keeps what is larger than chance makes it."""
    values, vectors = np.linalg.eigh(found.covariance)
    values, vectors = values[::-1], vectors[:, ::-1]
    rank = max(int((values > NEGLIGIBLE * values[0]).sum()), 1)
    kept = min(components or above_chance(values, found.count), rank)
    loadings = vectors[:, :kept]
    largest = loadings[np.abs(loadings).argmax(axis=0), np.arange(kept)]
    return PrincipalCore(
        window=window,
        mean=found.mean,
        loadings=np.ascontiguousarray(loadings * np.where(largest < 0, -1.0, 1.0)),
        variances=values[:kept],
        residual=values[kept:rank],
    )


def above_chance(values: Floats, count: int) -> int:
    """Number of eigenvalues of a correlation matrix above those of independent variables; at least 1.

    Independent variables give eigenvalues up to ``(1 + √(d/n))²`` (Marchenko and Pastur 1967; Johnstone 2001,
    *Annals of Statistics* 29, 295-327): Horn's parallel analysis in its large-sample form, and Kaiser's rule
    corrected for the number of rows.
    """
    edge = (1.0 + np.sqrt(len(values) / count)) ** 2
    return max(int((values > edge).sum()), 1)


def share_of_variance(covariance: Floats, share: float) -> int:
    """The fewest components that hold ``share`` of the variance."""
    values = np.linalg.eigvalsh(covariance)[::-1]
    return int(np.searchsorted(np.cumsum(values) / values.sum(), share) + 1)
