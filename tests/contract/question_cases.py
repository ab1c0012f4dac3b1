"""Questions with the rows they have to give, from how the plant was made and not from an engine."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import stdev
from typing import Any

import numpy as np
from tests.contract.engine_plant import BEGUN, ENDED, NOTES, ODD, WARM
from tests.sinter_plant import HOT, LOTS, UNITS, unit

SPREAD = stdev(n / 100 for n in range(UNITS))
"""The deviation of the thickness within each lot."""

IN_OVEN = [1100.0 + minute % 3 for minute in range(480, 540)]
"""The readings of lot L2 in the oven, one a minute."""

SLOPE = float(np.polyfit(60.0 * np.arange(60), np.array(IN_OVEN) - 1100, 1)[0])
SECONDS = (ENDED - BEGUN).total_seconds()


def thick(lot: str) -> float:
    """The mean thickness of a lot's units."""
    return 10.045 + list(LOTS).index(lot)


@dataclass(frozen=True)
class Asked:
    """A question, the rows of its answer, and whether it is asked of the past, before the hot rows came."""

    question: str
    rows: list[tuple[Any, ...]]
    before: bool = False

    def __str__(self) -> str:
        return f"{self.question}, before" if self.before else self.question


def ids(question: str, *names: str) -> Asked:
    """A question for things of which only the ids are looked at."""
    return Asked(f"{question} | select id", [(name,) for name in names])


CONDITIONS = [
    ids("unit[defect.code = 'HC-3' and defect[severity = 'high' and code != 'HC-1']]",
        *(unit(HOT, n) for n in range(3))),
    ids("unit[(count(defect) > 0 and not (defect.code = 'HC-3')) or count(thickness) = 0]",
        unit("L5", 0), ODD),
    ids("unit[thickness between 12.08 and 13.005 or thickness not between 10.01 and 15.08 "
        "or thickness <= 10 or (thickness >= 12 and thickness < 12.01)]",
        "U-100", "U-300", "U-308", "U-309", "U-400", "U-609"),
    ids("unit[(tray_row = 4 and lot.product = 'POWDER-B') "
        "or (lot in ('L1', 'L2') and tray_row not in (0, 1, 2, 3, 4, 5, 6, 7, 8))]",
        "U-109", "U-204", "U-209", "U-404", "U-604"),
    ids("unit[note like '%50%%' or note like 'C:\\new%' or note like '1_5d' "
        "or note = 'it''s 50%_off' or note = '烧结 \"炉\" Straße 😀']", "U-100", "U-101", "U-103", "U-105"),
    ids("unit[note not like '%o%']", "U-101", "U-103", "U-104", "U-105", ODD),
    ids("unit[note is not null and result = 'OK' and not (note = '1.5d') and true]",
        "U-100", "U-101", "U-102", "U-104", "U-105"),
    ids("unit[inspect.started > '2026-03-02T20:58:30' or first_time > @2026-03-02T20:00:00Z]", "U-609", WARM),
    ids("unit[hardness > 65.8 or severe]", *(unit(HOT, n) for n in range(3)), "U-609"),
    ids("unit[sinter.temp.time_in_band(1150, 1152) > 3000 and lot.moisture < 0.35 and thickness > 12.085]",
        "U-309"),
    ids("unit | where thickness - 10 > 5.085 and -thickness < 0 and null = null or id = 'U-700'", ODD),
]  # fmt: skip

