"""Charts of profiles against published constants, a published example and fits made another way."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache, partial
from typing import Any

import numpy as np
from scipy.stats import f, linregress, t

from assay.stats import arl, charts
from assay.stats.charts.line_charts import LinearProfileChart, Method, ewma_r_width, ewma_widths
from assay.stats.charts.profile_charts import ProfileChart
from assay.stats.verify.check import Check, Section, Tolerance

KIM = "Kim, Mahmoud and Woodall, J. Quality Technology 35 (2003) 317"
KANG = "Kang and Albin, J. Quality Technology 32 (2000) 418"
NIST = "NIST/SEMATECH e-Handbook of Statistical Methods, section 2.3.7: linewidths"
LINEWIDTHS = (0.76, 3.29, 8.89)
DAYS = (
    (1.12, 3.49, 9.11),
    (0.99, 3.53, 8.89),
    (1.05, 3.46, 9.02),
    (0.76, 3.75, 9.30),
    (0.96, 3.53, 9.05),
    (1.03, 3.52, 9.02),
)
"""Measured line widths (µm) of three reference lines on six days."""
CLOSE = Tolerance(relative=1e-9)


@cache
def nist() -> ProfileChart:
    """The calibration line of the handbook, watched over six days."""
    middle = float(np.mean(LINEWIDTHS))
    return charts.profiles(LINEWIDTHS, DAYS, mean=[0.2817 + 0.9767 * middle, 0.9767], sigma=0.06826)


@cache
def six_days() -> LinearProfileChart:
    """The same days, each judged by all."""
    return charts.linear_profiles(LINEWIDTHS, DAYS)


@cache
def followed_days(method: Method) -> LinearProfileChart:
    """The days followed from the handbook's line."""
    middle = float(np.mean(LINEWIDTHS))
    return charts.linear_profiles(
        LINEWIDTHS, DAYS, method=method, intercept=0.2817 + 0.9767 * middle, slope=0.9767, sigma=0.06826
    )


@cache
def fits() -> list[Any]:
    """Each day's line by SciPy."""
    return [linregress(LINEWIDTHS, day) for day in DAYS]


def checks() -> Iterator[Check]:
    """Every chart of profiles with its references."""
    yield from _constants()
    yield from _lines()


_check = Section("profiles", "multivariate").check


def _constants() -> Iterator[Check]:
    simulated = "the paper's constant is from simulation"
    yield _check(
        "ewma.width.mean",
        "Linear profiles, width of the EWMAs of intercept and slope, λ 0.2, k 4, average run length 200",
        source=KIM,
        origin="published",
        reference=3.0156,
        compute=lambda: ewma_widths(0.2, 200.0, 2.0)[0],
        tolerance=Tolerance(relative=2e-3),
        note=simulated,
    )
    # The paper approximates Var ln s² by 2/f + 2/f² + 4/(3f³) − 16/(15f⁵) = 1.6333; ψ′(1) = 1.6449.
    yield _check(
        "ewma.width.variance",
        "Linear profiles, width of the EWMA of ln s², λ 0.2, k 4, average run length 200",
        source=KIM,
        origin="published",
        reference=1.3723,
        compute=lambda: ewma_widths(0.2, 200.0, 2.0)[1] * math.sqrt(math.pi**2 / 6.0 / (49.0 / 30.0)),
        tolerance=Tolerance(relative=2e-3),
        note=simulated,
    )
    yield _check(
        "ewma_r.width",
        "Linear profiles, common width of EWMA and R chart, λ 0.2, k 4, average run length 200",
        source=KANG,
        origin="published",
        reference=3.1151,
        compute=lambda: ewma_r_width(0.2, 200.0, 4),
        tolerance=Tolerance(relative=5e-3),
        note=simulated,
    )
    yield _check(
        "arl.ewma_log_variance",
        "EWMA of ln s², average run length at the paper's width, λ 0.2, two degrees of freedom",
        source=f"{KIM}: 584.5 for each of three charts",
        origin="published",
        reference=584.5,
        compute=lambda: arl.ewma_log_variance(0.2, 1.3723 * math.sqrt(49.0 / 30.0 / (math.pi**2 / 6.0)), 2.0),
        tolerance=Tolerance(relative=0.02),
        note=simulated,
    )
    yield _check(
        "arl.design_ewma_log_variance",
        "EWMA of ln s², average run length of the designed width, λ 0.1, 9 degrees of freedom",
        source="the average run length asked for",
        origin="recomputed",
        reference=370.0,
        compute=lambda: arl.ewma_log_variance(0.1, arl.design_ewma_log_variance(0.1, 370.0, 9.0), 9.0),
        tolerance=Tolerance(relative=1e-8),
    )


