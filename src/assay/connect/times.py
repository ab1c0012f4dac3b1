"""Reading times: ISO 8601 and strptime formats, for whole columns, each bad value told apart.

A format becomes one regular expression with named groups; the digits become integers and are checked
and put together in NumPy. Nothing is guessed: a value fits a format or it does not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from assay.connect.zones import Mask, Micros, to_utc

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_FULL = (
    "january february march april may june july august september october november december".split()  # noqa: SIM905
)
_OFFSET = r"(?P<z>Z|z|[+-][0-9]{2}:?(?:[0-9]{2})?)"

_DIRECTIVES: dict[str, str] = {
    "Y": "(?P<Y>[0-9]{4})",
    "y": "(?P<y>[0-9]{2})",
    "m": "(?P<m>[0-9]{1,2})",
    "d": "(?P<d>[0-9]{1,2})",
    "H": "(?P<H>[0-9]{1,2})",
    "I": "(?P<I>[0-9]{1,2})",
    "M": "(?P<M>[0-9]{1,2})",
    "S": "(?P<S>[0-9]{1,2})",
    "f": "(?P<f>[0-9]{1,9})",
    "p": "(?P<p>[AaPp][Mm])",
    "z": _OFFSET,
    "b": f"(?P<b>(?i:{'|'.join(_MONTHS)}))",
    "B": f"(?P<B>(?i:{'|'.join(_FULL)}))",
    "%": "%",
}
_COMPOUND = {"F": "%Y-%m-%d", "T": "%H:%M:%S", "D": "%m/%d/%y", "R": "%H:%M"}

ISO = (
    r"^(?P<Y>[0-9]{4})-(?P<m>[0-9]{2})-(?P<d>[0-9]{2})"
    r"(?:[ T](?P<H>[0-9]{2})(?::(?P<M>[0-9]{2})(?::(?P<S>[0-9]{2})(?:[.,](?P<f>[0-9]{1,9}))?)?)?)?"
    r" ?" + _OFFSET + r"?$"
)
"""Dates and times of ISO 8601 in the extended form, with a space allowed for the T."""


@lru_cache(maxsize=256)
def compile_format(form: str) -> str:
    """The regular expression of a strptime format; ``ValueError`` when a directive is not understood."""
    for short, long in _COMPOUND.items():
        form = form.replace(f"%{short}", long)
    pattern, at, seen = "^", 0, set()
    while at < len(form):
        letter = form[at]
        if letter == "%":
            code = form[at + 1 : at + 2]
            if code not in _DIRECTIVES:
                raise ValueError(
                    f"time format {form!r}: directive %{code} is not understood; "
                    f"use {' '.join('%' + one for one in _DIRECTIVES)}"
                )
            if code in seen and code != "%":
                raise ValueError(f"time format {form!r} names %{code} twice")
            seen.add(code)
            pattern += _DIRECTIVES[code]
            at += 2
        else:
            pattern += " +" if letter == " " else re.escape(letter)
            at += 1
    if not ({"Y", "y"} & seen and {"m", "b", "B"} & seen and "d" in seen):
        raise ValueError(f"time format {form!r} must hold year, month and day")
    if "I" in seen and "p" not in seen:
        raise ValueError(f"time format {form!r} has %I, which needs %p")
    return pattern + "$"


@dataclass(frozen=True)
class Times:
    """A column of times. All arrays have its length."""

    utc: Micros
    """Microseconds since 1970 UTC; 0 where empty or bad."""
    null: Mask
    """Empty values."""
    problems: dict[str, Mask]
    """Rows at fault by reason code; only reasons that occur."""

    def array(self) -> pa.Array:
        """As Arrow timestamps; null where empty or bad."""
        none = self.null
        for mask in self.problems.values():
            none = none | mask
        values = pa.array(self.utc, pa.int64(), mask=none if none.any() else None)
        return values.cast(pa.timestamp("us", tz="UTC"))


@dataclass(frozen=True)
class TimeReader:
    """How the times of one column are read."""

    formats: tuple[str, ...]
    """strptime formats; ISO 8601 when there are none."""
    zone: ZoneInfo
    """Zone of wall times; a value with an offset of its own does not need it."""
    fold: Literal["earlier", "later", "quarantine"] = "earlier"
    gap: Literal["quarantine", "shift"] = "quarantine"
    earliest: datetime | None = None
    latest: datetime | None = None
    also_iso: bool = False
    """Take ISO 8601 as well: sources whose cells are real times hand them out that way."""

    def wanted(self) -> pa.DataType | None:
        """The type a source may deliver directly."""
        return None if self.formats else pa.timestamp("us")

    def read(self, column: pa.Array) -> Times:
        """Read a column of text, of timestamps or of dates."""
        null = _mask(column.is_null())
        if pa.types.is_date(column.type):
            column = column.cast(pa.timestamp("us"))
        if pa.types.is_timestamp(column.type):
            aware = column.type.tz is not None
            values = _numbers(_as_micros(column))
            return self._placed(values, null, {}, np.full(len(column), aware))
        return self._read_text(column, null)

    def _read_text(self, column: pa.Array, null: Mask) -> Times:
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        column = pc.utf8_trim_whitespace(column.cast(pa.string()))
        patterns = [compile_format(one) for one in self.formats]
        if not patterns or self.also_iso:
            patterns.append(ISO)
        count = len(column)
        wall = np.zeros(count, np.int64)
        aware = np.zeros(count, bool)
        left = ~null
        for pattern in patterns:
            if not left.any():
                break
            at = np.flatnonzero(left)
            some = column if len(at) == count else column.take(pa.array(at))
            values, good, has_offset = _parse(some, pattern)
            hit = at[good]
            wall[hit], aware[hit] = values[good], has_offset[good]
            left[hit] = False
        problems = {"unparsable-time": left} if left.any() else {}
        return self._placed(wall, null, problems, aware)

    def _placed(self, wall: Micros, null: Mask, problems: dict[str, Mask], aware: Mask) -> Times:
        out = null.copy()
        for mask in problems.values():
            out |= mask
        wall = np.where(out, 0, wall)
        local = ~(aware | out)
        if not local.any():
            utc = wall
        else:
            placed = to_utc(wall, self.zone, later=self.fold == "later")
            utc = np.where(local, placed.utc, wall)
            if self.gap == "quarantine":
                _note(problems, "nonexistent-time", placed.gap & local)
            if self.fold == "quarantine":
                _note(problems, "ambiguous-time", placed.fold & local)
        for bound, beyond in ((self.earliest, np.less), (self.latest, np.greater_equal)):
            if bound is not None:
                _note(problems, "time-out-of-range", beyond(utc, micros(bound)) & ~out)
        return Times(utc, null, problems)


def micros(moment: datetime) -> int:
    """Microseconds since 1970 UTC of an aware time."""
    from assay.connect.zones import _EPOCH, _MICRO

    return (moment - _EPOCH) // _MICRO


def _note(problems: dict[str, Mask], reason: str, mask: Mask) -> None:
    if mask.any():
        problems[reason] = problems[reason] | mask if reason in problems else mask


def _mask(array: pa.Array) -> Mask:
    result: Mask = array.to_numpy(zero_copy_only=False)
    return result


def _as_micros(column: pa.Array) -> pa.Array:
    """Timestamps of any unit as microseconds, finer digits cut off."""
    return column.cast(pa.timestamp("us", tz=column.type.tz), safe=False).cast(pa.int64())


def _numbers(column: pa.Array) -> Micros:
    filled = column.fill_null(0) if column.null_count else column
    return np.asarray(filled.to_numpy(zero_copy_only=False), np.int64)


def _parse(column: pa.Array, pattern: str) -> tuple[Micros, Mask, Mask]:
    """Microseconds, whether the value fits, and whether they are UTC already (an offset was given)."""
    count = len(column)
    parts = pc.extract_regex(column, pattern=pattern)
    good = ~_mask(parts.is_null())
    names = [parts.type.field(at).name for at in range(parts.type.num_fields)]
    found = {name: parts.field(at) for at, name in enumerate(names)}
    none = np.zeros(count, np.int64)

    def digits(name: str) -> Micros:
        return _digits(found[name], good) if name in found else none

    if "Y" in found:
        year = digits("Y")
    else:
        short = digits("y")
        year = np.where(short < 69, 2000 + short, 1900 + short)  # POSIX strptime
    month = digits("m")
    for name, words in (("b", _MONTHS), ("B", _FULL)):
        if name in found:
            month = _words(found[name], words)
    day, hour, minute, second = digits("d"), digits("H"), digits("M"), digits("S")
    if "I" in found:
        twelve = digits("I")
        good &= (twelve >= 1) & (twelve <= 12)
        afternoon = _mask(pc.starts_with(pc.utf8_lower(found["p"]), "p").fill_null(False))
        hour = twelve % 12 + 12 * afternoon
    good &= (month >= 1) & (month <= 12) & (day >= 1) & (hour < 24) & (minute < 60) & (second < 60)
    good &= (year >= 1) & (day <= _month_length(year, month))
    values = _days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second
    values = values * 1_000_000 + (_fraction(found["f"], good) if "f" in found else 0)
    has_offset = np.zeros(count, bool)
    if "z" in found:
        shift, has_offset, sound = _offsets(found["z"])
        values = values - shift * 60_000_000
        good &= sound
    return values, good, has_offset & good


def _digits(column: pa.Array, good: Mask) -> Micros:
    """Integers of digit groups; 0 where the group is empty or the row does not fit."""
    empty = pc.or_kleene(pc.equal(column, ""), column.is_null()).fill_null(True)
    filled = pc.if_else(pc.or_(empty, pa.array(~good)), "0", column)
    return np.asarray(filled.cast(pa.int64()).to_numpy(zero_copy_only=False), np.int64)


def _fraction(column: pa.Array, good: Mask) -> Micros:
    """Microseconds of a fraction's digits; digits after the sixth are cut off."""
    six = pc.utf8_slice_codeunits(pc.utf8_rpad(column, 6, "0"), 0, 6)
    return _digits(pc.if_else(pc.equal(column, ""), "0", six), good)


