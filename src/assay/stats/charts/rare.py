"""Charts of rare events: g for the cases between them, t for the time between them.

Sources: Benneyan 2001, Health Care Management Science 4, 305-318 (g); Montgomery, *Introduction to
Statistical Quality Control*, 8th ed. 2020, section 7.3 (time between events); Nelson 1994, J. Quality
Technology 26, 239-240 (the power 1/3.6).
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal, Unpack

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.special import ndtr, zeta

from assay.stats import arrays
from assay.stats.arrays import Floats, one_of, positive, vector
from assay.stats.charts.assemble import Constant, Estimate, Lines, assemble, asymmetric, symmetric
from assay.stats.charts.attributes import RULES
from assay.stats.charts.chart import ControlChart
from assay.stats.charts.individuals import single
from assay.stats.charts.kind import kind
from assay.stats.charts.live import Form, OneEvent, TransformedValue
from assay.stats.charts.options import Common, Options
from assay.stats.charts.phases import Stretch
from assay.stats.errors import ConstantData, NotPositive, OutOfRange, UnknownOption

GLimits = Literal["sigma", "probability"]
GVariance = Literal["geometric", "shifted"]
TLimits = Literal["weibull", "exponential", "nelson"]
LARGEST_LOG = 709.0
"""About the logarithm of the largest float."""
POWER = 1 / 3.6
"""Nelson's power: it makes exponential times nearly normal."""


def g(
    values: ArrayLike,
    *,
    limits: GLimits = "sigma",
    variance: GVariance | None = None,
    **options: Unpack[Common],
) -> ControlChart:
    """g chart: cases (or days) between rare events.

    Parameters
    ----------
    values
        ``(m,)`` whole numbers of cases without the event between one event and the next; 0 when they follow
        each other.
    limits
        ``"sigma"`` for mean ± 3 standard deviations (Benneyan), ``"probability"`` for quantiles of the
        geometric distribution with its median as centre.
    variance
        ``"geometric"`` is x̄(x̄ + 1), right for counts that start at 0. ``"shifted"`` is x̄(x̄ − 1), for counts
        that include the event itself and start at 1; R's qcc takes it always. By default ``"geometric"``, and
        ``"shifted"`` with ``constants="tabled"``.
    options
        See :class:`~assay.stats.charts.options.Common`; ``center`` is the historical mean number of cases.

    Raises
    ------
    NotFinite, NotNumeric, WrongShape, TooFewPoints, NegativeCount, NotACount, ConstantData, OutOfRange,
    UnknownOption, NoSuchPoint, NoPhase1

    Notes
    -----
    A point above the upper limit is an event that stayed away long: an improvement. The lower limit is not
    below 0, that of probability limits of shifted counts not below 1.
    """
    settings = Options(**options)
    if settings.sigma is not None:
        raise UnknownOption(name="sigma", value=settings.sigma, known="center")
    one_of(limits, ("sigma", "probability"), "limits")
    default: GVariance = "shifted" if settings.constants == "tabled" else "geometric"
    least = one_of(variance or default, ("geometric", "shifted"), "variance") == "shifted"
    found = arrays.counts(values)
    phases = settings.plan(found.size, estimates=settings.center is None)
    means = [_mean(found, stretch, settings, float(least)) for stretch in phases.stretches]
    estimates = [_geometric(mean, float(least), limits, settings.width) for mean in means]
    rules = settings.chosen(RULES)
    p = f"x̄(x̄ {'−' if least else '+'} 1)"
    said = (
        f"x̄ ± {settings.width:.6g}·√({p})"
        if limits == "sigma"
        else f"F⁻¹(½), F⁻¹({_tail(settings.width):.5g})"
    )
    return assemble(
        "g",
        found,
        estimates,
        phases,
        settings,
        rules=rules,
        labels=settings.names(found.size),
        estimator="geometric" if settings.center is None else "given",
        formula=said if len(means) > 1 else f"{said}; x̄ = {means[0]:.6g}",
        live=Form(OneEvent(whole=True, zero=True), (estimates[-1],), (rules,)),
    )


