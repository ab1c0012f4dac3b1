"""Shewhart charts against R's qcc, printed examples, and other ways to the same number."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import cache, partial
from importlib.resources import files
from itertools import pairwise
from typing import Any

import numpy as np
from scipy import optimize, stats

from assay.stats import charts
from assay.stats.arrays import Floats
from assay.stats.charts import ControlChart
from assay.stats.charts.chart import at
from assay.stats.verify.check import Check, Section, Tolerance
from assay.stats.verify.live import differing

QCC = "R package qcc 3.0 (af35099) under R 4.2.2"
NIST = "NIST/SEMATECH e-Handbook of Statistical Methods, 6.3.2.2, individuals control charts"
MONTGOMERY = "Montgomery, Introduction to Statistical Quality Control, 6th ed., example 7.6"
AIAG = "AIAG, Statistical Process Control, 2nd ed. 2005, appendix E"
CLOSE = Tolerance(relative=1e-6, absolute=1e-12)
EXACT = Tolerance(absolute=0.0)
RECOMPUTED = Tolerance(relative=1e-9)

FLOW = (49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6, 52.4, 53.6, 52.1)
"""Flow rates of ten batches, NIST 6.3.2.2."""
FAILURES = (286, 948, 536, 124, 816, 729, 4, 143, 431, 8, 2837, 596, 81, 227, 603, 492, 1199, 1214, 2831, 96)
"""Hours between failures of a valve, Montgomery."""
TRANSFORMED = (4.80986, 6.70903, 5.72650, 3.81367, 6.43541, 6.23705, 1.46958, 3.96768, 5.39007, 1.78151)
"""The first ten to the power 1/3.6 as Montgomery prints them."""
MEDIAN_FACTORS = {3: 1.187, 4: 0.796, 5: 0.691}
"""Factor of the median chart by sample size: limits are the centre ± this · R̄."""
_check = Section("charts", "charts", tolerance=RECOMPUTED).check


@cache
def _qcc() -> dict[str, Any]:
    text = files("assay.stats.verify").joinpath("data", "charts_qcc.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def checks() -> Iterator[Check]:
    """Every Shewhart chart with its references."""
    for name in _qcc()["charts"]:
        yield from _against_qcc(name)
    yield from _printed()
    yield from _recomputed()
    yield from _live()


# -- against qcc ---------------------------------------------------------------------------------------------


@cache
def _chart(name: str) -> ControlChart:
    """The chart of an entry of the reference, under qcc's conventions."""
    data_name, kind, *rest = name.split("_")
    data = _qcc()["data"].get(data_name)
    rules = "nelson" if "nelson" in rest else "western_electric"
    if data_name == "pistonrings":
        values, groups = np.array(data["values"]), np.arange(200) // 5
        if kind == "variable":
            kept = np.ones(200, bool)
            kept[np.array(_qcc()["charts"][name]["removed_rows"]) - 1] = False
            values, groups, kind = values[kept], groups[kept], rest[-1]
        subgroup_chart = {"xbar": charts.xbar_r, "R": charts.r, "S": charts.s}[kind]
        confidence = 0.99 if "conf99" in rest else None
        phase1 = slice(0, data["phase1"])
        return subgroup_chart(
            values, groups, phase1=phase1, rules=rules, constants="tabled", confidence=confidence
        )
    if data_name == "viscosity":
        phase1 = slice(0, data["phase1"])
        return charts.imr(data["values"], phase1=phase1, rules=rules, constants="tabled")
    if kind == "chart":
        return charts.g(_qcc()["charts"][name]["statistics"], rules=rules, constants="tabled")
    counts = np.array(data["counts"])
    sizes = np.array(data.get("sizes", [data.get("size")] * counts.size))
    until = counts.size if "revised" in rest else data.get("phase1", counts.size)
    kept = np.arange(counts.size) < until
    inside = np.arange(counts.size) < data.get("phase1", counts.size)
    if "revised" in rest:
        kept[[14, 22]] = False
    if kind == "c":
        return charts.c(counts[kept], rules=rules)
    make = {"p": charts.p, "np": charts.np, "u": charts.u}[kind]
    return make(counts[kept], sizes[kept], rules=rules, phase1=inside[kept])


