"""Effects of one group against the rest: risk ratio and difference, mean shift; stratified, clustered.

Point estimates are Mantel-Haenszel (Rothman, Greenland & Lash, *Modern Epidemiology*, 3rd ed., ch. 15).
Intervals use the linearisation of Greenland & Robins (1985), Biometrics 41, 55-68, with the contributions
summed per cluster, so that several runs on one workpiece count as one; with every cluster of size one this
is their variance. Quantiles are Student's t on (clusters of the smaller group − 1) degrees of freedom.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from assay.stats.stratified import tally

Floats = NDArray[np.float64]
Codes = NDArray[np.integer]
Flags = NDArray[np.bool_]
Interval = tuple[float, float]


@dataclass(frozen=True)
class RiskEffect:
    """Risk ratio and difference of a group against the rest, with confidence intervals.

    ``risk`` and ``risk_rest`` are proportions standardised to the strata in which both occur, so that their
    ratio and difference are the effect. A ratio is ``inf`` when the rest has no bad subject; its interval
    then comes from half a bad subject added to each group.
    """

    risk: float
    risk_rest: float
    ratio: float
    ratio_interval: Interval
    difference: float
    difference_interval: Interval


@dataclass(frozen=True)
class MeanEffect:
    """Mean shift of a group against the rest, in the response's unit and in within-group standard deviations.

    ``mean`` and ``mean_rest`` are standardised to the strata in which both occur.
    """

    mean: float
    mean_rest: float
    shift: float
    interval: Interval
    standardised: float


@dataclass(frozen=True)
class _Cells:
    n1: Floats
    n0: Floats
    mean1: Floats
    mean0: Floats
    weight: Floats  # n1 n0 / N


def risk_effect(
    bad: Floats, group: Flags, strata: Codes, clusters: Codes | None, *, level: float = 0.95
) -> RiskEffect:
    """Effect of ``group`` on a 0/1 outcome; all arrays of shape ``(N,)``."""
    cells = _cells(bad, group, strata)
    weight = float(cells.weight.sum())
    if weight == 0:
        nothing = (float("nan"), float("nan"))
        return RiskEffect(_mean(bad[group]), _mean(bad[~group]), nothing[0], nothing, nothing[0], nothing)
    expected1 = float((cells.weight * cells.mean1).sum())
    expected0 = float((cells.weight * cells.mean0).sum())
    difference = (expected1 - expected0) / weight
    own, other = _contributions(bad, group, strata, cells)
    quantile = _quantile(group, clusters, level)
    half = quantile * _root_sum(_per_cluster((own - other) / weight, clusters))
    difference_interval = (max(-1.0, difference - half), min(1.0, difference + half))
    ratio = expected1 / expected0 if expected0 > 0 else float("inf")
    if expected1 > 0 and expected0 > 0:
        spread = quantile * _root_sum(_per_cluster(own / expected1 - other / expected0, clusters))
        interval = (ratio * np.exp(-spread), ratio * np.exp(spread))
    else:
        interval = _halved_interval(bad, group, quantile)
    return RiskEffect(
        expected1 / weight,
        expected0 / weight,
        float(ratio),
        (float(interval[0]), float(interval[1])),
        difference,
        difference_interval,
    )


def mean_effect(
    value: Floats, group: Flags, strata: Codes, clusters: Codes | None, *, level: float = 0.95
) -> MeanEffect:
    """Effect of ``group`` on a numeric outcome; all arrays of shape ``(N,)``."""
    cells = _cells(value, group, strata)
    weight = float(cells.weight.sum())
    if weight == 0:
        return MeanEffect(
            _mean(value[group]), _mean(value[~group]), float("nan"), (float("nan"),) * 2, float("nan")
        )
    mean = float((cells.weight * cells.mean1).sum()) / weight
    mean_rest = float((cells.weight * cells.mean0).sum()) / weight
    shift = mean - mean_rest
    own, other = _contributions(value, group, strata, cells)
    half = _quantile(group, clusters, level) * _root_sum(_per_cluster((own - other) / weight, clusters))
    deviation = value - np.where(group, cells.mean1[strata], cells.mean0[strata])
    freedom = value.size - int((cells.n1 > 0).sum()) - int((cells.n0 > 0).sum())
    within = float(np.sqrt((deviation**2).sum() / freedom)) if freedom > 0 else float("nan")
    return MeanEffect(
        mean,
        mean_rest,
        shift,
        (shift - half, shift + half),
        shift / within if within > 0 else float("nan"),
    )


def proportion_interval(bad: float, total: float, *, level: float = 0.95) -> Interval:
    """Clopper-Pearson interval of a proportion (Clopper & Pearson 1934, Biometrika 26, 404-413)."""
    alpha = 1 - level
    low = float(stats.beta.ppf(alpha / 2, bad, total - bad + 1)) if bad > 0 else 0.0
    high = float(stats.beta.ppf(1 - alpha / 2, bad + 1, total - bad)) if bad < total else 1.0
    return low, high


def rate_interval(bad: Floats, clusters: Codes | None = None, *, level: float = 0.95) -> Interval:
    """Clopper-Pearson interval of the rate of a 0/1 outcome, over the effective number of subjects."""
    effective = bad.size / _design_effect(bad, clusters)
    return proportion_interval(float(bad.mean()) * effective, effective, level=level)


def mean_interval(value: Floats, clusters: Codes | None = None, *, level: float = 0.95) -> Interval:
    """Student interval of a mean, over the effective number of subjects.

    Both ends are the value itself for a single observation.
    """
    mean = float(value.mean())
    if value.size < 2:
        return mean, mean
    effective = max(value.size / _design_effect(value, clusters), 2.0)
    half = float(stats.t.ppf(0.5 + level / 2, effective - 1)) * float(value.std(ddof=1)) / effective**0.5
    return mean - half, mean + half


def _design_effect(response: Floats, clusters: Codes | None) -> float:
    """How much less runs on shared units tell than as many independent ones, at least 1.

    Kish (1965), *Survey Sampling*, sec. 8.2: the variance of the mean over that of independent subjects.
    """
    deviation = response - response.mean()
    spread = float((deviation**2).sum())
    if clusters is None or spread == 0:
        return 1.0
    _, place = np.unique(clusters, return_inverse=True)
    return max(1.0, float((tally(place, deviation) ** 2).sum()) / spread)


def _cells(response: Floats, group: Flags, strata: Codes) -> _Cells:
    count = int(strata.max()) + 1 if strata.size else 0
    n1, t1 = tally(strata[group], count=count), tally(strata[group], response[group], count=count)
    n0, t0 = tally(strata[~group], count=count), tally(strata[~group], response[~group], count=count)
    zero = np.zeros(count)
    return _Cells(
        n1=n1,
        n0=n0,
        mean1=np.divide(t1, n1, out=zero.copy(), where=n1 > 0),
        mean0=np.divide(t0, n0, out=zero.copy(), where=n0 > 0),
        weight=np.divide(n1 * n0, n1 + n0, out=zero.copy(), where=(n1 + n0) > 0),
    )


def _contributions(response: Floats, group: Flags, strata: Codes, cells: _Cells) -> tuple[Floats, Floats]:
    """Each subject's contribution to the weighted sums of the group and of the rest."""
    own_weight = np.divide(cells.weight, cells.n1, out=np.zeros_like(cells.weight), where=cells.n1 > 0)
    rest_weight = np.divide(cells.weight, cells.n0, out=np.zeros_like(cells.weight), where=cells.n0 > 0)
    own = np.where(group, own_weight[strata] * (response - cells.mean1[strata]), 0.0)
    other = np.where(group, 0.0, rest_weight[strata] * (response - cells.mean0[strata]))
    return own, other


def _per_cluster(contribution: Floats, clusters: Codes | None) -> Floats:
    return contribution if clusters is None else tally(clusters, contribution)


def _root_sum(contribution: Floats) -> float:
    return float(np.sqrt((contribution**2).sum()))


def _quantile(group: Flags, clusters: Codes | None, level: float) -> float:
    if clusters is None:
        smaller = min(int(group.sum()), int((~group).sum()))
    else:
        smaller = min(np.unique(clusters[group]).size, np.unique(clusters[~group]).size)
    return float(stats.t.ppf(0.5 + level / 2, max(smaller - 1, 1)))


def _halved_interval(bad: Floats, group: Flags, quantile: float) -> Interval:
    a, n1 = float(bad[group].sum()) + 0.5, float(group.sum()) + 1
    b, n0 = float(bad[~group].sum()) + 0.5, float((~group).sum()) + 1
    centre = np.log((a / n1) / (b / n0))
    half = quantile * np.sqrt(1 / a - 1 / n1 + 1 / b - 1 / n0)
    return float(np.exp(centre - half)), float(np.exp(centre + half))


def _mean(values: Floats) -> float:
    return float(values.mean()) if values.size else float("nan")