def _words(column: pa.Array, words: Sequence[str]) -> Micros:
    at = pc.index_in(pc.utf8_lower(column), value_set=pa.array(list(words)))
    return np.asarray(at.fill_null(-1).to_numpy(zero_copy_only=False), np.int64) + 1


def _offsets(column: pa.Array) -> tuple[Micros, Mask, Mask]:
    """Minutes east of UTC, whether there is an offset, and whether it is a sound one."""
    coded = column.dictionary_encode()
    shift, given, sound = [0], [False], [True]
    for text in coded.dictionary.to_pylist():
        digits = text.lstrip("+-").replace(":", "") if text and text not in {"Z", "z"} else ""
        hours, minutes = int(digits[:2] or 0), int(digits[2:] or 0)
        shift.append((hours * 60 + minutes) * (-1 if text.startswith("-") else 1))
        given.append(text != "")
        sound.append(hours < 24 and minutes < 60)
    at = np.asarray(coded.indices.fill_null(-1).to_numpy(zero_copy_only=False), np.int64) + 1
    return np.array(shift, np.int64)[at], np.array(given)[at], np.array(sound)[at]


def _month_length(year: Micros, month: Micros) -> Micros:
    lengths = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], np.int64)
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    within = np.clip(month, 0, 12)
    result: Micros = lengths[within] + ((within == 2) & leap)
    return result


def _days(year: Micros, month: Micros, day: Micros) -> npt.NDArray[np.int64]:
    """Days since 1970-01-01 in the proleptic Gregorian calendar.

    Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil.
    """
    shifted = year - (month <= 2)
    era = shifted // 400
    of_era = shifted - era * 400
    of_year = (153 * (month + np.where(month > 2, -3, 9)) + 2) // 5 + day - 1
    result: npt.NDArray[np.int64] = (
        era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468
    )
    return result
