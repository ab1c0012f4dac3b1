"""Looks for alarms in forked processes that kill themselves at a step: reads ``PLANT STEP`` lines."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

from evidence_plant import soon
from forking import serve

from assay.analyse import watching
from assay.ledger.submitter import Submitter
from assay.store import evidence
from assay.store.lake import Lake
from assay.store.workspace import Workspace


def die(*_: Any, **__: Any) -> None:
    """End as if the power had failed."""
    os.kill(os.getpid(), signal.SIGKILL)


def work(plant: str, step: str) -> None:
    """Look for alarms; die before they are committed, before they are logged, or once they are."""
    with Workspace.open(Path(plant)) as workspace:
        soon(workspace.evidence)
        if step == "before-recording":
            Lake.commit_load = die  # type: ignore[method-assign,assignment]
        elif step == "recorded":
            evidence.Evidence.noticed = die  # type: ignore[method-assign,assignment]
        elif step == "acknowledged":
            append = Submitter.append

            def taken(*args: Any, **named: Any) -> None:
                append(*args, **named)
                die()

            Submitter.append = taken  # type: ignore[method-assign,assignment]
        watching.look(workspace)
        workspace.evidence.noticed()


if __name__ == "__main__":
    serve(work)
