"""What of the evidence goes into a backup: logs up to a whole record, and encrypted payloads; never a key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from assay.ledger.derived import CHECKPOINT, Derived
from assay.ledger.gate.openings import FOLDER
from assay.ledger.place import LOG_KEY
from assay.ledger.segment import Record, read_segment, record_bytes, segments
from assay.ledger.tiles import tiles_between


def evidence_files(plant: Path) -> Iterator[tuple[str, bytes]]:
    """The files of a plant's evidence, by their path below it, as of one checkpoint; logging may go on.

    Take them before the lake's: then every batch that was logged is in it.
    """
    for folder in sorted((plant / "ledger").glob("*/")):
        if (folder / LOG_KEY).is_file():
            for name, data in _log_files(folder):
                yield f"ledger/{folder.name}/{name}", data
    for file in sorted((plant / "ledger" / FOLDER).glob("*")):
        yield file.relative_to(plant).as_posix(), file.read_bytes()
    for file in sorted((plant / "evidence").glob("*/*")):
        if not file.name.startswith("."):
            yield file.relative_to(plant).as_posix(), file.read_bytes()


def _log_files(folder: Path) -> Iterator[tuple[str, bytes]]:
    derived = Derived(folder)
    published = derived.published()
    if published is not None:
        note, seen = published
        for tile in tiles_between(0, seen.size):
            yield tile.path, derived.read(tile)
        yield CHECKPOINT, bytes(note)
    for path in segments(folder / "segment"):
        end = 0
        for found in read_segment(path, int(path.stem)):
            if isinstance(found, Record):
                end = found.offset + len(record_bytes(found.index, found.entry))
        if end:
            yield f"segment/{path.name}", path.read_bytes()[:end]
    yield LOG_KEY, (folder / LOG_KEY).read_bytes()
