"""Bias of a gauge by the independent sample method."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cache
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, special, stats

from assay.stats.arrays import Floats, between, numbers, one_of, positive, vector
from assay.stats.constants import d2
from assay.stats.errors import ConstantData
from assay.stats.msa.average_range import d2_star
from assay.stats.msa.intervals import Interval
from assay.stats.plot import Plot
from assay.stats.result import Result


@dataclass(frozen=True, kw_only=True)
class Bias(Result):
    """The bias of a gauge, whether it differs from 0, and how large it is beside the process or tolerance."""

    n: int
    reference: float
    mean: float
    bias: float
    method: str
    repeatability: float
    """Standard deviation of one measurement."""
    standard_error: float
    df: float
    t: float
    p: float
    bias_interval: Interval
    acceptable: bool
    """Whether 0 is within the interval."""
    percent_process: float | None
    """|bias| over the process variation; None without it."""
    percent_tolerance: float | None
    percent_repeatability: float | None
    """%EV: repeatability over the process standard deviation (a sixth of the variation); None without it."""
    confidence: float
    _values: Floats = field(repr=False, compare=False)

    def plot(self) -> Plot:
        """Run chart of the measurements with the reference and the interval of the mean."""
        from assay.stats.msa.pictures import bias_picture

        return bias_picture(self, self._values)


@cache
def range_degrees_of_freedom(size: int, groups: int = 1) -> float:
    """Degrees of freedom of R̄/d2* for ``groups`` ranges of ``size`` values.

    The χ whose mean relative to its root mean square is d2/d2*, as that of R̄ is (Patnaik 1950, Biometrika
    37, 78-87); AIAG, *MSA*, 4th ed., appendix C, prints it with one decimal.
    """
    ratio = math.log(d2(size) / d2_star(size, groups))

    def gap(df: float) -> float:
        log_c4 = 0.5 * math.log(2 / df) + special.gammaln((df + 1) / 2) - special.gammaln(df / 2)
        return float(log_c4) - ratio

    return float(optimize.brentq(gap, 0.1, 1e6))


class Spread(NamedTuple):
    """A standard deviation with its degrees of freedom."""

    sigma: float
    df: float
    shrink: float = 1.0
    """What the half width of the interval is multiplied by: d2/d2* where sigma is a range over d2*."""


def range_spread(mean_range: float, size: int, groups: int) -> Spread:
    """R̄/d2* of ``groups`` ranges of ``size`` values, with the degrees of freedom of AIAG's appendix C."""
    divisor = d2_star(size, groups)
    return Spread(mean_range / divisor, range_degrees_of_freedom(size, groups), d2(size) / divisor)


def judged(
    measured: Floats,
    reference: float,
    spread: Spread,
    count: int,
    method: str,
    *,
    process_variation: float | None,
    tolerance: float | None,
    confidence: float,
) -> Bias:
    """The bias of the mean of ``measured``, whose standard error is that of ``count`` measurements."""
    shift = float((measured - reference).mean())
    error = spread.sigma / math.sqrt(count)
    half = spread.shrink * float(stats.t.ppf(0.5 + confidence / 2, spread.df)) * error
    process = None if process_variation is None else positive(process_variation, "process_variation")
    width = None if tolerance is None else positive(tolerance, "tolerance")
    return Bias(
        n=measured.size,
        reference=reference,
        mean=float(measured.mean()),
        bias=shift,
        method=method,
        repeatability=spread.sigma,
        standard_error=error,
        df=spread.df,
        t=shift / error,
        p=float(2 * stats.t.sf(abs(shift) / error, spread.df)),
        bias_interval=Interval(shift - half, shift + half),
        acceptable=abs(shift) <= half,
        percent_process=None if process is None else 100 * abs(shift) / process,
        percent_tolerance=None if width is None else 100 * abs(shift) / width,
        percent_repeatability=None if process is None else 600 * spread.sigma / process,
        confidence=confidence,
        _values=measured,
    )


def bias(
    values: ArrayLike,
    *,
    reference: float,
    method: Literal["sd", "range"] = "sd",
    process_variation: float | None = None,
    tolerance: float | None = None,
    confidence: float = 0.95,
) -> Bias:
    """Whether the mean of repeated measurements of one part differs from its reference value.

    Source: AIAG, *MSA*, 4th ed., III.B, independent sample method. ``sd`` takes the repeatability from the
    standard deviation with n − 1 degrees of freedom; ``range`` from (max − min)/d2* with the degrees of
    freedom of appendix C, and its interval is bias ± (d2/d2*)·t·σ_b as printed there.

    Parameters
    ----------
    values
        Shape ``(N,)``, at least 2; AIAG asks for 10 or more.
    process_variation
        Six standard deviations of the process, to compare with.

    Raises
    ------
    NotFinite, NotNumeric, TooFewPoints, ConstantData, NotPositive, OutOfRange, UnknownOption
    """
    measured = vector(values, least=2, what="bias")
    aim = float(numbers(reference, "reference"))
    one_of(method, ("sd", "range"), "method")
    between(confidence, "confidence", 0.5, 0.9999)
    if measured.min() == measured.max():
        raise ConstantData(name="values", count=measured.size, value=float(measured[0]))
    n = measured.size
    if method == "sd":
        spread = Spread(float(measured.std(ddof=1)), float(n - 1))
    else:
        spread = range_spread(float(np.ptp(measured)), n, 1)
    return judged(
        measured,
        aim,
        spread,
        n,
        method,
        process_variation=process_variation,
        tolerance=tolerance,
        confidence=confidence,
    )
