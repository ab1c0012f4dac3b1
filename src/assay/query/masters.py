"""Master data as the relations that definitions read: no two versions of one thing hold at the same time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from assay.model.errors import ModelError
from assay.model.kinds import TIME
from assay.model.units import comparable, convert
from assay.store.snapshot import Snapshot

SIGNALS = "the_signals"
CHARACTERISTICS = "the_characteristics"
SPECIFICATIONS = "the_specifications"
CONVERSIONS = "the_conversions"
OFFSETS = "the_offsets"

SCOPES = (("material", "segment"), ("material",), ("segment",), ())
"""What a specification may name besides its characteristic, the most particular first."""

_FIRST_YEAR, _LAST_YEAR = 1970, 2100
_BEGINNING, _END = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)

_Interval = tuple[datetime | None, datetime | None]

_SIGNAL = pa.schema(
    [("id", pa.string()), ("equipment", pa.string()), ("unit", pa.string()), ("since", TIME), ("until", TIME)]
)
_CHARACTERISTIC = pa.schema([("id", pa.string()), ("unit", pa.string()), ("since", TIME), ("until", TIME)])
_SPECIFICATION = pa.schema(
    [
        *[(name, pa.string()) for name in ("id", "characteristic", "material", "segment")],
        *[(name, pa.float64()) for name in ("low", "high", "target")],
        ("scope", pa.int32()),
        ("since", TIME),
        ("until", TIME),
    ]
)
_CONVERSION = pa.schema(
    [("unit", pa.string()), ("into", pa.string()), ("factor", pa.float64()), ("shift", pa.float64())]
)
_OFFSET = pa.schema([("since", TIME), ("until", TIME), ("seconds", pa.float64())])


def masters(snapshot: Snapshot, zone: str) -> dict[str, pa.Table]:
    """Signals, characteristics and specifications with the intervals in which they hold, and zone offsets."""
    return {
        SIGNALS: pa.Table.from_pylist(_intervals(_rows(snapshot, "signal")), _SIGNAL),
        **specified(snapshot),
        OFFSETS: _offsets(zone),
    }


def specified(snapshot: Snapshot) -> dict[str, pa.Table]:
    """Characteristics and specifications: all that results are judged by.

    Of one characteristic, material and segment no two specifications hold at the same time: the one that
    began last counts.
    """
    characteristics = _intervals(_rows(snapshot, "characteristic"))
    units = {row["id"]: row["unit"] for row in characteristics}
    rows = [_in_unit(row, units.get(row["characteristic"])) for row in _rows(snapshot, "specification")]
    return {
        CHARACTERISTICS: pa.Table.from_pylist(characteristics, _CHARACTERISTIC),
        SPECIFICATIONS: pa.Table.from_pylist(_apart(_intervals(rows)), _SPECIFICATION),
    }


def conversions(pairs: Iterable[tuple[str, str]]) -> pa.Table:
    """How values in one unit become values in another; pairs of different quantities are left out."""
    rows = []
    for unit, into in sorted(set(pairs)):
        if unit == into:
            continue
        try:
            if not comparable(unit, into):
                continue
            shift, one = (float(value) for value in convert([0.0, 1.0], unit, into))
        except ModelError:
            continue  # what a source calls a unit need not be one; the value stays as it was recorded
        rows.append({"unit": unit, "into": into, "factor": one - shift, "shift": shift})
    return pa.Table.from_pylist(rows, _CONVERSION)


def _rows(snapshot: Snapshot, kind: str) -> list[dict[str, Any]]:
    table = snapshot.master.get(kind)
    return [] if table is None else table.to_pylist()


def _intervals(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Versions with ``since`` and ``until``: a version ends where the next one of the same id begins."""
    found = []
    ordered = sorted(rows, key=lambda row: (row["id"], row["valid_from"] or _BEGINNING))
    for row, following in zip(ordered, [*ordered, None][1:], strict=True):
        until = row["valid_to"]
        if following is not None and following["id"] == row["id"]:
            ends = [moment for moment in (until, following["valid_from"]) if moment is not None]
            until = min(ends) if ends else until
        found.append({**row, "since": row["valid_from"], "until": until})
    return found


def _apart(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Specifications cut so that of those for the same results only one holds at any time."""
    groups: dict[tuple[str | None, ...], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["characteristic"], row["material"], row["segment"]), []).append(row)
    found = []
    for (_, material, segment), own in groups.items():
        named = tuple(
            name for name, value in (("material", material), ("segment", segment)) if value is not None
        )
        # Those that began last come first; of two that began together the one whose id comes first.
        own.sort(key=lambda row: row["id"])
        own.sort(key=lambda row: row["since"] or _BEGINNING, reverse=True)
        taken: list[dict[str, Any]] = []
        for row in own:
            free = [(row["since"], row["until"])]
            for other in taken:
                free = [part for one in free for part in _without(one, (other["since"], other["until"]))]
            taken += [
                {**row, "since": since, "until": until, "scope": SCOPES.index(named)} for since, until in free
            ]
        found += taken
    return found


def _without(one: _Interval, other: _Interval) -> list[_Interval]:
    """The parts of an interval that another leaves; a missing end is open."""
    first, last = one[0] or _BEGINNING, one[1] or _END
    begin, end = other[0] or _BEGINNING, other[1] or _END
    if end <= first or begin >= last:
        return [one]
    before = [(one[0], other[0])] if first < begin else []
    after = [(other[1], one[1])] if end < last else []
    return [*before, *after]


def _in_unit(row: Mapping[str, Any], unit: str | None) -> dict[str, Any]:
    """A specification's limits in the characteristic's unit."""
    low, high = row["lower_specification_limit"], row["upper_specification_limit"]
    values = {"low": low, "high": high, "target": row["target"]}
    if row["unit"] and unit and row["unit"] != unit and comparable(row["unit"], unit):
        values = {
            name: None if value is None else float(convert([value], row["unit"], unit)[0])
            for name, value in values.items()
        }
    return {**row, **values}


@lru_cache(maxsize=8)
def _offsets(zone: str) -> pa.Table:
    """The offset of local time from UTC in seconds, and from when to when (the ends are open)."""
    place = ZoneInfo(zone)
    moment = datetime(_FIRST_YEAR, 1, 1, tzinfo=UTC)
    rows: list[dict[str, Any]] = [{"since": None, "until": None, "seconds": _offset(moment, place)}]
    while moment.year < _LAST_YEAR:
        following = moment + timedelta(days=1)
        if _offset(following, place) != rows[-1]["seconds"]:
            change = _change(moment, following, place)
            rows[-1]["until"] = change
            rows.append({"since": change, "until": None, "seconds": _offset(following, place)})
        moment = following
    return pa.Table.from_pylist(rows, _OFFSET)


def _change(before: datetime, after: datetime, place: ZoneInfo) -> datetime:
    """The minute at which the offset changes between two moments."""
    while after - before > timedelta(minutes=1):
        middle = before + (after - before) // 2
        middle = middle.replace(second=0, microsecond=0)
        if middle <= before:
            break
        if _offset(middle, place) == _offset(before, place):
            before = middle
        else:
            after = middle
    return after


def _offset(moment: datetime, place: ZoneInfo) -> float:
    return (moment.astimezone(place).utcoffset() or timedelta()).total_seconds()
