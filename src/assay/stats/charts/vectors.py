"""Vectors of several variables against their mean and covariance: what every multivariate chart does.

The same arithmetic, operation by operation, runs on columns of many points and on a single point, so that a
live chart gives exactly the numbers of the batch chart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from assay.stats.arrays import Floats, matrix, numbers
from assay.stats.charts.errors import NotSymmetric
from assay.stats.errors import ConstantData, SingularCovariance, TooFewPoints, WrongShape
from assay.stats.subgroups import Subgroups, subgroups

Value = TypeVar("Value", float, Floats)
Rows = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Model:
    """Where the process is and how it varies.

    Parameters
    ----------
    mean
        Mean vector, ``(P,)``.
    covariance
        Covariance of one observation, ``(P, P)``.
    observations
        How many observations the mean comes from; ``inf`` where it is known.
    freedom
        Degrees of freedom of the covariance; ``inf`` where it is known.
    """

    mean: Floats
    covariance: Floats
    observations: float
    freedom: float
    whitening: Rows
    """Rows of the inverse of the Cholesky factor: they turn deviations into independent unit variances."""
    factor: Floats
    """The same as a matrix, ``(P, P)``."""

    @property
    def dimensions(self) -> int:
        """Number of variables P."""
        return self.mean.size

    @property
    def determinant(self) -> float:
        """Determinant of the covariance."""
        return float(np.linalg.det(self.covariance))


def model(mean: Floats, covariance: Floats, observations: float, freedom: float, *, count: int) -> Model:
    """A model whose covariance can be inverted; ``count`` is the number of observations for the message.

    Raises
    ------
    SingularCovariance
    """
    variances = np.diag(covariance)
    if (variances <= 0).any():
        raise SingularCovariance(rank=int((variances > 0).sum()), dimensions=mean.size, count=count)
    spreads = np.sqrt(variances)
    # Of the correlations, so that units play no part in what counts as singular.
    correlation = covariance / np.outer(spreads, spreads)
    values = np.linalg.eigvalsh(correlation)
    rank = int((values > values[-1] * mean.size * 1e-13).sum())
    if rank < mean.size:
        raise SingularCovariance(rank=rank, dimensions=mean.size, count=count)
    inverse = np.tril(np.linalg.inv(np.linalg.cholesky(correlation)) / spreads)
    rows = tuple(tuple(row[: index + 1]) for index, row in enumerate(inverse.tolist()))
    return Model(mean, covariance, observations, freedom, rows, inverse)


def distance(deviations: Sequence[Value], whitening: Rows) -> Value:
    """The quadratic form ``d' Σ⁻¹ d`` of deviations given variable by variable."""
    total: Any = None
    for row in whitening:
        turned: Any = row[0] * deviations[0]
        for factor, deviation in zip(row[1:], deviations[1:], strict=False):
            turned = turned + factor * deviation
        total = turned * turned if total is None else total + turned * turned
    found: Value = total
    return found


def distance_of_one(deviations: Floats, factor: Floats) -> float:
    """:func:`distance` of a single point ``(P,)``, to the last digit.

    Running sums add up from left to right like the columns do; the zeros above the diagonal change nothing.
    """
    return in_order(in_order(factor * deviations) ** 2).item()


def in_order(terms: Floats) -> Floats:
    """Sums over the last axis, added up from the first term to the last."""
    found: Floats = np.add.accumulate(terms, axis=-1)[..., -1]
    return found


def apart(columns: Sequence[Value], mean: Floats) -> list[Value]:
    """Deviations of each variable from its mean."""
    return [column - center for column, center in zip(columns, mean.tolist(), strict=True)]


def columns_of(rows: Floats) -> list[Floats]:
    """The variables of ``(m, P)`` rows as contiguous columns."""
    return list(np.ascontiguousarray(rows.T))


