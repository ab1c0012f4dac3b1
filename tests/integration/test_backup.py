"""Backups: taken under load they are whole, and what is damaged is not restored."""

from __future__ import annotations

import io
import json
import stat
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from store_rows import ROWS, content, load

from assay.model.attributes import Attribute
from assay.model.errors import StoreError
from assay.store import Workspace
from assay.store.backup import backup, restore
from assay.store.objects import object_path

LOADER = """
import sys
sys.path.insert(0, sys.argv[2])
from store_rows import load
from assay.store import Workspace
with Workspace.open(sys.argv[1]) as workspace:
    for number in range(10_000):
        with workspace.load_lock():
            load(workspace, number, rows=20)
"""


def fill(workspace: Workspace) -> None:
    workspace.registry.declare_attributes([Attribute(name="uses", kind="movement", type="integer")])
    workspace.registry.set_user("admin", "a hash")
    (workspace.path / "objects" / "ab").mkdir(parents=True)
    (workspace.path / "objects" / "ab" / "abcd").write_bytes(bytes(range(256)))
    load(workspace, 1)
    load(workspace, 2)


def everything(workspace: Workspace) -> dict[str, object]:
    registry = workspace.registry
    return {
        **{kind: content(workspace, kind) for kind in ROWS},
        "versions": workspace.lake.versions(),
        "equipment": registry.entities("equipment"),
        "attributes": registry.attributes(),
        "loads": registry.loads(),
        "user": registry.user("admin"),
        "object": (workspace.path / "objects" / "ab" / "abcd").read_bytes(),
    }


def test_there_and_back_again(plant: Workspace, tmp_path: Path) -> None:
    fill(plant)
    taken = backup(plant, tmp_path / "plant.tar")
    assert taken.size == (tmp_path / "plant.tar").stat().st_size
    assert stat.S_IMODE((tmp_path / "plant.tar").stat().st_mode) == 0o600
    (tmp_path / "empty").mkdir()
    restored = restore(tmp_path / "plant.tar", tmp_path / "empty")
    assert restored.versions == taken.versions
    with Workspace.open(tmp_path / "empty") as copy:
        assert everything(copy) == everything(plant)
        assert copy.config.name == "A plant"
        # It goes on living: what was in is in, what is new is taken.
        assert not load(copy, 2)
        assert load(copy, 3)
        assert len(content(copy, "movement")) == 150


def test_an_empty_plant_can_be_kept_too(plant: Workspace, tmp_path: Path) -> None:
    backup(plant, tmp_path / "plant.tar")
    restore(tmp_path / "plant.tar", tmp_path / "copy")
    with Workspace.open(tmp_path / "copy") as copy:
        assert content(copy, "movement") == []


def test_a_backup_under_load_is_whole(plant: Workspace, tmp_path: Path) -> None:
    """Another process loads without a pause; each backup holds whole loads and all they refer to."""
    command = [sys.executable, "-c", LOADER, str(plant.path), str(Path(__file__).parent)]
    with subprocess.Popen(command) as loader:
        try:
            deadline = time.monotonic() + 120
            while plant.lake.version("movement") < 3:
                assert time.monotonic() < deadline
                assert loader.poll() is None
                time.sleep(0.05)
            taken = []
            for number in range(4):
                taken.append(backup(plant, tmp_path / f"{number}.tar"))
                time.sleep(0.3)
            assert loader.poll() is None
        finally:
            loader.kill()
    counts = []
    for one in taken:
        target = tmp_path / one.file.stem
        restore(one.file, target)
        with Workspace.open(target) as copy:
            assert copy.lake.versions() == one.versions
            assert one.versions["movement"] == one.versions["measurement"]
            found = copy.lake.query(
                "SELECT count(*) AS rows, count(DISTINCT epoch) AS loads, "
                "count(*) FILTER (subject NOT IN (SELECT subject FROM movement)) AS orphans FROM measurement"
            ).to_pylist()[0]
            assert found["orphans"] == 0
            assert found["rows"] == 20 * found["loads"] == 20 * one.versions["movement"]
            assert len(content(copy, "movement")) == found["rows"]
            equipment = {row["id"] for row in copy.registry.entities("equipment")}
            assert {row["equipment"] for row in content(copy, "movement")} <= equipment
            committed = {row["epoch"] for row in content(copy, "movement")}
            known = {row.key.epoch: row for row in copy.registry.loads()}
            assert committed <= known.keys()
            assert {epoch for epoch, row in known.items() if row.finished} <= committed
            counts.append(found["loads"])
    assert counts == sorted(counts)
    assert counts[-1] > counts[0]


@pytest.mark.postgres
def test_a_postgresql_registry_goes_along(postgres_url: str, tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "plant", name="A plant", registry_url=postgres_url) as plant:
        fill(plant)
        backup(plant, tmp_path / "plant.tar")
        restore(tmp_path / "plant.tar", tmp_path / "copy")
        with Workspace.open(tmp_path / "copy") as copy:
            assert copy.config.registry == ""
            assert everything(copy) == everything(plant)
        with pytest.raises(StoreError, match="already has a registry with rows"):
            restore(tmp_path / "plant.tar", tmp_path / "other", registry_url=postgres_url)
        assert not (tmp_path / "other").exists()


