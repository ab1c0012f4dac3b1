"""Short-run, regression and acceptance charts against certified and printed numbers, and recomputed ones."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator
from functools import cache, partial
from itertools import pairwise
from typing import Any

import numpy as np
from scipy import optimize, stats

from assay.stats import charts
from assay.stats.charts import AcceptancePlan, ControlChart, FittedLine, RegressionChart
from assay.stats.charts.chart import at
from assay.stats.verify.check import Check, Section, Tolerance
from assay.stats.verify.live import differing

NORRIS = "NIST Statistical Reference Datasets, Norris (linear regression, certified values)"
MONTGOMERY = "Montgomery, Introduction to Statistical Quality Control, 6th ed., section 10.2"
AIAG = "AIAG, Statistical Process Control, 2nd ed. 2005, appendix E"
ISO = "ISO 7870-3, normal operating characteristic, by scipy.stats.norm"
EXACT = Tolerance(absolute=0.0)
CERTIFIED = Tolerance(relative=1e-11)
RECOMPUTED = Tolerance(relative=1e-10)

NORRIS_VALUES = (
    0.1, 338.8, 118.1, 888.0, 9.2, 228.1, 668.5, 998.5, 449.1, 778.9, 559.2, 0.3, 0.1, 778.1, 668.8,
    339.3, 448.9, 10.8, 557.7, 228.3, 998.0, 888.8, 119.6, 0.3, 0.6, 557.6, 339.3, 888.0, 998.5,
    778.9, 10.2, 117.6, 228.9, 668.4, 449.2, 0.2,
)  # fmt: skip
NORRIS_USE = (
    0.2, 337.4, 118.2, 884.6, 10.1, 226.5, 666.3, 996.3, 448.6, 777.0, 558.2, 0.4, 0.6, 775.5,
    666.9, 338.0, 447.5, 11.6, 556.0, 228.1, 995.8, 887.6, 120.2, 0.3, 0.3, 556.8, 339.1, 887.2,
    999.0, 779.0, 11.1, 118.3, 229.2, 669.1, 448.9, 0.5,
)  # fmt: skip
PART = (
    "axle",
    "axle",
    "axle",
    "axle",
    "bush",
    "bush",
    "bush",
    "bush",
    "axle",
    "axle",
    "axle",
    "bush",
    "bush",
    "bush",
)
VALUES = (20.1, 19.8, 20.4, 20.0, 50.9, 50.2, 50.6, 49.9, 20.3, 19.9, 20.2, 50.4, 50.8, 50.1)
"""Two parts in turn; made for this check."""
WEAR = (5.02, 5.11, 5.13, 5.24, 5.21, 5.33, 5.34, 5.45, 5.44, 5.52)
"""Diameters along a tool's use of 0, 10, 20 … pieces; made for this check."""
USE = tuple(10.0 * index for index in range(10))
A2_D3_D4 = {2: (1.880, 0.0, 3.267), 3: (1.023, 0.0, 2.574), 4: (0.729, 0.0, 2.282), 5: (0.577, 0.0, 2.114)}
_check = Section("charts", "charts", tolerance=RECOMPUTED).check


def checks() -> Iterator[Check]:
    """Short-run, regression and acceptance charts with their references."""
    yield from _short_runs()
    yield from _standardised()
    yield from _regression()
    yield from _acceptance()
    yield from _live()


# -- short runs ----------------------------------------------------------------------------------------------


def _of(part: str) -> list[float]:
    return [value for value, name in zip(VALUES, PART, strict=True) if name == part]


def _moving_sigma(values: list[float]) -> float:
    """Mean moving range over d2(2) = 2/√π."""
    return (
        statistics.fmean(abs(after - before) for before, after in pairwise(values)) * math.sqrt(math.pi) / 2
    )


