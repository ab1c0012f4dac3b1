"""Erasing with what was derived: tables made from rows that are gone are made again without them."""

from __future__ import annotations

from assay.query.layers.derive import derive
from assay.store.evidence_erasure import Erased
from assay.store.plant_evidence import erase_subject
from assay.store.workspace import Workspace


def erase(workspace: Workspace, subject: str, why: str) -> Erased:
    """Erase a subject (:func:`assay.store.evidence_erasure.erase`), and derive what there is of tables again.

    Raises
    ------
    LedgerError
        Nothing is erased: nothing logged is about the subject, or the log can't be written.
    StoreError
        The lake can't be read or written; the next erasure or checkpoint goes on.
    """
    done = erase_subject(workspace, subject, why)
    derived = workspace.lake.derived.names()
    if derived:
        derive(workspace, derived)
    return done
