"""Run rules over a whole series at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from assay.stats.arrays import Bools, Floats, Ints, numbers, vector
from assay.stats.errors import NotPositive, WrongShape
from assay.stats.rules.errors import BreakOutside
from assay.stats.rules.rule import Alternating, Avoiding, Hugging, Rule, Trend, Zone
from assay.stats.rules.sets import DEFAULT, Nelson8, Rules, resolve


def violations(
    values: ArrayLike,
    center: ArrayLike,
    sigma: ArrayLike,
    rules: Rules = DEFAULT,
    nelson8: Nelson8 = "both_sides",
    *,
    lower_sigma: ArrayLike | None = None,
    breaks: Sequence[int] | Ints = (),
) -> dict[str, list[int]]:
    """The points that complete the pattern of each rule.

    Parameters
    ----------
    values
        The plotted statistic, ``(N,)``.
    center, sigma
        Centre line and the standard error of the plotted statistic (a third of the distance from the centre
        to a three-sigma limit): one number for all points, or ``(N,)``.
    rules
        A set by name, rules by name, rules of one's own; see :func:`assay.stats.rules.resolve`.
    nelson8
        ``both_sides`` or ``either_side``.
    lower_sigma
        The same below the centre, where the limits are not symmetric; None where they are.
    breaks
        Indices at which every run starts anew, because a stage begins there.

    Returns
    -------
    dict
        For each rule, in the order asked, the 0-based indices of the points that complete it.

    Raises
    ------
    NotNumeric, NotFinite, WrongShape, NotPositive, UnknownOption, BreakOutside

    Notes
    -----
    The definitions are those of :mod:`assay.stats.rules.rule`, and agree with R's qcc 3.0 on every flag.
    """
    looked_for = resolve(rules, nelson8=nelson8)
    points = vector(values, least=0)
    line = numbers(center, "center")
    upper = _spread(sigma, "sigma")
    lower = upper if lower_sigma is None else _spread(lower_sigma, "lower_sigma")
    for given, name in ((line, "center"), (upper, "sigma"), (lower, "lower_sigma")):
        if given.ndim and given.shape != points.shape:
            raise WrongShape(name=name, shape=given.shape, wanted=f"() or {points.shape}")
    series = _Series(points, line, upper, lower, _cuts(breaks, points.size))
    return {rule.name: series.flagged(rule) for rule in looked_for}


def _spread(sigma: ArrayLike, name: str) -> Floats:
    found = numbers(sigma, name)
    if found.size and (least := float(found.min())) <= 0:
        raise NotPositive(name=name, value=least)
    return found


def _cuts(breaks: Sequence[int] | Ints, count: int) -> list[int]:
    found = np.asarray(breaks, dtype=np.int64).tolist()
    for place in found:
        if not 0 <= place <= count:
            raise BreakOutside(value=place, count=count)
    return [place for place in found if 0 < place < count]


class _Series:
    """A series with the comparisons its rules share, each made once.

    Every pattern comes as a mask over windows: entry j is the window that starts at point j.
    """

    def __init__(self, points: Floats, line: Floats, upper: Floats, lower: Floats, cuts: list[int]) -> None:
        self.points, self.line, self.upper, self.lower, self.cuts = points, line, upper, lower, cuts
        self._masks: dict[tuple[str, float], Bools] = {}
        self._found: dict[tuple[object, ...], list[int]] = {}

    def flagged(self, rule: Rule) -> list[int]:
        """Indices of the points that complete ``rule``; the same pattern under two names is sought once."""
        key = _pattern(rule)
        if key not in self._found:
            self._found[key] = self._search(rule)
        return list(self._found[key])

    def _search(self, rule: Rule) -> list[int]:
        span = rule.points
        if span > self.points.size:
            return []
        windows = self._windows(rule)
        for cut in self.cuts:
            windows[max(0, cut - span + 1) : cut] = False
        found = windows.nonzero()[0]
        found += span - 1
        listed: list[int] = found.tolist()
        return listed

    def _windows(self, rule: Rule) -> Bools:
        match rule:
            case Zone(m=m, n=n, k=k):
                return np.logical_or(_several(self.above(k), m, n), _several(self.below(k), m, n))
            case Trend(length=length):
                return np.logical_or(_all(self.rising(), length - 1), _all(self.falling(), length - 1))
            case Alternating(length=length):
                return _all(self.turning(), length - 2)
            case Hugging(length=length, k=k):
                return _all(~self.outside(k), length)
            case Avoiding(length=length, k=k, sides=sides):
                windows = _all(self.outside(k), length)
                if sides == "both":
                    windows = windows & ~_all(self.above(k), length) & ~_all(self.below(k), length)
                return windows
        raise TypeError(type(rule).__name__)

    def above(self, k: float) -> Bools:
        """Which points are more than ``k`` sigma above the centre."""
        if ("above", k) not in self._masks:
            self._masks["above", k] = self.points > (self.line + k * self.upper if k else self.line)
        return self._masks["above", k]

    def below(self, k: float) -> Bools:
        """Which points are more than ``k`` sigma below the centre."""
        if ("below", k) not in self._masks:
            self._masks["below", k] = self.points < (self.line - k * self.lower if k else self.line)
        return self._masks["below", k]

    def outside(self, k: float) -> Bools:
        """Which points are more than ``k`` sigma from the centre."""
        if ("outside", k) not in self._masks:
            self._masks["outside", k] = np.logical_or(self.above(k), self.below(k))
        return self._masks["outside", k]

    def rising(self) -> Bools:
        """Which points are above the one before; entry j belongs to point j + 1."""
        if ("rising", 0) not in self._masks:
            self._masks["rising", 0] = self.points[1:] > self.points[:-1]
        return self._masks["rising", 0]

    def falling(self) -> Bools:
        """Which points are below the one before; entry j belongs to point j + 1."""
        if ("falling", 0) not in self._masks:
            self._masks["falling", 0] = self.points[1:] < self.points[:-1]
        return self._masks["falling", 0]

    def turning(self) -> Bools:
        """Where the direction changes from strictly up to strictly down or back; entry j is point j + 2."""
        up, down = self.rising(), self.falling()
        found = np.logical_and(up[1:], down[:-1])
        found |= np.logical_and(down[1:], up[:-1])
        return found


def _pattern(rule: Rule) -> tuple[object, ...]:
    return (type(rule), *(value for name, value in vars(rule).items() if name != "name"))


def _all(mask: Bools, span: int) -> Bools:
    """Whether all of ``span`` entries from each one on hold: windows of twice the length from two halves."""
    held, found = 1, mask
    while held < span:
        step = min(held, span - held)
        found = np.logical_and(found[step:], found[:-step])
        held += step
    return found.copy() if found is mask else found


def _several(mask: Bools, m: int, n: int) -> Bools:
    """Whether the last of ``n`` entries and at least ``m`` of them hold."""
    if m == n:
        return _all(mask, n)
    count = mask.size - n + 1
    ones = mask.view(np.uint8) if n < 256 else mask.astype(np.int64)
    total = ones[:count].copy()
    for offset in range(1, n):
        total += ones[offset : offset + count]
    return np.logical_and(total >= m, mask[n - 1 :])
