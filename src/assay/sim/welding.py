"""A welding shop with known causes: joints, welders, power sources, lots, procedures, air, signals and NDT.

Planted causes: wind blows the shielding gas away, electrodes that were out of the oven too long bring
hydrogen, a power source whose meters went out of validation burns too cold, and welders weld what they
aren't qualified for. Beside them stand breaches without consequence: a lot not released, steel without a
certificate, a service overdue, a procedure withdrawn, a joint too hot between passes, air too humid. Which
pass breached what, and which indications came of it, is kept in :class:`ShopTruth`, apart from the records.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.sim.welding_shop import (
    DAY,
    DAYS,
    MACHINES,
    PLANNED,
    PROCEDURES,
    SHIFT,
    START,
    Machine,
    Welder,
    lapses,
    may_weld,
    welder_of,
)

Rows = list[dict[str, Any]]
Floats = NDArray[np.float64]

_LENGTH = 300.0
_LONGEST_JOINT = 25.0
"""Minutes from the first pass of a joint to the end of its last, at most."""
_GUSTY = 45
"""Minutes that a spell of wind lasts; there are four in a shift."""
_BETWEEN, _REPAIRS = 9, 40
"""Minutes between the begins of passes; repairs of a day."""
_BEAUFORT = (0.3, 1.6, 3.4, 5.5, 8.0)
_DAMP_AFTER, _BLOWN_AWAY = 4.0, 2.0
_RISK = {"wind": 0.7, "damp": 0.7, "cold": 0.6, "welder": 0.45}
_INDICATION = {
    "wind": "porosity",
    "damp": "crack",
    "cold": "lack of fusion",
    "welder": "lack of fusion",
    "background": "porosity",
}


@dataclass(frozen=True, kw_only=True)
class WeldingPlan:
    """What the shop welds and how often it errs.

    Attributes
    ----------
    joints
        Joints welded over the five days of the plan.
    background
        Share of passes with an indication that has none of the planted causes.
    forgotten
        Share of passes with covered electrodes that were out of the oven too long.
    hot
        Share of passes begun above the interpass temperature.
    mixed_up
        Share of joints given to a welder who isn't qualified for them.
    stops
        Share of passes in which the arc stops once.
    every
        Seconds between two readings of the signals.
    """

    joints: int = 120
    background: float = 0.01
    forgotten: float = 0.25
    hot: float = 0.02
    mixed_up: float = 0.08
    stops: float = 0.15
    every: float = 1.0


@dataclass(frozen=True)
class ShopTruth:
    """What really happened; no record holds it.

    Attributes
    ----------
    breaches
        By pass, what was not in order when it began: ``welder``, ``calibration``, ``service``, ``material``,
        ``procedure``, ``window``, ``air``. A pass that is left out was in order.
    cause_of
        By pass with an indication, the planted cause of it, ``background`` for none.
    energy
        By pass, the energy of its arc without the noise of the readings, kJ.
    """

    breaches: Mapping[str, frozenset[str]]
    cause_of: Mapping[str, str]
    energy: Mapping[str, float]


@dataclass(frozen=True)
class Shop:
    """The rows of the shop's files, and the truth apart from them."""

    passes: Rows
    fits: Rows
    results: Rows
    signals: Mapping[str, NDArray[Any]]
    air: Rows
    truth: ShopTruth


@dataclass
class _Making:
    """One run of the shop on its way."""

    plan: WeldingPlan
    rng: np.random.Generator
    passes: Rows = field(default_factory=list)
    fits: Rows = field(default_factory=list)
    results: Rows = field(default_factory=list)
    signals: list[Mapping[str, Any]] = field(default_factory=list)
    breaches: dict[str, frozenset[str]] = field(default_factory=dict)
    cause_of: dict[str, str] = field(default_factory=dict)
    energy: dict[str, float] = field(default_factory=dict)
    hours: dict[str, float] = field(default_factory=dict)


