"""Weld passes as a plant recorded them: who, with what, under which procedure, and what the signals say.

A pass is one execution of the segment ``weld``. Its movement of the joint carries what a pass sheet says,
as attributes (:data:`SHEET`); lots it consumed are its consumables. The signals ``current`` (A) and
``arc_power`` (W, u·i) of its machine give arc time, mean current and energy; readings of ``air_temperature``,
``humidity`` and ``wind`` by equipment of the machine's zone give the air at the minute in which the pass
began. Steel is what other steps put into the joint.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from assay.analyse.unit_file.standing import Standing
from assay.analyse.welding.heat import energy_over_length, heat_input
from assay.query.bind.bound import bind
from assay.query.standing import standing
from assay.store.snapshot import Snapshot
from assay.store.workspace import Workspace

SEGMENT = "weld"

SHEET = {
    "process": None,
    "joint_type": None,
    "welding_position": None,
    "material_group": None,
    "drawing": None,
    "pass_number": None,
    "repair": None,
    "thickness": "mm",
    "weld_length": "mm",
    "preheat": "Cel",
    "interpass": "Cel",
    "exposure": "h",
    "machine_hours": "h",
}
"""Attributes of a pass's movement, with their units.

``process`` by ISO 4063, ``joint_type`` BW or FW, ``welding_position`` by ISO 6947, ``material_group`` by
ISO/TR 15608; ``repair`` is 0, or which repair it belongs to; ``exposure`` is how long the filler was out of
its oven or sealed pack.
"""

CURRENT, POWER = "current", "arc_power"
AIR = ("air_temperature", "humidity", "wind")

_ARC = "time_in_band(20, 3000)"
"""Seconds with at least 20 A: the arc burns."""

_LONGEST_GAP = 5.0
"""Seconds without a reading of the power beyond which no heat input is stated."""

_FRESH = timedelta(minutes=2)
"""How old a reading of the air may be when a pass begins."""


@dataclass(frozen=True, slots=True)
class UsedLot:
    """A lot in a pass or in the joint: its id, its material, and that material's class.

    Fillers have the class FM1 to FM6 (ISO 9606-1), steels their group by ISO/TR 15608.
    """

    subject: str
    material: str | None
    material_class: str | None


@dataclass(frozen=True, slots=True)
class Air:
    """The air where and when a pass began: degrees Celsius, per cent, m/s; when it was read; None: not."""

    zone: str
    minute: datetime
    values: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Electrical:
    """What the signals of a pass say.

    Attributes
    ----------
    arc_time
        Seconds in which the arc burned.
    current, voltage
        Means while it burned, A and V; the voltage is that of the energy.
    speed
        Travel speed, mm/s.
    arc_energy, heat_input
        kJ/mm, see :mod:`assay.analyse.welding.heat`.
    """

    arc_time: float | None = None
    current: float | None = None
    voltage: float | None = None
    speed: float | None = None
    arc_energy: float | None = None
    heat_input: float | None = None


@dataclass(frozen=True, slots=True)
class Pass:
    """One weld pass; ``sheet`` are the attributes of :data:`SHEET` that were recorded."""

    execution: str
    joint: str
    material: str | None
    started: datetime | None
    ended: datetime | None
    machine: str | None
    person: str | None
    recipe: str | None
    work_order: str | None
    sheet: Mapping[str, Any]
    consumables: tuple[UsedLot, ...] = ()
    steel: tuple[UsedLot, ...] = ()
    signals: Electrical = field(default_factory=Electrical)
    air: Air | None = None

    @property
    def lots(self) -> tuple[UsedLot, ...]:
        """Consumables and steel."""
        return (*self.consumables, *self.steel)

    @property
    def filler_group(self) -> str | None:
        """The group of the filler used, None where it isn't one."""
        groups = {
            one.material_class for one in self.consumables if (one.material_class or "").startswith("FM")
        }
        return groups.pop() if len(groups) == 1 else None

    def values(self) -> dict[str, Any]:
        """What is judged of the pass, by the names that procedures and policies use; what is known of it."""
        air = self.air.values if self.air else {}
        found: dict[str, Any] = {
            "process": self.sheet.get("process"),
            "joint_type": self.sheet.get("joint_type"),
            "position": self.sheet.get("welding_position"),
            "material_group": self.sheet.get("material_group"),
            "filler_group": self.filler_group,
            "thickness_mm": _rounded(self.sheet.get("thickness"), 2),
            "current_a": _rounded(self.signals.current, 1),
            "voltage_v": _rounded(self.signals.voltage, 2),
            "travel_speed_mm_min": _rounded(self.signals.speed and self.signals.speed * 60, 1),
            "heat_input_kj_mm": _rounded(self.signals.heat_input, 3),
            "preheat_c": _rounded(self.sheet.get("preheat"), 1),
            "interpass_c": _rounded(self.sheet.get("interpass"), 1),
            "exposure_h": _rounded(self.sheet.get("exposure"), 2),
            "machine_hours": _rounded(self.sheet.get("machine_hours"), 2),
            "air_temperature_c": _rounded(air.get("air_temperature"), 1),
            "humidity_pct": _rounded(air.get("humidity"), 1),
            "wind_m_s": _rounded(air.get("wind"), 2),
        }
        return {name: value for name, value in found.items() if value is not None}


