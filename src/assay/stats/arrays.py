"""What enters a statistic: numbers from lists, arrays, Arrow and pandas columns, checked once at the door."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assay.stats.errors import (
    CountAboveSize,
    LimitsReversed,
    NegativeCount,
    NotACount,
    NotFinite,
    NotNumeric,
    NotPositive,
    OutOfRange,
    SettingNotFinite,
    TooFewPoints,
    UnknownColumn,
    UnknownOption,
    WrongShape,
)

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Choice = TypeVar("Choice", bound=str)


def numbers(values: ArrayLike, name: str) -> Floats:
    """``values`` as float64 of any shape, all finite.

    Raises
    ------
    NotNumeric, NotFinite
    """
    given: Any = values
    if isinstance(given, np.ma.MaskedArray):
        given = np.ma.filled(given.astype(np.float64), np.nan)
    if not isinstance(given, (list, tuple, float, int)):
        kind: np.dtype[Any] | None = getattr(given, "dtype", None)
        if getattr(kind, "kind", None) is None:
            kind = np.asarray(given).dtype
        # NumPy would take times as numbers of their smallest unit, and leave out imaginary parts.
        if kind is not None and kind.kind in "cmM":
            raise NotNumeric(name=name, value=str(kind))
    try:
        found = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise NotNumeric(name=name, value=str(error)) from error
    # A sum is finite only if every term is: one pass instead of a mask, except when something is wrong.
    with np.errstate(invalid="ignore", over="ignore"):
        whole = found.sum()
    if not np.isfinite(whole) and not (finite := np.isfinite(found)).all():
        if found.ndim == 0:
            raise SettingNotFinite(name=name, value=float(found))
        wrong = np.argwhere(~finite)
        first = tuple(int(at) for at in wrong[0])
        raise NotFinite(
            name=name,
            count=len(wrong),
            index=first[0] if len(first) == 1 else first,
            value=float(found[first]),
        )
    return found


def vector(values: ArrayLike, name: str = "values", *, least: int = 1, what: str | None = None) -> Floats:
    """``values`` as finite numbers of shape ``(N,)`` with ``N ≥ least``; ``what`` names who needs them.

    Raises
    ------
    NotNumeric, NotFinite, WrongShape, TooFewPoints
    """
    found = numbers(values, name)
    if found.ndim != 1:
        raise WrongShape(name=name, shape=found.shape, wanted="(N,)")
    if found.size < least:
        raise TooFewPoints(what=what or name, count=found.size, least=least)
    return found


def matrix(values: ArrayLike, name: str = "values", *, least: int = 1, what: str | None = None) -> Floats:
    """``values`` as finite numbers of shape ``(N, P)`` with ``N ≥ least``.

    Raises
    ------
    NotNumeric, NotFinite, WrongShape, TooFewPoints
    """
    found = numbers(values, name)
    if found.ndim != 2 or found.shape[1] == 0:
        raise WrongShape(name=name, shape=found.shape, wanted="(N, P)")
    if found.shape[0] < least:
        raise TooFewPoints(what=what or name, count=found.shape[0], least=least)
    return found


def counts(values: ArrayLike, name: str = "counts", *, least: int = 1) -> Floats:
    """``values`` as whole numbers ≥ 0 of shape ``(N,)``, kept as float64.

    Raises
    ------
    NotNumeric, NotFinite, WrongShape, TooFewPoints, NegativeCount, NotACount
    """
    found = vector(values, name, least=least)
    if found.min(initial=0.0) < 0:
        index = int(np.flatnonzero(found < 0)[0])
        raise NegativeCount(name=name, index=index, value=float(found[index]))
    if (broken := found != np.floor(found)).any():
        index = int(np.flatnonzero(broken)[0])
        raise NotACount(name=name, index=index, value=float(found[index]))
    return found


def sizes(values: ArrayLike, like: Floats, name: str = "sizes") -> Floats:
    """Sample sizes or areas of opportunity > 0, broadcast to the shape of ``like``.

    Raises
    ------
    NotNumeric, NotFinite, WrongShape, NotPositive
    """
    found = numbers(values, name)
    if found.ndim == 0:
        found = np.broadcast_to(found, like.shape)
    if found.shape != like.shape:
        raise WrongShape(name=name, shape=found.shape, wanted=str(like.shape))
    if found.min(initial=1.0) <= 0:
        raise NotPositive(name=name, value=float(found.min()))
    return found


def within_sizes(found: Floats, of: Floats) -> None:
    """Refuse counts above their sample size.

    Raises
    ------
    CountAboveSize
    """
    if (above := found > of).any():
        index = int(np.flatnonzero(above)[0])
        raise CountAboveSize(index=index, value=float(found[index]), size=float(of[index]))


def positive(value: float, name: str) -> float:
    """``value`` as a finite number above 0.

    Raises
    ------
    NotFinite, NotPositive
    """
    found = float(numbers(value, name))
    if found <= 0:
        raise NotPositive(name=name, value=found)
    return found


def between(value: float, name: str, low: float, high: float) -> float:
    """``value`` as a finite number in ``[low, high]``.

    Raises
    ------
    NotFinite, OutOfRange
    """
    found = float(numbers(value, name))
    if not low <= found <= high:
        raise OutOfRange(name=name, value=found, low=low, high=high)
    return found


def ordered(low: float | None, high: float | None, low_name: str = "lsl", high_name: str = "usl") -> None:
    """Refuse limits that aren't finite or are the wrong way round; None is a limit that isn't there.

    Raises
    ------
    NotFinite, LimitsReversed
    """
    for value, name in ((low, low_name), (high, high_name)):
        if value is not None:
            numbers(value, name)
    if low is not None and high is not None and low >= high:
        raise LimitsReversed(low_name=low_name, low=low, high_name=high_name, high=high)


def one_of(value: str, known: Sequence[Choice], name: str) -> Choice:
    """``value`` as one of the options ``known``.

    Raises
    ------
    UnknownOption
    """
    for option in known:
        if value == option:
            return option
    raise UnknownOption(name=name, value=repr(value), known=", ".join(known))


def is_missing(label: object) -> bool:
    """Whether a label stands for nothing: None, NaN, NaT, or pandas' NA."""
    if label is None:
        return True
    try:
        return bool(label != label)  # noqa: PLR0124 - what stands for nothing doesn't equal itself
    except TypeError:
        # pandas' NA doesn't say whether it equals anything.
        return True


def column(frame: Any, name: str) -> NDArray[Any]:
    """A column of a frame: a mapping of arrays, an Arrow table or a pandas frame.

    Raises
    ------
    UnknownColumn
    """
    known = (
        list(frame) if isinstance(frame, Mapping) else list(map(str, getattr(frame, "column_names", frame)))
    )
    if name not in known:
        raise UnknownColumn(name=repr(name), known=", ".join(map(str, known)))
    return np.asarray(frame[name])
