"""Least squares of many profiles on one design, by the same arithmetic for many profiles and for one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.stats.arrays import Floats
from assay.stats.charts.vectors import Value, in_order
from assay.stats.errors import SingularCovariance, TooFewPoints


@dataclass(frozen=True)
class Design:
    """The values of ``q`` basis functions at ``k`` points, and the solution of their normal equations."""

    basis: Floats
    """``(k, q)``."""
    covariance: Floats
    """Covariance of the coefficients over the residual variance, ``(q, q)``: (X′X)⁻¹."""
    solution: Floats
    """(X′X)⁻¹X′, ``(q, k)``: a coefficient is a sum over the points."""

    @property
    def freedom(self) -> int:
        """Degrees of freedom of a profile's residuals, k − q."""
        return len(self.basis) - len(self.solution)

    def coefficients(self, profile: Sequence[Value]) -> list[Value]:
        """The coefficients of profiles given point by point."""
        return [_dot(row, profile) for row in self.solution.tolist()]

    def residual_variance(self, profile: Sequence[Value], coefficients: Sequence[Value]) -> Value:
        """Sum of squared residuals over k − q."""
        total: Any = None
        for row, value in zip(self.basis.tolist(), profile, strict=True):
            left: Any = value - _dot(row, coefficients)
            total = left * left if total is None else total + left * left
        found: Value = total / float(self.freedom)
        return found

    def fit_one(self, profile: Floats) -> tuple[Floats, float]:
        """Coefficients ``(q,)`` and residual variance of one profile ``(k,)``, the same to the last digit."""
        coefficients = in_order(self.solution * profile)
        left = profile - in_order(self.basis * coefficients)
        return coefficients, float(in_order(left * left)) / float(self.freedom)


def design(basis: Floats) -> Design:
    """The design of a basis ``(k, q)``.

    Raises
    ------
    TooFewPoints
        Fewer than q + 1 points.
    SingularCovariance
        Basis functions that can't be told apart at these points.
    """
    count, size = basis.shape
    if count <= size:
        raise TooFewPoints(what="profiles", count=count, least=size + 1)
    orthogonal, triangle = np.linalg.qr(basis)
    spreads = np.abs(np.diag(triangle))
    # A basis function that the others explain has next to nothing left on the diagonal.
    rank = int((spreads > 1e-10 * np.linalg.norm(basis, axis=0)).sum())
    if rank < size:
        raise SingularCovariance(rank=rank, dimensions=size, count=count)
    inverse = np.linalg.inv(triangle)
    solution = inverse @ orthogonal.T
    return Design(basis, inverse @ inverse.T, solution)


def _dot(factors: Sequence[float], values: Sequence[Value]) -> Value:
    total: Any = factors[0] * values[0]
    for factor, value in zip(factors[1:], values[1:], strict=True):
        total = total + factor * value
    found: Value = total
    return found
