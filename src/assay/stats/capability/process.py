"""Capability and performance of a normally distributed characteristic."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from assay.model.text import Text
from assay.stats import sigma as estimators
from assay.stats.arrays import Floats, between, numbers, one_of, positive, vector
from assay.stats.capability.errors import CATALOGUE
from assay.stats.capability.indices import (
    Indices,
    Interval,
    Uncertainty,
    Width,
    indices,
    intervals,
    lower_bounds,
)
from assay.stats.capability.nonconformance import Nonconformance, ZScores, expected, normal_scores, observed
from assay.stats.capability.specification import Specification, specification
from assay.stats.capability.spread import Degrees, Spread, Weighting, within
from assay.stats.capability.stability import Stability, stability_of
from assay.stats.constants import Kind
from assay.stats.distributions.normality import NormalityTest, normality
from assay.stats.result import Result
from assay.stats.subgroups import Subgroups, subgroups

if TYPE_CHECKING:
    from assay.stats.plot.spec import Plot

MeanError = Literal["estimated", "none"]
FEW = 30
"""Below this many values a study says that its intervals are wide."""
WITHIN = {
    "width": "cp",
    "low": "cpl",
    "high": "cpu",
    "worst": "cpk",
    "on_target": "cpm",
    "worst_on_target": "cpmk",
}
OVERALL = {"width": "pp", "low": "ppl", "high": "ppu", "worst": "ppk", "on_target": "cpm_overall"}


@dataclass(frozen=True, kw_only=True)
class Remark:
    """Something the reader of a study has to know: ``key`` for programs, ``text`` for people."""

    key: str
    text: Text


@dataclass(frozen=True, kw_only=True)
class NormalCapability(Result):
    """Capability (σ within) and performance (σ overall) of a normal characteristic.

    An index whose limit isn't given is None. ``intervals`` and ``lower_bounds`` are by index name.
    """

    n: int
    mean: float
    """Mean of the values, or the given one."""
    mean_given: bool
    lsl: float | None
    usl: float | None
    target: float | None
    """The target; the middle of two limits where none was given."""
    natural_low: float | None
    natural_high: float | None
    tolerance: float
    """Length of the reference interval in standard deviations (k = 6)."""
    confidence: float

    subgroups: int | None
    """How many subgroups; None for individual values."""
    subgroup_size: tuple[int, int] | None
    """Smallest and largest size."""
    estimator: str
    """What σ within was estimated by; ``given`` for a known one."""
    constants: str
    degrees: float | None
    """Degrees of freedom of σ within in the intervals; None where σ was given without them."""
    sigma_within: float
    sigma_overall: float
    """√(Σ(x−x̄)²/(N−1))."""
    sigma_between: float | None
    """Between subgroups: √max(0, σ²(x̄) − σ²within/n), σ(x̄) from the moving range of the subgroup means."""
    sigma_between_within: float | None
    """√(σ²between + σ²within)."""

    cp: float | None
    cpl: float | None
    cpu: float | None
    cpk: float | None
    """None where there are natural limits only."""
    cpm: float | None
    """C_pm with σ within (qcc)."""
    cpmk: float | None
    pp: float | None
    ppl: float | None
    ppu: float | None
    ppk: float | None
    cpm_overall: float | None
    """C_pm with σ overall (N − 1); qcc prints it as Ppm."""
    cpm_taguchi: float | None
    """C_pm with τ² = Σ(x−T)²/N, always by the nearest limit (Chan, Cheng & Spiring 1988; Minitab, JASP)."""
    cp_between_within: float | None
    cpk_between_within: float | None

    intervals: dict[str, Interval]
    """Two-sided confidence intervals by index."""
    lower_bounds: dict[str, float]
    """One-sided lower confidence limits by index."""
    z_within: ZScores
    """Short-term Z scores."""
    z_overall: ZScores
    """Long-term Z scores."""
    observed: Nonconformance
    expected_within: Nonconformance
    expected_overall: Nonconformance
    normality: NormalityTest | None
    """Anderson-Darling test; None where there are too few values."""
    stability: Stability | None
    """What the control charts of the same values flag; None where that wasn't asked."""
    remarks: tuple[Remark, ...]
    _values: Floats = field(repr=False, compare=False)
    _groups: Subgroups | None = field(repr=False, compare=False, default=None)

    @property
    def values(self) -> Floats:
        """The values behind the result, ``(N,)``."""
        return self._values

    @property
    def z_bench(self) -> float | None:
        """Short-term Z.bench: that of ``z_within``."""
        return self.z_within.bench

    @property
    def groups(self) -> Subgroups | None:
        """The values in their subgroups; None for individual values."""
        return self._groups

    def plot(self) -> Plot:
        """The histogram with limits and both densities."""
        from assay.stats.capability.picture import capability_plot

        return capability_plot(self)


