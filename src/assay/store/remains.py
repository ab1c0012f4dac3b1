"""Files that a killed flush or compaction left behind: no commit names them, no load writes them again."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from assay.store.delta import LakeTable
from assay.store.keys import LoadKey
from assay.store.layout import MANY, load_prefix, spill_directory
from assay.store.place import sync


class Remains:
    """Notes of what one ``owner`` is writing for one table; hold the owner's lock to use it."""

    def __init__(self, directory: Path, owner: str, table: LakeTable, staging: Path) -> None:
        self._directory = directory / owner / table.place.name
        self._table = table
        self._staging = staging

    @contextmanager
    def noted(self, key: LoadKey) -> Iterator[None]:
        """Note that files of ``key`` are written meanwhile; what earlier, killed attempts left is removed."""
        self.sweep()
        self._directory.mkdir(parents=True, exist_ok=True)
        note = self._directory / key.digest
        note.write_text(f"{key.source}\n{key.epoch}", encoding="utf-8")
        sync(note)
        sync(self._directory)
        yield
        self._remove(note, key)

    def sweep(self) -> None:
        """Remove what killed attempts left."""
        notes = sorted(self._directory.iterdir()) if self._directory.is_dir() else []
        for note in notes:
            source, _, epoch = note.read_text(encoding="utf-8").partition("\n")
            if epoch:
                self._remove(note, LoadKey(source, epoch))
            else:
                note.unlink()  # killed before it was written, and so before any file was

    def _remove(self, note: Path, key: LoadKey) -> None:
        begins = load_prefix(key, begins=MANY)
        _, current = self._table.files()
        if not any(path.rsplit("/", 1)[-1].startswith(begins) for path in current):
            for left in self._staging.glob(f"date=*/{begins}*.parquet"):
                left.unlink()
            if self._table.place.directory is None:
                for found in self._table.place.files():
                    if found.path.rsplit("/", 1)[-1].startswith(begins):
                        self._table.place.delete(found.path)
        shutil.rmtree(spill_directory(self._staging, key), ignore_errors=True)
        note.unlink()
