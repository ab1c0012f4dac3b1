"""Alarms: found while records arrive, recorded once, entries of their own, listed over every surface."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from evidence_plant import individuals, soon, state
from fastapi.testclient import TestClient
from forking import Server
from tests.unit.test_ledger_writer import acks, several

import assay
from assay.analyse.alarms import Alarm, alarms, record_alarms
from assay.analyse.watching import look
from assay.api import ApiSettings, create_app, ensure_administrator
from assay.api.auth import CSRF_HEADER
from assay.cli.app import run
from assay.connect.load import load_file
from assay.exchange.consumer.events import bring_in
from assay.ledger.entries import Individual
from assay.ledger.place import Place
from assay.ledger.writer import Writer
from assay.model.consumer import ScanPolicy
from assay.model.errors import ModelError
from assay.model.plant_model import parse_plant_model
from assay.store.plant_evidence import audit_plant, bring_up_to_date
from assay.store.scans import Scan, ScanLog, Whereabouts
from assay.store.workspace import Workspace

__all__ = ["state"]

MAPPING = """
version: 1
source: turning
columns:
  unit: {role: subject, is: unit}
  time: {role: time}
  diameter: {role: outcome, type: number}
  length: {role: outcome, type: number}
records:
  - {kind: measurement, subject: $unit, subject_kind: unit, characteristic: diameter, value: $diameter,
     time: $time, unit: mm}
  - {kind: measurement, subject: $unit, subject_kind: unit, characteristic: length, value: $length,
     time: $time, unit: mm}
"""
RULES = """
version: 1
alarms:
  diameter: {chart: {target: diameter, phase1: [0, 20], rules: [nelson1]}}
