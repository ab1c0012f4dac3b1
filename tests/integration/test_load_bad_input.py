"""Whatever a file holds: a clear error, or every row accounted for and nothing lost."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.connect.files import csv_source
from assay.connect.load import LoadReport, load_file, replay
from assay.model.errors import MappingError, SourceError
from assay.store.workspace import Workspace

HEADER = "unit,characteristic,value,time,gauge,person\n"
GOOD = "U{0},bore,1.{0},2026-01-01 00:00:0{0},G1,P1\n"
MAPPING = """\
version: 1
source: lab
{more}
long:
  {{subject: unit, characteristic: characteristic, value: value, time: time, gauge: gauge, person: person}}
"""

RUNS = {
    "source": "line",
    "columns": {
        "run": {"role": "subject", "is": "execution"},
        "unit": {"role": "subject"},
        "result": {"role": "outcome"},
    },
    "records": [
        {"kind": "movement", "execution": "$run", "subject": "$unit"},
        {
            "kind": "measurement",
            "subject": "$run",
            "subject_kind": "execution",
            "characteristic": "result",
            "text": "$result",
        },
    ],
}


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.create(tmp_path / "plant") as workspace:
        yield workspace


def load(plant: Workspace, content: bytes | str, more: str = "", name: str = "lab.csv") -> LoadReport:
    file = plant.path.parent / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return load_file(plant, file, MAPPING.format(more=more))


def quarantined(plant: Workspace) -> list[dict[str, Any]]:
    return plant.quarantine.rows(1000).sort_by("seq").to_pylist()


def values(plant: Workspace) -> list[tuple[str, float]]:
    found = plant.lake.query("SELECT subject, value FROM measurement ORDER BY seq")
    return list(zip(found["subject"].to_pylist(), found["value"].to_pylist(), strict=True))


def good(*numbers: int) -> str:
    return "".join(GOOD.format(number) for number in numbers)


# -- rows ---------------------------------------------------------------------------------------------


BAD_ROWS: dict[str, tuple[bytes, str, str | None]] = {
    "too few cells": (b"U9,bore,1.0", "ragged-row", None),
    "too many cells": (b"U9,bore,1.0,2026-01-01,G1,P1,extra", "ragged-row", None),
    "not a number": (b"U9,bore,1.0x,2026-01-01,G1,P1", "unparsable-number", "value"),
    "not finite": (b"U9,bore,nan,2026-01-01,G1,P1", "unparsable-number", "value"),
    "overflow": (b"U9,bore,1e999,2026-01-01,G1,P1", "unparsable-number", "value"),
    "not a time": (b"U9,bore,1.0,yesterday,G1,P1", "unparsable-time", "time"),
    "no such day": (b"U9,bore,1.0,2026-02-30,G1,P1", "unparsable-time", "time"),
    "year out of range": (b"U9,bore,1.0,1066-10-14,G1,P1", "time-out-of-range", "time"),
    "empty value": (b"U9,bore,,2026-01-01,G1,P1", "empty-required", "value"),
    "empty unit": (b",bore,1.0,2026-01-01,G1,P1", "empty-required", "unit"),
    "empty characteristic": (b"U9,,1.0,2026-01-01,G1,P1", "empty-required", "characteristic"),
    "not utf-8": (b"U9,bore,1.0,2026-01-01,G1,M\xfcller", "bad-encoding", "person"),
    "zero byte": (b"U9,bo\0re,1.0,2026-01-01,G1,P1", "zero-byte", "characteristic"),
    "quote never closed": (b'U9,"bore,1.0,2026-01-01,G1,P1', "unterminated-quote", None),
    "id too long": (b"U" * 600 + b",bore,1.0,2026-01-01,G1,P1", "too-long", "unit"),
}


@pytest.mark.parametrize("case", BAD_ROWS)
def test_a_bad_row_is_quarantined_with_its_bytes_and_the_others_are_taken(
    plant: Workspace, case: str
) -> None:
    raw, reason, column = BAD_ROWS[case]
    report = load(plant, (HEADER + good(1, 2)).encode() + raw + b"\n" + good(3, 4).encode())
    assert (report.rows, report.accepted, report.quarantined) == (5, 4, 1)
    assert report.reasons == {reason: 1}
    (row,) = quarantined(plant)
    assert (row["seq"], row["line"], row["reason"], row["column"]) == (2, 4, reason, column)
    assert row["raw_bytes"] == raw
    assert len(row["message"]) > 20
    assert [subject for subject, _ in values(plant)] == ["U1", "U2", "U3", "U4"]


def test_a_wrong_encoding_names_the_bytes_and_what_would_fit(plant: Workspace) -> None:
    load(plant, HEADER.encode() + good(1).encode() + "U2,bore,1,2026-01-01,G1,张三\n".encode("gb18030"))
    (row,) = quarantined(plant)
    assert "D5" in row["message"]
    assert "gb18030" in row["message"]


def test_a_row_longer_than_the_limit_is_kept_as_an_object(
    plant: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_source, "LINE_LIMIT", 4096)
    monkeypatch.setattr(csv_source, "BLOCK_BYTES", 16384)
    long = b"U9,bore," + b"7" * 300_000 + b",2026-01-01,G1,P1"
    report = load(plant, (HEADER + good(1, 2)).encode() + long + b"\n" + good(3, 4).encode())
    assert (report.accepted, report.reasons) == (4, {"row-too-long": 1})
    (row,) = quarantined(plant)
    content = next(word for word in row["message"].split() if word.startswith("sha256:")).strip(".")
    with plant.objects.open(content, check=True) as stream:
        assert stream.read() == long
    assert long.startswith(row["raw_bytes"])
    assert row["line"] == 4


def test_an_overlong_row_within_a_block_and_one_at_the_end_are_kept_too(
    plant: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_source, "LINE_LIMIT", 4096)
    monkeypatch.setattr(csv_source, "BLOCK_BYTES", 65536)
    longs = [b"U8,bore," + b"7" * 9000 + b",2026-01-01,G1,P1", b"U9" * 70_000]
    content = (HEADER + good(1)).encode() + longs[0] + b"\n" + good(2).encode() + longs[1]
    report = load(plant, content)
    assert (report.rows, report.accepted, report.reasons) == (4, 2, {"row-too-long": 2})
    kept = {file.read_bytes() for file in (plant.path / "objects").glob("??/??/*")}
    assert kept == set(longs)


def test_end_before_start_is_an_impossible_time(plant: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "runs.csv"
    file.write_text(
        "run,unit,start,end\nR1,U1,2026-01-01 10:00,2026-01-01 11:00\n"
        "R2,U2,2026-01-01 11:00,2026-01-01 10:00\n"
    )
    report = load_file(
        plant,
        file,
        {
            "source": "line",
            "columns": {
                "run": {"role": "subject", "is": "execution"},
                "unit": {"role": "subject"},
                "start": {"role": "time"},
                "end": {"role": "time"},
            },
            "records": [
                {
                    "kind": "movement",
                    "execution": "$run",
                    "subject": "$unit",
                    "started": "$start",
                    "ended": "$end",
                }
            ],
        },
    )
    assert report.reasons == {"impossible-time": 1}
    assert quarantined(plant)[0]["column"] == "end"


def test_unknown_units_are_told_row_by_row(plant: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "units.csv"
    file.write_text("unit,item,value,uom\nU1,bore,1,mm\nU2,bore,1,furlong\nU3,bore,1,mm\nU4,bore,1,\n")
    mapping = {
        "source": "lab",
        "long": {"subject": "unit", "characteristic": "item", "value": "value", "unit": "uom"},
    }
    report = load_file(plant, file, mapping)
    assert (report.accepted, report.reasons) == (3, {"unknown-unit": 1})
    assert quarantined(plant)[0]["value"] == "furlong"


def test_a_word_that_is_not_known_is_told_with_those_that_are(plant: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "steps.csv"
    file.write_text("run,unit,role\nR1,U1,produced\nR2,U2,eaten\n", encoding="utf-8")
    mapping = {
        "source": "line",
        "columns": {"run": {"role": "subject"}, "unit": {"role": "subject"}, "role": {"role": "annotation"}},
        "records": [{"kind": "movement", "execution": "$run", "subject": "$unit", "role": "$role"}],
    }
    report = load_file(plant, file, mapping)
    assert (report.accepted, report.reasons) == (1, {"unknown-word": 1})
    assert "role = 'eaten'" in quarantined(plant)[0]["message"]
    assert "consumed, produced, used" in quarantined(plant)[0]["message"]


def test_a_wrong_delimiter_is_told_as_one(plant: Workspace) -> None:
    with pytest.raises(MappingError, match="all its names stand in one") as caught:
        load(plant, HEADER + good(1), "file: {delimiter: ';'}")
    assert "delimiter" in str(caught.value.hint)


# -- duplicates ---------------------------------------------------------------------------------------


def test_the_same_row_twice_is_a_duplicate_and_a_different_one_is_quarantined(plant: Workspace) -> None:
    other = "U1,bore,9.9,2026-01-01 00:00:01,G1,P1\n"
    report = load(plant, HEADER + good(1, 2, 1) + other + good(3))
    assert (report.rows, report.accepted, report.duplicates, report.quarantined) == (5, 3, 1, 1)
    (row,) = quarantined(plant)
    assert (row["seq"], row["reason"], row["column"], row["value"]) == (3, "duplicate-key", "value", "9.9")
    assert row["raw_bytes"] == other.strip().encode()
    assert "in line 2" in row["message"]
    assert "'1.1'" in row["message"]
    assert values(plant) == [("U1", 1.1), ("U2", 1.2), ("U3", 1.3)]


def test_a_contradiction_names_the_column_of_the_file(plant: Workspace) -> None:
    file = plant.path.parent / "runs.csv"
    file.write_text("run,unit,result\nR1,U1,OK\nR2,U2,OK\nR2,U2,NOK\n", encoding="utf-8")
    load_file(plant, file, RUNS)
    (row,) = quarantined(plant)
    assert (row["line"], row["column"], row["value"]) == (4, "result", "NOK")
    assert "in line 3, with other content: result 'NOK', before 'OK'" in row["message"]


def test_rows_of_another_file_are_duplicates_and_contradictions_name_the_plant(plant: Workspace) -> None:
    load(plant, HEADER + good(1, 2, 3))
    report = load(plant, HEADER + good(3, 4) + "U2,bore,7,2026-01-01 00:00:02,G1,P1\n", name="next.csv")
    assert (report.accepted, report.duplicates, report.reasons) == (1, 1, {"duplicate-key": 1})
    assert "the plant already has" in quarantined(plant)[0]["message"]
    assert sorted(subject for subject, _ in values(plant)) == ["U1", "U2", "U3", "U4"]


def test_the_same_file_again_changes_nothing(plant: Workspace) -> None:
    content = HEADER + good(1, 2) + "U3,bore,x,2026-01-01,G1,P1\n"
    first = load(plant, content)
    versions = plant.lake.versions()
    again = load(plant, content)
    assert (again.rows, again.accepted, again.duplicates, again.quarantined) == (3, 0, 2, 1)
    assert plant.lake.versions() == versions
    assert first.accepted == 2


def test_equal_hashes_lose_nothing(plant: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every key and every content hashes alike; the values themselves decide."""
    import numpy as np

    from assay.connect import build

    monkeypatch.setattr(build, "joined", lambda fields, rows, start=0: np.zeros(rows, np.uint64))
    report = load(plant, HEADER + good(1, 2, 3, 1) + "U2,bore,7,2026-01-01 00:00:02,G1,P1\n")
    assert (report.accepted, report.duplicates, report.reasons) == (3, 1, {"duplicate-key": 1})
    report = load(plant, HEADER + good(3, 4), name="next.csv")
    assert (report.accepted, report.duplicates) == (1, 1)