PATHS = [
    ids("unit[id = 'U-604'].ancestors(lot)", "L6"),
    ids("lot[id = 'L3'].descendants(unit)[defect]", *(unit(HOT, n) for n in range(3))),
    ids("unit[id = 'U-604'].ancestors(lot, 1)[id like 'L%']", "L6"),
    Asked("lot[id = 'L3'].descendants(2) | count", [(0,)]),
    Asked("unit[id = 'U-604'].ancestors(step) | count", [(3,)]),
    ids("material[maker.country = 'SE'].lots[id > 'L1']", "L3", "L5"),
    ids("unit[id = 'U-300'].machines", "CMM", "F1", "PR1"),
    ids("equipment[id = 'HALL'].children[zone = 'Z1']", "F1", "F2"),
    ids("carrier", "T0", "T1"),
    ids("environment_zone.steps[segment = 'sinter' and ended > @2026-03-02T16:30:00Z].lots"),
    Asked("unit[id = 'U-300'] | select cross defect.code, step.segment",
          [("HC-3", one) for one in ("inspect", "press", "sinter")]),
    Asked("unit[id = 'U-300'] | select tray_row as row", [(0,), (None,), (None,)]),
    Asked("unit[id = 'U-700'].press | select position", [("x\ty",), (None,)]),
    Asked("product[id = 'POWDER-B'].lots", [(lot, "POWDER-B") for lot in ("L2", "L4", "L6")]),
    Asked("event[event = 'alarm'] | select message, equipment.name",
          [("over temperature", "Furnace 1")]),
    Asked("measurement[value >= 15.08 and characteristic = 'thickness'] | select subject, value, person.team",
          [("U-608", 15.08, "A"), ("U-609", 15.09, "B")]),
]  # fmt: skip

VALUES = [
    Asked("unit[note is not null] | select id, lower(note) as l, upper(note) as u, trim(note) as t",
          [("U-100", "it's 50%_off", "IT'S 50%_OFF", "it's 50%_off"),
           ("U-101", '烧结 "炉" straße 😀', '烧结 "炉" STRAẞE 😀', '烧结 "炉" Straße 😀'),
           ("U-102", " \u3000ok\u3000", " \u3000OK\u3000", "ok"),
           ("U-103", "1.5d", "1.5D", "1.5d"),
           ("U-104", " -2.5e1 ", " -2.5E1 ", "-2.5e1"),
           ("U-105", r"c:\new\100%", r"C:\NEW\100%", r"C:\new\100%"),
           (ODD, "i οδοσ", "İ ΟΔΟΣ", "İ ΟΔΟΣ")]),
    Asked("unit[note is not null] | select id, length(note) as n, number(note) as x, "
          "contains(note, '50%_') as c, starts_with(note, '烧结') as s",
          [(name, len(text), -25.0 if name == "U-104" else None, "50%_" in text, text.startswith("烧结"))
           for name, text in NOTES.items()]),
    Asked("step[id = 'P-ODD'] | select seconds(started, ended) as s, ended - started as d, "
          "months(started, ended) as m, year(started) as y, month(started) as mo, day(started) as da, "
          "hour(started) as h, minute(started) as mi, weekday(started) as w, weekday(ended) as v, "
          "date(ended) as dt, started + 1h30min as later, started - 250ms as earlier",
          [(SECONDS, SECONDS, 1, 2026, 1, 31, 23, 59, 6, 7, "2026-03-01",
            BEGUN + timedelta(minutes=90), datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC))]),
    Asked("step[id = 'P-ODD'] | select round(duration / 3600, 3) as r, round(duration) as w, "
          "abs(-duration) as a, -duration as n, sqrt(duration * 0 + 6.25) as q, sqrt(-duration) as nq, "
          "started is null as open, ln(duration / duration) as l, ln(duration - duration) as nl, "
          "coalesce(null, duration) as c, duration / (duration - duration) as z",
          [(672.001, 2419202.0, SECONDS, -SECONDS, 2.5, None, False, 0.0, None, SECONDS, None)]),
    Asked("unit[id = 'U-100'] | select true as t, false as f, null as n, 2 as i, 1.5 as x, 'it''s' as s, "
          "@2026-03-01 as d, 90min as sec, 7 / 2 as q",
          [(True, False, None, 2, 1.5, "it's", datetime(2026, 3, 1, tzinfo=UTC), 5400.0, 3.5)]),
    Asked("unit[lot = 'L3' and tray_row < 4] | select id, result = 'NOK' as bad, "
          "not (result = 'NOK') as good",
          [(unit(HOT, n), n < 3, n >= 3) for n in range(4)]),
    Asked("unit[lot = 'L1' and tray_row < 2] | select id, thickness * 100 - 1000 as h, thickness + 1 as b",
          [("U-100", 0.0, 11.0), ("U-101", 1.0, 11.01)]),
    Asked("unit[id = 'U-300'] | select id, id as ID", [("U-300", "U-300")]),
]  # fmt: skip

