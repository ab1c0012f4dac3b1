"""Checks of type 1 studies, bias, linearity, stability, short studies and uncertainty budgets."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache, partial

import numpy as np
import scipy
from scipy import optimize, stats

from assay.stats import msa
from assay.stats.constants import d2, d3
from assay.stats.verify.check import Check
from assay.stats.verify.msa_studies import AIAG, JASP, line, linearity, of, retest, short_study, type1, values

MASTER = (5.8, 5.7, 5.9, 5.9, 6.0, 6.1, 6.0, 6.1, 6.4, 6.3, 6.0, 6.1, 6.2, 5.6, 6.0)
"""AIAG's fifteen measurements of a part of 6.0."""
STANDARD = (0.0011, 0.0008, 0.0013, 0.0009, 0.0014)
"""Deviations of five measurements of a standard of 20.0."""


def location_checks() -> Iterator[Check]:
    """Everything about one part, or about several of known size."""
    yield from _type1()
    yield from _bias()
    yield from _linearity()
    yield from _short_studies()
    yield from _uncertainty()


def _type1() -> Iterator[Check]:
    other = partial(type1, percent=15, multiplier=4)
    for name, statistic, value, study, path in (
        ("cg", "Cg (15 %, 4 s)", 1.34, other, "cg"),
        ("cgk", "Cgk (15 %, 4 s)", 1.27, other, "cgk"),
        ("percent_repeatability", "%Var(repeatability)", 11.2, other, "percent_repeatability"),
        (
            "percent_repeatability_bias",
            "%Var(repeatability, bias)",
            11.77,
            other,
            "percent_repeatability_bias",
        ),
        ("sd", "standard deviation", 0.420014577006512, type1, "standard_deviation"),
        ("t", "t of the bias", 0.909105737620188, type1, "t"),
        ("p", "p of the bias", 0.367744349288335, type1, "p"),
        ("interval.low", "bias, low", -0.0653668220476197, type1, "bias_interval.low"),
        ("interval.high", "bias, high", 0.17336682204762, type1, "bias_interval.high"),
        ("percent_bias", "bias in percent of the tolerance", 0.36, type1, "percent_bias"),
    ):
        yield line(
            f"type1.{name}",
            f"Type 1 study, {statistic}",
            value,
            of(study, path),
            source=JASP,
            digits=2 if study is other else None,
            relative=1e-3,
            origin="software",
        )
    basic = partial(msa.observed_bias, values("jasp_type1"), reference=-4, tolerance=15)
    yield line(
        "observed_bias", "Observed bias", 0.054, of(basic, "bias"), source=JASP, digits=3, origin="software"
    )


def _bias() -> Iterator[Check]:
    by_range = partial(msa.bias, MASTER, reference=6.0, method="range")
    for path, statistic, value, digits, relative, note in (
        (
            "repeatability",
            "repeatability",
            0.22514,
            None,
            1e-4,
            "the book's d2* of 15 is 3.55333, not 3.55323",
        ),
        ("standard_error", "standard error", 0.05813, 5, None, ""),
        ("df", "degrees of freedom", 10.8, 1, None, ""),
    ):
        yield line(
            f"bias.range.{path}",
            f"Bias by range, {statistic}",
            value,
            of(by_range, path),
            source=f"{AIAG}, independent sample method",
            digits=digits,
            relative=relative,
            note=note,
        )
    # The range of 15 normal values has mean 3.471827 and root mean square 3.553230 standard deviations.
    df = float(optimize.brentq(lambda df: stats.chi(df).mean() / math.sqrt(df) - 3.471827 / 3.553230, 1, 100))
    half = float(stats.t.ppf(0.975, df)) * (0.8 / 3.553230 / math.sqrt(15)) * 3.471827 / 3.553230
    for end, value in (("low", 0.1 / 15 - half), ("high", 0.1 / 15 + half)):
        yield line(
            f"bias.range.{end}",
            f"Bias by range, 95 % interval, {end}",
            value,
            of(by_range, f"bias_interval.{end}"),
            source="bias ± (d2/d2*)·t·σ/√n with degrees of freedom from the χ distribution, recomputed",
            relative=1e-5,
            origin="recomputed",
        )
    yield line(
        "bias.sd.p",
        "Bias by standard deviation, p",
        float(stats.ttest_1samp(MASTER, 6.0).pvalue),
        of(partial(msa.bias, MASTER, reference=6.0), "p"),
        source=f"scipy {scipy.__version__}, ttest_1samp",
        relative=1e-9,
        origin="software",
    )
    yield line(
        "range_degrees_of_freedom.5.20",
        "Degrees of freedom of 20 ranges of 5",
        72.7,
        partial(msa.range_degrees_of_freedom, 5, 20),
        source=f"{AIAG}, stability example and appendix C",
        digits=1,
    )
    table = np.array([[5.9, 6.0, 6.1], [6.0, 6.2, 6.1], [5.8, 6.1, 6.0], [6.1, 6.0, 5.9]])
    master = partial(msa.stability, table, reference=6.0, standard_error="subgroups")
    yield line(
        "stability.standard_error",
        "Stability, standard error of the bias over subgroups",
        0.225 / math.sqrt(d2(3) ** 2 + d3(3) ** 2 / 4) / 2,
        of(master, "bias.standard_error"),
        source="R̄/d2* over the root of the number of subgroups, recomputed",
        relative=1e-9,
        origin="recomputed",
    )
    yield line(
        "stability.center",
        "Stability, centre of the chart of the master",
        6.016666666666667,
        of(master, "chart.center"),
        source="mean of the twelve values, recomputed",
        relative=1e-9,
        origin="recomputed",
    )


