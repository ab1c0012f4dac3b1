"""The page *Scans*: who scanned the codes of products where and when, and what is odd about it."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from assay.apps.catalogue import told
from assay.apps.grids import BOTH_LANGUAGES, grid, moment
from assay.apps.kpis import figure
from assay.apps.payloads import ChartPayload, GridPayload, KpiPayload, Paging, Series, XAxis, YAxis
from assay.exchange.consumer import scans_of
from assay.exchange.consumer.hints import FAR_APART, OFTEN, OUTSIDE, UNKNOWN
from assay.model.kinds import TIME
from assay.model.text import Text
from assay.store.registry import now

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from assay.exchange.consumer.listed import ScanCard
    from assay.store.workspace import Workspace

MOST = 10_000
"""Scans that are looked at, the latest."""
_COUNTRIES_SHOWN = 20
_HINTS = (UNKNOWN, OFTEN, FAR_APART, OUTSIDE)


class ScanArgs(BaseModel):
    """Which scans: of a unit, lot or Digital Link, with a hint, in a country, of how many last days."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    of: str | None = Field(default=None, max_length=1_000)
    hint: Literal["every", "any", "unknown", "often", "far-apart", "outside"] = "every"
    country: str | None = None
    days: int = Field(default=30, ge=1, le=3_650)


def scan_summary(workspace: Workspace, args: ScanArgs) -> KpiPayload:
    """How many scans of how many codes on how many devices, and how many have a hint of each kind."""
    found = _scans(workspace, args)
    kinds = Counter(hint for one in found for hint in one.hints)
    items = [
        figure("scan.scans", len(found), note=told("scan.most", most=MOST) if len(found) == MOST else None),
        figure("scan.codes", len({one.code for one in found})),
        figure("scan.devices", len({one.device for one in found if one.device is not None})),
    ]
    items += [figure(f"scan.{hint}", kinds[hint], tone="bad" if kinds[hint] else "good") for hint in _HINTS]
    return KpiPayload(items=items)


def scans_by_day(workspace: Workspace, args: ScanArgs) -> ChartPayload:
    """Scans with and without a hint by day of the plant."""
    zone = ZoneInfo(workspace.config.time_zone)
    found = _scans(workspace, args)
    days = [one.time.astimezone(zone).date() for one in found]
    every = [min(days) + timedelta(days=at) for at in range((max(days) - min(days)).days + 1)] if days else []
    odd = Counter(day for day, one in zip(days, found, strict=True) if one.hints)
    fine = Counter(day for day, one in zip(days, found, strict=True) if not one.hints)
    starts = {day: moment(datetime.combine(day, time(), zone)) for day in every}
    rows = [(starts[day], fine[day], odd[day]) for day in every]
    return _counted("line", XAxis(type="time", title=told("scan.day")), rows)


def scans_by_country(workspace: Workspace, args: ScanArgs) -> ChartPayload:
    """Scans with and without a hint by country, most first."""
    found = _scans(workspace, args)
    odd = Counter(one.country or "–" for one in found if one.hints)
    fine = Counter(one.country or "–" for one in found if not one.hints)
    most = [country for country, _ in (odd + fine).most_common(_COUNTRIES_SHOWN)]
    rows = [(country, fine[country], odd[country]) for country in most]
    return _counted("bar", XAxis(type="category", title=told("scan.country")), rows)


def scan_places(workspace: Workspace, args: ScanArgs) -> ChartPayload:
    """Where scans were made whose position is known, to a tenth of a degree, by hint."""
    placed: defaultdict[str, set[tuple[float, float]]] = defaultdict(set)
    for one in _scans(workspace, args):
        if one.latitude is not None and one.longitude is not None:
            for hint in one.hints or ["none"]:
                placed[hint].add((one.longitude, one.latitude))
    series = [
        Series(name=told(f"hint-of.{hint}"), type="scatter", points=[(x, y) for x, y in sorted(placed[hint])])
        for hint in ("none", *_HINTS)
        if hint in placed
    ]
    return ChartPayload(
        kind="scatter",
        x=XAxis(type="value", title=told("scan.longitude"), unit="°"),
        y=YAxis(title=told("scan.latitude"), unit="°"),
        series=series,
        note=told("scan.coarse"),
    )


