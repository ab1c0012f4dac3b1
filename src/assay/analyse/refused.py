"""Records of an answer that the gate refused as evidence: data all the same, and told apart."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from assay.genealogy import EXECUTION, Key
from assay.ledger.gate.verdict import REFUSED
from assay.store.workspace import Workspace


@dataclass(frozen=True)
class RefusedRecord:
    """A record that the gate refused as evidence.

    Attributes
    ----------
    record
        Its name: ``table:source/epoch/seq``.
    what
        Its role, of a movement; its characteristic, of a measurement; else None.
    reasons
        Codes of why it was refused (:data:`assay.ledger.gate.verdict.REASONS`); they stay.
    outcome
        What holds now: ``refused``, or ``overridden``, ``accepted`` or ``no_policy`` since.
    refused, decided
        Its index in the log of refusals, and that of the entry by which it is refused no more.
    """

    record: str
    what: str | None
    reasons: tuple[str, ...]
    outcome: str
    refused: int
    decided: int | None

    @property
    def stands(self) -> bool:
        """Whether it is still refused."""
        return self.outcome == REFUSED

    def to_dict(self) -> dict[str, Any]:
        """The record as plain JSON values."""
        return {**asdict(self), "reasons": list(self.reasons)}


class RefusedRecords:
    """The refused records about some things; a plant whose gate refused nothing has none, at no cost.

    Parameters
    ----------
    workspace
        The plant.
    keys
        The things.
    """

    def __init__(self, workspace: Workspace, keys: Collection[Key]) -> None:
        self._of_step: dict[str, list[tuple[dict[str, Any], RefusedRecord]]] = {}
        self._of_thing: dict[str, list[tuple[dict[str, Any], RefusedRecord]]] = {}
        table = workspace.refused.table()
        if not len(table):
            return
        ids = pa.array({key.id for key in keys}, pa.string())
        about = pc.or_kleene(pc.is_in(table["subject"], ids), pc.is_in(table["execution"], ids))
        for row in table.filter(about).to_pylist():
            one = _record(row)
            if row["execution"] is not None:
                self._of_step.setdefault(row["execution"], []).append((row, one))
            if row["subject"] is not None:
                self._of_thing.setdefault(row["subject"], []).append((row, one))

    def of(self, key: Key) -> tuple[RefusedRecord, ...]:
        """Those about a unit, lot or execution; of a thing also its movements."""
        if key.kind == EXECUTION:
            found = self._of_step.get(key.id, [])
            return tuple(one for row, one in found if row["segment"] in {None, key.segment or None})
        found = self._of_thing.get(key.id, [])
        return tuple(one for row, one in found if row["subject_kind"] in {None, key.kind})

    def of_movement(self, ends: tuple[Key, Key], role: str) -> tuple[RefusedRecord, ...]:
        """Those that say one movement, between two things, one of which is the execution."""
        step, thing = ends if ends[0].kind == EXECUTION else ends[::-1]
        found = self._of_step.get(step.id, []) if step.kind == EXECUTION else []
        wanted = (role, thing.id, thing.kind)
        return tuple(
            one
            for row, one in found
            if (row["role"], row["subject"], row["subject_kind"]) == wanted
            and row["segment"] in {None, step.segment or None}
        )


def _record(row: dict[str, Any]) -> RefusedRecord:
    source = row["source"].replace("%", "%25").replace("/", "%2F")
    return RefusedRecord(
        record=f"{row['kind']}:{source}/{row['epoch']}/{row['seq']}",
        what=row["role"] or row["characteristic"],
        reasons=tuple(filter(None, row["reasons"].split(", "))),
        outcome=row["outcome"],
        refused=row["refused"],
        decided=row["decided"],
    )