AGGREGATES = [
    Asked("lot[id = 'L3' or id = 'L7'] | select thickness.average, thickness.mean, thickness.n, "
          "thickness.sum, thickness.min, thickness.max, thickness.median, thickness.count, thickness.first, "
          "thickness.last, thickness.std, thickness.quantile(0.25), thickness.list",
          [(12.045, 12.045, 10, 120.45, 12.0, 12.09, 12.045, 10, 12.0, 12.09, SPREAD, 12.0225,
            [12 + n / 100 for n in range(UNITS)]),
           (None, None, 0, *[None] * 4, 0, *[None] * 5)]),
    Asked("lot[id = 'L1'] | select note.list, thickness.平均, thickness.标准差, thickness.合计, "
          "thickness.最小, thickness.最大, thickness.中位数, thickness.个数",
          [([NOTES[unit("L1", n)] for n in range(6)], 10.045, SPREAD, 100.45, 10.0, 10.09, 10.045, 10)]),
    Asked("unit | by lot: mean(thickness), std(thickness), sum(thickness), min(thickness), max(thickness), "
          "median(thickness), quantile(thickness, 0.9), count(thickness), distinct(result)",
          [*((lot, thick(lot), SPREAD, 10 * thick(lot), thick(lot) - 0.045, thick(lot) + 0.045,
              thick(lot), thick(lot) + 0.036, 10, 2 if lot in {"L3", "L5"} else 1) for lot in LOTS),
           ("L7", None, None, None, None, None, None, None, 0, 0),
           (None, 11.5, None, 11.5, 11.5, 11.5, 11.5, 11.5, 1, 0)]),
    Asked("unit | by lot: any(thickness > 14), all(thickness > 14), share(result = 'NOK'), count(defect), "
          "count(), first(thickness), last(thickness), list(defect.code)",
          [*((lot, lot in {"L5", "L6"}, lot == "L6", 0.3 if lot == HOT else 0.1 if lot == "L5" else 0.0,
              3 if lot == HOT else 1 if lot == "L5" else 0, 10, thick(lot) - 0.045, thick(lot) + 0.045,
              ["HC-3"] * 3 if lot == HOT else ["HC-1"] if lot == "L5" else None) for lot in LOTS),
           ("L7", False, True, None, 0, 1, None, None, None),
           (None, False, False, None, 0, 1, 11.5, 11.5, None)]),
    Asked("unit | by: scrap, kept, yield, count(), count(measurement), count(step)",
          [(4 / 60, 56 / 60, 52 / 61, 62, 60 * 3 + 7 + 3 + 1, 60 * 2 + 6 + 1)]),
    Asked("unit[id = 'U-700'] | select first(hardness), last(hardness), list(hardness), count(hardness)",
          [(1.0, None, [1.0, 2.0], 2)]),
    Asked("unit[defect.code = 'HC-3'].lot.product.lots | compare yield, thickness.mean, count(defect)",
          [(lot, lot == HOT, 10, good, thick(lot), bad)
           for lot, good, bad in (("L1", 1.0, 0), ("L3", 0.7, 3), ("L5", 0.9, 1))]),
    Asked("lot | compare yield by product", [("POWDER-A", 26 / 30), ("POWDER-B", 25 / 30), (None, None)]),
    Asked("measurement | by gauge, person.team as team: count(), max(value), min(text)",
          [("G1", "A", 60, 15.08, "NOK"), ("G1", "B", 60, 15.09, "NOK"), ("G1", None, 1, 11.5, None),
           ("M1", None, 6, 0.6, None), (None, None, 70, 65.9, " -2.5e1 ")]),
    Asked("unit | by defect.code as code", [("HC-1",), ("HC-3",), (None,)]),
    Asked("unit | by weekday(sinter.started) as w, hour(sinter.started) as h: count()",
          [*((1, 6 + 2 * n, 10) for n in range(6)), (None, None, 2)]),
    Asked("material | select id, price, maker, maker.country",
          [("GEAR-7", None, None, None), ("POWDER-A", 12.5, "ALPHA", "SE"), ("POWDER-B", 9.0, "BETA", "CN")]),
]  # fmt: skip

