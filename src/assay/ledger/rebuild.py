"""Making the derived files of a log anew from its segments; the segments, keys and heads are not touched."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from assay.ledger.audit import audit
from assay.ledger.checkpoint import Checkpoint
from assay.ledger.derived import CHECKPOINT, Derived, Edge
from assay.ledger.disk import write_whole
from assay.ledger.errors import LogError
from assay.ledger.merkle import leaf_hash
from assay.ledger.notes import Note
from assay.ledger.place import LOG_KEY, Place, keys_text, read_keys
from assay.ledger.segment import Break, read_runs
from assay.ledger.standing import standing_of, statements_in
from assay.ledger.writer import locked


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What was made anew: entries of the log, files that differed before."""

    size: int
    mended: int


def rebuild(place: Place) -> Rebuilt:
    """Make tiles, bundles, checkpoint and index of a log anew, up to what was signed last.

    Raises
    ------
    LogError
        The log is being written, its head is missing, or its entries do not lead to the head that was signed.
    """
    with locked(place.folder):
        differed = sum(found.rebuildable for found in audit(place.folder, quick=True).findings)
        if not place.head.exists():
            raise LogError.of("no_head", path=place.head)
        note = Note.parse(place.head.read_bytes())
        head = Checkpoint.parse(note.text)
        founding = read_keys(place.folder, 1)[0]
        keys = standing_of(founding, statements_in(place.segments)).keys
        if head.origin != founding.name or not note.signers(keys):
            raise LogError.of("no_head", path=place.head)
        derived, edge = Derived(place.folder), Edge()
        _signed(place, head)
        write_whole(place.folder / LOG_KEY, keys_text(keys))
        shutil.rmtree(place.folder / "tile", ignore_errors=True)
        for entries, leaves in _entries(place, head.size):
            derived.write(edge.extend(entries, leaves))
        derived.write(edge.partial())
        derived.publish(note)
        place.index.unlink(missing_ok=True)
        for path in _unknown(place.folder):
            path.unlink()
        return Rebuilt(edge.size, differed)


def _signed(place: Place, head: Checkpoint) -> None:
    """Check that the entries lead to ``head`` before anything is taken away."""
    edge = Edge()
    for entries, leaves in _entries(place, head.size):
        edge.extend(entries, leaves)
    if edge.size != head.size:
        raise LogError.of("lost_signed", size=edge.size, signed=head.size)
    if edge.root() != head.root:
        raise LogError.of("forked", size=head.size)


def _entries(place: Place, size: int) -> Iterator[tuple[list[bytes], list[bytes]]]:
    """The first ``size`` entries of the segments and their leaf hashes, a segment at a time."""
    for run in read_runs(place.segments):
        if isinstance(run, Break) or run.first >= size:
            return
        entries = run.entries[: size - run.first]
        yield entries, [leaf_hash(entry) for entry in entries]


def _unknown(folder: Path) -> list[Path]:
    """What an interrupted write left beside the log's own files."""
    return [one for one in folder.glob(".*.new") if one.name[1:-4] in {LOG_KEY, CHECKPOINT}]
