"""Multivariate charts against R's qcc, JASP, the textbooks and independent recomputation."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from functools import cache, partial
from importlib.resources import files
from typing import Any

import numpy as np
from scipy.stats import beta, f

from assay.stats import charts
from assay.stats.arrays import Floats
from assay.stats.charts.hotelling import t2_limit
from assay.stats.charts.multivariate import MultivariateChart
from assay.stats.charts.variance_chart import b1, b2
from assay.stats.verify.check import Check, Section, Tolerance

QCC = "R qcc 3.0, mqcc"
JASP = "JASP quality control, test-multivariateControlCharts"
LOWRY = "Lowry et al., Technometrics 34 (1992) 46, example"
MONTGOMERY = "Montgomery, Introduction to Statistical Quality Control, 8th ed."
TIGHT = Tolerance(relative=1e-9)


@cache
def cases() -> dict[str, Any]:
    """Data and printed results by example."""
    text = files("assay.stats.verify").joinpath("data", "multivariate.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def values(name: str) -> Floats:
    """The data of an example."""
    return np.array(cases()[name]["values"], dtype=np.float64)


@cache
def ryan() -> MultivariateChart:
    """T² of subgroups, Ryan's data."""
    return charts.t2_subgroups(values("ryan"))


@cache
def boiler() -> MultivariateChart:
    """T² of individuals, the boiler's temperatures."""
    return charts.t2(values("boiler"), alpha=cases()["boiler"]["alpha"])


@cache
def lowry() -> MultivariateChart:
    """The MEWMA example."""
    return charts.mewma(values("lowry"), lam=0.1, mean=[0.0, 0.0], covariance=[[1.0, 0.5], [0.5, 1.0]])


def checks() -> Iterator[Check]:
    """Every multivariate chart with its references."""
    yield from _software()
    yield from _published()
    yield from _recomputed()


_check = Section("multivariate", "multivariate").check


def _statistic(chart: Any, index: int) -> float:
    return float(chart().statistics[index])


def _limit(chart: Any, index: int = 0) -> float:
    return float(np.broadcast_to(chart().limits.ucl, chart().statistics.shape)[index])


def _entry(chart: Any, row: int, column: int) -> float:
    return float(chart().covariance[row, column])


def _software() -> Iterator[Check]:
    for name, chart, what in (("ryan", ryan, "of subgroups"), ("boiler", boiler, "of individuals")):
        known = cases()[name]
        yield _check(
            f"t2.{name}.ucl",
            f"T² chart {what}, upper control limit, phase I",
            source=f"{QCC}, {name}",
            origin="software",
            reference=known["ucl"],
            compute=partial(_limit, chart),
            tolerance=TIGHT,
        )
        for index, reference in enumerate(known["t2"]):
            yield _check(
                f"t2.{name}.{index + 1}",
                f"T² chart {what}, point {index + 1}",
                source=f"{QCC}, {name}",
                origin="software",
                reference=reference,
                compute=partial(_statistic, chart, index),
                tolerance=TIGHT,
            )
        for row, line in enumerate(known["covariance"]):
            for column, reference in enumerate(line[: row + 1]):
                yield _check(
                    f"covariance.{name}.{row + 1}.{column + 1}",
                    f"Covariance {what}, row {row + 1}, column {column + 1}",
                    source=f"{QCC}, {name}",
                    origin="software",
                    reference=reference,
                    compute=partial(_entry, chart, row, column),
                    tolerance=Tolerance(relative=1e-9, absolute=1e-9),
                )
    jasp, phased = cases()["jasp"], cases()["jasp_phased"]
    yield _check(
        "t2.jasp.ucl",
        "T² chart of individuals, upper control limit, phase I, α = 1 − .9973²",
        source=JASP,
        origin="software",
        reference=jasp["ucl"],
        compute=lambda: _limit(partial(charts.t2, values("jasp"))),
        tolerance=TIGHT,
    )
    yield _check(
        "t2.jasp.determinant",
        "T² chart of individuals, determinant of S",
        source=JASP,
        origin="software",
        reference=jasp["determinant"],
        compute=lambda: charts.t2(values("jasp")).determinant,
        tolerance=TIGHT,
    )
    count = phased["training"]
    for index, place, phase in ((0, 0, "I"), (1, count, "II")):
        yield _check(
            f"t2.jasp_phased.{phase}",
            f"T² chart of individuals, upper control limit, phase {phase}",
            source=JASP,
            origin="software",
            reference=phased["ucl"][index],
            compute=partial(_phased_limit, count, place),
            tolerance=TIGHT,
        )


def _phased_limit(count: int, index: int) -> float:
    return _limit(partial(charts.t2, values("jasp_phased"), phase1=(0, count)), index)


