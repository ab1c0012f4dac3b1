"""Capability from limits that are kept: a known mean and standard deviation, or those of a control chart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from scipy import stats

from assay.stats.arrays import between, numbers, positive
from assay.stats.capability.indices import Interval, Uncertainty, Width, indices, intervals, lower_bounds
from assay.stats.capability.nonconformance import Nonconformance, ZScores, expected, normal_scores
from assay.stats.capability.process import WITHIN
from assay.stats.capability.specification import specification
from assay.stats.charts.chart import ControlChart
from assay.stats.errors import UnknownOption
from assay.stats.result import Result

if TYPE_CHECKING:
    from assay.stats.plot.spec import Plot


MEASURED = ("xbar", "median", "individuals", "ewma", "moving_average")
"""Charts whose centre and σ are the characteristic's own; the individuals of an I-MR-R/S chart are means."""


@dataclass(frozen=True, kw_only=True)
class FrozenCapability(Result):
    """Indices of a normal process whose mean and standard deviation are known."""

    mean: float
    sigma: float
    lsl: float | None
    usl: float | None
    target: float | None
    tolerance: float
    n: int | None
    """Values behind mean and sigma; None where they are known exactly."""
    confidence: float
    cp: float | None
    cpl: float | None
    cpu: float | None
    cpk: float
    cpm: float | None
    cpmk: float | None
    k_off_centre: float | None
    """|μ − M|/((U − L)/2): how far off the middle the process runs; None with one limit."""
    intervals: dict[str, Interval]
    """Two-sided confidence intervals by index; empty without ``n``."""
    lower_bounds: dict[str, float]
    z: ZScores
    expected: Nonconformance

    def plot(self) -> Plot:
        """The density between the limits."""
        from assay.stats.capability.picture import frozen_plot

        return frozen_plot(self)


def from_parameters(
    mean: float,
    sigma: float,
    *,
    lsl: float | None = None,
    usl: float | None = None,
    target: float | None = None,
    natural_low: float | None = None,
    natural_high: float | None = None,
    n: int | None = None,
    confidence: float = 0.95,
    k: float = 6.0,
    cpm: Width = "nearest",
) -> FrozenCapability:
    """Indices from a mean and a standard deviation; with ``n``, intervals for an sd of ``n`` values.

    Raises
    ------
    NoLimits, LimitsReversed, TargetOutsideLimits, NotFinite, NotPositive, OutOfRange

    Source: NIST/SEMATECH e-Handbook 6.1.6; intervals: see :mod:`assay.stats.capability.indices`.
    """
    spec = specification(lsl, usl, target, natural_low, natural_high, what="capability.from_parameters")
    centre, spread = float(numbers(mean, "mean")), positive(sigma, "sigma")
    between(confidence, "confidence", 0.5, 1 - 1e-9)
    found = indices(centre, spread, spec, positive(k, "k"), cpm=cpm)
    two: dict[str, Interval] = {}
    one: dict[str, float] = {}
    if n is not None:
        between(n, "n", 2, float("1e12"))
        offset = 0.0 if spec.target is None else (centre - spec.target) / spread
        of = Uncertainty(n, n - 1, k, offset, cpm)
        two = {WITHIN[name]: at for name, at in intervals(found, of, confidence).items()}
        one = {WITHIN[name]: at for name, at in lower_bounds(found, of, confidence).items()}
    off = None
    if spec.lsl is not None and spec.usl is not None:
        off = abs(centre - (spec.lsl + spec.usl) / 2) / ((spec.usl - spec.lsl) / 2)
    return FrozenCapability(
        mean=centre,
        sigma=spread,
        lsl=spec.lsl,
        usl=spec.usl,
        target=spec.target,
        tolerance=k,
        n=n,
        confidence=confidence,
        cp=found.width,
        cpl=found.low,
        cpu=found.high,
        cpk=min(side for side in (found.low, found.high) if side is not None),
        cpm=found.on_target,
        cpmk=found.worst_on_target,
        k_off_centre=off,
        intervals=two,
        lower_bounds=one,
        z=normal_scores(centre, spread, spec),
        expected=expected(
            lambda limit: float(stats.norm.cdf(limit, centre, spread)),
            lambda limit: float(stats.norm.sf(limit, centre, spread)),
            spec,
        ),
    )


def from_chart(
    chart: ControlChart,
    *,
    lsl: float | None = None,
    usl: float | None = None,
    target: float | None = None,
    natural_low: float | None = None,
    natural_high: float | None = None,
    k: float = 6.0,
) -> FrozenCapability:
    """Indices from the centre and σ of a control chart of one characteristic (its frozen limits).

    Raises
    ------
    UnknownOption
        The chart isn't of the characteristic itself (its spread, counts, deviations from a nominal value), or
        has stages with different centres or sigmas, of which one has to be chosen.
    NoLimits, LimitsReversed, TargetOutsideLimits
    """
    of_means = {below.kind for below in chart.companions} & {"range", "deviation"}
    if chart.kind not in MEASURED or (chart.kind == "individuals" and of_means):
        raise UnknownOption(name="chart", value=chart.kind, known=", ".join(MEASURED))
    if not isinstance(chart.center, float) or not isinstance(chart.sigma, float):
        raise UnknownOption(name="chart", value=chart.kind, known="a chart with one centre and one sigma")
    return from_parameters(
        chart.center,
        chart.sigma,
        lsl=lsl,
        usl=usl,
        target=target,
        natural_low=natural_low,
        natural_high=natural_high,
        k=k,
    )
