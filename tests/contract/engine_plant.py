"""The sinter plant with what engines disagree on: odd texts and times, gaps, hot rows, a laboratory."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from tests.sinter_plant import DAY, LOTS, UNITS, sinter_plant, store, unit

from assay.model.kinds import RecordKind
from assay.store import LoadKey, Workspace

ODD = "U-700"
"""A unit of a lot of its own: pressed over two month ends, never measured in thickness."""

WARM = "U-701"
"""A unit that only the hot buffer knows."""

BEGUN = datetime.fromisoformat("2026-01-31T23:59:59.250000+00:00")
ENDED = datetime.fromisoformat("2026-03-01T00:00:01.500000+00:00")

NOTES = {
    unit("L1", 0): "it's 50%_off",
    unit("L1", 1): '烧结 "炉" Straße 😀',
    unit("L1", 2): " \u3000ok\u3000",
    unit("L1", 3): "1.5d",
    unit("L1", 4): " -2.5e1 ",
    unit("L1", 5): r"C:\new\100%",
    ODD: "İ ΟΔΟΣ",
}
"""Texts that were measured, by unit."""

MODEL = """
master_data:
  equipment:
    - {{id: HALL, name: 大厅, level: area}}
    - {{id: F1, name: Furnace 1, level: work unit, parent: HALL, zone: Z1}}
    - {{id: F2, name: Furnace 2, level: work unit, parent: HALL, zone: Z1}}
    - {{id: CMM, level: work unit, parent: HALL}}
  environment_zone: [{{id: Z1, name: Hot zone}}]
  person: [{{id: Q0, name: Lí Na, team: A}}, {{id: Q1, team: B}}]
  gauge: [{{id: G1, equipment: CMM, resolution: 0.001}}]
  characteristic: [{{id: thickness, unit: mm, segment: inspect, critical: true}}]
  specification:
    - {{id: S1, characteristic: thickness, lower_specification_limit: 10, upper_specification_limit: 15.045}}
  signal: [{{id: temp, unit: Cel}}]
terms:
  - {{name: severe, of: event, where: "severity = 'high'", title: {{en: Severe finding}}}}
measures:
  - {{name: scrap, of: unit, formula: "share(result = 'NOK')"}}
  - {{name: kept, of: unit, formula: "1 - scrap"}}
features:
  - {{name: rise, formula: "last - first"}}
sources:
  - name: lims
    url: "sqlite:///{database}"
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
      - {{name: makers, table: makers, kind: maker, key: code, fields: {{country: country}}}}
"""


def engine_plant(folder: Path) -> datetime:
    """The plant in ``folder``, the laboratory's database beside it; a moment before the hot rows came."""
    database = folder.parent / "lims.db"
    _fill(database)
    sinter_plant(folder)
    (folder / "model.yaml").write_text(MODEL.format(database=database), "utf-8")
    with Workspace.open(folder) as workspace:
        store(workspace, RecordKind.MOVEMENT, _movements(), "odd")
        store(workspace, RecordKind.MEASUREMENT, _measurements(), "odd")
        before = datetime.now(UTC)
        key, recorded = LoadKey("line", "hot"), before + timedelta(milliseconds=1)
        hot = [
            {"subject": WARM, "subject_kind": "unit", "characteristic": "thickness", "value": 11.5}
            | {"time": DAY + timedelta(hours=23), "segment": "inspect", "gauge": "G1", "unit": "mm"}
        ]
        workspace.lake.hot.append("measurement", _hot(workspace, "measurement", hot), key, recorded=recorded)
        reading = [
            {"signal": "temp", "equipment": "F1", "value": 1200.0, "unit": "Cel"}
            | {"time": DAY + timedelta(hours=10, minutes=30, seconds=30)}
        ]
        workspace.lake.hot.append("reading", _hot(workspace, "reading", reading), key, recorded=recorded)
    return before


def _movements() -> list[dict[str, Any]]:
    step = {"execution": "P-ODD", "segment": "press", "equipment": "PR1", "time": BEGUN}
    step |= {"started": BEGUN, "ended": ENDED}
    made = {"subject": ODD, "subject_kind": "unit", "role": "produced", "position": "x\ty"}
    return [
        step | made,
        step | {"subject": "L7", "subject_kind": "lot", "role": "consumed", "quantity": 0.0, "unit": "kg"},
    ]


def _measurements() -> list[dict[str, Any]]:
    return [
        {"subject": name, "subject_kind": "unit", "characteristic": "note", "text": text, "time": DAY}
        for name, text in NOTES.items()
    ]


def _hot(workspace: Workspace, kind: str, rows: list[dict[str, Any]]) -> pa.Table:
    schema = workspace.lake.schema(RecordKind(kind))
    names = [*rows[0], "seq", "key_hash", "content_hash"]
    whole = [row | {"seq": at, "key_hash": -1 - at, "content_hash": at} for at, row in enumerate(rows)]
    plain = {name: schema.field(name).type for name in names}
    return pa.table(
        {
            name: pa.array([row[name] for row in whole], getattr(kind_, "value_type", kind_))
            for name, kind_ in plain.items()
        }
    )


def _fill(database: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{database}")
    meta = sa.MetaData()
    lab = sa.Table(
        "lab_results",
        meta,
        *(sa.Column(name, sa.String(40)) for name in ("serial", "test")),
        sa.Column("figure", sa.Float),
        sa.Column("taken", sa.DateTime),
    )
    powder = sa.Table(
        "powder",
        meta,
        *(sa.Column(name, sa.String(20)) for name in ("code", "maker")),
        sa.Column("price", sa.Float),
    )
    makers = sa.Table("makers", meta, *(sa.Column(name, sa.String(20)) for name in ("code", "country")))
    meta.create_all(engine)
    taken = DAY.replace(tzinfo=None)
    rows = [
        {"serial": unit(lot, n), "test": "hardness", "figure": 60.0 + at + n / 10, "taken": taken}
        for at, lot in enumerate(LOTS)
        for n in range(UNITS)
    ]
    # Two results of one time: which comes first is told by what else they say, and one says nothing.
    rows += [
        {"serial": ODD, "test": "hardness", "figure": figure, "taken": taken} for figure in (None, 1.0, 2.0)
    ]
    with engine.begin() as connection:
        connection.execute(lab.insert(), rows)
        connection.execute(
            powder.insert(),
            [
                {"code": "POWDER-A", "maker": "ALPHA", "price": 12.5},
                {"code": "POWDER-B", "maker": "BETA", "price": 9.0},
            ],
        )
        connection.execute(
            makers.insert(), [{"code": "ALPHA", "country": "SE"}, {"code": "BETA", "country": "CN"}]
        )
    engine.dispose()
