"""Columns of a file for a statistic, and every cell that can't be used."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.connect.frame import FrameError, columns_of, read_frame
from assay.model.errors import SourceError

ROWS = "part,diameter,note\nA,10.01,first\nA,10.03,\nB,9.98,x\n"


def saved(folder: Path, text: str, name: str = "m.csv") -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def test_columns_are_read_as_numbers_and_words(tmp_path: Path) -> None:
    frame = read_frame(saved(tmp_path, ROWS), numbers=["diameter"], words=["part"])
    assert list(frame["diameter"]) == [10.01, 10.03, 9.98]
    assert list(frame["part"]) == ["A", "A", "B"]
    assert (len(frame), frame.dropped) == (3, 0)
    assert columns_of(tmp_path / "m.csv") == ("part", "diameter", "note")


@pytest.mark.parametrize(
    "text",
    ["d;x\n10,01;1\n10,03;2\n", "d\tx\n10.01\t1\n10.03\t2\n", "d,x\r\n 10.01 ,1\r\n1.003e1,2\r\n"],
)
def test_the_dialect_is_found(tmp_path: Path, text: str) -> None:
    assert list(read_frame(saved(tmp_path, text), numbers=["d"])["d"]) == [10.01, 10.03]


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    path = tmp_path / "m.parquet"
    pq.write_table(pa.table({"lot": [7, 7, 8], "x": [1.5, 2.5, 3.5], "name": ["a", "b", "c"]}), path)
    frame = read_frame(path, numbers=["x"], words=["lot", "name"])
    assert frame["x"].dtype == np.float64
    assert list(frame["lot"]) == ["7", "7", "8"]


def test_an_empty_cell_is_an_error_unless_it_is_asked_to_be_left_out(tmp_path: Path) -> None:
    path = saved(tmp_path, "d,x\n1,2\n,3\n4,\n5,6\n")
    with pytest.raises(FrameError, match=r"'d' is empty in line 3 \(1 such rows"):
        read_frame(path, numbers=["d", "x"])
    frame = read_frame(path, numbers=["d", "x"], drop_empty=True)
    assert list(frame["d"]) == [1, 5]
    assert (frame.dropped, len(frame)) == (2, 2)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("d\n1\n2 mm\n", r"holds '2 mm' in line 3"),
        ("d\n1\nNaN\n", r"holds 'NaN' in line 3"),
        ("d\n1e999\n", r"line 2"),
        ("d\n", r"no row"),
        ("e\n1\n", r"no column 'd'"),
        ("d,x\n1,2,3\n", r"line 2"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SourceError, match=said):
        read_frame(saved(tmp_path, text), numbers=["d"])


def test_a_near_miss_is_suggested_in_both_languages(tmp_path: Path) -> None:
    with pytest.raises(FrameError) as caught:
        read_frame(saved(tmp_path, ROWS), numbers=["diametre"])
    assert caught.value.hint == "Did you mean 'diameter'? The columns are: part, diameter, note."
    assert caught.value.advice is not None
    assert caught.value.advice.zh == "是否想写 'diameter'？现有列：part, diameter, note。"
