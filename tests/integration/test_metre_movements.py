"""Cuts and joins of a line that are read off what was recorded of its executions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.integration.test_metre_plant import readings
from tests.sinter_plant import DAY, store

from assay.analyse.metre import read_line
from assay.genealogy.metre_errors import MetreError
from assay.model.errors import AnalysisError
from assay.model.kinds import RecordKind
from assay.model.lines import LineFile
from assay.plant import Plant
from assay.store.workspace import Workspace

MODEL = """
attributes:
  - {name: metre_from, kind: movement, type: number, role: annotation}
  - {name: metre_to, kind: movement, type: number, role: annotation}
  - {name: edge, kind: movement, type: number, role: annotation, unit: mm}
lines:
  film:
    stations:
      - station: extruder
        by: {signal: extruder.speed}
        passes:
          - {item: web, begin: 2026-03-02T00:00:00Z, end: 2026-03-02T00:20:00Z}
      - station: winder
        made_by:
          - recorded: {segment: wind}
      - station: slitter
        made_by:
          - recorded: {segment: slit, left: edge}
"""


def moved(execution: str, role: str, subject: str, minute: float, **more: Any) -> dict[str, Any]:
    row = {"execution": execution, "role": role, "subject": subject, "subject_kind": "lot"}
    segment = "wind" if execution.startswith("wind") else "slit"
    return row | {"segment": segment, "time": DAY + timedelta(minutes=minute)} | more


MOVEMENTS = [
    moved("wind-1", "consumed", "web", 3),
    moved("wind-1", "produced", "roll-1", 3, metre_from=0.0, metre_to=100.0),
    moved("wind-1", "produced", "roll-2", 8, metre_from=110.0, metre_to=230.0),
    moved("wind-1", "by-product", "scrap", 8, quantity=3.0, unit="kg"),
    moved("slit-1", "used", "knife-7", 10),
    moved("slit-1", "consumed", "roll-1", 10, quantity=100.0, unit="m"),
    moved("slit-1", "consumed", "roll-2", 11, metre_from=20.0, metre_to=120.0),
    moved("slit-1", "produced", "J-left", 12, metre_from=0.0, metre_to=200.0, edge=50.0),
    moved("slit-1", "produced", "J-right", 12, metre_from=0.0, metre_to=200.0, edge=650.0),
]


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Plant]:
    with Workspace.create(tmp_path / "plant") as made:
        (made.path / "model.yaml").write_text(MODEL, encoding="utf-8")
    with Plant(Workspace.open(tmp_path / "plant")) as opened:
        store(opened.workspace, RecordKind.READING, readings(), "1")
        store(opened.workspace, RecordKind.MOVEMENT, MOVEMENTS, "1")
        yield opened


def film(plant: Plant) -> LineFile:
    return plant.workspace.model.lines["film"]


def test_a_strip_leads_through_join_and_cut_to_second_and_metre_in_the_extruder(plant: Plant) -> None:
    """J-right 130 m is 30 m behind the join, roll-2 50 m, web 160 m: 160 / 0.2 s after midnight."""
    found = plant.metre(film(plant), "J-right", 130.0, across=0.1).to_dict()["sightings"]

    assert [(one["item"], one["position"]) for one in found] == [
        ("J-right", 130.0),
        ("roll-2", 50.0),
        ("web", pytest.approx(160.0)),
    ]
    assert found[1]["across"] == pytest.approx(0.75)
    assert found[2]["first"].startswith("2026-03-02T00:13:20")
    down = plant.metre(film(plant), "web", 105.0, downstream=True)
    assert [one.station for one in down.sightings] == ["extruder"], "it lies between the rolls: scrap"
    down = plant.metre(film(plant), "web", 160.0, downstream=True)
    assert {one.place.item for one in down.sightings} == {"web", "roll-2", "J-left", "J-right"}


def test_what_is_recorded_is_what_a_file_would_have_said(plant: Plant, tmp_path: Path) -> None:
    written = tmp_path / "line.yaml"
    written.write_text(
        """
stations:
  - station: extruder
    by: {signal: extruder.speed}
    passes: [{item: web, begin: 2026-03-02T00:00:00Z, end: 2026-03-02T00:20:00Z}]
  - station: winder
    made_by: [{cut: {parent: web, pieces: [[roll-1, 0, 100], [roll-2, 110, 230]]}}]
  - station: welder
    made_by: [{join: {item: J, parts: [[roll-1, 0, 100], [roll-2, 20, 120]]}}]
""",
        encoding="utf-8",
    )
    for metre in (1.0, 60.0, 99.0, 101.0, 199.0):
        said = plant.metre(read_line(written), "J", metre).sightings[1:]
        read = plant.metre(film(plant), "J-left", metre).sightings[1:]
        assert [one.place.item for one in read] == [one.place.item for one in said]
        positions = [one.place.position for one in read]
        assert positions == pytest.approx([one.place.position for one in said])


def test_a_correction_counts_and_what_was_taken_back_does_not(plant: Plant) -> None:
    why = "read off the counter again"
    plant.correct(
        "wind-1", "produced", "roll-2", changes={"metre_from": 112.0, "metre_to": 232.0}, why=why, by="P-1"
    )
    assert plant.metre(film(plant), "roll-2", 50.0, station="winder").sightings[-1].place.position == 162.0
    plant.correct("wind-1", "produced", "roll-1", take_back=True, why=why, by="P-1")
    assert len(plant.metre(film(plant), "roll-1", 50.0, station="winder").sightings) == 1


def test_what_is_not_measured_is_refused_by_name(plant: Plant) -> None:
    late = [moved("slit-2", "consumed", "roll-9", 20), moved("slit-2", "produced", "K", 20)]
    store(plant.workspace, RecordKind.MOVEMENT, late, "2")
    with pytest.raises(MetreError, match="roll-9 belong to slit-2"):
        plant.metre(film(plant), "J-left", 1.0)
    before = film(plant).model_dump()
    before["stations"][2]["made_by"][0]["recorded"] |= {"end": DAY + timedelta(minutes=15)}
    assert len(plant.metre(LineFile.model_validate(before), "J-left", 1.0).sightings) == 3
    before["stations"][2]["made_by"][0]["recorded"] |= {"segment": "trim"}
    with pytest.raises(AnalysisError, match="trim"):
        plant.metre(LineFile.model_validate(before), "J-left", 1.0)
