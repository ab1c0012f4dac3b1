"""What a run rule is: five patterns, of which every published rule is a case.

A point is flagged when it completes the pattern; so is every further point of a run that goes on. A pattern
of ``n`` points needs ``n`` points: there are no shorter windows at the start. Every inequality is strict,
except that :class:`Hugging` counts a point on its line as inside. A zone is a third of the point's own
distance from centre to limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from assay.model.text import Text
from assay.stats.arrays import one_of, positive
from assay.stats.errors import NotACount, OutOfRange
from assay.stats.rules.errors import CATALOGUE

Sides = Literal["both", "either"]
SIDES: tuple[Sides, ...] = ("both", "either")
LONGEST = 1_000
"""Most points of a pattern; what a live chart remembers is bounded by it."""


@dataclass(frozen=True)
class Rule:
    """A run rule under a ``name``; one of the five patterns below."""

    name: str

    @property
    def points(self) -> int:
        """How many points the pattern spans."""
        raise NotImplementedError

    @property
    def text(self) -> Text:
        """The rule in words, in both languages."""
        raise NotImplementedError


@dataclass(frozen=True)
class Zone(Rule):
    """Point i is beyond ``k`` sigma, and so are at least ``m`` of the last ``n`` points on that same side.

    ``k`` may be 0: then it is a run on one side of the centre, which a point on the centre breaks.
    """

    m: int
    n: int
    k: float

    @property
    def points(self) -> int:
        """How many points the pattern spans."""
        return self.n

    @property
    def text(self) -> Text:
        """The rule in words, in both languages."""
        if self.m == self.n == 1:
            return CATALOGUE.text("rule.beyond", k=f"{self.k:g}")
        if self.m == self.n and self.k == 0:
            return CATALOGUE.text("rule.run", points=self.n)
        return CATALOGUE.text("rule.m-of-n", m=self.m, n=self.n, k=f"{self.k:g}")


@dataclass(frozen=True)
class Trend(Rule):
    """The last ``length`` points rise all the way or fall all the way: their differences are of one sign."""

    length: int

    @property
    def points(self) -> int:
        """How many points the pattern spans."""
        return self.length

    @property
    def text(self) -> Text:
        """The rule in words, in both languages."""
        return CATALOGUE.text("rule.trend", points=self.length)


@dataclass(frozen=True)
class Alternating(Rule):
    """The last ``length`` points go up and down in turn; two equal points break it."""

    length: int

    @property
    def points(self) -> int:
        """How many points the pattern spans."""
        return self.length

    @property
    def text(self) -> Text:
        """The rule in words, in both languages."""
        return CATALOGUE.text("rule.alternating", points=self.length)


@dataclass(frozen=True)
class Hugging(Rule):
    """The last ``length`` points are all within ``k`` sigma of the centre, or on that line."""

    length: int
    k: float

    @property
    def points(self) -> int:
        """How many points the pattern spans."""
        return self.length

    @property
    def text(self) -> Text:
        """The rule in words, in both languages."""
        return CATALOGUE.text("rule.hugging", points=self.length, k=f"{self.k:g}")


@dataclass(frozen=True)
class Avoiding(Rule):
    """The last ``length`` points are all beyond ``k`` sigma: with some on each side, or on either side."""

    length: int
    k: float
    sides: Sides

    @property
    def points(self) -> int:
        """How many points the pattern spans."""
        return self.length

    @property
    def text(self) -> Text:
        """The rule in words, in both languages."""
        return CATALOGUE.text(f"rule.avoiding-{self.sides}", points=self.length, k=f"{self.k:g}")


def beyond(k: float = 3.0, *, name: str | None = None) -> Zone:
    """One point beyond ``k`` sigma.

    Raises
    ------
    NotPositive, NotFinite
    """
    return m_of_n(1, 1, k, name=name or f"beyond:{k:g}")


def run(points: int, *, name: str | None = None) -> Zone:
    """``points`` in a row on one side of the centre.

    Raises
    ------
    OutOfRange, NotACount
    """
    return Zone(name or f"run:{points}", *(_length(points, 1),) * 2, 0.0)


def m_of_n(m: int, n: int, k: float, *, name: str | None = None) -> Zone:
    """``m`` of the last ``n`` points beyond ``k`` sigma on the same side, the latest among them.

    Raises
    ------
    OutOfRange, NotACount, NotPositive, NotFinite
    """
    n = _length(n, 1)
    if not 1 <= m <= n:
        raise OutOfRange(name="m", value=m, low=1, high=n)
    return Zone(name or f"{m}of{n}:{k:g}", m, n, positive(k, "k"))


def trend(points: int, *, name: str | None = None) -> Trend:
    """``points`` in a row that all rise or all fall; six points have five differences.

    Raises
    ------
    OutOfRange, NotACount
    """
    return Trend(name or f"trend:{points}", _length(points, 2))


def alternating(points: int, *, name: str | None = None) -> Alternating:
    """``points`` in a row that go up and down in turn.

    Raises
    ------
    OutOfRange, NotACount
    """
    return Alternating(name or f"alternating:{points}", _length(points, 3))


def hugging(points: int, k: float = 1.0, *, name: str | None = None) -> Hugging:
    """``points`` in a row within ``k`` sigma.

    Raises
    ------
    OutOfRange, NotACount, NotPositive, NotFinite
    """
    return Hugging(name or f"hugging:{points}:{k:g}", _length(points, 1), positive(k, "k"))


def avoiding(points: int, k: float = 1.0, sides: Sides = "both", *, name: str | None = None) -> Avoiding:
    """``points`` in a row beyond ``k`` sigma, with some on each side (``both``) or not (``either``).

    Raises
    ------
    OutOfRange, NotACount, NotPositive, NotFinite, UnknownOption
    """
    sides = one_of(sides, SIDES, "sides")
    return Avoiding(
        name or f"avoiding:{points}:{k:g}:{sides}",
        _length(points, 2 if sides == "both" else 1),
        positive(k, "k"),
        sides,
    )


def _length(points: int, least: int) -> int:
    if int(points) != points:
        raise NotACount(name="points", index=0, value=points)
    if not least <= points <= LONGEST:
        raise OutOfRange(name="points", value=points, low=least, high=LONGEST)
    return int(points)
