"""EWMA, CUSUM and moving-average charts against R's qcc, printed examples, JASP, and recomputed numbers."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from functools import cache, partial
from importlib.resources import files
from itertools import pairwise
from typing import Any

import numpy as np

from assay.stats import charts
from assay.stats.charts import CusumChart, EwmaChart
from assay.stats.charts.chart import at
from assay.stats.verify.check import Check, Section, Tolerance
from assay.stats.verify.live import differing

QCC = "R package qcc 3.0 (af35099) under R 4.2.2; data: piston rings, Montgomery 1991, pp. 206-213"
JASP = "JASP quality control module, test suite of time-weighted charts, table of CUSUM signals"
NIST = "NIST/SEMATECH e-Handbook of Statistical Methods, 6.3.2.4, EWMA control charts"
TABLE_9_2 = "Montgomery, Introduction to Statistical Quality Control, 6th ed., tables 9.1 and 9.2"
TABLE_9_4 = (
    "Montgomery, Introduction to Statistical Quality Control, 6th ed., section 9.1.6 (fast initial response)"
)
TABLE_9_10 = "Montgomery, Introduction to Statistical Quality Control, 6th ed., example 9.2"
CLOSE = Tolerance(relative=1e-6, absolute=1e-12)
EXACT = Tolerance(absolute=0.0)
RECOMPUTED = Tolerance(relative=1e-12)

SHIFTED = (
    9.45, 7.99, 9.29, 11.66, 12.16, 10.18, 8.04, 11.46, 9.20, 10.34, 9.03, 11.47, 10.51, 9.40,
    10.08, 9.37, 10.62, 10.31, 8.52, 10.84, 10.90, 9.33, 12.29, 11.50, 10.60, 11.08, 10.38, 11.62,
    11.31, 10.52,
)  # fmt: skip
"""Montgomery's table 9.1: mean 10 and sigma 1, the last ten with mean 11."""
UPPER = (
    0, 0, 0, 1.16, 2.82, 2.50, 0.04, 1.00, 0, 0, 0, 0.97, 0.98, 0, 0, 0, 0.12, 0, 0, 0.34, 0.74, 0,
    1.79, 2.79, 2.89, 3.47, 3.35, 4.47, 5.28, 5.30,
)  # fmt: skip
LOWER = (
    0.05, 1.56, 1.77, 0, 0, 0, 1.46, 0, 0.30, 0, 0.47, 0, 0, 0.10, 0, 0.13, 0, 0, 0.98, 0, 0, 0.17,
    0, 0, 0, 0, 0, 0, 0, 0,
)  # fmt: skip
AVERAGES = (
    9.945, 9.7495, 9.70355, 9.8992, 10.1253, 10.1307, 9.92167, 10.0755, 9.98796, 10.0232, 9.92384,
    10.0785, 10.1216, 10.0495, 10.0525, 9.98426, 10.0478, 10.074, 9.91864, 10.0108, 10.0997,
    10.0227, 10.2495, 10.3745, 10.3971, 10.4654, 10.4568, 10.5731, 10.6468, 10.6341,
)  # fmt: skip
"""Table 9.10: λ = 0.1, L = 2.7."""
ON_TARGET = (102, 97, 104, 93, 100, 105, 96, 98, 105, 99)
OFF_TARGET = (107, 102, 109, 98, 105, 110, 101, 103, 110, 104)
"""Montgomery's example of a head start: target 100, K = 3, H = 12, start at 6."""
ON_UPPER, ON_LOWER = (5, 0, 1, 0, 0, 2, 0, 0, 2, 0), (1, 1, 0, 4, 1, 0, 1, 0, 0, 0)
OFF_UPPER = (10, 9, 15, 10, 12, 19, 17, 17, 24, 25)
NIST_VALUES = (
    52.0, 47.0, 53.0, 49.3, 50.1, 47.0, 51.0, 50.1, 51.2, 50.5, 49.6, 47.6, 49.9, 51.3, 47.8, 51.2,
    52.6, 52.4, 53.6, 52.1,
)  # fmt: skip
NIST_AVERAGES = (
    50.60, 49.52, 50.56, 50.18, 50.16, 49.21, 49.75, 49.85, 50.26, 50.33, 50.11, 49.36, 49.52,
    50.05, 49.38, 49.92, 50.73, 51.23, 51.94, 51.99,
)  # fmt: skip
_check = Section("charts", "charts", tolerance=RECOMPUTED).check