def _lines() -> Iterator[Check]:
    yield _check(
        "nist.day",
        "Linear profiles, the day that is out of control",
        source=NIST,
        origin="published",
        reference=4.0,
        compute=lambda: float(nist().flagged[0] + 1) if len(nist().flagged) == 1 else math.nan,
        tolerance=Tolerance(absolute=0.0),
    )
    slopes = np.array([fit.slope for fit in fits()])
    x = np.array(LINEWIDTHS)
    heights = np.array([fit.intercept for fit in fits()]) + slopes * x.mean()
    residuals = np.array(DAYS) - heights[:, None] - slopes[:, None] * (x - x.mean())
    variances = (residuals**2).sum(axis=1)
    width, sxx = float(variances.mean()), float(((x - x.mean()) ** 2).sum())
    m, k = len(DAYS), len(LINEWIDTHS)
    share = 1.0 - (1.0 - 1.0 / 200.0) ** (1.0 / 3.0)
    quantile = float(t.isf(share / 2.0, m * (k - 2)))
    for name, computed, reference in (
        ("intercept", lambda: float(six_days().intercepts[3]), heights[3]),
        ("slope", lambda: float(six_days().slopes[3]), slopes[3]),
        ("residual_variance", lambda: float(six_days().residual_variances[3]), variances[3]),
    ):
        yield _check(
            f"line.{name}",
            f"Linear profiles, {name.replace('_', ' ')} of day 4",
            source="scipy.stats.linregress",
            origin="recomputed",
            reference=float(reference),
            compute=computed,
            tolerance=Tolerance(relative=1e-8),
        )
    yield _check(
        "line.intercept.ucl",
        "Linear profiles, upper limit of the intercept, phase I",
        source=f"ā + t·√((m − 1)·s²/(mk)) ({KIM})",
        origin="recomputed",
        reference=float(heights.mean() + quantile * math.sqrt((m - 1) * width / (m * k))),
        compute=lambda: float(six_days().limits[1]),
        tolerance=CLOSE,
    )
    yield _check(
        "line.slope.ucl",
        "Linear profiles, upper limit of the slope, phase I",
        source=f"b̄ + t·√((m − 1)/m · s²/Sxx) ({KIM})",
        origin="recomputed",
        reference=float(slopes.mean() + quantile * math.sqrt((m - 1) / m * width / sxx)),
        compute=lambda: float(six_days().companions[0].limits[1]),
        tolerance=CLOSE,
    )
    ratio = float(f.isf(share / 2.0, k - 2, (m - 1) * (k - 2)))
    yield _check(
        "line.variance.ucl",
        "Linear profiles, upper limit of the residual variance, phase I",
        source=f"m·F·s²/(m − 1 + F) ({KIM})",
        origin="recomputed",
        reference=m * ratio * width / (m - 1 + ratio),
        compute=lambda: float(six_days().companions[1].limits[1]),
        tolerance=CLOSE,
    )
    apart = np.array([heights[3] - 0.2817 - 0.9767 * x.mean(), slopes[3] - 0.9767])
    yield _check(
        "t2.day4",
        "Profiles, T² of day 4 against the handbook's line",
        source=f"(k·Δa² + Sxx·Δb²)/σ² ({KANG})",
        origin="recomputed",
        reference=float((k * apart[0] ** 2 + sxx * apart[1] ** 2) / 0.06826**2),
        compute=lambda: float(nist().statistics[3]),
        tolerance=CLOSE,
    )
    lam, center = 0.2, 0.2817 + 0.9767 * x.mean()
    deviations = np.array(DAYS) - 0.2817 - 0.9767 * x
    weights = lam * (1.0 - lam) ** np.arange(m - 1, -1, -1)
    followed: tuple[tuple[str, Method, float], ...] = (
        ("ewma", "ewma", float(center + weights @ (heights - center))),
        ("ewma_r", "ewma_r", float(weights @ deviations.mean(axis=1))),
    )
    for name, method, reference in followed:
        yield _check(
            f"line.{name}",
            f"Linear profiles, method {name}, main statistic of day 6",
            source="Σ λ(1 − λ)^(6 − j) times the daily deviations",
            origin="recomputed",
            reference=reference,
            compute=partial(_last_of, method),
            tolerance=CLOSE,
        )
    yield _check(
        "line.range",
        "Linear profiles, method ewma_r, range of day 4",
        source="largest less smallest deviation from the line",
        origin="recomputed",
        reference=float(np.ptp(deviations[3])),
        compute=lambda: float(followed_days("ewma_r").companions[0].statistics[3]),
        tolerance=CLOSE,
    )


def _last_of(method: Method) -> float:
    return float(followed_days(method).statistics[-1])
