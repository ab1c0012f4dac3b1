"""Records rows in forked processes that kill themselves at a step: reads ``PLANT STEP`` lines."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from evidence_plant import load, readings, soon
from forking import serve

from assay.ledger.submitter import Submitter
from assay.store import evidence, notary  # noqa: F401 - imported before the fork, not after
from assay.store.evidence_index import EvidenceIndex
from assay.store.evidence_payloads import Payloads
from assay.store.keys import LoadKey
from assay.store.workspace import Workspace


def die(*_: Any, **__: Any) -> None:
    """End as if the power had failed."""
    os.kill(os.getpid(), signal.SIGKILL)


def after(method: Callable[..., Any]) -> Callable[..., Any]:
    """Do it, then die."""

    def done(*args: Any, **named: Any) -> None:
        method(*args, **named)
        die()

    return done


STEPS: dict[str, tuple[type, str, bool]] = {
    "committed": (evidence.Evidence, "noticed", False),
    "sealed": (Payloads, "seal", True),
    "acknowledged": (Submitter, "append", True),
    "noted": (EvidenceIndex, "note", True),
    "moved": (EvidenceIndex, "move", True),
}


def work(plant: str, step: str) -> None:
    """Load two hundred rows and flush as many; die on the way."""
    if step in STEPS:
        owner, name, done = STEPS[step]
        setattr(owner, name, after(getattr(owner, name)) if done else die)
    with Workspace.open(Path(plant)) as workspace:
        if step == "sealed":
            (Path(plant) / "model.yaml").write_text("version: 1\n")
        soon(workspace.evidence)
        load(workspace, "reading", [readings(200)], LoadKey("press", step))
        workspace.lake.hot.append("reading", readings(200, first=500), LoadKey("hot", step))
        workspace.lake.hot.flush()


if __name__ == "__main__":
    serve(work)
