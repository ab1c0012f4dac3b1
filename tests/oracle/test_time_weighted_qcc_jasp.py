"""Time-weighted charts against the data sets themselves: R's qcc 3.0 and JASP's quality control module."""

from __future__ import annotations

import csv
import json
from typing import Any

import numpy as np
import pytest
from tests.shared import data_set

from assay.stats import charts


def qcc() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((data_set("spc_qcc") / "expected_qcc.json").read_text("utf-8"))
    return found["other"]


def rings() -> np.ndarray:
    lines = (data_set("spc_qcc") / "data" / "pistonrings.txt").read_text("utf-8").splitlines()[1:]
    return np.array([float(line.split()[0]) for line in lines]).reshape(-1, 5)


def test_cusum_of_piston_rings() -> None:
    expected = qcc()["cusum_pistonrings"]
    chart = charts.cusum(rings(), phase1=slice(0, 25), constants="tabled")
    assert chart.target == pytest.approx(expected["center"], rel=1e-9)
    assert chart.sigma == pytest.approx(expected["std_dev"], rel=1e-9)
    np.testing.assert_allclose(chart.upper, expected["pos"], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(chart.lower, expected["neg"], rtol=1e-6, atol=1e-9)
    marked = [
        index
        for index, pair in enumerate(zip(*expected["violations"].values(), strict=True))
        if any(mark is not None for mark in pair)
    ]
    assert list(chart.flagged) == marked


def test_ewma_of_piston_rings() -> None:
    expected = qcc()["ewma_pistonrings"]
    chart = charts.ewma(rings(), phase1=slice(0, 25), constants="tabled")
    limits = np.array(expected["limits"])
    np.testing.assert_allclose(chart.limits.lcl, limits[:, 0], rtol=1e-6)
    np.testing.assert_allclose(chart.limits.ucl, limits[:, 1], rtol=1e-6)
    marked = [index for index, mark in enumerate(expected["violations"]) if mark is not None]
    assert list(chart.flagged) == marked


def jasp() -> list[dict[str, Any]]:
    folder = data_set("jasp_qc")
    found = json.loads((folder / "expected_jasp.json").read_text("utf-8"))
    return [{"folder": folder, **case} for case in found["test-timeWeightedCharts.R"]]


def test_every_cusum_table_of_jasp() -> None:
    for case in jasp():
        options = {name: value.strip('"') for name, value in case["context"]["options"].items()}
        path = case["folder"] / "datasets" / case["context"]["dataset"]
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        given: dict[str, Any] = {"target": 0, "h": 4}
        if options["cumulativeSumChartSdSource"] == "historical":
            given["sigma"] = float(options["cumulativeSumChartSdValue"])
        subgroup: Any = None
        if "Wide" in path.name:
            wide = [[float(row[str(n)]) for n in range(1, 11) if row[str(n)] != "NA"] for row in rows]
            values = [value for row in wide for value in row]
            subgroup = [number for number, row in enumerate(wide) for _ in row]
            stages = [row["Stage"] for row in rows]
        else:
            values = [float(row["Measurement"]) for row in rows]
            stages = [row["Stage"] for row in rows][::5]
            if options["subgroupSizeType"] == "manual":
                subgroup = 5
            elif options["subgroupSizeType"] == "groupingVariable":
                subgroup = [row["Date"] for row in rows]
        if subgroup is not None:
            given["estimator"] = {"s": "sbar", "r": "rbar"}[options.get("cumulativeSumChartSdMethod", "s")]
        if any(name.startswith("stages") for name in options):
            given["stages"] = stages
        chart = charts.cusum(values, subgroup, **given)
        told = [text for text in case["values"] if isinstance(text, str) and text]
        upper = [int(text.split()[1]) for text in told if "upper" in text]
        lower = [int(text.split()[1]) for text in told if "lower" in text]
        assert chart.upper is not None
        assert chart.lower is not None
        assert (np.flatnonzero(chart.upper > 4) + 1).tolist() == upper, case["test"]
        assert (np.flatnonzero(chart.lower < -4) + 1).tolist() == lower, case["test"]
