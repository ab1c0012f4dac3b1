"""Dates inside codes: a small format language that can be read back.

========  ==========================================================
``yyyy``  year
``yy``    last two digits of the year
``y``     last digit of the year
``mm``    month, 01 to 12
``m``     month, 1 to 9, A, B, C
``dd``    day of the month, 01 to 31
``d``     day of the month, 1 to 9, A to V
``jjj``   day of the year, 001 to 366
``ww``    ISO week, 01 to 53; the year is then that of ISO 8601
``e``     ISO day of the week, 1 to 7
``hh``    hour, ``mi`` minute, ``ss`` second
========  ==========================================================

Anything else but a letter stands for itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property

from assay.model.codes.check_schemes import ALPHANUMERIC, DIGITS

_TOKEN = re.compile(r"yyyy|yy|y|jjj|mm|mi|m|dd|d|ww|e|hh|ss|[^A-Za-z{}]")
_WIDTHS = {"yyyy": 4, "jjj": 3}
_ONE = {"y", "m", "d", "e"}
_RADIX = ALPHANUMERIC[:32]
_DAYS = ({"month", "day"}, {"yearday"}, {"week", "weekday"})
_PARTS = {
    "yyyy": "year", "yy": "year", "y": "year", "mm": "month", "m": "month", "dd": "day", "d": "day",
    "jjj": "yearday", "ww": "week", "e": "weekday", "hh": "hour", "mi": "minute", "ss": "second",
}  # fmt: skip
RESETS: dict[str, tuple[set[str], ...]] = {
    "year": (set(),),
    "month": ({"month"},),
    "week": ({"week"},),
    "day": _DAYS,
    "hour": tuple(one | {"hour"} for one in _DAYS),
}
"""What a format has to show, beside the year, so that a series may begin anew with each such period."""

_LEEWAY = timedelta(days=366)


@dataclass(frozen=True)
class DateFormat:
    """A date format, taken apart.

    Raises
    ------
    ValueError
        The format has an unknown letter, no year, a part twice, or parts that make no date together.
    """

    text: str

    def __post_init__(self) -> None:
        if "".join(_TOKEN.findall(self.text)) != self.text:
            raise ValueError(f"the date format {self.text!r} has letters that stand for nothing")
        shown = [_PARTS[one] for one in self.tokens if one in _PARTS]
        if len(set(shown)) != len(shown):
            raise ValueError(f"the date format {self.text!r} shows a part of the date twice")
        days = set(shown) - {"year", "hour", "minute", "second"}
        clock = [one in shown for one in ("hour", "minute", "second")]
        if "year" not in shown:
            raise ValueError(f"the date format {self.text!r} shows no year, so it could not be read back")
        if days and days not in ({"month"}, {"week"}, *_DAYS):
            raise ValueError(f"the parts of the date format {self.text!r} make no date together")
        if clock != sorted(clock, reverse=True) or (clock[0] and days not in _DAYS):
            raise ValueError(f"the date format {self.text!r} shows a time without what is above it")

    @cached_property
    def tokens(self) -> tuple[str, ...]:
        """Its parts, in order."""
        return tuple(_TOKEN.findall(self.text))

    @cached_property
    def shown(self) -> frozenset[str]:
        """What it shows: ``year``, ``month``, ``day``, ``yearday``, ``week``, ``weekday``, ``hour`` …"""
        return frozenset(_PARTS[one] for one in self.tokens if one in _PARTS)

    @cached_property
    def characters(self) -> tuple[str, ...]:
        """The characters that may stand at each place."""
        places: list[str] = []
        for token in self.tokens:
            plain = _RADIX if token in {"m", "d"} else DIGITS
            places += [plain] * self._width(token) if token in _PARTS else [token]
        return tuple(places)

    def allows(self, reset: str) -> bool:
        """Whether it shows enough for a series that begins anew with each ``reset``."""
        return any(needed <= self.shown for needed in RESETS[reset])

    def write(self, moment: datetime) -> str:
        """The text of a moment, which is taken as it is: no zone is converted."""
        return "".join(self._written(token, moment) for token in self.tokens)

    def period(self, moment: datetime, reset: str) -> str:
        """The text of what tells one period of ``reset`` from the next, as far as the format shows it."""
        needed = {"year"} | next(one for one in RESETS[reset] if one <= self.shown)
        return "".join(self._written(one, moment) for one in self.tokens if _PARTS.get(one) in needed)

    def truncated(self, moment: datetime) -> datetime:
        """The first moment with the same text, if the years are told apart."""
        return self._start(self._values(moment), self._iso_or_plain_year(moment))

    def read(self, text: str, today: date) -> datetime:
        """The first moment that is written ``text``, without a zone.

        A year of one or two digits is the latest that lies at most a year after ``today``.

        Raises
        ------
        ValueError
            ``text`` is no such date.
        """
        values: dict[str, int] = {}
        year, digits, rest = 0, 4, text
        for token in self.tokens:
            part, rest = rest[: self._width(token)], rest[self._width(token) :]
            if token not in _PARTS:
                if part != token:
                    raise ValueError(f"{text!r} is not of the form {self.text!r}")
            elif _PARTS[token] == "year":
                year, digits = int(part), len(part)
            else:
                values[_PARTS[token]] = _RADIX.index(part) if token in {"m", "d"} else int(part)
        if digits == 4:
            return self._start(values, year)
        limit = datetime(today.year, today.month, today.day, tzinfo=UTC).replace(tzinfo=None) + _LEEWAY
        span = 10**digits
        last = limit.year - (limit.year - year) % span
        for candidate in (last, last - span, last - 4 * span, last - 8 * span):
            try:
                found = self._start(values, candidate)
            except ValueError:
                continue
            if found <= limit:
                return found
        return self._start(values, last)

    def _width(self, token: str) -> int:
        return _WIDTHS.get(token, 1 if token in _ONE or token not in _PARTS else 2)

    def _iso_or_plain_year(self, moment: datetime) -> int:
        return moment.isocalendar().year if "week" in self.shown else moment.year

    def _values(self, moment: datetime) -> dict[str, int]:
        calendar = moment.isocalendar()
        return {
            "month": moment.month,
            "day": moment.day,
            "yearday": moment.timetuple().tm_yday,
            "week": calendar.week,
            "weekday": calendar.weekday,
            "hour": moment.hour,
            "minute": moment.minute,
            "second": moment.second,
        }

    def _written(self, token: str, moment: datetime) -> str:
        part = _PARTS.get(token)
        if part is None:
            return token
        width = self._width(token)
        if part == "year":
            return f"{self._iso_or_plain_year(moment):04d}"[-width:]
        value = self._values(moment)[part]
        return _RADIX[value] if token in {"m", "d"} else f"{value:0{width}d}"

    def _start(self, values: dict[str, int], year: int) -> datetime:
        shown = {name: value for name, value in values.items() if name in self.shown}
        if "yearday" in shown:
            day = date(year, 1, 1) + timedelta(days=shown["yearday"] - 1)
            if day.year != year or shown["yearday"] < 1:
                raise ValueError(f"{year} has no day {shown['yearday']}")
        elif "week" in shown:
            day = date.fromisocalendar(year, shown["week"], shown.get("weekday", 1))
        else:
            day = date(year, shown.get("month", 1), shown.get("day", 1))
        hour, minute, second = (shown.get(name, 0) for name in ("hour", "minute", "second"))
        return datetime(day.year, day.month, day.day, hour, minute, second)  # noqa: DTZ001 - a code says no zone