TABLES = [
    Asked("unit | sort thickness desc | limit 2 offset 1", [("U-608", 15.08), ("U-607", 15.07)]),
    Asked("unit | by tray_row, lot.product: count() | where tray_row >= 0 | sort count() desc | limit 3",
          [(0, "POWDER-A", 3), (0, "POWDER-B", 3), (1, "POWDER-A", 3)]),
    Asked("unit | by lot: count() as DESC_parts | sort lot | where DESC_parts < 5",
          [("L7", 1), (None, 1)]),
    Asked("unit[lot = 'L3'] | select id, defect.code as \"b.code\" | where \"b.code\" = 'HC-3' "
          "| sort \"b.code\" desc, id desc | limit 1", [("U-302", "HC-3")]),
    Asked("unit | count", [(61,)], before=True),
    Asked("unit[sinter.temp.max > 1152.5] | count", [(0,)], before=True),
    Asked("单元【 thickness ＞ 15.07 且 result 属于 （‘OK’） 】 ｜ 按 lot ： count() 作为 件数", [("L6", 2)]),
]  # fmt: skip

SIGNALS = [
    Asked("lot[id = 'L2'].units.sinter | select temp.n, temp.mean, temp.std, temp.min, temp.max, temp.first, "
          "temp.last, temp.slope, temp.duration, temp.max_gap, temp.time_in_band(1100, 1101), temp.rise",
          [(60, 1101.0, stdev(IN_OVEN), 1100.0, 1102.0, 1100.0, 1102.0, SLOPE, 3600.0, 60.0, 2400.0, 2.0)]),
    Asked("unit[id = 'U-300'] | select sinter.window(start - 10min, end + 5min).temp.n, "
          "sinter.before(30min).temp.max, sinter.after(1h).temp.min, "
          "sinter.window(end, end + 1min).temp.mean, sinter.window(start + 1min, start + 2min).temp.count, "
          "sinter.temp.n, sinter.temp.max",
          [(76, 20.0, 20.0, 20.0, 1, 61, 1200.0)]),
    Asked("lot[id = 'L1'] | select unit.sinter.temp.n, count(unit.sinter), mean(unit.sinter.temp)",
          [(60, 1, 1101.0)]),
    Asked("event[event = 'alarm'] | select window(start - 1min, end + 1min).temp.n", [(3,)]),
]  # fmt: skip

KNOWN = [*CONDITIONS, *PATHS, *VALUES, *AGGREGATES, *TABLES, *SIGNALS]

REFUSED = [
    Asked("measurement | select subject, refused, refused_for",
          [("U-1", False, None), ("U-2", True, "unknown_subject")]),
    ids("unit[leak = 'NOK' and not refused]", "U-1"),
    ids("unit[leak[refused] = 'NOK']", "U-2"),
    Asked("measurement[refused = true] | count", [(1,)]),
    Asked("movement[not refused] | by role: count()", [("consumed", 1), ("produced", 1)]),
    Asked("unit | select id, refused",
          [("U-1", False), ("U-2", True), ("half-1", False), ("half-2", True)]),
    Asked("step | by refused: count(), list(id)", [(False, 1, ["join-1"]), (True, 1, ["join-2"])]),
    ids("step[refused].units", "U-2", "half-2"),
    ids("unit[id = 'half-2'].descendants(unit)[refused]", "U-2"),
    Asked("unit[leak] | select id, any(leak.refused), step.refused as refused_step",
          [("U-1", False, False), ("U-2", True, True)]),
]  # fmt: skip
"""Questions of the plant of :mod:`tests.refused_plant`, in which the gate refused one of two parts."""