def test_a_row_that_contradicts_leaves_nothing_behind_for_later_rows(
    plant: Workspace, tmp_path: Path
) -> None:
    """The second row contradicts by its result; the third repeats what only the second had said."""
    file = tmp_path / "runs.csv"
    file.write_text("run,unit,result\nR1,U1,OK\nR1,U2,NOK\nR3,U2,OK\n")
    report = load_file(plant, file, RUNS)
    assert (report.accepted, report.reasons) == (2, {"duplicate-key": 1})
    moved = plant.lake.query("SELECT execution, subject FROM movement ORDER BY execution").to_pylist()
    assert moved == [{"execution": "R1", "subject": "U1"}, {"execution": "R3", "subject": "U2"}]


def test_what_a_contradicting_row_had_said_first_is_taken_from_the_next(
    plant: Workspace, tmp_path: Path
) -> None:
    """Rows 2 and 3 say the same movement; row 2 goes, so row 3's stays."""
    file = tmp_path / "runs.csv"
    file.write_text("run,unit,result\nR1,U1,OK\nR1,U2,NOK\nR1,U2,OK\nR1,U2,OK\n")
    report = load_file(plant, file, RUNS)
    assert (report.accepted, report.duplicates, report.reasons) == (2, 1, {"duplicate-key": 1})
    moved = plant.lake.query("SELECT seq, subject FROM movement ORDER BY seq").to_pylist()
    assert moved == [{"seq": 0, "subject": "U1"}, {"seq": 2, "subject": "U2"}]
    assert len(plant.lake.query("SELECT 1 FROM measurement")) == 1