def _short_runs() -> Iterator[Check]:
    apart = [value - statistics.fmean(_of(part)) for value, part in zip(VALUES, PART, strict=True)]
    logs = [math.log(value) for value in VALUES]
    middle = {part: statistics.fmean(math.log(value) for value in _of(part)) for part in set(PART)}
    log_apart = [value - middle[part] for value, part in zip(logs, PART, strict=True)]
    sigma = {
        "parts": _moving_sigma(_of("bush")),
        "runs": _moving_sigma(list(VALUES[11:])),
        "constant": _moving_sigma(apart),
        "relative": _moving_sigma(log_apart),
    }
    for pooling, scale in sigma.items():
        away = log_apart[-1] if pooling == "relative" else apart[-1]
        yield _check(
            f"z_mr.{pooling}",
            f"Z-MR chart pooled by {pooling}: last standardised value",
            away / scale,
            partial(_last_z, pooling),
            source="from the definition, with Python's statistics and d2(2) = 2/√π",
        )
    yield _check(
        "z_mr.ucl",
        "Z-MR chart: upper control limit of the moving ranges",
        3.686,
        lambda: at(charts.z_mr(VALUES, PART).companions[0].limits.ucl, 0),
        source="ASTM MNL 7, table of factors: D2 = 3.686 for n = 2",
        origin="published",
        tolerance=Tolerance(digits=3),
    )
    nominal = {"axle": 20.0, "bush": 50.0}
    deviations = [value - nominal[part] for value, part in zip(VALUES, PART, strict=True)]
    yield _check(
        "target.ucl",
        "Target chart of single values: upper control limit",
        statistics.fmean(deviations) + 3 * _moving_sigma(deviations),
        lambda: at(charts.target(VALUES, PART, nominal=nominal).limits.ucl, 0),
        source="from the definition, with Python's statistics and d2(2) = 2/√π",
    )


def _last_z(pooling: Any) -> float:
    return float(charts.z_mr(VALUES, PART, pooling=pooling).statistics[-1])


def _standardised() -> Iterator[Check]:
    for n, printed in A2_D3_D4.items():
        for name, reference, place in (("A2", printed[0], 0), ("D3", printed[1], 1), ("D4", printed[2], 2)):
            yield _check(
                f"standardised.{name}.{n}",
                f"Standardised X̄-R chart of {n}: limit {name}",
                reference,
                partial(_standardised_limit, n, place),
                source=AIAG,
                origin="published",
                tolerance=Tolerance(digits=3, absolute=1.1e-3),
                note="the printed tables differ from the exact constants by up to 1 in the last digit",
            )
    counts, sizes = (4, 6, 3, 9, 12, 10), (100, 120, 80, 100, 110, 90)
    parts = ("a", "a", "a", "b", "b", "b")
    share = 31 / 300
    yield _check(
        "standardised_p.z",
        "Standardised p chart: last point",
        (10 / 90 - share) / math.sqrt(share * (1 - share) / 90),
        lambda: float(charts.standardised_p(counts, sizes, parts).statistics[-1]),
        source="Montgomery, 6th ed., table 10.3",
    )
    yield _check(
        "standardised_u.z",
        "Standardised u chart: last point",
        (10 / 90 - share) / math.sqrt(share / 90),
        lambda: float(charts.standardised_u(counts, sizes, parts).statistics[-1]),
        source="Montgomery, 6th ed., table 10.3",
    )