def checks() -> Iterator[Check]:
    """Time-weighted charts with their references."""
    yield from _against_qcc()
    yield from _montgomery()
    yield from _nist()
    yield from _jasp()
    yield from _recomputed()
    yield from _live()


@cache
def _reference() -> dict[str, Any]:
    folder = files("assay.stats.verify").joinpath("data")
    found: dict[str, Any] = json.loads(folder.joinpath("charts_weighted.json").read_text(encoding="utf-8"))
    rings = json.loads(folder.joinpath("charts_qcc.json").read_text(encoding="utf-8"))
    found["rings"] = np.array(rings["data"]["pistonrings"]["values"]).reshape(-1, 5)
    return found


def _furthest(found: Sequence[float] | np.ndarray[Any, Any], expected: Sequence[float]) -> float:
    return float(np.abs(np.asarray(found) - np.asarray(expected)).max())


# -- against qcc ---------------------------------------------------------------------------------------------


@cache
def _rings_cusum() -> CusumChart:
    return charts.cusum(_reference()["rings"], phase1=(0, 25), constants="tabled")


@cache
def _rings_ewma() -> EwmaChart:
    return charts.ewma(_reference()["rings"], phase1=(0, 25), constants="tabled")


def _against_qcc() -> Iterator[Check]:
    known = _reference()["qcc"]
    cusum, ewma = known["cusum"], known["ewma"]

    def line(
        name: str,
        statistic: str,
        reference: float,
        compute: Callable[[], float],
        tolerance: Tolerance = CLOSE,
    ) -> Check:
        return _check(
            name,
            statistic,
            reference,
            compute,
            source=QCC,
            origin="software",
            tolerance=tolerance,
            note="constants='tabled'",
        )

    near = Tolerance(absolute=1e-9)
    yield line("cusum.qcc.target", "CUSUM: target", cusum["center"], lambda: at(_rings_cusum().target, 0))
    yield line("cusum.qcc.sigma", "CUSUM: sigma", cusum["sigma"], lambda: at(_rings_cusum().sigma, 0))
    yield line(
        "cusum.qcc.upper",
        "CUSUM: largest difference of C⁺",
        0,
        lambda: _furthest(_sums(_rings_cusum(), "upper"), cusum["upper"]),
        near,
    )
    yield line(
        "cusum.qcc.lower",
        "CUSUM: largest difference of C⁻",
        0,
        lambda: _furthest(_sums(_rings_cusum(), "lower"), cusum["lower"]),
        near,
    )
    beyond = {*cusum["beyond_upper"], *cusum["beyond_lower"]}
    yield line(
        "cusum.qcc.flags",
        "CUSUM: points flagged differently",
        0,
        lambda: len(beyond ^ set(_rings_cusum().flagged)),
        EXACT,
    )
    yield line("ewma.qcc.center", "EWMA: centre", ewma["center"], lambda: at(_rings_ewma().center, 0))
    for index in (0, 1, 9, 39):
        for side, place in (("lcl", 0), ("ucl", 1)):
            yield line(
                f"ewma.qcc.{side}.{index + 1}",
                f"EWMA: {side} at point {index + 1}",
                ewma["limits"][index][place],
                partial(_ewma_limit, index, place),
            )
    yield line(
        "ewma.qcc.flags",
        "EWMA: points flagged differently",
        0,
        lambda: len(set(ewma["beyond"]) ^ set(_rings_ewma().flagged)),
        EXACT,
    )


def _ewma_limit(index: int, place: int) -> float:
    return at(_rings_ewma().limits[place], index)


def _sums(chart: CusumChart, side: str) -> np.ndarray[Any, Any]:
    found = chart.upper if side == "upper" else chart.lower
    assert found is not None  # noqa: S101 - a two-sided chart has both
    return found


# -- printed examples ----------------------------------------------------------------------------------------


@cache
def _cusum_9_2() -> CusumChart:
    return charts.cusum(SHIFTED, target=10, sigma=1)


@cache
def _ewma_9_10() -> EwmaChart:
    return charts.ewma(SHIFTED, lam=0.1, L=2.7, center=10, sigma=1)


@cache
def _head_start(values: tuple[int, ...]) -> CusumChart:
    return charts.cusum(values, target=100, sigma=6, k=0.5, h=2, fir=0.5)