def _published() -> Iterator[Check]:
    for index, reference in enumerate(cases()["lowry"]["t2"]):
        yield _check(
            f"mewma.lowry.{index + 1}",
            f"MEWMA chart, λ 0.1, exact covariance, point {index + 1}",
            source=LOWRY,
            origin="published",
            reference=reference,
            compute=partial(_statistic, lowry, index),
            tolerance=Tolerance(digits=2),
        )
    yield _check(
        "t2_limit.montgomery",
        "T² limit of subgroups, phase I, p 2, m 20, n 10, α .001",
        source=f"{MONTGOMERY}, example 11.1",
        origin="published",
        reference=13.72,
        compute=lambda: t2_limit(2, 20, 10, alpha=0.001, phase="I"),
        tolerance=Tolerance(digits=2),
    )
    for name, function, reference in (("b1", b1, 0.8889), ("b2", b2, 0.4170)):
        yield _check(
            f"generalised_variance.{name}",
            f"Generalised variance, {name} for n 10, p 2",
            source=f"{MONTGOMERY}, example 11.2",
            origin="published",
            reference=reference,
            compute=partial(function, 10, 2),
            tolerance=Tolerance(digits=4),
        )


def _recomputed() -> Iterator[Check]:
    rows = values("boiler")
    count, size = rows.shape
    deviation = rows[8] - rows.mean(axis=0)
    spread = np.cov(rows.T)
    others = np.arange(size) != 2
    slope = np.linalg.solve(spread[np.ix_(others, others)], spread[others, 2])
    variance = spread[2, 2] - spread[2, others] @ slope
    yield _check(
        "decompose.conditional",
        "T² decomposition, boiler, point 9, third variable given the others",
        source="squared regression residual over its variance (Mason, Tracy and Young 1995, eq. 7)",
        origin="recomputed",
        reference=float((deviation[2] - slope @ deviation[others]) ** 2 / variance),
        compute=lambda: float(boiler().decompose(8).conditional[2]),
        tolerance=TIGHT,
    )
    yield _check(
        "decompose.unconditional",
        "T² decomposition, boiler, point 9, third variable alone",
        source="squared deviation over its variance (Mason, Tracy and Young 1995, eq. 4)",
        origin="recomputed",
        reference=float(deviation[2] ** 2 / spread[2, 2]),
        compute=lambda: float(boiler().decompose(8).unconditional[2]),
        tolerance=TIGHT,
    )
    yield _check(
        "decompose.sum",
        "T² decomposition, boiler, point 9: the eight terms of one order together",
        source="the point's T²",
        origin="recomputed",
        reference=_statistic(boiler, 8),
        compute=_sum_of_terms,
        tolerance=TIGHT,
    )
    yield _check(
        "t2.phase2",
        "T² of individuals, limit for later ones, boiler, α .001",
        source="p(m + 1)(m − 1)/(m(m − p)) · F(p, m − p) (Tracy, Young and Mason 1992)",
        origin="recomputed",
        reference=float(
            size * (count + 1) * (count - 1) / (count * (count - size)) * f.isf(0.001, size, count - size)
        ),
        compute=lambda: _limit(
            partial(charts.t2, np.vstack([rows, rows[:1]]), phase1=(0, count), alpha=0.001), count
        ),
        tolerance=TIGHT,
    )
    worth = 2.0 * (count - 1) ** 2 / (3.0 * count - 4.0)
    yield _check(
        "t2.successive_differences",
        "T² of individuals, covariance from successive differences, limit, boiler, α .001",
        source="(m − 1)²/m · Beta(p/2, (f − p − 1)/2), f = 2(m − 1)²/(3m − 4) (Sullivan and Woodall 1996)",
        origin="recomputed",
        reference=float((count - 1) ** 2 / count * beta.isf(0.001, size / 2, (worth - size - 1) / 2)),
        compute=lambda: _limit(partial(charts.t2, rows, estimator="successive_differences", alpha=0.001)),
        tolerance=TIGHT,
    )
    subgroups = values("ryan")
    within = np.array([np.cov(one.T) for one in subgroups])
    yield _check(
        "generalised_variance.point",
        "Generalised variance chart, Ryan, point 10",
        source="determinant of the sample covariance of the subgroup",
        origin="recomputed",
        reference=float(np.linalg.det(within[9])),
        compute=lambda: float(charts.generalised_variance(subgroups).statistics[9]),
        tolerance=Tolerance(relative=1e-9),
    )
    m, n, p = subgroups.shape
    unbiased = float(np.linalg.det(within.mean(axis=0))) / b1(m * (n - 1) + 1, p)
    yield _check(
        "generalised_variance.ucl",
        "Generalised variance chart, Ryan, upper control limit",
        source="|S|/b1(m(n − 1) + 1) · (b1 + 3√b2)",
        origin="recomputed",
        reference=unbiased * (b1(n, p) + 3.0 * math.sqrt(b2(n, p))),
        compute=lambda: float(charts.generalised_variance(subgroups).limits[1]),
        tolerance=TIGHT,
    )


def _sum_of_terms() -> float:
    chart = boiler()
    names = chart.variables
    return sum(chart.term(8, name, names[:place]) for place, name in enumerate(names))
