"""Times: formats, zones, and the hours that do not exist or occur twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.connect.times import TimeReader, compile_format
from assay.connect.zones import to_utc

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - wall times have no zone


def read(
    text: str | None, *formats: str, zone: str = "UTC", **more: str
) -> tuple[datetime | None, list[str]]:
    reader = TimeReader(formats, ZoneInfo(zone), **more)  # type: ignore[arg-type]
    times = reader.read(pa.array([text], pa.string()))
    return times.array()[0].as_py(), list(times.problems)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "formats", "expected"),
    [
        ("2026-03-02", (), utc(2026, 3, 2)),
        ("2026-03-02 08:15", (), utc(2026, 3, 2, 8, 15)),
        ("2026-03-02T08:15:04.5", (), utc(2026, 3, 2, 8, 15, 4, 500_000)),
        ("2026-03-02T08:15:04,123456789", (), utc(2026, 3, 2, 8, 15, 4, 123_456)),
        ("2026-03-02T08:15:04Z", (), utc(2026, 3, 2, 8, 15, 4)),
        ("2026-03-02T08:15:04+01:00", (), utc(2026, 3, 2, 7, 15, 4)),
        ("2026-03-02 08:15:04-0530", (), utc(2026, 3, 2, 13, 45, 4)),
        (" 2026-03-02 ", (), utc(2026, 3, 2)),
        ("2.3.2026 8:15", ("%d.%m.%Y %H:%M",), utc(2026, 3, 2, 8, 15)),
        ("03/02/26 12:05 AM", ("%m/%d/%y %I:%M %p",), utc(2026, 3, 2, 0, 5)),
        ("02-Mar-2026 12:05 PM", ("%d-%b-%Y %I:%M %p",), utc(2026, 3, 2, 12, 5)),
        ("2026年3月2日 08:15:04", ("%Y年%m月%d日 %H:%M:%S",), utc(2026, 3, 2, 8, 15, 4)),
        ("20260302081504", ("%Y%m%d%H%M%S",), utc(2026, 3, 2, 8, 15, 4)),
        ("2026-03-02 08:15", ("%d.%m.%Y", "%F %R"), utc(2026, 3, 2, 8, 15)),
        ("2024-02-29", (), utc(2024, 2, 29)),
        (None, (), None),
    ],
)
def test_what_is_understood(text: str | None, formats: tuple[str, ...], expected: datetime | None) -> None:
    assert read(text, *formats) == (expected, [])


@pytest.mark.parametrize(
    ("text", "formats"),
    [
        ("2026-02-29", ()),
        ("2026-13-01", ()),
        ("2026-03-02 24:00", ()),
        ("2026-03-02 08:60", ()),
        ("2026-03-02 08:15:60", ()),
        ("2026-3-2", ()),
        ("2026-03-02T08:15:04+25:00", ()),
        ("02.03.2026", ("%Y-%m-%d",)),
        ("2.3.2026 13:00 PM", ("%d.%m.%Y %I:%M %p",)),
        ("soon", ()),
        ("", ()),
    ],
)
def test_what_is_not(text: str, formats: tuple[str, ...]) -> None:
    assert read(text, *formats) == (None, ["unparsable-time"])


@pytest.mark.parametrize("form", ["%d.%m", "%Q", "%Y-%m-%d %I:%M", "%Y-%Y-%m-%d", "%"])
def test_formats_that_make_no_time(form: str) -> None:
    with pytest.raises(ValueError, match="time format"):
        compile_format(form)


def test_clocks_going_forward_leave_a_gap() -> None:
    gap = "2026-03-29 02:30:00"
    assert read(gap, zone="Europe/Berlin") == (None, ["nonexistent-time"])
    assert read(gap, zone="Europe/Berlin", gap="shift") == (utc(2026, 3, 29, 1, 30), [])
    assert read("2026-03-29 03:00:00", zone="Europe/Berlin") == (utc(2026, 3, 29, 1), [])
    assert read("2026-03-29 01:59:59", zone="Europe/Berlin") == (utc(2026, 3, 29, 0, 59, 59), [])


def test_clocks_going_back_repeat_an_hour() -> None:
    twice = "2026-10-25 02:30:00"
    assert read(twice, zone="Europe/Berlin") == (utc(2026, 10, 25, 0, 30), [])
    assert read(twice, zone="Europe/Berlin", fold="later") == (utc(2026, 10, 25, 1, 30), [])
    assert read(twice, zone="Europe/Berlin", fold="quarantine") == (None, ["ambiguous-time"])
    assert read(twice + "+01:00", zone="Europe/Berlin", fold="quarantine") == (utc(2026, 10, 25, 1, 30), [])


@settings(max_examples=200, deadline=None)
@given(
    st.datetimes(datetime(1950, 1, 1), datetime(2099, 12, 31)),  # noqa: DTZ001
    st.sampled_from(
        [
            "Europe/Berlin",
            "America/New_York",
            "Asia/Shanghai",
            "Australia/Lord_Howe",
            "Pacific/Apia",
            "Africa/Casablanca",
        ]
    ),
    st.booleans(),
)
def test_zones_agree_with_the_standard_library(wall: datetime, key: str, later: bool) -> None:
    zone = ZoneInfo(key)
    placed = to_utc(np.array([(wall - EPOCH) // timedelta(microseconds=1)]), zone, later=later)
    first, second = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    back = first.astimezone(zone).replace(tzinfo=None)
    assert bool(placed.gap[0]) == (back != wall)
    assert bool(placed.fold[0]) == (back == wall and first != second)
    expected = second if later and placed.fold[0] else first
    assert EPOCH.replace(tzinfo=UTC) + timedelta(microseconds=int(placed.utc[0])) == expected


@settings(deadline=None)
@given(st.datetimes(datetime(1970, 1, 1), datetime(2099, 1, 1)))  # noqa: DTZ001
def test_text_and_parsed_cells_read_alike(moment: datetime) -> None:
    reader = TimeReader((), ZoneInfo("UTC"))
    text = pa.array([moment.isoformat(sep=" ")])
    assert reader.read(text).array() == reader.read(text.cast(pa.timestamp("us"))).array()
