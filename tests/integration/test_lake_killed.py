"""kill -9 at random moments of commits, flushes and compactions.

No row is lost or doubled, and a reader sees whole loads only.
"""

from __future__ import annotations

import random
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from forking import Server
from killed_keeper import ROWS, is_append, numbers

from assay.store import Workspace
from assay.store.compaction import compact
from assay.store.health import check

SERVER = Path(__file__).with_name("killed_keeper.py")
STEPS = 6
POLICIES = "\n[lake]\nsmall_files = 3\n"


def counts(workspace: Workspace, kind: str) -> dict[int, int]:
    """Rows of each number."""
    found = workspace.lake.query(
        "SELECT CAST(split_part(subject, '-', 2) AS INTEGER) AS number, count(*) AS n,\n"
        f"count(DISTINCT subject) AS d FROM {kind} GROUP BY 1"
    )
    for row in found.to_pylist():
        assert row["n"] == row["d"], f"rows of {row['number']} are there twice"
    return {row["number"]: row["n"] for row in found.to_pylist()}


@contextmanager
def watched(plant: Path) -> Iterator[list[str]]:
    """A reader that looks at the plant all the time; what it finds wrong."""
    wrong: list[str] = []
    stop = threading.Event()

    def look() -> None:
        with Workspace.open(plant) as workspace:
            while not stop.is_set():
                try:
                    found = counts(workspace, "movement")
                    wrong.extend(f"{number}: {rows} rows" for number, rows in found.items() if rows != ROWS)
                except Exception as error:  # noqa: BLE001 - shown by the test
                    wrong.append(repr(error))
                stop.wait(0.05)

    reader = threading.Thread(target=look)
    reader.start()
    try:
        yield wrong
    finally:
        stop.set()
        reader.join()


def _seconds(server: Server, template: Path, plant: Path, seed: int) -> float:
    shutil.copytree(template, plant)
    began = time.perf_counter()
    assert server.do(plant, plant.with_suffix(".txt"), seed, STEPS) == 0
    return time.perf_counter() - began


def kill_and_compare(folder: Path, points: int, seed: int) -> int:
    """Kill at ``points`` random moments; returns how many kills came while the keeper was at work."""
    chance, hit = random.Random(seed), 0
    server = Server(SERVER)
    template = folder / "template"
    Workspace.create(template).close()
    with (template / "assay.toml").open("a") as settings:
        settings.write(POLICIES)
    try:
        took = min(_seconds(server, template, folder / f"whole-{turn}", seed) for turn in range(2))
        point = 0
        # Where the keeper ends before its kill, more are tried, so that half the points hit.
        while point < points or (hit < points // 2 and point < 4 * points):
            plant, journal = folder / f"plant-{point}", folder / f"{point}.txt"
            shutil.copytree(template, plant)
            with watched(plant) as wrong:
                after = chance.uniform(0.02, took)
                hit += server.do(plant, journal, seed + point, STEPS, kill_after=after) != 0
                said = numbers(journal)
                with Workspace.open(plant) as workspace:
                    found = counts(workspace, "movement")
                    lost = said - found.keys()
                    assert not lost, f"acknowledged rows of {lost} are lost at point {point} of seed {seed}"
                assert server.do(plant, journal, seed + point, STEPS) == 0
            assert not wrong, f"a reader saw {wrong[:3]} at point {point} of seed {seed}"
            with Workspace.open(plant) as workspace:
                workspace.lake.hot.flush()
                for name in ("movement", "measurement"):
                    for version in range(workspace.lake.version(name) + 1):
                        gone = [
                            one
                            for one in workspace.lake.files(name, version=version)
                            if not Path(one).exists()
                        ]
                        assert not gone, (
                            f"version {version} of {name} lost {gone} at point {point} of seed {seed}"
                        )
                compact(workspace.lake, now=datetime.now(UTC) + timedelta(days=8))
                assert counts(workspace, "movement") == dict.fromkeys(range(STEPS), ROWS)
                loaded = [number for number in range(STEPS) if not is_append(number)]
                assert counts(workspace, "measurement") == dict.fromkeys(loaded, ROWS)
                assert check(workspace.lake, deep=True) == []
                kept = {path for name in ("movement", "measurement") for path in workspace.lake.files(name)}
                there = {str(path) for path in (plant / "lake").rglob("date=*/*.parquet")}
                assert there == kept, "files are left that no version names"
                assert not list((plant / "spool" / "hot").rglob("*.arrow"))
            shutil.rmtree(plant)
            point += 1
        return hit
    finally:
        server.close()


def test_killed_at_twenty_random_points(tmp_path: Path) -> None:
    assert kill_and_compare(tmp_path, 20, seed=41) >= 10


@pytest.mark.soak
def test_killed_at_two_hundred_random_points(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(2**31)
    assert kill_and_compare(tmp_path, 200, seed=seed) >= 100
