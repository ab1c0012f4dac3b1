"""What is logged of rows whose numbers lie far apart, and of a plant made where another one was."""

from __future__ import annotations

import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from evidence_plant import batches, bodies, load, logging_plant, readings, state
from hypothesis import given
from hypothesis import strategies as st

from assay.ledger.chunks import in_order
from assay.store import evidence_rows
from assay.store.evidence_audit import audit_records
from assay.store.evidence_rows import starts_of
from assay.store.keys import LoadKey

__all__ = ["state"]

EVENTS = LoadKey("epcis", "1")


def apart(count: int, *, first: int = 0) -> pa.Table:
    """Readings whose numbers are a million apart, as those of events that may become many rows each."""
    rows = readings(count, first=first)
    numbers = pa.array(np.arange(first, first + count) << 20)
    return rows.set_column(rows.column_names.index("seq"), "seq", numbers)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the tables that were read to be logged."""
    seen: list[int] = []

    def noted(rows: pa.Table, unseen: tuple[str, ...]) -> pa.Table:
        seen.append(len(rows))
        return in_order(rows, unseen)

    monkeypatch.setattr(evidence_rows, "in_order", noted)
    return seen


def test_numbers_that_lie_far_apart_are_read_as_few_tables(
    state: Path, tmp_path: Path, reads: list[int]
) -> None:
    with logging_plant(tmp_path / "plant") as plant:
        load(plant, "reading", [readings(500)], LoadKey("press", "1"))
        for first in (0, 1_000):
            plant.lake.hot.append("reading", apart(1_000, first=first), EVENTS)
        plant.lake.hot.flush()
        assert plant.evidence.state.why is None
        (batch,) = [one for one in batches(plant.path) if one.origin.source == "reading:epcis/1"]
        assert (batch.origin.seq, batch.last, batch.rows) == (0, 1_999 << 20, 2_000)
        assert reads == [2_000], "one read for all, not one for every window of numbers"
        assert audit_records(plant.path).valid


@given(st.lists(st.integers(0, 40).map(lambda n: n * 977)), st.integers(1, 7))
def test_no_number_is_left_out_or_cut_in_two(numbers: list[int], most: int) -> None:
    starts = starts_of(np.array(numbers, np.int64), most)
    assert starts == sorted(set(starts))
    assert starts[:1] == sorted(numbers)[:1]
    assert set(starts) <= set(numbers)
    bounds = pairwise([*starts, max(numbers, default=0) + 1])
    pieces = [[n for n in numbers if start <= n < end] for start, end in bounds]
    assert sum(map(len, pieces)) == len(numbers)
    assert all(sum(n > min(piece) for n in piece) < most for piece in pieces)


def test_a_plant_made_anew_in_the_same_place_has_a_log_of_its_own(state: Path, tmp_path: Path) -> None:
    """The sequencer of the deleted one still waits for somebody to come."""
    path = tmp_path / "plant"
    for count in (100, 200):
        with logging_plant(path) as plant:
            plant.evidence.submitter._idle = 30
            load(plant, "reading", [readings(count)], LoadKey("press", "1"))
            assert plant.evidence.state.why is None
            plant.evidence.submitter.checkpoint()
            said = [one.rows for one in batches(path)]
            assert said == [count]
            assert len(bodies(path)) >= 2
        if count == 100:
            shutil.rmtree(path)
