"""kill -9 at random moments of a load: run again, the plant is row for row the one that was never killed."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from forking import Server

from assay.store.workspace import Workspace

SERVER = Path(__file__).with_name("killed_loader.py")
TABLES = ("movement", "measurement", "entity", "event", "reading", "artifact", "quarantine")

MAPPING = """\
version: 1
source: line
columns:
  run: {role: subject, is: execution}
  part: {role: subject, is: unit}
  machine: {role: factor}
  lot: {role: factor, name: material_lot}
  at: {role: time}
  done: {role: time}
  result: {role: outcome}
  torque: {role: outcome}
records:
  - {kind: movement, execution: $run, subject: $part, equipment: $machine, started: $at, ended: $done,
     attributes: [lot]}
  - {kind: measurement, subject: $run, subject_kind: execution, characteristic: result, text: $result,
     time: $done}
  - {kind: measurement, subject: $run, subject_kind: execution, characteristic: torque, value: $torque,
     unit: N.m, time: $done}
"""


def rows(first: int, last: int) -> Iterator[str]:
    for n in range(first, last):
        minute, day = n % 60, 1 + n // 2000 % 28
        yield (
            f"R{n},P{n // 3},M{n % 4},L{n % 7},2026-02-{day:02d} 08:{minute:02d}:00,"
            f"2026-02-{day:02d} 08:{minute:02d}:30,{'NOK' if n % 9 == 0 else 'OK'},{n % 50 / 10}\n"
        )


def write_files(folder: Path) -> tuple[Path, Path, Path]:
    """A first file, a second with new, known, repeated, contradicting and bad rows, and the mapping."""
    header = "run,part,machine,lot,at,done,result,torque\n"
    (folder / "first.csv").write_text(header + "".join(rows(0, 2000)))
    second = list(rows(1500, 9000))
    second[700] = second[700].replace("N.m", "").rstrip() + ",ragged\n"
    second[900] = second[900].replace("OK", "OK,").replace("M", "X", 1)
    second[2000] = second[20]
    second[3000] = second[2999].replace(",OK,", ",NOK,")
    second[100] = second[100].replace("M", "Z")
    second[4000] = second[4000].replace("2026-02", "2026-13")
    second[5000] = "R1," + "9" * 40_000 + second[5000]
    (folder / "second.csv").write_text(header + "".join(second))
    (folder / "line.yaml").write_text(MAPPING)
    return folder / "first.csv", folder / "second.csv", folder / "line.yaml"


def plant_of(path: Path) -> dict[str, Any]:
    """Everything the plant holds but record times, which have to be those of their load."""
    with Workspace.open(path) as workspace:
        loads = {load.key.epoch: load for load in workspace.registry.loads()}
        found: dict[str, Any] = {
            epoch: (load.file_name, load.report, load.finished is not None) for epoch, load in loads.items()
        }
        with workspace.lake.connect() as lake:
            for table in TABLES:
                rows = lake.execute(f"SELECT * EXCLUDE (recorded) FROM {table} ORDER BY ALL")
                found[table] = rows.to_arrow_table()
                times = lake.execute(f"SELECT DISTINCT epoch, recorded FROM {table}").to_arrow_table()
                assert all(row["recorded"] == loads[row["epoch"]].recorded for row in times.to_pylist())
        for kind in workspace.registry.entity_kinds():
            found[f"registry {kind}"] = workspace.registry.entities(kind)
        found["attributes"] = workspace.registry.attributes()
        return found


def first_recorded(path: Path) -> dict[str, Any]:
    with Workspace.open(path) as workspace:
        return {load.key.epoch: load.recorded for load in workspace.registry.loads()}


def kill_and_compare(folder: Path, points: int, seed: int) -> int:
    """Kill at ``points`` random moments; returns how many kills came while the load ran."""
    first, second, mapping = write_files(folder)
    server = Server(SERVER)
    try:
        template, reference, victim = folder / "template", folder / "reference", folder / "victim"
        Workspace.create(template).close()
        assert server.do(template, first, mapping) == 0
        shutil.copytree(template, reference)
        began = time.perf_counter()
        assert server.do(reference, second, mapping) == 0
        took = time.perf_counter() - began
        expected = plant_of(reference)
        assert expected["quarantine"].num_rows
        chance = random.Random(seed)
        hit, point = 0, 0
        # On a busy machine a load may end before its kill; then more are tried, so that half the points hit.
        while point < points or (hit < points // 2 and point < 4 * points):
            shutil.copytree(template, victim)
            hit += server.do(victim, second, mapping, kill_after=chance.uniform(0, took)) != 0
            recorded = first_recorded(victim)
            if chance.random() < 0.3:
                server.do(victim, second, mapping, kill_after=chance.uniform(0, took))
            assert server.do(victim, second, mapping) == 0, f"point {point} of seed {seed}"
            assert plant_of(victim) == expected, f"point {point} of seed {seed}"
            now = first_recorded(victim)
            assert {epoch: now[epoch] for epoch in recorded} == recorded
            shutil.rmtree(victim)
            point += 1
        return hit
    finally:
        server.close()


def test_killed_at_twenty_random_points(tmp_path: Path) -> None:
    assert kill_and_compare(tmp_path, 20, seed=20) >= 10


@pytest.mark.soak
def test_killed_at_two_hundred_random_points(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(2**32)
    assert kill_and_compare(tmp_path, 200, seed=seed) >= 100