def scanned_codes(workspace: Workspace, args: ScanArgs, paging: Paging) -> GridPayload:
    """The codes with what is odd about their scans, oddest first."""
    by_code: defaultdict[str, list[ScanCard]] = defaultdict(list)
    for one in _scans(workspace, args):
        by_code[one.code].append(one)
    rows: list[dict[str, Any]] = [
        {
            "subject": mine[0].subject,
            "hints": _said(hint for one in mine for hint in one.hints),
            "hinted": sum(1 for one in mine if one.hints),
            "scans": len(mine),
            "devices": len({one.device for one in mine if one.device is not None}),
            "countries": ", ".join(sorted({one.country for one in mine if one.country is not None})),
            "first_time": mine[-1].time,
            "last_time": mine[0].time,
            "code": code,
        }
        for code, mine in by_code.items()
    ]
    rows.sort(key=lambda row: (-row["hinted"], -row["scans"]))
    return _grid(rows, _CODES, paging)


def scan_list(workspace: Workspace, args: ScanArgs, paging: Paging) -> GridPayload:
    """The scans, the latest first."""
    rows = [
        {
            "time": one.time,
            "subject": one.subject,
            "standing": told(f"standing.{one.standing}").model_dump(),
            "hints": _said(one.hints),
            "country": one.country,
            "latitude": one.latitude,
            "longitude": one.longitude,
            "device": one.device,
            "code": one.code,
        }
        for one in _scans(workspace, args)
    ]
    return _grid(rows, _SCANS, paging)


def _scans(workspace: Workspace, args: ScanArgs) -> list[ScanCard]:
    since = now() - timedelta(days=args.days)
    found = scans_of(workspace, args.of, hints=args.hint != "every", since=since, limit=MOST).scans
    country = args.country.strip().upper() if args.country else None
    return [
        one
        for one in found
        if (args.hint in {"every", "any"} or args.hint in one.hints)
        and (country is None or one.country == country)
    ]


def _said(hints: Iterable[str]) -> dict[str, str]:
    """The names of hints, each once, in the order of the reference."""
    given = set(hints)
    names = [told(f"hint-of.{hint}") for hint in _HINTS if hint in given]
    return Text(zh="、".join(one.zh for one in names), en=", ".join(one.en for one in names)).model_dump()


def _counted(kind: Literal["bar", "line"], x: XAxis, rows: Sequence[tuple[str, int, int]]) -> ChartPayload:
    """Scans without and with a hint, by what is along the axis."""
    names = (told("hint-of.none"), told("scan.hinted"))
    points = ([(at, fine) for at, fine, _ in rows], [(at, odd) for at, _, odd in rows])
    series = [
        Series(name=name, type=kind, points=list(mine))
        for name, mine in zip(names, points, strict=True)
        if mine
    ]
    return ChartPayload(kind=kind, x=x, y=YAxis(title=told("scan.scans")), series=series)


def _grid(rows: Sequence[dict[str, Any]], schema: pa.Schema, paging: Paging) -> GridPayload:
    return grid(
        pa.Table.from_pylist(list(rows[paging.offset : paging.offset + paging.limit]), schema=schema),
        total=len(rows),
        offset=paging.offset,
        limit=paging.limit,
        links={"subject": "trace"},
        note=told("scan.none") if not rows else None,
    )


_CODES = pa.schema(
    [
        pa.field("subject", pa.string()),
        pa.field("hints", BOTH_LANGUAGES),
        pa.field("hinted", pa.int64()),
        pa.field("scans", pa.int64()),
        pa.field("devices", pa.int64()),
        pa.field("countries", pa.string()),
        pa.field("first_time", TIME),
        pa.field("last_time", TIME),
        pa.field("code", pa.string()),
    ]
)
_SCANS = pa.schema(
    [
        pa.field("time", TIME),
        pa.field("subject", pa.string()),
        pa.field("standing", BOTH_LANGUAGES),
        pa.field("hints", BOTH_LANGUAGES),
        pa.field("country", pa.string()),
        pa.field("latitude", pa.float64()),
        pa.field("longitude", pa.float64()),
        pa.field("device", pa.string()),
        pa.field("code", pa.string()),
    ]
)