def _against_qcc(name: str) -> Iterator[Check]:
    expected = _qcc()["charts"][name]
    data_name = name.split("_", maxsplit=1)[0]
    about = _qcc()["data"].get(data_name, {}).get("about", "numbers of cases")
    source = f"{QCC}; data: {about}"
    note = "constants='tabled'" if data_name in ("pistonrings", "viscosity", "g") else ""
    kind = name.replace(data_name + "_", "")
    lookups: dict[str, tuple[float, str, int]] = {
        "center": (expected["center"], "center", 0),
        "sigma": (expected["sigma"], "sigma", 0),
    }
    limits = expected.get("limits", [])
    for index in range(min(2, len(limits))):
        point = f" {index + 1}" if len(limits) > 1 else ""
        lcl, ucl = limits[index]
        lookups[f"lcl{point}"] = (lcl, "lcl", index)
        lookups[f"ucl{point}"] = (ucl, "ucl", index)
    for statistic, (reference, line, index) in lookups.items():
        yield _check(
            f"qcc.{name}.{statistic.replace(' ', '_')}",
            f"{data_name}, {kind} chart: {statistic}",
            reference,
            partial(_value, name, line, index),
            source=source,
            origin="software",
            tolerance=CLOSE,
            note=note,
        )
    if limits:
        flagged = {int(index): rule for index, rule in expected["lowest_rule"].items()}
        yield _check(
            f"qcc.{name}.flags",
            f"{data_name}, {kind} chart: points whose lowest rule differs",
            0,
            partial(_differing, name, flagged),
            source=source,
            origin="software",
            tolerance=EXACT,
        )
    yield _check(
        f"qcc.{name}.statistics",
        f"{data_name}, {kind} chart: largest difference of a plotted value",
        0,
        partial(_furthest, name, expected["statistics"]),
        source=source,
        origin="software",
        tolerance=Tolerance(absolute=1e-10),
    )


def _value(name: str, line: str, index: int) -> float:
    chart = _chart(name)
    return at({"sigma": chart.sigma, **_drawn(chart)}[line], index)


def _drawn(chart: ControlChart) -> dict[str, float | Floats]:
    return {"center": chart.center, "lcl": chart.limits.lcl, "ucl": chart.limits.ucl}


def _differing(name: str, expected: dict[int, int]) -> float:
    lowest: dict[int, int] = {}
    for rule, indices in _chart(name).violations.items():
        for index in indices:
            lowest[index] = min(lowest.get(index, 9), int(rule[-1]))
    return sum(lowest.get(index) != expected.get(index) for index in {*lowest, *expected})


def _furthest(name: str, expected: list[float]) -> float:
    return float(np.abs(_chart(name).statistics - expected).max())


# -- printed examples ----------------------------------------------------------------------------------------


def _printed() -> Iterator[Check]:
    for line, reference in {"center": 50.81, "lcl": 45.8159, "ucl": 55.8041}.items():
        yield _check(
            f"nist.imr.{line}",
            f"I chart of flow rates: {line}",
            reference,
            partial(_flow, line),
            source=NIST,
            origin="published",
            tolerance=Tolerance(digits=4),
            note="constants='tabled': NIST divides by 1.128",
        )
    for index, reference in enumerate(TRANSFORMED):
        yield _check(
            f"montgomery.t.{index + 1}",
            f"t chart, transformed time {index + 1}",
            reference,
            partial(_transformed, index),
            source=MONTGOMERY,
            origin="published",
            tolerance=Tolerance(digits=5),
            note="limits='nelson', power=0.2777: the book's exponent",
        )
    for n, reference in MEDIAN_FACTORS.items():
        yield _check(
            f"aiag.median.{n}",
            f"Median chart, factor of R̄ for n = {n}",
            reference,
            partial(_median_factor, n),
            source=AIAG,
            origin="published",
            tolerance=Tolerance(digits=3),
        )


def _flow(line: str) -> float:
    return at(_drawn(charts.imr(FLOW, constants="tabled"))[line], 0)


def _transformed(index: int) -> float:
    return float(charts.t(FAILURES, limits="nelson", power=0.2777).statistics[index])