def passes(workspace: Workspace, joint: str | None = None, snapshot: Snapshot | None = None) -> list[Pass]:
    """The weld passes of a joint, or of all, by time; corrected movements as they stand.

    Parameters
    ----------
    joint
        Id of the unit that is welded.
    snapshot
        The plant as it is looked at; as it is now without one.
    """
    seen = snapshot or workspace.lake.snapshot()
    columns = seen.schemas["movement"].names
    sheet = [name for name in SHEET if name in columns]
    rows = _movements(workspace, joint)
    masters = Standing(seen)
    executions: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        executions.setdefault(row["execution"], []).append(row)
    bound = _bound(workspace, joint) if executions else {}
    steel = _steel(workspace, {row["subject"] for row in rows if row["subject_kind"] == "unit"}, masters)
    found = []
    for execution, own in executions.items():
        welded = next((row for row in own if row["subject_kind"] == "unit"), None)
        if welded is None:
            continue
        said = {name: welded[name] for name in sheet if welded[name] is not None}
        used = [row for row in own if row["role"] in {"consumed", "used"} and row["subject_kind"] == "lot"]
        found.append(
            Pass(
                execution=execution,
                joint=welded["subject"],
                material=welded["material"],
                started=welded["started"],
                ended=welded["ended"],
                machine=welded["equipment"],
                person=welded["person"],
                recipe=welded["recipe"],
                work_order=welded["work_order"],
                sheet=said,
                consumables=_lots(used, masters, welded["started"]),
                steel=steel.get(welded["subject"], ()),
                signals=_electrical(bound.get(execution, {}), said),
            )
        )
    ordered = sorted(found, key=lambda one: (one.started is None, str(one.started), one.execution))
    return _in_air(workspace, ordered, masters, seen)


def _movements(workspace: Workspace, joint: str | None) -> list[dict[str, Any]]:
    chosen = f"SELECT * FROM movement WHERE segment = '{SEGMENT}'"
    if joint is not None:
        chosen += (
            " AND execution IN (SELECT execution FROM movement "
            "WHERE segment = $segment AND subject_kind = 'unit' AND subject = $joint)"
        )
    sql = (
        f"WITH welds AS ({chosen}), {standing('welds', ('execution', 'role', 'subject'))} "
        "SELECT * FROM standing ORDER BY started, execution, subject_kind DESC, subject"
    )
    params = None if joint is None else {"joint": joint, "segment": SEGMENT}
    found: list[dict[str, Any]] = workspace.lake.query(sql, params).to_pylist()
    return found


def _steel(workspace: Workspace, joints: set[str], masters: Standing) -> dict[str, tuple[UsedLot, ...]]:
    """What other steps put into each joint, lots only."""
    if not joints:
        return {}
    made = (
        "SELECT DISTINCT execution, segment, subject AS joint FROM movement "
        f"WHERE segment <> '{SEGMENT}' AND role = 'produced' AND list_contains($joints, subject)"
    )
    taken = (
        "SELECT m.* FROM movement m SEMI JOIN made USING (execution, segment) "
        "WHERE m.role = 'consumed' AND m.subject_kind = 'lot'"
    )
    stood = standing("taken", ("segment", "execution", "role", "subject"))
    sql = (
        f"WITH made AS ({made}), taken AS ({taken}), {stood} "
        "SELECT made.joint, s.subject, s.material, s.started "
        "FROM standing s JOIN made USING (execution, segment) ORDER BY made.joint, s.subject"
    )
    found: dict[str, list[dict[str, Any]]] = {}
    for row in workspace.lake.query(sql, {"joints": sorted(joints)}).to_pylist():
        found.setdefault(row["joint"], []).append(row)
    return {joint: _lots(rows, masters, rows[0]["started"]) for joint, rows in found.items()}


