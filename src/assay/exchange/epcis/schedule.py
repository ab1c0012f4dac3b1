"""When a standing query is due: the schedule of EPCIS 2.0, section 8.2.5.3."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from assay.exchange.epcis.faults import ExchangeError

_RANGES: Final = {
    "second": (0, 59),
    "minute": (0, 59),
    "hour": (0, 23),
    "dayOfMonth": (1, 31),
    "month": (1, 12),
    "dayOfWeek": (1, 7),
}
_ELEMENT: Final = re.compile(r"(?:(\d{1,2})|\[(\d{1,2})-(\d{1,2})\])")
_FARTHEST: Final = 366 * 8
"""Days looked ahead; the 29th of February comes within eight years."""


@dataclass(frozen=True)
class Schedule:
    """The values each field of a moment may have."""

    second: frozenset[int]
    minute: frozenset[int]
    hour: frozenset[int]
    day_of_month: frozenset[int]
    month: frozenset[int]
    day_of_week: frozenset[int]

    def next_after(self, moment: datetime, zone: str) -> datetime | None:
        """The first moment after ``moment``, by the wall clock of ``zone``; None: there is none."""
        local = moment.astimezone(ZoneInfo(zone)).replace(microsecond=0) + timedelta(seconds=1)
        for days in range(_FARTHEST):
            day = local.date() + timedelta(days=days)
            if not self._has_day(day.day, day.month, day.isoweekday()):
                continue
            for hour in sorted(self.hour):
                for minute in sorted(self.minute):
                    for second in sorted(self.second):
                        found = datetime(
                            day.year, day.month, day.day, hour, minute, second, tzinfo=ZoneInfo(zone)
                        )
                        if days or found.timetz().replace(tzinfo=None) >= local.timetz().replace(tzinfo=None):
                            return found.astimezone(UTC)
        return None

    def _has_day(self, day: int, month: int, weekday: int) -> bool:
        return day in self.day_of_month and month in self.month and weekday in self.day_of_week


def parse_schedule(fields: Mapping[str, Any]) -> Schedule:
    """A schedule from its fields: numbers, lists ``1,5`` and ranges ``[1-5]``.

    A field that is left out may have any value; the fields finer than the finest that is given are 0, so that
    ``{"hour": "1", "minute": "5"}`` is once a day.

    Raises
    ------
    ExchangeError
        A field is unknown or has a value outside its range, or none is given.
    """
    unknown = set(fields) - set(_RANGES)
    if unknown or not fields:
        why = f"unknown fields {sorted(unknown)}" if unknown else "the schedule is empty"
        raise ExchangeError("SubscriptionControlsException", "not-a-subscription", why=why)
    given = {name: _values(name, str(value)) for name, value in fields.items()}
    finest = next(number for number, name in enumerate(_RANGES) if name in given)
    values = {
        name: given.get(name, frozenset({low}) if number < finest else frozenset(range(low, high + 1)))
        for number, (name, (low, high)) in enumerate(_RANGES.items())
    }
    return Schedule(*values.values())


def _values(name: str, text: str) -> frozenset[int]:
    low, high = _RANGES[name]
    found: set[int] = set()
    for element in text.split(","):
        match = _ELEMENT.fullmatch(element.strip())
        start, end = (0, -1)
        if match is not None:
            start, end = int(match[1] or match[2]), int(match[1] or match[3])
        if match is None or not low <= start <= end <= high:
            raise ExchangeError(
                "SubscriptionControlsException",
                "not-a-subscription",
                why=f"{name} is {text!r}; it is a number, a list or a range from {low} to {high}",
            )
        found.update(range(start, end + 1))
    return frozenset(found)
