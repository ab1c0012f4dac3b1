"""Board figures and causes as charts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from assay.analyse.board import Bucket, Levels, Trend
from assay.analyse.cause import Cause, Dose
from assay.analyse.cause.clock import DRIFT
from assay.apps.catalogue import told
from assay.apps.grids import moment
from assay.apps.payloads import ChartPayload, Format, Series, XAxis, YAxis
from assay.apps.reduce import m4
from assay.model.text import Text

_UNITS = ((7 * 86_400, "weeks"), (86_400, "days"), (3_600, "hours"), (60, "minutes"), (1, "seconds"))


def trend_chart(trend: Trend, *, zone: str, width: int) -> ChartPayload:
    """A control chart of the target over time: centre line, limits, and the points beyond them."""
    buckets = trend.buckets
    time = np.array([bucket.start.timestamp() for bucket in buckets])
    kept = m4(time, np.array([bucket.value for bucket in buckets]), width)
    tz = ZoneInfo(zone)

    def place(bucket: Bucket) -> str:
        if not trend.is_gappy:
            return moment(bucket.start)
        local = bucket.start.astimezone(tz)
        return local.strftime("%Y-%m-%d" if trend.width >= timedelta(days=1) else "%Y-%m-%d %H:%M")

    limits = [bucket for bucket in buckets if bucket.low is not None or bucket.high is not None]
    series = [
        Series(
            name=_measure(trend.is_rate),
            type="line",
            points=[(place(buckets[at]), buckets[at].value) for at in kept],
        ),
        Series(
            name=told("chart.centre"),
            type="line",
            role="centre",
            tone="neutral",
            points=[(place(bucket), trend.centre) for bucket in _ends(buckets)],
        ),
    ]
    for name, side in (("low", "low"), ("high", "high")):
        if limits:
            points = [(place(bucket), getattr(bucket, side)) for bucket in buckets]
            series.append(
                Series(name=told(f"chart.{name}"), type="line", role="limit", tone="neutral", points=points)
            )
    beyond = [bucket for bucket in buckets if bucket.is_beyond]
    if beyond:
        series.append(
            Series(
                name=told("chart.beyond"),
                type="scatter",
                tone="bad",
                points=[(place(bucket), bucket.value) for bucket in beyond],
            )
        )
    form: Format = "percent" if trend.is_rate else "number"
    return ChartPayload(
        kind="line",
        x=XAxis(type="category" if trend.is_gappy else "time", title=told("chart.time")),
        y=YAxis(title=_measure(trend.is_rate), format=form),
        series=series,
        note=_trend_note(trend, bool(limits)),
    )


def _ends(buckets: Sequence[Bucket]) -> Sequence[Bucket]:
    return buckets if len(buckets) < 2 else (buckets[0], buckets[-1])


def _trend_note(trend: Trend, limited: bool) -> Text | None:
    if len(trend.buckets) < 2:
        return told("note.no-change")
    if not limited:
        return None
    centre = said_rate(trend.centre) if trend.is_rate else f"{trend.centre:.4g}"
    key = "note.p-limits" if trend.is_rate else "note.mean-limits"
    return told(key, centre=centre, width=duration(trend.width))


def _measure(is_rate: bool) -> Text:
    return told("chart.rate" if is_rate else "chart.mean")


def duration(width: timedelta) -> Text:
    """A length of time in its largest whole unit."""
    seconds = int(width.total_seconds())
    size, unit = next((size, unit) for size, unit in _UNITS if seconds % size == 0)
    return told(f"duration.{unit}", n=seconds // size)


def said_rate(rate: float) -> str:
    """A rate as a percentage."""
    return f"{rate:.2%}"


def pareto_chart(found: Levels, title: Text) -> ChartPayload:
    """Bars of the bad subjects by level, and their cumulated share."""
    total = max(found.total_bad or 0, 1)
    bars: list[tuple[str | float, float | None]] = [(level.value, level.bad) for level in found.levels]
    left = (found.total_bad or 0) - sum(level.bad or 0 for level in found.levels)
    others = found.total_levels - len(found.levels)
    if left > 0:
        bars.append((f"… +{others}", left))
    shares: list[tuple[str | float, float | None]] = []
    running = 0.0
    for name, count in bars:
        running += count or 0
        shares.append((name, running / total))
    return ChartPayload(
        kind="pareto",
        x=XAxis(type="category", title=title),
        y=YAxis(title=told("chart.bad")),
        y2=YAxis(title=told("chart.cumulated"), format="percent"),
        series=[
            Series(name=told("chart.bad"), type="bar", points=bars),
            Series(name=told("chart.cumulated"), type="line", axis=1, points=shares),
        ],
        note=told("note.pareto", factor=title, bad=found.total_bad),
    )


def levels_chart(found: Levels, title: Text, *, is_rate: bool, selected: str | None) -> ChartPayload:
    """The rate (or mean) of each level with its interval, the overall one as a line."""
    centre = said_rate(found.centre) if is_rate else f"{found.centre:.4g}"
    name = _measure(is_rate)
    form: Format = "percent" if is_rate else "number"
    return ChartPayload(
        kind="bar",
        x=XAxis(type="category", title=title),
        y=YAxis(title=name, format=form),
        series=[
            Series(
                name=name,
                type="bar",
                points=[(level.value, level.rate) for level in found.levels],
                band=[
                    (level.value, level.low, level.high)
                    for level in found.levels
                    if level.low is not None and level.high is not None
                ],
            ),
            Series(
                name=told("chart.centre"),
                type="line",
                role="centre",
                tone="neutral",
                points=[(level.value, found.centre) for level in found.levels],
            ),
        ],
        selected=selected,
        note=told(
            "note.rates" if is_rate else "note.means",
            factor=title,
            count=found.total_levels,
            centre=centre,
        ),
    )


def dose_chart(cause: Cause, title: Text, *, is_rate: bool) -> ChartPayload:
    """The dose-response of an ordered factor: each step at the middle of its range, with its interval."""
    doses = cause.dose_response
    is_time = cause.factor == DRIFT

    def place(dose: Dose) -> str | float:
        middle = (dose.low + dose.high) / 2
        return moment(datetime.fromtimestamp(middle / 1e6, UTC)) if is_time else middle

    form: Format = "percent" if is_rate else "number"
    points: list[tuple[str | float, float | None]] = [(place(dose), dose.rate) for dose in doses]
    band: list[tuple[str | float, float, float]] = [
        (place(dose), dose.ci[0], dose.ci[1]) for dose in doses if np.isfinite(dose.ci).all()
    ]
    title = told("chart.time") if is_time else title
    name = _measure(is_rate)
    return ChartPayload(
        kind="line",
        x=XAxis(type="time" if is_time else "value", title=title, unit=cause.unit),
        y=YAxis(title=name, format=form),
        series=[Series(name=name, type="line", points=points, band=band)],
        note=told("note.dose", factor=title),
    )