def test_a_row_that_says_one_thing_twice_is_taken_once(plant: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "lots.csv"
    file.write_text("run,first,second,n,m\nR1,L1,L2,1,2\nR2,L3,L3,1,1\nR3,L4,L4,1,2\n")
    subject = {"role": "subject", "is": "lot"}
    number = {"role": "annotation"}
    used = {"kind": "movement", "execution": "$run", "role": "consumed", "subject_kind": "lot"}
    mapping = {
        "source": "line",
        "columns": {
            "run": {"role": "subject", "is": "execution"},
            "first": subject,
            "second": subject,
            "n": number,
            "m": number,
        },
        "records": [
            {**used, "subject": "$first", "quantity": "$n"},
            {**used, "subject": "$second", "quantity": "$m"},
        ],
    }
    report = load_file(plant, file, mapping)
    assert (report.accepted, report.reasons) == (2, {"contradiction-in-row": 1})
    lots = plant.lake.query("SELECT subject FROM movement ORDER BY subject")["subject"].to_pylist()
    assert lots == ["L1", "L2", "L3"]
    assert load_file(plant, file, mapping).duplicates == 2


def test_master_data_that_does_not_fit_is_quarantined(plant: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "machines.csv"
    file.write_text("id,name,level\nM1,Press 1,work unit\nM2,Press 2,wrok unit\n")
    note = {"role": "annotation"}
    values = {"name": "$name", "level": "$level"}
    mapping = {
        "source": "master",
        "columns": {"id": note, "name": note, "level": note},
        "records": [{"kind": "entity", "entity": "equipment", "id": "$id", "values": values}],
    }
    report = load_file(plant, file, mapping)
    assert (report.accepted, report.reasons) == (1, {"invalid-entity": 1})
    assert "wrok unit" in quarantined(plant)[0]["message"]
    (machine,) = plant.registry.entities("equipment")
    assert (machine["id"], machine["name"], machine["level"]) == ("M1", "Press 1", "work unit")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.sampled_from(
            [
                b"U1",
                b"U2",
                b"U9",
                b"bore",
                b"1.5",
                b"x",
                b"2026-01-01",
                b",",
                b",",
                b",",
                b",",
                b"\n",
                b'"',
                b"\xff",
                b"\0",
            ]
        ),
        max_size=80,
    ).map(b"".join)
)
def test_any_content_is_accounted_for(tmp_path_factory: pytest.TempPathFactory, body: bytes) -> None:
    folder = tmp_path_factory.mktemp("any")
    with Workspace.create(folder / "plant") as plant:
        report = load(plant, b"unit,characteristic,value,time,gauge,person\n" + body)
        taken = set(plant.lake.query("SELECT seq FROM measurement")["seq"].to_pylist())
        aside = quarantined(plant)
    assert report.rows == report.accepted + report.duplicates + report.quarantined
    assert len(taken) == report.accepted
    assert len(aside) == report.quarantined
    assert taken.isdisjoint(row["seq"] for row in aside)
    assert all(row["raw_bytes"] in body for row in aside)


