"""Figures of the pages on a small plant whose answers are known."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pyarrow as pa
import pytest

from assay.analyse import board
from assay.analyse.cause.frame import build
from assay.apps import ChartPayload, PageQuestion, Questions, Runtime, Selection
from assay.apps.payloads import GridPayload, Refusal
from assay.model.attributes import Attribute, AttributeType, ColumnRole
from assay.model.errors import AnalysisError
from assay.model.kinds import RecordKind
from assay.store.keys import LoadKey
from assay.store.workspace import Workspace

BEGAN = datetime(2026, 3, 27, 22, 30, tzinfo=UTC)  # 23:30 in Berlin; clocks go forward on the 29th
RUNS = 400  # two per unit, ten minutes apart


def is_bad(run: int) -> bool:
    """Units 0 to 9 are bad on machine M1: both of their runs."""
    return run // 2 < 10


def machine(run: int) -> str:
    """Every other unit is made on M1 until unit 40, then all on M2."""
    unit = run // 2
    return "M1" if unit < 20 or (unit < 40 and unit % 2) else "M2"


def store(workspace: Workspace, kind: RecordKind, rows: list[dict[str, Any]]) -> None:
    load = LoadKey("test", kind.value)
    schema = workspace.lake.schema(kind)
    common = {"source": "test", "epoch": kind.value, "recorded": BEGAN}
    filled = [
        {**common, "seq": number, "key_hash": number, "content_hash": number, **row}
        for number, row in enumerate(rows)
    ]
    table = pa.table(
        {field.name: pa.array([row.get(field.name) for row in filled], field.type) for field in schema},
        schema=schema,
    )
    writer = workspace.lake.stage(kind, load=load, recorded=BEGAN)
    writer.write(table)
    workspace.lake.commit(kind, writer.finish(), load=load)


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with Workspace.create(
        tmp_path_factory.mktemp("plants") / "plant", time_zone="Europe/Berlin"
    ) as workspace:
        workspace.registry.declare_attributes(
            [
                Attribute(name="machine", kind=RecordKind.MOVEMENT),
                Attribute(
                    name="uses",
                    kind=RecordKind.MOVEMENT,
                    type=AttributeType.INTEGER,
                    role=ColumnRole.ORDERED_FACTOR,
                ),
                Attribute(name="batch", kind=RecordKind.MOVEMENT, role=ColumnRole.DESIGN_LABEL),
            ]
        )
        times = [BEGAN + timedelta(minutes=10 * run) for run in range(RUNS)]
        movements = [
            {
                "execution": f"r{run}",
                "role": "produced",
                "subject": f"u{run // 2}",
                "subject_kind": "unit",
                "segment": "screw",
                "started": times[run],
                "time": times[run],
                "machine": machine(run),
                "uses": run % 2,
                "batch": "b",
            }
            for run in range(RUNS)
        ]
        measurements: list[dict[str, Any]] = []
        for run in range(RUNS):
            common = {
                "subject": f"r{run}",
                "subject_kind": "execution",
                "segment": "screw",
                "time": times[run],
            }
            measurements.append(
                {**common, "characteristic": "result", "text": "NOK" if is_bad(run) else "OK"}
            )
            measurements.append({**common, "characteristic": "torque in Nm", "value": float(run % 10)})
            measurements.append({**common, "characteristic": "note", "text": f"remark {run}"})
        store(workspace, RecordKind.MOVEMENT, movements)
        store(workspace, RecordKind.MEASUREMENT, measurements)
        yield workspace


def test_suggested_targets_name_the_worst_outcome_first(plant: Workspace) -> None:
    found = board.suggest_targets(plant)
    assert [(one.target, one.results, one.bad) for one in found] == [
        ("result = 'NOK'", RUNS, 20),
        ('"torque in Nm"', RUNS, None),
    ]
    for one in found:
        assert build(plant, one.target, None, None).size == RUNS


def test_segments(plant: Workspace) -> None:
    assert board.segments(plant) == (("screw", 3 * RUNS),)


def test_the_headline_counts_runs_and_units(plant: Workspace) -> None:
    found = board.headline(build(plant, "result = 'NOK'", None, None))
    assert (found.subjects, found.units, found.bad, found.bad_units) == (RUNS, RUNS // 2, 20, 10)
    assert found.rate == 0.05
    assert found.first == BEGAN
    assert found.last == BEGAN + timedelta(minutes=10 * (RUNS - 1))


def test_the_headline_of_a_measured_value(plant: Workspace) -> None:
    found = board.headline(build(plant, '"torque in Nm"', None, None))
    assert found.bad is None
    assert found.mean == pytest.approx(4.5)
    assert found.deviation == pytest.approx(float(np.tile(np.arange(10), 40).std(ddof=1)))


def test_days_begin_at_local_midnight_across_a_clock_change(plant: Workspace) -> None:
    found = board.trend(build(plant, "result = 'NOK'", None, None), zone="Europe/Berlin", buckets=4)
    assert found.width == timedelta(days=1)
    assert [bucket.start.isoformat() for bucket in found.buckets] == [
        "2026-03-26T23:00:00+00:00",
        "2026-03-27T23:00:00+00:00",
        "2026-03-28T23:00:00+00:00",
        "2026-03-29T22:00:00+00:00",
    ]
    # half an hour of the first day; the 29th has 23 hours
    assert [bucket.subjects for bucket in found.buckets] == [3, 144, 138, 115]
    assert not found.is_gappy


def quantile(n: int, rate: float, share: float) -> int:
    """The smallest count whose binomial distribution function reaches ``share``, summed term by term."""
    total = 0.0
    for count in range(n + 1):
        total += math.comb(n, count) * rate**count * (1 - rate) ** (n - count)
        if total >= share:
            return count
    return n


def test_limits_are_exact_binomial_quantiles(plant: Workspace) -> None:
    found = board.trend(build(plant, "result = 'NOK'", None, None), zone="Europe/Berlin", buckets=4)
    assert found.centre == 0.05
    first, *rest = found.buckets
    assert (first.low, first.high) == (None, None), "three results carry no limits"
    for bucket in rest:
        n = bucket.subjects
        assert bucket.low == quantile(n, 0.05, board.FALSE_ALARM / 2) / n
        assert bucket.high == quantile(n, 0.05, 1 - board.FALSE_ALARM / 2) / n


def test_a_stretch_beyond_its_limits_is_marked(plant: Workspace) -> None:
    found = board.trend(build(plant, "result = 'NOK'", None, None), zone="UTC", buckets=30)
    assert [bucket.is_beyond for bucket in found.buckets].count(True) == 1
    assert found.buckets[1].is_beyond
    assert sum(bucket.subjects for bucket in found.buckets) == RUNS
    assert sum(bucket.bad or 0 for bucket in found.buckets) == 20


def test_the_rate_of_a_level_counts_a_unit_once(plant: Workspace) -> None:
    found = board.levels(build(plant, "result = 'NOK'", None, None), "machine")
    worst, other = found.levels
    assert (worst.value, worst.subjects, worst.bad) == ("M1", 60, 20)
    assert (other.value, other.bad) == ("M2", 0)
    # 10 bad of 30 units, each run twice: the interval of 10/30 (Clopper & Pearson), not of 20/60
    assert (worst.low, worst.high) == (pytest.approx(0.1729, abs=5e-5), pytest.approx(0.5281, abs=5e-5))
    assert other.low == 0


def test_the_means_of_levels_have_student_intervals(plant: Workspace) -> None:
    found = board.levels(build(plant, '"torque in Nm"', None, None), "uses")
    odd, even = found.levels
    assert (odd.value, odd.rate) == ("1", 5.0)
    assert (even.value, even.rate) == ("0", 4.0)
    assert odd.low is not None
    # standard deviation of 1, 3, 5, 7, 9 forty times over; t(0.975, 199) = 1.9720
    assert odd.rate - odd.low == pytest.approx(1.9720 * math.sqrt(8 * 200 / 199) / math.sqrt(200), rel=1e-4)


def test_the_level_asked_for_is_kept(plant: Workspace) -> None:
    frame = build(plant, "result = 'NOK'", None, None)
    found = board.levels(frame, "machine", most=1, keep="M2")
    assert [level.value for level in found.levels] == ["M2"]
    assert found.total_levels == 2


def test_the_pareto_leaves_out_what_is_never_bad(plant: Workspace) -> None:
    found = board.pareto(build(plant, "result = 'NOK'", None, None), "machine")
    assert [(level.value, level.bad) for level in found.levels] == [("M1", 20)]
    assert found.total_bad == 20


def test_the_telling_factor_is_a_factor(plant: Workspace) -> None:
    frame = build(plant, "result = 'NOK'", None, None)
    assert board.telling_factor(frame) == "machine"
    assert set(board.factors(frame)) >= {"machine", "uses"}
    assert "batch" not in board.factors(frame)


def test_refusals_name_what_to_do(plant: Workspace) -> None:
    with pytest.raises(AnalysisError, match="Make it a condition"):
        board.pareto(build(plant, '"torque in Nm"', None, None), "machine")
    with pytest.raises(AnalysisError, match=r"no column 'machin'.*\nDid you mean 'machine'"):
        board.levels(build(plant, "result = 'NOK'", None, None), "machin")


@pytest.mark.parametrize(
    ("wanted", "steps", "results"), [("u3", 2, 6), ("unit:u3", 2, 6), ("r7", 1, 3), ("u999", 0, 0)]
)
def test_the_record_of_a_unit(plant: Workspace, wanted: str, steps: int, results: int) -> None:
    found = board.unit_steps(plant, wanted)
    assert found.num_rows == steps
    assert board.unit_results(plant, wanted).num_rows == results
    assert not {"source", "epoch", "seq", "key_hash", "date"} & set(found.column_names)
    if steps:
        assert {"execution", "machine", "uses", "started"} <= set(found.column_names)
        assert "carrier" not in found.column_names, "columns that hold nothing are left out"


@pytest.mark.parametrize("target", ["result = 'NOK'", '"torque in Nm"', '"torque in Nm" > 7.5'])
@pytest.mark.parametrize("page", ["overview", "cause", "unit"])
def test_every_page_is_filled_for_every_kind_of_target(plant: Workspace, page: str, target: str) -> None:
    params = {"target": target} | ({"id": "u3"} if page == "unit" else {})
    answer = Runtime(Questions(plant)).evaluate(page, PageQuestion(params=params))
    refused = {name: said for name, said in answer.data.items() if isinstance(said, Refusal)}
    following = {"levels", "evidence", "affected"}
    if page == "cause" and not answer.data["causes"].causes:
        assert set(refused) == following, "with no cause there is nothing to follow"
        assert {said.error.message.en for said in refused.values()} == {"No cause is selected"}
    else:
        assert refused == {}


@pytest.mark.parametrize("factor", ["machine", "uses"])
def test_a_selection_that_is_no_cause_is_still_drawn(plant: Workspace, factor: str) -> None:
    question = PageQuestion(
        params={"target": '"torque in Nm"'}, selection=Selection(factor=factor), only=["levels"]
    )
    chart = Runtime(Questions(plant)).evaluate("cause", question).data["levels"]
    assert isinstance(chart, ChartPayload)
    assert chart.series[0].points


@pytest.mark.parametrize(
    ("given", "said"), [(1234567.5, "1234567.5"), (12.0, "12"), (7, "7"), (True, "true")]
)
def test_a_number_selected_is_the_level_the_records_write(plant: Workspace, given: Any, said: str) -> None:
    question = PageQuestion(
        params={"target": "result = 'NOK'"},
        selection=Selection(factor="uses", value=given),
        only=["evidence"],
    )
    grid = Runtime(Questions(plant)).evaluate("cause", question).data["evidence"]
    assert isinstance(grid, GridPayload)
    assert grid.download is not None
    assert parse_qs(urlsplit(grid.download).query)["value"] == [said]


def test_an_empty_plant_says_what_to_do_first(tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "empty") as workspace:
        runtime = Runtime(Questions(workspace))
        for page in ("overview", "cause"):
            answer = runtime.evaluate(page, PageQuestion())
            said = {name: payload for name, payload in answer.data.items() if isinstance(payload, Refusal)}
            assert {one.error.message.en for one in said.values()} == {
                "This plant holds no inspection results yet"
            }
            assert set(answer.data) - set(said) == ({"loads", "quarantine"} if page == "overview" else set())
