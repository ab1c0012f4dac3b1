from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.genealogy.columns import EdgeColumns


def rows(count: int, **columns: list[object]) -> pa.Table:
    return pa.table({"role": ["consumed"] * count, **columns})


@pytest.mark.parametrize("later", [{}, {"position": [None] * 40, "confidence": [None] * 40}])
def test_edges_that_lack_a_column_others_have_lack_its_value(later: dict[str, list[object]]) -> None:
    columns = EdgeColumns()
    columns.add(rows(2, position=["a", "b"], confidence=[0.5, 0.25]))

    columns.add(rows(40, **later))
    columns.add(rows(1, position=["c"], confidence=[0.75]))

    edges = np.array([1, 20, 42])
    codes = columns.codes("position", edges)
    assert columns.words_of("position", codes).to_pylist() == ["b", None, "c"]
    np.testing.assert_array_equal(columns.confidence(edges), [0.25, 1.0, 0.75])


@pytest.mark.parametrize("chosen", [[4], [1, 3], [3, 0, 3, 1], [*range(6), *range(6)], []])
def test_few_edges_are_told_in_few_words(chosen: list[int]) -> None:
    carriers = ["box 1", None, "box 2", None, "box 3", "box 1"]
    columns = EdgeColumns()
    columns.add(rows(6, carrier=carriers))
    columns.add(rows(20, carrier=[f"box {number}" for number in range(4, 24)]))

    found = columns.take(np.array(chosen, np.int64)).column("carrier").combine_chunks()

    assert found.to_pylist() == [carriers[edge] for edge in chosen]
    if len(chosen) < 12:
        assert set(found.dictionary.to_pylist()) == {carriers[edge] for edge in chosen} - {None}


NUMBERS = st.one_of(st.none(), st.sampled_from([1.0, 0.5, 0.0, -0.0]), st.floats(allow_nan=False))


@settings(deadline=None, max_examples=40)
@given(st.lists(st.lists(NUMBERS, min_size=1, max_size=6), min_size=1, max_size=4))
def test_numbers_come_back_as_they_were(batches: list[list[float | None]]) -> None:
    columns = EdgeColumns()
    for batch in batches:
        columns.add(rows(len(batch), quantity=batch, confidence=batch))
    said = [one for batch in batches for one in batch]
    every = np.arange(len(said))
    sure = np.array([1.0 if one is None else one for one in said])
    np.testing.assert_array_equal(columns.quantity(every), [np.nan if one is None else one for one in said])
    np.testing.assert_array_equal(columns.confidence(every), sure)
    for least in (0.0, 0.5, 1.0):
        np.testing.assert_array_equal(columns.sure(least), sure >= least)


@pytest.mark.parametrize("different", [200, 300, 66_000])
def test_however_many_numbers_differ_each_comes_back(different: int) -> None:
    """One byte tells 255 apart and two bytes 65,535; beyond that each edge has its number."""
    columns = EdgeColumns()
    columns.add(rows(2, quantity=[None, 7.5]))
    columns.add(rows(different, quantity=list(np.arange(different) / 8)))
    columns.add(rows(3, quantity=[None, -1.0, np.nan]))

    found = columns.quantity(np.arange(different + 5))

    expected = np.concatenate([[np.nan, 7.5], np.arange(different) / 8, [np.nan, -1.0, np.nan]])
    np.testing.assert_array_equal(found, expected)
