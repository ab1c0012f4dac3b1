"""Performance of a characteristic of which some values are known only by bounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from numpy.typing import ArrayLike
from scipy import stats

from assay.stats.arrays import one_of
from assay.stats.capability.nonconformance import Nonconformance, expected
from assay.stats.capability.nonnormal import HIGH, LOW, By, performance_of
from assay.stats.capability.specification import specification
from assay.stats.distributions.censored import CensoredFit, fit_censored
from assay.stats.result import Result

if TYPE_CHECKING:
    from assay.stats.plot.spec import Plot


@dataclass(frozen=True, kw_only=True)
class CensoredPerformance(Result):
    """P_p and P_pk from a fit to censored values; an index whose limit isn't given is None."""

    fit: CensoredFit
    lsl: float | None
    usl: float | None
    target: float | None
    by: By
    x00135: float
    x50: float
    x99865: float
    pp: float | None
    ppl: float | None
    ppu: float | None
    ppk: float
    z_bench: float
    expected: Nonconformance

    def plot(self) -> Plot:
        """The fitted cumulative distribution."""
        return self.fit.plot()


def censored(
    low: ArrayLike,
    high: ArrayLike,
    distribution: str = "normal",
    *,
    lsl: float | None = None,
    usl: float | None = None,
    target: float | None = None,
    natural_low: float | None = None,
    natural_high: float | None = None,
    by: By = "quantile",
) -> CensoredPerformance:
    """Performance from values below a detection limit, beyond the end of a test, or between bounds.

    Parameters
    ----------
    low, high, distribution
        As in :func:`assay.stats.distributions.fit_censored`: equal bounds where a value was observed.
    by
        As in :func:`nonnormal`.

    Raises
    ------
    NoLimits, LimitsReversed, TargetOutsideLimits, WrongShape, TooFewPoints, NothingObserved, ConstantData,
    OutsideSupport, UnknownOption, NoConvergence

    Source: Meeker & Escobar (1998), ch. 8 (the fit); ISO 22514-2 (the indices).
    """
    spec = specification(lsl, usl, target, natural_low, natural_high, what="capability.censored")
    one_of(by, ("quantile", "z"), "by")
    found = fit_censored(low, high, distribution)
    indices = performance_of(found, spec, by)
    outside = expected(found.cdf, found.sf, spec)
    return CensoredPerformance(
        fit=found,
        lsl=spec.lsl,
        usl=spec.usl,
        target=spec.target,
        by=by,
        x00135=found.quantile(LOW),
        x50=found.quantile(0.5),
        x99865=found.quantile(HIGH),
        pp=indices.get("pp"),
        ppl=indices.get("ppl"),
        ppu=indices.get("ppu"),
        ppk=indices["ppk"],
        z_bench=float(stats.norm.isf(min(outside.total / 1e6, 1.0))),
        expected=outside,
    )