def welding_shop(plan: WeldingPlan | None = None, *, seed: int = 1) -> Shop:
    """Simulate the shop; the same plan and seed give the same shop."""
    made = _Making(plan or WeldingPlan(), np.random.default_rng(seed))
    made.hours = {one.id: one.hours for one in MACHINES}
    air = _Air(made.rng)
    rejected: list[dict[str, Any]] = []
    for number, (machine, moment) in enumerate(_schedule(made)):
        joint = _joint(made, number, machine)
        _fit(made, joint, moment - timedelta(hours=2))
        last, bad = _weld(made, air, joint, machine, moment)
        _inspect(made, joint, last, bad=bad)
        if bad:
            rejected.append(joint)
    for number, joint in enumerate(rejected):
        day, place = divmod(number, _REPAIRS)
        moment = START + PLANNED + day * DAY + timedelta(minutes=SHIFT / _REPAIRS * place)
        machine = next(one for one in MACHINES if one.id == ("PS-4" if joint["process"] == "111" else "PS-1"))
        last, bad = _weld(made, air, joint, machine, moment, repair=1)
        _inspect(made, joint, last, bad=bad)
    names = made.signals[0].keys() if made.signals else ()
    return Shop(
        passes=made.passes,
        fits=made.fits,
        results=made.results,
        signals={name: np.concatenate([one[name] for one in made.signals]) for name in names},
        air=air.rows(),
        truth=ShopTruth(made.breaches, made.cause_of, made.energy),
    )