# -- whole files --------------------------------------------------------------------------------------


def test_only_a_header_is_no_rows(plant: Workspace) -> None:
    assert load(plant, HEADER).rows == 0
    assert load(plant, HEADER.strip(), name="b.csv").rows == 0


WRONG_FILES: dict[str, tuple[str, bytes, str]] = {
    "empty": ("a.csv", b"", "empty"),
    "blank lines": ("a.csv", b"\n\r\n\n", "holds no text"),
    "Excel named CSV": ("a.csv", b"", "Excel workbook"),
    "CSV named Excel": ("a.xlsx", HEADER.encode(), "named .xlsx"),
    "Parquet named CSV": ("a.csv", b"PAR1xxxxxxxxPAR1", "Parquet"),
    "picture": ("a.csv", b"\x89PNG\r\n\x1a\n0000", "PNG"),
    "web page": ("a.csv", b"<!DOCTYPE html><html>", "HTML"),
    "old Excel": ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, ".xlsx"),
    "broken Excel": ("a.xlsx", b"PK\x03\x04broken", "Copy or export the file again"),
    "broken Parquet": ("a.parquet", b"PAR1" + b"\0" * 100 + b"PAR1", "can't be read"),
    "tar": ("a.csv", b"plant/assay.toml".ljust(257, b"\0") + b"ustar\x0000" + bytes(250), "a tar archive"),
    "broken gzip": ("a.csv.gz", b"\x1f\x8b\x08\0broken", "gzip"),
    "not gzip": ("a.csv.gz", HEADER.encode(), "named .gz"),
    "column twice": ("a.csv", b"unit,value,unit\nU1,1,U1\n", "'unit' 2 times"),
    "header not utf-8": ("a.csv", "零件,值\n1,2\n".encode("gb18030"), "gb18030"),
    "utf-16 without mark": ("a.csv", HEADER.encode("utf-16-le"), "utf-16-le"),
}


