"""Run rules point by point, with bounded memory and the same flags as over the whole series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from assay.stats.arrays import Ints, vector
from assay.stats.errors import NotFinite, NotPositive
from assay.stats.rules.rule import Alternating, Avoiding, Hugging, Rule, Trend, Zone
from assay.stats.rules.sets import DEFAULT, Nelson8, Rules, resolve


@dataclass(frozen=True)
class _Test:
    """A rule over the histories: bit 0 is the latest point. ``place`` says which pair of histories."""

    name: str
    place: int
    span: int
    least: int
    """How many bits of the window have to be set."""
    mask: int
    kind: int


_ZONE, _RUN, _HUGGING, _BOTH, _EITHER = range(5)


class Tracker:
    """The run rules of a live chart: one point at a time, exactly the flags of the whole series.

    Parameters
    ----------
    rules, nelson8
        As in :func:`assay.stats.rules.violations`.

    Notes
    -----
    It remembers, per zone and side, whether each of the last points was beyond it, as the bits of a number,
    for no more points than the longest pattern spans.
    """

    __slots__ = ("_above", "_below", "_kept", "_last", "_seen", "_span", "_tests", "_widths", "rules")

    def __init__(self, rules: Rules = DEFAULT, *, nelson8: Nelson8 = "both_sides") -> None:
        self.rules = resolve(rules, nelson8=nelson8)
        self._span = max((rule.points for rule in self.rules), default=1)
        self._kept = (1 << self._span) - 1
        widths = sorted({rule.k for rule in self.rules if isinstance(rule, (Zone, Hugging, Avoiding))})
        self._widths = tuple(widths)
        # Behind the zones: directions, then changes of direction.
        self._tests = tuple(_test(rule, self._widths) for rule in self.rules)
        self.restart()

    @property
    def span(self) -> int:
        """How many points the longest pattern spans."""
        return self._span

    def restart(self) -> None:
        """Forget every run, because a stage begins with the next point."""
        self._above = [0] * (len(self._widths) + 2)
        self._below = [0] * (len(self._widths) + 2)
        self._seen = 0
        self._last: float | None = None

    def add(
        self, value: float, center: float, sigma: float, lower_sigma: float | None = None
    ) -> tuple[str, ...]:
        """Take the next point; answer with the rules it completes.

        Raises
        ------
        NotFinite, NotPositive
        """
        _refuse(value, center, sigma, lower_sigma)
        self._remember(value, center, sigma, sigma if lower_sigma is None else lower_sigma)
        above, below, seen = self._above, self._below, self._seen
        return tuple(
            [
                test.name
                for test in self._tests
                if seen >= test.span and _holds(test, above[test.place], below[test.place])
            ]
        )

    def follow(
        self,
        values: ArrayLike,
        center: ArrayLike,
        sigma: ArrayLike,
        *,
        lower_sigma: ArrayLike | None = None,
        breaks: Sequence[int] | Ints = (),
    ) -> None:
        """Start after a series that is already charted; only its last points are looked at.

        Raises
        ------
        NotNumeric, NotFinite, WrongShape, NotPositive
        """
        points = vector(values, least=0)
        start = max([0, points.size - self._span - 1, *(int(place) for place in breaks)])
        lines = [
            np.broadcast_to(np.asarray(given, np.float64), points.shape)[start:].tolist()
            for given in (center, sigma, sigma if lower_sigma is None else lower_sigma)
        ]
        self.restart()
        for value, line, upper, lower in zip(points[start:].tolist(), *lines, strict=True):
            self.add(value, line, upper, lower)

    def _remember(self, value: float, center: float, upper: float, lower: float) -> None:
        above, below, kept = self._above, self._below, self._kept
        place = 0
        for width in self._widths:
            above[place] = (above[place] << 1 | (value > center + width * upper)) & kept
            below[place] = (below[place] << 1 | (value < center - width * lower)) & kept
            place += 1
        last = value if self._last is None else self._last
        up = above[place] = (above[place] << 1 | (value > last)) & kept
        down = below[place] = (below[place] << 1 | (value < last)) & kept
        turned = (up & 1 and down & 2) or (down & 1 and up & 2)
        above[place + 1] = (above[place + 1] << 1 | bool(turned)) & kept
        self._last = value
        if self._seen < self._span:
            self._seen += 1


def _test(rule: Rule, widths: tuple[float, ...]) -> _Test:
    match rule:
        case Zone(name=name, m=m, n=n, k=k):
            return _Test(name, widths.index(k), n, m, (1 << n) - 1, _RUN if m == n else _ZONE)
        case Trend(name=name, length=length):
            return _Test(name, len(widths), length, length - 1, (1 << (length - 1)) - 1, _RUN)
        case Alternating(name=name, length=length):
            return _Test(name, len(widths) + 1, length, length - 2, (1 << (length - 2)) - 1, _RUN)
        case Hugging(name=name, length=length, k=k):
            return _Test(name, widths.index(k), length, 0, (1 << length) - 1, _HUGGING)
        case Avoiding(name=name, length=length, k=k, sides=sides):
            kind = _BOTH if sides == "both" else _EITHER
            return _Test(name, widths.index(k), length, length, (1 << length) - 1, kind)
    raise TypeError(type(rule).__name__)


def _holds(test: _Test, above: int, below: int) -> bool:
    mask, kind = test.mask, test.kind
    if kind == _RUN:
        return above & mask == mask or below & mask == mask
    if kind == _ZONE:
        return bool(
            (above & 1 and (above & mask).bit_count() >= test.least)
            or (below & 1 and (below & mask).bit_count() >= test.least)
        )
    if kind == _HUGGING:
        return not (above | below) & mask
    everywhere = (above | below) & mask == mask
    return everywhere and (kind == _EITHER or bool(above & mask and below & mask))


def _refuse(value: float, center: float, sigma: float, lower_sigma: float | None) -> None:
    # NaN and infinity are the numbers that don't leave 0 when taken from themselves.
    if value - value != 0:
        raise NotFinite(name="value", count=1, index=0, value=value)
    if center - center != 0:
        raise NotFinite(name="center", count=1, index=0, value=center)
    for name, spread in (("sigma", sigma), ("lower_sigma", lower_sigma)):
        if spread is not None and not 0 < spread < float("inf"):
            raise NotPositive(name=name, value=spread)