def normal(
    values: ArrayLike,
    *,
    lsl: float | None = None,
    usl: float | None = None,
    target: float | None = None,
    subgroup: ArrayLike | int | None = None,
    sigma: str | float | None = None,
    mean: float | None = None,
    mean_error: MeanError = "estimated",
    natural_low: float | None = None,
    natural_high: float | None = None,
    confidence: float = 0.95,
    k: float = 6.0,
    weighting: Weighting = "uwave",
    span: int = 2,
    constants: Kind = "exact",
    degrees: Degrees | float = "total",
    cpm: Width | None = None,
    stability: bool = True,
) -> NormalCapability:
    """Capability and performance of a normally distributed characteristic.

    Parameters
    ----------
    values
        Shape ``(N,)``, or ``(m, n)`` with a subgroup in each row.
    lsl, usl, target
        Specification, in the unit of the values. One limit is enough. The target lies between the limits
        and defaults to their middle.
    subgroup
        Size of consecutive subgroups, of which the last may be short, or a label for each value; None for
        individual values.
    sigma
        Estimator of σ within: ``rbar``, ``sbar``, ``sbar_plain`` (without c4), ``pooled``,
        ``pooled_unbiased``, ``mr``, ``median_mr``, ``mssd``, ``sd``, ``sd_unbiased``, or a known σ. None:
        ``mr`` for individual values, ``rbar`` for subgroups up to 10 values, ``sbar`` beyond.
    mean
        A known process mean (capability from frozen limits); None for that of the values.
    mean_error
        What a given mean adds to the intervals: as much as one ``estimated`` from these values (JASP), or
        ``none``: then those of the sides and Cpk are χ², and the ones about the target are left out.
    natural_low, natural_high
        Bounds no value can pass. They are not specifications: no index is computed for their side; with
        bounds alone there is none at all. A value beyond one is counted as observed there, with a remark.
    confidence
        Level of the intervals and of the one-sided lower bounds.
    k
        Reference interval in standard deviations.
    weighting
        Of subgroups of different sizes: ``uwave`` plain mean (qcc), ``mvlue`` by inverse variance (Minitab),
        ``freedom`` by n − 1 (JASP's ranges).
    span
        Values in a moving range.
    constants
        ``exact``, or ``tabled`` 3-digit control chart constants.
    degrees
        Degrees of freedom of the within-intervals: ``total`` N − 1 (qcc), ``estimator`` those of the
        estimator, ``bissell`` (Minitab), ``jasp``, or a number. A given σ has the last two only.
    cpm
        C_pm and its interval: by the distance of the target to the ``nearest`` limit with Boyles' degrees of
        freedom (Minitab, JASP), or as ``qcc``. None: ``qcc`` with tabled constants, whose numbers are then
        qcc's throughout, ``nearest`` with exact ones. ``cpm_taguchi`` doesn't depend on it.
    stability
        Also look at the control charts of the values.

    Raises
    ------
    NoLimits, LimitsReversed, TargetOutsideLimits, NotFinite, NotNumeric, WrongShape, TooFewPoints,
    ConstantData, SingletonSubgroups, SplitSubgroup, SubgroupsNeeded, UnknownOption, OutOfRange, NotPositive

    Source: Montgomery (2013), *Introduction to Statistical Quality Control*, 7th ed., ch. 8; ISO 22514-2;
    intervals: see :mod:`assay.stats.capability.indices`.
    """
    spec = specification(
        lsl, usl, target, natural_low, natural_high, what="capability.normal", bounds_alone=True
    )
    one_of(mean_error, ("estimated", "none"), "mean_error")
    between(confidence, "confidence", 0.5, 1 - 1e-9)
    positive(k, "k")
    x, groups = arranged(values, subgroup)
    overall = estimators.sd(x)
    inner = within(x, groups, sigma, weighting=weighting, span=span, constants=constants, degrees=degrees)
    centre = float(x.mean()) if mean is None else float(numbers(mean, "mean"))
    return _study(
        x,
        groups=groups,
        spec=spec,
        inner=inner,
        overall=overall,
        centre=centre,
        given=mean is not None,
        exact=mean is not None and mean_error == "none",
        confidence=confidence,
        k=k,
        constants=constants,
        cpm=cpm or ("qcc" if constants == "tabled" else "nearest"),
        look=stability,
    )


