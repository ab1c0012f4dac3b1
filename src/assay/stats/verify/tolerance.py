"""Tolerance intervals and sample sizes against print, other software and other arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from scipy import stats

from assay.stats import sampling
from assay.stats.sampling import sample_size
from assay.stats.verify.check import Check, Tolerance
from assay.stats.verify.sampling import EQUAL, MONTGOMERY, NIST, integrated, line

SPC = "R package spc 0.6.7, tol.lim.fac"
KRISHNAMOORTHY = "Krishnamoorthy & Mathew 2009, Statistical Tolerance Regions, appendix B"

WALD_WOLFOWITZ = {10: 4.4329907864, 30: 3.3497151452, 100: 2.9343128152}
"""Two-sided factors for coverage .99 and confidence .95, by sample size."""
EXACT_TWO_SIDED = {(10, 0.90): 2.856, (5, 0.95): 5.077, (10, 0.95): 3.393, (30, 0.95): 2.555}
EXACT_ONE_SIDED = {(10, 0.90): 2.355, (20, 0.95): 2.396, (30, 0.99): 3.064}


def checks() -> Iterator[Check]:
    """Every tolerance factor and sample size with its reference."""
    yield from _tolerance()
    yield from _sizes()


def _tolerance() -> Iterator[Check]:
    factor = sampling.tolerance_factor
    handbook = partial(line, source=f"{NIST}, 7.2.6.3", tolerance=Tolerance(digits=4))
    yield handbook(
        "tolerance.one-sided.exact",
        "One-sided tolerance factor, n = 43, .90/.99, exact",
        1.8740,
        partial(factor, 43, 0.90, 0.99, sided="one"),
    )
    yield handbook(
        "tolerance.one-sided.approximate",
        "One-sided tolerance factor, n = 43, .90/.99, approximate",
        1.8752,
        partial(factor, 43, 0.90, 0.99, sided="one", method="approximate"),
    )
    yield line(
        "tolerance.two-sided.howe",
        "Two-sided tolerance factor, n = 43, .90/.99, Howe",
        2.217,
        partial(factor, 43, 0.90, 0.99, method="howe"),
        source=f"{NIST}, 7.2.6.3",
        tolerance=Tolerance(digits=3),
    )
    for n, reference in WALD_WOLFOWITZ.items():
        yield line(
            f"tolerance.two-sided.wald-wolfowitz.n{n}",
            f"Two-sided tolerance factor, n = {n}, .99/.95, Wald and Wolfowitz",
            reference,
            partial(factor, n, 0.99, 0.95, method="wald-wolfowitz"),
            source=SPC,
            origin="software",
            tolerance=Tolerance(relative=1e-6),
        )
    for (n, coverage), reference in EXACT_TWO_SIDED.items():
        yield line(
            f"tolerance.two-sided.exact.n{n}.p{coverage:g}",
            f"Two-sided tolerance factor, n = {n}, {coverage:g}/.95, exact",
            reference,
            partial(factor, n, coverage, 0.95),
            source=KRISHNAMOORTHY,
            tolerance=Tolerance(digits=3),
        )
    for (n, coverage), reference in EXACT_ONE_SIDED.items():
        yield line(
            f"tolerance.one-sided.exact.n{n}.p{coverage:g}",
            f"One-sided tolerance factor, n = {n}, {coverage:g}/.95, exact",
            reference,
            partial(factor, n, coverage, 0.95, sided="one"),
            source=KRISHNAMOORTHY,
            tolerance=Tolerance(digits=3),
        )
    ranked = sampling.tolerance_interval(np.arange(1.0, 101.0), 0.90, 0.95, method="nonparametric")
    yield line(
        "tolerance.nonparametric.reached",
        "Confidence of the order statistics 2 and 98 of 100 for 90 % coverage",
        float(stats.beta.sf(0.90, 96, 5)),
        lambda: ranked.reached,
        tolerance=EQUAL,
    )


def _sizes() -> Iterator[Check]:
    size = sample_size
    published: tuple[tuple[str, str, float, Callable[[], float], str], ...] = (
        (
            "tolerance.one",
            "Values for a one-sided 95/95 tolerance bound",
            59,
            lambda: size.tolerance(0.95, sided="one").n,
            "Wilks 1941; ISO 16269-6",
        ),
        (
            "tolerance.two",
            "Values for a two-sided 95/95 tolerance interval",
            93,
            lambda: size.tolerance(0.95).n,
            "Wilks 1941; ISO 16269-6",
        ),
        (
            "success-run.90-90",
            "Success run, 90 % reliability, 90 % confidence",
            22,
            lambda: size.success_run(0.9, 0.9).n,
            "Lipson & Sheth 1973",
        ),
        (
            "success-run.99-95",
            "Success run, 99 % reliability, 95 % confidence",
            299,
            lambda: size.success_run(0.99, 0.95).n,
            "Lipson & Sheth 1973",
        ),
        (
            "proportion.normal",
            "Proportion .10 against .20, one-sided α .05, power .90",
            102,
            lambda: size.proportion(0.1, 0.2, sided="one", method="normal").n,
            f"{NIST}, 7.2.4.2",
        ),
        (
            "proportion-precision",
            "Proportion near .5 to ± .05 with 95 %",
            385,
            lambda: size.proportion_precision(0.5, 0.05).n,
            "Cochran, Sampling Techniques, 3rd ed., §4.4",
        ),
        (
            "mean-precision",
            "Mean to ± 0.1 σ with 95 %",
            385,
            lambda: size.mean_precision(0.1, 1).n,
            f"{MONTGOMERY}, §4.3",
        ),
    )
    for name, statistic, reference, compute, source in published:
        yield line(f"size.{name}", statistic, reference, compute, source=source)
    software: tuple[tuple[str, str, float, Callable[[], float], str], ...] = (
        (
            "mean",
            "One-sample t test, difference .5 σ, α .05, power .80",
            34,
            lambda: size.mean(0.5, 1, power=0.8).n,
            "R 4 power.t.test, statsmodels TTestPower: 33.367",
        ),
        (
            "two-means",
            "Two-sample t test, difference .5 σ, α .05, power .80",
            64,
            lambda: size.two_means(0.5, 1, power=0.8).n,
            "R 4 power.t.test: 63.766",
        ),
        (
            "two-proportions",
            "Two proportions .85 and .90, α .05, power .80",
            686,
            lambda: size.two_proportions(0.85, 0.90, power=0.8).n,
            "R 4 power.prop.test: 685.6",
        ),
    )
    for name, statistic, reference, compute, source in software:
        yield line(f"size.{name}", statistic, reference, compute, source=source, origin="software")
    yield line(
        "size.variance",
        "χ² test of a standard deviation 1.5 times too large, α .05, power .90: n",
        next(n for n in range(2, 200) if stats.chi2.sf(stats.chi2.isf(0.05, n - 1) / 1.5**2, n - 1) >= 0.9),
        lambda: size.variance(1.5).n,
    )
    yield line(
        "size.two-variances",
        "F test of standard deviations with ratio 2, two-sided α .05, power .90: n",
        next(n for n in range(2, 200) if _f_power(n) >= 0.9),
        lambda: size.two_variances(2.0).n,
    )
    yield line(
        "size.capability",
        "n so that an observed Cpk of 1.67 proves 1.33 with 95 %: confidence by integration",
        _capability_confidence(sample_size.capability(1.67, 1.33).n, 1.67, 1.33),
        lambda: size.capability(1.67, 1.33).reached,
        tolerance=EQUAL,
    )


def _f_power(n: int) -> float:
    limit = stats.f.isf(0.025, n - 1, n - 1)
    return float(stats.f.sf(limit / 4, n - 1, n - 1) + stats.f.cdf(1 / limit / 4, n - 1, n - 1))


def _capability_confidence(n: int, cpk: float, required: float) -> float:
    """``P(Ĉpk < cpk)`` when the nearer limit is 3 ``required`` σ away, by the same integral."""
    return 1 - integrated(n, 3 * cpk, float(stats.norm.sf(3 * required)))