def _linearity() -> Iterator[Check]:
    for path, statistic, value, digits in (
        ("slope.estimate", "slope", -0.131667, 6),
        ("intercept.estimate", "intercept", 0.736667, 6),
        ("slope.t", "t of the slope", -12.043, 3),
        ("intercept.t", "t of the intercept", 10.158, 3),
        ("s", "standard deviation of the line", 0.23954, 5),
        ("r_squared", "R²", 0.714, 3),
        ("parts.0.bias", "bias of part 1", 0.491667, 6),
        ("parts.4.bias", "bias of part 5", -0.616667, 6),
    ):
        yield line(
            f"linearity.{path}",
            f"Linearity, {statistic}",
            value,
            of(linearity, path),
            source=f"{AIAG}, linearity example",
            digits=digits,
        )
    for path, statistic, value in (
        ("percent_linearity", "% linearity", 13.1666666666667),
        ("parts.0.p", "p of the bias of part 1", 2.87233310444284e-08),
        ("bias_p", "p of the average bias", 0.0899196050780288),
    ):
        yield line(
            f"linearity.{path}",
            f"Linearity, {statistic}",
            value,
            of(linearity, path),
            source=JASP,
            relative=1e-3,
            origin="software",
            note="over s/√n of the line, n − 2 degrees of freedom" if path == "bias_p" else "",
        )


def _short_studies() -> Iterator[Check]:
    for path, statistic, value in (
        ("grr", "GRR", 0.0434914974122558),
        ("percent_process", "% of the process", 2.17457487061279),
        ("percent_tolerance", "% of the tolerance", 52.189796894707),
    ):
        yield line(
            f"test_retest.{path}",
            f"Short gauge study, {statistic}",
            value,
            of(retest, path),
            source=JASP,
            relative=1e-3,
            origin="software",
            note="" if path == "grr" else "JASP prints the fraction",
        )
    for path, statistic, value, digits in (
        ("grr", "GRR (R̄ .07, five parts, two appraisers)", 0.0588, 4),
        ("percent_process", "%GRR (process standard deviation .0777)", 75.7, 1),
    ):
        yield line(
            f"test_retest.aiag.{path}",
            f"Short gauge study, {statistic}",
            value,
            of(short_study, path),
            source=f"{AIAG}, range method",
            digits=digits,
            relative=1e-3,
            note="the book divides the rounded .0588" if path == "percent_process" else "",
        )


@cache
def _budget() -> msa.Uncertainty:
    return msa.vda5(
        lsl=19.9,
        usl=20.1,
        resolution=0.001,
        calibration_uncertainty=0.002,
        standards={20.0: [20 + deviation for deviation in STANDARD]},
        linearity=0.001,
        u={"EVO": 0.0015, "AV": 0.0012, "IA": 0.0004, "OBJ": 0.002, "T": 0.0011},
    )


def _uncertainty() -> Iterator[Check]:
    deviation = np.array(STANDARD)
    common = 0.001**2 + (float(deviation.mean()) ** 2 + 0.001**2) / 3
    system = math.sqrt(common + max(float(deviation.std(ddof=1)), 0.001 / math.sqrt(12)) ** 2)
    process = math.sqrt(common + 0.0015**2 + 0.0012**2 + 0.0004**2 + 0.002**2 + 0.0011**2)
    for path, statistic, value in (
        ("u_ms", "standard uncertainty of the measuring system", system),
        ("u_mp", "standard uncertainty of the measuring process", process),
        ("q_ms", "Q_MS, percent", 400 * system / 0.2),
        ("q_mp", "Q_MP, percent", 400 * process / 0.2),
        ("tolerance_min_ms", "smallest tolerance of the system", 4 * system / 0.15),
        ("tolerance_min_mp", "smallest tolerance of the process", 4 * process / 0.3),
        ("c_ms", "C_MS", 0.3 * 0.2 / (6 * system)),
        ("c_mp", "C_MP", 0.3 * 0.2 / (3 * process)),
        ("zones.accept_high", "upper end of the acceptance zone", 20.1 - 2 * process),
    ):
        yield line(
            f"vda5.{path}",
            f"Measurement uncertainty, {statistic}",
            value,
            of(_budget, path),
            source="VDA 5, 3rd ed., ch. 4-6 and ISO 22514-7: the formulas recomputed line by line",
            relative=1e-9,
            origin="recomputed",
        )
    threshold = partial(msa.vda5, tolerance=1, u={"EVR": 0.15 / 4})
    yield line(
        "vda5.threshold",
        "C_MS of a system at Q_MS = 15 %",
        1.33,
        of(threshold, "c_ms"),
        source="ISO 22514-7:2021 and VDA 5: two ways to state one threshold",
        digits=2,
    )
    guarded = partial(msa.vda5, lsl=0, usl=1, u={"EVO": 1.0}, guard="iso14253")
    yield line(
        "guard_banded.iso14253",
        "Guard band for 95 % conformance over u",
        1.65,
        of(guarded, "zones.guard_band"),
        source="ISO 14253-1:2017",
        relative=4e-3,
        note="the standard rounds the normal quantile 1.645 up",
    )
    yield line(
        "rectangular",
        "Standard uncertainty of a rectangular distribution of half width 1",
        0.5774,
        partial(msa.rectangular, 1),
        source="GUM (JCGM 100:2008), 4.3.7",
        digits=4,
    )