def _montgomery() -> Iterator[Check]:
    printed = Tolerance(absolute=0.005 + 1e-9)

    def line(
        name: str,
        statistic: str,
        reference: float,
        compute: Callable[[], float],
        *,
        tolerance: Tolerance,
        source: str,
    ) -> Check:
        return _check(
            name, statistic, reference, compute, source=source, origin="published", tolerance=tolerance
        )

    for side, expected, sign in (("upper", UPPER, 1), ("lower", LOWER, -1)):
        yield line(
            f"cusum.montgomery.{side}",
            f"CUSUM: largest difference of the {side} cusum, two decimals printed",
            0,
            partial(_printed, side, expected, sign),
            tolerance=printed,
            source=TABLE_9_2,
        )
    at_signal = {
        "index": ("CUSUM: first signal", 29, lambda: _cusum_9_2().shifts[0].index + 1, EXACT),
        "periods": (
            "CUSUM: points since C⁺ was 0 at the signal",
            7,
            lambda: _cusum_9_2().shifts[0].index - _cusum_9_2().shifts[0].start + 1,
            EXACT,
        ),
        "mean": (
            "CUSUM: estimated new mean",
            11.25,
            lambda: _cusum_9_2().shifts[0].mean,
            Tolerance(digits=2),
        ),
    }
    for name, (statistic, reference, compute, tolerance) in at_signal.items():
        yield line(
            f"cusum.montgomery.{name}", statistic, reference, compute, tolerance=tolerance, source=TABLE_9_2
        )
    for name, values, side, sums in (
        ("fir_on_target_upper", ON_TARGET, "upper", ON_UPPER),
        ("fir_on_target_lower", ON_TARGET, "lower", ON_LOWER),
        ("fir_off_target_upper", OFF_TARGET, "upper", OFF_UPPER),
    ):
        yield line(
            f"cusum.montgomery.{name}",
            f"CUSUM with head start: largest difference of the {side} cusum",
            0,
            partial(_headed, values, side, sums),
            tolerance=Tolerance(absolute=1e-12),
            source=TABLE_9_4,
        )
    for index, reference in enumerate(AVERAGES):
        yield line(
            f"ewma.montgomery.{index + 1}",
            f"EWMA: average at point {index + 1}",
            reference,
            partial(_average, index),
            tolerance=Tolerance(digits=4 if reference >= 10 else 5),
            source=TABLE_9_10,
        )
    for name, index, place, reference in (
        ("ucl.1", 0, 1, 10.27),
        ("lcl.1", 0, 0, 9.73),
        ("ucl.2", 1, 1, 10.36),
        ("lcl.2", 1, 0, 9.64),
        ("ucl", 29, 1, 10.62),
        ("lcl", 29, 0, 9.38),
    ):
        yield line(
            f"ewma.montgomery.{name}",
            f"EWMA: {name.replace('.', ' at point ')}",
            reference,
            partial(_montgomery_limit, index, place),
            tolerance=Tolerance(digits=2),
            source=TABLE_9_10,
        )


def _printed(side: str, expected: Sequence[float], sign: int) -> float:
    return _furthest(sign * _sums(_cusum_9_2(), side), expected)


def _headed(values: tuple[int, ...], side: str, expected: Sequence[float]) -> float:
    return _furthest(6 * np.abs(_sums(_head_start(values), side)), expected)


def _average(index: int) -> float:
    return float(_ewma_9_10().statistics[index])


def _montgomery_limit(index: int, side: int) -> float:
    return at(_ewma_9_10().limits[side], index)


def _nist() -> Iterator[Check]:
    def chart() -> EwmaChart:
        return charts.ewma(NIST_VALUES, lam=0.3, center=50, sigma=2.0539, limits="asymptotic")

    for name, place, reference in (("lcl", 0, 47.4115), ("ucl", 1, 52.5884)):
        yield _check(
            f"ewma.nist.{name}",
            f"EWMA: {name}",
            reference,
            partial(lambda side: at(chart().limits[side], 0), place),
            source=NIST,
            origin="published",
            tolerance=Tolerance(absolute=1e-4),
            note="limits='asymptotic'; the handbook rounds λ/(2 − λ) to .1765 and cuts the last digit",
        )
    yield _check(
        "ewma.nist.averages",
        "EWMA: largest difference of an average, two decimals printed",
        0,
        lambda: _furthest(chart().statistics, NIST_AVERAGES),
        source=NIST,
        origin="published",
        tolerance=Tolerance(absolute=0.005 + 1e-9),
    )


