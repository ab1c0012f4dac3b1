"""A small powder-metallurgy plant with a known truth, for the tests of questions.

Six powder lots of two materials; ten units pressed from each, sintered together in one oven run, inspected.
The oven of lot L3 ran hot: 1150 instead of 1100 °C, and three of its units have defect HC-3. One unit of L5
has defect HC-1. These four were rated NOK; everything else is OK.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from assay.model.attributes import Attribute
from assay.model.kinds import RecordKind
from assay.store import LoadKey, Workspace

DAY = datetime(2026, 3, 2, tzinfo=UTC)
LOTS = {
    "L1": "POWDER-A",
    "L2": "POWDER-B",
    "L3": "POWDER-A",
    "L4": "POWDER-B",
    "L5": "POWDER-A",
    "L6": "POWDER-B",
}
UNITS = 10
HOT = "L3"
PRODUCT = "GEAR-7"


def unit(lot: str, number: int) -> str:
    """The id of the ``number``-th unit of a lot."""
    return f"U-{lot[1:]}{number:02d}"


def store(
    workspace: Workspace,
    kind: RecordKind,
    rows: Sequence[Mapping[str, Any]],
    epoch: str,
    recorded: datetime = DAY + timedelta(days=1),
) -> None:
    """Put rows into the lake as one load; the last ones are the load's own."""
    lake = workspace.lake
    key = LoadKey("test", f"{kind.value}/{epoch}")
    names = dict.fromkeys(name for row in rows for name in row)
    schema = lake.schema(kind)
    table = pa.table(
        {
            **{
                name: pa.array([row.get(name) for row in rows], _plain(schema.field(name).type))
                for name in names
            },
            "seq": list(range(len(rows))),
            "key_hash": list(range(len(rows))),
            "content_hash": list(range(len(rows))),
        }
    )
    with lake.stage(kind, load=key, recorded=recorded) as writer:
        writer.write(table)
    lake.commit(kind, writer.finish(), load=key)


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def movements() -> list[dict[str, Any]]:
    """Press, sinter and inspect each unit."""
    rows: list[dict[str, Any]] = []
    for position, (lot, material) in enumerate(LOTS.items()):
        furnace = f"F{position % 2 + 1}"
        hot = DAY + timedelta(hours=6 + 2 * position)
        for number in range(UNITS):
            name = unit(lot, number)
            pressed = DAY + timedelta(hours=position, minutes=number)
            press = {
                "execution": f"P-{name}",
                "segment": "press",
                "equipment": "PR1",
                "person": f"W{number % 3}",
            }
            press |= {"time": pressed, "started": pressed, "ended": pressed + timedelta(seconds=40)}
            powder = {"subject": lot, "subject_kind": "lot", "role": "consumed", "material": material}
            green = {"subject": name, "subject_kind": "unit", "role": "produced", "material": PRODUCT}
            rows += [press | powder | {"quantity": 0.25, "unit": "kg"}, press | green]
            oven = {"execution": f"S-{lot}", "segment": "sinter", "equipment": furnace, "recipe": "R-1"}
            oven |= {
                "time": hot,
                "started": hot,
                "ended": hot + timedelta(hours=1),
                "carrier": f"T{number % 2}",
            }
            rows.append(oven | green | {"tray_row": number})
            checked = DAY + timedelta(hours=20, minutes=10 * position + number)
            check = {"execution": f"I-{name}", "segment": "inspect", "equipment": "CMM", "time": checked}
            rows.append(check | {"started": checked, "ended": checked + timedelta(seconds=20)} | green)
    return rows


def measurements() -> list[dict[str, Any]]:
    """Thickness and verdict of each unit at inspection, moisture of each lot."""
    rows: list[dict[str, Any]] = []
    for position, lot in enumerate(LOTS):
        rows.append(
            {
                "subject": lot,
                "subject_kind": "lot",
                "characteristic": "moisture",
                "value": 0.1 * (position + 1),
            }
            | {"unit": "%", "time": DAY, "segment": "incoming", "gauge": "M1"}
        )
        for number in range(UNITS):
            at = DAY + timedelta(hours=20, minutes=10 * position + number)
            one = {"subject": unit(lot, number), "subject_kind": "unit", "time": at, "segment": "inspect"}
            one |= {"equipment": "CMM", "gauge": "G1", "person": f"Q{number % 2}"}
            rows.append(
                one | {"characteristic": "thickness", "value": 10 + position + number / 100, "unit": "mm"}
            )
            bad = (lot == HOT and number < 3) or (lot == "L5" and number == 0)
            rows.append(one | {"characteristic": "result", "text": "NOK" if bad else "OK"})
    return rows


def events() -> list[dict[str, Any]]:
    """The defects that were seen, and one alarm of a furnace."""
    seen = [(unit(HOT, n), "HC-3", "high") for n in range(3)] + [(unit("L5", 0), "HC-1", "low")]
    rows: list[dict[str, Any]] = [
        {"event": "defect", "subject": name, "subject_kind": "unit", "code": code, "severity": severity}
        | {"time": DAY + timedelta(hours=21)}
        for name, code, severity in seen
    ]
    alarm = DAY + timedelta(hours=10, minutes=30)
    return [*rows, {"event": "alarm", "equipment": "F1", "message": "over temperature", "time": alarm}]


def readings() -> list[dict[str, Any]]:
    """Both furnaces every minute: 20 °C, and the sintering temperature while an oven run lasts."""
    rows: list[dict[str, Any]] = []
    for furnace in ("F1", "F2"):
        for minute in range(24 * 60):
            hour = minute / 60
            value = 20.0
            for position, lot in enumerate(LOTS):
                if f"F{position % 2 + 1}" == furnace and 6 + 2 * position <= hour < 7 + 2 * position:
                    value = (1150.0 if lot == HOT else 1100.0) + minute % 3
            rows.append(
                {"signal": "temp", "equipment": furnace, "value": value, "unit": "Cel"}
                | {"time": DAY + timedelta(minutes=minute)}
            )
    return rows


def sinter_plant(directory: Path) -> Path:
    """The plant in ``directory``."""
    with Workspace.create(directory, name="Sinter") as workspace:
        workspace.registry.declare_attributes(
            [
                Attribute(name="code", kind=RecordKind.EVENT),
                Attribute(name="tray_row", kind=RecordKind.MOVEMENT, type="integer"),
            ]
        )
        store(workspace, RecordKind.MOVEMENT, movements(), "1")
        store(workspace, RecordKind.MEASUREMENT, measurements(), "1")
        store(workspace, RecordKind.EVENT, events(), "1")
        store(workspace, RecordKind.READING, readings(), "1")
    return directory
