"""Changes the registry, or captures events, in forked processes that kill themselves.

Reads ``PLANT WHAT STEP`` lines; the events of a step are in a file beside the plant.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from evidence_plant import soon
from forking import serve

from assay.exchange.epcis import validate
from assay.exchange.epcis.records import bring_in
from assay.exchange.epcis.repository import Repository
from assay.ledger.submitter import Submitter
from assay.model.attributes import Attribute
from assay.store import evidence
from assay.store.evidence_captures import CAPTURES
from assay.store.evidence_index import EvidenceIndex
from assay.store.evidence_payloads import Payloads
from assay.store.registry import Registry
from assay.store.registry_changes import SOURCE
from assay.store.workspace import Workspace


def die(*_: Any, **__: Any) -> None:
    """End as if the power had failed."""
    os.kill(os.getpid(), signal.SIGKILL)


def about(source: str) -> Callable[..., bool]:
    """Whether a step is taken for a source: the same steps are taken for others before."""

    def mine(*args: Any) -> bool:
        return any(source in repr(one) for one in args)

    return mine


def dying(method: Callable[..., Any], mine: Callable[..., bool], *, done: bool) -> Callable[..., Any]:
    """Die before what is meant, or once it is done."""

    def taken(*args: Any, **named: Any) -> Any:
        meant = mine(*args[1:], *named.values())
        if meant and not done:
            die()
        result = method(*args, **named)
        if meant:
            die()
        return result

    return taken


STEPS: dict[str, tuple[type, str, bool]] = {
    "changed": (evidence.Evidence, "noticed", False),
    "before-sealing": (Payloads, "seal", False),
    "sealed": (Payloads, "seal", True),
    "before-sending": (Submitter, "append", False),
    "acknowledged": (Submitter, "append", True),
    "before-noting": (EvidenceIndex, "note", False),
    "noted": (EvidenceIndex, "note", True),
}
"""Steps that are the same for changes of the registry and captures."""
REGISTRY = STEPS | {"taken-out": (Registry, "logged", True)}
CAPTURED = STEPS | {"moved": (EvidenceIndex, "move", True)}


def change(workspace: Workspace, step: str) -> None:
    """Change an account, a declaration and master data."""
    workspace.registry.set_user("administrator", f"hash {step}")
    workspace.registry.declare_attributes([Attribute(name=f"of_{len(step)}", kind="movement")])
    workspace.registry.upsert_entities("equipment", [{"id": f"press-{step}", "name": "Press"}])


def capture(workspace: Workspace, step: str) -> None:
    """Capture the events of the step, and log them with their records."""
    repository = Repository(workspace)
    document = json.loads((workspace.path.parent / f"{step}.json").read_text())
    assert repository.capture(validate(document)).success
    bring_in(workspace, repository)
    workspace.lake.hot.flush()


def work(plant: str, what: str, step: str) -> None:
    """Do ``what``; die at the step."""
    steps, source = (REGISTRY, SOURCE) if what == "registry" else (CAPTURED, CAPTURES)
    with Workspace.open(Path(plant)) as workspace:
        soon(workspace.evidence)
        if step in steps:
            owner, name, done = steps[step]
            always = name in {"noticed", "append", "logged"}
            mine = (lambda *_: True) if always else about(source)
            setattr(owner, name, dying(getattr(owner, name), mine, done=done))
        (change if what == "registry" else capture)(workspace, step)


if __name__ == "__main__":
    serve(work)
