"""A loader in a process of its own that dies at a named point: ``crashing_loader.py PLANT NUMBER POINT``."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from store_rows import load

from assay.store import Workspace, lake, staging
from assay.store.delta import LakeTable
from assay.store.place import Place
from assay.store.registry import Registry


def die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def before(call: Callable[..., Any], number: int) -> Callable[..., Any]:
    """Die instead of the ``number``-th call."""
    calls = iter(range(number))

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if next(calls, None) is None:
            die()
        return call(*args, **kwargs)

    return wrapped


POINTS: dict[str, tuple[Any, str, int]] = {
    "before the load is entered": (Registry, "begin_load", 0),
    "before master data": (Registry, "upsert_entities", 0),
    "before anything is staged": (lake.Lake, "stage", 0),
    "while the first file is written": (staging.StagedWriter, "_close", 0),
    "between two files": (staging.StagedWriter, "_close", 2),
    "between staging two kinds": (lake.Lake, "stage", 1),
    "between staging and commit": (lake.Lake, "commit_load", 0),
    "before the intent is written": (lake, "write_intent", 0),
    "before the first commit": (LakeTable, "commit", 0),
    "between two kinds' commits": (LakeTable, "commit", 1),
    "before the intent is removed": (Path, "unlink", 0),
    "after the commits": (Registry, "finish_load", 0),
    "nowhere": (Registry, "users", 0),
}
SENDING: dict[str, tuple[Any, str, int]] = {"between two kinds' files": (Place, "take", 1)}
"""Points that only a lake in a bucket passes."""

if __name__ == "__main__":
    plant, number, point = sys.argv[1:]
    owner, name, calls = (POINTS | SENDING)[point]
    setattr(owner, name, before(getattr(owner, name), calls))
    with Workspace.open(plant) as workspace, workspace.load_lock():
        load(workspace, int(number))
