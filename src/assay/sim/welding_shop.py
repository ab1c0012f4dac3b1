"""The simulated welding shop's people, power sources, lots and procedures, and when each was in order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

START = datetime(2026, 3, 2, 6, tzinfo=UTC)
DAY = timedelta(days=1)
DAYS = 5
SHIFT = 480
"""Minutes of a shift."""
PLANNED = DAYS * DAY

_LAPSE = START + 2 * DAY
"""When a welder's half-yearly confirmation was due and forgotten."""
_COLD = START + DAY + timedelta(hours=4)
"""From when on a power source whose validation had just ended burns too cold."""
_WITHDRAWN, _APPROVED = START + 3 * DAY + timedelta(hours=1), START + 3 * DAY + timedelta(hours=5)
"""A procedure was withdrawn, and its next revision approved."""
_RELEASED = START + DAY + timedelta(hours=4)
"""When a lot of wire that was in use already was released."""
_SERVICED = START + 4 * DAY - timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class Welder:
    """A welder: tests by ISO 9606-1 as designations, and when the last confirmation ends."""

    id: str
    tests: tuple[str, ...]
    process: str
    joint_types: tuple[str, ...]
    positions: tuple[str, ...]
    until: datetime


_FINE = START + 150 * DAY

WELDERS = (
    Welder(
        "W-01",
        ("ISO 9606-1 135 P BW FM1 S s12 PF ss nb", "ISO 9606-1 135 P FW FM1 S t12 PF ml"),
        "135",
        ("BW", "FW"),
        ("PA", "PB", "PF"),
        _FINE,
    ),
    Welder(
        "W-02",
        ("ISO 9606-1 135 P BW FM1 S s14 PF ss mb", "ISO 9606-1 135 P FW FM1 S t10 PF ml"),
        "135",
        ("BW", "FW"),
        ("PA", "PB", "PF"),
        _FINE,
    ),
    Welder(
        "W-04",
        ("ISO 9606-1 135 P BW FM1 S s12 PF ss nb", "ISO 9606-1 135 P FW FM1 S t12 PF ml"),
        "135",
        ("BW", "FW"),
        ("PA", "PB", "PF"),
        _LAPSE,
    ),
    Welder("W-05", ("ISO 9606-1 135 P FW FM1 S t10 PB sl",), "135", ("FW",), ("PA", "PB"), _FINE),
    Welder("W-06", ("ISO 9606-1 111 P BW FM1 B s13 PF ss nb",), "111", ("BW",), ("PA", "PF"), _FINE),
)


@dataclass(frozen=True, slots=True)
class Machine:
    """A power source: where it stands, how it is set, and what it is fed.

    ``current`` in A, ``voltage`` in V, ``speed`` in mm/s, ``wire_feed`` in m/min, ``hours`` and ``due`` (the
    hours at which a service is due) in h.
    """

    id: str
    zone: str
    process: str
    current: float
    voltage: float
    speed: float
    noise: float
    wire_feed: float
    filler_material: str
    fillers: tuple[str, ...]
    gas: str | None
    hours: float
    due: float
    validated_until: datetime | None = None

    def is_cold(self, moment: datetime) -> bool:
        """Whether it burns too cold."""
        return self.validated_until is not None and moment >= self.validated_until

    def filler_at(self, burned: float) -> str:
        """The lot on it after so many hours of arc: spools follow each other."""
        return self.fillers[min(int(burned / 0.25), len(self.fillers) - 1)]


_WIRE, _ELECTRODE = "G 42 4 M21 3Si1", "E 42 4 B 32 H5"
MACHINES = (
    Machine("PS-1", "HALL", "135", 230, 26.5, 5.5, 0.03, 8.6, _WIRE, ("WIRE-1",), "GAS-1", 1499.78, 1500.0),
    Machine(
        "PS-2",
        "HALL",
        "135",
        232,
        26.3,
        5.5,
        0.03,
        8.7,
        _WIRE,
        ("WIRE-2", "WIRE-1"),
        "GAS-1",
        820.0,
        900.0,
        _COLD,
    ),
    Machine("PS-3", "YARD", "135", 228, 26.6, 5.4, 0.03, 8.5, _WIRE, ("WIRE-3",), "GAS-2", 310.0, 400.0),
    Machine("PS-5", "YARD", "135", 231, 26.4, 5.5, 0.03, 8.6, _WIRE, ("WIRE-3",), "GAS-2", 95.0, 200.0),
    Machine("PS-4", "YARD", "111", 145, 24.0, 2.6, 0.05, 0.0, _ELECTRODE, ("ROD-1",), None, 77.0, 250.0),
)

