"""Capability of a position: two coordinates against a circular or elliptical tolerance."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, stats

from assay.stats.arrays import Floats, numbers, one_of, positive, vector
from assay.stats.capability.errors import MeanOutsideTolerance
from assay.stats.errors import NoLimits, SingularCovariance, WrongShape
from assay.stats.result import Result

if TYPE_CHECKING:
    from assay.stats.plot.spec import Plot

Index = Literal["probability", "radius"]
REFERENCE = float(np.sqrt(stats.chi2.isf(0.0027, 2)))
"""Mahalanobis radius of the ellipse that holds 99.73 % of a bivariate normal distribution: 3.4393."""


@dataclass(frozen=True, kw_only=True)
class PositionalCapability(Result):
    """P_o and P_ok of a bivariate normal position."""

    n: int
    mean: tuple[float, float]
    covariance: Floats
    """Of the two coordinates, with N − 1, ``(2, 2)``."""
    center: tuple[float, float]
    """Centre of the tolerance region."""
    semi_axes: tuple[float, float]
    """Of the tolerance region; equal for a circle."""
    angle: float
    """Direction of the first semi-axis, in degrees from the x axis."""
    index: Index
    po: float
    """Index of the process moved to the centre of the tolerance."""
    pok: float
    """Index of the process where it is."""
    radius_centred: float
    """Mahalanobis radius of the largest variation ellipse inside the tolerance, moved to its centre."""
    radius: float
    """Mahalanobis radius of the largest variation ellipse inside the tolerance, where the process is."""
    observed: float
    """Positions outside the tolerance, in ppm."""
    expected: float
    """Expected outside the tolerance under the bivariate normal distribution, in ppm."""
    skewness_p: float
    """p-value of Mardia's multivariate skewness."""
    kurtosis_p: float
    """p-value of Mardia's multivariate kurtosis."""
    _points: Floats = field(repr=False, compare=False)

    @property
    def points(self) -> Floats:
        """The positions, ``(N, 2)``."""
        return self._points

    def plot(self) -> Plot:
        """The positions with the tolerance region and the variation ellipses."""
        from assay.stats.capability.position_picture import position_plot

        return position_plot(self)


def positional(
    x: ArrayLike,
    y: ArrayLike,
    *,
    diameter: float | None = None,
    semi_axes: tuple[float, float] | None = None,
    angle: float = 0.0,
    center: tuple[float, float] = (0.0, 0.0),
    index: Index = "probability",
) -> PositionalCapability:
    """Capability of a position.

    The variation ellipse of the bivariate normal distribution (mean and covariance of the positions) is
    blown up until it touches the tolerance region. Its Mahalanobis radius r gives the index:
    ``probability`` Φ⁻¹((1+P)/2)/3 with P = 1 − exp(−r²/2) the share inside that ellipse, as a one-dimensional
    index with the same share; ``radius`` r/3.4393, the ratio to the 99.73 % ellipse. Both are 1 for the
    same process. P_o moves the process to the centre first, P_ok leaves it where it is.

    Parameters
    ----------
    x, y
        Coordinates, ``(N,)`` each, N ≥ 3.
    diameter
        Of a circular tolerance (position tolerance ⌀).
    semi_axes, angle
        Of an elliptical tolerance; the angle in degrees from the x axis to the first.
    center
        Of the tolerance region.

    Raises
    ------
    NoLimits
        Neither a diameter nor semi-axes.
    WrongShape, NotFinite, TooFewPoints, NotPositive, SingularCovariance, MeanOutsideTolerance, UnknownOption

    Source: ISO 22514-6:2013 (bivariate normal positions, tolerance ellipse); the expected share is the exact
    integral (1/2π)∫exp(−r(φ)²/2)dφ over the directions in whitened coordinates.
    """
    first, second = vector(x, "x", least=3, what="positional"), vector(y, "y", least=3, what="positional")
    if first.shape != second.shape:
        raise WrongShape(name="y", shape=second.shape, wanted=str(first.shape))
    if diameter is None and semi_axes is None:
        raise NoLimits(what="capability.positional")
    one_of(index, ("probability", "radius"), "index")
    axes = (diameter / 2, diameter / 2) if diameter is not None else semi_axes or (0.0, 0.0)
    lengths = np.array([positive(axis, "semi_axes") for axis in axes])
    turn = np.deg2rad(float(numbers(angle, "angle")))
    region = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) * lengths
    middle = numbers(center, "center")
    points = np.column_stack([first, second])
    mean, covariance = points.mean(axis=0), np.asarray(np.cov(points.T), dtype=np.float64)
    rank = int(np.linalg.matrix_rank(covariance))
    if rank < 2:
        raise SingularCovariance(rank=rank, dimensions=2, count=first.size)
    if np.linalg.norm(np.linalg.solve(region, mean - middle)) >= 1:
        raise MeanOutsideTolerance(x=float(mean[0]), y=float(mean[1]))
    root = np.asarray(np.linalg.cholesky(covariance), dtype=np.float64)
    boundary = np.linalg.solve(root, region)
    centred = float(np.linalg.svd(boundary, compute_uv=False)[-1])
    where = _nearest(boundary, np.linalg.solve(root, mean - middle))
    outside = np.linalg.norm(np.linalg.solve(region, (points - middle).T), axis=0) > 1
    skewness, kurtosis = _mardia(np.linalg.solve(root, (points - mean).T), first.size)
    return PositionalCapability(
        n=first.size,
        mean=(float(mean[0]), float(mean[1])),
        covariance=covariance,
        center=(float(middle[0]), float(middle[1])),
        semi_axes=(float(lengths[0]), float(lengths[1])),
        angle=float(angle),
        index=index,
        po=_index(centred, index),
        pok=_index(where, index),
        radius_centred=centred,
        radius=where,
        observed=1e6 * float(outside.mean()),
        expected=1e6 * _outside(region, root, mean - middle),
        skewness_p=skewness,
        kurtosis_p=kurtosis,
        _points=points,
    )


