"""Mixing on a plant: which lots that went into a silo, tank or flow are in what was drawn from it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from assay.analyse.recording import record_inferred
from assay.genealogy.adjacency import INPUT_ROLES, OUTPUT_ROLES
from assay.genealogy.mixing import (
    LEAST,
    Discipline,
    Flow,
    Mixture,
    Portions,
    Vessel,
    Windows,
    flowed,
    stored,
)
from assay.genealogy.mixing_errors import MixError
from assay.genealogy.queue_errors import CATALOGUE
from assay.genealogy.queue_result import Doubt
from assay.model.kinds import RecordKind
from assay.model.text import Text
from assay.model.units import comparable, convert
from assay.plugins.contracts import OperatorManifest, Progress
from assay.query.standing import standing
from assay.store.workspace import Workspace

SOURCE = "mixing"
"""The source of the movements that :func:`write_mix` records."""
PIECE = "{piece}"
Clock = Literal["quantity", "time"]
Model = Literal["first-in-first-out", "mixed", "last-in-first-out", "flow"]
Floats = NDArray[np.float64]
_CLEAR = 1e-6
"""A part of a portion that is worth a word."""
_SIDE = """
WITH mine AS (SELECT * FROM movement WHERE segment = $segment AND source <> '{source}'),
{standing}
SELECT execution, subject, subject_kind, quantity, unit, coalesce(started, time, ended) AS began,
coalesce(ended, time, started) AS ended, equipment
FROM standing WHERE role IN ({roles}){more}
AND ($begin IS NULL OR coalesce({time}) >= $begin) AND ($end IS NULL OR coalesce({time}) < $end)
ORDER BY coalesce({time}), source, epoch, seq
"""
_FACT = ("execution", "role", "subject_kind", "subject")


@dataclass(frozen=True, eq=False)
class Mixing:
    """What was drawn from one vessel, by lot.

    Attributes
    ----------
    segment, vessel
        The step, and the equipment material was mixed in; None where none was recorded.
    unit
        Of all quantities.
    put, drawn
        What went in and what came out: ``execution, subject, subject_kind, quantity, began, ended``.
    edges
        ``lot, kind, drawn, execution, quantity, share, confidence``: how much of a portion is of a lot.
    left
        ``lot, quantity``: what is still inside of each.
    balance
        Quantities: ``put``, ``drawn``, ``before`` (drawn, of what was inside at first), ``missing`` (drawn,
        not accounted for) and ``left`` (of what was put in): put + before + missing = drawn + left.
    mixture
        The same by rows of ``put`` and ``drawn``.
    doubts
        What a person should know about the records.
    """

    segment: str
    vessel: str | None
    unit: str | None
    put: pa.Table
    drawn: pa.Table
    edges: pa.Table
    left: pa.Table
    balance: dict[str, float]
    mixture: Mixture
    doubts: tuple[Doubt, ...]

    def to_dict(self) -> dict[str, Any]:
        """The mixing as plain JSON values."""
        return {
            "segment": self.segment,
            "vessel": self.vessel,
            "unit": self.unit,
            "put": len(self.put),
            "drawn": len(self.drawn),
            "balance": dict(self.balance),
            "edges": self.edges.to_pylist(),
            "left": self.left.to_pylist(),
            "doubts": [
                {"kind": one.kind, "side": one.side, "rows": list(one.rows), "said": one.said.model_dump()}
                for one in self.doubts
            ],
        }


def mix(
    workspace: Workspace,
    segment: str,
    model: Vessel | Flow,
    *,
    vessel: str | None = None,
    into: str | None = None,
    clock: Clock = "quantity",
    piece: tuple[float, str] | None = None,
    least: float = LEAST,
    between: tuple[datetime | None, datetime | None] = (None, None),
) -> Mixing:
    """Tell what each portion drawn from a vessel is of.

    Parameters
    ----------
    segment
        The step whose consumed and used actuals are what was put in.
    model
        How the vessel mixes; quantities are in the unit of the first portion put in. Of a flow on the clock
        of ``time``, the hold-up is the mean residence, s.
    vessel
        The equipment, where several were filled in the segment.
    into
        The segment whose produced actuals are what was drawn; by default the same. There the equipment isn't
        asked for.
    clock
        What a flow goes by: ``quantity`` (what has flowed) or ``time`` (each feed from its begin to its end).
    piece
        How much, in which unit, one piece drawn takes; for what is counted and not weighed.
    least
        Part of a portion below which it doesn't count as holding a lot.
    between
        First time and the time after the last, of both sides.

    Raises
    ------
    MixError
        Nothing was put in or drawn, several vessels were filled, or a movement lacks a quantity or time.
    ModelError
        Units can't be converted into each other.
    """
    put = _side(workspace, segment, vessel, between, going_in=True)
    names = sorted({str(name) for name in put.column("equipment").to_pylist() if name is not None})
    if vessel is None and len(names) > 1:
        raise MixError.of("which-vessel", segment=segment, vessels=", ".join(names[:10]))
    vessel = vessel or (names[0] if names else None)
    drawn = _side(workspace, into or segment, vessel if into is None else None, between, going_in=False)
    if not len(put) or not len(drawn):
        raise MixError.of("nothing", vessel=vessel or "–", segment=segment)
    unit = put.column("unit").to_pylist()[0]
    put, drawn = _weighed("in", put, unit, piece), _weighed("out", drawn, unit, piece)
    things = list(dict.fromkeys(zip(*(put.column(name).to_pylist() for name in _THING), strict=True)))
    number = {thing: at for at, thing in enumerate(things)}
    lots = np.array([number[one] for one in zip(*(put.column(n).to_pylist() for n in _THING), strict=True)])
    moved = [one.column("quantity").to_numpy() for one in (put, drawn)]
    if isinstance(model, Vessel):
        found = stored(
            model,
            Portions.of(_moments("in", put, "ended"), moved[0], lots),
            Portions.of(_moments("out", drawn, "began"), moved[1]),
            least=least,
        )
    elif clock == "quantity":
        fed, out = (np.r_[0.0, np.cumsum(one)] for one in moved)
        found = flowed(
            model, Windows.of(fed[:-1], fed[1:], lots=lots), Windows.of(out[:-1], out[1:]), least=least
        )
    else:
        found = _timed(model, put, drawn, lots, least)
    quantity = moved[1]
    left = found.left * (_rate(put, moved[0]) if isinstance(model, Flow) and clock == "time" else 1.0)
    balance = {
        "put": float(moved[0].sum()),
        "before": float(found.before @ quantity),
        "drawn": float(quantity.sum()),
        "missing": float(found.missing @ quantity),
        "left": float(left.sum()),
    }
    names_of = [pa.array([thing[at] for thing in things], pa.string()) for at in range(2)]
    edges = pa.table(
        {
            "lot": names_of[0].take(pa.array(found.lot)),
            "kind": names_of[1].take(pa.array(found.lot)),
            "drawn": drawn.column("subject").combine_chunks().take(pa.array(found.drawn)),
            "execution": drawn.column("execution").combine_chunks().take(pa.array(found.drawn)),
            "quantity": pa.array(found.share * quantity[found.drawn]),
            "share": pa.array(found.share),
            "confidence": pa.array(found.confidence),
        }
    )
    inside = pa.table({"lot": names_of[0], "quantity": pa.array(left)})
    inside = inside.filter(pa.array(left > _CLEAR * max(1.0, float(left.sum()))))
    doubts = tuple(_doubts(found, gap=isinstance(model, Flow)))
    return Mixing(segment, vessel, unit, put, drawn, edges, inside, balance, found, doubts)


def write_mix(workspace: Workspace, found: Mixing, *, by: str = "mixing") -> int:
    """Record the edges as inferred movements, so that traces carry them; returns how many rows were new.

    Each portion drawn gets an execution of its own, which consumed the lots it holds, each with its share and
    confidence. A lot of a confidence of 0 is left out. Edges recorded before that are different now are
    corrected; writing the same again changes nothing.
    """
    rows: dict[tuple[str, ...], dict[str, Any]] = {}
    portions = found.drawn.select(["execution", "subject", "subject_kind", "quantity", "began"]).to_pylist()
    confidence = found.mixture.confidence.tolist()
    for edge, row, sure in zip(
        found.edges.to_pylist(), found.mixture.drawn.tolist(), confidence, strict=True
    ):
        if sure <= 0:
            continue
        portion = portions[row]
        segment = f"{found.segment}:{SOURCE}"
        execution = f"{SOURCE}:{found.vessel or found.segment}/{portion['execution']}/{portion['subject']}"
        base = {"execution": execution, "segment": segment, "time": portion["began"], "unit": found.unit}
        base |= {"equipment": found.vessel, "basis": SOURCE}
        rows.setdefault(
            (execution, "produced"),
            base
            | {"role": "produced", "subject": portion["subject"], "subject_kind": portion["subject_kind"]}
            | {"quantity": portion["quantity"]},
        )
        rows[execution, edge["kind"], edge["lot"]] = (
            base
            | {"role": "consumed", "subject": edge["lot"], "subject_kind": edge["kind"]}
            | {"quantity": edge["quantity"], "share": edge["share"], "confidence": sure}
        )
    return record_inferred(workspace, SOURCE, f"{found.segment}:{SOURCE}", list(rows.values()), by=by)


_THING = ("subject", "subject_kind")


def _side(
    workspace: Workspace,
    segment: str,
    vessel: str | None,
    between: tuple[datetime | None, datetime | None],
    *,
    going_in: bool,
) -> pa.Table:
    """What was recorded of one side, in the order of time."""
    roles = INPUT_ROLES if going_in else OUTPUT_ROLES
    return workspace.lake.query(
        _SIDE.format(
            roles=", ".join(f"'{role.value}'" for role in sorted(roles)),
            source=SOURCE,
            more="" if vessel is None else " AND equipment = $vessel",
            time="ended, time, started" if going_in else "started, time, ended",
            standing=standing("mine", _FACT),
        ),
        {"segment": segment, "begin": between[0], "end": between[1]}
        | ({} if vessel is None else {"vessel": vessel}),
    )


def _weighed(side: str, rows: pa.Table, unit: str | None, piece: tuple[float, str] | None) -> pa.Table:
    """The same with every quantity in one unit; what is counted by what a piece takes."""
    amounts = []
    columns = (rows.column(name).to_pylist() for name in (*_THING, "quantity", "unit"))
    for subject, kind, recorded, recorded_in in zip(*columns, strict=True):
        counted = recorded_in == PIECE or (recorded_in is None and kind == "unit")
        amount, given = recorded, recorded_in
        if counted and recorded is None and (piece is not None or unit in {None, PIECE}):
            amount, given = 1.0, unit
        if counted and piece is not None and unit != PIECE:
            amount, given = (1.0 if recorded is None else recorded) * piece[0], piece[1]
        if amount is None:
            lacking = rows.column("quantity").null_count
            raise MixError.of("unknown-amount", side=side, count=lacking, subject=subject)
        if given == unit:
            amounts.append(float(amount))
        elif given is None or unit is None or not comparable(given, unit):
            raise MixError.of("pieces", subject=subject, unit=given or "–", side=side, other=unit or "–")
        else:
            amounts.append(float(convert([amount], given, unit)[0]))
    at = rows.schema.get_field_index("quantity")
    return rows.set_column(at, "quantity", pa.array(amounts, pa.float64())).drop_columns(["unit"])


def _moments(side: str, rows: pa.Table, name: str, key: str = "unknown-time") -> Floats:
    """Seconds since 1970 of a column of times; MixError where one is missing."""
    column = rows.column(name)
    if column.null_count:
        first = column.is_null().to_pylist().index(True)
        subject = rows.column("subject")[first].as_py()
        raise MixError.of(key, side=side, count=column.null_count, subject=subject)
    seconds: Floats = column.cast(pa.int64()).to_numpy() / 1e6
    return seconds


def _timed(flow: Flow, put: pa.Table, drawn: pa.Table, lots: NDArray[np.int64], least: float) -> Mixture:
    """The flow on the clock of time: what is fed, from begin to end, and when each portion came out."""
    begin, end = (_moments("in", put, name, "unknown-span") for name in ("began", "ended"))
    zero = float(begin.min(initial=np.inf))
    quantity = put.column("quantity").to_numpy()
    fed = Windows.of(begin - zero, end - zero, quantity / np.maximum(end - begin, 1e-9), lots)
    out = [_moments("out", drawn, name, "unknown-span") - zero for name in ("began", "ended")]
    return flowed(flow, fed, Windows.of(*out), least=least)


def _rate(put: pa.Table, quantity: Floats) -> float:
    """How much was fed in a second, while anything was."""
    begin, end = (put.column(name).cast(pa.int64()).to_numpy() / 1e6 for name in ("began", "ended"))
    edges = np.unique(np.r_[begin, end])
    middle = (edges[1:] + edges[:-1]) / 2
    fed = np.array([bool(((begin < at) & (end > at)).any()) for at in middle], np.bool_)
    return float(quantity.sum() / np.diff(edges)[fed].sum())


def _doubts(found: Mixture, *, gap: bool) -> list[Doubt]:
    doubts = []
    kinds = (
        ("overfull", "in", found.overfull, None),
        ("overdrawn", "out", found.overdrawn, found.missing),
        ("before", "out", np.flatnonzero(found.before > _CLEAR), found.before),
        (
            "gap",
            "out",
            np.flatnonzero(found.missing > _CLEAR) if gap else np.empty(0, np.int64),
            found.missing,
        ),
    )
    for kind, side, rows, part in kinds:
        if len(rows):
            most = 0.0 if part is None else float(part[rows].max())
            said = CATALOGUE.text(f"mix.{kind}", count=len(rows), most=most)
            doubts.append(Doubt(kind, side, tuple(rows.tolist()), said))
    return doubts


def piece_amount(text: str) -> tuple[float, str]:
    """The number and unit of a quantity such as ``12 g`` or ``12g``.

    Raises
    ------
    MixError
        It is no such text, or not above 0.
    """
    found = _AMOUNT.fullmatch(text.strip())
    value = float(found[1]) if found else 0.0
    if found is None or not 0 < value < math.inf:
        raise MixError.of("amount", value=text)
    return value, found[2]


_AMOUNT = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*([A-Za-z{\[%].*)")


def described(
    model: Model,
    *,
    content: float = 0.0,
    capacity: float | None = None,
    holdup: float | None = None,
    tolerance: float = 0.0,
    stages: float | None = None,
) -> Vessel | Flow:
    """How a vessel mixes, by the name of the model and the settings that belong to it.

    Raises
    ------
    MixError
        A flow lacks its hold-up, settings of a flow are given for another model, or one makes no sense.
    """
    if model == "flow":
        if holdup is None:
            raise MixError.of("no-holdup")
        return Flow(holdup, tolerance, math.inf if stages is None else stages)
    if holdup is not None or stages is not None:
        raise MixError.of("no-flow", model=model)
    return Vessel(Discipline(model), content, tolerance, capacity)


class MixArguments(BaseModel):
    """Arguments of the operator ``mix``; quantities in the unit of the first portion put in."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    segment: str = Field(min_length=1, description="The step whose consumed and used actuals are put in.")
    model: Model = Field(default="mixed", description="In which order the vessel gives out.")
    vessel: str | None = Field(default=None, description="The equipment, where several were filled.")
    into: str | None = Field(default=None, description="The segment whose produced actuals are drawn.")
    content: float = Field(default=0.0, description="What was inside at first.")
    capacity: float | None = Field(default=None, description="What it can hold.")
    holdup: float | None = Field(default=None, description="What a flow holds; on the clock of time in s.")
    tolerance: float = Field(default=0.0, description="How far content or hold-up may be off.")
    stages: float | None = Field(default=None, description="Tanks in series of a flow; null for plug flow.")
    clock: Clock = Field(default="quantity", description="What a flow goes by.")
    piece: str | None = Field(default=None, description="What one piece drawn takes, such as 12 g.")
    least: float = Field(default=LEAST, description="Part of a portion below which a lot doesn't count.")
    since: AwareDatetime | None = Field(default=None, description="First time of both sides.")
    until: AwareDatetime | None = Field(default=None, description="The time after the last.")

    def ask(self, workspace: Workspace) -> Mixing:
        """The mixing of these arguments."""
        return mix(
            workspace,
            self.segment,
            described(
                self.model,
                content=self.content,
                capacity=self.capacity,
                holdup=self.holdup,
                tolerance=self.tolerance,
                stages=self.stages,
            ),
            vessel=self.vessel,
            into=self.into,
            clock=self.clock,
            piece=None if self.piece is None else piece_amount(self.piece),
            least=self.least,
            between=(self.since, self.until),
        )


def _operate(workspace: Workspace, arguments: MixArguments, _: Progress | None) -> Mixing:
    return arguments.ask(workspace)


MANIFEST = OperatorManifest(
    id="mix",
    version="0.1.0",
    title=Text(zh="混料", en="Mixing"),
    description=Text(
        zh="算出从料仓、料罐或连续流中取出的每一份含有哪些批次，给出占比与置信度。",
        en="Tells which lots are in each portion drawn from a silo, tank or flow, with share and confidence.",
    ),
    config=MixArguments,
    capabilities=frozenset({"trace", "table"}),
    run=_operate,
    reads=frozenset({RecordKind.MOVEMENT}),
)