def _schedule(made: _Making) -> list[tuple[Machine, datetime]]:
    """Each joint's machine and begin, by time: machines take turns, joints are spread over the shifts."""
    per_day = -(-made.plan.joints // (len(MACHINES) * DAYS))
    slot = SHIFT / max(per_day, 1)
    if slot < _LONGEST_JOINT:
        raise ValueError(f"{made.plan.joints} joints are too many for {DAYS} shifts of {len(MACHINES)}")
    found = []
    for number in range(made.plan.joints):
        day, place = divmod(number // len(MACHINES), per_day)
        minute = place * slot + float(made.rng.uniform(0, slot - _LONGEST_JOINT))
        begin = START + day * DAY + timedelta(seconds=round(minute * 60))
        found.append((MACHINES[number % len(MACHINES)], begin))
    return sorted(found, key=lambda one: (one[1], one[0].id))


def _joint(made: _Making, number: int, machine: Machine) -> dict[str, Any]:
    butt = machine.process == "111" or number % 3 != 0
    joint_type = "BW" if butt else "FW"
    position = ("PA", "PF")[number % 2] if butt else ("PB", "PF")[number // 2 % 2]
    recipe = f"WPS-{machine.process}-{joint_type}"
    steel = [f"PLATE-{1 + (number + side) // 7 % 5}" for side in (0, 1)]
    welder = welder_of(machine, joint_type, position, number, mixed_up=made.rng.random() < made.plan.mixed_up)
    return {
        "id": f"J-{number + 1:04d}",
        "drawing": f"DRG-{100 + number // 8}/{number % 8 + 1}",
        "joint_type": joint_type,
        "position": position,
        "process": machine.process,
        "recipe": recipe,
        "thickness": 12.0 if butt else 10.0,
        "runs": 3 if butt else 1,
        "welder": welder,
        "steel": sorted(set(steel)),
        "order": f"ASSY-{1 + number // 8:03d}",
    }


def _fit(made: _Making, joint: Mapping[str, Any], moment: datetime) -> None:
    for lot in joint["steel"]:
        made.fits.append(
            {"joint": joint["id"], "execution": f"fit {joint['id']}", "lot": lot, "order": joint["order"]}
            | {"joint_material": _material(joint), "start": moment, "end": moment + timedelta(minutes=15)}
        )


def _material(joint: Mapping[str, Any]) -> str:
    return "BUTT JOINT" if joint["joint_type"] == "BW" else "FILLET JOINT"


def _weld(
    made: _Making,
    air: _Air,
    joint: dict[str, Any],
    machine: Machine,
    moment: datetime,
    *,
    repair: int = 0,
) -> tuple[datetime, bool]:
    """The passes of a joint, or of its repair; when the last ended, and whether one has an indication."""
    bad = False
    welder: Welder = joint["welder"]
    if repair:
        number = int(joint["id"][2:])
        welder = welder_of(machine, joint["joint_type"], joint["position"], number, mixed_up=False)
    runs = 1 if repair else joint["runs"]
    noted = int(np.searchsorted(_BEAUFORT, air.at(machine.zone, moment)["wind"], "right"))
    for run in range(1, runs + 1):
        execution = f"{joint['id']} {'R' * repair}{run}"
        begin = moment + timedelta(minutes=_BETWEEN * (run - 1))
        sheet = _sheet(made, machine, run)
        cold = machine.is_cold(begin)
        end, energy = _burn(made, machine, begin, cold=cold)
        made.hours[machine.id] += (end - begin).total_seconds() / 3600
        here = air.at(machine.zone, begin)
        breaches = _breaches(joint, machine, sheet, here, begin)
        if cold:
            breaches.add("window")
        if not may_weld(welder, machine.process, joint["joint_type"], joint["position"], begin):
            breaches.add("welder")
        if breaches:
            made.breaches[execution] = frozenset(breaches)
        made.energy[execution] = energy
        made.passes.append(
            {
                "execution": execution,
                "joint": joint["id"],
                "joint_material": _material(joint),
                "machine": machine.id,
                "welder": welder.id,
                "wps": joint["recipe"],
                "order": joint["order"],
                "start": begin,
                "end": end,
                "process": machine.process,
                "joint_type": joint["joint_type"],
                "welding_position": joint["position"],
                "material_group": "1.2",
                "drawing": joint["drawing"],
                "pass_number": run,
                "repair": repair,
                "thickness": joint["thickness"],
                "weld_length": _LENGTH,
                "filler": sheet["filler"],
                "filler_material": machine.filler_material,
                "gas": machine.gas,
                "wind_force": noted,
                **{name: sheet[name] for name in ("preheat", "interpass", "exposure", "machine_hours")},
            }
        )
        risks = {
            "wind": machine.gas is not None and here["wind"] > _BLOWN_AWAY,
            "damp": machine.process == "111" and sheet["exposure"] > _DAMP_AFTER,
            "cold": cold,
            "welder": "welder" in breaches,
        }
        last = end
        bad |= _indicated(made, execution, risks, end)
    return last, bad


def _indicated(made: _Making, execution: str, risks: Mapping[str, bool], end: datetime) -> bool:
    """Whether testing shows something in a pass; the result is recorded a day later."""
    cause = next((one for one, at in risks.items() if at and made.rng.random() < _RISK[one]), None)
    if cause is None and made.rng.random() < made.plan.background:
        cause = "background"
    if cause is not None:
        made.cause_of[execution] = cause
    seen = "none" if cause is None else _INDICATION[cause]
    result = {"subject": execution, "subject_kind": "execution", "segment": "weld", "person": "N-01"}
    result |= {"characteristic": "indication", "text": seen, "method": "UT", "gauge": "UT-1"}
    made.results.append(result | {"time": end + timedelta(hours=20)})
    return cause is not None


def _sheet(made: _Making, machine: Machine, run: int) -> dict[str, Any]:
    """What the welder writes on the pass sheet."""
    rng, plan = made.rng, made.plan
    electrodes = machine.process == "111"
    forgotten = electrodes and rng.random() < plan.forgotten
    exposure = rng.uniform(4.6, 8.0) if forgotten else rng.uniform(0.3, 3.4 if electrodes else 40.0)
    hot = run > 1 and rng.random() < plan.hot
    interpass = rng.uniform(268, 300) if hot else rng.uniform(60, 90) + 40 * (run - 1)
    return {
        "preheat": round(float(rng.uniform(24, 40)), 1),
        "interpass": round(float(interpass), 1),
        "exposure": round(float(exposure), 2),
        "machine_hours": round(made.hours[machine.id], 2),
        "filler": machine.filler_at(made.hours[machine.id] - machine.hours),
    }


def _breaches(
    joint: Mapping[str, Any],
    machine: Machine,
    sheet: Mapping[str, Any],
    here: Mapping[str, float],
    begin: datetime,
) -> set[str]:
    """What isn't in order, but for the welder and the arc."""
    limits = PROCEDURES[joint["recipe"]]
    lots = (sheet["filler"], *joint["steel"])
    found = lapses(machine, sheet["machine_hours"], lots, joint["recipe"], begin)
    if sheet["interpass"] > limits["interpass_max_c"] or sheet["exposure"] > limits["exposure_max_h"]:
        found.add("window")
    if here["wind"] > limits["wind_max_m_s"] or here["humidity"] > limits["humidity_max_pct"]:
        found.add("air")
    return found


def _burn(made: _Making, machine: Machine, begin: datetime, *, cold: bool) -> tuple[datetime, float]:
    """Readings of one pass; its end, and the energy its arc was set to spend, kJ."""
    rng, every = made.rng, made.plan.every
    current = machine.current * (0.76 if cold else 1.0) * (1 + 0.015 * float(rng.standard_normal()))
    voltage = machine.voltage * (1 + 0.008 * float(rng.standard_normal()))
    speed = machine.speed * (1 + 0.02 * float(rng.standard_normal()))
    arc = _LENGTH / speed
    stop = float(rng.uniform(4, 8)) if rng.random() < made.plan.stops else 0.0
    seconds = round(arc + stop) + 3
    times = np.arange(0.0, seconds, every)
    burns = (times >= 1) & (times < 1 + arc + stop)
    if stop:
        at = 1 + arc * float(rng.uniform(0.3, 0.7))
        burns &= ~((times >= at) & (times < at + stop))
    noise = machine.noise * _coloured(rng, len(times))
    amps = np.where(burns, current * (1 + noise), 0.0)
    # A flat characteristic in gas-shielded welding: the voltage gives way a little where the current rises.
    volts = np.where(burns, voltage * (1 - 0.25 * noise + 0.01 * rng.standard_normal(len(times))), 0.0)
    feed = np.where(burns, machine.wire_feed * (1 + 0.01 * rng.standard_normal(len(times))), 0.0)
    moments = np.datetime64(begin.replace(tzinfo=None), "us") + (times * 1e6).astype("timedelta64[us]")
    made.signals.append(
        {
            "machine": np.full(len(times), machine.id, dtype=object),
            "time": moments,
            "current": np.round(amps, 1),
            "voltage": np.round(volts, 2),
            "arc_power": np.round(amps * volts, 1),
            "wire_feed": np.round(feed, 2) if machine.wire_feed else np.full(len(times), np.nan),
        }
    )
    return begin + timedelta(seconds=seconds), current * voltage * arc / 1000


def _coloured(rng: np.random.Generator, count: int) -> Floats:
    """Noise of unit variance that remembers: droplets and a hand that is not quite steady."""
    white = rng.standard_normal(count)
    for at in range(1, count):
        white[at] = 0.6 * white[at - 1] + 0.8 * white[at]
    return white


def _inspect(made: _Making, joint: Mapping[str, Any], last: datetime, *, bad: bool) -> None:
    at = {"subject": joint["id"], "subject_kind": "unit", "segment": "ndt", "person": "N-01"}
    seen = at | {"characteristic": "vt", "text": "OK", "method": "VT", "time": last + timedelta(hours=1)}
    made.results.append(seen)
    verdict = "NOK" if bad else "OK"
    made.results.append(
        at
        | {"characteristic": "ndt", "text": verdict, "method": "UT", "gauge": "UT-1"}
        | {"time": last + timedelta(hours=20)}
    )


class _Air:
    """The air of each zone, a value a minute: calm inside; spells of wind and a wet morning outside."""

    def __init__(self, rng: np.random.Generator) -> None:
        whole = PLANNED + 4 * DAY
        self._minutes = int(whole.total_seconds() // 60)
        minute = np.arange(self._minutes)
        clock = minute % 1440
        warm = 14 + 5 * np.sin((clock - 180) / 1440 * 2 * np.pi)
        storm = np.zeros(self._minutes, bool)
        for day in range(DAYS):
            for begin in rng.uniform(0, SHIFT - _GUSTY, 4):
                storm[day * 1440 + int(begin) : day * 1440 + int(begin) + _GUSTY] = True
        wet = (minute >= 4 * 1440) & (minute < 4 * 1440 + 200)
        wind = np.clip(0.9 + 0.25 * _coloured(rng, self._minutes), 0.1, 1.7)
        wind = np.where(storm, np.clip(4.6 + 0.6 * rng.standard_normal(self._minutes), 2.6, 6.8), wind)
        damp = np.clip(58 + 3 * _coloured(rng, self._minutes), 40, 80)
        damp = np.where(wet, np.clip(95 + rng.standard_normal(self._minutes), 92, 99), damp)
        calm = np.clip(0.15 + 0.03 * rng.standard_normal(self._minutes), 0, 0.4)
        self._zones = {
            "YARD": {"air_temperature": warm.round(1), "humidity": damp.round(1), "wind": wind.round(2)},
            "HALL": {
                "air_temperature": (19 + 0.3 * rng.standard_normal(self._minutes)).round(1),
                "humidity": (50 + rng.standard_normal(self._minutes)).round(1),
                "wind": calm.round(2),
            },
        }

    def at(self, zone: str, moment: datetime) -> dict[str, float]:
        """What was read in the minute before a moment."""
        minute = int((moment - START).total_seconds() // 60)
        return {name: float(values[minute]) for name, values in self._zones[zone].items()}

    def rows(self) -> Rows:
        """Every reading within the shifts."""
        found = []
        for zone, series in self._zones.items():
            for minute in range(self._minutes):
                if minute % 1440 < SHIFT + 60:
                    values = {name: float(one[minute]) for name, one in series.items()}
                    found.append(
                        {"sensor": f"AIR-{zone}", "time": START + timedelta(minutes=minute)} | values
                    )
        return found
