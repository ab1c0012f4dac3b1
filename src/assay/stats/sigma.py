"""The process standard deviation, by named estimators.

Within subgroups: :func:`rbar`, :func:`sbar`, :func:`pooled`, :func:`pooled_unbiased`. Between successive
values: :func:`mr`, :func:`median_mr`, :func:`mssd`. Overall: :func:`sd`, :func:`sd_unbiased`.

Where subgroups differ in size, R and s can be weighted in two ways, named as in R's qcc: ``uwave`` takes the
plain mean of the subgroups' estimates (qcc's default), ``mvlue`` weights each by the inverse of its variance
(minimum variance linear unbiased; Burr 1969, J. Quality Technology 1, 163-167; what Minitab does). They are
the same for equal sizes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from assay.stats import constants as tables
from assay.stats.arrays import Floats, Ints, one_of, vector
from assay.stats.errors import ConstantData, NoSpreadWithin, OutOfRange, SingletonSubgroups, TooFewPoints
from assay.stats.subgroups import Subgroups, subgroups

Weighting = Literal["uwave", "mvlue"]
WEIGHTINGS: tuple[Weighting, ...] = ("uwave", "mvlue")
Groups = Subgroups | ArrayLike
"""Subgroups, or a matrix with a subgroup in each row."""


# -- within subgroups ----------------------------------------------------------------------------------------


def rbar(groups: Groups, *, weighting: Weighting = "uwave", constants: tables.Kind = "exact") -> float:
    """From the ranges: the mean of R/d2.

    Raises
    ------
    SingletonSubgroups, ConstantData, NoSpreadWithin, UnknownOption, OutOfRange
    """
    found = _within(groups, "rbar")
    return from_ranges(found.ranges, _size(found), weighting=weighting, constants=constants)


def sbar(groups: Groups, *, weighting: Weighting = "uwave") -> float:
    """From the standard deviations: the mean of s/c4.

    Raises
    ------
    SingletonSubgroups, ConstantData, NoSpreadWithin, UnknownOption
    """
    found = _within(groups, "sbar")
    return from_deviations(found.deviations, _size(found), weighting=weighting)


def sbar_plain(groups: Groups) -> float:
    """The mean of s, without c4: too small by about 1 − c4, as where the unbiasing constant is turned off.

    Raises
    ------
    SingletonSubgroups, ConstantData, NoSpreadWithin
    """
    return float(_within(groups, "sbar_plain").deviations.mean())


def pooled(groups: Groups) -> float:
    """Pooled standard deviation: √(Σ(n−1)s² / Σ(n−1)). A subgroup of one value adds no degree of freedom.

    Raises
    ------
    TooFewPoints, ConstantData, NoSpreadWithin
    """
    return _pooled(_varying(groups))[0]


def pooled_unbiased(groups: Groups) -> float:
    """Pooled standard deviation over c4 of its degrees of freedom + 1; qcc calls it RMSDF.

    Raises
    ------
    TooFewPoints, ConstantData, NoSpreadWithin
    """
    found, freedom = _pooled(_varying(groups))
    return found / tables.c4(freedom + 1)


def from_ranges(
    ranges: Floats, sizes: int | Ints, *, weighting: Weighting = "uwave", constants: tables.Kind = "exact"
) -> float:
    """Sigma from the ranges ``(m,)`` of subgroups of ``sizes``, one for all or ``(m,)``.

    Raises
    ------
    UnknownOption, OutOfRange
    """
    one_of(weighting, WEIGHTINGS, "weighting")
    if isinstance(sizes, int):
        return float(ranges.mean()) / tables.d2(sizes, constants)
    unit = tables.d2(sizes, constants)
    weights = (unit / tables.d3(sizes, constants)) ** 2 if weighting == "mvlue" else None
    return float(np.average(ranges / unit, weights=weights))


def from_deviations(deviations: Floats, sizes: int | Ints, *, weighting: Weighting = "uwave") -> float:
    """Sigma from the standard deviations ``(m,)`` of subgroups of ``sizes``, one for all or ``(m,)``.

    Raises
    ------
    UnknownOption, OutOfRange
    """
    one_of(weighting, WEIGHTINGS, "weighting")
    if isinstance(sizes, int):
        return float(deviations.mean()) / tables.c4(sizes)
    unit = tables.c4(sizes)
    weights = (unit / tables.c5(sizes)) ** 2 if weighting == "mvlue" else None
    return float(np.average(deviations / unit, weights=weights))


def _groups(groups: Groups) -> Subgroups:
    return groups if isinstance(groups, Subgroups) else subgroups(groups)


def _size(found: Subgroups) -> int | Ints:
    return found.sizes if found.size is None else found.size


def _within(groups: Groups, what: str) -> Subgroups:
    found = _groups(groups)
    if int(found.sizes.min()) < 2:
        raise SingletonSubgroups(what=what, index=int(np.flatnonzero(found.sizes < 2)[0]))
    return _varying(found)


def _varying(groups: Groups) -> Subgroups:
    """The subgroups, refused where no value differs from another of its subgroup."""
    found = _groups(groups)
    if not found.ranges.any():
        _refuse_constant(found.values, "values")
        if int(found.sizes.max()) > 1:
            raise NoSpreadWithin(count=found.count, name="subgroups", value=0.0)
    return found


def _pooled(found: Subgroups) -> tuple[float, int]:
    freedom = int(found.values.size - found.count)
    if freedom < 1:
        raise TooFewPoints(what="pooled", count=found.values.size, least=found.count + 1)
    return math.sqrt(float(found.squares.sum()) / freedom), freedom


# -- between successive values -------------------------------------------------------------------------------


def moving_ranges(values: ArrayLike, *, span: int = 2) -> Floats:
    """Range of each value with the ``span − 1`` before it, ``(N − span + 1,)``.

    Raises
    ------
    NotNumeric, NotFinite, WrongShape, TooFewPoints, OutOfRange
    """
    if span < 2:
        raise OutOfRange(name="span", value=span, low=2, high=tables.LARGEST_RANGE)
    found = vector(values, least=span, what=f"moving ranges of {span}")
    if span == 2:
        steps = np.subtract(found[1:], found[:-1])
        return np.abs(steps, out=steps)
    count = found.size - span + 1
    largest, smallest = found[:count].copy(), found[:count].copy()
    for offset in range(1, span):
        following = found[offset : offset + count]
        np.maximum(largest, following, out=largest)
        np.minimum(smallest, following, out=smallest)
    return np.asarray(largest - smallest)


def mr(values: ArrayLike, *, span: int = 2, constants: tables.Kind = "exact") -> float:
    """From the moving ranges: their mean over d2 of the span.

    Raises
    ------
    NotNumeric, NotFinite, WrongShape, TooFewPoints, ConstantData, OutOfRange, UnknownOption
    """
    return float(_moving(values, span).mean()) / tables.d2(span, constants)


def median_mr(values: ArrayLike, *, span: int = 2) -> float:
    """From the moving ranges: their median over d4 of the span (0.9539 for 2); little moved by outliers.

    Raises
    ------
    NotNumeric, NotFinite, WrongShape, TooFewPoints, ConstantData, NoSpreadWithin, OutOfRange
    """
    ranges = _moving(values, span)
    middle = float(np.median(ranges))
    if middle == 0:
        raise NoSpreadWithin(count=ranges.size, name="moving ranges", value=0.0)
    return middle / tables.d4(span)


def mssd(values: ArrayLike) -> float:
    """Root of half the mean squared successive difference (von Neumann 1941, Ann. Math. Stat. 12, 367-395).

    Raises
    ------
    NotNumeric, NotFinite, WrongShape, TooFewPoints, ConstantData
    """
    steps = _moving(values, 2)
    return math.sqrt(float(steps @ steps) / (2 * steps.size))


def _moving(values: ArrayLike, span: int) -> Floats:
    found = vector(values, least=2, what="moving ranges of 2")
    ranges = moving_ranges(found, span=span)
    if not ranges.any():
        _refuse_constant(found, "values")
    return ranges


def _refuse_constant(found: Floats, name: str) -> None:
    if found.size and float(found.min()) == float(found.max()):
        raise ConstantData(name=name, count=found.size, value=float(found[0]))


# -- overall -------------------------------------------------------------------------------------------------


def sd(values: ArrayLike) -> float:
    """Sample standard deviation of all values, with N − 1.

    Raises
    ------
    NotNumeric, NotFinite, WrongShape, TooFewPoints, ConstantData
    """
    found = vector(values, least=2, what="sd")
    _refuse_constant(found, "values")
    # From the first value, so that a large common offset costs no digits.
    return float(np.std(found - found[0], ddof=1))


def sd_unbiased(values: ArrayLike) -> float:
    """Sample standard deviation of all values over c4.

    Raises
    ------
    NotNumeric, NotFinite, WrongShape, TooFewPoints, ConstantData
    """
    found = vector(values, least=2, what="sd_unbiased")
    return sd(found) / tables.c4(found.size)


WITHIN: Mapping[str, Callable[..., float]] = {
    "rbar": rbar,
    "sbar": sbar,
    "pooled": pooled,
    "pooled_unbiased": pooled_unbiased,
}
"""Estimators within subgroups, by name."""
SUCCESSIVE: Mapping[str, Callable[..., float]] = {"mr": mr, "median_mr": median_mr, "mssd": mssd}
"""Estimators between successive values, by name."""
OVERALL: Mapping[str, Callable[..., float]] = {"sd": sd, "sd_unbiased": sd_unbiased}
"""Estimators over all values, by name."""
