"""Entries, commitments and chunks: one spelling, nothing said that is not shown."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import sha256
from itertools import pairwise

import cbor2
import numpy as np
import pyarrow as pa
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.ledger import canonical
from assay.ledger.chunks import (
    BATCH_ROWS,
    Digested,
    Digester,
    batch_end,
    chunk_digests,
    in_order,
    schema_digest,
)
from assay.ledger.commitment import Disclosure, commit, derived_salts
from assay.ledger.entries import KINDS, Batch, Body, Entry, Individual, Origin, Rows, Signed, parse_body, sign
from assay.ledger.errors import EntryError, LedgerError, VerificationError

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
ISSUER = KEY.public_key().public_bytes_raw()
HASH = sha256(b"x").digest()
NUMBER = st.integers(0, 2**63 - 1)
TEXT = st.text(min_size=1, max_size=20).filter(lambda text: not any("\ud800" <= c <= "\udfff" for c in text))
HASHES = st.binary(min_size=32, max_size=32)
ORIGINS = st.builds(Origin, TEXT, NUMBER, st.integers(0, 2**62))
INDIVIDUALS = st.builds(
    Individual, st.sampled_from(sorted(KINDS)), TEXT, ORIGINS, NUMBER, NUMBER, HASHES, st.integers(1, 999),
    st.none() | HASHES, st.just(ISSUER),
)  # fmt: skip
BATCHES = st.integers(1, 5_000).flatmap(
    lambda rows: st.builds(
        Batch, TEXT, HASHES, ORIGINS, st.just(2**63 - 1), st.just(rows), NUMBER,
        st.tuples(*[HASHES] * -(-rows // 1_024)), st.just(ISSUER),
    )
)  # fmt: skip
NAMES = st.sets(TEXT, max_size=3).map(lambda names: tuple(sorted(names)))
ROWS = st.builds(Rows, NUMBER, ORIGINS, NUMBER, st.integers(1, 9), HASHES, NAMES, NUMBER, st.just(ISSUER))
BODY = Individual("disposition", "U-1", Origin("qms", 1, 7), 1, 2, HASH, 3, None, ISSUER)


@given(st.one_of(INDIVIDUALS, BATCHES, ROWS), st.none() | NUMBER, st.none() | st.binary(max_size=40))
def test_entries_are_read_back(body: Body, previous: int | None, gate: bytes | None) -> None:
    entry = Entry(sign(body, KEY), previous, gate)
    again = Entry.parse(bytes(entry))
    assert again == entry
    assert again.signed.verify() == body
    first = cbor2.loads(again.signed.body)
    assert isinstance(first, list)
    assert first[0].startswith("assay/")


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_two_bytes_are_the_same_entry(data: st.DataObject) -> None:
    valid = bytes(Entry(sign(BODY, KEY), 5, None))
    at, cut = data.draw(st.integers(0, len(valid))), data.draw(st.integers(0, 2))
    changed = valid[:at] + data.draw(st.binary(max_size=3)) + valid[at + cut :]
    try:
        entry = Entry.parse(changed)
        entry.signed.verify()
    except LedgerError:
        return
    assert bytes(entry) == changed
    assert entry.signed == sign(BODY, KEY)


@given(st.binary(max_size=60))
def test_any_bytes_are_refused_or_canonical(data: bytes) -> None:
    try:
        value = canonical.decode(data)
    except EntryError:
        return
    assert canonical.encode(value) == data


@pytest.mark.parametrize(
    "data",
    [
        b"\x18\x05",  # 5 in two bytes
        b"\x9f\x01\xff",  # an array of unknown length
        b"\xc2\x41\x05",  # a tagged big number
        b"\xf9\x3c\x00",  # a float
        b"\xa0",  # a map
        b"\x01\x02",  # two values
        b"\xf7",  # undefined
        b"\x62\xc3\x28",  # not UTF-8
        b"\x81" * 5_000,
        b"\x1b" + b"\xff" * 8,  # beyond 64 bits
        b"\x5f\x41\x00\xff",
        b"",
    ],
)
def test_other_cbor_is_refused(data: bytes) -> None:
    with pytest.raises(EntryError):
        canonical.decode(data)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**9), max_value=10**9))
def test_decimals_have_one_text(value: Decimal) -> None:
    text = canonical.decimal_text(value)
    assert Decimal(text) == value
    assert canonical.checked_number(text) == text


@pytest.mark.parametrize(
    "text", ["1e3", "+1", "01", ".5", "5.", "-0", "-0.00", "1,5", "１", "NaN", "", "Infinity"]
)
def test_other_numbers_are_refused(text: str) -> None:
    with pytest.raises(EntryError):
        canonical.checked_number(text)


def test_trailing_zeros_are_part_of_a_measurement_and_floats_are_not_taken() -> None:
    assert canonical.decimal_text(Decimal("12.50")) == "12.50"
    assert canonical.decimal_text(Decimal("1E+3")) == "1000"
    assert canonical.decimal_text(Decimal("-0.0")) == "0.0"
    assert canonical.decimal_of(0.1) == Decimal("0.1")
    with pytest.raises(EntryError) as refused:
        commit({"torque": 0.5})  # type: ignore[dict-item]
    assert refused.value.reason == "no_form"
    for odd in ("NaN", "Infinity", "1E+99"):
        with pytest.raises(EntryError):
            canonical.decimal_text(Decimal(odd))


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "gossip"},
        {"subject": ""},
        {"subject": "U" * 1_025},
        {"root": b"short"},
        {"fields": 0},
        {"event_time": -1},
        {"issuer": b""},
        {"payload": b"x"},
        {"origin": Origin("qms", 1, -1)},
        {"origin": Origin("qms", 1, 2**63)},
    ],
)
def test_a_body_that_is_not_valid_is_not_signed(change: dict[str, object]) -> None:
    with pytest.raises(EntryError):
        sign(dataclasses.replace(BODY, **change), KEY)  # type: ignore[arg-type]


def test_a_batch_has_a_digest_for_each_chunk_and_must_fit() -> None:
    of = Batch("reading", HASH, Origin("plc", 1, 0), 2_047, 2_048, 0, (HASH, HASH), ISSUER)
    assert parse_body(bytes(of)) == of
    with pytest.raises(EntryError):
        sign(dataclasses.replace(of, chunks=(HASH,)), KEY)
    with pytest.raises(EntryError):
        sign(dataclasses.replace(of, last=-1), KEY)
    many = dataclasses.replace(of, rows=1_024 * 2_020, chunks=(HASH,) * 2_020)
    with pytest.raises(EntryError) as refused:
        sign(many, KEY)
    assert refused.value.reason == "too_large"


def test_only_the_issuer_signs() -> None:
    signed = sign(BODY, KEY)
    other = Ed25519PrivateKey.from_private_bytes(bytes([1] * 32))
    for forged in (
        Signed(bytes(dataclasses.replace(BODY, subject="U-2")), signed.signature),
        Signed(signed.body, other.sign(signed.body)),
        Signed(signed.body, KEY.sign(signed.body)),
    ):
        with pytest.raises(VerificationError):
            forged.verify()


FIELDS = {"result": "OK", "torque": Decimal("12.50"), "angle": 35, "operator": "p-9f2c", "note": None}


def test_one_field_is_shown_without_the_others() -> None:
    made = commit(FIELDS, derived_salts(bytes(32), "qms", 1, 7))
    assert made == commit(FIELDS, derived_salts(bytes(32), "qms", 1, 7))
    assert made.root != commit(FIELDS, derived_salts(bytes(32), "qms", 1, 8)).root
    assert commit(FIELDS).root != commit(FIELDS).root
    for name in FIELDS:
        shown = made.disclose(name)
        again = Disclosure.parse(bytes(shown))
        again.verify(made.root, len(FIELDS))
        for value in ("NOK", "12.5"):
            with pytest.raises(VerificationError):
                dataclasses.replace(again, value=value).verify(made.root, len(FIELDS))
        with pytest.raises(VerificationError):
            dataclasses.replace(again, size=4).verify(made.root, 5)
        others = [str(value) for key, value in FIELDS.items() if key != name and key == "operator"]
        assert not [value for value in others if value.encode() in bytes(shown)]
    with pytest.raises(EntryError) as refused:
        made.disclose("torqe")
    assert "torque" in str(refused.value)


TIME = datetime(2026, 11, 26, 20, 0, tzinfo=UTC)
SCHEMA = pa.schema(
    {
        "signal": pa.dictionary(pa.int32(), pa.string()),
        "time": pa.timestamp("us", "UTC"),
        "value": pa.float64(),
        "good": pa.bool_(),
        "count": pa.int64(),
        "day": pa.date32(),
        "raw": pa.binary(),
        "text": pa.string(),
    }
)


def rows_of(count: int) -> pa.Table:
    row = {"signal": "temp", "time": TIME, "value": 1.5, "good": True, "count": 4, "day": date(2026, 1, 1),
           "raw": b"\0x", "text": "é"}  # fmt: skip
    empty = dict.fromkeys(row)
    return pa.Table.from_pylist([row if n % 3 else empty for n in range(count)], SCHEMA)


@given(st.integers(0, 2_500), st.data())
@settings(max_examples=20, deadline=None)
def test_digests_depend_on_the_rows_alone(count: int, data: st.DataObject) -> None:
    table = rows_of(count)
    whole = chunk_digests(table)
    assert len(whole) == -(-count // 1_024)
    at = data.draw(st.integers(0, count))
    pieces = pa.concat_tables([table.slice(0, at), table.slice(at)])
    words = pa.array([*"zyx", "temp"]).dictionary_encode()
    other = pa.DictionaryArray.from_arrays(
        pa.array([None if one is None else 3 for one in table.column("signal").to_pylist()], pa.int32()),
        words.dictionary,
    )
    plain = table.set_column(0, SCHEMA.field(0), other)
    back = pa.concat_tables([rows_of(7), table]).slice(7) if count % 3 == 0 else table
    assert chunk_digests(pieces) == whole == chunk_digests(plain)
    assert len(chunk_digests(back)) == len(whole)
    if count:
        assert chunk_digests(table.slice(0, count - 1)) != whole


@pytest.mark.parametrize(
    ("column", "value"),
    [("signal", "temq"), ("value", -1.5), ("value", None), ("good", False), ("count", 5), ("raw", b"\0"),
     ("text", None), ("text", "")],
)  # fmt: skip
def test_a_changed_cell_changes_its_chunk_and_none_before(column: str, value: object) -> None:
    table = rows_of(3_000)
    cells = table.column(column).to_pylist()
    cells[1_300] = value
    changed = table.set_column(
        SCHEMA.get_field_index(column), SCHEMA.field(column), pa.array(cells, SCHEMA.field(column).type)
    )
    same = [a == b for a, b in zip(chunk_digests(table), chunk_digests(changed), strict=True)]
    assert same == [True, False, column != "signal"]  # a new word is one more for what follows


def test_what_lies_under_a_null_is_not_digested_and_every_nan_is_one() -> None:
    hidden = pa.Array.from_buffers(
        pa.int64(), 2, [pa.py_buffer(b"\x01"), pa.py_buffer((7).to_bytes(8, "little") + b"\x09" * 8)]
    )
    clean = pa.array([7, None], pa.int64())
    assert chunk_digests(pa.table({"n": hidden})) == chunk_digests(pa.table({"n": clean}))
    nans = [pa.array([bits], pa.uint64()).view(pa.float64()) for bits in (0x7FF8 << 48, (0xFFF8 << 48) + 1)]
    first, second = (chunk_digests(pa.table({"v": one})) for one in nans)
    assert first == second


def test_a_type_without_a_canonical_form_is_named() -> None:
    with pytest.raises(EntryError) as refused:
        chunk_digests(pa.table({"path": pa.array([[1]])}))
    assert "path" in str(refused.value)
    assert schema_digest(SCHEMA) != schema_digest(SCHEMA.remove(0))


@given(st.lists(st.integers(0, 90_000), max_size=5))
@settings(max_examples=15, deadline=None)
def test_batches_are_the_same_however_the_rows_come(cuts: list[int]) -> None:
    rows = pa.table({"seq": np.arange(140_000) * 3, "v": np.arange(140_000.0)})
    digester, at = Digester(), 0
    for cut in [*sorted(cuts), len(rows)]:
        digester.feed(rows.slice(at, cut - at))
        at = max(at, cut)
    found = digester.finish()
    assert found is not None
    assert [one.rows for one in found] == [BATCH_ROWS, BATCH_ROWS, 140_000 - 2 * BATCH_ROWS]
    start = 0
    for one in found:
        piece = rows.slice(start, one.rows)
        assert list(one.chunks) == chunk_digests(piece)
        assert (one.first, one.last) == (start * 3, (start + one.rows - 1) * 3)
        start += one.rows


def test_rows_of_a_block_may_come_in_any_order() -> None:
    """As a loader writes them: each kind of record of a block by itself."""
    seq = np.arange(3, 9)
    kinds = [
        pa.table({"seq": seq, "tie": seq * 0 + n, "v": [f"{n}/{one}" for one in seq]}) for n in (2, 0, 1)
    ]
    later = pa.table({"seq": [20], "tie": [0], "v": ["later"]})
    digester = Digester(["tie"])
    for one in (*kinds, later):
        digester.feed(one)
    sorted_rows = in_order(pa.concat_tables([*kinds, later]), ["tie"]).drop_columns(["tie"])
    assert sorted_rows.column("v").to_pylist()[:4] == ["0/3", "1/3", "2/3", "0/4"]
    found = digester.finish()
    assert found is not None
    assert [(one.first, one.last, list(one.chunks)) for one in found] == [(3, 20, chunk_digests(sorted_rows))]
    words = pa.table({"seq": [1, 1], "w": pa.array(["b", "a"]).dictionary_encode()})
    assert in_order(words).column("w").to_pylist() == ["a", "b"]


def test_rows_before_what_is_settled_are_not_digested_as_they_come() -> None:
    digester = Digester()
    for seq in ([3], [5], [4]):
        digester.feed(pa.table({"seq": pa.array(seq, pa.int64())}))
    assert digester.finish() == [Digested(3, 5, 3, tuple(chunk_digests(pa.table({"seq": [3, 4, 5]}))))]
    digester = Digester()
    for seq in ([3], [5], [6], [4]):
        digester.feed(pa.table({"seq": pa.array(seq, pa.int64())}))
    assert digester.finish() is None


def test_rows_of_one_seq_stay_in_one_batch() -> None:
    seq = np.arange(200_000) // 3
    assert seq[BATCH_ROWS] == seq[BATCH_ROWS - 1]
    digester = Digester()
    digester.feed(pa.table({"seq": seq}))
    found = digester.finish()
    assert found is not None
    assert sum(one.rows for one in found) == len(seq)
    assert all(before.last < after.first for before, after in pairwise(found))
    assert batch_end(np.zeros(200_000, np.int64), 0) == 200_000


def test_many_words_are_numbered_in_more_bytes() -> None:
    for count in (2, 256, 257, 65_536):
        words = pa.array([f"w{n}" for n in range(count)]).dictionary_encode()
        first = chunk_digests(pa.table({"w": words}))
        again = pa.DictionaryArray.from_arrays(
            pa.array(np.arange(count)[::-1].astype(np.int32)), pa.array([f"w{n}" for n in range(count)][::-1])
        )
        assert chunk_digests(pa.table({"w": again})) == first


@given(
    st.one_of(st.binary(min_size=16, max_size=16), st.binary(max_size=40)),
    st.text(max_size=300),
    st.one_of(st.text(max_size=300), st.integers(-(2**63) + 1, 2**63 - 1), st.binary(max_size=9), st.none()),
)
def test_a_field_is_encoded_as_any_array_is(salt: bytes, name: str, value: str | int | bytes | None) -> None:
    assert canonical.encode_field(salt, name, value) == canonical.encode([salt, name, value])


@pytest.mark.parametrize(("fields", "reason"), [({}, "no_fields"), ({"": 1}, "no_name")])
def test_a_record_commits_to_fields_that_have_names(fields: dict[str, int], reason: str) -> None:
    with pytest.raises(EntryError) as refused:
        commit(fields)
    assert refused.value.reason == reason
    assert refused.value.said.zh