def _mean(found: Floats, stretch: Stretch, settings: Options, least: float) -> float:
    chosen = found[stretch.estimating]
    mean = settings.center if settings.center is not None else float(chosen.mean())
    if mean > least:
        return mean
    if settings.center is None and chosen.min() == chosen.max():
        raise ConstantData(name="values", count=chosen.size, value=mean)
    name = "mean" if settings.center is None else "center"
    raise OutOfRange(name=name, value=mean, low=least, high=math.inf)


def _geometric(mean: float, least: float, limits: GLimits, width: float) -> Constant:
    deviation = math.sqrt((mean - least) * (mean - least + 1.0))
    if limits == "sigma":
        return Constant(symmetric(mean, deviation, width, low=0.0), deviation)
    # Chance of no event in a case is q; F(x) = 1 − q^(x − least + 1).
    log_q = math.log1p(-1.0 / (mean - least + 1.0))
    tail = _tail(width)

    def quantile(share: float) -> float:
        return least + max(0.0, math.ceil(math.log1p(-share) / log_q - 1e-12) - 1.0)

    lower = least + math.floor(math.log1p(-tail) / log_q + 1e-12)
    return Constant(asymmetric(quantile(0.5), lower, quantile(1.0 - tail)), deviation)


def t(
    values: ArrayLike,
    *,
    limits: TLimits = "weibull",
    shape: float | None = None,
    scale: float | None = None,
    power: float = POWER,
    **options: Unpack[Common],
) -> ControlChart:
    """t chart: time between rare events.

    Parameters
    ----------
    values
        ``(m,)`` times between one event and the next, in any unit.
    limits
        ``"weibull"`` for quantiles of a Weibull distribution fitted by maximum likelihood, ``"exponential"``
        for those of an exponential one, with the median as centre; ``"nelson"`` for an I-MR chart of
        x^(1/3.6), which is plotted instead of the times.
    shape, scale
        Historical Weibull (or, scale alone, exponential) parameters; what is given is not estimated.
    power
        The power for ``"nelson"``.
    options
        See :class:`~assay.stats.charts.options.Common`; ``center`` and ``sigma`` are for ``"nelson"``, of the
        transformed times.

    Raises
    ------
    NotFinite, NotNumeric, WrongShape, TooFewPoints, OutOfRange, NotPositive, ConstantData, UnknownOption,
    NoSuchPoint, NoPhase1

    Notes
    -----
    Quantiles at Φ(−3), ½ and Φ(3): a limit is crossed as often as a three-sigma limit of normal values.
    Times of 0 are refused by the Weibull fit, whose likelihood has no maximum then.
    """
    settings = Options(**options)
    one_of(limits, ("weibull", "exponential", "nelson"), "limits")
    found = vector(values, least=2, what="t")
    _refuse_times(found, zero=limits != "weibull")
    if limits == "nelson":
        return _nelson(found, settings, positive(power, "power"))
    for name, value in (("center", settings.center), ("sigma", settings.sigma)):
        if value is not None:
            raise UnknownOption(name=name, value=value, known="shape, scale")
    if limits == "exponential":
        shape = 1.0
    known = None if shape is None else positive(shape, "shape")
    size = None if scale is None else positive(scale, "scale")
    phases = settings.plan(found.size, estimates=known is None or size is None)
    fits = [weibull(found[stretch.estimating], known, size) for stretch in phases.stretches]
    estimates = [_lifetime(*fit, settings.width) for fit in fits]
    rules = settings.chosen(RULES)
    said = f"F⁻¹(½), F⁻¹({_tail(settings.width):.5g}), F⁻¹({1 - _tail(settings.width):.5g})"
    if len(fits) == 1:
        said += f"; k = {fits[0][0]:.6g}, λ = {fits[0][1]:.6g}"
    return assemble(
        "t",
        found,
        estimates,
        phases,
        settings,
        rules=rules,
        labels=settings.names(found.size),
        estimator="given" if known is not None and size is not None else limits,
        formula=said,
        live=Form(OneEvent(whole=False, zero=limits != "weibull"), (estimates[-1],), (rules,)),
    )


def _nelson(found: Floats, settings: Options, power: float) -> ControlChart:
    chart = single(
        found**power,
        settings,
        span=2,
        estimator="mr",
        observer=TransformedValue(2, power),
        default=RULES,
    )
    return replace(chart, kind="t", title="t_nelson", formula=f"x = T^{power:.6g}; {chart.formula}")


