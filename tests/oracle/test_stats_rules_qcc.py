"""Run rules and sigma on the data sets themselves, against what R's qcc 3.0 answered."""

import json

import numpy as np
import pytest
from tests.shared import data_set

from assay.stats import constants, rules

QCC = data_set("spc_qcc")
FUZZ = json.loads((QCC / "rules_fuzz_dev.json").read_text("utf-8"))["series"]
EXPECTED = json.loads((QCC / "expected_qcc.json").read_text("utf-8"))


def ours(name: str) -> str:
    return name.replace("western-electric_", "we").replace("nelson_", "nelson")


def test_no_flag_of_12_rules_on_150_series_differs() -> None:
    compared = differing = 0
    for series in FUZZ:
        found = rules.violations(series["x"], series["center"], series["sigma"])
        for name, flags in series["flags_1based"].items():
            wanted = {place - 1 for place in flags}
            compared += len(wanted)
            differing += len(wanted ^ set(found[ours(name)]))
    assert (compared, differing) == (8_970, 0)


def test_no_flag_differs_on_another_scale_with_lines_per_point_and_point_by_point() -> None:
    """A power of two and whole offsets leave every comparison of the reference exact."""
    differing = 0
    for series in FUZZ[:50]:
        values = 8.0 * np.array(series["x"])
        found = rules.violations(values, np.zeros(values.size), np.full(values.size, 8.0))
        tracker = rules.Tracker()
        live = [tracker.add(value, 0.0, 8.0) for value in values.tolist()]
        for name, flags in series["flags_1based"].items():
            wanted = {place - 1 for place in flags}
            differing += len(wanted ^ set(found[ours(name)]))
            differing += len(wanted ^ {index for index, hit in enumerate(live) if ours(name) in hit})
    assert differing == 0


@pytest.mark.parametrize("row", EXPECTED["constants"], ids=lambda row: row["n"])
def test_tabled_constants_are_those_of_qcc(row: dict[str, float]) -> None:
    n = int(row["n"])
    assert constants.d2(n, "tabled") == row["d2"]
    assert constants.d3(n, "tabled") == row["d3"]


@pytest.mark.parametrize("name", ["nelson", "western-electric"])
@pytest.mark.parametrize("chart", ["pistonrings_xbar", "viscosity_imr"])
def test_the_lowest_rule_per_point_is_that_of_qcc(chart: str, name: str) -> None:
    expected = EXPECTED["shewhart"][f"{chart}_{name}"]
    points = [*expected["statistics"], *expected["new_statistics"]]
    center, sigma = expected["center"], (expected["limits"][0][1] - expected["center"]) / 3
    found = rules.violations(points, center, sigma, name)
    lowest: list[int | None] = [None] * len(points)
    for number, flagged in reversed(list(enumerate(found.values(), 1))):
        for index in flagged:
            lowest[index] = number
    assert lowest == expected["violations_rule_code_per_point"]
