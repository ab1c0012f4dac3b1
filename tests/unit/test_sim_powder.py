from __future__ import annotations

import numpy as np
import pytest

from assay.model.kinds import SCHEMAS, RecordKind
from assay.sim.furnace import Furnace, arrivals, pass_through
from assay.sim.powder import Line, PowderPlan, powder_line


@pytest.fixture(scope="module")
def line() -> Line:
    return powder_line(PowderPlan(pieces=300), seed=5)


def test_a_seed_gives_the_same_line_again(line: Line) -> None:
    again, other = (powder_line(PowderPlan(pieces=300), seed=seed) for seed in (5, 6))

    assert all(line.records[kind].equals(again.records[kind]) for kind in line.records)
    assert line.truth == again.truth
    assert not line.records[RecordKind.MOVEMENT].equals(other.records[RecordKind.MOVEMENT])


def test_records_have_the_columns_of_their_kind_and_hold_no_truth(line: Line) -> None:
    for kind, rows in line.records.items():
        assert set(rows.column_names) <= set(SCHEMAS[kind].names)
    rows = line.records[RecordKind.MOVEMENT].to_pylist()
    produced = {row["execution"] for row in rows if row["segment"] == "sinter" and row["role"] == "produced"}
    consumed = {row["execution"] for row in rows if row["segment"] == "sinter" and row["role"] == "consumed"}
    assert produced
    assert not produced & consumed, "no record joins a green part to a sintered one"


def test_the_cold_row_is_why_parts_are_porous(line: Line) -> None:
    cold = [part for part, cause in line.truth.cause_of.items() if cause == "cold row"]
    rows = [line.truth.row_of[line.truth.green_of[part] or ""] for part in cold]
    assert len(cold) > 20
    assert rows.count(3) / len(rows) > 0.95
    measured = line.records[RecordKind.MEASUREMENT].to_pylist()
    bad = {row["subject"] for row in measured if row["text"] == "NOK"}
    assert bad == set(line.truth.cause_of)
    length = np.array([row["value"] for row in measured if row["characteristic"] == "length"])
    assert np.median(length) == pytest.approx(25 * 0.82, abs=0.05)


def test_sensors_err_at_the_rates_that_were_asked_for() -> None:
    rng = np.random.default_rng(1)
    furnace = Furnace(missed=0.05, extra=0.02, scrapped=0.03, added=0.04)
    passage = pass_through(rng, arrivals(rng, 20_000), furnace)

    assert (passage.piece_in >= 0).sum() / 20_000 == pytest.approx(0.95, abs=0.01)
    assert (passage.piece_in < 0).sum() / 20_000 == pytest.approx(0.02, abs=0.005)
    assert (passage.piece_out >= 0).sum() / 20_000 == pytest.approx(0.97 * 0.95, abs=0.01)
    assert (passage.piece_out < 0).sum() / 20_000 == pytest.approx(0.02 + 0.04, abs=0.01)
    extra = passage.left[passage.piece_out < 0]
    assert extra.min() > passage.left[passage.piece_out >= 0].min() - 60, "no count before anything came out"
    known = passage.counterpart >= 0
    assert (passage.piece_out[passage.counterpart[known]] == passage.piece_in[known]).all()


@pytest.mark.parametrize("law", ["shift", "piece", "drift"])
def test_the_true_residence_stays_within_the_tolerance(law: str) -> None:
    rng = np.random.default_rng(2)
    furnace = Furnace(law=law, jitter=0.0, tolerance=50.0, swapped=0.0)  # type: ignore[arg-type]
    passage = pass_through(rng, arrivals(rng, 500, stops=2, bursts=3), furnace)

    assert np.abs(passage.residence - 3600).max() <= 50
    varies = passage.residence.std()
    assert varies < 1e-9 if law == "shift" else varies > 10
