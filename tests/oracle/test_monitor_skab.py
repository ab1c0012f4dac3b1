"""Skoltech Anomaly Benchmark, valve 1: F1 and false alarms of the benchmark's own counting.

Each file is a run of its own: a model of its first 400 rows scores all its rows. True and false positives
are counted over the rows of all files.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from tests.shared import data_set

from assay.stats import monitor
from assay.stats.arrays import Bools, Floats

FOLDER = data_set("skab")


@cache
def read(path: Path) -> tuple[Floats, Bools]:
    table = np.genfromtxt(path, delimiter=";", skip_header=1)[:, 1:]
    return table[:, :8], table[:, 8] > 0


def counts(settings: monitor.Cva | monitor.Dpca | monitor.Pca) -> tuple[float, float]:
    """F1 and FP / (FP + TN) over all files."""
    hits = false = missed = quiet = 0
    files = sorted(FOLDER.glob("valve1/*.csv"))
    assert len(files) == 16
    for path in files:
        rows, anomaly = read(path)
        alarm = settings.fit(rows[:400]).score(rows).alarm
        hits += int((alarm & anomaly).sum())
        false += int((alarm & ~anomaly).sum())
        missed += int((~alarm & anomaly).sum())
        quiet += int((~alarm & ~anomaly).sum())
    return 2 * hits / (2 * hits + false + missed), false / (false + quiet)


def test_the_rule_that_holds_on_the_chemical_plant_holds_here() -> None:
    score, false = counts(monitor.cva())
    assert score >= 0.80
    assert false <= 0.15


def test_textbook_limits_give_more_false_alarms() -> None:
    _, calibrated = counts(monitor.cva())
    _, textbook = counts(monitor.cva(limits="textbook"))
    assert textbook > 1.5 * calibrated
