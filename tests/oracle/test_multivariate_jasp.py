"""T² charts against every usable table of JASP's test suite, and against R's qcc."""

from __future__ import annotations

import csv
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.shared import data_set

from assay.stats import charts
from assay.stats.charts import MultivariateChart


@cache
def tables() -> list[dict[str, Any]]:
    whole = json.loads((data_set("jasp_qc") / "expected_jasp.json").read_text("utf-8"))
    found: list[dict[str, Any]] = whole["test-multivariateControlCharts.R"]
    return found


def chart_of(context: dict[str, Any]) -> MultivariateChart:
    path: Path = data_set("jasp_qc") / "datasets" / context["dataset"]
    with path.open(encoding="utf-8") as source:
        rows = list(csv.DictReader(source))
    values = {name: [float(row[name]) for row in rows] for name in ("Strength", "Diameter")}
    if "stage" not in context["options"]:
        return charts.t2(values)
    return charts.t2(values, phase1=np.array([row["Phase"] == "Training" for row in rows]))


def cells_of(chart: MultivariateChart, table: str) -> list[float | str]:
    """What JASP prints, in the order of its field names."""
    if table == "covarianceTable":
        (a, b), (c, d) = chart.covariance.tolist()
        return [b, a, "Strength", d, c, "Diameter"]
    limits = np.broadcast_to(chart.limits.ucl, chart.statistics.shape)
    inside = np.ones(limits.size, bool) if chart.phase1 is None else chart.phase1
    cells: list[float | str] = []
    for name, where in (("Training (Training)", inside), ("Test", ~inside)):
        if where.any():
            stage = [] if chart.phase1 is None else [name]
            counted = [1.0 - chart.alpha, chart.determinant, 0.0, float(where.sum()), 2.0]
            cells += [*counted, *stage, float(limits[where][0])]
    return cells


@pytest.mark.parametrize("index", range(4))
def test_every_cell_of_jasp(index: int) -> None:
    case = tables()[index]
    found = cells_of(chart_of(case["context"]), case["table"][1])
    assert len(tables()) == 4
    assert len(found) == len(case["values"])
    for mine, printed in zip(found, case["values"], strict=True):
        assert mine == (printed if isinstance(printed, str) else pytest.approx(printed, rel=1e-9))


def test_boiler_is_that_of_qcc() -> None:
    folder = data_set("spc_qcc")
    known = json.loads((folder / "expected_qcc.json").read_text("utf-8"))["multivariate"][
        "boiler_T2single_999"
    ]
    chart = charts.t2(np.loadtxt(folder / "data" / "boiler.txt", skiprows=1), alpha=0.001)
    assert chart.statistics == pytest.approx(known["T2"], rel=1e-6)
    assert [chart.limits.lcl, chart.limits.ucl] == pytest.approx(known["limits"][0], rel=1e-6)
    assert chart.covariance == pytest.approx(np.array(known["cov"]), rel=1e-6, abs=1e-9)
    assert chart.mean == pytest.approx(known["center"], rel=1e-9)
