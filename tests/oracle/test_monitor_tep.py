"""Tennessee Eastman process: detection at a realised false-alarm rate, and which variable is named.

Training and limits from the 500 fault-free training rows alone, with every setting left to its rule.
"""

from __future__ import annotations

import numpy as np
import pytest
from tests.shared import data_set

from assay.stats import monitor
from assay.stats.arrays import Floats

FOLDER = data_set("tep")
COLUMNS = np.r_[0:22, 41:52]
NAMES = tuple([f"XMEAS{at}" for at in range(1, 23)] + [f"XMV{at}" for at in range(1, 12)])
HARD = (3, 9, 15)
"""Faults that leave no trace in these variables."""
ONSET = 160
CAUSES = {
    4: {"XMV10", "XMEAS9"},
    5: {"XMV11"},
    6: {"XMV3", "XMEAS1"},
    7: {"XMV4", "XMEAS4"},
    11: {"XMV10", "XMEAS9"},
    12: {"XMV11"},
    14: {"XMV10", "XMEAS9", "XMEAS21"},
}


def rows_of(number: int) -> Floats:
    return np.loadtxt(FOLDER / f"d{number:02d}_te.dat")[:, COLUMNS]


@pytest.fixture(scope="module")
def training() -> Floats:
    return np.loadtxt(FOLDER / "d00.dat").T[:, COLUMNS]


@pytest.fixture(scope="module")
def tests() -> dict[int, Floats]:
    return {number: rows_of(number) for number in range(22)}


@pytest.fixture(scope="module")
def model(training: Floats) -> monitor.Monitor:
    return monitor.cva().fit(training, NAMES)


def rates(model: monitor.Monitor, tests: dict[int, Floats]) -> tuple[float, float, float]:
    """Detection, false alarms on the fault-free test and pooled with the rows before each fault."""
    alarms = {number: model.score(rows).alarm for number, rows in tests.items()}
    detection = np.mean([alarms[number][ONSET:].mean() for number in range(1, 22) if number not in HARD])
    pooled = np.concatenate([alarms[0]] + [alarms[number][:ONSET] for number in range(1, 22)])
    assert pooled.size == 4320
    return float(detection), float(alarms[0].mean()), float(pooled.mean())


def test_cva_detects_at_a_false_alarm_rate_below_the_nominal_one(
    model: monitor.Monitor, tests: dict[int, Floats]
) -> None:
    detection, fault_free, pooled = rates(model, tests)
    assert detection >= 0.94
    assert fault_free <= 0.01
    assert pooled <= 0.01
    assert model.false_alarms.low <= pooled <= model.false_alarms.high


def test_other_stretches_of_normal_operation_train_as_good_a_model(
    training: Floats, tests: dict[int, Floats]
) -> None:
    for start in (0, 230, 460):
        model = monitor.cva().fit(tests[0][start : start + 500])
        alarms = [model.score(training).alarm] + [model.score(tests[at][:ONSET]).alarm for at in range(1, 22)]
        assert np.concatenate(alarms).mean() <= 0.01
        detected = [model.score(tests[at]).alarm[ONSET:].mean() for at in range(1, 22) if at not in HARD]
        assert np.mean(detected) >= 0.94


@pytest.mark.parametrize(
    "settings", [monitor.cva(1), monitor.cva(2), monitor.cva(3)], ids=lambda s: f"{s.lags}"
)
def test_the_figure_does_not_hang_on_the_number_of_lags(
    settings: monitor.Cva, training: Floats, tests: dict[int, Floats]
) -> None:
    detection, fault_free, pooled = rates(settings.fit(training), tests)
    assert detection >= 0.94
    assert max(fault_free, pooled) <= 0.015


@pytest.mark.parametrize("statistic", ["mewma", "spe", "t2"])
def test_contributions_name_the_variable(
    statistic: str, model: monitor.Monitor, tests: dict[int, Floats]
) -> None:
    hits = 0
    for number, causes in CAUSES.items():
        found = model.contributions(tests[number], slice(ONSET, ONSET + 20), statistic)
        assert len(found.rows) == 20
        hits += bool(causes & set(found.ranking[:3]))
    assert hits >= 6


def test_calibration_halves_the_false_alarms_of_textbook_limits_and_says_what_they_are(
    model: monitor.Monitor, training: Floats, tests: dict[int, Floats]
) -> None:
    textbook = monitor.cva(limits="textbook").fit(training)
    _, fault_free, pooled = rates(textbook, tests)
    assert min(fault_free, pooled) > 0.05
    assert textbook.false_alarms.realised > 5 * textbook.false_alarms.nominal
    assert rates(model, tests)[2] < pooled / 2


def test_pca_with_textbook_limits_repeats_the_published_behaviour(
    training: Floats, tests: dict[int, Floats]
) -> None:
    """Russell, Chiang and Braatz 2000, chapter 8: step faults 1, 6 and 7 are seen nearly always."""
    textbook = monitor.pca(9, limits="textbook", alpha=0.01).fit(training)
    for number, share in ((1, 0.99), (6, 0.99), (7, 0.99)):
        assert textbook.score(tests[number]).alarm[ONSET:].mean() >= share


def test_row_by_row_is_the_same_as_all_at_once(model: monitor.Monitor, tests: dict[int, Floats]) -> None:
    rows = tests[5]
    batch = model.score(rows)
    live = model.live()
    points = [live.add(row) for row in rows]
    assert [point.alarm for point in points] == batch.alarm.tolist()
    np.testing.assert_allclose([point.index for point in points], batch.index, rtol=1e-9)
