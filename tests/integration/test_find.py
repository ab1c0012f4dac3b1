"""Questions on a plant with a known truth; see ``tests/sinter_plant.py``."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.sinter_plant import HOT, LOTS, UNITS, sinter_plant, unit

import assay
from assay.demo.build import load_screwdriving, open_or_create
from assay.model.errors import QueryError
from assay.plant import Plant
from assay.query.find import find
from assay.query.language.errors import QuestionError
from assay.query.program import Limits


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    folder = tmp_path_factory.mktemp("find") / "plant"
    sinter_plant(folder)
    (folder / "model.yaml").write_text(
        """
terms:
  - {name: flaw, of: event, where: "event = 'defect'", fields: {}}
master_data:
  environment_zone: [{id: hot hall, name: Hot hall}, {id: clean, name: Clean room}]
  equipment: [{id: F1, zone: hot hall}, {id: F2, zone: hot hall}, {id: CMM, zone: clean}]
measures:
  - {name: scrap, of: unit, formula: "1 - yield"}
  - {name: heavy_scrap, of: unit, formula: "scrap * 100", unit: "%"}
  - {name: chicken, of: unit, formula: "egg + 1"}
  - {name: egg, of: unit, formula: "chicken + 1"}
""",
        "utf-8",
    )
    with assay.open(folder) as opened:
        yield opened


def rows(plant: Plant, question: str) -> list[dict[str, Any]]:
    return plant.find(question).rows


def column(plant: Plant, question: str, name: str | None = None) -> list[Any]:
    found = plant.find(question)
    return [row[name or found.columns[0].name] for row in found.rows]


def test_from_a_defect_to_the_sibling_lots_of_the_product(plant: Plant) -> None:
    found = rows(plant, "unit[defect.code = 'HC-3'].lot.product.lots | compare yield, thickness.mean")
    assert [row["lot"] for row in found] == ["L1", "L3", "L5"]
    assert [row["origin"] for row in found] == [False, True, False]
    assert [row["yield"] for row in found] == [1.0, 0.7, 0.9]
    assert [row["units"] for row in found] == [UNITS] * 3
    assert found[1]["thickness.mean"] == pytest.approx(12.045)


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("unit[defect.code = 'HC-3']", [unit(HOT, n) for n in range(3)]),
        ("unit[defect.code in ('HC-1', 'HC-9')]", [unit("L5", 0)]),
        ("unit[defect[code = 'HC-3' and severity = 'low']]", []),
        ("unit[flaw.severity = 'low']", [unit("L5", 0)]),
        ("unit[result = 'NOK' and thickness > 13]", [unit("L5", 0)]),
        ("unit[count(defect) > 0 and not (defect.code = 'HC-3')]", [unit("L5", 0)]),
        ("unit[thickness between 12.08 and 13.005]", ["U-308", "U-309", "U-400"]),
        ("unit[conforming = false and lot = 'L5']", [unit("L5", 0)]),
        ("unit[tray_row = 4 and lot.product = 'POWDER-B']", ["U-204", "U-404", "U-604"]),
        ("unit[sinter.equipment = 'F2' and press.person = 'W0' and thickness < 11.005]", ["U-200"]),
        ("lot[id = 'L3'].descendants(unit)[defect]", [unit(HOT, n) for n in range(3)]),
        ("unit[id = 'U-604'].ancestors(lot)", ["L6"]),
        ("lot[moisture > 0.45]", ["L5", "L6"]),
        ("measurement[text = 'NOK' and person = 'Q1'].unit", ["U-301"]),
        ("equipment[id = 'F1'].steps[segment = 'sinter'].unit[thickness < 10.02]", ["U-100", "U-101"]),
        ("event[event = 'alarm'].equipment", ["F1"]),
        ("unit[inspect.started > '2026-03-02T20:58:30']", ["U-609"]),
        ("unit[thickness is null]", []),
        ("product[id = 'POWDER-B'].lots", ["L2", "L4", "L6"]),
        ("批次[moisture < 0.15]", ["L1"]),
        ("unit[id = 'U-300'].machines", ["CMM", "F1", "PR1"]),
        ("unit[id = 'U-300'].people", ["W0"]),
        ("unit[id = 'U-300'].methods", ["R-1"]),
        ("unit[id = 'U-300'].materials", ["GEAR-7"]),
        ("unit[id = 'U-300'].environment", ["clean", "hot hall"]),
        ("unit[id = 'U-300'].measurements.gauge", ["G1"]),
        ("单元[id = 'U-300'].机", ["CMM", "F1", "PR1"]),
        ("environment[name = 'Hot hall'].steps.lots", []),
        ("zone[name = 'Hot hall'].steps[segment = 'sinter'].unit[thickness < 10.005]", ["U-100"]),
    ],
)
def test_what_a_path_leads_to(plant: Plant, question: str, expected: list[str]) -> None:
    assert column(plant, question) == expected


def test_things_are_counted_once_however_many_ways_lead_to_them(plant: Plant) -> None:
    """Ten units share an oven run; their lot is reached ten times and counted once."""
    [found] = rows(plant, "lot[id = 'L3'] | compare count(units.lot), count(units.sinter), count(units)")
    assert found["count(unit.lot)"] == 1 if "count(unit.lot)" in found else found["count(units.lot)"] == 1
    assert found["count(units.sinter)"] == 1
    assert found["count(units)"] == UNITS


def test_groups_count_each_member_once(plant: Plant) -> None:
    found = rows(plant, "unit | by sinter.equipment: count(), yield, mean(thickness), count(defect)")
    assert [row["sinter.equipment"] for row in found] == ["F1", "F2"]
    assert [row["count()"] for row in found] == [30, 30]
    assert [row["yield"] for row in found] == [pytest.approx(26 / 30), 1.0]
    assert [row["count(defect)"] for row in found] == [4, 0]


def test_records_can_be_grouped(plant: Plant) -> None:
    found = rows(plant, "measurement[characteristic = 'thickness'] | by gauge, person: count(), max(value)")
    assert [(row["gauge"], row["person"], row["count()"]) for row in found] == [
        ("G1", "Q0", 30),
        ("G1", "Q1", 30),
    ]


def test_a_thing_may_be_called_by_its_kind(plant: Plant) -> None:
    found = rows(plant, "unit[unit.thickness < 10.005] | select unit, unit.id, thickness")
    assert found == [{"unit": "U-100", "unit.id": "U-100", "thickness": 10.0}]
    assert rows(plant, "lot[id = 'L1'] | by lot: mean(lot.moisture)") == [
        {"lot": "L1", "mean(lot.moisture)": 0.1}
    ]


def test_a_path_to_many_gives_a_row_for_each(plant: Plant) -> None:
    found = rows(
        plant, "unit[lot = 'L3'] | select id, defect.code, defect.severity | where defect.code is not null"
    )
    assert found == [{"id": unit(HOT, n), "defect.code": "HC-3", "defect.severity": "high"} for n in range(3)]


def test_what_is_reckoned_with_the_values_of_a_path_is_reckoned(plant: Plant) -> None:
    found = rows(
        plant, "unit[id = 'U-105'] | select id, thickness * 2 as twice, thickness / 0 as nothing, thickness"
    )
    assert found == [{"id": "U-105", "twice": 20.1, "nothing": None, "thickness": 10.05}]
    words = rows(plant, "unit[defect.code = 'HC-1'] | select id, lower(defect.code) as code, defect.severity")
    assert words == [{"id": "U-500", "code": "hc-1", "defect.severity": "low"}]
    [span] = rows(plant, "lot[id = 'L1'] | select id, (sinter.ended - sinter.started) / 60 as minutes")
    assert span["minutes"] == 60.0


def test_two_independent_paths_to_many_are_a_cross_product_and_refused(plant: Plant) -> None:
    question = "unit | select id, measurement.value, step.segment"
    with pytest.raises(QuestionError, match=r"every pair of measurement.value, step.segment: about 360 rows"):
        plant.find(question)
    assert len(plant.find(question.replace("select", "select cross"))) == 60 * 2 * 3
    assert len(plant.find(question, limits=Limits(crossed=True))) == 60 * 2 * 3


def test_measures_are_reused_and_can_not_be_circles(plant: Plant) -> None:
    found = plant.find("lot | compare heavy_scrap | where heavy_scrap > 0")
    assert {row["lot"]: round(row["heavy_scrap"], 6) for row in found.rows} == {"L3": 30.0, "L5": 10.0}
    assert found.columns[-1].unit == "%"
    with pytest.raises(QuestionError, match="chicken → egg → chicken"):
        plant.find("lot | compare chicken")


def test_stages_sort_cut_and_count(plant: Plant) -> None:
    found = rows(plant, "unit | select id, thickness as t | sort t desc | limit 2 offset 1")
    assert [row["id"] for row in found] == ["U-608", "U-607"]
    assert rows(plant, "unit[result = 'OK'] | count") == [{"count": 56}]
    assert column(plant, "lot | sort moisture.mean desc | limit 1", "lot") == ["L6"]


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("unti", "Did you mean unit"),
        ("unit[defekt.code = 'x']", "Did you mean defect"),
        ("unit[defect.cod = 'x']", "Did you mean code"),
        ("unit.lot.produkt", "Did you mean product"),
        ("unit[thickness > 'a']", "number can't be compared with a text"),
        ("unit[result > 3]", "text can't be compared with a number"),
        ("unit | compare thickness", "mean(thickness)"),
        ("unit | compare result.mean", "needs numbers"),
        ("unit | compare meen(thickness)", "Did you mean mean"),
        ("unit | select id | compare yield", "can't follow here"),
        ("unit | select id | where nam = 'x'", "no column 'nam'"),
        ("unit[sinter.temp > 3]", "temp.mean"),
        ("unit[id]", "a condition is needed"),
        ("lot.window(start, end).temp", "A window needs"),
        ("equipment.ancestors(lot)", "needs units or lots"),
        ("unit.ancestors(gauge)", "not a kind of thing"),
    ],
)
def test_an_error_says_where_and_what_was_meant(plant: Plant, question: str, said: str) -> None:
    with pytest.raises(QuestionError) as caught:
        plant.find(question)
    assert said in str(caught.value)
    assert "^" in str(caught.value), "the part that is meant is underlined"


def test_an_answer_that_is_too_large_is_refused_not_cut(plant: Plant) -> None:
    with pytest.raises(QuestionError, match="more than 10 rows"):
        plant.find("unit", limits=Limits(rows=10))
    with pytest.raises(QuestionError, match="at most 20 are allowed"):
        plant.find("unit[defect or thickness > 0]", limits=Limits(intermediate=20))
    with pytest.raises(QueryError, match=r"second|time"):
        plant.find("unit | compare thickness.mean", limits=Limits(seconds=0.000_1))


def test_an_answer_explains_itself(plant: Plant) -> None:
    answer = plant.find("unit[defect.code = 'HC-3'].lot | compare yield")
    told = answer.explain()
    assert {step["does"] for step in told["steps"]} == {"define"}
    assert [step["rows"] for step in told["steps"] if step["rows"] is not None]
    assert "SELECT" in answer.sql
    assert answer.text == "unit[defect.code = 'HC-3'].lot | compare yield"
    document = answer.to_dict(explain=True)
    assert document["row_count"] == 1
    assert document["columns"][0] == {"name": "lot", "type": "text", "unit": None, "title": "lot"}


def test_the_plant_is_asked_as_it_was_known(plant: Plant) -> None:
    before = plant.find("unit | count", as_of=datetime(2026, 1, 1, tzinfo=UTC))
    assert before.rows == [{"count": 0}]
    assert plant.find("unit | count", as_of=datetime.now(UTC)).rows == [{"count": 60}]


def test_signals_are_asked_over_the_time_of_a_step(plant: Plant) -> None:
    question = "unit[defect.code = 'HC-3'].lot.product.lots | compare yield, sinter.temp.mean, sinter.temp.n"
    found = rows(plant, question)
    assert [row["lot"] for row in found] == ["L1", "L3", "L5"]
    assert [row["sinter.temp.mean"] for row in found] == pytest.approx([1101.0, 1151.0, 1101.0])
    assert [row["sinter.temp.n"] for row in found] == [60, 60, 60], "ten units shared the oven: counted once"


def test_a_window_moves_the_time_that_is_looked_at(plant: Plant) -> None:
    [found] = rows(plant, "unit[id = 'U-300'] | select id, sinter.before(30min).temp.max, sinter.temp.min")
    assert found["sinter.before(30min).temp.max"] == 20.0
    assert found["sinter.temp.min"] == 1150.0


def test_units_can_be_chosen_by_a_signal(plant: Plant) -> None:
    assert column(plant, "unit[sinter.temp.mean > 1120]") == [unit(HOT, n) for n in range(UNITS)]


def test_every_unit_is_there(plant: Plant) -> None:
    assert len(plant.find("unit")) == len(LOTS) * UNITS


def test_the_plant_has_a_page_of_sql_to_read(plant: Plant, tmp_path: Path) -> None:
    answer = plant.find("unit | by lot: yield")
    (tmp_path / "question.sql").write_text(answer.sql, "utf-8")
    assert answer.sql.rstrip().endswith(";")


def test_the_known_truth_of_real_screw_driving_runs(tmp_path: Path) -> None:
    """Shares of NOK runs in s02 as the data set's authors give them."""
    question = "step[segment = 's02'] | by class_value: count(), share(result = 'NOK') as nok | sort nok desc"
    workspace, _ = open_or_create(tmp_path / "demo")
    with workspace:
        load_screwdriving(workspace, lambda name, report: None)
        found = find(workspace, f"{question} | limit 3")
    assert [(row["class_value"], round(100 * row["nok"], 2)) for row in found.rows] == [
        ("202_lubricant-oil-based", 60.96),
        ("302_sanding-fine", 46.24),
        ("301_sanding-coarse", 38.40),
    ]


def test_a_question_built_in_python_is_the_question_in_text(plant: Plant) -> None:
    unit_ = plant.ask.unit
    lots = unit_[unit_.defect.code == "HC-3"].lot.product.lots
    built = lots.compare(lots.yield_, lots.thickness.mean)
    assert str(built) == "unit[defect.code = 'HC-3'].lot.product.lots | compare yield, thickness.mean"
    assert plant.find(built).rows == rows(plant, str(built))
    assert {"defect", "lot", "sinter", "thickness"} <= set(dir(unit_))
    assert str(unit_.sinter.temp.mean) == "unit.sinter.temp.mean", (
        "signals follow, though they are not listed"
    )
    with pytest.raises(AttributeError, match="defect"):
        _ = unit_.defekt
