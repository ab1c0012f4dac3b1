"""A proposed mapping loads as it is, and the main job can be run on what it made."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from importlib.resources import files
from pathlib import Path

import openpyxl
import pytest

from assay.analyse.cause import cause
from assay.connect.infer import Inference, infer
from assay.connect.load import LoadReport, load_file
from assay.model.attributes import AttributeType, ColumnRole
from assay.model.errors import SourceError
from assay.store.workspace import Workspace

SCREW = sorted(Path(str(files("assay.demo") / "data")).glob("s0*.csv"))

LEADING = {
    "s01": ("workpiece_usage", None),
    "s02": ("class_value", "202_lubricant-oil-based"),
    "s04": ("class_value", "401_surface-lubricant"),
}
"""A factor of each file and the level that leads it."""


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.create(tmp_path / "plant") as workspace:
        yield workspace


def roles(found: Inference) -> dict[str, str]:
    return {column.name: column.role.value for column in found.columns}


def doubts(found: Inference) -> dict[str | None, str]:
    return {doubt.column: doubt.message.en for doubt in found.doubts}


def loaded(plant: Workspace, path: Path, found: Inference) -> LoadReport:
    file = path.with_suffix(".yaml") if path.parent.name != "data" else plant.path.parent / "m.yaml"
    file.write_text(found.to_yaml(), encoding="utf-8")
    report = load_file(plant, path, file)
    assert report.quarantined == 0, plant.quarantine.rows(3).to_pylist()
    assert report.accepted == report.rows
    return report


@pytest.mark.parametrize("path", SCREW, ids=lambda path: path.stem[:3])
def test_screwdriving_labels_need_no_hand(plant: Workspace, path: Path) -> None:
    found = infer(path)
    assert roles(found) == {
        "run_id": "subject",
        "file_name": "annotation",
        "class_value": "factor",
        "workpiece_id": "subject",
        "workpiece_date": "time",
        "workpiece_usage": "ordered factor",
        "workpiece_result": "outcome",
        "workpiece_location": "factor",
        "scenario_condition": "design label",
        "scenario_exception": "annotation",
    }
    kinds = {column.name: column.is_ for column in found.columns if column.role is ColumnRole.SUBJECT}
    assert kinds == {"run_id": "execution", "workpiece_id": "unit"}
    assert "scenario_condition" in doubts(found)
    loaded(plant, path, found)
    report = cause(plant, "result = 'NOK'").to_dict()
    assert report["verdict"] == "causes found"
    first = next(one for one in report["causes"] if one["factor"] == LEADING[path.stem[:3]][0])
    assert first["value"] == LEADING[path.stem[:3]][1]


def test_a_row_without_a_result_is_a_unit_not_inspected(plant: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "presses.csv"
    rows = [
        f"P-{i:03},2026-03-02 06:{i % 60:02}:00,{'AB'[i % 2]},{'' if i > 90 else 'OK'}" for i in range(100)
    ]
    file.write_text("\n".join(["part,pressed_at,die,result", *rows]) + "\n", encoding="utf-8")
    assert loaded(plant, file, infer(file)).accepted == 100
    assert len(plant.lake.query("SELECT * FROM movement")) == 100
    assert len(plant.lake.query("SELECT * FROM measurement")) == 91


def test_chinese_headers(plant: Workspace, tmp_path: Path) -> None:
    chance = random.Random(1)
    rows = ["序列号,检测时间,设备,操作员,扭矩(N.m),温度(℃),班次,穴号,判定"]
    for n in range(1500):
        bad = chance.random() < (0.3 if n % 3 == 0 else 0.02)
        rows.append(
            f"SN{n:05d},2026/3/{1 + n // 200} {8 + n % 10}:{n % 60:02d}:00,M{n % 3 + 1},张{n % 4},"
            f"{chance.gauss(5, 1):.2f},{chance.gauss(25, 3):.1f},{'早中晚'[n % 7 % 3]},{n % 4 + 1},"
            f"{'不合格' if bad else '合格'}"
        )
    path = tmp_path / "检测.csv"
    path.write_text("\n".join(rows), encoding="utf-8-sig")
    found = infer(path)
    assert roles(found) == {
        "序列号": "subject",
        "检测时间": "time",
        "设备": "factor",
        "操作员": "factor",
        "扭矩(N.m)": "ordered factor",
        "温度(℃)": "ordered factor",
        "班次": "factor",
        "穴号": "factor",
        "判定": "outcome",
    }
    assert found.mapping.columns["温度(℃)"].unit == "Cel"
    assert all(doubt.message.zh != doubt.message.en for doubt in found.doubts)
    loaded(plant, path, found)
    report = cause(plant, "判定 = '不合格'").to_dict()
    assert (report["causes"][0]["factor"], report["causes"][0]["value"]) == ("equipment", "M1")


def test_a_file_in_an_old_chinese_encoding_needs_no_hand(plant: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "冲压.csv"
    rows = [f"件{i},2026-03-02 06:{i % 60:02}:00,{'甲乙'[i % 2]},合格" for i in range(100)]
    file.write_text("\n".join(["件号,时间,设备,结果", *rows]) + "\n", encoding="gb18030")
    found = infer(file)
    assert found.mapping.file.encoding == "gb18030"
    assert "read as gb18030" in doubts(found)[None]
    assert loaded(plant, file, found).accepted == 100


def test_an_excel_table_of_measurements(plant: Workspace, tmp_path: Path) -> None:
    chance = random.Random(2)
    book = openpyxl.Workbook()
    book.active.append(["Part No", "Measured at", "Characteristic", "Value", "Unit", "Gauge", "Inspector"])
    for n in range(600):
        moment = datetime(2026, 1, 1) + timedelta(minutes=n)  # noqa: DTZ001 - cells of Excel have no zone
        item = ["bore", "length", "runout"][n % 3]
        value = round(chance.gauss(10, 0.1), 3)
        book.active.append([f"P{n // 3:04d}", moment, item, value, "mm", f"G{n % 2}", f"I{n % 5}"])
    path = tmp_path / "measurements.xlsx"
    book.save(path)
    found = infer(path)
    assert found.format == "excel"
    assert roles(found)["Value"] == "outcome"
    assert "one measurement per row" in doubts(found)["Characteristic"]
    loaded(plant, path, found)
    held = plant.lake.query(
        "SELECT characteristic, unit, count(*) AS n FROM measurement GROUP BY ALL ORDER BY characteristic"
    ).to_pylist()
    assert [(row["characteristic"], row["unit"], row["n"]) for row in held] == [
        ("bore", "mm", 200),
        ("length", "mm", 200),
        ("runout", "mm", 200),
    ]


def test_a_wide_table_with_decimal_commas_and_dates_that_could_be_either(
    plant: Workspace, tmp_path: Path
) -> None:
    chance = random.Random(3)
    rows = ["Serial;Datum;Maschine;Durchmesser [mm];Rauheit"]
    for n in range(300):
        numbers = f"{chance.gauss(12, 0.1):.3f};{chance.gauss(1, 0.1):.3f}".replace(".", ",")
        rows.append(f"S{n};{1 + n // 30:02d}/02/2026 10:00;M{n % 3};{numbers}")
    path = tmp_path / "wide.csv"
    path.write_text("\n".join(rows))
    found = infer(path)
    assert found.mapping.file.decimal == ","
    assert found.mapping.time.formats == ["%d/%m/%Y %H:%M"]
    assert "%m/%d/%Y" in doubts(found)["Datum"]
    loaded(plant, path, found)
    held = plant.lake.query(
        "SELECT characteristic, unit, avg(value) AS v FROM measurement GROUP BY ALL ORDER BY 1"
    )
    assert held["characteristic"].to_pylist() == ["Durchmesser_mm", "Rauheit"]
    assert held["v"][0].as_py() == pytest.approx(12, abs=0.1)


def test_rows_that_nothing_names(plant: Workspace, tmp_path: Path) -> None:
    chance = random.Random(4)
    rows = ["temperature,pressure,condition,Pass/Fail"]
    rows += [
        f"{chance.gauss(20, 1):.2f},{chance.gauss(3, 1):.2f},{'ab'[n % 2]},{-1 if n % 9 else 1}"
        for n in range(300)
    ]
    path = tmp_path / "anonymous.csv"
    path.write_text("\n".join(rows))
    found = infer(path)
    assert roles(found)["condition"] == "design label"
    assert None in doubts(found)
    loaded(plant, path, found)
    assert cause(plant, "Pass_Fail = '1'").to_dict()["verdict"] == "insufficient evidence"


def test_several_rows_of_one_unit_without_a_run(plant: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "passes.csv"
    path.write_text(
        "unit,station,result\n"
        + "".join(f"U{n // 4},S{n % 4},{'OK' if n % 5 else 'NOK'}\n" for n in range(80))
    )
    found = infer(path)
    assert "run of its own" in doubts(found)["unit"]
    loaded(plant, path, found)


def test_constant_columns_keep_their_role_and_are_said_to_explain_nothing(tmp_path: Path) -> None:
    path = tmp_path / "constant.csv"
    path.write_text(
        "serial,tool,nothing,result\n" + "".join(f"U{n},T1,,{'OK' if n % 5 else 'NOK'}\n" for n in range(50))
    )
    found = infer(path)
    assert "explains nothing" in doubts(found)["tool"]
    assert "left out" in doubts(found)["nothing"]
    assert "nothing" not in found.mapping.columns


def test_what_the_plant_has_declared_is_kept(tmp_path: Path) -> None:
    from assay.model.attributes import Attribute
    from assay.model.kinds import RecordKind

    path = tmp_path / "again.csv"
    path.write_text(
        "serial,nest,result\n" + "".join(f"U{n},{n % 6},{'OK' if n % 5 else 'NOK'}\n" for n in range(50))
    )
    assert roles(infer(path))["nest"] == "factor"
    known = Attribute(
        name="nest", kind=RecordKind.MOVEMENT, type=AttributeType.INTEGER, role=ColumnRole.ORDERED_FACTOR
    )
    assert roles(infer(path, known=[known]))["nest"] == "ordered factor"


def test_nothing_is_proposed_from_a_header_alone(tmp_path: Path) -> None:
    path = tmp_path / "header.csv"
    path.write_text("a,b\n")
    with pytest.raises(SourceError, match="no rows"):
        infer(path)