def _refuse_times(found: Floats, *, zero: bool) -> None:
    lowest = float(found.min())
    if lowest < 0:
        raise OutOfRange(name="values", value=lowest, low=0, high=math.inf)
    if lowest == 0 and not zero:
        raise NotPositive(name="values", value=lowest)


def _tail(width: float) -> float:
    """Chance of a normal value beyond ``width`` standard deviations on one side."""
    return float(ndtr(-width))


def _lifetime(shape: float, scale: float, width: float) -> Estimate:
    tail = _tail(width)

    def quantile(log_survival: float) -> float:
        return scale * _power(-log_survival, 1.0 / shape)

    lines: Lines = asymmetric(quantile(math.log(0.5)), quantile(math.log1p(-tail)), quantile(math.log(tail)))
    return Constant(lines, scale * _deviation(shape))


def _power(base: float, power: float) -> float:
    """``base ** power``; infinite beyond the floats, where there is no limit to draw."""
    log = power * math.log(base)
    return math.exp(log) if log < LARGEST_LOG else math.inf


def _deviation(shape: float) -> float:
    """Standard deviation of a Weibull time of scale 1; infinite beyond the floats."""
    inverse = 1.0 / shape
    if inverse > 1e-3:
        first, second = math.lgamma(1 + inverse), math.lgamma(1 + 2 * inverse)
        log = 0.5 * (second + math.log(-math.expm1(2 * first - second)))
        return math.exp(log) if log < LARGEST_LOG else math.inf
    # ln Γ(1 + 2x) − 2 ln Γ(1 + x) = Σ ζ(j)(2^j − 2)(−x)^j/j, where its terms would cancel (Abramowitz &
    # Stegun 1964, 6.1.33).
    apart = sum(float(zeta(j)) * (2.0**j - 2) * (-inverse) ** j / j for j in range(2, 7))
    return math.exp(math.lgamma(1 + inverse)) * math.sqrt(math.expm1(apart))


def weibull(times: Floats, shape: float | None = None, scale: float | None = None) -> tuple[float, float]:
    """Shape and scale of a Weibull distribution by maximum likelihood; a given one stays.

    Raises
    ------
    ConstantData

    Notes
    -----
    Lawless 2003, *Statistical Models and Methods for Lifetime Data*, 2nd ed., sec. 5.2.
    """
    if shape is not None and scale is not None:
        return shape, scale
    largest = float(times.max())
    if largest == 0 or (shape is None and float(times.min()) == largest):
        raise ConstantData(name="values", count=times.size, value=largest)
    if shape is None:
        apart = _logs(times, largest)
        shape = _shape(apart, None if scale is None else math.log(scale / largest))
    if scale is None:
        scale = largest * float(((times / largest) ** shape).mean()) ** (1.0 / shape)
    return shape, scale


def _logs(times: Floats, largest: float) -> Floats:
    """Logarithms of ``times / largest``, exact where a quotient is nearly 1 and where it would be 0."""
    logs = np.log(times) - math.log(largest)
    near = times > 0.5 * largest
    logs[near] = np.log1p((times[near] - largest) / largest)
    return logs


def _shape(logs: Floats, scale: float | None) -> float:
    """The shape at which the likelihood is highest, from the logarithms of times that are at most 1."""

    def slope(shape: float) -> float:
        if scale is None:
            powers = np.exp(shape * logs)
            return float(powers @ logs / powers.sum() - logs.mean()) - 1.0 / shape
        apart = logs - scale
        with np.errstate(over="ignore"):
            # Beyond the largest number the slope is steep enough to tell on which side the answer is.
            return float((np.exp(shape * apart) * apart).mean() - apart.mean()) - 1.0 / shape

    low, high = 1e-3, 1.0
    while slope(low) > 0:
        low /= 10
    while slope(high) < 0:
        high *= 2
    return float(brentq(slope, low, high, xtol=1e-14, rtol=1e-14))


KINDS = (
    kind("g", g, "events", "limits", "variance", without=("sigma",)),
    kind("t", t, "events", "limits", "shape", "scale", "power"),
)
"""The charts of this module."""
