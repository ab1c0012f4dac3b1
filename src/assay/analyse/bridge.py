"""Bridge: which piece that went into a step without labels is which that came out, by a plant's records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from assay.analyse.errors import BridgeRefusal
from assay.analyse.recording import record_inferred
from assay.genealogy.adjacency import INPUT_ROLES, OUTPUT_ROLES
from assay.genealogy.furnace_batch import match_batches
from assay.genealogy.queue_errors import CATALOGUE
from assay.genealogy.queue_matcher import Counts, Rates, match
from assay.genealogy.queue_result import Doubt, Matching
from assay.model.kinds import RecordKind
from assay.model.text import Text
from assay.plugins.contracts import OperatorManifest, Progress
from assay.store.workspace import Workspace

SOURCE = "bridge"
"""The source of the movements that :func:`write_bridge` records."""
LEAST = 0.01
"""Probability below which a pair outside every group is not recorded."""
_DISORDER = 0.05
"""Share of records earlier than the one before, above which records are put in the order of time."""
_LANES = frozenset({"equipment", "position", "recipe", "work_order", "material"})
_SIDES = """
SELECT subject, subject_kind, coalesce({time}) AS time, carrier, position, {lane} AS lane, equipment
FROM movement
WHERE segment = $segment AND role IN ({roles}) AND source <> '{source}'
  AND ($begin IS NULL OR coalesce({time}) >= $begin) AND ($end IS NULL OR coalesce({time}) < $end)
