"""Records that are easily mistaken: ids that repeat, values that are no numbers."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from assay.analyse import board
from assay.analyse.cause import affected, cause, evidence
from assay.analyse.cause.frame import Frame, build
from assay.analyse.trace import trace
from assay.model.kinds import RecordKind
from assay.store.keys import LoadKey
from assay.store.workspace import Workspace

MOMENT = datetime(2026, 3, 2, 6, tzinfo=UTC)
SEGMENTS = ("press", "weld")
RUNS = ("1", "2", "3")


def moved(
    execution: str, role: str, kind: str, subject: str, segment: str | None, **more: str
) -> dict[str, Any]:
    return {
        "execution": execution,
        "role": role,
        "subject_kind": kind,
        "subject": subject,
        "segment": segment,
        "started": MOMENT,
        **more,
    }


def measured(
    kind: str, subject: str, characteristic: str, value: float, segment: str | None = None
) -> dict[str, Any]:
    return {
        "subject_kind": kind,
        "subject": subject,
        "characteristic": characteristic,
        "value": value,
        "segment": segment,
    }


def plant(folder: Path, movements: list[dict[str, Any]], measurements: list[dict[str, Any]]) -> Workspace:
    workspace = Workspace.create(folder / "plant")
    for kind, rows in ((RecordKind.MOVEMENT, movements), (RecordKind.MEASUREMENT, measurements)):
        load = LoadKey("test", kind.value)
        schema = workspace.lake.schema(kind)
        stamps = {"source": "test", "epoch": kind.value, "recorded": MOMENT, "time": MOMENT}
        filled = [
            {**stamps, "seq": place, "key_hash": place, "content_hash": place, **row}
            for place, row in enumerate(rows)
        ]
        with workspace.lake.stage(kind, load=load, recorded=MOMENT) as writer:
            writer.write(pa.Table.from_pylist(filled, schema=schema))
        workspace.lake.commit(kind, writer.finish(), load=load)
    return workspace


def both_segments() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Runs 1 to 3 of two steps; each makes its own unit of its own lot of glue."""
    movements, measurements = [], []
    for run in RUNS:
        for segment in SEGMENTS:
            movements += [
                moved(run, "consumed", "lot", f"{segment}-lot-{run}", segment, material="glue"),
                moved(run, "produced", "unit", f"{segment}-{run}", segment, equipment=segment),
            ]
            measurements += [
                measured("execution", run, name, float(run), segment) for name in ("force", "angle")
            ]
    return movements, measurements


def seen(frame: Frame, column: str) -> list[str | None]:
    return list(frame.values(column).to_pylist())


def own(frame: Frame, name: str) -> list[str]:
    """What each run of :func:`both_segments` should have, from its own segment and id."""
    rows = frame.measurements.select(["segment", "subject"]).to_pylist()
    return [f"{row['segment']}{name}{row['subject']}" for row in rows]


def test_a_run_has_the_unit_and_the_lot_of_its_own_segment(tmp_path: Path) -> None:
    with plant(tmp_path, *both_segments()) as workspace:
        frame = build(workspace, "force", None, None)
        assert frame.units.to_pylist() == own(frame, "-")
        assert seen(frame, "consumed glue") == own(frame, "-lot-")
        assert build(workspace, "force > 1 and angle > 1", None, None).size == len(RUNS) * len(SEGMENTS)
        units = affected(workspace, "force > 1", factor="consumed glue", value="press-lot-2")
        assert units.column("unit_id").to_pylist() == ["press-2"]
        results = board.unit_results(workspace, "press-2")
        assert set(results.column("segment").to_pylist()) == {"press"}
        assert results.num_rows == 2


def test_the_record_of_an_execution_as_a_trace_names_it(tmp_path: Path) -> None:
    movements, measurements = both_segments()
    movements.append(moved("a/b", "produced", "unit", "slashed", "press"))
    with plant(tmp_path, movements, measurements) as workspace:
        for unit, results in (("press-2", 2), ("slashed", 0)):
            named = [node.id for node in trace(workspace, unit, "back").nodes if node.kind == "execution"]
            steps = board.unit_steps(workspace, named[0])
            assert unit in steps.column("subject").to_pylist()
            assert set(steps.column("segment").to_pylist()) == {"press"}
            assert board.unit_results(workspace, named[0]).num_rows == results
        assert board.unit_steps(workspace, "execution:a/b").column("subject").to_pylist() == ["slashed"]


@pytest.mark.parametrize(("run", "unit"), [("9", "9"), ("1", "1"), ("5", "weld-5")])
def test_one_result_without_a_segment_leaves_the_others_where_they_are(
    tmp_path: Path, run: str, unit: str
) -> None:
    movements, measurements = both_segments()
    movements.append(moved("5", "produced", "unit", "weld-5", "weld"))
    with plant(tmp_path, movements, [*measurements, measured("execution", run, "force", 1.0)]) as workspace:
        frame = build(workspace, "force", None, None)
        assert frame.units.to_pylist()[-1] == unit  # run 1 may be that of either segment
        assert frame.units.to_pylist()[:-1] == own(frame, "-")[:-1]


