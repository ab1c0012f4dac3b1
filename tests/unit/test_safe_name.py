"""Names of dropped files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.api.upload import safe_name


@pytest.mark.parametrize(
    ("given_name", "safe"),
    [
        ("s02_runs.csv", "s02_runs.csv"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\数据 1.xlsx", "数据 1.xlsx"),
        ("a\x00b\n.csv", "ab.csv"),
        ("..", ""),
        ("", ""),
        (" .hidden. ", "hidden"),
        ("x" * 300 + ".parquet", "x" * 192 + ".parquet"),
        ("量" * 100 + ".csv", "量" * 65 + ".csv"),
    ],
)
def test_names(given_name: str, safe: str) -> None:
    assert safe_name(given_name) == safe


@given(st.text())
def test_a_name_never_leaves_its_folder(given_name: str) -> None:
    name = safe_name(given_name)
    assert "/" not in name
    assert "\\" not in name
    assert name not in {".", ".."}
    assert len(name.encode()) <= 200