# -- JASP ----------------------------------------------------------------------------------------------------


def _jasp() -> Iterator[Check]:
    known = _reference()["jasp"]
    cases: dict[str, tuple[str, int | None, dict[str, Any]]] = {
        "LF1.2": ("sigma from s̄", 5, {"estimator": "sbar"}),
        "LF2.2": ("three stages", 5, {"estimator": "sbar", "stages": known["stages"][::5]}),
        "LF4.2": ("single values", None, {}),
        "LF5.2": ("given sigma", 5, {"sigma": 3.0}),
        "LF6.2": ("sigma from R̄", 5, {"estimator": "rbar"}),
    }
    for name, (what, subgroup, options) in cases.items():
        yield _check(
            f"cusum.jasp.{name}",
            f"CUSUM, {what}: points flagged differently",
            0,
            partial(_jasp_differing, name, subgroup, options),
            source=f"{JASP}, test {name}",
            origin="software",
            tolerance=EXACT,
            note="target=0, h=4, k=0.5: JASP's defaults",
        )


def _jasp_differing(name: str, subgroup: int | None, options: dict[str, Any]) -> float:
    known = _reference()["jasp"]
    chart = charts.cusum(known["values"], subgroup, target=0, h=4, **options)
    found = {
        "upper": {int(index) + 1 for index in np.flatnonzero(_sums(chart, "upper") > chart.h)},
        "lower": {int(index) + 1 for index in np.flatnonzero(_sums(chart, "lower") < -chart.h)},
    }
    return sum(len(found[side] ^ set(known["points"][name][side])) for side in found)


# -- other ways to the same number ---------------------------------------------------------------------------


def _recomputed() -> Iterator[Check]:
    exact = [Fraction(str(value)) for value in SHIFTED]
    for span, index in ((5, 2), (5, 29), (3, 29)):
        window = exact[max(0, index + 1 - span) : index + 1]
        chart = charts.moving_average(SHIFTED, span=span, center=10, sigma=1)
        yield _check(
            f"moving_average.recomputed.{span}.{index + 1}",
            f"Moving average of {span}: point {index + 1}",
            float(sum(window) / len(window)),
            partial(at, chart.statistics, index),
            source=f"exact fractions from {TABLE_9_2}",
        )
        yield _check(
            f"moving_average.recomputed.{span}.{index + 1}.ucl",
            f"Moving average of {span}: upper control limit at point {index + 1}",
            10 + 3 / math.sqrt(len(window)),
            partial(at, chart.limits.ucl, index),
            source="centre + 3·sigma/√w (Montgomery, 6th ed., section 9.3)",
        )
    moves = [abs(after - before) for before, after in pairwise(SHIFTED)]
    yield _check(
        "ewma.recomputed.sigma",
        "EWMA of single values: sigma",
        statistics.fmean(moves) * math.sqrt(math.pi) / 2,
        lambda: at(charts.ewma(SHIFTED).sigma, 0),
        source="mean moving range over d2(2) = 2/√π",
    )
    yield _check(
        "ewma.recomputed.unequal",
        "EWMA of subgroups of different sizes: variance of the last average over sigma²",
        _weights_squared([2, 3, 5, 2, 4], 0.2),
        _unequal,
        source="sum of squared weights over sizes, exact fractions",
    )


def _weights_squared(sizes: Sequence[int], lam: float) -> float:
    weight = Fraction(str(lam))
    newest_first = enumerate(reversed(sizes))
    return float(sum((weight * (1 - weight) ** age) ** 2 / size for age, size in newest_first))


def _unequal() -> float:
    labels = np.repeat(np.arange(5), [2, 3, 5, 2, 4])
    chart = charts.ewma(SHIFTED[:16], labels, center=10, sigma=1)
    return ((at(chart.limits.ucl, 4) - 10) / 3) ** 2


# -- live ----------------------------------------------------------------------------------------------------


def _live() -> Iterator[Check]:
    rings = _reference()["rings"]
    for name, make in (
        ("ewma", charts.ewma),
        ("cusum", partial(charts.cusum, fir=0.5, reset=True)),
        ("moving_average", charts.moving_average),
    ):
        yield _check(
            f"live.{name}",
            f"{name}: numbers and flags in which the live chart differs from the batch chart",
            0,
            partial(differing, make, (rings,), 25),
            source="the batch chart of all points",
            tolerance=EXACT,
        )
