"""A small plant with all that a unit file is made of: gears are pressed, sintered, inspected and packed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.integration.test_trace import store

from assay.model.kinds import RecordKind
from assay.store.workspace import Workspace

BEGAN = datetime(2026, 3, 2, 6, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

CARD = """
  process_card:
    - id: PC-GEAR
      material: gear
      revision: B
      requirements:
        - {requires: step, segment: press}
        - {requires: recipe, segment: sinter, recipe: R7, revision: "2"}
        - {requires: equipment, segment: sinter, equipment: [LINE1]}
        - {requires: qualification, segment: press, level: A}
        - {requires: feature, segment: sinter, signal: F1.temp, feature: mean,
           lower_limit: 1100, upper_limit: 1140, unit: Cel}
        - {requires: characteristic, characteristic: height, lower_limit: 9.9, upper_limit: 10.1, unit: mm}
        - {requires: characteristic, characteristic: look, accepted: [OK]}
        - {requires: calibration, characteristic: height}
        - {requires: certificate, material: powder}
"""

MODEL = """
master_data:
  equipment:
    - {id: LINE1, level: line}
    - {id: F1, name: 烧结炉一号, level: work unit, parent: LINE1}
    - {id: P1, level: work unit}
  person:
    - {id: W1, name: 张三}
  qualification:
    - {id: Q1, person: W1, segment: press, level: A, valid_from: 2026-01-01T00:00:00Z,
       valid_to: 2027-01-01T00:00:00Z}
  recipe:
    - {id: R7, revision: "1", valid_to: 2026-02-01T00:00:00Z, parameters: {temp: 1110}}
    - {id: R7, revision: "2", valid_from: 2026-02-01T00:00:00Z, parameters: {temp: 1120}}
  signal:
    - {id: F1.temp, equipment: F1, unit: Cel}
  characteristic:
    - {id: height, unit: mm}
  specification:
    - {id: S1, characteristic: height, material: gear, lower_specification_limit: 9.8,
       upper_specification_limit: 10.2, valid_to: 2026-03-02T07:00:00Z}
    - {id: S2, characteristic: height, material: gear, lower_specification_limit: 9.9,
       upper_specification_limit: 10.0, valid_from: 2026-03-02T07:00:00Z}
  gauge:
    - {id: G1}
  calibration:
    - {id: CAL1, gauge: G1, result: passed, valid_from: 2026-01-01T00:00:00Z, valid_to: 2026-06-01T00:00:00Z,
       certificate: K-77}
"""


def moved(execution: str, role: str, subject: str, kind: str, **more: Any) -> dict[str, Any]:
    return {"execution": execution, "role": role, "subject": subject, "subject_kind": kind, **more}


_PRESS = {"segment": "press", "equipment": "P1", "person": "W1", "started": BEGAN, "ended": BEGAN + MINUTE}
_SINTER = {
    "segment": "sinter",
    "equipment": "F1",
    "person": "W1",
    "recipe": "R7",
    "carrier": "T3",
    "started": BEGAN + 10 * MINUTE,
    "ended": BEGAN + 40 * MINUTE,
}
_PACK = {"segment": "pack", "started": BEGAN + 60 * MINUTE, "ended": BEGAN + 61 * MINUTE}

MOVEMENTS = [
    moved("pr-1", "consumed", "L1", "lot", material="powder", quantity=0.02, unit="kg", **_PRESS),
    moved("pr-1", "produced", "UG1", "unit", material="green gear", **_PRESS),
    moved("si-1", "consumed", "UG1", "unit", **_SINTER),
    moved("si-1", "produced", "U1", "unit", material="gear", **_SINTER),
    moved("pk-1", "consumed", "U1", "unit", **_PACK),
    moved("pk-1", "produced", "BOX1", "lot", material="box", position="4", **_PACK),
    # A second gear of which hardly anything is known.
    moved("si-2", "produced", "U2", "unit", segment="sinter", material="gear"),
]


def measured(subject: str, characteristic: str, minute: int, **more: Any) -> dict[str, Any]:
    return {
        "subject": subject,
        "subject_kind": "unit",
        "characteristic": characteristic,
        "time": BEGAN + minute * MINUTE,
        **more,
    }


MEASUREMENTS = [
    measured("U1", "height", 50, value=10.30, unit="mm", gauge="G1"),
    measured("U1", "height", 55, value=10.05, unit="mm", gauge="G1", person="W1"),
    measured("U1", "look", 56, text="OK"),
]
READINGS = [
    {
        "signal": "F1.temp",
        "equipment": "F1",
        "value": 1115.0 + second % 11,
        "unit": "Cel",
        "time": BEGAN + timedelta(seconds=second),
    }
    for second in range(0, 3600, 5)
]
EVENTS = [
    {"event": "alarm", "equipment": "F1", "message": "door", "severity": "low", "time": BEGAN + 20 * MINUTE},
    {"event": "alarm", "equipment": "F1", "message": "later", "severity": "low", "time": BEGAN + 45 * MINUTE},
    {
        "event": "nonconformance",
        "subject": "U1",
        "subject_kind": "unit",
        "message": "NC-9",
        "time": BEGAN + 51 * MINUTE,
    },
]
ARTIFACTS = [
    {
        "content": "ab" * 32,
        "media_type": "application/pdf",
        "subject": "L1",
        "subject_kind": "lot",
        "time": BEGAN,
    },
    {"content": "cd" * 32, "media_type": "image/png", "subject": "U1", "subject_kind": "unit", "time": BEGAN},
]


def file_plant(path: Path, card: str = CARD, **changed: list[dict[str, Any]]) -> Workspace:
    """The plant in a new directory; ``changed`` are other rows by record kind."""
    with Workspace.create(path, name="齿轮厂") as workspace:
        (workspace.path / "model.yaml").write_text(MODEL + card, encoding="utf-8")
    workspace = Workspace.open(path)
    rows = {
        "movement": MOVEMENTS,
        "measurement": MEASUREMENTS,
        "reading": READINGS,
        "event": EVENTS,
        "artifact": ARTIFACTS,
    } | changed
    for kind, records in rows.items():
        if records:
            store(workspace, RecordKind(kind), records)
    return workspace
