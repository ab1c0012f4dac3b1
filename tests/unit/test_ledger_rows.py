"""Salted rows: their canonical bytes, salts that can be destroyed one by one, and proofs of single rows."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.ledger.canonical import decode, encode
from assay.ledger.chunks import schema_digest
from assay.ledger.entries import Origin, Rows, parse_body
from assay.ledger.errors import EntryError, LedgerError, VerificationError
from assay.ledger.rows import RowProof, committed_fields, decoded_row, encoded, float_text, row_proof, tree_of
from assay.ledger.salts import Salts, field_salt, row_salt

SCHEMA = pa.schema(
    {
        "source": pa.dictionary(pa.int32(), pa.string()),
        "seq": pa.int64(),
        "subject": pa.string(),
        "value": pa.float64(),
        "time": pa.timestamp("us", "UTC"),
        "good": pa.bool_(),
        "day": pa.date32(),
        "raw": pa.binary(),
        "small": pa.int16(),
    }
)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=300)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "source": st.none() | st.sampled_from(["a", "é", "x" * 30, ""]),
            "seq": st.none() | st.integers(-(2**63), 2**63 - 1) | st.integers(-300, 300),
            "subject": st.none() | TEXTS,
            "value": st.none() | st.floats() | st.integers(-(10**9), 10**9).map(lambda n: n / 1000),
            "time": st.none() | st.datetimes(timezones=st.just(UTC)),
            "good": st.none() | st.booleans(),
            "day": st.none() | st.dates(),
            "raw": st.none() | st.binary(max_size=40),
            "small": st.none() | st.integers(-(2**15), 2**15 - 1),
        }
    ),
    max_size=20,
)


def slowly(row: dict[str, Any]) -> bytes:
    """The row by the encoding of the log, value by value."""

    def value(one: Any) -> Any:
        if isinstance(one, float):
            return float_text(one)
        if isinstance(one, datetime):
            since = one - datetime(1970, 1, 1, tzinfo=UTC)
            return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
        if isinstance(one, date):
            return (one - date(1970, 1, 1)).days
        return str(one) if one == -(2**63) else one

    return encode(["assay/row@1", *(value(row[name]) for name in SCHEMA.names)])


@given(ROWS)
@settings(max_examples=150, deadline=None)
def test_rows_are_encoded_as_their_values_one_by_one(rows: list[dict[str, Any]]) -> None:
    table = pa.Table.from_pylist(rows, SCHEMA)
    found = encoded(table)
    assert found == [slowly(row) for row in rows]
    assert [decoded_row(one) for one in found] == [decode(one)[1:] for one in found]  # type: ignore[index]
    halves = [encoded(table.slice(at, 3)) for at in range(0, len(table), 3)]
    assert [row for half in halves for row in half] == found


@given(st.floats(allow_nan=False, allow_infinity=False))
@settings(max_examples=300)
def test_a_number_is_the_fewest_digits_that_read_back(value: float) -> None:
    text = float_text(value)
    assert float(text) == value
    assert "e" not in text.lower()
    assert not text.endswith((".", ".0"))
    digits = text.lstrip("-").replace(".", "").strip("0")
    assert len(digits) <= max(len(Decimal(repr(value)).normalize().as_tuple().digits), 1)
    assert decoded_row(encoded(pa.table({"v": pa.array([value])}))[0]) == [text]


def test_what_is_no_number_is_said() -> None:
    table = pa.table({"v": pa.array([math.nan, math.inf, -math.inf, -0.0])})
    assert [decoded_row(one)[0] for one in encoded(table)] == ["NaN", "Infinity", "-Infinity", "0"]
    with pytest.raises(EntryError) as refused:
        encoded(pa.table({"path": pa.array([[1]])}))
    assert "path" in str(refused.value)
    with pytest.raises(EntryError):
        decoded_row(encode(["assay/rows@1", 1]))


# -- salts ---------------------------------------------------------------------------------------------


@given(st.integers(1, 70), st.data())
@settings(max_examples=60, deadline=None)
def test_a_destroyed_salt_is_gone_and_every_other_stays(rows: int, data: st.DataObject) -> None:
    whole = Salts.new(rows)
    before = whole.every()
    assert before == [whole.of(row) for row in range(rows)]
    assert len({row_salt(one) for one in before if one}) == rows
    gone = data.draw(st.sets(st.integers(0, rows - 1)))
    left = Salts.parse(bytes(whole.without(gone)))
    assert left.every() == [None if row in gone else one for row, one in enumerate(before)]
    assert [left.of(row) for row in range(rows)] == left.every()
    assert left.whole == (not gone)
    assert bytes(left.without(gone)) == bytes(left)
    for seed in _seeds(left):  # nothing kept leads to a destroyed one
        below = _below(seed, 7)
        assert not below & {before[row] for row in gone}


def _seeds(salts: Salts) -> list[bytes]:
    value: Any = decode(bytes(salts))
    return [seed for _, _, seed in value[1]]


def _below(seed: bytes, levels: int) -> set[bytes]:
    found, level = {seed}, [seed]
    for _ in range(levels):
        level = [sha256(one + side).digest() for one in level for side in (b"\0", b"\1")]
        found |= set(level)
    return found


def test_the_way_down_is_the_documented_one() -> None:
    salts = Salts(5, {(0, 0): bytes(32)})
    seed = bytes(32)
    for side in (b"\0", b"\1", b"\1"):  # row 3 of eight places
        seed = sha256(seed + side).digest()
    assert salts.of(3) == seed
    assert row_salt(seed) == seed[:16]
    assert field_salt(seed, "value") == sha256(seed[16:] + b"value").digest()[:16]


@pytest.mark.parametrize("data", [b"\x80", encode([3, [[0, 0, b"short"]]]), encode([3, [b""]]), b"\xff"])
def test_what_are_no_seeds_is_refused(data: bytes) -> None:
    with pytest.raises(EntryError):
        Salts.parse(data)


# -- trees and proofs ----------------------------------------------------------------------------------


def table_of(count: int) -> pa.Table:
    rows = [
        {
            "source": "press",
            "seq": n,
            "subject": f"U-{n}",
            "value": n / 8,
            "time": datetime(2026, 1, 1, tzinfo=UTC),
        }
        for n in range(count)
    ]
    return pa.Table.from_pylist(rows, SCHEMA)


def entry_of(table: pa.Table, salts: Salts, fields: Sequence[str] = ()) -> Rows:
    above = salts.every()
    committed = committed_fields(table, fields, above) if fields else []
    root = tree_of(encoded(table), above, schema_digest(table.schema), committed).root
    body = Rows(7, Origin("rows", 7, 0), 0, len(table), root, tuple(sorted(fields)), 1, bytes(32))
    assert parse_body(bytes(body)) == body
    return body


@pytest.mark.parametrize("fields", [(), ("value",), ("value", "subject", "good")])
@pytest.mark.parametrize("count", [1, 2, 5, 64])
def test_each_row_is_proved_and_no_other(count: int, fields: tuple[str, ...]) -> None:
    table, salts = table_of(count), Salts.new(count)
    of = entry_of(table, salts, fields)
    for index in {0, count // 2, count - 1}:
        proof = row_proof(table, salts, index, of.fields)
        assert RowProof.of_parts(proof.parts()) == proof
        said = proof.verify(of)
        assert said["subject"] == f"U-{index}"
        assert said["value"] == float_text(index / 8)
        assert list(said) == SCHEMA.names
        other = encoded(table_of(count + 1))[count]
        wrong = [
            dataclasses.replace(proof, row=other),
            dataclasses.replace(proof, salt=bytes(16)),
            dataclasses.replace(proof, salt=bytes(15)),
            dataclasses.replace(proof, index=index + 1),
            dataclasses.replace(proof, path=(*proof.path, bytes(32))),
            dataclasses.replace(proof, row=None),
            dataclasses.replace(proof, root=None if proof.root else bytes(32)),
            dataclasses.replace(proof, columns=(("origin", "w"), *proof.columns[1:])),
            dataclasses.replace(proof, columns=(*proof.columns[:-1], ("small", "i"))),
        ]
        for one in wrong:
            with pytest.raises(LedgerError):
                one.verify(of)


def test_a_field_is_shown_while_its_row_stays_hidden() -> None:
    table, salts = table_of(9), Salts.new(9)
    of = entry_of(table, salts, ("value", "good"))
    proof = row_proof(table, salts, 4, of.fields, ["value"])
    assert proof.row is None
    assert proof.verify(of) == {"value": "0.5"}
    assert b"U-4" not in encode(proof.parts())
    assert row_salt(salts.of(4) or b"") not in encode(proof.parts())
    both = row_proof(table, salts, 4, of.fields, ["good", "value"])
    assert both.verify(of) == {"good": None, "value": "0.5"}
    another = row_proof(table, salts, 5, of.fields, ["value"])
    for one in (
        dataclasses.replace(proof, shown=another.shown),
        dataclasses.replace(proof, salt=another.salt),
        dataclasses.replace(proof, shown=(dataclasses.replace(proof.shown[0], value="0.6"),)),
    ):
        with pytest.raises(LedgerError):
            one.verify(of)
    whole = row_proof(table, salts, 4, of.fields)
    with pytest.raises(VerificationError):
        dataclasses.replace(whole, shown=another.shown).verify(of)
    with pytest.raises(EntryError) as refused:
        row_proof(table, salts, 4, of.fields, ["subject"])
    assert "subject" in str(refused.value)


def test_an_erased_row_proves_nothing_and_its_neighbours_do() -> None:
    table, salts = table_of(11), Salts.new(11)
    of = entry_of(table, salts)
    gone = tree_of(encoded(table), salts.every(), schema_digest(table.schema)).leaves[3]
    left = salts.without([3])
    cells = table.column("subject").to_pylist()
    cells[3] = "erased"
    rest = table.set_column(2, "subject", pa.array(cells))
    assert row_proof(rest, left, 2, (), known={3: gone}).verify(of)["subject"] == "U-2"
    with pytest.raises(EntryError) as refused:
        row_proof(rest, left, 3, (), known={3: gone})
    assert refused.value.reason == "salt_destroyed"


@pytest.mark.parametrize(
    "parts",
    [None, [], [0, b"x", [], b"", b"", None, []], [0, b"", ["a"], b"", b"", None, []],
     [0, b"", [], None, b"", None, [1]]],
)  # fmt: skip
def test_what_is_no_proof_of_a_row_is_refused(parts: Any) -> None:
    with pytest.raises(VerificationError):
        RowProof.of_parts(parts)


def test_names_of_fields_stand_once_and_in_order() -> None:
    body = Rows(7, Origin("rows", 7, 0), 0, 3, bytes(32), ("a", "b"), 1, bytes(32))
    assert parse_body(bytes(body)) == body
    for fields in (("b", "a"), ("a", "a"), ("",)):
        with pytest.raises(EntryError):
            parse_body(bytes(dataclasses.replace(body, fields=fields)))
