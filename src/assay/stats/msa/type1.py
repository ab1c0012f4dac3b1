"""Type 1 study: one part of known value, measured many times by one operator on one gauge."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from assay.stats.arrays import Floats, between, numbers, ordered, positive, vector
from assay.stats.errors import ConstantData, NoLimits
from assay.stats.msa.errors import ReferenceOutsideTolerance, ToleranceTwice
from assay.stats.msa.intervals import Interval
from assay.stats.plot import Plot
from assay.stats.result import Result


@dataclass(frozen=True)
class ObservedBias(Result):
    """How far the mean of repeated measurements is from the reference; one measurement is enough."""

    n: int
    reference: float
    mean: float
    bias: float
    percent_bias: float | None
    """|bias| over the tolerance; None without one."""
    tolerance: float | None


@dataclass(frozen=True, kw_only=True)
class Type1(Result):
    """A type 1 gauge study: capability of the gauge against one reference part."""

    n: int
    reference: float
    tolerance: float
    mean: float
    bias: float
    percent_bias: float
    """|bias| over the tolerance."""
    standard_deviation: float
    study_variation: float
    """``multiplier`` standard deviations."""
    cg: float
    cg_interval: Interval
    cgk: float
    percent_repeatability: float
    """%Var(repeatability): ``percent``/Cg."""
    percent_repeatability_bias: float
    """%Var(repeatability and bias): ``percent``/Cgk, negative with Cgk (JASP); inf where it is 0."""
    t: float
    df: int
    p: float
    """Two-sided p of the bias against 0."""
    bias_interval: Interval
    lower_limit: float
    """Reference minus half of ``percent`` of the tolerance."""
    upper_limit: float
    resolution: float | None
    percent_resolution: float | None
    """Resolution over the tolerance; at most 5 is asked for."""
    least_capability: float
    capable: bool
    """Cg and Cgk reach ``least_capability``; the resolution, if given, is at most 5 % of the tolerance."""
    percent: float
    multiplier: float
    confidence: float
    _values: Floats = field(repr=False, compare=False)

    def plot(self) -> Plot:
        """Run chart of the measurements with reference and the limits Cg is about."""
        from assay.stats.msa.pictures import type1_picture

        return type1_picture(self, self._values)


def observed_bias(values: ArrayLike, *, reference: float, tolerance: float | None = None) -> ObservedBias:
    """The bias alone, without a statement about its certainty: ``values`` of shape ``(N,)``, N ≥ 1.

    Raises
    ------
    NotFinite, NotNumeric, TooFewPoints, NotPositive
    """
    measured = vector(values)
    aim = float(numbers(reference, "reference"))
    width = None if tolerance is None else positive(tolerance, "tolerance")
    bias = float((measured - aim).mean())
    return ObservedBias(
        n=measured.size,
        reference=aim,
        mean=float(measured.mean()),
        bias=bias,
        percent_bias=None if width is None else 100 * abs(bias) / width,
        tolerance=width,
    )


def type1(
    values: ArrayLike,
    *,
    reference: float,
    tolerance: float | None = None,
    lsl: float | None = None,
    usl: float | None = None,
    resolution: float | None = None,
    percent: float = 20.0,
    multiplier: float = 6.0,
    least_capability: float = 1.33,
    confidence: float = 0.95,
) -> Type1:
    """Cg and Cgk of repeated measurements of one reference part.

    ``Cg = (percent/100 · T)/(multiplier · s)`` and
    ``Cgk = (percent/200 · T − |x̄ − reference|)/(multiplier/2 · s)``. Source: VDA 5, 3rd ed., annex on Cg and
    Cgk; Dietrich & Schulze, *Measurement Process Qualification*, ch. 5; the defaults, 20 % and 6 s, are
    Minitab's and JASP's; Bosch's booklet 10 has the same.

    Parameters
    ----------
    values
        Shape ``(N,)``, at least 2 (studies usually take 25 to 50), in the order they were measured.
    reference
        The known value of the part, inside the limits when these are given.
    tolerance, lsl, usl
        The tolerance's width, or both limits. One limit has no width, so Cg doesn't exist: give the tolerance
        agreed for it.
    resolution
        Smallest step of the gauge.
    percent, multiplier
        Share of the tolerance that the gauge may use (20; 15 is common too) and spread (6; 4 is common too).
    least_capability
        What Cg and Cgk have to reach.

    Raises
    ------
    NotFinite, NotNumeric, TooFewPoints, ConstantData, NotPositive, NoLimits, LimitsReversed,
    ReferenceOutsideTolerance
    """
    measured = vector(values, least=2, what="type1")
    spread, share = positive(multiplier, "multiplier"), between(percent, "percent", 1e-9, 100.0)
    between(confidence, "confidence", 0.5, 0.9999)
    least = positive(least_capability, "least_capability")
    aim = float(numbers(reference, "reference"))
    width = tolerance_width(tolerance, lsl, usl, aim, "type1")
    if measured.min() == measured.max():
        raise ConstantData(name="values", count=measured.size, value=float(measured[0]))
    observed = observed_bias(measured, reference=aim, tolerance=width)
    n, bias, sd = measured.size, observed.bias, float(measured.std(ddof=1))
    error = sd / math.sqrt(n)
    room = share / 200 * width
    cg, cgk = 2 * room / (spread * sd), (room - abs(bias)) / (spread / 2 * sd)
    tail = (1 - confidence) / 2
    chi = np.sqrt(stats.chi2.ppf([tail, 1 - tail], n - 1) / (n - 1))
    half = float(stats.t.ppf(1 - tail, n - 1)) * error
    step = None if resolution is None else positive(resolution, "resolution")
    return Type1(
        n=n,
        reference=aim,
        tolerance=width,
        mean=observed.mean,
        bias=bias,
        percent_bias=100 * abs(bias) / width,
        standard_deviation=sd,
        study_variation=spread * sd,
        cg=cg,
        cg_interval=Interval(cg * float(chi[0]), cg * float(chi[1])),
        cgk=cgk,
        percent_repeatability=share / cg,
        percent_repeatability_bias=share / cgk if cgk != 0 else math.inf,
        t=bias / error,
        df=n - 1,
        p=float(2 * stats.t.sf(abs(bias) / error, n - 1)),
        bias_interval=Interval(bias - half, bias + half),
        lower_limit=aim - room,
        upper_limit=aim + room,
        resolution=step,
        percent_resolution=None if step is None else 100 * step / width,
        least_capability=least,
        capable=min(cg, cgk) >= least and (step is None or step <= 0.05 * width),
        percent=share,
        multiplier=spread,
        confidence=confidence,
        _values=measured,
    )


def tolerance_width(
    tolerance: float | None, lsl: float | None, usl: float | None, reference: float | None, what: str
) -> float:
    """The width of a tolerance given as such or by both limits, with the reference inside.

    Raises
    ------
    NotPositive, NotFinite, LimitsReversed, NoLimits, ToleranceTwice, ReferenceOutsideTolerance
    """
    ordered(lsl, usl)
    if reference is not None and (
        (lsl is not None and reference < lsl) or (usl is not None and reference > usl)
    ):
        raise ReferenceOutsideTolerance(reference=reference, low=lsl, high=usl)
    if tolerance is not None:
        if lsl is not None and usl is not None:
            raise ToleranceTwice(tolerance=tolerance, other=f"lsl = {lsl}, usl = {usl}")
        return positive(tolerance, "tolerance")
    if lsl is None or usl is None:
        raise NoLimits(what=what)
    return usl - lsl
