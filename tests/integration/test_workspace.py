"""The plant's directory, its settings, its model file, and its locks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from store_rows import content, load

from assay.model.errors import MappingError, ModelError, StoreError, WorkspaceNotFound
from assay.store import LoadKey, PlantBusy, PlantConfig, Workspace
from assay.store.config import LedgerSettings


def test_a_plant_is_found_again(tmp_path: Path) -> None:
    with Workspace.create(
        tmp_path / "p", name='Werk "A"\\', time_zone="Europe/Berlin", language="zh"
    ) as made:
        config = made.config
        made.registry.set_setting("a", 1)
    with Workspace.open(tmp_path / "p") as found:
        assert (
            found.config
            == config
            == PlantConfig(
                name='Werk "A"\\',
                time_zone="Europe/Berlin",
                language="zh",
                ledger=LedgerSettings(log=False),
            )
        )
        assert found.registry.setting("a") == 1


@pytest.mark.postgres
def test_a_plant_on_postgresql(tmp_path: Path, postgres_url: str) -> None:
    with Workspace.create(tmp_path / "p", registry_url=postgres_url) as made:
        assert load(made, 1)
    assert not (tmp_path / "p" / "registry.db").exists()
    with Workspace.open(tmp_path / "p") as found:
        assert len(content(found, "movement")) == 50
        assert found.lake.query("SELECT count(*) AS n FROM equipment")["n"][0].as_py() == 3


def test_a_plant_is_not_made_over_something(tmp_path: Path) -> None:
    Workspace.create(tmp_path / "p").close()
    with pytest.raises(StoreError, match="already is a plant"):
        Workspace.create(tmp_path / "p")
    (tmp_path / "q").mkdir()
    (tmp_path / "q" / "notes.txt").write_text("mine")
    with pytest.raises(StoreError, match="not an empty directory"):
        Workspace.create(tmp_path / "q")
    with pytest.raises(StoreError, match="no plant can be made"):
        Workspace.create(tmp_path / "q" / "notes.txt" / "p")


def test_wrong_settings_are_refused_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="time zone 'Berlin' is not known"):
        Workspace.create(tmp_path / "p", time_zone="Berlin")
    with pytest.raises(ModelError, match="language"):
        Workspace.create(tmp_path / "p", language="fr")
    with pytest.raises(StoreError, match="can't be kept in 'mysql'"):
        Workspace.create(tmp_path / "p", registry_url="mysql://x/y")
    assert not (tmp_path / "p").exists()


def test_what_is_no_plant_is_named(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceNotFound, match="not an Assay plant") as caught:
        Workspace.open(tmp_path)
    assert "assay init" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[plant\n", "is not TOML"),
        ('[plant]\nname = "x"\ncolour = "red"\n', "plant.colour"),
        ("[plant]\n", "plant.name"),
        ('[plant]\nname = "x"\ntime_zone = "Mars"\n', "plant.time_zone: .*'Mars'"),
    ],
)
def test_a_broken_assay_toml_says_where(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "assay.toml").write_text(text)
    with pytest.raises(ModelError, match=message):
        Workspace.open(tmp_path)


def test_the_model_file_is_applied_on_opening(plant: Workspace) -> None:
    model = plant.path / "model.yaml"
    model.write_text(
        "attributes:\n  - {name: nozzle, kind: movement}\n"
        "entities:\n  - {name: tonnage, kind: equipment, type: number}\n"
        "master_data:\n  equipment:\n    - {id: P-1, level: line, tonnage: 80}\n"
    )
    with Workspace.open(plant.path) as opened:
        assert [one.name for one in opened.registry.attributes("movement")] == ["nozzle"]
        assert opened.lake.schema("movement").names[-1] == "nozzle"
        assert opened.lake.query("SELECT id, tonnage FROM equipment").to_pylist() == [
            {"id": "P-1", "tonnage": 80.0}
        ]
    model.write_text("attributes:\n  - {name: nozzle, kind: movement, type: number}\n")
    with pytest.raises(MappingError, match="'nozzle' of movement"):
        Workspace.open(plant.path)
    model.write_text("attributes:\n  - {name: nozzle, kind: movement, unit: mmm}\n")
    with pytest.raises(ModelError, match=r"model.yaml: attributes\[0\].unit"):
        Workspace.open(plant.path)
    model.write_bytes(b"\xff\xfe\xfd")
    with pytest.raises(ModelError, match="not UTF-8"):
        Workspace.open(plant.path)


def test_one_loader_at_a_time(plant: Workspace) -> None:
    code = (
        "import sys; from assay.store import Workspace, PlantBusy\n"
        "with Workspace.open(sys.argv[1]) as w:\n"
        "    try:\n"
        "        with w.load_lock(wait=False): sys.exit(0)\n"
        "    except PlantBusy: sys.exit(3)\n"
    )

    def other() -> int:
        return subprocess.run([sys.executable, "-c", code, str(plant.path)], check=False).returncode

    with plant.load_lock():
        assert other() == 3
        with Workspace.open(plant.path) as reader:  # readers are free
            assert content(reader, "movement") == []
        with pytest.raises(PlantBusy, match="another process"), plant.load_lock(wait=False):
            pass
    assert other() == 0


def test_quarantined_rows_wait_until_they_are_replayed(plant: Workspace) -> None:
    from datetime import UTC, datetime

    import pyarrow as pa

    recorded = datetime(2026, 1, 5, tzinfo=UTC)
    first = LoadKey("station", "0f")
    rows = pa.table(
        {
            "seq": [1, 7],
            "file": ["a.csv", "a.csv"],
            "line": [2, 8],
            "column": ["torque", None],
            "value": ["1,2,3", None],
            "reason": ["number", "ragged"],
            "message": ["not a number", "7 fields, not 6"],
            "raw": ["x;1,2,3", None],
            "raw_bytes": [b"x;1,2,3", b"\xff\x00"],
        }
    )
    for attempt in range(2):
        writer = plant.quarantine.stage(load=first, recorded=recorded)
        writer.write(rows)
        assert plant.quarantine.commit(writer.finish(), load=first) == (attempt == 0)
    assert plant.quarantine.counts() == {"number": 1, "ragged": 1}
    found = plant.quarantine.rows(reason="ragged").to_pylist()
    assert [(row["seq"], row["raw_bytes"], row["replayed"]) for row in found] == [(7, b"\xff\x00", None)]
    assert len(plant.quarantine.rows(limit=1, offset=1)) == 1
    replay = LoadKey("station", "0f replay 1")
    later = datetime(2026, 1, 6, tzinfo=UTC)
    done = plant.quarantine.rows(reason="ragged")
    assert plant.quarantine.mark_replayed(done, load=replay, recorded=later)
    assert not plant.quarantine.mark_replayed(done, load=replay, recorded=later)
    assert plant.quarantine.counts() == {"number": 1}
    assert plant.quarantine.rows(replayed=True)["replayed"].to_pylist() == [later]
    assert plant.quarantine.rows(replayed=False)["seq"].to_pylist() == [1]
    assert set(plant.quarantine.schema().names) >= {"source", "epoch", "seq", "raw_bytes", "mapping_id"}