def _median_factor(n: int) -> float:
    values = np.array(_qcc()["data"]["pistonrings"]["values"])[: 60 // n * n]
    chart = charts.median(values, n)
    assert chart.dispersion is not None  # noqa: S101 - a median chart has its ranges beside it
    return float((chart.limits.ucl - chart.center) / chart.dispersion.statistics.mean())


# -- other ways to the same number ---------------------------------------------------------------------------


def _recomputed() -> Iterator[Check]:
    data = _qcc()["data"]["dyedcloth"]
    sizes = [10 * size for size in data["sizes"]]
    for kind in ("laney_p", "laney_u"):
        yield _check(
            f"recomputed.{kind}.overdispersion",
            f"{kind}: σz",
            _overdispersion(data["counts"], sizes, binomial=kind == "laney_p"),
            partial(_laney, kind, data["counts"], sizes),
            source="exact fractions, d2(2) = 2/√π",
        )
    mean = statistics.mean(FAILURES)
    geometric = stats.geom(1 / (mean + 1), loc=-1)
    yield from _lines(
        "g",
        charts.g(FAILURES),
        {"center": geometric.mean(), "ucl": geometric.mean() + 3 * geometric.std()},
        source="scipy.stats.geom",
    )
    yield from _lines(
        "g_probability",
        charts.g(FAILURES, limits="probability"),
        {"center": geometric.ppf(0.5), "ucl": geometric.ppf(stats.norm.cdf(3))},
        source="scipy.stats.geom",
    )
    exponential = stats.expon(scale=mean)
    yield from _lines(
        "t_exponential",
        charts.t(FAILURES, limits="exponential"),
        dict(zip(("lcl", "center", "ucl"), exponential.ppf(stats.norm.cdf([-3, 0, 3])), strict=True)),
        source="scipy.stats.expon",
    )
    yield from _lines(
        "t_weibull",
        charts.t(FAILURES),
        dict(zip(("lcl", "center", "ucl"), _fitted(FAILURES).ppf(stats.norm.cdf([-3, 0, 3])), strict=True)),
        source="highest likelihood by Nelder-Mead, scipy.stats.weibull_min",
        tolerance=Tolerance(relative=1e-6),
    )
    rows = np.array(_qcc()["data"]["pistonrings"]["values"]).reshape(-1, 5)[:25]
    means = [float(sum(map(Fraction, map(str, row))) / 5) for row in rows.tolist()]
    moves = [abs(after - before) for before, after in pairwise(means)]
    sigma = statistics.fmean(moves) * math.sqrt(math.pi) / 2
    centre = statistics.fmean(means)
    yield from _lines(
        "imr_rs",
        charts.imr_rs(rows),
        {"lcl": centre - 3 * sigma, "center": centre, "ucl": centre + 3 * sigma},
        source="from the definition, d2(2) = 2/√π",
    )
    deviations = [statistics.stdev(row) for row in rows.tolist()]
    pooled = math.sqrt(statistics.fmean(found**2 for found in deviations))
    yield from _lines(
        "xbar_s_pooled",
        charts.xbar_s(rows, estimator="pooled"),
        {"lcl": centre - 3 * pooled / math.sqrt(5), "ucl": centre + 3 * pooled / math.sqrt(5)},
        source="from the definition, with Python's statistics",
    )


def _lines(
    name: str,
    chart: ControlChart,
    expected: dict[str, float],
    *,
    source: str,
    tolerance: Tolerance = RECOMPUTED,
) -> Iterator[Check]:
    found = _drawn(chart)
    for line, reference in expected.items():
        yield _check(
            f"recomputed.{name}.{line}",
            f"{name} chart: {line}",
            float(reference),
            partial(at, found[line], 0),
            source=source,
            tolerance=tolerance,
        )


def _laney(kind: str, counts: list[int], sizes: list[int]) -> float:
    found = (charts.laney_p if kind == "laney_p" else charts.laney_u)(counts, sizes).overdispersion
    assert found is not None  # noqa: S101 - a Laney chart has it
    return at(found, 0)


def _overdispersion(counts: list[int], sizes: list[int], *, binomial: bool) -> float:
    level = Fraction(sum(counts), sum(map(Fraction, sizes)))
    variance = level * (1 - level) if binomial else level
    z = [
        float(Fraction(count) / Fraction(size) - level) / math.sqrt(variance / Fraction(size))
        for count, size in zip(counts, sizes, strict=True)
    ]
    moves = [abs(after - before) for before, after in pairwise(z)]
    return statistics.fmean(moves) * math.sqrt(math.pi) / 2


def _fitted(times: tuple[int, ...]) -> Any:
    """The Weibull distribution of highest likelihood, found without derivatives."""

    def loss(logs: np.ndarray[Any, Any]) -> float:
        return -float(stats.weibull_min(math.exp(logs[0]), scale=math.exp(logs[1])).logpdf(times).sum())

    found = optimize.minimize(
        loss,
        [0.0, math.log(statistics.fmean(times))],
        method="Nelder-Mead",
        options={"xatol": 1e-12, "fatol": 1e-14},
    )
    return stats.weibull_min(math.exp(found.x[0]), scale=math.exp(found.x[1]))


# -- live ----------------------------------------------------------------------------------------------------


def _live() -> Iterator[Check]:
    rows = np.array(_qcc()["data"]["pistonrings"]["values"]).reshape(-1, 5)
    juice = _qcc()["data"]["orangejuice"]
    counts = np.array(juice["counts"])
    viscosity = _qcc()["data"]["viscosity"]
    cases: dict[str, tuple[Callable[..., ControlChart], tuple[Any, ...], int]] = {
        "xbar_r": (charts.xbar_r, (rows,), 25),
        "xbar_s": (charts.xbar_s, (rows,), 25),
        "median": (charts.median, (rows,), 25),
        "imr": (charts.imr, (np.array(viscosity["values"]),), 20),
        "p": (charts.p, (counts, np.full(counts.size, juice["size"])), 30),
    }
    for name, (make, data, until) in cases.items():
        yield _check(
            f"live.{name}",
            f"{name}: numbers and flags in which the live chart differs from the batch chart",
            0,
            partial(differing, make, data, until),
            source="the batch chart of all points",
            tolerance=EXACT,
        )
