"""Control chart constants and estimators of sigma against printed tables, R's qcc and exact arithmetic."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from functools import cache, partial
from importlib.resources import files
from typing import Any

import numpy as np

from assay.stats import constants, sigma
from assay.stats.subgroups import Subgroups, subgroups
from assay.stats.verify.check import Check, Section, Tolerance

QCC = "R package qcc 3.0"
HARTER = "Harter 1960, Tables of range and studentized range, Annals of Mathematical Statistics 31, 1122-1147"
TIPPETT = "Tippett 1925, On the extreme individuals and the range of samples, Biometrika 17, 364-387"
MONTGOMERY = "Montgomery, Introduction to Statistical Quality Control, 7th ed., appendix VI"

RANGE = {
    2: (1.1283791671, 0.8525024664),
    3: (1.6925687506, 0.8883680040),
    4: (2.0587507460, 0.8798082028),
    5: (2.3259289473, 0.8640819411),
    6: (2.5344127212, 0.8480396861),
    7: (2.7043567512, 0.8332053356),
    8: (2.8472006121, 0.8198314898),
    9: (2.9700263244, 0.8078342746),
    10: (3.0775054617, 0.7970506735),
}
"""d2 and d3 by sample size."""
LARGE_RANGE = {20: 3.73495, 60: 4.63856, 100: 5.01519, 500: 6.07340, 1000: 6.48287}
"""d2 by sample size."""
FACTORS = ("A", "A2", "A3", "c4", "B3", "B4", "B5", "B6", "d2", "d3", "D1", "D2", "D3", "D4")
PRINTED = {
    2: (2.121, 1.880, 2.659, 0.7979, 0, 3.267, 0, 2.606, 1.128, 0.853, 0, 3.686, 0, 3.267),
    3: (1.732, 1.023, 1.954, 0.8862, 0, 2.568, 0, 2.276, 1.693, 0.888, 0, 4.358, 0, 2.574),
    4: (1.500, 0.729, 1.628, 0.9213, 0, 2.266, 0, 2.088, 2.059, 0.880, 0, 4.698, 0, 2.282),
    5: (1.342, 0.577, 1.427, 0.9400, 0, 2.089, 0, 1.964, 2.326, 0.864, 0, 4.918, 0, 2.114),
    6: (1.225, 0.483, 1.287, 0.9515, 0.030, 1.970, 0.029, 1.874, 2.534, 0.848, 0, 5.078, 0, 2.004),
    10: (0.949, 0.308, 0.975, 0.9727, 0.284, 1.716, 0.276, 1.669, 3.078, 0.797, 0.687, 5.469, 0.223, 1.777),
    25: (0.600, 0.153, 0.606, 0.9896, 0.565, 1.435, 0.559, 1.420, 3.931, 0.708, 1.806, 6.056, 0.459, 1.541),
}
"""FACTORS by sample size."""
EQUAL = Tolerance(relative=1e-11)
PRINTED_BY_QCC = Tolerance(relative=1e-12)


@cache
def _samples() -> dict[str, Any]:
    text = files("assay.stats.verify").joinpath("data", "sigma_qcc.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def checks() -> Iterator[Check]:
    """Every constant and every estimator with its reference."""
    yield from _range_tables()
    yield from _printed_factors()
    yield from _closed_forms()
    yield from _estimators_of_qcc()
    yield from _estimators_recomputed()


_check = Section("charts", "charts").check


def _range_tables() -> Iterator[Check]:
    for n, (mean, spread) in RANGE.items():
        for name, of, value in (("d2", constants.d2, mean), ("d3", constants.d3, spread)):
            yield _check(
                f"constants.{name}.{n}",
                f"{name} for n = {n}",
                value,
                partial(of, n),
                source=HARTER,
                origin="published",
                tolerance=Tolerance(digits=10),
            )
    for n, mean in LARGE_RANGE.items():
        yield _check(
            f"constants.d2.{n}",
            f"d2 for n = {n}",
            mean,
            partial(constants.d2, n),
            source=TIPPETT,
            origin="published",
            tolerance=Tolerance(digits=5),
        )


def _printed_factors() -> Iterator[Check]:
    for n, row in PRINTED.items():
        for name, value in zip(FACTORS, row, strict=True):
            own = name in {"A", "c4", "d2", "d3"}
            yield _check(
                f"constants.{name}.printed.{n}",
                f"{name} for n = {n}, as printed",
                float(value),
                partial(_factor, n, name),
                source=MONTGOMERY,
                origin="published",
                tolerance=Tolerance(digits=4 if name == "c4" else 3)
                if own
                else Tolerance(digits=3, absolute=0.001),
                note="" if own else "printed factors follow from d2, d3 and c4 already rounded",
            )
    for n, value in ((2, 1.88), (3, 1.187), (4, 0.796), (5, 0.691)):
        yield _check(
            f"constants.A6.printed.{n}",
            f"median chart factor (A6) for n = {n}, as printed",
            value,
            partial(_factor, n, "A6"),
            source="AIAG, Statistical Process Control, 2nd ed., appendix E (median charts)",
            origin="published",
            tolerance=Tolerance(digits=3),
        )

    for n, value in ((2, 2.660), (3, 1.772), (4, 1.457), (5, 1.290)):
        yield _check(
            f"constants.E2.printed.{n}",
            f"individuals chart factor (E2) for moving ranges of {n}, as printed",
            value,
            partial(_factor, n, "E2", "tabled"),
            source="AIAG, Statistical Process Control, 2nd ed., appendix E (individuals charts)",
            origin="published",
            tolerance=Tolerance(digits=3),
            note="d2 with three decimals",
        )


def _factor(n: int, name: str, kind: constants.Kind = "exact") -> float:
    return float(getattr(constants.of(n, kind), name))


def _closed_forms() -> Iterator[Check]:
    pi, root3 = math.pi, math.sqrt(3)
    cases: tuple[tuple[str, str, float, Callable[[], float]], ...] = (
        ("d2.closed.2", "d2 for n = 2: 2/√π", 2 / math.sqrt(pi), partial(constants.d2, 2)),
        ("d2.closed.3", "d2 for n = 3: 3/√π", 3 / math.sqrt(pi), partial(constants.d2, 3)),
        ("d3.closed.2", "d3 for n = 2: √(2 − 4/π)", math.sqrt(2 - 4 / pi), partial(constants.d3, 2)),
        (
            "d3.closed.3",
            "d3 for n = 3: √(2 + (3√3 − 9)/π)",
            math.sqrt(2 + (3 * root3 - 9) / pi),
            partial(constants.d3, 3),
        ),
        (
            "d4.closed.2",
            "d4 for n = 2: √2 times the upper quartile of the normal distribution",
            math.sqrt(2) * 0.674489750196081743,
            partial(constants.d4, 2),
        ),
        ("c4.closed.2", "c4 for n = 2: √(2/π)", math.sqrt(2 / pi), partial(constants.c4, 2)),
        ("c4.closed.3", "c4 for n = 3: √π/2", math.sqrt(pi) / 2, partial(constants.c4, 3)),
        ("c4.large", "c4 for n = 1,001", _c4_by_steps(1001), partial(constants.c4, 1001)),
        (
            "c5.closed.2",
            "c5 for n = 2: √(1 − 2/π)",
            math.sqrt(1 - 2 / pi),
            partial(constants.c5, 2),
        ),
        (
            "median_deviation.closed.3",
            "standard deviation of the median of 3: √(1 − √3/π)",
            math.sqrt(1 - root3 / pi),
            partial(constants.median_deviation, 3),
        ),
        (
            "median_deviation.closed.2",
            "standard deviation of the median of 2: √(1/2)",
            math.sqrt(0.5),
            partial(constants.median_deviation, 2),
        ),
    )
    for name, statistic, reference, compute in cases:
        yield _check(
            f"constants.{name}",
            statistic,
            reference,
            compute,
            source="closed form for the normal distribution",
            origin="recomputed",
            tolerance=EQUAL,
        )


def _c4_by_steps(n: int) -> float:
    """c4 by Γ((k+1)/2)/Γ((k−1)/2) = (k−1)/2 from k = 2 upwards."""
    ratio = 1 / math.sqrt(math.pi)
    for k in range(2, n):
        ratio = (k - 1) / 2 / ratio
    return ratio * math.sqrt(2 / (n - 1))


def _rings() -> Subgroups:
    return subgroups(_samples()["pistonrings"], 5)


def _thinned() -> Subgroups:
    """The piston rings without the twelve values that qcc's test leaves out: samples of 3 to 5."""
    values = np.array(_samples()["pistonrings"])
    kept = np.ones(values.size, bool)
    kept[np.array(_samples()["left_out"]) - 1] = False
    return subgroups(values[kept], np.repeat(np.arange(25), 5)[kept])