def arranged(
    values: ArrayLike, subgroup: ArrayLike | int | None, least: int = 2
) -> tuple[Floats, Subgroups | None]:
    """Values ``(N,)`` with their subgroups, from ``(N,)`` and labels or from rows ``(m, n)``.

    The last of consecutive subgroups may be short, as in Minitab and JASP.

    Raises
    ------
    NotFinite, NotNumeric, WrongShape, TooFewPoints, SplitSubgroup, UnequalSubgroups
    """
    if subgroup is None and np.ndim(np.asarray(values, dtype=object)) != 2:
        return vector(values, least=least, what="capability"), None
    if isinstance(subgroup, (int, np.integer)):
        x = vector(values, least=least, what="capability")
        if 1 < subgroup < x.size and x.size % subgroup:
            values, subgroup = x, np.arange(x.size) // subgroup + 1
    groups = subgroups(values, subgroup, what="capability")
    if groups.size == 1:
        return vector(groups.values, least=least, what="capability"), None
    return vector(groups.values, least=least, what="capability"), groups


def _study(
    x: Floats,
    *,
    groups: Subgroups | None,
    spec: Specification,
    inner: Spread,
    overall: float,
    centre: float,
    given: bool,
    exact: bool,
    confidence: float,
    k: float,
    constants: str,
    cpm: Width,
    look: bool,
) -> NormalCapability:
    short = indices(centre, inner.sigma, spec, k, cpm=cpm)
    long = indices(centre, overall, spec, k, cpm=cpm)
    taguchi = None
    if spec.target is not None:
        tau = float(np.sqrt(np.mean((x - spec.target) ** 2)))
        taguchi = indices(centre, overall, spec, k, tau=tau).on_target if tau > 0 else None
    two_sided, one_sided = _confidence(
        short,
        long,
        taguchi,
        x=x,
        spec=spec,
        inner=inner,
        overall=overall,
        centre=centre,
        exact=exact,
        confidence=confidence,
        k=k,
        cpm=cpm,
    )
    across = _between(groups, inner.sigma)
    both = None if across is None else indices(centre, across[1], spec, k, cpm=cpm)
    test = normality(x) if x.size >= 3 else None
    charts = stability_of(x, groups) if look else None
    sizes = None if groups is None else (int(groups.sizes.min()), int(groups.sizes.max()))
    return NormalCapability(
        n=x.size,
        mean=centre,
        mean_given=given,
        lsl=spec.lsl,
        usl=spec.usl,
        target=spec.target,
        natural_low=spec.natural_low,
        natural_high=spec.natural_high,
        tolerance=k,
        confidence=confidence,
        subgroups=None if groups is None else groups.count,
        subgroup_size=sizes,
        estimator=inner.estimator,
        constants=constants,
        degrees=inner.degrees,
        sigma_within=inner.sigma,
        sigma_overall=overall,
        sigma_between=None if across is None else across[0],
        sigma_between_within=None if across is None else across[1],
        cp=short.width,
        cpl=short.low,
        cpu=short.high,
        cpk=short.worst,
        cpm=short.on_target,
        cpmk=short.worst_on_target,
        pp=long.width,
        ppl=long.low,
        ppu=long.high,
        ppk=long.worst,
        cpm_overall=long.on_target,
        cpm_taguchi=taguchi,
        cp_between_within=None if both is None else both.width,
        cpk_between_within=None if both is None else both.worst,
        intervals=two_sided,
        lower_bounds=one_sided,
        z_within=normal_scores(centre, inner.sigma, spec),
        z_overall=normal_scores(centre, overall, spec),
        observed=observed(x, spec),
        expected_within=_expected(centre, inner.sigma, spec),
        expected_overall=_expected(centre, overall, spec),
        normality=test,
        stability=charts,
        remarks=tuple(_remarks(x, test, charts, spec, inner)),
        _values=x,
        _groups=groups,
    )


