"""kill -9 at every step of a load: readers see all of it or nothing, and running it again heals the plant."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from crashing_loader import POINTS
from hypothesis import given, settings
from hypothesis import strategies as st
from store_rows import ROWS, content, key, load, stage

from assay.store import Workspace
from assay.store.lake import Lake
from assay.store.registry import Registry

LOADER = Path(__file__).with_name("crashing_loader.py")


def run(plant: Path, point: str) -> int:
    return subprocess.run([sys.executable, str(LOADER), str(plant), "1", point], check=False).returncode


def everything(workspace: Workspace) -> dict[str, object]:
    return {kind: content(workspace, kind) for kind in ROWS} | {
        "equipment": workspace.registry.entities("equipment"),
        "loads": [(row.key, row.recorded, row.report) for row in workspace.registry.loads()],
    }


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What the plant holds after the same load without a crash."""
    with Workspace.create(tmp_path_factory.mktemp("whole") / "plant") as workspace:
        load(workspace, 1)
        return everything(workspace)


@pytest.mark.parametrize("point", [point for point in POINTS if point != "nowhere"])
def test_a_killed_load_is_healed_by_running_it_again(
    plant: Workspace, point: str, uninterrupted: dict[str, object]
) -> None:
    assert run(plant.path, point) == -signal.SIGKILL
    seen = {kind: len(content(plant, kind)) for kind in ROWS}
    assert set(seen.values()) in ({0}, {50}), "a reader saw half a load"
    assert {plant.lake.committed(kind, key(1)) for kind in ROWS} == {set(seen.values()) == {50}}
    assert not list(plant.spool.glob("commits/*"))
    assert run(plant.path, "nowhere") == 0
    assert everything(plant) == uninterrupted


@given(
    steps=st.lists(
        st.tuples(st.integers(0, 2), st.sampled_from(["load", "stage", "movement", "measurement", "reopen"])),
        max_size=6,
    )
)
@settings(deadline=None, max_examples=15)
def test_any_interleaving_of_replays_gives_the_same_rows(
    registry: Registry, steps: list[tuple[int, str]]
) -> None:
    """Whole loads, stages given up and kinds committed alone, in any order and any number of times."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace.__new__(Workspace)
        workspace.registry = registry
        workspace.lake = Lake(Path(folder) / "lake", registry, Path(folder) / "spool")
        expected: dict[str, set[int]] = {kind: set() for kind in ROWS}
        for number, step in steps:
            if step == "load":
                load(workspace, number, rows=6)
                for kind in ROWS:
                    expected[kind].add(number)
            elif step == "stage":
                stage(workspace, number, "movement", rows=4)
            elif step == "reopen":
                workspace.lake = Lake(Path(folder) / "lake", registry, Path(folder) / "spool")
            else:
                new = workspace.lake.commit(step, stage(workspace, number, step, rows=6), load=key(number))
                assert new == (number not in expected[step])
                expected[step].add(number)
            for kind in ROWS:
                rows = [(row["epoch"], row["seq"]) for row in content(workspace, kind)]
                assert rows == [(f"load-{n}", seq) for n in sorted(expected[kind]) for seq in range(6)]


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with Registry.open(f"sqlite:///{tmp_path_factory.mktemp('registry') / 'registry.db'}") as opened:
        yield opened