@pytest.mark.parametrize("case", WRONG_FILES)
def test_a_file_that_is_not_a_table_says_what_it_is(plant: Workspace, case: str) -> None:
    name, content, said = WRONG_FILES[case]
    file = plant.path.parent / name
    file.write_bytes(content)
    if case == "Excel named CSV":
        openpyxl.Workbook().save(plant.path.parent / "b.xlsx")
        (plant.path.parent / "b.xlsx").rename(file)
    with pytest.raises(SourceError) as caught:
        load_file(plant, file, MAPPING.format(more=""))
    assert said in str(caught.value)
    assert caught.value.hint


def test_a_gzip_file_cut_short_loads_nothing(plant: Workspace) -> None:
    whole = gzip.compress((HEADER + "".join(good(n % 9) for n in range(3000))).encode(), mtime=0)
    with pytest.raises(SourceError, match="cut short"):
        load(plant, whole[: len(whole) - 20], name="a.csv.gz")
    assert values(plant) == []
    assert not list((plant.path / "lake").rglob("*.parquet"))


def test_a_missing_column_is_named_with_the_nearest_one(plant: Workspace) -> None:
    with pytest.raises(MappingError, match="no column 'gauge'") as caught:
        load(plant, HEADER.replace("gauge", "guage") + good(1))
    assert "'guage'" in str(caught.value)


# -- ways to write the same table ---------------------------------------------------------------------


def same(plant: Workspace, report: LoadReport) -> None:
    assert (report.rows, report.accepted) == (3, 3)
    assert values(plant) == [("U1", 1.1), ("U2", 1.2), ("U3", 1.3)]


TABLE = HEADER + good(1, 2, 3)


@pytest.mark.parametrize(
    ("content", "more"),
    [
        (TABLE.encode("utf-8-sig"), ""),
        (TABLE.encode("utf-16"), ""),
        (TABLE.encode("utf-16-be"), "file: {encoding: utf-16-be}"),
        (TABLE.encode("gb18030"), "file: {encoding: gb18030}"),
        (TABLE.replace("\n", "\r\n").encode(), ""),
        (TABLE.replace("\n", "\r").encode(), ""),
        (TABLE.rstrip().encode(), ""),
        (TABLE.replace("\n", "\n\n").encode(), ""),
        (TABLE.replace(",", "\t").encode(), ""),
        (TABLE.replace(",", "|").encode(), ""),
        (TABLE.replace(",", ";").replace("1.", "1,").encode(), "file: {decimal: ','}"),
        (TABLE.replace("bore", '"bo\nre"').encode(), ""),
        (("# lab 7\nexported today\n" + TABLE).encode(), "file: {header_row: 3}"),
        (TABLE.replace("U2", '"U2"').replace("1.3", '"1.3"').encode(), ""),
        (TABLE.replace("1.3", " 1.3 ").encode(), ""),
    ],
)
def test_the_same_table_in_many_hands(plant: Workspace, content: bytes, more: str) -> None:
    same(plant, load(plant, content, more))


