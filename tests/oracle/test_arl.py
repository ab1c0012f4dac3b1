"""Average run lengths against R's spc 0.6.7 and against equations solved in another way."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from tests.shared import data_set

from assay.stats import arl


@pytest.fixture(scope="module")
def spc() -> dict[str, list[dict[str, float]]]:
    found: dict[str, list[dict[str, float]]] = json.loads(
        (data_set("spc_arl") / "expected_arl.json").read_text("utf-8")
    )
    return found


def every_call(spc: dict[str, Any]) -> list[tuple[Callable[[], float], float]]:
    return [
        *((partial(arl.ewma, row["lambda"], row["L"], row["mu"]), row["ARL"]) for row in spc["xewma_arl"]),
        *((partial(arl.cusum, row["k"], row["h"], row["mu"]), row["ARL_two"]) for row in spc["xcusum_arl"]),
        *(
            (partial(arl.cusum, row["k"], row["h"], row["mu"], "one"), row["ARL_one"])
            for row in spc["xcusum_arl"]
        ),
        *(
            (partial(arl.mewma, row["lambda"], row["h4"], row["p"], math.sqrt(row["delta"])), row["ARL"])
            for row in spc["mewma_arl"]
        ),
    ]


def test_every_published_run_length_within_half_a_percent(spc: dict[str, Any]) -> None:
    calls = every_call(spc)
    assert len(calls) == 51
    for call, mean in calls:
        assert call() == pytest.approx(mean, rel=5e-3)


def test_ewma_and_cusum_agree_to_nine_digits(spc: dict[str, Any]) -> None:
    for call, mean in every_call(spc)[:42]:
        assert call() == pytest.approx(mean, rel=1e-10)


def test_limits_for_a_run_length(spc: dict[str, Any]) -> None:
    for row in spc["xewma_crit"]:
        assert arl.design_ewma(row["lambda"], row["ARL0"]) == pytest.approx(row["c"], rel=1e-9)
    for row in spc["mewma_arl"]:
        if row["delta"] == 0:
            found = arl.design_mewma(row["lambda"], int(row["p"]), row["ARL"])
            assert found == pytest.approx(row["h4"], rel=1e-7)


@pytest.mark.parametrize("distance", [0.3, 1.0, 2.0])
def test_mewma_of_two_variables_by_polar_coordinates(distance: float) -> None:
    """The double integral of Rigdon (1995) written out for p = 2, all mass between polar nodes."""
    lam, h = 0.15, 9.0
    radius = math.sqrt(h / (lam * (2.0 - lam)))
    nodes, weights = np.polynomial.legendre.leggauss(22)
    lengths, mass = radius * (nodes + 1.0) / 2.0, weights * radius / 2.0
    angles = np.arange(48) * 2.0 * math.pi / 48
    x = np.outer(lengths, np.cos(angles)).ravel()
    y = np.outer(lengths, np.sin(angles)).ravel()
    area = np.repeat(mass * lengths * 2.0 * math.pi / 48, 48)

    def kernel(x0: np.ndarray, y0: np.ndarray) -> np.ndarray:
        apart = (x[None, :] - (1 - lam) * x0[:, None] - distance) ** 2 + (
            y[None, :] - (1 - lam) * y0[:, None]
        ) ** 2
        return area * np.exp(-0.5 * apart) / (2.0 * math.pi)

    times = np.linalg.solve(np.eye(x.size) - kernel(x, y), np.ones(x.size))
    mean = 1.0 + (kernel(np.zeros(1), np.zeros(1)) @ times).item()
    assert arl.mewma(lam, h, 2, distance) == pytest.approx(mean, rel=1e-7)
