"""Performance of a characteristic that isn't normal: by a fitted distribution or by percentiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from assay.stats.arrays import Floats, between, one_of
from assay.stats.capability.indices import Interval
from assay.stats.capability.nonconformance import Nonconformance, expected, observed
from assay.stats.capability.process import Remark, arranged, remark
from assay.stats.capability.specification import Specification, check_natural, specification
from assay.stats.distributions.errors import OutsideSupport, UnboundedLikelihood
from assay.stats.distributions.fit import CANDIDATES, Fit, Method, fit, identify
from assay.stats.errors import ConstantData, NoConvergence
from assay.stats.result import Result

if TYPE_CHECKING:
    from assay.stats.plot.spec import Plot

By = Literal["quantile", "z"]
LOW, HIGH = 0.00135, 0.99865
"""Probabilities of the reference interval (ISO 22514-1, 3.1.12): what ±3σ holds of a normal distribution."""
_FEWEST_FOR_PERCENTILES = 741
"""From here on an order statistic lies beyond the 0.135 % percentile: 1/0.00135, rounded up."""


@dataclass(frozen=True, kw_only=True)
class QuantilePerformance(Result):
    """P_p, P_pk and the expected nonconforming share of a distribution that isn't normal.

    An index whose limit isn't given is None. An index is ``inf`` where the distribution can't reach the
    limit and the Z method is used.
    """

    n: int
    mean: float
    sd: float
    lsl: float | None
    usl: float | None
    target: float | None
    natural_low: float | None
    natural_high: float | None
    by: By
    """``quantile`` (ISO 22514-2) or ``z``."""
    distribution: str
    """The fitted family, or ``empirical``."""
    x00135: float
    """0.135 % quantile."""
    x50: float
    """Median."""
    x99865: float
    """99.865 % quantile."""
    pp: float | None
    ppl: float | None
    ppu: float | None
    ppk: float
    z_bench: float
    """Φ⁻¹(1 − nonconforming share)."""
    observed: Nonconformance
    expected: Nonconformance
    confidence: float
    intervals: dict[str, Interval]
    """Bootstrap percentile intervals by index; empty unless ``bootstrap`` was asked for."""
    fit: Fit | None
    """The fitted distribution; None for ``empirical``."""
    remarks: tuple[Remark, ...]
    _values: Floats = field(repr=False, compare=False)

    @property
    def values(self) -> Floats:
        """The values behind the result, ``(N,)``."""
        return self._values

    def plot(self) -> Plot:
        """Histogram with limits, density and the quantiles of the reference interval."""
        from assay.stats.capability.picture import quantile_plot

        return quantile_plot(self)


def nonnormal(
    values: ArrayLike,
    distribution: str = "best",
    *,
    lsl: float | None = None,
    usl: float | None = None,
    target: float | None = None,
    by: By = "quantile",
    natural_low: float | None = None,
    natural_high: float | None = None,
    fixed: Mapping[str, float] | None = None,
    bounds: tuple[float, float] | None = None,
    method: Method = "adjusted",
    candidates: Sequence[str] = CANDIDATES,
    confidence: float = 0.95,
    bootstrap: int = 0,
    seed: int = 1,
) -> QuantilePerformance:
    """Performance by a fitted distribution.

    Parameters
    ----------
    values
        Shape ``(N,)``, or ``(m, n)``.
    distribution
        A family of :data:`assay.stats.distributions.FAMILIES`, or ``best``: the lowest AIC of the candidates.
    by
        ``quantile``: P_p = (U−L)/(X99.865 − X0.135), P_pl = (X50 − L)/(X50 − X0.135), P_pu alike (ISO
        22514-2; the ``percentile`` method of JASP and Minitab's ISO method). ``z``: P_pl = −Φ⁻¹(F(L))/3,
        P_pu = Φ⁻¹(F(U))/3, P_p = (P_pl + P_pu)/2 (Minitab's Z method, JASP's ``nonConformance``).
    fixed, bounds, method
        As in :func:`assay.stats.distributions.fit`.
    bootstrap
        How many samples of size N to draw from the fit for the intervals; 0 for none.
    seed
        Of the bootstrap.

    Raises
    ------
    NoLimits, LimitsReversed, TargetOutsideLimits, BeyondNaturalLimit, NotFinite, TooFewPoints, ConstantData,
    OutsideSupport, UnknownOption, NotPositive, NoConvergence, UnboundedLikelihood, OutOfRange

    Source: ISO 22514-2:2017; Bothe (1997), *Measuring Process Capability*, ch. 8.
    """
    spec = specification(lsl, usl, target, natural_low, natural_high, what="capability.nonnormal")
    one_of(by, ("quantile", "z"), "by")
    between(confidence, "confidence", 0.5, 1 - 1e-9)
    between(bootstrap, "bootstrap", 0, 1_000_000)
    x, _ = arranged(values, None)
    check_natural(x, spec)
    if distribution == "best":
        found = identify(x, candidates, method=method).best
    else:
        found = fit(x, distribution, method=method, fixed=fixed, bounds=bounds)
    remarks = []
    test = found.anderson_darling
    if test.p_value < 0.05 and test.bound in {"equal", "below"}:
        remarks.append(remark("poor-fit", distribution=found.distribution, p=f"{test.p_value:.2g}"))
    drawn: dict[str, Interval] = {}
    if bootstrap:
        drawn = _bootstrap(found, spec, by, x.size, rounds=int(bootstrap), seed=seed, confidence=confidence)
    return _performance(
        x,
        spec,
        by=by,
        name=found.distribution,
        points=(found.quantile(LOW), found.quantile(0.5), found.quantile(HIGH)),
        found=performance_of(found, spec, by),
        outside=expected(found.cdf, found.sf, spec),
        fitted=found,
        remarks=remarks,
        confidence=confidence,
        drawn=drawn,
    )


def percentile(
    values: ArrayLike,
    *,
    lsl: float | None = None,
    usl: float | None = None,
    target: float | None = None,
    natural_low: float | None = None,
    natural_high: float | None = None,
    quantiles: str = "weibull",
    confidence: float = 0.95,
    bootstrap: int = 0,
    seed: int = 1,
) -> QuantilePerformance:
    """Performance by the percentiles of the values themselves, without a model.

    The extreme percentiles need about 740 values; with fewer the outermost values stand in, and a remark
    says so. The expected share is the observed one.

    Parameters
    ----------
    quantiles
        How percentiles are interpolated, by numpy's names; ``weibull``, i/(N+1), is Minitab's.

    Raises
    ------
    NoLimits, LimitsReversed, TargetOutsideLimits, BeyondNaturalLimit, NotFinite, TooFewPoints, ConstantData,
    UnknownOption, OutOfRange

    Source: Clements (1989), Quality Progress 22(9), 95-100, with empirical percentiles; ISO 22514-2.
    """
    spec = specification(lsl, usl, target, natural_low, natural_high, what="capability.percentile")
    one_of(quantiles, ("weibull", "hazen", "linear", "median_unbiased", "normal_unbiased"), "quantiles")
    between(confidence, "confidence", 0.5, 1 - 1e-9)
    x, _ = arranged(values, None)
    if x.min() == x.max():
        raise ConstantData(name="values", count=x.size, value=float(x[0]))
    check_natural(x, spec)

    def points(sample: Floats) -> tuple[float, float, float]:
        low, middle, high = np.quantile(sample, [LOW, 0.5, HIGH], method=quantiles)  # type: ignore[call-overload]
        return float(low), float(middle), float(high)

    remarks = []
    if x.size < _FEWEST_FOR_PERCENTILES:
        remarks.append(remark("few-for-percentiles", count=x.size, needed=_FEWEST_FOR_PERCENTILES))
    drawn: dict[str, Interval] = {}
    if bootstrap:
        random = np.random.default_rng(seed)
        samples = [_by_points(points(random.choice(x, x.size)), spec) for _ in range(int(bootstrap))]
        drawn = _percentiles(samples, confidence)
    return _performance(
        x,
        spec,
        by="quantile",
        name="empirical",
        points=points(x),
        found=_by_points(points(x), spec),
        outside=observed(x, spec),
        fitted=None,
        remarks=remarks,
        confidence=confidence,
        drawn=drawn,
    )


def _performance(
    x: Floats,
    spec: Specification,
    *,
    by: By,
    name: str,
    points: tuple[float, float, float],
    found: dict[str, float],
    outside: Nonconformance,
    fitted: Fit | None,
    remarks: list[Remark],
    confidence: float,
    drawn: dict[str, Interval],
) -> QuantilePerformance:
    return QuantilePerformance(
        n=x.size,
        mean=float(x.mean()),
        sd=float(x.std(ddof=1)),
        lsl=spec.lsl,
        usl=spec.usl,
        target=spec.target,
        natural_low=spec.natural_low,
        natural_high=spec.natural_high,
        by=by,
        distribution=name,
        x00135=points[0],
        x50=points[1],
        x99865=points[2],
        pp=found.get("pp"),
        ppl=found.get("ppl"),
        ppu=found.get("ppu"),
        ppk=found["ppk"],
        z_bench=float(stats.norm.isf(min(outside.total / 1e6, 1.0))),
        observed=observed(x, spec),
        expected=outside,
        confidence=confidence,
        intervals=drawn,
        fit=fitted,
        remarks=tuple(remarks),
        _values=x,
    )


def performance_of(found: Any, spec: Specification, by: By) -> dict[str, float]:
    """The indices by name of anything with ``cdf``, ``sf`` and ``quantile``."""
    if by == "quantile":
        return _by_points((found.quantile(LOW), found.quantile(0.5), found.quantile(HIGH)), spec)
    indices: dict[str, float] = {}
    if spec.lsl is not None:
        indices["ppl"] = -_deviate(found.cdf(spec.lsl), found.sf(spec.lsl)) / 3
    if spec.usl is not None:
        indices["ppu"] = _deviate(found.cdf(spec.usl), found.sf(spec.usl)) / 3
    if len(indices) == 2:
        indices["pp"] = (indices["ppl"] + indices["ppu"]) / 2
    indices["ppk"] = min(indices[name] for name in ("ppl", "ppu") if name in indices)
    return indices


def _deviate(below: float, above: float) -> float:
    """Φ⁻¹ of a probability, from whichever tail is the smaller."""
    return float(stats.norm.ppf(below)) if below < 0.5 else float(stats.norm.isf(above))


def _by_points(points: tuple[float, float, float], spec: Specification) -> dict[str, float]:
    low, middle, high = points
    indices: dict[str, float] = {}
    with np.errstate(divide="ignore", invalid="ignore"):
        if spec.lsl is not None:
            indices["ppl"] = float(np.divide(middle - spec.lsl, middle - low))
        if spec.usl is not None:
            indices["ppu"] = float(np.divide(spec.usl - middle, high - middle))
        if spec.lsl is not None and spec.usl is not None:
            indices["pp"] = float(np.divide(spec.usl - spec.lsl, high - low))
    indices["ppk"] = min(indices[name] for name in ("ppl", "ppu") if name in indices)
    return indices


def _bootstrap(
    found: Fit, spec: Specification, by: By, n: int, *, rounds: int, seed: int, confidence: float
) -> dict[str, Interval]:
    """Parametric bootstrap; a sample that can't be fitted is drawn again."""
    random = np.random.default_rng(seed)
    known = {name: found.parameters[name] for name in found.fixed}
    samples: list[dict[str, float]] = []
    for _ in range(10 * rounds):
        if len(samples) == rounds:
            break
        drawn = found.frozen.rvs(size=n, random_state=random)
        try:
            again = fit(drawn, found.distribution, method=found.method, fixed=known)  # type: ignore[arg-type]
        except (NoConvergence, UnboundedLikelihood, OutsideSupport):
            continue
        samples.append(performance_of(again, spec, by))
    if len(samples) < rounds:
        raise NoConvergence(what="bootstrap", rounds=10 * rounds)
    return _percentiles(samples, confidence)


def _percentiles(samples: list[dict[str, float]], confidence: float) -> dict[str, Interval]:
    ends = [(1 - confidence) / 2, (1 + confidence) / 2]
    return {
        name: Interval(*map(float, np.quantile([sample[name] for sample in samples], ends)))
        for name in samples[0]
    }
