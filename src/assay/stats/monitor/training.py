"""Training rows, checked and standardised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from assay.stats.arrays import Floats, matrix
from assay.stats.charts.vectors import table
from assay.stats.errors import SingularCovariance
from assay.stats.monitor.errors import ConstantColumns, WrongNames
from assay.stats.monitor.windows import moments

NEGLIGIBLE = 1e-10
"""Eigenvalues of a covariance below this share of the largest are rounding, not variation."""


@dataclass(frozen=True, eq=False)
class Training:
    """``N`` rows of ``P`` variables with mean 0 and standard deviation 1 (divisor N - 1)."""

    names: tuple[str, ...]
    center: Floats
    scale: Floats
    rows: Floats


def trained(values: ArrayLike, names: Sequence[str] | None, *, least: int, what: str) -> Training:
    """``values`` as training rows; without ``names`` the columns of a frame, else x1, x2, ….

    Raises
    ------
    NotFinite, NotNumeric, WrongShape, TooFewPoints, ConstantColumns, WrongNames
    """
    given, columns = table(values)
    found = matrix(given, least=least, what=what)
    asked = names if names is not None else columns
    width = found.shape[1]
    called = tuple(map(str, asked)) if asked is not None else tuple(f"x{at}" for at in range(1, width + 1))
    if len(called) != width:
        raise WrongNames(count=len(called), wanted=width)
    low, high = found.min(axis=0), found.max(axis=0)
    flat = np.flatnonzero(high - low <= 1e-13 * np.maximum(np.abs(low), np.abs(high)))
    if flat.size:
        raise ConstantColumns(columns=", ".join(called[at] for at in flat), count=len(found))
    center = found.mean(axis=0)
    rows = found - center
    scale = np.sqrt(np.einsum("ij,ij->j", rows, rows) / (len(rows) - 1))
    rows *= 1.0 / scale
    return Training(called, center, scale, rows)


def full_rank(rows: Floats) -> None:
    """Refuse variables of which one is a combination of others.

    Raises
    ------
    SingularCovariance
    """
    values = np.linalg.eigvalsh(moments(rows, 1, 0, len(rows)).covariance)
    rank = int((values > NEGLIGIBLE * values[-1]).sum())
    if rank < len(values):
        raise SingularCovariance(rank=rank, dimensions=len(values), count=len(rows))