def test_a_gzipped_csv(plant: Workspace) -> None:
    same(plant, load(plant, gzip.compress(TABLE.encode()), name="a.csv.gz"))


def test_excel_and_parquet_hold_the_same(plant: Workspace, tmp_path: Path) -> None:
    from datetime import datetime

    rows = [line.split(",") for line in TABLE.splitlines()]
    book = openpyxl.Workbook()
    for row in rows[:1]:
        book.active.append(row)
    for row in rows[1:]:
        book.active.append([row[0], row[1], float(row[2]), datetime.fromisoformat(row[3]), row[4], row[5]])
    book.save(tmp_path / "a.xlsx")
    same(plant, load_file(plant, tmp_path / "a.xlsx", MAPPING.format(more="")))
    columns = {name: [row[at] for row in rows[1:]] for at, name in enumerate(rows[0])}
    table = pa.table(columns)
    table = table.set_column(2, "value", table["value"].cast(pa.float64()))
    table = table.set_column(3, "time", table["time"].cast(pa.timestamp("ns")))
    pq.write_table(table, tmp_path / "a.parquet")
    report = load_file(plant, tmp_path / "a.parquet", MAPPING.format(more=""))
    assert (report.rows, report.duplicates) == (3, 3)


def test_excel_rows_that_do_not_fit_keep_their_cells(plant: Workspace, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (
        HEADER.strip().split(","),
        ["U1", "bore", "#N/A", "2026-01-01", "G1", "P1"],
        ["U2", "bore", 2],
    ):
        book.active.append(row)
    book.active.append(["U3", "bore", 3, "2026-01-01", "G1", "P1", "stray"])
    book.save(tmp_path / "a.xlsx")
    report = load_file(plant, tmp_path / "a.xlsx", MAPPING.format(more=""))
    assert (report.accepted, report.reasons) == (1, {"unparsable-number": 1, "ragged-row": 1})
    assert b'"#N/A"' in quarantined(plant)[0]["raw_bytes"]


# -- replay -------------------------------------------------------------------------------------------


def test_rows_are_taken_after_all_by_a_corrected_mapping(plant: Workspace) -> None:
    load(plant, HEADER + good(1) + "U2,bore,-,2026-01-01,G1,P1\nU3,bore,3,01.02.2026,G1,P1\nU4,bore,4\n")
    assert plant.quarantine.counts() == {"unparsable-number": 1, "unparsable-time": 1, "ragged-row": 1}
    formats = "time: {formats: ['%Y-%m-%d %H:%M:%S', '%Y-%m-%d', '%d.%m.%Y']}"
    report = replay(plant, MAPPING.format(more=formats))
    assert (report.rows, report.accepted, report.quarantined) == (3, 1, 2)
    assert plant.quarantine.counts() == {"unparsable-number": 1, "ragged-row": 1}
    assert sorted(values(plant)) == [("U1", 1.1), ("U3", 3.0)]
    again = replay(plant, MAPPING.format(more=formats))
    assert (again.rows, again.accepted, again.quarantined) == (2, 0, 2)
    assert len(values(plant)) == 2


def test_a_wrong_encoding_is_put_right_by_replay(plant: Workspace) -> None:
    load(plant, HEADER.encode() + good(1).encode() + "U2,bore,1,2026-01-01,G1,张三\n".encode("gb18030"))
    report = replay(plant, MAPPING.format(more="file: {encoding: gb18030}"))
    assert (report.rows, report.accepted) == (1, 1)
    found = plant.lake.query("SELECT person FROM measurement WHERE subject = 'U2'")
    assert found["person"].to_pylist() == ["张三"]
    assert plant.quarantine.counts() == {}
