"""Loads files in forked processes, so that each can be killed: reads ``PLANT FILE MAPPING`` lines.

Answers each line with the child's process id; the next line asks for its exit status. Forking from a process
that has only imported makes a start cost milliseconds.
"""

from __future__ import annotations

from pathlib import Path

from forking import serve

from assay.connect import loader, replay  # noqa: F401 - imported before the fork, not after
from assay.connect.files import csv_source
from assay.connect.load import load_file
from assay.store.workspace import Workspace


def work(plant: str, file: str, mapping: str) -> None:
    csv_source.BLOCK_BYTES = 65_536  # many blocks, many places to die
    csv_source.LINE_LIMIT = 16_384
    with Workspace.open(plant) as workspace:
        load_file(workspace, Path(file), Path(mapping))


if __name__ == "__main__":
    serve(work)
