"""A plugin package that is installed enters by the public door, like everything that ships with Assay."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PLUGIN = Path(__file__).resolve().parents[2] / "examples" / "plugin-torque-txt"

ASK = """
import json, sys
from pathlib import Path
from assay.connect.load import load_file, replay
from assay.plugins import describe
from assay.store.workspace import Workspace
plugin, plant = Path(sys.argv[1]), Path(sys.argv[2])
with Workspace.create(plant) as workspace:
    report = load_file(workspace, plugin / "tests" / "shift.txt", plugin / "mapping.yaml")
    found = workspace.lake.query("SELECT subject, equipment, person, angle FROM movement ORDER BY subject")
    again = replay(workspace)
    print(json.dumps({
        "plugins": {one["id"]: one["distribution"] for one in describe()},
        "report": report.to_dict(),
        "moved": found.to_pylist(),
        "row": workspace.quarantine.rows(1).select(["line", "reason"]).to_pylist(),
        "again": again.to_dict(),
    }))
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the plugin installed, beside the running environment."""
    target = tmp_path_factory.mktemp("site")
    options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--target", str(target)]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(PLUGIN)], check=True)
    return target


def test_it_reads_its_format_by_the_public_door(site: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ASK, str(PLUGIN), str(tmp_path / "plant")],
        env={**os.environ, "PYTHONPATH": str(site)},
        check=True,
        capture_output=True,
        text=True,
    )
    answer = json.loads(done.stdout)
    assert answer["plugins"]["torque-txt"] == "assay-torque-txt 0.1.0"
    assert {"rows": 4, "accepted": 3, "quarantined": 1}.items() <= answer["report"].items()
    assert answer["moved"][2] == {
        "subject": "SN-000126",
        "equipment": "T-08",
        "person": "P-12",
        "angle": 186.0,
    }
    assert answer["row"] == [{"line": 5, "reason": "not-a-row"}]
    assert {"rows": 1, "accepted": 0, "quarantined": 1}.items() <= answer["again"].items()