def sample_covariance(rows: Floats) -> Floats:
    """Sample covariance of ``(m, P)`` rows, with m − 1."""
    centred = rows - rows.mean(axis=0)
    found: Floats = centred.T @ centred / (rows.shape[0] - 1.0)
    return found


def successive_covariance(rows: Floats) -> Floats:
    """Half the mean product of successive differences (Holmes and Mergen 1993)."""
    steps = np.diff(rows, axis=0)
    found: Floats = steps.T @ steps / (2.0 * steps.shape[0])
    return found


def successive_freedom(count: int) -> float:
    """Degrees of freedom that the successive differences of ``count`` observations are worth.

    Source: F. W. Scholz and T. J. Tosch, 1994, Proceedings of the American Statistical Association.
    """
    return 2.0 * (count - 1.0) ** 2 / (3.0 * count - 4.0)


def refuse_constant(rows: Floats, variables: Sequence[str]) -> None:
    """Refuse a variable whose values are all the same.

    Raises
    ------
    ConstantData
    """
    for index in np.flatnonzero(rows.min(axis=0) == rows.max(axis=0)):
        raise ConstantData(name=variables[int(index)], count=rows.shape[0], value=float(rows[0, index]))


def given_mean(mean: ArrayLike, size: int) -> Floats:
    """A mean vector of ``size`` variables.

    Raises
    ------
    NotNumeric, NotFinite, WrongShape
    """
    found = numbers(mean, "mean")
    if found.shape != (size,):
        raise WrongShape(name="mean", shape=found.shape, wanted=f"({size},)")
    return found


def given_covariance(covariance: ArrayLike, size: int) -> Floats:
    """A covariance matrix of ``size`` variables.

    Raises
    ------
    NotNumeric, NotFinite, WrongShape, NotSymmetric
    """
    found = numbers(covariance, "covariance")
    if found.shape != (size, size):
        raise WrongShape(name="covariance", shape=found.shape, wanted=f"({size}, {size})")
    uneven = np.abs(found - found.T)
    if uneven.max() > 1e-8 * np.abs(found).max():
        row, column = np.unravel_index(int(uneven.argmax()), found.shape)
        raise NotSymmetric(
            row=int(row), column=int(column), one=float(found[row, column]), other=float(found[column, row])
        )
    return found


def table(values: Any) -> tuple[Any, list[str] | None]:
    """The rows of ``values``, and the names of their columns where it is a frame: a mapping, Arrow or pandas.

    Raises
    ------
    WrongShape
        Columns of different lengths.
    """
    if isinstance(values, Mapping):
        named: Any = list(values)
    else:
        named = getattr(values, "column_names", None)
        if named is None:
            columns = getattr(values, "columns", None)
            return values, None if columns is None else list(map(str, columns))
    found = [np.asarray(values[name]) for name in named]
    for name, column in zip(named, found, strict=True):
        if column.shape != (found[0].size,):
            raise WrongShape(name=str(name), shape=column.shape, wanted=f"({found[0].size},)")
    return np.column_stack(found), list(map(str, named))


def are_subgroups(values: Any) -> bool:
    """Whether ``values`` are subgroups of rows, ``(m, n, P)``; frames and ragged lists are not."""
    if isinstance(values, Mapping) or hasattr(values, "column_names"):
        return False
    try:
        return np.ndim(values) == 3
    except ValueError:
        return False


def names_of(found: Sequence[str] | None, asked: Sequence[str] | None, size: int) -> tuple[str, ...]:
    """Names of ``size`` variables: those asked for, those found, else x1, x2, …

    Raises
    ------
    WrongShape
    """
    names = found if asked is None else asked
    if names is None:
        names = [f"x{number}" for number in range(1, size + 1)]
    if len(names) != size:
        raise WrongShape(name="variables", shape=(len(names),), wanted=f"({size},)")
    return tuple(map(str, names))


