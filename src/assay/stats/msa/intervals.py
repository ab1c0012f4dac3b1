"""Confidence intervals of variance components and their ratios, from mean squares.

A variance component of a balanced study is a combination Σ c·MS of independent mean squares. Two methods:

- ``mls``, modified large sample: Graybill & Wang 1980 (JASA 75, 869-873) where all coefficients are positive,
  Ting, Burdick, Graybill, Jeyaratnam & Lu 1990 (J. Statist. Comput. Simul. 35, 135-143) where some are
  negative; exact when only one mean square counts. It keeps its confidence in small studies, and is what
  Burdick, Borror & Montgomery 2005 (*Design and Analysis of Gauge R&R Studies*, ASA-SIAM) use throughout.
- ``satterthwaite``: a χ² with approximate degrees of freedom (Satterthwaite 1946, Biometrics Bull. 2,
  110-114).

Bounds below zero are zero: a variance has no other lower end.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

from scipy import optimize, stats

Method = Literal["mls", "satterthwaite"]
METHODS: tuple[Method, ...] = ("mls", "satterthwaite")


class Interval(NamedTuple):
    """A confidence interval; an end that doesn't exist is ``inf``."""

    low: float
    high: float


def around(interval: Interval, estimate: float) -> Interval:
    """The interval, reaching as far as its estimate: components set to zero move that, but not the bounds."""
    return Interval(min(interval.low, estimate), max(interval.high, estimate))


class Square(NamedTuple):
    """A mean square with its degrees of freedom and its coefficient."""

    coefficient: float
    ms: float
    df: int

    @property
    def part(self) -> float:
        """What it adds to the sum."""
        return self.coefficient * self.ms


def variance_interval(squares: Sequence[Square], confidence: float, method: Method = "mls") -> Interval:
    """The interval of Σ c·MS, ends below zero set to zero."""
    kept = [square for square in squares if square.coefficient != 0]
    alpha = 1 - confidence
    if method == "satterthwaite":
        low, high = _satterthwaite(kept, alpha)
    else:
        low, high = (
            _lower(kept, alpha),
            -_lower([square._replace(coefficient=-square.coefficient) for square in kept], alpha),
        )
    return Interval(max(low, 0.0), max(high, 0.0))


def _satterthwaite(squares: Sequence[Square], alpha: float) -> tuple[float, float]:
    total = math.fsum(square.part for square in squares)
    weight = math.fsum(square.part**2 / square.df for square in squares)
    if total <= 0 or weight == 0:
        return 0.0, 0.0
    df = total**2 / weight
    return df * total / float(stats.chi2.ppf(1 - alpha / 2, df)), df * total / float(
        stats.chi2.ppf(alpha / 2, df)
    )


@lru_cache(maxsize=1024)
def _g(df: float, alpha: float) -> float:
    return 1 - df / float(stats.chi2.ppf(1 - alpha / 2, df))


@lru_cache(maxsize=1024)
def _h(df: float, alpha: float) -> float:
    return df / float(stats.chi2.ppf(alpha / 2, df)) - 1


@lru_cache(maxsize=1024)
def _f(df: float, other: float, alpha: float) -> float:
    return float(stats.f.ppf(1 - alpha / 2, df, other))


def _lower(squares: Sequence[Square], alpha: float) -> float:
    """Lower modified-large-sample bound of Σ c·MS at ``alpha/2``."""
    plus = [square for square in squares if square.coefficient > 0]
    minus = [square for square in squares if square.coefficient < 0]
    spread = math.fsum((_g(square.df, alpha) * square.part) ** 2 for square in plus)
    spread += math.fsum((_h(square.df, alpha) * square.part) ** 2 for square in minus)
    for one in plus:
        for other in minus:
            f = _f(one.df, other.df, alpha)
            crossed = ((f - 1) ** 2 - (_g(one.df, alpha) * f) ** 2 - _h(other.df, alpha) ** 2) / f
            spread -= crossed * one.part * other.part
    if minus and len(plus) > 1:
        spread += _among(plus, alpha)
    return math.fsum(square.part for square in squares) - math.sqrt(max(spread, 0.0))


def _among(plus: Sequence[Square], alpha: float) -> float:
    """What pairs of positive terms add when there are negative ones too."""
    found = 0.0
    for place, one in enumerate(plus):
        for other in plus[place + 1 :]:
            both = one.df + other.df
            crossed = _g(both, alpha) ** 2 * both**2 / (one.df * other.df)
            crossed -= (
                _g(one.df, alpha) ** 2 * one.df / other.df + _g(other.df, alpha) ** 2 * other.df / one.df
            )
            found += crossed / (len(plus) - 1) * one.part * other.part
    return found


def share_interval(of: Sequence[Square], total: Sequence[Square], confidence: float) -> Interval:
    """The interval of a component's share of the total, in 0 … 1.

    Found by inversion: the shares ρ for which the modified large sample interval of
    (component − ρ·total) holds zero (Burdick & Graybill 1992, *Confidence Intervals on Variance
    Components*, 3.4).
    """
    alpha = 1 - confidence

    def over(rho: float) -> list[Square]:
        merged: dict[tuple[float, int], float] = {}
        for square in of:
            merged[square.ms, square.df] = merged.get((square.ms, square.df), 0.0) + square.coefficient
        for square in total:
            merged[square.ms, square.df] = merged.get((square.ms, square.df), 0.0) - rho * square.coefficient
        return [Square(coefficient, ms, df) for (ms, df), coefficient in merged.items() if coefficient]

    def lower(rho: float) -> float:
        return _lower(over(rho), alpha)

    def upper(rho: float) -> float:
        return -_lower([square._replace(coefficient=-square.coefficient) for square in over(rho)], alpha)

    low = 0.0 if lower(0.0) <= 0 else _root(lower)
    high = 0.0 if upper(0.0) <= 0 else _root(upper)
    return Interval(low, high)


def _root(bound: Callable[[float], float]) -> float:
    if bound(1.0) >= 0:
        return 1.0
    return float(optimize.brentq(bound, 0.0, 1.0, xtol=1e-12))


def signal_interval(
    part: Square,
    noise: Square,
    error: Square,
    operator: Square | None,
    *,
    shape: tuple[int, int, int],
    confidence: float,
) -> Interval:
    """The interval of γ_P/γ_M, part variance over measurement variance.

    Crossed, of shape ``(p, o, r)``: modified large sample bounds of Burdick, Borror & Montgomery 2003
    (J. Quality Technology 35, 342-354), where ``noise`` is the interaction, or the pooled repeatability when
    the interaction isn't in the model. Without operators the F ratio is exact.
    """
    p, o, r = shape
    tail = (1 - confidence) / 2

    def bound(q: float) -> float:
        beyond = float(stats.f.ppf(q, part.df, noise.df))
        if operator is None:
            return max((part.ms / (beyond * noise.ms) - 1) / r, 0.0)
        alone = float(stats.chi2.ppf(q, part.df)) / part.df
        top = p * (part.ms - beyond * noise.ms)
        bottom = o * (p * (r - 1) * error.ms + (p - 1) * noise.ms) * alone
        bottom += o * float(stats.f.ppf(q, part.df, operator.df)) * operator.ms
        return max(top / bottom, 0.0)

    return Interval(bound(1 - tail), bound(tail))
