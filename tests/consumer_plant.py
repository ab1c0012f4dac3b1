"""A plant whose products have a page, and in which everything that is not for the public is marked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.integration.test_trace import store

from assay.model.kinds import RecordKind
from assay.store.plant_codes import next_codes
from assay.store.workspace import Workspace

MARK = "GEHEIM"
"""Stands in everything that nobody outside may see."""
GTIN = "09506000134352"
OTHER_GTIN = "09506000134376"
"""Of another product of the plant."""
SSCC = "106141412345678908"
"""Of a recorded box."""
NEVER_SSCC = "106141419999999991"
"""Of the same company, and never given out."""
FOREIGN_SSCC = "340123450000000017"
"""Of somebody else."""
FOREIGN_GTIN = "04012345678901"
"""Of somebody else."""
BEGAN = datetime(2026, 3, 2, 6, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

MODEL = f"""
codes:
  - {{name: {MARK}-rule, products: [{MARK}-gear], pattern: "G{{serial}}", serial: {{width: 6}}}}
master_data:
  equipment:
    - {{id: {MARK}-works, name: {MARK} works}}
    - {{id: {MARK}-press, name: {MARK} press, parent: {MARK}-works}}
  person: [{{id: {MARK}-person, name: {MARK} Zhang}}]
  partner: [{{id: {MARK}-supplier, name: {MARK} supplier}}]
  material: [{{id: {MARK}-powder, name: {MARK} powder, partner: {MARK}-supplier}}]
  recipe: [{{id: {MARK}-recipe, parameters: {{{MARK}-temp: 1120}}}}]
  specification:
    - {{id: {MARK}-s, characteristic: {MARK}-height, material: {MARK}-gear, lower_specification_limit: 9.9,
       upper_specification_limit: 10.1}}
  process_card:
    - {{id: {MARK}-card, material: {MARK}-gear, requirements: [{{requires: step, segment: {MARK}-pressing}}]}}
"""

LEAST = f"""
consumer_page:
  maker: {{en: Gear Works, zh: 齿轮厂}}
  contact: {{en: "+86 512 1234", zh: 电话 0512-1234}}
  products:
    - gtin: "{GTIN}"
      name: {{en: Bearing gear, zh: 轴承齿轮}}
      material: {MARK}-gear
"""

OPEN = (
    LEAST
    + f"""
      description: {{en: For small pumps., zh: 小型水泵用。}}
      report:
        grade: true
        results:
          - {{characteristic: {MARK}-height, name: {{en: Height, zh: 高度}}, value: true}}
          - {{characteristic: {MARK}-look, name: {{en: Look, zh: 外观}}}}
      origin: material
      materials:
        - {{material: {MARK}-powder, name: {{en: Iron powder, zh: 铁粉}}, origin: {{en: Sweden, zh: 瑞典}}}}
        - {{material: {MARK}-unused, name: {{en: Never used, zh: 从未使用}}}}
      countries: [DE, AT]
      areas: [{{latitude: 48.2, longitude: 16.4, kilometres: 300}}]
    - gtin: "{OTHER_GTIN}"
      name: {{en: Old gear, zh: 老齿轮}}
      withdrawn: 2026-01-01
  logistic_units:
    - company: "0614141"
      name: {{en: Box of gears, zh: 齿轮箱}}
      origin: material
      materials: [{{material: {MARK}-gear, name: {{en: Bearing gear, zh: 轴承齿轮}}}}]
      countries: [DE]
  places:
    - {{equipment: {MARK}-works, country: {{en: China, zh: 中国}}, site: {{en: Suzhou, zh: 苏州}}}}
  hints: {{devices: 3}}
"""
)


def moved(execution: str, role: str, subject: str, kind: str, **more: Any) -> dict[str, Any]:
    """One movement of the press."""
    return {
        "execution": f"{MARK}-{execution}", "role": role, "subject": subject, "subject_kind": kind,
        "segment": f"{MARK}-pressing", "equipment": f"{MARK}-press", "person": f"{MARK}-person",
        "recipe": f"{MARK}-recipe", "carrier": f"{MARK}-tray", "work_order": f"{MARK}-order",
        "started": BEGAN, "ended": BEGAN + MINUTE, **more,
    }  # fmt: skip


def measured(subject: str, characteristic: str, minute: int, **more: Any) -> dict[str, Any]:
    """One result, with everything around it that is nobody's business."""
    return {
        "subject": subject, "subject_kind": "unit", "characteristic": f"{MARK}-{characteristic}",
        "gauge": f"{MARK}-gauge", "person": f"{MARK}-person", "method": f"{MARK}-method",
        "time": BEGAN + minute * MINUTE, **more,
    }  # fmt: skip


MOVEMENTS = [
    moved("1", "consumed", f"{MARK}-L1", "lot", material=f"{MARK}-powder"),
    moved("1", "consumed", f"{MARK}-oil", "lot", material=f"{MARK}-additive"),
    moved("1", "produced", "U/1", "unit", material=f"{MARK}-gear"),
    moved("2", "produced", "L-77", "lot", material=f"{MARK}-gear"),
    moved("3", "produced", "SHAFT-1", "unit", material=f"{MARK}-shaft"),
    moved("4", "consumed", "U/1", "unit", material=f"{MARK}-gear"),
    moved("4", "produced", f"https://id.gs1.org/00/{SSCC}", "unit", material=f"{MARK}-box"),
]
MEASUREMENTS = [
    measured("U/1", "height", 1, value=10.30, unit="mm"),
    measured("U/1", "height", 2, value=10.05, unit="mm"),
    measured("U/1", "look", 3, text="OK"),
    measured("U/1", "inside", 4, value=666.25, unit="mm"),
]
EVENTS = [
    {"event": f"{MARK}-alarm", "subject": "U/1", "subject_kind": "unit", "message": MARK, "time": BEGAN},
]


def consumer_plant(path: Path, page: str = OPEN) -> Workspace:
    """The plant in a new directory; three codes of its rule are given: G000001 to G000003."""
    with Workspace.create(path, name=f"{MARK} plant", time_zone="Asia/Shanghai") as workspace:
        (workspace.path / "model.yaml").write_text(MODEL + page, encoding="utf-8")
    workspace = Workspace.open(path)
    store(workspace, RecordKind.MOVEMENT, MOVEMENTS)
    store(workspace, RecordKind.MEASUREMENT, MEASUREMENTS)
    store(workspace, RecordKind.EVENT, EVENTS)
    next_codes(workspace, f"{MARK}-rule", {}, count=3)
    return workspace
