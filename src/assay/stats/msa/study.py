"""From the rows of a study to arrays: labels in natural order, balanced cells, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.stats.arrays import Floats, Ints, column, vector
from assay.stats.errors import ConstantData, WrongShape
from assay.stats.msa.errors import (
    MissingLabel,
    TooFewLevels,
    TooFewOperators,
    TooFewParts,
    TooFewTrials,
    UnbalancedStudy,
    ZeroRepeatability,
)

Labels = tuple[str, ...]
SHOWN = 5
"""How many odd cells a message lists."""


@dataclass(frozen=True)
class Factor:
    """A column of labels: the distinct ones in natural order, and which one each row carries."""

    labels: tuple[str, ...]
    codes: Ints


@dataclass(frozen=True)
class Study:
    """A balanced study: ``values`` of shape ``(P, O, R)``; nested: of each operator's own part ``i``."""

    values: Floats
    parts: tuple[str, ...]
    """Part labels; nested: those of the first operator, then those of the second, …"""
    operators: tuple[str, ...]
    """Empty for a study without operators, where the second axis has length 1."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Parts (per operator where nested), operators, trials."""
        p, o, r = self.values.shape
        return p, o, r


def natural(label: str) -> tuple[tuple[int, float, str], ...]:
    """A sort key under which ``Part 2`` comes before ``Part 10``."""
    pieces = re.findall(r"\d+(?:\.\d+)?|\D+", label)
    return tuple((0, float(piece), "") if piece[0].isdigit() else (1, 0.0, piece) for piece in pieces)


def said(label: object) -> str:
    """A label as text; whole numbers without a decimal point."""
    if isinstance(label, (float, np.floating)) and float(label).is_integer():
        return str(int(label))
    return str(label)


def factor(frame: Any, name: str) -> Factor:
    """The labels of a column.

    Raises
    ------
    UnknownColumn, MissingLabel
    """
    raw = column(frame, name)
    if raw.dtype.kind in "iu":
        distinct, codes = np.unique(raw, return_inverse=True)
        return Factor(tuple(map(str, distinct.tolist())), codes.astype(np.int64))
    listed = [None if absent(item) else said(item) for item in raw.tolist()]
    gone = [index for index, item in enumerate(listed) if item is None]
    if gone:
        raise MissingLabel(name=name, count=len(gone), index=gone[0])
    labels = tuple(sorted({item for item in listed if item is not None}, key=order))
    places = {label: place for place, label in enumerate(labels)}
    return Factor(labels, np.array([places[item] for item in listed if item is not None], dtype=np.int64))


def order(label: str) -> tuple[int, float, tuple[tuple[int, float, str], ...]]:
    """A sort key: numbers by value, then names in natural order."""
    try:
        return 0, float(label), ()
    except ValueError:
        return 1, 0.0, natural(label)


def absent(item: object) -> bool:
    """Whether a label isn't there: None, NaN, pandas' NA or blank."""
    if item is None or (isinstance(item, str) and not item.strip()):
        return True
    try:
        return bool(item != item)  # noqa: PLR0124 - only NaN differs from itself
    except (TypeError, ValueError):
        return True


def together(name: str, length: int, other: int) -> None:
    """Refuse columns of different lengths.

    Raises
    ------
    WrongShape
    """
    if length != other:
        raise WrongShape(name=name, shape=(other,), wanted=f"({length},)")


def long(frame: Any, labels: Sequence[str | None], value: str | Sequence[str]) -> tuple[Any, str]:
    """One row per value, and the column that holds them: several columns are trials side by side.

    Raises
    ------
    UnknownColumn, WrongShape, TooFewTrials
    """
    if isinstance(value, str):
        return frame, value
    names = list(value)
    _enough(TooFewTrials, len(names), 1)
    trials = [column(frame, name) for name in names]
    for name, cells in zip(names, trials, strict=True):
        together(name, len(trials[0]), len(cells))
    title = ", ".join(names)
    found = {name: np.repeat(column(frame, name), len(names)) for name in labels if name is not None}
    found[title] = np.column_stack(trials).ravel()
    return found, title


