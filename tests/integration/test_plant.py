"""The Python door: what a notebook types."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import assay
from assay.model.errors import QueryError, WorkspaceNotFound
from assay.store.workspace import Workspace

DATA = Path(__file__).parents[2] / "src/assay/demo/data"
RUNS = DATA / "s04_variations-in-assembly-conditions-2.csv"
MAPPING = DATA / "screwdriving.yaml"


def test_the_main_job_from_a_notebook(tmp_path: Path) -> None:
    Workspace.create(tmp_path / "plant", time_zone="Europe/Berlin").close()
    with assay.open(tmp_path / "plant") as plant:
        report = plant.load(RUNS, mapping=MAPPING)
        assert (report.rows, report.accepted) == (5000, 5000)
        assert plant.sql("SELECT count(*) AS n FROM movement")["n"].to_pylist() == [5000]
        causes = plant.cause(
            target="result = 'NOK'", where="scenario_condition = 'faulty'", scope="s04"
        ).causes
        assert causes[0].value == "302_enlarged-screw-hole"
        trace = plant.trace("40000000015706", "back", max_depth=1)
        assert {node.kind for node in trace.nodes} == {"unit", "execution"}
        assert plant.infer(RUNS).mapping.source
        plant.backup(tmp_path / "plant.tar")
        assert (tmp_path / "plant.tar").stat().st_size > 0
        with pytest.raises(QueryError):
            plant.sql("DELETE FROM movement")


def test_a_directory_that_is_no_plant(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceNotFound, match="not an Assay plant") as problem:
        assay.open(tmp_path)
    assert "assay init" in str(problem.value)


def test_importing_assay_costs_nothing() -> None:
    probe = "import sys, assay; sys.exit(bool({'numpy', 'pyarrow', 'sqlalchemy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", probe], check=False).returncode == 0


def test_other_names_are_not_there() -> None:
    with pytest.raises(AttributeError, match="'nothing'"):
        _ = assay.nothing  # type: ignore[attr-defined]
