from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy.signal import lfilter
from tests.sinter_plant import DAY, store

from assay.analyse.metre import read_line, signal_delay
from assay.cli.app import run
from assay.genealogy.metre_errors import MetreError
from assay.model.errors import AnalysisError
from assay.model.kinds import RecordKind
from assay.model.lines import DelaySignals
from assay.plant import Plant
from assay.store.workspace import Workspace

DELAY = 47.0
SECONDS = 1_200
LINE = """
stations:
  - station: extruder
    clock: 0.2
    by: {signal: extruder.speed}
    passes:
      - {item: web, begin: 2026-03-02T00:00:00Z, end: 2026-03-02T00:20:00Z}
  - station: calender
    by: {signal: calender.counter, measures: position, slip: 0.001}
    passes:
      - {item: roll, begin: 2026-03-02T00:01:00Z, end: 2026-03-02T00:20:00Z}
    made_by:
      - delay: DELAY
  - station: slitter
    made_by:
      - cut: {parent: roll, pieces: [[sheet-1, 10, 60], [sheet-2, 70, 120]]}
"""


def readings() -> list[dict[str, Any]]:
    rng = np.random.default_rng(5)
    noise = lfilter([1.0], [1.0, -0.9], rng.standard_normal(SECONDS + 100))
    rows: list[dict[str, Any]] = []
    for second in range(SECONDS + 1):
        time = DAY + timedelta(seconds=second)
        thickness = noise[100 + second - int(DELAY)] if second < SECONDS else 0.0
        rows += [
            {"signal": "extruder.speed", "value": 12.0, "unit": "m/min", "time": time},
            {"signal": "calender.counter", "value": 500.0 + 250.0 * second, "unit": "mm", "time": time},
            {"signal": "extruder.pressure", "value": noise[min(100 + second, SECONDS + 99)], "time": time},
            {"signal": "calender.thickness", "value": 0.9 * thickness + 0.3 * rng.standard_normal()}
            | {"time": time},
        ]
    return rows


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    with Plant(Workspace.create(tmp_path_factory.mktemp("metre") / "plant")) as made:
        store(made.workspace, RecordKind.READING, readings(), "1")
        yield made


def line_file(folder: Path, delay: str) -> Path:
    file = folder / "line.yaml"
    file.write_text(LINE.replace("DELAY", delay), encoding="utf-8")
    return file


def test_a_sheet_leads_back_to_the_second_in_the_extruder(plant: Plant, tmp_path: Path) -> None:
    """Sheet 2 at 30 m is roll 100 m, 400 s after 00:01; 47 s before that 0.2 m/s had run for 413 s."""
    found = plant.metre(line_file(tmp_path, "47.0"), "sheet-2", 30.0)

    slitter, calender, extruder = found.to_dict()["sightings"]
    assert slitter["first"] is None
    assert (calender["item"], calender["position"]) == ("roll", 100.0)
    assert calender["first"] == "2026-03-02T00:07:40Z"
    assert calender["time_uncertainty"] == pytest.approx(0.1 / 0.25, rel=0.01)
    assert extruder["item"] == "web"
    assert extruder["position"] == pytest.approx((460 - 47) * 0.2)
    assert extruder["first"].startswith("2026-03-02T00:06:53")
    down = plant.metre(line_file(tmp_path, "47.0"), "web", extruder["position"], downstream=True)
    assert down.sightings[-1].place.item == "sheet-2"
    assert down.sightings[-1].place.position == pytest.approx(30.0)
    assert isinstance(found.to_arrow(), pa.Table)
    assert found.to_arrow().num_rows == 3


def test_a_delay_is_taken_from_the_signals(plant: Plant, tmp_path: Path) -> None:
    signals = "{upstream: [extruder.pressure], downstream: [calender.thickness], step: 1, longest: 120}"

    found = plant.metre(line_file(tmp_path, signals), "sheet-2", 30.0)

    assert found.delays["calender"].credible
    assert found.delays["calender"].value == pytest.approx(DELAY, abs=1)
    assert found.sightings[-1].place.position == pytest.approx((460 - 47) * 0.2, abs=0.2)


def test_signals_without_a_delay_are_not_believed(plant: Plant, tmp_path: Path) -> None:
    signals = "{upstream: [calender.thickness], downstream: [extruder.pressure], step: 1, longest: 40}"
    with pytest.raises(AnalysisError, match="show no delay"):
        plant.metre(line_file(tmp_path, signals), "sheet-1", 1.0)
    both = DelaySignals(
        upstream=("extruder.pressure",), downstream=("calender.thickness",), step=2.0, longest=120.0
    )
    found = signal_delay(plant.workspace, both, DAY, DAY + timedelta(seconds=SECONDS))
    assert found.value == pytest.approx(DELAY, abs=2)


def test_the_command_line_says_the_same(
    plant: Plant, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["metre", str(plant.workspace.path), str(line_file(tmp_path, "47.0")), "sheet-2", "30"]
    assert run([*words, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document == plant.metre(tmp_path / "line.yaml", "sheet-2", 30.0).to_dict()
    assert run(["--lang", "zh", *words]) == 0
    assert "工位" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("stations: []", "stations"),
        ("stations: [{station: a, colour: red}]", "colour"),
        ("stations: [{station: a, made_by: [{cut: {}, flip: {}}]}]", "one of draw"),
        ("stations: [a", "not the description"),
        ("stations: [{station: a}, {station: b, made_by: [{cut: {parent: x}}]}]", "pieces"),
        ("stations: [{station: a}, {station: b, made_by: [{delay: 3}]}]", "passes at both"),
    ],
)
def test_files_that_describe_no_line_are_refused(plant: Plant, tmp_path: Path, text: str, word: str) -> None:
    file = tmp_path / "line.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(MetreError, match=word):
        plant.metre(file, "x", 1.0)


def test_a_signal_that_nobody_read_is_named(plant: Plant, tmp_path: Path) -> None:
    file = line_file(tmp_path, "47.0")
    file.write_text(file.read_text("utf-8").replace("extruder.speed", "extruder.sped"), encoding="utf-8")
    assert read_line(file).stations[0].by is not None
    with pytest.raises(AnalysisError, match=r"'extruder\.sped' has 0 reading"):
        plant.metre(file, "sheet-1", 1.0)
