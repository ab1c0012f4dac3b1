"""Flags of JASP's control charts: individuals with several spans, stages, and known parameters.

JASP's tables of flags name no columns; each column here is one rule, recognised by its points.
"""

from __future__ import annotations

import csv

import numpy as np
import pytest
from tests.shared import data_set

from assay.stats import charts
from assay.stats.charts import ControlChart

FOLDER = data_set("jasp_qc") / "datasets" / "datasets"
RULES = ("nelson1", "run:7", "2of3:2", "hugging:15:1")


def rows(name: str) -> list[dict[str, str]]:
    with (FOLDER / name).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def points(chart: ControlChart) -> dict[str, list[int]]:
    """Flags counted from 1."""
    return {rule: [index + 1 for index in found] for rule, found in chart.violations.items()}


@pytest.fixture(scope="module")
def individuals() -> list[dict[str, str]]:
    return rows("variableChartsIndividuals/variableChartsIndividualsDebug.csv")


@pytest.mark.parametrize(("span", "hugging"), [(2, []), (4, []), (36, [19, 20, 21, 22])])
def test_individuals(individuals: list[dict[str, str]], span: int, hugging: list[int]) -> None:
    chart = charts.imr([float(row["Yield"]) for row in individuals], span=span, rules=RULES)
    assert points(chart) == {
        "nelson1": [3, 4, 23, 24],
        "run:7": [*range(11, 23), *range(31, 37)],
        "2of3:2": [4, 24],
        "hugging:15:1": hugging,
    }


def test_individuals_in_stages(individuals: list[dict[str, str]]) -> None:
    stages = [row["Stage"] for row in individuals]
    chart = charts.imr([float(row["Yield"]) for row in individuals], stages=stages, rules=RULES[:3])
    assert [stage.label for stage in chart.stages] == ["Zero", "One", "Two"]
    flags = {
        stage.label: {
            rule: [index - stage.start + 1 for index in found if stage.start <= index < stage.stop]
            for rule, found in chart.violations.items()
        }
        for stage in chart.stages
    }
    assert flags == {
        "Zero": {"nelson1": [3, 4], "run:7": [11, 12], "2of3:2": [4]},
        "One": {"nelson1": [11, 12], "run:7": [7, 8, 9, 10], "2of3:2": [12]},
        "Two": {"nelson1": [], "run:7": [], "2of3:2": []},
    }


@pytest.mark.parametrize(("make", "second"), [(charts.xbar_r, range(9, 21)), (charts.xbar_s, range(7, 21))])
def test_subgroups_with_known_parameters(make: object, second: range) -> None:
    read = rows("variableChartsSubgroups/variableChartsSubgroupsWideFormatDebug.csv")
    values = np.array([[float(row[f"dm{number}"]) for number in range(1, 6)] for row in read])
    chart = make(values, center=0, sigma=3, rules=("nelson1", "run:7"), dispersion_rules="run:7")  # type: ignore[operator]
    assert points(chart) == {"nelson1": [*range(1, 21)], "run:7": [*range(7, 21)]}
    assert points(chart.dispersion) == {"run:7": [*second]}
    assert chart.estimator == chart.dispersion.estimator == "given"