@pytest.mark.postgres
def test_a_registry_can_move_to_postgresql(
    plant: Workspace, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    fill(plant)
    backup(plant, tmp_path / "plant.tar")
    url = request.getfixturevalue("postgres_url")
    restore(tmp_path / "plant.tar", tmp_path / "copy", registry_url=url)
    with Workspace.open(tmp_path / "copy") as copy:
        assert copy.config.registry == url
        assert everything(copy) == everything(plant)
        # Rows that come after the restored ones get numbers of their own.
        assert load(copy, 3)
        copy.registry.declare_attributes([Attribute(name="again", kind="movement")])
        assert [row.key.epoch for row in copy.registry.loads()] == ["load-3", "load-2", "load-1"]


def test_nothing_is_overwritten(plant: Workspace, tmp_path: Path) -> None:
    backup(plant, tmp_path / "plant.tar")
    with pytest.raises(StoreError, match="already exists"):
        backup(plant, tmp_path / "plant.tar")
    with pytest.raises(StoreError, match="not an empty directory"):
        restore(tmp_path / "plant.tar", plant.path)
    with pytest.raises(StoreError, match="not an empty directory"):
        restore(tmp_path / "plant.tar", tmp_path / "plant.tar")


def _flip_a_byte(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[data.index(b"PAR1") + 40] ^= 1
    file.write_bytes(data)


def _cut(file: Path) -> None:
    with file.open("r+b") as handle:
        handle.truncate(file.stat().st_size // 2)


def _without(name: str) -> Callable[[Path], None]:
    def change(file: Path) -> None:
        with tarfile.open(file) as old:
            members = [(m, old.extractfile(m).read()) for m in old if name not in m.name]  # type: ignore[union-attr]
        with tarfile.open(file, "w") as new:
            for member, data in members:
                new.addfile(member, io.BytesIO(data))

    return change


def _with(member: tarfile.TarInfo) -> Callable[[Path], None]:
    def change(file: Path) -> None:
        with tarfile.open(file, "a") as archive:
            archive.addfile(member)

    return change


def _link(name: str, target: str) -> tarfile.TarInfo:
    link = tarfile.TarInfo(name)
    link.type, link.linkname = tarfile.SYMTYPE, target
    return link


def _newer(file: Path) -> None:
    with tarfile.open(file) as old:
        members = [(m, old.extractfile(m).read()) for m in old]  # type: ignore[union-attr]
    with tarfile.open(file, "w") as new:
        for member, data in members:
            if member.name == "manifest.json":
                changed = json.dumps({**json.loads(data), "format": 99}).encode()
                member.size = len(changed)
                new.addfile(member, io.BytesIO(changed))
            else:
                new.addfile(member, io.BytesIO(data))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_flip_a_byte, "has changed"),
        (_cut, "damaged"),
        (_without("manifest.json"), "checksums is missing"),
        (_without("assay.toml"), "'assay.toml' is missing"),
        (_without(".parquet"), "is missing"),
        (_with(tarfile.TarInfo("../escaped")), "escaped"),
        (_with(tarfile.TarInfo("/etc/escaped")), "escaped"),
        (_with(tarfile.TarInfo("objects/more")), "is not listed"),
        (_with(_link("objects/link", "/etc/passwd")), "objects/link"),
        (_newer, "backup format 99"),
        (lambda file: file.write_text("not a tar"), "damaged"),
        (lambda file: file.unlink(), "can't be restored"),
    ],
)
def test_what_is_damaged_is_not_restored(
    plant: Workspace, tmp_path: Path, damage: Callable[[Path], object], message: str
) -> None:
    load(plant, 1)
    file = tmp_path / "plant.tar"
    backup(plant, file)
    damage(file)
    with pytest.raises(StoreError, match=message):
        restore(file, tmp_path / "copy")
    assert {path.name for path in tmp_path.iterdir()} <= {"plant", "plant.tar"}


def test_a_backup_that_can_not_be_written_leaves_nothing(plant: Workspace, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="can't be written"):
        backup(plant, tmp_path / "file" / "plant.tar")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "plant"]


def test_an_object_that_is_being_written_is_left_out(plant: Workspace, tmp_path: Path) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"first"
        backup(plant, tmp_path / "plant.tar")

    content = plant.objects.put(pieces()).content
    with tarfile.open(tmp_path / "plant.tar") as archive:
        assert not [name for name in archive.getnames() if name.startswith("objects")]
    backup(plant, tmp_path / "later.tar")
    with tarfile.open(tmp_path / "later.tar") as archive:
        assert f"objects/{object_path(content)}" in archive.getnames()


def test_an_object_that_can_not_be_read_leaves_nothing(plant: Workspace) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"first"
        raise OSError("the share is gone")

    with pytest.raises(OSError, match="share"):
        plant.objects.put(pieces())
    assert not [path for path in (plant.path / "objects").rglob("*") if path.is_file()]
