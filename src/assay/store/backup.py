"""A whole plant in one file, taken while loading goes on, and back.

The file is a plain tar: settings, the registry's rows, each lake table's log and files up to the version that
was pinned, objects, wherever lake and objects lie, and the evidence logs without any key. Its last
member lists the SHA-256 of every other one.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any

import sqlalchemy as sa

from assay.model.errors import StoreError
from assay.store.config import FILE_NAME, read_config
from assay.store.delta import LakeTable
from assay.store.layout import TABLES, UNFINISHED
from assay.store.place import Place, sync
from assay.store.registry import now
from assay.store.registry_dump import dump_rows, restore_rows
from assay.store.tables import to_microseconds
from assay.store.workspace import MODEL_FILE, Workspace

FORMAT = 1
_MANIFEST = "manifest.json"
_REGISTRY = "registry.jsonl"
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Backup:
    """What a backup holds: the version of each lake table (-1: never written), when, and how large it is."""

    file: Path
    taken: datetime
    versions: Mapping[str, int]
    members: int
    size: int


def backup(workspace: Workspace, file: Path | str) -> Backup:
    """Write the plant to ``file``, as it is between two loads; loading may go on meanwhile.

    Raises
    ------
    StoreError
        ``file`` exists, or can't be written; nothing is left of it then.
    """
    target = Path(file).absolute()
    if target.exists():
        raise StoreError(
            f"{target} already exists", hint="Give the backup another name, or delete the old one."
        )
    workspace.lake.hot.flush()
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=target.parent) as rows, _private(partial) as out:
            with tarfile.open(fileobj=out, mode="w") as archive:
                result = _write(workspace, archive, rows, target)
            out.flush()
            os.fsync(out.fileno())
            size = out.tell()
        partial.rename(target)
        sync(target.parent)
    except OSError as error:
        raise StoreError(
            f"the backup {target} can't be written: {error}", hint="Check free disk space and access rights."
        ) from error
    finally:
        with suppress(OSError):
            partial.unlink()
    return Backup(target, result.taken, result.versions, result.members, size)


def _private(path: Path) -> IO[bytes]:
    """A new file that only its owner may read: a backup holds password hashes."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _write(workspace: Workspace, archive: tarfile.TarFile, rows: IO[bytes], target: Path) -> Backup:
    from assay.store.evidence_backup import evidence_files

    digests: dict[str, str] = {}
    for name, content in evidence_files(workspace.path):
        _add_bytes(archive, name, content, digests)
    # A load writes the registry, commits to the lake, then notes in the registry that it is done. A registry
    # seen while the lake rests knows all that the lake's rows refer to, and no finished load the lake lacks.
    with workspace.registry.snapshot() as connection, workspace.lake.settled() as versions:
        taken = now()
        revision = dump_rows(connection, rows)
    _add_bytes(archive, FILE_NAME, (workspace.path / FILE_NAME).read_bytes(), digests)
    if (workspace.path / MODEL_FILE).is_file():
        _add_bytes(archive, MODEL_FILE, (workspace.path / MODEL_FILE).read_bytes(), digests)
    rows.seek(0)
    _add(archive, _REGISTRY, rows, digests)
    lake, objects = workspace.lake.place, workspace.objects.place
    for path in _lake_files(workspace, versions):
        _add_file(archive, lake, path, f"lake/{path}", digests)
    for found in objects.files():
        if not found.path.startswith(UNFINISHED):  # a load may take it away at any time
            _add_file(archive, objects, found.path, f"objects/{found.path}", digests)
    manifest = {
        "format": FORMAT,
        "plant": workspace.config.name,
        "taken": taken.isoformat(),
        "registry_revision": revision,
        "versions": versions,
        "sha256": digests,
    }
    text = json.dumps(manifest, ensure_ascii=False, indent=1).encode()
    _add_bytes(archive, _MANIFEST, text, {})
    return Backup(target, taken, versions, len(digests), 0)


def _lake_files(workspace: Workspace, versions: Mapping[str, int]) -> Iterator[str]:
    """Paths in the lake: the log of each table up to its version, and the files of that version."""
    lake = workspace.lake
    for name, version in versions.items():
        if version < 0:
            continue
        for found in lake.place.files(f"{name}/_delta_log"):
            # 00000000000000000042.json, ….checkpoint.parquet; what is newer than the pinned version stays.
            number = found.path.rsplit("/", 1)[-1].split(".", 1)[0]
            if number.isdigit() and int(number) <= version:
                yield found.path
        for file in lake.files(name, version=version):
            yield lake.place.relative(file)


class _Hashed(io.RawIOBase):
    """Reads through and keeps the SHA-256 of what went by."""

    def __init__(self, source: IO[bytes], place: Place | None) -> None:
        self._source = source
        self._place = place
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        with self._place.reporting("can't be read") if self._place else nullcontext():
            data = self._source.read(size)
        self.digest.update(data)
        return data


def _add(
    archive: tarfile.TarFile,
    name: str,
    source: IO[bytes],
    digests: dict[str, str],
    place: Place | None = None,
) -> None:
    member = tarfile.TarInfo(name)
    start = source.tell()
    member.size = source.seek(0, os.SEEK_END) - start
    source.seek(start)
    hashed = _Hashed(source, place)
    archive.addfile(member, hashed)
    digests[name] = hashed.digest.hexdigest()