def crossed(
    frame: Any, part: str, operator: str | None, value: str | Sequence[str], *, least_trials: int = 2
) -> Study:
    """A study in which every operator measures every part equally often.

    Raises
    ------
    UnknownColumn, MissingLabel, NotFinite, NotNumeric, TooFewLevels, UnbalancedStudy, ConstantData
    """
    frame, value = long(frame, (part, operator), value)
    measured = vector(column(frame, value), value)
    parts = factor(frame, part)
    operators = (
        Factor((), np.zeros(measured.size, dtype=np.int64)) if operator is None else factor(frame, operator)
    )
    together(part, measured.size, parts.codes.size)
    together(operator or part, measured.size, operators.codes.size)
    _enough(TooFewParts, len(parts.labels), 2)
    if operator is not None:
        _enough(TooFewOperators, len(operators.labels), 2)
    shape = (len(parts.labels), max(len(operators.labels), 1))
    cells = parts.codes * shape[1] + operators.codes
    trials = np.bincount(cells, minlength=shape[0] * shape[1])
    _balanced(
        trials,
        lambda cell: " × ".join((parts.labels[cell // shape[1]], *operators.labels[cell % shape[1] :][:1])),
    )
    _enough(TooFewTrials, int(trials[0]), least_trials)
    values = measured[np.argsort(cells, kind="stable")].reshape(*shape, int(trials[0]))
    _spread(value, values)
    return Study(values, parts.labels, operators.labels)


def nested(frame: Any, part: str, operator: str, value: str | Sequence[str]) -> Study:
    """A study in which each operator measures parts of their own; labels may repeat between operators.

    Raises
    ------
    UnknownColumn, MissingLabel, NotFinite, NotNumeric, TooFewLevels, UnbalancedStudy, ConstantData
    """
    frame, value = long(frame, (part, operator), value)
    measured = vector(column(frame, value), value)
    parts, operators = factor(frame, part), factor(frame, operator)
    together(part, measured.size, parts.codes.size)
    together(operator, measured.size, operators.codes.size)
    _enough(TooFewOperators, len(operators.labels), 2)
    wide = len(parts.labels)
    held, cells, trials = np.unique(
        operators.codes * wide + parts.codes, return_inverse=True, return_counts=True
    )
    owner = held // wide
    _balanced(np.bincount(owner), lambda place: operators.labels[place])
    _enough(TooFewParts, int(np.bincount(owner)[0]), 2)
    _balanced(
        trials, lambda cell: f"{operators.labels[owner[cell]]} × {parts.labels[int(held[cell]) % wide]}"
    )
    _enough(TooFewTrials, int(trials[0]), 2)
    values = measured[np.argsort(cells, kind="stable")].reshape(len(operators.labels), -1, int(trials[0]))
    _spread(value, values)
    labels = tuple(parts.labels[int(cell) % wide] for cell in held)
    return Study(np.ascontiguousarray(values.transpose(1, 0, 2)), labels, operators.labels)


def balanced_ratings(frame: Any, part: str, appraiser: str, codes: Ints) -> tuple[Ints, Labels, Labels]:
    """Codes by row as an array ``(parts, appraisers, trials)``, with the labels of the first two.

    Raises
    ------
    UnknownColumn, MissingLabel, WrongShape, UnbalancedStudy
    """
    parts, appraisers = factor(frame, part), factor(frame, appraiser)
    together(part, codes.size, parts.codes.size)
    together(appraiser, codes.size, appraisers.codes.size)
    shape = (len(parts.labels), len(appraisers.labels))
    _enough(TooFewParts, shape[0], 2)
    cells = parts.codes * shape[1] + appraisers.codes
    trials = np.bincount(cells, minlength=shape[0] * shape[1])
    _balanced(trials, lambda cell: f"{parts.labels[cell // shape[1]]} × {appraisers.labels[cell % shape[1]]}")
    table = codes[np.argsort(cells, kind="stable")].reshape(*shape, int(trials[0]))
    return table, parts.labels, appraisers.labels


def _enough(refusal: type[TooFewLevels], count: int, least: int) -> None:
    if count < least:
        raise refusal(count=count, least=least)


def _balanced(counts: Ints, name: Any) -> None:
    """Refuse cells that don't hold as many values as most do."""
    usual = int(np.bincount(counts).argmax())
    odd = np.flatnonzero(counts != usual)
    if odd.size:
        shown = ", ".join(f"{name(int(cell))}: {int(counts[cell])}" for cell in odd[:SHOWN])
        raise UnbalancedStudy(cells=shown + (", …" if odd.size > SHOWN else ""), usual=usual, odd=odd.size)


def _spread(name: str, values: Floats) -> None:
    if values.min() == values.max():
        raise ConstantData(name=name, count=values.size, value=float(values.flat[0]))
    if (values.max(axis=2) == values.min(axis=2)).all():
        raise ZeroRepeatability(count=values.shape[0] * values.shape[1])
