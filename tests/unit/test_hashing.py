"""Hashes of columns: the same for equal values however they are stored, and the same for ever."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.connect.hashing import column_hashes, field_hashes, joined

WORDS = ["0000000000000000", "e7713cdb8f90f84e", "4a9128103d4d1017", "8da1761b0e4c3056"]
NUMBERS = ["885dcc874e75b6f0", "ac5872eebc3b5e65"]
ROW = "a42c88aa5ae6c934"

texts = st.lists(st.text(max_size=200), min_size=1, max_size=30)


@given(texts)
def test_a_text_hashes_alike_alone_sliced_and_in_a_dictionary(words: list[str]) -> None:
    together = column_hashes(pa.array(words))
    for at, word in enumerate(words):
        assert column_hashes(pa.array([word]))[0] == together[at]
        assert column_hashes(pa.array(["before", *words]).slice(at + 1, 1))[0] == together[at]
    assert list(column_hashes(pa.array(words).dictionary_encode())) == list(together)
    assert len(set(together.tolist())) == len(set(words))


@given(st.lists(st.floats(allow_nan=False), min_size=1, max_size=30))
def test_equal_numbers_hash_alike(numbers: list[float]) -> None:
    hashes = column_hashes(pa.array(numbers, pa.float64()))
    assert len(set(hashes.tolist())) == len({number + 0.0 for number in numbers})


def test_zero_has_one_hash() -> None:
    assert len(set(column_hashes(pa.array([0.0, -0.0])).tolist())) == 1


def test_a_null_counts_as_absent_and_order_does_not_matter() -> None:
    a, b = pa.array(["x", None]), pa.array([1.0, 2.0])
    nothing = pa.nulls(2, pa.string())
    one = joined([field_hashes("a", a), field_hashes("b", b)], 2)
    other = joined([field_hashes("b", b), field_hashes("c", nothing), field_hashes("a", a)], 2)
    assert list(one) == list(other)
    assert one[1] == joined([field_hashes("b", b)], 2)[1]
    assert joined([field_hashes("b", a)], 2)[0] != joined([field_hashes("a", a)], 2)[0]


def test_hashes_stay_what_they_are() -> None:
    """A plant keeps them: another value here means that no earlier load is recognised any more."""
    words = column_hashes(pa.array(["", "U-0000000001", "张三", "x" * 200]))
    assert [f"{int(one):016x}" for one in words] == WORDS
    assert [f"{int(one):016x}" for one in column_hashes(pa.array([1.5, -2.0]))] == NUMBERS
    row = joined([field_hashes("subject", pa.array(["U1"])), field_hashes("value", pa.array([1.5]))], 1)
    assert f"{int(row[0]):016x}" == ROW


@pytest.mark.parametrize("count", [100_000])
def test_no_two_of_many_similar_ids_hash_alike(count: int) -> None:
    ids = pa.array([f"U{number:07d}" for number in range(count)])
    assert len(np.unique(column_hashes(ids))) == count
