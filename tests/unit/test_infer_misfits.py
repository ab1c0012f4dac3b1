"""A few values that don't fit a column's kind do not change what the column is taken for."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.connect.infer import infer
from assay.model.attributes import AttributeType, ColumnRole


def proposed(folder: Path, times: list[str], torques: list[str]) -> Path:
    rows = [f"U{at},{time},{torque},OK" for at, (time, torque) in enumerate(zip(times, torques, strict=True))]
    file = folder / "tests.csv"
    file.write_text("\n".join(["unit,measured_at,torque,result", *rows]) + "\n")
    return file


def clocks(count: int) -> list[str]:
    return [f"{1 + at % 28:02d}/{1 + at % 12:02d}/2026 06:{at % 60:02d}:00" for at in range(count)]


def numbers(count: int) -> list[str]:
    return [f"{1.2 + at / 1000:.3f}" for at in range(count)]


def test_some_times_and_numbers_are_unreadable(tmp_path: Path) -> None:
    times, torques = clocks(200), numbers(200)
    times[50], times[120], torques[7], torques[90] = "soon", "32.13.2026", "n/a", "error"
    found = infer(proposed(tmp_path, times, torques))
    columns = found.mapping.columns
    assert columns["measured_at"].role is ColumnRole.TIME
    assert columns["torque"].value_type is AttributeType.NUMBER
    said = {
        doubt.column: doubt.message for doubt in found.doubts if "read like the others" in doubt.message.en
    }
    assert "2 of the values" in said["measured_at"].en
    assert "'soon', '32.13.2026'" in said["measured_at"].en
    assert "'n/a', 'error'" in said["torque"].zh


@pytest.mark.parametrize("bad", [15, 100])
def test_many_are(tmp_path: Path, bad: int) -> None:
    times = clocks(200)
    times[:bad] = ["soon"] * bad
    assert (
        infer(proposed(tmp_path, times, numbers(200))).mapping.columns["measured_at"].role
        is not ColumnRole.TIME
    )


def test_the_reading_that_fits_more_values_is_taken(tmp_path: Path) -> None:
    # Days above 12 decide: month first fits only the others.
    found = infer(proposed(tmp_path, clocks(200), numbers(200)))
    assert found.mapping.time is not None
    assert list(found.mapping.time.formats) == ["%d/%m/%Y %H:%M:%S"]


def test_codes_with_a_word_among_them_stay_codes(tmp_path: Path) -> None:
    stations = [str(at % 7) for at in range(199)] + ["none"]
    file = proposed(tmp_path, clocks(200), stations)
    assert infer(file).mapping.columns["torque"].value_type is AttributeType.TEXT