"""
BEGAN = datetime(2026, 3, 1, 6, tzinfo=UTC)
WRONG = {30: 10.2, 35: 9.8}
"""Values outside limits of 10.01 ± 2.66 · 0.02 mm; each moves two ranges beyond 3.267 · 0.02 mm."""
FLAGGED = ["u30", "u31", "u35", "u36"]


def write(folder: Path, first: int, last: int) -> tuple[Path, Path]:
    """Parts whose diameters go up and down by 0.02 mm, but for those that are wrong."""
    lines = ["unit,time,diameter,length"]
    for n in range(first, last):
        diameter = WRONG.get(n, 10.0 + 0.02 * (n % 2))
        lines.append(f"u{n},{(BEGAN + timedelta(minutes=n)):%Y-%m-%dT%H:%M:%SZ},{diameter},{50 + n % 3}")
    file, mapping = folder / f"from{first}.csv", folder / "turning.yaml"
    file.write_text("\n".join([*lines, ""]))
    mapping.write_text(MAPPING)
    return file, mapping


def arrive(workspace: Workspace, folder: Path, first: int, last: int) -> None:
    report = load_file(workspace, *write(folder, first, last))
    assert report.accepted == last - first


@pytest.fixture
def plant(state: Path, tmp_path: Path) -> Iterator[Workspace]:
    """A plant with a log, a rule, and thirty parts of normal operation."""
    with Workspace.create(tmp_path / "plant", name="Turning", log=True) as made:
        soon(made.evidence)
        arrive(made, tmp_path, 0, 30)
        (made.path / "model.yaml").write_text(RULES)
        made.apply_model()
        yield made


def said_by(plant: Workspace, entry: Individual) -> dict[str, Any]:
    return {name: value for _, name, value in plant.evidence.payloads.open(entry).fields}


def test_a_point_outside_the_limits_is_an_alarm_once(plant: Workspace, tmp_path: Path) -> None:
    assert look(plant) == []
    arrive(plant, tmp_path, 30, 40)
    assert [one.subject for one in look(plant)] == FLAGGED
    assert look(plant) == [], "what is recorded is not recorded again"
    arrive(plant, tmp_path, 40, 45)
    assert look(plant) == []
    found = alarms(plant)
    assert [one.subject for one in found] == FLAGGED[::-1]
    assert [one.time for one in found] == [BEGAN + timedelta(minutes=n) for n in (36, 35, 31, 30)]
    assert {(one.by, one.rule, one.severity, one.subject_kind) for one in found} == {
        ("chart", "diameter", "warning", "unit")
    }
    assert found[-1].detail.startswith("diameter 10.2 [31]: ")
    logged = individuals(plant.path, "alarm")
    assert [one.subject for one in logged] == FLAGGED
    said = said_by(plant, logged[0])
    assert (said["event"], said["message"]) == ("alarm_chart", found[-1].detail)
    assert logged[0].event_time == int((BEGAN + timedelta(minutes=30)).timestamp() * 1_000_000)
    assert plant.evidence.catch_up() == 0
    bring_up_to_date(plant)
    assert audit_plant(plant.path, records=True).valid


def test_subjects_outside_a_model_are_alarms(state: Path, tmp_path: Path) -> None:
    """Two figures that go together; of the last part each is within its range, and both are not together."""
    chance = np.random.default_rng(5)
    diameter = 10 + chance.normal(0, 0.02, 120)
    length = 50 + 2 * (diameter - 10) + chance.normal(0, 0.004, 120)
    diameter[119], length[119] = 10.03, 49.94
    lines = ["unit,time,diameter,length"]
    for n, (one, other) in enumerate(zip(diameter, length, strict=True)):
        lines.append(f"u{n},{(BEGAN + timedelta(minutes=n)):%Y-%m-%dT%H:%M:%SZ},{one:.4f},{other:.4f}")
    rule = "{monitor: {characteristics: [diameter, length], phase1: [0, 100], alpha: 0.001}}"
    with Workspace.create(tmp_path / "plant", name="Turning", log=True) as plant:
        soon(plant.evidence)
        (plant.path / "model.yaml").write_text(f"version: 1\nalarms:\n  both: {rule}\n")
        plant.apply_model()
        write(tmp_path, 0, 0)
        for first, last in ((0, 118), (118, 120)):
            file = tmp_path / f"{first}.csv"
            file.write_text("\n".join([lines[0], *lines[first + 1 : last + 1], ""]))
            load_file(plant, file, tmp_path / "turning.yaml")
            found = look(plant)
            assert [one.subject for one in found] == (["u119"] if last == 120 else [])
        assert (found[0].by, found[0].rule) == ("monitor", "both")
        assert found[0].detail.startswith("pca ")
        assert "length" in found[0].detail
        assert look(plant) == []
        assert [one.subject for one in individuals(plant.path, "alarm")] == ["u119"]


def test_the_command_line_python_and_rest_list_alarms(
    plant: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arrive(plant, tmp_path, 30, 40)
    path = str(plant.path)
    assert run(["alarms", path, "--look", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["new"] == 4
    assert [one["subject"] for one in said["alarms"]] == FLAGGED[::-1]
    for lang, words in (("en", ("control chart", "warning")), ("zh", ("控制图", "警告"))):
        assert run(["alarms", path, "u30", "--lang", lang]) == 0
        out = capsys.readouterr().out
        assert all(word in out for word in words), out
        assert "u31" not in out
    assert run(["alarms", path, "--by", "nobody"]) == 2
    assert "nobody" in capsys.readouterr().err
    with assay.open(path) as opened:
        assert len(opened.alarms(look=True)) == 4
        assert len(opened.alarms(since=BEGAN + timedelta(minutes=33))) == 2
        assert opened.alarms(by="log") == []
        assert [one.subject for one in opened.alarms(limit=1)] == ["u36"]
    with TestClient(create_app(path), base_url="http://localhost") as client:
        assert client.get("/api/alarms").status_code == 401
        answer = client.post("/api/login", json={"password": ensure_administrator(plant)})
        client.headers[CSRF_HEADER] = answer.json()["csrf"]
        listed = client.get("/api/alarms", params={"by": "chart", "subject": "u35"}).json()
        assert [(one["subject"], one["rule"]) for one in listed] == [("u35", "diameter")]
        assert client.get("/api/alarms", params={"by": "nobody"}).status_code == 422


def test_a_served_plant_looks_by_itself(plant: Workspace, tmp_path: Path) -> None:
    settings = ApiSettings(alarm_interval=0.05)
    with TestClient(create_app(plant.path, settings=settings), base_url="http://localhost"):
        arrive(plant, tmp_path, 30, 40)
        end = time.monotonic() + 120
        while not alarms(plant):
            assert time.monotonic() < end, "nobody looks"
            time.sleep(0.05)
    assert [one.subject for one in alarms(plant)] == FLAGGED[::-1]


def grow(place: Place, start: int, count: int) -> None:
    with Writer(place) as writer:
        acks(writer.append(several(count, start)))


def test_a_partners_fork_is_a_critical_alarm_of_the_plant(
    plant: Workspace, state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    partner = Place.make(tmp_path / "partner", "partner.example/main")
    grow(partner, 0, 200)
    shutil.copytree(partner.folder, tmp_path / "then")
    shutil.copytree(partner.outside, tmp_path / "then-outside")
    grow(partner, 200, 100)
    watching = ["ledger", "monitor", str(tmp_path / "partner"), "--pins", str(tmp_path / "pins")]
    watching += ["--alarms", str(plant.path)]
    assert run(watching) == 0
    assert alarms(plant) == []
    for now, then in ((partner.folder, tmp_path / "then"), (partner.outside, tmp_path / "then-outside")):
        shutil.rmtree(now)
        shutil.copytree(then, now)
    grow(partner, 5_000, 150)
    assert run(watching) == 1
    capsys.readouterr()
    assert run(watching) == 1
    days = {one.time.date() for one in alarms(plant)}
    assert len(alarms(plant)) == len(days), "once a day"
    found = alarms(plant)[0]
    assert (found.by, found.rule, found.severity) == ("log", "fork", "critical")
    assert found.subject == "partner.example/main"
    assert "350 entries that do not continue the 300" in found.detail
    logged = individuals(plant.path, "alarm")
    assert len(logged) == len(days)
    assert said_by(plant, logged[0])["severity"] == "critical"
    capsys.readouterr()
    assert run(["alarms", str(plant.path), "--by", "log", "--lang", "zh"]) == 0
    assert "分叉" in capsys.readouterr().out


def test_hints_on_a_thing_of_the_plant_are_alarms_once_for_thing_and_hint(plant: Workspace) -> None:
    log = ScanLog(plant.registry, ScanPolicy())
    scans: tuple[tuple[str, str, tuple[str, ...]], ...] = (
        ("U1", "recorded", ()),
        ("U1", "recorded", ("far-apart", "outside")),
        ("U1", "recorded", ("far-apart",)),
        ("X9", "unknown", ("unknown",)),
    )
    now = datetime.now(UTC).replace(microsecond=0)
    for n, (serial, standing, hints) in enumerate(scans):
        moment = now + timedelta(seconds=n)
        code, where = f"https://id.gs1.org/01/09506000134352/21/{serial}", Whereabouts("FR", 48.9, 2.4)
        one = Scan(code, moment, standing, "unit", serial, f"d{n}", where)  # type: ignore[arg-type]
        log.add(one, lambda _, hints=hints: hints, since=now - timedelta(days=1))  # type: ignore[misc]
        bring_in(plant, log)
    found = alarms(plant)
    assert sorted((one.by, one.rule, one.subject) for one in found) == [
        ("scan", "far-apart", "U1"),
        ("scan", "outside", "U1"),
    ]
    assert {one.time for one in found} == {now + timedelta(seconds=1)}
    assert len(individuals(plant.path, "alarm")) == 2


def test_what_a_killed_process_found_is_recorded_and_logged_once(
    plant: Workspace, state: Path, tmp_path: Path
) -> None:
    arrive(plant, tmp_path, 30, 40)
    steps = ("before-recording", "recorded", "acknowledged", "none")
    server = Server(Path(__file__).with_name("killed_watcher.py"))
    counts = []
    try:
        for step in steps:
            assert server.do(plant.path, step) == (0 if step == "none" else 9), step
            counts.append(len(alarms(plant)))
    finally:
        server.close()
    assert counts == [0, 4, 4, 4]
    plant.evidence.catch_up()
    assert [one.subject for one in individuals(plant.path, "alarm")] == FLAGGED


def test_alarms_that_are_the_same_are_recorded_once(plant: Workspace) -> None:
    one = Alarm("chart", "r", None, None, None, "warning", "d", "k")
    other = Alarm("chart", "r2", None, None, None, "warning", "d", "k")
    assert record_alarms(plant, [one, one]) == [one]
    assert record_alarms(plant, [one, other]) == [other]
    assert [entry.subject for entry in individuals(plant.path, "alarm")] == ["event:assay:alarm"] * 2


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("{chart: {target: a}}", r"alarms.r.chart.phase1: is missing"),
        ("{}", "either a chart or a monitor"),
        (
            "{chart: {target: a, phase1: [0, 9], colour: red}}",
            "alarms.r.chart.colour: there is no such setting",
        ),
        ("{monitor: {characteristics: [a], phase1: [0, 9]}}", "alarms.r.monitor.characteristics"),
    ],
)
def test_a_rule_that_makes_no_sense_is_named(rule: str, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        parse_plant_model(f"version: 1\nalarms:\n  r: {rule}\n")