def _lots(rows: Sequence[dict[str, Any]], masters: Standing, moment: datetime | None) -> tuple[UsedLot, ...]:
    found: dict[str, UsedLot] = {}
    for row in rows:
        material = row["material"]
        kind = masters.version("material", material, moment).get("material_class")
        found.setdefault(row["subject"], UsedLot(row["subject"], material, kind))
    return tuple(found.values())


def _bound(workspace: Workspace, joint: str | None) -> dict[str, dict[str, dict[str, Any]]]:
    """Features of current and power by execution and signal."""
    sql = "SELECT DISTINCT signal FROM reading WHERE list_contains($names, signal)"
    known = workspace.lake.query(sql, {"names": [CURRENT, POWER]}).column(0).to_pylist()
    if not known:
        return {}
    table = bind(
        workspace,
        segment=SEGMENT,
        signals=sorted(map(str, known)),
        units=None if joint is None else [joint],
        features=["mean", "duration", "max_gap", _ARC],
    ).to_arrow()
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for row in table.to_pylist():
        found.setdefault(row["execution"], {})[row["signal"]] = row
    return found


def _electrical(bound: Mapping[str, Mapping[str, Any]], sheet: Mapping[str, Any]) -> Electrical:
    current, power = bound.get(CURRENT), bound.get(POWER)
    if current is None or not current[_ARC]:
        return Electrical()
    arc = float(current[_ARC])
    mean = current["mean"] * current["duration"] / arc
    length = sheet.get("weld_length") or 0.0
    speed = length / arc if length > 0 else None
    if power is None or power["max_gap"] > _LONGEST_GAP or not power["mean"] > 0:
        return Electrical(arc, mean, speed=speed)
    energy = power["mean"] * power["duration"] / 1000
    voltage = energy * 1000 / (mean * arc)
    if speed is None:
        return Electrical(arc, mean, voltage)
    per_length = energy_over_length(energy, length)
    process = sheet.get("process")
    heat = heat_input(str(process), per_length) if process else None
    return Electrical(arc, mean, voltage, speed, per_length, heat)


def _in_air(workspace: Workspace, found: Sequence[Pass], masters: Standing, snapshot: Snapshot) -> list[Pass]:
    """The same passes with the air at the minute in which each began."""
    times = [one.started for one in found if one.started]
    if not times:
        return list(found)
    rows = workspace.lake.query(
        "SELECT signal, equipment, time, value FROM reading WHERE list_contains($names, signal) "
        "AND value IS NOT NULL AND time >= $first AND time <= $last ORDER BY time, recorded",
        {"names": list(AIR), "first": min(times) - _FRESH, "last": max(times)},
    ).to_pylist()
    series: dict[tuple[str, str], tuple[list[datetime], list[float]]] = {}
    for row in rows:
        zone = masters.version("equipment", row["equipment"], row["time"]).get("zone")
        if zone:
            moments, values = series.setdefault((zone, row["signal"]), ([], []))
            moments.append(row["time"])
            values.append(row["value"])
    placed = []
    for one in found:
        zone = masters.version("equipment", one.machine, one.started).get("zone")
        if one.started is None or not zone:
            placed.append(one)
            continue
        read: dict[str, float | None] = {}
        latest: datetime | None = None
        for name in AIR:
            moments, values = series.get((zone, name), ([], []))
            at = bisect_right(moments, one.started) - 1
            fresh = at >= 0 and one.started - moments[at] <= _FRESH
            read[name] = values[at] if fresh else None
            latest = max(latest or moments[at], moments[at]) if fresh else latest
        placed.append(one if latest is None else replace(one, air=Air(zone, latest, read)))
    return placed


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(float(value), digits)
