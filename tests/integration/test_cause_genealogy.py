"""Causes reached through genealogy: lots consumed, machines of each segment, units not inspected."""

from collections.abc import Iterator

import numpy as np
import pytest

import assay
from assay.analyse.cause import affected, evidence
from assay.plant import Plant
from assay.store.workspace import Workspace

STEPS = """\
version: 1
source: mes
columns:
  order: {role: annotation}
  unit: {role: subject, is: unit}
  lot: {role: subject, is: lot}
  step: {role: annotation}
  machine: {role: factor}
  operator: {role: factor}
  start: {role: time}
  end: {role: time}
time: {zone: UTC, formats: ['%Y-%m-%d %H:%M:%S']}
records:
  - kind: movement
    execution: $order
    role: produced
    subject: $unit
    subject_kind: unit
    segment: $step
    equipment: $machine
    person: $operator
    started: $start
    ended: $end
  - kind: movement
    execution: $order
    role: consumed
    subject: $lot
    subject_kind: lot
    material: powder
    segment: $step
    equipment: $machine
    person: $operator
    started: $start
    ended: $end
"""

TESTS = """\
version: 1
source: lab
columns:
  unit: {role: subject, is: unit}
  density: {role: outcome, type: number, unit: g/cm3}
  leak: {role: outcome}
  gauge: {role: factor}
  at: {role: time}
time: {zone: UTC, formats: ['%Y-%m-%d %H:%M:%S']}
records:
  - kind: measurement
    subject: $unit
    subject_kind: unit
    characteristic: density
    value: $density
    unit: g/cm3
    gauge: $gauge
    time: $at
  - kind: measurement
    subject: $unit
    subject_kind: unit
    characteristic: leak
    text: $leak
    gauge: $gauge
    time: $at
"""

UNITS, INSPECTED = 3000, 2400


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    """3,000 units pressed and sintered, 2,400 tested; powder lot L07 leaks, furnace S2 lowers density."""
    folder = tmp_path_factory.mktemp("powder")
    rng = np.random.default_rng(4)
    lot = rng.integers(0, 40, UNITS)
    press, furnace = rng.integers(1, 5, UNITS), rng.integers(1, 4, UNITS)
    moments = np.datetime64("2026-03-02T06:00:00") + np.arange(UNITS) * np.timedelta64(60, "s")
    steps = ["order,unit,lot,step,machine,operator,start,end"]
    for name, machine, later in (("press", press, 0), ("sinter", furnace, 3600)):
        for unit in range(UNITS):
            start = moments[unit] + np.timedelta64(later, "s")
            powder = f"L{lot[unit]:02d}" if name == "press" else f"T{unit // 20:03d}"
            steps.append(
                f"{name}-{unit},U{unit:04d},{powder},{name},{name[0].upper()}{machine[unit]},"
                f"P{unit % 3},{_said(start)},{_said(start + np.timedelta64(50, 's'))}"
            )
    leaks = rng.random(UNITS) < np.where(lot == 7, 0.5, 0.02)
    density = 6.8 + rng.normal(0, 0.05, UNITS) - np.where(furnace == 2, 0.06, 0)
    tests = ["unit,density,leak,gauge,at"]
    for unit in range(INSPECTED):
        at = _said(moments[unit] + np.timedelta64(86_400, "s"))
        tests.append(f"U{unit:04d},{density[unit]:.4f},{'NOK' if leaks[unit] else 'OK'},G{unit % 2},{at}")
    for name, text in (("steps.csv", "\n".join(steps)), ("tests.csv", "\n".join(tests))):
        (folder / name).write_text(text + "\n")
    (folder / "steps.yaml").write_text(STEPS)
    (folder / "tests.yaml").write_text(TESTS)
    Workspace.create(folder / "plant").close()
    with assay.open(folder / "plant") as opened:
        assert opened.load(folder / "steps.csv", folder / "steps.yaml").accepted == 2 * UNITS
        assert opened.load(folder / "tests.csv", folder / "tests.yaml").accepted == INSPECTED
        yield opened


def _said(moment: np.datetime64) -> str:
    return str(moment).replace("T", " ")


def test_the_lot_consumed_is_found_with_the_units_not_yet_inspected(plant: Plant) -> None:
    report = plant.cause("leak = 'NOK'")
    first = report.causes[0]
    made = (
        plant.sql("select count(distinct execution) n from movement where subject = 'L07'")
        .column("n")[0]
        .as_py()
    )
    assert (first.value, len(report.causes)) == ("L07", 1)
    assert "consumed powder" in first.factor
    assert first.blast_radius == made
    assert 0 < first.not_inspected == first.blast_radius - first.units
    units = affected(plant.workspace, "leak = 'NOK'", factor=first.factor, value="L07")
    assert units.column("inspected").to_pylist().count(False) == first.not_inspected


def test_a_machine_is_named_with_its_segment(plant: Plant) -> None:
    report = plant.cause("-density")
    first = report.causes[0]
    assert (first.factor, first.value) == ("sinter.equipment", "S2")
    assert first.effect.mean_shift == pytest.approx(0.06, abs=0.01)
    assert first.effect.standardised == pytest.approx(1.2, abs=0.15)
    assert {"press.equipment", "press.person", "gauge"} <= set(report.factors)


def test_a_limit_on_a_numeric_characteristic_is_a_condition(plant: Plant) -> None:
    first = plant.cause("density < 6.7").causes[0]
    assert (first.factor, first.value) == ("sinter.equipment", "S2")
    assert first.effect.risk_ratio is not None
    assert first.effect.risk_ratio > 3


def test_two_characteristics_in_one_target(plant: Plant) -> None:
    report = plant.cause("density < 6.7 or leak = 'NOK'")
    assert report.subjects == INSPECTED
    assert {cause.value for cause in report.causes} >= {"L07", "S2"}


def test_conditions_reach_columns_of_each_segment(plant: Plant) -> None:
    report = plant.cause("leak = 'NOK'", where="\"press.equipment\" = 'P1' and gauge = 'G0'")
    assert 200 < report.subjects < 400


def test_evidence_of_a_consumed_lot(plant: Plant) -> None:
    factor = plant.cause("leak = 'NOK'").causes[0].factor
    rows, total = evidence(plant.workspace, "leak = 'NOK'", factor=factor, value="L07", limit=5)
    assert total > 40
    assert set(rows.column("value").to_pylist()) == {"NOK"}
    assert set(rows.column(factor).to_pylist()) == {"L07"}
