"""Bytes too long for a table, kept once under their SHA-256 in the plant's ``objects/``."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from tempfile import NamedTemporaryFile

from assay.store.layout import UNFINISHED


def object_path(objects: Path, digest: str) -> Path:
    """Where the object of a digest lies."""
    return objects / digest[:2] / digest


def keep(objects: Path, pieces: Iterable[bytes]) -> str:
    """Store the joined pieces without holding them in memory; returns their SHA-256 in hex."""
    objects.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with NamedTemporaryFile(dir=objects, prefix=UNFINISHED, delete=False) as file:
        unfinished = Path(file.name)
        try:
            for piece in pieces:
                digest.update(piece)
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
    name = digest.hexdigest()
    place = object_path(objects, name)
    place.parent.mkdir(exist_ok=True)
    unfinished.replace(place)
    return name
