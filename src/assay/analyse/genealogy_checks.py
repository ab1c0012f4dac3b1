"""Checks of a plant's genealogy: what its movements say that can't be, with the records that say so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from assay.analyse.doubts import GenealogyDoubt, Record, movements_of, named, unbrought_but_known
from assay.genealogy import Index
from assay.genealogy.actuals import Actuals
from assay.genealogy.checks import Tolerances, checked
from assay.genealogy.finding import Finding
from assay.model.kinds import RecordKind
from assay.model.text import Text
from assay.plugins.contracts import OperatorManifest, Progress
from assay.query.genealogy import index_of
from assay.store.snapshot import Snapshot
from assay.store.views import copy_table
from assay.store.workspace import Workspace

_RECORDS = """
SELECT DISTINCT w.finding, w.row, m.source, m.epoch, m.seq FROM wanted w JOIN movement m
ON m.execution = w.execution AND m.role = w.role AND m.subject = w.subject
AND m.subject_kind = w.subject_kind AND m.position IS NOT DISTINCT FROM w.position
AND (m.segment IS NULL OR m.segment = w.segment)
ORDER BY w.finding, w.row, m.source, m.epoch, m.seq
"""


@dataclass(frozen=True)
class GenealogyChecks:
    """What the checks found.

    Attributes
    ----------
    doubts
        The first of each kind.
    counts
        How many there are of each kind; 0 for a kind that was looked for in vain.
    movements
        How many movements were looked at.
    """

    doubts: tuple[GenealogyDoubt, ...]
    counts: Mapping[str, int]
    movements: int

    def to_dict(self) -> dict[str, Any]:
        """The checks as plain JSON values."""
        return {
            "movements": self.movements,
            "counts": dict(self.counts),
            "doubts": [doubt.to_dict() for doubt in self.doubts],
        }


def genealogy_checks(
    workspace: Workspace,
    *,
    tolerances: Tolerances | None = None,
    most: int = 100,
    as_of: datetime | None = None,
) -> GenealogyChecks:
    """Look at all movements of a plant; nothing is repaired.

    Parameters
    ----------
    tolerances
        What is no contradiction yet: shares of amounts, seconds between clocks.
    most
        Doubts of each kind to be written out; all are counted.
    as_of
        The plant as known on this moment, with time zone.

    Raises
    ------
    QueryError
        ``as_of`` has no time zone or lies in the future.
    """
    state = None if as_of is None else workspace.lake.snapshot(as_of=as_of)
    index = index_of(workspace, state)
    with index.lock:
        actuals = Actuals.of(index)
        declared = unbrought_but_known(workspace, state, index)
        found = checked(actuals, declared=declared, tolerances=tolerances, most=most)
        records = _records(workspace, state, index, found.findings)
        doubts = named(index, found.findings, records)
    return GenealogyChecks(doubts, found.counts, len(actuals.edges))


class CheckArguments(BaseModel):
    """What a check of the genealogy can be told."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    share: float = Field(
        default=Tolerances().share, ge=0, lt=1, description="Part by which weighed amounts may be off."
    )
    uncertainty: float = Field(
        default=Tolerances().uncertainty, ge=0, description="Seconds by which two clocks may differ."
    )
    most: int = Field(default=100, ge=1, le=10_000, description="Doubts of each kind to be written out.")
    as_of: AwareDatetime | None = Field(default=None, description="The plant as known on this moment.")

    def ask(self, workspace: Workspace) -> GenealogyChecks:
        """The checks of these arguments."""
        within = Tolerances(self.share, self.uncertainty)
        return genealogy_checks(workspace, tolerances=within, most=self.most, as_of=self.as_of)


def _records(
    workspace: Workspace, state: Snapshot | None, index: Index, findings: Sequence[Finding]
) -> list[tuple[Record, ...]]:
    """The records of the first movements of each finding."""
    rows = [
        {"finding": number, "row": row, **asdict(movement)}
        for number, movements in enumerate(movements_of(index, findings))
        for row, movement in enumerate(movements)
    ]
    if not rows:
        return []
    with closing(workspace.lake.connect(state)) as connection:
        copy_table(connection, "wanted", pa.Table.from_pylist(rows, _WANTED))
        found = connection.execute(_RECORDS).to_arrow_table().to_pylist()
    records: list[list[Record]] = [[] for _ in findings]
    for one in found:
        records[one["finding"]].append(Record(one["source"], one["epoch"], one["seq"]))
    return [tuple(dict.fromkeys(one)) for one in records]


_WANTED = pa.schema(
    [
        *((name, pa.int64()) for name in ("finding", "row")),
        *(
            (name, pa.string())
            for name in ("segment", "execution", "role", "subject", "subject_kind", "position")
        ),
    ]
)


def _operate(workspace: Workspace, arguments: CheckArguments, _: Progress | None) -> GenealogyChecks:
    return arguments.ask(workspace)


MANIFEST = OperatorManifest(
    id="doubts",
    version="0.1.0",
    title=Text(zh="谱系疑点", en="Doubts"),
    description=Text(
        zh="检查全部移动记录，指出彼此矛盾或无法成立之处、相关记录与处理办法。",
        en="Checks all recorded movements for what can't be: which records say so, and what to do.",
    ),
    config=CheckArguments,
    capabilities=frozenset({"table"}),
    run=_operate,
    reads=frozenset({RecordKind.ENTITY, RecordKind.MOVEMENT}),
)
