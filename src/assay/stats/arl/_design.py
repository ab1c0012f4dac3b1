"""Charts for a wanted average run length: the inverse of the run length, and the best chart for a shift."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq, minimize_scalar
from scipy.special import chdtri

from assay.model.catalogue import Catalogue
from assay.stats.arl._cusum import WIDEST, cusum
from assay.stats.arl._ewma import EwmaLimits, Sided, ewma, smoothing
from assay.stats.arl._mewma import dimensions, mewma
from assay.stats.arrays import Floats, between, numbers, one_of, positive
from assay.stats.errors import NoConvergence, OutOfRange
from assay.stats.plot.spec import Axis, Level, Line, Panel, Plot, Upright
from assay.stats.result import Result

CATALOGUE = Catalogue("assay.stats.arl")

LEAST = 1.01
"""No chart signals more often than at almost every point."""
MOST = 1e9
"""Above this an average run length is no design figure any more."""


def design_ewma(
    lam: float, arl0: float, sided: Sided = "two", limits: EwmaLimits = "asymptotic", *, reflect: float = 0.0
) -> float:
    """The ``L`` of an EWMA chart whose in-control average run length is ``arl0``.

    Parameters as in :func:`ewma`; 1.01 ≤ arl0 ≤ 1e9. Solved to ten digits.

    Raises
    ------
    OutOfRange, NotFinite, UnknownOption

    Source: S. V. Crowder, "Design of exponentially weighted moving average schemes", J. Quality Technology 21
    (1989) 155.
    """
    smoothing(lam)
    wanted = _wanted(arl0)
    return inverse(lambda width: ewma(lam, width, 0.0, sided, limits, reflect=reflect), wanted, 2.0)


def design_cusum(k: float, arl0: float, sided: Sided = "two") -> float:
    """The decision interval ``h`` of a tabular CUSUM whose in-control average run length is ``arl0``.

    Parameters as in :func:`cusum`; 1.01 ≤ arl0 ≤ 1e9. Solved to ten digits.

    Raises
    ------
    OutOfRange, NotFinite, UnknownOption
        OutOfRange also where no ``h`` gives ``arl0``, because without memory (h = 0) it is already longer.

    Source: as for :func:`cusum`.
    """
    k = between(k, "k", 0.0, math.inf)
    wanted = _wanted(arl0)
    one_of(sided, ("two", "one"), "sided")
    shortest = cusum(k, 1e-9, 0.0, sided)
    if wanted <= shortest:
        raise OutOfRange(name="arl0", value=wanted, low=shortest, high=MOST)
    return inverse(lambda h: cusum(k, h, 0.0, sided), wanted, 4.0, WIDEST)


def design_mewma(lam: float, p: int, arl0: float) -> float:
    """The limit ``h`` on T² of a MEWMA chart of ``p`` variables with in-control average run length ``arl0``.

    Parameters as in :func:`mewma`; 1.01 ≤ arl0 ≤ 1e9. Solved to ten digits.

    Raises
    ------
    OutOfRange, NotACount, NotFinite

    Source: as for :func:`mewma`.
    """
    smoothing(lam)
    variables = dimensions(p)
    wanted = _wanted(arl0)
    start = float(chdtri(variables, 1.0 / wanted)) if lam > 0.5 else float(variables)
    return inverse(lambda h: mewma(lam, h, variables), wanted, start)


def _wanted(arl0: float) -> float:
    return between(arl0, "arl0", LEAST, MOST)


def inverse(mean: Callable[[float], float], wanted: float, start: float, most: float = math.inf) -> float:
    """Where the increasing ``mean`` is ``wanted``, at most at ``most``; its logarithm is close to linear."""

    def gap(at: float) -> float:
        return math.log(min(mean(at), 1e300) / wanted)

    low = high = start
    for _ in range(60):
        if gap(high) >= 0.0:
            break
        if high == most:
            raise OutOfRange(name="arl0", value=wanted, low=LEAST, high=mean(most))
        low, high = high, min(high * 1.4, most)
    for _ in range(120):
        if gap(low) <= 0.0:
            break
        low, high = low / 1.4, low
    if gap(low) > 0.0 or gap(high) < 0.0:
        raise NoConvergence(what="arl0", rounds=180)
    return high if low == high else float(brentq(gap, low, high, xtol=1e-12 * high, rtol=1e-12))


@dataclass(frozen=True, kw_only=True)
class ChartDesign(Result):
    """The chart that finds a shift soonest among those with one in-control average run length."""

    chart: str
    """``ewma``, ``cusum`` or ``mewma``."""
    shift: float
    """The shift it is made for, in σ (for ``mewma`` the Mahalanobis distance)."""
    parameters: dict[str, float]
    """``lam`` and ``L``, ``k`` and ``h``, or ``lam``, ``h`` and ``p``."""
    arl0: float
    """Average run length without a shift."""
    arl1: float
    """Average run length at ``shift``."""
    shifts: Floats
    """Shifts of the curve, ``(m,)``."""
    run_lengths: Floats
    """Average run length at each of ``shifts``, ``(m,)``."""

    def plot(self) -> Plot:
        """Average run length over the shift, on a logarithmic scale."""
        logs = np.log10(self.run_lengths)
        ticks = tuple((float(power), f"{10**power:g}") for power in range(math.ceil(logs.max()) + 1))
        say = CATALOGUE.text
        settings = ", ".join(f"{name} = {value:.4g}" for name, value in self.parameters.items())
        return Plot(
            title=say("plot.design-title", chart=self.chart.upper()),
            panels=(
                Panel(
                    title=say("plot.curve", settings=settings),
                    x=Axis(say("plot.shift")),
                    y=Axis(say("plot.arl"), ticks=ticks),
                    layers=(
                        Line(say("plot.arl"), self.shifts, logs),
                        Level(say("plot.arl0"), math.log10(self.arl0), "reference", f"{self.arl0:.4g}"),
                        Upright(say("plot.made-for"), self.shift, "target", f"{self.shift:g}"),
                    ),
                ),
            ),
            note=say("plot.design-note", arl1=f"{self.arl1:.4g}", shift=f"{self.shift:g}"),
        )


def best_ewma(shift: float, arl0: float, sided: Sided = "two") -> ChartDesign:
    """The EWMA chart (λ, L) with the shortest average run length at ``shift`` among those with ``arl0``.

    λ is searched in [.01, 1]; asymptotic limits.

    Raises
    ------
    NotPositive, OutOfRange, NotFinite, UnknownOption

    Source: S. V. Crowder, J. Quality Technology 21 (1989) 155; J. M. Lucas and M. S. Saccucci, Technometrics
    32 (1990) 1.
    """
    moved, wanted = _moved(shift), _wanted(arl0)
    one_of(sided, ("two", "one"), "sided")

    def made(log_lam: float) -> float:
        lam = math.exp(log_lam)
        return ewma(lam, design_ewma(lam, wanted, sided), moved, sided)

    lam = math.exp(_least(made, math.log(0.01), 0.0))
    width = design_ewma(lam, wanted, sided)
    return _design("ewma", moved, wanted, {"lam": lam, "L": width}, lambda at: ewma(lam, width, at, sided))


def best_cusum(shift: float, arl0: float, sided: Sided = "two") -> ChartDesign:
    """The CUSUM (k, h) for ``shift`` with in-control average run length ``arl0``: ``k = shift/2``.

    Raises
    ------
    NotPositive, OutOfRange, NotFinite, UnknownOption

    Source: k = δ/2 is the reference value of the likelihood ratio (E. S. Page, Biometrika 41 (1954) 100), and
    optimal by the criterion of G. V. Moustakides, Annals of Statistics 14 (1986) 1379.
    """
    moved, wanted = _moved(shift), _wanted(arl0)
    k = 0.5 * moved
    h = design_cusum(k, wanted, sided)
    return _design("cusum", moved, wanted, {"k": k, "h": h}, lambda at: cusum(k, h, at, sided))


def best_mewma(shift: float, p: int, arl0: float) -> ChartDesign:
    """The MEWMA chart (λ, h) with the shortest average run length at ``shift`` among those with ``arl0``.

    λ is searched in [.02, 1]; ``shift`` is a Mahalanobis distance.

    Raises
    ------
    NotPositive, OutOfRange, NotACount, NotFinite

    Source: S. S. Prabhu and G. C. Runger, "Designing a multivariate EWMA control chart", J. Quality
    Technology 29 (1997) 8.
    """
    moved, wanted, variables = _moved(shift), _wanted(arl0), dimensions(p)

    def made(log_lam: float) -> float:
        lam = math.exp(log_lam)
        return mewma(lam, design_mewma(lam, variables, wanted), variables, moved)

    lam = math.exp(_least(made, math.log(0.02), 0.0))
    h = design_mewma(lam, variables, wanted)
    parameters = {"lam": lam, "h": h, "p": float(variables)}
    return _design("mewma", moved, wanted, parameters, lambda at: mewma(lam, h, variables, at))


def _moved(shift: float) -> float:
    return positive(abs(float(numbers(shift, "shift"))), "shift")


def _least(made: Callable[[float], float], low: float, high: float) -> float:
    """Where ``made`` is least on [low, high]: a coarse grid first, because the ends may be flat."""
    grid = np.linspace(low, high, 9)
    values = [made(float(at)) for at in grid]
    best = int(np.argmin(values))
    bounds = (float(grid[max(best - 1, 0)]), float(grid[min(best + 1, grid.size - 1)]))
    found = minimize_scalar(made, bounds=bounds, method="bounded", options={"xatol": 1e-3})
    return float(found.x) if found.fun < values[best] else float(grid[best])


def _design(
    chart: str, shift: float, arl0: float, parameters: dict[str, float], mean: Callable[[float], float]
) -> ChartDesign:
    shifts = np.linspace(0.0, max(3.0, 2.0 * shift), 31)
    return ChartDesign(
        chart=chart,
        shift=shift,
        parameters=parameters,
        arl0=arl0,
        arl1=mean(shift),
        shifts=shifts,
        run_lengths=np.array([mean(float(at)) for at in shifts]),
    )
