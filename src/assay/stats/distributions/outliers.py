"""Outlier tests and rules: Grubbs, Dixon, generalised ESD, Tukey's fences, median absolute deviation.

A flagged value is a question to the process, not a reason to delete it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from assay.stats.arrays import Floats, between, one_of, positive, vector
from assay.stats.distributions.dixon import critical as dixon_critical
from assay.stats.distributions.dixon import exceedance as dixon_exceedance
from assay.stats.distributions.dixon import ratio_of
from assay.stats.distributions.errors import TooManyPoints
from assay.stats.errors import ConstantData
from assay.stats.result import Result

if TYPE_CHECKING:
    from assay.stats.plot.spec import Plot

Side = Literal["two", "high", "low"]
SIDES: tuple[Side, ...] = ("two", "high", "low")


@dataclass(frozen=True, kw_only=True)
class OutlierTest(Result):
    """Which values are outliers, and by what."""

    test: str
    outliers: tuple[int, ...]
    """0-based indices of the values found to be outliers."""
    values: Floats
    """The tested values, ``(N,)``."""
    alpha: float | None = None
    side: Side = "two"
    statistic: float | None = None
    """The test statistic of the most extreme value."""
    critical: float | None = None
    """Above it, that value is an outlier."""
    p_value: float | None = None
    suspect: int | None = None
    """0-based index of the most extreme value."""
    low: float | None = None
    """Lower fence; values below it are outliers (fences and median absolute deviation)."""
    high: float | None = None
    """Upper fence."""
    steps: tuple[Step, ...] = ()
    """The steps of a test for several outliers."""

    def plot(self) -> Plot:
        """The values in order, the outliers flagged."""
        from assay.stats.distributions.picture import outlier_plot

        return outlier_plot(self)


@dataclass(frozen=True)
class Step:
    """One step of the generalised ESD test: the value taken out and its statistic."""

    index: int
    value: float
    statistic: float
    critical: float


def grubbs(values: ArrayLike, *, alpha: float = 0.05, side: Side = "two") -> OutlierTest:
    """Grubbs' test for one outlier in a normal sample of shape ``(N,)``, N ≥ 3.

    G = max|x − x̄|/s (or the deviation of one end) against (N−1)/√N · √(t²/(N−2+t²)), t the upper α/(2N)
    (one side: α/N) point of Student's t with N − 2 degrees of freedom. The p-value is min(1, 2N · P(T > t)),
    the bound whose inverse the critical value is.

    Raises
    ------
    NotFinite, WrongShape, TooFewPoints, ConstantData, OutOfRange, UnknownOption

    Source: Grubbs (1969), Technometrics 11, 1-21; NIST/SEMATECH e-Handbook 1.3.5.17.1.
    """
    x = _sample(values, 3, "grubbs")
    between(alpha, "alpha", 1e-12, 0.5)
    one_of(side, SIDES, "side")
    n, deviation = x.size, _deviations(x, side)
    index = int(np.argmax(deviation))
    statistic = float(deviation[index])
    tests = 2 * n if side == "two" else n
    inner = max(float((n - 1) ** 2 - n * statistic**2), 0.0)
    t = np.inf if inner <= 0 else statistic * np.sqrt(n * (n - 2) / inner)
    critical = _grubbs_critical(n, alpha / tests)
    return OutlierTest(
        test="grubbs",
        outliers=(index,) if statistic > critical else (),
        values=x,
        alpha=alpha,
        side=side,
        statistic=statistic,
        critical=critical,
        p_value=float(min(1.0, tests * stats.t.sf(t, n - 2))),
        suspect=index,
    )


def dixon(values: ArrayLike, *, alpha: float = 0.05, side: Side = "two") -> OutlierTest:
    """Dixon's ratio test for one outlier in a normal sample of 3 to 30 values.

    The ratio depends on N: r10 up to 7, r11 up to 10, r21 up to 13, r22 beyond. Critical values and p-values
    are integrated from the joint distribution of the order statistics, not read from a table; for
    ``side="two"`` the end with the larger ratio is tested at α/2.

    Raises
    ------
    NotFinite, WrongShape, TooFewPoints, TooManyPoints, ConstantData, OutOfRange, UnknownOption

    Source: Dixon (1953), Biometrics 9, 74-89; two sides: Rorabacher (1991), Analytical Chemistry 63, 139-146.
    """
    x = _sample(values, 3, "dixon")
    between(alpha, "alpha", 1e-6, 0.5)
    one_of(side, SIDES, "side")
    if x.size > 30:
        raise TooManyPoints(what="dixon", count=x.size, most=30)
    order = np.argsort(x, kind="stable")
    high, low = ratio_of(x[order]), ratio_of(-x[order][::-1])
    up = side == "high" or (side == "two" and high >= low)
    statistic = high if up else low
    index = int(order[-1] if up else order[0])
    tails = 2 if side == "two" else 1
    critical = dixon_critical(x.size, alpha / tails)
    return OutlierTest(
        test="dixon",
        outliers=(index,) if statistic > critical else (),
        values=x,
        alpha=alpha,
        side=side,
        statistic=statistic,
        critical=critical,
        p_value=float(min(1.0, tails * dixon_exceedance(x.size, statistic))),
        suspect=index,
    )


def generalised_esd(values: ArrayLike, most: int | None = None, *, alpha: float = 0.05) -> OutlierTest:
    """Rosner's generalised extreme studentised deviate test for up to ``most`` outliers.

    Without ``most``, up to 10, or N − 2 where that is fewer. The critical values are close from N = 25 on.

    Raises
    ------
    NotFinite, WrongShape, TooFewPoints, ConstantData, OutOfRange

    Source: Rosner (1983), Technometrics 25, 165-172; NIST/SEMATECH e-Handbook 1.3.5.17.3.
    """
    x = _sample(values, 3, "generalised_esd")
    between(alpha, "alpha", 1e-12, 0.5)
    most = min(10, x.size - 2) if most is None else most
    between(most, "most", 1, x.size - 2)
    n, left, steps = x.size, np.arange(x.size), []
    for taken in range(1, most + 1):
        rest = x[left]
        if rest.min() == rest.max():
            break
        deviation = _deviations(rest, "two")
        worst = int(np.argmax(deviation))
        size = n - taken + 1
        steps.append(
            Step(
                int(left[worst]),
                float(rest[worst]),
                float(deviation[worst]),
                _grubbs_critical(size, alpha / (2 * size)),
            )
        )
        left = np.delete(left, worst)
    count = max((place for place, step in enumerate(steps, 1) if step.statistic > step.critical), default=0)
    return OutlierTest(
        test="generalised_esd",
        outliers=tuple(sorted(step.index for step in steps[:count])),
        values=x,
        alpha=alpha,
        steps=tuple(steps),
    )


def tukey_fences(
    values: ArrayLike, k: float = 1.5, *, quartiles: Literal["linear", "hinges"] = "linear"
) -> OutlierTest:
    """Values beyond Q1 − k·IQR or Q3 + k·IQR.

    ``quartiles`` are interpolated ``linear``-ly (numpy, R type 7) or are Tukey's ``hinges``, the medians of
    the two halves with the median in both.

    Raises
    ------
    NotFinite, WrongShape, TooFewPoints, NotPositive, UnknownOption

    Source: Tukey (1977), *Exploratory Data Analysis*, ch. 2.
    """
    x = vector(values, least=4, what="tukey_fences")
    positive(k, "k")
    if one_of(quartiles, ("linear", "hinges"), "quartiles") == "linear":
        q1, q3 = np.quantile(x, [0.25, 0.75])
    else:
        half = (x.size + 1) // 2
        q1, q3 = np.median(np.sort(x)[:half]), np.median(np.sort(x)[-half:])
    low, high = float(q1 - k * (q3 - q1)), float(q3 + k * (q3 - q1))
    return _fenced("tukey_fences", x, low, high)


def median_deviation(values: ArrayLike, cutoff: float = 3.5) -> OutlierTest:
    """Values whose modified z score 0.6745·|x − median|/MAD is above ``cutoff``.

    Raises
    ------
    NotFinite, WrongShape, TooFewPoints, NotPositive
    ConstantData
        More than half of the values are the same: the median absolute deviation is 0.

    Source: Iglewicz & Hoaglin (1993), *How to Detect and Handle Outliers*, ASQC vol. 16.
    """
    x = vector(values, least=3, what="median_deviation")
    positive(cutoff, "cutoff")
    middle = float(np.median(x))
    spread = float(np.median(np.abs(x - middle)))
    if spread == 0:
        raise ConstantData(name="values", count=int((x == middle).sum()), value=middle)
    reach = cutoff * spread / 0.6745
    return _fenced("median_deviation", x, middle - reach, middle + reach)


def _fenced(test: str, x: Floats, low: float, high: float) -> OutlierTest:
    found = np.flatnonzero((x < low) | (x > high))
    return OutlierTest(test=test, outliers=tuple(map(int, found)), values=x, low=low, high=high)


def _sample(values: ArrayLike, least: int, what: str) -> Floats:
    x = vector(values, least=least, what=what)
    if x.min() == x.max():
        raise ConstantData(name="values", count=x.size, value=float(x[0]))
    return x


def _deviations(x: Floats, side: Side) -> Floats:
    z = (x - x.mean()) / x.std(ddof=1)
    return np.asarray(np.abs(z) if side == "two" else z if side == "high" else -z)


def _grubbs_critical(n: int, tail: float) -> float:
    t2 = float(stats.t.isf(tail, n - 2)) ** 2
    return float((n - 1) / np.sqrt(n) * np.sqrt(t2 / (n - 2 + t2)))
