"""Charts, capability, gauge studies and monitoring models on a plant's records, over every surface."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from tests.measured_plant import measured_plant

import assay
from assay.analyse.statistics import PlantChart, capability, chart, monitor, plant_gauge_rr
from assay.model.errors import AnalysisError, QueryError
from assay.plugins.registry import operators
from assay.stats import capability as capability_of
from assay.stats import charts
from assay.stats.errors import StatisticsError
from assay.store.workspace import Workspace

MAPPING = """
version: 1
source: turning
columns:
  unit: {role: subject, is: unit}
  lot: {role: factor}
  person: {role: factor}
  time: {role: time}
  diameter: {role: outcome, type: number}
  length: {role: outcome, type: number}
  verdict: {role: outcome}
records:
  - {kind: measurement, subject: $unit, subject_kind: unit, characteristic: diameter, value: $diameter,
     time: $time, segment: turning, person: $person, unit: mm, attributes: [lot]}
  - {kind: measurement, subject: $unit, subject_kind: unit, characteristic: length, value: $length,
     time: $time, segment: turning, unit: mm}
  - {kind: measurement, subject: $unit, subject_kind: unit, characteristic: verdict, text: $verdict,
     time: $time, segment: turning}
"""
BEGAN = datetime(2026, 3, 1, 21, 30)  # noqa: DTZ001 - a wall clock of the plant
RNG = np.random.default_rng(7)
COUNT = 200
DIAMETER = np.round(RNG.normal(10.0, 0.02, COUNT), 4)
DIAMETER[150:] += 0.05
LENGTH = np.round(50 + 2.0 * (DIAMETER - 10) + RNG.normal(0, 0.005, COUNT), 4)
LENGTH[190] += 0.4
LOTS = np.array([f"L{at // 5:02}" for at in range(COUNT)])
BAD = DIAMETER > 10.04


def rows() -> str:
    lines = ["unit,lot,person,time,diameter,length,verdict"]
    for at in range(COUNT):
        time = (BEGAN + timedelta(minutes=3 * at)).strftime("%Y-%m-%d %H:%M:%S")
        verdict = "NOK" if BAD[at] else "OK"
        lines.append(f"u{at:03},{LOTS[at]},P{at % 2},{time},{DIAMETER[at]},{LENGTH[at]},{verdict}")
    shuffled = np.random.default_rng(1).permutation(lines[1:]).tolist()
    return "\n".join([lines[0], *shuffled, ""])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("statistics") / "plant"
    return measured_plant(directory, rows(), MAPPING, "D-1,diameter,9.9,10.1,10")


@pytest.fixture
def plant(folder: Path) -> Iterator[Workspace]:
    with Workspace.open(folder) as workspace:
        yield workspace


def test_a_chart_by_lot_is_the_chart_of_the_values_in_order_of_time(plant: Workspace) -> None:
    found = chart(plant, "diameter", subgroup="lot", phase1=(0, 30))
    alone = charts.xbar_r(DIAMETER, LOTS, phase1=(0, 30))
    assert found.chart.kind == "xbar"
    assert found.chart.statistics == pytest.approx(alone.statistics, rel=1e-12)
    assert found.chart.limits.ucl == pytest.approx(alone.limits.ucl, rel=1e-12)
    assert found.chart.violations == alone.violations
    assert (found.unit, found.subjects, found.left_out) == ("mm", COUNT, 0)
    first = next(one for one in found.flagged if one.index >= 30)
    assert first.label == "L30"
    assert first.units == tuple(f"u{at:03}" for at in range(150, 155))
    assert found.points[30].first == "2026-03-02T04:00:00Z"  # 05:00 in Berlin


def test_individuals_numbers_and_days_in_the_plants_zone(plant: Workspace) -> None:
    assert chart(plant, "diameter").chart.kind == "individuals"
    by_number = chart(plant, "diameter", subgroup="7", kind="xbar_s")
    assert [point.subjects for point in by_number.points] == [7] * 28 + [4]
    by_day = chart(plant, "diameter", subgroup="day")
    assert [point.label for point in by_day.points] == ["2026-03-01", "2026-03-02"]
    assert by_day.points[0].subjects == 50  # from 21:30 to midnight in Berlin


@pytest.mark.parametrize("kind", ["ewma", "cusum", "moving_average"])
@pytest.mark.parametrize("subgroup", [None, "lot"])
def test_charts_with_a_memory_take_values_or_subgroups(
    plant: Workspace, kind: str, subgroup: str | None
) -> None:
    found = chart(plant, "diameter", kind=kind, subgroup=subgroup)
    make = getattr(charts, kind)
    alone = make(DIAMETER) if subgroup is None else make(DIAMETER, LOTS)
    assert found.chart.statistics == pytest.approx(alone.statistics, rel=1e-9, abs=1e-9)
    assert len(found.points) == alone.statistics.size


def test_a_condition_is_a_p_chart(plant: Workspace) -> None:
    found = chart(plant, "verdict = 'NOK'", subgroup="20")
    assert found.chart.kind == "p"
    counts = BAD.reshape(10, 20).sum(axis=1)
    assert found.chart.statistics == pytest.approx(counts / 20)
    assert found.chart.center == pytest.approx(BAD.mean())


def test_what_does_not_fit_is_refused(plant: Workspace) -> None:
    for arguments, said in (
        ({"kind": "xbar"}, "can't be charted as 'xbar'"),
        ({"kind": "xbar_r"}, "needs subgroups"),
        ({"kind": "p", "subgroup": "10"}, "made of a condition"),
        ({"subgroup": "lott"}, "no column 'lott'"),
    ):
        with pytest.raises(AnalysisError, match=said):
            chart(plant, "diameter", **arguments)  # type: ignore[arg-type]
    with pytest.raises(QueryError, match="diametre"):
        chart(plant, "diametre")
    with pytest.raises(StatisticsError):
        chart(plant, "diameter", rules="nelsson")


def test_capability_takes_its_limits_from_the_master_data(plant: Workspace) -> None:
    found = capability(plant, "diameter", subgroup="lot")
    assert (found.specification.origin, found.specification.id) == ("master data", "D-1")
    alone = capability_of.normal(DIAMETER, lsl=9.9, usl=10.1, target=10, subgroup=LOTS)
    assert found.capability.cpk == pytest.approx(alone.cpk, rel=1e-12)
    given = capability(plant, "diameter", usl=10.2)
    assert given.specification.origin == "given"
    assert given.capability.cpl is None
    with pytest.raises(AnalysisError, match="no specification for 'length'"):
        capability(plant, "length")
    with pytest.raises(AnalysisError, match="is a condition"):
        capability(plant, "diameter > 10", usl=11)


def test_a_gauge_study_names_its_columns(plant: Workspace) -> None:
    with pytest.raises(AnalysisError, match="no column 'inspector'"):
        plant_gauge_rr(plant, "diameter", operator="inspector")
    with pytest.raises(StatisticsError):
        plant_gauge_rr(plant, "diameter")  # every part was measured once, by one person


def test_monitoring_finds_what_no_single_chart_shows(plant: Workspace) -> None:
    found = monitor(plant, ["diameter", "length"], phase1=(0, 150))
    assert (found.subjects, found.left_out) == (COUNT, 0)
    rows_in_alarm = {alarm.row for alarm in found.alarms}
    assert 190 in rows_in_alarm
    alarm = next(alarm for alarm in found.alarms if alarm.row == 190)
    assert (alarm.subject, alarm.contributors[0].characteristic) == ("u190", "length")
    with pytest.raises(AnalysisError, match="at least 2"):
        monitor(plant, ["diameter"])


@pytest.mark.parametrize("name", ["chart", "capability", "monitor"])
def test_every_operator_answers_json_and_draws_itself(plant: Workspace, name: str) -> None:
    asked = {"target": "diameter"} if name != "monitor" else {"characteristics": ["diameter", "length"]}
    found = operators().get(name)(plant, asked)
    document = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert document
    drawn = found.plot().to_dict()  # type: ignore[attr-defined]
    assert drawn["panels"]
    assert drawn["title"]["zh"] != drawn["title"]["en"] or name == "monitor"


def test_the_python_door(folder: Path) -> None:
    with assay.open(folder) as plant:
        found = plant.chart("diameter", subgroup=5)
        assert isinstance(found, PlantChart)
        assert plant.capability("diameter", subgroup=5).capability.n == COUNT
        assert plant.monitor(["diameter", "length"]).subjects == COUNT
