"""From a scanned code to the unit, lot or other thing that is recorded under it."""

from __future__ import annotations

from dataclasses import dataclass

from assay.model.codes.recognise import Recognised
from assay.store.workspace import Workspace

_SQL = """
SELECT subject_kind AS kind, subject AS id FROM movement WHERE subject IN (SELECT unnest($ids))
UNION
SELECT subject_kind AS kind, subject AS id FROM measurement WHERE subject IN (SELECT unnest($ids))
"""
_ORDER = ("unit", "lot")


@dataclass(frozen=True, slots=True)
class Thing:
    """Something that is recorded in the plant."""

    kind: str
    """``unit``, ``lot`` …"""
    id: str
    """Its id."""


def thing_of(workspace: Workspace, code: Recognised) -> Thing | None:
    """What is recorded under a code: by the whole of it, else by its serial number, lot or key.

    Units come before lots. None: nothing is.
    """
    ids = list(code.ids)
    rows = workspace.lake.query(_SQL, {"ids": ids}).to_pylist()
    found = [Thing(str(row["kind"]), str(row["id"])) for row in rows if row["kind"] and row["id"]]
    ranks = {kind: rank for rank, kind in enumerate(_ORDER)}
    return min(found, key=lambda one: (ids.index(one.id), ranks.get(one.kind, len(ranks))), default=None)