# -- rows in subgroups ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RowGroups:
    """``N`` rows of ``P`` variables in ``m`` subgroups that follow each other."""

    rows: Floats
    order: Subgroups
    """The subgroups of row numbers."""

    @property
    def count(self) -> int:
        """How many subgroups there are."""
        return self.order.count

    @property
    def sizes(self) -> Floats:
        """Rows in each subgroup, ``(m,)``."""
        return self.order.sizes.astype(np.float64)

    @property
    def labels(self) -> tuple[str, ...] | None:
        """The subgroups' labels as text."""
        return None if self.order.labels is None else tuple(map(str, self.order.labels.tolist()))

    def by_size(self) -> list[tuple[int, np.ndarray, list[list[Floats]]]]:
        """For each size n: which subgroups have it, and their members: n lists of P columns."""
        found = []
        sizes = self.order.sizes
        for size in np.unique(sizes).tolist():
            where = np.flatnonzero(sizes == size)
            starts = self.order.starts[where]
            members = [columns_of(self.rows[starts + member]) for member in range(size)]
            found.append((size, where, members))
        return found


def row_groups(values: ArrayLike, subgroup: ArrayLike | int | None, what: str) -> RowGroups:
    """Rows in subgroups: ``(m, n, P)``, or ``(N, P)`` with the size of consecutive subgroups or a label per
    row.

    Raises
    ------
    NotNumeric, NotFinite, WrongShape, TooFewPoints, UnequalSubgroups, SplitSubgroup, NotACount
    """
    if subgroup is None:
        cube = numbers(values, "values")
        if cube.ndim != 3 or 0 in cube.shape[1:]:
            raise WrongShape(name="values", shape=cube.shape, wanted="(m, n, P)")
        if cube.shape[0] == 0:
            raise TooFewPoints(what=what, count=0, least=1)
        rows, subgroup = cube.reshape(-1, cube.shape[2]), cube.shape[1]
    else:
        rows = matrix(values, what=what)
    return RowGroups(rows, subgroups(np.arange(rows.shape[0], dtype=np.float64), subgroup, what=what))


def mean_of_members(members: Sequence[Sequence[Value]]) -> list[Value]:
    """Mean of each variable over the members of a subgroup, added up from the first to the last."""
    found: list[Value] = []
    for values in zip(*members, strict=True):
        total: Any = values[0]
        for value in values[1:]:
            total = total + value
        found.append(total / float(len(members)))
    return found


def covariance_of_members(members: Sequence[Sequence[Value]]) -> list[list[Value]]:
    """Lower half of the sample covariance of a subgroup, entry by entry."""
    means = mean_of_members(members)
    centred = [[value - mean for value, mean in zip(member, means, strict=True)] for member in members]
    freedom = float(len(members) - 1)
    found: list[list[Value]] = []
    for row in range(len(means)):
        line: list[Value] = []
        for column in range(row + 1):
            total: Any = centred[0][row] * centred[0][column]
            for member in centred[1:]:
                total = total + member[row] * member[column]
            line.append(total / freedom)
        found.append(line)
    return found


def determinant_of(lower: Sequence[Sequence[Value]]) -> Value:
    """Determinant of a covariance from its lower half; 0 where it is singular to the digits of a float."""
    size = len(lower)
    left: list[list[Any]] = [list(row) for row in lower]
    total: Any = None
    for pivot in range(size):
        head = left[pivot][pivot]
        # What is left of a variance after regression on the others; rounding may leave less than nothing.
        least = 1e-14 * lower[pivot][pivot]
        kept = (
            np.where(head > least, head, 0.0)
            if isinstance(head, np.ndarray)
            else (head if head > least else 0.0)
        )
        total = kept if total is None else total * kept
        safe = np.where(kept > 0, kept, 1.0) if isinstance(kept, np.ndarray) else (kept if kept > 0 else 1.0)
        for row in range(pivot + 1, size):
            share = left[row][pivot] / safe
            for column in range(pivot + 1, row + 1):
                left[row][column] = left[row][column] - share * left[column][pivot]
    found: Value = total
    return found