ORDER BY source, epoch, seq
"""


@dataclass(frozen=True)
class Bridge:
    """What the matcher says of one step.

    Attributes
    ----------
    segment
        The step, and the segment the bridging movements are recorded under.
    matching
        Probabilities by row of ``before`` and ``after``.
    before, after
        The counts of both sides: subject, subject_kind, time, carrier, position, lane.
    edges
        ``source, target, confidence, group, reason``: pairs in a group, or of at least 1 %.
    doubts
        What a person should know about the counts.
    """

    segment: str
    matching: Matching
    before: pa.Table
    after: pa.Table
    edges: pa.Table
    doubts: tuple[Doubt, ...]

    def alone(self) -> pa.Table:
        """``side, subject, probability`` of each count having no counterpart."""
        sides = (("in", self.before, self.matching.scrapped), ("out", self.after, self.matching.added))
        return pa.concat_tables(
            pa.table(
                {
                    "side": pa.array([side] * len(rows), pa.string()),
                    "subject": rows.column("subject").cast(pa.string()),
                    "probability": pa.array(chance, pa.float64()),
                }
            )
            for side, rows, chance in sides
        )

    def to_dict(self) -> dict[str, Any]:
        """The bridge as plain JSON values."""
        residence, sizes = self.matching.residence, self.matching.groups().sizes
        return {
            "segment": self.segment,
            "before": len(self.before),
            "after": len(self.after),
            "basis": list(self.matching.basis),
            "residence": None
            if residence is None
            else {"value": residence.value, "low": residence.low, "high": residence.high, "unit": "s"},
            "mean_group": float(sizes.mean()) if len(sizes) else None,
            "edges": self.edges.to_pylist(),
            "doubts": [
                {"kind": one.kind, "side": one.side, "rows": list(one.rows), "said": one.said.model_dump()}
                for one in self.doubts
            ],
        }


def bridge(
    workspace: Workspace,
    segment: str,
    *,
    residence: float | None = None,
    tolerance: float | None = None,
    into: str | None = None,
    lane: str | None = None,
    by_carrier: bool = False,
    between: tuple[datetime | None, datetime | None] = (None, None),
    rates: Rates | None = None,
) -> Bridge:
    """Match what was recorded going into a step with what was recorded coming out of it.

    Parameters
    ----------
    segment
        The step whose consumed and used actuals are the in side.
    residence, tolerance
        Nominal time inside and how far it may be off, s; None to go by order and carriers alone.
    into
        The segment whose produced actuals are the out side; by default the same.
    lane
        A column of movements that tells parallel lanes apart, such as ``equipment``.
    by_carrier
        Whether pieces go in and out in batches on carriers, in no order.
    between
        First time and the time after the last, of the counts of both sides.
    rates
        What is expected to go wrong.

    Raises
    ------
    AnalysisError
        Nothing was recorded on either side, or ``lane`` is no column that can tell lanes apart.
    MatchError
        Residence or tolerance make no sense.
    """
    if lane is not None and lane not in _LANES:
        raise BridgeRefusal.of("lane", lane=lane, known=", ".join(sorted(_LANES)))
    before = _side(workspace, segment, lane, between, going_in=True)
    after = _side(workspace, into or segment, lane, between, going_in=False)
    if not len(before) and not len(after):
        raise BridgeRefusal.of("nothing", segment=segment)
    timed = residence is not None
    counts = [_counts(rows, timed=timed, laned=lane is not None) for rows in (before, after)]
    nominal: dict[str, Any] = {"residence": residence, "tolerance": tolerance, "rates": rates}
    if by_carrier:
        places = [rows.column("position").to_pylist() for rows in (before, after)]
        matching = match_batches(*counts, positions_in=places[0], positions_out=places[1], **nominal)
    else:
        matching = match(*counts, **nominal)
    ids = [rows.column("subject").combine_chunks() for rows in (before, after)]
    edges = matching.edges(ids[0], ids[1], least=LEAST)
    return Bridge(
        segment,
        matching,
        before,
        after,
        edges,
        (*matching.doubts, *_twice("in", before), *_twice("out", after)),
    )


def write_bridge(workspace: Workspace, found: Bridge, *, by: str = "matcher") -> int:
    """Record the edges as inferred movements, so that traces carry them; returns how many rows were new.

    Each out piece gets an execution of its own, which consumed its alternatives, each with its confidence.
    Edges recorded before that are different now are corrected; writing the same bridge again changes nothing.
    """
    kinds = [_kinds(rows) for rows in (found.before, found.after)]
    times = dict(
        zip(found.after.column("subject").to_pylist(), found.after.column("time").to_pylist(), strict=True)
    )
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for edge in found.edges.to_pylist():
        source, target = edge["source"], edge["target"]
        execution = f"{SOURCE}:{found.segment}/{target}"
        base = {
            "execution": execution,
            "segment": found.segment,
            "time": times[target],
            "basis": edge["reason"],
        }
        rows.setdefault((execution, ""), base | _actual("produced", target, kinds[1][target]))
        row = base | _actual("consumed", source, kinds[0][source])
        rows[execution, source] = row | {"confidence": edge["confidence"], "choice": execution}
    return record_inferred(workspace, SOURCE, found.segment, list(rows.values()), by=by)


def _actual(role: str, subject: str, kind: str) -> dict[str, Any]:
    return {"role": role, "subject": subject, "subject_kind": kind, "quantity": 1.0}


def _kinds(rows: pa.Table) -> dict[str, str]:
    return dict(zip(rows.column("subject").to_pylist(), rows.column("subject_kind").to_pylist(), strict=True))


def _side(
    workspace: Workspace,
    segment: str,
    lane: str | None,
    between: tuple[datetime | None, datetime | None],
    *,
    going_in: bool,
) -> pa.Table:
    """The counts of one side, in the order they were recorded in where that is nearly the order of time."""
    roles = INPUT_ROLES if going_in else OUTPUT_ROLES
    begin, end = between
    rows = workspace.lake.query(
        _SIDES.format(
            time="time, started, ended" if going_in else "time, ended, started",
            lane=lane or "NULL",
            roles=", ".join(f"'{role.value}'" for role in sorted(roles)),
            source=SOURCE,
        ),
        {"segment": segment, "begin": begin, "end": end},
    )
    times = rows.column("time").cast(pa.int64()).drop_null().to_numpy()
    if len(times) > 1 and float((np.diff(times) < 0).mean()) > _DISORDER:
        return rows.sort_by([("time", "ascending")])
    return rows


def _counts(rows: pa.Table, *, timed: bool, laned: bool) -> Counts:
    carriers = rows.column("carrier").to_pylist()
    return Counts.of(
        rows.column("time").to_numpy() if timed else None,
        size=len(rows),
        carriers=carriers if any(name is not None for name in carriers) else None,
        lanes=rows.column("lane").to_pylist() if laned else None,
    )


def _twice(side: str, rows: pa.Table) -> list[Doubt]:
    """Subjects that were counted on this side more than once."""
    subjects: Sequence[str] = rows.column("subject").to_pylist()
    first = {name: row for row, name in reversed(list(enumerate(subjects)))}
    again = tuple(row for row, name in enumerate(subjects) if first[name] != row)
    said = CATALOGUE.text("doubt.subject-twice", side=side, count=len(again))
    return [Doubt("subject-twice", side, again, said)] if again else []


class BridgeArguments(BaseModel):
    """Arguments of the operator ``bridge``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    segment: str = Field(min_length=1, description="The step whose consumed and used actuals go in.")
    residence: float | None = Field(default=None, description="Nominal time inside, s; null for order alone.")
    tolerance: float | None = Field(default=None, description="How far the residence may be off, s.")
    into: str | None = Field(default=None, description="The segment whose produced actuals come out.")
    lane: str | None = Field(
        default=None, description=f"What tells parallel lanes apart: {', '.join(sorted(_LANES))}."
    )
    by_carrier: bool = Field(default=False, description="Whether pieces go through in batches on carriers.")
    since: AwareDatetime | None = Field(default=None, description="First time of the counts of both sides.")
    until: AwareDatetime | None = Field(default=None, description="The time after the last.")

    def ask(self, workspace: Workspace) -> Bridge:
        """The bridge of these arguments."""
        return bridge(
            workspace,
            self.segment,
            residence=self.residence,
            tolerance=self.tolerance,
            into=self.into,
            lane=self.lane,
            by_carrier=self.by_carrier,
            between=(self.since, self.until),
        )


def _operate(workspace: Workspace, arguments: BridgeArguments, _: Progress | None) -> Bridge:
    return arguments.ask(workspace)


MANIFEST = OperatorManifest(
    id="bridge",
    version="0.1.0",
    title=Text(zh="断点桥接", en="Bridge"),
    description=Text(
        zh="在标识丢失的工序（如炉子）两侧配对单件，给出校准的概率与候选组。",
        en="Pairs pieces across a step that loses labels, such as a furnace, with calibrated probabilities.",
    ),
    config=BridgeArguments,
    capabilities=frozenset({"trace", "table"}),
    run=_operate,
    reads=frozenset({RecordKind.MOVEMENT}),
)
