"""A powder-metallurgy line: raw lots, powder, press, sintering without labels, sizing, inspection.

Two causes are planted: one row of every tray runs cold, so that its parts stay porous; and one powder lot is
moist, so that its parts crack. The records hold what sensors saw; :class:`LineTruth` holds what happened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from assay.model.kinds import RecordKind, own_fields
from assay.sim.furnace import Furnace, Passage, arrivals, pass_through

if TYPE_CHECKING:
    from assay.store.workspace import Workspace

Rows = list[dict[str, Any]]

_START = datetime(2026, 3, 2, 6, tzinfo=UTC)
_POWDER_KG, _GREEN_MM = 0.25, 25.0
_DENSITY, _DENSITY_LEAST = 6.9, 6.75
_COLD = 45.0


@dataclass(frozen=True, kw_only=True)
class PowderPlan:
    """What the line makes and how it errs.

    Attributes
    ----------
    pieces, lots
        Parts pressed, and powder lots they are pressed from.
    takt, irregular, stops, bursts
        How the press works; see :func:`assay.sim.furnace.arrivals`. Seconds.
    furnace
        The furnace and the sensors at its ends.
    batch
        Whether trays are loaded together, one furnace run after another, instead of riding on a belt.
    rows, trays
        Places on a tray, and trays in use.
    read
        Share of the parts whose tray is read at the out side too.
    cold_row
        The row that runs cold, 0-based.
    moist_lot
        The powder lot that is moist, 0-based.
    shrinkage
        Share of the length that sintering takes.
    rerun
        Share of the parts that are sized twice.
    """

    pieces: int = 400
    lots: int = 4
    takt: float = 14.4
    irregular: float = 0.3
    stops: int = 1
    bursts: int = 1
    furnace: Furnace = field(default_factory=Furnace)
    batch: bool = False
    rows: int = 5
    trays: int = 40
    read: float = 0.0
    cold_row: int = 3
    moist_lot: int = 2
    shrinkage: float = 0.18
    rerun: float = 0.02


@dataclass(frozen=True)
class LineTruth:
    """What really happened; no record holds it.

    Attributes
    ----------
    green_of
        The green part each sintered part was; None for a count without a part.
    lot_of, row_of
        Powder lot and tray row of each green part.
    cause_of
        Why a sintered part is bad: ``cold row``, ``moist powder``; good parts are left out.
    residence
        Mean true residence in the furnace, s.
    """

    green_of: Mapping[str, str | None]
    lot_of: Mapping[str, str]
    row_of: Mapping[str, int]
    cause_of: Mapping[str, str]
    residence: float


@dataclass(frozen=True)
class Line:
    """The records of a simulated line, one Arrow table for each kind, and the truth apart from them."""

    records: Mapping[RecordKind, pa.Table]
    truth: LineTruth

    def write(self, workspace: Workspace, *, epoch: str = "1") -> None:
        """Put the records into a plant as one load."""
        from assay.store.keys import LoadKey

        load = LoadKey("simulation", epoch)
        for kind, rows in self.records.items():
            hashes = np.arange(len(rows))
            numbered = rows.append_column("seq", pa.array(hashes))
            numbered = numbered.append_column("key_hash", pa.array(hashes))
            numbered = numbered.append_column("content_hash", pa.array(hashes))
            with workspace.lake.stage(kind, load=load, recorded=datetime.now(UTC)) as writer:
                writer.write(numbered)
            workspace.lake.commit(kind, writer.finish(), load=load)


def powder_line(plan: PowderPlan | None = None, *, seed: int = 1) -> Line:
    """Simulate the line; the same plan and seed give the same line."""
    made = plan or PowderPlan()
    rng = np.random.default_rng(seed)
    times = arrivals(
        rng, made.pieces, takt=made.takt, irregular=made.irregular, stops=made.stops, bursts=made.bursts
    )
    greens = [f"G-{piece:05d}" for piece in range(made.pieces)]
    lots = [f"POWDER-{piece * made.lots // made.pieces + 1}" for piece in range(made.pieces)]
    entering = _loaded(times, made) if made.batch else times + 60.0
    passage = pass_through(rng, entering, made.furnace)
    movements = [*_blended(made), *_pressed(greens, lots, times)]
    movements += _entered(greens, passage, made)
    parts = [f"U-{count:05d}" for count in range(len(passage.left))]
    movements += _left(rng, parts, passage, made)
    movements += _finished(rng, parts, passage, made)
    green_of = {
        part: greens[piece] if piece >= 0 else None
        for part, piece in zip(parts, passage.piece_out.tolist(), strict=True)
    }
    truth = LineTruth(
        green_of=green_of,
        lot_of=dict(zip(greens, lots, strict=True)),
        row_of={green: piece % made.rows for piece, green in enumerate(greens)},
        cause_of={},
        residence=float(passage.residence.mean()),
    )
    causes: dict[str, str] = {}
    measured = _inspected(rng, passage, truth, made, causes)
    records = {
        RecordKind.MOVEMENT: _table(RecordKind.MOVEMENT, movements),
        RecordKind.MEASUREMENT: _table(RecordKind.MEASUREMENT, measured),
        RecordKind.READING: _table(RecordKind.READING, _temperatures(rng, passage, made)),
        RecordKind.EVENT: _table(RecordKind.EVENT, _counts(passage)),
    }
    return Line(records, LineTruth(**{**vars(truth), "cause_of": causes}))


def _loaded(times: np.ndarray, plan: PowderPlan) -> np.ndarray:
    """When each part enters a batch furnace: its tray waits until the furnace is loaded."""
    size = plan.rows * 8
    last = np.array([times[min(len(times), (piece // size + 1) * size) - 1] for piece in range(len(times))])
    return np.asarray(last + 60.0 + 0.5 * (np.arange(len(times)) % size))


def _at(seconds: float) -> datetime:
    return _START + timedelta(seconds=float(seconds))


def _tray(piece: int, plan: PowderPlan) -> str:
    return f"T{piece // plan.rows % plan.trays:02d}"


def _blended(plan: PowderPlan) -> Rows:
    rows: Rows = []
    for lot in range(plan.lots):
        step = {
            "execution": f"blend/{lot + 1}",
            "segment": "blend",
            "equipment": "BLENDER",
            "time": _at(-7200),
        }
        for raw, share in (("IRON", 0.97), ("COPPER", 0.02), ("WAX", 0.01)):
            consumed = {"role": "consumed", "subject": f"RAW-{raw}-{lot // 2 + 1}", "subject_kind": "lot"}
            rows.append(step | consumed | {"quantity": 100 * share, "unit": "kg", "material": raw})
        produced = {"role": "produced", "subject": f"POWDER-{lot + 1}", "subject_kind": "lot"}
        rows.append(step | produced | {"quantity": 100.0, "unit": "kg", "material": "POWDER"})
    return rows


def _pressed(greens: list[str], lots: list[str], times: np.ndarray) -> Rows:
    rows: Rows = []
    for green, lot, time in zip(greens, lots, times.tolist(), strict=True):
        step = {"execution": f"press/{green}", "segment": "press", "equipment": "PRESS-1", "time": _at(time)}
        powder = {
            "role": "consumed",
            "subject": lot,
            "subject_kind": "lot",
            "quantity": _POWDER_KG,
            "unit": "kg",
        }
        rows.append(step | powder)
        rows.append(
            step | {"role": "produced", "subject": green, "subject_kind": "unit", "material": "GREEN"}
        )
    return rows


def _entered(greens: list[str], passage: Passage, plan: PowderPlan) -> Rows:
    rows: Rows = []
    for count, (time, piece) in enumerate(
        zip(passage.entered.tolist(), passage.piece_in.tolist(), strict=True)
    ):
        step = {"execution": f"in/{count}", "segment": "sinter", "equipment": "FURNACE", "time": _at(time)}
        step |= {"role": "consumed", "subject_kind": "unit"}
        if piece < 0:
            rows.append(step | {"subject": f"COUNT-IN-{count:05d}"})
        else:
            place = {"carrier": _tray(piece, plan), "position": str(piece % plan.rows)}
            rows.append(step | {"subject": greens[piece]} | place)
    return rows


def _left(rng: np.random.Generator, parts: list[str], passage: Passage, plan: PowderPlan) -> Rows:
    rows: Rows = []
    for count, (time, piece) in enumerate(
        zip(passage.left.tolist(), passage.piece_out.tolist(), strict=True)
    ):
        step = {"execution": f"out/{count}", "segment": "sinter", "equipment": "FURNACE", "time": _at(time)}
        row = step | {"role": "produced", "subject": parts[count], "subject_kind": "unit", "material": "PART"}
        if piece >= 0 and (plan.batch or rng.random() < plan.read):
            row["carrier"] = _tray(piece, plan)
        rows.append(row)
    return rows


def _finished(rng: np.random.Generator, parts: list[str], passage: Passage, plan: PowderPlan) -> Rows:
    rows: Rows = []
    for part, time, piece in zip(parts, passage.left.tolist(), passage.piece_out.tolist(), strict=True):
        if piece < 0:
            continue
        for run in range(2 if rng.random() < plan.rerun else 1):
            step = {"execution": f"size/{part}/{run + 1}", "segment": "size", "equipment": "SIZING-1"}
            made = {"role": "produced", "subject": part, "subject_kind": "unit", "material": "PART"}
            rows.append(step | made | {"time": _at(time + 900 + 600 * run)})
    return rows


def _inspected(
    rng: np.random.Generator,
    passage: Passage,
    truth: LineTruth,
    plan: PowderPlan,
    causes: dict[str, str],
) -> Rows:
    """Length, density and verdict of each part; fills ``causes``."""
    rows: Rows = []
    for (part, green), time in zip(truth.green_of.items(), passage.left.tolist(), strict=True):
        if green is None:
            continue
        cold = truth.row_of[green] == plan.cold_row
        moist = truth.lot_of[green] == f"POWDER-{plan.moist_lot + 1}" and rng.random() < 0.3
        density = _DENSITY - 0.2 * cold + 0.02 * rng.standard_normal()
        length = _GREEN_MM * (1 - plan.shrinkage * (0.97 if cold else 1.0)) + 0.01 * rng.standard_normal()
        if moist:
            causes[part] = "moist powder"
        elif density < _DENSITY_LEAST:
            causes[part] = "cold row"
        at: dict[str, Any] = {
            "subject": part,
            "subject_kind": "unit",
            "segment": "inspect",
            "gauge": "CMM",
            "time": _at(time + 2400),
        }
        rows.append(at | {"characteristic": "length", "value": length, "unit": "mm"})
        rows.append(at | {"characteristic": "density", "value": density, "unit": "g/cm3"})
        rows.append(at | {"characteristic": "result", "text": "NOK" if part in causes else "OK"})
    return rows


def _temperatures(rng: np.random.Generator, passage: Passage, plan: PowderPlan) -> Rows:
    """The furnace above each row of the trays, every minute."""
    rows: Rows = []
    for time in np.arange(0.0, float(passage.left.max()), 60.0).tolist():
        for row in range(plan.rows):
            value = 1120.0 - _COLD * (row == plan.cold_row) + rng.standard_normal()
            rows.append(
                {"signal": f"furnace.row{row}.temperature", "value": value, "unit": "Cel"}
                | {"equipment": "FURNACE", "time": _at(time)}
            )
    return rows


def _counts(passage: Passage) -> Rows:
    """Every count of both sensors, as they report them."""
    return [
        {"event": f"count-{side}", "equipment": f"SENSOR-{side.upper()}", "time": _at(time)}
        for side, times in (("in", passage.entered), ("out", passage.left))
        for time in times.tolist()
    ]


def _table(kind: RecordKind, rows: Rows) -> pa.Table:
    """Rows as a table with the columns that any of them has."""
    present = {name for row in rows for name in row}
    fields = [*own_fields(kind), pa.field("time", pa.timestamp("us", tz="UTC"))]
    columns = {
        one.name: pa.array(
            [row.get(one.name) for row in rows],
            one.type.value_type if pa.types.is_dictionary(one.type) else one.type,
        )
        for one in fields
        if one.name in present
    }
    return pa.table(columns)
