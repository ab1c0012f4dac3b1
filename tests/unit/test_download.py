"""CSV downloads: data for a spreadsheet, never formulas."""

from __future__ import annotations

import asyncio
import csv
import io
from datetime import UTC, date, datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.api.download import csv_stream, safe_cell


async def _body(response: object) -> bytes:
    return b"".join(
        [piece if isinstance(piece, bytes) else piece.encode() async for piece in response.body_iterator]
    )  # type: ignore[attr-defined]


def read(*tables: pa.Table) -> list[list[str]]:
    body = asyncio.run(_body(csv_stream(tables, name="rows"))).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(body, newline="")))


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("-12.5", "-12.5"),
        ("+3e-4", "+3e-4"),
        ("-", "'-"),
        ("NOK", "NOK"),
        (-3, "-3"),
        (0.1, "0.1"),
        (True, "true"),
        (None, ""),
        (date(2026, 3, 2), "2026-03-02"),
        (datetime(2026, 3, 2, 6, 30, tzinfo=UTC), "2026-03-02T06:30:00Z"),
    ],
)
def test_cells(value: object, cell: str) -> None:
    assert safe_cell(value) == cell


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), max_size=20))
def test_text_comes_back_as_it_was_and_starts_no_formula(words: list[str]) -> None:
    table = pa.table({"a": pa.array(words, pa.string()), "b": pa.array(["x"] * len(words), pa.string())})
    rows = read(table)
    assert rows[0] == ["a", "b"]
    for word, (cell, _) in zip(words, rows[1:], strict=True):
        assert cell in {word, "'" + word}


def test_many_tables_make_one_file_with_one_header() -> None:
    tables = [pa.table({"n": pa.array(range(start, start + 10_000))}) for start in (0, 10_000)]
    rows = read(*tables)
    assert [row[0] for row in rows] == ["n", *map(str, range(20_000))]
