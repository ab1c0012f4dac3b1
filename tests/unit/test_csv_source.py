"""Any bytes: every row once, its exact bytes known, however the file is cut into blocks."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from assay.connect.files import csv_source
from assay.connect.files.config import FilesConfig
from assay.connect.files.csv_source import CsvSource
from assay.connect.files.split import cells, last_record_end, records
from assay.plugins.contracts import Reading

HEADER = b"a,b,c\n"
ANY = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

pieces = st.sampled_from(
    [
        b",",
        b'"',
        b"\n",
        b"\r\n",
        b"\r",
        b"x",
        b"1",
        b"-2.5",
        b'""',
        b" ",
        b"\0",
        b"\xff",
        "é".encode(),
        b";",
        b"ab",
    ]
)
bodies = st.lists(pieces, max_size=60).map(b"".join)
rows_of_text = st.lists(
    st.lists(st.text(alphabet='x1 ,;"\n\ré张', max_size=6), min_size=3, max_size=3), min_size=1, max_size=12
)


def read(
    path: Path, monkeypatch: pytest.MonkeyPatch, block: int, limit: int
) -> list[tuple[int, int | None, bytes, tuple[str | None, ...] | str]]:
    """Row number, line, exact bytes, and cells or reason, of every row."""
    monkeypatch.setattr(csv_source, "BLOCK_BYTES", block)
    monkeypatch.setattr(csv_source, "LINE_LIMIT", limit)
    source = CsvSource(path, FilesConfig(delimiter=","))
    found: list[tuple[int, int | None, bytes, tuple[str | None, ...] | str]] = []
    for one in source.blocks(Reading(columns=("a", "b", "c"))):
        at = range(len(one.table))
        located = one.locate(np.arange(len(one.table)))
        rows = zip(*(column.to_pylist() for column in one.table.columns), strict=True)
        found += [
            (int(one.rows[i]), raw.line, raw.raw, row) for i, raw, row in zip(at, located, rows, strict=True)
        ]
        found += [(fault.row, fault.line, fault.raw, fault.reason) for fault in one.faults]
    source.close()
    return sorted(found)


@ANY
@given(bodies)
@example(b'1,"x\n3,4\n')
@example(b'1,5" x,2\n"a\nb",2,3\n')
@example(b'"a"b,"c""d",\n\n\n,,\n')
@example(b'x"",",y",1\n')
def test_every_byte_belongs_to_one_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: bytes) -> None:
    path = tmp_path / "any.csv"
    path.write_bytes(HEADER + body)
    found = read(path, monkeypatch, 1 << 20, 1 << 19)
    assert [row for row, *_ in found] == list(range(len(found)))
    position = 0
    for _, line, raw, _ in found:
        start = body.find(raw, position)
        assert start >= 0
        assert body[position:start].strip(b"\r\n") == b""
        assert line == 2 + len(body[:start].replace(b"\r\n", b"\n").replace(b"\r", b"\n").splitlines()) - (
            0 if start == 0 or body[start - 1 : start] in b"\r\n" else 1
        )
        position = start + len(raw)
    assert body[position:].strip(b"\r\n") == b""


@ANY
@given(bodies, st.sampled_from([48, 64, 100]))
@example(b'x,y,"a\nb"\n' * 9, 48)
@example(b'x,y,5" z\n' * 9, 48)
def test_blocks_do_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: bytes, block: int
) -> None:
    path = tmp_path / "any.csv"
    path.write_bytes(HEADER + body)
    whole = read(path, monkeypatch, 1 << 20, 40)
    if any(reason in {"row-too-long", "unterminated-quote"} for *_, reason in whole):
        return  # how far such a row reaches is a matter of how much of it was seen
    assert read(path, monkeypatch, block, 40) == whole


@ANY
@given(rows_of_text, st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]), st.sampled_from(["\n", "\r\n"]))
def test_what_a_csv_writer_wrote_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: list[list[str]], quoting: int, end: str
) -> None:
    if quoting == csv.QUOTE_MINIMAL and end == "\n":  # csv.writer then leaves a carriage return unquoted
        rows = [[cell.replace("\r", "") for cell in row] for row in rows]
    out = io.StringIO(newline="")
    csv.writer(out, quoting=quoting, lineterminator=end).writerows([["a", "b", "c"], *rows])
    path = tmp_path / "written.csv"
    path.write_bytes(out.getvalue().encode())
    found = read(path, monkeypatch, 64, 1 << 16)
    assert [row for *_, row in found] == [tuple(cell or None for cell in row) for row in rows]


@ANY
@given(bodies, st.booleans())
def test_the_fast_cut_agrees_with_the_exact_records(body: bytes, final: bool) -> None:
    cut = last_record_end(body, b",", 1 << 19, final=final)
    if cut is None:
        return
    spans = list(records(body, b",", 1 << 19, final=final))
    if final:
        assert all(span.fault is None for span in spans)
        return
    assert all(span.fault is None for span in records(body[:cut], b",", 1 << 19, final=True))
    assert [span for span in spans if span.after <= cut] == list(
        records(body[:cut], b",", 1 << 19, final=True)
    )


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (b"", [b""]),
        (b",", [b"", b""]),
        (b'"a,b",c', [b"a,b", b"c"]),
        (b'"a""b",""', [b'a"b', b""]),
        (b'5" x,y', [b'5" x', b"y"]),
        (b'"x"y,z', [b"xy", b"z"]),
    ],
)
def test_cells(record: bytes, expected: list[bytes]) -> None:
    assert cells(record, b",") == expected