def _estimators_of_qcc() -> Iterator[Check]:
    viscosity = _samples()["viscosity"]
    tabled: dict[str, Any] = {"constants": "tabled"}
    cases: tuple[tuple[str, str, float, Callable[[], float], str], ...] = (
        (
            "rbar.pistonrings",
            "sigma from R̄, piston rings",
            0.009785038693035,
            lambda: sigma.rbar(_rings(), **tabled),
            "d2 with three decimals",
        ),
        (
            "sbar.pistonrings",
            "sigma from s̄, piston rings",
            0.009829976728289,
            lambda: sigma.sbar(_rings()),
            "",
        ),
        (
            "rbar.uwave.pistonrings",
            "sigma from R, samples of 3 to 5",
            0.009856700635669,
            lambda: sigma.rbar(_thinned(), **tabled),
            "UWAVE-R, d2 with three decimals",
        ),
        (
            "sbar.uwave.pistonrings",
            "sigma from s, samples of 3 to 5",
            0.009930922991016,
            lambda: sigma.sbar(_thinned()),
            "UWAVE-SD",
        ),
        (
            "mr.viscosity",
            "sigma from moving ranges, viscosity",
            0.5076521089959,
            lambda: sigma.mr(viscosity, **tabled),
            "d2 with three decimals",
        ),
    )
    for name, statistic, reference, compute, note in cases:
        yield _check(
            f"sigma.{name}",
            statistic,
            reference,
            compute,
            source=QCC,
            origin="software",
            tolerance=PRINTED_BY_QCC,
            note=note,
        )