_MAG: dict[str, Any] = {
    "processes": "135",
    "positions": "PA,PB,PF",
    "material_groups": "1.1,1.2",
    "filler_groups": "FM1",
    "thickness_min_mm": 6.0,
    "thickness_max_mm": 24.0,
    "current_min_a": 200.0,
    "current_max_a": 260.0,
    "voltage_min_v": 24.0,
    "voltage_max_v": 29.0,
    "travel_speed_min_mm_min": 270.0,
    "travel_speed_max_mm_min": 390.0,
    "heat_input_min_kj_mm": 0.74,
    "heat_input_max_kj_mm": 1.15,
    "preheat_min_c": 20.0,
    "interpass_max_c": 250.0,
    "exposure_max_h": 168.0,
    "air_temperature_min_c": 5.0,
    "humidity_max_pct": 90.0,
    "wind_max_m_s": 2.0,
}
PROCEDURES: dict[str, dict[str, Any]] = {
    "WPS-135-BW": _MAG | {"joint_types": "BW"},
    "WPS-135-FW": _MAG | {"joint_types": "FW"},
    "WPS-111-BW": _MAG
    | {
        "processes": "111",
        "joint_types": "BW",
        "current_min_a": 115.0,
        "current_max_a": 175.0,
        "voltage_min_v": 21.0,
        "voltage_max_v": 27.0,
        "travel_speed_min_mm_min": 120.0,
        "travel_speed_max_mm_min": 200.0,
        "heat_input_min_kj_mm": 0.8,
        "heat_input_max_kj_mm": 1.5,
        "exposure_max_h": 4.0,
        "wind_max_m_s": 8.0,
    },
}
"""Parameters of each procedure, see :mod:`assay.analyse.welding.procedure`."""

LOTS: dict[str, tuple[str, str, datetime, str]] = {
    "WIRE-1": (_WIRE, "released", START - 9 * DAY, "3.1"),
    "WIRE-2": (_WIRE, "released", _RELEASED, "3.1"),
    "WIRE-3": (_WIRE, "released", START - 8 * DAY, "2.2"),
    "ROD-1": (_ELECTRODE, "released", START - 20 * DAY, "3.1"),
    "GAS-1": ("ISO 14175-M21", "released", START - 5 * DAY, "2.2"),
    "GAS-2": ("ISO 14175-M21", "released", START - 5 * DAY, "2.2"),
    **{f"PLATE-{n}": ("S355J2+N", "released", START - 30 * DAY, "3.1") for n in (1, 2, 3, 5)},
    "PLATE-4": ("S355J2+N", "released", START - 30 * DAY, "none"),
}
"""Material, decision, when it was made, and the type of certificate by EN 10204 of each lot."""


def welder_of(machine: Machine, joint_type: str, position: str, number: int, *, mixed_up: bool) -> Welder:
    """Who welds a joint; who is mixed up with another isn't qualified for what it takes."""
    by_id = {one.id: one for one in WELDERS}
    if machine.process == "111":
        return by_id["W-01" if mixed_up else "W-06"]
    if mixed_up:
        return by_id["W-05" if joint_type == "BW" or position == "PF" else "W-06"]
    usual = ("W-01", "W-02", "W-04") if joint_type == "BW" or position == "PF" else ("W-05", "W-02", "W-04")
    return by_id[usual[number % 3]]


def may_weld(welder: Welder, process: str, joint_type: str, position: str, moment: datetime) -> bool:
    """Whether a welder was qualified and confirmed."""
    return (
        welder.process == process
        and joint_type in welder.joint_types
        and position in welder.positions
        and moment < welder.until
    )


def lapses(machine: Machine, hours: float, lots: tuple[str, ...], recipe: str, moment: datetime) -> set[str]:
    """What of machine, material and procedure was not in order."""
    found = set()
    if machine.validated_until is not None and moment >= machine.validated_until:
        found.add("calibration")
    if hours > machine.due and (machine.id != "PS-1" or moment < _SERVICED):
        found.add("service")
    for lot in lots:
        _, _, since, certificate = LOTS[lot]
        if moment < since or certificate == "none":
            found.add("material")
    if recipe == "WPS-135-FW" and _WITHDRAWN <= moment < _APPROVED:
        found.add("procedure")
    return found


