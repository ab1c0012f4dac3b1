"""Subgroups: values in rational groups, as rows of a matrix or under labels, and their statistics."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assay.stats.arrays import Floats, Ints, is_missing, numbers, vector
from assay.stats.errors import (
    MissingLabel,
    NotACount,
    SplitSubgroup,
    TooFewPoints,
    UnequalSubgroups,
    WrongShape,
)


@dataclass(frozen=True, eq=False)
class Subgroups:
    """``N`` values in ``m`` subgroups that follow each other.

    Parameters
    ----------
    values
        Shape ``(N,)``, subgroup after subgroup.
    starts
        Where each subgroup begins, ``(m,)``.
    size
        The size of every subgroup, or None where they differ.
    labels
        What the subgroups are called, ``(m,)``; None where nobody named them.
    """

    values: Floats
    starts: Ints
    size: int | None
    labels: NDArray[Any] | None = None

    @property
    def count(self) -> int:
        """How many subgroups there are."""
        return self.starts.size

    @cached_property
    def sizes(self) -> Ints:
        """Size of each subgroup, ``(m,)``."""
        if self.size is not None:
            return np.full(self.starts.size, self.size, np.int64)
        return np.diff(self.starts, append=self.values.size)

    @cached_property
    def _columns(self) -> Floats | None:
        """First values of all subgroups, then second values, …: ``(size, m)``; None where sizes differ."""
        return None if self.size is None else self.values.reshape(-1, self.size).T

    @cached_property
    def means(self) -> Floats:
        """Mean of each subgroup, ``(m,)``."""
        if self._columns is None:
            return np.asarray(np.add.reduceat(self.values, self.starts) / self.sizes)
        total: Floats = self._columns[0].copy()
        for column in self._columns[1:]:
            total += column
        total /= self._columns.shape[0]
        return total

    @cached_property
    def ranges(self) -> Floats:
        """Largest minus smallest value of each subgroup, ``(m,)``; 0 for a single value."""
        if self._columns is None:
            smallest = np.minimum.reduceat(self.values, self.starts)
            return np.asarray(np.maximum.reduceat(self.values, self.starts) - smallest)
        largest: Floats = self._columns[0].copy()
        least: Floats = self._columns[0].copy()
        for column in self._columns[1:]:
            np.maximum(largest, column, out=largest)
            np.minimum(least, column, out=least)
        largest -= least
        return largest

    @cached_property
    def squares(self) -> Floats:
        """Sum of squared deviations from the subgroup's mean, ``(m,)``; 0 for equal values.

        From the deviations from the first value: equal values then leave exactly 0, and a large common offset
        costs no digits.
        """
        if self._columns is None:
            first = np.repeat(self.values[self.starts], self.sizes)
            deviations = self.values - first
            means = np.add.reduceat(deviations, self.starts) / self.sizes
            deviations -= np.repeat(means, self.sizes)
            deviations *= deviations
            return np.asarray(np.add.reduceat(deviations, self.starts))
        first = self._columns[0]
        shifted = [column - first for column in self._columns[1:]]
        mean = sum(shifted, np.zeros(first.size)) / self._columns.shape[0]
        total: Floats = mean * mean
        for step in shifted:
            np.subtract(step, mean, out=step)
            np.multiply(step, step, out=step)
            total += step
        return total

    @cached_property
    def variances(self) -> Floats:
        """Sample variance of each subgroup, ``(m,)``, with n − 1; NaN for a single value."""
        freedom = self.sizes - 1.0
        undefined = np.full(self.count, np.nan)
        return np.asarray(np.divide(self.squares, freedom, out=undefined, where=freedom > 0))

    @cached_property
    def deviations(self) -> Floats:
        """Sample standard deviation of each subgroup, ``(m,)``, with n − 1; NaN for a single value."""
        return np.sqrt(self.variances)

    @cached_property
    def medians(self) -> Floats:
        """Median of each subgroup, ``(m,)``."""
        if self._columns is not None:
            return np.asarray(np.median(self.values.reshape(-1, self.size or 1), axis=1))
        group = np.repeat(np.arange(self.count), self.sizes)
        ordered = self.values[np.lexsort((self.values, group))]
        low, high = self.starts + (self.sizes - 1) // 2, self.starts + self.sizes // 2
        return np.asarray(0.5 * (ordered[low] + ordered[high]))

    def take(self, chosen: slice | Ints) -> Subgroups:
        """The chosen subgroups alone."""
        starts, sizes = self.starts[chosen], self.sizes[chosen]
        begin = np.zeros(starts.size, np.int64)
        np.cumsum(sizes[:-1], out=begin[1:])
        rows = np.arange(int(sizes.sum())) + np.repeat(starts - begin, sizes)
        labels = None if self.labels is None else self.labels[chosen]
        return Subgroups(self.values[rows], begin, _common(sizes), labels)


def subgroups(
    values: ArrayLike, subgroup: ArrayLike | int | None = None, *, what: str = "subgroups"
) -> Subgroups:
    """Values as subgroups.

    Parameters
    ----------
    values
        A matrix ``(m, n)`` with a subgroup in each row, or ``(N,)`` values.
    subgroup
        For ``(N,)`` values: the size of consecutive subgroups, or a label for each value. The rows of a
        subgroup stand together: a label that comes back later is refused, not gathered.
    what
        Who asks, for the message.

    Raises
    ------
    NotNumeric, NotFinite, WrongShape, TooFewPoints, NotACount, UnequalSubgroups, SplitSubgroup, MissingLabel
    """
    if isinstance(subgroup, (int, np.integer)):
        return _consecutive(vector(values, "values", what=what), int(subgroup), what)
    if subgroup is None:
        rows = numbers(values, "values")
        if rows.ndim != 2 or rows.shape[1] == 0:
            raise WrongShape(name="values", shape=rows.shape, wanted="(m, n), or (N,) with subgroup")
        if rows.shape[0] == 0:
            raise TooFewPoints(what=what, count=0, least=1)
        size = rows.shape[1]
        return Subgroups(np.ascontiguousarray(rows).ravel(), np.arange(0, rows.size, size), size)
    return _labelled(vector(values, "values", what=what), np.asarray(subgroup))


def _consecutive(found: Floats, size: int, what: str) -> Subgroups:
    if size < 1:
        raise NotACount(name="subgroup", index=0, value=size)
    if left := found.size % size:
        raise UnequalSubgroups(what=what, smallest=left, largest=size)
    return Subgroups(found, np.arange(0, found.size, size), size)


def _labelled(found: Floats, labels: NDArray[Any]) -> Subgroups:
    if labels.shape != found.shape:
        raise WrongShape(name="subgroup", shape=labels.shape, wanted=str(found.shape))
    try:
        starts = np.flatnonzero(labels[1:] != labels[:-1])
    except TypeError:
        _refuse_unnamed(labels, np.arange(labels.size))
        raise
    starts += 1
    starts = np.concatenate((np.zeros(1, np.int64), starts))
    names = labels[starts]
    _refuse_unnamed(names, starts)
    _refuse_split(names, starts)
    return Subgroups(found, starts, _common(np.diff(starts, append=found.size)), names)


def _refuse_unnamed(names: NDArray[Any], starts: Ints) -> None:
    """Refuse labels that are missing: None, NaN, NaT."""
    if names.dtype.kind == "O":
        missing = np.array([is_missing(name) for name in names.tolist()], bool)
    elif names.dtype.kind in "fM":
        missing = np.isnan(names) if names.dtype.kind == "f" else np.isnat(names)
    else:
        return
    if missing.any():
        raise MissingLabel(index=int(starts[np.flatnonzero(missing)[0]]))


def _refuse_split(names: NDArray[Any], starts: Ints) -> None:
    """Refuse a label that comes back; labels in rising order can't, and need no sorting."""
    if names.dtype.kind != "O":
        ordered = names if bool((names[1:] > names[:-1]).all()) else np.sort(names)
        if bool((ordered[1:] != ordered[:-1]).all()):
            return
    seen: set[object] = set()
    for name, start in zip(names.tolist(), starts.tolist(), strict=True):
        if name in seen:
            raise SplitSubgroup(label=repr(name), index=start)
        seen.add(name)


def _common(sizes: Ints) -> int | None:
    return int(sizes[0]) if sizes.size and int(sizes.min()) == int(sizes.max()) else None
