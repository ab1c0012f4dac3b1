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
        newest = self._table.version()
        note.write_text(f"{key.source}\n{key.epoch}\n{newest}", encoding="utf-8")
        sync(note)
        sync(self._directory)
        yield
        self._remove(note, key, newest)

    def sweep(self) -> None:
        """Remove what killed attempts left."""
        notes = sorted(self._directory.iterdir()) if self._directory.is_dir() else []
        for note in notes:
            said = note.read_text(encoding="utf-8").split("\n")
            if len(said) == 3 and said[2]:
                self._remove(note, LoadKey(said[0], said[1]), int(said[2]))
            else:
                note.unlink()  # killed before it was written, and so before any file was

    def _remove(self, note: Path, key: LoadKey, since: int) -> None:
        """Remove the files of a note unless a version after ``since`` brought them.

        The newest version need not name them any more: the past, and whoever is reading, still do.
        """
        begins = load_prefix(key, begins=MANY)
        brought = (
            path
            for version in range(since + 1, self._table.version() + 1)
            for path in self._table.added_by(version)
        )
        if not any(path.rsplit("/", 1)[-1].startswith(begins) for path in brought):
            for left in self._staging.glob(f"date=*/{begins}*.parquet"):
                left.unlink()
            if self._table.place.directory is None:
                for found in self._table.place.files():
                    if found.path.rsplit("/", 1)[-1].startswith(begins):
                        self._table.place.delete(found.path)
        shutil.rmtree(spill_directory(self._staging, key), ignore_errors=True)
        note.unlink()