def masters() -> dict[str, list[dict[str, Any]]]:
    """Master data as ``model.yaml`` holds them."""
    begun = START - 120 * DAY
    known = {material: _CLASSES[material] for material, *_ in LOTS.values()}
    return {
        "equipment": [
            {"id": "SHOP", "level": "area"},
            *({"id": one.id, "name": f"Power source {one.id[3:]}", "level": "work unit", "parent": "SHOP"}
              | {"zone": one.zone} for one in MACHINES),
            *({"id": f"AIR-{zone}", "level": "control module", "parent": "SHOP", "zone": zone}
              for zone in ("HALL", "YARD")),
        ],
        "environment_zone": [{"id": "HALL"}, {"id": "YARD"}],
        "person": [{"id": one.id, "team": "welding"} for one in WELDERS] + [{"id": "N-01", "team": "ndt"}],
        "qualification": [
            {"id": f"{one.id}/{number}", "person": one.id, "segment": "weld", "level": test}
            | {"valid_from": START - 30 * DAY, "valid_to": one.until}
            for one in WELDERS
            for number, test in enumerate(one.tests, 1)
        ],
        "gauge": [
            *({"id": f"{one.id} meters", "gauge_type": "welding monitor", "equipment": one.id}
              for one in MACHINES),
            {"id": "UT-1", "gauge_type": "ultrasonic"},
        ],
        "calibration": [
            *({"id": f"CAL {one.id}", "gauge": f"{one.id} meters", "result": "passed", "valid_from": begun}
              | {"valid_to": one.validated_until or START + 200 * DAY, "certificate": f"K-{one.id}"}
              for one in MACHINES),
            {"id": "CAL UT-1", "gauge": "UT-1", "result": "passed", "valid_from": begun},
        ],
        "material": [{"id": name, "material_class": kind} for name, kind in sorted(known.items())]
        + [{"id": "BUTT JOINT"}, {"id": "FILLET JOINT"}],
        "recipe": [version for name, asked in PROCEDURES.items() for version in _revisions(name, asked)],
        "signal": [
            {"id": "current", "unit": "A"},
            {"id": "voltage", "unit": "V"},
            {"id": "arc_power", "unit": "W"},
            {"id": "wire_feed", "unit": "m/min"},
            {"id": "air_temperature", "unit": "Cel"},
            {"id": "humidity", "unit": "%"},
            {"id": "wind", "unit": "m/s"},
        ],
        "process_card": [_card(kind) for kind in ("BUTT JOINT", "FILLET JOINT")],
    }  # fmt: skip


_CLASSES = {_WIRE: "FM1", _ELECTRODE: "FM1", "ISO 14175-M21": "shielding gas", "S355J2+N": "1.2"}


def _revisions(name: str, asked: dict[str, Any]) -> list[dict[str, Any]]:
    first = {
        "id": name,
        "segment": "weld",
        "revision": "A",
        "parameters": asked,
        "valid_from": START - 90 * DAY,
    }
    if name != "WPS-135-FW":
        return [first]
    again = first | {"revision": "B", "valid_from": _APPROVED}
    return [first | {"valid_to": _WITHDRAWN}, again]


def _card(material: str) -> dict[str, Any]:
    return {
        "id": f"CARD {material}",
        "material": material,
        "revision": "1",
        "requirements": [
            {"requires": "step", "segment": "fit-up"},
            {"requires": "step", "segment": "weld"},
            {"requires": "characteristic", "characteristic": "vt", "accepted": ["OK"]},
            {"requires": "characteristic", "characteristic": "ndt", "accepted": ["OK"]},
            {"requires": "certificate", "material": "S355J2+N"},
        ],
    }


def decisions() -> list[dict[str, Any]]:
    """Results about lots: releases, and types of certificates."""
    found: list[dict[str, Any]] = []
    for lot, (_, decision, since, certificate) in LOTS.items():
        at = {"subject": lot, "subject_kind": "lot", "segment": "incoming", "time": since}
        found.append(at | {"characteristic": "certificate", "text": certificate})
        found.append(at | {"characteristic": "release", "text": decision})
    return found


def services() -> list[dict[str, Any]]:
    """Services of the machines, with the hours at which the next one is due."""
    found: list[dict[str, Any]] = [
        {"machine": one.id, "time": START - 60 * DAY, "due_hours": one.due} for one in MACHINES
    ]
    return [*found, {"machine": "PS-1", "time": _SERVICED, "due_hours": 1700.0}]
