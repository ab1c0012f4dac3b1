"""Questions that reach into databases: a laboratory and an order system beside the plant's own records."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import yaml
from tests.sinter_plant import DAY, LOTS, UNITS, sinter_plant, unit

import assay
from assay.plant import Plant
from assay.query.federation import SourceDown, federation

MODEL = """
sources:
  - name: lims
    url: {url}
    fresh_for: 0
    tables:
      - name: lab
        table: lab_results
        kind: measurement
        fields: {{subject: serial, characteristic: test, value: figure, time: taken}}
        constants: {{subject_kind: unit}}
      - name: suppliers
        table: powder
        kind: material
        key: code
        fields: {{maker: maker, price: price}}
        links: {{maker: maker}}
      - name: makers
        table: makers
        kind: maker
        key: code
        fields: {{country: country}}
"""


def fill(url: str) -> None:
    """Hardness and porosity of each unit in the laboratory, powders and who makes them."""
    engine = sa.create_engine(url)
    meta = sa.MetaData()
    results = sa.Table(
        "lab_results",
        meta,
        sa.Column("serial", sa.String(40), index=True),
        sa.Column("test", sa.String(40)),
        sa.Column("figure", sa.Float(53)),
        sa.Column("taken", sa.DateTime),
    )
    powder = sa.Table(
        "powder",
        meta,
        sa.Column("code", sa.String(20), primary_key=True),
        sa.Column("maker", sa.String(20)),
        sa.Column("price", sa.Float(53)),
    )
    makers = sa.Table(
        "makers",
        meta,
        sa.Column("code", sa.String(20), primary_key=True),
        sa.Column("country", sa.String(20)),
    )
    meta.create_all(engine)
    rows = [
        {"serial": unit(lot, number), "test": test, "figure": figure, "taken": DAY.replace(tzinfo=None)}
        for position, lot in enumerate(LOTS)
        for number in range(UNITS)
        for test, figure in (("hardness", 60.0 + position + number / 10), ("porosity", number / 100))
    ]
    with engine.begin() as connection:
        connection.execute(results.insert(), rows)
        connection.execute(
            powder.insert(),
            [
                {"code": "POWDER-A", "maker": "ALPHA", "price": 12.5},
                {"code": "POWDER-B", "maker": "BETA", "price": 9.0},
                {"code": "POWDER-C", "maker": "BETA", "price": 7.0},
            ],
        )
        connection.execute(
            makers.insert(), [{"code": "ALPHA", "country": "SE"}, {"code": "BETA", "country": "CN"}]
        )
    engine.dispose()


@pytest.fixture(scope="module")
def sintered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plant's own records, made once."""
    return sinter_plant(tmp_path_factory.mktemp("sintered") / "plant")


@pytest.fixture
def plant(database_url: str, sintered: Path, tmp_path: Path) -> Iterator[Plant]:
    fill(database_url)
    shutil.copytree(sintered, tmp_path / "plant")
    text = MODEL.format(url=yaml.safe_dump(database_url, default_style='"').strip())
    (tmp_path / "plant" / "model.yaml").write_text(text, "utf-8")
    with assay.open(tmp_path / "plant") as opened:
        yield opened


@pytest.fixture
def sent(plant: Plant) -> list[str]:
    """Every statement about rows that reaches the laboratory, whatever the plant says it sent."""
    mes, found = federation(plant.workspace), list[str]()
    for table in ("lab", "suppliers", "makers"):
        mes.schema("lims", table)

    @sa.event.listens_for(mes.engine("lims"), "before_cursor_execute")
    def _seen(_: Any, __: Any, statement: str, *rest: Any) -> None:
        if statement.lstrip().upper().startswith(("SELECT", "WITH")):
            found.append(statement)

    return found


def statements(answer: Any) -> int:
    return int(answer.explain()["statements"].get("lims", 0))


def moved(answer: Any) -> int:
    return int(answer.explain()["moved"].get("lims", 0))


def test_keys_of_the_plant_go_to_the_laboratory(plant: Plant, sent: list[str]) -> None:
    """Three units have the defect: three keys are sent, three results come back; names are asked for once."""
    answer = plant.find("unit[defect.code = 'HC-3'] | compare hardness.mean")
    assert [row["hardness.mean"] for row in answer.rows] == pytest.approx([62.0, 62.1, 62.2])
    assert moved(answer) == 3
    assert statements(answer) == len(sent) == 2, "one for the names, one for the rows, however many units"


def test_a_condition_on_a_result_goes_to_the_laboratory(plant: Plant) -> None:
    answer = plant.find("unit[hardness >= 65.75] | compare thickness.mean")
    assert [row["unit"] for row in answer.rows] == ["U-608", "U-609"]
    assert moved(answer) == 2, "only rows that meet the condition are moved"
    assert statements(answer) == 2


def test_a_field_of_another_database_narrows_and_is_shown(plant: Plant) -> None:
    answer = plant.find("product[price < 10].lots.units | by lot: count(), mean(hardness)")
    assert [(row["lot"], row["count()"]) for row in answer.rows] == [("L2", 10), ("L4", 10), ("L6", 10)]
    priced = plant.find("lot[id = 'L1'] | select id, product.price")
    assert priced.rows == [{"id": "L1", "product.price": 12.5}]