def _standardised_limit(n: int, place: int) -> float:
    rows = np.array(VALUES)[: 12 // n * n].reshape(-1, n)
    chart = charts.standardised(rows, ["axle"] * rows.shape[0])
    return [at(chart.limits.ucl, 0), *(at(limit, 0) for limit in chart.companions[0].limits)][place]


# -- regression ----------------------------------------------------------------------------------------------


@cache
def _norris() -> RegressionChart:
    return charts.regression(NORRIS_VALUES, NORRIS_USE)


@cache
def _wear() -> RegressionChart:
    return charts.regression(WEAR, USE)


def _regression() -> Iterator[Check]:
    certified = {
        "intercept": -0.262323073774029,
        "slope": 1.00211681802045,
        "sigma": 0.884796396144373,
    }
    for name, reference in certified.items():
        yield _check(
            f"regression.norris.{name}",
            f"Regression chart: {name}",
            reference,
            partial(_of_line, name),
            source=NORRIS,
            origin="published",
            tolerance=CERTIFIED,
        )
    slope_error = 0.429796848199937e-03
    yield _check(
        "regression.norris.slope_error",
        "Regression chart: standard error of the slope, from its interval",
        slope_error,
        lambda: _half_width(_norris().lines[0]) / float(stats.t.ppf(0.975, 34)),
        source=NORRIS,
        origin="published",
        tolerance=CERTIFIED,
    )
    residuals = _residuals()
    yield _check(
        "regression.mr",
        "Regression chart: sigma from moving ranges of the residuals",
        _moving_sigma(residuals),
        lambda: at(charts.regression(WEAR, USE, estimator="mr").sigma, 0),
        source="numpy.polyfit, mean moving range over d2(2) = 2/√π",
    )
    for of in ("mean", "value"):
        for end in ("low", "high"):
            yield _check(
                f"regression.crossing.{of}.{end}",
                f"Crossing of a limit, {of}: {end} bound of the interval",
                _searched(of, end),
                partial(_crossing, of, end),
                source="scipy.optimize.brentq on the interval of the line (Draper & Smith 1998, sec. 1.4)",
            )
    yield _check(
        "regression.plan.life",
        "Tool wear: use between setting and change",
        (6.0 - 5.0 - 6 * _deviation()) / np.polyfit(USE, WEAR, 1)[0],
        lambda: charts.wear_plan(_wear().lines[0], lsl=5.0, usl=6.0).life,
        source="numpy.polyfit; Montgomery, 6th ed., section 10.7.3",
    )


def _of_line(name: str) -> float:
    return float(getattr(_norris().lines[0], name))


def _half_width(line: FittedLine) -> float:
    low, high = line.slope_interval()
    return (high - low) / 2


def _residuals() -> list[float]:
    found: list[float] = (np.array(WEAR) - np.polyval(np.polyfit(USE, WEAR, 1), USE)).tolist()
    return found


def _deviation() -> float:
    return math.sqrt(sum(residual**2 for residual in _residuals()) / (len(WEAR) - 2))


def _searched(of: str, end: str) -> float:
    """Where the interval about the line touches the limit 6.0, by bisection."""
    slope, intercept = np.polyfit(USE, WEAR, 1)
    middle, spread = statistics.fmean(USE), sum((use - statistics.fmean(USE)) ** 2 for use in USE)
    reach = float(stats.t.ppf(0.975, len(WEAR) - 2)) * _deviation()
    sign = 1 if end == "low" else -1

    def gap(use: float) -> float:
        share = 1 / len(WEAR) + (use - middle) ** 2 / spread + (of == "value")
        return float(intercept + slope * use + sign * reach * math.sqrt(share) - 6.0)

    return float(optimize.brentq(gap, 0, 1_000, xtol=1e-12, rtol=1e-14))


def _crossing(of: Any, end: str) -> float:
    return float(getattr(_wear().crossing(6.0, of=of), end))


# -- acceptance ----------------------------------------------------------------------------------------------


@cache
def _plan() -> AcceptancePlan:
    return charts.acceptance_plan(sigma=1, lsl=-10, usl=10, p1=0.01, alpha=0.00135, p2=0.05, beta=0.20)


def _acceptance() -> Iterator[Check]:
    yield _check(
        "acceptance.n",
        "Acceptance control chart: sample size for δ = .01, α = .00135, γ = .05, β = .20",
        32,
        lambda: _plan().n,
        source=MONTGOMERY,
        origin="published",
        tolerance=EXACT,
        note="before rounding up 31.78; the book's rounded quantiles give 31.43",
    )
    for name, level, chance in (("alpha", 0, 0.00135), ("beta", 1, 0.20)):
        yield _check(
            f"acceptance.{name}_kept",
            f"Acceptance control chart: {name} above what was asked for, after n is rounded up",
            0,
            partial(_excess, name, chance),
            source=ISO,
            tolerance=EXACT,
        )
        yield _check(
            f"acceptance.{name}",
            f"Acceptance control chart: {name} as the limits have it",
            _risk(level),
            partial(_planned, name),
            source=ISO,
        )
    for name, limit in (
        ("acceptable", _by_hand(0.001, -1.6448536269514722)),
        ("rejectable", _by_hand(0.02, 1.0)),
    ):
        yield _check(
            f"acceptance.{name}.ucl",
            f"Acceptance control chart from the {name} level: upper limit, n = 4, sigma = 0.5",
            limit,
            partial(_upper, name),
            source="usl − (z(p) ∓ z/√n)·sigma by scipy.stats.norm (Montgomery, 6th ed., section 10.2)",
        )
    yield _check(
        "modified.ucl",
        "X̄ chart with modified limits: upper limit, n = 4, sigma = 0.5, δ = .001",
        10 - (float(stats.norm.isf(0.001)) - 3 / 2) * 0.5,
        lambda: at(
            charts.modified(_rows(), usl=10, p1=0.001, sigma=0.5).limits.ucl,
            0,
        ),
        source="usl − (z(δ) − 3/√n)·sigma by scipy.stats.norm (Montgomery, 6th ed., section 10.2.1)",
    )


def _by_hand(share: float, z: float) -> float:
    return 10 - (float(stats.norm.isf(share)) + z / 2) * 0.5


def _rows() -> np.ndarray[Any, Any]:
    return np.array(VALUES[:4] * 3).reshape(3, 4) / 4


def _upper(name: str) -> float:
    if name == "acceptable":
        return at(charts.acceptance(_rows(), usl=10, p1=0.001, sigma=0.5).limits.ucl, 0)
    beta = float(stats.norm.sf(1.0))
    return at(charts.acceptance(_rows(), usl=10, p2=0.02, beta=beta, sigma=0.5).limits.ucl, 0)


def _planned(name: str) -> float:
    return float(getattr(_plan(), name))


def _excess(name: str, chance: float) -> float:
    return max(0.0, _planned(name) - chance)


def _risk(level: int) -> float:
    """The chance of the wrong answer with a process at the APL or RPL, with n = 32."""
    a, r = float(stats.norm.isf(0.01)), float(stats.norm.isf(0.05))
    z_a, z_b = float(stats.norm.isf(0.00135)), float(stats.norm.isf(0.20))
    inward = (a * z_b + r * z_a) / (z_a + z_b)
    return float(stats.norm.sf(((a - inward) if level == 0 else (inward - r)) * math.sqrt(32)))


# -- live ----------------------------------------------------------------------------------------------------


def _live() -> Iterator[Check]:
    rows = np.array([[value, value + 0.2, value - 0.1] for value in VALUES])
    counts, sizes = np.array([4.0, 6, 3, 9, 12, 10, 5]), np.full(7, 100.0)
    limits: dict[str, Any] = {"lsl": 0.0, "usl": 90.0, "p1": 0.001, "p2": 0.02}
    cases: dict[str, tuple[Callable[..., ControlChart], tuple[Any, ...]]] = {
        "z_mr": (charts.z_mr, (np.array(VALUES), np.array(PART))),
        "target": (charts.target, (rows, np.array(PART))),
        "standardised": (charts.standardised, (rows, np.array(PART))),
        "standardised_p": (charts.standardised_p, (counts, sizes, np.array(list("ababbab")))),
        "standardised_u": (charts.standardised_u, (counts, sizes, np.array(list("ababbab")))),
        "regression": (charts.regression, (np.array(WEAR), np.array(USE))),
        "acceptance": (partial(charts.acceptance, **limits), (rows[:4],)),
        "modified": (partial(charts.modified, usl=90.0, p1=0.001), (rows[:4],)),
    }
    for name, (make, data) in cases.items():
        yield _check(
            f"live.{name}",
            f"{name}: numbers and flags in which the live chart differs from the batch chart",
            0,
            partial(differing, make, data, len(data[0]) - 2),
            source="the batch chart of all points",
            tolerance=EXACT,
        )
