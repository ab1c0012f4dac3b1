"""A recall from movements that the workers of a cluster cut out is the one from all movements in memory."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.integration.test_cut_out import story
from tests.sinter_plant import store

from assay.analyse.recall import recall
from assay.model.kinds import RecordKind
from assay.query import genealogy
from assay.store import Workspace

pytestmark = pytest.mark.spark


def test_a_cluster_cuts_out_what_a_recall_needs(
    spark_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Workspace.create(tmp_path / "plant") as workspace:
        store(workspace, RecordKind.MOVEMENT, story(1), "days")
        asked = [("unit:U0", "forward"), ("lot:L0", "both"), ("U40", "back")]
        whole = [recall(workspace, *one).to_dict() for one in asked]
    settings = tmp_path / "plant" / "assay.toml"
    written = settings.read_text("utf-8")
    settings.write_text(written.replace('engine = ""', f'engine = "{spark_url}"'), "utf-8")
    monkeypatch.setattr(genealogy, "most_in_memory", {"spark": 0})
    with Workspace.open(tmp_path / "plant") as workspace:
        assert workspace.config.engine == spark_url
        for one, expected in zip(asked, whole, strict=True):
            found = recall(workspace, *one).to_dict()
            assert found["nodes"], "something is reached"
            assert sorted(map(str, found["nodes"])) == sorted(map(str, expected["nodes"]))
            assert found["doubtful"] == expected["doubtful"]
