"""Derives in forked processes, so that each can be killed: reads one ``PLANT`` a line.

Answers each line with the child's process id; the next line asks for its exit status.
"""

from __future__ import annotations

from forking import serve

from assay.query import layers
from assay.query.bind import features, files, scanning  # noqa: F401 - imported before the fork, not after
from assay.store.workspace import Workspace


def work(plant: str) -> None:
    with Workspace.open(plant) as workspace:
        layers.derive(workspace)


if __name__ == "__main__":
    serve(work)