def _add_file(archive: tarfile.TarFile, place: Place, path: str, name: str, digests: dict[str, str]) -> None:
    with place.reading(path) as source:
        _add(archive, name, source, digests, place)


def _add_bytes(archive: tarfile.TarFile, name: str, content: bytes, digests: dict[str, str]) -> None:
    _add(archive, name, io.BytesIO(content), digests)


def restore(file: Path | str, directory: Path | str, *, registry_url: str | None = None) -> Backup:
    """Make a plant in a new or empty directory out of a backup.

    The registry becomes SQLite in the directory, whatever it was; with ``registry_url`` it goes to that
    database, which must hold no plant. The directory is filled at the very end, when everything was checked.
    What was erased since the backup was taken is erased in it too, where the plant's secrets are on this
    machine.

    Raises
    ------
    StoreError
        The directory is not empty, the file is no backup or is damaged, or the database is not empty.
    """
    source, target = Path(file).absolute(), Path(directory).absolute()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise StoreError(f"{target} is not an empty directory", hint="Restore into a new directory.")
    target.parent.mkdir(parents=True, exist_ok=True)
    building = target.with_name(f".{target.name}.{os.getpid()}.restoring")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir()
    try:
        manifest = _unpack(source, building)
        result = _assemble(source, building, manifest, registry_url)
        for path in building.rglob("*"):
            sync(path)
        if target.exists():
            target.rmdir()
        building.rename(target)
        sync(target.parent)
        _erased_again(target, result.taken)
    except OSError as error:
        raise StoreError(
            f"the backup {source} can't be restored to {target}: {error}",
            hint="Check that the file can be read, and free disk space.",
        ) from error
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return result


def _erased_again(target: Path, taken: datetime) -> None:
    """Erase again what was erased since the backup was taken, as far as this machine knows."""
    if not (target / "ledger").is_dir():
        return
    from assay.store.evidence_erasure import forget

    with Workspace.open(target) as workspace:
        forget(workspace, to_microseconds(taken))


def _unpack(source: Path, into: Path) -> Mapping[str, Any]:
    """Extract and check every member against the manifest."""
    found: dict[str, str] = {}
    manifest: dict[str, Any] | None = None
    try:
        with tarfile.open(source, mode="r|") as archive:
            for member in archive:
                content = archive.extractfile(member) if member.isreg() else None
                if content is None or not _is_plain(member.name):
                    raise _damaged(source, f"it holds {member.name!r}, which no backup has")
                if member.name == _MANIFEST:
                    manifest = json.loads(content.read())
                    continue
                found[member.name] = _extract(content, into / member.name)
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise _damaged(source, str(error)) from error
    if manifest is None:
        raise _damaged(source, "its list of checksums is missing; the file is cut off, or is no backup")
    if manifest.get("format") != FORMAT:
        raise StoreError(
            f"{source} has the backup format {manifest.get('format')!r}; this Assay reads {FORMAT}",
            hint="Restore it with the version of Assay that wrote it, or a newer one.",
        )
    listed: dict[str, str] = manifest["sha256"]
    for name in sorted(found.keys() | listed.keys()):
        if found.get(name) != listed.get(name):
            what = (
                "is missing"
                if name not in found
                else "is not listed"
                if name not in listed
                else "has changed"
            )
            raise _damaged(source, f"{name!r} {what}")
    return manifest


def _is_plain(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return bool(parts) and not name.startswith("/") and ".." not in parts and "\\" not in name


def _extract(content: IO[bytes], path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with path.open("xb") as out:
        while chunk := content.read(_CHUNK):
            digest.update(chunk)
            out.write(chunk)
    return digest.hexdigest()


def _damaged(source: Path, why: str) -> StoreError:
    return StoreError(f"the backup {source} is damaged: {why}", hint="Use another copy of the backup.")


def _assemble(source: Path, building: Path, manifest: Mapping[str, Any], registry_url: str | None) -> Backup:
    config = read_config(building / FILE_NAME).model_copy(
        update={"registry": registry_url or "", "lake": "", "objects": ""}
    )
    (building / FILE_NAME).write_text(config.to_toml(), encoding="utf-8")
    for folder in ("lake", "objects", "spool"):
        (building / folder).mkdir(exist_ok=True)
    versions: dict[str, int] = manifest["versions"]
    for name, version in versions.items():
        _check_table(source, building, name, version)
    rows = building / _REGISTRY
    with rows.open("rb") as dump:
        try:
            restore_rows(registry_url or f"sqlite:///{building / 'registry.db'}", dump)
        except sa.exc.SQLAlchemyError as error:
            raise StoreError(f"the registry's rows of {source} can't be restored: {error}") from error
    rows.unlink()
    return Backup(
        source,
        datetime.fromisoformat(manifest["taken"]),
        versions,
        len(manifest["sha256"]),
        source.stat().st_size,
    )


def _check_table(source: Path, building: Path, name: str, version: int) -> None:
    if name not in TABLES:
        raise _damaged(source, f"it has a lake table {name!r}, which this version of Assay does not know")
    found, files = LakeTable(building / "lake" / name).files()
    if found != version:
        raise _damaged(source, f"the lake table {name!r} is at version {found}, not {version}")
    for path in files:
        if not Path(path).is_file():
            raise _damaged(source, f"the lake table {name!r} lacks the file {Path(path).name}")