def test_a_movement_without_a_segment_belongs_to_the_run_of_its_id(tmp_path: Path) -> None:
    movements, measurements = both_segments()
    movements += [
        moved("7", "produced", "unit", "unnamed-7", None),
        moved("8", "consumed", "lot", "lot-8", None, material="glue"),
        moved("8", "produced", "unit", "weld-8", "weld"),
    ]
    measurements = [measured("execution", run, "force", 1.0, "weld") for run in ("7", "8")]
    with plant(tmp_path, movements, measurements) as workspace:
        frame = build(workspace, "force", None, None)
        assert frame.units.to_pylist() == ["unnamed-7", "weld-8"]
        assert seen(frame, "consumed glue") == [None, "lot-8"]


def test_a_unit_and_a_lot_of_one_id_have_their_own_records(tmp_path: Path) -> None:
    movements = [
        moved("a", "produced", "unit", "7", "press", equipment="P1"),
        moved("b", "produced", "lot", "7", "mix", equipment="M1"),
    ]
    results = [measured("unit", "7", name, 1.0) for name in ("density", "width")]
    results += [measured("lot", "7", name, 2.0) for name in ("density", "width")]
    with plant(tmp_path, movements, results) as workspace:
        frame = build(workspace, "density", None, None)
        assert seen(frame, "press.equipment") == ["P1", None]
        assert seen(frame, "mix.equipment") == [None, "M1"]
        assert seen(frame, "segment") == ["press", "mix"]
        assert build(workspace, "density > 1 and width > 1", None, None).outcome.tolist() == [0.0, 1.0]


def test_units_that_skipped_a_segment_are_compared_with_the_others(tmp_path: Path) -> None:
    movements = [
        moved(f"w{unit}", "produced", "unit", f"U{unit}", "weld", equipment="W1") for unit in range(6)
    ]
    movements += [
        moved(f"p{unit}", "produced", "unit", f"U{unit}", "press", equipment="P1") for unit in range(4)
    ]
    results = [measured("unit", f"U{unit}", "width", float(unit)) for unit in range(6)]
    with plant(tmp_path, movements, results) as workspace:
        frame = build(workspace, "width", None, None)
        assert seen(frame, "press.equipment") == ["P1"] * 4 + [None] * 2
        assert set(frame.segments[1]) == {""}


def test_what_is_no_number_is_not_measured(tmp_path: Path) -> None:
    values = [0.5, 2.0, float("nan"), float("inf"), float("-inf")]
    results = [measured("unit", f"U{place}", "width", value) for place, value in enumerate(values)]
    with plant(tmp_path, [], results) as workspace:
        assert build(workspace, "width > 1", None, None).outcome.tolist() == [0.0, 1.0]
        assert build(workspace, "width", None, None).outcome.tolist() == [0.5, 2.0]


def test_a_target_that_only_nothing_could_fulfil(tmp_path: Path) -> None:
    with plant(tmp_path, [], [measured("unit", "U1", "width", float("nan"))]) as workspace:
        assert cause(workspace, "width is not null").verdict == "insufficient evidence"


def test_evidence_shows_words_beside_numbers(tmp_path: Path) -> None:
    word = {"value": None, "text": "NOK"}
    results = [measured("unit", "U1", "width", 2.5), measured("unit", "U1", "result", 0.0) | word]
    results += [measured("unit", "U2", "result", 0.0) | word, measured("unit", "U2", "width", 3.5)]
    movements = [moved(f"p{n}", "produced", "unit", f"U{n}", "press", equipment="P1") for n in (1, 2)]
    with plant(tmp_path, movements, results) as workspace:
        rows, _ = evidence(workspace, "width > 1 and result = 'NOK'", factor="equipment", value="P1")
        assert rows.column("value").to_pylist() == ["2.5", "NOK"]


def test_a_lot_consumed_is_not_the_workpiece(tmp_path: Path) -> None:
    movements = [
        moved("1", "consumed", "lot", "glue-1", "weld", material="glue"),
        moved("2", "consumed", "unit", "U2", "weld"),
        moved("3", "consumed", "lot", "glue-1", "weld", material="glue"),
        moved("3", "produced", "unit", "U3", "weld"),
    ]
    with plant(tmp_path, movements, [measured("execution", run, "force", 1.0) for run in RUNS]) as workspace:
        frame = build(workspace, "force", None, None)
        assert frame.units.to_pylist() == ["1", "U2", "U3"]
        assert seen(frame, "consumed glue") == ["glue-1", None, "glue-1"]
