"""A real continuous line (Liveline): the delay between its first and its second stage.

The rows of the public file are a sample of a longer record in no order of time: the minute in the text jumps
back and forth by hours between rows. In the order of the rows, *every* pair of signals, even of machines
that have no material in common, has its highest correlation at a delay of 0, far above chance: what is
correlated is the moment that each row was taken at. Put in the order of the minutes, one value a minute is
left, and the answer is about five minutes. It is credible because

* it holds for the eleven measurements together with p < 1e-5, and for three of them alone at the same place;
* both halves of the record say it independently;
* the other direction, second stage before first, shows nothing;
* it does not hang on the span within which swings are compared.
"""

from __future__ import annotations

import csv
from datetime import datetime

import numpy as np
import pytest
from tests.shared import data_set

from assay.genealogy.metre_delay import Delay, aligned, estimate_delay

Columns = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def rows() -> tuple[np.ndarray, Columns]:
    """The minute of each row, counted from the first, and the columns."""
    with data_set("liveline/continuous_line.csv").open(newline="") as file:
        reader = csv.reader(file)
        names = next(reader)
        table = list(reader)
    stamps = [datetime.strptime(row[0], "%d-%m-%Y %H:%M") for row in table]  # noqa: DTZ007 - the file has no zone
    minutes = np.array([(stamp - min(stamps)).total_seconds() / 60 for stamp in stamps])
    values = np.array([[float(cell or "nan") for cell in row[1:]] for row in table])
    return minutes.astype(int), {name: values[:, place] for place, name in enumerate(names[1:])}


def stage(columns: Columns, name: str) -> np.ndarray:
    """The fifteen measurements after a stage; 0 is what the gauge says where it sees nothing."""
    found = [columns[f"{name}_Output_Measurement{k}_U_Actual"] for k in range(15)]
    return np.where(np.column_stack(found) == 0, np.nan, np.column_stack(found))


def by_minute(minutes: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Medians of each minute, NaN where there are fewer than three values."""
    result = np.full((minutes.max() + 1, values.shape[1]), np.nan)
    for minute in range(len(result)):
        for column, own in enumerate(values[minutes == minute].T):
            known = own[np.isfinite(own)]
            if len(known) >= 3:
                result[minute, column] = np.median(known)
    return result


def test_the_rows_are_not_in_the_order_of_time(rows: tuple[np.ndarray, Columns]) -> None:
    minutes, _ = rows
    steps = np.diff(minutes)
    assert len(minutes) == 4_500
    assert minutes.max() + 1 == 236, "4,500 rows of nearly four hours, about one in three seconds"
    assert (steps < 0).mean() > 0.45
    assert np.abs(steps).max() > 200


def test_in_the_order_of_the_rows_unrelated_machines_have_a_delay_of_0(
    rows: tuple[np.ndarray, Columns],
) -> None:
    _, columns = rows
    one = columns["Machine1_MaterialTemperature_U_Actual"]
    other = columns["Machine3_MaterialTemperature_U_Actual"]
    pairs = [(stage(columns, "Stage1"), stage(columns, "Stage2")), (one[:, None], other[:, None])]
    for up, down in pairs:
        found = estimate_delay(up, down, step=1.0, longest=300.0, paired=False)
        assert found.credible
        assert found.value < 1.5


@pytest.fixture(scope="module")
def stages(rows: tuple[np.ndarray, Columns]) -> tuple[np.ndarray, np.ndarray]:
    minutes, columns = rows
    first, second = (by_minute(minutes, stage(columns, name)) for name in ("Stage1", "Stage2"))
    return first, second


def delay(first: np.ndarray, second: np.ndarray, **options: float) -> Delay:
    return estimate_delay(first, second, **{"step": 60.0, "longest": 600.0, "within": 1_200.0, **options})  # type: ignore[arg-type]


def test_the_second_stage_measures_what_the_first_did_five_minutes_before(
    stages: tuple[np.ndarray, np.ndarray],
) -> None:
    found = delay(*stages)

    assert found.credible
    assert found.p_value < 1e-5
    assert found.low < 300 < found.high
    assert 270 < found.value < 330
    assert found.high - found.low < 90
    assert found.correlation > 2 * found.together


@pytest.mark.parametrize("within", [900.0, 1_800.0])
def test_it_does_not_hang_on_the_span(stages: tuple[np.ndarray, np.ndarray], within: float) -> None:
    assert delay(*stages, within=within).value == pytest.approx(300, abs=30)


def test_both_halves_say_so(stages: tuple[np.ndarray, np.ndarray]) -> None:
    first, second = stages
    for half in (slice(0, 118), slice(118, 236)):
        found = delay(first[half], second[half])
        assert found.credible
        assert found.value == pytest.approx(300, abs=45)


def test_single_measurements_say_so(stages: tuple[np.ndarray, np.ndarray]) -> None:
    first, second = stages
    assert [delay(first[:, k], second[:, k]).value for k in (1, 2, 3)] == pytest.approx([300] * 3, abs=60)


def test_the_other_direction_shows_nothing(stages: tuple[np.ndarray, np.ndarray]) -> None:
    first, second = stages
    assert not delay(second, first, longest=1_200.0, within=1_800.0).credible


def test_aligned_stages_belong_together(stages: tuple[np.ndarray, np.ndarray]) -> None:
    first, second = stages
    times = np.arange(len(first)) * 60.0
    moved = np.column_stack([aligned(times, column, delay(first, second).value) for column in first.T])

    lined_up = delay(moved[6:], second[6:])

    assert lined_up.together > 0.9 * lined_up.correlation
    assert lined_up.value < 45
