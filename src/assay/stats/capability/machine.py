"""Machine capability: short-term performance of one machine under steady conditions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from assay.stats import sigma as estimators
from assay.stats.arrays import Floats, between, positive
from assay.stats.capability.indices import Interval, Uncertainty, indices, intervals, lower_bounds
from assay.stats.capability.nonconformance import Nonconformance, expected, observed
from assay.stats.capability.nonnormal import nonnormal
from assay.stats.capability.process import Remark, arranged, remark
from assay.stats.capability.specification import check_natural, specification
from assay.stats.distributions.fit import Fit, fit
from assay.stats.distributions.normality import NormalityTest, normality
from assay.stats.result import Result

if TYPE_CHECKING:
    from assay.stats.plot.spec import Plot

USUAL = 50
"""Parts made in one run that a machine study asks for (ISO 22514-3, 5)."""
_NAMES = {"width": "cm", "low": "cml", "high": "cmu", "worst": "cmk"}


@dataclass(frozen=True, kw_only=True)
class MachineCapability(Result):
    """C_m and C_mk (P_m and P_mk in ISO 22514-3) of parts made in one run."""

    n: int
    mean: float
    sd: float
    lsl: float | None
    usl: float | None
    target: float | None
    tolerance: float
    """Length of the reference interval in standard deviations."""
    distribution: str
    """``normal``: by mean and standard deviation; any other: by its quantiles."""
    cm: float | None
    cml: float | None
    cmu: float | None
    cmk: float
    intervals: dict[str, Interval]
    """Two-sided intervals of a normal machine; empty for another distribution."""
    lower_bounds: dict[str, float]
    confidence: float
    observed: Nonconformance
    expected: Nonconformance
    normality: NormalityTest
    trend_p: float
    """p-value of Spearman's rank correlation of the values with their order."""
    fit: Fit
    remarks: tuple[Remark, ...]
    _values: Floats = field(repr=False, compare=False)

    @property
    def values(self) -> Floats:
        """The values behind the result, ``(N,)``."""
        return self._values

    def plot(self) -> Plot:
        """The values in the order they were made, and their histogram with the limits."""
        from assay.stats.capability.picture import machine_plot

        return machine_plot(self)


def machine(
    values: ArrayLike,
    *,
    lsl: float | None = None,
    usl: float | None = None,
    target: float | None = None,
    natural_low: float | None = None,
    natural_high: float | None = None,
    distribution: str = "normal",
    k: float = 6.0,
    confidence: float = 0.95,
) -> MachineCapability:
    """Machine capability of values in the order they were made.

    Parameters
    ----------
    values
        Shape ``(N,)``, in the order of production; 50 or more are usual.
    distribution
        ``normal``: C_m = (U−L)/(k·s), C_mk = min(x̄−L, U−x̄)/(k·s/2). Any other family: by its quantiles
        X0.135 %, X50 %, X99.865 %.
    k
        Reference interval in standard deviations (6; some customers ask for 8 or 10); 6 for any distribution
        but the normal, whose interval is that of its quantiles.

    Raises
    ------
    NoLimits, LimitsReversed, TargetOutsideLimits, BeyondNaturalLimit, NotFinite, TooFewPoints, ConstantData,
    OutsideSupport, UnknownOption, OutOfRange, NotPositive

    Source: ISO 22514-3:2020; intervals as in :mod:`assay.stats.capability.indices`.
    """
    spec = specification(lsl, usl, target, natural_low, natural_high, what="capability.machine")
    between(confidence, "confidence", 0.5, 1 - 1e-9)
    positive(k, "k")
    if distribution != "normal":
        between(k, "k", 6.0, 6.0)
    x, _ = arranged(values, None, least=3)
    sd = estimators.sd(x)
    check_natural(x, spec)
    mean = float(x.mean())
    two: dict[str, Interval] = {}
    one: dict[str, float] = {}
    fitted = fit(x, distribution)
    if distribution == "normal":
        found = indices(mean, sd, spec, k)
        of = Uncertainty(x.size, x.size - 1, k, 0.0)
        two = {_NAMES[n]: ends for n, ends in intervals(found, of, confidence).items() if n in _NAMES}
        one = {_NAMES[n]: end for n, end in lower_bounds(found, of, confidence).items() if n in _NAMES}
        cm, cml, cmu = found.width, found.low, found.high
        cmk = min(side for side in (cml, cmu) if side is not None)
    else:
        by = nonnormal(x, distribution, lsl=spec.lsl, usl=spec.usl)
        cm, cml, cmu, cmk = by.pp, by.ppl, by.ppu, by.ppk
    test = normality(x)
    trend = float(stats.spearmanr(np.arange(x.size), x).pvalue)
    remarks = []
    if x.size < USUAL:
        remarks.append(remark("few-values", count=x.size))
    if trend < 0.05:
        remarks.append(remark("trend", p=f"{trend:.2g}"))
    if distribution == "normal" and not test.normal:
        remarks.append(remark("not-normal", p=f"{test.p_value:.2g}"))
    return MachineCapability(
        n=x.size,
        mean=mean,
        sd=sd,
        lsl=spec.lsl,
        usl=spec.usl,
        target=spec.target,
        tolerance=k,
        distribution=distribution,
        cm=cm,
        cml=cml,
        cmu=cmu,
        cmk=cmk,
        intervals=two,
        lower_bounds=one,
        confidence=confidence,
        observed=observed(x, spec),
        expected=expected(fitted.cdf, fitted.sf, spec),
        normality=test,
        trend_p=trend,
        fit=fitted,
        remarks=tuple(remarks),
        _values=x,
    )
