"""What ships with the demo, and how a file without seconds gets them."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import pytest

from assay.connect.mapping import read_mapping
from assay.demo.build import find_liveline, number_within_minutes
from assay.model.errors import SourceError

ROOT = Path(__file__).parents[2]
DATA = ROOT / "src/assay/demo/data"

PUBLISHED = {
    "s01_variations-in-thread-degradation.csv": ("ee8a4f09166d98e2cf45fbcffe93fb8b", 5_000),
    "s02_variations-in-surface-friction.csv": ("c755595db01ac7a249412637945ea958", 12_500),
    "s04_variations-in-assembly-conditions-2.csv": ("b3c64d473ed9bcb6298c1b70fcf0350e", 5_000),
}
"""MD5 and number of runs of each file as it was published."""


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_data_is_unchanged(name: str) -> None:
    content = (DATA / name).read_bytes()
    digest, runs = PUBLISHED[name]
    assert hashlib.md5(content, usedforsecurity=False).hexdigest() == digest
    assert len(content.splitlines()) == runs + 1


def test_the_data_is_attributed() -> None:
    text = (DATA / "README.md").read_text("utf-8")
    for word in ("Nikolai West", "10.5281/zenodo.14729547", "CC BY 4.0", "**Changes:** none", *PUBLISHED):
        assert word in text


@pytest.mark.parametrize("name", ["screwdriving.yaml", "liveline.yaml"])
def test_the_mappings_are_valid(name: str) -> None:
    assert read_mapping(DATA / name).mapping.source


def test_the_demo_maps_as_the_example_does() -> None:
    example = ROOT / "examples/screwdriving/mapping.yaml"
    assert (DATA / "screwdriving.yaml").read_bytes() == example.read_bytes()


def prepared(tmp_path: Path, text: str) -> list[list[str]]:
    source, out = tmp_path / "continuous_line.csv", tmp_path / "out.csv"
    source.write_text(text, "utf-8")
    number_within_minutes(source, out)
    with out.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_rows_of_one_minute_get_their_own_second(tmp_path: Path) -> None:
    minutes = ["06-03-2019 10:52", "06-03-2019 10:53", "06-03-2019 10:52"]
    rows = prepared(tmp_path, "time_stamp,a\n" + "".join(f"{minute},1.5\n" for minute in minutes))
    assert rows[0] == ["time_stamp", "a"]
    assert [row[0] for row in rows[1:]] == [
        "06-03-2019 10:52:00",
        "06-03-2019 10:53:00",
        "06-03-2019 10:52:01",
    ]


def test_a_minute_of_more_than_sixty_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r":62: more than sixty rows in the minute 06-03-2019 10:52"):
        prepared(tmp_path, "time_stamp\n" + "06-03-2019 10:52\n" * 61)


def test_another_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no column 'time_stamp'"):
        prepared(tmp_path, "a,b\n1,2\n")


def test_liveline_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ASSAY_DATA", raising=False)
    assert find_liveline(None) is None
    monkeypatch.setenv("ASSAY_DATA", str(tmp_path))
    assert find_liveline(None) is None
    (tmp_path / "liveline").mkdir()
    file = tmp_path / "liveline/continuous_line.csv"
    file.write_text("time_stamp\n")
    assert find_liveline(None) == file
    with pytest.raises(SourceError, match="no such file"):
        find_liveline(tmp_path / "other.csv")
