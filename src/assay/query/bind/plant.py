"""The readings of a plant: derived ones where there are, those as received otherwise, and the hot ones."""

from __future__ import annotations

from assay.query.bind.files import FileReadings
from assay.store.place import located
from assay.store.snapshot import Snapshot
from assay.store.workspace import Workspace


def plant_readings(workspace: Workspace, snapshot: Snapshot) -> FileReadings:
    """Every reading of a snapshot, each signal, equipment and time once."""
    from assay.query.layers.fresh import readings

    found = readings(workspace, snapshot)
    filesystem, files = located(found.files)
    return FileReadings(files, filesystem=filesystem, ordered=found.ordered, hot=found.tail)