def test_links_between_tables_of_a_database_are_followed_both_ways(plant: Plant) -> None:
    answer = plant.find("maker[country = 'CN'].material.lots")
    assert [row["lot"] for row in answer.rows] == ["L2", "L4", "L6"]
    back = plant.find("unit[defect.code = 'HC-1'].lot.product.maker | select id, country")
    assert back.rows == [{"id": "ALPHA", "country": "SE"}]


def test_everything_of_a_kind_has_the_rows_of_the_database_too(plant: Plant) -> None:
    assert [row["material"] for row in plant.find("material").rows] == [
        "GEAR-7",
        "POWDER-A",
        "POWDER-B",
        "POWDER-C",
    ]


def test_records_of_both_places_are_one(plant: Plant) -> None:
    answer = plant.find("measurement | by characteristic: count()")
    assert {row["characteristic"]: row["count()"] for row in answer.rows} == {
        "hardness": 60,
        "moisture": 6,
        "porosity": 60,
        "result": 60,
        "thickness": 60,
    }


def test_results_of_a_laboratory_are_judged_like_the_plant_s_own(plant: Plant) -> None:
    """The limit of hardness fell at noon; the results were taken at midnight, before it."""
    noon = DAY + timedelta(hours=12)
    one = {"id": "H", "characteristic": "hardness"}
    plant.workspace.registry.upsert_entities(
        "specification",
        [
            one | {"upper_specification_limit": 64.95, "valid_to": noon},
            one | {"upper_specification_limit": 62.95, "valid_from": noon},
        ],
    )
    asked = "lot[id in ('L4', 'L5', 'L6')].units | by lot: yield, yield_today"
    answer = plant.find(asked)
    yields = [(row["lot"], row["yield"], row["yield_today"]) for row in answer.rows]
    assert yields == [("L4", 1.0, 0.0), ("L5", 0.9, 0.0), ("L6", 0.0, 0.0)]
    assert moved(answer) == 30, "porosity has no limits and stays where it is"
    assert statements(answer) == 2, "one for the names, one for the rows of both"
    bad = plant.find("unit[conforming = false and lot = 'L6'] | count")
    assert [row["count"] for row in bad.rows] == [10]


def test_results_that_nothing_judges_are_not_asked_for(plant: Plant) -> None:
    answer = plant.find("unit | by: yield")
    assert [row["yield"] for row in answer.rows] == [pytest.approx(56 / 60)]
    assert statements(answer) == 1, "whether a characteristic is called yield"
    assert moved(answer) == 0


def test_a_table_completes_units_and_runs_that_the_plant_has(
    plant: Plant, database_url: str, tmp_path: Path
) -> None:
    """The MES knows the order of each unit and the shift of each run; both keep what the plant knows."""
    engine = sa.create_engine(database_url)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE serials (serial VARCHAR(20), order_no VARCHAR(20))"))
        connection.execute(sa.text("INSERT INTO serials VALUES ('U-300', 'O1'), ('U-500', 'O1')"))
        connection.execute(sa.text("CREATE TABLE runs (run VARCHAR(20), shift VARCHAR(20))"))
        connection.execute(sa.text("INSERT INTO runs VALUES ('S-L3', 'late'), ('S-L1', 'early')"))
    engine.dispose()
    model = yaml.safe_load((tmp_path / "plant" / "model.yaml").read_text("utf-8"))
    serials = {"name": "serials", "table": "serials", "kind": "unit", "key": "serial"}
    runs = {"name": "runs", "table": "runs", "kind": "execution", "key": "run", "fields": {"shift": "shift"}}
    serials |= {"fields": {"job": "order_no"}, "links": {"job": "work_order"}}
    model["sources"][0]["tables"] += [serials, runs]
    (tmp_path / "plant" / "model.yaml").write_text(yaml.safe_dump(model), "utf-8")
    with assay.open(tmp_path / "plant") as opened:
        found = opened.find("unit[job = 'O1'] | select id, job, defect.code")
        assert [tuple(row.values()) for row in found.rows] == [
            ("U-300", "O1", "HC-3"),
            ("U-500", "O1", "HC-1"),
        ]
        late = opened.find("unit.sinter[shift = 'late'].unit | count")
        assert late.rows == [{"count": 10}]
        assert len(opened.find("unit")) == 60


def test_the_number_of_statements_does_not_grow_with_the_things_asked_about(
    plant: Plant, sent: list[str]
) -> None:
    few = plant.find("unit[lot = 'L1'] | compare hardness.mean, porosity.max")
    many = plant.find("unit | compare hardness.mean, porosity.max")
    assert len(many) == 6 * len(few)
    assert statements(few) == statements(many) == 3
    assert len(sent) == 6


def test_an_answer_without_a_source_is_no_answer(plant: Plant, tmp_path: Path) -> None:
    model = (tmp_path / "plant" / "model.yaml").read_text("utf-8")
    parsed = yaml.safe_load(model)
    parsed["sources"][0]["url"] = "postgresql://127.0.0.1:1/nowhere"
    (tmp_path / "plant" / "model.yaml").write_text(yaml.safe_dump(parsed), "utf-8")
    with assay.open(tmp_path / "plant") as broken, pytest.raises(SourceDown, match="lims"):
        broken.find("unit[hardness > 60]")
