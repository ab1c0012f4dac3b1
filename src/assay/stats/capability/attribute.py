"""Capability of counts: nonconforming units (binomial) and nonconformities (Poisson)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from assay.stats.arrays import Floats, between, counts, positive, sizes, within_sizes
from assay.stats.capability.indices import Interval
from assay.stats.capability.process import Remark, remark
from assay.stats.result import Result

if TYPE_CHECKING:
    from assay.stats.plot.spec import Plot


@dataclass(frozen=True, kw_only=True)
class BinomialCapability(Result):
    """Nonconforming units: their proportion with its exact interval, in %, ppm and Z."""

    samples: int
    units: float
    """Units inspected in all."""
    defectives: float
    proportion: float
    """p̄ = Σd/Σn."""
    proportion_interval: Interval
    percent: float
    ppm: float
    ppm_interval: Interval
    z: float
    """Process Z: Φ⁻¹(1 − p̄); ``inf`` without a defective."""
    z_interval: Interval
    target: float | None
    """Wanted proportion."""
    meets_target: bool | None
    """Whether the upper limit of the interval is at or below the target; None without one."""
    confidence: float
    dispersion_p: float | None
    """p-value of the χ² test that all samples have one proportion; None for one sample."""
    cumulative: Floats
    """Proportion over the first 1, 2, … samples, ``(m,)``."""
    remarks: tuple[Remark, ...]
    _rates: Floats = field(repr=False, compare=False)

    @property
    def rates(self) -> Floats:
        """The rate of each sample, ``(m,)``."""
        return self._rates

    def plot(self) -> Plot:
        """Cumulative proportion, and the proportions of the samples."""
        from assay.stats.capability.picture import counts_plot

        return counts_plot(
            self.proportion, self.proportion_interval, self.cumulative, self.rates, self.confidence
        )


@dataclass(frozen=True, kw_only=True)
class PoissonCapability(Result):
    """Nonconformities: their number per unit (DPU) with its exact interval."""

    samples: int
    units: float
    """Units (areas of opportunity) inspected in all."""
    defects: float
    dpu: float
    """Defects per unit, Σc/Σu."""
    dpu_interval: Interval
    mean_defects: float
    """Defects per sample."""
    least_dpu: float
    """Smallest DPU of a sample."""
    largest_dpu: float
    dpmo: float | None
    """Defects per million opportunities; None without ``opportunities``."""
    yield_first_time: float
    """exp(−DPU): share of units without a defect."""
    z: float
    """Φ⁻¹ of the first-time yield."""
    target: float | None
    """Wanted DPU."""
    meets_target: bool | None
    confidence: float
    dispersion_p: float | None
    """p-value of the χ² test that all samples have one DPU; None for one sample."""
    cumulative: Floats
    """DPU over the first 1, 2, … samples, ``(m,)``."""
    remarks: tuple[Remark, ...]
    _rates: Floats = field(repr=False, compare=False)

    @property
    def rates(self) -> Floats:
        """The rate of each sample, ``(m,)``."""
        return self._rates

    def plot(self) -> Plot:
        """Cumulative DPU, and the DPU of the samples."""
        from assay.stats.capability.picture import counts_plot

        return counts_plot(self.dpu, self.dpu_interval, self.cumulative, self.rates, self.confidence)


def binomial(
    defectives: ArrayLike, size: ArrayLike, *, target: float | None = None, confidence: float = 0.95
) -> BinomialCapability:
    """Capability of nonconforming units.

    Parameters
    ----------
    defectives
        Nonconforming units of each sample, ``(m,)``.
    size
        Units inspected, ``(m,)`` or one number.
    target
        Wanted proportion, 0 … 1.

    The interval is Clopper and Pearson's (1934, Biometrika 26, 404-413); Z follows from its ends.

    Raises
    ------
    NegativeCount, NotACount, CountAboveSize, NotPositive, NotFinite, WrongShape, TooFewPoints, OutOfRange
    """
    d = counts(defectives, "defectives")
    n = sizes(size, d, "size")
    within_sizes(d, n)
    between(confidence, "confidence", 0.5, 1 - 1e-9)
    if target is not None:
        between(target, "target", 0.0, 1.0)
    bad, units, alpha = float(d.sum()), float(n.sum()), 1 - confidence
    p = bad / units
    ends = Interval(
        0.0 if bad == 0 else float(stats.beta.ppf(alpha / 2, bad, units - bad + 1)),
        1.0 if bad == units else float(stats.beta.isf(alpha / 2, bad + 1, units - bad)),
    )
    test = None
    if d.size > 1 and 0 < p < 1:
        test = float(stats.chi2.sf(np.sum((d - n * p) ** 2 / (n * p * (1 - p))), d.size - 1))
    return BinomialCapability(
        samples=d.size,
        units=units,
        defectives=bad,
        proportion=p,
        proportion_interval=ends,
        percent=100 * p,
        ppm=1e6 * p,
        ppm_interval=Interval(1e6 * ends.lower, 1e6 * ends.upper),
        z=float(stats.norm.isf(p)),
        z_interval=Interval(float(stats.norm.isf(ends.upper)), float(stats.norm.isf(ends.lower))),
        target=target,
        meets_target=None if target is None else ends.upper <= target,
        confidence=confidence,
        dispersion_p=test,
        cumulative=np.cumsum(d) / np.cumsum(n),
        remarks=_remarks(test),
        _rates=np.asarray(d / n),
    )


def poisson(
    defects: ArrayLike,
    size: ArrayLike = 1.0,
    *,
    opportunities: float | None = None,
    target: float | None = None,
    confidence: float = 0.95,
) -> PoissonCapability:
    """Capability of nonconformities.

    Parameters
    ----------
    defects
        Nonconformities of each sample, ``(m,)``.
    size
        Units (area of opportunity) of each sample, ``(m,)`` or one number.
    opportunities
        Chances for a defect in one unit, for DPMO.
    target
        Wanted DPU.

    The interval is the exact one by χ² (Garwood 1936, Biometrika 28, 437-442).

    Raises
    ------
    NegativeCount, NotACount, NotPositive, NotFinite, WrongShape, TooFewPoints, OutOfRange
    """
    c = counts(defects, "defects")
    u = sizes(size, c, "size")
    between(confidence, "confidence", 0.5, 1 - 1e-9)
    chances = None if opportunities is None else positive(opportunities, "opportunities")
    if target is not None:
        positive(target, "target")
    total, units, alpha = float(c.sum()), float(u.sum()), 1 - confidence
    rate = total / units
    ends = Interval(
        float(stats.chi2.ppf(alpha / 2, 2 * total)) / (2 * units) if total else 0.0,
        float(stats.chi2.isf(alpha / 2, 2 * total + 2)) / (2 * units),
    )
    test = None
    if c.size > 1 and rate > 0:
        test = float(stats.chi2.sf(np.sum((c - u * rate) ** 2 / (u * rate)), c.size - 1))
    return PoissonCapability(
        samples=c.size,
        units=units,
        defects=total,
        dpu=rate,
        dpu_interval=ends,
        mean_defects=float(c.mean()),
        least_dpu=float((c / u).min()),
        largest_dpu=float((c / u).max()),
        dpmo=None if chances is None else 1e6 * rate / chances,
        yield_first_time=float(np.exp(-rate)),
        z=float(stats.norm.isf(-np.expm1(-rate))),
        target=target,
        meets_target=None if target is None else ends.upper <= target,
        confidence=confidence,
        dispersion_p=test,
        cumulative=np.cumsum(c) / np.cumsum(u),
        remarks=_remarks(test),
        _rates=np.asarray(c / u),
    )


def _remarks(test: float | None) -> tuple[Remark, ...]:
    return (remark("overdispersed", p=f"{test:.2g}"),) if test is not None and test < 0.05 else ()