def _index(radius: float, kind: Index) -> float:
    if kind == "radius":
        return radius / REFERENCE
    return float(stats.norm.isf(np.exp(-(radius**2) / 2) / 2)) / 3


def _nearest(boundary: Floats, mean: Floats) -> float:
    """Distance from ``mean`` to the ellipse ``boundary`` · unit circle, both in whitened coordinates."""

    def distance(turn: float) -> float:
        return float(np.linalg.norm(boundary @ np.array([np.cos(turn), np.sin(turn)]) - mean))

    turns = np.linspace(0, 2 * np.pi, 721)
    rough = np.linalg.norm(boundary @ np.array([np.cos(turns), np.sin(turns)]) - mean[:, None], axis=0)
    at, step = turns[int(np.argmin(rough))], turns[1]
    found = optimize.minimize_scalar(
        distance, bounds=(at - step, at + step), method="bounded", options={"xatol": 1e-12}
    )
    return float(found.fun)


def _outside(region: Floats, root: Floats, mean: Floats, directions: int = 4096) -> float:
    """Probability outside the region: for each direction the tail of the radius beyond the boundary."""
    turns = np.linspace(0, 2 * np.pi, directions, endpoint=False)
    along = np.linalg.solve(region, root @ np.array([np.cos(turns), np.sin(turns)]))
    start = np.linalg.solve(region, mean)
    a, b, c = (along**2).sum(axis=0), along.T @ start, float(start @ start) - 1
    radius = (-b + np.sqrt(b**2 - a * c)) / a
    return float(np.mean(np.exp(-(radius**2) / 2)))


def _mardia(whitened: Floats, n: int) -> tuple[float, float]:
    """p-values of Mardia's (1970, Biometrika 57, 519-530) skewness and kurtosis for two coordinates."""
    scaled = whitened * np.sqrt(n / (n - 1))
    thirds = np.einsum("an,bn,cn->abc", scaled, scaled, scaled) / n
    skewness = n * float((thirds**2).sum()) / 6
    fourth = float(np.mean((scaled**2).sum(axis=0) ** 2))
    kurtosis = (fourth - 8) / np.sqrt(64 / n)
    return float(stats.chi2.sf(skewness, 4)), float(2 * stats.norm.sf(abs(kurtosis)))