def _confidence(
    short: Indices,
    long: Indices,
    taguchi: float | None,
    *,
    x: Floats,
    spec: Specification,
    inner: Spread,
    overall: float,
    centre: float,
    exact: bool,
    confidence: float,
    k: float,
    cpm: Width,
) -> tuple[dict[str, Interval], dict[str, float]]:
    """Intervals of the indices; a σ given without degrees of freedom leaves none for those within."""
    two: dict[str, Interval] = {}
    one: dict[str, float] = {}
    parts: list[tuple[Indices, float, float, Width, dict[str, str]]]
    parts = [(long, overall, x.size - 1, cpm, OVERALL)]
    if inner.degrees is not None:
        parts.insert(0, (short, inner.sigma, inner.degrees, cpm, WITHIN))
    if taguchi is not None:
        only = Indices(None, None, None, long.worst, taguchi, None)
        parts.append((only, overall, x.size - 1, "nearest", {"on_target": "cpm_taguchi"}))
    for found, spread, degrees, width, names in parts:
        offset = 0.0 if spec.target is None else (centre - spec.target) / spread
        of = Uncertainty(x.size, degrees, k, offset, width, mean_known=exact)
        for name, ends in intervals(found, of, confidence).items():
            if name in names:
                two[names[name]] = ends
        for name, bound in lower_bounds(found, of, confidence).items():
            if name in names:
                one[names[name]] = bound
    return two, one


def _between(groups: Subgroups | None, sigma: float) -> tuple[float, float] | None:
    if groups is None or groups.count < 2:
        return None
    if float(groups.means.min()) == float(groups.means.max()):
        return 0.0, sigma
    of_means = estimators.mr(groups.means)
    square = max(0.0, of_means**2 - sigma**2 / (groups.values.size / groups.count))
    return float(np.sqrt(square)), float(np.sqrt(square + sigma**2))


def _expected(mean: float, sigma: float, spec: Specification) -> Nonconformance:
    return expected(
        lambda limit: float(stats.norm.cdf(limit, mean, sigma)),
        lambda limit: float(stats.norm.sf(limit, mean, sigma)),
        spec,
    )


def remark(key: str, **values: Any) -> Remark:
    """The remark ``key`` with its text filled from the catalogue."""
    return Remark(key=key, text=CATALOGUE.text(f"remark.{key}", **values))


def _remarks(
    x: Floats, test: NormalityTest | None, charts: Stability | None, spec: Specification, inner: Spread
) -> list[Remark]:
    found = []
    n = x.size
    if charts is not None and not charts.stable:
        found.append(remark("not-stable", count=len(charts.flagged), kind=charts.kind))
    if test is not None and not test.normal:
        found.append(remark("not-normal", p=f"{test.p_value:.2g}"))
    if n < FEW:
        found.append(remark("few-values", count=n))
    if spec.target is not None and not spec.target_given:
        found.append(remark("target-is-middle", target=f"{spec.target:g}"))
    for side, bound in (("low", spec.natural_low), ("high", spec.natural_high)):
        if bound is not None:
            found.append(remark(f"natural-{side}", bound=f"{bound:g}"))
            beyond = int((x < bound).sum() if side == "low" else (x > bound).sum())
            if beyond:
                found.append(remark("beyond-natural", count=beyond, bound=f"{bound:g}"))
    if inner.estimator == "given" and inner.degrees is None:
        found.append(remark("sigma-given", sigma=f"{inner.sigma:g}"))
    return found
