"""kill -9 at random moments of a derivation: readers see whole versions, and deriving again loses nothing."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from forking import Server
from layer_rows import DERIVED, at, everything, load

from assay.query.layers import derive
from assay.store import Workspace

SERVER = Path(__file__).with_name("killed_deriver.py")


@pytest.fixture
def server() -> Iterator[Server]:
    opened = Server(SERVER)
    yield opened
    opened.close()


def rows(number: int) -> dict[str, list[dict[str, Any]]]:
    """A step of three units on each of two days, with readings, results and an event."""
    hours = [24 * (n % 2) + n / 10 + number / 100 for n in range(6)]
    runs = [f"E{number}-{n}" for n in range(6)]
    return {
        "movement": [
            {
                "key": run,
                "execution": run,
                "role": "produced",
                "subject": f"U{number % 7}-{n}",
                "subject_kind": "unit",
                "segment": "sinter",
                "equipment": "oven",
                "started": at(hour),
                "ended": at(hour + 0.5),
                "time": at(hour),
            }
            for n, (run, hour) in enumerate(zip(runs, hours, strict=True))
        ],
        "reading": [
            {
                "key": (number, n),
                "signal": "temp",
                "equipment": "oven",
                "time": at(n + number / 1000),
                "value": float(n),
            }
            for n in range(40)
        ],
        "measurement": [
            {
                "key": run,
                "subject": run,
                "subject_kind": "execution",
                "characteristic": "result",
                "text": "NOK" if n == number % 6 else "OK",
                "time": at(hour + 0.5),
            }
            for n, (run, hour) in enumerate(zip(runs, hours, strict=True))
        ],
        "event": [
            {
                "key": number,
                "event": "alarm",
                "equipment": "oven",
                "time": at(hours[0] + 0.1),
                "severity": "1",
            }
        ],
    }


def leftovers(workspace: Workspace) -> list[Path]:
    """Files of derived tables that no commit names."""
    found = []
    for name in DERIVED:
        table = workspace.lake.derived[name]
        named = {
            table.place.address(path)
            for version in range(table.version() + 1)
            for path in [*table.added_by(version), *table.removed_by(version)]
        }
        directory = table.place.directory
        assert directory is not None
        found += [path for path in directory.rglob("*.parquet") if str(path) not in named]
    return found


def killed_again_and_again(plant: Workspace, server: Server, points: int, seed: int) -> None:
    chance = random.Random(seed)
    load(plant, 0, rows(0))
    began = time.monotonic()
    assert server.do(plant.path) == 0
    usual = time.monotonic() - began
    killed = 0
    for number in range(1, points + 1):
        load(plant, number, rows(number))
        # What a load touches takes less than the first derivation did.
        status = server.do(plant.path, kill_after=chance.uniform(0, usual / 2))
        killed += status == signal.SIGKILL
        if number % 5:
            continue
        results = plant.lake.query("SELECT subject, source, epoch, seq FROM dwd_result").to_pylist()
        assert len(results) == len({tuple(row.values()) for row in results}), "a row is there twice"
        assert len(results) % 6 == 0, "a reader saw half a load"
    assert killed > points // 4, "enough were killed at work, not after it"
    assert server.do(plant.path) == 0
    assert not leftovers(plant)
    grown = everything(plant)
    assert len(grown["dwd_result"]) == 6 * (points + 1)
    derive(plant, again=True)
    assert everything(plant) == grown


def test_a_derivation_killed_again_and_again_loses_and_doubles_nothing(
    plant: Workspace, server: Server
) -> None:
    killed_again_and_again(plant, server, 20, seed=7)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10))
def test_soak_of_killed_derivations(plant: Workspace, server: Server, seed: int) -> None:
    killed_again_and_again(plant, server, 20, seed=100 + seed)
