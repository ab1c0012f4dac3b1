"""Every Shewhart entry of R's qcc: centre, sigma, each limit, each plotted value, each flag."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from tests.shared import data_set

from assay.stats import charts
from assay.stats.charts import ControlChart

FOLDER = data_set("spc_qcc")
EXPECTED: dict[str, Any] = json.loads((FOLDER / "expected_qcc.json").read_text("utf-8"))["shewhart"]
TABLED: dict[str, Any] = {"constants": "tabled"}


def table(name: str) -> dict[str, np.ndarray]:
    lines = [
        line.split()
        for line in (FOLDER / "data" / f"{name}.txt").read_text("utf-8").splitlines()
        if line.strip()
    ]
    columns = zip(*lines[1:], strict=True)
    return {
        head: np.array(column) == "TRUE" if head == "trial" else np.array(column, float)
        for head, column in zip(lines[0], columns, strict=True)
    }


def rings(name: str) -> ControlChart:
    data, rules = table("pistonrings"), "nelson" if name.endswith("nelson") else "western_electric"
    kept = np.ones(200, bool)
    kept[np.array(EXPECTED["pistonrings_variable_n_xbar"]["args"]["removed_rows_1based"]) - 1] = (
        "variable" not in name
    )
    make = charts.xbar_r if "xbar" in name else charts.r if "_R" in name else charts.s
    confidence = 0.99 if "conf99" in name else None
    return make(
        data["diameter"][kept],
        data["sample"][kept],
        phase1=slice(0, 25),
        rules=rules,
        confidence=confidence,
        **TABLED,
    )


def chart_of(name: str) -> ControlChart:
    data_name, kind = name.split("_")[:2]
    if data_name == "pistonrings":
        return rings(name)
    if data_name == "viscosity":
        data = table("viscosity")
        rules = "nelson" if name.endswith("nelson") else "western_electric"
        return charts.imr(data["viscosity"], phase1=data["trial"], rules=rules, **TABLED)
    if data_name == "g":
        return charts.g(EXPECTED[name]["args"]["data"], rules="western_electric", **TABLED)
    data = table(data_name)
    kept = data.get("trial", np.ones(len(data["size"]), bool))
    inside = kept
    if name == "orangejuice_p_revised":
        kept = np.ones(len(kept), bool)
        kept[np.array(EXPECTED[name]["args"]["excluded"]) - 1] = False
    counts, sizes = data.get("D", data.get("x"))[kept], data["size"][kept]
    options: dict[str, Any] = {"rules": "western_electric", "phase1": inside[kept]}
    if kind == "c":
        return charts.c(counts, **options)
    return {"p": charts.p, "np": charts.np, "u": charts.u}[kind](counts, sizes, **options)


@pytest.mark.parametrize("name", EXPECTED)
def test_it_is_what_qcc_computes(name: str) -> None:
    chart, expected = chart_of(name), EXPECTED[name]
    statistics = np.array(expected["statistics"] + expected["new_statistics"])
    np.testing.assert_allclose(chart.statistics, statistics, rtol=1e-9)
    np.testing.assert_allclose(chart.center, expected["center"], rtol=1e-9)
    np.testing.assert_allclose(chart.sigma, expected["std_dev"], rtol=1e-9)
    if name == "g_chart_demo":
        return
    limits = np.array(expected["limits"])
    whole = np.broadcast_to(limits, (statistics.size, 2)) if len(limits) == 1 else limits
    for side, line in enumerate(chart.limits):
        np.testing.assert_allclose(
            np.broadcast_to(line, statistics.shape)[: len(whole)], whole[:, side], rtol=1e-9
        )
    lowest = [None] * statistics.size
    for rule in reversed(chart.rules):
        for index in chart.violations[rule]:
            lowest[index] = int(rule[-1])
    assert lowest == expected["violations_rule_code_per_point"]


def test_the_printed_examples_with_exact_constants_stay_near_the_tabled_ones() -> None:
    data = table("pistonrings")
    tabled = charts.xbar_r(data["diameter"], 5, phase1=(0, 25), **TABLED)
    exact = charts.xbar_r(data["diameter"], 5, phase1=(0, 25))
    assert exact.sigma / tabled.sigma - 1 == pytest.approx(3.05e-5, rel=0.01)
    assert exact.center == tabled.center
