"""The distribution of the run length of EWMA charts and CUSUMs: standard deviation and quantiles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assay.stats.arl._absorbing import mean_from, mean_times
from assay.stats.arl._cusum import WIDEST, cusum_chain
from assay.stats.arl._design import CATALOGUE
from assay.stats.arl._ewma import Chain, Sided, ewma_chain
from assay.stats.arrays import Floats, between, numbers, positive, vector
from assay.stats.errors import OutOfRange
from assay.stats.plot.spec import Axis, Line, Panel, Plot, Upright
from assay.stats.result import Result

EXACT_STEPS = 20_000
"""Up to here every probability is computed; beyond, the tail is geometric to all digits that matter."""


@dataclass(frozen=True, kw_only=True)
class RunLength(Result):
    """Zero-state distribution of the run length N of a chart."""

    chart: str
    shift: float
    arl: float
    """Mean of N."""
    sdrl: float
    """Standard deviation of N."""
    median: int
    probabilities: Floats
    """Probabilities asked for, ``(m,)``."""
    quantiles: tuple[int, ...]
    """The least n with P(N ≤ n) ≥ each of ``probabilities``."""
    lengths: Floats
    """n of the curve, ``(k,)``."""
    cumulative: Floats
    """P(N ≤ n) at each of ``lengths``, ``(k,)``."""

    def plot(self) -> Plot:
        """Probability of a signal up to each observation."""
        say = CATALOGUE.text
        return Plot(
            title=say("plot.run-length-title", chart=self.chart.upper()),
            panels=(
                Panel(
                    title=say("plot.run-length", shift=f"{self.shift:g}"),
                    x=Axis(say("plot.observation")),
                    y=Axis(say("plot.cumulative"), low=0.0, high=1.0),
                    layers=(
                        Line(say("plot.cumulative"), self.lengths, self.cumulative, steps=True),
                        Upright(say("plot.arl"), self.arl, "reference", f"{self.arl:.4g}"),
                        Upright(say("plot.median"), float(self.median), "target", str(self.median)),
                    ),
                ),
            ),
            note=say("plot.run-length-note", arl=f"{self.arl:.5g}", sdrl=f"{self.sdrl:.5g}"),
        )


def run_length_ewma(
    lam: float,
    L: float,  # noqa: N803 - the field's own letter
    shift: float = 0.0,
    sided: Sided = "two",
    *,
    probabilities: Sequence[float] = (0.05, 0.25, 0.5, 0.75, 0.95),
    reflect: float = 0.0,
) -> RunLength:
    """The run length distribution of an EWMA chart with asymptotic limits; parameters as in :func:`ewma`.

    Raises
    ------
    OutOfRange, NotPositive, NotFinite, UnknownOption

    Source: S. V. Crowder, Technometrics 29 (1987) 401.
    """
    chain = ewma_chain(lam, L, shift, sided, reflect=reflect)
    return _distribution("ewma", float(shift), chain, probabilities)


def run_length_cusum(
    k: float,
    h: float,
    shift: float = 0.0,
    *,
    probabilities: Sequence[float] = (0.05, 0.25, 0.5, 0.75, 0.95),
) -> RunLength:
    """The run length distribution of a one-sided CUSUM started at 0; parameters as in :func:`cusum`.

    Raises
    ------
    OutOfRange, NotPositive, NotFinite

    Source: E. S. Page, Biometrika 41 (1954) 100; K.-H. Waldmann, "Bounds for the distribution of the run
    length of one-sided and two-sided CUSUM quality control schemes", Technometrics 28 (1986) 61.
    """
    k = between(k, "k", 0.0, math.inf)
    h = between(positive(h, "h"), "h", 0.0, WIDEST)
    moved = float(numbers(shift, "shift"))
    return _distribution("cusum", moved, cusum_chain(k, h, moved), probabilities)


def _distribution(chart: str, shift: float, chain: Chain, probabilities: Sequence[float]) -> RunLength:
    asked = vector(probabilities, "probabilities")
    for value in asked:
        between(float(value), "probabilities", 1e-9, 1.0 - 1e-9)
    times = mean_times(chain.kernel, chain.escape)
    mean = mean_from(chain.start, times)
    if not mean < 1e8:
        raise OutOfRange(name="arl", value=mean, low=1, high=1e8)
    # E N(N − 1) = 2 Σ t P(N > t): the means summed once more.
    again = np.linalg.solve(np.eye(times.size) - chain.kernel, times)
    factorial = 2.0 * float(chain.start @ again)
    survival = survival_of(chain)
    spread = math.sqrt(max(factorial + mean - mean * mean, 0.0))
    quantiles = tuple(survival.quantile(float(value)) for value in asked)
    last = max(survival.quantile(0.995), 2)
    lengths = np.unique(np.linspace(1, last, min(last, 400)).round())
    return RunLength(
        chart=chart,
        shift=shift,
        arl=mean,
        sdrl=spread,
        median=survival.quantile(0.5),
        probabilities=asked,
        quantiles=quantiles,
        lengths=lengths,
        cumulative=np.array([1.0 - survival.above(int(at)) for at in lengths]),
    )


@dataclass(frozen=True)
class Survival:
    """P(N > n): listed from n = 0 on, and geometric with ``ratio`` behind the list."""

    listed: Floats
    ratio: float

    def above(self, n: int) -> float:
        """P(N > n)."""
        last = self.listed.size - 1
        return float(self.listed[n] if n <= last else self.listed[last] * self.ratio ** (n - last))

    def quantile(self, probability: float) -> int:
        """The least n with P(N > n) ≤ 1 − probability."""
        left = 1.0 - probability
        last = self.listed.size - 1
        if self.listed[last] <= left:
            return int(np.argmax(self.listed <= left))
        return last + math.ceil(math.log(left / self.listed[last]) / math.log(self.ratio) - 1e-9)


def survival_of(chain: Chain) -> Survival:
    """Step the distribution on until its shape no longer changes; from there the tail is geometric."""
    mass = chain.start
    listed = [1.0, float(mass.sum())]
    ratio = 0.0
    for _ in range(EXACT_STEPS):
        if listed[-1] < 1e-12:
            break
        onward = mass @ chain.kernel
        survived = float(onward.sum())
        now = survived / listed[-1]
        listed.append(survived)
        same = np.abs(onward - now * mass).max() < 1e-13 * onward.max()
        mass, ratio = onward, now
        if same:
            break
    return Survival(np.array(listed), ratio)


def mean_together(charts: Sequence[Survival]) -> float:
    """Mean number of observations until the first signal of independent charts: Σ Π P(Nᵢ > n)."""
    length = max(chart.listed.size for chart in charts)
    alive, ratio = np.ones(length), 1.0
    for chart in charts:
        behind = chart.listed[-1] * chart.ratio ** np.arange(1.0, length - chart.listed.size + 1.0)
        alive *= np.concatenate((chart.listed, behind))
        ratio *= chart.ratio
    return float(alive.sum() + alive[-1] * ratio / (1.0 - ratio))