def _estimators_recomputed() -> Iterator[Check]:
    viscosity = _samples()["viscosity"]
    one = [_decimals(viscosity)]
    rows = [_decimals(row) for row in _rings().values.reshape(-1, 5).tolist()]
    thin = _thinned()
    thin_rows = [_decimals(part.tolist()) for part in np.split(thin.values, thin.starts[1:])]
    steps = [abs(after - before) for before, after in zip(one[0], one[0][1:], strict=False)]
    middle = float(sorted(steps)[len(steps) // 2])  # nineteen steps
    sizes = [len(row) for row in thin_rows]
    mvlue_r = _weighted(
        [float(max(row) - min(row)) for row in thin_rows],
        [constants.d2(n) for n in sizes],
        [constants.d3(n) for n in sizes],
    )
    mvlue_s = _weighted(
        [_root_mean([row]) for row in thin_rows],
        [constants.c4(n) for n in sizes],
        [constants.c5(n) for n in sizes],
    )
    cases: tuple[tuple[str, str, float, Callable[[], float]], ...] = (
        (
            "rbar.exact.pistonrings",
            "sigma from R̄ with the exact d2, piston rings",
            0.02276 / RANGE[5][0],
            lambda: sigma.rbar(_rings()),
        ),
        ("rbar.mvlue", "sigma from R, weighted", mvlue_r, lambda: sigma.rbar(thin, weighting="mvlue")),
        ("sbar.mvlue", "sigma from s, weighted", mvlue_s, lambda: sigma.sbar(thin, weighting="mvlue")),
        ("pooled", "pooled sigma, piston rings", _root_mean(rows), lambda: sigma.pooled(_rings())),
        (
            "pooled.unequal",
            "pooled sigma, samples of 3 to 5",
            _root_mean(thin_rows),
            lambda: sigma.pooled(thin),
        ),
        (
            "pooled_unbiased",
            "pooled sigma over c4(101), piston rings",
            _root_mean(rows) / _c4_by_steps(101),
            lambda: sigma.pooled_unbiased(_rings()),
        ),
        ("sd", "overall standard deviation, viscosity", _root_mean(one), lambda: sigma.sd(viscosity)),
        (
            "sd_unbiased",
            "overall standard deviation over c4(20), viscosity",
            _root_mean(one) / _c4_by_steps(20),
            lambda: sigma.sd_unbiased(viscosity),
        ),
        (
            "median_mr",
            "sigma from the median moving range, viscosity",
            middle / (math.sqrt(2) * 0.674489750196081743),
            lambda: sigma.median_mr(viscosity),
        ),
        (
            "mssd",
            "sigma from mean squared successive differences, viscosity",
            math.sqrt(float(sum((s * s for s in steps), Fraction(0)) / (2 * len(steps)))),
            lambda: sigma.mssd(viscosity),
        ),
    )
    for name, statistic, reference, compute in cases:
        yield _check(
            f"sigma.{name}",
            statistic,
            reference,
            compute,
            source="the definition, with fractions instead of floating-point numbers",
            origin="recomputed",
            tolerance=Tolerance(relative=1e-10),
        )


def _decimals(values: Sequence[float]) -> list[Fraction]:
    """The numbers as they were written down, exactly."""
    return [Fraction(repr(float(value))) for value in values]


def _root_mean(rows: Sequence[Sequence[Fraction]]) -> float:
    """Root of the squared deviations within rows over their degrees of freedom."""
    squares, freedom = Fraction(0), 0
    for row in rows:
        mean = sum(row, Fraction(0)) / len(row)
        squares += sum(((value - mean) ** 2 for value in row), Fraction(0))
        freedom += len(row) - 1
    return math.sqrt(float(squares / freedom))


def _weighted(found: Sequence[float], unit: Sequence[float], wobble: Sequence[float]) -> float:
    """Σ (unit/wobble)² · found/unit over Σ (unit/wobble)²."""
    weights = [(u / w) ** 2 for u, w in zip(unit, wobble, strict=True)]
    return math.fsum(w * f / u for w, f, u in zip(weights, found, unit, strict=True)) / math.fsum(weights)
